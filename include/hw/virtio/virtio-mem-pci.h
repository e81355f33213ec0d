/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-mem on PCI: what the machine and the user see of the device ("-device virtio-mem-pci"). */
#ifndef HW_VIRTIO_MEM_PCI_H
#define HW_VIRTIO_MEM_PCI_H

#include "hw/virtio/virtio-md-pci.h"
#include "hw/virtio/virtio-mem.h"

#define TYPE_VIRTIO_MEM_PCI "virtio-mem-pci-base"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOMEMPCI, VIRTIO_MEM_PCI)

struct VirtIOMEMPCI {
    VirtIOMDPCI parent_obj;
    VirtIOMEM vdev;
    Notifier size_change_notifier;
};

#endif /* HW_VIRTIO_MEM_PCI_H */
