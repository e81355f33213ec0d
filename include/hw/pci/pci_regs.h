/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register offsets and bits of PCI configuration space: the kernel's uapi header, included under
 * the name that device code expects. Source: PCI Local Bus Specification 3.0 chapter 6.
 */
#ifndef HW_PCI_PCI_REGS_H
#define HW_PCI_PCI_REGS_H

#include <linux/pci_regs.h>

#endif /* HW_PCI_PCI_REGS_H */
