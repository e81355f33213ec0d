/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block map of a virtio-mem device: which blocks are plugged.
 *
 * A plain data structure without a device in it. The device, its discard manager and whoever shows
 * the map ask it in blocks (index 0 is the start of the region) and iterate over runs, maximal
 * ranges of blocks in the same state. A fresh map is all zero pages: memory is spent on what has
 * been plugged, not on what could be. All under the big lock.
 */
#ifndef HW_VIRTIO_MEM_MAP_H
#define HW_VIRTIO_MEM_MAP_H

typedef struct VirtIOMEMMap {
    unsigned long *bitmap;  /* one bit a block, set: plugged */
    uint64_t nb_blocks;
    uint64_t nb_plugged;    /* number of set bits */
} VirtIOMEMMap;

/* A maximal range of blocks in one state, or one clipped to the range asked for. */
typedef struct VirtIOMEMRun {
    uint64_t first;
    uint64_t nb;
} VirtIOMEMRun;

void virtio_mem_map_init(VirtIOMEMMap *map, uint64_t nb_blocks);
void virtio_mem_map_cleanup(VirtIOMEMMap *map);

/* Ranges [first, first + nb) must lie within the map; nb > 0 for the two predicates. */
bool virtio_mem_map_is_plugged(const VirtIOMEMMap *map, uint64_t first, uint64_t nb);
bool virtio_mem_map_is_unplugged(const VirtIOMEMMap *map, uint64_t first, uint64_t nb);
/* Change the state of a range, whatever it was before. */
void virtio_mem_map_plug(VirtIOMEMMap *map, uint64_t first, uint64_t nb);
void virtio_mem_map_unplug(VirtIOMEMMap *map, uint64_t first, uint64_t nb);
void virtio_mem_map_unplug_all(VirtIOMEMMap *map);

/*
 * The next run of @plugged blocks at or after block @from and before block @end. Returns false if
 * there is none. To iterate: start with from = 0, go on with from = run->first + run->nb.
 */
bool virtio_mem_map_next_run(const VirtIOMEMMap *map, bool plugged, uint64_t from, uint64_t end,
                             VirtIOMEMRun *run);

#endif /* HW_VIRTIO_MEM_MAP_H */
