/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors: for programs (QMP) and for people (HMP), over character devices. Several may exist;
 * each has at most one client at a time; a QMP monitor negotiates for itself and gets every event
 * then. All on the main thread under the big lock; commands run there, one per main loop round and
 * monitor, in the order received.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "chardev/char.h"
#include "qapi/qapi-types-misc.h"

/* Claims @chr for a QMP monitor; it says nothing until monitor_start_all(). */
bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp);
/* Claims @chr for a human monitor; likewise. */
bool monitor_init_hmp(Chardev *chr, Error **errp);
/*
 * From -mon: an object with "chardev" (an id), "mode" ("readline", a human monitor, is the default;
 * "control" is QMP) and "pretty" (QMP only). Values are strings (keyval) or JSON values.
 */
bool monitor_init_opts(json_t *opts, Error **errp);
/* Before the machine is made: QMP monitors greet, and take what the schema allows "preconfig". */
void monitor_start_qmp(void);
/* What x-exit-preconfig does. */
void monitor_set_exit_preconfig(void (*exit_preconfig)(Error **errp));
/* The machine is ready: greet, take commands, send events. Monitors made later start at once. */
void monitor_start_all(void);
/* What query-command-line-options tells: set by who reads the command line. The caller frees. */
typedef CommandLineOptionInfoList *CommandLineLister(void);
void monitor_set_command_line_lister(CommandLineLister *list);
/* At exit, before chardev_cleanup_all(): sends what is pending, as far as clients read at once. */
void monitor_cleanup(void);

#endif /* MONITOR_MONITOR_H */
