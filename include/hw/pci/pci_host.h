/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host bridges: the base type, with configuration mechanism 1 (ports 0xcf8 and 0xcfc), and the
 * PCI Express base type, with the memory-mapped configuration window (ECAM) added.
 * Source: PCI Local Bus Specification 3.0 section 3.2.2.3.2; PCI Express Base 3.0 section 7.2.2.
 */
#ifndef HW_PCI_PCI_HOST_H
#define HW_PCI_PCI_HOST_H

#include "hw/core/sysbus.h"
#include "hw/pci/pci.h"

#define TYPE_PCI_HOST_BRIDGE "pci-host-bridge"
typedef struct PCIHostState PCIHostState;
typedef struct PCIHostBridgeClass PCIHostBridgeClass;
DECLARE_OBJ_CHECKERS(PCIHostState, PCIHostBridgeClass, PCI_HOST_BRIDGE, TYPE_PCI_HOST_BRIDGE)

struct PCIHostState {
    SysBusDevice busdev;

    MemoryRegion conf_mem;    /* address register, 4 bytes, initialised with pci_host_conf_le_ops */
    MemoryRegion data_mem;    /* data window, 4 bytes, with pci_host_data_le_ops */
    uint32_t config_reg;
    PCIBus *bus;
};

struct PCIHostBridgeClass {
    SysBusDeviceClass parent_class;
};

/* Operations of conf_mem and data_mem; opaque is the PCIHostState. */
extern const MemoryRegionOps pci_host_conf_le_ops;
extern const MemoryRegionOps pci_host_data_le_ops;

/* Configuration access by address: bus << 16 | devfn << 8 | register. Absent: all ones. */
void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len);
uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len);

#define TYPE_PCIE_HOST_BRIDGE "pcie-host-bridge"
OBJECT_DECLARE_SIMPLE_TYPE(PCIExpressHost, PCIE_HOST_BRIDGE)

#define PCIE_HOST_MCFG_BASE "MCFG"       /* property: base of the window, or all ones */
#define PCIE_HOST_MCFG_SIZE "mcfg_size"
#define PCIE_BASE_ADDR_UNMAPPED UINT64_MAX
#define PCIE_MMCFG_SIZE_MAX (UINT64_C(1) << 28)

struct PCIExpressHost {
    PCIHostState pci;

    uint64_t base_addr;       /* PCIE_BASE_ADDR_UNMAPPED while there is no window */
    uint64_t size;
    MemoryRegion mmio;
};

/* Makes the window appear at @addr with @size bytes (a MiB per bus), move, or (@enable 0) go. */
void pcie_host_mmcfg_update(PCIExpressHost *e, int enable, hwaddr addr, uint32_t size);

#endif /* HW_PCI_PCI_HOST_H */
