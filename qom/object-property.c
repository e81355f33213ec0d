/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties: named values of an object or of all objects of a class, read and written through
 * visitors, so that the command line, QMP and C see the same. First what holds for any property,
 * then the kinds that wrap plain C accessors; links, children and aliases are in object-tree.c.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object.h"
#include "object-internal.h"

/* Properties of objects and classes. */

static void object_property_release(Object *obj, ObjectProperty *prop)
{
    if (prop->release) {
        prop->release(obj, prop->name, prop->opaque);
    }
}

static void object_property_free(gpointer data)
{
    ObjectProperty *prop = data;

    g_free(prop->name);
    g_free(prop->type);
    g_free(prop->description);
    json_decref(prop->defval);
    g_free(prop);
}

static ObjectProperty *object_property_new(const char *name, const char *type,
                                           ObjectPropertyAccessor *get,
                                           ObjectPropertyAccessor *set,
                                           ObjectPropertyRelease *release, void *opaque)
{
    ObjectProperty *prop = g_new0(ObjectProperty, 1);

    prop->name = g_strdup(name);
    prop->type = g_strdup(type);
    prop->get = get;
    prop->set = set;
    prop->release = release;
    prop->opaque = opaque;
    return prop;
}

static void property_table_add(GHashTable **table, ObjectProperty *prop)
{
    if (!*table) {
        *table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, object_property_free);
    }
    g_hash_table_insert(*table, prop->name, prop);
}

/* "name[*]" takes the first number that is free. */
static char *object_property_free_name(Object *obj, const char *name)
{
    g_autofree char *base = g_strndup(name, strlen(name) - strlen("[*]"));
    char *full;

    for (unsigned i = 0;; i++) {
        full = g_strdup_printf("%s[%u]", base, i);
        if (!object_property_find(obj, full)) {
            return full;
        }
        g_free(full);
    }
}

ObjectProperty *object_property_add(Object *obj, const char *name, const char *type,
                                    ObjectPropertyAccessor *get, ObjectPropertyAccessor *set,
                                    ObjectPropertyRelease *release, void *opaque)
{
    g_autofree char *free_name = NULL;
    ObjectProperty *prop;

    if (g_str_has_suffix(name, "[*]")) {
        name = free_name = object_property_free_name(obj, name);
    }
    assert(!object_property_find(obj, name));
    prop = object_property_new(name, type, get, set, release, opaque);
    property_table_add(&obj->properties, prop);
    return prop;
}

ObjectProperty *object_class_property_add(ObjectClass *klass, const char *name, const char *type,
                                          ObjectPropertyAccessor *get,
                                          ObjectPropertyAccessor *set,
                                          ObjectPropertyRelease *release, void *opaque)
{
    ObjectProperty *prop;

    assert(!object_class_property_find(klass, name));
    prop = object_property_new(name, type, get, set, release, opaque);
    property_table_add(&klass->properties, prop);
    return prop;
}

ObjectProperty *object_class_property_find(ObjectClass *klass, const char *name)
{
    for (; klass; klass = object_class_get_parent(klass)) {
        ObjectProperty *prop = klass->properties ? g_hash_table_lookup(klass->properties, name)
                                                 : NULL;

        if (prop) {
            return prop;
        }
    }
    return NULL;
}

ObjectProperty *object_property_find(Object *obj, const char *name)
{
    ObjectProperty *prop = object_class_property_find(obj->class, name);

    if (!prop && obj->properties) {
        prop = g_hash_table_lookup(obj->properties, name);
    }
    return prop;
}

ObjectProperty *object_property_find_err(Object *obj, const char *name, Error **errp)
{
    ObjectProperty *prop = object_property_find(obj, name);

    if (!prop) {
        error_setg(errp, "Property '%s.%s' not found", object_get_typename(obj), name);
    }
    return prop;
}

void object_property_del(Object *obj, const char *name)
{
    ObjectProperty *prop = g_hash_table_lookup(obj->properties, name);

    assert(prop);
    g_hash_table_steal(obj->properties, name);
    object_property_release(obj, prop);
    object_property_free(prop);
}

static bool property_table_foreach(GHashTable *table,
                                   bool (*fn)(ObjectProperty *prop, void *opaque), void *opaque)
{
    GHashTableIter iter;
    ObjectProperty *prop;

    if (table) {
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
            if (!fn(prop, opaque)) {
                return false;
            }
        }
    }
    return true;
}

static bool class_properties_foreach(ObjectClass *klass,
                                     bool (*fn)(ObjectProperty *prop, void *opaque), void *opaque)
{
    for (; klass; klass = object_class_get_parent(klass)) {
        if (!property_table_foreach(klass->properties, fn, opaque)) {
            return false;
        }
    }
    return true;
}

void object_property_foreach(Object *obj, bool (*fn)(ObjectProperty *prop, void *opaque),
                             void *opaque)
{
    if (class_properties_foreach(obj->class, fn, opaque)) {
        property_table_foreach(obj->properties, fn, opaque);
    }
}

void object_class_property_foreach(ObjectClass *klass,
                                   bool (*fn)(ObjectProperty *prop, void *opaque), void *opaque)
{
    class_properties_foreach(klass, fn, opaque);
}

void object_property_set_description(Object *obj, const char *name, const char *description)
{
    ObjectProperty *prop = object_property_find_err(obj, name, &error_abort);

    g_free(prop->description);
    prop->description = g_strdup(description);
}

void object_class_property_set_description(ObjectClass *klass, const char *name,
                                           const char *description)
{
    ObjectProperty *prop = object_class_property_find(klass, name);

    assert(prop);
    g_free(prop->description);
    prop->description = g_strdup(description);
}

bool object_property_get(Object *obj, const char *name, Visitor *v, Error **errp)
{
    ObjectProperty *prop = object_property_find_err(obj, name, errp);
    Error *err = NULL;

    if (!prop) {
        return false;
    }
    if (!prop->get) {
        error_setg(errp, "Property '%s.%s' is not readable", object_get_typename(obj), name);
        return false;
    }
    prop->get(obj, v, name, prop->opaque, &err);
    error_propagate(errp, err);
    return !err;
}

bool object_property_set(Object *obj, const char *name, Visitor *v, Error **errp)
{
    ObjectProperty *prop = object_property_find_err(obj, name, errp);
    Error *err = NULL;

    if (!prop) {
        return false;
    }
    if (!prop->set) {
        error_setg(errp, "Property '%s.%s' is not writable", object_get_typename(obj), name);
        return false;
    }
    prop->set(obj, v, name, prop->opaque, &err);
    error_propagate(errp, err);
    return !err;
}

bool object_property_parse(Object *obj, const char *name, const char *string, Error **errp)
{
    g_autoptr(Visitor) v = string_input_visitor_new(string);

    return object_property_set(obj, name, v, errp);
}

bool object_property_set_json(Object *obj, const char *name, json_t *value, Error **errp)
{
    g_autoptr(Visitor) v = qobject_input_visitor_new(value);

    return object_property_set(obj, name, v, errp);
}

json_t *object_property_get_json(Object *obj, const char *name, Error **errp)
{
    json_t *result = NULL;
    g_autoptr(Visitor) v = qobject_output_visitor_new(&result);

    if (!object_property_get(obj, name, v, errp)) {
        return NULL;
    }
    visit_complete(v);
    return result;
}

static bool object_property_take_json(Object *obj, const char *name, json_t *value, Error **errp)
{
    bool ok = object_property_set_json(obj, name, value, errp);

    json_decref(value);
    return ok;
}

bool object_property_set_str(Object *obj, const char *name, const char *value, Error **errp)
{
    return object_property_take_json(obj, name, json_string(value ? value : ""), errp);
}

char *object_property_get_str(Object *obj, const char *name, Error **errp)
{
    json_t *value = object_property_get_json(obj, name, errp);
    char *ret = NULL;

    if (value && !json_is_string(value)) {
        error_setg(errp, "Property '%s.%s' is not a string", object_get_typename(obj), name);
    } else if (value) {
        ret = g_strdup(json_string_value(value));
    }
    json_decref(value);
    return ret;
}

bool object_property_set_bool(Object *obj, const char *name, bool value, Error **errp)
{
    return object_property_take_json(obj, name, json_boolean(value), errp);
}

bool object_property_get_bool(Object *obj, const char *name, Error **errp)
{
    json_t *value = object_property_get_json(obj, name, errp);
    bool ret = false;

    if (value && !json_is_boolean(value)) {
        error_setg(errp, "Property '%s.%s' is not a boolean", object_get_typename(obj), name);
    } else if (value) {
        ret = json_is_true(value);
    }
    json_decref(value);
    return ret;
}

bool object_property_set_int(Object *obj, const char *name, int64_t value, Error **errp)
{
    return object_property_take_json(obj, name, json_integer(value), errp);
}

/* A JSON value of @value, exact for all 64 bits. */
static json_t *object_json_uint(uint64_t value)
{
    json_t *result = NULL;
    g_autoptr(Visitor) v = qobject_output_visitor_new(&result);

    visit_type_uint64(v, NULL, &value, &error_abort);
    visit_complete(v);
    return result;
}

bool object_property_set_uint(Object *obj, const char *name, uint64_t value, Error **errp)
{
    return object_property_take_json(obj, name, object_json_uint(value), errp);
}

int64_t object_property_get_int(Object *obj, const char *name, Error **errp)
{
    json_t *value = object_property_get_json(obj, name, errp);
    int64_t ret = -1;

    if (value) {
        g_autoptr(Visitor) v = qobject_input_visitor_new(value);

        visit_type_int64(v, name, &ret, errp);
    }
    json_decref(value);
    return ret;
}

uint64_t object_property_get_uint(Object *obj, const char *name, Error **errp)
{
    json_t *value = object_property_get_json(obj, name, errp);
    uint64_t ret = 0;

    if (value) {
        g_autoptr(Visitor) v = qobject_input_visitor_new(value);

        visit_type_uint64(v, name, &ret, errp);
    }
    json_decref(value);
    return ret;
}

bool object_property_set_link(Object *obj, const char *name, Object *value, Error **errp)
{
    g_autofree char *path = value ? object_get_canonical_path(value) : g_strdup("");

    assert(path);
    return object_property_set_str(obj, name, path, errp);
}

Object *object_property_get_link(Object *obj, const char *name, Error **errp)
{
    g_autofree char *path = object_property_get_str(obj, name, errp);

    return path && *path ? object_resolve_path(path, NULL) : NULL;
}

bool object_set_properties_from_json(Object *obj, json_t *props, bool keyval, Error **errp)
{
    const char *name;
    json_t *value;

    json_object_foreach(props, name, value) {
        g_autoptr(Visitor) v = keyval ? qobject_input_visitor_new_keyval(value)
                                      : qobject_input_visitor_new(value);

        if (!object_property_set(obj, name, v, errp)) {
            return false;
        }
    }
    return true;
}

/* An object comes and goes. */

void object_property_init_all(Object *obj)
{
    GHashTableIter iter;
    ObjectProperty *prop;

    for (ObjectClass *klass = obj->class; klass; klass = object_class_get_parent(klass)) {
        if (!klass->properties) {
            continue;
        }
        g_hash_table_iter_init(&iter, klass->properties);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
            if (prop->init) {
                prop->init(obj, prop);
            }
        }
    }
}

/* Releasing a property may remove others: start over after each. */
void object_property_del_all(Object *obj)
{
    ObjectProperty *prop;
    GHashTableIter iter;

    while (obj->properties && g_hash_table_size(obj->properties)) {
        g_hash_table_iter_init(&iter, obj->properties);
        g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop);
        g_hash_table_iter_steal(&iter);
        object_property_release(obj, prop);
        object_property_free(prop);
    }
    if (obj->properties) {
        g_hash_table_destroy(obj->properties);
        obj->properties = NULL;
    }
    for (ObjectClass *klass = obj->class; klass; klass = object_class_get_parent(klass)) {
        if (!klass->properties) {
            continue;
        }
        g_hash_table_iter_init(&iter, klass->properties);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
            object_property_release(obj, prop);
        }
    }
}

/* Kinds of properties: accessors of plain C types behind one visitor function each. */

typedef struct BoolProperty {
    bool (*get)(Object *, Error **);
    void (*set)(Object *, bool, Error **);
} BoolProperty;

typedef struct StringProperty {
    char *(*get)(Object *, Error **);
    void (*set)(Object *, const char *, Error **);
} StringProperty;

typedef struct EnumProperty {
    const QEnumLookup *lookup;
    int (*get)(Object *, Error **);
    void (*set)(Object *, int, Error **);
} EnumProperty;

static void property_get_bool(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    BoolProperty *prop = opaque;
    Error *err = NULL;
    bool value = prop->get(obj, &err);

    if (err) {
        error_propagate(errp, err);
        return;
    }
    visit_type_bool(v, name, &value, errp);
}

static void property_set_bool(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    BoolProperty *prop = opaque;
    bool value;

    if (visit_type_bool(v, name, &value, errp)) {
        prop->set(obj, value, errp);
    }
}

static void property_release_data(Object *obj, const char *name, void *opaque)
{
    g_free(opaque);
}

static BoolProperty *bool_property_new(bool (*get)(Object *, Error **),
                                       void (*set)(Object *, bool, Error **))
{
    BoolProperty *prop = g_new(BoolProperty, 1);

    *prop = (BoolProperty) { get, set };
    return prop;
}

ObjectProperty *object_property_add_bool(Object *obj, const char *name,
                                         bool (*get)(Object *, Error **),
                                         void (*set)(Object *, bool, Error **))
{
    return object_property_add(obj, name, "bool", get ? property_get_bool : NULL,
                               set ? property_set_bool : NULL, property_release_data,
                               bool_property_new(get, set));
}

ObjectProperty *object_class_property_add_bool(ObjectClass *klass, const char *name,
                                               bool (*get)(Object *, Error **),
                                               void (*set)(Object *, bool, Error **))
{
    return object_class_property_add(klass, name, "bool", get ? property_get_bool : NULL,
                                     set ? property_set_bool : NULL, NULL,
                                     bool_property_new(get, set));
}

static void property_get_str(Object *obj, Visitor *v, const char *name, void *opaque,
                             Error **errp)
{
    StringProperty *prop = opaque;
    Error *err = NULL;
    char *value = prop->get(obj, &err);

    if (err) {
        error_propagate(errp, err);
        return;
    }
    visit_type_str(v, name, &value, errp);
    g_free(value);
}

static void property_set_str(Object *obj, Visitor *v, const char *name, void *opaque,
                             Error **errp)
{
    StringProperty *prop = opaque;
    g_autofree char *value = NULL;

    if (visit_type_str(v, name, &value, errp)) {
        prop->set(obj, value, errp);
    }
}

static StringProperty *string_property_new(char *(*get)(Object *, Error **),
                                           void (*set)(Object *, const char *, Error **))
{
    StringProperty *prop = g_new(StringProperty, 1);

    *prop = (StringProperty) { get, set };
    return prop;
}

ObjectProperty *object_property_add_str(Object *obj, const char *name,
                                        char *(*get)(Object *, Error **),
                                        void (*set)(Object *, const char *, Error **))
{
    return object_property_add(obj, name, "string", get ? property_get_str : NULL,
                               set ? property_set_str : NULL, property_release_data,
                               string_property_new(get, set));
}

ObjectProperty *object_class_property_add_str(ObjectClass *klass, const char *name,
                                              char *(*get)(Object *, Error **),
                                              void (*set)(Object *, const char *, Error **))
{
    return object_class_property_add(klass, name, "string", get ? property_get_str : NULL,
                                     set ? property_set_str : NULL, NULL,
                                     string_property_new(get, set));
}

static void property_get_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    EnumProperty *prop = opaque;
    Error *err = NULL;
    int value = prop->get(obj, &err);

    if (err) {
        error_propagate(errp, err);
        return;
    }
    visit_type_enum(v, name, &value, prop->lookup, errp);
}

static void property_set_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    EnumProperty *prop = opaque;
    int value;

    if (visit_type_enum(v, name, &value, prop->lookup, errp)) {
        prop->set(obj, value, errp);
    }
}

ObjectProperty *object_class_property_add_enum(ObjectClass *klass, const char *name,
                                               const char *type_name, const QEnumLookup *lookup,
                                               int (*get)(Object *, Error **),
                                               void (*set)(Object *, int, Error **))
{
    EnumProperty *prop = g_new(EnumProperty, 1);

    *prop = (EnumProperty) { lookup, get, set };
    return object_class_property_add(klass, name, type_name, get ? property_get_enum : NULL,
                                     set ? property_set_enum : NULL, NULL, prop);
}

static void property_get_uint64_ptr(Object *obj, Visitor *v, const char *name, void *opaque,
                                    Error **errp)
{
    uint64_t value = *(const uint64_t *)opaque;

    visit_type_uint64(v, name, &value, errp);
}

ObjectProperty *object_property_add_uint64_ptr_ro(Object *obj, const char *name,
                                                  const uint64_t *v)
{
    return object_property_add(obj, name, "uint64", property_get_uint64_ptr, NULL, NULL,
                               (void *)v);
}
