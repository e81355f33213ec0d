/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem on a machine that is stopped: nothing that a guest can see changes before it runs on.
 * (Stock carries out what comes over qtest at once, stopped or not; its guests cannot send either.)
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

#define LITTLE_WHILE_US (50 * 1000)

static void stop(Vm *vm)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'stop'}");
}

static void cont(Vm *vm)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'cont'}");
}

static bool skip_on_stock(void)
{
    return skip_without(KEEPS_RULES, "stock goes on while it is stopped");
}

static uint16_t used_idx(Vm *vm)
{
    return qtest_readw(vm->qts, vm->vq->used + 2);
}

/* A request that comes while the machine is stopped waits, and is answered when it runs on. */
static void test_queue(void)
{
    struct virtio_mem_req req;
    uint16_t before;
    uint32_t head;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 1), ACK);
    before = used_idx(&vm);
    isr_read(&vm);
    stop(&vm);
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr + vm.block_size, 2);
    head = request_begin(&vm, &req);
    g_usleep(LITTLE_WHILE_US);
    g_assert_cmpuint(used_idx(&vm), ==, before);
    g_assert_cmphex(queried_size(&vm), ==, vm.block_size);
    g_assert_cmpuint(isr_read(&vm), ==, 0);
    cont(&vm);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, NULL, TIMEOUT_US);
    assert_response(qtest_readw(vm.qts, vm.resp), ACK);
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* The guest is told of another size once it can be. */
static void test_config(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    stop(&vm);
    set_requested_size(&vm, 128 * MiB);
    set_requested_size(&vm, 32 * MiB);
    g_usleep(LITTLE_WHILE_US);
    g_assert_cmpuint(isr_read(&vm), ==, 0);
    cont(&vm);
    g_assert_cmpuint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 32 * MiB);
    g_assert_cmpuint(isr_read(&vm), ==, 0);
    vm_end(&vm);
}

/* Stopping and going on, twice each, loses nothing. */
static void test_again(void)
{
    Vm vm;

    if (skip_without(KEEPS_RULES, "stock's processors run with it, and firmware takes the device")) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (int i = 0; i < 3; i++) {
        stop(&vm);
        stop(&vm);
        cont(&vm);
        cont(&vm);
        assert_response(plug(&vm, i, 1), ACK);
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

void add_stop_tests(void)
{
    ADD("stop/queue", test_queue);
    ADD("stop/config", test_config);
    ADD("stop/again", test_again);
}
