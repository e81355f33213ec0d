/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line said that boards and devices ask for.
 */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#define MAX_SERIAL_PORTS 4

/* The character device of -serial @i (0-based), or NULL. Set by main.c. */
Chardev *serial_hd(int i);
void serial_hd_set(int i, Chardev *chr);

/* -name, -uuid. NULL / all zero when not given. */
extern const char *qemu_name;
extern uint8_t qemu_uuid[16];
extern bool qemu_uuid_set;
/* Guest memory is to be locked (no option asks for it yet: never). */
bool should_mlock(void);
/* -nodefaults was not given. */
extern bool defaults_enabled;
void qemu_get_uuid_string(char out[37]);

#endif /* SYSTEM_SYSTEM_H */
