/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the x86 files of the KVM accelerator share. Towards the rest they are the target of
 * kvm-int.h; the functions here run on the vCPU's own thread and, where they return int, give 0 or
 * a negative errno of the ioctl that they are named for in state.c.
 */
#ifndef ACCEL_KVM_X86_H
#define ACCEL_KVM_X86_H

#include "../kvm-int.h"
#include "target/i386/cpu.h"

struct KvmTargetVm {
    /* Optional capabilities. */
    int xsave2_size;                /* bytes of an XSAVE area above 4 KiB; 0: it fits */
    bool has_xsave;
    bool has_xcrs;
    bool has_tsc_deadline;
    bool has_kvmclock_ctrl;
    bool has_nested_state;
    bool has_mce;
    bool has_smm;
    bool has_exception_payload;     /* and switched on */
    bool has_triple_fault_event;    /* and switched on */
    int pmu_capabilities;           /* what KVM_CAP_PMU_CAPABILITY can switch */
    int nb_address_spaces;          /* KVM_CAP_MULTI_ADDRESS_SPACE; 0: not known to this KVM */

    struct kvm_cpuid2 *cpuid;       /* KVM_GET_SUPPORTED_CPUID */
    struct kvm_msr_list *msrs;      /* KVM_GET_MSR_INDEX_LIST */

    uint64_t clock;                 /* kvmclock, while stopped */
    bool clock_saved;

    uint8_t *smm_area;              /* guest memory of SMM alone (smm.c); NULL: none */
};

/* ---- cpuid.c ---- */

/* What KVM offers, with what it leaves to user space added. Any thread. */
void kvm_x86_supported_cpuid(const KvmVm *vm, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
bool kvm_x86_set_cpuid(KvmVcpu *vcpu, Error **errp);

/* ---- msrs.c ---- */

/* Makes the machine check banks that the model shows; *nb_banks is how many. */
bool kvm_x86_set_up_mce(KvmVcpu *vcpu, unsigned *nb_banks, Error **errp);
/* Tells the CPU object which MSRs can be written, with their values in this fresh vCPU. */
void kvm_x86_list_msrs(KvmVcpu *vcpu, unsigned nb_mce_banks);
/* One MSR; false if KVM refuses it. */
bool kvm_x86_get_msr(KvmVcpu *vcpu, uint32_t index, uint64_t *value);
bool kvm_x86_set_msr(KvmVcpu *vcpu, uint32_t index, uint64_t value);
int kvm_x86_put_msrs(KvmVcpu *vcpu);
int kvm_x86_get_msrs(KvmVcpu *vcpu);

/* ---- regs.c ---- */

int kvm_x86_put_regs(KvmVcpu *vcpu);
int kvm_x86_get_regs(KvmVcpu *vcpu);
int kvm_x86_put_sregs(KvmVcpu *vcpu);
int kvm_x86_get_sregs(KvmVcpu *vcpu);
int kvm_x86_put_debugregs(KvmVcpu *vcpu);
int kvm_x86_get_debugregs(KvmVcpu *vcpu);

/* ---- fpu.c ---- */

int kvm_x86_put_fpu(KvmVcpu *vcpu);
int kvm_x86_get_fpu(KvmVcpu *vcpu);
int kvm_x86_put_xcrs(KvmVcpu *vcpu);
int kvm_x86_get_xcrs(KvmVcpu *vcpu);

/* ---- events.c ---- */

int kvm_x86_put_lapic(KvmVcpu *vcpu);
int kvm_x86_get_lapic(KvmVcpu *vcpu);
int kvm_x86_put_events(KvmVcpu *vcpu);
int kvm_x86_get_events(KvmVcpu *vcpu);
int kvm_x86_put_mp_state(KvmVcpu *vcpu);
int kvm_x86_get_mp_state(KvmVcpu *vcpu);
/* On reset: a guest that was inside a guest of its own leaves it before anything is written. */
int kvm_x86_leave_nested_guest(KvmVcpu *vcpu);

/* ---- smm.c ---- */

/* A step of set-up: the memory that a vCPU in SMM sees, where KVM has SMM. */
int kvm_x86_set_up_smm(KvmVm *vm, const KvmSetupStep *step, Error **errp);
void kvm_x86_clean_up_smm(KvmTargetVm *target);
/* A fresh vCPU's part of it, before kvm_x86_list_msrs(). */
bool kvm_x86_init_smm(KvmVcpu *vcpu, Error **errp);

/* ---- irqchip.c: under the big lock, no vCPU running ---- */

/* System reset of PIC, IOAPIC and PIT; *what names the ioctl that failed. */
int kvm_x86_reset_irqchip(KvmVm *vm, const char **what);

#endif /* ACCEL_KVM_X86_H */
