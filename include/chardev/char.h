/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: byte streams between a front end (a serial port, a monitor, the qtest
 * server) and the host (terminal, socket, file, pseudo terminal, nothing).
 *
 * A chardev has an id unique among all and at most one front end; with mux=on any number of them,
 * one of which has the focus: it gets what comes in. It may be closed for a while (a server socket
 * without a client): what is written then is thrown away. A peer that has ended its input (closed
 * its sending side, or gone away) stays connected until the front end has taken all that it sent and has
 * nothing pending for it. Handlers are called by
 * the main loop (default main context, big lock held); all functions are for the main thread,
 * chardev_write() for any thread that holds the big lock.
 */
#ifndef QEMU_CHARDEV_H
#define QEMU_CHARDEV_H

#include <jansson.h>

typedef enum QEMUChrEvent {
    CHR_EVENT_OPENED,   /* a peer is there; also sent when handlers are set while one is */
    CHR_EVENT_CLOSED,   /* the peer went away */
    CHR_EVENT_BREAK,    /* the peer sent a break */
    CHR_EVENT_MUX_IN,   /* the front end has the focus now */
    CHR_EVENT_MUX_OUT,  /* it has it no longer */
} QEMUChrEvent;

/* How many bytes the front end takes now; 0 stops reading until the next main loop round. */
typedef int IOCanReadHandler(void *opaque);
typedef void IOReadHandler(void *opaque, const uint8_t *buf, int size);
typedef void IOEventHandler(void *opaque, QEMUChrEvent event);
/*
 * Whether the front end still has to do, or to say, something for a peer that sends nothing more. Asked
 * each main loop round once its input has ended; the connection is closed when it has not.
 */
typedef bool IOPendingHandler(void *opaque);
/* Return G_SOURCE_REMOVE or G_SOURCE_CONTINUE. @unused is NULL. */
typedef gboolean ChardevWatchFunc(void *unused, GIOCondition cond, void *opaque);

/*
 * From -chardev: an object with "backend" (stdio, socket, file, pty, null), "id" and the backend's
 * options, as strings (keyval) or JSON values. Server sockets with wait=on (the default) return
 * when a client has connected. NULL with @errp on failure.
 */
Chardev *chardev_new_from_opts(json_t *opts, Error **errp);
/*
 * From -serial, -monitor, -qmp, -qtest: -chardev's options behind a word for the kind; the first key may
 * be left out, and of tcp the first two: "unix:PATH[,server=on|off][,wait=on|off]" (also
 * "server,nowait"), "unix:server=on,path=PATH", "unix:fd=9", "fd:9", "tcp:HOST:PORT[,…]",
 * "tcp:host=…,port=…", "file:PATH[,append=on]", "stdio[,signal=off]", "null", "pty"; or "chardev:ID" for
 * one that exists. "none" gives NULL without an error. @label becomes the id.
 */
Chardev *chardev_new_from_spec(const char *label, const char *spec, Error **errp);
/*
 * As chardev_new_from_spec() with mux=on, and without signals from a terminal: what is typed is for
 * the front ends. For "mon:SPEC".
 */
Chardev *chardev_new_mux_from_spec(const char *label, const char *spec, Error **errp);
/* NULL if there is none. */
Chardev *chardev_find(const char *id);
void chardev_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque);
const char *chardev_label(const Chardev *chr);
/* What is behind it, as query-chardev shows: "unix:/tmp/s,server=on". Caller frees. */
char *chardev_get_filename(const Chardev *chr);

/*
 * Claims @chr for a front end. Returns what the front end is to use from then on: @chr, or with
 * mux=on a port of its own; NULL ("Device 'ID' is in use") if there is a front end already.
 */
Chardev *chardev_attach(Chardev *chr, Error **errp);
/* Gives it back; handlers and watches go. @chr is what chardev_attach() returned. */
void chardev_detach(Chardev *chr);
/* What comes in is for this front end. Without mux=on it always is. */
void chardev_take_focus(Chardev *chr);
bool chardev_has_focus(const Chardev *chr);
/* What Ctrl-a x does: asks the program to end. NULL: nothing. */
void chardev_set_quit_handler(void (*handler)(void));
bool chardev_is_attached(const Chardev *chr);

/* Any handler may be NULL. */
void chardev_set_handlers(Chardev *chr, IOCanReadHandler *can_read, IOReadHandler *read,
                          IOEventHandler *event, void *opaque);
/*
 * @pending (same opaque) is asked before a connection is closed whose peer has ended its input. Without
 * it nothing is ever pending. chardev_set_handlers() takes it away.
 */
void chardev_set_pending_handler(Chardev *chr, IOPendingHandler *pending);
/* The front end can take more than it last said. */
void chardev_accept_input(Chardev *chr);
/*
 * Writes without blocking. Returns how much was taken: less than @len (perhaps 0) if the peer is
 * slow, @len also when nobody is there to receive it.
 */
int chardev_write(Chardev *chr, const uint8_t *buf, int len);
/*
 * Writes all, waiting for the peer if need be (never for one that is not there), until @give_up, which
 * is asked several times a second, says so (NULL: never).
 */
void chardev_write_all(Chardev *chr, const uint8_t *buf, int len, bool (*give_up)(void));
/*
 * Calls @func when @cond (G_IO_OUT) holds, or with G_IO_HUP once when the peer goes away. Returns
 * the source's id (g_source_remove), 0 if the chardev is closed.
 */
guint chardev_add_watch(Chardev *chr, GIOCondition cond, ChardevWatchFunc *func, void *opaque);

/* The names of all options that -chardev takes, whatever the backend; a name may come twice. */
void chardev_foreach_option(void (*fn)(const char *name, void *opaque), void *opaque);

/* At exit: closes all, removes socket files, restores the terminal. Idempotent. */
void chardev_cleanup_all(void);

#endif /* QEMU_CHARDEV_H */
