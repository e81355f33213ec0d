/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vCPU does next: its local APIC, events in flight, whether it runs, and whether it is
 * inside a guest of its own.
 */
#include "qemu/osdep.h"
#include "kvm-x86.h"

int kvm_x86_put_lapic(KvmVcpu *vcpu)
{
    struct kvm_lapic_state state;

    QEMU_BUILD_BUG_ON(sizeof(state.regs) != X86_LAPIC_STATE_SIZE);
    memcpy(state.regs, X86_CPU(vcpu->cpu)->env.lapic, sizeof(state.regs));
    return kvm_call(vcpu->fd, KVM_SET_LAPIC, &state);
}

int kvm_x86_get_lapic(KvmVcpu *vcpu)
{
    struct kvm_lapic_state state;
    int ret = kvm_call(vcpu->fd, KVM_GET_LAPIC, &state);

    if (ret >= 0) {
        memcpy(X86_CPU(vcpu->cpu)->env.lapic, state.regs, sizeof(state.regs));
    }
    return ret;
}

/* What of struct kvm_vcpu_events this KVM takes; the SIPI's vector is the reset's to write. */
static uint32_t event_flags(const KvmVcpu *vcpu)
{
    const KvmTargetVm *target = vcpu->vm->target;

    return KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
           (target->has_smm ? KVM_VCPUEVENT_VALID_SMM : 0) |
           (target->has_exception_payload ? KVM_VCPUEVENT_VALID_PAYLOAD : 0) |
           (target->has_triple_fault_event ? KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0) |
           (vcpu->reset_pending ? KVM_VCPUEVENT_VALID_SIPI_VECTOR : 0);
}

/* Without payloads KVM knows no pending exception: it has become an injected one. */
static void fill_exception(struct kvm_vcpu_events *state, const X86Events *events, bool payload)
{
    state->exception.injected = events->exception_injected;
    state->exception.nr = events->exception_nr;
    state->exception.has_error_code = events->exception_has_error_code;
    state->exception.error_code = events->exception_error_code;
    if (payload) {
        state->exception.pending = events->exception_pending;
        state->exception_has_payload = events->exception_has_payload;
        state->exception_payload = events->exception_payload;
    } else {
        state->exception.injected |= events->exception_pending;
    }
}

/* An SMI on its way when the CPU is reset is in no field until KVM is asked for its state. */
static int take_in_smi(KvmVcpu *vcpu)
{
    struct kvm_vcpu_events state;

    if (!vcpu->reset_pending || !vcpu->vm->target->has_smm) {
        return 0;
    }
    return kvm_call(vcpu->fd, KVM_GET_VCPU_EVENTS, &state);
}

int kvm_x86_put_events(KvmVcpu *vcpu)
{
    const X86Events *events = &X86_CPU(vcpu->cpu)->env.events;
    struct kvm_vcpu_events state = {
        .interrupt = {
            .injected = events->interrupt_injected, .nr = events->interrupt_nr,
            .soft = events->interrupt_soft, .shadow = events->interrupt_shadow,
        },
        .nmi = {
            .injected = events->nmi_injected, .pending = events->nmi_pending,
            .masked = events->nmi_masked,
        },
        .sipi_vector = events->sipi_vector,
        .smi = {
            .smm = events->smm, .pending = events->smi_pending,
            .smm_inside_nmi = events->smm_inside_nmi, .latched_init = events->smi_latched_init,
        },
        .triple_fault = { .pending = events->triple_fault_pending },
        .flags = event_flags(vcpu),
    };
    int ret = take_in_smi(vcpu);

    fill_exception(&state, events, state.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
    return ret < 0 ? ret : kvm_call(vcpu->fd, KVM_SET_VCPU_EVENTS, &state);
}

int kvm_x86_get_events(KvmVcpu *vcpu)
{
    X86Events *events = &X86_CPU(vcpu->cpu)->env.events;
    struct kvm_vcpu_events state = { 0 };
    int ret = kvm_call(vcpu->fd, KVM_GET_VCPU_EVENTS, &state);

    if (ret < 0) {
        return ret;
    }
    *events = (X86Events) {
        .exception_injected = state.exception.injected,
        .exception_pending = state.exception.pending, .exception_nr = state.exception.nr,
        .exception_has_error_code = state.exception.has_error_code,
        .exception_error_code = state.exception.error_code,
        .exception_has_payload = state.exception_has_payload,
        .exception_payload = state.exception_payload,
        .interrupt_injected = state.interrupt.injected, .interrupt_nr = state.interrupt.nr,
        .interrupt_soft = state.interrupt.soft, .interrupt_shadow = state.interrupt.shadow,
        .nmi_injected = state.nmi.injected, .nmi_pending = state.nmi.pending,
        .nmi_masked = state.nmi.masked, .sipi_vector = state.sipi_vector,
        .smm = state.smi.smm, .smi_pending = state.smi.pending,
        .smm_inside_nmi = state.smi.smm_inside_nmi, .smi_latched_init = state.smi.latched_init,
        .triple_fault_pending = state.triple_fault.pending,
    };
    return 0;
}

static const uint32_t mp_states[] = {
    [X86_MP_RUNNABLE] = KVM_MP_STATE_RUNNABLE,
    [X86_MP_UNINITIALIZED] = KVM_MP_STATE_UNINITIALIZED,
    [X86_MP_INIT_RECEIVED] = KVM_MP_STATE_INIT_RECEIVED,
    [X86_MP_HALTED] = KVM_MP_STATE_HALTED,
    [X86_MP_SIPI_RECEIVED] = KVM_MP_STATE_SIPI_RECEIVED,
};

int kvm_x86_put_mp_state(KvmVcpu *vcpu)
{
    struct kvm_mp_state state = { .mp_state = mp_states[X86_CPU(vcpu->cpu)->env.mp_state] };

    return kvm_call(vcpu->fd, KVM_SET_MP_STATE, &state);
}

int kvm_x86_get_mp_state(KvmVcpu *vcpu)
{
    struct kvm_mp_state state = { 0 };
    int ret = kvm_call(vcpu->fd, KVM_GET_MP_STATE, &state);

    for (unsigned i = 0; ret >= 0 && i < ARRAY_SIZE(mp_states); i++) {
        if (mp_states[i] == state.mp_state) {
            X86_CPU(vcpu->cpu)->env.mp_state = i;
        }
    }
    return ret;
}

/* A guest that was itself a hypervisor, inside its guest, leaves it before anything is written. */
int kvm_x86_leave_nested_guest(KvmVcpu *vcpu)
{
    const X86CpuidState *id = &X86_CPU(vcpu->cpu)->cpuid;
    struct kvm_nested_state state = { .size = sizeof(state) };
    bool svm = id->features[FEAT_8000_0001_ECX] & (1u << 2);
    bool vmx = id->features[FEAT_1_ECX] & (1u << 5);

    if (!vcpu->reset_pending || !vcpu->vm->target->has_nested_state || (!svm && !vmx)) {
        return 0;
    }
    if (svm) {
        state.format = KVM_STATE_NESTED_FORMAT_SVM;
        state.flags = KVM_STATE_NESTED_GIF_SET;
    } else {
        state.format = KVM_STATE_NESTED_FORMAT_VMX;
        state.hdr.vmx.vmxon_pa = state.hdr.vmx.vmcs12_pa = UINT64_MAX;
    }
    return kvm_call(vcpu->fd, KVM_SET_NESTED_STATE, &state);
}
