/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory the kernel really holds for a device, found by the size of its backend: that has
 * to be HELD_SIZE, which nothing else in the process has.
 */
#ifndef TESTS_QTEST_VIRTIO_MEM_HELD_H
#define TESTS_QTEST_VIRTIO_MEM_HELD_H

#include "virtio-mem-fixture.h"

#define HELD_SIZE (336 * MiB)

typedef struct HeldKind {
    const char *backend;
    bool is_private;            /* pages of the process count */
    bool is_shared;             /* blocks of the file behind the mapping count */
} HeldKind;

typedef struct Held {
    uint64_t process;           /* private pages, which no one else keeps */
    uint64_t huge;              /* the part of them in transparent huge pages */
    int64_t file;               /* -1 when it takes root to see it */
} Held;

Held held_by(Vm *vm);
/* That expected bytes more than at base are held now. */
void assert_held(const HeldKind *c, const Held *base, const Held *now, uint64_t expected,
                 const char *when);

/*
 * Makes huge pages of 2 MiB free, alone among tests until they are released; -1 when that cannot be
 * done here.
 */
int huge_reserve(int64_t pages, int64_t *before);
void huge_release(int lock, int64_t before);
int64_t huge_free_pages(void);

#endif
