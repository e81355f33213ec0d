/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor has to say to its client: kept until the client reads it, sent without blocking.
 * Main thread, big lock.
 */
#ifndef MONITOR_OUTPUT_H
#define MONITOR_OUTPUT_H

#include "chardev/char.h"

#define MONITOR_OUTPUT_HIGH (64 * 1024)   /* bytes unsent: the client is to read before it asks */

typedef struct MonitorOutput {
    Chardev *chr;
    void (*sent)(void *opaque);           /* something was sent later than at once; NULL: no one */
    void *opaque;
    GString *text;
    size_t start;                         /* sent already */
    guint watch;
} MonitorOutput;

void monitor_output_init(MonitorOutput *out, Chardev *chr, void (*sent)(void *opaque),
                         void *opaque);
/* After chardev_detach(), which takes the watch away. */
void monitor_output_cleanup(MonitorOutput *out);
size_t monitor_output_unsent(const MonitorOutput *out);
/* Whether some of it waits for the client to read. */
bool monitor_output_is_being_sent(const MonitorOutput *out);
/* Adds text; monitor_output_flush() sends it. */
void monitor_output_append(MonitorOutput *out, const char *text, size_t length);
/* May find that the client has gone: then the chardev's event handler is called. */
void monitor_output_flush(MonitorOutput *out);
/* The client has gone: nothing of it is for the next one. */
void monitor_output_drop(MonitorOutput *out);
/* At exit: waits for a client that reads, for a fifth of a second at most. */
void monitor_output_flush_at_exit(MonitorOutput *out);

#endif /* MONITOR_OUTPUT_H */
