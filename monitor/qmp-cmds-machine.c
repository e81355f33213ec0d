/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about what the machine is made of: accelerator, memory backends, CPUs and places. */
#include "qemu/osdep.h"

#include "hw/core/boards.h"
#include "hw/core/cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/util.h"
#include "qemu/target-info-qapi.h"
#include "qom/object_interfaces.h"
#include "system/accel.h"
#include "system/hostmem.h"
#include "system/runstate.h"

/* ---- the machine ---- */

/* "qtest" of "qtest-accel"; one that the schema does not know is a mistake of ours. */
static Accelerator accelerator_of(const AccelClass *ac)
{
    return qapi_enum_parse(&Accelerator_lookup, ac->name, -1, &error_abort);
}

AcceleratorInfo *qmp_query_accelerators(Error **errp)
{
    AcceleratorInfo *info = g_new0(AcceleratorInfo, 1);
    AcceleratorList **tail = &info->present;
    g_autoptr(GSList) classes = object_class_get_list_sorted(TYPE_ACCEL, false);

    info->enabled = accelerator_of(current_accel_class());
    for (GSList *l = classes; l; l = l->next) {
        QAPI_LIST_APPEND(tail, accelerator_of(ACCEL_CLASS(l->data)));
    }
    return info;
}

CurrentMachineParams *qmp_query_current_machine(Error **errp)
{
    CurrentMachineParams *params = g_new0(CurrentMachineParams, 1);

    params->wakeup_suspend_support = qemu_wakeup_suspend_enabled();
    return params;
}

/* ---- memory backends ---- */

static uint16List *host_nodes_new(const HostMemoryBackend *backend)
{
    uint16List *list = NULL;

    for (int i = HOSTMEM_MAX_NODES - 1; i >= 0; i--) {
        if (backend->host_nodes[i / 64] >> (i % 64) & 1) {
            QAPI_LIST_PREPEND(list, i);
        }
    }
    return list;
}

static Memdev *memdev_new(HostMemoryBackend *backend)
{
    Memdev *m = g_new0(Memdev, 1);

    m->id = g_strdup(object_get_canonical_path_component(OBJECT(backend)));
    m->size = backend->size;
    m->merge = backend->merge;
    m->dump = backend->dump;
    m->prealloc = backend->prealloc;
    m->share = backend->share;
    m->has_reserve = true;
    m->reserve = backend->reserve;
    m->policy = backend->policy;
    m->host_nodes = host_nodes_new(backend);
    return m;
}

static int add_memdev(Object *obj, void *opaque)
{
    MemdevList **list = opaque;

    if (object_dynamic_cast(obj, TYPE_MEMORY_BACKEND)) {
        QAPI_LIST_PREPEND(*list, memdev_new(MEMORY_BACKEND(obj)));
    }
    return 0;
}

MemdevList *qmp_query_memdev(Error **errp)
{
    MemdevList *list = NULL;

    object_child_foreach(object_get_objects_root(), add_memdev, &list);
    return list;
}

/* ---- CPUs ---- */

static HotpluggableCPU *cpu_place_new(const MachineState *ms, const CPUArchId *slot)
{
    HotpluggableCPU *place = g_new0(HotpluggableCPU, 1);

    place->type = g_strdup(ms->cpu_type);
    place->vcpus_count = 1;
    place->props = g_memdup2(&slot->props, sizeof(slot->props));
    place->qom_path = slot->cpu ? object_get_canonical_path(OBJECT(slot->cpu)) : NULL;
    return place;
}

HotpluggableCPUList *qmp_query_hotpluggable_cpus(Error **errp)
{
    const CPUArchIdList *slots = machine_possible_cpus(current_machine);
    HotpluggableCPUList *list = NULL;

    if (!slots) {
        error_setg(errp, "The feature 'query-hotpluggable-cpus' is not enabled");
        return NULL;
    }
    for (int i = 0; i < slots->len; i++) {
        QAPI_LIST_PREPEND(list, cpu_place_new(current_machine, &slots->cpus[i]));
    }
    return list;
}

static CpuInfoFast *cpu_info_new(CPUState *cpu)
{
    CpuInfoFast *info = g_new0(CpuInfoFast, 1);
    const CPUArchIdList *slots = machine_possible_cpus(current_machine);

    info->cpu_index = cpu->cpu_index;
    info->qom_path = object_get_canonical_path(OBJECT(cpu));
    info->thread_id = cpu->thread_id;
    info->target = target_arch();
    for (int i = 0; slots && i < slots->len; i++) {
        if (slots->cpus[i].cpu == cpu) {
            info->props = g_memdup2(&slots->cpus[i].props, sizeof(slots->cpus[i].props));
        }
    }
    return info;
}

CpuInfoFastList *qmp_query_cpus_fast(Error **errp)
{
    CpuInfoFastList *list = NULL, **tail = &list;
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        QAPI_LIST_APPEND(tail, cpu_info_new(cpu));
    }
    return list;
}
