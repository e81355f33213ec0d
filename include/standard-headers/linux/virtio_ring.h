/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layout of split virtqueues (VIRTIO 1.2 section 2.7): the system's header. */
#ifndef STANDARD_HEADERS_LINUX_VIRTIO_RING_H
#define STANDARD_HEADERS_LINUX_VIRTIO_RING_H

#include <linux/virtio_ring.h>

#endif /* STANDARD_HEADERS_LINUX_VIRTIO_RING_H */
