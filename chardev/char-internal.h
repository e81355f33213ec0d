/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between what all character devices share (char.c), the kinds (char-fd.c, char-socket.c,
 * char-mux.c), and their making (char-open.c), each of which uses those before it; see
 * chardev/char.h.
 */
#ifndef CHARDEV_CHAR_INTERNAL_H
#define CHARDEV_CHAR_INTERNAL_H

#include "chardev/char.h"

typedef struct ChardevKind {
    const char *name;                 /* after "backend=" */
    const char *const *options;       /* that it knows, ends with NULL */
    bool (*open)(Chardev *chr, json_t *opts, Error **errp);
    void (*close)(Chardev *chr);      /* NULL: nothing of its own */
    /* The peer has gone: its input has ended, all of it is done, or nothing can be sent to it. */
    void (*peer_gone)(Chardev *chr);
    char *(*get_filename)(const Chardev *chr);  /* NULL: the kind's name */
    /* Where output goes by another way than chr->fd_out; NULL otherwise. */
    int (*write)(Chardev *chr, const uint8_t *buf, int len);
    Chardev *(*get_output)(Chardev *chr);       /* the one whose fd_out it is in the end */
    /*
     * Of a kind for several front ends: each gets a device of its own from @attach, whose kind
     * gives it back by @detach. NULL: one front end, which gets @chr itself.
     */
    Chardev *(*attach)(Chardev *chr);
    bool (*is_attached)(const Chardev *chr);
    void (*detach)(Chardev *port);
} ChardevKind;

typedef struct ChardevMux ChardevMux;

struct Chardev {
    const ChardevKind *kind;
    char *id;
    bool attached;
    bool open;                        /* a peer is there (or needs not be) */
    bool input_ended;                 /* it sends nothing more */
    bool left;                        /* it has closed its end; its input may wait to be taken */
    bool output_broken;               /* it takes nothing more: what is written is thrown away */
    int fd_in, fd_out;                /* -1: none; they may be the same */
    GSource *input;                   /* polls fd_in while the front end wants bytes */
    GSList *watches;                  /* ChardevWatch, see char.c */
    IOCanReadHandler *can_read;
    IOReadHandler *read;
    IOEventHandler *event;
    IOPendingHandler *pending;
    void *opaque;

    /* of the kinds */
    char *path;                       /* socket, file, pty */
    int listen_fd;                    /* socket */
    guint listen_source;
    bool is_server, owns_path;
    char *address;                    /* socket: "unix:…" or "tcp:…" */
    guint pty_timer;
    ChardevMux *mux;                  /* mux */
};

extern const ChardevKind chardev_null, chardev_stdio, chardev_file, chardev_pty, chardev_socket,
    chardev_mux;

/* The peer is there, on these descriptors (made non-blocking). */
void chardev_opened(Chardev *chr, int fd_in, int fd_out);
/* The peer has gone; closes the descriptors. */
void chardev_closed(Chardev *chr);

/* Whether the front end has something left for the peer. */
bool chardev_has_pending(const Chardev *chr);
void chardev_send_event(Chardev *chr, QEMUChrEvent event);
/* All watches go; @tell: their owners are called once, since what they wait for never comes. */
void chardev_remove_watches(Chardev *chr, bool tell);

/* Makes @chr (of kind chardev_mux) the multiplexer of @base. */
void chardev_mux_init(Chardev *chr, Chardev *base);

/* Options: @def if absent; a wrong type or value is an error. Strings belong to @opts. */
bool chardev_opt_bool(json_t *opts, const char *name, bool *value, Error **errp);
const char *chardev_opt_str(json_t *opts, const char *name);

void chardev_stdio_restore(void);

#endif /* CHARDEV_CHAR_INTERNAL_H */
