/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Letters of our own, 5 by 9 dots, so that a picture needs no font of the system. */
#ifndef VIRTIO_MEM_MAP_FONT_H
#define VIRTIO_MEM_MAP_FONT_H

#include <stdint.h>

#define FONT_WIDTH 5
#define FONT_HEIGHT 9   /* capitals have 7; the last two are for tails, as of g */
/* From one letter to the next. */
#define FONT_ADVANCE 6

/* Rows from top to bottom, bit 4 is the leftmost dot. A box for what is not printable ASCII. */
const uint8_t *font_glyph(unsigned char c);

#endif /* VIRTIO_MEM_MAP_FONT_H */
