/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks, timers, bottom halves, file handlers and the big lock of the main loop.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

static int64_t fake_now;
static int64_t fake_clock(void) { return fake_now; }
static void count(void *opaque) { (*(int *)opaque)++; }

static void test_virtual_clock(void)
{
    QEMUTimer *a, *b;
    int na = 0, nb = 0;

    qemu_clock_set_virtual_source(fake_clock);
    fake_now = 1000;
    a = timer_new_ns(QEMU_CLOCK_VIRTUAL, count, &na);
    b = timer_new_ms(QEMU_CLOCK_VIRTUAL, count, &nb);
    timer_mod(a, 3000);
    timer_mod(b, 2);
    g_assert_true(timer_pending(a));
    g_assert_cmpint(qemu_clock_next_expiry_ns(QEMU_CLOCK_VIRTUAL), ==, 3000);
    g_assert_false(qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL));
    fake_now = 3000;
    g_assert_true(qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL));
    g_assert_cmpint(na, ==, 1);
    g_assert_false(timer_pending(a));
    g_assert_cmpint(nb, ==, 0);
    timer_del(b);
    fake_now = 10 * SCALE_MS;
    g_assert_false(qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL));
    g_assert_cmpint(nb, ==, 0);
    g_assert_cmpint(qemu_clock_next_expiry_ns(QEMU_CLOCK_VIRTUAL), ==, -1);
    timer_free(a);
    timer_free(b);
    qemu_clock_set_virtual_source(NULL);
}

static void test_virtual_stopped(void)
{
    int64_t t = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    g_usleep(3000);
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), ==, t);
    cpu_enable_ticks();
    g_usleep(3000);
    cpu_disable_ticks();
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), >=, t + 3 * SCALE_MS);
}

static void test_timer_fires(void)
{
    int64_t start = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
    int n = 0;
    QEMUTimer *t = timer_new_ms(QEMU_CLOCK_REALTIME, count, &n);

    timer_mod(t, start + 20);
    while (!n) {
        main_loop_wait(false);
    }
    g_assert_cmpint(qemu_clock_get_ms(QEMU_CLOCK_REALTIME) - start, >=, 20);
    g_assert_cmpint(n, ==, 1);
    timer_free(t);
}

static void test_bh(void)
{
    int n = 0, once = 0;
    QEMUBH *bh = qemu_bh_new(count, &n);

    qemu_bh_schedule(bh);
    qemu_bh_schedule(bh);
    qemu_bh_schedule_oneshot(count, &once);
    main_loop_wait(true);
    g_assert_cmpint(n, ==, 1);
    g_assert_cmpint(once, ==, 1);
    qemu_bh_schedule(bh);
    qemu_bh_cancel(bh);
    main_loop_wait(true);
    g_assert_cmpint(n, ==, 1);
    qemu_bh_schedule(bh);
    qemu_bh_delete(bh);
    main_loop_wait(true);
    g_assert_cmpint(n, ==, 1);
}

/* Another thread gets the lock while the loop polls, and its bottom half ends the wait. */
static gpointer bh_thread(gpointer opaque)
{
    g_usleep(20000);
    g_assert_false(bql_locked());
    bql_lock();
    g_assert_true(bql_locked());
    bql_unlock();
    qemu_bh_schedule_oneshot(count, opaque);
    return NULL;
}

static void test_bh_from_thread(void)
{
    int n = 0;
    QemuThread t;

    qemu_thread_create(&t, "bh", bh_thread, &n, QEMU_THREAD_JOINABLE);
    g_assert_true(bql_locked());
    while (!n) {
        main_loop_wait(false);
    }
    g_assert_true(bql_locked());
    qemu_thread_join(&t);
}

static void event_cb(EventNotifier *e)
{
    g_assert_cmpint(event_notifier_test_and_clear(e), ==, 1);
    event_notifier_set_handler(e, NULL);
}

static void test_event_notifier(void)
{
    EventNotifier e;

    g_assert_cmpint(event_notifier_init(&e, 0), ==, 0);
    g_assert_cmpint(event_notifier_test_and_clear(&e), ==, 0);
    event_notifier_set_handler(&e, event_cb);
    g_assert_cmpint(event_notifier_set(&e), ==, 0);
    main_loop_wait(true);
    g_assert_cmpint(event_notifier_test_and_clear(&e), ==, 0);
    /* The handler removed itself: nobody clears it now. */
    event_notifier_set(&e);
    main_loop_wait(true);
    g_assert_cmpint(event_notifier_test_and_clear(&e), ==, 1);
    event_notifier_cleanup(&e);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    g_test_add_func("/timer/virtual-source", test_virtual_clock);
    g_test_add_func("/timer/virtual-stands-still-when-stopped", test_virtual_stopped);
    g_test_add_func("/main-loop/timer", test_timer_fires);
    g_test_add_func("/main-loop/bottom-half", test_bh);
    g_test_add_func("/main-loop/bottom-half-from-thread", test_bh_from_thread);
    g_test_add_func("/main-loop/event-notifier", test_event_notifier);
    return g_test_run();
}
