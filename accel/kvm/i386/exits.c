/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits that only x86 has: ports. What a message says of a vCPU. */
#include "qemu/osdep.h"
#include "system/address-spaces.h"
#include "kvm-x86.h"

/* String instructions come as one exit with a count; the port is the same for all. */
static void handle_io(struct kvm_run *run)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    bool is_write = run->io.direction == KVM_EXIT_IO_OUT;

    for (uint32_t i = 0; i < run->io.count; i++) {
        address_space_rw(&address_space_io, run->io.port, MEMTXATTRS_UNSPECIFIED, data,
                         run->io.size, is_write);
        data += run->io.size;
    }
}

bool kvm_target_handle_exit(KvmVcpu *vcpu)
{
    if (vcpu->run->exit_reason != KVM_EXIT_IO) {
        return false;
    }
    handle_io(vcpu->run);
    return true;
}

unsigned long kvm_target_vcpu_id(const KvmVcpu *vcpu)
{
    return X86_CPU(vcpu->cpu)->apic_id;
}

bool kvm_target_get_position(KvmVcpu *vcpu, KvmPosition *position)
{
    struct kvm_mp_state state = { 0 };
    struct kvm_regs regs = { 0 };

    QEMU_BUILD_BUG_ON(sizeof(regs) > sizeof(position->words));
    memset(position, 0, sizeof(*position));
    if (kvm_call(vcpu->fd, KVM_GET_MP_STATE, &state) < 0 ||
        kvm_call(vcpu->fd, KVM_GET_REGS, &regs) < 0) {
        return false;
    }
    position->runnable = state.mp_state == KVM_MP_STATE_RUNNABLE;
    memcpy(position->words, &regs, sizeof(regs));
    return true;
}

uint64_t kvm_target_get_pc(KvmVcpu *vcpu)
{
    struct kvm_regs regs = { 0 };

    kvm_call(vcpu->fd, KVM_GET_REGS, &regs);
    return regs.rip;
}
