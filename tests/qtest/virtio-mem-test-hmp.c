/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the human monitor tells of the device, in the forms that its users' eyes and scripts know. */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

static void assert_says(Vm *vm, const char *line, const char *expected)
{
    g_autofree char *text = hmp_text(vm, line);

    if (!strstr(text, expected)) {
        g_error("\"%s\" does not say:\n%s\nbut:\n%s", line, expected, text);
    }
}

static void assert_mapped(Vm *vm, const char *expected)
{
    g_autofree char *tree = memory_tree(vm);

    if (!strstr(tree, expected)) {
        g_error("the memory's tree does not show:\n%s\nbut:\n%s", expected, tree);
    }
}

static void assert_not_mapped(Vm *vm, const char *unexpected)
{
    g_autofree char *tree = memory_tree(vm);

    g_assert_null(strstr(tree, unexpected));
}

static void test_follows_plug(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    assert_says(&vm, "info memory-devices",
                "Memory device [virtio-mem]: \"vm0\"\n  memaddr: 0x100000000\n  node: 0\n"
                "  requested-size: 67108864\n  size: 6291456\n  max-size: 268435456\n"
                "  block-size: 2097152\n  memdev: /objects/mem0\n");
    assert_says(&vm, "info memory_size_summary",
                "base memory: 134217728\nplugged memory: 6291456\n");
    assert_says(&vm, "info numa", "node 0 size: 134 MB\nnode 0 plugged: 6 MB\n");
    assert_mapped(&vm, "      0000000100000000-000000010fffffff (prio 0, ram): mem0\n");
    assert_says(&vm, "qom-set vm0 requested-size 8M", "");
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 8 * MiB);
    vm_end(&vm);
}

/* One alias line for each slot that has plugged memory, and none when it has gone. */
static void test_memory_slots(void)
{
    Vm vm;

    if (skip_without(HAS_MEMSLOTS, "dynamic-memslots is newer than 7.2")) {
        return;
    }
    vm_start(&vm, "memory-backend-ram,size=3G,reserve=off",
             ",requested-size=3G,dynamic-memslots=on,unplugged-inaccessible=on");
    assert_not_mapped(&vm, "memslot-");
    assert_response(plug(&vm, 512, 1), ACK);
    assert_mapped(&vm,
                "      0000000100000000-00000001bfffffff (prio 0, i/o): virtio-mem\n"
                "        0000000140000000-000000017fffffff (prio 0, ram): "
                "alias memslot-1 @mem0 0000000040000000-000000007fffffff\n");
    assert_not_mapped(&vm, "memslot-0");
    assert_response(unplug_all(&vm), ACK);
    assert_not_mapped(&vm, "memslot-");
    vm_end(&vm);
}

void add_hmp_tests(void)
{
    ADD("hmp/follows-plug", test_follows_plug);
    ADD("hmp/mtree-shows-memory-slots", test_memory_slots);
}
