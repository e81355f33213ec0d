/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What virtio-mem unplugs is really given back to the kernel, measured there, for each backend.
 */
#include "qemu/osdep.h"
#include <dirent.h>
#include <sys/file.h>
#include "virtio-mem-fixture.h"

/* ---- memory is really given back ---- */

typedef struct FreedCase {
    const char *backend;
    bool is_private;            /* pages of the process count */
    bool is_shared;             /* blocks of the file behind the mapping count */
} FreedCase;

/* A size that nothing else in the process has. */
#define FREED_SIZE (336 * MiB)
#define FREED_BLOCKS 16
/* What a mapping may hold more or less than what was written: nothing else is in it. */
#define FREED_SLACK (2 * MiB)

static const FreedCase freed_ram = { "memory-backend-ram,size=336M", true, false };
static const FreedCase freed_ram_shared = { "memory-backend-ram,size=336M,share=on", false, true };
static const FreedCase freed_memfd = { "memory-backend-memfd,size=336M", false, true };
static const FreedCase freed_file_shared = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=on", false, true };
static const FreedCase freed_file_private = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=off", true, true };

/* The size of the mapping that a line of smaps begins ("START-END PERMS …"), or 0. */
static uint64_t smaps_mapping_size(const char *line)
{
    char *end;
    uint64_t from = g_ascii_strtoull(line, &end, 16), to;

    if (end == line || *end != '-') {
        return 0;
    }
    line = end + 1;
    to = g_ascii_strtoull(line, &end, 16);
    return end != line && *end == ' ' ? to - from : 0;
}

/*
 * Bytes on the lines of /proc/PID/smaps that begin with key, in the mapping of FREED_SIZE. The
 * process as a whole does not do: it frees memory of its own when it likes.
 */
static uint64_t mapping_bytes(pid_t pid, const char *key)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    uint64_t kib = 0, size = 0;
    bool found = false;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        uint64_t begins = smaps_mapping_size(*line);

        size = begins ? begins : size;
        found |= size == FREED_SIZE;
        if (size == FREED_SIZE && g_str_has_prefix(*line, key)) {
            kib += g_ascii_strtoull(strchr(*line, ':') + 1, NULL, 10);
        }
    }
    if (!found) {
        g_error("process %d has no mapping of %" PRIu64 " bytes", (int)pid, (uint64_t)FREED_SIZE);
    }
    return kib * KiB;
}

/*
 * Bytes that the kernel holds for the file of FREED_SIZE behind the process's
 * memory, wherever it is found: among its descriptors (memfd, file) or behind
 * its mappings (shared anonymous memory). -1 when neither shows it.
 */
static int64_t file_bytes(pid_t pid)
{
    static const char *const folders[] = { "fd", "map_files" };

    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_strdup_printf("/proc/%d/%s", (int)pid, folders[i]);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *path = g_build_filename(folder, name, NULL);
            struct stat st;

            if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                (uint64_t)st.st_size == FREED_SIZE) {
                return (int64_t)st.st_blocks * 512;
            }
        }
    }
    return -1;
}

typedef struct Held {
    uint64_t process;           /* private pages, which no one else keeps */
    uint64_t huge;              /* the part of them in transparent huge pages */
    int64_t file;
} Held;

static Held held_by(Vm *vm)
{
    pid_t pid = qtest_pid(vm->qts);

    return (Held) {
        .process = mapping_bytes(pid, "Private_"),
        .huge = mapping_bytes(pid, "AnonHugePages"),
        .file = file_bytes(pid),
    };
}

static void assert_held(const FreedCase *c, const Held *base, const Held *now, uint64_t expected,
                        const char *when)
{
    int64_t process = now->process - base->process, file = now->file - base->file;
    int64_t low = (int64_t)expected - FREED_SLACK, high = (int64_t)expected + FREED_SLACK;

    if (c->is_private && (process < low || process > high)) {
        g_error("%s: the mapping holds %" PRId64 " bytes more than at start, expected %" PRIu64,
                when, process, expected);
    }
    if (c->is_private && !expected && now->huge > base->huge) {
        g_error("%s: %" PRIu64 " bytes are left in transparent huge pages", when,
                now->huge - base->huge);
    }
    if (c->is_shared && (file < low || file > high)) {
        g_error("%s: the kernel holds %" PRId64 " bytes of the file more than at start, "
                "expected %" PRIu64, when, file, expected);
    }
}

/* Plugs and writes FREED_BLOCKS blocks; the memory has to be there then. */
static void freed_fill(Vm *vm, const FreedCase *c, Held *base)
{
    Held now;

    assert_response(plug(vm, 0, FREED_BLOCKS), ACK);
    qtest_memset(vm->qts, vm->addr, 0x5a, FREED_BLOCKS * vm->block_size);
    now = held_by(vm);
    assert_held(c, base, &now, FREED_BLOCKS * vm->block_size, "after writing");
}

static bool freed_start(Vm *vm, const FreedCase *c, Held *base)
{
    vm_start(vm, c->backend, ",requested-size=64M,unplugged-inaccessible=on");
    *base = held_by(vm);
    if (c->is_shared && base->file < 0) {
        g_test_skip("needs root to see the file behind a mapping (/proc/PID/map_files)");
        vm_end(vm);
        return false;
    }
    return true;
}

static void test_freed_by_unplug(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    assert_response(unplug(&vm, 0, FREED_BLOCKS / 2), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, FREED_BLOCKS / 2 * vm.block_size, "after UNPLUG of one half");
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr + FREED_BLOCKS / 2 * vm.block_size), ==, 0x5a);
    assert_response(unplug(&vm, FREED_BLOCKS / 2, FREED_BLOCKS / 2), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG of the other half");
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr), ==, 0);
    vm_end(&vm);
}

static void test_freed_by_unplug_all(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG ALL");
    vm_end(&vm);
}

static void test_freed_by_system_reset(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    qtest_qmp_assert_success(vm.qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(vm.qts, "RESET");
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after a system reset");
    vm_end(&vm);
}

/* prealloc=on: a plugged block is backed before anyone touches it. */
static void test_prealloc(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    vm_start(&vm, c->backend, ",requested-size=64M,unplugged-inaccessible=on,prealloc=on");
    base = held_by(&vm);
    if (c->is_shared && base.file < 0) {
        g_test_skip("needs root to see the file behind a mapping (/proc/PID/map_files)");
        vm_end(&vm);
        return;
    }
    assert_response(plug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, FREED_BLOCKS * vm.block_size, "after PLUG with prealloc=on");
    assert_response(unplug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG");
    vm_end(&vm);
}

/*
 * Discards of hundreds of megabytes, which a device may carry out in pieces
 * beside other work: an answered UNPLUG ALL has freed everything, and neither
 * reset may be overtaken by a discard that was begun before it.
 */
#define LARGE_BLOCKS 100

static void large_start(Vm *vm, Held *base)
{
    Held now;

    vm_start(vm, freed_ram.backend, ",requested-size=200M,unplugged-inaccessible=on");
    *base = held_by(vm);
    assert_response(plug(vm, 0, LARGE_BLOCKS), ACK);
    qtest_memset(vm->qts, vm->addr, 0x5a, LARGE_BLOCKS * vm->block_size);
    now = held_by(vm);
    assert_held(&freed_ram, base, &now, LARGE_BLOCKS * vm->block_size, "after writing");
}

/* Makes an UNPLUG ALL available, and does not wait. */
static void unplug_all_begin(Vm *vm)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    uint32_t head;

    qtest_bufwrite(vm->qts, vm->req, &req, sizeof(req));
    head = qvirtqueue_add(vm->qts, vm->vq, vm->req, sizeof(req), false, true);
    qvirtqueue_add(vm->qts, vm->vq, vm->resp, sizeof(struct virtio_mem_resp), true, false);
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
}

static void test_large_unplug_all(void)
{
    Held base, now;
    Vm vm;

    large_start(&vm, &base);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL");
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_large_then_system_reset(void)
{
    Held base, now;
    Vm vm;

    large_start(&vm, &base);
    unplug_all_begin(&vm);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL and a system reset");
    /* nothing of the old discard may hit what is plugged now */
    assert_response(plug(&vm, 0, LARGE_BLOCKS), ACK);
    qtest_memset(vm.qts, vm.addr, 0x33, LARGE_BLOCKS * vm.block_size);
    g_usleep(20000);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0x3333333333333333);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr + LARGE_BLOCKS * vm.block_size - 8), ==,
                    0x3333333333333333);
    vm_end(&vm);
}

static void test_large_then_device_reset(void)
{
    Held base, now;
    uint64_t plugged = 0;
    Vm vm;

    large_start(&vm, &base);
    unplug_all_begin(&vm);
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    /*
     * The request was carried out, dropped, or overtaken when a part was unplugged: whichever, what
     * is still plugged has its contents.
     */
    for (unsigned i = 0; i < LARGE_BLOCKS; i++) {
        if (state_of(&vm, i, 1) == VIRTIO_MEM_STATE_PLUGGED) {
            g_assert_cmphex(qtest_readq(vm.qts, vm.addr + i * vm.block_size), ==,
                            0x5a5a5a5a5a5a5a5a);
            plugged++;
        }
    }
    assert_plugged(&vm, plugged);
    assert_response(unplug_all(&vm), ACK);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL and a device reset");
    vm_end(&vm);
}

/* Without prealloc, plugging alone costs nothing. */
static void test_plug_is_free(void)
{
    Held base, now;
    Vm vm;

    vm_start(&vm, freed_ram.backend, ",requested-size=64M");
    base = held_by(&vm);
    assert_response(plug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after PLUG");
    vm_end(&vm);
}

/* ---- hugetlb ---- */

#define HUGE_FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define HUGE_BACKEND "memory-backend-memfd,size=64M,hugetlb=on,hugetlbsize=2M"
#define HUGE_PAGES 32

static int64_t huge_read(const char *name)
{
    g_autofree char *path = g_strconcat(HUGE_FOLDER, name, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : -1;
}

static bool huge_write(int64_t pages)
{
    g_autofree char *text = g_strdup_printf("%" PRId64 "\n", pages);
    int fd = open(HUGE_FOLDER "nr_hugepages", O_WRONLY);
    bool done;

    if (fd < 0) {
        return false;
    }
    done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

/* Makes HUGE_PAGES pages free, alone among tests until the lock is closed; -1 when it cannot be. */
static int huge_reserve(int64_t *before)
{
    int lock = open(HUGE_FOLDER "nr_hugepages", O_RDONLY | O_CLOEXEC);

    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        return -1;
    }
    *before = huge_read("nr_hugepages");
    huge_write(*before + HUGE_PAGES);
    if (huge_read("free_hugepages") - huge_read("resv_hugepages") < HUGE_PAGES) {
        huge_write(*before);
        close(lock);
        return -1;
    }
    return lock;
}

static void test_freed_hugetlb(void)
{
    int64_t before, free_pages;
    int lock = huge_reserve(&before);
    Vm vm;

    if (lock < 0) {
        g_test_skip("no huge pages can be reserved (nr_hugepages is not writable, or no room)");
        return;
    }
    vm_start(&vm, HUGE_BACKEND, ",requested-size=64M,unplugged-inaccessible=auto");
    assert_qom_str(&vm, "unplugged-inaccessible", "on");
    free_pages = huge_read("free_hugepages");
    assert_response(plug(&vm, 0, 8), ACK);
    qtest_memset(vm.qts, vm.addr, 0x5a, 8 * vm.block_size);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages - 8);
    assert_response(unplug(&vm, 0, 4), ACK);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages - 4);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages);
    vm_end(&vm);
    huge_write(before);
    close(lock);
}

/* ---- the list ---- */

void add_memory_tests(void)
{
    static const struct {
        const char *name;
        const FreedCase *backend;
    } kinds[] = {
        { "ram", &freed_ram }, { "ram-shared", &freed_ram_shared }, { "memfd", &freed_memfd },
        { "file-shared", &freed_file_shared }, { "file-private", &freed_file_private },
    };
    static const struct {
        const char *path;
        void (*fn)(const void *data);
    } tests[] = {
        { "/virtio-mem/freed-by-unplug/%s", test_freed_by_unplug },
        { "/virtio-mem/freed-by-unplug-all/%s", test_freed_by_unplug_all },
        { "/virtio-mem/freed-by-system-reset/%s", test_freed_by_system_reset },
        { "/virtio-mem/prealloc/%s", test_prealloc },
    };

    for (size_t t = 0; t < G_N_ELEMENTS(tests); t++) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
            g_auto(GStrv) parts = g_strsplit(tests[t].path, "%s", 2);
            g_autofree char *path = g_strconcat(parts[0], kinds[k].name, NULL);

            qtest_add_data_func(path, kinds[k].backend, tests[t].fn);
        }
    }
    ADD("memory/plug-alone-costs-nothing", test_plug_is_free);
    ADD("freed-by-unplug/hugetlb", test_freed_hugetlb);
    ADD("large/unplug-all", test_large_unplug_all);
    ADD("large/unplug-all-then-system-reset", test_large_then_system_reset);
    ADD("large/unplug-all-then-device-reset", test_large_then_device_reset);
}
