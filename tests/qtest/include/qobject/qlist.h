/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON arrays, walked by taking elements off the front. */
#ifndef QTEST_QLIST_H
#define QTEST_QLIST_H

#include <stddef.h>
#include "qobject/qobject.h"

/* Removes the first element and hands it over; NULL when the list is empty. */
QObject *qlist_pop(QList *list);
/* Lends the first element; NULL when the list is empty. */
QObject *qlist_peek(QList *list);
int qlist_empty(const QList *list);
size_t qlist_size(const QList *list);

#endif
