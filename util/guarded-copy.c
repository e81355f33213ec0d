/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies that survive a page that the host cannot give. The handler of SIGBUS, which is sent to the
 * thread that touched the page, jumps back into the copy. A copy costs a jump buffer more than
 * memcpy(): some nanoseconds.
 */
#include "qemu/osdep.h"

#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "qemu/guarded-copy.h"

/* Where the copy that this thread is in goes on; NULL outside of copies. */
static __thread sigjmp_buf *volatile copy_guard;

static void handle_sigbus(int sig, siginfo_t *info, void *context)
{
    sigjmp_buf *guard = copy_guard;

    /* A positive code comes from the kernel's fault, not from kill(2). */
    if (guard && info->si_code > 0) {
        copy_guard = NULL;
        /* The jump leaves the handler for good: with the mask that the copy had. */
        pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
        siglongjmp(*guard, 1);
    }
    signal(SIGBUS, SIG_DFL);
    if (info->si_code <= 0) {
        raise(SIGBUS);
    }
    /* The access is repeated, and ends the process. */
}

static void install_handler(void)
{
    struct sigaction action = { .sa_sigaction = handle_sigbus, .sa_flags = SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void guarded_copy_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install_handler);
}

static void copy(void *dst, const void *src, size_t size)
{
    switch (size) {
    case 1:
        memcpy(dst, src, 1);
        break;
    case 2:
        memcpy(dst, src, 2);
        break;
    case 4:
        memcpy(dst, src, 4);
        break;
    case 8:
        memcpy(dst, src, 8);
        break;
    default:
        memcpy(dst, src, size);
    }
}

/* The compiler moves no access to the memory in question over these: the guard stands around it. */
static void guard_begin(sigjmp_buf *guard)
{
    copy_guard = guard;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void guard_end(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    copy_guard = NULL;
}

bool guarded_copy(void *dst, const void *src, size_t size)
{
    sigjmp_buf guard;

    if (sigsetjmp(guard, 0)) {
        return false;
    }
    guard_begin(&guard);
    copy(dst, src, size);
    guard_end();
    return true;
}

bool guarded_set(void *dst, int c, size_t size)
{
    sigjmp_buf guard;

    if (sigsetjmp(guard, 0)) {
        return false;
    }
    guard_begin(&guard);
    memset(dst, c, size);
    guard_end();
    return true;
}

bool guarded_touch(void *start, size_t size, size_t page_size, bool write)
{
    /* Unknown to the compiler: it leaves out a write that is known to change nothing. */
    static const volatile char nothing;
    sigjmp_buf guard;

    if (sigsetjmp(guard, 0)) {
        return false;
    }
    guard_begin(&guard);
    for (size_t i = 0; i < size; i += page_size) {
        volatile char *at = (volatile char *)start + i;

        if (write) {
            __atomic_fetch_or(at, nothing, __ATOMIC_RELAXED);
        } else {
            (void)*at;
        }
    }
    guard_end();
    return true;
}
