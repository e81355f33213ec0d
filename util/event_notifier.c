/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events between threads, or from the kernel: eventfd(2). */
#include "qemu/osdep.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"

#include <sys/eventfd.h>

int event_notifier_init(EventNotifier *e, int active)
{
    e->fd = eventfd(active ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
    e->initialized = e->fd >= 0;
    return e->fd < 0 ? -errno : 0;
}

void event_notifier_cleanup(EventNotifier *e)
{
    if (e->initialized) {
        close(e->fd);
        e->fd = -1;
        e->initialized = false;
    }
}

int event_notifier_get_fd(const EventNotifier *e)
{
    return e->fd;
}

int event_notifier_set(EventNotifier *e)
{
    static const uint64_t one = 1;
    ssize_t ret;

    do {
        ret = write(e->fd, &one, sizeof(one));
    } while (ret < 0 && errno == EINTR);
    /* A full counter is set already. */
    return ret < 0 && errno != EAGAIN ? -errno : 0;
}

int event_notifier_test_and_clear(EventNotifier *e)
{
    uint64_t value;
    ssize_t ret;

    do {
        ret = read(e->fd, &value, sizeof(value));
    } while (ret < 0 && errno == EINTR);
    return ret == sizeof(value);
}

void event_notifier_set_handler(EventNotifier *e, EventNotifierHandler *handler)
{
    qemu_set_fd_handler(e->fd, (IOHandler *)handler, NULL, e);
}
