/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550A UART: "serial" is the chip, "isa-serial" the chip at a PC's COM ports. Bytes go to a
 * Chardev, which may be absent: then output vanishes and nothing ever arrives. Output never makes
 * the guest wait: while the peer takes nothing the transmitter stays full, and the guest sees that.
 * Source: National Semiconductor PC16550D datasheet.
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "hw/char/serial-isa.h"
#include "hw/core/qdev.h"
#include "chardev/char.h"
#include "system/memory.h"

#define TYPE_SERIAL "serial"
OBJECT_DECLARE_SIMPLE_TYPE(SerialState, SERIAL)

#define UART_FIFO_LENGTH 16

/* Bytes in order. Without FIFOs the receiver's and the transmitter's have room for one. */
typedef struct UartQueue {
    uint8_t bytes[UART_FIFO_LENGTH];
    uint8_t first;
    uint8_t count;
} UartQueue;

struct SerialState {
    DeviceState parent;

    Chardev *chr;                 /* property "chardev"; NULL: none */
    qemu_irq irq;
    MemoryRegion io;

    uint16_t divisor;
    uint8_t ier;
    uint8_t fcr;                  /* FIFO enable and trigger level */
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scr;
    uint8_t line_errors;          /* the part of LSR that is not told by the queues */
    uint8_t last_received;        /* what RBR shows without FIFOs when there is nothing new */
    UartQueue receiver;
    UartQueue transmitter;
    bool transmitter_emptied;     /* and the guest has not been told */
    bool shifting;                /* the shift register holds a byte that the peer has not taken */
    uint8_t shift_register;
    bool receiver_waited;         /* received bytes have waited for four characters' time */
    QEMUTimer *wait_timer;        /* until they have */
    guint watch_tag;              /* waits until the peer takes output; 0: none */
    uint32_t baudbase;            /* baud rate of divisor 1 */
};

#endif /* HW_CHAR_SERIAL_H */
