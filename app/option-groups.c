/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of options with parameters (option-groups.h), and query-command-line-options. Names
 * of groups are QEMU's: -m is "memory", -smp "smp-opts". A group without parameters takes the
 * properties of what it makes.
 */
#include "qemu/osdep.h"

#include "chardev/char.h"
#include "hw/core/boards.h"
#include "monitor/monitor.h"
#include "option-groups.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qemu/cutils.h"
#include "qemu/option.h"

#define TEXT COMMAND_LINE_PARAMETER_TYPE_STRING
#define BOOL COMMAND_LINE_PARAMETER_TYPE_BOOLEAN
#define NUMBER COMMAND_LINE_PARAMETER_TYPE_NUMBER
#define SIZE COMMAND_LINE_PARAMETER_TYPE_SIZE

typedef struct OptionParam {
    const char *name;
    CommandLineParameterType type;
    const char *help;               /* or NULL */
} OptionParam;

typedef struct OptionGroup OptionGroup;
typedef CommandLineParameterInfoList *OptionLister(const OptionGroup *group);

struct OptionGroup {
    const char *name;
    const char *option;             /* without the dash; NULL: as the group */
    OptionLister *list;             /* NULL: the next member */
    const OptionParam *params;      /* ends with a name of NULL; NULL: none */
};

static OptionLister list_machine_params, list_chardev_params;

#define PARAMS(...) .params = (const OptionParam[]) { __VA_ARGS__, { NULL } }

static const OptionGroup groups[] = {
    { "accel" },
    { "chardev", .list = list_chardev_params },
    { "device" },
    { "global", PARAMS({ "driver", TEXT }, { "property", TEXT }, { "value", TEXT }) },
    { "machine", .list = list_machine_params },
    { "memory", .option = "m", PARAMS({ "size", SIZE, "RAM at start; in MiB without a suffix" },
                       { "slots", NUMBER, "places for memory devices that have one" },
                       { "maxmem", SIZE, "RAM at start and memory devices together" }) },
    { "mon", PARAMS({ "chardev", TEXT }, { "mode", TEXT, "readline or control" },
                    { "pretty", BOOL, "QMP only: replies on several lines" }) },
    { "msg", PARAMS({ "timestamp", BOOL, "messages begin with the time" },
                    { "guest-name", BOOL, "and then with the guest's name" }) },
    { "name", PARAMS({ "guest", TEXT, "name of the guest" },
                     { "process", TEXT, "name of the process" },
                     { "debug-threads", BOOL, "threads have names in any case" }) },
    { "numa" },
    { "object" },
    { "run-with", PARAMS({ "exit-with-parent", BOOL, "end when the parent process has ended" }) },
    { "smp-opts", .option = "smp",
      PARAMS({ "cpus", NUMBER }, { "maxcpus", NUMBER }, { "sockets", NUMBER },
             { "dies", NUMBER }, { "cores", NUMBER }, { "threads", NUMBER }) },
};

/* ---- parsing ---- */

const char *option_group_option(const char *group)
{
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (!strcmp(groups[i].name, group)) {
            const char *option = groups[i].option ? groups[i].option : group;
            g_autofree char *dashed = g_strconcat("-", option, NULL);

            return g_intern_string(dashed);
        }
    }
    return NULL;
}

static const OptionParam *find_param(const char *group, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (strcmp(groups[i].name, group)) {
            continue;
        }
        for (const OptionParam *p = groups[i].params; p && p->name; p++) {
            if (!strcmp(p->name, name)) {
                return p;
            }
        }
    }
    return NULL;
}

static bool check_param(const char *group, const char *name, const char *value, Error **errp)
{
    const OptionParam *param = find_param(group, name);
    bool unused;

    if (!param) {
        error_setg(errp, "Invalid parameter '%s'", name);
        return false;
    }
    return param->type != BOOL || qapi_bool_parse(name, value, &unused, errp);
}

json_t *option_group_parse(const char *group, const char *text, const char *implied, Error **errp)
{
    json_t *opts = qemu_opts_parse_json(text, implied, NULL, errp), *value;
    const char *name;

    json_object_foreach(opts, name, value) {
        if (!check_param(group, name, json_string_value(value), errp)) {
            json_decref(opts);
            return NULL;
        }
    }
    return opts;
}

bool option_group_bool(const json_t *opts, const char *name, bool def)
{
    const char *text = json_string_value(json_object_get(opts, name));
    bool value = def;

    if (text) {
        qapi_bool_parse(name, text, &value, &error_abort);
    }
    return value;
}

/* ---- query-command-line-options ---- */

static CommandLineParameterInfo *param_new(const char *name, CommandLineParameterType type,
                                           const char *help)
{
    CommandLineParameterInfo *info = g_new0(CommandLineParameterInfo, 1);

    info->name = g_strdup(name);
    info->type = type;
    info->help = g_strdup(help);
    return info;
}

typedef struct ParamLister {
    CommandLineParameterInfoList *list, **tail;
    GHashTable *seen;           /* names, borrowed */
} ParamLister;

static void lister_add(ParamLister *lister, const char *name, CommandLineParameterType type,
                       const char *help)
{
    if (g_hash_table_add(lister->seen, (gpointer)name)) {
        QAPI_LIST_APPEND(lister->tail, param_new(name, type, help));
    }
}

static void lister_init(ParamLister *lister)
{
    lister->list = NULL;
    lister->tail = &lister->list;
    lister->seen = g_hash_table_new(g_str_hash, g_str_equal);
}

/* How a property's value is written. */
static CommandLineParameterType type_of_property(const ObjectProperty *prop)
{
    if (!strcmp(prop->type, "bool")) {
        return BOOL;
    }
    if (!strcmp(prop->type, "size")) {
        return SIZE;
    }
    return strstart(prop->type, "uint", NULL) || strstart(prop->type, "int", NULL) ? NUMBER : TEXT;
}

static bool add_machine_property(ObjectProperty *prop, void *opaque)
{
    /* Structures (smp, memory) have options of their own. */
    if (prop->set && !g_str_has_suffix(prop->type, "Configuration")) {
        lister_add(opaque, prop->name, type_of_property(prop), prop->description);
    }
    return true;
}

/* What any machine takes. */
static CommandLineParameterInfoList *list_machine_params(const OptionGroup *group)
{
    g_autoptr(GSList) classes = object_class_get_list_sorted(TYPE_MACHINE, false);
    ParamLister lister;

    lister_init(&lister);
    lister_add(&lister, "type", TEXT, "the machine's name");
    lister_add(&lister, "accel", TEXT, "accelerators, separated by colons");
    for (GSList *l = classes; l; l = l->next) {
        object_class_property_foreach(l->data, add_machine_property, &lister);
    }
    g_hash_table_unref(lister.seen);
    return lister.list;
}

static void add_chardev_option(const char *name, void *opaque)
{
    static const char *const booleans[] = { "append", "mux", "server", "signal", "wait", NULL };

    lister_add(opaque, name, g_strv_contains(booleans, name) ? BOOL : TEXT, NULL);
}

static CommandLineParameterInfoList *list_chardev_params(const OptionGroup *group)
{
    ParamLister lister;

    lister_init(&lister);
    chardev_foreach_option(add_chardev_option, &lister);
    g_hash_table_unref(lister.seen);
    return lister.list;
}

static CommandLineParameterInfoList *list_table_params(const OptionGroup *group)
{
    CommandLineParameterInfoList *list = NULL, **tail = &list;

    for (const OptionParam *p = group->params; p && p->name; p++) {
        QAPI_LIST_APPEND(tail, param_new(p->name, p->type, p->help));
    }
    return list;
}

static CommandLineOptionInfoList *list_groups(void)
{
    CommandLineOptionInfoList *list = NULL, **tail = &list;

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        CommandLineOptionInfo *info = g_new0(CommandLineOptionInfo, 1);
        OptionLister *lister = groups[i].list ? groups[i].list : list_table_params;

        info->option = g_strdup(groups[i].name);
        info->parameters = lister(&groups[i]);
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

void option_groups_publish(void)
{
    monitor_set_command_line_lister(list_groups);
}
