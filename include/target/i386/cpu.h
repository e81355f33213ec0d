/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * X86CPU: one x86-64 logical processor: which CPUID it shows (model, features, topology) and its
 * architectural state as of the last reset or of the last AccelClass.vcpu_get_state(). While the
 * vCPU runs, its registers live in the accelerator and the fields here are stale.
 *
 * All functions need the big lock. Sources: Intel SDM volume 3A (reset: table 10-1 "IA-32 and
 * Intel 64 Processor States Following Power-up, Reset, or INIT"; local APIC: chapter 11), AMD APM
 * volume 2 (section 14.1) and volume 3 (appendix E: CPUID).
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "hw/core/cpu.h"
#include "target/i386/cpuid.h"
#include "target/i386/topology.h"

#define TYPE_X86_CPU "x86_64-cpu"
#define X86_CPU_TYPE_SUFFIX "-" TYPE_X86_CPU
#define X86_CPU_TYPE_NAME(name) (name X86_CPU_TYPE_SUFFIX)
/* The model of a machine that is not told one. */
#define X86_CPU_DEFAULT_TYPE X86_CPU_TYPE_NAME("qemu64")
OBJECT_DECLARE_TYPE(X86CPU, X86CPUClass, X86_CPU)

#define X86_CPU_UNASSIGNED_APIC_ID UINT32_MAX
#define X86_APIC_DEFAULT_ADDRESS 0xfee00000u

/* Order of general registers as instructions encode them. */
enum X86Reg {
    R_RAX, R_RCX, R_RDX, R_RBX, R_RSP, R_RBP, R_RSI, R_RDI,
    R_R8, R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15, X86_NB_REGS,
};
enum X86SegReg { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS, X86_NB_SEGS };

#define CR0_PE_MASK (1u << 0)
#define CR0_MP_MASK (1u << 1)
#define CR0_ET_MASK (1u << 4)
#define CR0_NE_MASK (1u << 5)
#define CR0_WP_MASK (1u << 16)
#define CR0_NW_MASK (1u << 29)
#define CR0_CD_MASK (1u << 30)
#define CR0_PG_MASK (1u << 31)
#define CR4_PAE_MASK (1u << 5)
#define EFER_LME_MASK (1u << 8)
#define EFER_LMA_MASK (1u << 10)
#define APIC_BASE_BSP (1u << 8)
#define APIC_BASE_ENABLE (1u << 11)

/* Access rights of a segment: the descriptor's second word from bit 8 on (SDM 3A 3.4.5). */
#define X86_SEG_TYPE_MASK 0x000fu
#define X86_SEG_S 0x0010u
#define X86_SEG_DPL_SHIFT 5
#define X86_SEG_P 0x0080u
#define X86_SEG_AVL 0x1000u
#define X86_SEG_L 0x2000u
#define X86_SEG_DB 0x4000u
#define X86_SEG_G 0x8000u

typedef struct X86Segment {
    uint64_t base;
    uint32_t limit;      /* in bytes, granularity applied */
    uint16_t selector;
    uint16_t access;     /* X86_SEG_* ; not present means unusable */
} X86Segment;

typedef struct X86Table {
    uint64_t base;
    uint16_t limit;
} X86Table;

enum X86MpState {        /* what the vCPU does when it is let run */
    X86_MP_RUNNABLE,
    X86_MP_UNINITIALIZED,   /* an AP before INIT */
    X86_MP_INIT_RECEIVED,   /* waits for SIPI */
    X86_MP_HALTED,
    X86_MP_SIPI_RECEIVED,
};

/* Exceptions, interrupts, NMI and SMI in flight. */
typedef struct X86Events {
    bool exception_injected;
    bool exception_pending;
    bool exception_has_error_code;
    bool exception_has_payload;
    uint8_t exception_nr;
    uint32_t exception_error_code;
    uint64_t exception_payload;
    bool interrupt_injected;
    bool interrupt_soft;
    uint8_t interrupt_nr;
    uint8_t interrupt_shadow;
    bool nmi_injected;
    bool nmi_pending;
    bool nmi_masked;
    bool smm;
    bool smi_pending;
    bool smm_inside_nmi;
    bool smi_latched_init;
    bool triple_fault_pending;
    uint32_t sipi_vector;
} X86Events;

typedef struct X86Msr {
    uint32_t index;
    uint64_t value;
} X86Msr;

#define X86_LAPIC_STATE_SIZE 1024
#define X86_XSAVE_MIN_SIZE 4096

typedef struct CPUX86State {
    uint64_t regs[X86_NB_REGS];
    uint64_t rip;
    uint64_t rflags;
    X86Segment segs[X86_NB_SEGS];
    X86Segment ldt;
    X86Segment tr;
    X86Table gdt;
    X86Table idt;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t efer;
    uint64_t apic_base;
    uint64_t dr[8];                 /* 4 and 5 unused */
    uint64_t xcr0;
    /* XSAVE area in the standard (not compacted) format; at least X86_XSAVE_MIN_SIZE bytes. */
    uint8_t *xsave;
    size_t xsave_size;
    /* The local APIC's register page, first KiB: a register each 16 bytes, little endian. */
    uint8_t lapic[X86_LAPIC_STATE_SIZE];
    X86Events events;
    enum X86MpState mp_state;
    /*
     * All model-specific registers that the accelerator can write. It fills in the indexes and the
     * values of a fresh vCPU when it makes one (x86_cpu_set_power_on_msrs()).
     */
    X86Msr *msrs;
    unsigned nb_msrs;
} CPUX86State;

struct X86CPU {
    CPUState parent_obj;

    CPUX86State env;
    X86Msr *power_on_msrs;          /* nb_msrs of them, in env.msrs' order */

    /* Properties. */
    uint32_t apic_id;
    int32_t socket_id, die_id, core_id, thread_id, node_id;
    uint32_t phys_bits;             /* 0 before realize: the model's choice */
    bool host_phys_bits;
    uint8_t host_phys_bits_limit;
    bool kvm_signature;             /* property "kvm": show KVM's leaves */
    bool l3_cache;
    bool pmu;                       /* show the performance counters that the accelerator has */
    bool migratable;                /* "host", "max": no feature that ties the guest to a host */
    bool check;
    bool enforce;
    bool cpuid_0xb;
    bool vendor_cpuid_only;         /* no leaves of Intel's for AMD's (since 6.1) */
    uint32_t level, min_level;      /* greatest basic leaf; UINT32_MAX: computed */
    uint32_t xlevel, min_xlevel;
    X86CpuidState cpuid;            /* family, model, names, feature words */
};

struct X86CPUClass {
    CPUClass parent_class;

    const X86CpuModel *model;       /* NULL: the abstract base */
    DeviceRealize parent_realize;
    DeviceUnrealize parent_unrealize;
    ResettablePhases parent_phases;
};

/* The CPU's state after power-up or RESET, the MSRs included; the accelerator takes it over. */
void x86_cpu_reset_state(X86CPU *cpu);

/* True for the processor that starts by itself (APIC base bit 8). */
bool x86_cpu_is_bsp(const X86CPU *cpu);

/* Called once by the accelerator: the MSRs it can write, with a fresh vCPU's values (taken). */
void x86_cpu_set_power_on_msrs(X86CPU *cpu, X86Msr *msrs, unsigned nb_msrs);

/* The value of an MSR of env.msrs, or NULL if the accelerator does not have it. */
uint64_t *x86_cpu_msr(X86CPU *cpu, uint32_t index);

/* A local APIC register by its page offset (SDM 3A table 11-1), e.g. X86_APIC_LVT0. */
uint32_t x86_lapic_get(const CPUX86State *env, unsigned offset);
void x86_lapic_set(CPUX86State *env, unsigned offset, uint32_t value);
#define X86_APIC_ID 0x20
#define X86_APIC_VERSION 0x30
#define X86_APIC_DFR 0xe0
#define X86_APIC_SVR 0xf0
#define X86_APIC_LVT_CMCI 0x2f0
#define X86_APIC_LVT_TIMER 0x320
#define X86_APIC_LVT_THERMAL 0x330
#define X86_APIC_LVT_PERF 0x340
#define X86_APIC_LVT0 0x350
#define X86_APIC_LVT1 0x360
#define X86_APIC_LVT_ERROR 0x370

/*
 * Puts the CPU, which has just been reset, into the state of Linux's 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst, "64-bit boot protocol"): long mode with paging on @cr3, flat
 * segments __BOOT_CS 0x10 and __BOOT_DS 0x18 (the GDT at @gdt_base must hold them), interrupts
 * off, RIP and RSI as given. The local APIC's LINT0 is ExtINT and LINT1 NMI, as firmware leaves
 * it. Call it in a reset handler that runs after the CPU's; the accelerator is told to take it.
 */
void cpu_x86_set_boot_state64(X86CPU *cpu, uint64_t rip, uint64_t rsi, uint64_t cr3,
                              uint64_t gdt_base, uint16_t gdt_limit, uint64_t rsp);

/*
 * "-cpu @optarg": finds the model, registers its properties (model,feat=on,+feat,-feat) as globals
 * and returns the type name to make CPUs of; NULL with @errp. "help" is not handled here.
 */
const char *x86_cpu_parse_option(const char *optarg, Error **errp);

/* "-cpu help", on stdout. */
void x86_cpu_list(void);

/* Is it AMD's own, or Intel's, by its vendor string? */
bool x86_cpu_is_amd(const X86CPU *cpu);
bool x86_cpu_is_intel(const X86CPU *cpu);
#define X86_PHYS_BITS_MAX 52        /* Intel SDM volume 3A, 4.1.4 */
/* The greatest guest physical address + 1 of a realized CPU, in bits: 32..X86_PHYS_BITS_MAX. */
static inline unsigned x86_cpu_phys_bits(const X86CPU *cpu)
{
    return cpu->phys_bits;
}

#endif /* TARGET_I386_CPU_H */
