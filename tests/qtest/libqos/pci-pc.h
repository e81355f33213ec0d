/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bus 0 of a PC, by ports 0xcf8/0xcfc, which i440FX and Q35 both have. BARs
 * go to ports 0xc000-0xffff and to memory 0xe0000000-0xfebfffff.
 */
#ifndef LIBQOS_PCI_PC_H
#define LIBQOS_PCI_PC_H

#include "pci.h"
#include "libqos-malloc.h"

/* alloc is not used by a PC and may be NULL. */
QPCIBus *qpci_new_pc(QTestState *qts, QGuestAllocator *alloc);
void qpci_free_pc(QPCIBus *bus);

#endif
