/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of 8259A interrupt controllers and their ELCR registers. No processor acknowledges: the
 * poll command does. Inputs are driven by name. All values were read from stock QEMU 7.2.
 */
#include "qemu/osdep.h"
#include "chip-fixture.h"
#include "qobject/qdict.h"

#define MASTER 0x20
#define SLAVE 0xa0
#define ELCR_MASTER 0x4d0
#define ELCR_SLAVE 0x4d1

typedef struct Pics {
    Chips c;
    char *path[2];                      /* of master and slave in the object tree */
} Pics;

static char *get_string(Chips *c, const char *path, const char *property)
{
    QDict *answer = qtest_qmp(c->s, "{'execute': 'qom-get', 'arguments': "
                              "{'path': %s, 'property': %s}}", path, property);
    char *value = g_strdup(qdict_get_try_str(answer, "return"));

    qobject_unref(answer);
    return value;
}

static int get_port(Chips *c, const char *path)
{
    QDict *answer = qtest_qmp(c->s, "{'execute': 'qom-get', 'arguments': "
                              "{'path': %s, 'property': 'iobase'}}", path);
    int value = qdict_get_int(answer, "return");

    qobject_unref(answer);
    return value;
}

static Pics pics_start(const char *machine)
{
    Pics p = { .c = chips_start(machine, "") };

    for (int i = 0; i < 100; i++) {
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%d]", i);
        g_autofree char *type = get_string(&p.c, path, "type");

        if (!g_strcmp0(type, "isa-i8259")) {
            int slave = get_port(&p.c, path) == SLAVE;

            p.path[slave] = g_steal_pointer(&path);
        }
    }
    g_assert_nonnull(p.path[0]);
    g_assert_nonnull(p.path[1]);
    return p;
}

static void pics_stop(Pics *p)
{
    g_free(p->path[0]);
    g_free(p->path[1]);
    chips_stop(&p->c);
}

/* Inputs 0 to 15, 8 and more being the slave's. */
static void set_line(Pics *p, int input, bool level)
{
    qtest_set_irq_in(p->c.s, p->path[input / 8], "unnamed-gpio-in", input % 8, level);
}

static void set_lines(Pics *p, uint16_t inputs, bool level)
{
    for (int i = 0; i < 16; i++) {
        if (inputs >> i & 1) {
            set_line(p, i, level);
        }
    }
}

static void pulse(Pics *p, uint16_t inputs)
{
    set_lines(p, inputs, true);
    set_lines(p, inputs, false);
}

static void init_pic(Pics *p, uint16_t base, uint8_t icw4)
{
    OUT(&p->c, base, 0x11);
    OUT(&p->c, base + 1, base == MASTER ? 0x08 : 0x70, base == MASTER ? 4 : 2, icw4);
}

static void expect(Pics *p, uint16_t base, uint8_t irr, uint8_t isr, const char *what)
{
    OUT(&p->c, base, 0x0a);
    chips_expect(&p->c, base, irr, what);
    OUT(&p->c, base, 0x0b);
    chips_expect(&p->c, base, isr, what);
}

/* The input that a poll acknowledges; NONE: none. */
#define NONE -1
static void expect_poll(Pics *p, uint16_t base, int input, const char *what)
{
    OUT(&p->c, base, 0x0c);
    chips_expect(&p->c, base, input == NONE ? 0 : 0x80 | input, what);
}

/* ---- requests and service -------------------------------------------------------------------- */

static void test_nesting(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    init_pic(&p, SLAVE, 1);
    expect_poll(&p, MASTER, NONE, "idle");
    expect_poll(&p, SLAVE, NONE, "idle");
    pulse(&p, 0x08);
    expect(&p, MASTER, 0x08, 0, "an edge is remembered");
    expect_poll(&p, MASTER, 3, "edge");
    expect(&p, MASTER, 0, 0x08, "in service");
    pulse(&p, 0x28);
    expect_poll(&p, MASTER, NONE, "same and lower wait");
    expect(&p, MASTER, 0x28, 0x08, "and are remembered");
    pulse(&p, 0x02);
    expect_poll(&p, MASTER, 1, "higher comes first");
    expect(&p, MASTER, 0x28, 0x0a, "two in service");
    OUT(&p.c, MASTER, 0x20);
    expect(&p, MASTER, 0x28, 0x08, "the higher ends first");
    expect_poll(&p, MASTER, NONE, "still the lower one");
    OUT(&p.c, MASTER, 0x20);
    expect_poll(&p, MASTER, 3, "again");
    OUT(&p.c, MASTER, 0x20);
    expect_poll(&p, MASTER, 5, "and the lowest");
    OUT(&p.c, MASTER, 0x64);
    expect(&p, MASTER, 0, 0x20, "an end of another");
    OUT(&p.c, MASTER, 0x65);
    expect(&p, MASTER, 0, 0, "and its own");
    OUT(&p.c, MASTER, 0x20, 0xa0);
    expect(&p, MASTER, 0, 0, "nothing to end");
    pulse(&p, 0xff);
    for (int i = 0; i < 8; i++) {
        expect_poll(&p, MASTER, i, "in order");
        OUT(&p.c, MASTER, 0x20);
    }
    set_line(&p, 6, true);
    expect_poll(&p, MASTER, 6, "up");
    OUT(&p.c, MASTER, 0x66);
    expect_poll(&p, MASTER, NONE, "once an edge");
    set_line(&p, 6, true);
    expect_poll(&p, MASTER, NONE, "still up is no edge");
    pics_stop(&p);
}

static void test_mask(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    OUT(&p.c, MASTER + 1, 0x0a);
    pulse(&p, 0x0a);
    expect(&p, MASTER, 0x0a, 0, "masked requests show");
    expect_poll(&p, MASTER, NONE, "and do nothing");
    OUT(&p.c, MASTER + 1, 0x02);
    expect_poll(&p, MASTER, 3, "until unmasked");
    chips_expect(&p.c, MASTER + 1, 0x02, "mask");
    OUT(&p.c, MASTER, 0x20);
    OUT(&p.c, MASTER + 1, 0x00);
    expect_poll(&p, MASTER, 1, "the other");
    OUT(&p.c, MASTER + 1, 0xff);
    pulse(&p, 0x01);
    expect_poll(&p, MASTER, NONE, "all masked");
    pics_stop(&p);
}

static void test_poll(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    pulse(&p, 0x90);
    OUT(&p.c, MASTER, 0x0b, 0x0c);
    chips_expect(&p.c, MASTER + 1, 0x84, "either port answers");
    chips_expect(&p.c, MASTER, 0x10, "once; then ISR as before");
    chips_expect(&p.c, MASTER + 1, 0x00, "and the mask");
    OUT(&p.c, MASTER, 0x0c, 0x0a, 0x20);
    chips_expect(&p.c, MASTER, 0x87, "other commands do not take a poll away");
    chips_expect(&p.c, MASTER, 0x00, "IRR");
    OUT(&p.c, MASTER, 0x0f);
    chips_expect(&p.c, MASTER, 0x00, "poll comes before reading");
    chips_expect(&p.c, MASTER, 0x80, "which comes next");
    OUT(&p.c, MASTER, 0x0c);
    OUT(&p.c, MASTER, 0x11);
    OUT(&p.c, MASTER + 1, 8, 4, 1);
    pulse(&p, 0x10);
    chips_expect(&p.c, MASTER, 0x10, "ICW1 does: IRR");
    pics_stop(&p);
}

static void test_cascade(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    init_pic(&p, SLAVE, 1);
    set_line(&p, 12, true);
    expect(&p, SLAVE, 0x10, 0, "slave's request");
    expect(&p, MASTER, 0x04, 0, "is the master's input 2");
    expect_poll(&p, MASTER, 2, "master");
    expect(&p, SLAVE, 0x10, 0, "a poll of the master is not the slave's");
    expect_poll(&p, SLAVE, 4, "slave");
    set_line(&p, 12, false);
    pulse(&p, 1 << 14 | 1 << 9);
    expect(&p, MASTER, 0x04, 0x04, "a higher one of the slave's");
    expect_poll(&p, MASTER, NONE, "does not nest in the master");
    expect_poll(&p, SLAVE, 1, "but in the slave");
    OUT(&p.c, SLAVE, 0x20, 0x20);
    OUT(&p.c, MASTER, 0x20);
    expect_poll(&p, MASTER, 2, "its edge was seen");
    expect_poll(&p, SLAVE, 6, "and the lower waited");
    OUT(&p.c, SLAVE, 0x20);
    OUT(&p.c, MASTER, 0x20);
    OUT(&p.c, SLAVE + 1, 0x02);
    pulse(&p, 1 << 9);
    expect(&p, MASTER, 0, 0, "masked in the slave");
    OUT(&p.c, SLAVE + 1, 0x00);
    expect(&p, MASTER, 0x04, 0, "and not");
    pics_stop(&p);
}

/* Special fully nested: a slave's higher request comes through while a lower one is served. */
static void test_special_fully_nested(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 0x11);
    init_pic(&p, SLAVE, 1);
    pulse(&p, 1 << 12);
    expect_poll(&p, MASTER, 2, "master");
    expect_poll(&p, SLAVE, 4, "slave");
    pulse(&p, 1 << 9);
    expect_poll(&p, MASTER, 2, "again");
    expect_poll(&p, SLAVE, 1, "higher");
    expect(&p, MASTER, 0, 0x04, "master");
    expect(&p, SLAVE, 0, 0x12, "slave");
    OUT(&p.c, SLAVE, 0x20, 0x20);
    OUT(&p.c, MASTER, 0x20);
    /* for the master's other inputs, and for a slave, it changes nothing */
    pulse(&p, 0x18);
    expect_poll(&p, MASTER, 3, "master's own");
    pulse(&p, 0x08);
    expect_poll(&p, MASTER, NONE, "not again");
    init_pic(&p, SLAVE, 0x11);
    pulse(&p, 1 << 10);
    expect_poll(&p, SLAVE, 2, "slave's own");
    pulse(&p, 1 << 10);
    expect_poll(&p, SLAVE, NONE, "not again");
    pics_stop(&p);
}

/* ---- OCW2 ------------------------------------------------------------------------------------ */

/* Requests of all, in the order in which they are served. */
static void expect_order(Pics *p, int first, const char *what)
{
    pulse(p, 0xff);
    for (int i = 0; i < 8; i++) {
        expect_poll(p, MASTER, (first + i) % 8, what);
        OUT(&p->c, MASTER, 0x60 | (first + i) % 8);
    }
    expect(p, MASTER, 0, 0, what);
}

static void test_rotation(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    for (int last = 0; last < 8; last++) {
        OUT(&p.c, MASTER, 0xc0 | last);
        expect_order(&p, last + 1, "set priority");
        OUT(&p.c, MASTER, 0x40 | 3);
        expect_order(&p, last + 1, "no operation");
    }
    for (int last = 0; last < 8; last++) {
        OUT(&p.c, MASTER, 0xc0 | 4);
        pulse(&p, 1 << last);
        expect_poll(&p, MASTER, last, "alone");
        OUT(&p.c, MASTER, 0xa0);
        expect_order(&p, last + 1, "rotate on non-specific end");
    }
    for (int last = 0; last < 8; last++) {
        OUT(&p.c, MASTER, 0xc7);
        pulse(&p, 0x01);
        expect_poll(&p, MASTER, 0, "first");
        OUT(&p.c, MASTER, 0xe0 | last);
        expect(&p, MASTER, 0, last == 0 ? 0 : 1, "only that one ends");
        OUT(&p.c, MASTER, 0x60);
        expect_order(&p, last + 1, "rotate on specific end, in service or not");
    }
    /* order of a non-specific end when rotated, and nesting */
    OUT(&p.c, MASTER, 0xc3);
    pulse(&p, 0x99);
    expect_poll(&p, MASTER, 4, "4 is first");
    expect_poll(&p, MASTER, NONE, "7, 0 and 3 are lower");
    OUT(&p.c, MASTER, 0xc6);
    expect_poll(&p, MASTER, 7, "now 7 is first");
    expect(&p, MASTER, 0x09, 0x90, "both in service");
    OUT(&p.c, MASTER, 0x20);
    expect(&p, MASTER, 0x09, 0x10, "7 ends first");
    OUT(&p.c, MASTER, 0xa0);
    expect_poll(&p, MASTER, 0, "5 is first, then 0");
    OUT(&p.c, MASTER, 0xa0);
    expect_poll(&p, MASTER, 3, "then 3");
    OUT(&p.c, MASTER, 0x20, 0xa0);
    pulse(&p, 0x03);
    expect_poll(&p, MASTER, 1, "no end, no rotation");
    init_pic(&p, MASTER, 1);
    expect_order(&p, 0, "ICW1 sets the order back");
    pics_stop(&p);
}

static void test_automatic_end(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 3);
    pulse(&p, 0x18);
    expect_poll(&p, MASTER, 3, "first");
    expect(&p, MASTER, 0x10, 0, "not in service");
    expect_poll(&p, MASTER, 4, "second");
    pulse(&p, 0x18);
    expect_poll(&p, MASTER, 3, "no rotation");
    expect_poll(&p, MASTER, 4, "no rotation");
    OUT(&p.c, MASTER, 0x80);
    pulse(&p, 0x18);
    expect_poll(&p, MASTER, 3, "rotates");
    pulse(&p, 0x08);
    expect_poll(&p, MASTER, 4, "4 is first");
    pulse(&p, 0x30);
    expect_poll(&p, MASTER, 5, "then 5");
    OUT(&p.c, MASTER, 0x00);
    expect_poll(&p, MASTER, 3, "from 6 on, for the last time");
    pulse(&p, 0x40);
    expect_poll(&p, MASTER, 6, "6 is still first");
    expect_poll(&p, MASTER, 4, "then 4");
    OUT(&p.c, MASTER, 0x80);
    init_pic(&p, MASTER, 3);
    pulse(&p, 0x18);
    expect_poll(&p, MASTER, 3, "ICW1 clears it");
    pulse(&p, 0x08);
    expect_poll(&p, MASTER, 3, "ICW1 clears it");
    pics_stop(&p);
}

static void test_special_mask(const void *machine)
{
    Pics p = pics_start(machine);

    init_pic(&p, MASTER, 1);
    pulse(&p, 0x28);
    expect_poll(&p, MASTER, 3, "in service");
    OUT(&p.c, MASTER, 0x68);
    expect_poll(&p, MASTER, NONE, "not masked, so in the way");
    OUT(&p.c, MASTER + 1, 0x08);
    expect_poll(&p, MASTER, 5, "masked, so not");
    pulse(&p, 0x48);
    expect_poll(&p, MASTER, NONE, "5 is in the way");
    OUT(&p.c, MASTER, 0x28);                        /* without its enable bit: no change */
    OUT(&p.c, MASTER + 1, 0x28);
    expect_poll(&p, MASTER, 6, "no longer");
    OUT(&p.c, MASTER, 0x48);
    pulse(&p, 0x80);
    expect(&p, MASTER, 0x88, 0x68, "three in service");
    expect_poll(&p, MASTER, NONE, "mode off: all are in the way");
    OUT(&p.c, MASTER, 0x68);
    OUT(&p.c, MASTER, 0x20);
    expect(&p, MASTER, 0x88, 0x60, "a non-specific end, also of a masked one");
    init_pic(&p, MASTER, 1);
    pulse(&p, 0x28);
    expect_poll(&p, MASTER, 3, "again");
    OUT(&p.c, MASTER + 1, 0x08);
    expect_poll(&p, MASTER, NONE, "ICW1 clears the mode");
    pics_stop(&p);
}

/* ---- initialisation, edges and levels -------------------------------------------------------- */

static void test_initialisation(const void *machine)
{
    Pics p = pics_start(machine);

    expect(&p, MASTER, 0, 0, "at reset");
    chips_expect(&p.c, MASTER + 1, 0, "at reset");
    OUT(&p.c, MASTER + 1, 0x5a);
    chips_expect(&p.c, MASTER + 1, 0x5a, "no ICW is awaited at reset");
    OUT(&p.c, MASTER, 0x11);
    chips_expect(&p.c, MASTER + 1, 0, "ICW1 clears the mask");
    OUT(&p.c, MASTER, 0x0b);                        /* an OCW in between */
    OUT(&p.c, MASTER + 1, 0xff, 0xff);
    chips_expect(&p.c, MASTER + 1, 0, "ICW2 and 3");
    OUT(&p.c, MASTER + 1, 0x01);
    chips_expect(&p.c, MASTER + 1, 0, "ICW4");
    OUT(&p.c, MASTER + 1, 0x12);
    chips_expect(&p.c, MASTER + 1, 0x12, "OCW1");
    OUT(&p.c, MASTER, 0x10);
    OUT(&p.c, MASTER + 1, 8, 4, 0x34);
    chips_expect(&p.c, MASTER + 1, 0x34, "no ICW4");
    OUT(&p.c, MASTER, 0x12);
    OUT(&p.c, MASTER + 1, 8, 0x56);
    chips_expect(&p.c, MASTER + 1, 0x56, "single, no ICW4");
    OUT(&p.c, MASTER, 0x13);
    OUT(&p.c, MASTER + 1, 8, 3, 0x78);
    chips_expect(&p.c, MASTER + 1, 0x78, "single, ICW4");
    OUT(&p.c, MASTER + 1, 0);
    pulse(&p, 0x01);
    expect_poll(&p, MASTER, 0, "with automatic end");
    expect(&p, MASTER, 0, 0, "with automatic end");
    OUT(&p.c, MASTER, 0x10);
    OUT(&p.c, MASTER + 1, 8, 4);
    pulse(&p, 0x81);
    expect_poll(&p, MASTER, 0, "without ICW4 there is none");
    expect(&p, MASTER, 0x80, 0x01, "without ICW4 there is none");
    init_pic(&p, MASTER, 1);
    expect(&p, MASTER, 0, 0, "ICW1 forgets requests and service");
    pulse(&p, 0x04);
    expect_poll(&p, MASTER, 2, "in service");
    OUT(&p.c, MASTER + 1, 0xa5);
    chips_reset(&p.c);
    expect(&p, MASTER, 0, 0, "reset");
    chips_expect(&p.c, MASTER + 1, 0, "reset");
    pics_stop(&p);
}

static void test_levels(const void *machine)
{
    Pics p = pics_start(machine);

    OUT(&p.c, ELCR_MASTER, 0xff);
    OUT(&p.c, ELCR_SLAVE, 0xff);
    chips_expect(&p.c, ELCR_MASTER, 0xf8, "0 to 2 stay edges");
    chips_expect(&p.c, ELCR_SLAVE, 0xde, "8 and 13 stay edges");
    OUT(&p.c, ELCR_SLAVE, 0);
    OUT(&p.c, ELCR_MASTER, 0x20);
    init_pic(&p, MASTER, 1);
    chips_expect(&p.c, ELCR_MASTER, 0x20, "ICW1 leaves it");
    set_line(&p, 5, true);
    expect(&p, MASTER, 0x20, 0, "up");
    expect_poll(&p, MASTER, 5, "up");
    expect(&p, MASTER, 0x20, 0x20, "still requested");
    OUT(&p.c, MASTER, 0x20);
    expect_poll(&p, MASTER, 5, "and again");
    set_line(&p, 5, false);
    OUT(&p.c, MASTER, 0x20);
    expect(&p, MASTER, 0, 0, "down");
    set_line(&p, 5, true);
    set_line(&p, 5, false);
    expect_poll(&p, MASTER, NONE, "gone before it was served");
    set_lines(&p, 0x28, true);
    init_pic(&p, MASTER, 1);
    expect(&p, MASTER, 0x20, 0, "over ICW1 a level stays, an edge does not");
    set_line(&p, 3, true);
    expect(&p, MASTER, 0x28, 0, "edges are looked for anew");
    OUT(&p.c, ELCR_MASTER, 0);
    set_lines(&p, 0x28, false);
    expect(&p, MASTER, 0x28, 0, "now it is an edge that was seen");
    set_line(&p, 6, true);
    OUT(&p.c, ELCR_MASTER, 0x40);
    set_line(&p, 6, false);
    expect(&p, MASTER, 0x28, 0, "now a level that is gone");
    set_line(&p, 6, true);
    chips_reset(&p.c);
    expect(&p, MASTER, 0, 0, "reset");
    chips_expect(&p.c, ELCR_MASTER, 0, "reset");
    pics_stop(&p);
}

int main(int argc, char **argv)
{
    static const ChipTest tests[] = {
        { "nesting", test_nesting }, { "mask", test_mask }, { "poll", test_poll },
        { "cascade", test_cascade }, { "special-fully-nested", test_special_fully_nested },
        { "rotation", test_rotation }, { "automatic-end", test_automatic_end },
        { "special-mask", test_special_mask }, { "initialisation", test_initialisation },
        { "levels", test_levels },
    };

    g_test_init(&argc, &argv, NULL);
    chips_add_tests("pic", tests, G_N_ELEMENTS(tests));
    return g_test_run();
}
