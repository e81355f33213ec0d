/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's NUMA nodes: what "-numa" asks for is applied to the machine option by option, and
 * checked and completed as a whole once RAM's size is final. Boards turn the result into firmware
 * tables (ACPI's SRAT and SLIT), RAM is made of the nodes' backends in machine-memory.c.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qom/object_interfaces.h"
#include "system/hostmem.h"
#include "system/numa.h"

static NumaState *numa_state_get(MachineState *ms)
{
    if (!ms->numa_state) {
        ms->numa_state = g_new0(NumaState, 1);
    }
    return ms->numa_state;
}

static bool node_is_present(const MachineState *ms, int64_t node)
{
    return ms->numa_state && node >= 0 && node < MAX_NODES && ms->numa_state->nodes[node].present;
}

bool numa_uses_memdevs(const MachineState *ms)
{
    for (int i = 0; ms->numa_state && i < ms->numa_state->num_nodes; i++) {
        if (ms->numa_state->nodes[i].node_memdev) {
            return true;
        }
    }
    return false;
}

/* ---- CPUs ----------------------------------------------------------------------------------- */

/* A CPU may be named twice for the same node. */
static bool check_cpu(const CPUArchId *slot, int64_t node, Error **errp)
{
    if (slot->props.has_node_id && slot->props.node_id != node) {
        error_setg(errp, "CPU is already assigned to node-id: %" PRId64, slot->props.node_id);
        return false;
    }
    return true;
}

static void assign_cpu(CPUArchId *slot, int64_t node)
{
    slot->props.has_node_id = true;
    slot->props.node_id = node;
}

static bool check_cpu_range(MachineState *ms, const NumaCpuRange *range, int64_t node,
                            Error **errp)
{
    const CPUArchIdList *slots = machine_possible_cpus(ms);

    for (int i = range->first; i <= range->last; i++) {
        if (i >= slots->len) {
            error_setg(errp, "CPU index (%d) should be smaller than maxcpus (%d)", i, slots->len);
            return false;
        }
        if (!check_cpu(&slots->cpus[i], node, errp)) {
            return false;
        }
    }
    return true;
}

static bool check_cpu_ranges(MachineState *ms, const GArray *ranges, int64_t node, Error **errp)
{
    for (unsigned i = 0; i < ranges->len; i++) {
        if (!check_cpu_range(ms, &g_array_index(ranges, NumaCpuRange, i), node, errp)) {
            return false;
        }
    }
    return true;
}

static void assign_cpu_ranges(MachineState *ms, const GArray *ranges, int64_t node)
{
    CPUArchIdList *slots = machine_possible_cpus(ms);

    for (unsigned i = 0; i < ranges->len; i++) {
        const NumaCpuRange *range = &g_array_index(ranges, NumaCpuRange, i);

        for (int cpu = range->first; cpu <= range->last; cpu++) {
            assign_cpu(&slots->cpus[cpu], node);
        }
    }
}

/* One level of a CPU's place: asked for or not, and if so, the same. */
typedef struct PlaceLevel {
    const char *name;
    bool wanted, known;
    int64_t want, is;
} PlaceLevel;

#define PLACE_LEVELS(want, slot)                                                                \
    {                                                                                           \
        { "socket-id", (want)->has_socket_id, (slot)->has_socket_id, (want)->socket_id,         \
          (slot)->socket_id },                                                                  \
        { "die-id", (want)->has_die_id, (slot)->has_die_id, (want)->die_id, (slot)->die_id },   \
        { "core-id", (want)->has_core_id, (slot)->has_core_id, (want)->core_id,                 \
          (slot)->core_id },                                                                    \
        { "thread-id", (want)->has_thread_id, (slot)->has_thread_id, (want)->thread_id,         \
          (slot)->thread_id },                                                                  \
    }

static bool place_matches(const CpuInstanceProperties *want, const CpuInstanceProperties *slot)
{
    const PlaceLevel levels[] = PLACE_LEVELS(want, slot);

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (levels[i].wanted && levels[i].want != levels[i].is) {
            return false;
        }
    }
    return true;
}

static bool check_levels(const CpuInstanceProperties *want, const CpuInstanceProperties *slot,
                         Error **errp)
{
    const PlaceLevel levels[] = PLACE_LEVELS(want, slot);

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (levels[i].wanted && !levels[i].known) {
            error_setg(errp, "%s is not supported", levels[i].name);
            return false;
        }
    }
    return true;
}

/* All CPUs at the place that @want describes, of which it may leave levels out. */
static bool numa_add_cpu(MachineState *ms, const CpuInstanceProperties *want, Error **errp)
{
    CPUArchIdList *slots = machine_possible_cpus(ms);
    bool found = false;

    if (!want->has_node_id) {
        error_setg(errp, "Missing mandatory node-id property");
        return false;
    }
    if (!node_is_present(ms, want->node_id)) {
        error_setg(errp, "Invalid node-id=%" PRId64 ", NUMA node must be defined with -numa node,"
                   "nodeid=ID before it's used with -numa cpu,node-id=ID", want->node_id);
        return false;
    }
    if (!check_levels(want, &slots->cpus[0].props, errp)) {
        return false;
    }
    for (int i = 0; i < slots->len; i++) {
        if (place_matches(want, &slots->cpus[i].props)) {
            found = true;
            if (!check_cpu(&slots->cpus[i], want->node_id, errp)) {
                return false;
            }
        }
    }
    if (!found) {
        error_setg(errp, "no match found");
        return false;
    }
    for (int i = 0; i < slots->len; i++) {
        if (place_matches(want, &slots->cpus[i].props)) {
            assign_cpu(&slots->cpus[i], want->node_id);
        }
    }
    return true;
}

static char *describe_place(const CPUArchIdList *slots, int index)
{
    const CpuInstanceProperties *p = &slots->cpus[index].props;
    g_autofree char *die = p->has_die_id ? g_strdup_printf("die-id: %" PRId64 ", ", p->die_id)
                                         : g_strdup("");

    return g_strdup_printf("CPU %d [socket-id: %" PRId64 ", %score-id: %" PRId64 ", thread-id: %"
                           PRId64 "]", index, p->socket_id, die, p->core_id, p->thread_id);
}

/* Those that nobody assigned go to node 0, with a word about it. */
static void numa_assign_rest(CPUArchIdList *slots)
{
    g_autoptr(GString) rest = g_string_new(NULL);

    for (int i = 0; i < slots->len; i++) {
        if (!slots->cpus[i].props.has_node_id) {
            g_autofree char *place = describe_place(slots, i);

            g_string_append_printf(rest, "%s%s", rest->len ? ", " : "", place);
            assign_cpu(&slots->cpus[i], 0);
        }
    }
    if (rest->len) {
        warn_report("CPU(s) not present in any NUMA nodes: %s", rest->str);
        warn_report("All CPU(s) up to maxcpus should be described in NUMA config, ability to "
                    "start up with partial NUMA mappings is obsoleted and will be removed in "
                    "future");
    }
}

/* Every CPU gets a node: by default a socket's all the same one, sockets in turn. */
static void numa_complete_cpus(MachineState *ms)
{
    CPUArchIdList *slots = machine_possible_cpus(ms);
    bool any = false;

    for (int i = 0; i < slots->len; i++) {
        any = any || slots->cpus[i].props.has_node_id;
    }
    for (int i = 0; i < slots->len && !any; i++) {
        assign_cpu(&slots->cpus[i], slots->cpus[i].props.socket_id % ms->numa_state->num_nodes);
    }
    numa_assign_rest(slots);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static HostMemoryBackend *find_memdev(const char *id, Error **errp)
{
    Object *obj = strchr(id, '/') ? object_resolve_path_type(id, TYPE_MEMORY_BACKEND, NULL)
                                  : object_resolve_path_component(object_get_objects_root(), id);

    if (!obj || !object_dynamic_cast(obj, TYPE_MEMORY_BACKEND)) {
        error_setg(errp, "memdev=%s is not the id of a memory backend", id);
        return NULL;
    }
    return MEMORY_BACKEND(obj);
}

/* *@backend is NULL for a node without memory. */
static bool find_node_memory(const NumaOption *opt, HostMemoryBackend **backend, Error **errp)
{
    *backend = NULL;
    if (opt->node.has_mem && opt->node.memdev) {
        error_setg(errp, "numa configuration should use either mem= or memdev=,mixing both is not "
                   "allowed");
        return false;
    }
    if (opt->node.has_mem) {
        error_setg(errp, "Parameter -numa node,mem is not supported by this machine type");
        error_append_hint(errp, "Use -numa node,memdev instead\n");
        return false;
    }
    if (opt->node.memdev) {
        *backend = find_memdev(opt->node.memdev, errp);
    }
    return *backend || !opt->node.memdev;
}

static void add_node(NumaState *numa, int id, HostMemoryBackend *backend)
{
    NodeInfo *node = &numa->nodes[id];

    node->present = true;
    numa->num_nodes++;
    if (backend) {
        /* From now on nobody takes it away. */
        host_memory_backend_set_mapped(backend, true);
        node->node_memdev = backend;
        node->node_mem = memory_region_size(host_memory_backend_get_memory(backend));
    }
}

static bool numa_add_node(MachineState *ms, const NumaOption *opt, Error **errp)
{
    int next = ms->numa_state ? ms->numa_state->num_nodes : 0;
    int id = opt->node.has_nodeid ? opt->node.nodeid : next;
    HostMemoryBackend *backend;

    if (id >= MAX_NODES) {
        error_setg(errp, "Max number of NUMA nodes reached: %d", id);
        error_append_hint(errp, "Node ids are 0 to %d\n", MAX_NODES - 1);
        return false;
    }
    if (node_is_present(ms, id)) {
        error_setg(errp, "Duplicate NUMA nodeid: %d", id);
        return false;
    }
    if (!check_cpu_ranges(ms, opt->node.cpus, id, errp) ||
        !find_node_memory(opt, &backend, errp)) {
        return false;
    }
    assign_cpu_ranges(ms, opt->node.cpus, id);
    add_node(numa_state_get(ms), id, backend);
    return true;
}

static bool numa_check_nodes(const MachineState *ms, Error **errp)
{
    const NumaState *numa = ms->numa_state;
    bool above = false;
    uint64_t total = 0;

    for (int i = MAX_NODES - 1; i >= 0; i--) {
        above = above || numa->nodes[i].present;
        if (above && !numa->nodes[i].present) {
            error_setg(errp, "numa: Node ID missing: %d", i);
            return false;
        }
    }
    for (int i = 0; i < numa->num_nodes; i++) {
        if (__builtin_add_overflow(total, numa->nodes[i].node_mem, &total)) {
            error_setg(errp, "total memory for NUMA nodes exceeds 2^64 bytes");
            return false;
        }
    }
    if (total != ms->ram_size) {
        error_setg(errp, "total memory for NUMA nodes (0x%" PRIx64 ") should equal RAM size (0x%"
                   PRIx64 ")", total, (uint64_t)ms->ram_size);
        return false;
    }
    return true;
}

/* Guests learn from SRAT how far memory can grow, and it names a node for that. */
static void numa_add_default_node(MachineState *ms)
{
    if (ms->ram_slots || ms->maxram_size > ms->ram_size) {
        NumaState *numa = numa_state_get(ms);

        numa->num_nodes = 1;
        numa->nodes[0].present = true;
        numa->nodes[0].node_mem = ms->ram_size;
    }
}

/* ---- distances ------------------------------------------------------------------------------ */

static bool numa_add_distance(MachineState *ms, const NumaOption *opt, Error **errp)
{
    unsigned src = opt->dist.src, dst = opt->dist.dst, val = opt->dist.val;

    if (!node_is_present(ms, src) || !node_is_present(ms, dst)) {
        error_setg(errp, "Source/Destination NUMA node is missing. Please use '-numa node' option "
                   "to declare it first.");
        return false;
    }
    if (val < NUMA_DISTANCE_MIN) {
        error_setg(errp, "NUMA distance (%u) is invalid, it shouldn't be less than %d.", val,
                   NUMA_DISTANCE_MIN);
        return false;
    }
    if (src == dst && val != NUMA_DISTANCE_MIN) {
        error_setg(errp, "Local distance of node %u should be %d.", src, NUMA_DISTANCE_MIN);
        return false;
    }
    ms->numa_state->distance[src][dst] = (uint8_t)val;
    ms->numa_state->have_numa_distance = true;
    return true;
}

/* Each pair of nodes needs one distance; where ways differ, both must be given everywhere. */
static bool numa_check_distances(const NumaState *numa, Error **errp)
{
    bool one_way = false, asymmetrical = false;

    for (int i = 0; i < numa->num_nodes; i++) {
        for (int j = i + 1; j < numa->num_nodes; j++) {
            unsigned there = numa->distance[i][j], back = numa->distance[j][i];

            if (!there && !back) {
                error_setg(errp, "The distance between node %d and %d is missing, at least one "
                           "distance value between each nodes should be provided.", i, j);
                return false;
            }
            one_way = one_way || !there || !back;
            asymmetrical = asymmetrical || (there && back && there != back);
        }
    }
    if (one_way && asymmetrical) {
        error_setg(errp, "At least one asymmetrical pair of distances is given, please provide "
                   "distances for both directions of all node pairs.");
        return false;
    }
    return true;
}

static void numa_mirror_distances(NumaState *numa)
{
    for (int i = 0; i < numa->num_nodes; i++) {
        for (int j = 0; j < numa->num_nodes; j++) {
            if (i == j) {
                numa->distance[i][j] = NUMA_DISTANCE_MIN;
            } else if (!numa->distance[i][j]) {
                numa->distance[i][j] = numa->distance[j][i];
            }
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

bool numa_add(MachineState *ms, const NumaOption *opt, Error **errp)
{
    if (!machine_possible_cpus(ms)) {
        error_setg(errp, "NUMA is not supported by this machine-type");
        return false;
    }
    switch (opt->type) {
    case NUMA_OPTION_NODE:
        return numa_add_node(ms, opt, errp);
    case NUMA_OPTION_CPU:
        return numa_add_cpu(ms, &opt->cpu, errp);
    default:
        return numa_add_distance(ms, opt, errp);
    }
}

bool numa_add_option(MachineState *ms, const char *params, Error **errp)
{
    g_auto(NumaOption) opt = { 0 };

    return numa_option_parse(&opt, params, errp) && numa_add(ms, &opt, errp);
}

bool numa_complete_configuration(MachineState *ms, Error **errp)
{
    if (!ms->numa_state && machine_possible_cpus(ms)) {
        numa_add_default_node(ms);
    }
    if (!ms->numa_state) {
        return true;
    }
    if (!numa_check_nodes(ms, errp) ||
        (ms->numa_state->have_numa_distance && !numa_check_distances(ms->numa_state, errp))) {
        return false;
    }
    if (ms->numa_state->have_numa_distance) {
        numa_mirror_distances(ms->numa_state);
    }
    numa_complete_cpus(ms);
    return true;
}
