/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds a PC together, as a guest without firmware sees it: PCI interrupts on their way to the
 * I/O APIC, messages, ACPI's fixed registers with power button and soft off, the ways to reset, and
 * what of the address space is RAM. Routing is as hw/isa/piix.h and hw/isa/ich9.h document it; all
 * values were read from stock QEMU 7.2, on which this test passes too.
 */
#include "qemu/osdep.h"
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include "libqtest-raw.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio-pci.h"
#include "qobject/qdict.h"

#define RAM "-nodefaults -machine %s -m 128M,maxmem=2G "
#define SCI_GSI 9
#define PM_BASE 0x600
#define PM1_STS (PM_BASE + 0)
#define PM1_EN (PM_BASE + 2)
#define PM1_CNT (PM_BASE + 4)
#define PM_TMR (PM_BASE + 8)
#define PM_TMR_HZ 3579545
#define PM1_TMR 0x0001
#define PM1_GBL 0x0020
#define PM1_PWRBTN 0x0100
#define PM1_SCI_EN 0x0001
#define PM1_SLP_EN 0x2000
#define MiB_SIZE 0x100000

typedef struct Pc {
    QTestState *s;
    QPCIBus *bus;
    bool q35;
} Pc;

static Pc pc_start(const char *machine, const char *extra)
{
    Pc pc;

    pc.s = qtest_initf(RAM "%s", machine, extra);
    pc.bus = qpci_new_pc(pc.s, NULL);
    pc.q35 = g_str_has_prefix(machine, "q35") || strstr(machine, "-q35-");
    return pc;
}

static void pc_stop(Pc *pc)
{
    qpci_free_pc(pc->bus);
    qtest_quit(pc->s);
}

static uint8_t config_read(Pc *pc, int slot, int fn, uint8_t reg)
{
    return pc->bus->config_readb(pc->bus, QPCI_DEVFN(slot, fn), reg);
}

static void config_write(Pc *pc, int slot, int fn, uint8_t reg, uint8_t value)
{
    pc->bus->config_writeb(pc->bus, QPCI_DEVFN(slot, fn), reg, value);
}

/* False, and the test skipped, for an emulator whose virtual clock cannot be stepped. */
static bool has_clock(Pc *pc)
{
    g_autofree char *answer = qtest_raw(pc->s, "clock_step 0");

    if (g_str_has_prefix(answer, "FAIL Unknown command")) {
        g_test_skip("no qtest accelerator in this emulator, so no virtual clock");
        return false;
    }
    return true;
}

/* The 24 lines of the I/O APIC as bits. */
static uint32_t gsi_levels(Pc *pc)
{
    uint32_t levels = 0;

    for (int gsi = 0; gsi < 24; gsi++) {
        levels |= (uint32_t)qtest_get_irq(pc->s, gsi) << gsi;
    }
    return levels;
}

/* ---- PCI interrupts ---- */

typedef struct Device {
    Pc pc;
    QGuestAllocator alloc;
    QVirtioPCIDevice *virtio;
    uint64_t requested;
} Device;

static void device_add(Device *d, const char *machine, int slot)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(slot, 0) };
    g_autofree char *extra = g_strdup_printf("-object memory-backend-ram,id=mem0,size=256M "
                                             "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%x",
                                             slot);

    memset(d, 0, sizeof(*d));
    d->pc = pc_start(machine, extra);
    pc_alloc_init(&d->alloc, d->pc.s, ALLOC_NO_FLAGS);
    d->virtio = virtio_pci_new(d->pc.bus, &addr);
    qvirtio_pci_device_enable(d->virtio);
    qvirtio_start_device(&d->virtio->vdev);
}

static void device_drive(Device *d)
{
    qvirtio_set_features(&d->virtio->vdev, qvirtio_get_features(&d->virtio->vdev));
    qvirtio_set_driver_ok(&d->virtio->vdev);
}

static void device_start(Device *d, const char *machine, int slot)
{
    device_add(d, machine, slot);
    device_drive(d);
    qtest_irq_intercept_in(d->pc.s, "ioapic");
}

static void device_stop(Device *d)
{
    qos_object_destroy(&d->virtio->obj);
    alloc_destroy(&d->alloc);
    pc_stop(&d->pc);
}

/* Changes its configuration, which interrupts. */
static void device_poke(Device *d)
{
    d->requested = d->requested ? 0 : 64 * MiB_SIZE;
    qtest_qmp_assert_success(d->pc.s, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                             "'property': 'requested-size', 'value': %lld}}",
                             (long long)d->requested);
}

/* Reading acknowledges. */
static uint8_t device_isr(Device *d)
{
    return qpci_io_readb(d->virtio->pdev, d->virtio->bar, d->virtio->isr_cfg_offset);
}

static uint16_t device_pci_status(Device *d)
{
    return qpci_config_readw(d->virtio->pdev, PCI_STATUS);
}

static void device_command(Device *d, uint16_t set, uint16_t clear)
{
    uint16_t command = qpci_config_readw(d->virtio->pdev, PCI_COMMAND);

    qpci_config_writew(d->virtio->pdev, PCI_COMMAND, (command & ~clear) | set);
}

/* Where PIRQ @pirq is routed to in PIC mode; at reset nowhere. */
static void route(Pc *pc, int pirq, uint8_t irq)
{
    config_write(pc, pc->q35 ? 31 : 1, 0, pirq < 4 ? 0x60 + pirq : 0x68 + pirq - 4, irq);
}

/* The PIRQ of INTA of a slot. */
static int slot_pirq(const Pc *pc, int slot)
{
    if (!pc->q35) {
        return (slot + 3) % 4;
    }
    return slot >= 25 && slot != 30 ? 0 : slot == 30 ? 4 : 4 + slot % 4;
}

/* The lines that are up while @slot interrupts, with its PIRQ routed to @irq (0x80: to none). */
static uint32_t slot_lines(const Pc *pc, int slot, uint8_t irq)
{
    return (irq & 0x80 ? 0 : 1u << irq) | (pc->q35 ? 1u << (16 + slot_pirq(pc, slot)) : 0);
}

static void check_slot(const char *machine, int slot)
{
    static const uint8_t irqs[] = { 10, 11, 5, 7, 3, 6, 12, 14 };
    Device d;
    uint32_t up;
    int pirq;

    device_start(&d, machine, slot);
    pirq = slot_pirq(&d.pc, slot);
    for (int i = 0; i < (d.pc.q35 ? 8 : 4); i++) {
        route(&d.pc, i, irqs[i]);
    }
    up = slot_lines(&d.pc, slot, irqs[pirq]);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    /* the level stays until the driver reads why, and comes again */
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    g_assert_cmphex(device_isr(&d), ==, 3);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);
    g_assert_cmphex(device_isr(&d), ==, 0);
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    device_stop(&d);
}

static void test_intx_routing(const void *machine)
{
    static const int pc_slots[] = { 2, 3, 4, 5, 31 };
    static const int q35_slots[] = { 1, 2, 3, 4, 24, 25, 29, 30 };
    bool q35 = g_str_equal(machine, "q35");

    for (size_t i = 0; i < (q35 ? G_N_ELEMENTS(q35_slots) : G_N_ELEMENTS(pc_slots)); i++) {
        g_test_message("slot %d", q35 ? q35_slots[i] : pc_slots[i]);
        check_slot(machine, q35 ? q35_slots[i] : pc_slots[i]);
    }
}

/*
 * A route that changes takes the level along (stock QEMU's ICH9 leaves it behind until the device
 * lowers it); 0x80 is "none"; a reset takes it all away.
 */
static void test_intx_reroute(const void *machine)
{
    static const uint8_t routes[] = { 10, 5, 0x80, 11 };
    Device d;

    device_start(&d, machine, 4);
    route(&d.pc, slot_pirq(&d.pc, 4), routes[0]);
    device_poke(&d);
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        route(&d.pc, slot_pirq(&d.pc, 4), routes[i]);
        if (!d.pc.q35 || qtest_is_elastic()) {
            g_assert_cmphex(gsi_levels(&d.pc), ==, slot_lines(&d.pc, 4, routes[i]));
        }
    }
    qtest_system_reset(d.pc.s);
    if (!d.pc.q35 || qtest_is_elastic()) {
        g_assert_cmphex(gsi_levels(&d.pc) & ~1u, ==, 0);    /* 0: a timer that stock has */
    }
    g_assert_cmphex(config_read(&d.pc, d.pc.q35 ? 31 : 1, 0, 0x60), ==, 0x80);
    device_stop(&d);
}

static void test_intx_disable(const void *machine)
{
    Device d;
    uint32_t up;

    device_start(&d, machine, 4);
    route(&d.pc, slot_pirq(&d.pc, 4), 10);
    up = slot_lines(&d.pc, 4, 10);
    g_assert_cmphex(device_pci_status(&d) & PCI_STATUS_INTERRUPT, ==, 0);
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    g_assert_cmphex(device_pci_status(&d) & PCI_STATUS_INTERRUPT, !=, 0);
    device_command(&d, PCI_COMMAND_INTX_DISABLE, 0);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);
    g_assert_cmphex(device_pci_status(&d) & PCI_STATUS_INTERRUPT, !=, 0);
    device_command(&d, 0, PCI_COMMAND_INTX_DISABLE);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    g_assert_cmphex(device_isr(&d), ==, 3);
    /* what comes while it is off waits */
    device_command(&d, PCI_COMMAND_INTX_DISABLE, 0);
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);
    device_command(&d, 0, PCI_COMMAND_INTX_DISABLE);
    g_assert_cmphex(gsi_levels(&d.pc), ==, up);
    device_stop(&d);
}

/* Without leave to be a bus master the device is stopped, and nothing comes from it. */
static void test_bus_master(const void *machine)
{
    Device d;

    device_start(&d, machine, 4);
    route(&d.pc, slot_pirq(&d.pc, 4), 10);
    device_command(&d, 0, PCI_COMMAND_MASTER);
    g_assert_cmphex(d.virtio->vdev.bus->get_status(&d.virtio->vdev) & VIRTIO_CONFIG_S_DRIVER_OK,
                    ==, 0);
    device_poke(&d);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);
    g_assert_cmphex(device_isr(&d), ==, 0);
    device_stop(&d);
}

/* ---- messages ---- */

static void test_msix(const void *machine)
{
    Device d;
    uint32_t control;
    uint64_t entry;

    device_add(&d, machine, 4);
    if (!qpci_find_capability(d.virtio->pdev, PCI_CAP_ID_MSIX, 0)) {
        g_test_skip("virtio-mem-pci of this machine version has no MSI-X");
        device_stop(&d);
        return;
    }
    qpci_msix_enable(d.virtio->pdev);
    qvirtio_pci_set_msix_configuration_vector(d.virtio, &d.alloc, 0);
    device_drive(&d);
    qtest_irq_intercept_in(d.pc.s, "ioapic");
    route(&d.pc, slot_pirq(&d.pc, 4), 10);

    device_poke(&d);
    g_assert_cmphex(qtest_readl(d.pc.s, d.virtio->config_msix_addr), ==,
                    d.virtio->config_msix_data);
    g_assert_cmphex(gsi_levels(&d.pc), ==, 0);

    /* masked: pending until it is not */
    entry = d.virtio->pdev->msix_table_off + PCI_MSIX_ENTRY_VECTOR_CTRL;
    control = qpci_io_readl(d.virtio->pdev, d.virtio->pdev->msix_table_bar, entry);
    qtest_writel(d.pc.s, d.virtio->config_msix_addr, 0);
    qpci_io_writel(d.virtio->pdev, d.virtio->pdev->msix_table_bar, entry,
                   control | PCI_MSIX_ENTRY_CTRL_MASKBIT);
    device_poke(&d);
    g_assert_cmphex(qtest_readl(d.pc.s, d.virtio->config_msix_addr), ==, 0);
    g_assert_true(qpci_msix_pending(d.virtio->pdev, 0));
    qpci_io_writel(d.virtio->pdev, d.virtio->pdev->msix_table_bar, entry,
                   control & ~PCI_MSIX_ENTRY_CTRL_MASKBIT);
    g_assert_cmphex(qtest_readl(d.pc.s, d.virtio->config_msix_addr), ==,
                    d.virtio->config_msix_data);
    g_assert_false(qpci_msix_pending(d.virtio->pdev, 0));

    /* a message is a write by the device, which it may not do without leave */
    qtest_writel(d.pc.s, d.virtio->config_msix_addr, 0);
    device_command(&d, 0, PCI_COMMAND_MASTER);
    device_poke(&d);
    g_assert_cmphex(qtest_readl(d.pc.s, d.virtio->config_msix_addr), ==, 0);
    device_stop(&d);
}

/* ---- ACPI registers ---- */

static void pm_map(Pc *pc)
{
    int slot = pc->q35 ? 31 : 1, fn = pc->q35 ? 0 : 3;

    pc->bus->config_writel(pc->bus, QPCI_DEVFN(slot, fn), 0x40, PM_BASE | 1);
    config_write(pc, slot, fn, pc->q35 ? 0x44 : 0x80, pc->q35 ? 0x80 : 0x01);
}

static Pc pm_start(const char *machine)
{
    Pc pc = pc_start(machine, "");

    g_assert_cmphex(qtest_inw(pc.s, PM1_STS), ==, 0xffff);      /* at reset nothing is there */
    pm_map(&pc);
    qtest_irq_intercept_in(pc.s, "ioapic");
    return pc;
}

static void test_pm_map(const void *machine)
{
    Pc pc = pm_start(machine);

    g_assert_cmphex(qtest_inw(pc.s, PM1_EN), ==, 0);
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, 0);
    qtest_outw(pc.s, PM1_EN, PM1_PWRBTN);
    /* the base moves, the registers stay as they are */
    pc.bus->config_writel(pc.bus, QPCI_DEVFN(pc.q35 ? 31 : 1, pc.q35 ? 0 : 3), 0x40, 0xb000);
    g_assert_cmphex(qtest_inw(pc.s, PM1_EN), ==, 0xffff);
    g_assert_cmphex(qtest_inw(pc.s, 0xb002), ==, PM1_PWRBTN);
    config_write(&pc, pc.q35 ? 31 : 1, pc.q35 ? 0 : 3, pc.q35 ? 0x44 : 0x80, 0);
    g_assert_cmphex(qtest_inw(pc.s, 0xb002), ==, 0xffff);
    pc_stop(&pc);
}

/* An OS takes over with a command at port 0xb2, whose value is the chipset's. */
static void test_sci_enable(const void *machine)
{
    Pc pc = pm_start(machine);
    uint8_t enable = pc.q35 ? 2 : 0xf1, disable = pc.q35 ? 3 : 0xf0;

    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, 0);
    qtest_outb(pc.s, 0xb2, 0x5a);
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, 0);
    g_assert_cmphex(qtest_inb(pc.s, 0xb2), ==, 0x5a);
    qtest_outb(pc.s, 0xb3, 0xa5);
    g_assert_cmphex(qtest_inb(pc.s, 0xb3), ==, 0xa5);
    qtest_outb(pc.s, 0xb2, enable);
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, PM1_SCI_EN);
    qtest_outb(pc.s, 0xb2, 0x5a);
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, PM1_SCI_EN);
    qtest_outb(pc.s, 0xb2, disable);
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, 0);
    pc_stop(&pc);
}

static void press_power_button(Pc *pc)
{
    qtest_qmp_assert_success(pc->s, "{'execute': 'system_powerdown'}");
    qtest_qmp_eventwait(pc->s, "POWERDOWN");
}

static void test_power_button(const void *machine)
{
    Pc pc = pm_start(machine);

    /* who does not listen does not hear */
    press_power_button(&pc);
    g_assert_cmphex(qtest_inw(pc.s, PM1_STS) & PM1_PWRBTN, ==, 0);
    qtest_outw(pc.s, PM1_EN, PM1_PWRBTN);
    g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
    press_power_button(&pc);
    g_assert_cmphex(qtest_inw(pc.s, PM1_STS) & PM1_PWRBTN, ==, PM1_PWRBTN);
    g_assert_true(qtest_get_irq(pc.s, SCI_GSI));
    /* the level follows status and enable; status is cleared by ones */
    qtest_outw(pc.s, PM1_EN, 0);
    g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
    qtest_outw(pc.s, PM1_EN, PM1_PWRBTN);
    g_assert_true(qtest_get_irq(pc.s, SCI_GSI));
    qtest_outw(pc.s, PM1_STS, 0);
    g_assert_true(qtest_get_irq(pc.s, SCI_GSI));
    qtest_outw(pc.s, PM1_STS, PM1_PWRBTN);
    g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
    g_assert_cmphex(qtest_inw(pc.s, PM1_STS) & PM1_PWRBTN, ==, 0);
    pc_stop(&pc);
}

/* Nanoseconds until the timer shows @ticks. */
static int64_t pm_ticks_ns(uint64_t ticks)
{
    return (int64_t)(ticks * 1000000000 / PM_TMR_HZ) + 1;
}

static void test_pm_timer(const void *machine)
{
    Pc pc = pm_start(machine);
    int64_t now;

    if (has_clock(&pc)) {
        now = qtest_clock_step(pc.s, 0);
        g_assert_cmphex(qtest_inl(pc.s, PM_TMR), ==, (uint64_t)now * PM_TMR_HZ / 1000000000);
        now = qtest_clock_step(pc.s, 1000000);
        g_assert_cmphex(qtest_inl(pc.s, PM_TMR), ==, (uint64_t)now * PM_TMR_HZ / 1000000000);
        /* read-only, of 24 bits, and the status is set when bit 23 changes */
        qtest_outl(pc.s, PM_TMR, 0);
        g_assert_cmphex(qtest_inl(pc.s, PM_TMR), ==, (uint64_t)now * PM_TMR_HZ / 1000000000);
        qtest_outw(pc.s, PM1_STS, PM1_TMR);
        qtest_outw(pc.s, PM1_EN, PM1_TMR);
        qtest_clock_set(pc.s, pm_ticks_ns((1 << 23) - 10));
        g_assert_cmphex(qtest_inl(pc.s, PM_TMR), ==, (1 << 23) - 10);
        g_assert_cmphex(qtest_inw(pc.s, PM1_STS) & PM1_TMR, ==, 0);
        g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
        qtest_clock_set(pc.s, pm_ticks_ns((1 << 23) + 10));
        g_assert_true(qtest_get_irq(pc.s, SCI_GSI));
        g_assert_cmphex(qtest_inw(pc.s, PM1_STS) & PM1_TMR, ==, PM1_TMR);
        qtest_outw(pc.s, PM1_STS, PM1_TMR);
        g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
        qtest_clock_set(pc.s, pm_ticks_ns((1 << 24) + 10));
        g_assert_cmphex(qtest_inl(pc.s, PM_TMR), ==, 10);
        g_assert_true(qtest_get_irq(pc.s, SCI_GSI));
        qtest_outw(pc.s, PM1_EN, 0);
        g_assert_false(qtest_get_irq(pc.s, SCI_GSI));
    }
    pc_stop(&pc);
}

static void assert_cause(QDict *event, const char *reason)
{
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "reason"), ==, reason);
    g_assert_true(qdict_get_bool(data, "guest"));
    qobject_unref(event);
}

static void check_soft_off(const char *machine, uint16_t type)
{
    Pc pc = pm_start(machine);

    qtest_outw(pc.s, PM1_CNT, type << 10);          /* without SLP_EN it is only a value */
    g_assert_cmphex(qtest_inw(pc.s, PM1_CNT), ==, type << 10);
    qtest_outw(pc.s, PM1_CNT, type << 10 | PM1_SLP_EN);
    assert_cause(qtest_qmp_eventwait_ref(pc.s, "SHUTDOWN"), "guest-shutdown");
    qtest_wait_qemu(pc.s);
    pc_stop(&pc);
}

/* Type 0 is S5; 2 is S4, when the guest has saved itself, and off as well. */
static void test_soft_off(const void *machine)
{
    check_soft_off(machine, 0);
    check_soft_off(machine, 2);
}

/* ---- reset ---- */

/* Something that a guest sets and every reset takes away. */
static void dirty(Pc *pc)
{
    config_write(pc, pc->q35 ? 31 : 1, 0, 0x60, 10);
    qtest_outb(pc->s, 0x21, 0xa5);
    qtest_outb(pc->s, 0xcf9, 2);
}

static void assert_reset(Pc *pc, const char *how)
{
    g_test_message("%s", how);
    assert_cause(qtest_qmp_eventwait_ref(pc->s, "RESET"), "guest-reset");
    g_assert_cmphex(config_read(pc, pc->q35 ? 31 : 1, 0, 0x60), ==, 0x80);
    g_assert_cmphex(qtest_inb(pc->s, 0x21), ==, 0);
    g_assert_cmphex(qtest_inb(pc->s, 0xcf9), ==, 0);
    dirty(pc);
}

static void test_reset(const void *machine)
{
    static const struct {
        uint16_t port;
        uint8_t value;
        const char *how;
    } ways[] = {
        { 0xcf9, 0x06, "0xcf9: hard" }, { 0xcf9, 0x0e, "0xcf9: full" },
        { 0xcf9, 0x04, "0xcf9: soft" },
        { 0x64, 0xfe, "keyboard controller: pulse" }, { 0x64, 0xf0, "keyboard controller: all" },
        { 0x92, 0x01, "port 0x92" }, { 0x92, 0x03, "port 0x92 with A20" },
    };
    Pc pc = pc_start(machine, "");

    dirty(&pc);
    g_assert_cmphex(qtest_inb(pc.s, 0xcf9), ==, 2);
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        qtest_outb(pc.s, ways[i].port, ways[i].value);
        assert_reset(&pc, ways[i].how);
    }
    qtest_outb(pc.s, 0x64, 0xd1);
    qtest_outb(pc.s, 0x60, 0xfe);
    assert_reset(&pc, "keyboard controller: output port");
    /* and what looks like it but is not */
    qtest_outb(pc.s, 0xcf9, 0x0a);
    qtest_outb(pc.s, 0x64, 0xff);
    qtest_outb(pc.s, 0x92, 0x02);
    qtest_outb(pc.s, 0x64, 0xd1);
    qtest_outb(pc.s, 0x60, 0xdf);
    g_assert_cmphex(qtest_inb(pc.s, 0x21), ==, 0xa5);
    g_assert_null(qtest_qmp_event_ref(pc.s, "RESET"));
    pc_stop(&pc);
}

/* ---- address space ---- */

static void test_holes(const void *machine)
{
    static const uint64_t holes[] = {
        0x8000000, 0x10000000, 0xb0000000, 0xc0000000, 0xe0000000, 0xfeb00000, 0xfec01000,
        0x100000000, 0x17ffffffc, 0x8000000000,
    };
    Pc pc = pc_start(machine, "");

    qtest_writel(pc.s, 0x7fffffc, 0x12345678);
    g_assert_cmphex(qtest_readl(pc.s, 0x7fffffc), ==, 0x12345678);
    for (size_t i = 0; i < G_N_ELEMENTS(holes); i++) {
        qtest_writel(pc.s, holes[i], 0x12345678);
        if (qtest_readl(pc.s, holes[i]) != 0) {
            g_error("0x%" PRIx64 " reads 0x%x", holes[i], qtest_readl(pc.s, holes[i]));
        }
    }
    g_assert_cmphex(qtest_inb(pc.s, 0x5000), ==, 0xff);
    g_assert_cmphex(qtest_inl(pc.s, 0x5000), ==, UINT32_MAX);
    pc_stop(&pc);
}

/* RAM below and above the hole under 4 GiB. */
static void test_split_ram(const void *machine)
{
    bool q35 = g_str_equal(machine, "q35");
    QTestState *s = qtest_initf("-nodefaults -machine %s -m 4G", (const char *)machine);
    uint64_t low = q35 ? 0x80000000 : 0xc0000000;
    uint64_t high = 0x100000000 + (0x100000000 - low);

    qtest_writel(s, low - 4, 0x11111111);
    qtest_writel(s, low, 0x22222222);
    qtest_writel(s, 0x100000000, 0x33333333);
    qtest_writel(s, high - 4, 0x44444444);
    qtest_writel(s, high, 0x55555555);
    g_assert_cmphex(qtest_readl(s, low - 4), ==, 0x11111111);
    g_assert_cmphex(qtest_readl(s, low), ==, 0);
    g_assert_cmphex(qtest_readl(s, 0x100000000), ==, 0x33333333);
    g_assert_cmphex(qtest_readl(s, high - 4), ==, 0x44444444);
    g_assert_cmphex(qtest_readl(s, high), ==, 0);
    qtest_quit(s);
}

static void pam_set(Pc *pc, int reg, uint8_t value)
{
    config_write(pc, 0, 0, (pc->q35 ? 0x90 : 0x59) + reg, value);
}

/* Each half register switches its own 16 KiB (the first: 64 KiB), and nothing else. */
static void test_pam(const void *machine)
{
    Pc pc = pc_start(machine, "");

    for (int i = 0; i < 7; i++) {
        pam_set(&pc, i, 0x33);
    }
    for (int i = 0; i < 13; i++) {
        qtest_writel(pc.s, 0xc0000 + i * 0x4000, 0xcafe0000 + i);
    }
    for (int i = 0; i < 13; i++) {
        int reg = i == 12 ? 0 : 1 + i / 2;

        pam_set(&pc, reg, i % 2 || i == 12 ? 0x03 : 0x30);
        for (int j = 0; j < 13; j++) {
            uint32_t value = qtest_readl(pc.s, 0xc0000 + j * 0x4000);

            if ((value == 0xcafe0000 + j) != (i != j)) {
                g_error("segment %d reads 0x%x while %d is off", j, value, i);
            }
        }
        qtest_writel(pc.s, 0xc0000 + i * 0x4000, 0);        /* to no RAM */
        pam_set(&pc, reg, i % 2 || i == 12 ? 0x13 : 0x31);  /* RAM to be read */
        g_assert_cmphex(qtest_readl(pc.s, 0xc0000 + i * 0x4000), ==, 0xcafe0000 + i);
        pam_set(&pc, reg, 0x33);
    }
    pc_stop(&pc);
}

/* Of a reset the registers take no notice, as in QEMU. */
static void test_pam_reset(const void *machine)
{
    Pc pc = pc_start(machine, "");

    pam_set(&pc, 1, 0x33);
    qtest_writel(pc.s, 0xc0000, 0xcafe0000);
    qtest_system_reset(pc.s);
    g_assert_cmphex(config_read(&pc, 0, 0, pc.q35 ? 0x91 : 0x5a), ==, 0x33);
    g_assert_cmphex(qtest_readl(pc.s, 0xc0000), ==, 0xcafe0000);
    pc_stop(&pc);
}

/* D_OPEN shows RAM under the VGA window; D_LCK, of Q35 alone, ends that until a reset. */
static void test_smram(const void *machine)
{
    Pc pc = pc_start(machine, "");
    uint8_t reg = pc.q35 ? 0x9d : 0x72;

    g_assert_cmphex(config_read(&pc, 0, 0, reg), ==, 0x02);
    config_write(&pc, 0, 0, reg, 0x4a);
    g_assert_cmphex(config_read(&pc, 0, 0, reg), ==, 0x4a);
    qtest_writel(pc.s, 0xa0000, 0x77777777);
    qtest_writel(pc.s, 0xbfffc, 0x88888888);
    g_assert_cmphex(qtest_readl(pc.s, 0xa0000), ==, 0x77777777);
    g_assert_cmphex(qtest_readl(pc.s, 0xbfffc), ==, 0x88888888);
    config_write(&pc, 0, 0, reg, 0x1a);
    g_assert_cmphex(config_read(&pc, 0, 0, reg), ==, 0x1a);
    config_write(&pc, 0, 0, reg, 0x4a);
    g_assert_cmphex(config_read(&pc, 0, 0, reg), ==, pc.q35 ? 0x1a : 0x4a);
    qtest_system_reset(pc.s);
    g_assert_cmphex(config_read(&pc, 0, 0, reg), ==, pc.q35 ? 0x02 : 0x4a);
    config_write(&pc, 0, 0, reg, 0x4a);
    g_assert_cmphex(qtest_readl(pc.s, 0xa0000), ==, 0x77777777);
    pc_stop(&pc);
}

#define LOW_RAM (UINT64_C(128) << 20)     /* what RAM says, all below 4 GiB */

/*
 * Marks RAM at @addr, below 4 GiB; whether it is still to be seen; it never changes while hidden.
 */
static void ram_mark(Pc *pc, uint64_t addr)
{
    qtest_writel(pc->s, addr, (uint32_t)(addr ^ 0x5a5a0000));
}

static void assert_ram(Pc *pc, uint64_t addr, bool shown)
{
    g_assert_cmphex(qtest_readl(pc->s, addr), ==, shown ? (addr ^ 0x5a5a0000) : UINT32_MAX);
    if (!shown) {
        qtest_writel(pc->s, addr, 0);
    }
}

/* The last MiB of low RAM are hidden by T_EN with G_SMRAME: 1, 2, 8 or what the property says. */
static void tseg_check(const char *args, unsigned largest)
{
    Pc pc = pc_start("q35", args);
    const unsigned mib[] = { 1, 2, 8, largest };

    for (unsigned i = 0; i < 4; i++) {
        ram_mark(&pc, LOW_RAM - mib[i] * 0x100000);
        ram_mark(&pc, LOW_RAM - mib[i] * 0x100000 - 4);
        ram_mark(&pc, LOW_RAM - 4);
    }
    for (unsigned i = 0; i < 4; i++) {
        uint64_t start = LOW_RAM - mib[i] * 0x100000;

        config_write(&pc, 0, 0, 0x9e, (uint8_t)(i << 1 | 1));
        assert_ram(&pc, start, true);                   /* not without G_SMRAME */
        config_write(&pc, 0, 0, 0x9d, 0x0a);
        assert_ram(&pc, start, false);
        assert_ram(&pc, LOW_RAM - 4, false);
        assert_ram(&pc, start - 4, true);
        config_write(&pc, 0, 0, 0x9d, 0x4a);            /* D_OPEN is about 0xa0000 */
        assert_ram(&pc, start, false);
        config_write(&pc, 0, 0, 0x9e, (uint8_t)(i << 1));
        assert_ram(&pc, start, true);                   /* nor without T_EN */
        assert_ram(&pc, LOW_RAM - 4, true);
        config_write(&pc, 0, 0, 0x9d, 0x02);
    }
    pc_stop(&pc);
}

static void test_tseg(void)
{
    tseg_check("", 16);
    tseg_check("-global mch.extended-tseg-mbytes=32", 32);
}

/* D_LCK keeps it hidden until a reset; the size that software asks for is the property. */
static void test_tseg_lock(void)
{
    Pc pc = pc_start("q35", "-global mch.extended-tseg-mbytes=24");
    uint64_t start = LOW_RAM - 24 * 0x100000;

    pc.bus->config_writew(pc.bus, 0, 0x50, 0xffff);
    g_assert_cmphex(pc.bus->config_readw(pc.bus, 0, 0x50), ==, 24);
    ram_mark(&pc, start);
    config_write(&pc, 0, 0, 0x9e, 0x07);
    config_write(&pc, 0, 0, 0x9d, 0x1a);
    config_write(&pc, 0, 0, 0x9e, 0x00);
    config_write(&pc, 0, 0, 0x9d, 0x02);
    assert_ram(&pc, start, false);
    qtest_system_reset(pc.s);
    assert_ram(&pc, start, true);
    g_assert_cmphex(config_read(&pc, 0, 0, 0x9e), ==, 0x38);
    pc_stop(&pc);
}

/* One that is larger than RAM hides nothing; without a size the register is none. */
static void test_tseg_sizes(void)
{
    Pc pc = pc_start("q35", "-global mch.extended-tseg-mbytes=200");

    ram_mark(&pc, LOW_RAM - 4);
    ram_mark(&pc, 0x100000);
    config_write(&pc, 0, 0, 0x9e, 0x07);
    config_write(&pc, 0, 0, 0x9d, 0x0a);
    assert_ram(&pc, LOW_RAM - 4, true);
    assert_ram(&pc, 0x100000, true);
    pc_stop(&pc);

    pc = pc_start("q35", "-global mch.extended-tseg-mbytes=0");
    pc.bus->config_writew(pc.bus, 0, 0x50, 0xffff);
    g_assert_cmphex(pc.bus->config_readw(pc.bus, 0, 0x50), ==, 0xffff);
    ram_mark(&pc, LOW_RAM - 4);
    config_write(&pc, 0, 0, 0x9e, 0x07);
    config_write(&pc, 0, 0, 0x9d, 0x0a);
    assert_ram(&pc, LOW_RAM - 4, true);
    pc_stop(&pc);
}

/* Taken by 0xff and 2; then 128 KiB are hidden and the register is locked, until a reset. */
static void test_smbase(void)
{
    Pc pc = pc_start("q35", "");
    const uint32_t edges[] = { 0x2fffc, 0x30000, 0x4fffc, 0x50000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(edges); i++) {
        ram_mark(&pc, edges[i]);
    }
    config_write(&pc, 0, 0, 0x9c, 0x02);
    g_assert_cmphex(config_read(&pc, 0, 0, 0x9c), ==, 0);
    config_write(&pc, 0, 0, 0x9c, 0xff);
    g_assert_cmphex(config_read(&pc, 0, 0, 0x9c), ==, 0x01);
    assert_ram(&pc, 0x30000, true);
    config_write(&pc, 0, 0, 0x9c, 0x02);
    config_write(&pc, 0, 0, 0x9c, 0x00);
    g_assert_cmphex(config_read(&pc, 0, 0, 0x9c), ==, 0x02);
    for (unsigned i = 0; i < G_N_ELEMENTS(edges); i++) {
        assert_ram(&pc, edges[i], i == 0 || i == 3);
    }
    qtest_system_reset(pc.s);
    g_assert_cmphex(config_read(&pc, 0, 0, 0x9c), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(edges); i++) {
        assert_ram(&pc, edges[i], true);
    }
    pc_stop(&pc);
}

/* With H_SMRAME, D_OPEN shows the RAM of 0xa0000 at 0xfeda0000. */
static void test_high_smram(void)
{
    Pc pc = pc_start("q35", "");

    config_write(&pc, 0, 0, 0x9d, 0x4a);
    qtest_writel(pc.s, 0xa0000, 0x12345678);
    qtest_writel(pc.s, 0xbfffc, 0x9abcdef0);
    g_assert_cmphex(qtest_readl(pc.s, 0xfeda0000), ==, 0);
    config_write(&pc, 0, 0, 0x9e, 0x80);
    g_assert_cmphex(qtest_readl(pc.s, 0xfeda0000), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(pc.s, 0xfedbfffc), ==, 0x9abcdef0);
    config_write(&pc, 0, 0, 0x9d, 0x0a);
    g_assert_cmphex(qtest_readl(pc.s, 0xfeda0000), ==, 0);
    pc_stop(&pc);
}

/* The window of memory-mapped configuration: its size by bits 2:1, its place, gone by a reset. */
static void test_ecam(void)
{
    Pc pc = pc_start("q35", "");
    const uint32_t base = 0xb0000000, id = 0x29188086, at = QPCI_DEVFN(31, 0) << 12;

    pc.bus->config_writel(pc.bus, 0, 0x60, base | 1);
    g_assert_cmphex(qtest_readl(pc.s, base + at), ==, id);
    g_assert_cmphex(qtest_readl(pc.s, base + 0xff00000), ==, UINT32_MAX);    /* bus 255 */
    pc.bus->config_writel(pc.bus, 0, 0x60, base | 1 << 1 | 1);
    g_assert_cmphex(qtest_readl(pc.s, base + at), ==, id);
    g_assert_cmphex(qtest_readl(pc.s, base + 0x7f00000), ==, UINT32_MAX);
    g_assert_cmphex(qtest_readl(pc.s, base + 0x8000000), ==, 0);
    pc.bus->config_writel(pc.bus, 0, 0x60, 0xe0000000 | 2 << 1 | 1);
    g_assert_cmphex(qtest_readl(pc.s, base + at), ==, 0);
    g_assert_cmphex(qtest_readl(pc.s, 0xe0000000 + at), ==, id);
    g_assert_cmphex(qtest_readl(pc.s, 0xe4000000), ==, 0);
    /* above 4 GiB */
    pc.bus->config_writel(pc.bus, 0, 0x64, 0x8);
    g_assert_cmphex(qtest_readl(pc.s, 0xe0000000 + at), ==, 0);
    g_assert_cmphex(qtest_readl(pc.s, 0x8e0000000 + at), ==, id);
    qtest_system_reset(pc.s);
    g_assert_cmphex(qtest_readl(pc.s, 0x8e0000000 + at), ==, 0);
    g_assert_cmphex(pc.bus->config_readl(pc.bus, 0, 0x60), ==, base);
    pc_stop(&pc);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const void *machine);
    } tests[] = {
        { "intx/routing", test_intx_routing }, { "intx/reroute", test_intx_reroute },
        { "intx/disable", test_intx_disable }, { "bus-master", test_bus_master },
        { "msix", test_msix },
        { "pm/map", test_pm_map }, { "pm/sci-enable", test_sci_enable },
        { "pm/power-button", test_power_button }, { "pm/timer", test_pm_timer },
        { "pm/soft-off", test_soft_off }, { "reset", test_reset },
        { "memory/holes", test_holes }, { "memory/split", test_split_ram },
        { "memory/pam", test_pam }, { "memory/pam-reset", test_pam_reset },
        { "memory/smram", test_smram },
    };
    static const char *const machines[] = { "pc", "q35" };

    g_test_init(&argc, &argv, NULL);
    for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/platform/%s/%s", machines[m], tests[i].name);

            qtest_add_data_func(path, machines[m], tests[i].run);
        }
    }
    qtest_add_func("/platform/q35/memory/ecam", test_ecam);
    qtest_add_func("/platform/q35/memory/tseg", test_tseg);
    qtest_add_func("/platform/q35/memory/tseg-lock", test_tseg_lock);
    qtest_add_func("/platform/q35/memory/tseg-sizes", test_tseg_sizes);
    qtest_add_func("/platform/q35/memory/smbase", test_smbase);
    qtest_add_func("/platform/q35/memory/high-smram", test_high_smram);
    return g_test_run();
}
