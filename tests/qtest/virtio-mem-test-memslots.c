/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic memory slots: guest physical memory has only those parts of the device that hold a
 * plugged block, as "info mtree" shows, and the device works as it does without.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

#define TOO_OLD "dynamic-memslots is newer than 7.2"
#define MEM_3G "memory-backend-memfd,size=2560M"
#define BLOCKS_PER_SLOT 512     /* of 2 MiB in 1 GiB */

static bool memslots_start(Vm *vm, const char *backend, const char *props)
{
    g_autofree char *all = g_strconcat(",dynamic-memslots=on", props, NULL);

    if (skip_without(HAS_MEMSLOTS, TOO_OLD)) {
        return false;
    }
    vm_start(vm, backend, all);
    return true;
}

/* The slots that "info mtree" shows below the device's region, as "0 2 ". */
static char *memslots_mapped(Vm *vm)
{
    g_autofree char *tree = memory_tree(vm);
    const char *device = strstr(tree, "): virtio-mem\n");
    GString *slots = g_string_new("");

    g_assert_nonnull(device);
    for (const char *at = device; (at = strstr(at, "): alias memslot-"));) {
        at += strlen("): alias memslot-");
        g_string_append_printf(slots, "%d ", atoi(at));
        g_assert_true(g_str_has_prefix(strchr(at, ' '), " @mem0 "));
    }
    return g_string_free(slots, false);
}

static void assert_mapped(Vm *vm, const char *expected)
{
    g_autofree char *mapped = memslots_mapped(vm);

    g_assert_cmpstr(mapped, ==, expected);
}

/* A slot appears with its first block and goes with its last. */
static void test_memslots_follow(void)
{
    Vm vm;

    if (!memslots_start(&vm, MEM_3G, ",requested-size=2560M")) {
        return;
    }
    assert_mapped(&vm, "");
    assert_response(plug(&vm, 3, 2), ACK);
    assert_mapped(&vm, "0 ");
    assert_response(plug(&vm, BLOCKS_PER_SLOT - 1, 2), ACK);
    assert_mapped(&vm, "0 1 ");
    assert_response(plug(&vm, 1279, 1), ACK);
    assert_mapped(&vm, "0 1 2 ");
    assert_response(unplug(&vm, BLOCKS_PER_SLOT, 1), ACK);
    assert_mapped(&vm, "0 2 ");
    assert_response(unplug(&vm, 3, 2), ACK);
    assert_mapped(&vm, "0 2 ");
    assert_response(unplug_all(&vm), ACK);
    assert_mapped(&vm, "");
    vm_end(&vm);
}

/* An answer other than ACK changes nothing. */
static void test_memslots_refused(void)
{
    Vm vm;

    if (!memslots_start(&vm, MEM_3G, ",requested-size=4M")) {
        return;
    }
    assert_response(plug(&vm, 0, 3), NACK);
    assert_response(plug(&vm, 2000, 1), ERR);
    assert_mapped(&vm, "");
    assert_response(plug(&vm, 0, 1), ACK);
    assert_response(unplug(&vm, 1, 1), ERR);
    assert_mapped(&vm, "0 ");
    vm_end(&vm);
}

static void test_memslots_memory(void)
{
    uint64_t border;
    Vm vm;

    if (!memslots_start(&vm, MEM_3G, ",requested-size=2560M")) {
        return;
    }
    border = vm.addr + BLOCKS_PER_SLOT * vm.block_size;
    assert_response(plug(&vm, BLOCKS_PER_SLOT - 1, 2), ACK);
    qtest_memset(vm.qts, border - 4096, 0x5a, 8192);
    g_assert_cmphex(qtest_readq(vm.qts, border - 4), ==, 0x5a5a5a5a5a5a5a5a);
    assert_response(unplug(&vm, BLOCKS_PER_SLOT, 1), ACK);
    /* the other side is there still, this one is gone and comes back empty */
    g_assert_cmphex(qtest_readq(vm.qts, border - 8), ==, 0x5a5a5a5a5a5a5a5a);
    qtest_writeq(vm.qts, border, 1);
    assert_response(plug(&vm, BLOCKS_PER_SLOT, 1), ACK);
    g_assert_cmphex(qtest_readq(vm.qts, border), ==, 0);
    vm_end(&vm);
}

/* A device reset changes no slot, a system reset empties guest memory of them. */
static void test_memslots_resets(void)
{
    Vm vm;

    if (!memslots_start(&vm, MEM_3G, ",requested-size=2560M")) {
        return;
    }
    assert_response(plug(&vm, 0, 1024), ACK);
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_mapped(&vm, "0 1 ");
    vm_system_reset(&vm);
    assert_mapped(&vm, "");
    assert_response(plug(&vm, 600, 1), ACK);
    assert_mapped(&vm, "1 ");
    vm_end(&vm);
}

/* Without the property there is the backend's region, whatever is plugged. */
static void test_memslots_off(void)
{
    g_autofree char *tree = NULL;
    Vm vm;

    if (skip_without(HAS_MEMSLOTS, TOO_OLD)) {
        return;
    }
    vm_start(&vm, MEM_3G, "");
    tree = memory_tree(&vm);
    g_assert_nonnull(strstr(tree, "): mem0\n"));
    g_assert_null(strstr(tree, "memslot-"));
    vm_end(&vm);
}

/* Where the machine's devices share few slots, they get larger: 256 of them for all. */
static void test_memslots_arithmetic(void)
{
    Vm vm;

    if (!memslots_start(&vm, "memory-backend-ram,size=1280M,reserve=off",
                        ",requested-size=1280M,unplugged-inaccessible=on")) {
        return;
    }
    /* 1.25 GiB of device memory of 3.875 GiB: a slot of 1 GiB and the rest */
    assert_response(plug(&vm, 0, 640), ACK);
    assert_mapped(&vm, "0 1 ");
    vm_end(&vm);
}

void add_memslots_tests(void)
{
    ADD("memslots/follow-the-map", test_memslots_follow);
    ADD("memslots/refused-requests-change-nothing", test_memslots_refused);
    ADD("memslots/memory", test_memslots_memory);
    ADD("memslots/resets", test_memslots_resets);
    ADD("memslots/off-by-default", test_memslots_off);
    ADD("memslots/arithmetic", test_memslots_arithmetic);
}
