/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -device, device_add, device_del: a device from a user's description.
 */
#ifndef HW_CORE_QDEV_MONITOR_H
#define HW_CORE_QDEV_MONITOR_H

#include "hw/core/qdev.h"

/*
 * Makes and realizes what @opts describes ("driver", "bus", "id", then properties); borrowed.
 * @keyval: leaves are strings to be parsed. The result is referenced by the tree only for a user's
 * device; the caller gets a reference of its own. NULL with @errp.
 */
DeviceState *qdev_device_add_from_json(json_t *opts, bool keyval, Error **errp);
/* -device help, -device X,help by qemu_printf(); false: no such driver (reported by @errp). */
bool qdev_device_help(const char *driver, Error **errp);
/* All drivers by category; @all: those too that no user can make. */
void qdev_print_all_drivers(bool all);
/* By id or QOM path. */
DeviceState *find_device_state(const char *id, Error **errp);
/* device_del. */
void qdev_device_del(const char *id, Error **errp);

#endif /* HW_CORE_QDEV_MONITOR_H */
