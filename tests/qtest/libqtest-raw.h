/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of this tree alone need beyond QEMU's libqtest: single lines of
 * the protocol with their answers, also the refused ones.
 */
#ifndef LIBQTEST_RAW_H
#define LIBQTEST_RAW_H

#include "libqtest.h"

/* Sends one line (without its newline) and returns the answer's line, which the caller frees. */
char *qtest_raw(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Sends bytes as they are, and reads one answer's line. */
void qtest_raw_send(QTestState *s, const void *bytes, size_t len);
char *qtest_raw_receive(QTestState *s);

/*
 * Whether the emulator runs with the accelerator "qtest", so that clock_step works: all but those
 * built without it, as Debian's, whose clock goes on by itself.
 */
bool qtest_clock_is_virtual(QTestState *s);

/* True for our emulator: its version names the package "elastic". */
bool qtest_is_elastic(void);
/* major * 10000 + minor * 100 + micro, of the emulator under test. */
unsigned qtest_version(void);

#endif
