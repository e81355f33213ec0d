/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of the human monitor about the run state, the machine and its memory. Each asks the QMP
 * command of the same meaning and prints its answer.
 */
#include "qemu/osdep.h"

#include "hmp.h"
#include "hw/core/boards.h"
#include "hw/core/cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-char.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/qapi-commands-run-state.h"
#include "qemu/units.h"
#include "system/numa.h"

char *qmp_human_monitor_command(const char *command_line, bool has_cpu_index, int64_t cpu_index,
                                Error **errp)
{
    if (has_cpu_index &&
        (cpu_index < 0 || cpu_index > INT_MAX || !qemu_get_cpu((int)cpu_index))) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return hmp_run_line(command_line, has_cpu_index ? (int)cpu_index : 0);
}

/* ---- run state ---- */

void hmp_cont(MonitorHMP *mon, char **args)
{
    Error *err = NULL;

    qmp_cont(&err);
    hmp_handle_error(mon, err);
}

void hmp_quit(MonitorHMP *mon, char **args)
{
    hmp_end(mon);
    qmp_quit(&error_abort);
}

void hmp_stop(MonitorHMP *mon, char **args)
{
    qmp_stop(&error_abort);
}

void hmp_system_reset(MonitorHMP *mon, char **args)
{
    qmp_system_reset(&error_abort);
}

void hmp_system_powerdown(MonitorHMP *mon, char **args)
{
    qmp_system_powerdown(&error_abort);
}

void hmp_info_status(MonitorHMP *mon, char **args)
{
    StatusInfo *info = qmp_query_status(&error_abort);

    hmp_printf(mon, "VM status: %s", info->running ? "running" : "paused");
    if (!info->running && info->status != RUN_STATE_PAUSED) {
        hmp_printf(mon, " (%s)", RunState_str(info->status));
    }
    hmp_puts(mon, "\n");
    qapi_free_StatusInfo(info);
}

/* ---- small facts ---- */

void hmp_info_version(MonitorHMP *mon, char **args)
{
    VersionInfo *info = qmp_query_version(&error_abort);

    hmp_printf(mon, "%" PRId64 ".%" PRId64 ".%" PRId64 "%s\n", info->qemu->major,
               info->qemu->minor, info->qemu->micro, info->package);
    qapi_free_VersionInfo(info);
}

void hmp_info_name(MonitorHMP *mon, char **args)
{
    NameInfo *info = qmp_query_name(&error_abort);

    if (info->name) {
        hmp_printf(mon, "%s\n", info->name);
    }
    qapi_free_NameInfo(info);
}

void hmp_info_uuid(MonitorHMP *mon, char **args)
{
    UuidInfo *info = qmp_query_uuid(&error_abort);

    hmp_printf(mon, "%s\n", info->UUID);
    qapi_free_UuidInfo(info);
}

void hmp_info_kvm(MonitorHMP *mon, char **args)
{
    KvmInfo *info = qmp_query_kvm(&error_abort);

    hmp_printf(mon, "kvm support: %s\n", !info->present ? "not compiled"
                                         : info->enabled ? "enabled" : "disabled");
    qapi_free_KvmInfo(info);
}

void hmp_info_chardev(MonitorHMP *mon, char **args)
{
    ChardevInfoList *list = qmp_query_chardev(&error_abort);

    for (ChardevInfoList *l = list; l; l = l->next) {
        hmp_printf(mon, "%s: filename=%s\n", l->value->label, l->value->filename);
    }
    qapi_free_ChardevInfoList(list);
}

void hmp_info_history(MonitorHMP *mon, char **args)
{
    const ReadLine *rl = hmp_readline(mon);
    unsigned nb = 0;

    while (rl && readline_get_history(rl, nb)) {
        nb++;
    }
    for (unsigned i = 0; i < nb; i++) {
        hmp_printf(mon, "%u: '%s'\n", i, readline_get_history(rl, nb - 1 - i));
    }
}

/* ---- the machine ---- */

void hmp_info_cpus(MonitorHMP *mon, char **args)
{
    CpuInfoFastList *list = qmp_query_cpus_fast(&error_abort);

    for (CpuInfoFastList *l = list; l; l = l->next) {
        hmp_printf(mon, "%c CPU #%" PRId64 ": thread_id=%" PRId64 "\n",
                   l->value->cpu_index == hmp_cpu_index(mon) ? '*' : ' ', l->value->cpu_index,
                   l->value->thread_id);
    }
    qapi_free_CpuInfoFastList(list);
}

static void print_node_cpus(MonitorHMP *mon, const CpuInfoFastList *cpus, int node)
{
    hmp_printf(mon, "node %d cpus:", node);
    for (const CpuInfoFastList *l = cpus; l; l = l->next) {
        const CpuInstanceProperties *place = l->value->props;

        if (place && place->has_node_id && place->node_id == node) {
            hmp_printf(mon, " %" PRId64, l->value->cpu_index);
        }
    }
    hmp_puts(mon, "\n");
}

void hmp_info_numa(MonitorHMP *mon, char **args)
{
    const NumaState *numa = current_machine->numa_state;
    int nb_nodes = numa ? numa->num_nodes : 0;
    g_autofree NumaNodeMem *memory = g_new0(NumaNodeMem, nb_nodes);
    CpuInfoFastList *cpus = qmp_query_cpus_fast(&error_abort);

    if (nb_nodes) {
        query_numa_node_mem(memory, current_machine);
    }
    hmp_printf(mon, "%d nodes\n", nb_nodes);
    for (int i = 0; i < nb_nodes; i++) {
        print_node_cpus(mon, cpus, i);
        hmp_printf(mon, "node %d size: %" PRIu64 " MB\n", i, memory[i].node_mem / MiB);
        hmp_printf(mon, "node %d plugged: %" PRIu64 " MB\n", i,
                   memory[i].node_plugged_mem / MiB);
    }
    qapi_free_CpuInfoFastList(cpus);
}

/* ---- memory ---- */

void hmp_info_memory_size_summary(MonitorHMP *mon, char **args)
{
    MemoryInfo *info = qmp_query_memory_size_summary(&error_abort);

    hmp_printf(mon, "base memory: %" PRIu64 "\n", info->base_memory);
    hmp_printf(mon, "plugged memory: %" PRIu64 "\n", info->plugged_memory);
    qapi_free_MemoryInfo(info);
}

static void print_virtio_mem(MonitorHMP *mon, const VirtioMEMDeviceInfo *vi)
{
    hmp_printf(mon, "Memory device [virtio-mem]: \"%s\"\n", vi->id ? vi->id : "");
    hmp_printf(mon, "  memaddr: 0x%" PRIx64 "\n", vi->memaddr);
    hmp_printf(mon, "  node: %" PRId64 "\n", vi->node);
    hmp_printf(mon, "  requested-size: %" PRIu64 "\n", vi->requested_size);
    hmp_printf(mon, "  size: %" PRIu64 "\n", vi->size);
    hmp_printf(mon, "  max-size: %" PRIu64 "\n", vi->max_size);
    hmp_printf(mon, "  block-size: %" PRIu64 "\n", vi->block_size);
    hmp_printf(mon, "  memdev: %s\n", vi->memdev);
}

void hmp_info_memory_devices(MonitorHMP *mon, char **args)
{
    MemoryDeviceInfoList *list = qmp_query_memory_devices(&error_abort);

    for (MemoryDeviceInfoList *l = list; l; l = l->next) {
        if (l->value->type == MEMORY_DEVICE_INFO_KIND_VIRTIO_MEM) {
            print_virtio_mem(mon, l->value->u.virtio_mem.data);
        }
    }
    qapi_free_MemoryDeviceInfoList(list);
}

static const char *yes_no(bool value)
{
    return value ? "true" : "false";
}

/* "0-1,4" */
static void print_host_nodes(MonitorHMP *mon, const uint16List *nodes)
{
    const char *separator = "";

    while (nodes) {
        uint16_t first = nodes->value, last = first;

        for (nodes = nodes->next; nodes && nodes->value == last + 1; nodes = nodes->next) {
            last++;
        }
        hmp_printf(mon, "%s%u", separator, first);
        if (last > first) {
            hmp_printf(mon, "-%u", last);
        }
        separator = ",";
    }
}

static void print_memdev(MonitorHMP *mon, const Memdev *m)
{
    hmp_printf(mon, "memory backend: %s\n", m->id);
    hmp_printf(mon, "  size:  %" PRIu64 "\n", m->size);
    hmp_printf(mon, "  merge: %s\n", yes_no(m->merge));
    hmp_printf(mon, "  dump: %s\n", yes_no(m->dump));
    hmp_printf(mon, "  prealloc: %s\n", yes_no(m->prealloc));
    hmp_printf(mon, "  share: %s\n", yes_no(m->share));
    hmp_printf(mon, "  reserve: %s\n", yes_no(m->reserve));
    hmp_printf(mon, "  policy: %s\n", HostMemPolicy_str(m->policy));
    hmp_puts(mon, "  host nodes: ");
    print_host_nodes(mon, m->host_nodes);
    hmp_puts(mon, "\n");
}

void hmp_info_memdev(MonitorHMP *mon, char **args)
{
    MemdevList *list = qmp_query_memdev(&error_abort);

    for (MemdevList *l = list; l; l = l->next) {
        print_memdev(mon, l->value);
    }
    hmp_puts(mon, "\n");
    qapi_free_MemdevList(list);
}

void hmp_info_mtree(MonitorHMP *mon, char **args)
{
    g_autofree char *text = mtree_info(args[0], args[1], args[2]);

    hmp_puts(mon, text);
}
