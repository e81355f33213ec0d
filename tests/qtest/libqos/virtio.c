/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio driver's side (VIRTIO 1.2: 2.1 status, 2.2 features, 2.7 split
 * virtqueues). All structures are little-endian, as the test's accesses to a
 * little-endian target are; legacy devices are not driven here.
 */
#include "qemu/osdep.h"
#include "standard-headers/linux/virtio_config.h"
#include "virtio.h"

/* Offsets in guest memory. */
#define DESC(table, i) ((table) + sizeof(struct vring_desc) * (uint64_t)(i))
#define AVAIL_FLAGS(vq) ((vq)->avail)
#define AVAIL_IDX(vq) ((vq)->avail + 2)
#define AVAIL_RING(vq, i) ((vq)->avail + 4 + 2 * (uint64_t)(i))
#define USED_EVENT(vq) AVAIL_RING(vq, (vq)->size)
#define USED_FLAGS(vq) ((vq)->used)
#define USED_IDX(vq) ((vq)->used + 2)
#define USED_RING(vq, i) ((vq)->used + 4 + sizeof(struct vring_used_elem) * (uint64_t)(i))
#define AVAIL_EVENT(vq) USED_RING(vq, (vq)->size)

/* ---- device ---- */

uint8_t qvirtio_config_readb(QVirtioDevice *d, uint64_t addr)
{
    return d->bus->config_readb(d, addr);
}

uint16_t qvirtio_config_readw(QVirtioDevice *d, uint64_t addr)
{
    return d->bus->config_readw(d, addr);
}

uint32_t qvirtio_config_readl(QVirtioDevice *d, uint64_t addr)
{
    return d->bus->config_readl(d, addr);
}

uint64_t qvirtio_config_readq(QVirtioDevice *d, uint64_t addr)
{
    return d->bus->config_readq(d, addr);
}

uint64_t qvirtio_get_features(QVirtioDevice *d)
{
    return d->bus->get_features(d);
}

static void status_add(QVirtioDevice *d, uint8_t bit)
{
    d->bus->set_status(d, d->bus->get_status(d) | bit);
    g_assert_cmphex(d->bus->get_status(d) & bit, ==, bit);
}

void qvirtio_set_features(QVirtioDevice *d, uint64_t features)
{
    g_assert_cmphex(d->bus->get_status(d), ==, VIRTIO_CONFIG_S_ACKNOWLEDGE |
                    VIRTIO_CONFIG_S_DRIVER);
    d->features = features;
    d->bus->set_features(d, features);
    g_assert_cmphex(d->bus->get_guest_features(d), ==, features);
    if (features & (1ull << VIRTIO_F_VERSION_1)) {
        status_add(d, VIRTIO_CONFIG_S_FEATURES_OK);
    }
    d->features_negotiated = true;
}

bool qvirtio_is_big_endian(QVirtioDevice *d)
{
    return d->big_endian;
}

void qvirtio_reset(QVirtioDevice *d)
{
    d->bus->set_status(d, 0);
    g_assert_cmphex(d->bus->get_status(d), ==, 0);
    d->features_negotiated = false;
}

void qvirtio_set_acknowledge(QVirtioDevice *d)
{
    g_assert_cmphex(d->bus->get_status(d), ==, 0);
    status_add(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

void qvirtio_set_driver(QVirtioDevice *d)
{
    g_assert_cmphex(d->bus->get_status(d), ==, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    status_add(d, VIRTIO_CONFIG_S_DRIVER);
}

void qvirtio_set_driver_ok(QVirtioDevice *d)
{
    status_add(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

void qvirtio_start_device(QVirtioDevice *d)
{
    qvirtio_reset(d);
    qvirtio_set_acknowledge(d);
    qvirtio_set_driver(d);
}

/* ---- waiting ---- */

void qvirtio_wait_queue_isr(QTestState *qts G_GNUC_UNUSED, QVirtioDevice *d, QVirtQueue *vq,
                            gint64 timeout_us)
{
    gint64 end = g_get_monotonic_time() + timeout_us;

    while (!d->bus->get_queue_isr_status(d, vq)) {
        if (g_get_monotonic_time() > end) {
            g_error("no interrupt of queue %u within %" G_GINT64_FORMAT " us", vq->index,
                    timeout_us);
        }
        g_usleep(100);
    }
}

void qvirtio_wait_used_elem(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, uint32_t desc_idx,
                            uint32_t *len, gint64 timeout_us)
{
    uint32_t got;

    qvirtio_wait_queue_isr(qts, d, vq, timeout_us);
    g_assert_true(qvirtqueue_get_buf(qts, vq, &got, len));
    g_assert_cmpint(got, ==, desc_idx);
}

void qvirtio_wait_config_isr(QVirtioDevice *d, gint64 timeout_us)
{
    d->bus->wait_config_isr_status(d, timeout_us);
}

/* ---- virtqueues ---- */

uint32_t qvring_size(uint32_t num, uint32_t align)
{
    uint32_t desc_and_avail = sizeof(struct vring_desc) * num + 2 * (3 + num);

    return QEMU_ALIGN_UP(desc_and_avail, align) + 2 * 3 + sizeof(struct vring_used_elem) * num;
}

QVirtQueue *qvirtqueue_setup(QVirtioDevice *d, QGuestAllocator *alloc, uint16_t index)
{
    g_assert_true(d->features_negotiated);
    return d->bus->virtqueue_setup(d, alloc, index);
}

void qvirtqueue_cleanup(const QVirtioBus *bus, QVirtQueue *vq, QGuestAllocator *alloc)
{
    bus->virtqueue_cleanup(vq, alloc);
}

void qvring_init(QTestState *qts, const QGuestAllocator *alloc G_GNUC_UNUSED, QVirtQueue *vq,
                 uint64_t addr)
{
    vq->desc = addr;
    vq->avail = addr + sizeof(struct vring_desc) * vq->size;
    vq->used = QEMU_ALIGN_UP(AVAIL_RING(vq, vq->size) + 2, (uint64_t)vq->align);
    qtest_memset(qts, addr, 0, qvring_size(vq->size, vq->align));
}

static void desc_write(QTestState *qts, uint64_t at, uint64_t data, uint32_t len, uint16_t flags,
                       uint16_t next)
{
    qtest_writeq(qts, at + offsetof(struct vring_desc, addr), data);
    qtest_writel(qts, at + offsetof(struct vring_desc, len), len);
    qtest_writew(qts, at + offsetof(struct vring_desc, flags), flags);
    qtest_writew(qts, at + offsetof(struct vring_desc, next), next);
}

/* The table is a chain from the first entry to the last one filled. */
QVRingIndirectDesc *qvring_indirect_desc_setup(QTestState *qts, QVirtioDevice *d G_GNUC_UNUSED,
                                               QGuestAllocator *alloc, uint16_t elem)
{
    QVRingIndirectDesc *indirect = g_new0(QVRingIndirectDesc, 1);

    indirect->elem = elem;
    indirect->desc = guest_alloc(alloc, sizeof(struct vring_desc) * elem);
    qtest_memset(qts, indirect->desc, 0, sizeof(struct vring_desc) * elem);
    return indirect;
}

void qvring_indirect_desc_add(QVirtioDevice *d G_GNUC_UNUSED, QTestState *qts,
                              QVRingIndirectDesc *indirect, uint64_t data, uint32_t len,
                              bool write)
{
    uint16_t i = indirect->index++;
    bool last = indirect->index == indirect->elem;

    g_assert_cmpint(i, <, indirect->elem);
    desc_write(qts, DESC(indirect->desc, i), data, len,
               (write ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT),
               last ? 0 : indirect->index);
}

/* Descriptors wrap: a chain that has been used is free again by the time we come round. */
static uint32_t desc_take(QVirtQueue *vq)
{
    uint32_t i = vq->free_head;

    g_assert_cmpint(vq->num_free, >, 0);
    vq->num_free--;
    vq->free_head = (i + 1) % vq->size;
    return i;
}

uint32_t qvirtqueue_add(QTestState *qts, QVirtQueue *vq, uint64_t data, uint32_t len, bool write,
                        bool next)
{
    uint32_t i = desc_take(vq);

    desc_write(qts, DESC(vq->desc, i), data, len,
               (write ? VRING_DESC_F_WRITE : 0) | (next ? VRING_DESC_F_NEXT : 0),
               next ? vq->free_head : 0);
    return i;
}

uint32_t qvirtqueue_add_indirect(QTestState *qts, QVirtQueue *vq, QVRingIndirectDesc *indirect)
{
    uint32_t i = desc_take(vq);

    g_assert_true(vq->indirect);
    g_assert_cmpint(indirect->index, ==, indirect->elem);
    desc_write(qts, DESC(vq->desc, i), indirect->desc, sizeof(struct vring_desc) * indirect->elem,
               VRING_DESC_F_INDIRECT, 0);
    return i;
}

void qvirtqueue_set_avail_idx(QTestState *qts, QVirtioDevice *d G_GNUC_UNUSED, QVirtQueue *vq,
                              uint16_t idx)
{
    qtest_writew(qts, AVAIL_IDX(vq), idx);
}

/* 2.7.7.2 and 2.7.10: whether the device wants to hear of the step from old_idx to old_idx + 1. */
static bool device_wants_notification(QTestState *qts, QVirtQueue *vq, uint16_t old_idx)
{
    if (vq->event) {
        return qtest_readw(qts, AVAIL_EVENT(vq)) == old_idx;
    }
    return !(qtest_readw(qts, USED_FLAGS(vq)) & VRING_USED_F_NO_NOTIFY);
}

void qvirtqueue_kick(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, uint32_t free_head)
{
    uint16_t idx = qtest_readw(qts, AVAIL_IDX(vq));

    qtest_writew(qts, AVAIL_RING(vq, idx % vq->size), free_head);
    qtest_writew(qts, AVAIL_IDX(vq), idx + 1);
    if (device_wants_notification(qts, vq, idx)) {
        d->bus->virtqueue_kick(d, vq);
    }
}

/* Counts the descriptors of a chain in the ring itself. */
static uint32_t chain_length(QTestState *qts, QVirtQueue *vq, uint32_t i)
{
    uint32_t length = 1;

    while (qtest_readw(qts, DESC(vq->desc, i) + offsetof(struct vring_desc, flags)) &
           VRING_DESC_F_NEXT) {
        i = qtest_readw(qts, DESC(vq->desc, i) + offsetof(struct vring_desc, next));
        g_assert_cmpint(length++, <=, vq->size);
    }
    return length;
}

bool qvirtqueue_get_buf(QTestState *qts, QVirtQueue *vq, uint32_t *desc_idx, uint32_t *len)
{
    uint64_t elem = USED_RING(vq, vq->last_used_idx % vq->size);
    uint32_t id;

    if (qtest_readw(qts, USED_IDX(vq)) == vq->last_used_idx) {
        return false;
    }
    id = qtest_readl(qts, elem + offsetof(struct vring_used_elem, id));
    g_assert_cmpint(id, <, vq->size);
    if (desc_idx) {
        *desc_idx = id;
    }
    if (len) {
        *len = qtest_readl(qts, elem + offsetof(struct vring_used_elem, len));
    }
    vq->num_free += chain_length(qts, vq, id);
    vq->last_used_idx++;
    return true;
}

void qvirtqueue_set_used_event(QTestState *qts, QVirtQueue *vq, uint16_t idx)
{
    g_assert_true(vq->event);
    qtest_writew(qts, USED_EVENT(vq), idx);
}
