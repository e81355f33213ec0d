/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines that a guest can cause must not fill the operator's log: a bucket of LOG_LIMIT_BURST lines
 * that is full again LOG_LIMIT_WINDOW_US after the first of them. What was held back is counted,
 * and told with the next line that comes through.
 *
 * One LogLimit belongs to each source of messages (a device, say), not to each kind of message.
 * The caller serialises its use. Zeroed memory is a fresh one.
 */
#ifndef QEMU_LOG_LIMIT_H
#define QEMU_LOG_LIMIT_H

#define LOG_LIMIT_BURST 10                        /* enough to see a pattern ... */
#define LOG_LIMIT_WINDOW_US (5 * 1000 * 1000)     /* ... and at most two lines a second */

typedef struct LogLimit {
    int64_t window_us;         /* start of the window, monotonic time */
    unsigned nb_passed;        /* lines in it */
    unsigned nb_held;          /* lines held back since the last that passed */
} LogLimit;

/*
 * May a line be printed at @now_us (g_get_monotonic_time())? If so, *@held is the number of lines
 * that were refused since the last one that was not.
 */
bool log_limit_pass(LogLimit *limit, int64_t now_us, unsigned *held);

/* error_vreport() of "@source: text", or nothing. */
void error_vreport_limited(LogLimit *limit, const char *source, const char *fmt, va_list ap)
    G_GNUC_PRINTF(3, 0);

#endif /* QEMU_LOG_LIMIT_H */
