/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI set-up in firmware's stead (PCI Local Bus Specification 3.0, section 6.2.5: sizing and
 * placing base address registers). Works through configuration accesses only, as a guest would.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_host.h"
#include "pcisetup.h"

#define NB_BARS 6

typedef struct PciCursor {
    const PciSetup *setup;
    uint64_t io;
    uint64_t mem;
} PciCursor;

static uint32_t pci_setup_address(unsigned devfn, unsigned reg)
{
    return devfn << 8 | reg;
}

static uint32_t pci_setup_read(const PciSetup *s, unsigned devfn, unsigned reg, unsigned len)
{
    return pci_data_read(s->bus, pci_setup_address(devfn, reg), len);
}

static void pci_setup_write(const PciSetup *s, unsigned devfn, unsigned reg, uint32_t val,
                            unsigned len)
{
    pci_data_write(s->bus, pci_setup_address(devfn, reg), val, len);
}

/* Aligned to its size, which is a power of two; 0 if the window has no room left. */
static uint64_t pci_setup_take(uint64_t *next, uint64_t last, uint64_t size)
{
    uint64_t base = QEMU_ALIGN_UP(*next, size);

    if (base + size - 1 > last) {
        return 0;
    }
    *next = base + size;
    return base;
}

/*
 * Places one register; returns how many registers it takes (2 if it is 64 bits wide), 0: no
 * room.
 */
static unsigned pci_setup_bar(PciCursor *c, unsigned devfn, unsigned index)
{
    const PciSetup *s = c->setup;
    unsigned reg = PCI_BASE_ADDRESS_0 + 4 * index;
    uint32_t mask;
    uint64_t base, size;
    bool io, wide;

    pci_setup_write(s, devfn, reg, UINT32_MAX, 4);
    mask = pci_setup_read(s, devfn, reg, 4);
    if (!mask) {
        return 1;
    }
    io = mask & PCI_BASE_ADDRESS_SPACE_IO;
    wide = !io && (mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
    mask &= io ? ~(uint32_t)3 : ~(uint32_t)15;
    if (io) {
        mask |= 0xffff0000;
    }
    size = (uint64_t)(uint32_t)~mask + 1;
    /* A window of MMIO is mapped by pages: two devices must not share one. */
    base = io ? pci_setup_take(&c->io, s->io_last, size)
              : pci_setup_take(&c->mem, s->mem_last, MAX(size, 4096));
    if (!base) {
        return 0;
    }
    pci_setup_write(s, devfn, reg, base, 4);
    if (wide) {
        pci_setup_write(s, devfn, reg + 4, 0, 4);
    }
    return wide ? 2 : 1;
}

static bool pci_setup_function(PciCursor *c, unsigned devfn, Error **errp)
{
    const PciSetup *s = c->setup;
    uint8_t type = pci_setup_read(s, devfn, PCI_HEADER_TYPE, 1) & 0x7f;
    uint8_t pin = pci_setup_read(s, devfn, PCI_INTERRUPT_PIN, 1);
    uint16_t command;

    if (type == PCI_HEADER_TYPE_NORMAL) {
        for (unsigned i = 0, nb; i < NB_BARS; i += nb) {
            nb = pci_setup_bar(c, devfn, i);
            if (!nb) {
                error_setg(errp, "no room in the PCI window for BAR %u of device %02x.%x", i,
                           PCI_SLOT(devfn), PCI_FUNC(devfn));
                return false;
            }
        }
    }
    if (pin >= 1 && pin <= 4) {
        pci_setup_write(s, devfn, PCI_INTERRUPT_LINE, s->irq_line(PCI_SLOT(devfn), pin - 1), 1);
    }
    command = pci_setup_read(s, devfn, PCI_COMMAND, 2);
    pci_setup_write(s, devfn, PCI_COMMAND, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    return true;
}

bool pci_setup(const PciSetup *setup, Error **errp)
{
    PciCursor cursor = { .setup = setup, .io = setup->io_first, .mem = setup->mem_first };

    for (unsigned devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (pci_setup_read(setup, devfn, PCI_VENDOR_ID, 2) != 0xffff &&
            !pci_setup_function(&cursor, devfn, errp)) {
            return false;
        }
    }
    return true;
}
