/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtqueue's guest memory, whatever the format of its ring (VIRTIO 1.3, 2.6 to 2.8): where the
 * ring's parts are and whether they may be touched, and the pieces of RAM that a chain of
 * descriptors names, indirect tables included.
 *
 * A queue's three ring parts are looked up in guest RAM once, when it is enabled, and again only
 * after the view of its address space has changed; whether they may be accessed is asked each time.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue-internal.h"

/* ---- rings ---------------------------------------------------------------------------------- */

static bool ring_map_part(VirtQueue *vq, RingPart *part, const RingPartInfo *info)
{
    part->write = info->write;
    if (!QEMU_IS_ALIGNED(part->gpa, info->align)) {
        virtio_error(vq->vdev, "queue %u: %s at 0x%" PRIx64 " is not aligned to %u bytes",
                     vq->index, info->name, part->gpa, info->align);
        return false;
    }
    if (address_space_find_ram(vq->vdev->dma_as, part->gpa, info->size, part->write, &part->ram) ||
        part->ram.size < info->size) {
        virtio_error(vq->vdev, "queue %u: %s at 0x%" PRIx64 " is not in %sRAM", vq->index,
                     info->name, part->gpa, part->write ? "writable " : "");
        return false;
    }
    /* From here on it is loaded and stored as it is. */
    if (!ram_span_populate(&part->ram, part->write)) {
        virtio_error(vq->vdev, "queue %u: the host has no memory for its %s at 0x%" PRIx64,
                     vq->index, info->name, part->gpa);
        return false;
    }
    return true;
}

/* Breaks the device if a part is not in RAM. */
bool ring_map(VirtQueue *vq)
{
    RingPartInfo info[RING_PARTS];

    vq->ops->parts(vq, info);
    vq->generation = 0;
    for (int i = 0; i < RING_PARTS; i++) {
        if (!ring_map_part(vq, &vq->part[i], &info[i])) {
            return false;
        }
    }
    vq->generation = address_space_generation(vq->vdev->dma_as);
    return true;
}

/* A ring may lie in memory that the guest has since unplugged. */
static bool ring_accessible(VirtQueue *vq)
{
    for (int i = 0; i < RING_PARTS; i++) {
        RingPart *part = &vq->part[i];
        const RamSpan *ram = &part->ram;

        if (!memory_region_range_accessible(ram->mr, ram->offset, ram->size, part->write)) {
            virtio_error(vq->vdev, "queue %u: its ring at 0x%" PRIx64 " is in unplugged memory",
                         vq->index, part->gpa);
            return false;
        }
    }
    return true;
}

bool virtqueue_usable(VirtQueue *vq)
{
    if (!vq->enabled || vq->vdev->broken || !virtio_running(vq->vdev)) {
        return false;
    }
    if (G_UNLIKELY(vq->generation != address_space_generation(vq->vdev->dma_as)) &&
        !ring_map(vq)) {
        return false;
    }
    return ring_accessible(vq);
}

/* ---- chains --------------------------------------------------------------------------------- */

bool chain_read_table(ChainWalk *walk, unsigned i, void *desc, size_t size)
{
    static const MemTxAttrs only_ram = { .memory = true };
    VirtQueue *vq = walk->vq;
    hwaddr gpa = walk->table + (hwaddr)i * size;

    if (address_space_read(vq->vdev->dma_as, gpa, only_ram, desc, size)) {
        virtio_error(vq->vdev, "queue %u: indirect table at 0x%" PRIx64 " is not in RAM",
                     vq->index, walk->table);
        return false;
    }
    return true;
}

/* 2.7.5.3 and 2.8.7. Descriptors have the same size in both formats. */
bool chain_enter_table(ChainWalk *walk, hwaddr gpa, uint32_t len, uint16_t flags)
{
    VirtQueue *vq = walk->vq;
    VirtIODevice *vdev = vq->vdev;
    hwaddr end;

    if (!virtio_vdev_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC)) {
        virtio_error(vdev, "queue %u: indirect descriptor without the feature", vq->index);
        return false;
    }
    if (walk->indirect) {
        virtio_error(vdev, "queue %u: indirect descriptor in an indirect table", vq->index);
        return false;
    }
    if (flags & VRING_DESC_F_NEXT) {
        virtio_error(vdev, "queue %u: indirect descriptor with a next one", vq->index);
        return false;
    }
    if (!len || len % sizeof(struct vring_desc)) {
        virtio_error(vdev, "queue %u: indirect table of %u bytes", vq->index, len);
        return false;
    }
    if (__builtin_add_overflow(gpa, (hwaddr)len - 1, &end)) {
        virtio_error(vdev, "queue %u: indirect table wraps at 0x%" PRIx64, vq->index, gpa);
        return false;
    }
    walk->indirect = true;
    walk->table = gpa;
    walk->table_size = len / sizeof(struct vring_desc);
    walk->nb_desc = 0;
    return true;
}

bool chain_add_buffer(ChainWalk *walk, hwaddr gpa, uint32_t len, bool write)
{
    VirtQueue *vq = walk->vq;
    VirtIODevice *vdev = vq->vdev;
    hwaddr left = len, end;

    if (!left) {
        virtio_error(vdev, "queue %u: zero sized buffers are not allowed", vq->index);
        return false;
    }
    if (__builtin_add_overflow(gpa, left - 1, &end)) {
        virtio_error(vdev, "queue %u: buffer wraps at 0x%" PRIx64, vq->index, gpa);
        return false;
    }
    if (!write && walk->nb_segs > walk->nb_out) {
        virtio_error(vdev, "queue %u: readable buffer after a writable one", vq->index);
        return false;
    }
    while (left) {
        VirtIOSegment *seg = &vdev->segs[walk->nb_segs];

        if (walk->nb_segs == VIRTQUEUE_MAX_SIZE) {
            virtio_error(vdev, "queue %u: more than %u buffers", vq->index, VIRTQUEUE_MAX_SIZE);
            return false;
        }
        if (address_space_find_ram(vdev->dma_as, gpa, left, write, &seg->ram)) {
            virtio_error(vdev, "queue %u: no %s RAM at 0x%" PRIx64, vq->index,
                         write ? "writable" : "readable", gpa);
            return false;
        }
        seg->gpa = gpa;
        walk->nb_segs++;
        walk->nb_out += !write;
        gpa += seg->ram.size;
        left -= seg->ram.size;
    }
    return true;
}
