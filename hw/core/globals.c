/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Global properties: values that every object of a type gets when it is made. In rising
 * precedence: what the accelerator and the machine version say (compatibility), a user's
 * shorthands, -global. The property on the command line of one device is set after all of them,
 * and wins.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "hw/core/qdev-properties.h"

static GPtrArray *accelerator_props, *machine_props;   /* borrowed */
static GPtrArray *sugar_props, *user_props;

static void globals_add(GPtrArray **list, GlobalProperty *prop)
{
    if (!*list) {
        *list = g_ptr_array_new();
    }
    g_ptr_array_add(*list, prop);
}

/* In order, so that a later one wins. The first that fails is the caller's error. */
static bool globals_apply(GPtrArray *list, Object *obj, Error **errp)
{
    ERRP_GUARD();

    for (guint i = 0; list && i < list->len; i++) {
        GlobalProperty *p = g_ptr_array_index(list, i);

        if (!object_dynamic_cast(obj, p->driver) ||
            (p->optional && !object_property_find(obj, p->property))) {
            continue;
        }
        p->used = true;
        if (!object_property_parse(obj, p->property, p->value, errp)) {
            error_prepend(errp, "can't apply global %s.%s=%s: ", p->driver, p->property,
                          p->value);
            return false;
        }
    }
    return true;
}

void object_set_accelerator_compat_props(GPtrArray *compat_props)
{
    accelerator_props = compat_props;
}

void object_set_machine_compat_props(GPtrArray *compat_props)
{
    machine_props = compat_props;
}

void object_register_sugar_prop(const char *driver, const char *prop, const char *value,
                                bool optional)
{
    GlobalProperty *p = g_new0(GlobalProperty, 1);

    *p = (GlobalProperty) {
        .driver = g_strdup(driver),
        .property = g_strdup(prop),
        .value = g_strdup(value),
        .optional = optional,
    };
    globals_add(&sugar_props, p);
}

/* Tables of the tree: a mistake in them is a bug. */
void object_apply_compat_props(Object *obj)
{
    globals_apply(accelerator_props, obj, &error_abort);
    globals_apply(machine_props, obj, &error_abort);
    globals_apply(sugar_props, obj, &error_fatal);
}

void qdev_prop_register_global(GlobalProperty *prop)
{
    globals_add(&user_props, prop);
}

const GlobalProperty *qdev_find_global_prop(Object *obj, const char *name)
{
    for (guint i = user_props ? user_props->len : 0; i > 0; i--) {
        const GlobalProperty *p = g_ptr_array_index(user_props, i - 1);

        if (object_dynamic_cast(obj, p->driver) && g_str_equal(p->property, name)) {
            return p;
        }
    }
    return NULL;
}

/* The user's: at start a bad one ends the program, later it must not take the VM down. */
void qdev_prop_set_globals(DeviceState *dev)
{
    Error *err = NULL;

    if (globals_apply(user_props, OBJECT(dev), &err)) {
        return;
    }
    if (dev->hotplugged) {
        warn_report_err(err);
    } else {
        error_propagate(&error_fatal, err);
    }
}

int qdev_prop_check_globals(void)
{
    int ret = 0;

    for (guint i = 0; user_props && i < user_props->len; i++) {
        const GlobalProperty *p = g_ptr_array_index(user_props, i);
        ObjectClass *oc = object_class_by_name(p->driver);

        if (p->used) {
            continue;
        }
        if (!oc || !object_class_dynamic_cast(oc, TYPE_DEVICE)) {
            warn_report("global %s.%s has invalid class name", p->driver, p->property);
            ret = 1;
        } else if (!DEVICE_CLASS(oc)->hotpluggable && !DEVICE_CLASS(oc)->user_creatable) {
            warn_report("global %s.%s=%s not used", p->driver, p->property, p->value);
            ret = 1;
        }
    }
    return ret;
}
