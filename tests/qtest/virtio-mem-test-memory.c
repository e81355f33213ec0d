/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What virtio-mem unplugs is really given back to the kernel, measured there, for each backend.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"
#include "virtio-mem-held.h"

/* ---- memory is really given back ---- */

#define FREED_BLOCKS 16

static const HeldKind freed_ram = { "memory-backend-ram,size=336M", true, false };
static const HeldKind freed_ram_shared = { "memory-backend-ram,size=336M,share=on", false, true };
static const HeldKind freed_memfd = { "memory-backend-memfd,size=336M", false, true };
static const HeldKind freed_file_shared = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=on", false, true };
static const HeldKind freed_file_private = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=off", true, true };

/* Plugs and writes FREED_BLOCKS blocks; the memory has to be there then. */
static void freed_fill(Vm *vm, const HeldKind *c, Held *base)
{
    Held now;

    assert_response(plug(vm, 0, FREED_BLOCKS), ACK);
    qtest_memset(vm->qts, vm->addr, 0x5a, FREED_BLOCKS * vm->block_size);
    now = held_by(vm);
    assert_held(c, base, &now, FREED_BLOCKS * vm->block_size, "after writing");
}

static bool freed_start(Vm *vm, const HeldKind *c, Held *base)
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
    const HeldKind *c = data;
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
    const HeldKind *c = data;
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
    const HeldKind *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    vm_system_reset(&vm);
    /* answered when all has been given back */
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after a system reset");
    vm_end(&vm);
}

/* prealloc=on: a plugged block is backed before anyone touches it. */
static void test_prealloc(const void *data)
{
    const HeldKind *c = data;
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

/* Sets a property of the backend to a JSON value; false if that was refused. */
static bool backend_set(Vm *vm, const char *property, const char *json_value)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"qom-set\", \"arguments\": {\"path\": \"/objects/mem0\", "
        "\"property\": \"%s\", \"value\": %s}}\n", property, json_value);
    QDict *answer;
    bool done;

    qtest_qmp_send_raw(vm->qts, "%s", command);
    answer = qtest_qmp_receive(vm->qts);
    done = qdict_haskey(answer, "return");
    qobject_unref(answer);
    return done;
}

/* No property of the backend fills what the guest has not plugged. */
static void test_backend_properties(const void *data)
{
    const HeldKind *c = data;
    Held base, now;
    Vm vm;

    if (skip_without(KEEPS_RULES, "stock fills all of the memory when 'prealloc' is set")) {
        return;
    }
    vm_start(&vm, c->backend, ",requested-size=64M,unplugged-inaccessible=on");
    base = held_by(&vm);
    g_assert_true(backend_set(&vm, "merge", "true"));
    g_assert_true(backend_set(&vm, "merge", "false"));
    g_assert_true(backend_set(&vm, "dump", "false"));
    g_assert_true(backend_set(&vm, "dump", "true"));
    g_assert_true(backend_set(&vm, "prealloc-threads", "4"));
    g_assert_true(backend_set(&vm, "prealloc", "false"));
    g_assert_false(backend_set(&vm, "prealloc", "true"));
    g_assert_false(backend_set(&vm, "prealloc", "true"));
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after setting the backend's properties");
    g_assert_true(backend_set(&vm, "prealloc", "false"));
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

    request_begin(vm, &req);
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
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
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

#define HUGE_BACKEND "memory-backend-memfd,size=64M,hugetlb=on,hugetlbsize=2M"
#define HUGE_PAGES 32

static void test_freed_hugetlb(void)
{
    int64_t before, free_pages;
    int lock = huge_reserve(HUGE_PAGES, &before);
    Vm vm;

    if (lock < 0) {
        g_test_skip("no huge pages can be reserved (nr_hugepages is not writable, or no room)");
        return;
    }
    vm_start(&vm, HUGE_BACKEND, ",requested-size=64M,unplugged-inaccessible=auto");
    assert_qom_str(&vm, "unplugged-inaccessible", "on");
    free_pages = huge_free_pages();
    assert_response(plug(&vm, 0, 8), ACK);
    qtest_memset(vm.qts, vm.addr, 0x5a, 8 * vm.block_size);
    g_assert_cmpint(huge_free_pages(), ==, free_pages - 8);
    assert_response(unplug(&vm, 0, 4), ACK);
    g_assert_cmpint(huge_free_pages(), ==, free_pages - 4);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmpint(huge_free_pages(), ==, free_pages);
    vm_end(&vm);
    huge_release(lock, before);
}

/* ---- discard-data=on ---- */

/*
 * A file that was written to, by the guest and, where @data is not NULL, by a PLUG that preallocates and is
 * in the middle of it when the emulator is told to end: nothing of it is left.
 */
static void test_discard_data(const void *data)
{
    g_autofree char *path = g_strdup_printf("/dev/shm/virtio-mem-test-%d", getpid());
    g_autofree char *backend = g_strdup_printf("memory-backend-file,size=1G,mem-path=%s,share=on,"
                                               "discard-data=on", path);
    struct stat st;
    Vm vm;

    vm_start(&vm, backend, data ? ",requested-size=1G,prealloc=on" : ",requested-size=1G");
    assert_response(plug(&vm, 0, 8), ACK);
    qtest_memset(vm.qts, vm.addr, 0x5a, 8 * vm.block_size);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_blocks, >=, 8 * vm.block_size / 512);
    if (data) {
        const struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_PLUG,
                                                       vm.addr + 8 * vm.block_size,
                                                       vm.region_size / vm.block_size - 8);

        request_begin(&vm, &req);
    }
    vm_end(&vm);
    g_assert_cmpint(stat(path, &st), ==, 0);
    unlink(path);
    g_assert_cmpint(st.st_size, ==, 1 * GiB);
    g_assert_cmpint(st.st_blocks, ==, 0);
}

/* ---- the list ---- */

void add_memory_tests(void)
{
    static const struct {
        const char *name;
        const HeldKind *backend;
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
        { "/virtio-mem/backend-properties/%s", test_backend_properties },
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
    ADD_DATA("discard-data/written", NULL, test_discard_data);
    ADD_DATA("discard-data/while-preallocating", "", test_discard_data);
    ADD("large/unplug-all", test_large_unplug_all);
    ADD("large/unplug-all-then-system-reset", test_large_then_system_reset);
    ADD("large/unplug-all-then-device-reset", test_large_then_device_reset);
}
