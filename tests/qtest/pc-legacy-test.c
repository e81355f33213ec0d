/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices that every PC has had since the AT: clock and CMOS memory, timer, serial port,
 * interrupt and keyboard controllers, by their registers. All values were read from stock QEMU 7.2,
 * on which this test passes too, but for what needs a virtual clock that can be stepped.
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <glib/gstdio.h>
#include "libqtest-raw.h"

#define MS 1000000                      /* ns */
#define RTC_GSI 8
#define PIT_GSI 0                       /* of the ioapic's inputs; wired to pin 2 */
#define COM1 0x3f8
#define COM1_GSI 4
#define IOAPIC 0xfec00000

/* ---- RTC ---- */

static uint8_t cmos_read(QTestState *s, uint8_t index)
{
    qtest_outb(s, 0x70, index);
    return qtest_inb(s, 0x71);
}

static void cmos_write(QTestState *s, uint8_t index, uint8_t value)
{
    qtest_outb(s, 0x70, index);
    qtest_outb(s, 0x71, value);
}

static QTestState *start(const char *machine)
{
    return qtest_initf("-nodefaults -machine %s", machine);
}

/* False, and the test skipped, for an emulator whose virtual clock cannot be stepped. */
static bool has_clock(QTestState *s)
{
    g_autofree char *answer = qtest_raw(s, "clock_step 0");

    if (g_str_has_prefix(answer, "FAIL Unknown command")) {
        g_test_skip("no qtest accelerator in this emulator, so no virtual clock");
        return false;
    }
    return true;
}

static int from_bcd(uint8_t value)
{
    g_assert_cmpint(value & 0x0f, <=, 9);
    g_assert_cmpint(value >> 4, <=, 9);
    return (value >> 4) * 10 + (value & 0x0f);
}

static time_t rtc_time(QTestState *s)
{
    struct tm tm = {
        .tm_sec = from_bcd(cmos_read(s, 0)), .tm_min = from_bcd(cmos_read(s, 2)),
        .tm_hour = from_bcd(cmos_read(s, 4)), .tm_mday = from_bcd(cmos_read(s, 7)),
        .tm_mon = from_bcd(cmos_read(s, 8)) - 1,
        .tm_year = from_bcd(cmos_read(s, 9)) + 100 * from_bcd(cmos_read(s, 0x32)) - 1900,
    };

    return timegm(&tm);
}

/* It starts with the host's UTC. */
static void test_rtc_start(const void *machine)
{
    QTestState *s = start(machine);
    time_t now = time(NULL), guest;
    int tries = 0;
    struct tm tm;

    do {        /* until no second passed while the registers were read */
        now = time(NULL);
        guest = rtc_time(s);
    } while (now != time(NULL) && ++tries < 10);
    g_assert_cmpint(labs(guest - now), <=, 1);
    gmtime_r(&guest, &tm);
    g_assert_cmpint(cmos_read(s, 6), ==, tm.tm_wday + 1);
    g_assert_cmpint(cmos_read(s, 0x37), ==, cmos_read(s, 0x32));
    g_assert_cmphex(cmos_read(s, 10) & 0x7f, ==, 0x26);
    g_assert_cmphex(cmos_read(s, 11), ==, 0x02);
    /* but for the update flag, when a second has passed since the start */
    g_assert_cmphex(cmos_read(s, 12) & ~0x10, ==, 0);
    g_assert_cmphex(cmos_read(s, 13), ==, 0x80);
    g_assert_cmphex(qtest_inb(s, 0x70), ==, 0xff);
    qtest_quit(s);
}

static void rtc_set(QTestState *s, const uint8_t values[8], uint8_t format)
{
    static const uint8_t registers[] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };

    cmos_write(s, 11, 0x80 | format);
    for (int i = 0; i < 8; i++) {
        cmos_write(s, registers[i], values[i]);
        g_assert_cmphex(cmos_read(s, registers[i]), ==, values[i]);
    }
    cmos_write(s, 11, format);
}

/* The time that was set goes on, over the turn of a century, and shows in every format. */
static void test_rtc_set(const void *machine)
{
    static const uint8_t eve[] = { 0x20, 0x99, 0x12, 0x31, 5, 0x23, 0x59, 0x59 };
    static const struct {
        uint8_t format, hour, minute, year;
    } shown[] = { { 0x02, 0x13, 0x45, 0x38 }, { 0x00, 0x81, 0x45, 0x38 }, { 0x06, 13, 45, 38 },
                  { 0x04, 0x81, 45, 38 } };
    static const uint8_t day[] = { 0x20, 0x38, 0x01, 0x19, 3, 0x13, 0x45, 0x00 };
    QTestState *s = start(machine);

    rtc_set(s, eve, 0x02);
    for (int i = 0; cmos_read(s, 0) == 0x59; i++) {
        g_assert_cmpint(i, <, 3000);
        g_usleep(1000);
    }
    g_assert_cmphex(cmos_read(s, 2), ==, 0);
    g_assert_cmphex(cmos_read(s, 4), ==, 0);
    g_assert_cmphex(cmos_read(s, 7), ==, 1);
    g_assert_cmphex(cmos_read(s, 8), ==, 1);
    g_assert_cmphex(cmos_read(s, 9), ==, 0);
    g_assert_cmphex(cmos_read(s, 0x32), ==, 0x21);
    g_assert_cmphex(cmos_read(s, 0x37), ==, 0x21);

    rtc_set(s, day, 0x02);
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        cmos_write(s, 11, shown[i].format);
        g_assert_cmphex(cmos_read(s, 4), ==, shown[i].hour);
        g_assert_cmphex(cmos_read(s, 2), ==, shown[i].minute);
        g_assert_cmphex(cmos_read(s, 9), ==, shown[i].year);
    }
    qtest_quit(s);
}

/* Any garbage may be set as a time; the clock goes on from somewhere. */
static void test_rtc_garbage(const void *machine)
{
    QTestState *s = start(machine);

    for (int round = 0; round < 200; round++) {
        static const uint8_t registers[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x32, 0x37 };

        cmos_write(s, registers[g_test_rand_int_range(0, G_N_ELEMENTS(registers))],
                   g_test_rand_int_range(0, 256));
        cmos_read(s, 12);
        cmos_read(s, g_test_rand_int_range(0, 10));
    }
    cmos_write(s, 11, 0x80);
    for (int i = 0; i <= 9; i++) {
        cmos_write(s, i, 0xff);
    }
    cmos_write(s, 0x32, 0xff);
    cmos_write(s, 11, 0x72);
    cmos_read(s, 12);
    cmos_read(s, 0);
    qtest_quit(s);
}

/* The last 244 us of a second say that the registers are about to change. */
static void test_rtc_update(const void *machine)
{
    QTestState *s = start(machine);
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    bool seen = false;

    qtest_outb(s, 0x70, 10);
    while (!seen && g_get_monotonic_time() < end) {
        seen = qtest_inb(s, 0x71) & 0x80;
    }
    g_assert_true(seen);
    cmos_write(s, 11, 0x82);                /* not while it is being set */
    qtest_outb(s, 0x70, 10);
    for (int i = 0; i < 1000; i++) {
        g_assert_cmphex(qtest_inb(s, 0x71), ==, 0x26);
    }
    qtest_quit(s);
}

/* By the host's clock, which a test cannot step. */
static void wait_rtc_irq(QTestState *s, int64_t timeout_us)
{
    gint64 end = g_get_monotonic_time() + timeout_us;

    while (!qtest_get_irq(s, RTC_GSI)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(200);
    }
}

static void test_rtc_periodic(const void *machine)
{
    QTestState *s = start(machine);
    gint64 begin;

    qtest_irq_intercept_in(s, "ioapic");
    cmos_write(s, 10, 0x2d);                /* 8 a second */
    cmos_write(s, 11, 0x42);
    cmos_read(s, 12);
    wait_rtc_irq(s, 2 * G_USEC_PER_SEC);
    g_assert_cmphex(cmos_read(s, 12) & 0xc0, ==, 0xc0);
    g_assert_false(qtest_get_irq(s, RTC_GSI));
    begin = g_get_monotonic_time();
    for (int i = 0; i < 4; i++) {
        wait_rtc_irq(s, 2 * G_USEC_PER_SEC);
        g_assert_cmphex(cmos_read(s, 12) & 0xc0, ==, 0xc0);
    }
    g_assert_cmpint(g_get_monotonic_time() - begin, >, 300000);
    /* Reading clears it; on a busy machine the next one may be there already, but not each time. */
    for (int tries = 0; cmos_read(s, 12) & 0x40; tries++) {
        g_assert_cmpint(tries, <, 5);
    }
    cmos_write(s, 11, 0x02);
    g_usleep(200000);
    g_assert_false(qtest_get_irq(s, RTC_GSI));
    qtest_quit(s);
}

/* At the next second's update, and at the alarm's time, with "any" hour and minute. */
static void test_rtc_alarm(const void *machine)
{
    static const uint8_t noon[] = { 0x20, 0x30, 0x06, 0x15, 7, 0x12, 0x00, 0x00 };
    QTestState *s = start(machine);

    qtest_irq_intercept_in(s, "ioapic");
    cmos_write(s, 1, 0x02);
    cmos_write(s, 3, 0xff);
    cmos_write(s, 5, 0xc0);
    rtc_set(s, noon, 0x02);
    cmos_read(s, 12);
    cmos_write(s, 11, 0x12);
    wait_rtc_irq(s, 3 * G_USEC_PER_SEC);
    g_assert_cmphex(cmos_read(s, 12) & 0xb0, ==, 0x90);
    g_assert_cmphex(cmos_read(s, 0), ==, 0x01);
    cmos_write(s, 11, 0x22);
    g_assert_false(qtest_get_irq(s, RTC_GSI));
    wait_rtc_irq(s, 3 * G_USEC_PER_SEC);
    g_assert_cmphex(cmos_read(s, 12) & 0xa0, ==, 0xa0);
    g_assert_cmphex(cmos_read(s, 0), ==, 0x02);
    g_assert_false(qtest_get_irq(s, RTC_GSI));
    qtest_quit(s);
}

/* ---- CMOS memory ---- */

typedef struct MemorySize {
    const char *args;
    bool q35;
    uint64_t below, above;              /* bytes of RAM under and from 4 GiB */
    uint8_t cpus;
} MemorySize;

static const MemorySize memory_sizes[] = {
    { "-machine pc -m 16M", false, 16, 0, 1 },
    { "-machine pc -m 17M -smp 3", false, 17, 0, 3 },
    { "-machine pc -m 64M,slots=2,maxmem=4G", false, 64, 0, 1 },
    { "-machine pc -m 2G", false, 2048, 0, 1 },
    { "-machine pc -m 3G", false, 3072, 0, 1 },
    { "-machine pc -m 3584M", false, 3072, 512, 1 },
    { "-machine pc -m 5G", false, 3072, 2048, 1 },
    { "-machine q35 -m 64M", true, 64, 0, 1 },
    { "-machine q35 -m 2G", true, 2048, 0, 1 },
    { "-machine q35 -m 2815M", true, 2815, 0, 1 },
    { "-machine q35 -m 2816M", true, 2048, 768, 1 },
    { "-machine q35 -m 5G -smp 2", true, 2048, 3072, 2 },
};

static uint32_t cmos_word(QTestState *s, uint8_t index)
{
    return cmos_read(s, index) | cmos_read(s, index + 1) << 8;
}

static void test_cmos_size(const void *data)
{
    const MemorySize *m = data;
    QTestState *s = qtest_initf("-nodefaults %s", m->args);
    uint64_t low_kib = MIN((m->below - 1) * 1024, 65535);

    g_assert_cmpint(cmos_word(s, 0x15), ==, 640);
    g_assert_cmpint(cmos_word(s, 0x17), ==, low_kib);
    g_assert_cmpint(cmos_word(s, 0x30), ==, low_kib);
    g_assert_cmpint(cmos_word(s, 0x34), ==, (m->below - 16) * 16);
    g_assert_cmpint(cmos_word(s, 0x5b) | cmos_read(s, 0x5d) << 16, ==, m->above * 16);
    g_assert_cmpint(cmos_read(s, 0x5f), ==, m->cpus - 1);
    g_assert_cmphex(cmos_read(s, 0x14), ==, 0x06);
    g_assert_cmphex(cmos_read(s, 0x38), ==, 0x30);
    g_assert_cmphex(cmos_read(s, 0x3d), ==, 0x12);
    qtest_quit(s);
}

/* Battery-backed: a reset leaves it alone. */
static void test_cmos_memory(const void *machine)
{
    QTestState *s = start(machine);

    for (int i = 0x40; i < 0x80; i++) {
        cmos_write(s, i, i ^ 0xff);
    }
    cmos_write(s, 0xff, 0x5a);              /* the index has seven bits */
    qtest_system_reset(s);
    for (int i = 0x40; i < 0x7f; i++) {
        if (i != 0x5f) {                    /* stock writes the number of CPUs again */
            g_assert_cmphex(cmos_read(s, i), ==, i ^ 0xff);
        }
    }
    g_assert_cmphex(cmos_read(s, 0x7f), ==, 0x5a);
    qtest_quit(s);
}

/* ---- PIT and speaker port ---- */

static uint16_t pit_read(QTestState *s, int channel)
{
    uint16_t low = qtest_inb(s, 0x40 + channel);

    return low | qtest_inb(s, 0x40 + channel) << 8;
}

static void pit_program(QTestState *s, int channel, int mode, uint16_t count)
{
    qtest_outb(s, 0x43, channel << 6 | 0x30 | mode << 1);
    qtest_outb(s, 0x40 + channel, count);
    qtest_outb(s, 0x40 + channel, count >> 8);
}

static uint8_t pit_status(QTestState *s, int channel)
{
    qtest_outb(s, 0x43, 0xe0 | 2 << channel);
    return qtest_inb(s, 0x40 + channel);
}

/* Where the clock stands still, as it does while stock is stopped, the count is what was loaded. */
static void test_pit_readback(const void *machine)
{
    static const uint8_t out_at_start[] = { 0, 1, 0, 1, 0, 0 };
    QTestState *s = start(machine);

    for (int channel = 0; channel < 3; channel += 2) {
        for (int mode = 0; mode < 6; mode++) {
            pit_program(s, channel, mode, 0x1234);
            g_assert_cmphex(pit_status(s, channel), ==,
                            out_at_start[mode] << 7 | 0x30 | mode << 1);
            g_assert_cmphex(pit_read(s, channel), ==, 0x1234);
            qtest_outb(s, 0x43, channel << 6);                  /* latch */
            g_assert_cmphex(pit_read(s, channel), ==, 0x1234);
            qtest_outb(s, 0x43, 0xc0 | 2 << channel);           /* latch both: status first */
            g_assert_cmphex(qtest_inb(s, 0x40 + channel) & 0x3f, ==, 0x30 | mode << 1);
            g_assert_cmphex(pit_read(s, channel), ==, 0x1234);
        }
    }
    qtest_outb(s, 0x43, 0x98);              /* low byte only; then high byte only */
    qtest_outb(s, 0x42, 0x77);
    g_assert_cmphex(pit_read(s, 2), ==, 0x7777);
    g_assert_cmphex(pit_status(s, 2) & 0x3f, ==, 0x18);
    qtest_outb(s, 0x43, 0xa8);
    qtest_outb(s, 0x42, 0x66);
    g_assert_cmphex(pit_read(s, 2), ==, 0x6666);
    g_assert_cmphex(pit_status(s, 2) & 0x3f, ==, 0x28);
    g_assert_cmphex(qtest_inb(s, 0x43), ==, 0);
    qtest_quit(s);
}

/* Lets so many of the timer's input clocks pass. */
static void pit_ticks(QTestState *s, int64_t ticks)
{
    qtest_clock_step(s, ticks * 1000000000 / 1193182 + 1);
}

static void test_pit_counts(const void *machine)
{
    QTestState *s = start(machine);

    if (has_clock(s)) {
        qtest_irq_intercept_in(s, "ioapic");
        pit_program(s, 0, 2, 1000);         /* rate generator: a pulse every 1000 */
        g_assert_false(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 100);
        qtest_outb(s, 0x43, 0);
        g_assert_cmpint(pit_read(s, 0), ==, 900);
        pit_ticks(s, 900);
        g_assert_cmpint(pit_read(s, 0), ==, 1000);
        g_assert_true(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 2);
        g_assert_false(qtest_get_irq(s, PIT_GSI));

        pit_program(s, 0, 3, 1000);         /* square wave */
        g_assert_true(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 501);
        g_assert_false(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 500);
        g_assert_true(qtest_get_irq(s, PIT_GSI));

        pit_program(s, 0, 0, 1000);         /* one shot: low until it is over */
        g_assert_false(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 999);
        g_assert_false(qtest_get_irq(s, PIT_GSI));
        pit_ticks(s, 2);
        g_assert_true(qtest_get_irq(s, PIT_GSI));
        qtest_clock_step(s, 100 * MS);
        g_assert_true(qtest_get_irq(s, PIT_GSI));
    }
    qtest_quit(s);
}

/* Bits 0 and 1 are what was written, 4 toggles, 5 is channel 2's output: software times with it. */
static void test_speaker_port(const void *machine)
{
    QTestState *s = start(machine);
    uint8_t first;

    first = qtest_inb(s, 0x61);
    g_assert_cmphex(first & ~0x10, ==, 0x20);
    g_assert_cmphex(qtest_inb(s, 0x61), ==, first ^ 0x10);
    for (int value = 0; value < 4; value++) {
        qtest_outb(s, 0x61, 0xfc | value);
        g_assert_cmphex(qtest_inb(s, 0x61) & 0xcf, ==, value);
    }
    qtest_outb(s, 0x61, 1);
    pit_program(s, 2, 0, 1000);
    g_assert_cmphex(qtest_inb(s, 0x61) & 0x20, ==, 0);
    if (has_clock(s)) {
        qtest_clock_step(s, 2 * MS);
        g_assert_cmphex(qtest_inb(s, 0x61) & 0x20, ==, 0x20);
    }
    qtest_quit(s);
}

/* ---- serial port ---- */

static QTestState *serial_start(const char *machine, const char *chardev)
{
    QTestState *s = qtest_initf("-nodefaults -machine %s -chardev %s,id=c "
                                "-device isa-serial,chardev=c", machine, chardev);

    qtest_irq_intercept_in(s, "ioapic");
    return s;
}

static void assert_uart(QTestState *s, uint8_t reg, uint8_t expected, const char *what)
{
    uint8_t value = qtest_inb(s, COM1 + reg);

    if (value != expected) {
        g_error("%s: register %d reads 0x%02x, expected 0x%02x", what, reg, value, expected);
    }
}

static void assert_uart_reset(QTestState *s)
{
    static const uint8_t values[] = { 0, 0, 0x01, 0, 0x08, 0x60, 0xb0, 0 };

    for (int reg = 0; reg < 8; reg++) {
        assert_uart(s, reg, values[reg], "at reset");
    }
}

static void test_serial_registers(const void *machine)
{
    QTestState *s = serial_start(machine, "null");

    assert_uart_reset(s);
    qtest_outb(s, COM1 + 3, 0x83);
    assert_uart(s, 0, 0x0c, "divisor");
    assert_uart(s, 1, 0x00, "divisor");
    qtest_outb(s, COM1, 0x34);
    qtest_outb(s, COM1 + 1, 0x12);
    qtest_outb(s, COM1 + 3, 0x03);
    assert_uart(s, 1, 0x00, "interrupt enable");
    qtest_outb(s, COM1 + 3, 0x83);
    assert_uart(s, 0, 0x34, "divisor");
    assert_uart(s, 1, 0x12, "divisor");
    qtest_outb(s, COM1 + 3, 0x00);
    qtest_outb(s, COM1 + 1, 0xff);
    assert_uart(s, 1, 0x0f, "interrupt enable");
    qtest_outb(s, COM1 + 7, 0x5a);
    assert_uart(s, 7, 0x5a, "scratch");
    qtest_outb(s, COM1 + 5, 0xff);
    qtest_outb(s, COM1 + 6, 0xff);
    assert_uart(s, 5, 0x60, "line status");
    assert_uart(s, 6, 0xb0, "modem status");
    qtest_system_reset(s);
    assert_uart_reset(s);
    g_assert_false(qtest_get_irq(s, COM1_GSI));
    qtest_quit(s);
}

static void test_serial_transmit_interrupt(const void *machine)
{
    QTestState *s = serial_start(machine, "null");

    g_assert_false(qtest_get_irq(s, COM1_GSI));
    qtest_outb(s, COM1 + 1, 0x02);
    g_assert_true(qtest_get_irq(s, COM1_GSI));
    assert_uart(s, 2, 0x02, "transmitter empty");
    g_assert_false(qtest_get_irq(s, COM1_GSI));     /* reading why acknowledges it */
    assert_uart(s, 2, 0x01, "nothing");
    qtest_outb(s, COM1, 'x');
    g_assert_true(qtest_get_irq(s, COM1_GSI));
    assert_uart(s, 5, 0x60, "sent");
    assert_uart(s, 2, 0x02, "transmitter empty again");
    qtest_outb(s, COM1 + 1, 0x00);
    qtest_outb(s, COM1, 'y');
    g_assert_false(qtest_get_irq(s, COM1_GSI));
    qtest_quit(s);
}

/* In loopback the outputs are the modem lines: OUT2 OUT1 DTR RTS on DCD RI DSR CTS. */
static void test_serial_loopback(const void *machine)
{
    static const struct {
        uint8_t mcr, msr;
    } lines[] = { { 0x10, 0x00 }, { 0x11, 0x20 }, { 0x12, 0x10 }, { 0x14, 0x40 }, { 0x18, 0x80 },
                  { 0x1f, 0xf0 }, { 0x0f, 0xb0 } };
    QTestState *s = serial_start(machine, "null");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        qtest_outb(s, COM1 + 4, lines[i].mcr);
        assert_uart(s, 6, lines[i].msr, "modem status");
    }
    qtest_outb(s, COM1 + 4, 0x10);
    qtest_outb(s, COM1, 0x55);
    assert_uart(s, 5, 0x61, "data ready");
    assert_uart(s, 0, 0x55, "data");
    assert_uart(s, 5, 0x60, "taken");
    qtest_outb(s, COM1 + 1, 0x01);
    qtest_outb(s, COM1, 0xaa);
    g_assert_true(qtest_get_irq(s, COM1_GSI));
    assert_uart(s, 2, 0x04, "received data");
    qtest_outb(s, COM1, 0xbb);
    assert_uart(s, 5, 0x63, "overrun");
    assert_uart(s, 5, 0x61, "overrun is told once");
    assert_uart(s, 0, 0xbb, "the newer byte");
    g_assert_false(qtest_get_irq(s, COM1_GSI));
    qtest_quit(s);
}

/* Sixteen bytes, an interrupt at the trigger level, overrun behind them. */
static void test_serial_fifo(const void *machine)
{
    QTestState *s = serial_start(machine, "null");

    qtest_outb(s, COM1 + 4, 0x10);
    qtest_outb(s, COM1 + 1, 0x01);
    qtest_outb(s, COM1 + 2, 0x87);                  /* on, emptied, trigger level 8 */
    assert_uart(s, 2, 0xc1, "FIFOs on");
    for (int i = 0; i < 16; i++) {
        g_assert_cmpint(qtest_get_irq(s, COM1_GSI), ==, i >= 8);
        qtest_outb(s, COM1, 0x30 + i);
    }
    assert_uart(s, 2, 0xc4, "received data");
    assert_uart(s, 5, 0x61, "full");
    qtest_outb(s, COM1, 0xff);
    assert_uart(s, 5, 0x63, "overrun");
    for (int i = 0; i < 16; i++) {
        assert_uart(s, 0, 0x30 + i, "data in order");
        g_assert_cmpint(qtest_get_irq(s, COM1_GSI), ==, 15 - i >= 8);
        assert_uart(s, 5, i == 15 ? 0x60 : 0x61, "data ready");
    }
    qtest_outb(s, COM1, 0x11);
    qtest_outb(s, COM1 + 2, 0x03);                  /* empties the receiver */
    assert_uart(s, 5, 0x60, "emptied");
    qtest_outb(s, COM1 + 2, 0x00);
    assert_uart(s, 2, 0x01, "FIFOs off");
    qtest_quit(s);
}

/* Bytes below the trigger level interrupt when none has followed for four characters' time. */
static void test_serial_timeout(const void *machine)
{
    QTestState *s = serial_start(machine, "null");

    if (has_clock(s)) {
        qtest_outb(s, COM1 + 3, 0x03);
        qtest_outb(s, COM1 + 4, 0x10);
        qtest_outb(s, COM1 + 1, 0x01);
        qtest_outb(s, COM1 + 2, 0xc7);
        qtest_outb(s, COM1, 0x42);
        qtest_clock_step(s, 3 * MS);                /* 9600 baud, 8 bits: 4.2 ms */
        g_assert_false(qtest_get_irq(s, COM1_GSI));
        qtest_clock_step(s, 2 * MS);
        g_assert_true(qtest_get_irq(s, COM1_GSI));
        assert_uart(s, 2, 0xcc, "timeout");
        assert_uart(s, 0, 0x42, "data");
        g_assert_false(qtest_get_irq(s, COM1_GSI));
    }
    qtest_quit(s);
}

static int socket_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void socket_read(int fd, char *buf, size_t size)
{
    struct timeval timeout = { .tv_sec = 20 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    for (size_t at = 0; at < size;) {
        ssize_t got = recv(fd, buf + at, size - at, 0);

        g_assert_cmpint(got, >, 0);
        at += got;
    }
}

static uint8_t uart_receive(QTestState *s)
{
    for (int i = 0; !(qtest_inb(s, COM1 + 5) & 1); i++) {
        g_assert_cmpint(i, <, 20000);
        g_usleep(1000);
    }
    return qtest_inb(s, COM1);
}

/* Both ways through a socket, with and without FIFOs, more than these hold. */
static void check_serial_socket(const char *machine, uint8_t fcr)
{
    g_autofree char *dir = g_dir_make_tmp("pc-legacy-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *chardev = g_strdup_printf("socket,path=%s,server=on,wait=off", path);
    QTestState *s = serial_start(machine, chardev);
    int fd = socket_connect(path);
    uint8_t sent[100];
    char got[100];

    qtest_outb(s, COM1 + 2, fcr);
    for (int i = 0; i < 100; i++) {
        sent[i] = 255 - i;
    }
    g_assert_cmpint(write(fd, sent, sizeof(sent)), ==, sizeof(sent));
    for (int i = 0; i < 100; i++) {
        g_assert_cmphex(uart_receive(s), ==, sent[i]);
    }
    g_assert_cmphex(qtest_inb(s, COM1 + 5), ==, 0x60);
    for (int i = 0; i < 100; i++) {
        g_assert_cmphex(qtest_inb(s, COM1 + 5) & 0x20, ==, 0x20);
        qtest_outb(s, COM1, sent[i]);
    }
    socket_read(fd, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), sent, sizeof(sent));
    close(fd);
    qtest_outb(s, COM1, 'x');                       /* to nobody: the guest must not hang */
    qtest_inb(s, COM1 + 5);
    fd = socket_connect(path);
    g_assert_cmpint(write(fd, "y", 1), ==, 1);
    g_assert_cmphex(uart_receive(s), ==, 'y');
    close(fd);
    qtest_quit(s);
    g_unlink(path);
    g_rmdir(dir);
}

static void test_serial_socket(const void *machine)
{
    check_serial_socket(machine, 0x00);
    check_serial_socket(machine, 0x07);
}

/* A reader that is slow loses nothing that the transmitter waited for. */
static void test_serial_slow_reader(const void *machine)
{
    g_autofree char *dir = g_dir_make_tmp("pc-legacy-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *chardev = g_strdup_printf("socket,path=%s,server=on,wait=off", path);
    QTestState *s = serial_start(machine, chardev);
    int fd = socket_connect(path), small = 1024;
    size_t written = 0, limit = 1024 * 1024;
    g_autofree char *got = NULL;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    qtest_outb(s, COM1 + 4, 0x08);
    while (written < limit && (qtest_inb(s, COM1 + 5) & 0x20)) {
        qtest_outb(s, COM1, written++ & 0xff);
    }
    g_assert_cmpint(written, <, limit);             /* it was full before */
    got = g_malloc(written);
    socket_read(fd, got, written);
    for (size_t i = 0; i < written; i++) {
        g_assert_cmphex((uint8_t)got[i], ==, i & 0xff);
    }
    for (int i = 0; !(qtest_inb(s, COM1 + 5) & 0x20); i++) {
        g_assert_cmpint(i, <, 5000);
        g_usleep(1000);
    }
    close(fd);
    qtest_quit(s);
    g_unlink(path);
    g_rmdir(dir);
}

/* ---- interrupt controllers ---- */

static void assert_pics(QTestState *s, uint8_t irr, uint8_t isr, uint8_t imr, uint8_t elcr)
{
    static const uint16_t bases[] = { 0x20, 0xa0 };

    for (int i = 0; i < 2; i++) {
        qtest_outb(s, bases[i], 0x0a);
        g_assert_cmphex(qtest_inb(s, bases[i]), ==, irr);
        qtest_outb(s, bases[i], 0x0b);
        g_assert_cmphex(qtest_inb(s, bases[i]), ==, isr);
        g_assert_cmphex(qtest_inb(s, bases[i] + 1), ==, imr);
        g_assert_cmphex(qtest_inb(s, 0x4d0 + i), ==, elcr);
    }
}

static void test_pic(const void *machine)
{
    QTestState *s = qtest_initf("-nodefaults -machine %s -chardev null,id=c "
                                "-device isa-serial,chardev=c", (const char *)machine);

    assert_pics(s, 0, 0, 0, 0);
    qtest_outb(s, 0x4d0, 0xff);
    qtest_outb(s, 0x4d1, 0xff);
    g_assert_cmphex(qtest_inb(s, 0x4d0), ==, 0xf8);         /* the timer's, keyboard's, … stay */
    g_assert_cmphex(qtest_inb(s, 0x4d1), ==, 0xde);
    qtest_outb(s, 0x4d0, 0);
    qtest_outb(s, 0x4d1, 0);
    qtest_outb(s, 0x20, 0x11);                              /* ICW1 to 4: vector 8, cascade on 2 */
    qtest_outb(s, 0x21, 0x08);
    qtest_outb(s, 0x21, 0x04);
    qtest_outb(s, 0x21, 0x01);
    qtest_outb(s, COM1 + 1, 0x02);                          /* interrupt 4 */
    qtest_outb(s, 0x20, 0x0a);
    g_assert_cmphex(qtest_inb(s, 0x20), ==, 0x10);
    qtest_outb(s, 0x20, 0x0c);                              /* poll, which acknowledges */
    g_assert_cmphex(qtest_inb(s, 0x20), ==, 0x84);
    qtest_outb(s, 0x20, 0x0b);
    g_assert_cmphex(qtest_inb(s, 0x20), ==, 0x10);
    qtest_outb(s, 0x20, 0x20);
    g_assert_cmphex(qtest_inb(s, 0x20), ==, 0);
    qtest_outb(s, 0x21, 0x5a);
    g_assert_cmphex(qtest_inb(s, 0x21), ==, 0x5a);
    qtest_system_reset(s);
    g_assert_cmphex(qtest_inb(s, 0x21), ==, 0);
    qtest_quit(s);
}

static uint32_t ioapic_read(QTestState *s, uint8_t index)
{
    qtest_writel(s, IOAPIC, index);
    g_assert_cmphex(qtest_readl(s, IOAPIC), ==, index);
    return qtest_readl(s, IOAPIC + 0x10);
}

static void ioapic_write(QTestState *s, uint8_t index, uint32_t value)
{
    qtest_writel(s, IOAPIC, index);
    qtest_writel(s, IOAPIC + 0x10, value);
}

static void test_ioapic(const void *machine)
{
    QTestState *s = start(machine);

    for (int round = 0; round < 2; round++) {
        g_assert_cmphex(ioapic_read(s, 0), ==, 0);
        g_assert_cmphex(ioapic_read(s, 1), ==, 0x00170020);
        g_assert_cmphex(ioapic_read(s, 2), ==, 0);
        for (int pin = 0; pin < 24; pin++) {
            g_assert_cmphex(ioapic_read(s, 0x10 + 2 * pin), ==, 0x00010000);
            g_assert_cmphex(ioapic_read(s, 0x11 + 2 * pin), ==, 0);
        }
        g_assert_cmphex(ioapic_read(s, 0x40), ==, 0);
        ioapic_write(s, 0x00, UINT32_MAX);
        g_assert_cmphex(ioapic_read(s, 0x00), ==, 0x0f000000);
        ioapic_write(s, 0x01, UINT32_MAX);
        g_assert_cmphex(ioapic_read(s, 0x01), ==, 0x00170020);
        ioapic_write(s, 0x3e, UINT32_MAX);
        g_assert_cmphex(ioapic_read(s, 0x3e) & 0x5000, ==, 0);      /* status is read-only */
        ioapic_write(s, 0x3f, 0xab000000);
        g_assert_cmphex(ioapic_read(s, 0x3f), ==, 0xab000000);
        qtest_system_reset(s);
    }
    qtest_quit(s);
}

/* ---- keyboard controller ---- */

static void test_keyboard_controller(const void *machine)
{
    static const struct {
        uint8_t command, answer;
    } answers[] = { { 0xaa, 0x55 }, { 0xab, 0x00 }, { 0xa9, 0x00 }, { 0x20, 0x03 } };
    QTestState *s = start(machine);

    qtest_irq_intercept_in(s, "ioapic");
    g_assert_cmphex(qtest_inb(s, 0x64), ==, 0x18);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        qtest_outb(s, 0x64, answers[i].command);
        g_assert_cmphex(qtest_inb(s, 0x64) & 1, ==, 1);
        g_assert_true(qtest_get_irq(s, 1));
        g_assert_cmphex(qtest_inb(s, 0x60), ==, answers[i].answer);
        g_assert_cmphex(qtest_inb(s, 0x64) & 1, ==, 0);
        g_assert_false(qtest_get_irq(s, 1));
    }
    qtest_outb(s, 0x64, 0xd3);                      /* as if from the mouse */
    qtest_outb(s, 0x60, 0xa5);
    g_assert_true(qtest_get_irq(s, 12));
    g_assert_cmphex(qtest_inb(s, 0x64) & 0x21, ==, 0x21);
    g_assert_cmphex(qtest_inb(s, 0x60), ==, 0xa5);
    g_assert_false(qtest_get_irq(s, 12));
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const void *machine);
    } tests[] = {
        { "rtc/start", test_rtc_start }, { "rtc/set", test_rtc_set },
        { "rtc/garbage", test_rtc_garbage }, { "rtc/update", test_rtc_update },
        { "rtc/periodic", test_rtc_periodic }, { "rtc/alarm", test_rtc_alarm },
        { "cmos/memory", test_cmos_memory },
        { "pit/readback", test_pit_readback }, { "pit/counts", test_pit_counts },
        { "speaker-port", test_speaker_port },
        { "serial/registers", test_serial_registers },
        { "serial/transmit-interrupt", test_serial_transmit_interrupt },
        { "serial/loopback", test_serial_loopback }, { "serial/fifo", test_serial_fifo },
        { "serial/timeout", test_serial_timeout }, { "serial/socket", test_serial_socket },
        { "serial/slow-reader", test_serial_slow_reader },
        { "pic", test_pic }, { "ioapic", test_ioapic },
        { "keyboard-controller", test_keyboard_controller },
    };
    static const char *const machines[] = { "pc", "q35" };

    g_test_init(&argc, &argv, NULL);
    for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/legacy/%s/%s", machines[m], tests[i].name);

            qtest_add_data_func(path, machines[m], tests[i].run);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(memory_sizes); i++) {
        g_autofree char *path = g_strdup_printf("/legacy/cmos/size/%zu", i);

        qtest_add_data_func(path, &memory_sizes[i], test_cmos_size);
    }
    return g_test_run();
}
