/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See output.h. */
#include "qemu/osdep.h"

#include "output.h"

#define FLUSH_AT_EXIT_MS 200

void monitor_output_init(MonitorOutput *out, Chardev *chr, void (*sent)(void *opaque),
                         void *opaque)
{
    *out = (MonitorOutput) {
        .chr = chr,
        .sent = sent,
        .opaque = opaque,
        .text = g_string_new(NULL),
    };
}

void monitor_output_cleanup(MonitorOutput *out)
{
    out->watch = 0;
    g_string_free(g_steal_pointer(&out->text), TRUE);
}

size_t monitor_output_unsent(const MonitorOutput *out)
{
    return out->text->len - out->start;
}

bool monitor_output_is_being_sent(const MonitorOutput *out)
{
    return out->watch != 0;
}

void monitor_output_append(MonitorOutput *out, const char *text, size_t length)
{
    if (out->start > out->text->len / 2) {
        g_string_erase(out->text, 0, out->start);
        out->start = 0;
    }
    g_string_append_len(out->text, text, length);
}

static gboolean output_ready(void *unused, GIOCondition cond, void *opaque)
{
    MonitorOutput *out = opaque;

    out->watch = 0;
    monitor_output_flush(out);
    if (out->sent) {
        out->sent(out->opaque);
    }
    chardev_accept_input(out->chr);
    return G_SOURCE_REMOVE;
}

void monitor_output_flush(MonitorOutput *out)
{
    size_t unsent = monitor_output_unsent(out);
    const uint8_t *data = (const uint8_t *)out->text->str + out->start;
    int done;

    if (out->watch || !unsent) {
        return;
    }
    done = chardev_write(out->chr, data, MIN(unsent, INT_MAX));
    if (!monitor_output_unsent(out)) {
        return;   /* the client went away meanwhile: everything was dropped */
    }
    out->start += done;
    if (monitor_output_unsent(out)) {
        out->watch = chardev_add_watch(out->chr, G_IO_OUT, output_ready, out);
        return;
    }
    g_string_truncate(out->text, 0);
    out->start = 0;
}

void monitor_output_drop(MonitorOutput *out)
{
    g_string_free(out->text, TRUE);
    out->text = g_string_new(NULL);
    out->start = 0;
    g_clear_handle_id(&out->watch, g_source_remove);
}

void monitor_output_flush_at_exit(MonitorOutput *out)
{
    for (int ms = 0; ms < FLUSH_AT_EXIT_MS && monitor_output_unsent(out); ms++) {
        g_clear_handle_id(&out->watch, g_source_remove);
        monitor_output_flush(out);
        if (monitor_output_unsent(out)) {
            g_usleep(1000);
        }
    }
}
