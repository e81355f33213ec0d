/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PC as an operating system parses them: found from the RSDP, lengths and
 * checksums right, every field as the configuration says (ACPI specification 6.5, chapter 5). With
 * iasl installed, the DSDT is disassembled and compiled again without an error or a warning.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include <glib/gstdio.h>
#include "../../hw/i386/acpi-build.h"

#define BASE 0xe0000u
#define HEADER_SIZE 36

/* The last two have IDs that only an x2APIC can have. */
static const uint32_t apic_ids[] = { 0, 1, 2, 254, 255, 1000 };
static const CPUArchIdList cpus = {
    .len = G_N_ELEMENTS(apic_ids),
    .cpus = { { .arch_id = 0 }, { .arch_id = 1 }, { .arch_id = 2 }, { .arch_id = 254 },
              { .arch_id = 255 }, { .arch_id = 1000 } },
};
static const NodeInfo nodes[] = { { .present = true, .node_mem = 3 * GiB } };
static const uint8_t level_irqs[] = { 5, 9, 10, 11 };

static unsigned pci_gsi(unsigned slot, unsigned pin)
{
    return 16 + (slot + pin) % 8;
}

/* Two ports, the second at function 2 of its slot. */
static const AcpiPciHpSlots q35_hotplug[] = {
    { .port_devfn = 4 << 3, .slots = 1 },
    { .port_devfn = 5 << 3 | 2, .slots = 1 },
};

/* All slots of the root bus but those of the board, and a port in one of them. */
static const AcpiPciHpSlots pc_hotplug[] = {
    { .port_devfn = -1, .slots = 0xffffffec },
    { .port_devfn = 4 << 3, .slots = 1 },
};

static const AcpiConfig q35 = {
    .pcie = true,
    .nb_cpus = G_N_ELEMENTS(apic_ids),
    .apic_ids = apic_ids,
    .level_irqs = level_irqs,
    .nb_level_irqs = G_N_ELEMENTS(level_irqs),
    .pci_gsi = pci_gsi,
    .numa = {
        .nodes = nodes,
        .nb_nodes = G_N_ELEMENTS(nodes),
        .cpus = &cpus,
        .ram_below_4g = 2 * GiB,
        .ram_above_4g = 1 * GiB,
        .ram_above_4g_start = 4 * GiB,
        .device_memory_base = 6 * GiB,
        .device_memory_size = 8 * GiB,
    },
    .pm_io_base = 0x600,
    .gpe0_base = 0x620,
    .gpe0_length = 16,
    .mcfg_base = 0xb0000000,
    .mcfg_size = 256 * MiB,
    .last_bus = 255,
    .pci_window_first = 0xc0000000,
    .pci_window_last = 0xfebfffff,
    .serial_ports = 0xf,
    .pcihp = {
        .base = 0xcc0, .nb_buses = G_N_ELEMENTS(q35_hotplug), .buses = q35_hotplug,
    },
};

/* A version whose ports hotplug by themselves. */
static const AcpiConfig q35_native = {
    .pcie = true,
    .nb_cpus = 1,
    .apic_ids = apic_ids,
    .level_irqs = level_irqs,
    .nb_level_irqs = G_N_ELEMENTS(level_irqs),
    .pci_gsi = pci_gsi,
    .pm_io_base = 0x600,
    .gpe0_base = 0x620,
    .gpe0_length = 16,
    .mcfg_base = 0xb0000000,
    .mcfg_size = 256 * MiB,
    .pci_window_first = 0xc0000000,
    .pci_window_last = 0xfebfffff,
    .native_hotplug = true,
};

static const AcpiConfig pc = {
    .nb_cpus = 1,
    .apic_ids = apic_ids,
    .level_irqs = level_irqs,
    .nb_level_irqs = G_N_ELEMENTS(level_irqs),
    .pci_gsi = pci_gsi,
    .pm_io_base = 0x600,
    .gpe0_base = 0xafe0,
    .gpe0_length = 4,
    .pci_window_first = 0xe0000000,
    .pci_window_last = 0xfebfffff,
    .pcihp = {
        .base = 0xae00, .nb_buses = G_N_ELEMENTS(pc_hotplug), .buses = pc_hotplug,
    },
};

static const AcpiConfig *const configs[] = { &q35, &pc };

/* ---- reading ---- */

typedef struct Table {
    const uint8_t *data;
    uint32_t size;
} Table;

static uint64_t le(Table t, uint32_t at, unsigned size)
{
    uint64_t value = 0;

    g_assert_cmpuint(at + size, <=, t.size);
    memcpy(&value, t.data + at, size);
    return GUINT64_FROM_LE(value);
}

static void assert_sum(const uint8_t *data, uint32_t size)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++) {
        sum += data[i];
    }
    g_assert_cmpuint(sum, ==, 0);
}

static Table image_at(const GByteArray *image, uint64_t address, uint32_t size)
{
    g_assert_cmpuint(address, >=, BASE);
    g_assert_cmpuint(address - BASE + size, <=, image->len);
    return (Table) { image->data + (address - BASE), size };
}

/* The table at @address, checked as far as all tables are alike. */
static Table table_at(const GByteArray *image, uint64_t address)
{
    uint32_t size = le(image_at(image, address, HEADER_SIZE), 4, 4);
    Table t = image_at(image, address, size);

    g_assert_cmpuint(size, >=, HEADER_SIZE);
    assert_sum(t.data, t.size);
    for (int i = 10; i < 24; i++) {
        g_assert_true(g_ascii_isprint(t.data[i]));      /* OEM and table ID */
    }
    return t;
}

static Table xsdt_of(const GByteArray *image)
{
    Table rsdp = image_at(image, BASE, 36);
    Table xsdt;

    g_assert_cmpmem(rsdp.data, 8, "RSD PTR ", 8);
    assert_sum(rsdp.data, 20);
    assert_sum(rsdp.data, 36);
    g_assert_cmpuint(le(rsdp, 15, 1), ==, 2);
    g_assert_cmpuint(le(rsdp, 20, 4), ==, 36);
    xsdt = table_at(image, le(rsdp, 24, 8));
    g_assert_cmpmem(xsdt.data, 4, "XSDT", 4);
    g_assert_cmpuint((xsdt.size - HEADER_SIZE) % 8, ==, 0);
    return xsdt;
}

/* Size 0: there is no such table. No signature is there twice. */
static Table table_find(const GByteArray *image, const char *signature)
{
    Table xsdt = xsdt_of(image), found = { };

    for (uint32_t at = HEADER_SIZE; at < xsdt.size; at += 8) {
        Table t = table_at(image, le(xsdt, at, 8));

        if (!memcmp(t.data, signature, 4)) {
            g_assert_cmpuint(found.size, ==, 0);
            found = t;
        }
    }
    return found;
}

/* ---- tables ---- */

static void test_tables(const void *data)
{
    const AcpiConfig *config = data;
    g_autoptr(GByteArray) image = acpi_build(config, BASE);

    g_assert_cmpuint(image->len, <=, 128 * KiB);
    g_assert_cmpuint(table_find(image, "FACP").size, ==, 244);
    g_assert_cmpuint(table_find(image, "APIC").size, >, 0);
    g_assert_cmpint(table_find(image, "MCFG").size > 0, ==, config->pcie);
    g_assert_cmpint(table_find(image, "SRAT").size > 0, ==, config->numa.nb_nodes > 0);
    g_assert_cmpuint(table_find(image, "SLIT").size, ==, 0);
}

/* A Generic Address Structure: I/O space, @bits wide. */
static void assert_gas(Table t, uint32_t at, uint64_t port, unsigned bits)
{
    g_assert_cmpuint(le(t, at, 1), ==, port ? 1 : 0);
    g_assert_cmpuint(le(t, at + 1, 1), ==, bits);
    g_assert_cmpuint(le(t, at + 2, 1), ==, 0);
    g_assert_cmphex(le(t, at + 4, 8), ==, port);
}

static void test_fadt(const void *data)
{
    const AcpiConfig *config = data;
    g_autoptr(GByteArray) image = acpi_build(config, BASE);
    Table t = table_find(image, "FACP"), facs, dsdt;

    facs = image_at(image, le(t, 36, 4), 64);
    g_assert_cmpmem(facs.data, 4, "FACS", 4);
    g_assert_cmpuint(le(facs, 4, 4), ==, 64);
    g_assert_cmpuint(le(t, 36, 4) % 64, ==, 0);
    g_assert_cmphex(le(t, 132, 8), ==, le(t, 36, 4));
    dsdt = table_at(image, le(t, 40, 4));
    g_assert_cmpmem(dsdt.data, 4, "DSDT", 4);
    g_assert_cmpuint(le(dsdt, 8, 1), >=, 2);                /* integers of 64 bits */
    g_assert_cmphex(le(t, 140, 8), ==, le(t, 40, 4));

    g_assert_cmpuint(le(t, 46, 2), ==, 9);                  /* SCI */
    g_assert_cmpuint(le(t, 48, 4), ==, 0);                  /* ACPI mode is on: no SMI command */
    g_assert_cmphex(le(t, 56, 4), ==, config->pm_io_base);
    g_assert_cmphex(le(t, 64, 4), ==, config->pm_io_base + 4);
    g_assert_cmphex(le(t, 76, 4), ==, config->pm_io_base + 8);
    g_assert_cmphex(le(t, 80, 4), ==, config->gpe0_base);
    g_assert_cmpuint(le(t, 88, 1), ==, 4);
    g_assert_cmpuint(le(t, 89, 1), ==, 2);
    g_assert_cmpuint(le(t, 91, 1), ==, 4);
    g_assert_cmpuint(le(t, 92, 1), ==, config->gpe0_length);
    g_assert_cmphex(le(t, 108, 1), ==, 0x32);               /* century */
    g_assert_cmpint((le(t, 112, 4) >> 10) & 1, ==, config->pcie);
    g_assert_cmpint((le(t, 112, 4) >> 8) & 1, ==, 0);       /* the timer has 24 bits */
    g_assert_cmpint((le(t, 112, 4) >> 4) & 1, ==, 0);       /* a power button of fixed hardware */
    assert_gas(t, 116, config->pcie ? 0xcf9 : 0, config->pcie ? 8 : 0);
    g_assert_cmphex(le(t, 128, 1), ==, config->pcie ? 0x0f : 0);
    assert_gas(t, 148, config->pm_io_base, 32);
    assert_gas(t, 172, config->pm_io_base + 4, 16);
    assert_gas(t, 208, config->pm_io_base + 8, 32);
    assert_gas(t, 220, config->gpe0_base, 8 * config->gpe0_length);
}

static void test_madt(const void *data)
{
    const AcpiConfig *config = data;
    g_autoptr(GByteArray) image = acpi_build(config, BASE);
    Table t = table_find(image, "APIC");
    unsigned cpus = 0, ioapics = 0, overrides = 0, nmis = 0;
    uint32_t length;

    g_assert_cmphex(le(t, 36, 4), ==, 0xfee00000);
    g_assert_cmphex(le(t, 40, 4), ==, 1);
    for (uint32_t at = 44; at < t.size; at += length) {
        length = le(t, at + 1, 1);
        switch (le(t, at, 1)) {
        case 0:
            g_assert_cmpuint(length, ==, 8);
            g_assert_cmpuint(le(t, at + 2, 1), ==, cpus);
            g_assert_cmpuint(le(t, at + 3, 1), ==, config->apic_ids[cpus++]);
            g_assert_cmphex(le(t, at + 4, 4), ==, 1);
            break;
        case 9:
            g_assert_cmpuint(length, ==, 16);
            g_assert_cmpuint(le(t, at + 4, 4), ==, config->apic_ids[cpus]);
            g_assert_cmphex(le(t, at + 8, 4), ==, 1);
            g_assert_cmpuint(le(t, at + 12, 4), ==, cpus++);
            break;
        case 1:
            g_assert_cmpuint(length, ==, 12);
            g_assert_cmphex(le(t, at + 4, 4), ==, 0xfec00000);
            g_assert_cmpuint(le(t, at + 8, 4), ==, 0);
            ioapics++;
            break;
        case 2:
            g_assert_cmpuint(length, ==, 10);
            if (overrides == 0) {                           /* the timer is on pin 2 */
                g_assert_cmpuint(le(t, at + 3, 1), ==, 0);
                g_assert_cmpuint(le(t, at + 4, 4), ==, 2);
            } else {
                g_assert_cmpuint(le(t, at + 3, 1), ==, config->level_irqs[overrides - 1]);
                g_assert_cmpuint(le(t, at + 4, 4), ==, config->level_irqs[overrides - 1]);
                g_assert_cmphex(le(t, at + 8, 2), ==, 0xd);
            }
            overrides++;
            break;
        case 4:
            g_assert_cmpuint(length, ==, 6);
            g_assert_cmpuint(le(t, at + 2, 1), ==, 0xff);
            g_assert_cmpuint(le(t, at + 5, 1), ==, 1);
            nmis++;
            break;
        default:
            g_error("unexpected entry of type %u", (unsigned)le(t, at, 1));
        }
    }
    g_assert_cmpuint(cpus, ==, config->nb_cpus);
    g_assert_cmpuint(ioapics, ==, 1);
    g_assert_cmpuint(overrides, ==, 1 + config->nb_level_irqs);
    g_assert_cmpuint(nmis, ==, 1);
}

static void test_mcfg(void)
{
    g_autoptr(GByteArray) image = acpi_build(&q35, BASE);
    Table t = table_find(image, "MCFG");

    g_assert_cmpuint(t.size, ==, 60);
    g_assert_cmphex(le(t, 44, 8), ==, q35.mcfg_base);
    g_assert_cmpuint(le(t, 52, 2), ==, 0);
    g_assert_cmpuint(le(t, 54, 1), ==, 0);
    g_assert_cmpuint(le(t, 55, 1), ==, q35.last_bus);
}

/* An APIC ID above 254 needs the longer entry. test-acpi-srat has the rest. */
static void test_srat(void)
{
    g_autoptr(GByteArray) image = acpi_build(&q35, BASE);
    Table t = table_find(image, "SRAT");
    unsigned nb_cpus = 0, nb_ranges = 0;
    uint32_t length;

    for (uint32_t at = 48; at < t.size; at += length) {
        length = le(t, at + 1, 1);
        switch (le(t, at, 1)) {
        case 0:
            g_assert_cmpuint(length, ==, 16);
            g_assert_cmpuint(le(t, at + 3, 1), ==, apic_ids[nb_cpus++]);
            break;
        case 2:
            g_assert_cmpuint(length, ==, 24);
            g_assert_cmpuint(le(t, at + 8, 4), ==, apic_ids[nb_cpus++]);
            break;
        case 1:
            g_assert_cmpuint(length, ==, 40);
            nb_ranges++;
            break;
        default:
            g_error("unexpected entry of type %u", (unsigned)le(t, at, 1));
        }
    }
    g_assert_cmpuint(nb_cpus, ==, q35.nb_cpus);
    g_assert_cmpuint(nb_ranges, ==, 4);
}

/* As many CPUs as a PC may have still fit where the boot stub puts the tables. */
static void test_many_cpus(void)
{
    uint32_t ids[255];
    AcpiConfig config = q35;
    g_autoptr(GByteArray) image = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        ids[i] = i;
    }
    config.nb_cpus = G_N_ELEMENTS(ids);
    config.apic_ids = ids;
    image = acpi_build(&config, BASE);
    g_assert_cmpuint(image->len, <=, 128 * KiB);
    g_assert_cmpuint(table_find(image, "APIC").size, >=, 44 + 255 * 8);
}

/* ---- iasl ---- */

static void run_iasl(const char *dir, const char *iasl, const char *option, const char *file)
{
    const char *argv[] = { iasl, option, file, NULL };
    g_autofree char *out = NULL, *err = NULL;
    int status = -1;

    g_assert_true(g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err,
                               &status, NULL));
    if (status != 0 || strstr(out, "Error  ") || strstr(err, "Error  ")) {
        g_error("iasl %s %s: %s%s", option, file, out, err);
    }
    if (g_str_has_suffix(file, ".dsl") && !strstr(out, "0 Errors, 0 Warnings")) {
        g_error("iasl %s %s: %s%s", option, file, out, err);
    }
}

/* The DSDT as text, after it has been compiled again. NULL, and the test is skipped: no iasl. */
static char *dsdt_text(const AcpiConfig *config)
{
    g_autoptr(GByteArray) image = acpi_build(config, BASE);
    g_autofree char *iasl = g_find_program_in_path("iasl");
    g_autofree char *dir = NULL, *aml = NULL, *dsl = NULL;
    Table dsdt = table_at(image, le(table_find(image, "FACP"), 40, 4));
    char *text;

    if (!iasl) {
        g_test_skip("iasl is not installed");
        return NULL;
    }
    dir = g_dir_make_tmp("test-acpi-XXXXXX", NULL);
    aml = g_build_filename(dir, "dsdt.aml", NULL);
    dsl = g_build_filename(dir, "dsdt.dsl", NULL);
    g_assert_true(g_file_set_contents(aml, (const char *)dsdt.data, dsdt.size, NULL));
    run_iasl(dir, iasl, "-d", "dsdt.aml");
    g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
    run_iasl(dir, iasl, "-vs", "dsdt.dsl");
    g_unlink(aml);
    g_unlink(dsl);
    g_rmdir(dir);
    return text;
}

static void test_iasl(const void *data)
{
    g_autofree char *text = dsdt_text(data);

    if (!text) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        g_autofree char *port = g_strdup_printf("Device (COM%d)", i + 1);

        g_assert_cmpint(strstr(text, port) != NULL, ==,
                        (((const AcpiConfig *)data)->serial_ports >> i) & 1);
    }
    g_assert_nonnull(strstr(text, "Name (_S5, Package"));
    g_assert_nonnull(strstr(text, "Name (_PRT, Package"));
}

static unsigned count(const char *text, const char *word)
{
    unsigned nb = 0;

    for (; (text = strstr(text, word)); text += strlen(word)) {
        nb++;
    }
    return nb;
}

/* A device that can be ejected for each slot, one notification of each, and who may hotplug. */
static void test_hotplug(const AcpiConfig *config, unsigned nb_slots, const char *const *words)
{
    g_autofree char *text = dsdt_text(config);

    if (!text) {
        return;
    }
    g_assert_cmpuint(count(text, "Method (_EJ0, 1"), ==, nb_slots);
    g_assert_cmpuint(count(text, "Notify (S"), ==, nb_slots);
    g_assert_cmpuint(count(text, "Method (_E01, 0"), ==, nb_slots != 0);
    g_assert_cmpuint(count(text, "Method (_OSC, 4"), ==, config->pcie);
    for (; *words; words++) {
        if (!strstr(text, *words)) {
            g_error("no \"%s\" in the DSDT: %s", *words, text);
        }
    }
}

/* The host bridge's: the first of the DSDT that belongs to PCI0. */
static bool root_uid_is(unsigned uid)
{
    AcpiConfig config = q35;
    g_autoptr(GByteArray) image = NULL;
    const uint8_t name[] = { 0x08, '_', 'U', 'I', 'D', uid };   /* NameOp, ZeroOp or OneOp */
    const uint8_t *root, *found;

    config.pci_root_uid = uid;
    image = acpi_build(&config, BASE);
    root = memmem(image->data, image->len, "PCI0\x08_HID", 9);
    g_assert_nonnull(root);
    found = memmem(root, image->data + image->len - root, name, 5);
    g_assert_nonnull(found);
    return memcmp(found, name, sizeof(name)) == 0;
}

static void test_root_uid(void)
{
    g_assert_true(root_uid_is(0));
    g_assert_true(root_uid_is(1));
}

static void test_hotplug_pc(void)
{
    static const char *const words[] = {
        "OperationRegion (HPRG, SystemIO, 0xAE00, 0x18)", "Device (S10)", "Device (SF8)",
        "Name (_SUN, 0x1F)", "HPES (Zero, 0x1F)", "HPES (One, Zero)", NULL,
    };

    test_hotplug(&pc, 29 + 1, words);
}

static void test_hotplug_q35(void)
{
    static const char *const words[] = {
        "OperationRegion (HPRG, SystemIO, 0x0CC0, 0x18)", "Device (S20)", "Device (S2A)",
        "Name (_ADR, 0x00050002)", "HPES (Zero, Zero)", "HPES (One, Zero)",
        "\\_SB.PCI0.S2A.HPNT (", "(CDW3 & 0x1E)", NULL,
    };

    test_hotplug(&q35, 2, words);
}

static void test_hotplug_native(void)
{
    static const char *const words[] = { "(CDW3 & 0x1F)", NULL };

    test_hotplug(&q35_native, 0, words);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const void *config);
    } tests[] = {
        { "tables", test_tables }, { "fadt", test_fadt }, { "madt", test_madt },
        { "iasl", test_iasl },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t c = 0; c < G_N_ELEMENTS(configs); c++) {
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/acpi/%s/%s", configs[c]->pcie ? "q35" : "pc",
                                                    tests[i].name);

            g_test_add_data_func(path, configs[c], tests[i].run);
        }
    }
    g_test_add_func("/acpi/q35/mcfg", test_mcfg);
    g_test_add_func("/acpi/q35/srat", test_srat);
    g_test_add_func("/acpi/q35/many-cpus", test_many_cpus);
    g_test_add_func("/acpi/q35/root-uid", test_root_uid);
    g_test_add_func("/acpi/pc/hotplug", test_hotplug_pc);
    g_test_add_func("/acpi/q35/hotplug", test_hotplug_q35);
    g_test_add_func("/acpi/q35/hotplug-native", test_hotplug_native);
    return g_test_run();
}
