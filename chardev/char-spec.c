/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices by the short form of -serial, -monitor, -qmp and -qtest: a word that names the kind
 * ("unix:", "tcp:", "stdio"), and what -chardev takes, whose first key may be left out. It becomes
 * -chardev's options by -chardev's parser; nothing of it is understood here but the word, and "HOST:PORT".
 */
#include "qemu/osdep.h"

#include "char-internal.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/json.h"
#include "qemu/known-names.h"
#include "qemu/option.h"

typedef struct SpecKind {
    const char *word;           /* with its colon, if it has one */
    const char *backend;
    const char *implied_key;    /* of the first value; NULL: it has none */
} SpecKind;

static const SpecKind spec_kinds[] = {
    { "unix:", "socket", "path" },
    { "tcp:", "socket", NULL },
    { "fd:", "socket", "fd" },
    { "file:", "file", "path" },
    { "stdio", "stdio", NULL },
    { "null", "null", NULL },
    { "pty", "pty", NULL },
};

static Chardev *chardev_find_by_spec(const char *id, Error **errp)
{
    Chardev *chr = chardev_find(id);

    if (!chr) {
        error_setg(errp, "chardev \"%s\" not found", id);
    }
    return chr;
}

/* The kind of @spec, and what follows its word (the comma is taken); NULL if there is none. */
static const SpecKind *spec_find_kind(const char *spec, const char **rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(spec_kinds); i++) {
        const SpecKind *kind = &spec_kinds[i];

        if (!strstart(spec, kind->word, rest)) {
            continue;
        }
        if (g_str_has_suffix(kind->word, ":") || !**rest) {
            return kind;
        }
        if (**rest == ',') {
            ++*rest;
            return kind;
        }
    }
    return NULL;
}

/* Takes "HOST:PORT" from the head of *@text unless a key stands there; *@text is then the rest. */
static bool spec_take_address(json_t *opts, const char **text, Error **errp)
{
    size_t length = strcspn(*text, ",");
    g_autofree char *address = g_strndup(*text, length);
    char *port = strrchr(address, ':');

    if (strchr(address, '=')) {
        return true;
    }
    if (!port) {
        error_setg(errp, "chardev: socket: no port given");
        return false;
    }
    *port++ = '\0';
    json_object_set_new(opts, "host", qjson_string(address));
    json_object_set_new(opts, "port", qjson_string(port));
    *text += length + ((*text)[length] == ',');
    return true;
}

/* What names the device stands outside. */
static bool spec_check_keys(const char *label, json_t *opts, Error **errp)
{
    if (json_object_get(opts, "backend")) {
        error_setg(errp, "Invalid parameter 'backend'");
        return false;
    }
    if (json_object_get(opts, "id")) {
        error_setg(errp, "Invalid parameter 'id': this device is '%s'; -chardev makes one with an id "
                   "of your own, for 'chardev:ID'", label);
        return false;
    }
    return true;
}

/* The options that @spec is short for. */
static json_t *spec_to_opts(const char *label, const char *spec, Error **errp)
{
    json_auto_t *opts = json_object(), *parsed = NULL;
    const SpecKind *kind;
    const char *rest;

    ERRP_GUARD();
    if (!strcmp(spec, "vc") || g_str_has_prefix(spec, "vc:")) {
        error_setg(errp, "'%s' is a virtual console, which needs a display, and there is none: "
                   "use stdio, pty or unix:PATH, as in -monitor stdio", spec);
        return NULL;
    }
    kind = spec_find_kind(spec, &rest);
    if (!kind) {
        g_autofree char *word = g_strndup(spec, strcspn(spec, ":,"));
        g_autofree char *why = qemu_name_explain(QEMU_NAME_CHARDEV, word);

        error_setg(errp, "'%s' is not a valid char driver%s", spec, why);
        return NULL;
    }
    if (!strcmp(kind->word, "tcp:") && !spec_take_address(opts, &rest, errp)) {
        return NULL;
    }
    parsed = qemu_opts_parse_json_quiet(rest, kind->implied_key, errp);
    if (!parsed || !spec_check_keys(label, parsed, errp)) {
        return NULL;
    }
    json_object_update(opts, parsed);
    json_object_set_new(opts, "backend", json_string(kind->backend));
    json_object_set_new(opts, "id", json_string(label));
    return g_steal_pointer(&opts);
}

Chardev *chardev_new_from_spec(const char *label, const char *spec, Error **errp)
{
    json_auto_t *opts = NULL;
    const char *rest;

    if (!strcmp(spec, "none")) {
        return NULL;
    }
    if (strstart(spec, "chardev:", &rest)) {
        return chardev_find_by_spec(rest, errp);
    }
    if (strstart(spec, "mon:", &rest)) {
        error_setg(errp, "'%s' shares the device with a human monitor, which only -serial can do: "
                   "use '%s'", spec, rest);
        return NULL;
    }
    opts = spec_to_opts(label, spec, errp);
    return opts ? chardev_new_from_opts(opts, errp) : NULL;
}

Chardev *chardev_new_mux_from_spec(const char *label, const char *spec, Error **errp)
{
    json_auto_t *opts = spec_to_opts(label, spec, errp);

    if (!opts) {
        return NULL;
    }
    json_object_set_new(opts, "mux", json_true());
    if (!strcmp(chardev_opt_str(opts, "backend"), "stdio") && !json_object_get(opts, "signal")) {
        json_object_set_new(opts, "signal", json_false());
    }
    return chardev_new_from_opts(opts, errp);
}
