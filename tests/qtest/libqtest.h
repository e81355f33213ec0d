/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test side of qtest: starts the emulator named by QTEST_QEMU_BINARY,
 * speaks the qtest line protocol and QMP with it, and leaves nothing behind.
 * Names and meanings are QEMU's, so that tests run in either tree. Addresses
 * are guest physical, sizes bytes. Any protocol error, a `FAIL` answer, an
 * emulator that dies or is silent for 50 s aborts the test. Not thread-safe: a
 * QTestState belongs to the thread that made it.
 */
#ifndef LIBQTEST_H
#define LIBQTEST_H

#include "qobject/qobject.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

typedef struct QTestState QTestState;

/* ---- life ---- */

/*
 * Starts the emulator with these further arguments (words of the shell's, as QTEST_QEMU_BINARY is,
 * which may hold a wrapper) and does QMP's handshake. It has no display, a chardev "char0" for QMP,
 * and the accelerator "qtest", whatever extra_args say.
 */
QTestState *qtest_init(const char *extra_args);
QTestState *qtest_initf(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
QTestState *qtest_vinitf(const char *fmt, va_list ap) G_GNUC_PRINTF(1, 0);
/* As qtest_init(), but QMP stays before capabilities negotiation (and its greeting unread). */
QTestState *qtest_init_without_qmp_handshake(const char *extra_args);
/*
 * Ends the emulator with SIGTERM, after 30 s with SIGKILL; it has to exit with the expected status
 * (0). Frees s.
 */
void qtest_quit(QTestState *s);
/* The same in two steps, to be followed by qtest_quit(). */
void qtest_kill_qemu(QTestState *s);
/* Waits for an emulator that is about to exit by itself, then checks its status. */
void qtest_wait_qemu(QTestState *s);
void qtest_set_expected_status(QTestState *s, int status);
/* False when the emulator has gone (its status is checked then). */
bool qtest_probe_child(QTestState *s);
pid_t qtest_pid(QTestState *s);

/* ---- what can be tested ---- */

/* "x86_64": what follows the last "-system-" of the binary's name. */
const char *qtest_get_arch(void);
/* By `-machine help` (query-machines), aliases and names alike. */
bool qtest_has_machine(const char *machine);
/* By qom-list-types, without abstract types. */
bool qtest_has_device(const char *device);
void qtest_add_func(const char *path, void (*fn)(void));
void qtest_add_data_func(const char *path, const void *data, void (*fn)(const void *));
void qtest_add_data_func_full(const char *path, void *data, void (*fn)(const void *),
                              GDestroyNotify data_free_func);

/* ---- QMP; templates as in qobject/qjson.h ---- */

/* Sends and returns the whole answer ({"return": …} or {"error": …}); events are queued. */
QDict *qtest_qmp(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
QDict *qtest_vqmp(QTestState *s, const char *fmt, va_list ap) G_GNUC_PRINTF(2, 0);
void qtest_qmp_send(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Sends bytes as they are. */
void qtest_qmp_send_raw(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The next message that is no event, or the next message at all. */
QDict *qtest_qmp_receive(QTestState *s);
QDict *qtest_qmp_receive_dict(QTestState *s);

void qtest_qmp_assert_success(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Hands over "return", or NULL if that is no object. */
QDict *qtest_qmp_assert_success_ref(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Hands over the "error" object. */
QDict *qtest_qmp_assert_failure_ref(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* device_add with further properties, a template of an object such as "{'addr': %s}". */
void qtest_qmp_device_add(QTestState *s, const char *driver, const char *id, const char *fmt, ...)
    G_GNUC_PRINTF(4, 5);
/* Asks for a system reset, and waits until it has been done. */
void qtest_system_reset(QTestState *s);

/* A command of the human monitor; what it printed, to be freed. */
char *qtest_hmp(QTestState *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Waits for the event; earlier ones of other names are dropped. */
void qtest_qmp_eventwait(QTestState *s, const char *event);
QDict *qtest_qmp_eventwait_ref(QTestState *s, const char *event);
/* The event if it has been received (while another answer was read), else NULL; never waits. */
QDict *qtest_qmp_event_ref(QTestState *s, const char *event);

bool qtest_qom_get_bool(QTestState *s, const char *path, const char *property);
void qtest_qom_set_bool(QTestState *s, const char *path, const char *property, bool value);

/* ---- interrupts ---- */

/* From now on the levels of the device's input or output lines are reported, and not delivered. */
void qtest_irq_intercept_in(QTestState *s, const char *qom_path);
void qtest_irq_intercept_out(QTestState *s, const char *qom_path);
bool qtest_get_irq(QTestState *s, int num);
void qtest_set_irq_in(QTestState *s, const char *qom_path, const char *name, int num, int level);

/* ---- ports ---- */

void qtest_outb(QTestState *s, uint16_t addr, uint8_t value);
void qtest_outw(QTestState *s, uint16_t addr, uint16_t value);
void qtest_outl(QTestState *s, uint16_t addr, uint32_t value);
uint8_t qtest_inb(QTestState *s, uint16_t addr);
uint16_t qtest_inw(QTestState *s, uint16_t addr);
uint32_t qtest_inl(QTestState *s, uint16_t addr);

/* ---- memory; single accesses are in the target's byte order ---- */

void qtest_writeb(QTestState *s, uint64_t addr, uint8_t value);
void qtest_writew(QTestState *s, uint64_t addr, uint16_t value);
void qtest_writel(QTestState *s, uint64_t addr, uint32_t value);
void qtest_writeq(QTestState *s, uint64_t addr, uint64_t value);
uint8_t qtest_readb(QTestState *s, uint64_t addr);
uint16_t qtest_readw(QTestState *s, uint64_t addr);
uint32_t qtest_readl(QTestState *s, uint64_t addr);
uint64_t qtest_readq(QTestState *s, uint64_t addr);
/* In hexadecimal (mem…) or base64 (buf…); a size of 0 does nothing. */
void qtest_memread(QTestState *s, uint64_t addr, void *data, size_t size);
void qtest_memwrite(QTestState *s, uint64_t addr, const void *data, size_t size);
void qtest_bufread(QTestState *s, uint64_t addr, void *data, size_t size);
void qtest_bufwrite(QTestState *s, uint64_t addr, const void *data, size_t size);
void qtest_memset(QTestState *s, uint64_t addr, uint8_t pattern, size_t size);
bool qtest_big_endian(QTestState *s);

/* ---- the virtual clock, in nanoseconds; each returns the new time ---- */

int64_t qtest_clock_step(QTestState *s, int64_t step);
int64_t qtest_clock_step_next(QTestState *s);
int64_t qtest_clock_set(QTestState *s, int64_t value);

#endif
