/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intrusive lists. QLIST: doubly linked, removal without the head, insertion at the head or beside
 * an element. QTAILQ: doubly linked with a tail. QSIMPLEQ: singly linked with a tail. A zeroed head
 * of QLIST is an empty list; the others need their _INIT. _FOREACH_SAFE allows removal of the
 * current element.
 */
#ifndef QEMU_QUEUE_H
#define QEMU_QUEUE_H

/* QLIST: each element knows its successor and the pointer that points to it. */
#define QLIST_HEAD(name, type) struct name { struct type *lh_first; }
#define QLIST_HEAD_INITIALIZER(head) { NULL }
#define QLIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
#define QLIST_INIT(head) ((void)((head)->lh_first = NULL))
#define QLIST_EMPTY(head) ((head)->lh_first == NULL)
#define QLIST_FIRST(head) ((head)->lh_first)
#define QLIST_NEXT(elm, field) ((elm)->field.le_next)
#define QLIST_IS_INSERTED(elm, field) ((elm)->field.le_prev != NULL)

#define QLIST_INSERT_AT_(where, elm, field)                        \
    do {                                                           \
        (elm)->field.le_next = *(where);                           \
        if ((elm)->field.le_next) {                                \
            (elm)->field.le_next->field.le_prev = &(elm)->field.le_next; \
        }                                                          \
        (elm)->field.le_prev = (where);                            \
        *(where) = (elm);                                          \
    } while (0)
#define QLIST_INSERT_HEAD(head, elm, field) QLIST_INSERT_AT_(&(head)->lh_first, elm, field)
#define QLIST_INSERT_AFTER(listelm, elm, field) \
    QLIST_INSERT_AT_(&(listelm)->field.le_next, elm, field)
#define QLIST_INSERT_BEFORE(listelm, elm, field)                   \
    do {                                                           \
        (elm)->field.le_prev = (listelm)->field.le_prev;           \
        (elm)->field.le_next = (listelm);                          \
        *(elm)->field.le_prev = (elm);                             \
        (listelm)->field.le_prev = &(elm)->field.le_next;          \
    } while (0)
#define QLIST_REMOVE(elm, field)                                   \
    do {                                                           \
        if ((elm)->field.le_next) {                                \
            (elm)->field.le_next->field.le_prev = (elm)->field.le_prev; \
        }                                                          \
        *(elm)->field.le_prev = (elm)->field.le_next;              \
        (elm)->field.le_next = NULL;                               \
        (elm)->field.le_prev = NULL;                               \
    } while (0)
#define QLIST_SAFE_REMOVE(elm, field)                              \
    do {                                                           \
        if ((elm)->field.le_prev) {                                \
            QLIST_REMOVE(elm, field);                              \
        }                                                          \
    } while (0)
#define QLIST_FOREACH(var, head, field) \
    for ((var) = (head)->lh_first; (var); (var) = (var)->field.le_next)
#define QLIST_FOREACH_SAFE(var, head, field, next_var)             \
    for ((var) = (head)->lh_first;                                 \
         (var) && ((next_var) = (var)->field.le_next, 1); (var) = (next_var))

/* QTAILQ: as QLIST, and the head (or the successor) knows the last next pointer. */
#define QTAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
#define QTAILQ_HEAD_INITIALIZER(head) { NULL, &(head).tqh_first }
#define QTAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
#define QTAILQ_INIT(head)                                          \
    do {                                                           \
        (head)->tqh_first = NULL;                                  \
        (head)->tqh_last = &(head)->tqh_first;                     \
    } while (0)
#define QTAILQ_EMPTY(head) ((head)->tqh_first == NULL)
#define QTAILQ_FIRST(head) ((head)->tqh_first)
#define QTAILQ_NEXT(elm, field) ((elm)->field.tqe_next)
#define QTAILQ_IN_USE(elm, field) ((elm)->field.tqe_prev != NULL)
/* The element whose next pointer is the first member of its entry; see _LAST and _PREV. */
#define QTAILQ_OF_NEXT_(nextp, head, type, field)                  \
    ((nextp) == &(head)->tqh_first ? NULL                          \
     : (type *)((char *)(nextp) - offsetof(type, field.tqe_next)))
#define QTAILQ_LAST_TYPED(head, type, field) \
    QTAILQ_OF_NEXT_((head)->tqh_last, head, type, field)
#define QTAILQ_PREV_TYPED(elm, head, type, field) \
    QTAILQ_OF_NEXT_((elm)->field.tqe_prev, head, type, field)
#define QTAILQ_LAST(head, field) QTAILQ_LAST_TYPED(head, __typeof__(*(head)->tqh_first), field)
#define QTAILQ_PREV(elm, head, field) \
    QTAILQ_PREV_TYPED(elm, head, __typeof__(*(head)->tqh_first), field)

#define QTAILQ_INSERT_HEAD(head, elm, field)                       \
    do {                                                           \
        (elm)->field.tqe_next = (head)->tqh_first;                 \
        if ((elm)->field.tqe_next) {                               \
            (head)->tqh_first->field.tqe_prev = &(elm)->field.tqe_next; \
        } else {                                                   \
            (head)->tqh_last = &(elm)->field.tqe_next;             \
        }                                                          \
        (elm)->field.tqe_prev = &(head)->tqh_first;                \
        (head)->tqh_first = (elm);                                 \
    } while (0)
#define QTAILQ_INSERT_TAIL(head, elm, field)                       \
    do {                                                           \
        (elm)->field.tqe_next = NULL;                              \
        (elm)->field.tqe_prev = (head)->tqh_last;                  \
        *(head)->tqh_last = (elm);                                 \
        (head)->tqh_last = &(elm)->field.tqe_next;                 \
    } while (0)
#define QTAILQ_INSERT_AFTER(head, listelm, elm, field)             \
    do {                                                           \
        (elm)->field.tqe_next = (listelm)->field.tqe_next;         \
        if ((elm)->field.tqe_next) {                               \
            (elm)->field.tqe_next->field.tqe_prev = &(elm)->field.tqe_next; \
        } else {                                                   \
            (head)->tqh_last = &(elm)->field.tqe_next;             \
        }                                                          \
        (listelm)->field.tqe_next = (elm);                         \
        (elm)->field.tqe_prev = &(listelm)->field.tqe_next;        \
    } while (0)
#define QTAILQ_INSERT_BEFORE(listelm, elm, field)                  \
    do {                                                           \
        (elm)->field.tqe_prev = (listelm)->field.tqe_prev;         \
        (elm)->field.tqe_next = (listelm);                         \
        *(elm)->field.tqe_prev = (elm);                            \
        (listelm)->field.tqe_prev = &(elm)->field.tqe_next;        \
    } while (0)
#define QTAILQ_REMOVE(head, elm, field)                            \
    do {                                                           \
        if ((elm)->field.tqe_next) {                               \
            (elm)->field.tqe_next->field.tqe_prev = (elm)->field.tqe_prev; \
        } else {                                                   \
            (head)->tqh_last = (elm)->field.tqe_prev;              \
        }                                                          \
        *(elm)->field.tqe_prev = (elm)->field.tqe_next;            \
        (elm)->field.tqe_next = NULL;                              \
        (elm)->field.tqe_prev = NULL;                              \
    } while (0)
#define QTAILQ_FOREACH(var, head, field) \
    for ((var) = (head)->tqh_first; (var); (var) = (var)->field.tqe_next)
#define QTAILQ_FOREACH_SAFE(var, head, field, next_var)            \
    for ((var) = (head)->tqh_first;                                \
         (var) && ((next_var) = (var)->field.tqe_next, 1); (var) = (next_var))
#define QTAILQ_FOREACH_REVERSE(var, head, field) \
    for ((var) = QTAILQ_LAST(head, field); (var); (var) = QTAILQ_PREV(var, head, field))

/* QSIMPLEQ */
#define QSIMPLEQ_HEAD(name, type) struct name { struct type *sqh_first; struct type **sqh_last; }
#define QSIMPLEQ_HEAD_INITIALIZER(head) { NULL, &(head).sqh_first }
#define QSIMPLEQ_ENTRY(type) struct { struct type *sqe_next; }
#define QSIMPLEQ_INIT(head)                                        \
    do {                                                           \
        (head)->sqh_first = NULL;                                  \
        (head)->sqh_last = &(head)->sqh_first;                     \
    } while (0)
#define QSIMPLEQ_EMPTY(head) ((head)->sqh_first == NULL)
#define QSIMPLEQ_FIRST(head) ((head)->sqh_first)
#define QSIMPLEQ_NEXT(elm, field) ((elm)->field.sqe_next)
#define QSIMPLEQ_INSERT_TAIL(head, elm, field)                     \
    do {                                                           \
        (elm)->field.sqe_next = NULL;                              \
        *(head)->sqh_last = (elm);                                 \
        (head)->sqh_last = &(elm)->field.sqe_next;                 \
    } while (0)
#define QSIMPLEQ_REMOVE_HEAD(head, field)                          \
    do {                                                           \
        (head)->sqh_first = (head)->sqh_first->field.sqe_next;     \
        if (!(head)->sqh_first) {                                  \
            (head)->sqh_last = &(head)->sqh_first;                 \
        }                                                          \
    } while (0)
#define QSIMPLEQ_FOREACH(var, head, field) \
    for ((var) = (head)->sqh_first; (var); (var) = (var)->field.sqe_next)

#endif /* QEMU_QUEUE_H */
