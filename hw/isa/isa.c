/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus: where its devices find ports and interrupt lines.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/isa/isa.h"
#include "qapi/error.h"

ISABus *isa_bus_new(DeviceState *dev, MemoryRegion *address_space_io, Error **errp)
{
    ISABus *bus = ISA_BUS(qbus_new(TYPE_ISA_BUS, dev, NULL));

    bus->address_space_io = address_space_io;
    return bus;
}

void isa_bus_register_input_irqs(ISABus *bus, const qemu_irq *irqs)
{
    memcpy(bus->irqs, irqs, sizeof(bus->irqs));
}

qemu_irq isa_bus_get_irq(ISABus *bus, unsigned isairq)
{
    assert(isairq < ISA_NUM_IRQS);
    return bus->irqs[isairq];
}

void isa_connect_gpio_out(ISADevice *isadev, int gpioirq, unsigned isairq)
{
    qdev_connect_gpio_out(DEVICE(isadev), gpioirq,
                          isa_bus_get_irq(isa_bus_from_device(isadev), isairq));
}

ISADevice *isa_new(const char *name)
{
    return ISA_DEVICE(qdev_new(name));
}

bool isa_realize_and_unref(ISADevice *dev, ISABus *bus, Error **errp)
{
    return qdev_realize_and_unref(DEVICE(dev), BUS(bus), errp);
}

ISADevice *isa_create_simple(ISABus *bus, const char *name)
{
    ISADevice *dev = isa_new(name);

    isa_realize_and_unref(dev, bus, &error_fatal);
    return dev;
}

ISABus *isa_bus_from_device(ISADevice *dev)
{
    return ISA_BUS(qdev_get_parent_bus(DEVICE(dev)));
}

MemoryRegion *isa_address_space_io(ISADevice *dev)
{
    return isa_bus_from_device(dev)->address_space_io;
}

void isa_register_ioport(ISADevice *dev, MemoryRegion *io, uint16_t start)
{
    memory_region_add_subregion(isa_address_space_io(dev), start, io);
}

static void isa_device_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->bus_type = TYPE_ISA_BUS;
}

static const TypeInfo isa_types[] = {
    {
        .name = TYPE_ISA_BUS,
        .parent = TYPE_BUS,
        .instance_size = sizeof(ISABus),
    },
    {
        .name = TYPE_ISA_DEVICE,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(ISADevice),
        .abstract = true,
        .class_size = sizeof(ISADeviceClass),
        .class_init = isa_device_class_init,
    },
};
DEFINE_TYPES(isa_types)
