/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM as a virtio device sees it: a small table sorted by address, kept by a memory listener,
 * from which the guest's addresses are translated. Memory that a RamDiscardManager calls unplugged
 * is not there for writing, nor for reading if its driver was told so.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue-internal.h"

/* Index of the first range that ends after @gpa. */
static unsigned virtio_ram_search(VirtIODevice *vdev, hwaddr gpa)
{
    unsigned low = 0, high = vdev->ram->len;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        const VirtIORamRange *range = &g_array_index(vdev->ram, VirtIORamRange, mid);

        if (gpa >= range->start && gpa - range->start >= range->size) {
            low = mid + 1;
        } else if (gpa < range->start) {
            high = mid;
        } else {
            return mid;
        }
    }
    return low;
}

static void virtio_memory_region_add(MemoryListener *listener, MemoryRegionSection *section)
{
    VirtIODevice *vdev = container_of(listener, VirtIODevice, listener);
    VirtIORamRange range = {
        .start = section->offset_within_address_space,
        .mr = section->mr,
        .offset = section->offset_within_region,
        .readonly = section->readonly,
    };

    if (!memory_region_is_ram(section->mr)) {
        return;
    }
    range.size = int128_get64(section->size);
    range.hva = (uint8_t *)memory_region_get_ram_ptr(section->mr) + range.offset;
    memory_region_ref(range.mr);
    g_array_insert_val(vdev->ram, virtio_ram_search(vdev, range.start), range);
    virtqueue_forget_rings(vdev);
}

static void virtio_memory_region_del(MemoryListener *listener, MemoryRegionSection *section)
{
    VirtIODevice *vdev = container_of(listener, VirtIODevice, listener);
    unsigned i = virtio_ram_search(vdev, section->offset_within_address_space);

    if (!memory_region_is_ram(section->mr) || i >= vdev->ram->len) {
        return;
    }
    assert(g_array_index(vdev->ram, VirtIORamRange, i).mr == section->mr);
    g_array_remove_index(vdev->ram, i);
    memory_region_unref(section->mr);
    virtqueue_forget_rings(vdev);
}

static const VirtIORamRange *virtio_ram_find(VirtIODevice *vdev, hwaddr gpa)
{
    const VirtIORamRange *range;
    unsigned i = vdev->ram_hint;

    if (i < vdev->ram->len) {
        range = &g_array_index(vdev->ram, VirtIORamRange, i);
        if (gpa - range->start < range->size) {
            return range;
        }
    }
    i = virtio_ram_search(vdev, gpa);
    if (i >= vdev->ram->len) {
        return NULL;
    }
    range = &g_array_index(vdev->ram, VirtIORamRange, i);
    if (gpa < range->start) {
        return NULL;
    }
    vdev->ram_hint = i;
    return range;
}

bool virtio_ram_accessible(MemoryRegion *mr, hwaddr offset, hwaddr size, bool write)
{
    MemoryRegionSection section = {
        .mr = mr,
        .offset_within_region = offset,
        .size = int128_make64(size),
    };

    if (G_LIKELY(!memory_region_has_ram_discard_manager(mr)) || (!write && !mr->rdm_inaccessible)) {
        return true;
    }
    return ram_discard_manager_is_populated(memory_region_get_ram_discard_manager(mr), &section);
}

uint8_t *virtio_ram_map(VirtIODevice *vdev, hwaddr gpa, hwaddr *len, bool write,
                        MemoryRegion **mr, hwaddr *offset)
{
    const VirtIORamRange *range = virtio_ram_find(vdev, gpa);
    hwaddr skip;

    if (!range || (write && range->readonly)) {
        return NULL;
    }
    skip = gpa - range->start;
    *len = MIN(*len, range->size - skip);
    *offset = range->offset + skip;
    *mr = range->mr;
    if (!virtio_ram_accessible(range->mr, *offset, *len, write)) {
        return NULL;
    }
    return range->hva + skip;
}

bool virtio_ram_read(VirtIODevice *vdev, hwaddr gpa, void *buf, hwaddr len)
{
    uint8_t *to = buf;

    while (len) {
        hwaddr run = len, offset;
        MemoryRegion *mr;
        const uint8_t *from = virtio_ram_map(vdev, gpa, &run, false, &mr, &offset);

        if (!from) {
            return false;
        }
        memcpy(to, from, run);
        to += run;
        gpa += run;
        len -= run;
    }
    return true;
}

void virtio_ram_listen(VirtIODevice *vdev)
{
    vdev->ram = g_array_new(false, false, sizeof(VirtIORamRange));
    vdev->listener = (MemoryListener) {
        .name = "virtio",
        .region_add = virtio_memory_region_add,
        .region_del = virtio_memory_region_del,
    };
    memory_listener_register(&vdev->listener, vdev->dma_as);
}

void virtio_ram_unlisten(VirtIODevice *vdev)
{
    memory_listener_unregister(&vdev->listener);
    assert(!vdev->ram->len);
    g_array_free(vdev->ram, true);
    vdev->ram = NULL;
}
