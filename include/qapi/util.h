/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What generated QAPI code and its users share: lists {next, value}, the lists of built-in types,
 * and how an event leaves. The generated headers include this.
 */
#ifndef QAPI_UTIL_H
#define QAPI_UTIL_H

#include <jansson.h>

#include "qapi/visitor.h"

typedef struct GenericList {
    struct GenericList *next;
} GenericList;

/* Puts @element in front of @list. */
#define QAPI_LIST_PREPEND(list, element) do {                       \
        __typeof__(list) _node = g_malloc0(sizeof(*(list)));        \
        _node->value = (element);                                   \
        _node->next = (list);                                       \
        (list) = _node;                                             \
    } while (0)

/* @tail points to where the next node goes: `XList *list = NULL, **tail = &list;` at first. */
#define QAPI_LIST_APPEND(tail, element) do {                        \
        *(tail) = g_malloc0(sizeof(**(tail)));                      \
        (*(tail))->value = (element);                               \
        (tail) = &(*(tail))->next;                                  \
    } while (0)

/* What the schema says about an event. */
typedef struct QAPIEventInfo {
    const char *name;
    unsigned rate_limit_ms;  /* 0: none. Else at most one per this time, the last value wins */
    const char *key;         /* member whose value makes a limit of its own, or NULL */
} QAPIEventInfo;

/* @data (borrowed) is NULL if the event has none. */
typedef void QAPIEventEmit(const QAPIEventInfo *info, json_t *data);

/* Where events go from now on; NULL: nowhere. Big lock. */
void qapi_event_set_emit(QAPIEventEmit *emit);
/* For generated code: whether somebody listens; sending. */
bool qapi_event_wanted(void);
void qapi_event_emit(const QAPIEventInfo *info, json_t *data);

#endif /* QAPI_UTIL_H */
