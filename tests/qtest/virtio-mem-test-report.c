/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem: why did my resize stop? x-query-virtio-mem and the property x-report, which stock
 * QEMU does not have: requests by type and answer, the last refusal, the diagnosis, the block map.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "virtio-mem-fixture.h"

/* ---- asking --------------------------------------------------------------------------------- */

static bool skip_on_stock(void)
{
    return skip_without(CAN_REPORT, "beyond stock: it has no x-query-virtio-mem");
}

static bool skip_map(void)
{
    return skip_on_stock() ||
           skip_without(TELLS_TOUCHED, "the machine does not tell what it holds of the device");
}

/* The report of vm0, its map from @first_block on. */
static QDict *report_from(Vm *vm, uint64_t first_block)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'x-query-virtio-mem', 'arguments': "
                              "{'id': 'vm0', 'first-block': %" PRIu64 "}}", first_block);
    QList *list = qdict_get_qlist(answer, "return");
    QDict *report;

    g_assert_nonnull(list);
    g_assert_cmpint(qlist_size(list), ==, 1);
    report = qobject_to(QDict, qlist_pop(list));
    qobject_unref(answer);
    return report;
}

static QDict *report_of(Vm *vm)
{
    return report_from(vm, 0);
}

static void assert_counts(Vm *vm, const char *type, int ack, int nack, int busy, int error)
{
    QDict *report = report_of(vm);
    QDict *counts = qdict_get_qdict(qdict_get_qdict(report, "requests"), type);

    g_assert_cmpint(qdict_get_int(counts, "ack"), ==, ack);
    g_assert_cmpint(qdict_get_int(counts, "nack"), ==, nack);
    g_assert_cmpint(qdict_get_int(counts, "busy"), ==, busy);
    g_assert_cmpint(qdict_get_int(counts, "error"), ==, error);
    g_assert_cmpint(qdict_haskey(counts, "last"), ==, ack + nack + busy + error > 0);
    qobject_unref(report);
}

static int64_t time_us(const QDict *time)
{
    return qdict_get_int(time, "seconds") * G_USEC_PER_SEC + qdict_get_int(time, "microseconds");
}

/* A time that lies within the last 20 seconds. */
static void assert_recent(const QDict *dict, const char *name)
{
    QDict *time = qdict_get_qdict(dict, name);

    g_assert_nonnull(time);
    g_assert_cmpint(g_get_real_time() - time_us(time), >=, 0);
    g_assert_cmpint(g_get_real_time() - time_us(time), <, 20 * G_USEC_PER_SEC);
}

static void assert_refused(Vm *vm, const char *type, const char *result, const char *reason,
                           uint64_t addr, int nb_blocks)
{
    QDict *report = report_of(vm);
    QDict *refused = qdict_get_qdict(report, "last-refused");

    g_assert_nonnull(refused);
    g_assert_cmpstr(qdict_get_str(refused, "type"), ==, type);
    g_assert_cmpstr(qdict_get_str(refused, "result"), ==, result);
    g_assert_cmpstr(qdict_get_str(refused, "reason"), ==, reason);
    g_assert_cmphex(qdict_get_int(refused, "addr"), ==, addr);
    g_assert_cmpint(qdict_get_int(refused, "nb-blocks"), ==, nb_blocks);
    g_assert_cmpstr(qdict_get_str(refused, "detail"), !=, "");
    assert_recent(refused, "time");
    qobject_unref(report);
}

/* The state of the resize, and words of the sentence that says so. */
static void assert_diagnosis(Vm *vm, const char *state, const char *driver, const char *words)
{
    QDict *report = report_of(vm);
    const char *diagnosis = qdict_get_str(report, "diagnosis");

    g_assert_cmpstr(qdict_get_str(report, "state"), ==, state);
    g_assert_cmpstr(qdict_get_str(report, "driver"), ==, driver);
    if (!strstr(diagnosis, words)) {
        g_error("diagnosis is \"%s\", expected it to say \"%s\"", diagnosis, words);
    }
    qobject_unref(report);
}

/* "0+3 8+2": the ranges of a list. */
static char *ranges_text(QList *list)
{
    GString *text = g_string_new(NULL);

    while (!qlist_empty(list)) {
        QDict *range = qobject_to(QDict, qlist_pop(list));

        g_string_append_printf(text, "%s%" PRId64 "+%" PRId64, text->len ? " " : "",
                               qdict_get_int(range, "first"), qdict_get_int(range, "nb"));
        qobject_unref(range);
    }
    return g_string_free(text, false);
}

static void assert_map(Vm *vm, const char *plugged, const char *touched)
{
    QDict *report = report_of(vm);
    QDict *map = qdict_get_qdict(report, "block-map");
    g_autofree char *plugged_got = ranges_text(qdict_get_qlist(map, "plugged"));
    g_autofree char *touched_got = ranges_text(qdict_get_qlist(qdict_get_qdict(map, "touched"),
                                                               "ranges"));

    g_assert_cmpint(qdict_get_int(map, "first"), ==, 0);
    g_assert_cmpint(qdict_get_int(map, "nb"), ==, vm->region_size / vm->block_size);
    g_assert_cmpstr(plugged_got, ==, plugged);
    g_assert_cmpstr(touched_got, ==, touched);
    qobject_unref(report);
}

/* ---- counters ------------------------------------------------------------------------------- */

static void test_counts(void)
{
    QDict *report;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    report = report_of(&vm);
    g_assert_false(qdict_haskey(report, "last-change"));
    g_assert_false(qdict_haskey(report, "last-refused"));
    assert_recent(report, "requested-time");
    qobject_unref(report);
    assert_counts(&vm, "plug", 0, 0, 0, 0);

    assert_response(plug(&vm, 0, 4), ACK);
    assert_response(plug(&vm, 4, 4), ACK);
    assert_response(plug(&vm, 8, 100), NACK);
    assert_response(plug(&vm, 0, 1), ERR);
    assert_response(unplug(&vm, 0, 2), ACK);
    assert_response(unplug(&vm, 0, 2), ERR);
    assert_response(unplug(&vm, 1, 2), ERR);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_counts(&vm, "plug", 2, 1, 0, 1);
    assert_counts(&vm, "unplug", 1, 0, 0, 2);
    assert_counts(&vm, "unplug-all", 1, 0, 0, 0);
    assert_counts(&vm, "state", 1, 0, 0, 0);
    report = report_of(&vm);
    assert_recent(report, "last-change");
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(report, "requests"), "broken"), ==, 0);
    qobject_unref(report);
    vm_end(&vm);
}

/* The last change is the last that changed something. */
static void test_last_change(void)
{
    int64_t first, second;
    QDict *report;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(unplug_all(&vm), ACK);
    report = report_of(&vm);
    g_assert_false(qdict_haskey(report, "last-change"));
    qobject_unref(report);
    assert_response(plug(&vm, 0, 4), ACK);
    report = report_of(&vm);
    first = time_us(qdict_get_qdict(report, "last-change"));
    qobject_unref(report);
    g_usleep(50 * 1000);
    assert_response(plug(&vm, 0, 4), ERR);
    g_assert_cmpint(state_of(&vm, 0, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    report = report_of(&vm);
    second = time_us(qdict_get_qdict(report, "last-change"));
    /* up to a step of the clock while it is turned into the host's time */
    g_assert_cmpint(ABS(second - first), <, 20 * 1000);
    qobject_unref(report);
    assert_response(unplug(&vm, 3, 1), ACK);
    report = report_of(&vm);
    g_assert_cmpint(time_us(qdict_get_qdict(report, "last-change")), >=, first + 30 * 1000);
    qobject_unref(report);
    vm_end(&vm);
}

/* Reset by the driver or with the system, the device goes on counting. */
static void test_resets(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 4), ACK);
    assert_response(plug(&vm, 0, 4), ERR);
    vm_stop_driver(&vm);
    vm_probe(&vm);
    assert_map(&vm, "0+4", "");
    assert_counts(&vm, "plug", 1, 0, 0, 1);
    assert_diagnosis(&vm, "driver-starting", "starting", "not come to run");
    vm_drive(&vm, SIMPLE_FEATURES);
    vm_system_reset(&vm);
    assert_map(&vm, "", "");
    assert_counts(&vm, "plug", 1, 0, 0, 1);
    assert_refused(&vm, "plug", "error", "already-plugged", vm.addr, 4);
    /* What was refused before is not why this guest has nothing. */
    assert_diagnosis(&vm, "idle", "running", "has not asked to plug for 0 s");
    vm_end(&vm);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void test_refusals(void)
{
    uint64_t addr, block;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    /* 64 MiB and two blocks of Linux are usable of 1 GiB */
    vm_start(&vm, RAM_1G, ",requested-size=64M");
    addr = vm.addr;
    block = vm.block_size;
    assert_response(plug(&vm, 3, 33), NACK);
    assert_refused(&vm, "plug", "nack", "beyond-requested-size", addr + 3 * block, 33);
    assert_response(plug(&vm, 3, 2), ACK);
    assert_refused(&vm, "plug", "nack", "beyond-requested-size", addr + 3 * block, 33);
    assert_response(plug(&vm, 4, 2), ERR);
    assert_refused(&vm, "plug", "error", "already-plugged", addr + 4 * block, 2);
    assert_response(unplug(&vm, 4, 2), ERR);
    assert_refused(&vm, "unplug", "error", "not-plugged", addr + 4 * block, 2);
    assert_response(plug(&vm, 7, 0), ERR);
    assert_refused(&vm, "plug", "error", "no-blocks", addr + 7 * block, 0);
    assert_response(request(&vm, VIRTIO_MEM_REQ_STATE, addr + 4096, 1), ERR);
    assert_refused(&vm, "state", "error", "unaligned", addr + 4096, 1);
    assert_response(plug(&vm, 170, 1), ERR);
    assert_refused(&vm, "plug", "error", "outside-usable-region", addr + 170 * block, 1);
    assert_response(plug(&vm, 500, 13), ERR);
    assert_refused(&vm, "plug", "error", "outside-region", addr + 500 * block, 13);
    assert_response(request(&vm, VIRTIO_MEM_REQ_UNPLUG, addr - block, 1), ERR);
    assert_refused(&vm, "unplug", "error", "outside-region", addr - block, 1);
    assert_response(request(&vm, VIRTIO_MEM_REQ_UNPLUG, UINT64_C(0x7fffffffffe00000), 1), ERR);
    assert_refused(&vm, "unplug", "error", "outside-region", UINT64_C(0x7fffffffffe00000), 1);
    assert_counts(&vm, "plug", 1, 1, 0, 4);
    vm_end(&vm);
}

/* Huge pages that the host has not got: the sentence says what the guest was refused, and why. */
static void test_busy(void)
{
    uint16_t response;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, "memory-backend-memfd,hugetlb=on,hugetlbsize=2M,reserve=off,size=1G",
             ",requested-size=512M,prealloc=on");
    response = plug(&vm, 0, 30);
    if (response == ACK) {
        g_test_skip("the host has 30 free huge pages");
        vm_end(&vm);
        return;
    }
    assert_response(response, VIRTIO_MEM_RESP_BUSY);
    assert_counts(&vm, "plug", 0, 0, 1, 0);
    assert_refused(&vm, "plug", "busy", "host-memory", vm.addr, 30);
    assert_diagnosis(&vm, "rejected", "running", "512 MiB less plugged than requested, and its "
                     "last PLUG was answered BUSY: the host cannot preallocate memory of 'mem0'");
    vm_end(&vm);
}

/* ---- diagnosis ------------------------------------------------------------------------------ */

static void test_diagnosis_running(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_1G, ",requested-size=512M");
    assert_diagnosis(&vm, "idle", "running", "has 512 MiB less plugged than requested, and has "
                     "not asked to plug for 0 s");
    assert_response(plug(&vm, 0, 64), ACK);
    assert_diagnosis(&vm, "moving", "running", "has 384 MiB less plugged than requested, and is "
                     "plugging");
    assert_response(plug(&vm, 64, 192), ACK);
    assert_diagnosis(&vm, "reached", "running", "the guest has plugged what is requested");
    set_requested_size(&vm, 128 * MiB);
    assert_diagnosis(&vm, "idle", "running", "has 384 MiB more plugged than requested, and has "
                     "not asked to unplug for 0 s");
    assert_response(unplug(&vm, 200, 64), ERR);
    assert_diagnosis(&vm, "rejected", "running", "last UNPLUG was answered ERROR: some of its "
                     "blocks are not plugged");
    assert_response(unplug(&vm, 200, 56), ACK);
    assert_diagnosis(&vm, "moving", "running", "is unplugging");
    g_usleep(2200 * 1000);
    assert_diagnosis(&vm, "idle", "running", "has 272 MiB more plugged than requested, and has "
                     "not asked to unplug for 2 s");
    qtest_qmp_assert_success(vm.qts, "{'execute': 'stop'}");
    assert_diagnosis(&vm, "stopped", "running", "stopped");
    vm_end(&vm);
}

/* Linux uses whole units of 128 MiB: a smaller region is plugged by none, and that is said. */
static void test_diagnosis_unit(void)
{
    QDict *report;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, "memory-backend-ram,size=64M", ",requested-size=64M");
    assert_diagnosis(&vm, "idle", "running", "a Linux guest cannot use 64 MiB of the region, which are "
                     "in no whole unit of 128 MiB");
    vm_end(&vm);
    vm_start(&vm, RAM_256M, ",requested-size=256M,memaddr=0x104000000");
    assert_diagnosis(&vm, "idle", "running", "a Linux guest cannot use 128 MiB of the region, which "
                     "are in no whole unit of 128 MiB: memaddr=0x100000000 would lose less");
    set_requested_size(&vm, 128 * MiB);
    report = report_of(&vm);
    g_assert_null(strstr(qdict_get_str(report, "diagnosis"), "Linux"));
    qobject_unref(report);
    vm_end(&vm);
}

static void test_diagnosis_no_driver(void)
{
    QDict *report;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    assert_diagnosis(&vm, "no-driver", "none", "no driver");
    vm_probe(&vm);
    /* as Linux leaves a device that has no driver, with virtio_pci loaded: ACKNOWLEDGE */
    vm.vdev->bus->set_status(vm.vdev, 0);
    vm.vdev->bus->set_status(vm.vdev, 1);
    assert_diagnosis(&vm, "no-driver", "none", "no driver");
    vm.vdev->bus->set_status(vm.vdev, 1 | 2);
    assert_diagnosis(&vm, "driver-starting", "starting", "not come to run");
    vm_drive(&vm, SIMPLE_FEATURES);
    report = report_of(&vm);
    g_assert_cmpint(qlist_size(qdict_get_qlist(report, "acknowledged-features")), ==, 2);
    qobject_unref(report);
    /* as Linux does when its probe fails */
    vm.vdev->bus->set_status(vm.vdev, vm.vdev->bus->get_status(vm.vdev) | 0x80);
    assert_diagnosis(&vm, "driver-failed", "failed", "given up");
    vm_end(&vm);
}

/* A driver without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE is refused, and is told apart. */
static void test_diagnosis_refused_driver(void)
{
    QDict *report;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M,unplugged-inaccessible=on");
    vm_probe(&vm);
    vm.vdev->bus->set_features(vm.vdev, F_VERSION_1);
    vm.vdev->bus->set_status(vm.vdev, 1 | 2 | 8);
    g_assert_cmpint(vm.vdev->bus->get_status(vm.vdev) & 8, ==, 0);
    assert_diagnosis(&vm, "driver-refused", "refused", "VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE");
    vm.vdev->bus->set_status(vm.vdev, 1 | 2 | 0x80);
    assert_diagnosis(&vm, "driver-refused", "refused", "VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE");
    vm.vdev->bus->set_status(vm.vdev, 0);
    assert_diagnosis(&vm, "driver-refused", "refused", "VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE");
    report = report_of(&vm);
    g_assert_cmpint(qlist_size(qdict_get_qlist(report, "offered-features")), ==, 2);
    g_assert_cmpint(qlist_size(qdict_get_qlist(report, "acknowledged-features")), ==, 0);
    qobject_unref(report);
    vm_stop_driver(&vm);
    /* The guest that boots now may have another driver. */
    qtest_system_reset(vm.qts);
    assert_diagnosis(&vm, "no-driver", "none", "no driver");
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_diagnosis(&vm, "idle", "running", "has not asked");
    vm_end(&vm);
}

/* A request without room for an answer breaks the device; it counts once, until the reset. */
static void test_diagnosis_broken(void)
{
    struct virtio_mem_req req;
    QDict *report;
    uint32_t head;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 1);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    head = qvirtqueue_add(vm.qts, vm.vq, vm.req, sizeof(req), false, false);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    assert_diagnosis(&vm, "driver-broken", "broken", "broken the protocol");
    assert_diagnosis(&vm, "driver-broken", "broken", "broken the protocol");
    assert_counts(&vm, "plug", 0, 0, 0, 0);
    vm_stop_driver(&vm);
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_diagnosis(&vm, "idle", "running", "has not asked");
    report = report_of(&vm);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(report, "requests"), "broken"), ==, 1);
    qobject_unref(report);
    vm_end(&vm);
}

/* ---- patterns of what goes wrong in guests -------------------------------------------------- */

/* The state, and the pattern that it fits (NULL: none) with words of its evidence (?: a digit). */
static void assert_fits(Vm *vm, const char *state, const char *pattern, const char *evidence)
{
    QDict *report = report_of(vm), *fits = qdict_get_qdict(report, "fits");
    const char *got = fits ? qdict_get_str(fits, "pattern") : NULL;
    g_autofree char *words = NULL;

    g_assert_cmpstr(qdict_get_str(report, "state"), ==, state);
    g_assert_cmpstr(got, ==, pattern);
    if (fits) {
        g_assert_cmpint(strlen(qdict_get_str(fits, "advice")), >, 20);
        words = g_strdup_printf("*%s*", evidence);
        if (!g_pattern_match_simple(words, qdict_get_str(fits, "evidence"))) {
            g_error("evidence is \"%s\", expected it to say \"%s\"",
                    qdict_get_str(fits, "evidence"), evidence);
        }
    }
    qobject_unref(report);
}

/* As Linux does: after the reset, the bus says that it has seen the device. */
static void unload_driver(Vm *vm)
{
    vm->vdev->bus->set_status(vm->vdev, 0);
    vm->vdev->bus->set_status(vm->vdev, 1);
}

static void test_fits_driver_unloaded(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    unload_driver(&vm);
    assert_fits(&vm, "driver-gone", "driver-unloaded", "left 0 MiB plugged");
    vm_stop_driver(&vm);
    vm_probe(&vm);
    assert_fits(&vm, "driver-starting", NULL, NULL);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_response(plug(&vm, 0, 32), ACK);
    assert_fits(&vm, "reached", NULL, NULL);
    unload_driver(&vm);
    assert_diagnosis(&vm, "driver-gone", "gone", "has given the device up ");
    assert_fits(&vm, "driver-gone", "driver-unloaded",
                "a driver ran until ? s ago, and left 64 MiB plugged");
    /* Linux does not take it again */
    vm.vdev->bus->set_status(vm.vdev, 1 | 2 | 0x80);
    assert_fits(&vm, "driver-failed", "driver-unloaded", "left 64 MiB plugged");
    vm_stop_driver(&vm);
    qtest_system_reset(vm.qts);
    assert_fits(&vm, "no-driver", NULL, NULL);
    vm_end(&vm);
}

/* The reset of the system resets the device as well, in whatever order: no driver was unloaded. */
static void test_fits_nothing_after_reset(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 32), ACK);
    qtest_system_reset(vm.qts);
    assert_diagnosis(&vm, "no-driver", "none", "no driver");
    assert_fits(&vm, "no-driver", NULL, NULL);
    vm_end(&vm);
}

/* A guest that lives looks at the requested size when it changes. */
static void test_fits_guest_stuck(void)
{
    Vm deaf, starting, stopped;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&deaf, RAM_256M, ",requested-size=64M");
    vm_start(&stopped, RAM_256M, ",requested-size=64M");
    vm_spawn(&starting, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&starting);
    assert_response(plug(&deaf, 0, 32), ACK);
    set_requested_size(&deaf, 128 * MiB);
    qtest_qmp_assert_success(stopped.qts, "{'execute': 'stop'}");
    set_requested_size(&stopped, 128 * MiB);
    assert_fits(&deaf, "idle", NULL, NULL);
    g_usleep(3100 * 1000);
    assert_fits(&deaf, "unresponsive", "guest-stuck", "it was asked ? s ago");
    assert_diagnosis(&deaf, "unresponsive", "running", "64 MiB less plugged than requested, and "
                     "its driver has not looked at the requested size for ");
    assert_fits(&starting, "driver-starting", "guest-stuck", "has been starting for ? s");
    qtest_qmp_assert_success(stopped.qts, "{'execute': 'cont'}");
    assert_fits(&stopped, "idle", NULL, NULL);
    /* a look is enough, and so is a request without one */
    g_assert_cmphex(CONFIG(&deaf, requested_size), ==, 128 * MiB);
    assert_fits(&deaf, "idle", NULL, NULL);
    vm_end(&deaf);
    vm_end(&starting);
    vm_end(&stopped);
}

/* Linux plugs a unit, fails to add it, and unplugs it again. */
static void test_fits_no_memory_to_grow(void)
{
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_1G, ",requested-size=1G");
    assert_response(plug(&vm, 0, 64), ACK);
    assert_response(plug(&vm, 64, 64), ACK);
    assert_response(plug(&vm, 128, 64), ACK);
    assert_fits(&vm, "moving", NULL, NULL);
    assert_response(unplug(&vm, 128, 64), ACK);
    assert_fits(&vm, "moving", "no-memory-to-grow", "it has plugged 256 MiB in 2 steps of 128 MiB, "
                "the last ? s ago; the next 128 MiB it has given back at once, 1 time, last ? s "
                "ago");
    assert_response(plug(&vm, 128, 64), ACK);
    assert_fits(&vm, "moving", NULL, NULL);
    assert_response(unplug(&vm, 128, 64), ACK);
    assert_fits(&vm, "moving", "no-memory-to-grow", "at once, 2 times");
    /* what is given back as it was asked to be is another thing, and what comes after it, too */
    set_requested_size(&vm, 128 * MiB);
    assert_response(unplug(&vm, 64, 32), ACK);
    assert_response(unplug(&vm, 96, 32), ACK);
    set_requested_size(&vm, 256 * MiB);
    assert_fits(&vm, "idle", NULL, NULL);
    vm_end(&vm);
}

static bool vm_has_loss(Vm *vm)
{
    QDict *report = report_of(vm);
    bool has = qdict_haskey(report, "guest-loss");

    qobject_unref(report);
    return has;
}

/* Linux adds no more than 1 GiB of what is not online, and never writes there. */
static void test_fits_not_online(void)
{
    Vm idle, reached, loss;

    if (skip_on_stock() || skip_without(TELLS_TOUCHED, "the machine never tells what it holds")) {
        return;
    }
    vm_start(&reached, RAM_256M, ",requested-size=64M");
    assert_response(plug(&reached, 0, 32), ACK);
    vm_start(&idle, "memory-backend-ram,size=2G", ",requested-size=2G");
    vm_start(&loss, "memory-backend-ram,size=1088M", ",requested-size=1088M");
    for (int i = 0; i < 8; i++) {
        assert_response(plug(&idle, 64 * i, 64), ACK);
        assert_response(plug(&loss, 64 * i, 64), ACK);
    }
    assert_fits(&idle, "moving", NULL, NULL);
    g_usleep(2100 * 1000);
    assert_fits(&idle, "idle", "not-online", "since it was asked it has plugged 1 GiB in 8 steps "
                "of 128 MiB, the last ? s ago; 1 GiB of the 1 GiB that are plugged were never "
                "written");
    /* the rest of the region is no whole unit: that is why it does not grow, where we know of it */
    if (vm_has_loss(&loss)) {
        assert_fits(&loss, "idle", NULL, NULL);
    }
    assert_fits(&reached, "reached", NULL, NULL);
    qtest_writeb(idle.qts, idle.addr, 1);
    assert_fits(&idle, "idle", NULL, NULL);
    g_usleep(3100 * 1000);
    assert_fits(&reached, "reached", "not-online", "64 MiB in 1 step of 64 MiB, the last ? s ago; "
                "64 MiB of the 64 MiB");
    qtest_writeb(reached.qts, reached.addr, 1);
    assert_fits(&reached, "reached", NULL, NULL);
    vm_end(&idle);
    vm_end(&reached);
    vm_end(&loss);
}

/* ---- the block map -------------------------------------------------------------------------- */

/* Touched is what was written and not given back, and nothing else. */
static void test_map(const void *backend)
{
    QDict *report, *map;
    Vm vm;

    if (skip_map()) {
        return;
    }
    vm_start(&vm, backend, ",requested-size=128M");
    assert_map(&vm, "", "");
    assert_response(plug(&vm, 0, 3), ACK);
    assert_response(plug(&vm, 8, 16), ACK);
    assert_map(&vm, "0+3 8+16", "");
    qtest_writeb(vm.qts, vm.addr + 3 * vm.block_size - 1, 1);
    qtest_writeb(vm.qts, vm.addr + 10 * vm.block_size + 12345, 1);
    qtest_writeb(vm.qts, vm.addr + 11 * vm.block_size, 1);
    qtest_writeb(vm.qts, vm.addr + 23 * vm.block_size, 1);
    assert_map(&vm, "0+3 8+16", "2+1 10+2 23+1");
    report = report_of(&vm);
    map = qdict_get_qdict(report, "block-map");
    g_assert_cmpint(qdict_get_int(map, "plugged-blocks"), ==, 19);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(map, "touched"), "touched-blocks"), ==, 4);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(map, "touched"), "untouched-blocks"), ==, 15);
    qobject_unref(report);
    assert_response(unplug(&vm, 10, 1), ACK);
    assert_map(&vm, "0+3 8+2 11+13", "2+1 11+1 23+1");
    assert_response(unplug_all(&vm), ACK);
    assert_map(&vm, "", "");
    vm_end(&vm);
}

/* Reading what was never written does not touch private anonymous memory. */
static void test_map_zero_page(void)
{
    Vm vm;

    if (skip_map()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=128M");
    assert_response(plug(&vm, 0, 16), ACK);
    for (int i = 0; i < 16; i++) {
        g_assert_cmpint(qtest_readb(vm.qts, vm.addr + i * vm.block_size + 4096), ==, 0);
    }
    assert_map(&vm, "0+16", "");
    vm_end(&vm);
}

static void test_map_prealloc(void)
{
    Vm vm;

    if (skip_map()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=128M,prealloc=on");
    assert_response(plug(&vm, 4, 8), ACK);
    assert_map(&vm, "4+8", "4+8");
    vm_end(&vm);
}

/* A map of very many ranges comes in parts, which join without a gap. */
static void test_map_in_parts(void)
{
    uint64_t at = 0, plugged = 0, touched = 0, nb_blocks;
    int parts = 0;
    Vm vm;

    if (skip_map()) {
        return;
    }
    /* of base pages: huge ones would make this use gigabytes */
    vm_start(&vm, "memory-backend-memfd,size=5G,reserve=off",
             ",block-size=1M,requested-size=5G -m 128M,maxmem=8G");
    nb_blocks = vm.region_size / vm.block_size;
    g_assert_cmpint(nb_blocks, ==, 5120);
    for (int i = 0; i < 2200; i++) {
        assert_response(plug(&vm, 2 * i + 1, 1), ACK);
        qtest_writeb(vm.qts, vm.addr + (2 * i + 1) * vm.block_size, 1);
    }
    while (at < nb_blocks) {
        QDict *report = report_from(&vm, at);
        QDict *map = qdict_get_qdict(report, "block-map");

        g_assert_cmpint(qdict_get_int(map, "first"), ==, at);
        g_assert_cmpint(qdict_get_int(map, "nb"), >, 0);
        g_assert_cmpint(qlist_size(qdict_get_qlist(map, "plugged")), <=, 4096);
        at += qdict_get_int(map, "nb");
        plugged += qdict_get_int(map, "plugged-blocks");
        touched += qdict_get_int(qdict_get_qdict(map, "touched"), "touched-blocks");
        parts++;
        qobject_unref(report);
    }
    g_assert_cmpint(at, ==, nb_blocks);
    g_assert_cmpint(plugged, ==, 2200);
    g_assert_cmpint(touched, ==, 2200);
    g_assert_cmpint(parts, >=, 2);
    vm_end(&vm);
}

/* The report, which takes at most 100 ms; the host may be busy, so that not every try counts. */
static QDict *report_in_time(Vm *vm, uint64_t first_block)
{
    int64_t took = 0;

    for (int i = 0; i < 20; i++) {
        int64_t start = g_get_monotonic_time();
        QDict *report = report_from(vm, first_block);

        took = g_get_monotonic_time() - start;
        if (took < 100 * 1000) {
            return report;
        }
        qobject_unref(report);
    }
    g_error("none of 20 answers took less than 100 ms, the last took %" PRId64 " us", took);
}

/* A TiB of plugged blocks, of which every other of the first few is touched: no answer takes long. */
static void test_map_of_a_tebibyte(void)
{
    uint64_t nb_blocks = TiB / (2 * MiB), at = 0, touched = 0;
    int parts = 0;
    Vm vm;

    if (skip_map()) {
        return;
    }
#ifdef __SANITIZE_THREAD__
    g_test_skip("the thread sanitizer leaves no room for a TiB");
    return;
#endif
    vm_start(&vm, "memory-backend-memfd,size=1T,reserve=off",
             ",requested-size=1T -m 128M,maxmem=1100G -cpu max,phys-bits=46");
    for (uint64_t block = 0; block < nb_blocks; block += 32768) {
        assert_response(plug(&vm, block, 32768), ACK);
    }
    for (uint64_t block = 0; block < 8400; block += 2) {
        qtest_writeb(vm.qts, vm.addr + block * vm.block_size, 1);
    }
    /* far behind: the memory in between is asked about in windows */
    qtest_writeb(vm.qts, vm.addr + (nb_blocks - 1) * vm.block_size, 1);
    while (at < nb_blocks) {
        QDict *report = report_in_time(&vm, at), *map = qdict_get_qdict(report, "block-map");

        at += qdict_get_int(map, "nb");
        touched += qdict_get_int(qdict_get_qdict(map, "touched"), "touched-blocks");
        parts++;
        qobject_unref(report);
    }
    g_assert_cmpint(touched, ==, 4201);
    g_assert_cmpint(parts, ==, 2);  /* of 4096 ranges at most */
    vm_end(&vm);
}

/* ---- the surface ---------------------------------------------------------------------------- */

/* The property has what the command has, on the proxy and on the device behind it. */
static void test_property(void)
{
    static const char *const paths[] = { "vm0", "/machine/peripheral/vm0/virtio-backend" };
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M,node=0");
    assert_response(plug(&vm, 2, 6), ACK);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        QDict *answer = qtest_qmp(vm.qts, "{'execute': 'qom-get', 'arguments': {'path': %s, "
                                  "'property': 'x-report'}}", paths[i]);
        QDict *report = qdict_get_qdict(answer, "return");

        g_assert_nonnull(report);
        g_assert_cmpstr(qdict_get_str(report, "id"), ==, "vm0");
        g_assert_cmpstr(qdict_get_str(report, "qom-path"), ==, "/machine/peripheral/vm0");
        g_assert_cmpstr(qdict_get_str(report, "memdev"), ==, "/objects/mem0");
        g_assert_cmphex(qdict_get_int(report, "memaddr"), ==, vm.addr);
        g_assert_cmpint(qdict_get_int(report, "node"), ==, 0);
        g_assert_cmphex(qdict_get_int(report, "block-size"), ==, 2 * MiB);
        g_assert_cmphex(qdict_get_int(report, "requested-size"), ==, 64 * MiB);
        g_assert_cmphex(qdict_get_int(report, "size"), ==, 12 * MiB);
        g_assert_cmphex(qdict_get_int(report, "max-size"), ==, 256 * MiB);
        g_assert_cmphex(qdict_get_int(report, "usable-region-size"), ==,
                        CONFIG(&vm, usable_region_size));
        qobject_unref(answer);
    }
    assert_qom_set_fails(&vm, "x-report", "{}", (const char *[]) { "not writable", NULL });
    vm_end(&vm);
}

static void assert_query_fails(Vm *vm, const char *arguments, const char *class, const char *says)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"x-query-virtio-mem\", \"arguments\": %s}\n", arguments);
    QDict *answer, *error;

    qtest_qmp_send_raw(vm->qts, "%s", command);
    answer = qtest_qmp_receive(vm->qts);
    error = qdict_get_qdict(answer, "error");
    g_assert_nonnull(error);
    g_assert_cmpstr(qdict_get_str(error, "class"), ==, class);
    if (!strstr(qdict_get_str(error, "desc"), says)) {
        g_error("error is \"%s\", expected it to say \"%s\"", qdict_get_str(error, "desc"), says);
    }
    qobject_unref(answer);
}

static void test_command(void)
{
    QDict *answer, *report;
    QList *list;
    Vm vm;

    if (skip_on_stock()) {
        return;
    }
    vm_start(&vm, RAM_256M, ",requested-size=64M,memaddr=0x180000000 "
             "-object memory-backend-ram,id=mem1,size=512M "
             "-device virtio-mem-pci,memdev=mem1,addr=5,memaddr=0x120000000");
    answer = qtest_qmp(vm.qts, "{'execute': 'x-query-virtio-mem'}");
    list = qdict_get_qlist(answer, "return");
    g_assert_cmpint(qlist_size(list), ==, 2);
    report = qobject_to(QDict, qlist_pop(list));    /* the lower address first; without an id */
    g_assert_false(qdict_haskey(report, "id"));
    g_assert_cmphex(qdict_get_int(report, "memaddr"), ==, 0x120000000);
    qobject_unref(report);
    report = qobject_to(QDict, qlist_pop(list));
    g_assert_cmpstr(qdict_get_str(report, "id"), ==, "vm0");
    qobject_unref(report);
    qobject_unref(answer);
    report = report_from(&vm, 128);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(report, "block-map"), "nb"), ==, 0);
    qobject_unref(report);
    assert_query_fails(&vm, "{\"id\": \"nonesuch\"}", "DeviceNotFound", "'nonesuch' not found");
    assert_query_fails(&vm, "{\"id\": \"mem0\"}", "GenericError",
                       "'mem0' is not a virtio-mem device");
    assert_query_fails(&vm, "{\"id\": \"/machine\"}", "GenericError",
                       "'/machine' is not a virtio-mem device");
    assert_query_fails(&vm, "{\"id\": \"vm0\", \"first-block\": 129}", "GenericError",
                       "'first-block' 129 is beyond the device's 128 blocks");
    assert_query_fails(&vm, "{\"first-block\": 0}", "GenericError", "'first-block' needs 'id'");
    assert_query_fails(&vm, "{\"id\": \"vm0\", \"first-block\": -1}", "GenericError",
                       "first-block");
    vm_end(&vm);
}

/* ---- the program that shows it ---------------------------------------------------------------- */

/* virtio-mem-map, as its users run it, on a machine with something to see. */
static void test_program(void)
{
    const char *program = g_getenv("QTEST_VIRTIO_MEM_MAP");
    g_autofree char *folder = g_dir_make_tmp("virtio-mem-map-XXXXXX", NULL);
    g_autofree char *socket = g_build_filename(folder, "qmp.sock", NULL);
    g_autofree char *png = g_build_filename(folder, "map.png", NULL);
    g_autofree char *props = g_strdup_printf(
        ",requested-size=512M -qmp unix:%s,server=on,wait=off", socket);
    g_autofree char *out = NULL, *data = NULL;
    g_autoptr(GError) error = NULL;
    char *argv[] = { (char *)program, socket, (char *)"--png", png, NULL };
    size_t size;
    int status;
    Vm vm;

    if (!program || skip_map()) {
        g_rmdir(folder);
        if (!program) {
            g_test_skip("QTEST_VIRTIO_MEM_MAP does not say where the program is");
        }
        return;
    }
    vm_start(&vm, RAM_1G, props);
    assert_response(plug(&vm, 0, 64), ACK);
    qtest_writeb(vm.qts, vm.addr + 5 * vm.block_size, 1);
    g_assert_true(g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, &out, NULL, &status, &error));
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_assert_true(g_str_has_prefix(out, "vm0: 128 MiB of 1 GiB plugged, 512 MiB requested: moving\n"
                                   "  the guest has 384 MiB less plugged than requested, and is "
                                   "plugging\n"));
    g_assert_nonnull(strstr(out, "touched      1 of 64 plugged blocks"));
    g_assert_nonnull(strstr(out, "|=====#=========================================================="
                            "|"));
    g_assert_true(g_file_get_contents(png, &data, &size, NULL));
    g_assert_cmpint(size, >, 1000);
    g_assert_cmpmem(data, 4, "\x89PNG", 4);
    vm_end(&vm);
    g_unlink(png);
    g_unlink(socket);
    g_rmdir(folder);
}

/* ---- the list ------------------------------------------------------------------------------- */

void add_report_tests(void)
{
    ADD("report/counts", test_counts);
    ADD("report/last-change", test_last_change);
    ADD("report/resets", test_resets);
    ADD("report/refusals", test_refusals);
    ADD("report/busy", test_busy);
    ADD("report/diagnosis/running", test_diagnosis_running);
    ADD("report/diagnosis/no-driver", test_diagnosis_no_driver);
    ADD("report/diagnosis/unit", test_diagnosis_unit);
    ADD("report/diagnosis/refused-driver", test_diagnosis_refused_driver);
    ADD("report/diagnosis/broken", test_diagnosis_broken);
    ADD("report/fits/driver-unloaded", test_fits_driver_unloaded);
    ADD("report/fits/nothing-after-reset", test_fits_nothing_after_reset);
    ADD("report/fits/guest-stuck", test_fits_guest_stuck);
    ADD("report/fits/no-memory-to-grow", test_fits_no_memory_to_grow);
    ADD("report/fits/not-online", test_fits_not_online);
    ADD_DATA("report/map/ram", RAM_256M, test_map);
    ADD_DATA("report/map/ram-shared", RAM_256M ",share=on", test_map);
    ADD_DATA("report/map/memfd", "memory-backend-memfd,size=256M", test_map);
    ADD_DATA("report/map/memfd-private", "memory-backend-memfd,size=256M,share=off", test_map);
    ADD_DATA("report/map/file", "memory-backend-file,size=256M,mem-path=/dev/shm,share=on",
             test_map);
    ADD("report/map/zero-page", test_map_zero_page);
    ADD("report/map/prealloc", test_map_prealloc);
    ADD("report/map/in-parts", test_map_in_parts);
    ADD("report/map/tebibyte", test_map_of_a_tebibyte);
    ADD("report/property", test_property);
    ADD("report/command", test_command);
    ADD("report/program", test_program);
}
