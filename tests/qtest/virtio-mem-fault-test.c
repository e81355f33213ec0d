/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem on a host that fails: discarding, preallocating or mapping memory does not work. The
 * guest is told BUSY, the operator gets a line, and no block is said to be plugged that has lost
 * its contents, nor is memory left with the host that nobody has plugged.
 *
 * The emulator's calls are made to fail by a preloaded library (host-fault-preload.c), which
 * QTEST_HOST_FAULT_PRELOAD names; without it those tests are skipped. The last tests bring about
 * real failures where that can be done.
 */
#include "qemu/osdep.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "virtio-mem-fault.h"

#define BUSY VIRTIO_MEM_RESP_BUSY

const HeldKind fault_ram = { "memory-backend-ram,size=336M", true, false };
static const HeldKind ram_shared = { "memory-backend-ram,size=336M,share=on", false, true };
static const HeldKind memfd = { "memory-backend-memfd,size=336M", false, true };
static const HeldKind file_shared = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=on", false, true };
static const HeldKind file_private = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=off", true, true };

/* ---- an emulator whose host fails on demand ---- */

HostFaults *faults;
static char *faults_path;
static char *log_path;          /* the emulator's stderr */

static const char *library(void)
{
    return g_getenv("QTEST_HOST_FAULT_PRELOAD");
}

void set_fault(HostCall call, int skip, int fail, int error)
{
    faults->call[call].error = error;
    faults->call[call].fail = fail;
    faults->call[call].skip = skip;
}

/* None, but that the kernel does not tell of a large discard that it will be quick. */
static void clear_faults(void)
{
    memset(faults, 0, sizeof(*faults));
    faults->min_size = MiB;
    set_fault(HOST_SCAN, 0, ALL, ENOTTY);
}

/* The call that decides whether c's memory is discarded, where it may be counted. */
static HostCall discard_call(const HeldKind *c)
{
    return c->is_shared ? HOST_PUNCH : HOST_DONTNEED;
}

/* Every discard fails, or after it none does. */
static void fail_discards(bool fail)
{
    set_fault(HOST_DONTNEED, 0, fail ? ALL : 0, ENOMEM);
    set_fault(HOST_PUNCH, 0, fail ? ALL : 0, ENOMEM);
}

static void preload(bool on)
{
    if (on) {
        g_setenv("LD_PRELOAD", library(), TRUE);
        g_setenv(HOST_FAULT_FILE, faults_path, TRUE);
    } else {
        g_unsetenv("LD_PRELOAD");
        g_unsetenv(HOST_FAULT_FILE);
    }
}

/* vm_start() with the library, and stderr going to log_path. */
void fault_start(Vm *vm, const HeldKind *c, const char *props)
{
    int stderr_copy = dup(2), log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

    g_assert_cmpint(stderr_copy, >=, 0);
    g_assert_cmpint(log, >=, 0);
    clear_faults();
    preload(true);
    dup2(log, 2);
    vm_start(vm, c->backend, props);
    dup2(stderr_copy, 2);
    close(stderr_copy);
    close(log);
    preload(false);
    g_assert_cmpint(faults->call[HOST_MMAP].calls, >, 0);       /* the library is at work */
}

/* Lines of the emulator's stderr that say text. */
static unsigned count_lines(const char *text)
{
    g_autofree char *log = NULL;
    unsigned n = 0;

    g_assert_true(g_file_get_contents(log_path, &log, NULL, NULL));
    for (const char *at = log; (at = strstr(at, text)); at++) {
        n++;
    }
    return n;
}

/* Ours says it so; stock has its own words. */
static void assert_reported(const char *what, unsigned lines)
{
    g_autofree char *text = g_strdup_printf("virtio-mem: cannot %s memory of 'mem0': "
                                            "Cannot allocate memory", what);

    if (emulator_can(WORKS_IN_PARTS)) {
        g_assert_cmpuint(count_lines(text), ==, lines);
    }
}

void fill(Vm *vm, uint64_t first, uint64_t nb)
{
    for (uint64_t i = first; i < first + nb; i++) {
        qtest_writeq(vm->qts, vm->addr + i * vm->block_size, ~i);
        qtest_writeq(vm->qts, vm->addr + (i + 1) * vm->block_size - 8, i + 1);
    }
}

void assert_filled(Vm *vm, uint64_t first, uint64_t nb)
{
    for (uint64_t i = first; i < first + nb; i++) {
        g_assert_cmphex(qtest_readq(vm->qts, vm->addr + i * vm->block_size), ==, ~i);
        g_assert_cmphex(qtest_readq(vm->qts, vm->addr + (i + 1) * vm->block_size - 8), ==, i + 1);
    }
}

void plug_and_fill(Vm *vm, uint64_t first, uint64_t nb)
{
    assert_response(plug(vm, first, nb), ACK);
    fill(vm, first, nb);
}

/* ---- UNPLUG ---- */

static void test_unplug(const void *data)
{
    const HeldKind *c = data;
    Vm vm;

    fault_start(&vm, c, PROPS);
    plug_and_fill(&vm, 0, 8);
    fail_discards(true);
    assert_response(unplug(&vm, 2, 3), BUSY);
    assert_reported("discard", 1);
    assert_response(unplug(&vm, 2, 3), BUSY);
    assert_reported("discard", 1);              /* at most one a second */
    assert_plugged(&vm, 8);
    g_assert_cmphex(queried_size(&vm), ==, 8 * vm.block_size);
    g_assert_cmpint(state_of(&vm, 0, 8), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_filled(&vm, 0, 8);
    fail_discards(false);
    assert_response(unplug(&vm, 2, 3), ACK);
    assert_plugged(&vm, 5);
    assert_filled(&vm, 0, 2);
    assert_filled(&vm, 5, 3);
    g_assert_cmpint(faults->call[HOST_PUNCH].failed + faults->call[HOST_DONTNEED].failed, >=, 2);
    vm_end(&vm);
}

static void test_report_again(void)
{
    Vm vm;

    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, 2);
    fail_discards(true);
    assert_response(unplug(&vm, 0, 1), BUSY);
    g_usleep(1100 * 1000);
    assert_response(unplug(&vm, 0, 1), BUSY);
    assert_reported("discard", 2);
    vm_end(&vm);
}

/* UNPLUG of three adjacent blocks by three requests through one notification. */
static void unplug_three(Vm *vm, uint16_t *answers)
{
    uint32_t head[3];

    ring_make_room(vm, 2 * 3);
    for (int i = 0; i < 3; i++) {
        struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG,
                                                 vm->addr + i * vm->block_size, 1);

        qtest_bufwrite(vm->qts, vm->req + 64 * i, &req, sizeof(req));
        head[i] = qvirtqueue_add(vm->qts, vm->vq, vm->req + 64 * i, sizeof(req), false, true);
        qvirtqueue_add(vm->qts, vm->vq, vm->resp + 64 * i, sizeof(struct virtio_mem_resp), true,
                       false);
    }
    for (int i = 0; i < 3; i++) {
        uint16_t idx = qtest_readw(vm->qts, vm->vq->avail + 2);

        qtest_writew(vm->qts, vm->vq->avail + 4 + 2 * (idx % vm->vq->size), head[i]);
        qtest_writew(vm->qts, vm->vq->avail + 2, idx + 1);
    }
    vm->vdev->bus->virtqueue_kick(vm->vdev, vm->vq);
    for (int i = 0; i < 3; i++) {
        uint32_t got;

        for (int n = 0; !qvirtqueue_get_buf(vm->qts, vm->vq, &got, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        g_assert_cmpuint(got, ==, head[i]);
        answers[i] = qtest_readw(vm->qts, vm->resp + 64 * i);
    }
    qvirtio_wait_queue_isr(vm->qts, vm->vdev, vm->vq, TIMEOUT_US);
}

/* That requests are combined does not show: each has the answer that it would have alone. */
static void test_unplug_combined(void)
{
    uint16_t answers[3];
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does not combine requests")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, 3);
    set_fault(HOST_DONTNEED, 0, 1, ENOMEM);     /* all three at once */
    unplug_three(&vm, answers);
    for (int i = 0; i < 3; i++) {
        assert_response(answers[i], ACK);
    }
    assert_plugged(&vm, 0);
    plug_and_fill(&vm, 0, 3);
    set_fault(HOST_DONTNEED, 0, 2, ENOMEM);     /* then the first of them */
    unplug_three(&vm, answers);
    assert_response(answers[0], BUSY);
    assert_response(answers[1], ACK);
    assert_response(answers[2], ACK);
    assert_plugged(&vm, 1);
    assert_filled(&vm, 0, 1);
    g_assert_cmpint(state_of(&vm, 1, 2), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    vm_end(&vm);
}

/*
 * What is given back in chunks fails in the second: as a whole it has not been unplugged, and the
 * request can be repeated.
 */
static void test_unplug_large(void)
{
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does not discard in chunks")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, LARGE_BLOCKS);
    set_fault(HOST_DONTNEED, 1, ALL, ENOMEM);
    assert_response(unplug(&vm, 0, LARGE_BLOCKS), BUSY);
    g_assert_cmpint(faults->call[HOST_DONTNEED].failed, ==, 1);
    assert_reported("discard", 1);
    assert_plugged(&vm, LARGE_BLOCKS);
    g_assert_cmpint(state_of(&vm, 0, LARGE_BLOCKS), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_filled(&vm, CHUNK_BLOCKS, LARGE_BLOCKS - CHUNK_BLOCKS);
    fail_discards(false);
    assert_response(unplug(&vm, 0, LARGE_BLOCKS), ACK);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after UNPLUG");
    vm_end(&vm);
}

/* ---- UNPLUG ALL ---- */

static void test_unplug_all(const void *data)
{
    const HeldKind *c = data;
    uint64_t usable;
    Vm vm;

    fault_start(&vm, c, PROPS);
    set_requested_size(&vm, 336 * MiB);
    set_requested_size(&vm, 32 * MiB);
    usable = CONFIG(&vm, usable_region_size);
    g_assert_cmphex(usable, ==, vm.region_size);
    plug_and_fill(&vm, 0, 3);
    plug_and_fill(&vm, 5, 2);
    fail_discards(true);
    assert_response(unplug_all(&vm), BUSY);
    assert_reported("discard", 1);
    assert_plugged(&vm, 5);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, usable);
    g_assert_cmpint(state_of(&vm, 0, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 5, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_filled(&vm, 0, 3);
    assert_filled(&vm, 5, 2);
    fail_discards(false);
    assert_response(unplug_all(&vm), ACK);
    assert_plugged(&vm, 0);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), <, usable);
    vm_end(&vm);
}

/* Blocks that have kept their contents, and they alone, are plugged; returns how many. */
uint64_t assert_exact(Vm *vm, uint64_t nb)
{
    uint64_t plugged = 0;

    for (uint64_t i = 0; i < nb; i++) {
        if (state_of(vm, i, 1) == VIRTIO_MEM_STATE_PLUGGED) {
            assert_filled(vm, i, 1);
            plugged++;
        }
    }
    assert_plugged(vm, plugged);
    g_assert_cmphex(queried_size(vm), ==, plugged * vm->block_size);
    return plugged;
}

/* The second of three runs fails, of a device small enough to be unplugged at once. */
static void test_unplug_all_partly(const void *data)
{
    const HeldKind *c = data;
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock discards all at once")) {
        return;
    }
    fault_start(&vm, c, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, 2);
    plug_and_fill(&vm, 4, 3);
    plug_and_fill(&vm, 9, 1);
    set_fault(discard_call(c), 1, 1, ENOMEM);
    assert_response(unplug_all(&vm), BUSY);
    g_assert_cmpint(state_of(&vm, 4, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpuint(assert_exact(&vm, 10), ==, 3);
    assert_response(unplug_all(&vm), ACK);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    if (base.file >= 0 || !c->is_shared) {
        assert_held(c, &base, &now, 0, "after UNPLUG ALL");
    }
    vm_end(&vm);
}

/* The same on a thread: of two runs, the first in two chunks, the second chunk fails. */
static void test_unplug_all_large(void)
{
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock discards all at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, LARGE_BLOCKS);
    plug_and_fill(&vm, LARGE_BLOCKS + 2, 5);
    set_fault(HOST_DONTNEED, 1, 1, ENOMEM);
    assert_response(unplug_all(&vm), BUSY);
    assert_reported("discard", 1);
    g_assert_cmpint(state_of(&vm, 0, CHUNK_BLOCKS), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, CHUNK_BLOCKS, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, LARGE_BLOCKS + 2, 5), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_exact(&vm, LARGE_BLOCKS + 7);
    assert_response(unplug_all(&vm), ACK);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after UNPLUG ALL");
    vm_end(&vm);
}

/* A device reset in the middle of it: what has been unplugged by then is. */
static void test_unplug_all_overtaken(void)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    uint64_t plugged;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock discards all at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    for (unsigned i = 0; i < LARGE_BLOCKS; i += 16) {
        plug_and_fill(&vm, i, 12);
    }
    faults->call[HOST_DONTNEED].delay_us = 100 * 1000;
    faults->call[HOST_DONTNEED].calls = 0;
    request_begin(&vm, &req);
    while (__atomic_load_n(&faults->call[HOST_DONTNEED].calls, __ATOMIC_ACQUIRE) < 3) {
        g_usleep(100);
    }
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    plugged = assert_exact(&vm, LARGE_BLOCKS);
    g_assert_cmpuint(plugged, >, 0);
    g_assert_cmpuint(plugged, <, LARGE_BLOCKS * 3 / 4);
    vm_end(&vm);
}

/* ---- PLUG with prealloc=on ---- */

static void test_prealloc(const void *data)
{
    const HeldKind *c = data;
    Held base, now;
    Vm vm;

    fault_start(&vm, c, PROPS ",prealloc=on");
    base = held_by(&vm);
    set_fault(HOST_POPULATE, 0, ALL, ENOMEM);
    assert_response(plug(&vm, 1, 4), BUSY);
    assert_reported("preallocate", 1);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, 8), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    now = held_by(&vm);
    if (base.file >= 0 || !c->is_shared) {
        assert_held(c, &base, &now, 0, "after a PLUG that was refused");
    }
    set_fault(HOST_POPULATE, 0, 0, 0);
    assert_response(plug(&vm, 1, 4), ACK);
    assert_plugged(&vm, 4);
    g_assert_cmpint(faults->call[HOST_POPULATE].failed, >=, 1);
    vm_end(&vm);
}

/* The second chunk fails: what the first has got goes back. */
static void test_prealloc_large(void)
{
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock does not preallocate in chunks")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS ",prealloc=on");
    base = held_by(&vm);
    set_fault(HOST_POPULATE, 1, ALL, ENOMEM);
    assert_response(plug(&vm, 0, LARGE_BLOCKS), BUSY);
    assert_reported("preallocate", 1);
    g_assert_cmpint(faults->call[HOST_POPULATE].calls, ==, 2);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after a PLUG that was refused");
    vm_end(&vm);
}

/* And cannot even be given back: it is before anything is plugged. */
static void test_prealloc_stale(const void *data)
{
    bool large = GPOINTER_TO_UINT(data);
    unsigned nb = large ? LARGE_BLOCKS : 4;
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS,
                     "stock plugs a block that holds what is left of a PLUG that it refused")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS ",prealloc=on");
    base = held_by(&vm);
    set_fault(HOST_POPULATE, large, ALL, ENOMEM);
    fail_discards(true);
    assert_response(plug(&vm, 0, nb), BUSY);
    assert_plugged(&vm, 0);
    set_fault(HOST_POPULATE, 0, 0, 0);
    assert_response(plug(&vm, 0, nb), BUSY);    /* cannot be emptied yet */
    fail_discards(false);
    assert_response(plug(&vm, 0, nb), ACK);
    assert_plugged(&vm, nb);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after UNPLUG ALL");
    faults->call[HOST_DONTNEED].calls = 0;
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmpint(faults->call[HOST_DONTNEED].calls, ==, 0);  /* nothing is left to be emptied */
    vm_end(&vm);
}

/* A device reset while a large PLUG preallocates: it is dropped, and nothing is left behind. */
static void test_prealloc_overtaken(void)
{
    struct virtio_mem_req req;
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS, "stock preallocates all at once")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS ",prealloc=on");
    base = held_by(&vm);
    faults->call[HOST_POPULATE].delay_us = 50 * 1000;
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, LARGE_BLOCKS);
    request_begin(&vm, &req);
    while (__atomic_load_n(&faults->call[HOST_POPULATE].calls, __ATOMIC_ACQUIRE) < 1) {
        g_usleep(100);
    }
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);   /* and it is undone */
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after a PLUG that was overtaken");
    vm_end(&vm);
}

/* ---- system reset ---- */

/*
 * The new guest finds everything unplugged. What the old one has left is seen by nobody: a block is
 * emptied before it is plugged, and while that fails, PLUG is refused.
 */
static void test_system_reset(const void *data)
{
    bool large = GPOINTER_TO_UINT(data);
    Held base, now;
    Vm vm;

    if (skip_without(WORKS_IN_PARTS,
                     "stock keeps plugged what it cannot discard (5.15.6: it SHOULD unplug all)")) {
        return;
    }
    fault_start(&vm, &memfd, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, large ? LARGE_BLOCKS : 4);
    fail_discards(true);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, LARGE_BLOCKS), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_reported("discard", 1);
    assert_response(plug(&vm, 0, 2), BUSY);
    assert_plugged(&vm, 0);
    fail_discards(false);
    assert_response(plug(&vm, 0, 2), ACK);
    assert_plugged(&vm, 2);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr + 2 * vm.block_size - 8), ==, 0);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    now = held_by(&vm);
    assert_held(&memfd, &base, &now, 0, "after a system reset that worked");
    vm_end(&vm);
}

/* Two resets, the second while the first's memory is being given back. */
static void test_system_reset_twice(void)
{
    Held base, now;
    Vm vm;

    fault_start(&vm, &fault_ram, PROPS);
    base = held_by(&vm);
    plug_and_fill(&vm, 0, LARGE_BLOCKS);
    faults->call[HOST_DONTNEED].delay_us = 20 * 1000;
    for (int i = 0; i < 2; i++) {
        qtest_system_reset(vm.qts);
    }
    vm_system_reset(&vm);
    faults->call[HOST_DONTNEED].delay_us = 0;
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(&fault_ram, &base, &now, 0, "after three system resets");
    vm_end(&vm);
}

/* ---- starting ---- */

/* Runs the emulator until it exits; its stderr and exit status. */
static char *run_emulator(const char *prefix, const char *args, int *status)
{
    g_autofree char *line = g_strdup_printf(
        "sh -c \"%s exec timeout -k 1 10 %s -nodefaults -display none -accel %s -S "
        "-machine q35 -m 128M,maxmem=2G %s\"", prefix, g_getenv("QTEST_QEMU_BINARY"),
        emulator_can(CAN_STEP_CLOCK) ? "qtest" : "tcg", args);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_spawn_command_line_sync(line, NULL, &text, status, &error)) {
        g_error("cannot start the emulator: %s", error->message);
    }
    return text;
}

static void assert_no_start(const char *prefix, const HeldKind *c, const char *says)
{
    g_autofree char *args = g_strdup_printf("-object %s,id=mem0 "
                                            "-device virtio-mem-pci,id=vm0,memdev=mem0",
                                            c->backend);
    g_autofree char *text = NULL;
    int status;

    text = run_emulator(prefix, args, &status);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || !strstr(text, says)) {
        g_error("wait status 0x%x, expected exit status 1; stderr is '%s', expected '%s'", status,
                text, says);
    }
}

static void test_start_discard(const void *data)
{
    clear_faults();
    fail_discards(true);
    preload(true);
    assert_no_start("", data, "Unexpected error discarding RAM");
    preload(false);
    g_assert_cmpint(faults->call[HOST_DONTNEED].failed + faults->call[HOST_PUNCH].failed, >, 0);
}

typedef struct StartFault {
    const char *name;
    const HeldKind *kind;
    HostCall call;
    const char *says;
} StartFault;

static const StartFault start_faults[] = {
    { "mmap/ram", &fault_ram, HOST_MMAP, "Cannot allocate memory" },
    { "mmap/memfd", &memfd, HOST_MMAP, "Cannot allocate memory" },
    { "mmap/file-shared", &file_shared, HOST_MMAP, "Cannot allocate memory" },
    { "mmap/file-private", &file_private, HOST_MMAP, "Cannot allocate memory" },
    { "ftruncate/memfd", &memfd, HOST_FTRUNCATE, "failed to resize memfd to 352321536" },
    { "memfd-create/memfd", &memfd, HOST_MEMFD_CREATE, "Cannot allocate memory" },
};

/* Mappings of 336 MiB only, so that guest RAM of 128 MiB is there. */
static void test_start_fault(const void *data)
{
    const StartFault *f = data;

    clear_faults();
    faults->min_size = f->call == HOST_MEMFD_CREATE ? 1 : HELD_SIZE;
    /* emulators probe whether there are memfds at all before they make one */
    set_fault(f->call, 0, ALL, ENOMEM);
    preload(true);
    assert_no_start("", f->kind, f->call == HOST_MEMFD_CREATE ? "memory-backend-memfd"
                                                              : f->says);
    preload(false);
}

/* ---- real failures ---- */

static void test_real_rlimit_as(void)
{
    static const HeldKind large = { "memory-backend-ram,size=1T,reserve=off", true, false };

    if (library() && strstr(library(), "san.so")) {
        g_test_skip("a sanitizer needs more address space than can be left out");
        return;
    }
    assert_no_start("ulimit -v 500000000;", &large, "Cannot allocate memory");
}

/* Mounts type on a new folder, in a mount namespace of the process; NULL: not allowed. */
static char *mount_private(const char *type, const char *options)
{
    static bool unshared;
    char *folder;

    if (!unshared && unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
        g_test_skip("mounting is not allowed here");
        return NULL;
    }
    unshared = true;
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    folder = g_dir_make_tmp("virtio-mem-fault-XXXXXX", NULL);
    g_assert_nonnull(folder);
    if (mount("virtio-mem-fault", folder, type, 0, options) < 0) {
        g_autofree char *why = g_strdup_printf("mounting %s is not allowed here: %s", type,
                                               strerror(errno));

        g_test_skip(why);
        rmdir(folder);
        g_free(folder);
        return NULL;
    }
    return folder;
}

static void unmount(const char *folder)
{
    umount2(folder, MNT_DETACH);
    rmdir(folder);
}

/* A file system without holes to punch. */
static void test_real_no_holes(void)
{
    g_autofree char *folder = mount_private("ramfs", NULL);
    g_autofree char *backend = NULL;

    if (folder) {
        backend = g_strdup_printf("memory-backend-file,size=336M,share=on,mem-path=%s", folder);
        assert_no_start("", &(HeldKind) { backend, false, true },
                        "Unexpected error discarding RAM");
        unmount(folder);
    }
}

/* A file system that is full before the device is. */
static void test_real_full(void)
{
    g_autofree char *folder = mount_private("tmpfs", "size=8M");
    g_autofree char *backend = NULL;
    Vm vm;

    if (!folder) {
        return;
    }
    backend = g_strdup_printf("memory-backend-file,size=336M,share=on,mem-path=%s", folder);
    vm_start(&vm, backend, PROPS ",prealloc=on");
    assert_response(plug(&vm, 0, 3), ACK);
    assert_response(plug(&vm, 3, 4), BUSY);
    assert_plugged(&vm, 3);
    assert_response(plug(&vm, 9, 1), ACK);      /* of what was refused nothing is held */
    assert_response(unplug(&vm, 9, 1), ACK);
    assert_response(plug(&vm, 3, 1), ACK);
    fill(&vm, 0, 4);
    assert_filled(&vm, 0, 4);
    assert_response(plug(&vm, 4, 1), BUSY);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 4, 1), ACK);
    vm_end(&vm);
    unmount(folder);
}

/* The guest hides the memory and shows it again, as often as it likes: the operator has one line. */
static void test_real_short_told_once(void)
{
    g_autofree char *folder = NULL, *backend = NULL;
    HeldKind kind = { NULL, false, true };
    Vm vm;

    if (skip_without(KEEPS_RULES, "beyond stock: it does not ask what a file system has left")) {
        return;
    }
    folder = mount_private("tmpfs", "size=8M");
    if (!folder) {
        return;
    }
    kind.backend = backend = g_strdup_printf("memory-backend-file,size=336M,share=on,mem-path=%s",
                                             folder);
    fault_start(&vm, &kind, PROPS ",dynamic-memslots=on");
    for (int i = 0; i < 5; i++) {
        assert_response(plug(&vm, 0, 64), ACK);
        qtest_qmp_assert_success(vm.qts, "{'execute': 'query-name'}");  /* the main loop goes on */
        assert_response(unplug(&vm, 0, 64), ACK);
        qtest_qmp_assert_success(vm.qts, "{'execute': 'query-name'}");
    }
    g_assert_cmpuint(count_lines("may run out of memory"), ==, 1);
    vm_end(&vm);
    unmount(folder);
}

/* More of the backend than there are huge pages. */
static void test_real_hugetlb(void)
{
    int64_t before, pages;
    int lock = huge_reserve(8, &before);
    Vm vm;

    if (lock < 0) {
        g_test_skip("no huge pages can be reserved (nr_hugepages is not writable, or no room)");
        return;
    }
    vm_start(&vm, "memory-backend-memfd,size=336M,hugetlb=on,hugetlbsize=2M,reserve=off",
             PROPS ",prealloc=on");
    pages = huge_free_pages();
    assert_response(plug(&vm, 0, pages + 1), BUSY);
    assert_plugged(&vm, 0);
    g_assert_cmpint(huge_free_pages(), ==, pages);
    assert_response(plug(&vm, 0, pages), ACK);
    assert_response(plug(&vm, pages, 1), BUSY);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmpint(huge_free_pages(), ==, pages);
    vm_end(&vm);
    huge_release(lock, before);
}

/* ---- what x-query-virtio-mem tells ---- */

static QDict *report_of(Vm *vm)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'x-query-virtio-mem'}");
    QDict *report = qobject_to(QDict, qlist_pop(qdict_get_qlist(answer, "return")));

    qobject_unref(answer);
    return report;
}

static bool skip_report(void)
{
    return skip_without(CAN_REPORT, "beyond stock: it has no x-query-virtio-mem");
}

/* A request that is being carried out is why nothing moves. */
static void test_report_working(void)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    QDict *report;
    uint32_t head;
    Vm vm;

    if (skip_report()) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, LARGE_BLOCKS);
    faults->call[HOST_DONTNEED].delay_us = 200 * 1000;
    head = request_begin(&vm, &req);
    report = report_of(&vm);
    g_assert_cmpstr(qdict_get_str(report, "state"), ==, "working");
    g_assert_nonnull(strstr(qdict_get_str(report, "diagnosis"), "is being carried out"));
    qobject_unref(report);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, NULL, TIMEOUT_US);
    report = report_of(&vm);
    g_assert_cmpstr(qdict_get_str(report, "state"), !=, "working");
    qobject_unref(report);
    vm_end(&vm);
}

/* Where the host does not tell what it holds, the report says so, and the rest is there. */
static void test_report_untold(void)
{
    QDict *report, *map;
    Vm vm;

    if (skip_report() || skip_without(TELLS_TOUCHED, "the machine never tells what it holds")) {
        return;
    }
    fault_start(&vm, &fault_ram, PROPS);
    plug_and_fill(&vm, 0, 4);
    set_fault(HOST_SCAN, 0, ALL, EIO);
    report = report_of(&vm);
    map = qdict_get_qdict(report, "block-map");
    g_assert_cmpint(qdict_get_int(map, "plugged-blocks"), ==, 4);
    g_assert_false(qdict_haskey(map, "touched"));
    g_assert_nonnull(strstr(qdict_get_str(map, "touched-error"), "Input/output error"));
    qobject_unref(report);
    vm_end(&vm);
}

/* ---- the list ---- */

static void test_without_library(void)
{
    g_test_skip("QTEST_HOST_FAULT_PRELOAD does not name the library that makes calls fail");
}

static void test_without_library_data(const void *data G_GNUC_UNUSED)
{
    test_without_library();
}

void add_fault_data(const char *path, const void *data, void (*fn)(const void *data))
{
    qtest_add_data_func(path, data, library() ? fn : test_without_library_data);
}

void add_fault(const char *path, void (*fn)(void))
{
    qtest_add_func(path, library() ? fn : test_without_library);
}

#define ADD_REAL(name, fn) qtest_add_func("/virtio-mem-fault/real/" name, fn)

static void add_by_kind(void)
{
    static const struct {
        const char *name;
        const HeldKind *kind;
    } kinds[] = {
        { "ram", &fault_ram }, { "ram-shared", &ram_shared }, { "memfd", &memfd },
        { "file-shared", &file_shared }, { "file-private", &file_private },
    };
    static const struct {
        const char *name;
        void (*fn)(const void *data);
    } tests[] = {
        { "start/discard", test_start_discard }, { "unplug", test_unplug },
        { "unplug-all", test_unplug_all }, { "unplug-all-partly", test_unplug_all_partly },
        { "prealloc", test_prealloc },
    };

    for (size_t t = 0; t < G_N_ELEMENTS(tests); t++) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
            g_autofree char *path = g_strdup_printf("/virtio-mem-fault/%s/%s", tests[t].name,
                                                    kinds[k].name);

            add_fault_data(path, kinds[k].kind, tests[t].fn);
        }
    }
}

static void add_tests(void)
{
    add_by_kind();
    for (size_t i = 0; i < G_N_ELEMENTS(start_faults); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem-fault/start/%s",
                                                start_faults[i].name);

        add_fault_data(path, &start_faults[i], test_start_fault);
    }
    ADD_FAULT("report-again", test_report_again);
    ADD_FAULT("unplug-combined", test_unplug_combined);
    ADD_FAULT("unplug-large", test_unplug_large);
    ADD_FAULT("unplug-all-large", test_unplug_all_large);
    ADD_FAULT("unplug-all-overtaken", test_unplug_all_overtaken);
    ADD_FAULT("prealloc-large", test_prealloc_large);
    add_fault_data("/virtio-mem-fault/prealloc-stale/small", GUINT_TO_POINTER(0),
                   test_prealloc_stale);
    add_fault_data("/virtio-mem-fault/prealloc-stale/large", GUINT_TO_POINTER(1),
                   test_prealloc_stale);
    ADD_FAULT("prealloc-overtaken", test_prealloc_overtaken);
    add_fault_data("/virtio-mem-fault/system-reset/small", GUINT_TO_POINTER(0),
                   test_system_reset);
    add_fault_data("/virtio-mem-fault/system-reset/large", GUINT_TO_POINTER(1),
                   test_system_reset);
    ADD_FAULT("system-reset/twice", test_system_reset_twice);
    add_fault_job_tests();
    ADD_FAULT("report/working", test_report_working);
    ADD_FAULT("report/untold", test_report_untold);
    ADD_REAL("rlimit-as", test_real_rlimit_as);
    ADD_REAL("no-holes", test_real_no_holes);
    ADD_REAL("file-system-full", test_real_full);
    ADD_REAL("hugetlb-exhausted", test_real_hugetlb);
    add_fault("/virtio-mem-fault/real/short-told-once", test_real_short_told_once);
}

/* The page of faults and the log, in files whose names the emulator is told. */
static void make_files(void)
{
    int fd = g_file_open_tmp("virtio-mem-fault-XXXXXX", &faults_path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, sizeof(HostFaults)), ==, 0);
    faults = mmap(NULL, sizeof(HostFaults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(faults != MAP_FAILED);
    close(fd);
    log_path = g_strconcat(faults_path, ".log", NULL);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    emulator_identify();
    make_files();
    add_tests();
    status = g_test_run();
    unlink(faults_path);
    unlink(log_path);
    return status;
}
