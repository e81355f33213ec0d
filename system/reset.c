/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system reset: one resettable container of everything registered, reset as a whole, so that
 * all enter phases precede all hold phases. A plain function is wrapped into an object whose hold
 * phase calls it.
 */
#include "qemu/osdep.h"

#include "system/reset.h"

#define TYPE_RESET_FUNCTION "reset-function"
OBJECT_DECLARE_SIMPLE_TYPE(ResetFunction, RESET_FUNCTION)

struct ResetFunction {
    Object parent_obj;

    ResettableState reset;
    QEMUResetHandler *func;
    void *opaque;
    bool skip_on_snapshot_load;
};

static ResettableContainer *reset_root;
static GPtrArray *reset_functions;      /* each with the reference that the container borrows */

static ResettableContainer *get_reset_root(void)
{
    if (!reset_root) {
        reset_root = RESETTABLE_CONTAINER(object_new(TYPE_RESETTABLE_CONTAINER));
        reset_functions = g_ptr_array_new();
    }
    return reset_root;
}

void qemu_register_resettable(Object *obj)
{
    resettable_container_add(get_reset_root(), obj);
}

void qemu_unregister_resettable(Object *obj)
{
    resettable_container_remove(get_reset_root(), obj);
}

static void register_function(QEMUResetHandler *func, void *opaque, bool skip_on_snapshot_load)
{
    ResetFunction *rf = RESET_FUNCTION(object_new(TYPE_RESET_FUNCTION));

    rf->func = func;
    rf->opaque = opaque;
    rf->skip_on_snapshot_load = skip_on_snapshot_load;
    qemu_register_resettable(OBJECT(rf));
    g_ptr_array_add(reset_functions, rf);
}

void qemu_register_reset(QEMUResetHandler *func, void *opaque)
{
    register_function(func, opaque, false);
}

void qemu_register_reset_nosnapshotload(QEMUResetHandler *func, void *opaque)
{
    register_function(func, opaque, true);
}

void qemu_unregister_reset(QEMUResetHandler *func, void *opaque)
{
    get_reset_root();
    for (unsigned i = 0; i < reset_functions->len; i++) {
        ResetFunction *rf = reset_functions->pdata[i];

        if (rf->func == func && rf->opaque == opaque) {
            g_ptr_array_remove_index(reset_functions, i);
            qemu_unregister_resettable(OBJECT(rf));
            object_unref(rf);
            return;
        }
    }
}

void qemu_devices_reset(ResetType type)
{
    resettable_reset(OBJECT(get_reset_root()), type);
}

static ResettableState *reset_function_get_state(Object *obj)
{
    return &RESET_FUNCTION(obj)->reset;
}

static void reset_function_hold(Object *obj, ResetType type)
{
    ResetFunction *rf = RESET_FUNCTION(obj);

    if (type == RESET_TYPE_SNAPSHOT_LOAD && rf->skip_on_snapshot_load) {
        return;
    }
    rf->func(rf->opaque);
}

static void reset_function_class_init(ObjectClass *oc, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    rc->get_state = reset_function_get_state;
    rc->phases.hold = reset_function_hold;
}

static const TypeInfo reset_types[] = {
    {
        .name = TYPE_RESET_FUNCTION,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(ResetFunction),
        .class_init = reset_function_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RESETTABLE_INTERFACE }, { } },
    },
};
DEFINE_TYPES(reset_types)
