/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator "tcg", where QEMU translates guest code. This program cannot: the accelerator
 * is the end of lists like "kvm:tcg", so that a host without KVM can still be asked what there
 * is. A machine without CPUs starts; one with CPUs is made, and refuses to run them.
 */
#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include "qapi/error.h"
#include "system/accel.h"

static bool tcg_accel_check_runnable(AccelState *as, Error **errp)
{
    if (!first_cpu) {
        return true;
    }
    error_setg(errp, "accelerator tcg cannot run CPUs here: this program does not translate guest "
               "code; use -accel kvm (with -S nothing is run)");
    return false;
}

static void tcg_accel_class_init(ObjectClass *oc, const void *data)
{
    AccelClass *ac = ACCEL_CLASS(oc);

    ac->name = "tcg";
    ac->runs_vcpus = true;
    ac->check_runnable = tcg_accel_check_runnable;
}

static const TypeInfo tcg_accel_types[] = {
    {
        .name = ACCEL_CLASS_NAME("tcg"),
        .parent = TYPE_ACCEL,
        .class_init = tcg_accel_class_init,
    },
};
DEFINE_TYPES(tcg_accel_types)
