/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM at a guest address: the one place that says where on the host it is, whether it may be
 * accessed, and that it was written. Copies and maps by address, the rings of virtio and through
 * them the buffers of devices all ask here.
 */
#include "qemu/osdep.h"
#include "qemu/guarded-copy.h"
#include "qemu/main-loop.h"
#include "system/memory-internal.h"
#include "system/ramblock.h"

static MemoryDirtyHook *dirty_hook;

/* ---- may it be accessed? -------------------------------------------------------------------- */

void memory_region_set_discarded_inaccessible(MemoryRegion *mr, bool inaccessible)
{
    assert(!inaccessible || memory_region_has_ram_discard_manager(mr));
    __atomic_store_n(&mr->rdm_inaccessible, inaccessible, __ATOMIC_RELEASE);
}

bool memory_region_range_accessible(MemoryRegion *mr, hwaddr offset, hwaddr size, bool is_write)
{
    RamDiscardManager *rdm = memory_region_get_ram_discard_manager(mr);
    MemoryRegionSection section = {
        .mr = mr,
        .offset_within_region = offset,
        .size = int128_make64(size),
    };

    if (G_LIKELY(!rdm)) {
        return true;
    }
    assert(bql_locked());
    if (!is_write && !__atomic_load_n(&mr->rdm_inaccessible, __ATOMIC_ACQUIRE)) {
        return true;
    }
    return ram_discard_manager_is_populated(rdm, &section);
}

/* ---- where is it? --------------------------------------------------------------------------- */

/* How much of the same RAM follows in the view without a break, up to @size. */
static hwaddr contiguous_size(const FlatView *fv, const FlatRange *fr, hwaddr addr, hwaddr size)
{
    const FlatRange *last = &fv->ranges[fv->nb_ranges - 1];
    Int128 got = fr->start + fr->size - addr;

    while (got < size && fr < last) {
        const FlatRange *next = fr + 1;

        if (next->mr != fr->mr || next->start != fr->start + fr->size ||
            next->offset_in_region != fr->offset_in_region + (hwaddr)fr->size ||
            next->readonly != fr->readonly) {
            break;
        }
        got += next->size;
        fr = next;
    }
    return (hwaddr)int128_min(got, size);
}

bool flatview_find_ram(FlatView *fv, hwaddr addr, hwaddr size, bool is_write, RamSpan *span)
{
    Int128 gap;
    const FlatRange *fr = flatview_lookup(fv, addr, &gap);

    if (!fr || !fr->mr->ram || (is_write && fr->readonly)) {
        return false;
    }
    span->mr = fr->mr;
    span->offset = addr - (hwaddr)fr->start + fr->offset_in_region;
    span->size = contiguous_size(fv, fr, addr, size);
    span->hva = fr->mr->ram_block->host + span->offset;
    return true;
}

MemTxResult address_space_find_ram(AddressSpace *as, hwaddr addr, hwaddr size, bool is_write,
                                   RamSpan *span)
{
    assert(bql_locked() && size);
    if (!flatview_find_ram(as->current_map, addr, size, is_write, span)) {
        return MEMTX_DECODE_ERROR;
    }
    return memory_region_range_accessible(span->mr, span->offset, span->size, is_write)
               ? MEMTX_OK : MEMTX_ACCESS_ERROR;
}

/* Memory that is not a file's is there when it is touched, or the process is ended. */
bool ram_span_populate(const RamSpan *span, bool is_write)
{
    const RAMBlock *rb = span->mr->ram_block;
    uint64_t page = rb->page_size;
    uint64_t start = QEMU_ALIGN_DOWN(span->offset, page);
    uint64_t end = QEMU_ALIGN_UP(span->offset + span->size, page);

    return rb->fd < 0 || guarded_touch(rb->host + start, end - start, page, is_write);
}

/* ---- it was written ------------------------------------------------------------------------- */

void memory_set_dirty_hook(MemoryDirtyHook *hook)
{
    __atomic_store_n(&dirty_hook, hook, __ATOMIC_RELEASE);
}

void memory_region_set_dirty(MemoryRegion *mr, hwaddr addr, hwaddr size)
{
    MemoryDirtyHook *hook = __atomic_load_n(&dirty_hook, __ATOMIC_ACQUIRE);

    if (G_UNLIKELY(hook) && size) {
        hook(mr, addr, size);
    }
}
