/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator "qtest": no vCPU ever runs, and the virtual clock stands still until a test
 * moves it (clock_step, clock_set of the qtest protocol). With it a test program is the guest.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "system/accel.h"
#include "system/qtest.h"
#include "system/runstate.h"

static int64_t virtual_clock_ns;

static int64_t qtest_clock_get(void)
{
    return __atomic_load_n(&virtual_clock_ns, __ATOMIC_RELAXED);
}

/* Stops at each timer's time on the way, so that its callback sees the clock as it expects. */
void qtest_clock_warp(int64_t dest)
{
    while (virtual_clock_ns < dest && !qemu_end_is_requested()) {
        int64_t next = qemu_clock_next_expiry_ns(QEMU_CLOCK_VIRTUAL);

        if (next < 0 || next > dest) {
            next = dest;
        }
        /* A timer that is due already must not keep the clock where it is. */
        __atomic_store_n(&virtual_clock_ns, MAX(next, virtual_clock_ns + 1), __ATOMIC_RELAXED);
        qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL);
    }
}

static int qtest_accel_init_machine(AccelState *as, MachineState *ms, Error **errp)
{
    virtual_clock_ns = 0;
    qemu_clock_set_virtual_source(qtest_clock_get);
    return 0;
}

static void qtest_accel_cleanup_machine(AccelState *as, MachineState *ms)
{
    qemu_clock_set_virtual_source(NULL);
}

static void qtest_accel_class_init(ObjectClass *oc, const void *data)
{
    AccelClass *ac = ACCEL_CLASS(oc);

    ac->name = "qtest";
    ac->runs_vcpus = false;
    ac->init_machine = qtest_accel_init_machine;
    ac->cleanup_machine = qtest_accel_cleanup_machine;
}

static const TypeInfo qtest_accel_types[] = {
    {
        .name = ACCEL_CLASS_NAME("qtest"),
        .parent = TYPE_ACCEL,
        .class_init = qtest_accel_class_init,
    },
};
DEFINE_TYPES(qtest_accel_types)
