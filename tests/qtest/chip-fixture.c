/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time and ports for tests of the old chips; see the header. */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "chip-fixture.h"

#define FIRMWARE_SIZE 65536

static char *firmware;                  /* path, where one is needed */

/* Wherever the processor starts in it: cli, hlt, and again. */
static void make_firmware(void)
{
    static const uint8_t code[] = { 0xfa, 0xf4, 0xeb, 0xfc };
    g_autofree uint8_t *image = g_malloc(FIRMWARE_SIZE);
    int fd = g_file_open_tmp("chip-test-XXXXXX", &firmware, NULL);

    g_assert_cmpint(fd, >=, 0);
    for (size_t i = 0; i < FIRMWARE_SIZE; i++) {
        image[i] = code[i % sizeof(code)];
    }
    g_assert_cmpint(write(fd, image, FIRMWARE_SIZE), ==, FIRMWARE_SIZE);
    close(fd);
}

static void remove_firmware(void)
{
    if (firmware) {
        g_unlink(firmware);
        g_clear_pointer(&firmware, g_free);
    }
}

static bool clock_steps(QTestState *s)
{
    g_autofree char *answer = qtest_raw(s, "clock_step 0");

    return g_str_has_prefix(answer, "OK");
}

void chips_map_pm(Chips *c)
{
    uint32_t function = 0x80000000 | (c->q35 ? 31 << 11 : 1 << 11 | 3 << 8);

    qtest_outl(c->s, 0xcf8, function | 0x40);
    qtest_outl(c->s, 0xcfc, PM_BASE | 1);
    qtest_outl(c->s, 0xcf8, function | (c->q35 ? 0x44 : 0x80));
    qtest_outb(c->s, 0xcfc, c->q35 ? 0x80 : 0x01);
}

Chips chips_start(const char *machine, const char *args)
{
    Chips c = { .q35 = g_str_has_prefix(machine, "q35") };

    c.s = qtest_initf("-nodefaults -machine %s %s", machine, args);
    c.steps = clock_steps(c.s);
    if (!c.steps) {
        qtest_quit(c.s);
        if (!firmware) {
            make_firmware();
        }
        c.s = qtest_initf("-nodefaults -machine %s -bios %s %s", machine, firmware, args);
    }
    chips_map_pm(&c);
    qtest_irq_intercept_in(c.s, "ioapic");
    return c;
}

void chips_stop(Chips *c)
{
    qtest_quit(c->s);
}

void chips_reset(Chips *c)
{
    qtest_qmp_assert_success(c->s, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(c->s, "RESET");
}

void chips_pass(Chips *c, int64_t ns)
{
    if (c->steps) {
        qtest_clock_step(c->s, ns);
        return;
    }
    qtest_qmp_assert_success(c->s, "{'execute': 'cont'}");
    g_usleep(ns / 1000 + 1);
    qtest_qmp_assert_success(c->s, "{'execute': 'stop'}");
}

int64_t chips_now(Chips *c)
{
    g_assert_true(c->steps);
    return qtest_clock_step(c->s, 0);
}

void chips_out(Chips *c, uint16_t port, const uint8_t *bytes, size_t nb_bytes)
{
    for (size_t i = 0; i < nb_bytes; i++) {
        qtest_outb(c->s, port, bytes[i]);
    }
}

uint8_t chips_in(Chips *c, uint16_t port)
{
    return qtest_inb(c->s, port);
}

void chips_expect(Chips *c, uint16_t port, uint8_t expected, const char *what)
{
    uint8_t value = qtest_inb(c->s, port);

    if (value != expected) {
        g_error("%s: port 0x%x reads 0x%02x, expected 0x%02x", what, port, value, expected);
    }
}

void chips_add_tests(const char *chip, const ChipTest *tests, size_t nb_tests)
{
    static const char *const machines[] = { "pc", "q35" };

    atexit(remove_firmware);
    for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
        for (size_t i = 0; i < nb_tests; i++) {
            g_autofree char *path = g_strdup_printf("/%s/%s/%s", chip, machines[m], tests[i].name);

            qtest_add_data_func(path, machines[m], tests[i].run);
        }
    }
}
