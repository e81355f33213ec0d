/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a virtio device tells its driver: interrupts, that its configuration changed, and that it is
 * broken (VIRTIO 1.3, 2.3 and 2.1.2). Nothing is told before the driver runs, nor while the machine
 * is stopped.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-bus.h"
#include "hw/virtio/virtqueue-internal.h"
#include "qapi/error.h"

void virtio_notify_vector(VirtIODevice *vdev, uint16_t vector)
{
    BusState *bus = qdev_get_parent_bus(DEVICE(vdev));
    VirtioBusClass *k;

    if (!bus) {
        return;
    }
    k = VIRTIO_BUS_GET_CLASS(bus);
    if (k->notify) {
        k->notify(bus->parent, vector);
    }
}

bool virtio_running(const VirtIODevice *vdev)
{
    return vdev->started && !vdev->disabled && !vdev->vm_stopped;
}

void virtio_notify_config(VirtIODevice *vdev)
{
    vdev->generation++;
    if (!virtio_running(vdev)) {
        /* Due later: a driver that is still starting may have read the old values, and a machine
         * that is stopped changes nothing that a guest can see. */
        vdev->config_pending = vdev->status & VIRTIO_CONFIG_S_DRIVER;
        return;
    }
    vdev->config_pending = false;
    vdev->isr |= 3;  /* bit 0 as well: guests see that of QEMU, and it only makes them look */
    virtio_notify_vector(vdev, vdev->config_vector);
}

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    va_list ap;

    if (vdev->broken) {
        return;  /* it has been told, and nothing works before a reset */
    }
    va_start(ap, fmt);
    error_vreport_limited(&vdev->log, vdev->name ? vdev->name : "virtio", fmt, ap);
    va_end(ap);
    vdev->broken = true;
    vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    virtio_notify_config(vdev);
}
