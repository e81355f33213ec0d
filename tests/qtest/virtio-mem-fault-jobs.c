/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem on a host that is slow: what is done beside the big lock rests while the machine is
 * stopped, and nobody who holds the lock waits for more than a chunk of it.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fault.h"

static int nb_calls(HostCall call)
{
    return __atomic_load_n(&faults->call[call].calls, __ATOMIC_ACQUIRE);
}

/* Each call of this kind takes so long; they are counted from now on. */
static void slow_down(HostCall call, unsigned ms)
{
    faults->call[call].delay_us = ms * 1000;
    faults->call[call].calls = 0;
}

static void wait_calls(HostCall call, int nb)
{
    for (int i = 0; nb_calls(call) < nb; i++) {
        g_assert_cmpint(i, <, 100000);
        g_usleep(100);
    }
}

static uint32_t begin(Vm *vm, uint16_t type, uint64_t block, uint16_t nb_blocks)
{
    struct virtio_mem_req req = request_make(type, vm->addr + block * vm->block_size, nb_blocks);

    return request_begin(vm, &req);
}

static void stop(Vm *vm)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'stop'}");
}

static void cont(Vm *vm)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'cont'}");
}

static uint16_t used_idx(Vm *vm)
{
    return qtest_readw(vm->qts, vm->vq->used + 2);
}

static void drive_anew(Vm *vm)
{
    qvirtqueue_cleanup(vm->vdev->bus, vm->vq, &vm->alloc);
    qvirtio_start_device(vm->vdev);
    vm_drive(vm, SIMPLE_FEATURES);
}

/* A request that a stopped machine is at: no call, no answer, no change before it runs on. */
static void test_stop(const void *data)
{
    bool plugs = GPOINTER_TO_UINT(data);
    HostCall call = plugs ? HOST_POPULATE : HOST_DONTNEED;
    uint64_t size;
    uint32_t head;
    uint16_t used;
    int calls;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, plugs ? PROPS ",prealloc=on" : PROPS);
    if (!plugs) {
        plug_and_fill(&vm, 0, LARGE_BLOCKS);
    }
    size = queried_size(&vm);
    used = used_idx(&vm);
    slow_down(call, 30);
    head = begin(&vm, plugs ? VIRTIO_MEM_REQ_PLUG : VIRTIO_MEM_REQ_UNPLUG, 0, LARGE_BLOCKS);
    wait_calls(call, 2);
    stop(&vm);
    calls = nb_calls(call);
    g_usleep(200 * 1000);
    g_assert_cmpint(nb_calls(call), ==, calls);
    g_assert_cmpuint(used_idx(&vm), ==, used);
    g_assert_cmphex(queried_size(&vm), ==, size);
    faults->call[call].delay_us = 0;
    cont(&vm);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, NULL, TIMEOUT_US);
    assert_response(qtest_readw(vm.qts, vm.resp), ACK);
    assert_plugged(&vm, plugs ? LARGE_BLOCKS : 0);
    vm_end(&vm);
}

/* It stops during the last chunk: all is done, and the answer waits, or is dropped by a reset. */
static void test_stop_done(const void *data)
{
    bool resets = GPOINTER_TO_UINT(data);
    uint16_t used;
    uint32_t head;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, CHUNK_BLOCKS + 1);
    used = used_idx(&vm);
    slow_down(HOST_DONTNEED, 100);
    head = begin(&vm, VIRTIO_MEM_REQ_UNPLUG, 0, CHUNK_BLOCKS + 1);
    wait_calls(HOST_DONTNEED, 2);
    stop(&vm);
    g_usleep(50 * 1000);
    g_assert_cmpint(nb_calls(HOST_DONTNEED), ==, 2);
    g_assert_cmpuint(used_idx(&vm), ==, used);
    g_assert_cmphex(queried_size(&vm), ==, (CHUNK_BLOCKS + 1) * vm.block_size);
    faults->call[HOST_DONTNEED].delay_us = 0;
    if (resets) {
        vm_stop_driver(&vm);
        qtest_system_reset(vm.qts);
        cont(&vm);
        vm_probe(&vm);
        vm_drive(&vm, SIMPLE_FEATURES);
        assert_plugged(&vm, 0);
        assert_response(plug(&vm, 0, 1), ACK);
    } else {
        cont(&vm);
        qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, NULL, TIMEOUT_US);
        assert_response(qtest_readw(vm.qts, vm.resp), ACK);
        assert_plugged(&vm, 0);
    }
    vm_end(&vm);
}

/* The thread may be at any point of its work, or have done it. */
static void test_stop_anywhere(void)
{
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    for (int i = 0; i < 20; i++) {
        uint16_t used;
        uint32_t head;

        plug_and_fill(&vm, 0, LARGE_BLOCKS);
        isr_read(&vm);
        head = begin(&vm, VIRTIO_MEM_REQ_UNPLUG, 0, LARGE_BLOCKS);
        g_usleep(i * 500);
        stop(&vm);
        used = used_idx(&vm);
        g_usleep(20 * 1000);
        g_assert_cmpuint(used_idx(&vm), ==, used);
        cont(&vm);
        qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, NULL, TIMEOUT_US);
        assert_response(qtest_readw(vm.qts, vm.resp), ACK);
        assert_plugged(&vm, 0);
    }
    vm_end(&vm);
}

/* A reset of a stopped machine drops the request, and gives all back while it is stopped. */
static void test_stop_reset(void)
{
    Held base, now;
    uint16_t used;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, LARGE_BLOCKS + 8);
    slow_down(HOST_DONTNEED, 30);
    begin(&vm, VIRTIO_MEM_REQ_UNPLUG, 0, LARGE_BLOCKS);
    wait_calls(HOST_DONTNEED, 2);
    stop(&vm);
    used = used_idx(&vm);
    faults->call[HOST_DONTNEED].delay_us = 0;
    qtest_system_reset(vm.qts);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    g_assert_cmpuint(used_idx(&vm), ==, used);
    for (int i = 0; now = held_by(&vm), now.process != base.process; i++) {
        g_assert_cmpint(i, <, 1000);
        g_usleep(5000);
    }
    vm_end(&vm);
}

/* What a PLUG has got is given back beside the lock: a device reset does not wait for it. */
static void test_cancelled_plug(void)
{
    Held base, now;
    gint64 start;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS ",prealloc=on");
    base = held_by(&vm);
    slow_down(HOST_POPULATE, 20);
    slow_down(HOST_DONTNEED, 500);
    begin(&vm, VIRTIO_MEM_REQ_PLUG, 0, LARGE_BLOCKS);
    wait_calls(HOST_POPULATE, 3);
    start = g_get_monotonic_time();
    drive_anew(&vm);
    assert_plugged(&vm, 0);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 400 * 1000);
    faults->call[HOST_DONTNEED].delay_us = 0;
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);   /* and it is undone */
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after a PLUG that was overtaken");
    assert_response(plug(&vm, 0, 4), ACK);
    vm_end(&vm);
}

/* Nor does a system reset that comes while that goes on. */
static void test_cancelled_plug_reset(void)
{
    Held base, now;
    gint64 start;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS ",prealloc=on");
    base = held_by(&vm);
    plug_and_fill(&vm, LARGE_BLOCKS, 16);
    slow_down(HOST_POPULATE, 20);
    slow_down(HOST_DONTNEED, 500);
    begin(&vm, VIRTIO_MEM_REQ_PLUG, 0, LARGE_BLOCKS);
    wait_calls(HOST_POPULATE, 3);
    start = g_get_monotonic_time();
    qtest_system_reset(vm.qts);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 400 * 1000);
    faults->call[HOST_DONTNEED].delay_us = 0;
    vm_system_reset(&vm);
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after two resets");
    vm_end(&vm);
}

/* Many requests through one notification: what is done at once is bounded for all together. */
static void test_many_at_once(void)
{
    enum { NB = 4 };
    uint32_t head[NB];
    gint64 start;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, LARGE_BLOCKS);
    slow_down(HOST_DONTNEED, 200);
    for (int i = 0; i < NB; i++) {      /* apart, so that they are not combined */
        struct virtio_mem_req req = request_make(
            VIRTIO_MEM_REQ_UNPLUG, vm.addr + 10 * i * vm.block_size, CHUNK_BLOCKS);
        uint16_t idx = qtest_readw(vm.qts, vm.vq->avail + 2);

        qtest_bufwrite(vm.qts, vm.req + 64 * i, &req, sizeof(req));
        head[i] = qvirtqueue_add(vm.qts, vm.vq, vm.req + 64 * i, sizeof(req), false, true);
        qvirtqueue_add(vm.qts, vm.vq, vm.resp + 64 * i, sizeof(struct virtio_mem_resp), true,
                       false);
        qtest_writew(vm.qts, vm.vq->avail + 4 + 2 * (idx % vm.vq->size), head[i]);
        qtest_writew(vm.qts, vm.vq->avail + 2, idx + 1);
    }
    start = g_get_monotonic_time();
    vm.vdev->bus->virtqueue_kick(vm.vdev, vm.vq);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 2 * 200 * 1000);
    faults->call[HOST_DONTNEED].delay_us = 0;
    for (int i = 0; i < NB; i++) {
        uint32_t got;

        for (int n = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, &got, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        g_assert_cmpuint(got, ==, head[i]);
        assert_response(qtest_readw(vm.qts, vm.resp + 64 * i), ACK);
    }
    assert_plugged(&vm, LARGE_BLOCKS - NB * CHUNK_BLOCKS);
    vm_end(&vm);
}

/*
 * Blocks larger than a chunk, and a device reset in the middle of one: it has lost a part of its
 * contents, so it is unplugged, and none of it is left.
 */
static void test_huge_blocks(void)
{
    uint64_t plugged;
    Held base, now;
    gint64 start;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does all of a request at once")) {
        return;
    }
    fault_start(&vm, &(HeldKind) { "memory-backend-ram,size=336M,prealloc=off", true, false },
                ",requested-size=320M,unplugged-inaccessible=on,block-size=16M");
    base = held_by(&vm);
    assert_response(plug(&vm, 0, 20), ACK);
    for (int i = 0; i < 20; i++) {
        qtest_memset(vm.qts, vm.addr + i * vm.block_size, 0x77, vm.block_size);
        fill(&vm, i, 1);
    }
    slow_down(HOST_DONTNEED, 50);       /* chunks of 16, 8, 4, then 2 MiB */
    begin(&vm, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    wait_calls(HOST_DONTNEED, 6);
    start = g_get_monotonic_time();
    drive_anew(&vm);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 250 * 1000);
    faults->call[HOST_DONTNEED].delay_us = 0;
    plugged = assert_exact(&vm, 20);
    g_assert_cmpuint(plugged, >, 10);
    g_assert_cmpuint(plugged, <, 20);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, plugged * vm.block_size, "after the reset");
    vm_end(&vm);
}

void add_fault_job_tests(void)
{
    add_fault_data("/virtio-mem-fault/stop/unplug", GUINT_TO_POINTER(0), test_stop);
    add_fault_data("/virtio-mem-fault/stop/plug", GUINT_TO_POINTER(1), test_stop);
    add_fault_data("/virtio-mem-fault/stop/done", GUINT_TO_POINTER(0), test_stop_done);
    add_fault_data("/virtio-mem-fault/stop/done-and-reset", GUINT_TO_POINTER(1), test_stop_done);
    ADD_FAULT("stop/anywhere", test_stop_anywhere);
    ADD_FAULT("stop/system-reset", test_stop_reset);
    ADD_FAULT("cancelled-plug/device-reset", test_cancelled_plug);
    ADD_FAULT("cancelled-plug/system-reset", test_cancelled_plug_reset);
    ADD_FAULT("many-at-once", test_many_at_once);
    ADD_FAULT("huge-blocks", test_huge_blocks);
}
