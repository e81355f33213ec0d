/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hand of the guest tests inside a host: starts programs, connects to unix sockets, and carries
 * all of their streams over one byte stream. host.py is the other side. The same program serves a
 * nested host (over a virtio console port) and this machine (over a pair of pipes), so tests see
 * one kind of host. Invariant: when the byte stream ends, everything that was started is killed.
 *
 * A frame is {le32 length, le16 channel, u8 type, u8 zero} and `length` bytes. The types:
 *   to the agent:    X run (argv, NUL separated)  C connect (path)  D data  E end of data
 *                    K signal (a number as text)  F forget the channel
 *   from the agent:  H hello  S started or connected (pid as text)  R refused (why)
 *                    D data  e standard error  E end of data  Q exited (status as text)
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHANNELS 64
#define MAX_FRAME (1u << 20)    /* a longer frame means that the stream is out of step */
#define MAX_PENDING (4u << 20)  /* a reader this far behind has lost its channel */
#define MAX_ARGV 256
#define CHUNK 32768

struct frame_header {
    uint32_t length;
    uint16_t channel;
    uint8_t type;
    uint8_t zero;
} __attribute__((packed));

struct channel {
    int used;
    uint16_t id;
    pid_t pid;        /* 0: a socket, or a program that has been reaped */
    int write_fd;     /* towards the program or socket; -1 once ended */
    int read_fd;      /* its output; -1 once ended */
    int error_fd;     /* its standard error; -1 for a socket or once ended */
    int end_wanted;   /* close write_fd when `pending` is empty */
    char *pending;
    size_t nb_pending;
};

static struct channel channels[MAX_CHANNELS];
static int stream_in = STDIN_FILENO;
static int stream_out = STDOUT_FILENO;

static void kill_all_and_exit(int status)
{
    for (int i = 0; i < MAX_CHANNELS; i++) {
        if (channels[i].used && channels[i].pid) {
            kill(-channels[i].pid, SIGKILL);
        }
    }
    exit(status);
}

static void stream_write(const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        ssize_t n = write(stream_out, at, size < CHUNK ? size : CHUNK);

        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd wait = { .fd = stream_out, .events = POLLOUT };

            poll(&wait, 1, 1000);
            continue;
        }
        if (n <= 0) {
            kill_all_and_exit(1);
        }
        at += n;
        size -= n;
    }
}

static void frame_send(uint16_t channel, char type, const void *data, size_t size)
{
    static char buffer[sizeof(struct frame_header) + CHUNK];
    struct frame_header header = { htole32(size), htole16(channel), type, 0 };

    memcpy(buffer, &header, sizeof(header));
    memcpy(buffer + sizeof(header), data, size);
    stream_write(buffer, sizeof(header) + size);
}

static void frame_send_number(uint16_t channel, char type, long number)
{
    char text[32];

    frame_send(channel, type, text, snprintf(text, sizeof(text), "%ld", number));
}

static struct channel *channel_find(uint16_t id)
{
    for (int i = 0; i < MAX_CHANNELS; i++) {
        if (channels[i].used && channels[i].id == id) {
            return &channels[i];
        }
    }
    return NULL;
}

static struct channel *channel_new(uint16_t id)
{
    for (int i = 0; i < MAX_CHANNELS; i++) {
        if (!channels[i].used) {
            channels[i] = (struct channel) {
                .used = 1, .id = id, .write_fd = -1, .read_fd = -1, .error_fd = -1,
            };
            return &channels[i];
        }
    }
    return NULL;
}

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void channel_free(struct channel *c)
{
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    if (c->read_fd != c->write_fd) {
        fd_close(&c->read_fd);
    }
    fd_close(&c->write_fd);
    fd_close(&c->error_fd);
    free(c->pending);
    *c = (struct channel) { 0 };
}

static void refuse(uint16_t id, const char *what)
{
    char text[256];

    frame_send(id, 'R', text,
               snprintf(text, sizeof(text), "%s: %s", what, strerror(errno)));
}

static void child_exec(char **argv, int in, int out, int err)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void handle_run(uint16_t id, char *data, size_t size)
{
    struct channel *c = channel_new(id);
    int in[2], out[2], err[2], nb_args = 0;
    char *argv[MAX_ARGV + 1];

    for (char *at = data; at < data + size && nb_args < MAX_ARGV; at += strlen(at) + 1) {
        argv[nb_args++] = at;
    }
    argv[nb_args] = NULL;
    if (!c || !nb_args || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
        pipe2(err, O_CLOEXEC)) {
        refuse(id, "cannot run");
        return;
    }
    c->pid = fork();
    if (c->pid == 0) {
        child_exec(argv, in[0], out[1], err[1]);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    c->write_fd = in[1];
    c->read_fd = out[0];
    c->error_fd = err[0];
    if (c->pid < 0) {
        c->pid = 0;
        channel_free(c);
        refuse(id, "fork");
        return;
    }
    fcntl(c->write_fd, F_SETFL, O_NONBLOCK);
    frame_send_number(id, 'S', c->pid);
}

static void handle_connect(uint16_t id, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct channel *c;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
    } else {
        strcpy(address.sun_path, path);
        if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
            (c = channel_new(id))) {
            fcntl(fd, F_SETFL, O_NONBLOCK);
            c->read_fd = c->write_fd = fd;
            frame_send_number(id, 'S', 0);
            return;
        }
    }
    refuse(id, path);
    fd_close(&fd);
}

static void channel_end_write(struct channel *c)
{
    if (c->write_fd >= 0 && c->write_fd == c->read_fd) {
        shutdown(c->write_fd, SHUT_WR);
        c->write_fd = -1;
    } else {
        fd_close(&c->write_fd);
    }
    c->nb_pending = 0;
}

static void channel_flush(struct channel *c)
{
    ssize_t n = write(c->write_fd, c->pending, c->nb_pending);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        channel_end_write(c);
        return;
    }
    if (n > 0) {
        c->nb_pending -= n;
        memmove(c->pending, c->pending + n, c->nb_pending);
    }
    if (!c->nb_pending && c->end_wanted) {
        channel_end_write(c);
    }
}

static void handle_data(struct channel *c, const char *data, size_t size)
{
    char *grown;

    if (c->write_fd < 0) {
        return;
    }
    if (c->nb_pending + size > MAX_PENDING ||
        !(grown = realloc(c->pending, c->nb_pending + size + 1))) {
        channel_end_write(c);
        return;
    }
    c->pending = grown;
    memcpy(c->pending + c->nb_pending, data, size);
    c->nb_pending += size;
    channel_flush(c);
}

static void frame_handle(uint16_t id, char type, char *data, size_t size)
{
    struct channel *c = channel_find(id);

    if (type == 'X' && !c) {
        handle_run(id, data, size);
    } else if (type == 'C' && !c) {
        handle_connect(id, data);
    } else if (type == 'D' && c) {
        handle_data(c, data, size);
    } else if (type == 'E' && c) {
        c->end_wanted = 1;
        if (!c->nb_pending) {
            channel_end_write(c);
        }
    } else if (type == 'K' && c && c->pid) {
        kill(-c->pid, atoi(data));
    } else if (type == 'F' && c) {
        channel_free(c);
    }
}

/* Collects bytes of the stream and handles each frame that is complete. */
static void stream_read(void)
{
    static char *buffer;
    static size_t nb_buffer;
    struct frame_header header;
    size_t used = 0;
    ssize_t n;

    if (!buffer && !(buffer = malloc(sizeof(header) + MAX_FRAME + CHUNK))) {
        kill_all_and_exit(1);
    }
    n = read(stream_in, buffer + nb_buffer, CHUNK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        kill_all_and_exit(0);
    }
    nb_buffer += n;
    while (nb_buffer - used >= sizeof(header)) {
        char *data = buffer + used + sizeof(header), after;
        uint32_t length;

        memcpy(&header, buffer + used, sizeof(header));
        length = le32toh(header.length);
        if (length >= MAX_FRAME) {
            kill_all_and_exit(1);
        }
        if (nb_buffer - used - sizeof(header) < length) {
            break;
        }
        after = data[length];
        data[length] = 0;
        frame_handle(le16toh(header.channel), header.type, data, length);
        data[length] = after;
        used += sizeof(header) + length;
    }
    nb_buffer -= used;
    memmove(buffer, buffer + used, nb_buffer);
}

static void channel_read(struct channel *c, int *fd, char type)
{
    char data[CHUNK / 2];
    ssize_t n = read(*fd, data, sizeof(data));

    if (n > 0) {
        frame_send(c->id, type, data, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        if (*fd != c->write_fd) {
            close(*fd);
        }
        *fd = -1;
        if (type == 'D') {
            frame_send(c->id, 'E', "", 0);
        }
    }
}

/* A program that ended may have left output in its pipes: it goes out before the status does. */
static void channel_drain(struct channel *c, int *fd, char type)
{
    while (*fd >= 0) {
        struct pollfd ready = { .fd = *fd, .events = POLLIN };

        if (poll(&ready, 1, 0) <= 0) {
            return;
        }
        channel_read(c, fd, type);
    }
}

static void reap_children(void)
{
    for (int i = 0; i < MAX_CHANNELS; i++) {
        struct channel *c = &channels[i];
        int status;

        if (!c->used || !c->pid || waitpid(c->pid, &status, WNOHANG) != c->pid) {
            continue;
        }
        channel_drain(c, &c->read_fd, 'D');
        channel_drain(c, &c->error_fd, 'e');
        c->pid = 0;
        frame_send_number(c->id, 'Q',
                          WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
}

static void on_child(int signal_number)
{
    (void)signal_number;    /* only there to interrupt ppoll() */
}

static void serve(const sigset_t *waiting_mask)
{
    struct pollfd fds[1 + 3 * MAX_CHANNELS];
    struct channel *owners[1 + 3 * MAX_CHANNELS];
    int nb_fds = 1;

    fds[0] = (struct pollfd) { .fd = stream_in, .events = POLLIN };
    for (int i = 0; i < MAX_CHANNELS; i++) {
        struct channel *c = &channels[i];
        int wanted[3] = { c->read_fd, c->error_fd, c->nb_pending ? c->write_fd : -1 };

        for (int k = 0; c->used && k < 3; k++) {
            if (wanted[k] >= 0) {
                owners[nb_fds] = c;
                fds[nb_fds++] = (struct pollfd) {
                    .fd = wanted[k], .events = k == 2 ? POLLOUT : POLLIN,
                };
            }
        }
    }
    if (ppoll(fds, nb_fds, NULL, waiting_mask) > 0) {
        for (int i = 1; i < nb_fds; i++) {
            struct channel *c = owners[i];

            if (!fds[i].revents) {
                continue;
            }
            if (fds[i].events == POLLOUT && c->write_fd == fds[i].fd && c->nb_pending) {
                channel_flush(c);
            } else if (c->read_fd == fds[i].fd) {
                channel_read(c, &c->read_fd, 'D');
            } else if (c->error_fd == fds[i].fd) {
                channel_read(c, &c->error_fd, 'e');
            }
        }
        if (fds[0].revents) {
            stream_read();
        }
    }
    reap_children();
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_child };
    sigset_t blocked, waiting;

    if (argc > 1) {
        stream_in = stream_out = open(argv[1], O_RDWR | O_CLOEXEC);
        if (stream_in < 0) {
            perror(argv[1]);
            return 1;
        }
    } else {
        fcntl(stream_in, F_SETFD, FD_CLOEXEC);
    }
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    frame_send_number(0, 'H', getpid());
    for (;;) {
        serve(&waiting);
    }
}
