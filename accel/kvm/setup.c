/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a VM: a table of steps, in order, each an ioctl or a capability that must (or may) be
 * there, and then the target's table. tests/unit/test-kvm-setup.c replays both with an ioctl
 * function of its own, since Intel's extra calls cannot be tried where only AMD's SVM exists.
 */
#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
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

void kvm_report(int ret, const char *what)
{
    if (ret < 0) {
        error_report("KVM: %s failed: %s", what, g_strerror(-ret));
    }
}

int kvm_step_failed(const KvmSetupStep *step, int ret, Error **errp)
{
    error_setg_errno(errp, -ret, "KVM: %s failed", step->name);
    return ret;
}

static int check_api_version(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int version = kvm_call(vm->kvm_fd, step->request, NULL);

    if (version < 0) {
        return kvm_step_failed(step, version, errp);
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
        return kvm_step_failed(step, fd, errp);
    }
    vm->vm_fd = fd;
    return 0;
}

static int get_vcpu_mmap_size(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int size = kvm_call(vm->kvm_fd, step->request, NULL);

    if (size < (int)sizeof(struct kvm_run)) {
        return kvm_step_failed(step, size < 0 ? size : -EINVAL, errp);
    }
    vm->vcpu_mmap_size = size;
    return 0;
}

int kvm_step_check_capability(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    char *base = step->result_in_target ? (char *)vm->target : (char *)vm;
    int value = kvm_call(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_ARG(step->number));

    if (value <= 0 && !step->optional) {
        error_setg(errp, "KVM: the host's kernel lacks %s, which is needed", step->name);
        return -ENOTSUP;
    }
    value = MAX(value, 0);
    if (step->keep_result && step->result_is_flag) {
        *(bool *)(base + step->result) = value > 0;
    } else if (step->keep_result) {
        *(int *)(base + step->result) = value;
    }
    return 0;
}

int kvm_step_vm_ioctl_number(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    int ret = kvm_call(vm->vm_fd, step->request, KVM_ARG(step->number));

    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

#define VALUE(cap, member) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap, KVM_RESULT(KvmVm, member) }
#define VALUE_IF_ANY(cap, member) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap, .optional = true, KVM_RESULT(KvmVm, member) }
#define FLAG_IF_ANY(cap, member) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap, .optional = true, .result_is_flag = true, KVM_RESULT(KvmVm, member) }

const KvmSetupStep kvm_setup_steps[] = {
    KVM_CALL(check_api_version, KVM_GET_API_VERSION),
    KVM_CALL(create_vm, KVM_CREATE_VM),
    KVM_CALL(get_vcpu_mmap_size, KVM_GET_VCPU_MMAP_SIZE),

    KVM_NEED(KVM_CAP_USER_MEMORY),
    KVM_NEED(KVM_CAP_DESTROY_MEMORY_REGION_WORKS),
    KVM_NEED(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS),
    KVM_NEED(KVM_CAP_IRQCHIP),
    KVM_NEED(KVM_CAP_IRQ_ROUTING),
    KVM_NEED(KVM_CAP_SIGNAL_MSI),
    KVM_NEED(KVM_CAP_IOEVENTFD),
    KVM_NEED(KVM_CAP_MP_STATE),
    KVM_NEED(KVM_CAP_VCPU_EVENTS),
    KVM_NEED(KVM_CAP_IMMEDIATE_EXIT),
    VALUE(KVM_CAP_NR_MEMSLOTS, nr_memslots),
    VALUE(KVM_CAP_NR_VCPUS, recommended_vcpus),
    VALUE_IF_ANY(KVM_CAP_MAX_VCPUS, max_vcpus),
    FLAG_IF_ANY(KVM_CAP_READONLY_MEM, has_readonly_mem),
};
const unsigned kvm_nb_setup_steps = ARRAY_SIZE(kvm_setup_steps);

static void explain_open_error(int err, Error **errp)
{
    if (err == ENOENT || err == ENODEV || err == ENXIO) {
        error_setg(errp, "Could not access KVM kernel module: %s: there is no /dev/kvm; %s",
                   g_strerror(err), kvm_target_module_advice);
    } else if (err == EACCES || err == EPERM) {
        error_setg(errp, "Could not access KVM kernel module: %s: /dev/kvm is not accessible to "
                   "this user; add it to the group 'kvm' ('adduser USER kvm') or run as root",
                   g_strerror(err));
    } else {
        error_setg(errp, "Could not access KVM kernel module: %s", g_strerror(err));
    }
}

static int run_steps(KvmVm *vm, const KvmSetupStep *steps, unsigned nb_steps, Error **errp)
{
    for (unsigned i = 0; i < nb_steps; i++) {
        int ret = steps[i].run(vm, &steps[i], errp);

        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

int kvm_vm_init(KvmVm *vm, Error **errp)
{
    int ret;

    vm->vm_fd = -1;
    vm->kvm_fd = kvm_open("/dev/kvm");
    if (vm->kvm_fd < 0) {
        int err = errno;

        explain_open_error(err, errp);
        return -err;
    }
    vm->target = kvm_target_vm_new();
    ret = run_steps(vm, kvm_setup_steps, kvm_nb_setup_steps, errp);
    if (ret >= 0) {
        ret = run_steps(vm, kvm_target_setup_steps, kvm_target_nb_setup_steps, errp);
    }
    if (ret < 0) {
        kvm_vm_cleanup(vm);
        return ret;
    }
    if (!vm->max_vcpus) {
        vm->max_vcpus = vm->recommended_vcpus;
    }
    vm->vcpus = g_ptr_array_new();
    kvm_target_warn_of_host();
    return 0;
}

void kvm_vm_cleanup(KvmVm *vm)
{
    g_clear_pointer(&vm->vcpus, g_ptr_array_unref);
    g_clear_pointer(&vm->target, kvm_target_vm_free);
    if (vm->vm_fd >= 0) {
        close(vm->vm_fd);
        vm->vm_fd = -1;
    }
    if (vm->kvm_fd >= 0) {
        close(vm->kvm_fd);
        vm->kvm_fd = -1;
    }
}
