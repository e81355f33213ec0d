/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport-independent half of a virtio device: status and feature negotiation, the
 * configuration space, split virtqueues (VIRTIO 1.2, sections 2 and 3).
 *
 * Two rules keep it safe and fast. Whatever lies in a ring is the guest's and may change at any
 * time: each field is read once, into a local copy that is then checked. And guest RAM is looked
 * up in a small sorted table that a memory listener keeps; a queue's three ring parts are
 * translated once, when it is enabled, and again only after the table has changed.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-bus.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"

/*
 * Elements that a queue gets rid of in one go, under the big lock. Another vCPU may add them as
 * fast as they are popped, and the monitor wants a turn as well.
 */
#define VIRTQUEUE_TURN 256

#define ERROR_BURST 10                      /* lines of virtio_error() ... */
#define ERROR_WINDOW_US (5 * G_USEC_PER_SEC)  /* ... in this time */

/* A piece of a buffer, contiguous on the host. */
typedef struct VirtIOSegment {
    hwaddr gpa;
    uint8_t *hva;
    size_t len;
    MemoryRegion *mr;
} VirtIOSegment;

/* One of a ring's three parts. */
typedef struct RingPart {
    hwaddr gpa;
    uint8_t *hva;              /* NULL: to be looked up again */
    MemoryRegion *mr;
    hwaddr offset;
    uint32_t size;
    bool write;
} RingPart;

enum { RING_DESC, RING_AVAIL, RING_USED, RING_PARTS };

struct VirtQueue {
    VirtIODevice *vdev;
    VirtIOHandleOutput handle_output;
    uint16_t index;
    uint16_t vector;
    unsigned num;              /* a power of two */
    unsigned num_max;
    bool enabled;
    bool mapped;               /* all parts' hva are good */
    bool kicked;               /* notified while it could not be processed */
    bool handling;             /* inside handle_output */
    unsigned nb_popped;        /* by this call of it */
    QEMUBH *turn_bh;           /* calls it again; made when first needed */
    bool notification;         /* the driver is to notify */
    uint32_t epoch;            /* changes when the ring is reset */

    RingPart part[RING_PARTS];

    uint16_t last_avail_idx;   /* next to pop */
    uint16_t shadow_avail_idx; /* the driver's index when last read */
    uint16_t used_idx;
    uint16_t signalled_used;   /* used_idx at the last decision whether to notify */
    bool signalled_used_valid;
    unsigned inuse;            /* popped, not yet flushed or detached */
};

static void virtqueue_next_turn(void *opaque);

/* ---- guest RAM ------------------------------------------------------------------------------ */

static void virtio_forget_rings(VirtIODevice *vdev)
{
    for (unsigned i = 0; i < vdev->nb_queues; i++) {
        vdev->vq[i]->mapped = false;
    }
}

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
    virtio_forget_rings(vdev);
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
    virtio_forget_rings(vdev);
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

/*
 * Unplugged memory of a virtio-mem device must never be written, or it would come back. Reading
 * it is refused only if its driver was told that it is inaccessible; older drivers may read.
 */
static bool virtio_ram_accessible(MemoryRegion *mr, hwaddr offset, hwaddr size, bool write)
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

/*
 * Host address of guest RAM at @gpa, which may be used for *@len bytes (lowered to what is
 * contiguous, never 0). NULL: nothing there that the device may read or, if @write, write.
 */
static uint8_t *virtio_ram_map(VirtIODevice *vdev, hwaddr gpa, hwaddr *len, bool write,
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

/* Copies @len bytes out of guest RAM. */
static bool virtio_ram_read(VirtIODevice *vdev, hwaddr gpa, void *buf, hwaddr len)
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

/* ---- errors and interrupts ------------------------------------------------------------------ */

static void virtio_notify_vector(VirtIODevice *vdev, uint16_t vector)
{
    BusState *bus = qdev_get_parent_bus(DEVICE(vdev));
    VirtioBusClass *k;

    if (!bus) {
        return;
    }
    k = VIRTIO_BUS_GET_CLASS(bus);
    if (k->notify) {
        k->notify(bus->parent, vector);
    }
}

static bool virtio_running(const VirtIODevice *vdev)
{
    return vdev->started && !vdev->disabled;
}

void virtio_notify_config(VirtIODevice *vdev)
{
    vdev->generation++;
    if (!virtio_running(vdev)) {
        /* A driver that is still starting may have read the old values. */
        vdev->config_pending = vdev->status & VIRTIO_CONFIG_S_DRIVER;
        return;
    }
    vdev->config_pending = false;
    vdev->isr |= 3;  /* bit 0 as well: guests see that of QEMU, and it only makes them look */
    virtio_notify_vector(vdev, vdev->config_vector);
}

/* Whether to print one more line: at most ERROR_BURST in each window. */
static bool virtio_error_allowed(VirtIODevice *vdev)
{
    int64_t now = g_get_monotonic_time();

    if (!vdev->nb_errors || now - vdev->error_window_us >= ERROR_WINDOW_US) {
        vdev->error_window_us = now;
        vdev->nb_errors = 0;
    }
    return vdev->nb_errors++ < ERROR_BURST;
}

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    if (virtio_error_allowed(vdev)) {
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        text = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        error_report("%s: %s", vdev->name ? vdev->name : "virtio", text);
    }
    if (vdev->broken) {
        return;
    }
    vdev->broken = true;
    vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    virtio_notify_config(vdev);
}

/* ---- rings ---------------------------------------------------------------------------------- */

static inline const struct vring_avail *ring_avail(VirtQueue *vq)
{
    return (const struct vring_avail *)vq->part[RING_AVAIL].hva;
}

static inline struct vring_used *ring_used(VirtQueue *vq)
{
    return (struct vring_used *)vq->part[RING_USED].hva;
}

/* Guest memory may change under us: exactly one load or store each. */
static inline uint16_t guest_load16(const void *p)
{
    return GUINT16_FROM_LE(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static inline void guest_store16(void *p, uint16_t val)
{
    __atomic_store_n((uint16_t *)p, GUINT16_TO_LE(val), __ATOMIC_RELAXED);
}

static void ring_set_sizes(VirtQueue *vq)
{
    vq->part[RING_DESC].size = vq->num * sizeof(struct vring_desc);
    /* flags, idx, ring[num], used_event; flags, idx, ring[num], avail_event */
    vq->part[RING_AVAIL].size = 3 * sizeof(uint16_t) + vq->num * sizeof(uint16_t);
    vq->part[RING_USED].size = 3 * sizeof(uint16_t) + vq->num * sizeof(struct vring_used_elem);
    vq->part[RING_USED].write = true;
}

static bool ring_map_part(VirtQueue *vq, RingPart *part, unsigned align, const char *what)
{
    hwaddr len = part->size;

    if (!QEMU_IS_ALIGNED(part->gpa, align)) {
        virtio_error(vq->vdev, "queue %u: %s at 0x%" PRIx64 " is not aligned to %u bytes",
                     vq->index, what, part->gpa, align);
        return false;
    }
    part->hva = virtio_ram_map(vq->vdev, part->gpa, &len, part->write, &part->mr, &part->offset);
    if (!part->hva || len < part->size) {
        virtio_error(vq->vdev, "queue %u: %s at 0x%" PRIx64 " is not in RAM", vq->index, what,
                     part->gpa);
        return false;
    }
    return true;
}

/* VIRTIO 1.2, 2.7: alignment of the three parts. Breaks the device if one is not in RAM. */
static bool ring_map(VirtQueue *vq)
{
    ring_set_sizes(vq);
    vq->mapped = ring_map_part(vq, &vq->part[RING_DESC], 16, "descriptor table") &&
                 ring_map_part(vq, &vq->part[RING_AVAIL], 2, "available ring") &&
                 ring_map_part(vq, &vq->part[RING_USED], 4, "used ring");
    return vq->mapped;
}

/* A ring may lie in memory that the guest has since unplugged. */
static bool ring_accessible(VirtQueue *vq)
{
    for (int i = 0; i < RING_PARTS; i++) {
        RingPart *part = &vq->part[i];

        if (!virtio_ram_accessible(part->mr, part->offset, part->size, part->write)) {
            virtio_error(vq->vdev, "queue %u: its ring at 0x%" PRIx64 " is in unplugged memory",
                         vq->index, part->gpa);
            return false;
        }
    }
    return true;
}

/* May the ring be touched now? */
static bool virtqueue_usable(VirtQueue *vq)
{
    if (!vq->enabled || vq->vdev->broken || !virtio_running(vq->vdev)) {
        return false;
    }
    if (G_UNLIKELY(!vq->mapped) && !ring_map(vq)) {
        return false;
    }
    return ring_accessible(vq);
}

static inline bool ring_event_idx(VirtQueue *vq)
{
    return virtio_vdev_has_feature(vq->vdev, VIRTIO_RING_F_EVENT_IDX);
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

/* Reads the driver's index once; false if it claims more than the ring can hold. */
static bool ring_load_avail_idx(VirtQueue *vq)
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

/*
 * Is there something to pop? Before saying no, says where the driver must notify again and looks
 * once more: what it adds in between comes without a notification.
 */
static bool ring_has_avail(VirtQueue *vq)
{
    if (vq->shadow_avail_idx != vq->last_avail_idx) {
        return true;
    }
    if (!ring_load_avail_idx(vq)) {
        return false;
    }
    if (vq->shadow_avail_idx != vq->last_avail_idx) {
        return true;
    }
    if (!ring_event_idx(vq) || !vq->notification) {
        return false;
    }
    guest_store16(ring_avail_event(vq), vq->last_avail_idx);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ring_load_avail_idx(vq) && vq->shadow_avail_idx != vq->last_avail_idx;
}

int virtio_queue_empty(VirtQueue *vq)
{
    if (!virtqueue_usable(vq)) {
        return true;
    }
    return !ring_has_avail(vq);
}

int virtio_queue_ready(VirtQueue *vq)
{
    return vq->enabled;
}

void virtio_queue_set_notification(VirtQueue *vq, int enable)
{
    vq->notification = enable;
    if (!virtqueue_usable(vq)) {
        return;
    }
    if (!ring_event_idx(vq)) {
        guest_store16(&ring_used(vq)->flags, enable ? 0 : VRING_USED_F_NO_NOTIFY);
    } else if (enable) {
        guest_store16(ring_avail_event(vq), vq->last_avail_idx);
    }
    if (enable) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

/* ---- popping: from the guest's descriptors to a checked element ----------------------------- */

/* Where the walk along a chain has got to. */
typedef struct ChainWalk {
    VirtQueue *vq;
    hwaddr table;              /* guest address of an indirect table; unused in the ring's own */
    bool indirect;
    unsigned table_size;       /* descriptors in the table now walked */
    unsigned nb_desc;          /* of that table, seen so far */
    unsigned nb_segs;
    unsigned nb_out;           /* segments; the rest are in */
} ChainWalk;

static bool chain_read_desc(ChainWalk *walk, unsigned i, struct vring_desc *desc)
{
    VirtQueue *vq = walk->vq;

    if (walk->indirect) {
        if (!virtio_ram_read(vq->vdev, walk->table + (hwaddr)i * sizeof(*desc), desc,
                             sizeof(*desc))) {
            virtio_error(vq->vdev, "queue %u: indirect table at 0x%" PRIx64 " is not in RAM",
                         vq->index, walk->table);
            return false;
        }
    } else {
        memcpy(desc, vq->part[RING_DESC].hva + (size_t)i * sizeof(*desc), sizeof(*desc));
    }
    __asm__ volatile("" ::: "memory");  /* the copy is final: no second read of the original */
    desc->addr = GUINT64_FROM_LE(desc->addr);
    desc->len = GUINT32_FROM_LE(desc->len);
    desc->flags = GUINT16_FROM_LE(desc->flags);
    desc->next = GUINT16_FROM_LE(desc->next);
    return true;
}

/* Goes over to the table that @desc names (2.7.5.3). */
static bool chain_enter_table(ChainWalk *walk, const struct vring_desc *desc)
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
    if (desc->flags & VRING_DESC_F_NEXT) {
        virtio_error(vdev, "queue %u: indirect descriptor with a next one", vq->index);
        return false;
    }
    if (!desc->len || desc->len % sizeof(*desc)) {
        virtio_error(vdev, "queue %u: indirect table of %u bytes", vq->index, desc->len);
        return false;
    }
    if (__builtin_add_overflow(desc->addr, (hwaddr)desc->len - 1, &end)) {
        virtio_error(vdev, "queue %u: indirect table wraps at 0x%" PRIx64, vq->index,
                     (hwaddr)desc->addr);
        return false;
    }
    walk->indirect = true;
    walk->table = desc->addr;
    walk->table_size = MIN(desc->len / sizeof(*desc), VIRTQUEUE_MAX_SIZE);
    walk->nb_desc = 0;
    return true;
}

/* Adds the buffer of @desc, in as many segments as RAM has pieces there. */
static bool chain_add_buffer(ChainWalk *walk, const struct vring_desc *desc)
{
    VirtQueue *vq = walk->vq;
    VirtIODevice *vdev = vq->vdev;
    bool write = desc->flags & VRING_DESC_F_WRITE;
    hwaddr gpa = desc->addr, left = desc->len, end;

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
        hwaddr run = left, offset;

        if (walk->nb_segs == VIRTQUEUE_MAX_SIZE) {
            virtio_error(vdev, "queue %u: more than %u buffers", vq->index, VIRTQUEUE_MAX_SIZE);
            return false;
        }
        seg->hva = virtio_ram_map(vdev, gpa, &run, write, &seg->mr, &offset);
        if (!seg->hva) {
            virtio_error(vdev, "queue %u: no %s RAM at 0x%" PRIx64, vq->index,
                         write ? "writable" : "readable", gpa);
            return false;
        }
        seg->gpa = gpa;
        seg->len = run;
        walk->nb_segs++;
        walk->nb_out += !write;
        gpa += run;
        left -= run;
    }
    return true;
}

/* Collects the chain that starts at @head in vdev->segs. */
static bool chain_collect(ChainWalk *walk, unsigned head)
{
    VirtQueue *vq = walk->vq;
    struct vring_desc desc;
    unsigned i = head;

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
        if (!chain_read_desc(walk, i, &desc)) {
            return false;
        }
        if (desc.flags & VRING_DESC_F_INDIRECT) {
            if (!chain_enter_table(walk, &desc)) {
                return false;
            }
            i = 0;
            continue;
        }
        if (!chain_add_buffer(walk, &desc)) {
            return false;
        }
        if (!(desc.flags & VRING_DESC_F_NEXT)) {
            return true;
        }
        i = desc.next;
    }
}

/* One allocation: the caller's structure, then the arrays. */
static VirtQueueElement *element_new(const ChainWalk *walk, size_t sz, unsigned head)
{
    const VirtIOSegment *segs = walk->vq->vdev->segs;
    unsigned n = walk->nb_segs;
    size_t base = ROUND_UP(sz, __alignof__(struct iovec));
    VirtQueueElement *elem;
    struct iovec *iov;

    elem = g_malloc(base + n * (sizeof(struct iovec) + sizeof(hwaddr) + sizeof(MemoryRegion *)));
    memset(elem, 0, sz);
    iov = (struct iovec *)((char *)elem + base);
    elem->index = head;
    elem->ndescs = 1;
    elem->epoch = walk->vq->epoch;
    elem->out_num = walk->nb_out;
    elem->in_num = n - walk->nb_out;
    elem->out_sg = iov;
    elem->in_sg = iov + walk->nb_out;
    elem->out_addr = (hwaddr *)(iov + n);
    elem->in_addr = elem->out_addr + walk->nb_out;
    elem->mapped = (MemoryRegion **)(elem->out_addr + n);
    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec) { .iov_base = segs[i].hva, .iov_len = segs[i].len };
        elem->out_addr[i] = segs[i].gpa;
        elem->mapped[i] = segs[i].mr;
        memory_region_ref(segs[i].mr);
    }
    return elem;
}

/* The device sees an empty queue, and is asked to look again once the main loop got round. */
static bool virtqueue_turn_over(VirtQueue *vq)
{
    if (!vq->handling || vq->nb_popped < VIRTQUEUE_TURN) {
        return false;
    }
    if (!vq->turn_bh) {
        vq->turn_bh = qemu_bh_new(virtqueue_next_turn, vq);
    }
    qemu_bh_schedule(vq->turn_bh);
    return true;
}

void *virtqueue_pop(VirtQueue *vq, size_t sz)
{
    ChainWalk walk = { .vq = vq };
    unsigned head;

    assert(sz >= sizeof(VirtQueueElement));
    if (!virtqueue_usable(vq) || !ring_has_avail(vq) || virtqueue_turn_over(vq)) {
        return NULL;
    }
    if (vq->inuse >= vq->num) {
        virtio_error(vq->vdev, "queue %u: more than its %u entries are in use", vq->index,
                     vq->num);
        return NULL;
    }
    head = guest_load16(&ring_avail(vq)->ring[vq->last_avail_idx & (vq->num - 1)]);
    if (!chain_collect(&walk, head)) {
        return NULL;
    }
    vq->last_avail_idx++;
    vq->inuse++;
    vq->nb_popped++;
    return element_new(&walk, sz, head);
}

/* ---- giving back ---------------------------------------------------------------------------- */

static void element_unmap(const VirtQueueElement *elem)
{
    for (unsigned i = 0; i < elem->out_num + elem->in_num; i++) {
        memory_region_unref(elem->mapped[i]);
    }
}

void virtqueue_detach_element(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len)
{
    if (elem->epoch == vq->epoch) {
        vq->inuse -= elem->ndescs;
    }
    element_unmap(elem);
}

bool virtqueue_element_is_plugged(const VirtQueueElement *elem)
{
    for (unsigned i = 0; i < elem->in_num; i++) {
        MemoryRegion *mr = elem->mapped[elem->out_num + i];
        hwaddr offset = (uint8_t *)elem->in_sg[i].iov_base -
                        (uint8_t *)memory_region_get_ram_ptr(mr);

        if (!virtio_ram_accessible(mr, offset, elem->in_sg[i].iov_len, true)) {
            return false;
        }
    }
    return true;
}

/* Can something be written to the used ring, for an element of the present ring? */
static bool virtqueue_returnable(VirtQueue *vq)
{
    return vq->inuse && virtqueue_usable(vq);
}

void virtqueue_fill(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len,
                    unsigned int idx)
{
    struct vring_used_elem *used;

    element_unmap(elem);
    if (elem->epoch != vq->epoch || !virtqueue_returnable(vq)) {
        return;
    }
    used = &ring_used(vq)->ring[(uint16_t)(vq->used_idx + idx) & (vq->num - 1)];
    used->id = GUINT32_TO_LE(elem->index);
    used->len = GUINT32_TO_LE(len);
}

void virtqueue_flush(VirtQueue *vq, unsigned int count)
{
    uint16_t old = vq->used_idx, new = old + count;

    if (count > vq->inuse) {
        return;  /* the ring was reset since these elements were popped */
    }
    vq->inuse -= count;
    if (!virtqueue_usable(vq)) {
        return;
    }
    __atomic_store_n((uint16_t *)&ring_used(vq)->idx, GUINT16_TO_LE(new), __ATOMIC_RELEASE);
    vq->used_idx = new;
    if ((uint16_t)(new - vq->signalled_used) < (uint16_t)(new - old)) {
        vq->signalled_used_valid = false;  /* a whole turn without a notification */
    }
}

void virtqueue_push(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len)
{
    bool present = elem->epoch == vq->epoch;

    virtqueue_fill(vq, elem, len, 0);
    if (present) {
        virtqueue_flush(vq, 1);
    }
}

/* 2.7.7: flags of the available ring, or used_event, tell whether the driver wants to know. */
static bool ring_should_notify(VirtQueue *vq)
{
    uint16_t old = vq->signalled_used, new = vq->used_idx;
    bool valid = vq->signalled_used_valid;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);  /* used index out before the wish is read */
    if (!ring_event_idx(vq)) {
        return !(guest_load16(&ring_avail(vq)->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    vq->signalled_used = new;
    vq->signalled_used_valid = true;
    return !valid || vring_need_event(ring_used_event(vq), new, old);
}

void virtio_notify(VirtIODevice *vdev, VirtQueue *vq)
{
    if (!virtqueue_usable(vq) || !ring_should_notify(vq)) {
        return;
    }
    vdev->isr |= 1;
    virtio_notify_vector(vdev, vq->vector);
}

/* ---- queues, as the transport sees them ------------------------------------------------------ */

VirtQueue *virtio_get_queue(VirtIODevice *vdev, int n)
{
    return n >= 0 && (unsigned)n < vdev->nb_queues ? vdev->vq[n] : NULL;
}

int virtio_get_queue_index(VirtQueue *vq)
{
    return vq->index;
}

int virtio_get_num_queues(VirtIODevice *vdev)
{
    return vdev->nb_queues;
}

/* Back to before a driver: the ring is gone, its elements are strangers. */
static void virtqueue_reset(VirtQueue *vq)
{
    vq->epoch++;
    vq->num = vq->num_max;
    vq->enabled = false;
    vq->mapped = false;
    vq->kicked = false;
    if (vq->turn_bh) {
        qemu_bh_cancel(vq->turn_bh);
    }
    vq->notification = true;
    vq->vector = VIRTIO_NO_VECTOR;
    vq->last_avail_idx = 0;
    vq->shadow_avail_idx = 0;
    vq->used_idx = 0;
    vq->signalled_used = 0;
    vq->signalled_used_valid = false;
    vq->inuse = 0;
    for (int i = 0; i < RING_PARTS; i++) {
        vq->part[i] = (RingPart) { };
    }
}

VirtQueue *virtio_add_queue(VirtIODevice *vdev, int queue_size, VirtIOHandleOutput handle_output)
{
    VirtQueue *vq;

    assert(vdev->nb_queues < VIRTIO_QUEUE_MAX);
    assert(queue_size <= VIRTQUEUE_MAX_SIZE && is_power_of_2(queue_size));
    vq = g_new0(VirtQueue, 1);
    vq->vdev = vdev;
    vq->index = vdev->nb_queues;
    vq->num_max = queue_size;
    vq->handle_output = handle_output;
    virtqueue_reset(vq);
    vdev->vq = g_renew(VirtQueue *, vdev->vq, vdev->nb_queues + 1);
    vdev->vq[vdev->nb_queues++] = vq;
    return vq;
}

void virtio_delete_queue(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;
    unsigned n = vq->index;

    memmove(&vdev->vq[n], &vdev->vq[n + 1], (vdev->nb_queues - n - 1) * sizeof(*vdev->vq));
    vdev->nb_queues--;
    for (unsigned i = n; i < vdev->nb_queues; i++) {
        vdev->vq[i]->index = i;
    }
    if (vq->turn_bh) {
        qemu_bh_delete(vq->turn_bh);
    }
    g_free(vq);
}

void virtio_del_queue(VirtIODevice *vdev, int n)
{
    assert(n >= 0 && (unsigned)n < vdev->nb_queues);
    virtio_delete_queue(vdev->vq[n]);
}

static void virtqueue_handle(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;

    /* A guest may point a queue's interrupt at its own notification register: no recursion. */
    if (!vq->enabled || !virtio_running(vdev) || vq->handling) {
        vq->kicked = true;
        return;
    }
    vq->kicked = false;
    if (!vdev->broken && vq->handle_output) {
        vq->handling = true;
        vq->nb_popped = 0;
        vq->handle_output(vdev, vq);
        vq->handling = false;
    }
}

static void virtqueue_next_turn(void *opaque)
{
    virtqueue_handle(opaque);
}

void virtio_queue_notify(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (vq) {
        virtqueue_handle(vq);
    }
}

/* The device can run now: catch up with what was asked of it before. */
static void virtio_catch_up(VirtIODevice *vdev)
{
    if (!virtio_running(vdev)) {
        return;
    }
    for (unsigned i = 0; i < vdev->nb_queues; i++) {
        if (vdev->vq[i]->kicked) {
            virtqueue_handle(vdev->vq[i]);
        }
    }
    if (vdev->config_pending) {
        vdev->generation--;  /* it was counted when the change came */
        virtio_notify_config(vdev);
    }
}

int virtio_queue_get_num(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq ? vq->num : 0;
}

int virtio_queue_get_max_num(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq ? vq->num_max : 0;
}

void virtio_queue_set_num(VirtIODevice *vdev, int n, int num)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (!vq || vq->enabled || num <= 0 || (unsigned)num > vq->num_max || !is_power_of_2(num)) {
        return;
    }
    vq->num = num;
}

void virtio_queue_set_rings(VirtIODevice *vdev, int n, hwaddr desc, hwaddr avail, hwaddr used)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (!vq || vq->enabled) {
        return;
    }
    vq->part[RING_DESC].gpa = desc;
    vq->part[RING_AVAIL].gpa = avail;
    vq->part[RING_USED].gpa = used;
    vq->mapped = false;
}

static hwaddr virtio_queue_get_part(VirtIODevice *vdev, int n, int part)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq ? vq->part[part].gpa : 0;
}

hwaddr virtio_queue_get_desc_addr(VirtIODevice *vdev, int n)
{
    return virtio_queue_get_part(vdev, n, RING_DESC);
}

hwaddr virtio_queue_get_avail_addr(VirtIODevice *vdev, int n)
{
    return virtio_queue_get_part(vdev, n, RING_AVAIL);
}

hwaddr virtio_queue_get_used_addr(VirtIODevice *vdev, int n)
{
    return virtio_queue_get_part(vdev, n, RING_USED);
}

void virtio_queue_enable(VirtIODevice *vdev, uint32_t queue_index)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    VirtQueue *vq = virtio_get_queue(vdev, queue_index);

    if (!vq || vq->enabled || vdev->broken || !ring_map(vq)) {
        return;
    }
    vq->enabled = true;
    if (k->queue_enable) {
        k->queue_enable(vdev, queue_index);
    }
}

bool virtio_queue_enabled(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq && vq->enabled;
}

void virtio_queue_reset(VirtIODevice *vdev, uint32_t queue_index)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    VirtQueue *vq = virtio_get_queue(vdev, queue_index);

    if (!vq) {
        return;
    }
    if (k->queue_reset) {
        k->queue_reset(vdev, queue_index);
    }
    virtqueue_reset(vq);
}

uint16_t virtio_queue_vector(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq ? vq->vector : VIRTIO_NO_VECTOR;
}

void virtio_queue_set_vector(VirtIODevice *vdev, int n, uint16_t vector)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (vq) {
        vq->vector = vector;
    }
}

/* ---- negotiation (VIRTIO 1.2, 2.1, 2.2 and 3.1) ---------------------------------------------- */

int virtio_set_features(VirtIODevice *vdev, uint64_t val)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->status & VIRTIO_CONFIG_S_FEATURES_OK) {
        return -EINVAL;
    }
    vdev->driver_features = val;
    vdev->guest_features = val & vdev->host_features;
    if (k->set_features) {
        k->set_features(vdev, vdev->guest_features);
    }
    return val & ~vdev->host_features ? -EINVAL : 0;
}

/* 0: the driver's choice will do. */
static int virtio_validate_features(VirtIODevice *vdev)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->driver_features & ~vdev->host_features) {
        return -EINVAL;
    }
    if (!virtio_vdev_has_feature(vdev, VIRTIO_F_VERSION_1)) {
        return -EINVAL;  /* a legacy driver: there is no legacy interface here */
    }
    return k->validate_features ? k->validate_features(vdev) : 0;
}

int virtio_set_status(VirtIODevice *vdev, uint8_t val)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    bool features_ok = vdev->status & VIRTIO_CONFIG_S_FEATURES_OK;

    if (!val) {
        virtio_reset(vdev);
        return 0;
    }
    if ((val & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok) {
        int ret = virtio_validate_features(vdev);

        if (ret) {
            return ret;
        }
        features_ok = true;
    }
    /* NEEDS_RESET is the device's; what is set stays; no start without agreed features. */
    val &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
    val |= vdev->status;
    if (!features_ok) {
        val &= ~VIRTIO_CONFIG_S_DRIVER_OK;
    }
    if (k->set_status) {
        k->set_status(vdev, val);
    }
    vdev->status = val;
    if ((val & VIRTIO_CONFIG_S_DRIVER_OK) && !vdev->started) {
        vdev->started = true;
        virtio_catch_up(vdev);
    }
    return 0;
}

void virtio_reset(void *opaque)
{
    VirtIODevice *vdev = opaque;
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (k->set_status && vdev->status) {
        k->set_status(vdev, 0);
    }
    if (k->reset) {
        k->reset(vdev);
    }
    vdev->status = 0;
    vdev->started = false;
    vdev->broken = false;
    vdev->disabled = false;
    vdev->config_pending = false;
    vdev->driver_features = 0;
    vdev->guest_features = 0;
    vdev->queue_sel = 0;
    vdev->isr = 0;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < vdev->nb_queues; i++) {
        virtqueue_reset(vdev->vq[i]);
    }
    virtio_notify_vector(vdev, VIRTIO_NO_VECTOR);  /* lowers INTx */
}

void virtio_set_disabled(VirtIODevice *vdev, bool disabled)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->disabled == disabled) {
        return;
    }
    vdev->disabled = disabled;
    if (disabled && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        uint8_t val = vdev->status & ~VIRTIO_CONFIG_S_DRIVER_OK;

        if (k->set_status) {
            k->set_status(vdev, val);
        }
        vdev->status = val;
    }
    virtio_catch_up(vdev);
}

/* ---- configuration space --------------------------------------------------------------------- */

static uint32_t virtio_config_read(VirtIODevice *vdev, uint32_t addr, unsigned size)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    uint32_t val = 0;

    if (vdev->config_len < size || addr > vdev->config_len - size) {
        return size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
    }
    if (k->get_config) {
        k->get_config(vdev, vdev->config);
    }
    memcpy(&val, vdev->config + addr, size);
    return GUINT32_FROM_LE(val);
}

static void virtio_config_write(VirtIODevice *vdev, uint32_t addr, uint32_t data, unsigned size)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    uint32_t val = GUINT32_TO_LE(data);

    if (!k->set_config || vdev->config_len < size || addr > vdev->config_len - size) {
        return;
    }
    if (k->get_config) {
        k->get_config(vdev, vdev->config);
    }
    memcpy(vdev->config + addr, &val, size);
    k->set_config(vdev, vdev->config);
}

uint32_t virtio_config_modern_readb(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 1);
}

uint32_t virtio_config_modern_readw(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 2);
}

uint32_t virtio_config_modern_readl(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 4);
}

void virtio_config_modern_writeb(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 1);
}

void virtio_config_modern_writew(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 2);
}

void virtio_config_modern_writel(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 4);
}

/* ---- life of a device ------------------------------------------------------------------------ */

const char *virtio_id_to_name(uint16_t device_id)
{
    switch (device_id) {
    case VIRTIO_ID_NET:
        return "virtio-net";
    case VIRTIO_ID_BLOCK:
        return "virtio-blk";
    case VIRTIO_ID_CONSOLE:
        return "virtio-serial";
    case VIRTIO_ID_RNG:
        return "virtio-rng";
    case VIRTIO_ID_MEM:
        return "virtio-mem";
    default:
        return "virtio-device";
    }
}

void virtio_init(VirtIODevice *vdev, uint16_t device_id, size_t config_size)
{
    vdev->name = virtio_id_to_name(device_id);
    vdev->device_id = device_id;
    vdev->config_len = config_size;
    vdev->config = config_size ? g_malloc0(config_size) : NULL;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    vdev->segs = g_new(VirtIOSegment, VIRTQUEUE_MAX_SIZE);
}

void virtio_cleanup(VirtIODevice *vdev)
{
    assert(!vdev->nb_queues);
    g_clear_pointer(&vdev->vq, g_free);
    g_clear_pointer(&vdev->config, g_free);
    g_clear_pointer(&vdev->segs, g_free);
    vdev->config_len = 0;
}

static void virtio_listen(VirtIODevice *vdev)
{
    vdev->ram = g_array_new(false, false, sizeof(VirtIORamRange));
    vdev->listener = (MemoryListener) {
        .name = "virtio",
        .region_add = virtio_memory_region_add,
        .region_del = virtio_memory_region_del,
    };
    memory_listener_register(&vdev->listener, vdev->dma_as);
}

static void virtio_unlisten(VirtIODevice *vdev)
{
    memory_listener_unregister(&vdev->listener);
    assert(!vdev->ram->len);
    g_array_free(vdev->ram, true);
    vdev->ram = NULL;
}

static void virtio_device_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(dev);
    Error *err = NULL;

    if (k->realize) {
        k->realize(dev, &err);
        if (err) {
            error_propagate(errp, err);
            return;
        }
    }
    virtio_bus_device_plugged(vdev, &err);
    if (err) {
        if (k->unrealize) {
            k->unrealize(dev);
        }
        error_propagate(errp, err);
        return;
    }
    virtio_listen(vdev);
}

static void virtio_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(dev);

    virtio_unlisten(vdev);
    virtio_bus_device_unplugged(vdev);
    if (k->unrealize) {
        k->unrealize(dev);
    }
}

static const Property virtio_properties[] = {
    DEFINE_VIRTIO_COMMON_FEATURES(VirtIODevice, host_features),
};

static void virtio_device_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = virtio_device_realize;
    dc->unrealize = virtio_device_unrealize;
    dc->bus_type = TYPE_VIRTIO_BUS;
    device_class_set_props(dc, virtio_properties);
}

static const TypeInfo virtio_device_info = {
    .name = TYPE_VIRTIO_DEVICE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(VirtIODevice),
    .class_init = virtio_device_class_init,
    .abstract = true,
    .class_size = sizeof(VirtioDeviceClass),
};

static void virtio_register_types(void)
{
    type_register_static(&virtio_device_info);
}

type_init(virtio_register_types)
