/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87, SSE and all extended state (XSAVE), with XCR0, which says what of it is in use. */
#include "qemu/osdep.h"
#include "kvm-x86.h"

/* Without XSAVE the legacy area (SDM volume 1 table 10-2) goes through struct kvm_fpu. */
static void legacy_area_to_fpu(const uint8_t *area, struct kvm_fpu *fpu)
{
    memcpy(&fpu->fcw, area, 2);
    memcpy(&fpu->fsw, area + 2, 2);
    fpu->ftwx = area[4];
    memcpy(&fpu->last_opcode, area + 6, 2);
    memcpy(&fpu->last_ip, area + 8, 8);
    memcpy(&fpu->last_dp, area + 16, 8);
    memcpy(&fpu->mxcsr, area + 24, 4);
    memcpy(fpu->fpr, area + 32, sizeof(fpu->fpr));
    memcpy(fpu->xmm, area + 160, sizeof(fpu->xmm));
}

static void fpu_to_legacy_area(const struct kvm_fpu *fpu, uint8_t *area)
{
    memcpy(area, &fpu->fcw, 2);
    memcpy(area + 2, &fpu->fsw, 2);
    area[4] = fpu->ftwx;
    memcpy(area + 6, &fpu->last_opcode, 2);
    memcpy(area + 8, &fpu->last_ip, 8);
    memcpy(area + 16, &fpu->last_dp, 8);
    memcpy(area + 24, &fpu->mxcsr, 4);
    memcpy(area + 32, fpu->fpr, sizeof(fpu->fpr));
    memcpy(area + 160, fpu->xmm, sizeof(fpu->xmm));
}

int kvm_x86_put_fpu(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_fpu fpu = { 0 };

    if (vcpu->vm->target->has_xsave) {
        return kvm_call(vcpu->fd, KVM_SET_XSAVE, env->xsave);
    }
    legacy_area_to_fpu(env->xsave, &fpu);
    return kvm_call(vcpu->fd, KVM_SET_FPU, &fpu);
}

int kvm_x86_get_fpu(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_fpu fpu;
    int ret;

    if (vcpu->vm->target->has_xsave) {
        bool large = env->xsave_size > X86_XSAVE_MIN_SIZE;

        return kvm_call(vcpu->fd, large ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, env->xsave);
    }
    ret = kvm_call(vcpu->fd, KVM_GET_FPU, &fpu);
    if (ret >= 0) {
        fpu_to_legacy_area(&fpu, env->xsave);
    }
    return ret;
}

int kvm_x86_put_xcrs(KvmVcpu *vcpu)
{
    struct kvm_xcrs xcrs = {
        .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = X86_CPU(vcpu->cpu)->env.xcr0 },
    };

    return vcpu->vm->target->has_xcrs ? kvm_call(vcpu->fd, KVM_SET_XCRS, &xcrs) : 0;
}

int kvm_x86_get_xcrs(KvmVcpu *vcpu)
{
    struct kvm_xcrs xcrs = { 0 };
    int ret = vcpu->vm->target->has_xcrs ? kvm_call(vcpu->fd, KVM_GET_XCRS, &xcrs) : 0;

    for (uint32_t i = 0; ret >= 0 && i < xcrs.nr_xcrs; i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            X86_CPU(vcpu->cpu)->env.xcr0 = xcrs.xcrs[i].value;
        }
    }
    return ret;
}
