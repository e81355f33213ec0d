/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -readconfig: a file of sections, '[GROUP "ID"]' or '[GROUP]', each followed by lines 'NAME =
 * "VALUE"'. A section is carried out as the option of its group, in its place: the first of
 *
 *   [device "vm0"]              -device id=vm0,driver=virtio-mem-pci
 *     driver = "virtio-mem-pci"
 *
 * Blank lines and those that begin with '#' are skipped.
 */
#include "qemu/osdep.h"

#include "option-groups.h"
#include "options-internal.h"
#include "qapi/error.h"
#include "qemu/error-report.h"

#define MAX_FILE_SIZE (1024 * 1024)     /* more is no configuration: a device, a mistake */

typedef struct ConfigReader {
    Cmdline *c;
    const char *file;           /* its name, interned */
    unsigned line;              /* being read, from 1 */
    const char *option;         /* "-device" of the section that is open; NULL: none is */
    unsigned last;              /* last line of that section */
    GString *value;             /* its parameters so far */
} ConfigReader;

/* ---- carrying out --------------------------------------------------------------------------- */

/* Commas in values are doubled, as on the command line. */
static void add_parameter(ConfigReader *r, const char *name, const char *value)
{
    g_string_append_printf(r->value, "%s%s=", r->value->len ? "," : "", name);
    for (; *value; value++) {
        g_string_append(r->value, *value == ',' ? ",," : (char[]) { *value, 0 });
    }
    r->last = r->line;
}

static OptResult end_section(ConfigReader *r)
{
    const CmdlineArg arg = {
        .option = r->option, .value = g_intern_string(r->value->str),
        .file = r->file, .line = r->last,
    };

    r->option = NULL;
    return arg.option ? cmdline_take(r->c, &arg) : OPT_OK;
}

static OptResult begin_section(ConfigReader *r, const char *group, const char *id)
{
    const char *option = option_group_option(group);

    if (!option) {
        error_report("There is no option group '%s'", group);
        return OPT_ERROR;
    }
    g_string_truncate(r->value, 0);
    r->option = option;
    r->last = r->line;
    if (id) {
        add_parameter(r, "id", id);
    }
    return OPT_OK;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static OptResult syntax_error(void)
{
    error_report("parse error: neither [GROUP \"ID\"] nor NAME = \"VALUE\"");
    return OPT_ERROR;
}

/* The words of a line by @pattern, or NULL. The caller frees. */
static char **match(const char *pattern, const char *text)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) info = NULL;

    return g_regex_match(regex, text, 0, &info) ? g_match_info_fetch_all(info) : NULL;
}

static OptResult take_header(ConfigReader *r, const char *text)
{
    g_auto(GStrv) words = match("^\\[([^]\\s\"]+)(?:\\s+\"([^\"]*)\")?\\s*\\]$", text);

    return words ? begin_section(r, words[1], words[2] && words[2][0] ? words[2] : NULL)
                 : syntax_error();
}

static OptResult take_assignment(ConfigReader *r, const char *text)
{
    g_auto(GStrv) words = match("^([\\w.-]+)\\s*=\\s*\"([^\"]*)\"$", text);

    if (!words) {
        return syntax_error();
    }
    if (!r->option) {
        error_report("no group defined");
        return OPT_ERROR;
    }
    add_parameter(r, words[1], words[2]);
    return OPT_OK;
}

static OptResult take_line(ConfigReader *r, char *text)
{
    OptResult result = OPT_OK;

    g_strstrip(text);
    if (!*text || *text == '#') {
        return OPT_OK;
    }
    if (*text == '[') {
        result = end_section(r);
    }
    loc_set_file(r->file, r->line);
    if (result == OPT_OK) {
        result = *text == '[' ? take_header(r, text) : take_assignment(r, text);
    }
    loc_set_cmdline(NULL, NULL);
    return result;
}

static OptResult take_lines(ConfigReader *r, char **lines)
{
    for (; *lines; lines++) {
        OptResult result;

        r->line++;
        result = take_line(r, *lines);
        if (result != OPT_OK) {
            return result;
        }
    }
    return end_section(r);
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool read_descriptor(int fd, GString *text, Error **errp)
{
    char buffer[4096];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        g_string_append_len(text, buffer, n);
        if (text->len > MAX_FILE_SIZE) {
            error_setg(errp, "Cannot read config file: it is larger than 1 MiB");
            return false;
        }
    }
    if (n < 0) {
        error_setg(errp, "Cannot read config file: %s", g_strerror(errno));
        return false;
    }
    if (!g_utf8_validate(text->str, text->len, NULL)) {
        error_setg(errp, "Cannot read config file: it is not valid UTF-8");
        return false;
    }
    return true;
}

static bool read_file(const char *name, GString *text, Error **errp)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0) {
        error_setg(errp, "Could not open '%s': %s", name, g_strerror(errno));
        return false;
    }
    ok = read_descriptor(fd, text, errp);
    close(fd);
    return ok;
}

OptResult handle_readconfig(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    ConfigReader r = { .c = c, .file = g_intern_string(arg->value) };
    GString *text = g_string_new(NULL);
    OptResult result = OPT_ERROR;

    r.value = g_string_new(NULL);
    if (read_file(arg->value, text, errp)) {
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);

        result = take_lines(&r, lines);
    }
    g_string_free(r.value, TRUE);
    g_string_free(text, TRUE);
    return result;
}
