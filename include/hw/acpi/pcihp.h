/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI hotplug of PCI devices: a block of registers through which the tables' methods learn which
 * slots have come or shall go, and by which a guest ejects one. A south bridge embeds it, is the
 * hotplug handler of the buses and raises general purpose event 1 for it.
 *
 * The registers, 32 bits each, a bit per slot of the bus that is selected:
 *      0  up: a device was plugged; reading clears
 *      4  down: the user wants it back; cleared when it is ejected
 *      8  eject: writing a bit takes the devices of the slot away, soon after; reads 0
 *     12  removable: the slot is empty or what is in it may be ejected
 *     16  select: the number of a bus, as acpi_pcihp_bus() counts; one of 256 on: all reads as 0
 *     20  index: would tell the number of a device that has one by the property acpi-index; 0
 */
#ifndef HW_ACPI_PCIHP_H
#define HW_ACPI_PCIHP_H

#include "hw/acpi/acpi.h"
#include "hw/core/postponed.h"
#include "hw/pci/pci_bus.h"

#define ACPI_PCIHP_SIZE 0x18
#define ACPI_PCIHP_UP 0x00
#define ACPI_PCIHP_DOWN 0x04
#define ACPI_PCIHP_EJECT 0x08
#define ACPI_PCIHP_REMOVABLE 0x0c
#define ACPI_PCIHP_SELECT 0x10
#define ACPI_PCIHP_INDEX 0x14
#define ACPI_PCIHP_GPE 1
#define ACPI_PCIHP_MAX_BUSES 256

/* Where the south bridges have it. */
#define PIIX4_PCIHP_BASE 0xae00
#define ICH9_PCIHP_BASE 0x0cc0

typedef struct AcpiPciHpBus {
    uint32_t up;
    uint32_t down;
    uint32_t ejected;              /* by the guest: the devices are about to go */
} AcpiPciHpBus;

typedef struct AcpiPciHp {
    MemoryRegion io;
    Object *owner;                 /* the hotplug handler */
    ACPIREGS *ar;
    PCIBus *root;
    bool bridges;                  /* buses behind bridges as well */
    PostponedWork ejection;
    uint32_t select;
    AcpiPciHpBus buses[ACPI_PCIHP_MAX_BUSES];
} AcpiPciHp;

/*
 * In the realize() of @owner, a hotplug handler on bus @root, which it becomes the handler of.
 * Registers appear at @base of @io.
 */
void acpi_pcihp_init(AcpiPciHp *s, Object *owner, PCIBus *root, MemoryRegion *io, uint16_t base,
                     ACPIREGS *ar, bool bridges);
/* Removals that the guest has not come to are carried out. */
void acpi_pcihp_reset(AcpiPciHp *s);

/* For the owner's hotplug handler. */
/* What the bridge of @bus has to say about hotplug: a port may be told not to (hotplug=off). */
bool acpi_pcihp_bridge_allows(BusState *bus);
void acpi_pcihp_plug(AcpiPciHp *s, DeviceState *dev, Error **errp);
void acpi_pcihp_unplug_request(AcpiPciHp *s, DeviceState *dev, Error **errp);

/* Bus number @n by which the select register calls it, from 0 on without holes; NULL: no more. */
PCIBus *acpi_pcihp_bus(AcpiPciHp *s, unsigned n);
/* A bit per slot that is empty, or whose devices may be ejected. */
uint32_t acpi_pcihp_removable(PCIBus *bus);

#endif /* HW_ACPI_PCIHP_H */
