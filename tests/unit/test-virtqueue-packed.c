/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed virtqueues (VIRTIO 1.3, 2.8) over a plain memory region: chains, laps and wrap counters,
 * giving back out of order, event suppression against a model of it, every malformed ring (each
 * must break the device and nothing else), positions saved and loaded, and random rings.
 */
#include "qemu/osdep.h"
#include "virtqueue-fixture.h"

#define RING_GPA 0x1000
#define DRIVER_EVENT_GPA 0x4000     /* offset and wrap counter, then flags */
#define DEVICE_EVENT_GPA 0x5000
#define TABLE_GPA 0x8000

#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)
#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define FEATURE(nr) (1ULL << (nr))
#define FEATURES_PLAIN (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_RING_PACKED))
#define FEATURES_ALL (FEATURES_PLAIN | FEATURE(VIRTIO_RING_F_EVENT_IDX) | \
                      FEATURE(VIRTIO_RING_F_INDIRECT_DESC))

/* ---- the driver ------------------------------------------------------------------------------ */

/* A position in the ring and the wrap counter of its lap. */
typedef struct Position {
    unsigned idx;
    bool wrap;
} Position;

static unsigned size;
static Position drv_avail, drv_used;

static void put_desc(hwaddr table, unsigned i, uint64_t addr, uint32_t len, uint16_t id,
                     uint16_t flags)
{
    struct vring_packed_desc desc = {
        .addr = GUINT64_TO_LE(addr),
        .len = GUINT32_TO_LE(len),
        .id = GUINT16_TO_LE(id),
        .flags = GUINT16_TO_LE(flags),
    };

    memcpy(ram + table + i * sizeof(desc), &desc, sizeof(desc));
}

static struct vring_packed_desc get_desc(unsigned i)
{
    struct vring_packed_desc desc;

    memcpy(&desc, ram + RING_GPA + i * sizeof(desc), sizeof(desc));
    desc.id = GUINT16_FROM_LE(desc.id);
    desc.len = GUINT32_FROM_LE(desc.len);
    desc.flags = GUINT16_FROM_LE(desc.flags);
    return desc;
}

static void advance(Position *p, unsigned nb)
{
    p->idx += nb;
    if (p->idx >= size) {
        p->idx -= size;
        p->wrap = !p->wrap;
    }
}

static uint16_t off_wrap(Position p)
{
    return p.idx | p.wrap << 15;
}

/* Flags that make a descriptor available at the driver's position. */
static uint16_t avail_flags(void)
{
    return drv_avail.wrap ? AVAIL : USED;
}

static void add_desc(uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
    put_desc(RING_GPA, drv_avail.idx, addr, len, id, flags | avail_flags());
    advance(&drv_avail, 1);
}

/* Request of 24 bytes, response of 10. */
static void add_request(uint16_t id)
{
    add_desc(BUF_GPA, 24, 0x7777, NEXT);
    add_desc(BUF_GPA + 0x100, 10, id, WRITE);
}

/* The device has used a chain of @nb descriptors, of this @id, with @len bytes written. */
static void assert_used(uint16_t id, unsigned nb, uint32_t len)
{
    struct vring_packed_desc desc = get_desc(drv_used.idx);

    g_assert_cmphex(desc.flags & (AVAIL | USED), ==, drv_used.wrap ? AVAIL | USED : 0);
    g_assert_cmphex(desc.flags & WRITE, ==, len ? WRITE : 0);
    g_assert_cmpuint(desc.id, ==, id);
    g_assert_cmpuint(desc.len, ==, len);
    advance(&drv_used, nb);
}

static void assert_not_used(void)
{
    uint16_t flags = get_desc(drv_used.idx).flags;

    g_assert_false(!!(flags & AVAIL) == drv_used.wrap && !!(flags & USED) == drv_used.wrap);
}

static void set_driver_event(uint16_t position, uint16_t flags)
{
    put16(DRIVER_EVENT_GPA, position);
    put16(DRIVER_EVENT_GPA + 2, flags);
}

static void enable(unsigned num)
{
    size = num;
    virtio_queue_set_num(vdev, 0, num);
    virtio_queue_set_rings(vdev, 0, RING_GPA, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA);
    virtio_queue_set_vector(vdev, 0, 0);
    vdev->config_vector = 1;
    virtio_queue_enable(vdev, 0);
}

/* A running device with an empty packed queue of @num entries. */
static void start(uint64_t features, unsigned num)
{
    drv_avail = drv_used = (Position) { 0, true };
    forget();
    negotiate(features);
    g_assert_cmphex(vdev->status, ==, 0xb);
    enable(num);
    virtio_set_status(vdev, 0xf);
    g_assert_cmphex(vdev->status, ==, 0xf);
    g_assert_false(vdev->broken);
}

/* ---- good chains ----------------------------------------------------------------------------- */

static VirtQueueElement *pop(unsigned id, unsigned nb_out, unsigned nb_in)
{
    VirtQueueElement *elem = virtqueue_pop(vq, sizeof(*elem));

    g_assert_nonnull(elem);
    g_assert_cmpuint(elem->index, ==, id);
    g_assert_cmpuint(elem->out_num, ==, nb_out);
    g_assert_cmpuint(elem->in_num, ==, nb_in);
    return elem;
}

static void push(VirtQueueElement *elem, unsigned len)
{
    virtqueue_push(vq, elem, len);
    g_free(elem);
    g_assert_false(vdev->broken);
}

static void test_direct(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL, QUEUE_SIZE);
    g_assert_true(virtio_queue_empty(vq));
    add_request(0x1234);
    g_assert_false(virtio_queue_empty(vq));
    elem = pop(0x1234, 1, 1);
    g_assert_cmpuint(elem->ndescs, ==, 2);
    g_assert_true(elem->out_sg[0].iov_base == ram + BUF_GPA);
    g_assert_cmpuint(elem->out_sg[0].iov_len, ==, 24);
    g_assert_true(elem->in_sg[0].iov_base == ram + BUF_GPA + 0x100);
    g_assert_cmpuint(elem->in_sg[0].iov_len, ==, 10);
    assert_not_used();
    push(elem, 10);
    assert_used(0x1234, 2, 10);
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 1);
    g_assert_null(virtqueue_pop(vq, sizeof(*elem)));
    g_assert_false(vdev->broken);
}

/* Sizes that are no power of two are as good; chains of changing length wrap at odd places. */
static void test_laps(void)
{
    static const unsigned sizes[] = { 1, 2, 3, 5, 7, 8 };

    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        start(FEATURES_ALL, sizes[s]);
        g_assert_cmpint(virtio_queue_get_num(vdev, 0), ==, sizes[s]);
        for (unsigned i = 0; i < 70000; i++) {
            unsigned nb = 1 + i % MIN(3, sizes[s]);

            for (unsigned d = 0; d < nb; d++) {
                add_desc(BUF_GPA + 64 * d, 64, i, WRITE | (d + 1 < nb ? NEXT : 0));
            }
            push(pop((uint16_t)i, 0, nb), i % 7);
            assert_used(i, nb, i % 7);
            assert_not_used();
        }
        g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
        g_assert_false(vdev->broken);
    }
}

static void test_full_ring(void)
{
    VirtQueueElement *elem[4];

    start(FEATURES_ALL, QUEUE_SIZE);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        add_desc(BUF_GPA + 64 * i, 64, 9, i < QUEUE_SIZE - 1 ? NEXT : 0);
    }
    push(pop(9, QUEUE_SIZE, 0), 0);
    assert_used(9, QUEUE_SIZE, 0);
    for (unsigned i = 0; i < 4; i++) {
        add_request(i);
    }
    for (unsigned i = 0; i < 4; i++) {
        elem[i] = pop(i, 1, 1);
    }
    /* All is in use: what now looks available in the next lap is not. */
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_false(vdev->broken);
    for (unsigned i = 0; i < 4; i++) {
        push(elem[i], 10);
        assert_used(i, 2, 10);
    }
}

/* Chains come back in any order, each telling of as many descriptors as it had. */
static void test_out_of_order(void)
{
    VirtQueueElement *elem[3];

    start(FEATURES_ALL, 7);
    for (unsigned lap = 0; lap < 100; lap++) {
        add_desc(BUF_GPA, 24, 10, 0);
        add_request(11);
        add_desc(BUF_GPA, 24, 0, NEXT);
        add_desc(BUF_GPA, 24, 0, NEXT);
        add_desc(BUF_GPA, 24, 12, WRITE);
        elem[0] = pop(10, 1, 0);
        elem[1] = pop(11, 1, 1);
        elem[2] = pop(12, 2, 1);
        push(elem[2], 3);
        push(elem[0], 0);
        assert_used(12, 3, 3);
        assert_used(10, 1, 0);
        assert_not_used();
        push(elem[1], 5);
        assert_used(11, 2, 5);
    }
}

static void test_batch(void)
{
    VirtQueueElement *elem[3];

    start(FEATURES_ALL, 7);
    for (unsigned lap = 0; lap < 20; lap++) {
        for (unsigned i = 0; i < 3; i++) {
            add_request(i);
        }
        for (unsigned i = 0; i < 3; i++) {
            elem[i] = pop(i, 1, 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            virtqueue_fill(vq, elem[i], i + 1, i);
            g_free(elem[i]);
            assert_not_used();
        }
        virtqueue_flush(vq, 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_used(i, 2, i + 1);
        }
        assert_not_used();
    }
}

static void test_indirect(void)
{
    start(FEATURES_ALL, 5);
    for (unsigned i = 0; i < 3; i++) {
        /* Next, and whose descriptor it is, mean nothing in a table; its size says all. */
        put_desc(TABLE_GPA, i, BUF_GPA + 64 * i, 64, 99, (i ? WRITE : 0) | NEXT | USED);
    }
    for (unsigned lap = 0; lap < 11; lap++) {
        add_desc(TABLE_GPA, 48, 5, INDIRECT | (lap % 2 ? WRITE : 0));
        push(pop(5, 1, 2), 20);
        assert_used(5, 1, 20);
    }
}

/* A chain that the device lets go of is never told as used; those that follow are. */
static void test_detach(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL, 8);
    add_request(1);
    elem = pop(1, 1, 1);
    virtqueue_detach_element(vq, elem, 0);
    g_free(elem);
    assert_not_used();
    for (unsigned i = 0; i < 3; i++) {
        add_request(2 + i);
    }
    for (unsigned i = 0; i < 3; i++) {
        push(pop(2 + i, 1, 1), 10);
        assert_used(2 + i, 2, 10);
    }
}

static void test_spanning(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL, 4);
    add_desc(RAM2_BASE - 4, 12, 1, WRITE);
    elem = pop(1, 0, 2);
    g_assert_true(elem->in_sg[1].iov_base == ram2);
    g_assert_cmpuint(elem->ndescs, ==, 1);
    push(elem, 12);
    assert_used(1, 1, 12);
}

/* ---- event suppression (2.8.14) -------------------------------------------------------------- */

static void test_interrupt_flags(void)
{
    start(FEATURES_PLAIN, 5);
    for (unsigned lap = 0; lap < 4; lap++) {
        set_driver_event(0, VRING_PACKED_EVENT_FLAG_DISABLE);
        add_request(1);
        push(pop(1, 1, 1), 10);
        virtio_notify(vdev, vq);
        g_assert_cmpuint(nb_irqs, ==, 2 * lap);
        set_driver_event(0, VRING_PACKED_EVENT_FLAG_ENABLE);
        virtio_notify(vdev, vq);
        g_assert_cmpuint(nb_irqs, ==, 2 * lap + 1);
        /* without the feature an event of one descriptor is no less than all */
        set_driver_event(0x1234, VRING_PACKED_EVENT_FLAG_DESC);
        virtio_notify(vdev, vq);
        g_assert_cmpuint(nb_irqs, ==, 2 * lap + 2);
    }
}

/* The device's wishes: nothing, anything, or the very next descriptor. */
static void test_notification(void)
{
    start(FEATURES_PLAIN, 5);
    virtio_queue_set_notification(vq, 0);
    g_assert_cmphex(get16(DEVICE_EVENT_GPA + 2), ==, VRING_PACKED_EVENT_FLAG_DISABLE);
    virtio_queue_set_notification(vq, 1);
    g_assert_cmphex(get16(DEVICE_EVENT_GPA + 2), ==, VRING_PACKED_EVENT_FLAG_ENABLE);

    start(FEATURES_ALL, 5);
    for (unsigned i = 0; i < 20; i++) {
        /* looking in vain asks for the next */
        g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
        g_assert_cmphex(get16(DEVICE_EVENT_GPA + 2), ==, VRING_PACKED_EVENT_FLAG_DESC);
        g_assert_cmphex(get16(DEVICE_EVENT_GPA), ==, off_wrap(drv_avail));
        add_request(i);
        push(pop(i, 1, 1), 10);
        assert_used(i, 2, 10);
    }
    virtio_queue_set_notification(vq, 0);
    g_assert_cmphex(get16(DEVICE_EVENT_GPA + 2), ==, VRING_PACKED_EVENT_FLAG_DISABLE);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_cmphex(get16(DEVICE_EVENT_GPA + 2), ==, VRING_PACKED_EVENT_FLAG_DISABLE);
}

/*
 * The driver names the position whose use it wants to hear of, ahead or behind what was used: it
 * is told exactly when one of the descriptors used since the last time is that one.
 */
static void test_event_index(void)
{
    const unsigned num = 7;
    unsigned nb_told = 0;

    start(FEATURES_ALL, num);
    add_request(0);
    push(pop(0, 1, 1), 10);
    assert_used(0, 2, 10);
    virtio_notify(vdev, vq);  /* the first is always told */
    g_assert_cmpuint(nb_irqs, ==, 1);
    for (unsigned round = 0; round < 5000; round++) {
        unsigned nb_chains = 1 + round % 3, distance = (round / 3) % num;
        Position event = drv_used;
        bool wanted = distance < 2 * nb_chains;

        advance(&event, distance);
        set_driver_event(off_wrap(event), VRING_PACKED_EVENT_FLAG_DESC);
        nb_irqs = 0;
        for (unsigned n = 0; n < nb_chains; n++) {
            add_request(n);
            push(pop(n, 1, 1), 10);
            assert_used(n, 2, 10);
        }
        virtio_notify(vdev, vq);
        g_assert_cmpuint(nb_irqs, ==, wanted);
        nb_told += wanted;
    }
    g_assert_cmpuint(nb_told, >, 1000);
    g_assert_cmpuint(nb_told, <, 4000);
}

/* Whatever lies in the driver's area: no harm, and the queue goes on. */
static void test_event_garbage(void)
{
    start(FEATURES_ALL, 7);
    for (unsigned i = 0; i < 2000; i++) {
        set_driver_event(g_test_rand_int(), g_test_rand_int());
        add_request(i);
        push(pop((uint16_t)i, 1, 1), 10);
        assert_used(i, 2, 10);
        virtio_notify(vdev, vq);
    }
    /* the reserved value 3 is no wish not to hear */
    set_driver_event(0, 3);
    nb_irqs = 0;
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 1);
}

/* ---- malformed rings ------------------------------------------------------------------------- */

static void bad_chain_ends_in_air(void)
{
    add_desc(BUF_GPA, 24, 0, NEXT);
}

static void bad_endless_chain(void)
{
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        add_desc(BUF_GPA, 24, 0, NEXT);
    }
}

/* The second lap of a chain would be available if the flags of the first were turned over. */
static void bad_chain_over_itself(void)
{
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        put_desc(RING_GPA, i, BUF_GPA, 24, 0, NEXT | AVAIL);
    }
    put_desc(RING_GPA, 0, BUF_GPA, 24, 0, NEXT | AVAIL);
}

static void bad_outside(void)
{
    add_desc(UINT64_C(1) << 40, 24, 0, 0);
}

static void bad_wraps(void)
{
    add_desc(UINT64_MAX - 7, 24, 0, 0);
}

static void bad_length_max(void)
{
    add_desc(BUF_GPA, UINT32_MAX, 0, WRITE);
}

static void bad_zero(void)
{
    add_desc(BUF_GPA, 0, 0, 0);
}

static void bad_order(void)
{
    add_desc(BUF_GPA, 24, 0, WRITE | NEXT);
    add_desc(BUF_GPA, 10, 0, 0);
}

static void bad_indirect(uint32_t len, uint16_t flags, uint16_t inner)
{
    put_desc(TABLE_GPA, 0, BUF_GPA, 24, 0, inner);
    add_desc(TABLE_GPA, len, 0, INDIRECT | flags);
}

static void bad_indirect_odd(void)
{
    bad_indirect(17, 0, 0);
}

static void bad_indirect_empty(void)
{
    bad_indirect(0, 0, 0);
}

static void bad_indirect_next(void)
{
    bad_indirect(16, NEXT, 0);
    add_desc(BUF_GPA, 10, 0, WRITE);
}

static void bad_indirect_nested(void)
{
    bad_indirect(16, 0, INDIRECT);
}

static void bad_indirect_in_chain(void)
{
    add_desc(BUF_GPA, 8, 0, NEXT);
    bad_indirect(16, 0, 0);
}

static void bad_indirect_long(void)
{
    for (unsigned i = 0; i < VIRTQUEUE_MAX_SIZE + 1; i++) {
        put_desc(TABLE_GPA, i, BUF_GPA + 0x10000, 1, 0, 0);
    }
    add_desc(TABLE_GPA, (VIRTQUEUE_MAX_SIZE + 1) * 16, 0, INDIRECT);
}

static void bad_indirect_huge(void)
{
    bad_indirect(UINT32_MAX & ~15u, 0, 0);
}

static void bad_indirect_outside(void)
{
    add_desc(UINT64_C(1) << 40, 16, 0, INDIRECT);
}

static void bad_indirect_wraps(void)
{
    add_desc(UINT64_MAX - 15, 32, 0, INDIRECT);
}

typedef struct BadRing {
    const char *name;
    void (*spoil)(void);
} BadRing;

static const BadRing bad_rings[] = {
    { "chain-ends-in-air", bad_chain_ends_in_air },
    { "endless-chain", bad_endless_chain },
    { "chain-over-itself", bad_chain_over_itself },
    { "outside-ram", bad_outside },
    { "wraps-address-space", bad_wraps },
    { "length-4g", bad_length_max },
    { "zero-length", bad_zero },
    { "readable-after-writable", bad_order },
    { "indirect-odd-length", bad_indirect_odd },
    { "indirect-empty", bad_indirect_empty },
    { "indirect-and-next", bad_indirect_next },
    { "indirect-nested", bad_indirect_nested },
    { "indirect-in-chain", bad_indirect_in_chain },
    { "indirect-too-long", bad_indirect_long },
    { "indirect-huge", bad_indirect_huge },
    { "indirect-outside-ram", bad_indirect_outside },
    { "indirect-wraps", bad_indirect_wraps },
};

static void assert_broken(void)
{
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    g_assert_cmphex(vdev->status, ==, 0x4f);
    g_assert_cmpuint(nb_config_irqs, ==, 1);
    g_assert_cmpuint(vdev->log.nb_passed, ==, 1);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 0);
}

static void test_bad_ring(const void *data)
{
    const BadRing *bad = data;

    start(FEATURES_ALL, QUEUE_SIZE);
    bad->spoil();
    assert_broken();
    start(FEATURES_ALL, QUEUE_SIZE);
    add_request(1);
    push(pop(1, 1, 1), 10);
    assert_used(1, 2, 10);
}

static void test_indirect_not_negotiated(void)
{
    start(FEATURES_PLAIN, QUEUE_SIZE);
    bad_indirect(16, 0, 0);
    assert_broken();
}

/* The driver makes chains available over those that it has not got back. */
static void test_more_than_size_in_use(void)
{
    VirtQueueElement *first, *second;

    start(FEATURES_ALL, 4);
    add_request(0);
    add_request(1);
    first = pop(0, 1, 1);
    second = pop(1, 1, 1);
    push(first, 10);
    add_desc(BUF_GPA, 24, 2, NEXT);
    add_desc(BUF_GPA, 24, 2, NEXT);
    add_desc(BUF_GPA, 24, 2, 0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    virtqueue_detach_element(vq, second, 0);
    g_free(second);
}

static void test_bad_ring_address(void)
{
    static const hwaddr bad[][3] = {
        { RING_GPA + 8, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA },
        { RING_GPA, DRIVER_EVENT_GPA + 2, DEVICE_EVENT_GPA },
        { RING_GPA, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA + 1 },
        { UINT64_C(1) << 40, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA },
        { RING_GPA, UINT64_MAX - 3, DEVICE_EVENT_GPA },
        { RING_GPA, DRIVER_EVENT_GPA, RAM2_BASE + RAM2_SIZE },
        { RAM2_BASE + RAM2_SIZE - 16, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        negotiate(FEATURES_ALL);
        virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
        virtio_queue_set_rings(vdev, 0, bad[i][0], bad[i][1], bad[i][2]);
        virtio_queue_enable(vdev, 0);
        g_assert_true(vdev->broken);
        g_assert_false(virtio_queue_enabled(vdev, 0));
    }
}

/* A size that only packed rings allow, and then the driver does without them. */
static void test_bad_size(void)
{
    virtio_reset(vdev);
    virtio_set_features(vdev, FEATURES_PLAIN);
    virtio_queue_set_num(vdev, 0, 7);
    g_assert_cmpint(virtio_queue_get_num(vdev, 0), ==, 7);
    virtio_set_features(vdev, FEATURE(VIRTIO_F_VERSION_1));
    virtio_queue_set_rings(vdev, 0, RING_GPA, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA);
    virtio_queue_enable(vdev, 0);
    g_assert_true(vdev->broken);
    g_assert_false(virtio_queue_enabled(vdev, 0));
}

/* A buffer over both regions, the used descriptor, event suppression: all that the device writes. */
static void test_dirty(void)
{
    static const uint64_t features[] = { FEATURES_ALL, FEATURES_PLAIN };

    for (int i = 0; i < 2; i++) {
        VirtQueueElement *elem;

        start(features[i], QUEUE_SIZE);
        add_desc(RAM2_BASE - 6, 30, 7, WRITE);
        dirty_watch();
        elem = pop(7, 0, 2);
        fill_element(elem, 20);
        virtqueue_push(vq, elem, 20);
        g_free(elem);
        g_assert_null(virtqueue_pop(vq, sizeof(*elem)));
        virtio_queue_set_notification(vq, false);
        virtio_queue_set_notification(vq, true);
        g_assert_cmpuint(dirty_check(), ==, 20 + 16 + 4);
        memset(ram2, 0, RAM2_SIZE);
    }
}

/* ---- resets, positions, random rings --------------------------------------------------------- */

static void test_stale_element(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL, 4);
    add_request(1);
    elem = pop(1, 1, 1);
    virtio_queue_reset(vdev, 0);
    memset(ram + RING_GPA, 0, 16 * 4);
    drv_avail = drv_used = (Position) { 0, true };
    enable(4);
    push(elem, 10);
    assert_not_used();
    add_request(2);
    push(pop(2, 1, 1), 10);
    assert_used(2, 2, 10);
}

static void reset_device(void)
{
    virtio_reset(vdev);
}

static void ram_back(void)
{
    if (!memory_region_is_mapped(&test_mr)) {
        memory_region_add_subregion(&test_root, 0, &test_mr);
    }
}

static void reset_and_start(void)
{
    test_on_irq = NULL;
    ram_back();
    start(FEATURES_ALL, 4);
}

/*
 * The memory core lets no interrupt get back to the device. Were there a way all the same: nothing
 * that the queue had before it told of an error, or of an answer, is used after that.
 */
static void test_interrupt_resets(const void *data)
{
    VirtQueueElement *elem[2];

    start(FEATURES_ALL, 8);
    add_request(1);
    add_request(2);
    elem[0] = pop(1, 1, 1);
    elem[1] = pop(2, 1, 1);
    memory_region_del_subregion(&test_root, &test_mr);      /* and with it the ring */
    test_on_irq = data;
    virtqueue_push(vq, elem[0], 10);
    test_on_irq = NULL;
    ram_back();
    virtqueue_push(vq, elem[1], 10);
    g_free(elem[0]);
    g_free(elem[1]);
    start(FEATURES_ALL, 4);
    add_request(3);
    elem[0] = pop(3, 1, 1);
    test_on_irq = data;
    virtqueue_push(vq, elem[0], 10);
    virtio_notify(vdev, vq);
    test_on_irq = NULL;
    g_free(elem[0]);
    start(FEATURES_ALL, 4);
    add_request(4);
    push(pop(4, 1, 1), 10);
    assert_used(4, 2, 10);
}

/* A queue goes on in another device where it was left, in any lap. */
static void test_position(void)
{
    unsigned saved;

    start(FEATURES_ALL, 5);
    for (unsigned i = 0; i < 50; i++) {
        add_request(i);
        push(pop(i, 1, 1), 10);
        assert_used(i, 2, 10);
        saved = virtio_queue_get_last_avail_idx(vdev, 0);
        g_assert_cmphex(saved & 0xffff, ==, off_wrap(drv_avail));
        g_assert_cmphex(saved >> 16, ==, off_wrap(drv_used));
        virtio_queue_reset(vdev, 0);
        virtio_queue_set_num(vdev, 0, 5);
        g_assert_true(virtio_queue_set_last_avail_idx(vdev, 0, saved));
        enable(5);
    }
    virtio_queue_reset(vdev, 0);
    virtio_queue_set_num(vdev, 0, 5);
    g_assert_false(virtio_queue_set_last_avail_idx(vdev, 0, 5));
    g_assert_false(virtio_queue_set_last_avail_idx(vdev, 0, 5u << 16));
    g_assert_true(virtio_queue_set_last_avail_idx(vdev, 0, 0x80048004));
}

static void check_segments(const struct iovec *iov, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = iov[i].iov_base;

        g_assert_cmpuint(iov[i].iov_len, >, 0);
        g_assert_true((p >= ram && p + iov[i].iov_len <= ram + RAM_SIZE) ||
                      (p >= ram2 && p + iov[i].iov_len <= ram2 + RAM2_SIZE));
    }
}

static bool one_in(int n)
{
    return g_test_rand_int_range(0, n) == 0;
}

/* Mostly plausible values: pure noise is refused by the first check. */
static void random_desc(hwaddr table, unsigned i)
{
    static const uint16_t flags[] = { 0, 0, NEXT, NEXT, WRITE, WRITE, WRITE | NEXT, INDIRECT };
    uint16_t f = one_in(80) ? g_test_rand_int() : flags[g_test_rand_int_range(0, 8)];
    bool table_in_ring = f & INDIRECT && table == RING_GPA;
    uint64_t addr = table_in_ring ? TABLE_GPA
                    : one_in(60) ? (uint32_t)g_test_rand_int()
                    : BUF_GPA + g_test_rand_int_range(0, 0x3e000);
    uint32_t len = table_in_ring ? 16 * g_test_rand_int_range(1, QUEUE_SIZE)
                                 : g_test_rand_int_range(1, 5000);

    if (f & INDIRECT && table == TABLE_GPA && !one_in(50)) {
        f = 0;
    }
    f |= one_in(30) ? 0 : avail_flags();
    put_desc(table, i, addr, one_in(80) ? (uint32_t)g_test_rand_int() : len, i, f);
}

static void test_random(void)
{
    unsigned nb_good = 0, nb_broken = 0;

    for (unsigned round = 0; round < 4000; round++) {
        start(FEATURES_ALL, 1 + g_test_rand_int_range(0, QUEUE_SIZE));
        be_quiet();
        for (unsigned step = 0; step < 8; step++) {
            VirtQueueElement *elem;

            for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                random_desc(RING_GPA, i);
                random_desc(TABLE_GPA, i);
            }
            set_driver_event(g_test_rand_int(), g_test_rand_int_range(0, 4));
            for (unsigned n = 0; n < 40 && (elem = virtqueue_pop(vq, sizeof(*elem))); n++) {
                nb_good++;
                check_segments(elem->out_sg, elem->out_num);
                check_segments(elem->in_sg, elem->in_num);
                virtqueue_push(vq, elem, g_test_rand_int_range(0, 2));
                virtio_notify(vdev, vq);
                g_free(elem);
            }
            drv_avail.wrap ^= 1;
        }
        nb_broken += vdev->broken;
    }
    g_test_message("%u good chains, %u of 4000 rings broken", nb_good, nb_broken);
    g_assert_cmpuint(nb_good, >, 1000);
    g_assert_cmpuint(nb_broken, >, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    set_up();
    g_test_add_func("/virtqueue-packed/direct", test_direct);
    g_test_add_func("/virtqueue-packed/laps", test_laps);
    g_test_add_func("/virtqueue-packed/full-ring", test_full_ring);
    g_test_add_func("/virtqueue-packed/out-of-order", test_out_of_order);
    g_test_add_func("/virtqueue-packed/batch", test_batch);
    g_test_add_func("/virtqueue-packed/indirect", test_indirect);
    g_test_add_func("/virtqueue-packed/detach", test_detach);
    g_test_add_func("/virtqueue-packed/spanning-regions", test_spanning);
    g_test_add_func("/virtqueue-packed/interrupt-flags", test_interrupt_flags);
    g_test_add_func("/virtqueue-packed/notification", test_notification);
    g_test_add_func("/virtqueue-packed/event-index", test_event_index);
    g_test_add_func("/virtqueue-packed/event-garbage", test_event_garbage);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rings); i++) {
        g_autofree char *path = g_strdup_printf("/virtqueue-packed/bad/%s", bad_rings[i].name);

        g_test_add_data_func(path, &bad_rings[i], test_bad_ring);
    }
    g_test_add_func("/virtqueue-packed/bad/indirect-not-negotiated",
                    test_indirect_not_negotiated);
    g_test_add_func("/virtqueue-packed/bad/more-than-size-in-use", test_more_than_size_in_use);
    g_test_add_func("/virtqueue-packed/bad/ring-address", test_bad_ring_address);
    g_test_add_func("/virtqueue-packed/bad/size", test_bad_size);
    g_test_add_func("/virtqueue-packed/stale-element", test_stale_element);
    g_test_add_data_func("/virtqueue-packed/interrupt/resets", reset_device,
                         test_interrupt_resets);
    g_test_add_data_func("/virtqueue-packed/interrupt/restarts", reset_and_start,
                         test_interrupt_resets);
    g_test_add_func("/virtqueue-packed/position", test_position);
    g_test_add_func("/virtqueue-packed/dirty", test_dirty);
    g_test_add_func("/virtqueue-packed/random", test_random);
    return g_test_run();
}
