/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRAT and SLIT: byte for byte, after the header, what QEMU 7.2 builds for the same machine (found
 * in a guest's memory after its firmware had run), and what lies around the holes of RAM.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "../../hw/i386/acpi-srat.h"

#define HEADER_SIZE 36

/*
 * -machine pc-q35-7.2 -m 6G,maxmem=20G,slots=2 -smp 4, nodes of 1, 2 and 3 GiB. An entry a line.
 */
static const char q35_srat[] =
    "010000000000000000000000"
    "00100000010000000000000000000000"
    "00100001010000000000000000000000"
    "00100002010000000000000000000000"
    "00100003010000000000000000000000"
    "0128000000000000000000000000000000000a000000000000000000010000000000000000000000"
    "012800000000000000001000000000000000f03f0000000000000000010000000000000000000000"
    "01280100000000000000004000000000000000400000000000000000010000000000000000000000"
    "01280100000000000000000001000000000000400000000000000000010000000000000000000000"
    "01280200000000000000004001000000000000c00000000000000000010000000000000000000000"
    "01280200000000000000000002000000000000000400000000000000030000000000000000000000";

/*
 * -machine pc-i440fx-7.2 -m 6G -smp 4,sockets=2, nodes of 3, 2, 1 and 0 GiB, CPUs 0 and 1 in the
 * first, 2 and 3 in the last; the distance from a to b is 20 + 4 * a + b.
 */
static const char pc_srat[] =
    "010000000000000000000000"
    "00100000010000000000000000000000"
    "00100001010000000000000000000000"
    "00100302010000000000000000000000"
    "00100303010000000000000000000000"
    "0128000000000000000000000000000000000a000000000000000000010000000000000000000000"
    "012800000000000000001000000000000000f0bf0000000000000000010000000000000000000000"
    "01280100000000000000000001000000000000800000000000000000010000000000000000000000"
    "01280200000000000000008001000000000000400000000000000000010000000000000000000000"
    "01280000000000000000000000000000000000000000000000000000000000000000000000000000"
    "01280000000000000000000000000000000000000000000000000000000000000000000000000000";
static const char pc_slit[] = "04000000000000000a151617180a1a1b1c1d0a1f2021220a";

static const NodeInfo q35_nodes[] = {
    { .node_mem = 1 * GiB }, { .node_mem = 2 * GiB }, { .node_mem = 3 * GiB },
};
static const NodeInfo pc_nodes[] = {
    { .node_mem = 3 * GiB }, { .node_mem = 2 * GiB }, { .node_mem = 1 * GiB }, { .node_mem = 0 },
};
static const CPUArchIdList q35_cpus = {
    .len = 4,
    .cpus = { { .arch_id = 0 }, { .arch_id = 1 }, { .arch_id = 2 }, { .arch_id = 3 } },
};
static const CPUArchIdList pc_cpus = {
    .len = 4,
    .cpus = { { .arch_id = 0 }, { .arch_id = 1 }, { .arch_id = 2, .props.node_id = 3 },
              { .arch_id = 3, .props.node_id = 3 } },
};
static uint8_t pc_distance[4][MAX_NODES];

static const AcpiNuma q35 = {
    .nodes = q35_nodes,
    .nb_nodes = G_N_ELEMENTS(q35_nodes),
    .cpus = &q35_cpus,
    .ram_below_4g = 2 * GiB,
    .ram_above_4g = 4 * GiB,
    .ram_above_4g_start = 4 * GiB,
    .device_memory_base = 8 * GiB,
    .device_memory_size = 16 * GiB,
};
static const AcpiNuma pc = {
    .nodes = pc_nodes,
    .nb_nodes = G_N_ELEMENTS(pc_nodes),
    .cpus = &pc_cpus,
    .distance = pc_distance,
    .ram_below_4g = 3 * GiB,
    .ram_above_4g = 3 * GiB,
    .ram_above_4g_start = 4 * GiB,
    .device_memory_base = 7 * GiB,
};

static char *to_hex(const uint8_t *data, size_t size)
{
    GString *hex = g_string_new(NULL);

    for (size_t i = 0; i < size; i++) {
        g_string_append_printf(hex, "%02x", data[i]);
    }
    return g_string_free(hex, false);
}

typedef uint32_t BuildTable(AcpiImage *image, const AcpiNuma *numa);

/* What follows the header, in hexadecimal digits; the header is checked. */
static char *build(BuildTable *fn, const char *signature, const AcpiNuma *numa)
{
    AcpiImage image = { .bytes = g_byte_array_new(), .base = 0x1000 };
    uint32_t length;
    char *hex;

    g_assert_cmphex(fn(&image, numa), ==, 0x1000);
    memcpy(&length, image.bytes->data + 4, 4);
    g_assert_cmpuint(GUINT32_FROM_LE(length), ==, image.bytes->len);
    g_assert_cmpmem(image.bytes->data, 4, signature, 4);
    g_assert_cmpuint(image.bytes->data[8], ==, 1);
    g_assert_cmpuint(acpi_checksum(image.bytes->data, image.bytes->len), ==, 0);
    hex = to_hex(image.bytes->data + HEADER_SIZE, image.bytes->len - HEADER_SIZE);
    g_byte_array_unref(image.bytes);
    return hex;
}

static void test_q35(void)
{
    g_autofree char *srat = build(acpi_build_srat, "SRAT", &q35);

    g_assert_cmpstr(srat, ==, q35_srat);
}

static void test_pc(void)
{
    g_autofree char *srat = NULL, *slit = NULL;

    for (unsigned a = 0; a < 4; a++) {
        for (unsigned b = 0; b < 4; b++) {
            pc_distance[a][b] = a == b ? NUMA_DISTANCE_MIN : 20 + 4 * a + b;
        }
    }
    srat = build(acpi_build_srat, "SRAT", &pc);
    slit = build(acpi_build_slit, "SLIT", &pc);
    g_assert_cmpstr(srat, ==, pc_srat);
    g_assert_cmpstr(slit, ==, pc_slit);
}

typedef struct Range {
    uint64_t base, size;
    uint32_t node, flags;
} Range;

static uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, p, size);
    return GUINT64_FROM_LE(value);
}

/* Nodes that end inside the hole below 1 MiB: every byte that is RAM is described once. */
static void test_legacy_hole(void)
{
    static const NodeInfo nodes[] = {
        { .node_mem = 512 * KiB }, { .node_mem = 256 * KiB }, { .node_mem = 127 * MiB + 256 * KiB },
    };
    static const Range expected[] = {
        { 0, 512 * KiB, 0, 1 }, { 512 * KiB, 128 * KiB, 1, 1 }, { MiB, 127 * MiB, 2, 1 },
        { 0, 0, 0, 0 }, { 0, 0, 0, 0 },
    };
    static const CPUArchIdList no_cpus = { .len = 0 };
    const AcpiNuma numa = {
        .nodes = nodes, .nb_nodes = G_N_ELEMENTS(nodes), .cpus = &no_cpus,
        .ram_below_4g = 128 * MiB,
    };
    AcpiImage image = { .bytes = g_byte_array_new() };
    const uint8_t *p;

    acpi_build_srat(&image, &numa);
    g_assert_cmpuint(image.bytes->len, ==, 48 + 40 * G_N_ELEMENTS(expected));
    p = image.bytes->data + 48;
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++, p += 40) {
        g_assert_cmpuint(get(p + 2, 4), ==, expected[i].node);
        g_assert_cmphex(get(p + 8, 8), ==, expected[i].base);
        g_assert_cmphex(get(p + 16, 8), ==, expected[i].size);
        g_assert_cmpuint(get(p + 28, 4), ==, expected[i].flags);
    }
    g_byte_array_unref(image.bytes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi-srat/as-stock/q35", test_q35);
    g_test_add_func("/acpi-srat/as-stock/pc", test_pc);
    g_test_add_func("/acpi-srat/legacy-hole", test_legacy_hole);
    return g_test_run();
}
