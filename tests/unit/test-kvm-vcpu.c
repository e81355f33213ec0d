/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vCPU of the KVM accelerator on an ioctl function that only records: which events travel
 * between KVM's structure and the CPU object for what the KVM offers, what a reset writes, and what
 * is said of an exit that nobody knows.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "../../accel/kvm/i386/kvm-x86.h"

#define ALL_EVENT_FLAGS (KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | \
                         KVM_VCPUEVENT_VALID_SMM | KVM_VCPUEVENT_VALID_PAYLOAD | \
                         KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

static struct {
    KvmTargetVm target;
    KvmVm vm;
    KvmVcpu vcpu;
    struct kvm_run run;
    struct kvm_vcpu_events events;      /* what KVM has */
    unsigned nb_gets;
} fake;

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_SET_VCPU_EVENTS:
        fake.events = *(struct kvm_vcpu_events *)arg;
        return 0;
    case KVM_GET_VCPU_EVENTS:
        *(struct kvm_vcpu_events *)arg = fake.events;
        fake.nb_gets++;
        return 0;
    case KVM_GET_REGS:
        ((struct kvm_regs *)arg)->rip = 0x1234;
        return 0;
    default:
        errno = EINVAL;
        return -1;
    }
}

/* A vCPU of a KVM that has all, or nothing, of what is optional. */
static X86Events *make_vcpu(bool has_all)
{
    memset(&fake, 0, sizeof(fake));
    kvm_ioctl = fake_ioctl;
    fake.target.has_smm = fake.target.has_exception_payload = has_all;
    fake.target.has_triple_fault_event = has_all;
    fake.vm.target = &fake.target;
    fake.vcpu.vm = &fake.vm;
    fake.vcpu.run = &fake.run;
    fake.vcpu.cpu = CPU(object_new(X86_CPU_DEFAULT_TYPE));
    X86_CPU(fake.vcpu.cpu)->apic_id = 3;
    return &X86_CPU(fake.vcpu.cpu)->env.events;
}

static void drop_vcpu(void)
{
    object_unref(OBJECT(fake.vcpu.cpu));
}

/* A pending page fault with its address goes to KVM as it is, and comes back so. */
static void test_payload(void)
{
    X86Events *events = make_vcpu(true);

    events->exception_pending = events->exception_has_payload = true;
    events->exception_has_error_code = true;
    events->exception_nr = 14;
    events->exception_error_code = 2;
    events->exception_payload = UINT64_C(0xfedcba9876543210);
    g_assert_cmpint(kvm_x86_put_events(&fake.vcpu), ==, 0);
    g_assert_cmphex(fake.events.flags, ==, ALL_EVENT_FLAGS);
    g_assert_cmpuint(fake.events.exception.injected, ==, 0);
    g_assert_cmpuint(fake.events.exception.pending, ==, 1);
    g_assert_cmpuint(fake.events.exception_has_payload, ==, 1);
    g_assert_cmphex(fake.events.exception_payload, ==, UINT64_C(0xfedcba9876543210));

    memset(events, 0, sizeof(*events));
    g_assert_cmpint(kvm_x86_get_events(&fake.vcpu), ==, 0);
    g_assert_true(events->exception_pending);
    g_assert_false(events->exception_injected);
    g_assert_true(events->exception_has_payload);
    g_assert_cmphex(events->exception_payload, ==, UINT64_C(0xfedcba9876543210));
    g_assert_cmpuint(events->exception_nr, ==, 14);
    g_assert_cmpuint(events->exception_error_code, ==, 2);
    drop_vcpu();
}

/* A KVM without payloads knows injected exceptions only. */
static void test_without_payload(void)
{
    X86Events *events = make_vcpu(false);

    events->exception_pending = events->exception_has_payload = true;
    events->exception_nr = 6;
    events->exception_payload = 5;
    g_assert_cmpint(kvm_x86_put_events(&fake.vcpu), ==, 0);
    g_assert_cmphex(fake.events.flags, ==,
                    KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW);
    g_assert_cmpuint(fake.events.exception.injected, ==, 1);
    g_assert_cmpuint(fake.events.exception.pending, ==, 0);
    g_assert_cmpuint(fake.events.exception_has_payload, ==, 0);
    drop_vcpu();
}

/* A reset takes the vCPU out of SMM and drops an SMI, a latched INIT and a triple fault. */
static void test_reset(void)
{
    make_vcpu(true);
    fake.vcpu.reset_pending = true;
    fake.events.smi.smm = fake.events.smi.pending = fake.events.smi.latched_init = 1;
    fake.events.triple_fault.pending = 1;
    x86_cpu_reset_state(X86_CPU(fake.vcpu.cpu));
    g_assert_cmpint(kvm_x86_put_events(&fake.vcpu), ==, 0);
    g_assert_cmpuint(fake.nb_gets, ==, 1);      /* takes in an SMI that is on its way */
    g_assert_cmphex(fake.events.flags, ==, ALL_EVENT_FLAGS | KVM_VCPUEVENT_VALID_SIPI_VECTOR);
    g_assert_cmpuint(fake.events.smi.smm, ==, 0);
    g_assert_cmpuint(fake.events.smi.pending, ==, 0);
    g_assert_cmpuint(fake.events.smi.latched_init, ==, 0);
    g_assert_cmpuint(fake.events.triple_fault.pending, ==, 0);
    drop_vcpu();
}

static void test_unknown_exit(void)
{
    if (g_test_subprocess()) {
        make_vcpu(true);
        fake.run.exit_reason = 77;
        kvm_vcpu_handle_exit(&fake.vcpu);
        fake.run.exit_reason = KVM_EXIT_UNKNOWN;
        fake.run.hw.hardware_exit_reason = 0x88;
        kvm_vcpu_handle_exit(&fake.vcpu);
        g_assert_true(fake.vcpu.stop);
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*exit_reason 77, vCPU id 3 at 0x1234\n"
                              "*exit_reason 0, hardware reason 0x88, vCPU id 3 at 0x1234\n*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    qemu_init_main_loop();
    g_test_add_func("/kvm/vcpu/payload", test_payload);
    g_test_add_func("/kvm/vcpu/without-payload", test_without_payload);
    g_test_add_func("/kvm/vcpu/reset-events", test_reset);
    g_test_add_func("/kvm/vcpu/unknown-exit", test_unknown_exit);
    return g_test_run();
}
