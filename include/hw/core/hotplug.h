/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hotplug handlers: who decides whether a device may be plugged (or unplugged) and wires it up.
 * Found by the bus, or by MachineClass::get_hotplug_handler. Also used at cold plug.
 */
#ifndef HW_CORE_HOTPLUG_H
#define HW_CORE_HOTPLUG_H

#include "qom/object.h"

#define TYPE_HOTPLUG_HANDLER "hotplug-handler"
typedef struct HotplugHandlerClass HotplugHandlerClass;
DECLARE_CLASS_CHECKERS(HotplugHandlerClass, HOTPLUG_HANDLER, TYPE_HOTPLUG_HANDLER)
#define HOTPLUG_HANDLER(obj) INTERFACE_CHECK(HotplugHandler, (obj), TYPE_HOTPLUG_HANDLER)

typedef void (*hotplug_fn)(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp);

struct HotplugHandlerClass {
    InterfaceClass parent;

    hotplug_fn pre_plug;        /* before realize: refuse, or reserve */
    hotplug_fn plug;            /* after realize; cannot fail where pre_plug said yes */
    hotplug_fn unplug_request;  /* asynchronous: asks the guest; unplug comes later */
    hotplug_fn unplug;          /* takes it away now */
    /* Whether the device may be (un)plugged on a running machine, over what its class says. */
    bool (*is_hotpluggable_bus)(HotplugHandler *plug_handler, BusState *bus);
};

void hotplug_handler_pre_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev,
                              Error **errp);
void hotplug_handler_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp);
void hotplug_handler_unplug_request(HotplugHandler *plug_handler, DeviceState *plugged_dev,
                                    Error **errp);
void hotplug_handler_unplug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp);

#endif /* HW_CORE_HOTPLUG_H */
