/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcie-root-port as a guest of Q35 finds it: its registers at reset and which of their bits can be
 * written, the bus behind it (numbers, windows, reset, interrupt pins), and its slot: without power
 * and with, asked by the attention button. Expected values are stock QEMU 7.2's, on which the test
 * passes too.
 */
#include "qemu/osdep.h"
#include <linux/pci_regs.h>
#include "libqtest.h"

#define PORT_DEVFN (4 << 3)             /* addr=4 */
#define SECONDARY 1
#define ECAM 0xb0000000u
#define WINDOW 0xe0000000u              /* where the test puts what is behind the port */
#define LINK_STATUS 0x66
#define SLOT_CONTROL 0x6c
#define SLOT_STATUS 0x6e
#define MACHINE "-nodefaults -machine %s -m 128M,maxmem=2G "
#define PORT "-device pcie-root-port,id=rp0,chassis=1,slot=3,port=16,addr=4 "
#define MEMORY "-object memory-backend-ram,id=mem0,size=256M "
#define DEVICE "-device virtio-mem-pci,id=vm0,memdev=mem0,bus=rp0,unplugged-inaccessible=off"
/* Only one whose unplugged memory is out of reach may go. */
#define REMOVABLE "-device virtio-mem-pci,id=vm0,memdev=mem0,bus=rp0,unplugged-inaccessible=on"
#define VIRTIO_MEM_ID 0x10581af4u

/* ---- configuration space ---- */

static void config_select(QTestState *qts, int bus, int devfn, int offset)
{
    qtest_outl(qts, 0xcf8, 0x80000000u | bus << 16 | devfn << 8 | (offset & ~3));
}

static uint32_t config_readl(QTestState *qts, int bus, int devfn, int offset)
{
    config_select(qts, bus, devfn, offset);
    return qtest_inl(qts, 0xcfc);
}

static uint16_t config_readw(QTestState *qts, int bus, int devfn, int offset)
{
    config_select(qts, bus, devfn, offset);
    return qtest_inw(qts, 0xcfc + (offset & 2));
}

static void config_writel(QTestState *qts, int bus, int devfn, int offset, uint32_t value)
{
    config_select(qts, bus, devfn, offset);
    qtest_outl(qts, 0xcfc, value);
}

static void config_writew(QTestState *qts, int bus, int devfn, int offset, uint16_t value)
{
    config_select(qts, bus, devfn, offset);
    qtest_outw(qts, 0xcfc + (offset & 2), value);
}

static void ecam_enable(QTestState *qts)
{
    config_writel(qts, 0, 0, 0x60, ECAM | 1);
}

static uint32_t ecam_address(int bus, int devfn, int offset)
{
    return ECAM + (bus << 20) + (devfn << 12) + offset;
}

static QTestState *start(const char *machine, const char *more)
{
    return qtest_initf(MACHINE PORT "%s", machine, more);
}

/* A device behind the port on bus SECONDARY, memory decoding on in both. */
static QTestState *start_with_device(const char *props)
{
    g_autofree char *device = g_strdup_printf(MEMORY DEVICE "%s", props);
    QTestState *qts = start("q35", device);

    config_writel(qts, 0, PORT_DEVFN, PCI_PRIMARY_BUS, SECONDARY << 16 | SECONDARY << 8);
    config_writew(qts, 0, PORT_DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY);
    return qts;
}

/* ---- registers ---- */

typedef struct Register {
    uint16_t offset;
    uint32_t value;        /* at reset */
    uint32_t ones, zeros;  /* after writing all ones, then zeros */
} Register;

static const Register registers[] = {
    { 0x00, 0x000c1b36, 0x000c1b36, 0x000c1b36 },
    { 0x04, 0x00100000, 0x00100507, 0x00100000 },
    { 0x08, 0x06040000, 0x06040000, 0x06040000 },
    { 0x0c, 0x00010000, 0x000100ff, 0x00010000 },
    { 0x10, 0x00000000, 0xfffff000, 0x00000000 },
    { 0x14, 0x00000000, 0x00000000, 0x00000000 },
    { 0x18, 0x00000000, 0xffffffff, 0x00000000 },
    { 0x1c, 0x000000f0, 0x0000f0f0, 0x00000000 },
    { 0x20, 0x0000fff0, 0xfff0fff0, 0x00000000 },
    { 0x24, 0x0001fff1, 0xfff1fff1, 0x00010001 },
    { 0x28, 0x00000000, 0xffffffff, 0x00000000 },
    { 0x2c, 0x00000000, 0xffffffff, 0x00000000 },
    { 0x30, 0x00000000, 0x00000000, 0x00000000 },
    { 0x34, 0x00000054, 0x00000054, 0x00000054 },
    { 0x38, 0x00000000, 0x00000000, 0x00000000 },
    { 0x3c, 0x00000100, 0x005f01ff, 0x00000100 },
    { 0x40, 0x0000000d, 0x0000000d, 0x0000000d },
    { 0x44, 0x00001b36, 0x00001b36, 0x00001b36 },
    { 0x48, 0x00004011, 0xc0004011, 0x00004011 },
    { 0x50, 0x00000800, 0x00000800, 0x00000800 },
    { 0x54, 0x01424810, 0x01424810, 0x01424810 },
    { 0x58, 0x00008000, 0x00008000, 0x00008000 },
    { 0x5c, 0x00000000, 0x0000000f, 0x00000000 },
    { 0x60, 0x10300604, 0x10300604, 0x10300604 },
    { 0x64, 0x02040000, 0x02040000, 0x02040000 },
    { 0x68, 0x001a007b, 0x001a007b, 0x001a007b },
    { 0x6c, 0x000007c0, 0x009007f9, 0x00900000 },
    { 0x70, 0x00000000, 0x00000007, 0x00000000 },
    { 0x78, 0x00300020, 0x00300020, 0x00300020 },
    { 0x7c, 0x00000000, 0x00008020, 0x00000000 },
    { 0x80, 0x0000001e, 0x0000001e, 0x0000001e },
    { 0x84, 0x00000004, 0x00000004, 0x00000004 },
    { 0x90, 0x00000000, 0xffffffff, 0x00000000 },
    { 0x100, 0x14820001, 0x14820001, 0x14820001 },
    { 0x10c, 0x00462030, 0x03fff030, 0x00000000 },
    { 0x114, 0x0000e000, 0x0000f1c1, 0x00000000 },
    { 0x118, 0x000002a0, 0x000007e0, 0x000002a0 },
    { 0x12c, 0x00000000, 0x00000007, 0x00000000 },
    { 0x148, 0x0001000d, 0x0001000d, 0x0001000d },
    { 0x14c, 0x0000005f, 0x005f005f, 0x0000005f },
};

static void assert_register(QTestState *qts, const Register *r, uint32_t expected,
                            const char *when)
{
    uint32_t got = qtest_readl(qts, ecam_address(0, PORT_DEVFN, r->offset));

    if (got != expected) {
        g_error("register 0x%03x %s: 0x%08x, expected 0x%08x", r->offset, when, got, expected);
    }
}

/* All are written before any is read: a register is not to depend on another. */
static void write_all(QTestState *qts, uint32_t value)
{
    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        qtest_writel(qts, ecam_address(0, PORT_DEVFN, registers[i].offset), value);
    }
}

static void test_registers(const void *machine)
{
    QTestState *qts = start(machine, "");

    ecam_enable(qts);
    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        assert_register(qts, &registers[i], registers[i].value, "at reset");
    }
    write_all(qts, UINT32_MAX);
    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        assert_register(qts, &registers[i], registers[i].ones, "after writing ones");
    }
    write_all(qts, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        assert_register(qts, &registers[i], registers[i].zeros, "after writing zeros");
    }
    qtest_quit(qts);
}

static void test_chassis_is_unique(void)
{
    g_autofree char *argv0 = g_strdup(g_getenv("QTEST_QEMU_BINARY"));
    const char *argv[] = { argv0, "-nodefaults", "-display", "none", "-S", "-machine", "q35",
                           "-device", "pcie-root-port", "-device", "pcie-root-port", NULL };
    g_autofree char *err = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                               NULL, &err, &status, NULL));
    g_assert_cmpint(status, !=, 0);
    g_assert_nonnull(strstr(err, "Can't add chassis slot, error -16"));
}

/* ---- the bus behind ---- */

static void test_bus_numbers(void)
{
    QTestState *qts = start("q35", MEMORY DEVICE);

    ecam_enable(qts);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, 0), ==, UINT32_MAX);
    config_writel(qts, 0, PORT_DEVFN, PCI_PRIMARY_BUS, 0x070500);
    g_assert_cmphex(config_readl(qts, 4, 0, 0), ==, UINT32_MAX);
    g_assert_cmphex(config_readl(qts, 5, 0, 0), ==, VIRTIO_MEM_ID);
    g_assert_cmphex(config_readl(qts, 5, 8, 0), ==, UINT32_MAX);
    g_assert_cmphex(config_readl(qts, 6, 0, 0), ==, UINT32_MAX);
    g_assert_cmphex(qtest_readl(qts, ecam_address(5, 0, 0)), ==, VIRTIO_MEM_ID);
    g_assert_cmphex(qtest_readl(qts, ecam_address(6, 0, 0)), ==, UINT32_MAX);
    /* a PCI Express function there: all 4 KiB, the capability at 0x40, a link of one lane */
    g_assert_cmphex(qtest_readl(qts, ecam_address(5, 0, 0x100)), ==, 0);
    g_assert_cmphex(qtest_readl(qts, ecam_address(5, 0, 0x40)), ==, 0x00020010);
    g_assert_cmphex(config_readw(qts, 0, PORT_DEVFN, LINK_STATUS), ==, 0x0011);
    config_writel(qts, 0, PORT_DEVFN, PCI_PRIMARY_BUS, 0);
    g_assert_cmphex(config_readl(qts, 5, 0, 0), ==, UINT32_MAX);
    qtest_quit(qts);
}

/* What the device has at BAR 4: a queue's size, which is never 0. */
static bool bar_is_seen(QTestState *qts)
{
    uint16_t size = qtest_readw(qts, WINDOW + 24);

    return size != 0 && size != UINT16_MAX;
}

static void test_windows(void)
{
    QTestState *qts = start_with_device("");

    config_writel(qts, SECONDARY, 0, PCI_BASE_ADDRESS_4, WINDOW);
    config_writel(qts, SECONDARY, 0, PCI_BASE_ADDRESS_5, 0);
    config_writew(qts, SECONDARY, 0, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_false(bar_is_seen(qts));
    /* one MiB of the prefetchable window, then beside it, then the other window */
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_MEMORY_BASE, WINDOW | WINDOW >> 16);
    g_assert_true(bar_is_seen(qts));
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_LIMIT_UPPER32, 1);
    g_assert_true(bar_is_seen(qts));
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_BASE_UPPER32, 1);
    g_assert_false(bar_is_seen(qts));
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_BASE_UPPER32, 0);
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_LIMIT_UPPER32, 0);
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_MEMORY_BASE, 0xe010e010);
    g_assert_false(bar_is_seen(qts));
    config_writel(qts, 0, PORT_DEVFN, PCI_MEMORY_BASE, WINDOW | WINDOW >> 16);
    g_assert_true(bar_is_seen(qts));
    config_writew(qts, 0, PORT_DEVFN, PCI_COMMAND, 0);
    g_assert_false(bar_is_seen(qts));
    config_writew(qts, 0, PORT_DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_true(bar_is_seen(qts));
    config_writew(qts, SECONDARY, 0, PCI_COMMAND, 0);
    g_assert_false(bar_is_seen(qts));
    qtest_quit(qts);
}

static void test_bus_reset(void)
{
    QTestState *qts = start_with_device("");

    config_writew(qts, SECONDARY, 0, PCI_COMMAND, PCI_COMMAND_MEMORY);
    config_writel(qts, SECONDARY, 0, PCI_BASE_ADDRESS_4, WINDOW);
    config_writew(qts, 0, PORT_DEVFN, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    config_writew(qts, 0, PORT_DEVFN, PCI_BRIDGE_CONTROL, 0);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, 0), ==, VIRTIO_MEM_ID);
    g_assert_cmphex(config_readw(qts, SECONDARY, 0, PCI_COMMAND), ==, 0);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, PCI_BASE_ADDRESS_4), ==, 0x0000000c);
    qtest_quit(qts);
}

static void test_function_level_reset(void)
{
    QTestState *qts = start_with_device("");

    config_writew(qts, SECONDARY, 0, PCI_COMMAND, PCI_COMMAND_MEMORY);
    config_writew(qts, SECONDARY, 0, 0x48, PCI_EXP_DEVCTL_CERE);
    g_assert_cmphex(config_readw(qts, SECONDARY, 0, 0x48), ==, PCI_EXP_DEVCTL_CERE);
    config_writew(qts, SECONDARY, 0, 0x48, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(config_readw(qts, SECONDARY, 0, PCI_COMMAND), ==, 0);
    g_assert_cmphex(config_readw(qts, SECONDARY, 0, 0x48) & PCI_EXP_DEVCTL_BCR_FLR, ==, 0);
    qtest_quit(qts);
}

/*
 * Pin A of slot 0 behind the port is the port's pin A: PIRQ E + 4 % 4, line 20 of the I/O APIC.
 * That of slot 1, if there were one, would be its pin B. (QEMU from 8.1 on warns of slot 1.)
 */
static void test_interrupt_pin(const void *data)
{
    int behind = GPOINTER_TO_INT(data), line = 20 + behind, devfn = behind << 3;
    QTestState *qts = start_with_device(behind ? ",addr=1" : "");
    const uint32_t set = WINDOW | WINDOW >> 16;

    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x01c0);    /* power: slot 0 may be empty */
    config_writel(qts, 0, PORT_DEVFN, PCI_PREF_MEMORY_BASE, set);
    config_writel(qts, SECONDARY, devfn, PCI_BASE_ADDRESS_4, WINDOW);
    config_writew(qts, SECONDARY, devfn, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_irq_intercept_in(qts, "ioapic");
    qtest_writeb(qts, WINDOW + 20, 3);          /* ACKNOWLEDGE, DRIVER */
    qtest_writel(qts, WINDOW + 8, 1);           /* VERSION_1 */
    qtest_writel(qts, WINDOW + 12, 1);
    qtest_writeb(qts, WINDOW + 20, 11);         /* FEATURES_OK */
    qtest_writeb(qts, WINDOW + 20, 15);         /* DRIVER_OK */
    g_assert_false(qtest_get_irq(qts, line));
    qtest_qmp_assert_success(qts, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                             "'property': 'requested-size', 'value': 67108864}}");
    g_assert_true(qtest_get_irq(qts, line));
    qtest_readb(qts, WINDOW + 0x1000);
    g_assert_false(qtest_get_irq(qts, line));
    qtest_quit(qts);
}

/* ---- the slot ---- */

static uint32_t slot(QTestState *qts)
{
    return config_readl(qts, 0, PORT_DEVFN, SLOT_CONTROL);
}

/* Bus numbers come first: stock drops the slot's interrupt at any write to the port. */
static void add_device(QTestState *qts)
{
    config_writel(qts, 0, PORT_DEVFN, PCI_PRIMARY_BUS, SECONDARY << 16 | SECONDARY << 8);
    qtest_qmp_device_add(qts, "virtio-mem-pci", "vm0", "{'memdev': 'mem0', 'bus': 'rp0', "
                         "'unplugged-inaccessible': 'on'}");
}

/* ACPI tells the guest: the slot has power at once, and says nothing. */
static void test_acpi_plug(void)
{
    QTestState *qts = start("q35", MEMORY);

    g_assert_cmphex(slot(qts), ==, 0x000007c0);
    add_device(qts);
    g_assert_cmphex(slot(qts), ==, 0x000003c0);
    g_assert_cmphex(config_readw(qts, 0, PORT_DEVFN, LINK_STATUS), ==, 0x0011);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, 0), ==, VIRTIO_MEM_ID);
    qtest_quit(qts);
}

/* The slot tells: presence changed, button pressed; power comes when the guest switches it on. */
static void test_native_plug(void)
{
    QTestState *qts = start("pc-q35-6.0", MEMORY);

    qtest_irq_intercept_in(qts, "ioapic");
    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x07e9);    /* interrupts on, of both */
    config_writew(qts, 0, PORT_DEVFN, SLOT_STATUS, 0x0010);     /* command completed */
    g_assert_false(qtest_get_irq(qts, 20));
    add_device(qts);
    g_assert_true(qtest_get_irq(qts, 20));
    g_assert_cmphex(slot(qts), ==, 0x004907e9);
    g_assert_cmphex(config_readw(qts, 0, PORT_DEVFN, LINK_STATUS), ==, 0x2011);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, 0), ==, UINT32_MAX);
    /* a guest that clears what it has not seen must not lose what has just come */
    config_writew(qts, 0, PORT_DEVFN, SLOT_STATUS, 0x001f);
    g_assert_cmphex(slot(qts), ==, 0x004907e9);
    config_writew(qts, 0, PORT_DEVFN, SLOT_STATUS, 0x0009);
    g_assert_false(qtest_get_irq(qts, 20));
    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x01e9);    /* power and its light on */
    g_assert_cmphex(slot(qts), ==, 0x005001e9);
    g_assert_cmphex(config_readl(qts, SECONDARY, 0, 0), ==, VIRTIO_MEM_ID);
    qtest_quit(qts);
}

static bool emulator_unplugs_virtio_mem(QTestState *qts)
{
    QDict *version = qtest_qmp_assert_success_ref(qts, "{'execute': 'query-version'}");
    QDict *qemu = qdict_get_qdict(version, "qemu");
    bool ours = strstr(qdict_get_str(version, "package"), "elastic");
    bool can = ours || qdict_get_int(qemu, "major") * 100 + qdict_get_int(qemu, "minor") >= 801;

    qobject_unref(version);
    if (!can) {
        g_test_skip("stock QEMU unplugs virtio-mem since 8.1");
    }
    return can;
}

static void test_native_unplug(void)
{
    QTestState *qts = start("pc-q35-6.0", MEMORY REMOVABLE);
    QDict *error;

    if (!emulator_unplugs_virtio_mem(qts)) {
        qtest_quit(qts);
        return;
    }
    g_assert_cmphex(slot(qts), ==, 0x004001c0);
    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x02c0);    /* the guest is at it */
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_del', 'arguments': "
                                         "{'id': 'vm0'}}");
    g_assert_cmpstr(qdict_get_str(error, "desc"), ==,
                    "Hot-unplug failed: guest is busy (power indicator blinking)");
    qobject_unref(error);
    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x01c0);
    qtest_qmp_assert_success(qts, "{'execute': 'device_del', 'arguments': {'id': 'vm0'}}");
    g_assert_cmphex(slot(qts) & 0x00010000, ==, 0x00010000);    /* the button */
    config_writew(qts, 0, PORT_DEVFN, SLOT_CONTROL, 0x07c0);    /* power and its light off */
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    g_assert_cmphex(slot(qts), ==, 0x001807c0);
    g_assert_cmphex(config_readw(qts, 0, PORT_DEVFN, LINK_STATUS), ==, 0x0204);
    /* and one that the guest has not switched on goes at once */
    add_device(qts);
    qtest_qmp_assert_success(qts, "{'execute': 'device_del', 'arguments': {'id': 'vm0'}}");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    g_assert_cmphex(slot(qts) & 0x00400000, ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/pcie-root-port/registers/q35", "q35", test_registers);
    qtest_add_data_func("/pcie-root-port/registers/6.0", "pc-q35-6.0", test_registers);
    qtest_add_func("/pcie-root-port/chassis-is-unique", test_chassis_is_unique);
    qtest_add_func("/pcie-root-port/bus-numbers", test_bus_numbers);
    qtest_add_func("/pcie-root-port/windows", test_windows);
    qtest_add_func("/pcie-root-port/bus-reset", test_bus_reset);
    qtest_add_func("/pcie-root-port/function-level-reset", test_function_level_reset);
    qtest_add_data_func("/pcie-root-port/interrupt-pin/slot-0", GINT_TO_POINTER(0),
                        test_interrupt_pin);
    qtest_add_data_func("/pcie-root-port/interrupt-pin/slot-1", GINT_TO_POINTER(1),
                        test_interrupt_pin);
    qtest_add_func("/pcie-root-port/acpi-plug", test_acpi_plug);
    qtest_add_func("/pcie-root-port/native-plug", test_native_plug);
    qtest_add_func("/pcie-root-port/native-unplug", test_native_unplug);
    return g_test_run();
}
