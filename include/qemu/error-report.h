/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line on stderr for the operator: "qemu-system-x86_64: message", warnings with "warning: ",
 * information with "info: ". A location set with loc_set_cmdline() precedes the message as in
 * "qemu-system-x86_64: -device foo: message". While a human monitor command runs the text goes to
 * that monitor (hook set by the monitor). Callable from any thread.
 */
#ifndef QEMU_ERROR_REPORT_H
#define QEMU_ERROR_REPORT_H

void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void info_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* Text that was asked for (help): on stdout, or where the sink sends it. */
void qemu_printf(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void error_vreport(const char *fmt, va_list ap);
/* Report @err with its hint, and free it. */
void error_report_err(Error *err);
void warn_report_err(Error *err);
/* Warn at most once for each *@printed; returns whether it did now. */
bool warn_report_once_cond(bool *printed, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The option now being carried out, for messages ("-device foo,bar=1"); NULL for none. */
void loc_set_cmdline(const char *option, const char *value);
/* The same for what a configuration file says: "qemu-system-x86_64:FILE:LINE: message". */
void loc_set_file(const char *name, unsigned line);
/* Lines on stderr begin with the time (UTC, microseconds): "2026-01-02T03:04:05.678901Z ". */
void error_set_timestamps(bool on);
/* They have the guest's name before the program's; NULL: not. */
void error_set_guest_name(const char *name);
/* Program name that starts each message. */
void error_init(const char *argv0);
/* Sends reports elsewhere (the human monitor) for this thread; NULL restores stderr. */
typedef void ErrorReportSink(const char *text, void *opaque);
void error_report_set_sink(ErrorReportSink *sink, void *opaque);

#endif /* QEMU_ERROR_REPORT_H */
