/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of virtio-mem, driven over qtest without a guest. Here: a test by name for each MUST
 * of the specification's Memory Device section (VIRTIO 1.2/1.3, 5.15). QEMU's properties and QMP,
 * rings, and the promise that unplugged memory is really given back stand in
 * virtio-mem-test-TOPIC.c.
 * 
 * All pass on stock QEMU 7.2, except where a test says why it is skipped there.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"

/* ---- 5.15.5 negotiation ---- */

/* Acknowledges exactly features; returns whether the device leaves FEATURES_OK set. */
static bool features_accepted(Vm *vm, uint64_t features)
{
    uint8_t status = vm->vdev->bus->get_status(vm->vdev);

    vm->vdev->bus->set_features(vm->vdev, features);
    vm->vdev->bus->set_status(vm->vdev, status | VIRTIO_CONFIG_S_FEATURES_OK);
    return vm->vdev->bus->get_status(vm->vdev) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static void test_negotiation_acknowledged(void)
{
    uint64_t offered;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    offered = qvirtio_get_features(vm.vdev);
    g_assert_cmphex(offered & F_INACCESSIBLE, !=, 0);
    g_assert_true(features_accepted(&vm, offered));
    vm_end(&vm);
}

static void test_negotiation_refused(const void *machine)
{
    uint64_t offered;
    Vm vm;

    vm_spawn(&vm, machine, RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    offered = qvirtio_get_features(vm.vdev);
    g_assert_false(features_accepted(&vm, offered & ~F_INACCESSIBLE));
    /* a driver that thinks better of it starts over and is welcome */
    qvirtio_start_device(vm.vdev);
    g_assert_true(features_accepted(&vm, offered));
    vm_end(&vm);
}

static void test_negotiation_not_offered(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=off,requested-size=2M");
    vm_probe(&vm);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_INACCESSIBLE, ==, 0);
    g_assert_true(features_accepted(&vm, F_VERSION_1));
    vm_end(&vm);
}

static void test_negotiation_pxm_ignored(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_PXM, !=, 0);
    g_assert_true(features_accepted(&vm, F_VERSION_1 | F_INACCESSIBLE));
    vm_end(&vm);
}

typedef struct MachineDefaults {
    const char *version;
    const char *inaccessible;   /* as qom-get shows it with a private anonymous backend */
    bool ring_reset;
    bool msix;
} MachineDefaults;

static const MachineDefaults machine_defaults[] = {
    { "5.1", "off", false, false }, { "5.2", "off", false, false }, { "6.0", "off", false, false },
    { "6.1", "off", false, false }, { "6.2", "off", false, false }, { "7.0", "off", false, false },
    { "7.1", "off", false, false }, { "7.2", "off", true, false }, { "8.0", "off", true, false },
    { "8.1", "on", true, false }, { "8.2", "on", true, false }, { "9.0", "on", true, false },
    { "9.1", "on", true, false }, { "9.2", "on", true, false }, { "10.0", "on", true, true },
    { "10.1", "on", true, true }, { "10.2", "on", true, true },
};

static void check_machine_defaults(const char *machine, const MachineDefaults *defaults)
{
    uint64_t expected = F_VERSION_1 | F_INDIRECT | F_EVENT | F_PXM;
    uint64_t optional = F_PERSISTENT_SUSPEND;   /* of newer ones, where the machine can wake up */
    Vm vm;

    expected |= g_str_equal(defaults->inaccessible, "on") ? F_INACCESSIBLE : 0;
    expected |= defaults->ring_reset ? F_RING_RESET : 0;
    g_test_message("%s", machine);
    vm_spawn(&vm, machine, RAM_256M, "");
    vm_probe(&vm);
    assert_qom_str(&vm, "unplugged-inaccessible", defaults->inaccessible);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & ~optional, ==, expected);
    g_assert_cmpint(qpci_find_capability(vm.dev->pdev, 0x11, 0) != 0, ==, defaults->msix);
    vm_end(&vm);
}

static void test_machine_defaults(const void *family)
{
    int checked = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(machine_defaults); i++) {
        g_autofree char *machine = g_strdup_printf("%s-%s", (const char *)family,
                                                   machine_defaults[i].version);

        if (qtest_has_machine(machine)) {
            check_machine_defaults(machine, &machine_defaults[i]);
            checked++;
        }
    }
    g_assert_cmpint(checked, >, 0);
}

/* ---- 5.15.4 device configuration ---- */

static void test_config_values(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_1G, ",requested-size=64M,unplugged-inaccessible=on");
    g_assert_cmphex(vm.block_size, ==, 2 * MiB);
    g_assert_cmphex(vm.addr, >=, 4 * GiB);
    g_assert_cmphex(vm.addr % vm.block_size, ==, 0);
    g_assert_cmphex(vm.region_size, ==, 1 * GiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), >=, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), <=, vm.region_size);
    g_assert_cmphex(CONFIG(&vm, usable_region_size) % vm.block_size, ==, 0);
    g_assert_cmphex(CONFIG(&vm, plugged_size), ==, 0);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmpint(CONFIG(&vm, node_id), ==, 0);
    for (size_t i = 0; i < sizeof(((struct virtio_mem_config *)0)->padding); i++) {
        g_assert_cmpint(vm.vdev->bus->config_readb(
                            vm.vdev, offsetof(struct virtio_mem_config, padding) + i), ==, 0);
    }
    vm_end(&vm);
}

static void config_read_all(Vm *vm, uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof(struct virtio_mem_config); i++) {
        bytes[i] = vm->vdev->bus->config_readb(vm->vdev, i);
    }
}

static void test_config_read_only(void)
{
    uint8_t before[sizeof(struct virtio_mem_config)], after[sizeof(before)];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    config_read_all(&vm, before);
    for (size_t i = 0; i < sizeof(before); i += 4) {
        qpci_io_writel(vm.dev->pdev, vm.dev->bar, vm.dev->device_cfg_offset + i, 0x5a5a5a5a);
    }
    config_read_all(&vm, after);
    for (size_t i = 0; i < sizeof(before); i++) {
        size_t padding = offsetof(struct virtio_mem_config, padding);

        /* stock keeps what is written there, and a driver is to ignore it */
        if (i < padding || i >= padding + sizeof(((struct virtio_mem_config *)0)->padding)) {
            g_assert_cmpint(after[i], ==, before[i]);
        }
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* All fields that are not to change keep their values through plug, resize and unplug. */
static void test_config_constant_fields(void)
{
    uint64_t addr, block_size, region_size;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    addr = vm.addr;
    block_size = vm.block_size;
    region_size = vm.region_size;
    assert_response(plug(&vm, 0, 4), ACK);
    set_requested_size(&vm, 256 * MiB);
    assert_response(unplug_all(&vm), ACK);
    vm_read_config(&vm);
    g_assert_cmphex(vm.addr, ==, addr);
    g_assert_cmphex(vm.block_size, ==, block_size);
    g_assert_cmphex(vm.region_size, ==, region_size);
    vm_end(&vm);
}

/* "All fields … are always available": to a driver that has got no further than DRIVER. */
static void test_config_readable_before_negotiation(void)
{
    uint8_t early[sizeof(struct virtio_mem_config)], late[sizeof(early)];
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    config_read_all(&vm, early);
    vm_drive(&vm, SIMPLE_FEATURES);
    config_read_all(&vm, late);
    g_assert_cmpmem(early, sizeof(early), late, sizeof(late));
    g_assert_cmphex(vm.block_size, ==, 2 * MiB);
    vm_end(&vm);
}

/* 2.5.1 and 4.1.4.3.1: the generation changes with the configuration, so a torn read shows. */
static void test_config_generation(void)
{
    uint8_t generation;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    generation = config_generation(&vm);
    CONFIG(&vm, requested_size);
    g_assert_cmpint(config_generation(&vm), ==, generation);
    set_requested_size(&vm, 128 * MiB);
    g_assert_cmpint(config_generation(&vm), !=, generation);
    vm_end(&vm);
}

/* ---- 5.15.6.1 PLUG ---- */

static void test_plug_ack(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 1), ACK);
    assert_plugged(&vm, 1);
    assert_response(plug(&vm, 5, 3), ACK);
    assert_plugged(&vm, 4);
    g_assert_cmphex(queried_size(&vm), ==, 4 * vm.block_size);
    g_assert_cmphex(qom_get_uint(&vm, "size"), ==, 4 * vm.block_size);
    g_assert_cmpint(state_of(&vm, 5, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

static void test_plug_all_of_request(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=256M");
    assert_response(plug(&vm, 0, 128), ACK);
    assert_plugged(&vm, 128);
    assert_response(unplug(&vm, 0, 128), ACK);
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_plug_nack_beyond_requested_size(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=4M");
    assert_response(plug(&vm, 0, 3), NACK);
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 2), ACK);
    assert_response(plug(&vm, 2, 1), NACK);
    assert_plugged(&vm, 2);
    set_requested_size(&vm, 2 * MiB);
    assert_response(plug(&vm, 2, 1), NACK);
    assert_plugged(&vm, 2);
    vm_end(&vm);
}

static void test_plug_error_already_plugged(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 2, 2), ACK);
    assert_response(plug(&vm, 2, 1), ERR);
    assert_response(plug(&vm, 2, 2), ERR);
    assert_response(plug(&vm, 1, 2), ERR);      /* its end is plugged */
    assert_response(plug(&vm, 3, 2), ERR);      /* its beginning */
    assert_response(plug(&vm, 0, 8), ERR);      /* its middle */
    assert_plugged(&vm, 2);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 4, 4), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    vm_end(&vm);
}

/* 5.15.6.x: the ranges that every request on blocks has to refuse, in any state of the device. */
static void test_error_ranges(const void *type_ptr)
{
    uint16_t type = GPOINTER_TO_UINT(type_ptr);
    uint64_t usable, size, aligned;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=8M");
    assert_response(plug(&vm, 0, 2), ACK);
    usable = CONFIG(&vm, usable_region_size);
    size = vm.block_size;
    g_assert_cmphex(usable, <, vm.region_size);
    /* not aligned, where it would do */
    aligned = vm.addr + (type == VIRTIO_MEM_REQ_PLUG ? 4 * size : 0);
    assert_response(request(&vm, type, aligned + 1, 1), ERR);
    assert_response(request(&vm, type, aligned + size / 2, 1), ERR);
    assert_response(request(&vm, type, aligned + 4096, 1), ERR);
    /* no blocks */
    assert_response(request(&vm, type, vm.addr, 0), ERR);
    assert_response(request(&vm, type, vm.addr + 4 * size, 0), ERR);
    /* outside of the region, whole or in part */
    assert_response(request(&vm, type, vm.addr - size, 1), ERR);
    assert_response(request(&vm, type, vm.addr - size, 2), ERR);
    assert_response(request(&vm, type, 0, 1), ERR);
    assert_response(request(&vm, type, vm.addr + vm.region_size, 1), ERR);
    /* in the region, but outside of its usable part */
    assert_response(request(&vm, type, vm.addr + usable, 1), ERR);
    assert_response(request(&vm, type, vm.addr + usable - size, 2), ERR);
    assert_response(request(&vm, type, vm.addr + vm.region_size - size, 1), ERR);
    assert_response(request(&vm, type, vm.addr, 65535), ERR);
    /* where address + size overflows */
    assert_response(request(&vm, type, UINT64_MAX - size + 1, 1), ERR);
    assert_response(request(&vm, type, UINT64_MAX - size + 1, 2), ERR);
    assert_response(request(&vm, type, UINT64_MAX, 65535), ERR);
    /* and nothing has changed */
    assert_plugged(&vm, 2);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

static void test_last_usable_block(void)
{
    uint64_t last;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=8M");
    last = CONFIG(&vm, usable_region_size) / vm.block_size - 1;
    assert_response(plug(&vm, last, 1), ACK);
    g_assert_cmpint(state_of(&vm, last, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_response(unplug(&vm, last, 1), ACK);
    vm_end(&vm);
}

/* "MUST ignore the padding", and anything else a request of that type does not define. */
static void test_ignores_padding(void)
{
    struct virtio_mem_req req;
    uint16_t state;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (uint16_t type = 0; type < 4; type++) {
        static const uint16_t order[] = { VIRTIO_MEM_REQ_PLUG, VIRTIO_MEM_REQ_STATE,
                                          VIRTIO_MEM_REQ_UNPLUG, VIRTIO_MEM_REQ_UNPLUG_ALL };

        req = request_make(order[type], vm.addr, 2);
        memset(req.padding, 0xff, sizeof(req.padding));
        memset(req.u.plug.padding, 0xff, sizeof(req.u.plug.padding));
        assert_response(request_send(&vm, &req, &state), ACK);
    }
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

/* "MUST allow the driver to read and write memory", and "MUST NOT modify" it. */
static void test_plugged_memory_is_memory(const void *backend)
{
    uint8_t *out = g_malloc(64 * KiB), *in = g_malloc(64 * KiB);
    uint64_t end;
    Vm vm;

    vm_start(&vm, backend, ",requested-size=64M,unplugged-inaccessible=on");
    assert_response(plug(&vm, 1, 3), ACK);
    for (size_t i = 0; i < 64 * KiB; i++) {
        out[i] = i * 7 + (i >> 8);
    }
    end = vm.addr + 4 * vm.block_size;
    qtest_bufwrite(vm.qts, vm.addr + vm.block_size, out, 64 * KiB);
    qtest_bufwrite(vm.qts, end - 64 * KiB, out, 64 * KiB);
    /* none of these concerns the blocks with the pattern */
    assert_response(plug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 4, 4), ACK);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_response(unplug(&vm, 2, 1), ACK);
    assert_response(unplug(&vm, 4, 4), ACK);
    assert_response(unplug(&vm, 2, 1), ERR);
    set_requested_size(&vm, 0);
    qtest_bufread(vm.qts, vm.addr + vm.block_size, in, 64 * KiB);
    g_assert_cmpmem(in, 64 * KiB, out, 64 * KiB);
    qtest_bufread(vm.qts, end - 64 * KiB, in, 64 * KiB);
    g_assert_cmpmem(in, 64 * KiB, out, 64 * KiB);
    vm_end(&vm);
    g_free(out);
    g_free(in);
}

/* "Without UNPLUGGED_INACCESSIBLE … MUST allow the driver to read" what is not plugged. */
static void test_unplugged_memory_is_readable(void)
{
    uint8_t bytes[64];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M,unplugged-inaccessible=off");
    qtest_memread(vm.qts, vm.addr, bytes, sizeof(bytes));
    qtest_memread(vm.qts, vm.addr + CONFIG(&vm, usable_region_size) - 64, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        g_assert_cmpint(bytes[i], ==, 0);
    }
    vm_end(&vm);
}

/* Not even where it may be read: the host would hold pages that no guest was given. */
static void test_unplugged_memory_is_not_written(void)
{
    static const char *const values[] = { "on", "off" };

    if (skip_without(KEEPS_RULES, "QEMU 7.2 takes unplugged memory for RAM")) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *props = g_strdup_printf(",requested-size=64M,unplugged-inaccessible=%s",
                                                 values[i]);
        Vm vm;

        vm_start(&vm, RAM_256M, props);
        qtest_writeq(vm.qts, vm.addr, 1);
        g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0);
        assert_response(plug(&vm, 0, 1), ACK);
        qtest_writeq(vm.qts, vm.addr, 2);
        g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 2);
        vm_end(&vm);
    }
}

/* ---- 5.15.6.2 UNPLUG ---- */

static void test_unplug_ack(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 8), ACK);
    assert_response(unplug(&vm, 2, 3), ACK);
    assert_plugged(&vm, 5);
    g_assert_cmpint(state_of(&vm, 2, 3), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 5, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_response(unplug(&vm, 0, 2), ACK);
    assert_response(unplug(&vm, 5, 3), ACK);
    assert_plugged(&vm, 0);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    vm_end(&vm);
}

static void test_unplug_error_already_unplugged(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(unplug(&vm, 0, 1), ERR);
    assert_response(plug(&vm, 2, 2), ACK);
    assert_response(unplug(&vm, 1, 2), ERR);    /* its beginning is unplugged */
    assert_response(unplug(&vm, 3, 2), ERR);    /* its end */
    assert_response(plug(&vm, 5, 1), ACK);
    assert_response(unplug(&vm, 2, 4), ERR);    /* its middle */
    assert_plugged(&vm, 3);
    g_assert_cmpint(state_of(&vm, 2, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

/* ---- 5.15.6.3 UNPLUG ALL ---- */

static void test_unplug_all(void)
{
    struct virtio_mem_req req;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(unplug_all(&vm), ACK);      /* with nothing plugged */
    assert_response(plug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 7, 9), ACK);
    /* "MUST ignore any data in a request except the request type" */
    req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, vm.addr + 1, 0);
    assert_response(request_send(&vm, &req, NULL), ACK);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, 32), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

/* ---- 5.15.6.4 STATE ---- */

static void test_state(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_response(plug(&vm, 4, 4), ACK);
    g_assert_cmpint(state_of(&vm, 4, 4), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 5, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 3, 2), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 7, 2), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 0, 4), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 8, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    vm_end(&vm);
}

/* ---- resizing ---- */

static void test_resize_notifies(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_1G, ",requested-size=0");
    isr_read(&vm);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, 0);
    assert_response(plug(&vm, 0, 1), ERR);
    set_requested_size(&vm, 512 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 512 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), >=, 512 * MiB);
    assert_response(plug(&vm, 255, 1), ACK);
    set_requested_size(&vm, 2 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 2 * MiB);
    vm_end(&vm);
}

/* "SHOULD NOT send a configuration update notification when changing plugged_size" */
static void test_plug_does_not_notify_config(void)
{
    struct virtio_mem_req req;
    uint32_t len;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 4);
    request_begin(&vm, &req);
    for (int i = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, &len); i++) {
        g_assert_cmpint(i, <, 10000);
        g_usleep(1000);
    }
    g_assert_cmpint(isr_read(&vm), ==, ISR_QUEUE);
    assert_plugged(&vm, 4);
    vm_end(&vm);
}

/* The same of what lowers it; UNPLUG ALL does not change the usable region here. */
static void test_unplug_does_not_notify_config(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 4), ACK);
    for (uint16_t type = VIRTIO_MEM_REQ_UNPLUG; type <= VIRTIO_MEM_REQ_UNPLUG_ALL; type++) {
        struct virtio_mem_req req = request_make(type, vm.addr, 2);

        isr_read(&vm);
        request_begin(&vm, &req);
        for (int i = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, NULL); i++) {
            g_assert_cmpint(i, <, 10000);
            g_usleep(1000);
        }
        g_assert_cmpint(isr_read(&vm), ==, ISR_QUEUE);
        assert_plugged(&vm, type == VIRTIO_MEM_REQ_UNPLUG ? 2 : 0);
    }
    vm_end(&vm);
}

/* At the start more may be asked for than the backend has: the guest gets that, and no more. */
static void test_resize_beyond_region_at_start(void)
{
    /* Stock of old computes the usable region from the sum, and that wraps. */
    static const char *const props[] = { ",requested-size=512M",
                                         ",requested-size=18446744073707454464" };

    for (int i = 0; i < (emulator_can(WORKS_IN_PARTS) ? 2 : 1); i++) {
        Vm vm;

        vm_start(&vm, RAM_256M, props[i]);
        g_assert_cmphex(CONFIG(&vm, requested_size), >=, 512 * MiB);
        g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, 256 * MiB);
        assert_response(plug(&vm, 0, 128), ACK);
        assert_response(unplug(&vm, 128, 1), ERR);
        assert_plugged(&vm, 128);
        vm_end(&vm);
    }
}

/* The usable region only grows, until UNPLUG ALL or a system reset lets it shrink. */
static void test_resize_usable_region(void)
{
    uint64_t small, large;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=64M");
    small = CONFIG(&vm, usable_region_size);
    set_requested_size(&vm, 768 * MiB);
    large = CONFIG(&vm, usable_region_size);
    g_assert_cmphex(large, >=, 768 * MiB);
    set_requested_size(&vm, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    assert_response(plug(&vm, 300, 1), ACK);
    assert_response(unplug(&vm, 300, 1), ACK);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, small);
    assert_response(plug(&vm, 300, 1), ERR);
    set_requested_size(&vm, 768 * MiB);
    set_requested_size(&vm, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    vm_system_reset(&vm);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, small);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    vm_end(&vm);
}

static void test_resize_whole_region(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=0");
    set_requested_size(&vm, 256 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, 256 * MiB);
    assert_response(plug(&vm, 127, 1), ACK);
    vm_end(&vm);
}

static void test_resize_refused(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    assert_qom_set_fails(&vm, "requested-size", "1048576", (const char *[]) {
        "'requested-size' has to be multiples of 'block-size' (0x200000)", NULL });
    assert_qom_set_fails(&vm, "requested-size", "270532608", (const char *[]) {
        "'requested-size' cannot exceed the memory backend size", "0x10000000", NULL });
    assert_qom_set_fails(&vm, "requested-size", "1", (const char *[]) { "block-size", NULL });
    assert_qom_set_fails(&vm, "requested-size", "-1", (const char *[]) { "requested-size", NULL });
    assert_qom_set_fails(&vm, "requested-size", "\"many\"", (const char *[]) {
        "'requested-size' expects uint64", NULL });
    assert_qom_set_fails(&vm, "requested-size", "{}", (const char *[]) { "requested-size", NULL });
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmphex(qom_get_uint(&vm, "requested-size"), ==, 64 * MiB);
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, 0);
    vm_end(&vm);
}

/* ---- reset ---- */

static void test_device_reset_keeps_blocks(void)
{
    uint8_t out[256], in[256];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    memset(out, 0xa5, sizeof(out));
    assert_response(plug(&vm, 3, 5), ACK);
    qtest_memwrite(vm.qts, vm.addr + 4 * vm.block_size, out, sizeof(out));
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_plugged(&vm, 5);
    g_assert_cmpint(state_of(&vm, 3, 5), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 0, 3), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    qtest_memread(vm.qts, vm.addr + 4 * vm.block_size, in, sizeof(in));
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    vm_end(&vm);
}

static void test_system_reset_unplugs_all(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 4), ACK);
    assert_response(plug(&vm, 9, 1), ACK);
    qtest_memset(vm.qts, vm.addr, 0x77, 4096);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr), ==, 0);
    vm_end(&vm);
}

/* ---- the list ---- */

static void add_specification_tests(void)
{
    static const struct {
        const char *name;
        uint16_t type;
    } by_blocks[] = {
        { "plug", VIRTIO_MEM_REQ_PLUG }, { "unplug", VIRTIO_MEM_REQ_UNPLUG },
        { "state", VIRTIO_MEM_REQ_STATE },
    };

    ADD("negotiation/acknowledged", test_negotiation_acknowledged);
    ADD_DATA("negotiation/refused/q35", "q35", test_negotiation_refused);
    ADD_DATA("negotiation/refused/pc", "pc", test_negotiation_refused);
    ADD("negotiation/not-offered", test_negotiation_not_offered);
    ADD("negotiation/pxm-ignored", test_negotiation_pxm_ignored);
    ADD_DATA("machine-defaults/q35", "pc-q35", test_machine_defaults);
    ADD_DATA("machine-defaults/pc", "pc-i440fx", test_machine_defaults);
    ADD_DATA("config/values/q35", "q35", test_config_values);
    ADD_DATA("config/values/pc", "pc", test_config_values);
    ADD("config/read-only", test_config_read_only);
    ADD("config/constant-fields", test_config_constant_fields);
    ADD("config/readable-before-negotiation", test_config_readable_before_negotiation);
    ADD("config/generation", test_config_generation);
    ADD_DATA("plug/ack/q35", "q35", test_plug_ack);
    ADD_DATA("plug/ack/pc", "pc", test_plug_ack);
    ADD("plug/all-of-request", test_plug_all_of_request);
    ADD("plug/nack-beyond-requested-size", test_plug_nack_beyond_requested_size);
    ADD("plug/error-already-plugged", test_plug_error_already_plugged);
    ADD("plug/last-usable-block", test_last_usable_block);
    ADD("plug/does-not-notify-config", test_plug_does_not_notify_config);
    for (size_t i = 0; i < G_N_ELEMENTS(by_blocks); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem/%s/error-ranges", by_blocks[i].name);

        qtest_add_data_func(path, GUINT_TO_POINTER(by_blocks[i].type), test_error_ranges);
    }
    ADD("request/ignores-padding", test_ignores_padding);
    ADD("unplug/ack", test_unplug_ack);
    ADD("unplug/does-not-notify-config", test_unplug_does_not_notify_config);
    ADD("unplug/error-already-unplugged", test_unplug_error_already_unplugged);
    ADD("unplug-all/ack", test_unplug_all);
    ADD("state/types", test_state);
    ADD("memory/unplugged-readable-when-off", test_unplugged_memory_is_readable);
    ADD("memory/unplugged-never-written", test_unplugged_memory_is_not_written);
    ADD_DATA("memory/kept/ram", RAM_256M, test_plugged_memory_is_memory);
    ADD_DATA("memory/kept/memfd", "memory-backend-memfd,size=256M", test_plugged_memory_is_memory);
    ADD_DATA("resize/notifies/q35", "q35", test_resize_notifies);
    ADD_DATA("resize/notifies/pc", "pc", test_resize_notifies);
    ADD("resize/usable-region", test_resize_usable_region);
    ADD("resize/whole-region", test_resize_whole_region);
    ADD("resize/beyond-region-at-start", test_resize_beyond_region_at_start);
    ADD("resize/refused", test_resize_refused);
    ADD("reset/device-reset-keeps-blocks", test_device_reset_keeps_blocks);
    ADD_DATA("reset/system-reset-unplugs-all/q35", "q35", test_system_reset_unplugs_all);
    ADD_DATA("reset/system-reset-unplugs-all/pc", "pc", test_system_reset_unplugs_all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    emulator_identify();
    add_specification_tests();
    add_surface_tests();
    add_ring_tests();
    add_memory_tests();
    add_memslots_tests();
    add_packed_tests();
    add_report_tests();
    add_several_tests();
    add_stop_tests();
    add_numa_tests();
    add_hostile_tests();
    add_hotplug_tests();
    add_hmp_tests();
    add_transport_tests();
    return g_test_run();
}
