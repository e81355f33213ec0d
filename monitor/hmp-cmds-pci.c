/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info pci`: what query-pci tells, in QEMU's form. */
#include "qemu/osdep.h"

#include "hmp.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-pci.h"

/* Its last address; an unmapped BAR begins at all ones, and QEMU's arithmetic wraps. */
static uint64_t region_last(const PciMemoryRegion *r)
{
    return (uint64_t)r->address + r->size - 1;
}

static void print_bar(MonitorHMP *mon, const PciMemoryRegion *r)
{
    if (!r->has_prefetch) {
        hmp_printf(mon, "      BAR%d: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", (int)r->bar,
                   (uint64_t)r->address, region_last(r));
        return;
    }
    hmp_printf(mon, "      BAR%d: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
               (int)r->bar, r->mem_type_64 ? 64 : 32, r->prefetch ? " prefetchable" : "",
               (uint64_t)r->address, region_last(r));
}

static void print_bridge(MonitorHMP *mon, const PciBusInfo *bus)
{
    hmp_printf(mon, "      BUS %d.\n", (int)bus->number);
    hmp_printf(mon, "      secondary bus %d.\n", (int)bus->secondary);
    hmp_printf(mon, "      subordinate bus %d.\n", (int)bus->subordinate);
    hmp_printf(mon, "      IO range [0x%04" PRIx64 ", 0x%04" PRIx64 "]\n", bus->io_range->base,
               bus->io_range->limit);
    hmp_printf(mon, "      memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n",
               bus->memory_range->base, bus->memory_range->limit);
    hmp_printf(mon, "      prefetchable memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n",
               bus->prefetchable_range->base, bus->prefetchable_range->limit);
}

static void print_identity(MonitorHMP *mon, const PciDeviceInfo *dev)
{
    if (dev->class_info->desc) {
        hmp_printf(mon, "    %s", dev->class_info->desc);
    } else {
        hmp_printf(mon, "    Class %04d", (int)dev->class_info->class);
    }
    hmp_printf(mon, ": PCI device %04x:%04x\n", (unsigned)dev->id->vendor,
               (unsigned)dev->id->device);
    if (dev->id->has_subsystem) {
        hmp_printf(mon, "      PCI subsystem %04x:%04x\n", (unsigned)dev->id->subsystem_vendor,
                   (unsigned)dev->id->subsystem);
    }
}

static void print_function(MonitorHMP *mon, const PciDeviceInfo *dev)
{
    hmp_printf(mon, "  Bus %2d, device %3d, function %d:\n", (int)dev->bus, (int)dev->slot,
               (int)dev->function);
    print_identity(mon, dev);
    if (dev->has_irq) {
        hmp_printf(mon, "      IRQ %d, pin %c\n", (int)dev->irq, (char)('A' + dev->irq_pin - 1));
    }
    if (dev->pci_bridge) {
        print_bridge(mon, dev->pci_bridge->bus);
    }
    for (PciMemoryRegionList *r = dev->regions; r; r = r->next) {
        print_bar(mon, r->value);
    }
    hmp_printf(mon, "      id \"%s\"\n", dev->qdev_id);
}

static void print_functions(MonitorHMP *mon, const PciDeviceInfoList *list)
{
    for (; list; list = list->next) {
        print_function(mon, list->value);
        if (list->value->pci_bridge) {
            print_functions(mon, list->value->pci_bridge->devices);
        }
    }
}

void hmp_info_pci(MonitorHMP *mon, char **args)
{
    g_autoptr(PciInfoList) list = qmp_query_pci(&error_abort);

    for (PciInfoList *l = list; l; l = l->next) {
        print_functions(mon, l->value->devices);
    }
}
