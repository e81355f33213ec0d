/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The i440FX board: pc-i440fx-X.Y, alias "pc" (Intel 440FX and PIIX3/PIIX4 datasheets). */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/core/qdev.h"
#include "hw/i386/pc.h"
#include "hw/isa/piix.h"
#include "system/address-spaces.h"

#define TYPE_PC_I440FX_MACHINE "pc-i440fx-machine-base"
#define PIIX3_DEVFN PCI_DEVFN(1, 0)
#define PIIX4_PM_DEVFN PCI_DEVFN(1, 3)
#define I440FX_DEVFN PCI_DEVFN(0, 0)
#define PIIX4_GPE_LEN 4

static void pc_i440fx_make_bridges(PCMachineState *pcms, const PCHostConfig *config)
{
    DeviceState *host = i440fx_host_create(OBJECT(pcms), config);
    PIIXState *piix3;
    PIIX4PMState *pm;

    pc_attach_ioapic(pcms, host);
    pcms->pcibus = PCI_HOST_BRIDGE(host)->bus;
    piix3 = piix3_create(pcms->pcibus, config->io, pcms->gsi);
    pm = piix4_pm_create(pcms->pcibus, PIIX4_PM_DEVFN, pcms->gsi[PC_SCI_IRQ]);
    pcms->isa_bus = piix3->isa_bus;
    pcms->acpi_regs = &pm->ar;
    pcms->pcihp = &pm->pcihp;
}

/* PIRQ A to D of slot and pin: hw/isa/piix.h. */
static unsigned pc_i440fx_pirq(unsigned slot, unsigned pin)
{
    return (slot + pin + 3) % PIIX_NUM_PIRQS;
}

static unsigned pc_i440fx_pci_gsi(unsigned slot, unsigned pin)
{
    return pc_i440fx_pirq(slot, pin) < 2 ? 10 : 11;
}

static uint8_t pc_i440fx_pci_irq_line(unsigned slot, unsigned pin)
{
    return pc_i440fx_pci_gsi(slot, pin);
}

static void pc_i440fx_setup_chipset(PCMachineState *pcms)
{
    PCIBus *bus = pcms->pcibus;

    /* RAM from 0xc0000 on. */
    pci_data_write(bus, I440FX_DEVFN << 8 | I440FX_PAM0, 0x30, 1);
    for (unsigned i = 1; i < PC_PAM_REGS; i++) {
        pci_data_write(bus, I440FX_DEVFN << 8 | (I440FX_PAM0 + i), 0x33, 1);
    }
    for (unsigned i = 0; i < PIIX_NUM_PIRQS; i++) {
        pci_data_write(bus, PIIX3_DEVFN << 8 | (PIIX_PIRQCA + i), i < 2 ? 10 : 11, 1);
    }
    pci_data_write(bus, PIIX4_PM_DEVFN << 8 | PIIX4_PM_BASE_REG, PC_PM_IO_BASE | 1, 4);
    pci_data_write(bus, PIIX4_PM_DEVFN << 8 | PIIX4_PM_ENABLE_REG, 1, 1);
}

static void pc_i440fx_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    PCMachineClass *pcmc = PC_MACHINE_CLASS(klass);

    mc->family = "pc_piix";
    mc->desc = "Standard PC (i440FX + PIIX, 1996)";
    pcmc->host_type = TYPE_I440FX_PCI_HOST_BRIDGE;
    pcmc->low_ram_max = 0xe0000000 - 1;
    pcmc->low_ram_split = 0xc0000000;
    pcmc->make_bridges = pc_i440fx_make_bridges;
    pcmc->setup_chipset = pc_i440fx_setup_chipset;
    pcmc->pci_window_first = 0xe0000000;
    pcmc->pci_gsi = pc_i440fx_pci_gsi;
    pcmc->pci_irq_line = pc_i440fx_pci_irq_line;
    pcmc->gpe0_base = PIIX4_PM_GPE_BASE;
    pcmc->gpe0_length = PIIX4_GPE_LEN;
    pcmc->pcihp_base = PIIX4_PCIHP_BASE;
}

static const TypeInfo pc_i440fx_info = {
    .name = TYPE_PC_I440FX_MACHINE,
    .parent = TYPE_PC_MACHINE,
    .abstract = true,
    .class_init = pc_i440fx_class_init,
};

static void pc_i440fx_register_types(void)
{
    type_register_static(&pc_i440fx_info);
    pc_register_versions(TYPE_PC_I440FX_MACHINE, "pc-i440fx", "pc");
}

type_init(pc_i440fx_register_types)
