/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitmaps: arrays of unsigned long made by bitmap_new() (zeroed, freed with g_free). Ranges are
 * (start, number of bits) and must lie within the bitmap. Nothing here is atomic.
 */
#ifndef QEMU_BITMAP_H
#define QEMU_BITMAP_H

#include "qemu/bitops.h"

#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

/* NULL when @nbits is not to be had / aborts when out of memory. */
unsigned long *bitmap_try_new(long nbits);
unsigned long *bitmap_new(long nbits);
/* @old resized; new bits are zero. */
unsigned long *bitmap_zero_extend(unsigned long *old, long old_nbits, long new_nbits);

void bitmap_zero(unsigned long *dst, long nbits);
void bitmap_fill(unsigned long *dst, long nbits);
void bitmap_copy(unsigned long *dst, const unsigned long *src, long nbits);
void bitmap_set(unsigned long *map, long start, long nbits);
void bitmap_clear(unsigned long *map, long start, long nbits);
bool bitmap_empty(const unsigned long *map, long nbits);
bool bitmap_full(const unsigned long *map, long nbits);
bool bitmap_equal(const unsigned long *a, const unsigned long *b, long nbits);
long bitmap_count_one(const unsigned long *map, long nbits);

#endif /* QEMU_BITMAP_H */
