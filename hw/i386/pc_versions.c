/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The versions of the PC machines. What changed in devices after a version is in the tables of
 * hw/core/machine.c, what changed in x86 CPUs here; and here is what it means to be a version: a
 * type, a name, an alias for the newest, a mark for those that will go. docs/system/machines.rst
 * tells users what each version pins.
 */
#include "qemu/osdep.h"
#include "hw/i386/pc.h"

/* Newest first. The newest has no table: nothing has changed since. */
typedef struct PCMachineVersion {
    unsigned major, minor;
    bool deprecated;
    GlobalProperty *compat;      /* what changed after it */
    const size_t *nb_compat;
    GlobalProperty *cpu_compat;  /* the same, for CPUs; NULL: nothing */
    size_t nb_cpu_compat;
} PCMachineVersion;

static GlobalProperty pc_cpu_compat_6_0[] = {
    { .driver = "qemu64-x86_64-cpu", .property = "family", .value = "6" },
    { .driver = "qemu64-x86_64-cpu", .property = "model", .value = "6" },
    { .driver = "qemu64-x86_64-cpu", .property = "stepping", .value = "3" },
    { .driver = "x86_64-cpu", .property = "x-vendor-cpuid-only", .value = "off" },
};

#define VERSION_CPU(major, minor, deprecated, cpu, nb_cpu) \
    { major, minor, deprecated, hw_compat_##major##_##minor, \
      &hw_compat_##major##_##minor##_len, cpu, nb_cpu }
#define VERSION(major, minor, deprecated) VERSION_CPU(major, minor, deprecated, NULL, 0)

static const PCMachineVersion pc_machine_versions[] = {
    { 10, 2 },
    VERSION(10, 1, false), VERSION(10, 0, false),
    VERSION(9, 2, false), VERSION(9, 1, false), VERSION(9, 0, false),
    VERSION(8, 2, false), VERSION(8, 1, false), VERSION(8, 0, true),
    VERSION(7, 2, true), VERSION(7, 1, true), VERSION(7, 0, true),
    VERSION(6, 2, true), VERSION(6, 1, true),
    VERSION_CPU(6, 0, true, pc_cpu_compat_6_0, ARRAY_SIZE(pc_cpu_compat_6_0)),
    VERSION(5, 2, true), VERSION(5, 1, true),
};

typedef struct PCVersionedType {
    const char *prefix;
    const char *alias;
    unsigned index;              /* in pc_machine_versions */
} PCVersionedType;

static bool version_is_at_least(const PCMachineVersion *v, unsigned major, unsigned minor)
{
    return v->major > major || (v->major == major && v->minor >= minor);
}

static void pc_version_class_init(ObjectClass *klass, const void *data)
{
    const PCVersionedType *type = data;
    const PCMachineVersion *version = &pc_machine_versions[type->index];
    MachineClass *mc = MACHINE_CLASS(klass);
    PCMachineClass *pcmc = PC_MACHINE_CLASS(klass);

    if (type->index == 0) {
        mc->alias = type->alias;
        mc->is_default = g_str_equal(type->alias, "pc");
    }
    if (version->deprecated) {
        mc->deprecation_reason = "old and unattended - use a newer version instead";
    }
    /* -smp 4 without more: four sockets then, four cores since. */
    mc->smp_prefer_sockets = !version_is_at_least(version, 6, 2);
    pcmc->avoid_amd_1tb_hole = version_is_at_least(version, 7, 1);
    pcmc->pci_root_uid = version_is_at_least(version, 5, 2) ? 0 : 1;
    for (unsigned i = 1; i <= type->index; i++) {
        version = &pc_machine_versions[i];
        compat_props_add(mc->compat_props, version->compat, *version->nb_compat);
        compat_props_add(mc->compat_props, version->cpu_compat, version->nb_cpu_compat);
    }
}

void pc_register_versions(const char *parent_type, const char *prefix, const char *alias)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pc_machine_versions); i++) {
        const PCMachineVersion *version = &pc_machine_versions[i];
        PCVersionedType *type = g_new(PCVersionedType, 1);
        TypeInfo *info = g_new0(TypeInfo, 1);

        *type = (PCVersionedType) { prefix, alias, i };
        info->name = g_strdup_printf("%s-%u.%u" TYPE_MACHINE_SUFFIX, prefix, version->major,
                                     version->minor);
        info->parent = parent_type;
        info->class_init = pc_version_class_init;
        info->class_data = type;
        type_register_static(info);
    }
}
