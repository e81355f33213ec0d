/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that waits until the register write that asked for it has returned: when it is done, once,
 * and when not at all.
 */
#include "qemu/osdep.h"
#include "hw/core/postponed.h"
#include "qapi/util.h"

static PostponedWork work;
static int nb_done;

static void count_up(void *opaque)
{
    ++*(int *)opaque;
}

static void expect(int expected)
{
    g_assert_cmpint(nb_done, ==, expected);
    main_loop_wait(true);
    g_assert_cmpint(nb_done, ==, expected);
}

static void setup(void)
{
    nb_done = 0;
    postponed_work_init(&work, count_up, &nb_done);
    expect(0);
}

static void test_main_loop(void)
{
    setup();
    postponed_work_schedule(&work);
    postponed_work_schedule(&work);
    g_assert_cmpint(nb_done, ==, 0);
    main_loop_wait(true);
    expect(1);
    postponed_work_cleanup(&work);
}

static void test_finish(void)
{
    setup();
    postponed_work_schedule(&work);
    postponed_work_finish(&work);
    postponed_work_finish(&work);
    expect(1);
    postponed_work_cleanup(&work);
}

/* A stopped machine does not change any more. */
static void test_stop(void)
{
    setup();
    vm_start();
    postponed_work_schedule(&work);
    vm_stop(RUN_STATE_PAUSED);
    expect(1);
    vm_start();
    vm_stop(RUN_STATE_PAUSED);
    expect(1);
    postponed_work_cleanup(&work);
}

static void test_cleanup(void)
{
    PostponedWork never = { };

    setup();
    postponed_work_schedule(&work);
    postponed_work_cleanup(&work);
    postponed_work_cleanup(&work);
    postponed_work_cleanup(&never);
    expect(0);
}

static void ignore_event(const QAPIEventInfo *info, json_t *data)
{
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    qapi_event_set_emit(ignore_event);
    g_test_add_func("/postponed/by-the-main-loop-once", test_main_loop);
    g_test_add_func("/postponed/when-the-owner-says-so", test_finish);
    g_test_add_func("/postponed/before-a-stop", test_stop);
    g_test_add_func("/postponed/not-without-owner", test_cleanup);
    return g_test_run();
}
