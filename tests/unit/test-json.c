/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON of QMP: what the framer accepts, what it refuses and how it goes on afterwards, with
 * the messages that stock QEMU 7.2 gives for the same bytes; and what the printer writes.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/json.h"

static void collect(void *opaque, json_t *value, Error *err)
{
    GString *log = opaque;

    g_string_append(log, log->len ? "|" : "");
    if (err) {
        g_string_append_printf(log, "!%s", error_get_pretty(err));
        error_free(err);
    } else {
        GString *text = qjson_to_string(value, false);

        g_string_append(log, text->str);
        g_string_free(text, TRUE);
        json_decref(value);
    }
}

/* What comes out for @input, fed @chunk bytes at a time. */
static char *run(const char *input, size_t len, size_t chunk)
{
    GString *log = g_string_new(NULL);
    JSONFramer *f = json_framer_new(collect, log);

    for (size_t i = 0; i < len; i += chunk) {
        json_framer_feed(f, input + i, MIN(chunk, len - i));
    }
    json_framer_free(f);
    return g_string_free(log, FALSE);
}

typedef struct Case {
    const char *name, *input, *expect;
    size_t len;   /* 0: strlen(input) */
} Case;

#define P "!JSON parse error, "

static const Case cases[] = {
    { "object", "{\"a\": [1, -2, true, false, null, \"x\"]}",
      "{\"a\": [1, -2, true, false, null, \"x\"]}" },
    { "single-quotes", "{'a': 'x\"y', 'b': 'it\\'s'}", "{\"a\": \"x\\\"y\", \"b\": \"it's\"}" },
    { "pipelined", "{}[]{'a':1}\n2 3\n", "{}|[]|{\"a\": 1}|2|3" },
    { "order-kept", "{'z':1,'a':2,'m':3}", "{\"z\": 1, \"a\": 2, \"m\": 3}" },
    { "uint64-max", "[18446744073709551615]", "[18446744073709551615]" },
    { "int64-max-plus-1", "[9223372036854775808]", "[9223372036854775808]" },
    { "int64-min", "[-9223372036854775808]", "[-9223372036854775808]" },
    { "beyond-uint64", "[18446744073709551616]", "[1.8446744073709552e+19]" },
    { "below-int64", "[-9223372036854775809]", "[-9.2233720368547758e+18]" },
    { "reals", "[1e5, 1.0, 0.1, -0.0, 1E+2, 2.5e-1]",
      "[100000, 1, 0.10000000000000001, -0, 100, 0.25]" },
    { "real-too-large", "[1e400]", P "number '1e400' is too large" },
    { "minus-zero", "[-0]", "[0]" },
    { "escapes", "['\\u00e9\xc3\xa9\\u2028\\ud83d\\ude00\\/\\t\\b\\f\\n\\r\\\\']",
      "[\"\\u00E9\\u00E9\\u2028\\uD83D\\uDE00/\\t\\b\\f\\n\\r\\\\\"]" },
    { "nul-escape", "['\\u0000']", "[\"\\u0000\"]" },
    { "nul-modified-utf8", "['\xc0\x80']", "[\"\\u0000\"]" },
    { "delete-char", "['\x7f']", "[\"\\u007F\"]" },
    { "lone-high-surrogate", "['\\ud800']", P "\\ud800 is not a valid Unicode character" },
    { "lone-low-surrogate", "['\\udc00']", P "\\udc00 is not a valid Unicode character" },
    { "high-then-high", "['\\ud800\\ud800']", P "\\ud800 is not a valid Unicode character" },
    { "short-unicode-escape", "[\"\\u12\"]", P "\\u12\" is not a valid Unicode character" },
    { "noncharacter-escape", "['\\uffff']", P "\\uffff is not a valid Unicode character" },
    { "noncharacter", "['\xf4\x8f\xbf\xbf']", P "invalid UTF-8 sequence in string" },
    { "bad-escape", "['\\x']", P "invalid escape sequence in string" },
    { "duplicate-key", "{'a':1,'a':1}", P "duplicate key" },
    { "duplicate-nested", "[{'b':{'a':1,'a':2}}]", P "duplicate key" },
    { "duplicate-escaped", "{'a':1,'\\u0061':1}", P "duplicate key" },
    { "nul-in-key", "{'a\\u0000b':1}", P "key contains a NUL character" },
    { "key-no-string", "{1:2}", P "key is not a string in object" },
    { "trailing-comma-object", "{'a':1,}", P "expecting value" },
    { "trailing-comma-array", "[1,]", P "expecting value" },
    { "missing-colon", "{'a' 1}", P "missing : in object pair" },
    { "missing-separator", "[1 2]", P "expected separator in list" },
    { "wrong-bracket", "{'a':1]", P "expected separator in dict" },
    { "crossed-brackets", "[{'a':1]}", P "expected separator in dict" },
    { "bad-keyword", "[nul]", P "invalid keyword 'nul'" },
    { "lone-close", "}{}", P "expecting value|{}" },
    { "lone-comma", ",{}", P "expecting value|{}" },
    { "leading-zero", "{'a':01}{}", P "stray '01'|" P "expecting value|{}" },
    { "lone-minus", "-\n{}", P "stray '-\n'|{}" },
    { "no-digit-after-point", "[1.]{}", P "stray '1.]'|{}" },
    { "no-digit-in-exponent", "[1e+]{}", P "stray '1e+]'|{}" },
    { "upper-case", "[True]{}", P "stray 'T'|" P "expecting value|{}" },
    { "percent", "{'a':%s}{}", P "stray '%'|" P "expecting value|{}" },
    { "newline-in-string", "{'a':\"x\n}{}", P "stray '\"x\n'|" P "expecting value|{}" },
    { "control-in-string", "['a\x01']{}", P "stray ''a\x01'|" P "expecting value|{}" },
    { "nul-byte", "\0{}", P "stray ''|{}", 3 },
    { "form-feed", "\f{}", P "stray '\f'|{}" },
    { "invalid-utf8", "['\xed\xa0\x80']{}", P "invalid UTF-8 sequence in string|{}" },
    { "overlong-utf8", "['\xc1\x81']{}", P "invalid UTF-8 sequence in string|{}" },
    { "cut-utf8", "['\xe2\x82']{}", P "invalid UTF-8 sequence in string|{}" },
    { "ff-resynchronises", "{'a':'b\xff\n{'c':1}", P "stray ''b\xff'|{\"c\": 1}" },
    { "empty", " \t\r\n", "" },
    { "unfinished", "{'a':[1,2", "" },
};

static void test_case(gconstpointer data)
{
    const Case *c = data;
    size_t len = c->len ? c->len : strlen(c->input);

    /* Whole, byte by byte, and in threes: cuts must not matter. */
    for (size_t chunk = 1; chunk <= len + 1; chunk = chunk == 1 ? 3 : chunk + len) {
        g_autofree char *got = run(c->input, len, chunk);

        g_assert_cmpstr(got, ==, c->expect);
    }
}

static void test_nesting(void)
{
    g_autofree char *open = g_strnfill(JSON_MAX_NESTING, '[');
    g_autofree char *close = g_strnfill(JSON_MAX_NESTING, ']');
    g_autofree char *deepest = g_strconcat(open, close, NULL);
    g_autofree char *deeper = g_strconcat(open, "[", "\n{}", NULL);
    g_autofree char *got = run(deepest, strlen(deepest), 4096);
    g_autofree char *got_deeper = run(deeper, strlen(deeper), 4096);

    g_assert_cmpstr(got, ==, deepest);
    g_assert_cmpstr(got_deeper, ==, "!JSON nesting depth limit exceeded|{}");
}

static void test_size_limit(void)
{
    size_t len = JSON_MAX_MESSAGE_SIZE + 1024;
    g_autofree char *text = g_malloc(len + 16);
    g_autofree char *got = NULL;

    memset(text, 'a', len);
    memcpy(text, "{'a':'", 6);
    memcpy(text + len, "'}{'b':1}", 10);
    got = run(text, len + 9, 65536);
    g_assert_cmpstr(got, ==, "!JSON token size limit exceeded|" P "expecting value|{\"b\": 1}");
}

static void test_token_limit(void)
{
    size_t nb = JSON_MAX_TOKENS;
    GString *text = g_string_new("[");
    g_autofree char *got = NULL;

    for (size_t i = 0; i < nb; i++) {
        g_string_append(text, i % 2 ? "," : "0");
    }
    g_string_append(text, "\n");
    got = run(text->str, text->len, 65536);
    g_assert_true(g_str_has_prefix(got, "!JSON token count limit exceeded"));
    g_string_free(text, TRUE);
}

static void test_parse(void)
{
    static const char *const bad[][2] = {
        { "", "JSON parse error, expecting value" },
        { "  ", "JSON parse error, expecting value" },
        { "{'a':1", "JSON parse error, premature EOI" },
        { "'a", "JSON parse error, premature EOI" },
        { "-", "JSON parse error, premature EOI" },
        { "1 2", "JSON parse error, more than one value" },
        { "{} x", "JSON parse error, invalid keyword 'x'" },
        { "@", "JSON parse error, stray '@'" },
    };
    uint64_t number;
    json_t *value = qjson_parse(" 18446744073709551615 ", &error_abort);

    g_assert_true(qjson_get_uint(value, &number));
    g_assert_cmpuint(number, ==, UINT64_MAX);
    g_assert_false(qjson_is_string(value));
    json_decref(value);
    value = qjson_parse("true", &error_abort);
    g_assert_true(json_is_true(value));
    json_decref(value);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_assert_null(qjson_parse(bad[i][0], &err));
        g_assert_cmpstr(error_get_pretty(err), ==, bad[i][1]);
        error_free(err);
    }
}

static void test_uint(void)
{
    static const uint64_t values[] = { 0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
    json_t *negative = json_integer(-1), *text = qjson_string("18446744073709551615");
    uint64_t number;

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        json_t *value = qjson_uint(values[i]), *same = qjson_uint(values[i]);
        GString *printed = qjson_to_string(value, false);
        g_autofree char *expect = g_strdup_printf("%" PRIu64, values[i]);

        g_assert_true(qjson_get_uint(value, &number));
        g_assert_cmpuint(number, ==, values[i]);
        g_assert_cmpstr(printed->str, ==, expect);
        g_assert_true(json_equal(value, same));
        g_string_free(printed, TRUE);
        json_decref(value);
        json_decref(same);
    }
    g_assert_false(qjson_get_uint(negative, &number));
    g_assert_false(qjson_get_uint(text, &number));
    json_decref(negative);
    json_decref(text);
}

static void test_pretty(void)
{
    json_t *value = qjson_parse("{'a':[1,{}],'b':[]}", &error_abort);
    GString *text = qjson_to_string(value, true);

    g_assert_cmpstr(text->str, ==,
                    "{\n    \"a\": [\n        1,\n        {\n        }\n    ],\n    \"b\": [\n    ]\n}");
    g_string_free(text, TRUE);
    json_decref(value);
}

static void test_invalid_text(void)
{
    json_t *value = qjson_string("a\xff" "b");
    GString *text = qjson_to_string(value, false);

    g_assert_cmpstr(text->str, ==, "\"a\\uFFFDb\"");
    g_string_free(text, TRUE);
    json_decref(value);
}

/* No input may crash, hang or leak: bytes of a small alphabet in random order. */
static void test_random(void)
{
    static const char alphabet[] = "{}[]:,\"'\\u0019-.eEtrufalsn \n\xc3\xa9\xff";
    GRand *rand = g_rand_new_with_seed(1);
    char input[64];

    for (int i = 0; i < 20000; i++) {
        size_t len = g_rand_int_range(rand, 1, sizeof(input));
        g_autofree char *whole = NULL, *cut = NULL;

        for (size_t j = 0; j < len; j++) {
            input[j] = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet) - 1)];
        }
        whole = run(input, len, len);
        cut = run(input, len, 1);
        g_assert_cmpstr(whole, ==, cut);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/json/framer/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/json/framer/nesting-limit", test_nesting);
    g_test_add_func("/json/framer/size-limit", test_size_limit);
    g_test_add_func("/json/framer/token-limit", test_token_limit);
    g_test_add_func("/json/framer/random", test_random);
    g_test_add_func("/json/parse", test_parse);
    g_test_add_func("/json/uint", test_uint);
    g_test_add_func("/json/print/pretty", test_pretty);
    g_test_add_func("/json/print/invalid-utf8", test_invalid_text);
    return g_test_run();
}
