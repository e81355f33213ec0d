/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the QMP monitors (qmp.c), what uses them: their events (qmp-events.c) and the protocol's
 * own commands (qmp-cmds.c), and monitor.c, which starts both and hands in the table of commands.
 */
#ifndef MONITOR_QMP_INTERNAL_H
#define MONITOR_QMP_INTERNAL_H

#include <jansson.h>

#include "monitor/qmp-dispatch.h"
#include "qapi/qapi-types-control.h"

/* What may be executed: @table, sorted by name, is kept. Before qmp_start_all(). */
void qmp_set_commands(const QmpCommand *table, size_t nb);
const QmpCommand *qmp_get_commands(size_t *nb);
/* Monitors greet and take commands; those made later do so at once. */
void qmp_start_all(void);
/* At exit: sends what is pending, as far as clients read at once. */
void qmp_cleanup(void);
/* Sends @event (borrowed) to every monitor that has negotiated. */
void qmp_broadcast(json_t *event);
/* Starts and ends the sending of events. */
void qmp_events_init(void);
void qmp_events_cleanup(void);
/* The version that greeting and query-version tell. */
VersionInfo *qmp_version_new(void);
/* The monitor whose command runs has negotiated. */
bool qmp_current_is_negotiated(void);
void qmp_current_set_negotiated(void);

#endif /* MONITOR_QMP_INTERNAL_H */
