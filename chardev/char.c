/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices, the part that all kinds share: the list of them, options, the attachment of
 * one front end, and non-blocking input and output on file descriptors. Input is polled only
 * while the front end can take bytes: that is the flow control, asked anew each main loop round.
 * The same source ends a connection: not before what came is taken and answered.
 */
#include "qemu/osdep.h"
#include <glib-unix.h>
#include <poll.h>

#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/json.h"
#include "qemu/known-names.h"
#include "char-internal.h"

#define READ_CHUNK 4096

typedef struct ChardevWatch {
    Chardev *chr;
    guint source;
    ChardevWatchFunc *func;
    void *opaque;
} ChardevWatch;

typedef struct InputSource {
    GSource parent;
    Chardev *chr;
    gpointer tag;    /* of the descriptor while it is polled */
    bool over;       /* as prepare() found: the connection is to be closed */
} InputSource;

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

static void chardev_break_output(Chardev *chr);

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

const char *chardev_label(const Chardev *chr)
{
    return chr->id;
}

char *chardev_get_filename(const Chardev *chr)
{
    return chr->kind->get_filename ? chr->kind->get_filename(chr) : g_strdup(chr->kind->name);
}

/* ---- input ---- */

/*
 * Whether nothing is left to wait for: the input has ended, or it is of a peer to which nothing can be sent
 * and the front end does not want it; and the front end has done with what it got.
 */
static bool input_is_over(const Chardev *chr, bool wanted)
{
    bool ended = chr->input_ended ||
                 (chr->output_broken && chr->fd_in == chr->fd_out && !wanted);

    return ended && !chardev_has_pending(chr);
}

static gboolean input_prepare(GSource *source, gint *timeout)
{
    InputSource *in = (InputSource *)source;
    Chardev *chr = in->chr;
    bool wanted = chr->read && !chr->input_ended &&
                  (!chr->can_read || chr->can_read(chr->opaque) > 0);

    *timeout = -1;
    in->over = input_is_over(chr, wanted);
    if (wanted && !in->tag) {
        in->tag = g_source_add_unix_fd(source, chr->fd_in, G_IO_IN | G_IO_HUP | G_IO_ERR);
    } else if (!wanted && in->tag) {
        g_source_remove_unix_fd(source, in->tag);
        in->tag = NULL;
    }
    return in->over;
}

static gboolean input_check(GSource *source)
{
    InputSource *in = (InputSource *)source;

    return in->over || (in->tag && g_source_query_unix_fd(source, in->tag) != 0);
}

static void input_read(Chardev *chr)
{
    uint8_t buf[READ_CHUNK];
    int max = chr->can_read ? chr->can_read(chr->opaque) : READ_CHUNK;
    ssize_t n;

    if (max <= 0 || !chr->read) {
        return;
    }
    n = read(chr->fd_in, buf, MIN(max, READ_CHUNK));
    if (n > 0) {
        chr->read(chr->opaque, buf, n);
    } else if (n == 0) {
        chr->input_ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        chr->input_ended = true;
        if (chr->fd_in == chr->fd_out) {
            chardev_break_output(chr);
        }
    }
}

static gboolean input_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    InputSource *in = (InputSource *)source;

    if (in->over) {
        in->chr->kind->peer_gone(in->chr);
    } else {
        input_read(in->chr);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs input_funcs = {
    .prepare = input_prepare,
    .check = input_check,
    .dispatch = input_dispatch,
};

static void chardev_stop_input(Chardev *chr)
{
    if (chr->input) {
        g_source_destroy(chr->input);
        g_source_unref(chr->input);
        chr->input = NULL;
    }
}

static void chardev_start_input(Chardev *chr)
{
    if (chr->input || chr->fd_in < 0) {
        return;
    }
    chr->input = g_source_new(&input_funcs, sizeof(InputSource));
    ((InputSource *)chr->input)->chr = chr;
    /*
     * Nothing runs the loop from within a handler. Were it not allowed to, glib would take the
     * descriptor out and put it back round each call, and wake itself for that: twice the system
     * calls.
     */
    g_source_set_can_recurse(chr->input, true);
    g_source_attach(chr->input, NULL);
}

void chardev_accept_input(Chardev *chr)
{
    g_main_context_wakeup(NULL);
}

/* ---- output ---- */

static Chardev *chardev_output(Chardev *chr)
{
    return chr->kind->get_output ? chr->kind->get_output(chr) : chr;
}

/*
 * Nothing can be sent to the peer any more. What it sent before is still taken: the input source ends the
 * connection. Without one there is nothing to wait for.
 */
static void chardev_break_output(Chardev *chr)
{
    if (!chr->input) {
        chr->kind->peer_gone(chr);
        return;
    }
    chr->output_broken = true;
    chardev_remove_watches(chr, true);
    g_main_context_wakeup(NULL);
}

int chardev_write(Chardev *chr, const uint8_t *buf, int len)
{
    int done = 0;

    if (chr->kind->write) {
        return chr->kind->write(chr, buf, len);
    }
    if (chr->fd_out < 0 || chr->output_broken) {
        return len;
    }
    while (done < len) {
        ssize_t n = write(chr->fd_out, buf + done, len - done);

        if (n > 0) {
            done += n;
        } else if (n < 0 && errno == EAGAIN) {
            return done;
        } else if (n == 0 || errno != EINTR) {
            chardev_break_output(chr);
            return len;
        }
    }
    return done;
}

void chardev_write_all(Chardev *chr, const uint8_t *buf, int len)
{
    int done = chardev_write(chr, buf, len);

    while (done < len) {
        struct pollfd pfd = { .fd = chardev_output(chr)->fd_out, .events = POLLOUT };

        poll(&pfd, 1, -1);
        done += chardev_write(chr, buf + done, len - done);
    }
}

static void watch_free(void *data)
{
    ChardevWatch *watch = data;

    watch->chr->watches = g_slist_remove(watch->chr->watches, watch);
    g_free(watch);
}

static gboolean watch_ready(gint fd, GIOCondition cond, gpointer data)
{
    ChardevWatch *watch = data;

    return watch->func(NULL, cond, watch->opaque);
}

guint chardev_add_watch(Chardev *chr, GIOCondition cond, ChardevWatchFunc *func, void *opaque)
{
    const Chardev *out = chardev_output(chr);
    int fd = out->fd_out;
    ChardevWatch *watch;

    if (fd < 0 || out->output_broken) {
        return 0;
    }
    watch = g_new0(ChardevWatch, 1);
    watch->chr = chr;
    watch->func = func;
    watch->opaque = opaque;
    watch->source = g_unix_fd_add_full(G_PRIORITY_DEFAULT, fd, cond | G_IO_HUP | G_IO_ERR,
                                       watch_ready, watch, watch_free);
    chr->watches = g_slist_prepend(chr->watches, watch);
    return watch->source;
}

void chardev_remove_watches(Chardev *chr, bool tell)
{
    while (chr->watches) {
        ChardevWatch *watch = chr->watches->data;
        ChardevWatchFunc *func = watch->func;
        void *opaque = watch->opaque;

        /* Out of the list first: glib frees a watch whose callback is running only after it. */
        chr->watches = g_slist_delete_link(chr->watches, chr->watches);
        g_source_remove(watch->source);
        if (tell) {
            func(NULL, G_IO_HUP, opaque);
        }
    }
}

/* ---- peers come and go ---- */

bool chardev_has_pending(const Chardev *chr)
{
    return chr->pending && chr->pending(chr->opaque);
}

void chardev_send_event(Chardev *chr, QEMUChrEvent event)
{
    if (chr->event) {
        chr->event(chr->opaque, event);
    }
}

void chardev_opened(Chardev *chr, int fd_in, int fd_out)
{
    chr->fd_in = fd_in;
    chr->fd_out = fd_out;
    if (fd_in >= 0) {
        g_unix_set_fd_nonblocking(fd_in, TRUE, NULL);
    }
    if (fd_out >= 0) {
        g_unix_set_fd_nonblocking(fd_out, TRUE, NULL);
    }
    chr->open = true;
    chr->input_ended = chr->output_broken = false;
    chardev_start_input(chr);
    chardev_send_event(chr, CHR_EVENT_OPENED);
}

void chardev_closed(Chardev *chr)
{
    int fd_in = chr->fd_in, fd_out = chr->fd_out;

    if (!chr->open) {
        return;
    }
    chr->open = false;
    chr->fd_in = chr->fd_out = -1;
    chardev_stop_input(chr);
    chardev_remove_watches(chr, true);
    if (fd_in > STDERR_FILENO) {
        close(fd_in);
    }
    if (fd_out > STDERR_FILENO && fd_out != fd_in) {
        close(fd_out);
    }
    chardev_send_event(chr, CHR_EVENT_CLOSED);
}

/* ---- front ends ---- */

Chardev *chardev_attach(Chardev *chr, Error **errp)
{
    if (chr->mux) {
        return chardev_mux_attach(chr);
    }
    if (chr->attached) {
        error_setg(errp, "Device '%s' is in use", chr->id);
        return NULL;
    }
    chr->attached = true;
    return chr;
}

void chardev_detach(Chardev *chr)
{
    chardev_set_handlers(chr, NULL, NULL, NULL, NULL);
    chardev_remove_watches(chr, false);
    if (chardev_is_mux_port(chr)) {
        chardev_mux_detach(chr);
    } else {
        chr->attached = false;
    }
}

bool chardev_is_attached(const Chardev *chr)
{
    return chr->mux ? chardev_mux_is_attached(chr) : chr->attached;
}

void chardev_set_handlers(Chardev *chr, IOCanReadHandler *can_read, IOReadHandler *read_fn,
                          IOEventHandler *event, void *opaque)
{
    chr->can_read = can_read;
    chr->read = read_fn;
    chr->event = event;
    chr->pending = NULL;
    chr->opaque = opaque;
    if (chr->open) {
        chardev_send_event(chr, CHR_EVENT_OPENED);
    }
    g_main_context_wakeup(NULL);
}

void chardev_set_pending_handler(Chardev *chr, IOPendingHandler *pending)
{
    chr->pending = pending;
}

/* ---- creation ---- */

const char *chardev_opt_str(json_t *opts, const char *name)
{
    return json_string_value(json_object_get(opts, name));
}

bool chardev_opt_bool(json_t *opts, const char *name, bool *value, Error **errp)
{
    json_t *v = json_object_get(opts, name);

    if (!v) {
        return true;
    }
    if (json_is_boolean(v)) {
        *value = json_is_true(v);
        return true;
    }
    if (!json_is_string(v)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: boolean", name);
        return false;
    }
    return qapi_bool_parse(name, json_string_value(v), value, errp);
}

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
