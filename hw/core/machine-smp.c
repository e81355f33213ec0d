/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-smp": the machine property "smp", a structure of counts. What the user left out is computed so
 * that sockets * dies * cores * threads is the greatest number of CPUs. And the places that these
 * counts make: one for each CPU that may be there.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/error.h"
#include "system/hostmem.h"

/* Far above any level of any machine, and the product of four of them fits in 64 bits. */
#define SMP_PARAMETER_MAX 65535

typedef struct SmpConfig {
    int64_t cpus, maxcpus, sockets, dies, cores, threads;   /* 0: not given */
} SmpConfig;

typedef struct SmpParameter {
    const char *name;
    size_t offset;
} SmpParameter;

#define SMP_PARAMETER(name) { #name, offsetof(SmpConfig, name) }
static const SmpParameter smp_parameters[] = {
    SMP_PARAMETER(cpus), SMP_PARAMETER(sockets), SMP_PARAMETER(dies), SMP_PARAMETER(cores),
    SMP_PARAMETER(threads), SMP_PARAMETER(maxcpus),
};

/* Levels that no PC has: only one of each. */
static const char *const smp_absent_levels[] = { "drawers", "books", "clusters", "modules" };

static int64_t *smp_field(SmpConfig *config, const SmpParameter *parameter)
{
    return (int64_t *)((char *)config + parameter->offset);
}

static bool smp_visit_parameter(Visitor *v, const char *name, int64_t *value, Error **errp)
{
    bool present = false;

    if (!visit_optional(v, name, &present)) {
        return true;
    }
    if (!visit_type_int(v, name, value, errp)) {
        return false;
    }
    if (*value <= 0) {
        error_setg(errp, "Invalid CPU topology: CPU topology parameters must be greater than zero");
        return false;
    }
    /* How many CPUs there may be is the machine's to say: smp_check(). */
    if (*value > SMP_PARAMETER_MAX && !g_str_has_suffix(name, "cpus")) {
        error_setg(errp, "Invalid CPU topology: %s=%" PRId64 " is above %d", name, *value,
                   SMP_PARAMETER_MAX);
        return false;
    }
    return true;
}

static bool smp_visit_config(Visitor *v, SmpConfig *config, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(smp_parameters); i++) {
        if (!smp_visit_parameter(v, smp_parameters[i].name,
                                 smp_field(config, &smp_parameters[i]), errp)) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(smp_absent_levels); i++) {
        int64_t value = 1;

        if (!smp_visit_parameter(v, smp_absent_levels[i], &value, errp)) {
            return false;
        }
        if (value != 1) {
            error_setg(errp, "%s not supported by this machine's CPU topology",
                       smp_absent_levels[i]);
            return false;
        }
    }
    return visit_check_struct(v, errp);
}

/* Cores take what is left over, or sockets on machines that prefer them; threads at last. */
static void smp_complete_levels(SmpConfig *c, bool prefer_sockets)
{
    int64_t total = c->maxcpus ? c->maxcpus : c->cpus;

    c->dies = MAX(c->dies, 1);
    if (!total) {
        c->sockets = MAX(c->sockets, 1);
        c->cores = MAX(c->cores, 1);
        c->threads = MAX(c->threads, 1);
        return;
    }
    if (prefer_sockets && !c->sockets) {
        c->cores = MAX(c->cores, 1);
        c->threads = MAX(c->threads, 1);
        c->sockets = total / (c->dies * c->cores * c->threads);
    } else if (!c->cores) {
        c->sockets = MAX(c->sockets, 1);
        c->threads = MAX(c->threads, 1);
        c->cores = total / (c->sockets * c->dies * c->threads);
    } else if (!c->sockets) {
        c->threads = MAX(c->threads, 1);
        c->sockets = total / (c->dies * c->cores * c->threads);
    }
    if (!c->threads && c->sockets && c->cores) {
        c->threads = total / (c->sockets * c->dies * c->cores);
    }
}

static char *smp_describe(const SmpConfig *c, const MachineClass *mc)
{
    g_autofree char *dies = mc->dies_supported ? g_strdup_printf(" * dies (%" PRId64 ")", c->dies)
                                               : g_strdup("");

    return g_strdup_printf("sockets (%" PRId64 ")%s * cores (%" PRId64 ") * threads (%" PRId64 ")",
                           c->sockets, dies, c->cores, c->threads);
}

static bool smp_check(const SmpConfig *c, const MachineClass *mc, Error **errp)
{
    g_autofree char *levels = smp_describe(c, mc);

    if (c->sockets * c->dies * c->cores * c->threads != c->maxcpus) {
        error_setg(errp, "Invalid CPU topology: product of the hierarchy must match maxcpus: "
                   "%s != maxcpus (%" PRId64 ")", levels, c->maxcpus);
        return false;
    }
    if (c->maxcpus < c->cpus) {
        error_setg(errp, "Invalid CPU topology: maxcpus must be equal to or greater than smp: "
                   "%s == maxcpus (%" PRId64 ") < smp_cpus (%" PRId64 ")", levels, c->maxcpus,
                   c->cpus);
        return false;
    }
    if (c->cpus < mc->min_cpus) {
        error_setg(errp, "Invalid SMP CPUs %" PRId64 ". The min CPUs supported by machine '%s' is "
                   "%u", c->cpus, mc->name, mc->min_cpus);
        return false;
    }
    if (c->maxcpus > mc->max_cpus) {
        error_setg(errp, "Invalid SMP CPUs %" PRId64 ". The max CPUs supported by machine '%s' is "
                   "%u", c->maxcpus, mc->name, mc->max_cpus);
        return false;
    }
    return true;
}

static bool smp_apply(MachineState *ms, SmpConfig *c, Error **errp)
{
    MachineClass *mc = MACHINE_GET_CLASS(ms);

    if (c->dies > 1 && !mc->dies_supported) {
        error_setg(errp, "dies not supported by this machine's CPU topology");
        return false;
    }
    smp_complete_levels(c, mc->smp_prefer_sockets);
    if (!c->maxcpus) {
        c->maxcpus = c->cpus ? c->cpus : c->sockets * c->dies * c->cores * c->threads;
    }
    if (!c->cpus) {
        c->cpus = c->maxcpus;
    }
    if (!smp_check(c, mc, errp)) {
        return false;
    }
    ms->smp.cpus = c->cpus;
    ms->smp.max_cpus = c->maxcpus;
    ms->smp.sockets = c->sockets;
    ms->smp.dies = c->dies;
    ms->smp.cores = c->cores;
    ms->smp.threads = c->threads;
    host_memory_backend_default_prealloc_threads = c->cpus;
    return true;
}

void machine_set_smp(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    SmpConfig config = { 0 };
    bool ok;

    if (machine_refuse_late(name, errp) || !visit_start_struct(v, name, errp)) {
        return;
    }
    ok = smp_visit_config(v, &config, errp);
    visit_end_struct(v);
    if (ok) {
        smp_apply(MACHINE(obj), &config, errp);
    }
}

void machine_get_smp(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const CpuTopology *smp = &MACHINE(obj)->smp;
    SmpConfig config = {
        .cpus = smp->cpus, .maxcpus = smp->max_cpus, .sockets = smp->sockets, .dies = smp->dies,
        .cores = smp->cores, .threads = smp->threads,
    };
    int64_t clusters = smp->clusters;

    if (!visit_start_struct(v, name, errp)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(smp_parameters); i++) {
        visit_type_int(v, smp_parameters[i].name, smp_field(&config, &smp_parameters[i]), NULL);
    }
    visit_type_int(v, "clusters", &clusters, NULL);
    visit_end_struct(v);
}

bool machine_parse_smp_config(MachineState *ms, json_t *config, bool keyval, Error **errp)
{
    return machine_set_structure(ms, "smp", config, keyval, errp);
}

/* ---- places for CPUs ------------------------------------------------------------------------ */

CPUArchIdList *machine_possible_cpus(MachineState *ms)
{
    MachineClass *mc = MACHINE_GET_CLASS(ms);
    unsigned nb_cpus = ms->smp.max_cpus;

    if (!ms->possible_cpus && mc->init_possible_cpu) {
        ms->possible_cpus = g_malloc0(sizeof(CPUArchIdList) + nb_cpus * sizeof(CPUArchId));
        ms->possible_cpus->len = (int)nb_cpus;
        for (unsigned i = 0; i < nb_cpus; i++) {
            mc->init_possible_cpu(ms, i, &ms->possible_cpus->cpus[i]);
        }
    }
    return ms->possible_cpus;
}
