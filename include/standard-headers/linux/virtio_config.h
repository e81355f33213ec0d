/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device status and transport feature bits: the system's header, and what Debian 12's (Linux 6.1)
 * does not have. Source: VIRTIO 1.2 sections 2.1 and 6, VIRTIO 1.3 for bit 41.
 */
#ifndef STANDARD_HEADERS_LINUX_VIRTIO_CONFIG_H
#define STANDARD_HEADERS_LINUX_VIRTIO_CONFIG_H

#include <linux/virtio_config.h>

/* 6: a queue may be reset alone (bit 40). */
#ifndef VIRTIO_F_RING_RESET
#define VIRTIO_F_RING_RESET 40
#endif
/* 6: the driver passes extra data in its notifications (bit 38). */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA 38
#endif
/* 6: the driver notifies with queue_notify_data instead of the queue's number (bit 39). */
#ifndef VIRTIO_F_NOTIF_CONFIG_DATA
#define VIRTIO_F_NOTIF_CONFIG_DATA 39
#endif

#endif /* STANDARD_HEADERS_LINUX_VIRTIO_CONFIG_H */
