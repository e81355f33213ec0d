/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI transport's structures: the system's header, and the two last members of the common
 * configuration that Debian 12's (Linux 6.1) names without offsets. Source: VIRTIO 1.2 section
 * 4.1.4.3 "Common configuration structure layout".
 */
#ifndef STANDARD_HEADERS_LINUX_VIRTIO_PCI_H
#define STANDARD_HEADERS_LINUX_VIRTIO_PCI_H

#include <linux/virtio_pci.h>

#ifndef VIRTIO_PCI_COMMON_Q_NDATA
#define VIRTIO_PCI_COMMON_Q_NDATA 56
#endif
#ifndef VIRTIO_PCI_COMMON_Q_RESET
#define VIRTIO_PCI_COMMON_Q_RESET 58
#endif

#endif /* STANDARD_HEADERS_LINUX_VIRTIO_PCI_H */
