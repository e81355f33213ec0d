/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem and NUMA: the node that a device's memory belongs to (5.15.4, node_id with
 * VIRTIO_MEM_F_ACPI_PXM), as driver, QMP and HMP see it. A node that does not exist is refused in
 * tests/cmdline/test_numa.py.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

/* Two nodes; the device belongs to the second. */
static void start(Vm *vm, const char *machine)
{
    memset(vm, 0, sizeof(*vm));
    vm->qts = qtest_initf(
        "-nodefaults -machine %s -m 128M,maxmem=4G -smp 2,sockets=2 "
        "-object memory-backend-ram,id=n0,size=48M -object memory-backend-ram,id=n1,size=80M "
        "-numa node,nodeid=0,memdev=n0,cpus=0 -numa node,nodeid=1,memdev=n1,cpus=1 "
        "-object memory-backend-ram,id=mem0,size=256M "
        "-device virtio-mem-pci,id=vm0,memdev=mem0,node=1,requested-size=64M,addr=%d", machine,
        SLOT);
    pc_alloc_init(&vm->alloc, vm->qts, ALLOC_NO_FLAGS);
    vm->bus = qpci_new_pc(vm->qts, &vm->alloc);
    vm_probe(vm);
}

static void test_node_id(const void *machine)
{
    QDict *device;
    Vm vm;

    start(&vm, machine);
    device = memory_device(vm.qts, 0);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(device, "data"), "node"), ==, 1);
    qobject_unref(device);
    g_assert_cmpint(qom_get_uint(&vm, "node"), ==, 1);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_PXM, ==, F_PXM);
    vm_drive(&vm, SIMPLE_FEATURES);
    g_assert_cmpint(CONFIG(&vm, node_id), ==, 1);
    vm_end(&vm);
}

/* The field is there for a driver that did not take the feature, too. */
static void test_without_pxm(void)
{
    Vm vm;

    start(&vm, "q35");
    vm_drive(&vm, SIMPLE_FEATURES & ~F_PXM);
    g_assert_cmpint(CONFIG(&vm, node_id), ==, 1);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

/* "info numa" counts what is plugged to the device's node. */
static void test_info_numa(void)
{
    QDict *answer;
    Vm vm;

    start(&vm, "q35");
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_response(plug(&vm, 0, 16), ACK);
    answer = qtest_qmp(vm.qts, "{'execute': 'human-monitor-command', 'arguments': "
                       "{'command-line': 'info numa'}}");
    if (qdict_haskey(answer, "return")) {
        g_assert_cmpstr(qdict_get_str(answer, "return"), ==,
                        "2 nodes\r\n"
                        "node 0 cpus: 0\r\nnode 0 size: 48 MB\r\nnode 0 plugged: 0 MB\r\n"
                        "node 1 cpus: 1\r\nnode 1 size: 112 MB\r\nnode 1 plugged: 32 MB\r\n");
    } else {
        g_test_skip("this emulator has no human monitor");
    }
    qobject_unref(answer);
    vm_end(&vm);
}

void add_numa_tests(void)
{
    ADD_DATA("numa/node-id/q35", "q35", test_node_id);
    ADD_DATA("numa/node-id/pc", "pc", test_node_id);
    ADD("numa/node-id-without-pxm", test_without_pxm);
    ADD("numa/info", test_info_numa);
}
