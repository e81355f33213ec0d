/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI transport of virtio (VIRTIO 1.2, 4.1.4 structures, 4.1.5 operation).
 * All four structures have to be in one BAR, as they are in QEMU.
 */
#include "qemu/osdep.h"
#include "standard-headers/linux/pci_regs.h"
#include "standard-headers/linux/virtio_pci.h"
#include "standard-headers/linux/virtio_config.h"
#include "virtio-pci.h"

#define MODERN_DEVICE_ID 0x1040
#define ISR_QUEUE 1
#define ISR_CONFIG 2
/* What the messages write, so that it differs from cleared memory. */
#define MSIX_DATA 0x12345678

static QVirtioPCIDevice *to_pci(QVirtioDevice *d)
{
    return container_of(d, QVirtioPCIDevice, vdev);
}

/* ---- registers ---- */

#define COMMON(d, reg) ((d)->common_cfg_offset + (VIRTIO_PCI_COMMON_##reg))

static uint8_t modern_config_readb(QVirtioDevice *d, uint64_t addr)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return qpci_io_readb(dev->pdev, dev->bar, dev->device_cfg_offset + addr);
}

static uint16_t modern_config_readw(QVirtioDevice *d, uint64_t addr)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return qpci_io_readw(dev->pdev, dev->bar, dev->device_cfg_offset + addr);
}

static uint32_t modern_config_readl(QVirtioDevice *d, uint64_t addr)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return qpci_io_readl(dev->pdev, dev->bar, dev->device_cfg_offset + addr);
}

/* 4.1.3.1: a driver reads 64-bit fields as two halves. */
static uint64_t modern_config_readq(QVirtioDevice *d, uint64_t addr)
{
    return modern_config_readl(d, addr) | (uint64_t)modern_config_readl(d, addr + 4) << 32;
}

static uint64_t features_read(QVirtioPCIDevice *dev, uint32_t select_reg, uint32_t reg)
{
    uint64_t features;

    qpci_io_writel(dev->pdev, dev->bar, select_reg, 0);
    features = qpci_io_readl(dev->pdev, dev->bar, reg);
    qpci_io_writel(dev->pdev, dev->bar, select_reg, 1);
    return features | (uint64_t)qpci_io_readl(dev->pdev, dev->bar, reg) << 32;
}

static uint64_t modern_get_features(QVirtioDevice *d)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return features_read(dev, COMMON(dev, DFSELECT), COMMON(dev, DF));
}

static uint64_t modern_get_guest_features(QVirtioDevice *d)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return features_read(dev, COMMON(dev, GFSELECT), COMMON(dev, GF));
}

static void modern_set_features(QVirtioDevice *d, uint64_t features)
{
    QVirtioPCIDevice *dev = to_pci(d);

    g_assert_cmphex(features & (1ull << VIRTIO_F_VERSION_1), !=, 0);
    for (int half = 0; half < 2; half++) {
        qpci_io_writel(dev->pdev, dev->bar, COMMON(dev, GFSELECT), half);
        qpci_io_writel(dev->pdev, dev->bar, COMMON(dev, GF), features >> (half * 32));
    }
}

static uint8_t modern_get_status(QVirtioDevice *d)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return qpci_io_readb(dev->pdev, dev->bar, COMMON(dev, STATUS));
}

static void modern_set_status(QVirtioDevice *d, uint8_t status)
{
    QVirtioPCIDevice *dev = to_pci(d);

    qpci_io_writeb(dev->pdev, dev->bar, COMMON(dev, STATUS), status);
}

/* ---- interrupts ---- */

/* Whether the entry's message has come: as pending bit if masked, else in its word of RAM. */
static bool msix_take(QVirtioPCIDevice *dev, uint16_t entry, uint64_t addr, uint32_t data)
{
    QTestState *qts = dev->pdev->bus->qts;

    g_assert_cmpint(entry, !=, UINT16_MAX);
    if (qpci_msix_masked(dev->pdev, entry)) {
        return qpci_msix_pending(dev->pdev, entry);
    }
    if (qtest_readl(qts, addr) != data) {
        return false;
    }
    qtest_writel(qts, addr, 0);
    return true;
}

/* Reading the ISR byte clears both of its bits, so a bit that is not asked for is lost. */
static bool isr_take(QVirtioPCIDevice *dev, uint8_t bit)
{
    return qpci_io_readb(dev->pdev, dev->bar, dev->isr_cfg_offset) & bit;
}

static bool modern_get_queue_isr_status(QVirtioDevice *d, QVirtQueue *vq)
{
    QVirtioPCIDevice *dev = to_pci(d);
    QVirtQueuePCI *vqpci = container_of(vq, QVirtQueuePCI, vq);

    if (dev->pdev->msix_enabled) {
        return msix_take(dev, vqpci->msix_entry, vqpci->msix_addr, vqpci->msix_data);
    }
    return isr_take(dev, ISR_QUEUE);
}

static bool config_isr_take(QVirtioPCIDevice *dev)
{
    if (dev->pdev->msix_enabled) {
        return msix_take(dev, dev->config_msix_entry, dev->config_msix_addr,
                         dev->config_msix_data);
    }
    return isr_take(dev, ISR_CONFIG);
}

static void modern_wait_config_isr_status(QVirtioDevice *d, gint64 timeout_us)
{
    gint64 end = g_get_monotonic_time() + timeout_us;

    while (!config_isr_take(to_pci(d))) {
        if (g_get_monotonic_time() > end) {
            g_error("no configuration interrupt within %" G_GINT64_FORMAT " us", timeout_us);
        }
        g_usleep(100);
    }
}

/* Unmasks the entry with a message to a word of guest RAM, as it is; returns that word's gpa. */
static uint64_t msix_program(QVirtioPCIDevice *dev, QGuestAllocator *alloc, uint16_t entry)
{
    QPCIDevice *pdev = dev->pdev;
    uint64_t at = pdev->msix_table_off + entry * PCI_MSIX_ENTRY_SIZE;
    uint64_t addr = guest_alloc(alloc, 4);
    uint32_t control;

    g_assert_true(pdev->msix_enabled);
    g_assert_cmpint(entry, <, qpci_msix_table_size(pdev));
    qpci_io_writel(pdev, pdev->msix_table_bar, at + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qpci_io_writel(pdev, pdev->msix_table_bar, at + PCI_MSIX_ENTRY_UPPER_ADDR, addr >> 32);
    qpci_io_writel(pdev, pdev->msix_table_bar, at + PCI_MSIX_ENTRY_DATA, MSIX_DATA);
    control = qpci_io_readl(pdev, pdev->msix_table_bar, at + PCI_MSIX_ENTRY_VECTOR_CTRL);
    qpci_io_writel(pdev, pdev->msix_table_bar, at + PCI_MSIX_ENTRY_VECTOR_CTRL,
                   control & ~PCI_MSIX_ENTRY_CTRL_MASKBIT);
    return addr;
}

void qvirtio_pci_set_msix_configuration_vector(QVirtioPCIDevice *d, QGuestAllocator *alloc,
                                               uint16_t entry)
{
    d->config_msix_entry = entry;
    d->config_msix_data = MSIX_DATA;
    d->config_msix_addr = msix_program(d, alloc, entry);
    qpci_io_writew(d->pdev, d->bar, COMMON(d, MSIX), entry);
    g_assert_cmphex(qpci_io_readw(d->pdev, d->bar, COMMON(d, MSIX)), ==, entry);
}

void qvirtqueue_pci_msix_setup(QVirtioPCIDevice *d, QVirtQueuePCI *vqpci, QGuestAllocator *alloc,
                               uint16_t entry)
{
    vqpci->msix_entry = entry;
    vqpci->msix_data = MSIX_DATA;
    vqpci->msix_addr = msix_program(d, alloc, entry);
    d->vdev.bus->queue_select(&d->vdev, vqpci->vq.index);
    qpci_io_writew(d->pdev, d->bar, COMMON(d, Q_MSIX), entry);
    g_assert_cmphex(qpci_io_readw(d->pdev, d->bar, COMMON(d, Q_MSIX)), ==, entry);
}

/* ---- queues ---- */

static void modern_queue_select(QVirtioDevice *d, uint16_t index)
{
    QVirtioPCIDevice *dev = to_pci(d);

    qpci_io_writew(dev->pdev, dev->bar, COMMON(dev, Q_SELECT), index);
}

static uint16_t modern_get_queue_size(QVirtioDevice *d)
{
    QVirtioPCIDevice *dev = to_pci(d);

    return qpci_io_readw(dev->pdev, dev->bar, COMMON(dev, Q_SIZE));
}

static void write_address(QVirtioPCIDevice *dev, uint32_t low_reg, uint64_t addr)
{
    qpci_io_writel(dev->pdev, dev->bar, low_reg, addr);
    qpci_io_writel(dev->pdev, dev->bar, low_reg + 4, addr >> 32);
}

static void modern_set_queue_address(QVirtioDevice *d, QVirtQueue *vq)
{
    QVirtioPCIDevice *dev = to_pci(d);

    write_address(dev, COMMON(dev, Q_DESCLO), vq->desc);
    write_address(dev, COMMON(dev, Q_AVAILLO), vq->avail);
    write_address(dev, COMMON(dev, Q_USEDLO), vq->used);
}

static QVirtQueue *modern_virtqueue_setup(QVirtioDevice *d, QGuestAllocator *alloc,
                                          uint16_t index)
{
    QVirtioPCIDevice *dev = to_pci(d);
    QVirtQueuePCI *vqpci = g_new0(QVirtQueuePCI, 1);
    QVirtQueue *vq = &vqpci->vq;

    modern_queue_select(d, index);
    vq->vdev = d;
    vq->index = index;
    vq->size = modern_get_queue_size(d);
    g_assert_cmpint(vq->size, !=, 0);
    g_assert_cmpint(vq->size & (vq->size - 1), ==, 0);
    vq->num_free = vq->size;
    vq->align = 4096;
    vq->indirect = d->features & (1ull << VIRTIO_RING_F_INDIRECT_DESC);
    vq->event = d->features & (1ull << VIRTIO_RING_F_EVENT_IDX);
    vqpci->msix_entry = UINT16_MAX;
    vqpci->notify_offset = dev->notify_cfg_offset + dev->notify_off_multiplier *
                           qpci_io_readw(dev->pdev, dev->bar, COMMON(dev, Q_NOFF));
    qvring_init(dev->pdev->bus->qts, alloc, vq,
                guest_alloc(alloc, qvring_size(vq->size, vq->align)));
    modern_set_queue_address(d, vq);
    qpci_io_writew(dev->pdev, dev->bar, COMMON(dev, Q_ENABLE), 1);
    return vq;
}

static void modern_virtqueue_cleanup(QVirtQueue *vq, QGuestAllocator *alloc)
{
    guest_free(alloc, vq->desc);
    g_free(container_of(vq, QVirtQueuePCI, vq));
}

static void modern_virtqueue_kick(QVirtioDevice *d, QVirtQueue *vq)
{
    QVirtioPCIDevice *dev = to_pci(d);

    qpci_io_writew(dev->pdev, dev->bar, container_of(vq, QVirtQueuePCI, vq)->notify_offset,
                   vq->index);
}

static const QVirtioBus modern_bus = {
    .config_readb = modern_config_readb,
    .config_readw = modern_config_readw,
    .config_readl = modern_config_readl,
    .config_readq = modern_config_readq,
    .get_features = modern_get_features,
    .set_features = modern_set_features,
    .get_guest_features = modern_get_guest_features,
    .get_status = modern_get_status,
    .set_status = modern_set_status,
    .get_queue_isr_status = modern_get_queue_isr_status,
    .wait_config_isr_status = modern_wait_config_isr_status,
    .queue_select = modern_queue_select,
    .get_queue_size = modern_get_queue_size,
    .set_queue_address = modern_set_queue_address,
    .virtqueue_setup = modern_virtqueue_setup,
    .virtqueue_cleanup = modern_virtqueue_cleanup,
    .virtqueue_kick = modern_virtqueue_kick,
};

/* ---- life ---- */

/* The vendor capability for a structure, whose offset in the BAR is returned; *bar its BAR. */
static uint8_t structure_find(QPCIDevice *pdev, uint8_t cfg_type, uint32_t *offset, int *bar)
{
    uint8_t cap = 0;

    while ((cap = qpci_find_capability(pdev, PCI_CAP_ID_VNDR, cap))) {
        if (qpci_config_readb(pdev, cap + offsetof(struct virtio_pci_cap, cfg_type)) == cfg_type) {
            *bar = qpci_config_readb(pdev, cap + offsetof(struct virtio_pci_cap, bar));
            *offset = qpci_config_readl(pdev, cap + offsetof(struct virtio_pci_cap, offset));
            return cap;
        }
    }
    g_error("no virtio structure of type %u", cfg_type);
}

static void structures_locate(QVirtioPCIDevice *dev)
{
    int bar[4];
    uint8_t notify;

    structure_find(dev->pdev, VIRTIO_PCI_CAP_COMMON_CFG, &dev->common_cfg_offset, &bar[0]);
    structure_find(dev->pdev, VIRTIO_PCI_CAP_ISR_CFG, &dev->isr_cfg_offset, &bar[1]);
    structure_find(dev->pdev, VIRTIO_PCI_CAP_DEVICE_CFG, &dev->device_cfg_offset, &bar[2]);
    notify = structure_find(dev->pdev, VIRTIO_PCI_CAP_NOTIFY_CFG, &dev->notify_cfg_offset,
                            &bar[3]);
    dev->notify_off_multiplier = qpci_config_readl(
        dev->pdev, notify + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier));
    for (int i = 1; i < 4; i++) {
        g_assert_cmpint(bar[i], ==, bar[0]);
    }
    dev->bar_idx = bar[0];
}

void virtio_pci_init(QVirtioPCIDevice *dev, QPCIBus *bus, QPCIAddress *addr)
{
    *dev = (QVirtioPCIDevice) { .vdev.bus = &modern_bus, .config_msix_entry = UINT16_MAX };
    dev->obj.destructor = qvirtio_pci_destructor;
    dev->pdev = g_new0(QPCIDevice, 1);
    qpci_device_init(dev->pdev, bus, addr);
    g_assert_cmphex(qpci_config_readw(dev->pdev, PCI_DEVICE_ID), >=, MODERN_DEVICE_ID);
    dev->vdev.device_type = qpci_config_readw(dev->pdev, PCI_DEVICE_ID) - MODERN_DEVICE_ID;
    structures_locate(dev);
}

QVirtioPCIDevice *virtio_pci_new(QPCIBus *bus, QPCIAddress *addr)
{
    g_autofree QPCIDevice *found = qpci_device_find(bus, addr->devfn);
    QVirtioPCIDevice *dev;

    if (!found) {
        return NULL;
    }
    dev = g_new0(QVirtioPCIDevice, 1);
    virtio_pci_init(dev, bus, addr);
    dev->obj.free = g_free;
    return dev;
}

void qvirtio_pci_device_enable(QVirtioPCIDevice *d)
{
    qpci_device_enable(d->pdev);
    d->bar = qpci_iomap(d->pdev, d->bar_idx, NULL);
}

void qvirtio_pci_device_disable(QVirtioPCIDevice *d)
{
    qpci_iounmap(d->pdev, d->bar);
}

void qvirtio_pci_destructor(QOSGraphObject *obj)
{
    QVirtioPCIDevice *dev = container_of(obj, QVirtioPCIDevice, obj);

    qvirtio_pci_device_disable(dev);
    g_free(dev->pdev);
}

void qvirtio_pci_start_hw(QOSGraphObject *obj)
{
    QVirtioPCIDevice *dev = container_of(obj, QVirtioPCIDevice, obj);

    qvirtio_pci_device_enable(dev);
    qvirtio_start_device(&dev->vdev);
}
