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

static void use_set(FakeKvm *set)
{
    static MachineState ms;

    kvm = set;
    fake_kvm_use(set);
    ms.smp = (CpuTopology) {
        .cpus = 1, .max_cpus = 1, .sockets = 1, .dies = 1, .cores = 1, .threads = 1,
    };
    current_machine = &ms;
    if (accel) {
        ACCEL_GET_CLASS(accel)->cleanup_machine(accel, &ms);
        object_unref(OBJECT(accel));
    }
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
    add_test("msrs", check_msrs);
    return g_test_run();
}
