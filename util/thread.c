/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads, mutexes and condition variables over pthread; contracts in qemu/thread.h. */
#include "qemu/osdep.h"

#include <signal.h>

#include "qemu/thread.h"

static void check(int err, const char *what)
{
    if (err) {
        g_error("%s: %s", what, g_strerror(err));
    }
}

void qemu_mutex_init(QemuMutex *mutex)
{
    check(pthread_mutex_init(&mutex->lock, NULL), "pthread_mutex_init");
}

void qemu_mutex_destroy(QemuMutex *mutex)
{
    check(pthread_mutex_destroy(&mutex->lock), "pthread_mutex_destroy");
}

void qemu_mutex_lock(QemuMutex *mutex)
{
    check(pthread_mutex_lock(&mutex->lock), "pthread_mutex_lock");
}

void qemu_mutex_unlock(QemuMutex *mutex)
{
    check(pthread_mutex_unlock(&mutex->lock), "pthread_mutex_unlock");
}

void qemu_cond_init(QemuCond *cond)
{
    check(pthread_cond_init(&cond->cond, NULL), "pthread_cond_init");
}

void qemu_cond_destroy(QemuCond *cond)
{
    check(pthread_cond_destroy(&cond->cond), "pthread_cond_destroy");
}

void qemu_cond_signal(QemuCond *cond)
{
    check(pthread_cond_signal(&cond->cond), "pthread_cond_signal");
}

void qemu_cond_broadcast(QemuCond *cond)
{
    check(pthread_cond_broadcast(&cond->cond), "pthread_cond_broadcast");
}

void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex)
{
    check(pthread_cond_wait(&cond->cond, &mutex->lock), "pthread_cond_wait");
}

bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int ms)
{
    struct timespec end;
    int err;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    err = pthread_cond_clockwait(&cond->cond, &mutex->lock, CLOCK_MONOTONIC, &end);
    if (err == ETIMEDOUT) {
        return false;
    }
    check(err, "pthread_cond_clockwait");
    return true;
}

typedef struct ThreadStart {
    char *name;
    void *(*routine)(void *);
    void *arg;
} ThreadStart;

static void *thread_main(void *opaque)
{
    ThreadStart start = *(ThreadStart *)opaque;

    g_free(opaque);
    pthread_setname_np(pthread_self(), start.name);
    g_free(start.name);
    return start.routine(start.arg);
}

void qemu_thread_create(QemuThread *thread, const char *name, void *(*start_routine)(void *),
                        void *arg, int mode)
{
    ThreadStart *start = g_new(ThreadStart, 1);
    sigset_t all, before;
    pthread_attr_t attr;

    *start = (ThreadStart) { g_strndup(name, 15), start_routine, arg };
    check(pthread_attr_init(&attr), "pthread_attr_init");
    pthread_attr_setdetachstate(&attr, mode == QEMU_THREAD_DETACHED ? PTHREAD_CREATE_DETACHED
                                                                    : PTHREAD_CREATE_JOINABLE);
    /* A thread starts with its creator's mask. */
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    check(pthread_create(&thread->thread, &attr, thread_main, start), "pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
}

void *qemu_thread_join(QemuThread *thread)
{
    void *result;

    check(pthread_join(thread->thread, &result), "pthread_join");
    return result;
}

void qemu_thread_get_self(QemuThread *thread)
{
    thread->thread = pthread_self();
}

bool qemu_thread_is_self(const QemuThread *thread)
{
    return pthread_equal(thread->thread, pthread_self());
}
