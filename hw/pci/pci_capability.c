/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities: their list in configuration space (PCI Local Bus 3.0, 6.7), and what one does
 * beyond keeping what a guest writes: those who add such a capability register its methods, so that
 * a function (pci.c) need not know which there are.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "qapi/error.h"

/* Offset of the capability, or 0; *@prev is where the pointer to it stands. */
static uint8_t pci_find_capability_prev(PCIDevice *dev, uint8_t cap_id, uint8_t *prev)
{
    uint8_t at = PCI_CAPABILITY_LIST;
    uint8_t next;

    if (!(dev->config[PCI_STATUS] & PCI_STATUS_CAP_LIST)) {
        return 0;
    }
    while ((next = dev->config[at])) {
        if (dev->config[next + PCI_CAP_LIST_ID] == cap_id) {
            *prev = at;
            return next;
        }
        at = next + PCI_CAP_LIST_NEXT;
    }
    return 0;
}

uint8_t pci_find_capability(PCIDevice *dev, uint8_t cap_id)
{
    uint8_t prev;

    return pci_find_capability_prev(dev, cap_id, &prev);
}

/* A run of @size unused bytes that starts at a multiple of 4, or 0. */
static uint8_t pci_find_space(PCIDevice *dev, uint8_t size)
{
    for (int offset = PCI_CONFIG_HEADER_SIZE; offset + size <= PCI_CONFIG_SPACE_SIZE;
         offset += 4) {
        bool is_free = true;

        for (int i = 0; i < size && is_free; i++) {
            is_free = !dev->used[offset + i];
        }
        if (is_free) {
            return offset;
        }
    }
    return 0;
}

static bool pci_capability_fits(PCIDevice *dev, uint8_t cap_id, uint8_t offset, uint8_t size,
                                Error **errp)
{
    for (int i = offset; i < offset + size; i++) {
        if (i >= PCI_CONFIG_SPACE_SIZE || dev->used[i]) {
            error_setg(errp, "%s: PCI capability 0x%x at 0x%x, %u bytes, overlaps another one or "
                       "ends beyond configuration space", dev->name, cap_id, offset, size);
            return false;
        }
    }
    return true;
}

int pci_add_capability(PCIDevice *dev, uint8_t cap_id, uint8_t offset, uint8_t size, Error **errp)
{
    if (!offset) {
        offset = pci_find_space(dev, size);
        if (!offset) {
            error_setg(errp, "%s: out of PCI config space for capability 0x%x", dev->name, cap_id);
            return -EINVAL;
        }
    } else if (!pci_capability_fits(dev, cap_id, offset, size, errp)) {
        return -EINVAL;
    }
    dev->config[offset + PCI_CAP_LIST_ID] = cap_id;
    dev->config[offset + PCI_CAP_LIST_NEXT] = dev->config[PCI_CAPABILITY_LIST];
    dev->config[PCI_CAPABILITY_LIST] = offset;
    dev->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    memset(dev->used + offset, 0xff, QEMU_ALIGN_UP(size, 4));
    memset(dev->wmask + offset, 0, size);
    memset(dev->cmask + offset, 0xff, size);
    return offset;
}

void pci_del_capability(PCIDevice *dev, uint8_t cap_id, uint8_t size)
{
    uint8_t prev, offset = pci_find_capability_prev(dev, cap_id, &prev);

    if (!offset) {
        return;
    }
    dev->config[prev] = dev->config[offset + PCI_CAP_LIST_NEXT];
    memset(dev->wmask + offset, 0xff, size);
    memset(dev->w1cmask + offset, 0, size);
    memset(dev->cmask + offset, 0, size);
    memset(dev->used + offset, 0, QEMU_ALIGN_UP(size, 4));
    if (!dev->config[PCI_CAPABILITY_LIST]) {
        dev->config[PCI_STATUS] &= ~PCI_STATUS_CAP_LIST;
    }
}

/* ---- what they do --------------------------------------------------------------------------- */

void pci_add_capability_ops(PCIDevice *dev, const PCICapabilityOps *ops)
{
    dev->capability_ops = g_slist_append(dev->capability_ops, (gpointer)ops);
}

void pci_del_capability_ops(PCIDevice *dev, const PCICapabilityOps *ops)
{
    dev->capability_ops = g_slist_remove(dev->capability_ops, ops);
}

void pci_capabilities_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    for (GSList *l = dev->capability_ops; l; l = l->next) {
        const PCICapabilityOps *ops = l->data;

        ops->write_config(dev, address, val, len);
    }
}

void pci_capabilities_reset(PCIDevice *dev)
{
    for (GSList *l = dev->capability_ops; l; l = l->next) {
        const PCICapabilityOps *ops = l->data;

        ops->reset(dev);
    }
}
