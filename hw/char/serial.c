/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 16550A: a receiver and a transmitter with a queue each, the sources of its interrupt in a
 * table in order of priority, loopback. Bytes are handed to the chardev at once, not at the pace
 * of a wire; the baud rate only sets how long received bytes below the trigger level wait.
 * LSR, IIR and MSR are computed when they are read. Source: PC16550D datasheet, section 8.
 */
#include "qemu/osdep.h"
#include "hw/char/serial.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "qapi/error.h"
#include "qemu/timer.h"

/* Registers; those of the divisor are in place of the first two while DLAB is set. */
enum { UART_DATA, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR };

#define UART_IER_RECEIVED 0x01
#define UART_IER_THRE 0x02
#define UART_IER_LINE_STATUS 0x04
#define UART_IER_ALL 0x0f

#define UART_IIR_NONE 0x01
#define UART_IIR_THRE 0x02
#define UART_IIR_RECEIVED 0x04
#define UART_IIR_LINE_STATUS 0x06
#define UART_IIR_TIMEOUT 0x0c
#define UART_IIR_FIFOS 0xc0

#define UART_FCR_ENABLE 0x01
#define UART_FCR_CLEAR_RECEIVER 0x02
#define UART_FCR_CLEAR_TRANSMITTER 0x04
#define UART_FCR_KEPT 0xc9
#define UART_FCR_TRIGGER(fcr) ((fcr) >> 6)

#define UART_LCR_DATA_BITS(lcr) (5 + ((lcr) & 3))
#define UART_LCR_TWO_STOP_BITS 0x04
#define UART_LCR_PARITY 0x08
#define UART_LCR_DLAB 0x80

#define UART_MCR_DTR 0x01
#define UART_MCR_RTS 0x02
#define UART_MCR_OUT1 0x04
#define UART_MCR_OUT2 0x08
#define UART_MCR_LOOP 0x10
#define UART_MCR_ALL 0x1f

#define UART_LSR_DATA_READY 0x01
#define UART_LSR_OVERRUN 0x02
#define UART_LSR_BREAK 0x10
#define UART_LSR_THRE 0x20
#define UART_LSR_TEMT 0x40

#define UART_MSR_CTS 0x10
#define UART_MSR_DSR 0x20
#define UART_MSR_RI 0x40
#define UART_MSR_DCD 0x80

#define UART_DIVISOR_AT_RESET 12    /* 9600 baud */
#define UART_TIMEOUT_CHARACTERS 4

/* ---- queues ---------------------------------------------------------------------------------- */

static bool serial_has_fifos(const SerialState *s)
{
    return s->fcr & UART_FCR_ENABLE;
}

static unsigned serial_queue_room(const SerialState *s, const UartQueue *q)
{
    return (serial_has_fifos(s) ? UART_FIFO_LENGTH : 1) - q->count;
}

static uint8_t *uart_queue_at(UartQueue *q, unsigned n)
{
    return &q->bytes[(q->first + n) % UART_FIFO_LENGTH];
}

static void uart_queue_add(UartQueue *q, uint8_t byte)
{
    *uart_queue_at(q, q->count++) = byte;
}

static uint8_t uart_queue_take(UartQueue *q)
{
    uint8_t byte = *uart_queue_at(q, 0);

    q->first = (q->first + 1) % UART_FIFO_LENGTH;
    q->count--;
    return byte;
}

/* ---- interrupt ------------------------------------------------------------------------------- */

static bool serial_line_status_asks(const SerialState *s)
{
    return s->line_errors;
}

static bool serial_timeout_asks(const SerialState *s)
{
    return s->receiver_waited;
}

static bool serial_received_asks(const SerialState *s)
{
    static const uint8_t triggers[] = { 1, 4, 8, 14 };
    unsigned trigger = serial_has_fifos(s) ? triggers[UART_FCR_TRIGGER(s->fcr)] : 1;

    return s->receiver.count >= trigger;
}

static bool serial_thre_asks(const SerialState *s)
{
    return s->transmitter_emptied;
}

/* Table of interrupt control functions: highest priority first. The modem lines never change. */
static const struct {
    uint8_t enable, id;
    bool (*asks)(const SerialState *s);
} serial_sources[] = {
    { UART_IER_LINE_STATUS, UART_IIR_LINE_STATUS, serial_line_status_asks },
    { UART_IER_RECEIVED, UART_IIR_TIMEOUT, serial_timeout_asks },
    { UART_IER_RECEIVED, UART_IIR_RECEIVED, serial_received_asks },
    { UART_IER_THRE, UART_IIR_THRE, serial_thre_asks },
};

static uint8_t serial_interrupt_id(const SerialState *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(serial_sources); i++) {
        if ((s->ier & serial_sources[i].enable) && serial_sources[i].asks(s)) {
            return serial_sources[i].id;
        }
    }
    return UART_IIR_NONE;
}

static void serial_drive_irq(SerialState *s)
{
    qemu_set_irq(s->irq, serial_interrupt_id(s) != UART_IIR_NONE);
}

/* ---- receiver -------------------------------------------------------------------------------- */

/* Start bit, data, parity, stop bits. */
static int64_t serial_character_ns(const SerialState *s)
{
    unsigned bits = 1 + UART_LCR_DATA_BITS(s->lcr) + (s->lcr & UART_LCR_PARITY ? 1 : 0) +
                    (s->lcr & UART_LCR_TWO_STOP_BITS ? 2 : 1);

    return muldiv64((uint64_t)bits * MAX(s->divisor, 1), NANOSECONDS_PER_SECOND,
                    MAX(s->baudbase, 1));
}

/* Bytes in the FIFO have four characters' time from the last one that came or was read. */
static void serial_restart_wait(SerialState *s)
{
    if (serial_has_fifos(s) && s->receiver.count) {
        timer_mod(s->wait_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                 UART_TIMEOUT_CHARACTERS * serial_character_ns(s));
    } else {
        timer_del(s->wait_timer);
    }
}

static void serial_wait_over(void *opaque)
{
    SerialState *s = opaque;

    s->receiver_waited = true;
    serial_drive_irq(s);
}

/* A full FIFO keeps what it has; without FIFOs the new byte takes the old one's place. */
static void serial_receive_byte(SerialState *s, uint8_t byte)
{
    if (serial_queue_room(s, &s->receiver)) {
        uart_queue_add(&s->receiver, byte);
    } else {
        s->line_errors |= UART_LSR_OVERRUN;
        if (!serial_has_fifos(s)) {
            *uart_queue_at(&s->receiver, 0) = byte;
        }
    }
    if (!serial_has_fifos(s)) {
        s->last_received = byte;
    }
    serial_restart_wait(s);
    serial_drive_irq(s);
}

static bool serial_loops(const SerialState *s)
{
    return s->mcr & UART_MCR_LOOP;
}

/* In loopback the line is cut off; what the peer sends waits at the chardev. */
static int serial_can_receive(void *opaque)
{
    SerialState *s = opaque;

    return serial_loops(s) ? 0 : serial_queue_room(s, &s->receiver);
}

static void serial_receive(void *opaque, const uint8_t *buf, int size)
{
    for (int i = 0; i < size; i++) {
        serial_receive_byte(opaque, buf[i]);
    }
}

/* A break is a byte of zeros, with a bit that says so. */
static void serial_event(void *opaque, QEMUChrEvent event)
{
    SerialState *s = opaque;

    if (event == CHR_EVENT_BREAK && !serial_loops(s)) {
        s->line_errors |= UART_LSR_BREAK;
        serial_receive_byte(s, 0);
    }
}

static void serial_tell_peer_of_room(SerialState *s)
{
    if (s->chr) {
        chardev_accept_input(s->chr);
    }
}

static void serial_empty_receiver(SerialState *s)
{
    s->receiver.count = 0;
    s->receiver_waited = false;
    serial_restart_wait(s);
}

static uint8_t serial_read_received(SerialState *s)
{
    uint8_t byte = serial_has_fifos(s) ? 0 : s->last_received;

    if (s->receiver.count) {
        byte = uart_queue_take(&s->receiver);
    }
    s->receiver_waited = false;
    serial_restart_wait(s);
    serial_drive_irq(s);
    serial_tell_peer_of_room(s);
    return byte;
}

/* ---- transmitter ----------------------------------------------------------------------------- */

static gboolean serial_peer_takes(void *unused, GIOCondition cond, void *opaque);

/* False, and tried again by itself later, while the peer takes nothing. */
static bool serial_send(SerialState *s, uint8_t byte)
{
    if (serial_loops(s)) {
        serial_receive_byte(s, byte);
        return true;
    }
    if (!s->chr || chardev_write(s->chr, &byte, 1) == 1) {
        return true;
    }
    s->watch_tag = chardev_add_watch(s->chr, G_IO_OUT | G_IO_HUP, serial_peer_takes, s);
    return s->watch_tag == 0;       /* nobody is there: the byte is lost on the line */
}

/* Byte by byte from the queue through the shift register, as far as the peer takes them. */
static void serial_transmit(SerialState *s)
{
    UartQueue *q = &s->transmitter;

    while (s->shifting || q->count) {
        if (!s->shifting) {
            s->shift_register = uart_queue_take(q);
            s->shifting = true;
            s->transmitter_emptied = q->count == 0;
        }
        if (!serial_send(s, s->shift_register)) {
            break;
        }
        s->shifting = false;
    }
    serial_drive_irq(s);
}

static gboolean serial_peer_takes(void *unused, GIOCondition cond, void *opaque)
{
    SerialState *s = opaque;

    s->watch_tag = 0;
    serial_transmit(s);
    return G_SOURCE_REMOVE;
}

/* A byte too many takes the place of the last. */
static void serial_write_data(SerialState *s, uint8_t byte)
{
    UartQueue *q = &s->transmitter;

    if (serial_queue_room(s, q)) {
        uart_queue_add(q, byte);
    } else {
        *uart_queue_at(q, q->count - 1) = byte;
    }
    s->transmitter_emptied = false;
    if (s->watch_tag) {
        serial_drive_irq(s);
    } else {
        serial_transmit(s);
    }
}

/* What is in the shift register already goes out. */
static void serial_empty_transmitter(SerialState *s)
{
    s->transmitter.count = 0;
    s->transmitter_emptied = true;
}

static void serial_stop_transmitter(SerialState *s)
{
    if (s->watch_tag) {
        g_source_remove(s->watch_tag);
        s->watch_tag = 0;
    }
    s->transmitter.count = 0;
    s->transmitter_emptied = false;
    s->shifting = false;
}

/* ---- registers ------------------------------------------------------------------------------- */

/* Enabling the transmitter's interrupt tells of an empty one, told before or not. */
static void serial_write_ier(SerialState *s, uint8_t val)
{
    uint8_t enabled = val & ~s->ier;

    s->ier = val & UART_IER_ALL;
    if (enabled & UART_IER_THRE) {
        s->transmitter_emptied = s->transmitter.count == 0;
    }
}

/* Turning the FIFOs on or off empties both; a trigger level is kept while they are on. */
static void serial_write_fcr(SerialState *s, uint8_t val)
{
    uint8_t clear = val;

    if ((val ^ s->fcr) & UART_FCR_ENABLE) {
        clear |= UART_FCR_CLEAR_RECEIVER | UART_FCR_CLEAR_TRANSMITTER;
    }
    s->fcr = val & UART_FCR_ENABLE ? val & UART_FCR_KEPT : 0;
    if (clear & UART_FCR_CLEAR_RECEIVER) {
        serial_empty_receiver(s);
        serial_tell_peer_of_room(s);
    }
    if (clear & UART_FCR_CLEAR_TRANSMITTER) {
        serial_empty_transmitter(s);
    }
}

static void serial_write_mcr(SerialState *s, uint8_t val)
{
    s->mcr = val & UART_MCR_ALL;
    serial_tell_peer_of_room(s);
}

static void serial_write_divisor(SerialState *s, unsigned shift, uint8_t val)
{
    s->divisor = (s->divisor & ~(0xff << shift)) | val << shift;
}

/* In loopback the modem's inputs are our outputs; else there is a modem, ready, and no call. */
static uint8_t serial_modem_status(const SerialState *s)
{
    static const struct {
        uint8_t output, input;
    } looped[] = {
        { UART_MCR_RTS, UART_MSR_CTS }, { UART_MCR_DTR, UART_MSR_DSR },
        { UART_MCR_OUT1, UART_MSR_RI }, { UART_MCR_OUT2, UART_MSR_DCD },
    };
    uint8_t status = 0;

    if (!serial_loops(s)) {
        return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
    }
    for (size_t i = 0; i < ARRAY_SIZE(looped); i++) {
        status |= s->mcr & looped[i].output ? looped[i].input : 0;
    }
    return status;
}

/* Errors are told once. */
static uint8_t serial_read_line_status(SerialState *s)
{
    uint8_t status = s->line_errors | (s->receiver.count ? UART_LSR_DATA_READY : 0);

    if (!s->transmitter.count) {
        status |= UART_LSR_THRE | (s->shifting ? 0 : UART_LSR_TEMT);
    }
    s->line_errors = 0;
    return status;
}

/* Being told that the transmitter is empty is what ends that interrupt. */
static uint8_t serial_read_interrupt_id(SerialState *s)
{
    uint8_t id = serial_interrupt_id(s);

    if (id == UART_IIR_THRE) {
        s->transmitter_emptied = false;
    }
    return id | (serial_has_fifos(s) ? UART_IIR_FIFOS : 0);
}

static void serial_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    SerialState *s = opaque;

    if (addr <= UART_IER && (s->lcr & UART_LCR_DLAB)) {
        serial_write_divisor(s, addr * 8, val);
        return;
    }
    switch (addr) {
    case UART_DATA:
        serial_write_data(s, val);
        break;
    case UART_IER:
        serial_write_ier(s, val);
        break;
    case UART_IIR_FCR:
        serial_write_fcr(s, val);
        break;
    case UART_LCR:
        s->lcr = val;
        break;
    case UART_MCR:
        serial_write_mcr(s, val);
        break;
    case UART_SCR:
        s->scr = val;
        break;
    default:        /* the status registers are read-only */
        break;
    }
    serial_drive_irq(s);
}

static uint64_t serial_read_register(SerialState *s, hwaddr addr)
{
    switch (addr) {
    case UART_DATA:
        return serial_read_received(s);
    case UART_IER:
        return s->ier;
    case UART_IIR_FCR:
        return serial_read_interrupt_id(s);
    case UART_LCR:
        return s->lcr;
    case UART_MCR:
        return s->mcr;
    case UART_LSR:
        return serial_read_line_status(s);
    case UART_MSR:
        return serial_modem_status(s);
    default:
        return s->scr;
    }
}

static uint64_t serial_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    SerialState *s = opaque;
    uint64_t val;

    if (addr <= UART_IER && (s->lcr & UART_LCR_DLAB)) {
        return s->divisor >> addr * 8 & 0xff;
    }
    val = serial_read_register(s, addr);
    serial_drive_irq(s);
    return val;
}

static const MemoryRegionOps serial_io_ops = {
    .read = serial_ioport_read,
    .write = serial_ioport_write,
    .valid = { .min_access_size = 1, .max_access_size = 1 },
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* ---- life ------------------------------------------------------------------------------------ */

static void serial_reset_hold(Object *obj, ResetType type)
{
    SerialState *s = SERIAL(obj);

    s->ier = 0;
    s->fcr = 0;
    s->lcr = 0;
    s->mcr = UART_MCR_OUT2;         /* as firmware leaves it: interrupts reach the bus */
    s->scr = 0;
    s->divisor = UART_DIVISOR_AT_RESET;
    s->line_errors = 0;
    s->last_received = 0;
    serial_empty_receiver(s);
    serial_stop_transmitter(s);
    serial_drive_irq(s);
    serial_tell_peer_of_room(s);
}

static void serial_realize(DeviceState *dev, Error **errp)
{
    SerialState *s = SERIAL(dev);

    s->wait_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, serial_wait_over, s);
    serial_reset_hold(OBJECT(dev), RESET_TYPE_COLD);
    if (s->chr) {
        chardev_set_handlers(s->chr, serial_can_receive, serial_receive, serial_event, s);
        chardev_take_focus(s->chr);
    }
}

static void serial_unrealize(DeviceState *dev)
{
    SerialState *s = SERIAL(dev);

    serial_stop_transmitter(s);
    if (s->chr) {
        chardev_set_handlers(s->chr, NULL, NULL, NULL, NULL);
    }
    g_clear_pointer(&s->wait_timer, timer_free);
}

static void serial_init(Object *obj)
{
    SerialState *s = SERIAL(obj);

    memory_region_init_io(&s->io, obj, &serial_io_ops, s, "serial", 8);
}

static const Property serial_props[] = {
    DEFINE_PROP_CHR("chardev", SerialState, chr),
    DEFINE_PROP_UINT32("baudbase", SerialState, baudbase, 115200),
};

static void serial_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = serial_realize;
    dc->unrealize = serial_unrealize;
    dc->user_creatable = false;
    device_class_set_props(dc, serial_props);
    RESETTABLE_CLASS(klass)->phases.hold = serial_reset_hold;
}

static const TypeInfo serial_types[] = {
    {
        .name = TYPE_SERIAL,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(SerialState),
        .instance_init = serial_init,
        .class_init = serial_class_init,
    },
};
DEFINE_TYPES(serial_types)
