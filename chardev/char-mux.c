/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiplexer: several front ends share a character device (-serial mon:stdio, mux=on). Each
 * front end has a port, which is a Chardev of its own. What any of them writes goes out; what comes
 * in is for the one that has the focus. Ctrl-a begins a command to the multiplexer itself.
 *
 * The multiplexer is the front end of the device behind it. It takes bytes even where the front end
 * in focus takes none, up to MUX_BUFFER of them, so that Ctrl-a c gets through to it. What it has
 * to say itself waits as well where the peer does not read: nothing here blocks.
 */
#include "qemu/osdep.h"

#include "qapi/error.h"
#include "char-internal.h"

#define ESCAPE 0x01         /* Ctrl-a */
#define MUX_BUFFER 4096
#define MUX_TEXT_MAX 4096   /* of its own that waits; more is dropped */

typedef struct MuxPort {
    Chardev chr;            /* what the front end has; first */
    ChardevMux *mux;
    GByteArray *waiting;    /* came in, and the front end has not taken it yet */
} MuxPort;

struct ChardevMux {
    Chardev *base;          /* the device that is shared */
    GPtrArray *ports;       /* MuxPort, in order of attachment */
    MuxPort *focus;         /* NULL while there are no ports */
    GString *text;          /* its own output that the peer has not taken yet */
    guint text_watch;
    GSource *pump;          /* delivers what waits as soon as it is taken */
    bool escaped;           /* Ctrl-a was the last byte */
    bool stamping;          /* each line of output begins with its time */
    bool at_line_start;
    gint64 stamp_zero;      /* the time of the first line stamped */
};

typedef struct PumpSource {
    GSource parent;
    ChardevMux *mux;
} PumpSource;

static void (*quit_handler)(void);

void chardev_set_quit_handler(void (*handler)(void))
{
    quit_handler = handler;
}

static MuxPort *mux_port(ChardevMux *mux, unsigned i)
{
    return g_ptr_array_index(mux->ports, i);
}

static gboolean mux_text_ready(void *unused, GIOCondition cond, void *opaque);

/* Whether all of its own text is out. If not it goes on when the peer reads. */
static bool mux_flush(ChardevMux *mux)
{
    int done;

    if (!mux->text->len) {
        return true;
    }
    done = chardev_write(mux->base, (const uint8_t *)mux->text->str, mux->text->len);
    g_string_erase(mux->text, 0, MIN(done, (int)mux->text->len));
    if (mux->text->len && !mux->text_watch) {
        mux->text_watch = chardev_add_watch(mux->base, G_IO_OUT, mux_text_ready, mux);
    }
    return !mux->text->len;
}

static gboolean mux_text_ready(void *unused, GIOCondition cond, void *opaque)
{
    ChardevMux *mux = opaque;

    mux->text_watch = 0;
    mux_flush(mux);
    return G_SOURCE_REMOVE;
}

static void mux_say(ChardevMux *mux, const char *text)
{
    if (mux->text->len + strlen(text) <= MUX_TEXT_MAX) {
        g_string_append(mux->text, text);
    }
    mux_flush(mux);
}

/* ---- focus ---- */

/* Hands over what waits, as far as the front end takes it. */
static void port_deliver(MuxPort *port)
{
    uint8_t buf[MUX_BUFFER];

    while (port->waiting->len && port->chr.read) {
        int max = port->chr.can_read ? port->chr.can_read(port->chr.opaque) : MUX_BUFFER;
        int n = MIN(MIN(max, MUX_BUFFER), (int)port->waiting->len);

        if (n <= 0) {
            return;
        }
        memcpy(buf, port->waiting->data, n);
        g_byte_array_remove_range(port->waiting, 0, n);
        port->chr.read(port->chr.opaque, buf, n);
    }
}

static void mux_set_focus(ChardevMux *mux, MuxPort *port)
{
    MuxPort *old = mux->focus;

    if (port == old) {
        return;
    }
    mux->focus = port;
    if (old) {
        chardev_send_event(&old->chr, CHR_EVENT_MUX_OUT);
    }
    if (port) {
        chardev_send_event(&port->chr, CHR_EVENT_MUX_IN);
    }
}

static void mux_focus_next(ChardevMux *mux)
{
    guint i;

    if (mux->focus && g_ptr_array_find(mux->ports, mux->focus, &i)) {
        mux_set_focus(mux, mux_port(mux, (i + 1) % mux->ports->len));
    }
}

/* ---- commands ---- */

static void mux_help(ChardevMux *mux)
{
    mux_say(mux, "\n\r"
                 "C-a h    print this help\n\r"
                 "C-a x    exit emulator\n\r"
                 "C-a t    toggle console timestamps\n\r"
                 "C-a b    send break (magic sysrq)\n\r"
                 "C-a c    switch between console and monitor\n\r"
                 "C-a C-a  sends C-a\n\r");
}

static void mux_quit(ChardevMux *mux)
{
    mux_say(mux, "QEMU: Terminated\n\r");
    if (quit_handler) {
        quit_handler();
    }
}

static void mux_put(ChardevMux *mux, uint8_t byte)
{
    if (mux->focus) {
        g_byte_array_append(mux->focus->waiting, &byte, 1);
    }
}

/* A byte behind Ctrl-a. One that means nothing is dropped. What was typed before comes first. */
static void mux_command(ChardevMux *mux, uint8_t byte)
{
    if (mux->focus) {
        port_deliver(mux->focus);
    }
    switch (byte) {
    case ESCAPE:
        mux_put(mux, ESCAPE);
        break;
    case 'h':
    case '?':
        mux_help(mux);
        break;
    case 'x':
        mux_quit(mux);
        break;
    case 't':
        mux->stamping = !mux->stamping;
        mux->at_line_start = false;
        mux->stamp_zero = 0;
        break;
    case 'b':
        if (mux->focus) {
            chardev_send_event(&mux->focus->chr, CHR_EVENT_BREAK);
        }
        break;
    case 'c':
        mux_focus_next(mux);
        break;
    }
}

/* ---- input ---- */

static bool port_is_ready(const MuxPort *port)
{
    return port->waiting->len && port->chr.read &&
           (!port->chr.can_read || port->chr.can_read(port->chr.opaque) > 0);
}

static gboolean pump_prepare(GSource *source, gint *timeout)
{
    ChardevMux *mux = ((PumpSource *)source)->mux;

    *timeout = -1;
    for (unsigned i = 0; i < mux->ports->len; i++) {
        if (port_is_ready(mux_port(mux, i))) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean pump_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    ChardevMux *mux = ((PumpSource *)source)->mux;

    for (unsigned i = 0; i < mux->ports->len; i++) {
        port_deliver(mux_port(mux, i));
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs pump_funcs = { .prepare = pump_prepare, .dispatch = pump_dispatch };

static int mux_can_read(void *opaque)
{
    ChardevMux *mux = opaque;

    return mux->focus ? MUX_BUFFER - MIN(mux->focus->waiting->len, MUX_BUFFER) : MUX_BUFFER;
}

static void mux_read(void *opaque, const uint8_t *buf, int size)
{
    ChardevMux *mux = opaque;

    for (int i = 0; i < size; i++) {
        if (mux->escaped) {
            mux->escaped = false;
            mux_command(mux, buf[i]);
        } else if (buf[i] == ESCAPE) {
            mux->escaped = true;
        } else {
            mux_put(mux, buf[i]);
        }
    }
    if (mux->focus) {
        port_deliver(mux->focus);
    }
}

/* What came for a front end that takes none of it now is not waited for. */
static bool mux_has_pending(void *opaque)
{
    ChardevMux *mux = opaque;

    for (unsigned i = 0; i < mux->ports->len; i++) {
        if (port_is_ready(mux_port(mux, i)) || chardev_has_pending(&mux_port(mux, i)->chr)) {
            return true;
        }
    }
    return mux->text->len > 0;
}

static void mux_event(void *opaque, QEMUChrEvent event)
{
    ChardevMux *mux = opaque;

    mux->escaped = false;
    g_string_truncate(mux->text, 0);
    for (unsigned i = 0; i < mux->ports->len; i++) {
        MuxPort *port = mux_port(mux, i);

        port->chr.open = event == CHR_EVENT_OPENED;
        if (!port->chr.open) {
            g_byte_array_set_size(port->waiting, 0);
            chardev_remove_watches(&port->chr, true);
        }
        chardev_send_event(&port->chr, event);
    }
}

/* ---- output ---- */

static void mux_stamp(ChardevMux *mux)
{
    gint64 now = g_get_monotonic_time(), ms;
    char text[32];

    mux->stamp_zero = mux->stamp_zero ? mux->stamp_zero : now;
    ms = (now - mux->stamp_zero) / 1000;
    snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
             (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    mux_say(mux, text);
}

static int port_write(Chardev *chr, const uint8_t *buf, int len)
{
    ChardevMux *mux = ((MuxPort *)chr)->mux;

    if (!mux_flush(mux)) {
        return 0;
    }
    if (!mux->stamping) {
        return chardev_write(mux->base, buf, len);
    }
    for (int i = 0; i < len; i++) {
        if (mux->at_line_start) {
            mux_stamp(mux);
            mux->at_line_start = false;
        }
        if (!mux_flush(mux) || !chardev_write(mux->base, &buf[i], 1)) {
            return i;
        }
        mux->at_line_start = buf[i] == '\n';
    }
    return len;
}

static Chardev *port_get_output(Chardev *chr)
{
    return ((MuxPort *)chr)->mux->base;
}

/* ---- life ---- */

static void port_free(MuxPort *port)
{
    g_byte_array_unref(port->waiting);
    g_free(port->chr.id);
    g_free(port);
}

static void port_detach(Chardev *chr)
{
    MuxPort *port = (MuxPort *)chr;
    ChardevMux *mux = port->mux;

    if (mux->focus == port) {
        mux_focus_next(mux);
    }
    g_ptr_array_remove(mux->ports, port);
    if (mux->focus == port) {
        mux->focus = NULL;
    }
    port_free(port);
}

static const ChardevKind chardev_mux_port = {
    .name = "mux",
    .write = port_write,
    .get_output = port_get_output,
    .detach = port_detach,
};

static Chardev *mux_attach(Chardev *chr)
{
    ChardevMux *mux = chr->mux;
    MuxPort *port = g_new0(MuxPort, 1);

    port->chr = (Chardev) {
        .kind = &chardev_mux_port,
        .id = g_strdup(chr->id),
        .attached = true,
        .open = mux->base->open,
        .fd_in = -1,
        .fd_out = -1,
        .listen_fd = -1,
    };
    port->mux = mux;
    port->waiting = g_byte_array_new();
    g_ptr_array_add(mux->ports, port);
    mux->focus = mux->focus ? mux->focus : port;
    return &port->chr;
}

static bool mux_is_attached(const Chardev *chr)
{
    return chr->mux->ports->len > 0;
}

static bool chardev_is_mux_port(const Chardev *chr)
{
    return chr->kind == &chardev_mux_port;
}

void chardev_take_focus(Chardev *chr)
{
    if (chardev_is_mux_port(chr)) {
        mux_set_focus(((MuxPort *)chr)->mux, (MuxPort *)chr);
    }
}

bool chardev_has_focus(const Chardev *chr)
{
    return !chardev_is_mux_port(chr) || ((const MuxPort *)chr)->mux->focus == (const MuxPort *)chr;
}

static void mux_close(Chardev *chr)
{
    ChardevMux *mux = chr->mux;

    g_source_destroy(mux->pump);
    g_source_unref(mux->pump);
    chardev_detach(mux->base);
    for (unsigned i = 0; i < mux->ports->len; i++) {
        chardev_remove_watches(&mux_port(mux, i)->chr, false);
        port_free(mux_port(mux, i));
    }
    g_ptr_array_free(mux->ports, true);
    g_string_free(mux->text, TRUE);
    g_free(mux);
}

const ChardevKind chardev_mux = {
    .name = "mux",
    .close = mux_close,
    .attach = mux_attach,
    .is_attached = mux_is_attached,
};

void chardev_mux_init(Chardev *chr, Chardev *base)
{
    ChardevMux *mux = g_new0(ChardevMux, 1);

    mux->base = base;
    mux->ports = g_ptr_array_new();
    mux->text = g_string_new(NULL);
    chr->mux = mux;
    mux->pump = g_source_new(&pump_funcs, sizeof(PumpSource));
    ((PumpSource *)mux->pump)->mux = mux;
    g_source_set_can_recurse(mux->pump, true);
    g_source_attach(mux->pump, NULL);
    chardev_attach(base, &error_abort);
    chardev_set_handlers(base, mux_can_read, mux_read, mux_event, mux);
    chardev_set_pending_handler(base, mux_has_pending);
}
