/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a RAM block the host holds, for each kind of memory, with the kernel's
 * PAGEMAP_SCAN and, as on a kernel that does not have it, without.
 */
#include "qemu/osdep.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "qemu/units.h"
#include "qapi/error.h"
#include "standard-headers/linux/fs.h"
#include "system/memory.h"
#include "system/ramblock.h"

#define SIZE (64 * MiB)

/* From here on this process has a kernel without PAGEMAP_SCAN. */
static void forbid_scan(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)PAGEMAP_SCAN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

    g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), ==, 0);
}

static uint64_t next_held(const RAMBlock *rb, uint64_t start)
{
    uint64_t found = 1;

    g_assert_cmpint(ram_block_find_held(rb, start, SIZE, &found), ==, 0);
    return found;
}

/* Written pages are found one after the other, unwritten and discarded ones are not. */
static void check_block(RAMBlock *rb)
{
    uint64_t page = MAX(rb->page_size, 64 * KiB);

    /* so that a page is a page: no transparent huge ones */
    madvise(rb->host, SIZE, MADV_NOHUGEPAGE);
    g_assert_cmphex(next_held(rb, 0), ==, SIZE);
    rb->host[5 * MiB + 1] = 1;
    rb->host[40 * MiB] = 1;
    rb->host[SIZE - 1] = 1;
    g_assert_cmphex(next_held(rb, 0), ==, QEMU_ALIGN_DOWN(5 * MiB, rb->page_size));
    g_assert_cmphex(next_held(rb, 5 * MiB + page), ==, 40 * MiB);
    g_assert_cmphex(next_held(rb, 40 * MiB), ==, 40 * MiB);
    g_assert_cmphex(next_held(rb, 40 * MiB + page), ==, SIZE - rb->page_size);
    g_assert_cmphex(next_held(rb, SIZE), ==, SIZE);
    g_assert_cmpint(ram_block_discard_range(rb, 32 * MiB, 32 * MiB), ==, 0);
    g_assert_cmphex(next_held(rb, 5 * MiB + page), ==, SIZE);
}

/* Reading maps the shared zero page, and costs nothing, where memory has one. */
static void check_zero_page(RAMBlock *rb, bool has_zero_page)
{
    uint64_t at = 20 * MiB;

    g_assert_cmpint(ram_block_discard_range(rb, 0, SIZE), ==, 0);
    g_assert_cmpint(*(volatile uint8_t *)(rb->host + at), ==, 0);
    g_assert_cmphex(next_held(rb, 0), ==, has_zero_page ? SIZE : at);
}

static void check_kind(uint32_t flags, bool file)
{
    MemoryRegion mr;
    int fd = file ? qemu_memfd_create("held", SIZE + 8 * MiB, false, 0, 0, &error_abort) : -1;

    if (file) {
        /* What is before the block in its file is not in the block. */
        g_assert_cmpint(pwrite(fd, "x", 1, 0), ==, 1);
        memory_region_init_ram_from_fd(&mr, NULL, "held", SIZE, flags, fd, 8 * MiB, &error_abort);
    } else {
        memory_region_init_ram_flags_nomigrate(&mr, NULL, "held", SIZE, flags, &error_abort);
    }
    check_block(mr.ram_block);
    check_zero_page(mr.ram_block, !file && !(flags & RAM_SHARED));
    object_unref(&mr);
}

static void test_private(void)
{
    check_kind(0, false);
}

static void test_shared(void)
{
    check_kind(RAM_SHARED, false);
}

static void test_file_shared(void)
{
    check_kind(RAM_SHARED, true);
}

static void test_file_private(void)
{
    check_kind(0, true);
}

/* The zero page may be a huge one. */
static void test_huge_zero_page(void)
{
    MemoryRegion mr;

    memory_region_init_ram_flags_nomigrate(&mr, NULL, "held", SIZE, 0, &error_abort);
    check_zero_page(mr.ram_block, true);
    mr.ram_block->host[20 * MiB] = 1;
    g_assert_cmphex(next_held(mr.ram_block, 0), ==, 20 * MiB);
    object_unref(&mr);
}

static void test_hugetlb(void)
{
    Error *err = NULL;
    MemoryRegion mr;
    int fd = qemu_memfd_create("held", SIZE, true, 2 * MiB, 0, &err);

    if (fd >= 0) {
        memory_region_init_ram_from_fd(&mr, NULL, "held", SIZE, RAM_SHARED, fd, 0, &err);
    }
    if (err) {
        g_test_skip(error_get_pretty(err));     /* no huge pages set aside */
        error_free(err);
        return;
    }
    check_block(mr.ram_block);
    object_unref(&mr);
}

/* All of that once more in a process without PAGEMAP_SCAN. */
static void test_without_scan(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    forbid_scan();
    test_private();
    test_shared();
    test_file_shared();
    test_file_private();
    test_huge_zero_page();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram-held/private", test_private);
    g_test_add_func("/ram-held/shared", test_shared);
    g_test_add_func("/ram-held/file-shared", test_file_shared);
    g_test_add_func("/ram-held/file-private", test_file_private);
    g_test_add_func("/ram-held/huge-zero-page", test_huge_zero_page);
    g_test_add_func("/ram-held/hugetlb", test_hugetlb);
    g_test_add_func("/ram-held/without-scan", test_without_scan);
    return g_test_run();
}
