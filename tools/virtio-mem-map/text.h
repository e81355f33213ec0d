/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report for a terminal: what it is about first, then the figures, then the map. */
#ifndef VIRTIO_MEM_MAP_TEXT_H
#define VIRTIO_MEM_MAP_TEXT_H

#include <stdio.h>

#include "report.h"

void text_print(FILE *out, const Report *report);

#endif /* VIRTIO_MEM_MAP_TEXT_H */
