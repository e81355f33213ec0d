/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AML of ACPI hotplug of PCI devices (ACPI specification 6.5, sections 5.6.4.1.1, 6.1.1, 6.3.3; the
 * registers are hw/acpi/pcihp.h's; _OSC: PCI Firmware Specification 3.3, section 4.5).
 */
#include "qemu/osdep.h"
#include "hw/acpi/pcihp.h"
#include "acpi-pcihp.h"

#define NOTIFY_DEVICE_CHECK 1
#define NOTIFY_EJECT_REQUEST 3

/* Of _OSC's first dword. */
#define OSC_UNRECOGNIZED_UUID 0x04
#define OSC_UNRECOGNIZED_REVISION 0x08
#define OSC_CAPABILITIES_MASKED 0x10
/* Of the third: native hotplug, SHPC hotplug, PME, AER, PCI Express capability. */
#define OSC_NATIVE_HOTPLUG 0x01
#define OSC_ALL_CONTROLS 0x1f

static void pcihp_device_name(char name[5], unsigned devfn)
{
    snprintf(name, 5, "S%02X", devfn & 0xff);
}

/* Registers, and a method that ejects slot Arg1 of bus Arg0. */
static void pcihp_registers(Aml *aml, const AcpiPciHpConfig *config)
{
    static const char *const fields[] = { "HPUP", "HPDN", "HPEJ", "HPRM", "HPBS", NULL };

    aml_io_region(aml, "HPRG", config->base, ACPI_PCIHP_SIZE);
    aml_io_fields32(aml, "HPRG", fields);
    aml_mutex(aml, "HPLK");
    aml_open_method(aml, "HPES", 2);
    aml_acquire(aml, "HPLK");
    aml_op(aml, AML_OP_STORE);
    aml_arg(aml, 0);
    aml_name(aml, "HPBS");
    aml_op(aml, AML_OP_STORE);
    aml_op(aml, AML_OP_SHIFT_LEFT);
    aml_integer(aml, 1);
    aml_arg(aml, 1);
    aml_nowhere(aml);
    aml_name(aml, "HPEJ");
    aml_release(aml, "HPLK");
    aml_close(aml);
}

/* A slot in which a device may come and go. @number is its own among all slots. */
static void pcihp_slot(Aml *aml, unsigned bus, unsigned slot, unsigned number)
{
    char name[5];

    pcihp_device_name(name, slot << 3);
    aml_open_device(aml, name);
    aml_name_integer(aml, "_ADR", slot << 16);
    aml_name_integer(aml, "_SUN", number);
    aml_open_method(aml, "_EJ0", 1);
    aml_name(aml, "HPES");
    aml_integer(aml, bus);
    aml_integer(aml, slot);
    aml_close(aml);
    aml_close(aml);
}

/* Notifies the slots whose bit is set in Arg0 with Arg1. */
static void pcihp_notify_method(Aml *aml, uint32_t slots)
{
    char name[5];

    aml_open_method(aml, "HPNT", 2);
    for (unsigned slot = 0; slot < 32; slot++) {
        if (slots & 1u << slot) {
            pcihp_device_name(name, slot << 3);
            aml_open_if(aml);
            aml_op(aml, AML_OP_AND);
            aml_arg(aml, 0);
            aml_integer(aml, 1u << slot);
            aml_nowhere(aml);
            aml_op(aml, AML_OP_NOTIFY);
            aml_name(aml, name);
            aml_arg(aml, 1);
            aml_close(aml);
        }
    }
    aml_close(aml);
}

static void pcihp_bus(Aml *aml, const AcpiPciHpSlots *bus, unsigned index)
{
    bool is_root = bus->port_devfn < 0;

    for (unsigned slot = 0; slot < 32; slot++) {
        if (bus->slots & 1u << slot) {
            pcihp_slot(aml, index, slot, is_root ? slot : (unsigned)bus->port_devfn + 32);
        }
    }
    pcihp_notify_method(aml, bus->slots);
}

void acpi_dsdt_pcihp(Aml *aml, const AcpiPciHpConfig *config)
{
    char name[5];

    if (!config->nb_buses) {
        return;
    }
    pcihp_registers(aml, config);
    for (unsigned i = 0; i < config->nb_buses; i++) {
        int devfn = config->buses[i].port_devfn;

        if (devfn < 0) {
            pcihp_bus(aml, &config->buses[i], i);
            continue;
        }
        pcihp_device_name(name, devfn);
        aml_open_device(aml, name);
        aml_name_integer(aml, "_ADR", (unsigned)devfn >> 3 << 16 | (devfn & 7));
        pcihp_bus(aml, &config->buses[i], i);
        aml_close(aml);
    }
}

/* HPNT of the bus, with what register @reg says. */
static void pcihp_event_notify(Aml *aml, const AcpiPciHpSlots *bus, const char *root,
                               const char *reg, unsigned notification)
{
    g_autofree char *path = NULL, *reg_path = g_strdup_printf("%s.%s", root, reg);
    char name[5];

    if (bus->port_devfn < 0) {
        path = g_strdup_printf("%s.HPNT", root);
    } else {
        pcihp_device_name(name, bus->port_devfn);
        path = g_strdup_printf("%s.%s.HPNT", root, name);
    }
    aml_name(aml, path);
    aml_name(aml, reg_path);
    aml_integer(aml, notification);
}

void acpi_dsdt_pcihp_event(Aml *aml, const AcpiPciHpConfig *config, const char *root)
{
    g_autofree char *lock = g_strdup_printf("%s.HPLK", root);
    g_autofree char *select = g_strdup_printf("%s.HPBS", root);

    QEMU_BUILD_BUG_ON(ACPI_PCIHP_GPE != 1);
    if (!config->nb_buses) {
        return;
    }
    aml_open_scope(aml, "\\_GPE");
    aml_open_method(aml, "_E01", 0);
    aml_acquire(aml, lock);
    for (unsigned i = 0; i < config->nb_buses; i++) {
        aml_op(aml, AML_OP_STORE);
        aml_integer(aml, i);
        aml_name(aml, select);
        pcihp_event_notify(aml, &config->buses[i], root, "HPUP", NOTIFY_DEVICE_CHECK);
        pcihp_event_notify(aml, &config->buses[i], root, "HPDN", NOTIFY_EJECT_REQUEST);
    }
    aml_release(aml, lock);
    aml_close(aml);
    aml_close(aml);
}

/* ---- _OSC ------------------------------------------------------------------------------------ */

static void osc_dword(Aml *aml, unsigned offset, const char *name)
{
    aml_op(aml, AML_OP_CREATE_DWORD);
    aml_arg(aml, 3);
    aml_integer(aml, offset);
    aml_name(aml, name);
}

static void osc_set_status(Aml *aml, unsigned bits)
{
    aml_op(aml, AML_OP_OR);
    aml_name(aml, "CDW1");
    aml_integer(aml, bits);
    aml_name(aml, "CDW1");
}

/* The controls granted are those asked for and in @mask. */
static void osc_grant(Aml *aml, unsigned mask)
{
    osc_dword(aml, 8, "CDW3");
    aml_op(aml, AML_OP_AND);
    aml_name(aml, "CDW3");
    aml_integer(aml, mask);
    aml_local(aml, 0);
    aml_open_if(aml);
    aml_op(aml, AML_OP_LNOT);
    aml_op(aml, AML_OP_LEQUAL);
    aml_local(aml, 0);
    aml_name(aml, "CDW3");
    osc_set_status(aml, OSC_CAPABILITIES_MASKED);
    aml_close(aml);
    aml_op(aml, AML_OP_STORE);
    aml_local(aml, 0);
    aml_name(aml, "CDW3");
}

void acpi_dsdt_pcie_osc(Aml *aml, bool native_hotplug)
{
    /* 33db4d5b-1ff7-401c-9657-7441c03dd766, the first three parts little endian */
    static const uint8_t uuid[] = {
        0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
        0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66,
    };

    aml_open_method(aml, "_OSC", 4);
    osc_dword(aml, 0, "CDW1");
    aml_open_if(aml);
    aml_op(aml, AML_OP_LEQUAL);
    aml_arg(aml, 0);
    aml_buffer(aml, uuid, sizeof(uuid));
    aml_open_if(aml);
    aml_op(aml, AML_OP_LNOT);
    aml_op(aml, AML_OP_LEQUAL);
    aml_arg(aml, 1);
    aml_integer(aml, 1);
    osc_set_status(aml, OSC_UNRECOGNIZED_REVISION);
    aml_close(aml);
    osc_grant(aml, native_hotplug ? OSC_ALL_CONTROLS : OSC_ALL_CONTROLS & ~OSC_NATIVE_HOTPLUG);
    aml_close(aml);
    aml_open_else(aml);
    osc_set_status(aml, OSC_UNRECOGNIZED_UUID);
    aml_close(aml);
    aml_op(aml, AML_OP_RETURN);
    aml_arg(aml, 3);
    aml_close(aml);
}
