/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of CPUID feature bits (which are the CPU's boolean properties) and the CPU models.
 * Bits: SDM volume 2A "CPUID", AMD APM volume 3 appendix E, Linux's Documentation/virt/kvm/x86/
 * cpuid.rst for KVM's leaf. A bit without a name cannot be asked for; "host" and "max" take it
 * from the host only if it has a name here.
 */
#include "qemu/osdep.h"
#include "feature-words.h"

const X86FeatureWordInfo x86_feature_words[FEATURE_WORDS] = {
    [FEAT_1_EDX] = { 0x1, 0, X86_CPUID_EDX, {
        "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce",
        "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov",
        "pat", "pse36", "pn", "clflush", NULL, "ds", "acpi", "mmx",
        "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe" } },
    [FEAT_1_ECX] = { 0x1, 0, X86_CPUID_ECX, {
        "pni", "pclmulqdq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est",
        "tm2", "ssse3", "cid", NULL, "fma", "cx16", "xtpr", "pdcm",
        NULL, "pcid", "dca", "sse4.1", "sse4.2", "x2apic", "movbe", "popcnt",
        "tsc-deadline", "aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor" } },
    [FEAT_6_EAX] = { 0x6, 0, X86_CPUID_EAX, { [2] = "arat" } },
    [FEAT_7_0_EBX] = { 0x7, 0, X86_CPUID_EBX, {
        "fsgsbase", "tsc-adjust", NULL, "bmi1", "hle", "avx2", NULL, "smep",
        "bmi2", "erms", "invpcid", "rtm", NULL, NULL, "mpx", NULL,
        "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "pcommit", "clflushopt",
        "clwb", NULL, "avx512pf", "avx512er", "avx512cd", "sha-ni", "avx512bw", "avx512vl" } },
    [FEAT_7_0_ECX] = { 0x7, 0, X86_CPUID_ECX, {
        NULL, "avx512vbmi", "umip", "pku", NULL, "waitpkg", "avx512vbmi2", NULL,
        "gfni", "vaes", "vpclmulqdq", "avx512vnni", "avx512bitalg", NULL, "avx512-vpopcntdq", NULL,
        "la57", NULL, NULL, NULL, NULL, NULL, "rdpid", NULL,
        "bus-lock-detect", "cldemote", NULL, "movdiri", "movdir64b", NULL, NULL, "pks" } },
    [FEAT_7_0_EDX] = { 0x7, 0, X86_CPUID_EDX, {
        NULL, NULL, "avx512-4vnniw", "avx512-4fmaps", "fsrm", NULL, NULL, NULL,
        "avx512-vp2intersect", NULL, "md-clear", NULL, NULL, NULL, "serialize", NULL,
        "tsx-ldtrk", NULL, NULL, NULL, NULL, NULL, NULL, "avx512-fp16",
        NULL, NULL, "spec-ctrl", "stibp", NULL, "arch-capabilities", "core-capability", "ssbd" } },
    [FEAT_7_1_EAX] = { 0x7, 1, X86_CPUID_EAX, { [4] = "avx-vnni", [5] = "avx512-bf16" } },
    [FEAT_XSAVE] = { 0xd, 1, X86_CPUID_EAX, { "xsaveopt", "xsavec", "xgetbv1", "xsaves" } },
    [FEAT_8000_0001_EDX] = { 0x80000001, 0, X86_CPUID_EDX, {
        /* AMD repeats leaf 1's bits here: they follow from those and have no names. */
        [11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr-opt", [26] = "pdpe1gb",
        [27] = "rdtscp", [29] = "lm", [30] = "3dnowext", [31] = "3dnow" } },
    [FEAT_8000_0001_ECX] = { 0x80000001, 0, X86_CPUID_ECX, {
        "lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm", "sse4a", "misalignsse",
        "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL, "lwp",
        "fma4", "tce", NULL, "nodeid-msr", NULL, "tbm", "topoext", "perfctr-core",
        "perfctr-nb" } },
    [FEAT_8000_0007_EDX] = { 0x80000007, 0, X86_CPUID_EDX, { [8] = "invtsc" } },
    [FEAT_8000_0008_EBX] = { 0x80000008, 0, X86_CPUID_EBX, {
        [0] = "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs",
        [15] = "amd-stibp", [24] = "amd-ssbd", [25] = "virt-ssbd", [26] = "amd-no-ssb" } },
    [FEAT_SVM] = { 0x8000000a, 0, X86_CPUID_EDX, {
        "npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid",
        "decodeassists", [10] = "pause-filter", [12] = "pfthreshold", [13] = "avic",
        [15] = "v-vmsave-vmload", [16] = "vgif", [28] = "svme-addr-chk" } },
    [FEAT_KVM] = { 0x40000001, 0, X86_CPUID_EAX, {
        /* Two bits share the name kvmclock: the old and the new pair of MSRs. */
        "kvmclock", "kvm-nopiodelay", "kvm-mmu", "kvmclock", "kvm-asyncpf", "kvm-steal-time",
        "kvm-pv-eoi", "kvm-pv-unhalt", NULL, "kvm-pv-tlb-flush", NULL, "kvm-pv-ipi",
        "kvm-poll-control", "kvm-pv-sched-yield", "kvm-asyncpf-int", "kvm-msi-ext-dest-id",
        [24] = "kvmclock-stable-bit" } },
    [FEAT_KVM_HINTS] = { 0x40000001, 0, X86_CPUID_EDX, { "kvm-hint-dedicated" } },
};

#define QEMU64_FEATURES {                                                       \
    [FEAT_1_EDX] = 0x078bfbfd,                                                  \
    [FEAT_1_ECX] = 0x80002001,                                                  \
    [FEAT_8000_0001_EDX] = 0x20100800,                                          \
    [FEAT_8000_0001_ECX] = 0x00000005,                                          \
}

const X86CpuModel x86_cpu_models[] = {
    {
        .name = "qemu64", .description = "QEMU Virtual CPU version 2.5+",
        .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
        .model_id = "QEMU Virtual CPU version 2.5+",
        .level = 0xd, .xlevel = 0x8000000a, .features = QEMU64_FEATURES,
    },
    {
        .name = "host", .description = "processor with all supported host features",
        .from_host = true, .needs_kvm = true,
        .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
        .model_id = "QEMU Virtual CPU version 2.5+",
    },
    {
        .name = "max",
        .description = "Enables all features supported by the accelerator in the current host",
        .from_host = true,
        .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
        .model_id = "QEMU Virtual CPU version 2.5+",
        .level = 0xd, .xlevel = 0x8000000a, .features = QEMU64_FEATURES,
    },
    {
        .name = "base", .description = "Nothing: features are added one by one",
        .is_static = true, .vendor = "", .model_id = "",
    },
};
const unsigned x86_nb_cpu_models = ARRAY_SIZE(x86_cpu_models);

const char *x86_feature_name(X86FeatureWord word, unsigned bit)
{
    return x86_feature_words[word].names[bit];
}

uint32_t x86_feature_word_names_mask(X86FeatureWord word)
{
    uint32_t mask = 0;

    for (unsigned bit = 0; bit < 32; bit++) {
        mask |= x86_feature_words[word].names[bit] ? UINT32_C(1) << bit : 0;
    }
    return mask;
}
