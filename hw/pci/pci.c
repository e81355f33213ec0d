/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus and its functions: slots, configuration space with its masks, BARs that place regions
 * in the bus' memory and ports, interrupt pins counted onto host lines, and each function's view of
 * memory. Source: PCI Local Bus Specification 3.0. What follows from a configuration write (BARs
 * that move, pins that fall silent, the bus master switch) is derived from config[] in one place,
 * pci_config_changed(), so that nothing can disagree with what the guest reads back.
 */
#include "qemu/osdep.h"
#include "hw/core/irq.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "qapi/error.h"
#include "system/address-spaces.h"

#define PCI_CAP_MULTIFUNCTION_BITNR 3
/* Bits of the command register that have an effect, or that drivers expect to stick. */
#define PCI_COMMAND_WMASK (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | \
                           PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

/* ---- the bus --------------------------------------------------------------------------------- */

PCIBus *pci_root_bus_new(DeviceState *parent, const char *name, MemoryRegion *mem,
                         MemoryRegion *io, uint8_t devfn_min, const char *typename)
{
    PCIBus *bus = PCI_BUS(qbus_new(typename, parent, name));

    bus->express = object_dynamic_cast(OBJECT(bus), TYPE_PCIE_BUS) != NULL;
    bus->devfn_min = devfn_min;
    bus->address_space_mem = mem;
    bus->address_space_io = io;
    return bus;
}

PCIBus *pci_secondary_bus_new(PCIDevice *br, const char *name, MemoryRegion *mem,
                              MemoryRegion *io, const char *typename)
{
    PCIBus *bus = pci_root_bus_new(&br->qdev, name, mem, io, 0, typename);

    bus->parent_dev = br;
    QLIST_INSERT_HEAD(&pci_get_bus(br)->child, bus, sibling);
    return bus;
}

void pci_secondary_bus_free(PCIBus *bus)
{
    QLIST_REMOVE(bus, sibling);
    object_unparent(OBJECT(bus));
}

void pci_bus_irqs(PCIBus *bus, pci_set_irq_fn set_irq, void *irq_opaque, int nirq)
{
    bus->set_irq = set_irq;
    bus->irq_opaque = irq_opaque;
    bus->nirq = nirq;
    g_free(bus->irq_count);
    bus->irq_count = g_new0(int, nirq);
}

void pci_bus_map_irqs(PCIBus *bus, pci_map_irq_fn map_irq)
{
    bus->map_irq = map_irq;
}

int pci_bus_get_irq_level(PCIBus *bus, int irq_num)
{
    assert(irq_num >= 0 && irq_num < bus->nirq);
    return bus->irq_count[irq_num] != 0;
}

bool pci_bus_is_express(const PCIBus *bus)
{
    return bus->express;
}

bool pci_bus_is_root(const PCIBus *bus)
{
    return !bus->parent_dev;
}

int pci_bus_num(PCIBus *bus)
{
    return bus->parent_dev ? bus->parent_dev->config[PCI_SECONDARY_BUS] : 0;
}

PCIBus *pci_get_bus(const PCIDevice *dev)
{
    return (PCIBus *)qdev_get_parent_bus((DeviceState *)&dev->qdev);
}

MemoryRegion *pci_address_space(PCIDevice *dev)
{
    return pci_get_bus(dev)->address_space_mem;
}

MemoryRegion *pci_address_space_io(PCIDevice *dev)
{
    return pci_get_bus(dev)->address_space_io;
}

static bool pci_bus_range_has(const PCIBus *bus, int bus_num)
{
    const uint8_t *config = bus->parent_dev->config;

    return config[PCI_SECONDARY_BUS] && config[PCI_SECONDARY_BUS] <= bus_num &&
           bus_num <= config[PCI_SUBORDINATE_BUS];
}

PCIBus *pci_find_bus(PCIBus *bus, int bus_num)
{
    PCIBus *child;

    while (pci_bus_num(bus) != bus_num) {
        QLIST_FOREACH(child, &bus->child, sibling) {
            if (pci_bus_range_has(child, bus_num)) {
                break;
            }
        }
        if (!child) {
            return NULL;
        }
        bus = child;
    }
    return bus;
}

PCIDevice *pci_find_device(PCIBus *bus, int bus_num, uint8_t devfn)
{
    bus = pci_find_bus(bus, bus_num);
    return bus ? bus->devices[devfn] : NULL;
}

PCIDevice *pci_get_function_0(PCIDevice *dev)
{
    PCIBus *bus = pci_get_bus(dev);
    bool one_slot = bus->express && !pci_bus_is_root(bus);

    return bus->devices[one_slot ? 0 : PCI_DEVFN(PCI_SLOT(dev->devfn), 0)];
}

void pci_for_each_device(PCIBus *bus, void (*fn)(PCIBus *b, PCIDevice *d, void *opaque),
                         void *opaque)
{
    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (bus->devices[devfn]) {
            fn(bus, bus->devices[devfn], opaque);
        }
    }
}

/* After the devices' own reset: their generic state, after which no pin is driven any more. */
static void pci_bus_reset_hold(Object *obj, ResetType type)
{
    PCIBus *bus = PCI_BUS(obj);

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (bus->devices[devfn]) {
            pci_device_reset(bus->devices[devfn]);
        }
    }
    for (int i = 0; i < bus->nirq; i++) {
        assert(bus->irq_count[i] == 0);
    }
}

static void pci_bus_class_init(ObjectClass *klass, const void *data)
{
    RESETTABLE_CLASS(klass)->phases.hold = pci_bus_reset_hold;
}

static void pci_bus_init(Object *obj)
{
    QLIST_INIT(&PCI_BUS(obj)->child);
}

static void pci_bus_finalize(Object *obj)
{
    g_free(PCI_BUS(obj)->irq_count);
}

static const TypeInfo pci_bus_types[] = {
    {
        .name = TYPE_PCI_BUS,
        .parent = TYPE_BUS,
        .instance_size = sizeof(PCIBus),
        .instance_init = pci_bus_init,
        .instance_finalize = pci_bus_finalize,
        .class_size = sizeof(PCIBusClass),
        .class_init = pci_bus_class_init,
    },
    { .name = TYPE_PCIE_BUS, .parent = TYPE_PCI_BUS },
    { .name = INTERFACE_CONVENTIONAL_PCI_DEVICE, .parent = TYPE_INTERFACE },
    { .name = INTERFACE_PCIE_DEVICE, .parent = TYPE_INTERFACE },
};
DEFINE_TYPES(pci_bus_types)

/* ---- interrupt pins -------------------------------------------------------------------------- */

static bool pci_intx_disabled(const PCIDevice *dev)
{
    return pci_get_word(dev->config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE;
}

/* On its way up, a bridge turns the pins by the slot (PCI-to-PCI Bridge 1.2, section 9.1). */
static void pci_bus_change_irq(PCIDevice *dev, int pin, int change)
{
    PCIBus *bus = pci_get_bus(dev);
    int irq;

    for (; bus->parent_dev; bus = pci_get_bus(dev)) {
        pin = (PCI_SLOT(dev->devfn) + pin) % PCI_NUM_PINS;
        dev = bus->parent_dev;
    }
    if (!bus->map_irq || !bus->set_irq) {
        return;
    }
    irq = bus->map_irq(dev, pin);
    assert(irq >= 0 && irq < bus->nirq);
    bus->irq_count[irq] += change;
    assert(bus->irq_count[irq] >= 0);
    bus->set_irq(bus->irq_opaque, irq, bus->irq_count[irq] != 0);
}

static void pci_update_irq_status(PCIDevice *dev)
{
    if (dev->irq_state) {
        dev->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    } else {
        dev->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
    }
}

/* The pin's own state and the status bit change even while the guest has silenced the pin. */
static void pci_set_pin(PCIDevice *dev, int pin, int level)
{
    bool old = dev->irq_state & (1 << pin);

    if (old == !!level) {
        return;
    }
    dev->irq_state ^= 1 << pin;
    pci_update_irq_status(dev);
    if (!pci_intx_disabled(dev)) {
        pci_bus_change_irq(dev, pin, level ? 1 : -1);
    }
}

void pci_set_irq(PCIDevice *dev, int level)
{
    int pin = dev->config[PCI_INTERRUPT_PIN];

    if (pin >= 1 && pin <= PCI_NUM_PINS) {
        pci_set_pin(dev, pin - 1, level);
    }
}

static void pci_irq_handler(void *opaque, int n, int level)
{
    pci_set_irq(opaque, level);
}

qemu_irq pci_allocate_irq(PCIDevice *dev)
{
    return qemu_allocate_irq(pci_irq_handler, dev, 0);
}

static void pci_irq_disabled_changed(PCIDevice *dev, bool disabled)
{
    for (int pin = 0; pin < PCI_NUM_PINS; pin++) {
        if (dev->irq_state & (1 << pin)) {
            pci_bus_change_irq(dev, pin, disabled ? -1 : 1);
        }
    }
}

static void pci_bus_count_pins(PCIBus *bus, int change)
{
    PCIBus *child;

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        PCIDevice *dev = bus->devices[devfn];

        for (int pin = 0; dev && pin < PCI_NUM_PINS; pin++) {
            if ((dev->irq_state & (1 << pin)) && !pci_intx_disabled(dev)) {
                pci_bus_change_irq(dev, pin, change);
            }
        }
    }
    QLIST_FOREACH(child, &bus->child, sibling) {
        pci_bus_count_pins(child, change);
    }
}

void pci_bus_irqs_rerouted(PCIBus *bus, void (*change)(void *opaque), void *opaque)
{
    pci_bus_count_pins(bus, -1);
    change(opaque);
    pci_bus_count_pins(bus, 1);
}

void pci_deassert_pins(PCIDevice *dev)
{
    for (int pin = 0; pin < PCI_NUM_PINS; pin++) {
        pci_set_pin(dev, pin, 0);
    }
}

/* ---- base address registers ------------------------------------------------------------------ */

static int pci_bar_offset(int region_num)
{
    return region_num == PCI_ROM_SLOT ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + region_num * 4;
}

void pci_register_bar(PCIDevice *dev, int region_num, uint8_t attr, MemoryRegion *memory)
{
    PCIIORegion *r = &dev->io_regions[region_num];
    uint64_t size = memory_region_size(memory);
    int offset = pci_bar_offset(region_num);
    bool is_io = attr & PCI_BASE_ADDRESS_SPACE_IO;
    uint64_t wmask = ~(size - 1);

    assert(region_num >= 0 && region_num < PCI_NUM_REGIONS && r->size == 0);
    assert(is_power_of_2(size) && size >= (is_io ? 4 : 16));
    r->addr = PCI_BAR_UNMAPPED;
    r->size = size;
    r->type = attr;
    r->memory = memory;
    r->address_space = is_io ? pci_address_space_io(dev) : pci_address_space(dev);

    if (region_num == PCI_ROM_SLOT) {
        wmask |= PCI_ROM_ADDRESS_ENABLE;
    }
    pci_set_long(dev->config + offset, attr);
    if (!is_io && (attr & PCI_BASE_ADDRESS_MEM_TYPE_64)) {
        assert(region_num < PCI_ROM_SLOT - 1);
        pci_set_quad(dev->wmask + offset, wmask);
        pci_set_quad(dev->cmask + offset, ~UINT64_C(0));
    } else {
        pci_set_long(dev->wmask + offset, wmask);
        pci_set_long(dev->cmask + offset, ~0u);
    }
}

pcibus_t pci_get_bar_addr(PCIDevice *dev, int region_num)
{
    return dev->io_regions[region_num].addr;
}

/* Where the registers say that the BAR is; a value of 0 or one that wraps places nothing. */
static pcibus_t pci_bar_address(PCIDevice *dev, int region_num)
{
    const PCIIORegion *r = &dev->io_regions[region_num];
    uint8_t *reg = dev->config + pci_bar_offset(region_num);
    uint16_t cmd = pci_get_word(dev->config + PCI_COMMAND);
    bool is_io = r->type & PCI_BASE_ADDRESS_SPACE_IO;
    bool is_64 = !is_io && (r->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
    pcibus_t addr, last, limit;

    if (!dev->powered || !(cmd & (is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))) {
        return PCI_BAR_UNMAPPED;
    }
    if (region_num == PCI_ROM_SLOT && !(pci_get_long(reg) & PCI_ROM_ADDRESS_ENABLE)) {
        return PCI_BAR_UNMAPPED;
    }
    addr = is_64 ? pci_get_quad(reg) : pci_get_long(reg);
    addr &= ~(r->size - 1);
    last = addr + r->size - 1;
    limit = is_io ? UINT16_MAX : is_64 ? UINT64_MAX - 1 : UINT32_MAX - 1;
    if (addr == 0 || last <= addr || last > limit) {
        return PCI_BAR_UNMAPPED;
    }
    return addr;
}

static void pci_update_mappings(PCIDevice *dev)
{
    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        PCIIORegion *r = &dev->io_regions[i];
        pcibus_t addr;

        if (!r->size) {
            continue;
        }
        addr = pci_bar_address(dev, i);
        if (addr == r->addr) {
            continue;
        }
        if (r->addr != PCI_BAR_UNMAPPED) {
            memory_region_del_subregion(r->address_space, r->memory);
        }
        r->addr = addr;
        if (addr != PCI_BAR_UNMAPPED) {
            memory_region_add_subregion_overlap(r->address_space, addr, r->memory, 1);
        }
    }
}

static void pci_unmap_all(PCIDevice *dev)
{
    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        PCIIORegion *r = &dev->io_regions[i];

        if (r->size && r->addr != PCI_BAR_UNMAPPED) {
            memory_region_del_subregion(r->address_space, r->memory);
            r->addr = PCI_BAR_UNMAPPED;
        }
    }
}

/* ---- configuration space --------------------------------------------------------------------- */

bool pci_is_express(const PCIDevice *dev)
{
    return dev->cap_present & QEMU_PCI_CAP_EXPRESS;
}

uint32_t pci_config_size(const PCIDevice *dev)
{
    return pci_is_express(dev) ? PCIE_CONFIG_SPACE_SIZE : PCI_CONFIG_SPACE_SIZE;
}

uint16_t pci_get_bdf(PCIDevice *dev)
{
    return PCI_BUILD_BDF(pci_bus_num(pci_get_bus(dev)), dev->devfn);
}

uint32_t pci_default_read_config(PCIDevice *dev, uint32_t address, int len)
{
    uint32_t val = 0;

    assert(len >= 1 && len <= 4 && address + len <= pci_config_size(dev));
    memcpy(&val, dev->config + address, len);
    return le32_to_cpu(val);
}

static void pci_config_changed(PCIDevice *dev, uint32_t address, int len, bool was_disabled)
{
    bool command = ranges_overlap(address, len, PCI_COMMAND, 2);

    if (command || ranges_overlap(address, len, PCI_BASE_ADDRESS_0, 24) ||
        ranges_overlap(address, len, PCI_ROM_ADDRESS, 4)) {
        memory_region_transaction_begin();
        pci_update_mappings(dev);
        if (command) {
            memory_region_set_enabled(&dev->bus_master_enable_region,
                                      pci_get_word(dev->config + PCI_COMMAND) &
                                      PCI_COMMAND_MASTER);
        }
        memory_region_transaction_commit();
    }
    if (command && pci_intx_disabled(dev) != was_disabled) {
        pci_irq_disabled_changed(dev, !was_disabled);
    }
}

void pci_default_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    bool was_disabled = pci_intx_disabled(dev);
    uint32_t rest = val;

    assert(len >= 1 && len <= 4 && address + len <= pci_config_size(dev));
    for (int i = 0; i < len; i++, rest >>= 8) {
        uint8_t *byte = &dev->config[address + i];
        uint8_t wmask = dev->wmask[address + i];
        uint8_t w1cmask = dev->w1cmask[address + i];

        *byte = (*byte & ~wmask) | (rest & wmask);
        *byte &= ~(rest & w1cmask);
    }
    pci_config_changed(dev, address, len, was_disabled);
    pci_capabilities_write_config(dev, address, val, len);
}

/* An access that sticks out of the space is cut at @limit; one wholly beyond it hits nothing. */
static uint32_t pci_clip_length(uint32_t addr, uint32_t limit, uint32_t len)
{
    return addr >= limit ? 0 : MIN(len, limit - addr);
}

void pci_host_config_write_common(PCIDevice *dev, uint32_t addr, uint32_t limit, uint32_t val,
                                  uint32_t len)
{
    len = pci_clip_length(addr, MIN(limit, pci_config_size(dev)), len);
    if (len && dev->powered) {
        dev->config_write(dev, addr, val, len);
    }
}

uint32_t pci_host_config_read_common(PCIDevice *dev, uint32_t addr, uint32_t limit, uint32_t len)
{
    len = pci_clip_length(addr, MIN(limit, pci_config_size(dev)), len);
    return len && dev->powered ? dev->config_read(dev, addr, len) : ~0u;
}

static void pci_config_alloc(PCIDevice *dev)
{
    uint32_t size = pci_config_size(dev);

    dev->config = g_malloc0(size);
    dev->cmask = g_malloc0(size);
    dev->wmask = g_malloc0(size);
    dev->w1cmask = g_malloc0(size);
    dev->used = g_malloc0(size);
}

static void pci_config_free(PCIDevice *dev)
{
    g_clear_pointer(&dev->config, g_free);
    g_clear_pointer(&dev->cmask, g_free);
    g_clear_pointer(&dev->wmask, g_free);
    g_clear_pointer(&dev->w1cmask, g_free);
    g_clear_pointer(&dev->used, g_free);
}

static void pci_init_header(PCIDevice *dev, const PCIDeviceClass *pc)
{
    uint16_t subvendor = pc->subsystem_vendor_id;
    uint16_t subsystem = pc->subsystem_id;

    if (!subvendor && !subsystem) {
        subvendor = PCI_SUBVENDOR_ID_REDHAT_QUMRANET;
        subsystem = PCI_SUBDEVICE_ID_QEMU;
    }
    pci_config_set_vendor_id(dev->config, pc->vendor_id);
    pci_config_set_device_id(dev->config, pc->device_id);
    pci_config_set_revision(dev->config, pc->revision);
    pci_config_set_class(dev->config, pc->class_id);
    if (pc->is_bridge) {
        dev->config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
    } else {
        pci_set_word(dev->config + PCI_SUBSYSTEM_VENDOR_ID, subvendor);
        pci_set_word(dev->config + PCI_SUBSYSTEM_ID, subsystem);
    }
    if (dev->cap_present & QEMU_PCI_CAP_MULTIFUNCTION) {
        dev->config[PCI_HEADER_TYPE] |= 0x80;
    }
}

static void pci_init_masks(PCIDevice *dev)
{
    pci_set_word(dev->wmask + PCI_COMMAND, PCI_COMMAND_WMASK);
    dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
    memset(dev->wmask + PCI_CONFIG_HEADER_SIZE, 0xff,
           pci_config_size(dev) - PCI_CONFIG_HEADER_SIZE);
    if (pci_is_express(dev)) {
        /* The first extended capability's header is there even if there is none: all zero. */
        pci_set_long(dev->wmask + PCI_CONFIG_SPACE_SIZE, 0);
    }
    pci_set_word(dev->w1cmask + PCI_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
                 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
                 PCI_STATUS_DETECTED_PARITY);

    pci_set_word(dev->cmask + PCI_VENDOR_ID, 0xffff);
    pci_set_word(dev->cmask + PCI_DEVICE_ID, 0xffff);
    dev->cmask[PCI_STATUS] = PCI_STATUS_CAP_LIST;
    dev->cmask[PCI_REVISION_ID] = 0xff;
    dev->cmask[PCI_CLASS_PROG] = 0xff;
    pci_set_word(dev->cmask + PCI_CLASS_DEVICE, 0xffff);
    dev->cmask[PCI_HEADER_TYPE] = 0xff;
    dev->cmask[PCI_CAPABILITY_LIST] = 0xff;
}

/* ---- reset ----------------------------------------------------------------------------------- */

static void pci_reset_bars(PCIDevice *dev)
{
    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        PCIIORegion *r = &dev->io_regions[i];
        uint8_t *reg = dev->config + pci_bar_offset(i);

        if (!r->size) {
            continue;
        }
        if (!(r->type & PCI_BASE_ADDRESS_SPACE_IO) && (r->type & PCI_BASE_ADDRESS_MEM_TYPE_64)) {
            pci_set_quad(reg, r->type);
        } else {
            pci_set_long(reg, r->type);
        }
    }
}

void pci_device_reset(PCIDevice *dev)
{
    bool was_disabled;

    pci_deassert_pins(dev);
    was_disabled = pci_intx_disabled(dev);
    pci_word_test_and_clear_mask(dev->config + PCI_COMMAND,
                                 pci_get_word(dev->wmask + PCI_COMMAND) |
                                 pci_get_word(dev->w1cmask + PCI_COMMAND));
    pci_word_test_and_clear_mask(dev->config + PCI_STATUS,
                                 pci_get_word(dev->wmask + PCI_STATUS) |
                                 pci_get_word(dev->w1cmask + PCI_STATUS));
    dev->config[PCI_INTERRUPT_LINE] &= ~dev->wmask[PCI_INTERRUPT_LINE];
    dev->config[PCI_CACHE_LINE_SIZE] = 0;
    pci_reset_bars(dev);
    pci_config_changed(dev, 0, PCI_CONFIG_HEADER_SIZE, was_disabled);
    pci_capabilities_reset(dev);
}

void pci_device_function_reset(PCIDevice *dev)
{
    device_cold_reset(&dev->qdev);
    pci_device_reset(dev);
}

void pci_set_power(PCIDevice *dev, bool on)
{
    if (dev->powered == on) {
        return;
    }
    dev->powered = on;
    pci_device_function_reset(dev);
}

/* ---- life of a device ------------------------------------------------------------------------ */

static int pci_bus_first_free_devfn(PCIBus *bus)
{
    for (int devfn = bus->devfn_min; devfn < PCI_DEVFN_MAX; devfn += PCI_FUNC_MAX) {
        bool reserved = bus->slot_reserved_mask & (1u << PCI_SLOT(devfn));

        if (!bus->devices[devfn] && !reserved) {
            return devfn;
        }
    }
    return -1;
}

static bool pci_choose_devfn(PCIDevice *dev, PCIBus *bus, Error **errp)
{
    PCIDevice *other;

    if (dev->devfn < 0) {
        dev->devfn = pci_bus_first_free_devfn(bus);
        if (dev->devfn < 0) {
            error_setg(errp, "PCI: no slot/function available for %s, all in use or reserved",
                       dev->name);
            return false;
        }
    }
    other = bus->devices[dev->devfn];
    if (other) {
        error_setg(errp, "PCI: slot %d function %d not available for %s, in use by %s,id=%s",
                   PCI_SLOT(dev->devfn), PCI_FUNC(dev->devfn), dev->name, other->name,
                   other->qdev.id ? other->qdev.id : "(null)");
        return false;
    }
    return true;
}

/* Who is told of a slot enumerates it from function 0 on, once. */
static bool pci_check_visible(PCIDevice *dev, Error **errp)
{
    PCIDevice *f0 = pci_get_function_0(dev);

    if (dev->qdev.hotplugged && f0) {
        error_setg(errp, "PCI: slot %d function 0 already occupied by %s, new func %s cannot be "
                   "exposed to guest.", PCI_SLOT(f0->devfn), f0->name, dev->name);
        return false;
    }
    return true;
}

/* Functions other than 0 are only found by a guest if function 0 says that there are some. */
static bool pci_check_multifunction(PCIDevice *dev, PCIBus *bus, Error **errp)
{
    uint8_t slot = PCI_SLOT(dev->devfn);
    PCIDevice *f0 = bus->devices[PCI_DEVFN(slot, 0)];

    if (PCI_FUNC(dev->devfn)) {
        if (f0 && !(f0->cap_present & QEMU_PCI_CAP_MULTIFUNCTION)) {
            error_setg(errp, "PCI: single function device can't be populated in function %x.%x",
                       slot, PCI_FUNC(dev->devfn));
            return false;
        }
        return true;
    }
    if (dev->cap_present & QEMU_PCI_CAP_MULTIFUNCTION) {
        return true;
    }
    for (int func = 1; func < PCI_FUNC_MAX; func++) {
        if (bus->devices[PCI_DEVFN(slot, func)]) {
            error_setg(errp, "PCI: %x.0 indicates single function, but %x.%x is already "
                       "populated.", slot, slot, func);
            return false;
        }
    }
    return true;
}

static void pci_init_dma(PCIDevice *dev)
{
    memory_region_init(&dev->bus_master_container_region, OBJECT(dev), "bus master container",
                       UINT64_MAX);
    memory_region_init_alias(&dev->bus_master_enable_region, OBJECT(dev), "bus master",
                             get_system_memory(), 0, UINT64_MAX);
    memory_region_set_enabled(&dev->bus_master_enable_region, false);
    memory_region_add_subregion(&dev->bus_master_container_region, 0,
                                &dev->bus_master_enable_region);
    address_space_init(&dev->bus_master_as, &dev->bus_master_container_region, dev->name);
    address_space_set_of_device(&dev->bus_master_as);
}

static void pci_cleanup_dma(PCIDevice *dev)
{
    address_space_destroy(&dev->bus_master_as);
    memory_region_del_subregion(&dev->bus_master_container_region,
                                &dev->bus_master_enable_region);
    object_unparent(OBJECT(&dev->bus_master_enable_region));
    object_unparent(OBJECT(&dev->bus_master_container_region));
}

AddressSpace *pci_get_address_space(PCIDevice *dev)
{
    return &dev->bus_master_as;
}

static void pci_do_unregister(PCIDevice *dev)
{
    pci_deassert_pins(dev);
    pci_unmap_all(dev);
    pci_get_bus(dev)->devices[dev->devfn] = NULL;
    pci_cleanup_dma(dev);
    pci_config_free(dev);
    dev->express_cap = 0;
    g_clear_pointer(&dev->capability_ops, g_slist_free);
    memset(dev->io_regions, 0, sizeof(dev->io_regions));
}

static void pci_qdev_realize(DeviceState *qdev, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(dev);
    PCIBus *bus = pci_get_bus(dev);
    Error *err = NULL;

    g_free(dev->name);
    dev->name = g_strdup(object_get_typename(OBJECT(qdev)));
    if (!pci_choose_devfn(dev, bus, errp) || !pci_check_visible(dev, errp) ||
        !pci_check_multifunction(dev, bus, errp)) {
        return;
    }
    dev->powered = true;
    pci_config_alloc(dev);
    pci_init_header(dev, pc);
    pci_init_masks(dev);
    dev->config_read = pc->config_read ? pc->config_read : pci_default_read_config;
    dev->config_write = pc->config_write ? pc->config_write : pci_default_write_config;
    pci_init_dma(dev);
    bus->devices[dev->devfn] = dev;

    if (pc->realize) {
        pc->realize(dev, &err);
    }
    if (err) {
        pci_do_unregister(dev);
        error_propagate(errp, err);
    }
}

static void pci_qdev_unrealize(DeviceState *qdev)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(dev);

    pci_unmap_all(dev);
    if (pc->exit) {
        pc->exit(dev);
    }
    pci_do_unregister(dev);
}

PCIDevice *pci_new(int devfn, const char *name)
{
    PCIDevice *dev = PCI_DEVICE(qdev_new(name));

    dev->devfn = devfn;
    return dev;
}

PCIDevice *pci_new_multifunction(int devfn, const char *name)
{
    PCIDevice *dev = pci_new(devfn, name);

    dev->cap_present |= QEMU_PCI_CAP_MULTIFUNCTION;
    return dev;
}

bool pci_realize_and_unref(PCIDevice *dev, PCIBus *bus, Error **errp)
{
    return qdev_realize_and_unref(DEVICE(dev), BUS(bus), errp);
}

PCIDevice *pci_create_simple(PCIBus *bus, int devfn, const char *name)
{
    PCIDevice *dev = pci_new(devfn, name);

    pci_realize_and_unref(dev, bus, &error_fatal);
    return dev;
}

PCIDevice *pci_create_simple_multifunction(PCIBus *bus, int devfn, const char *name)
{
    PCIDevice *dev = pci_new_multifunction(devfn, name);

    pci_realize_and_unref(dev, bus, &error_fatal);
    return dev;
}

/* ---- properties and type --------------------------------------------------------------------- */

static void pci_get_addr(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    visit_type_int32(v, name, &PCI_DEVICE(obj)->devfn, errp);
}

/* "slot" or "slot.function", hexadecimal, with nothing before, between or after. */
static bool pci_parse_addr(const char *str, int32_t *devfn)
{
    unsigned slot, func = 0;
    int end = 0;

    if (!isxdigit((unsigned char)str[0])) {
        return false;
    }
    if (sscanf(str, "%x.%x%n", &slot, &func, &end) != 2) {
        end = 0;
        func = 0;
        if (sscanf(str, "%x%n", &slot, &end) != 1) {
            return false;
        }
    } else if (!isxdigit((unsigned char)strchr(str, '.')[1])) {
        return false;
    }
    if (str[end] || slot >= PCI_SLOT_MAX || func >= PCI_FUNC_MAX) {
        return false;
    }
    *devfn = PCI_DEVFN(slot, func);
    return true;
}

/* A string as above; JSON may give the devfn as a number, -1 meaning any. */
static void pci_set_addr(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(obj);
    g_autofree char *str = NULL;
    int32_t value;

    if (dev->qdev.realized) {
        error_setg(errp, "Attempt to set property '%s' on device '%s' (type '%s') after it was "
                   "realized", name, dev->qdev.id ? dev->qdev.id : "anonymous",
                   object_get_typename(obj));
        return;
    }
    if (!visit_type_str(v, name, &str, NULL)) {
        if (!visit_type_int32(v, name, &value, errp)) {
            return;
        }
        if (value < -1 || value >= PCI_DEVFN_MAX) {
            error_setg(errp, "Parameter '%s' expects a value between -1 and 255", name);
            return;
        }
        dev->devfn = value;
        return;
    }
    if (!pci_parse_addr(str, &dev->devfn)) {
        error_setg(errp, "Property '%s.%s' doesn't take value '%s'", object_get_typename(obj),
                   name, str);
    }
}

static const Property pci_props[] = {
    DEFINE_PROP_BIT("multifunction", PCIDevice, cap_present, PCI_CAP_MULTIFUNCTION_BITNR, false),
};

static void pci_device_instance_init(Object *obj)
{
    PCI_DEVICE(obj)->devfn = -1;
}

static void pci_device_finalize(Object *obj)
{
    g_free(PCI_DEVICE(obj)->name);
}

static void pci_device_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ObjectProperty *addr;

    QEMU_BUILD_BUG_ON(QEMU_PCI_CAP_MULTIFUNCTION != 1 << PCI_CAP_MULTIFUNCTION_BITNR);
    dc->realize = pci_qdev_realize;
    dc->unrealize = pci_qdev_unrealize;
    dc->bus_type = TYPE_PCI_BUS;
    device_class_set_props(dc, pci_props);
    addr = object_class_property_add(klass, "addr", "int32", pci_get_addr, pci_set_addr, NULL,
                                     NULL);
    addr->defval = json_integer(-1);
    object_class_property_set_description(klass, "addr", "Slot and optional function number, "
                                          "example: 06.0 or 06");
}

static const TypeInfo pci_device_info = {
    .name = TYPE_PCI_DEVICE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(PCIDevice),
    .instance_init = pci_device_instance_init,
    .instance_finalize = pci_device_finalize,
    .abstract = true,
    .class_size = sizeof(PCIDeviceClass),
    .class_init = pci_device_class_init,
};

static void pci_register_types(void)
{
    type_register_static(&pci_device_info);
}

type_init(pci_register_types)
