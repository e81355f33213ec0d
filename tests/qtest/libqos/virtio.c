/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio driver's side (VIRTIO 1.2: 2.1 status, 2.2 features, 2.7 split
 * virtqueues). All structures are little-endian, as the test's accesses to a
 * little-endian target are; legacy devices are not driven here.
 */
#include "qemu/osdep.h"
#include "standard-headers/linux/virtio_config.h"
#include "../libqtest-raw.h"
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

/* Before that a driver reads by d->bus, at its own risk (3.1.1: feature bits may depend on it). */
#define DEFINE_CONFIG_READ(width, type)                                     \
    type qvirtio_config_read##width(QVirtioDevice *d, uint64_t addr)        \
    {                                                                       \
        g_assert_true(d->features_negotiated);                              \
        return d->bus->config_read##width(d, addr);                         \
    }

DEFINE_CONFIG_READ(b, uint8_t)
DEFINE_CONFIG_READ(w, uint16_t)
DEFINE_CONFIG_READ(l, uint32_t)
DEFINE_CONFIG_READ(q, uint64_t)

uint64_t qvirtio_get_features(QVirtioDevice *d)
{
    return d->bus->get_features(d);
}

/* Adds the bit, after which the status has to be this: FAILED and NEEDS_RESET are seen, too. */
static void status_add(QVirtioDevice *d, uint8_t bit, uint8_t expected)
{
    d->bus->set_status(d, d->bus->get_status(d) | bit);
    g_assert_cmphex(d->bus->get_status(d), ==, expected);
}

void qvirtio_set_features(QVirtioDevice *d, uint64_t features)
{
    g_assert_cmphex(features & QVIRTIO_F_BAD_FEATURE, ==, 0);
    d->features = features;
    d->bus->set_features(d, features);
    g_assert_cmphex(d->bus->get_guest_features(d), ==, features);
    if (features & (1ull << VIRTIO_F_VERSION_1)) {
        status_add(d, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_ACKNOWLEDGE |
                   VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
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
    status_add(d, VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

void qvirtio_set_driver(QVirtioDevice *d)
{
    status_add(d, VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

void qvirtio_set_driver_ok(QVirtioDevice *d)
{
    bool modern = d->features & (1ull << VIRTIO_F_VERSION_1);

    status_add(d, VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_ACKNOWLEDGE |
               VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK |
               (modern ? VIRTIO_CONFIG_S_FEATURES_OK : 0));
}

void qvirtio_start_device(QVirtioDevice *d)
{
    qvirtio_reset(d);
    qvirtio_set_acknowledge(d);
    qvirtio_set_driver(d);
}

/* ---- waiting ---- */

/* The virtual clock goes on meanwhile, for a device that answers from a timer. */
void qvirtio_wait_queue_isr(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, gint64 timeout_us)
{
    gint64 end = g_get_monotonic_time() + timeout_us;

    while (!d->bus->get_queue_isr_status(d, vq)) {
        if (qtest_clock_is_virtual(qts)) {
            qtest_clock_step(qts, 100);
        }
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
    for (uint32_t i = 0; i < vq->size; i++) {
        qtest_writeq(qts, DESC(vq->desc, i) + offsetof(struct vring_desc, addr), 0);
        qtest_writew(qts, DESC(vq->desc, i) + offsetof(struct vring_desc, next), i + 1);
    }
    qtest_writew(qts, AVAIL_FLAGS(vq), 0);
    qtest_writew(qts, AVAIL_IDX(vq), 0);
    qtest_writew(qts, USED_EVENT(vq), 0);
    qtest_writew(qts, USED_FLAGS(vq), 0);
    qtest_writew(qts, USED_IDX(vq), 0);
    qtest_writew(qts, AVAIL_EVENT(vq), 0);
}

/* The member next stays. */
static void desc_write(QTestState *qts, uint64_t at, uint64_t data, uint32_t len, uint16_t flags)
{
    qtest_writeq(qts, at + offsetof(struct vring_desc, addr), data);
    qtest_writel(qts, at + offsetof(struct vring_desc, len), len);
    qtest_writew(qts, at + offsetof(struct vring_desc, flags), flags);
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
               (write ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT));
    qtest_writew(qts, DESC(indirect->desc, i) + offsetof(struct vring_desc, next), i + 1);
}

/*
 * Descriptors are taken in turn and never again: a test that uses more of them than the queue has
 * sets free_head back itself, when their chains have been used. (QEMU's would write what lies
 * behind the table.)
 */
static uint32_t desc_take(QVirtQueue *vq)
{
    g_assert_cmpint(vq->free_head, <, vq->size);
    vq->num_free--;
    return vq->free_head++;
}

uint32_t qvirtqueue_add(QTestState *qts, QVirtQueue *vq, uint64_t data, uint32_t len, bool write,
                        bool next)
{
    uint32_t i = desc_take(vq);

    desc_write(qts, DESC(vq->desc, i), data, len,
               (write ? VRING_DESC_F_WRITE : 0) | (next ? VRING_DESC_F_NEXT : 0));
    return i;
}

uint32_t qvirtqueue_add_indirect(QTestState *qts, QVirtQueue *vq, QVRingIndirectDesc *indirect)
{
    uint32_t i = desc_take(vq);

    g_assert_true(vq->indirect);
    g_assert_cmpint(vq->size, >=, indirect->elem);
    g_assert_cmpint(indirect->index, ==, indirect->elem);
    desc_write(qts, DESC(vq->desc, i), indirect->desc, sizeof(struct vring_desc) * indirect->elem,
               VRING_DESC_F_INDIRECT);
    return i;
}

void qvirtqueue_set_avail_idx(QTestState *qts, QVirtioDevice *d G_GNUC_UNUSED, QVirtQueue *vq,
                              uint16_t idx)
{
    qtest_writew(qts, AVAIL_IDX(vq), idx);
}

/*
 * 2.7.7.2 and 2.7.10: whether the device wants to hear of the step from old_idx to old_idx + 1. A
 * device with event index is to leave the flag at 0, so both are asked.
 */
static bool device_wants_notification(QTestState *qts, QVirtQueue *vq, uint16_t old_idx)
{
    return !(qtest_readw(qts, USED_FLAGS(vq)) & VRING_USED_F_NO_NOTIFY) &&
           (!vq->event || qtest_readw(qts, AVAIL_EVENT(vq)) == old_idx);
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

/* The low half of the length is enough for tests; what the ID names is theirs to look at. */
bool qvirtqueue_get_buf(QTestState *qts, QVirtQueue *vq, uint32_t *desc_idx, uint32_t *len)
{
    uint64_t elem = USED_RING(vq, vq->last_used_idx % vq->size);

    if (qtest_readw(qts, USED_IDX(vq)) == vq->last_used_idx) {
        return false;
    }
    if (desc_idx) {
        *desc_idx = qtest_readl(qts, elem + offsetof(struct vring_used_elem, id));
    }
    if (len) {
        *len = qtest_readw(qts, elem + offsetof(struct vring_used_elem, len));
    }
    vq->last_used_idx++;
    return true;
}

void qvirtqueue_set_used_event(QTestState *qts, QVirtQueue *vq, uint16_t idx)
{
    g_assert_true(vq->event);
    qtest_writew(qts, USED_EVENT(vq), idx);
}
