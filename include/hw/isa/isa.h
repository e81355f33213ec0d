/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus: devices at fixed ports, 16 interrupt lines. There is one, below the LPC or PIIX
 * function; its interrupt lines are given by the machine.
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "hw/core/qdev.h"
#include "system/memory.h"

#define ISA_NUM_IRQS 16

#define TYPE_ISA_DEVICE "isa-device"
typedef struct ISADeviceClass ISADeviceClass;
DECLARE_OBJ_CHECKERS(ISADevice, ISADeviceClass, ISA_DEVICE, TYPE_ISA_DEVICE)

#define TYPE_ISA_BUS "ISA"
DECLARE_INSTANCE_CHECKER(ISABus, ISA_BUS, TYPE_ISA_BUS)

struct ISADeviceClass {
    DeviceClass parent_class;
};

struct ISADevice {
    DeviceState parent_obj;
};

struct ISABus {
    BusState parent_obj;

    MemoryRegion *address_space_io;
    qemu_irq irqs[ISA_NUM_IRQS];   /* NULL where nothing is connected */
};

/* The bus "isa.0" of @dev, whose ports are in @address_space_io. */
ISABus *isa_bus_new(DeviceState *dev, MemoryRegion *address_space_io, Error **errp);
/* Connects lines 0 to 15. */
void isa_bus_register_input_irqs(ISABus *bus, const qemu_irq *irqs);
/* Line @isairq (0 to 15), or NULL. */
qemu_irq isa_bus_get_irq(ISABus *bus, unsigned isairq);
/* Connects gpio-out @gpioirq of a device that is on its bus to line @isairq. */
void isa_connect_gpio_out(ISADevice *isadev, int gpioirq, unsigned isairq);

ISADevice *isa_new(const char *name);
bool isa_realize_and_unref(ISADevice *dev, ISABus *bus, Error **errp);
ISADevice *isa_create_simple(ISABus *bus, const char *name);
ISABus *isa_bus_from_device(ISADevice *dev);
/* Maps @io at port @start. */
void isa_register_ioport(ISADevice *dev, MemoryRegion *io, uint16_t start);
/* Ports of @dev's bus. */
MemoryRegion *isa_address_space_io(ISADevice *dev);

#endif /* HW_ISA_ISA_H */
