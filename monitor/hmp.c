/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor: lines from a terminal (or from human-monitor-command) become calls of
 * commands. Which there are is a table that monitor.c hands in. All that is typed is parsed here,
 * by the command's row, into checked arguments; a command sees only lines that were right.
 *
 * Output is collected while bytes are taken and sent when they are: what the client's going away
 * changes is changed then, never in the middle of a command.
 */
#include "qemu/osdep.h"

#include "hmp.h"
#include "hw/core/cpu.h"
#include "monitor/monitor.h"
#include "output.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/known-names.h"

#define PROMPT "(qemu) "
/* Each byte typed may draw a line of some 4 KiB anew, with as many cursor moves of 3 bytes. */
#define READ_CHUNK 64

struct MonitorHMP {
    Chardev *chr;           /* NULL: of human-monitor-command */
    bool open;              /* a client is there */
    bool quitting;          /* no more prompts */
    int cpu_index;
    ReadLine *rl;
    MonitorOutput output;
    GString *answer;        /* instead of output */
};

static GSList *monitors;
static bool started;
static const HMPCommand *commands;   /* the table */

void hmp_set_commands(const HMPCommand *table)
{
    commands = table;
}

/* ---- output ---- */

void hmp_puts(MonitorHMP *mon, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        if (mon->answer) {
            g_string_append_len(mon->answer, text, length);
        } else {
            monitor_output_append(&mon->output, text, length);
        }
        text += length;
        if (*text) {
            text++;
            if (mon->answer) {
                g_string_append(mon->answer, "\r\n");
            } else {
                monitor_output_append(&mon->output, "\r\n", 2);
            }
        }
    }
}

void hmp_printf(MonitorHMP *mon, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    hmp_puts(mon, text);
}

bool hmp_handle_error(MonitorHMP *mon, Error *err)
{
    if (!err) {
        return false;
    }
    hmp_printf(mon, "Error: %s\n%s", error_get_pretty(err),
               error_get_hint(err) ? error_get_hint(err) : "");
    error_free(err);
    return true;
}

const ReadLine *hmp_readline(const MonitorHMP *mon)
{
    return mon->rl;
}

void hmp_end(MonitorHMP *mon)
{
    mon->quitting = true;
}

int hmp_cpu_index(const MonitorHMP *mon)
{
    return qemu_get_cpu(mon->cpu_index) ? mon->cpu_index : -1;
}

/* ---- parsing ---- */

static const char *skip_spaces(const char *p)
{
    while (g_ascii_isspace(*p) || *p == '\v') {
        p++;
    }
    return p;
}

static bool is_space(char c)
{
    return g_ascii_isspace(c) || c == '\v';
}

/* A character behind a backslash in quotes; 0: none that is known. */
static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case '\\':
    case '\'':
    case '"':
        return c;
    default:
        return 0;
    }
}

/* The quoted word at *@pp, which then is behind it; NULL and @why what is wrong with it. */
static char *parse_quoted(const char **pp, char **why)
{
    g_autoptr(GString) word = g_string_new(NULL);
    const char *p = *pp + 1;

    for (; *p && *p != '"'; p++) {
        char c = *p;

        if (c == '\\' && p[1]) {
            c = unescape(*++p);
            if (!c) {
                *why = g_strdup_printf("unsupported escape code: '\\%c'\n", *p);
                return NULL;
            }
        }
        g_string_append_c(word, c);
    }
    if (!*p) {
        *why = g_strdup("unterminated string\n");
        return NULL;
    }
    *pp = p + 1;
    return g_string_free(g_steal_pointer(&word), FALSE);
}

/* The word at *@pp, white space before it skipped. NULL: there is none, or it is wrong (@why). */
static char *parse_word(const char **pp, char **why)
{
    const char *p = skip_spaces(*pp), *start = p;

    *why = NULL;
    *pp = p;
    if (!*p) {
        return NULL;
    }
    if (*p == '"') {
        return parse_quoted(pp, why);
    }
    while (*p && !is_space(*p)) {
        p++;
    }
    *pp = p;
    return g_strndup(start, p - start);
}

const HMPCommand *hmp_find_command(const HMPCommand *table, const char *name, size_t length)
{
    for (const HMPCommand *cmd = table; cmd->name; cmd++) {
        g_auto(GStrv) names = g_strsplit(cmd->name, "|", -1);

        for (char **n = names; *n; n++) {
            if (strlen(*n) == length && !memcmp(*n, name, length)) {
                return cmd;
            }
        }
    }
    return NULL;
}

/* A name ends at white space or a slash. */
static const char *name_end(const char *p)
{
    while (*p && *p != '/' && !is_space(*p)) {
        p++;
    }
    return p;
}

/* What is being parsed, for messages. */
typedef struct Line {
    MonitorHMP *mon;
    const HMPCommand *cmd;
    const char *start;      /* of the line, white space included, as QEMU quotes it */
    const char *name_end;
    const char *p;          /* what follows */
} Line;

static void G_GNUC_PRINTF(2, 3) refuse_line(Line *l, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    hmp_printf(l->mon, "%s: %s\nTry \"help %.*s\" for more information\n", l->cmd->name, text,
               (int)(l->name_end - l->start), l->start);
}

/* Finds the command (of a subcommand if there is one); false: it was reported. */
static bool parse_name(Line *l, const HMPCommand *table)
{
    const char *p = skip_spaces(l->p);

    if (l->cmd && !*p) {
        return true;
    }
    l->name_end = name_end(p);
    l->cmd = hmp_find_command(table, p, l->name_end - p);
    if (!l->cmd) {
        g_autofree char *word = g_strndup(p, l->name_end - p);
        g_autofree char *why = qemu_name_explain(QEMU_NAME_HMP, word);

        hmp_printf(l->mon, "unknown command: '%.*s'%s\n", (int)(l->name_end - l->start), l->start,
                   why);
        return false;
    }
    l->p = l->name_end;
    return !l->cmd->sub || parse_name(l, l->cmd->sub);
}

/* Whether @flag is one of @args (which come after the one at hand). */
static bool flag_follows(const HMPArg *args, char flag)
{
    for (; args->kind == HMP_ARG_FLAG; args++) {
        if (args->flag == flag) {
            return true;
        }
    }
    return false;
}

static bool parse_flag(Line *l, const HMPArg *arg, char **value)
{
    const char *p = skip_spaces(l->p);

    if (*p != '-') {
        return true;
    }
    if (p[1] == arg->flag) {
        *value = g_strdup("");
        l->p = p + 2;
        return true;
    }
    if (flag_follows(arg + 1, p[1])) {
        return true;
    }
    refuse_line(l, "unsupported option -%.*s", (int)(g_utf8_next_char(p + 1) - (p + 1)), p + 1);
    return false;
}

static bool parse_arg(Line *l, const HMPArg *arg, char **value)
{
    g_autofree char *why = NULL;

    if (arg->kind == HMP_ARG_FLAG) {
        return parse_flag(l, arg, value);
    }
    l->p = skip_spaces(l->p);
    if (!*l->p && arg->optional) {
        return true;
    }
    if (arg->kind == HMP_ARG_REST) {
        *value = *l->p ? g_strdup(l->p) : NULL;
        l->p += strlen(l->p);
    } else {
        *value = parse_word(&l->p, &why);
    }
    if (!*value) {
        hmp_puts(l->mon, why ? why : "");
        refuse_line(l, "string expected");
        return false;
    }
    return true;
}

static bool parse_args(Line *l, char **values)
{
    if (!g_utf8_validate(l->p, -1, NULL)) {
        refuse_line(l, "the arguments are not valid UTF-8");
        return false;
    }
    for (unsigned i = 0; l->cmd->args[i].kind; i++) {
        if (!parse_arg(l, &l->cmd->args[i], &values[i])) {
            return false;
        }
    }
    if (*skip_spaces(l->p)) {
        refuse_line(l, "extraneous characters at the end of line");
        return false;
    }
    return true;
}

static void report_to_monitor(const char *text, void *opaque)
{
    hmp_puts(opaque, text);
}

static void run_line(MonitorHMP *mon, const char *text)
{
    Line line = { .mon = mon, .start = text, .p = text };
    char *values[HMP_MAX_ARGS] = { NULL };

    if (!*skip_spaces(text)) {
        return;
    }
    if (parse_name(&line, commands) && parse_args(&line, values)) {
        error_report_set_sink(report_to_monitor, mon);
        line.cmd->run(mon, values);
        error_report_set_sink(NULL, NULL);
    }
    for (unsigned i = 0; i < HMP_MAX_ARGS; i++) {
        g_free(values[i]);
    }
}

char *hmp_run_line(const char *line, int cpu_index)
{
    MonitorHMP mon = { .answer = g_string_new(NULL), .cpu_index = cpu_index };

    run_line(&mon, line);
    return g_string_free(mon.answer, FALSE);
}

/* ---- completion ---- */

void hmp_add_if_prefix(ReadLine *rl, const char *prefix, const char *word)
{
    if (g_str_has_prefix(word, prefix)) {
        readline_add_completion(rl, strlen(prefix), word);
    }
}

void hmp_complete_name(ReadLine *rl, const HMPCommand *table, const char *prefix)
{
    for (const HMPCommand *cmd = table; cmd->name; cmd++) {
        g_auto(GStrv) names = g_strsplit(cmd->name, "|", -1);

        for (char **n = names; *n; n++) {
            hmp_add_if_prefix(rl, prefix, *n);
        }
    }
}

/* @words[@nb - 1] is the last one, yet to be completed. */
static void complete_words(ReadLine *rl, const HMPCommand *table, char **words, unsigned nb)
{
    const HMPCommand *cmd;

    if (nb == 1) {
        hmp_complete_name(rl, table, words[0]);
        return;
    }
    cmd = hmp_find_command(table, words[0], strlen(words[0]));
    if (cmd && cmd->sub) {
        complete_words(rl, cmd->sub, words + 1, nb - 1);
    } else if (cmd && cmd->complete) {
        cmd->complete(rl, words, nb - 1);
    }
}

static void hmp_complete(void *opaque, ReadLine *rl, const char *text)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    size_t length = strlen(text);
    const char *p = text;
    char *word, *why;

    if (!g_utf8_validate(text, -1, NULL)) {
        return;
    }
    while ((word = parse_word(&p, &why))) {
        g_ptr_array_add(words, word);
    }
    if (why) {
        g_free(why);
        return;     /* in the middle of a quoted string */
    }
    if (!length || is_space(text[length - 1])) {
        g_ptr_array_add(words, g_strdup(""));
    }
    complete_words(rl, commands, (char **)words->pdata, words->len);
}

/* ---- terminals ---- */

static void hmp_print(void *opaque, const char *text)
{
    hmp_puts(opaque, text);
}

static void hmp_take_line(void *opaque, char *line)
{
    MonitorHMP *mon = opaque;

    run_line(mon, line);
    if (!mon->quitting) {
        readline_start(mon->rl);
    }
}

static const ReadLineOps readline_ops = {
    .print = hmp_print,
    .line = hmp_take_line,
    .complete = hmp_complete,
};

static int hmp_can_read(void *opaque)
{
    MonitorHMP *mon = opaque;

    return !mon->quitting && monitor_output_unsent(&mon->output) <= MONITOR_OUTPUT_HIGH
           ? READ_CHUNK : 0;
}

/* What it says to nobody, behind a multiplexer and out of focus, is not waited for. */
static bool hmp_has_pending(void *opaque)
{
    const MonitorHMP *mon = opaque;

    return !started || monitor_output_is_being_sent(&mon->output);
}

static void hmp_read(void *opaque, const uint8_t *buf, int size)
{
    MonitorHMP *mon = opaque;

    for (int i = 0; i < size && !mon->quitting; i++) {
        readline_feed(mon->rl, buf[i]);
    }
    monitor_output_flush(&mon->output);
}

static void hmp_forget_client(MonitorHMP *mon)
{
    readline_reset(mon->rl);
    monitor_output_drop(&mon->output);
}

/* A new client, or the focus of a multiplexer: a fresh prompt, behind what was said meanwhile. */
static void hmp_come_in(MonitorHMP *mon)
{
    readline_reset(mon->rl);
    readline_start(mon->rl);
    monitor_output_flush(&mon->output);
}

static void hmp_event(void *opaque, QEMUChrEvent event)
{
    MonitorHMP *mon = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        hmp_forget_client(mon);
        hmp_puts(mon, "QEMU " PROJECT_VERSION " monitor - type 'help' for more information\n");
        if (chardev_has_focus(mon->chr)) {
            hmp_come_in(mon);
        }
        break;
    case CHR_EVENT_CLOSED:
        hmp_forget_client(mon);
        break;
    case CHR_EVENT_MUX_IN:
        hmp_come_in(mon);
        break;
    case CHR_EVENT_MUX_OUT:
        hmp_puts(mon, "\n");
        monitor_output_flush(&mon->output);
        break;
    case CHR_EVENT_BREAK:
        break;
    }
}

/* ---- life ---- */

static void hmp_start(MonitorHMP *mon)
{
    chardev_set_handlers(mon->chr, hmp_can_read, hmp_read, hmp_event, mon);
    chardev_set_pending_handler(mon->chr, hmp_has_pending);
}

bool monitor_init_hmp(Chardev *chr, Error **errp)
{
    MonitorHMP *mon;

    chr = chardev_attach(chr, errp);
    if (!chr) {
        return false;
    }
    mon = g_new0(MonitorHMP, 1);
    mon->chr = chr;
    mon->rl = readline_new(&readline_ops, mon, PROMPT);
    monitor_output_init(&mon->output, chr, NULL, NULL);
    monitors = g_slist_append(monitors, mon);
    chardev_set_pending_handler(chr, hmp_has_pending);
    if (started) {
        hmp_start(mon);
    }
    return true;
}

void hmp_start_all(void)
{
    started = true;
    for (GSList *l = monitors; l; l = l->next) {
        hmp_start(l->data);
    }
}

static void hmp_free(MonitorHMP *mon)
{
    monitor_output_flush_at_exit(&mon->output);
    chardev_detach(mon->chr);
    monitor_output_cleanup(&mon->output);
    readline_free(mon->rl);
    g_free(mon);
}

void hmp_cleanup(void)
{
    g_slist_free_full(g_steal_pointer(&monitors), (GDestroyNotify)hmp_free);
    started = false;
}
