/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic memory slots of a virtio-mem device: its region is cut into slots of at least 1 GiB, and
 * guest physical memory has only those that hold a plugged block. What is not mapped the guest
 * cannot touch, and an accelerator keeps no slot and no bitmap for it.
 *
 * Decided once, before the device is realized: how many slots of which size. From then on the
 * device reports the ranges that it plugs and unplugs. All under the big lock; sizes in bytes.
 */
#ifndef HW_VIRTIO_MEM_MEMSLOTS_H
#define HW_VIRTIO_MEM_MEMSLOTS_H

#include "hw/virtio/virtio-mem-map.h"
#include "system/memory.h"

typedef struct VirtIOMEMMemslots {
    MemoryRegion region;    /* what guest memory maps: holds the aliases of the slots in use */
    MemoryRegion *aliases;  /* nb of them, windows to the backend's region; NULL before init */
    unsigned nb;            /* 0 before virtio_mem_memslots_decide() */
    uint64_t size;          /* of each but the last, which has the rest */
} VirtIOMEMMemslots;

/*
 * Cuts @region_size (> 0) into at most @limit (>= 1) slots of a multiple of @unit (a power of two,
 * the block size), as small as possible but at least 1 GiB.
 */
void virtio_mem_memslots_decide(VirtIOMEMMemslots *slots, uint64_t region_size, uint64_t unit,
                                unsigned limit);
/* Makes the aliases, windows to @backend owned by @owner; none is mapped. */
void virtio_mem_memslots_init(VirtIOMEMMemslots *slots, Object *owner, MemoryRegion *backend);
/* Unmaps and frees them. */
void virtio_mem_memslots_cleanup(VirtIOMEMMemslots *slots);
/*
 * Maps every slot that has a part of [@offset, @offset + @size). False if an accelerator refused
 * (where the machine tells); the caller then unmaps what is not used.
 */
bool virtio_mem_memslots_map(VirtIOMEMMemslots *slots, uint64_t offset, uint64_t size);
/* Unmaps those of them in which @map, of blocks of @block_size bytes, has nothing plugged. */
void virtio_mem_memslots_unmap_unused(VirtIOMEMMemslots *slots, uint64_t offset, uint64_t size,
                                      const VirtIOMEMMap *map, uint64_t block_size);

#endif /* HW_VIRTIO_MEM_MEMSLOTS_H */
