/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O APIC: 24 inputs, each with a redirection entry that says which message it sends. The gpio
 * inputs are what tests intercept. Where the accelerator has its own I/O APIC the registers are
 * not mapped and the inputs are the accelerator's GSIs.
 * Source: Intel 82093AA datasheet; version 0x20 with the EOI register.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/core/sysbus.h"

#define TYPE_IOAPIC "ioapic"
#define IOAPIC_NUM_PINS 24
#define IO_APIC_DEFAULT_ADDRESS 0xfec00000
#define APIC_DEFAULT_ADDRESS 0xfee00000
#define APIC_SPACE_SIZE 0x100000

/* The child "ioapic" of @parent (the host bridge), mapped at the default address. */
DeviceState *ioapic_create(Object *parent);

/*
 * The window 0xfee00000 of 1 MiB into which devices write their messages: gives them to the
 * accelerator, or, where that takes none, to nobody. To be mapped by the machine with a high
 * priority (4096). Reads are 0.
 */
void apic_msi_region_init(MemoryRegion *mr, Object *owner);

/*
 * The interrupt lines of a PC, GSIs 0 to 23: 0 to 15 drive the PIC as well as the I/O APIC object's
 * input of the same number. Input 0 acts as pin 2, as the MADT says. Where the accelerator has the
 * interrupt controllers only the I/O APIC object is told, and input n is the accelerator's GSI n.
 */
typedef struct GSIState {
    qemu_irq i8259_irq[16];
    qemu_irq ioapic_irq[IOAPIC_NUM_PINS];
} GSIState;

/* The 24 lines; @s is filled in later, before any is raised, with what i8259_init() and
 * qdev_get_gpio_in(ioapic, n) give. */
qemu_irq *gsi_create(GSIState *s);

#endif /* HW_INTC_IOAPIC_H */
