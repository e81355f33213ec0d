/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about PCI, of both monitors, share. */
#ifndef MONITOR_PCI_INFO_H
#define MONITOR_PCI_INFO_H

#include "hw/pci/pci_device.h"

/* The name of the function's class, or NULL if it has none here. */
const char *pci_class_name(const PCIDevice *dev);

#endif /* MONITOR_PCI_INFO_H */
