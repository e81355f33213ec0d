/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of a QMP monitor at a unix socket; see the header. A message is one line. */
#include "qemu/osdep.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "qmp-client.h"

/* How to have a monitor, where none was found. */
#define HINT "a machine has one with '-qmp unix:PATH,server=on,wait=off'"

struct QmpClient {
    int fd;
    int timeout_s;
    char *path;
    char *version;
    GString *buffer;    /* received, not yet taken */
};

G_DEFINE_QUARK(qmp-error-quark, qmp_error)

void qmp_client_free(QmpClient *client)
{
    if (!client) {
        return;
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
    g_string_free(client->buffer, true);
    g_free(client->version);
    g_free(client->path);
    g_free(client);
}

const char *qmp_client_version(const QmpClient *client)
{
    return client->version;
}

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_propagate_error(error, g_error_new_valist(G_FILE_ERROR, G_FILE_ERROR_FAILED, format, ap));
    va_end(ap);
    return false;
}

static bool client_connect(QmpClient *client, GError **error)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval timeout = { .tv_sec = client->timeout_s };

    if (strlen(client->path) >= sizeof(addr.sun_path)) {
        return fail(error, "'%s' is too long for the path of a unix socket (%zu characters)",
                    client->path, sizeof(addr.sun_path) - 1);
    }
    strcpy(addr.sun_path, client->path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return fail(error, "cannot make a socket: %s", g_strerror(errno));
    }
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
        return true;
    }
    if (errno == ECONNREFUSED) {
        return fail(error, "nobody listens at '%s': the machine has ended, or it is no socket of "
                    "a monitor; " HINT, client->path);
    }
    return fail(error, "cannot connect to '%s': %s; " HINT, client->path, g_strerror(errno));
}

/* The next message as text, to be freed; NULL with @error. */
static char *client_receive(QmpClient *client, GError **error)
{
    char chunk[65536];
    char *end, *line;

    while (!(end = memchr(client->buffer->str, '\n', client->buffer->len))) {
        ssize_t got = recv(client->fd, chunk, sizeof(chunk), 0);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            fail(error, "'%s' says nothing within %d s: another client may hold the monitor",
                 client->path, client->timeout_s);
            return NULL;
        }
        if (got <= 0) {
            fail(error, "'%s' has hung up%s%s", client->path, got < 0 ? ": " : "",
                 got < 0 ? g_strerror(errno) : "");
            return NULL;
        }
        g_string_append_len(client->buffer, chunk, got);
    }
    line = g_strndup(client->buffer->str, end - client->buffer->str);
    g_string_erase(client->buffer, 0, end + 1 - client->buffer->str);
    return line;
}

/* jansson has no integers beyond INT64_MAX, which an address that a guest names may be. */
static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    return value ? value : json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
}

static bool client_greet(QmpClient *client, GError **error)
{
    g_autofree char *text = client_receive(client, error);
    g_autoptr(json_t) greeting = text ? parse(text) : NULL;
    json_t *qmp = json_object_get(greeting, "QMP");
    json_t *version = json_object_get(qmp, "version");
    json_int_t major = 0, minor = 0, micro = 0;
    const char *package = "";
    g_autoptr(json_t) ready = NULL;

    if (!text) {
        return false;
    }
    if (!qmp) {
        return fail(error, "'%s' is not a QMP monitor (it says \"%.40s\"); " HINT, client->path,
                    g_strchomp(text));
    }
    json_unpack(version, "{s:{s:I,s:I,s:I},s:s}", "qemu", "major", &major, "minor", &minor,
                "micro", &micro, "package", &package);
    client->version = g_strdup_printf("QEMU %d.%d.%d %s", (int)major, (int)minor, (int)micro,
                                      package);
    ready = qmp_client_run(client, "qmp_capabilities", NULL, error);
    return ready != NULL;
}

QmpClient *qmp_client_new(const char *path, int timeout_s, GError **error)
{
    g_autoptr(QmpClient) client = g_new0(QmpClient, 1);

    client->fd = -1;
    client->timeout_s = timeout_s;
    client->path = g_strdup(path);
    client->buffer = g_string_new(NULL);
    if (!client_connect(client, error) || !client_greet(client, error)) {
        return NULL;
    }
    return g_steal_pointer(&client);
}

static bool client_send(QmpClient *client, const char *command, json_t *arguments,
                        GError **error)
{
    g_autoptr(json_t) request = json_pack("{s:s,s:o*}", "execute", command, "arguments",
                                          arguments);
    char *text = json_dumps(request, JSON_COMPACT);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    size_t len = strlen(line);

    free(text);
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(client->fd, line + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return fail(error, "cannot write to '%s': %s", client->path, g_strerror(errno));
        }
        sent += MAX(n, 0);
    }
    return true;
}

static void set_qmp_error(GError **error, const char *command, const json_t *failure)
{
    const char *class = json_string_value(json_object_get(failure, "class"));
    const char *desc = json_string_value(json_object_get(failure, "desc"));
    int code = g_strcmp0(class, "CommandNotFound") == 0 ? QMP_ERROR_COMMAND_NOT_FOUND
               : g_strcmp0(class, "DeviceNotFound") == 0 ? QMP_ERROR_DEVICE_NOT_FOUND
                                                         : QMP_ERROR_OTHER;

    g_set_error(error, QMP_ERROR, code, "%s: %s", command, desc ? desc : "unknown error");
}

json_t *qmp_client_run(QmpClient *client, const char *command, json_t *arguments, GError **error)
{
    if (!client_send(client, command, arguments, error)) {
        return NULL;
    }
    for (;;) {
        g_autofree char *text = client_receive(client, error);
        g_autoptr(json_t) answer = text ? parse(text) : NULL;
        json_t *result = json_object_get(answer, "return");

        if (!text) {
            return NULL;
        }
        if (!json_is_object(answer)) {
            fail(error, "'%s' sent what is no message of QMP: \"%.40s\"", client->path, text);
            return NULL;
        }
        if (result) {
            return json_incref(result);
        }
        if (json_object_get(answer, "error")) {
            set_qmp_error(error, command, json_object_get(answer, "error"));
            return NULL;
        }
    }
}
