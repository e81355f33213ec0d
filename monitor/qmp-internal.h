/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the monitor (qmp.c), its events (qmp-events.c) and the protocol's own commands. */
#ifndef MONITOR_QMP_INTERNAL_H
#define MONITOR_QMP_INTERNAL_H

#include <jansson.h>

#include "qapi/qapi-types-control.h"

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
