/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The base of every PCI function, for those who derive from it, and its DMA.
 *
 * A class gives the identification and a realize(); configuration space exists and its header is
 * filled in before realize() runs. wmask, w1cmask and cmask say for each bit of config[] whether
 * the guest may write it, clears it by writing 1, or whether it is fixed by the platform.
 */
#ifndef HW_PCI_PCI_DEVICE_H
#define HW_PCI_PCI_DEVICE_H

#include "hw/pci/pci.h"
#include "system/dma.h"

typedef uint32_t PCIConfigReadFunc(PCIDevice *dev, uint32_t address, int len);
typedef void PCIConfigWriteFunc(PCIDevice *dev, uint32_t address, uint32_t data, int len);

struct PCIDeviceClass {
    DeviceClass parent_class;

    void (*realize)(PCIDevice *dev, Error **errp);
    void (*exit)(PCIDevice *dev);
    PCIConfigReadFunc *config_read;     /* NULL: pci_default_read_config */
    PCIConfigWriteFunc *config_write;   /* NULL: pci_default_write_config */

    uint16_t vendor_id;
    uint16_t device_id;
    uint8_t revision;
    uint16_t class_id;
    bool is_bridge;                     /* header type 1: no subsystem IDs, windows */
    uint16_t subsystem_vendor_id;       /* both 0: 1af4:1100 */
    uint16_t subsystem_id;
    const char *romfile;                /* always NULL: no firmware runs option ROMs */
};

typedef struct PCIIORegion {
    pcibus_t addr;                      /* PCI_BAR_UNMAPPED while it is not mapped */
    pcibus_t size;                      /* 0: there is no such BAR */
    uint8_t type;                       /* low bits of the register */
    MemoryRegion *memory;
    MemoryRegion *address_space;        /* of the bus: memory or ports */
} PCIIORegion;

/* What a capability does besides keeping what a guest writes. Both are there. */
typedef struct PCICapabilityOps {
    /* The guest has written @len bytes of @val at @address, which config[] has taken already. */
    PCIConfigWriteFunc *write_config;
    void (*reset)(PCIDevice *dev);
} PCICapabilityOps;

typedef struct MSIMessage {
    uint64_t address;
    uint32_t data;
} MSIMessage;

struct PCIDevice {
    DeviceState qdev;

    /* Configuration space, pci_config_size() bytes each. */
    uint8_t *config;
    uint8_t *cmask;     /* bits fixed by the platform */
    uint8_t *wmask;     /* bits the guest may write */
    uint8_t *w1cmask;   /* bits the guest clears by writing 1 */
    uint8_t *used;      /* bytes taken by capabilities */

    int32_t devfn;      /* "addr"; -1: chosen at realize */
    uint32_t acpi_index;
    char *name;         /* type name */
    uint32_t cap_present;
    bool powered;       /* its slot has power: always, but in a PCI Express slot */
    uint8_t express_cap;   /* offset of the PCI Express capability, or 0 */
    GSList *capability_ops;   /* PCICapabilityOps, in the order of their registration */
    PCIIORegion io_regions[PCI_NUM_REGIONS];
    PCIConfigReadFunc *config_read;
    PCIConfigWriteFunc *config_write;
    uint8_t irq_state;  /* a bit per pin: what the device asserts, disabled or not */

    /* DMA. */
    AddressSpace bus_master_as;
    MemoryRegion bus_master_container_region;
    MemoryRegion bus_master_enable_region;

    /* MSI-X: see hw/pci/msix.h. */
    uint8_t msix_cap;
    int msix_entries_nr;
    uint8_t *msix_table;
    uint8_t *msix_pba;
    MemoryRegion msix_exclusive_bar;
    MemoryRegion msix_table_mmio;
    MemoryRegion msix_pba_mmio;
    unsigned *msix_entry_used;
    bool msix_function_masked;
};

/* @ops is kept; it goes with pci_del_capability_ops() or when the function is unrealized. */
void pci_add_capability_ops(PCIDevice *dev, const PCICapabilityOps *ops);
void pci_del_capability_ops(PCIDevice *dev, const PCICapabilityOps *ops);
/* For pci.c: all that are registered. */
void pci_capabilities_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len);
void pci_capabilities_reset(PCIDevice *dev);
/* The function asserts no interrupt pin any more. */
void pci_deassert_pins(PCIDevice *dev);

/* DMA of the device; MEMTX_OK, or the error of the access. Any thread. */
static inline MemTxResult pci_dma_rw(PCIDevice *dev, dma_addr_t addr, void *buf, dma_addr_t len,
                                     DMADirection dir, MemTxAttrs attrs)
{
    return dma_memory_rw(pci_get_address_space(dev), addr, buf, len, dir, attrs);
}
static inline MemTxResult pci_dma_read(PCIDevice *dev, dma_addr_t addr, void *buf, dma_addr_t len)
{
    return pci_dma_rw(dev, addr, buf, len, DMA_DIRECTION_TO_DEVICE, MEMTXATTRS_UNSPECIFIED);
}
static inline MemTxResult pci_dma_write(PCIDevice *dev, dma_addr_t addr, const void *buf,
                                        dma_addr_t len)
{
    return pci_dma_rw(dev, addr, (void *)buf, len, DMA_DIRECTION_FROM_DEVICE,
                      MEMTXATTRS_UNSPECIFIED);
}

#endif /* HW_PCI_PCI_DEVICE_H */
