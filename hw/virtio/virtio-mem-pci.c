/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem on PCI: the proxy that gives the device a place on the bus, in guest physical memory
 * (it is a memory device) and in the events of the monitor. It holds no state of its own.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-events-machine.h"
#include "hw/core/qdev-properties.h"
#include "hw/mem/memory-device.h"
#include "hw/virtio/virtio-mem-pci.h"
#include "system/memory.h"

/* One vector for configuration changes and one for the queue; 0: INTx only (machines up to 9.2). */
#define VIRTIO_MEM_PCI_VECTORS 2

static const Property virtio_mem_pci_properties[] = {
    DEFINE_PROP_UINT32("vectors", VirtIOPCIProxy, nvectors, DEV_NVECTORS_UNSPECIFIED),
};

static void virtio_mem_pci_realize(VirtIOPCIProxy *vpci_dev, Error **errp)
{
    VirtIOMEMPCI *dev = VIRTIO_MEM_PCI(vpci_dev);

    if (vpci_dev->nvectors == (uint32_t)DEV_NVECTORS_UNSPECIFIED) {
        vpci_dev->nvectors = VIRTIO_MEM_PCI_VECTORS;
    }
    virtio_pci_force_virtio_1(vpci_dev);
    qdev_realize(DEVICE(&dev->vdev), BUS(&vpci_dev->bus), errp);
}

/* Memory device. */

static uint64_t virtio_mem_pci_get_addr(const MemoryDeviceState *md)
{
    return object_property_get_uint(OBJECT(md), VIRTIO_MEM_ADDR_PROP, &error_abort);
}

static void virtio_mem_pci_set_addr(MemoryDeviceState *md, uint64_t addr, Error **errp)
{
    object_property_set_uint(OBJECT(md), VIRTIO_MEM_ADDR_PROP, addr, errp);
}

static uint64_t virtio_mem_pci_get_plugged_size(const MemoryDeviceState *md, Error **errp)
{
    return object_property_get_uint(OBJECT(md), VIRTIO_MEM_SIZE_PROP, errp);
}

static MemoryRegion *virtio_mem_pci_get_memory_region(MemoryDeviceState *md, Error **errp)
{
    VirtIOMEM *vmem = &VIRTIO_MEM_PCI(md)->vdev;

    return VIRTIO_MEM_GET_CLASS(vmem)->get_memory_region(vmem, errp);
}

static void virtio_mem_pci_decide_memslots(MemoryDeviceState *md, unsigned int limit)
{
    VirtIOMEM *vmem = &VIRTIO_MEM_PCI(md)->vdev;

    VIRTIO_MEM_GET_CLASS(vmem)->decide_memslots(vmem, limit);
}

static unsigned int virtio_mem_pci_get_memslots(MemoryDeviceState *md)
{
    VirtIOMEM *vmem = &VIRTIO_MEM_PCI(md)->vdev;

    return VIRTIO_MEM_GET_CLASS(vmem)->get_memslots(vmem);
}

static uint64_t virtio_mem_pci_get_min_alignment(const MemoryDeviceState *md)
{
    return object_property_get_uint(OBJECT(md), VIRTIO_MEM_BLOCK_SIZE_PROP, &error_abort);
}

static void virtio_mem_pci_fill_device_info(const MemoryDeviceState *md, MemoryDeviceInfo *info)
{
    VirtIOMEM *vmem = &VIRTIO_MEM_PCI(md)->vdev;
    VirtioMEMDeviceInfo *vi = g_new0(VirtioMEMDeviceInfo, 1);

    vi->id = g_strdup(DEVICE(md)->id);
    VIRTIO_MEM_GET_CLASS(vmem)->fill_device_info(vmem, vi);
    info->u.virtio_mem.data = vi;
    info->type = MEMORY_DEVICE_INFO_KIND_VIRTIO_MEM;
}

static void virtio_mem_pci_unplug_request_check(VirtIOMDPCI *vmd, Error **errp)
{
    VirtIOMEM *vmem = &VIRTIO_MEM_PCI(vmd)->vdev;

    VIRTIO_MEM_GET_CLASS(vmem)->unplug_request_check(vmem, errp);
}

static void virtio_mem_pci_size_change(Notifier *notifier, void *data)
{
    VirtIOMEMPCI *dev = container_of(notifier, VirtIOMEMPCI, size_change_notifier);
    const uint64_t *size = data;
    g_autofree char *path = object_get_canonical_path(OBJECT(dev));

    qapi_event_send_memory_device_size_change(DEVICE(dev)->id, *size, path);
}

static void virtio_mem_pci_instance_init(Object *obj)
{
    VirtIOMEMPCI *dev = VIRTIO_MEM_PCI(obj);

    virtio_instance_init_common(obj, &dev->vdev, sizeof(dev->vdev), TYPE_VIRTIO_MEM);
    object_property_add_alias(obj, VIRTIO_MEM_BLOCK_SIZE_PROP, OBJECT(&dev->vdev),
                              VIRTIO_MEM_BLOCK_SIZE_PROP);
    object_property_add_alias(obj, VIRTIO_MEM_SIZE_PROP, OBJECT(&dev->vdev),
                              VIRTIO_MEM_SIZE_PROP);
    object_property_add_alias(obj, VIRTIO_MEM_REQUESTED_SIZE_PROP, OBJECT(&dev->vdev),
                              VIRTIO_MEM_REQUESTED_SIZE_PROP);
    object_property_add_alias(obj, VIRTIO_MEM_REPORT_PROP, OBJECT(&dev->vdev),
                              VIRTIO_MEM_REPORT_PROP);

    dev->size_change_notifier.notify = virtio_mem_pci_size_change;
    VIRTIO_MEM_GET_CLASS(&dev->vdev)->add_size_change_notifier(&dev->vdev,
                                                               &dev->size_change_notifier);
}

static void virtio_mem_pci_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VirtioPCIClass *k = VIRTIO_PCI_CLASS(klass);
    PCIDeviceClass *pcidev_k = PCI_DEVICE_CLASS(klass);
    MemoryDeviceClass *mdc = MEMORY_DEVICE_CLASS(klass);
    VirtIOMDPCIClass *vmdc = VIRTIO_MD_PCI_CLASS(klass);

    k->realize = virtio_mem_pci_realize;
    device_class_set_props(dc, virtio_mem_pci_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    pcidev_k->class_id = PCI_CLASS_OTHERS;

    mdc->get_addr = virtio_mem_pci_get_addr;
    mdc->set_addr = virtio_mem_pci_set_addr;
    mdc->get_plugged_size = virtio_mem_pci_get_plugged_size;
    mdc->get_memory_region = virtio_mem_pci_get_memory_region;
    mdc->decide_memslots = virtio_mem_pci_decide_memslots;
    mdc->get_memslots = virtio_mem_pci_get_memslots;
    mdc->get_min_alignment = virtio_mem_pci_get_min_alignment;
    mdc->fill_device_info = virtio_mem_pci_fill_device_info;

    vmdc->unplug_request_check = virtio_mem_pci_unplug_request_check;
}

static const VirtioPCIDeviceTypeInfo virtio_mem_pci_info = {
    .base_name = TYPE_VIRTIO_MEM_PCI,
    .parent = TYPE_VIRTIO_MD_PCI,
    .generic_name = "virtio-mem-pci",
    .instance_size = sizeof(VirtIOMEMPCI),
    .instance_init = virtio_mem_pci_instance_init,
    .class_init = virtio_mem_pci_class_init,
};

static void virtio_mem_pci_register_types(void)
{
    virtio_pci_types_register(&virtio_mem_pci_info);
}

type_init(virtio_mem_pci_register_types)
