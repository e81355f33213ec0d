/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8259A pair: priorities, masks, in-service bits and the initialisation sequence, and the ELCR
 * registers that make an input level-triggered. The slave's INT is input 2 of the master.
 * Where the accelerator has its own pair, the inputs are its GSIs. Source: Intel 8259A datasheet.
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

struct PICState {
    ISADevice parent_obj;

    uint8_t last_irr;        /* levels of the inputs */
    uint8_t irr;
    uint8_t imr;
    uint8_t isr;
    uint8_t priority_add;    /* the input of highest priority */
    uint8_t irq_base;
    uint8_t read_reg_select; /* 1: reads give isr */
    uint8_t poll;
    uint8_t special_mask;
    uint8_t init_state;      /* which ICW is awaited: 2, 3, 4; 0: none */
    uint8_t auto_eoi;
    uint8_t rotate_on_auto_eoi;
    uint8_t special_fully_nested;
    uint8_t init4;           /* ICW4 is to come */
    uint8_t single;
    uint8_t elcr;
    uint8_t elcr_mask;
    uint32_t iobase;
    uint32_t elcr_addr;
    bool master;
    qemu_irq int_out;
    MemoryRegion base_io;
    MemoryRegion elcr_io;
};

/* The input of highest priority set in @mask, counted from that of highest priority; 8: none. */
static int pic_get_priority(PICState *s, uint8_t mask)
{
    int priority = 0;

    if (!mask) {
        return PIC_LINES;
    }
    while (!(mask & (1 << ((priority + s->priority_add) & 7)))) {
        priority++;
    }
    return priority;
}

/* The input that is to interrupt now, or -1. */
static int pic_get_irq(PICState *s)
{
    int priority = pic_get_priority(s, s->irr & ~s->imr);
    uint8_t mask = s->isr;
    int current;

    if (priority == PIC_LINES) {
        return -1;
    }
    if (s->special_mask) {
        mask &= ~s->imr;
    }
    if (s->special_fully_nested && s->master) {
        mask &= ~(1 << PIC_CASCADE_INPUT);
    }
    current = pic_get_priority(s, mask);
    return priority < current ? (priority + s->priority_add) & 7 : -1;
}

static void pic_update_irq(PICState *s)
{
    qemu_set_irq(s->int_out, pic_get_irq(s) >= 0);
}

static bool accel_has_irqchip(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->has_irqchip;
}

static void pic_set_input(void *opaque, int irq, int level)
{
    PICState *s = opaque;
    uint8_t mask = 1 << irq;

    if (accel_has_irqchip()) {
        current_accel_class()->set_gsi(current_accel(), irq + (s->master ? 0 : PIC_LINES), level);
        return;
    }
    if (!level) {
        if (s->elcr & mask) {
            s->irr &= ~mask;
        }
        s->last_irr &= ~mask;
    } else {
        if ((s->elcr & mask) || !(s->last_irr & mask)) {
            s->irr |= mask;
        }
        s->last_irr |= mask;
    }
    pic_update_irq(s);
}

static void pic_acknowledge(PICState *s, int irq)
{
    if (s->auto_eoi) {
        if (s->rotate_on_auto_eoi) {
            s->priority_add = (irq + 1) & 7;
        }
    } else {
        s->isr |= 1 << irq;
    }
    if (!(s->elcr & (1 << irq))) {
        s->irr &= ~(1 << irq);
    }
    pic_update_irq(s);
}

static void pic_init_reset(PICState *s)
{
    s->last_irr = 0;
    s->irr &= s->elcr;
    s->imr = 0;
    s->isr = 0;
    s->priority_add = 0;
    s->irq_base = 0;
    s->read_reg_select = 0;
    s->poll = 0;
    s->special_mask = 0;
    s->init_state = 0;
    s->auto_eoi = 0;
    s->rotate_on_auto_eoi = 0;
    s->special_fully_nested = 0;
    s->init4 = 0;
    s->single = 0;
    pic_update_irq(s);
}

/* End of interrupt commands: bits 7:5 of OCW2, with a specific input in bits 2:0. */
static void pic_write_ocw2(PICState *s, uint8_t val)
{
    int cmd = val >> 5;
    int priority, irq = val & 7;

    switch (cmd) {
    case 0:
    case 4:
        s->rotate_on_auto_eoi = cmd >> 2;
        return;
    case 1:
    case 5:
        priority = pic_get_priority(s, s->isr);
        if (priority == PIC_LINES) {
            return;
        }
        irq = (priority + s->priority_add) & 7;
        s->isr &= ~(1 << irq);
        break;
    case 3:
    case 7:
        s->isr &= ~(1 << irq);
        break;
    case 6:
        break;
    default:
        return;
    }
    if (cmd >= 5) {
        s->priority_add = (irq + 1) & 7;
    }
    pic_update_irq(s);
}

static void pic_write_command(PICState *s, uint8_t val)
{
    if (val & 0x10) {
        pic_init_reset(s);
        s->init_state = 2;
        s->init4 = val & 1;
        s->single = val & 2;
    } else if (val & 0x08) {
        if (val & 0x04) {
            s->poll = 1;
        }
        if (val & 0x02) {
            s->read_reg_select = val & 1;
        }
        if (val & 0x40) {
            s->special_mask = (val >> 5) & 1;
        }
    } else {
        pic_write_ocw2(s, val);
    }
}

static void pic_write_data(PICState *s, uint8_t val)
{
    switch (s->init_state) {
    case 0:
        s->imr = val;
        pic_update_irq(s);
        break;
    case 2:
        s->irq_base = val & 0xf8;
        s->init_state = s->single ? (s->init4 ? 4 : 0) : 3;
        break;
    case 3:
        s->init_state = s->init4 ? 4 : 0;
        break;
    default:
        s->special_fully_nested = (val >> 4) & 1;
        s->auto_eoi = (val >> 1) & 1;
        s->init_state = 0;
        break;
    }
}

static void pic_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    if (addr & 1) {
        pic_write_data(opaque, val);
    } else {
        pic_write_command(opaque, val);
    }
}

static uint64_t pic_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    PICState *s = opaque;
    int irq;

    if (s->poll) {
        s->poll = 0;
        irq = pic_get_irq(s);
        if (irq < 0) {
            return 0;
        }
        pic_acknowledge(s, irq);
        return irq | 0x80;
    }
    if (addr & 1) {
        return s->imr;
    }
    return s->read_reg_select ? s->isr : s->irr;
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

static void pic_reset_hold(Object *obj, ResetType type)
{
    PICState *s = I8259(obj);

    s->elcr = 0;
    pic_init_reset(s);
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
