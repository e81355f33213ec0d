/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest server: a line protocol on a character device by which a test program does what a
 * guest would (memory, ports), moves the virtual clock and watches interrupt lines.
 */
#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include "qemu/typedefs.h"

/*
 * Serves the protocol on @chr from now on, logging each line to the file @log: NULL is the
 * standard error stream, "none" nowhere. False with @errp if the log cannot be written or a server
 * exists. The caller keeps ownership of @chr, which outlives the server. Big lock.
 */
bool qtest_server_init(Chardev *chr, const char *log, Error **errp);
/* Is there a server? */
bool qtest_driver(void);
/* Ends the server; lines stay intercepted. */
void qtest_server_cleanup(void);

/*
 * The qtest accelerator's virtual clock: moves it on to @dest (ns; nothing if that is past),
 * running the timers that become due at their times, unless the process is to end meanwhile.
 * Big lock, main thread.
 */
void qtest_clock_warp(int64_t dest);

#endif /* SYSTEM_QTEST_H */
