/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device with a transport and memory of the test's own; see the header.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/virtio/virtio-bus.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "system/ramblock.h"
#include "virtqueue-fixture.h"

/* ---- the device, its transport, its sparse memory -------------------------------------------- */

static AddressSpace test_as;
MemoryRegion test_root, test_mr, test_mr2;
uint8_t *ram, *ram2;
VirtIODevice *vdev;
VirtQueue *vq;
unsigned nb_irqs, nb_config_irqs, nb_kicks;
void (*test_on_kick)(VirtQueue *q);
void (*test_on_irq)(void);

static void test_handle(VirtIODevice *dev, VirtQueue *q)
{
    nb_kicks++;
    if (test_on_kick) {
        test_on_kick(q);
    }
}

static void test_device_realize(DeviceState *dev, Error **errp)
{
    virtio_init(VIRTIO_DEVICE(dev), VIRTIO_ID_MEM, 6);
    virtio_add_queue(VIRTIO_DEVICE(dev), QUEUE_SIZE, test_handle);
    virtio_add_queue(VIRTIO_DEVICE(dev), 2 * QUEUE_SIZE, test_handle);
}

static void test_device_unrealize(DeviceState *dev)
{
    virtio_del_queue(VIRTIO_DEVICE(dev), 0);
    virtio_del_queue(VIRTIO_DEVICE(dev), 0);
    virtio_cleanup(VIRTIO_DEVICE(dev));
}

static uint64_t test_get_features(VirtIODevice *dev, uint64_t features, Error **errp)
{
    virtio_add_feature(&features, FEATURE_REFUSED);
    return features;
}

static int test_validate_features(VirtIODevice *dev)
{
    return virtio_vdev_has_feature(dev, FEATURE_REFUSED) ? -EINVAL : 0;
}

static void test_get_config(VirtIODevice *dev, uint8_t *config)
{
    memcpy(config, "\x11\x22\x33\x44\x55\x66", 6);
}

static void test_device_class_init(ObjectClass *klass, const void *data)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_CLASS(klass);

    k->realize = test_device_realize;
    k->unrealize = test_device_unrealize;
    k->get_features = test_get_features;
    k->validate_features = test_validate_features;
    k->get_config = test_get_config;
}

static void test_notify(DeviceState *d, uint16_t vector)
{
    nb_irqs += vector == 0;
    nb_config_irqs += vector == 1;
    if (test_on_irq && vector != VIRTIO_NO_VECTOR) {
        test_on_irq();
    }
}

static AddressSpace *test_get_dma_as(DeviceState *d)
{
    return &test_as;
}

static void test_bus_class_init(ObjectClass *klass, const void *data)
{
    VirtioBusClass *k = VIRTIO_BUS_CLASS(klass);

    k->notify = test_notify;
    k->get_dma_as = test_get_dma_as;
}

bool test_populated;

static bool test_is_populated(const RamDiscardManager *rdm, const MemoryRegionSection *section)
{
    return test_populated;
}

static void test_rdm_class_init(ObjectClass *klass, const void *data)
{
    RAM_DISCARD_MANAGER_CLASS(klass)->is_populated = test_is_populated;
}

static const TypeInfo test_types[] = {
    {
        .name = "test-virtio-device",
        .parent = TYPE_VIRTIO_DEVICE,
        .instance_size = sizeof(VirtIODevice),
        .class_init = test_device_class_init,
    }, {
        .name = "test-virtio-bus",
        .parent = TYPE_VIRTIO_BUS,
        .instance_size = sizeof(VirtioBusState),
        .class_init = test_bus_class_init,
    }, {
        .name = "test-sparse",
        .parent = TYPE_OBJECT,
        .class_init = test_rdm_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RAM_DISCARD_MANAGER }, { } },
    },
};

void set_up(void)
{
    BusState *bus;
    Object *obj;
    int fd;

    type_register_static_array(test_types, ARRAY_SIZE(test_types));
    qemu_init_main_loop();
    vm_start();         /* a stopped machine handles no queue */
    ram2 = g_malloc0(RAM2_SIZE);
    memory_region_init(&test_root, NULL, "test-root", UINT64_MAX);
    fd = memfd_create("test-ram", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(fd, RAM_SIZE), ==, 0);
    memory_region_init_ram_from_fd(&test_mr, NULL, "test-ram", RAM_SIZE, RAM_SHARED, fd, 0,
                                   &error_abort);
    ram = memory_region_get_ram_ptr(&test_mr);
    memory_region_init_ram_ptr(&test_mr2, NULL, "test-ram2", RAM2_SIZE, ram2);
    memory_region_add_subregion(&test_root, 0, &test_mr);
    memory_region_add_subregion(&test_root, RAM2_BASE, &test_mr2);
    address_space_init(&test_as, &test_root, "test");

    bus = qbus_new("test-virtio-bus", NULL, "test-bus");
    obj = object_new("test-virtio-device");
    object_property_add_child(object_get_root(), "test-vdev", obj);
    vdev = VIRTIO_DEVICE(obj);
    virtio_add_feature(&vdev->host_features, VIRTIO_F_VERSION_1);
    object_property_set_bool(obj, "packed", true, &error_abort);
    qdev_realize(DEVICE(obj), bus, &error_abort);
    vq = virtio_get_queue(vdev, 0);
}

/* ---- the driver ------------------------------------------------------------------------------ */

void put16(hwaddr gpa, uint16_t val)
{
    val = GUINT16_TO_LE(val);
    memcpy(ram + gpa, &val, sizeof(val));
}

uint16_t get16(hwaddr gpa)
{
    uint16_t val;

    memcpy(&val, ram + gpa, sizeof(val));
    return GUINT16_FROM_LE(val);
}

void negotiate(uint64_t features)
{
    virtio_reset(vdev);
    virtio_set_status(vdev, 1);
    virtio_set_status(vdev, 3);
    virtio_set_features(vdev, features);
    virtio_set_status(vdev, 0xb);
}

void forget(void)
{
    memset(ram, 0, RAM_SIZE);
    nb_irqs = nb_config_irqs = nb_kicks = 0;
    vdev->log = (LogLimit) { };
}

static uint8_t dirty_before[RAM_SIZE + RAM2_SIZE];
static bool dirty_told[RAM_SIZE + RAM2_SIZE];

static void dirty_tell(MemoryRegion *mr, hwaddr offset, hwaddr len)
{
    hwaddr base = mr == &test_mr2 ? RAM2_BASE : 0;

    g_assert_true(mr == &test_mr || mr == &test_mr2);
    g_assert_cmphex(offset + len, <=, memory_region_size(mr));
    memset(&dirty_told[base + offset], true, len);
}

void dirty_watch(void)
{
    memcpy(dirty_before, ram, RAM_SIZE);
    memcpy(dirty_before + RAM2_BASE, ram2, RAM2_SIZE);
    memset(dirty_told, 0, sizeof(dirty_told));
    memory_set_dirty_hook(dirty_tell);
}

unsigned dirty_check(void)
{
    unsigned nb = 0;

    memory_set_dirty_hook(NULL);
    for (hwaddr i = 0; i < RAM_SIZE + RAM2_SIZE; i++) {
        uint8_t now = i < RAM2_BASE ? ram[i] : ram2[i - RAM2_BASE];

        if (now != dirty_before[i] && !dirty_told[i]) {
            g_error("RAM at 0x%" PRIx64 " was written, and nobody told", i);
        }
        nb += dirty_told[i];
    }
    return nb;
}

void fill_element(const VirtQueueElement *elem, size_t len)
{
    for (unsigned i = 0; i < elem->in_num; i++) {
        size_t part = MIN(len, elem->in_sg[i].iov_len);

        memset(elem->in_sg[i].iov_base, 0xa5, part);
        len -= part;
    }
}

void be_quiet(void)
{
    vdev->log.nb_passed = LOG_LIMIT_BURST;
    vdev->log.window_us = g_get_monotonic_time();
}
