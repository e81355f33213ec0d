/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest finds on the PCI bus at reset, without firmware: host bridge,
 * ISA bridge and power management of i440FX and Q35, and virtio-mem-pci as
 * every machine version shows it. All expected values were read from stock
 * QEMU 7.2, on which this test passes too.
 */
#include "qemu/osdep.h"
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include "libqtest-raw.h"
#include "libqos/pci-pc.h"

#define SLOT 4

typedef struct Register {
    uint8_t slot, fn, offset, width;
    uint32_t value;
    const char *name;
} Register;

static const Register i440fx_registers[] = {
    { 0, 0, PCI_VENDOR_ID, 4, 0x12378086, "i440FX ID" },
    { 0, 0, PCI_COMMAND, 4, 0, "i440FX command and status" },
    { 0, 0, PCI_CLASS_REVISION, 4, 0x06000002, "i440FX class and revision" },
    { 0, 0, PCI_HEADER_TYPE, 1, 0x00, "i440FX header type" },
    { 0, 0, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4, "i440FX subsystem" },
    { 0, 0, 0x58, 4, 0, "i440FX PAM" },
    { 0, 0, 0x70, 4, 0x00020000, "i440FX SMRAM" },
    { 1, 0, PCI_VENDOR_ID, 4, 0x70008086, "PIIX3 ID" },
    { 1, 0, PCI_COMMAND, 4, 0x02000000, "PIIX3 command and status" },
    { 1, 0, PCI_CLASS_REVISION, 4, 0x06010000, "PIIX3 class and revision" },
    { 1, 0, PCI_HEADER_TYPE, 1, 0x80, "PIIX3 header type" },
    { 1, 0, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4, "PIIX3 subsystem" },
    { 1, 0, 0x4c, 4, 0x0003004d, "PIIX3 I/O recovery and X-bus" },
    { 1, 0, 0x60, 4, 0x80808080, "PIIX3 PIRQ routing" },
    { 1, 0, 0x68, 4, 0x00000200, "PIIX3 top of memory" },
    { 1, 3, PCI_VENDOR_ID, 4, 0x71138086, "PIIX4 PM ID" },
    { 1, 3, PCI_COMMAND, 4, 0x02800000, "PIIX4 PM command and status" },
    { 1, 3, PCI_CLASS_REVISION, 4, 0x06800003, "PIIX4 PM class and revision" },
    { 1, 3, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4, "PIIX4 PM subsystem" },
    { 1, 3, PCI_INTERRUPT_LINE, 2, 0x0100, "PIIX4 PM interrupt line and pin" },
    { 1, 3, 0x40, 4, 0x00000001, "PIIX4 PMBASE" },
    { 1, 3, 0x80, 1, 0x00, "PIIX4 PMREGMISC" },
};

static const Register q35_registers[] = {
    { 0, 0, PCI_VENDOR_ID, 4, 0x29c08086, "MCH ID" },
    { 0, 0, PCI_COMMAND, 4, 0, "MCH command and status" },
    { 0, 0, PCI_CLASS_REVISION, 4, 0x06000000, "MCH class and revision" },
    { 0, 0, PCI_HEADER_TYPE, 1, 0x00, "MCH header type" },
    { 0, 0, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4, "MCH subsystem" },
    { 0, 0, 0x60, 4, 0xb0000000, "MCH PCIEXBAR, low half" },
    { 0, 0, 0x64, 4, 0, "MCH PCIEXBAR, high half" },
    { 0, 0, 0x90, 4, 0, "MCH PAM" },
    { 31, 0, PCI_VENDOR_ID, 4, 0x29188086, "ICH9 LPC ID" },
    { 31, 0, PCI_COMMAND, 4, 0, "ICH9 LPC command and status" },
    { 31, 0, PCI_CLASS_REVISION, 4, 0x06010002, "ICH9 LPC class and revision" },
    { 31, 0, PCI_HEADER_TYPE, 1, 0x80, "ICH9 LPC header type" },
    { 31, 0, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4, "ICH9 LPC subsystem" },
    { 31, 0, PCI_INTERRUPT_LINE, 1, 0, "ICH9 LPC interrupt line" },
    { 31, 0, 0x40, 4, 0x00000001, "ICH9 LPC PMBASE" },
    { 31, 0, 0x44, 1, 0, "ICH9 LPC ACPI control" },
    { 31, 0, 0x60, 4, 0x80808080, "ICH9 LPC PIRQ A-D routing" },
    { 31, 0, 0x68, 4, 0x80808080, "ICH9 LPC PIRQ E-H routing" },
    { 31, 0, 0xf0, 4, 0, "ICH9 LPC RCBA" },
};

static uint32_t register_read(QPCIBus *bus, const Register *r)
{
    int devfn = QPCI_DEVFN(r->slot, r->fn);

    return r->width == 1 ? bus->config_readb(bus, devfn, r->offset)
         : r->width == 2 ? bus->config_readw(bus, devfn, r->offset)
                         : bus->config_readl(bus, devfn, r->offset);
}

static void registers_check(QPCIBus *bus, const Register *table, size_t count, const char *when)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value = register_read(bus, &table[i]);

        if (value != table[i].value) {
            g_error("%s %s: 0x%x, expected 0x%x", table[i].name, when, value, table[i].value);
        }
    }
}

/* At start, and again after a guest has written to everything and the system was reset. */
static void check_platform(const char *machine, const Register *table, size_t count)
{
    QTestState *s = qtest_initf("-nodefaults -machine %s", machine);
    QPCIBus *bus = qpci_new_pc(s, NULL);

    registers_check(bus, table, count, "at start");
    for (size_t i = 0; i < count; i++) {
        /* not what may move or lock memory away */
        if (table[i].offset == PCI_COMMAND || table[i].offset == PCI_INTERRUPT_LINE ||
            table[i].offset == 0x60) {
            bus->config_writew(bus, QPCI_DEVFN(table[i].slot, table[i].fn), table[i].offset,
                               0x0505);
        }
    }
    qtest_system_reset(s);
    registers_check(bus, table, count, "after a reset");
    qpci_free_pc(bus);
    qtest_quit(s);
}

static void test_i440fx(void)
{
    check_platform("pc", i440fx_registers, G_N_ELEMENTS(i440fx_registers));
}

static void test_q35(void)
{
    check_platform("q35", q35_registers, G_N_ELEMENTS(q35_registers));
}

/* Slots and functions without a device read as all ones, and swallow writes. */
static void test_absent(const void *machine)
{
    QTestState *s = qtest_initf("-nodefaults -machine %s", (const char *)machine);
    QPCIBus *bus = qpci_new_pc(s, NULL);

    for (int slot = 2; slot < 31; slot++) {
        g_assert_cmphex(bus->config_readl(bus, QPCI_DEVFN(slot, 0), 0), ==, UINT32_MAX);
        g_assert_cmphex(bus->config_readw(bus, QPCI_DEVFN(slot, 7), 2), ==, 0xffff);
    }
    bus->config_writel(bus, QPCI_DEVFN(9, 0), PCI_BASE_ADDRESS_0, 0xffffffff);
    g_assert_cmphex(bus->config_readl(bus, QPCI_DEVFN(9, 0), PCI_BASE_ADDRESS_0), ==, UINT32_MAX);
    /* without its enable bit the data port is no window */
    qtest_outl(s, 0xcf8, 0);
    g_assert_cmphex(qtest_inl(s, 0xcfc), ==, UINT32_MAX);
    qpci_free_pc(bus);
    qtest_quit(s);
}

/* Q35's memory-mapped configuration space shows the same as the ports do. */
static void test_ecam(void)
{
    const uint64_t base = 0xb0000000;
    QTestState *s = qtest_init("-nodefaults -machine q35 -m 128M");
    QPCIBus *bus = qpci_new_pc(s, NULL);

    g_assert_cmphex(qtest_readl(s, base), ==, 0);
    bus->config_writel(bus, 0, 0x60, base | 1);
    g_assert_cmphex(bus->config_readl(bus, 0, 0x60), ==, base | 1);
    g_assert_cmphex(qtest_readl(s, base), ==, 0x29c08086);
    g_assert_cmphex(qtest_readw(s, base + 2), ==, 0x29c0);
    g_assert_cmphex(qtest_readl(s, base + (QPCI_DEVFN(31, 0) << 12)), ==, 0x29188086);
    g_assert_cmphex(qtest_readl(s, base + (QPCI_DEVFN(9, 0) << 12)), ==, UINT32_MAX);
    /* behind the 256 bytes of a conventional function there is nothing */
    g_assert_cmphex(qtest_readl(s, base + (QPCI_DEVFN(31, 0) << 12) + 0x100), ==, UINT32_MAX);
    qtest_writeb(s, base + (QPCI_DEVFN(31, 0) << 12) + PCI_INTERRUPT_LINE, 0x5a);
    g_assert_cmphex(bus->config_readb(bus, QPCI_DEVFN(31, 0), PCI_INTERRUPT_LINE), ==, 0x5a);
    bus->config_writel(bus, 0, 0x60, base);
    g_assert_cmphex(qtest_readl(s, base), ==, 0);
    qpci_free_pc(bus);
    qtest_quit(s);
}

/* ---- virtio-mem-pci ---- */

typedef struct Function {
    QTestState *s;
    QPCIBus *bus;
    QPCIDevice *dev;
} Function;

static Function function_start(const char *machine)
{
    Function f;

    f.s = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=2G "
                      "-object memory-backend-ram,id=mem0,size=256M "
                      "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d", machine, SLOT);
    f.bus = qpci_new_pc(f.s, NULL);
    f.dev = qpci_device_find(f.bus, QPCI_DEVFN(SLOT, 0));
    g_assert_nonnull(f.dev);
    return f;
}

static void function_end(Function *f)
{
    g_free(f->dev);
    qpci_free_pc(f->bus);
    qtest_quit(f->s);
}

/* MSI-X came with machine version 10.0. */
static bool machine_has_msix(const char *machine)
{
    const char *version = strrchr(machine, '-');

    return version ? atoi(version + 1) >= 10 : qtest_version() >= 100000;
}

static void assert_register(Function *f, uint8_t offset, uint32_t expected, const char *what)
{
    uint32_t value = qpci_config_readl(f->dev, offset);

    if (value != expected) {
        g_error("%s (offset 0x%02x): 0x%08x, expected 0x%08x", what, offset, value, expected);
    }
}

static void test_virtio_mem_header(const void *machine)
{
    bool msix = machine_has_msix(machine);
    Function f = function_start(machine);

    assert_register(&f, PCI_VENDOR_ID, 0x10581af4, "ID");
    assert_register(&f, PCI_COMMAND, 0x00100000, "command and status");
    assert_register(&f, PCI_CLASS_REVISION, 0x00ff0001, "class and revision");
    assert_register(&f, PCI_CACHE_LINE_SIZE, 0, "cache line, latency, header type");
    assert_register(&f, PCI_BASE_ADDRESS_0, 0, "BAR 0");
    assert_register(&f, PCI_BASE_ADDRESS_1, 0, "BAR 1");
    assert_register(&f, PCI_BASE_ADDRESS_2, 0, "BAR 2");
    assert_register(&f, PCI_BASE_ADDRESS_3, 0, "BAR 3");
    assert_register(&f, PCI_BASE_ADDRESS_4, 0x0000000c, "BAR 4");
    assert_register(&f, PCI_BASE_ADDRESS_5, 0, "BAR 4's high half");
    assert_register(&f, PCI_SUBSYSTEM_VENDOR_ID, 0x11001af4, "subsystem");
    assert_register(&f, PCI_ROM_ADDRESS, 0, "ROM");
    assert_register(&f, PCI_CAPABILITY_LIST, msix ? 0x98 : 0x84, "capabilities pointer");
    assert_register(&f, PCI_INTERRUPT_LINE, 0x00000100, "interrupt line and pin");
    function_end(&f);
}

/* Registers by what stays after all ones and after zeros are written. */
static void test_virtio_mem_read_only(const void *machine)
{
    bool msix = machine_has_msix(machine);
    Function f = function_start(machine);

    for (int offset = 0; offset < 0x84; offset += 4) {
        uint32_t reset = qpci_config_readl(f.dev, offset);
        uint32_t ones = reset, zeros = reset, high, low;

        switch (offset) {
        case PCI_COMMAND:
            ones = 0x00100507;
            break;
        case PCI_CACHE_LINE_SIZE:
            ones = 0x000000ff;
            break;
        case PCI_BASE_ADDRESS_1:
            ones = msix ? 0xfffff000 : 0;
            break;
        case PCI_BASE_ADDRESS_4:
            ones = 0xffffc00c;
            break;
        case PCI_BASE_ADDRESS_5:
            ones = 0xffffffff;
            break;
        case PCI_INTERRUPT_LINE:
            ones = 0x000001ff;
            break;
        case 0x80:                              /* the window of the access capability, 4.1.4.9 */
            continue;
        }
        qpci_config_writel(f.dev, offset, UINT32_MAX);
        high = qpci_config_readl(f.dev, offset);
        qpci_config_writel(f.dev, offset, 0);
        low = qpci_config_readl(f.dev, offset);
        if (high != ones || low != zeros) {
            g_error("offset 0x%02x: 0x%08x after all ones and 0x%08x after zeros, "
                    "expected 0x%08x and 0x%08x", offset, high, low, ones, zeros);
        }
    }
    function_end(&f);
}

static void test_virtio_mem_capabilities(const void *machine)
{
    static const struct {
        uint8_t at, next, len, cfg_type;
        uint32_t offset, length;
    } expected[] = {
        { 0x84, 0x70, 20, VIRTIO_PCI_CAP_PCI_CFG, 0, 0 },
        { 0x70, 0x60, 20, VIRTIO_PCI_CAP_NOTIFY_CFG, 0x3000, 0x1000 },
        { 0x60, 0x50, 16, VIRTIO_PCI_CAP_DEVICE_CFG, 0x2000, 0x1000 },
        { 0x50, 0x40, 16, VIRTIO_PCI_CAP_ISR_CFG, 0x1000, 0x1000 },
        { 0x40, 0x00, 16, VIRTIO_PCI_CAP_COMMON_CFG, 0x0000, 0x1000 },
    };
    Function f = function_start(machine);
    uint8_t at = qpci_config_readb(f.dev, PCI_CAPABILITY_LIST);

    if (machine_has_msix(machine)) {
        g_assert_cmphex(at, ==, 0x98);
        g_assert_cmphex(qpci_config_readw(f.dev, at), ==, 0x8400 | PCI_CAP_ID_MSIX);
        g_assert_cmpint(qpci_msix_table_size(f.dev), ==, 2);
        g_assert_cmphex(qpci_config_readl(f.dev, at + PCI_MSIX_TABLE), ==, 0x00000001);
        g_assert_cmphex(qpci_config_readl(f.dev, at + PCI_MSIX_PBA), ==, 0x00000801);
        at = 0x84;
    }
    g_assert_cmphex(at, ==, expected[0].at);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        at = expected[i].at;
        g_test_message("capability at 0x%02x", at);
        g_assert_cmphex(qpci_config_readb(f.dev, at), ==, PCI_CAP_ID_VNDR);
        g_assert_cmphex(qpci_config_readb(f.dev, at + 1), ==, expected[i].next);
        g_assert_cmpint(qpci_config_readb(f.dev, at + 2), ==, expected[i].len);
        g_assert_cmpint(qpci_config_readb(f.dev, at + 3), ==, expected[i].cfg_type);
        g_assert_cmphex(qpci_config_readl(f.dev, at + 8), ==, expected[i].offset);
        g_assert_cmphex(qpci_config_readl(f.dev, at + 12), ==, expected[i].length);
        if (expected[i].cfg_type != VIRTIO_PCI_CAP_PCI_CFG) {
            g_assert_cmpint(qpci_config_readb(f.dev, at + 4), ==, 4);
        }
    }
    g_assert_cmpint(qpci_config_readl(f.dev, 0x70 + 16), ==, 4);    /* notify multiplier */
    function_end(&f);
}

/* BAR 4 answers where it was put, above 4 GiB too, and nowhere while decoding is off. */
static void test_virtio_mem_bar(const void *machine)
{
    static const uint64_t places[] = { 0xe0000000, 0xe0a54000, 0x3800000000 };
    Function f = function_start(machine);

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        uint64_t num_queues = places[i] + VIRTIO_PCI_COMMON_NUMQ;

        qpci_config_writel(f.dev, PCI_BASE_ADDRESS_4, places[i]);
        qpci_config_writel(f.dev, PCI_BASE_ADDRESS_5, places[i] >> 32);
        g_assert_cmphex(qpci_config_readl(f.dev, PCI_BASE_ADDRESS_4), ==,
                        (uint32_t)places[i] | 0xc);
        g_assert_cmphex(qtest_readw(f.s, num_queues), ==, 0);
        qpci_config_writew(f.dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
        g_assert_cmphex(qtest_readw(f.s, num_queues), ==, 1);
        qpci_config_writew(f.dev, PCI_COMMAND, 0);
        g_assert_cmphex(qtest_readw(f.s, num_queues), ==, 0);
    }
    function_end(&f);
}

/* The structures also answer through the access capability, without any BAR (4.1.4.9). */
static void test_virtio_mem_cfg_access(const void *machine)
{
    const uint8_t cap = 0x84;
    Function f = function_start(machine);

    qpci_config_writeb(f.dev, cap + 4, 4);
    qpci_config_writel(f.dev, cap + 8, VIRTIO_PCI_COMMON_NUMQ);
    qpci_config_writel(f.dev, cap + 12, 2);
    g_assert_cmphex(qpci_config_readw(f.dev, cap + 16), ==, 1);
    qpci_config_writel(f.dev, cap + 8, VIRTIO_PCI_COMMON_STATUS);
    qpci_config_writel(f.dev, cap + 12, 1);
    qpci_config_writeb(f.dev, cap + 16, 1);
    g_assert_cmphex(qpci_config_readb(f.dev, cap + 16), ==, 1);
    qpci_config_writeb(f.dev, cap + 16, 0);
    g_assert_cmphex(qpci_config_readb(f.dev, cap + 16), ==, 0);
    function_end(&f);
}

typedef struct PerMachine {
    const char *name;
    void (*fn)(const void *machine);
} PerMachine;

static const PerMachine per_machine[] = {
    { "virtio-mem/header", test_virtio_mem_header },
    { "virtio-mem/read-only", test_virtio_mem_read_only },
    { "virtio-mem/capabilities", test_virtio_mem_capabilities },
    { "virtio-mem/bar", test_virtio_mem_bar },
    { "virtio-mem/config-access", test_virtio_mem_cfg_access },
};

static const char *const machines[] = {
    "pc", "q35", "pc-i440fx-5.1", "pc-q35-5.1", "pc-q35-7.2", "pc-i440fx-9.2", "pc-q35-10.0",
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pci/i440fx/registers", test_i440fx);
    qtest_add_func("/pci/q35/registers", test_q35);
    qtest_add_func("/pci/q35/ecam", test_ecam);
    qtest_add_data_func("/pci/absent/pc", "pc", test_absent);
    qtest_add_data_func("/pci/absent/q35", "q35", test_absent);
    for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
        for (size_t i = 0; i < G_N_ELEMENTS(per_machine) && qtest_has_machine(machines[m]); i++) {
            g_autofree char *path = g_strdup_printf("/pci/%s/%s", per_machine[i].name,
                                                    machines[m]);

            qtest_add_data_func(path, machines[m], per_machine[i].fn);
        }
    }
    return g_test_run();
}
