/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI hotplug of PCI devices: see hw/acpi/pcihp.h for the registers. device_add sets a bit in
 * "up", device_del one in "down", each followed by an event; the guest's eject, a system reset in
 * its stead, takes the slot's devices away.
 */
#include "qemu/osdep.h"
#include "hw/acpi/pcihp.h"
#include "hw/core/hotplug.h"
#include "hw/pci/pcie_port.h"
#include "qapi/error.h"

/* A guest may have missed an event, and another does no harm: as soon as time passes. */
#define ACPI_AGAIN_MS 1

/* ---- buses ----------------------------------------------------------------------------------- */

static bool pcihp_handles(AcpiPciHp *s, PCIBus *bus)
{
    BusState *qbus = BUS(bus);

    return (Object *)qbus->hotplug_handler == s->owner && qbus_is_hotpluggable(qbus);
}

/* A bus before those behind it, newest first: QEMU's order. @nr counts down to the bus wanted. */
static PCIBus *pcihp_find_bus(AcpiPciHp *s, PCIBus *bus, unsigned *nr)
{
    PCIBus *child, *found = NULL;

    if (pcihp_handles(s, bus) && (*nr)-- == 0) {
        return bus;
    }
    QLIST_FOREACH(child, &bus->child, sibling) {
        found = pcihp_find_bus(s, child, nr);
        if (found) {
            break;
        }
    }
    return found;
}

PCIBus *acpi_pcihp_bus(AcpiPciHp *s, unsigned n)
{
    return n < ACPI_PCIHP_MAX_BUSES ? pcihp_find_bus(s, s->root, &n) : NULL;
}

/* Bridges are not hotpluggable, so a bus keeps its number. */
static AcpiPciHpBus *pcihp_registers_of(AcpiPciHp *s, PCIBus *bus)
{
    PCIBus *other;

    for (unsigned n = 0; (other = acpi_pcihp_bus(s, n)); n++) {
        if (other == bus) {
            return &s->buses[n];
        }
    }
    return NULL;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool pcihp_device_may_go(PCIDevice *dev)
{
    return DEVICE_GET_CLASS(dev)->hotpluggable;
}

uint32_t acpi_pcihp_removable(PCIBus *bus)
{
    uint32_t slots = UINT32_MAX;

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (bus->devices[devfn] && !pcihp_device_may_go(bus->devices[devfn])) {
            slots &= ~(1u << PCI_SLOT(devfn));
        }
    }
    return slots;
}

static void pcihp_eject_slot(PCIBus *bus, unsigned slot)
{
    for (unsigned func = 0; func < PCI_FUNC_MAX; func++) {
        PCIDevice *dev = bus->devices[PCI_DEVFN(slot, func)];

        if (dev && pcihp_device_may_go(dev)) {
            DeviceState *qdev = &dev->qdev;

            hotplug_handler_unplug(qdev_get_hotplug_handler(qdev), qdev, &error_abort);
            object_unparent(OBJECT(qdev));
        }
    }
}

/* @slots of bus @n: for the guest they are empty from now on. */
static void pcihp_eject(AcpiPciHp *s, unsigned n, uint32_t slots)
{
    if (!slots) {
        return;
    }
    s->buses[n].up &= ~slots;
    s->buses[n].down &= ~slots;
    s->buses[n].ejected |= slots;
    postponed_work_schedule(&s->ejection);
}

static void pcihp_remove_ejected(void *opaque)
{
    AcpiPciHp *s = opaque;

    for (unsigned n = 0; n < ACPI_PCIHP_MAX_BUSES; n++) {
        while (s->buses[n].ejected) {
            unsigned slot = ctz32(s->buses[n].ejected);
            PCIBus *bus = acpi_pcihp_bus(s, n);

            s->buses[n].ejected &= ~(1u << slot);
            if (bus) {
                pcihp_eject_slot(bus, slot);
            }
        }
    }
}

void acpi_pcihp_reset(AcpiPciHp *s)
{
    for (unsigned n = 0; n < ACPI_PCIHP_MAX_BUSES; n++) {
        pcihp_eject(s, n, s->buses[n].down);
    }
    postponed_work_finish(&s->ejection);
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint32_t pcihp_take_up(AcpiPciHpBus *regs)
{
    uint32_t up = regs->up;

    regs->up = 0;
    return up;
}

static uint64_t pcihp_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPciHp *s = opaque;
    PCIBus *bus;

    if (s->select >= ACPI_PCIHP_MAX_BUSES) {
        return 0;
    }
    switch (addr) {
    case ACPI_PCIHP_UP:
        return pcihp_take_up(&s->buses[s->select]);
    case ACPI_PCIHP_DOWN:
        return s->buses[s->select].down;
    case ACPI_PCIHP_REMOVABLE:
        bus = acpi_pcihp_bus(s, s->select);
        return bus ? acpi_pcihp_removable(bus) : UINT32_MAX;
    case ACPI_PCIHP_SELECT:
        return s->select;
    default:
        return 0;
    }
}

static void pcihp_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    AcpiPciHp *s = opaque;

    if (addr == ACPI_PCIHP_SELECT) {
        s->select = val;
    } else if (addr == ACPI_PCIHP_EJECT && s->select < ACPI_PCIHP_MAX_BUSES) {
        pcihp_eject(s, s->select, val & -val);  /* the lowest bit; firmware writes one */
    }
}

static const MemoryRegionOps pcihp_ops = {
    .read = pcihp_read,
    .write = pcihp_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 4 },
};

/* ---- for the owner --------------------------------------------------------------------------- */

bool acpi_pcihp_bridge_allows(BusState *bus)
{
    PCIDevice *bridge = PCI_BUS(bus)->parent_dev;

    return !object_dynamic_cast(OBJECT(bridge), TYPE_PCIE_SLOT) || PCIE_SLOT(bridge)->hotplug;
}

/* A bridge that comes with the machine: what is plugged behind it is ours then, not the slot's. */
static void pcihp_plug_bridge(AcpiPciHp *s, PCIDevice *dev)
{
    if (s->bridges) {
        qbus_set_hotplug_handler(BUS(PCI_BRIDGE(dev)->sec_bus), s->owner);
    }
}

void acpi_pcihp_plug(AcpiPciHp *s, DeviceState *qdev, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIBus *bus = pci_get_bus(dev);
    AcpiPciHpBus *regs;

    if (object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE)) {
        pcihp_plug_bridge(s, dev);
        return;
    }
    if (!qdev->hotplugged) {
        return;
    }
    if (bus->parent_dev && object_dynamic_cast(OBJECT(bus->parent_dev), TYPE_PCIE_SLOT)) {
        pcie_slot_power_on(PCIE_SLOT(bus->parent_dev));
    }
    regs = pcihp_registers_of(s, bus);
    if (regs) {
        regs->up |= 1u << PCI_SLOT(dev->devfn);
        acpi_send_gpe_event(s->ar, ACPI_PCIHP_GPE);
    }
}

void acpi_pcihp_unplug_request(AcpiPciHp *s, DeviceState *qdev, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    AcpiPciHpBus *regs = pcihp_registers_of(s, pci_get_bus(dev));

    if (!regs) {
        error_setg(errp, "Bus '%s' does not support hotplugging", BUS(pci_get_bus(dev))->name);
        return;
    }
    qdev_unplug_pending(qdev, ACPI_AGAIN_MS);
    regs->down |= 1u << PCI_SLOT(dev->devfn);
    acpi_send_gpe_event(s->ar, ACPI_PCIHP_GPE);
}

void acpi_pcihp_init(AcpiPciHp *s, Object *owner, PCIBus *root, MemoryRegion *io, uint16_t base,
                     ACPIREGS *ar, bool bridges)
{
    s->owner = owner;
    s->root = root;
    s->ar = ar;
    s->bridges = bridges;
    postponed_work_init(&s->ejection, pcihp_remove_ejected, s);
    memory_region_init_io(&s->io, owner, &pcihp_ops, s, "acpi-pci-hotplug", ACPI_PCIHP_SIZE);
    memory_region_add_subregion(io, base, &s->io);
    qbus_set_hotplug_handler(BUS(root), owner);
}
