/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for the operator: "PROGRAM: LOCATION: kind: text". Each report is one write, so that
 * lines of several threads do not mix. Location and sink belong to the calling thread.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"

static char *program_name;

static bool with_timestamps;
static char *guest_name;                   /* or NULL */

static __thread char *location;            /* ": -device foo=bar", ":FILE:LINE" or NULL */
static __thread ErrorReportSink *sink;
static __thread void *sink_opaque;

void error_init(const char *argv0)
{
    g_free(program_name);
    program_name = g_path_get_basename(argv0);
}

void loc_set_cmdline(const char *option, const char *value)
{
    g_free(location);
    location = NULL;
    if (option) {
        location = value ? g_strdup_printf(": %s %s", option, value)
                         : g_strdup_printf(": %s", option);
    }
}

void loc_set_file(const char *name, unsigned line)
{
    g_free(location);
    location = g_strdup_printf(":%s:%u", name, line);
}

void error_set_timestamps(bool on)
{
    with_timestamps = on;
}

void error_set_guest_name(const char *name)
{
    g_free(guest_name);
    guest_name = g_strdup(name);
}

void error_report_set_sink(ErrorReportSink *new_sink, void *opaque)
{
    sink = new_sink;
    sink_opaque = opaque;
}

static void report_text(const char *text)
{
    if (sink) {
        sink(text, sink_opaque);
        return;
    }
    fwrite(text, 1, strlen(text), stderr);
    fflush(stderr);
}

void qemu_printf(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (sink) {
        text = g_strdup_vprintf(fmt, ap);
        sink(text, sink_opaque);
    } else {
        vprintf(fmt, ap);
    }
    va_end(ap);
}

static void append_bare_location(GString *line)
{
    if (location) {
        g_string_append_printf(line, "%s: ", location + strspn(location, ": "));
    }
}

/* When (RFC 3339, microseconds, UTC), which guest, which program, and what about. */
static void append_prefix(GString *line)
{
    if (with_timestamps) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

        g_string_append_printf(line, "%s.%06dZ ", text, g_date_time_get_microsecond(now));
    }
    if (guest_name) {
        g_string_append_printf(line, "%s ", guest_name);
    }
    if (program_name) {
        g_string_append_printf(line, "%s%s: ", program_name, location ? location : "");
    } else {
        append_bare_location(line);
    }
}

static void G_GNUC_PRINTF(2, 0)
report(const char *kind, const char *fmt, va_list ap)
{
    GString *line = g_string_new(NULL);

    if (!sink) {
        append_prefix(line);
    } else {
        append_bare_location(line);
    }
    g_string_append(line, kind);
    g_string_append_vprintf(line, fmt, ap);
    g_string_append_c(line, '\n');
    report_text(line->str);
    g_string_free(line, TRUE);
}

void error_vreport(const char *fmt, va_list ap)
{
    report("", fmt, ap);
}

void error_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
}

void info_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("info: ", fmt, ap);
    va_end(ap);
}

void error_report_err(Error *err)
{
    error_report("%s", error_get_pretty(err));
    if (error_get_hint(err)) {
        report_text(error_get_hint(err));
    }
    error_free(err);
}

void warn_report_err(Error *err)
{
    warn_report("%s", error_get_pretty(err));
    if (error_get_hint(err)) {
        report_text(error_get_hint(err));
    }
    error_free(err);
}

bool warn_report_once_cond(bool *printed, const char *fmt, ...)
{
    va_list ap;

    if (__atomic_exchange_n(printed, true, __ATOMIC_RELAXED)) {
        return false;
    }
    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
    return true;
}
