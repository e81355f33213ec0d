/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a RAM block the host holds: in memory or in swap.
 *
 * The kernel is asked for the next such page after an offset, so that what holds none costs next to
 * nothing, however large. Pages of a shared file live in the file, mapped here or not: lseek(2)
 * SEEK_DATA. Pages of this process alone, and huge pages, are in its page tables:
 * /proc/self/pagemap, by PAGEMAP_SCAN since Linux 6.7, before that by reading one entry a page. A
 * private mapping of a file has both. None of it needs a privilege.
 */
#include "qemu/osdep.h"

#include <sys/ioctl.h>

#include "qemu/thread.h"
#include "standard-headers/linux/fs.h"
#include "system/ramblock.h"

/* An entry of /proc/PID/pagemap, one for each page. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_EXCLUSIVE (1ull << 56)
/* Entries that are read at once: 32 KiB, for 16 MiB of memory. */
#define PAGEMAP_ENTRIES 4096

/* The process's pagemap, opened once for good; -1 with errno. Any thread. */
static int pagemap_fd(void)
{
    static int fd = -1;
    static QemuMutex lock = QEMU_MUTEX_INITIALIZER;

    qemu_mutex_lock(&lock);
    if (fd < 0) {
        fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    qemu_mutex_unlock(&lock);
    return fd;
}

/* 0 with *@found, the first address in [start, end) with a page, or @end; or a negative errno. */
static int find_by_scan(int fd, uint64_t start, uint64_t end, uint64_t *found)
{
    struct page_region region;
    struct pm_scan_arg arg = {
        .size = sizeof(arg),
        .start = start,
        .end = end,
        .vec = (uintptr_t)&region,
        .vec_len = 1,
        .max_pages = 1,
        /* any page there is, but not the shared zero page, which costs nothing */
        .category_inverted = PAGE_IS_PFNZERO,
        .category_mask = PAGE_IS_PFNZERO,
        .category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        .return_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
    };
    int ret;

    do {
        ret = ioctl(fd, PAGEMAP_SCAN, &arg);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        return -errno;
    }
    *found = ret ? region.start : end;
    return 0;
}

/*
 * The shared zero page is present too where memory is @anonymous, but unlike any other page there
 * not this process's alone.
 */
static bool entry_is_held(uint64_t entry, bool anonymous)
{
    uint64_t present = PAGEMAP_PRESENT | (anonymous ? PAGEMAP_EXCLUSIVE : 0);

    return (entry & PAGEMAP_SWAPPED) || (entry & present) == present;
}

static int find_by_reading(int fd, bool anonymous, uint64_t start, uint64_t end, uint64_t *found)
{
    uint64_t entries[PAGEMAP_ENTRIES];
    uint64_t page = qemu_real_host_page_size();

    for (uint64_t addr = start; addr < end; addr += PAGEMAP_ENTRIES * page) {
        size_t nb = MIN((end - addr) / page, PAGEMAP_ENTRIES);
        ssize_t got = pread(fd, entries, nb * sizeof(entries[0]), addr / page * sizeof(entries[0]));

        if (got != nb * sizeof(entries[0])) {
            return got < 0 ? -errno : -EIO;
        }
        for (size_t i = 0; i < nb; i++) {
            if (entry_is_held(entries[i], anonymous)) {
                *found = addr + i * page;
                return 0;
            }
        }
    }
    *found = end;
    return 0;
}

static int find_in_page_tables(const RAMBlock *rb, uint64_t start, uint64_t end, uint64_t *found)
{
    uint64_t base = (uintptr_t)rb->host;
    int fd = pagemap_fd();
    int ret;

    if (fd < 0) {
        return -errno;
    }
    ret = find_by_scan(fd, base + start, base + end, found);
    if (ret == -ENOTTY || ret == -EINVAL) {
        ret = find_by_reading(fd, rb->fd < 0, base + start, base + end, found);
    }
    *found = ret ? end : *found - base;
    return ret;
}

/* -ENOTSUP: not a file that knows its holes. */
static int find_in_file(const RAMBlock *rb, uint64_t start, uint64_t end, uint64_t *found)
{
    off_t at = lseek(rb->fd, rb->fd_offset + start, SEEK_DATA);

    if (at < 0 && errno != ENXIO) {
        return errno == EINVAL || errno == ESPIPE ? -ENOTSUP : -errno;
    }
    *found = at < 0 ? end : MIN((uint64_t)at - rb->fd_offset, end);
    return 0;
}

int ram_block_find_held(const RAMBlock *rb, uint64_t start, uint64_t end, uint64_t *found)
{
    int ret = -ENOTSUP;

    assert(start <= end && end <= rb->used_length);
    *found = end;
    if (start == end) {
        return 0;
    }
    /* hugetlbfs takes all of a file for data */
    if (rb->fd >= 0 && rb->page_size == qemu_real_host_page_size()) {
        ret = find_in_file(rb, start, end, found);
        if (ret && ret != -ENOTSUP) {
            return ret;
        }
    }
    if (ret == 0 && (rb->flags & RAM_SHARED)) {
        return 0;
    }
    /* nothing behind what the file has */
    return find_in_page_tables(rb, start, *found, found);
}

/* ---- how long a discard takes --------------------------------------------------------------- */

/* Base pages whose freeing takes some milliseconds, and as how many of them a huge page counts. */
#define QUICK_PAGES 16384
#define HUGE_PAGE_WEIGHT 64
#define SCAN_REGIONS 64

static uint64_t scan_region_cost(const struct page_region *region)
{
    uint64_t pages = (region->end - region->start) / qemu_real_host_page_size();

    /* 512 base pages make a huge page on x86, and more elsewhere */
    return region->categories & PAGE_IS_HUGE ? MAX(pages * HUGE_PAGE_WEIGHT / 512, 1) : pages;
}

/* Adds up what is found from arg->start on, which is moved on. False: the kernel does not tell. */
static bool scan_some(int fd, struct pm_scan_arg *arg, uint64_t *cost)
{
    struct page_region regions[SCAN_REGIONS];
    int nb;

    arg->vec = (uintptr_t)regions;
    arg->vec_len = SCAN_REGIONS;
    do {
        nb = ioctl(fd, PAGEMAP_SCAN, arg);
    } while (nb < 0 && errno == EINTR);
    for (int i = 0; i < nb; i++) {
        *cost += scan_region_cost(&regions[i]);
    }
    arg->start = arg->walk_end;
    return nb >= 0;
}

static bool page_tables_are_quick(const RAMBlock *rb, uint64_t start, uint64_t end)
{
    uint64_t base = (uintptr_t)rb->host, cost = 0;
    struct pm_scan_arg arg = {
        .size = sizeof(arg),
        .start = base + start,
        .end = base + end,
        .max_pages = QUICK_PAGES + 1,
        .category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        .return_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_HUGE,
    };
    int fd = pagemap_fd();

    while (arg.start < arg.end) {
        if (fd < 0 || !scan_some(fd, &arg, &cost) || cost > QUICK_PAGES) {
            return false;
        }
    }
    return true;
}

bool ram_block_discard_is_quick(const RAMBlock *rb, uint64_t start, uint64_t length)
{
    uint64_t end = start + length, found;

    assert(start <= rb->used_length && length <= rb->used_length - start);
    /* of a file, only whether there is anything: it does not tell how much */
    if (rb->fd >= 0 && (rb->page_size != qemu_real_host_page_size() ||
                        find_in_file(rb, start, end, &found) || found < end)) {
        return false;
    }
    return (rb->flags & RAM_SHARED) || page_tables_are_quick(rb, start, end);
}
