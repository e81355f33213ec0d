/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that signal an interrupt: the structure and how one is sent. No function of the
 * platform has the MSI capability, so there is nothing else here; MSI-X is hw/pci/msix.h.
 */
#ifndef HW_PCI_MSI_H
#define HW_PCI_MSI_H

#include "hw/pci/msix.h"

#endif /* HW_PCI_MSI_H */
