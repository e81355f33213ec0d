/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facade of include/qobject/ on jansson: a QObject is a json_t, so there
 * is nothing here but casts, checks, and the JSON templates of qtest_qmp().
 */
#include "qemu/osdep.h"
#include <jansson.h>
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

static json_t *to_json(const void *value)
{
    return (json_t *)value;
}

QType qobject_type(const QObject *obj)
{
    if (!obj) {
        return QTYPE_NONE;
    }
    switch (json_typeof(to_json(obj))) {
    case JSON_OBJECT:
        return QTYPE_QDICT;
    case JSON_ARRAY:
        return QTYPE_QLIST;
    case JSON_STRING:
        return QTYPE_QSTRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return QTYPE_QNUM;
    case JSON_TRUE:
    case JSON_FALSE:
        return QTYPE_QBOOL;
    default:
        return QTYPE_QNULL;
    }
}

QObject *qobject_check_type(QObject *obj, QType type)
{
    return qobject_type(obj) == type ? obj : NULL;
}

QObject *qobject_ref_impl(QObject *obj)
{
    return (QObject *)json_incref(to_json(obj));
}

void qobject_unref_impl(QObject *obj)
{
    json_decref(to_json(obj));
}

/* ---- scalars ---- */

const char *qstring_get_str(const QString *string)
{
    return json_string_value(to_json(string));
}

int64_t qnum_get_int(const QNum *num)
{
    return json_integer_value(to_json(num));
}

bool qbool_get_bool(const QBool *value)
{
    return json_is_true(to_json(value));
}

/* ---- objects ---- */

QDict *qdict_new(void)
{
    return (QDict *)json_object();
}

void qdict_put_str(QDict *dict, const char *key, const char *value)
{
    json_object_set_new(to_json(dict), key, json_string(value));
}

size_t qdict_size(const QDict *dict)
{
    return json_object_size(to_json(dict));
}

QObject *qdict_get(const QDict *dict, const char *key)
{
    return (QObject *)json_object_get(to_json(dict), key);
}

int qdict_haskey(const QDict *dict, const char *key)
{
    return qdict_get(dict, key) != NULL;
}

QDict *qdict_get_qdict(const QDict *dict, const char *key)
{
    return qobject_to(QDict, qdict_get(dict, key));
}

QList *qdict_get_qlist(const QDict *dict, const char *key)
{
    return qobject_to(QList, qdict_get(dict, key));
}

const char *qdict_get_try_str(const QDict *dict, const char *key)
{
    return json_string_value(json_object_get(to_json(dict), key));
}

/* The member of that type, or an abort that shows the whole object. */
static json_t *qdict_need(const QDict *dict, const char *key, QType type, const char *type_name)
{
    QObject *value = qdict_get(dict, key);

    if (qobject_type(value) != type) {
        g_autofree char *text = dict ? json_dumps(to_json(dict), JSON_ENCODE_ANY) : NULL;

        g_error("member '%s' should be a %s in: %s", key, type_name, text ? text : "(nothing)");
    }
    return to_json(value);
}

int64_t qdict_get_int(const QDict *dict, const char *key)
{
    return json_integer_value(qdict_need(dict, key, QTYPE_QNUM, "number"));
}

int64_t qdict_get_try_int(const QDict *dict, const char *key, int64_t def_value)
{
    json_t *value = json_object_get(to_json(dict), key);

    return json_is_integer(value) ? json_integer_value(value) : def_value;
}

bool qdict_get_bool(const QDict *dict, const char *key)
{
    return json_is_true(qdict_need(dict, key, QTYPE_QBOOL, "boolean"));
}

const char *qdict_get_str(const QDict *dict, const char *key)
{
    return json_string_value(qdict_need(dict, key, QTYPE_QSTRING, "string"));
}

/* ---- arrays ---- */

QObject *qlist_peek(QList *list)
{
    return (QObject *)json_array_get(to_json(list), 0);
}

QObject *qlist_pop(QList *list)
{
    QObject *first = qlist_peek(list);

    if (first) {
        qobject_ref(first);
        json_array_remove(to_json(list), 0);
    }
    return first;
}

size_t qlist_size(const QList *list)
{
    return json_array_size(to_json(list));
}

int qlist_empty(const QList *list)
{
    return qlist_size(list) == 0;
}

/* ---- text ---- */

QObject *qobject_from_json_text(const char *text, size_t len)
{
    return (QObject *)json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
}

GString *qobject_to_json(const QObject *obj)
{
    char *text = json_dumps(to_json(obj), JSON_ENCODE_ANY | JSON_SORT_KEYS);
    GString *out = g_string_new(text ? text : "(nothing)");

    free(text);
    return out;
}

static void append_and_free(GString *out, json_t *value)
{
    g_autoptr(GString) text = qobject_to_json((QObject *)value);

    g_string_append_len(out, text->str, text->len);
    json_decref(value);
}

/*
 * Converts one conversion that starts after its percent sign and returns the
 * first character behind it. The va_list comes in a struct, since an array
 * type loses its address when it is passed on.
 */
struct template_args {
    va_list ap;
};

static const char *append_conversion(GString *out, const char *fmt, struct template_args *args)
{
    int longs = 0;

    while (*fmt == 'l') {
        longs++;
        fmt++;
    }
    switch (*fmt) {
    case 's':
        append_and_free(out, json_string(va_arg(args->ap, const char *)));
        break;
    case 'p':
        append_and_free(out, va_arg(args->ap, void *));
        break;
    case 'i':
        g_string_append(out, va_arg(args->ap, int) ? "true" : "false");
        break;
    case 'd':
        g_string_append_printf(out, "%lld", longs == 0 ? va_arg(args->ap, int) :
                               longs == 1 ? va_arg(args->ap, long) : va_arg(args->ap, long long));
        break;
    case 'u':
        g_string_append_printf(out, "%llu", longs == 0 ? va_arg(args->ap, unsigned) :
                               longs == 1 ? va_arg(args->ap, unsigned long)
                                          : va_arg(args->ap, unsigned long long));
        break;
    default:
        g_error("JSON template: unknown conversion '%%%c'", *fmt);
    }
    return fmt + 1;
}

/* Copies a quoted string up to its closing quote; returns what follows it. */
static const char *append_quoted(GString *out, const char *fmt)
{
    char quote = *fmt++;

    g_string_append_c(out, '"');
    while (*fmt && *fmt != quote) {
        if (*fmt == '\\' && fmt[1]) {
            g_string_append_c(out, *fmt++);
        } else if (*fmt == '%' && fmt[1] == '%') {
            fmt++;
        } else if (*fmt == '"') {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *fmt++);
    }
    g_assert_cmpint(*fmt, ==, quote);
    g_string_append_c(out, '"');
    return fmt + 1;
}

GString *qobject_vfmt_to_json(const char *template, va_list ap)
{
    GString *out = g_string_new(NULL);
    struct template_args args;
    const char *fmt = template;

    va_copy(args.ap, ap);
    while (*fmt) {
        if (*fmt == '\'' || *fmt == '"') {
            fmt = append_quoted(out, fmt);
        } else if (*fmt == '%') {
            fmt = append_conversion(out, fmt + 1, &args);
        } else {
            g_string_append_c(out, *fmt++);
        }
    }
    va_end(args.ap);
    return out;
}
