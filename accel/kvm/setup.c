/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a VM: one table of steps, in order, each an ioctl or a capability that must (or may) be
 * there. tests/unit/test-kvm-setup.c replays it with an ioctl function of its own, since Intel's
 * extra calls cannot be tried where only AMD's SVM exists.
 */
#include "qemu/osdep.h"
#include <cpuid.h>
#include <sys/ioctl.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/kvm-x86-layout.h"
#include "kvm-int.h"

static int real_ioctl(int fd, unsigned long request, void *arg)
{
    return ioctl(fd, request, arg);
}

static int real_open(const char *path)
{
    return open(path, O_RDWR | O_CLOEXEC);
}

kvm_ioctl_fn kvm_ioctl = real_ioctl;
kvm_open_fn kvm_open = real_open;

int kvm_call(int fd, unsigned long request, void *arg)
{
    int ret;

    do {
        ret = kvm_ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

static int step_failed(const KvmSetupStep *step, int ret, Error **errp)
{
    error_setg_errno(errp, -ret, "KVM: %s failed", step->name);
    return ret;
}

static int check_api_version(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int version = kvm_call(vm->kvm_fd, step->request, NULL);

    if (version < 0) {
        return step_failed(step, version, errp);
    }
    if (version != KVM_API_VERSION) {
        error_setg(errp, "KVM: the kernel's API has version %d, need %d", version,
                   KVM_API_VERSION);
        return -EINVAL;
    }
    return 0;
}

static int create_vm(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int fd = kvm_call(vm->kvm_fd, step->request, KVM_ARG(0));

    if (fd < 0) {
        return step_failed(step, fd, errp);
    }
    vm->vm_fd = fd;
    return 0;
}

static int get_vcpu_mmap_size(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int size = kvm_call(vm->kvm_fd, step->request, NULL);

    if (size < (int)sizeof(struct kvm_run)) {
        return step_failed(step, size < 0 ? size : -EINVAL, errp);
    }
    vm->vcpu_mmap_size = size;
    return 0;
}

static int check_capability(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int value = kvm_call(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_ARG(step->number));

    if (value <= 0 && !step->optional) {
        error_setg(errp, "KVM: the host's kernel lacks %s, which is needed", step->name);
        return -ENOTSUP;
    }
    value = MAX(value, 0);
    if (step->result && step->result_is_flag) {
        *(bool *)((char *)vm + step->result) = value > 0;
    } else if (step->result) {
        *(int *)((char *)vm + step->result) = value;
    }
    return 0;
}

static int vm_ioctl_number(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int ret = kvm_call(vm->vm_fd, step->request, KVM_ARG(step->number));

    return ret < 0 ? step_failed(step, ret, errp) : 0;
}

static int set_identity_map(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    uint64_t address = KVM_X86_IDENTITY_MAP_ADDR;
    int ret = kvm_call(vm->vm_fd, step->request, &address);

    return ret < 0 ? step_failed(step, ret, errp) : 0;
}

static int create_pit(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int ret = kvm_call(vm->vm_fd, step->request, &config);

    return ret < 0 ? step_failed(step, ret, errp) : 0;
}

static void add_route(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry) {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* A PC's wiring: the PIT (GSI 0) is the IOAPIC's pin 2 as the MADT says; the PICs cascade by 2. */
static int set_gsi_routing(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    g_autofree struct kvm_irq_routing *table =
        g_malloc0(sizeof(*table) +
                  (KVM_NB_IOAPIC_PINS + KVM_NB_PIC_PINS) * sizeof(table->entries[0]));
    int ret;

    for (unsigned gsi = 0; gsi < KVM_NB_IOAPIC_PINS; gsi++) {
        if (gsi == 2) {
            continue;
        }
        if (gsi < KVM_NB_PIC_PINS) {
            add_route(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                      gsi % 8);
        }
        add_route(table, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : 2);
    }
    ret = kvm_call(vm->vm_fd, step->request, table);
    return ret < 0 ? step_failed(step, ret, errp) : 0;
}

/* KVM tells by E2BIG that the buffer was too small; @size is right when it no longer does. */
static int get_supported_cpuid(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    unsigned nent = 128;
    int ret;

    for (;;) {
        g_free(vm->cpuid);
        vm->cpuid = g_malloc0(sizeof(*vm->cpuid) + nent * sizeof(vm->cpuid->entries[0]));
        vm->cpuid->nent = nent;
        ret = kvm_call(vm->kvm_fd, step->request, vm->cpuid);
        if (ret != -E2BIG || nent > 4096) {
            return ret < 0 ? step_failed(step, ret, errp) : 0;
        }
        nent *= 2;
    }
}

static int get_msr_list(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    struct kvm_msr_list probe = { .nmsrs = 0 };
    int ret = kvm_call(vm->kvm_fd, step->request, &probe);

    if (ret < 0 && ret != -E2BIG) {
        return step_failed(step, ret, errp);
    }
    vm->msrs = g_malloc0(sizeof(*vm->msrs) + probe.nmsrs * sizeof(vm->msrs->indices[0]));
    vm->msrs->nmsrs = probe.nmsrs;
    ret = kvm_call(vm->kvm_fd, step->request, vm->msrs);
    return ret < 0 ? step_failed(step, ret, errp) : 0;
}

#define NEED(cap) \
    { .name = #cap, .run = check_capability, .request = KVM_CHECK_EXTENSION, .number = cap }
#define NEED_VALUE(cap, member) \
    { .name = #cap, .run = check_capability, .request = KVM_CHECK_EXTENSION, .number = cap, \
      .result = offsetof(KvmVm, member) }
#define VALUE_IF_ANY(cap, member) \
    { .name = #cap, .run = check_capability, .request = KVM_CHECK_EXTENSION, .number = cap, \
      .optional = true, .result = offsetof(KvmVm, member) }
#define FLAG_IF_ANY(cap, member) \
    { .name = #cap, .run = check_capability, .request = KVM_CHECK_EXTENSION, .number = cap, \
      .optional = true, .result = offsetof(KvmVm, member), .result_is_flag = true }
#define CALL(fn, req) { .name = #req, .run = fn, .request = req }

const KvmSetupStep kvm_setup_steps[] = {
    CALL(check_api_version, KVM_GET_API_VERSION),
    CALL(create_vm, KVM_CREATE_VM),
    CALL(get_vcpu_mmap_size, KVM_GET_VCPU_MMAP_SIZE),

    NEED(KVM_CAP_USER_MEMORY),
    NEED(KVM_CAP_DESTROY_MEMORY_REGION_WORKS),
    NEED(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS),
    NEED(KVM_CAP_SET_TSS_ADDR),
    NEED(KVM_CAP_SET_IDENTITY_MAP_ADDR),
    NEED(KVM_CAP_EXT_CPUID),
    NEED(KVM_CAP_IRQCHIP),
    NEED(KVM_CAP_IRQ_ROUTING),
    NEED(KVM_CAP_PIT2),
    NEED(KVM_CAP_PIT_STATE2),
    NEED(KVM_CAP_SIGNAL_MSI),
    NEED(KVM_CAP_IOEVENTFD),
    NEED(KVM_CAP_MP_STATE),
    NEED(KVM_CAP_VCPU_EVENTS),
    NEED(KVM_CAP_DEBUGREGS),
    NEED(KVM_CAP_ADJUST_CLOCK),
    NEED(KVM_CAP_IMMEDIATE_EXIT),
    NEED_VALUE(KVM_CAP_NR_MEMSLOTS, nr_memslots),
    NEED_VALUE(KVM_CAP_NR_VCPUS, recommended_vcpus),
    VALUE_IF_ANY(KVM_CAP_MAX_VCPUS, max_vcpus),
    VALUE_IF_ANY(KVM_CAP_XSAVE2, xsave2_size),
    FLAG_IF_ANY(KVM_CAP_XSAVE, has_xsave),
    FLAG_IF_ANY(KVM_CAP_XCRS, has_xcrs),
    FLAG_IF_ANY(KVM_CAP_READONLY_MEM, has_readonly_mem),
    FLAG_IF_ANY(KVM_CAP_TSC_DEADLINE_TIMER, has_tsc_deadline),
    FLAG_IF_ANY(KVM_CAP_KVMCLOCK_CTRL, has_kvmclock_ctrl),
    FLAG_IF_ANY(KVM_CAP_NESTED_STATE, has_nested_state),
    FLAG_IF_ANY(KVM_CAP_MCE, has_mce),

    /* Pages that Intel processors need in guest memory; both before the first vCPU. */
    CALL(set_identity_map, KVM_SET_IDENTITY_MAP_ADDR),
    { .name = "KVM_SET_TSS_ADDR", .run = vm_ioctl_number, .request = KVM_SET_TSS_ADDR,
      .number = KVM_X86_TSS_ADDR },
    CALL(vm_ioctl_number, KVM_CREATE_IRQCHIP),
    CALL(create_pit, KVM_CREATE_PIT2),
    CALL(set_gsi_routing, KVM_SET_GSI_ROUTING),
    CALL(get_supported_cpuid, KVM_GET_SUPPORTED_CPUID),
    CALL(get_msr_list, KVM_GET_MSR_INDEX_LIST),
};
const unsigned kvm_nb_setup_steps = ARRAY_SIZE(kvm_setup_steps);

static void explain_open_error(int err, Error **errp)
{
    if (err == ENOENT || err == ENODEV || err == ENXIO) {
        error_setg(errp, "Could not access KVM kernel module: %s: there is no /dev/kvm; enable "
                   "virtualization (VT-x or AMD-V) in the firmware and load the module: 'modprobe "
                   "kvm-intel' or 'modprobe kvm-amd'", g_strerror(err));
    } else if (err == EACCES || err == EPERM) {
        error_setg(errp, "Could not access KVM kernel module: %s: /dev/kvm is not accessible to "
                   "this user; add it to the group 'kvm' ('adduser USER kvm') or run as root",
                   g_strerror(err));
    } else {
        error_setg(errp, "Could not access KVM kernel module: %s", g_strerror(err));
    }
}

/* Some hosts offer a /dev/kvm that runs kernels made for it, and has others hang without a word. */
static void warn_without_hardware_virtualization(void)
{
    unsigned eax, ebx, ecx, edx;
    bool vmx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & (1u << 5);
    bool svm = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & (1u << 2);

    if (!vmx && !svm) {
        warn_report("KVM: this processor shows no hardware virtualization (vmx, svm): a kernel that "
                    "is not made for such a host (kvm_pvm) will not boot");
    }
}

int kvm_vm_init(KvmVm *vm, Error **errp)
{
    vm->vm_fd = -1;
    vm->kvm_fd = kvm_open("/dev/kvm");
    if (vm->kvm_fd < 0) {
        int err = errno;

        explain_open_error(err, errp);
        return -err;
    }
    for (unsigned i = 0; i < kvm_nb_setup_steps; i++) {
        int ret = kvm_setup_steps[i].run(vm, &kvm_setup_steps[i], errp);

        if (ret < 0) {
            kvm_vm_cleanup(vm);
            return ret;
        }
    }
    if (!vm->max_vcpus) {
        vm->max_vcpus = vm->recommended_vcpus;
    }
    vm->vcpus = g_ptr_array_new();
    warn_without_hardware_virtualization();
    return 0;
}

void kvm_vm_cleanup(KvmVm *vm)
{
    g_clear_pointer(&vm->vcpus, g_ptr_array_unref);
    g_clear_pointer(&vm->cpuid, g_free);
    g_clear_pointer(&vm->msrs, g_free);
    if (vm->vm_fd >= 0) {
        close(vm->vm_fd);
        vm->vm_fd = -1;
    }
    if (vm->kvm_fd >= 0) {
        close(vm->kvm_fd);
        vm->kvm_fd = -1;
    }
}
