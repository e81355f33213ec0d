/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP monitors. Bytes go through a framer into a queue of requests; an idle source carries out one
 * a main loop round, so monitors share the loop fairly and a command may do what it likes to the
 * character device. Output is buffered: while a client does not read, its input waits, so the
 * buffer is bounded by a few replies plus events, and events are dropped beyond a limit. Which
 * commands there are is a table that monitor.c hands in.
 */
#include "qemu/osdep.h"

#include "hw/core/qdev.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-control.h"
#include "monitor/monitor.h"
#include "monitor/qmp-dispatch.h"
#include "qemu/error-report.h"
#include "qemu/json.h"
#include "qemu/known-names.h"
#include "output.h"
#include "qmp-internal.h"

#define PACKAGE_NAME "elastic-memory"
#define MAX_QUEUED_REQUESTS 8               /* more input waits in the kernel */
#define OUTPUT_LIMIT (16 * 1024 * 1024)     /* bytes unsent: events are dropped */

typedef struct Request {
    json_t *value;   /* or */
    Error *err;      /* what was wrong with the input */
} Request;

typedef struct MonitorQMP {
    Chardev *chr;
    bool pretty;
    bool open;                /* a client is there */
    bool negotiated;
    bool dropping_events;     /* reported once for each time */
    JSONFramer *framer;
    GQueue *requests;
    guint dispatch_source;
    MonitorOutput output;
} MonitorQMP;

static GSList *monitors;
static bool started;
static MonitorQMP *current;   /* whose command runs */
static const QmpCommand *commands;   /* the table, sorted by name */
static size_t nb_commands;

static void monitor_schedule(MonitorQMP *mon);

/* ---- output ---- */

static void monitor_sent(void *opaque)
{
    MonitorQMP *mon = opaque;

    if (!monitor_output_unsent(&mon->output)) {
        mon->dropping_events = false;
    }
    monitor_schedule(mon);
}

static void monitor_send(MonitorQMP *mon, const json_t *message)
{
    GString *text;

    if (!mon->open) {
        return;
    }
    text = qjson_to_string(message, mon->pretty);
    g_string_append(text, "\r\n");
    monitor_output_append(&mon->output, text->str, text->len);
    g_string_free(text, TRUE);
    monitor_output_flush(&mon->output);
}

void qmp_broadcast(json_t *event)
{
    for (GSList *l = monitors; l; l = l->next) {
        MonitorQMP *mon = l->data;

        if (!mon->negotiated) {
            continue;
        }
        if (monitor_output_unsent(&mon->output) < OUTPUT_LIMIT) {
            monitor_send(mon, event);
        } else if (!mon->dropping_events) {
            mon->dropping_events = true;
            warn_report("QMP client of '%s' does not read: events are dropped",
                        chardev_label(mon->chr));
        }
    }
}

static void monitor_send_error(MonitorQMP *mon, Error *err, json_t *id)
{
    json_t *reply = json_object();
    json_t *body = json_object();

    if (id) {
        json_object_set(reply, "id", id);
    }
    json_object_set_new(body, "class", json_string(error_class_name(error_get_class(err))));
    json_object_set_new(body, "desc", qjson_string(error_get_pretty(err)));
    json_object_set_new(reply, "error", body);
    monitor_send(mon, reply);
    json_decref(reply);
    error_free(err);
}

/* ---- commands ---- */

void qmp_set_commands(const QmpCommand *table, size_t nb)
{
    commands = table;
    nb_commands = nb;
}

const QmpCommand *qmp_get_commands(size_t *nb)
{
    *nb = nb_commands;
    return commands;
}

static int command_compare(const void *name, const void *command)
{
    return strcmp(name, ((const QmpCommand *)command)->name);
}

/* The command's name and arguments (borrowed; NULL if there are none), or false. */
static bool request_check(json_t *request, const char **name, json_t **arguments, Error **errp)
{
    const char *key;
    json_t *value;

    *name = NULL;
    *arguments = NULL;
    if (!json_is_object(request)) {
        error_setg(errp, "QMP input must be a JSON object");
        return false;
    }
    json_object_foreach(request, key, value) {
        if (!strcmp(key, "execute")) {
            if (!qjson_is_string(value)) {
                error_setg(errp, "QMP input member 'execute' must be a string");
                return false;
            }
            *name = json_string_value(value);
        } else if (!strcmp(key, "arguments")) {
            if (!json_is_object(value)) {
                error_setg(errp, "QMP input member 'arguments' must be an object");
                return false;
            }
            *arguments = value;
        } else if (strcmp(key, "id")) {
            error_setg(errp, "QMP input member '%s' is unexpected", key);
            return false;
        }
    }
    if (!*name) {
        error_setg(errp, "QMP input lacks member 'execute'");
        return false;
    }
    return true;
}

/* Whether the monitor's state allows the command. */
static bool command_check_negotiation(MonitorQMP *mon, const char *name, Error **errp)
{
    if (!mon->negotiated && strcmp(name, "qmp_capabilities")) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Expecting capabilities negotiation with 'qmp_capabilities'");
        return false;
    }
    return true;
}

/* Whether the machine is there, where a command needs it. */
static bool command_check_machine(const QmpCommand *command, Error **errp)
{
    if (!command->preconfig && !phase_check(PHASE_MACHINE_READY)) {
        error_setg(errp, "The command '%s' is permitted only after machine initialization has "
                   "completed", command->name);
        return false;
    }
    return true;
}

static json_t *request_run(MonitorQMP *mon, json_t *request, Error **errp)
{
    const QmpCommand *command;
    const char *name;
    json_t *arguments, *result = NULL;
    bool ok;

    if (!request_check(request, &name, &arguments, errp) ||
        !command_check_negotiation(mon, name, errp)) {
        return NULL;
    }
    command = bsearch(name, commands, nb_commands, sizeof(commands[0]), command_compare);
    if (!command) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_COMMAND, name);

        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND, "The command %s has not been found%s", name,
                  why);
        return NULL;
    }
    if (!command_check_machine(command, errp)) {
        return NULL;
    }
    arguments = arguments ? json_incref(arguments) : json_object();
    current = mon;
    ok = command->run(arguments, &result, errp);
    current = NULL;
    json_decref(arguments);
    return ok ? result : NULL;
}

bool qmp_current_is_negotiated(void)
{
    return current->negotiated;
}

void qmp_current_set_negotiated(void)
{
    current->negotiated = true;
}

static void request_carry_out(MonitorQMP *mon, Request *request)
{
    json_t *id = json_incref(json_object_get(request->value, "id"));
    Error *err = request->err;
    json_t *result, *reply;

    request->err = NULL;
    result = err ? NULL : request_run(mon, request->value, &err);
    if (result) {
        reply = json_object();
        json_object_set_new(reply, "return", result);
        if (id) {
            json_object_set(reply, "id", id);
        }
        monitor_send(mon, reply);
        json_decref(reply);
    } else {
        monitor_send_error(mon, err, id);
    }
    json_decref(id);
}

static void request_free(void *data)
{
    Request *request = data;

    json_decref(request->value);
    error_free(request->err);
    g_free(request);
}

static gboolean monitor_dispatch(gpointer opaque)
{
    MonitorQMP *mon = opaque;
    Request *request = g_queue_pop_head(mon->requests);

    mon->dispatch_source = 0;
    if (request) {
        request_carry_out(mon, request);
        request_free(request);
    }
    monitor_schedule(mon);
    return G_SOURCE_REMOVE;
}

/* Sees to it that the next request is carried out, unless the client has to read first. */
static void monitor_schedule(MonitorQMP *mon)
{
    if (mon->dispatch_source || g_queue_is_empty(mon->requests) ||
        monitor_output_unsent(&mon->output) > MONITOR_OUTPUT_HIGH) {
        return;
    }
    mon->dispatch_source = g_idle_add_full(G_PRIORITY_DEFAULT, monitor_dispatch, mon, NULL);
}

/* ---- input ---- */

static void monitor_take_message(void *opaque, json_t *value, Error *err)
{
    MonitorQMP *mon = opaque;
    Request *request = g_new0(Request, 1);

    request->value = value;
    request->err = err;
    g_queue_push_tail(mon->requests, request);
    monitor_schedule(mon);
}

static int monitor_can_read(void *opaque)
{
    MonitorQMP *mon = opaque;

    return mon->requests->length < MAX_QUEUED_REQUESTS &&
           monitor_output_unsent(&mon->output) <= MONITOR_OUTPUT_HIGH ? 4096 : 0;
}

static bool monitor_has_pending(void *opaque)
{
    const MonitorQMP *mon = opaque;

    return !g_queue_is_empty(mon->requests) || monitor_output_unsent(&mon->output);
}

static void monitor_read(void *opaque, const uint8_t *buf, int size)
{
    MonitorQMP *mon = opaque;

    json_framer_feed(mon->framer, (const char *)buf, size);
}

VersionInfo *qmp_version_new(void)
{
    VersionInfo *info = g_new0(VersionInfo, 1);
    g_auto(GStrv) parts = g_strsplit(PROJECT_VERSION, ".", 3);

    info->qemu = g_new0(VersionTriple, 1);
    info->qemu->major = g_ascii_strtoll(parts[0], NULL, 10);
    info->qemu->minor = g_ascii_strtoll(parts[1], NULL, 10);
    info->qemu->micro = g_ascii_strtoll(parts[2], NULL, 10);
    info->package = g_strdup(PACKAGE_NAME);
    return info;
}

static void monitor_greet(MonitorQMP *mon)
{
    VersionInfo *version = qmp_version_new();
    json_t *greeting = json_object(), *body = json_object(), *version_json = NULL;
    Visitor *v = qobject_output_visitor_new(&version_json);

    visit_type_VersionInfo(v, NULL, &version, &error_abort);
    visit_complete(v);
    visit_free(v);
    json_object_set_new(body, "version", version_json);
    json_object_set_new(body, "capabilities", json_array());
    json_object_set_new(greeting, "QMP", body);
    monitor_send(mon, greeting);
    json_decref(greeting);
    qapi_free_VersionInfo(version);
}

/* Nothing of a client that has gone is left for the next one. */
static void monitor_forget_client(MonitorQMP *mon)
{
    mon->open = false;
    mon->negotiated = false;
    mon->dropping_events = false;
    json_framer_reset(mon->framer);
    g_queue_clear_full(mon->requests, request_free);
    monitor_output_drop(&mon->output);
}

static void monitor_event(void *opaque, QEMUChrEvent event)
{
    MonitorQMP *mon = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        mon->open = true;
        monitor_greet(mon);
        break;
    case CHR_EVENT_CLOSED:
        monitor_forget_client(mon);
        break;
    default:
        break;
    }
}

/* ---- life ---- */

static void monitor_start(MonitorQMP *mon)
{
    chardev_set_handlers(mon->chr, monitor_can_read, monitor_read, monitor_event, mon);
    chardev_set_pending_handler(mon->chr, monitor_has_pending);
}

bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp)
{
    MonitorQMP *mon;

    chr = chardev_attach(chr, errp);
    if (!chr) {
        return false;
    }
    mon = g_new0(MonitorQMP, 1);
    mon->chr = chr;
    mon->pretty = pretty;
    mon->framer = json_framer_new(monitor_take_message, mon);
    mon->requests = g_queue_new();
    monitor_output_init(&mon->output, chr, monitor_sent, mon);
    monitors = g_slist_append(monitors, mon);
    if (started) {
        monitor_start(mon);
    }
    return true;
}

void qmp_start_all(void)
{
    started = true;
    for (GSList *l = monitors; l; l = l->next) {
        monitor_start(l->data);
    }
}

static void monitor_free(MonitorQMP *mon)
{
    monitor_output_flush_at_exit(&mon->output);
    chardev_detach(mon->chr);
    mon->output.watch = 0;
    monitor_forget_client(mon);
    g_clear_handle_id(&mon->dispatch_source, g_source_remove);
    json_framer_free(mon->framer);
    g_queue_free(mon->requests);
    monitor_output_cleanup(&mon->output);
    g_free(mon);
}

void qmp_cleanup(void)
{
    while (monitors) {
        MonitorQMP *mon = monitors->data;

        monitors = g_slist_delete_link(monitors, monitors);
        monitor_free(mon);
    }
    started = false;
}
