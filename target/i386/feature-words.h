/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of feature words and CPU models, shared by the files of this folder only. */
#ifndef TARGET_I386_FEATURES_H
#define TARGET_I386_FEATURES_H

#include "target/i386/cpuid.h"

enum X86CpuidReg { X86_CPUID_EAX, X86_CPUID_EBX, X86_CPUID_ECX, X86_CPUID_EDX };

typedef struct X86FeatureWordInfo {
    uint32_t leaf;
    uint32_t subleaf;
    enum X86CpuidReg reg;
    const char *names[32];
} X86FeatureWordInfo;

extern const X86FeatureWordInfo x86_feature_words[FEATURE_WORDS];
extern const X86CpuModel x86_cpu_models[];
extern const unsigned x86_nb_cpu_models;

/* Bits of leaf 0x80000001 EDX that AMD processors repeat from leaf 1 EDX. */
#define X86_AMD_ALIASES 0x0183f3ffu

#define CPUID_1_EDX_MCE (1u << 7)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_MTRR (1u << 12)
#define CPUID_1_EDX_MCA (1u << 14)
#define CPUID_1_EDX_HT (1u << 28)
#define CPUID_1_ECX_MONITOR (1u << 3)
#define CPUID_1_ECX_PDCM (1u << 15)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_AVX (1u << 28)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_7_0_EBX_MPX (1u << 14)
#define CPUID_7_0_EBX_AVX512F (1u << 16)
#define CPUID_7_0_ECX_PKU (1u << 3)
#define CPUID_7_0_ECX_LA57 (1u << 16)
#define CPUID_7_0_EDX_ARCH_CAPABILITIES (1u << 29)
#define CPUID_8000_0001_EDX_LM (1u << 29)
#define CPUID_8000_0001_ECX_CMP_LEGACY (1u << 1)
#define CPUID_8000_0001_ECX_SVM (1u << 2)
#define CPUID_8000_0001_ECX_TOPOEXT (1u << 22)
#define CPUID_8000_0001_ECX_PERFCTR_CORE (1u << 23)
#define CPUID_8000_0001_ECX_PERFCTR_NB (1u << 24)
#define CPUID_8000_0007_EDX_INVTSC (1u << 8)

#define X86_VENDOR_AMD "AuthenticAMD"
#define X86_VENDOR_HYGON "HygonGenuine"
#define X86_VENDOR_INTEL "GenuineIntel"

uint32_t x86_feature_word_names_mask(X86FeatureWord word);

/* Parts of XSAVE's state (SDM volume 1 section 13.1) that come with a feature. */
typedef struct X86XsaveComponent {
    uint32_t components;            /* bits of XCR0 */
    X86FeatureWord word;
    uint32_t bit;
} X86XsaveComponent;
#define X86_XSAVE_LEGACY 0x3u       /* x87 and SSE: always */
extern const X86XsaveComponent x86_xsave_components[];
extern const unsigned x86_nb_xsave_components;

/* AMD's or Hygon's, whose CPUID is alike. */
bool x86_cpu_is_amd_like(const X86CPU *cpu);
/* What the accelerator offers of a leaf; false, with zeroes, where no vCPU will run. */
bool x86_accel_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

/*
 * Fills cpu->cpuid.features for good: model and user's wishes, cut down to what the accelerator
 * has; levels follow. Warns of what is missing ("check") or fails ("enforce").
 */
bool x86_cpu_expand_features(X86CPU *cpu, Error **errp);
/* Model's choices that the accelerator changes: called at the end of instance_init. */
void x86_cpu_apply_accel_defaults(X86CPU *cpu);

#endif /* TARGET_I386_FEATURES_H */
