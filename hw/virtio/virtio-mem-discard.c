/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, what is populated: the changes of the block map, and everyone who has to know of
 * them, which are dynamic memory slots and, through the RamDiscardManager, whoever maps or reads
 * the region behind the guest's back.
 *
 * Listeners are told before a range appears, and may refuse, and after it is gone. Nothing here
 * touches host memory: that has followed already, or a job is at it (virtio-mem-jobs.c).
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-internal.h"
#include "system/memory.h"

bool virtio_mem_clip_section(const VirtIOMEM *vmem, const MemoryRegionSection *section,
                             const VirtIOMEMRun *run, MemoryRegionSection *clipped)
{
    *clipped = *section;
    return memory_region_section_intersect_range(clipped, run->first * vmem->block_size,
                                                 run->nb * vmem->block_size);
}

/* Listeners. */

static void virtio_mem_notify_discard(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    RamDiscardListener *rdl;
    MemoryRegionSection section;

    QLIST_FOREACH(rdl, &vmem->rdl_list, next) {
        if (virtio_mem_clip_section(vmem, rdl->section, run, &section)) {
            rdl->notify_discard(rdl, &section);
        }
    }
}

/* All listeners accept, or those that did are told that it is gone again. */
static int virtio_mem_notify_populate(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    RamDiscardListener *rdl, *accepted;
    MemoryRegionSection section;
    int ret = 0;

    QLIST_FOREACH(rdl, &vmem->rdl_list, next) {
        if (!virtio_mem_clip_section(vmem, rdl->section, run, &section)) {
            continue;
        }
        ret = rdl->notify_populate(rdl, &section);
        if (ret) {
            break;
        }
    }
    if (!ret) {
        return 0;
    }
    QLIST_FOREACH(accepted, &vmem->rdl_list, next) {
        if (accepted == rdl) {
            break;
        }
        if (virtio_mem_clip_section(vmem, accepted->section, run, &section)) {
            accepted->notify_discard(accepted, &section);
        }
    }
    return ret;
}

/* Changes of the map. */

/* Takes from guest memory what dynamic memory slots need not show any more. */
static void virtio_mem_hide(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_unmap_unused(&vmem->memslots, run->first * vmem->block_size,
                                         run->nb * vmem->block_size, &vmem->map,
                                         vmem->block_size);
    }
}

void virtio_mem_hide_ahead(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    uint64_t end = run->first + run->nb;
    VirtIOMEMRun part = { .first = run->first };
    g_autoptr(GArray) plugged = NULL;

    if (!vmem->dynamic_memslots) {
        return;
    }
    plugged = g_array_new(false, false, sizeof(VirtIOMEMRun));
    while (virtio_mem_map_next_run(&vmem->map, true, part.first + part.nb, end, &part)) {
        g_array_append_val(plugged, part);
    }
    /* As it will be, for as long as it takes to look. */
    virtio_mem_map_unplug(&vmem->map, run->first, run->nb);
    virtio_mem_hide(vmem, run);
    for (guint i = 0; i < plugged->len; i++) {
        part = g_array_index(plugged, VirtIOMEMRun, i);
        virtio_mem_map_plug(&vmem->map, part.first, part.nb);
    }
}

void virtio_mem_show(VirtIOMEM *vmem)
{
    VirtIOMEMRun run = { 0 };

    if (!vmem->dynamic_memslots) {
        return;
    }
    memory_region_transaction_begin();
    while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb, vmem->map.nb_blocks,
                                   &run)) {
        virtio_mem_memslots_map(&vmem->memslots, run.first * vmem->block_size,
                                run.nb * vmem->block_size);
    }
    memory_region_transaction_commit();
}

void virtio_mem_set_unplugged(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    virtio_mem_map_unplug(&vmem->map, run->first, run->nb);
    vmem->stats.changed = vmem->stats.now;
    virtio_mem_notify_discard(vmem, run);
    virtio_mem_hide(vmem, run);
}

int virtio_mem_set_plugged(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    bool shown = !vmem->dynamic_memslots ||
                 virtio_mem_memslots_map(&vmem->memslots, run->first * vmem->block_size,
                                         run->nb * vmem->block_size);
    int ret = shown ? virtio_mem_notify_populate(vmem, run) : -ENOSPC;

    if (ret) {
        virtio_mem_hide(vmem, run);
        return ret;
    }
    virtio_mem_map_plug(&vmem->map, run->first, run->nb);
    vmem->stats.changed = vmem->stats.now;
    return 0;
}

void virtio_mem_set_all_unplugged(VirtIOMEM *vmem)
{
    VirtIOMEMRun run = { 0 };

    memory_region_transaction_begin();
    while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb, vmem->map.nb_blocks,
                                   &run)) {
        virtio_mem_set_unplugged(vmem, &run);
    }
    memory_region_transaction_commit();
    virtio_mem_update_usable_region(vmem, true);
}

void virtio_mem_set_gone(VirtIOMEM *vmem, const GArray *gone)
{
    memory_region_transaction_begin();
    for (guint i = 0; i < gone->len; i++) {
        const VirtIOMEMRun *part = &g_array_index(gone, VirtIOMEMRun, i);
        VirtIOMEMRun run = { .first = part->first };

        while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb,
                                       part->first + part->nb, &run)) {
            virtio_mem_set_unplugged(vmem, &run);
        }
    }
    memory_region_transaction_commit();
}

/* RamDiscardManager: which parts of the region are populated. */

static uint64_t virtio_mem_manager_get_min_granularity(const RamDiscardManager *rdm,
                                                   const MemoryRegion *mr)
{
    return VIRTIO_MEM(rdm)->block_size;
}

/* Calls @fn for each part of @section in state @plugged, until it returns other than 0. */
static int virtio_mem_manager_replay(const VirtIOMEM *vmem, bool plugged,
                                 const MemoryRegionSection *section, ReplayRamDiscardState fn,
                                 void *opaque)
{
    VirtIOMEMRun run = { .first = section->offset_within_region / vmem->block_size };
    MemoryRegionSection part;
    int ret = 0;

    while (!ret && virtio_mem_map_next_run(&vmem->map, plugged, run.first + run.nb,
                                           vmem->map.nb_blocks, &run) &&
           virtio_mem_clip_section(vmem, section, &run, &part)) {
        ret = fn(&part, opaque);
    }
    return ret;
}

static bool virtio_mem_manager_is_populated(const RamDiscardManager *rdm,
                                        const MemoryRegionSection *section)
{
    const VirtIOMEM *vmem = VIRTIO_MEM(rdm);
    VirtIOMEMRun run = { .first = section->offset_within_region / vmem->block_size };
    MemoryRegionSection part;

    if (virtio_mem_job_discards(vmem, section)) {
        return false;
    }
    return !virtio_mem_map_next_run(&vmem->map, false, run.first, vmem->map.nb_blocks, &run) ||
           !virtio_mem_clip_section(vmem, section, &run, &part);
}

static int virtio_mem_manager_replay_populated(const RamDiscardManager *rdm,
                                           MemoryRegionSection *section,
                                           ReplayRamDiscardState replay_fn, void *opaque)
{
    return virtio_mem_manager_replay(VIRTIO_MEM(rdm), true, section, replay_fn, opaque);
}

static int virtio_mem_manager_replay_discarded(const RamDiscardManager *rdm,
                                           MemoryRegionSection *section,
                                           ReplayRamDiscardState replay_fn, void *opaque)
{
    return virtio_mem_manager_replay(VIRTIO_MEM(rdm), false, section, replay_fn, opaque);
}

static int virtio_mem_manager_populate_cb(MemoryRegionSection *part, void *opaque)
{
    RamDiscardListener *rdl = opaque;

    return rdl->notify_populate(rdl, part);
}

static int virtio_mem_manager_discard_cb(MemoryRegionSection *part, void *opaque)
{
    RamDiscardListener *rdl = opaque;

    rdl->notify_discard(rdl, part);
    return 0;
}

static void virtio_mem_manager_register_listener(RamDiscardManager *rdm, RamDiscardListener *rdl,
                                             MemoryRegionSection *section)
{
    VirtIOMEM *vmem = VIRTIO_MEM(rdm);
    int ret;

    rdl->section = memory_region_section_new_copy(section);
    QLIST_INSERT_HEAD(&vmem->rdl_list, rdl, next);
    ret = virtio_mem_manager_replay(vmem, true, rdl->section, virtio_mem_manager_populate_cb, rdl);
    if (ret) {
        error_report("virtio-mem: replaying plugged ranges failed: %s", strerror(-ret));
    }
}

static void virtio_mem_manager_unregister_listener(RamDiscardManager *rdm, RamDiscardListener *rdl)
{
    VirtIOMEM *vmem = VIRTIO_MEM(rdm);

    virtio_mem_manager_replay(vmem, true, rdl->section, virtio_mem_manager_discard_cb, rdl);
    memory_region_section_free_copy(rdl->section);
    rdl->section = NULL;
    QLIST_REMOVE(rdl, next);
}

void virtio_mem_discard_manager_class_init(ObjectClass *klass)
{
    RamDiscardManagerClass *rdmc = RAM_DISCARD_MANAGER_CLASS(klass);

    rdmc->get_min_granularity = virtio_mem_manager_get_min_granularity;
    rdmc->is_populated = virtio_mem_manager_is_populated;
    rdmc->replay_populated = virtio_mem_manager_replay_populated;
    rdmc->replay_discarded = virtio_mem_manager_replay_discarded;
    rdmc->register_listener = virtio_mem_manager_register_listener;
    rdmc->unregister_listener = virtio_mem_manager_unregister_listener;
}
