/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block map of a virtio-mem device: which blocks are plugged. A bitmap and the count of its
 * set bits, kept equal by the three functions that change it.
 */
#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "hw/virtio/virtio-mem-map.h"

void virtio_mem_map_init(VirtIOMEMMap *map, uint64_t nb_blocks)
{
    map->bitmap = bitmap_new(nb_blocks);
    map->nb_blocks = nb_blocks;
    map->nb_plugged = 0;
}

void virtio_mem_map_cleanup(VirtIOMEMMap *map)
{
    g_free(map->bitmap);
    memset(map, 0, sizeof(*map));
}

static void virtio_mem_map_assert_range(const VirtIOMEMMap *map, uint64_t first, uint64_t nb)
{
    assert(first <= map->nb_blocks && nb <= map->nb_blocks - first);
}

bool virtio_mem_map_is_plugged(const VirtIOMEMMap *map, uint64_t first, uint64_t nb)
{
    virtio_mem_map_assert_range(map, first, nb);
    return find_next_zero_bit(map->bitmap, first + nb, first) >= first + nb;
}

bool virtio_mem_map_is_unplugged(const VirtIOMEMMap *map, uint64_t first, uint64_t nb)
{
    virtio_mem_map_assert_range(map, first, nb);
    return find_next_bit(map->bitmap, first + nb, first) >= first + nb;
}

/* Blocks of [first, first + nb) that are in state @plugged. */
static uint64_t virtio_mem_map_count(const VirtIOMEMMap *map, bool plugged, uint64_t first,
                                     uint64_t nb)
{
    uint64_t end = first + nb, count = 0;
    VirtIOMEMRun run = { .first = first };

    while (virtio_mem_map_next_run(map, plugged, run.first + run.nb, end, &run)) {
        count += run.nb;
    }
    return count;
}

void virtio_mem_map_plug(VirtIOMEMMap *map, uint64_t first, uint64_t nb)
{
    virtio_mem_map_assert_range(map, first, nb);
    map->nb_plugged += virtio_mem_map_count(map, false, first, nb);
    bitmap_set(map->bitmap, first, nb);
}

void virtio_mem_map_unplug(VirtIOMEMMap *map, uint64_t first, uint64_t nb)
{
    virtio_mem_map_assert_range(map, first, nb);
    map->nb_plugged -= virtio_mem_map_count(map, true, first, nb);
    bitmap_clear(map->bitmap, first, nb);
}

void virtio_mem_map_unplug_all(VirtIOMEMMap *map)
{
    bitmap_clear(map->bitmap, 0, map->nb_blocks);
    map->nb_plugged = 0;
}

bool virtio_mem_map_next_run(const VirtIOMEMMap *map, bool plugged, uint64_t from, uint64_t end,
                             VirtIOMEMRun *run)
{
    uint64_t first, last;

    assert(end <= map->nb_blocks);
    if (from >= end) {
        return false;
    }
    if (plugged) {
        first = find_next_bit(map->bitmap, end, from);
        last = first < end ? find_next_zero_bit(map->bitmap, end, first) : end;
    } else {
        first = find_next_zero_bit(map->bitmap, end, from);
        last = first < end ? find_next_bit(map->bitmap, end, first) : end;
    }
    if (first >= end) {
        return false;
    }
    run->first = first;
    run->nb = MIN(last, end) - first;
    return true;
}
