/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a discard is known to be quick: what the host holds decides, not the size. Where the
 * kernel does not tell (before Linux 6.7), nothing is known to be quick, and only that is tested.
 */
#include "qemu/osdep.h"

#include <sys/ioctl.h>

#include "qemu/units.h"
#include "qapi/error.h"
#include "standard-headers/linux/fs.h"
#include "system/memory.h"
#include "system/ramblock.h"

/* More than is ever quick to free if all of it is held in base pages. */
#define SIZE ((uint64_t)(80 * MiB))
#define LARGE ((uint64_t)(64 * GiB))

static bool kernel_tells(void)
{
    struct pm_scan_arg arg = { .size = sizeof(arg) };
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool tells = fd >= 0 && ioctl(fd, PAGEMAP_SCAN, &arg) == 0;

    close(fd);
    return tells;
}

static void assert_quick(const RAMBlock *rb, uint64_t start, uint64_t length, bool quick)
{
    g_assert_cmpint(ram_block_discard_is_quick(rb, start, length), ==, quick && kernel_tells());
}

static void write_pages(RAMBlock *rb, uint64_t start, uint64_t size)
{
    for (uint64_t at = start; at < start + size; at += 4 * KiB) {
        rb->host[at] = 1;
    }
}

/* Nothing held is quick however large; the last written page that is too many is not. */
static void test_private(void)
{
    MemoryRegion mr;
    RAMBlock *rb;

    memory_region_init_ram_flags_nomigrate(&mr, NULL, "m", LARGE, RAM_NORESERVE, &error_abort);
    rb = mr.ram_block;
    assert_quick(rb, 0, LARGE, true);
    assert_quick(rb, LARGE, 0, true);
    madvise(rb->host, LARGE, MADV_NOHUGEPAGE);
    write_pages(rb, 40 * MiB, 64 * MiB);
    assert_quick(rb, 0, LARGE, true);
    write_pages(rb, 40 * GiB, 4 * KiB);
    assert_quick(rb, 0, LARGE, false);
    assert_quick(rb, 0, 40 * GiB, true);
    assert_quick(rb, 40 * GiB, LARGE - 40 * GiB, true);
    object_unref(&mr);
}

/* Every other page: as many pages as regions, of which the kernel is asked for a few at a time. */
static void test_scattered(void)
{
    MemoryRegion mr;
    RAMBlock *rb;

    memory_region_init_ram_flags_nomigrate(&mr, NULL, "m", 2 * SIZE, 0, &error_abort);
    rb = mr.ram_block;
    madvise(rb->host, 2 * SIZE, MADV_NOHUGEPAGE);
    for (uint64_t at = 0; at < 2 * SIZE; at += 8 * KiB) {
        rb->host[at] = 1;
    }
    assert_quick(rb, 0, 2 * SIZE, false);
    assert_quick(rb, 0, SIZE, true);
    object_unref(&mr);
}

/* A huge page is freed sooner than its base pages would be. */
static void test_huge(void)
{
    g_autofree char *text = NULL;
    const char *line;
    MemoryRegion mr;

    memory_region_init_ram_flags_nomigrate(&mr, NULL, "m", 2 * SIZE, 0, &error_abort);
    write_pages(mr.ram_block, 0, 2 * SIZE);
    g_assert_true(g_file_get_contents("/proc/self/smaps_rollup", &text, NULL, NULL));
    line = strstr(text, "AnonHugePages:");
    if (!line || g_ascii_strtoull(line + strlen("AnonHugePages:"), NULL, 10) * KiB < 2 * SIZE) {
        g_test_skip("the kernel gave no transparent huge pages");
    } else {
        assert_quick(mr.ram_block, 0, 2 * SIZE, true);
    }
    object_unref(&mr);
}

/* A file has something in the range or not; what lies before the range is no matter. */
static void test_file(const void *opaque)
{
    uint32_t flags = GPOINTER_TO_UINT(opaque);
    int fd = qemu_memfd_create("m", LARGE + SIZE, false, 0, 0, &error_abort);
    MemoryRegion mr;
    RAMBlock *rb;

    g_assert_cmpint(pwrite(fd, "x", 1, 0), ==, 1);
    memory_region_init_ram_from_fd(&mr, NULL, "m", LARGE, flags, fd, SIZE, &error_abort);
    rb = mr.ram_block;
    /* of a shared file even an old kernel tells this much */
    g_assert_cmpint(ram_block_discard_is_quick(rb, 0, LARGE), ==,
                    (flags & RAM_SHARED) || kernel_tells());
    g_assert_cmpint(pwrite(fd, "x", 1, (off_t)(SIZE + 40 * GiB)), ==, 1);
    assert_quick(rb, 0, LARGE, false);
    g_assert_cmpint(ram_block_discard_is_quick(rb, 0, 40 * GiB), ==,
                    (flags & RAM_SHARED) || kernel_tells());
    object_unref(&mr);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram-quick/private", test_private);
    g_test_add_func("/ram-quick/scattered", test_scattered);
    g_test_add_func("/ram-quick/huge", test_huge);
    g_test_add_data_func("/ram-quick/file-shared", GUINT_TO_POINTER(RAM_SHARED), test_file);
    g_test_add_data_func("/ram-quick/file-private", GUINT_TO_POINTER(RAM_NORESERVE),
                         test_file);
    return g_test_run();
}
