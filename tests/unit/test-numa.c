/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/core/numa*.c on a machine that has CPUs and no board: "-numa" read and refused, nodes and CPUs
 * put together, distances completed. tests/cmdline/test_numa.py has the words that users read.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "qemu/units.h"
#include "qom/object_interfaces.h"
#include "system/numa.h"

/* Two sockets of two cores of two threads, as -smp 8,sockets=2,cores=2,threads=2. */
static void test_possible_cpu(const MachineState *ms, unsigned index, CPUArchId *slot)
{
    slot->arch_id = index;
    slot->props = (CpuInstanceProperties) {
        .has_socket_id = true, .socket_id = index / 4,
        .has_core_id = true, .core_id = index / 2 % 2,
        .has_thread_id = true, .thread_id = index % 2,
    };
}

static void test_machine_class_init(ObjectClass *oc, const void *data)
{
    MACHINE_CLASS(oc)->init_possible_cpu = test_possible_cpu;
    MACHINE_CLASS(oc)->default_ram_size = 128 * MiB;
}

static const TypeInfo test_types[] = {
    { .name = MACHINE_TYPE_NAME("test"), .parent = TYPE_MACHINE,
      .class_init = test_machine_class_init },
};
DEFINE_TYPES(test_types)

static MachineState *machine_new(void)
{
    MachineState *ms = MACHINE(object_new(MACHINE_TYPE_NAME("test")));

    ms->smp.max_cpus = 8;
    return ms;
}

/* ---- reading ---- */

static void parse(NumaOption *opt, const char *params, const char *error)
{
    Error *err = NULL;
    bool ok = numa_option_parse(opt, params, &err);

    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, error);
    g_assert_cmpint(ok, ==, !error);
    error_free(err);
}

static void test_parse_node(void)
{
    g_auto(NumaOption) opt = { 0 };
    const NumaCpuRange *ranges;

    parse(&opt, "node,nodeid=5,nodeid=0x7,cpus=0-3,memdev=a,,b,cpus=65535,mem=1G", NULL);
    g_assert_cmpint(opt.type, ==, NUMA_OPTION_NODE);
    g_assert_true(opt.node.has_nodeid && opt.node.has_mem);
    g_assert_cmpuint(opt.node.nodeid, ==, 7);
    g_assert_cmpuint(opt.node.mem, ==, GiB);
    g_assert_cmpstr(opt.node.memdev, ==, "a,b");
    g_assert_cmpuint(opt.node.cpus->len, ==, 2);
    ranges = &g_array_index(opt.node.cpus, NumaCpuRange, 0);
    g_assert_cmpuint(ranges[0].first, ==, 0);
    g_assert_cmpuint(ranges[0].last, ==, 3);
    g_assert_cmpuint(ranges[1].first, ==, 65535);
    g_assert_cmpuint(ranges[1].last, ==, 65535);
}

static void test_parse_others(void)
{
    NumaOption opt;

    parse(&opt, "node", NULL);
    g_assert_false(opt.node.has_nodeid || opt.node.has_mem);
    g_assert_null(opt.node.memdev);
    numa_option_clear(&opt);

    parse(&opt, "node-id=1,type=cpu,socket-id=2,thread-id=3", NULL);
    g_assert_cmpint(opt.type, ==, NUMA_OPTION_CPU);
    g_assert_true(opt.cpu.has_node_id && opt.cpu.has_socket_id && opt.cpu.has_thread_id);
    g_assert_false(opt.cpu.has_die_id || opt.cpu.has_core_id);
    g_assert_cmpint(opt.cpu.socket_id, ==, 2);
    g_assert_cmpint(opt.cpu.thread_id, ==, 3);
    numa_option_clear(&opt);

    parse(&opt, "dist,src=0,dst=127,val=255", NULL);
    g_assert_cmpint(opt.type, ==, NUMA_OPTION_DIST);
    g_assert_cmpuint(opt.dist.dst, ==, 127);
    g_assert_cmpuint(opt.dist.val, ==, 255);
    numa_option_clear(&opt);
}

static void test_parse_refused(void)
{
    static const char *const bad_ranges[] = {
        "", "-", "-1", "1-", "3-1", "a", "0-a", "1-2-3", " 1", "1 ", "65536", "0-65536", "0--1",
        "18446744073709551616",
    };
    static const struct {
        const char *params, *error;
    } bad[] = {
        { "", "Parameter 'type' is missing" },
        { "foo", "Parameter 'type' does not accept value 'foo'" },
        { "node,foo=1", "Invalid parameter 'foo'" },
        { "node,src=1", "Invalid parameter 'src'" },
        { "node,nodeid=65536", "Parameter 'nodeid' expects uint16_t" },
        { "node,nodeid=-1", "Parameter 'nodeid' expects a uint64 value" },
        { "node,nodeid=", "Parameter 'nodeid' expects a uint64 value" },
        { "node,mem=x", "Parameter 'mem' expects a size value" },
        { "cpu,node-id=x", "Parameter 'node-id' expects an int64 value" },
        { "cpu,cluster-id=0", "cluster-id is not supported" },
        { "dist", "Parameter 'src' is missing" },
        { "dist,src=0,val=20", "Parameter 'dst' is missing" },
        { "dist,src=0,dst=0", "Parameter 'val' is missing" },
        { "dist,src=128", "Parameter 'src' expects an integer between 0 and 127" },
        { "dist,val=256", "Parameter 'val' expects uint8_t" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(NumaOption) opt = { 0 };

        parse(&opt, bad[i].params, bad[i].error);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_ranges); i++) {
        g_autofree char *params = g_strconcat("node,cpus=", bad_ranges[i], NULL);
        g_auto(NumaOption) opt = { 0 };

        parse(&opt, params, "Parameter 'cpus' expects a uint64 value or range");
    }
}

/* ---- the machine's nodes ---- */

static void add(MachineState *ms, const char *params)
{
    numa_add_option(ms, params, &error_abort);
}

static void refuse(MachineState *ms, const char *params, const char *error)
{
    Error *err = NULL;

    g_assert_false(numa_add_option(ms, params, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, error);
    error_free(err);
}

static void complete(MachineState *ms, const char *error)
{
    Error *err = NULL;
    bool ok = numa_complete_configuration(ms, &err);

    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, error);
    g_assert_cmpint(ok, ==, !error);
    error_free(err);
}

/* Nodes' numbers, one digit a CPU. */
static char *cpu_nodes(MachineState *ms)
{
    GString *text = g_string_new(NULL);

    for (int i = 0; i < ms->possible_cpus->len; i++) {
        g_assert_true(ms->possible_cpus->cpus[i].props.has_node_id);
        g_string_append_printf(text, "%" PRId64, ms->possible_cpus->cpus[i].props.node_id);
    }
    return g_string_free(text, false);
}

static void assert_cpu_nodes(MachineState *ms, const char *expected)
{
    g_autofree char *nodes = cpu_nodes(ms);

    g_assert_cmpstr(nodes, ==, expected);
}

/* As if the nodes' memory were there: backends have tests of their own. */
static void give_memory(MachineState *ms)
{
    ms->numa_state->nodes[0].node_mem = ms->ram_size;
}

static void test_no_nodes(void)
{
    g_autoptr(MachineState) ms = machine_new();

    complete(ms, NULL);
    g_assert_null(ms->numa_state);
    g_assert_false(ms->possible_cpus->cpus[0].props.has_node_id);
    g_assert_false(numa_uses_memdevs(ms));
}

static void test_default_node(void)
{
    for (int with_slots = 0; with_slots < 2; with_slots++) {
        g_autoptr(MachineState) ms = machine_new();

        ms->ram_slots = with_slots ? 1 : 0;
        ms->maxram_size = with_slots ? ms->ram_size : ms->ram_size + GiB;
        complete(ms, NULL);
        g_assert_cmpint(ms->numa_state->num_nodes, ==, 1);
        g_assert_cmpuint(ms->numa_state->nodes[0].node_mem, ==, ms->ram_size);
        g_assert_false(numa_uses_memdevs(ms));
        assert_cpu_nodes(ms, "00000000");
    }
}

static void test_node_ids(void)
{
    g_autoptr(MachineState) ms = machine_new();

    refuse(ms, "cpu,node-id=0,socket-id=0", "Invalid node-id=0, NUMA node must be defined with "
           "-numa node,nodeid=ID before it's used with -numa cpu,node-id=ID");
    add(ms, "node,nodeid=2");
    refuse(ms, "node,nodeid=2", "Duplicate NUMA nodeid: 2");
    refuse(ms, "node,nodeid=128", "Max number of NUMA nodes reached: 128");
    complete(ms, "numa: Node ID missing: 1");
    add(ms, "node");                    /* the number of nodes so far is its id */
    complete(ms, "numa: Node ID missing: 0");
    add(ms, "node,nodeid=0");
    complete(ms, "total memory for NUMA nodes (0x0) should equal RAM size (0x8000000)");
    give_memory(ms);
    complete(ms, NULL);
    g_assert_cmpint(ms->numa_state->num_nodes, ==, 3);
}

static void test_128_nodes(void)
{
    g_autoptr(MachineState) ms = machine_new();

    for (int i = 0; i < MAX_NODES; i++) {
        add(ms, "node");
    }
    refuse(ms, "node", "Max number of NUMA nodes reached: 128");
    give_memory(ms);
    complete(ms, NULL);
}

static void test_default_cpus(void)
{
    g_autoptr(MachineState) ms = machine_new();

    add(ms, "node");
    add(ms, "node");
    give_memory(ms);
    complete(ms, NULL);
    assert_cpu_nodes(ms, "00001111");   /* by socket */
}

static void test_cpus(void)
{
    g_autoptr(MachineState) ms = machine_new();

    add(ms, "node,cpus=0-1,cpus=3");
    refuse(ms, "node,cpus=3-4", "CPU is already assigned to node-id: 0");
    refuse(ms, "node,cpus=8", "CPU index (8) should be smaller than maxcpus (8)");
    add(ms, "node,cpus=4,cpus=4");
    add(ms, "cpu,node-id=1,socket-id=1,thread-id=1");
    refuse(ms, "cpu,node-id=1,socket-id=0,thread-id=0", "CPU is already assigned to node-id: 0");
    refuse(ms, "cpu,node-id=1,socket-id=2", "no match found");
    refuse(ms, "cpu,node-id=1,socket-id=-1", "no match found");
    refuse(ms, "cpu,node-id=1,die-id=0", "die-id is not supported");
    refuse(ms, "cpu,socket-id=1", "Missing mandatory node-id property");
    refuse(ms, "cpu,node-id=-1", "Invalid node-id=-1, NUMA node must be defined with "
           "-numa node,nodeid=ID before it's used with -numa cpu,node-id=ID");
    add(ms, "cpu,node-id=1,socket-id=1,core-id=1");
    add(ms, "cpu,node-id=0,socket-id=0,core-id=1,thread-id=0");
    give_memory(ms);
    complete(ms, NULL);
    assert_cpu_nodes(ms, "00001111");
}

static void test_distances(void)
{
    g_autoptr(MachineState) ms = machine_new();
    const NumaState *numa;

    refuse(ms, "dist,src=0,dst=0,val=10", "Source/Destination NUMA node is missing. Please use "
           "'-numa node' option to declare it first.");
    add(ms, "node");
    add(ms, "node");
    add(ms, "node");
    give_memory(ms);
    refuse(ms, "dist,src=0,dst=1,val=9",
           "NUMA distance (9) is invalid, it shouldn't be less than 10.");
    refuse(ms, "dist,src=1,dst=1,val=11", "Local distance of node 1 should be 10.");
    add(ms, "dist,src=0,dst=1,val=20");
    add(ms, "dist,src=2,dst=0,val=21");
    complete(ms, "The distance between node 1 and 2 is missing, at least one distance value "
             "between each nodes should be provided.");
    add(ms, "dist,src=1,dst=2,val=255");
    add(ms, "dist,src=2,dst=1,val=22");
    complete(ms, "At least one asymmetrical pair of distances is given, please provide distances "
             "for both directions of all node pairs.");
    add(ms, "dist,src=1,dst=2,val=22");
    complete(ms, NULL);
    numa = ms->numa_state;
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(numa->distance[i][i], ==, 10);
    }
    g_assert_cmpuint(numa->distance[1][0], ==, 20);
    g_assert_cmpuint(numa->distance[0][2], ==, 21);
    g_assert_cmpuint(numa->distance[1][2], ==, 22);
}

/* Where both ways are given everywhere, they may differ. */
static void test_asymmetrical_distances(void)
{
    g_autoptr(MachineState) ms = machine_new();

    add(ms, "node");
    add(ms, "node");
    give_memory(ms);
    add(ms, "dist,src=0,dst=1,val=20");
    add(ms, "dist,src=1,dst=0,val=30");
    complete(ms, NULL);
    g_assert_cmpuint(ms->numa_state->distance[0][1], ==, 20);
    g_assert_cmpuint(ms->numa_state->distance[1][0], ==, 30);
}

static void test_no_cpus(void)
{
    g_autoptr(MachineState) ms = MACHINE(object_new(MACHINE_TYPE_NAME("none")));

    refuse(ms, "node", "NUMA is not supported by this machine-type");
    ms->maxram_size = ms->ram_size + GiB;
    complete(ms, NULL);
    g_assert_null(ms->numa_state);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/numa/parse/node", test_parse_node);
    g_test_add_func("/numa/parse/others", test_parse_others);
    g_test_add_func("/numa/parse/refused", test_parse_refused);
    g_test_add_func("/numa/no-nodes", test_no_nodes);
    g_test_add_func("/numa/default-node-for-memory-devices", test_default_node);
    g_test_add_func("/numa/node-ids", test_node_ids);
    g_test_add_func("/numa/128-nodes", test_128_nodes);
    g_test_add_func("/numa/cpus-by-default-by-socket", test_default_cpus);
    g_test_add_func("/numa/cpus", test_cpus);
    g_test_add_func("/numa/distances", test_distances);
    g_test_add_func("/numa/distances/asymmetrical", test_asymmetrical_distances);
    g_test_add_func("/numa/machine-without-cpus", test_no_cpus);
    return g_test_run();
}
