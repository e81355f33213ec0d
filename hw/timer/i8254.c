/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254: three counters that run from the virtual clock, so that a counter's value is computed
 * when it is read and only counter 0, which interrupts, needs a timer; and the port that gates
 * counter 2 and reads its output. Not mapped where the accelerator has its own.
 * Source: Intel 8254 datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/timer/i8254.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "system/accel.h"

OBJECT_DECLARE_SIMPLE_TYPE(PITState, I8254)
OBJECT_DECLARE_SIMPLE_TYPE(PCSpkState, PC_SPEAKER)

#define PIT_COUNTERS 3
#define PIT_PORTS 4
/* Which byte of a 16-bit counter the next access is for. */
enum { RW_STATE_LSB = 1, RW_STATE_MSB, RW_STATE_WORD0, RW_STATE_WORD1 };

typedef struct PITChannel {
    uint32_t count;            /* reload value, 1 to 0x10000 */
    uint16_t latched_count;
    uint8_t count_latched;     /* rw state at which the latch is read; 0: not latched */
    bool status_latched;
    uint8_t status;
    uint8_t read_state;
    uint8_t write_state;
    uint8_t write_latch;
    uint8_t rw_mode;
    uint8_t mode;              /* 6 and 7 count as 2 does but drive the output as 0, as in QEMU */
    bool bcd;
    bool gate;
    int64_t count_load_time;   /* ns of the virtual clock */
} PITChannel;

struct PITState {
    ISADevice parent_obj;

    MemoryRegion ioports;
    uint32_t iobase;
    PITChannel channels[PIT_COUNTERS];
    QEMUTimer *irq_timer;      /* of channel 0: its output's next change */
    qemu_irq irq;
};

static bool accel_has_irqchip(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->has_irqchip;
}

/* Input clocks since the counter was loaded. */
static uint64_t pit_elapsed(const PITChannel *c, int64_t now)
{
    return muldiv64(now - c->count_load_time, PIT_FREQ, NANOSECONDS_PER_SECOND);
}

static uint16_t pit_get_count(const PITChannel *c)
{
    uint64_t d = pit_elapsed(c, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));

    switch (c->mode) {
    case 0:
    case 1:
    case 4:
    case 5:
        return c->count - d;
    case 3:
        return c->count - (2 * d) % c->count;
    default:
        return c->count - d % c->count;
    }
}

static bool pit_get_out(const PITChannel *c, int64_t now)
{
    uint64_t d = pit_elapsed(c, now);

    switch (c->mode) {
    case 1:
        return d < c->count;
    case 2:
        return d % c->count == 0 && d != 0;
    case 3:
        return d % c->count < (c->count + 1) / 2;
    case 4:
    case 5:
        return d == c->count;
    default:
        return d >= c->count;
    }
}

/* When the output changes next, in ns, or -1 if it never does. */
static int64_t pit_next_change(const PITChannel *c, int64_t now)
{
    uint64_t d = pit_elapsed(c, now);
    uint64_t base, next, half = (c->count + 1) / 2;

    switch (c->mode) {
    case 2:
        base = d / c->count * c->count;
        next = d == base && d != 0 ? base + 1 : base + c->count;
        break;
    case 3:
        base = d / c->count * c->count;
        next = d - base < half ? base + half : base + c->count;
        break;
    case 4:
    case 5:
        if (d > c->count) {
            return -1;
        }
        next = d < c->count ? c->count : c->count + 1u;
        break;
    default:
        if (d >= c->count) {
            return -1;
        }
        next = c->count;
        break;
    }
    return c->count_load_time + muldiv64(next, NANOSECONDS_PER_SECOND, PIT_FREQ) + 1;
}

static void pit_update_irq(PITState *s, int64_t now)
{
    int64_t next = pit_next_change(&s->channels[0], now);

    qemu_set_irq(s->irq, pit_get_out(&s->channels[0], now));
    if (next < 0) {
        timer_del(s->irq_timer);
    } else {
        timer_mod_ns(s->irq_timer, MAX(next, now + 1));
    }
}

static void pit_irq_timer(void *opaque)
{
    pit_update_irq(opaque, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

static void pit_load_count(PITState *s, PITChannel *c, uint32_t val)
{
    c->count = val ? val : 0x10000;
    c->count_load_time = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (c == &s->channels[0]) {
        pit_update_irq(s, c->count_load_time);
    }
}

static void pit_latch_count(PITChannel *c)
{
    if (!c->count_latched) {
        c->latched_count = pit_get_count(c);
        c->count_latched = c->rw_mode;
    }
}

static void pit_latch_status(PITChannel *c)
{
    if (!c->status_latched) {
        c->status = pit_get_out(c, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL)) << 7 |
                    c->rw_mode << 4 | c->mode << 1 | c->bcd;
        c->status_latched = true;
    }
}

static void pit_write_control(PITState *s, uint8_t val)
{
    unsigned channel = val >> 6;
    unsigned access = (val >> 4) & 3;
    PITChannel *c;

    if (channel == 3) {     /* read-back: bits 3:1 select counters */
        for (channel = 0; channel < PIT_COUNTERS; channel++) {
            if (!(val & (2 << channel))) {
                continue;
            }
            if (!(val & 0x20)) {
                pit_latch_count(&s->channels[channel]);
            }
            if (!(val & 0x10)) {
                pit_latch_status(&s->channels[channel]);
            }
        }
        return;
    }
    c = &s->channels[channel];
    if (access == 0) {
        pit_latch_count(c);
        return;
    }
    c->rw_mode = access;
    c->read_state = access;
    c->write_state = access;
    c->mode = (val >> 1) & 7;
    c->bcd = val & 1;
    if (channel == 0) {
        pit_update_irq(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    }
}

static void pit_write_counter(PITState *s, PITChannel *c, uint8_t val)
{
    switch (c->write_state) {
    case RW_STATE_MSB:
        pit_load_count(s, c, val << 8);
        break;
    case RW_STATE_WORD0:
        c->write_latch = val;
        c->write_state = RW_STATE_WORD1;
        break;
    case RW_STATE_WORD1:
        c->write_state = RW_STATE_WORD0;
        pit_load_count(s, c, c->write_latch | val << 8);
        break;
    default:
        pit_load_count(s, c, val);
        break;
    }
}

static void pit_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PITState *s = opaque;

    if (addr == 3) {
        pit_write_control(s, val);
    } else {
        pit_write_counter(s, &s->channels[addr], val);
    }
}

static uint8_t pit_read_latched(PITChannel *c)
{
    switch (c->count_latched) {
    case RW_STATE_MSB:
        c->count_latched = 0;
        return c->latched_count >> 8;
    case RW_STATE_WORD0:
        c->count_latched = RW_STATE_MSB;
        return c->latched_count & 0xff;
    default:
        c->count_latched = 0;
        return c->latched_count & 0xff;
    }
}

static uint64_t pit_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    PITState *s = opaque;
    PITChannel *c;
    uint16_t count;

    if (addr == 3) {
        return 0;           /* the control word cannot be read */
    }
    c = &s->channels[addr];
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->count_latched) {
        return pit_read_latched(c);
    }
    count = pit_get_count(c);
    switch (c->read_state) {
    case RW_STATE_MSB:
        return count >> 8;
    case RW_STATE_WORD0:
        c->read_state = RW_STATE_WORD1;
        return count & 0xff;
    case RW_STATE_WORD1:
        c->read_state = RW_STATE_WORD0;
        return count >> 8;
    default:
        return count & 0xff;
    }
}

static const MemoryRegionOps pit_ioport_ops = {
    .read = pit_ioport_read,
    .write = pit_ioport_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void pit_set_gate(PITState *s, unsigned channel, bool gate)
{
    PITChannel *c = &s->channels[channel];
    bool restarts = c->mode == 1 || c->mode == 2 || c->mode == 3 || c->mode == 5;

    if (gate && !c->gate && restarts) {
        c->count_load_time = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    }
    c->gate = gate;
}

static void pit_reset_hold(Object *obj, ResetType type)
{
    PITState *s = I8254(obj);

    if (accel_has_irqchip()) {
        return;
    }
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        s->channels[i] = (PITChannel) {
            .mode = 3,
            .gate = i != 2,
            .count = 0x10000,
            .count_load_time = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
        };
    }
    timer_del(s->irq_timer);
}

static void pit_realize(DeviceState *dev, Error **errp)
{
    PITState *s = I8254(dev);

    s->irq_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, pit_irq_timer, s);
    pit_reset_hold(OBJECT(dev), RESET_TYPE_COLD);
    if (!accel_has_irqchip()) {
        isa_register_ioport(ISA_DEVICE(dev), &s->ioports, s->iobase);
    }
}

static void pit_init(Object *obj)
{
    PITState *s = I8254(obj);

    memory_region_init_io(&s->ioports, obj, &pit_ioport_ops, s, "pit", PIT_PORTS);
    qdev_init_gpio_out(DEVICE(obj), &s->irq, 1);
}

static const Property pit_props[] = {
    DEFINE_PROP_UINT32("iobase", PITState, iobase, 0x40),
};

static void pit_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = pit_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, pit_props);
    RESETTABLE_CLASS(klass)->phases.hold = pit_reset_hold;
}

/* ---- port 0x61 ------------------------------------------------------------------------------- */

struct PCSpkState {
    ISADevice parent_obj;

    MemoryRegion ioport;
    uint32_t iobase;
    PITState *pit;
    bool data_on;
    bool refresh;      /* toggles with every read, as software counts on */
};

static uint64_t pcspk_read(void *opaque, hwaddr addr, unsigned size)
{
    PCSpkState *s = opaque;
    const PITChannel *c = &s->pit->channels[2];

    s->refresh = !s->refresh;
    return c->gate | s->data_on << 1 | s->refresh << 4 |
           pit_get_out(c, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL)) << 5;
}

static void pcspk_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCSpkState *s = opaque;

    s->data_on = val & 2;
    pit_set_gate(s->pit, 2, val & 1);
}

static const MemoryRegionOps pcspk_ops = {
    .read = pcspk_read,
    .write = pcspk_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void pcspk_realize(DeviceState *dev, Error **errp)
{
    PCSpkState *s = PC_SPEAKER(dev);

    if (!accel_has_irqchip()) {
        isa_register_ioport(ISA_DEVICE(dev), &s->ioport, s->iobase);
    }
}

static void pcspk_init(Object *obj)
{
    PCSpkState *s = PC_SPEAKER(obj);

    memory_region_init_io(&s->ioport, obj, &pcspk_ops, s, "pcspk", 1);
}

static const Property pcspk_props[] = {
    DEFINE_PROP_UINT32("iobase", PCSpkState, iobase, 0x61),
};

static void pcspk_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = pcspk_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, pcspk_props);
}

ISADevice *i8254_pit_create(ISABus *bus, int isa_irq)
{
    ISADevice *pit = isa_new(TYPE_I8254);
    ISADevice *speaker = isa_new(TYPE_PC_SPEAKER);

    PC_SPEAKER(speaker)->pit = I8254(pit);
    qdev_connect_gpio_out(DEVICE(pit), 0, isa_bus_get_irq(bus, isa_irq));
    isa_realize_and_unref(pit, bus, &error_fatal);
    isa_realize_and_unref(speaker, bus, &error_fatal);
    return pit;
}

static const TypeInfo i8254_types[] = {
    {
        .name = TYPE_I8254,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(PITState),
        .instance_init = pit_init,
        .class_init = pit_class_init,
    },
    {
        .name = TYPE_PC_SPEAKER,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(PCSpkState),
        .instance_init = pcspk_init,
        .class_init = pcspk_class_init,
    },
};
DEFINE_TYPES(i8254_types)
