/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a model and the user's wishes to the features of a CPU: what the accelerator has is the
 * upper bound, "host" and "max" take all of it that has a name (features.c), and what is left is
 * consistent: no feature without those that it needs, nor without its state. Sources: SDM volume 1
 * (what to check before AVX and AVX-512) and volume 2A "CPUID", APM volume 3 appendix E.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/accel.h"
#include "target/i386/cpu.h"
#include "feature-words.h"

/* Bits of @word that a guest may be given; everything where no vCPU will run. */
static uint32_t supported_features(X86FeatureWord word)
{
    const X86FeatureWordInfo *info = &x86_feature_words[word];
    uint32_t regs[4];

    if (!x86_accel_cpuid(info->leaf, info->subleaf, regs)) {
        return UINT32_MAX;
    }
    return regs[info->reg];
}

static void read_host_names(X86CPU *cpu)
{
    X86CpuidState *id = &cpu->cpuid;
    uint32_t regs[4];

    x86_accel_cpuid(1, 0, regs);
    id->family = (regs[0] >> 8) & 0xf;
    id->model = ((regs[0] >> 4) & 0xf) | ((regs[0] >> 12) & 0xf0);
    id->family += id->family == 0xf ? (regs[0] >> 20) & 0xff : 0;
    id->stepping = regs[0] & 0xf;
    memset(id->model_id, 0, sizeof(id->model_id));
    for (unsigned i = 0; i < 3; i++) {
        host_cpuid(0x80000002 + i, 0, regs);
        memcpy(id->model_id + 16 * i, regs, 16);
    }
}

static void read_host_vendor(X86CPU *cpu)
{
    uint32_t regs[4];

    x86_accel_cpuid(0, 0, regs);
    memcpy(cpu->cpuid.vendor, &regs[1], 4);
    memcpy(cpu->cpuid.vendor + 4, &regs[3], 4);
    memcpy(cpu->cpuid.vendor + 8, &regs[2], 4);
    cpu->cpuid.vendor[12] = '\0';
}

/* What a guest of KVM profits from and every host offers; the user may still switch it off. */
static void apply_kvm_defaults(X86CPU *cpu)
{
    uint32_t *features = cpu->cpuid.features;

    features[FEAT_1_ECX] |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR;
    features[FEAT_1_ECX] &= ~CPUID_1_ECX_MONITOR;
    features[FEAT_8000_0001_ECX] &= ~CPUID_8000_0001_ECX_SVM;
    /* Both kvmclock pairs, nopiodelay, asyncpf, steal time, PV EOI, stable clock. */
    features[FEAT_KVM] |= (1u << 0) | (1u << 1) | (1u << 3) | (1u << 4) | (1u << 5) | (1u << 6) |
                          (1u << 24);
}

void x86_cpu_apply_accel_defaults(X86CPU *cpu)
{
    const X86CpuModel *model = X86_CPU_GET_CLASS(cpu)->model;

    if (!kvm_enabled() || !model || model->is_static) {
        return;
    }
    read_host_vendor(cpu);
    if (model->from_host) {
        read_host_names(cpu);
        return;
    }
    apply_kvm_defaults(cpu);
}

/*
 * "host" and "max": all that has a name, but what must be asked for. A TSC of unchanging speed ties
 * the guest to hosts of that speed.
 */
static uint32_t host_features(const X86CPU *cpu, X86FeatureWord word)
{
    uint32_t mask = supported_features(word) & x86_feature_word_names_mask(word);

    if (word == FEAT_8000_0007_EDX && cpu->migratable) {
        mask &= ~CPUID_8000_0007_EDX_INVTSC;
    }
    return word == FEAT_KVM_HINTS ? 0 : mask;
}

static const char *reg_name(enum X86CpuidReg reg)
{
    static const char *const names[] = { "EAX", "EBX", "ECX", "EDX" };

    return names[reg];
}

static void warn_missing(X86FeatureWord word, uint32_t bits, const char *why)
{
    const X86FeatureWordInfo *info = &x86_feature_words[word];

    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = info->names[bit];

        if (bits & (UINT32_C(1) << bit)) {
            warn_report("%s: CPUID.%02XH:%s%s%s [bit %u]", why, info->leaf, reg_name(info->reg),
                        name ? "." : "", name ? name : "", bit);
        }
    }
}

/* ---- What one feature needs of others ---- */

static void drop(X86CPU *cpu, X86FeatureWord word, uint32_t bits)
{
    X86CpuidState *id = &cpu->cpuid;

    if (cpu->check) {
        warn_missing(word, id->features[word] & id->user_features[word] & bits,
                     "This feature depends on other features that were not requested");
    }
    id->features[word] &= ~bits;
}

static bool has(const X86CPU *cpu, X86FeatureWord word, uint32_t bits)
{
    return (cpu->cpuid.features[word] & bits) == bits;
}

/* @bits of @word have no meaning without @needed; in an order that lets one row follow another. */
static const struct {
    X86FeatureWord needed_word;
    uint32_t needed;
    X86FeatureWord word;
    uint32_t bits;
} dependencies[] = {
    { FEAT_1_ECX, CPUID_1_ECX_XSAVE, FEAT_XSAVE, UINT32_MAX },
    { FEAT_1_ECX, CPUID_1_ECX_XSAVE, FEAT_1_ECX, CPUID_1_ECX_AVX },
    { FEAT_1_ECX, CPUID_1_ECX_XSAVE, FEAT_7_0_EBX, CPUID_7_0_EBX_MPX },
    { FEAT_1_ECX, CPUID_1_ECX_XSAVE, FEAT_7_0_ECX, CPUID_7_0_ECX_PKU },
    { FEAT_1_ECX, CPUID_1_ECX_XSAVE, FEAT_8000_0001_ECX, 1u << 15 },        /* LWP */
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_1_ECX, 1u << 12 | 1u << 29 },       /* FMA, F16C */
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_7_0_EBX, 1u << 5 | CPUID_7_0_EBX_AVX512F },
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_7_0_ECX, 1u << 9 | 1u << 10 },      /* VAES, VPCLMULQDQ */
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_7_1_EAX,
      1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 23 },                   /* SHA512 to AVX-IFMA */
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_7_1_EDX, 1u << 4 | 1u << 5 | 1u << 10 },
    { FEAT_1_ECX, CPUID_1_ECX_AVX, FEAT_8000_0001_ECX, 1u << 11 | 1u << 16 },  /* XOP, FMA4 */
    { FEAT_7_0_EBX, CPUID_7_0_EBX_AVX512F, FEAT_7_0_EBX, 0xdc220000 },
    { FEAT_7_0_EBX, CPUID_7_0_EBX_AVX512F, FEAT_7_0_ECX,
      1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14 },
    { FEAT_7_0_EBX, CPUID_7_0_EBX_AVX512F, FEAT_7_0_EDX,
      1u << 2 | 1u << 3 | 1u << 8 | 1u << 23 },
    { FEAT_7_0_EBX, CPUID_7_0_EBX_AVX512F, FEAT_7_1_EAX, 1u << 5 },
    { FEAT_8000_0001_ECX, CPUID_8000_0001_ECX_SVM, FEAT_SVM, UINT32_MAX },
    { FEAT_8000_0001_ECX, CPUID_8000_0001_ECX_PERFCTR_CORE, FEAT_8000_0022_EAX, UINT32_MAX },
};

const X86XsaveComponent x86_xsave_components[] = {
    { 1u << 2, FEAT_1_ECX, CPUID_1_ECX_AVX },
    { 1u << 3 | 1u << 4, FEAT_7_0_EBX, CPUID_7_0_EBX_MPX },
    { 1u << 5 | 1u << 6 | 1u << 7, FEAT_7_0_EBX, CPUID_7_0_EBX_AVX512F },
    { 1u << 9, FEAT_7_0_ECX, CPUID_7_0_ECX_PKU },
};
const unsigned x86_nb_xsave_components = ARRAY_SIZE(x86_xsave_components);

/* An accelerator that has a feature and not the state that goes with it contradicts itself. */
static void drop_features_without_state(X86CPU *cpu)
{
    uint32_t regs[4];

    if (!x86_accel_cpuid(0xd, 0, regs)) {
        return;
    }
    if ((regs[0] & X86_XSAVE_LEGACY) != X86_XSAVE_LEGACY) {
        drop(cpu, FEAT_1_ECX, CPUID_1_ECX_XSAVE);
    }
    for (unsigned i = 0; i < x86_nb_xsave_components; i++) {
        const X86XsaveComponent *c = &x86_xsave_components[i];

        if ((regs[0] & c->components) != c->components) {
            drop(cpu, c->word, c->bit);
        }
    }
}

static void drop_counters(X86CPU *cpu)
{
    drop(cpu, FEAT_1_ECX, CPUID_1_ECX_PDCM);
    drop(cpu, FEAT_8000_0001_ECX,
         CPUID_8000_0001_ECX_PERFCTR_CORE | CPUID_8000_0001_ECX_PERFCTR_NB);
}

static void drop_dependent_features(X86CPU *cpu)
{
    drop_features_without_state(cpu);
    if (!cpu->pmu) {
        drop_counters(cpu);
    }
    for (size_t i = 0; i < ARRAY_SIZE(dependencies); i++) {
        if (!has(cpu, dependencies[i].needed_word, dependencies[i].needed)) {
            drop(cpu, dependencies[i].word, dependencies[i].bits);
        }
    }
}

/* ---- Expansion ---- */

static void filter_features(X86CPU *cpu)
{
    X86CpuidState *id = &cpu->cpuid;

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        uint32_t missing = id->features[word] & ~supported_features(word);

        id->filtered[word] = missing;
        id->features[word] &= ~missing;
    }
}

/* The greatest leaf that says anything; level and xlevel of the model at least. */
static uint32_t highest_level(const X86CPU *cpu)
{
    const uint32_t *features = cpu->cpuid.features;
    uint32_t level = MAX(cpu->min_level, 1), regs[4];

    if (features[FEAT_6_EAX]) {
        level = MAX(level, 6);
    }
    for (unsigned word = FEAT_7_0_EBX; word <= FEAT_7_2_EDX; word++) {
        level = features[word] ? MAX(level, 7) : level;
    }
    if (cpu->pmu && x86_accel_cpuid(0xa, 0, regs) && regs[0]) {
        level = MAX(level, 0xa);
    }
    return features[FEAT_1_ECX] & CPUID_1_ECX_XSAVE ? MAX(level, 0xd) : level;
}

static uint32_t highest_xlevel(const X86CPU *cpu)
{
    const uint32_t *features = cpu->cpuid.features;
    uint32_t xlevel = MAX(cpu->min_xlevel, 0x80000008);

    if (features[FEAT_8000_0001_ECX] & CPUID_8000_0001_ECX_SVM) {
        xlevel = MAX(xlevel, 0x8000000a);
    }
    if (features[FEAT_8000_0001_ECX] & CPUID_8000_0001_ECX_TOPOEXT) {
        xlevel = MAX(xlevel, 0x8000001e);
    }
    if (features[FEAT_8000_0021_EAX] || features[FEAT_8000_0021_ECX]) {
        xlevel = MAX(xlevel, 0x80000021);
    }
    if (features[FEAT_8000_0022_EAX]) {
        xlevel = MAX(xlevel, 0x80000022);
    }
    return xlevel;
}

static bool features_are_complete(X86CPU *cpu, Error **errp)
{
    bool complete = true;

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        uint32_t missing = cpu->cpuid.filtered[word];

        if (missing && (cpu->check || cpu->enforce)) {
            warn_missing(word, missing, "host doesn't support requested feature");
        }
        complete = complete && !missing;
    }
    if (!complete && cpu->enforce) {
        error_setg(errp, "Host doesn't support requested features");
        return false;
    }
    return true;
}

static void warn_of_amd_threads(const X86CPU *cpu)
{
    static bool warned;

    if (current_machine && current_machine->smp.threads > 1 && x86_cpu_is_amd_like(cpu) &&
        !(cpu->cpuid.features[FEAT_8000_0001_ECX] & CPUID_8000_0001_ECX_TOPOEXT)) {
        warn_report_once_cond(&warned, "This family of AMD CPU doesn't support hyperthreading(%u)\n"
                              "Please configure -smp options properly or try enabling topoext "
                              "feature.", current_machine->smp.threads);
    }
}

bool x86_cpu_expand_features(X86CPU *cpu, Error **errp)
{
    X86CpuidState *id = &cpu->cpuid;
    const X86CpuModel *model = X86_CPU_GET_CLASS(cpu)->model;
    bool from_host = model && model->from_host && current_accel_class() &&
                     current_accel_class()->get_supported_cpuid;

    if (from_host) {
        for (unsigned word = 0; word < FEATURE_WORDS; word++) {
            id->features[word] |= host_features(cpu, word) & ~id->user_features[word];
        }
    }
    if (!cpu->kvm_signature || !kvm_enabled()) {
        id->features[FEAT_KVM] = id->features[FEAT_KVM_HINTS] = 0;
    }
    filter_features(cpu);
    if (!features_are_complete(cpu, errp)) {
        return false;
    }
    drop_dependent_features(cpu);
    warn_of_amd_threads(cpu);
    if (cpu->level == UINT32_MAX) {
        cpu->level = highest_level(cpu);
    }
    if (cpu->xlevel == UINT32_MAX) {
        cpu->xlevel = highest_xlevel(cpu);
    }
    return true;
}
