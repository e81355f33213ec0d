/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object model: types with a parent, a class, interfaces and properties.
 *
 * A type is described by a TypeInfo and registered at program start by type_init(); its class is
 * made when it is first asked for. An object starts with one reference (object_new); a child is
 * referenced by its parent, has a canonical path from it, and goes with object_unparent(). All
 * under the big lock, object_ref()/object_unref() excepted.
 */
#ifndef QOM_OBJECT_H
#define QOM_OBJECT_H

#include <jansson.h>

#include "qapi/visitor.h"
#include "qemu/module.h"

typedef struct TypeImpl *Type;
typedef struct TypeInfo TypeInfo;
typedef struct ObjectProperty ObjectProperty;

typedef void ObjectPropertyAccessor(Object *obj, Visitor *v, const char *name, void *opaque,
                                    Error **errp);
typedef Object *ObjectPropertyResolve(Object *obj, void *opaque, const char *part);
typedef void ObjectPropertyRelease(Object *obj, const char *name, void *opaque);
typedef void ObjectPropertyInit(Object *obj, ObjectProperty *prop);
typedef void ObjectUnparent(Object *obj);
typedef void ObjectFree(void *obj);

struct ObjectProperty {
    char *name;
    char *type;        /* "uint64", "link<irq>", "child<pci-bus>", as qom-list shows it */
    char *description;
    ObjectPropertyAccessor *get;
    ObjectPropertyAccessor *set;
    ObjectPropertyResolve *resolve;
    ObjectPropertyRelease *release;
    ObjectPropertyInit *init;
    void *opaque;
    json_t *defval;
};

struct ObjectClass {
    Type type;
    GSList *interfaces;      /* InterfaceClass instances of this class */
    GHashTable *properties;  /* name -> ObjectProperty; NULL while there is none */
    ObjectUnparent *unparent;
};

struct Object {
    ObjectClass *class;
    ObjectFree *free;
    GHashTable *properties;  /* NULL while there is none */
    unsigned ref;
    Object *parent;
};

typedef struct InterfaceInfo {
    const char *type;
} InterfaceInfo;

struct InterfaceClass {
    ObjectClass parent_class;
    ObjectClass *concrete_class;
    Type interface_type;
};

struct TypeInfo {
    const char *name;
    const char *parent;
    size_t instance_size;   /* 0: the parent's */
    size_t instance_align;
    void (*instance_init)(Object *obj);
    void (*instance_post_init)(Object *obj);
    void (*instance_finalize)(Object *obj);
    bool abstract;
    size_t class_size;      /* 0: the parent's */
    void (*class_init)(ObjectClass *klass, const void *data);
    void (*class_base_init)(ObjectClass *klass, const void *data);
    const void *class_data;
    const InterfaceInfo *interfaces;  /* ends with { } */
};

#define TYPE_OBJECT "object"
#define TYPE_INTERFACE "interface"

#define OBJECT(obj) ((Object *)(obj))
#define OBJECT_CLASS(class) ((ObjectClass *)(class))
/* Checked casts: assert that the object (class) is of the type named. NULL passes. */
#define OBJECT_CHECK(type, obj, name) \
    ((type *)object_dynamic_cast_assert(OBJECT(obj), (name), __FILE__, __LINE__, __func__))
#define OBJECT_CLASS_CHECK(class_type, class, name) \
    ((class_type *)object_class_dynamic_cast_assert(OBJECT_CLASS(class), (name), \
                                                    __FILE__, __LINE__, __func__))
#define OBJECT_GET_CLASS(class, obj, name) \
    OBJECT_CLASS_CHECK(class, object_get_class(OBJECT(obj)), name)
#define INTERFACE_CLASS(klass) OBJECT_CLASS_CHECK(InterfaceClass, klass, TYPE_INTERFACE)
/* An interface has no instance structure of its own: the pointer is only checked. */
#define INTERFACE_CHECK(interface, obj, name) \
    ((interface *)object_dynamic_cast_assert(OBJECT(obj), (name), __FILE__, __LINE__, __func__))

#define DECLARE_INSTANCE_CHECKER(InstanceType, OBJ_NAME, TYPENAME)                \
    static inline G_GNUC_UNUSED InstanceType *OBJ_NAME(const void *obj)           \
    {                                                                             \
        return OBJECT_CHECK(InstanceType, obj, TYPENAME);                         \
    }
#define DECLARE_CLASS_CHECKERS(ClassType, OBJ_NAME, TYPENAME)                     \
    static inline G_GNUC_UNUSED ClassType *OBJ_NAME##_GET_CLASS(const void *obj)  \
    {                                                                             \
        return OBJECT_GET_CLASS(ClassType, obj, TYPENAME);                        \
    }                                                                             \
    static inline G_GNUC_UNUSED ClassType *OBJ_NAME##_CLASS(const void *klass)    \
    {                                                                             \
        return OBJECT_CLASS_CHECK(ClassType, klass, TYPENAME);                    \
    }
#define DECLARE_OBJ_CHECKERS(InstanceType, ClassType, OBJ_NAME, TYPENAME) \
    DECLARE_INSTANCE_CHECKER(InstanceType, OBJ_NAME, TYPENAME)            \
    DECLARE_CLASS_CHECKERS(ClassType, OBJ_NAME, TYPENAME)
#define OBJECT_DECLARE_TYPE(InstanceType, ClassType, MODULE_OBJ_NAME)           \
    typedef struct InstanceType InstanceType;                                   \
    typedef struct ClassType ClassType;                                         \
    G_DEFINE_AUTOPTR_CLEANUP_FUNC(InstanceType, object_unref)                   \
    DECLARE_OBJ_CHECKERS(InstanceType, ClassType, MODULE_OBJ_NAME, TYPE_##MODULE_OBJ_NAME)
#define OBJECT_DECLARE_SIMPLE_TYPE(InstanceType, MODULE_OBJ_NAME)               \
    typedef struct InstanceType InstanceType;                                   \
    G_DEFINE_AUTOPTR_CLEANUP_FUNC(InstanceType, object_unref)                   \
    DECLARE_INSTANCE_CHECKER(InstanceType, MODULE_OBJ_NAME, TYPE_##MODULE_OBJ_NAME)

/*
 * Defines and registers a type whose functions are module_obj_name_{init,finalize,class_init};
 * the last argument is a list of `{ TYPE_X }, { }`.
 */
#define OBJECT_DEFINE_TYPE_EXTENDED_(ModuleObjName, module_obj_name, MODULE_OBJ_NAME,       \
                                     PARENT_MODULE_OBJ_NAME, class_size_, ...)              \
    static void module_obj_name##_finalize(Object *obj);                                    \
    static void module_obj_name##_class_init(ObjectClass *oc, const void *data);            \
    static void module_obj_name##_init(Object *obj);                                        \
    static const TypeInfo module_obj_name##_info = {                                        \
        .parent = TYPE_##PARENT_MODULE_OBJ_NAME,                                            \
        .name = TYPE_##MODULE_OBJ_NAME,                                                     \
        .instance_size = sizeof(ModuleObjName),                                             \
        .instance_align = __alignof__(ModuleObjName),                                       \
        .instance_init = module_obj_name##_init,                                            \
        .instance_finalize = module_obj_name##_finalize,                                    \
        .class_size = class_size_,                                                          \
        .class_init = module_obj_name##_class_init,                                         \
        .interfaces = (const InterfaceInfo[]) { __VA_ARGS__ },                              \
    };                                                                                      \
    static void module_obj_name##_register_types(void)                                      \
    {                                                                                       \
        type_register_static(&module_obj_name##_info);                                      \
    }                                                                                       \
    type_init(module_obj_name##_register_types)
#define OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(ModuleObjName, module_obj_name,           \
                                                  MODULE_OBJ_NAME, PARENT_MODULE_OBJ_NAME, ...) \
    OBJECT_DEFINE_TYPE_EXTENDED_(ModuleObjName, module_obj_name, MODULE_OBJ_NAME,           \
                                 PARENT_MODULE_OBJ_NAME, 0, __VA_ARGS__)
#define OBJECT_DEFINE_SIMPLE_TYPE(ModuleObjName, module_obj_name, MODULE_OBJ_NAME,          \
                                  PARENT_MODULE_OBJ_NAME)                                   \
    OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(ModuleObjName, module_obj_name,               \
                                              MODULE_OBJ_NAME, PARENT_MODULE_OBJ_NAME, { })

/* Registers @info, which is kept (not copied). Asserts that the name is new. */
void type_register_static(const TypeInfo *info);
void type_register_static_array(const TypeInfo *infos, int nr_infos);
#define DEFINE_TYPES(type_array)                                              \
    static void do_register_##type_array(void)                                \
    {                                                                         \
        type_register_static_array(type_array, ARRAY_SIZE(type_array));       \
    }                                                                         \
    type_init(do_register_##type_array)

/* Classes. The lookup gives NULL for an unknown type; lists are sorted by name, caller frees. */
ObjectClass *object_class_by_name(const char *type_name);
ObjectClass *object_class_get_parent(ObjectClass *klass);
const char *object_class_get_name(ObjectClass *klass);
bool object_class_is_abstract(ObjectClass *klass);
ObjectClass *object_class_dynamic_cast(ObjectClass *klass, const char *type_name);
ObjectClass *object_class_dynamic_cast_assert(ObjectClass *klass, const char *type_name,
                                              const char *file, int line, const char *func);
void object_class_foreach(void (*fn)(ObjectClass *klass, void *opaque),
                          const char *implements_type, bool include_abstract, void *opaque);
GSList *object_class_get_list(const char *implements_type, bool include_abstract);
GSList *object_class_get_list_sorted(const char *implements_type, bool include_abstract);

/* Instances. object_new asserts that the type exists and is not abstract. */
Object *object_new(const char *type_name);
Object *object_new_with_class(ObjectClass *klass);
/* Initialises an object embedded in a larger structure; it is finalized with its last reference. */
void object_initialize(void *obj, size_t size, const char *type_name);
/* The same, made a child of @parent under @propname; the parent holds the only reference. */
void object_initialize_child_internal(Object *parent, const char *propname, void *child,
                                      size_t size, const char *type);
#define object_initialize_child(parent, propname, child, type) \
    object_initialize_child_internal((parent), (propname), (child), sizeof(*(child)), (type))
Object *object_ref(void *obj);
void object_unref(void *obj);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Object, object_unref)
Object *object_dynamic_cast(Object *obj, const char *type_name);
Object *object_dynamic_cast_assert(Object *obj, const char *type_name, const char *file, int line,
                                   const char *func);
ObjectClass *object_get_class(Object *obj);
const char *object_get_typename(const Object *obj);

/* Properties. A duplicate name asserts. The description may be NULL. */
ObjectProperty *object_property_add(Object *obj, const char *name, const char *type,
                                    ObjectPropertyAccessor *get, ObjectPropertyAccessor *set,
                                    ObjectPropertyRelease *release, void *opaque);
ObjectProperty *object_class_property_add(ObjectClass *klass, const char *name, const char *type,
                                          ObjectPropertyAccessor *get,
                                          ObjectPropertyAccessor *set,
                                          ObjectPropertyRelease *release, void *opaque);
void object_property_del(Object *obj, const char *name);
ObjectProperty *object_property_find(Object *obj, const char *name);
ObjectProperty *object_property_find_err(Object *obj, const char *name, Error **errp);
ObjectProperty *object_class_property_find(ObjectClass *klass, const char *name);
/*
 * Calls @fn for each property, the class' first, then the instance's; stops when it returns
 * false.
 */
void object_property_foreach(Object *obj, bool (*fn)(ObjectProperty *prop, void *opaque),
                             void *opaque);
void object_class_property_foreach(ObjectClass *klass,
                                   bool (*fn)(ObjectProperty *prop, void *opaque), void *opaque);
void object_property_set_description(Object *obj, const char *name, const char *description);
void object_class_property_set_description(ObjectClass *klass, const char *name,
                                           const char *description);

ObjectProperty *object_property_add_bool(Object *obj, const char *name,
                                         bool (*get)(Object *, Error **),
                                         void (*set)(Object *, bool, Error **));
ObjectProperty *object_class_property_add_bool(ObjectClass *klass, const char *name,
                                               bool (*get)(Object *, Error **),
                                               void (*set)(Object *, bool, Error **));
ObjectProperty *object_property_add_str(Object *obj, const char *name,
                                        char *(*get)(Object *, Error **),
                                        void (*set)(Object *, const char *, Error **));
ObjectProperty *object_class_property_add_str(ObjectClass *klass, const char *name,
                                              char *(*get)(Object *, Error **),
                                              void (*set)(Object *, const char *, Error **));
ObjectProperty *object_class_property_add_enum(ObjectClass *klass, const char *name,
                                               const char *type_name, const QEnumLookup *lookup,
                                               int (*get)(Object *, Error **),
                                               void (*set)(Object *, int, Error **));
/* Read-only views of a variable that lives as long as the object. */
ObjectProperty *object_property_add_uint64_ptr_ro(Object *obj, const char *name,
                                                  const uint64_t *v);
/* A child: referenced, named, found by path. Asserts that it has no parent yet. */
ObjectProperty *object_property_add_child(Object *obj, const char *name, Object *child);
/* A link to an object of @type held in *@targetp; @check may refuse a value (NULL: refuse all). */
typedef enum ObjectPropertyLinkFlags {
    OBJ_PROP_LINK_STRONG = 1,
} ObjectPropertyLinkFlags;
ObjectProperty *object_property_add_link(Object *obj, const char *name, const char *type,
                                         Object **targetp,
                                         void (*check)(const Object *obj, const char *name,
                                                       Object *val, Error **errp),
                                         ObjectPropertyLinkFlags flags);
ObjectProperty *object_class_property_add_link(ObjectClass *oc, const char *name,
                                               const char *type, ptrdiff_t offset,
                                               void (*check)(const Object *obj, const char *name,
                                                             Object *val, Error **errp),
                                               ObjectPropertyLinkFlags flags);
void object_property_allow_set_link(const Object *obj, const char *name, Object *child,
                                    Error **errp);
ObjectProperty *object_property_add_alias(Object *obj, const char *name, Object *target_obj,
                                          const char *target_name);
ObjectProperty *object_property_add_const_link(Object *obj, const char *name, Object *target);

/* Access by name, through visitors or plain C types. Setters return false and set @errp. */
bool object_property_get(Object *obj, const char *name, Visitor *v, Error **errp);
bool object_property_set(Object *obj, const char *name, Visitor *v, Error **errp);
bool object_property_parse(Object *obj, const char *name, const char *string, Error **errp);
bool object_property_set_json(Object *obj, const char *name, json_t *value, Error **errp);
json_t *object_property_get_json(Object *obj, const char *name, Error **errp);
bool object_property_set_str(Object *obj, const char *name, const char *value, Error **errp);
char *object_property_get_str(Object *obj, const char *name, Error **errp);
bool object_property_set_bool(Object *obj, const char *name, bool value, Error **errp);
bool object_property_get_bool(Object *obj, const char *name, Error **errp);
bool object_property_set_int(Object *obj, const char *name, int64_t value, Error **errp);
int64_t object_property_get_int(Object *obj, const char *name, Error **errp);
bool object_property_set_uint(Object *obj, const char *name, uint64_t value, Error **errp);
uint64_t object_property_get_uint(Object *obj, const char *name, Error **errp);
bool object_property_set_link(Object *obj, const char *name, Object *value, Error **errp);
Object *object_property_get_link(Object *obj, const char *name, Error **errp);

/* Sets each member of @props (a JSON object) on @obj; @keyval: leaves are strings to be parsed. */
bool object_set_properties_from_json(Object *obj, json_t *props, bool keyval, Error **errp);

/* The tree. */
Object *object_get_root(void);
Object *object_get_objects_root(void);   /* "/objects" */
/* Path "/machine/peripheral/vm0" or, without a leading slash, a unique partial one. NULL if none;
 * @ambiguous (may be NULL) tells whether more than one matched. */
Object *object_resolve_path(const char *path, bool *ambiguous);
Object *object_resolve_path_type(const char *path, const char *type_name, bool *ambiguous);
Object *object_resolve_path_component(Object *parent, const char *part);
/* The caller frees; NULL outside the tree. */
char *object_get_canonical_path(const Object *obj);
const char *object_get_canonical_path_component(const Object *obj);
void object_unparent(Object *obj);
int object_child_foreach(Object *obj, int (*fn)(Object *child, void *opaque), void *opaque);
int object_child_foreach_recursive(Object *obj, int (*fn)(Object *child, void *opaque),
                                   void *opaque);
/* A container object below @parent at @name, made if it does not exist. */
Object *object_property_add_new_container(Object *parent, const char *name);

#endif /* QOM_OBJECT_H */
