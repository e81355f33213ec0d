/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Q35 board: pc-q35-X.Y, alias "q35" (Intel 3 Series Express and ICH9 datasheets). */
#include "qemu/osdep.h"
#include "hw/core/qdev.h"
#include "hw/i386/pc.h"
#include "hw/isa/ich9.h"
#include "system/address-spaces.h"

#define TYPE_PC_Q35_MACHINE "pc-q35-machine-base"
#define MCH_DEVFN PCI_DEVFN(0, 0)
#define LPC_DEVFN PCI_DEVFN(0x1f, 0)
#define PIRQ_GSI_BASE 16
/* Slots from here on have their own routing registers, at reset A to D in order. */
#define ICH9_FIRST_INTERNAL_SLOT 25

static void pc_q35_make_bridges(PCMachineState *pcms, const PCHostConfig *config)
{
    DeviceState *host = q35_host_create(OBJECT(pcms), config);
    ICH9LPCState *lpc;

    pc_attach_ioapic(pcms, host);
    pcms->pcibus = PCI_HOST_BRIDGE(host)->bus;
    lpc = ich9_lpc_create(pcms->pcibus, config->io, pcms->gsi);
    pcms->isa_bus = lpc->isa_bus;
    pcms->acpi_regs = &lpc->acpi_regs;
    pcms->pcihp = lpc->pcihp_bridges ? &lpc->pcihp : NULL;
}

/* PIRQ A to H of slot and pin: hw/isa/ich9.h. */
static unsigned pc_q35_pirq(unsigned slot, unsigned pin)
{
    return slot < ICH9_FIRST_INTERNAL_SLOT ? 4 + (slot + pin) % 4 : pin;
}

static unsigned pc_q35_pci_gsi(unsigned slot, unsigned pin)
{
    return PIRQ_GSI_BASE + pc_q35_pirq(slot, pin);
}

static uint8_t pc_q35_route(unsigned pirq)
{
    return pirq % 4 < 2 ? 10 : 11;
}

static uint8_t pc_q35_pci_irq_line(unsigned slot, unsigned pin)
{
    return pc_q35_route(pc_q35_pirq(slot, pin));
}

static void pc_q35_setup_chipset(PCMachineState *pcms)
{
    PCIBus *bus = pcms->pcibus;

    /* RAM from 0xc0000 on; configuration space at its usual address. */
    pci_data_write(bus, MCH_DEVFN << 8 | MCH_HOST_BRIDGE_PAM0, 0x30, 1);
    for (unsigned i = 1; i < PC_PAM_REGS; i++) {
        pci_data_write(bus, MCH_DEVFN << 8 | (MCH_HOST_BRIDGE_PAM0 + i), 0x33, 1);
    }
    pci_data_write(bus, MCH_DEVFN << 8 | (MCH_HOST_BRIDGE_PCIEXBAR + 4), 0, 4);
    pci_data_write(bus, MCH_DEVFN << 8 | MCH_HOST_BRIDGE_PCIEXBAR,
                   MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT | 1, 4);

    for (unsigned i = 0; i < 4; i++) {
        pci_data_write(bus, LPC_DEVFN << 8 | (ICH9_LPC_PIRQA_ROUT + i), pc_q35_route(i), 1);
        pci_data_write(bus, LPC_DEVFN << 8 | (ICH9_LPC_PIRQE_ROUT + i), pc_q35_route(i), 1);
    }
    pci_data_write(bus, LPC_DEVFN << 8 | ICH9_LPC_PMBASE, PC_PM_IO_BASE | 1, 4);
    pci_data_write(bus, LPC_DEVFN << 8 | ICH9_LPC_ACPI_CTRL, 0x80, 1);
}

static void pc_q35_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    PCMachineClass *pcmc = PC_MACHINE_CLASS(klass);

    mc->family = "pc_q35";
    mc->desc = "Standard PC (Q35 + ICH9, 2009)";
    pcmc->pcie = true;
    pcmc->host_type = TYPE_Q35_HOST_DEVICE;
    pcmc->low_ram_max = 0xb0000000 - 1;
    pcmc->low_ram_split = 0x80000000;
    pcmc->make_bridges = pc_q35_make_bridges;
    pcmc->setup_chipset = pc_q35_setup_chipset;
    pcmc->pci_window_first = 0xc0000000;
    pcmc->pci_gsi = pc_q35_pci_gsi;
    pcmc->pci_irq_line = pc_q35_pci_irq_line;
    pcmc->gpe0_base = PC_PM_IO_BASE + ICH9_PMIO_GPE0_STS;
    pcmc->gpe0_length = ICH9_PMIO_GPE0_LEN;
    pcmc->pcihp_base = ICH9_PCIHP_BASE;
}

static const TypeInfo pc_q35_info = {
    .name = TYPE_PC_Q35_MACHINE,
    .parent = TYPE_PC_MACHINE,
    .abstract = true,
    .class_init = pc_q35_class_init,
};

static void pc_q35_register_types(void)
{
    type_register_static(&pc_q35_info);
    pc_register_versions(TYPE_PC_Q35_MACHINE, "pc-q35", "q35");
}

type_init(pc_q35_register_types)
