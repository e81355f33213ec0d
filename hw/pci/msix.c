/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X: the table of messages and the pending bits of a function, and what masks them: the
 * entry's own mask bit, the function mask, and the enable bit of the capability.
 * Source: PCI Local Bus Specification 3.0 section 6.8.2 and 6.8.3.5.
 */
#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "qapi/error.h"

#define MSIX_CAP_LENGTH 12
#define MSIX_PAGE_SIZE 0x1000
/* Offset within config space of the control register's byte with both writable bits. */
#define MSIX_CONTROL_OFFSET (PCI_MSIX_FLAGS + 1)
#define MSIX_ENABLE_MASK (PCI_MSIX_FLAGS_ENABLE >> 8)
#define MSIX_MASKALL_MASK (PCI_MSIX_FLAGS_MASKALL >> 8)

int msix_present(PCIDevice *dev)
{
    return !!(dev->cap_present & QEMU_PCI_CAP_MSIX);
}

int msix_enabled(PCIDevice *dev)
{
    return msix_present(dev) &&
           (dev->config[dev->msix_cap + MSIX_CONTROL_OFFSET] & MSIX_ENABLE_MASK);
}

static uint8_t *msix_entry(PCIDevice *dev, unsigned vector)
{
    return dev->msix_table + vector * PCI_MSIX_ENTRY_SIZE;
}

unsigned msix_nr_vectors_allocated(const PCIDevice *dev)
{
    return dev->msix_entries_nr;
}

MSIMessage msix_get_message(PCIDevice *dev, unsigned vector)
{
    uint8_t *entry = msix_entry(dev, vector);

    return (MSIMessage) {
        .address = pci_get_quad(entry + PCI_MSIX_ENTRY_LOWER_ADDR),
        .data = pci_get_long(entry + PCI_MSIX_ENTRY_DATA),
    };
}

bool msix_is_masked(PCIDevice *dev, unsigned vector)
{
    return dev->msix_function_masked ||
           (msix_entry(dev, vector)[PCI_MSIX_ENTRY_VECTOR_CTRL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

bool msix_is_pending(PCIDevice *dev, unsigned vector)
{
    return dev->msix_pba[vector / 8] & (1 << (vector % 8));
}

static void msix_set_pending(PCIDevice *dev, unsigned vector, bool pending)
{
    if (pending) {
        dev->msix_pba[vector / 8] |= 1 << (vector % 8);
    } else {
        dev->msix_pba[vector / 8] &= ~(1 << (vector % 8));
    }
}

/*
 * A write like any other of the device's (6.8.3.1): it reaches memory, where a driver may poll for
 * it, and interrupt controllers; the memory core refuses the rest. One aligned word: what a driver
 * writes to the address's lowest bits has no meaning (6.8.2.7).
 */
void msi_send_message(PCIDevice *dev, MSIMessage msg)
{
    address_space_stl_le(&dev->bus_master_as, msg.address & ~UINT64_C(3), msg.data,
                         MEMTXATTRS_UNSPECIFIED, NULL);
}

/* A vector that is no longer masked sends what has been pending. */
static void msix_fire_pending(PCIDevice *dev, unsigned vector, bool was_masked)
{
    if (was_masked && !msix_is_masked(dev, vector) && msix_is_pending(dev, vector)) {
        msix_set_pending(dev, vector, false);
        msix_notify(dev, vector);
    }
}

void msix_notify(PCIDevice *dev, unsigned vector)
{
    if (vector >= (unsigned)dev->msix_entries_nr || !dev->msix_entry_used[vector]) {
        return;
    }
    if (msix_is_masked(dev, vector)) {
        msix_set_pending(dev, vector, true);
        return;
    }
    msi_send_message(dev, msix_get_message(dev, vector));
}

static bool msix_update_function_masked(PCIDevice *dev)
{
    uint8_t control = dev->config[dev->msix_cap + MSIX_CONTROL_OFFSET];
    bool was_masked = dev->msix_function_masked;

    dev->msix_function_masked = !(control & MSIX_ENABLE_MASK) || (control & MSIX_MASKALL_MASK);
    return was_masked;
}

static void msix_control_written(PCIDevice *dev)
{
    bool was_masked = msix_update_function_masked(dev);

    if (dev->msix_function_masked || !was_masked) {
        return;
    }
    for (int vector = 0; vector < dev->msix_entries_nr; vector++) {
        msix_fire_pending(dev, vector, true);
    }
}

static void msix_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    bool enabled = msix_enabled(dev);

    if (ranges_overlap(address, len, dev->msix_cap + MSIX_CONTROL_OFFSET, 1)) {
        msix_control_written(dev);
    }
    if (enabled) {
        pci_deassert_pins(dev);
    }
}

static uint64_t msix_table_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIDevice *dev = opaque;

    return pci_get_long(dev->msix_table + addr);
}

static void msix_table_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCIDevice *dev = opaque;
    unsigned vector = addr / PCI_MSIX_ENTRY_SIZE;
    bool was_masked = msix_is_masked(dev, vector);

    pci_set_long(dev->msix_table + addr, val);
    msix_fire_pending(dev, vector, was_masked);
}

static const MemoryRegionOps msix_table_ops = {
    .read = msix_table_read,
    .write = msix_table_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static uint64_t msix_pba_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIDevice *dev = opaque;

    return pci_get_long(dev->msix_pba + addr);
}

/* The pending bits are the function's to change. */
static void msix_pba_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps msix_pba_ops = {
    .read = msix_pba_read,
    .write = msix_pba_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static void msix_mask_all(PCIDevice *dev)
{
    for (int vector = 0; vector < dev->msix_entries_nr; vector++) {
        msix_entry(dev, vector)[PCI_MSIX_ENTRY_VECTOR_CTRL] |= PCI_MSIX_ENTRY_CTRL_MASKBIT;
    }
}

static unsigned msix_table_size(unsigned nentries)
{
    return nentries * PCI_MSIX_ENTRY_SIZE;
}

static unsigned msix_pba_size(unsigned nentries)
{
    return QEMU_ALIGN_UP(nentries, 64) / 8;
}

static int msix_add_capability(PCIDevice *dev, unsigned nentries, uint32_t table, uint32_t pba,
                               uint8_t cap_pos, Error **errp)
{
    int cap = pci_add_capability(dev, PCI_CAP_ID_MSIX, cap_pos, MSIX_CAP_LENGTH, errp);

    if (cap < 0) {
        return cap;
    }
    dev->msix_cap = cap;
    dev->cap_present |= QEMU_PCI_CAP_MSIX;
    pci_set_word(dev->config + cap + PCI_MSIX_FLAGS, nentries - 1);
    pci_set_long(dev->config + cap + PCI_MSIX_TABLE, table);
    pci_set_long(dev->config + cap + PCI_MSIX_PBA, pba);
    dev->wmask[cap + MSIX_CONTROL_OFFSET] |= MSIX_ENABLE_MASK | MSIX_MASKALL_MASK;
    return 0;
}

static void msix_reset(PCIDevice *dev)
{
    memset(dev->msix_table, 0, msix_table_size(dev->msix_entries_nr));
    memset(dev->msix_pba, 0, msix_pba_size(dev->msix_entries_nr));
    msix_mask_all(dev);
    dev->config[dev->msix_cap + MSIX_CONTROL_OFFSET] &= ~(MSIX_ENABLE_MASK | MSIX_MASKALL_MASK);
    msix_update_function_masked(dev);
}

static const PCICapabilityOps msix_capability_ops = {
    .write_config = msix_write_config,
    .reset = msix_reset,
};

int msix_init(PCIDevice *dev, unsigned short nentries, MemoryRegion *table_bar,
              uint8_t table_bar_nr, unsigned table_offset, MemoryRegion *pba_bar,
              uint8_t pba_bar_nr, unsigned pba_offset, uint8_t cap_pos, Error **errp)
{
    int ret;

    if (nentries < 1 || nentries > MSIX_ENTRY_MAX) {
        error_setg(errp, "The number of MSI-X vectors is invalid");
        return -EINVAL;
    }
    assert(QEMU_IS_ALIGNED(table_offset, 8) && QEMU_IS_ALIGNED(pba_offset, 8));
    assert(table_offset + msix_table_size(nentries) <= memory_region_size(table_bar));
    assert(pba_offset + msix_pba_size(nentries) <= memory_region_size(pba_bar));
    ret = msix_add_capability(dev, nentries, table_offset | table_bar_nr, pba_offset | pba_bar_nr,
                              cap_pos, errp);
    if (ret < 0) {
        return ret;
    }
    dev->msix_entries_nr = nentries;
    dev->msix_function_masked = true;
    dev->msix_table = g_malloc0(msix_table_size(nentries));
    dev->msix_pba = g_malloc0(msix_pba_size(nentries));
    dev->msix_entry_used = g_new0(unsigned, nentries);
    msix_mask_all(dev);
    pci_add_capability_ops(dev, &msix_capability_ops);

    memory_region_init_io(&dev->msix_table_mmio, OBJECT(dev), &msix_table_ops, dev, "msix-table",
                          msix_table_size(nentries));
    memory_region_add_subregion(table_bar, table_offset, &dev->msix_table_mmio);
    memory_region_init_io(&dev->msix_pba_mmio, OBJECT(dev), &msix_pba_ops, dev, "msix-pba",
                          msix_pba_size(nentries));
    memory_region_add_subregion(pba_bar, pba_offset, &dev->msix_pba_mmio);
    return 0;
}

int msix_init_exclusive_bar(PCIDevice *dev, unsigned short nentries, uint8_t bar_nr, Error **errp)
{
    unsigned pba_offset = MAX(MSIX_PAGE_SIZE / 2, msix_table_size(nentries));
    uint64_t size = MAX(MSIX_PAGE_SIZE, pow2ceil(pba_offset + msix_pba_size(nentries)));
    g_autofree char *name = g_strdup_printf("%s-msix", dev->name);
    int ret;

    if (nentries < 1 || nentries > MSIX_ENTRY_MAX) {
        error_setg(errp, "The number of MSI-X vectors is invalid");
        return -EINVAL;
    }
    memory_region_init(&dev->msix_exclusive_bar, OBJECT(dev), name, size);
    ret = msix_init(dev, nentries, &dev->msix_exclusive_bar, bar_nr, 0, &dev->msix_exclusive_bar,
                    bar_nr, pba_offset, 0, errp);
    if (ret < 0) {
        object_unparent(OBJECT(&dev->msix_exclusive_bar));
        return ret;
    }
    pci_register_bar(dev, bar_nr, PCI_BASE_ADDRESS_SPACE_MEMORY, &dev->msix_exclusive_bar);
    return 0;
}

void msix_uninit(PCIDevice *dev, MemoryRegion *table_bar, MemoryRegion *pba_bar)
{
    if (!msix_present(dev)) {
        return;
    }
    pci_del_capability_ops(dev, &msix_capability_ops);
    pci_del_capability(dev, PCI_CAP_ID_MSIX, MSIX_CAP_LENGTH);
    dev->msix_cap = 0;
    dev->msix_entries_nr = 0;
    memory_region_del_subregion(pba_bar, &dev->msix_pba_mmio);
    object_unparent(OBJECT(&dev->msix_pba_mmio));
    memory_region_del_subregion(table_bar, &dev->msix_table_mmio);
    object_unparent(OBJECT(&dev->msix_table_mmio));
    g_clear_pointer(&dev->msix_pba, g_free);
    g_clear_pointer(&dev->msix_table, g_free);
    g_clear_pointer(&dev->msix_entry_used, g_free);
    dev->cap_present &= ~QEMU_PCI_CAP_MSIX;
}

void msix_uninit_exclusive_bar(PCIDevice *dev)
{
    if (msix_present(dev)) {
        msix_uninit(dev, &dev->msix_exclusive_bar, &dev->msix_exclusive_bar);
    }
}

void msix_vector_use(PCIDevice *dev, unsigned vector)
{
    assert(vector < (unsigned)dev->msix_entries_nr);
    dev->msix_entry_used[vector]++;
}

void msix_vector_unuse(PCIDevice *dev, unsigned vector)
{
    assert(vector < (unsigned)dev->msix_entries_nr);
    if (dev->msix_entry_used[vector] && --dev->msix_entry_used[vector] == 0) {
        msix_set_pending(dev, vector, false);
    }
}

void msix_unuse_all_vectors(PCIDevice *dev)
{
    for (int vector = 0; vector < dev->msix_entries_nr; vector++) {
        dev->msix_entry_used[vector] = 0;
        msix_set_pending(dev, vector, false);
    }
}
