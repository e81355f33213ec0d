/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcie-root-port: a port of the root complex with a slot, behind which a device can be plugged and
 * unplugged on a Q35 machine. Its capabilities stand where QEMU's port has them.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "qapi/error.h"

#define ROOT_PORT_DEVICE_ID 0x000c
#define ROOT_PORT_SSVID_OFFSET 0x40
#define ROOT_PORT_EXPRESS_OFFSET 0x54
#define ROOT_PORT_MSIX_VECTORS 1
#define ROOT_PORT_MSIX_BAR 0

/*
 * QEMU's capability by which a bridge asks firmware to leave room behind it
 * (docs/pcie_pci_bridge.txt of its documentation): type 1, then bus numbers, I/O, and memory below
 * 4 GiB, prefetchable below 4 GiB, and 64-bit prefetchable; all ones: no wish.
 */
#define RESERVE_SIZE 0x20
#define RESERVE_TYPE_OFFSET 3
#define RESERVE_TYPE 1
#define RESERVE_BUS_OFFSET 4
#define RESERVE_IO_OFFSET 8
#define RESERVE_IO_SIZE 4096      /* the least window that a bridge has */

/* Firmware would give a slot that does not say it can be plugged no I/O ports: one does ask. */
static bool root_port_add_reservation(PCIDevice *dev, Error **errp)
{
    const PCIESlot *slot = PCIE_SLOT(dev);
    int pos;

    if (!slot->hotplug || slot->native_hotplug) {
        return true;
    }
    pos = pci_add_capability(dev, PCI_CAP_ID_VNDR, 0, RESERVE_SIZE, errp);
    if (pos < 0) {
        return false;
    }
    memset(dev->config + pos + RESERVE_BUS_OFFSET, 0xff, RESERVE_SIZE - RESERVE_BUS_OFFSET);
    dev->config[pos + PCI_CAP_LIST_NEXT + 1] = RESERVE_SIZE;
    dev->config[pos + RESERVE_TYPE_OFFSET] = RESERVE_TYPE;
    pci_set_quad(dev->config + pos + RESERVE_IO_OFFSET, RESERVE_IO_SIZE);
    return true;
}

static void root_port_exit(PCIDevice *dev)
{
    pcie_slot_cleanup(PCIE_SLOT(dev));
    msix_uninit_exclusive_bar(dev);
    pci_bridge_cleanup(PCI_BRIDGE(dev));
}

/* In the order of the list, last first. */
static bool root_port_add_capabilities(PCIDevice *dev, Error **errp)
{
    if (pci_bridge_ssvid_init(dev, ROOT_PORT_SSVID_OFFSET, PCI_VENDOR_ID_REDHAT, 0, errp) < 0 ||
        msix_init_exclusive_bar(dev, ROOT_PORT_MSIX_VECTORS, ROOT_PORT_MSIX_BAR, errp) < 0) {
        return false;
    }
    msix_vector_use(dev, 0);
    if (pcie_cap_init_root_port(dev, ROOT_PORT_EXPRESS_OFFSET, PCIE_PORT(dev)->port, errp) < 0) {
        return false;
    }
    pcie_root_port_init_extended(dev);
    return root_port_add_reservation(dev, errp);
}

static void root_port_realize(PCIDevice *dev, Error **errp)
{
    PCIBridge *br = PCI_BRIDGE(dev);
    PCIBus *bus = pci_get_bus(dev);

    if (!pci_bus_is_root(bus)) {
        error_setg(errp, "a root port is a port of the root complex: its bus cannot be '%s', which "
                   "is behind a bridge", BUS(bus)->name);
        return;
    }
    pci_config_set_interrupt_pin(dev->config, 1);
    br->bus_type = TYPE_PCIE_BUS;
    pci_bridge_init(br);
    if (!root_port_add_capabilities(dev, errp) || !pcie_slot_init(PCIE_SLOT(dev), errp)) {
        root_port_exit(dev);
    }
}

static void root_port_reset_enter(Object *obj, ResetType type)
{
    pcie_slot_reset_enter(PCIE_SLOT(obj));
}

static void root_port_reset_hold(Object *obj, ResetType type)
{
    pci_bridge_reset(PCI_BRIDGE(obj));
    pcie_slot_reset(PCIE_SLOT(obj));
}

static void root_port_instance_init(Object *obj)
{
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
}

static void root_port_base_class_init(ObjectClass *klass, const void *data)
{
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = root_port_realize;
    pc->exit = root_port_exit;
    pc->config_read = pcie_slot_read_config;
    pc->config_write = pcie_slot_write_config;
    RESETTABLE_CLASS(klass)->phases.enter = root_port_reset_enter;
    RESETTABLE_CLASS(klass)->phases.hold = root_port_reset_hold;
}

static void root_port_class_init(ObjectClass *klass, const void *data)
{
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->vendor_id = PCI_VENDOR_ID_REDHAT;
    pc->device_id = ROOT_PORT_DEVICE_ID;
    DEVICE_CLASS(klass)->desc = "PCI Express Root Port";
}

static const TypeInfo root_port_types[] = {
    {
        .name = TYPE_PCIE_ROOT_PORT_BASE,
        .parent = TYPE_PCIE_SLOT,
        .abstract = true,
        .instance_init = root_port_instance_init,
        .class_init = root_port_base_class_init,
        .interfaces = (const InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
    {
        .name = TYPE_PCIE_ROOT_PORT,
        .parent = TYPE_PCIE_ROOT_PORT_BASE,
        .class_init = root_port_class_init,
    },
};
DEFINE_TYPES(root_port_types)
