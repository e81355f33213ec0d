/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The visitors of qapi/visitor.h, all over jansson trees. Input: a stack of containers being
 * walked, each remembering which members were visited, so that the rest can be refused; leaves
 * are strict JSON values or, in the lenient kinds, strings to be parsed. Output: a stack of
 * containers being built. Errors name a member by its whole path ("a.b[2]").
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"
#include "qemu/json.h"

#define MAX_RANGE_LENGTH 65536  /* elements that "a-b" in a list may stand for */

typedef enum VisitorKind {
    VISITOR_JSON,
    VISITOR_KEYVAL,
    VISITOR_STRING,
    VISITOR_OUTPUT,
} VisitorKind;

typedef struct Frame {
    json_t *container;     /* a reference */
    char *name;            /* of this container in its parent; NULL for a list's element */
    size_t index;          /* list: the next element */
    GHashTable *visited;   /* struct, input: names of members visited (borrowed from the tree) */
} Frame;

struct Visitor {
    VisitorKind kind;
    json_t *root;          /* input: the tree; output: the tree so far */
    json_t **result;       /* output */
    GArray *stack;         /* of Frame */
};

static Visitor *visitor_new(VisitorKind kind, json_t *root)
{
    Visitor *v = g_new0(Visitor, 1);

    v->kind = kind;
    v->root = root;
    v->stack = g_array_new(FALSE, TRUE, sizeof(Frame));
    return v;
}

Visitor *qobject_input_visitor_new(json_t *value)
{
    return visitor_new(VISITOR_JSON, json_incref(value));
}

Visitor *qobject_input_visitor_new_keyval(json_t *value)
{
    return visitor_new(VISITOR_KEYVAL, json_incref(value));
}

Visitor *string_input_visitor_new(const char *value)
{
    return visitor_new(VISITOR_STRING, json_string_nocheck(value));
}

Visitor *qobject_output_visitor_new(json_t **result)
{
    Visitor *v = visitor_new(VISITOR_OUTPUT, NULL);

    v->result = result;
    return v;
}

bool visit_is_input(const Visitor *v)
{
    return v->kind != VISITOR_OUTPUT;
}

static Frame *visitor_top(Visitor *v)
{
    return v->stack->len ? &g_array_index(v->stack, Frame, v->stack->len - 1) : NULL;
}

static void visitor_push(Visitor *v, const char *name, json_t *container)
{
    Frame frame = { .container = json_incref(container), .name = g_strdup(name) };

    if (visit_is_input(v) && json_is_object(container)) {
        frame.visited = g_hash_table_new(g_str_hash, g_str_equal);
    }
    g_array_append_val(v->stack, frame);
}

static void visitor_pop(Visitor *v)
{
    Frame *top = visitor_top(v);

    json_decref(top->container);
    g_free(top->name);
    if (top->visited) {
        g_hash_table_destroy(top->visited);
    }
    g_array_set_size(v->stack, v->stack->len - 1);
}

void visit_complete(Visitor *v)
{
    assert(v->kind == VISITOR_OUTPUT && v->root && !v->stack->len);
    *v->result = json_incref(v->root);
}

void visit_free(Visitor *v)
{
    if (!v) {
        return;
    }
    while (v->stack->len) {
        visitor_pop(v);
    }
    g_array_free(v->stack, TRUE);
    json_decref(v->root);
    g_free(v);
}

/* Path of member @name of the innermost container, for messages. Caller frees. */
static char *full_name(Visitor *v, const char *name)
{
    GString *s = g_string_new(NULL);

    for (guint i = 0; i <= v->stack->len; i++) {
        const char *part = name;

        if (i < v->stack->len) {
            part = g_array_index(v->stack, Frame, i).name;
        }
        if (part) {
            g_string_append_printf(s, "%s%s", s->len ? "." : "", part);
        } else if (i > 0) {
            Frame *list = &g_array_index(v->stack, Frame, i - 1);

            g_string_append_printf(s, "[%zu]", list->index ? list->index - 1 : 0);
        }
    }
    if (!s->len) {
        g_string_append(s, "null");
    }
    return g_string_free(s, FALSE);
}

static bool fail_type(Visitor *v, const char *name, const char *expected, Error **errp)
{
    g_autofree char *path = full_name(v, name);

    error_setg(errp, "Invalid parameter type for '%s', expected: %s", path, expected);
    return false;
}

static bool fail_value(Visitor *v, const char *name, const char *expected, Error **errp)
{
    g_autofree char *path = full_name(v, name);

    error_setg(errp, "Parameter '%s' expects %s", path, expected);
    return false;
}

/* Input: the value of @name (borrowed), or NULL if there is none. Marks it visited. */
static json_t *input_peek(Visitor *v, const char *name, bool consume)
{
    Frame *top = visitor_top(v);
    json_t *value;

    if (!top) {
        return v->root;
    }
    if (json_is_array(top->container)) {
        value = json_array_get(top->container, top->index);
        if (consume) {
            top->index++;
        }
        return value;
    }
    value = json_object_get(top->container, name);
    if (value && consume) {
        void *iter = json_object_iter_at(top->container, name);

        g_hash_table_add(top->visited, (char *)json_object_iter_key(iter));
    }
    return value;
}

/* A key that was given more than once (qemu_opts_parse_json_lists). */
static bool is_repeated(const Visitor *v, const json_t *value)
{
    return v->kind == VISITOR_KEYVAL && json_is_array(value) &&
           json_is_null(json_array_get(value, 0));
}

static json_t *input_get_all(Visitor *v, const char *name, Error **errp)
{
    json_t *value = input_peek(v, name, true);

    if (!value) {
        g_autofree char *path = full_name(v, name);

        error_setg(errp, "Parameter '%s' is missing", path);
    }
    return value;
}

static json_t *input_get(Visitor *v, const char *name, Error **errp)
{
    json_t *value = input_get_all(v, name, errp);

    return is_repeated(v, value) ? json_array_get(value, json_array_size(value) - 1) : value;
}

/* The string to be parsed, where the visitor is of a lenient kind and has one; else NULL. */
static const char *input_text(Visitor *v, const json_t *value)
{
    return v->kind != VISITOR_JSON && qjson_is_string(value) ? json_string_value(value) : NULL;
}

/* Output: takes @value, which becomes member @name, the next element, or the root. */
static bool output_add(Visitor *v, const char *name, json_t *value)
{
    Frame *top = visitor_top(v);

    if (!top) {
        assert(!v->root);
        v->root = value;
    } else if (json_is_array(top->container)) {
        json_array_append_new(top->container, value);
    } else {
        json_object_set_new_nocheck(top->container, name, value);
    }
    return true;
}

bool visit_start_struct(Visitor *v, const char *name, Error **errp)
{
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        value = json_object();
        output_add(v, name, value);
    } else {
        value = input_get(v, name, errp);
        if (!value) {
            return false;
        }
        if (!json_is_object(value)) {
            return fail_type(v, name, "object", errp);
        }
    }
    visitor_push(v, name, value);
    return true;
}

bool visit_check_struct(Visitor *v, Error **errp)
{
    Frame *top = visitor_top(v);
    const char *key;
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return true;
    }
    json_object_foreach(top->container, key, value) {
        if (!g_hash_table_contains(top->visited, key)) {
            g_autofree char *path = full_name(v, key);

            error_setg(errp, v->kind == VISITOR_JSON ? "Parameter '%s' is unexpected"
                                                     : "Invalid parameter '%s'", path);
            return false;
        }
    }
    return true;
}

void visit_end_struct(Visitor *v)
{
    visitor_pop(v);
}

/* Appends the integers of one part of "0-3,5" to @list. */
static bool expand_range(json_t *list, const char *part)
{
    const char *end;
    uint64_t first, last;

    if (!g_ascii_isdigit(*part) || qemu_strtou64(part, &end, 0, &first) < 0) {
        return false;
    }
    last = first;
    if (*end == '-') {
        part = end + 1;
        if (!g_ascii_isdigit(*part) || qemu_strtou64(part, &end, 0, &last) < 0) {
            return false;
        }
    }
    if (*end || last < first || last - first >= MAX_RANGE_LENGTH - json_array_size(list)) {
        return false;
    }
    for (uint64_t i = first; ; i++) {
        json_array_append_new(list, qjson_uint(i));
        if (i == last) {
            return true;
        }
    }
}

/* A new array of the integers in @text, or NULL. "" is an empty list. */
static json_t *expand_ranges(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    json_t *list = json_array();

    for (char **part = parts; *part; part++) {
        if (!expand_range(list, *part)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *expand_repeated(const json_t *values)
{
    g_autoptr(GString) text = g_string_new(json_string_value(json_array_get(values, 1)));

    for (size_t i = 2; i < json_array_size(values); i++) {
        g_string_append_printf(text, ",%s", json_string_value(json_array_get(values, i)));
    }
    return expand_ranges(text->str);
}

bool visit_start_list(Visitor *v, const char *name, size_t *nb_elements, Error **errp)
{
    json_t *value, *expanded = NULL;

    if (v->kind == VISITOR_OUTPUT) {
        value = json_array();
        output_add(v, name, value);
        visitor_push(v, name, value);
        return true;
    }
    value = input_get_all(v, name, errp);
    if (!value) {
        return false;
    }
    if (input_text(v, value) || is_repeated(v, value)) {
        value = expanded = is_repeated(v, value) ? expand_repeated(value)
                                                 : expand_ranges(input_text(v, value));
        if (!value) {
            return fail_value(v, name, "a uint64 value or range", errp);
        }
    }
    if (!json_is_array(value)) {
        return fail_type(v, name, "array", errp);
    }
    visitor_push(v, name, value);
    json_decref(expanded);
    *nb_elements = json_array_size(value);
    return true;
}

void visit_end_list(Visitor *v)
{
    visitor_pop(v);
}

bool visit_optional(Visitor *v, const char *name, bool *present)
{
    if (visit_is_input(v)) {
        *present = input_peek(v, name, false) != NULL;
    }
    return *present;
}

bool visit_type_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, json_boolean(*obj));
    }
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    if (json_is_boolean(value)) {
        *obj = json_is_true(value);
        return true;
    }
    if (input_text(v, value)) {
        g_autofree char *path = full_name(v, name);

        return qapi_bool_parse(path, input_text(v, value), obj, errp);
    }
    return fail_type(v, name, "boolean", errp);
}

bool visit_type_int64(Visitor *v, const char *name, int64_t *obj, Error **errp)
{
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, json_integer(*obj));
    }
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    if (json_is_integer(value)) {
        *obj = json_integer_value(value);
        return true;
    }
    if (input_text(v, value)) {
        if (qemu_strtoi64(input_text(v, value), NULL, 0, obj) == 0) {
            return true;
        }
        return fail_value(v, name, v->kind == VISITOR_STRING ? "int64" : "integer", errp);
    }
    return fail_type(v, name, "integer", errp);
}

bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp)
{
    return visit_type_int64(v, name, obj, errp);
}

bool visit_type_uint64(Visitor *v, const char *name, uint64_t *obj, Error **errp)
{
    const char *text;
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, qjson_uint(*obj));
    }
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    text = input_text(v, value);
    if (text) {
        if (!strchr(text, '-') && qemu_strtou64(text, NULL, 0, obj) == 0) {
            return true;
        }
        return fail_value(v, name, v->kind == VISITOR_STRING ? "uint64" : "integer", errp);
    }
    return qjson_get_uint(value, obj) || fail_value(v, name, "uint64", errp);
}

/* A plain string's size is refused in more words than one of a list of options. */
static bool size_from_string(const char *name, const char *text, uint64_t *obj, Error **errp)
{
    int ret = qemu_strtosz(text, NULL, obj);

    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", text, name);
    } else if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects a non-negative number below 2^64", name);
        error_append_hint(errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
                          "tera-, peta-\nand exabytes, respectively.\n");
    }
    return ret == 0;
}

bool visit_type_size(Visitor *v, const char *name, uint64_t *obj, Error **errp)
{
    const char *text;
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, qjson_uint(*obj));
    }
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    text = input_text(v, value);
    if (text && v->kind == VISITOR_STRING) {
        return size_from_string(name, text, obj, errp);
    }
    if (text) {
        return qemu_strtosz(text, NULL, obj) == 0 || fail_value(v, name, "size", errp);
    }
    return qjson_get_uint(value, obj) || fail_value(v, name, "uint64", errp);
}

#define DEFINE_NARROW_VISIT(suffix, ctype, wide_suffix, wide, in_range)                       \
bool visit_type_##suffix(Visitor *v, const char *name, ctype *obj, Error **errp)              \
{                                                                                             \
    wide value = *obj;                                                                        \
                                                                                              \
    if (!visit_type_##wide_suffix(v, name, &value, errp)) {                                   \
        return false;                                                                         \
    }                                                                                         \
    if (!(in_range)) {                                                                        \
        return fail_value(v, name, #ctype, errp);                                             \
    }                                                                                         \
    *obj = value;                                                                             \
    return true;                                                                              \
}

DEFINE_NARROW_VISIT(int8, int8_t, int64, int64_t,
                    value >= INT8_MIN && value <= INT8_MAX)
DEFINE_NARROW_VISIT(int16, int16_t, int64, int64_t,
                    value >= INT16_MIN && value <= INT16_MAX)
DEFINE_NARROW_VISIT(int32, int32_t, int64, int64_t,
                    value >= INT32_MIN && value <= INT32_MAX)
DEFINE_NARROW_VISIT(uint8, uint8_t, uint64, uint64_t, value <= UINT8_MAX)
DEFINE_NARROW_VISIT(uint16, uint16_t, uint64, uint64_t, value <= UINT16_MAX)
DEFINE_NARROW_VISIT(uint32, uint32_t, uint64, uint64_t, value <= UINT32_MAX)

bool visit_type_str(Visitor *v, const char *name, char **obj, Error **errp)
{
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, qjson_string(*obj));
    }
    *obj = NULL;
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    if (!qjson_is_string(value)) {
        return fail_type(v, name, "string", errp);
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return fail_value(v, name, "a string without NUL characters", errp);
    }
    *obj = g_strdup(json_string_value(value));
    return true;
}

bool visit_type_number(Visitor *v, const char *name, double *obj, Error **errp)
{
    json_t *value;
    uint64_t wide;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, json_real(*obj));
    }
    value = input_get(v, name, errp);
    if (!value) {
        return false;
    }
    if (json_is_number(value)) {
        *obj = json_number_value(value);
        return true;
    }
    if (qjson_get_uint(value, &wide)) {
        *obj = wide;
        return true;
    }
    if (input_text(v, value)) {
        return qemu_strtod_finite(input_text(v, value), NULL, obj) == 0 ||
               fail_value(v, name, "a number", errp);
    }
    return fail_type(v, name, "number", errp);
}

bool visit_type_any(Visitor *v, const char *name, json_t **obj, Error **errp)
{
    json_t *value;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, json_incref(*obj));
    }
    value = input_get(v, name, errp);
    *obj = json_incref(value);
    return value != NULL;
}

/* All values, for the user to choose from: "auto, on, off". */
static char *enum_values(const QEnumLookup *lookup)
{
    GString *values = g_string_new(NULL);

    for (int i = 0; i < lookup->size; i++) {
        g_string_append_printf(values, "%s%s", i ? ", " : "", lookup->array[i]);
    }
    return g_string_free(values, false);
}

bool visit_type_enum(Visitor *v, const char *name, int *obj, const QEnumLookup *lookup,
                     Error **errp)
{
    g_autofree char *text = NULL;
    g_autofree char *path = NULL;
    g_autofree char *values = NULL;

    if (v->kind == VISITOR_OUTPUT) {
        return output_add(v, name, json_string(qapi_enum_lookup(lookup, *obj)));
    }
    if (!visit_type_str(v, name, &text, errp)) {
        return false;
    }
    for (int i = 0; i < lookup->size; i++) {
        if (!strcmp(lookup->array[i], text)) {
            *obj = i;
            return true;
        }
    }
    path = full_name(v, name);
    values = enum_values(lookup);
    error_setg(errp, "Parameter '%s' does not accept value '%s' (it accepts: %s)", path, text,
               values);
    return false;
}

const char *qapi_enum_lookup(const QEnumLookup *lookup, int val)
{
    assert(val >= 0 && val < lookup->size);
    return lookup->array[val];
}

int qapi_enum_parse(const QEnumLookup *lookup, const char *buf, int def, Error **errp)
{
    g_autofree char *names = NULL;

    if (!buf) {
        return def;
    }
    for (int i = 0; i < lookup->size; i++) {
        if (!strcmp(lookup->array[i], buf)) {
            return i;
        }
    }
    for (int i = 0; i < lookup->size; i++) {
        char *longer = names ? g_strconcat(names, ", ", lookup->array[i], NULL)
                             : g_strdup(lookup->array[i]);

        g_free(names);
        names = longer;
    }
    error_setg(errp, "invalid parameter value: %s (one of: %s)", buf, names);
    return def;
}
