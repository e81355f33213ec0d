/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest server: one line in, one line out ("OK", "OK value", "FAIL reason"), and "IRQ raise N"
 * or "IRQ lower N" in between when a watched line changes. Numbers are C constants (0x.., 0..).
 * Stock QEMU aborts on a malformed line; here it is answered with FAIL. The answers to lines that
 * came together go out together. Main thread, big lock.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "chardev/char.h"
#include "qemu/cutils.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "system/qtest.h"
#include "system/runstate.h"

#define QTEST_MAX_WORDS 6
#define QTEST_MAX_IRQ 256
/* Of the data of one command, and of a line (two digits a byte, and the words before). */
#define QTEST_MAX_DATA (256 * MiB)
#define QTEST_MAX_LINE (2 * QTEST_MAX_DATA + 256)
/* Between two of them, whether the process is to end is looked at. */
#define QTEST_MEMSET_PART (16 * MiB)
/* Output is not held back beyond this. */
#define QTEST_MAX_PENDING (64 * KiB)

typedef struct QTestServer {
    Chardev *chr;
    GString *input;
    GString *output;       /* not sent yet; empty but while lines are processed */
    bool receiving;        /* they are: qtest_receive() will send the output */
    bool discarding;       /* the line is too long: skip to its end */
    FILE *log;
    gint64 opened_us;
    DeviceState *irq_dev;  /* whose lines are intercepted */
    bool irq_level[QTEST_MAX_IRQ];
} QTestServer;

typedef struct QTestCommand {
    int nb_words;
    char *words[QTEST_MAX_WORDS];
} QTestCommand;

static QTestServer *server;

/* ---- output --------------------------------------------------------------------------------- */

static void qtest_log_line(const char *kind, const char *text, size_t len)
{
    double elapsed = (double)(g_get_monotonic_time() - server->opened_us) / 1e6;

    if (server->log) {
        fprintf(server->log, "[%s +%f] %.*s\n", kind, elapsed, (int)MIN(len, 4096), text);
        fflush(server->log);
    }
}

static void qtest_flush(void)
{
    if (server->output->len) {
        chardev_write_all(server->chr, (const uint8_t *)server->output->str,
                          (int)server->output->len, qemu_end_is_requested);
        g_string_truncate(server->output, 0);
    }
}

/* @line ends with a newline. */
static void qtest_send(const char *line, size_t len)
{
    qtest_log_line("S", line, len - 1);
    g_string_append_len(server->output, line, (gssize)len);
    if (!server->receiving || server->output->len > QTEST_MAX_PENDING) {
        qtest_flush();
    }
}

static void G_GNUC_PRINTF(1, 2) qtest_sendf(const char *fmt, ...)
{
    g_autofree char *line = NULL;
    va_list ap;

    va_start(ap, fmt);
    line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    qtest_send(line, strlen(line));
}

static void qtest_fail_arguments(const QTestCommand *cmd)
{
    qtest_sendf("FAIL Invalid arguments for '%s'\n", cmd->words[0]);
}

/* ---- arguments ------------------------------------------------------------------------------ */

/* Cuts @line at single spaces; the last word takes the rest. */
static void qtest_split(char *line, QTestCommand *cmd)
{
    cmd->nb_words = 0;
    while (cmd->nb_words < QTEST_MAX_WORDS) {
        char *space = strchr(line, ' ');

        cmd->words[cmd->nb_words++] = line;
        if (!space) {
            return;
        }
        *space = '\0';
        line = space + 1;
    }
}

static bool qtest_number(const QTestCommand *cmd, int i, uint64_t *value)
{
    return i < cmd->nb_words && qemu_strtou64(cmd->words[i], NULL, 0, value) == 0;
}

/* Words 1 and 2: where, and how many bytes (at most what one command may carry). */
static bool qtest_range(const QTestCommand *cmd, uint64_t *addr, uint64_t *len)
{
    return qtest_number(cmd, 1, addr) && qtest_number(cmd, 2, len) && *len <= QTEST_MAX_DATA;
}

/* Bytes of an access from the last letter of its command: b, w, l, q. */
static unsigned qtest_access_size(const char *command)
{
    switch (command[strlen(command) - 1]) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'l':
        return 4;
    default:
        return 8;
    }
}

/* ---- ports and memory ----------------------------------------------------------------------- */

static void qtest_out(const QTestCommand *cmd)
{
    unsigned size = qtest_access_size(cmd->words[0]);
    uint64_t addr, value;
    uint8_t buf[8];

    if (!qtest_number(cmd, 1, &addr) || addr > 0xffff || !qtest_number(cmd, 2, &value)) {
        qtest_fail_arguments(cmd);
        return;
    }
    stn_le_p(buf, size, value);
    address_space_write(&address_space_io, addr, MEMTXATTRS_UNSPECIFIED, buf, size);
    qtest_sendf("OK\n");
}

static void qtest_in(const QTestCommand *cmd)
{
    unsigned size = qtest_access_size(cmd->words[0]);
    uint8_t buf[8] = { };
    uint64_t addr;

    if (!qtest_number(cmd, 1, &addr) || addr > 0xffff) {
        qtest_fail_arguments(cmd);
        return;
    }
    address_space_read(&address_space_io, addr, MEMTXATTRS_UNSPECIFIED, buf, size);
    qtest_sendf("OK 0x%04" PRIx64 "\n", ldn_le_p(buf, (int)size));
}

static void qtest_write_value(const QTestCommand *cmd)
{
    unsigned size = qtest_access_size(cmd->words[0]);
    uint64_t addr, value;
    uint8_t buf[8];

    if (!qtest_number(cmd, 1, &addr) || !qtest_number(cmd, 2, &value)) {
        qtest_fail_arguments(cmd);
        return;
    }
    stn_le_p(buf, size, value);
    address_space_write(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, buf, size);
    qtest_sendf("OK\n");
}

static void qtest_read_value(const QTestCommand *cmd)
{
    unsigned size = qtest_access_size(cmd->words[0]);
    uint8_t buf[8] = { };
    uint64_t addr;

    if (!qtest_number(cmd, 1, &addr)) {
        qtest_fail_arguments(cmd);
        return;
    }
    address_space_read(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, buf, size);
    qtest_sendf("OK 0x%016" PRIx64 "\n", ldn_le_p(buf, (int)size));
}

static void qtest_read(const QTestCommand *cmd)
{
    static const char digits[] = "0123456789abcdef";
    g_autofree uint8_t *data = NULL;
    g_autofree char *line = NULL;
    uint64_t addr, len;
    char *p;

    if (!qtest_range(cmd, &addr, &len) || len == 0) {
        qtest_fail_arguments(cmd);
        return;
    }
    data = g_malloc(len);
    line = g_malloc(2 * len + 8);
    address_space_read(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, data, len);
    p = stpcpy(line, "OK 0x");
    for (uint64_t i = 0; i < len; i++) {
        *p++ = digits[data[i] >> 4];
        *p++ = digits[data[i] & 15];
    }
    *p++ = '\n';
    qtest_send(line, p - line);
}

static void qtest_b64read(const QTestCommand *cmd)
{
    g_autofree uint8_t *data = NULL;
    g_autofree char *text = NULL;
    uint64_t addr, len;

    if (!qtest_range(cmd, &addr, &len)) {
        qtest_fail_arguments(cmd);
        return;
    }
    data = g_malloc(len + 1);
    address_space_read(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, data, len);
    text = g_base64_encode(data, len);
    qtest_sendf("OK %s\n", text);
}

/* "write ADDR LEN 0xHEX": data that is too short is filled up with zeroes, too long is cut. */
static void qtest_write(const QTestCommand *cmd)
{
    g_autofree uint8_t *data = NULL;
    uint64_t addr, len;
    const char *hex;

    if (!qtest_range(cmd, &addr, &len) || cmd->nb_words < 4 ||
        !strstart(cmd->words[3], "0x", &hex)) {
        qtest_fail_arguments(cmd);
        return;
    }
    data = g_malloc0(len + 1);
    for (uint64_t i = 0; i < len && hex[0]; i++) {
        int high = g_ascii_xdigit_value(hex[0]);
        int low = hex[1] ? g_ascii_xdigit_value(hex[1]) : 0;

        if (high < 0 || low < 0) {
            qtest_fail_arguments(cmd);
            return;
        }
        data[i] = (uint8_t)(high << 4 | low);
        hex += hex[1] ? 2 : 1;
    }
    address_space_write(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, data, len);
    qtest_sendf("OK\n");
}

static void qtest_b64write(const QTestCommand *cmd)
{
    g_autofree uint8_t *data = NULL;
    uint64_t addr, len;
    size_t out_len;

    if (!qtest_range(cmd, &addr, &len) || cmd->nb_words < 4) {
        qtest_fail_arguments(cmd);
        return;
    }
    data = g_base64_decode(cmd->words[3], &out_len);
    address_space_write(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, data,
                        MIN(len, out_len));
    qtest_sendf("OK\n");
}

static void qtest_memset(const QTestCommand *cmd)
{
    uint64_t addr, len, pattern;

    /* The length is no data to be carried: a whole device's memory may be filled. */
    if (!qtest_number(cmd, 1, &addr) || !qtest_number(cmd, 2, &len) ||
        !qtest_number(cmd, 3, &pattern) || len > 1024 * (uint64_t)GiB) {
        qtest_fail_arguments(cmd);
        return;
    }
    while (len && !qemu_end_is_requested()) {
        uint64_t part = MIN(len, QTEST_MEMSET_PART);

        address_space_set(&address_space_memory, addr, (uint8_t)pattern, part,
                          MEMTXATTRS_UNSPECIFIED);
        addr += part;
        len -= part;
    }
    qtest_sendf(len ? "FAIL The process ends\n" : "OK\n");
}

static void qtest_endianness(const QTestCommand *cmd)
{
    qtest_sendf("OK little\n");
}

/* ---- interrupt lines ------------------------------------------------------------------------ */

/* @opaque is the line as it was before, which is still driven. */
static void qtest_irq_handler(void *opaque, int n, int level)
{
    qemu_set_irq(opaque, level);
    if (!server || n >= QTEST_MAX_IRQ || server->irq_level[n] == !!level) {
        return;
    }
    server->irq_level[n] = level;
    qtest_sendf("IRQ %s %d\n", level ? "raise" : "lower", n);
}

static Object *qtest_find_object(const QTestCommand *cmd)
{
    return cmd->nb_words > 1 ? object_resolve_path(cmd->words[1], NULL) : NULL;
}

static DeviceState *qtest_find_device(const QTestCommand *cmd)
{
    Object *obj = qtest_find_object(cmd);

    return obj ? (DeviceState *)object_dynamic_cast(obj, TYPE_DEVICE) : NULL;
}

/* The list of lines called @name (NULL: the unnamed), or NULL. */
static NamedGPIOList *qtest_find_lines(DeviceState *dev, const char *name)
{
    NamedGPIOList *list;

    QLIST_FOREACH(list, &dev->gpios, node) {
        if (!g_strcmp0(list->name, name)) {
            return list;
        }
    }
    return NULL;
}

static void qtest_intercept_outs(DeviceState *dev, NamedGPIOList *list)
{
    for (int i = 0; i < list->num_out; i++) {
        qemu_irq watch = qemu_allocate_irq(qtest_irq_handler, NULL, i);

        watch->opaque = qdev_intercept_gpio_out(dev, watch, list->name, i);
    }
}

static void qtest_irq_intercept(const QTestCommand *cmd)
{
    bool out = !strcmp(cmd->words[0], "irq_intercept_out");
    const char *name = cmd->nb_words > 2 ? cmd->words[2] : NULL;
    Object *obj = qtest_find_object(cmd);
    DeviceState *dev = qtest_find_device(cmd);
    NamedGPIOList *list;

    /* Whatever else there is cannot be intercepted any more, be it a device or not. */
    if (obj && server->irq_dev) {
        qtest_sendf(server->irq_dev == dev ? "OK\n" : "FAIL IRQ intercept already enabled\n");
        return;
    }
    if (!dev) {
        qtest_sendf("FAIL Unknown device\n");
        return;
    }
    list = qtest_find_lines(dev, name);
    if (!list && name) {
        qtest_sendf("FAIL Unknown lines '%s'\n", name);
        return;
    }
    if (list && out) {
        qtest_intercept_outs(dev, list);
    } else if (list) {
        qemu_irq_intercept_in(list->in, qtest_irq_handler, list->num_in);
    }
    server->irq_dev = dev;
    qtest_sendf("OK\n");
}

/* "set_irq_in PATH LINES NUM LEVEL"; LINES is "unnamed-gpio-in" for those without a name. */
static void qtest_set_irq_in(const QTestCommand *cmd)
{
    DeviceState *dev = qtest_find_device(cmd);
    NamedGPIOList *list;
    uint64_t num;
    int64_t level;

    if (cmd->nb_words < 5 || !qtest_number(cmd, 3, &num) ||
        qemu_strtoi64(cmd->words[4], NULL, 0, &level)) {
        qtest_fail_arguments(cmd);
        return;
    }
    if (!dev) {
        qtest_sendf("FAIL Unknown device\n");
        return;
    }
    list = qtest_find_lines(dev, strcmp(cmd->words[2], "unnamed-gpio-in") ? cmd->words[2] : NULL);
    if (!list || num >= (uint64_t)list->num_in) {
        qtest_sendf("FAIL Unknown IRQ\n");
        return;
    }
    qemu_set_irq(list->in[num], (int)level);
    qtest_sendf("OK\n");
}

/* ---- clock ---------------------------------------------------------------------------------- */

static void qtest_clock_step(const QTestCommand *cmd)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t step, dest;

    if (cmd->nb_words > 1) {
        if (qemu_strtoi64(cmd->words[1], NULL, 0, &step) || step < 0) {
            qtest_fail_arguments(cmd);
            return;
        }
        dest = step > INT64_MAX - now ? INT64_MAX : now + step;
    } else {
        dest = qemu_clock_next_expiry_ns(QEMU_CLOCK_VIRTUAL);
    }
    qtest_clock_warp(dest);
    qtest_sendf("OK %" PRIi64 "\n", qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

static void qtest_clock_set(const QTestCommand *cmd)
{
    int64_t dest;

    if (cmd->nb_words < 2 || qemu_strtoi64(cmd->words[1], NULL, 0, &dest) || dest < 0) {
        qtest_fail_arguments(cmd);
        return;
    }
    qtest_clock_warp(dest);
    qtest_sendf("OK %" PRIi64 "\n", qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

/* No part of this emulator is a loadable module. */
static void qtest_module_load(const QTestCommand *cmd)
{
    qtest_sendf("FAIL\n");
}

/* ---- lines ---------------------------------------------------------------------------------- */

static const struct {
    const char *names;         /* separated and enclosed by spaces */
    void (*run)(const QTestCommand *cmd);
    bool needs_qtest_accel;    /* unknown otherwise, as in stock QEMU */
} qtest_commands[] = {
    { " outb outw outl ", qtest_out, false },
    { " inb inw inl ", qtest_in, false },
    { " writeb writew writel writeq ", qtest_write_value, false },
    { " readb readw readl readq ", qtest_read_value, false },
    { " read ", qtest_read, false },
    { " write ", qtest_write, false },
    { " b64read ", qtest_b64read, false },
    { " b64write ", qtest_b64write, false },
    { " memset ", qtest_memset, false },
    { " endianness ", qtest_endianness, false },
    { " irq_intercept_in irq_intercept_out ", qtest_irq_intercept, false },
    { " set_irq_in ", qtest_set_irq_in, false },
    { " clock_step ", qtest_clock_step, true },
    { " clock_set ", qtest_clock_set, true },
    { " module_load ", qtest_module_load, false },
};

static void qtest_process_line(char *line)
{
    g_autofree char *key = NULL;
    QTestCommand cmd;

    qtest_log_line("R", line, strlen(line));
    qtest_split(line, &cmd);
    key = g_strdup_printf(" %.40s ", cmd.words[0]);
    for (unsigned i = 0; *cmd.words[0] && i < ARRAY_SIZE(qtest_commands); i++) {
        if (strstr(qtest_commands[i].names, key) &&
            (!qtest_commands[i].needs_qtest_accel || qtest_enabled())) {
            qtest_commands[i].run(&cmd);
            return;
        }
    }
    qtest_sendf("FAIL Unknown command '%.200s'\n", cmd.words[0]);
}

static void qtest_end_of_line(void)
{
    g_autoptr(GString) line = g_steal_pointer(&server->input);

    server->input = g_string_new(NULL);
    if (server->discarding) {
        server->discarding = false;
        qtest_sendf("FAIL Line too long\n");
        return;
    }
    if (line->len && line->str[line->len - 1] == '\r') {
        g_string_truncate(line, line->len - 1);
    }
    qtest_process_line(line->str);
}

static void qtest_receive(void *opaque, const uint8_t *buf, int size)
{
    const char *p = (const char *)buf, *end = p + size;

    server->receiving = true;
    while (server && p < end) {
        const char *newline = memchr(p, '\n', end - p);
        size_t len = (newline ? newline : end) - p;

        if (!server->discarding && server->input->len + len > QTEST_MAX_LINE) {
            server->discarding = true;
            g_string_truncate(server->input, 0);
        }
        if (!server->discarding) {
            g_string_append_len(server->input, p, (gssize)len);
        }
        p += len;
        if (newline) {
            p++;
            qtest_end_of_line();
        }
    }
    if (server) {
        server->receiving = false;
        qtest_flush();
    }
}

static int qtest_can_receive(void *opaque)
{
    return 65536;
}

static void qtest_event(void *opaque, QEMUChrEvent event)
{
    if (event == CHR_EVENT_OPENED) {
        /* Who connects knows nothing of levels: all are low until told otherwise. */
        memset(server->irq_level, 0, sizeof(server->irq_level));
        server->opened_us = g_get_monotonic_time();
        g_string_truncate(server->input, 0);
        g_string_truncate(server->output, 0);
        server->discarding = false;
        qtest_log_line("I", "OPENED", 6);
    } else if (event == CHR_EVENT_CLOSED) {
        qtest_log_line("I", "CLOSED", 6);
    }
}

static bool qtest_open_log(const char *log, FILE **file, Error **errp)
{
    *file = NULL;
    /* Formatting lines that nobody can read takes half of a command's time. */
    if (!log) {
        *file = stderr;
    } else if (strcmp(log, "none") && strcmp(log, "/dev/null")) {
        *file = fopen(log, "we");
        if (!*file) {
            error_setg_errno(errp, errno, "cannot write qtest log '%s'", log);
            return false;
        }
    }
    return true;
}

bool qtest_server_init(Chardev *chr, const char *log, Error **errp)
{
    FILE *file;

    if (server) {
        error_setg(errp, "there is a qtest server already");
        return false;
    }
    chr = chardev_attach(chr, errp);
    if (!chr) {
        return false;
    }
    if (!qtest_open_log(log, &file, errp)) {
        chardev_detach(chr);
        return false;
    }
    server = g_new0(QTestServer, 1);
    server->log = file;
    server->input = g_string_new(NULL);
    server->output = g_string_new(NULL);
    server->opened_us = g_get_monotonic_time();
    server->chr = chr;
    chardev_set_handlers(chr, qtest_can_receive, qtest_receive, qtest_event, NULL);
    return true;
}

bool qtest_driver(void)
{
    return server != NULL;
}

void qtest_server_cleanup(void)
{
    QTestServer *s;

    if (!server) {
        return;
    }
    qtest_flush();
    s = g_steal_pointer(&server);
    chardev_detach(s->chr);
    if (s->log && s->log != stderr) {
        fclose(s->log);
    }
    g_string_free(s->input, true);
    g_string_free(s->output, true);
    g_free(s);
}
