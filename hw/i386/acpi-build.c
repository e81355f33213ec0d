/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of a PC: RSDP, XSDT, FADT, FACS, DSDT, MADT and MCFG (ACPI specification 6.5,
 * chapter 5; MCFG: PCI Firmware Specification 3.3, section 4.1.2). SRAT and SLIT: acpi-srat.c.
 *
 * ACPI mode is always on: the boot stub sets SCI_EN, so the FADT has no SMI command port.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "acpi-build.h"
#include "acpi-srat.h"
#include "acpi-table.h"
#include "aml.h"

#define ACPI_SCI 9
#define ACPI_RSDP_SIZE 36
#define ACPI_FACS_SIZE 64
#define IOAPIC_ADDRESS 0xfec00000u
#define LAPIC_ADDRESS 0xfee00000u

/* Section 5.2.3.2, Generic Address Structure. */
static void acpi_gas_io(GByteArray *t, uint16_t port, uint8_t bits)
{
    acpi_le(t, port ? 1 : 0, 1);
    acpi_le(t, port ? bits : 0, 1);
    acpi_le(t, 0, 1);
    acpi_le(t, port ? (bits == 32 ? 3 : bits == 16 ? 2 : 1) : 0, 1);
    acpi_le(t, port, 8);
}

/* DSDT: the PCI root with its windows and interrupt routing, the legacy devices, S5. */

static void acpi_pci_link_name(char name[5], unsigned gsi)
{
    snprintf(name, 5, "LN%02u", gsi % 100);
}

/* An interrupt link with one, fixed, interrupt: level triggered, active high, shared. */
static void acpi_dsdt_link(Aml *aml, unsigned gsi)
{
    char name[5];

    acpi_pci_link_name(name, gsi);
    aml_open_device(aml, name);
    aml_name_eisaid(aml, "_HID", "PNP0C0F");
    aml_name_integer(aml, "_UID", gsi);
    aml_name_integer(aml, "_STA", 0xb);
    aml_open_resources(aml, "_PRS");
    aml_res_gsi(aml, gsi);
    aml_close_resources(aml);
    aml_open_resources(aml, "_CRS");
    aml_res_gsi(aml, gsi);
    aml_close_resources(aml);
    aml_open_method(aml, "_SRS", 1);
    aml_close(aml);
    aml_open_method(aml, "_DIS", 0);
    aml_close(aml);
    aml_close(aml);
}

/* Section 6.2.13: for each device number and pin, the link it is connected to. */
static void acpi_dsdt_prt(Aml *aml, const AcpiConfig *config)
{
    char name[5];

    aml_byte(aml, 0x08);
    aml_name(aml, "_PRT");
    aml_open_package(aml, 31 * 4);
    for (unsigned slot = 1; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            acpi_pci_link_name(name, config->pci_gsi(slot, pin));
            aml_open_package(aml, 4);
            aml_integer(aml, slot << 16 | 0xffff);
            aml_integer(aml, pin);
            aml_name(aml, name);
            aml_integer(aml, 0);
            aml_close(aml);
        }
    }
    aml_close(aml);
}

static void acpi_dsdt_links(Aml *aml, const AcpiConfig *config)
{
    uint64_t done = 0;

    for (unsigned slot = 1; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned gsi = config->pci_gsi(slot, pin);

            if (!(done & UINT64_C(1) << gsi)) {
                done |= UINT64_C(1) << gsi;
                acpi_dsdt_link(aml, gsi);
            }
        }
    }
}

static void acpi_dsdt_pci_root(Aml *aml, const AcpiConfig *config)
{
    aml_open_device(aml, "PCI0");
    aml_name_eisaid(aml, "_HID", config->pcie ? "PNP0A08" : "PNP0A03");
    if (config->pcie) {
        aml_name_eisaid(aml, "_CID", "PNP0A03");
    }
    aml_name_integer(aml, "_UID", config->pci_root_uid);
    aml_name_integer(aml, "_BBN", 0);
    aml_name_integer(aml, "_SEG", 0);
    aml_open_resources(aml, "_CRS");
    aml_res_bus_window(aml, 0, config->last_bus);
    aml_res_io(aml, 0xcf8, 8);
    aml_res_io_window(aml, 0x0000, 0x0cf7);
    aml_res_io_window(aml, 0x0d00, 0xffff);
    aml_res_memory_window(aml, 0x000a0000, 0x000bffff);
    aml_res_memory_window(aml, config->pci_window_first, config->pci_window_last);
    aml_close_resources(aml);
    acpi_dsdt_prt(aml, config);
    if (config->pcie) {
        acpi_dsdt_pcie_osc(aml, config->native_hotplug);
    }
    acpi_dsdt_pcihp(aml, &config->pcihp);
    aml_close(aml);
}

static void acpi_dsdt_serial(Aml *aml, unsigned index)
{
    static const struct {
        uint16_t base;
        uint8_t irq;
    } ports[] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };
    char name[5];

    snprintf(name, sizeof(name), "COM%u", index % 4 + 1);
    aml_open_device(aml, name);
    aml_name_eisaid(aml, "_HID", "PNP0501");
    aml_name_integer(aml, "_UID", index + 1);
    aml_name_integer(aml, "_STA", 0xf);
    aml_open_resources(aml, "_CRS");
    aml_res_io(aml, ports[index].base, 8);
    aml_res_irq(aml, ports[index].irq);
    aml_close_resources(aml);
    aml_close(aml);
}

static void acpi_dsdt_rtc(Aml *aml)
{
    aml_open_device(aml, "RTC");
    aml_name_eisaid(aml, "_HID", "PNP0B00");
    aml_open_resources(aml, "_CRS");
    aml_res_io(aml, 0x70, 2);
    aml_res_irq(aml, 8);
    aml_close_resources(aml);
    aml_close(aml);
}

/* The window to configuration space, which Linux wants to be reserved by some device. */
static void acpi_dsdt_mmconfig(Aml *aml, const AcpiConfig *config)
{
    aml_open_device(aml, "MBRD");
    aml_name_eisaid(aml, "_HID", "PNP0C02");
    aml_open_resources(aml, "_CRS");
    aml_res_memory32(aml, config->mcfg_base, config->mcfg_size);
    aml_close_resources(aml);
    aml_close(aml);
}

static void acpi_dsdt_cpus(Aml *aml, const AcpiConfig *config)
{
    char name[5];

    for (unsigned i = 0; i < config->nb_cpus; i++) {
        snprintf(name, sizeof(name), "C%03X", i & 0xfff);
        aml_open_device(aml, name);
        aml_byte(aml, 0x08);
        aml_name(aml, "_HID");
        aml_string(aml, "ACPI0007");
        aml_name_integer(aml, "_UID", i);
        aml_close(aml);
    }
}

/* Section 7.4.2: sleep type 0 in both PM1 control registers is soft off here. */
static void acpi_dsdt_s5(Aml *aml)
{
    aml_byte(aml, 0x08);
    aml_name(aml, "_S5");
    aml_open_package(aml, 4);
    for (unsigned i = 0; i < 4; i++) {
        aml_integer(aml, 0);
    }
    aml_close(aml);
}

static uint32_t acpi_build_dsdt(AcpiImage *image, const AcpiConfig *config)
{
    GByteArray *t = acpi_table_begin("DSDT", 2);
    Aml aml;

    aml_init(&aml);
    aml_open_scope(&aml, "\\_SB");
    acpi_dsdt_links(&aml, config);
    acpi_dsdt_pci_root(&aml, config);
    acpi_dsdt_cpus(&aml, config);
    if (config->pcie) {
        acpi_dsdt_mmconfig(&aml, config);
    }
    acpi_dsdt_rtc(&aml);
    for (unsigned i = 0; i < 4; i++) {
        if (config->serial_ports & 1u << i) {
            acpi_dsdt_serial(&aml, i);
        }
    }
    aml_close(&aml);
    acpi_dsdt_pcihp_event(&aml, &config->pcihp, "\\_SB.PCI0");
    acpi_dsdt_s5(&aml);
    acpi_bytes(t, aml.bytes->data, aml.bytes->len);
    aml_cleanup(&aml);
    return acpi_table_end(image, t);
}

/* Section 5.2.10; must be 64-byte aligned. */
static uint32_t acpi_build_facs(AcpiImage *image)
{
    uint32_t address;

    while (image->bytes->len % 64) {
        acpi_le(image->bytes, 0, 1);
    }
    address = image->base + image->bytes->len;
    acpi_bytes(image->bytes, "FACS", 4);
    acpi_le(image->bytes, ACPI_FACS_SIZE, 4);
    acpi_zero(image->bytes, 24);
    acpi_le(image->bytes, 1, 1);
    acpi_zero(image->bytes, ACPI_FACS_SIZE - 33);
    return address;
}

/* Section 5.2.9, revision 3 of the table (ACPI 2.0). */
static uint32_t acpi_build_fadt(AcpiImage *image, const AcpiConfig *config, uint32_t facs,
                                uint32_t dsdt)
{
    GByteArray *t = acpi_table_begin("FACP", 3);
    const uint32_t flags = 1u << 0 /* WBINVD */ | 1u << 2 /* C1 on all CPUs */ |
                           1u << 5 /* no sleep button */ | 1u << 7 /* RTC wakes S4 */ |
                           (config->pcie ? 1u << 10 : 0) /* RESET_REG */;

    acpi_le(t, facs, 4);
    acpi_le(t, dsdt, 4);
    acpi_le(t, 1, 1);                              /* INT_MODEL, reserved */
    acpi_le(t, 0, 1);                              /* profile: unspecified */
    acpi_le(t, ACPI_SCI, 2);
    acpi_le(t, 0, 4);                              /* SMI_CMD */
    acpi_zero(t, 4);                               /* enable, disable, S4BIOS, PSTATE */
    acpi_le(t, config->pm_io_base, 4);             /* PM1a event */
    acpi_le(t, 0, 4);
    acpi_le(t, config->pm_io_base + 4, 4);         /* PM1a control */
    acpi_le(t, 0, 4);
    acpi_le(t, 0, 4);                              /* PM2 control */
    acpi_le(t, config->pm_io_base + 8, 4);         /* PM timer */
    acpi_le(t, config->gpe0_base, 4);
    acpi_le(t, 0, 4);
    acpi_le(t, 4, 1);                              /* lengths: PM1 event */
    acpi_le(t, 2, 1);
    acpi_le(t, 0, 1);
    acpi_le(t, 4, 1);
    acpi_le(t, config->gpe0_length, 1);
    acpi_zero(t, 3);                               /* GPE1, its base, no _CST */
    acpi_le(t, 0xfff, 2);                          /* no C2 */
    acpi_le(t, 0xfff, 2);                          /* no C3 */
    acpi_zero(t, 4);                               /* cache flush */
    acpi_le(t, 0, 1);                              /* duty offset, width */
    acpi_le(t, 0, 1);
    acpi_le(t, 0, 1);                              /* day and month alarm: none */
    acpi_le(t, 0, 1);
    acpi_le(t, 0x32, 1);                           /* century in CMOS */
    acpi_le(t, 1u << 0 | 1u << 2, 2);              /* legacy devices; no VGA */
    acpi_le(t, 0, 1);
    acpi_le(t, flags, 4);
    acpi_gas_io(t, config->pcie ? 0xcf9 : 0, 8);
    acpi_le(t, config->pcie ? 0x0f : 0, 1);        /* full reset */
    acpi_zero(t, 3);
    acpi_le(t, facs, 8);
    acpi_le(t, dsdt, 8);
    acpi_gas_io(t, config->pm_io_base, 32);
    acpi_gas_io(t, 0, 0);
    acpi_gas_io(t, config->pm_io_base + 4, 16);
    acpi_gas_io(t, 0, 0);
    acpi_gas_io(t, 0, 0);
    acpi_gas_io(t, config->pm_io_base + 8, 32);
    acpi_gas_io(t, config->gpe0_base, 8 * config->gpe0_length);
    acpi_gas_io(t, 0, 0);
    return acpi_table_end(image, t);
}

/* Section 5.2.12. */
static void acpi_madt_cpu(GByteArray *t, unsigned index, uint32_t apic_id)
{
    if (apic_id < 255) {
        acpi_le(t, 0, 1);
        acpi_le(t, 8, 1);
        acpi_le(t, index, 1);
        acpi_le(t, apic_id, 1);
        acpi_le(t, 1, 4);
        return;
    }
    acpi_le(t, 9, 1);
    acpi_le(t, 16, 1);
    acpi_le(t, 0, 2);
    acpi_le(t, apic_id, 4);
    acpi_le(t, 1, 4);
    acpi_le(t, index, 4);
}

static void acpi_madt_override(GByteArray *t, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    acpi_le(t, 2, 1);
    acpi_le(t, 10, 1);
    acpi_le(t, 0, 1);
    acpi_le(t, irq, 1);
    acpi_le(t, gsi, 4);
    acpi_le(t, flags, 2);
}

static uint32_t acpi_build_madt(AcpiImage *image, const AcpiConfig *config)
{
    GByteArray *t = acpi_table_begin("APIC", 3);

    acpi_le(t, LAPIC_ADDRESS, 4);
    acpi_le(t, 1, 4);                              /* 8259s are there as well */
    for (unsigned i = 0; i < config->nb_cpus; i++) {
        acpi_madt_cpu(t, i, config->apic_ids[i]);
    }
    acpi_le(t, 1, 1);                              /* IOAPIC */
    acpi_le(t, 12, 1);
    acpi_le(t, 0, 2);
    acpi_le(t, IOAPIC_ADDRESS, 4);
    acpi_le(t, 0, 4);
    acpi_madt_override(t, 0, 2, 0);
    for (unsigned i = 0; i < config->nb_level_irqs; i++) {
        acpi_madt_override(t, config->level_irqs[i], config->level_irqs[i], 0xd);
    }
    acpi_le(t, 4, 1);                              /* NMI on LINT1 of every CPU */
    acpi_le(t, 6, 1);
    acpi_le(t, 0xff, 1);
    acpi_le(t, 0, 2);
    acpi_le(t, 1, 1);
    return acpi_table_end(image, t);
}

static uint32_t acpi_build_mcfg(AcpiImage *image, const AcpiConfig *config)
{
    GByteArray *t = acpi_table_begin("MCFG", 1);

    acpi_zero(t, 8);
    acpi_le(t, config->mcfg_base, 8);
    acpi_le(t, 0, 2);
    acpi_le(t, 0, 1);
    acpi_le(t, config->last_bus, 1);
    acpi_zero(t, 4);
    return acpi_table_end(image, t);
}

static uint32_t acpi_build_xsdt(AcpiImage *image, const uint32_t *tables, unsigned nb_tables)
{
    GByteArray *t = acpi_table_begin("XSDT", 1);

    for (unsigned i = 0; i < nb_tables; i++) {
        acpi_le(t, tables[i], 8);
    }
    return acpi_table_end(image, t);
}

/* Section 5.2.5.3. The RSDP stands first; only the XSDT is given. */
static void acpi_write_rsdp(uint8_t *rsdp, uint32_t xsdt)
{
    const uint64_t xsdt_le = GUINT64_TO_LE((uint64_t)xsdt);

    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, ACPI_OEM_ID, 6);
    rsdp[15] = 2;
    rsdp[20] = ACPI_RSDP_SIZE;
    memcpy(rsdp + 24, &xsdt_le, 8);
    rsdp[8] = acpi_checksum(rsdp, 20);
    rsdp[32] = acpi_checksum(rsdp, ACPI_RSDP_SIZE);
}

GByteArray *acpi_build(const AcpiConfig *config, uint32_t base)
{
    AcpiImage image = { .bytes = g_byte_array_new(), .base = base };
    uint32_t tables[5], facs, dsdt, xsdt;
    unsigned nb_tables = 0;

    acpi_zero(image.bytes, ACPI_RSDP_SIZE);
    facs = acpi_build_facs(&image);
    dsdt = acpi_build_dsdt(&image, config);
    tables[nb_tables++] = acpi_build_fadt(&image, config, facs, dsdt);
    tables[nb_tables++] = acpi_build_madt(&image, config);
    if (config->pcie) {
        tables[nb_tables++] = acpi_build_mcfg(&image, config);
    }
    if (config->numa.nb_nodes) {
        tables[nb_tables++] = acpi_build_srat(&image, &config->numa);
    }
    if (config->numa.distance) {
        tables[nb_tables++] = acpi_build_slit(&image, &config->numa);
    }
    xsdt = acpi_build_xsdt(&image, tables, nb_tables);
    acpi_write_rsdp(image.bytes->data, xsdt);     /* which the tables may have moved */
    return image.bytes;
}
