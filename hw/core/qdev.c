/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices: configured by properties, realized once, unrealized before they go. Everything that
 * realizing did is undone when a step of it fails, in reverse order. A device's place in the tree
 * holds it; its bus holds it too, and it holds its bus. Contract: include/hw/core/qdev.h.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "qemu/option.h"
#include "qemu/timer.h"
#include "system/memory.h"

/* The machine, and how far its making has come. */

static MachineInitPhase machine_phase;

bool phase_check(MachineInitPhase phase)
{
    return machine_phase >= phase;
}

void phase_advance(MachineInitPhase phase)
{
    assert(phase == machine_phase + 1);
    machine_phase = phase;
}

/* Unit tests run devices without a machine. */
static Object *qdev_find_machine(void)
{
    return object_resolve_path_component(object_get_root(), "machine");
}

Object *qdev_get_machine(void)
{
    Object *machine = qdev_find_machine();

    assert(machine);
    return machine;
}

Object *machine_get_container(const char *name)
{
    Object *container = object_resolve_path_component(qdev_get_machine(), name);

    assert(container);
    return container;
}

static void (*qdev_deleted_hook)(const char *id, const char *path);

void qdev_set_deleted_hook(void (*fn)(const char *id, const char *path))
{
    qdev_deleted_hook = fn;
}

/* Making a device, naming it. */

DeviceState *qdev_try_new(const char *name)
{
    ObjectClass *oc = object_class_by_name(name);

    if (!oc || !object_class_dynamic_cast(oc, TYPE_DEVICE) || object_class_is_abstract(oc)) {
        return NULL;
    }
    return DEVICE(object_new_with_class(oc));
}

DeviceState *qdev_new(const char *name)
{
    DeviceState *dev = qdev_try_new(name);

    assert(dev);
    return dev;
}

bool qdev_set_id(DeviceState *dev, char *id, Error **errp)
{
    g_autofree char *owned = id;
    Object *parent;

    assert(!dev->id && !dev->realized && !OBJECT(dev)->parent);
    if (!id) {
        object_property_add_child(machine_get_container("peripheral-anon"), "device[*]",
                                  OBJECT(dev));
        return true;
    }
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        return false;
    }
    parent = machine_get_container("peripheral");
    if (object_property_find(parent, id)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    dev->id = g_steal_pointer(&owned);
    object_property_add_child(parent, dev->id, OBJECT(dev));
    return true;
}

const char *qdev_get_printable_name(DeviceState *dev)
{
    return dev->id ? dev->id : object_get_typename(OBJECT(dev));
}

const char *qdev_fw_name(DeviceState *dev)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);

    return dc->fw_name ? dc->fw_name : object_get_typename(OBJECT(dev));
}

char *qdev_get_dev_path(DeviceState *dev)
{
    BusClass *bc;

    if (!dev->parent_bus) {
        return NULL;
    }
    bc = BUS_GET_CLASS(dev->parent_bus);
    return bc->get_dev_path ? bc->get_dev_path(dev) : NULL;
}

BusState *qdev_get_parent_bus(const DeviceState *dev)
{
    return dev->parent_bus;
}

/* Realize. */

static bool device_realize_child_buses(DeviceState *dev, Error **errp)
{
    BusState *bus;

    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        if (!qbus_realize(bus, errp)) {
            return false;
        }
    }
    return true;
}

static void device_unrealize_child_buses(DeviceState *dev)
{
    BusState *bus;

    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        qbus_unrealize(bus);
    }
}

/* The class' method and the buses below; on failure nothing of it is left. */
static bool device_realize_self(DeviceState *dev, Error **errp)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    Error *err = NULL;

    if (dc->realize) {
        dc->realize(dev, &err);
        if (err) {
            error_propagate(errp, err);
            return false;
        }
    }
    if (device_realize_child_buses(dev, errp)) {
        return true;
    }
    device_unrealize_child_buses(dev);
    if (dc->unrealize) {
        dc->unrealize(dev);
    }
    return false;
}

static void device_unrealize_self(DeviceState *dev)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);

    device_unrealize_child_buses(dev);
    if (dc->unrealize) {
        dc->unrealize(dev);
    }
}

/* What it makes of guest memory is there, or it is not realized. */
static bool device_realize_followed(DeviceState *dev, Error **errp)
{
    MemoryErrorScope scope;
    bool ok;

    memory_errors_begin(&scope);
    ok = device_realize_self(dev, errp);
    if (!memory_errors_end(&scope, ok ? errp : NULL) && ok) {
        device_unrealize_self(dev);
        ok = false;
    }
    return ok;
}

/* The part of realize that its hotplug handler frames. */
static bool device_realize_plugged(DeviceState *dev, Error **errp)
{
    HotplugHandler *handler = qdev_get_hotplug_handler(dev);
    Error *err = NULL;

    if (handler) {
        hotplug_handler_pre_plug(handler, dev, &err);
        if (err) {
            error_propagate(errp, err);
            return false;
        }
    }
    if (!device_realize_followed(dev, errp)) {
        return false;
    }
    if (handler) {
        hotplug_handler_plug(handler, dev, &err);
        if (err) {
            error_propagate(errp, err);
            device_unrealize_self(dev);
            return false;
        }
    }
    return true;
}

/* A device that comes later starts as after a reset, and joins one that its bus is in. */
static void device_reset_realized(DeviceState *dev)
{
    Object *obj = OBJECT(dev);

    if (dev->hotplugged) {
        resettable_assert_reset(obj, RESET_TYPE_COLD);
    }
    if (dev->parent_bus) {
        resettable_change_parent(obj, OBJECT(dev->parent_bus), NULL);
    }
    if (dev->hotplugged) {
        resettable_release_reset(obj, RESET_TYPE_COLD);
    }
}

/* True when it was put there now. */
static bool device_attach_to_tree(DeviceState *dev)
{
    if (OBJECT(dev)->parent || !qdev_find_machine()) {
        return false;
    }
    object_property_add_child(machine_get_container("unattached"), "device[*]", OBJECT(dev));
    return true;
}

static bool device_check_may_realize(DeviceState *dev, Error **errp)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);

    if (dev->hotplugged && !dc->hotpluggable) {
        error_setg(errp, "Device '%s' does not support hotplugging",
                   object_get_typename(OBJECT(dev)));
        return false;
    }
    if (dc->bus_type && !dev->parent_bus) {
        error_setg(errp, "Device '%s' needs a bus of type '%s'", qdev_get_printable_name(dev),
                   dc->bus_type);
        return false;
    }
    return true;
}

/* The caller holds a reference of its own, or the device is in the tree. */
static bool device_realize(DeviceState *dev, Error **errp)
{
    bool attached;

    if (!device_check_may_realize(dev, errp)) {
        return false;
    }
    attached = device_attach_to_tree(dev);
    g_free(dev->canonical_path);
    dev->canonical_path = object_get_canonical_path(OBJECT(dev));
    resettable_state_clear(&dev->reset);
    if (!device_realize_plugged(dev, errp)) {
        g_clear_pointer(&dev->canonical_path, g_free);
        if (attached) {
            object_unparent(OBJECT(dev));
        }
        return false;
    }
    dev->pending_deleted_event = false;
    dev->realized = true;
    device_reset_realized(dev);
    return true;
}

bool qdev_realize(DeviceState *dev, BusState *bus, Error **errp)
{
    assert(!dev->realized && !dev->parent_bus);
    if (bus && !qdev_set_parent_bus(dev, bus, errp)) {
        return false;
    }
    if (device_realize(dev, errp)) {
        return true;
    }
    qdev_set_parent_bus(dev, NULL, &error_abort);
    return false;
}

bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, Error **errp)
{
    bool ok = qdev_realize(dev, bus, errp);

    object_unref(OBJECT(dev));
    return ok;
}

/* Its path stays until it is gone: the event tells it. */
void qdev_unrealize(DeviceState *dev)
{
    if (!dev->realized) {
        return;
    }
    device_unrealize_self(dev);
    dev->realized = false;
    dev->pending_deleted_event = true;
}

/* Hotplug. */

HotplugHandler *qdev_get_machine_hotplug_handler(DeviceState *dev)
{
    Object *machine = qdev_find_machine();
    MachineClass *mc;

    if (!machine || !object_dynamic_cast(machine, TYPE_MACHINE)) {
        return NULL;
    }
    mc = MACHINE_GET_CLASS(machine);
    return mc->get_hotplug_handler ? mc->get_hotplug_handler(MACHINE(machine), dev) : NULL;
}

HotplugHandler *qdev_get_bus_hotplug_handler(DeviceState *dev)
{
    return dev->parent_bus ? dev->parent_bus->hotplug_handler : NULL;
}

HotplugHandler *qdev_get_hotplug_handler(DeviceState *dev)
{
    HotplugHandler *handler = qdev_get_machine_hotplug_handler(dev);

    return handler ? handler : qdev_get_bus_hotplug_handler(dev);
}

static bool qdev_check_hotpluggable(DeviceState *dev, BusState *bus, Error **errp)
{
    if (bus && !qbus_is_hotpluggable(bus)) {
        error_setg(errp, "Bus '%s' does not support hotplugging", bus->name);
        return false;
    }
    if (!DEVICE_GET_CLASS(dev)->hotpluggable) {
        error_setg(errp, "Device '%s' does not support hotplugging",
                   object_get_typename(OBJECT(dev)));
        return false;
    }
    return true;
}

bool qdev_hotplug_allowed(DeviceState *dev, BusState *bus, Error **errp)
{
    Object *machine = qdev_find_machine();
    MachineClass *mc;

    if (!qdev_check_hotpluggable(dev, bus, errp)) {
        return false;
    }
    if (!machine || !object_dynamic_cast(machine, TYPE_MACHINE)) {
        return true;
    }
    mc = MACHINE_GET_CLASS(machine);
    return !mc->hotplug_allowed || mc->hotplug_allowed(MACHINE(machine), dev, errp);
}

bool qdev_hotunplug_allowed(DeviceState *dev, Error **errp)
{
    return qdev_check_hotpluggable(dev, dev->parent_bus, errp);
}

/* Now, when nobody is to be asked. */
static void qdev_unplug_now(DeviceState *dev, HotplugHandler *handler, Error **errp)
{
    Error *err = NULL;

    hotplug_handler_unplug(handler, dev, &err);
    if (err) {
        error_propagate(errp, err);
        return;
    }
    object_unparent(OBJECT(dev));
}

void qdev_unplug_pending(DeviceState *dev, int64_t ms)
{
    dev->pending_deleted_event = true;
    dev->pending_deleted_expires_ms = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + ms;
}

void qdev_unplug(DeviceState *dev, Error **errp)
{
    HotplugHandler *handler;

    if (dev->pending_deleted_event &&
        qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) < dev->pending_deleted_expires_ms) {
        error_setg(errp, "Device %s is already in the process of unplug",
                   qdev_get_printable_name(dev));
        return;
    }
    if (!qdev_hotunplug_allowed(dev, errp)) {
        return;
    }
    handler = qdev_get_hotplug_handler(dev);
    if (!handler) {
        error_setg(errp, "Device '%s' can not be unplugged: nothing handles it",
                   qdev_get_printable_name(dev));
        return;
    }
    if (HOTPLUG_HANDLER_GET_CLASS(handler)->unplug_request) {
        hotplug_handler_unplug_request(handler, dev, errp);
    } else {
        qdev_unplug_now(dev, handler, errp);
    }
}

void qdev_simple_device_unplug_cb(HotplugHandler *hotplug_dev, DeviceState *dev, Error **errp)
{
    qdev_unrealize(dev);
}

/* Reset: a device's children are its buses. */

bool device_is_in_reset(DeviceState *dev)
{
    return resettable_is_in_reset(OBJECT(dev));
}

void device_cold_reset(DeviceState *dev)
{
    resettable_reset(OBJECT(dev), RESET_TYPE_COLD);
}

static ResettableState *device_get_reset_state(Object *obj)
{
    return &DEVICE(obj)->reset;
}

/* A phase may take buses away: walk a copy, and skip those that have left. */
static void device_reset_child_foreach(Object *obj, ResettableChildCallback cb, void *opaque,
                                       ResetType type)
{
    DeviceState *dev = DEVICE(obj);
    g_autoptr(GPtrArray) buses = g_ptr_array_new_with_free_func(object_unref);
    BusState *bus;

    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        g_ptr_array_add(buses, object_ref(bus));
    }
    for (guint i = 0; i < buses->len; i++) {
        bus = g_ptr_array_index(buses, i);
        if (bus->parent == dev) {
            cb(OBJECT(bus), opaque, type);
        }
    }
}

/* Walking. */

int qdev_walk_children(DeviceState *dev, qdev_walkerfn *pre_devfn, qbus_walkerfn *pre_busfn,
                       qdev_walkerfn *post_devfn, qbus_walkerfn *post_busfn, void *opaque)
{
    BusState *bus;
    int ret;

    ret = pre_devfn ? pre_devfn(dev, opaque) : 0;
    if (ret) {
        return ret;
    }
    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        ret = qbus_walk_children(bus, pre_devfn, pre_busfn, post_devfn, post_busfn, opaque);
        if (ret < 0) {
            return ret;
        }
    }
    return post_devfn ? post_devfn(dev, opaque) : 0;
}

BusState *qdev_get_child_bus(DeviceState *dev, const char *name)
{
    BusState *bus;

    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        if (g_str_equal(bus->name, name)) {
            return bus;
        }
    }
    return NULL;
}

/* The type. */

void device_class_set_parent_realize(DeviceClass *dc, DeviceRealize dev_realize,
                                     DeviceRealize *parent_realize)
{
    *parent_realize = dc->realize;
    dc->realize = dev_realize;
}

void device_class_set_parent_unrealize(DeviceClass *dc, DeviceUnrealize dev_unrealize,
                                       DeviceUnrealize *parent_unrealize)
{
    *parent_unrealize = dc->unrealize;
    dc->unrealize = dev_unrealize;
}

static bool device_get_realized(Object *obj, Error **errp)
{
    return DEVICE(obj)->realized;
}

/* Going away needs the hotplug handler's part too, hence device_del and not this. */
static void device_set_realized(Object *obj, bool value, Error **errp)
{
    DeviceState *dev = DEVICE(obj);

    if (value == dev->realized) {
        return;
    }
    if (!value) {
        error_setg(errp, "Device '%s' is realized until it is unplugged: use device_del",
                   qdev_get_printable_name(dev));
        return;
    }
    device_realize(dev, errp);
}

static bool device_get_hotpluggable(Object *obj, Error **errp)
{
    DeviceState *dev = DEVICE(obj);

    return DEVICE_GET_CLASS(dev)->hotpluggable &&
           (!dev->parent_bus || qbus_is_hotpluggable(dev->parent_bus));
}

static bool device_get_hotplugged(Object *obj, Error **errp)
{
    return DEVICE(obj)->hotplugged;
}

/* Leaves the tree: it must be off its bus, and its buses empty, before anybody can find it gone. */
static void device_unparent(Object *obj)
{
    DeviceState *dev = DEVICE(obj);

    qdev_unrealize(dev);
    while (!QLIST_EMPTY(&dev->child_bus)) {
        object_unparent(OBJECT(QLIST_FIRST(&dev->child_bus)));
    }
    qdev_set_parent_bus(dev, NULL, &error_abort);
}

static void device_init(Object *obj)
{
    DeviceState *dev = DEVICE(obj);

    dev->hotplugged = phase_check(PHASE_MACHINE_READY);
    dev->allow_unplug_during_migration = false;
    dev->instance_id_alias = -1;
    QLIST_INIT(&dev->gpios);
    QLIST_INIT(&dev->child_bus);
}

static void device_post_init(Object *obj)
{
    object_apply_compat_props(obj);
    qdev_prop_set_globals(DEVICE(obj));
}

static void device_finalize_gpios(DeviceState *dev)
{
    NamedGPIOList *list, *next;

    QLIST_FOREACH_SAFE(list, &dev->gpios, node, next) {
        QLIST_REMOVE(list, node);
        qemu_free_irqs(list->in, list->num_in);
        g_free(list->outs);
        g_free(list->name);
        g_free(list);
    }
}

static void device_finalize(Object *obj)
{
    DeviceState *dev = DEVICE(obj);

    assert(!dev->realized && !dev->parent_bus);
    device_finalize_gpios(dev);
    if (dev->pending_deleted_event && dev->canonical_path && qdev_deleted_hook) {
        qdev_deleted_hook(dev->id, dev->canonical_path);
    }
    g_free(dev->canonical_path);
    g_free(dev->id);
    json_decref(dev->opts);
}

/* A class starts as its parent's copy; the properties stay the parent's. */
static void device_class_base_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->props_ = NULL;
    dc->props_count_ = 0;
}

static void device_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    klass->unparent = device_unparent;
    dc->user_creatable = true;
    dc->hotpluggable = true;
    rc->get_state = device_get_reset_state;
    rc->child_foreach = device_reset_child_foreach;

    object_class_property_add_bool(klass, "realized", device_get_realized, device_set_realized);
    object_class_property_add_bool(klass, "hotpluggable", device_get_hotpluggable, NULL);
    object_class_property_add_bool(klass, "hotplugged", device_get_hotplugged, NULL);
    object_class_property_add_link(klass, "parent_bus", TYPE_BUS,
                                   offsetof(DeviceState, parent_bus), NULL, 0);
}

static const TypeInfo device_types[] = {
    {
        .name = TYPE_DEVICE,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(DeviceState),
        .instance_init = device_init,
        .instance_post_init = device_post_init,
        .instance_finalize = device_finalize,
        .abstract = true,
        .class_size = sizeof(DeviceClass),
        .class_init = device_class_init,
        .class_base_init = device_class_base_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RESETTABLE_INTERFACE }, { } },
    },
};

DEFINE_TYPES(device_types)
