/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport-independent half of a virtio device but for its queues (virtqueue.c) and what it
 * tells the driver (virtio-notify.c): status and feature negotiation, the configuration space,
 * realize and reset (VIRTIO 1.3, sections 2 and 3).
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-bus.h"
#include "hw/virtio/virtqueue-internal.h"
#include "qapi/error.h"
#include "system/runstate.h"

/* ---- negotiation (VIRTIO 1.2, 2.1, 2.2 and 3.1) --------------------------------------------- */

/* The device can run now: catch up with what was asked of it before. */
static void virtio_catch_up(VirtIODevice *vdev)
{
    if (!virtio_running(vdev)) {
        return;
    }
    for (unsigned i = 0; i < vdev->nb_queues; i++) {
        if (vdev->vq[i]->kicked) {
            virtqueue_handle(vdev->vq[i]);
        }
    }
    if (vdev->config_pending) {
        vdev->generation--;  /* it was counted when the change came */
        virtio_notify_config(vdev);
    }
}

int virtio_set_features(VirtIODevice *vdev, uint64_t val)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->status & VIRTIO_CONFIG_S_FEATURES_OK) {
        return -EINVAL;
    }
    vdev->driver_features = val;
    vdev->guest_features = val & vdev->host_features;
    if (k->set_features) {
        k->set_features(vdev, vdev->guest_features);
    }
    return val & ~vdev->host_features ? -EINVAL : 0;
}

/* 0: the driver's choice will do. */
static int virtio_validate_features(VirtIODevice *vdev)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->driver_features & ~vdev->host_features) {
        return -EINVAL;
    }
    if (!virtio_vdev_has_feature(vdev, VIRTIO_F_VERSION_1)) {
        return -EINVAL;  /* a legacy driver: there is no legacy interface here */
    }
    if (virtio_host_has_feature(vdev, VIRTIO_F_ACCESS_PLATFORM) &&
        !virtio_vdev_has_feature(vdev, VIRTIO_F_ACCESS_PLATFORM)) {
        return -EINVAL;  /* 6.1: the driver would not use the addresses of its platform */
    }
    return k->validate_features ? k->validate_features(vdev) : 0;
}

int virtio_set_status(VirtIODevice *vdev, uint8_t val)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    bool features_ok = vdev->status & VIRTIO_CONFIG_S_FEATURES_OK;

    if (!val) {
        virtio_reset(vdev);
        return 0;
    }
    if ((val & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok) {
        int ret = virtio_validate_features(vdev);

        if (ret) {
            return ret;
        }
        features_ok = true;
    }
    /* NEEDS_RESET is the device's; what is set stays; no start without agreed features. */
    val &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
    val |= vdev->status;
    if (!features_ok) {
        val &= ~VIRTIO_CONFIG_S_DRIVER_OK;
    }
    if (k->set_status) {
        k->set_status(vdev, val);
    }
    vdev->status = val;
    if ((val & VIRTIO_CONFIG_S_DRIVER_OK) && !vdev->started) {
        vdev->started = true;
        virtio_catch_up(vdev);
    }
    return 0;
}

void virtio_reset(void *opaque)
{
    VirtIODevice *vdev = opaque;
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (k->set_status && vdev->status) {
        k->set_status(vdev, 0);
    }
    if (k->reset) {
        k->reset(vdev);
    }
    vdev->status = 0;
    vdev->started = false;
    vdev->broken = false;
    vdev->disabled = false;
    vdev->config_pending = false;
    vdev->driver_features = 0;
    vdev->guest_features = 0;
    vdev->queue_sel = 0;
    vdev->isr = 0;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < vdev->nb_queues; i++) {
        virtqueue_reset(vdev->vq[i]);
    }
    virtio_notify_vector(vdev, VIRTIO_NO_VECTOR);  /* lowers INTx */
}

void virtio_set_disabled(VirtIODevice *vdev, bool disabled)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);

    if (vdev->disabled == disabled) {
        return;
    }
    vdev->disabled = disabled;
    if (disabled && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        uint8_t val = vdev->status & ~VIRTIO_CONFIG_S_DRIVER_OK;

        if (k->set_status) {
            k->set_status(vdev, val);
        }
        vdev->status = val;
    }
    virtio_catch_up(vdev);
}

/* ---- configuration space -------------------------------------------------------------------- */

static uint32_t virtio_config_read(VirtIODevice *vdev, uint32_t addr, unsigned size)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    uint32_t val = 0;

    if (vdev->config_len < size || addr > vdev->config_len - size) {
        return size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
    }
    if (k->get_config) {
        k->get_config(vdev, vdev->config);
    }
    memcpy(&val, vdev->config + addr, size);
    return GUINT32_FROM_LE(val);
}

static void virtio_config_write(VirtIODevice *vdev, uint32_t addr, uint32_t data, unsigned size)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    uint32_t val = GUINT32_TO_LE(data);

    if (!k->set_config || vdev->config_len < size || addr > vdev->config_len - size) {
        return;
    }
    if (k->get_config) {
        k->get_config(vdev, vdev->config);
    }
    memcpy(vdev->config + addr, &val, size);
    k->set_config(vdev, vdev->config);
}

uint32_t virtio_config_modern_readb(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 1);
}

uint32_t virtio_config_modern_readw(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 2);
}

uint32_t virtio_config_modern_readl(VirtIODevice *vdev, uint32_t addr)
{
    return virtio_config_read(vdev, addr, 4);
}

void virtio_config_modern_writeb(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 1);
}

void virtio_config_modern_writew(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 2);
}

void virtio_config_modern_writel(VirtIODevice *vdev, uint32_t addr, uint32_t data)
{
    virtio_config_write(vdev, addr, data, 4);
}

/* ---- life of a device ----------------------------------------------------------------------- */

const char *virtio_id_to_name(uint16_t device_id)
{
    switch (device_id) {
    case VIRTIO_ID_NET:
        return "virtio-net";
    case VIRTIO_ID_BLOCK:
        return "virtio-blk";
    case VIRTIO_ID_CONSOLE:
        return "virtio-serial";
    case VIRTIO_ID_RNG:
        return "virtio-rng";
    case VIRTIO_ID_MEM:
        return "virtio-mem";
    default:
        return "virtio-device";
    }
}

void virtio_init(VirtIODevice *vdev, uint16_t device_id, size_t config_size)
{
    vdev->name = virtio_id_to_name(device_id);
    vdev->device_id = device_id;
    vdev->config_len = config_size;
    vdev->config = config_size ? g_malloc0(config_size) : NULL;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    vdev->segs = g_new(VirtIOSegment, VIRTQUEUE_MAX_SIZE);
}

void virtio_cleanup(VirtIODevice *vdev)
{
    assert(!vdev->nb_queues);
    g_clear_pointer(&vdev->vq, g_free);
    g_clear_pointer(&vdev->config, g_free);
    g_clear_pointer(&vdev->segs, g_free);
    vdev->config_len = 0;
}

/*
 * While the machine is stopped no queue is looked at and no interrupt sent. Registered before a
 * device's own handler: on start the queues go first, on stop last.
 */
static void virtio_vm_state_changed(void *opaque, bool running, RunState state)
{
    VirtIODevice *vdev = opaque;

    vdev->vm_stopped = !running;
    virtio_catch_up(vdev);
}

static bool virtio_device_plug(VirtIODevice *vdev, Error **errp)
{
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
    Error *err = NULL;

    if (k->realize) {
        k->realize(DEVICE(vdev), &err);
        if (err) {
            error_propagate(errp, err);
            return false;
        }
    }
    virtio_bus_device_plugged(vdev, &err);
    if (err) {
        if (k->unrealize) {
            k->unrealize(DEVICE(vdev));
        }
        error_propagate(errp, err);
        return false;
    }
    return true;
}

static void virtio_device_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);

    vdev->vm_stopped = !runstate_is_running();
    vdev->vm_state_entry = qemu_add_vm_change_state_handler(virtio_vm_state_changed, vdev);
    if (!virtio_device_plug(vdev, errp)) {
        g_clear_pointer(&vdev->vm_state_entry, qemu_del_vm_change_state_handler);
        return;
    }
}

static void virtio_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(dev);

    virtio_bus_device_unplugged(vdev);
    if (k->unrealize) {
        k->unrealize(dev);
    }
    g_clear_pointer(&vdev->vm_state_entry, qemu_del_vm_change_state_handler);
}

static const Property virtio_properties[] = {
    DEFINE_VIRTIO_COMMON_FEATURES(VirtIODevice, host_features),
};

static void virtio_device_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = virtio_device_realize;
    dc->unrealize = virtio_device_unrealize;
    dc->bus_type = TYPE_VIRTIO_BUS;
    device_class_set_props(dc, virtio_properties);
}

static const TypeInfo virtio_device_info = {
    .name = TYPE_VIRTIO_DEVICE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(VirtIODevice),
    .class_init = virtio_device_class_init,
    .abstract = true,
    .class_size = sizeof(VirtioDeviceClass),
};

static void virtio_register_types(void)
{
    type_register_static(&virtio_device_info);
}

type_init(virtio_register_types)
