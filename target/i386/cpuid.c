/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID: composing every leaf that a vCPU shows, of the features that are left of the model
 * (feature-expand.c). Bits that depend on the running guest (OSXSAVE, APIC, the size of the XSAVE area in use)
 * are kept by KVM itself. Sources: SDM volume 2A "CPUID", APM volume 3 appendix E, Linux's
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "qemu/osdep.h"
#include <cpuid.h>
#include "hw/core/boards.h"
#include "system/accel.h"
#include "target/i386/cpu.h"
#include "feature-words.h"

#define KVM_CPUID_BASE 0x40000000u
#define CACHE_LINE 64u
#define NB_XSAVE_COMPONENTS 10

/* The caches shown to a guest when the host's are not: a fixed, plausible hierarchy. */
typedef struct CacheInfo {
    unsigned type;          /* 1 data, 2 instruction, 3 unified */
    unsigned level;
    unsigned size_kib;
    unsigned ways;
} CacheInfo;

static const CacheInfo caches_intel[] = {
    { 1, 1, 32, 8 }, { 2, 1, 32, 8 }, { 3, 2, 4096, 16 }, { 3, 3, 16384, 16 },
};
static const CacheInfo caches_amd[] = {
    { 1, 1, 64, 2 }, { 2, 1, 64, 2 }, { 3, 2, 512, 16 }, { 3, 3, 16384, 16 },
};

typedef struct Builder {
    X86CPU *cpu;
    const uint32_t *features;
    X86CPUTopoInfo topo;
    uint32_t level, xlevel;
    X86CpuidEntry *entries;
    unsigned nb_entries, max_entries;
} Builder;

void host_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    __cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
}

static bool vendor_is(const X86CPU *cpu, const char *vendor)
{
    return strcmp(cpu->cpuid.vendor, vendor) == 0;
}

bool x86_cpu_is_amd_like(const X86CPU *cpu)
{
    return vendor_is(cpu, X86_VENDOR_AMD) || vendor_is(cpu, X86_VENDOR_HYGON);
}

bool x86_cpu_is_amd(const X86CPU *cpu)
{
    return vendor_is(cpu, X86_VENDOR_AMD);
}

bool x86_cpu_is_intel(const X86CPU *cpu)
{
    return vendor_is(cpu, X86_VENDOR_INTEL);
}

bool x86_accel_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    AccelState *as = current_accel();
    AccelClass *ac = current_accel_class();

    memset(regs, 0, 4 * sizeof(*regs));
    if (!as || !ac->get_supported_cpuid) {
        return false;
    }
    ac->get_supported_cpuid(as, leaf, subleaf, regs);
    return true;
}

static X86CpuidEntry *add_entry(Builder *b, uint32_t leaf, uint32_t subleaf, bool has_subleaf)
{
    X86CpuidEntry *entry;

    assert(b->nb_entries < b->max_entries);
    entry = &b->entries[b->nb_entries++];
    *entry = (X86CpuidEntry) { .leaf = leaf, .subleaf = subleaf, .has_subleaf = has_subleaf };
    return entry;
}

static X86CpuidEntry *add_leaf(Builder *b, uint32_t leaf)
{
    return add_entry(b, leaf, 0, false);
}

static unsigned threads_per_package(const Builder *b)
{
    return b->topo.dies_per_pkg * b->topo.cores_per_die * b->topo.threads_per_core;
}

static void set_vendor(const Builder *b, X86CpuidEntry *entry)
{
    memcpy(&entry->ebx, b->cpu->cpuid.vendor, 4);
    memcpy(&entry->edx, b->cpu->cpuid.vendor + 4, 4);
    memcpy(&entry->ecx, b->cpu->cpuid.vendor + 8, 4);
}

static uint32_t family_model_stepping(const X86CpuidState *id)
{
    uint32_t base_family = MIN(id->family, 0xf);

    return ((id->family - base_family) << 20) | ((id->model >> 4) << 16) | (base_family << 8) |
           ((id->model & 0xf) << 4) | id->stepping;
}

static void build_leaf_1(Builder *b)
{
    X86CpuidEntry *entry = add_leaf(b, 1);
    unsigned threads = threads_per_package(b);

    entry->eax = family_model_stepping(&b->cpu->cpuid);
    entry->ebx = (b->cpu->apic_id << 24) | (CACHE_LINE / 8) << 8;
    entry->ecx = b->features[FEAT_1_ECX];
    entry->edx = b->features[FEAT_1_EDX];
    if (threads > 1) {
        entry->ebx |= MIN(threads, 255) << 16;
        entry->edx |= CPUID_1_EDX_HT;
    }
}

/* How many APIC ids share a cache: the threads of a core, or for the last level those of a die. */
static unsigned cache_sharing_ids(const Builder *b, const CacheInfo *cache)
{
    return 1u << (cache->level == 3 ? apicid_die_offset(&b->topo) : apicid_core_offset(&b->topo));
}

static void build_cache_entry(Builder *b, uint32_t leaf, unsigned subleaf, const CacheInfo *cache)
{
    X86CpuidEntry *entry = add_entry(b, leaf, subleaf, true);
    unsigned sets = cache->size_kib * 1024 / (cache->ways * CACHE_LINE);
    unsigned cores = 1u << (apicid_pkg_offset(&b->topo) - apicid_core_offset(&b->topo));

    entry->eax = cache->type | cache->level << 5 | 1u << 8 |
                 (cache_sharing_ids(b, cache) - 1) << 14;
    if (leaf == 4) {
        entry->eax |= (cores - 1) << 26;
    }
    entry->ebx = (CACHE_LINE - 1) | (cache->ways - 1) << 22;
    entry->ecx = sets - 1;
    /* Level 3 is inclusive of the lower ones, the others not; bit 0: no snooping of sharers. */
    entry->edx = cache->level == 3 ? 0x6 : 0x1;
}

static void build_cache_leaves(Builder *b, uint32_t leaf, const CacheInfo *caches)
{
    unsigned nb_caches = b->cpu->l3_cache ? 4 : 3;

    for (unsigned i = 0; i < nb_caches; i++) {
        build_cache_entry(b, leaf, i, &caches[i]);
    }
    add_entry(b, leaf, nb_caches, true);
}

static void build_topology_level(Builder *b, uint32_t leaf, unsigned subleaf, unsigned type,
                                 unsigned shift, unsigned threads)
{
    X86CpuidEntry *entry = add_entry(b, leaf, subleaf, true);

    entry->eax = shift;
    entry->ebx = threads;
    entry->ecx = subleaf | type << 8;
    entry->edx = b->cpu->apic_id;
}

/* Leaf 0xb knows threads and cores; 0x1f dies between core and package as well. */
static void build_topology_leaves(Builder *b)
{
    const X86CPUTopoInfo *topo = &b->topo;
    unsigned cores = topo->cores_per_die * topo->threads_per_core;

    if (b->cpu->cpuid_0xb) {
        build_topology_level(b, 0xb, 0, 1, apicid_core_offset(topo), topo->threads_per_core);
        build_topology_level(b, 0xb, 1, 2, apicid_pkg_offset(topo), threads_per_package(b));
        build_topology_level(b, 0xb, 2, 0, 0, 0);
    }
    if (b->level >= 0x1f) {
        build_topology_level(b, 0x1f, 0, 1, apicid_core_offset(topo), topo->threads_per_core);
        build_topology_level(b, 0x1f, 1, 2, apicid_die_offset(topo), cores);
        build_topology_level(b, 0x1f, 2, 5, apicid_pkg_offset(topo), threads_per_package(b));
        build_topology_level(b, 0x1f, 3, 0, 0, 0);
    }
}

/* State components of XCR0 that the features shown need. */
static uint64_t xsave_components(const Builder *b)
{
    uint64_t mask = X86_XSAVE_LEGACY;

    for (unsigned i = 0; i < x86_nb_xsave_components; i++) {
        const X86XsaveComponent *c = &x86_xsave_components[i];

        mask |= b->features[c->word] & c->bit ? c->components : 0;
    }
    return mask;
}

static void build_xsave_leaves(Builder *b)
{
    uint64_t mask = xsave_components(b);
    X86CpuidEntry *main_entry, *compact_entry;
    uint32_t regs[4], size = 512 + 64, compact_size = 512 + 64;

    if (!(b->features[FEAT_1_ECX] & CPUID_1_ECX_XSAVE) || !x86_accel_cpuid(0xd, 0, regs)) {
        return;   /* an entry, even one of zeroes, would have KVM fill in a size */
    }
    main_entry = add_entry(b, 0xd, 0, true);
    compact_entry = add_entry(b, 0xd, 1, true);
    compact_entry->eax = b->features[FEAT_XSAVE];
    for (unsigned i = 2; i < NB_XSAVE_COMPONENTS; i++) {
        X86CpuidEntry *entry;

        if (!(mask & (UINT64_C(1) << i))) {
            continue;
        }
        x86_accel_cpuid(0xd, i, regs);
        entry = add_entry(b, 0xd, i, true);
        entry->eax = regs[0];
        entry->ebx = regs[1];
        entry->ecx = regs[2];
        size = MAX(size, regs[0] + regs[1]);
        compact_size += regs[0];
    }
    compact_entry->ebx = compact_size;
    main_entry->eax = (uint32_t)mask;
    main_entry->edx = mask >> 32;
    main_entry->ebx = main_entry->ecx = size;
}

static void build_leaf_7(Builder *b)
{
    X86CpuidEntry *entry = add_entry(b, 7, 0, true);

    if (b->features[FEAT_7_2_EDX]) {
        entry->eax = 2;
    } else if (b->features[FEAT_7_1_EAX] || b->features[FEAT_7_1_ECX] ||
               b->features[FEAT_7_1_EDX]) {
        entry->eax = 1;
    }
    entry->ebx = b->features[FEAT_7_0_EBX];
    entry->ecx = b->features[FEAT_7_0_ECX];
    entry->edx = b->features[FEAT_7_0_EDX];
    entry = add_entry(b, 7, 1, true);
    entry->eax = b->features[FEAT_7_1_EAX];
    entry->ecx = b->features[FEAT_7_1_ECX];
    entry->edx = b->features[FEAT_7_1_EDX];
    add_entry(b, 7, 2, true)->edx = b->features[FEAT_7_2_EDX];
}

/* Intel's architectural performance counters, as the accelerator has them. */
static void build_pmu_leaf(Builder *b)
{
    uint32_t regs[4];
    X86CpuidEntry *entry;

    if (!b->cpu->pmu || !x86_accel_cpuid(0xa, 0, regs)) {
        return;
    }
    entry = add_leaf(b, 0xa);
    entry->eax = regs[0];
    entry->ebx = regs[1];
    entry->ecx = regs[2];
    entry->edx = regs[3];
}

static void build_basic_leaves(Builder *b)
{
    bool hide_intel = b->cpu->vendor_cpuid_only && x86_cpu_is_amd_like(b->cpu);
    X86CpuidEntry *entry = add_leaf(b, 0);

    entry->eax = b->level;
    set_vendor(b, entry);
    build_leaf_1(b);
    /* Leaves 2 and 4 are Intel's: AMD has 0x80000005, 0x80000006 and 0x8000001d instead. */
    if (b->level >= 2 && !hide_intel) {
        entry = add_leaf(b, 2);
        entry->eax = 0x01;
        /* Descriptors (SDM table 3-12): 4 MiB L2, 32 KiB L1I, 32 KiB L1D, 16 MiB L3. */
        entry->ecx = b->cpu->l3_cache ? 0x4d : 0;
        entry->edx = 0x002c307d;
    }
    if (b->level >= 4 && !hide_intel) {
        build_cache_leaves(b, 4, caches_intel);
    }
    if (b->level >= 5) {
        add_leaf(b, 5)->ecx = 0x3;
    }
    if (b->level >= 6) {
        add_leaf(b, 6)->eax = b->features[FEAT_6_EAX];
    }
    if (b->level >= 7) {
        build_leaf_7(b);
    }
    if (b->level >= 0xa) {
        build_pmu_leaf(b);
    }
    if (b->level >= 0xb) {
        build_topology_leaves(b);
    }
    if (b->level >= 0xd) {
        build_xsave_leaves(b);
    }
}

static void build_kvm_leaves(Builder *b)
{
    X86CpuidEntry *entry;

    if (!b->cpu->kvm_signature || !kvm_enabled()) {
        return;
    }
    entry = add_leaf(b, KVM_CPUID_BASE);
    entry->eax = KVM_CPUID_BASE + 1;
    memcpy(&entry->ebx, "KVMK", 4);
    memcpy(&entry->ecx, "VMKV", 4);
    memcpy(&entry->edx, "M\0\0\0", 4);
    entry = add_leaf(b, KVM_CPUID_BASE + 1);
    entry->eax = b->features[FEAT_KVM];
    entry->edx = b->features[FEAT_KVM_HINTS];
}

static void build_amd_cache_leaves(Builder *b)
{
    X86CpuidEntry *entry = add_leaf(b, 0x80000005);
    uint32_t l1 = 64u << 24 | 2u << 16 | 1u << 8 | CACHE_LINE;   /* size, ways, lines per tag */

    /* TLBs: 255 4 KiB entries, fully associative, each side; 2 MiB pages the same. */
    entry->eax = entry->ebx = 0x01ff01ff;
    entry->ecx = entry->edx = l1;
    entry = add_leaf(b, 0x80000006);
    entry->ebx = 0x42004200;                                     /* 512 entries, 4 ways */
    entry->ecx = 512u << 16 | 8u << 12 | 1u << 8 | CACHE_LINE;
    if (b->cpu->l3_cache) {
        entry->edx = (16384 / 512) << 18 | 8u << 12 | 1u << 8 | CACHE_LINE;
    }
}

static void build_amd_topology_leaves(Builder *b)
{
    X86CPUTopoIDs ids;
    X86CpuidEntry *entry;

    if (b->xlevel < 0x8000001e ||
        !(b->features[FEAT_8000_0001_ECX] & CPUID_8000_0001_ECX_TOPOEXT)) {
        return;
    }
    x86_topo_ids_from_apicid(&b->topo, b->cpu->apic_id, &ids);
    build_cache_leaves(b, 0x8000001d, caches_amd);
    entry = add_leaf(b, 0x8000001e);
    entry->eax = b->cpu->apic_id;
    entry->ebx = (b->topo.threads_per_core - 1) << 8 |
                 (b->cpu->apic_id >> apicid_core_offset(&b->topo) & 0xff);
    entry->ecx = (b->topo.dies_per_pkg - 1) << 8 |
                 (b->cpu->apic_id >> apicid_die_offset(&b->topo) & 0xff);
}

static void build_amd_feature_leaves(Builder *b)
{
    X86CpuidEntry *entry;
    uint32_t regs[4];

    if (b->xlevel >= 0x80000021) {
        entry = add_leaf(b, 0x80000021);
        entry->eax = b->features[FEAT_8000_0021_EAX];
        entry->ecx = b->features[FEAT_8000_0021_ECX];
    }
    if (b->xlevel >= 0x80000022 && b->features[FEAT_8000_0022_EAX] &&
        x86_accel_cpuid(0x80000022, 0, regs)) {
        entry = add_leaf(b, 0x80000022);
        entry->eax = b->features[FEAT_8000_0022_EAX];
        entry->ebx = regs[1] & 0xf;          /* counters of a core; the others are the host's */
    }
}

static uint32_t features_8000_0001_edx(const Builder *b)
{
    uint32_t aliases = x86_cpu_is_amd_like(b->cpu) ? b->features[FEAT_1_EDX] & X86_AMD_ALIASES : 0;

    return b->features[FEAT_8000_0001_EDX] | aliases;
}

static void build_extended_leaves(Builder *b)
{
    unsigned threads = threads_per_package(b);
    X86CpuidEntry *entry = add_leaf(b, 0x80000000);

    entry->eax = b->xlevel;
    set_vendor(b, entry);
    entry = add_leaf(b, 0x80000001);
    entry->eax = family_model_stepping(&b->cpu->cpuid);
    entry->ecx = b->features[FEAT_8000_0001_ECX];
    entry->edx = features_8000_0001_edx(b);
    if (threads > 1 && x86_cpu_is_amd_like(b->cpu)) {
        entry->ecx |= CPUID_8000_0001_ECX_CMP_LEGACY;
    }
    for (unsigned i = 0; i < 3; i++) {
        entry = add_leaf(b, 0x80000002 + i);
        memcpy(&entry->eax, b->cpu->cpuid.model_id + 16 * i, 4);
        memcpy(&entry->ebx, b->cpu->cpuid.model_id + 16 * i + 4, 4);
        memcpy(&entry->ecx, b->cpu->cpuid.model_id + 16 * i + 8, 4);
        memcpy(&entry->edx, b->cpu->cpuid.model_id + 16 * i + 12, 4);
    }
    build_amd_cache_leaves(b);
    add_leaf(b, 0x80000007)->edx = b->features[FEAT_8000_0007_EDX];
    entry = add_leaf(b, 0x80000008);
    entry->eax = b->cpu->phys_bits |
                 (b->features[FEAT_7_0_ECX] & CPUID_7_0_ECX_LA57 ? 57 : 48) << 8;
    entry->ebx = b->features[FEAT_8000_0008_EBX];
    entry->ecx = threads > 1 ? apicid_pkg_offset(&b->topo) << 12 | (threads - 1) : 0;
    if (b->features[FEAT_8000_0001_ECX] & CPUID_8000_0001_ECX_SVM) {
        entry = add_leaf(b, 0x8000000a);
        entry->eax = 1;                      /* SVM revision */
        entry->ebx = 16;                     /* address space ids */
        entry->edx = b->features[FEAT_SVM];
    }
    build_amd_topology_leaves(b);
    build_amd_feature_leaves(b);
}

unsigned x86_cpu_build_cpuid(X86CPU *cpu, X86CpuidEntry *entries, unsigned max)
{
    Builder b = {
        .cpu = cpu, .features = cpu->cpuid.features, .level = cpu->level, .xlevel = cpu->xlevel,
        .entries = entries, .max_entries = max,
        .topo = { 1, 1, 1, 1 },
    };

    if (current_machine) {
        b.topo = x86_topo_info_of_machine(current_machine);
    }
    if (b.topo.dies_per_pkg > 1 && !x86_cpu_is_amd_like(cpu)) {
        b.level = MAX(b.level, 0x1f);
    }
    build_basic_leaves(&b);
    build_kvm_leaves(&b);
    build_extended_leaves(&b);
    return b.nb_entries;
}

bool x86_cpu_find_cpuid(X86CPU *cpu, uint32_t leaf, uint32_t subleaf, X86CpuidEntry *entry)
{
    X86CpuidEntry entries[X86_CPUID_MAX_ENTRIES];
    unsigned nb_entries = x86_cpu_build_cpuid(cpu, entries, ARRAY_SIZE(entries));

    for (unsigned i = 0; i < nb_entries; i++) {
        if (entries[i].leaf == leaf && (!entries[i].has_subleaf || entries[i].subleaf == subleaf)) {
            *entry = entries[i];
            return true;
        }
    }
    return false;
}
