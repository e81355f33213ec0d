/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices and buses. A device is an object that is configured by properties, then realized once
 * (validation, wiring), and unrealized before it goes; it sits on a bus or on none, may have child
 * buses, and GPIO lines in and out. Realizing a device outside the QOM tree gives it a place in
 * /machine/unattached. All under the big lock.
 */
#ifndef HW_CORE_QDEV_H
#define HW_CORE_QDEV_H

#include "hw/core/hotplug.h"
#include "hw/core/irq.h"
#include "hw/core/resettable.h"
#include "qemu/bitmap.h"
#include "qemu/queue.h"
#include "qom/object.h"

enum { DEV_NVECTORS_UNSPECIFIED = -1 };

#define TYPE_DEVICE "device"
OBJECT_DECLARE_TYPE(DeviceState, DeviceClass, DEVICE)

typedef enum DeviceCategory {
    DEVICE_CATEGORY_BRIDGE,
    DEVICE_CATEGORY_USB,
    DEVICE_CATEGORY_STORAGE,
    DEVICE_CATEGORY_NETWORK,
    DEVICE_CATEGORY_INPUT,
    DEVICE_CATEGORY_DISPLAY,
    DEVICE_CATEGORY_SOUND,
    DEVICE_CATEGORY_MISC,
    DEVICE_CATEGORY_CPU,
    DEVICE_CATEGORY_WATCHDOG,
    DEVICE_CATEGORY_MAX
} DeviceCategory;

typedef void (*DeviceRealize)(DeviceState *dev, Error **errp);
typedef void (*DeviceUnrealize)(DeviceState *dev);
typedef void (*DeviceSyncConfig)(DeviceState *dev, Error **errp);
struct VMStateDescription;

struct DeviceClass {
    ObjectClass parent_class;

    DECLARE_BITMAP(categories, DEVICE_CATEGORY_MAX);
    const char *fw_name;
    const char *desc;           /* one line for -device help */
    const Property *props_;     /* use device_class_set_props() */
    uint16_t props_count_;
    bool user_creatable;        /* by -device and device_add */
    bool hotpluggable;
    DeviceRealize realize;
    DeviceUnrealize unrealize;
    const struct VMStateDescription *vmsd;
    const char *bus_type;       /* it must sit on such a bus; NULL: none */
};

typedef struct NamedGPIOList NamedGPIOList;
struct NamedGPIOList {
    char *name;                 /* NULL: the unnamed lines */
    qemu_irq *in;
    int num_in;
    int num_out;
    qemu_irq **outs;            /* where the device keeps its outputs */
    bool intercepted_out;
    QLIST_ENTRY(NamedGPIOList) node;
};

struct DeviceState {
    Object parent_obj;

    char *id;                   /* as the user named it, else NULL */
    char *canonical_path;       /* from realize to unrealize */
    bool realized;
    bool pending_deleted_event;
    int64_t pending_deleted_expires_ms;   /* virtual time from which it may be asked for again */
    int hotplugged;             /* 1: plugged after the machine was ready */
    bool allow_unplug_during_migration;
    BusState *parent_bus;
    QLIST_HEAD(, NamedGPIOList) gpios;
    QLIST_HEAD(, BusState) child_bus;
    int num_child_bus;
    int instance_id_alias;
    int alias_required_for_version;
    ResettableState reset;
    json_t *opts;               /* what -device was given, for messages; may be NULL */
};

#define TYPE_BUS "bus"
DECLARE_OBJ_CHECKERS(BusState, BusClass, BUS, TYPE_BUS)

struct BusClass {
    ObjectClass parent_class;

    char *(*get_dev_path)(DeviceState *dev);
    char *(*get_fw_dev_path)(DeviceState *dev);
    /* Refuse @dev (its properties are set, it is not realized). */
    bool (*check_address)(BusState *bus, DeviceState *dev, Error **errp);
    void (*realize)(BusState *bus, Error **errp);
    void (*unrealize)(BusState *bus);
    int max_dev;                /* 0: no limit */
    int automatic_ids;          /* for default names: count of buses of this class made */
};

typedef struct BusChild BusChild;
struct BusChild {
    DeviceState *child;         /* referenced */
    int index;
    QTAILQ_ENTRY(BusChild) sibling;
};

struct BusState {
    Object parent_obj;

    DeviceState *parent;
    char *name;
    HotplugHandler *hotplug_handler;
    int max_index;
    bool realized;
    bool full;
    int num_children;
    QTAILQ_HEAD(, BusChild) children;   /* newest first */
    QLIST_ENTRY(BusState) sibling;
    ResettableState reset;
};

/* Declares a property; see hw/core/qdev-properties.h for the macros that fill it. */
typedef struct PropertyInfo PropertyInfo;
struct Property {
    const char *name;
    const PropertyInfo *info;
    ptrdiff_t offset;
    const char *link_type;
    uint64_t bitmask;
    union {
        int64_t i;
        uint64_t u;
    } defval;
    const PropertyInfo *arrayinfo;
    int arrayoffset;
    int arrayfieldsize;
    uint8_t bitnr;
    bool set_default;
};

struct PropertyInfo {
    const char *type;           /* as in "foo=<type>" */
    const char *description;
    const QEnumLookup *enum_table;
    bool realized_set_allowed;
    ObjectPropertyAccessor *get;
    ObjectPropertyAccessor *set;
    ObjectPropertyRelease *release;
    /* Sets the default on a fresh object. */
    void (*set_default_value)(ObjectProperty *op, const Property *prop);
    /* Registers in the class by itself instead of get/set. */
    ObjectProperty *(*create)(ObjectClass *oc, const char *name, const Property *prop);
};

/* Class registration. */
void device_class_set_props_n(DeviceClass *dc, const Property *props, size_t n);
#define device_class_set_props(dc, props) device_class_set_props_n((dc), (props), ARRAY_SIZE(props))
void device_class_set_parent_realize(DeviceClass *dc, DeviceRealize dev_realize,
                                     DeviceRealize *parent_realize);
void device_class_set_parent_unrealize(DeviceClass *dc, DeviceUnrealize dev_unrealize,
                                       DeviceUnrealize *parent_unrealize);

/* Life. qdev_new asserts that the type exists; the result has one reference, the caller's. */
DeviceState *qdev_new(const char *name);
/* The same or NULL for an unknown type. */
DeviceState *qdev_try_new(const char *name);
/* Puts @dev on @bus (NULL: none) and realizes it; undone on failure. */
bool qdev_realize(DeviceState *dev, BusState *bus, Error **errp);
/* The same, and gives the caller's reference to the tree (in both cases it is dropped). */
bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, Error **errp);
void qdev_unrealize(DeviceState *dev);
static inline bool qdev_is_realized(DeviceState *dev) { return dev->realized; }
bool qdev_set_parent_bus(DeviceState *dev, BusState *bus, Error **errp);
BusState *qdev_get_parent_bus(const DeviceState *dev);
const char *qdev_fw_name(DeviceState *dev);
char *qdev_get_dev_path(DeviceState *dev);
/* Its "/machine/peripheral/ID" (or peripheral-anon) name; @id is taken over. False: duplicate. */
bool qdev_set_id(DeviceState *dev, char *id, Error **errp);
/* Name for messages: the id, else the type. Never NULL. */
const char *qdev_get_printable_name(DeviceState *dev);
bool device_is_in_reset(DeviceState *dev);
void device_cold_reset(DeviceState *dev);
void bus_cold_reset(BusState *bus);

/* Hotplug. */
bool qdev_hotplug_allowed(DeviceState *dev, BusState *bus, Error **errp);
bool qdev_hotunplug_allowed(DeviceState *dev, Error **errp);
HotplugHandler *qdev_get_machine_hotplug_handler(DeviceState *dev);
HotplugHandler *qdev_get_bus_hotplug_handler(DeviceState *dev);
HotplugHandler *qdev_get_hotplug_handler(DeviceState *dev);
void qdev_unplug(DeviceState *dev, Error **errp);
/* For an unplug_request method: the guest is asked, and not again for @ms of virtual time. */
void qdev_unplug_pending(DeviceState *dev, int64_t ms);
/* A hotplug handler's unplug method for devices that just go away. */
void qdev_simple_device_unplug_cb(HotplugHandler *hotplug_dev, DeviceState *dev, Error **errp);

/* GPIO lines. The unnamed ones have name NULL. Inputs first made are numbered first. */
qemu_irq qdev_get_gpio_in(DeviceState *dev, int n);
qemu_irq qdev_get_gpio_in_named(DeviceState *dev, const char *name, int n);
void qdev_connect_gpio_out(DeviceState *dev, int n, qemu_irq pin);
void qdev_connect_gpio_out_named(DeviceState *dev, const char *name, int n, qemu_irq input_pin);
qemu_irq qdev_get_gpio_out_connector(DeviceState *dev, const char *name, int n);
/* Replaces what output @n drives by @icpt; returns the old destination. */
qemu_irq qdev_intercept_gpio_out(DeviceState *dev, qemu_irq icpt, const char *name, int n);
void qdev_init_gpio_in(DeviceState *dev, qemu_irq_handler handler, int n);
void qdev_init_gpio_in_named(DeviceState *dev, qemu_irq_handler handler, const char *name, int n);
void qdev_init_gpio_in_named_with_opaque(DeviceState *dev, qemu_irq_handler handler, void *opaque,
                                         const char *name, int n);
void qdev_init_gpio_out(DeviceState *dev, qemu_irq *pins, int n);
void qdev_init_gpio_out_named(DeviceState *dev, qemu_irq *pins, const char *name, int n);
void qdev_pass_gpios(DeviceState *dev, DeviceState *container, const char *name);
/* The list of lines named @name (made if absent), for interception. */
NamedGPIOList *qdev_get_named_gpio_list(DeviceState *dev, const char *name);

/* Buses. @name NULL: "<parent id>.<n>" or "<type>.<n>". */
void qbus_init(void *bus, size_t size, const char *type_name, DeviceState *parent,
               const char *name);
BusState *qbus_new(const char *type_name, DeviceState *parent, const char *name);
bool qbus_realize(BusState *bus, Error **errp);
void qbus_unrealize(BusState *bus);
BusState *qdev_get_child_bus(DeviceState *dev, const char *name);
void qbus_set_hotplug_handler(BusState *bus, Object *handler);
void qbus_set_bus_hotplug_handler(BusState *bus);
bool qbus_is_hotpluggable(BusState *bus);
static inline void qbus_mark_full(BusState *bus) { bus->full = true; }
bool qbus_is_full(BusState *bus);
/* Depth-first over devices and buses below; a callback that returns non-zero stops (<0) the walk
 * or its descent (>0). Pre before, post after the children. */
typedef int (qbus_walkerfn)(BusState *bus, void *opaque);
typedef int (qdev_walkerfn)(DeviceState *dev, void *opaque);
int qbus_walk_children(BusState *bus, qdev_walkerfn *pre_devfn, qbus_walkerfn *pre_busfn,
                       qdev_walkerfn *post_devfn, qbus_walkerfn *post_busfn, void *opaque);
int qdev_walk_children(DeviceState *dev, qdev_walkerfn *pre_devfn, qbus_walkerfn *pre_busfn,
                       qdev_walkerfn *post_devfn, qbus_walkerfn *post_busfn, void *opaque);
DeviceState *qdev_find_recursive(BusState *bus, const char *id);
BusState *sysbus_get_default(void);

/* The machine, and how far its making has come. */
Object *qdev_get_machine(void);
/* /machine/@name; asserts that it is there. */
Object *machine_get_container(const char *name);

typedef enum MachineInitPhase {
    PHASE_NO_MACHINE,
    PHASE_MACHINE_CREATED,
    PHASE_ACCEL_CREATED,
    PHASE_LATE_BACKENDS_CREATED,
    PHASE_MACHINE_INITIALIZED,   /* board is there; -device are being made */
    PHASE_MACHINE_READY,         /* devices made from now on are hotplugged */
} MachineInitPhase;
bool phase_check(MachineInitPhase phase);
void phase_advance(MachineInitPhase phase);

/* Sent (QMP DEVICE_DELETED) when a user's device is gone; hook set by the monitor. */
void qdev_set_deleted_hook(void (*fn)(const char *id, const char *path));

#endif /* HW_CORE_QDEV_H */
