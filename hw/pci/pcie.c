/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI Express capabilities: registers with the values and masks that QEMU's functions have. Links
 * are always up, no error is ever reported, so most of them only keep what a guest writes.
 */
#include "qemu/osdep.h"
#include "hw/pci/pcie.h"
#include "qapi/error.h"

/* Version 2 of the capability, all registers. */
#define PCIE_CAP_SIZE 0x3c
#define PCIE_AER_OFFSET 0x100
#define PCIE_AER_SIZE 0x48
#define PCIE_ACS_OFFSET (PCIE_AER_OFFSET + PCIE_AER_SIZE)
#define PCI_PM_SIZE 8

#define PCIE_DEVCTL_ERRORS (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
                            PCI_EXP_DEVCTL_URRE)
/* Errors of AER that version 3.0 knows, as bits of the registers. */
#define AER_UNCORRECTABLE 0x03fff030u
#define AER_UNCORRECTABLE_FATAL 0x00462030u
#define AER_CORRECTABLE 0x0000f1c1u
#define AER_CORRECTABLE_MASKED 0x0000e000u
#define AER_CAPABLE (PCI_ERR_CAP_ECRC_GENC | PCI_ERR_CAP_ECRC_CHKC | AER_MULTIPLE_HEADERS)
#define AER_ENABLE (PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE | AER_MULTIPLE_HEADERS_ENABLE)
#define AER_MULTIPLE_HEADERS 0x200
#define AER_MULTIPLE_HEADERS_ENABLE 0x400
#define AER_ROOT_COMMANDS 0x7
/* Source validation, blocking, redirects, upstream forwarding, direct translated. */
#define ACS_CONTROLS 0x5f

/* ---- what it does ----------------------------------------------------------------------------- */

static bool pcie_cap_has_flr(const PCIDevice *dev)
{
    return pci_get_long(dev->config + dev->express_cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
}

/* The bit that asks for it reads as 0: the mask does not have it. */
static void pcie_cap_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    uint32_t at = dev->express_cap + PCI_EXP_DEVCTL + 1;

    if (pcie_cap_has_flr(dev) && ranges_overlap(address, len, at, 1) &&
        (val >> 8 * (at - address) & PCI_EXP_DEVCTL_BCR_FLR >> 8)) {
        pci_device_function_reset(dev);
    }
}

static void pcie_cap_reset(PCIDevice *dev)
{
    uint8_t *cap = dev->config + dev->express_cap;

    pci_word_test_and_clear_mask(cap + PCI_EXP_DEVCTL, PCIE_DEVCTL_ERRORS);
    pci_word_test_and_clear_mask(cap + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
    pci_set_word(cap + PCI_EXP_DEVCTL2, 0);
}

static const PCICapabilityOps pcie_cap_ops = {
    .write_config = pcie_cap_write_config,
    .reset = pcie_cap_reset,
};

/* ---- the capability -------------------------------------------------------------------------- */

static int pcie_cap_init(PCIDevice *dev, uint8_t offset, uint16_t flags, Error **errp)
{
    int pos = pci_add_capability(dev, PCI_CAP_ID_EXP, offset, PCIE_CAP_SIZE, errp);
    uint8_t *cap = dev->config + pos, *wmask = dev->wmask + pos;

    if (pos < 0) {
        return pos;
    }
    dev->express_cap = pos;
    pci_add_capability_ops(dev, &pcie_cap_ops);
    pci_set_word(cap + PCI_EXP_FLAGS, 2 | flags);
    pci_set_long(cap + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER);
    pci_set_word(wmask + PCI_EXP_DEVCTL, PCIE_DEVCTL_ERRORS);
    pci_set_word(dev->w1cmask + pos + PCI_EXP_DEVSTA,
                 PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED |
                 PCI_EXP_DEVSTA_URD);
    /* Extended formats, and end-to-end TLP prefixes that can be blocked. */
    pci_set_long(cap + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_EE_PREFIX | 1u << 20);
    pci_set_word(wmask + PCI_EXP_DEVCTL2, 1u << 15);
    return pos;
}

static void pcie_cap_set_link(PCIDevice *dev, unsigned speed, unsigned width)
{
    uint8_t *cap = dev->config + dev->express_cap;

    pci_set_long(cap + PCI_EXP_LNKCAP, speed | width << 4 | PCI_EXP_LNKCAP_ASPM_L0S);
    pci_set_word(cap + PCI_EXP_LNKSTA, speed | width << 4);
}

int pcie_cap_init_root_port(PCIDevice *dev, uint8_t offset, uint8_t port, Error **errp)
{
    int pos = pcie_cap_init(dev, offset, PCI_EXP_TYPE_ROOT_PORT << 4, errp);
    uint8_t *cap = dev->config + pos;

    if (pos < 0) {
        return pos;
    }
    pcie_cap_set_link(dev, PCIE_LINK_SPEED_16, PCIE_LINK_WIDTH_32);
    pci_set_long(cap + PCI_EXP_LNKCAP, pci_get_long(cap + PCI_EXP_LNKCAP) | (uint32_t)port << 24 |
                 PCI_EXP_LNKCAP_DLLLARC | PCI_EXP_LNKCAP_LBNC);
    pci_set_long(cap + PCI_EXP_DEVCAP2,
                 pci_get_long(cap + PCI_EXP_DEVCAP2) | PCI_EXP_DEVCAP2_ARI);
    pci_set_word(dev->wmask + pos + PCI_EXP_DEVCTL2, 1u << 15 | PCI_EXP_DEVCTL2_ARI);
    pci_set_long(cap + PCI_EXP_LNKCAP2, 0x1e);    /* 2.5, 5, 8 and 16 GT/s */
    pci_set_word(cap + PCI_EXP_LNKCTL2, PCIE_LINK_SPEED_16);
    pci_set_word(dev->wmask + pos + PCI_EXP_RTCTL,
                 PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE | PCI_EXP_RTCTL_SEFEE);
    return pos;
}

int pcie_cap_init_endpoint(PCIDevice *dev, Error **errp)
{
    int pos = pcie_cap_init(dev, 0, PCI_EXP_TYPE_ENDPOINT << 4, errp);

    if (pos < 0) {
        return pos;
    }
    pcie_cap_set_link(dev, PCIE_LINK_SPEED_2_5, PCIE_LINK_WIDTH_1);
    pci_set_long(dev->config + pos + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
    pci_set_word(dev->wmask + pos + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
    return pos;
}

int pci_pm_init(PCIDevice *dev, Error **errp)
{
    int pos = pci_add_capability(dev, PCI_CAP_ID_PM, 0, PCI_PM_SIZE, errp);

    if (pos >= 0) {
        pci_set_word(dev->config + pos + PCI_PM_PMC, 3);
        pci_set_word(dev->wmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    }
    return pos;
}

/* ---- extended capabilities ------------------------------------------------------------------- */

static void pcie_extended_header(PCIDevice *dev, uint16_t offset, uint16_t id, uint8_t version,
                                 uint16_t next, uint16_t size)
{
    pci_set_long(dev->config + offset, id | version << 16 | (uint32_t)next << 20);
    memset(dev->wmask + offset, 0, size);
}

static void pcie_aer_set_defaults(PCIDevice *dev)
{
    uint8_t *aer = dev->config + PCIE_AER_OFFSET;

    pci_set_long(aer + PCI_ERR_UNCOR_SEVER, AER_UNCORRECTABLE_FATAL);
    pci_set_long(aer + PCI_ERR_COR_MASK, AER_CORRECTABLE_MASKED);
    pci_set_long(aer + PCI_ERR_CAP, AER_CAPABLE);
    pci_set_long(aer + PCI_ERR_ROOT_COMMAND, 0);
}

void pcie_root_port_init_extended(PCIDevice *dev)
{
    uint8_t *wmask = dev->wmask + PCIE_AER_OFFSET;

    pcie_extended_header(dev, PCIE_AER_OFFSET, PCI_EXT_CAP_ID_ERR, 2, PCIE_ACS_OFFSET,
                         PCIE_AER_SIZE);
    pcie_aer_set_defaults(dev);
    pci_set_long(wmask + PCI_ERR_UNCOR_SEVER, AER_UNCORRECTABLE);
    pci_set_long(wmask + PCI_ERR_COR_MASK, AER_CORRECTABLE);
    pci_set_long(wmask + PCI_ERR_CAP, AER_ENABLE);
    pci_set_long(wmask + PCI_ERR_ROOT_COMMAND, AER_ROOT_COMMANDS);

    pcie_extended_header(dev, PCIE_ACS_OFFSET, PCI_EXT_CAP_ID_ACS, 1, 0, 8);
    pci_set_word(dev->config + PCIE_ACS_OFFSET + PCI_ACS_CAP, ACS_CONTROLS);
    pci_set_word(dev->wmask + PCIE_ACS_OFFSET + PCI_ACS_CTRL, ACS_CONTROLS);
}
