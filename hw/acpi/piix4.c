/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PIIX4_PM, the power management function of an i440FX machine: ACPI's registers at the base in
 * register 0x40, general purpose events at 0xafe0, SCI. The SMBus controller of the same function
 * is not part of the platform; its registers keep their values. Source: Intel 82371AB datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/hotplug.h"
#include "hw/core/qdev-properties.h"
#include "hw/isa/piix.h"
#include "qapi/error.h"
#include "system/runstate.h"

#define PIIX4_PM_REVISION 3
#define PIIX4_PM_IO_SIZE 64
#define PIIX4_PM_BASE_MASK 0xffc0
#define PIIX4_GPE_LEN 4
#define PIIX4_DEV_ACTIVITY_B 0x58
#define PIIX4_DEV_RES 0x5f
#define PIIX4_DEV_RES_E 0x63
#define PIIX4_DEV_RES_G 0x67
#define PIIX4_SMB_BASE 0x90
#define PIIX4_SMB_BASE_DEFAULT 0xb100
#define PIIX4_SMB_HOST_CONFIG 0xd2
/* Commands at the APM port by which an OS takes ACPI over and gives it back. */
#define PIIX4_ACPI_ENABLE 0xf1
#define PIIX4_ACPI_DISABLE 0xf0

static void piix4_update_sci(ACPIREGS *ar)
{
    PIIX4PMState *s = container_of(ar, PIIX4PMState, ar);

    qemu_set_irq(s->irq, acpi_regs_sci_level(ar));
}

static void piix4_apm_changed(uint32_t val, void *arg)
{
    PIIX4PMState *s = arg;

    acpi_pm1_cnt_update(&s->ar, val == PIIX4_ACPI_ENABLE, val == PIIX4_ACPI_DISABLE);
}

static void piix4_pm_io_update(PIIX4PMState *s)
{
    uint32_t base = pci_get_long(s->dev.config + PIIX4_PM_BASE_REG);

    memory_region_transaction_begin();
    memory_region_set_enabled(&s->io, s->dev.config[PIIX4_PM_ENABLE_REG] & 1);
    memory_region_set_address(&s->io, base & PIIX4_PM_BASE_MASK);
    memory_region_transaction_commit();
}

static void piix4_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    pci_default_write_config(dev, address, val, len);
    if (ranges_overlap(address, len, PIIX4_PM_ENABLE_REG, 1) ||
        ranges_overlap(address, len, PIIX4_PM_BASE_REG, 4)) {
        piix4_pm_io_update(PIIX4_PM(dev));
    }
}

static void piix4_powerdown(Notifier *n, void *data)
{
    acpi_pm1_evt_power_down(&container_of(n, PIIX4PMState, powerdown_notifier)->ar);
}

static uint64_t piix4_gpe_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PMState *s = opaque;

    return acpi_gpe_ioport_readb(&s->ar, addr);
}

static void piix4_gpe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX4PMState *s = opaque;

    acpi_gpe_ioport_writeb(&s->ar, addr, val);
}

static const MemoryRegionOps piix4_gpe_ops = {
    .read = piix4_gpe_read,
    .write = piix4_gpe_write,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* Before the hold phase, as what leaves need not be reset. */
static void piix4_pm_reset_enter(Object *obj, ResetType type)
{
    acpi_pcihp_reset(&PIIX4_PM(obj)->pcihp);
}

static void piix4_pm_reset_hold(Object *obj, ResetType type)
{
    PIIX4PMState *s = PIIX4_PM(obj);
    uint8_t *config = s->dev.config;

    pci_set_long(config + PIIX4_DEV_ACTIVITY_B, 0);
    config[PIIX4_PM_BASE_REG] = 0x01;
    config[PIIX4_PM_ENABLE_REG] = 0;
    piix4_pm_io_update(s);
    acpi_regs_reset(&s->ar);
}

/* What other devices of the south bridge exist, as far as registers tell: known once all do. */
static void piix4_machine_ready(Notifier *n, void *data)
{
    PIIX4PMState *s = container_of(n, PIIX4PMState, machine_ready);
    MemoryRegion *io = pci_address_space_io(&s->dev);
    uint8_t *config = s->dev.config;

    config[PIIX4_DEV_RES] = (memory_region_present(io, 0x378) ? 0x80 : 0) | 0x10;
    config[PIIX4_DEV_RES_E] = 0x60;
    config[PIIX4_DEV_RES_G] = (memory_region_present(io, 0x3f8) ? 0x08 : 0) |
                              (memory_region_present(io, 0x2f8) ? 0x90 : 0);
}

static void piix4_pm_realize(PCIDevice *dev, Error **errp)
{
    PIIX4PMState *s = PIIX4_PM(dev);
    MemoryRegion *io = pci_address_space_io(dev);

    dev->config[PCI_STATUS] = PCI_STATUS_FAST_BACK;
    dev->config[PCI_STATUS + 1] = PCI_STATUS_DEVSEL_MEDIUM >> 8;
    dev->config[PCI_INTERRUPT_PIN] = 1;
    pci_set_long(dev->config + PIIX4_SMB_BASE, PIIX4_SMB_BASE_DEFAULT | 1);
    dev->config[PIIX4_SMB_HOST_CONFIG] = 0x09;

    apm_init(&s->apm, OBJECT(dev), io, piix4_apm_changed, s);
    memory_region_init(&s->io, OBJECT(dev), "piix4-pm", PIIX4_PM_IO_SIZE);
    memory_region_set_enabled(&s->io, false);
    memory_region_add_subregion(io, 0, &s->io);
    acpi_regs_init(&s->ar, OBJECT(dev), &s->io, piix4_update_sci, PIIX4_GPE_LEN, s->disable_s4,
                   s->s4_val);
    memory_region_init_io(&s->gpe_io, OBJECT(dev), &piix4_gpe_ops, s, "acpi-gpe0",
                          PIIX4_GPE_LEN);
    memory_region_add_subregion(io, PIIX4_PM_GPE_BASE, &s->gpe_io);
    acpi_pcihp_init(&s->pcihp, OBJECT(dev), pci_get_bus(dev), io, PIIX4_PCIHP_BASE, &s->ar,
                    s->pcihp_bridges);

    s->powerdown_notifier.notify = piix4_powerdown;
    qemu_register_powerdown_notifier(&s->powerdown_notifier);
    s->machine_ready.notify = piix4_machine_ready;
    qemu_add_machine_init_done_notifier(&s->machine_ready);
}

static void piix4_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    acpi_pcihp_plug(&PIIX4_PM(handler)->pcihp, dev, errp);
}

static void piix4_unplug_request(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    acpi_pcihp_unplug_request(&PIIX4_PM(handler)->pcihp, dev, errp);
}

static bool piix4_is_hotpluggable_bus(HotplugHandler *handler, BusState *bus)
{
    PIIX4PMState *s = PIIX4_PM(handler);

    return pci_bus_is_root(PCI_BUS(bus)) ? s->pcihp_root : acpi_pcihp_bridge_allows(bus);
}

static void piix4_pm_init(Object *obj)
{
    qdev_init_gpio_out(DEVICE(obj), &PIIX4_PM(obj)->irq, 1);
}

PIIX4PMState *piix4_pm_create(PCIBus *bus, int devfn, qemu_irq sci_irq)
{
    PCIDevice *dev = pci_new(devfn, TYPE_PIIX4_PM);

    qdev_connect_gpio_out(DEVICE(dev), 0, sci_irq);
    pci_realize_and_unref(dev, bus, &error_fatal);
    return PIIX4_PM(dev);
}

static const Property piix4_pm_props[] = {
    DEFINE_PROP_UINT8("disable_s3", PIIX4PMState, disable_s3, 0),
    DEFINE_PROP_UINT8("disable_s4", PIIX4PMState, disable_s4, 0),
    DEFINE_PROP_UINT8("s4_val", PIIX4PMState, s4_val, 2),
    DEFINE_PROP_BOOL("acpi-root-pci-hotplug", PIIX4PMState, pcihp_root, true),
    DEFINE_PROP_BOOL("acpi-pci-hotplug-with-bridge-support", PIIX4PMState, pcihp_bridges, true),
};

static void piix4_pm_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    pc->realize = piix4_pm_realize;
    pc->config_write = piix4_write_config;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = PCI_DEVICE_ID_INTEL_82371AB_3;
    pc->revision = PIIX4_PM_REVISION;
    pc->class_id = PCI_CLASS_BRIDGE_OTHER;
    dc->desc = "PM";
    dc->user_creatable = false;
    dc->hotpluggable = false;
    RESETTABLE_CLASS(klass)->phases.enter = piix4_pm_reset_enter;
    RESETTABLE_CLASS(klass)->phases.hold = piix4_pm_reset_hold;
    device_class_set_props(dc, piix4_pm_props);
    hc->plug = piix4_plug;
    hc->unplug_request = piix4_unplug_request;
    hc->unplug = qdev_simple_device_unplug_cb;
    hc->is_hotpluggable_bus = piix4_is_hotpluggable_bus;
}

static const TypeInfo piix4_pm_types[] = {
    {
        .name = TYPE_PIIX4_PM,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PIIX4PMState),
        .instance_init = piix4_pm_init,
        .class_init = piix4_pm_class_init,
        .interfaces = (const InterfaceInfo[]) {
            { TYPE_HOTPLUG_HANDLER },
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};
DEFINE_TYPES(piix4_pm_types)
