/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem-pci on a running machine: it is plugged, used, not given back while it is used,
 * ejected by the guest (which is played here: ACPI's hotplug registers), and its memory is free
 * again. Stock QEMU can plug one since 5.1 and unplug one since 8.1.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

/* ACPI's hotplug registers, 32 bits each, a bit per slot; general purpose event 1 announces. */
#define PC_HOTPLUG 0xae00
#define Q35_HOTPLUG 0x0cc0
#define UP 0
#define DOWN 4
#define EJECT 8
#define SELECT 16
#define PC_GPE 0xafe0
#define GPE_HOTPLUG 2
#define STILL_PLUGGED \
    "virtio-mem device cannot get unplugged while some of its memory is still plugged"
#define STILL_REQUESTED "virtio-mem device cannot get unplugged while 'requested-size' != '0'"

/* A machine that has room for a device, and a backend for it. */
static void hot_spawn(Vm *vm, const char *machine, const char *more)
{
    memset(vm, 0, sizeof(*vm));
    vm->qts = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=4G %s", machine, more);
    pc_alloc_init(&vm->alloc, vm->qts, ALLOC_NO_FLAGS);
    vm->bus = qpci_new_pc(vm->qts, &vm->alloc);
}

static void hot_add_backend(Vm *vm, const char *id)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'object-add', 'arguments': {'qom-type': "
                             "'memory-backend-ram', 'id': %s, 'size': %" PRIu64 "}}", id,
                             (uint64_t)(256 * MiB));
}

static void hot_add_device(Vm *vm)
{
    qtest_qmp_device_add(vm->qts, "virtio-mem-pci", "vm0",
                         "{'memdev': 'mem0', 'bus': 'pci.0', 'addr': '4'}");
}

/* A PC with vm0 plugged while it runs, and a driver at work on it. */
static void hot_start(Vm *vm)
{
    hot_spawn(vm, "pc", "");
    hot_add_backend(vm, "mem0");
    hot_add_device(vm);
    vm_probe(vm);
    vm_drive(vm, SIMPLE_FEATURES);
}

static QDict *device_del(Vm *vm)
{
    return qtest_qmp(vm->qts, "{'execute': 'device_del', 'arguments': {'id': 'vm0'}}");
}

static void assert_error(QDict *answer, const char *words)
{
    QDict *error = qdict_get_qdict(answer, "error");

    if (!error) {
        g_error("a command succeeded, expected the error \"%s\"", words);
    }
    g_assert_cmpstr(qdict_get_str(error, "desc"), ==, words);
    qobject_unref(answer);
}

static void assert_success(QDict *answer)
{
    g_assert_nonnull(qdict_get(answer, "return"));
    qobject_unref(answer);
}

/* First of the part, then of the whole, with the id. */
static void assert_deleted_events(Vm *vm)
{
    QDict *event = qtest_qmp_eventwait_ref(vm->qts, "DEVICE_DELETED");
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "path"), ==, "/machine/peripheral/vm0/virtio-backend");
    g_assert_false(qdict_haskey(data, "device"));
    qobject_unref(event);
    event = qtest_qmp_eventwait_ref(vm->qts, "DEVICE_DELETED");
    data = qdict_get_qdict(event, "data");
    g_assert_cmpstr(qdict_get_str(data, "path"), ==, "/machine/peripheral/vm0");
    g_assert_cmpstr(qdict_get_str(data, "device"), ==, "vm0");
    qobject_unref(event);
}

static void assert_gone(Vm *vm)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'query-memory-devices'}");

    g_assert_true(qlist_empty(qdict_get_qlist(answer, "return")));
    qobject_unref(answer);
    g_assert_null(qpci_device_find(vm->bus, QPCI_DEVFN(SLOT, 0)));
    qtest_qmp_assert_success(vm->qts,
                             "{'execute': 'object-del', 'arguments': {'id': 'mem0'}}");
}

static bool skip_without_unplug(void)
{
    return skip_without(CAN_BE_REMOVED, "stock QEMU unplugs virtio-mem since 8.1");
}

/* ---- plugging ---- */

static void test_device_is_usable(void)
{
    Vm vm;

    hot_start(&vm);
    set_requested_size(&vm, 64 * MiB);
    assert_response(plug(&vm, 0, 32), ACK);
    assert_plugged(&vm, 32);
    g_assert_cmphex(queried_size(&vm), ==, 32 * vm.block_size);
    qtest_writel(vm.qts, vm.addr + 4096, 0x12345678);
    g_assert_cmphex(qtest_readl(vm.qts, vm.addr + 4096), ==, 0x12345678);
    g_assert_true(qtest_qom_get_bool(vm.qts, "/machine/peripheral/vm0", "hotplugged"));
    vm_end(&vm);
}

static void test_guest_is_told(void)
{
    Vm vm;

    hot_spawn(&vm, "pc", "");
    hot_add_backend(&vm, "mem0");
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + UP), ==, 0);
    hot_add_device(&vm);
    g_assert_cmphex(qtest_inw(vm.qts, PC_GPE) & GPE_HOTPLUG, ==, GPE_HOTPLUG);
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + UP), ==, 1 << SLOT);
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + UP), ==, 0);
    vm_end(&vm);
}

/* Ports are numbered from the newest on; what is behind one has its bus' number and slot 0. */
static void test_guest_is_told_of_port(void)
{
    Vm vm;

    hot_spawn(&vm, "q35", "-device pcie-root-port,id=rp0,chassis=1 "
              "-device pcie-root-port,id=rp1,chassis=2");
    hot_add_backend(&vm, "mem0");
    qtest_qmp_device_add(vm.qts, "virtio-mem-pci", "vm0", "{'memdev': 'mem0', 'bus': 'rp0'}");
    for (int bus = 0; bus < 3; bus++) {
        qtest_outl(vm.qts, Q35_HOTPLUG + SELECT, bus);
        g_assert_cmphex(qtest_inl(vm.qts, Q35_HOTPLUG + SELECT), ==, bus);
        g_assert_cmphex(qtest_inl(vm.qts, Q35_HOTPLUG + UP), ==, bus == 1);
    }
    vm_end(&vm);
}

typedef struct Refusal {
    const char *driver, *id, *memdev, *bus, *addr;
    const char *words;
} Refusal;

static void assert_device_add_refused(Vm *vm, const Refusal *r)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'device_add', 'arguments': {'driver': %s, "
                              "'id': %s, 'memdev': %s, 'bus': %s, 'addr': %s}}", r->driver,
                              r->id, r->memdev, r->bus, r->addr);

    assert_error(answer, r->words);
}

static void test_refusals(void)
{
    static const Refusal refusals[] = {
        { "virtio-mem-pci", "vm0", "mem1", "pci.0", "5", "Duplicate device ID 'vm0'" },
        { "virtio-mem-pci", "vm1", "mem0", "pci.0", "5",
          "'memdev' property specifies a busy memdev: mem0" },
        { "virtio-mem-pci", "vm1", "mem1", "pci.0", "4",
          "PCI: slot 4 function 0 not available for virtio-mem-pci, in use by "
          "virtio-mem-pci,id=vm0" },
        { "virtio-mem-pci", "vm1", "mem1", "pci.0", "4.1",
          "PCI: slot 4 function 0 already occupied by virtio-mem-pci, new func virtio-mem-pci "
          "cannot be exposed to guest." },
        { "virtio-mem-pci", "vm1", "mem1", "nowhere", "5", "Bus 'nowhere' not found" },
        { "virtio-mem-pci", "vm1", "mem1", "main-system-bus", "5",
          "Device 'virtio-mem-pci' can't go on System bus" },
        { "virtio-mem-pci", "vm1", "mem1", "virtio-bus", "5", "Bus 'virtio-bus' is full" },
        { "nonesuch", "vm1", "mem1", "pci.0", "5", "'nonesuch' is not a valid device model name" },
    };
    Vm vm;

    hot_spawn(&vm, "pc", "");
    hot_add_backend(&vm, "mem0");
    hot_add_backend(&vm, "mem1");
    hot_add_device(&vm);
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        assert_device_add_refused(&vm, &refusals[i]);
    }
    assert_error(qtest_qmp(vm.qts, "{'execute': 'object-del', 'arguments': {'id': 'mem0'}}"),
                 "object 'mem0' is in use, can not be deleted");
    assert_error(qtest_qmp(vm.qts, "{'execute': 'object-del', 'arguments': {'id': 'no'}}"),
                 "object 'no' not found");
    assert_error(qtest_qmp(vm.qts, "{'execute': 'device_del', 'arguments': {'id': 'no'}}"),
                 "Device 'no' not found");
    /* nothing is left of what was refused */
    qtest_qmp_assert_success(vm.qts, "{'execute': 'object-del', 'arguments': {'id': 'mem1'}}");
    vm_end(&vm);
}

static void test_not_on_root_complex(void)
{
    static const Refusal refusal = {
        "virtio-mem-pci", "vm0", "mem0", "pcie.0", "5",
        "Bus 'pcie.0' does not support hotplugging"
    };
    static const Refusal fixed = {
        "virtio-mem-pci", "vm0", "mem0", "rp0", "0", "Bus 'rp0' does not support hotplugging"
    };
    Vm vm;

    hot_spawn(&vm, "q35", "-device pcie-root-port,id=rp0,chassis=1,hotplug=off");
    hot_add_backend(&vm, "mem0");
    assert_device_add_refused(&vm, &refusal);
    assert_device_add_refused(&vm, &fixed);
    vm_end(&vm);
}

/* ---- unplugging ---- */

static void test_unplug(void)
{
    Vm vm;

    if (skip_without_unplug()) {
        return;
    }
    hot_start(&vm);
    set_requested_size(&vm, 64 * MiB);
    assert_response(plug(&vm, 0, 1), ACK);
    assert_error(device_del(&vm), STILL_PLUGGED);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_error(device_del(&vm), STILL_REQUESTED);
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + DOWN), ==, 0);
    set_requested_size(&vm, 0);
    assert_success(device_del(&vm));
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + DOWN), ==, 1 << SLOT);
    assert_error(device_del(&vm), "Device vm0 is already in the process of unplug");
    if (emulator_can(CAN_STEP_CLOCK)) {     /* a moment later the guest is asked once more */
        qtest_outw(vm.qts, PC_GPE, GPE_HOTPLUG);
        qtest_clock_step(vm.qts, 1000 * 1000);
        assert_success(device_del(&vm));
        g_assert_cmphex(qtest_inw(vm.qts, PC_GPE) & GPE_HOTPLUG, ==, GPE_HOTPLUG);
    }
    vm_stop_driver(&vm);
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1 << SLOT);
    assert_deleted_events(&vm);
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + DOWN), ==, 0);
    assert_gone(&vm);

    /* and all of it again */
    hot_add_backend(&vm, "mem0");
    hot_add_device(&vm);
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES);
    set_requested_size(&vm, 64 * MiB);
    assert_response(plug(&vm, 0, 32), ACK);
    vm_end(&vm);
}

/* With slots of its own that were mapped and are not any more. */
static void test_unplug_dynamic_memslots(void)
{
    Vm vm;

    if (skip_without_unplug()) {
        return;
    }
    hot_spawn(&vm, "pc", "");
    for (int i = 0; i < 2; i++) {
        hot_add_backend(&vm, "mem0");
        qtest_qmp_device_add(vm.qts, "virtio-mem-pci", "vm0", "{'memdev': 'mem0', "
                             "'addr': '4', 'bus': 'pci.0', 'dynamic-memslots': true}");
        vm_probe(&vm);
        vm_drive(&vm, SIMPLE_FEATURES);
        set_requested_size(&vm, 64 * MiB);
        assert_response(plug(&vm, 0, 2), ACK);
        qtest_writeq(vm.qts, vm.addr, 1);
        assert_response(unplug_all(&vm), ACK);
        set_requested_size(&vm, 0);
        assert_success(device_del(&vm));
        vm_stop_driver(&vm);
        qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1 << SLOT);
        assert_deleted_events(&vm);
        assert_gone(&vm);
    }
    vm_end(&vm);
}

/* Devices of the command line can go as well. */
static void test_unplug_cold_plugged(void)
{
    Vm vm;

    if (skip_without_unplug()) {
        return;
    }
    vm_spawn(&vm, "pc", RAM_256M, "");
    assert_success(device_del(&vm));
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1 << SLOT);
    assert_deleted_events(&vm);
    assert_gone(&vm);
    vm_end(&vm);
}

static void test_reset_completes_unplug(const void *machine)
{
    bool q35 = g_str_equal(machine, "q35");
    Vm vm;

    if (skip_without_unplug()) {
        return;
    }
    hot_spawn(&vm, machine, q35 ? "-device pcie-root-port,id=pci.0,addr=6" : "");
    hot_add_backend(&vm, "mem0");
    qtest_qmp_device_add(vm.qts, "virtio-mem-pci", "vm0",
                         "{'memdev': 'mem0', 'bus': 'pci.0', 'addr': %s}", q35 ? "0" : "4");
    assert_success(device_del(&vm));
    qtest_qmp_assert_success(vm.qts, "{'execute': 'system_reset'}");
    assert_deleted_events(&vm);
    assert_gone(&vm);
    vm_end(&vm);
}

/* A guest may give its memory away: it is unplugged, and the host has it back. */
static void test_eject_unasked(void)
{
    Vm vm;

    if (skip_without_unplug()) {
        return;
    }
    hot_start(&vm);
    set_requested_size(&vm, 64 * MiB);
    assert_response(plug(&vm, 0, 32), ACK);
    qtest_writel(vm.qts, vm.addr + 4096, 0x12345678);
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1 << (SLOT + 1));    /* nothing is there */
    assert_plugged(&vm, 32);
    vm_stop_driver(&vm);
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1 << SLOT);
    assert_deleted_events(&vm);
    g_assert_cmphex(qtest_readl(vm.qts, vm.addr + 4096), !=, 0x12345678);

    /* the same backend again: empty */
    hot_add_device(&vm);
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_plugged(&vm, 0);
    set_requested_size(&vm, 64 * MiB);
    assert_response(plug(&vm, 0, 32), ACK);
    g_assert_cmphex(qtest_readl(vm.qts, vm.addr + 4096), ==, 0);
    vm_end(&vm);
}

/* What belongs to the board stays, whoever writes what. */
static void test_eject_nothing_else(void)
{
    QPCIDevice *dev;
    Vm vm;

    hot_spawn(&vm, "pc", "");
    for (int slot = 0; slot < 32; slot++) {
        qtest_outl(vm.qts, PC_HOTPLUG + EJECT, 1u << slot);
    }
    qtest_outl(vm.qts, PC_HOTPLUG + SELECT, 77);
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, UINT32_MAX);
    qtest_outl(vm.qts, PC_HOTPLUG + SELECT, 0xffffff);
    qtest_outl(vm.qts, PC_HOTPLUG + EJECT, UINT32_MAX);
    g_assert_cmphex(qtest_inl(vm.qts, PC_HOTPLUG + SELECT), ==, 0);
    dev = qpci_device_find(vm.bus, QPCI_DEVFN(1, 0));
    g_assert_nonnull(dev);
    g_free(dev);
    vm_end(&vm);
}

void add_hotplug_tests(void)
{
    ADD("hotplug/device-is-usable", test_device_is_usable);
    ADD("hotplug/guest-is-told", test_guest_is_told);
    ADD("hotplug/guest-is-told-of-port", test_guest_is_told_of_port);
    ADD("hotplug/refusals", test_refusals);
    ADD("hotplug/not-on-root-complex", test_not_on_root_complex);
    ADD("hotplug/unplug", test_unplug);
    ADD("hotplug/unplug-dynamic-memslots", test_unplug_dynamic_memslots);
    ADD("hotplug/unplug-cold-plugged", test_unplug_cold_plugged);
    ADD_DATA("hotplug/reset-completes-unplug/pc", "pc", test_reset_completes_unplug);
    ADD_DATA("hotplug/reset-completes-unplug/q35", "q35", test_reset_completes_unplug);
    ADD("hotplug/eject-unasked", test_eject_unasked);
    ADD("hotplug/eject-nothing-else", test_eject_nothing_else);
}
