/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio over PCI, modern only (VIRTIO 1.2 section 4.1). A device's proxy type embeds the
 * VirtIODevice and derives from TYPE_VIRTIO_PCI; its class' realize() sets the vector count and
 * realizes the device on &proxy->bus with qdev_realize(). Names and layout that a guest sees are
 * QEMU's: BAR 4 holds the four structures, BAR 1 the MSI-X tables if there are vectors.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/pci_device.h"
#include "hw/virtio/virtio-bus.h"
#include "qapi/qapi-types-common.h"

#define TYPE_VIRTIO_PCI_BUS "virtio-pci-bus"
typedef struct VirtioBusState VirtioPCIBusState;
typedef struct VirtioBusClass VirtioPCIBusClass;
DECLARE_OBJ_CHECKERS(VirtioPCIBusState, VirtioPCIBusClass, VIRTIO_PCI_BUS, TYPE_VIRTIO_PCI_BUS)

#define TYPE_VIRTIO_PCI "virtio-pci"
OBJECT_DECLARE_TYPE(VirtIOPCIProxy, VirtioPCIClass, VIRTIO_PCI)

/* Layout of BAR 4, from its start. */
#define VIRTIO_PCI_MODERN_BAR 4
#define VIRTIO_PCI_MSIX_BAR 1
#define VIRTIO_PCI_REGION_SIZE 0x1000
#define VIRTIO_PCI_COMMON_OFFSET 0x0000
#define VIRTIO_PCI_ISR_OFFSET 0x1000
#define VIRTIO_PCI_DEVICE_OFFSET 0x2000
#define VIRTIO_PCI_NOTIFY_OFFSET 0x3000
#define VIRTIO_PCI_BAR_SIZE 0x4000
#define VIRTIO_PCI_NOTIFY_MULTIPLIER 4
/* "page-per-vq": a page for each of VIRTIO_QUEUE_MAX queues, so the BAR is larger. */
#define VIRTIO_PCI_NOTIFY_MULTIPLIER_PAGE 0x1000
#define VIRTIO_PCI_NOTIFY_SIZE_PAGE (VIRTIO_QUEUE_MAX * VIRTIO_PCI_NOTIFY_MULTIPLIER_PAGE)
#define VIRTIO_PCI_BAR_SIZE_PAGE (2 * VIRTIO_PCI_NOTIFY_SIZE_PAGE)

struct VirtioPCIClass {
    PCIDeviceClass parent_class;
    /* Realizes the embedded device on vpci_dev->bus; may choose vpci_dev->nvectors before. */
    void (*realize)(VirtIOPCIProxy *vpci_dev, Error **errp);
    DeviceRealize parent_dc_realize;
};

/* What the driver has written of a queue and not yet enabled. */
typedef struct VirtIOPCIQueue {
    uint16_t num;
    bool enabled;
    bool reset;
    uint32_t desc[2];
    uint32_t avail[2];
    uint32_t used[2];
} VirtIOPCIQueue;

#define VIRTIO_PCI_FLAG_PAGE_PER_VQ_BIT 0
#define VIRTIO_PCI_FLAG_PAGE_PER_VQ (1u << VIRTIO_PCI_FLAG_PAGE_PER_VQ_BIT)

struct VirtIOPCIProxy {
    PCIDevice pci_dev;

    MemoryRegion modern_bar;
    MemoryRegion common;
    MemoryRegion isr;
    MemoryRegion device;
    MemoryRegion notify;
    int config_cap;                /* offset of the PCI configuration access capability */

    uint32_t nvectors;             /* 0: no MSI-X; the realize() of the class sets it */
    OnOffAuto disable_legacy;      /* realized: ON; nothing else is possible */
    bool disable_modern;           /* realized: false */
    uint32_t flags;                /* VIRTIO_PCI_FLAG_* */

    uint32_t dfselect;
    uint32_t gfselect;
    uint32_t guest_features[2];
    VirtIOPCIQueue *vqs;           /* one for each queue of the device */
    unsigned nb_vqs;

    VirtioBusState bus;
};

/* For a device that has no legacy interface, in realize: the proxy offers the modern one alone. */
void virtio_pci_force_virtio_1(VirtIOPCIProxy *proxy);

/*
 * One description for the types of a device's proxy: @base_name is abstract and holds all of it,
 * @generic_name is what -device takes. All strings and @interfaces are kept.
 */
typedef struct VirtioPCIDeviceTypeInfo {
    const char *base_name;
    const char *generic_name;
    const char *parent;            /* NULL: TYPE_VIRTIO_PCI */
    size_t instance_size;
    size_t class_size;
    void (*instance_init)(Object *obj);
    void (*instance_finalize)(Object *obj);
    void (*class_init)(ObjectClass *klass, const void *data);
    const InterfaceInfo *interfaces;
} VirtioPCIDeviceTypeInfo;

void virtio_pci_types_register(const VirtioPCIDeviceTypeInfo *t);

/*
 * In a proxy's instance_init: makes the embedded device @data of @size bytes the child
 * "virtio-backend", and gives the proxy an alias of each of its properties.
 */
void virtio_instance_init_common(Object *proxy_obj, void *data, size_t size,
                                 const char *vdev_name);

#endif /* HW_VIRTIO_VIRTIO_PCI_H */
