/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object model: the table of types, classes made on first use, instances with their
 * properties, and the tree that paths name. A class starts as a copy of its parent's; an
 * interface gets a class of its own in every class that implements it.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object.h"

struct TypeImpl {
    const TypeInfo *info;
    const char *name;
    Type parent;             /* resolved on first use */
    bool parent_resolved;
    size_t class_size;
    size_t instance_size;
    ObjectClass *class;      /* NULL before first use */
};

/* Types. */

static GHashTable *type_table(void)
{
    static GHashTable *table;

    if (!table) {
        table = g_hash_table_new(g_str_hash, g_str_equal);
    }
    return table;
}

static Type type_new(const TypeInfo *info)
{
    Type type = g_new0(struct TypeImpl, 1);

    assert(info->name && !g_hash_table_lookup(type_table(), info->name));
    type->info = info;
    type->name = info->name;
    g_hash_table_insert(type_table(), (gpointer)type->name, type);
    return type;
}

void type_register_static(const TypeInfo *info)
{
    type_new(info);
}

void type_register_static_array(const TypeInfo *infos, int nr_infos)
{
    for (int i = 0; i < nr_infos; i++) {
        type_register_static(&infos[i]);
    }
}

static Type type_find(const char *name)
{
    return g_hash_table_lookup(type_table(), name);
}

static Type type_parent(Type type)
{
    if (!type->parent_resolved) {
        type->parent_resolved = true;
        if (type->info->parent) {
            type->parent = type_find(type->info->parent);
            assert(type->parent);
        }
    }
    return type->parent;
}

static bool type_is_ancestor(Type type, Type ancestor)
{
    for (; type; type = type_parent(type)) {
        if (type == ancestor) {
            return true;
        }
    }
    return false;
}

static size_t type_class_size(Type type)
{
    for (; type; type = type_parent(type)) {
        if (type->info->class_size) {
            return type->info->class_size;
        }
    }
    return sizeof(ObjectClass);
}

static size_t type_instance_size(Type type)
{
    for (; type; type = type_parent(type)) {
        if (type->info->instance_size) {
            return type->info->instance_size;
        }
    }
    return sizeof(Object);
}

static bool type_is_interface(Type type)
{
    static Type interface;

    if (!interface) {
        interface = type_find(TYPE_INTERFACE);
    }
    return type_is_ancestor(type, interface);
}

/* Classes. */

static void type_initialize(Type type);

static InterfaceClass *class_find_interface(ObjectClass *klass, Type interface)
{
    for (GSList *l = klass->interfaces; l; l = l->next) {
        InterfaceClass *ic = l->data;

        if (type_is_ancestor(ic->interface_type, interface)) {
            return ic;
        }
    }
    return NULL;
}

/* A class of @interface for @klass, a copy of @origin: the parent's one, or the interface's own. */
static void class_add_interface(ObjectClass *klass, Type interface, ObjectClass *origin)
{
    InterfaceClass *ic = g_malloc0(interface->class_size);

    memcpy(ic, origin, interface->class_size);
    ic->parent_class.interfaces = NULL;
    ic->parent_class.properties = NULL;
    ic->concrete_class = klass;
    ic->interface_type = interface;
    klass->interfaces = g_slist_append(klass->interfaces, ic);
}

static void class_inherit_interfaces(ObjectClass *klass, ObjectClass *parent)
{
    for (GSList *l = parent->interfaces; l; l = l->next) {
        InterfaceClass *ic = l->data;

        class_add_interface(klass, ic->interface_type, &ic->parent_class);
    }
}

static void class_add_own_interfaces(ObjectClass *klass, const TypeInfo *info)
{
    for (const InterfaceInfo *i = info->interfaces; i && i->type; i++) {
        Type interface = type_find(i->type);

        assert(interface);
        type_initialize(interface);
        if (!class_find_interface(klass, interface)) {
            class_add_interface(klass, interface, interface->class);
        }
    }
}

static void type_initialize(Type type)
{
    Type parent = type_parent(type);

    if (type->class) {
        return;
    }
    type->class_size = type_class_size(type);
    type->instance_size = type_instance_size(type);
    type->class = g_malloc0(type->class_size);
    if (parent) {
        type_initialize(parent);
        assert(parent->class_size <= type->class_size);
        assert(parent->instance_size <= type->instance_size);
        memcpy(type->class, parent->class, parent->class_size);
        type->class->interfaces = NULL;
        type->class->properties = NULL;
    }
    type->class->type = type;
    if (parent) {
        class_inherit_interfaces(type->class, parent->class);
    }
    class_add_own_interfaces(type->class, type->info);

    for (Type t = parent; t; t = type_parent(t)) {
        if (t->info->class_base_init) {
            t->info->class_base_init(type->class, type->info->class_data);
        }
    }
    if (type->info->class_init) {
        type->info->class_init(type->class, type->info->class_data);
    }
}

ObjectClass *object_class_by_name(const char *type_name)
{
    Type type = type_find(type_name);

    if (!type) {
        return NULL;
    }
    type_initialize(type);
    return type->class;
}

ObjectClass *object_class_get_parent(ObjectClass *klass)
{
    Type parent = type_parent(klass->type);

    if (!parent) {
        return NULL;
    }
    type_initialize(parent);
    return parent->class;
}

const char *object_class_get_name(ObjectClass *klass)
{
    return klass->type->name;
}

/* Of an interface there are no instances of its own. */
static bool type_is_abstract(Type type)
{
    return type->info->abstract || type_is_interface(type);
}

bool object_class_is_abstract(ObjectClass *klass)
{
    return type_is_abstract(klass->type);
}

ObjectClass *object_class_dynamic_cast(ObjectClass *klass, const char *type_name)
{
    Type target;

    if (!klass) {
        return NULL;
    }
    /* The common case: exactly the type asked for, and often the same string. */
    if (klass->type->name == type_name) {
        return klass;
    }
    target = type_find(type_name);
    if (!target) {
        return NULL;
    }
    if (klass->interfaces && type_is_interface(target)) {
        InterfaceClass *ic = class_find_interface(klass, target);

        return ic ? &ic->parent_class : NULL;
    }
    return type_is_ancestor(klass->type, target) ? klass : NULL;
}

static void object_cast_failed(const char *have, const char *want, const char *file, int line,
                               const char *func)
{
    fprintf(stderr, "%s:%d:%s: %s is not an instance of type %s\n", file, line, func, have, want);
    abort();
}

ObjectClass *object_class_dynamic_cast_assert(ObjectClass *klass, const char *type_name,
                                              const char *file, int line, const char *func)
{
    ObjectClass *ret = object_class_dynamic_cast(klass, type_name);

    if (!ret && klass) {
        object_cast_failed(object_class_get_name(klass), type_name, file, line, func);
    }
    return ret;
}

void object_class_foreach(void (*fn)(ObjectClass *klass, void *opaque),
                          const char *implements_type, bool include_abstract, void *opaque)
{
    g_autoptr(GList) types = g_hash_table_get_values(type_table());

    for (GList *l = types; l; l = l->next) {
        Type type = l->data;

        if (type_is_abstract(type) && !include_abstract) {
            continue;
        }
        type_initialize(type);
        if (!implements_type || object_class_dynamic_cast(type->class, implements_type)) {
            fn(type->class, opaque);
        }
    }
}

static void object_class_prepend(ObjectClass *klass, void *opaque)
{
    GSList **list = opaque;

    *list = g_slist_prepend(*list, klass);
}

static gint object_class_compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(object_class_get_name((ObjectClass *)a), object_class_get_name((ObjectClass *)b));
}

GSList *object_class_get_list_sorted(const char *implements_type, bool include_abstract)
{
    GSList *list = NULL;

    object_class_foreach(object_class_prepend, implements_type, include_abstract, &list);
    return g_slist_sort(list, object_class_compare_names);
}

GSList *object_class_get_list(const char *implements_type, bool include_abstract)
{
    return object_class_get_list_sorted(implements_type, include_abstract);
}

/* Instances. */

static void object_init_class_properties(Object *obj, ObjectClass *klass)
{
    GHashTableIter iter;
    ObjectProperty *prop;

    for (; klass; klass = object_class_get_parent(klass)) {
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

static void object_init_with_type(Object *obj, Type type)
{
    if (type_parent(type)) {
        object_init_with_type(obj, type_parent(type));
    }
    if (type->info->instance_init) {
        type->info->instance_init(obj);
    }
}

static void object_post_init_with_type(Object *obj, Type type)
{
    if (type_parent(type)) {
        object_post_init_with_type(obj, type_parent(type));
    }
    if (type->info->instance_post_init) {
        type->info->instance_post_init(obj);
    }
}

static void object_initialize_with_type(void *data, Type type)
{
    Object *obj = data;

    type_initialize(type);
    assert(!type_is_abstract(type));
    memset(obj, 0, type->instance_size);
    obj->class = type->class;
    obj->ref = 1;
    object_init_class_properties(obj, obj->class);
    object_init_with_type(obj, type);
    object_post_init_with_type(obj, type);
}

Object *object_new_with_class(ObjectClass *klass)
{
    Type type = klass->type;
    Object *obj;

    type_initialize(type);
    if (type->info->instance_align > __alignof__(max_align_t)) {
        obj = NULL;
        if (posix_memalign((void **)&obj, type->info->instance_align, type->instance_size)) {
            g_error("out of memory");
        }
    } else {
        obj = malloc(type->instance_size);
        if (!obj) {
            g_error("out of memory");
        }
    }
    object_initialize_with_type(obj, type);
    obj->free = free;
    return obj;
}

Object *object_new(const char *type_name)
{
    ObjectClass *klass = object_class_by_name(type_name);

    if (!klass) {
        g_error("object type '%s' is not registered", type_name);
    }
    return object_new_with_class(klass);
}

void object_initialize(void *obj, size_t size, const char *type_name)
{
    ObjectClass *klass = object_class_by_name(type_name);

    assert(klass && size >= klass->type->instance_size);
    object_initialize_with_type(obj, klass->type);
}

void object_initialize_child_internal(Object *parent, const char *propname, void *child,
                                      size_t size, const char *type)
{
    object_initialize(child, size, type);
    object_property_add_child(parent, propname, child);
    object_unref(child);
}

Object *object_ref(void *data)
{
    Object *obj = data;

    if (obj) {
        __atomic_add_fetch(&obj->ref, 1, __ATOMIC_RELAXED);
    }
    return obj;
}

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

/* Releasing a property may remove others: start over after each. */
static void object_property_del_all(Object *obj)
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

static void object_deinit(Object *obj, Type type)
{
    for (; type; type = type_parent(type)) {
        if (type->info->instance_finalize) {
            type->info->instance_finalize(obj);
        }
    }
}

void object_unref(void *data)
{
    Object *obj = data;

    if (!obj) {
        return;
    }
    assert(obj->ref > 0);
    if (__atomic_sub_fetch(&obj->ref, 1, __ATOMIC_ACQ_REL) == 0) {
        object_property_del_all(obj);
        object_deinit(obj, obj->class->type);
        assert(!obj->parent);
        if (obj->free) {
            obj->free(obj);
        }
    }
}

ObjectClass *object_get_class(Object *obj)
{
    return obj->class;
}

const char *object_get_typename(const Object *obj)
{
    return obj->class->type->name;
}

Object *object_dynamic_cast(Object *obj, const char *type_name)
{
    return obj && object_class_dynamic_cast(obj->class, type_name) ? obj : NULL;
}

Object *object_dynamic_cast_assert(Object *obj, const char *type_name, const char *file, int line,
                                   const char *func)
{
    if (obj && !object_dynamic_cast(obj, type_name)) {
        object_cast_failed(object_get_typename(obj), type_name, file, line, func);
    }
    return obj;
}

/* Properties. */

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

/* Links. */

typedef struct LinkProperty {
    Object **targetp;        /* NULL for a class property: see offset */
    ptrdiff_t offset;
    Object *target;          /* of a constant link */
    void (*check)(const Object *obj, const char *name, Object *val, Error **errp);
    ObjectPropertyLinkFlags flags;
    char *target_type;
    bool per_object;         /* belongs to one object, which frees it */
} LinkProperty;

static Object **link_target(Object *obj, LinkProperty *link)
{
    if (link->target) {
        return &link->target;
    }
    return link->targetp ? link->targetp : (Object **)((char *)obj + link->offset);
}

static void property_get_link(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    Object **target = link_target(obj, opaque);
    char *path = *target ? object_get_canonical_path(*target) : g_strdup("");

    visit_type_str(v, name, &path, errp);
    g_free(path);
}

/* The object that a user means: by path, or by a name that only one object of the type has. */
static Object *link_resolve(LinkProperty *link, const char *name, const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *target = object_resolve_path_type(path, link->target_type, &ambiguous);

    if (target) {
        return target;
    }
    if (ambiguous) {
        error_setg(errp, "Path '%s' does not uniquely identify an object", path);
    } else if (object_resolve_path(path, NULL)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: %s", name,
                   link->target_type);
    } else {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return NULL;
}

static void property_set_link(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    LinkProperty *link = opaque;
    Object **slot = link_target(obj, link), *target = NULL, *old = *slot;
    g_autofree char *path = NULL;
    Error *err = NULL;

    if (!visit_type_str(v, name, &path, errp)) {
        return;
    }
    if (*path) {
        target = link_resolve(link, name, path, errp);
        if (!target) {
            return;
        }
    }
    link->check(obj, name, target, &err);
    if (err) {
        error_propagate(errp, err);
        return;
    }
    *slot = target;
    if (link->flags & OBJ_PROP_LINK_STRONG) {
        object_ref(target);
        object_unref(old);
    }
}

static void property_release_link(Object *obj, const char *name, void *opaque)
{
    LinkProperty *link = opaque;
    Object **slot = link_target(obj, link);

    if ((link->flags & OBJ_PROP_LINK_STRONG) && *slot) {
        object_unref(*slot);
        *slot = NULL;
    }
    if (link->per_object) {
        g_free(link->target_type);
        g_free(link);
    }
}

ObjectProperty *object_property_add_link(Object *obj, const char *name, const char *type,
                                         Object **targetp,
                                         void (*check)(const Object *obj, const char *name,
                                                       Object *val, Error **errp),
                                         ObjectPropertyLinkFlags flags)
{
    LinkProperty *link = g_new0(LinkProperty, 1);
    g_autofree char *full_type = g_strdup_printf("link<%s>", type);

    link->targetp = targetp;
    link->check = check;
    link->flags = flags;
    link->target_type = g_strdup(type);
    link->per_object = true;
    return object_property_add(obj, name, full_type, property_get_link,
                               check ? property_set_link : NULL, property_release_link, link);
}

ObjectProperty *object_class_property_add_link(ObjectClass *oc, const char *name,
                                               const char *type, ptrdiff_t offset,
                                               void (*check)(const Object *obj, const char *name,
                                                             Object *val, Error **errp),
                                               ObjectPropertyLinkFlags flags)
{
    LinkProperty *link = g_new0(LinkProperty, 1);
    g_autofree char *full_type = g_strdup_printf("link<%s>", type);

    link->offset = offset;
    link->check = check;
    link->flags = flags;
    link->target_type = g_strdup(type);
    return object_class_property_add(oc, name, full_type, property_get_link,
                                     check ? property_set_link : NULL, property_release_link,
                                     link);
}

ObjectProperty *object_property_add_const_link(Object *obj, const char *name, Object *target)
{
    LinkProperty *link = g_new0(LinkProperty, 1);
    g_autofree char *full_type = g_strdup_printf("link<%s>", object_get_typename(target));

    link->target = target;
    link->per_object = true;
    return object_property_add(obj, name, full_type, property_get_link, NULL,
                               property_release_link, link);
}

void object_property_allow_set_link(const Object *obj, const char *name, Object *child,
                                    Error **errp)
{
}

/* Children. */

static void property_get_child(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    char *path = object_get_canonical_path(opaque);

    visit_type_str(v, name, &path, errp);
    g_free(path);
}

static Object *property_resolve_child(Object *obj, void *opaque, const char *part)
{
    return opaque;
}

static void property_release_child(Object *obj, const char *name, void *opaque)
{
    Object *child = opaque;

    if (child->class->unparent) {
        child->class->unparent(child);
    }
    child->parent = NULL;
    object_unref(child);
}

static bool property_is_child(const ObjectProperty *prop)
{
    return prop->resolve == property_resolve_child;
}

ObjectProperty *object_property_add_child(Object *obj, const char *name, Object *child)
{
    g_autofree char *type = g_strdup_printf("child<%s>", object_get_typename(child));
    ObjectProperty *prop;

    assert(!child->parent);
    prop = object_property_add(obj, name, type, property_get_child, NULL, property_release_child,
                               child);
    prop->resolve = property_resolve_child;
    object_ref(child);
    child->parent = obj;
    return prop;
}

void object_unparent(Object *obj)
{
    const char *name = object_get_canonical_path_component(obj);

    if (name) {
        object_property_del(obj->parent, name);
    }
}

/* Aliases. */

typedef struct AliasProperty {
    Object *target;
    char *target_name;
} AliasProperty;

static void property_get_alias(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    AliasProperty *alias = opaque;
    ObjectProperty *prop = object_property_find_err(alias->target, alias->target_name, errp);

    if (prop && prop->get) {
        prop->get(alias->target, v, name, prop->opaque, errp);
    } else if (prop) {
        error_setg(errp, "Property '%s.%s' is not readable", object_get_typename(alias->target),
                   alias->target_name);
    }
}

/* The target's accessor sees the name by which the user called it. */
static void property_set_alias(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    AliasProperty *alias = opaque;
    ObjectProperty *prop = object_property_find_err(alias->target, alias->target_name, errp);

    if (prop && prop->set) {
        prop->set(alias->target, v, name, prop->opaque, errp);
    } else if (prop) {
        error_setg(errp, "Property '%s.%s' is not writable", object_get_typename(alias->target),
                   alias->target_name);
    }
}

static Object *property_resolve_alias(Object *obj, void *opaque, const char *part)
{
    AliasProperty *alias = opaque;

    return object_resolve_path_component(alias->target, alias->target_name);
}

static void property_release_alias(Object *obj, const char *name, void *opaque)
{
    AliasProperty *alias = opaque;

    g_free(alias->target_name);
    g_free(alias);
}

/* Seen from outside, the alias of a child is a link to it. */
ObjectProperty *object_property_add_alias(Object *obj, const char *name, Object *target_obj,
                                          const char *target_name)
{
    ObjectProperty *target = object_property_find_err(target_obj, target_name, &error_abort);
    AliasProperty *alias = g_new(AliasProperty, 1);
    g_autofree char *type = property_is_child(target)
                                ? g_strdup_printf("link%s", target->type + strlen("child"))
                                : g_strdup(target->type);
    ObjectProperty *prop;

    alias->target = target_obj;
    alias->target_name = g_strdup(target_name);
    prop = object_property_add(obj, name, type, property_get_alias, property_set_alias,
                               property_release_alias, alias);
    prop->resolve = property_resolve_alias;
    prop->defval = json_incref(target->defval);
    prop->description = g_strdup(target->description);
    return prop;
}

/* The tree. */

static Object *container_new(Object *parent, const char *name)
{
    Object *child = object_new("container");

    object_property_add_child(parent, name, child);
    object_unref(child);
    return child;
}

Object *object_property_add_new_container(Object *parent, const char *name)
{
    ObjectProperty *prop = object_property_find(parent, name);

    return prop ? prop->opaque : container_new(parent, name);
}

Object *object_get_root(void)
{
    static Object *root;

    if (!root) {
        root = object_new("container");
    }
    return root;
}

Object *object_get_objects_root(void)
{
    return object_property_add_new_container(object_get_root(), "objects");
}

const char *object_get_canonical_path_component(const Object *obj)
{
    GHashTableIter iter;
    ObjectProperty *prop;

    if (!obj->parent) {
        return NULL;
    }
    g_hash_table_iter_init(&iter, obj->parent->properties);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
        if (property_is_child(prop) && prop->opaque == obj) {
            return prop->name;
        }
    }
    return NULL;
}

char *object_get_canonical_path(const Object *obj)
{
    char *path = NULL, *longer;

    if (obj == object_get_root()) {
        return g_strdup("/");
    }
    for (; obj && obj != object_get_root(); obj = obj->parent) {
        const char *component = object_get_canonical_path_component(obj);

        if (!component) {
            g_free(path);
            return NULL;
        }
        longer = g_strdup_printf("/%s%s", component, path ? path : "");
        g_free(path);
        path = longer;
    }
    if (!obj) {
        g_free(path);
        return NULL;
    }
    return path;
}

Object *object_resolve_path_component(Object *parent, const char *part)
{
    ObjectProperty *prop = object_property_find(parent, part);

    if (!prop) {
        return NULL;
    }
    if (prop->resolve) {
        return prop->resolve(parent, prop->opaque, part);
    }
    if (prop->get == property_get_link) {
        return *link_target(parent, prop->opaque);
    }
    return NULL;
}

/* From @parent along @parts; the target must be of @type (NULL: any). */
static Object *object_resolve_parts(Object *parent, char **parts, const char *type)
{
    for (; parent && *parts; parts++) {
        if (**parts) {
            parent = object_resolve_path_component(parent, *parts);
        }
    }
    return parent && (!type || object_dynamic_cast(parent, type)) ? parent : NULL;
}

static Object *object_resolve_partial(Object *parent, char **parts, const char *type,
                                      bool *ambiguous)
{
    Object *found = object_resolve_parts(parent, parts, type);
    GHashTableIter iter;
    ObjectProperty *prop;

    if (!parent->properties) {
        return found;
    }
    g_hash_table_iter_init(&iter, parent->properties);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
        Object *below;

        if (!property_is_child(prop)) {
            continue;
        }
        below = object_resolve_partial(prop->opaque, parts, type, ambiguous);
        if (*ambiguous) {
            return NULL;
        }
        if (below && found && below != found) {
            *ambiguous = true;
            return NULL;
        }
        found = below ? below : found;
    }
    return found;
}

Object *object_resolve_path_type(const char *path, const char *type_name, bool *ambiguous)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    bool several = false;
    Object *obj = NULL;

    if (*path == '/') {
        obj = object_resolve_parts(object_get_root(), parts, type_name);
    } else {
        obj = object_resolve_partial(object_get_root(), parts, type_name, &several);
    }
    if (ambiguous) {
        *ambiguous = several;
    }
    return obj;
}

Object *object_resolve_path(const char *path, bool *ambiguous)
{
    return object_resolve_path_type(path, TYPE_OBJECT, ambiguous);
}

static int object_child_foreach_all(Object *obj, int (*fn)(Object *child, void *opaque),
                                    void *opaque, bool recurse)
{
    GHashTableIter iter;
    ObjectProperty *prop;
    int ret = 0;

    if (!obj->properties) {
        return 0;
    }
    g_hash_table_iter_init(&iter, obj->properties);
    while (!ret && g_hash_table_iter_next(&iter, NULL, (gpointer *)&prop)) {
        if (property_is_child(prop)) {
            ret = fn(prop->opaque, opaque);
            if (!ret && recurse) {
                ret = object_child_foreach_all(prop->opaque, fn, opaque, true);
            }
        }
    }
    return ret;
}

int object_child_foreach(Object *obj, int (*fn)(Object *child, void *opaque), void *opaque)
{
    return object_child_foreach_all(obj, fn, opaque, false);
}

int object_child_foreach_recursive(Object *obj, int (*fn)(Object *child, void *opaque),
                                   void *opaque)
{
    return object_child_foreach_all(obj, fn, opaque, true);
}

/* The roots of the type tree. */

static char *object_get_type(Object *obj, Error **errp)
{
    return g_strdup(object_get_typename(obj));
}

static void object_class_init(ObjectClass *klass, const void *data)
{
    object_class_property_add_str(klass, "type", object_get_type, NULL);
}

static const TypeInfo object_types[] = {
    {
        .name = TYPE_OBJECT,
        .instance_size = sizeof(Object),
        .class_size = sizeof(ObjectClass),
        .class_init = object_class_init,
        .abstract = true,
    },
    {
        .name = TYPE_INTERFACE,
        .class_size = sizeof(InterfaceClass),
        .abstract = true,
    },
    {
        .name = "container",
        .parent = TYPE_OBJECT,
    },
};

DEFINE_TYPES(object_types)
