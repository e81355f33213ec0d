/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRAT and SLIT of a PC. RAM has two holes, the legacy one below 1 MiB and the 32-bit one below
 * 4 GiB; a node's memory that meets a hole is described in pieces. All entries but the last are
 * about what is there at start; the last tells Linux, before it sizes its DMA bounce buffers, how
 * far memory devices may reach. Which node a device's memory really belongs to the device says
 * (VIRTIO_MEM_F_ACPI_PXM), so that the entry may name any: like stock's, it names the last.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "acpi-srat.h"

#define SRAT_ENABLED 1u
#define SRAT_HOT_PLUGGABLE 2u
/* Each hole adds a piece at most: so many entries there are, unused ones without a flag. */
#define SRAT_HOLES 2u
#define X2APIC_FIRST_ID 255

/* A piece of guest physical memory behind which RAM goes on elsewhere, or ends. */
typedef struct RamPiece {
    uint64_t base, size;
} RamPiece;

static void srat_memory(GByteArray *t, unsigned node, uint64_t base, uint64_t size, uint32_t flags)
{
    acpi_le(t, 1, 1);
    acpi_le(t, 40, 1);
    acpi_le(t, node, 4);
    acpi_le(t, 0, 2);
    acpi_le(t, base, 8);
    acpi_le(t, size, 8);
    acpi_le(t, 0, 4);
    acpi_le(t, flags, 4);
    acpi_zero(t, 8);
}

static void srat_cpu(GByteArray *t, uint32_t apic_id, uint32_t node)
{
    bool x2apic = apic_id >= X2APIC_FIRST_ID;

    acpi_le(t, x2apic ? 2 : 0, 1);
    acpi_le(t, x2apic ? 24 : 16, 1);
    if (x2apic) {
        acpi_zero(t, 2);
        acpi_le(t, node, 4);
        acpi_le(t, apic_id, 4);
        acpi_le(t, SRAT_ENABLED, 4);
        acpi_zero(t, 8);
        return;
    }
    acpi_le(t, node & 0xff, 1);
    acpi_le(t, apic_id, 1);
    acpi_le(t, SRAT_ENABLED, 4);
    acpi_zero(t, 1);                               /* SAPIC EID */
    acpi_le(t, node >> 8, 3);
    acpi_zero(t, 4);
}

/*
 * A node's memory at offsets [@start, @start + @size) of RAM. What the legacy hole hides is in no
 * entry. Returns the number of entries.
 */
static unsigned srat_node(GByteArray *t, const AcpiNuma *numa, unsigned node, uint64_t start,
                          uint64_t size)
{
    const RamPiece pieces[] = {
        { 0, 640 * KiB }, { MiB, numa->ram_below_4g - MiB },
        { numa->ram_above_4g_start, numa->ram_above_4g },
    };
    /* Where each piece begins in RAM. */
    const uint64_t offsets[] = { 0, MiB, numa->ram_below_4g };
    unsigned nb_entries = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        uint64_t from = MAX(start, offsets[i]);
        uint64_t to = MIN(start + size, offsets[i] + pieces[i].size);

        if (from < to) {
            srat_memory(t, node, pieces[i].base + from - offsets[i], to - from, SRAT_ENABLED);
            nb_entries++;
        }
    }
    return nb_entries;
}

uint32_t acpi_build_srat(AcpiImage *image, const AcpiNuma *numa)
{
    GByteArray *t = acpi_table_begin("SRAT", 1);
    unsigned nb_entries = 0;
    uint64_t start = 0;

    acpi_le(t, 1, 4);
    acpi_zero(t, 8);
    for (int i = 0; i < numa->cpus->len; i++) {
        const CPUArchId *cpu = &numa->cpus->cpus[i];

        srat_cpu(t, cpu->arch_id, cpu->props.node_id);
    }
    for (unsigned i = 0; i < numa->nb_nodes; i++) {
        nb_entries += srat_node(t, numa, i, start, numa->nodes[i].node_mem);
        start += numa->nodes[i].node_mem;
    }
    for (; nb_entries < numa->nb_nodes + SRAT_HOLES; nb_entries++) {
        srat_memory(t, 0, 0, 0, 0);
    }
    if (numa->device_memory_size) {
        srat_memory(t, numa->nb_nodes - 1, numa->device_memory_base, numa->device_memory_size,
                    SRAT_ENABLED | SRAT_HOT_PLUGGABLE);
    }
    return acpi_table_end(image, t);
}

uint32_t acpi_build_slit(AcpiImage *image, const AcpiNuma *numa)
{
    GByteArray *t = acpi_table_begin("SLIT", 1);

    acpi_le(t, numa->nb_nodes, 8);
    for (unsigned i = 0; i < numa->nb_nodes; i++) {
        acpi_bytes(t, numa->distance[i], numa->nb_nodes);
    }
    return acpi_table_end(image, t);
}
