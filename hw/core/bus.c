/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buses: where devices sit, newest first. A bus is a child of the device that has it (or of none:
 * the system's, and those of tests) and goes with it, after its own devices. A device and its bus
 * hold each other from qdev_set_parent_bus() until the device leaves.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/core/qdev.h"

/* Devices on a bus. */

static char *bus_child_property(const BusChild *kid)
{
    return g_strdup_printf("child[%d]", kid->index);
}

static void bus_add_child(BusState *bus, DeviceState *dev)
{
    BusChild *kid = g_new0(BusChild, 1);
    g_autofree char *name = NULL;

    kid->index = bus->max_index++;
    kid->child = DEVICE(object_ref(dev));
    QTAILQ_INSERT_HEAD(&bus->children, kid, sibling);
    bus->num_children++;
    name = bus_child_property(kid);
    object_property_add_link(OBJECT(bus), name, object_get_typename(OBJECT(dev)),
                             (Object **)&kid->child, NULL, 0);
}

static void bus_remove_child(BusState *bus, DeviceState *dev)
{
    BusChild *kid;

    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        if (kid->child == dev) {
            g_autofree char *name = bus_child_property(kid);

            object_property_del(OBJECT(bus), name);
            QTAILQ_REMOVE(&bus->children, kid, sibling);
            bus->num_children--;
            g_free(kid);
            object_unref(dev);
            return;
        }
    }
}

static bool bus_accepts(BusState *bus, DeviceState *dev, Error **errp)
{
    BusClass *bc = BUS_GET_CLASS(bus);
    const char *bus_type = DEVICE_GET_CLASS(dev)->bus_type;

    assert(bus_type && object_dynamic_cast(OBJECT(bus), bus_type));
    return !bc->check_address || bc->check_address(bus, dev, errp);
}

/* @bus NULL: off its bus. The caller, or the tree, has a reference to @dev. */
bool qdev_set_parent_bus(DeviceState *dev, BusState *bus, Error **errp)
{
    BusState *old = dev->parent_bus;

    if (bus == old) {
        return true;
    }
    if (bus && !bus_accepts(bus, dev, errp)) {
        return false;
    }
    if (old) {
        dev->parent_bus = NULL;
        bus_remove_child(old, dev);
    }
    if (bus) {
        dev->parent_bus = BUS(object_ref(bus));
        bus_add_child(bus, dev);
    }
    if (dev->realized) {
        resettable_change_parent(OBJECT(dev), OBJECT(bus), OBJECT(old));
    }
    if (old) {
        object_unref(old);
    }
    return true;
}

/* Life. */

static char *bus_default_name(BusState *bus)
{
    BusClass *bc = BUS_GET_CLASS(bus);
    g_autofree char *type = NULL;

    if (bus->parent && bus->parent->id) {
        return g_strdup_printf("%s.%d", bus->parent->id, bus->parent->num_child_bus);
    }
    type = g_ascii_strdown(object_get_typename(OBJECT(bus)), -1);
    return g_strdup_printf("%s.%d", type, bc->automatic_ids++);
}

/* A user's id may have given the bus a name that is a property of the device: "bus[N]" then. */
static void bus_attach(BusState *bus, DeviceState *parent)
{
    const char *name = object_property_find(OBJECT(parent), bus->name) ? "bus[*]" : bus->name;

    QLIST_INSERT_HEAD(&parent->child_bus, bus, sibling);
    parent->num_child_bus++;
    object_property_add_child(OBJECT(parent), name, OBJECT(bus));
    object_unref(bus);
}

static void bus_set_up(BusState *bus, DeviceState *parent, const char *name)
{
    bus->parent = parent;
    bus->name = name ? g_strdup(name) : bus_default_name(bus);
    if (parent) {
        bus_attach(bus, parent);
    }
}

void qbus_init(void *bus, size_t size, const char *type_name, DeviceState *parent,
               const char *name)
{
    object_initialize(bus, size, type_name);
    bus_set_up(bus, parent, name);
}

BusState *qbus_new(const char *type_name, DeviceState *parent, const char *name)
{
    BusState *bus = BUS(object_new(type_name));

    bus_set_up(bus, parent, name);
    return bus;
}

bool qbus_realize(BusState *bus, Error **errp)
{
    BusClass *bc = BUS_GET_CLASS(bus);
    Error *err = NULL;

    if (bus->realized) {
        return true;
    }
    if (bc->realize) {
        bc->realize(bus, &err);
        if (err) {
            error_propagate(errp, err);
            return false;
        }
    }
    bus->realized = true;
    return true;
}

static DeviceState *bus_find_realized_child(BusState *bus)
{
    BusChild *kid;

    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        if (kid->child->realized) {
            return kid->child;
        }
    }
    return NULL;
}

/* Its devices first. A device may take others along, so each round looks anew. */
void qbus_unrealize(BusState *bus)
{
    BusClass *bc = BUS_GET_CLASS(bus);
    DeviceState *dev;

    while ((dev = bus_find_realized_child(bus))) {
        qdev_unrealize(dev);
    }
    if (!bus->realized) {
        return;
    }
    bus->realized = false;
    if (bc->unrealize) {
        bc->unrealize(bus);
    }
}

/* Hotplug, room. */

void qbus_set_hotplug_handler(BusState *bus, Object *handler)
{
    bus->hotplug_handler = handler ? HOTPLUG_HANDLER(handler) : NULL;
}

void qbus_set_bus_hotplug_handler(BusState *bus)
{
    qbus_set_hotplug_handler(bus, OBJECT(bus));
}

bool qbus_is_hotpluggable(BusState *bus)
{
    HotplugHandlerClass *hc;

    if (!bus->hotplug_handler) {
        return false;
    }
    hc = HOTPLUG_HANDLER_GET_CLASS(bus->hotplug_handler);
    return !hc->is_hotpluggable_bus || hc->is_hotpluggable_bus(bus->hotplug_handler, bus);
}

bool qbus_is_full(BusState *bus)
{
    int max_dev = BUS_GET_CLASS(bus)->max_dev;

    return bus->full || (max_dev && bus->num_children >= max_dev);
}

/* Walking. */

int qbus_walk_children(BusState *bus, qdev_walkerfn *pre_devfn, qbus_walkerfn *pre_busfn,
                       qdev_walkerfn *post_devfn, qbus_walkerfn *post_busfn, void *opaque)
{
    BusChild *kid;
    int ret;

    ret = pre_busfn ? pre_busfn(bus, opaque) : 0;
    if (ret) {
        return ret;
    }
    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        ret = qdev_walk_children(kid->child, pre_devfn, pre_busfn, post_devfn, post_busfn,
                                 opaque);
        if (ret < 0) {
            return ret;
        }
    }
    return post_busfn ? post_busfn(bus, opaque) : 0;
}

DeviceState *qdev_find_recursive(BusState *bus, const char *id)
{
    BusChild *kid;
    BusState *child;
    DeviceState *found;

    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        if (kid->child->id && g_str_equal(kid->child->id, id)) {
            return kid->child;
        }
        QLIST_FOREACH(child, &kid->child->child_bus, sibling) {
            found = qdev_find_recursive(child, id);
            if (found) {
                return found;
            }
        }
    }
    return NULL;
}

/* Reset: a bus' children are the realized devices on it. */

void bus_cold_reset(BusState *bus)
{
    resettable_reset(OBJECT(bus), RESET_TYPE_COLD);
}

static ResettableState *bus_get_reset_state(Object *obj)
{
    return &BUS(obj)->reset;
}

/* A phase may take devices away (a pending unplug ends): walk a copy, skip those that have left. */
static void bus_reset_child_foreach(Object *obj, ResettableChildCallback cb, void *opaque,
                                    ResetType type)
{
    BusState *bus = BUS(obj);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func(object_unref);
    BusChild *kid;

    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        g_ptr_array_add(devices, object_ref(kid->child));
    }
    for (guint i = 0; i < devices->len; i++) {
        DeviceState *dev = g_ptr_array_index(devices, i);

        if (dev->parent_bus == bus && dev->realized) {
            cb(OBJECT(dev), opaque, type);
        }
    }
}

/* The type. */

static bool bus_get_realized(Object *obj, Error **errp)
{
    return BUS(obj)->realized;
}

/* Leaves its device. Its own devices go with it; those outside the tree just lose their bus. */
static void bus_unparent(Object *obj)
{
    BusState *bus = BUS(obj);
    DeviceState *parent = bus->parent;

    qbus_unrealize(bus);
    while (!QTAILQ_EMPTY(&bus->children)) {
        DeviceState *dev = DEVICE(object_ref(QTAILQ_FIRST(&bus->children)->child));

        object_unparent(OBJECT(dev));
        qdev_set_parent_bus(dev, NULL, &error_abort);
        object_unref(dev);
    }
    if (parent) {
        QLIST_REMOVE(bus, sibling);
        parent->num_child_bus--;
        bus->parent = NULL;
    }
}

static void bus_init(Object *obj)
{
    QTAILQ_INIT(&BUS(obj)->children);
}

static void bus_finalize(Object *obj)
{
    BusState *bus = BUS(obj);

    assert(QTAILQ_EMPTY(&bus->children));
    g_free(bus->name);
}

static void bus_class_init(ObjectClass *klass, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    klass->unparent = bus_unparent;
    rc->get_state = bus_get_reset_state;
    rc->child_foreach = bus_reset_child_foreach;

    object_class_property_add_link(klass, "hotplug-handler", TYPE_HOTPLUG_HANDLER,
                                   offsetof(BusState, hotplug_handler), NULL, 0);
    object_class_property_add_bool(klass, "realized", bus_get_realized, NULL);
}

static const TypeInfo bus_types[] = {
    {
        .name = TYPE_BUS,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(BusState),
        .instance_init = bus_init,
        .instance_finalize = bus_finalize,
        .abstract = true,
        .class_size = sizeof(BusClass),
        .class_init = bus_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RESETTABLE_INTERFACE }, { } },
    },
};

DEFINE_TYPES(bus_types)
