/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI-to-PCI bridges: the base of every function with a bus behind it. Configuration accesses reach
 * that bus by the numbers in the bridge's registers (pci_find_device()), memory and port accesses
 * by its three windows, interrupt pins by turning; devices behind it master the bus as others do.
 * Source: PCI-to-PCI Bridge Architecture Specification 1.2, chapter 3. All under the big lock.
 */
#ifndef HW_PCI_PCI_BRIDGE_H
#define HW_PCI_PCI_BRIDGE_H

#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"

#define TYPE_PCI_BRIDGE "base-pci-bridge"
OBJECT_DECLARE_SIMPLE_TYPE(PCIBridge, PCI_BRIDGE)

/* What of the secondary bus' addresses the primary bus sees. */
typedef enum PCIBridgeWindow {
    PCI_BRIDGE_WINDOW_IO,
    PCI_BRIDGE_WINDOW_MEMORY,
    PCI_BRIDGE_WINDOW_PREFETCH,
    PCI_BRIDGE_WINDOWS,
} PCIBridgeWindow;

struct PCIBridge {
    PCIDevice parent_obj;

    const char *bus_type;          /* set before pci_bridge_init(): TYPE_PCI_BUS or _PCIE_BUS */
    PCIBus *sec_bus;
    MemoryRegion sec_mem;          /* all addresses of the secondary bus */
    MemoryRegion sec_io;
    MemoryRegion windows[PCI_BRIDGE_WINDOWS];
};

/* First and last address of a window; false if it is closed or not decoded. */
bool pci_bridge_get_window(const PCIBridge *br, PCIBridgeWindow w, uint64_t *first,
                           uint64_t *last);

/* For realize(), exit(), config_write() and the hold phase of reset of derived types. */
void pci_bridge_init(PCIBridge *br);
void pci_bridge_cleanup(PCIBridge *br);
void pci_bridge_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len);
void pci_bridge_reset(PCIBridge *br);
/* Capability with the subsystem IDs, which a bridge's header has no room for. */
int pci_bridge_ssvid_init(PCIDevice *dev, uint8_t offset, uint16_t vendor, uint16_t id,
                          Error **errp);

#endif /* HW_PCI_PCI_BRIDGE_H */
