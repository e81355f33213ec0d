/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The abstract machine: its properties ("-machine a=b"), finding and listing machine types, the
 * tables of what changed in devices after a version, and the machine "none".
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "system/address-spaces.h"
#include "system/hostmem.h"
#include "system/memory.h"
#include "system/numa.h"
#include "system/reset.h"

MachineState *current_machine;

/* ---- what changed after a version ----------------------------------------------------------- */

#define HW_COMPAT_NOTHING(v) GlobalProperty hw_compat_##v[1]; const size_t hw_compat_##v##_len = 0
#define HW_COMPAT_LEN(v) const size_t hw_compat_##v##_len = ARRAY_SIZE(hw_compat_##v)

HW_COMPAT_NOTHING(10_1);
HW_COMPAT_NOTHING(10_0);

GlobalProperty hw_compat_9_2[] = {
    { .driver = "virtio-mem-pci", .property = "vectors", .value = "0" },
};
HW_COMPAT_LEN(9_2);

HW_COMPAT_NOTHING(9_1);
HW_COMPAT_NOTHING(9_0);
HW_COMPAT_NOTHING(8_2);
HW_COMPAT_NOTHING(8_1);

GlobalProperty hw_compat_8_0[] = {
    { .driver = "virtio-mem", .property = "unplugged-inaccessible", .value = "auto" },
};
HW_COMPAT_LEN(8_0);

GlobalProperty hw_compat_7_2[] = {
    { .driver = "virtio-mem", .property = "x-early-migration", .value = "false" },
};
HW_COMPAT_LEN(7_2);

GlobalProperty hw_compat_7_1[] = {
    { .driver = "virtio-device", .property = "queue_reset", .value = "false" },
};
HW_COMPAT_LEN(7_1);

HW_COMPAT_NOTHING(7_0);

GlobalProperty hw_compat_6_2[] = {
    { .driver = "virtio-mem", .property = "unplugged-inaccessible", .value = "off" },
};
HW_COMPAT_LEN(6_2);

GlobalProperty hw_compat_6_1[] = {
    { .driver = "ICH9-LPC", .property = "x-keep-pci-slot-hpc", .value = "false" },
};
HW_COMPAT_LEN(6_1);

/* Root ports' slots by themselves, not ACPI; then they must say that they can. */
GlobalProperty hw_compat_6_0[] = {
    { .driver = "ICH9-LPC", .property = "acpi-pci-hotplug-with-bridge-support", .value = "off" },
};
HW_COMPAT_LEN(6_0);

HW_COMPAT_NOTHING(5_2);
HW_COMPAT_NOTHING(5_1);

/* ---- finding machines ----------------------------------------------------------------------- */

typedef bool MachineMatch(const MachineClass *mc, const char *name);

static MachineClass *machine_find(MachineMatch *match, const char *name)
{
    GSList *list = object_class_get_list(TYPE_MACHINE, false);
    MachineClass *found = NULL;

    for (GSList *l = list; l && !found; l = l->next) {
        if (match(l->data, name)) {
            found = l->data;
        }
    }
    g_slist_free(list);
    return found;
}

static bool match_alias(const MachineClass *mc, const char *name)
{
    return mc->alias && !strcmp(mc->alias, name);
}

static bool match_default(const MachineClass *mc, const char *name)
{
    return mc->is_default;
}

MachineClass *machine_find_class(const char *name)
{
    g_autofree char *type_name = g_strconcat(name, TYPE_MACHINE_SUFFIX, NULL);
    ObjectClass *oc = object_class_by_name(type_name);

    if (oc && !object_class_is_abstract(oc) && object_class_dynamic_cast(oc, TYPE_MACHINE)) {
        return MACHINE_CLASS(oc);
    }
    return machine_find(match_alias, name);
}

MachineClass *machine_default_class(void)
{
    return machine_find(match_default, NULL);
}

/* Families together, the newest version of each first; then machines without versions. */
static int compare_machines(const void *a, const void *b)
{
    const MachineClass *x = a, *y = b;

    if (!x->family != !y->family) {
        return x->family ? -1 : 1;
    }
    if (x->family && strcmp(x->family, y->family)) {
        return strcmp(x->family, y->family);
    }
    return x->family ? strverscmp(y->name, x->name) : strcmp(x->name, y->name);
}

void machine_help(void)
{
    GSList *list = object_class_get_list(TYPE_MACHINE, false);

    list = g_slist_sort(list, compare_machines);
    printf("Supported machines are:\n");
    for (GSList *l = list; l; l = l->next) {
        const MachineClass *mc = l->data;
        const char *desc = mc->desc ? mc->desc : mc->name;

        if (mc->alias) {
            printf("%-20s %s (alias of %s)\n", mc->alias, desc, mc->name);
        }
        printf("%-20s %s%s%s\n", mc->name, desc, mc->is_default ? " (default)" : "",
               mc->deprecation_reason ? " (deprecated)" : "");
    }
    g_slist_free(list);
}

/* ---- properties ----------------------------------------------------------------------------- */

static void set_string(char **field, const char *name, const char *value, Error **errp)
{
    if (!machine_refuse_late(name, errp)) {
        g_free(*field);
        *field = g_strdup(value);
    }
}

static char *get_kernel(Object *obj, Error **errp)
{
    return g_strdup(MACHINE(obj)->kernel_filename);
}

static void set_kernel(Object *obj, const char *value, Error **errp)
{
    set_string(&MACHINE(obj)->kernel_filename, "kernel", value, errp);
}

static char *get_initrd(Object *obj, Error **errp)
{
    return g_strdup(MACHINE(obj)->initrd_filename);
}

static void set_initrd(Object *obj, const char *value, Error **errp)
{
    set_string(&MACHINE(obj)->initrd_filename, "initrd", value, errp);
}

static char *get_append(Object *obj, Error **errp)
{
    return g_strdup(MACHINE(obj)->kernel_cmdline);
}

static void set_append(Object *obj, const char *value, Error **errp)
{
    set_string(&MACHINE(obj)->kernel_cmdline, "append", value, errp);
    MACHINE(obj)->kernel_cmdline_given = true;
}

static bool get_dump_guest_core(Object *obj, Error **errp)
{
    return MACHINE(obj)->dump_guest_core;
}

static void set_dump_guest_core(Object *obj, bool value, Error **errp)
{
    if (!machine_refuse_late("dump-guest-core", errp)) {
        MACHINE(obj)->dump_guest_core = host_memory_backend_default_dump = value;
    }
}

static bool get_mem_merge(Object *obj, Error **errp)
{
    return MACHINE(obj)->mem_merge;
}

static void set_mem_merge(Object *obj, bool value, Error **errp)
{
    if (!machine_refuse_late("mem-merge", errp)) {
        MACHINE(obj)->mem_merge = host_memory_backend_default_merge = value;
    }
}

static bool get_usb(Object *obj, Error **errp)
{
    return false;
}

static void set_usb(Object *obj, bool value, Error **errp)
{
    if (value) {
        error_setg(errp, "usb=on is not supported: there is no USB here, use usb=off");
    }
}

static void describe(ObjectClass *oc, const char *name, const char *text)
{
    object_class_property_set_description(oc, name, text);
}

static void machine_class_init(ObjectClass *oc, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    mc->min_cpus = mc->max_cpus = mc->default_cpus = 1;

    object_class_property_add_str(oc, "kernel", get_kernel, set_kernel);
    describe(oc, "kernel", "Linux kernel image file");
    object_class_property_add_str(oc, "initrd", get_initrd, set_initrd);
    describe(oc, "initrd", "Linux initial ramdisk file");
    object_class_property_add_str(oc, "append", get_append, set_append);
    describe(oc, "append", "Linux kernel command line");
    object_class_property_add_bool(oc, "dump-guest-core", get_dump_guest_core,
                                   set_dump_guest_core);
    describe(oc, "dump-guest-core", "Include guest memory in a core dump");
    object_class_property_add_bool(oc, "mem-merge", get_mem_merge, set_mem_merge);
    describe(oc, "mem-merge", "Enable/disable memory merge support");
    object_class_property_add_bool(oc, "usb", get_usb, set_usb);
    describe(oc, "usb", "Only off: there is no USB");
    object_class_property_add(oc, "memory-backend", "link<memory-backend>", machine_get_memdev,
                              machine_set_memdev, NULL, NULL);
    describe(oc, "memory-backend", "Set RAM backend: the id of a memory-backend-* object");
    object_class_property_add(oc, "memory", "MemorySizeConfiguration", machine_get_memory,
                              machine_set_memory, NULL, NULL);
    describe(oc, "memory", "Memory size configuration");
    object_class_property_add(oc, "smp", "SMPConfiguration", machine_get_smp, machine_set_smp,
                              NULL, NULL);
    describe(oc, "smp", "CPU topology");
}

/* For each subclass before its own class_init: what must not be shared with the parent's class. */
static void machine_class_base_init(ObjectClass *oc, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);
    const char *type_name = object_class_get_name(oc);
    g_autofree char *name = NULL;

    mc->compat_props = g_ptr_array_new();
    mc->alias = NULL;
    mc->is_default = false;
    mc->deprecation_reason = NULL;
    mc->name = NULL;
    if (!object_class_is_abstract(oc)) {
        assert(g_str_has_suffix(type_name, TYPE_MACHINE_SUFFIX));
        name = g_strndup(type_name, strlen(type_name) - strlen(TYPE_MACHINE_SUFFIX));
        mc->name = (char *)g_intern_string(name);
    }
}

static void machine_instance_init(Object *obj)
{
    MachineState *ms = MACHINE(obj);
    MachineClass *mc = MACHINE_GET_CLASS(obj);

    object_property_add_new_container(obj, "peripheral");
    object_property_add_new_container(obj, "peripheral-anon");
    object_property_add_new_container(obj, "unattached");
    ms->dump_guest_core = true;
    ms->mem_merge = true;
    ms->kernel_cmdline = g_strdup("");
    ms->ram_size = ms->maxram_size = mc->default_ram_size;
    ms->cpu_type = mc->default_cpu_type;
    ms->smp = (CpuTopology) {
        .cpus = mc->default_cpus, .max_cpus = mc->default_cpus,
        .drawers = 1, .books = 1, .sockets = mc->default_cpus, .dies = 1, .clusters = 1,
        .modules = 1, .cores = 1, .threads = 1,
    };
}

static void machine_instance_finalize(Object *obj)
{
    MachineState *ms = MACHINE(obj);

    g_free(ms->kernel_filename);
    g_free(ms->initrd_filename);
    g_free(ms->kernel_cmdline);
    g_free(ms->firmware);
    g_free(ms->ram_memdev_id);
    g_free(ms->accel_names);
    g_free(ms->possible_cpus);
    g_free(ms->numa_state);
    if (current_machine == ms) {
        current_machine = NULL;
    }
}

/* ---- making the board ----------------------------------------------------------------------- */

static Error *board_init_error;

void machine_set_init_error(MachineState *ms, Error *err)
{
    if (board_init_error) {
        error_free(err);
    } else {
        board_init_error = err;
    }
}

static bool machine_check_cpu_type(const MachineState *ms, Error **errp)
{
    const MachineClass *mc = MACHINE_GET_CLASS(ms);

    if (!mc->valid_cpu_types || !ms->cpu_type) {
        return true;
    }
    for (const char *const *type = mc->valid_cpu_types; *type; type++) {
        ObjectClass *oc = object_class_by_name(ms->cpu_type);

        if (oc && object_class_dynamic_cast(oc, *type)) {
            return true;
        }
    }
    error_setg(errp, "Invalid CPU type: %s", ms->cpu_type);
    return false;
}

bool machine_run_board_init(MachineState *machine, Error **errp)
{
    MachineClass *mc = MACHINE_GET_CLASS(machine);
    MemoryErrorScope scope;

    if (!machine_check_cpu_type(machine, errp) || !machine_resolve_memdev(machine, errp) ||
        !numa_complete_configuration(machine, errp) || !machine_create_ram(machine, errp)) {
        return false;
    }
    memory_errors_begin(&scope);
    if (mc->init) {
        mc->init(machine);
    }
    if (!memory_errors_end(&scope, board_init_error ? NULL : &board_init_error) ||
        board_init_error) {
        error_propagate(errp, board_init_error);
        board_init_error = NULL;
        return false;
    }
    phase_advance(PHASE_MACHINE_INITIALIZED);
    return true;
}

static NotifierList init_done_notifiers = NOTIFIER_LIST_INITIALIZER(init_done_notifiers);
static bool machine_is_done;

void qemu_add_machine_init_done_notifier(Notifier *notify)
{
    notifier_list_add(&init_done_notifiers, notify);
    if (machine_is_done) {
        notify->notify(notify, NULL);
    }
}

void qemu_remove_machine_init_done_notifier(Notifier *notify)
{
    notifier_remove(notify);
}

void qdev_machine_creation_done(void)
{
    phase_advance(PHASE_MACHINE_READY);
    machine_is_done = true;
    notifier_list_notify(&init_done_notifiers, NULL);
    /* All that hangs on buses; what registered itself before is reset first. */
    object_property_add_child(machine_get_container("unattached"), "sysbus",
                              OBJECT(sysbus_get_default()));
    qemu_register_resettable(OBJECT(sysbus_get_default()));
}

/* ---- "none": no CPU, no device, RAM if -m asks for it --------------------------------------- */

static void machine_none_init(MachineState *ms)
{
    Error *err = NULL;

    if (ms->kernel_filename || ms->initrd_filename || ms->kernel_cmdline_given) {
        error_setg(&err, "machine 'none' boots nothing: -kernel, -initrd and -append are not "
                   "supported by it");
    } else if (ms->cpu_type) {
        error_setg(&err, "machine 'none' has no CPU: -cpu is not supported by it");
    }
    if (err) {
        machine_set_init_error(ms, err);
        return;
    }
    if (ms->ram) {
        memory_region_add_subregion(get_system_memory(), 0, ms->ram);
    }
}

static void machine_none_machine_init(MachineClass *mc)
{
    mc->desc = "empty machine";
    mc->init = machine_none_init;
    mc->default_ram_id = "ram";
}
DEFINE_MACHINE("none", machine_none_machine_init)

static const TypeInfo machine_types[] = {
    {
        .name = TYPE_MACHINE,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(MachineState),
        .instance_init = machine_instance_init,
        .instance_finalize = machine_instance_finalize,
        .abstract = true,
        .class_size = sizeof(MachineClass),
        .class_init = machine_class_init,
        .class_base_init = machine_class_base_init,
    },
};
DEFINE_TYPES(machine_types)
