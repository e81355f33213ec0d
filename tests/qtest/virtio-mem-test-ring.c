/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem and its virtqueue: requests that break the rules, and legal ones in unusual shapes.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

/* ---- requests that break the rules of virtqueues ---- */

/* Descriptors of one malformed request: gpa offsets from vm.req. */
typedef struct BadRequest {
    struct {
        uint32_t len;
        bool write;
    } part[3];
    uint16_t type;
    uint64_t gpa;               /* of the first descriptor instead of vm.req, if not 0 */
} BadRequest;

static const BadRequest bad_short_request = { .part = { { 8, false }, { 10, true } } };
static const BadRequest bad_no_response = { .part = { { 24, false } } };
static const BadRequest bad_short_response = { .part = { { 24, false }, { 4, true } } };
static const BadRequest bad_no_request = { .part = { { 24, true } } };
static const BadRequest bad_type = { .part = { { 24, false }, { 10, true } }, .type = 4 };
static const BadRequest bad_type_max = { .part = { { 24, false }, { 10, true } }, .type = 65535 };
static const BadRequest bad_order = {
    .part = { { 12, false }, { 10, true }, { 12, false } } };
static const BadRequest bad_address = {
    .part = { { 24, false }, { 10, true } }, .gpa = 0x7f0000000000 };
static const BadRequest bad_no_length = { .part = { { 24, false }, { 0, true } } };

static void send_bad_request(Vm *vm, const BadRequest *bad)
{
    struct virtio_mem_req req = request_make(bad->type, vm->addr, 1);
    uint32_t head = vm->vq->free_head;

    qtest_bufwrite(vm->qts, vm->req, &req, sizeof(req));
    for (int i = 0; i < 3 && (i == 0 || bad->part[i].len || bad->part[i].write); i++) {
        bool more = i < 2 && (bad->part[i + 1].len || bad->part[i + 1].write);

        qvirtqueue_add(vm->qts, vm->vq,
                       bad->part[i].write ? vm->resp : i == 0 && bad->gpa ? bad->gpa : vm->req,
                       bad->part[i].len, bad->part[i].write, more);
    }
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
}

/* 2.1.2: the device stops, says so in its status, and works again after a reset. */
static void assert_broken_until_reset(Vm *vm)
{
    for (int i = 0; !(vm->vdev->bus->get_status(vm->vdev) & NEEDS_RESET); i++) {
        g_assert_cmpint(i, <, 1000);    /* the device should set NEEDS_RESET, and did not */
        g_usleep(1000);
    }
    g_assert_cmpint(isr_read(vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qvirtqueue_get_buf(vm->qts, vm->vq, NULL, NULL));
    g_assert_cmphex(queried_size(vm), ==, 0);
    qvirtqueue_cleanup(vm->vdev->bus, vm->vq, &vm->alloc);
    qvirtio_start_device(vm->vdev);
    vm_drive(vm, SIMPLE_FEATURES);
    assert_response(plug(vm, 0, 1), ACK);
}

static void test_malformed_request(const void *bad)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    send_bad_request(&vm, bad);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/*
 * A request at an address without memory: either the device is broken, or it
 * has read no request of ours (stock reads zeros: a PLUG at 0, an error).
 */
static void test_malformed_address(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    send_bad_request(&vm, &bad_address);
    for (int i = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, NULL); i++) {
        if (vm.vdev->bus->get_status(vm.vdev) & NEEDS_RESET) {
            assert_broken_until_reset(&vm);
            vm_end(&vm);
            return;
        }
        g_assert_cmpint(i, <, 1000);
        g_usleep(1000);
    }
    assert_response(qtest_readw(vm.qts, vm.resp), ERR);
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_malformed_avail_index(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_set_avail_idx(vm.qts, vm.vdev, vm.vq, vm.vq->size + 1);
    vm.vdev->bus->virtqueue_kick(vm.vdev, vm.vq);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

static void test_malformed_head(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, vm.vq->size);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/* A chain that leads back to itself. */
static void test_malformed_loop(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_add(vm.qts, vm.vq, vm.req, 24, false, true);
    qtest_writew(vm.qts, vm.vq->desc + offsetof(struct vring_desc, next), 0);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, 0);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/* ---- well-formed requests in unusual shapes ---- */

static void test_ring_scattered(void)
{
    struct virtio_mem_req req;
    uint32_t head, len;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 2);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    head = qvirtqueue_add(vm.qts, vm.vq, vm.req, 1, false, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.req + 1, 10, false, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.req + 11, 100, false, true);    /* more than is defined */
    qvirtqueue_add(vm.qts, vm.vq, vm.resp, 1, true, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.resp + 1, 9, true, false);
    qtest_memset(vm.qts, vm.resp, 0xee, 16);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(len, ==, 10);
    g_assert_cmpint(qtest_readw(vm.qts, vm.resp), ==, ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.resp + 10), ==, 0xee);
    assert_plugged(&vm, 2);
    vm_end(&vm);
}

static void test_ring_indirect(void)
{
    QVRingIndirectDesc *indirect;
    struct virtio_mem_req req;
    uint32_t head, len;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES | F_INDIRECT);
    g_assert_true(vm.vq->indirect);
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 2);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    indirect = qvring_indirect_desc_setup(vm.qts, vm.vdev, &vm.alloc, 2);
    qvring_indirect_desc_add(vm.vdev, vm.qts, indirect, vm.req, sizeof(req), false);
    qvring_indirect_desc_add(vm.vdev, vm.qts, indirect, vm.resp, 10, true);
    head = qvirtqueue_add_indirect(vm.qts, vm.vq, indirect);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(qtest_readw(vm.qts, vm.resp), ==, ACK);
    assert_plugged(&vm, 2);
    guest_free(&vm.alloc, indirect->desc);
    g_free(indirect);
    vm_end(&vm);
}

/*
 * 2.7.10: an interrupt when the used index passes used_event, and none before.
 * The very first request is left out: a device that has never interrupted may.
 */
static void test_ring_event_index(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES | F_EVENT);
    g_assert_true(vm.vq->event);
    qvirtqueue_set_used_event(vm.qts, vm.vq, 2);
    for (int i = 0; i < 3; i++) {
        struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_PLUG,
                                                 vm.addr + i * vm.block_size, 1);
        uint8_t isr;

        request_begin(&vm, &req);
        for (int n = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        isr = isr_read(&vm);
        if (i > 0) {
            g_assert_cmpint(isr, ==, i == 1 ? 0 : ISR_QUEUE);
        }
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* Many more requests than the ring has descriptors, so that every index wraps. */
static void test_ring_wraps(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (uint32_t i = 0; i < vm.vq->size + 5; i++) {
        assert_response(plug(&vm, i % 32, 1), ACK);
        assert_response(unplug(&vm, i % 32, 1), ACK);
    }
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

/* Two requests before one notification are both carried out, in their order. */
static void test_ring_batch(void)
{
    struct virtio_mem_req req[2];
    uint32_t head[2], got;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    req[0] = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 4);
    req[1] = request_make(VIRTIO_MEM_REQ_UNPLUG, vm.addr, 1);
    qtest_bufwrite(vm.qts, vm.req, req, sizeof(req));
    for (int i = 0; i < 2; i++) {
        head[i] = qvirtqueue_add(vm.qts, vm.vq, vm.req + i * sizeof(req[0]), sizeof(req[0]),
                                 false, true);
        qvirtqueue_add(vm.qts, vm.vq, vm.resp + i * 10, 10, true, false);
        qtest_writew(vm.qts, vm.vq->avail + 4 + 2 * i, head[i]);
    }
    qvirtqueue_set_avail_idx(vm.qts, vm.vdev, vm.vq, 2);
    vm.vdev->bus->virtqueue_kick(vm.vdev, vm.vq);
    for (int i = 0; i < 2; i++) {
        for (int n = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, &got, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        g_assert_cmpint(got, ==, head[i]);
        g_assert_cmpint(qtest_readw(vm.qts, vm.resp + i * 10), ==, ACK);
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* ---- the list ---- */

void add_ring_tests(void)
{
    ADD("ring/scattered", test_ring_scattered);
    ADD("ring/indirect", test_ring_indirect);
    ADD("ring/event-index", test_ring_event_index);
    ADD("ring/wraps", test_ring_wraps);
    ADD("ring/batch", test_ring_batch);
    ADD_DATA("malformed/short-request", &bad_short_request, test_malformed_request);
    ADD_DATA("malformed/no-response-buffer", &bad_no_response, test_malformed_request);
    ADD_DATA("malformed/short-response-buffer", &bad_short_response, test_malformed_request);
    ADD_DATA("malformed/no-request-buffer", &bad_no_request, test_malformed_request);
    ADD_DATA("malformed/unknown-type", &bad_type, test_malformed_request);
    ADD_DATA("malformed/unknown-type-max", &bad_type_max, test_malformed_request);
    ADD_DATA("malformed/read-after-write", &bad_order, test_malformed_request);
    ADD("malformed/address-outside-memory", test_malformed_address);
    ADD_DATA("malformed/empty-buffer", &bad_no_length, test_malformed_request);
    ADD("malformed/avail-index", test_malformed_avail_index);
    ADD("malformed/head-out-of-range", test_malformed_head);
    ADD("malformed/descriptor-loop", test_malformed_loop);
}
