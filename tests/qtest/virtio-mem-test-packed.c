/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem over a packed virtqueue (VIRTIO 1.3, 2.8): every request, laps round rings of many
 * sizes, event suppression of both sides, indirect descriptors, batches, resets.
 */
#include "qemu/osdep.h"
#include "virtio-mem-queue.h"
#include "standard-headers/linux/virtio_pci.h"

#define PLUG VIRTIO_MEM_REQ_PLUG
#define UNPLUG VIRTIO_MEM_REQ_UNPLUG

static uint64_t block_addr(Queue *q, unsigned block)
{
    return q->vm->addr + block * q->vm->block_size;
}

static void packed_start(Vm *vm, Queue *q, uint16_t size, uint64_t features)
{
    vm_spawn(vm, "q35", RAM_256M, ",requested-size=128M,packed=on");
    vm_probe(vm);
    queue_init(q, vm, true, size);
    queue_start(q, features);
}

/* The feature is the operator's to offer, and off if nobody says so. */
static void test_offered(void)
{
    static const struct {
        const char *props;
        bool offered;
    } cases[] = { { "", false }, { ",packed=off", false }, { ",packed=on", true } };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Vm vm;

        vm_spawn(&vm, "q35", RAM_256M, cases[i].props);
        vm_probe(&vm);
        g_assert_cmpint(!!(qvirtio_get_features(vm.vdev) & F_PACKED), ==, cases[i].offered);
        vm_end(&vm);
    }
}

/* A driver that does not take the offer has a split ring. */
static void test_declined(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M,packed=on");
    assert_response(plug(&vm, 0, 3), ACK);
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

static void test_requests(void)
{
    uint16_t state;
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 16, 0);
    assert_response(queue_request(&q, PLUG, block_addr(&q, 0), 4, NULL), ACK);
    assert_plugged(&vm, 4);
    assert_response(queue_request(&q, PLUG, block_addr(&q, 3), 2, NULL), ERR);
    assert_response(queue_request(&q, PLUG, block_addr(&q, 4), 61, NULL), NACK);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_STATE, block_addr(&q, 0), 4, &state), ACK);
    g_assert_cmpint(state, ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_STATE, block_addr(&q, 2), 4, &state), ACK);
    g_assert_cmpint(state, ==, VIRTIO_MEM_STATE_MIXED);
    assert_response(queue_request(&q, UNPLUG, block_addr(&q, 1), 2, NULL), ACK);
    assert_plugged(&vm, 2);
    assert_response(queue_request(&q, UNPLUG, block_addr(&q, 1), 1, NULL), ERR);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_STATE, block_addr(&q, 1), 2, &state), ACK);
    g_assert_cmpint(state, ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

/* Many laps: of rings that the chains of two fit into evenly or not, of 2 entries and of 127. */
static void test_laps(void)
{
    static const uint16_t sizes[] = { 2, 3, 5, 8, 100, 127, 128 };
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 128, F_INDIRECT);
    for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
        q.size = sizes[s];
        queue_start(&q, F_INDIRECT);
        for (unsigned i = 0; i < 3u * sizes[s] + 10; i++) {
            assert_response(queue_request(&q, PLUG, block_addr(&q, i % 60), 1, NULL), ACK);
            assert_response(queue_request(&q, UNPLUG, block_addr(&q, i % 60), 1, NULL), ACK);
        }
        assert_plugged(&vm, 0);
    }
    vm_end(&vm);
}

/* Chains of 2 to 5 descriptors, whose parts lie in any number of pieces. */
static void test_scattered(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 7, 0);
    for (unsigned i = 0; i < 40; i++) {
        QueueDesc whole[2], part[5];
        unsigned n = 0, cut = 1 + i % 20;
        uint32_t len;
        uint16_t id;

        queue_request_write(&q, i % 8, i % 2 ? UNPLUG : PLUG, vm.addr, 1, whole);
        part[n++] = (QueueDesc) { whole[0].gpa, cut, VRING_DESC_F_NEXT };
        part[n++] = (QueueDesc) { whole[0].gpa + cut, whole[0].len - cut, VRING_DESC_F_NEXT };
        if (i % 3 == 0) {
            part[n++] = (QueueDesc) { whole[0].gpa + 24, 8, VRING_DESC_F_NEXT };  /* not defined */
        }
        part[n++] = (QueueDesc) { whole[1].gpa, 1 + i % 9, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT };
        part[n++] = (QueueDesc) { whole[1].gpa + 1 + i % 9, 9 - i % 9, VRING_DESC_F_WRITE };
        id = queue_add(&q, part, n);
        queue_notify(&q);
        queue_wait(&q, id, &len);
        g_assert_cmpint(len, ==, sizeof(struct virtio_mem_resp));
        assert_response(queue_response(&q, i % 8), ACK);
        g_assert_cmphex(qtest_readb(vm.qts, whole[1].gpa + 10), ==, ARENA_FILL);
    }
    vm_end(&vm);
}

static void test_indirect(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 5, F_INDIRECT);
    for (unsigned i = 0; i < 23; i++) {
        QueueDesc chain[2], head = { q.arena + ARENA_TABLE, 32, VRING_DESC_F_INDIRECT };
        uint32_t len;
        uint16_t id;

        queue_request_write(&q, 0, i % 2 ? UNPLUG : PLUG, vm.addr, 2, chain);
        chain[0].flags = 0;  /* 2.8.7: WRITE is the only flag in a table, and its size its end */
        queue_desc_write(&q, q.arena + ARENA_TABLE, 0, &chain[0], 0);
        queue_desc_write(&q, q.arena + ARENA_TABLE, 1, &chain[1], 0);
        id = queue_add(&q, &head, 1);
        queue_notify(&q);
        queue_wait(&q, id, &len);
        g_assert_cmpint(len, ==, sizeof(struct virtio_mem_resp));
        assert_response(queue_response(&q, 0), ACK);
        assert_plugged(&vm, i % 2 ? 0 : 2);
    }
    vm_end(&vm);
}

/* 32 requests before one notification: each is answered, in order, also across the ring's end. */
static void test_batch(void)
{
    const unsigned nb = 32;
    uint16_t id[32];
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 77, 0);
    for (unsigned lap = 0; lap < 6; lap++) {
        for (unsigned i = 0; i < nb; i++) {
            QueueDesc chain[2];

            queue_request_write(&q, i, lap % 2 ? UNPLUG : PLUG, block_addr(&q, i), 1, chain);
            id[i] = queue_add(&q, chain, 2);
        }
        queue_notify(&q);
        for (unsigned i = 0; i < nb; i++) {
            uint32_t len;

            queue_wait(&q, id[i], &len);
            assert_response(queue_response(&q, i), ACK);
        }
        assert_plugged(&vm, lap % 2 ? 0 : nb);
    }
    vm_end(&vm);
}

/* 2.8.4: the length that the device wrote counts for a driver only if WRITE is set. */
static void test_used_write_flag(void)
{
    QueueDesc chain[2];
    uint32_t len;
    Queue q;
    Vm vm;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 never sets VIRTQ_DESC_F_WRITE in a used descriptor")) {
        return;
    }
    packed_start(&vm, &q, 8, 0);
    queue_request_write(&q, 0, PLUG, vm.addr, 1, chain);
    queue_add(&q, chain, 2);
    queue_notify(&q);
    queue_wait(&q, 0, &len);
    g_assert_cmphex(qtest_readw(vm.qts, q.desc + offsetof(struct vring_packed_desc, flags)), ==,
                    PACKED_AVAIL | PACKED_USED | VRING_DESC_F_WRITE);
    vm_end(&vm);
}

/* ---- event suppression ---- */

static void test_interrupt_flags(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 7, 0);
    for (unsigned i = 0; i < 12; i++) {
        isr_read(&vm);
        queue_want_none(&q);
        assert_response(queue_request(&q, PLUG, vm.addr, 1, NULL), ACK);
        g_assert_cmpint(isr_read(&vm), ==, 0);
        queue_want_all(&q);
        assert_response(queue_request(&q, UNPLUG, vm.addr, 1, NULL), ACK);
        g_assert_cmpint(isr_read(&vm), ==, ISR_QUEUE);
    }
    vm_end(&vm);
}

/*
 * An interrupt when the named descriptor has been used, and none before or after. The first request
 * is left out: a device that has never interrupted may.
 */
static void test_interrupt_event(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 7, F_EVENT);
    queue_want_at(&q, (QueuePos) { 0, true });
    assert_response(queue_request(&q, PLUG, vm.addr, 1, NULL), ACK);
    isr_read(&vm);
    for (unsigned i = 0; i < 30; i++) {
        unsigned due = i % 3;  /* the request that brings the interrupt */
        uint8_t isr;

        queue_want_at(&q, queue_pos_after(&q, q.used, 2 * due + i % 2));
        for (unsigned n = 0; n < 3; n++) {
            assert_response(queue_request(&q, (i + n) % 2 ? PLUG : UNPLUG, vm.addr, 1, NULL),
                            ACK);
            isr = isr_read(&vm);
            /* 7.2 miscounts where its index wraps, and then interrupts too often */
            if (n == due || emulator_can(KEEPS_RULES)) {
                g_assert_cmpint(isr, ==, n == due ? ISR_QUEUE : 0);
            }
        }
    }
    vm_end(&vm);
}

/* A driver that notifies only when the device asks for it has every request answered. */
static void test_notification(const void *data)
{
    uint64_t features = *(const uint64_t *)data;
    unsigned nb_notified = 0;
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 9, features);
    for (unsigned i = 0; i < 60; i++) {
        uint16_t id[3];

        for (unsigned n = 0; n < 3; n++) {
            QueueDesc chain[2];

            queue_request_write(&q, n, i % 2 ? UNPLUG : PLUG, block_addr(&q, n), 1, chain);
            id[n] = queue_add(&q, chain, 2);
        }
        if (queue_wants_notification(&q)) {
            nb_notified++;
            queue_notify(&q);
        }
        for (unsigned n = 0; n < 3; n++) {
            uint32_t len;

            queue_wait(&q, id[n], &len);
            assert_response(queue_response(&q, n), ACK);
        }
    }
    g_assert_cmpint(nb_notified, ==, 60);
    if (features & F_EVENT && emulator_can(KEEPS_RULES)) {
        /* it names the very next descriptor; 7.2 goes on asking for every notification */
        g_assert_cmphex(qtest_readw(vm.qts, q.device), ==, q.avail.idx | q.avail.wrap << 15);
        g_assert_cmpint(qtest_readw(vm.qts, q.device + 2), ==, VRING_PACKED_EVENT_FLAG_DESC);
    }
    vm_end(&vm);
}

static const uint64_t no_features = 0, event_feature = F_EVENT;

/* ---- resets ---- */

/* After a reset of device or queue both counters are 1 again, and the ring may be another. */
static void test_device_reset(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 3, F_EVENT);
    for (unsigned i = 0; i < 7; i++) {
        q.size = 3 + i;
        queue_start(&q, F_EVENT);
        for (unsigned n = 0; n <= i; n++) {
            assert_response(queue_request(&q, n % 2 ? UNPLUG : PLUG, block_addr(&q, i), 1, NULL),
                            ACK);
        }
    }
    vm_end(&vm);
}

static void test_queue_reset(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 3, F_RING_RESET);
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned n = 0; n <= i; n++) {
            assert_response(queue_request(&q, n % 2 ? UNPLUG : PLUG, block_addr(&q, i), 1, NULL),
                            ACK);
        }
        queue_common_write(&q, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
        g_assert_cmpint(queue_common_read(&q, VIRTIO_PCI_COMMON_Q_RESET, 2), ==, 0);
        g_assert_cmpint(queue_common_read(&q, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
        q.size = 4 + i;
        queue_enable(&q);
    }
    vm_end(&vm);
}

static void test_system_reset(void)
{
    Queue q;
    Vm vm;

    packed_start(&vm, &q, 7, F_EVENT);
    assert_response(queue_request(&q, PLUG, vm.addr, 5, NULL), ACK);
    vm_system_reset(&vm);  /* and a driver with a split ring */
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

void add_packed_tests(void)
{
    ADD("packed/offered", test_offered);
    ADD("packed/declined", test_declined);
    ADD("packed/requests", test_requests);
    ADD("packed/laps", test_laps);
    ADD("packed/scattered", test_scattered);
    ADD("packed/indirect", test_indirect);
    ADD("packed/batch", test_batch);
    ADD("packed/used-write-flag", test_used_write_flag);
    ADD("packed/interrupt-flags", test_interrupt_flags);
    ADD("packed/interrupt-event", test_interrupt_event);
    ADD_DATA("packed/notification", &no_features, test_notification);
    ADD_DATA("packed/notification-event", &event_feature, test_notification);
    ADD("packed/device-reset", test_device_reset);
    ADD("packed/queue-reset", test_queue_reset);
    ADD("packed/system-reset", test_system_reset);
}
