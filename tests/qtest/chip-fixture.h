/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for tests of the old chips, with time that passes: by steps of the virtual clock, or,
 * in an emulator that has no qtest accelerator (Debian's QEMU), by letting the machine run for a
 * while with a processor that halts at once. Then it is stopped again, so that all that is read
 * is of one moment, and the ACPI timer tells which.
 */
#ifndef CHIP_FIXTURE_H
#define CHIP_FIXTURE_H

#include "libqtest-raw.h"

#define MS 1000000                      /* ns */
#define PM_BASE 0x600                   /* PM1 status, enable, control; the timer at 8 */
#define PM_TMR (PM_BASE + 8)
#define PM_TMR_HZ 3579545
#define PM_TMR_MASK 0xffffff

typedef struct Chips {
    QTestState *s;
    bool steps;                         /* time passes in steps of a nanosecond, and no other way */
    bool q35;
} Chips;

/* -machine @machine and @args; ACPI's registers are at PM_BASE, the ioapic's inputs intercepted. */
Chips chips_start(const char *machine, const char *args);
void chips_stop(Chips *c);
/* After a system reset, which waits until it has happened. */
void chips_reset(Chips *c);
/* Maps ACPI's registers, as nobody has since the reset. */
void chips_map_pm(Chips *c);
/* Lets @ns pass, or a little more where there are no steps. */
void chips_pass(Chips *c, int64_t ns);
/* The virtual clock. Only with steps. */
int64_t chips_now(Chips *c);

void chips_out(Chips *c, uint16_t port, const uint8_t *bytes, size_t nb_bytes);
/* Writes all the bytes named to one port. */
#define OUT(c, port, ...) \
    chips_out(c, port, (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }))
uint8_t chips_in(Chips *c, uint16_t port);
/* Fails with @what when the port does not read so. */
void chips_expect(Chips *c, uint16_t port, uint8_t expected, const char *what);
/* Each test as /@chip/MACHINE/NAME for both machines. */
typedef struct ChipTest {
    const char *name;
    void (*run)(const void *machine);
} ChipTest;
void chips_add_tests(const char *chip, const ChipTest *tests, size_t nb_tests);

#endif
