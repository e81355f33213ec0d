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
/* Whether the memory of the process is to be locked. Options that ask for it are refused so far. */
typedef enum MlockState {
    MLOCK_OFF,
    MLOCK_ON,
    MLOCK_ON_FAULT,     /* each page when it is first touched */
} MlockState;
extern MlockState mlock_state;
/* Is @state one that locks? */
bool should_mlock(MlockState state);
/* -nodefaults was not given. */
extern bool defaults_enabled;
void qemu_get_uuid_string(char out[37]);

#endif /* SYSTEM_SYSTEM_H */
