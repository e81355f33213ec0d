/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines. A machine type ("pc-q35-10.2-machine") has defaults, compatibility properties and an
 * init function that builds the board; the machine object is /machine. Machine options are its
 * properties. Big lock.
 */
#ifndef HW_CORE_BOARDS_H
#define HW_CORE_BOARDS_H

#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "qapi/qapi-types-machine.h"
#include "qemu/notify.h"
#include "system/accel.h"
#include "system/memory.h"

#define TYPE_MACHINE_SUFFIX "-machine"
#define MACHINE_TYPE_NAME(machinename) (machinename TYPE_MACHINE_SUFFIX)
#define TYPE_MACHINE "machine"
#undef MACHINE
OBJECT_DECLARE_TYPE(MachineState, MachineClass, MACHINE)

extern MachineState *current_machine;

/* cpus of maxcpus are there at start; maxcpus = sockets * dies * cores * threads. */
typedef struct CpuTopology {
    unsigned cpus;
    unsigned drawers, books;    /* always 1 on x86 */
    unsigned sockets;
    unsigned dies;
    unsigned clusters, modules; /* always 1 */
    unsigned cores;
    unsigned threads;
    unsigned max_cpus;
} CpuTopology;

typedef struct NumaState NumaState;   /* system/numa.h */

/* A place for a CPU, whether there is one or not. */
typedef struct CPUArchId {
    uint64_t arch_id;               /* on x86 the APIC id */
    CpuInstanceProperties props;    /* node-id once NUMA is complete, if there are nodes */
    CPUState *cpu;                  /* NULL: empty */
} CPUArchId;

typedef struct CPUArchIdList {
    int len;
    CPUArchId cpus[];
} CPUArchIdList;

/* Where memory devices go: a container region at @base. */
typedef struct DeviceMemoryState DeviceMemoryState;
struct DeviceMemoryState {
    hwaddr base;
    MemoryRegion mr;
    uint64_t dimm_size;
    uint64_t used_region_size;
    unsigned required_memslots;
    unsigned used_memslots;
    unsigned memslot_auto_decision_active;
};

struct MachineClass {
    ObjectClass parent_class;

    const char *family;
    char *name;                 /* without "-machine"; NULL for abstract types */
    const char *alias;
    const char *desc;
    const char *deprecation_reason;
    bool is_default;

    void (*init)(MachineState *state);
    /* May vCPUs run (vm_start)? A board without firmware refuses here. NULL: yes. */
    bool (*check_runnable)(MachineState *state, Error **errp);

    unsigned max_cpus, min_cpus, default_cpus;
    bool dies_supported;
    bool smp_prefer_sockets;    /* -smp N gives N sockets (until 6.1), else N cores */
    bool has_hotpluggable_cpus;
    const char *default_cpu_type;
    const char *const *valid_cpu_types;
    uint64_t default_ram_size;
    const char *default_ram_id;   /* of the backend made for -m; NULL: no RAM by backend */
    bool no_serial, no_parallel, no_floppy, no_cdrom;
    bool default_machine_opts;
    GPtrArray *compat_props;      /* GlobalProperty *, oldest version's last: they win */

    /*
     * Fills in arch_id and place of CPU number @index, below smp.max_cpus; the levels that are
     * set in props are those that "-numa cpu" may name. NULL: no CPUs, and no NUMA.
     */
    void (*init_possible_cpu)(const MachineState *state, unsigned index, CPUArchId *slot);
    HotplugHandler *(*get_hotplug_handler)(MachineState *machine, DeviceState *dev);
    bool (*hotplug_allowed)(MachineState *state, DeviceState *dev, Error **errp);
    ram_addr_t (*fixup_ram_size)(ram_addr_t size);
};

struct MachineState {
    Object parent_obj;

    char *kernel_filename;
    char *kernel_cmdline;       /* never NULL once the machine is initialized */
    bool kernel_cmdline_given;
    char *initrd_filename;
    char *firmware;
    bool dump_guest_core;
    bool mem_merge;
    bool enable_graphics;
    char *ram_memdev_id;        /* "memory-backend" */
    HostMemoryBackend *memdev;
    MemoryRegion *ram;          /* all of ram_size; NULL where the machine has none */
    MemoryRegion numa_ram;      /* what `ram` then is: the nodes' backends, one after the other */
    ram_addr_t ram_size;
    bool ram_size_given;        /* by the user: "memory-backend" must then have that size */
    ram_addr_t maxram_size;
    uint64_t ram_slots;
    DeviceMemoryState *device_memory;
    const char *cpu_type;
    AccelState *accelerator;
    char *accel_names;          /* accel= option: "kvm:tcg" */
    CpuTopology smp;
    CPUArchIdList *possible_cpus;   /* see machine_possible_cpus() */
    NumaState *numa_state;      /* NULL: no NUMA nodes */
};

/* The class of "-machine @name" (name or alias), or NULL. */
MachineClass *machine_find_class(const char *name);
MachineClass *machine_default_class(void);
/* Prints "Supported machines are:" and the list, as -machine help. */
void machine_help(void);
/* Checked and completed -smp / -m values (JSON of strings or numbers). */
bool machine_parse_smp_config(MachineState *ms, json_t *config, bool keyval, Error **errp);
bool machine_parse_memory_config(MachineState *ms, json_t *config, bool keyval, Error **errp);
/* Places for CPUs, smp.max_cpus of them; NULL where the machine has none. -smp is final by now. */
CPUArchIdList *machine_possible_cpus(MachineState *ms);
/* Makes RAM and the board; @errp: what the user got wrong. */
bool machine_run_board_init(MachineState *machine, Error **errp);
static inline bool machine_mem_merge(MachineState *machine) { return machine->mem_merge; }
static inline bool machine_dump_guest_core(MachineState *machine)
{
    return machine->dump_guest_core;
}
/* A board's init() found that it cannot be built: reported, status 1. */
void machine_set_init_error(MachineState *ms, Error *err);

/* Called once, after the last -device and before the first reset; late additions run at once. */
void qemu_add_machine_init_done_notifier(Notifier *notify);
void qemu_remove_machine_init_done_notifier(Notifier *notify);
void qdev_machine_creation_done(void);

#define DEFINE_MACHINE(namestr, machine_initfn)                                     \
    static void machine_initfn##_class_init(ObjectClass *oc, const void *data)      \
    {                                                                               \
        MachineClass *mc = MACHINE_CLASS(oc);                                       \
        machine_initfn(mc);                                                         \
    }                                                                               \
    static const TypeInfo machine_initfn##_typeinfo = {                             \
        .name = MACHINE_TYPE_NAME(namestr),                                         \
        .parent = TYPE_MACHINE,                                                     \
        .class_init = machine_initfn##_class_init,                                  \
    };                                                                              \
    static void machine_initfn##_register_types(void)                               \
    {                                                                               \
        type_register_static(&machine_initfn##_typeinfo);                           \
    }                                                                               \
    type_init(machine_initfn##_register_types)

/* Compatibility tables, one a version: what changed after it. Filled in hw/core/machine.c. */
#define DECLARE_HW_COMPAT_(v) \
    extern GlobalProperty hw_compat_##v[]; extern const size_t hw_compat_##v##_len
DECLARE_HW_COMPAT_(10_1); DECLARE_HW_COMPAT_(10_0); DECLARE_HW_COMPAT_(9_2);
DECLARE_HW_COMPAT_(9_1); DECLARE_HW_COMPAT_(9_0); DECLARE_HW_COMPAT_(8_2);
DECLARE_HW_COMPAT_(8_1); DECLARE_HW_COMPAT_(8_0); DECLARE_HW_COMPAT_(7_2);
DECLARE_HW_COMPAT_(7_1); DECLARE_HW_COMPAT_(7_0); DECLARE_HW_COMPAT_(6_2);
DECLARE_HW_COMPAT_(6_1); DECLARE_HW_COMPAT_(6_0); DECLARE_HW_COMPAT_(5_2);
DECLARE_HW_COMPAT_(5_1);

#endif /* HW_CORE_BOARDS_H */
