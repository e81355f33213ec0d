/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An SMI does nothing. A board without SMM has no handler for it, but a KVM with SMM takes a vCPU
 * there all the same, to SMBASE + 0x8000, with its registers saved at SMBASE + 0xfe00 (SDM volume
 * 3C chapter "System Management Mode"). In SMM KVM sees another address space than the guest's (the
 * second of KVM_CAP_MULTI_ADDRESS_SPACE): it holds nothing but these pages of ours, where the
 * handler is one instruction, RSM. Each vCPU has an SMBASE of its own, since two may be in SMM at
 * a time. The guest sees none of it.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "target/i386/msr-index.h"
#include "kvm-x86.h"

#define NB_SMBASES 255                  /* APIC ids 0 to 254 */
/*
 * From a vCPU's SMBASE to the next: entry points lie at multiples of this, saved states in the
 * second halves between them, and a vCPU costs a quarter of a page.
 */
#define SMBASE_STRIDE 0x400u
#define SMBASE_FIRST 0x30000u           /* the value of reset, for APIC id 0 */
#define ENTRY_OFFSET 0x8000u
#define SAVED_STATE_END 0x10000u
#define AREA_GPA (SMBASE_FIRST + ENTRY_OFFSET)
#define AREA_SIZE QEMU_ALIGN_UP(SAVED_STATE_END - ENTRY_OFFSET + NB_SMBASES * SMBASE_STRIDE, 4096)
#define SMM_ADDRESS_SPACE 1u

static const uint8_t rsm[] = { 0x0f, 0xaa };

static bool is_needed(const KvmTargetVm *target)
{
    return target->has_smm && target->nb_address_spaces > SMM_ADDRESS_SPACE;
}

int kvm_x86_set_up_smm(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    struct kvm_userspace_memory_region region = {
        .slot = SMM_ADDRESS_SPACE << 16,
        .guest_phys_addr = AREA_GPA, .memory_size = AREA_SIZE,
    };
    void *area;
    int ret;

    if (!is_needed(vm->target)) {
        return 0;
    }
    area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        return kvm_step_failed(step, -errno, errp);
    }
    vm->target->smm_area = area;
    region.userspace_addr = (uintptr_t)area;
    ret = kvm_call(vm->vm_fd, step->request, &region);
    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

void kvm_x86_clean_up_smm(KvmTargetVm *target)
{
    if (target->smm_area) {
        munmap(target->smm_area, AREA_SIZE);
    }
}

bool kvm_x86_init_smm(KvmVcpu *vcpu, Error **errp)
{
    uint32_t offset = X86_CPU(vcpu->cpu)->apic_id * SMBASE_STRIDE;

    if (!is_needed(vcpu->vm->target)) {
        return true;
    }
    assert(X86_CPU(vcpu->cpu)->apic_id < NB_SMBASES);
    memcpy(vcpu->vm->target->smm_area + offset, rsm, sizeof(rsm));
    if (!kvm_x86_set_msr(vcpu, MSR_IA32_SMBASE, SMBASE_FIRST + offset)) {
        error_setg(errp, "KVM: KVM_SET_MSRS failed: IA32_SMBASE of APIC id %u",
                   X86_CPU(vcpu->cpu)->apic_id);
        return false;
    }
    return true;
}
