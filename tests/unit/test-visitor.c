/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visitors: which values each kind takes, and what is said of the others; generated types through
 * output and back.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-events-machine.h"
#include "qapi/qapi-visit-common.h"
#include "qapi/qapi-visit-machine.h"
#include "qapi/visitor.h"
#include "qemu/json.h"

typedef enum Kind { JSON, KEYVAL, STRING } Kind;

static Visitor *visitor_for(Kind kind, const char *text)
{
    json_t *value;
    Visitor *v;

    if (kind == STRING) {
        return string_input_visitor_new(text);
    }
    value = kind == JSON ? qjson_parse(text, &error_abort) : json_string(text);
    v = kind == JSON ? qobject_input_visitor_new(value) : qobject_input_visitor_new_keyval(value);
    json_decref(value);
    return v;
}

/* Visits one value of @type; the result or the error as text. */
static char *visit_one(Kind kind, const char *type, const char *text)
{
    g_autoptr(Visitor) v = visitor_for(kind, text);
    Error *err = NULL;
    char *result = NULL;

#define TRY(t, ctype, ...)                                          \
    if (!strcmp(type, #t)) {                                        \
        ctype x = 0;                                                \
        if (visit_type_##t(v, "x", &x, &err)) {                     \
            result = g_strdup_printf(__VA_ARGS__);                  \
        }                                                           \
    }
    TRY(bool, bool, "%d", x)
    TRY(int8, int8_t, "%d", x)
    TRY(int16, int16_t, "%d", x)
    TRY(int32, int32_t, "%d", x)
    TRY(int64, int64_t, "%" PRId64, x)
    TRY(uint8, uint8_t, "%u", x)
    TRY(uint16, uint16_t, "%u", x)
    TRY(uint32, uint32_t, "%u", x)
    TRY(uint64, uint64_t, "%" PRIu64, x)
    TRY(size, uint64_t, "%" PRIu64, x)
    TRY(number, double, "%g", x)
    TRY(OnOffAuto, OnOffAuto, "%s", OnOffAuto_str(x))
#undef TRY
    if (!strcmp(type, "str")) {
        g_assert_true(visit_type_str(v, "x", &result, &err) == !err);
    }
    if (!result) {
        result = g_strdup(error_get_pretty(err));
        error_free(err);
    }
    return result;
}

static const struct ScalarCase {
    Kind kind;
    const char *type, *text, *expect;
} scalars[] = {
    { JSON, "bool", "true", "1" },
    { JSON, "bool", "'on'", "Invalid parameter type for 'x', expected: boolean" },
    { JSON, "bool", "1", "Invalid parameter type for 'x', expected: boolean" },
    { JSON, "int64", "-5", "-5" },
    { JSON, "int64", "1.5", "Invalid parameter type for 'x', expected: integer" },
    { JSON, "int64", "'5'", "Invalid parameter type for 'x', expected: integer" },
    { JSON, "int64", "9223372036854775808",
      "Invalid parameter type for 'x', expected: integer" },
    { JSON, "int8", "-128", "-128" },
    { JSON, "int8", "-129", "Parameter 'x' expects int8_t" },
    { JSON, "int16", "32768", "Parameter 'x' expects int16_t" },
    { JSON, "int32", "2147483648", "Parameter 'x' expects int32_t" },
    { JSON, "uint8", "256", "Parameter 'x' expects uint8_t" },
    { JSON, "uint16", "65536", "Parameter 'x' expects uint16_t" },
    { JSON, "uint32", "4294967295", "4294967295" },
    { JSON, "uint32", "4294967296", "Parameter 'x' expects uint32_t" },
    { JSON, "uint64", "18446744073709551615", "18446744073709551615" },
    { JSON, "uint64", "18446744073709551616", "Parameter 'x' expects uint64" },
    { JSON, "uint64", "-1", "Parameter 'x' expects uint64" },
    { JSON, "uint64", "'7'", "Parameter 'x' expects uint64" },
    { JSON, "size", "18446744073709551615", "18446744073709551615" },
    { JSON, "size", "'1M'", "Parameter 'x' expects uint64" },
    { JSON, "str", "'abc'", "abc" },
    { JSON, "str", "1", "Invalid parameter type for 'x', expected: string" },
    { JSON, "str", "18446744073709551615",
      "Invalid parameter type for 'x', expected: string" },
    { JSON, "str", "'a\\u0000b'", "Parameter 'x' expects a string without NUL characters" },
    { JSON, "number", "2.5", "2.5" },
    { JSON, "number", "18446744073709551615", "1.84467e+19" },
    { JSON, "number", "'1'", "Invalid parameter type for 'x', expected: number" },
    { JSON, "OnOffAuto", "'auto'", "auto" },
    { JSON, "OnOffAuto", "'maybe'", "Parameter 'x' does not accept value 'maybe' "
      "(it accepts: auto, on, off)" },
    { JSON, "OnOffAuto", "true", "Invalid parameter type for 'x', expected: string" },
    { KEYVAL, "bool", "on", "1" },
    { KEYVAL, "bool", "maybe", "Parameter 'x' expects 'on' or 'off'" },
    { KEYVAL, "uint32", "0x10", "16" },
    { KEYVAL, "uint32", "foo", "Parameter 'x' expects integer" },
    { KEYVAL, "uint32", "4294967296", "Parameter 'x' expects uint32_t" },
    { KEYVAL, "uint64", "18446744073709551615", "18446744073709551615" },
    { KEYVAL, "uint64", "-1", "Parameter 'x' expects integer" },
    { KEYVAL, "int64", "-1", "-1" },
    { KEYVAL, "int64", "1x", "Parameter 'x' expects integer" },
    { KEYVAL, "size", "2M", "2097152" },
    { KEYVAL, "size", "1.5G", "1610612736" },
    { KEYVAL, "size", "foo", "Parameter 'x' expects size" },
    { KEYVAL, "size", "-1", "Parameter 'x' expects size" },
    { KEYVAL, "OnOffAuto", "off", "off" },
    { STRING, "bool", "off", "0" },
    { STRING, "uint64", "foo", "Parameter 'x' expects uint64" },
    { STRING, "uint32", "7", "7" },
    { STRING, "size", "4K", "4096" },
    { STRING, "str", "", "" },
};

static void test_scalars(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
        g_autofree char *got = visit_one(scalars[i].kind, scalars[i].type, scalars[i].text);

        g_test_message("%s %s", scalars[i].type, scalars[i].text);
        g_assert_cmpstr(got, ==, scalars[i].expect);
    }
}

static char *visit_ranges(const char *text)
{
    g_autoptr(Visitor) v = string_input_visitor_new(text);
    GString *out = g_string_new(NULL);
    Error *err = NULL;
    uint64_t value;
    size_t nb;

    if (!visit_start_list(v, "x", &nb, &err)) {
        g_string_append(out, error_get_pretty(err));
        error_free(err);
        return g_string_free(out, FALSE);
    }
    for (size_t i = 0; i < nb; i++) {
        g_assert_true(visit_type_uint64(v, NULL, &value, &error_abort));
        g_string_append_printf(out, "%s%" PRIu64, i ? " " : "", value);
    }
    visit_end_list(v);
    return g_string_free(out, FALSE);
}

static void test_ranges(void)
{
    static const char bad[] = "Parameter 'x' expects a uint64 value or range";
    static const char *const table[][2] = {
        { "3", "3" }, { "0-3,5", "0 1 2 3 5" }, { "7-7", "7" },
        { "18446744073709551615", "18446744073709551615" },
        { "x", bad }, { "0-x", bad }, { "5-3", bad }, { "1,", bad }, { "-1", bad },
        { "0-18446744073709551615", bad }, { "1-2-3", bad }, { "0-65535,0-65535", bad },
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        g_autofree char *got = visit_ranges(table[i][0]);

        g_assert_cmpstr(got, ==, table[i][1]);
    }
}

static void check_struct_error(const char *text, bool keyval, const char *expect)
{
    json_t *value = qjson_parse(text, &error_abort);
    Visitor *v = keyval ? qobject_input_visitor_new_keyval(value)
                        : qobject_input_visitor_new(value);
    VirtioMEMDeviceInfoWrapper *info = NULL;
    Error *err = NULL;

    g_assert_false(visit_type_VirtioMEMDeviceInfoWrapper(v, NULL, &info, &err));
    g_assert_null(info);
    g_assert_cmpstr(error_get_pretty(err), ==, expect);
    error_free(err);
    visit_free(v);
    json_decref(value);
}

static void test_struct_errors(void)
{
    check_struct_error("{}", false, "Parameter 'data' is missing");
    check_struct_error("{'data':1}", false, "Invalid parameter type for 'data', expected: object");
    check_struct_error("{'data':{}}", false, "Parameter 'data.memaddr' is missing");
    check_struct_error("{'data':{'memaddr':'x'}}", false, "Parameter 'data.memaddr' expects uint64");
    check_struct_error("{'data':{'memaddr':'x'}}", true, "Parameter 'data.memaddr' expects size");
    check_struct_error("{'data':{'memaddr':0,'requested-size':0,'size':0,'max-size':0,"
                       "'block-size':0,'node':0,'memdev':'m'},'y':0}", false,
                       "Parameter 'y' is unexpected");
    check_struct_error("{'data':{'memaddr':0,'requested-size':0,'size':0,'max-size':0,"
                       "'block-size':0,'node':0,'memdev':'m','z':0}}", true,
                       "Invalid parameter 'data.z'");
}

static void test_list_element_error(void)
{
    json_t *value = qjson_parse("['a', 1]", &error_abort);
    Visitor *v = qobject_input_visitor_new(value);
    strList *list = NULL;
    Error *err = NULL;

    g_assert_false(visit_type_strList(v, "l", &list, &err));
    g_assert_null(list);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Invalid parameter type for 'l[1]', expected: string");
    error_free(err);
    visit_free(v);
    json_decref(value);
}

static const char devices_text[] =
    "[{\"type\": \"virtio-mem\", \"data\": {\"id\": \"vm0\", \"memaddr\": 18446744073709551615, "
    "\"requested-size\": 0, \"size\": 0, \"max-size\": 1073741824, \"block-size\": 2097152, "
    "\"node\": 0, \"memdev\": \"/objects/mem0\"}}]";

static void test_union_round_trip(void)
{
    json_t *value = qjson_parse(devices_text, &error_abort), *back = NULL;
    Visitor *v = qobject_input_visitor_new(value);
    MemoryDeviceInfoList *list = NULL;
    GString *text;

    g_assert_true(visit_type_MemoryDeviceInfoList(v, NULL, &list, &error_abort));
    g_assert_cmpuint(list->value->u.virtio_mem.data->memaddr, ==, UINT64_MAX);
    visit_free(v);
    v = qobject_output_visitor_new(&back);
    g_assert_true(visit_type_MemoryDeviceInfoList(v, NULL, &list, &error_abort));
    visit_complete(v);
    visit_free(v);
    text = qjson_to_string(back, false);
    g_assert_cmpstr(text->str, ==, devices_text);
    g_string_free(text, TRUE);
    json_decref(value);
    json_decref(back);
    qapi_free_MemoryDeviceInfoList(list);
}

static char *last_event;

static void keep_event(const QAPIEventInfo *info, json_t *data)
{
    GString *text = qjson_to_string(data, false);

    g_free(last_event);
    last_event = g_strdup_printf("%s %u %s %s", info->name, info->rate_limit_ms, info->key,
                                 text->str);
    g_string_free(text, TRUE);
}

static void test_event(void)
{
    qapi_event_send_memory_device_size_change("vm0", 1, "/a");
    g_assert_null(last_event);
    qapi_event_set_emit(keep_event);
    qapi_event_send_memory_device_size_change("vm0", UINT64_MAX, "/a");
    g_assert_cmpstr(last_event, ==, "MEMORY_DEVICE_SIZE_CHANGE 1000 qom-path {\"id\": \"vm0\", "
                    "\"size\": 18446744073709551615, \"qom-path\": \"/a\"}");
    qapi_event_send_memory_device_size_change(NULL, 1, "/a");
    g_assert_cmpstr(last_event, ==, "MEMORY_DEVICE_SIZE_CHANGE 1000 qom-path {\"size\": 1, "
                    "\"qom-path\": \"/a\"}");
    qapi_event_set_emit(NULL);
    g_clear_pointer(&last_event, g_free);
}

static void test_enum_parse(void)
{
    Error *err = NULL;

    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, "off", -1, &error_abort), ==,
                    ON_OFF_AUTO_OFF);
    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, NULL, 7, &error_abort), ==, 7);
    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, "x", -1, &err), ==, -1);
    g_assert_nonnull(strstr(error_get_pretty(err), "auto, on, off"));
    error_free(err);
}

static void fail_guarded(Error **errp, bool *failed)
{
    ERRP_GUARD();

    error_setg_errno(errp, ENOENT, "open '%s'", "f");
    *failed = *errp != NULL;
    error_prepend(errp, "cannot start: ");
    error_append_hint(errp, "Try %d\n", 2);
}

static void test_error(void)
{
    Error *err = NULL, *second = NULL;
    bool failed = false;

    fail_guarded(NULL, &failed);
    g_assert_true(failed);
    fail_guarded(&err, &failed);
    g_assert_cmpstr(error_get_pretty(err), ==, "cannot start: open 'f': No such file or directory");
    g_assert_cmpstr(error_get_hint(err), ==, "Try 2\n");
    error_set(&second, ERROR_CLASS_DEVICE_NOT_FOUND, "x");
    g_assert_cmpstr(error_class_name(error_get_class(second)), ==, "DeviceNotFound");
    error_propagate(&err, second);
    g_assert_true(g_str_has_prefix(error_get_pretty(err), "cannot"));
    second = error_copy(err);
    error_free_or_abort(&err);
    g_assert_null(err);
    g_assert_cmpstr(error_get_hint(second), ==, "Try 2\n");
    error_free(second);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/visitor/scalars", test_scalars);
    g_test_add_func("/visitor/ranges", test_ranges);
    g_test_add_func("/visitor/struct-errors", test_struct_errors);
    g_test_add_func("/visitor/list-element-error", test_list_element_error);
    g_test_add_func("/visitor/union-round-trip", test_union_round_trip);
    g_test_add_func("/visitor/enum-parse", test_enum_parse);
    g_test_add_func("/qapi/event", test_event);
    g_test_add_func("/error/guard-hint-propagate", test_error);
    return g_test_run();
}
