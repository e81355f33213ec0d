/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query-pci: a walk of the PCI buses. It tells what configuration space says now, hence what the
 * guest has made of it: functions behind a bridge are seen once that bus has a number, as a guest
 * would see them. `info pci` prints the same walk. Source: PCI Local Bus 3.0 chapter 6,
 * PCI-to-PCI Bridge 1.2 chapter 3.2.5.
 */
#include "qemu/osdep.h"

#include "hw/core/sysbus.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "pci-info.h"
#include "qapi/qapi-commands-pci.h"
#include "qapi/util.h"

typedef struct ClassName {
    uint16_t class;
    const char *name;
} ClassName;

static const ClassName class_names[] = {
    { PCI_CLASS_MEMORY_RAM, "RAM controller" },
    { PCI_CLASS_BRIDGE_HOST, "Host bridge" },
    { PCI_CLASS_BRIDGE_ISA, "ISA bridge" },
    { PCI_CLASS_BRIDGE_PCI, "PCI bridge" },
    { PCI_CLASS_BRIDGE_OTHER, "Bridge" },
};

const char *pci_class_name(const PCIDevice *dev)
{
    uint16_t class = pci_get_word(dev->config + PCI_CLASS_DEVICE);

    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (class_names[i].class == class) {
            return class_names[i].name;
        }
    }
    return NULL;
}

static uint8_t header_type(const PCIDevice *dev)
{
    return pci_get_byte(dev->config + PCI_HEADER_TYPE) & ~0x80;
}

/* ---- bridges ---- */

static PciMemoryRange *range_new(uint64_t base, uint64_t limit)
{
    PciMemoryRange *range = g_new0(PciMemoryRange, 1);

    range->base = base;
    range->limit = limit;
    return range;
}

/* Ports count in 4 KiB. */
static PciMemoryRange *io_window(const uint8_t *config)
{
    uint32_t base = (config[PCI_IO_BASE] & PCI_IO_RANGE_MASK & 0xff) << 8;
    uint32_t limit = (config[PCI_IO_LIMIT] & PCI_IO_RANGE_MASK & 0xff) << 8;

    if ((config[PCI_IO_BASE] & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32) {
        base |= (uint32_t)pci_get_word(config + PCI_IO_BASE_UPPER16) << 16;
        limit |= (uint32_t)pci_get_word(config + PCI_IO_LIMIT_UPPER16) << 16;
    }
    return range_new(base, limit | 0xfff);
}

/* Memory counts in MiB. */
static uint64_t window_address(const uint8_t *reg)
{
    return (uint64_t)(pci_get_word(reg) & 0xfff0) << 16;
}

static PciMemoryRange *memory_window(const uint8_t *config)
{
    return range_new(window_address(config + PCI_MEMORY_BASE),
                     window_address(config + PCI_MEMORY_LIMIT) | 0xfffff);
}

static PciMemoryRange *prefetchable_window(const uint8_t *config)
{
    uint64_t base = window_address(config + PCI_PREF_MEMORY_BASE);
    uint64_t limit = window_address(config + PCI_PREF_MEMORY_LIMIT) | 0xfffff;

    if ((config[PCI_PREF_MEMORY_BASE] & PCI_PREF_RANGE_TYPE_MASK) == PCI_PREF_RANGE_TYPE_64) {
        base |= (uint64_t)pci_get_long(config + PCI_PREF_BASE_UPPER32) << 32;
        limit |= (uint64_t)pci_get_long(config + PCI_PREF_LIMIT_UPPER32) << 32;
    }
    return range_new(base, limit);
}

static PciBusInfo *bridge_bus_new(const uint8_t *config)
{
    PciBusInfo *info = g_new0(PciBusInfo, 1);

    info->number = config[PCI_PRIMARY_BUS];
    info->secondary = config[PCI_SECONDARY_BUS];
    info->subordinate = config[PCI_SUBORDINATE_BUS];
    info->io_range = io_window(config);
    info->memory_range = memory_window(config);
    info->prefetchable_range = prefetchable_window(config);
    return info;
}

static PciDeviceInfoList *devices_on_bus(PCIBus *bus, int bus_num);

static PciBridgeInfo *bridge_new(const PCIDevice *dev)
{
    PciBridgeInfo *info = g_new0(PciBridgeInfo, 1);
    BusState *bus = QLIST_FIRST(&dev->qdev.child_bus);

    info->bus = bridge_bus_new(dev->config);
    if (info->bus->secondary && bus && object_dynamic_cast(OBJECT(bus), TYPE_PCI_BUS)) {
        info->has_devices = true;
        info->devices = devices_on_bus(PCI_BUS(bus), info->bus->secondary);
    }
    return info;
}

/* ---- functions ---- */

static PciMemoryRegion *region_new(int bar, const PCIIORegion *r)
{
    PciMemoryRegion *info = g_new0(PciMemoryRegion, 1);
    bool is_io = r->type & PCI_BASE_ADDRESS_SPACE_IO;

    info->bar = bar;
    info->type = g_strdup(is_io ? "io" : "memory");
    info->address = r->addr;            /* PCI_BAR_UNMAPPED is -1 */
    info->size = r->size;
    info->has_prefetch = info->has_mem_type_64 = !is_io;
    info->prefetch = r->type & PCI_BASE_ADDRESS_MEM_PREFETCH;
    info->mem_type_64 = r->type & PCI_BASE_ADDRESS_MEM_TYPE_64;
    return info;
}

static PciMemoryRegionList *regions_of(const PCIDevice *dev)
{
    PciMemoryRegionList *list = NULL, **tail = &list;

    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        if (dev->io_regions[i].size) {
            QAPI_LIST_APPEND(tail, region_new(i, &dev->io_regions[i]));
        }
    }
    return list;
}

static PciDeviceId *id_new(const PCIDevice *dev)
{
    PciDeviceId *id = g_new0(PciDeviceId, 1);

    id->vendor = pci_get_word(dev->config + PCI_VENDOR_ID);
    id->device = pci_get_word(dev->config + PCI_DEVICE_ID);
    if (header_type(dev) == PCI_HEADER_TYPE_NORMAL) {
        id->has_subsystem = id->has_subsystem_vendor = true;
        id->subsystem = pci_get_word(dev->config + PCI_SUBSYSTEM_ID);
        id->subsystem_vendor = pci_get_word(dev->config + PCI_SUBSYSTEM_VENDOR_ID);
    }
    return id;
}

static PciDeviceInfo *function_new(const PCIDevice *dev, int bus_num)
{
    PciDeviceInfo *info = g_new0(PciDeviceInfo, 1);

    info->bus = bus_num;
    info->slot = PCI_SLOT(dev->devfn);
    info->function = PCI_FUNC(dev->devfn);
    info->class_info = g_new0(PciDeviceClass, 1);
    info->class_info->class = pci_get_word(dev->config + PCI_CLASS_DEVICE);
    info->class_info->desc = g_strdup(pci_class_name(dev));
    info->id = id_new(dev);
    info->irq_pin = dev->config[PCI_INTERRUPT_PIN];
    info->has_irq = info->irq_pin != 0;
    info->irq = dev->config[PCI_INTERRUPT_LINE];
    info->qdev_id = g_strdup(dev->qdev.id ? dev->qdev.id : "");
    if (header_type(dev) == PCI_HEADER_TYPE_BRIDGE) {
        info->pci_bridge = bridge_new(dev);
    }
    info->regions = regions_of(dev);
    return info;
}

static PciDeviceInfoList *devices_on_bus(PCIBus *bus, int bus_num)
{
    PciDeviceInfoList *list = NULL, **tail = &list;

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (bus->devices[devfn]) {
            QAPI_LIST_APPEND(tail, function_new(bus->devices[devfn], bus_num));
        }
    }
    return list;
}

/* Root buses are those of host bridges, which sit on the system bus. */
PciInfoList *qmp_query_pci(Error **errp)
{
    PciInfoList *list = NULL, **tail = &list;
    BusChild *kid;
    BusState *bus;

    QTAILQ_FOREACH(kid, &sysbus_get_default()->children, sibling) {
        QLIST_FOREACH(bus, &kid->child->child_bus, sibling) {
            if (object_dynamic_cast(OBJECT(bus), TYPE_PCI_BUS)) {
                PciInfo *info = g_new0(PciInfo, 1);

                info->devices = devices_on_bus(PCI_BUS(bus), 0);
                QAPI_LIST_APPEND(tail, info);
            }
        }
    }
    return list;
}
