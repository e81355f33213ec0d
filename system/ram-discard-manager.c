/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sparse RAM: whom to ask which parts of a region are populated, its discard manager. Whether code
 * of the host may touch the rest is said in memory-ram.c.
 */
#include "qemu/osdep.h"
#include "system/memory-internal.h"

RamDiscardManager *memory_region_get_ram_discard_manager(MemoryRegion *mr)
{
    return mr->ram ? __atomic_load_n(&mr->rdm, __ATOMIC_ACQUIRE) : NULL;
}

int memory_region_set_ram_discard_manager(MemoryRegion *mr, RamDiscardManager *rdm)
{
    assert(memory_region_is_ram(mr));
    if (rdm && mr->rdm) {
        return -EBUSY;
    }
    __atomic_store_n(&mr->rdm, rdm, __ATOMIC_RELEASE);
    if (!rdm) {
        __atomic_store_n(&mr->rdm_inaccessible, false, __ATOMIC_RELEASE);
    }
    return 0;
}

uint64_t ram_discard_manager_get_min_granularity(const RamDiscardManager *rdm,
                                                 const MemoryRegion *mr)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->get_min_granularity(rdm, mr);
}

bool ram_discard_manager_is_populated(const RamDiscardManager *rdm,
                                      const MemoryRegionSection *section)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->is_populated(rdm, section);
}

int ram_discard_manager_replay_populated(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->replay_populated(rdm, section, replay_fn, opaque);
}

int ram_discard_manager_replay_discarded(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->replay_discarded(rdm, section, replay_fn, opaque);
}

void ram_discard_manager_register_listener(RamDiscardManager *rdm, RamDiscardListener *rdl,
                                           MemoryRegionSection *section)
{
    RAM_DISCARD_MANAGER_GET_CLASS(rdm)->register_listener(rdm, rdl, section);
}

void ram_discard_manager_unregister_listener(RamDiscardManager *rdm, RamDiscardListener *rdl)
{
    RAM_DISCARD_MANAGER_GET_CLASS(rdm)->unregister_listener(rdm, rdl);
}

static const TypeInfo ram_discard_manager_types[] = {
    {
        .name = TYPE_RAM_DISCARD_MANAGER,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(RamDiscardManagerClass),
    },
};
DEFINE_TYPES(ram_discard_manager_types)
