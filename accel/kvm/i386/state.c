/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All of a vCPU: made ready, its registers written and read. The order of writing matters: EFER
 * and control registers before the local APIC (whose base is in them), the APIC before the TSC
 * deadline.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "kvm-x86.h"

/*
 * The first CPU decides for all whether the VM has performance counters: AMD's could otherwise be
 * used though no leaf shows them.
 */
bool kvm_target_prepare_vcpu(KvmVcpu *vcpu, Error **errp)
{
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_PMU_CAPABILITY, .args[0] = KVM_PMU_CAP_DISABLE,
    };
    KvmVm *vm = vcpu->vm;
    int ret;

    if (vm->vcpus->len || X86_CPU(vcpu->cpu)->pmu ||
        !(vm->target->pmu_capabilities & KVM_PMU_CAP_DISABLE)) {
        return true;
    }
    ret = kvm_call(vm->vm_fd, KVM_ENABLE_CAP, &cap);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM: KVM_ENABLE_CAP of KVM_CAP_PMU_CAPABILITY failed");
        return false;
    }
    return true;
}

bool kvm_target_init_vcpu(KvmVcpu *vcpu, Error **errp)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    unsigned nb_mce_banks;

    if (!kvm_x86_set_cpuid(vcpu, errp) || !kvm_x86_set_up_mce(vcpu, &nb_mce_banks, errp) ||
        !kvm_x86_init_smm(vcpu, errp)) {
        return false;
    }
    kvm_x86_list_msrs(vcpu, nb_mce_banks);
    env->xsave_size = MAX(vcpu->vm->target->xsave2_size, X86_XSAVE_MIN_SIZE);
    env->xsave = g_realloc(env->xsave, env->xsave_size);
    memset(env->xsave, 0, env->xsave_size);
    return true;
}

typedef struct StateStep {
    const char *name;
    int (*run)(KvmVcpu *vcpu);
} StateStep;

static const StateStep put_steps[] = {
    { "KVM_SET_NESTED_STATE", kvm_x86_leave_nested_guest },
    { "KVM_SET_REGS", kvm_x86_put_regs },
    { "KVM_SET_XSAVE", kvm_x86_put_fpu },
    { "KVM_SET_XCRS", kvm_x86_put_xcrs },
    { "KVM_SET_SREGS", kvm_x86_put_sregs },
    { "KVM_SET_LAPIC", kvm_x86_put_lapic },
    { "KVM_SET_MSRS", kvm_x86_put_msrs },
    { "KVM_SET_MP_STATE", kvm_x86_put_mp_state },
    { "KVM_SET_VCPU_EVENTS", kvm_x86_put_events },
    { "KVM_SET_DEBUGREGS", kvm_x86_put_debugregs },
};

static const StateStep get_steps[] = {
    /* First: it has KVM take in a pending INIT or SIPI. */
    { "KVM_GET_MP_STATE", kvm_x86_get_mp_state },
    { "KVM_GET_REGS", kvm_x86_get_regs },
    { "KVM_GET_SREGS", kvm_x86_get_sregs },
    { "KVM_GET_XSAVE", kvm_x86_get_fpu },
    { "KVM_GET_XCRS", kvm_x86_get_xcrs },
    { "KVM_GET_LAPIC", kvm_x86_get_lapic },
    { "KVM_GET_MSRS", kvm_x86_get_msrs },
    { "KVM_GET_VCPU_EVENTS", kvm_x86_get_events },
    { "KVM_GET_DEBUGREGS", kvm_x86_get_debugregs },
};

static int run_steps(KvmVcpu *vcpu, const StateStep *steps, size_t nb_steps, const char **what)
{
    for (size_t i = 0; i < nb_steps; i++) {
        int ret = steps[i].run(vcpu);

        if (ret < 0) {
            *what = steps[i].name;
            return ret;
        }
    }
    return 0;
}

int kvm_target_put_state(KvmVcpu *vcpu, const char **what)
{
    int ret = run_steps(vcpu, put_steps, ARRAY_SIZE(put_steps), what);

    vcpu->dirty = vcpu->reset_pending = false;
    return ret;
}

int kvm_target_get_state(KvmVcpu *vcpu, const char **what)
{
    return run_steps(vcpu, get_steps, ARRAY_SIZE(get_steps), what);
}
