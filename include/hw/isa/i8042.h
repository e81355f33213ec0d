/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyboard controller's ports 0x60 and 0x64 and the fast A20 port 0x92, on the ISA bus.
 * No keyboard or mouse is attached: the controller answers its own commands, is never busy, and
 * pulses the reset line on 0xfe (and on outputs with bit 0 clear). Port 0x92 bit 0 resets too.
 */
#ifndef HW_ISA_I8042_H
#define HW_ISA_I8042_H

#include "hw/isa/isa.h"

#define TYPE_I8042 "i8042"
#define TYPE_PORT92 "port92"

#endif /* HW_ISA_I8042_H */
