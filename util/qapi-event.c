/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way out for QMP events: lower layers send through generated functions, the monitor,
 * which stands above them, registers where they go. Big lock.
 */
#include "qemu/osdep.h"
#include "qapi/util.h"

static QAPIEventEmit *event_emit;

void qapi_event_set_emit(QAPIEventEmit *emit)
{
    event_emit = emit;
}

bool qapi_event_wanted(void)
{
    return event_emit != NULL;
}

void qapi_event_emit(const QAPIEventInfo *info, json_t *data)
{
    if (event_emit) {
        event_emit(info, data);
    }
}
