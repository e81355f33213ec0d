/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties that are a member of the device's structure: declared in a static const Property[]
 * and given to device_class_set_props(). Settable until realize. Also global properties: values
 * for all objects of a type, from compatibility tables and from -global.
 */
#ifndef HW_CORE_QDEV_PROPERTIES_H
#define HW_CORE_QDEV_PROPERTIES_H

#include "hw/core/qdev.h"

extern const PropertyInfo qdev_prop_bit;
extern const PropertyInfo qdev_prop_bit64;
extern const PropertyInfo qdev_prop_bool;
extern const PropertyInfo qdev_prop_uint8;
extern const PropertyInfo qdev_prop_uint16;
extern const PropertyInfo qdev_prop_uint32;
extern const PropertyInfo qdev_prop_int32;
extern const PropertyInfo qdev_prop_uint64;
extern const PropertyInfo qdev_prop_int64;
extern const PropertyInfo qdev_prop_size;
extern const PropertyInfo qdev_prop_string;
extern const PropertyInfo qdev_prop_on_off_auto;
extern const PropertyInfo qdev_prop_link;
extern const PropertyInfo qdev_prop_chr;

/* The member must have exactly @type: a mismatch does not compile. */
#define PROP_TYPE_CHECK_(type, member_type) \
    (0 * sizeof((type *)0 == (member_type *)0))
#define DEFINE_PROP(_name, _state, _field, _prop, _type, ...)                       \
    {                                                                               \
        .name = (_name), .info = &(_prop),                                          \
        .offset = offsetof(_state, _field) +                                        \
                  PROP_TYPE_CHECK_(_type, __typeof__(((_state *)0)->_field)),        \
        __VA_ARGS__                                                                 \
    }
#define DEFINE_PROP_SIGNED(_name, _state, _field, _defval, _prop, _type) \
    DEFINE_PROP(_name, _state, _field, _prop, _type, .set_default = true, .defval.i = (_defval))
#define DEFINE_PROP_UNSIGNED(_name, _state, _field, _defval, _prop, _type) \
    DEFINE_PROP(_name, _state, _field, _prop, _type, .set_default = true, \
                .defval.u = (_type)(_defval))
#define DEFINE_PROP_UNSIGNED_NODEFAULT(_name, _state, _field, _prop, _type) \
    DEFINE_PROP(_name, _state, _field, _prop, _type)

#define DEFINE_PROP_BIT(_name, _state, _field, _bit, _defval)                       \
    DEFINE_PROP(_name, _state, _field, qdev_prop_bit, uint32_t, .bitnr = (_bit),    \
                .set_default = true, .defval.u = (bool)(_defval))
#define DEFINE_PROP_BIT64(_name, _state, _field, _bit, _defval)                     \
    DEFINE_PROP(_name, _state, _field, qdev_prop_bit64, uint64_t, .bitnr = (_bit),  \
                .set_default = true, .defval.u = (bool)(_defval))
#define DEFINE_PROP_BOOL(_name, _state, _field, _defval)                            \
    DEFINE_PROP(_name, _state, _field, qdev_prop_bool, bool,                        \
                .set_default = true, .defval.u = (bool)(_defval))
#define DEFINE_PROP_UINT8(_n, _s, _f, _d) \
    DEFINE_PROP_UNSIGNED(_n, _s, _f, _d, qdev_prop_uint8, uint8_t)
#define DEFINE_PROP_UINT16(_n, _s, _f, _d) \
    DEFINE_PROP_UNSIGNED(_n, _s, _f, _d, qdev_prop_uint16, uint16_t)
#define DEFINE_PROP_UINT32(_n, _s, _f, _d) \
    DEFINE_PROP_UNSIGNED(_n, _s, _f, _d, qdev_prop_uint32, uint32_t)
#define DEFINE_PROP_INT32(_n, _s, _f, _d) \
    DEFINE_PROP_SIGNED(_n, _s, _f, _d, qdev_prop_int32, int32_t)
#define DEFINE_PROP_UINT64(_n, _s, _f, _d) \
    DEFINE_PROP_UNSIGNED(_n, _s, _f, _d, qdev_prop_uint64, uint64_t)
#define DEFINE_PROP_INT64(_n, _s, _f, _d) \
    DEFINE_PROP_SIGNED(_n, _s, _f, _d, qdev_prop_int64, int64_t)
#define DEFINE_PROP_SIZE(_n, _s, _f, _d) \
    DEFINE_PROP_UNSIGNED(_n, _s, _f, _d, qdev_prop_size, uint64_t)
#define DEFINE_PROP_STRING(_n, _s, _f) \
    DEFINE_PROP(_n, _s, _f, qdev_prop_string, char *)
#define DEFINE_PROP_ON_OFF_AUTO(_n, _s, _f, _d) \
    DEFINE_PROP_SIGNED(_n, _s, _f, _d, qdev_prop_on_off_auto, OnOffAuto)
#define DEFINE_PROP_LINK(_name, _state, _field, _type, _ptr_type) \
    DEFINE_PROP(_name, _state, _field, qdev_prop_link, _ptr_type, .link_type = (_type))
/* A character device by its id; the member is `CharBackend *` or `Chardev *` as C's header says. */
#define DEFINE_PROP_CHR(_n, _s, _f) \
    DEFINE_PROP(_n, _s, _f, qdev_prop_chr, Chardev *)

/* Accessors for PropertyInfos of other files. */
void *object_field_prop_ptr(Object *obj, const Property *prop);
void qdev_propinfo_get_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp);
void qdev_propinfo_set_enum(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp);
void qdev_propinfo_set_default_value_enum(ObjectProperty *op, const Property *prop);
void qdev_propinfo_set_default_value_int(ObjectProperty *op, const Property *prop);
void qdev_propinfo_set_default_value_uint(ObjectProperty *op, const Property *prop);
/* Adds one to an instance. */
void qdev_property_add_static(DeviceState *dev, const Property *prop);

/* For board code: failure is a bug. */
void qdev_prop_set_bit(DeviceState *dev, const char *name, bool value);
void qdev_prop_set_uint8(DeviceState *dev, const char *name, uint8_t value);
void qdev_prop_set_uint16(DeviceState *dev, const char *name, uint16_t value);
void qdev_prop_set_uint32(DeviceState *dev, const char *name, uint32_t value);
void qdev_prop_set_int32(DeviceState *dev, const char *name, int32_t value);
void qdev_prop_set_uint64(DeviceState *dev, const char *name, uint64_t value);
void qdev_prop_set_string(DeviceState *dev, const char *name, const char *value);
void qdev_prop_set_chr(DeviceState *dev, const char *name, Chardev *value);
void qdev_prop_set_enum(DeviceState *dev, const char *name, int value);

/* Global properties: @used says whether an object took it; @optional: a type without it is fine. */
typedef struct GlobalProperty {
    const char *driver;
    const char *property;
    const char *value;
    bool used;
    bool optional;
} GlobalProperty;

/* From -global, in order; the strings are kept. */
void qdev_prop_register_global(GlobalProperty *prop);
const GlobalProperty *qdev_find_global_prop(Object *obj, const char *name);
/* Warns about user globals that no object took; returns 1 if there was one. */
int qdev_prop_check_globals(void);
void qdev_prop_set_globals(DeviceState *dev);
/* Puts @props (an array of GlobalProperty) behind @arr: later ones win. */
static inline void compat_props_add(GPtrArray *arr, GlobalProperty props[], size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        g_ptr_array_add(arr, &props[i]);
    }
}
/* Applied to every device and user-creatable object, accelerator's before machine's. */
void object_apply_compat_props(Object *obj);
void object_set_accelerator_compat_props(GPtrArray *compat_props);
void object_set_machine_compat_props(GPtrArray *compat_props);
/* A user's -machine shorthand for a property of another type; applied after compat props. */
void object_register_sugar_prop(const char *driver, const char *prop, const char *value,
                                bool optional);

#endif /* HW_CORE_QDEV_PROPERTIES_H */
