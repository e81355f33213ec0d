/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values for the tests, under the names that QEMU's test authors know.
 * Every value is a jansson tree node; QDict, QList … are views of it. A
 * function that returns a QObject/QDict/QList by a name ending in _get_… or
 * _peek lends it, all others hand over a reference for qobject_unref().
 * Wrong key or type aborts the test with a message that names both.
 */
#ifndef QTEST_QOBJECT_H
#define QTEST_QOBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * No object of these types is ever made here. They are there so that the compiler takes for a value
 * what it takes in QEMU: a pointer to a struct with a member "base", not void, not const.
 */
struct QObjectBase_ {
    char unused;
};
typedef struct QObject { struct QObjectBase_ base; } QObject;
typedef struct QDict { struct QObjectBase_ base; } QDict;
typedef struct QList { struct QObjectBase_ base; } QList;
typedef struct QString { struct QObjectBase_ base; } QString;
typedef struct QNum { struct QObjectBase_ base; } QNum;
typedef struct QBool { struct QObjectBase_ base; } QBool;

typedef enum QType {
    QTYPE_NONE, QTYPE_QNULL, QTYPE_QNUM, QTYPE_QSTRING, QTYPE_QDICT, QTYPE_QLIST, QTYPE_QBOOL,
} QType;

#define QTYPE_OF_QDict QTYPE_QDICT
#define QTYPE_OF_QList QTYPE_QLIST
#define QTYPE_OF_QString QTYPE_QSTRING
#define QTYPE_OF_QNum QTYPE_QNUM
#define QTYPE_OF_QBool QTYPE_QBOOL

#define QOBJECT(value) \
    (__extension__ ({ \
        __typeof__(value) value_ = (value); \
        struct QObjectBase_ *base_ = value_ ? &value_->base : NULL; \
        (QObject *)base_; \
    }))

/* The value as that type, or NULL when it is NULL or of another type; no new reference. */
#define qobject_to(type, obj) ((type *)qobject_check_type(obj, QTYPE_OF_##type))

#define qobject_ref(value) ((__typeof__(value))qobject_ref_impl(QOBJECT(value)))
#define qobject_unref(value) qobject_unref_impl(QOBJECT(value))

QType qobject_type(const QObject *obj);
QObject *qobject_check_type(QObject *obj, QType type);
QObject *qobject_ref_impl(QObject *obj);
void qobject_unref_impl(QObject *obj);

#endif
