/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices from a user's description: -device and device_add make them, device_del takes them away,
 * "help" tells what there is. What a user may do is decided here, once, before the object is made.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/core/boards.h"
#include "hw/core/qdev-monitor.h"
#include "hw/core/qdev-properties.h"
#include "qemu/error-report.h"
#include "qemu/known-names.h"
#include "qom/object_interfaces.h"

/* Which driver. */

static DeviceClass *qdev_get_device_class(const char *driver, Error **errp)
{
    ObjectClass *oc = object_class_by_name(driver);
    DeviceClass *dc;

    if (!oc || !object_class_dynamic_cast(oc, TYPE_DEVICE)) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_DEVICE, driver);

        error_setg(errp, "'%s' is not a valid device model name%s", driver, why);
        return NULL;
    }
    if (object_class_is_abstract(oc)) {
        error_setg(errp, "Parameter 'driver' expects a non-abstract device type");
        return NULL;
    }
    dc = DEVICE_CLASS(oc);
    if (!dc->user_creatable || (phase_check(PHASE_MACHINE_READY) && !dc->hotpluggable)) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type");
        return NULL;
    }
    return dc;
}

/* Which bus. */

typedef struct BusSearch {
    const char *name;    /* NULL: any */
    const char *type;    /* NULL: any */
    BusState *found;
    bool found_full;
} BusSearch;

static int qdev_match_bus(BusState *bus, void *opaque)
{
    BusSearch *s = opaque;

    if ((s->name && !g_str_equal(bus->name, s->name)) ||
        (s->type && !object_dynamic_cast(OBJECT(bus), s->type))) {
        return 0;
    }
    if (s->found && !s->found_full) {
        return 0;
    }
    s->found = bus;
    s->found_full = qbus_is_full(bus);
    return 0;
}

static BusState *qdev_search_bus(const char *name, const char *type)
{
    BusSearch s = { .name = name, .type = type };

    qbus_walk_children(sysbus_get_default(), NULL, qdev_match_bus, NULL, NULL, &s);
    return s.found;
}

/* By name, or by a QOM path. */
static BusState *qdev_find_named_bus(const char *name, Error **errp)
{
    BusState *bus = qdev_search_bus(name, NULL);
    Object *obj;

    if (!bus && *name == '/') {
        obj = object_resolve_path_type(name, TYPE_BUS, NULL);
        bus = obj ? BUS(obj) : NULL;
    }
    if (!bus) {
        error_setg(errp, "Bus '%s' not found", name);
    }
    return bus;
}

static bool qdev_refuse_full_bus(BusState *bus, Error **errp)
{
    if (qbus_is_full(bus)) {
        error_setg(errp, "Bus '%s' is full", bus->name);
        return true;
    }
    return false;
}

/* *@busp is NULL for a driver that sits on no bus. */
static bool qdev_choose_bus(DeviceClass *dc, const char *driver, const char *name,
                            BusState **busp, Error **errp)
{
    *busp = NULL;
    if (name) {
        *busp = qdev_find_named_bus(name, errp);
        if (!*busp || qdev_refuse_full_bus(*busp, errp)) {
            return false;
        }
        if (!dc->bus_type || !object_dynamic_cast(OBJECT(*busp), dc->bus_type)) {
            error_setg(errp, "Device '%s' can't go on %s bus", driver,
                       object_get_typename(OBJECT(*busp)));
            return false;
        }
    } else if (dc->bus_type) {
        *busp = qdev_search_bus(NULL, dc->bus_type);
        if (!*busp) {
            error_setg(errp, "No '%s' bus found for device '%s'", dc->bus_type, driver);
            return false;
        }
    }
    return !*busp || !qdev_refuse_full_bus(*busp, errp);
}

static bool qdev_check_hotplug(BusState *bus, DeviceClass *dc, Error **errp)
{
    if (!phase_check(PHASE_MACHINE_READY) || !bus) {
        return true;
    }
    if (!qbus_is_hotpluggable(bus)) {
        error_setg(errp, "Bus '%s' does not support hotplugging", bus->name);
        return false;
    }
    return true;
}

/* The device itself. */

static bool qdev_get_string_member(json_t *opts, const char *name, const char **value,
                                   Error **errp)
{
    json_t *member = json_object_get(opts, name);

    *value = NULL;
    if (member && !json_is_string(member)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: string", name);
        return false;
    }
    *value = member ? json_string_value(member) : NULL;
    return true;
}

static bool qdev_set_user_properties(DeviceState *dev, json_t *opts, bool keyval, Error **errp)
{
    json_t *props = json_copy(opts);
    bool ok;

    json_object_del(props, "driver");
    json_object_del(props, "bus");
    json_object_del(props, "id");
    ok = object_set_properties_from_json(OBJECT(dev), props, keyval, errp);
    json_decref(props);
    return ok;
}

DeviceState *qdev_device_add_from_json(json_t *opts, bool keyval, Error **errp)
{
    const char *driver, *path, *id;
    DeviceClass *dc;
    DeviceState *dev;
    BusState *bus;

    if (!qdev_get_string_member(opts, "driver", &driver, errp) ||
        !qdev_get_string_member(opts, "bus", &path, errp) ||
        !qdev_get_string_member(opts, "id", &id, errp)) {
        return NULL;
    }
    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    dc = qdev_get_device_class(driver, errp);
    if (!dc || !qdev_choose_bus(dc, driver, path, &bus, errp) ||
        !qdev_check_hotplug(bus, dc, errp)) {
        return NULL;
    }
    dev = qdev_new(driver);
    dev->hotplugged = phase_check(PHASE_MACHINE_READY);
    if (!qdev_set_id(dev, g_strdup(id), errp)) {
        object_unref(OBJECT(dev));
        return NULL;
    }
    if (!qdev_set_user_properties(dev, opts, keyval, errp) || !qdev_realize(dev, bus, errp)) {
        object_unparent(OBJECT(dev));
        object_unref(OBJECT(dev));
        return NULL;
    }
    return dev;
}

DeviceState *find_device_state(const char *id, Error **errp)
{
    Object *obj;
    g_autofree char *path = *id == '/' ? g_strdup(id)
                                       : g_strdup_printf("/machine/peripheral/%s", id);

    obj = object_resolve_path(path, NULL);
    if (!obj || !object_dynamic_cast(obj, TYPE_DEVICE)) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
        return NULL;
    }
    return DEVICE(obj);
}

void qdev_device_del(const char *id, Error **errp)
{
    DeviceState *dev = find_device_state(id, errp);

    if (dev) {
        qdev_unplug(dev, errp);
    }
}

/* Help. */

static const char *const category_names[DEVICE_CATEGORY_MAX] = {
    [DEVICE_CATEGORY_BRIDGE] = "Controller/Bridge/Hub",
    [DEVICE_CATEGORY_USB] = "USB",
    [DEVICE_CATEGORY_STORAGE] = "Storage",
    [DEVICE_CATEGORY_NETWORK] = "Network",
    [DEVICE_CATEGORY_INPUT] = "Input",
    [DEVICE_CATEGORY_DISPLAY] = "Display",
    [DEVICE_CATEGORY_SOUND] = "Sound",
    [DEVICE_CATEGORY_MISC] = "Misc",
    [DEVICE_CATEGORY_CPU] = "CPU",
    [DEVICE_CATEGORY_WATCHDOG] = "Watchdog",
};

/* @category DEVICE_CATEGORY_MAX: drivers of none. */
static bool qdev_in_category(DeviceClass *dc, unsigned category)
{
    if (category < DEVICE_CATEGORY_MAX) {
        return test_bit(category, dc->categories);
    }
    return find_first_bit(dc->categories, DEVICE_CATEGORY_MAX) >= DEVICE_CATEGORY_MAX;
}

static void qdev_print_driver(DeviceClass *dc)
{
    qemu_printf("name \"%s\"", object_class_get_name(OBJECT_CLASS(dc)));
    if (dc->bus_type) {
        qemu_printf(", bus %s", dc->bus_type);
    }
    if (dc->desc) {
        qemu_printf(", desc \"%s\"", dc->desc);
    }
    if (!dc->user_creatable) {
        qemu_printf(", no-user");
    }
    qemu_printf("\n");
}

static void qdev_print_category(GSList *classes, unsigned category, bool all)
{
    bool any = false;

    for (GSList *l = classes; l; l = l->next) {
        DeviceClass *dc = DEVICE_CLASS(l->data);

        if ((!all && !dc->user_creatable) || !qdev_in_category(dc, category)) {
            continue;
        }
        if (!any) {
            qemu_printf("%s%s devices:\n", category ? "\n" : "",
                   category < DEVICE_CATEGORY_MAX ? category_names[category] : "Uncategorized");
            any = true;
        }
        qdev_print_driver(dc);
    }
}

void qdev_print_all_drivers(bool all)
{
    g_autoptr(GSList) classes = object_class_get_list_sorted(TYPE_DEVICE, false);

    for (unsigned i = 0; i <= DEVICE_CATEGORY_MAX; i++) {
        qdev_print_category(classes, i, all);
    }
}

bool qdev_device_help(const char *driver, Error **errp)
{
    static const char *const internal[] = {
        "type", "realized", "hotpluggable", "hotplugged", "parent_bus", NULL,
    };
    ObjectClass *oc;

    if (!driver) {
        qdev_print_all_drivers(false);
        return true;
    }
    oc = object_class_by_name(driver);
    if (!oc || !object_class_dynamic_cast(oc, TYPE_DEVICE)) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_DEVICE, driver);

        error_setg(errp, "Device '%s' not found%s", driver, why);
        return false;
    }
    if (!qdev_get_device_class(driver, errp)) {
        return false;
    }
    object_print_property_help(driver, internal);
    return true;
}
