/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands for the time that -preconfig gives: before the machine is made. */
#include "qemu/osdep.h"

#include "hw/core/boards.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/qapi-visit-machine.h"
#include "system/numa.h"

static void (*exit_preconfig)(Error **errp);

void monitor_set_exit_preconfig(void (*fn)(Error **errp))
{
    exit_preconfig = fn;
}

void qmp_x_exit_preconfig(Error **errp)
{
    exit_preconfig(errp);
}

/* ---- set-numa-node ---- */

static void take_node(NumaOption *opt, const NumaNodeOptions *node)
{
    opt->type = NUMA_OPTION_NODE;
    opt->node.has_nodeid = node->has_nodeid;
    opt->node.nodeid = node->nodeid;
    opt->node.has_mem = node->has_mem;
    opt->node.mem = node->mem;
    opt->node.memdev = g_strdup(node->memdev);
    for (uint16List *cpu = node->cpus; cpu; cpu = cpu->next) {
        const NumaCpuRange range = { cpu->value, cpu->value };

        g_array_append_val(opt->node.cpus, range);
    }
}

/* What "-numa dist" refuses of the numbers alone is refused where it is carried out. */
static void take_distance(NumaOption *opt, const NumaDistOptions *dist)
{
    opt->type = NUMA_OPTION_DIST;
    opt->dist.src = dist->src;
    opt->dist.dst = dist->dst;
    opt->dist.val = dist->val;
}

static void add_numa(const NumaOptions *options, Error **errp)
{
    g_auto(NumaOption) opt = { .node.cpus = g_array_new(FALSE, FALSE, sizeof(NumaCpuRange)) };

    switch (options->type) {
    case NUMA_OPTIONS_TYPE_NODE:
        take_node(&opt, &options->u.node);
        break;
    case NUMA_OPTIONS_TYPE_DIST:
        take_distance(&opt, &options->u.dist);
        break;
    default:
        opt.type = NUMA_OPTION_CPU;
        opt.cpu = options->u.cpu;
        break;
    }
    numa_add(current_machine, &opt, errp);
}

void qmp_set_numa_node(json_t *args, Error **errp)
{
    g_autoptr(NumaOptions) options = NULL;
    Visitor *v;

    if (phase_check(PHASE_MACHINE_INITIALIZED)) {
        error_setg(errp, "The command is permitted only before the machine has been created");
        return;
    }
    v = qobject_input_visitor_new(args);
    if (visit_type_NumaOptions(v, NULL, &options, errp)) {
        add_numa(options, errp);
    }
    visit_free(v);
}
