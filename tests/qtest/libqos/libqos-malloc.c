/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First-fit allocation of guest RAM; the list of used ranges stays sorted by address. */
#include "qemu/osdep.h"
#include "libqos-malloc.h"

typedef struct UsedRange {
    uint64_t addr;
    uint64_t size;
} UsedRange;

void alloc_init(QGuestAllocator *s, QAllocOpts flags, uint64_t start, uint64_t end,
                size_t page_size)
{
    *s = (QGuestAllocator) { .opts = flags, .start = start, .end = end, .page_size = page_size };
}

uint64_t guest_alloc(QGuestAllocator *allocator, size_t size)
{
    uint64_t need = (size + allocator->page_size - 1) & ~(uint64_t)(allocator->page_size - 1);
    uint64_t addr = allocator->start;
    GList *next = allocator->used;
    UsedRange *range;

    if (!size) {
        return 0;
    }
    for (; next; next = next->next) {
        range = next->data;
        if (range->addr - addr >= need) {
            break;
        }
        addr = range->addr + range->size;
    }
    g_assert_cmphex(need, <=, allocator->end - addr);
    range = g_new(UsedRange, 1);
    *range = (UsedRange) { .addr = addr, .size = need };
    allocator->used = g_list_insert_before(allocator->used, next, range);
    return addr;
}

void guest_free(QGuestAllocator *allocator, uint64_t addr)
{
    if (!addr) {
        return;
    }
    for (GList *at = allocator->used; at; at = at->next) {
        UsedRange *range = at->data;

        if (range->addr == addr) {
            g_free(range);
            allocator->used = g_list_delete_link(allocator->used, at);
            return;
        }
    }
    g_error("guest_free(0x%" PRIx64 "): not allocated", addr);
}

void alloc_destroy(QGuestAllocator *allocator)
{
    for (GList *at = allocator->used; at; at = at->next) {
        UsedRange *range = at->data;

        if (allocator->opts) {
            fprintf(stderr, "guest memory leaked: 0x%" PRIx64 " bytes at 0x%" PRIx64 "\n",
                    range->size, range->addr);
        }
    }
    g_assert(!(allocator->opts & ALLOC_LEAK_ASSERT) || !allocator->used);
    g_list_free_full(allocator->used, g_free);
    allocator->used = NULL;
}
