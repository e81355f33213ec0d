/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM blocks and memory backends, proved by what the kernel says: pages of the mapping and its
 * VmFlags in /proc/self/smaps, allocated blocks of the file, free huge pages. Discarding must free
 * in each kind what writing has allocated.
 */
#include "qemu/osdep.h"

#include <numaif.h>

#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qom/object_interfaces.h"
#include "system/hostmem.h"
#include "system/ramblock.h"

#define SIZE (8 * MiB)

/* ---- what the kernel says ------------------------------------------------------------------- */

/* Calls for each line of smaps that belongs to a mapping inside [start, start + size). */
static char *smaps_of(const void *start, size_t size)
{
    g_autofree char *all = NULL;
    g_auto(GStrv) lines = NULL;
    GString *out = g_string_new(NULL);
    bool inside = false;

    g_assert_true(g_file_get_contents("/proc/self/smaps", &all, NULL, NULL));
    lines = g_strsplit(all, "\n", -1);
    for (char **line = lines; *line; line++) {
        uint64_t from, to;

        if (sscanf(*line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
            inside = from >= (uintptr_t)start && to <= (uintptr_t)start + size;
        }
        if (inside) {
            g_string_append_printf(out, "%s\n", *line);
        }
    }
    return g_string_free(out, false);
}

/* Sum of a field of all mappings there, in KiB. */
static uint64_t smaps_kib(const RAMBlock *rb, const char *field)
{
    g_autofree char *text = smaps_of(rb->host, rb->used_length);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    uint64_t sum = 0;

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, field) && (*line)[strlen(field)] == ':') {
            sum += g_ascii_strtoull(*line + strlen(field) + 1, NULL, 10);
        }
    }
    return sum;
}

static bool smaps_flag(const RAMBlock *rb, const char *flag)
{
    g_autofree char *text = smaps_of(rb->host, rb->used_length);
    g_autofree char *key = g_strdup_printf(" %s ", flag);
    char *flags = strstr(text, "VmFlags:");

    g_assert_nonnull(flags);
    return strstr(flags, key);
}

static uint64_t private_kib(const RAMBlock *rb)
{
    return smaps_kib(rb, "Private_Dirty") + smaps_kib(rb, "Private_Clean");
}

static uint64_t file_kib(int fd)
{
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    return st.st_blocks / 2;
}

static uint64_t free_huge_pages(void)
{
    g_autofree char *text = NULL;
    char *line;

    g_assert_true(g_file_get_contents("/proc/meminfo", &text, NULL, NULL));
    line = strstr(text, "HugePages_Free:");
    return line ? g_ascii_strtoull(line + strlen("HugePages_Free:"), NULL, 10) : 0;
}

/* ---- discarding ----------------------------------------------------------------------------- */

static void check_content(const RAMBlock *rb, uint64_t from, uint64_t to, int value)
{
    for (uint64_t i = from; i < to; i += 4096) {
        g_assert_cmpint(rb->host[i], ==, value);
    }
}

static void test_discard_private_anonymous(void)
{
    MemoryRegion mr;
    RAMBlock *rb;

    memory_region_init_ram(&mr, NULL, NULL, SIZE, &error_abort);
    rb = mr.ram_block;
    g_assert_cmpint((uintptr_t)rb->host % (2 * MiB), ==, 0);
    memset(rb->host, 0x77, SIZE);
    g_assert_cmpint(private_kib(rb), >=, SIZE / KiB);
    g_assert_cmpint(ram_block_discard_range(rb, 2 * MiB, 4 * MiB), ==, 0);
    g_assert_cmpint(private_kib(rb), <=, 4 * MiB / KiB);
    check_content(rb, 0, 2 * MiB, 0x77);
    check_content(rb, 6 * MiB, 8 * MiB, 0x77);
    check_content(rb, 2 * MiB, 6 * MiB, 0);
    g_assert_cmpint(ram_block_discard_range(rb, 0, SIZE), ==, 0);
    g_assert_cmpint(private_kib(rb) + smaps_kib(rb, "AnonHugePages"), ==, 0);
    /* Not aligned, beyond the end, wrapping around. */
    g_assert_cmpint(ram_block_discard_range(rb, 1, 4096), ==, -EINVAL);
    g_assert_cmpint(ram_block_discard_range(rb, 0, 100), ==, -EINVAL);
    g_assert_cmpint(ram_block_discard_range(rb, SIZE, 4096), ==, -EINVAL);
    g_assert_cmpint(ram_block_discard_range(rb, 4096, UINT64_MAX & ~4095UL), ==, -EINVAL);
    object_unref(&mr);
}

static void check_discard_of_file(MemoryRegion *mr, bool shared)
{
    RAMBlock *rb = mr->ram_block;
    uint64_t file_before;

    if (!shared) {
        /* Reading fills the file's cache where it has holes; writing makes copies. */
        check_content(rb, 0, SIZE, 0x11);
    }
    memset(rb->host, 0x77, SIZE);
    file_before = file_kib(rb->fd);
    g_assert_cmpint(file_before, >=, SIZE / KiB);
    g_assert_cmpint(ram_block_discard_range(rb, 2 * MiB, 4 * MiB), ==, 0);
    g_assert_cmpint(file_kib(rb->fd), <=, file_before - 4 * MiB / KiB);
    if (!shared) {
        g_assert_cmpint(smaps_kib(rb, "Anonymous"), ==, 4 * MiB / KiB);
    }
    check_content(rb, 0, 2 * MiB, 0x77);
    check_content(rb, 2 * MiB, 6 * MiB, 0);
    g_assert_cmpint(ram_block_discard_range(rb, 0, SIZE), ==, 0);
    g_assert_cmpint(file_kib(rb->fd), ==, 0);
    g_assert_cmpint(smaps_kib(rb, "Anonymous"), ==, 0);
}

static void test_discard_shared_anonymous(void)
{
    MemoryRegion mr;

    g_assert_true(memory_region_init_ram_flags_nomigrate(&mr, NULL, NULL, SIZE, RAM_SHARED,
                                                         &error_abort));
    g_assert_true(qemu_ram_is_shared(mr.ram_block));
    check_discard_of_file(&mr, true);
    object_unref(&mr);
}

static void test_discard_file(const void *data)
{
    bool shared = GPOINTER_TO_INT(data);
    g_autofree char *fill = g_malloc(SIZE);
    MemoryRegion mr;
    int fd = qemu_memfd_create("test", SIZE, false, 0, 0, &error_abort);

    memset(fill, 0x11, SIZE);
    g_assert_cmpint(pwrite(fd, fill, SIZE, 0), ==, SIZE);
    g_assert_true(memory_region_init_ram_from_fd(&mr, NULL, NULL, SIZE, shared ? RAM_SHARED : 0,
                                                 fd, 0, &error_abort));
    check_discard_of_file(&mr, shared);
    object_unref(&mr);
}

static void test_discard_hugetlb(const void *data)
{
    bool shared = GPOINTER_TO_INT(data);
    uint64_t before = free_huge_pages();
    MemoryRegion mr;
    RAMBlock *rb;
    int fd;

    if (before < 4) {
        g_test_skip("fewer than 4 free huge pages");
        return;
    }
    fd = qemu_memfd_create("test", SIZE, true, 2 * MiB, 0, &error_abort);
    g_assert_true(memory_region_init_ram_from_fd(&mr, NULL, NULL, SIZE, shared ? RAM_SHARED : 0,
                                                 fd, 0, &error_abort));
    rb = mr.ram_block;
    g_assert_cmpint(qemu_ram_pagesize(rb), ==, 2 * MiB);
    memset(rb->host, 0x77, SIZE);
    g_assert_cmpint(free_huge_pages(), ==, before - 4);
    g_assert_cmpint(ram_block_discard_range(rb, 4096, 2 * MiB), ==, -EINVAL);
    g_assert_cmpint(ram_block_discard_range(rb, 2 * MiB, 4 * MiB), ==, 0);
    g_assert_cmpint(free_huge_pages(), ==, before - 2);
    check_content(rb, 0, 2 * MiB, 0x77);
    g_assert_cmpint(ram_block_discard_range(rb, 0, SIZE), ==, 0);
    g_assert_cmpint(free_huge_pages(), ==, before);
    object_unref(&mr);
}

static void test_discard_refused(void)
{
    static uint8_t own[8192] QEMU_ALIGNED(4096);
    MemoryRegion mr;

    memset(own, 1, sizeof(own));
    memory_region_init_ram_ptr(&mr, NULL, NULL, sizeof(own), own);
    g_assert_cmpint(ram_block_discard_range(mr.ram_block, 0, 4096), ==, -ENOTSUP);
    g_assert_cmpint(own[0], ==, 1);
    object_unref(&mr);
}

static void test_discard_counts(void)
{
    g_assert_cmpint(ram_block_coordinated_discard_require(true), ==, 0);
    g_assert_cmpint(ram_block_discard_disable(true), ==, -EBUSY);
    g_assert_cmpint(ram_block_uncoordinated_discard_disable(true), ==, 0);
    g_assert_cmpint(ram_block_discard_require(true), ==, -EBUSY);
    g_assert_true(ram_block_discard_is_disabled());
    g_assert_true(ram_block_discard_is_required());
    ram_block_uncoordinated_discard_disable(false);
    ram_block_coordinated_discard_require(false);
    g_assert_cmpint(ram_block_discard_disable(true), ==, 0);
    g_assert_cmpint(ram_block_coordinated_discard_require(true), ==, -EBUSY);
    ram_block_discard_disable(false);
    g_assert_false(ram_block_discard_is_disabled());
    g_assert_false(ram_block_discard_is_required());
}

static void test_prealloc(void)
{
    MemoryRegion mr;
    RAMBlock *rb;
    Error *err = NULL;
    int fd;

    memory_region_init_ram(&mr, NULL, NULL, SIZE, &error_abort);
    rb = mr.ram_block;
    rb->host[5] = 9;
    g_assert_true(qemu_prealloc_mem(-1, (char *)rb->host, SIZE, 3, NULL, false, &error_abort));
    g_assert_cmpint(private_kib(rb), ==, SIZE / KiB);
    g_assert_cmpint(rb->host[5], ==, 9);
    object_unref(&mr);

    /* A file that ends before its mapping has no pages there: an error, not a dead process. */
    fd = qemu_memfd_create("short", SIZE, false, 0, 0, &error_abort);
    g_assert_true(memory_region_init_ram_from_fd(&mr, NULL, NULL, SIZE, RAM_SHARED, fd, 0,
                                                 &error_abort));
    g_assert_cmpint(ftruncate(fd, SIZE / 2), ==, 0);
    g_assert_false(qemu_prealloc_mem(fd, (char *)mr.ram_block->host, SIZE, 2, NULL, false, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err), "preallocating memory failed"));
    error_free(err);
    object_unref(&mr);
}

/* ---- backends ------------------------------------------------------------------------------- */

/* @props: "name=value,…", all strings as the command line gives. */
static HostMemoryBackend *backend_new(const char *type, const char *props, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(props, ",", -1);
    json_t *json = json_object();
    Object *obj;

    for (char **word = words; *word; word++) {
        g_auto(GStrv) pair = g_strsplit(*word, "=", 2);

        if (pair[0]) {
            json_object_set_new(json, pair[0], json_string(pair[1]));
        }
    }
    obj = user_creatable_add_type(type, "mem0", json, true, errp);
    json_decref(json);
    return obj ? MEMORY_BACKEND(obj) : NULL;
}

static void check_refused(const char *type, const char *props, const char *text)
{
    Error *err = NULL;

    g_assert_null(backend_new(type, props, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
    g_assert_null(object_resolve_path_component(object_get_objects_root(), "mem0"));
}

static void test_backend_errors(void)
{
    check_refused("memory-backend-ram", "", "Parameter 'size' is missing");
    check_refused("memory-backend-ram", "size=0",
                  "property 'size' of memory-backend-ram doesn't take value '0'");
    check_refused("memory-backend-ram", "size=1M,policy=foo",
                  "Parameter 'policy' does not accept value 'foo' "
                  "(it accepts: default, preferred, bind, interleave)");
    check_refused("memory-backend-ram", "size=1M,policy=bind",
                  "host-nodes must be set for policy bind");
    check_refused("memory-backend-ram", "size=1M,host-nodes=0",
                  "host-nodes must be empty for policy default, or you should explicitly specify "
                  "a policy other than default");
    check_refused("memory-backend-ram", "size=1M,policy=bind,host-nodes=500",
                  "Invalid host-nodes value: 500");
    check_refused("memory-backend-ram", "size=1M,prealloc=on,reserve=off",
                  "'prealloc=on' and 'reserve=off' are incompatible");
    check_refused("memory-backend-ram", "size=1M,prealloc-threads=0",
                  "property 'prealloc-threads' of memory-backend-ram doesn't take value '0'");
    check_refused("memory-backend-ram", "size=8E",
                  "cannot set up guest memory 'mem0': Cannot allocate memory");
    check_refused("memory-backend-memfd", "size=5000",
                  "backing store size 0x1388 does not match 'size' option 0x2000");
    check_refused("memory-backend-memfd", "size=4M,hugetlb=on,hugetlbsize=3M",
                  "Hugepage size must be a power of 2");
    check_refused("memory-backend-file", "size=1M", "Parameter 'mem-path' is missing");
    check_refused("memory-backend-file", "size=1M,mem-path=/nonexist/a",
                  "can't open backing store /nonexist/a for guest RAM: No such file or directory");
}

static RAMBlock *backend_block(HostMemoryBackend *backend)
{
    return host_memory_backend_get_memory(backend)->ram_block;
}

static void backend_del(void)
{
    g_assert_true(user_creatable_del("mem0", &error_abort));
}

static void test_backend_advice(void)
{
    RAMBlock *rb = backend_block(backend_new("memory-backend-ram", "size=8M", &error_abort));

    g_assert_true(smaps_flag(rb, "mg"));
    g_assert_false(smaps_flag(rb, "dd"));
    g_assert_false(smaps_flag(rb, "nr"));
    g_assert_cmpint(smaps_kib(rb, "Rss"), ==, 0);
    g_assert_cmpstr(rb->idstr, ==, "mem0");
    backend_del();
    rb = backend_block(backend_new("memory-backend-ram",
                                   "size=8M,merge=off,dump=off,reserve=off", &error_abort));
    g_assert_false(smaps_flag(rb, "mg"));
    g_assert_true(smaps_flag(rb, "dd"));
    g_assert_true(smaps_flag(rb, "nr"));
    backend_del();
    rb = backend_block(backend_new("memory-backend-ram", "size=8M,prealloc=on,prealloc-threads=2",
                                   &error_abort));
    g_assert_cmpint(smaps_kib(rb, "Rss"), ==, SIZE / KiB);
    backend_del();
    rb = backend_block(backend_new("memory-backend-ram", "size=8M,share=on", &error_abort));
    g_assert_true(smaps_flag(rb, "sh"));
    backend_del();
}

static void test_backend_huge_costs_nothing(void)
{
    RAMBlock *rb;

#ifdef __SANITIZE_THREAD__
    g_test_skip("the thread sanitizer leaves no room for a TiB");
    return;
#endif
    rb = backend_block(backend_new("memory-backend-ram", "size=1T,reserve=off", &error_abort));
    g_assert_cmpint(rb->used_length, ==, TiB);
    rb->host[TiB - 1] = 1;
    g_assert_cmpint(smaps_kib(rb, "Rss"), <=, 2048);
    backend_del();
}

static void test_backend_memfd(void)
{
    HostMemoryBackend *backend = backend_new("memory-backend-memfd", "size=8M", &error_abort);
    RAMBlock *rb = backend_block(backend);

    g_assert_true(smaps_flag(rb, "sh"));
    g_assert_cmpint(memory_region_get_fd(&backend->mr), ==, rb->fd);
    g_assert_cmpint(fcntl(rb->fd, F_GET_SEALS), ==, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    host_memory_backend_set_mapped(backend, true);
    g_assert_false(user_creatable_del("mem0", NULL));
    host_memory_backend_set_mapped(backend, false);
    backend_del();
    rb = backend_block(backend_new("memory-backend-memfd", "size=8M,seal=off,share=off",
                                   &error_abort));
    g_assert_false(smaps_flag(rb, "sh"));
    g_assert_cmpint(fcntl(rb->fd, F_GET_SEALS), ==, F_SEAL_SEAL);
    backend_del();
}

static void test_backend_file(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-ram-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "ram", NULL);
    g_autofree char *props = g_strdup_printf("size=8M,share=on,mem-path=%s", path);
    g_autofree char *more = g_strdup_printf("%s,discard-data=on", props);
    g_autofree char *readonly = g_strdup_printf("%s,readonly=on", props);
    g_autofree char *large = g_strdup_printf("size=16M,mem-path=%s", path);
    g_autofree char *in_dir = g_strdup_printf("size=8M,mem-path=%s", dir);
    struct stat st;
    RAMBlock *rb;

    rb = backend_block(backend_new("memory-backend-file", props, &error_abort));
    memset(rb->host, 0x42, SIZE);
    backend_del();
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, SIZE);
    g_assert_cmpint(st.st_blocks, >=, SIZE / 512);
    check_refused("memory-backend-file", large,
                  "backing store size 0x800000 does not match 'size' option 0x1000000");
    rb = backend_block(backend_new("memory-backend-file", readonly, &error_abort));
    g_assert_cmpint(rb->host[SIZE - 1], ==, 0x42);
    g_assert_true(memory_region_is_rom(rb->mr));
    g_assert_false(smaps_flag(rb, "wr"));
    g_assert_cmpint(ram_block_discard_range(rb, 0, 4096), ==, -EROFS);
    backend_del();
    backend_new("memory-backend-file", more, &error_abort);
    backend_del();
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, SIZE);
    g_assert_cmpint(st.st_blocks, ==, 0);
    unlink(path);
    /* In a directory: a file without a name. */
    rb = backend_block(backend_new("memory-backend-file", in_dir, &error_abort));
    rb->host[0] = 1;
    g_assert_cmpint(rmdir(dir), ==, 0);
    backend_del();
}

static void test_backend_numa(void)
{
    unsigned long nodes[4] = { };
    HostMemoryBackend *backend;
    Error *err = NULL;
    int mode;

    backend = backend_new("memory-backend-ram", "size=8M,policy=bind,host-nodes=0", &err);
    if (!backend) {
        g_test_skip(error_get_pretty(err));
        error_free(err);
        return;
    }
    g_assert_cmpint(get_mempolicy(&mode, nodes, 256, backend_block(backend)->host, MPOL_F_ADDR),
                    ==, 0);
    g_assert_cmpint(mode, ==, MPOL_BIND);
    g_assert_cmphex(nodes[0], ==, 1);
    backend_del();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    g_test_add_func("/ram/discard/private-anonymous", test_discard_private_anonymous);
    g_test_add_func("/ram/discard/shared-anonymous", test_discard_shared_anonymous);
    g_test_add_data_func("/ram/discard/file-shared", GINT_TO_POINTER(1), test_discard_file);
    g_test_add_data_func("/ram/discard/file-private", GINT_TO_POINTER(0), test_discard_file);
    g_test_add_data_func("/ram/discard/hugetlb-shared", GINT_TO_POINTER(1), test_discard_hugetlb);
    g_test_add_data_func("/ram/discard/hugetlb-private", GINT_TO_POINTER(0),
                         test_discard_hugetlb);
    g_test_add_func("/ram/discard/not-ours-is-refused", test_discard_refused);
    g_test_add_func("/ram/discard/counts", test_discard_counts);
    g_test_add_func("/ram/prealloc", test_prealloc);
    g_test_add_func("/hostmem/errors", test_backend_errors);
    g_test_add_func("/hostmem/ram/merge-dump-reserve-prealloc-share", test_backend_advice);
    g_test_add_func("/hostmem/ram/a-tebibyte-costs-nothing", test_backend_huge_costs_nothing);
    g_test_add_func("/hostmem/memfd/seals-and-sharing", test_backend_memfd);
    g_test_add_func("/hostmem/file", test_backend_file);
    g_test_add_func("/hostmem/numa-policy", test_backend_numa);
    return g_test_run();
}
