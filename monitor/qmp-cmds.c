/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP commands about the protocol, the run state, the machine and its memory: each only translates
 * between the schema's types and what the lower layers offer.
 */
#include "qemu/osdep.h"

#include "hw/core/boards.h"
#include "hw/mem/memory-device.h"
#include "monitor/qmp-dispatch.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-char.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-introspect.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/qapi-commands-run-state.h"
#include "chardev/char.h"
#include "qemu/json.h"
#include "qemu/target-info-qapi.h"
#include "system/accel.h"
#include "system/ram-supply.h"
#include "system/runstate.h"
#include "system/system.h"
#include "qmp-internal.h"

/* ---- the protocol ---- */

void qmp_qmp_capabilities(bool has_enable, QMPCapabilityList *enable, Error **errp)
{
    if (qmp_current_is_negotiated()) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command ignored");
        return;
    }
    if (enable) {
        error_setg(errp, "QMP capability '%s' is not available",
                   QMPCapability_str(enable->value));
        return;
    }
    qmp_current_set_negotiated();
}

VersionInfo *qmp_query_version(Error **errp)
{
    return qmp_version_new();
}

CommandInfoList *qmp_query_commands(Error **errp)
{
    CommandInfoList *list = NULL;
    size_t nb;
    const QmpCommand *commands = qmp_get_commands(&nb);

    for (size_t i = nb; i-- > 0; ) {
        CommandInfo *info = g_new0(CommandInfo, 1);

        info->name = g_strdup(commands[i].name);
        QAPI_LIST_PREPEND(list, info);
    }
    return list;
}

json_t *qmp_query_qmp_schema(Error **errp)
{
    return qjson_parse(qmp_schema_text, errp);
}

/* ---- run state ---- */

StatusInfo *qmp_query_status(Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);
    const MemoryShortage *shortage = ram_supply_shortage();

    info->running = runstate_is_running();
    info->status = runstate_get();
    if (shortage) {
        info->memory_shortage = g_new0(MemoryShortage, 1);
        info->memory_shortage->backend = g_strdup(shortage->backend);
        info->memory_shortage->path = g_strdup(shortage->path);
        info->memory_shortage->missing = shortage->missing;
    }
    return info;
}

void qmp_stop(Error **errp)
{
    vm_stop(RUN_STATE_PAUSED);
}

void qmp_cont(Error **errp)
{
    if (runstate_needs_reset()) {
        error_setg(errp, "Resetting the Virtual Machine is required");
        return;
    }
    vm_start_checked(errp);
}

/* Ends the process, whatever -no-shutdown says of the guest's shutdowns. */
void qmp_quit(Error **errp)
{
    runstate_set_shutdown_action(SHUTDOWN_ACTION_POWEROFF);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

void qmp_system_reset(Error **errp)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
}

void qmp_system_powerdown(Error **errp)
{
    qemu_system_powerdown_request();
}

/* ---- facts ---- */

NameInfo *qmp_query_name(Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(qemu_name);
    return info;
}

UuidInfo *qmp_query_uuid(Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);
    char text[37];

    qemu_get_uuid_string(text);
    info->UUID = g_strdup(text);
    return info;
}

KvmInfo *qmp_query_kvm(Error **errp)
{
    KvmInfo *info = g_new0(KvmInfo, 1);

    info->enabled = kvm_enabled();
    info->present = accel_find("kvm") != NULL;
    return info;
}

TargetInfo *qmp_query_target(Error **errp)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = target_arch();
    return info;
}

static void add_chardev(Chardev *chr, void *opaque)
{
    ChardevInfoList **list = opaque;
    ChardevInfo *info = g_new0(ChardevInfo, 1);

    info->label = g_strdup(chardev_label(chr));
    info->filename = chardev_get_filename(chr);
    info->frontend_open = chardev_is_attached(chr);
    QAPI_LIST_PREPEND(*list, info);
}

ChardevInfoList *qmp_query_chardev(Error **errp)
{
    ChardevInfoList *list = NULL;

    chardev_foreach(add_chardev, &list);
    return list;
}

/* ---- machines and memory ---- */

static MachineInfo *machine_info_new(MachineClass *mc)
{
    MachineInfo *info = g_new0(MachineInfo, 1);

    info->name = g_strdup(mc->name);
    info->alias = g_strdup(mc->alias);
    info->has_is_default = info->is_default = mc->is_default;
    info->cpu_max = mc->max_cpus ? mc->max_cpus : 1;
    info->hotpluggable_cpus = mc->has_hotpluggable_cpus;
    info->deprecated = mc->deprecation_reason != NULL;
    info->default_cpu_type = g_strdup(mc->default_cpu_type);
    info->default_ram_id = g_strdup(mc->default_ram_id);
    info->acpi = object_class_property_find(OBJECT_CLASS(mc), "acpi") != NULL;
    return info;
}

MachineInfoList *qmp_query_machines(Error **errp)
{
    MachineInfoList *list = NULL, **tail = &list;
    g_autoptr(GSList) classes = object_class_get_list(TYPE_MACHINE, false);

    for (GSList *l = classes; l; l = l->next) {
        QAPI_LIST_APPEND(tail, machine_info_new(MACHINE_CLASS(l->data)));
    }
    return list;
}

MemoryInfo *qmp_query_memory_size_summary(Error **errp)
{
    MemoryInfo *info = g_new0(MemoryInfo, 1);

    info->base_memory = current_machine->ram_size;
    info->has_plugged_memory = true;
    info->plugged_memory = get_plugged_memory_size();
    return info;
}

MemoryDeviceInfoList *qmp_query_memory_devices(Error **errp)
{
    return qmp_memory_device_list();
}
