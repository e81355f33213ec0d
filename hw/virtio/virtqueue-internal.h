/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a virtqueue, for the files of this folder that make one up, each of which uses
 * those before it: virtio-notify.c, virtqueue-memory.c (the ring and the buffers in guest RAM),
 * virtqueue-split.c and virtqueue-packed.c (the formats, VIRTIO 1.3, 2.7 and 2.8), virtqueue.c
 * (queues and elements) and virtio.c.
 *
 * A format is a table of operations. They are called with the ring mapped and accessible, on a
 * device that runs, unless said otherwise. What they read of the ring is the guest's: each field is
 * loaded once, into a local copy that is then checked.
 */
#ifndef HW_VIRTIO_VIRTQUEUE_INTERNAL_H
#define HW_VIRTIO_VIRTQUEUE_INTERNAL_H

#include "hw/virtio/virtio.h"
#include "qemu/main-loop.h"

/* A piece of a buffer, contiguous on the host. */
typedef struct VirtIOSegment {
    hwaddr gpa;
    RamSpan ram;
} VirtIOSegment;

/* One of a ring's three parts, see RING_*. */
typedef struct RingPart {
    hwaddr gpa;
    RamSpan ram;               /* good while the queue's generation is that of its memory */
    bool write;
} RingPart;

enum {
    RING_DESC,                 /* descriptor table; packed: the descriptor ring */
    RING_AVAIL,                /* driver area: available ring; packed: its event suppression */
    RING_USED,                 /* device area: used ring; packed: the device's event suppression */
    RING_PARTS,
};

/* What a format wants of a part. */
typedef struct RingPartInfo {
    const char *name;
    uint32_t size;             /* bytes */
    uint32_t align;
    bool write;                /* by the device */
} RingPartInfo;

/* Where the walk along a chain has got to. */
typedef struct ChainWalk {
    VirtQueue *vq;
    hwaddr table;              /* guest address of an indirect table; unused in the ring's own */
    bool indirect;
    unsigned table_size;       /* descriptors in the table now walked */
    unsigned nb_desc;          /* of that table, seen so far */
    unsigned nb_segs;
    unsigned nb_out;           /* segments; the rest are in */
    uint16_t id;               /* result: what the driver knows the chain by */
    uint16_t nb_ring;          /* result: entries of the ring that the chain takes */
} ChainWalk;

/* A chain that is given back but not yet shown to the driver; packed rings only. */
typedef struct VirtQueueUsed {
    uint16_t id;
    uint16_t nb_ring;          /* 0: nothing */
    uint32_t len;
} VirtQueueUsed;

typedef struct VirtQueueOps {
    bool (*size_valid)(unsigned num);
    void (*parts)(const VirtQueue *vq, RingPartInfo info[RING_PARTS]);
    /*
     * Is there something to pop? Before saying no, says where the driver must notify again and
     * looks once more: what it adds in between comes without a notification.
     */
    bool (*has_avail)(VirtQueue *vq);
    /*
     * After has_avail said yes: collects the chain in vdev->segs, moves on to the next one and
     * counts it as in use. False: malformed, virtio_error() was called.
     */
    bool (*collect)(ChainWalk *walk);
    /* The ring need not be usable: what cannot be written is forgotten. */
    void (*fill)(VirtQueue *vq, const VirtQueueElement *elem, unsigned len, unsigned idx);
    void (*flush)(VirtQueue *vq, unsigned count);
    void (*set_notification)(VirtQueue *vq, bool enable);
    /* Does the driver want to hear of what was flushed since the last time it was asked? */
    bool (*should_notify)(VirtQueue *vq);
} VirtQueueOps;

extern const VirtQueueOps virtqueue_split_ops;
extern const VirtQueueOps virtqueue_packed_ops;

struct VirtQueue {
    VirtIODevice *vdev;
    VirtIOHandleOutput handle_output;
    const VirtQueueOps *ops;   /* of the format that was negotiated when the queue was enabled */
    uint16_t index;
    uint16_t vector;
    unsigned num;
    unsigned num_max;
    bool enabled;
    uint64_t generation;       /* of the address space that the parts were looked up in; 0: none */
    bool kicked;               /* notified while it could not be processed */
    bool handling;             /* inside handle_output */
    unsigned nb_popped;        /* by this call of it */
    QEMUBH *turn_bh;           /* calls it again; made when first needed */
    bool notification;         /* the driver is to notify */
    uint32_t epoch;            /* changes when the ring is reset */

    RingPart part[RING_PARTS];

    /* Positions. Split: counted without end; packed: in the ring, with the lap's wrap counter. */
    uint16_t last_avail_idx;   /* next to pop */
    uint16_t used_idx;         /* next to give back */
    bool avail_wrap;
    bool used_wrap;
    uint16_t inuse;            /* entries popped, not yet flushed or detached */

    uint16_t shadow_avail_idx; /* split: the driver's index when last read */
    uint16_t head_flags;       /* packed: of the descriptor at last_avail_idx, when last read */
    VirtQueueUsed *used;       /* packed: num_max of them; filled, not flushed */

    /* Entries flushed since should_notify was last asked; UINT32_MAX: it never was, or too many. */
    uint32_t nb_unsignalled;
};

/* ---- guest memory may change under us: exactly one load or store each ----------------------- */

static inline uint16_t guest_load16(const void *p)
{
    return GUINT16_FROM_LE(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static inline void guest_store16(void *p, uint16_t val)
{
    __atomic_store_n((uint16_t *)p, GUINT16_TO_LE(val), __ATOMIC_RELAXED);
}

static inline void guest_store16_release(void *p, uint16_t val)
{
    __atomic_store_n((uint16_t *)p, GUINT16_TO_LE(val), __ATOMIC_RELEASE);
}

/* The device has written @size bytes at @p, within a part of the ring. */
static inline void ring_set_dirty(const VirtQueue *vq, int part, const void *p, hwaddr size)
{
    const RamSpan *ram = &vq->part[part].ram;

    memory_region_set_dirty(ram->mr, ram->offset + ((const uint8_t *)p - ram->hva), size);
}

static inline bool ring_event_idx(const VirtQueue *vq)
{
    return virtio_vdev_has_feature(vq->vdev, VIRTIO_RING_F_EVENT_IDX);
}

/* ---- virtio-notify.c ------------------------------------------------------------------------ */

/* The driver has said DRIVER_OK, and the transport lets the device reach memory. */
bool virtio_running(const VirtIODevice *vdev);
void virtio_notify_vector(VirtIODevice *vdev, uint16_t vector);

/* ---- virtqueue-memory.c --------------------------------------------------------------------- */

/* Looks all parts of the ring up in guest RAM. False: the device is broken, one is not there. */
bool ring_map(VirtQueue *vq);
/* May the ring be touched now? False also after breaking the device because it may not. */
bool virtqueue_usable(VirtQueue *vq);

/* Reads descriptor @i of the indirect table. */
bool chain_read_table(ChainWalk *walk, unsigned i, void *desc, size_t size);
/* Goes over to the table of @len bytes at @gpa that a descriptor with these flags names. */
bool chain_enter_table(ChainWalk *walk, hwaddr gpa, uint32_t len, uint16_t flags);
/* Adds a buffer, in as many segments as RAM has pieces there. */
bool chain_add_buffer(ChainWalk *walk, hwaddr gpa, uint32_t len, bool write);

/* ---- virtqueue.c ---------------------------------------------------------------------------- */

/* Back to before a driver: the ring is gone, its elements are strangers. */
void virtqueue_reset(VirtQueue *vq);
/* Calls handle_output, or remembers to. */
void virtqueue_handle(VirtQueue *vq);

#endif /* HW_VIRTIO_VIRTQUEUE_INTERNAL_H */
