/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types, classes and instances. Types are put into a table before main(); a class is made when it
 * is first asked for and starts as a copy of its parent's; an interface gets a class of its own in
 * every class that implements it. An instance is counted, and taken down from its type towards the
 * root.
 */
#include "qemu/osdep.h"
#include "qom/object.h"
#include "object-internal.h"

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
    object_property_init_all(obj);
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
