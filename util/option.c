/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line values to JSON trees: the keyval dialect (dotted keys nest), the older flat one (a
 * bare key is a switch), and JSON itself. Leaves of the first two are strings.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/json.h"
#include "qemu/option.h"

/* One "key=value" or bare "key" of a list; ",," in it is one comma. */
typedef struct OptionPart {
    char *key;
    char *value;      /* NULL: no "=" */
} OptionPart;

static void option_part_clear(OptionPart *part)
{
    g_free(part->key);
    g_free(part->value);
    *part = (OptionPart) { NULL, NULL };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OptionPart, option_part_clear)

/* Up to the next single comma, with doubled ones reduced; *@p moves behind it. */
static char *option_take_value(const char **p)
{
    GString *value = g_string_new(NULL);
    const char *s = *p;

    for (; *s; s++) {
        if (*s == ',' && s[1] != ',') {
            break;
        }
        s += *s == ',';
        g_string_append_c(value, *s);
    }
    *p = *s ? s + 1 : s;
    return g_string_free(value, false);
}

/* @implied_key: the key of a value without one, for the first part only. */
static void option_take_part(const char **p, const char *implied_key, OptionPart *part)
{
    size_t key_len = strcspn(*p, "=,");

    if ((*p)[key_len] == '=') {
        part->key = g_strndup(*p, key_len);
        *p += key_len + 1;
        part->value = option_take_value(p);
    } else if (implied_key) {
        part->key = g_strdup(implied_key);
        part->value = option_take_value(p);
    } else {
        part->key = option_take_value(p);
    }
}

bool is_help_option(const char *s)
{
    return g_str_equal(s, "help") || g_str_equal(s, "?");
}

bool has_help_option(const char *params)
{
    while (*params) {
        g_autofree char *value = option_take_value(&params);

        if (is_help_option(value)) {
            return true;
        }
    }
    return false;
}

bool id_wellformed(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    while (*++id) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

/* The keyval dialect. */

/* Letters, digits, '-', '_' between dots; digits alone are list indexes. */
static bool keyval_key_valid(const char *key)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", -1);

    if (!*key) {
        return false;
    }
    for (unsigned i = 0; parts[i]; i++) {
        if (!*parts[i] || (i == 0 && !g_ascii_isalpha(*parts[i]) && *parts[i] != '_')) {
            return false;
        }
        for (const char *c = parts[i]; *c; c++) {
            if (!g_ascii_isalnum(*c) && *c != '-' && *c != '_') {
                return false;
            }
        }
    }
    return true;
}

/* Sets a.b.c in the tree; objects are made on the way. */
static bool keyval_set(json_t *tree, const char *key, const char *value, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", -1);

    for (unsigned i = 0; parts[i + 1]; i++) {
        json_t *next = json_object_get(tree, parts[i]);

        if (!next) {
            next = json_object();
            json_object_set_new(tree, parts[i], next);
        } else if (!json_is_object(next)) {
            error_setg(errp, "Parameters '%s.*' used inconsistently", parts[i]);
            return false;
        }
        tree = next;
        if (!parts[i + 2]) {
            json_t *old = json_object_get(tree, parts[i + 1]);

            if (json_is_object(old)) {
                error_setg(errp, "Parameters '%s.*' used inconsistently", key);
                return false;
            }
            json_object_set_new(tree, parts[i + 1], json_string(value));
            return true;
        }
    }
    if (json_is_object(json_object_get(tree, key))) {
        error_setg(errp, "Parameters '%s.*' used inconsistently", key);
        return false;
    }
    json_object_set_new(tree, key, json_string(value));
    return true;
}

static bool key_is_index(const char *key)
{
    return *key && strspn(key, "0123456789") == strlen(key);
}

/* Objects whose keys are 0, 1, 2 … become lists. A new reference; NULL with @errp for gaps. */
static json_t *keyval_listify(json_t *tree, const char *name, Error **errp)
{
    size_t nb = json_object_size(tree), nb_indexes = 0;
    const char *key;
    json_t *value, *out;

    if (!json_is_object(tree)) {
        return json_incref(tree);
    }
    json_object_foreach(tree, key, value) {
        nb_indexes += key_is_index(key);
    }
    if (nb_indexes && nb_indexes != nb) {
        error_setg(errp, "Parameters '%s.*' used inconsistently", name);
        return NULL;
    }
    out = nb_indexes ? json_array() : json_object();
    if (nb_indexes) {
        for (size_t i = 0; i < nb; i++) {
            g_autofree char *index = g_strdup_printf("%zu", i);
            json_t *element = json_object_get(tree, index);
            json_t *listified;

            if (!element) {
                error_setg(errp, "Parameter '%s.%zu' missing", name, i);
                json_decref(out);
                return NULL;
            }
            listified = keyval_listify(element, name, errp);
            if (!listified) {
                json_decref(out);
                return NULL;
            }
            json_array_append_new(out, listified);
        }
        return out;
    }
    json_object_foreach(tree, key, value) {
        json_t *listified = keyval_listify(value, key, errp);

        if (!listified) {
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, key, listified);
    }
    return out;
}

json_t *keyval_parse(const char *params, const char *implied_key, bool *help, Error **errp)
{
    json_t *tree = json_object(), *out = NULL;

    if (help) {
        *help = false;
    }
    while (*params) {
        g_auto(OptionPart) part = { NULL, NULL };
        const char *start = params;

        option_take_part(&params, NULL, &part);
        if (!part.value && help && is_help_option(part.key)) {
            *help = true;
            implied_key = NULL;
            continue;
        }
        if (!part.value && implied_key) {
            option_part_clear(&part);
            params = start;
            option_take_part(&params, implied_key, &part);
        }
        implied_key = NULL;
        if (!keyval_key_valid(part.key)) {
            error_setg(errp, "Invalid parameter '%s'", part.key);
            goto out;
        }
        if (!part.value) {
            error_setg(errp, "Expected '=' after parameter '%s'", part.key);
            goto out;
        }
        if (!keyval_set(tree, part.key, part.value, errp)) {
            goto out;
        }
    }
    out = keyval_listify(tree, "", errp);
out:
    json_decref(tree);
    return out;
}

/* The flat dialect. */

/* "foo" is foo=on, "nofoo" foo=off: still taken, with a warning where QEMU warns. */
static void opts_expand_switch(OptionPart *part, bool warn)
{
    const char *key = part->key;
    bool off = g_str_has_prefix(key, "no") && key[2];
    g_autofree char *name = g_strdup(off ? key + 2 : key);

    if (warn) {
        warn_report("short-form boolean option '%s' deprecated", key);
        info_report("Please use %s=%s instead", name, off ? "off" : "on");
    }
    g_free(part->key);
    part->key = g_steal_pointer(&name);
    part->value = g_strdup(off ? "off" : "on");
}

static bool opts_foreach(const char *params, const char *implied_key, bool warn, bool *help,
                         QemuOptFunc *fn, void *opaque, Error **errp)
{
    if (help) {
        *help = false;
    }
    while (*params) {
        g_auto(OptionPart) part = { NULL, NULL };
        bool first = implied_key != NULL;

        option_take_part(&params, implied_key, &part);
        implied_key = NULL;
        if (help && is_help_option(first ? part.value : part.key) && (first || !part.value)) {
            *help = true;
            continue;
        }
        if (!part.value) {
            opts_expand_switch(&part, warn);
        }
        if (!*part.key) {
            error_setg(errp, "Invalid parameter ''");
            return false;
        }
        if (!fn(part.key, part.value, opaque, errp)) {
            return false;
        }
    }
    return true;
}

bool qemu_opts_foreach(const char *params, const char *implied_key, bool *help, QemuOptFunc *fn,
                       void *opaque, Error **errp)
{
    return opts_foreach(params, implied_key, true, help, fn, opaque, errp);
}

typedef struct OptsSink {
    json_t *out;
    const char *type_key;    /* whose last value wins in any case */
    bool lists;
} OptsSink;

/* The first "id" stays; else the last value does, or becomes part of a list. */
static bool opts_set_json(const char *key, const char *value, void *opaque, Error **errp)
{
    OptsSink *sink = opaque;
    json_t *old = json_object_get(sink->out, key);

    if (old && g_str_equal(key, "id")) {
        return true;
    }
    if (!old || !sink->lists || g_strcmp0(key, sink->type_key) == 0) {
        json_object_set_new(sink->out, key, json_string(value));
        return true;
    }
    if (!json_is_array(old)) {
        old = json_pack("[n, O]", old);
        json_object_set_new(sink->out, key, old);
    }
    json_array_append_new(old, json_string(value));
    return true;
}

static json_t *opts_parse(const char *params, const char *implied_key, bool lists, bool warn,
                          bool *help, Error **errp)
{
    OptsSink sink = { .out = json_object(), .type_key = implied_key, .lists = lists };

    if (!opts_foreach(params, implied_key, warn, help, opts_set_json, &sink, errp)) {
        json_decref(sink.out);
        return NULL;
    }
    return sink.out;
}

json_t *qemu_opts_parse_json(const char *params, const char *implied_key, bool *help,
                             Error **errp)
{
    return opts_parse(params, implied_key, false, true, help, errp);
}

json_t *qemu_opts_parse_json_quiet(const char *params, const char *implied_key, Error **errp)
{
    return opts_parse(params, implied_key, false, false, NULL, errp);
}

json_t *qemu_opts_parse_json_lists(const char *params, const char *implied_key, bool *help,
                                   Error **errp)
{
    return opts_parse(params, implied_key, true, true, help, errp);
}

json_t *qobject_input_parse(const char *str, const char *implied_key, OptionParser *parse,
                            bool *keyval, bool *help, Error **errp)
{
    json_t *value;

    *keyval = *str != '{';
    if (help) {
        *help = false;
    }
    if (*keyval) {
        return parse(str, implied_key, help, errp);
    }
    value = qjson_parse(str, errp);
    if (value && !json_is_object(value)) {
        error_setg(errp, "JSON object expected");
        json_decref(value);
        return NULL;
    }
    return value;
}
