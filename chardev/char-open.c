/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which character devices there are, and how one is made: the table of kinds, the options that each
 * takes, ids, and the list of those that exist, from their making to the end of the program.
 */
#include "qemu/osdep.h"

#include "char-internal.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/known-names.h"

static const ChardevKind *const kinds[] = {
    &chardev_null, &chardev_stdio, &chardev_file, &chardev_pty, &chardev_socket,
};

/* Options that QEMU knows and this program does not: named when refused. */
static const char *const unsupported_options[] = {
    "logfile", "logappend", "reconnect", "reconnect-ms", "telnet", "tn3270", "websocket",
    "tls-creds", "tls-authz", "abstract", "tight", "ipv4", "ipv6", "to", "delay", "nodelay",
    "input-path", "rows", "cols", "width", "height", "localaddr", "localport", "debug",
};

static GSList *chardevs;   /* in order of creation */

/* ---- list ---- */

Chardev *chardev_find(const char *id)
{
    for (GSList *l = chardevs; l; l = l->next) {
        Chardev *chr = l->data;

        if (!strcmp(chr->id, id)) {
            return chr;
        }
    }
    return NULL;
}

void chardev_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    g_slist_foreach(chardevs, (GFunc)fn, opaque);
}

/* ---- options ---- */

static const ChardevKind *chardev_find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i]->name, name)) {
            return kinds[i];
        }
    }
    return NULL;
}

void chardev_foreach_option(void (*fn)(const char *name, void *opaque), void *opaque)
{
    fn("backend", opaque);
    fn("mux", opaque);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (const char *const *option = kinds[i]->options; *option; option++) {
            fn(*option, opaque);
        }
    }
}

/* Each option is one of the kind's, with a value that is a string, number or boolean. */
static bool chardev_check_options(const ChardevKind *kind, json_t *opts, Error **errp)
{
    const char *key;
    json_t *value;

    ERRP_GUARD();
    json_object_foreach(opts, key, value) {
        if (json_is_object(value) || json_is_array(value) || json_is_null(value)) {
            error_setg(errp, "Invalid parameter type for '%s', expected: string", key);
            return false;
        }
        if (!strcmp(key, "backend") || !strcmp(key, "id") || !strcmp(key, "mux") ||
            g_strv_contains(kind->options, key)) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_SIZE(unsupported_options); i++) {
            if (!strcmp(key, unsupported_options[i])) {
                error_setg(errp, "chardev: option '%s' is not supported", key);
                return false;
            }
        }
        error_setg(errp, "Invalid parameter '%s'", key);
        if (g_strv_contains(kind->options, "path")) {
            error_append_hint(errp, "A comma in a path is written twice: ',,'.\n");
        }
        return false;
    }
    return true;
}

/* ---- making and closing ---- */

static bool chardev_check_id(const char *id, Error **errp)
{
    const char *s = id;

    if (!id) {
        error_setg(errp, "chardev: no id specified");
        return false;
    }
    while (g_ascii_isalpha(*s) || (s > id && *s && (g_ascii_isdigit(*s) || strchr("-._", *s)))) {
        s++;
    }
    if (s == id || *s) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', "
                          "starting with a letter.\n");
        return false;
    }
    if (chardev_find(id)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", id);
        return false;
    }
    return true;
}

static void chardev_free(Chardev *chr)
{
    chr->event = NULL;
    chardev_remove_watches(chr, false);
    if (chr->kind->close) {
        chr->kind->close(chr);
    }
    chardev_closed(chr);
    g_free(chr->path);
    g_free(chr->address);
    g_free(chr->id);
    g_free(chr);
}

static Chardev *chardev_new(const ChardevKind *kind, const char *id)
{
    Chardev *chr = g_new0(Chardev, 1);

    chr->kind = kind;
    chr->id = g_strdup(id);
    chr->fd_in = chr->fd_out = chr->listen_fd = -1;
    return chr;
}

static Chardev *chardev_open(const ChardevKind *kind, const char *id, json_t *opts, Error **errp)
{
    Chardev *chr = chardev_new(kind, id);

    if (!kind->open(chr, opts, errp)) {
        chardev_free(chr);
        return NULL;
    }
    chardevs = g_slist_append(chardevs, chr);
    return chr;
}

/* The device is "ID-base", and ID what the front ends share it by. */
static Chardev *chardev_open_mux(const ChardevKind *kind, const char *id, json_t *opts,
                                 Error **errp)
{
    g_autofree char *base_id = g_strconcat(id, "-base", NULL);
    Chardev *base, *chr;

    if (!chardev_check_id(base_id, errp)) {
        return NULL;
    }
    base = chardev_open(kind, base_id, opts, errp);
    if (!base) {
        return NULL;
    }
    chr = chardev_new(&chardev_mux, id);
    chardev_mux_init(chr, base);
    chardevs = g_slist_append(chardevs, chr);
    return chr;
}

Chardev *chardev_new_from_opts(json_t *opts, Error **errp)
{
    const char *id = chardev_opt_str(opts, "id");
    const char *name = chardev_opt_str(opts, "backend");
    const ChardevKind *kind;
    bool mux = false;

    ERRP_GUARD();
    if (!chardev_check_id(id, errp)) {
        return NULL;
    }
    if (!name) {
        error_setg(errp, "chardev: \"%s\" missing backend", id);
        return NULL;
    }
    kind = chardev_find_kind(name);
    if (!kind) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_CHARDEV, name);

        error_setg(errp, "'%s' is not a valid char driver name%s", name, why);
        return NULL;
    }
    if (!chardev_check_options(kind, opts, errp) || !chardev_opt_bool(opts, "mux", &mux, errp)) {
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    return mux ? chardev_open_mux(kind, id, opts, errp) : chardev_open(kind, id, opts, errp);
}

/* The youngest first: a multiplexer goes before the device behind it. */
void chardev_cleanup_all(void)
{
    chardevs = g_slist_reverse(chardevs);
    while (chardevs) {
        Chardev *chr = chardevs->data;

        chardevs = g_slist_delete_link(chardevs, chardevs);
        chardev_free(chr);
    }
    chardev_stdio_restore();
}
