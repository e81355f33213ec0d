/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PIIX3, the ISA bridge of an i440FX machine: the ISA bus, PCI interrupts onto ISA ones by the
 * registers 0x60 to 0x63, and the reset control port. Source: Intel 82371SB datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/isa/piix.h"
#include "qapi/error.h"
#include "system/runstate.h"

#define PIIX_RCR_IOPORT 0xcf9
#define PIIX_RCR_RESET 0x04
#define PIIX_RCR_HARD 0x02
#define PIIX_PIRQ_NONE 0x80      /* in a PIRQ register: not routed */

/* The levels of an ISA interrupt: any PIRQ that is routed to it pulls it up. */
static void piix3_set_pic_level(PIIXState *s, int isa_irq, int pirq, bool level)
{
    if (level) {
        s->pic_levels[isa_irq] |= 1 << pirq;
    } else {
        s->pic_levels[isa_irq] &= ~(1 << pirq);
    }
    qemu_set_irq(isa_bus_get_irq(s->isa_bus, isa_irq), s->pic_levels[isa_irq] != 0);
}

static void piix3_route_pirq(PIIXState *s, int pirq, bool level)
{
    uint8_t route = s->dev.config[PIIX_PIRQCA + pirq];

    if (!(route & PIIX_PIRQ_NONE) && route < ISA_NUM_IRQS) {
        piix3_set_pic_level(s, route, pirq, level);
    }
}

static void piix3_set_irq(void *opaque, int pirq, int level)
{
    piix3_route_pirq(opaque, pirq, level);
}

/* Slot and pin to PIRQ: see hw/isa/piix.h. */
static int piix3_map_irq(PCIDevice *dev, int pin)
{
    return (PCI_SLOT(dev->devfn) + pin + PIIX_NUM_PIRQS - 1) % PIIX_NUM_PIRQS;
}

/* A changed route: take the levels from where they were to where they are to be. */
static void piix3_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    PIIXState *s = PIIX3_DEVICE(dev);
    bool routes = ranges_overlap(address, len, PIIX_PIRQCA, PIIX_NUM_PIRQS);

    for (int pirq = 0; routes && pirq < PIIX_NUM_PIRQS; pirq++) {
        piix3_route_pirq(s, pirq, false);
    }
    pci_default_write_config(dev, address, val, len);
    for (int pirq = 0; routes && pirq < PIIX_NUM_PIRQS; pirq++) {
        piix3_route_pirq(s, pirq, pci_bus_get_irq_level(pci_get_bus(dev), pirq));
    }
}

static void piix3_rcr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIXState *s = opaque;

    if (val & PIIX_RCR_RESET) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        return;
    }
    s->rcr = val & PIIX_RCR_HARD;
}

static uint64_t piix3_rcr_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIXState *s = opaque;

    return s->rcr;
}

static const MemoryRegionOps piix3_rcr_ops = {
    .read = piix3_rcr_read,
    .write = piix3_rcr_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* Registers that a reset sets, as a guest of this machine finds them; the others keep theirs. */
static void piix3_reset_hold(Object *obj, ResetType type)
{
    static const struct {
        uint8_t reg;
        uint8_t value;
    } defaults[] = {
        { 0x4c, 0x4d }, { 0x4e, 0x03 }, { 0x4f, 0x00 },
        { 0x60, 0x80 }, { 0x61, 0x80 }, { 0x62, 0x80 }, { 0x63, 0x80 },
        { 0x69, 0x02 }, { 0x70, 0x80 }, { 0x76, 0x0c }, { 0x77, 0x0c },
        { 0x78, 0x02 }, { 0x79, 0x00 }, { 0x80, 0x00 }, { 0x82, 0x00 },
        { 0xa0, 0x08 }, { 0xa2, 0x00 }, { 0xa3, 0x00 }, { 0xa4, 0x00 },
        { 0xa5, 0x00 }, { 0xa6, 0x00 }, { 0xa7, 0x00 }, { 0xa8, 0x0f },
        { 0xaa, 0x00 }, { 0xab, 0x00 }, { 0xac, 0x00 }, { 0xae, 0x00 },
    };
    PIIXState *s = PIIX3_DEVICE(obj);

    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        s->dev.config[defaults[i].reg] = defaults[i].value;
    }
    for (int irq = 0; irq < ISA_NUM_IRQS; irq++) {
        if (s->pic_levels[irq]) {
            s->pic_levels[irq] = 0;
            qemu_set_irq(isa_bus_get_irq(s->isa_bus, irq), 0);
        }
    }
    s->rcr = 0;
}

static void piix3_realize(PCIDevice *dev, Error **errp)
{
    PIIXState *s = PIIX3_DEVICE(dev);
    MemoryRegion *io = pci_address_space_io(dev);

    pci_set_word(dev->config + PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    s->isa_bus = isa_bus_new(DEVICE(dev), io, errp);
    memory_region_init_io(&s->rcr_mem, OBJECT(dev), &piix3_rcr_ops, s, "piix3-reset-control", 1);
    memory_region_add_subregion_overlap(io, PIIX_RCR_IOPORT, &s->rcr_mem, 1);
}

PIIXState *piix3_create(PCIBus *bus, MemoryRegion *io, const qemu_irq *isa_irqs)
{
    PCIDevice *dev = pci_create_simple_multifunction(bus, PCI_DEVFN(1, 0), TYPE_PIIX3_DEVICE);
    PIIXState *s = PIIX3_DEVICE(dev);

    isa_bus_register_input_irqs(s->isa_bus, isa_irqs);
    pci_bus_irqs(bus, piix3_set_irq, s, PIIX_NUM_PIRQS);
    pci_bus_map_irqs(bus, piix3_map_irq);
    return s;
}

static void piix3_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = piix3_realize;
    pc->config_write = piix3_write_config;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = PCI_DEVICE_ID_INTEL_82371SB_0;
    pc->class_id = PCI_CLASS_BRIDGE_ISA;
    dc->desc = "ISA bridge";
    dc->user_creatable = false;
    dc->hotpluggable = false;
    RESETTABLE_CLASS(klass)->phases.hold = piix3_reset_hold;
}

static const TypeInfo piix3_types[] = {
    {
        .name = TYPE_PIIX3_DEVICE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PIIXState),
        .class_init = piix3_class_init,
        .interfaces = (const InterfaceInfo[]) { { INTERFACE_CONVENTIONAL_PCI_DEVICE }, { } },
    },
};
DEFINE_TYPES(piix3_types)
