/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA nodes of the guest ("-numa"): which memory and which CPUs belong to each, and how far they
 * are from each other. Options are collected until numa_complete_configuration(); from then on
 * MachineState.numa_state does not change. It is NULL as long as there are no nodes. Big lock.
 */
#ifndef SYSTEM_NUMA_H
#define SYSTEM_NUMA_H

#include "hw/core/boards.h"

#define MAX_NODES 128
/* Of a node from itself; others are farther. */
#define NUMA_DISTANCE_MIN 10
/* Assumed between two nodes when nobody said. */
#define NUMA_DISTANCE_DEFAULT 20

typedef struct NodeInfo {
    uint64_t node_mem;              /* bytes at start */
    HostMemoryBackend *node_memdev; /* NULL: none, or the machine's one backend has it all */
    bool present;
} NodeInfo;

struct NumaState {
    int num_nodes;                  /* ids are 0 to num_nodes - 1 */
    bool have_numa_distance;        /* distances were given: by "-numa dist" */
    NodeInfo nodes[MAX_NODES];
    uint8_t distance[MAX_NODES][MAX_NODES];   /* from, to; 0: not given */
};

/* What one "-numa" says, checked as far as that is possible without the machine. */
typedef enum NumaOptionType {
    NUMA_OPTION_NODE,
    NUMA_OPTION_CPU,
    NUMA_OPTION_DIST,
} NumaOptionType;

typedef struct NumaCpuRange {
    uint16_t first, last;           /* CPU indexes, both included */
} NumaCpuRange;

typedef struct NumaOption {
    NumaOptionType type;
    struct {
        bool has_nodeid, has_mem;
        uint16_t nodeid;
        uint64_t mem;               /* bytes */
        char *memdev;               /* id or path of a backend; NULL: none */
        GArray *cpus;               /* of NumaCpuRange */
    } node;
    CpuInstanceProperties cpu;
    struct {
        uint16_t src, dst;
        uint8_t val;
    } dist;
} NumaOption;

/* Reads "-numa @params" into @opt; false with @errp. Clear @opt in either case. */
bool numa_option_parse(NumaOption *opt, const char *params, Error **errp);
void numa_option_clear(NumaOption *opt);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NumaOption, numa_option_clear)

/* Carries out "-numa @params" on @ms, whose CPUs and backends are known; false with @errp. */
bool numa_add_option(MachineState *ms, const char *params, Error **errp);
/* The same for one that was read; what fails leaves everything as it was. */
bool numa_add(MachineState *ms, const NumaOption *opt, Error **errp);

/*
 * Checks the whole and completes it: makes node 0 where memory devices need one, requires that the
 * nodes' memory is all of RAM, mirrors distances, gives every CPU a node. Called once, when the
 * size of RAM is final and before it is made. False with @errp.
 */
bool numa_complete_configuration(MachineState *ms, Error **errp);

/* Does RAM consist of the nodes' backends? */
bool numa_uses_memdevs(const MachineState *ms);

typedef struct NumaNodeMem {
    uint64_t node_mem;          /* bytes in all: at start and plugged */
    uint64_t node_plugged_mem;  /* bytes of memory devices that the guest can use now */
} NumaNodeMem;

/* Fills in @node_mem[0 … num_nodes - 1]. */
void query_numa_node_mem(NumaNodeMem node_mem[], MachineState *ms);

#endif /* SYSTEM_NUMA_H */
