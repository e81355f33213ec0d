/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that a guest can cause, at a rate that an operator can bear; see qemu/log-limit.h.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log-limit.h"

bool log_limit_pass(LogLimit *limit, int64_t now_us, unsigned *held)
{
    if (!limit->nb_passed || now_us - limit->window_us >= LOG_LIMIT_WINDOW_US) {
        limit->window_us = now_us;
        limit->nb_passed = 0;
    }
    if (limit->nb_passed == LOG_LIMIT_BURST) {
        limit->nb_held++;
        return false;
    }
    limit->nb_passed++;
    *held = limit->nb_held;
    limit->nb_held = 0;
    return true;
}

void error_vreport_limited(LogLimit *limit, const char *source, const char *fmt, va_list ap)
{
    g_autofree char *text = NULL;
    unsigned held;

    if (!log_limit_pass(limit, g_get_monotonic_time(), &held)) {
        return;
    }
    text = g_strdup_vprintf(fmt, ap);
    if (held) {
        error_report("%s: %s (%u more messages were not shown)", source, text, held);
    } else {
        error_report("%s: %s", source, text);
    }
}
