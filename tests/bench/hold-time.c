/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long at a stretch nobody else gets the big lock while a virtio-mem device that is full is
 * reset, reset with the whole machine, removed, or the emulator is quit, and while a long request
 * is cancelled by a device reset. One thread asks QMP all the time, the other reads a port over
 * qtest, as an exit of another vCPU would; the longest from asking to the answer counts, and that
 * of the act itself, from before it until all memory has been given back that is to be. Of quit
 * it is the time until the emulator has closed its monitor: what the kernel then does to end the
 * process holds no lock. Prints milliseconds.
 *
 * Usage: QTEST_QEMU_BINARY=… hold-time ACT ram|memfd MIB on|off     (the last: prealloc=)
 * ACT: nothing, device-reset, system-reset, unrealize, quit, cancel
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include "libqtest-raw.h"
#include "mem-driver.h"
#include "qobject/qdict.h"

#define TIMEOUT_US (120 * G_USEC_PER_SEC)
/* For what gives nothing back: as long as somebody could notice. */
#define WATCH_US (G_USEC_PER_SEC / 5)
#define CMOS_DATA 0x71
/* Of a "pc": what makes the guest's ACPI give a slot free. */
#define PC_HOTPLUG_EJECT 0xae08
/* What the process may have taken for itself meanwhile. */
#define SLACK ((uint64_t)(32 * MiB))

typedef struct Hold {
    MemDriver d;
    const char *backend;
    char *socket;           /* of the QMP monitor that quit goes through */
    bool prealloc;
    uint64_t size;
    uint64_t empty;         /* resident bytes with nothing plugged */
    gint64 qmp_us, port_us; /* the longest */
    const char *command;    /* the QMP thread is to carry out, again while it is refused */
    int asked, done;        /* atomic: it was carried out, or there is none; end the thread */
} Hold;

static void longest(gint64 *us, gint64 since)
{
    *us = MAX(*us, g_get_monotonic_time() - since);
}

/* ---- who waits ---- */

static bool hold_qmp(Hold *hold, const char *command)
{
    QTestState *qts = hold->d.qts;
    gint64 start = g_get_monotonic_time();
    QDict *answer = g_str_equal(command, "device_del")
                        ? qtest_qmp(qts, "{'execute': %s, 'arguments': {'id': 'vm0'}}", command)
                        : qtest_qmp(qts, "{'execute': %s}", command);
    bool ok = qdict_haskey(answer, "return");

    longest(&hold->qmp_us, start);
    qobject_unref(answer);
    return ok;
}

static gpointer hold_qmp_thread(gpointer opaque)
{
    Hold *hold = opaque;

    do {
        if (!g_atomic_int_get(&hold->asked)) {
            g_atomic_int_set(&hold->asked, !hold->command || hold_qmp(hold, hold->command));
        }
        g_assert_true(hold_qmp(hold, "query-status"));
        g_usleep(1000);
    } while (!g_atomic_int_get(&hold->done));
    return NULL;
}

static void hold_read_port(Hold *hold)
{
    gint64 start = g_get_monotonic_time();

    qtest_inb(hold->d.qts, CMOS_DATA);
    longest(&hold->port_us, start);
}

/* Until the process has shrunk to @target bytes; 0: for a while. */
static void hold_watch(Hold *hold, uint64_t target)
{
    gint64 start = g_get_monotonic_time(), passed;

    do {
        hold_read_port(hold);
        passed = g_get_monotonic_time() - start;
        g_assert_cmpint(passed, <, TIMEOUT_US);
    } while (target ? mem_driver_resident(&hold->d) > target : passed < WATCH_US);
}

/* ---- what is held for ---- */

typedef struct Act {
    const char *name;
    bool starts_request;    /* a long request is under way: a PLUG that preallocates, or UNPLUG ALL */
    bool reset_before;      /* of the machine, which leaves memory to be given back; not timed */
    const char *command;    /* of QMP, by the thread that is timed */
    void (*run)(Hold *hold);            /* then; NULL: nothing */
    bool gives_back;        /* all memory, in the end */
} Act;

static void act_device_reset(Hold *hold)
{
    QVirtioDevice *vdev = &hold->d.dev->vdev;
    gint64 start = g_get_monotonic_time();

    vdev->bus->set_status(vdev, 0);
    longest(&hold->port_us, start);
}

static void act_eject(Hold *hold)
{
    gint64 start = g_get_monotonic_time();

    qtest_outl(hold->d.qts, PC_HOTPLUG_EJECT, 1u << MEM_DRIVER_SLOT);
    longest(&hold->port_us, start);
}

static const Act acts[] = {
    { "nothing" },
    { "device-reset", .run = act_device_reset },
    { "system-reset", .command = "system_reset", .gives_back = true },
    /* What is left of the reset is at work when the device goes. */
    { "unrealize", .run = act_eject, .gives_back = true,
      .reset_before = true, .command = "device_del" },
    { "cancel", .starts_request = true, .run = act_device_reset },
    { "quit", .starts_request = true },
};

/* ---- the device ---- */

static void hold_plug(Hold *hold)
{
    mem_driver_prepare(&hold->d, 0, VIRTIO_MEM_REQ_PLUG, 0, hold->size / MEM_DRIVER_BLOCK_SIZE);
}

static void hold_fill(Hold *hold)
{
    hold_plug(hold);
    mem_driver_run(&hold->d, 1);
    if (!hold->prealloc) {
        mem_driver_fill(&hold->d, hold->size);
    }
    g_assert_cmpint(mem_driver_resident(&hold->d), >=, hold->size);
}

/* Begins a request that takes long, and returns when a quarter is done (or all of it). */
static void hold_start_request(Hold *hold)
{
    MemDriver *d = &hold->d;
    uint64_t quarter = hold->size / 4;
    gint64 start = g_get_monotonic_time();

    if (hold->prealloc) {
        hold_plug(hold);
    } else {
        hold_fill(hold);
        mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    }
    mem_driver_offer(d, 1);
    mem_driver_notify(d);
    while (!mem_driver_is_done(d) &&
           (hold->prealloc ? mem_driver_resident(d) < hold->empty + quarter
                           : mem_driver_resident(d) > hold->empty + hold->size - quarter)) {
        g_assert_cmpint(g_get_monotonic_time() - start, <, TIMEOUT_US);
        g_usleep(1000);
    }
}

/* ---- quit ---- */

static int hold_connect(const Hold *hold)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(g_strlcpy(address.sun_path, hold->socket, sizeof(address.sun_path)), <,
                    sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

static void hold_say(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static void hold_quit(Hold *hold)
{
    static const char hello[] = "{'execute': 'qmp_capabilities'}";
    static const char quit[] = "{'execute': 'quit'}";
    int fd = hold_connect(hold);
    char buf[4096];
    gint64 start;

    hold_say(fd, hello);
    g_usleep(10 * 1000);
    start = g_get_monotonic_time();
    hold_say(fd, quit);
    while (read(fd, buf, sizeof(buf)) > 0) {
    }
    longest(&hold->qmp_us, start);
    hold->port_us = hold->qmp_us;
    close(fd);
    qtest_wait_qemu(hold->d.qts);
}

/* ---- all of it ---- */

static void hold_act(Hold *hold, const Act *act)
{
    GThread *qmp;

    if (act->reset_before) {
        qtest_qmp_assert_success(hold->d.qts, "{'execute': 'qom-set', 'arguments': {'path': "
                                 "'/machine/peripheral/vm0', 'property': 'requested-size', "
                                 "'value': 0}}");
        qtest_qmp_assert_success(hold->d.qts, "{'execute': 'system_reset'}");
    }
    hold->command = act->command;
    qmp = g_thread_new("qmp", hold_qmp_thread, hold);
    while (!g_atomic_int_get(&hold->asked)) {
        hold_read_port(hold);
    }
    if (act->run) {
        act->run(hold);
    }
    hold_watch(hold, act->gives_back || (act->starts_request && hold->prealloc)
                     ? hold->empty + SLACK : 0);
    g_atomic_int_set(&hold->done, 1);
    g_thread_join(qmp);
}

/* That what was timed has happened. */
static void hold_check(Hold *hold, const Act *act)
{
    QDict *answer;

    if (act->run == act_eject) {
        answer = qtest_qmp(hold->d.qts, "{'execute': 'qom-list', 'arguments': "
                           "{'path': '/machine/peripheral/vm0'}}");
        g_assert_true(qdict_haskey(answer, "error"));
        qobject_unref(answer);
    }
}

static void hold_run(Hold *hold, const Act *act)
{
    g_autofree char *directory = g_dir_make_tmp("hold-XXXXXX", NULL);
    g_autofree char *options = NULL;

    hold->socket = g_build_filename(directory, "qmp", NULL);
    options = g_strdup_printf("-qmp unix:%s,server=on,wait=off", hold->socket);
    mem_driver_start_as(&hold->d, "pc", hold->backend, hold->size / MiB,
                        hold->prealloc ? ",prealloc=on" : "", options);
    hold->empty = mem_driver_resident(&hold->d);
    if (act->starts_request) {
        hold_start_request(hold);
    } else {
        hold_fill(hold);
    }
    if (g_str_equal(act->name, "quit")) {
        hold_quit(hold);
    } else {
        hold_act(hold, act);
        hold_check(hold, act);
    }
    mem_driver_end(&hold->d);
    unlink(hold->socket);
    rmdir(directory);
    g_free(hold->socket);
}

int main(int argc, char **argv)
{
    uint64_t mib = argc == 5 ? g_ascii_strtoull(argv[3], NULL, 10) : 0;
    const Act *act = NULL;
    Hold hold = { 0 };

    for (size_t i = 0; argc == 5 && i < ARRAY_SIZE(acts); i++) {
        act = g_str_equal(acts[i].name, argv[1]) ? &acts[i] : act;
    }
    if (!act || !mib || mib % 2 || mib / 2 > UINT16_MAX) {
        fprintf(stderr, "usage: QTEST_QEMU_BINARY=… hold-time nothing|device-reset|system-reset|"
                "unrealize|quit|cancel ram|memfd MIB on|off\n");
        return 2;
    }
    hold.backend = argv[2];
    hold.size = mib * MiB;
    hold.prealloc = g_str_equal(argv[4], "on");
    hold_run(&hold, act);
    printf("qmp %.3f\n", (double)hold.qmp_us / 1000);
    printf("port %.3f\n", (double)hold.port_us / 1000);
    return 0;
}
