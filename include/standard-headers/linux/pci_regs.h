/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of PCI functions (PCI Local Bus 3.0 and PCI Express 6.0): the system's header. */
#ifndef STANDARD_HEADERS_LINUX_PCI_REGS_H
#define STANDARD_HEADERS_LINUX_PCI_REGS_H

#include <linux/pci_regs.h>

#endif /* STANDARD_HEADERS_LINUX_PCI_REGS_H */
