/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254 interval timer at ports 0x40 to 0x43 and the speaker control port 0x61. Where the
 * accelerator has its own, the objects exist without ports. Source: Intel 8254 datasheet.
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/isa/isa.h"

#define TYPE_I8254 "isa-pit"
#define TYPE_PC_SPEAKER "isa-pcspk"
#define PIT_FREQ 1193182

/* Timer at 0x40 with channel 0 driving ISA interrupt @isa_irq (0), and its speaker port. */
ISADevice *i8254_pit_create(ISABus *bus, int isa_irq);

#endif /* HW_TIMER_I8254_H */
