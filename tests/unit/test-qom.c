/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object model: order of initialisation, one interface class for each implementing class,
 * properties with stock's error texts, links, children, paths, and user-creatable objects.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object.h"
#include "qom/object_interfaces.h"

#define TYPE_TEST_IF "test-if"
typedef struct TestIfClass {
    InterfaceClass parent_class;
    int value;
} TestIfClass;
DECLARE_CLASS_CHECKERS(TestIfClass, TEST_IF, TYPE_TEST_IF)

#define TYPE_TEST_BASE "test-base"
#define TYPE_TEST_SUB "test-sub"
typedef struct TestBase {
    Object parent_obj;
    bool flag;
    uint64_t number;
    char *text;
    Object *target;
    Object *pal;
} TestBase;
DECLARE_INSTANCE_CHECKER(TestBase, TEST_BASE, TYPE_TEST_BASE)

static GString *trace;
static int base_class_inits;

static bool base_get_flag(Object *obj, Error **errp) { return TEST_BASE(obj)->flag; }
static void base_set_flag(Object *obj, bool v, Error **errp) { TEST_BASE(obj)->flag = v; }
static char *base_get_text(Object *obj, Error **errp) { return g_strdup(TEST_BASE(obj)->text); }

static void base_set_text(Object *obj, const char *v, Error **errp)
{
    if (g_str_equal(v, "bad")) {
        error_setg(errp, "not this text");
        return;
    }
    g_free(TEST_BASE(obj)->text);
    TEST_BASE(obj)->text = g_strdup(v);
}

static void base_size(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    visit_type_size(v, name, &TEST_BASE(obj)->number, errp);
}

static void base_init(Object *obj)
{
    g_string_append(trace, "init:base ");
    object_property_add_link(obj, "pal", TYPE_TEST_SUB, &TEST_BASE(obj)->pal,
                             object_property_allow_set_link, OBJ_PROP_LINK_STRONG);
}

static void base_post_init(Object *obj) { g_string_append(trace, "post:base "); }

static void base_finalize(Object *obj)
{
    g_string_append(trace, "fini:base ");
    g_free(TEST_BASE(obj)->text);
}

static void base_class_init(ObjectClass *oc, const void *data)
{
    base_class_inits++;
    object_class_property_add_bool(oc, "flag", base_get_flag, base_set_flag);
    object_class_property_add_str(oc, "text", base_get_text, base_set_text);
    object_class_property_add(oc, "number", "size", base_size, base_size, NULL, NULL);
    object_class_property_add(oc, "secret", "size", NULL, base_size, NULL, NULL);
    object_class_property_add(oc, "fixed", "size", base_size, NULL, NULL, NULL);
    TEST_IF_CLASS(oc)->value = 1;
}

static void sub_init(Object *obj) { g_string_append(trace, "init:sub "); }
static void sub_post_init(Object *obj) { g_string_append(trace, "post:sub "); }
static void sub_finalize(Object *obj) { g_string_append(trace, "fini:sub "); }

static void sub_class_init(ObjectClass *oc, const void *data)
{
    g_assert_cmpint(TEST_IF_CLASS(oc)->value, ==, 1);   /* the parent's, copied */
    TEST_IF_CLASS(oc)->value = 2;
}

static void uc_complete(UserCreatable *uc, Error **errp)
{
    if (!TEST_BASE(uc)->flag) {
        error_setg(errp, "'flag' must be on");
    }
}

static void uc_class_init(ObjectClass *oc, const void *data)
{
    USER_CREATABLE_CLASS(oc)->complete = uc_complete;
}

static const TypeInfo test_types[] = {
    {
        .name = TYPE_TEST_IF, .parent = TYPE_INTERFACE, .class_size = sizeof(TestIfClass),
    }, {
        .name = TYPE_TEST_BASE, .parent = TYPE_OBJECT, .instance_size = sizeof(TestBase),
        .instance_init = base_init, .instance_post_init = base_post_init,
        .instance_finalize = base_finalize, .class_init = base_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_TEST_IF }, { } },
    }, {
        .name = TYPE_TEST_SUB, .parent = TYPE_TEST_BASE, .instance_init = sub_init,
        .instance_post_init = sub_post_init, .instance_finalize = sub_finalize,
        .class_init = sub_class_init,
    }, {
        .name = "test-uc", .parent = TYPE_TEST_BASE, .class_init = uc_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_USER_CREATABLE }, { } },
    },
};
DEFINE_TYPES(test_types)

static void assert_error(Error **err, const char *text)
{
    g_assert_nonnull(*err);
    g_assert_cmpstr(error_get_pretty(*err), ==, text);
    error_free(*err);
    *err = NULL;
}

static void test_class_lazy(void)
{
    g_assert_cmpint(base_class_inits, ==, 0);
    g_assert_nonnull(object_class_by_name(TYPE_TEST_BASE));
    g_assert_nonnull(object_class_by_name(TYPE_TEST_SUB));
    g_assert_cmpint(base_class_inits, ==, 1);
    g_assert_null(object_class_by_name("no-such-type"));
}

static void test_order(void)
{
    Object *obj;

    g_string_truncate(trace, 0);
    obj = object_new(TYPE_TEST_SUB);
    g_assert_cmpstr(trace->str, ==, "init:base init:sub post:base post:sub ");
    g_string_truncate(trace, 0);
    object_ref(obj);
    object_unref(obj);
    g_assert_cmpstr(trace->str, ==, "");
    object_unref(obj);
    g_assert_cmpstr(trace->str, ==, "fini:sub fini:base ");
}

static void test_interface(void)
{
    ObjectClass *base = object_class_by_name(TYPE_TEST_BASE);
    ObjectClass *sub = object_class_by_name(TYPE_TEST_SUB);
    g_autoptr(Object) obj = object_new(TYPE_TEST_SUB);

    g_assert_cmpint(TEST_IF_CLASS(base)->value, ==, 1);
    g_assert_cmpint(TEST_IF_CLASS(sub)->value, ==, 2);
    g_assert_true(object_dynamic_cast(obj, TYPE_TEST_IF) == obj);
    g_assert_null(object_dynamic_cast(obj, "test-uc"));
    g_assert_null(object_dynamic_cast(obj, TYPE_USER_CREATABLE));
    g_assert_true(object_class_get_parent(sub) == base);
}

static void test_props(void)
{
    g_autoptr(Object) obj = object_new(TYPE_TEST_SUB);
    Error *err = NULL;
    g_autofree char *s = NULL;

    g_assert_true(object_property_parse(obj, "flag", "on", &error_abort));
    g_assert_true(object_property_get_bool(obj, "flag", &error_abort));
    g_assert_true(object_property_parse(obj, "number", "3G", &error_abort));
    g_assert_cmpuint(object_property_get_uint(obj, "number", &error_abort), ==, 3ULL << 30);
    g_assert_true(object_property_set_uint(obj, "number", UINT64_MAX, &error_abort));
    g_assert_cmpuint(object_property_get_uint(obj, "number", &error_abort), ==, UINT64_MAX);
    g_assert_true(object_property_set_str(obj, "text", "hello", &error_abort));
    s = object_property_get_str(obj, "text", &error_abort);
    g_assert_cmpstr(s, ==, "hello");
    g_assert_false(object_property_set_str(obj, "text", "bad", &err));
    assert_error(&err, "not this text");
}

static void test_prop_errors(void)
{
    g_autoptr(Object) obj = object_new(TYPE_TEST_SUB);
    Error *err = NULL;

    g_assert_false(object_property_set_bool(obj, "nope", true, &err));
    assert_error(&err, "Property 'test-sub.nope' not found");
    g_assert_false(object_property_set_uint(obj, "fixed", 1, &err));
    assert_error(&err, "Property 'test-sub.fixed' is not writable");
    object_property_get_uint(obj, "secret", &err);
    assert_error(&err, "Property 'test-sub.secret' is not readable");
}

static void test_tree(void)
{
    Object *box = object_property_add_new_container(object_get_root(), "box");
    Object *obj = object_new(TYPE_TEST_SUB);
    g_autofree char *path = NULL;
    bool ambiguous = true;

    g_assert_null(object_get_canonical_path(obj));
    object_property_add_child(box, "vm0", obj);
    object_unref(obj);
    path = object_get_canonical_path(obj);
    g_assert_cmpstr(path, ==, "/box/vm0");
    g_assert_cmpstr(object_get_canonical_path_component(obj), ==, "vm0");
    g_assert_true(object_resolve_path("/box/vm0", NULL) == obj);
    g_assert_true(object_resolve_path("vm0", &ambiguous) == obj);
    g_assert_false(ambiguous);
    g_assert_null(object_resolve_path("/box/vm1", NULL));
    g_assert_null(object_resolve_path_type("/box/vm0", "test-uc", NULL));
    g_assert_true(object_resolve_path_type("", TYPE_TEST_SUB, NULL) == obj);

    g_string_truncate(trace, 0);
    object_unparent(obj);
    g_assert_cmpstr(trace->str, ==, "fini:sub fini:base ");
    g_assert_null(object_resolve_path("/box/vm0", NULL));
}

static void test_link(void)
{
    Object *box = object_property_add_new_container(object_get_root(), "lbox");
    Object *a = object_new(TYPE_TEST_SUB), *b = object_new(TYPE_TEST_SUB);
    Object *wrong = object_new(TYPE_TEST_BASE);
    Error *err = NULL;

    object_property_add_child(box, "a", a);
    object_property_add_child(box, "b", b);
    object_property_add_child(box, "wrong", wrong);
    g_assert_true(object_property_set_link(a, "pal", b, &error_abort));
    g_assert_true(object_property_get_link(a, "pal", &error_abort) == b);
    g_assert_cmpuint(b->ref, ==, 3);                    /* ours, the tree's, the link's */
    g_assert_false(object_property_set_str(a, "pal", "nobody", &err));
    assert_error(&err, "Device 'nobody' not found");
    g_assert_false(object_property_set_str(a, "pal", "/lbox/wrong", &err));
    assert_error(&err, "Invalid parameter type for 'pal', expected: test-sub");
    g_assert_true(object_property_set_str(a, "pal", "", &error_abort));
    g_assert_null(object_property_get_link(a, "pal", &error_abort));
    g_assert_cmpuint(b->ref, ==, 2);
    object_unparent(a);
    object_unparent(b);
    object_unparent(wrong);
    object_unref(a);
    object_unref(b);
    object_unref(wrong);
}

static void test_alias(void)
{
    g_autoptr(Object) front = object_new(TYPE_TEST_SUB);
    g_autoptr(Object) back = object_new(TYPE_TEST_SUB);

    object_property_add_alias(front, "backtext", back, "text");
    object_property_set_str(front, "backtext", "there", &error_abort);
    g_assert_cmpstr(TEST_BASE(back)->text, ==, "there");
    g_assert_null(TEST_BASE(front)->text);
}

static bool uc_add(const char *text, bool keyval, Error **errp)
{
    json_t *props = json_loads(text, 0, NULL);
    bool ok;

    g_assert_nonnull(props);
    ok = user_creatable_add_json(props, keyval, errp);
    json_decref(props);
    return ok;
}

static void test_user_creatable(void)
{
    Error *err = NULL;

    g_assert_true(uc_add("{\"qom-type\":\"test-uc\",\"id\":\"u0\",\"flag\":\"on\"}", true,
                         &error_abort));
    g_assert_nonnull(object_resolve_path("/objects/u0", NULL));
    g_assert_false(uc_add("{\"qom-type\":\"test-uc\",\"id\":\"u1\",\"flag\":false}", false, &err));
    assert_error(&err, "'flag' must be on");
    g_assert_null(object_resolve_path("/objects/u1", NULL));
    g_assert_true(user_creatable_del("u0", &error_abort));
    g_assert_null(object_resolve_path("/objects/u0", NULL));
}

static void test_user_creatable_errors(void)
{
    static const char *const bad[] = {
        "{\"id\":\"a\"}", "{\"qom-type\":\"test-uc\"}",
        "{\"qom-type\":\"no-such\",\"id\":\"a\"}", "{\"qom-type\":\"test-sub\",\"id\":\"a\"}",
        "{\"qom-type\":\"test-uc\",\"id\":\"1a\",\"flag\":true}",
        "{\"qom-type\":\"test-uc\",\"id\":\"a\",\"flag\":true,\"nope\":1}",
        "{\"qom-type\":\"test-uc\",\"id\":\"a\",\"flag\":\"on\"}",
        "{\"qom-type\":\"test-uc\",\"id\":\"dup\",\"flag\":true}",
    };

    uc_add("{\"qom-type\":\"test-uc\",\"id\":\"dup\",\"flag\":true}", false, &error_abort);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_test_message("%s", bad[i]);
        g_assert_false(uc_add(bad[i], false, &err));
        g_assert_nonnull(err);
        error_free(err);
        g_assert_null(object_resolve_path("/objects/a", NULL));
    }
    g_assert_true(user_creatable_del("dup", &error_abort));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    trace = g_string_new(NULL);
    g_test_add_func("/qom/class/made-once-when-asked-for", test_class_lazy);
    g_test_add_func("/qom/instance/order", test_order);
    g_test_add_func("/qom/interface/one-per-class", test_interface);
    g_test_add_func("/qom/property/values", test_props);
    g_test_add_func("/qom/property/errors", test_prop_errors);
    g_test_add_func("/qom/property/link", test_link);
    g_test_add_func("/qom/property/alias", test_alias);
    g_test_add_func("/qom/tree/paths", test_tree);
    g_test_add_func("/qom/user-creatable/add-and-del", test_user_creatable);
    g_test_add_func("/qom/user-creatable/errors", test_user_creatable_errors);
    return g_test_run();
}
