/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPU that a guest is shown, on KVMs made of recorded sets: what of the host's CPUID "host" and
 * "max" pass and that each bit left out has a reason, that a set which contradicts itself gives a
 * CPU that does not, and the values of MSRs after RESET.
 *
 * Two sets lie in tests/data/cpuid. More are read from the folder that QEMU_TEST_CPUID names, or
 * ../shared/reference/cpuid beside the source tree, and skipped by name where they are missing.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "system/accel.h"
#include "target/i386/msr-reset.h"
#include "../../target/i386/feature-words.h"
#include "fake-kvm.h"

#define MISC_ENABLE 0x1a0
#define HYPERV_MSR_FIRST 0x40000000u
#define HYPERV_MSR_LAST 0x400001ffu

static AccelState *accel;
static FakeKvm *kvm;                /* of the running test */

/* ---- A CPU on a KVM ---- */

/* With the reference that accel_init_machine() took for the accelerator in use. */
static void drop_accel(void)
{
    if (accel) {
        ACCEL_GET_CLASS(accel)->cleanup_machine(accel, current_machine);
        object_unref(OBJECT(accel));
        object_unref(OBJECT(accel));
    }
    accel = NULL;
}

static void use_set(FakeKvm *set)
{
    static MachineState ms;

    kvm = set;
    fake_kvm_use(set);
    ms.smp = (CpuTopology) {
        .cpus = 1, .max_cpus = 1, .sockets = 1, .dies = 1, .cores = 1, .threads = 1,
    };
    current_machine = &ms;
    drop_accel();
    accel = ACCEL(object_new(ACCEL_CLASS_NAME("kvm")));
    accel_init_machine(accel, &ms, &error_abort);
}

/* A realized CPU of @type, with the bool properties "name" and "!name" of a NULL-ended list set. */
static X86CPU *make_cpu(const char *type, const char *property, ...)
{
    X86CPU *cpu = X86_CPU(object_new(type));
    va_list ap;

    va_start(ap, property);
    for (; property; property = va_arg(ap, const char *)) {
        bool on = *property != '!';

        object_property_set_bool(OBJECT(cpu), property + !on, on, &error_abort);
    }
    va_end(ap);
    cpu->apic_id = 0;
    cpu->check = false;
    qdev_realize(DEVICE(cpu), NULL, &error_abort);
    return cpu;
}

static void drop_cpu(X86CPU *cpu)
{
    qdev_unrealize(DEVICE(cpu));
    object_unref(OBJECT(cpu));
}

static uint64_t reset_value(X86CPU *cpu, uint32_t index)
{
    const uint64_t *value = x86_cpu_msr(cpu, index);

    g_assert_nonnull(value);
    return *value;
}

/* ---- MSRs ---- */

/* Every MSR that a KVM lists, and thus has written on reset, is in the table. */
static void check_msrs_are_known(void)
{
    for (unsigned i = 0; i < kvm->msr_indexes->len; i++) {
        uint32_t index = g_array_index(kvm->msr_indexes, uint32_t, i);
        const X86MsrReset *reset = x86_msr_reset_find(index);

        if (index >= HYPERV_MSR_FIRST && index <= HYPERV_MSR_LAST) {
            continue;
        }
        if (!reset || !reset->source) {
            g_test_message("%s: MSR 0x%x has no reset value", kvm->name, index);
            g_test_fail();
        }
    }
}

static void check_msrs(void)
{
    X86CPU *cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);
    bool is_intel = g_str_has_prefix(kvm->name, "intel");

    check_msrs_are_known();
    /* Fast strings, without which Linux takes erms and rep_good away, on Intel's alone. */
    g_assert_cmphex(reset_value(cpu, MISC_ENABLE), ==, 0x1800 | is_intel);
    /* What the guest has written is gone; what the processor is stays. */
    *x86_cpu_msr(cpu, MISC_ENABLE) = 0;
    *x86_cpu_msr(cpu, 0xc0000082) = 0xdead;
    x86_cpu_reset_state(cpu);
    g_assert_cmphex(reset_value(cpu, MISC_ENABLE), ==, 0x1800 | is_intel);
    g_assert_cmphex(reset_value(cpu, 0xc0000082), ==, 0);
    g_assert_cmphex(reset_value(cpu, 0x277), ==, UINT64_C(0x0007040600070406));
    g_assert_cmphex(reset_value(cpu, 0x8b), !=, 0);
    g_assert_cmphex(reset_value(cpu, 0x4b564d05), ==, 1);
    drop_cpu(cpu);
}

/* ---- CPUID ---- */

static uint32_t reg_of(const struct kvm_cpuid_entry2 *e, enum X86CpuidReg reg)
{
    const uint32_t regs[] = { e->eax, e->ebx, e->ecx, e->edx };

    return regs[reg];
}

static uint32_t word_of(const GArray *entries, X86FeatureWord word)
{
    const X86FeatureWordInfo *info = &x86_feature_words[word];
    const struct kvm_cpuid_entry2 *e = fake_kvm_find(entries, info->leaf, info->subleaf);

    return e ? reg_of(e, info->reg) : 0;
}

static struct kvm_cpuid_entry2 *offered(uint32_t leaf, uint32_t subleaf)
{
    return (struct kvm_cpuid_entry2 *)fake_kvm_find(kvm->offered, leaf, subleaf);
}

static bool is_shown(X86FeatureWord word, uint32_t bits)
{
    return (word_of(kvm->shown, word) & bits) == bits;
}

/* Every bit of every word has a name or a reason, and not both. */
static void test_bits_are_accounted_for(void)
{
    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            bool named = x86_feature_name(word, bit), masked = x86_feature_mask_reason(word, bit);

            if (named == masked) {
                g_test_message("leaf 0x%x.%x register %u bit %u: name %s, reason %s",
                               x86_feature_words[word].leaf, x86_feature_words[word].subleaf,
                               x86_feature_words[word].reg, bit, x86_feature_name(word, bit),
                               x86_feature_mask_reason(word, bit));
                g_test_fail();
            }
        }
    }
}

/* A leaf that a host has something in is shown, or there is a reason. */
static void check_leaves_are_accounted_for(void)
{
    for (unsigned i = 0; i < kvm->offered->len; i++) {
        const struct kvm_cpuid_entry2 *e =
            &g_array_index(kvm->offered, struct kvm_cpuid_entry2, i);
        bool shown = fake_kvm_find(kvm->shown, e->function, e->index);

        if (e->function == 0xd && !is_shown(FEAT_1_ECX, CPUID_1_ECX_XSAVE)) {
            continue;       /* state without the feature */
        }
        if (!(e->eax | e->ebx | e->ecx | e->edx) || e->index) {
            continue;
        }
        if (!shown && !x86_leaf_mask_reason(e->function)) {
            g_test_message("%s: leaf 0x%x is not shown", kvm->name, e->function);
            g_test_fail();
        }
    }
}

/* All that needs XSAVE, AVX or AVX-512 comes with it, and all state with its feature. */
static void check_consistency(void)
{
    const struct kvm_cpuid_entry2 *state = fake_kvm_find(kvm->shown, 0xd, 0);
    uint32_t ebx7 = word_of(kvm->shown, FEAT_7_0_EBX), components = state ? state->eax : 0;
    bool xsave = is_shown(FEAT_1_ECX, CPUID_1_ECX_XSAVE);
    bool avx = is_shown(FEAT_1_ECX, CPUID_1_ECX_AVX), avx512 = ebx7 & CPUID_7_0_EBX_AVX512F;

    g_assert_cmpint(xsave, ==, !!state);
    g_assert_true(!state || (components & 3) == 3);
    g_assert_cmpint(avx, ==, !!(components & 1u << 2));
    g_assert_cmphex(components & 0xe0, ==, avx512 ? 0xe0 : 0);
    g_assert_cmpint(is_shown(FEAT_7_0_ECX, CPUID_7_0_ECX_PKU), ==, !!(components & 1u << 9));
    if (!xsave) {
        g_assert_false(avx);
        g_assert_cmphex(word_of(kvm->shown, FEAT_XSAVE), ==, 0);
    }
    if (!avx) {
        g_assert_cmphex(word_of(kvm->shown, FEAT_1_ECX) & (1u << 12 | 1u << 29), ==, 0);
        g_assert_cmphex(ebx7 & (1u << 5), ==, 0);
        g_assert_cmphex(word_of(kvm->shown, FEAT_7_0_ECX) & (1u << 9 | 1u << 10), ==, 0);
        g_assert_false(avx512);
    }
    if (!avx512) {
        g_assert_cmphex(ebx7 & 0xdc220000, ==, 0);
        g_assert_cmphex(word_of(kvm->shown, FEAT_7_0_ECX) & 0x5842, ==, 0);
    }
    for (unsigned i = 2; i < 32; i++) {
        const struct kvm_cpuid_entry2 *e = fake_kvm_find(kvm->shown, 0xd, i);

        g_assert_cmpint(!!e, ==, !!(components & 1u << i));
        g_assert_true(!e || (e->eax && e->ebx + e->eax <= state->ecx));
    }
    for (unsigned i = 0; i < kvm->shown->len; i++) {
        uint32_t leaf = g_array_index(kvm->shown, struct kvm_cpuid_entry2, i).function;
        uint32_t base = leaf & 0xc0000000;

        g_assert_cmphex(leaf, <=, fake_kvm_find(kvm->shown, base, 0)->eax);
    }
}

/* "host": all of the offer that has a name, but for what depends on what is not there. */
static void check_host(void)
{
    X86CPU *cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);

    check_consistency();
    check_leaves_are_accounted_for();
    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        uint32_t offer = word_of(kvm->offered, word) & x86_feature_word_names_mask(word);
        uint32_t missing = offer & ~word_of(kvm->shown, word);

        if (word == FEAT_8000_0007_EDX) {
            missing &= ~CPUID_8000_0007_EDX_INVTSC;
        }
        if (missing) {
            g_test_message("%s: leaf 0x%x.%x register %u lacks 0x%x", kvm->name,
                           x86_feature_words[word].leaf, x86_feature_words[word].subleaf,
                           x86_feature_words[word].reg, missing);
            g_test_fail();
        }
    }
    drop_cpu(cpu);
}

static void check_migratable(void)
{
    bool has_invtsc = word_of(kvm->offered, FEAT_8000_0007_EDX) & CPUID_8000_0007_EDX_INVTSC;
    X86CPU *cpu = make_cpu(X86_CPU_TYPE_NAME("max"), NULL);

    g_assert_false(is_shown(FEAT_8000_0007_EDX, CPUID_8000_0007_EDX_INVTSC));
    drop_cpu(cpu);
    cpu = make_cpu(X86_CPU_TYPE_NAME("max"), "!migratable", NULL);
    g_assert_cmpint(is_shown(FEAT_8000_0007_EDX, CPUID_8000_0007_EDX_INVTSC), ==, has_invtsc);
    drop_cpu(cpu);
}

/* A PMU of Intel's: passed as it is, with "pmu=off" not to be seen, nor to be used. */
static void check_pmu(void)
{
    const struct kvm_cpuid_entry2 *e;
    X86CPU *cpu;

    *offered(0xa, 0) = (struct kvm_cpuid_entry2) {
        .function = 0xa, .eax = 0x07300802, .edx = 0x603,
    };
    offered(1, 0)->ecx |= CPUID_1_ECX_PDCM;
    use_set(kvm);
    g_hash_table_insert(kvm->caps, GINT_TO_POINTER(KVM_CAP_PMU_CAPABILITY), GINT_TO_POINTER(1));
    use_set(kvm);
    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);
    e = fake_kvm_find(kvm->shown, 0xa, 0);
    g_assert_nonnull(e);
    g_assert_cmphex(e->eax, ==, 0x07300802);
    g_assert_cmphex(e->edx, ==, 0x603);
    g_assert_true(is_shown(FEAT_1_ECX, CPUID_1_ECX_PDCM));
    g_assert_cmphex(x86_msr_reset_value(cpu, 0x38f, 0), ==, 0xff);
    g_assert_cmpuint(kvm->disabled_pmus, ==, 0);
    check_consistency();
    drop_cpu(cpu);

    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), "!pmu", NULL);
    g_assert_null(fake_kvm_find(kvm->shown, 0xa, 0));
    g_assert_false(is_shown(FEAT_1_ECX, CPUID_1_ECX_PDCM));
    g_assert_cmpuint(kvm->disabled_pmus, ==, 1);
    drop_cpu(cpu);
}

/* Without XSAVE nothing that needs it is left; with XSAVE and no state for AVX, no AVX. */
static void check_contradictions(void)
{
    X86CPU *cpu;
    uint32_t ecx1 = offered(1, 0)->ecx, state = offered(0xd, 0)->eax;

    offered(1, 0)->ecx &= ~CPUID_1_ECX_XSAVE;
    use_set(kvm);
    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);
    check_consistency();
    g_assert_false(is_shown(FEAT_1_ECX, CPUID_1_ECX_AVX));
    drop_cpu(cpu);

    offered(1, 0)->ecx = ecx1 | CPUID_1_ECX_XSAVE;
    offered(0xd, 0)->eax = 3;
    use_set(kvm);
    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);
    check_consistency();
    g_assert_true(is_shown(FEAT_1_ECX, CPUID_1_ECX_XSAVE));
    g_assert_false(is_shown(FEAT_1_ECX, CPUID_1_ECX_AVX));
    drop_cpu(cpu);

    offered(0xd, 0)->eax = state;
    use_set(kvm);
    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), "!xsave", NULL);
    check_consistency();
    drop_cpu(cpu);
}

/* What the four servers have in leaves that were not passed: 7.2, 0x80000021 and 0x80000022. */
static void check_late_leaves(void)
{
    static const struct kvm_cpuid_entry2 late[] = {
        { .function = 7, .index = 2, .flags = 1, .edx = 0x37 },
        { .function = 0x80000021, .eax = 0x18000265, .ecx = 6 },
        { .function = 0x80000022, .eax = 1, .ebx = 0x106 },
    };
    const struct kvm_cpuid_entry2 *e;
    X86CPU *cpu;

    for (unsigned i = 0; i < ARRAY_SIZE(late); i++) {
        struct kvm_cpuid_entry2 *old = offered(late[i].function, late[i].index);

        if (old) {
            *old = late[i];
        } else {
            g_array_append_val(kvm->offered, late[i]);
        }
    }
    offered(0x80000001, 0)->ecx |= CPUID_8000_0001_ECX_PERFCTR_CORE;
    use_set(kvm);
    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), NULL);
    g_assert_cmpuint(fake_kvm_find(kvm->shown, 7, 0)->eax, ==, 2);
    g_assert_cmphex(fake_kvm_find(kvm->shown, 7, 2)->edx, ==, 0x37);
    e = fake_kvm_find(kvm->shown, 0x80000021, 0);
    g_assert_nonnull(e);
    g_assert_cmphex(e->eax, ==, 0x18000265);
    g_assert_cmphex(e->ecx, ==, 6);
    e = fake_kvm_find(kvm->shown, 0x80000022, 0);
    g_assert_nonnull(e);
    g_assert_cmphex(e->eax, ==, 1);
    g_assert_cmphex(e->ebx, ==, 6);
    check_consistency();
    drop_cpu(cpu);

    cpu = make_cpu(X86_CPU_TYPE_NAME("host"), "!pmu", NULL);
    g_assert_null(fake_kvm_find(kvm->shown, 0x80000022, 0));
    g_assert_false(is_shown(FEAT_8000_0001_ECX, CPUID_8000_0001_ECX_PERFCTR_CORE));
    drop_cpu(cpu);
}

/* The default model does not need the host's extras, and shows none of them. */
static void check_qemu64(void)
{
    X86CPU *cpu = make_cpu(X86_CPU_TYPE_NAME("qemu64"), NULL);

    check_consistency();
    g_assert_cmphex(word_of(kvm->shown, FEAT_7_0_EBX), ==, 0);
    g_assert_null(fake_kvm_find(kvm->shown, 0xa, 0));
    drop_cpu(cpu);
}

/* ---- All sets ---- */

static const char *const raw_sets[] = { "intel-pvm-host", "amd-tcg-nested" };
static const char *const server_sets[] = {
    "intel-cascadelake-firecracker", "intel-icelake-firecracker",
    "intel-sapphirerapids-firecracker", "amd-milan-firecracker",
};

static FakeKvm *load_raw_set(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/tests/data/cpuid/%s.txt",
                                            g_getenv("SOURCE_ROOT"), name);
    FakeKvm *set = fake_kvm_load(path);

    g_assert_nonnull(set);
    return set;
}

static FakeKvm *load_server_set(const char *name)
{
    const char *folder = g_getenv("QEMU_TEST_CPUID");
    g_autofree char *path =
        folder ? g_strdup_printf("%s/%s.txt", folder, name)
        : g_strdup_printf("%s/../shared/reference/cpuid/%s.txt", g_getenv("SOURCE_ROOT"), name);

    return fake_kvm_load(path);
}

static void run_on_set(FakeKvm *set, void (*check)(void))
{
    use_set(set);
    check();
    drop_accel();
    fake_kvm_free(set);
}

static void run_on_raw_sets(gconstpointer check)
{
    for (unsigned i = 0; i < ARRAY_SIZE(raw_sets); i++) {
        run_on_set(load_raw_set(raw_sets[i]), (void (*)(void))check);
    }
}

typedef struct ServerTest {
    const char *set;
    void (*check)(void);
} ServerTest;

static void run_on_server_set(gconstpointer data)
{
    const ServerTest *test = data;
    FakeKvm *set = load_server_set(test->set);

    if (!set) {
        g_autofree char *why = g_strdup_printf("%s.txt is not there", test->set);

        g_test_skip(why);
        return;
    }
    run_on_set(set, test->check);
}

/* @check as "/x86-cpu/@name" on the raw sets, and on each server's set by its name. */
static void add_test(const char *name, void (*check)(void))
{
    g_autofree char *path = g_strdup_printf("/x86-cpu/%s/raw", name);

    g_test_add_data_func(path, check, run_on_raw_sets);
    for (unsigned i = 0; i < ARRAY_SIZE(server_sets); i++) {
        g_autofree char *server_path = g_strdup_printf("/x86-cpu/%s/%s", name, server_sets[i]);
        ServerTest *test = g_new0(ServerTest, 1);

        *test = (ServerTest) { server_sets[i], check };
        g_test_add_data_func_full(server_path, test, run_on_server_set, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    qemu_init_main_loop();
    g_test_add_func("/x86-cpu/bits-are-accounted-for", test_bits_are_accounted_for);
    add_test("msrs", check_msrs);
    add_test("host", check_host);
    add_test("migratable", check_migratable);
    add_test("pmu", check_pmu);
    add_test("contradictions", check_contradictions);
    add_test("late-leaves", check_late_leaves);
    add_test("qemu64", check_qemu64);
    return g_test_run();
}
