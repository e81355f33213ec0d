/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test side of qtest. The test listens on two sockets in a private
 * directory, starts the emulator, which connects to them (one for the line
 * protocol, one for QMP), and removes the directory at once. The emulator
 * dies with the test (PR_SET_PDEATHSIG), whatever becomes of the test.
 * Invariant: every line and every QMP message is read by one buffered reader
 * with a time limit, so a silent emulator fails a test instead of hanging it.
 */
#include "qemu/osdep.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "libqtest.h"
#include "libqtest-raw.h"
#include "qobject/qbool.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"

/* Longer than any answer takes, shorter than the test runner's patience. */
#define ANSWER_TIMEOUT_MS 50000
/* An emulator that has been asked to end gets that much, then SIGKILL. */
#define EXIT_TIMEOUT_MS 30000
#define IRQ_LINES 256

/* A socket and what has been read from it beyond the last line. */
typedef struct LineReader {
    int fd;
    GString *pending;
} LineReader;

struct QTestState {
    LineReader lines;
    LineReader qmp;
    pid_t pid;
    int expected_status;
    bool irq_level[IRQ_LINES];
    bool big_endian;
    GQueue events;              /* QDict, oldest first */
};

/* ---- reading and writing ---- */

static void write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len) {
        ssize_t written = send(fd, at, len, MSG_NOSIGNAL);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            g_error("the emulator has closed its socket: %s", g_strerror(errno));
        }
        at += written;
        len -= written;
    }
}

static void read_more(LineReader *reader)
{
    struct pollfd pfd = { .fd = reader->fd, .events = POLLIN };
    char buf[65536];
    ssize_t len;

    do {
        len = poll(&pfd, 1, ANSWER_TIMEOUT_MS);
    } while (len < 0 && errno == EINTR);
    if (len == 0) {
        g_error("no answer from the emulator within %d s", ANSWER_TIMEOUT_MS / 1000);
    }
    len = recv(reader->fd, buf, sizeof(buf), 0);
    if (len <= 0) {
        g_error("the emulator has gone instead of answering");
    }
    g_string_append_len(reader->pending, buf, len);
}

/* The next line without its end; the caller frees it. */
static char *read_line(LineReader *reader)
{
    size_t searched = 0;
    char *line, *end;

    while (!(end = memchr(reader->pending->str + searched, '\n',
                          reader->pending->len - searched))) {
        searched = reader->pending->len;
        read_more(reader);
    }
    line = g_strndup(reader->pending->str, end - reader->pending->str);
    g_string_erase(reader->pending, 0, end - reader->pending->str + 1);
    return g_strchomp(line);
}

static void reader_close(LineReader *reader)
{
    close(reader->fd);
    g_string_free(reader->pending, TRUE);
}

/* ---- starting ---- */

static const char *emulator_path(void)
{
    const char *path = g_getenv("QTEST_QEMU_BINARY");

    if (!path) {
        fprintf(stderr, "QTEST_QEMU_BINARY must name the emulator to test\n");
        exit(1);
    }
    return path;
}

/*
 * Whether there is an accelerator "qtest", which Debian's QEMU was built without: found by starting
 * the binary with it, as no QEMU has it in the list of "-accel help". Asked once in a test's life.
 */
static bool has_qtest_accelerator(void)
{
    static int has = -1;

    if (has < 0) {
        g_autofree char *command = g_strdup_printf(
            "echo '{\"execute\": \"qmp_capabilities\"} {\"execute\": \"quit\"}' | "
            "%s -machine none -nodefaults -display none -qmp stdio -accel qtest >/dev/null 2>&1",
            emulator_path());

        has = system(command) == 0;
    }
    return has;
}

bool qtest_clock_is_virtual(QTestState *s G_GNUC_UNUSED)
{
    return has_qtest_accelerator();
}

static int listen_on(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* Accepts the emulator's connection; an emulator that exits first ends the test. */
static LineReader accept_from(QTestState *s, int listener, const char *directory)
{
    struct pollfd pfd = { .fd = listener, .events = POLLIN };
    int status, waited;

    for (waited = 0; poll(&pfd, 1, 20) == 0; waited += 20) {
        bool gone = waitpid(s->pid, &status, WNOHANG) == s->pid;

        if (gone || waited > ANSWER_TIMEOUT_MS) {
            g_autofree char *clean = g_strdup_printf("rm -rf '%s'", directory);

            g_assert_cmpint(system(clean), ==, 0);
            g_error(gone ? "the emulator did not start (wait status 0x%x)"
                         : "the emulator did not connect (wait status 0x%x)", gone ? status : 0);
        }
    }
    return (LineReader) {
        .fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC),
        .pending = g_string_new(NULL),
    };
}

static void child_setup(gpointer parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != GPOINTER_TO_INT(parent)) {
        _exit(1);
    }
}

static void spawn_emulator(QTestState *s, const char *directory, const char *extra_args)
{
    /* the last accelerator counts, so a test cannot have another one */
    g_autofree char *command = g_strdup_printf(
        "exec %s -qtest unix:%s/qtest -qtest-log %s -chardev socket,path=%s/qmp,id=char0 "
        "-mon chardev=char0,mode=control -display none %s %s", emulator_path(), directory,
        g_getenv("QTEST_LOG") ? "/dev/fd/2" : "/dev/null", directory, extra_args ?: "",
        has_qtest_accelerator() ? "-accel qtest" : "-accel tcg -S");
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", command, NULL };
    g_autoptr(GError) error = NULL;

    if (g_getenv("QTEST_LOG")) {
        fprintf(stderr, "# %s\n", command);
    }
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, child_setup,
                       GINT_TO_POINTER(getpid()), &s->pid, &error)) {
        g_error("cannot start the emulator: %s", error->message);
    }
}

QTestState *qtest_init_without_qmp_handshake(const char *extra_args)
{
    QTestState *s = g_new0(QTestState, 1);
    g_autofree char *directory = g_dir_make_tmp("qtest-XXXXXX", NULL);
    g_autofree char *lines_path = g_build_filename(directory, "qtest", NULL);
    g_autofree char *qmp_path = g_build_filename(directory, "qmp", NULL);
    int lines = listen_on(lines_path), qmp = listen_on(qmp_path);
    g_autofree char *answer = NULL;

    g_queue_init(&s->events);
    spawn_emulator(s, directory, extra_args);
    s->lines = accept_from(s, lines, directory);
    s->qmp = accept_from(s, qmp, directory);
    close(lines);
    close(qmp);
    g_unlink(lines_path);
    g_unlink(qmp_path);
    g_rmdir(directory);
    answer = qtest_raw(s, "endianness");
    s->big_endian = g_str_equal(answer, "OK big");
    return s;
}

QTestState *qtest_init(const char *extra_args)
{
    QTestState *s = qtest_init_without_qmp_handshake(extra_args);
    QDict *greeting = qtest_qmp_receive_dict(s);

    g_assert(qdict_haskey(greeting, "QMP"));
    qobject_unref(greeting);
    qtest_qmp_assert_success(s, "{'execute': 'qmp_capabilities'}");
    return s;
}

QTestState *qtest_vinitf(const char *fmt, va_list ap)
{
    g_autofree char *args = g_strdup_vprintf(fmt, ap);

    return qtest_init(args);
}

QTestState *qtest_initf(const char *fmt, ...)
{
    QTestState *s;
    va_list ap;

    va_start(ap, fmt);
    s = qtest_vinitf(fmt, ap);
    va_end(ap);
    return s;
}

/* ---- ending ---- */

void qtest_set_expected_status(QTestState *s, int status)
{
    s->expected_status = status;
}

static void check_status(QTestState *s, int status)
{
    s->pid = -1;
    if (WIFSIGNALED(status)) {
        g_error("the emulator was ended by signal %d (%s)", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    }
    if (WEXITSTATUS(status) != s->expected_status) {
        g_error("the emulator exited with status %d, expected %d", WEXITSTATUS(status),
                s->expected_status);
    }
}

bool qtest_probe_child(QTestState *s)
{
    int status;

    if (s->pid > 0 && waitpid(s->pid, &status, WNOHANG) == s->pid) {
        check_status(s, status);
    }
    return s->pid > 0;
}

/* The wait has a limit, after which the emulator is killed and the test fails. */
void qtest_wait_qemu(QTestState *s)
{
    for (int waited = 0; qtest_probe_child(s); waited++) {
        if (waited > EXIT_TIMEOUT_MS) {
            kill(s->pid, SIGKILL);
            g_error("the emulator does not exit");
        }
        g_usleep(1000);
    }
}

void qtest_kill_qemu(QTestState *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        qtest_wait_qemu(s);
    }
}

void qtest_quit(QTestState *s)
{
    qtest_kill_qemu(s);
    reader_close(&s->lines);
    reader_close(&s->qmp);
    g_queue_clear_full(&s->events, (GDestroyNotify)qobject_unref_impl);
    g_free(s);
}

pid_t qtest_pid(QTestState *s)
{
    return s->pid;
}

/* ---- the line protocol ---- */

/* True when the line reports an interrupt line's level; the level is kept. */
static bool take_irq_report(QTestState *s, const char *line)
{
    char direction[8];
    int number;

    if (sscanf(line, "IRQ %7s %d", direction, &number) != 2) {
        return false;
    }
    g_assert_cmpint(number, >=, 0);
    g_assert_cmpint(number, <, IRQ_LINES);
    s->irq_level[number] = g_str_equal(direction, "raise");
    return true;
}

char *qtest_raw_receive(QTestState *s)
{
    for (;;) {
        g_autofree char *line = read_line(&s->lines);

        if (!take_irq_report(s, line)) {
            return g_steal_pointer(&line);
        }
    }
}

void qtest_raw_send(QTestState *s, const void *bytes, size_t len)
{
    write_all(s->lines.fd, bytes, len);
}

/* Sends the line, and returns the answer after its "OK", without the blank; else aborts. */
static char *command(QTestState *s, const char *line)
{
    g_autofree char *with_end = g_strconcat(line, "\n", NULL);
    g_autofree char *answer = NULL;

    qtest_raw_send(s, with_end, strlen(with_end));
    answer = qtest_raw_receive(s);
    if (!g_str_has_prefix(answer, "OK")) {
        g_error("'%.200s' was answered with '%s'", line, answer);
    }
    return g_strdup(answer[2] == ' ' ? answer + 3 : answer + 2);
}

static uint64_t command_number(QTestState *s, const char *line)
{
    g_autofree char *answer = command(s, line);
    char *end;
    uint64_t value = g_ascii_strtoull(answer, &end, 0);

    if (end == answer || *end) {
        g_error("'%s' was answered with '%s', expected a number", line, answer);
    }
    return value;
}

char *qtest_raw(QTestState *s, const char *fmt, ...)
{
    g_autofree char *line = NULL;
    va_list ap;

    va_start(ap, fmt);
    line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    qtest_raw_send(s, line, strlen(line));
    qtest_raw_send(s, "\n", 1);
    return qtest_raw_receive(s);
}

static uint64_t access_read(QTestState *s, const char *name, uint64_t addr)
{
    g_autofree char *line = g_strdup_printf("%s 0x%" PRIx64, name, addr);

    return command_number(s, line);
}

static void access_write(QTestState *s, const char *name, uint64_t addr, uint64_t value)
{
    g_autofree char *line = g_strdup_printf("%s 0x%" PRIx64 " 0x%" PRIx64, name, addr, value);

    g_free(command(s, line));
}

#define DEFINE_ACCESS(in, out, read_name, write_name, addr_type, value_type)        \
    value_type qtest_##in(QTestState *s, addr_type addr)                            \
    {                                                                               \
        return access_read(s, read_name, addr);                                     \
    }                                                                               \
    void qtest_##out(QTestState *s, addr_type addr, value_type value)               \
    {                                                                               \
        access_write(s, write_name, addr, value);                                   \
    }

DEFINE_ACCESS(inb, outb, "inb", "outb", uint16_t, uint8_t)
DEFINE_ACCESS(inw, outw, "inw", "outw", uint16_t, uint16_t)
DEFINE_ACCESS(inl, outl, "inl", "outl", uint16_t, uint32_t)
DEFINE_ACCESS(readb, writeb, "readb", "writeb", uint64_t, uint8_t)
DEFINE_ACCESS(readw, writew, "readw", "writew", uint64_t, uint16_t)
DEFINE_ACCESS(readl, writel, "readl", "writel", uint64_t, uint32_t)
DEFINE_ACCESS(readq, writeq, "readq", "writeq", uint64_t, uint64_t)

bool qtest_big_endian(QTestState *s)
{
    return s->big_endian;
}

void qtest_memread(QTestState *s, uint64_t addr, void *data, size_t size)
{
    g_autofree char *line = g_strdup_printf("read 0x%" PRIx64 " 0x%zx", addr, size);
    g_autofree char *answer = NULL;
    uint8_t *out = data;

    if (!size) {
        return;
    }
    answer = command(s, line);
    if (strlen(answer) != 2 + size * 2 || !g_str_has_prefix(answer, "0x")) {
        g_error("'%s' was answered with %zu characters, expected %zu", line, strlen(answer),
                2 + size * 2);
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = g_ascii_xdigit_value(answer[2 + i * 2]) << 4 |
                 g_ascii_xdigit_value(answer[3 + i * 2]);
    }
}

void qtest_memwrite(QTestState *s, uint64_t addr, const void *data, size_t size)
{
    const uint8_t *in = data;
    GString *line = g_string_new(NULL);

    if (size) {
        g_string_printf(line, "write 0x%" PRIx64 " 0x%zx 0x", addr, size);
        for (size_t i = 0; i < size; i++) {
            g_string_append_printf(line, "%02x", in[i]);
        }
        g_free(command(s, line->str));
    }
    g_string_free(line, TRUE);
}

void qtest_bufread(QTestState *s, uint64_t addr, void *data, size_t size)
{
    g_autofree char *line = g_strdup_printf("b64read 0x%" PRIx64 " 0x%zx", addr, size);
    g_autofree char *answer = NULL;
    g_autofree guchar *bytes = NULL;
    gsize len;

    if (!size) {
        return;
    }
    answer = command(s, line);
    bytes = g_base64_decode(answer, &len);
    if (len != size) {
        g_error("'%s' was answered with %zu bytes", line, len);
    }
    memcpy(data, bytes, size);
}

void qtest_bufwrite(QTestState *s, uint64_t addr, const void *data, size_t size)
{
    g_autofree char *text = g_base64_encode(data, size);
    g_autofree char *line = g_strdup_printf("b64write 0x%" PRIx64 " 0x%zx %s", addr, size, text);

    if (size) {
        g_free(command(s, line));
    }
}

void qtest_memset(QTestState *s, uint64_t addr, uint8_t pattern, size_t size)
{
    g_autofree char *line = g_strdup_printf("memset 0x%" PRIx64 " 0x%zx 0x%02x", addr, size,
                                            pattern);

    g_free(command(s, line));
}

int64_t qtest_clock_step(QTestState *s, int64_t step)
{
    g_autofree char *line = g_strdup_printf("clock_step %" PRId64, step);

    return command_number(s, line);
}

int64_t qtest_clock_step_next(QTestState *s)
{
    return command_number(s, "clock_step");
}

int64_t qtest_clock_set(QTestState *s, int64_t value)
{
    g_autofree char *line = g_strdup_printf("clock_set %" PRId64, value);

    return command_number(s, line);
}

void qtest_irq_intercept_in(QTestState *s, const char *qom_path)
{
    g_autofree char *line = g_strdup_printf("irq_intercept_in %s", qom_path);

    g_free(command(s, line));
}

void qtest_irq_intercept_out(QTestState *s, const char *qom_path)
{
    g_autofree char *line = g_strdup_printf("irq_intercept_out %s", qom_path);

    g_free(command(s, line));
}

void qtest_set_irq_in(QTestState *s, const char *qom_path, const char *name, int num, int level)
{
    g_autofree char *line = g_strdup_printf("set_irq_in %s %s %d %d", qom_path,
                                            name ?: "unnamed-gpio-in", num, level);

    g_free(command(s, line));
}

/* Reports come before the answer of the command that caused them, or any time: ask something. */
bool qtest_get_irq(QTestState *s, int num)
{
    g_assert_cmpint(num, <, IRQ_LINES);
    qtest_inb(s, 0);
    return s->irq_level[num];
}

/* ---- QMP ---- */

void qtest_qmp_send_raw(QTestState *s, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    write_all(s->qmp.fd, text, strlen(text));
}

QDict *qtest_qmp_receive_dict(QTestState *s)
{
    g_autofree char *line = read_line(&s->qmp);
    QDict *message = qobject_to(QDict, qobject_from_json_text(line, strlen(line)));

    if (!message) {
        g_error("QMP sent what is not a JSON object: '%s'", line);
    }
    return message;
}

QDict *qtest_qmp_receive(QTestState *s)
{
    for (;;) {
        QDict *message = qtest_qmp_receive_dict(s);

        if (!qdict_haskey(message, "event")) {
            return message;
        }
        g_queue_push_tail(&s->events, message);
    }
}

static void qmp_vsend(QTestState *s, const char *fmt, va_list ap)
{
    g_autoptr(GString) text = qobject_vfmt_to_json(fmt, ap);

    g_string_append_c(text, '\n');
    write_all(s->qmp.fd, text->str, text->len);
}

void qtest_qmp_send(QTestState *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    qmp_vsend(s, fmt, ap);
    va_end(ap);
}

QDict *qtest_vqmp(QTestState *s, const char *fmt, va_list ap)
{
    qmp_vsend(s, fmt, ap);
    return qtest_qmp_receive(s);
}

QDict *qtest_qmp(QTestState *s, const char *fmt, ...)
{
    QDict *answer;
    va_list ap;

    va_start(ap, fmt);
    answer = qtest_vqmp(s, fmt, ap);
    va_end(ap);
    return answer;
}

/* The answer's member of that name, handed over; an abort that shows the answer if it lacks it. */
static QObject *answer_take(QDict *answer, const char *fmt, const char *member)
{
    QObject *value = qdict_get(answer, member);

    if (!value) {
        g_autoptr(GString) text = qobject_to_json(QOBJECT(answer));

        g_error("%s was answered with %s, expected \"%s\"", fmt, text->str, member);
    }
    qobject_ref(value);
    qobject_unref(answer);
    return value;
}

void qtest_qmp_assert_success(QTestState *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    qobject_unref(answer_take(qtest_vqmp(s, fmt, ap), fmt, "return"));
    va_end(ap);
}

QDict *qtest_qmp_assert_success_ref(QTestState *s, const char *fmt, ...)
{
    QDict *value;
    va_list ap;

    va_start(ap, fmt);
    value = qobject_to(QDict, answer_take(qtest_vqmp(s, fmt, ap), fmt, "return"));
    va_end(ap);
    return value;
}

QDict *qtest_qmp_assert_failure_ref(QTestState *s, const char *fmt, ...)
{
    QDict *value;
    va_list ap;

    va_start(ap, fmt);
    value = qobject_to(QDict, answer_take(qtest_vqmp(s, fmt, ap), fmt, "error"));
    va_end(ap);
    g_assert_nonnull(value);
    return value;
}

QDict *qtest_qmp_event_ref(QTestState *s, const char *event)
{
    QDict *message;

    while ((message = g_queue_pop_head(&s->events))) {
        if (g_str_equal(qdict_get_str(message, "event"), event)) {
            return message;
        }
        qobject_unref(message);
    }
    return NULL;
}

QDict *qtest_qmp_eventwait_ref(QTestState *s, const char *event)
{
    QDict *message = qtest_qmp_event_ref(s, event);

    while (!message) {
        QDict *received = qtest_qmp_receive_dict(s);

        if (!g_strcmp0(qdict_get_try_str(received, "event"), event)) {
            message = received;
        } else {
            qobject_unref(received);
        }
    }
    return message;
}

void qtest_qmp_eventwait(QTestState *s, const char *event)
{
    qobject_unref(qtest_qmp_eventwait_ref(s, event));
}

void qtest_qmp_device_add(QTestState *s, const char *driver, const char *id, const char *fmt, ...)
{
    g_autoptr(GString) text = NULL;
    QDict *arguments;
    va_list ap;

    va_start(ap, fmt);
    text = qobject_vfmt_to_json(fmt, ap);
    va_end(ap);
    arguments = qobject_to(QDict, qobject_from_json_text(text->str, text->len));
    g_assert_nonnull(arguments);
    qdict_put_str(arguments, "driver", driver);
    qdict_put_str(arguments, "id", id);
    qtest_qmp_assert_success(s, "{'execute': 'device_add', 'arguments': %p}", arguments);
}

void qtest_system_reset(QTestState *s)
{
    qtest_qmp_assert_success(s, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(s, "RESET");
}

char *qtest_hmp(QTestState *s, const char *fmt, ...)
{
    g_autofree char *command = NULL;
    QDict *answer;
    char *text;
    va_list args;

    va_start(args, fmt);
    command = g_strdup_vprintf(fmt, args);
    va_end(args);
    answer = qtest_qmp(s, "{'execute': 'human-monitor-command', "
                       "'arguments': {'command-line': %s}}", command);
    text = g_strdup(qdict_get_str(answer, "return"));
    qobject_unref(answer);
    return text;
}

bool qtest_qom_get_bool(QTestState *s, const char *path, const char *property)
{
    QDict *answer = qtest_qmp(s, "{'execute': 'qom-get', 'arguments': "
                              "{'path': %s, 'property': %s}}", path, property);
    bool value = qdict_get_bool(answer, "return");

    qobject_unref(answer);
    return value;
}

void qtest_qom_set_bool(QTestState *s, const char *path, const char *property, bool value)
{
    qtest_qmp_assert_success(s, "{'execute': 'qom-set', 'arguments': "
                             "{'path': %s, 'property': %s, 'value': %i}}", path, property, value);
}

/* ---- what can be tested ---- */

const char *qtest_get_arch(void)
{
    const char *system_part = g_strrstr(emulator_path(), "-system-");

    if (!system_part) {
        fprintf(stderr, "QTEST_QEMU_BINARY must end in an architecture, as qemu-system-x86_64\n");
        exit(1);
    }
    return system_part + strlen("-system-");
}

/* What a machine-less emulator answers to one command: its "return", handed over. */
static QObject *ask_without_machine(const char *json)
{
    QTestState *s = qtest_init("-nodefaults -machine none");
    QObject *value;

    qtest_qmp_send_raw(s, "%s\n", json);
    value = answer_take(qtest_qmp_receive(s), json, "return");
    qtest_quit(s);
    return value;
}

/* The names in a list of objects, members "name" and "alias"; asked once in a test's life. */
static GHashTable *names_of(const char *json)
{
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    QList *list = qobject_to(QList, ask_without_machine(json));
    QObject *entry;

    while ((entry = qlist_pop(list))) {
        QDict *dict = qobject_to(QDict, entry);

        g_hash_table_add(names, g_strdup(qdict_get_str(dict, "name")));
        if (qdict_haskey(dict, "alias")) {
            g_hash_table_add(names, g_strdup(qdict_get_str(dict, "alias")));
        }
        qobject_unref(entry);
    }
    qobject_unref(list);
    return names;
}

bool qtest_has_machine(const char *machine)
{
    static GHashTable *machines;

    machines = machines ?: names_of("{\"execute\": \"query-machines\"}");
    return g_hash_table_contains(machines, machine);
}

bool qtest_has_device(const char *device)
{
    static GHashTable *types;

    types = types ?: names_of("{\"execute\": \"qom-list-types\", \"arguments\": "
                              "{\"abstract\": false}}");
    return g_hash_table_contains(types, device);
}

/* Asked once; both facts of the answer are kept. */
static unsigned ask_version(bool *is_elastic)
{
    static unsigned version;
    static bool elastic;

    if (!version) {
        QDict *answer = qobject_to(QDict, ask_without_machine("{\"execute\": \"query-version\"}"));
        QDict *qemu = qdict_get_qdict(answer, "qemu");

        version = qdict_get_int(qemu, "major") * 10000 + qdict_get_int(qemu, "minor") * 100 +
                  qdict_get_int(qemu, "micro");
        elastic = strstr(qdict_get_str(answer, "package"), "elastic");
        qobject_unref(answer);
    }
    *is_elastic = elastic;
    return version;
}

bool qtest_is_elastic(void)
{
    bool elastic;

    ask_version(&elastic);
    return elastic;
}

unsigned qtest_version(void)
{
    bool elastic;

    return ask_version(&elastic);
}

static char *test_path(const char *path)
{
    return g_strdup_printf("/%s/%s", qtest_get_arch(), *path == '/' ? path + 1 : path);
}

void qtest_add_func(const char *path, void (*fn)(void))
{
    g_autofree char *full = test_path(path);

    g_test_add_func(full, fn);
}

void qtest_add_data_func_full(const char *path, void *data, void (*fn)(const void *),
                              GDestroyNotify data_free_func)
{
    g_autofree char *full = test_path(path);

    g_test_add_data_func_full(full, data, fn, data_free_func);
}

void qtest_add_data_func(const char *path, const void *data, void (*fn)(const void *))
{
    g_autofree char *full = test_path(path);

    g_test_add_data_func(full, data, fn);
}
