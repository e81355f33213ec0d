/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree that paths name: children, which their parent keeps, links and aliases to objects
 * elsewhere, and the way from a path to an object and back.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object.h"

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
