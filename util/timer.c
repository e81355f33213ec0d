/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks and timers. Each clock has a list of pending timers, soonest first: there are few of them,
 * and the soonest is what is asked for most.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

static QEMUTimer *pending[QEMU_CLOCK_MAX];

/* The virtual clock: monotonic time minus the time that the VM stood still. */
static QemuMutex ticks_lock = QEMU_MUTEX_INITIALIZER;
static bool ticks_enabled;
/* Of the virtual clock to the monotonic one; while it stands still, its value. */
static int64_t ticks_offset;
static int64_t (*virtual_source)(void);

static int64_t get_clock_monotonic(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

int64_t get_clock_realtime(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

static int64_t virtual_clock_get(void)
{
    int64_t (*source)(void) = __atomic_load_n(&virtual_source, __ATOMIC_ACQUIRE);
    int64_t now;

    if (source) {
        return source();
    }
    qemu_mutex_lock(&ticks_lock);
    now = ticks_enabled ? get_clock_monotonic() + ticks_offset : ticks_offset;
    qemu_mutex_unlock(&ticks_lock);
    return now;
}

void cpu_enable_ticks(void)
{
    qemu_mutex_lock(&ticks_lock);
    if (!ticks_enabled) {
        ticks_offset -= get_clock_monotonic();
        ticks_enabled = true;
    }
    qemu_mutex_unlock(&ticks_lock);
    qemu_notify_event();
}

void cpu_disable_ticks(void)
{
    qemu_mutex_lock(&ticks_lock);
    if (ticks_enabled) {
        ticks_offset += get_clock_monotonic();
        ticks_enabled = false;
    }
    qemu_mutex_unlock(&ticks_lock);
}

void qemu_clock_set_virtual_source(int64_t (*get)(void))
{
    __atomic_store_n(&virtual_source, get, __ATOMIC_RELEASE);
}

int64_t qemu_clock_get_ns(QEMUClockType type)
{
    switch (type) {
    case QEMU_CLOCK_VIRTUAL:
        return virtual_clock_get();
    case QEMU_CLOCK_HOST:
        return get_clock_realtime();
    default:
        return get_clock_monotonic();
    }
}

int64_t qemu_clock_get_us(QEMUClockType type)
{
    return qemu_clock_get_ns(type) / SCALE_US;
}

int64_t qemu_clock_get_ms(QEMUClockType type)
{
    return qemu_clock_get_ns(type) / SCALE_MS;
}

void timer_init_full(QEMUTimer *ts, QEMUClockType type, int scale, QEMUTimerCB *cb, void *opaque)
{
    *ts = (QEMUTimer) { .expire_time = -1, .type = type, .scale = scale, .cb = cb,
                        .opaque = opaque };
}

static QEMUTimer *timer_new_full(QEMUClockType type, int scale, QEMUTimerCB *cb, void *opaque)
{
    QEMUTimer *ts = g_new(QEMUTimer, 1);

    timer_init_full(ts, type, scale, cb, opaque);
    return ts;
}

QEMUTimer *timer_new_ns(QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    return timer_new_full(type, SCALE_NS, cb, opaque);
}

QEMUTimer *timer_new_us(QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    return timer_new_full(type, SCALE_US, cb, opaque);
}

QEMUTimer *timer_new_ms(QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    return timer_new_full(type, SCALE_MS, cb, opaque);
}

void timer_free(QEMUTimer *ts)
{
    if (ts) {
        timer_del(ts);
        g_free(ts);
    }
}

void timer_del(QEMUTimer *ts)
{
    QEMUTimer **at = &pending[ts->type];

    while (*at && *at != ts) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = ts->next;
    }
    ts->next = NULL;
    ts->expire_time = -1;
}

void timer_mod_ns(QEMUTimer *ts, int64_t expire_time)
{
    QEMUTimer **at = &pending[ts->type];

    timer_del(ts);
    ts->expire_time = MAX(expire_time, 0);
    while (*at && (*at)->expire_time <= ts->expire_time) {
        at = &(*at)->next;
    }
    ts->next = *at;
    *at = ts;
    if (pending[ts->type] == ts) {
        qemu_notify_event();
    }
}

void timer_mod(QEMUTimer *ts, int64_t expire_time)
{
    timer_mod_ns(ts, expire_time * ts->scale);
}

void timer_mod_anticipate(QEMUTimer *ts, int64_t expire_time)
{
    if (!timer_pending(ts) || ts->expire_time > expire_time * ts->scale) {
        timer_mod(ts, expire_time);
    }
}

bool timer_pending(const QEMUTimer *ts)
{
    return ts->expire_time >= 0;
}

uint64_t timer_expire_time_ns(const QEMUTimer *ts)
{
    return timer_pending(ts) ? (uint64_t)ts->expire_time : UINT64_MAX;
}

/* Timers that a callback arms for now wait for the next round: none can starve the loop. */
bool qemu_clock_run_timers(QEMUClockType type)
{
    int64_t now = qemu_clock_get_ns(type);
    unsigned due = 0;

    for (const QEMUTimer *ts = pending[type]; ts && ts->expire_time <= now; ts = ts->next) {
        due++;
    }
    for (unsigned i = 0; i < due; i++) {
        QEMUTimer *ts = pending[type];

        if (!ts || ts->expire_time > now) {
            break;
        }
        timer_del(ts);
        ts->cb(ts->opaque);
    }
    return due > 0;
}

bool qemu_clock_run_all_timers(void)
{
    bool any = false;

    for (int type = 0; type < QEMU_CLOCK_MAX; type++) {
        if (type != QEMU_CLOCK_VIRTUAL || !virtual_source) {
            any |= qemu_clock_run_timers(type);
        }
    }
    return any;
}

int64_t qemu_clock_next_expiry_ns(QEMUClockType type)
{
    return pending[type] ? pending[type]->expire_time : -1;
}

int qemu_timers_poll_timeout_ms(void)
{
    int64_t soonest = -1;

    for (int type = 0; type < QEMU_CLOCK_MAX; type++) {
        int64_t left;

        if (!pending[type] ||
            (type == QEMU_CLOCK_VIRTUAL && (virtual_source || !ticks_enabled))) {
            continue;
        }
        left = MAX(pending[type]->expire_time - qemu_clock_get_ns(type), 0);
        if (soonest < 0 || left < soonest) {
            soonest = left;
        }
    }
    /* Rounded up: waking early would mean a round for nothing. */
    return soonest < 0 ? -1 : (int)MIN((soonest + SCALE_MS - 1) / SCALE_MS, INT_MAX);
}
