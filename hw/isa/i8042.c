/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyboard controller without a keyboard or mouse, and port 0x92. It answers commands at once,
 * one byte at a time, and pulls the reset line. Bytes meant for a keyboard or mouse go nowhere.
 * Source: IBM PS/2 Hardware Interface Technical Reference, keyboard controller.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/isa/i8042.h"
#include "qapi/error.h"
#include "system/runstate.h"

OBJECT_DECLARE_SIMPLE_TYPE(ISAKBDState, I8042)
OBJECT_DECLARE_SIMPLE_TYPE(Port92State, PORT92)

/* Status register. */
#define KBD_STAT_OBF 0x01         /* a byte is in the output buffer */
#define KBD_STAT_SELFTEST 0x04
#define KBD_STAT_CMD 0x08
#define KBD_STAT_UNLOCKED 0x10
#define KBD_STAT_MOUSE_OBF 0x20

/* Mode byte. */
#define KBD_MODE_KBD_INT 0x01
#define KBD_MODE_MOUSE_INT 0x02
#define KBD_MODE_DISABLE_KBD 0x10
#define KBD_MODE_DISABLE_MOUSE 0x20

/* Output port. */
#define KBD_OUT_RESET 0x01        /* 0: the CPU is held in reset */
#define KBD_OUT_OBF 0x10
#define KBD_OUT_MOUSE_OBF 0x20
#define KBD_OUT_ONES 0xcf

enum {
    CMD_READ_MODE = 0x20,
    CMD_WRITE_MODE = 0x60,
    CMD_MOUSE_DISABLE = 0xa7,
    CMD_MOUSE_ENABLE = 0xa8,
    CMD_TEST_MOUSE = 0xa9,
    CMD_SELF_TEST = 0xaa,
    CMD_KBD_TEST = 0xab,
    CMD_KBD_DISABLE = 0xad,
    CMD_KBD_ENABLE = 0xae,
    CMD_READ_INPORT = 0xc0,
    CMD_READ_OUTPORT = 0xd0,
    CMD_WRITE_OUTPORT = 0xd1,
    CMD_WRITE_OBUF = 0xd2,
    CMD_WRITE_AUX_OBUF = 0xd3,
    CMD_WRITE_MOUSE = 0xd4,
    CMD_PULSE_FIRST = 0xf0,
};

struct ISAKBDState {
    ISADevice parent_obj;

    uint8_t write_cmd;            /* command whose argument comes by the data port, or 0 */
    uint8_t status;
    uint8_t mode;
    uint8_t outport;
    uint8_t obuf;
    uint8_t kbd_irq;
    uint8_t mouse_irq;
    qemu_irq irqs[2];             /* keyboard, mouse */
    MemoryRegion io[2];           /* data, command */
};

static void kbd_update_irq(ISAKBDState *s)
{
    bool full = s->status & KBD_STAT_OBF;
    bool mouse = s->status & KBD_STAT_MOUSE_OBF;

    s->outport &= ~(KBD_OUT_OBF | KBD_OUT_MOUSE_OBF);
    if (full) {
        s->outport |= mouse ? KBD_OUT_MOUSE_OBF : KBD_OUT_OBF;
    }
    qemu_set_irq(s->irqs[0], full && !mouse && (s->mode & KBD_MODE_KBD_INT) &&
                             !(s->mode & KBD_MODE_DISABLE_KBD));
    qemu_set_irq(s->irqs[1], full && mouse && (s->mode & KBD_MODE_MOUSE_INT));
}

static void kbd_put(ISAKBDState *s, uint8_t byte, bool from_mouse)
{
    s->obuf = byte;
    s->status &= ~KBD_STAT_MOUSE_OBF;
    s->status |= KBD_STAT_OBF | (from_mouse ? KBD_STAT_MOUSE_OBF : 0);
    kbd_update_irq(s);
}

static void kbd_set_outport(ISAKBDState *s, uint8_t val)
{
    s->outport = val;
    if (!(val & KBD_OUT_RESET)) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static void kbd_set_mode(ISAKBDState *s, uint8_t mode)
{
    s->mode = mode;
    kbd_update_irq(s);
}

static void kbd_write_command(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ISAKBDState *s = opaque;

    switch (val) {
    case CMD_READ_MODE:
        kbd_put(s, s->mode, false);
        break;
    case CMD_WRITE_MODE:
    case CMD_WRITE_OUTPORT:
    case CMD_WRITE_OBUF:
    case CMD_WRITE_AUX_OBUF:
    case CMD_WRITE_MOUSE:
        s->write_cmd = val;
        break;
    case CMD_MOUSE_DISABLE:
        kbd_set_mode(s, s->mode | KBD_MODE_DISABLE_MOUSE);
        break;
    case CMD_MOUSE_ENABLE:
        kbd_set_mode(s, s->mode & ~KBD_MODE_DISABLE_MOUSE);
        break;
    case CMD_KBD_DISABLE:
        kbd_set_mode(s, s->mode | KBD_MODE_DISABLE_KBD);
        break;
    case CMD_KBD_ENABLE:
        kbd_set_mode(s, s->mode & ~KBD_MODE_DISABLE_KBD);
        break;
    case CMD_SELF_TEST:
        s->status |= KBD_STAT_SELFTEST;
        kbd_put(s, 0x55, false);
        break;
    case CMD_TEST_MOUSE:
    case CMD_KBD_TEST:
        kbd_put(s, 0x00, false);
        break;
    case CMD_READ_INPORT:
        kbd_put(s, 0x80, false);
        break;
    case CMD_READ_OUTPORT:
        kbd_put(s, s->outport, false);
        break;
    default:
        /* 0xf0 to 0xff pulse the output port's low bits that are 0; bit 0 is reset. */
        if (val >= CMD_PULSE_FIRST && !(val & KBD_OUT_RESET)) {
            qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        }
        break;
    }
}

static uint64_t kbd_read_status(void *opaque, hwaddr addr, unsigned size)
{
    ISAKBDState *s = opaque;

    return s->status;
}

static uint64_t kbd_read_data(void *opaque, hwaddr addr, unsigned size)
{
    ISAKBDState *s = opaque;

    s->status &= ~(KBD_STAT_OBF | KBD_STAT_MOUSE_OBF);
    kbd_update_irq(s);
    return s->obuf;
}

static void kbd_write_data(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ISAKBDState *s = opaque;
    uint8_t cmd = s->write_cmd;

    s->write_cmd = 0;
    switch (cmd) {
    case CMD_WRITE_MODE:
        kbd_set_mode(s, val);
        break;
    case CMD_WRITE_OBUF:
        kbd_put(s, val, false);
        break;
    case CMD_WRITE_AUX_OBUF:
        kbd_put(s, val, true);
        break;
    case CMD_WRITE_OUTPORT:
        kbd_set_outport(s, val);
        break;
    default:
        break;      /* for a keyboard or mouse: there is none */
    }
}

static const MemoryRegionOps i8042_data_ops = {
    .read = kbd_read_data,
    .write = kbd_write_data,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
};

static const MemoryRegionOps i8042_cmd_ops = {
    .read = kbd_read_status,
    .write = kbd_write_command,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
};

static void i8042_reset_hold(Object *obj, ResetType type)
{
    ISAKBDState *s = I8042(obj);

    s->write_cmd = 0;
    s->mode = KBD_MODE_KBD_INT | KBD_MODE_MOUSE_INT;
    s->status = KBD_STAT_CMD | KBD_STAT_UNLOCKED;
    s->outport = KBD_OUT_ONES;
    s->obuf = 0;
    kbd_update_irq(s);
}

static void i8042_realize(DeviceState *dev, Error **errp)
{
    ISAKBDState *s = I8042(dev);
    ISADevice *isadev = ISA_DEVICE(dev);

    if (s->kbd_irq >= ISA_NUM_IRQS || s->mouse_irq >= ISA_NUM_IRQS) {
        error_setg(errp, "Maximum value for \"%s\" is: %u",
                   s->kbd_irq >= ISA_NUM_IRQS ? "kbd-irq" : "mouse-irq", ISA_NUM_IRQS - 1);
        return;
    }
    isa_connect_gpio_out(isadev, 0, s->kbd_irq);
    isa_connect_gpio_out(isadev, 1, s->mouse_irq);
    isa_register_ioport(isadev, &s->io[0], 0x60);
    isa_register_ioport(isadev, &s->io[1], 0x64);
}

static void i8042_init(Object *obj)
{
    ISAKBDState *s = I8042(obj);

    memory_region_init_io(&s->io[0], obj, &i8042_data_ops, s, "i8042-data", 1);
    memory_region_init_io(&s->io[1], obj, &i8042_cmd_ops, s, "i8042-cmd", 1);
    qdev_init_gpio_out(DEVICE(obj), s->irqs, 2);
}

static const Property i8042_props[] = {
    DEFINE_PROP_UINT8("kbd-irq", ISAKBDState, kbd_irq, 1),
    DEFINE_PROP_UINT8("mouse-irq", ISAKBDState, mouse_irq, 12),
};

static void i8042_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = i8042_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, i8042_props);
    RESETTABLE_CLASS(klass)->phases.hold = i8042_reset_hold;
}

/* ---- port 0x92 ------------------------------------------------------------------------------- */

#define PORT92_RESET 0x01

struct Port92State {
    ISADevice parent_obj;

    MemoryRegion io;
    uint8_t outport;
};

static void port92_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Port92State *s = opaque;
    uint8_t old = s->outport;

    s->outport = val;
    if ((val & PORT92_RESET) && !(old & PORT92_RESET)) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static uint64_t port92_read(void *opaque, hwaddr addr, unsigned size)
{
    Port92State *s = opaque;

    return s->outport;
}

static const MemoryRegionOps port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
};

static void port92_reset_hold(Object *obj, ResetType type)
{
    PORT92(obj)->outport &= ~PORT92_RESET;
}

static void port92_realize(DeviceState *dev, Error **errp)
{
    isa_register_ioport(ISA_DEVICE(dev), &PORT92(dev)->io, 0x92);
}

static void port92_init(Object *obj)
{
    Port92State *s = PORT92(obj);

    memory_region_init_io(&s->io, obj, &port92_ops, s, "port92", 1);
}

static void port92_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = port92_realize;
    dc->user_creatable = false;
    RESETTABLE_CLASS(klass)->phases.hold = port92_reset_hold;
}

static const TypeInfo i8042_types[] = {
    {
        .name = TYPE_I8042,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(ISAKBDState),
        .instance_init = i8042_init,
        .class_init = i8042_class_init,
    },
    {
        .name = TYPE_PORT92,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(Port92State),
        .instance_init = port92_init,
        .class_init = port92_class_init,
    },
};
DEFINE_TYPES(i8042_types)
