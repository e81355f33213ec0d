/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's power management timer (ACPI specification 6.4, 4.8.3.3): 24 bits at 3.579545 MHz, whose
 * status bit is set when the uppermost changes and asks for SCI where that is enabled; and the
 * PM1 event block it is in (4.8.3.1).
 */
#include "qemu/osdep.h"
#include "chip-fixture.h"

#define SCI_GSI 9
#define PM1_STS PM_BASE
#define PM1_EN (PM_BASE + 2)
#define TMR 0x0001
#define MSB (1 << 23)

static void assert_status(Chips *c, bool status, bool sci)
{
    g_assert_cmphex(qtest_inw(c->s, PM1_STS) & TMR, ==, status ? TMR : 0);
    g_assert_cmpint(qtest_get_irq(c->s, SCI_GSI), ==, sci);
}

/* The first nanosecond that shows @count. */
static int64_t count_ns(int64_t count)
{
    return (count * 1000000000 + PM_TMR_HZ - 1) / PM_TMR_HZ;
}

static void test_value(const void *machine)
{
    Chips c = chips_start(machine, "");
    uint32_t before, after;

    before = qtest_inl(c.s, PM_TMR);
    g_assert_cmphex(qtest_inl(c.s, PM_TMR), ==, before);    /* it stands still with the machine */
    chips_pass(&c, 5 * MS);
    after = qtest_inl(c.s, PM_TMR);
    g_assert_cmpint((after - before) & PM_TMR_MASK, >=, PM_TMR_HZ / 200);
    qtest_outl(c.s, PM_TMR, 0);
    qtest_outb(c.s, PM_TMR, 0);
    g_assert_cmphex(qtest_inl(c.s, PM_TMR), ==, after);
    if (c.steps) {
        static const int64_t counts[] = { 123457, MSB - 1, MSB, MSB + 1, 0xffffff, 0x1000000,
                                          0x1000001, INT64_C(0x123456789) };

        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
            qtest_clock_set(c.s, count_ns(counts[i]) - 1);
            g_assert_cmphex(qtest_inl(c.s, PM_TMR), ==, (counts[i] - 1) & PM_TMR_MASK);
            qtest_clock_set(c.s, count_ns(counts[i]));
            g_assert_cmphex(qtest_inl(c.s, PM_TMR), ==, counts[i] & PM_TMR_MASK);
        }
    }
    chips_stop(&c);
}

/* Lets time pass until the timer is about @lead counts before its uppermost bit changes. */
static void approach(Chips *c, uint32_t lead)
{
    uint32_t now = qtest_inl(c->s, PM_TMR);
    uint32_t left = MSB - now % MSB;

    g_assert_cmpint(left, >, lead);
    chips_pass(c, (int64_t)(left - lead) * 1000000000 / PM_TMR_HZ + 1);
}

static void test_status(const void *machine)
{
    Chips c = chips_start(machine, "");
    uint32_t lead = c.steps ? 10 : PM_TMR_HZ / 2 * 3;

    assert_status(&c, true, false);                 /* from a reset on */
    qtest_outw(c.s, PM1_STS, 0xfffe);
    assert_status(&c, true, false);
    qtest_outw(c.s, PM1_STS, TMR);
    assert_status(&c, false, false);
    qtest_outw(c.s, PM1_EN, TMR);
    assert_status(&c, false, false);
    for (int change = 0; change < 2; change++) {
        approach(&c, lead);
        g_assert_cmpint(MSB - qtest_inl(c.s, PM_TMR) % MSB, <=, lead);
        assert_status(&c, false, false);
        chips_pass(&c, (int64_t)(lead + 10) * 1000000000 / PM_TMR_HZ);
        assert_status(&c, true, true);
        qtest_outw(c.s, PM1_EN, 0);
        assert_status(&c, true, false);
        qtest_outw(c.s, PM1_EN, TMR);
        assert_status(&c, true, true);
        qtest_outb(c.s, PM1_STS, TMR);
        assert_status(&c, false, false);
    }
    /* a change nobody asked to hear of is seen in the status, and heard of when enabled then */
    qtest_outw(c.s, PM1_EN, 0);
    approach(&c, lead);
    assert_status(&c, false, false);
    chips_pass(&c, (int64_t)(lead + 10) * 1000000000 / PM_TMR_HZ);
    assert_status(&c, true, false);
    qtest_outw(c.s, PM1_EN, TMR);
    assert_status(&c, true, true);
    chips_reset(&c);
    chips_map_pm(&c);
    g_assert_cmphex(qtest_inw(c.s, PM1_EN), ==, 0);
    assert_status(&c, true, false);
    chips_stop(&c);
}

/* To the nanosecond, for two changes, each told once. */
static void test_sci_time(const void *machine)
{
    Chips c = chips_start(machine, "");

    if (c.steps) {
        qtest_outw(c.s, PM1_STS, TMR);
        qtest_outw(c.s, PM1_EN, TMR);
        for (int64_t change = MSB; change <= 5 * MSB; change += MSB) {
            qtest_clock_set(c.s, count_ns(change) - 1);
            assert_status(&c, false, false);
            qtest_clock_set(c.s, count_ns(change));
            assert_status(&c, true, true);
            qtest_outw(c.s, PM1_STS, TMR);
            assert_status(&c, false, false);
        }
        qtest_clock_set(c.s, count_ns(9 * (int64_t)MSB) + 5);       /* over several at once */
        assert_status(&c, true, true);
        qtest_outw(c.s, PM1_STS, TMR);
        qtest_clock_set(c.s, count_ns(10 * (int64_t)MSB) - 1);
        assert_status(&c, false, false);
        qtest_clock_step(c.s, 1);
        assert_status(&c, true, true);
    } else {
        g_test_skip("no virtual clock that can be stepped in this emulator");
    }
    chips_stop(&c);
}

/* Enable keeps all its bits; status only what happened; words and double words. */
static void test_event_block(const void *machine)
{
    Chips c = chips_start(machine, "");

    qtest_outw(c.s, PM1_STS, 0xffff);
    qtest_outw(c.s, PM1_EN, 0x1234);
    g_assert_cmphex(qtest_inw(c.s, PM1_EN), ==, 0x1234);
    g_assert_cmphex(qtest_inb(c.s, PM1_EN), ==, 0x34);
    g_assert_cmphex(qtest_inl(c.s, PM1_STS), ==, 0x12340000);
    qtest_outl(c.s, PM1_STS, 0x77770001);
    g_assert_cmphex(qtest_inl(c.s, PM1_STS), ==, 0x77770000);
    if (qtest_is_elastic()) {       /* 7.2 has no upper bytes by themselves, against 4.8.3 */
        g_assert_cmphex(qtest_inb(c.s, PM1_EN + 1), ==, 0x77);
        qtest_outb(c.s, PM1_EN + 1, 0x56);
        g_assert_cmphex(qtest_inw(c.s, PM1_EN), ==, 0x5677);
        g_assert_cmphex(qtest_inw(c.s, PM1_STS), ==, 0);
    }
    chips_stop(&c);
}

int main(int argc, char **argv)
{
    static const ChipTest tests[] = {
        { "value", test_value }, { "status", test_status }, { "sci-time", test_sci_time },
        { "event-block", test_event_block },
    };

    g_test_init(&argc, &argv, NULL);
    chips_add_tests("acpi-pm-timer", tests, G_N_ELEMENTS(tests));
    return g_test_run();
}
