/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem against a driver that breaks the rules of virtqueues, split and packed: whatever it
 * does, the device says so in its status and with one line to the operator, has touched nothing,
 * and works again after a reset.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "virtio-mem-queue.h"
#include "standard-headers/linux/virtio_pci.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define RAM_SIZE (128 * MiB)
#define ROM_GPA 0xf0000ull          /* at reset a ROM on both machines */
#define OUTSIDE_GPA 0x7f0000000000ull
#define SIZE 16                     /* of the queues */

/* ---- an emulator whose messages are read ---- */

typedef struct Hostile {
    Vm vm;
    Queue q;
    char *log;                  /* name of the file that its standard error goes to */
} Hostile;

static void hostile_spawn(Hostile *h, const char *backend, const char *props)
{
    int saved = dup(STDERR_FILENO);
    int fd = g_file_open_tmp("virtio-mem-hostile-XXXXXX", &h->log, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dup2(fd, STDERR_FILENO), ==, STDERR_FILENO);
    vm_spawn(&h->vm, "q35", backend, props);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fd);
    vm_probe(&h->vm);
}

static unsigned hostile_nb_lines(Hostile *h)
{
    g_autofree char *text = NULL;
    unsigned nb = 0;

    g_assert_true(g_file_get_contents(h->log, &text, NULL, NULL));
    for (const char *at = text; (at = strstr(at, "virtio-mem: ")); at++) {
        nb++;
    }
    return nb;
}

static void hostile_start(Hostile *h, bool packed, uint16_t size, uint64_t features)
{
    hostile_spawn(h, RAM_256M, packed ? ",requested-size=128M,packed=on" : ",requested-size=128M");
    queue_init(&h->q, &h->vm, packed, size);
    queue_start(&h->q, features);
}

static void hostile_end(Hostile *h)
{
    g_autofree char *text = NULL;

    vm_end(&h->vm);
    g_assert_true(g_file_get_contents(h->log, &text, NULL, NULL));
    g_test_message("the operator read:\n%s", text);
    g_remove(h->log);
    g_free(h->log);
}

/* ---- what has to come of an attack ---- */

static void assert_arena_untouched(Hostile *h, const uint8_t *before)
{
    Queue *q = &h->q;
    uint32_t event = q->packed ? ARENA_DEVICE : ARENA_DEVICE + 4 + 8 * q->size;
    g_autofree uint8_t *after = g_malloc(ARENA_SIZE);

    qtest_memread(h->vm.qts, q->arena, after, ARENA_SIZE);
    for (uint32_t i = 0; i < ARENA_SIZE; i++) {
        bool own = i >= event && i < event + (q->packed ? 4 : 2);  /* what it wants to hear of */

        if (!own && after[i] != before[i]) {
            g_error("the device wrote to arena offset 0x%x: 0x%x, was 0x%x", i, after[i],
                    before[i]);
        }
    }
}

/* 2.1.2: NEEDS_RESET, a configuration interrupt, one line; after a reset all is well. */
static void assert_broken_once(Hostile *h, unsigned lines_before)
{
    for (int i = 0; !(queue_status(&h->q) & NEEDS_RESET); i++) {
        g_assert_cmpint(i, <, 1000);    /* the device should set NEEDS_RESET, and did not */
        g_usleep(1000);
    }
    if (emulator_can(KEEPS_RULES)) {
        g_assert_cmpint(hostile_nb_lines(h), ==, lines_before + 1);
    }
}

static void assert_works_again(Hostile *h, uint64_t features)
{
    assert_plugged(&h->vm, 0);
    queue_start(&h->q, features);
    assert_response(queue_request(&h->q, VIRTIO_MEM_REQ_PLUG, h->vm.addr, 1, NULL), ACK);
    assert_plugged(&h->vm, 1);
}

/* Notifies the device of a ring that it must not accept. */
static void assert_refused(Hostile *h)
{
    g_autofree uint8_t *before = g_malloc(ARENA_SIZE);
    unsigned lines = hostile_nb_lines(h);

    isr_read(&h->vm);
    qtest_memread(h->vm.qts, h->q.arena, before, ARENA_SIZE);
    queue_notify(&h->q);
    assert_broken_once(h, lines);
    g_assert_cmpint(isr_read(&h->vm) & ISR_CONFIG, ==, ISR_CONFIG);
    queue_notify(&h->q);                /* which a broken device does not listen to */
    g_assert_cmpint(isr_read(&h->vm), ==, 0);
    assert_arena_untouched(h, before);
}

/* ---- malformed chains ---- */

/* Where a descriptor points to; END is what a table of them ends with. */
enum {
    END, REQ, RESP, TABLE, OUTSIDE, MMIO, ROM, RAM_END, TOP, UNPLUGGED, LAST_PLUGGED,
};

typedef struct Part {
    unsigned place;
    uint32_t len;
    uint16_t flags;
    int32_t offset;
} Part;

enum { BOTH, SPLIT, PACKED };

typedef struct BadChain {
    const char *name;
    Part chain[6];
    Part table[3];
    unsigned format;            /* which of the formats it is malformed in */
    bool no_indirect;           /* the driver does not take that feature */
    const char *stock;          /* why stock is not asked; NULL: it is right too */
    const char *stock_packed;   /* the same, in the packed format alone */
} BadChain;

#define STOCK_UNPLUGGED "QEMU 7.2 lets its devices reach unplugged memory"
#define STOCK_MMIO "QEMU 7.2 has a virtqueue's buffers in device registers and nowhere"

static const BadChain bad_chains[] = {
    { "request-outside-ram", .chain = { { OUTSIDE, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "response-outside-ram", .chain = { { REQ, 24, NEXT }, { OUTSIDE, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "request-in-registers", .chain = { { MMIO, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "response-in-registers", .chain = { { REQ, 24, NEXT }, { MMIO, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "response-in-rom", .chain = { { REQ, 24, NEXT }, { ROM, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "request-runs-out-of-ram", .chain = { { RAM_END, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "response-runs-out-of-ram", .chain = { { REQ, 24, NEXT }, { RAM_END, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "request-unplugged", .chain = { { UNPLUGGED, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = STOCK_UNPLUGGED },
    { "response-unplugged", .chain = { { REQ, 24, NEXT }, { UNPLUGGED, 10, WRITE } },
      .stock = STOCK_UNPLUGGED },
    { "request-wraps", .chain = { { TOP, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "response-wraps", .chain = { { REQ, 24, NEXT }, { TOP, 10, WRITE } },
      .stock = STOCK_MMIO },
    { "request-empty", .chain = { { REQ, 0, NEXT }, { RESP, 10, WRITE } } },
    { "response-empty", .chain = { { REQ, 24, NEXT }, { RESP, 0, WRITE } } },
    { "request-4g", .chain = { { REQ, UINT32_MAX, NEXT }, { RESP, 10, WRITE } } },
    { "response-4g", .chain = { { REQ, 24, NEXT }, { RESP, UINT32_MAX, WRITE } } },
    { "writable-before-readable", .chain = { { RESP, 10, WRITE | NEXT }, { REQ, 24, 0 } } },
    { "indirect-odd-size", .chain = { { TABLE, 33, INDIRECT } },
      .table = { { REQ, 24, NEXT }, { RESP, 10, WRITE } } },
    { "indirect-empty", .chain = { { TABLE, 0, INDIRECT } },
      .table = { { REQ, 24, NEXT }, { RESP, 10, WRITE } },
      .stock_packed = "QEMU 7.2 crashes" },
    { "indirect-4g", .chain = { { TABLE, UINT32_MAX & ~15u, INDIRECT } },
      .table = { { REQ, 24, NEXT }, { TABLE, 24, INDIRECT } } },
    { "indirect-nested", .chain = { { TABLE, 32, INDIRECT } },
      .table = { { REQ, 24, NEXT }, { TABLE, 32, INDIRECT } } },
    { "indirect-and-next", .chain = { { TABLE, 32, INDIRECT | NEXT }, { RESP, 10, WRITE } },
      .table = { { REQ, 24, NEXT }, { RESP, 10, WRITE } },
      .stock = "QEMU 7.2 takes NEXT beside INDIRECT" },
    { "indirect-outside-ram", .chain = { { OUTSIDE, 32, INDIRECT } } },
    { "indirect-in-registers", .chain = { { MMIO, 32, INDIRECT } } },
    { "indirect-runs-out-of-ram", .chain = { { RAM_END, 32, INDIRECT } } },
    { "indirect-unplugged", .chain = { { UNPLUGGED, 32, INDIRECT } } },
    { "indirect-wraps", .chain = { { TOP, 32, INDIRECT } } },
    { "indirect-not-negotiated", .chain = { { TABLE, 32, INDIRECT } },
      .table = { { REQ, 24, NEXT }, { RESP, 10, WRITE } }, .no_indirect = true,
      .stock = "QEMU 7.2 reads tables without VIRTIO_F_INDIRECT_DESC" },
    { "indirect-in-chain", .chain = { { REQ, 12, NEXT }, { TABLE, 32, INDIRECT } },
      .table = { { REQ, 12, 0, 12 }, { RESP, 10, WRITE } }, .format = PACKED },
    { "indirect-table-left", .chain = { { TABLE, 32, INDIRECT } },
      .table = { { REQ, 12, NEXT }, { REQ, 12, NEXT } }, .format = SPLIT },
};

static uint64_t part_gpa(Hostile *h, const Part *part)
{
    Queue *q = &h->q;
    uint64_t req = q->arena + ARENA_REQ;
    const uint64_t place[] = {
        [REQ] = req,
        [RESP] = req + QUEUE_RESP,
        [TABLE] = q->arena + ARENA_TABLE,
        [OUTSIDE] = OUTSIDE_GPA,
        [MMIO] = h->vm.dev->bar.addr + h->vm.dev->common_cfg_offset,
        [ROM] = ROM_GPA,
        [RAM_END] = RAM_SIZE - 4,
        [TOP] = UINT64_MAX - 7,
        [UNPLUGGED] = h->vm.addr + 4 * h->vm.block_size,
        [LAST_PLUGGED] = h->vm.addr + h->vm.block_size - 4,
    };

    return place[part->place] + part->offset;
}

static unsigned parts_make(Hostile *h, const Part *parts, unsigned max, QueueDesc *desc)
{
    unsigned n = 0;

    for (; n < max && parts[n].place != END; n++) {
        desc[n] = (QueueDesc) { part_gpa(h, &parts[n]), parts[n].len, parts[n].flags };
    }
    return n;
}

/* A request that would be carried out if its descriptors were good. */
static void chain_attack(Hostile *h, const BadChain *bad)
{
    QueueDesc desc[G_N_ELEMENTS(bad->chain)], table[G_N_ELEMENTS(bad->table)], good[2];
    unsigned n;

    queue_request_write(&h->q, 0, VIRTIO_MEM_REQ_PLUG, h->vm.addr, 1, good);
    n = parts_make(h, bad->table, G_N_ELEMENTS(bad->table), table);
    for (unsigned i = 0; i < n; i++) {
        queue_desc_write(&h->q, h->q.arena + ARENA_TABLE, i, &table[i], i + 1);
    }
    n = parts_make(h, bad->chain, G_N_ELEMENTS(bad->chain), desc);
    queue_add(&h->q, desc, n);
}

static void test_chain(const BadChain *bad, bool packed)
{
    uint64_t features = bad->no_indirect ? 0 : F_INDIRECT;
    Hostile h;

    if (!emulator_can(KEEPS_RULES) && (bad->stock || (packed && bad->stock_packed))) {
        g_test_skip(bad->stock ? bad->stock : bad->stock_packed);
        return;
    }
    hostile_start(&h, packed, SIZE, features);
    chain_attack(&h, bad);
    assert_refused(&h);
    assert_works_again(&h, features);
    hostile_end(&h);
}

/* Of a buffer or table that begins in plugged memory and ends in unplugged: nothing is used. */
static const BadChain bad_edges[] = {
    { "request-partly-unplugged", .chain = { { LAST_PLUGGED, 24, NEXT }, { RESP, 10, WRITE } } },
    { "response-partly-unplugged", .chain = { { REQ, 24, NEXT }, { LAST_PLUGGED, 10, WRITE } } },
    { "indirect-partly-unplugged", .chain = { { LAST_PLUGGED, 32, INDIRECT } } },
};

static void test_edge(const BadChain *bad, bool packed)
{
    uint64_t last;
    Hostile h;

    if (skip_without(KEEPS_RULES, STOCK_UNPLUGGED)) {
        return;
    }
    hostile_start(&h, packed, SIZE, F_INDIRECT);
    last = h.vm.addr + h.vm.block_size - 4;
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 1, NULL), ACK);
    qtest_writel(h.vm.qts, last, 0x5a5a5a5a);
    chain_attack(&h, bad);
    assert_refused(&h);
    g_assert_cmphex(qtest_readl(h.vm.qts, last), ==, 0x5a5a5a5a);
    assert_plugged(&h.vm, 1);
    queue_start(&h.q, F_INDIRECT);
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_UNPLUG, h.vm.addr, 1, NULL), ACK);
    hostile_end(&h);
}

static void test_split_edge(const void *bad)
{
    test_edge(bad, false);
}

static void test_packed_edge(const void *bad)
{
    test_edge(bad, true);
}

static void test_split_chain(const void *bad)
{
    test_chain(bad, false);
}

static void test_packed_chain(const void *bad)
{
    test_chain(bad, true);
}

/* ---- rings whose indices or descriptors lead nowhere ---- */

static void good_request(Hostile *h, QueueDesc chain[2])
{
    queue_request_write(&h->q, 0, VIRTIO_MEM_REQ_PLUG, h->vm.addr, 1, chain);
}

static void spoil_self_loop(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    queue_add(&h->q, chain, 1);
    qtest_writew(h->vm.qts, h->q.desc + offsetof(struct vring_desc, next), 0);
}

static void spoil_loop(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    chain[1] = chain[0];
    queue_add(&h->q, chain, 2);
    qtest_writew(h->vm.qts, h->q.desc + 16 + offsetof(struct vring_desc, next), 0);
}

static void spoil_next(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    queue_add(&h->q, chain, 1);
    qtest_writew(h->vm.qts, h->q.desc + offsetof(struct vring_desc, next), SIZE);
}

static void spoil_head(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    queue_add(&h->q, chain, 2);
    qtest_writew(h->vm.qts, h->q.driver + 4, SIZE);
}

static void spoil_head_max(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    queue_add(&h->q, chain, 2);
    qtest_writew(h->vm.qts, h->q.driver + 4, UINT16_MAX);
}

static void spoil_avail_jump(Hostile *h)
{
    qtest_writew(h->vm.qts, h->q.driver + 2, SIZE + 1);
}

static void spoil_avail_back(Hostile *h)
{
    qtest_writew(h->vm.qts, h->q.driver + 2, UINT16_MAX);
}

/* A table whose last descriptor goes on, round and round. */
static void spoil_table_loop(Hostile *h)
{
    QueueDesc chain[2], head = { h->q.arena + ARENA_TABLE, 32, INDIRECT };

    good_request(h, chain);
    chain[1] = chain[0];
    queue_desc_write(&h->q, head.gpa, 0, &chain[0], 1);
    queue_desc_write(&h->q, head.gpa, 1, &chain[1], 0);
    queue_add(&h->q, &head, 1);
}

/* More buffers than a chain may have, one byte each. */
static void spoil_table_long(Hostile *h)
{
    const unsigned nb = 1025;
    QueueDesc head = { 16 * MiB, nb * 16, INDIRECT };

    for (unsigned i = 0; i < nb; i++) {
        QueueDesc desc = { h->q.arena + ARENA_REQ, 1, i + 1 < nb ? NEXT : 0 };

        queue_desc_write(&h->q, head.gpa, i, &desc, i + 1);
    }
    queue_add(&h->q, &head, 1);
}

static void spoil_chain_ends_in_air(Hostile *h)
{
    QueueDesc chain[2];

    good_request(h, chain);
    queue_add(&h->q, chain, 1);
}

static void spoil_endless_chain(Hostile *h)
{
    QueueDesc chain[2], endless[SIZE];

    good_request(h, chain);
    for (unsigned i = 0; i < SIZE; i++) {
        endless[i] = chain[0];
    }
    queue_add(&h->q, endless, SIZE);
}

typedef struct BadRing {
    const char *name;
    void (*spoil)(Hostile *h);
    bool packed;
} BadRing;

static const BadRing bad_rings[] = {
    { "split/self-loop", spoil_self_loop },
    { "split/loop", spoil_loop },
    { "split/next-beyond-size", spoil_next },
    { "split/head-beyond-size", spoil_head },
    { "split/head-65535", spoil_head_max },
    { "split/avail-index-jumps", spoil_avail_jump },
    { "split/avail-index-backwards", spoil_avail_back },
    { "split/indirect-loop", spoil_table_loop },
    { "split/indirect-too-long", spoil_table_long },
    { "packed/indirect-too-long", spoil_table_long, true },
    { "packed/chain-ends-in-air", spoil_chain_ends_in_air, true },
    { "packed/endless-chain", spoil_endless_chain, true },
};

static void test_ring(const void *data)
{
    const BadRing *bad = data;
    Hostile h;

    hostile_start(&h, bad->packed, SIZE, F_INDIRECT);
    bad->spoil(&h);
    assert_refused(&h);
    assert_works_again(&h, F_INDIRECT);
    hostile_end(&h);
}

/* ---- odd, but by the rules ---- */

static void test_tiny_descriptors(bool packed)
{
    QueueDesc whole[2], piece[34];
    unsigned n = 0;
    uint32_t len;
    uint16_t id;
    Hostile h;

    hostile_start(&h, packed, 64, 0);
    queue_request_write(&h.q, 0, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 3, whole);
    for (unsigned i = 0; i < 24; i++) {
        piece[n++] = (QueueDesc) { whole[0].gpa + i, 1, NEXT };
    }
    for (unsigned i = 0; i < 10; i++) {
        piece[n++] = (QueueDesc) { whole[1].gpa + i, 1, WRITE | (i < 9 ? NEXT : 0) };
    }
    id = queue_add(&h.q, piece, n);
    queue_notify(&h.q);
    queue_wait(&h.q, id, &len);
    g_assert_cmpint(len, ==, 10);
    assert_response(queue_response(&h.q, 0), ACK);
    g_assert_cmphex(qtest_readb(h.vm.qts, whole[1].gpa + 10), ==, ARENA_FILL);
    assert_plugged(&h.vm, 3);
    hostile_end(&h);
}

static void test_split_tiny_descriptors(void)
{
    test_tiny_descriptors(false);
}

static void test_packed_tiny_descriptors(void)
{
    test_tiny_descriptors(true);
}

/* Two chains that run into the same descriptor: each is a request, and is answered. */
static void test_crossing_chains(void)
{
    QueueDesc first[2], second[2];
    uint32_t len;
    uint16_t id;
    Hostile h;

    hostile_start(&h, false, SIZE, 0);
    queue_request_write(&h.q, 0, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 1, first);
    queue_request_write(&h.q, 1, VIRTIO_MEM_REQ_PLUG, h.vm.addr + h.vm.block_size, 1, second);
    id = queue_add(&h.q, first, 2);
    queue_add(&h.q, second, 1);
    qtest_writew(h.vm.qts, h.q.desc + 2 * 16 + offsetof(struct vring_desc, next), 1);
    queue_notify(&h.q);
    queue_wait(&h.q, id, &len);
    queue_wait(&h.q, id + 2, &len);
    assert_response(queue_response(&h.q, 0), ACK);
    g_assert_cmphex(queue_response(&h.q, 1), ==, 0xeeee);
    assert_plugged(&h.vm, 2);
    hostile_end(&h);
}

/* Whatever stands in the driver's event fields: the requests are answered. */
static void test_event_garbage(bool packed, uint64_t features)
{
    const uint16_t values[] = { 0, 1, 2, 3, 15, 16, 17, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff };
    const unsigned nb = G_N_ELEMENTS(values);
    Hostile h;

    hostile_start(&h, packed, SIZE, features);
    for (unsigned i = 0; i < nb * nb; i++) {
        uint64_t event = packed ? h.q.driver : h.q.driver + 4 + 2 * SIZE;
        uint64_t flags = packed ? h.q.driver + 2 : h.q.driver;

        qtest_writew(h.vm.qts, event, values[i % nb]);
        qtest_writew(h.vm.qts, flags, values[i / nb]);
        assert_response(queue_request(&h.q, i % 2 ? VIRTIO_MEM_REQ_UNPLUG : VIRTIO_MEM_REQ_PLUG,
                                      h.vm.addr, 1, NULL), ACK);
    }
    hostile_end(&h);
}

static void test_split_event_garbage(void)
{
    test_event_garbage(false, F_EVENT);
}

static void test_split_flags_garbage(void)
{
    test_event_garbage(false, 0);
}

static void test_packed_event_garbage(void)
{
    test_event_garbage(true, F_EVENT);
}

static void test_packed_flags_garbage(void)
{
    test_event_garbage(true, 0);
}

/* ---- rings in the wrong place ---- */

enum { PART_DESC, PART_DRIVER, PART_DEVICE };

typedef struct BadPlace {
    const char *name;
    unsigned part;
    unsigned place;
    int32_t offset;
    unsigned format;
} BadPlace;

/* Of the driver's part only reading is asked, so a ROM is good enough for it. */
static const BadPlace bad_places[] = {
    { "descriptors-outside-ram", PART_DESC, OUTSIDE },
    { "descriptors-in-registers", PART_DESC, MMIO },
    { "descriptors-unaligned", PART_DESC, REQ, 8 },
    { "descriptors-wrap", PART_DESC, TOP, -8 },
    { "descriptors-unplugged", PART_DESC, UNPLUGGED },
    { "descriptors-partly-unplugged", PART_DESC, LAST_PLUGGED, -12 },
    { "descriptors-in-rom", PART_DESC, ROM, 0, PACKED },
    { "driver-area-outside-ram", PART_DRIVER, OUTSIDE },
    { "driver-area-in-registers", PART_DRIVER, MMIO },
    { "driver-area-unaligned", PART_DRIVER, REQ, 1 },
    { "driver-area-unplugged", PART_DRIVER, UNPLUGGED },
    { "driver-area-partly-unplugged", PART_DRIVER, LAST_PLUGGED, 0, SPLIT },
    { "device-area-outside-ram", PART_DEVICE, OUTSIDE },
    { "device-area-in-registers", PART_DEVICE, MMIO },
    { "device-area-unaligned", PART_DEVICE, REQ, 2 },
    { "device-area-unplugged", PART_DEVICE, UNPLUGGED },
    { "device-area-partly-unplugged", PART_DEVICE, LAST_PLUGGED, 0, SPLIT },
    { "device-area-in-rom", PART_DEVICE, ROM },
};

/* The ring's registers take any address; with the queue enabled, or used, the device breaks. */
static void test_place(const BadPlace *bad, bool packed)
{
    const Part part = { .place = bad->place, .offset = bad->offset };
    uint64_t gpa;
    unsigned lines;
    Hostile h;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 does not break over a ring that is not in RAM")) {
        return;
    }
    hostile_start(&h, packed, SIZE, 0);
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 1, NULL), ACK);
    gpa = part_gpa(&h, &part);
    *(bad->part == PART_DESC ? &h.q.desc : bad->part == PART_DRIVER ? &h.q.driver
                                                                    : &h.q.device) = gpa;
    lines = hostile_nb_lines(&h);
    queue_negotiate(&h.q, 0);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, SIZE);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t at[] = { h.q.desc, h.q.driver, h.q.device };

        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_DESCLO + 8 * i, 4, at[i]);
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_DESCHI + 8 * i, 4, at[i] >> 32);
        g_assert_cmphex(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_DESCLO + 8 * i, 4), ==,
                        (uint32_t)at[i]);
    }
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    assert_broken_once(&h, lines);
    g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
    queue_notify(&h.q);
    queue_start(&h.q, 0);
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_UNPLUG, h.vm.addr, 1, NULL), ACK);
    hostile_end(&h);
}

static void test_split_place(const void *bad)
{
    test_place(bad, false);
}

static void test_packed_place(const void *bad)
{
    test_place(bad, true);
}

/* All parts where registers that nobody wrote say, at 0, which is RAM: a strange ring, but one. */
static void test_addresses_zero(void)
{
    Hostile h;

    hostile_start(&h, false, SIZE, 0);
    queue_negotiate(&h.q, 0);
    qtest_memset(h.vm.qts, 0, 0, 4096);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    qvirtio_set_driver_ok(h.vm.vdev);
    queue_notify(&h.q);
    assert_plugged(&h.vm, 0);
    assert_works_again(&h, 0);
    hostile_end(&h);
}

/* The request's own ring is in the memory that it unplugs: the answer has no place any more. */
static void test_unplugs_own_ring(const void *data)
{
    bool packed = *(const bool *)data;
    QueueDesc chain[2];
    unsigned lines;
    Hostile h;

    if (skip_without(KEEPS_RULES, STOCK_UNPLUGGED)) {
        return;
    }
    hostile_spawn(&h, "memory-backend-memfd,size=256M,share=on",
                  packed ? ",requested-size=128M,packed=on" : ",requested-size=128M");
    queue_init(&h.q, &h.vm, packed, SIZE);
    queue_start(&h.q, 0);
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 1, NULL), ACK);
    queue_negotiate(&h.q, 0);
    h.q.desc = h.vm.addr;
    h.q.driver = h.vm.addr + 0x1000;
    h.q.device = h.vm.addr + 0x2000;
    queue_enable(&h.q);
    qvirtio_set_driver_ok(h.vm.vdev);
    lines = hostile_nb_lines(&h);
    queue_request_write(&h.q, 0, VIRTIO_MEM_REQ_UNPLUG, h.vm.addr, 1, chain);
    queue_add(&h.q, chain, 2);
    queue_notify(&h.q);
    assert_broken_once(&h, lines);
    assert_plugged(&h.vm, 0);
    /* nothing came back to life */
    g_assert_cmphex(qtest_readq(h.vm.qts, h.vm.addr + 0x2000), ==, 0);
    assert_works_again(&h, 0);
    hostile_end(&h);
}

static const bool format_split, format_packed = true;

/* ---- the queue's registers ---- */

static void test_queue_size(const void *data)
{
    bool packed = *(const bool *)data;
    static const uint32_t sizes[] = { 0, 3, 100, 129, 256, 1024, 32768, 65535 };
    Hostile h;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 takes sizes of up to 1024 whatever it offered, and any "
                     "for a split ring")) {
        return;
    }
    hostile_start(&h, packed, SIZE, 0);
    queue_negotiate(&h.q, 0);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, 128);
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        bool good = packed && sizes[i] && sizes[i] <= 128;

        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, 64);
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, sizes[i]);
        g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==,
                        good ? sizes[i] : 64);
    }
    assert_works_again(&h, 0);
    hostile_end(&h);
}

/* A size for a packed ring, written before the driver chooses a split one. */
static void test_queue_size_then_format(void)
{
    unsigned lines;
    Hostile h;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 takes any size for a split ring")) {
        return;
    }
    hostile_start(&h, true, SIZE, 0);
    lines = hostile_nb_lines(&h);
    qvirtio_start_device(h.vm.vdev);
    h.vm.vdev->bus->set_features(h.vm.vdev, SIMPLE_FEATURES | F_PACKED);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, 100);
    qvirtio_set_features(h.vm.vdev, SIMPLE_FEATURES & qvirtio_get_features(h.vm.vdev));
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_DESCLO, 4, h.q.desc);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, h.q.driver);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_USEDLO, 4, h.q.device);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    assert_broken_once(&h, lines);
    assert_works_again(&h, 0);
    hostile_end(&h);
}

/* Once enabled, a queue stays where it is, whatever its registers are told. */
static void test_enabled_twice(const void *data)
{
    bool packed = *(const bool *)data;
    Hostile h;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 changes the queue under its driver, and may hang")) {
        return;
    }
    hostile_start(&h, packed, SIZE, 0);
    assert_response(queue_request(&h.q, VIRTIO_MEM_REQ_PLUG, h.vm.addr, 1, NULL), ACK);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_DESCLO, 4, h.q.arena + ARENA_REQ);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, SIZE / 2);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
    for (unsigned i = 0; i < 3 * SIZE; i++) {
        assert_response(queue_request(&h.q, i % 2 ? VIRTIO_MEM_REQ_PLUG : VIRTIO_MEM_REQ_UNPLUG,
                                      h.vm.addr, 1, NULL), ACK);
    }
    hostile_end(&h);
}

/* 4.1.4.3.2: the driver must not write 0, nor anything but 1. */
static void test_enable_value(void)
{
    Hostile h;

    hostile_start(&h, false, SIZE, 0);
    for (unsigned value = 0; value <= 2; value += 2) {
        unsigned lines = hostile_nb_lines(&h);

        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, value);
        assert_broken_once(&h, lines);
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, value);
        assert_broken_once(&h, lines);
        queue_start(&h.q, 0);
    }
    assert_works_again(&h, 0);
    hostile_end(&h);
}

/* Registers of queues that there are not, notifications for them, and before there is a driver. */
static void test_absent_queue(void)
{
    static const uint16_t absent[] = { 1, 2, 63, 1023, 1024, 65535 };
    QVirtioPCIDevice *dev;
    Hostile h;

    hostile_start(&h, false, SIZE, 0);
    dev = h.vm.dev;
    for (unsigned i = 0; i < G_N_ELEMENTS(absent); i++) {
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, absent[i]);
        g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, 0);
        if (emulator_can(KEEPS_RULES) || absent[i] < 1024) {   /* 7.2 has an array of 1024 */
            queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
            queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_DESCLO, 4, h.q.desc);
        }
        qpci_io_writew(dev->pdev, dev->bar, dev->notify_cfg_offset + (4 * absent[i] & 0xfff),
                       absent[i]);
    }
    if (emulator_can(KEEPS_RULES)) {
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
        queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
        g_assert_cmpint(queue_common_read(&h.q, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
    }
    g_assert_cmphex(queue_status(&h.q) & NEEDS_RESET, ==, 0);
    queue_common_write(&h.q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    assert_works_again(&h, 0);
    hostile_end(&h);
}

static void test_early_notification(void)
{
    QueueDesc chain[2];
    uint32_t len;
    uint16_t id;
    Hostile h;

    hostile_spawn(&h, RAM_256M, ",requested-size=128M");
    queue_init(&h.q, &h.vm, false, SIZE);
    qpci_io_writew(h.vm.dev->pdev, h.vm.dev->bar, h.vm.dev->notify_cfg_offset, 0);
    queue_negotiate(&h.q, 0);
    queue_enable(&h.q);
    good_request(&h, chain);
    id = queue_add(&h.q, chain, 2);
    if (emulator_can(KEEPS_RULES)) {
        queue_notify(&h.q);
        g_assert_false(queue_get(&h.q, &id, &len));   /* 7.2 does not wait for DRIVER_OK */
        assert_plugged(&h.vm, 0);
    }
    qvirtio_set_driver_ok(h.vm.vdev);
    queue_notify(&h.q);
    queue_wait(&h.q, id, &len);
    assert_plugged(&h.vm, 1);
    hostile_end(&h);
}

/* ---- the operator's log ---- */

/* A guest that breaks its device again and again gets to print a few lines in a while. */
static void test_log_limit(void)
{
    gint64 start = g_get_monotonic_time();
    unsigned nb_windows, lines;
    Hostile h;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 has no limit")) {
        return;
    }
    hostile_start(&h, false, SIZE, 0);
    for (unsigned i = 0; i < 200; i++) {
        spoil_avail_jump(&h);
        queue_notify(&h.q);
        g_assert_cmphex(queue_status(&h.q) & NEEDS_RESET, ==, NEEDS_RESET);
        queue_start(&h.q, 0);
    }
    lines = hostile_nb_lines(&h);
    nb_windows = 1 + (g_get_monotonic_time() - start) / (5 * G_USEC_PER_SEC);
    g_assert_cmpint(lines, >=, 10);
    g_assert_cmpint(lines, <=, 10 * nb_windows);
    assert_works_again(&h, 0);
    hostile_end(&h);
}

/* ---- the list ---- */

static void add_both(const char *name, const void *data, unsigned format,
                     void (*split)(const void *), void (*packed)(const void *))
{
    g_autofree char *a = g_strdup_printf("/virtio-mem/hostile/split/%s", name);
    g_autofree char *b = g_strdup_printf("/virtio-mem/hostile/packed/%s", name);

    if (format != PACKED) {
        qtest_add_data_func(a, data, split);
    }
    if (format != SPLIT) {
        qtest_add_data_func(b, data, packed);
    }
}

void add_hostile_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_chains); i++) {
        add_both(bad_chains[i].name, &bad_chains[i], bad_chains[i].format, test_split_chain,
                 test_packed_chain);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_edges); i++) {
        add_both(bad_edges[i].name, &bad_edges[i], BOTH, test_split_edge, test_packed_edge);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_rings); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem/hostile/%s", bad_rings[i].name);

        qtest_add_data_func(path, &bad_rings[i], test_ring);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_places); i++) {
        add_both(bad_places[i].name, &bad_places[i], bad_places[i].format, test_split_place,
                 test_packed_place);
    }
    ADD("hostile/split/tiny-descriptors", test_split_tiny_descriptors);
    ADD("hostile/packed/tiny-descriptors", test_packed_tiny_descriptors);
    ADD("hostile/split/crossing-chains", test_crossing_chains);
    ADD("hostile/split/event-garbage", test_split_event_garbage);
    ADD("hostile/split/flags-garbage", test_split_flags_garbage);
    ADD("hostile/packed/event-garbage", test_packed_event_garbage);
    ADD("hostile/packed/flags-garbage", test_packed_flags_garbage);
    ADD("hostile/split/addresses-zero", test_addresses_zero);
    ADD_DATA("hostile/split/unplugs-own-ring", &format_split, test_unplugs_own_ring);
    ADD_DATA("hostile/packed/unplugs-own-ring", &format_packed, test_unplugs_own_ring);
    ADD_DATA("hostile/split/queue-size", &format_split, test_queue_size);
    ADD_DATA("hostile/packed/queue-size", &format_packed, test_queue_size);
    ADD("hostile/queue-size-then-format", test_queue_size_then_format);
    ADD_DATA("hostile/split/enabled-twice", &format_split, test_enabled_twice);
    ADD_DATA("hostile/packed/enabled-twice", &format_packed, test_enabled_twice);
    ADD("hostile/enable-value", test_enable_value);
    ADD("hostile/absent-queue", test_absent_queue);
    ADD("hostile/early-notification", test_early_notification);
    ADD("hostile/log-limit", test_log_limit);
}
