/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's "-smp" as fields of APIC ids (target/i386/topology.h): the one place where the CPU
 * model, the board and ACPI tables get the APIC id of a CPU from.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "target/i386/topology.h"

X86CPUTopoInfo x86_topo_info_of_machine(const MachineState *ms)
{
    X86CPUTopoInfo topo = {
        .sockets = MAX(ms->smp.sockets, 1),
        .dies_per_pkg = MAX(ms->smp.dies, 1),
        .cores_per_die = MAX(ms->smp.cores, 1),
        .threads_per_core = MAX(ms->smp.threads, 1),
    };

    return topo;
}

uint32_t x86_cpu_apic_id_from_index(const MachineState *ms, unsigned cpu_index)
{
    X86CPUTopoInfo topo = x86_topo_info_of_machine(ms);

    return x86_apicid_from_cpu_idx(&topo, cpu_index);
}
