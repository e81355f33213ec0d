/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first include of every .c file: the C library, glib, and the handful of macros that all
 * of the tree speaks (alignment, container_of, MIN/MAX, host page size).
 */
#ifndef QEMU_OSDEP_H
#define QEMU_OSDEP_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "qemu/typedefs.h"

#define G_GNUC_PRINTF_ATTR(fmt, args) G_GNUC_PRINTF(fmt, args)

#ifndef container_of
#define container_of(ptr, type, member) \
    ((type *)((char *)(ptr) - offsetof(type, member)))
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))
#endif

#define QEMU_BUILD_BUG_ON(x) _Static_assert(!(x), "not expecting: " #x)
#define QEMU_PACKED __attribute__((packed))
#define QEMU_ALIGNED(x) __attribute__((aligned(x)))

/* Round @n down/up to a multiple of @m; @m need not be a power of two. */
#define QEMU_ALIGN_DOWN(n, m) ((n) / (m) * (m))
#define QEMU_ALIGN_UP(n, m) QEMU_ALIGN_DOWN((n) + (m) - 1, (m))
#define QEMU_IS_ALIGNED(n, m) (((n) % (m)) == 0)
#define ROUND_UP(n, d) QEMU_ALIGN_UP(n, d)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

static inline bool is_power_of_2(uint64_t value)
{
    return value && !(value & (value - 1));
}

/* Smallest power of two that is at least @value (0 gives 0; above 2^63 gives 0). */
static inline uint64_t pow2ceil(uint64_t value)
{
    if (value <= 1) {
        return value;
    }
    return value > (UINT64_C(1) << 63) ? 0 : UINT64_C(1) << (64 - __builtin_clzll(value - 1));
}

/* The host's base page size in bytes. */
static inline size_t qemu_real_host_page_size(void)
{
    static size_t page_size;

    if (!page_size) {
        page_size = (size_t)sysconf(_SC_PAGESIZE);
    }
    return page_size;
}

/*
 * Allocates all pages of [@area, @area + @sz) of a mapping of @fd (-1: anonymous) with up to
 * @max_threads threads, without changing what they hold. @tc and @async are there for QEMU's
 * signature and are NULL and false here. False with @errp if pages are not to be had.
 */
typedef struct ThreadContext ThreadContext;
bool qemu_prealloc_mem(int fd, char *area, size_t sz, int max_threads, ThreadContext *tc,
                       bool async, Error **errp);

#endif /* QEMU_OSDEP_H */
