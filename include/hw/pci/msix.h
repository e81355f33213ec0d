/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X: a function's table of interrupt messages, each with a mask bit, and an array of pending
 * bits, both in a BAR. A message is a 32-bit write into guest memory by the function itself.
 * Source: PCI Local Bus Specification 3.0 section 6.8.2. All under the big lock.
 */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/pci/pci_device.h"

#define MSIX_ENTRY_MAX 2048

/*
 * Capability, and table and pending bits in the caller's regions at the given offsets. @cap_pos 0:
 * a free place in configuration space. Returns 0, or -EINVAL with @errp.
 */
int msix_init(PCIDevice *dev, unsigned short nentries, MemoryRegion *table_bar,
              uint8_t table_bar_nr, unsigned table_offset, MemoryRegion *pba_bar,
              uint8_t pba_bar_nr, unsigned pba_offset, uint8_t cap_pos, Error **errp);
/* The same in a BAR of its own, a 32-bit one of 4 KiB or more; the table takes its first half. */
int msix_init_exclusive_bar(PCIDevice *dev, unsigned short nentries, uint8_t bar_nr,
                            Error **errp);
void msix_uninit(PCIDevice *dev, MemoryRegion *table_bar, MemoryRegion *pba_bar);
void msix_uninit_exclusive_bar(PCIDevice *dev);

/* Whether the function has the capability / the guest has enabled it. */
int msix_present(PCIDevice *dev);
int msix_enabled(PCIDevice *dev);
bool msix_is_masked(PCIDevice *dev, unsigned vector);
bool msix_is_pending(PCIDevice *dev, unsigned vector);
unsigned msix_nr_vectors_allocated(const PCIDevice *dev);
MSIMessage msix_get_message(PCIDevice *dev, unsigned vector);

/*
 * A vector only sends, or becomes pending, while it is in use: counted, so that several queues may
 * share one. @vector is below the number of entries.
 */
void msix_vector_use(PCIDevice *dev, unsigned vector);
void msix_vector_unuse(PCIDevice *dev, unsigned vector);
void msix_unuse_all_vectors(PCIDevice *dev);
/* Sends vector's message, or makes it pending while masked. Out of range or not in use: nothing. */
void msix_notify(PCIDevice *dev, unsigned vector);

/* Writes @msg into memory as the device; nothing happens while it may not master the bus. */
void msi_send_message(PCIDevice *dev, MSIMessage msg);

#endif /* HW_PCI_MSIX_H */
