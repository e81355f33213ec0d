/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers: which of them are ours to keep, their values, and the machine check
 * banks, which are MSRs that must be asked for. Time (TSC, deadline) and the paravirtual MSRs are
 * written by a reset only: otherwise they are KVM's to keep.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "target/i386/msr-index.h"
#include "kvm-x86.h"

#define CPUID_MCE_MCA ((1u << 7) | (1u << 14))
#define MCG_CTL_P (1u << 8)
#define MCG_SER_P (1u << 24)
#define NB_MCE_BANKS 10

/* Hyper-V's MSRs: not shown to the guest, hence never in use. */
#define HYPERV_MSR_FIRST 0x40000000u
#define HYPERV_MSR_LAST 0x400001ffu

/* ---- Machine checks ---- */

/* Machine check banks exist if the model shows them; how many the host can emulate is asked. */
bool kvm_x86_set_up_mce(KvmVcpu *vcpu, unsigned *nb_banks, Error **errp)
{
    uint64_t supported = 0;
    uint64_t wanted = MCG_CTL_P | MCG_SER_P;
    uint32_t features = X86_CPU(vcpu->cpu)->cpuid.features[FEAT_1_EDX];
    int ret;

    *nb_banks = 0;
    if (!vcpu->vm->target->has_mce || (features & CPUID_MCE_MCA) != CPUID_MCE_MCA) {
        return true;
    }
    ret = kvm_call(vcpu->vm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported);
    *nb_banks = kvm_call(vcpu->vm->vm_fd, KVM_CHECK_EXTENSION, KVM_ARG(KVM_CAP_MCE));
    *nb_banks = MIN(*nb_banks, NB_MCE_BANKS);
    wanted = (wanted & supported) | *nb_banks;
    if (ret >= 0) {
        ret = kvm_call(vcpu->fd, KVM_X86_SETUP_MCE, &wanted);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM: KVM_X86_SETUP_MCE failed");
        return false;
    }
    return true;
}

/* ---- Registers ---- */

/* A struct kvm_msrs with one entry behind it. */
typedef union MsrBuffer {
    struct kvm_msrs msrs;
    uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
} MsrBuffer;

bool kvm_x86_get_msr(KvmVcpu *vcpu, uint32_t index, uint64_t *value)
{
    MsrBuffer buffer = { .bytes = { 0 } };
    bool ok;

    buffer.msrs.nmsrs = 1;
    buffer.msrs.entries[0].index = index;
    ok = kvm_call(vcpu->fd, KVM_GET_MSRS, &buffer) == 1;
    *value = buffer.msrs.entries[0].data;
    return ok;
}

bool kvm_x86_set_msr(KvmVcpu *vcpu, uint32_t index, uint64_t value)
{
    MsrBuffer buffer = { .bytes = { 0 } };

    buffer.msrs.nmsrs = 1;
    buffer.msrs.entries[0].index = index;
    buffer.msrs.entries[0].data = value;
    return kvm_call(vcpu->fd, KVM_SET_MSRS, &buffer) == 1;
}

/* The fresh vCPU's value is read and written back: what KVM refuses is not ours to manage. */
static void add_msr(KvmVcpu *vcpu, GArray *msrs, uint32_t index)
{
    X86Msr msr = { .index = index };

    if (index >= HYPERV_MSR_FIRST && index <= HYPERV_MSR_LAST) {
        return;
    }
    for (unsigned i = 0; i < msrs->len; i++) {
        if (g_array_index(msrs, X86Msr, i).index == index) {
            return;
        }
    }
    if (kvm_x86_get_msr(vcpu, index, &msr.value) &&
        (index == MSR_IA32_TSC || kvm_x86_set_msr(vcpu, index, msr.value))) {
        g_array_append_val(msrs, msr);
    }
}

/* KVM's list leaves out the MTRRs and the machine check banks. */
void kvm_x86_list_msrs(KvmVcpu *vcpu, unsigned nb_mce_banks)
{
    GArray *msrs = g_array_new(FALSE, FALSE, sizeof(X86Msr));
    uint64_t mtrr_cap = 0;
    unsigned nb_msrs;

    for (uint32_t i = 0; i < vcpu->vm->target->msrs->nmsrs; i++) {
        add_msr(vcpu, msrs, vcpu->vm->target->msrs->indices[i]);
    }
    if (kvm_x86_get_msr(vcpu, MSR_MTRR_CAP, &mtrr_cap)) {
        for (unsigned i = 0; i < 2 * (mtrr_cap & 0xff); i++) {
            add_msr(vcpu, msrs, MSR_MTRR_PHYS_BASE0 + i);
        }
        add_msr(vcpu, msrs, MSR_MTRR_FIX64K_00000);
        add_msr(vcpu, msrs, MSR_MTRR_FIX16K_80000);
        add_msr(vcpu, msrs, MSR_MTRR_FIX16K_A0000);
        for (unsigned i = 0; i < 8; i++) {
            add_msr(vcpu, msrs, MSR_MTRR_FIX4K_C0000 + i);
        }
        add_msr(vcpu, msrs, MSR_MTRR_DEF_TYPE);
    }
    add_msr(vcpu, msrs, MSR_IA32_PAT);
    for (unsigned i = 0; i < 4 * nb_mce_banks; i++) {
        add_msr(vcpu, msrs, MSR_MC0_CTL + i);
    }
    nb_msrs = msrs->len;
    x86_cpu_set_power_on_msrs(X86_CPU(vcpu->cpu), (X86Msr *)g_array_free(msrs, FALSE), nb_msrs);
}

static bool msr_is_time(uint32_t index)
{
    return index == MSR_IA32_TSC || index == MSR_IA32_TSC_ADJUST ||
           index == MSR_IA32_TSC_DEADLINE;
}

static bool msr_is_paravirtual(uint32_t index)
{
    return index == MSR_KVM_WALL_CLOCK_OLD || index == MSR_KVM_SYSTEM_TIME_OLD ||
           (index >= MSR_KVM_WALL_CLOCK && index <= MSR_KVM_MIGRATION_CONTROL);
}

/*
 * All that are to be written in as few calls as possible: a call stops at the first MSR that KVM
 * refuses in the present state (an acknowledgement whose feature is off), which is skipped.
 */
int kvm_x86_put_msrs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    g_autofree struct kvm_msrs *buffer =
        g_malloc0(sizeof(*buffer) + env->nb_msrs * sizeof(buffer->entries[0]));
    unsigned nb_entries = 0, done = 0;

    for (unsigned i = 0; i < env->nb_msrs; i++) {
        uint32_t index = env->msrs[i].index;

        if (vcpu->reset_pending || (!msr_is_time(index) && !msr_is_paravirtual(index))) {
            buffer->entries[nb_entries++] = (struct kvm_msr_entry) {
                .index = index, .data = env->msrs[i].value,
            };
        }
    }
    while (done < nb_entries) {
        int ret;

        buffer->nmsrs = nb_entries - done;
        ret = kvm_call(vcpu->fd, KVM_SET_MSRS, buffer);
        if (ret < 0) {
            return ret;
        }
        done += ret + 1;
        if (done < nb_entries) {
            memmove(buffer->entries, buffer->entries + ret + 1,
                    (nb_entries - done) * sizeof(buffer->entries[0]));
        }
    }
    return 0;
}

int kvm_x86_get_msrs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;

    for (unsigned i = 0; i < env->nb_msrs; i++) {
        kvm_x86_get_msr(vcpu, env->msrs[i].index, &env->msrs[i].value);
    }
    return 0;
}
