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

typedef struct SerialFifo {
    uint8_t data[UART_FIFO_LENGTH];
    unsigned head;
    unsigned num;
} SerialFifo;

struct SerialState {
    DeviceState parent;

    Chardev *chr;                 /* property "chardev"; NULL: none */
    qemu_irq irq;
    MemoryRegion io;

    uint16_t divider;
    uint8_t rbr;                  /* byte received without FIFO */
    uint8_t thr;                  /* byte to be sent without FIFO */
    uint8_t ier;
    uint8_t iir;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t lsr;
    uint8_t scr;
    uint8_t fcr;
    uint8_t recv_fifo_itl;        /* trigger level of the receive FIFO */
    bool thr_ipending;            /* transmitter empty, not yet told */
    bool timeout_ipending;        /* bytes below the trigger level have waited long enough */
    SerialFifo recv_fifo;
    SerialFifo xmit_fifo;
    guint watch_tag;              /* waits until the peer takes output; 0: none */
    QEMUTimer *fifo_timeout_timer;
    uint64_t char_transmit_time;  /* ns for one byte at the baud rate set */
    uint32_t baudbase;
};

#endif /* HW_CHAR_SERIAL_H */
