/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two host bridges of a PC, i440FX (hw/pci-host/i440fx.c) and Q35 (hw/pci-host/q35.c), and how
 * a machine makes one. Each owns ports 0xcf8/0xcfc, the root bus ("pci.0" or "pcie.0") with the
 * host bridge function at 00.0, and decides what of 0xa0000 to 0xfffff is RAM (PAM and SMRAM
 * registers). At reset the PCI bus is seen there, which has an empty ROM from 0xc0000 on: boot code
 * must program PAM before it writes to 0xc0000 to 0xfffff.
 */
#ifndef HW_PCI_HOST_PC_HOST_H
#define HW_PCI_HOST_PC_HOST_H

#include "hw/pci/pci_host.h"
#include "hw/pci/pci_device.h"

#define TYPE_I440FX_PCI_HOST_BRIDGE "i440FX-pcihost"
#define TYPE_I440FX_PCI_DEVICE "i440FX"
#define TYPE_Q35_HOST_DEVICE "q35-pcihost"
#define TYPE_MCH_PCI_DEVICE "mch"

#define PCI_HOST_PROP_PCI_HOLE_START "pci-hole-start"      /* uint32, 0: none */
#define PCI_HOST_PROP_PCI_HOLE_END "pci-hole-end"
#define PCI_HOST_PROP_PCI_HOLE64_START "pci-hole64-start"  /* uint64 */
#define PCI_HOST_PROP_PCI_HOLE64_END "pci-hole64-end"
#define PCI_HOST_PROP_PCI_HOLE64_SIZE "pci-hole64-size"

/* Addresses a Q35 machine gives the ECAM window when nobody else does: 256 buses. */
#define MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT 0xb0000000u
#define MCH_HOST_BRIDGE_PCIEXBAR_MAX (UINT64_C(1) << 28)
/* Register of mch: bit 0 enable, bits 2:1 length (0: 256 MiB, 1: 128, 2: 64), base from bit 26. */
#define MCH_HOST_BRIDGE_PCIEXBAR 0x60
#define MCH_HOST_BRIDGE_PAM0 0x90
#define I440FX_PAM0 0x59
/* Seven PAM registers. 0x30 in the first and 0x33 in the other six: 0xc0000 to 0xfffff is RAM. */
#define PC_PAM_REGS 7

#define PC_PAM_SEGMENTS 13

/* One segment of 0xc0000 to 0xfffff, 16 KiB each but the last of 64 KiB; one window is enabled. */
typedef struct PAMSegment {
    MemoryRegion ram;       /* RAM: bit 1 of the mode, writes go to RAM */
    MemoryRegion rom;       /* RAM that ignores writes: only bit 0, reads come from RAM */
    MemoryRegion pci;       /* neither: what the PCI bus has there */
} PAMSegment;

/* What of 0xa0000 to 0xfffff the bridge shows as RAM; shared by both bridges. */
typedef struct PCLowMemory {
    PAMSegment pam[PC_PAM_SEGMENTS];
    MemoryRegion empty_rom;       /* 0xc0000 to 0xfffff of the PCI bus */
    MemoryRegion smram_region;    /* 0xa0000 to 0xbffff shown as the PCI bus has it */
} PCLowMemory;

void pc_low_memory_init(PCLowMemory *low, Object *owner, MemoryRegion *system, MemoryRegion *ram,
                        MemoryRegion *pci);
/* Takes over the seven PAM registers at @regs; @smram_open shows RAM at 0xa0000. */
void pc_low_memory_update(PCLowMemory *low, const uint8_t *regs, bool smram_open);

/* What a machine tells its bridge. Regions outlive it. */
typedef struct PCHostConfig {
    MemoryRegion *ram;       /* all RAM, from offset 0: low segments are windows to it */
    MemoryRegion *system;    /* guest physical memory */
    MemoryRegion *io;        /* ports, 64 KiB */
    MemoryRegion *pci;       /* made by the machine, 2^64 bytes; the bridge puts it below system */
    uint64_t below_4g_mem_size;
    uint64_t above_4g_mem_size;
    uint64_t hole64_start;   /* first address above all RAM and device memory, GiB aligned */
} PCHostConfig;

/*
 * Make the host bridge, a child of @machine named "i440fx" or "q35", and realize it. The bus is
 * PCI_HOST_BRIDGE(dev)->bus. Wiring, i440FX (PIRQ A to D; pin INTx of slot s is PIRQ
 * (s + x - 1) % 4, x from 0, and PIIX3 registers 0x60..0x63 give the ISA interrupt):
 *     piix3 = piix3_create(bus, isa_gsis);              hw/isa/piix.h; calls pci_bus_irqs
 * Q35 (PIRQ A to H; GSI 16 + n in APIC mode, LPC registers 0x60..0x63, 0x68..0x6b in PIC mode):
 *     lpc = pci_new_multifunction(PCI_DEVFN(0x1f, 0), TYPE_ICH9_LPC_DEVICE);
 *     qdev_connect_gpio_out_named(DEVICE(lpc), ICH9_GPIO_GSI, n, gsi[n]) for n of 0..23;
 *     pci_realize_and_unref(lpc, bus)                   hw/isa/ich9.h; calls pci_bus_irqs
 * DSDT's _PRT for both: see hw/isa/piix.h and hw/isa/ich9.h.
 */
DeviceState *i440fx_host_create(Object *machine, const PCHostConfig *config);
DeviceState *q35_host_create(Object *machine, const PCHostConfig *config);

#endif /* HW_PCI_HOST_PC_HOST_H */
