/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties that are members of a device's structure. Each becomes a property of the class, whose
 * accessors find the member by the offset in the Property that was declared.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-types-common.h"
#include "hw/core/qdev-properties.h"
#include "chardev/char.h"

void *object_field_prop_ptr(Object *obj, const Property *prop)
{
    return (char *)obj + prop->offset;
}

static void qdev_prop_error_realized(Object *obj, const char *what, const char *name,
                                     Error **errp)
{
    const char *id = DEVICE(obj)->id;

    if (id) {
        error_setg(errp, "Attempt to set %s '%s' on device '%s' (type '%s') after it was realized",
                   what, name, id, object_get_typename(obj));
    } else {
        error_setg(errp, "Attempt to set %s '%s' on anonymous device (type '%s') after it was "
                   "realized", what, name, object_get_typename(obj));
    }
}

static void qdev_prop_get(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const Property *prop = opaque;

    prop->info->get(obj, v, name, opaque, errp);
}

static void qdev_prop_set(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const Property *prop = opaque;

    if (DEVICE(obj)->realized && !prop->info->realized_set_allowed) {
        qdev_prop_error_realized(obj, "property", name, errp);
        return;
    }
    prop->info->set(obj, v, name, opaque, errp);
}

static void qdev_prop_release(Object *obj, const char *name, void *opaque)
{
    const Property *prop = opaque;

    if (prop->info->release) {
        prop->info->release(obj, name, opaque);
    }
}

/* A fresh object: the default goes in the way a user's value would. */
static void qdev_prop_init_default(Object *obj, ObjectProperty *op)
{
    Visitor *v = qobject_input_visitor_new(op->defval);

    op->set(obj, v, op->name, op->opaque, &error_abort);
    visit_free(v);
}

static void qdev_prop_describe(ObjectProperty *op, const Property *prop)
{
    if (prop->info->description && !op->description) {
        op->description = g_strdup(prop->info->description);
    }
    if (prop->set_default) {
        prop->info->set_default_value(op, prop);
        op->init = qdev_prop_init_default;
    }
}

static void qdev_class_add_property(ObjectClass *oc, const Property *prop)
{
    const PropertyInfo *info = prop->info;
    ObjectProperty *op;

    if (info->create) {
        op = info->create(oc, prop->name, prop);
    } else {
        op = object_class_property_add(oc, prop->name, info->type,
                                       info->get ? qdev_prop_get : NULL,
                                       info->set ? qdev_prop_set : NULL,
                                       qdev_prop_release, (void *)prop);
    }
    qdev_prop_describe(op, prop);
}

void device_class_set_props_n(DeviceClass *dc, const Property *props, size_t n)
{
    dc->props_ = props;
    dc->props_count_ = n;
    for (size_t i = 0; i < n; i++) {
        qdev_class_add_property(OBJECT_CLASS(dc), &props[i]);
    }
}

void qdev_property_add_static(DeviceState *dev, const Property *prop)
{
    Object *obj = OBJECT(dev);
    ObjectProperty *op;

    assert(!prop->info->create);
    op = object_property_add(obj, prop->name, prop->info->type,
                             prop->info->get ? qdev_prop_get : NULL,
                             prop->info->set ? qdev_prop_set : NULL,
                             qdev_prop_release, (void *)prop);
    qdev_prop_describe(op, prop);
    if (op->init) {
        op->init(obj, op);
    }
}

/* Defaults. */

static void qdev_propinfo_set_default_value_bool(ObjectProperty *op, const Property *prop)
{
    op->defval = json_boolean(prop->defval.u);
}

void qdev_propinfo_set_default_value_int(ObjectProperty *op, const Property *prop)
{
    op->defval = json_integer(prop->defval.i);
}

void qdev_propinfo_set_default_value_uint(ObjectProperty *op, const Property *prop)
{
    Visitor *v = qobject_output_visitor_new(&op->defval);
    uint64_t value = prop->defval.u;

    visit_type_uint64(v, NULL, &value, &error_abort);
    visit_complete(v);
    visit_free(v);
}

void qdev_propinfo_set_default_value_enum(ObjectProperty *op, const Property *prop)
{
    op->defval = json_string(qapi_enum_lookup(prop->info->enum_table, prop->defval.i));
}

/* Booleans: a member, or a bit of one. */

static void qdev_prop_get_bool(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    visit_type_bool(v, name, object_field_prop_ptr(obj, opaque), errp);
}

static void qdev_prop_set_bool(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    visit_type_bool(v, name, object_field_prop_ptr(obj, opaque), errp);
}

const PropertyInfo qdev_prop_bool = {
    .type = "bool",
    .get = qdev_prop_get_bool,
    .set = qdev_prop_set_bool,
    .set_default_value = qdev_propinfo_set_default_value_bool,
};

#define QDEV_BIT_ACCESSORS(bits, type)                                                          \
    static void qdev_prop_get_bit##bits(Object *obj, Visitor *v, const char *name,              \
                                        void *opaque, Error **errp)                             \
    {                                                                                           \
        const Property *prop = opaque;                                                          \
        type *p = object_field_prop_ptr(obj, prop);                                             \
        bool value = *p & (type)1 << prop->bitnr;                                               \
                                                                                                \
        visit_type_bool(v, name, &value, errp);                                                 \
    }                                                                                           \
    static void qdev_prop_set_bit##bits(Object *obj, Visitor *v, const char *name,              \
                                        void *opaque, Error **errp)                             \
    {                                                                                           \
        const Property *prop = opaque;                                                          \
        type *p = object_field_prop_ptr(obj, prop);                                             \
        type mask = (type)1 << prop->bitnr;                                                     \
        bool value;                                                                             \
                                                                                                \
        if (visit_type_bool(v, name, &value, errp)) {                                           \
            *p = value ? *p | mask : *p & ~mask;                                                \
        }                                                                                       \
    }

QDEV_BIT_ACCESSORS(32, uint32_t)
QDEV_BIT_ACCESSORS(64, uint64_t)

const PropertyInfo qdev_prop_bit = {
    .type = "bool",
    .description = "on/off",
    .get = qdev_prop_get_bit32,
    .set = qdev_prop_set_bit32,
    .set_default_value = qdev_propinfo_set_default_value_bool,
};

const PropertyInfo qdev_prop_bit64 = {
    .type = "bool",
    .description = "on/off",
    .get = qdev_prop_get_bit64,
    .set = qdev_prop_set_bit64,
    .set_default_value = qdev_propinfo_set_default_value_bool,
};

/* Integers and sizes. */

#define QDEV_INTEGER(kind, def)                                                                 \
    static void qdev_prop_get_##kind(Object *obj, Visitor *v, const char *name, void *opaque,   \
                                     Error **errp)                                              \
    {                                                                                           \
        visit_type_##kind(v, name, object_field_prop_ptr(obj, opaque), errp);                   \
    }                                                                                           \
    static void qdev_prop_do_set_##kind(Object *obj, Visitor *v, const char *name,              \
                                        void *opaque, Error **errp)                             \
    {                                                                                           \
        visit_type_##kind(v, name, object_field_prop_ptr(obj, opaque), errp);                   \
    }                                                                                           \
    const PropertyInfo qdev_prop_##kind = {                                                     \
        .type = #kind,                                                                          \
        .get = qdev_prop_get_##kind,                                                            \
        .set = qdev_prop_do_set_##kind,                                                         \
        .set_default_value = qdev_propinfo_set_default_value_##def,                             \
    };

QDEV_INTEGER(uint8, uint)
QDEV_INTEGER(uint16, uint)
QDEV_INTEGER(uint32, uint)
QDEV_INTEGER(uint64, uint)
QDEV_INTEGER(int32, int)
QDEV_INTEGER(int64, int)
QDEV_INTEGER(size, uint)

/* Strings: owned by the object. */

static void qdev_prop_get_string(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    visit_type_str(v, name, object_field_prop_ptr(obj, opaque), errp);
}

static void qdev_prop_do_set_string(Object *obj, Visitor *v, const char *name, void *opaque,
                                    Error **errp)
{
    char **p = object_field_prop_ptr(obj, opaque);
    char *value;

    if (visit_type_str(v, name, &value, errp)) {
        g_free(*p);
        *p = value;
    }
}

static void qdev_prop_release_string(Object *obj, const char *name, void *opaque)
{
    char **p = object_field_prop_ptr(obj, opaque);

    g_free(*p);
    *p = NULL;
}

const PropertyInfo qdev_prop_string = {
    .type = "str",
    .get = qdev_prop_get_string,
    .set = qdev_prop_do_set_string,
    .release = qdev_prop_release_string,
};

/* Enumerations. */

void qdev_propinfo_get_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    const Property *prop = opaque;

    visit_type_enum(v, name, object_field_prop_ptr(obj, prop), prop->info->enum_table, errp);
}

void qdev_propinfo_set_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    const Property *prop = opaque;

    visit_type_enum(v, name, object_field_prop_ptr(obj, prop), prop->info->enum_table, errp);
}

const PropertyInfo qdev_prop_on_off_auto = {
    .type = "OnOffAuto",
    .description = "on/off/auto",
    .enum_table = &OnOffAuto_lookup,
    .get = qdev_propinfo_get_enum,
    .set = qdev_propinfo_set_enum,
    .set_default_value = qdev_propinfo_set_default_value_enum,
};

/* Links to other objects. */

static void qdev_prop_check_link(const Object *obj, const char *name, Object *val, Error **errp)
{
    if (DEVICE((Object *)obj)->realized) {
        qdev_prop_error_realized((Object *)obj, "link property", name, errp);
    }
}

static ObjectProperty *qdev_prop_create_link(ObjectClass *oc, const char *name,
                                             const Property *prop)
{
    return object_class_property_add_link(oc, name, prop->link_type, prop->offset,
                                          qdev_prop_check_link, OBJ_PROP_LINK_STRONG);
}

const PropertyInfo qdev_prop_link = {
    .type = "link",
    .create = qdev_prop_create_link,
};

/* Character devices, by their id. The device that has one is its front end: no other can. */

static void qdev_prop_get_chr(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    Chardev **p = object_field_prop_ptr(obj, opaque);
    char *id = g_strdup(*p ? chardev_label(*p) : "");

    visit_type_str(v, name, &id, errp);
    g_free(id);
}

static void qdev_prop_do_set_chr(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    Chardev **p = object_field_prop_ptr(obj, opaque), *chr = NULL;
    g_autofree char *id = NULL;

    ERRP_GUARD();
    if (!visit_type_str(v, name, &id, errp)) {
        return;
    }
    if (*id) {
        chr = chardev_find(id);
        if (!chr) {
            error_setg(errp, "Property '%s.%s' can't find value '%s'", object_get_typename(obj),
                       name, id);
            return;
        }
        chr = chardev_attach(chr, errp);
        if (!chr) {
            error_prepend(errp, "Property '%s.%s' can't take value '%s': ",
                          object_get_typename(obj), name, id);
            return;
        }
    }
    if (*p) {
        chardev_detach(*p);
    }
    *p = chr;
}

static void qdev_prop_release_chr(Object *obj, const char *name, void *opaque)
{
    Chardev **p = object_field_prop_ptr(obj, opaque);

    if (*p) {
        chardev_detach(*p);
        *p = NULL;
    }
}

const PropertyInfo qdev_prop_chr = {
    .type = "str",
    .description = "ID of a chardev to use as a backend",
    .get = qdev_prop_get_chr,
    .set = qdev_prop_do_set_chr,
    .release = qdev_prop_release_chr,
};

/* Board code: these cannot fail. */

void qdev_prop_set_bit(DeviceState *dev, const char *name, bool value)
{
    object_property_set_bool(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_uint8(DeviceState *dev, const char *name, uint8_t value)
{
    object_property_set_uint(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_uint16(DeviceState *dev, const char *name, uint16_t value)
{
    object_property_set_uint(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_uint32(DeviceState *dev, const char *name, uint32_t value)
{
    object_property_set_uint(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_int32(DeviceState *dev, const char *name, int32_t value)
{
    object_property_set_int(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_uint64(DeviceState *dev, const char *name, uint64_t value)
{
    object_property_set_uint(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_string(DeviceState *dev, const char *name, const char *value)
{
    object_property_set_str(OBJECT(dev), name, value, &error_abort);
}

void qdev_prop_set_chr(DeviceState *dev, const char *name, Chardev *value)
{
    object_property_set_str(OBJECT(dev), name, chardev_label(value), &error_abort);
}

void qdev_prop_set_enum(DeviceState *dev, const char *name, int value)
{
    ObjectProperty *op = object_property_find_err(OBJECT(dev), name, &error_abort);
    const Property *prop = op->opaque;

    object_property_set_str(OBJECT(dev), name, qapi_enum_lookup(prop->info->enum_table, value),
                            &error_abort);
}
