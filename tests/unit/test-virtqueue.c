/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues over a plain memory region, with a device and a transport of the test's own:
 * good chains, every malformed one (each must break the device and nothing else), the arithmetic
 * of the event index, negotiation, rings whose memory moves or is unplugged, and random rings.
 */
#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "virtqueue-fixture.h"

#define DESC_GPA 0x1000
#define AVAIL_GPA 0x4000
#define USED_GPA 0x5000
#define TABLE_GPA 0x8000

#define FEATURES_ALL ((1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_RING_F_EVENT_IDX) | \
                      (1ULL << VIRTIO_RING_F_INDIRECT_DESC) | (1ULL << VIRTIO_F_RING_RESET))

/* ---- the driver ------------------------------------------------------------------------------ */

static uint16_t drv_avail;

static void put_desc(hwaddr table, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                     uint16_t next)
{
    struct vring_desc desc = {
        .addr = GUINT64_TO_LE(addr),
        .len = GUINT32_TO_LE(len),
        .flags = GUINT16_TO_LE(flags),
        .next = GUINT16_TO_LE(next),
    };

    memcpy(ram + table + i * sizeof(desc), &desc, sizeof(desc));
}

static void make_avail(uint16_t head)
{
    put16(AVAIL_GPA + 4 + 2 * (drv_avail % QUEUE_SIZE), head);
    put16(AVAIL_GPA + 2, ++drv_avail);
}

static void set_used_event(uint16_t event)
{
    put16(AVAIL_GPA + 4 + 2 * QUEUE_SIZE, event);
}

/* A running device with an empty queue of QUEUE_SIZE at the usual place. */
/* From reset to DRIVER_OK. */
static void drive(uint64_t features)
{
    negotiate(features);
    g_assert_cmphex(vdev->status, ==, 0xb);
    virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
    virtio_queue_set_rings(vdev, 0, DESC_GPA, AVAIL_GPA, USED_GPA);
    virtio_queue_set_vector(vdev, 0, 0);
    vdev->config_vector = 1;
    virtio_queue_enable(vdev, 0);
    virtio_set_status(vdev, 0xf);
}

static void start(uint64_t features)
{
    drv_avail = 0;
    forget();
    drive(features);
    g_assert_cmphex(vdev->status, ==, 0xf);
    g_assert_false(vdev->broken);
}

/* Request of 24 bytes in descriptor 0, response of 10 in descriptor 1. */
static void put_request(void)
{
    put_desc(DESC_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT, 1);
    put_desc(DESC_GPA, 1, BUF_GPA + 0x100, 10, VRING_DESC_F_WRITE, 0);
}

/* ---- good chains ----------------------------------------------------------------------------- */

static void test_direct(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL);
    g_assert_true(virtio_queue_empty(vq));
    g_assert_null(virtqueue_pop(vq, sizeof(*elem)));
    put_request();
    make_avail(0);
    g_assert_false(virtio_queue_empty(vq));
    elem = virtqueue_pop(vq, sizeof(*elem));
    g_assert_nonnull(elem);
    g_assert_cmpuint(elem->out_num, ==, 1);
    g_assert_cmpuint(elem->in_num, ==, 1);
    g_assert_cmphex(elem->out_addr[0], ==, BUF_GPA);
    g_assert_true(elem->out_sg[0].iov_base == ram + BUF_GPA);
    g_assert_cmpuint(elem->out_sg[0].iov_len, ==, 24);
    g_assert_true(elem->in_sg[0].iov_base == ram + BUF_GPA + 0x100);
    g_assert_cmpuint(elem->in_sg[0].iov_len, ==, 10);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 0);
    virtqueue_push(vq, elem, 10);
    g_free(elem);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 1);
    g_assert_cmpuint(get16(USED_GPA + 4), ==, 0);
    g_assert_cmpuint(get16(USED_GPA + 8), ==, 10);
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 1);
    g_assert_cmphex(vdev->isr, ==, 1);
    /* Looking in vain asks for the next notification. */
    g_assert_null(virtqueue_pop(vq, sizeof(*elem)));
    g_assert_cmpuint(get16(USED_GPA + 4 + 8 * QUEUE_SIZE), ==, 1);
    g_assert_false(vdev->broken);
}

static void test_larger_element(void)
{
    struct {
        VirtQueueElement elem;
        uint64_t own[3];
    } *req;

    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    req = virtqueue_pop(vq, sizeof(*req));
    g_assert_cmpuint(req->own[2], ==, 0);
    req->own[0] = req->own[2] = UINT64_MAX;
    g_assert_true(req->elem.out_sg[0].iov_base == ram + BUF_GPA);
    virtqueue_detach_element(vq, &req->elem, 0);
    g_free(req);
}

static void pop_expect(unsigned nb_out, unsigned nb_in)
{
    VirtQueueElement *elem;

    make_avail(0);
    elem = virtqueue_pop(vq, sizeof(*elem));
    g_assert_nonnull(elem);
    g_assert_cmpuint(elem->out_num, ==, nb_out);
    g_assert_cmpuint(elem->in_num, ==, nb_in);
    virtqueue_push(vq, elem, 0);
    g_free(elem);
    g_assert_false(vdev->broken);
}

static void test_indirect(void)
{
    start(FEATURES_ALL);
    put_desc(TABLE_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT, 1);
    put_desc(TABLE_GPA, 1, BUF_GPA + 0x100, 10, VRING_DESC_F_WRITE, 0);
    put_desc(DESC_GPA, 0, TABLE_GPA, 32, VRING_DESC_F_INDIRECT, 0);
    pop_expect(1, 1);
    /* 2.7.5.3.2: the write flag of the descriptor that names the table is ignored. */
    put_desc(DESC_GPA, 0, TABLE_GPA, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
    pop_expect(1, 1);
    /* ... and ordinary descriptors may come before it. */
    put_desc(DESC_GPA, 0, BUF_GPA, 8, VRING_DESC_F_NEXT, 3);
    put_desc(DESC_GPA, 3, TABLE_GPA, 32, VRING_DESC_F_INDIRECT, 0);
    pop_expect(2, 1);
}

static void test_full_chain(void)
{
    start(FEATURES_ALL);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        put_desc(DESC_GPA, i, BUF_GPA + 64 * i, 64, i < QUEUE_SIZE - 1 ? VRING_DESC_F_NEXT : 0,
                 i + 1);
    }
    pop_expect(QUEUE_SIZE, 0);
}

static void test_spanning(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL);
    put_desc(DESC_GPA, 0, RAM2_BASE - 4, 12, VRING_DESC_F_WRITE, 0);
    make_avail(0);
    elem = virtqueue_pop(vq, sizeof(*elem));
    g_assert_nonnull(elem);
    g_assert_cmpuint(elem->in_num, ==, 2);
    g_assert_true(elem->in_sg[0].iov_base == ram + RAM_SIZE - 4);
    g_assert_cmpuint(elem->in_sg[0].iov_len, ==, 4);
    g_assert_true(elem->in_sg[1].iov_base == ram2);
    g_assert_cmpuint(elem->in_sg[1].iov_len, ==, 8);
    virtqueue_detach_element(vq, elem, 0);
    g_free(elem);
}

static void test_batch(void)
{
    VirtQueueElement *elem[4];

    start(FEATURES_ALL);
    put_request();
    for (int i = 0; i < 4; i++) {
        make_avail(0);
    }
    for (int i = 0; i < 4; i++) {
        elem[i] = virtqueue_pop(vq, sizeof(*elem[i]));
        g_assert_nonnull(elem[i]);
    }
    for (int i = 0; i < 4; i++) {
        virtqueue_fill(vq, elem[i], i + 1, i);
        g_free(elem[i]);
        g_assert_cmpuint(get16(USED_GPA + 2), ==, 0);
    }
    virtqueue_flush(vq, 4);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 4);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpuint(get16(USED_GPA + 4 + 8 * i + 4), ==, i + 1);
    }
}

/* What another vCPU would still add while the device is at work; then the device answers all. */
static unsigned nb_flood, nb_answered;

static void test_answer_flood(VirtQueue *q)
{
    VirtQueueElement *elem;

    while ((elem = virtqueue_pop(q, sizeof(*elem)))) {
        virtqueue_push(q, elem, 0);
        g_free(elem);
        nb_answered++;
        if (nb_flood) {
            nb_flood--;
            make_avail(0);
        }
    }
}

/* A guest that adds as fast as the device pops must not keep the main loop from others. */
static void test_turns(void)
{
    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    nb_flood = 1000;
    nb_answered = 0;
    test_on_kick = test_answer_flood;
    virtio_queue_notify(vdev, 0);
    g_assert_cmpuint(nb_kicks, ==, 1);
    g_assert_cmpuint(nb_answered, >, 0);
    g_assert_cmpuint(nb_answered, <, 500);
    while (nb_flood) {
        unsigned before = nb_answered;

        main_loop_wait(true);
        g_assert_cmpuint(nb_answered - before, >, 0);
        g_assert_cmpuint(nb_answered - before, <, 500);
    }
    g_assert_cmpuint(nb_kicks, >, 2);
    test_on_kick = NULL;
}

/* Indices are 16 bits wide and wrap; the ring goes round many times. */
static void test_index_wrap(void)
{
    start(FEATURES_ALL);
    put_request();
    for (unsigned i = 0; i < 70000; i++) {
        pop_expect(1, 1);
        g_assert_cmpuint(get16(USED_GPA + 2), ==, (uint16_t)(i + 1));
    }
}

/* ---- malformed rings ------------------------------------------------------------------------- */

static void bad_self_loop(void)
{
    put_desc(DESC_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT, 0);
}

static void bad_loop(void)
{
    put_desc(DESC_GPA, 1, BUF_GPA, 24, VRING_DESC_F_NEXT, 0);
}

static void bad_next(void)
{
    put_desc(DESC_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT, QUEUE_SIZE);
}

static void bad_head(void)
{
    drv_avail--;
    make_avail(QUEUE_SIZE);
}

static void bad_head_far(void)
{
    drv_avail--;
    make_avail(0xffff);
}

static void bad_avail_jump(void)
{
    put16(AVAIL_GPA + 2, QUEUE_SIZE + 1);
}

static void bad_avail_back(void)
{
    put16(AVAIL_GPA + 2, 0xffff);
}

static void bad_outside(void)
{
    put_desc(DESC_GPA, 0, UINT64_C(1) << 40, 24, VRING_DESC_F_NEXT, 1);
}

static void bad_runs_out(void)
{
    put_desc(DESC_GPA, 1, RAM2_BASE + RAM2_SIZE - 4, 10, VRING_DESC_F_WRITE, 0);
}

static void bad_wraps(void)
{
    put_desc(DESC_GPA, 0, UINT64_MAX - 7, 24, VRING_DESC_F_NEXT, 1);
}

static void bad_zero(void)
{
    put_desc(DESC_GPA, 0, BUF_GPA, 0, VRING_DESC_F_NEXT, 1);
}

static void bad_zero_all(void)
{
    put_desc(DESC_GPA, 0, 0, 0, 0, 0);
}

static void bad_order(void)
{
    put_desc(DESC_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
    put_desc(DESC_GPA, 1, BUF_GPA, 10, 0, 0);
}

static void bad_indirect(uint64_t addr, uint32_t len, uint16_t flags, uint16_t inner_flags,
                         uint16_t inner_next)
{
    put_desc(TABLE_GPA, 0, BUF_GPA, 24, inner_flags, inner_next);
    put_desc(DESC_GPA, 0, addr, len, VRING_DESC_F_INDIRECT | flags, 1);
}

static void bad_indirect_odd(void)
{
    bad_indirect(TABLE_GPA, 33, 0, 0, 0);
}

static void bad_indirect_empty(void)
{
    bad_indirect(TABLE_GPA, 0, 0, 0, 0);
}

static void bad_indirect_next(void)
{
    bad_indirect(TABLE_GPA, 16, VRING_DESC_F_NEXT, 0, 0);
}

static void bad_indirect_nested(void)
{
    bad_indirect(TABLE_GPA, 16, 0, VRING_DESC_F_INDIRECT, 0);
}

static void bad_indirect_loop(void)
{
    bad_indirect(TABLE_GPA, 16, 0, VRING_DESC_F_NEXT, 0);
}

static void bad_indirect_beyond(void)
{
    bad_indirect(TABLE_GPA, 16, 0, VRING_DESC_F_NEXT, 1);
}

static void bad_indirect_outside(void)
{
    bad_indirect(UINT64_C(1) << 40, 16, 0, 0, 0);
}

static void bad_indirect_wraps(void)
{
    bad_indirect(UINT64_MAX - 15, 32, 0, 0, 0);
}

/* Longer than any chain may be, although the table and all buffers are in RAM. */
static void bad_indirect_long(void)
{
    for (unsigned i = 0; i < 2 * VIRTQUEUE_MAX_SIZE; i++) {
        put_desc(TABLE_GPA, i, BUF_GPA + 0x10000, 1, VRING_DESC_F_NEXT, i + 1);
    }
    put_desc(DESC_GPA, 0, TABLE_GPA, 2 * VIRTQUEUE_MAX_SIZE * 16, VRING_DESC_F_INDIRECT, 0);
}

/* Each buffer is two segments: the segments run out before the descriptors. */
static void bad_too_many_segments(void)
{
    for (unsigned i = 0; i < VIRTQUEUE_MAX_SIZE; i++) {
        put_desc(TABLE_GPA, i, RAM2_BASE - 1, 2,
                 i < VIRTQUEUE_MAX_SIZE - 1 ? VRING_DESC_F_NEXT : 0, i + 1);
    }
    put_desc(DESC_GPA, 0, TABLE_GPA, VIRTQUEUE_MAX_SIZE * 16, VRING_DESC_F_INDIRECT, 0);
}

typedef struct BadRing {
    const char *name;
    void (*spoil)(void);
} BadRing;

static const BadRing bad_rings[] = {
    { "self-loop", bad_self_loop },
    { "loop", bad_loop },
    { "next-beyond-size", bad_next },
    { "head-beyond-size", bad_head },
    { "head-65535", bad_head_far },
    { "avail-index-jump", bad_avail_jump },
    { "avail-index-backwards", bad_avail_back },
    { "outside-ram", bad_outside },
    { "runs-out-of-ram", bad_runs_out },
    { "wraps-address-space", bad_wraps },
    { "zero-length", bad_zero },
    { "zero-total", bad_zero_all },
    { "readable-after-writable", bad_order },
    { "indirect-odd-length", bad_indirect_odd },
    { "indirect-empty", bad_indirect_empty },
    { "indirect-and-next", bad_indirect_next },
    { "indirect-nested", bad_indirect_nested },
    { "indirect-loop", bad_indirect_loop },
    { "indirect-beyond-table", bad_indirect_beyond },
    { "indirect-outside-ram", bad_indirect_outside },
    { "indirect-wraps", bad_indirect_wraps },
    { "indirect-too-long", bad_indirect_long },
    { "too-many-segments", bad_too_many_segments },
};

static void assert_broken(void)
{
    unsigned used = get16(USED_GPA + 2);

    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    g_assert_cmphex(vdev->status, ==, 0x4f);
    g_assert_cmpuint(nb_config_irqs, ==, 1);
    g_assert_true(vdev->isr & 2);
    /* Nothing more before a reset, whatever the ring says then. */
    put_request();
    make_avail(0);
    virtio_queue_notify(vdev, 0);
    g_assert_cmpuint(nb_kicks, ==, 0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    virtio_notify(vdev, vq);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, used);
    g_assert_cmpuint(nb_irqs, ==, 0);
    virtio_set_status(vdev, 0xf);
    g_assert_cmphex(vdev->status, ==, 0x4f);
    virtio_set_status(vdev, 0);
    g_assert_cmphex(vdev->status, ==, 0);
    g_assert_false(vdev->broken);
}

static void test_bad_ring(const void *data)
{
    const BadRing *bad = data;

    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    bad->spoil();
    assert_broken();
    /* ... and after the reset all is well. */
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
}

/* Guest memory for which the host has no page: a file that cannot grow, here one that is cut. */
static void test_no_host_memory(void)
{
    int fd = memory_region_get_fd(&test_mr);

    /* A buffer: what is copied ends there. */
    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    g_assert_cmpint(ftruncate(fd, BUF_GPA), ==, 0);
    {
        g_autofree VirtQueueElement *elem = virtqueue_pop(vq, sizeof(VirtQueueElement));
        uint8_t bytes[8];

        g_assert_nonnull(elem);
        g_assert_cmpuint(iov_to_buf(elem->out_sg, elem->out_num, 0, bytes, 8), ==, 0);
        g_assert_cmpuint(iov_from_buf(elem->in_sg, elem->in_num, 0, bytes, 8), ==, 0);
        virtqueue_detach_element(vq, elem, 0);
    }
    /* A ring. */
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    drive(FEATURES_ALL);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    g_assert_cmpint(ftruncate(fd, RAM_SIZE), ==, 0);
    forget();
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
}

static void test_indirect_not_negotiated(void)
{
    start(1ULL << VIRTIO_F_VERSION_1);
    put_desc(TABLE_GPA, 0, BUF_GPA, 24, 0, 0);
    put_desc(DESC_GPA, 0, TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0);
    make_avail(0);
    assert_broken();
}

/* Rings themselves: unaligned, or not in RAM. */
static void test_bad_ring_address(void)
{
    static const hwaddr bad[][3] = {
        { DESC_GPA + 8, AVAIL_GPA, USED_GPA },
        { DESC_GPA, AVAIL_GPA + 1, USED_GPA },
        { DESC_GPA, AVAIL_GPA, USED_GPA + 2 },
        { UINT64_C(1) << 40, AVAIL_GPA, USED_GPA },
        { DESC_GPA, UINT64_MAX - 1, USED_GPA },
        { DESC_GPA, AVAIL_GPA, RAM2_BASE + RAM2_SIZE - 4 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        negotiate(FEATURES_ALL);
        virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
        virtio_queue_set_rings(vdev, 0, bad[i][0], bad[i][1], bad[i][2]);
        virtio_queue_enable(vdev, 0);
        g_assert_true(vdev->broken);
        g_assert_false(virtio_queue_enabled(vdev, 0));
        virtio_set_status(vdev, 0xf);
        g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    }
}

static void test_queue_size(void)
{
    static const int bad[] = { 0, -1, 3, 7, 2 * QUEUE_SIZE, 65536 };

    negotiate(FEATURES_ALL);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        virtio_queue_set_num(vdev, 0, bad[i]);
        g_assert_cmpint(virtio_queue_get_num(vdev, 0), ==, QUEUE_SIZE);
    }
    virtio_queue_set_num(vdev, 0, 2);
    g_assert_cmpint(virtio_queue_get_num(vdev, 0), ==, 2);
    g_assert_cmpint(virtio_queue_get_num(vdev, 2), ==, 0);
    g_assert_cmpint(virtio_queue_get_num(vdev, -1), ==, 0);
    virtio_queue_notify(vdev, 2);
    virtio_queue_notify(vdev, 65535);
}

/* The driver makes one chain available again and again without waiting for it. */
static void test_more_than_size_in_use(void)
{
    VirtQueueElement *elem[QUEUE_SIZE];

    start(FEATURES_ALL);
    put_request();
    for (int i = 0; i < QUEUE_SIZE; i++) {
        make_avail(0);
        elem[i] = virtqueue_pop(vq, sizeof(*elem[i]));
        g_assert_nonnull(elem[i]);
    }
    make_avail(0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    for (int i = 0; i < QUEUE_SIZE; i++) {
        virtqueue_detach_element(vq, elem[i], 0);
        g_free(elem[i]);
    }
}

/* ---- event index ----------------------------------------------------------------------------- */

/* Does the driver's @event lie among the entries given back since the last notification? */
static void test_event_index(void)
{
    static const int distance[] = { -3, -2, -1, 0, 1, 2, 3 };
    uint16_t used = 0;

    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
    used++;
    virtio_notify(vdev, vq);  /* the first is always told */
    g_assert_cmpuint(nb_irqs, ==, 1);
    for (unsigned round = 0; round < 12000; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(distance); i++) {
            unsigned count = 1 + (round + i) % 3;
            uint16_t event = used + distance[i];
            bool wanted = distance[i] >= 0 && (unsigned)distance[i] < count;

            set_used_event(event);
            nb_irqs = 0;
            for (unsigned n = 0; n < count; n++) {
                pop_expect(1, 1);
            }
            used += count;
            virtio_notify(vdev, vq);
            g_assert_cmpuint(nb_irqs, ==, wanted);
        }
    }
}

static void test_no_interrupt_flag(void)
{
    start(FEATURES_ALL & ~(1ULL << VIRTIO_RING_F_EVENT_IDX));
    put_request();
    put16(AVAIL_GPA, VRING_AVAIL_F_NO_INTERRUPT);
    pop_expect(1, 1);
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 0);
    put16(AVAIL_GPA, 0);
    virtio_notify(vdev, vq);
    g_assert_cmpuint(nb_irqs, ==, 1);
    virtio_queue_set_notification(vq, 0);
    g_assert_cmpuint(get16(USED_GPA), ==, VRING_USED_F_NO_NOTIFY);
    virtio_queue_set_notification(vq, 1);
    g_assert_cmpuint(get16(USED_GPA), ==, 0);
}

/* ---- negotiation and status ------------------------------------------------------------------ */

static void test_features(void)
{
    negotiate(FEATURES_ALL);
    g_assert_cmphex(vdev->status, ==, 0xb);
    /* Latched. */
    g_assert_cmpint(virtio_set_features(vdev, 0), ==, -EINVAL);
    g_assert_cmphex(vdev->guest_features, ==, FEATURES_ALL);
    /* Refused: by the device, not offered, no version 1. */
    negotiate(FEATURES_ALL | (1ULL << FEATURE_REFUSED));
    g_assert_cmphex(vdev->status, ==, 3);
    negotiate(FEATURES_ALL | (1ULL << 63));
    g_assert_cmphex(vdev->status, ==, 3);
    g_assert_false(virtio_vdev_has_feature(vdev, 63));
    negotiate(FEATURES_ALL & ~(1ULL << VIRTIO_F_VERSION_1));
    g_assert_cmphex(vdev->status, ==, 3);
    /* A second, better try is allowed; a start without agreement is not. */
    virtio_set_status(vdev, 7);
    g_assert_cmphex(vdev->status, ==, 3);
    virtio_set_features(vdev, FEATURES_ALL);
    virtio_set_status(vdev, 0xb);
    g_assert_cmphex(vdev->status, ==, 0xb);
}

static void test_status(void)
{
    start(FEATURES_ALL);
    virtio_set_status(vdev, 1);
    g_assert_cmphex(vdev->status, ==, 0xf);  /* bits stay */
    virtio_set_status(vdev, 0x4f);
    g_assert_cmphex(vdev->status, ==, 0xf);  /* NEEDS_RESET is not the driver's */
    virtio_set_status(vdev, 0x8f);
    g_assert_cmphex(vdev->status, ==, 0x8f);
    virtio_set_status(vdev, 0);
    g_assert_cmphex(vdev->status, ==, 0);
    g_assert_cmphex(vdev->guest_features, ==, 0);
    g_assert_false(virtio_queue_enabled(vdev, 0));
    g_assert_cmphex(virtio_queue_vector(vdev, 0), ==, VIRTIO_NO_VECTOR);
}

/* What is notified before DRIVER_OK is looked at with it; nothing is consumed before. */
static void test_early_kick(void)
{
    memset(ram, 0, RAM_SIZE);
    drv_avail = nb_kicks = 0;
    negotiate(FEATURES_ALL);
    virtio_queue_set_rings(vdev, 0, DESC_GPA, AVAIL_GPA, USED_GPA);
    virtio_queue_enable(vdev, 0);
    put_request();
    make_avail(0);
    virtio_queue_notify(vdev, 0);
    g_assert_cmpuint(nb_kicks, ==, 0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    virtio_set_status(vdev, 0xf);
    g_assert_cmpuint(nb_kicks, ==, 1);
    virtio_queue_notify(vdev, 0);
    g_assert_cmpuint(nb_kicks, ==, 2);
}

static void test_config_change(void)
{
    uint32_t generation;

    start(FEATURES_ALL);
    generation = vdev->generation;
    virtio_notify_config(vdev);
    g_assert_cmpuint(nb_config_irqs, ==, 1);
    g_assert_cmpuint(vdev->generation, ==, generation + 1);
    /* Before the driver runs it is kept; before there is a driver, forgotten. */
    negotiate(FEATURES_ALL);
    vdev->config_vector = 1;
    virtio_notify_config(vdev);
    g_assert_cmpuint(nb_config_irqs, ==, 1);
    g_assert_cmpuint(vdev->generation, ==, generation + 2);
    virtio_set_status(vdev, 0xf);
    g_assert_cmpuint(nb_config_irqs, ==, 2);
    g_assert_cmpuint(vdev->generation, ==, generation + 2);
    virtio_reset(vdev);
    virtio_notify_config(vdev);
    start(FEATURES_ALL);
    g_assert_cmpuint(nb_config_irqs, ==, 0);
}

static void test_config_space(void)
{
    g_assert_cmphex(virtio_config_modern_readb(vdev, 0), ==, 0x11);
    g_assert_cmphex(virtio_config_modern_readb(vdev, 5), ==, 0x66);
    g_assert_cmphex(virtio_config_modern_readb(vdev, 6), ==, 0xff);
    g_assert_cmphex(virtio_config_modern_readw(vdev, 4), ==, 0x6655);
    g_assert_cmphex(virtio_config_modern_readw(vdev, 5), ==, 0xffff);
    g_assert_cmphex(virtio_config_modern_readl(vdev, 2), ==, 0x66554433);
    g_assert_cmphex(virtio_config_modern_readl(vdev, 3), ==, UINT32_MAX);
    g_assert_cmphex(virtio_config_modern_readl(vdev, UINT32_MAX), ==, UINT32_MAX);
    virtio_config_modern_writel(vdev, 0, 0);
    g_assert_cmphex(virtio_config_modern_readb(vdev, 0), ==, 0x11);
}

static void test_bus_master(void)
{
    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    virtio_set_disabled(vdev, true);
    g_assert_cmphex(vdev->status, ==, 0xb);
    virtio_queue_notify(vdev, 0);
    g_assert_cmpuint(nb_kicks, ==, 0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    virtio_set_disabled(vdev, false);
    g_assert_cmpuint(nb_kicks, ==, 1);
    pop_expect(1, 1);
}

/* ---- resets, and memory that moves ----------------------------------------------------------- */

/* An element that outlives its ring must not be written into the next one. */
static void test_stale_element(void)
{
    VirtQueueElement *elem;

    start(FEATURES_ALL);
    put_request();
    make_avail(0);
    elem = virtqueue_pop(vq, sizeof(*elem));
    virtio_queue_reset(vdev, 0);
    g_assert_false(virtio_queue_enabled(vdev, 0));
    virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
    virtio_queue_set_rings(vdev, 0, DESC_GPA, AVAIL_GPA, USED_GPA);
    virtio_queue_enable(vdev, 0);
    virtqueue_push(vq, elem, 10);
    g_free(elem);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 0);
    drv_avail = 0;
    pop_expect(1, 1);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 1);
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
    start(FEATURES_ALL);
}

static VirtQueueElement *pop_request(void)
{
    VirtQueueElement *elem;

    put_request();
    make_avail(0);
    elem = virtqueue_pop(vq, sizeof(*elem));
    g_assert_nonnull(elem);
    return elem;
}

/* As in test-virtqueue-packed: were an interrupt to get back to the device, nothing breaks. */
static void test_interrupt_resets(const void *data)
{
    VirtQueueElement *elem[2];

    start(FEATURES_ALL);
    elem[0] = pop_request();
    elem[1] = pop_request();
    memory_region_del_subregion(&test_root, &test_mr);      /* and with it the ring */
    test_on_irq = data;
    virtqueue_push(vq, elem[0], 10);
    test_on_irq = NULL;
    ram_back();
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 0);
    virtqueue_push(vq, elem[1], 10);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 0);
    g_free(elem[0]);
    g_free(elem[1]);
    start(FEATURES_ALL);
    elem[0] = pop_request();
    test_on_irq = data;
    virtqueue_push(vq, elem[0], 10);
    virtio_notify(vdev, vq);
    test_on_irq = NULL;
    g_free(elem[0]);
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
}

static void test_memory_moves(void)
{
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
    /* Away and back: the ring is looked up anew. */
    memory_region_del_subregion(&test_root, &test_mr);
    memory_region_add_subregion(&test_root, 0, &test_mr);
    pop_expect(1, 1);
    /* Away: the device breaks, and comes back with the memory and a reset. */
    memory_region_del_subregion(&test_root, &test_mr);
    make_avail(0);
    g_assert_null(virtqueue_pop(vq, sizeof(VirtQueueElement)));
    g_assert_true(vdev->broken);
    memory_region_add_subregion(&test_root, 0, &test_mr);
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
}

/* Other memory takes the place of that which the ring is in, with the same in it. */
static void test_memory_replaced(void)
{
    g_autofree uint8_t *other = g_malloc(RAM_SIZE);
    uint8_t *before = ram;
    MemoryRegion mr;

    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
    memcpy(other, ram, RAM_SIZE);
    memory_region_init_ram_ptr(&mr, NULL, NULL, RAM_SIZE, other);
    memory_region_del_subregion(&test_root, &test_mr);
    memory_region_add_subregion(&test_root, 0, &mr);
    ram = other;
    pop_expect(1, 1);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 2);
    ram = before;
    memory_region_del_subregion(&test_root, &mr);
    memory_region_add_subregion(&test_root, 0, &test_mr);
    g_assert_cmpuint(get16(USED_GPA + 2), ==, 1);
    object_unref(&mr);
}

static void test_unplugged_memory(void)
{
    Object *rdm = object_new("test-sparse");

    start(FEATURES_ALL);
    put_desc(DESC_GPA, 0, RAM2_BASE, 24, VRING_DESC_F_NEXT, 1);
    put_desc(DESC_GPA, 1, BUF_GPA, 10, VRING_DESC_F_WRITE, 0);
    g_assert_cmpint(memory_region_set_ram_discard_manager(&test_mr2, RAM_DISCARD_MANAGER(rdm)),
                    ==, 0);
    test_populated = true;
    pop_expect(1, 1);
    test_populated = false;
    pop_expect(1, 1);  /* a driver without the feature may read what is not plugged ... */
    memory_region_set_discarded_inaccessible(&test_mr2, true);
    make_avail(0);
    assert_broken();   /* ... one with it may not, and none may write there */
    memory_region_set_discarded_inaccessible(&test_mr2, false);
    start(FEATURES_ALL);
    put_desc(DESC_GPA, 0, RAM2_BASE, 10, VRING_DESC_F_WRITE, 0);
    make_avail(0);
    assert_broken();
    memory_region_set_ram_discard_manager(&test_mr2, NULL);
    object_unref(rdm);
}

/* A buffer over both regions, its used entry, the indices and flags: all that the device writes. */
static void test_dirty(void)
{
    static const uint64_t features[] = {
        FEATURES_ALL, FEATURES_ALL & ~(1ULL << VIRTIO_RING_F_EVENT_IDX),
    };

    for (int i = 0; i < 2; i++) {
        VirtQueueElement *elem;

        start(features[i]);
        put_desc(DESC_GPA, 0, BUF_GPA, 24, VRING_DESC_F_NEXT, 1);
        put_desc(DESC_GPA, 1, RAM2_BASE - 6, 30, VRING_DESC_F_WRITE, 0);
        make_avail(0);
        dirty_watch();
        elem = virtqueue_pop(vq, sizeof(*elem));
        fill_element(elem, 20);
        virtqueue_push(vq, elem, 20);
        g_free(elem);
        g_assert_null(virtqueue_pop(vq, sizeof(*elem)));
        virtio_queue_set_notification(vq, false);
        virtio_queue_set_notification(vq, true);
        /* 20 of the buffer, an entry, the index; flags or avail_event */
        g_assert_cmpuint(dirty_check(), ==, 20 + 8 + 2 + 2);
        memset(ram2, 0, 30);
        make_avail(0);
        dirty_watch();
        elem = virtqueue_pop(vq, sizeof(*elem));
        fill_element(elem, 7);
        virtqueue_detach_element(vq, elem, 7);
        g_free(elem);
        g_assert_cmpuint(dirty_check(), ==, 7);
    }
}

/* The view has a ring's memory in two pieces that lie side by side on the host as well. */
static void test_ring_in_two_windows(void)
{
    MemoryRegion low, high;

    memory_region_init_alias(&low, NULL, NULL, &test_mr, 0, DESC_GPA + 16);
    memory_region_init_alias(&high, NULL, NULL, &test_mr, DESC_GPA + 16,
                             RAM_SIZE - DESC_GPA - 16);
    memory_region_set_unmergeable(&low, true);
    memory_region_set_unmergeable(&high, true);
    memory_region_del_subregion(&test_root, &test_mr);
    memory_region_add_subregion(&test_root, 0, &low);
    memory_region_add_subregion(&test_root, DESC_GPA + 16, &high);
    start(FEATURES_ALL);
    put_request();
    pop_expect(1, 1);
    memory_region_del_subregion(&test_root, &high);
    make_avail(0);
    assert_broken();
    memory_region_del_subregion(&test_root, &low);
    memory_region_add_subregion(&test_root, 0, &test_mr);
    object_unref(&low);
    object_unref(&high);
}

/* ---- random rings ---------------------------------------------------------------------------- */

/* Mostly plausible values: pure noise is refused by the first check. */
static bool one_in(int n)
{
    return g_test_rand_int_range(0, n) == 0;
}

static uint64_t random_gpa(void)
{
    if (one_in(80)) {
        return ((uint64_t)g_test_rand_int() << 32) | (uint32_t)g_test_rand_int();
    }
    if (one_in(40)) {
        return RAM2_BASE + RAM2_SIZE - g_test_rand_int_range(0, 64);
    }
    return BUF_GPA + g_test_rand_int_range(0, 0x3f000);
}

static void random_desc(hwaddr table, unsigned i)
{
    static const uint16_t flags[] = { 0, 2, 2, 2, 3, 3, 4, 6 };
    bool last = i == QUEUE_SIZE - 1;
    uint16_t f = one_in(100) ? g_test_rand_int() : flags[g_test_rand_int_range(0, last ? 4 : 8)];
    bool indirect = f & VRING_DESC_F_INDIRECT;
    uint16_t next = one_in(100) ? g_test_rand_int_range(0, QUEUE_SIZE + 1) : i + 1;
    uint32_t len = indirect ? 16 * QUEUE_SIZE : g_test_rand_int_range(1, 5000);

    if (indirect && table == TABLE_GPA && !one_in(50)) {
        f = 0;
    }
    put_desc(table, i, indirect && !one_in(20) ? TABLE_GPA : random_gpa(),
             one_in(100) ? (uint32_t)g_test_rand_int() : len, f, next);
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

static void test_random(void)
{
    unsigned nb_good = 0, nb_broken = 0;

    for (unsigned round = 0; round < 4000; round++) {
        start(FEATURES_ALL);
        be_quiet();
        for (unsigned step = 0; step < 8; step++) {
            VirtQueueElement *elem;

            for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                random_desc(DESC_GPA, i);
                random_desc(TABLE_GPA, i);
            }
            make_avail(g_test_rand_int_range(0, QUEUE_SIZE + (step == 7)));
            if (one_in(50)) {
                put16(AVAIL_GPA + 2, g_test_rand_int());
            }
            set_used_event(g_test_rand_int());
            while ((elem = virtqueue_pop(vq, sizeof(*elem)))) {
                nb_good++;
                check_segments(elem->out_sg, elem->out_num);
                check_segments(elem->in_sg, elem->in_num);
                for (unsigned i = 0; i < elem->in_num; i++) {
                    memset(elem->in_sg[i].iov_base, g_test_rand_int(), 1);
                }
                virtqueue_push(vq, elem, 1);
                virtio_notify(vdev, vq);
                g_free(elem);
            }
        }
        nb_broken += vdev->broken;
    }
    g_test_message("%u good chains, %u of 4000 rings broken", nb_good, nb_broken);
    g_assert_cmpuint(nb_good, >, 100);
    g_assert_cmpuint(nb_broken, >, 100);
    g_assert_cmpuint(nb_broken, <, 4000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    set_up();
    g_test_add_func("/virtqueue/direct", test_direct);
    g_test_add_func("/virtqueue/larger-element", test_larger_element);
    g_test_add_func("/virtqueue/indirect", test_indirect);
    g_test_add_func("/virtqueue/full-chain", test_full_chain);
    g_test_add_func("/virtqueue/spanning-regions", test_spanning);
    g_test_add_func("/virtqueue/batch", test_batch);
    g_test_add_func("/virtqueue/turns", test_turns);
    g_test_add_func("/virtqueue/index-wrap", test_index_wrap);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rings); i++) {
        g_autofree char *path = g_strdup_printf("/virtqueue/bad/%s", bad_rings[i].name);

        g_test_add_data_func(path, &bad_rings[i], test_bad_ring);
    }
    g_test_add_func("/virtqueue/bad/indirect-not-negotiated", test_indirect_not_negotiated);
    g_test_add_func("/virtqueue/bad/ring-address", test_bad_ring_address);
    g_test_add_func("/virtqueue/bad/no-host-memory", test_no_host_memory);
    g_test_add_func("/virtqueue/bad/more-than-size-in-use", test_more_than_size_in_use);
    g_test_add_func("/virtqueue/queue-size", test_queue_size);
    g_test_add_func("/virtqueue/event-index", test_event_index);
    g_test_add_func("/virtqueue/no-interrupt-flag", test_no_interrupt_flag);
    g_test_add_func("/virtio/features", test_features);
    g_test_add_func("/virtio/status", test_status);
    g_test_add_func("/virtio/early-kick", test_early_kick);
    g_test_add_func("/virtio/config-change", test_config_change);
    g_test_add_func("/virtio/config-space", test_config_space);
    g_test_add_func("/virtio/bus-master", test_bus_master);
    g_test_add_func("/virtqueue/stale-element", test_stale_element);
    g_test_add_data_func("/virtqueue/interrupt/resets", reset_device, test_interrupt_resets);
    g_test_add_data_func("/virtqueue/interrupt/restarts", reset_and_start, test_interrupt_resets);
    g_test_add_func("/virtqueue/memory-moves", test_memory_moves);
    g_test_add_func("/virtqueue/memory-replaced", test_memory_replaced);
    g_test_add_func("/virtqueue/unplugged-memory", test_unplugged_memory);
    g_test_add_func("/virtqueue/dirty", test_dirty);
    g_test_add_func("/virtqueue/ring-in-two-windows", test_ring_in_two_windows);
    g_test_add_func("/virtqueue/random", test_random);
    return g_test_run();
}
