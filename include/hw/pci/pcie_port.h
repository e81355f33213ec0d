/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI Express ports with a slot: a bridge to a bus of one device, and the registers by which a
 * guest's driver and the user plug and unplug it natively (PCI Express Base 3.0, section 6.7).
 * Where ACPI does that (hw/acpi/pcihp.h), it is the hotplug handler of the port's bus in the slot's
 * stead, and the slot's presence and events stay silent.
 */
#ifndef HW_PCI_PCIE_PORT_H
#define HW_PCI_PCIE_PORT_H

#include "hw/core/postponed.h"
#include "hw/pci/pci_bridge.h"

#define TYPE_PCIE_PORT "pcie-port"
OBJECT_DECLARE_SIMPLE_TYPE(PCIEPort, PCIE_PORT)
#define TYPE_PCIE_SLOT "pcie-slot"
OBJECT_DECLARE_SIMPLE_TYPE(PCIESlot, PCIE_SLOT)
#define TYPE_PCIE_ROOT_PORT_BASE "pcie-root-port-base"
#define TYPE_PCIE_ROOT_PORT "pcie-root-port"

struct PCIEPort {
    PCIBridge parent_obj;

    uint8_t port;                  /* property: port number in the link capabilities */
};

struct PCIESlot {
    PCIEPort parent_obj;

    uint8_t chassis;               /* properties: together unique in the machine */
    uint16_t slot;
    bool hotplug;
    bool native_hotplug;           /* the slot says that it can; ACPI may be used in any case */
    bool registered;               /* chassis and slot are taken */
    bool interrupt;                /* an event that the guest wants to be told of stands */
    PostponedWork removal;         /* of what is in it, once the guest has released it */
};

/* Between the capability and a port's realize(), exit(), config accesses and reset. */
bool pcie_slot_init(PCIESlot *s, Error **errp);
void pcie_slot_cleanup(PCIESlot *s);
uint32_t pcie_slot_read_config(PCIDevice *dev, uint32_t address, int len);
void pcie_slot_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len);
/* Before a reset: what the guest has released goes. */
void pcie_slot_reset_enter(PCIESlot *s);
/* After that of the port and of its bus. */
void pcie_slot_reset(PCIESlot *s);

/* For who plugs and unplugs in the slot's stead: switches its power on; nothing else changes. */
void pcie_slot_power_on(PCIESlot *s);

#endif /* HW_PCI_PCIE_PORT_H */
