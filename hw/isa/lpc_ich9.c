/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICH9-LPC, the south bridge of a Q35 machine: ISA bus, interrupt routing for PIC and APIC at the
 * same time, ACPI's registers at PMBASE, the chip configuration registers at RCBA and the reset
 * control port. Source: Intel I/O Controller Hub 9 datasheet (316972) chapters 10 and 13.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/hotplug.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/isa/ich9.h"
#include "hw/pci/pcie_port.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "system/runstate.h"

#define ICH9_REVISION 2
#define ICH9_PMBASE_MASK 0xff80u
#define ICH9_PMBASE_WMASK 0xff87u
#define ICH9_PMBASE_DEFAULT 0x1
#define ICH9_ACPI_CTRL_ENABLE 0x80
#define ICH9_ACPI_CTRL_SCI_MASK 0x07
#define ICH9_PIRQ_NONE 0x80
#define ICH9_PIRQ_IRQ_MASK 0x0f
#define ICH9_PIRQ_GSI_BASE 16
#define ICH9_LPC_EN 0x82
#define ICH9_GEN_PMCON_1_SMI_LOCK 0x10
#define ICH9_RCBA_ENABLE 0x1
#define ICH9_RCBA_BASE_MASK 0xffffc000u
#define ICH9_PMIO_SMI_EN 0x30
#define ICH9_PMIO_SMI_LEN 8
#define ICH9_RST_CNT_IOPORT 0xcf9
#define ICH9_RST_CNT_RESET 0x04
#define ICH9_RST_CNT_WMASK 0x0a
#define ICH9_ACPI_ENABLE 2
#define ICH9_ACPI_DISABLE 3

/* Chip configuration registers. */
#define ICH9_CC_D31IR 0x3140
#define ICH9_CC_DIR_DEFAULT 0x3210       /* INTA to INTD on PIRQ A to D */
#define ICH9_CC_GCS 0x3410
#define ICH9_CC_GCS_DEFAULT 0x20

/* ---- interrupts ------------------------------------------------------------------------------ */

/* The PIRQ of each pin of a slot whose register is at @offset of the chip configuration. */
static void ich9_cc_update_slot(ICH9LPCState *lpc, unsigned slot, unsigned offset)
{
    uint16_t ir = pci_get_word(lpc->chip_config + offset);

    for (int pin = 0; pin < PCI_NUM_PINS; pin++) {
        lpc->irr[slot][pin] = (ir >> (pin * 4)) & (ICH9_LPC_NB_PIRQS - 1);
    }
}

/* Registers of slots 31 and 29 to 25; slot 30 is a bridge's and has none. */
static void ich9_cc_update(void *opaque)
{
    ICH9LPCState *lpc = opaque;
    static const struct {
        uint8_t slot;
        uint16_t offset;
    } dir[] = {
        { 31, ICH9_CC_D31IR }, { 29, 0x3144 }, { 28, 0x3146 }, { 27, 0x3148 }, { 26, 0x314c },
        { 25, 0x3150 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(dir); i++) {
        ich9_cc_update_slot(lpc, dir[i].slot, dir[i].offset);
    }
}

static void ich9_cc_reset(void *opaque)
{
    ICH9LPCState *lpc = opaque;
    uint8_t *cc = lpc->chip_config;

    memset(cc, 0, ICH9_CC_SIZE);
    pci_set_long(cc + ICH9_CC_D31IR, ICH9_CC_DIR_DEFAULT);
    pci_set_long(cc + 0x3144, ICH9_CC_DIR_DEFAULT << 16 | ICH9_CC_DIR_DEFAULT);
    pci_set_long(cc + 0x3148, ICH9_CC_DIR_DEFAULT);
    pci_set_long(cc + 0x314c, ICH9_CC_DIR_DEFAULT);
    pci_set_long(cc + 0x3150, ICH9_CC_DIR_DEFAULT);
    pci_set_long(cc + ICH9_CC_GCS, ICH9_CC_GCS_DEFAULT);
    for (int slot = 0; slot < PCI_SLOT_MAX; slot++) {
        for (int pin = 0; pin < PCI_NUM_PINS; pin++) {
            lpc->irr[slot][pin] = slot == 30 ? 4 + pin : 4 + (slot + pin) % PCI_NUM_PINS;
        }
    }
    ich9_cc_update(lpc);
}

/* The GSI of SCI, by register; reserved values are taken as the default. */
static int ich9_sci_gsi(ICH9LPCState *lpc)
{
    switch (lpc->d.config[ICH9_LPC_ACPI_CTRL] & ICH9_ACPI_CTRL_SCI_MASK) {
    case 1:
        return 10;
    case 2:
        return 11;
    case 4:
        return 20;
    case 5:
        return 21;
    default:
        return 9;
    }
}

static uint8_t ich9_pirq_route(ICH9LPCState *lpc, int pirq)
{
    int reg = pirq < 4 ? ICH9_LPC_PIRQA_ROUT + pirq : ICH9_LPC_PIRQE_ROUT + pirq - 4;

    return lpc->d.config[reg];
}

/* What GSI @gsi must be: SCI, the PIRQ of its number, and for the PIC's the PIRQs routed there. */
static bool ich9_gsi_level(ICH9LPCState *lpc, int gsi)
{
    bool level = lpc->sci_level && gsi == ich9_sci_gsi(lpc);

    for (int pirq = 0; pirq < ICH9_LPC_NB_PIRQS; pirq++) {
        uint8_t route = ich9_pirq_route(lpc, pirq);
        bool here = gsi >= ICH9_PIRQ_GSI_BASE ? gsi == ICH9_PIRQ_GSI_BASE + pirq
                    : !(route & ICH9_PIRQ_NONE) && (route & ICH9_PIRQ_IRQ_MASK) == gsi;

        level |= here && (lpc->pirq_level & (1 << pirq));
    }
    return level;
}

static void ich9_update_gsi(ICH9LPCState *lpc, int gsi)
{
    qemu_set_irq(lpc->gsi[gsi], ich9_gsi_level(lpc, gsi));
}

static void ich9_set_pirq(void *opaque, int pirq, int level)
{
    ICH9LPCState *lpc = opaque;
    uint8_t route = ich9_pirq_route(lpc, pirq);

    if (level) {
        lpc->pirq_level |= 1 << pirq;
    } else {
        lpc->pirq_level &= ~(1 << pirq);
    }
    ich9_update_gsi(lpc, ICH9_PIRQ_GSI_BASE + pirq);
    if (!(route & ICH9_PIRQ_NONE)) {
        ich9_update_gsi(lpc, route & ICH9_PIRQ_IRQ_MASK);
    }
}

static ICH9LPCState *ich9_of_bus(PCIBus *bus)
{
    return ICH9_LPC_DEVICE(pci_find_device(bus, 0, PCI_DEVFN(0x1f, 0)));
}

static int ich9_map_irq(PCIDevice *dev, int pin)
{
    return ich9_of_bus(pci_get_bus(dev))->irr[PCI_SLOT(dev->devfn)][pin];
}

static void ich9_update_sci(ACPIREGS *ar)
{
    ICH9LPCState *lpc = container_of(ar, ICH9LPCState, acpi_regs);
    bool level = acpi_regs_sci_level(ar);

    if (level != lpc->sci_level) {
        lpc->sci_level = level;
        ich9_update_gsi(lpc, ich9_sci_gsi(lpc));
    }
}

/* Lines that routes left may have to fall, others to rise. */
static void ich9_routes_changed(ICH9LPCState *lpc, const bool *was_driven)
{
    for (int gsi = 0; gsi < ICH9_LPC_NB_GSIS; gsi++) {
        bool level = ich9_gsi_level(lpc, gsi);

        if (level != was_driven[gsi]) {
            qemu_set_irq(lpc->gsi[gsi], level);
        }
    }
}

/* ---- registers ------------------------------------------------------------------------------- */

static void ich9_pmbase_update(ICH9LPCState *lpc)
{
    uint32_t base = pci_get_long(lpc->d.config + ICH9_LPC_PMBASE) & ICH9_PMBASE_MASK;

    memory_region_transaction_begin();
    memory_region_set_enabled(&lpc->pm_io, lpc->d.config[ICH9_LPC_ACPI_CTRL] &
                                           ICH9_ACPI_CTRL_ENABLE);
    memory_region_set_address(&lpc->pm_io, base);
    memory_region_transaction_commit();
}

static void ich9_rcba_update(ICH9LPCState *lpc)
{
    uint32_t rcba = pci_get_long(lpc->d.config + ICH9_LPC_RCBA);

    memory_region_transaction_begin();
    memory_region_set_enabled(&lpc->rcrb_mem, rcba & ICH9_RCBA_ENABLE);
    memory_region_set_address(&lpc->rcrb_mem, rcba & ICH9_RCBA_BASE_MASK);
    memory_region_transaction_commit();
}

static void ich9_lpc_write_config(PCIDevice *d, uint32_t address, uint32_t val, int len)
{
    ICH9LPCState *lpc = ICH9_LPC_DEVICE(d);
    bool was_driven[ICH9_LPC_NB_GSIS];

    for (int gsi = 0; gsi < ICH9_LPC_NB_GSIS; gsi++) {
        was_driven[gsi] = ich9_gsi_level(lpc, gsi);
    }
    pci_default_write_config(d, address, val, len);
    ich9_routes_changed(lpc, was_driven);
    if (ranges_overlap(address, len, ICH9_LPC_PMBASE, 4) ||
        ranges_overlap(address, len, ICH9_LPC_ACPI_CTRL, 1)) {
        ich9_pmbase_update(lpc);
    }
    if (ranges_overlap(address, len, ICH9_LPC_RCBA, 4)) {
        ich9_rcba_update(lpc);
    }
    if (d->config[ICH9_LPC_GEN_PMCON_1] & ICH9_GEN_PMCON_1_SMI_LOCK) {
        d->wmask[ICH9_LPC_GEN_PMCON_1] &= ~ICH9_GEN_PMCON_1_SMI_LOCK;
    }
}

static uint64_t ich9_cc_read(void *opaque, hwaddr addr, unsigned len)
{
    ICH9LPCState *lpc = opaque;

    return ldn_le_p(lpc->chip_config + addr, len);
}

static void ich9_cc_write(void *opaque, hwaddr addr, uint64_t val, unsigned len)
{
    ICH9LPCState *lpc = opaque;

    stn_le_p(lpc->chip_config + addr, len, val);
    pci_bus_irqs_rerouted(pci_get_bus(&lpc->d), ich9_cc_update, lpc);
}

static const MemoryRegionOps ich9_cc_ops = {
    .read = ich9_cc_read,
    .write = ich9_cc_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static uint64_t ich9_gpe_read(void *opaque, hwaddr addr, unsigned size)
{
    ICH9LPCState *lpc = opaque;

    return acpi_gpe_ioport_readb(&lpc->acpi_regs, addr);
}

static void ich9_gpe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ICH9LPCState *lpc = opaque;

    acpi_gpe_ioport_writeb(&lpc->acpi_regs, addr, val);
}

static const MemoryRegionOps ich9_gpe_ops = {
    .read = ich9_gpe_read,
    .write = ich9_gpe_write,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* SMI enable at 0 and status at 4: without management mode nothing ever has a status. */
static uint64_t ich9_smi_read(void *opaque, hwaddr addr, unsigned width)
{
    ICH9LPCState *lpc = opaque;

    return addr == 0 ? lpc->smi_en : 0;
}

static void ich9_smi_write(void *opaque, hwaddr addr, uint64_t val, unsigned width)
{
    ICH9LPCState *lpc = opaque;

    if (addr == 0) {
        lpc->smi_en = val;
    }
}

static const MemoryRegionOps ich9_smi_ops = {
    .read = ich9_smi_read,
    .write = ich9_smi_write,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void ich9_rst_cnt_write(void *opaque, hwaddr addr, uint64_t val, unsigned len)
{
    ICH9LPCState *lpc = opaque;

    if (val & ICH9_RST_CNT_RESET) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        return;
    }
    lpc->rst_cnt = val & ICH9_RST_CNT_WMASK;
}

static uint64_t ich9_rst_cnt_read(void *opaque, hwaddr addr, unsigned len)
{
    ICH9LPCState *lpc = opaque;

    return lpc->rst_cnt;
}

static const MemoryRegionOps ich9_rst_cnt_ops = {
    .read = ich9_rst_cnt_read,
    .write = ich9_rst_cnt_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void ich9_apm_changed(uint32_t val, void *arg)
{
    ICH9LPCState *lpc = arg;

    acpi_pm1_cnt_update(&lpc->acpi_regs, val == ICH9_ACPI_ENABLE, val == ICH9_ACPI_DISABLE);
}

static void ich9_powerdown(Notifier *n, void *data)
{
    acpi_pm1_evt_power_down(&container_of(n, ICH9LPCState, powerdown_notifier)->acpi_regs);
}

/* Which legacy devices the bridge passes accesses to: known once all exist. */
static void ich9_machine_ready(Notifier *n, void *data)
{
    ICH9LPCState *lpc = container_of(n, ICH9LPCState, machine_ready);
    MemoryRegion *io = pci_address_space_io(&lpc->d);

    if (memory_region_present(io, 0x3f8)) {
        lpc->d.config[ICH9_LPC_EN] |= 0x01;
    }
    if (memory_region_present(io, 0x2f8)) {
        lpc->d.config[ICH9_LPC_EN] |= 0x02;
    }
    if (memory_region_present(io, 0x378)) {
        lpc->d.config[ICH9_LPC_EN] |= 0x04;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Before the hold phase, in which ports see whether there is a device in their slots. */
static void ich9_lpc_reset_enter(Object *obj, ResetType type)
{
    ICH9LPCState *lpc = ICH9_LPC_DEVICE(obj);

    if (lpc->pcihp_bridges) {
        acpi_pcihp_reset(&lpc->pcihp);
    }
}

static void ich9_lpc_reset_hold(Object *obj, ResetType type)
{
    ICH9LPCState *lpc = ICH9_LPC_DEVICE(obj);
    uint8_t *config = lpc->d.config;

    memset(config + ICH9_LPC_PIRQA_ROUT, ICH9_PIRQ_NONE, 4);
    memset(config + ICH9_LPC_PIRQE_ROUT, ICH9_PIRQ_NONE, 4);
    config[ICH9_LPC_ACPI_CTRL] = 0;
    pci_set_long(config + ICH9_LPC_PMBASE, ICH9_PMBASE_DEFAULT);
    pci_set_long(config + ICH9_LPC_RCBA, 0);
    pci_bus_irqs_rerouted(pci_get_bus(&lpc->d), ich9_cc_reset, lpc);
    ich9_pmbase_update(lpc);
    ich9_rcba_update(lpc);
    lpc->smi_en = 0;
    lpc->rst_cnt = 0;
    acpi_regs_reset(&lpc->acpi_regs);
    for (int gsi = 0; gsi < ICH9_LPC_NB_GSIS; gsi++) {
        ich9_update_gsi(lpc, gsi);
    }
}

static void ich9_lpc_init_acpi(ICH9LPCState *lpc, MemoryRegion *io)
{
    Object *owner = OBJECT(lpc);

    memory_region_init(&lpc->pm_io, owner, "ich9-pm", ICH9_PMIO_SIZE);
    memory_region_set_enabled(&lpc->pm_io, false);
    memory_region_add_subregion(io, 0, &lpc->pm_io);
    acpi_regs_init(&lpc->acpi_regs, owner, &lpc->pm_io, ich9_update_sci, ICH9_PMIO_GPE0_LEN,
                   lpc->disable_s4, lpc->s4_val);
    memory_region_init_io(&lpc->gpe_io, owner, &ich9_gpe_ops, lpc, "acpi-gpe0",
                          ICH9_PMIO_GPE0_LEN);
    memory_region_add_subregion(&lpc->pm_io, ICH9_PMIO_GPE0_STS, &lpc->gpe_io);
    memory_region_init_io(&lpc->smi_io, owner, &ich9_smi_ops, lpc, "acpi-smi",
                          ICH9_PMIO_SMI_LEN);
    memory_region_add_subregion(&lpc->pm_io, ICH9_PMIO_SMI_EN, &lpc->smi_io);
    apm_init(&lpc->apm, owner, io, ich9_apm_changed, lpc);
}

static void ich9_lpc_realize(PCIDevice *d, Error **errp)
{
    ICH9LPCState *lpc = ICH9_LPC_DEVICE(d);
    MemoryRegion *io = pci_address_space_io(d);

    lpc->isa_bus = isa_bus_new(DEVICE(d), io, errp);
    pci_set_long(d->wmask + ICH9_LPC_PMBASE, ICH9_PMBASE_WMASK);
    pci_set_long(d->config + ICH9_LPC_PMBASE, ICH9_PMBASE_DEFAULT);
    ich9_cc_reset(lpc);
    ich9_lpc_init_acpi(lpc, io);

    memory_region_init_io(&lpc->rcrb_mem, OBJECT(d), &ich9_cc_ops, lpc, "lpc-rcrb-mmio",
                          ICH9_CC_SIZE);
    memory_region_set_enabled(&lpc->rcrb_mem, false);
    memory_region_add_subregion_overlap(get_system_memory(), 0, &lpc->rcrb_mem, 1);
    memory_region_init_io(&lpc->rst_cnt_mem, OBJECT(d), &ich9_rst_cnt_ops, lpc,
                          "lpc-reset-control", 1);
    memory_region_add_subregion_overlap(io, ICH9_RST_CNT_IOPORT, &lpc->rst_cnt_mem, 1);
    if (lpc->pcihp_bridges) {
        acpi_pcihp_init(&lpc->pcihp, OBJECT(d), pci_get_bus(d), io, ICH9_PCIHP_BASE,
                        &lpc->acpi_regs, true);
    }

    lpc->powerdown_notifier.notify = ich9_powerdown;
    qemu_register_powerdown_notifier(&lpc->powerdown_notifier);
    lpc->machine_ready.notify = ich9_machine_ready;
    qemu_add_machine_init_done_notifier(&lpc->machine_ready);
}

/* ---- hotplug --------------------------------------------------------------------------------- */

/* Ports of machine version 6.1 do not say that they can hotplug, so that nobody else tries. */
static void ich9_pre_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    if (!ICH9_LPC_DEVICE(handler)->keep_slot_hpc &&
        object_dynamic_cast(OBJECT(dev), TYPE_PCIE_SLOT)) {
        PCIE_SLOT(dev)->native_hotplug = false;
    }
}

static void ich9_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    acpi_pcihp_plug(&ICH9_LPC_DEVICE(handler)->pcihp, dev, errp);
}

static void ich9_unplug_request(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    acpi_pcihp_unplug_request(&ICH9_LPC_DEVICE(handler)->pcihp, dev, errp);
}

/* Functions of the root complex come with the machine. */
static bool ich9_is_hotpluggable_bus(HotplugHandler *handler, BusState *bus)
{
    return !pci_bus_is_root(PCI_BUS(bus)) && acpi_pcihp_bridge_allows(bus);
}

static void ich9_lpc_init(Object *obj)
{
    qdev_init_gpio_out_named(DEVICE(obj), ICH9_LPC_DEVICE(obj)->gsi, ICH9_GPIO_GSI,
                             ICH9_LPC_NB_GSIS);
}

ICH9LPCState *ich9_lpc_create(PCIBus *bus, MemoryRegion *io, const qemu_irq *gsis)
{
    PCIDevice *dev = pci_new_multifunction(PCI_DEVFN(0x1f, 0), TYPE_ICH9_LPC_DEVICE);
    ICH9LPCState *lpc = ICH9_LPC_DEVICE(dev);

    for (int gsi = 0; gsi < ICH9_LPC_NB_GSIS; gsi++) {
        qdev_connect_gpio_out_named(DEVICE(dev), ICH9_GPIO_GSI, gsi, gsis[gsi]);
    }
    pci_realize_and_unref(dev, bus, &error_fatal);
    isa_bus_register_input_irqs(lpc->isa_bus, gsis);
    pci_bus_irqs(bus, ich9_set_pirq, lpc, ICH9_LPC_NB_PIRQS);
    pci_bus_map_irqs(bus, ich9_map_irq);
    return lpc;
}

static const Property ich9_lpc_props[] = {
    DEFINE_PROP_UINT8("disable_s3", ICH9LPCState, disable_s3, 0),
    DEFINE_PROP_UINT8("disable_s4", ICH9LPCState, disable_s4, 0),
    DEFINE_PROP_UINT8("s4_val", ICH9LPCState, s4_val, 2),
    DEFINE_PROP_BOOL("acpi-pci-hotplug-with-bridge-support", ICH9LPCState, pcihp_bridges, true),
    DEFINE_PROP_BOOL("x-keep-pci-slot-hpc", ICH9LPCState, keep_slot_hpc, true),
};

static void ich9_lpc_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    pc->realize = ich9_lpc_realize;
    pc->config_write = ich9_lpc_write_config;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = PCI_DEVICE_ID_INTEL_ICH9_8;
    pc->revision = ICH9_REVISION;
    pc->class_id = PCI_CLASS_BRIDGE_ISA;
    dc->desc = "ICH9 LPC bridge";
    dc->user_creatable = false;
    dc->hotpluggable = false;
    RESETTABLE_CLASS(klass)->phases.enter = ich9_lpc_reset_enter;
    RESETTABLE_CLASS(klass)->phases.hold = ich9_lpc_reset_hold;
    device_class_set_props(dc, ich9_lpc_props);
    hc->pre_plug = ich9_pre_plug;
    hc->plug = ich9_plug;
    hc->unplug_request = ich9_unplug_request;
    hc->unplug = qdev_simple_device_unplug_cb;
    hc->is_hotpluggable_bus = ich9_is_hotpluggable_bus;
}

static const TypeInfo ich9_lpc_types[] = {
    {
        .name = TYPE_ICH9_LPC_DEVICE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(ICH9LPCState),
        .instance_init = ich9_lpc_init,
        .class_init = ich9_lpc_class_init,
        .interfaces = (const InterfaceInfo[]) {
            { TYPE_HOTPLUG_HANDLER },
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};
DEFINE_TYPES(ich9_lpc_types)
