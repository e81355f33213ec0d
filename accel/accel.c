/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The abstract type "accel" and which accelerator is in use. What accelerators do is in their own
 * folders; this file stands in the memory layer so that all hardware can ask for the current one.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "system/accel.h"

static AccelState *accel_in_use;

AccelState *current_accel(void)
{
    return accel_in_use;
}

AccelClass *current_accel_class(void)
{
    return accel_in_use ? ACCEL_GET_CLASS(accel_in_use) : NULL;
}

AccelClass *accel_find(const char *name)
{
    g_autofree char *type_name = g_strdup_printf(ACCEL_CLASS_NAME("%s"), name);
    ObjectClass *oc = object_class_by_name(type_name);

    if (!oc || object_class_is_abstract(oc)) {
        return NULL;
    }
    return (AccelClass *)object_class_dynamic_cast(oc, TYPE_ACCEL);
}

int accel_init_machine(AccelState *accel, MachineState *ms, Error **errp)
{
    AccelClass *ac = ACCEL_GET_CLASS(accel);
    int ret = ac->init_machine ? ac->init_machine(accel, ms, errp) : 0;

    if (ret < 0) {
        return ret;
    }
    object_ref(accel);
    accel_in_use = accel;
    return 0;
}

static bool accel_is(const char *name)
{
    return accel_in_use && !strcmp(ACCEL_GET_CLASS(accel_in_use)->name, name);
}

bool qtest_enabled(void)
{
    return accel_is("qtest");
}

bool kvm_enabled(void)
{
    return accel_is("kvm");
}

static const TypeInfo accel_types[] = {
    {
        .name = TYPE_ACCEL,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(AccelState),
        .class_size = sizeof(AccelClass),
        .abstract = true,
    },
};
DEFINE_TYPES(accel_types)
