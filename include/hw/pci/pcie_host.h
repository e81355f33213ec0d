/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name under which the PCI Express host bridge is included elsewhere; see hw/pci/pci_host.h.
 */
#ifndef HW_PCI_PCIE_HOST_H
#define HW_PCI_PCIE_HOST_H

#include "hw/pci/pci_host.h"

#endif /* HW_PCI_PCIE_HOST_H */
