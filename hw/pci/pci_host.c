/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a CPU reaches configuration space: an address register and a data window (ports 0xcf8 and
 * 0xcfc on a PC), and on PCI Express also a window in memory where every register has an address.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_host.h"
#include "system/address-spaces.h"

#define PCI_CONFIG_ENABLE (1u << 31)

static PCIDevice *pci_dev_find_by_addr(PCIBus *bus, uint32_t addr)
{
    return pci_find_device(bus, (addr >> 16) & 0xff, (addr >> 8) & 0xff);
}

void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len)
{
    PCIDevice *dev = pci_dev_find_by_addr(bus, addr);

    if (dev) {
        pci_host_config_write_common(dev, addr & (PCI_CONFIG_SPACE_SIZE - 1),
                                     PCI_CONFIG_SPACE_SIZE, val, len);
    }
}

uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len)
{
    PCIDevice *dev = pci_dev_find_by_addr(bus, addr);

    if (!dev) {
        return ~0u;
    }
    return pci_host_config_read_common(dev, addr & (PCI_CONFIG_SPACE_SIZE - 1),
                                       PCI_CONFIG_SPACE_SIZE, len);
}

/* Only a 32-bit access reaches the address register: the bytes of these ports are others'. */
static void pci_host_config_write(void *opaque, hwaddr addr, uint64_t val, unsigned len)
{
    PCIHostState *s = opaque;

    if (addr == 0 && len == 4) {
        s->config_reg = val;
    }
}

static uint64_t pci_host_config_read(void *opaque, hwaddr addr, unsigned len)
{
    PCIHostState *s = opaque;

    return s->config_reg;
}

static void pci_host_data_write(void *opaque, hwaddr addr, uint64_t val, unsigned len)
{
    PCIHostState *s = opaque;

    if (s->config_reg & PCI_CONFIG_ENABLE) {
        pci_data_write(s->bus, s->config_reg | (addr & 3), val, len);
    }
}

static uint64_t pci_host_data_read(void *opaque, hwaddr addr, unsigned len)
{
    PCIHostState *s = opaque;

    if (!(s->config_reg & PCI_CONFIG_ENABLE)) {
        return 0xffffffff;
    }
    return pci_data_read(s->bus, s->config_reg | (addr & 3), len);
}

const MemoryRegionOps pci_host_conf_le_ops = {
    .read = pci_host_config_read,
    .write = pci_host_config_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

const MemoryRegionOps pci_host_data_le_ops = {
    .read = pci_host_data_read,
    .write = pci_host_data_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* ---- ECAM ------------------------------------------------------------------------------------ */

static PCIDevice *pcie_dev_find_by_mmcfg_addr(PCIExpressHost *e, hwaddr addr)
{
    return pci_find_device(e->pci.bus, (addr >> 20) & 0xff, (addr >> 12) & 0xff);
}

static void pcie_mmcfg_data_write(void *opaque, hwaddr addr, uint64_t val, unsigned len)
{
    PCIDevice *dev = pcie_dev_find_by_mmcfg_addr(opaque, addr);

    if (dev) {
        pci_host_config_write_common(dev, addr & (PCIE_CONFIG_SPACE_SIZE - 1),
                                     PCIE_CONFIG_SPACE_SIZE, val, len);
    }
}

static uint64_t pcie_mmcfg_data_read(void *opaque, hwaddr addr, unsigned len)
{
    PCIDevice *dev = pcie_dev_find_by_mmcfg_addr(opaque, addr);

    if (!dev) {
        return ~UINT64_C(0);
    }
    return pci_host_config_read_common(dev, addr & (PCIE_CONFIG_SPACE_SIZE - 1),
                                       PCIE_CONFIG_SPACE_SIZE, len);
}

static const MemoryRegionOps pcie_mmcfg_ops = {
    .read = pcie_mmcfg_data_read,
    .write = pcie_mmcfg_data_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void pcie_host_mmcfg_unmap(PCIExpressHost *e)
{
    if (e->base_addr != PCIE_BASE_ADDR_UNMAPPED) {
        memory_region_del_subregion(get_system_memory(), &e->mmio);
        e->base_addr = PCIE_BASE_ADDR_UNMAPPED;
    }
}

void pcie_host_mmcfg_update(PCIExpressHost *e, int enable, hwaddr addr, uint32_t size)
{
    assert(size <= PCIE_MMCFG_SIZE_MAX);
    memory_region_transaction_begin();
    pcie_host_mmcfg_unmap(e);
    if (enable) {
        memory_region_set_size(&e->mmio, size);
        e->size = size;
        e->base_addr = addr;
        memory_region_add_subregion(get_system_memory(), addr, &e->mmio);
    }
    memory_region_transaction_commit();
}

static void pcie_host_init(Object *obj)
{
    PCIExpressHost *e = PCIE_HOST_BRIDGE(obj);

    e->base_addr = PCIE_BASE_ADDR_UNMAPPED;
    memory_region_init_io(&e->mmio, obj, &pcie_mmcfg_ops, e, "pcie-mmcfg-mmio",
                          PCIE_MMCFG_SIZE_MAX);
}

static const TypeInfo pci_host_types[] = {
    {
        .name = TYPE_PCI_HOST_BRIDGE,
        .parent = TYPE_SYS_BUS_DEVICE,
        .abstract = true,
        .instance_size = sizeof(PCIHostState),
        .class_size = sizeof(PCIHostBridgeClass),
    },
    {
        .name = TYPE_PCIE_HOST_BRIDGE,
        .parent = TYPE_PCI_HOST_BRIDGE,
        .abstract = true,
        .instance_size = sizeof(PCIExpressHost),
        .instance_init = pcie_host_init,
    },
};
DEFINE_TYPES(pci_host_types)
