/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254 interval timer, and port 0x61, by which counter 2 is gated and its output read. All
 * values were read from stock QEMU 7.2; where its chip is not what Intel's datasheet describes,
 * expected_count() and expected_out() say so. Counts are compared with a counter that this test
 * lets count by itself, clock by clock.
 */
#include "qemu/osdep.h"
#include "chip-fixture.h"

#define PIT_HZ 1193182
#define CONTROL 0x43
#define COUNTER(n) (0x40 + (n))
#define PORT61 0x61
#define PIT_GSI 0

/* ---- what to expect -------------------------------------------------------------------------- */

/* The count so many clocks after @n was loaded. BCD counts are counted as binary ones. */
static uint16_t expected_count(int mode, uint32_t n, uint64_t clocks)
{
    int64_t count = n;

    if (clocks > 4 * n) {               /* short cuts: whole periods */
        clocks = mode == 0 || mode == 1 || mode == 4 || mode == 5 ? clocks % 0x10000
                                                                  : clocks % n;
    }
    for (uint64_t i = 0; i < clocks; i++) {
        switch (mode) {
        case 3:                         /* by two, and again from the start */
            count -= 2;
            count = count <= 0 ? count + n : count;
            break;
        case 2: case 6: case 7:         /* again from the start (6 is not 2, 7 not 3) */
            count = count == 1 ? n : count - 1;
            break;
        default:                        /* on through 0 */
            count = count == 0 ? 0xffff : count - 1;
            break;
        }
    }
    return count;
}

/* OUT, inverted in modes 1, 2, 4 and 5; a load starts mode 1 and 5 as a trigger does. */
static bool expected_out(int mode, uint32_t n, uint64_t clocks)
{
    switch (mode) {
    case 1:
        return clocks < n;
    case 2:
        return clocks > 0 && clocks % n == 0;
    case 3:
        return n == 1 || clocks % n < (n + 1) / 2;
    case 4: case 5:
        return clocks == n;
    default:
        return clocks >= n;
    }
}

/* ---- access ---------------------------------------------------------------------------------- */

static void load(Chips *c, int counter, int mode, uint32_t n)
{
    OUT(c, CONTROL, counter << 6 | 0x30 | mode << 1);
    OUT(c, COUNTER(counter), n, n >> 8);
}

/* Status by the read-back command, and the count, both of now. */
static void read_back(Chips *c, int counter, uint8_t *status, uint16_t *count)
{
    OUT(c, CONTROL, 0xc0 | 2 << counter);
    *status = chips_in(c, COUNTER(counter));
    *count = chips_in(c, COUNTER(counter));
    *count |= chips_in(c, COUNTER(counter)) << 8;
}

static bool matches(int mode, uint32_t n, uint64_t clocks, uint16_t count, bool out)
{
    return count == expected_count(mode, n, clocks) && out == expected_out(mode, n, clocks);
}

/* What counter 2 shows is right for one of @first to @last clocks. */
static void assert_counter(Chips *c, int mode, uint32_t n, uint64_t first, uint64_t last)
{
    uint16_t count;
    uint8_t status;
    bool found = false;

    read_back(c, 2, &status, &count);
    g_assert_cmphex(status & 0x7f, ==, 0x30 | mode << 1);
    g_assert_cmpint(chips_in(c, PORT61) >> 5 & 1, ==, status >> 7);
    for (uint64_t clocks = first; clocks <= last; clocks++) {
        found |= matches(mode, n, clocks, count, status & 0x80);
    }
    if (!found) {
        g_error("mode %d from %u after %" PRIu64 " to %" PRIu64 " clocks: count %u, out %d, "
                "expected %u, %d", mode, n, first, last, count, status >> 7,
                expected_count(mode, n, first), expected_out(mode, n, first));
    }
}

/* The first nanosecond at which @clocks have passed. */
static int64_t clocks_ns(uint64_t clocks)
{
    return (int64_t)((clocks * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* At each clock that matters, and a nanosecond before. */
static void check_mode_exactly(Chips *c, int mode, uint32_t n)
{
    const uint64_t clocks[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, n / 2, n / 2 + 1, n / 2 + 2,
                                n - 1, n, n + 1, n + 2, 2 * n - 1, 2 * n, 2 * n + 1, 5 * n, 70000,
                                140001 };
    int64_t begin;
    uint64_t last = 0;

    load(c, 2, mode, n);
    begin = chips_now(c);
    assert_counter(c, mode, n, 0, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
        if (clocks[i] > last) {
            last = clocks[i];
            qtest_clock_set(c->s, begin + clocks_ns(last) - 1);
            assert_counter(c, mode, n, last - 1, last - 1);
            qtest_clock_step(c->s, 1);
            assert_counter(c, mode, n, last, last);
        }
    }
}

/* By the ACPI timer, which counts about three times as fast. */
static void check_mode_roughly(Chips *c, int mode, uint32_t n)
{
    uint32_t begin;

    load(c, 2, mode, n);
    begin = qtest_inl(c->s, PM_TMR);
    assert_counter(c, mode, n, 0, 0);
    for (int i = 0; i < 6; i++) {
        int64_t passed;

        chips_pass(c, 300000);
        passed = (qtest_inl(c->s, PM_TMR) - begin) & PM_TMR_MASK;
        assert_counter(c, mode, n, (passed - 1) * PIT_HZ / PM_TMR_HZ,
                       (passed + 1) * PIT_HZ / PM_TMR_HZ);
    }
}

static void test_modes(const void *machine)
{
    static const uint32_t counts[] = { 2, 3, 7, 1000, 1001, 0x10000 };
    Chips c = chips_start(machine, "");

    for (int mode = 0; mode < 8; mode++) {
        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
            if (c.steps) {
                check_mode_exactly(&c, mode, counts[i]);
            } else {
                check_mode_roughly(&c, mode, counts[i]);
            }
        }
    }
    /* not for modes 2 and 3, says the datasheet; it may not do harm */
    for (int mode = 0; mode < 8; mode++) {
        load(&c, 0, mode, 1);
        chips_pass(&c, MS);
    }
    chips_stop(&c);
}

/* A counter of a mode without a gate's influence goes on; the others start when it rises. */
static void test_gate(const void *machine)
{
    static const bool starts[] = { false, true, true, true, false, true, false, false };
    Chips c = chips_start(machine, "");

    for (int mode = 0; mode < 8; mode++) {
        uint16_t count, before;
        uint8_t status;

        OUT(&c, PORT61, 1);
        load(&c, 2, mode, 60000);
        chips_pass(&c, MS);
        OUT(&c, PORT61, 1);                             /* it does not rise */
        read_back(&c, 2, &status, &before);
        g_assert_cmpint(before, <, 60000);
        OUT(&c, PORT61, 0);
        read_back(&c, 2, &status, &count);
        g_assert_cmpint(count, ==, before);
        chips_pass(&c, MS);                             /* a low one stops nothing */
        read_back(&c, 2, &status, &before);
        g_assert_cmpint(before, !=, count);
        OUT(&c, PORT61, 1);
        read_back(&c, 2, &status, &count);
        g_assert_cmpint(count, ==, starts[mode] ? 60000 : before);
        g_assert_cmpint(status >> 7, ==, mode == 1 || mode == 3);
    }
    chips_stop(&c);
}

/* Counter 0's output is interrupt 0, at each clock and not a nanosecond early. */
static void test_interrupt(const void *machine)
{
    static const uint32_t counts[] = { 2, 5, 100, 11932, 0x10000 };
    Chips c = chips_start(machine, "");

    g_assert_false(qtest_get_irq(c.s, PIT_GSI));
    load(&c, 0, 3, 11932);
    g_assert_true(qtest_get_irq(c.s, PIT_GSI));
    load(&c, 0, 0, 11932);
    g_assert_false(qtest_get_irq(c.s, PIT_GSI));
    for (int mode = 0; c.steps && mode < 8; mode++) {
        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
            uint32_t n = counts[i];
            const uint64_t clocks[] = { 1, n / 2, n - n / 2, n - n / 2 + 1, n - 1, n, n + 1,
                                        n + n / 2 + 1, 2 * n - 1, 2 * n, 2 * n + 1, 7 * n + 1 };
            uint64_t last = 0;
            int64_t begin;

            load(&c, 0, mode, n);
            begin = chips_now(&c);
            for (size_t k = 0; k < G_N_ELEMENTS(clocks); k++) {
                if (clocks[k] <= last) {
                    continue;
                }
                last = clocks[k];
                qtest_clock_set(c.s, begin + clocks_ns(last) - 1);
                g_assert_cmpint(qtest_get_irq(c.s, PIT_GSI), ==, expected_out(mode, n, last - 1));
                qtest_clock_step(c.s, 1);
                g_assert_cmpint(qtest_get_irq(c.s, PIT_GSI), ==, expected_out(mode, n, last));
            }
        }
    }
    chips_stop(&c);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void expect_bytes(Chips *c, int counter, const uint8_t *bytes, size_t nb_bytes,
                         const char *what)
{
    for (size_t i = 0; i < nb_bytes; i++) {
        chips_expect(c, COUNTER(counter), bytes[i], what);
    }
}
#define EXPECT(c, counter, what, ...) \
    expect_bytes(c, counter, (const uint8_t[]) { __VA_ARGS__ }, \
                 sizeof((const uint8_t[]) { __VA_ARGS__ }), what)

static void test_bytes(const void *machine)
{
    Chips c = chips_start(machine, "");

    load(&c, 2, 0, 0x1234);
    EXPECT(&c, 2, "low, high, in turn", 0x34, 0x12, 0x34, 0x12, 0x34);
    OUT(&c, COUNTER(2), 0x78);
    EXPECT(&c, 2, "half a count changes nothing", 0x12, 0x34, 0x12);
    OUT(&c, COUNTER(2), 0x56);
    EXPECT(&c, 2, "the other half does", 0x78, 0x56);
    OUT(&c, COUNTER(2), 0x11);
    OUT(&c, CONTROL, 0xb0);
    OUT(&c, COUNTER(2), 0x21, 0x43);
    EXPECT(&c, 2, "a control word begins with the low byte", 0x21, 0x43, 0x21);
    OUT(&c, CONTROL, 0xb0);
    EXPECT(&c, 2, "of reading too, and leaves the count", 0x21, 0x43);
    OUT(&c, CONTROL, 0x90);
    OUT(&c, COUNTER(2), 0x77);
    EXPECT(&c, 2, "low only", 0x77, 0x77, 0x77);
    OUT(&c, CONTROL, 0xb0);
    EXPECT(&c, 2, "low only clears the high byte", 0x77, 0x00);
    OUT(&c, CONTROL, 0xa0);
    OUT(&c, COUNTER(2), 0x66);
    EXPECT(&c, 2, "high only", 0x66, 0x66, 0x66);
    OUT(&c, CONTROL, 0xb0);
    EXPECT(&c, 2, "high only clears the low byte", 0x00, 0x66);
    load(&c, 2, 2, 0);
    EXPECT(&c, 2, "0 is 65536", 0x00, 0x00);
    load(&c, 2, 2, 1);
    EXPECT(&c, 2, "1", 0x01, 0x00);
    OUT(&c, CONTROL, 0xb1);
    OUT(&c, COUNTER(2), 0x99, 0x10);
    EXPECT(&c, 2, "BCD", 0x99, 0x10);
    chips_expect(&c, CONTROL, 0, "the control word cannot be read");
    chips_stop(&c);
}

static void test_latch(const void *machine)
{
    Chips c = chips_start(machine, "");

    load(&c, 2, 0, 0x1234);
    OUT(&c, CONTROL, 0x80);
    OUT(&c, COUNTER(2), 0xcd, 0xab);
    OUT(&c, CONTROL, 0x80);
    EXPECT(&c, 2, "the first latch holds, then the count", 0x34, 0x12, 0xcd, 0xab);
    chips_expect(&c, COUNTER(2), 0xcd, "low");
    OUT(&c, CONTROL, 0x80);
    EXPECT(&c, 2, "a latch has its own turns", 0xcd, 0xab, 0xab, 0xcd);
    chips_expect(&c, COUNTER(2), 0xab, "high");
    OUT(&c, CONTROL, 0x80);
    chips_expect(&c, COUNTER(2), 0xcd, "half of the latch");
    OUT(&c, COUNTER(2), 0x11, 0x22);
    OUT(&c, CONTROL, 0x80, 0xd8);
    EXPECT(&c, 2, "still the first", 0xab, 0x11, 0x22);
    OUT(&c, CONTROL, 0x80, 0xb2);
    OUT(&c, COUNTER(2), 0x33, 0x44);
    EXPECT(&c, 2, "a control word leaves a latch", 0x11, 0x22, 0x33, 0x44);
    OUT(&c, COUNTER(2), 0x55);
    OUT(&c, CONTROL, 0x80);
    EXPECT(&c, 2, "latched between two bytes written", 0x33, 0x44);
    OUT(&c, COUNTER(2), 0x66);
    EXPECT(&c, 2, "which make a count", 0x55, 0x66);
    OUT(&c, CONTROL, 0xa2);
    OUT(&c, COUNTER(2), 0x77);
    OUT(&c, CONTROL, 0x80);
    OUT(&c, COUNTER(2), 0x88);
    EXPECT(&c, 2, "high byte latched", 0x77, 0x88, 0x88);
    OUT(&c, CONTROL, 0x92);
    OUT(&c, COUNTER(2), 0x77);
    OUT(&c, CONTROL, 0x80);
    OUT(&c, COUNTER(2), 0x88);
    EXPECT(&c, 2, "low byte latched", 0x77, 0x88, 0x88);
    load(&c, 2, 0, 0x1234);
    OUT(&c, CONTROL, 0x80);
    chips_pass(&c, MS);
    EXPECT(&c, 2, "time does not matter to it", 0x34, 0x12);
    g_assert_cmphex(chips_in(&c, COUNTER(2)) | chips_in(&c, COUNTER(2)) << 8, !=, 0x1234);
    chips_stop(&c);
}

static void test_read_back(const void *machine)
{
    static const bool high_at_start[] = { false, true, false, true, false, false, false, false };
    Chips c = chips_start(machine, "");

    for (int counter = 0; counter < 3; counter++) {
        for (int mode = 0; mode < 8; mode++) {
            for (int bcd = 0; bcd < 2; bcd++) {
                uint8_t settings = 0x30 | mode << 1 | bcd;

                OUT(&c, CONTROL, counter << 6 | settings);
                OUT(&c, COUNTER(counter), 0x34, 0x12);
                OUT(&c, CONTROL, 0xe0 | 2 << counter);
                EXPECT(&c, counter, "status, then the count", high_at_start[mode] << 7 | settings,
                       0x34, 0x12);
            }
        }
    }
    OUT(&c, CONTROL, 0x10, 0xb4, 0x6a);
    OUT(&c, COUNTER(0), 0x55);
    OUT(&c, COUNTER(1), 0x66);
    OUT(&c, COUNTER(2), 0x77, 0x88);
    OUT(&c, CONTROL, 0xce);                             /* all of all */
    OUT(&c, CONTROL, 0x30, 0x7a, 0x98);
    OUT(&c, COUNTER(0), 1, 1);
    OUT(&c, COUNTER(1), 2, 2);
    OUT(&c, COUNTER(2), 3);
    OUT(&c, CONTROL, 0xee);                             /* status is held already */
    EXPECT(&c, 2, "status before count before now", 0x34, 0x77, 0x88, 0x03);
    EXPECT(&c, 0, "low byte", 0x10, 0x55, 0x01, 0x01);
    EXPECT(&c, 1, "high byte", 0x2a, 0x66, 0x02, 0x02);
    OUT(&c, CONTROL, 0xc0, 0xf8, 0xfe);                 /* of none; nothing of all */
    EXPECT(&c, 2, "nothing was latched", 0x03);
    OUT(&c, CONTROL, 0xe8, 0xd8);                       /* one after the other */
    OUT(&c, COUNTER(2), 9);
    EXPECT(&c, 2, "status first, whichever came first", 0x18, 0x03, 0x09);
    OUT(&c, CONTROL, 0xb4);
    OUT(&c, CONTROL, 0xe8);
    EXPECT(&c, 2, "no null count", 0x34, 0x09, 0x00);
    chips_stop(&c);
}

/* Stock's reset sets mode and count only; here nothing is left of what was before. */
static void test_reset(const void *machine)
{
    Chips c = chips_start(machine, "");

    for (int round = 0; round < (qtest_is_elastic() ? 2 : 1); round++) {
        for (int counter = 0; counter < 3; counter++) {
            OUT(&c, CONTROL, 0xe0 | 2 << counter);
            EXPECT(&c, counter, "square wave", 0x86, 0, 0);
        }
        g_assert_cmphex(chips_in(&c, PORT61) & 0x21, ==, 0x20);
        OUT(&c, COUNTER(1), 0x77);
        EXPECT(&c, 1, "low byte without a control word", 0x77, 0x77);
        OUT(&c, CONTROL, 0x40);
        OUT(&c, COUNTER(1), 0x78);
        EXPECT(&c, 1, "nothing is latched", 0x78);
        load(&c, 0, 0, 0x1234);
        load(&c, 2, 4, 0x1234);
        OUT(&c, COUNTER(2), 1);
        OUT(&c, CONTROL, 0xce);
        OUT(&c, PORT61, 1);
        chips_reset(&c);
    }
    chips_stop(&c);
}

/* Bits 0 and 1 are what was written, 4 toggles, 5 is OUT. */
static void test_port61(const void *machine)
{
    Chips c = chips_start(machine, "");
    uint8_t last = chips_in(&c, PORT61);

    for (int value = 0; value < 256; value++) {
        uint8_t now;

        OUT(&c, PORT61, value);
        now = chips_in(&c, PORT61);
        g_assert_cmphex(now & 0xdf, ==, (value & 3) | (~last & 0x10));
        last = now;
    }
    load(&c, 2, 0, 1000);
    g_assert_cmphex(chips_in(&c, PORT61) & 0x20, ==, 0);
    load(&c, 2, 3, 1000);
    g_assert_cmphex(chips_in(&c, PORT61) & 0x20, ==, 0x20);
    chips_stop(&c);
}

int main(int argc, char **argv)
{
    static const ChipTest tests[] = {
        { "modes", test_modes }, { "gate", test_gate }, { "interrupt", test_interrupt },
        { "bytes", test_bytes }, { "latch", test_latch }, { "read-back", test_read_back },
        { "reset", test_reset }, { "port61", test_port61 },
    };

    g_test_init(&argc, &argv, NULL);
    chips_add_tests("pit", tests, G_N_ELEMENTS(tests));
    return g_test_run();
}
