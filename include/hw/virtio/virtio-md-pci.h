/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Base of virtio PCI devices that are also memory devices: a machine's hotplug handler calls these
 * for them, so that the region is placed in guest memory and the function on the PCI bus together.
 */
#ifndef HW_VIRTIO_VIRTIO_MD_PCI_H
#define HW_VIRTIO_VIRTIO_MD_PCI_H

#include "hw/virtio/virtio-pci.h"

#define TYPE_VIRTIO_MD_PCI "virtio-md-pci"
OBJECT_DECLARE_TYPE(VirtIOMDPCI, VirtIOMDPCIClass, VIRTIO_MD_PCI)

struct VirtIOMDPCIClass {
    VirtioPCIClass parent;
    /* May a user have it unplugged now? @errp tells why not. NULL: the device is never unplugged. */
    void (*unplug_request_check)(VirtIOMDPCI *vmd, Error **errp);
};

struct VirtIOMDPCI {
    VirtIOPCIProxy parent_obj;
};

/* Before realize: checks the bus, and finds the region a place in @ms' device memory. */
void virtio_md_pci_pre_plug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp);
/* After realize: maps the region, then tells the bus' own hotplug handler. */
void virtio_md_pci_plug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp);
/* If the device agrees, its bus asks the guest for it. */
void virtio_md_pci_unplug_request(VirtIOMDPCI *vmd, MachineState *ms, Error **errp);
/* The guest has given it back (or a reset has): unmaps the region and unrealizes the device. */
void virtio_md_pci_unplug(VirtIOMDPCI *vmd, MachineState *ms, Error **errp);

#endif /* HW_VIRTIO_VIRTIO_MD_PCI_H */
