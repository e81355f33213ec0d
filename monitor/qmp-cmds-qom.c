/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that look at and change the object model. */
#include "qemu/osdep.h"

#include "hw/core/qdev.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-qdev.h"
#include "qapi/qapi-commands-qom.h"
#include "qom/object.h"

/* An ambiguous path names no object either. */
static Object *resolve_path(const char *path, Error **errp)
{
    Object *obj = object_resolve_path(path, NULL);

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return obj;
}

json_t *qmp_qom_get(const char *path, const char *property, Error **errp)
{
    Object *obj = resolve_path(path, errp);

    return obj ? object_property_get_json(obj, property, errp) : NULL;
}

void qmp_qom_set(const char *path, const char *property, json_t *value, Error **errp)
{
    Object *obj = resolve_path(path, errp);

    if (obj) {
        object_property_set_json(obj, property, value, errp);
    }
}

/* ---- lists of properties ---- */

typedef struct PropertyLister {
    ObjectPropertyInfoList *list, **tail;
    bool describe;                               /* with description */
    bool defaults;                               /* with default value */
    bool (*wanted)(const ObjectProperty *prop);  /* NULL: all */
} PropertyLister;

static bool lister_add(ObjectProperty *prop, void *opaque)
{
    PropertyLister *lister = opaque;
    ObjectPropertyInfo *info;

    if (lister->wanted && !lister->wanted(prop)) {
        return true;
    }
    info = g_new0(ObjectPropertyInfo, 1);
    info->name = g_strdup(prop->name);
    info->type = g_strdup(prop->type);
    info->description = lister->describe ? g_strdup(prop->description) : NULL;
    info->default_value = lister->defaults ? json_incref(prop->defval) : NULL;
    QAPI_LIST_APPEND(lister->tail, info);
    return true;
}

static void lister_init(PropertyLister *lister)
{
    lister->list = NULL;
    lister->tail = &lister->list;
}

/* Lists tell an ambiguous path from one that names nothing. */
static Object *resolve_listed(const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *obj = object_resolve_path(path, &ambiguous);

    if (ambiguous) {
        error_setg(errp, "Path '%s' is ambiguous", path);
    } else if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return ambiguous ? NULL : obj;
}

ObjectPropertyInfoList *qmp_qom_list(const char *path, Error **errp)
{
    PropertyLister lister = { 0 };
    Object *obj = resolve_listed(path, errp);

    lister_init(&lister);
    if (obj) {
        object_property_foreach(obj, lister_add, &lister);
    }
    return lister.list;
}

/* Values of one object's properties. */
typedef struct ValueLister {
    Object *obj;
    ObjectPropertyValueList **tail;
} ValueLister;

static bool add_value(ObjectProperty *prop, void *opaque)
{
    ValueLister *lister = opaque;
    ObjectPropertyValue *info = g_new0(ObjectPropertyValue, 1);

    info->name = g_strdup(prop->name);
    info->type = g_strdup(prop->type);
    info->value = object_property_get_json(lister->obj, prop->name, NULL);
    QAPI_LIST_APPEND(lister->tail, info);
    return true;
}

static ObjectPropertiesValues *values_new(Object *obj)
{
    ObjectPropertiesValues *values = g_new0(ObjectPropertiesValues, 1);
    ValueLister lister = { obj, &values->properties };

    object_property_foreach(obj, add_value, &lister);
    return values;
}

ObjectPropertiesValuesList *qmp_qom_list_get(strList *paths, Error **errp)
{
    ObjectPropertiesValuesList *list = NULL, **tail = &list;

    for (strList *path = paths; path; path = path->next) {
        Object *obj = resolve_listed(path->value, errp);

        if (!obj) {
            qapi_free_ObjectPropertiesValuesList(list);
            return NULL;
        }
        QAPI_LIST_APPEND(tail, values_new(obj));
    }
    return list;
}

/* Some properties are the instance's only, so a temporary one is made where that is possible. */
static void list_type_properties(ObjectClass *klass, PropertyLister *lister)
{
    if (object_class_is_abstract(klass)) {
        object_class_property_foreach(klass, lister_add, lister);
    } else {
        Object *obj = object_new_with_class(klass);

        object_property_foreach(obj, lister_add, lister);
        object_unref(obj);
    }
}

ObjectPropertyInfoList *qmp_qom_list_properties(const char *typename, Error **errp)
{
    PropertyLister lister = { .describe = true };
    ObjectClass *klass = object_class_by_name(typename);

    lister_init(&lister);
    if (!klass) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found", typename);
        return NULL;
    }
    if (!object_class_dynamic_cast(klass, TYPE_OBJECT)) {
        error_setg(errp, "Parameter 'typename' expects a QOM type");
        return NULL;
    }
    list_type_properties(klass, &lister);
    return lister.list;
}

/* Not what the device model itself keeps for every device. */
static bool device_property_wanted(const ObjectProperty *prop)
{
    static const char *const internal[] = {
        "type", "realized", "hotpluggable", "hotplugged", "parent_bus", NULL,
    };

    return !g_strv_contains(internal, prop->name) && !g_str_has_prefix(prop->name, "legacy-");
}

ObjectPropertyInfoList *qmp_device_list_properties(const char *typename, Error **errp)
{
    PropertyLister lister = {
        .describe = true, .defaults = true, .wanted = device_property_wanted,
    };
    ObjectClass *klass = object_class_by_name(typename);

    lister_init(&lister);
    if (!klass) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", typename);
        return NULL;
    }
    if (!object_class_dynamic_cast(klass, TYPE_DEVICE) || object_class_is_abstract(klass)) {
        error_setg(errp, "Parameter 'typename' expects a non-abstract device type");
        return NULL;
    }
    list_type_properties(klass, &lister);
    return lister.list;
}

/* ---- types ---- */

static void add_type(ObjectClass *klass, void *opaque)
{
    ObjectTypeInfoList **list = opaque;
    ObjectClass *parent = object_class_get_parent(klass);
    ObjectTypeInfo *info = g_new0(ObjectTypeInfo, 1);

    info->name = g_strdup(object_class_get_name(klass));
    info->has_abstract = info->abstract = object_class_is_abstract(klass);
    info->parent = parent ? g_strdup(object_class_get_name(parent)) : NULL;
    QAPI_LIST_PREPEND(*list, info);
}

ObjectTypeInfoList *qmp_qom_list_types(const char *implements, bool has_abstract, bool abstract,
                                       Error **errp)
{
    ObjectTypeInfoList *list = NULL;

    object_class_foreach(add_type, implements, has_abstract && abstract, &list);
    return list;
}
