/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop and the big lock. One round: ask glib's default context what it waits for, poll
 * without the lock, dispatch with it, then run bottom halves and timers.
 */
#include "qemu/osdep.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

#include <glib-unix.h>

/* The big lock. */

static QemuMutex bql = QEMU_MUTEX_INITIALIZER;
static __thread bool bql_is_mine;

void bql_lock(void)
{
    assert(!bql_is_mine);
    qemu_mutex_lock(&bql);
    bql_is_mine = true;
}

void bql_unlock(void)
{
    assert(bql_is_mine);
    bql_is_mine = false;
    qemu_mutex_unlock(&bql);
}

bool bql_locked(void)
{
    return bql_is_mine;
}

/* Bottom halves. */

struct QEMUBH {
    QEMUBHFunc *cb;
    void *opaque;
    bool scheduled;
    bool oneshot;
    bool deleted;
};

static QemuMutex bh_lock = QEMU_MUTEX_INITIALIZER;
static GQueue bh_queue = G_QUEUE_INIT;   /* of scheduled QEMUBHs */

QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque)
{
    QEMUBH *bh = g_new0(QEMUBH, 1);

    bh->cb = cb;
    bh->opaque = opaque;
    return bh;
}

void qemu_bh_schedule(QEMUBH *bh)
{
    qemu_mutex_lock(&bh_lock);
    if (!bh->scheduled) {
        bh->scheduled = true;
        g_queue_push_tail(&bh_queue, bh);
    }
    qemu_mutex_unlock(&bh_lock);
    qemu_notify_event();
}

void qemu_bh_cancel(QEMUBH *bh)
{
    qemu_mutex_lock(&bh_lock);
    if (bh->scheduled) {
        bh->scheduled = false;
        g_queue_remove(&bh_queue, bh);
    }
    qemu_mutex_unlock(&bh_lock);
}

void qemu_bh_delete(QEMUBH *bh)
{
    if (bh) {
        qemu_bh_cancel(bh);
        g_free(bh);
    }
}

void qemu_bh_schedule_oneshot(QEMUBHFunc *cb, void *opaque)
{
    QEMUBH *bh = qemu_bh_new(cb, opaque);

    bh->oneshot = true;
    qemu_bh_schedule(bh);
}

/* Those that were scheduled when the round began. */
static void main_loop_run_bhs(void)
{
    qemu_mutex_lock(&bh_lock);
    for (guint n = bh_queue.length; n > 0 && bh_queue.length; n--) {
        QEMUBH *bh = g_queue_pop_head(&bh_queue);
        QEMUBHFunc *cb = bh->cb;
        void *opaque = bh->opaque;

        bh->scheduled = false;
        qemu_mutex_unlock(&bh_lock);
        /* The callback may delete its bottom half. */
        if (bh->oneshot) {
            g_free(bh);
        }
        cb(opaque);
        qemu_mutex_lock(&bh_lock);
    }
    qemu_mutex_unlock(&bh_lock);
}

/* File descriptors. */

typedef struct FdHandler {
    int fd;
    IOHandler *fd_read;
    IOHandler *fd_write;
    void *opaque;
    guint source;
} FdHandler;

static GHashTable *fd_handlers;   /* fd -> FdHandler */

static gboolean main_loop_fd_ready(gint fd, GIOCondition cond, gpointer opaque)
{
    FdHandler *h = opaque;
    IOHandler *fd_write = h->fd_write;
    void *fd_opaque = h->opaque;

    if (h->fd_read && (cond & (G_IO_IN | G_IO_HUP | G_IO_ERR))) {
        h->fd_read(h->opaque);
        /* It may have changed the handlers. */
        h = fd_handlers ? g_hash_table_lookup(fd_handlers, GINT_TO_POINTER(fd)) : NULL;
        if (!h || h->fd_write != fd_write || h->opaque != fd_opaque) {
            return G_SOURCE_CONTINUE;
        }
    }
    if (fd_write && (cond & (G_IO_OUT | G_IO_ERR))) {
        fd_write(fd_opaque);
    }
    return G_SOURCE_CONTINUE;
}

static void fd_handler_free(gpointer data)
{
    FdHandler *h = data;

    g_source_remove(h->source);
    g_free(h);
}

void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write, void *opaque)
{
    FdHandler *h;

    if (!fd_handlers) {
        fd_handlers = g_hash_table_new_full(NULL, NULL, NULL, fd_handler_free);
    }
    g_hash_table_remove(fd_handlers, GINT_TO_POINTER(fd));
    if (!fd_read && !fd_write) {
        return;
    }
    h = g_new0(FdHandler, 1);
    *h = (FdHandler) { .fd = fd, .fd_read = fd_read, .fd_write = fd_write, .opaque = opaque };
    h->source = g_unix_fd_add(fd, (fd_read ? G_IO_IN : 0) | (fd_write ? G_IO_OUT : 0),
                              main_loop_fd_ready, h);
    g_hash_table_insert(fd_handlers, GINT_TO_POINTER(fd), h);
}

/* The loop. */

static EventNotifier wakeup;
static QemuThread main_thread;
static bool initialized;
static GArray *poll_fds;   /* of GPollFD, reused from round to round */

bool qemu_in_main_thread(void)
{
    return initialized && qemu_thread_is_self(&main_thread);
}

static gboolean main_loop_woken(gint fd, GIOCondition cond, gpointer opaque)
{
    event_notifier_test_and_clear(&wakeup);
    return G_SOURCE_CONTINUE;
}

void qemu_init_main_loop(void)
{
    if (initialized) {
        return;
    }
    initialized = true;
    if (event_notifier_init(&wakeup, 0) < 0) {
        g_error("cannot create an eventfd: %s", strerror(errno));
    }
    qemu_thread_get_self(&main_thread);
    poll_fds = g_array_new(false, false, sizeof(GPollFD));
    g_unix_fd_add(event_notifier_get_fd(&wakeup), G_IO_IN, main_loop_woken, NULL);
    g_main_context_acquire(NULL);
    bql_lock();
}

void qemu_notify_event(void)
{
    if (wakeup.initialized) {
        event_notifier_set(&wakeup);
    }
}

static bool main_loop_has_bhs(void)
{
    bool any;

    qemu_mutex_lock(&bh_lock);
    any = bh_queue.length > 0;
    qemu_mutex_unlock(&bh_lock);
    return any;
}

static int main_loop_timeout(int glib_timeout, bool nonblocking)
{
    int timers = qemu_timers_poll_timeout_ms();

    if (nonblocking || main_loop_has_bhs()) {
        return 0;
    }
    if (timers < 0 || glib_timeout < 0) {
        return MAX(timers, glib_timeout);
    }
    return MIN(timers, glib_timeout);
}

void main_loop_wait(int nonblocking)
{
    GMainContext *context = g_main_context_default();
    gint priority, glib_timeout, nb, timeout;

    g_main_context_prepare(context, &priority);
    while ((nb = g_main_context_query(context, priority, &glib_timeout,
                                      (GPollFD *)poll_fds->data, poll_fds->len)) >
           (gint)poll_fds->len) {
        g_array_set_size(poll_fds, nb);
    }
    timeout = main_loop_timeout(glib_timeout, nonblocking);
    bql_unlock();
    g_poll((GPollFD *)poll_fds->data, nb, timeout);
    bql_lock();
    if (g_main_context_check(context, priority, (GPollFD *)poll_fds->data, nb)) {
        g_main_context_dispatch(context);
    }
    main_loop_run_bhs();
    qemu_clock_run_all_timers();
}
