/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables about NUMA: SRAT, which memory and which CPUs are close to each other and how far
 * memory can grow, and SLIT, the distances (ACPI specification 6.5, sections 5.2.16 and 5.2.17).
 */
#ifndef HW_I386_ACPI_SRAT_H
#define HW_I386_ACPI_SRAT_H

#include "acpi-table.h"
#include "system/numa.h"

typedef struct AcpiNuma {
    const NodeInfo *nodes;         /* proximity domains 0 to nb_nodes - 1 */
    unsigned nb_nodes;             /* 0: there is neither table */
    const uint8_t (*distance)[MAX_NODES];   /* from, to; NULL: no SLIT */
    const CPUArchIdList *cpus;     /* each with a node */

    /* The nodes' memory, in their order, first below 4 GiB, then above. */
    uint64_t ram_below_4g;         /* bytes from 0 */
    uint64_t ram_above_4g;         /* bytes */
    uint64_t ram_above_4g_start;   /* where: 4 GiB or higher */
    uint64_t device_memory_base;   /* hotpluggable memory; size 0: none */
    uint64_t device_memory_size;
} AcpiNuma;

/* Each appends its table to @image and returns its guest physical address. */
uint32_t acpi_build_srat(AcpiImage *image, const AcpiNuma *numa);
uint32_t acpi_build_slit(AcpiImage *image, const AcpiNuma *numa);

#endif /* HW_I386_ACPI_SRAT_H */
