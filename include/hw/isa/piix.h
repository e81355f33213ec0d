/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The south bridge of an i440FX machine: PIIX3, function 01.0, with the ISA bus, the routing of PCI
 * interrupts and the reset control port 0xcf9; and PIIX4_PM, function 01.3, ACPI's registers.
 * Source: Intel 82371SB and 82371AB (PIIX4) datasheets.
 *
 * Interrupt routing, for _PRT: pin x (0: INTA) of slot s is PIRQ (s + x - 1) mod 4, that is slot 0
 * D A B C, slot 1 A B C D, slot 2 B C D A, ... PIRQ n goes to the ISA interrupt in register
 * 0x60 + n of PIIX3; bit 7 set means to none, which is the reset value. In APIC mode the same
 * GSI as the ISA interrupt, level-triggered, active high; for the PIC set ELCR (0x4d0, 0x4d1).
 */
#ifndef HW_ISA_PIIX_H
#define HW_ISA_PIIX_H

#include "hw/acpi/acpi.h"
#include "hw/acpi/pcihp.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci_device.h"

#define PIIX_NUM_PIRQS 4
#define PIIX_PIRQCA 0x60            /* PIRQ A to D, one byte each */
#define TYPE_PIIX3_DEVICE "PIIX3"
#define TYPE_PIIX4_PM "PIIX4_PM"
OBJECT_DECLARE_SIMPLE_TYPE(PIIXState, PIIX3_DEVICE)
OBJECT_DECLARE_SIMPLE_TYPE(PIIX4PMState, PIIX4_PM)

struct PIIXState {
    PCIDevice dev;

    ISABus *isa_bus;
    /* For each ISA interrupt: which PIRQs, as bits, pull it up. */
    uint8_t pic_levels[ISA_NUM_IRQS];
    uint8_t rcr;
    MemoryRegion rcr_mem;
};

/*
 * PIIX3 at 01.0 of @bus, its ISA interrupts driving @isa_irqs[16] (GSIs 0 to 15); it takes over the
 * bus' interrupt pins. The ISA bus is then at ->isa_bus, without any device on it.
 */
PIIXState *piix3_create(PCIBus *bus, MemoryRegion *io, const qemu_irq *isa_irqs);

struct PIIX4PMState {
    PCIDevice dev;

    MemoryRegion io;                /* the PM block, at the base in register 0x40 */
    ACPIREGS ar;
    APMState apm;
    MemoryRegion gpe_io;
    qemu_irq irq;                   /* SCI */
    Notifier powerdown_notifier;
    Notifier machine_ready;
    uint8_t disable_s3;
    uint8_t disable_s4;
    uint8_t s4_val;
    AcpiPciHp pcihp;
    bool pcihp_root;                /* properties: which buses are hotplugged by ACPI */
    bool pcihp_bridges;
};

#define PIIX4_PM_BASE_REG 0x40      /* bits 15:6 base, bit 0 reads 1 */
#define PIIX4_PM_ENABLE_REG 0x80    /* bit 0: the block is mapped */
#define PIIX4_PM_GPE_BASE 0xafe0    /* fixed, 4 bytes: 2 of status, 2 of enable */
/* PIIX4_PM at @devfn; SCI drives @sci_irq (ISA interrupt 9 by tradition). */
PIIX4PMState *piix4_pm_create(PCIBus *bus, int devfn, qemu_irq sci_irq);

#endif /* HW_ISA_PIIX_H */
