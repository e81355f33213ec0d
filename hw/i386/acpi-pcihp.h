/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the DSDT that hotplugs PCI devices: a device object for each slot, the event's
 * handler that notifies of those that come or shall go, and who controls native hotplug.
 */
#ifndef HW_I386_ACPI_PCIHP_H
#define HW_I386_ACPI_PCIHP_H

#include "aml.h"

/* A bus whose slots are hotplugged by ACPI; the number that hw/acpi/pcihp.h selects it by is its
 * index in the list. Ports sit on the root bus: no deeper buses. */
typedef struct AcpiPciHpSlots {
    int port_devfn;        /* of the port on bus 0 whose bus it is; -1: it is bus 0 */
    uint32_t slots;        /* a bit per slot in which a device may come and go */
} AcpiPciHpSlots;

typedef struct AcpiPciHpConfig {
    uint16_t base;                 /* of the registers */
    unsigned nb_buses;             /* 0: there is no ACPI hotplug */
    const AcpiPciHpSlots *buses;
} AcpiPciHpConfig;

/* Within the device object of the PCI root. */
void acpi_dsdt_pcihp(Aml *aml, const AcpiPciHpConfig *config);
/* _OSC of a PCI Express root: the OS may control all that it asks for, @native_hotplug or not. */
void acpi_dsdt_pcie_osc(Aml *aml, bool native_hotplug);
/* At the top level: the handler of the general purpose event. @root is the path of the root. */
void acpi_dsdt_pcihp_event(Aml *aml, const AcpiPciHpConfig *config, const char *root);

#endif /* HW_I386_ACPI_PCIHP_H */
