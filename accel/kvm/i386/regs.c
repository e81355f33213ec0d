/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * General, system and debug registers between KVM's structures and CPUX86State.
 */
#include "qemu/osdep.h"
#include "kvm-x86.h"

static struct kvm_segment to_kvm_segment(const X86Segment *seg)
{
    return (struct kvm_segment) {
        .base = seg->base, .limit = seg->limit, .selector = seg->selector,
        .type = seg->access & X86_SEG_TYPE_MASK, .s = !!(seg->access & X86_SEG_S),
        .dpl = seg->access >> X86_SEG_DPL_SHIFT & 3, .present = !!(seg->access & X86_SEG_P),
        .avl = !!(seg->access & X86_SEG_AVL), .l = !!(seg->access & X86_SEG_L),
        .db = !!(seg->access & X86_SEG_DB), .g = !!(seg->access & X86_SEG_G),
        .unusable = !(seg->access & X86_SEG_P),
    };
}

static X86Segment from_kvm_segment(const struct kvm_segment *seg)
{
    bool present = seg->present && !seg->unusable;

    return (X86Segment) {
        .base = seg->base, .limit = seg->limit, .selector = seg->selector,
        .access = seg->type | (seg->s ? X86_SEG_S : 0) | seg->dpl << X86_SEG_DPL_SHIFT |
                  (present ? X86_SEG_P : 0) | (seg->avl ? X86_SEG_AVL : 0) |
                  (seg->l ? X86_SEG_L : 0) | (seg->db ? X86_SEG_DB : 0) |
                  (seg->g ? X86_SEG_G : 0),
    };
}

static struct kvm_dtable to_kvm_table(const X86Table *table)
{
    return (struct kvm_dtable) { .base = table->base, .limit = table->limit };
}

static X86Table from_kvm_table(const struct kvm_dtable *table)
{
    return (X86Table) { .base = table->base, .limit = table->limit };
}

/* kvm_regs names the registers in another order than instructions encode them. */
int kvm_x86_put_regs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_regs regs = {
        .rax = env->regs[R_RAX], .rbx = env->regs[R_RBX], .rcx = env->regs[R_RCX],
        .rdx = env->regs[R_RDX], .rsi = env->regs[R_RSI], .rdi = env->regs[R_RDI],
        .rsp = env->regs[R_RSP], .rbp = env->regs[R_RBP], .r8 = env->regs[R_R8],
        .r9 = env->regs[R_R9], .r10 = env->regs[R_R10], .r11 = env->regs[R_R11],
        .r12 = env->regs[R_R12], .r13 = env->regs[R_R13], .r14 = env->regs[R_R14],
        .r15 = env->regs[R_R15], .rip = env->rip, .rflags = env->rflags,
    };

    return kvm_call(vcpu->fd, KVM_SET_REGS, &regs);
}

int kvm_x86_get_regs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_regs regs;
    int ret = kvm_call(vcpu->fd, KVM_GET_REGS, &regs);

    if (ret < 0) {
        return ret;
    }
    memcpy(env->regs, (uint64_t[X86_NB_REGS]) {
        regs.rax, regs.rcx, regs.rdx, regs.rbx, regs.rsp, regs.rbp, regs.rsi, regs.rdi,
        regs.r8, regs.r9, regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
    }, sizeof(env->regs));
    env->rip = regs.rip;
    env->rflags = regs.rflags;
    return 0;
}

int kvm_x86_put_sregs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_sregs sregs = {
        .cs = to_kvm_segment(&env->segs[R_CS]), .ds = to_kvm_segment(&env->segs[R_DS]),
        .es = to_kvm_segment(&env->segs[R_ES]), .fs = to_kvm_segment(&env->segs[R_FS]),
        .gs = to_kvm_segment(&env->segs[R_GS]), .ss = to_kvm_segment(&env->segs[R_SS]),
        .tr = to_kvm_segment(&env->tr), .ldt = to_kvm_segment(&env->ldt),
        .gdt = to_kvm_table(&env->gdt), .idt = to_kvm_table(&env->idt),
        .cr0 = env->cr0, .cr2 = env->cr2, .cr3 = env->cr3, .cr4 = env->cr4, .cr8 = env->cr8,
        .efer = env->efer, .apic_base = env->apic_base,
    };

    return kvm_call(vcpu->fd, KVM_SET_SREGS, &sregs);
}

int kvm_x86_get_sregs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_sregs sregs;
    int ret = kvm_call(vcpu->fd, KVM_GET_SREGS, &sregs);

    if (ret < 0) {
        return ret;
    }
    env->segs[R_CS] = from_kvm_segment(&sregs.cs);
    env->segs[R_DS] = from_kvm_segment(&sregs.ds);
    env->segs[R_ES] = from_kvm_segment(&sregs.es);
    env->segs[R_FS] = from_kvm_segment(&sregs.fs);
    env->segs[R_GS] = from_kvm_segment(&sregs.gs);
    env->segs[R_SS] = from_kvm_segment(&sregs.ss);
    env->tr = from_kvm_segment(&sregs.tr);
    env->ldt = from_kvm_segment(&sregs.ldt);
    env->gdt = from_kvm_table(&sregs.gdt);
    env->idt = from_kvm_table(&sregs.idt);
    env->cr0 = sregs.cr0;
    env->cr2 = sregs.cr2;
    env->cr3 = sregs.cr3;
    env->cr4 = sregs.cr4;
    env->cr8 = sregs.cr8;
    env->efer = sregs.efer;
    env->apic_base = sregs.apic_base;
    return 0;
}

int kvm_x86_put_debugregs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_debugregs state = { .dr6 = env->dr[6], .dr7 = env->dr[7] };

    memcpy(state.db, env->dr, sizeof(state.db));
    return kvm_call(vcpu->fd, KVM_SET_DEBUGREGS, &state);
}

int kvm_x86_get_debugregs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_debugregs state;
    int ret = kvm_call(vcpu->fd, KVM_GET_DEBUGREGS, &state);

    if (ret >= 0) {
        memcpy(env->dr, state.db, sizeof(state.db));
        env->dr[6] = state.dr6;
        env->dr[7] = state.dr7;
    }
    return ret;
}
