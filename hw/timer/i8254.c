/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254: three counters that run from the virtual clock, and the port that gates counter 2 and
 * reads its output. Nothing counts: what a counter shows is a function of its mode, of where it
 * began and of the input clocks since, so that only counter 0, which interrupts, needs a timer.
 * Not mapped where the accelerator has its own. Source: Intel 8254 datasheet; where a comment says
 * "stock", the datasheet says otherwise or nothing, and the chip does what QEMU's does.
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
#define PIT_CONTROL_PORT 3

/* Control word: which counter, which bytes of it, how it counts; status byte: the same, and OUT. */
#define PIT_SELECT(word) ((word) >> 6)
#define PIT_SELECT_READ_BACK 3
#define PIT_READ_BACK_NO_COUNT 0x20
#define PIT_READ_BACK_NO_STATUS 0x10
#define PIT_READ_BACK_COUNTER(n) (2u << (n))
#define PIT_BYTES(word) (((word) >> 4) & PIT_BOTH_BYTES)
#define PIT_MODE(word) (((word) >> 1) & 7)
#define PIT_SETTINGS 0x3f
#define PIT_STATUS_OUT 0x80

/* Bytes of a 16-bit value that are to be read or written, as the control word numbers them. */
enum { PIT_LOW_BYTE = 1, PIT_HIGH_BYTE = 2, PIT_BOTH_BYTES = 3 };

#define PIT_FULL_COUNT 0x10000
#define PIT_NEVER UINT64_MAX

typedef struct PITCounter {
    uint8_t settings;      /* bits 5 to 0 of the last control word; BCD is kept, not done (stock) */
    bool gate;
    uint32_t start;        /* what it counts from, 1 to PIT_FULL_COUNT */
    int64_t start_time;    /* ns of the virtual clock */
    uint8_t bytes_to_write;
    uint8_t bytes_to_read;
    uint8_t low_byte;      /* written, while the high byte is awaited */
    uint8_t latched_bytes; /* of latched_count, still to be read */
    uint16_t latched_count;
    bool status_latched;
    uint8_t latched_status;
} PITCounter;

struct PITState {
    ISADevice parent_obj;

    MemoryRegion ioports;
    uint32_t iobase;
    PITCounter counters[PIT_COUNTERS];
    QEMUTimer *irq_timer;      /* OUT of counter 0 changes next */
    qemu_irq irq;
};

static bool accel_has_irqchip(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->has_irqchip;
}

/* ---- what a counter shows, as a function of time --------------------------------------------- */

/*
 * OUT rests at a level and leaves it, at @onset clocks after the start for the first time, for
 * @width clocks, and again each @period. PIT_NEVER: for good, or not again.
 */
typedef struct PITWave {
    bool rest;
    uint64_t onset, width, period;
} PITWave;

/*
 * The datasheet's wave forms, but as stock: a start triggers modes 1 and 5 as a gate does; modes
 * 1, 2, 4 and 5 have OUT inverted; the unused modes 6 and 7 are no second 2 and 3.
 */
static PITWave pit_wave(const PITCounter *c)
{
    uint64_t n = c->start;
    const PITWave waves[] = {
        [0] = { false, n, PIT_NEVER, PIT_NEVER },
        [1] = { true, n, PIT_NEVER, PIT_NEVER },
        [2] = { false, n, 1, n },
        [3] = { true, n - n / 2, n / 2, n },
        [4] = { false, n, 1, PIT_NEVER },
        [5] = { false, n, 1, PIT_NEVER },
        [6] = { false, n, PIT_NEVER, PIT_NEVER },
        [7] = { false, n, PIT_NEVER, PIT_NEVER },
    };

    return waves[PIT_MODE(c->settings)];
}

/* OUT at @clock after the start; @change gets the clock at which it is another next. */
static bool pit_wave_level(const PITWave *w, uint64_t clock, uint64_t *change)
{
    uint64_t phase, begin;

    if (clock < w->onset || w->width == 0) {
        *change = w->width ? w->onset : PIT_NEVER;
        return w->rest;
    }
    phase = (clock - w->onset) % w->period;
    begin = clock - phase;
    if (phase < w->width) {
        *change = w->width >= w->period ? PIT_NEVER : begin + w->width;
        return !w->rest;
    }
    *change = w->period == PIT_NEVER ? PIT_NEVER : begin + w->period;
    return w->rest;
}

/* Modes 2 and 3 (stock: 6 and 7) start over at the end; the others run on through 0 and 0xffff. */
static uint16_t pit_count_after(const PITCounter *c, uint64_t clock)
{
    static const uint8_t steps_in_period[] = { [2] = 1, [3] = 2, [6] = 1, [7] = 1 };
    unsigned step = steps_in_period[PIT_MODE(c->settings)];

    return c->start - (step ? clock * step % c->start : clock);
}

/* Whole input clocks since the start. */
static uint64_t pit_clock(const PITCounter *c)
{
    return muldiv64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - c->start_time, PIT_FREQ,
                    NANOSECONDS_PER_SECOND);
}

/* The first nanosecond of the virtual clock at which @clock input clocks have passed. */
static int64_t pit_clock_ns(const PITCounter *c, uint64_t clock)
{
    unsigned __int128 scaled = (unsigned __int128)clock * NANOSECONDS_PER_SECOND;

    return c->start_time + (int64_t)((scaled + PIT_FREQ - 1) / PIT_FREQ);
}

static bool pit_out(const PITCounter *c)
{
    PITWave wave = pit_wave(c);
    uint64_t change;

    return pit_wave_level(&wave, pit_clock(c), &change);
}

/* Counter 0's OUT is the interrupt: it is set, and looked at again when it changes. */
static void pit_drive_irq(PITState *s)
{
    const PITCounter *c = &s->counters[0];
    PITWave wave = pit_wave(c);
    uint64_t change;

    qemu_set_irq(s->irq, pit_wave_level(&wave, pit_clock(c), &change));
    if (change == PIT_NEVER) {
        timer_del(s->irq_timer);
    } else {
        timer_mod(s->irq_timer, pit_clock_ns(c, change));
    }
}

static void pit_irq_timer_cb(void *opaque)
{
    pit_drive_irq(opaque);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Which bytes are accessed in turn. None is the state at reset, before a control word: the low. */
static uint8_t pit_bytes(const PITCounter *c)
{
    uint8_t bytes = PIT_BYTES(c->settings);

    return bytes ? bytes : PIT_LOW_BYTE;
}

/* Takes the next byte from those due; low before high. */
static uint8_t pit_take_byte(uint8_t *due)
{
    uint8_t byte = *due & PIT_LOW_BYTE ? PIT_LOW_BYTE : PIT_HIGH_BYTE;

    *due &= ~byte;
    return byte;
}

static void pit_start(PITCounter *c)
{
    c->start_time = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* A latch that has not been read yet is kept; before a control word none is made (stock). */
static void pit_latch_count(PITCounter *c)
{
    if (!c->latched_bytes) {
        c->latched_count = pit_count_after(c, pit_clock(c));
        c->latched_bytes = PIT_BYTES(c->settings);
    }
}

/* "Null count" is never set: a count is there as soon as it is written (stock). */
static void pit_latch_status(PITCounter *c)
{
    if (!c->status_latched) {
        c->latched_status = c->settings | (pit_out(c) ? PIT_STATUS_OUT : 0);
        c->status_latched = true;
    }
}

static void pit_read_back(PITState *s, uint8_t word)
{
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        if (!(word & PIT_READ_BACK_COUNTER(i))) {
            continue;
        }
        if (!(word & PIT_READ_BACK_NO_COUNT)) {
            pit_latch_count(&s->counters[i]);
        }
        if (!(word & PIT_READ_BACK_NO_STATUS)) {
            pit_latch_status(&s->counters[i]);
        }
    }
}

/* Until a count comes the old one goes on, in the new mode (stock). */
static void pit_set_mode(PITState *s, PITCounter *c, uint8_t word)
{
    c->settings = word & PIT_SETTINGS;
    c->bytes_to_write = c->bytes_to_read = pit_bytes(c);
    c->low_byte = 0;
    if (c == &s->counters[0]) {
        pit_drive_irq(s);
    }
}

static void pit_write_control(PITState *s, uint8_t word)
{
    if (PIT_SELECT(word) == PIT_SELECT_READ_BACK) {
        pit_read_back(s, word);
    } else if (PIT_BYTES(word) == 0) {
        pit_latch_count(&s->counters[PIT_SELECT(word)]);
    } else {
        pit_set_mode(s, &s->counters[PIT_SELECT(word)], word);
    }
}

/* The counter starts when its last byte is there, in all modes at once (stock). */
static void pit_write_count(PITState *s, PITCounter *c, uint8_t val)
{
    uint8_t byte = pit_take_byte(&c->bytes_to_write);
    uint16_t count;

    if (c->bytes_to_write) {
        c->low_byte = val;
        return;
    }
    count = byte == PIT_HIGH_BYTE ? val << 8 | c->low_byte : val;
    c->bytes_to_write = pit_bytes(c);
    c->start = count ? count : PIT_FULL_COUNT;
    pit_start(c);
    if (c == &s->counters[0]) {
        pit_drive_irq(s);
    }
}

/* Latched status comes before a latched count, and that before the count as it is now. */
static uint8_t pit_read_counter(PITCounter *c)
{
    uint8_t *due = c->latched_bytes ? &c->latched_bytes : &c->bytes_to_read;
    uint16_t count;

    if (c->status_latched) {
        c->status_latched = false;
        return c->latched_status;
    }
    count = c->latched_bytes ? c->latched_count : pit_count_after(c, pit_clock(c));
    if (pit_take_byte(due) == PIT_HIGH_BYTE) {
        count >>= 8;
    }
    if (!c->bytes_to_read) {
        c->bytes_to_read = pit_bytes(c);
    }
    return count;
}

static void pit_ioport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PITState *s = opaque;

    if (addr == PIT_CONTROL_PORT) {
        pit_write_control(s, val);
    } else {
        pit_write_count(s, &s->counters[addr], val);
    }
}

/* The control word cannot be read. */
static uint64_t pit_ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    PITState *s = opaque;

    return addr == PIT_CONTROL_PORT ? 0 : pit_read_counter(&s->counters[addr]);
}

static const MemoryRegionOps pit_ioport_ops = {
    .read = pit_ioport_read,
    .write = pit_ioport_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* A rising gate starts modes 1, 2, 3 and 5 anew; a low one stops none (stock). */
static void pit_set_gate(PITCounter *c, bool gate)
{
    static const uint8_t triggered = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5;

    if (gate && !c->gate && (triggered >> PIT_MODE(c->settings) & 1)) {
        pit_start(c);
    }
    c->gate = gate;
}

/* Undefined by the datasheet; as stock: square wave, full count, the gate of counter 2 low. */
static void pit_reset_hold(Object *obj, ResetType type)
{
    PITState *s = I8254(obj);

    if (accel_has_irqchip()) {
        return;
    }
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        PITCounter *c = &s->counters[i];

        *c = (PITCounter) { .settings = 3 << 1, .start = PIT_FULL_COUNT, .gate = i != 2 };
        c->bytes_to_write = c->bytes_to_read = pit_bytes(c);
        pit_start(c);
    }
    timer_del(s->irq_timer);
}

static void pit_realize(DeviceState *dev, Error **errp)
{
    PITState *s = I8254(dev);

    s->irq_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, pit_irq_timer_cb, s);
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

#define PORT61_GATE 0x01       /* of counter 2 */
#define PORT61_SPEAKER 0x02
#define PORT61_REFRESH 0x10
#define PORT61_OUT 0x20        /* of counter 2 */

struct PCSpkState {
    ISADevice parent_obj;

    MemoryRegion ioport;
    uint32_t iobase;
    PITState *pit;
    bool speaker;
    bool refresh;      /* toggles with every read, as software counts on */
};

static PITCounter *pcspk_counter(PCSpkState *s)
{
    return &s->pit->counters[2];
}

static uint64_t pcspk_read(void *opaque, hwaddr addr, unsigned size)
{
    PCSpkState *s = opaque;
    PITCounter *c = pcspk_counter(s);

    s->refresh = !s->refresh;
    return (c->gate ? PORT61_GATE : 0) | (s->speaker ? PORT61_SPEAKER : 0) |
           (s->refresh ? PORT61_REFRESH : 0) | (pit_out(c) ? PORT61_OUT : 0);
}

static void pcspk_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCSpkState *s = opaque;

    s->speaker = val & PORT61_SPEAKER;
    pit_set_gate(pcspk_counter(s), val & PORT61_GATE);
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
