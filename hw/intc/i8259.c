/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8259A pair: priorities, masks, in-service bits and the initialisation sequence, and the ELCR
 * registers that make an input level-triggered. The slave's INT is input 2 of the master.
 * Sets of inputs are bytes, a bit an input; turned so that the input of highest priority is bit 0,
 * "the first of" a set is its lowest bit and all resolving is arithmetic on that.
 * No CPU acknowledges here: guests run where the accelerator has its own pair, whose GSIs the
 * inputs then are. What is left is the poll command. Source: Intel 8259A datasheet; "(stock)" is
 * said where that is departed from to show what QEMU's chip shows.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/intc/i8259.h"
#include "qapi/error.h"
#include "system/accel.h"

OBJECT_DECLARE_SIMPLE_TYPE(PICState, I8259)

#define PIC_LINES 8
#define PIC_CASCADE_INPUT 2

#define PIC_ICW1 0x10             /* to port 0: this and not an OCW */
#define PIC_ICW1_NEEDS_ICW4 0x01
#define PIC_ICW1_SINGLE 0x02
#define PIC_ICW2_VECTOR 0xf8
#define PIC_ICW4_AEOI 0x02
#define PIC_ICW4_SFNM 0x10
#define PIC_OCW3 0x08             /* to port 0: this and not OCW2 */
#define PIC_OCW2_LEVEL 0x07
#define PIC_OCW2_EOI 0x20
#define PIC_OCW2_SPECIFIC 0x40
#define PIC_OCW2_ROTATE 0x80
#define PIC_OCW3_READ_ISR 0x01
#define PIC_OCW3_READ 0x02
#define PIC_OCW3_POLL 0x04
#define PIC_OCW3_SPECIAL_MASK 0x20
#define PIC_OCW3_SET_SPECIAL_MASK 0x40
#define PIC_POLL_PENDING 0x80

/* What command words set, and ICW1 sets back: all zero but the first two. */
typedef struct PICProgram {
    uint8_t icw1;
    uint8_t next_icw;        /* 2 to 4; 0: initialised */
    uint8_t vector;          /* of input 0 */
    uint8_t first;           /* the input of highest priority */
    bool read_isr;           /* port 0 reads ISR, not IRR */
    bool polled;             /* the next read is the answer to a poll */
    bool special_mask;
    bool special_fully_nested;
    bool auto_eoi;
    bool rotate_on_auto_eoi;
} PICProgram;

struct PICState {
    ISADevice parent_obj;

    PICProgram program;
    uint8_t lines;           /* levels of the inputs, as the edge detectors remember them */
    uint8_t irr;
    uint8_t imr;
    uint8_t isr;
    uint8_t elcr;
    uint8_t elcr_mask;
    uint32_t iobase;
    uint32_t elcr_addr;
    bool master;
    qemu_irq int_out;
    MemoryRegion base_io;
    MemoryRegion elcr_io;
};

static bool accel_has_irqchip(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->has_irqchip;
}

/* ---- priorities ------------------------------------------------------------------------------ */

/* A set with the input of highest priority as bit 0. */
static uint8_t pic_by_priority(const PICState *s, uint8_t inputs)
{
    return (inputs | inputs << PIC_LINES) >> s->program.first;
}

/* The first of a set in order of priority, as an input's number. The set is not empty. */
static unsigned pic_first_of(const PICState *s, uint8_t by_priority)
{
    return (ctz32(by_priority) + s->program.first) % PIC_LINES;
}

/* Gives @input the lowest priority: the next one is the first from now on. */
static void pic_make_last(PICState *s, unsigned input)
{
    s->program.first = (input + 1) % PIC_LINES;
}

/*
 * In service and so in the way of requests of the same and of lower priority. Special mask mode
 * takes those away that are masked; in special fully nested mode a slave may interrupt itself.
 */
static uint8_t pic_barriers(const PICState *s)
{
    uint8_t barriers = s->isr;

    if (s->program.special_mask) {
        barriers &= ~s->imr;
    }
    if (s->program.special_fully_nested && s->master) {
        barriers &= ~(1 << PIC_CASCADE_INPUT);
    }
    return barriers;
}

/* Requests that may interrupt now, in order of priority. */
static uint8_t pic_pending(const PICState *s)
{
    uint8_t requests = pic_by_priority(s, s->irr & ~s->imr);
    uint8_t barriers = pic_by_priority(s, pic_barriers(s));
    uint8_t before_barriers = (barriers & -barriers) - 1;

    return requests & before_barriers;
}

static void pic_drive_int(PICState *s)
{
    qemu_set_irq(s->int_out, pic_pending(s) != 0);
}

/* ---- inputs and acknowledge ------------------------------------------------------------------ */

/* An edge is remembered until it is acknowledged, even if the input falls (stock). */
static void pic_set_line(PICState *s, uint8_t input, bool level)
{
    uint8_t rising = level ? input & ~s->lines : 0;

    s->lines = level ? s->lines | input : s->lines & ~input;
    if (input & s->elcr) {
        s->irr = level ? s->irr | input : s->irr & ~input;
    } else {
        s->irr |= rising;
    }
    pic_drive_int(s);
}

static void pic_set_input(void *opaque, int irq, int level)
{
    PICState *s = I8259(opaque);
    AccelClass *ac = current_accel_class();

    if (accel_has_irqchip()) {
        ac->set_gsi(current_accel(), s->master ? irq : irq + PIC_LINES, level);
    } else {
        pic_set_line(s, 1 << irq, level);
    }
}

/* A level stays requested as long as the input is high. */
static void pic_acknowledge(PICState *s, unsigned input)
{
    s->irr &= ~(1 << input) | s->elcr;
    if (!s->program.auto_eoi) {
        s->isr |= 1 << input;
    } else if (s->program.rotate_on_auto_eoi) {
        pic_make_last(s, input);
    }
}

/* Nothing to acknowledge reads as 0 (stock). */
static uint8_t pic_answer_poll(PICState *s)
{
    uint8_t pending = pic_pending(s);
    unsigned input;

    s->program.polled = false;
    if (!pending) {
        return 0;
    }
    input = pic_first_of(s, pending);
    pic_acknowledge(s, input);
    pic_drive_int(s);
    return PIC_POLL_PENDING | input;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* ICW1 begins anew: edges seen so far are forgotten, levels are not; ELCR stays. */
static void pic_write_icw1(PICState *s, uint8_t val)
{
    s->program = (PICProgram) { .icw1 = val, .next_icw = 2 };
    s->lines = 0;
    s->isr = s->imr = 0;
    s->irr &= s->elcr;
    pic_drive_int(s);
}

/* ICW2 to ICW4; ICW3 has nothing to say, since the cascade is wired. */
static void pic_write_icw(PICState *s, uint8_t val)
{
    bool needs_icw4 = s->program.icw1 & PIC_ICW1_NEEDS_ICW4;

    switch (s->program.next_icw) {
    case 2:
        s->program.vector = val & PIC_ICW2_VECTOR;
        s->program.next_icw = s->program.icw1 & PIC_ICW1_SINGLE ? (needs_icw4 ? 4 : 0) : 3;
        break;
    case 3:
        s->program.next_icw = needs_icw4 ? 4 : 0;
        break;
    default:
        s->program.auto_eoi = val & PIC_ICW4_AEOI;
        s->program.special_fully_nested = val & PIC_ICW4_SFNM;
        s->program.next_icw = 0;
    }
}

/*
 * The three bits say independently what happens: whether an interrupt ends, whether priorities
 * rotate, and to which input that is done: the one given, or the first in service. Neither an end
 * nor an input means rotation on automatic ends.
 */
static void pic_write_ocw2(PICState *s, uint8_t val)
{
    bool specific = val & PIC_OCW2_SPECIFIC;
    unsigned input;

    if (!specific && !(val & PIC_OCW2_EOI)) {
        s->program.rotate_on_auto_eoi = val & PIC_OCW2_ROTATE;
        return;
    }
    if (!specific && !s->isr) {
        return;
    }
    input = specific ? val & PIC_OCW2_LEVEL : pic_first_of(s, pic_by_priority(s, s->isr));
    if (val & PIC_OCW2_EOI) {
        s->isr &= ~(1 << input);
    }
    if (val & PIC_OCW2_ROTATE) {
        pic_make_last(s, input);
    }
    if (val & (PIC_OCW2_EOI | PIC_OCW2_ROTATE)) {
        pic_drive_int(s);
    }
}

static void pic_write_ocw3(PICState *s, uint8_t val)
{
    if (val & PIC_OCW3_SET_SPECIAL_MASK) {
        s->program.special_mask = val & PIC_OCW3_SPECIAL_MASK;
    }
    if (val & PIC_OCW3_READ) {
        s->program.read_isr = val & PIC_OCW3_READ_ISR;
    }
    if (val & PIC_OCW3_POLL) {
        s->program.polled = true;
    }
}

static void pic_write_port0(PICState *s, uint8_t val)
{
    if (val & PIC_ICW1) {
        pic_write_icw1(s, val);
    } else if (val & PIC_OCW3) {
        pic_write_ocw3(s, val);
    } else {
        pic_write_ocw2(s, val);
    }
}

static void pic_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PICState *s = opaque;

    if (addr == 0) {
        pic_write_port0(s, val);
    } else if (s->program.next_icw) {
        pic_write_icw(s, val);
    } else {
        s->imr = val;
        pic_drive_int(s);
    }
}

static uint64_t pic_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    PICState *s = opaque;

    if (s->program.polled) {
        return pic_answer_poll(s);
    }
    if (addr == 1) {
        return s->imr;
    }
    return s->program.read_isr ? s->isr : s->irr;
}

static void elcr_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PICState *s = opaque;

    s->elcr = val & s->elcr_mask;
}

static uint64_t elcr_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    PICState *s = opaque;

    return s->elcr;
}

static const MemoryRegionOps pic_base_ops = {
    .read = pic_ioport_read,
    .write = pic_ioport_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
};

static const MemoryRegionOps pic_elcr_ops = {
    .read = elcr_ioport_read,
    .write = elcr_ioport_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
};

/* Ready without any ICW (stock). */
static void pic_reset_hold(Object *obj, ResetType type)
{
    PICState *s = I8259(obj);

    s->elcr = 0;
    pic_write_icw1(s, PIC_ICW1);
    s->program.next_icw = 0;
}

static void pic_realize(DeviceState *dev, Error **errp)
{
    PICState *s = I8259(dev);

    if (accel_has_irqchip()) {
        return;
    }
    isa_register_ioport(ISA_DEVICE(dev), &s->base_io, s->iobase);
    isa_register_ioport(ISA_DEVICE(dev), &s->elcr_io, s->elcr_addr);
}

static void pic_init(Object *obj)
{
    PICState *s = I8259(obj);

    memory_region_init_io(&s->base_io, obj, &pic_base_ops, s, "pic", 2);
    memory_region_init_io(&s->elcr_io, obj, &pic_elcr_ops, s, "elcr", 1);
    qdev_init_gpio_out(DEVICE(obj), &s->int_out, 1);
    qdev_init_gpio_in(DEVICE(obj), pic_set_input, PIC_LINES);
}

static PICState *pic_create(ISABus *bus, bool master, qemu_irq int_out)
{
    ISADevice *dev = isa_new(TYPE_I8259);
    PICState *s = I8259(dev);

    s->master = master;
    s->iobase = master ? 0x20 : 0xa0;
    s->elcr_addr = master ? 0x4d0 : 0x4d1;
    s->elcr_mask = master ? 0xf8 : 0xde;
    qdev_connect_gpio_out(DEVICE(dev), 0, int_out);
    isa_realize_and_unref(dev, bus, &error_fatal);
    return s;
}

qemu_irq *i8259_init(ISABus *bus, qemu_irq parent_irq)
{
    qemu_irq *irqs = g_new0(qemu_irq, ISA_NUM_IRQS);
    DeviceState *dev = DEVICE(pic_create(bus, true, parent_irq));

    for (int i = 0; i < PIC_LINES; i++) {
        irqs[i] = qdev_get_gpio_in(dev, i);
    }
    dev = DEVICE(pic_create(bus, false, irqs[PIC_CASCADE_INPUT]));
    for (int i = 0; i < PIC_LINES; i++) {
        irqs[PIC_LINES + i] = qdev_get_gpio_in(dev, i);
    }
    return irqs;
}

static const Property pic_props[] = {
    DEFINE_PROP_UINT32("iobase", PICState, iobase, UINT32_MAX),
    DEFINE_PROP_UINT32("elcr_addr", PICState, elcr_addr, UINT32_MAX),
    DEFINE_PROP_UINT8("elcr_mask", PICState, elcr_mask, UINT8_MAX),
    DEFINE_PROP_BOOL("master", PICState, master, false),
};

static void pic_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = pic_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, pic_props);
    RESETTABLE_CLASS(klass)->phases.hold = pic_reset_hold;
}

static const TypeInfo pic_types[] = {
    {
        .name = TYPE_I8259,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(PICState),
        .instance_init = pic_init,
        .class_init = pic_class_init,
    },
};
DEFINE_TYPES(pic_types)
