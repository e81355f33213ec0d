/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of QMP commands that the generator makes, and what it needs. Private to the monitor
 * and its generated code. Big lock.
 */
#ifndef MONITOR_QMP_DISPATCH_H
#define MONITOR_QMP_DISPATCH_H

#include <jansson.h>

typedef struct QmpCommand {
    const char *name;
    /* @args: an object. Success: *@ret is a new value. Failure: false with @errp set. */
    bool (*run)(json_t *args, json_t **ret, Error **errp);
    bool preconfig;         /* can be carried out before the machine is made */
} QmpCommand;

extern const QmpCommand qmp_commands[];   /* sorted by name */
extern const size_t qmp_nb_commands;

/* The schema as query-qmp-schema returns it. */
extern const char qmp_schema_text[];

#endif /* MONITOR_QMP_DISPATCH_H */
