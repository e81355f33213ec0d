/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events on their way to the monitors. An event with a rate limit is sent at once if none of its
 * kind (and key: a device's path) was sent within the limit; otherwise the newest waits until the
 * time is up. The clock is the guest's under qtest, where tests move it, else real time.
 */
#include "qemu/osdep.h"

#include "hw/core/qdev.h"
#include "qapi/qapi-events-qdev.h"
#include "qapi/util.h"
#include "qemu/json.h"
#include "qemu/timer.h"
#include "system/accel.h"
#include "qmp-internal.h"

typedef struct LimitedEvent {
    char *key;          /* event name and key value */
    int64_t limit_ns;
    QEMUClockType clock;
    QEMUTimer *timer;   /* runs while this exists */
    json_t *pending;    /* the newest not sent yet, or NULL */
} LimitedEvent;

static GHashTable *limited_events;   /* key -> LimitedEvent */

static json_t *event_new(const QAPIEventInfo *info, json_t *data)
{
    int64_t now = g_get_real_time();
    json_t *event = json_object(), *timestamp = json_object();

    json_object_set_new(timestamp, "seconds", json_integer(now / G_USEC_PER_SEC));
    json_object_set_new(timestamp, "microseconds", json_integer(now % G_USEC_PER_SEC));
    json_object_set_new(event, "timestamp", timestamp);
    json_object_set_new(event, "event", json_string(info->name));
    if (data) {
        json_object_set(event, "data", data);
    }
    return event;
}

static void limited_event_free(void *data)
{
    LimitedEvent *limited = data;

    timer_free(limited->timer);
    json_decref(limited->pending);
    g_free(limited->key);
    g_free(limited);
}

static void limited_event_arm(LimitedEvent *limited)
{
    timer_mod_ns(limited->timer, qemu_clock_get_ns(limited->clock) + limited->limit_ns);
}

static void limited_event_time_up(void *opaque)
{
    LimitedEvent *limited = opaque;
    json_t *event = limited->pending;

    if (!event) {
        g_hash_table_remove(limited_events, limited->key);
        return;
    }
    limited->pending = NULL;
    limited_event_arm(limited);
    qmp_broadcast(event);
    json_decref(event);
}

static LimitedEvent *limited_event_new(const QAPIEventInfo *info, char *key)
{
    LimitedEvent *limited = g_new0(LimitedEvent, 1);

    limited->key = key;
    limited->limit_ns = info->rate_limit_ms * INT64_C(1000000);
    limited->clock = qtest_enabled() ? QEMU_CLOCK_VIRTUAL : QEMU_CLOCK_REALTIME;
    limited->timer = timer_new_ns(limited->clock, limited_event_time_up, limited);
    g_hash_table_insert(limited_events, limited->key, limited);
    return limited;
}

static char *limited_event_key(const QAPIEventInfo *info, json_t *data)
{
    const char *value = info->key ? json_string_value(json_object_get(data, info->key)) : NULL;

    return g_strdup_printf("%s %s", info->name, value ? value : "");
}

static void emit_event(const QAPIEventInfo *info, json_t *data)
{
    json_t *event = event_new(info, data);
    LimitedEvent *limited;
    char *key;

    if (!info->rate_limit_ms) {
        qmp_broadcast(event);
        json_decref(event);
        return;
    }
    key = limited_event_key(info, data);
    limited = g_hash_table_lookup(limited_events, key);
    if (limited) {
        g_free(key);
        json_decref(limited->pending);
        limited->pending = event;
        return;
    }
    limited_event_arm(limited_event_new(info, key));
    qmp_broadcast(event);
    json_decref(event);
}

void qmp_events_init(void)
{
    if (!limited_events) {
        limited_events = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, limited_event_free);
    }
    qapi_event_set_emit(emit_event);
    qdev_set_deleted_hook(qapi_event_send_device_deleted);
}

void qmp_events_cleanup(void)
{
    qdev_set_deleted_hook(NULL);
    qapi_event_set_emit(NULL);
    g_clear_pointer(&limited_events, g_hash_table_destroy);
}
