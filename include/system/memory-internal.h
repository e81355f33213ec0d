/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of guest memory in system/ share; nobody else includes it. From the tree to a
 * byte: memory-region.c (the tree, transactions) -> memory-view.c (views, listeners) ->
 * memory-access.c (copies and maps by address) -> memory-ram.c (RAM) or memory-dispatch.c
 * (registers); mtree.c prints trees and views.
 *
 * Big lock unless a function says otherwise. A view is immutable once it is published.
 */
#ifndef SYSTEM_MEMORY_INTERNAL_H
#define SYSTEM_MEMORY_INTERNAL_H

#include "system/memory.h"

/* ---- regions and transactions: memory-region.c ---------------------------------------------- */

/* A write that signals an event descriptor instead of calling the region's ops. */
struct MemoryRegionIoeventfd {
    hwaddr addr;      /* in the region, or in the address space in an address space's list */
    unsigned size;    /* 0: any */
    bool match_data;
    uint64_t data;
    EventNotifier *e;
};

/* Whether a transaction is open: the tree may then be ahead of the views. */
bool memory_region_in_transaction(void);

/* ---- views and listeners: memory-view.c ----------------------------------------------------- */

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
extern AddressSpaceList address_spaces;   /* in order of creation */

/* Renders all address spaces anew, publishes the views and tells the listeners what changed. */
void memory_views_update(void);
/* As above where no view changed, only the event descriptors in them. */
void memory_ioeventfds_update(void);
/* The order in which lists of them are kept: negative, 0 or positive. Any thread. */
int memory_region_ioeventfd_compare(const MemoryRegionIoeventfd *a,
                                    const MemoryRegionIoeventfd *b);

/*
 * Follows containers and aliases that show one region as it is: the address spaces of all bus
 * masters then share the view of system memory. NULL: nothing is visible.
 */
MemoryRegion *memory_region_resolve_root(MemoryRegion *mr);
/*
 * The range that holds @addr, or NULL with *@gap the bytes up to the next range (or 2^64). Any
 * thread that holds a reference of the view; the range lives as long as that.
 */
FlatRange *flatview_lookup(FlatView *fv, hwaddr addr, Int128 *gap);

/* ---- dispatch: memory-dispatch.c ------------------------------------------------------------ */

extern const MemoryRegionOps unassigned_mem_ops;   /* every access is a decode error */

/*
 * One access to the registers of @mr at @offset, of as many bytes as they take at once: at most
 * *@len, and told there. @buf has them in the order of guest memory. Big lock. @as is where the
 * access came from: it is refused (MEMTX_ACCESS_ERROR, all of *@len, 0 is read) by the rule of
 * address_space_set_of_device().
 */
MemTxResult memory_region_access_registers(AddressSpace *as, MemoryRegion *mr, hwaddr offset,
                                           MemTxAttrs attrs, uint8_t *buf, hwaddr *len,
                                           bool is_write);
/* Whether that rule lets an access from @as with @attrs through to the registers of @mr, now. */
bool memory_region_registers_allowed(const AddressSpace *as, const MemoryRegion *mr,
                                     MemTxAttrs attrs);

/* ---- RAM at an address: memory-ram.c -------------------------------------------------------- */

/*
 * Where the RAM at @addr is, at most @size bytes of it; false if there is none, or none that can
 * be written. Says nothing of whether it may be accessed. Any thread that holds the view.
 */
bool flatview_find_ram(FlatView *fv, hwaddr addr, hwaddr size, bool is_write, RamSpan *span);

#endif /* SYSTEM_MEMORY_INTERNAL_H */
