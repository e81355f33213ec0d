/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues (VIRTIO 1.3, 2.7): a table of descriptors that the driver chains as it likes, a
 * ring of chain heads that it makes available, and a ring of those that the device has used.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue-internal.h"

static inline const struct vring_avail *ring_avail(VirtQueue *vq)
{
    return (const struct vring_avail *)vq->part[RING_AVAIL].ram.hva;
}

static inline struct vring_used *ring_used(VirtQueue *vq)
{
    return (struct vring_used *)vq->part[RING_USED].ram.hva;
}

/* avail_event: the driver notifies when its index passes this one (2.7.10). */
static inline uint16_t *ring_avail_event(VirtQueue *vq)
{
    return (uint16_t *)&ring_used(vq)->ring[vq->num];
}

/* used_event: the device notifies when its index passes this one (2.7.8). */
static inline uint16_t ring_used_event(VirtQueue *vq)
{
    return guest_load16(&ring_avail(vq)->ring[vq->num]);
}

static void ring_store_used16(VirtQueue *vq, uint16_t *p, uint16_t val)
{
    guest_store16_release(p, val);
    ring_set_dirty(vq, RING_USED, p, sizeof(*p));
}

static bool split_size_valid(unsigned num)
{
    return is_power_of_2(num);
}

static void split_parts(const VirtQueue *vq, RingPartInfo info[RING_PARTS])
{
    info[RING_DESC] = (RingPartInfo) {
        "descriptor table", vq->num * sizeof(struct vring_desc), 16, false,
    };
    /* flags, idx, ring[num], used_event; flags, idx, ring[num], avail_event */
    info[RING_AVAIL] = (RingPartInfo) {
        "available ring", (3 + vq->num) * sizeof(uint16_t), 2, false,
    };
    info[RING_USED] = (RingPartInfo) {
        "used ring", 3 * sizeof(uint16_t) + vq->num * sizeof(struct vring_used_elem), 4, true,
    };
}

/* ---- popping --------------------------------------------------------------------------------- */

/* Reads the driver's index once; false if it claims more than the ring can hold. */
static bool split_load_avail_idx(VirtQueue *vq)
{
    uint16_t idx = guest_load16(&ring_avail(vq)->idx);

    if ((uint16_t)(idx - vq->last_avail_idx) > vq->num) {
        virtio_error(vq->vdev, "queue %u: available index moved from %u to %u, but it has %u "
                     "entries", vq->index, vq->last_avail_idx, idx, vq->num);
        return false;
    }
    vq->shadow_avail_idx = idx;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);  /* what the index covers is read after it */
    return true;
}

static bool split_has_avail(VirtQueue *vq)
{
    if (vq->shadow_avail_idx != vq->last_avail_idx) {
        return true;
    }
    if (!split_load_avail_idx(vq)) {
        return false;
    }
    if (vq->shadow_avail_idx != vq->last_avail_idx) {
        return true;
    }
    if (!ring_event_idx(vq) || !vq->notification) {
        return false;
    }
    ring_store_used16(vq, ring_avail_event(vq), vq->last_avail_idx);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return split_load_avail_idx(vq) && vq->shadow_avail_idx != vq->last_avail_idx;
}

static bool split_read_desc(ChainWalk *walk, unsigned i, struct vring_desc *desc)
{
    if (!walk->indirect) {
        memcpy(desc, walk->vq->part[RING_DESC].ram.hva + (size_t)i * sizeof(*desc), sizeof(*desc));
    } else if (!chain_read_table(walk, i, desc, sizeof(*desc))) {
        return false;
    }
    __asm__ volatile("" ::: "memory");  /* the copy is final: no second read of the original */
    desc->addr = GUINT64_FROM_LE(desc->addr);
    desc->len = GUINT32_FROM_LE(desc->len);
    desc->flags = GUINT16_FROM_LE(desc->flags);
    desc->next = GUINT16_FROM_LE(desc->next);
    return true;
}

/* Follows the chain that starts at descriptor @i. */
static bool split_walk(ChainWalk *walk, unsigned i)
{
    VirtQueue *vq = walk->vq;
    struct vring_desc desc;

    walk->table_size = vq->num;
    for (;;) {
        if (i >= walk->table_size) {
            virtio_error(vq->vdev, "queue %u: descriptor %u of %u", vq->index, i,
                         walk->table_size);
            return false;
        }
        if (walk->nb_desc++ == walk->table_size) {
            virtio_error(vq->vdev, "queue %u: looped descriptors", vq->index);
            return false;
        }
        if (!split_read_desc(walk, i, &desc)) {
            return false;
        }
        if (desc.flags & VRING_DESC_F_INDIRECT) {
            if (!chain_enter_table(walk, desc.addr, desc.len, desc.flags)) {
                return false;
            }
            i = 0;
            continue;
        }
        if (!chain_add_buffer(walk, desc.addr, desc.len, desc.flags & VRING_DESC_F_WRITE)) {
            return false;
        }
        if (!(desc.flags & VRING_DESC_F_NEXT)) {
            return true;
        }
        i = desc.next;
    }
}

static bool split_collect(ChainWalk *walk)
{
    VirtQueue *vq = walk->vq;

    walk->id = guest_load16(&ring_avail(vq)->ring[vq->last_avail_idx & (vq->num - 1)]);
    walk->nb_ring = 1;
    if (!split_walk(walk, walk->id)) {
        return false;
    }
    vq->last_avail_idx++;
    return true;
}

/* ---- giving back ----------------------------------------------------------------------------- */

static void split_fill(VirtQueue *vq, const VirtQueueElement *elem, unsigned len, unsigned idx)
{
    struct vring_used_elem *used;

    if (!virtqueue_usable(vq)) {
        return;
    }
    used = &ring_used(vq)->ring[(uint16_t)(vq->used_idx + idx) & (vq->num - 1)];
    used->id = GUINT32_TO_LE(elem->index);
    used->len = GUINT32_TO_LE(len);
    ring_set_dirty(vq, RING_USED, used, sizeof(*used));
}

static void split_flush(VirtQueue *vq, unsigned count)
{
    vq->inuse -= count;
    if (!virtqueue_usable(vq)) {
        return;
    }
    vq->used_idx += count;
    ring_store_used16(vq, &ring_used(vq)->idx, vq->used_idx);
    if (__builtin_add_overflow(vq->nb_unsignalled, count, &vq->nb_unsignalled)) {
        vq->nb_unsignalled = UINT32_MAX;
    }
}

/* ---- notifications --------------------------------------------------------------------------- */

static void split_set_notification(VirtQueue *vq, bool enable)
{
    if (!ring_event_idx(vq)) {
        ring_store_used16(vq, &ring_used(vq)->flags, enable ? 0 : VRING_USED_F_NO_NOTIFY);
    } else if (enable) {
        ring_store_used16(vq, ring_avail_event(vq), vq->last_avail_idx);
    }
}

/* 2.7.7: flags of the available ring, or used_event, tell whether the driver wants to know. */
static bool split_should_notify(VirtQueue *vq)
{
    uint32_t nb = vq->nb_unsignalled;

    if (!ring_event_idx(vq)) {
        return !(guest_load16(&ring_avail(vq)->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    vq->nb_unsignalled = 0;
    return nb > UINT16_MAX ||
           vring_need_event(ring_used_event(vq), vq->used_idx, vq->used_idx - nb);
}

const VirtQueueOps virtqueue_split_ops = {
    .size_valid = split_size_valid,
    .parts = split_parts,
    .has_avail = split_has_avail,
    .collect = split_collect,
    .fill = split_fill,
    .flush = split_flush,
    .set_notification = split_set_notification,
    .should_notify = split_should_notify,
};
