/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of CPUID feature bits (which are the CPU's boolean properties) and the CPU models.
 * Bits: SDM volume 2A "CPUID", AMD APM volume 3 appendix E, Linux's Documentation/virt/kvm/x86/
 * cpuid.rst for KVM's leaf. A bit without a name cannot be asked for, and "host" and "max" do not
 * take it from the host: the table after the names says why, for each.
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
        "fsgsbase", "tsc-adjust", NULL, "bmi1", "hle", "avx2", "fdp-excptn-only", "smep",
        "bmi2", "erms", "invpcid", "rtm", NULL, "zero-fcs-fds", "mpx", NULL,
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
        NULL, NULL, "spec-ctrl", "stibp", "flush-l1d", "arch-capabilities", "core-capability",
        "ssbd" } },
    [FEAT_7_1_EAX] = { 0x7, 1, X86_CPUID_EAX, {
        "sha512", "sm3", "sm4", NULL, "avx-vnni", "avx512-bf16", "lass", "cmpccxadd",
        NULL, NULL, "fzrm", "fsrs", "fsrc", [17] = "fred", "lkgs", "wrmsrns",
        [23] = "avx-ifma", [26] = "lam" } },
    [FEAT_7_1_ECX] = { 0x7, 1, X86_CPUID_ECX, { [5] = "msr-imm" } },
    [FEAT_7_1_EDX] = { 0x7, 1, X86_CPUID_EDX, {
        [4] = "avx-vnni-int8", [5] = "avx-ne-convert", [10] = "avx-vnni-int16",
        [14] = "prefetchiti" } },
    [FEAT_7_2_EDX] = { 0x7, 2, X86_CPUID_EDX, {
        "intel-psfd", "ipred-ctrl", "rrsba-ctrl", "ddpd-u", "bhi-ctrl", "mcdt-no" } },
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
        [15] = "amd-stibp", [17] = "stibp-always-on", [19] = "ibrs-same-mode", [24] = "amd-ssbd",
        [25] = "virt-ssbd", [26] = "amd-no-ssb", [28] = "amd-psfd", [29] = "btc-no",
        [30] = "ibpb-ret" } },
    [FEAT_8000_0021_EAX] = { 0x80000021, 0, X86_CPUID_EAX, {
        "no-nested-data-bp", "fs-gs-base-ns", "lfence-always-serializing", NULL, NULL,
        "verw-clear", "null-sel-clr-base", NULL, "auto-ibrs", "no-smm-ctl-msr", "amd-fsrs",
        "amd-fsrc", [20] = "prefetchi", [24] = "eraps", [27] = "sbpb", "ibpb-brtype", "srso-no",
        "srso-user-kernel-no" } },
    [FEAT_8000_0021_ECX] = { 0x80000021, 0, X86_CPUID_ECX, {
        [1] = "tsa-sq-no", [2] = "tsa-l1-no" } },
    [FEAT_8000_0022_EAX] = { 0x80000022, 0, X86_CPUID_EAX, { "perfmon-v2" } },
    [FEAT_SVM] = { 0x8000000a, 0, X86_CPUID_EDX, {
        "npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid",
        "decodeassists", [10] = "pause-filter", [12] = "pfthreshold", [13] = "avic",
        [15] = "v-vmsave-vmload", [16] = "vgif", [25] = "vnmi", [28] = "svme-addr-chk" } },
    [FEAT_KVM] = { 0x40000001, 0, X86_CPUID_EAX, {
        /* Two bits share the name kvmclock: the old and the new pair of MSRs. */
        "kvmclock", "kvm-nopiodelay", "kvm-mmu", "kvmclock", "kvm-asyncpf", "kvm-steal-time",
        "kvm-pv-eoi", "kvm-pv-unhalt", NULL, "kvm-pv-tlb-flush", "kvm-asyncpf-vmexit",
        "kvm-pv-ipi",
        "kvm-poll-control", "kvm-pv-sched-yield", "kvm-asyncpf-int", "kvm-msi-ext-dest-id",
        [24] = "kvmclock-stable-bit" } },
    [FEAT_KVM_HINTS] = { 0x40000001, 0, X86_CPUID_EDX, { "kvm-hint-dedicated" } },
};

/* Bits that no guest is shown. Each bit of each word is here or has a name: a test looks. */
typedef struct FeatureMask {
    X86FeatureWord word;
    uint8_t first, last;
    const char *why;                /* what it is: why not */
} FeatureMask;

#define RESERVED "reserved"
#define ALIAS "an alias of leaf 1's bit on AMD's: shown from there"
#define POWER "the host's power, clock and heat: a guest has no control of them"
#define AMX "AMX: its state needs a permission that is not asked for"
#define CET "CET: the shadow stack pointer is not among what is carried between KVM and the CPU"
#define SGX "SGX: there is no enclave memory"
#define NOT_KVM "KVM has no support for it"

static const FeatureMask feature_masks[] = {
    { FEAT_1_EDX, 10, 10, RESERVED },
    { FEAT_1_EDX, 20, 20, RESERVED },
    { FEAT_1_ECX, 11, 11, "SDBG: the debug interface of the silicon is the host's" },
    { FEAT_1_ECX, 16, 16, RESERVED },
    { FEAT_1_ECX, 27, 27, "OSXSAVE: KVM shows the guest's CR4 there" },
    { FEAT_6_EAX, 0, 1, POWER },
    { FEAT_6_EAX, 3, 3, RESERVED },
    { FEAT_6_EAX, 4, 24, POWER },
    { FEAT_6_EAX, 25, 31, RESERVED },
    { FEAT_7_0_EBX, 2, 2, SGX },
    { FEAT_7_0_EBX, 12, 12, "RDT monitoring: the host's caches are the host's" },
    { FEAT_7_0_EBX, 15, 15, "RDT allocation: the host's caches are the host's" },
    { FEAT_7_0_EBX, 25, 25, "Intel PT: leaf 0x14 and its state are not carried" },
    { FEAT_7_0_ECX, 0, 0, "PREFETCHWT1: of Xeon Phi alone" },
    { FEAT_7_0_ECX, 4, 4, "OSPKE: KVM shows the guest's CR4 there" },
    { FEAT_7_0_ECX, 7, 7, CET },
    { FEAT_7_0_ECX, 13, 13, "TME: memory encryption is the host's" },
    { FEAT_7_0_ECX, 15, 15, RESERVED },
    { FEAT_7_0_ECX, 17, 21, "MAWAU: a number of MPX, whose default is 0" },
    { FEAT_7_0_ECX, 23, 23, "Key Locker: " NOT_KVM },
    { FEAT_7_0_ECX, 26, 26, RESERVED },
    { FEAT_7_0_ECX, 29, 29, "ENQCMD: needs an IOMMU" },
    { FEAT_7_0_ECX, 30, 30, SGX },
    { FEAT_7_0_EDX, 0, 0, RESERVED },
    { FEAT_7_0_EDX, 1, 1, SGX },
    { FEAT_7_0_EDX, 5, 5, "UINTR: " NOT_KVM },
    { FEAT_7_0_EDX, 6, 7, RESERVED },
    { FEAT_7_0_EDX, 9, 9, "SRBDS_CTRL: the mitigation's switch is the host's" },
    { FEAT_7_0_EDX, 11, 11, "RTM_ALWAYS_ABORT: of processors whose TSX is gone" },
    { FEAT_7_0_EDX, 12, 12, RESERVED },
    { FEAT_7_0_EDX, 13, 13, "TSX_FORCE_ABORT: the MSR is the host's" },
    { FEAT_7_0_EDX, 15, 15, "hybrid: vCPUs move between kinds of cores" },
    { FEAT_7_0_EDX, 17, 17, RESERVED },
    { FEAT_7_0_EDX, 18, 18, "PCONFIG: memory encryption is the host's" },
    { FEAT_7_0_EDX, 19, 19, "architectural LBR: " NOT_KVM },
    { FEAT_7_0_EDX, 20, 20, CET },
    { FEAT_7_0_EDX, 21, 21, RESERVED },
    { FEAT_7_0_EDX, 22, 22, AMX },
    { FEAT_7_0_EDX, 24, 25, AMX },
    { FEAT_7_1_EAX, 3, 3, "RAO-INT: " NOT_KVM },
    { FEAT_7_1_EAX, 8, 8, "ArchPerfmonExt: leaf 0x23 is not shown" },
    { FEAT_7_1_EAX, 9, 9, RESERVED },
    { FEAT_7_1_EAX, 13, 16, RESERVED },
    { FEAT_7_1_EAX, 20, 20, "NMI source: " NOT_KVM },
    { FEAT_7_1_EAX, 21, 21, AMX },
    { FEAT_7_1_EAX, 22, 22, "HRESET: leaf 0x20 is not shown" },
    { FEAT_7_1_EAX, 24, 25, RESERVED },
    { FEAT_7_1_EAX, 27, 27, "MSRLIST: " NOT_KVM },
    { FEAT_7_1_EAX, 28, 29, RESERVED },
    { FEAT_7_1_EAX, 30, 30, "INVD_DISABLE: firmware's" },
    { FEAT_7_1_EAX, 31, 31, "MOVRS: " NOT_KVM },
    { FEAT_7_1_ECX, 0, 4, RESERVED },
    { FEAT_7_1_ECX, 6, 31, RESERVED },
    { FEAT_7_1_EDX, 0, 3, RESERVED },
    { FEAT_7_1_EDX, 6, 7, RESERVED },
    { FEAT_7_1_EDX, 8, 8, AMX },
    { FEAT_7_1_EDX, 9, 9, RESERVED },
    { FEAT_7_1_EDX, 11, 12, RESERVED },
    { FEAT_7_1_EDX, 13, 13, "UTMR: " NOT_KVM },
    { FEAT_7_1_EDX, 15, 15, "USER_MSR: " NOT_KVM },
    { FEAT_7_1_EDX, 16, 16, RESERVED },
    { FEAT_7_1_EDX, 17, 17, "UIRET_UIF: " NOT_KVM },
    { FEAT_7_1_EDX, 18, 18, CET },
    { FEAT_7_1_EDX, 19, 19, "AVX10: leaf 0x24 is not shown" },
    { FEAT_7_1_EDX, 20, 20, RESERVED },
    { FEAT_7_1_EDX, 21, 21, "APX: its XSAVE component is not carried" },
    { FEAT_7_1_EDX, 22, 22, RESERVED },
    { FEAT_7_1_EDX, 23, 23, "MWAIT: KVM has HLT exit" },
    { FEAT_7_1_EDX, 24, 31, RESERVED },
    { FEAT_7_2_EDX, 6, 6, "UC_LOCK_DISABLE: the MSR is the host's" },
    { FEAT_7_2_EDX, 7, 7, "MONITOR_MITG_NO: a guest has no MONITOR" },
    { FEAT_7_2_EDX, 8, 31, RESERVED },
    { FEAT_XSAVE, 4, 4, "XFD: of AMX and APX alone" },
    { FEAT_XSAVE, 5, 31, RESERVED },
    { FEAT_8000_0001_EDX, 0, 9, ALIAS },
    { FEAT_8000_0001_EDX, 10, 10, RESERVED },
    { FEAT_8000_0001_EDX, 12, 17, ALIAS },
    { FEAT_8000_0001_EDX, 18, 19, RESERVED },
    { FEAT_8000_0001_EDX, 21, 21, RESERVED },
    { FEAT_8000_0001_EDX, 23, 24, ALIAS },
    { FEAT_8000_0001_EDX, 28, 28, RESERVED },
    { FEAT_8000_0001_ECX, 14, 14, RESERVED },
    { FEAT_8000_0001_ECX, 18, 18, RESERVED },
    { FEAT_8000_0001_ECX, 20, 20, RESERVED },
    { FEAT_8000_0001_ECX, 25, 25, RESERVED },
    { FEAT_8000_0001_ECX, 26, 26, "data breakpoint extension: " NOT_KVM },
    { FEAT_8000_0001_ECX, 27, 28, "counters outside the core: " NOT_KVM },
    { FEAT_8000_0001_ECX, 29, 29, "MONITORX: a guest has no MONITOR" },
    { FEAT_8000_0001_ECX, 30, 30, "breakpoint address masks: " NOT_KVM },
    { FEAT_8000_0001_ECX, 31, 31, RESERVED },
    { FEAT_8000_0007_EDX, 0, 7, POWER },
    { FEAT_8000_0007_EDX, 9, 15, POWER },
    { FEAT_8000_0007_EDX, 16, 31, RESERVED },
    { FEAT_8000_0008_EBX, 1, 1, "retired instructions' counter: " NOT_KVM },
    { FEAT_8000_0008_EBX, 3, 3, "INVLPGB: " NOT_KVM },
    { FEAT_8000_0008_EBX, 4, 4, "RDPRU: KVM lets no guest read the host's clocks" },
    { FEAT_8000_0008_EBX, 5, 5, RESERVED },
    { FEAT_8000_0008_EBX, 6, 6, "bandwidth enforcement is the host's" },
    { FEAT_8000_0008_EBX, 7, 7, RESERVED },
    { FEAT_8000_0008_EBX, 8, 8, "MCOMMIT: " NOT_KVM },
    { FEAT_8000_0008_EBX, 10, 11, RESERVED },
    { FEAT_8000_0008_EBX, 13, 13, "interruptible WBINVD: KVM's WBINVD is another" },
    { FEAT_8000_0008_EBX, 16, 16, "IBRS always on: advice that KVM does not pass" },
    { FEAT_8000_0008_EBX, 18, 18, "IBRS preferred: advice that KVM does not pass" },
    { FEAT_8000_0008_EBX, 20, 20, "no EFER.LMSLE: KVM refuses the bit in any case" },
    { FEAT_8000_0008_EBX, 21, 21, "INVLPGB of nested pages: " NOT_KVM },
    { FEAT_8000_0008_EBX, 22, 22, RESERVED },
    { FEAT_8000_0008_EBX, 23, 23, "PPIN: the host's serial number" },
    { FEAT_8000_0008_EBX, 27, 27, POWER },
    { FEAT_8000_0008_EBX, 31, 31, "branch sampling: " NOT_KVM },
    { FEAT_8000_0021_EAX, 3, 3, "SmmPgCfgLock: there is no SMM" },
    { FEAT_8000_0021_EAX, 4, 4, RESERVED },
    { FEAT_8000_0021_EAX, 7, 7, "upper address ignore: " NOT_KVM },
    { FEAT_8000_0021_EAX, 12, 12, RESERVED },
    { FEAT_8000_0021_EAX, 13, 13, "prefetch control MSR: " NOT_KVM },
    { FEAT_8000_0021_EAX, 14, 16, RESERVED },
    { FEAT_8000_0021_EAX, 17, 17, "CPUID of users disabled: " NOT_KVM },
    { FEAT_8000_0021_EAX, 18, 18, "enhanced predictive store forwarding: advice of firmware's" },
    { FEAT_8000_0021_EAX, 19, 19, RESERVED },
    { FEAT_8000_0021_EAX, 21, 23, "numbers and workload classes of the host" },
    { FEAT_8000_0021_EAX, 25, 26, RESERVED },
    { FEAT_8000_0021_EAX, 31, 31, "SRSO's MSR fix: the MSR is the host's" },
    { FEAT_8000_0021_ECX, 0, 0, RESERVED },
    { FEAT_8000_0021_ECX, 3, 31, RESERVED },
    { FEAT_8000_0022_EAX, 1, 2, "LBR stack: " NOT_KVM },
    { FEAT_8000_0022_EAX, 3, 31, RESERVED },
    { FEAT_SVM, 8, 9, RESERVED },
    { FEAT_SVM, 11, 11, RESERVED },
    { FEAT_SVM, 14, 14, RESERVED },
    { FEAT_SVM, 17, 24, "of nested guests: " NOT_KVM },
    { FEAT_SVM, 26, 27, "of nested guests: " NOT_KVM },
    { FEAT_SVM, 29, 31, "of nested guests: " NOT_KVM },
    { FEAT_KVM, 8, 8, RESERVED },
    { FEAT_KVM, 16, 17, "of encrypted guests" },
    { FEAT_KVM, 18, 23, RESERVED },
    { FEAT_KVM, 25, 31, RESERVED },
    { FEAT_KVM_HINTS, 1, 31, RESERVED },
};

/* Leaves of a host that no guest is shown; the others are composed in cpuid.c. */
static const struct {
    uint32_t first, last;
    const char *why;
} leaf_masks[] = {
    { 0x3, 0x3, "the serial number of Pentium III" },
    { 0x8, 0x9, "reserved; the host's DCA" },
    { 0xc, 0xc, RESERVED },
    { 0xe, 0x13, "reserved; RDT, SGX" },
    { 0x14, 0x14, "Intel PT: its state is not carried" },
    { 0x15, 0x18, "clocks, vendor brand, TLBs of the host: KVM gives zeroes" },
    { 0x19, 0x1c, "Key Locker, hybrid cores, PCONFIG, LBRs" },
    { 0x1d, 0x1e, AMX },
    { 0x1f, 0x1f, "the host's topology: of a guest with several dies its own is shown" },
    { 0x20, 0x24, "HRESET, TDX, counters of leaf 0x23, AVX10" },
    { 0x80000009, 0x80000009, RESERVED },
    { 0x8000000b, 0x80000018, RESERVED },
    { 0x80000019, 0x8000001c, "1 GiB TLBs, hints, IBS, LWP of the host" },
    { 0x8000001f, 0x80000020, "encrypted memory, bandwidth of the host" },
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

const char *x86_feature_mask_reason(X86FeatureWord word, unsigned bit)
{
    for (size_t i = 0; i < ARRAY_SIZE(feature_masks); i++) {
        const FeatureMask *mask = &feature_masks[i];

        if (mask->word == word && bit >= mask->first && bit <= mask->last) {
            return mask->why;
        }
    }
    return NULL;
}

const char *x86_leaf_mask_reason(uint32_t leaf)
{
    for (size_t i = 0; i < ARRAY_SIZE(leaf_masks); i++) {
        if (leaf >= leaf_masks[i].first && leaf <= leaf_masks[i].last) {
            return leaf_masks[i].why;
        }
    }
    return NULL;
}
