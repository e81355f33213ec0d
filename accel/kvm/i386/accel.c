/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an x86 VM adds to the accelerator's class (CPUID, the width of addresses, interrupt
 * controllers), and its clock: kvmclock stands still while no vCPU runs.
 */
#include "qemu/osdep.h"
#include "kvm-x86.h"

/* ---- Clock ---- */

void kvm_target_clock_stop(KvmVm *vm)
{
    struct kvm_clock_data data = { 0 };
    int ret = kvm_call(vm->vm_fd, KVM_GET_CLOCK, &data);

    kvm_report(ret, "KVM_GET_CLOCK");
    vm->target->clock = data.clock;
    vm->target->clock_saved = ret >= 0;
}

/* Tells a guest that it was stopped, lest its watchdogs bark; one without kvmclock has none. */
static void clock_ctrl_work(KvmVcpu *vcpu, void *opaque)
{
    int ret = kvm_call(vcpu->fd, KVM_KVMCLOCK_CTRL, NULL);

    kvm_report(ret == -EINVAL ? 0 : ret, "KVM_KVMCLOCK_CTRL");
}

void kvm_target_clock_continue(KvmVm *vm)
{
    struct kvm_clock_data data = { .clock = vm->target->clock };

    if (!vm->target->clock_saved) {
        return;
    }
    kvm_report(kvm_call(vm->vm_fd, KVM_SET_CLOCK, &data), "KVM_SET_CLOCK");
    vm->target->clock_saved = false;
    for (unsigned i = 0; vm->target->has_kvmclock_ctrl && i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (!vcpu->reset_pending) {
            kvm_vcpu_run_on(vcpu, clock_ctrl_work, NULL);
        }
    }
}

/* ---- Methods ---- */

static void reset_irqchip(AccelState *as)
{
    KvmVm *vm = kvm_accel_vm(as);
    const char *what = NULL;

    kvm_report(kvm_x86_reset_irqchip(vm, &what), what);
    vm->target->clock = 0;
    vm->target->clock_saved = true;
}

static void get_supported_cpuid(AccelState *as, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    kvm_x86_supported_cpuid(kvm_accel_vm(as), leaf, subleaf, regs);
}

static unsigned phys_bits(AccelState *as)
{
    uint32_t regs[4];

    host_cpuid(0x80000000, 0, regs);
    if (regs[0] < 0x80000008) {
        return 36;
    }
    host_cpuid(0x80000008, 0, regs);
    return regs[0] & 0xff;
}

void kvm_target_class_init(AccelClass *ac)
{
    ac->reset_irqchip = reset_irqchip;
    ac->get_supported_cpuid = get_supported_cpuid;
    ac->phys_bits = phys_bits;
}
