/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem as QEMU's users know it: interrupts, properties, QMP, events, errors at start.
 */
#include "qemu/osdep.h"
#include <sys/wait.h>
#include "virtio-mem-fixture.h"

/* ---- interrupts ---- */

/* On q35 PIRQ A to H are lines 16 to 23 of the I/O APIC; a slot below 25 has E + slot % 4 …. */
static void test_interrupt_intx(void)
{
    int line = 16 + 4 + SLOT % 4;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qtest_irq_intercept_in(vm.qts, "ioapic");
    g_assert_false(qtest_get_irq(vm.qts, line));
    set_requested_size(&vm, 128 * MiB);
    g_assert_true(qtest_get_irq(vm.qts, line));
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qtest_get_irq(vm.qts, line));
    vm_end(&vm);
}

/* On pc the PIIX3 routes PIRQ A to D to the ISA lines it is told; slot N pin A is (N - 1) % 4. */
static void test_interrupt_intx_piix(void)
{
    static const uint8_t isa_line[] = { 5, 9, 10, 11 };
    QPCIDevice *piix;
    int expected = isa_line[(SLOT - 1) % 4];
    Vm vm;

    vm_start_on(&vm, "pc", RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    piix = qpci_device_find(vm.bus, QPCI_DEVFN(1, 0));
    g_assert_nonnull(piix);
    qtest_irq_intercept_in(vm.qts, "ioapic");
    set_requested_size(&vm, 128 * MiB);
    for (size_t i = 0; i < sizeof(isa_line); i++) {     /* routed nowhere at reset */
        g_assert_false(qtest_get_irq(vm.qts, isa_line[i]));
        qpci_config_writeb(piix, 0x60 + i, isa_line[i]);
    }
    for (size_t i = 0; i < sizeof(isa_line); i++) {     /* a routing change moves the level */
        g_assert_cmpint(qtest_get_irq(vm.qts, isa_line[i]), ==, isa_line[i] == expected);
    }
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qtest_get_irq(vm.qts, expected));
    g_free(piix);
    vm_end(&vm);
}

static void test_interrupt_intx_disabled(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    qtest_irq_intercept_in(vm.qts, "ioapic");
    qpci_config_writew(vm.dev->pdev, 4, qpci_config_readw(vm.dev->pdev, 4) | 0x400);
    set_requested_size(&vm, 128 * MiB);
    g_assert_false(qtest_get_irq(vm.qts, 16 + 4 + SLOT % 4));
    g_assert_cmphex(qpci_config_readw(vm.dev->pdev, 6) & 8, ==, 8);
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_cmphex(qpci_config_readw(vm.dev->pdev, 6) & 8, ==, 0);
    vm_end(&vm);
}

/* One message for the configuration, another for the queue; both masked in between. */
static void test_interrupt_msix(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    if (!qpci_find_capability(vm.dev->pdev, 0x11, 0)) {
        g_test_skip("MSI-X came with machine version 10.0");
        vm_end(&vm);
        return;
    }
    g_assert_cmpint(qpci_msix_table_size(vm.dev->pdev), ==, 2);
    qpci_msix_enable(vm.dev->pdev);
    qvirtio_pci_set_msix_configuration_vector(vm.dev, &vm.alloc, 0);
    vm_drive(&vm, SIMPLE_FEATURES);
    qvirtqueue_pci_msix_setup(vm.dev, container_of(vm.vq, QVirtQueuePCI, vq), &vm.alloc, 1);
    set_requested_size(&vm, 128 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

/* ---- events ---- */

static void event_time_passes(Vm *vm)
{
    if (emulator_can(CAN_STEP_CLOCK)) {
        qtest_clock_step(vm->qts, 1100 * 1000 * 1000);
    }
}

static QDict *size_event_wait(Vm *vm, uint64_t size)
{
    QDict *event = qtest_qmp_eventwait_ref(vm->qts, "MEMORY_DEVICE_SIZE_CHANGE");
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "vm0");
    g_assert_cmphex(qdict_get_int(data, "size"), ==, size);
    g_assert_cmpstr(qdict_get_str(data, "qom-path"), ==, "/machine/peripheral/vm0");
    return event;
}

/* The first change is told at once; of those within the next second only the last one, later. */
static void test_event_rate_limit(void)
{
    QDict *early;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 1), ACK);
    qobject_unref(size_event_wait(&vm, 2 * MiB));
    assert_response(plug(&vm, 1, 1), ACK);
    assert_response(plug(&vm, 2, 1), ACK);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 3, 2), ACK);
    g_assert_cmphex(queried_size(&vm), ==, 8 * MiB);
    early = qtest_qmp_event_ref(vm.qts, "MEMORY_DEVICE_SIZE_CHANGE");
    g_assert_null(early);
    event_time_passes(&vm);
    qobject_unref(size_event_wait(&vm, 8 * MiB));
    vm_end(&vm);
}

/* A refused request changes nothing and tells nothing. */
static void test_event_not_on_refusal(void)
{
    QDict *event;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=2M");
    assert_response(plug(&vm, 0, 2), NACK);
    assert_response(plug(&vm, 0, 0), ERR);
    assert_response(unplug(&vm, 0, 1), ERR);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    event = qtest_qmp_event_ref(vm.qts, "MEMORY_DEVICE_SIZE_CHANGE");
    g_assert_null(event);
    vm_end(&vm);
}

static void test_event_unplug_all(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    qobject_unref(size_event_wait(&vm, 6 * MiB));
    assert_response(unplug_all(&vm), ACK);
    event_time_passes(&vm);
    qobject_unref(size_event_wait(&vm, 0));
    vm_end(&vm);
}

/* ---- properties ---- */

static void test_properties_fixed(void)
{
    static const struct {
        const char *name, *value, *says;
    } fixed[] = {
        { "size", "2097152", "'virtio-mem.size' is not writable" },
        { "block-size", "4194304", "'block-size' cannot be changed" },
        { "memaddr", "8589934592", "'memaddr'" },
        { "node", "0", "'node'" },
        { "prealloc", "true", "'prealloc'" },
        { "unplugged-inaccessible", "\"on\"", "'unplugged-inaccessible'" },
        { "memdev", "\"/objects/mem0\"", "'memdev'" },
        { "nonesuch", "1", "'virtio-mem-pci.nonesuch' not found" },
    };
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        assert_qom_set_fails(&vm, fixed[i].name, fixed[i].value,
                             (const char *[]) { fixed[i].says, NULL });
    }
    g_assert_cmphex(qom_get_uint(&vm, "block-size"), ==, 2 * MiB);
    assert_qom_str(&vm, "memdev", "/objects/mem0");
    vm_end(&vm);
}

static void test_property_block_size(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=128M,block-size=16M");
    g_assert_cmphex(vm.block_size, ==, 16 * MiB);
    g_assert_cmphex(vm.addr % vm.block_size, ==, 0);
    g_assert_cmphex(qom_get_uint(&vm, "block-size"), ==, 16 * MiB);
    assert_response(request(&vm, VIRTIO_MEM_REQ_PLUG, vm.addr + 2 * MiB, 1), ERR);
    assert_response(plug(&vm, 1, 3), ACK);
    assert_plugged(&vm, 3);
    assert_response(plug(&vm, 0, 2), ERR);
    vm_end(&vm);
}

static void test_property_memaddr(void)
{
    QDict *device;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M,memaddr=0x140000000");
    g_assert_cmphex(vm.addr, ==, 0x140000000);
    g_assert_cmphex(qom_get_uint(&vm, "memaddr"), ==, 0x140000000);
    device = memory_device(vm.qts, 0);
    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "memaddr"), ==, 0x140000000);
    qobject_unref(device);
    assert_response(plug(&vm, 0, 1), ACK);
    qtest_writeq(vm.qts, 0x140000000, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(vm.qts, 0x140000000), ==, 0x1122334455667788);
    vm_end(&vm);
}

typedef struct AutoCase {
    const char *backend;
    const char *resolved;
} AutoCase;

static const AutoCase auto_private = { RAM_256M, "off" };
static const AutoCase auto_shared = { RAM_256M ",share=on", "on" };
static const AutoCase auto_memfd = { "memory-backend-memfd,size=256M", "on" };
static const AutoCase auto_memfd_private = { "memory-backend-memfd,size=256M,share=off", "on" };
static const AutoCase auto_file = {
    "memory-backend-file,size=256M,mem-path=/dev/shm", "on" };
static const AutoCase auto_file_shared = {
    "memory-backend-file,size=256M,mem-path=/dev/shm,share=on", "on" };

/* "auto" becomes on or off at realize, and is shown resolved: on without a shared zeropage. */
static void test_property_auto(const void *data)
{
    const AutoCase *c = data;
    uint64_t expected = g_str_equal(c->resolved, "on") ? F_INACCESSIBLE : 0;
    Vm vm;

    vm_spawn(&vm, "q35", c->backend, ",unplugged-inaccessible=auto");
    vm_probe(&vm);
    assert_qom_str(&vm, "unplugged-inaccessible", c->resolved);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_INACCESSIBLE, ==, expected);
    vm_end(&vm);
}

/* ---- QMP ---- */

static void test_query_memory_devices(void)
{
    QDict *device, *data, *summary;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    device = memory_device(vm.qts, 0);
    data = qdict_get_qdict(device, "data");
    g_assert_cmpstr(qdict_get_str(device, "type"), ==, "virtio-mem");
    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "vm0");
    g_assert_cmpstr(qdict_get_str(data, "memdev"), ==, "/objects/mem0");
    g_assert_cmphex(qdict_get_int(data, "memaddr"), ==, vm.addr);
    g_assert_cmphex(qdict_get_int(data, "requested-size"), ==, 64 * MiB);
    g_assert_cmphex(qdict_get_int(data, "size"), ==, 6 * MiB);
    g_assert_cmphex(qdict_get_int(data, "max-size"), ==, 256 * MiB);
    g_assert_cmphex(qdict_get_int(data, "block-size"), ==, 2 * MiB);
    g_assert_cmpint(qdict_get_int(data, "node"), ==, 0);
    qobject_unref(device);
    summary = qtest_qmp_assert_success_ref(vm.qts, "{'execute': 'query-memory-size-summary'}");
    g_assert_cmphex(qdict_get_int(summary, "base-memory"), ==, 128 * MiB);
    g_assert_cmphex(qdict_get_int(summary, "plugged-memory"), ==, 6 * MiB);
    qobject_unref(summary);
    vm_end(&vm);
}

/* Devices get places of their own, and each its own requests. */
static void test_two_devices(void)
{
    QPCIAddress second_addr = { .devfn = QPCI_DEVFN(5, 0) };
    QDict *devices[2];
    uint64_t addr[2];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M -object memory-backend-ram,id=mem1,size=512M "
             "-device virtio-mem-pci,id=vm1,memdev=mem1,addr=5,requested-size=32M");
    for (int i = 0; i < 2; i++) {
        devices[i] = memory_device(vm.qts, i);
        addr[i] = qdict_get_int(qdict_get_qdict(devices[i], "data"), "memaddr");
    }
    g_assert_true(addr[0] + 256 * MiB <= addr[1] || addr[1] + 512 * MiB <= addr[0]);
    qobject_unref(devices[0]);
    qobject_unref(devices[1]);
    assert_response(plug(&vm, 0, 3), ACK);
    vm_stop_driver(&vm);
    vm.dev = virtio_pci_new(vm.bus, &second_addr);
    vm.vdev = &vm.dev->vdev;
    qvirtio_pci_device_enable(vm.dev);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    g_assert_cmphex(vm.region_size, ==, 512 * MiB);
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 16), ACK);
    assert_response(plug(&vm, 16, 1), NACK);
    g_assert_cmphex(qom_get_uint(&vm, "size"), ==, 6 * MiB);    /* of vm0 */
    vm_end(&vm);
}

/* ---- errors at start ---- */

typedef struct StartError {
    const char *name;
    const char *args;
    const char *says;           /* on stderr */
    Ability needs;              /* unless why is NULL */
    const char *why;            /* what others do */
} StartError;

#define MACHINE_MEM0 "-machine q35 -m 128M,maxmem=2G -object memory-backend-ram,id=mem0,size=256M "
#define DEVICE "-device virtio-mem-pci,id=vm0,memdev=mem0"

static const StartError start_errors[] = {
    { "memdev-missing", MACHINE_MEM0 "-device virtio-mem-pci,id=vm0",
      "'memdev' property must be set" },
    { "memdev-unknown", MACHINE_MEM0 "-device virtio-mem-pci,id=vm0,memdev=nonesuch",
      "'nonesuch' not found" },
    { "memdev-busy", MACHINE_MEM0 DEVICE " -device virtio-mem-pci,id=vm1,memdev=mem0",
      "'memdev' property specifies a busy memdev: mem0" },
    { "memdev-is-machine-ram", "-machine q35,memory-backend=mem0 -m 256M,maxmem=2G "
      "-object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "'memdev' property specifies a busy memdev: mem0" },
    { "no-maxmem", "-machine q35 -m 128M -object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "please specify the maxmem option" },
    { "maxmem-too-small", "-machine q35 -m 128M,maxmem=256M "
      "-object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "not enough space, currently 0x0 in use of total space for memory devices 0x8000000" },
    { "size-unaligned", "-machine q35 -m 128M,maxmem=2G "
      "-object memory-backend-ram,id=mem0,size=255M " DEVICE,
      "backend memory size must be multiple of 0x200000" },
    { "requested-size-unaligned", MACHINE_MEM0 DEVICE ",requested-size=1M",
      "'requested-size' property has to be multiples of 'block-size' (0x200000)" },
    { "requested-size-not-a-size", MACHINE_MEM0 DEVICE ",requested-size=abc",
      "'requested-size' expects size" },
    { "block-size-too-small", MACHINE_MEM0 DEVICE ",block-size=4096",
      "'block-size' property has to be at least 0x100000" },
    { "block-size-no-power-of-two", MACHINE_MEM0 DEVICE ",block-size=3M",
      "'block-size' property has to be a power of two" },
    { "block-size-too-large", MACHINE_MEM0 DEVICE ",block-size=512M",
      "backend memory size must be multiple of 0x20000000" },
    { "node-unknown", MACHINE_MEM0 DEVICE ",node=1",
      "'node' property has value '1', which exceed" },
    { "memaddr-unaligned", MACHINE_MEM0 DEVICE ",memaddr=0x100100000",
      "address must be aligned to 0x200000 bytes" },
    { "memaddr-outside", MACHINE_MEM0 DEVICE ",memaddr=0x1000000000",
      "can't add memory device [0x1000000000:0x10000000], usable range for memory devices "
      "[0x100000000:0x78000000]" },
    { "memaddr-overlap", MACHINE_MEM0 "-object memory-backend-ram,id=mem1,size=256M "
      DEVICE ",memaddr=0x100000000 -device virtio-mem-pci,id=vm1,memdev=mem1,memaddr=0x108000000",
      "address range conflicts with memory device id='vm0'" },
    { "inaccessible-not-a-value", MACHINE_MEM0 DEVICE ",unplugged-inaccessible=maybe",
      "'unplugged-inaccessible' does not accept value 'maybe'" },
    { "dynamic-memslots-without-the-feature",
      MACHINE_MEM0 DEVICE ",dynamic-memslots=on,unplugged-inaccessible=off",
      "'dynamic-memslots' property set to 'on' requires 'unplugged-inaccessible' to be 'on'",
      HAS_MEMSLOTS, "dynamic-memslots is newer than 7.2" },
    { "dynamic-memslots-with-auto-off",
      MACHINE_MEM0 DEVICE ",dynamic-memslots=on,unplugged-inaccessible=auto",
      "'dynamic-memslots' property set to 'on' requires 'unplugged-inaccessible' to be 'on'",
      HAS_MEMSLOTS, "dynamic-memslots is newer than 7.2" },
    { "off-refused-by-a-future-machine", MACHINE_MEM0 DEVICE ",unplugged-inaccessible=off "
      "-global virtio-mem.x-unplugged-inaccessible-required=on",
      "'unplugged-inaccessible' property set to 'off' is not supported by this machine version",
      CAN_REQUIRE_FEATURE, "QEMU has no such switch" },
    { "property-unknown", MACHINE_MEM0 DEVICE ",bogus=1",
      "Property 'virtio-mem-pci.bogus' not found" },
    { "size-not-writable", MACHINE_MEM0 DEVICE ",size=2M",
      "Property 'virtio-mem.size' is not writable" },
    { "memdev-preallocated",
      "-machine q35 -m 128M,maxmem=2G -object memory-backend-ram,id=mem0,size=4M,prealloc=on "
      DEVICE, "specifies a memdev with preallocation enabled: mem0", REFUSES_PREALLOCATED,
      "7.2 takes a preallocated backend, and frees it at once" },
    /* Warnings: another option then ends the emulator. */
    { "warns-of-small-block-size", MACHINE_MEM0 DEVICE ",block-size=1M -device nonesuch",
      "warning: 'block-size' property is smaller than the default block size (2 MiB)" },
    { "warns-of-large-requested-size", MACHINE_MEM0 DEVICE ",requested-size=512M -device nonesuch",
      "warning: 'requested-size' property is larger than the memory backend",
      WORKS_IN_PARTS, "QEMU starts without a word" },
    { "warns-of-off-without-zeropage",
      "-machine q35 -m 128M,maxmem=2G -object memory-backend-memfd,id=mem0,size=256M " DEVICE
      ",unplugged-inaccessible=off -device nonesuch",
      "warning: 'unplugged-inaccessible' property set to 'off' with a memdev that does not support "
      "the shared zeropage" },
};

/* Runs the emulator until it exits or ten seconds are over; its stderr and exit status. */
static char *run_emulator(const char *args, int *status)
{
    g_autofree char *line = g_strdup_printf(
        "timeout -k 1 10 %s -nodefaults -display none -accel %s -S %s",
        g_getenv("QTEST_QEMU_BINARY"), emulator_can(CAN_STEP_CLOCK) ? "qtest" : "tcg", args);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_spawn_command_line_sync(line, NULL, &text, status, &error)) {
        g_error("cannot start the emulator: %s", error->message);
    }
    return text;
}

static void test_start_error(const void *data)
{
    const StartError *c = data;
    g_autofree char *text = NULL;
    int status;

    if (c->why && skip_without(c->needs, c->why)) {
        return;
    }
    text = run_emulator(c->args, &status);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) {
        g_error("wait status 0x%x, expected exit status 1; stderr: %s", status, text);
    }
    if (!strstr(text, c->says)) {
        g_error("stderr is '%s', expected it to say '%s'", text, c->says);
    }
}

/* A block smaller than a transparent huge page works, with a warning. */
static void test_start_warning_block_size(void)
{
    QTestState *qts = qtest_init(MACHINE_MEM0 DEVICE ",block-size=1M,requested-size=1M");
    QDict *device = memory_device(qts, 0);

    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "block-size"), ==, 1 * MiB);
    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "requested-size"), ==, 1 * MiB);
    qobject_unref(device);
    qtest_quit(qts);
}

/* ---- the list ---- */

void add_surface_tests(void)
{
    ADD("interrupt/intx/q35", test_interrupt_intx);
    ADD("interrupt/intx/pc", test_interrupt_intx_piix);
    ADD("interrupt/intx-disabled", test_interrupt_intx_disabled);
    ADD("interrupt/msix", test_interrupt_msix);
    ADD("event/rate-limit", test_event_rate_limit);
    ADD("event/not-on-refusal", test_event_not_on_refusal);
    ADD("event/unplug-all", test_event_unplug_all);
    ADD("property/fixed-after-realize", test_properties_fixed);
    ADD("property/block-size", test_property_block_size);
    ADD("property/memaddr", test_property_memaddr);
    ADD_DATA("property/auto/ram", &auto_private, test_property_auto);
    ADD_DATA("property/auto/ram-shared", &auto_shared, test_property_auto);
    ADD_DATA("property/auto/memfd", &auto_memfd, test_property_auto);
    ADD_DATA("property/auto/memfd-private", &auto_memfd_private, test_property_auto);
    ADD_DATA("property/auto/file", &auto_file, test_property_auto);
    ADD_DATA("property/auto/file-shared", &auto_file_shared, test_property_auto);
    ADD("qmp/query-memory-devices", test_query_memory_devices);
    ADD("qmp/two-devices", test_two_devices);
    ADD("start-warning/block-size", test_start_warning_block_size);
    for (size_t i = 0; i < G_N_ELEMENTS(start_errors); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem/start-error/%s",
                                                start_errors[i].name);

        qtest_add_data_func(path, &start_errors[i], test_start_error);
    }
}
