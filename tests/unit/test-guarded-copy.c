/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of memory that the host cannot give: a file that has become shorter than its mapping, which
 * is the same SIGBUS as that of a full file system.
 */
#include "qemu/osdep.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "qapi/error.h"
#include "qemu/guarded-copy.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "system/memory.h"
#include "system/ramblock.h"

#define PAGE 4096

/* Two pages of which the second cannot be had. */
static char *half_mapped(void)
{
    int fd = memfd_create("half", MFD_CLOEXEC);
    char *p;

    g_assert_cmpint(ftruncate(fd, 2 * PAGE), ==, 0);
    p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(p != MAP_FAILED);
    g_assert_cmpint(ftruncate(fd, PAGE), ==, 0);
    close(fd);
    return p;
}

static void test_copies(void)
{
    static const size_t sizes[] = { 1, 2, 4, 8, 100, PAGE };
    g_autofree char *buffer = g_malloc0(2 * PAGE);
    char *p = half_mapped();

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        memset(buffer, 0x5a, 2 * PAGE);
        g_assert_true(guarded_copy(p, buffer, sizes[i]));
        memset(buffer, 0, 2 * PAGE);
        g_assert_true(guarded_copy(buffer, p, sizes[i]));
        g_assert_cmphex((uint8_t)buffer[sizes[i] - 1], ==, 0x5a);
        g_assert_false(guarded_copy(p + PAGE, buffer, sizes[i]));
        g_assert_false(guarded_copy(buffer, p + PAGE, sizes[i]));
        g_assert_false(guarded_set(p + PAGE, 1, sizes[i]));
    }
    g_assert_false(guarded_copy(buffer, p + PAGE - 1, 2));
    g_assert_true(guarded_set(p, 7, PAGE));
    g_assert_cmphex(p[PAGE - 1], ==, 7);
    for (int write = 0; write < 2; write++) {
        g_assert_true(guarded_touch(p, PAGE, PAGE, write));
        g_assert_false(guarded_touch(p, 2 * PAGE, PAGE, write));
    }
    munmap(p, 2 * PAGE);
}

/* What was copied before counts. */
static void test_iov(void)
{
    g_autofree char *buffer = g_malloc0(2 * PAGE);
    char *p = half_mapped();
    struct iovec iov[] = { { p, 10 }, { p + PAGE, 10 }, { p + 20, 10 } };

    g_assert_cmpuint(iov_from_buf(iov, 3, 0, buffer, 30), ==, 10);
    g_assert_cmpuint(iov_to_buf(iov, 3, 0, buffer, 30), ==, 10);
    g_assert_cmpuint(iov_memset(iov, 3, 5, 0, 25), ==, 5);
    munmap(p, 2 * PAGE);
}

static void *copy_in_vain(void *opaque)
{
    char *p = half_mapped(), byte = 0;

    for (int i = 0; i < 1000; i++) {
        g_assert_false(guarded_copy(p + PAGE, &byte, 1));
    }
    munmap(p, 2 * PAGE);
    return NULL;
}

static void test_threads(void)
{
    QemuThread threads[4];

    for (int i = 0; i < 4; i++) {
        qemu_thread_create(&threads[i], "copy", copy_in_vain, NULL, QEMU_THREAD_JOINABLE);
    }
    for (int i = 0; i < 4; i++) {
        qemu_thread_join(&threads[i]);
    }
}

/* An access through an address space is an error of that access. */
static void test_address_space(void)
{
    MemTxAttrs attrs = MEMTXATTRS_UNSPECIFIED;
    int fd = memfd_create("ram", MFD_CLOEXEC);
    AddressSpace as = { };
    MemoryRegion root, ram;
    uint32_t word = 0;

    memory_region_init(&root, NULL, "root", UINT64_MAX);
    g_assert_cmpint(ftruncate(fd, 2 * PAGE), ==, 0);
    memory_region_init_ram_from_fd(&ram, NULL, "ram", 2 * PAGE, RAM_SHARED, fd, 0, &error_abort);
    memory_region_add_subregion(&root, 0, &ram);
    address_space_init(&as, &root, "test");
    g_assert_cmpint(ftruncate(memory_region_get_fd(&ram), PAGE), ==, 0);
    g_assert_cmpint(address_space_write(&as, 0, attrs, &word, 4), ==, MEMTX_OK);
    g_assert_cmpint(address_space_write(&as, PAGE, attrs, &word, 4), ==, MEMTX_ERROR);
    g_assert_cmpint(address_space_read(&as, PAGE, attrs, &word, 4), ==, MEMTX_ERROR);
    address_space_destroy(&as);
    memory_region_del_subregion(&root, &ram);
    object_unref(&ram);
    object_unref(&root);
}

/* Anybody else's SIGBUS is the end of the process, as ever: by the kernel, and by kill(2). */
static void test_not_ours(void)
{
    if (g_test_subprocess()) {
        struct rlimit no_core = { 0, 0 };
        char *p = half_mapped();

        setrlimit(RLIMIT_CORE, &no_core);
        g_assert_false(guarded_copy(p + PAGE, "x", 1));
        *(volatile char *)(p + PAGE) = 1;
        exit(0);
    }
    g_test_trap_subprocess(NULL, 10 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_failed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    guarded_copy_init();
    g_test_add_func("/guarded-copy/copies", test_copies);
    g_test_add_func("/guarded-copy/iov", test_iov);
    g_test_add_func("/guarded-copy/threads", test_threads);
    g_test_add_func("/guarded-copy/address-space", test_address_space);
    g_test_add_func("/guarded-copy/not-ours", test_not_ours);
    return g_test_run();
}
