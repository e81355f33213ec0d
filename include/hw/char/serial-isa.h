/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "isa-serial": a 16550A (hw/char/serial.h) at the ports and interrupt of a PC's COM port.
 */
#ifndef HW_CHAR_SERIAL_ISA_H
#define HW_CHAR_SERIAL_ISA_H

#include "hw/isa/isa.h"

#define TYPE_ISA_SERIAL "isa-serial"
#define MAX_ISA_SERIAL_PORTS 4

/* COM port @index (0 to 3) on @chr (NULL: none). NULL with @errp, e.g. if @chr is in use. */
ISADevice *serial_isa_create(ISABus *bus, int index, Chardev *chr, Error **errp);
/* COM @from to @to - 1, each where the command line has a -serial for it; exits on failure. */
void serial_hds_isa_init(ISABus *bus, int from, int to);

#endif /* HW_CHAR_SERIAL_ISA_H */
