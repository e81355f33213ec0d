/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: glib's default main context on the main thread, with timers, bottom halves and
 * the one big lock, which is held by the main thread except while it polls. All device and monitor
 * code runs under it.
 */
#ifndef QEMU_MAIN_LOOP_H
#define QEMU_MAIN_LOOP_H

/* The big lock (not recursive). bql_locked(): does the calling thread hold it? */
void bql_lock(void);
void bql_unlock(void);
bool bql_locked(void);

/* Once, on the main thread; takes the big lock. Repeated calls do nothing. */
void qemu_init_main_loop(void);
bool qemu_in_main_thread(void);
/* One round: poll (big lock released; @nonblocking: no waiting), sources, bottom halves, timers. */
void main_loop_wait(int nonblocking);
/* Makes a waiting main loop go round once. Any thread, async-signal-safe. */
void qemu_notify_event(void);

/* Bottom halves: run by the main loop under the big lock. Scheduling is possible on any thread. */
typedef struct QEMUBH QEMUBH;
typedef void QEMUBHFunc(void *opaque);
QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque);
void qemu_bh_schedule(QEMUBH *bh);
void qemu_bh_cancel(QEMUBH *bh);
void qemu_bh_delete(QEMUBH *bh);
/* Once, as soon as possible, then forgotten. */
void qemu_bh_schedule_oneshot(QEMUBHFunc *cb, void *opaque);
#define aio_bh_schedule_oneshot(ctx, cb, opaque) qemu_bh_schedule_oneshot(cb, opaque)

/* Callbacks when @fd is readable/writable; NULL both: remove. Main thread, big lock held. */
typedef void IOHandler(void *opaque);
void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write, void *opaque);

#endif /* QEMU_MAIN_LOOP_H */
