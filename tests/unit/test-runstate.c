/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system/runstate.c and reset.c: what each request does to the state, who is told in which order,
 * and that reset handlers run by phases.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "qapi/util.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "system/reset.h"
#include "system/runstate.h"

static GString *log_text;
static char one_name[] = "one", two_name[] = "two", three_name[] = "three";
static char late_name[] = "late", first_name[] = "first", second_name[] = "second";

static void log_event(const QAPIEventInfo *info, json_t *data)
{
    const char *reason = json_string_value(json_object_get(data, "reason"));

    g_string_append_printf(log_text, "%s%s%s ", info->name, reason ? ":" : "",
                           reason ? reason : "");
}

static void log_change(void *opaque, bool running, RunState state)
{
    g_string_append_printf(log_text, "%s%c ", (const char *)opaque, running ? '+' : '-');
}

static void log_reset(void *opaque)
{
    g_string_append_printf(log_text, "%s ", (const char *)opaque);
}

/* The log so far, which starts anew. */
static void expect_log(const char *expected)
{
    g_assert_cmpstr(log_text->str, ==, expected);
    g_string_truncate(log_text, 0);
}

static bool pending(int *status)
{
    return main_loop_should_exit(status);
}

static void reset_to_prelaunch(void)
{
    int status;

    vm_stop(RUN_STATE_PAUSED);
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    g_assert_false(pending(&status));
    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    g_string_truncate(log_text, 0);
}

static void test_start_stop(void)
{
    VMChangeStateEntry *late = qemu_add_vm_change_state_handler_prio(log_change, late_name, 1);
    VMChangeStateEntry *first = qemu_add_vm_change_state_handler(log_change, first_name);
    VMChangeStateEntry *second = qemu_add_vm_change_state_handler(log_change, second_name);
    int64_t before;

    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    vm_start();
    g_assert_true(runstate_is_running());
    vm_start();
    expect_log("RESUME first+ second+ late+ ");
    vm_stop(RUN_STATE_PAUSED);
    vm_stop(RUN_STATE_PAUSED);
    g_assert_true(runstate_check(RUN_STATE_PAUSED));
    expect_log("late- second- first- STOP ");

    before = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    g_usleep(2000);
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), ==, before);

    qemu_del_vm_change_state_handler(first);
    qemu_del_vm_change_state_handler(second);
    qemu_del_vm_change_state_handler(late);
    reset_to_prelaunch();
}

static bool refuse_to_run(Error **errp)
{
    error_setg(errp, "no firmware: use -kernel");
    return false;
}

static void test_refused_start(void)
{
    Error *err = NULL;

    vm_set_runnable_check(refuse_to_run);
    g_assert_false(vm_start_checked(&err));
    g_assert_cmpstr(error_get_pretty(err), ==, "no firmware: use -kernel");
    error_free(err);
    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    expect_log("");
    vm_set_runnable_check(NULL);
}

static void test_reset_requests(void)
{
    int status;

    qemu_register_reset(log_reset, one_name);
    qemu_register_reset_nosnapshotload(log_reset, two_name);
    qemu_register_reset(log_reset, three_name);
    qemu_unregister_reset(log_reset, three_name);
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    g_assert_false(pending(&status));
    g_assert_false(pending(&status));
    expect_log("one two RESET:guest-reset ");
    qemu_devices_reset(RESET_TYPE_SNAPSHOT_LOAD);
    expect_log("one ");

    runstate_set_reboot_action(REBOOT_ACTION_SHUTDOWN);
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    g_assert_true(pending(&status));
    g_assert_cmpint(status, ==, 0);
    expect_log("SHUTDOWN:guest-reset ");
    runstate_set_reboot_action(REBOOT_ACTION_RESET);
    qemu_unregister_reset(log_reset, one_name);
    qemu_unregister_reset(log_reset, two_name);
}

static void test_shutdown_requests(void)
{
    int status;

    runstate_set_shutdown_action(SHUTDOWN_ACTION_PAUSE);
    vm_start();
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    g_assert_false(pending(&status));
    g_assert_true(runstate_check(RUN_STATE_SHUTDOWN));
    g_assert_true(runstate_needs_reset());
    expect_log("RESUME SHUTDOWN:guest-shutdown STOP ");
    reset_to_prelaunch();
    g_assert_false(runstate_needs_reset());

    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    g_assert_true(pending(&status));
    g_assert_cmpint(status, ==, 0);
    runstate_set_shutdown_action(SHUTDOWN_ACTION_POWEROFF);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_ERROR);
    g_assert_true(pending(&status));
    g_assert_cmpint(status, ==, 1);
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN, 7);
    g_assert_true(pending(&status));
    g_assert_cmpint(status, ==, 7);
    g_string_truncate(log_text, 0);
}

static void log_powerdown(Notifier *n, void *data)
{
    g_string_append(log_text, "button ");
}

static void test_powerdown_and_stop(void)
{
    Notifier button = { .notify = log_powerdown };
    int status;

    qemu_register_powerdown_notifier(&button);
    qemu_system_powerdown_request();
    g_assert_false(pending(&status));
    expect_log("POWERDOWN button ");
    notifier_remove(&button);

    vm_start();
    qemu_system_guest_panicked_stop();
    g_assert_false(pending(&status));
    g_assert_true(runstate_check(RUN_STATE_INTERNAL_ERROR));
    expect_log("RESUME STOP ");
    reset_to_prelaunch();
}

static void *stop_from_thread(void *opaque)
{
    bql_lock();
    vm_stop(RUN_STATE_PAUSED);
    g_assert_true(runstate_is_running());
    bql_unlock();
    return NULL;
}

static void test_stop_from_thread(void)
{
    QemuThread thread;
    int status;

    vm_start();
    bql_unlock();
    qemu_thread_create(&thread, "stopper", stop_from_thread, NULL, QEMU_THREAD_JOINABLE);
    qemu_thread_join(&thread);
    bql_lock();
    g_assert_false(pending(&status));
    g_assert_true(runstate_check(RUN_STATE_PAUSED));
    reset_to_prelaunch();
}

/* ---- Requests in every order ---- */

static void post_guest_shutdown_7(void)
{
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN, 7);
}

static void post_guest_shutdown(void)
{
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

static void post_guest_reset(void)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static void post_panic(void)
{
    qemu_system_guest_panicked_stop();
}

static void post_pause(void)
{
    qemu_system_vmstop_request(RUN_STATE_PAUSED);
}

static void post_quit(void)
{
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

static void post_signal(void)
{
    qemu_system_killed(SIGTERM, 0);
}

static void post_host_error(void)
{
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_ERROR);
}

/* What ends the process, and how much it weighs; equals: the last one is told. */
enum { ENDS_NOTHING, ENDS_UNLESS_PAUSE, ENDS, ENDS_WITH_ERROR };

static const struct {
    void (*post)(void);
    int weight;
    const char *told;               /* SHUTDOWN's reason */
    int status;
} requests[] = {
    { post_guest_shutdown, ENDS_UNLESS_PAUSE, "SHUTDOWN:guest-shutdown", 0 },
    { post_guest_shutdown_7, ENDS_UNLESS_PAUSE, "SHUTDOWN:guest-shutdown", 7 },
    { post_guest_reset, ENDS_NOTHING, "", 0 },          /* with -no-reboot see below */
    { post_panic, ENDS_NOTHING, "", 0 },
    { post_pause, ENDS_NOTHING, "", 0 },
    { post_quit, ENDS, "SHUTDOWN:host-qmp-quit", 0 },
    { post_signal, ENDS, "SHUTDOWN:host-signal", 0 },
    { post_host_error, ENDS_WITH_ERROR, "SHUTDOWN:host-error", 1 },
};
#define NB_REQUESTS ARRAY_SIZE(requests)

static bool is_reset(unsigned i)
{
    return requests[i].post == post_guest_reset;
}

/* Posts three requests to a running machine, then looks at what one pass of the main loop does. */
static void check_order(const unsigned order[3], bool no_reboot, bool no_shutdown)
{
    int weight = ENDS_NOTHING, expected_status = 0, status = -1;
    const char *told = "";
    bool panic = false, reset = false, ended, ok;

    runstate_set_reboot_action(no_reboot ? REBOOT_ACTION_SHUTDOWN : REBOOT_ACTION_RESET);
    runstate_set_shutdown_action(no_shutdown ? SHUTDOWN_ACTION_PAUSE : SHUTDOWN_ACTION_POWEROFF);
    vm_start();
    g_string_truncate(log_text, 0);
    for (unsigned i = 0; i < 3; i++) {
        bool ends = is_reset(order[i]) && no_reboot;
        int this_weight = ends ? ENDS_UNLESS_PAUSE : requests[order[i]].weight;

        requests[order[i]].post();
        panic = panic || requests[order[i]].post == post_panic;
        reset = reset || (is_reset(order[i]) && !no_reboot);
        if (this_weight != ENDS_NOTHING && this_weight >= weight) {
            weight = this_weight;
            told = ends ? "SHUTDOWN:guest-reset" : requests[order[i]].told;
            expected_status = requests[order[i]].status;
        }
    }
    ended = pending(&status);
    ok = ended == (weight >= ENDS || (weight == ENDS_UNLESS_PAUSE && !no_shutdown)) &&
         strstr(log_text->str, told);
    if (ended) {
        ok = ok && status == expected_status;
    } else if (weight == ENDS_UNLESS_PAUSE) {
        ok = ok && runstate_check(reset ? RUN_STATE_PRELAUNCH : RUN_STATE_SHUTDOWN);
    } else if (panic) {
        ok = ok && runstate_check(RUN_STATE_INTERNAL_ERROR);
    }
    if (!ok) {
        g_test_message("requests %u %u %u, no-reboot %d, no-shutdown %d: %s, status %d, state %s; "
                       "expected %s, status %d", order[0], order[1], order[2], no_reboot,
                       no_shutdown, log_text->str, status, RunState_str(runstate_get()), told,
                       expected_status);
        g_test_fail();
    }
    runstate_set_reboot_action(REBOOT_ACTION_RESET);
    runstate_set_shutdown_action(SHUTDOWN_ACTION_POWEROFF);
    g_assert_false(!ended && pending(&status));         /* nothing is left over */
    while (pending(&status)) {
        continue;
    }
    reset_to_prelaunch();
}

static void test_every_order(void)
{
    int null = open("/dev/null", O_WRONLY), err = dup(STDERR_FILENO);

    dup2(null, STDERR_FILENO);      /* "terminating on signal", a thousand times */
    for (unsigned n = 0; n < NB_REQUESTS * NB_REQUESTS * NB_REQUESTS * 4; n++) {
        const unsigned order[3] = {
            n / 4 % NB_REQUESTS, n / 4 / NB_REQUESTS % NB_REQUESTS,
            n / 4 / NB_REQUESTS / NB_REQUESTS,
        };

        check_order(order, n & 1, n & 2);
    }
    dup2(err, STDERR_FILENO);
    close(err);
    close(null);
}

/* The exit code of a power-off that was only paused at is not that of a later end. */
static void test_exit_code_is_the_causes(void)
{
    int status = -1;

    runstate_set_shutdown_action(SHUTDOWN_ACTION_PAUSE);
    vm_start();
    post_guest_shutdown_7();
    g_assert_false(pending(&status));
    post_quit();
    g_assert_true(pending(&status));
    g_assert_cmpint(status, ==, 0);
    runstate_set_shutdown_action(SHUTDOWN_ACTION_POWEROFF);
    reset_to_prelaunch();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    log_text = g_string_new(NULL);
    qapi_event_set_emit(log_event);

    g_test_add_func("/runstate/start-stop", test_start_stop);
    g_test_add_func("/runstate/start-refused", test_refused_start);
    g_test_add_func("/runstate/reset", test_reset_requests);
    g_test_add_func("/runstate/shutdown", test_shutdown_requests);
    g_test_add_func("/runstate/every-order", test_every_order);
    g_test_add_func("/runstate/exit-code", test_exit_code_is_the_causes);
    g_test_add_func("/runstate/powerdown-and-internal-error", test_powerdown_and_stop);
    g_test_add_func("/runstate/stop-from-another-thread", test_stop_from_thread);
    return g_test_run();
}
