/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions on top of a QPCIBus (PCI Local Bus 3.0: 6.1 configuration
 * header, 6.2.5 base addresses, 6.7 capabilities, 6.8.2 MSI-X).
 */
#include "qemu/osdep.h"
#include "standard-headers/linux/pci_regs.h"
#include "pci.h"

/* ---- functions ---- */

QPCIDevice *qpci_device_find(QPCIBus *bus, int devfn)
{
    QPCIDevice *dev;

    if (bus->config_readw(bus, devfn, PCI_VENDOR_ID) == 0xffff) {
        return NULL;
    }
    dev = g_new0(QPCIDevice, 1);
    dev->bus = bus;
    dev->devfn = devfn;
    return dev;
}

void qpci_device_init(QPCIDevice *dev, QPCIBus *bus, QPCIAddress *addr)
{
    uint16_t vendor_id = bus->config_readw(bus, addr->devfn, PCI_VENDOR_ID);
    uint16_t device_id = bus->config_readw(bus, addr->devfn, PCI_DEVICE_ID);

    *dev = (QPCIDevice) { .bus = bus, .devfn = addr->devfn };
    g_assert_cmphex(vendor_id, !=, 0xffff);
    if (addr->vendor_id) {
        g_assert_cmphex(vendor_id, ==, addr->vendor_id);
        g_assert_cmphex(device_id, ==, addr->device_id);
    }
}

/* Functions 1 to 7 exist only where function 0 says so. */
void qpci_device_foreach(QPCIBus *bus, int vendor_id, int device_id,
                         void (*func)(QPCIDevice *dev, int devfn, void *data), void *data)
{
    for (int slot = 0; slot < 32; slot++) {
        for (int fn = 0; fn < 8; fn++) {
            int devfn = QPCI_DEVFN(slot, fn);
            QPCIDevice *dev = qpci_device_find(bus, devfn);

            if (!dev) {
                if (fn == 0) {
                    break;
                }
                continue;
            }
            if ((vendor_id == -1 || qpci_config_readw(dev, PCI_VENDOR_ID) == vendor_id) &&
                (device_id == -1 || qpci_config_readw(dev, PCI_DEVICE_ID) == device_id)) {
                func(dev, devfn, data);
            } else {
                g_free(dev);
            }
            if (fn == 0 && !(bus->config_readb(bus, devfn, PCI_HEADER_TYPE) & 0x80)) {
                break;
            }
        }
    }
}

void qpci_device_enable(QPCIDevice *dev)
{
    const uint16_t on = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

    qpci_config_writew(dev, PCI_COMMAND, qpci_config_readw(dev, PCI_COMMAND) | on);
    g_assert_cmphex(qpci_config_readw(dev, PCI_COMMAND) & on, ==, on);
}

uint8_t qpci_find_capability(QPCIDevice *dev, uint8_t id, uint8_t start_addr)
{
    uint8_t at;

    if (!(qpci_config_readw(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST)) {
        return 0;
    }
    at = qpci_config_readb(dev, start_addr ? start_addr + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST);
    for (int seen = 0; at; seen++) {
        g_assert_cmpint(seen, <, 64);       /* the list is a ring */
        if (qpci_config_readb(dev, at + PCI_CAP_LIST_ID) == id) {
            return at;
        }
        at = qpci_config_readb(dev, at + PCI_CAP_LIST_NEXT);
    }
    return 0;
}

/* ---- MSI-X ---- */

static uint8_t msix_capability(QPCIDevice *dev)
{
    uint8_t cap = qpci_find_capability(dev, PCI_CAP_ID_MSIX, 0);

    g_assert_cmphex(cap, !=, 0);
    return cap;
}

void qpci_msix_enable(QPCIDevice *dev)
{
    uint8_t cap = msix_capability(dev);
    uint16_t flags = qpci_config_readw(dev, cap + PCI_MSIX_FLAGS);
    uint32_t table = qpci_config_readl(dev, cap + PCI_MSIX_TABLE);
    uint32_t pba = qpci_config_readl(dev, cap + PCI_MSIX_PBA);

    dev->msix_table_bar = qpci_iomap(dev, table & PCI_MSIX_TABLE_BIR, NULL);
    dev->msix_table_off = table & PCI_MSIX_TABLE_OFFSET;
    dev->msix_pba_bar = dev->msix_table_bar;
    if ((pba & PCI_MSIX_PBA_BIR) != (table & PCI_MSIX_TABLE_BIR)) {
        dev->msix_pba_bar = qpci_iomap(dev, pba & PCI_MSIX_PBA_BIR, NULL);
    }
    dev->msix_pba_off = pba & PCI_MSIX_PBA_OFFSET;
    qpci_config_writew(dev, cap + PCI_MSIX_FLAGS, flags | PCI_MSIX_FLAGS_ENABLE);
    g_assert_cmphex(qpci_config_readw(dev, cap + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE, !=, 0);
    dev->msix_enabled = true;
}

void qpci_msix_disable(QPCIDevice *dev)
{
    uint8_t cap = msix_capability(dev);
    uint16_t flags = qpci_config_readw(dev, cap + PCI_MSIX_FLAGS);

    qpci_config_writew(dev, cap + PCI_MSIX_FLAGS, flags & ~PCI_MSIX_FLAGS_ENABLE);
    dev->msix_enabled = false;
}

bool qpci_msix_pending(QPCIDevice *dev, uint16_t entry)
{
    uint32_t bits;

    g_assert_true(dev->msix_enabled);
    bits = qpci_io_readl(dev, dev->msix_pba_bar, dev->msix_pba_off + entry / 32 * 4);
    return bits >> (entry % 32) & 1;
}

bool qpci_msix_masked(QPCIDevice *dev, uint16_t entry)
{
    uint64_t control = dev->msix_table_off + entry * PCI_MSIX_ENTRY_SIZE +
                       PCI_MSIX_ENTRY_VECTOR_CTRL;

    g_assert_true(dev->msix_enabled);
    return (qpci_config_readw(dev, msix_capability(dev) + PCI_MSIX_FLAGS) &
            PCI_MSIX_FLAGS_MASKALL) ||
           (qpci_io_readl(dev, dev->msix_table_bar, control) & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

uint16_t qpci_msix_table_size(QPCIDevice *dev)
{
    return (qpci_config_readw(dev, msix_capability(dev) + PCI_MSIX_FLAGS) &
            PCI_MSIX_FLAGS_QSIZE) + 1;
}

/* ---- configuration space ---- */

uint8_t qpci_config_readb(QPCIDevice *dev, uint8_t offset)
{
    return dev->bus->config_readb(dev->bus, dev->devfn, offset);
}

uint16_t qpci_config_readw(QPCIDevice *dev, uint8_t offset)
{
    return dev->bus->config_readw(dev->bus, dev->devfn, offset);
}

uint32_t qpci_config_readl(QPCIDevice *dev, uint8_t offset)
{
    return dev->bus->config_readl(dev->bus, dev->devfn, offset);
}

void qpci_config_writeb(QPCIDevice *dev, uint8_t offset, uint8_t value)
{
    dev->bus->config_writeb(dev->bus, dev->devfn, offset, value);
}

void qpci_config_writew(QPCIDevice *dev, uint8_t offset, uint16_t value)
{
    dev->bus->config_writew(dev->bus, dev->devfn, offset, value);
}

void qpci_config_writel(QPCIDevice *dev, uint8_t offset, uint32_t value)
{
    dev->bus->config_writel(dev->bus, dev->devfn, offset, value);
}

/* ---- BARs ---- */

#define DEFINE_BAR_ACCESS(width, port_width, type)                                  \
    type qpci_io_read##width(QPCIDevice *dev, QPCIBar token, uint64_t off)          \
    {                                                                               \
        QTestState *qts = dev->bus->qts;                                            \
        return token.is_io ? qtest_in##port_width(qts, token.addr + off)            \
                           : qtest_read##width(qts, token.addr + off);              \
    }                                                                               \
    void qpci_io_write##width(QPCIDevice *dev, QPCIBar token, uint64_t off, type v) \
    {                                                                               \
        QTestState *qts = dev->bus->qts;                                            \
        if (token.is_io) {                                                          \
            qtest_out##port_width(qts, token.addr + off, v);                        \
        } else {                                                                    \
            qtest_write##width(qts, token.addr + off, v);                           \
        }                                                                           \
    }

DEFINE_BAR_ACCESS(b, b, uint8_t)
DEFINE_BAR_ACCESS(w, w, uint16_t)
DEFINE_BAR_ACCESS(l, l, uint32_t)

/* There is no 64-bit port access: the two halves, low one first. */
uint64_t qpci_io_readq(QPCIDevice *dev, QPCIBar token, uint64_t off)
{
    if (!token.is_io) {
        return qtest_readq(dev->bus->qts, token.addr + off);
    }
    return qpci_io_readl(dev, token, off) | (uint64_t)qpci_io_readl(dev, token, off + 4) << 32;
}

void qpci_io_writeq(QPCIDevice *dev, QPCIBar token, uint64_t off, uint64_t value)
{
    if (!token.is_io) {
        qtest_writeq(dev->bus->qts, token.addr + off, value);
        return;
    }
    qpci_io_writel(dev, token, off, value);
    qpci_io_writel(dev, token, off + 4, value >> 32);
}

void qpci_memread(QPCIDevice *dev, QPCIBar token, uint64_t off, void *buf, size_t len)
{
    g_assert_false(token.is_io);
    qtest_memread(dev->bus->qts, token.addr + off, buf, len);
}

void qpci_memwrite(QPCIDevice *dev, QPCIBar token, uint64_t off, const void *buf, size_t len)
{
    g_assert_false(token.is_io);
    qtest_memwrite(dev->bus->qts, token.addr + off, buf, len);
}

/* Takes an aligned piece of the space between *at and limit. */
static uint64_t space_take(uint64_t *at, uint64_t limit, uint64_t size)
{
    uint64_t addr = (*at + size - 1) & ~(size - 1);

    g_assert_cmphex(addr + size, <=, limit);
    *at = addr + size;
    return addr;
}

QPCIBar qpci_iomap(QPCIDevice *dev, int barno, uint64_t *sizeptr)
{
    uint8_t reg = PCI_BASE_ADDRESS_0 + barno * 4;
    QPCIBus *bus = dev->bus;
    uint32_t low, kind;
    uint64_t mask, size;
    bool is_io, is_64;
    QPCIBar bar;

    g_assert_cmpint(barno, >=, 0);
    g_assert_cmpint(barno, <=, 5);
    g_assert_cmphex(dev->bar_addr[barno], ==, 0);
    qpci_config_writel(dev, reg, UINT32_MAX);
    low = qpci_config_readl(dev, reg);
    is_io = low & PCI_BASE_ADDRESS_SPACE_IO;
    kind = low & (is_io ? 0x3 : 0xf);
    is_64 = !is_io && (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
    /* BARs are taken from below 4 GiB, and none is larger, so the upper half stays 0 */
    mask = (low & ~kind) | 0xffffffff00000000ull;
    if (is_io) {
        mask |= 0xffff0000;                 /* the upper half of an I/O BAR may be wired to 0 */
    }
    size = ~mask + 1;
    if (low == 0) {
        g_error("BAR %d of function %02x.%x does not exist", barno, dev->devfn >> 3,
                dev->devfn & 7);
    }
    bar.is_io = is_io;
    bar.addr = is_io ? space_take(&bus->pio_alloc_ptr, bus->pio_limit, size)
                     : space_take(&bus->mmio_alloc_ptr, bus->mmio_limit, size);
    qpci_config_writel(dev, reg, bar.addr | kind);
    if (is_64) {
        qpci_config_writel(dev, reg + 4, 0);
    }
    g_assert_cmphex(qpci_config_readl(dev, reg), ==, (uint32_t)bar.addr | kind);
    dev->bar_addr[barno] = bar.addr;
    if (sizeptr) {
        *sizeptr = size;
    }
    return bar;
}

/* Addresses are not given back: a machine lives as long as a test, and the hole is large. */
void qpci_iounmap(QPCIDevice *dev, QPCIBar bar)
{
    for (int barno = 0; barno <= 5; barno++) {
        if (dev->bar_addr[barno] == bar.addr) {
            dev->bar_addr[barno] = 0;
        }
    }
}

void qos_object_destroy(QOSGraphObject *obj)
{
    if (!obj) {
        return;
    }
    if (obj->destructor) {
        obj->destructor(obj);
    }
    if (obj->free) {
        obj->free(obj);
    }
}
