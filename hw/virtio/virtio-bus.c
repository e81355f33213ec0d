/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus between a virtio device and its transport. It has room for one device; plugging the
 * device fixes the features that will be offered, unplugging is the reverse.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio-bus.h"
#include "qapi/error.h"
#include "system/address-spaces.h"

void virtio_bus_device_plugged(VirtIODevice *vdev, Error **errp)
{
    BusState *qbus = qdev_get_parent_bus(DEVICE(vdev));
    VirtioBusState *bus = VIRTIO_BUS(qbus);
    VirtioBusClass *k = VIRTIO_BUS_GET_CLASS(bus);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_GET_CLASS(vdev);
    Error *err = NULL;

    bus->vdev = vdev;
    vdev->dma_as = k->get_dma_as ? k->get_dma_as(qbus->parent) : &address_space_memory;
    if (k->pre_plugged) {
        k->pre_plugged(qbus->parent, &err);
    }
    if (!err && vdc->get_features) {
        vdev->host_features = vdc->get_features(vdev, vdev->host_features, &err);
    }
    if (!err && k->device_plugged) {
        k->device_plugged(qbus->parent, &err);
    }
    if (err) {
        bus->vdev = NULL;
        error_propagate(errp, err);
    }
}

void virtio_bus_device_unplugged(VirtIODevice *vdev)
{
    BusState *qbus = qdev_get_parent_bus(DEVICE(vdev));
    VirtioBusState *bus = VIRTIO_BUS(qbus);
    VirtioBusClass *k = VIRTIO_BUS_GET_CLASS(bus);

    if (k->device_unplugged) {
        k->device_unplugged(qbus->parent);
    }
    bus->vdev = NULL;
}

VirtIODevice *virtio_bus_get_device(VirtioBusState *bus)
{
    return bus->vdev;
}

uint16_t virtio_bus_get_vdev_id(VirtioBusState *bus)
{
    return bus->vdev ? bus->vdev->device_id : 0;
}

static void virtio_bus_class_init(ObjectClass *klass, const void *data)
{
    BusClass *bc = BUS_CLASS(klass);

    bc->max_dev = 1;
}

static const TypeInfo virtio_bus_info = {
    .name = TYPE_VIRTIO_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(VirtioBusState),
    .abstract = true,
    .class_size = sizeof(VirtioBusClass),
    .class_init = virtio_bus_class_init,
};

static void virtio_bus_register_types(void)
{
    type_register_static(&virtio_bus_info);
}

type_init(virtio_bus_register_types)
