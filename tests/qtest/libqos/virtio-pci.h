/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modern virtio over PCI (VIRTIO 1.2, 4.1), driven from the test; a device
 * with a transitional or legacy ID is refused. Interrupts come as INTx, seen
 * in the ISR byte, or by MSI-X, whose messages go to words of guest RAM.
 */
#ifndef LIBQOS_VIRTIO_PCI_H
#define LIBQOS_VIRTIO_PCI_H

#include "virtio.h"
#include "pci.h"
#include "qgraph.h"

typedef struct QVirtioPCIDevice {
    QOSGraphObject obj;
    QVirtioDevice vdev;
    QPCIDevice *pdev;
    QPCIBar bar;                /* the one with the virtio structures, at these offsets: */
    int bar_idx;
    uint32_t common_cfg_offset;
    uint32_t notify_cfg_offset;
    uint32_t notify_off_multiplier;
    uint32_t isr_cfg_offset;
    uint32_t device_cfg_offset;
    uint16_t config_msix_entry; /* UINT16_MAX: none */
    uint64_t config_msix_addr;
    uint32_t config_msix_data;
} QVirtioPCIDevice;

typedef struct QVirtQueuePCI {
    QVirtQueue vq;
    uint16_t msix_entry;        /* UINT16_MAX: none */
    uint64_t msix_addr;
    uint32_t msix_data;
    uint64_t notify_offset;     /* in the BAR */
} QVirtQueuePCI;

/* NULL when there is no function; to be ended by qos_object_destroy(&dev->obj). */
QVirtioPCIDevice *virtio_pci_new(QPCIBus *bus, QPCIAddress *addr);
void virtio_pci_init(QVirtioPCIDevice *dev, QPCIBus *bus, QPCIAddress *addr);
void qvirtio_pci_destructor(QOSGraphObject *obj);
/* enable, then qvirtio_start_device() */
void qvirtio_pci_start_hw(QOSGraphObject *obj);

/* Assigns the BAR and enables the function; before any other access. */
void qvirtio_pci_device_enable(QVirtioPCIDevice *d);
void qvirtio_pci_device_disable(QVirtioPCIDevice *d);

/* After qpci_msix_enable(): which table entry reports configuration changes, a queue's buffers. */
void qvirtio_pci_set_msix_configuration_vector(QVirtioPCIDevice *d, QGuestAllocator *alloc,
                                               uint16_t entry);
void qvirtqueue_pci_msix_setup(QVirtioPCIDevice *d, QVirtQueuePCI *vqpci, QGuestAllocator *alloc,
                               uint16_t entry);

#endif
