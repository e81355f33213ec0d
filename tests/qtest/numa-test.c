/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA of the machine without any memory device: that RAM is the nodes' backends, in order and
 * around the holes of a PC, and what QMP says of backends, CPUs and their nodes.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqtest.h"
#include "qobject/qlist.h"
#include "qemu/units.h"

/* ---- RAM is where it should be ---- */

typedef struct Board {
    const char *machine;
    uint64_t below_4g;          /* of 4 GiB */
} Board;

static const Board q35 = { "q35", 2 * GiB };
static const Board pc = { "pc", 3 * GiB };

#define NODE0_SIZE ((uint64_t)(3 * GiB + 64 * MiB))
#define NODE1_SIZE ((uint64_t)(1 * GiB - 64 * MiB))

/* Where offset @ram of RAM is in guest physical memory. */
static uint64_t ram_address(const Board *board, uint64_t ram)
{
    return ram < board->below_4g ? ram : 4 * GiB + ram - board->below_4g;
}

static void assert_in_file(const char *path, uint64_t offset, uint64_t expected)
{
    int fd = open(path, O_RDONLY);
    uint64_t found = 0;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pread(fd, &found, sizeof(found), (off_t)offset), ==, sizeof(found));
    g_assert_cmphex(found, ==, expected);
    close(fd);
}

/* Node 0 goes on above 4 GiB; both backends are seen from outside, as sparse files. */
static void test_ram(const void *data)
{
    const Board *board = data;
    g_autofree char *dir = g_dir_make_tmp("numa-test-XXXXXX", NULL);
    g_autofree char *n0 = g_build_filename(dir, "n0", NULL);
    g_autofree char *n1 = g_build_filename(dir, "n1", NULL);
    const char *const files[] = { n0, n1 };
    const struct {
        uint64_t ram;           /* offset in RAM */
        unsigned node;
        uint64_t offset;        /* in the node's backend */
    } places[] = {
        { 0x1000, 0, 0x1000 }, { board->below_4g - 8, 0, board->below_4g - 8 },
        { board->below_4g, 0, board->below_4g }, { NODE0_SIZE - 8, 0, NODE0_SIZE - 8 },
        { NODE0_SIZE, 1, 0 }, { NODE0_SIZE + NODE1_SIZE - 8, 1, NODE1_SIZE - 8 },
    };
    QTestState *qts = qtest_initf(
        "-nodefaults -machine %s -m 4G "
        "-object memory-backend-file,id=n0,size=%" PRIu64 ",mem-path=%s,share=on "
        "-object memory-backend-file,id=n1,size=%" PRIu64 ",mem-path=%s,share=on "
        "-numa node,memdev=n0 -numa node,memdev=n1", board->machine, NODE0_SIZE, files[0],
        NODE1_SIZE, files[1]);

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        uint64_t value = 0x1122334455660000 + i, address = ram_address(board, places[i].ram);

        qtest_writeq(qts, address, value);
        g_assert_cmphex(qtest_readq(qts, address), ==, value);
        assert_in_file(files[places[i].node], places[i].offset, value);
    }
    qtest_quit(qts);
    g_unlink(files[0]);
    g_unlink(files[1]);
    g_rmdir(dir);
}

/* The node ids, not the order of the options, say which backend comes first. */
static void test_ram_order(void)
{
    g_autofree char *dir = g_dir_make_tmp("numa-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "n0", NULL);
    QTestState *qts = qtest_initf(
        "-nodefaults -machine q35 -m 128M -object memory-backend-ram,id=n1,size=64M "
        "-object memory-backend-file,id=n0,size=64M,mem-path=%s,share=on "
        "-numa node,nodeid=1,memdev=n1 -numa node,nodeid=0,memdev=n0", file);

    qtest_writeq(qts, 0x2000, 0x123456789abcdef0);
    assert_in_file(file, 0x2000, 0x123456789abcdef0);
    qtest_quit(qts);
    g_unlink(file);
    g_rmdir(dir);
}

/* One backend without NUMA; -m may be left out, it is the backend's size. */
static void test_memory_backend(const void *machine)
{
    g_autofree char *dir = g_dir_make_tmp("numa-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "ram", NULL);
    QTestState *qts = qtest_initf(
        "-nodefaults -machine %s,memory-backend=ram "
        "-object memory-backend-file,id=ram,size=64M,mem-path=%s,share=on",
        (const char *)machine, file);
    QDict *answer = qtest_qmp_assert_success_ref(qts, "{'execute': 'query-memory-size-summary'}");

    g_assert_cmphex(qdict_get_int(answer, "base-memory"), ==, 64 * MiB);
    qobject_unref(answer);
    qtest_writeq(qts, 64 * MiB - 8, 0x123456789abcdef0);
    assert_in_file(file, 64 * MiB - 8, 0x123456789abcdef0);
    qtest_quit(qts);
    g_unlink(file);
    g_rmdir(dir);
}

/* ---- CPUs ---- */

/* "node socket die core thread", "-" for what is not there. */
static char *describe_props(QDict *props)
{
    static const char *const keys[] = {
        "node-id", "socket-id", "die-id", "core-id", "thread-id",
    };
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (qdict_haskey(props, keys[i])) {
            g_string_append_printf(text, "%" PRId64, qdict_get_int(props, keys[i]));
        } else {
            g_string_append_c(text, '-');
        }
    }
    return g_string_free(text, false);
}

/* Those of query-hotpluggable-cpus, each followed by "+" if a CPU is there, separated by blanks. */
static char *places(QTestState *qts)
{
    QDict *answer = qtest_qmp(qts, "{'execute': 'query-hotpluggable-cpus'}");
    QList *list = qdict_get_qlist(answer, "return");
    GString *text = g_string_new(NULL);

    for (QObject *entry; (entry = qlist_pop(list)); qobject_unref(entry)) {
        QDict *place = qobject_to(QDict, entry);
        g_autofree char *props = describe_props(qdict_get_qdict(place, "props"));

        g_assert_cmpint(qdict_get_int(place, "vcpus-count"), ==, 1);
        g_assert_true(g_str_has_suffix(qdict_get_str(place, "type"), "-x86_64-cpu"));
        g_string_append_printf(text, "%s%s%s", text->len ? " " : "", props,
                               qdict_haskey(place, "qom-path") ? "+" : "");
    }
    qobject_unref(answer);
    return g_string_free(text, false);
}

/* Those of query-cpus-fast, and that each has an index, a path of its own and a target. */
static char *cpus(QTestState *qts)
{
    QDict *answer = qtest_qmp(qts, "{'execute': 'query-cpus-fast'}");
    QList *list = qdict_get_qlist(answer, "return");
    GString *text = g_string_new(NULL);
    int index = 0;

    for (QObject *entry; (entry = qlist_pop(list)); qobject_unref(entry)) {
        QDict *cpu = qobject_to(QDict, entry), *type;
        g_autofree char *props = describe_props(qdict_get_qdict(cpu, "props"));

        g_assert_cmpint(qdict_get_int(cpu, "cpu-index"), ==, index++);
        g_assert_cmpstr(qdict_get_str(cpu, "target"), ==, "x86_64");
        g_assert_true(qdict_haskey(cpu, "thread-id"));
        type = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {'path': %s, "
                         "'property': 'type'}}", qdict_get_str(cpu, "qom-path"));
        g_assert_true(g_str_has_suffix(qdict_get_str(type, "return"), "-x86_64-cpu"));
        qobject_unref(type);
        g_string_append_printf(text, "%s%s", text->len ? " " : "", props);
    }
    qobject_unref(answer);
    return g_string_free(text, false);
}

typedef struct CpuCase {
    const char *args;
    const char *places;         /* the last first */
    const char *cpus;
} CpuCase;

#define NODES \
    "-object memory-backend-ram,id=n0,size=64M -object memory-backend-ram,id=n1,size=64M " \
    "-numa node,memdev=n0 -numa node,memdev=n1 "

static const CpuCase cpus_no_nodes = {
    "-smp 2,maxcpus=4,sockets=2", "-1-10 -1-00 -0-10+ -0-00+", "-0-00 -0-10",
};
static const CpuCase cpus_dies = {
    "-smp 2,maxcpus=8,sockets=2,dies=2,threads=2", "-1101 -1100 -1001 -1000 -0101 -0100 -0001+ "
    "-0000+", "-0000 -0001",
};
static const CpuCase cpus_default_node = {
    "-smp 2 -m 128M,maxmem=256M", "00-10+ 00-00+", "00-00 00-10",
};
static const CpuCase cpus_by_socket = {
    NODES "-smp 3,maxcpus=4,sockets=4", "13-00 02-00+ 11-00+ 00-00+", "00-00 11-00 02-00",
};
static const CpuCase cpus_by_place = {
    NODES "-smp 4,sockets=2 -numa cpu,node-id=1,socket-id=0 -numa cpu,node-id=0,socket-id=1",
    "01-10+ 01-00+ 10-10+ 10-00+", "10-00 10-10 01-00 01-10",
};

static void test_cpus(const void *data)
{
    static const char *const machines[] = { "pc", "q35" };
    const CpuCase *c = data;

    for (size_t i = 0; i < G_N_ELEMENTS(machines); i++) {
        QTestState *qts = qtest_initf("-nodefaults -machine %s %s", machines[i], c->args);
        g_autofree char *found_places = places(qts);
        g_autofree char *found_cpus = cpus(qts);

        g_assert_cmpstr(found_places, ==, c->places);
        g_assert_cmpstr(found_cpus, ==, c->cpus);
        qtest_quit(qts);
    }
}

static void test_no_cpus(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine none");
    QDict *error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'query-hotpluggable-cpus'}");
    g_autofree char *none = NULL;

    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "not enabled"));
    qobject_unref(error);
    none = cpus(qts);
    g_assert_cmpstr(none, ==, "");
    qtest_quit(qts);
}

/* ---- backends ---- */

static QDict *find_memdev(QTestState *qts, const char *id)
{
    QDict *answer = qtest_qmp(qts, "{'execute': 'query-memdev'}"), *found = NULL;
    QList *list = qdict_get_qlist(answer, "return");

    for (QObject *entry; (entry = qlist_pop(list));) {
        QDict *memdev = qobject_to(QDict, entry);

        if (g_str_equal(qdict_get_str(memdev, "id"), id)) {
            found = memdev;
        } else {
            qobject_unref(memdev);
        }
    }
    qobject_unref(answer);
    return found;
}

static void assert_memdev(QTestState *qts, const char *id, const char *expected)
{
    static const char *const flags[] = { "merge", "dump", "prealloc", "share", "reserve" };
    QDict *memdev = find_memdev(qts, id);
    g_autoptr(GString) text = g_string_new(NULL);
    QList *nodes;

    if (!memdev) {
        g_error("query-memdev does not know %s", id);
    }
    g_string_printf(text, "%" PRId64, qdict_get_int(memdev, "size") / MiB);
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (qdict_get_bool(memdev, flags[i])) {
            g_string_append_printf(text, " %s", flags[i]);
        }
    }
    g_string_append_printf(text, " %s", qdict_get_str(memdev, "policy"));
    nodes = qdict_get_qlist(memdev, "host-nodes");
    for (QObject *node; (node = qlist_pop(nodes)); qobject_unref(node)) {
        g_string_append(text, " node");
    }
    g_assert_cmpstr(text->str, ==, expected);
    qobject_unref(memdev);
}

static void test_memdevs(void)
{
    QTestState *qts = qtest_init(
        "-nodefaults -machine q35,mem-merge=off -m 64M "
        "-object memory-backend-ram,id=a,size=2M "
        "-object memory-backend-ram,id=b,size=3M,share=on,merge=on,dump=off "
        "-object memory-backend-memfd,id=c,size=4M,prealloc=on,host-nodes=0,policy=bind "
        "-object memory-backend-file,id=d,size=5M,mem-path=/dev/shm,reserve=off,host-nodes=0,"
        "policy=preferred");

    assert_memdev(qts, "pc.ram", "64 dump reserve default");
    assert_memdev(qts, "a", "2 dump reserve default");
    assert_memdev(qts, "b", "3 merge share reserve default");
    assert_memdev(qts, "c", "4 dump prealloc share reserve bind node");
    assert_memdev(qts, "d", "5 dump preferred node");
    qtest_quit(qts);
}

/* A node's backend is the machine's; there is no other RAM. */
static void test_memdevs_of_nodes(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine q35 " NODES);

    g_assert_null(find_memdev(qts, "pc.ram"));
    assert_memdev(qts, "n1", "64 merge dump reserve default");
    qtest_quit(qts);
}

static void test_busy(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine q35 " NODES
                                 "-object memory-backend-ram,id=free,size=2M");
    QDict *error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'object-del', 'arguments': "
                                                "{'id': 'n0'}}");

    if (!g_str_equal(qdict_get_str(error, "class"), "CommandNotFound")) {
        g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "in use"));
        qtest_qmp_assert_success(qts, "{'execute': 'object-del', 'arguments': {'id': 'free'}}");
        g_assert_null(find_memdev(qts, "free"));
    } else {
        g_test_skip("this emulator has no object-del");
    }
    qobject_unref(error);
    qtest_quit(qts);
}

/* Sizes by node are no longer there since machine version 5.1. */
static void test_no_mem_supported(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine none");
    QDict *answer = qtest_qmp(qts, "{'execute': 'query-machines'}");
    QList *list = qdict_get_qlist(answer, "return");
    bool found = false;

    for (QObject *entry; (entry = qlist_pop(list)); qobject_unref(entry)) {
        QDict *machine = qobject_to(QDict, entry);

        if (g_str_equal(qdict_get_str(machine, "name"), "pc-q35-5.1")) {
            g_assert_false(qdict_get_bool(machine, "numa-mem-supported"));
            found = true;
        }
    }
    g_assert_true(found);
    qobject_unref(answer);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/numa/ram/nodes/q35", &q35, test_ram);
    qtest_add_data_func("/numa/ram/nodes/pc", &pc, test_ram);
    qtest_add_func("/numa/ram/nodes-by-id", test_ram_order);
    qtest_add_data_func("/numa/ram/memory-backend/q35", "q35", test_memory_backend);
    qtest_add_data_func("/numa/ram/memory-backend/pc", "pc", test_memory_backend);
    qtest_add_data_func("/numa/cpus/no-nodes", &cpus_no_nodes, test_cpus);
    qtest_add_data_func("/numa/cpus/dies", &cpus_dies, test_cpus);
    qtest_add_data_func("/numa/cpus/default-node", &cpus_default_node, test_cpus);
    qtest_add_data_func("/numa/cpus/by-socket", &cpus_by_socket, test_cpus);
    qtest_add_data_func("/numa/cpus/by-place", &cpus_by_place, test_cpus);
    qtest_add_func("/numa/cpus/none", test_no_cpus);
    qtest_add_func("/numa/memdevs/properties", test_memdevs);
    qtest_add_func("/numa/memdevs/of-nodes", test_memdevs_of_nodes);
    qtest_add_func("/numa/memdevs/busy", test_busy);
    qtest_add_func("/numa/no-mem-by-node", test_no_mem_supported);
    return g_test_run();
}
