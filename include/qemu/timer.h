/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks and one-shot timers of the main loop.
 *
 * REALTIME is the host's monotonic clock, HOST its wall clock, VIRTUAL counts guest time: it
 * starts at 0, stands still while the VM is stopped (cpu_disable_ticks) and its source can be
 * replaced (qtest). Reading a clock is thread safe; timers are armed, deleted and fire on any
 * thread under the big lock (callbacks: main thread). Times are absolute, in ns or ms.
 */
#ifndef QEMU_TIMER_H
#define QEMU_TIMER_H

#define NANOSECONDS_PER_SECOND 1000000000LL
#define SCALE_MS 1000000
#define SCALE_US 1000
#define SCALE_NS 1

typedef enum {
    QEMU_CLOCK_REALTIME = 0,
    QEMU_CLOCK_VIRTUAL = 1,
    QEMU_CLOCK_HOST = 2,
    QEMU_CLOCK_MAX
} QEMUClockType;

typedef void QEMUTimerCB(void *opaque);

struct QEMUTimer {
    int64_t expire_time;        /* ns; -1: not pending */
    QEMUClockType type;
    int scale;                  /* ns per unit of timer_mod() */
    QEMUTimerCB *cb;
    void *opaque;
    QEMUTimer *next;            /* pending timers of a clock, soonest first */
};

int64_t qemu_clock_get_ns(QEMUClockType type);
int64_t qemu_clock_get_ms(QEMUClockType type);
int64_t qemu_clock_get_us(QEMUClockType type);
int64_t get_clock_realtime(void);    /* wall clock, ns since 1970 */

/* Starts/stops the virtual clock (VM run state). It stands still at program start. */
void cpu_enable_ticks(void);
void cpu_disable_ticks(void);
/* Another source for the virtual clock; the loop then never waits for it: who moves the clock
 * calls qemu_clock_run_timers(). NULL restores the built-in one. */
void qemu_clock_set_virtual_source(int64_t (*get)(void));
/* Runs callbacks of timers due now; returns whether any ran. */
bool qemu_clock_run_timers(QEMUClockType type);
bool qemu_clock_run_all_timers(void);
/* Time of the earliest pending timer, absolute ns, or -1. */
int64_t qemu_clock_next_expiry_ns(QEMUClockType type);
/* Milliseconds until the earliest timer that real time will make due, or -1: for the main loop. */
int qemu_timers_poll_timeout_ms(void);

/* Embedded timers: init before use, timer_del() before the memory goes. */
void timer_init_full(QEMUTimer *ts, QEMUClockType type, int scale, QEMUTimerCB *cb, void *opaque);
static inline void timer_init_ns(QEMUTimer *ts, QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    timer_init_full(ts, type, SCALE_NS, cb, opaque);
}
static inline void timer_init_ms(QEMUTimer *ts, QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    timer_init_full(ts, type, SCALE_MS, cb, opaque);
}
QEMUTimer *timer_new_ns(QEMUClockType type, QEMUTimerCB *cb, void *opaque);
QEMUTimer *timer_new_us(QEMUClockType type, QEMUTimerCB *cb, void *opaque);
QEMUTimer *timer_new_ms(QEMUClockType type, QEMUTimerCB *cb, void *opaque);
/* Deletes and frees; NULL passes. */
void timer_free(QEMUTimer *ts);
void timer_del(QEMUTimer *ts);
/* (Re-)arms: _ns in ns, the other in the timer's unit. */
void timer_mod_ns(QEMUTimer *ts, int64_t expire_time);
void timer_mod(QEMUTimer *ts, int64_t expire_time);
/* Arms unless pending for an earlier time. */
void timer_mod_anticipate(QEMUTimer *ts, int64_t expire_time);
bool timer_pending(const QEMUTimer *ts);
/* In the timer's unit; UINT64_MAX when not pending. */
uint64_t timer_expire_time_ns(const QEMUTimer *ts);

static inline uint64_t muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif /* QEMU_TIMER_H */
