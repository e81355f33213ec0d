/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM for the test's own rings and buffers: a first-fit allocator over
 * [start, end) of guest physical memory, whose book-keeping is in the test.
 */
#ifndef LIBQOS_MALLOC_H
#define LIBQOS_MALLOC_H

#include "../libqtest.h"

typedef enum {
    ALLOC_NO_FLAGS = 0,
    ALLOC_LEAK_WARN = 1,        /* alloc_destroy() prints what was not freed */
    ALLOC_LEAK_ASSERT = 2,      /* … and aborts */
} QAllocOpts;

typedef struct QGuestAllocator {
    QAllocOpts opts;
    uint64_t start;
    uint64_t end;
    uint32_t page_size;
    GList *used;                /* of ranges, by address */
} QGuestAllocator;

/* page_size is the alignment of every allocation. */
void alloc_init(QGuestAllocator *s, QAllocOpts flags, uint64_t start, uint64_t end,
                size_t page_size);
void alloc_destroy(QGuestAllocator *allocator);
/* A gpa; aborts when there is no room. A size of 0 gives 0, and guest_free() takes 0. */
uint64_t guest_alloc(QGuestAllocator *allocator, size_t size);
void guest_free(QGuestAllocator *allocator, uint64_t addr);

#endif
