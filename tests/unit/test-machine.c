/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/core/machine*.c: -smp and -m values completed and refused, machine types found by name and
 * alias, the rule that what is configured cannot change later.
 */
#include "qemu/osdep.h"

#include "hw/core/boards.h"
#include "qapi/error.h"
#include "qemu/json.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "system/memory.h"

/* A board of which the accelerator cannot show something. */
static void test_board_init(MachineState *ms)
{
    Error *err = NULL;

    error_setg(&err, "no memory slot is left");
    memory_listener_failed(err);
}

static void test_machine_class_init(ObjectClass *oc, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    mc->alias = "alias-of-it";
    mc->max_cpus = 64;
    mc->default_ram_size = 128 * MiB;
    mc->dies_supported = data != NULL;
    mc->smp_prefer_sockets = data != NULL;
    mc->init = test_board_init;
}

static const TypeInfo test_types[] = {
    { .name = MACHINE_TYPE_NAME("modern"), .parent = TYPE_MACHINE,
      .class_init = test_machine_class_init },
    { .name = MACHINE_TYPE_NAME("ancient"), .parent = TYPE_MACHINE,
      .class_init = test_machine_class_init, .class_data = "old" },
};
DEFINE_TYPES(test_types)

typedef bool ParseConfig(MachineState *ms, json_t *config, bool keyval, Error **errp);

static void parse(MachineState *ms, ParseConfig *fn, const char *json, const char *error)
{
    json_t *config = qjson_parse(json, &error_abort);
    Error *err = NULL;
    bool ok = fn(ms, config, true, &err);

    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, error);
    g_assert_cmpint(ok, ==, !error);
    error_free(err);
    json_decref(config);
}

static void expect_smp(const char *type, const char *json, const char *expected)
{
    g_autoptr(MachineState) ms = MACHINE(object_new(type));
    g_autofree char *text = NULL;

    parse(ms, machine_parse_smp_config, json, NULL);
    text = g_strdup_printf("%u/%u %u*%u*%u*%u", ms->smp.cpus, ms->smp.max_cpus, ms->smp.sockets,
                           ms->smp.dies, ms->smp.cores, ms->smp.threads);
    g_assert_cmpstr(text, ==, expected);
}

static void test_smp_completed(void)
{
    expect_smp("modern-machine", "{}", "1/1 1*1*1*1");
    expect_smp("modern-machine", "{'cpus': '4'}", "4/4 1*1*4*1");
    expect_smp("ancient-machine", "{'cpus': '4'}", "4/4 4*1*1*1");
    expect_smp("modern-machine", "{'cpus': '2', 'maxcpus': '8'}", "2/8 1*1*8*1");
    expect_smp("modern-machine", "{'cpus': 8, 'sockets': 2}", "8/8 2*1*4*1");
    expect_smp("modern-machine", "{'cpus': '8', 'cores': '2'}", "8/8 4*1*2*1");
    expect_smp("modern-machine", "{'cpus': '8', 'sockets': '2', 'cores': '2'}", "8/8 2*1*2*2");
    expect_smp("modern-machine", "{'sockets': '2', 'threads': '2'}", "4/4 2*1*1*2");
    expect_smp("ancient-machine", "{'cpus': '8', 'dies': '2', 'cores': '2'}", "8/8 2*2*2*1");
    expect_smp("modern-machine", "{'cpus': '2', 'clusters': '1'}", "2/2 1*1*2*1");
}

static void expect_smp_error(const char *json, const char *error)
{
    g_autoptr(MachineState) ms = MACHINE(object_new("modern-machine"));

    parse(ms, machine_parse_smp_config, json, error);
    g_assert_cmpuint(ms->smp.cpus, ==, 1);
}

static void test_smp_refused(void)
{
    expect_smp_error("{'cpus': '0'}", "Invalid CPU topology: CPU topology parameters must be "
                     "greater than zero");
    expect_smp_error("{'cpus': '65'}", "Invalid SMP CPUs 65. The max CPUs supported by machine "
                     "'modern' is 64");
    expect_smp_error("{'dies': '2'}", "dies not supported by this machine's CPU topology");
    expect_smp_error("{'clusters': '2'}", "clusters not supported by this machine's CPU topology");
    expect_smp_error("{'cpus': '2', 'maxcpus': '1'}", "Invalid CPU topology: maxcpus must be equal "
                     "to or greater than smp: sockets (1) * cores (1) * threads (1) == maxcpus (1) "
                     "< smp_cpus (2)");
    expect_smp_error("{'cpus': '3', 'sockets': '2', 'cores': '2'}", "Invalid CPU topology: product "
                     "of the hierarchy must match maxcpus: sockets (2) * cores (2) * threads (0) "
                     "!= maxcpus (3)");
    expect_smp_error("{'cpus': '99999999'}",
                     "Invalid SMP CPUs 99999999. The max CPUs supported by machine 'modern' is 64");
}

static void test_memory(void)
{
    g_autoptr(MachineState) ms = MACHINE(object_new("modern-machine"));

    g_assert_cmpuint(ms->ram_size, ==, 128 * MiB);
    parse(ms, machine_parse_memory_config, "{'size': 1000000}", NULL);
    g_assert_cmpuint(ms->ram_size, ==, 1007616);
    g_assert_cmpuint(ms->maxram_size, ==, 1007616);
    parse(ms, machine_parse_memory_config, "{'size': '1G', 'max-size': '4G', 'slots': 3}", NULL);
    g_assert_cmpuint(ms->ram_size, ==, GiB);
    g_assert_cmpuint(ms->maxram_size, ==, 4 * (uint64_t)GiB);
    g_assert_cmpuint(ms->ram_slots, ==, 3);

    parse(ms, machine_parse_memory_config, "{'slots': 1}", "slots specified but no max-size");
    parse(ms, machine_parse_memory_config, "{'max-size': 4096}",
          "invalid value of maxmem: maximum memory size (0x1000) must be at least the initial "
          "memory size (0x8000000)");
    parse(ms, machine_parse_memory_config, "{'max-size': '1G', 'slots': 257}",
          "unsupported amount of memory slots: 257");
    parse(ms, machine_parse_memory_config, "{'size': 18446744073709551615}", "ram size too large");
    g_assert_cmpuint(ms->maxram_size, ==, 4 * (uint64_t)GiB);
}

static void test_find(void)
{
    g_assert_true(machine_find_class("modern") ==
                  MACHINE_CLASS(object_class_by_name("modern-machine")));
    g_assert_nonnull(machine_find_class("alias-of-it"));
    g_assert_null(machine_find_class("modern-machine"));
    g_assert_null(machine_find_class("machine"));
    g_assert_null(machine_find_class(""));
    g_assert_cmpstr(machine_find_class("none")->name, ==, "none");
}

static void test_board_memory_refused(void)
{
    g_autoptr(MachineState) ms = MACHINE(object_new("modern-machine"));
    Error *err = NULL;

    ms->ram_size = 0;
    g_assert_false(machine_run_board_init(ms, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "no memory slot is left");
    error_free(err);
}

/* The last one: the phase does not go back. */
static void test_late_change(void)
{
    g_autoptr(MachineState) ms = MACHINE(object_new("modern-machine"));
    Error *err = NULL;

    g_assert_true(object_property_set_str(OBJECT(ms), "kernel", "early", &error_abort));
    phase_advance(PHASE_MACHINE_CREATED);
    phase_advance(PHASE_ACCEL_CREATED);
    g_assert_false(object_property_set_str(OBJECT(ms), "kernel", "late", &err));
    error_free_or_abort(&err);
    g_assert_cmpstr(ms->kernel_filename, ==, "early");
    parse(ms, machine_parse_smp_config, "{'cpus': 2}",
          "machine property 'smp' cannot be changed any more");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    g_test_add_func("/machine/smp-completed", test_smp_completed);
    g_test_add_func("/machine/smp-refused", test_smp_refused);
    g_test_add_func("/machine/memory", test_memory);
    g_test_add_func("/machine/find", test_find);
    g_test_add_func("/machine/board-memory-refused", test_board_memory_refused);
    g_test_add_func("/machine/late-change", test_late_change);
    return g_test_run();
}
