/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects: keys are strings; see qobject.h for who owns what. */
#ifndef QTEST_QDICT_H
#define QTEST_QDICT_H

#include <stddef.h>
#include "qobject/qobject.h"

QDict *qdict_new(void);
/* Replaces what the key has had. */
void qdict_put_str(QDict *dict, const char *key, const char *value);
size_t qdict_size(const QDict *dict);
int qdict_haskey(const QDict *dict, const char *key);

/* NULL when the key is missing (or, for _qdict, _qlist and _try_str, of another type). */
QObject *qdict_get(const QDict *dict, const char *key);
QDict *qdict_get_qdict(const QDict *dict, const char *key);
QList *qdict_get_qlist(const QDict *dict, const char *key);
const char *qdict_get_try_str(const QDict *dict, const char *key);

/* The key has to be there, with a value of that type. */
int64_t qdict_get_int(const QDict *dict, const char *key);
bool qdict_get_bool(const QDict *dict, const char *key);
const char *qdict_get_str(const QDict *dict, const char *key);
int64_t qdict_get_try_int(const QDict *dict, const char *key, int64_t def_value);

#endif
