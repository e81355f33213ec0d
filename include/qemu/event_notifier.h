/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event that one thread (or the kernel) sets and another waits for: eventfd(2).
 */
#ifndef QEMU_EVENT_NOTIFIER_H
#define QEMU_EVENT_NOTIFIER_H

struct EventNotifier {
    int fd;
    bool initialized;
};
typedef void EventNotifierHandler(EventNotifier *e);

/* 0 or a negative errno. @active: set from the start. */
int event_notifier_init(EventNotifier *e, int active);
void event_notifier_cleanup(EventNotifier *e);
int event_notifier_get_fd(const EventNotifier *e);
int event_notifier_set(EventNotifier *e);
/* Clears it; returns 1 if it was set, else 0. */
int event_notifier_test_and_clear(EventNotifier *e);
/* Calls @handler from the main loop while set (it must clear); NULL: stop. */
void event_notifier_set_handler(EventNotifier *e, EventNotifierHandler *handler);

#endif /* QEMU_EVENT_NOTIFIER_H */
