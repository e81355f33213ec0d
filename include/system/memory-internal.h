/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What system/memory.c (which renders views), system/physmem.c (which looks addresses up in them)
 * and system/mtree.c (which prints them) share; nobody else includes it. A view is immutable once
 * it is published.
 */
#ifndef SYSTEM_MEMORY_INTERNAL_H
#define SYSTEM_MEMORY_INTERNAL_H

#include "system/memory.h"

typedef struct FlatRange {
    Int128 start;              /* in the address space */
    Int128 size;
    MemoryRegion *mr;
    hwaddr offset_in_region;
    bool readonly;
    bool nonvolatile;
    bool unmergeable;
} FlatRange;

struct FlatView {
    unsigned ref;
    unsigned nb_ranges;
    unsigned nb_allocated;
    unsigned last_hit;         /* hint for the next lookup; any value is valid */
    FlatRange *ranges;         /* sorted by start, without overlap */
};

typedef QTAILQ_HEAD(AddressSpaceList, AddressSpace) AddressSpaceList;
extern AddressSpaceList address_spaces;   /* in order of creation; big lock */

/*
 * Follows containers and aliases that show one region as it is: the address spaces of all bus
 * masters then share the view of system memory. NULL: nothing is visible.
 */
MemoryRegion *memory_region_resolve_root(MemoryRegion *mr);
/* The range that holds @addr, or NULL with *@gap the bytes up to the next range (or 2^64). */
FlatRange *flatview_lookup(FlatView *fv, hwaddr addr, Int128 *gap);
/* Greatest access of at most @len bytes at @addr that the region's registers take. */
unsigned memory_region_access_size(MemoryRegion *mr, hwaddr len, hwaddr addr);
/* Whether host code may touch the range; only sparse RAM ever says no. Takes the big lock then. */
bool memory_region_range_accessible(MemoryRegion *mr, hwaddr offset, hwaddr len);

#endif /* SYSTEM_MEMORY_INTERNAL_H */
