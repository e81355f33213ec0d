/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PC (ACPI specification 6.5, chapter 5), as one image that lies at a fixed
 * guest physical address. Built from a description, so that a test can build and disassemble them
 * without a machine.
 */
#ifndef HW_I386_ACPI_BUILD_H
#define HW_I386_ACPI_BUILD_H

#include "acpi-pcihp.h"
#include "acpi-srat.h"

/* Device number and INTx pin (0 is A) of a function on bus 0 -> global system interrupt. */
typedef unsigned AcpiPciGsi(unsigned slot, unsigned pin);

typedef struct AcpiConfig {
    bool pcie;                     /* PNP0A08 with MCFG and a reset register */
    unsigned pci_root_uid;         /* _UID of the PCI host bridge */
    unsigned nb_cpus;
    const uint32_t *apic_ids;
    const uint8_t *level_irqs;     /* ISA interrupts that are level triggered, active high */
    unsigned nb_level_irqs;
    AcpiPciGsi *pci_gsi;

    AcpiNuma numa;

    uint16_t pm_io_base;           /* PM1a event block; control +4, timer +8 */
    uint16_t gpe0_base;
    uint8_t gpe0_length;
    /*
     * The greatest bus number there is. Linux probes every device number of every bus that MCFG
     * covers, at an exit each: telling it of 256 buses costs a second of boot time when nested.
     */
    uint8_t last_bus;
    uint32_t mcfg_base;
    uint32_t mcfg_size;
    uint32_t pci_window_first;     /* 32-bit MMIO window */
    uint32_t pci_window_last;
    unsigned serial_ports;         /* bit n: COM(n+1) is there */
    bool native_hotplug;           /* slots of PCI Express ports are the OS' to control */
    AcpiPciHpConfig pcihp;
} AcpiConfig;

/* The tables, to be copied to @base, which is also the RSDP's address. Caller frees. */
GByteArray *acpi_build(const AcpiConfig *config, uint32_t base);

#endif /* HW_I386_ACPI_BUILD_H */
