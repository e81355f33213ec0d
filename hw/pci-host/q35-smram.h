/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between q35.c and q35-smram.c: the registers of mch that hide memory for system management mode.
 */
#ifndef HW_PCI_HOST_Q35_SMRAM_H
#define HW_PCI_HOST_Q35_SMRAM_H

#include "hw/pci/pci_device.h"
#include "hw/pci-host/pc-host.h"

#define MCH_EXT_TSEG_DEFAULT 16
#define MCH_EXT_TSEG_MAX 0xfff

typedef struct MCHSmram {
    PCIDevice *mch;
    hwaddr top;                 /* end of RAM below 4 GiB */
    uint16_t ext_tseg_mbytes;   /* the property; MiB */
    MemoryRegion tseg;          /* hides the end of low RAM */
    MemoryRegion smbase;        /* hides the default SMBASE */
    MemoryRegion high;          /* RAM of 0xa0000 at its high place */
} MCHSmram;

/* With mch's realize; false with @errp: ext_tseg_mbytes is too large. Sets reset values. */
bool mch_smram_realize(MCHSmram *s, PCIDevice *mch, Error **errp);
/* The machine's memory is known. */
void mch_smram_attach(MCHSmram *s, const PCHostConfig *config);
void mch_smram_reset(MCHSmram *s);
/*
 * After a write of @len bytes at @address; @old_smbase is what register 0x9c was before. Returns
 * whether mch_smram_is_open() may have changed.
 */
bool mch_smram_written(MCHSmram *s, uint32_t address, int len, uint8_t old_smbase);
uint8_t mch_smram_get_smbase(const MCHSmram *s);
/* Whether RAM is shown at 0xa0000. */
bool mch_smram_is_open(const MCHSmram *s);

#endif /* HW_PCI_HOST_Q35_SMRAM_H */
