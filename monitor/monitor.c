/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitors as a whole: made as -mon says, started and ended together. Here the two kinds, QMP
 * and human, get the tables of their commands, so that neither knows which commands there are.
 */
#include "qemu/osdep.h"

#include "hmp.h"
#include "monitor/monitor.h"
#include "monitor/qmp-dispatch.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qmp-internal.h"

static bool started;

static bool mon_opts_check(json_t *opts, bool *pretty, Error **errp)
{
    const char *key;
    json_t *value;

    json_object_foreach(opts, key, value) {
        /* "id" names the option itself; libvirt gives one. Nothing else has to know it. */
        if (strcmp(key, "chardev") && strcmp(key, "mode") && strcmp(key, "pretty") &&
            strcmp(key, "id")) {
            error_setg(errp, "Invalid parameter '%s'", key);
            return false;
        }
    }
    value = json_object_get(opts, "pretty");
    if (value) {
        Visitor *v = qobject_input_visitor_new_keyval(value);
        bool ok = visit_type_bool(v, "pretty", pretty, errp);

        visit_free(v);
        return ok;
    }
    return true;
}

bool monitor_init_opts(json_t *opts, Error **errp)
{
    const char *id = json_string_value(json_object_get(opts, "chardev"));
    const char *mode = json_string_value(json_object_get(opts, "mode"));
    bool pretty = false, human = !mode || !strcmp(mode, "readline");
    Chardev *chr;

    if (!mon_opts_check(opts, &pretty, errp)) {
        return false;
    }
    if (!human && strcmp(mode, "control")) {
        error_setg(errp, "Parameter 'mode' does not accept value '%s'", mode);
        return false;
    }
    if (human && pretty) {
        error_setg(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    if (!id) {
        error_setg(errp, "Parameter 'chardev' is missing");
        return false;
    }
    chr = chardev_find(id);
    if (!chr) {
        error_setg(errp, "chardev \"%s\" not found", id);
        return false;
    }
    return human ? monitor_init_hmp(chr, errp) : monitor_init_qmp(chr, pretty, errp);
}

void monitor_start_qmp(void)
{
    started = true;
    qmp_set_commands(qmp_commands, qmp_nb_commands);
    hmp_set_commands(hmp_commands);
    qmp_events_init();
    qmp_start_all();
}

void monitor_start_all(void)
{
    if (!started) {
        monitor_start_qmp();
    }
    hmp_start_all();
}

void monitor_cleanup(void)
{
    qmp_events_cleanup();
    qmp_cleanup();
    hmp_cleanup();
    started = false;
}
