/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes on while a virtio-mem device gives back memory that the guest has written: a QMP client
 * asks query-status, and over qtest come, as another vCPU's exits would, reads of a port and writes
 * to RAM that has not been touched (page faults under the lock that the discard takes as well).
 * Prints milliseconds: the longest of each from asking to the answer, and how long the discard
 * took.
 *
 * Usage: QTEST_QEMU_BINARY=… discard-time unplug-all|reset ram|memfd MIB
 */
#include "qemu/osdep.h"
#include "mem-driver.h"

#define TIMEOUT_US (120 * G_USEC_PER_SEC)
#define CMOS_DATA 0x71
/* RAM that nobody uses, in steps of a transparent huge page: each write to the next one faults. */
#define FAULT_START ((uint64_t)(128 * MiB))
#define FAULT_STEP ((uint64_t)(2 * MiB))
#define NB_FAULTS 16
#define REQUEST_MAX 65535

typedef struct Longest {
    gint64 us;
    unsigned nb;
} Longest;

typedef struct Discard {
    MemDriver d;
    const char *backend;
    bool by_reset;
    Longest qmp, port, fault;
    int started;      /* atomic: the QMP client has asked once */
    int done;         /* atomic */
} Discard;

static void longest_add(Longest *longest, gint64 since)
{
    longest->us = MAX(longest->us, g_get_monotonic_time() - since);
    longest->nb++;
}

/* QMP has a socket of its own, so this thread shares nothing with the other but the flags. */
static gpointer discard_qmp_thread(gpointer opaque)
{
    Discard *discard = opaque;
    gint64 start = g_get_monotonic_time();

    if (discard->by_reset) {
        qtest_qmp_assert_success(discard->d.qts, "{'execute': 'system_reset'}");
        longest_add(&discard->qmp, start);
    }
    do {
        start = g_get_monotonic_time();
        qtest_qmp_assert_success(discard->d.qts, "{'execute': 'query-status'}");
        longest_add(&discard->qmp, start);
        g_atomic_int_set(&discard->started, 1);
        g_usleep(1000);
    } while (!g_atomic_int_get(&discard->done));
    return NULL;
}

/*
 * A reset answers nothing: it is done when the memory is gone. So is UNPLUG ALL, by its contract,
 * when it is answered.
 */
static bool discard_is_done(Discard *discard, uint64_t target)
{
    return discard->by_reset ? mem_driver_resident(&discard->d) <= target
                             : mem_driver_is_done(&discard->d);
}

static void discard_fault(Discard *discard)
{
    gint64 start = g_get_monotonic_time();

    qtest_memset(discard->d.qts, FAULT_START + discard->fault.nb * FAULT_STEP, 1, 4096);
    longest_add(&discard->fault, start);
}

/* Accesses until all is done; @start is when the discard was asked for. */
static void discard_watch(Discard *discard, gint64 start, uint64_t target)
{
    gint64 begin = start;

    do {
        g_assert_cmpint(begin - start, <, TIMEOUT_US);
        qtest_inb(discard->d.qts, CMOS_DATA);
        longest_add(&discard->port, begin);
        if (discard->fault.nb < NB_FAULTS) {
            discard_fault(discard);
        }
        begin = g_get_monotonic_time();
    } while (!discard_is_done(discard, target));
}

static void discard_prepare(Discard *discard, uint64_t size)
{
    MemDriver *d = &discard->d;
    uint64_t nb_blocks = size / MEM_DRIVER_BLOCK_SIZE;

    mem_driver_start(d, discard->backend, size / MiB);
    g_assert_cmpint(nb_blocks, <=, REQUEST_MAX);
    mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_PLUG, 0, nb_blocks);
    mem_driver_run(d, 1);
    mem_driver_fill(d, size);
    g_assert_cmpint(mem_driver_resident(d), >=, size);
    if (!discard->by_reset) {
        mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
        mem_driver_offer(d, 1);
    }
}

static void discard_run(Discard *discard, uint64_t size)
{
    MemDriver *d = &discard->d;
    /* What the faults add meanwhile may stay, and what the process takes for itself. */
    uint64_t target = mem_driver_resident(d) - size + (NB_FAULTS + 1) * FAULT_STEP;
    gint64 start;
    GThread *qmp;

    if (discard->by_reset) {
        start = g_get_monotonic_time();
        qmp = g_thread_new("qmp", discard_qmp_thread, discard);
    } else {
        qmp = g_thread_new("qmp", discard_qmp_thread, discard);
        while (!g_atomic_int_get(&discard->started)) {
            g_usleep(100);
        }
        start = g_get_monotonic_time();
        mem_driver_notify(d);
    }
    discard_watch(discard, start, target);
    if (!discard->by_reset) {
        mem_driver_check(d, 1);
    }
    printf("discard %.3f\n", (double)(g_get_monotonic_time() - start) / 1000);
    g_atomic_int_set(&discard->done, 1);
    g_thread_join(qmp);
    g_assert_cmpint(mem_driver_resident(d), <=, target);
}

int main(int argc, char **argv)
{
    Discard discard = { 0 };
    uint64_t mib = argc == 4 ? g_ascii_strtoull(argv[3], NULL, 10) : 0;

    if (!mib || mib % 2 || (!g_str_equal(argv[1], "reset") && !g_str_equal(argv[1], "unplug-all"))) {
        fprintf(stderr, "usage: QTEST_QEMU_BINARY=… discard-time unplug-all|reset ram|memfd MIB\n");
        return 2;
    }
    discard.by_reset = g_str_equal(argv[1], "reset");
    discard.backend = argv[2];
    discard_prepare(&discard, mib * MiB);
    discard_run(&discard, mib * MiB);
    printf("qmp %.3f\n", (double)discard.qmp.us / 1000);
    printf("port %.3f\n", (double)discard.port.us / 1000);
    printf("fault %.3f\n", (double)discard.fault.us / 1000);
    mem_driver_end(&discard.d);
    return 0;
}
