/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a PCI bus, for hw/pci/, host bridges and hw/acpi/pcihp.c. A root bus is a host
 * bridge's and has number 0; any other is the secondary bus of the bridge parent_dev, and has the
 * number that the guest has written into that bridge.
 */
#ifndef HW_PCI_PCI_BUS_H
#define HW_PCI_PCI_BUS_H

#include "hw/pci/pci.h"

struct PCIBusClass {
    BusClass parent_class;
};

struct PCIBus {
    BusState qbus;

    PCIDevice *parent_dev;         /* NULL: a root bus */
    QLIST_HEAD(, PCIBus) child;    /* secondary buses of the bridges on it, newest first */
    QLIST_ENTRY(PCIBus) sibling;

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
    int *irq_count;                /* per host line: how many pins drive it; root buses only */
};

#endif /* HW_PCI_PCI_BUS_H */
