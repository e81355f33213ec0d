/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isa-serial: a UART at the ports and interrupts that a PC's COM ports have had since ever. Its
 * properties are the UART's and index, iobase and irq, which default to the next free COM port.
 */
#include "qemu/osdep.h"
#include "hw/char/serial-isa.h"
#include "hw/char/serial.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "qapi/error.h"
#include "system/system.h"

OBJECT_DECLARE_SIMPLE_TYPE(ISASerialState, ISA_SERIAL)

#define SERIAL_UNSET UINT32_MAX

struct ISASerialState {
    ISADevice parent_obj;

    uint32_t index;
    uint32_t iobase;
    uint32_t isairq;
    SerialState state;
};

static const struct {
    uint16_t iobase;
    uint8_t irq;
} com_ports[MAX_ISA_SERIAL_PORTS] = {
    { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 },
};

static void serial_isa_realize(DeviceState *dev, Error **errp)
{
    static uint32_t next_index;
    ISASerialState *isa = ISA_SERIAL(dev);
    SerialState *s = &isa->state;

    if (isa->index == SERIAL_UNSET) {
        isa->index = next_index;
    }
    if (isa->index >= MAX_ISA_SERIAL_PORTS) {
        error_setg(errp, "Max. supported number of ISA serial ports is %d.",
                   MAX_ISA_SERIAL_PORTS);
        return;
    }
    if (isa->iobase == SERIAL_UNSET) {
        isa->iobase = com_ports[isa->index].iobase;
    }
    if (isa->isairq == SERIAL_UNSET) {
        isa->isairq = com_ports[isa->index].irq;
    }
    if (isa->isairq >= ISA_NUM_IRQS) {
        error_setg(errp, "Maximum value for \"irq\" is: %u", ISA_NUM_IRQS - 1);
        return;
    }
    if (isa->iobase > UINT16_MAX - 7) {
        error_setg(errp, "Maximum value for \"iobase\" is: 0x%x", UINT16_MAX - 7);
        return;
    }
    s->irq = isa_bus_get_irq(isa_bus_from_device(ISA_DEVICE(dev)), isa->isairq);
    if (!qdev_realize(DEVICE(s), NULL, errp)) {
        return;
    }
    next_index = isa->index + 1;
    isa_register_ioport(ISA_DEVICE(dev), &s->io, isa->iobase);
}

static void serial_isa_unrealize(DeviceState *dev)
{
    ISASerialState *isa = ISA_SERIAL(dev);

    memory_region_del_subregion(isa_address_space_io(ISA_DEVICE(dev)), &isa->state.io);
    qdev_unrealize(DEVICE(&isa->state));
}

/* The chip is on no bus of its own: it is reset with us. */
static void serial_isa_reset_hold(Object *obj, ResetType type)
{
    device_cold_reset(DEVICE(&ISA_SERIAL(obj)->state));
}

static void serial_isa_init(Object *obj)
{
    ISASerialState *isa = ISA_SERIAL(obj);

    object_initialize_child(obj, "serial", &isa->state, TYPE_SERIAL);
    object_property_add_alias(obj, "chardev", OBJECT(&isa->state), "chardev");
    object_property_add_alias(obj, "baudbase", OBJECT(&isa->state), "baudbase");
}

ISADevice *serial_isa_create(ISABus *bus, int index, Chardev *chr, Error **errp)
{
    ISADevice *dev = isa_new(TYPE_ISA_SERIAL);

    ISA_SERIAL(dev)->index = index;
    if (chr && !object_property_set_str(OBJECT(dev), "chardev", chardev_label(chr), errp)) {
        object_unref(dev);
        return NULL;
    }
    return isa_realize_and_unref(dev, bus, errp) ? dev : NULL;
}

void serial_hds_isa_init(ISABus *bus, int from, int to)
{
    assert(from >= 0 && to <= MAX_ISA_SERIAL_PORTS);
    for (int i = from; i < to; i++) {
        if (serial_hd(i)) {
            serial_isa_create(bus, i, serial_hd(i), &error_fatal);
        }
    }
}

static const Property serial_isa_props[] = {
    DEFINE_PROP_UINT32("index", ISASerialState, index, SERIAL_UNSET),
    DEFINE_PROP_UINT32("iobase", ISASerialState, iobase, SERIAL_UNSET),
    DEFINE_PROP_UINT32("irq", ISASerialState, isairq, SERIAL_UNSET),
};

static void serial_isa_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = serial_isa_realize;
    dc->unrealize = serial_isa_unrealize;
    device_class_set_props(dc, serial_isa_props);
    set_bit(DEVICE_CATEGORY_INPUT, dc->categories);
    RESETTABLE_CLASS(klass)->phases.hold = serial_isa_reset_hold;
}

static const TypeInfo serial_isa_types[] = {
    {
        .name = TYPE_ISA_SERIAL,
        .parent = TYPE_ISA_DEVICE,
        .instance_size = sizeof(ISASerialState),
        .instance_init = serial_isa_init,
        .class_init = serial_isa_class_init,
    },
};
DEFINE_TYPES(serial_isa_types)
