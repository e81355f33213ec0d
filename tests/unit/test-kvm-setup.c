/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replays the tables of KVM set-up steps with an ioctl function that only records: the order
 * (Intel's pages before anything that makes a vCPU possible), the wiring of GSIs, and for each
 * step that its failure is told by name and leaves no file descriptor open.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "target/i386/kvm-layout.h"
#include "../../accel/kvm/i386/kvm-x86.h"

#define NB_SUPPORTED_CPUID 3
#define NB_MSRS 5

static GArray *calls;                /* unsigned long: requests other than capability checks */
static unsigned long failing_request;
static int failing_errno;
static long missing_capability;
static int fake_kvm_fd, fake_vm_fd;
static uint64_t identity_map_addr, tss_addr;
static uint32_t pit_flags;
static unsigned enabled;             /* bit 0: exception payloads, bit 1: triple fault events */
static struct kvm_userspace_memory_region smm_region;
static struct kvm_irq_routing *routing;

static int refuse(int err)
{
    errno = err;
    return -1;
}

static int fake_get_cpuid(struct kvm_cpuid2 *cpuid)
{
    if (cpuid->nent < NB_SUPPORTED_CPUID) {
        return refuse(E2BIG);
    }
    cpuid->nent = NB_SUPPORTED_CPUID;
    cpuid->entries[0].eax = 0xd;
    return 0;
}

static int fake_get_msr_list(struct kvm_msr_list *list)
{
    uint32_t room = list->nmsrs;

    list->nmsrs = NB_MSRS;
    if (room < NB_MSRS) {
        return refuse(E2BIG);
    }
    for (uint32_t i = 0; i < NB_MSRS; i++) {
        list->indices[i] = 0x10 + i;
    }
    return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    int expected_fd = fake_vm_fd;

    if (request == KVM_GET_API_VERSION || request == KVM_CREATE_VM ||
        request == KVM_GET_VCPU_MMAP_SIZE || request == KVM_GET_SUPPORTED_CPUID ||
        request == KVM_GET_MSR_INDEX_LIST) {
        expected_fd = fake_kvm_fd;
    }
    g_assert_cmpint(fd, ==, expected_fd);
    if (request == KVM_CHECK_EXTENSION) {
        return (long)(uintptr_t)arg == missing_capability ? 0 : 4096;
    }
    g_array_append_val(calls, request);
    if (request == failing_request) {
        return refuse(failing_errno);
    }
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CREATE_VM:
        fake_vm_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        return fake_vm_fd;
    case KVM_GET_VCPU_MMAP_SIZE:
        return 12288;
    case KVM_SET_IDENTITY_MAP_ADDR:
        identity_map_addr = *(uint64_t *)arg;
        return 0;
    case KVM_SET_TSS_ADDR:
        tss_addr = (uintptr_t)arg;
        return 0;
    case KVM_CREATE_PIT2:
        pit_flags = ((struct kvm_pit_config *)arg)->flags;
        return 0;
    case KVM_SET_GSI_ROUTING: {
        const struct kvm_irq_routing *table = arg;

        g_free(routing);
        routing = g_memdup2(table, sizeof(*table) + table->nr * sizeof(table->entries[0]));
        return 0;
    }
    case KVM_ENABLE_CAP:
        g_assert_cmpuint(((struct kvm_enable_cap *)arg)->args[0], ==, 1);
        enabled |= ((struct kvm_enable_cap *)arg)->cap == KVM_CAP_EXCEPTION_PAYLOAD ? 1 : 2;
        return 0;
    case KVM_SET_USER_MEMORY_REGION:
        smm_region = *(struct kvm_userspace_memory_region *)arg;
        return 0;
    case KVM_GET_SUPPORTED_CPUID:
        return fake_get_cpuid(arg);
    case KVM_GET_MSR_INDEX_LIST:
        return fake_get_msr_list(arg);
    default:
        return 0;
    }
}

static int fake_open(const char *path)
{
    g_assert_cmpstr(path, ==, "/dev/kvm");
    fake_kvm_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return fake_kvm_fd;
}

static void start_replay(KvmVm *vm)
{
    memset(vm, 0, sizeof(*vm));
    kvm_ioctl = fake_ioctl;
    kvm_open = fake_open;
    failing_request = 0;
    failing_errno = EIO;
    missing_capability = -1;
    fake_kvm_fd = fake_vm_fd = -1;
    identity_map_addr = tss_addr = pit_flags = 0;
    enabled = 0;
    smm_region = (struct kvm_userspace_memory_region) { 0 };
    g_clear_pointer(&routing, g_free);
    g_clear_pointer(&calls, g_array_unref);
    calls = g_array_new(FALSE, FALSE, sizeof(unsigned long));
}

static bool fd_is_open(int fd)
{
    return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

static int call_position(unsigned long request)
{
    for (unsigned i = 0; i < calls->len; i++) {
        if (g_array_index(calls, unsigned long, i) == request) {
            return i;
        }
    }
    g_test_message("request 0x%lx was not made", request);
    g_test_fail();
    return -1;
}

static void test_order(void)
{
    static const unsigned long expected[] = {
        KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE, KVM_ENABLE_CAP,
        KVM_ENABLE_CAP, KVM_SET_IDENTITY_MAP_ADDR,
        KVM_SET_TSS_ADDR, KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2, KVM_SET_GSI_ROUTING,
        KVM_GET_SUPPORTED_CPUID, KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_INDEX_LIST,
        KVM_SET_USER_MEMORY_REGION,
    };
    KvmVm vm;
    Error *err = NULL;

    start_replay(&vm);
    g_assert_cmpint(kvm_vm_init(&vm, &err), ==, 0);
    g_assert_null(err);
    g_assert_cmpuint(calls->len, ==, ARRAY_SIZE(expected));
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        g_assert_cmphex(g_array_index(calls, unsigned long, i), ==, expected[i]);
    }
    g_assert_cmpint(vm.nr_memslots, ==, 4096);
    g_assert_true(vm.target->has_xsave);
    g_assert_cmpint(vm.vcpu_mmap_size, ==, 12288);
    g_assert_cmpuint(vm.target->cpuid->nent, ==, NB_SUPPORTED_CPUID);
    g_assert_cmpuint(vm.target->msrs->nmsrs, ==, NB_MSRS);
    kvm_vm_cleanup(&vm);
    g_assert_false(fd_is_open(fake_kvm_fd));
    g_assert_false(fd_is_open(fake_vm_fd));
}

static void test_intel_pages(void)
{
    KvmVm vm;

    start_replay(&vm);
    g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
    g_assert_cmphex(identity_map_addr, ==, 0xfeffc000);
    g_assert_cmphex(tss_addr, ==, 0xfeffd000);
    g_assert_cmpint(call_position(KVM_SET_IDENTITY_MAP_ADDR), <, call_position(KVM_SET_TSS_ADDR));
    g_assert_cmpint(call_position(KVM_SET_TSS_ADDR), <, call_position(KVM_CREATE_IRQCHIP));
    g_assert_cmphex(identity_map_addr, >=, KVM_X86_RESERVED_BASE);
    g_assert_cmphex(tss_addr + 3 * 4096, <=, KVM_X86_RESERVED_BASE + KVM_X86_RESERVED_SIZE);
    g_assert_cmphex(pit_flags, ==, KVM_PIT_SPEAKER_DUMMY);
    kvm_vm_cleanup(&vm);
}

/* SMM's memory is in the second address space, off every address space where KVM has no SMM. */
static void test_smm_memory(void)
{
    static const long missing[] = { KVM_CAP_X86_SMM, KVM_CAP_MULTI_ADDRESS_SPACE };
    KvmVm vm;

    start_replay(&vm);
    g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
    g_assert_cmphex(smm_region.slot, ==, 1u << 16);
    g_assert_cmphex(smm_region.guest_phys_addr, ==, 0x38000);
    g_assert_cmphex(smm_region.memory_size % 4096, ==, 0);
    /* The last of 255 save areas: APIC id 254's, at SMBASE + 0xfe00, 0x200 bytes. */
    g_assert_cmphex(smm_region.guest_phys_addr + smm_region.memory_size, >=,
                    0x30000 + 254 * 0x400 + 0x10000);
    kvm_vm_cleanup(&vm);
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++) {
        start_replay(&vm);
        missing_capability = missing[i];
        g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
        g_assert_cmphex(smm_region.memory_size, ==, 0);
        kvm_vm_cleanup(&vm);
    }
}

static void test_events_are_enabled(void)
{
    KvmVm vm;

    start_replay(&vm);
    g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
    g_assert_cmpuint(enabled, ==, 3);
    kvm_vm_cleanup(&vm);
    start_replay(&vm);
    missing_capability = KVM_CAP_EXCEPTION_PAYLOAD;
    g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
    g_assert_cmpuint(enabled, ==, 2);
    kvm_vm_cleanup(&vm);
}

static int route_pin(unsigned gsi, unsigned chip)
{
    int pin = -1;

    for (uint32_t i = 0; i < routing->nr; i++) {
        const struct kvm_irq_routing_entry *entry = &routing->entries[i];

        if (entry->gsi == gsi && entry->u.irqchip.irqchip == chip) {
            g_assert_cmpint(pin, ==, -1);
            pin = entry->u.irqchip.pin;
        }
    }
    return pin;
}

static void test_gsi_routing(void)
{
    KvmVm vm;

    start_replay(&vm);
    g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
    g_assert_cmpint(route_pin(0, KVM_IRQCHIP_IOAPIC), ==, 2);
    g_assert_cmpint(route_pin(0, KVM_IRQCHIP_PIC_MASTER), ==, 0);
    g_assert_cmpint(route_pin(2, KVM_IRQCHIP_IOAPIC), ==, -1);
    g_assert_cmpint(route_pin(2, KVM_IRQCHIP_PIC_MASTER), ==, -1);
    for (int gsi = 1; gsi < 24; gsi++) {
        if (gsi == 2) {
            continue;
        }
        g_assert_cmpint(route_pin(gsi, KVM_IRQCHIP_IOAPIC), ==, gsi);
        g_assert_cmpint(route_pin(gsi, KVM_IRQCHIP_PIC_MASTER), ==, gsi < 8 ? gsi : -1);
        g_assert_cmpint(route_pin(gsi, KVM_IRQCHIP_PIC_SLAVE), ==,
                        gsi >= 8 && gsi < 16 ? gsi - 8 : -1);
    }
    kvm_vm_cleanup(&vm);
}

static void assert_init_fails(KvmVm *vm, int expected, const char *named)
{
    Error *err = NULL;
    int ret = kvm_vm_init(vm, &err);

    g_assert_cmpint(ret, ==, expected);
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), named)) {
        g_test_message("'%s' does not name %s", error_get_pretty(err), named);
        g_test_fail();
    }
    error_free(err);
    g_assert_false(fd_is_open(fake_kvm_fd));
    g_assert_false(fd_is_open(fake_vm_fd));
    g_assert_cmpint(vm->kvm_fd, ==, -1);
    g_assert_cmpint(vm->vm_fd, ==, -1);
}

static void check_steps_can_fail(const KvmSetupStep *steps, unsigned nb_steps)
{
    for (unsigned i = 0; i < nb_steps; i++) {
        const KvmSetupStep *step = &steps[i];
        KvmVm vm;

        start_replay(&vm);
        if (step->request != KVM_CHECK_EXTENSION) {
            failing_request = step->request;
            assert_init_fails(&vm, -EIO, step->name);
        } else if (!step->optional) {
            missing_capability = step->number;
            assert_init_fails(&vm, -ENOTSUP, step->name);
        } else {
            missing_capability = step->number;
            g_assert_cmpint(kvm_vm_init(&vm, &error_abort), ==, 0);
            kvm_vm_cleanup(&vm);
        }
    }
}

static void test_each_step_can_fail(void)
{
    check_steps_can_fail(kvm_setup_steps, kvm_nb_setup_steps);
    check_steps_can_fail(kvm_target_setup_steps, kvm_target_nb_setup_steps);
}

static int open_errno;

static int failing_open(const char *path)
{
    return refuse(open_errno);
}

static void test_no_device(void)
{
    KvmVm vm;

    start_replay(&vm);
    kvm_open = failing_open;
    open_errno = ENOENT;
    assert_init_fails(&vm, -ENOENT, "modprobe kvm-intel");
    open_errno = EACCES;
    assert_init_fails(&vm, -EACCES, "group 'kvm'");
    open_errno = EMFILE;
    assert_init_fails(&vm, -EMFILE, "Too many open files");
    g_assert_cmpuint(calls->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/setup/order", test_order);
    g_test_add_func("/kvm/setup/intel-pages", test_intel_pages);
    g_test_add_func("/kvm/setup/smm-memory", test_smm_memory);
    g_test_add_func("/kvm/setup/events-are-enabled", test_events_are_enabled);
    g_test_add_func("/kvm/setup/gsi-routing", test_gsi_routing);
    g_test_add_func("/kvm/setup/each-step-can-fail", test_each_step_can_fail);
    g_test_add_func("/kvm/setup/no-device", test_no_device);
    return g_test_run();
}
