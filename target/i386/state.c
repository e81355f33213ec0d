/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a processor after RESET (SDM volume 3A table 10-1; APM volume 2 section 14.1.3), and
 * the one of Linux's 64-bit boot protocol. MSRs are in msr-reset.c.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "target/i386/cpu.h"
#include "feature-words.h"
#include "target/i386/msr-index.h"
#include "target/i386/msr-reset.h"

bool x86_cpu_is_bsp(const X86CPU *cpu)
{
    return cpu->apic_id == 0;
}

uint32_t x86_lapic_get(const CPUX86State *env, unsigned offset)
{
    uint32_t value;

    memcpy(&value, env->lapic + offset, sizeof(value));
    return GUINT32_FROM_LE(value);
}

void x86_lapic_set(CPUX86State *env, unsigned offset, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(env->lapic + offset, &value, sizeof(value));
}

uint64_t *x86_cpu_msr(X86CPU *cpu, uint32_t index)
{
    for (unsigned i = 0; i < cpu->env.nb_msrs; i++) {
        if (cpu->env.msrs[i].index == index) {
            return &cpu->env.msrs[i].value;
        }
    }
    return NULL;
}

void x86_cpu_set_power_on_msrs(X86CPU *cpu, X86Msr *msrs, unsigned nb_msrs)
{
    g_free(cpu->power_on_msrs);
    g_free(cpu->env.msrs);
    cpu->power_on_msrs = msrs;
    cpu->env.msrs = g_memdup2(msrs, nb_msrs * sizeof(*msrs));
    cpu->env.nb_msrs = nb_msrs;
}

static void reset_msrs(X86CPU *cpu)
{
    for (unsigned i = 0; i < cpu->env.nb_msrs; i++) {
        const X86Msr *fresh = &cpu->power_on_msrs[i];

        cpu->env.msrs[i].value = x86_msr_reset_value(cpu, fresh->index, fresh->value);
    }
}

/* x87 and SSE as RESET leaves them; the XSAVE header marks just those two as not initial. */
static void reset_fpu(CPUX86State *env)
{
    const uint16_t fcw = GUINT16_TO_LE(0x0040);
    const uint32_t mxcsr = GUINT32_TO_LE(0x1f80);
    const uint64_t xstate_bv = GUINT64_TO_LE(3);

    memset(env->xsave, 0, env->xsave_size);
    memcpy(env->xsave, &fcw, sizeof(fcw));
    env->xsave[4] = 0xff;                         /* abridged tags: eight registers hold +0.0 */
    memcpy(env->xsave + 24, &mxcsr, sizeof(mxcsr));
    memcpy(env->xsave + 512, &xstate_bv, sizeof(xstate_bv));
    env->xcr0 = 1;
}

static void reset_lapic(X86CPU *cpu)
{
    CPUX86State *env = &cpu->env;
    static const unsigned lvts[] = {
        X86_APIC_LVT_CMCI, X86_APIC_LVT_TIMER, X86_APIC_LVT_THERMAL, X86_APIC_LVT_PERF,
        X86_APIC_LVT0, X86_APIC_LVT1, X86_APIC_LVT_ERROR,
    };

    memset(env->lapic, 0, sizeof(env->lapic));
    x86_lapic_set(env, X86_APIC_ID, cpu->apic_id << 24);
    x86_lapic_set(env, X86_APIC_VERSION, 0x50014);
    x86_lapic_set(env, X86_APIC_DFR, 0xffffffff);
    x86_lapic_set(env, X86_APIC_SVR, 0xff);
    for (size_t i = 0; i < ARRAY_SIZE(lvts); i++) {
        x86_lapic_set(env, lvts[i], X86_APIC_LVT_MASKED);
    }
    env->apic_base = X86_APIC_DEFAULT_ADDRESS | APIC_BASE_ENABLE;
    env->apic_base |= x86_cpu_is_bsp(cpu) ? APIC_BASE_BSP : 0;
}

static void reset_segments(CPUX86State *env)
{
    const uint16_t data = X86_SEG_P | X86_SEG_S | 0x3;   /* read/write, accessed */
    const uint16_t code = X86_SEG_P | X86_SEG_S | 0xb;   /* execute/read, accessed */

    for (unsigned i = 0; i < X86_NB_SEGS; i++) {
        env->segs[i] = (X86Segment) { .limit = 0xffff, .access = data };
    }
    env->segs[R_CS] = (X86Segment) {
        .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .access = code,
    };
    env->ldt = (X86Segment) { .limit = 0xffff, .access = X86_SEG_P | 0x2 };
    env->tr = (X86Segment) { .limit = 0xffff, .access = X86_SEG_P | 0xb };
    env->gdt = (X86Table) { .limit = 0xffff };
    env->idt = (X86Table) { .limit = 0xffff };
}

static uint32_t cpuid_signature(X86CPU *cpu)
{
    X86CpuidEntry entry;

    return x86_cpu_find_cpuid(cpu, 1, 0, &entry) ? entry.eax : 0;
}

void x86_cpu_reset_state(X86CPU *cpu)
{
    CPUX86State *env = &cpu->env;

    memset(env->regs, 0, sizeof(env->regs));
    env->regs[R_RDX] = cpuid_signature(cpu);
    env->rip = 0xfff0;
    env->rflags = 2;
    env->cr0 = CR0_CD_MASK | CR0_NW_MASK | CR0_ET_MASK;
    env->cr2 = env->cr3 = env->cr4 = env->cr8 = env->efer = 0;
    memset(env->dr, 0, sizeof(env->dr));
    env->dr[6] = 0xffff0ff0;
    env->dr[7] = 0x400;
    memset(&env->events, 0, sizeof(env->events));
    env->mp_state = x86_cpu_is_bsp(cpu) ? X86_MP_RUNNABLE : X86_MP_UNINITIALIZED;
    reset_segments(env);
    reset_fpu(env);
    reset_lapic(cpu);
    reset_msrs(cpu);
}

void cpu_x86_set_boot_state64(X86CPU *cpu, uint64_t rip, uint64_t rsi, uint64_t cr3,
                              uint64_t gdt_base, uint16_t gdt_limit, uint64_t rsp)
{
    CPUX86State *env = &cpu->env;
    const X86Segment data = {
        .selector = 0x18, .limit = UINT32_MAX,
        .access = X86_SEG_G | X86_SEG_DB | X86_SEG_P | X86_SEG_S | 0x3,
    };

    env->rip = rip;
    env->regs[R_RSI] = rsi;
    env->regs[R_RSP] = rsp;
    env->rflags = 2;
    env->cr0 = CR0_PE_MASK | CR0_ET_MASK | CR0_NE_MASK | CR0_PG_MASK;
    env->cr3 = cr3;
    env->cr4 = CR4_PAE_MASK;
    env->efer = EFER_LME_MASK | EFER_LMA_MASK;
    for (unsigned i = 0; i < X86_NB_SEGS; i++) {
        env->segs[i] = data;
    }
    env->segs[R_CS] = (X86Segment) {
        .selector = 0x10, .limit = UINT32_MAX,
        .access = X86_SEG_G | X86_SEG_L | X86_SEG_P | X86_SEG_S | 0xb,
    };
    env->gdt = (X86Table) { .base = gdt_base, .limit = gdt_limit };
    env->idt = (X86Table) { .limit = 0 };
    x86_lapic_set(env, X86_APIC_SVR, 0x1ff);
    x86_lapic_set(env, X86_APIC_LVT0, X86_APIC_MODE_EXTINT);
    x86_lapic_set(env, X86_APIC_LVT1, X86_APIC_MODE_NMI);
    env->mp_state = X86_MP_RUNNABLE;
}
