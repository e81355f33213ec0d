/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that users make: -object, object-add, object-del, and the help on their properties. All
 * properties are set before complete() is asked, and a refused object leaves nothing behind.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/known-names.h"
#include "qemu/option.h"
#include "qom/object_interfaces.h"

bool user_creatable_complete(UserCreatable *uc, Error **errp)
{
    UserCreatableClass *ucc = USER_CREATABLE_GET_CLASS(uc);
    Error *err = NULL;

    if (ucc->complete) {
        ucc->complete(uc, &err);
        error_propagate(errp, err);
    }
    return !err;
}

bool user_creatable_can_be_deleted(UserCreatable *uc)
{
    UserCreatableClass *ucc = USER_CREATABLE_GET_CLASS(uc);

    return !ucc->can_be_deleted || ucc->can_be_deleted(uc);
}

static bool user_creatable_check_type(const char *type, Error **errp)
{
    ObjectClass *klass = object_class_by_name(type);

    if (!klass || !object_class_dynamic_cast(klass, TYPE_USER_CREATABLE) ||
        object_class_is_abstract(klass)) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_OBJECT, type);

        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'%s", type, why);
        return false;
    }
    return true;
}

static bool user_creatable_check_id(const char *id, Error **errp)
{
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting "
                          "with a letter.\n");
        return false;
    }
    if (object_property_find(object_get_objects_root(), id)) {
        error_setg(errp, "attempt to add duplicate property '%s' to object (type 'container')",
                   id);
        return false;
    }
    return true;
}

/* Users know the properties of an -object as parameters. */
static bool user_creatable_check_names(Object *obj, json_t *props, Error **errp)
{
    const char *name;
    json_t *value;

    json_object_foreach(props, name, value) {
        if (!object_property_find(obj, name)) {
            error_setg(errp, "Invalid parameter '%s'", name);
            return false;
        }
    }
    return true;
}

Object *user_creatable_add_type(const char *type, const char *id, json_t *props, bool keyval,
                                Error **errp)
{
    Object *obj;

    if (!user_creatable_check_type(type, errp) || !user_creatable_check_id(id, errp)) {
        return NULL;
    }
    obj = object_new(type);
    if (!user_creatable_check_names(obj, props, errp) ||
        !object_set_properties_from_json(obj, props, keyval, errp)) {
        object_unref(obj);
        return NULL;
    }
    object_property_add_child(object_get_objects_root(), id, obj);
    object_unref(obj);
    if (!user_creatable_complete(USER_CREATABLE(obj), errp)) {
        object_unparent(obj);
        return NULL;
    }
    return obj;
}

static const char *user_creatable_get_member(json_t *props, const char *name, Error **errp)
{
    json_t *member = json_object_get(props, name);

    if (!member) {
        error_setg(errp, "Parameter '%s' is missing", name);
        return NULL;
    }
    if (!json_is_string(member)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: string", name);
        return NULL;
    }
    return json_string_value(member);
}

bool user_creatable_add_json(json_t *props, bool keyval, Error **errp)
{
    const char *type = user_creatable_get_member(props, "qom-type", errp), *id;
    json_t *rest;
    Object *obj;

    if (!type || !user_creatable_check_type(type, errp)) {
        return false;
    }
    id = user_creatable_get_member(props, "id", errp);
    if (!id) {
        return false;
    }
    rest = json_copy(props);
    json_object_del(rest, "qom-type");
    json_object_del(rest, "id");
    obj = user_creatable_add_type(type, id, rest, keyval, errp);
    json_decref(rest);
    return obj != NULL;
}

bool user_creatable_del(const char *id, Error **errp)
{
    Object *obj = object_resolve_path_component(object_get_objects_root(), id);

    if (!obj) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (!user_creatable_can_be_deleted(USER_CREATABLE(obj))) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    object_unparent(obj);
    return true;
}

static int user_creatable_collect(Object *child, void *opaque)
{
    g_ptr_array_add(opaque, child);
    return 0;
}

void user_creatable_cleanup(void)
{
    g_autoptr(GPtrArray) children = g_ptr_array_new();

    object_child_foreach(object_get_objects_root(), user_creatable_collect, children);
    for (guint i = 0; i < children->len; i++) {
        object_unparent(g_ptr_array_index(children, i));
    }
}

/* Help. */

typedef struct PropertyLines {
    GPtrArray *lines;
    const char *const *skip;
} PropertyLines;

static bool object_help_add_line(ObjectProperty *prop, void *opaque)
{
    PropertyLines *out = opaque;
    g_autofree char *head = NULL;
    g_autofree char *def = NULL;

    if (g_strv_contains(out->skip, prop->name)) {
        return true;
    }
    head = g_strdup_printf("  %s=<%s>", prop->name, prop->type);
    if (prop->defval) {
        char *value = json_dumps(prop->defval, JSON_ENCODE_ANY);

        def = g_strdup_printf(" (default: %s)", value);
        free(value);
    }
    if (prop->description || def) {
        g_ptr_array_add(out->lines, g_strdup_printf("%-24s - %s%s", head,
                                                    prop->description ? prop->description : "",
                                                    def ? def : ""));
    } else {
        g_ptr_array_add(out->lines, g_steal_pointer(&head));
    }
    return true;
}

static int object_help_compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void object_print_property_help(const char *type, const char *const *skip)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    PropertyLines out = { .lines = lines, .skip = skip };
    Object *obj = object_new(type);

    object_property_foreach(obj, object_help_add_line, &out);
    object_unref(obj);
    g_ptr_array_sort(lines, object_help_compare);
    qemu_printf("%s options:\n", type);
    for (guint i = 0; i < lines->len; i++) {
        qemu_printf("%s\n", (char *)g_ptr_array_index(lines, i));
    }
}

bool user_creatable_print_help(const char *type)
{
    static const char *const skip[] = { "type", NULL };
    g_autoptr(GSList) classes = NULL;

    if (type) {
        if (!user_creatable_check_type(type, NULL)) {
            return false;
        }
        object_print_property_help(type, skip);
        return true;
    }
    classes = object_class_get_list_sorted(TYPE_USER_CREATABLE, false);
    qemu_printf("List of user creatable objects:\n");
    for (GSList *l = classes; l; l = l->next) {
        qemu_printf("  %s\n", object_class_get_name(l->data));
    }
    return true;
}

static const TypeInfo user_creatable_info = {
    .name = TYPE_USER_CREATABLE,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(UserCreatableClass),
};

static void user_creatable_register_types(void)
{
    type_register_static(&user_creatable_info);
}

type_init(user_creatable_register_types)
