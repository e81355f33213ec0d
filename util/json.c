/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values and their text: integers above INT64_MAX (see qemu/json.h for how they are kept)
 * and a printer that knows them. Output is ASCII, ", " and ": " between elements, members in the
 * order in which they were added.
 */
#include "qemu/osdep.h"
#include "qemu/json.h"

#define WIDE_TAG '\xff'   /* first byte of an integer above INT64_MAX */

json_t *qjson_uint(uint64_t value)
{
    char text[1 + 20 + 1];

    if (value <= INT64_MAX) {
        return json_integer((json_int_t)value);
    }
    snprintf(text, sizeof(text), "%c%" PRIu64, WIDE_TAG, value);
    return json_string_nocheck(text);
}

static bool qjson_is_wide(const json_t *value)
{
    return json_is_string(value) && json_string_value(value)[0] == WIDE_TAG;
}

bool qjson_is_string(const json_t *value)
{
    return json_is_string(value) && !qjson_is_wide(value);
}

bool qjson_get_uint(const json_t *value, uint64_t *result)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *result = (uint64_t)json_integer_value(value);
        return true;
    }
    if (qjson_is_wide(value)) {
        *result = g_ascii_strtoull(json_string_value(value) + 1, NULL, 10);
        return true;
    }
    return false;
}

json_t *qjson_string(const char *text)
{
    g_autofree char *valid = NULL;
    json_t *value = json_string(text ? text : "");

    if (!value) {
        valid = g_utf8_make_valid(text, -1);
        value = json_string(valid);
    }
    return value;
}

static void print_unicode(GString *out, gunichar c)
{
    if (c > 0xffff) {
        c -= 0x10000;
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
    } else {
        g_string_append_printf(out, "\\u%04X", c);
    }
}

static void print_string(GString *out, const char *text, size_t len)
{
    static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    const char *end = text + len;

    g_string_append_c(out, '"');
    while (text < end) {
        unsigned char c = *text;
        const char *escape = c ? strchr(short_escapes, c) : NULL;

        if (escape && (escape - short_escapes) % 2 == 0) {
            g_string_append_c(out, '\\');
            g_string_append_c(out, escape[1]);
            text++;
        } else if (c >= 0x20 && c < 0x7f) {
            g_string_append_c(out, c);
            text++;
        } else if (c < 0x80) {
            print_unicode(out, c);
            text++;
        } else {
            gunichar u = g_utf8_get_char_validated(text, end - text);

            if ((gint32)u < 0) {
                print_unicode(out, 0xfffd);
                text++;
            } else {
                print_unicode(out, u);
                text = g_utf8_next_char(text);
            }
        }
    }
    g_string_append_c(out, '"');
}

static void print_real(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.17g", number));
}

static void print_break(GString *out, bool pretty, unsigned depth)
{
    if (!pretty) {
        return;
    }
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        g_string_append(out, "    ");
    }
}

static void print_value(GString *out, const json_t *value, bool pretty, unsigned depth);

static void print_object(GString *out, const json_t *object, bool pretty, unsigned depth)
{
    const char *key;
    json_t *member;
    bool first = true;

    g_string_append_c(out, '{');
    json_object_foreach((json_t *)object, key, member) {
        if (!first) {
            g_string_append(out, pretty ? "," : ", ");
        }
        first = false;
        print_break(out, pretty, depth + 1);
        print_string(out, key, strlen(key));
        g_string_append(out, ": ");
        print_value(out, member, pretty, depth + 1);
    }
    print_break(out, pretty, depth);
    g_string_append_c(out, '}');
}

static void print_array(GString *out, const json_t *array, bool pretty, unsigned depth)
{
    size_t i;

    g_string_append_c(out, '[');
    for (i = 0; i < json_array_size(array); i++) {
        if (i) {
            g_string_append(out, pretty ? "," : ", ");
        }
        print_break(out, pretty, depth + 1);
        print_value(out, json_array_get(array, i), pretty, depth + 1);
    }
    print_break(out, pretty, depth);
    g_string_append_c(out, ']');
}

static void print_value(GString *out, const json_t *value, bool pretty, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        print_object(out, value, pretty, depth);
        break;
    case JSON_ARRAY:
        print_array(out, value, pretty, depth);
        break;
    case JSON_STRING:
        if (qjson_is_wide(value)) {
            g_string_append(out, json_string_value(value) + 1);
        } else {
            print_string(out, json_string_value(value), json_string_length(value));
        }
        break;
    case JSON_INTEGER:
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        print_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        g_string_append(out, "true");
        break;
    case JSON_FALSE:
        g_string_append(out, "false");
        break;
    case JSON_NULL:
        g_string_append(out, "null");
        break;
    }
}

GString *qjson_to_string(const json_t *value, bool pretty)
{
    GString *out = g_string_new(NULL);

    print_value(out, value, pretty, 0);
    return out;
}
