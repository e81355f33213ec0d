/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC machines: "pc" (i440FX and PIIX) and "q35" (Q35 and ICH9), pc-i440fx-X.Y and pc-q35-X.Y.
 *
 * pc.c makes what both have in common and stands in for firmware after every system reset; the two
 * boards differ in their bridges, which PCMachineClass describes.
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/acpi/acpi.h"
#include "hw/acpi/pcihp.h"
#include "hw/core/boards.h"
#include "hw/intc/ioapic.h"
#include "hw/pci-host/pc-host.h"
#include "hw/rtc/mc146818rtc.h"

#define TYPE_PC_MACHINE "generic-pc-machine"
OBJECT_DECLARE_TYPE(PCMachineState, PCMachineClass, PC_MACHINE)

#define PC_SCI_IRQ 9
/* Ports of the ACPI block once the boot stub has mapped it. */
#define PC_PM_IO_BASE 0x600

struct PCMachineState {
    MachineState parent_obj;

    uint64_t below_4g_mem_size;
    uint64_t above_4g_mem_size;
    uint64_t above_4g_mem_start;       /* 4 GiB, or 1 TiB: see PCMachineClass.avoid_amd_1tb_hole */
    MemoryRegion ram_below_4g;
    MemoryRegion ram_above_4g;
    MemoryRegion pci_memory;
    MemoryRegion msi_region;

    GSIState gsi_state;
    qemu_irq *gsi;                     /* IOAPIC_NUM_PINS lines */
    PCIBus *pcibus;
    ISABus *isa_bus;
    MC146818RtcState *rtc;
    ACPIREGS *acpi_regs;               /* of the south bridge */
    AcpiPciHp *pcihp;              /* NULL: no hotplug by ACPI */

    struct LinuxBoot *boot;            /* NULL without -kernel */
};

struct PCMachineClass {
    MachineClass parent_class;

    bool pcie;
    /* RAM below 4 GiB ends at `low_ram_max`, or at `low_ram_split` if there is more. */
    uint64_t low_ram_max;
    uint64_t low_ram_split;
    /*
     * AMD's CPUs keep the last 12 GiB below 1 TiB for HyperTransport. If addresses would reach
     * them, RAM above 4 GiB starts at 1 TiB instead (since 7.1).
     */
    bool avoid_amd_1tb_hole;
    unsigned pci_root_uid;             /* its _UID in ACPI: 1 up to 5.1, 0 since */
    const char *host_type;             /* of the host bridge, for its "pci-hole64-size" */
    /* Makes both bridges: sets pcibus, isa_bus, acpi_regs. */
    void (*make_bridges)(PCMachineState *pcms, const PCHostConfig *config);

    /* For the boot stub. */
    void (*setup_chipset)(PCMachineState *pcms);   /* registers that no PCI rule covers */
    uint32_t pci_window_first;                     /* to 0xfebfffff */
    unsigned (*pci_gsi)(unsigned slot, unsigned pin);
    uint8_t (*pci_irq_line)(unsigned slot, unsigned pin);
    uint16_t gpe0_base;
    uint8_t gpe0_length;
    uint16_t pcihp_base;
};

/* Registers "<prefix>-X.Y-machine" for every version; the newest is also called @alias. */
void pc_register_versions(const char *parent_type, const char *prefix, const char *alias);
/* The I/O APIC, a child of the host bridge, and the window for messages. */
void pc_attach_ioapic(PCMachineState *pcms, DeviceState *host);

#endif /* HW_I386_PC_H */
