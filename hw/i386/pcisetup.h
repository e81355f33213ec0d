/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware does to the PCI bus before an operating system sees it: every base address register
 * gets an address, decoding is switched on and the interrupt line register says where INTx goes.
 */
#ifndef HW_I386_PCISETUP_H
#define HW_I386_PCISETUP_H

#include "hw/pci/pci.h"

typedef struct PciSetup {
    PCIBus *bus;
    uint64_t io_first, io_last;       /* ports that may be given out */
    uint64_t mem_first, mem_last;     /* 32-bit MMIO that may be given out */
    /* ISA or I/O APIC interrupt that pin (0 is A) of the slot reaches, for the line register. */
    uint8_t (*irq_line)(unsigned slot, unsigned pin);
} PciSetup;

/* Sets up all functions of bus 0. False with @errp if the windows are too small. */
bool pci_setup(const PciSetup *setup, Error **errp);

#endif /* HW_I386_PCISETUP_H */
