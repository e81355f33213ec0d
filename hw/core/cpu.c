/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The abstract CPU and the list of those that exist. A CPU enters the list when it is realized and
 * leaves it when it is unrealized (or, at the latest, finalized).
 */
#include "qemu/osdep.h"

#include "hw/core/cpu.h"
#include "hw/core/cpu-models.h"
#include "qapi/error.h"

CPUTailQ cpus_queue = QTAILQ_HEAD_INITIALIZER(cpus_queue);
__thread CPUState *current_cpu;

/* ---- the list -------------------------------------------------------------------------------- */

static bool cpu_is_listed(const CPUState *cpu)
{
    CPUState *other;

    CPU_FOREACH(other) {
        if (other == cpu) {
            return true;
        }
    }
    return false;
}

static int cpu_next_free_index(void)
{
    CPUState *cpu;
    int index = 0;

    CPU_FOREACH(cpu) {
        index = MAX(index, cpu->cpu_index + 1);
    }
    return index;
}

void cpu_list_add(CPUState *cpu)
{
    if (cpu->cpu_index == UNASSIGNED_CPU_INDEX) {
        cpu->cpu_index = cpu_next_free_index();
    }
    QTAILQ_INSERT_TAIL(&cpus_queue, cpu, node);
}

void cpu_list_remove(CPUState *cpu)
{
    if (cpu_is_listed(cpu)) {
        QTAILQ_REMOVE(&cpus_queue, cpu, node);
    }
}

CPUState *qemu_get_cpu(int index)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        if (cpu->cpu_index == index) {
            return cpu;
        }
    }
    return NULL;
}

CPUState *cpu_by_arch_id(int64_t id)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        if (CPU_GET_CLASS(cpu)->get_arch_id(cpu) == id) {
            return cpu;
        }
    }
    return NULL;
}

bool cpu_exists(int64_t id)
{
    return cpu_by_arch_id(id) != NULL;
}

void cpu_reset(CPUState *cpu)
{
    device_cold_reset(DEVICE(cpu));
}

/* ---- models --------------------------------------------------------------------------------- */

ObjectClass *cpu_class_by_name(const char *typename, const char *cpu_model)
{
    ObjectClass *oc = object_class_by_name(typename);
    CPUClass *cc = oc ? CPU_CLASS(oc) : NULL;

    return cc && cc->class_by_name ? cc->class_by_name(cpu_model) : NULL;
}

static const CPUModelOps *model_ops;

void cpu_models_register(const CPUModelOps *ops)
{
    model_ops = ops;
}

const CPUModelOps *cpu_models(void)
{
    return model_ops;
}

const char *parse_cpu_option(const char *cpu_option, Error **errp)
{
    return cpu_models()->parse_option(cpu_option, errp);
}

/* ---- the type ------------------------------------------------------------------------------- */

static int64_t cpu_common_get_arch_id(CPUState *cpu)
{
    return cpu->cpu_index;
}

static void cpu_common_realize(DeviceState *dev, Error **errp)
{
    cpu_list_add(CPU(dev));
}

static void cpu_common_unrealize(DeviceState *dev)
{
    cpu_list_remove(CPU(dev));
}

static void cpu_common_reset_hold(Object *obj, ResetType type)
{
    CPUState *cpu = CPU(obj);

    cpu->halted = cpu->start_powered_off;
}

static void cpu_common_init(Object *obj)
{
    CPUState *cpu = CPU(obj);

    cpu->cpu_index = UNASSIGNED_CPU_INDEX;
}

static void cpu_common_finalize(Object *obj)
{
    CPUState *cpu = CPU(obj);

    cpu_list_remove(cpu);
}

static void cpu_common_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    CPU_CLASS(oc)->get_arch_id = cpu_common_get_arch_id;
    dc->realize = cpu_common_realize;
    dc->unrealize = cpu_common_unrealize;
    /* CPUs are made by the board; none can be plugged. */
    dc->user_creatable = false;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_CPU, dc->categories);
    RESETTABLE_CLASS(oc)->phases.hold = cpu_common_reset_hold;
}

static const TypeInfo cpu_types[] = {
    {
        .name = TYPE_CPU,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(CPUState),
        .instance_init = cpu_common_init,
        .instance_finalize = cpu_common_finalize,
        .abstract = true,
        .class_size = sizeof(CPUClass),
        .class_init = cpu_common_class_init,
    },
};
DEFINE_TYPES(cpu_types)
