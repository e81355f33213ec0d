/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices on stream sockets: Unix by path, TCP by host and port, or a descriptor that
 * the parent process gives. A server has one client at a time: while it is there, others wait in
 * the kernel's queue; when it goes, the next is accepted.
 */
#include "qemu/osdep.h"
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "char-internal.h"

static void socket_start_listening(Chardev *chr);

static void socket_accepted(Chardev *chr, int fd)
{
    if (chr->listen_source) {
        g_source_remove(chr->listen_source);
        chr->listen_source = 0;
    }
    chardev_opened(chr, fd, fd);
}

static gboolean socket_listener_ready(gint fd, GIOCondition cond, gpointer data)
{
    Chardev *chr = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        return G_SOURCE_CONTINUE;   /* gone again, or no descriptors left */
    }
    chr->listen_source = 0;
    socket_accepted(chr, client);
    return G_SOURCE_REMOVE;
}

static void socket_start_listening(Chardev *chr)
{
    if (chr->listen_fd >= 0 && !chr->listen_source) {
        chr->listen_source = g_unix_fd_add(chr->listen_fd, G_IO_IN, socket_listener_ready, chr);
    }
}

static void socket_peer_gone(Chardev *chr)
{
    chardev_closed(chr);
    socket_start_listening(chr);
}

/* ---- Unix ---- */

static bool unix_fill_address(struct sockaddr_un *addr, const char *path, Error **errp)
{
    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(addr->sun_path)) {
        error_setg(errp, "UNIX socket path '%s' is too long", path);
        error_append_hint(errp, "Path must be less than %zu bytes\n", sizeof(addr->sun_path));
        return false;
    }
    strcpy(addr->sun_path, path);
    return true;
}

static int unix_listen(Chardev *chr, const char *path, Error **errp)
{
    struct sockaddr_un addr;
    struct stat st;
    int fd;

    if (!unix_fill_address(&addr, path, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create Unix socket");
        return -1;
    }
    /* A socket that an earlier process left behind; anything else makes bind() fail. */
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        error_setg_errno(errp, errno, "Failed to bind socket to %s", path);
        close(fd);
        return -1;
    }
    chr->owns_path = true;
    if (listen(fd, 1) < 0) {
        error_setg_errno(errp, errno, "Failed to listen on socket");
        close(fd);
        return -1;
    }
    return fd;
}

static int unix_connect(const char *path, Error **errp)
{
    struct sockaddr_un addr;
    int fd;

    if (!unix_fill_address(&addr, path, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        error_setg_errno(errp, errno, "Failed to connect to '%s'", path);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* ---- TCP ---- */

static int tcp_open(const char *host, const char *port, bool server, Error **errp)
{
    struct addrinfo hints = {
        .ai_flags = server ? AI_PASSIVE : 0, .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *list, *a;
    int fd = -1, one = 1, saved = 0;
    int rc = getaddrinfo(*host ? host : NULL, port, &hints, &list);

    if (rc != 0) {
        error_setg(errp, "address resolution failed for %s:%s: %s", host, port, gai_strerror(rc));
        return -1;
    }
    for (a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            saved = errno;
            continue;
        }
        setsockopt(fd, server ? SOL_SOCKET : IPPROTO_TCP, server ? SO_REUSEADDR : TCP_NODELAY,
                   &one, sizeof(one));
        if (server ? bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 1) < 0
                   : connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            saved = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        error_setg_errno(errp, saved, server ? "Failed to find an available port"
                                             : "Failed to connect to '%s:%s'", host, port);
    }
    return fd;
}

/* ---- all ---- */

static int fd_from_option(const char *text, Error **errp)
{
    int fd;
    struct stat st;

    if (qemu_strtoi(text, NULL, 10, &fd) < 0 || fd < 0) {
        error_setg(errp, "Unable to parse FD number %s", text);
        return -1;
    }
    if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        error_setg(errp, "File descriptor '%d' is not a socket", fd);
        return -1;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* Exactly one address: path, fd, or host with port. */
static bool socket_check_address(json_t *opts, Error **errp)
{
    int nb = !!chardev_opt_str(opts, "path") + !!chardev_opt_str(opts, "fd") +
             !!chardev_opt_str(opts, "host");

    if (nb != 1) {
        error_setg(errp, "chardev: socket: one of 'path', 'fd' or 'host' is required");
        return false;
    }
    if (chardev_opt_str(opts, "path") && !*chardev_opt_str(opts, "path")) {
        error_setg(errp, "chardev: socket: no path given");
        return false;
    }
    if (chardev_opt_str(opts, "host") && !chardev_opt_str(opts, "port")) {
        error_setg(errp, "chardev: socket: no port given");
        return false;
    }
    return true;
}

static int socket_make(Chardev *chr, json_t *opts, Error **errp)
{
    const char *path = chardev_opt_str(opts, "path");
    const char *host = chardev_opt_str(opts, "host");
    const char *port = chardev_opt_str(opts, "port");

    if (path) {
        /* Absolute: it is removed at exit, from whatever directory that happens in. */
        chr->path = g_canonicalize_filename(path, NULL);
        chr->address = g_strdup_printf("unix:%s", path);
        return chr->is_server ? unix_listen(chr, path, errp) : unix_connect(path, errp);
    }
    if (host) {
        chr->address = g_strdup_printf("tcp:%s:%s", host, port);
        return tcp_open(host, port, chr->is_server, errp);
    }
    chr->address = g_strdup_printf("fd:%s", chardev_opt_str(opts, "fd"));
    return fd_from_option(chardev_opt_str(opts, "fd"), errp);
}

static char *socket_get_filename(const Chardev *chr)
{
    return g_strdup_printf("%s%s%s", chr->open ? "" : "disconnected:", chr->address,
                           chr->is_server ? ",server=on" : "");
}

static bool socket_wait_for_client(Chardev *chr, Error **errp)
{
    g_autofree char *name = socket_get_filename(chr);
    int client;

    info_report("QEMU waiting for connection on: %s", name);
    do {
        client = accept4(chr->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    } while (client < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (client < 0) {
        error_setg_errno(errp, errno, "Failed to accept a connection on %s", chr->address);
        return false;
    }
    socket_accepted(chr, client);
    return true;
}

static bool socket_open(Chardev *chr, json_t *opts, Error **errp)
{
    bool server = false, wait = true;
    int fd;

    if (!chardev_opt_bool(opts, "server", &server, errp) ||
        !chardev_opt_bool(opts, "wait", &wait, errp) || !socket_check_address(opts, errp)) {
        return false;
    }
    if (!server && json_object_get(opts, "wait")) {
        error_setg(errp, "'wait' option is incompatible with socket in client connect mode");
        return false;
    }
    chr->is_server = server;
    fd = socket_make(chr, opts, errp);
    if (fd < 0) {
        return false;
    }
    if (!server) {
        chardev_opened(chr, fd, fd);
        return true;
    }
    chr->listen_fd = fd;
    g_unix_set_fd_nonblocking(fd, !wait, NULL);
    if (wait && !socket_wait_for_client(chr, errp)) {
        return false;
    }
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    if (!wait) {
        socket_start_listening(chr);
    }
    return true;
}

static void socket_close(Chardev *chr)
{
    if (chr->listen_source) {
        g_source_remove(chr->listen_source);
        chr->listen_source = 0;
    }
    if (chr->listen_fd >= 0) {
        close(chr->listen_fd);
        chr->listen_fd = -1;
    }
    if (chr->owns_path) {
        unlink(chr->path);
        chr->owns_path = false;
    }
}

const ChardevKind chardev_socket = {
    .name = "socket",
    .options = (const char *const[]) { "path", "fd", "host", "port", "server", "wait", NULL },
    .open = socket_open,
    .close = socket_close,
    .peer_gone = socket_peer_gone,
    .get_filename = socket_get_filename,
};
