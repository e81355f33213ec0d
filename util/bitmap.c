/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bitmaps and the search for bits in them, a word at a time. */
#include "qemu/osdep.h"
#include "qemu/bitmap.h"

unsigned long *bitmap_try_new(long nbits)
{
    return g_try_new0(unsigned long, BITS_TO_LONGS(nbits));
}

unsigned long *bitmap_new(long nbits)
{
    return g_new0(unsigned long, BITS_TO_LONGS(nbits));
}

unsigned long *bitmap_zero_extend(unsigned long *old, long old_nbits, long new_nbits)
{
    unsigned long *map = g_renew(unsigned long, old, BITS_TO_LONGS(new_nbits));

    if (new_nbits > old_nbits) {
        size_t words = BITS_TO_LONGS(old_nbits);

        memset(map + words, 0, (BITS_TO_LONGS(new_nbits) - words) * sizeof(*map));
        if (old_nbits % BITS_PER_LONG) {
            map[words - 1] &= (1UL << old_nbits % BITS_PER_LONG) - 1;
        }
    }
    return map;
}

void bitmap_zero(unsigned long *dst, long nbits)
{
    memset(dst, 0, BITS_TO_LONGS(nbits) * sizeof(*dst));
}

void bitmap_fill(unsigned long *dst, long nbits)
{
    bitmap_set(dst, 0, nbits);
}

void bitmap_copy(unsigned long *dst, const unsigned long *src, long nbits)
{
    memcpy(dst, src, BITS_TO_LONGS(nbits) * sizeof(*dst));
}

/* The bits of word @word that lie in [@start, @end). */
static unsigned long bitmap_word_mask(unsigned long word, unsigned long start, unsigned long end)
{
    unsigned long first = word * BITS_PER_LONG, mask = ~0UL;

    if (start > first) {
        mask &= ~0UL << (start - first);
    }
    if (end < first + BITS_PER_LONG) {
        mask &= ~0UL >> (first + BITS_PER_LONG - end);
    }
    return mask;
}

void bitmap_set(unsigned long *map, long start, long nbits)
{
    unsigned long end = start + nbits, first = BIT_WORD(start), last;

    if (!nbits) {
        return;
    }
    last = BIT_WORD(end - 1);
    map[first] |= bitmap_word_mask(first, start, end);
    if (last > first) {
        memset(&map[first + 1], 0xff, (last - first - 1) * sizeof(*map));
        map[last] |= bitmap_word_mask(last, start, end);
    }
}

void bitmap_clear(unsigned long *map, long start, long nbits)
{
    unsigned long end = start + nbits;

    /* Words that are clear are not written: an untouched page of a large map stays untouched. */
    for (unsigned long w = BIT_WORD(start); nbits && w <= BIT_WORD(end - 1); w++) {
        if (map[w]) {
            map[w] &= ~bitmap_word_mask(w, start, end);
        }
    }
}

bool bitmap_empty(const unsigned long *map, long nbits)
{
    return find_next_bit(map, nbits, 0) >= (unsigned long)nbits;
}

bool bitmap_full(const unsigned long *map, long nbits)
{
    return find_next_zero_bit(map, nbits, 0) >= (unsigned long)nbits;
}

bool bitmap_equal(const unsigned long *a, const unsigned long *b, long nbits)
{
    for (unsigned long w = 0; w < BITS_TO_LONGS(nbits); w++) {
        if ((a[w] ^ b[w]) & bitmap_word_mask(w, 0, nbits)) {
            return false;
        }
    }
    return true;
}

long bitmap_count_one(const unsigned long *map, long nbits)
{
    long count = 0;

    for (unsigned long w = 0; w < BITS_TO_LONGS(nbits); w++) {
        count += __builtin_popcountl(map[w] & bitmap_word_mask(w, 0, nbits));
    }
    return count;
}

/*
 * @invert all ones: look for a zero. Large maps are mostly alike, so that what is in between is
 * passed over as fast as it is read.
 */
static inline unsigned long bitmap_find(const unsigned long *addr, unsigned long size,
                                        unsigned long offset, unsigned long invert)
{
    unsigned long w = BIT_WORD(offset), last, word;

    if (offset >= size) {
        return size;
    }
    last = BIT_WORD(size - 1);
    word = (addr[w] ^ invert) & bitmap_word_mask(w, offset, size);
    if (!word) {
        do {
            w++;
        } while (w < last && addr[w] == invert);
        if (w > last) {
            return size;
        }
        word = (addr[w] ^ invert) & bitmap_word_mask(w, 0, size);
    }
    return word ? w * BITS_PER_LONG + __builtin_ctzl(word) : size;
}

unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
    return bitmap_find(addr, size, offset, 0);
}

unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
                                 unsigned long offset)
{
    return bitmap_find(addr, size, offset, ~0UL);
}

unsigned long find_last_bit(const unsigned long *addr, unsigned long size)
{
    for (unsigned long w = BITS_TO_LONGS(size); w > 0; w--) {
        unsigned long word = addr[w - 1] & bitmap_word_mask(w - 1, 0, size);

        if (word) {
            return w * BITS_PER_LONG - 1 - __builtin_clzl(word);
        }
    }
    return size;
}
