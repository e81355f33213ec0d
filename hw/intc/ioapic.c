/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O APIC with its 24 redirection entries, the window for messages to local APICs, and the
 * GSI lines that feed PIC and I/O APIC. Where the accelerator has interrupt controllers the object
 * only forwards its inputs, so that they can still be intercepted by name.
 * Source: Intel 82093AA datasheet, ICH9 datasheet section 13.5 (EOI register, version 0x20).
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/intc/ioapic.h"
#include "qapi/error.h"
#include "system/accel.h"
#include "system/address-spaces.h"

OBJECT_DECLARE_SIMPLE_TYPE(IOAPICState, IOAPIC)

#define IOAPIC_REG_SELECT 0x00
#define IOAPIC_REG_WINDOW 0x10
#define IOAPIC_REG_EOI 0x40
#define IOAPIC_ID 0x00
#define IOAPIC_VERSION 0x01
#define IOAPIC_ARB 0x02
#define IOAPIC_REDIR 0x10
#define IOAPIC_ID_MASK 0x0f000000u
#define IOAPIC_VERSION_DEFAULT 0x20
#define IOAPIC_REMOTE_IRR_BIT 14

/* Redirection entry. */
#define REDIR_VECTOR(e) ((uint8_t)(e))
#define REDIR_DELIVERY_STATUS (UINT64_C(1) << 12)
#define REDIR_REMOTE_IRR (UINT64_C(1) << IOAPIC_REMOTE_IRR_BIT)
#define REDIR_LEVEL (UINT64_C(1) << 15)
#define REDIR_MASKED (UINT64_C(1) << 16)
#define REDIR_READONLY (REDIR_DELIVERY_STATUS | REDIR_REMOTE_IRR)

struct IOAPICState {
    SysBusDevice parent_obj;

    MemoryRegion io;
    uint8_t select;
    uint8_t version;
    uint32_t id;
    uint32_t irr;            /* inputs that are asserted (level) or waiting (edge) */
    uint32_t level;          /* inputs as they are */
    uint64_t redir[IOAPIC_NUM_PINS];
};

static bool accel_has_irqchip(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->has_irqchip;
}

/* An entry as the message that a device would write: Intel SDM volume 3 section 11.11. */
static void ioapic_send(uint64_t entry)
{
    uint32_t address = APIC_DEFAULT_ADDRESS | (entry >> 56) << 12 | ((entry >> 11) & 1) << 2;
    uint32_t data = REDIR_VECTOR(entry) | ((entry >> 8) & 7) << 8 | ((entry >> 15) & 1) << 15 |
                    ((entry & REDIR_LEVEL) ? 1 << 14 : 0);

    stl_le_phys(&address_space_memory, address, data);
}

static void ioapic_service(IOAPICState *s)
{
    for (int pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        uint64_t entry = s->redir[pin];
        uint32_t mask = 1u << pin;

        if (!(s->irr & mask) || (entry & REDIR_MASKED)) {
            continue;
        }
        if (entry & REDIR_LEVEL) {
            if (entry & REDIR_REMOTE_IRR) {
                continue;
            }
            s->redir[pin] |= REDIR_REMOTE_IRR;
        } else {
            s->irr &= ~mask;
        }
        ioapic_send(entry);
    }
}

static void ioapic_set_irq(void *opaque, int n, int level)
{
    IOAPICState *s = opaque;
    int pin = n == 0 ? 2 : n;     /* the timer's line, as the MADT says */
    uint32_t mask = 1u << pin;
    bool rises = level && !(s->level & mask);

    if (accel_has_irqchip()) {
        current_accel_class()->set_gsi(current_accel(), n, level);
        return;
    }
    s->level = level ? s->level | mask : s->level & ~mask;
    if (s->redir[pin] & REDIR_LEVEL) {
        s->irr = level ? s->irr | mask : s->irr & ~mask;
    } else if (rises && !(s->redir[pin] & REDIR_MASKED)) {
        s->irr |= mask;
    }
    ioapic_service(s);
}

/* The interrupt of @vector was ended: level entries may send again while their input is up. */
static void ioapic_eoi(IOAPICState *s, uint8_t vector)
{
    for (int pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if ((s->redir[pin] & REDIR_LEVEL) && REDIR_VECTOR(s->redir[pin]) == vector) {
            s->redir[pin] &= ~REDIR_REMOTE_IRR;
        }
    }
    ioapic_service(s);
}

static uint32_t ioapic_read_register(IOAPICState *s)
{
    unsigned index = s->select - IOAPIC_REDIR;

    switch (s->select) {
    case IOAPIC_ID:
    case IOAPIC_ARB:
        return s->id;
    case IOAPIC_VERSION:
        return s->version | (IOAPIC_NUM_PINS - 1) << 16;
    default:
        if (s->select < IOAPIC_REDIR || index / 2 >= IOAPIC_NUM_PINS) {
            return 0;
        }
        return s->redir[index / 2] >> (index % 2 * 32);
    }
}

/* Entry @pin was written: what was read-only stays, and an edge entry has no remote IRR. */
static void ioapic_write_redir(IOAPICState *s, int pin, bool high, uint32_t val)
{
    uint64_t old = s->redir[pin];
    uint64_t new = high ? (uint32_t)old | (uint64_t)val << 32 : (old >> 32 << 32) | val;
    uint32_t mask = 1u << pin;

    new = (new & ~REDIR_READONLY) | (old & REDIR_READONLY);
    if (!(new & REDIR_LEVEL)) {
        new &= ~REDIR_REMOTE_IRR;
    }
    s->redir[pin] = new;
    if (new & REDIR_LEVEL) {
        s->irr = s->level & mask ? s->irr | mask : s->irr & ~mask;
    }
    ioapic_service(s);
}

static void ioapic_write_register(IOAPICState *s, uint32_t val)
{
    unsigned index = s->select - IOAPIC_REDIR;

    if (s->select == IOAPIC_ID) {
        s->id = val & IOAPIC_ID_MASK;
    } else if (s->select >= IOAPIC_REDIR && index / 2 < IOAPIC_NUM_PINS) {
        ioapic_write_redir(s, index / 2, index % 2, val);
    }
}

static uint64_t ioapic_mem_read(void *opaque, hwaddr addr, unsigned size)
{
    IOAPICState *s = opaque;

    switch (addr & 0xff) {
    case IOAPIC_REG_SELECT:
        return s->select;
    case IOAPIC_REG_WINDOW:
        return size == 4 ? ioapic_read_register(s) : 0;
    default:
        return 0;
    }
}

static void ioapic_mem_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    IOAPICState *s = opaque;

    switch (addr & 0xff) {
    case IOAPIC_REG_SELECT:
        s->select = val;
        break;
    case IOAPIC_REG_WINDOW:
        if (size == 4) {
            ioapic_write_register(s, val);
        }
        break;
    case IOAPIC_REG_EOI:
        if (size == 4) {
            ioapic_eoi(s, val);
        }
        break;
    default:
        break;
    }
}

static const MemoryRegionOps ioapic_ops = {
    .read = ioapic_mem_read,
    .write = ioapic_mem_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void ioapic_reset_hold(Object *obj, ResetType type)
{
    IOAPICState *s = IOAPIC(obj);

    s->select = 0;
    s->id = 0;
    s->irr = 0;
    for (int pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        s->redir[pin] = REDIR_MASKED;
    }
}

static void ioapic_init(Object *obj)
{
    IOAPICState *s = IOAPIC(obj);

    memory_region_init_io(&s->io, obj, &ioapic_ops, s, "ioapic", 0x1000);
    sysbus_init_mmio(SYS_BUS_DEVICE(obj), &s->io);
    qdev_init_gpio_in(DEVICE(obj), ioapic_set_irq, IOAPIC_NUM_PINS);
}

DeviceState *ioapic_create(Object *parent)
{
    DeviceState *dev = qdev_new(TYPE_IOAPIC);

    object_property_add_child(parent, "ioapic", OBJECT(dev));
    sysbus_realize_and_unref(SYS_BUS_DEVICE(dev), &error_fatal);
    if (!accel_has_irqchip()) {
        sysbus_mmio_map(SYS_BUS_DEVICE(dev), 0, IO_APIC_DEFAULT_ADDRESS);
    }
    return dev;
}

static const Property ioapic_props[] = {
    DEFINE_PROP_UINT8("version", IOAPICState, version, IOAPIC_VERSION_DEFAULT),
};

static void ioapic_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->user_creatable = false;
    device_class_set_props(dc, ioapic_props);
    RESETTABLE_CLASS(klass)->phases.hold = ioapic_reset_hold;
}

static const TypeInfo ioapic_types[] = {
    {
        .name = TYPE_IOAPIC,
        .parent = TYPE_SYS_BUS_DEVICE,
        .instance_size = sizeof(IOAPICState),
        .instance_init = ioapic_init,
        .class_init = ioapic_class_init,
    },
};
DEFINE_TYPES(ioapic_types)

/* ---- messages -------------------------------------------------------------------------------- */

static uint64_t apic_msi_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void apic_msi_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    AccelClass *ac = current_accel_class();

    if (ac && ac->send_msi) {
        ac->send_msi(current_accel(), APIC_DEFAULT_ADDRESS + addr, val);
    }
}

static const MemoryRegionOps apic_msi_ops = {
    .read = apic_msi_read,
    .write = apic_msi_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

void apic_msi_region_init(MemoryRegion *mr, Object *owner)
{
    memory_region_init_io(mr, owner, &apic_msi_ops, NULL, "apic-msi", APIC_SPACE_SIZE);
    memory_region_set_takes_messages(mr);
}

/* ---- GSIs ------------------------------------------------------------------------------------ */

static void gsi_set_irq(void *opaque, int n, int level)
{
    GSIState *s = opaque;

    if (n < (int)ARRAY_SIZE(s->i8259_irq) && !accel_has_irqchip()) {
        qemu_set_irq(s->i8259_irq[n], level);
    }
    qemu_set_irq(s->ioapic_irq[n], level);
}

qemu_irq *gsi_create(GSIState *s)
{
    return qemu_allocate_irqs(gsi_set_irq, s, IOAPIC_NUM_PINS);
}
