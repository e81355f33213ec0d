/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI-to-PCI bridges: bus numbers, the windows that make part of the secondary bus' addresses seen
 * on the primary, reset of what is behind. The windows are derived from config[] in one place.
 * Source: PCI-to-PCI Bridge Architecture Specification 1.2, sections 3.2.5 and 4.
 */
#include "qemu/osdep.h"
#include "hw/core/resettable.h"
#include "hw/pci/pci_bridge.h"
#include "qapi/error.h"
#include "qemu/units.h"

#define PCI_SSVID_SIZE 8
#define PCI_SSVID_VENDOR 4
#define PCI_SSVID_ID 6
/* From I/O base to the end of the windows' registers. */
#define PCI_BRIDGE_WINDOW_REGS PCI_IO_BASE
#define PCI_BRIDGE_WINDOW_REGS_SIZE (PCI_IO_LIMIT_UPPER16 + 2 - PCI_IO_BASE)
#define PCI_BRIDGE_CTL_WMASK (PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR | PCI_BRIDGE_CTL_ISA | \
                              PCI_BRIDGE_CTL_VGA | 0x10 | PCI_BRIDGE_CTL_BUS_RESET)

/* ---- windows --------------------------------------------------------------------------------- */

static void pci_bridge_io_range(const uint8_t *config, uint64_t *first, uint64_t *last)
{
    *first = (config[PCI_IO_BASE] & PCI_IO_RANGE_MASK & 0xff) << 8;
    *last = (config[PCI_IO_LIMIT] & PCI_IO_RANGE_MASK & 0xff) << 8 | 0xfff;
}

static void pci_bridge_memory_range(const uint8_t *config, unsigned base, unsigned limit,
                                    uint64_t *first, uint64_t *last)
{
    *first = (uint64_t)(pci_get_word(config + base) & PCI_MEMORY_RANGE_MASK & 0xffff) << 16;
    *last = (uint64_t)(pci_get_word(config + limit) & PCI_MEMORY_RANGE_MASK & 0xffff) << 16 |
            0xfffff;
}

static void pci_bridge_prefetch_range(const uint8_t *config, uint64_t *first, uint64_t *last)
{
    pci_bridge_memory_range(config, PCI_PREF_MEMORY_BASE, PCI_PREF_MEMORY_LIMIT, first, last);
    *first |= (uint64_t)pci_get_long(config + PCI_PREF_BASE_UPPER32) << 32;
    *last |= (uint64_t)pci_get_long(config + PCI_PREF_LIMIT_UPPER32) << 32;
}

bool pci_bridge_get_window(const PCIBridge *br, PCIBridgeWindow w, uint64_t *first,
                           uint64_t *last)
{
    const uint8_t *config = br->parent_obj.config;
    uint16_t command = pci_get_word(config + PCI_COMMAND);
    uint16_t enable = w == PCI_BRIDGE_WINDOW_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

    switch (w) {
    case PCI_BRIDGE_WINDOW_IO:
        pci_bridge_io_range(config, first, last);
        break;
    case PCI_BRIDGE_WINDOW_MEMORY:
        pci_bridge_memory_range(config, PCI_MEMORY_BASE, PCI_MEMORY_LIMIT, first, last);
        break;
    default:
        pci_bridge_prefetch_range(config, first, last);
        break;
    }
    return (command & enable) && *first <= *last;
}

/* A window shows the addresses of the secondary bus at the same addresses of the primary. */
static void pci_bridge_update_windows(PCIBridge *br)
{
    memory_region_transaction_begin();
    for (unsigned w = 0; w < PCI_BRIDGE_WINDOWS; w++) {
        MemoryRegion *mr = &br->windows[w];
        uint64_t first, last;
        bool open = pci_bridge_get_window(br, w, &first, &last);

        memory_region_set_enabled(mr, open);
        if (open) {
            memory_region_set_size(mr, last - first + 1);
            memory_region_set_alias_offset(mr, first);
            memory_region_set_address(mr, first);
        }
    }
    memory_region_transaction_commit();
}

static void pci_bridge_init_windows(PCIBridge *br)
{
    static const char *const names[PCI_BRIDGE_WINDOWS] = {
        "pci_bridge_io", "pci_bridge_mem", "pci_bridge_pref_mem",
    };
    PCIDevice *dev = PCI_DEVICE(br);

    memory_region_init(&br->sec_mem, OBJECT(br), "pci_bridge_pci", UINT64_MAX);
    memory_region_init(&br->sec_io, OBJECT(br), "pci_bridge_io", 64 * KiB);
    for (unsigned w = 0; w < PCI_BRIDGE_WINDOWS; w++) {
        bool io = w == PCI_BRIDGE_WINDOW_IO;

        memory_region_init_alias(&br->windows[w], OBJECT(br), names[w],
                                 io ? &br->sec_io : &br->sec_mem, 0, MiB);
        memory_region_set_enabled(&br->windows[w], false);
        memory_region_add_subregion_overlap(io ? pci_address_space_io(dev)
                                               : pci_address_space(dev),
                                            0, &br->windows[w], 1);
    }
}

static void pci_bridge_cleanup_windows(PCIBridge *br)
{
    PCIDevice *dev = PCI_DEVICE(br);

    for (unsigned w = 0; w < PCI_BRIDGE_WINDOWS; w++) {
        memory_region_del_subregion(w == PCI_BRIDGE_WINDOW_IO ? pci_address_space_io(dev)
                                                              : pci_address_space(dev),
                                    &br->windows[w]);
        object_unparent(OBJECT(&br->windows[w]));
    }
    object_unparent(OBJECT(&br->sec_io));
    object_unparent(OBJECT(&br->sec_mem));
}

/* ---- registers ------------------------------------------------------------------------------- */

static void pci_bridge_init_masks(PCIDevice *dev)
{
    uint8_t *wmask = dev->wmask;

    memset(wmask + PCI_PRIMARY_BUS, 0xff, 4);
    wmask[PCI_IO_BASE] = wmask[PCI_IO_LIMIT] = PCI_IO_RANGE_MASK & 0xff;
    pci_set_word(wmask + PCI_MEMORY_BASE, PCI_MEMORY_RANGE_MASK & 0xffff);
    pci_set_word(wmask + PCI_MEMORY_LIMIT, PCI_MEMORY_RANGE_MASK & 0xffff);
    pci_set_word(wmask + PCI_PREF_MEMORY_BASE, PCI_PREF_RANGE_MASK & 0xffff);
    pci_set_word(wmask + PCI_PREF_MEMORY_LIMIT, PCI_PREF_RANGE_MASK & 0xffff);
    memset(wmask + PCI_PREF_BASE_UPPER32, 0xff, 8);
    pci_set_word(wmask + PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_WMASK);
    pci_set_word(dev->w1cmask + PCI_SEC_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
                 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
                 PCI_STATUS_DETECTED_PARITY);
    pci_set_word(dev->config + PCI_PREF_MEMORY_BASE, PCI_PREF_RANGE_TYPE_64);
    pci_set_word(dev->config + PCI_PREF_MEMORY_LIMIT, PCI_PREF_RANGE_TYPE_64);
}

void pci_bridge_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    PCIBridge *br = PCI_BRIDGE(dev);
    uint16_t old = pci_get_word(dev->config + PCI_BRIDGE_CONTROL), control;

    pci_default_write_config(dev, address, val, len);
    if (ranges_overlap(address, len, PCI_COMMAND, 2) ||
        ranges_overlap(address, len, PCI_BRIDGE_WINDOW_REGS, PCI_BRIDGE_WINDOW_REGS_SIZE)) {
        pci_bridge_update_windows(br);
    }
    control = pci_get_word(dev->config + PCI_BRIDGE_CONTROL);
    if (~old & control & PCI_BRIDGE_CTL_BUS_RESET) {
        bus_cold_reset(BUS(br->sec_bus));
    }
}

/* No bus number; windows closed, as QEMU's are at reset: the base is above the limit. */
void pci_bridge_reset(PCIBridge *br)
{
    uint8_t *config = PCI_DEVICE(br)->config;

    memset(config + PCI_PRIMARY_BUS, 0, 4);
    config[PCI_IO_BASE] = PCI_IO_RANGE_MASK & 0xff;
    config[PCI_IO_LIMIT] = 0;
    pci_set_word(config + PCI_MEMORY_BASE, PCI_MEMORY_RANGE_MASK & 0xffff);
    pci_set_word(config + PCI_MEMORY_LIMIT, 0);
    pci_set_word(config + PCI_PREF_MEMORY_BASE,
                 (PCI_PREF_RANGE_MASK & 0xffff) | PCI_PREF_RANGE_TYPE_64);
    pci_set_word(config + PCI_PREF_MEMORY_LIMIT, PCI_PREF_RANGE_TYPE_64);
    memset(config + PCI_PREF_BASE_UPPER32, 0, 8);
    pci_set_word(config + PCI_BRIDGE_CONTROL, 0);
    pci_bridge_update_windows(br);
}

int pci_bridge_ssvid_init(PCIDevice *dev, uint8_t offset, uint16_t vendor, uint16_t id,
                          Error **errp)
{
    int pos = pci_add_capability(dev, PCI_CAP_ID_SSVID, offset, PCI_SSVID_SIZE, errp);

    if (pos >= 0) {
        pci_set_word(dev->config + pos + PCI_SSVID_VENDOR, vendor);
        pci_set_word(dev->config + pos + PCI_SSVID_ID, id);
    }
    return pos;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The bus is named like the bridge, so that bus=ID says where a device goes. */
void pci_bridge_init(PCIBridge *br)
{
    PCIDevice *dev = PCI_DEVICE(br);

    pci_bridge_init_masks(dev);
    pci_bridge_init_windows(br);
    br->sec_bus = pci_secondary_bus_new(dev, dev->qdev.id, &br->sec_mem, &br->sec_io,
                                        br->bus_type);
    pci_bridge_reset(br);
}

void pci_bridge_cleanup(PCIBridge *br)
{
    pci_secondary_bus_free(br->sec_bus);
    br->sec_bus = NULL;
    pci_bridge_cleanup_windows(br);
}

static void pci_bridge_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->is_bridge = true;
    pc->class_id = PCI_CLASS_BRIDGE_PCI;
    pc->config_write = pci_bridge_write_config;
    set_bit(DEVICE_CATEGORY_BRIDGE, dc->categories);
    /* Bus numbers and windows are given out at boot. */
    dc->hotpluggable = false;
}

static const TypeInfo pci_bridge_types[] = {
    {
        .name = TYPE_PCI_BRIDGE,
        .parent = TYPE_PCI_DEVICE,
        .abstract = true,
        .instance_size = sizeof(PCIBridge),
        .class_init = pci_bridge_class_init,
    },
};
DEFINE_TYPES(pci_bridge_types)
