/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 16550A: two FIFOs, four interrupt sources in order of priority, loopback. Bytes
 * are handed to the chardev at once, not at the pace of a wire; the baud rate only sets how long
 * received bytes below the trigger level wait. Source: PC16550D datasheet, section 8.
 */
#include "qemu/osdep.h"
#include "hw/char/serial.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "qapi/error.h"
#include "qemu/timer.h"

#define UART_LCR_DLAB 0x80

#define UART_IER_RLSI 0x04    /* receiver line status */
#define UART_IER_THRI 0x02    /* transmitter holding register empty */
#define UART_IER_RDI 0x01     /* received data */
#define UART_IER_MASK 0x0f

#define UART_IIR_NO_INT 0x01
#define UART_IIR_THRI 0x02
#define UART_IIR_RDI 0x04
#define UART_IIR_RLSI 0x06
#define UART_IIR_CTI 0x0c     /* bytes waited too long */
#define UART_IIR_FE 0xc0      /* FIFOs are enabled */

#define UART_MCR_LOOP 0x10
#define UART_MCR_OUT2 0x08
#define UART_MCR_OUT1 0x04
#define UART_MCR_RTS 0x02
#define UART_MCR_DTR 0x01
#define UART_MCR_MASK 0x1f

#define UART_MSR_DCD 0x80
#define UART_MSR_RI 0x40
#define UART_MSR_DSR 0x20
#define UART_MSR_CTS 0x10

#define UART_LSR_TEMT 0x40
#define UART_LSR_THRE 0x20
#define UART_LSR_BI 0x10
#define UART_LSR_OE 0x02
#define UART_LSR_DR 0x01
#define UART_LSR_INT_ANY 0x1e

#define UART_FCR_ITL 0xc0
#define UART_FCR_XFR 0x04
#define UART_FCR_RFR 0x02
#define UART_FCR_FE 0x01
#define UART_FCR_MASK 0xc9

#define UART_DIVIDER_RESET 0x0c   /* 9600 baud */
#define UART_FRAME_BITS 10

/* ---- FIFOs ----------------------------------------------------------------------------------- */

static bool fifo_push(SerialFifo *f, uint8_t byte)
{
    if (f->num == UART_FIFO_LENGTH) {
        return false;
    }
    f->data[(f->head + f->num++) % UART_FIFO_LENGTH] = byte;
    return true;
}

static uint8_t fifo_pop(SerialFifo *f)
{
    uint8_t byte = f->data[f->head];

    assert(f->num > 0);
    f->head = (f->head + 1) % UART_FIFO_LENGTH;
    f->num--;
    return byte;
}

static void fifo_reset(SerialFifo *f)
{
    f->head = 0;
    f->num = 0;
}

static bool serial_fifo_enabled(const SerialState *s)
{
    return s->fcr & UART_FCR_FE;
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void serial_update_irq(SerialState *s)
{
    uint8_t iir = UART_IIR_NO_INT;

    if ((s->ier & UART_IER_RLSI) && (s->lsr & UART_LSR_INT_ANY)) {
        iir = UART_IIR_RLSI;
    } else if ((s->ier & UART_IER_RDI) && s->timeout_ipending) {
        iir = UART_IIR_CTI;
    } else if ((s->ier & UART_IER_RDI) && (s->lsr & UART_LSR_DR) &&
               (!serial_fifo_enabled(s) || s->recv_fifo.num >= s->recv_fifo_itl)) {
        iir = UART_IIR_RDI;
    } else if ((s->ier & UART_IER_THRI) && s->thr_ipending) {
        iir = UART_IIR_THRI;
    }
    s->iir = iir | (s->iir & UART_IIR_FE);
    qemu_set_irq(s->irq, iir != UART_IIR_NO_INT);
}

static void serial_update_rate(SerialState *s)
{
    uint64_t divider = s->divider ? s->divider : 1;

    s->char_transmit_time = divider * UART_FRAME_BITS * NANOSECONDS_PER_SECOND /
                            (s->baudbase ? s->baudbase : 1);
}

/* ---- receiver -------------------------------------------------------------------------------- */

static void serial_start_timeout(SerialState *s)
{
    timer_mod(s->fifo_timeout_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                     4 * s->char_transmit_time);
}

static void serial_fifo_timeout(void *opaque)
{
    SerialState *s = opaque;

    if (s->recv_fifo.num) {
        s->timeout_ipending = true;
        serial_update_irq(s);
    }
}

static void serial_receive_byte(SerialState *s, uint8_t byte)
{
    if (serial_fifo_enabled(s)) {
        if (!fifo_push(&s->recv_fifo, byte)) {
            s->lsr |= UART_LSR_OE;
        }
        serial_start_timeout(s);
    } else {
        if (s->lsr & UART_LSR_DR) {
            s->lsr |= UART_LSR_OE;
        }
        s->rbr = byte;
    }
    s->lsr |= UART_LSR_DR;
}

/* Without FIFO one byte at a time; with it, as many as fit, so that nothing is overrun. */
static int serial_can_receive(void *opaque)
{
    SerialState *s = opaque;

    if (s->mcr & UART_MCR_LOOP) {
        return 0;
    }
    if (serial_fifo_enabled(s)) {
        return UART_FIFO_LENGTH - s->recv_fifo.num;
    }
    return !(s->lsr & UART_LSR_DR);
}

static void serial_receive(void *opaque, const uint8_t *buf, int size)
{
    SerialState *s = opaque;

    for (int i = 0; i < size; i++) {
        serial_receive_byte(s, buf[i]);
    }
    serial_update_irq(s);
}

/* A break comes as a byte of 0 with a flag, which lasts until the line status is read. */
static void serial_event(void *opaque, QEMUChrEvent event)
{
    SerialState *s = opaque;

    if (event == CHR_EVENT_BREAK && !(s->mcr & UART_MCR_LOOP)) {
        serial_receive_byte(s, 0);
        s->lsr |= UART_LSR_BI;
        serial_update_irq(s);
    }
}

static void serial_accept_input(SerialState *s)
{
    if (s->chr && serial_can_receive(s)) {
        chardev_accept_input(s->chr);
    }
}

static uint8_t serial_read_rbr(SerialState *s)
{
    uint8_t byte = s->rbr;

    if (serial_fifo_enabled(s)) {
        byte = s->recv_fifo.num ? fifo_pop(&s->recv_fifo) : 0;
        if (s->recv_fifo.num) {
            serial_start_timeout(s);
        } else {
            s->lsr &= ~UART_LSR_DR;
            timer_del(s->fifo_timeout_timer);
        }
        s->timeout_ipending = false;
    } else {
        s->lsr &= ~UART_LSR_DR;
    }
    serial_update_irq(s);
    serial_accept_input(s);
    return byte;
}

/* ---- transmitter ----------------------------------------------------------------------------- */

static void serial_xmit(SerialState *s);

static gboolean serial_watch_cb(void *unused, GIOCondition cond, void *opaque)
{
    SerialState *s = opaque;

    s->watch_tag = 0;
    serial_xmit(s);
    return G_SOURCE_REMOVE;
}

/* Whether @byte is on its way; if not, we are called again when the peer takes output. */
static bool serial_send_byte(SerialState *s, uint8_t byte)
{
    if (s->mcr & UART_MCR_LOOP) {
        serial_receive_byte(s, byte);
        return true;
    }
    if (!s->chr || chardev_write(s->chr, &byte, 1) == 1) {
        return true;
    }
    s->watch_tag = chardev_add_watch(s->chr, G_IO_OUT | G_IO_HUP, serial_watch_cb, s);
    return s->watch_tag == 0;    /* closed meanwhile: nobody will ever take it */
}

static void serial_xmit_done(SerialState *s)
{
    s->lsr |= UART_LSR_THRE | UART_LSR_TEMT;
    s->thr_ipending = true;
}

/* Sends what waits, as far as the peer takes it. */
static void serial_xmit(SerialState *s)
{
    if (s->watch_tag) {
        return;
    }
    if (!serial_fifo_enabled(s)) {
        if (!(s->lsr & UART_LSR_THRE) && serial_send_byte(s, s->thr)) {
            serial_xmit_done(s);
        }
    } else {
        while (s->xmit_fifo.num && serial_send_byte(s, s->xmit_fifo.data[s->xmit_fifo.head])) {
            fifo_pop(&s->xmit_fifo);
        }
        if (!s->xmit_fifo.num && !(s->lsr & UART_LSR_THRE)) {
            serial_xmit_done(s);
        }
    }
    serial_update_irq(s);
}

/* A full FIFO loses its oldest byte, as the newest must be the one that the guest just wrote. */
static void serial_write_thr(SerialState *s, uint8_t byte)
{
    s->thr_ipending = false;
    s->lsr &= ~(UART_LSR_THRE | UART_LSR_TEMT);
    if (serial_fifo_enabled(s)) {
        if (s->xmit_fifo.num == UART_FIFO_LENGTH) {
            fifo_pop(&s->xmit_fifo);
        }
        fifo_push(&s->xmit_fifo, byte);
    } else {
        s->thr = byte;
    }
    serial_update_irq(s);
    serial_xmit(s);
}

static void serial_cancel_xmit(SerialState *s)
{
    if (s->watch_tag) {
        g_source_remove(s->watch_tag);
        s->watch_tag = 0;
    }
    fifo_reset(&s->xmit_fifo);
    s->lsr |= UART_LSR_THRE | UART_LSR_TEMT;
}

/* ---- registers ------------------------------------------------------------------------------- */

static void serial_write_ier(SerialState *s, uint8_t val)
{
    bool thri = !(s->ier & UART_IER_THRI) && (val & UART_IER_THRI);

    s->ier = val & UART_IER_MASK;
    if (thri && (s->lsr & UART_LSR_THRE)) {
        s->thr_ipending = true;
    }
    serial_update_irq(s);
}

static void serial_reset_receiver(SerialState *s)
{
    s->lsr &= ~UART_LSR_DR;
    timer_del(s->fifo_timeout_timer);
    s->timeout_ipending = false;
    fifo_reset(&s->recv_fifo);
}

/* Turning the FIFOs on or off empties them. */
static void serial_write_fcr(SerialState *s, uint8_t val)
{
    static const uint8_t trigger_levels[] = { 1, 4, 8, 14 };

    if ((val ^ s->fcr) & UART_FCR_FE) {
        val |= UART_FCR_XFR | UART_FCR_RFR;
    }
    if (val & UART_FCR_RFR) {
        serial_reset_receiver(s);
    }
    if (val & UART_FCR_XFR) {
        serial_cancel_xmit(s);
        s->thr_ipending = true;
    }
    s->fcr = val & UART_FCR_MASK;
    s->iir &= ~UART_IIR_FE;
    if (serial_fifo_enabled(s)) {
        s->iir |= UART_IIR_FE;
        s->recv_fifo_itl = trigger_levels[(val & UART_FCR_ITL) >> 6];
    }
    serial_update_irq(s);
    serial_accept_input(s);
}

/*
 * The modem lines: the peer's are always up; in loopback they are our own outputs. QEMU shows no
 * changes of those, so the delta bits are never set and there is no modem status interrupt.
 */
static uint8_t serial_modem_lines(const SerialState *s)
{
    if (!(s->mcr & UART_MCR_LOOP)) {
        return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
    }
    return (s->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0) |
           (s->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
           (s->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
           (s->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0);
}

static void serial_write_mcr(SerialState *s, uint8_t val)
{
    uint8_t old = s->mcr;

    s->mcr = val & UART_MCR_MASK;
    if ((old & UART_MCR_LOOP) && !(s->mcr & UART_MCR_LOOP)) {
        serial_accept_input(s);
    }
}

static void serial_write_divider(SerialState *s, uint16_t divider)
{
    s->divider = divider;
    serial_update_rate(s);
}

static void serial_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    SerialState *s = opaque;
    bool dlab = s->lcr & UART_LCR_DLAB;

    switch (addr & 7) {
    case 0:
        if (dlab) {
            serial_write_divider(s, (s->divider & 0xff00) | val);
        } else {
            serial_write_thr(s, val);
        }
        break;
    case 1:
        if (dlab) {
            serial_write_divider(s, (s->divider & 0x00ff) | val << 8);
        } else {
            serial_write_ier(s, val);
        }
        break;
    case 2:
        serial_write_fcr(s, val);
        break;
    case 3:
        s->lcr = val;
        break;
    case 4:
        serial_write_mcr(s, val);
        break;
    case 7:
        s->scr = val;
        break;
    default:
        break;
    }
}

static uint8_t serial_read_iir(SerialState *s)
{
    uint8_t iir = s->iir;

    if ((iir & 0x0f) == UART_IIR_THRI) {
        s->thr_ipending = false;
        serial_update_irq(s);
    }
    return iir;
}

static uint8_t serial_read_lsr(SerialState *s)
{
    uint8_t lsr = s->lsr;

    if (lsr & (UART_LSR_OE | UART_LSR_BI)) {
        s->lsr &= ~(UART_LSR_OE | UART_LSR_BI);
        serial_update_irq(s);
    }
    return lsr;
}

static uint64_t serial_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    SerialState *s = opaque;
    bool dlab = s->lcr & UART_LCR_DLAB;

    switch (addr & 7) {
    case 0:
        return dlab ? s->divider & 0xff : serial_read_rbr(s);
    case 1:
        return dlab ? s->divider >> 8 : s->ier;
    case 2:
        return serial_read_iir(s);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        return serial_read_lsr(s);
    case 6:
        return serial_modem_lines(s);
    default:
        return s->scr;
    }
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

    serial_cancel_xmit(s);
    serial_reset_receiver(s);
    s->rbr = 0;
    s->ier = 0;
    s->iir = UART_IIR_NO_INT;
    s->lcr = 0;
    s->fcr = 0;
    s->lsr = UART_LSR_TEMT | UART_LSR_THRE;
    s->mcr = UART_MCR_OUT2;
    s->scr = 0;
    s->divider = UART_DIVIDER_RESET;
    s->recv_fifo_itl = 1;
    s->thr_ipending = false;
    serial_update_rate(s);
    serial_update_irq(s);
    serial_accept_input(s);
}

static void serial_realize(DeviceState *dev, Error **errp)
{
    SerialState *s = SERIAL(dev);

    s->fifo_timeout_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, serial_fifo_timeout, s);
    serial_reset_hold(OBJECT(dev), RESET_TYPE_COLD);
    if (s->chr) {
        chardev_set_handlers(s->chr, serial_can_receive, serial_receive, serial_event, s);
        chardev_take_focus(s->chr);
    }
}

static void serial_unrealize(DeviceState *dev)
{
    SerialState *s = SERIAL(dev);

    serial_cancel_xmit(s);
    if (s->chr) {
        chardev_set_handlers(s->chr, NULL, NULL, NULL, NULL);
    }
    g_clear_pointer(&s->fifo_timeout_timer, timer_free);
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
