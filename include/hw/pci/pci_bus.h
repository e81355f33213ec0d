/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a PCI bus, for hw/pci/ and host bridges. Only root buses exist: bridges and root
 * ports are not part of the platform, so every function is on bus 0.
 */
#ifndef HW_PCI_PCI_BUS_H
#define HW_PCI_PCI_BUS_H

#include "hw/pci/pci.h"

struct PCIBusClass {
    BusClass parent_class;
};

struct PCIBus {
    BusState qbus;

    bool express;
    uint8_t devfn_min;
    uint32_t slot_reserved_mask;   /* slots that no device is given by itself */
    PCIDevice *devices[PCI_DEVFN_MAX];
    MemoryRegion *address_space_mem;
    MemoryRegion *address_space_io;

    pci_set_irq_fn set_irq;
    pci_map_irq_fn map_irq;
    void *irq_opaque;
    int nirq;
    int *irq_count;                /* per host line: how many pins drive it */
};

#endif /* HW_PCI_PCI_BUS_H */
