/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link between a virtio device and its transport: an abstract bus with room for one device.
 * A transport (virtio-pci) derives its bus from it and fills in the class; virtio.c calls it.
 */
#ifndef HW_VIRTIO_VIRTIO_BUS_H
#define HW_VIRTIO_VIRTIO_BUS_H

#include "hw/core/qdev.h"
#include "hw/virtio/virtio.h"

#define TYPE_VIRTIO_BUS "virtio-bus"
typedef struct VirtioBusState VirtioBusState;
typedef struct VirtioBusClass VirtioBusClass;
DECLARE_OBJ_CHECKERS(VirtioBusState, VirtioBusClass, VIRTIO_BUS, TYPE_VIRTIO_BUS)

struct VirtioBusClass {
    BusClass parent;

    /* An interrupt of @vector; INTx follows vdev->isr, which may have become 0. */
    void (*notify)(DeviceState *d, uint16_t vector);
    /* May the device be plugged here at all? Before get_features. May be NULL. */
    void (*pre_plugged)(DeviceState *d, Error **errp);
    /* The device is complete: its features are known. May be NULL. */
    void (*device_plugged)(DeviceState *d, Error **errp);
    void (*device_unplugged)(DeviceState *d);
    /* Where the device does DMA; NULL: address_space_memory. */
    AddressSpace *(*get_dma_as)(DeviceState *d);
};

struct VirtioBusState {
    BusState parent_obj;
    VirtIODevice *vdev;            /* the device that is plugged, or NULL */
};

/* Called by the device's realize and unrealize. */
void virtio_bus_device_plugged(VirtIODevice *vdev, Error **errp);
void virtio_bus_device_unplugged(VirtIODevice *vdev);
/* The device on @bus, or NULL. */
VirtIODevice *virtio_bus_get_device(VirtioBusState *bus);
/* Its device ID; 0 if there is none. */
uint16_t virtio_bus_get_vdev_id(VirtioBusState *bus);

#endif /* HW_VIRTIO_VIRTIO_BUS_H */
