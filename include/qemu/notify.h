/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifiers: callbacks that a lower layer offers to whoever stands above it. A notifier may remove
 * itself (or any other) while the list is being notified. Newest first. Under the big lock.
 */
#ifndef QEMU_NOTIFY_H
#define QEMU_NOTIFY_H

#include "qemu/queue.h"

typedef struct Notifier Notifier;
struct Notifier {
    void (*notify)(Notifier *notifier, void *data);
    QLIST_ENTRY(Notifier) node;
};

typedef struct NotifierList {
    QLIST_HEAD(, Notifier) notifiers;
} NotifierList;
#define NOTIFIER_LIST_INITIALIZER(head) { QLIST_HEAD_INITIALIZER((head).notifiers) }

void notifier_list_init(NotifierList *list);
void notifier_list_add(NotifierList *list, Notifier *notifier);
void notifier_remove(Notifier *notifier);
void notifier_list_notify(NotifierList *list, void *data);
bool notifier_list_empty(NotifierList *list);

/* The same with a result: notification stops at the first that is not 0, and returns it. */
typedef struct NotifierWithReturn NotifierWithReturn;
struct NotifierWithReturn {
    int (*notify)(NotifierWithReturn *notifier, void *data, Error **errp);
    QLIST_ENTRY(NotifierWithReturn) node;
};
typedef struct NotifierWithReturnList {
    QLIST_HEAD(, NotifierWithReturn) notifiers;
} NotifierWithReturnList;
void notifier_with_return_list_init(NotifierWithReturnList *list);
void notifier_with_return_list_add(NotifierWithReturnList *list, NotifierWithReturn *notifier);
void notifier_with_return_remove(NotifierWithReturn *notifier);
int notifier_with_return_list_notify(NotifierWithReturnList *list, void *data, Error **errp);

#endif /* QEMU_NOTIFY_H */
