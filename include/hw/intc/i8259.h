/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of 8259A interrupt controllers of a PC, types "isa-i8259", and their ELCR ports.
 * Where the accelerator has its own, the objects are still there, so that their lines have names:
 * their ports are not mapped and the inputs go to the accelerator.
 * Source: Intel 8259A datasheet; ELCR: 82371SB datasheet.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/isa/isa.h"

#define TYPE_I8259 "isa-i8259"

/*
 * Master at 0x20 and slave at 0xa0. @parent_irq (may be NULL) is INT of the master. Returns the 16
 * input lines, to be freed by the caller (the array, not the lines).
 */
qemu_irq *i8259_init(ISABus *bus, qemu_irq parent_irq);
#endif /* HW_INTC_I8259_H */
