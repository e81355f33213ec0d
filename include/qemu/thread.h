/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads, mutexes and condition variables: pthread's, under the names of QEMU's device API. All
 * locks of this tree are of these types, since a thread sanitizer sees pthread's calls and not
 * those of glib, which waits on futexes of its own. None of the calls fails: what pthread could
 * refuse here (a mutex that is locked twice, no memory for a thread) is a bug or the end, and
 * aborts with a line.
 */
#ifndef QEMU_THREAD_H
#define QEMU_THREAD_H

#include <pthread.h>

typedef struct QemuMutex {
    pthread_mutex_t lock;
} QemuMutex;

typedef struct QemuCond {
    pthread_cond_t cond;
} QemuCond;

typedef struct QemuThread {
    pthread_t thread;
} QemuThread;

/* For those with static storage, instead of the init function; never destroyed. */
#define QEMU_MUTEX_INITIALIZER { PTHREAD_MUTEX_INITIALIZER }
#define QEMU_COND_INITIALIZER { PTHREAD_COND_INITIALIZER }

/* How a thread ends: qemu_thread_join() waits for a joinable one, nobody for a detached one. */
#define QEMU_THREAD_JOINABLE 0
#define QEMU_THREAD_DETACHED 1

void qemu_mutex_init(QemuMutex *mutex);
/* Nobody holds it. */
void qemu_mutex_destroy(QemuMutex *mutex);
void qemu_mutex_lock(QemuMutex *mutex);
void qemu_mutex_unlock(QemuMutex *mutex);

void qemu_cond_init(QemuCond *cond);
/* Nobody waits on it. */
void qemu_cond_destroy(QemuCond *cond);
void qemu_cond_signal(QemuCond *cond);
void qemu_cond_broadcast(QemuCond *cond);
/* With @mutex held; may return without a signal. */
void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex);
/* The same for at most @ms milliseconds; false when they are over. */
bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int ms);

/*
 * Runs start_routine(@arg) on a thread named @name (the host shows its first 15 bytes). @mode is
 * one of the two above. All signals are blocked there: the main thread handles them.
 */
void qemu_thread_create(QemuThread *thread, const char *name, void *(*start_routine)(void *),
                        void *arg, int mode);
/* Waits for the end of a joinable thread; what its function returned. */
void *qemu_thread_join(QemuThread *thread);
void qemu_thread_get_self(QemuThread *thread);
bool qemu_thread_is_self(const QemuThread *thread);

#endif /* QEMU_THREAD_H */
