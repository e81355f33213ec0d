/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues, whatever the format of their ring (VIRTIO 1.3, 2.6 to 2.8): from the guest's
 * descriptors to a checked VirtQueueElement and back, and a queue's life as the transport sees it.
 *
 * Whatever lies in a ring is the guest's and may change at any time: each field is read once, into
 * a local copy that is then checked. Where rings and buffers are in RAM is virtqueue-memory.c's.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue-internal.h"

/*
 * Elements that a queue gets rid of in one go, under the big lock. Another vCPU may add them as
 * fast as they are popped, and the monitor wants a turn as well.
 */
#define VIRTQUEUE_TURN 256

/* ---- notifications from the driver ---------------------------------------------------------- */

int virtio_queue_empty(VirtQueue *vq)
{
    return !virtqueue_usable(vq) || !vq->ops->has_avail(vq);
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
    vq->ops->set_notification(vq, enable);
    if (enable) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);  /* before the caller looks once more */
    }
}

/* ---- popping: from the guest's descriptors to a checked element ----------------------------- */

/* One allocation: the caller's structure, then the arrays. */
static VirtQueueElement *element_new(const ChainWalk *walk, size_t sz)
{
    const VirtIOSegment *segs = walk->vq->vdev->segs;
    unsigned n = walk->nb_segs;
    size_t base = ROUND_UP(sz, __alignof__(struct iovec));
    VirtQueueElement *elem;
    struct iovec *iov;

    elem = g_malloc(base + n * (sizeof(struct iovec) + sizeof(hwaddr) + sizeof(MemoryRegion *)));
    memset(elem, 0, sz);
    iov = (struct iovec *)((char *)elem + base);
    elem->index = walk->id;
    elem->ndescs = walk->nb_ring;
    elem->epoch = walk->vq->epoch;
    elem->out_num = walk->nb_out;
    elem->in_num = n - walk->nb_out;
    elem->out_sg = iov;
    elem->in_sg = iov + walk->nb_out;
    elem->out_addr = (hwaddr *)(iov + n);
    elem->in_addr = elem->out_addr + walk->nb_out;
    elem->mapped = (MemoryRegion **)(elem->out_addr + n);
    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec) { .iov_base = segs[i].ram.hva, .iov_len = segs[i].ram.size };
        elem->out_addr[i] = segs[i].gpa;
        elem->mapped[i] = segs[i].ram.mr;
        memory_region_ref(segs[i].ram.mr);
    }
    return elem;
}

static void virtqueue_next_turn(void *opaque)
{
    virtqueue_handle(opaque);
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

    assert(sz >= sizeof(VirtQueueElement));
    if (!virtqueue_usable(vq) || !vq->ops->has_avail(vq) || virtqueue_turn_over(vq)) {
        return NULL;
    }
    if (vq->inuse >= vq->num) {
        virtio_error(vq->vdev, "queue %u: more than its %u entries are in use", vq->index,
                     vq->num);
        return NULL;
    }
    if (!vq->ops->collect(&walk)) {
        return NULL;
    }
    vq->inuse += walk.nb_ring;
    vq->nb_popped++;
    return element_new(&walk, sz);
}

/* ---- giving back ---------------------------------------------------------------------------- */

/* The region of writable buffer @i, and where in it the buffer begins. */
static MemoryRegion *element_in_region(const VirtQueueElement *elem, unsigned i, hwaddr *offset)
{
    MemoryRegion *mr = elem->mapped[elem->out_num + i];

    *offset = (uint8_t *)elem->in_sg[i].iov_base - (uint8_t *)memory_region_get_ram_ptr(mr);
    return mr;
}

/* The device has written @len bytes, from the start of the writable buffers on. */
static void element_unmap(const VirtQueueElement *elem, size_t len)
{
    for (unsigned i = 0; i < elem->in_num && len; i++) {
        size_t part = MIN(len, elem->in_sg[i].iov_len);
        hwaddr offset;
        MemoryRegion *mr = element_in_region(elem, i, &offset);

        memory_region_set_dirty(mr, offset, part);
        len -= part;
    }
    for (unsigned i = 0; i < elem->out_num + elem->in_num; i++) {
        memory_region_unref(elem->mapped[i]);
    }
}

void virtqueue_detach_element(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len)
{
    if (elem->epoch == vq->epoch) {
        vq->inuse -= elem->ndescs;
    }
    element_unmap(elem, len);
}

bool virtqueue_element_is_plugged(const VirtQueueElement *elem)
{
    for (unsigned i = 0; i < elem->in_num; i++) {
        hwaddr offset;
        MemoryRegion *mr = element_in_region(elem, i, &offset);

        if (!memory_region_range_accessible(mr, offset, elem->in_sg[i].iov_len, true)) {
            return false;
        }
    }
    return true;
}

void virtqueue_fill(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len,
                    unsigned int idx)
{
    element_unmap(elem, len);
    if (elem->epoch == vq->epoch && vq->inuse) {
        vq->ops->fill(vq, elem, len, idx);
    }
}

void virtqueue_flush(VirtQueue *vq, unsigned int count)
{
    if (count <= vq->inuse) {  /* else the ring was reset since these elements were popped */
        vq->ops->flush(vq, count);
    }
}

void virtqueue_push(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len)
{
    virtqueue_fill(vq, elem, len, 0);
    if (elem->epoch == vq->epoch) {
        virtqueue_flush(vq, 1);
    }
}

void virtio_notify(VirtIODevice *vdev, VirtQueue *vq)
{
    if (!virtqueue_usable(vq)) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);  /* what was used is out before the wish is read */
    if (!vq->ops->should_notify(vq)) {
        return;
    }
    vdev->isr |= 1;
    virtio_notify_vector(vdev, vq->vector);
}

/* ---- queues, as the transport sees them ----------------------------------------------------- */

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

void virtqueue_reset(VirtQueue *vq)
{
    vq->epoch++;
    vq->ops = &virtqueue_split_ops;
    vq->num = vq->num_max;
    vq->enabled = false;
    vq->generation = 0;
    vq->kicked = false;
    if (vq->turn_bh) {
        qemu_bh_cancel(vq->turn_bh);
    }
    vq->notification = true;
    vq->vector = VIRTIO_NO_VECTOR;
    vq->last_avail_idx = 0;
    vq->shadow_avail_idx = 0;
    vq->used_idx = 0;
    vq->avail_wrap = true;  /* 2.8.1: both counters start at 1 */
    vq->used_wrap = true;
    vq->nb_unsignalled = UINT32_MAX;
    vq->inuse = 0;
    g_clear_pointer(&vq->used, g_free);
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
    g_free(vq->used);
    g_free(vq);
}

void virtio_del_queue(VirtIODevice *vdev, int n)
{
    assert(n >= 0 && (unsigned)n < vdev->nb_queues);
    virtio_delete_queue(vdev->vq[n]);
}

void virtqueue_handle(VirtQueue *vq)
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

void virtio_queue_notify(VirtIODevice *vdev, int n)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (vq) {
        virtqueue_handle(vq);
    }
}

static const VirtQueueOps *virtqueue_negotiated_ops(const VirtIODevice *vdev)
{
    return virtio_vdev_has_feature(vdev, VIRTIO_F_RING_PACKED) ? &virtqueue_packed_ops
                                                               : &virtqueue_split_ops;
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

bool virtio_queue_num_valid(VirtIODevice *vdev, int n, unsigned num)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    return vq && num && num <= vq->num_max && virtqueue_negotiated_ops(vdev)->size_valid(num);
}

void virtio_queue_set_num(VirtIODevice *vdev, int n, int num)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);

    if (num > 0 && virtio_queue_num_valid(vdev, n, num) && !vq->enabled) {
        vq->num = num;
    }
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
    vq->generation = 0;
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

    if (!vq || vq->enabled || vdev->broken) {
        return;
    }
    vq->ops = virtqueue_negotiated_ops(vdev);
    if (!vq->ops->size_valid(vq->num)) {
        virtio_error(vdev, "queue %u: a size of %u, which is no power of two", vq->index, vq->num);
        return;
    }
    if (!ring_map(vq)) {
        return;
    }
    if (vq->ops == &virtqueue_packed_ops) {
        vq->used = g_new0(VirtQueueUsed, vq->num);
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

/* ---- a queue's positions, to be saved and loaded -------------------------------------------- */

static bool virtqueue_is_packed(const VirtQueue *vq)
{
    const VirtQueueOps *ops = vq->enabled ? vq->ops : virtqueue_negotiated_ops(vq->vdev);

    return ops == &virtqueue_packed_ops;
}

/* Packed: 15 bits of position and a wrap counter, of what is next to pop and next to give back. */
unsigned int virtio_queue_get_last_avail_idx(VirtIODevice *vdev, int n)
{
    const VirtQueue *vq = virtio_get_queue(vdev, n);

    assert(vq);
    if (!virtqueue_is_packed(vq)) {
        return vq->last_avail_idx;
    }
    return vq->last_avail_idx | (unsigned)vq->avail_wrap << 15 |
           (unsigned)vq->used_idx << 16 | (unsigned)vq->used_wrap << 31;
}

bool virtio_queue_set_last_avail_idx(VirtIODevice *vdev, int n, unsigned int idx)
{
    VirtQueue *vq = virtio_get_queue(vdev, n);
    unsigned avail = idx & 0x7fff, used = idx >> 16 & 0x7fff;

    assert(vq && !vq->enabled);
    if (!virtqueue_is_packed(vq)) {
        vq->last_avail_idx = vq->shadow_avail_idx = vq->used_idx = idx;
        return idx <= UINT16_MAX;
    }
    if (avail >= vq->num || used >= vq->num) {
        return false;
    }
    vq->last_avail_idx = avail;
    vq->avail_wrap = idx >> 15 & 1;
    vq->used_idx = used;
    vq->used_wrap = idx >> 31;
    return true;
}
