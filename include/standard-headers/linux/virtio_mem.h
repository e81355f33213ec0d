/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem's wire format: the system's header, and what Debian 12's (Linux 6.1) does not have.
 * Source of each addition: VIRTIO 1.3, section 5.15 "Memory Device".
 */
#ifndef STANDARD_HEADERS_LINUX_VIRTIO_MEM_H
#define STANDARD_HEADERS_LINUX_VIRTIO_MEM_H

#include <linux/virtio_mem.h>

/* 5.15.3: plugged memory keeps its content over a suspend and resume of the guest (bit 2). */
#ifndef VIRTIO_MEM_F_PERSISTENT_SUSPEND
#define VIRTIO_MEM_F_PERSISTENT_SUSPEND 2
#endif

#endif /* STANDARD_HEADERS_LINUX_VIRTIO_MEM_H */
