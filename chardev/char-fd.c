/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices on plain descriptors: null, stdio, file, pty. stdio puts a terminal into raw
 * mode and gives it back at exit. A pty's other end may come and go unseen: Linux tells only that
 * nobody has it open (POLLHUP on the master), so while nobody has, it is asked once a second.
 */
#include "qemu/osdep.h"
#include <poll.h>
#include <termios.h>

#include "qapi/error.h"
#include "char-internal.h"

/* ---- null ---- */

static bool null_open(Chardev *chr, json_t *opts, Error **errp)
{
    chardev_opened(chr, -1, -1);
    return true;
}

const ChardevKind chardev_null = {
    .name = "null",
    .options = (const char *const[]) { NULL },
    .open = null_open,
};

/* ---- stdio ---- */

static const Chardev *stdio_user;
static struct termios stdio_saved_tty;
static bool stdio_tty_changed;
static int stdio_saved_flags[2];

void chardev_stdio_restore(void)
{
    if (!stdio_user) {
        return;
    }
    if (stdio_tty_changed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio_saved_tty);
        stdio_tty_changed = false;
    }
    fcntl(STDIN_FILENO, F_SETFL, stdio_saved_flags[0]);
    fcntl(STDOUT_FILENO, F_SETFL, stdio_saved_flags[1]);
    stdio_user = NULL;
}

/* Bytes as typed; output as a program expects it. @signals: ^C and the like still work. */
static void stdio_set_raw(bool signals)
{
    struct termios tty;

    if (tcgetattr(STDIN_FILENO, &stdio_saved_tty) < 0) {
        return;   /* not a terminal */
    }
    tty = stdio_saved_tty;
    tty.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tty.c_oflag |= OPOST;
    tty.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        tty.c_lflag &= ~ISIG;
    }
    tty.c_cflag &= ~(CSIZE | PARENB);
    tty.c_cflag |= CS8;
    tty.c_cc[VMIN] = 1;
    tty.c_cc[VTIME] = 0;
    stdio_tty_changed = tcsetattr(STDIN_FILENO, TCSANOW, &tty) == 0;
}

static bool stdio_open(Chardev *chr, json_t *opts, Error **errp)
{
    static bool registered;
    bool signals = true;

    if (stdio_user) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    if (!chardev_opt_bool(opts, "signal", &signals, errp)) {
        return false;
    }
    stdio_user = chr;
    stdio_saved_flags[0] = fcntl(STDIN_FILENO, F_GETFL);
    stdio_saved_flags[1] = fcntl(STDOUT_FILENO, F_GETFL);
    stdio_set_raw(signals);
    if (!registered) {
        registered = true;
        atexit(chardev_stdio_restore);
    }
    chardev_opened(chr, STDIN_FILENO, STDOUT_FILENO);
    return true;
}

/* End of standard input: nothing more comes, but answers can still go out. */
static void stdio_peer_gone(Chardev *chr)
{
    chr->fd_in = -1;
    if (chr->input) {
        g_source_destroy(chr->input);
        g_source_unref(chr->input);
        chr->input = NULL;
    }
}

const ChardevKind chardev_stdio = {
    .name = "stdio",
    .options = (const char *const[]) { "signal", NULL },
    .open = stdio_open,
    .peer_gone = stdio_peer_gone,
};

/* ---- file ---- */

static bool file_open(Chardev *chr, json_t *opts, Error **errp)
{
    const char *path = chardev_opt_str(opts, "path");
    bool append = false;
    int fd;

    if (!path) {
        error_setg(errp, "chardev: file: no filename given");
        return false;
    }
    if (!chardev_opt_bool(opts, "append", &append, errp)) {
        return false;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    chardev_opened(chr, -1, fd);
    return true;
}

const ChardevKind chardev_file = {
    .name = "file",
    .options = (const char *const[]) { "path", "append", NULL },
    .open = file_open,
    .peer_gone = chardev_closed,
};

/* ---- pty ---- */

#define PTY_POLL_MS 1000

static gboolean pty_poll(gpointer data)
{
    Chardev *chr = data;
    struct pollfd pfd = { .fd = chr->listen_fd, .events = POLLOUT };
    int fd;

    if (poll(&pfd, 1, 0) < 0 || (pfd.revents & POLLHUP)) {
        return G_SOURCE_CONTINUE;
    }
    fd = fcntl(chr->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    chr->pty_timer = 0;
    chardev_opened(chr, fd, fd);
    return G_SOURCE_REMOVE;
}

/* The last user of the other end has closed it. */
static void pty_peer_gone(Chardev *chr)
{
    chardev_closed(chr);
    if (!chr->pty_timer) {
        chr->pty_timer = g_timeout_add(PTY_POLL_MS, pty_poll, chr);
    }
}

/* No echo, no translation: what the guest writes is what a reader of the other end gets. */
static void pty_set_raw(int fd)
{
    struct termios tty;

    if (tcgetattr(fd, &tty) == 0) {
        cfmakeraw(&tty);
        tcsetattr(fd, TCSAFLUSH, &tty);
    }
}

static bool pty_open(Chardev *chr, json_t *opts, Error **errp)
{
    char name[64];
    int other;

    chr->listen_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (chr->listen_fd < 0 || grantpt(chr->listen_fd) < 0 || unlockpt(chr->listen_fd) < 0 ||
        ptsname_r(chr->listen_fd, name, sizeof(name)) != 0) {
        error_setg_errno(errp, errno, "Failed to create PTY");
        return false;
    }
    /* Only after the other end was open once does the kernel tell that nobody has it open. */
    other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", name);
        return false;
    }
    pty_set_raw(other);
    close(other);
    chr->path = g_strdup(name);
    printf("char device redirected to %s (label %s)\n", name, chr->id);
    fflush(stdout);
    chr->pty_timer = g_timeout_add(PTY_POLL_MS, pty_poll, chr);
    return true;
}

static void pty_close(Chardev *chr)
{
    if (chr->pty_timer) {
        g_source_remove(chr->pty_timer);
        chr->pty_timer = 0;
    }
    if (chr->listen_fd >= 0) {
        close(chr->listen_fd);
        chr->listen_fd = -1;
    }
}

static char *pty_get_filename(const Chardev *chr)
{
    return g_strdup_printf("pty:%s", chr->path);
}

const ChardevKind chardev_pty = {
    .name = "pty",
    .options = (const char *const[]) { NULL },
    .open = pty_open,
    .close = pty_close,
    .peer_gone = pty_peer_gone,
    .get_filename = pty_get_filename,
};
