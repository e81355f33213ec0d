/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed virtqueues (VIRTIO 1.3, 2.8): one ring of descriptors that driver and device both write. A
 * chain is a run of neighbours. Two flags of a descriptor, compared with a wrap counter that each
 * side turns over with every lap, say whose it is; a used chain is told in the first descriptor
 * of as many as it had, the others are skipped.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue-internal.h"

/* 2.8.1, 2.8.13. */
#define DESC_F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define DESC_F_USED (1u << VRING_PACKED_DESC_F_USED)
/* 2.8.14: descriptor event offset and wrap counter in one field. */
#define EVENT_OFFSET(off_wrap) ((off_wrap) & 0x7fff)
#define EVENT_WRAP(off_wrap) ((off_wrap) >> VRING_PACKED_EVENT_F_WRAP_CTR)
#define PACKED_SIZE_MAX 32768  /* 2.8.10.1; any size up to it */

static inline struct vring_packed_desc *packed_desc(VirtQueue *vq, unsigned i)
{
    return (struct vring_packed_desc *)vq->part[RING_DESC].ram.hva + i;
}

/* What the driver wants to hear of; the device only reads it. */
static inline const struct vring_packed_desc_event *packed_driver_event(VirtQueue *vq)
{
    return (const struct vring_packed_desc_event *)vq->part[RING_AVAIL].ram.hva;
}

/* What the device wants to hear of. */
static inline struct vring_packed_desc_event *packed_device_event(VirtQueue *vq)
{
    return (struct vring_packed_desc_event *)vq->part[RING_USED].ram.hva;
}

static bool packed_size_valid(unsigned num)
{
    return num && num <= PACKED_SIZE_MAX;
}

static void packed_parts(const VirtQueue *vq, RingPartInfo info[RING_PARTS])
{
    info[RING_DESC] = (RingPartInfo) {
        "descriptor ring", vq->num * sizeof(struct vring_packed_desc), 16, true,
    };
    info[RING_AVAIL] = (RingPartInfo) {
        "driver event suppression", sizeof(struct vring_packed_desc_event), 4, false,
    };
    info[RING_USED] = (RingPartInfo) {
        "device event suppression", sizeof(struct vring_packed_desc_event), 4, true,
    };
}

/* ---- popping --------------------------------------------------------------------------------- */

/* 2.8.1: made available in the lap with this counter, and not used since. */
static bool packed_is_avail(uint16_t flags, bool wrap)
{
    bool avail = flags & DESC_F_AVAIL, used = flags & DESC_F_USED;

    return avail == wrap && used != wrap;
}

static bool packed_load_head(VirtQueue *vq)
{
    vq->head_flags = guest_load16(&packed_desc(vq, vq->last_avail_idx)->flags);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);  /* what the flags make valid is read after them */
    return packed_is_avail(vq->head_flags, vq->avail_wrap);
}

/* Asks for a notification of the next descriptor made available, or of none. */
static void packed_set_notification(VirtQueue *vq, bool enable)
{
    struct vring_packed_desc_event *event = packed_device_event(vq);

    if (!enable) {
        guest_store16(&event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
    } else if (!ring_event_idx(vq)) {
        guest_store16(&event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
    } else {
        guest_store16(&event->off_wrap, vq->last_avail_idx |
                                        vq->avail_wrap << VRING_PACKED_EVENT_F_WRAP_CTR);
        guest_store16_release(&event->flags, VRING_PACKED_EVENT_FLAG_DESC);
    }
    ring_set_dirty(vq, RING_USED, event, sizeof(*event));
}

static bool packed_has_avail(VirtQueue *vq)
{
    if (packed_load_head(vq)) {
        return true;
    }
    if (!ring_event_idx(vq) || !vq->notification) {
        return false;
    }
    packed_set_notification(vq, true);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return packed_load_head(vq);
}

static void packed_desc_from_le(struct vring_packed_desc *desc)
{
    __asm__ volatile("" ::: "memory");  /* the copy is final: no second read of the original */
    desc->addr = GUINT64_FROM_LE(desc->addr);
    desc->len = GUINT32_FROM_LE(desc->len);
    desc->id = GUINT16_FROM_LE(desc->id);
    desc->flags = GUINT16_FROM_LE(desc->flags);
}

/* 2.8.7: a table is read from start to end; of the flags only WRITE means something there. */
static bool packed_walk_table(ChainWalk *walk)
{
    for (unsigned i = 0; i < walk->table_size; i++) {
        struct vring_packed_desc desc;

        if (!chain_read_table(walk, i, &desc, sizeof(desc))) {
            return false;
        }
        packed_desc_from_le(&desc);
        if (desc.flags & VRING_DESC_F_INDIRECT) {
            return chain_enter_table(walk, desc.addr, desc.len, desc.flags);  /* refused */
        }
        if (!chain_add_buffer(walk, desc.addr, desc.len, desc.flags & VRING_DESC_F_WRITE)) {
            return false;
        }
    }
    return true;
}

/* Reads the descriptor at position @i, whose flags were read before if it is the head. */
static bool packed_read_desc(ChainWalk *walk, unsigned i, bool wrap, struct vring_packed_desc *desc)
{
    VirtQueue *vq = walk->vq;

    memcpy(desc, packed_desc(vq, i), sizeof(*desc));
    packed_desc_from_le(desc);
    if (!walk->nb_ring) {
        desc->flags = vq->head_flags;
    } else if (!packed_is_avail(desc->flags, wrap)) {
        virtio_error(vq->vdev, "queue %u: a chain goes on to descriptor %u, which is not available",
                     vq->index, i);
        return false;
    }
    if (walk->nb_ring >= vq->num - vq->inuse) {
        virtio_error(vq->vdev, "queue %u: a chain is longer than the %u entries not in use",
                     vq->index, vq->num - vq->inuse);
        return false;
    }
    walk->nb_ring++;
    return true;
}

static bool packed_add_desc(ChainWalk *walk, const struct vring_packed_desc *desc)
{
    VirtQueue *vq = walk->vq;

    if (!(desc->flags & VRING_DESC_F_INDIRECT)) {
        return chain_add_buffer(walk, desc->addr, desc->len, desc->flags & VRING_DESC_F_WRITE);
    }
    if (walk->nb_ring > 1) {  /* 2.8.19: not in a chain */
        virtio_error(vq->vdev, "queue %u: indirect descriptor in a chain", vq->index);
        return false;
    }
    return chain_enter_table(walk, desc->addr, desc->len, desc->flags) &&
           packed_walk_table(walk);
}

static bool packed_collect(ChainWalk *walk)
{
    VirtQueue *vq = walk->vq;
    unsigned i = vq->last_avail_idx;
    bool wrap = vq->avail_wrap;
    struct vring_packed_desc desc;

    do {
        if (!packed_read_desc(walk, i, wrap, &desc) || !packed_add_desc(walk, &desc)) {
            return false;
        }
        if (++i == vq->num) {
            i = 0;
            wrap = !wrap;
        }
    } while (desc.flags & VRING_DESC_F_NEXT);
    walk->id = desc.id;  /* 2.8.6: that of the last one counts */
    vq->last_avail_idx = i;
    vq->avail_wrap = wrap;
    return true;
}

/* ---- giving back ----------------------------------------------------------------------------- */

static void packed_fill(VirtQueue *vq, const VirtQueueElement *elem, unsigned len, unsigned idx)
{
    assert(idx < vq->num);
    vq->used[idx] = (VirtQueueUsed) {
        .id = elem->index,
        .nb_ring = elem->ndescs,
        .len = len,
    };
}

static void packed_advance_used(VirtQueue *vq, unsigned nb)
{
    unsigned idx = vq->used_idx + nb;

    if (idx >= vq->num) {
        idx -= vq->num;
        vq->used_wrap = !vq->used_wrap;
    }
    vq->used_idx = idx;
    if (__builtin_add_overflow(vq->nb_unsignalled, nb, &vq->nb_unsignalled)) {
        vq->nb_unsignalled = UINT32_MAX;
    }
}

/* 2.8.4: the length counts only with WRITE set; the flags are written last. */
static void packed_write_used(VirtQueue *vq, const VirtQueueUsed *used)
{
    struct vring_packed_desc *desc = packed_desc(vq, vq->used_idx);
    uint16_t flags = (vq->used_wrap ? DESC_F_AVAIL | DESC_F_USED : 0) |
                     (used->len ? VRING_DESC_F_WRITE : 0);

    desc->id = GUINT16_TO_LE(used->id);
    desc->len = GUINT32_TO_LE(used->len);
    guest_store16_release(&desc->flags, flags);
    ring_set_dirty(vq, RING_DESC, desc, sizeof(*desc));
}

static void packed_flush(VirtQueue *vq, unsigned count)
{
    bool usable = virtqueue_usable(vq);

    /* Where it is not, the driver has been told, and may have reset the queue. */
    for (unsigned i = 0; vq->used && i < count && vq->used[i].nb_ring; i++) {
        if (usable) {
            packed_write_used(vq, &vq->used[i]);
            packed_advance_used(vq, vq->used[i].nb_ring);
        }
        vq->inuse -= vq->used[i].nb_ring;
        vq->used[i].nb_ring = 0;
    }
}

/* ---- notifications --------------------------------------------------------------------------- */

/* 2.8.14: always, never, or once a certain descriptor of the ring has been used. */
static bool packed_should_notify(VirtQueue *vq)
{
    const struct vring_packed_desc_event *event = packed_driver_event(vq);
    uint32_t nb = vq->nb_unsignalled;
    uint16_t flags = guest_load16(&event->flags), off_wrap, position;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);  /* the driver writes the flags last */
    off_wrap = guest_load16(&event->off_wrap);
    vq->nb_unsignalled = 0;
    if (flags == VRING_PACKED_EVENT_FLAG_DISABLE) {
        return false;
    }
    if (flags != VRING_PACKED_EVENT_FLAG_DESC || !ring_event_idx(vq) || nb >= vq->num) {
        return true;
    }
    position = EVENT_OFFSET(off_wrap);
    if (EVENT_WRAP(off_wrap) != vq->used_wrap) {
        position -= vq->num;  /* in the lap before */
    }
    return vring_need_event(position, vq->used_idx, vq->used_idx - nb);
}

const VirtQueueOps virtqueue_packed_ops = {
    .size_valid = packed_size_valid,
    .parts = packed_parts,
    .has_avail = packed_has_avail,
    .collect = packed_collect,
    .fill = packed_fill,
    .flush = packed_flush,
    .set_notification = packed_set_notification,
    .should_notify = packed_should_notify,
};
