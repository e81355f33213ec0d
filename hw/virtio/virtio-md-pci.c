/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hotplug of virtio memory devices on PCI: two things happen when one comes, memory appears in the
 * machine's device memory and a function appears on the bus. The machine's hotplug handler calls
 * the helpers here; the bus' own handler, if the bus has one, is asked in its turn.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/hotplug.h"
#include "hw/mem/memory-device.h"
#include "hw/virtio/virtio-md-pci.h"
#include "qapi/error.h"

void virtio_md_pci_pre_plug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp)
{
    DeviceState *dev = DEVICE(vmd);
    HotplugHandler *bus_handler = qdev_get_bus_hotplug_handler(dev);
    Error *err = NULL;

    if (!bus_handler && dev->hotplugged) {
        error_setg(errp, "hotplug of virtio based memory devices not supported on this bus.");
        return;
    }
    memory_device_pre_plug(MEMORY_DEVICE(vmd), ms, &err);
    if (!err && bus_handler) {
        hotplug_handler_pre_plug(bus_handler, dev, &err);
    }
    error_propagate(errp, err);
}

void virtio_md_pci_plug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp)
{
    DeviceState *dev = DEVICE(vmd);
    HotplugHandler *bus_handler = qdev_get_bus_hotplug_handler(dev);
    MemoryErrorScope scope;
    Error *err = NULL;

    /* The region first: the bus may tell the guest, which then looks for it. */
    memory_errors_begin(&scope);
    memory_device_plug(MEMORY_DEVICE(vmd), ms);
    if (memory_errors_end(&scope, &err) && bus_handler) {
        hotplug_handler_plug(bus_handler, dev, &err);
    }
    if (err) {
        memory_device_unplug(MEMORY_DEVICE(vmd), ms);
    }
    error_propagate(errp, err);
}

void virtio_md_pci_unplug_request(VirtIOMDPCI *vmd, MachineState *ms, Error **errp)
{
    VirtIOMDPCIClass *k = VIRTIO_MD_PCI_GET_CLASS(vmd);
    HotplugHandler *bus_handler = qdev_get_bus_hotplug_handler(DEVICE(vmd));
    Error *err = NULL;

    if (!k->unplug_request_check) {
        error_setg(errp, "virtio based memory devices cannot be unplugged.");
        return;
    }
    if (!bus_handler) {
        error_setg(errp, "hot-unplug of virtio based memory devices not supported on this bus.");
        return;
    }
    k->unplug_request_check(vmd, &err);
    if (!err) {
        hotplug_handler_unplug_request(bus_handler, DEVICE(vmd), &err);
    }
    error_propagate(errp, err);
}

/* The region leaves guest memory while the device still knows it. */
void virtio_md_pci_unplug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp)
{
    HotplugHandler *bus_handler = qdev_get_bus_hotplug_handler(DEVICE(vmd));

    memory_device_unplug(MEMORY_DEVICE(vmd), ms);
    hotplug_handler_unplug(bus_handler, DEVICE(vmd), errp);
}

static const TypeInfo virtio_md_pci_info = {
    .name = TYPE_VIRTIO_MD_PCI,
    .parent = TYPE_VIRTIO_PCI,
    .instance_size = sizeof(VirtIOMDPCI),
    .class_size = sizeof(VirtIOMDPCIClass),
    .abstract = true,
    .interfaces = (const InterfaceInfo[]) {
        { TYPE_MEMORY_DEVICE },
        { },
    },
};

static void virtio_md_pci_register_types(void)
{
    type_register_static(&virtio_md_pci_info);
}

type_init(virtio_md_pci_register_types)
