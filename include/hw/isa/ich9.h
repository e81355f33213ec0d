/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The south bridge of a Q35 machine: ICH9-LPC, function 1f.0, with the ISA bus, ACPI's registers at
 * PMBASE, the chipset registers at RCBA, interrupt routing and the reset control port 0xcf9.
 * Source: Intel I/O Controller Hub 9 datasheet (316972) chapters 10 and 13.
 *
 * Interrupt routing, for _PRT, of pin x (0: INTA) of slot s, PIRQs A to H being 0 to 7:
 *     slots 0 to 24: PIRQ 4 + (s + x) mod 4: slot 0 has E F G H, slot 1 F G H E, ...
 *     slot 30: E F G H;
 *     slots 25 to 29 and 31: the RCBA registers DnIR, at reset A B C D for INTA to INTD.
 * In APIC mode PIRQ n is GSI 16 + n, level-triggered; in PIC mode the ISA interrupt in register
 * 0x60 + n (A to D) or 0x68 + n - 4 (E to H), bit 7 set (so at reset) meaning none. Both are driven
 * at the same time. SCI is GSI 9 (register 0x44), level-triggered, active high in the emulator.
 */
#ifndef HW_ISA_ICH9_H
#define HW_ISA_ICH9_H

#include "hw/acpi/acpi.h"
#include "hw/acpi/pcihp.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci_device.h"

#define TYPE_ICH9_LPC_DEVICE "ICH9-LPC"
OBJECT_DECLARE_SIMPLE_TYPE(ICH9LPCState, ICH9_LPC_DEVICE)

#define ICH9_GPIO_GSI "gsi"
#define ICH9_LPC_NB_GSIS 24
#define ICH9_LPC_NB_PIRQS 8
#define ICH9_LPC_PMBASE 0x40        /* bits 15:7 base, bit 0 reads 1 */
#define ICH9_LPC_ACPI_CTRL 0x44     /* bit 7: block is mapped; bits 2:0 SCI: 0 = IRQ 9 */
#define ICH9_LPC_PIRQA_ROUT 0x60
#define ICH9_LPC_PIRQE_ROUT 0x68
#define ICH9_LPC_GEN_PMCON_1 0xa0
#define ICH9_LPC_RCBA 0xf0          /* bits 31:14 base, bit 0 enable */
#define ICH9_PMIO_SIZE 128
#define ICH9_PMIO_GPE0_STS 0x20     /* 8 bytes of status, 8 of enable */
#define ICH9_PMIO_GPE0_LEN 16
#define ICH9_CC_SIZE 0x4000u

struct ICH9LPCState {
    PCIDevice d;

    ISABus *isa_bus;
    qemu_irq gsi[ICH9_LPC_NB_GSIS];
    uint8_t irr[PCI_SLOT_MAX][PCI_NUM_PINS];  /* PIRQ of each slot and pin */
    uint8_t pirq_level;             /* a bit per PIRQ */
    uint8_t sci_level;

    MemoryRegion pm_io;             /* at PMBASE */
    MemoryRegion gpe_io;
    MemoryRegion smi_io;
    ACPIREGS acpi_regs;
    uint32_t smi_en;
    Notifier powerdown_notifier;
    Notifier machine_ready;
    uint8_t disable_s3;
    uint8_t disable_s4;
    uint8_t s4_val;
    APMState apm;
    AcpiPciHp pcihp;                /* unless pcihp_bridges is off: ports' slots do it then */
    bool pcihp_bridges;
    bool keep_slot_hpc;             /* ports say that they can hotplug, although ACPI does it */

    uint8_t chip_config[ICH9_CC_SIZE];
    MemoryRegion rcrb_mem;

    uint8_t rst_cnt;
    MemoryRegion rst_cnt_mem;
};

/*
 * ICH9-LPC at 1f.0 of @bus, its 24 lines driving @gsis; it takes over the bus' interrupt pins and
 * makes the ISA bus (at ->isa_bus, lines 0 to 15 are the GSIs of that number).
 */
ICH9LPCState *ich9_lpc_create(PCIBus *bus, MemoryRegion *io, const qemu_irq *gsis);

#endif /* HW_ISA_ICH9_H */
