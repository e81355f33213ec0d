/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI Express capabilities of a function: the registers, their reset values and masks. What a slot
 * does with its registers is hw/pci/pcie_slot.c. All under the big lock.
 * Source: PCI Express Base Specification 3.0 sections 7.8 (capability), 7.10 (AER), 7.16 (ACS).
 */
#ifndef HW_PCI_PCIE_H
#define HW_PCI_PCIE_H

#include "hw/pci/pci_device.h"

/* Link speeds and widths as registers have them. */
#define PCIE_LINK_SPEED_2_5 1
#define PCIE_LINK_SPEED_16 4
#define PCIE_LINK_WIDTH_1 1
#define PCIE_LINK_WIDTH_32 32

/* In realize: the capability of a root port at @offset; @port is its number. Negative: @errp. */
int pcie_cap_init_root_port(PCIDevice *dev, uint8_t offset, uint8_t port, Error **errp);
/* That of an endpoint, at any place, with function-level reset. */
int pcie_cap_init_endpoint(PCIDevice *dev, Error **errp);
/* Power management capability (PCI Power Management 1.2, section 3.2): D0 to D3hot only. */
int pci_pm_init(PCIDevice *dev, Error **errp);
/* Extended capabilities of a root port at 0x100 and 0x148: AER without and ACS with its controls. */
void pcie_root_port_init_extended(PCIDevice *dev);

#endif /* HW_PCI_PCIE_H */
