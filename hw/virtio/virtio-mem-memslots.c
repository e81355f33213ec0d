/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic memory slots of a virtio-mem device; see the header. Whether a slot is mapped is asked of
 * the memory core and whether it has to be of the block map, so that there is nothing to keep
 * equal. A request that crosses slots changes guest memory in one transaction.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-memslots.h"

/* Smaller slots would gain little and cost accelerators, which search them on a guest's faults. */
#define VIRTIO_MEM_MIN_MEMSLOT_SIZE ((uint64_t)GiB)

void virtio_mem_memslots_decide(VirtIOMEMMemslots *slots, uint64_t region_size, uint64_t unit,
                                unsigned limit)
{
    uint64_t share = region_size / limit + (region_size % limit != 0);

    unit = MAX(unit, VIRTIO_MEM_MIN_MEMSLOT_SIZE);
    slots->size = QEMU_ALIGN_UP(share, unit);
    slots->nb = region_size / slots->size + (region_size % slots->size != 0);
}

static uint64_t virtio_mem_memslots_offset(const VirtIOMEMMemslots *slots, unsigned i)
{
    return i * slots->size;
}

void virtio_mem_memslots_init(VirtIOMEMMemslots *slots, Object *owner, MemoryRegion *backend)
{
    uint64_t region_size = memory_region_size(backend);

    slots->aliases = g_new0(MemoryRegion, slots->nb);
    for (unsigned i = 0; i < slots->nb; i++) {
        g_autofree char *name = g_strdup_printf("memslot-%u", i);
        uint64_t offset = virtio_mem_memslots_offset(slots, i);

        memory_region_init_alias(&slots->aliases[i], owner, name, backend, offset,
                                 MIN(slots->size, region_size - offset));
        /* One slot comes or goes without its neighbours, which the guest may be using. */
        memory_region_set_unmergeable(&slots->aliases[i], true);
    }
}

static void virtio_mem_memslots_set_mapped(VirtIOMEMMemslots *slots, unsigned i, bool mapped)
{
    MemoryRegion *alias = &slots->aliases[i];

    if (memory_region_is_mapped(alias) == mapped) {
        return;
    }
    if (mapped) {
        memory_region_add_subregion(&slots->region, virtio_mem_memslots_offset(slots, i), alias);
    } else {
        memory_region_del_subregion(&slots->region, alias);
    }
}

void virtio_mem_memslots_cleanup(VirtIOMEMMemslots *slots)
{
    memory_region_transaction_begin();
    for (unsigned i = 0; i < slots->nb; i++) {
        virtio_mem_memslots_set_mapped(slots, i, false);
    }
    memory_region_transaction_commit();
    for (unsigned i = 0; i < slots->nb; i++) {
        object_unparent(OBJECT(&slots->aliases[i]));
    }
    g_free(slots->aliases);
    slots->aliases = NULL;
}

bool virtio_mem_memslots_map(VirtIOMEMMemslots *slots, uint64_t offset, uint64_t size)
{
    unsigned last = (offset + size - 1) / slots->size;
    VirtIOMEMHostScope scope;

    virtio_mem_host_change_begin(&scope);
    memory_region_transaction_begin();
    for (unsigned i = offset / slots->size; i <= last; i++) {
        virtio_mem_memslots_set_mapped(slots, i, true);
    }
    memory_region_transaction_commit();
    return virtio_mem_host_change_end(&scope);
}

static bool virtio_mem_memslot_is_unused(const VirtIOMEMMemslots *slots, unsigned i,
                                         const VirtIOMEMMap *map, uint64_t block_size)
{
    uint64_t first = virtio_mem_memslots_offset(slots, i) / block_size;

    return virtio_mem_map_is_unplugged(map, first,
                                       MIN(slots->size / block_size, map->nb_blocks - first));
}

void virtio_mem_memslots_unmap_unused(VirtIOMEMMemslots *slots, uint64_t offset, uint64_t size,
                                      const VirtIOMEMMap *map, uint64_t block_size)
{
    unsigned last = (offset + size - 1) / slots->size;

    memory_region_transaction_begin();
    for (unsigned i = offset / slots->size; i <= last; i++) {
        if (virtio_mem_memslot_is_unused(slots, i, map, block_size)) {
            virtio_mem_memslots_set_mapped(slots, i, false);
        }
    }
    memory_region_transaction_commit();
}
