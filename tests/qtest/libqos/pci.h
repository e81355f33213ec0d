/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI as a driver sees it: functions on bus 0, their configuration space,
 * BARs (which qpci_iomap() sizes, assigns and maps), capabilities and MSI-X.
 * How the bus is reached is the QPCIBus's matter (pci-pc.h). Values are in
 * the CPU's byte order.
 */
#ifndef LIBQOS_PCI_H
#define LIBQOS_PCI_H

#include "../libqtest.h"
#include "qgraph.h"

#define QPCI_DEVFN(dev, fn) (((dev) << 3) | (fn))

typedef struct QPCIDevice QPCIDevice;
typedef struct QPCIBus QPCIBus;
typedef struct QPCIBar QPCIBar;
typedef struct QPCIAddress QPCIAddress;

struct QPCIBus {
    uint8_t (*config_readb)(QPCIBus *bus, int devfn, uint8_t offset);
    uint16_t (*config_readw)(QPCIBus *bus, int devfn, uint8_t offset);
    uint32_t (*config_readl)(QPCIBus *bus, int devfn, uint8_t offset);
    void (*config_writeb)(QPCIBus *bus, int devfn, uint8_t offset, uint8_t value);
    void (*config_writew)(QPCIBus *bus, int devfn, uint8_t offset, uint16_t value);
    void (*config_writel)(QPCIBus *bus, int devfn, uint8_t offset, uint32_t value);

    QTestState *qts;
    uint64_t pio_alloc_ptr, pio_limit;      /* what qpci_iomap() may give to BARs */
    uint64_t mmio_alloc_ptr, mmio_limit;
};

struct QPCIBar {
    uint64_t addr;              /* in port or memory space */
    bool is_io;
};

struct QPCIDevice {
    QPCIBus *bus;
    int devfn;
    bool msix_enabled;
    QPCIBar msix_table_bar, msix_pba_bar;
    uint64_t msix_table_off, msix_pba_off;
    uint64_t bar_addr[6];       /* 0: not mapped; of this tree alone */
};

struct QPCIAddress {
    uint32_t devfn;
    uint16_t vendor_id;
    uint16_t device_id;
};

/* NULL when there is no function; else to be freed by g_free(). */
QPCIDevice *qpci_device_find(QPCIBus *bus, int devfn);
/* Aborts when there is no function there, or not of the (non-zero) IDs in addr. */
void qpci_device_init(QPCIDevice *dev, QPCIBus *bus, QPCIAddress *addr);
/* func for each function with these IDs (-1: any); it owns dev. */
void qpci_device_foreach(QPCIBus *bus, int vendor_id, int device_id,
                         void (*func)(QPCIDevice *dev, int devfn, void *data), void *data);

/* Port and memory decoding and bus mastering on; the function has to take all three. */
void qpci_device_enable(QPCIDevice *dev);
/* The next capability with that ID behind start_addr (0: from the first one), or 0. */
uint8_t qpci_find_capability(QPCIDevice *dev, uint8_t id, uint8_t start_addr);

/* Maps table and pending bits, and enables MSI-X, all entries as they were. */
void qpci_msix_enable(QPCIDevice *dev);
void qpci_msix_disable(QPCIDevice *dev);
bool qpci_msix_pending(QPCIDevice *dev, uint16_t entry);
bool qpci_msix_masked(QPCIDevice *dev, uint16_t entry);
uint16_t qpci_msix_table_size(QPCIDevice *dev);

uint8_t qpci_config_readb(QPCIDevice *dev, uint8_t offset);
uint16_t qpci_config_readw(QPCIDevice *dev, uint8_t offset);
uint32_t qpci_config_readl(QPCIDevice *dev, uint8_t offset);
void qpci_config_writeb(QPCIDevice *dev, uint8_t offset, uint8_t value);
void qpci_config_writew(QPCIDevice *dev, uint8_t offset, uint16_t value);
void qpci_config_writel(QPCIDevice *dev, uint8_t offset, uint32_t value);

uint8_t qpci_io_readb(QPCIDevice *dev, QPCIBar token, uint64_t off);
uint16_t qpci_io_readw(QPCIDevice *dev, QPCIBar token, uint64_t off);
uint32_t qpci_io_readl(QPCIDevice *dev, QPCIBar token, uint64_t off);
uint64_t qpci_io_readq(QPCIDevice *dev, QPCIBar token, uint64_t off);
void qpci_io_writeb(QPCIDevice *dev, QPCIBar token, uint64_t off, uint8_t value);
void qpci_io_writew(QPCIDevice *dev, QPCIBar token, uint64_t off, uint16_t value);
void qpci_io_writel(QPCIDevice *dev, QPCIBar token, uint64_t off, uint32_t value);
void qpci_io_writeq(QPCIDevice *dev, QPCIBar token, uint64_t off, uint64_t value);
void qpci_memread(QPCIDevice *dev, QPCIBar token, uint64_t off, void *buf, size_t len);
void qpci_memwrite(QPCIDevice *dev, QPCIBar token, uint64_t off, const void *buf, size_t len);

/*
 * Sizes, assigns and returns BAR barno; its size in bytes goes to *sizeptr unless NULL. Each call
 * gives another address, so a BAR in use is not to be mapped again (asserted).
 */
QPCIBar qpci_iomap(QPCIDevice *dev, int barno, uint64_t *sizeptr);
void qpci_iounmap(QPCIDevice *dev, QPCIBar bar);

#endif
