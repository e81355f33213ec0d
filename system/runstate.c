/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run state, starting and stopping, and the requests (reset, shutdown, power-down, stop) that
 * any thread or signal handler leaves for the main loop. A request is one atomic word, taken with
 * an exchange: none is carried out twice, and of several of a kind the weightiest is, of equals the
 * last (a signal that ends the process is not lost to a guest's power-off that -no-shutdown only
 * pauses at). Everything that changes the state itself happens on the main thread under the big
 * lock.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "qapi/qapi-events-run-state.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "system/accel.h"
#include "system/reset.h"
#include "system/runstate.h"

/* ---- state ---------------------------------------------------------------------------------- */

static RunState current_state = RUN_STATE_PRELAUNCH;

#define STATE_BIT(name) (1u << RUN_STATE_##name)

/* Where each state may go. A state that is not listed is never entered here. */
static const uint32_t transitions[RUN_STATE__MAX] = {
    [RUN_STATE_PRELAUNCH] = STATE_BIT(RUNNING) | STATE_BIT(PAUSED) | STATE_BIT(SHUTDOWN) |
                            STATE_BIT(INTERNAL_ERROR),
    [RUN_STATE_RUNNING] = STATE_BIT(PAUSED) | STATE_BIT(SHUTDOWN) | STATE_BIT(INTERNAL_ERROR) |
                          STATE_BIT(GUEST_PANICKED) | STATE_BIT(IO_ERROR) | STATE_BIT(PRELAUNCH),
    [RUN_STATE_IO_ERROR] = STATE_BIT(PAUSED) | STATE_BIT(PRELAUNCH) | STATE_BIT(RUNNING) |
                           STATE_BIT(SHUTDOWN),
    [RUN_STATE_PAUSED] = STATE_BIT(RUNNING) | STATE_BIT(PRELAUNCH) | STATE_BIT(SHUTDOWN),
    [RUN_STATE_SHUTDOWN] = STATE_BIT(PAUSED) | STATE_BIT(PRELAUNCH) | STATE_BIT(RUNNING),
    [RUN_STATE_INTERNAL_ERROR] = STATE_BIT(PAUSED) | STATE_BIT(PRELAUNCH) | STATE_BIT(RUNNING) |
                                 STATE_BIT(SHUTDOWN),
    [RUN_STATE_GUEST_PANICKED] = STATE_BIT(PAUSED) | STATE_BIT(PRELAUNCH) | STATE_BIT(RUNNING) |
                                 STATE_BIT(SHUTDOWN),
};

bool runstate_check(RunState state)
{
    return current_state == state;
}

RunState runstate_get(void)
{
    return current_state;
}

void runstate_set(RunState new_state)
{
    assert(new_state < RUN_STATE__MAX);
    if (new_state == current_state) {
        return;
    }
    if (!(transitions[current_state] >> new_state & 1)) {
        error_report("impossible run state transition: '%s' to '%s'", RunState_str(current_state),
                     RunState_str(new_state));
        abort();
    }
    current_state = new_state;
}

bool runstate_is_running(void)
{
    return runstate_check(RUN_STATE_RUNNING);
}

bool runstate_needs_reset(void)
{
    return runstate_check(RUN_STATE_INTERNAL_ERROR) || runstate_check(RUN_STATE_SHUTDOWN);
}

/* ---- change handlers ------------------------------------------------------------------------ */

struct VMChangeStateEntry {
    VMChangeStateHandler *cb;
    void *opaque;
    int priority;
    bool deleted;           /* while the list is being walked */
    QTAILQ_ENTRY(VMChangeStateEntry) node;
};

/* By priority, lowest first; equal ones in order of registration. */
static QTAILQ_HEAD(, VMChangeStateEntry) change_handlers = QTAILQ_HEAD_INITIALIZER(change_handlers);
static unsigned change_handlers_walkers;

VMChangeStateEntry *qemu_add_vm_change_state_handler_prio(VMChangeStateHandler *cb, void *opaque,
                                                          int priority)
{
    VMChangeStateEntry *e = g_new0(VMChangeStateEntry, 1), *other;

    e->cb = cb;
    e->opaque = opaque;
    e->priority = priority;
    QTAILQ_FOREACH(other, &change_handlers, node) {
        if (other->priority > priority) {
            QTAILQ_INSERT_BEFORE(other, e, node);
            return e;
        }
    }
    QTAILQ_INSERT_TAIL(&change_handlers, e, node);
    return e;
}

VMChangeStateEntry *qemu_add_vm_change_state_handler(VMChangeStateHandler *cb, void *opaque)
{
    return qemu_add_vm_change_state_handler_prio(cb, opaque, 0);
}

static void change_handler_free(VMChangeStateEntry *e)
{
    QTAILQ_REMOVE(&change_handlers, e, node);
    g_free(e);
}

void qemu_del_vm_change_state_handler(VMChangeStateEntry *e)
{
    if (change_handlers_walkers) {
        e->deleted = true;
    } else {
        change_handler_free(e);
    }
}

static void change_handler_call(VMChangeStateEntry *e, bool running, RunState state)
{
    if (!e->deleted) {
        e->cb(e->opaque, running, state);
    }
}

static void change_handlers_notify(bool running, RunState state)
{
    VMChangeStateEntry *e, *next;

    change_handlers_walkers++;
    if (running) {
        QTAILQ_FOREACH(e, &change_handlers, node) {
            change_handler_call(e, true, state);
        }
    } else {
        QTAILQ_FOREACH_REVERSE(e, &change_handlers, node) {
            change_handler_call(e, false, state);
        }
    }
    if (--change_handlers_walkers) {
        return;
    }
    QTAILQ_FOREACH_SAFE(e, &change_handlers, node, next) {
        if (e->deleted) {
            change_handler_free(e);
        }
    }
}

/* ---- start and stop ------------------------------------------------------------------------- */

static bool (*runnable_check)(Error **errp);

void vm_set_runnable_check(bool (*check)(Error **errp))
{
    runnable_check = check;
}

static void vcpus_resume(void)
{
    AccelClass *ac = current_accel_class();

    if (ac && ac->vcpus_resume) {
        ac->vcpus_resume(current_accel());
    }
}

static void vcpus_pause(void)
{
    AccelClass *ac = current_accel_class();

    if (ac && ac->vcpus_pause) {
        ac->vcpus_pause(current_accel());
    }
}

bool vm_start_checked(Error **errp)
{
    if (runstate_is_running()) {
        return true;
    }
    if (runnable_check && !runnable_check(errp)) {
        return false;
    }
    qapi_event_send_resume();
    cpu_enable_ticks();
    runstate_set(RUN_STATE_RUNNING);
    change_handlers_notify(true, RUN_STATE_RUNNING);
    vcpus_resume();
    return true;
}

void vm_start(void)
{
    bool started = vm_start_checked(&error_abort);

    assert(started);
}

/* False: it did not run. */
static bool do_stop(RunState state)
{
    if (!runstate_is_running()) {
        return false;
    }
    runstate_set(state);
    cpu_disable_ticks();
    vcpus_pause();
    change_handlers_notify(false, state);
    return true;
}

int vm_stop(RunState state)
{
    if (!qemu_in_main_thread()) {
        qemu_system_vmstop_request(state);
    } else if (do_stop(state)) {
        qapi_event_send_stop();
    }
    return 0;
}

void vm_shutdown(void)
{
    do_stop(RUN_STATE_SHUTDOWN);
}

/* ---- requests ------------------------------------------------------------------------------- */

/*
 * A cause, or a state + 1; 0 is none (SHUTDOWN_CAUSE_NONE is never requested). A shutdown's word
 * also has the exit code that was asked for, + 1, above the cause.
 */
#define EXIT_CODE_SHIFT 8
static int reset_requested;
static int shutdown_requested;
static int powerdown_requested;
static int vmstop_requested;
static int killed_signal;
static int killed_pid;

static RebootAction reboot_action = REBOOT_ACTION_RESET;
static ShutdownAction shutdown_action = SHUTDOWN_ACTION_POWEROFF;

static NotifierList powerdown_notifiers = NOTIFIER_LIST_INITIALIZER(powerdown_notifiers);
static NotifierList shutdown_notifiers = NOTIFIER_LIST_INITIALIZER(shutdown_notifiers);

static void request_post(int *request, int value)
{
    __atomic_store_n(request, value, __ATOMIC_SEQ_CST);
    qemu_notify_event();
}

/* Leaves a pending request that weighs more. Of use to a signal handler, too. */
static void request_post_weighed(int *request, int value, int (*weight)(int value))
{
    int old = __atomic_load_n(request, __ATOMIC_SEQ_CST);

    do {
        if (old && weight(old) > weight(value)) {
            return;
        }
    } while (!__atomic_compare_exchange_n(request, &old, value, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    qemu_notify_event();
}

static int request_take(int *request)
{
    return __atomic_load_n(request, __ATOMIC_RELAXED)
           ? __atomic_exchange_n(request, 0, __ATOMIC_SEQ_CST) : 0;
}

static ShutdownCause cause_of(int shutdown)
{
    return shutdown & ((1 << EXIT_CODE_SHIFT) - 1);
}

/* The user wants an end whatever -no-shutdown says. */
static bool is_final(ShutdownCause cause)
{
    return cause == SHUTDOWN_CAUSE_HOST_SIGNAL || cause == SHUTDOWN_CAUSE_HOST_QMP_QUIT ||
           cause == SHUTDOWN_CAUSE_HOST_ERROR;
}

/* What ends the process, and among that what ends it with an error, is kept. */
static int shutdown_weight(int shutdown)
{
    ShutdownCause cause = cause_of(shutdown);

    return cause == SHUTDOWN_CAUSE_HOST_ERROR ? 2 : is_final(cause) ? 1 : 0;
}

/* A state that only a reset leads out of is kept, then one that is an error at all. */
static int vmstop_weight(int value)
{
    RunState state = value - 1;

    if (state == RUN_STATE_INTERNAL_ERROR || state == RUN_STATE_GUEST_PANICKED) {
        return 2;
    }
    return state == RUN_STATE_IO_ERROR ? 1 : 0;
}

void runstate_set_reboot_action(RebootAction action)
{
    reboot_action = action;
}

void runstate_set_shutdown_action(ShutdownAction action)
{
    shutdown_action = action;
}

void qemu_system_reset_request(ShutdownCause reason)
{
    if (reboot_action == REBOOT_ACTION_SHUTDOWN && reason != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        qemu_system_shutdown_request(reason);
    } else {
        request_post(&reset_requested, reason);
    }
}

void qemu_system_shutdown_request(ShutdownCause reason)
{
    request_post_weighed(&shutdown_requested, reason, shutdown_weight);
}

void qemu_system_shutdown_request_with_code(ShutdownCause reason, int exit_code)
{
    assert(exit_code >= 0 && exit_code <= 0xff);
    request_post_weighed(&shutdown_requested, reason | (exit_code + 1) << EXIT_CODE_SHIFT,
                         shutdown_weight);
}

void qemu_system_powerdown_request(void)
{
    request_post(&powerdown_requested, 1);
}

void qemu_system_vmstop_request(RunState state)
{
    request_post_weighed(&vmstop_requested, (int)state + 1, vmstop_weight);
}

void qemu_system_guest_panicked_stop(void)
{
    qemu_system_vmstop_request(RUN_STATE_INTERNAL_ERROR);
}

/* A signal handler: only atomic words and a write(2). */
void qemu_system_killed(int sig, int pid)
{
    killed_pid = pid;
    __atomic_store_n(&killed_signal, sig, __ATOMIC_SEQ_CST);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_SIGNAL);
}

bool qemu_end_is_requested(void)
{
    return is_final(cause_of(__atomic_load_n(&shutdown_requested, __ATOMIC_RELAXED)));
}

void qemu_register_powerdown_notifier(Notifier *notifier)
{
    notifier_list_add(&powerdown_notifiers, notifier);
}

void qemu_register_shutdown_notifier(Notifier *notifier)
{
    notifier_list_add(&shutdown_notifiers, notifier);
}

/* ---- carrying them out ---------------------------------------------------------------------- */

static void (*system_reset_hook)(ShutdownCause reason);

void qemu_set_system_reset_hook(void (*fn)(ShutdownCause reason))
{
    system_reset_hook = fn;
}

static bool caused_by_guest(ShutdownCause cause)
{
    return cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

void qemu_system_reset(ShutdownCause reason)
{
    AccelClass *ac = current_accel_class();

    if (system_reset_hook) {
        system_reset_hook(reason);
    } else {
        qemu_devices_reset(RESET_TYPE_COLD);
    }
    if (ac && ac->reset_irqchip) {
        ac->reset_irqchip(current_accel());
    }
    if (reason != SHUTDOWN_CAUSE_NONE && reason != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        qapi_event_send_reset(caused_by_guest(reason), reason);
    }
}

static void do_reset(ShutdownCause reason)
{
    vcpus_pause();
    qemu_system_reset(reason);
    if (runstate_is_running()) {
        vcpus_resume();
    } else {
        runstate_set(RUN_STATE_PRELAUNCH);
    }
}

static void report_kill(void)
{
    int sig = request_take(&killed_signal);
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", killed_pid);
    g_autofree char *name = NULL;

    if (!sig) {
        return;
    }
    if (!killed_pid) {
        /* The kernel's doing: a key on the terminal. */
        error_report("terminating on signal %d", sig);
        return;
    }
    g_file_get_contents(path, &name, NULL, NULL);
    error_report("terminating on signal %d from pid %d (%s)", sig, killed_pid,
                 name && *name ? name : "<unknown process>");
}

static int exit_status(int shutdown)
{
    if (shutdown >> EXIT_CODE_SHIFT) {
        return (shutdown >> EXIT_CODE_SHIFT) - 1;
    }
    return cause_of(shutdown) == SHUTDOWN_CAUSE_HOST_ERROR ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* True: the process is to end. */
static bool do_shutdown(int shutdown, int *status)
{
    ShutdownCause cause = cause_of(shutdown);

    report_kill();
    qapi_event_send_shutdown(caused_by_guest(cause), cause);
    notifier_list_notify(&shutdown_notifiers, &cause);
    if (shutdown_action == SHUTDOWN_ACTION_PAUSE && !is_final(cause)) {
        if (runstate_is_running()) {
            vm_stop(RUN_STATE_SHUTDOWN);
        } else {
            runstate_set(RUN_STATE_SHUTDOWN);
        }
        return false;
    }
    *status = exit_status(shutdown);
    return true;
}

bool main_loop_should_exit(int *status)
{
    int request = request_take(&shutdown_requested);

    if (request && do_shutdown(request, status)) {
        return true;
    }
    request = request_take(&reset_requested);
    if (request) {
        do_reset(request);
    }
    if (request_take(&powerdown_requested)) {
        qapi_event_send_powerdown();
        notifier_list_notify(&powerdown_notifiers, NULL);
    }
    request = request_take(&vmstop_requested);
    if (request) {
        vm_stop(request - 1);
    }
    return false;
}

int qemu_main_loop(void)
{
    int status = EXIT_SUCCESS;

    while (!main_loop_should_exit(&status)) {
        main_loop_wait(false);
    }
    return status;
}

/* ---- wakeup --------------------------------------------------------------------------------- */

static bool wakeup_supported;

bool qemu_wakeup_suspend_enabled(void)
{
    return wakeup_supported;
}

void qemu_register_wakeup_support(void)
{
    wakeup_supported = true;
}
