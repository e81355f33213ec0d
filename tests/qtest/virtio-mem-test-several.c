/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several virtio-mem devices in one machine: where each goes, that none knows of the others, and
 * that as many as fit on a bus work. What is refused is in tests/cmdline/test_devices.py: it ends
 * the emulator.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

/* Device number n of a machine is vm<n>; its driver shares the machine with the others. */
typedef struct Device {
    Vm vm;
    int slot;
    int function;
} Device;

static void device_drive(Device *d, const Vm *machine)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(d->slot, d->function) };

    d->vm = *machine;
    d->vm.dev = virtio_pci_new(d->vm.bus, &addr);
    d->vm.vdev = &d->vm.dev->vdev;
    qvirtio_pci_device_enable(d->vm.dev);
    qvirtio_start_device(d->vm.vdev);
}

/* The guest memory that the machine's drivers share is handed from one to the next. */
static void device_start(Device *d, Vm *machine)
{
    device_drive(d, machine);
    vm_drive(&d->vm, SIMPLE_FEATURES);
    machine->alloc = d->vm.alloc;
    machine->req = d->vm.req;
    machine->resp = d->vm.resp;
}

static void devices_start(Device *devices, size_t nb, Vm *machine)
{
    pc_alloc_init(&machine->alloc, machine->qts, ALLOC_NO_FLAGS);
    machine->bus = qpci_new_pc(machine->qts, &machine->alloc);
    machine->req = guest_alloc(&machine->alloc, 4096);
    machine->resp = guest_alloc(&machine->alloc, 4096);
    for (size_t i = 0; i < nb; i++) {
        device_start(&devices[i], machine);
    }
}

static void devices_end(Device *devices, size_t nb, Vm *machine)
{
    for (size_t i = 0; i < nb; i++) {
        devices[i].vm.alloc = machine->alloc;
        vm_stop_driver(&devices[i].vm);
        machine->alloc = devices[i].vm.alloc;
    }
    qpci_free_pc(machine->bus);
    alloc_destroy(&machine->alloc);
    qtest_quit(machine->qts);
}

static uint64_t device_uint(QTestState *qts, const char *id, const char *property)
{
    QDict *answer = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {'path': %s, "
                              "'property': %s}}", id, property);
    uint64_t value = qdict_get_int(answer, "return");

    qobject_unref(answer);
    return value;
}

/* ---- each by itself ---- */

static const char two_devices[] =
    "-nodefaults -machine %s -m 128M,maxmem=4G "
    "-object memory-backend-ram,id=mem0,size=256M "
    "-object memory-backend-memfd,id=mem1,size=512M "
    "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=4,block-size=2M,requested-size=64M "
    "-device virtio-mem-pci,id=vm1,memdev=mem1,addr=5,block-size=8M,requested-size=128M";

static void two_start(Device *d, Vm *machine, const char *name)
{
    memset(machine, 0, sizeof(*machine));
    machine->qts = qtest_initf(two_devices, name);
    d[0].slot = 4;
    d[1].slot = 5;
    d[0].function = d[1].function = 0;
    devices_start(d, 2, machine);
}

static void test_independent(const void *data)
{
    Device d[2];
    Vm machine;

    two_start(d, &machine, data);
    g_assert_cmphex(d[0].vm.block_size, ==, 2 * MiB);
    g_assert_cmphex(d[1].vm.block_size, ==, 8 * MiB);
    assert_response(plug(&d[0].vm, 0, 3), ACK);
    assert_plugged(&d[0].vm, 3);
    assert_plugged(&d[1].vm, 0);
    assert_response(plug(&d[1].vm, 1, 2), ACK);
    assert_plugged(&d[0].vm, 3);
    assert_plugged(&d[1].vm, 2);

    /* One cannot name the other's blocks. */
    assert_response(plug(&d[0].vm, (d[1].vm.addr - d[0].vm.addr) / (2 * MiB), 1), ERR);
    assert_response(request(&d[1].vm, VIRTIO_MEM_REQ_UNPLUG, d[0].vm.addr, 1), ERR);
    assert_response(unplug_all(&d[0].vm), ACK);
    assert_plugged(&d[0].vm, 0);
    assert_plugged(&d[1].vm, 2);
    g_assert_cmpint(state_of(&d[1].vm, 1, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    devices_end(d, 2, &machine);
}

static void test_memory_apart(const void *data)
{
    Device d[2];
    Vm machine;

    two_start(d, &machine, data);
    assert_response(plug(&d[0].vm, 0, 1), ACK);
    assert_response(plug(&d[1].vm, 0, 1), ACK);
    qtest_memset(machine.qts, d[0].vm.addr, 0x11, 4096);
    qtest_memset(machine.qts, d[1].vm.addr, 0x22, 4096);
    g_assert_cmpint(qtest_readb(machine.qts, d[0].vm.addr + 4095), ==, 0x11);
    assert_response(unplug(&d[0].vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(machine.qts, d[1].vm.addr + 4095), ==, 0x22);
    assert_response(plug(&d[0].vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(machine.qts, d[0].vm.addr), ==, 0);
    devices_end(d, 2, &machine);
}

static void test_reset_of_one(const void *data)
{
    Device d[2];
    Vm machine;

    two_start(d, &machine, data);
    assert_response(plug(&d[0].vm, 0, 1), ACK);
    assert_response(plug(&d[1].vm, 0, 1), ACK);
    qvirtio_reset(d[0].vm.vdev);
    assert_response(plug(&d[1].vm, 1, 1), ACK);
    assert_plugged(&d[1].vm, 2);
    g_assert_cmphex(device_uint(machine.qts, "vm0", "size"), ==, 2 * MiB);
    devices_end(d, 2, &machine);
}

static void test_system_reset(const void *data)
{
    Device d[2];
    Vm machine;

    two_start(d, &machine, data);
    assert_response(plug(&d[0].vm, 0, 4), ACK);
    assert_response(plug(&d[1].vm, 0, 4), ACK);
    qtest_system_reset(machine.qts);
    g_assert_cmphex(device_uint(machine.qts, "vm0", "size"), ==, 0);
    g_assert_cmphex(device_uint(machine.qts, "vm1", "size"), ==, 0);
    g_assert_cmphex(device_uint(machine.qts, "vm1", "requested-size"), ==, 128 * MiB);
    devices_end(d, 2, &machine);
}

static void test_sum(const void *data)
{
    Device d[2];
    Vm machine;
    QDict *answer;

    two_start(d, &machine, data);
    assert_response(plug(&d[0].vm, 0, 4), ACK);
    assert_response(plug(&d[1].vm, 0, 4), ACK);
    answer = qtest_qmp_assert_success_ref(machine.qts, "{'execute': 'query-memory-size-summary'}");
    g_assert_cmphex(qdict_get_int(answer, "base-memory"), ==, 128 * MiB);
    g_assert_cmphex(qdict_get_int(answer, "plugged-memory"), ==, 4 * 2 * MiB + 4 * 8 * MiB);
    qobject_unref(answer);
    devices_end(d, 2, &machine);
}

/* ---- where they go ---- */

static void assert_address(QTestState *qts, int n, const char *id, uint64_t address)
{
    QDict *device = memory_device(qts, n);
    QDict *data = qdict_get_qdict(device, "data");

    g_assert_cmpstr(qdict_get_str(data, "id"), ==, id);
    g_assert_cmphex(qdict_get_int(data, "memaddr"), ==, address);
    qobject_unref(device);
}

/*
 * The machine takes the lowest place that is free and aligned to the block size, also before and
 * between devices that were put somewhere; the answer lists them by address.
 */
static void test_addresses(const void *data)
{
    QTestState *qts = qtest_initf(
        "-nodefaults -machine %s -m 128M,maxmem=8G "
        "-object memory-backend-ram,id=mem0,size=512M,reserve=off "
        "-object memory-backend-ram,id=mem1,size=256M,reserve=off "
        "-object memory-backend-ram,id=mem2,size=256M,reserve=off "
        "-object memory-backend-ram,id=mem3,size=1G,reserve=off "
        "-object memory-backend-ram,id=mem4,size=256M,reserve=off "
        "-device virtio-mem-pci,id=vm0,memdev=mem0,memaddr=0x120000000 "
        "-device virtio-mem-pci,id=vm1,memdev=mem1 "
        "-device virtio-mem-pci,id=vm2,memdev=mem2,block-size=64M "
        "-device virtio-mem-pci,id=vm3,memdev=mem3 "
        "-device virtio-mem-pci,id=vm4,memdev=mem4,block-size=256M,memaddr=0x2c0000000",
        (const char *)data);

    assert_address(qts, 0, "vm1", 0x100000000);
    assert_address(qts, 1, "vm2", 0x110000000);
    assert_address(qts, 2, "vm0", 0x120000000);
    assert_address(qts, 3, "vm3", 0x140000000);
    assert_address(qts, 4, "vm4", 0x2c0000000);
    qtest_quit(qts);
}

/* A block larger than what comes before is aligned up, and the gap is used by the next. */
static void test_gap(const void *data)
{
    QTestState *qts = qtest_initf(
        "-nodefaults -machine %s -m 128M,maxmem=8G "
        "-object memory-backend-ram,id=mem0,size=128M,reserve=off "
        "-object memory-backend-ram,id=mem1,size=512M,reserve=off "
        "-object memory-backend-ram,id=mem2,size=128M,reserve=off "
        "-device virtio-mem-pci,id=vm0,memdev=mem0 "
        "-device virtio-mem-pci,id=vm1,memdev=mem1,block-size=512M "
        "-device virtio-mem-pci,id=vm2,memdev=mem2", (const char *)data);

    assert_address(qts, 0, "vm0", 0x100000000);
    assert_address(qts, 1, "vm2", 0x108000000);
    assert_address(qts, 2, "vm1", 0x120000000);
    qtest_quit(qts);
}

/* "-m slots=" counts DIMMs, and says how much room alignment may take. */
static void test_slots(const void *data)
{
    QTestState *qts = qtest_initf(
        "-nodefaults -machine %s -m 128M,maxmem=896M,slots=1 "
        "-object memory-backend-ram,id=mem0,size=256M "
        "-object memory-backend-ram,id=mem1,size=256M "
        "-object memory-backend-ram,id=mem2,size=256M "
        "-device virtio-mem-pci,id=vm0,memdev=mem0 "
        "-device virtio-mem-pci,id=vm1,memdev=mem1 "
        "-device virtio-mem-pci,id=vm2,memdev=mem2", (const char *)data);

    assert_address(qts, 2, "vm2", 0x120000000);
    qtest_quit(qts);
}

/* ---- many ---- */

#define MANY 30
#define FUNCTIONS 8

/* Both boards have 30 free slots: i440FX from 2, Q35 from 1 on. */
static void test_many(const void *data)
{
    g_autoptr(GString) args = g_string_new(NULL);
    g_autofree Device *d = g_new0(Device, MANY);
    int first = g_str_equal(data, "pc") ? 2 : 1;
    Vm machine = { 0 };

    g_string_printf(args, "-nodefaults -machine %s -m 128M,maxmem=16G", (const char *)data);
    for (int i = 0; i < MANY; i++) {
        d[i].slot = first + i;
        g_string_append_printf(args, " -object memory-backend-ram,id=mem%d,size=256M,reserve=off "
                               "-device virtio-mem-pci,id=vm%d,memdev=mem%d,addr=%x,"
                               "requested-size=%dM", i, i, i, d[i].slot, 2 * (i + 1));
    }
    machine.qts = qtest_init(args->str);
    devices_start(d, MANY, &machine);
    for (int i = 0; i < MANY; i++) {
        g_autofree char *id = g_strdup_printf("vm%d", i);

        assert_address(machine.qts, i, id, 0x100000000 + i * 256 * MiB);
        assert_response(plug(&d[i].vm, 0, i + 1), ACK);
        assert_response(plug(&d[i].vm, i + 1, 1), NACK);
    }
    for (int i = 0; i < MANY; i++) {
        assert_plugged(&d[i].vm, i + 1);
    }
    devices_end(d, MANY, &machine);
}

static bool has_property(const char *property)
{
    QTestState *qts = qtest_init("-nodefaults -machine none");
    QDict *answer = qtest_qmp(qts, "{'execute': 'device-list-properties', 'arguments': "
                              "{'typename': 'virtio-mem-pci'}}");
    QList *list = qdict_get_qlist(answer, "return");
    bool found = false;

    for (QObject *entry; (entry = qlist_pop(list)); qobject_unref(entry)) {
        QDict *info = qobject_to(QDict, entry);

        found = found || g_str_equal(qdict_get_str(info, "name"), property);
    }
    qobject_unref(answer);
    qtest_quit(qts);
    return found;
}

/* Eight functions in one slot. */
static void test_multifunction(const void *data)
{
    g_autoptr(GString) args = g_string_new(NULL);
    Device d[FUNCTIONS] = { };
    Vm machine = { 0 };

    if (!has_property("multifunction")) {
        g_test_skip("this emulator has no multifunction devices");
        return;
    }
    g_string_printf(args, "-nodefaults -machine %s -m 128M,maxmem=16G", (const char *)data);
    for (int i = FUNCTIONS - 1; i >= 0; i--) {
        d[i].slot = SLOT;
        d[i].function = i;
        g_string_append_printf(args, " -object memory-backend-ram,id=mem%d,size=256M,reserve=off "
                               "-device virtio-mem-pci,id=vm%d,memdev=mem%d,addr=%x.%d,"
                               "multifunction=on,requested-size=64M", i, i, i, SLOT, i);
    }
    machine.qts = qtest_init(args->str);
    devices_start(d, FUNCTIONS, &machine);
    for (int i = 0; i < FUNCTIONS; i++) {
        assert_response(plug(&d[i].vm, i, 2), ACK);
    }
    for (int i = 0; i < FUNCTIONS; i++) {
        g_assert_cmpint(state_of(&d[i].vm, i, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
        assert_plugged(&d[i].vm, 2);
    }
    devices_end(d, FUNCTIONS, &machine);
}

void add_several_tests(void)
{
    static const struct {
        const char *name;
        void (*run)(const void *machine);
    } tests[] = {
        { "independent", test_independent }, { "memory-apart", test_memory_apart },
        { "reset-of-one", test_reset_of_one }, { "system-reset", test_system_reset },
        { "sum", test_sum }, { "addresses", test_addresses }, { "gap-is-used", test_gap },
        { "slots-do-not-limit", test_slots }, { "30-on-a-bus", test_many },
        { "8-functions", test_multifunction },
    };
    static const char *const machines[] = { "q35", "pc" };

    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
            g_autofree char *path = g_strdup_printf("/virtio-mem/several/%s/%s", tests[i].name,
                                                    machines[m]);

            qtest_add_data_func(path, machines[m], tests[i].run);
        }
    }
}
