/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware does to PCI buses before an operating system sees them: every bus behind a bridge
 * gets a number, every base address register an address, every bridge the windows that lead to
 * those behind it, with room for a device that is plugged later; decoding is switched on and the
 * interrupt line register says where INTx goes.
 */
#ifndef HW_I386_PCISETUP_H
#define HW_I386_PCISETUP_H

#include "hw/pci/pci.h"

typedef struct PciSetup {
    PCIBus *bus;
    uint64_t io_first, io_last;       /* ports that may be given out */
    uint64_t mem_first, mem_last;     /* 32-bit MMIO that may be given out */
    /* ISA or I/O APIC interrupt that pin (0 is A) of the root bus' slot reaches. */
    uint8_t (*irq_line)(unsigned slot, unsigned pin);
} PciSetup;

/*
 * Sets up all functions of root bus @setup->bus and behind it. *@last_bus is then the greatest bus
 * number. False with @errp if the windows are too small.
 */
bool pci_setup(const PciSetup *setup, uint8_t *last_bus, Error **errp);

#endif /* HW_I386_PCISETUP_H */
