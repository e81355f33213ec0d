/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem-map: why has a virtio-mem device of a running machine the size that it has? Prints the
 * report that x-query-virtio-mem gives, and draws the block map as a PNG.
 */
#include "qemu/osdep.h"

#include "picture.h"
#include "qmp-client.h"
#include "report.h"
#include "text.h"

#define TIMEOUT_S 10

static struct {
    char *id;
    char *png;
    gboolean json;
    char **args;
} options;

static const GOptionEntry entries[] = {
    { "id", 'i', 0, G_OPTION_ARG_STRING, &options.id,
      "Only the device with this id or QOM path (default: all)", "ID" },
    { "png", 'p', 0, G_OPTION_ARG_FILENAME, &options.png,
      "Draw the block map of the device into this file", "FILE" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &options.json,
      "Print the report as JSON, the block map complete", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.args, NULL, "SOCKET" },
    { NULL }
};

static const char summary[] =
    "Tells why the virtio-mem devices of a running machine have the size that they have:\n"
    "what is requested, what the guest has plugged and touched, what it was refused.\n"
    "SOCKET is the machine's QMP monitor (-qmp unix:SOCKET,server=on,wait=off).";

static const char description[] =
    "Example:\n"
    "  virtio-mem-map qmp.sock --id vm0 --png vm0.png\n\n"
    "Exit status: 0, 1 the machine has no such device, 2 no monitor there or wrong usage.\n";

enum { EXIT_NO_DEVICE = 1, EXIT_USAGE = 2 };

static int fail(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int fail(int status, const char *format, ...)
{
    va_list ap;

    fputs("virtio-mem-map: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return status;
}

/* "vm0, vm1", for those who have to choose; to be freed. */
static char *names_of(const GPtrArray *reports)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < reports->len; i++) {
        const Report *report = g_ptr_array_index(reports, i);

        g_string_append_printf(names, "%s%s", i ? ", " : "", report->name);
    }
    return g_string_free(names, false);
}

static int fail_query(QmpClient *client, const GError *error)
{
    g_autoptr(GPtrArray) all = NULL;
    g_autofree char *names = NULL;

    if (g_error_matches(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND)) {
        return fail(EXIT_USAGE, "the machine does not know x-query-virtio-mem: it is %s",
                    qmp_client_version(client));
    }
    if (error->domain != QMP_ERROR || !options.id) {
        return fail(EXIT_USAGE, "%s", error->message);
    }
    all = report_query(client, NULL, NULL);
    names = all ? names_of(all) : NULL;
    return fail(EXIT_NO_DEVICE, "%s; virtio-mem devices of the machine: %s", error->message,
                names && *names ? names : "none");
}

static void print_json(const GPtrArray *reports)
{
    g_autoptr(json_t) list = json_array();
    char *text;

    for (guint i = 0; i < reports->len; i++) {
        const Report *report = g_ptr_array_index(reports, i);

        json_array_append(list, report->json);
    }
    text = json_dumps(list, JSON_INDENT(2));
    puts(text);
    free(text);
}

static int run(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QmpClient) client = qmp_client_new(path, TIMEOUT_S, &error);
    g_autoptr(GPtrArray) reports = NULL;
    g_autofree char *names = NULL;

    if (!client) {
        return fail(EXIT_USAGE, "%s", error->message);
    }
    reports = report_query(client, options.id, &error);
    if (!reports) {
        return fail_query(client, error);
    }
    if (!reports->len) {
        return fail(EXIT_NO_DEVICE, "the machine has no virtio-mem device");
    }
    if (options.png && reports->len > 1) {
        names = names_of(reports);
        return fail(EXIT_USAGE, "--png draws one device: choose with --id (%s)", names);
    }
    if (options.json) {
        print_json(reports);
    }
    for (guint i = 0; i < reports->len && !options.json; i++) {
        fputs(i ? "\n" : "", stdout);
        text_print(stdout, g_ptr_array_index(reports, i));
    }
    if (options.png && !picture_write(g_ptr_array_index(reports, 0), options.png, &error)) {
        return fail(EXIT_USAGE, "%s", error->message);
    }
    return 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    int status;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, description);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        return fail(EXIT_USAGE, "%s; see virtio-mem-map --help", error->message);
    }
    if (!options.args || g_strv_length(options.args) != 1) {
        return fail(EXIT_USAGE, "one SOCKET is needed; see virtio-mem-map --help");
    }
    status = run(options.args[0]);
    g_strfreev(options.args);
    g_free(options.id);
    g_free(options.png);
    return status;
}
