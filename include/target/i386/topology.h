/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * APIC ids from a processor's place: thread, core, die, package from the lowest bits up, each field
 * just wide enough for its count (SDM 3A section 9.9.3 "Hierarchical ID of Logical Processors").
 * Pure functions, used by the CPU model, the machine and ACPI tables.
 */
#ifndef TARGET_I386_TOPOLOGY_H
#define TARGET_I386_TOPOLOGY_H

typedef struct X86CPUTopoInfo {
    unsigned sockets;
    unsigned dies_per_pkg;
    unsigned cores_per_die;
    unsigned threads_per_core;
} X86CPUTopoInfo;

typedef struct X86CPUTopoIDs {
    unsigned pkg_id;
    unsigned die_id;
    unsigned core_id;
    unsigned smt_id;
} X86CPUTopoIDs;

static inline unsigned apicid_bitwidth_for_count(unsigned count)
{
    return count <= 1 ? 0 : 32 - __builtin_clz(count - 1);
}

/* Position of the core, die and package fields in an APIC id. */
static inline unsigned apicid_core_offset(const X86CPUTopoInfo *topo)
{
    return apicid_bitwidth_for_count(topo->threads_per_core);
}

static inline unsigned apicid_die_offset(const X86CPUTopoInfo *topo)
{
    return apicid_core_offset(topo) + apicid_bitwidth_for_count(topo->cores_per_die);
}

static inline unsigned apicid_pkg_offset(const X86CPUTopoInfo *topo)
{
    return apicid_die_offset(topo) + apicid_bitwidth_for_count(topo->dies_per_pkg);
}

static inline uint32_t x86_apicid_from_topo_ids(const X86CPUTopoInfo *topo,
                                                const X86CPUTopoIDs *ids)
{
    return (ids->pkg_id << apicid_pkg_offset(topo)) | (ids->die_id << apicid_die_offset(topo)) |
           (ids->core_id << apicid_core_offset(topo)) | ids->smt_id;
}

/* Numbers CPUs in the order thread, core, die, package. */
static inline void x86_topo_ids_from_idx(const X86CPUTopoInfo *topo, unsigned cpu_index,
                                         X86CPUTopoIDs *ids)
{
    unsigned threads = topo->threads_per_core;
    unsigned cores = topo->cores_per_die * threads;
    unsigned dies = topo->dies_per_pkg * cores;

    ids->pkg_id = cpu_index / dies;
    ids->die_id = cpu_index % dies / cores;
    ids->core_id = cpu_index % cores / threads;
    ids->smt_id = cpu_index % threads;
}

static inline void x86_topo_ids_from_apicid(const X86CPUTopoInfo *topo, uint32_t apic_id,
                                            X86CPUTopoIDs *ids)
{
    ids->smt_id = apic_id & ((1u << apicid_core_offset(topo)) - 1);
    ids->core_id = (apic_id >> apicid_core_offset(topo)) &
                   ((1u << apicid_bitwidth_for_count(topo->cores_per_die)) - 1);
    ids->die_id = (apic_id >> apicid_die_offset(topo)) &
                  ((1u << apicid_bitwidth_for_count(topo->dies_per_pkg)) - 1);
    ids->pkg_id = apic_id >> apicid_pkg_offset(topo);
}

static inline uint32_t x86_apicid_from_cpu_idx(const X86CPUTopoInfo *topo, unsigned cpu_index)
{
    X86CPUTopoIDs ids;

    x86_topo_ids_from_idx(topo, cpu_index, &ids);
    return x86_apicid_from_topo_ids(topo, &ids);
}

/* The topology of @ms ("-smp"). */
X86CPUTopoInfo x86_topo_info_of_machine(const MachineState *ms);
/* APIC id of the machine's CPU number @cpu_index: for MADT, SRAT and CPU creation. */
uint32_t x86_cpu_apic_id_from_index(const MachineState *ms, unsigned cpu_index);

#endif /* TARGET_I386_TOPOLOGY_H */
