/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split and packed virtqueues, driven by hand; see the header.
 */
#include "qemu/osdep.h"
#include "virtio-mem-queue.h"
#include "standard-headers/linux/virtio_pci.h"

/* ---- registers ---- */

uint32_t queue_common_read(Queue *q, unsigned reg, unsigned width)
{
    QVirtioPCIDevice *dev = q->vm->dev;
    uint64_t at = dev->common_cfg_offset + reg;

    return width == 1 ? qpci_io_readb(dev->pdev, dev->bar, at)
         : width == 2 ? qpci_io_readw(dev->pdev, dev->bar, at)
                      : qpci_io_readl(dev->pdev, dev->bar, at);
}

void queue_common_write(Queue *q, unsigned reg, unsigned width, uint32_t value)
{
    QVirtioPCIDevice *dev = q->vm->dev;
    uint64_t at = dev->common_cfg_offset + reg;

    if (width == 1) {
        qpci_io_writeb(dev->pdev, dev->bar, at, value);
    } else if (width == 2) {
        qpci_io_writew(dev->pdev, dev->bar, at, value);
    } else {
        qpci_io_writel(dev->pdev, dev->bar, at, value);
    }
}

uint8_t queue_status(Queue *q)
{
    return queue_common_read(q, VIRTIO_PCI_COMMON_STATUS, 1);
}

/* ---- starting ---- */

static void queue_place(Queue *q)
{
    q->desc = q->arena + ARENA_DESC;
    q->driver = q->arena + ARENA_DRIVER;
    q->device = q->arena + ARENA_DEVICE;
}

void queue_init(Queue *q, Vm *vm, bool packed, uint16_t size)
{
    *q = (Queue) { .vm = vm, .packed = packed, .size = size };
    q->arena = guest_alloc(&vm->alloc, ARENA_SIZE);
    queue_place(q);
    vm_read_config(vm);
}

void queue_negotiate(Queue *q, uint64_t features)
{
    qvirtio_start_device(q->vm->vdev);
    features |= qvirtio_get_features(q->vm->vdev) & SIMPLE_FEATURES;
    qvirtio_set_features(q->vm->vdev, features | (q->packed ? F_PACKED : 0));
}

static void queue_clear(Queue *q)
{
    QTestState *qts = q->vm->qts;

    qtest_memset(qts, q->arena, ARENA_FILL, ARENA_SIZE);
    if (q->packed) {
        qtest_memset(qts, q->desc, 0, q->size * sizeof(struct vring_packed_desc));
        qtest_memset(qts, q->driver, 0, 4);
        qtest_memset(qts, q->device, 0, 4);
    } else {
        qtest_memset(qts, q->driver, 0, 6 + 2 * q->size);
        qtest_memset(qts, q->device, 0, 6 + 8 * q->size);
    }
    q->avail = q->used = q->kicked = (QueuePos) { 0, true };
    q->next_desc = 0;
}

static void queue_address_write(Queue *q, unsigned reg, uint64_t gpa)
{
    queue_common_write(q, reg, 4, gpa);
    queue_common_write(q, reg + 4, 4, gpa >> 32);
}

void queue_enable(Queue *q)
{
    queue_clear(q);
    queue_common_write(q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    queue_common_write(q, VIRTIO_PCI_COMMON_Q_SIZE, 2, q->size);
    g_assert_cmpint(queue_common_read(q, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, q->size);
    queue_address_write(q, VIRTIO_PCI_COMMON_Q_DESCLO, q->desc);
    queue_address_write(q, VIRTIO_PCI_COMMON_Q_AVAILLO, q->driver);
    queue_address_write(q, VIRTIO_PCI_COMMON_Q_USEDLO, q->device);
    queue_common_write(q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

void queue_start(Queue *q, uint64_t features)
{
    queue_place(q);
    queue_negotiate(q, features);
    queue_enable(q);
    qvirtio_set_driver_ok(q->vm->vdev);
}

/* ---- the driver's side of the ring ---- */

QueuePos queue_pos_after(Queue *q, QueuePos pos, unsigned nb)
{
    unsigned idx = pos.idx + nb;

    if (q->packed && idx >= q->size) {
        return (QueuePos) { idx - q->size, !pos.wrap };
    }
    return (QueuePos) { idx, pos.wrap };
}

void queue_desc_write(Queue *q, uint64_t table, unsigned i, const QueueDesc *desc, uint16_t next)
{
    struct vring_desc split = {
        .addr = GUINT64_TO_LE(desc->gpa),
        .len = GUINT32_TO_LE(desc->len),
        .flags = GUINT16_TO_LE(desc->flags),
        .next = GUINT16_TO_LE(next),
    };
    struct vring_packed_desc packed = {
        .addr = split.addr,
        .len = split.len,
        .id = split.next,
        .flags = split.flags,
    };

    qtest_memwrite(q->vm->qts, table + i * sizeof(split), q->packed ? (void *)&packed : &split,
                   sizeof(split));
}

/* The first descriptor last: with its flags all of them are the device's. */
static uint16_t queue_add_packed(Queue *q, const QueueDesc *desc, unsigned n)
{
    uint16_t id = q->avail.idx;

    g_assert_cmpint(id, <, G_N_ELEMENTS(q->nb_desc));
    q->nb_desc[id] = n;
    for (unsigned i = n; i-- > 0;) {
        QueuePos pos = queue_pos_after(q, q->avail, i);
        QueueDesc d = desc[i];

        d.flags |= pos.wrap ? PACKED_AVAIL : PACKED_USED;
        queue_desc_write(q, q->desc, pos.idx, &d, id);
    }
    q->avail = queue_pos_after(q, q->avail, n);
    return id;
}

static uint16_t queue_add_split(Queue *q, const QueueDesc *desc, unsigned n)
{
    uint16_t head = q->next_desc;

    for (unsigned i = 0; i < n; i++) {
        uint16_t at = q->next_desc;

        q->next_desc = (at + 1) % q->size;
        queue_desc_write(q, q->desc, at, &desc[i], q->next_desc);
    }
    qtest_writew(q->vm->qts, q->driver + 4 + 2 * (q->avail.idx % q->size), head);
    q->avail.idx++;
    qtest_writew(q->vm->qts, q->driver + 2, q->avail.idx);
    return head;
}

uint16_t queue_add(Queue *q, const QueueDesc *desc, unsigned n)
{
    return q->packed ? queue_add_packed(q, desc, n) : queue_add_split(q, desc, n);
}

void queue_notify(Queue *q)
{
    QVirtioPCIDevice *dev = q->vm->dev;
    uint16_t n = queue_common_read(q, VIRTIO_PCI_COMMON_Q_NOFF, 2);

    qpci_io_writew(dev->pdev, dev->bar,
                   dev->notify_cfg_offset + n * dev->notify_off_multiplier, 0);
}

static bool queue_has_event_idx(Queue *q)
{
    return q->vm->vdev->features & F_EVENT;
}

/* Is @event one of the steps from @from to before @to? */
static bool queue_passes(Queue *q, QueuePos event, QueuePos from, QueuePos to)
{
    for (; from.idx != to.idx || from.wrap != to.wrap; from = queue_pos_after(q, from, 1)) {
        if (from.idx == event.idx && (!q->packed || from.wrap == event.wrap)) {
            return true;
        }
    }
    return false;
}

bool queue_wants_notification(Queue *q)
{
    QueuePos from = q->kicked;
    uint16_t flags, event;

    q->kicked = q->avail;
    if (!q->packed && queue_has_event_idx(q)) {
        event = qtest_readw(q->vm->qts, q->device + 4 + 8 * q->size);
        return queue_passes(q, (QueuePos) { event, true }, from, q->avail);
    }
    if (!q->packed) {
        return !(qtest_readw(q->vm->qts, q->device) & VRING_USED_F_NO_NOTIFY);
    }
    flags = qtest_readw(q->vm->qts, q->device + 2);
    if (flags != VRING_PACKED_EVENT_FLAG_DESC) {
        g_assert_cmpint(flags, <=, VRING_PACKED_EVENT_FLAG_DISABLE);
        return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
    }
    g_assert_true(queue_has_event_idx(q));
    event = qtest_readw(q->vm->qts, q->device);
    return queue_passes(q, (QueuePos) { event & 0x7fff, event >> 15 }, from, q->avail);
}

void queue_want_all(Queue *q)
{
    g_assert_false(!q->packed && queue_has_event_idx(q));
    qtest_writew(q->vm->qts, q->driver + (q->packed ? 2 : 0), 0);
}

void queue_want_none(Queue *q)
{
    g_assert_false(!q->packed && queue_has_event_idx(q));
    qtest_writew(q->vm->qts, q->driver + (q->packed ? 2 : 0), 1);
}

void queue_want_at(Queue *q, QueuePos pos)
{
    g_assert_true(queue_has_event_idx(q));
    if (!q->packed) {
        qtest_writew(q->vm->qts, q->driver + 4 + 2 * q->size, pos.idx);
        return;
    }
    qtest_writew(q->vm->qts, q->driver, pos.idx | pos.wrap << 15);
    qtest_writew(q->vm->qts, q->driver + 2, VRING_PACKED_EVENT_FLAG_DESC);
}

/* ---- the device's side ---- */

static bool queue_get_split(Queue *q, uint16_t *id, uint32_t *len)
{
    uint64_t elem = q->device + 4 + 8 * (q->used.idx % q->size);

    if (qtest_readw(q->vm->qts, q->device + 2) == q->used.idx) {
        return false;
    }
    *id = qtest_readl(q->vm->qts, elem);
    *len = qtest_readl(q->vm->qts, elem + 4);
    q->used.idx++;
    return true;
}

static bool queue_get_packed(Queue *q, uint16_t *id, uint32_t *len)
{
    struct vring_packed_desc desc;
    bool avail, used;

    qtest_memread(q->vm->qts, q->desc + q->used.idx * sizeof(desc), &desc, sizeof(desc));
    avail = GUINT16_FROM_LE(desc.flags) & PACKED_AVAIL;
    used = GUINT16_FROM_LE(desc.flags) & PACKED_USED;
    if (avail != used || used != q->used.wrap) {
        return false;
    }
    *id = GUINT16_FROM_LE(desc.id);
    *len = GUINT32_FROM_LE(desc.len);
    g_assert_cmpint(*id, <, q->size);
    g_assert_cmpint(q->nb_desc[*id], !=, 0);
    q->used = queue_pos_after(q, q->used, q->nb_desc[*id]);
    q->nb_desc[*id] = 0;
    return true;
}

bool queue_get(Queue *q, uint16_t *id, uint32_t *len)
{
    return q->packed ? queue_get_packed(q, id, len) : queue_get_split(q, id, len);
}

void queue_wait(Queue *q, uint16_t id, uint32_t *len)
{
    gint64 deadline = g_get_monotonic_time() + TIMEOUT_US;
    uint16_t got;

    while (!queue_get(q, &got, len)) {
        g_assert_cmphex(queue_status(q) & NEEDS_RESET, ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    g_assert_cmpint(got, ==, id);
}

/* ---- requests ---- */

void queue_request_write(Queue *q, unsigned slot, uint16_t type, uint64_t addr, uint16_t nb,
                         QueueDesc chain[2])
{
    struct virtio_mem_req req = request_make(type, addr, nb);
    uint64_t at = q->arena + ARENA_REQ + slot * QUEUE_STRIDE;

    g_assert_cmpint(slot, <, QUEUE_NB_SLOTS);
    qtest_memwrite(q->vm->qts, at, &req, sizeof(req));
    qtest_memset(q->vm->qts, at + QUEUE_RESP, 0xee, sizeof(struct virtio_mem_resp));
    chain[0] = (QueueDesc) { at, sizeof(req), VRING_DESC_F_NEXT };
    chain[1] = (QueueDesc) { at + QUEUE_RESP, sizeof(struct virtio_mem_resp),
                             VRING_DESC_F_WRITE };
}

uint16_t queue_response(Queue *q, unsigned slot)
{
    return qtest_readw(q->vm->qts, q->arena + ARENA_REQ + slot * QUEUE_STRIDE + QUEUE_RESP);
}

uint16_t queue_request(Queue *q, uint16_t type, uint64_t addr, uint16_t nb, uint16_t *state)
{
    uint64_t resp = q->arena + ARENA_REQ + QUEUE_RESP;
    QueueDesc chain[2];
    uint32_t len;
    uint16_t id;

    queue_request_write(q, 0, type, addr, nb, chain);
    id = queue_add(q, chain, 2);
    queue_notify(q);
    queue_wait(q, id, &len);
    g_assert_cmpint(len, ==, sizeof(struct virtio_mem_resp));
    if (state) {
        *state = qtest_readw(q->vm->qts, resp + offsetof(struct virtio_mem_resp, u.state.state));
    }
    return queue_response(q, 0);
}
