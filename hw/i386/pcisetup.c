/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI set-up in firmware's stead (PCI Local Bus Specification 3.0, section 6.2.5: sizing and
 * placing base address registers; PCI-to-PCI Bridge Architecture Specification 1.2, section 3.2.5:
 * bus numbers and windows). Works through configuration accesses only, as a guest would, in passes
 * over the tree of buses: numbers, then one for each kind of address, then commands.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/units.h"
#include "hw/pci/pci_host.h"
#include "pcisetup.h"

#define NB_BARS 6
#define NB_BRIDGE_BARS 2
#define BRIDGE_IO_ALIGN (4 * KiB)
#define BRIDGE_MEMORY_ALIGN MiB
/* A bridge has this much of both kinds of memory at least, for what is plugged behind it later. */
#define BRIDGE_MEMORY_MIN (2 * MiB)

typedef enum PciSpace {
    PCI_SPACE_IO,
    PCI_SPACE_MEMORY,
    PCI_SPACE_PREFETCH,
    PCI_SPACES,
} PciSpace;

typedef struct PciSetupState {
    const PciSetup *setup;
    uint8_t last_bus;
    uint64_t io, mem;            /* next free addresses */
    Error **errp;
} PciSetupState;

/* A bus, and the way back to the root: for interrupt pins. */
typedef struct PciSetupBus {
    const struct PciSetupBus *parent;
    unsigned number;
    unsigned bridge_devfn;       /* on the parent */
} PciSetupBus;

static uint32_t pci_setup_address(const PciSetupBus *bus, unsigned devfn, unsigned reg)
{
    return bus->number << 16 | devfn << 8 | reg;
}

static uint32_t pci_setup_read(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                               unsigned reg, unsigned len)
{
    return pci_data_read(s->setup->bus, pci_setup_address(bus, devfn, reg), len);
}

static void pci_setup_write(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                            unsigned reg, uint32_t val, unsigned len)
{
    pci_data_write(s->setup->bus, pci_setup_address(bus, devfn, reg), val, len);
}

static bool pci_setup_exists(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn)
{
    return (uint16_t)pci_setup_read(s, bus, devfn, PCI_VENDOR_ID, 2) != UINT16_MAX;
}

static bool pci_setup_is_bridge(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn)
{
    return (pci_setup_read(s, bus, devfn, PCI_HEADER_TYPE, 1) & 0x7f) == PCI_HEADER_TYPE_BRIDGE;
}

static PciSetupBus pci_setup_secondary(const PciSetupState *s, const PciSetupBus *bus,
                                       unsigned devfn)
{
    return (PciSetupBus) {
        .parent = bus,
        .number = pci_setup_read(s, bus, devfn, PCI_SECONDARY_BUS, 1),
        .bridge_devfn = devfn,
    };
}

/* Calls @fn for every function of @bus that there is, until one fails. */
typedef bool PciSetupPass(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                          PciSpace space);

static bool pci_setup_for_each(PciSetupState *s, const PciSetupBus *bus, PciSetupPass *fn,
                               PciSpace space)
{
    for (unsigned devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (pci_setup_exists(s, bus, devfn) && !fn(s, bus, devfn, space)) {
            return false;
        }
    }
    return true;
}

/* ---- bus numbers ----------------------------------------------------------------------------- */

/* Depth first, so that the numbers behind a bridge are a range. */
static bool pci_setup_number(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                             PciSpace unused)
{
    PciSetupBus secondary;

    if (!pci_setup_is_bridge(s, bus, devfn)) {
        return true;
    }
    if (s->last_bus == UINT8_MAX) {
        error_setg(s->errp, "more than 256 PCI buses");
        return false;
    }
    s->last_bus++;
    pci_setup_write(s, bus, devfn, PCI_PRIMARY_BUS, bus->number, 1);
    pci_setup_write(s, bus, devfn, PCI_SECONDARY_BUS, s->last_bus, 1);
    pci_setup_write(s, bus, devfn, PCI_SUBORDINATE_BUS, UINT8_MAX, 1);
    secondary = pci_setup_secondary(s, bus, devfn);
    if (!pci_setup_for_each(s, &secondary, pci_setup_number, unused)) {
        return false;
    }
    pci_setup_write(s, bus, devfn, PCI_SUBORDINATE_BUS, s->last_bus, 1);
    return true;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static uint64_t *pci_setup_cursor(PciSetupState *s, PciSpace space)
{
    return space == PCI_SPACE_IO ? &s->io : &s->mem;
}

/* Aligned to @align, a power of two; false if the window has no room left. */
static bool pci_setup_take(PciSetupState *s, PciSpace space, uint64_t size, uint64_t align,
                           uint64_t *base)
{
    uint64_t *next = pci_setup_cursor(s, space);
    uint64_t last = space == PCI_SPACE_IO ? s->setup->io_last : s->setup->mem_last;

    *base = QEMU_ALIGN_UP(*next, align);
    if (*base + size - 1 > last) {
        return false;
    }
    *next = *base + size;
    return true;
}

/* The low bits of a register, which say what it is, cannot be written. */
static PciSpace pci_setup_bar_space(uint32_t bar)
{
    if (bar & PCI_BASE_ADDRESS_SPACE_IO) {
        return PCI_SPACE_IO;
    }
    return bar & PCI_BASE_ADDRESS_MEM_PREFETCH ? PCI_SPACE_PREFETCH : PCI_SPACE_MEMORY;
}

static bool pci_setup_bar_is_wide(uint32_t bar)
{
    return !(bar & PCI_BASE_ADDRESS_SPACE_IO) &&
           (bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
}

static bool pci_setup_bar(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                          unsigned reg, PciSpace space)
{
    bool io = space == PCI_SPACE_IO;
    uint64_t base, size;
    uint32_t mask;

    pci_setup_write(s, bus, devfn, reg, UINT32_MAX, 4);
    mask = pci_setup_read(s, bus, devfn, reg, 4);
    if (!mask) {
        return true;
    }
    mask &= io ? ~(uint32_t)3 : ~(uint32_t)15;
    if (io) {
        mask |= 0xffff0000;
    }
    size = (uint64_t)(uint32_t)~mask + 1;
    /* A window of MMIO is mapped by pages: two devices must not share one. */
    size = io ? size : MAX(size, 4 * KiB);
    if (!pci_setup_take(s, space, size, size, &base)) {
        error_setg(s->errp, "no room in the PCI window for BAR %u of device %02x:%02x.%x",
                   (reg - PCI_BASE_ADDRESS_0) / 4, bus->number, PCI_SLOT(devfn),
                   PCI_FUNC(devfn));
        return false;
    }
    pci_setup_write(s, bus, devfn, reg, base, 4);
    return true;
}

static bool pci_setup_bars(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                           PciSpace space)
{
    unsigned nb = pci_setup_is_bridge(s, bus, devfn) ? NB_BRIDGE_BARS : NB_BARS;

    for (unsigned i = 0; i < nb; i++) {
        unsigned reg = PCI_BASE_ADDRESS_0 + 4 * i;
        uint32_t bar = pci_setup_read(s, bus, devfn, reg, 4);
        bool wide = pci_setup_bar_is_wide(bar);

        if (pci_setup_bar_space(bar) == space) {
            if (!pci_setup_bar(s, bus, devfn, reg, space)) {
                return false;
            }
            if (wide) {
                pci_setup_write(s, bus, devfn, reg + 4, 0, 4);
            }
        }
        i += wide;
    }
    return true;
}

/* [@first, @last]; closed if that is empty. Windows of memory lie below 4 GiB. */
static void pci_setup_write_window(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                                   PciSpace space, uint64_t first, uint64_t last)
{
    unsigned base = space == PCI_SPACE_MEMORY ? PCI_MEMORY_BASE : PCI_PREF_MEMORY_BASE;
    unsigned limit = space == PCI_SPACE_MEMORY ? PCI_MEMORY_LIMIT : PCI_PREF_MEMORY_LIMIT;

    if (first > last) {
        return;     /* as it is after a reset */
    }
    if (space == PCI_SPACE_IO) {
        pci_setup_write(s, bus, devfn, PCI_IO_BASE, first >> 8, 1);
        pci_setup_write(s, bus, devfn, PCI_IO_LIMIT, last >> 8, 1);
        return;
    }
    pci_setup_write(s, bus, devfn, base, first >> 16, 2);
    pci_setup_write(s, bus, devfn, limit, last >> 16, 2);
    if (space == PCI_SPACE_PREFETCH) {
        pci_setup_write(s, bus, devfn, PCI_PREF_BASE_UPPER32, 0, 4);
        pci_setup_write(s, bus, devfn, PCI_PREF_LIMIT_UPPER32, 0, 4);
    }
}

static bool pci_setup_place(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                            PciSpace space);

/* What is behind the bridge, and the window to it. */
static bool pci_setup_window(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                             PciSpace space)
{
    PciSetupBus secondary = pci_setup_secondary(s, bus, devfn);
    uint64_t *next = pci_setup_cursor(s, space);
    uint64_t align = space == PCI_SPACE_IO ? BRIDGE_IO_ALIGN : BRIDGE_MEMORY_ALIGN;
    uint64_t least = space == PCI_SPACE_IO ? 0 : BRIDGE_MEMORY_MIN;
    uint64_t before = *next, first = QEMU_ALIGN_UP(before, align), used, unused;

    *next = first;
    if (!pci_setup_for_each(s, &secondary, pci_setup_place, space)) {
        return false;
    }
    used = QEMU_ALIGN_UP(*next - first, align);
    if (!used && !least) {
        *next = before;
        return true;
    }
    *next = first;
    if (!pci_setup_take(s, space, MAX(used, least), align, &unused)) {
        error_setg(s->errp, "no room in the PCI window for what is behind bridge %02x:%02x.%x",
                   bus->number, PCI_SLOT(devfn), PCI_FUNC(devfn));
        return false;
    }
    pci_setup_write_window(s, bus, devfn, space, first, *next - 1);
    return true;
}

static bool pci_setup_place(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                            PciSpace space)
{
    return pci_setup_bars(s, bus, devfn, space) &&
           (!pci_setup_is_bridge(s, bus, devfn) || pci_setup_window(s, bus, devfn, space));
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Each bridge on the way to the root bus turns the pins by the slot. */
static uint8_t pci_setup_irq_line(const PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                                  unsigned pin)
{
    for (; bus->parent; devfn = bus->bridge_devfn, bus = bus->parent) {
        pin = (PCI_SLOT(devfn) + pin) % PCI_NUM_PINS;
    }
    return s->setup->irq_line(PCI_SLOT(devfn), pin);
}

static bool pci_setup_enable(PciSetupState *s, const PciSetupBus *bus, unsigned devfn,
                             PciSpace unused)
{
    uint8_t pin = pci_setup_read(s, bus, devfn, PCI_INTERRUPT_PIN, 1);
    uint16_t command = pci_setup_read(s, bus, devfn, PCI_COMMAND, 2);

    if (pin >= 1 && pin <= PCI_NUM_PINS) {
        pci_setup_write(s, bus, devfn, PCI_INTERRUPT_LINE,
                        pci_setup_irq_line(s, bus, devfn, pin - 1), 1);
    }
    pci_setup_write(s, bus, devfn, PCI_COMMAND, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    if (pci_setup_is_bridge(s, bus, devfn)) {
        PciSetupBus secondary = pci_setup_secondary(s, bus, devfn);

        return pci_setup_for_each(s, &secondary, pci_setup_enable, unused);
    }
    return true;
}

bool pci_setup(const PciSetup *setup, uint8_t *last_bus, Error **errp)
{
    const PciSetupBus root = { };
    PciSetupState s = {
        .setup = setup, .io = setup->io_first, .mem = setup->mem_first, .errp = errp,
    };
    bool ok = pci_setup_for_each(&s, &root, pci_setup_number, PCI_SPACES);

    for (PciSpace space = PCI_SPACE_IO; ok && space < PCI_SPACES; space++) {
        ok = pci_setup_for_each(&s, &root, pci_setup_place, space);
    }
    *last_bus = s.last_bus;
    return ok && pci_setup_for_each(&s, &root, pci_setup_enable, PCI_SPACES);
}
