/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 16550A serial port: its interrupts, in order of priority and each with what ends it, FIFOs
 * and trigger levels, the time that bytes wait, breaks, loopback. Values were read from stock
 * QEMU 7.2.
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <glib/gstdio.h>
#include "chip-fixture.h"

#define COM1 0x3f8
#define COM1_GSI 4
#define DATA COM1
#define IER (COM1 + 1)
#define IIR (COM1 + 2)
#define FCR (COM1 + 2)
#define LCR (COM1 + 3)
#define MCR (COM1 + 4)
#define LSR (COM1 + 5)
#define MSR (COM1 + 6)
#define SCR (COM1 + 7)
#define LOOP 0x10

#define BREAK "\001b"                   /* as the multiplexer of a chardev takes it */

typedef struct Uart {
    Chips c;
    char *dir, *path;
    int fd;                             /* the other end; -1: none */
} Uart;

static Uart uart_start(const char *machine)
{
    return (Uart) { .c = chips_start(machine, "-chardev null,id=c -device isa-serial,chardev=c"),
                    .fd = -1 };
}

static int uart_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

/* With somebody at the other end, who can also send breaks. */
static Uart uart_start_connected(const char *machine)
{
    g_autofree char *args = NULL;
    Uart u = { .dir = g_dir_make_tmp("uart-test-XXXXXX", NULL) };

    u.path = g_build_filename(u.dir, "s", NULL);
    args = g_strdup_printf("-chardev socket,path=%s,server=on,wait=off,mux=on,id=c "
                           "-device isa-serial,chardev=c", u.path);
    u.c = chips_start(machine, args);
    u.fd = uart_connect(u.path);
    return u;
}

static void uart_stop(Uart *u)
{
    chips_stop(&u->c);
    if (u->fd >= 0) {
        close(u->fd);
        g_unlink(u->path);
        g_rmdir(u->dir);
        g_free(u->path);
        g_free(u->dir);
    }
}

static void uart_send(Uart *u, const char *bytes)
{
    g_assert_cmpint(write(u->fd, bytes, strlen(bytes)), ==, strlen(bytes));
}

/* Whether the interrupt is asked for, and why. Being told of an empty transmitter ends it. */
static void expect_interrupt(Uart *u, uint8_t id, const char *what)
{
    if (qtest_get_irq(u->c.s, COM1_GSI) != !(id & 1)) {
        g_error("%s: interrupt is %s", what, id & 1 ? "asked for" : "not asked for");
    }
    chips_expect(&u->c, IIR, id, what);
}

/* Waits until the other end's bytes have made the interrupt. */
static void wait_interrupt(Uart *u)
{
    for (int i = 0; !qtest_get_irq(u->c.s, COM1_GSI); i++) {
        g_assert_cmpint(i, <, 20000);
        g_usleep(1000);
        chips_in(&u->c, SCR);
    }
}

static void set_divisor(Uart *u, uint16_t divisor, uint8_t lcr)
{
    OUT(&u->c, LCR, 0x80 | lcr);
    OUT(&u->c, DATA, divisor);
    OUT(&u->c, IER, divisor >> 8);
    OUT(&u->c, LCR, lcr);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void test_transmitter(const void *machine)
{
    Uart u = uart_start(machine);

    expect_interrupt(&u, 0x01, "at reset");
    OUT(&u.c, IER, 0x02);
    expect_interrupt(&u, 0x02, "enabled while empty");
    expect_interrupt(&u, 0x01, "told");
    OUT(&u.c, IER, 0x03, 0x02);
    expect_interrupt(&u, 0x01, "enabled already");
    OUT(&u.c, IER, 0x00, 0x02);
    expect_interrupt(&u, 0x02, "enabled again");
    OUT(&u.c, DATA, 'a');
    expect_interrupt(&u, 0x02, "sent");
    OUT(&u.c, DATA, 'b');
    OUT(&u.c, IER, 0x00);
    expect_interrupt(&u, 0x01, "disabled");
    OUT(&u.c, IER, 0x02);
    chips_expect(&u.c, LSR, 0x60, "reading other status does not end it");
    chips_expect(&u.c, DATA, 0x00, "nor data");
    expect_interrupt(&u, 0x02, "enabled");
    OUT(&u.c, FCR, 0x01);
    expect_interrupt(&u, 0xc2, "FIFOs on: emptied");
    expect_interrupt(&u, 0xc1, "told");
    OUT(&u.c, FCR, 0x05);
    expect_interrupt(&u, 0xc2, "emptied on demand");
    chips_reset(&u.c);
    expect_interrupt(&u, 0x01, "reset");
    chips_expect(&u.c, IER, 0, "reset");
    uart_stop(&u);
}

/* All four at once; each comes out when what is before it has ended. */
static void test_priority(const void *machine)
{
    Uart u = uart_start(machine);

    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, IER, 0x0f);
    expect_interrupt(&u, 0x02, "transmitter");
    OUT(&u.c, DATA, 1, 2);
    expect_interrupt(&u, 0x06, "overrun");
    expect_interrupt(&u, 0x06, "telling it does not end it");
    chips_expect(&u.c, LSR, 0x63, "overrun");
    expect_interrupt(&u, 0x04, "data");
    chips_expect(&u.c, LSR, 0x61, "overrun is told once");
    chips_expect(&u.c, DATA, 2, "the newer byte");
    expect_interrupt(&u, 0x02, "transmitter");
    expect_interrupt(&u, 0x01, "none");
    chips_expect(&u.c, DATA, 2, "read again");
    OUT(&u.c, DATA, 3, 4);
    OUT(&u.c, IER, 0x0b);
    expect_interrupt(&u, 0x04, "errors disabled");
    OUT(&u.c, IER, 0x0a);
    expect_interrupt(&u, 0x02, "data disabled");
    OUT(&u.c, IER, 0x0f);
    expect_interrupt(&u, 0x06, "the overrun is still there");
    OUT(&u.c, IER, 0x08);
    expect_interrupt(&u, 0x01, "modem status never changes");
    OUT(&u.c, MCR, 0x1f, 0x0f, 0x10);
    expect_interrupt(&u, 0x01, "modem status never changes");
    uart_stop(&u);
}

/* ---- FIFOs ----------------------------------------------------------------------------------- */

static void test_trigger_levels(const void *machine)
{
    static const struct {
        uint8_t fcr;
        int level;
    } triggers[] = { { 0x07, 1 }, { 0x47, 4 }, { 0x87, 8 }, { 0xc7, 14 } };
    Uart u = uart_start(machine);

    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, IER, 0x05);
    for (size_t i = 0; i < G_N_ELEMENTS(triggers); i++) {
        OUT(&u.c, FCR, triggers[i].fcr);
        for (int n = 1; n <= 16; n++) {
            OUT(&u.c, DATA, n);
            expect_interrupt(&u, n >= triggers[i].level ? 0xc4 : 0xc1, "filling");
            chips_expect(&u.c, LSR, 0x61, "data ready");
        }
        OUT(&u.c, DATA, 17);
        expect_interrupt(&u, 0xc6, "one too many");
        chips_expect(&u.c, LSR, 0x63, "overrun");
        for (int n = 1; n <= 16; n++) {
            chips_expect(&u.c, DATA, n, "in order, without the last");
            expect_interrupt(&u, 16 - n >= triggers[i].level ? 0xc4 : 0xc1, "emptying");
            chips_expect(&u.c, LSR, n == 16 ? 0x60 : 0x61, "data ready");
        }
        chips_expect(&u.c, DATA, 0, "empty");
    }
    uart_stop(&u);
}

static void test_fifo_control(const void *machine)
{
    Uart u = uart_start(machine);

    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, IER, 0x01);
    OUT(&u.c, DATA, 9);
    expect_interrupt(&u, 0x04, "without FIFOs");
    OUT(&u.c, FCR, 0x01);
    expect_interrupt(&u, 0xc1, "turned on, empty");
    chips_expect(&u.c, LSR, 0x60, "turned on, empty");
    OUT(&u.c, DATA, 1, 2, 3);
    OUT(&u.c, FCR, 0x81);
    expect_interrupt(&u, 0xc1, "level 8");
    OUT(&u.c, FCR, 0x41);
    expect_interrupt(&u, 0xc1, "level 4");
    OUT(&u.c, DATA, 4);
    expect_interrupt(&u, 0xc4, "level 4");
    OUT(&u.c, FCR, 0x45);
    chips_expect(&u.c, LSR, 0x61, "the transmitter's is another");
    OUT(&u.c, FCR, 0x43);
    expect_interrupt(&u, 0xc1, "emptied");
    chips_expect(&u.c, LSR, 0x60, "emptied");
    OUT(&u.c, DATA, 5);
    OUT(&u.c, FCR, 0x00);
    expect_interrupt(&u, 0x01, "turned off, empty");
    chips_expect(&u.c, DATA, 9, "as it was received without FIFOs");
    OUT(&u.c, FCR, 0xc0);
    OUT(&u.c, DATA, 6);
    expect_interrupt(&u, 0x04, "no level without FIFOs");
    OUT(&u.c, FCR, 0x01);
    OUT(&u.c, DATA, 7);
    expect_interrupt(&u, 0xc4, "and it was not kept");
    uart_stop(&u);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Four characters, of all their bits. 120 baud where time passes as it likes. */
static void check_timeout(Uart *u, uint8_t lcr, int bits)
{
    uint16_t divisor = u->c.steps ? 12 : 960;
    int64_t ns = (int64_t)(4 * bits) * divisor * 1000000000 / 115200;
    uint32_t begin;
    int64_t least, most;

    set_divisor(u, divisor, lcr);
    OUT(&u->c, FCR, 0xc7);
    OUT(&u->c, DATA, 0x42);
    if (u->c.steps) {
        qtest_clock_step(u->c.s, ns - 10);
        expect_interrupt(u, 0xc1, "not yet");
        qtest_clock_step(u->c.s, 20);
        expect_interrupt(u, 0xcc, "waited");
        return;
    }
    begin = qtest_inl(u->c.s, PM_TMR);
    do {
        least = (qtest_inl(u->c.s, PM_TMR) - begin) & PM_TMR_MASK;
        chips_pass(&u->c, 10 * MS);
        most = (qtest_inl(u->c.s, PM_TMR) - begin) & PM_TMR_MASK;
    } while (!qtest_get_irq(u->c.s, COM1_GSI));
    g_assert_cmpint(least * 1000000000 / PM_TMR_HZ, <=, ns);
    g_assert_cmpint(most * 1000000000 / PM_TMR_HZ, >=, ns);
    expect_interrupt(u, 0xcc, "waited");
}

static void test_timeout_length(const void *machine)
{
    static const struct {
        uint8_t lcr, bits;
    } frames[] = { { 0x00, 7 }, { 0x01, 8 }, { 0x02, 9 }, { 0x03, 10 }, { 0x07, 11 }, { 0x1b, 11 },
                   { 0x3b, 11 }, { 0x1f, 12 }, { 0x04, 8 }, { 0x43, 10 } };
    Uart u = uart_start(machine);

    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, IER, 0x01);
    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        check_timeout(&u, frames[i].lcr, frames[i].bits);
    }
    uart_stop(&u);
}

/* Longer than four characters at 9600 baud, 8 bits. */
#define LONG_ENOUGH (20 * MS)

static void test_timeout(const void *machine)
{
    Uart u = uart_start(machine);

    set_divisor(&u, 12, 0x03);
    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, IER, 0x01);
    OUT(&u.c, FCR, 0xc7);
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xc1, "empty");
    OUT(&u.c, DATA, 1, 2, 3);
    expect_interrupt(&u, 0xc1, "below the level");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xcc, "waited");
    chips_expect(&u.c, LSR, 0x61, "data ready");
    OUT(&u.c, DATA, 4);
    expect_interrupt(&u, 0xcc, "a further byte does not end it");
    chips_expect(&u.c, DATA, 1, "data");
    expect_interrupt(&u, 0xc1, "reading does");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xcc, "again for what is left");
    for (int n = 5; n < 18; n++) {
        OUT(&u.c, DATA, n);
    }
    expect_interrupt(&u, 0xcc, "comes before the level");
    chips_expect(&u.c, DATA, 2, "data");
    expect_interrupt(&u, 0xc4, "the level");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xcc, "waited above the level");
    OUT(&u.c, IER, 0x00);
    expect_interrupt(&u, 0xc1, "disabled");
    OUT(&u.c, IER, 0x01);
    expect_interrupt(&u, 0xcc, "enabled");
    OUT(&u.c, FCR, 0xc3);
    expect_interrupt(&u, 0xc1, "emptied");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xc1, "emptied");
    OUT(&u.c, DATA, 1);
    chips_expect(&u.c, DATA, 1, "read in time");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0xc1, "read in time");
    OUT(&u.c, IER, 0x00);
    OUT(&u.c, DATA, 1);
    chips_pass(&u.c, LONG_ENOUGH);
    OUT(&u.c, IER, 0x01);
    expect_interrupt(&u, 0xcc, "while disabled");
    OUT(&u.c, FCR, 0x00);
    OUT(&u.c, DATA, 1);
    chips_expect(&u.c, DATA, 1, "without FIFOs");
    chips_pass(&u.c, LONG_ENOUGH);
    expect_interrupt(&u, 0x01, "without FIFOs");
    if (u.c.steps) {
        OUT(&u.c, FCR, 0xc7);
        OUT(&u.c, DATA, 1, 2);
        qtest_clock_step(u.c.s, 4 * MS);
        OUT(&u.c, DATA, 3);
        qtest_clock_step(u.c.s, 4 * MS);
        expect_interrupt(&u, 0xc1, "from the last byte that came");
        chips_expect(&u.c, DATA, 1, "data");
        qtest_clock_step(u.c.s, 4 * MS);
        expect_interrupt(&u, 0xc1, "from the last that was read");
        qtest_clock_step(u.c.s, 1 * MS);
        expect_interrupt(&u, 0xcc, "waited");
    }
    uart_stop(&u);
}

/* ---- the other end --------------------------------------------------------------------------- */

static void test_break(const void *machine)
{
    Uart u = uart_start_connected(machine);

    OUT(&u.c, IER, 0x05);
    uart_send(&u, BREAK);
    wait_interrupt(&u);
    expect_interrupt(&u, 0x06, "break");
    chips_expect(&u.c, LSR, 0x71, "break");
    expect_interrupt(&u, 0x04, "its byte");
    chips_expect(&u.c, LSR, 0x61, "told once");
    chips_expect(&u.c, DATA, 0, "zeros");
    expect_interrupt(&u, 0x01, "over");
    OUT(&u.c, IER, 0x04);
    OUT(&u.c, FCR, 0xc1);
    uart_send(&u, "a" BREAK);
    wait_interrupt(&u);
    expect_interrupt(&u, 0xc6, "break");
    chips_expect(&u.c, LSR, 0x71, "break");
    expect_interrupt(&u, 0xc1, "below the level");
    chips_expect(&u.c, DATA, 'a', "before it");
    chips_expect(&u.c, DATA, 0, "its byte");
    chips_expect(&u.c, LSR, 0x60, "that was all");
    uart_stop(&u);
}

static void expect_received(Uart *u, const char *bytes)
{
    for (size_t i = 0; bytes[i]; i++) {
        for (int tries = 0; !(chips_in(&u->c, LSR) & 1); tries++) {
            g_assert_cmpint(tries, <, 20000);
            g_usleep(1000);
        }
        chips_expect(&u->c, DATA, bytes[i], "received");
    }
}

/* The other end waits where there is no room, and nothing of its is lost. */
static void test_flow(const void *machine)
{
    Uart u = uart_start_connected(machine);
    char got[4];

    OUT(&u.c, IER, 0x05);
    uart_send(&u, "abc");
    wait_interrupt(&u);
    g_usleep(20000);
    expect_interrupt(&u, 0x04, "no overrun");
    expect_received(&u, "abc");
    OUT(&u.c, FCR, 0xc1);
    uart_send(&u, "0123456789abcdefghijklmnopqrstuvwxyz");
    wait_interrupt(&u);
    g_usleep(20000);
    expect_interrupt(&u, 0xc4, "no overrun");
    expect_received(&u, "0123456789abcdefghijklmnopqrstuvwxyz");
    OUT(&u.c, DATA, 'x', 'y', 'z');
    chips_expect(&u.c, LSR, 0x60, "sent");
    g_assert_cmpint(recv(u.fd, got, 3, MSG_WAITALL), ==, 3);
    g_assert_cmpmem(got, 3, "xyz", 3);
    OUT(&u.c, MCR, LOOP);
    OUT(&u.c, DATA, 'l');
    OUT(&u.c, MCR, 0);
    OUT(&u.c, DATA, 'o');
    g_assert_cmpint(recv(u.fd, got, 1, MSG_WAITALL), ==, 1);
    g_assert_cmpint(got[0], ==, 'o');               /* what was looped did not go out */
    expect_received(&u, "l");
    if (qtest_is_elastic()) {       /* stock lets in what comes while the line is cut off */
        OUT(&u.c, MCR, LOOP);
        uart_send(&u, "in" BREAK "out");
        g_usleep(20000);
        chips_expect(&u.c, LSR, 0x60, "cut off");
        OUT(&u.c, MCR, 0);
        expect_received(&u, "in");
    }
    uart_stop(&u);
}

/* While nobody takes the bytes, the guest sees that, and can go back on it. */
static void test_blocked(const void *machine)
{
    Uart u = uart_start_connected(machine);
    g_autofree char *sink = g_malloc(4096);
    size_t written;

    OUT(&u.c, FCR, 0x01);
    OUT(&u.c, IER, 0x02);
    expect_interrupt(&u, 0xc2, "empty");
    for (written = 0; chips_in(&u.c, LSR) & 0x20; written++) {
        g_assert_cmpint(written, <, 4 * 1024 * 1024);
        OUT(&u.c, DATA, written);
    }
    chips_expect(&u.c, LSR, 0x00, "full");
    expect_interrupt(&u, 0xc1, "nothing to tell");
    OUT(&u.c, IER, 0x00, 0x02);
    expect_interrupt(&u, 0xc1, "enabled, not empty");
    OUT(&u.c, DATA, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
    chips_expect(&u.c, LSR, 0x00, "full");
    OUT(&u.c, FCR, 0x05);
    expect_interrupt(&u, 0xc2, "emptied on demand");
    chips_expect(&u.c, LSR, 0x20, "but for the byte on its way");
    OUT(&u.c, DATA, 0x55);
    chips_expect(&u.c, LSR, 0x00, "full again");
    for (size_t got = 0; got < written;) {          /* the one that waited was dropped */
        ssize_t n = recv(u.fd, sink, MIN(written - got, 4096), 0);

        g_assert_cmpint(n, >, 0);
        for (ssize_t i = 0; i < n; i++) {
            uint8_t expected = got + i == written - 1 ? 0x55 : got + i;

            g_assert_cmphex((uint8_t)sink[i], ==, expected);
        }
        got += n;
    }
    wait_interrupt(&u);
    expect_interrupt(&u, 0xc2, "empty by itself");
    chips_expect(&u.c, LSR, 0x60, "empty by itself");
    uart_stop(&u);
}

/* ---- registers ------------------------------------------------------------------------------- */

static void test_registers(const void *machine)
{
    static const uint8_t at_reset[] = { 0, 0, 0x01, 0, 0x08, 0x60, 0xb0, 0 };
    Uart u = uart_start(machine);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 8; i++) {
            chips_expect(&u.c, COM1 + i, at_reset[i], "at reset");
        }
        OUT(&u.c, LCR, 0x80);
        chips_expect(&u.c, DATA, 12, "divisor");
        chips_expect(&u.c, IER, 0, "divisor");
        OUT(&u.c, DATA, 0xff);
        chips_expect(&u.c, IER, 0, "one byte of the divisor");
        OUT(&u.c, IER, 0xee);
        chips_expect(&u.c, DATA, 0xff, "the other byte of the divisor");
        chips_expect(&u.c, IER, 0xee, "divisor");
        OUT(&u.c, LCR, 0x7f);
        chips_expect(&u.c, LCR, 0x7f, "all its bits");
        chips_expect(&u.c, IER, 0, "its own again");
        OUT(&u.c, IER, 0xff);
        chips_expect(&u.c, IER, 0x0f, "four sources");
        OUT(&u.c, MCR, 0xff);
        chips_expect(&u.c, MCR, 0x1f, "five bits");
        OUT(&u.c, LSR, 0);
        OUT(&u.c, MSR, 0);
        chips_expect(&u.c, LSR, 0x60, "read-only");
        chips_expect(&u.c, MSR, 0xf0, "looped");
        OUT(&u.c, SCR, 0x5a);
        chips_expect(&u.c, SCR, 0x5a, "scratch");
        OUT(&u.c, DATA, 0x77);
        OUT(&u.c, FCR, 0xc1);
        OUT(&u.c, DATA, 0x78);
        chips_reset(&u.c);
    }
    for (int value = 0; value < 32; value++) {
        uint8_t looped = (value & 2) << 3 | (value & 1) << 5 | (value & 4) << 4 | (value & 8) << 4;

        OUT(&u.c, MCR, value);
        chips_expect(&u.c, MSR, value & LOOP ? looped : 0xb0, "modem lines");
    }
    uart_stop(&u);
}

int main(int argc, char **argv)
{
    static const ChipTest tests[] = {
        { "transmitter", test_transmitter }, { "priority", test_priority },
        { "trigger-levels", test_trigger_levels }, { "fifo-control", test_fifo_control },
        { "timeout-length", test_timeout_length }, { "timeout", test_timeout },
        { "break", test_break }, { "flow", test_flow }, { "blocked", test_blocked },
        { "registers", test_registers },
    };

    g_test_init(&argc, &argv, NULL);
    chips_add_tests("uart", tests, G_N_ELEMENTS(tests));
    return g_test_run();
}
