/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUState: what every vCPU has, whatever its architecture and accelerator: an index, its thread,
 * its run state. `stop`, `stopped` and `exit_request` are written by the accelerator (accel/) and
 * read atomically by the vCPU's thread; the rest is under the big lock.
 */
#ifndef HW_CORE_CPU_H
#define HW_CORE_CPU_H

#include "hw/core/qdev.h"

#define TYPE_CPU "cpu"
OBJECT_DECLARE_TYPE(CPUState, CPUClass, CPU)

#define UNASSIGNED_CPU_INDEX -1

struct CPUClass {
    DeviceClass parent_class;

    /* The class of "-cpu @cpu_model", or NULL. */
    ObjectClass *(*class_by_name)(const char *cpu_model);
    /* "-cpu model,features": features as properties (or globals) of @typename. */
    void (*parse_features)(const char *typename, char *str, Error **errp);
    bool (*has_work)(CPUState *cpu);
    int64_t (*get_arch_id)(CPUState *cpu);
};

struct CPUState {
    DeviceState parent_obj;

    int cpu_index;
    bool created;               /* the vCPU's thread is ready */
    bool halted;
    bool start_powered_off;
    int thread_id;              /* as gettid(2) */
    void *accel;                /* the accelerator's own data */
    QTAILQ_ENTRY(CPUState) node;
};

typedef QTAILQ_HEAD(CPUTailQ, CPUState) CPUTailQ;
extern CPUTailQ cpus_queue;
#define first_cpu QTAILQ_FIRST(&cpus_queue)
#define CPU_NEXT(cpu) QTAILQ_NEXT(cpu, node)
#define CPU_FOREACH(cpu) QTAILQ_FOREACH(cpu, &cpus_queue, node)
#define CPU_FOREACH_SAFE(cpu, next_cpu) QTAILQ_FOREACH_SAFE(cpu, &cpus_queue, node, next_cpu)

/* The vCPU whose thread this is; NULL on others. */
extern __thread CPUState *current_cpu;

/*
 * Gives an index (unless one was set) and puts it in the list; called by the realize of
 * TYPE_CPU.
 */
void cpu_list_add(CPUState *cpu);
void cpu_list_remove(CPUState *cpu);
CPUState *qemu_get_cpu(int index);
CPUState *cpu_by_arch_id(int64_t id);
bool cpu_exists(int64_t id);
/* Device reset of the vCPU, and the accelerator is told to write its state back. */
void cpu_reset(CPUState *cpu);
ObjectClass *cpu_class_by_name(const char *typename, const char *cpu_model);
/* The type of "-cpu @cpu_option" (features applied as globals), or NULL with @errp. */
const char *parse_cpu_option(const char *cpu_option, Error **errp);

#endif /* HW_CORE_CPU_H */
