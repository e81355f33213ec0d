/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util's plain parts: numbers and sizes from text, bitmaps, scatter-gather lists, notifiers and the
 * two dialects of command line lists. Expected values are stock's, or follow from the headers.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bitmap.h"
#include "qemu/cutils.h"
#include "qemu/iov.h"
#include "qemu/log-limit.h"
#include "qemu/notify.h"
#include "qemu/option.h"
#include "qemu/units.h"

/* Numbers and sizes. */

static void test_strtou64(void)
{
    const char *end;
    uint64_t v;

    g_assert_cmpint(qemu_strtou64("18446744073709551615", NULL, 0, &v), ==, 0);
    g_assert_cmpuint(v, ==, UINT64_MAX);
    g_assert_cmpint(qemu_strtou64("0x10", NULL, 0, &v), ==, 0);
    g_assert_cmpuint(v, ==, 16);
    g_assert_cmpint(qemu_strtou64("18446744073709551616", NULL, 0, &v), ==, -ERANGE);
    g_assert_cmpint(qemu_strtou64("", NULL, 0, &v), ==, -EINVAL);
    g_assert_cmpint(qemu_strtou64("12x", NULL, 0, &v), ==, -EINVAL);
    g_assert_cmpint(qemu_strtou64("12x", &end, 0, &v), ==, 0);
    g_assert_cmpuint(v, ==, 12);
    g_assert_cmpstr(end, ==, "x");
}

static void test_strtosz(void)
{
    static const struct {
        const char *text;
        int ret;
        uint64_t value;
    } cases[] = {
        { "0", 0, 0 }, { "1", 0, 1 }, { "1B", 0, 1 }, { "2k", 0, 2 * KiB }, { "2K", 0, 2 * KiB },
        { "3M", 0, 3 * MiB }, { "4G", 0, 4 * GiB }, { "5T", 0, 5 * TiB }, { "6P", 0, 6 * PiB },
        { "7E", 0, 7 * EiB }, { "1.5M", 0, MiB + MiB / 2 }, { "0.25G", 0, 256 * MiB },
        { "0x1000", 0, 4096 }, { "9007199254740993", 0, 9007199254740993 },
        { "16E", -ERANGE, 0 }, { "18446744073709551616", -ERANGE, 0 },
        { "", -EINVAL, 0 }, { "x", -EINVAL, 0 }, { "1Mx", -EINVAL, 0 }, { "1MB", -EINVAL, 0 },
        { "M", -EINVAL, 0 }, { " ", -EINVAL, 0 }, { "1.5", -EINVAL, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t v = 12345;
        int ret = qemu_strtosz(cases[i].text, NULL, &v);

        g_test_message("'%s'", cases[i].text);
        g_assert_cmpint(ret, ==, cases[i].ret);
        if (ret == 0) {
            g_assert_cmpuint(v, ==, cases[i].value);
        }
    }
}

static void test_strtosz_mib(void)
{
    const char *end;
    uint64_t v;

    g_assert_cmpint(qemu_strtosz_MiB("512", NULL, &v), ==, 0);
    g_assert_cmpuint(v, ==, 512 * MiB);
    g_assert_cmpint(qemu_strtosz_MiB("512K", NULL, &v), ==, 0);
    g_assert_cmpuint(v, ==, 512 * KiB);
    g_assert_cmpint(qemu_strtosz_MiB("1G,slots=2", &end, &v), ==, 0);
    g_assert_cmpuint(v, ==, GiB);
    g_assert_cmpstr(end, ==, ",slots=2");
}

static void test_bool_parse(void)
{
    Error *err = NULL;
    bool b = false;

    g_assert_true(qapi_bool_parse("x", "on", &b, &error_abort));
    g_assert_true(b);
    g_assert_true(qapi_bool_parse("x", "no", &b, &error_abort));
    g_assert_false(b);
    g_assert_false(qapi_bool_parse("x", "maybe", &b, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Parameter 'x' expects 'on' or 'off'");
    error_free(err);
}

static void test_size_to_str(void)
{
    g_autofree char *a = size_to_str(0);
    g_autofree char *b = size_to_str(2 * GiB);
    g_autofree char *c = size_to_str(GiB + GiB / 2);

    g_assert_cmpstr(a, ==, "0 B");
    g_assert_cmpstr(b, ==, "2 GiB");
    g_assert_cmpstr(c, ==, "1.5 GiB");
}

static void test_pstrcpy(void)
{
    char buf[4] = "zzz";

    pstrcpy(buf, sizeof(buf), "abcdef");
    g_assert_cmpstr(buf, ==, "abc");
    pstrcpy(buf, sizeof(buf), "x");
    g_assert_cmpstr(pstrcat(buf, sizeof(buf), "yz!"), ==, "xyz");
}

static void test_uuid(void)
{
    uint8_t u[16];

    g_assert_true(qemu_uuid_parse_bytes("00112233-4455-6677-8899-aAbBcCdDeEfF", u));
    g_assert_cmphex(u[1], ==, 0x11);
    g_assert_cmphex(u[15], ==, 0xff);
    g_assert_false(qemu_uuid_parse_bytes("00112233-4455-6677-8899-aabbccddeef", u));
    g_assert_false(qemu_uuid_parse_bytes("00112233-4455-6677-8899-aabbccddeegg", u));
    g_assert_false(qemu_uuid_parse_bytes("0011223304455-6677-8899-aabbccddeeff", u));
}

/* Bitmaps: every short range, against one bit at a time. */

static void test_bitmap_ranges(void)
{
    enum { NBITS = 200 };

    for (long start = 0; start < NBITS; start += 7) {
        for (long n = 0; start + n <= NBITS; n += 9) {
            g_autofree unsigned long *set = bitmap_new(NBITS);
            g_autofree unsigned long *cleared = bitmap_new(NBITS);

            bitmap_set(set, start, n);
            bitmap_fill(cleared, NBITS);
            bitmap_clear(cleared, start, n);
            for (long i = 0; i < NBITS; i++) {
                bool inside = i >= start && i < start + n;

                g_assert_cmpint(test_bit(i, set), ==, inside);
                g_assert_cmpint(test_bit(i, cleared), ==, !inside);
            }
            g_assert_cmpint(bitmap_count_one(set, NBITS), ==, n);
            g_assert_cmpuint(find_first_bit(set, NBITS), ==, n ? start : NBITS);
            g_assert_cmpuint(find_next_zero_bit(set, NBITS, start), ==, start + n);
            g_assert_cmpuint(find_last_bit(set, NBITS), ==, n ? start + n - 1 : NBITS);
            g_assert_cmpuint(find_first_zero_bit(cleared, NBITS), ==, n ? start : NBITS);
        }
    }
}

static void test_bitmap_whole(void)
{
    g_autofree unsigned long *a = bitmap_new(130);
    g_autofree unsigned long *b = bitmap_new(130);

    g_assert_true(bitmap_empty(a, 130));
    bitmap_fill(a, 130);
    g_assert_true(bitmap_full(a, 130));
    g_assert_false(bitmap_equal(a, b, 130));
    bitmap_copy(b, a, 130);
    g_assert_true(bitmap_equal(a, b, 130));
    clear_bit(129, b);
    g_assert_false(bitmap_equal(a, b, 130));
    g_assert_true(bitmap_equal(a, b, 129));
    a = bitmap_zero_extend(a, 130, 300);
    g_assert_cmpint(bitmap_count_one(a, 300), ==, 130);
    g_assert_cmpuint(find_next_bit(a, 300, 130), ==, 300);
}

/* Scatter-gather lists. */

static void test_iov(void)
{
    char a[3] = "abc", b[1] = "d", c[4] = "efgh", out[16] = { };
    const struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 1 }, { c, 4 } };

    g_assert_cmpuint(iov_size(iov, 4), ==, 8);
    g_assert_cmpuint(iov_to_buf(iov, 4, 2, out, 4), ==, 4);
    g_assert_cmpstr(out, ==, "cdef");
    g_assert_cmpuint(iov_to_buf(iov, 4, 6, out, sizeof(out)), ==, 2);
    g_assert_cmpuint(iov_to_buf(iov, 4, 8, out, 1), ==, 0);
    g_assert_cmpuint(iov_from_buf(iov, 4, 3, "XY", 2), ==, 2);
    g_assert_cmpint(b[0], ==, 'X');
    g_assert_cmpint(c[0], ==, 'Y');
    g_assert_cmpuint(iov_memset(iov, 4, 5, 'z', 100), ==, 3);
    g_assert_cmpint(memcmp(c, "Yzzz", 4), ==, 0);
}

/* Notifiers. */

typedef struct TestNotifier {
    Notifier n;
    Notifier *victim;      /* removed by the callback */
    int calls;
} TestNotifier;

static void test_notifier_cb(Notifier *n, void *data)
{
    TestNotifier *t = container_of(n, TestNotifier, n);

    t->calls += *(int *)data;
    if (t->victim) {
        notifier_remove(t->victim);
        t->victim = NULL;
    }
}

static void test_notify_remove_self(void)
{
    TestNotifier t[3] = { };
    NotifierList list;
    int one = 1;

    notifier_list_init(&list);
    for (int i = 0; i < 3; i++) {
        t[i].n.notify = test_notifier_cb;
        notifier_list_add(&list, &t[i].n);
    }
    t[1].victim = &t[1].n;
    notifier_list_notify(&list, &one);
    notifier_list_notify(&list, &one);
    g_assert_cmpint(t[0].calls, ==, 2);
    g_assert_cmpint(t[1].calls, ==, 1);
    g_assert_cmpint(t[2].calls, ==, 2);
}

/* Command line lists. */

static const char *get(json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void test_keyval(void)
{
    json_t *o = keyval_parse("q35,a=1,b=x,,y,c.d=2,c.e=,l.0=p,l.1=q,a=3", "type", NULL,
                             &error_abort);

    g_assert_cmpstr(get(o, "type"), ==, "q35");
    g_assert_cmpstr(get(o, "a"), ==, "3");
    g_assert_cmpstr(get(o, "b"), ==, "x,y");
    g_assert_cmpstr(get(json_object_get(o, "c"), "d"), ==, "2");
    g_assert_cmpstr(get(json_object_get(o, "c"), "e"), ==, "");
    g_assert_cmpuint(json_array_size(json_object_get(o, "l")), ==, 2);
    g_assert_cmpstr(json_string_value(json_array_get(json_object_get(o, "l"), 1)), ==, "q");
    json_decref(o);
}

static void test_keyval_errors(void)
{
    static const char *const bad[] = {
        "a=1,b", "=1", "a=1,a.b=2", "a.b=1,a=2", "a..b=1", "l.0=x,l.2=y", "l.0=x,l.k=y", "a,b=1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_test_message("%s", bad[i]);
        g_assert_null(keyval_parse(bad[i], NULL, NULL, &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

static void test_keyval_help(void)
{
    bool help = false;
    json_t *o = keyval_parse("q35,help", "type", &help, &error_abort);

    g_assert_true(help);
    g_assert_cmpuint(json_object_size(o), ==, 1);
    json_decref(o);
    g_assert_true(is_help_option("?"));
    g_assert_true(is_help_option("help"));
    g_assert_false(is_help_option("helper"));
    g_assert_true(has_help_option("a=1,help"));
    g_assert_false(has_help_option("a=help"));
}

static void test_opts_flat(void)
{
    json_t *o = qemu_opts_parse_json("vm,id=a,x.y=1,v=p,,q,id=b", "driver", NULL, &error_abort);

    g_assert_cmpstr(get(o, "driver"), ==, "vm");
    g_assert_cmpstr(get(o, "id"), ==, "a");
    g_assert_cmpstr(get(o, "x.y"), ==, "1");
    g_assert_cmpstr(get(o, "v"), ==, "p,q");
    json_decref(o);
}

static void test_input_parse(void)
{
    bool keyval = true, help = false;
    Error *err = NULL;
    json_t *o = qobject_input_parse("{\"driver\":\"vm\",\"n\":1}", "driver",
                                    qemu_opts_parse_json, &keyval, &help,
                                    &error_abort);

    g_assert_false(keyval);
    g_assert_cmpint(json_integer_value(json_object_get(o, "n")), ==, 1);
    json_decref(o);
    o = qobject_input_parse("vm,n=1", "driver", qemu_opts_parse_json, &keyval, &help, &error_abort);
    g_assert_true(keyval);
    g_assert_cmpstr(get(o, "n"), ==, "1");
    json_decref(o);
    g_assert_null(qobject_input_parse("{\"driver\":", "driver", qemu_opts_parse_json, &keyval,
                                      &help, &err));
    g_assert_nonnull(err);
    error_free(err);
}

/* Flat: the first id counts; and where lists are asked for, equal keys add up, but for the type. */
static void test_repeated(void)
{
    json_t *o = qemu_opts_parse_json("t,id=a,n=1,id=b,n=2", "t", NULL, &error_abort);

    g_assert_cmpstr(get(o, "id"), ==, "a");
    g_assert_cmpstr(get(o, "n"), ==, "2");
    json_decref(o);
    o = qemu_opts_parse_json_lists("x,n=1,id=a,n=2-3,id=b,t=y", "t", NULL, &error_abort);
    g_assert_cmpstr(get(o, "id"), ==, "a");
    g_assert_cmpstr(get(o, "t"), ==, "y");
    g_assert_cmpint(json_array_size(json_object_get(o, "n")), ==, 3);
    g_assert_true(json_is_null(json_array_get(json_object_get(o, "n"), 0)));
    json_decref(o);
}

static void test_id(void)
{
    g_assert_true(id_wellformed("vm0"));
    g_assert_true(id_wellformed("a-b.c_d"));
    g_assert_false(id_wellformed("1a"));
    g_assert_false(id_wellformed(""));
    g_assert_false(id_wellformed("a b"));
    g_assert_false(id_wellformed("a/b"));
}

/* A burst passes, the rest of the window is held back and counted. */
static void test_log_limit(void)
{
    LogLimit limit = { };
    unsigned held = 99;

    for (int window = 0; window < 3; window++) {
        int64_t now = 7 + window * (int64_t)LOG_LIMIT_WINDOW_US;

        for (int i = 0; i < LOG_LIMIT_BURST; i++) {
            g_assert_true(log_limit_pass(&limit, now + i, &held));
            g_assert_cmpuint(held, ==, window && !i ? 1000 : 0);
        }
        for (int i = 0; i < 1000; i++) {
            g_assert_false(log_limit_pass(&limit, now + LOG_LIMIT_WINDOW_US - 1, &held));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cutils/strtou64", test_strtou64);
    g_test_add_func("/cutils/strtosz", test_strtosz);
    g_test_add_func("/cutils/strtosz-mib", test_strtosz_mib);
    g_test_add_func("/cutils/bool", test_bool_parse);
    g_test_add_func("/cutils/size-to-str", test_size_to_str);
    g_test_add_func("/cutils/pstrcpy", test_pstrcpy);
    g_test_add_func("/cutils/uuid", test_uuid);
    g_test_add_func("/bitmap/ranges", test_bitmap_ranges);
    g_test_add_func("/bitmap/whole", test_bitmap_whole);
    g_test_add_func("/iov/copy", test_iov);
    g_test_add_func("/log-limit", test_log_limit);
    g_test_add_func("/notify/remove-self-while-notified", test_notify_remove_self);
    g_test_add_func("/keyval/values", test_keyval);
    g_test_add_func("/keyval/errors", test_keyval_errors);
    g_test_add_func("/keyval/help", test_keyval_help);
    g_test_add_func("/opts/flat-keys", test_opts_flat);
    g_test_add_func("/opts/json-or-list", test_input_parse);
    g_test_add_func("/opts/repeated", test_repeated);
    g_test_add_func("/opts/id", test_id);
    return g_test_run();
}
