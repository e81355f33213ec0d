/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hotplug handlers: the calls of the interface; a method that is not there has nothing to do. */
#include "qemu/osdep.h"
#include "hw/core/hotplug.h"

void hotplug_handler_pre_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev,
                              Error **errp)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_GET_CLASS(plug_handler);

    if (hc->pre_plug) {
        hc->pre_plug(plug_handler, plugged_dev, errp);
    }
}

void hotplug_handler_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_GET_CLASS(plug_handler);

    if (hc->plug) {
        hc->plug(plug_handler, plugged_dev, errp);
    }
}

void hotplug_handler_unplug_request(HotplugHandler *plug_handler, DeviceState *plugged_dev,
                                    Error **errp)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_GET_CLASS(plug_handler);

    if (hc->unplug_request) {
        hc->unplug_request(plug_handler, plugged_dev, errp);
    }
}

void hotplug_handler_unplug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_GET_CLASS(plug_handler);

    if (hc->unplug) {
        hc->unplug(plug_handler, plugged_dev, errp);
    }
}

static const TypeInfo hotplug_types[] = {
    {
        .name = TYPE_HOTPLUG_HANDLER,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(HotplugHandlerClass),
    },
};

DEFINE_TYPES(hotplug_types)
