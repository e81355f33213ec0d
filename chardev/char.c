/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices, the part that all kinds share: the attachment of front ends, non-blocking
 * input and output on file descriptors, and reading options. Input is polled only while the front
 * end can take bytes: that is the flow control, asked anew each main loop round. The same source
 * ends a connection: not before what came is taken and answered. What a kind does otherwise it says
 * in its ChardevKind; none is known here by name.
 */
#include "qemu/osdep.h"
#include <glib-unix.h>
#include <poll.h>

#include "qapi/error.h"
#include "qemu/cutils.h"
#include "char-internal.h"

#define READ_CHUNK 4096
#define WRITE_ALL_POLL_MS 100

typedef struct ChardevWatch {
    Chardev *chr;
    guint source;
    ChardevWatchFunc *func;
    void *opaque;
} ChardevWatch;

/* While the front end takes nothing, a server looks whether the peer goes, and then whether another
 * comes: what the first has sent waits for the front end as long as nobody else does. */
typedef enum InputWatch {
    WATCH_NOTHING,
    WATCH_INPUT,
    WATCH_LEAVING,
    WATCH_NEXT,
} InputWatch;

typedef struct InputSource {
    GSource parent;
    Chardev *chr;
    InputWatch watch;
    gpointer tag;    /* of the descriptor while it is polled */
    bool over;       /* as prepare() found: the connection is to be closed */
} InputSource;

static void chardev_break_output(Chardev *chr);

/* ---- names ---- */

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
 * Whether nothing is left to wait for: the input has ended, or it is of a peer to which nothing can
 * be sent and the front end does not want it; and the front end has done with what it got.
 */
static bool input_is_over(const Chardev *chr, bool wanted)
{
    bool ended = chr->input_ended ||
                 (chr->output_broken && chr->fd_in == chr->fd_out && !wanted);

    return ended && !chardev_has_pending(chr);
}

/* Polls the descriptor that @watch is about, and no other. */
static void input_set_watch(InputSource *in, InputWatch watch)
{
    const GIOCondition gone = G_IO_HUP | G_IO_ERR;
    Chardev *chr = in->chr;

    if (watch == in->watch) {
        return;
    }
    if (in->tag) {
        g_source_remove_unix_fd(&in->parent, in->tag);
        in->tag = NULL;
    }
    in->watch = watch;
    if (watch == WATCH_NEXT) {
        in->tag = g_source_add_unix_fd(&in->parent, chr->listen_fd, G_IO_IN);
    } else if (watch != WATCH_NOTHING) {
        in->tag = g_source_add_unix_fd(&in->parent, chr->fd_in,
                                       watch == WATCH_INPUT ? G_IO_IN | gone : gone);
    }
}

/* What to wait for where the front end takes nothing now. */
static InputWatch input_idle_watch(const Chardev *chr)
{
    if (!chr->is_server || chr->input_ended || chr->output_broken) {
        return WATCH_NOTHING;
    }
    if (!chr->left) {
        return WATCH_LEAVING;
    }
    return chardev_has_pending(chr) ? WATCH_NOTHING : WATCH_NEXT;
}

static gboolean input_prepare(GSource *source, gint *timeout)
{
    InputSource *in = (InputSource *)source;
    Chardev *chr = in->chr;
    bool wanted = chr->read && !chr->input_ended &&
                  (!chr->can_read || chr->can_read(chr->opaque) > 0);

    *timeout = -1;
    in->over = input_is_over(chr, wanted);
    input_set_watch(in, wanted ? WATCH_INPUT : input_idle_watch(chr));
    return in->over;
}

static gboolean input_check(GSource *source)
{
    InputSource *in = (InputSource *)source;
    bool hit = in->tag && g_source_query_unix_fd(source, in->tag) != 0;

    if (hit && in->watch == WATCH_LEAVING) {
        in->chr->left = true;
        hit = false;
    }
    in->over |= hit && in->watch == WATCH_NEXT;
    return in->over || hit;
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
 * Nothing can be sent to the peer any more. What it sent before is still taken: the input source
 * ends the connection. Without one there is nothing to wait for.
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

void chardev_write_all(Chardev *chr, const uint8_t *buf, int len, bool (*give_up)(void))
{
    int done = chardev_write(chr, buf, len);

    while (done < len && !(give_up && give_up())) {
        struct pollfd pfd = { .fd = chardev_output(chr)->fd_out, .events = POLLOUT };

        poll(&pfd, 1, WRITE_ALL_POLL_MS);
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
    chr->input_ended = chr->output_broken = chr->left = false;
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
    if (chr->kind->attach) {
        return chr->kind->attach(chr);
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
    if (chr->kind->detach) {
        chr->kind->detach(chr);
    } else {
        chr->attached = false;
    }
}

bool chardev_is_attached(const Chardev *chr)
{
    return chr->kind->is_attached ? chr->kind->is_attached(chr) : chr->attached;
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

/* ---- options ---- */

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
