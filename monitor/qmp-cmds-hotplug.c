/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that make and take away devices and objects. */
#include "qemu/osdep.h"

#include "hw/core/qdev-monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-qdev.h"
#include "qapi/qapi-commands-qom.h"
#include "qom/object_interfaces.h"

/* As -device would have it written. NULL with @errp: nothing that could be. */
static json_t *scalar_as_text(const char *name, json_t *value, Error **errp)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_incref(value);
    case JSON_INTEGER:
        return json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return json_string("on");
    case JSON_FALSE:
        return json_string("off");
    default:
        error_setg(errp, "Invalid parameter type for '%s', expected: string, number or boolean",
                   name);
        return NULL;
    }
}

/* QEMU's device_add takes what -device takes: "256M" is a size, 3 and "3" are a slot. */
void qmp_device_add(json_t *args, Error **errp)
{
    g_autoptr(DeviceState) dev = NULL;
    json_t *opts = json_object(), *value;
    const char *name;

    json_object_foreach(args, name, value) {
        json_t *text = scalar_as_text(name, value, errp);

        if (!text) {
            json_decref(opts);
            return;
        }
        json_object_set_new(opts, name, text);
    }
    dev = qdev_device_add_from_json(opts, true, errp);
    json_decref(opts);
}

void qmp_device_del(const char *id, Error **errp)
{
    qdev_device_del(id, errp);
}

void qmp_object_add(json_t *args, Error **errp)
{
    user_creatable_add_json(args, false, errp);
}

void qmp_object_del(const char *id, Error **errp)
{
    user_creatable_del(id, errp);
}
