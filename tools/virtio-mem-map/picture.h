/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block map of a device as a picture: what is plugged, unplugged and touched, at one glance. */
#ifndef VIRTIO_MEM_MAP_PICTURE_H
#define VIRTIO_MEM_MAP_PICTURE_H

#include "report.h"

/* Draws @report and writes it to @path as PNG. False with @error. */
bool picture_write(const Report *report, const char *path, GError **error);

#endif /* VIRTIO_MEM_MAP_PICTURE_H */
