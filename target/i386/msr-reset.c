/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each model-specific register holds after RESET, and where that is written. The manuals:
 * SDM 3A "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT" ("SDM 3A states"
 * here) and volume 4 for single bits; AMD APM volume 2; Linux's
 * Documentation/virt/kvm/x86/msr.rst. No firmware runs after RESET, so that what every firmware
 * sets, and Linux relies on, is set here.
 */
#include "qemu/osdep.h"
#include "target/i386/cpu.h"
#include "target/i386/msr-index.h"
#include "target/i386/msr-reset.h"
#include "feature-words.h"

#define WB8 UINT64_C(0x0606060606060606)
#define WP8 UINT64_C(0x0505050505050505)
#define MISC_ENABLE_FAST_STRING UINT64_C(1)

static uint64_t keep(X86CPU *cpu, uint64_t fresh)
{
    return fresh;
}

/* The other bits tell what is missing (BTS, PEBS) or there (MONITOR): the accelerator knows. */
static uint64_t misc_enable(X86CPU *cpu, uint64_t fresh)
{
    return x86_cpu_is_intel(cpu) ? fresh | MISC_ENABLE_FAST_STRING : fresh;
}

/* A bit for each general-purpose counter (leaf 0xa EAX 15:8); the fixed ones start disabled. */
static uint64_t perf_global_ctrl(X86CPU *cpu, uint64_t fresh)
{
    X86CpuidEntry pmu;

    if (!x86_cpu_find_cpuid(cpu, 0xa, 0, &pmu) || (pmu.eax & 0xff) < 2) {
        return fresh;
    }
    return (UINT64_C(1) << (pmu.eax >> 8 & 0x1f)) - 1;
}

static const X86MsrReset msr_resets[] = {
    /* Time, and what there was of SMIs. */
    { 0x10, 0x10, 0, NULL, "SDM 3A states: TSC 0" },
    { 0x34, 0x34, 0, NULL, "SDM 4 MSR_SMI_COUNT: SMIs since RESET" },
    { 0x3b, 0x3b, 0, NULL, "SDM 3B Time-Stamp Counter Adjustment: 0 on RESET" },
    { 0x6e0, 0x6e0, 0, NULL, "SDM 3A TSC-Deadline Mode: 0, disarmed, on RESET" },
    { 0xc0000103, 0xc0000103, 0, NULL, "APM 2 appendix A TSC_AUX: 0" },
    { 0xc0000104, 0xc0000104, UINT64_C(1) << 32, NULL, "APM 2 TSC Ratio MSR: 1.0" },

    /* System calls and segments. */
    { 0x174, 0x176, 0, NULL, "SDM 3A states: SYSENTER_CS, _ESP, _EIP 0" },
    { 0xc0000081, 0xc0000084, 0, NULL, "APM 2 Initial Processor State: STAR and others 0" },
    { 0xc0000102, 0xc0000102, 0, NULL, "APM 2 Initial Processor State: KernelGSbase 0" },

    /* Memory types: as firmware leaves them, alike on all CPUs, which Linux checks. */
    { 0x277, 0x277, UINT64_C(0x0007040600070406), NULL, "SDM 3A Programming the PAT" },
    { 0x200, 0x21f, 0, NULL, "SDM 3A MTRR Initialization: variable ranges disabled" },
    { 0x250, 0x250, WB8, NULL, "firmware: RAM below 512 KiB is write-back" },
    { 0x258, 0x258, WB8, NULL, "firmware: RAM up to 640 KiB is write-back" },
    { 0x259, 0x259, 0, NULL, "firmware: the VGA window is uncached" },
    { 0x268, 0x26f, WP8, NULL, "firmware: option ROMs are write-protected" },
    { 0x2ff, 0x2ff, MTRR_DEF_TYPE_ENABLE | MTRR_DEF_TYPE_FIXED_ENABLE | MTRR_TYPE_WB, NULL,
      "firmware: MTRRs on, all the rest write-back" },

    /* What the processor is: read-only for the guest, the accelerator's to say. */
    { 0x8b, 0x8b, 0, keep, "SDM 4 IA32_BIOS_SIGN_ID: the microcode's revision" },
    { 0xce, 0xce, 0, keep, "SDM 4 MSR_PLATFORM_INFO: capabilities" },
    { 0xcf, 0xcf, 0, keep, "SDM 4 IA32_CORE_CAPABILITIES: capabilities" },
    { 0x10a, 0x10a, 0, keep, "SDM 4 IA32_ARCH_CAPABILITIES: capabilities" },
    { 0x345, 0x345, 0, keep, "SDM 4 IA32_PERF_CAPABILITIES: capabilities" },
    { 0x480, 0x491, 0, keep, "SDM 3D VMX Capability Reporting: capabilities" },
    { 0xc0010015, 0xc0010015, 0, keep, "APM 2 appendix A HWCR: differs by family" },
    { 0xc0010140, 0xc0010141, 0, keep, "APM 2 appendix A OSVW: errata of this processor" },
    { 0xc0011029, 0xc0011029, 0, keep, "Linux msr-index.h AMD64_DE_CFG: LFENCE serializes or not" },

    /* Switches. */
    { 0x3a, 0x3a, 0, NULL, "SDM 4 IA32_FEATURE_CONTROL: unlocked; Linux locks it" },
    { 0x48, 0x48, 0, NULL, "SDM 4 IA32_SPEC_CTRL: 0" },
    { 0x8c, 0x8f, 0, keep, "SDM 4 IA32_SGXLEPUBKEYHASH: the processor's default" },
    { 0x9e, 0x9e, 0, keep, "accel/kvm/i386/smm.c: each vCPU's own (SDM 3C SMRAM: 0x30000)" },
    { 0xe1, 0xe1, 0, NULL, "SDM 4 IA32_UMWAIT_CONTROL: 0" },
    { 0x122, 0x122, 0, NULL, "SDM 4 IA32_TSX_CTRL: TSX enabled" },
    { 0x140, 0x140, 0, NULL, "SDM 4 MSR_MISC_FEATURES_ENABLES: 0" },
    { 0x1a0, 0x1a0, 0, misc_enable, "SDM 4 IA32_MISC_ENABLE: bit 0, fast strings, is set" },
    { 0x1c4, 0x1c5, 0, NULL, "SDM 1 Extended Feature Disable: 0" },
    { 0x1fc, 0x1fc, 0, NULL, "SDM 4 MSR_POWER_CTL: by model; there are no C-states to control" },
    { 0x6a0, 0x6a0, 0, NULL, "SDM 4 IA32_U_CET: 0" },
    { 0x6a2, 0x6a2, 0, NULL, "SDM 4 IA32_S_CET: 0" },
    { 0x6a4, 0x6a8, 0, NULL, "SDM 4: shadow stack pointers and their table 0" },
    { 0xd90, 0xd90, 0, NULL, "SDM 3A states: BNDCFGS 0" },
    { 0xda0, 0xda0, 0, NULL, "SDM 3A states: IA32_XSS 0" },
    { 0xc0010117, 0xc0010117, 0, NULL, "APM 2 VM_HSAVE_PA MSR: 0" },
    { 0xc001011f, 0xc001011f, 0, NULL, "APM 2 appendix A VIRT_SPEC_CTRL: 0" },

    /* Machine checks: banks as the hardware has them, nothing recorded. */
    { 0x17a, 0x17a, 0, NULL, "SDM 3A states: MCG_STATUS 0 after power-up" },
    { 0x17b, 0x17b, 0, keep, "SDM 3B IA32_MCG_CTL: all on" },
    { 0x4d0, 0x4d0, 0, NULL, "SDM 3B IA32_MCG_EXT_CTL: LMCE off" },
    { 0x280, 0x29f, 0, NULL, "SDM 3B IA32_MCi_CTL2: CMCI off" },
    { 0x400, 0x47f, 0, keep, "SDM 3B IA32_MCi_CTL: all on; nothing recorded" },

    /* Debugging and performance. */
    { 0x1d9, 0x1d9, 0, NULL, "SDM 3A states: DEBUGCTL 0" },
    { 0x1db, 0x1de, 0, NULL, "SDM 3A states: last branch, last interrupt 0" },
    { 0xc1, 0xd2, 0, NULL, "SDM 3A states: IA32_PMCx 0" },
    { 0x186, 0x197, 0, NULL, "SDM 3A states: IA32_PERFEVTSELx 0" },
    { 0x309, 0x318, 0, NULL, "SDM 3A states: IA32_FIXED_CTRx 0" },
    { 0x38d, 0x38d, 0, NULL, "SDM 3A states: IA32_FIXED_CTR_CTRL 0" },
    { 0x38e, 0x38e, 0, NULL, "SDM 3A states: IA32_PERF_GLOBAL_STATUS 0" },
    { 0x38f, 0x38f, 0, perf_global_ctrl, "SDM 3A states: IA32_PERF_GLOBAL_CTRL bits n-1:0 set" },
    { 0x390, 0x391, 0, NULL, "SDM 4: writes alone matter" },
    { 0x3f1, 0x3f2, 0, NULL, "SDM 4 IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG: 0" },
    { 0x4c1, 0x4cf, 0, NULL, "SDM 4: full-width aliases of IA32_PMCx" },
    { 0x560, 0x561, 0, NULL, "SDM 4 IA32_RTIT_OUTPUT_BASE, _MASK_PTRS: 0" },
    { 0x570, 0x572, 0, NULL, "SDM 4 IA32_RTIT_CTL, _STATUS, _CR3_MATCH: 0" },
    { 0x580, 0x587, 0, NULL, "SDM 4 IA32_RTIT_ADDRn: 0" },
    { 0x600, 0x600, 0, NULL, "SDM 4 IA32_DS_AREA: 0" },
    { 0xc0010000, 0xc0010007, 0, NULL, "APM 2 Performance Counter MSRs: 0" },
    { 0xc0010200, 0xc001020b, 0, NULL, "APM 2 Core Performance Counters: 0" },
    { 0xc0000300, 0xc0000303, 0, keep, "APM 2 PerfMonV2: by model" },

    /* Paravirtual pages: a new kernel must not find the old one's registrations. */
    { 0x11, 0x12, 0, NULL, "msr.rst: old clock MSRs; no page" },
    { MSR_KVM_WALL_CLOCK, MSR_KVM_PV_EOI_EN, 0, NULL, "msr.rst: no page, nothing enabled" },
    { MSR_KVM_POLL_CONTROL, MSR_KVM_POLL_CONTROL, 1, NULL, "msr.rst: the host may poll" },
    { MSR_KVM_ASYNC_PF_INT, MSR_KVM_MIGRATION_CONTROL, 0, NULL, "msr.rst: nothing enabled" },
};

const X86MsrReset *x86_msr_reset_find(uint32_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(msr_resets); i++) {
        if (index >= msr_resets[i].first && index <= msr_resets[i].last) {
            return &msr_resets[i];
        }
    }
    return NULL;
}

uint64_t x86_msr_reset_value(X86CPU *cpu, uint32_t index, uint64_t fresh)
{
    const X86MsrReset *reset = x86_msr_reset_find(index);

    if (!reset) {
        return fresh;
    }
    return reset->compute ? reset->compute(cpu, fresh) : reset->value;
}
