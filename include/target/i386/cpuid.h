/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID of a model: feature words with a property for each named bit, and the composition of all
 * leaves that a guest's vCPU shows. What the accelerator supports is the upper bound of features.
 */
#ifndef TARGET_I386_CPUID_H
#define TARGET_I386_CPUID_H

typedef struct X86CPU X86CPU;

/* One 32-bit register of one leaf that holds feature bits. */
typedef enum X86FeatureWord {
    FEAT_1_EDX,
    FEAT_1_ECX,
    FEAT_6_EAX,
    FEAT_7_0_EBX,
    FEAT_7_0_ECX,
    FEAT_7_0_EDX,
    FEAT_7_1_EAX,
    FEAT_7_1_ECX,
    FEAT_7_1_EDX,
    FEAT_7_2_EDX,
    FEAT_XSAVE,            /* leaf 0xd subleaf 1 EAX */
    FEAT_8000_0001_EDX,
    FEAT_8000_0001_ECX,
    FEAT_8000_0007_EDX,
    FEAT_8000_0008_EBX,
    FEAT_8000_0021_EAX,
    FEAT_8000_0021_ECX,
    FEAT_8000_0022_EAX,
    FEAT_SVM,              /* leaf 0x8000000a EDX */
    FEAT_KVM,              /* leaf 0x40000001 EAX */
    FEAT_KVM_HINTS,        /* leaf 0x40000001 EDX */
    FEATURE_WORDS,
} X86FeatureWord;

/* A CPU model as a table entry. */
typedef struct X86CpuModel {
    const char *name;               /* without the type's suffix */
    const char *description;        /* as "-cpu help" shows it */
    bool from_host;                 /* features: all that the accelerator supports */
    bool needs_kvm;
    bool is_static;                 /* the same for ever and everywhere: the host adds nothing */
    const char *vendor;             /* 12 characters; overridden by the host's under KVM */
    unsigned family, model, stepping;
    const char *model_id;
    uint32_t level, xlevel;
    uint32_t features[FEATURE_WORDS];
} X86CpuModel;

typedef struct X86CpuidState {
    char vendor[13];
    char model_id[49];
    unsigned family, model, stepping;
    uint32_t features[FEATURE_WORDS];       /* asked for, then, once realized, shown */
    uint32_t user_features[FEATURE_WORDS];  /* bits that a property has set or cleared */
    uint32_t filtered[FEATURE_WORDS];       /* asked for, and not to be had on this host */
} X86CpuidState;

typedef struct X86CpuidEntry {
    uint32_t leaf;
    uint32_t subleaf;
    bool has_subleaf;               /* ECX matters */
    uint32_t eax, ebx, ecx, edx;
} X86CpuidEntry;

/* Name of a feature bit, or NULL. */
const char *x86_feature_name(X86FeatureWord word, unsigned bit);
/* Why a feature bit has no name, and is shown to no guest; NULL for one with a name. */
const char *x86_feature_mask_reason(X86FeatureWord word, unsigned bit);
/* Why a whole leaf of the host is not shown; NULL for one that is, or that nobody knows. */
const char *x86_leaf_mask_reason(uint32_t leaf);

/* All leaves of a realized CPU: at most @max entries are written; returns how many. */
#define X86_CPUID_MAX_ENTRIES 128
unsigned x86_cpu_build_cpuid(X86CPU *cpu, X86CpuidEntry *entries, unsigned max);
/* One of them; false if the CPU does not show it. */
bool x86_cpu_find_cpuid(X86CPU *cpu, uint32_t leaf, uint32_t subleaf, X86CpuidEntry *entry);

/* What CPUID returns on the processor that runs this program. */
void host_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

#endif /* TARGET_I386_CPUID_H */
