/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration mechanism #1 of the PCI specification (3.2.2.3.2). */
#include "qemu/osdep.h"
#include "pci-pc.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc

/* Selects the register; returns the port at which its first byte is. */
static uint16_t config_select(QPCIBus *bus, int devfn, uint8_t offset)
{
    qtest_outl(bus->qts, CONFIG_ADDRESS, 0x80000000u | devfn << 8 | (offset & ~3));
    return CONFIG_DATA + (offset & 3);
}

#define DEFINE_CONFIG_ACCESS(width, type)                                               \
    static type config_read##width(QPCIBus *bus, int devfn, uint8_t offset)             \
    {                                                                                   \
        return qtest_in##width(bus->qts, config_select(bus, devfn, offset));            \
    }                                                                                   \
    static void config_write##width(QPCIBus *bus, int devfn, uint8_t offset, type value)\
    {                                                                                   \
        qtest_out##width(bus->qts, config_select(bus, devfn, offset), value);           \
    }

DEFINE_CONFIG_ACCESS(b, uint8_t)
DEFINE_CONFIG_ACCESS(w, uint16_t)
DEFINE_CONFIG_ACCESS(l, uint32_t)

QPCIBus *qpci_new_pc(QTestState *qts, QGuestAllocator *alloc G_GNUC_UNUSED)
{
    QPCIBus *bus = g_new(QPCIBus, 1);

    *bus = (QPCIBus) {
        .config_readb = config_readb, .config_readw = config_readw, .config_readl = config_readl,
        .config_writeb = config_writeb, .config_writew = config_writew,
        .config_writel = config_writel,
        .qts = qts,
        .pio_alloc_ptr = 0xc000, .pio_limit = 0x10000,
        .mmio_alloc_ptr = 0xe0000000, .mmio_limit = 0xfec00000,
    };
    return bus;
}

void qpci_free_pc(QPCIBus *bus)
{
    g_free(bus);
}
