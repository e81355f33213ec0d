/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of the human monitor that look at and change objects and devices, and what completes
 * their arguments.
 */
#include "qemu/osdep.h"

#include "hmp.h"
#include "hw/core/qdev-monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-qom.h"
#include "qemu/error-report.h"
#include "qemu/json.h"
#include "qemu/option.h"
#include "qom/object_interfaces.h"

/* For callbacks that add what starts with a prefix. */
typedef struct Completion {
    ReadLine *rl;
    const char *prefix;
} Completion;

/* ---- properties ---- */

void hmp_qom_list(MonitorHMP *mon, char **args)
{
    ObjectPropertyInfoList *list;
    Error *err = NULL;

    if (!args[0]) {
        hmp_puts(mon, "/\n");
        return;
    }
    list = qmp_qom_list(args[0], &err);
    for (ObjectPropertyInfoList *l = list; l; l = l->next) {
        hmp_printf(mon, "%s (%s)\n", l->value->name, l->value->type);
    }
    qapi_free_ObjectPropertyInfoList(list);
    hmp_handle_error(mon, err);
}

void hmp_qom_get(MonitorHMP *mon, char **args)
{
    Error *err = NULL;
    json_t *value = qmp_qom_get(args[0], args[1], &err);

    if (value) {
        GString *text = qjson_to_string(value, true);

        hmp_printf(mon, "%s\n", text->str);
        g_string_free(text, TRUE);
        json_decref(value);
    }
    hmp_handle_error(mon, err);
}

static void set_from_json(const char *path, const char *property, const char *text, Error **errp)
{
    json_t *value = qjson_parse(text, errp);

    if (value) {
        qmp_qom_set(path, property, value, errp);
        json_decref(value);
    }
}

static void set_from_text(const char *path, const char *property, const char *text, Error **errp)
{
    Object *obj = object_resolve_path(path, NULL);

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
        return;
    }
    object_property_parse(obj, property, text, errp);
}

void hmp_qom_set(MonitorHMP *mon, char **args)
{
    Error *err = NULL;

    if (args[0]) {
        set_from_json(args[1], args[2], args[3], &err);
    } else {
        set_from_text(args[1], args[2], args[3], &err);
    }
    hmp_handle_error(mon, err);
}

/* ---- the tree ---- */

static int compare_components(gconstpointer a, gconstpointer b)
{
    return strcmp(object_get_canonical_path_component(*(Object *const *)a),
                  object_get_canonical_path_component(*(Object *const *)b));
}

static int collect_child(Object *child, void *opaque)
{
    g_ptr_array_add(opaque, child);
    return 0;
}

static GPtrArray *sorted_children(Object *obj)
{
    GPtrArray *children = g_ptr_array_new();

    object_child_foreach(obj, collect_child, children);
    g_ptr_array_sort(children, compare_components);
    return children;
}

static void print_tree(MonitorHMP *mon, Object *obj, int indent)
{
    g_autoptr(GPtrArray) children = sorted_children(obj);
    const char *name = object_get_canonical_path_component(obj);

    hmp_printf(mon, "%*s/%s (%s)\n", indent, "", name ? name : "", object_get_typename(obj));
    for (unsigned i = 0; i < children->len; i++) {
        print_tree(mon, children->pdata[i], indent + 2);
    }
}

void hmp_info_qom_tree(MonitorHMP *mon, char **args)
{
    const char *path = args[0] ? args[0] : "/machine";
    Object *obj = object_resolve_path(path, NULL);

    if (!obj) {
        hmp_printf(mon, "Path '%s' could not be resolved.\n", path);
        return;
    }
    print_tree(mon, obj, 0);
}

/* Names with spaces are left out: they would have to stand in quotes. */
static void add_plain_word(ReadLine *rl, const char *prefix, const char *word)
{
    if (!strchr(word, ' ')) {
        hmp_add_if_prefix(rl, prefix, word);
    }
}

/*
 * Completes the last component of an absolute path. A child that has children itself is followed
 * by a slash, since more of the path may come.
 */
static void complete_path(ReadLine *rl, const char *text)
{
    const char *slash = strrchr(text, '/');
    g_autofree char *directory = NULL;
    g_autoptr(GPtrArray) children = NULL;
    Object *obj;

    if (text[0] != '/') {
        hmp_add_if_prefix(rl, text, "/");
        return;
    }
    directory = g_strndup(text, slash - text);
    obj = object_resolve_path(*directory ? directory : "/", NULL);
    if (!obj) {
        return;
    }
    children = sorted_children(obj);
    for (unsigned i = 0; i < children->len; i++) {
        Object *child = children->pdata[i];
        g_autoptr(GPtrArray) below = sorted_children(child);
        g_autofree char *word =
            g_strdup_printf("%s/%s%s", directory, object_get_canonical_path_component(child),
                            below->len ? "/" : "");

        add_plain_word(rl, text, word);
    }
}

void hmp_qom_path_complete(ReadLine *rl, char **words, unsigned nb)
{
    if (nb == 1) {
        complete_path(rl, words[1]);
    }
}

static bool complete_property(ObjectProperty *prop, void *opaque)
{
    const Completion *c = opaque;

    add_plain_word(c->rl, c->prefix, prop->name);
    return true;
}

/* [-j] path property */
void hmp_qom_property_complete(ReadLine *rl, char **words, unsigned nb)
{
    Object *obj;

    if (nb > 1 && !strcmp(words[1], "-j")) {
        words++;
        nb--;
    }
    if (nb == 1) {
        complete_path(rl, words[1]);
    } else if (nb == 2) {
        Completion c = { rl, words[2] };

        obj = object_resolve_path(words[1], NULL);
        if (obj) {
            object_property_foreach(obj, complete_property, &c);
        }
    }
}

/* ---- devices ---- */

void hmp_device_add(MonitorHMP *mon, char **args)
{
    Error *err = NULL;
    bool help = false;
    json_t *opts = qemu_opts_parse_json(args[0] ? args[0] : "", "driver", &help, &err);
    DeviceState *dev = NULL;

    if (opts && help) {
        if (!qdev_device_help(json_string_value(json_object_get(opts, "driver")), &err)) {
            error_report_err(g_steal_pointer(&err));
        }
    } else if (opts) {
        dev = qdev_device_add_from_json(opts, true, &err);
    }
    if (dev) {
        object_unref(dev);      /* the tree has its own reference */
    }
    json_decref(opts);
    hmp_handle_error(mon, err);
}

static void add_device_type(ObjectClass *klass, void *opaque)
{
    Completion *c = opaque;

    if (DEVICE_CLASS(klass)->user_creatable) {
        hmp_add_if_prefix(c->rl, c->prefix, object_class_get_name(klass));
    }
}

void hmp_device_add_complete(ReadLine *rl, char **words, unsigned nb)
{
    Completion c = { rl, words[nb] };

    if (nb == 1) {
        object_class_foreach(add_device_type, TYPE_DEVICE, false, &c);
    }
}

void hmp_device_del(MonitorHMP *mon, char **args)
{
    Error *err = NULL;

    qdev_device_del(args[0], &err);
    hmp_handle_error(mon, err);
}

/* Only what could go: where neither device nor bus forbids it. */
static int complete_device(Object *obj, void *opaque)
{
    Completion *c = opaque;
    DeviceState *dev = (DeviceState *)object_dynamic_cast(obj, TYPE_DEVICE);

    if (dev && dev->id && object_property_get_bool(obj, "hotpluggable", NULL)) {
        hmp_add_if_prefix(c->rl, c->prefix, dev->id);
    }
    return 0;
}

void hmp_device_del_complete(ReadLine *rl, char **words, unsigned nb)
{
    Completion c = { rl, words[nb] };

    if (nb == 1) {
        object_child_foreach(machine_get_container("peripheral"), complete_device, &c);
    }
}

/* ---- objects ---- */

void hmp_object_add(MonitorHMP *mon, char **args)
{
    Error *err = NULL;
    bool keyval = false, help = false;
    /* Not quite -object's dialect: a list is "host-nodes.0=0", as in QEMU's monitor. */
    json_t *props = qobject_input_parse(args[0], "qom-type", keyval_parse, &keyval, &help, &err);

    if (props && help) {
        if (!user_creatable_print_help(json_string_value(json_object_get(props, "qom-type")))) {
            user_creatable_print_help(NULL);
        }
    } else if (props) {
        user_creatable_add_json(props, keyval, &err);
    }
    json_decref(props);
    hmp_handle_error(mon, err);
}

static void add_object_type(ObjectClass *klass, void *opaque)
{
    Completion *c = opaque;

    hmp_add_if_prefix(c->rl, c->prefix, object_class_get_name(klass));
}

void hmp_object_add_complete(ReadLine *rl, char **words, unsigned nb)
{
    Completion c = { rl, words[nb] };

    if (nb == 1) {
        object_class_foreach(add_object_type, TYPE_USER_CREATABLE, false, &c);
    }
}

void hmp_object_del(MonitorHMP *mon, char **args)
{
    Error *err = NULL;

    user_creatable_del(args[0], &err);
    hmp_handle_error(mon, err);
}

static int complete_object(Object *obj, void *opaque)
{
    Completion *c = opaque;

    hmp_add_if_prefix(c->rl, c->prefix, object_get_canonical_path_component(obj));
    return 0;
}

void hmp_object_del_complete(ReadLine *rl, char **words, unsigned nb)
{
    Completion c = { rl, words[nb] };

    if (nb == 1) {
        object_child_foreach(object_get_objects_root(), complete_object, &c);
    }
}
