/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line said that boards and devices below it ask for: serial ports, name, UUID.
 * Written by the command line before the machine is made, read-only afterwards.
 */
#include "qemu/osdep.h"

#include "system/system.h"

const char *qemu_name;
uint8_t qemu_uuid[16];
bool qemu_uuid_set;
bool defaults_enabled = true;
MlockState mlock_state = MLOCK_OFF;

static Chardev *serial_ports[MAX_SERIAL_PORTS];

Chardev *serial_hd(int i)
{
    return i >= 0 && i < MAX_SERIAL_PORTS ? serial_ports[i] : NULL;
}

void serial_hd_set(int i, Chardev *chr)
{
    assert(i >= 0 && i < MAX_SERIAL_PORTS);
    serial_ports[i] = chr;
}

bool should_mlock(MlockState state)
{
    return state != MLOCK_OFF;
}

/* RFC 4122 section 3: groups of 4, 2, 2, 2 and 6 bytes. */
void qemu_get_uuid_string(char out[37])
{
    char *p = out;

    for (unsigned i = 0; i < sizeof(qemu_uuid); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        p += sprintf(p, "%02x", qemu_uuid[i]);
    }
}
