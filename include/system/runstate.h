/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the VM run, and what is to happen to it: run state, vm_start/vm_stop, and requests (reset,
 * shutdown, power-down) that any thread makes and the main loop carries out. Changes of state are
 * under the big lock, on the main thread.
 */
#ifndef SYSTEM_RUNSTATE_H
#define SYSTEM_RUNSTATE_H

#include "qapi/qapi-types-run-state.h"
#include "qemu/notify.h"

/* What a guest's reset request and a shutdown do: -no-reboot, -no-shutdown choose the second. */
typedef enum RebootAction {
    REBOOT_ACTION_RESET,
    REBOOT_ACTION_SHUTDOWN,
} RebootAction;

typedef enum ShutdownAction {
    SHUTDOWN_ACTION_POWEROFF,
    SHUTDOWN_ACTION_PAUSE,
} ShutdownAction;

/* Initial state: RUN_STATE_PRELAUNCH. An impossible transition asserts. */
bool runstate_check(RunState state);
void runstate_set(RunState new_state);
RunState runstate_get(void);
bool runstate_is_running(void);
bool runstate_needs_reset(void);

typedef struct VMChangeStateEntry VMChangeStateEntry;
typedef void VMChangeStateHandler(void *opaque, bool running, RunState state);
/* Called on start in order of registration (vCPUs last), on stop in reverse (after vCPUs). */
VMChangeStateEntry *qemu_add_vm_change_state_handler(VMChangeStateHandler *cb, void *opaque);
VMChangeStateEntry *qemu_add_vm_change_state_handler_prio(VMChangeStateHandler *cb, void *opaque,
                                                          int priority);
void qemu_del_vm_change_state_handler(VMChangeStateEntry *e);

/* Start asks the machine first (vm_set_runnable_check); false with @errp if it refuses. */
bool vm_start_checked(Error **errp);
/* The same for callers that know it may run; asserts. */
void vm_start(void);
/* Stops vCPUs and the virtual clock, sends STOP; 0. Any other thread: requests it. */
int vm_stop(RunState state);
/* At exit: as vm_stop(RUN_STATE_SHUTDOWN), but no STOP is sent. Main thread. */
void vm_shutdown(void);
void vm_set_runnable_check(bool (*check)(Error **errp));

/*
 * Requests, from any thread or signal handler. What ends the process (a signal, quit, an error of
 * the host's) is not replaced by a later request that does not, such as a guest's power-off under
 * -no-shutdown; nor is a stop for an error by a mere pause. @exit_code is 0 to 255.
 */
void qemu_system_reset_request(ShutdownCause reason);
void qemu_system_shutdown_request(ShutdownCause reason);
void qemu_system_shutdown_request_with_code(ShutdownCause reason, int exit_code);
void qemu_system_powerdown_request(void);
void qemu_system_vmstop_request(RunState state);
/* SIGINT, SIGTERM: shutdown at once, whatever -no-shutdown says. */
void qemu_system_killed(int signal, int pid);
/* Whether a request that ends the process waits for the main loop: what takes long may break off. */
bool qemu_end_is_requested(void);
/* An error in a vCPU (RUN_STATE_INTERNAL_ERROR): stop. */
void qemu_system_guest_panicked_stop(void);

/* What -no-reboot, -no-shutdown change: the action on each. */
void runstate_set_reboot_action(RebootAction action);
void runstate_set_shutdown_action(ShutdownAction action);

/* Resets all devices now (main loop, vCPUs paused); RESET is sent unless reason is NONE. */
void qemu_system_reset(ShutdownCause reason);
/* Machine-specific reset instead of qemu_devices_reset(). */
void qemu_set_system_reset_hook(void (*fn)(ShutdownCause reason));
void qemu_register_powerdown_notifier(Notifier *notifier);
void qemu_register_shutdown_notifier(Notifier *notifier);

/* Wakeup from suspend: off until a guest can really be suspended. */
bool qemu_wakeup_suspend_enabled(void);
void qemu_register_wakeup_support(void);

/* Runs until a shutdown ends it; returns the exit status. */
int qemu_main_loop(void);
/* One pass over pending requests; true: leave the loop, with *@status. */
bool main_loop_should_exit(int *status);

#endif /* SYSTEM_RUNSTATE_H */
