/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text to values and back. The template of qobject_vfmt_to_json() takes
 * QEMU's conversions in place of values: %s (string), %d %ld %lld %u %lu %llu
 * with PRI macros (integers), %i (boolean), %p (QObject, consumed); single
 * quotes may stand for double ones, and %% inside strings for a percent sign.
 */
#ifndef QTEST_QJSON_H
#define QTEST_QJSON_H

#include <stdarg.h>
#include <glib.h>
#include "qobject/qobject.h"

/* NULL when the text is not one JSON value. */
QObject *qobject_from_json_text(const char *text, size_t len);
/* One line, keys sorted; the caller frees the GString. */
GString *qobject_to_json(const QObject *obj);
/* The template filled in, as one line of JSON; a broken template aborts the test. */
GString *qobject_vfmt_to_json(const char *template, va_list ap) G_GNUC_PRINTF(1, 0);

#endif
