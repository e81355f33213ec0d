/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real-time clock. Its time is what was set last plus what the host's clock has gone since;
 * while the SET bit is on, the time registers are plain memory. Flags are brought up to date when
 * they are read, so timers run only while an interrupt is enabled.
 * Source: Motorola MC146818A datasheet; century byte as IBM PCs keep it.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/rtc/mc146818rtc.h"
#include "qapi/error.h"
#include "qemu/timer.h"

#define RTC_CMOS_SIZE 128
#define RTC_CLOCK_RATE 32768
#define RTC_UIP_NS (244 * SCALE_US)     /* how long before a second UIP is up */
#define RTC_DAY 86400

enum {
    RTC_SECONDS = 0,
    RTC_SECONDS_ALARM = 1,
    RTC_MINUTES = 2,
    RTC_MINUTES_ALARM = 3,
    RTC_HOURS = 4,
    RTC_HOURS_ALARM = 5,
    RTC_DAY_OF_WEEK = 6,
    RTC_DAY_OF_MONTH = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_REG_A = 10,
    RTC_REG_B = 11,
    RTC_REG_C = 12,
    RTC_REG_D = 13,
    RTC_IBM_PS2_CENTURY = 0x37,
};

#define REG_A_UIP 0x80
#define REG_A_DIVIDER 0x70
#define REG_A_DIVIDER_RESET 0x60
#define REG_B_SET 0x80
#define REG_B_PIE 0x40
#define REG_B_AIE 0x20
#define REG_B_UIE 0x10
#define REG_B_SQWE 0x08
#define REG_B_DM 0x04
#define REG_B_24H 0x02
#define REG_C_IRQF 0x80
#define REG_C_PF 0x40
#define REG_C_AF 0x20
#define REG_C_UF 0x10
#define REG_D_VALID 0x80

struct MC146818RtcState {
    ISADevice parent_obj;

    MemoryRegion io;
    uint8_t cmos_data[RTC_CMOS_SIZE];
    uint8_t cmos_index;
    uint16_t io_base;
    uint8_t isairq;
    int32_t base_year;
    int64_t base_second;         /* guest's time, in seconds, … */
    int64_t base_ns;             /* … when the host's clock said this */
    int64_t last_second;         /* up to which UF and AF are accounted for */
    int64_t last_period;         /* the same of PF, in periods */
    QEMUTimer *second_timer;     /* while UIE or AIE is on */
    QEMUTimer *periodic_timer;   /* while PIE is on */
    qemu_irq irq;
};

/* Since the time was set; negative if the host's clock was put back. */
static int64_t rtc_elapsed_ns(const MC146818RtcState *s)
{
    return qemu_clock_get_ns(QEMU_CLOCK_HOST) - s->base_ns;
}

static int64_t rtc_elapsed_seconds(const MC146818RtcState *s)
{
    int64_t ns = rtc_elapsed_ns(s);

    return ns / NANOSECONDS_PER_SECOND - (ns % NANOSECONDS_PER_SECOND < 0);
}

/* The clock stands still while it is being set, and while the divider chain is held in reset. */
static bool rtc_running(const MC146818RtcState *s)
{
    return !(s->cmos_data[RTC_REG_B] & REG_B_SET) &&
           (s->cmos_data[RTC_REG_A] & REG_A_DIVIDER) < REG_A_DIVIDER_RESET;
}

static int64_t rtc_now_seconds(const MC146818RtcState *s)
{
    return s->base_second + rtc_elapsed_seconds(s);
}

/* ---- time and its registers ------------------------------------------------------------------ */

static uint8_t rtc_to_bcd(const MC146818RtcState *s, int val)
{
    return s->cmos_data[RTC_REG_B] & REG_B_DM ? val : val / 10 << 4 | val % 10;
}

static int rtc_from_bcd(const MC146818RtcState *s, uint8_t val)
{
    return s->cmos_data[RTC_REG_B] & REG_B_DM ? val : (val >> 4) * 10 + (val & 0x0f);
}

static uint8_t rtc_encode_hour(const MC146818RtcState *s, int hour)
{
    if (s->cmos_data[RTC_REG_B] & REG_B_24H) {
        return rtc_to_bcd(s, hour);
    }
    return rtc_to_bcd(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static int rtc_decode_hour(const MC146818RtcState *s, uint8_t val)
{
    if (s->cmos_data[RTC_REG_B] & REG_B_24H) {
        return rtc_from_bcd(s, val);
    }
    return rtc_from_bcd(s, val & 0x7f) % 12 + (val & 0x80 ? 12 : 0);
}

static void rtc_set_cmos(MC146818RtcState *s, int64_t seconds)
{
    time_t t = seconds;
    struct tm tm;
    int year;

    if (!gmtime_r(&t, &tm)) {
        return;
    }
    s->cmos_data[RTC_SECONDS] = rtc_to_bcd(s, tm.tm_sec);
    s->cmos_data[RTC_MINUTES] = rtc_to_bcd(s, tm.tm_min);
    s->cmos_data[RTC_HOURS] = rtc_encode_hour(s, tm.tm_hour);
    s->cmos_data[RTC_DAY_OF_WEEK] = rtc_to_bcd(s, tm.tm_wday + 1);
    s->cmos_data[RTC_DAY_OF_MONTH] = rtc_to_bcd(s, tm.tm_mday);
    s->cmos_data[RTC_MONTH] = rtc_to_bcd(s, tm.tm_mon + 1);
    year = MAX(tm.tm_year + 1900 - s->base_year, 0);
    s->cmos_data[RTC_YEAR] = rtc_to_bcd(s, year % 100);
    s->cmos_data[RTC_CENTURY] = rtc_to_bcd(s, year / 100);
}

/* The time that the registers say, in seconds; out-of-range fields carry over. */
static int64_t rtc_get_cmos(const MC146818RtcState *s)
{
    struct tm tm = {
        .tm_sec = rtc_from_bcd(s, s->cmos_data[RTC_SECONDS]),
        .tm_min = rtc_from_bcd(s, s->cmos_data[RTC_MINUTES]),
        .tm_hour = rtc_decode_hour(s, s->cmos_data[RTC_HOURS]),
        .tm_mday = rtc_from_bcd(s, s->cmos_data[RTC_DAY_OF_MONTH]),
        .tm_mon = rtc_from_bcd(s, s->cmos_data[RTC_MONTH]) - 1,
        .tm_year = rtc_from_bcd(s, s->cmos_data[RTC_YEAR]) + s->base_year +
                   rtc_from_bcd(s, s->cmos_data[RTC_CENTURY]) * 100 - 1900,
    };

    return timegm(&tm);
}

static void rtc_refresh(MC146818RtcState *s)
{
    if (rtc_running(s)) {
        rtc_set_cmos(s, rtc_now_seconds(s));
    }
}

/* The registers become the time, from a full second on. */
static void rtc_take_over(MC146818RtcState *s)
{
    s->base_second = rtc_get_cmos(s);
    s->base_ns = qemu_clock_get_ns(QEMU_CLOCK_HOST);
    s->last_second = s->base_second;
}

/* ---- flags and interrupts -------------------------------------------------------------------- */

/* Input clocks of a period, by the rate bits; 0: no periodic interrupt. */
static uint32_t rtc_period_clocks(const MC146818RtcState *s)
{
    unsigned rate = s->cmos_data[RTC_REG_A] & 0x0f;

    if (rate == 0) {
        return 0;
    }
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

/* Counted by the host's clock: setting the time does not disturb it. */
static int64_t rtc_current_period(const MC146818RtcState *s)
{
    uint32_t clocks = rtc_period_clocks(s);
    uint64_t now = qemu_clock_get_ns(QEMU_CLOCK_HOST);

    return clocks ? muldiv64(now, RTC_CLOCK_RATE, NANOSECONDS_PER_SECOND) / clocks : 0;
}

/* An alarm field matches if it is "any" (both top bits set) or equal. */
static bool rtc_alarm_field(uint8_t alarm, uint8_t encoded)
{
    return (alarm & 0xc0) == 0xc0 || alarm == encoded;
}

static bool rtc_alarm_matches(const MC146818RtcState *s, int64_t second)
{
    int in_day = (second % RTC_DAY + RTC_DAY) % RTC_DAY;

    return rtc_alarm_field(s->cmos_data[RTC_SECONDS_ALARM], rtc_to_bcd(s, in_day % 60)) &&
           rtc_alarm_field(s->cmos_data[RTC_MINUTES_ALARM], rtc_to_bcd(s, in_day / 60 % 60)) &&
           rtc_alarm_field(s->cmos_data[RTC_HOURS_ALARM], rtc_encode_hour(s, in_day / 3600));
}

/*
 * Sets the flags of what has happened since the last time, at most a day of it. Periods count only
 * while their interrupt is enabled, as in QEMU.
 */
static void rtc_account(MC146818RtcState *s)
{
    int64_t second = rtc_now_seconds(s);
    int64_t period = rtc_current_period(s);
    uint8_t flags = 0;

    if (rtc_running(s)) {
        if (second > s->last_second) {
            flags |= REG_C_UF;
        }
        for (int64_t t = MAX(s->last_second + 1, second - RTC_DAY + 1);
             t <= second && !(flags & REG_C_AF); t++) {
            flags |= rtc_alarm_matches(s, t) ? REG_C_AF : 0;
        }
    }
    if (period != s->last_period && (s->cmos_data[RTC_REG_B] & REG_B_PIE)) {
        flags |= REG_C_PF;
    }
    s->last_second = second;
    s->last_period = period;
    s->cmos_data[RTC_REG_C] |= flags;
}

/* The enable bits of register B stand where the flags of C do. */
static void rtc_update_irq(MC146818RtcState *s)
{
    uint8_t active = s->cmos_data[RTC_REG_C] & s->cmos_data[RTC_REG_B] &
                     (REG_C_PF | REG_C_AF | REG_C_UF);

    if (active) {
        s->cmos_data[RTC_REG_C] |= REG_C_IRQF;
    }
    qemu_set_irq(s->irq, !!(s->cmos_data[RTC_REG_C] & REG_C_IRQF));
}

static void rtc_arm_timers(MC146818RtcState *s)
{
    uint8_t b = s->cmos_data[RTC_REG_B];
    uint32_t clocks = rtc_period_clocks(s);
    int64_t next;

    if ((b & (REG_B_UIE | REG_B_AIE)) && rtc_running(s)) {
        next = (rtc_elapsed_seconds(s) + 1) * NANOSECONDS_PER_SECOND;
        timer_mod_ns(s->second_timer, s->base_ns + next);
    } else {
        timer_del(s->second_timer);
    }
    if ((b & REG_B_PIE) && clocks) {
        next = muldiv64((rtc_current_period(s) + 1) * clocks, NANOSECONDS_PER_SECOND,
                        RTC_CLOCK_RATE) + 1;
        timer_mod_ns(s->periodic_timer, next);
    } else {
        timer_del(s->periodic_timer);
    }
}

static void rtc_timer(void *opaque)
{
    MC146818RtcState *s = opaque;

    rtc_account(s);
    rtc_update_irq(s);
    rtc_arm_timers(s);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static void rtc_write_reg_a(MC146818RtcState *s, uint8_t val)
{
    bool was_running = rtc_running(s);

    rtc_refresh(s);
    s->cmos_data[RTC_REG_A] = val & ~REG_A_UIP;
    if (!was_running && rtc_running(s)) {
        rtc_take_over(s);
    }
    s->last_period = rtc_current_period(s);
    rtc_arm_timers(s);
}

static void rtc_write_reg_b(MC146818RtcState *s, uint8_t val)
{
    bool was_running = rtc_running(s);

    rtc_account(s);
    rtc_refresh(s);
    if (val & REG_B_SET) {
        val &= ~REG_B_UIE;
    }
    s->cmos_data[RTC_REG_B] = val;
    if (!was_running && rtc_running(s)) {
        rtc_take_over(s);
    }
    rtc_update_irq(s);
    rtc_arm_timers(s);
}

static void rtc_write_time(MC146818RtcState *s, int reg, uint8_t val)
{
    rtc_account(s);
    rtc_refresh(s);
    s->cmos_data[reg] = val;
    if (rtc_running(s)) {
        rtc_take_over(s);
        rtc_arm_timers(s);
    }
}

static void rtc_write_register(MC146818RtcState *s, int reg, uint8_t val)
{
    switch (reg) {
    case RTC_SECONDS_ALARM:
    case RTC_MINUTES_ALARM:
    case RTC_HOURS_ALARM:
        rtc_account(s);
        s->cmos_data[reg] = val;
        break;
    case RTC_SECONDS:
    case RTC_MINUTES:
    case RTC_HOURS:
    case RTC_DAY_OF_WEEK:
    case RTC_DAY_OF_MONTH:
    case RTC_MONTH:
    case RTC_YEAR:
    case RTC_CENTURY:
        rtc_write_time(s, reg, val);
        break;
    case RTC_REG_A:
        rtc_write_reg_a(s, val);
        break;
    case RTC_REG_B:
        rtc_write_reg_b(s, val);
        break;
    case RTC_REG_C:
    case RTC_REG_D:
        break;      /* read-only */
    default:
        s->cmos_data[reg] = val;
        break;
    }
}

static bool rtc_update_in_progress(const MC146818RtcState *s)
{
    int64_t in_second = rtc_elapsed_ns(s) - rtc_elapsed_seconds(s) * NANOSECONDS_PER_SECOND;

    return rtc_running(s) && in_second >= NANOSECONDS_PER_SECOND - RTC_UIP_NS;
}

static uint8_t rtc_read_reg_c(MC146818RtcState *s)
{
    uint8_t val;

    rtc_account(s);
    rtc_update_irq(s);
    val = s->cmos_data[RTC_REG_C];
    s->cmos_data[RTC_REG_C] = 0;
    qemu_set_irq(s->irq, 0);
    return val;
}

static uint8_t rtc_read_register(MC146818RtcState *s, int reg)
{
    switch (reg) {
    case RTC_REG_A:
        return s->cmos_data[reg] | (rtc_update_in_progress(s) ? REG_A_UIP : 0);
    case RTC_REG_C:
        return rtc_read_reg_c(s);
    case RTC_SECONDS:
    case RTC_MINUTES:
    case RTC_HOURS:
    case RTC_DAY_OF_WEEK:
    case RTC_DAY_OF_MONTH:
    case RTC_MONTH:
    case RTC_YEAR:
    case RTC_CENTURY:
        rtc_refresh(s);
        return s->cmos_data[reg];
    default:
        return s->cmos_data[reg];
    }
}

/* The century is one register under two indices. */
static int rtc_selected_register(const MC146818RtcState *s)
{
    return s->cmos_index == RTC_IBM_PS2_CENTURY ? RTC_CENTURY : s->cmos_index;
}

/* The index port cannot be read. */
static void rtc_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    MC146818RtcState *s = opaque;

    if (addr & 1) {
        rtc_write_register(s, rtc_selected_register(s), val);
    } else {
        s->cmos_index = val & (RTC_CMOS_SIZE - 1);
    }
}

static uint64_t rtc_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    MC146818RtcState *s = opaque;

    return addr & 1 ? rtc_read_register(s, rtc_selected_register(s)) : 0xff;
}

static const MemoryRegionOps rtc_ops = {
    .read = rtc_ioport_read,
    .write = rtc_ioport_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* ---- life ------------------------------------------------------------------------------------ */

void mc146818rtc_set_cmos_data(MC146818RtcState *s, int addr, int val)
{
    assert(addr >= 0 && addr < RTC_CMOS_SIZE);
    s->cmos_data[addr] = val;
}

int mc146818rtc_get_cmos_data(MC146818RtcState *s, int addr)
{
    assert(addr >= 0 && addr < RTC_CMOS_SIZE);
    return s->cmos_data[addr];
}

/* A reset ends interrupts and the square wave; time and memory go on. */
static void rtc_reset_hold(Object *obj, ResetType type)
{
    MC146818RtcState *s = MC146818_RTC(obj);

    s->cmos_data[RTC_REG_B] &= ~(REG_B_PIE | REG_B_AIE | REG_B_UIE | REG_B_SQWE);
    s->cmos_data[RTC_REG_C] = 0;
    qemu_set_irq(s->irq, 0);
    rtc_arm_timers(s);
}

static void rtc_realize(DeviceState *dev, Error **errp)
{
    MC146818RtcState *s = MC146818_RTC(dev);

    if (s->isairq >= ISA_NUM_IRQS) {
        error_setg(errp, "Maximum value for \"irq\" is: %u", ISA_NUM_IRQS - 1);
        return;
    }
    s->cmos_data[RTC_REG_A] = 0x26;
    s->cmos_data[RTC_REG_B] = REG_B_24H;
    s->cmos_data[RTC_REG_C] = 0;
    s->cmos_data[RTC_REG_D] = REG_D_VALID;
    s->base_second = qemu_clock_get_ns(QEMU_CLOCK_HOST) / NANOSECONDS_PER_SECOND;
    s->base_ns = s->base_second * NANOSECONDS_PER_SECOND;
    s->last_second = rtc_now_seconds(s);
    s->last_period = rtc_current_period(s);
    rtc_refresh(s);
    s->second_timer = timer_new_ns(QEMU_CLOCK_HOST, rtc_timer, s);
    s->periodic_timer = timer_new_ns(QEMU_CLOCK_HOST, rtc_timer, s);
    isa_register_ioport(ISA_DEVICE(dev), &s->io, s->io_base);
}

static void rtc_init(Object *obj)
{
    MC146818RtcState *s = MC146818_RTC(obj);

    memory_region_init_io(&s->io, obj, &rtc_ops, s, "rtc", 2);
    qdev_init_gpio_out(DEVICE(obj), &s->irq, 1);
}

MC146818RtcState *mc146818_rtc_init(ISABus *bus, int base_year)
{
    ISADevice *dev = isa_new(TYPE_MC146818_RTC);
    MC146818RtcState *s = MC146818_RTC(dev);

    s->base_year = base_year;
    isa_realize_and_unref(dev, bus, &error_fatal);
    isa_connect_gpio_out(dev, 0, s->isairq);
    return s;
}

static const Property rtc_props[] = {
    DEFINE_PROP_INT32("base_year", MC146818RtcState, base_year, 0),
    DEFINE_PROP_UINT16("iobase", MC146818RtcState, io_base, 0x70),
    DEFINE_PROP_UINT8("irq", MC146818RtcState, isairq, RTC_ISA_IRQ),
};

static void rtc_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = rtc_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, rtc_props);
    RESETTABLE_CLASS(klass)->phases.hold = rtc_reset_hold;
}

static const TypeInfo rtc_types[] = {
    {
        .name = TYPE_MC146818_RTC,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(MC146818RtcState),
        .instance_init = rtc_init,
        .class_init = rtc_class_init,
    },
};
DEFINE_TYPES(rtc_types)
