/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What virtio-mem would like of the machine beyond the device API that it shares with QEMU. Each
 * hook does nothing where the machine does not have it, and the device is right without it.
 */
#ifndef HW_VIRTIO_MEM_HOST_H
#define HW_VIRTIO_MEM_HOST_H

#include "hw/mem/memory-device.h"
#include "hw/virtio/virtio.h"
#include "system/memory.h"
#include "system/ramblock.h"

/* From now on (@inaccessible), emulated devices cannot read unplugged parts of @mr either. */
static inline void virtio_mem_host_set_inaccessible(MemoryRegion *mr, bool inaccessible)
{
#ifdef MEMORY_REGION_HAS_DISCARDED_INACCESSIBLE
    memory_region_set_discarded_inaccessible(mr, inaccessible);
#endif
}

/*
 * Between these two guest memory changes; @scope is on the caller's stack. The second says whether
 * everybody could follow (an accelerator may refuse memory), and tells the operator if not.
 */
#ifdef MEMORY_HAS_ERROR_SCOPES
typedef MemoryErrorScope VirtIOMEMHostScope;
#else
typedef char VirtIOMEMHostScope;
#endif

static inline void virtio_mem_host_change_begin(VirtIOMEMHostScope *scope)
{
#ifdef MEMORY_HAS_ERROR_SCOPES
    memory_errors_begin(scope);
#endif
}

static inline bool virtio_mem_host_change_end(VirtIOMEMHostScope *scope)
{
#ifdef MEMORY_HAS_ERROR_SCOPES
    return memory_errors_end_report(scope);
#else
    return true;
#endif
}

/* Whether the response to @elem would not land in memory that was unplugged since it was popped. */
static inline bool virtio_mem_host_can_respond(const VirtQueueElement *elem)
{
#ifdef VIRTQUEUE_HAS_ELEMENT_IS_PLUGGED
    return virtqueue_element_is_plugged(elem);
#else
    return true;
#endif
}

/* ram_block_find_held(); -ENOTSUP where the machine does not have it. */
static inline int virtio_mem_host_find_held(const RAMBlock *rb, uint64_t start, uint64_t end,
                                            uint64_t *found)
{
#ifdef RAM_BLOCK_HAS_FIND_HELD
    return ram_block_find_held(rb, start, end, found);
#else
    *found = end;
    return -ENOTSUP;
#endif
}

/*
 * How many bytes of the region of @proxy a Linux guest does not use, since they are in no whole unit of
 * its (*@unit), and a free address for it at which that is less (*@better; 0: there is none). 0 where the
 * machine does not tell.
 */
static inline uint64_t virtio_mem_host_lost_to_guest(DeviceState *proxy, uint64_t *unit,
                                                     uint64_t *better)
{
#ifdef MEMORY_DEVICE_HAS_LOST_TO_GUEST
    return memory_device_lost_to_guest(MEMORY_DEVICE(proxy), unit, better);
#else
    return 0;
#endif
}

/*
 * Whether discarding [@offset, @offset + @size) of @rb is known to be quick, however large, because
 * the host holds little of it.
 */
static inline bool virtio_mem_host_discard_is_quick(RAMBlock *rb, uint64_t offset, uint64_t size)
{
#ifdef RAM_BLOCK_HAS_DISCARD_IS_QUICK
    return ram_block_discard_is_quick(rb, offset, size);
#else
    return false;
#endif
}

#endif /* HW_VIRTIO_MEM_HOST_H */
