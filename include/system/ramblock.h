/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAMBlock: the host memory behind a RAM region: one mapping with a page size, backed by nothing
 * (private anonymous), by a file or memfd of its own, or by memory that somebody else owns.
 * Blocks are made through memory_region_init_ram*() and die with their region. Everything here
 * but creation may be called on any thread, without the big lock, while the region lives.
 */
#ifndef SYSTEM_RAMBLOCK_H
#define SYSTEM_RAMBLOCK_H

#include "qemu/typedefs.h"

/* Flags of memory_region_init_ram_*(). */
#define RAM_PREALLOC (1U << 0)       /* memory of the caller's; never unmapped here */
#define RAM_SHARED (1U << 1)         /* MAP_SHARED: other processes may see it */
#define RAM_NORESERVE (1U << 7)      /* no swap space or huge pages set aside */
#define RAM_READONLY (1U << 11)      /* the mapping cannot be written */
#define RAM_READONLY_FD (1U << 12)   /* the file was opened read-only */

struct RAMBlock {
    MemoryRegion *mr;
    uint8_t *host;
    uint64_t used_length;   /* bytes, a multiple of page_size */
    uint64_t mapped_length; /* what munmap() gets */
    size_t page_size;       /* of the backing: the host's, or a huge page's */
    uint64_t align;         /* of the host address */
    int fd;                 /* -1: none; closed with the block */
    uint64_t fd_offset;
    uint32_t flags;
    char idstr[256];        /* "" until set; unique among blocks */
    bool supply_warned;     /* that its file may run out has been told; see system/ram-supply.h */
    RAMBlock *next;         /* list of all blocks, newest first */
};

/*
 * Makes a block of @size bytes (rounded up to its page size) for @mr, or returns NULL with @errp.
 * The fd variant takes ownership of @fd on success only and maps @fd_offset onwards; @align is
 * the least alignment of the host address (0: the default, a transparent huge page's size).
 */
RAMBlock *qemu_ram_alloc(MemoryRegion *mr, uint64_t size, uint32_t flags, Error **errp);
RAMBlock *qemu_ram_alloc_from_fd(MemoryRegion *mr, uint64_t size, uint64_t align, uint32_t flags,
                                 int fd, uint64_t fd_offset, Error **errp);
RAMBlock *qemu_ram_alloc_from_file(MemoryRegion *mr, uint64_t size, uint64_t align,
                                   uint32_t flags, const char *path, uint64_t fd_offset,
                                   Error **errp);
RAMBlock *qemu_ram_alloc_from_ptr(MemoryRegion *mr, uint64_t size, void *host, Error **errp);
void qemu_ram_free(RAMBlock *rb);

void *qemu_ram_get_host_addr(const RAMBlock *rb);
uint64_t qemu_ram_get_used_length(const RAMBlock *rb);
size_t qemu_ram_pagesize(const RAMBlock *rb);
bool qemu_ram_is_shared(const RAMBlock *rb);
bool qemu_ram_is_noreserve(const RAMBlock *rb);
int qemu_ram_get_fd(const RAMBlock *rb);
const char *qemu_ram_get_idstr(const RAMBlock *rb);
/* Names the block for migration and for people. Returns -EEXIST if another block has the name. */
int qemu_ram_set_idstr(RAMBlock *rb, const char *idstr);
void qemu_ram_unset_idstr(RAMBlock *rb);
/* Calls @fn for each block, under the list's lock, until it returns non-zero; returns that. */
int qemu_ram_foreach_block(int (*fn)(RAMBlock *rb, void *opaque), void *opaque);
/* The block that holds host address @ptr and the offset in it, or NULL. */
RAMBlock *qemu_ram_block_from_host(void *ptr, ram_addr_t *offset);

/*
 * Gives the pages of [@start, @start + @length) back to the host, whatever they are made of; the
 * next access finds zeroes (for a private mapping of a file that keeps its data: the file's).
 * @start and @length are multiples of the block's page size. Returns 0, or a negative errno:
 * -EINVAL for a range that is not inside or not aligned, -EROFS for read-only backing, otherwise
 * what fallocate(2) or madvise(2) said. On failure part of the range may be gone already.
 * May take long for large ranges. No lock needed; the caller sees that nobody uses the range.
 */
int ram_block_discard_range(RAMBlock *rb, uint64_t start, size_t length);
/*
 * For the end of a block that is a shared mapping of a file: frees all of the file's blocks that were
 * mapped, and nothing that this process writes to the block afterwards gets into the file. Returns 0 or a
 * negative errno (-ENOTSUP for another kind of block, -EROFS, or what mmap(2) or fallocate(2) said).
 */
int ram_block_discard_for_good(RAMBlock *rb);

/*
 * Finds the next page of [@start, @end) that the host holds, in memory or in swap: *@found is its
 * offset, or @end if there is none. The shared zero page is not one, and neither is a page that
 * ksmd has merged where the kernel is older than 6.7. Offsets are multiples of the page size,
 * within the block. Returns 0, or the negative errno of the kernel, that does not tell. A page that
 * is written or freed meanwhile may be seen or not.
 */
#define RAM_BLOCK_HAS_FIND_HELD 1
int ram_block_find_held(const RAMBlock *rb, uint64_t start, uint64_t end, uint64_t *found);

/*
 * Whether the host is known to hold so little of [@start, @start + @length) that discarding it
 * takes a few milliseconds at most. False where it holds more, or where the kernel (before 6.7)
 * does not tell without reading as long itself. Same conditions as ram_block_find_held().
 */
#define RAM_BLOCK_HAS_DISCARD_IS_QUICK 1
bool ram_block_discard_is_quick(const RAMBlock *rb, uint64_t start, uint64_t length);

/*
 * Who may discard. "Uncoordinated" discarding (a balloon's) may take any page at any time;
 * "coordinated" discarding goes through a RamDiscardManager that tells its listeners. Somebody
 * who pins pages disables one or both. Each call with true counts up and with false down;
 * @true fails with -EBUSY while the opposite is in force. Any thread.
 */
int ram_block_discard_disable(bool state);
int ram_block_uncoordinated_discard_disable(bool state);
int ram_block_discard_require(bool state);
int ram_block_coordinated_discard_require(bool state);
bool ram_block_discard_is_disabled(void);
bool ram_block_discard_is_required(void);

/* The page size behind @fd (a hugetlbfs file's huge page), in bytes; the host's for -1. */
size_t qemu_fd_getpagesize(int fd);
/* A memfd of @size bytes: @hugetlbsize 0 with @hugetlb is the default huge page. -1 with @errp. */
int qemu_memfd_create(const char *name, uint64_t size, bool hugetlb, uint64_t hugetlbsize,
                      unsigned int seals, Error **errp);
bool qemu_memfd_check(unsigned int flags);

#endif /* SYSTEM_RAMBLOCK_H */
