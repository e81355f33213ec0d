/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio device IDs (VIRTIO 1.2 section 5): the system's header. */
#ifndef STANDARD_HEADERS_LINUX_VIRTIO_IDS_H
#define STANDARD_HEADERS_LINUX_VIRTIO_IDS_H

#include <linux/virtio_ids.h>

/* 5.15.1: memory device. */
#ifndef VIRTIO_ID_MEM
#define VIRTIO_ID_MEM 24
#endif

#endif /* STANDARD_HEADERS_LINUX_VIRTIO_IDS_H */
