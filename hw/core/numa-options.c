/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading "-numa node|cpu|dist,…" into a NumaOption. What can be said of a value without knowing
 * the machine is said here: that it is a number, in range, of a parameter that the type has.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/option.h"
#include "system/numa.h"

typedef bool NumaSetter(NumaOption *opt, const char *name, const char *value, Error **errp);

typedef struct NumaParameter {
    const char *name;
    NumaSetter *set;
    bool required;
} NumaParameter;

/* One "key=value" as it was typed. */
typedef struct NumaPair {
    char *key;
    char *value;
} NumaPair;

static void numa_pair_clear(void *data)
{
    NumaPair *pair = data;

    g_free(pair->key);
    g_free(pair->value);
}

/* ---- values --------------------------------------------------------------------------------- */

static bool parse_unsigned(const char *name, const char *value, uint64_t max, const char *type,
                           uint64_t *number, Error **errp)
{
    if (qemu_strtou64(value, NULL, 0, number) < 0 || strchr(value, '-')) {
        error_setg(errp, "Parameter '%s' expects a uint64 value", name);
        return false;
    }
    if (*number > max) {
        error_setg(errp, "Parameter '%s' expects %s", name, type);
        return false;
    }
    return true;
}

static bool parse_u16(const char *name, const char *value, uint16_t *number, Error **errp)
{
    uint64_t wide;

    if (!parse_unsigned(name, value, UINT16_MAX, "uint16_t", &wide, errp)) {
        return false;
    }
    *number = (uint16_t)wide;
    return true;
}

static bool parse_int64(const char *name, const char *value, int64_t *number, bool *has,
                        Error **errp)
{
    if (qemu_strtoi64(value, NULL, 0, number) < 0) {
        error_setg(errp, "Parameter '%s' expects an int64 value", name);
        return false;
    }
    *has = true;
    return true;
}

/* "3" or "2-5" */
static bool parse_cpu_range(const char *value, NumaCpuRange *range)
{
    uint64_t first, last;
    const char *end;

    if (!g_ascii_isdigit(*value) || qemu_strtou64(value, &end, 0, &first) < 0) {
        return false;
    }
    last = first;
    if (*end == '-' && (!g_ascii_isdigit(end[1]) || qemu_strtou64(end + 1, &end, 0, &last) < 0)) {
        return false;
    }
    if (*end || last < first || last > UINT16_MAX) {
        return false;
    }
    *range = (NumaCpuRange) { (uint16_t)first, (uint16_t)last };
    return true;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static bool set_nodeid(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    opt->node.has_nodeid = true;
    return parse_u16(name, value, &opt->node.nodeid, errp);
}

static bool set_cpus(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    NumaCpuRange range;

    if (!parse_cpu_range(value, &range)) {
        error_setg(errp, "Parameter '%s' expects a uint64 value or range", name);
        error_append_hint(errp, "A CPU index below 65536, or FIRST-LAST; '%s' may be repeated\n",
                          name);
        return false;
    }
    g_array_append_val(opt->node.cpus, range);
    return true;
}

static bool set_mem(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    opt->node.has_mem = true;
    if (qemu_strtosz_MiB(value, NULL, &opt->node.mem) < 0) {
        error_setg(errp, "Parameter '%s' expects a size value", name);
        return false;
    }
    return true;
}

static bool set_memdev(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    g_free(opt->node.memdev);
    opt->node.memdev = g_strdup(value);
    return true;
}

static bool refuse_hmat(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    error_setg(errp, "'%s' is not supported: there is no Heterogeneous Memory Attribute Table "
               "(HMAT)", name);
    return false;
}

static bool set_node_id(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_int64(name, value, &opt->cpu.node_id, &opt->cpu.has_node_id, errp);
}

static bool set_socket_id(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_int64(name, value, &opt->cpu.socket_id, &opt->cpu.has_socket_id, errp);
}

static bool set_die_id(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_int64(name, value, &opt->cpu.die_id, &opt->cpu.has_die_id, errp);
}

static bool refuse_level(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    error_setg(errp, "%s is not supported", name);
    return false;
}

static bool set_core_id(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_int64(name, value, &opt->cpu.core_id, &opt->cpu.has_core_id, errp);
}

static bool set_thread_id(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_int64(name, value, &opt->cpu.thread_id, &opt->cpu.has_thread_id, errp);
}

static bool parse_node(const char *name, const char *value, uint16_t *node, Error **errp)
{
    if (!parse_u16(name, value, node, errp)) {
        return false;
    }
    if (*node >= MAX_NODES) {
        error_setg(errp, "Parameter '%s' expects an integer between 0 and %d", name,
                   MAX_NODES - 1);
        return false;
    }
    return true;
}

static bool set_src(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_node(name, value, &opt->dist.src, errp);
}

static bool set_dst(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    return parse_node(name, value, &opt->dist.dst, errp);
}

static bool set_val(NumaOption *opt, const char *name, const char *value, Error **errp)
{
    uint64_t number;

    if (!parse_unsigned(name, value, UINT8_MAX, "uint8_t", &number, errp)) {
        return false;
    }
    opt->dist.val = (uint8_t)number;
    return true;
}

/* ---- types ---------------------------------------------------------------------------------- */

static const NumaParameter node_parameters[] = {
    { "nodeid", set_nodeid }, { "cpus", set_cpus }, { "mem", set_mem }, { "memdev", set_memdev },
    { "initiator", refuse_hmat }, { },
};
static const NumaParameter cpu_parameters[] = {
    { "node-id", set_node_id }, { "socket-id", set_socket_id }, { "die-id", set_die_id },
    { "cluster-id", refuse_level }, { "core-id", set_core_id }, { "thread-id", set_thread_id },
    { },
};
static const NumaParameter dist_parameters[] = {
    { "src", set_src, true }, { "dst", set_dst, true }, { "val", set_val, true }, { },
};

static const struct {
    const char *name;
    const NumaParameter *parameters;    /* ended by one without a name; NULL: not supported */
    NumaOptionType type;
} numa_types[] = {
    { "node", node_parameters, NUMA_OPTION_NODE },
    { "cpu", cpu_parameters, NUMA_OPTION_CPU },
    { "dist", dist_parameters, NUMA_OPTION_DIST },
    { "hmat-lb" }, { "hmat-cache" },
};

static bool numa_set_type(NumaOption *opt, const char *name, const NumaParameter **parameters,
                          Error **errp)
{
    if (!name) {
        error_setg(errp, "Parameter 'type' is missing");
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(numa_types); i++) {
        if (!strcmp(name, numa_types[i].name)) {
            opt->type = numa_types[i].type;
            *parameters = numa_types[i].parameters;
            return *parameters || refuse_hmat(opt, name, NULL, errp);
        }
    }
    error_setg(errp, "Parameter 'type' does not accept value '%s'", name);
    return false;
}

static const NumaPair *find_last(const GArray *pairs, const char *key)
{
    for (unsigned i = pairs->len; i-- > 0;) {
        const NumaPair *pair = &g_array_index(pairs, NumaPair, i);

        if (!strcmp(pair->key, key)) {
            return pair;
        }
    }
    return NULL;
}

static bool numa_set_pair(NumaOption *opt, const NumaParameter *parameters, const NumaPair *pair,
                          Error **errp)
{
    if (!strcmp(pair->key, "type")) {
        return true;
    }
    for (const NumaParameter *p = parameters; p->name; p++) {
        if (!strcmp(pair->key, p->name)) {
            return p->set(opt, p->name, pair->value, errp);
        }
    }
    error_setg(errp, "Invalid parameter '%s'", pair->key);
    return false;
}

static bool numa_set_pairs(NumaOption *opt, const GArray *pairs, Error **errp)
{
    const NumaPair *type = find_last(pairs, "type");
    const NumaParameter *parameters;

    if (!numa_set_type(opt, type ? type->value : NULL, &parameters, errp)) {
        return false;
    }
    for (unsigned i = 0; i < pairs->len; i++) {
        if (!numa_set_pair(opt, parameters, &g_array_index(pairs, NumaPair, i), errp)) {
            return false;
        }
    }
    for (const NumaParameter *p = parameters; p->name; p++) {
        if (p->required && !find_last(pairs, p->name)) {
            error_setg(errp, "Parameter '%s' is missing", p->name);
            return false;
        }
    }
    return true;
}

static bool add_pair(const char *key, const char *value, void *opaque, Error **errp)
{
    NumaPair pair = { g_strdup(key), g_strdup(value) };

    g_array_append_val((GArray *)opaque, pair);
    return true;
}

bool numa_option_parse(NumaOption *opt, const char *params, Error **errp)
{
    g_autoptr(GArray) pairs = g_array_new(false, false, sizeof(NumaPair));

    *opt = (NumaOption) { .node.cpus = g_array_new(false, false, sizeof(NumaCpuRange)) };
    g_array_set_clear_func(pairs, numa_pair_clear);
    return qemu_opts_foreach(params, "type", NULL, add_pair, pairs, errp) &&
           numa_set_pairs(opt, pairs, errp);
}

void numa_option_clear(NumaOption *opt)
{
    g_free(opt->node.memdev);
    g_array_unref(opt->node.cpus);
}
