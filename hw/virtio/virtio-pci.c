/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio over PCI, the modern interface (VIRTIO 1.2, section 4.1): BAR 4 with the common
 * configuration, ISR, device configuration and notification structures, five vendor capabilities
 * that lead to them (the last is a window for a driver without MMIO), MSI-X in BAR 1 if the device
 * wants vectors, INTx otherwise.
 *
 * A register is recognised by its exact offset, whatever the width of the access, as in QEMU.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_ids.h"
#include "hw/pci/pcie.h"
#include "hw/virtio/virtio-pci.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "standard-headers/linux/virtio_pci.h"

/* 4.1.2: modern devices have the PCI device ID 0x1040 plus their own. */
#define VIRTIO_PCI_DEVICE_ID_BASE 0x1040
#define VIRTIO_PCI_MODERN_REVISION 1

static VirtIODevice *virtio_pci_vdev(VirtIOPCIProxy *proxy)
{
    return virtio_bus_get_device(&proxy->bus);
}

static bool virtio_pci_page_per_vq(const VirtIOPCIProxy *proxy)
{
    return proxy->flags & VIRTIO_PCI_FLAG_PAGE_PER_VQ;
}

static uint32_t virtio_pci_notify_multiplier(const VirtIOPCIProxy *proxy)
{
    return virtio_pci_page_per_vq(proxy) ? VIRTIO_PCI_NOTIFY_MULTIPLIER_PAGE
                                         : VIRTIO_PCI_NOTIFY_MULTIPLIER;
}

static uint32_t virtio_pci_notify_size(const VirtIOPCIProxy *proxy)
{
    return virtio_pci_page_per_vq(proxy) ? VIRTIO_PCI_NOTIFY_SIZE_PAGE : VIRTIO_PCI_REGION_SIZE;
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void virtio_pci_notify(DeviceState *d, uint16_t vector)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(d);
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (msix_enabled(&proxy->pci_dev)) {
        if (vector != VIRTIO_NO_VECTOR) {
            msix_notify(&proxy->pci_dev, vector);
        }
    } else {
        pci_set_irq(&proxy->pci_dev, vdev && vdev->isr);
    }
}

/* Exchanges the vector @old for @vector; what there is no table entry for becomes NO_VECTOR. */
static uint16_t virtio_pci_set_vector(VirtIOPCIProxy *proxy, uint16_t old, uint16_t vector)
{
    if (old != VIRTIO_NO_VECTOR) {
        msix_vector_unuse(&proxy->pci_dev, old);
    }
    if (vector >= msix_nr_vectors_allocated(&proxy->pci_dev)) {
        return VIRTIO_NO_VECTOR;
    }
    msix_vector_use(&proxy->pci_dev, vector);
    return vector;
}

/* ---- common configuration (4.1.4.3) ---------------------------------------------------------- */

/* The queue selected, or NULL: its registers read as if never set up, and ignore writes. */
static VirtIOPCIQueue *virtio_pci_selected(VirtIOPCIProxy *proxy, VirtIODevice *vdev)
{
    return vdev->queue_sel < proxy->nb_vqs ? &proxy->vqs[vdev->queue_sel] : NULL;
}

static uint32_t virtio_pci_queue_read(VirtIOPCIProxy *proxy, VirtIODevice *vdev, hwaddr addr)
{
    const VirtIOPCIQueue *q = virtio_pci_selected(proxy, vdev);

    if (addr == VIRTIO_PCI_COMMON_Q_NOFF) {
        return vdev->queue_sel;
    }
    if (!q) {
        return addr == VIRTIO_PCI_COMMON_Q_MSIX ? VIRTIO_NO_VECTOR : 0;
    }
    switch (addr) {
    case VIRTIO_PCI_COMMON_Q_SIZE:
        return q->num;
    case VIRTIO_PCI_COMMON_Q_MSIX:
        return virtio_queue_vector(vdev, vdev->queue_sel);
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        return q->enabled;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
        return q->desc[0];
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        return q->desc[1];
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
        return q->avail[0];
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        return q->avail[1];
    case VIRTIO_PCI_COMMON_Q_USEDLO:
        return q->used[0];
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        return q->used[1];
    default:
        /* queue_reset: a reset is complete at once, so it never reads as 1. Unknown: 0. */
        return 0;
    }
}

static uint64_t virtio_pci_common_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIOPCIProxy *proxy = opaque;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (!vdev) {
        return UINT64_MAX;
    }
    switch (addr) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        return proxy->dfselect;
    case VIRTIO_PCI_COMMON_DF: {
        VirtioDeviceClass *k = VIRTIO_DEVICE_GET_CLASS(vdev);
        uint64_t offered = vdev->host_features & ~k->legacy_features;

        return proxy->dfselect <= 1 ? (uint32_t)(offered >> (32 * proxy->dfselect)) : 0;
    }
    case VIRTIO_PCI_COMMON_GFSELECT:
        return proxy->gfselect;
    case VIRTIO_PCI_COMMON_GF:
        return proxy->gfselect <= 1 ? proxy->guest_features[proxy->gfselect] : 0;
    case VIRTIO_PCI_COMMON_MSIX:
        return vdev->config_vector;
    case VIRTIO_PCI_COMMON_NUMQ:
        return virtio_get_num_queues(vdev);
    case VIRTIO_PCI_COMMON_STATUS:
        return vdev->status;
    case VIRTIO_PCI_COMMON_CFGGENERATION:
        return (uint8_t)vdev->generation;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        return vdev->queue_sel;
    default:
        return virtio_pci_queue_read(proxy, vdev, addr);
    }
}

/* What the driver has written of a queue is as after a reset. */
static void virtio_pci_forget_queue(VirtIOPCIProxy *proxy, unsigned n)
{
    proxy->vqs[n] = (VirtIOPCIQueue) {
        .num = virtio_queue_get_max_num(virtio_pci_vdev(proxy), n),
    };
}

/* The device and all that the proxy keeps for it. */
static void virtio_pci_reset_device(VirtIOPCIProxy *proxy)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (vdev) {
        virtio_reset(vdev);
    }
    msix_unuse_all_vectors(&proxy->pci_dev);
    proxy->guest_features[0] = proxy->guest_features[1] = 0;
    for (unsigned i = 0; i < proxy->nb_vqs; i++) {
        virtio_pci_forget_queue(proxy, i);
    }
}

static void virtio_pci_write_status(VirtIOPCIProxy *proxy, VirtIODevice *vdev, uint8_t val)
{
    if (val) {
        virtio_set_status(vdev, val);
    } else {
        virtio_pci_reset_device(proxy);
    }
}

static void virtio_pci_write_features(VirtIOPCIProxy *proxy, VirtIODevice *vdev, uint32_t val)
{
    if (proxy->gfselect > 1 || (vdev->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
        return;
    }
    proxy->guest_features[proxy->gfselect] = val;
    virtio_set_features(vdev, ((uint64_t)proxy->guest_features[1] << 32) |
                              proxy->guest_features[0]);
}

static void virtio_pci_enable_queue(VirtIODevice *vdev, VirtIOPCIQueue *q, uint32_t val)
{
    unsigned n = vdev->queue_sel;

    if (val != 1) {
        virtio_error(vdev, "wrong value for queue_enable %" PRIx32, val);
        return;
    }
    if (q->enabled) {
        return;
    }
    virtio_queue_set_num(vdev, n, q->num);
    if (virtio_queue_get_num(vdev, n) != q->num) {
        /* It was good for the features that the driver had chosen when it wrote the size. */
        virtio_error(vdev, "queue %u: a size of %u is not possible", n, q->num);
        return;
    }
    virtio_queue_set_rings(vdev, n, ((hwaddr)q->desc[1] << 32) | q->desc[0],
                           ((hwaddr)q->avail[1] << 32) | q->avail[0],
                           ((hwaddr)q->used[1] << 32) | q->used[0]);
    virtio_queue_enable(vdev, n);
    q->enabled = virtio_queue_enabled(vdev, n);
}

static void virtio_pci_reset_queue(VirtIOPCIProxy *proxy, VirtIODevice *vdev, uint32_t val)
{
    unsigned n = vdev->queue_sel;
    uint16_t vector = virtio_queue_vector(vdev, n);

    if (val != 1 || !virtio_vdev_has_feature(vdev, VIRTIO_F_RING_RESET)) {
        return;
    }
    if (vector != VIRTIO_NO_VECTOR) {
        msix_vector_unuse(&proxy->pci_dev, vector);
    }
    virtio_queue_reset(vdev, n);
    virtio_pci_forget_queue(proxy, n);
}

static void virtio_pci_queue_write(VirtIOPCIProxy *proxy, VirtIODevice *vdev, hwaddr addr,
                                   uint32_t val)
{
    VirtIOPCIQueue *q = virtio_pci_selected(proxy, vdev);

    if (!q) {
        return;
    }
    switch (addr) {
    case VIRTIO_PCI_COMMON_Q_SIZE:
        if (virtio_queue_num_valid(vdev, vdev->queue_sel, val)) {
            q->num = val;
        }
        break;
    case VIRTIO_PCI_COMMON_Q_MSIX:
        virtio_queue_set_vector(vdev, vdev->queue_sel, virtio_pci_set_vector(
                                proxy, virtio_queue_vector(vdev, vdev->queue_sel), val));
        break;
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        virtio_pci_enable_queue(vdev, q, val);
        break;
    case VIRTIO_PCI_COMMON_Q_RESET:
        virtio_pci_reset_queue(proxy, vdev, val);
        break;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
        q->desc[0] = val;
        break;
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        q->desc[1] = val;
        break;
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
        q->avail[0] = val;
        break;
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        q->avail[1] = val;
        break;
    case VIRTIO_PCI_COMMON_Q_USEDLO:
        q->used[0] = val;
        break;
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        q->used[1] = val;
        break;
    default:
        break;  /* read-only, or nothing there */
    }
}

static void virtio_pci_common_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VirtIOPCIProxy *proxy = opaque;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (!vdev) {
        return;
    }
    switch (addr) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        proxy->dfselect = val;
        break;
    case VIRTIO_PCI_COMMON_GFSELECT:
        proxy->gfselect = val;
        break;
    case VIRTIO_PCI_COMMON_GF:
        virtio_pci_write_features(proxy, vdev, val);
        break;
    case VIRTIO_PCI_COMMON_MSIX:
        vdev->config_vector = virtio_pci_set_vector(proxy, vdev->config_vector, val);
        break;
    case VIRTIO_PCI_COMMON_STATUS:
        virtio_pci_write_status(proxy, vdev, val);
        break;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        if (val < VIRTIO_QUEUE_MAX) {
            vdev->queue_sel = val;
        }
        break;
    default:
        virtio_pci_queue_write(proxy, vdev, addr, val);
    }
}

/* ---- the other structures -------------------------------------------------------------------- */

/* 4.1.4.5: reading tells why there was an interrupt, and takes it back. */
static uint64_t virtio_pci_isr_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIOPCIProxy *proxy = opaque;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);
    uint8_t val;

    if (!vdev) {
        return UINT64_MAX;
    }
    val = vdev->isr;
    vdev->isr = 0;
    pci_irq_deassert(&proxy->pci_dev);
    return val;
}

static void virtio_pci_ignore_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static uint64_t virtio_pci_device_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIODevice *vdev = virtio_pci_vdev(opaque);

    if (!vdev) {
        return UINT64_MAX;
    }
    switch (size) {
    case 1:
        return virtio_config_modern_readb(vdev, addr);
    case 2:
        return virtio_config_modern_readw(vdev, addr);
    default:
        return virtio_config_modern_readl(vdev, addr);
    }
}

static void virtio_pci_device_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VirtIODevice *vdev = virtio_pci_vdev(opaque);

    if (!vdev) {
        return;
    }
    switch (size) {
    case 1:
        virtio_config_modern_writeb(vdev, addr, val);
        break;
    case 2:
        virtio_config_modern_writew(vdev, addr, val);
        break;
    default:
        virtio_config_modern_writel(vdev, addr, val);
        break;
    }
}

static uint64_t virtio_pci_notify_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

/* 4.1.4.4: the address says which queue; the value need not be looked at. */
static void virtio_pci_notify_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VirtIODevice *vdev = virtio_pci_vdev(opaque);

    if (vdev) {
        virtio_queue_notify(vdev, addr / virtio_pci_notify_multiplier(opaque));
    }
}

#define VIRTIO_PCI_OPS(read_, write_)                       \
    {                                                       \
        .read = read_,                                      \
        .write = write_,                                    \
        .impl = { .min_access_size = 1, .max_access_size = 4 }, \
        .valid = { .min_access_size = 1, .max_access_size = 8 }, \
        .endianness = DEVICE_LITTLE_ENDIAN,                 \
    }

/* In the order of their capabilities, and in the BAR's. */
enum { VIRTIO_PCI_STRUCT_NOTIFY = 3 };

static const struct {
    const char *name;
    uint8_t cfg_type;
    hwaddr offset;
    size_t region;             /* offset of the MemoryRegion in the proxy */
    MemoryRegionOps ops;
} virtio_pci_structs[] = {
    { "virtio-pci-common", VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_PCI_COMMON_OFFSET,
      offsetof(VirtIOPCIProxy, common),
      VIRTIO_PCI_OPS(virtio_pci_common_read, virtio_pci_common_write) },
    { "virtio-pci-isr", VIRTIO_PCI_CAP_ISR_CFG, VIRTIO_PCI_ISR_OFFSET,
      offsetof(VirtIOPCIProxy, isr),
      VIRTIO_PCI_OPS(virtio_pci_isr_read, virtio_pci_ignore_write) },
    { "virtio-pci-device", VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_PCI_DEVICE_OFFSET,
      offsetof(VirtIOPCIProxy, device),
      VIRTIO_PCI_OPS(virtio_pci_device_read, virtio_pci_device_write) },
    { "virtio-pci-notify", VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_PCI_NOTIFY_OFFSET,
      offsetof(VirtIOPCIProxy, notify),
      VIRTIO_PCI_OPS(virtio_pci_notify_read, virtio_pci_notify_write) },
};

/* ---- PCI configuration space ----------------------------------------------------------------- */

/* Index of the structure that byte @offset of the BAR belongs to; -1: none. */
static int virtio_pci_struct_at(const VirtIOPCIProxy *proxy, uint32_t offset)
{
    if (offset < VIRTIO_PCI_NOTIFY_OFFSET) {
        return offset / VIRTIO_PCI_REGION_SIZE;
    }
    offset -= VIRTIO_PCI_NOTIFY_OFFSET;
    return offset < virtio_pci_notify_size(proxy) ? VIRTIO_PCI_STRUCT_NOTIFY : -1;
}

static void virtio_pci_access_window(VirtIOPCIProxy *proxy, bool is_write)
{
    uint8_t *cap = proxy->pci_dev.config + proxy->config_cap;
    uint8_t *data = cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
    uint32_t offset = pci_get_long(cap + VIRTIO_PCI_CAP_OFFSET);
    uint32_t len = pci_get_long(cap + VIRTIO_PCI_CAP_LENGTH);
    int at = virtio_pci_struct_at(proxy, offset);
    const MemoryRegionOps *ops;
    uint32_t val = 0;

    if (cap[VIRTIO_PCI_CAP_BAR] != VIRTIO_PCI_MODERN_BAR || at < 0 ||
        (len != 1 && len != 2 && len != 4) || offset % len) {
        return;
    }
    ops = &virtio_pci_structs[at].ops;
    offset -= virtio_pci_structs[at].offset;
    if (is_write) {
        memcpy(&val, data, len);
        ops->write(proxy, offset, le32_to_cpu(val), len);
    } else {
        val = cpu_to_le32((uint32_t)ops->read(proxy, offset, len));
        memcpy(data, &val, len);
    }
}

/* 4.1.4.9: does the access touch pci_cfg_data? */
static bool virtio_pci_hits_window(VirtIOPCIProxy *proxy, uint32_t address, int len)
{
    uint32_t start = proxy->config_cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);

    return proxy->config_cap && address < start + 4 && address + len > start;
}

static uint32_t virtio_pci_read_config(PCIDevice *pci_dev, uint32_t address, int len)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(pci_dev);

    if (virtio_pci_hits_window(proxy, address, len)) {
        virtio_pci_access_window(proxy, false);
    }
    return pci_default_read_config(pci_dev, address, len);
}

static void virtio_pci_write_config(PCIDevice *pci_dev, uint32_t address, uint32_t val, int len)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(pci_dev);
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    pci_default_write_config(pci_dev, address, val, len);
    if (vdev && address <= PCI_COMMAND && address + len > PCI_COMMAND) {
        /* Without bus mastering the device must not touch memory: DRIVER_OK is taken back. */
        uint16_t command = pci_get_word(pci_dev->config + PCI_COMMAND);

        virtio_set_disabled(vdev, !(command & PCI_COMMAND_MASTER));
    }
    if (virtio_pci_hits_window(proxy, address, len)) {
        virtio_pci_access_window(proxy, true);
    }
}

/* A vendor capability of @cap_len bytes for @len bytes at @offset of the BAR; its place. */
static int virtio_pci_add_cap(VirtIOPCIProxy *proxy, uint8_t cfg_type, uint8_t cap_len,
                              uint8_t bar, uint32_t offset, uint32_t len, Error **errp)
{
    int pos = pci_add_capability(&proxy->pci_dev, PCI_CAP_ID_VNDR, 0, cap_len, errp);
    uint8_t *cap = proxy->pci_dev.config + pos;

    if (pos <= 0) {
        return -1;
    }
    cap[VIRTIO_PCI_CAP_LEN] = cap_len;
    cap[VIRTIO_PCI_CAP_CFG_TYPE] = cfg_type;
    cap[VIRTIO_PCI_CAP_BAR] = bar;
    pci_set_long(cap + VIRTIO_PCI_CAP_OFFSET, offset);
    pci_set_long(cap + VIRTIO_PCI_CAP_LENGTH, len);
    return pos;
}

static bool virtio_pci_add_window(VirtIOPCIProxy *proxy, Error **errp)
{
    int pos = virtio_pci_add_cap(proxy, VIRTIO_PCI_CAP_PCI_CFG, sizeof(struct virtio_pci_cfg_cap),
                                 0, 0, 0, errp);
    uint8_t *wmask = proxy->pci_dev.wmask + pos;

    if (pos < 0) {
        return false;
    }
    wmask[VIRTIO_PCI_CAP_BAR] = 0xff;
    pci_set_long(wmask + VIRTIO_PCI_CAP_OFFSET, UINT32_MAX);
    pci_set_long(wmask + VIRTIO_PCI_CAP_LENGTH, UINT32_MAX);
    pci_set_long(wmask + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), UINT32_MAX);
    proxy->config_cap = pos;
    return true;
}

/* ---- plugging the device into the proxy ------------------------------------------------------ */

static void virtio_pci_pre_plugged(DeviceState *d, Error **errp)
{
    VirtIODevice *vdev = virtio_pci_vdev(VIRTIO_PCI(d));

    virtio_add_feature(&vdev->host_features, VIRTIO_F_VERSION_1);
}

static bool virtio_pci_add_structs(VirtIOPCIProxy *proxy, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(virtio_pci_structs); i++) {
        bool notify = i == VIRTIO_PCI_STRUCT_NOTIFY;
        size_t cap_len = notify ? sizeof(struct virtio_pci_notify_cap)
                                : sizeof(struct virtio_pci_cap);
        int pos = virtio_pci_add_cap(proxy, virtio_pci_structs[i].cfg_type, cap_len,
                                     VIRTIO_PCI_MODERN_BAR, virtio_pci_structs[i].offset,
                                     notify ? virtio_pci_notify_size(proxy)
                                            : VIRTIO_PCI_REGION_SIZE, errp);

        if (pos < 0) {
            return false;
        }
        if (notify) {
            pci_set_long(proxy->pci_dev.config + pos + VIRTIO_PCI_NOTIFY_CAP_MULT,
                         virtio_pci_notify_multiplier(proxy));
        }
    }
    return true;
}

static void virtio_pci_init_bar(VirtIOPCIProxy *proxy)
{
    Object *owner = OBJECT(proxy);
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    memory_region_init(&proxy->modern_bar, owner, "virtio-pci",
                       virtio_pci_page_per_vq(proxy) ? VIRTIO_PCI_BAR_SIZE_PAGE
                                                     : VIRTIO_PCI_BAR_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(virtio_pci_structs); i++) {
        MemoryRegion *mr = (MemoryRegion *)((char *)proxy + virtio_pci_structs[i].region);
        g_autofree char *name = g_strdup_printf("%s-%s", virtio_pci_structs[i].name, vdev->name);

        memory_region_init_io(mr, owner, &virtio_pci_structs[i].ops, proxy, name,
                              i == VIRTIO_PCI_STRUCT_NOTIFY ? virtio_pci_notify_size(proxy)
                                                            : VIRTIO_PCI_REGION_SIZE);
        memory_region_add_subregion(&proxy->modern_bar, virtio_pci_structs[i].offset, mr);
    }
}

static void virtio_pci_device_plugged(DeviceState *d, Error **errp)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(d);
    PCIDevice *pci_dev = &proxy->pci_dev;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    pci_config_set_vendor_id(pci_dev->config, PCI_VENDOR_ID_REDHAT_QUMRANET);
    pci_config_set_device_id(pci_dev->config, VIRTIO_PCI_DEVICE_ID_BASE + vdev->device_id);
    pci_config_set_revision(pci_dev->config, VIRTIO_PCI_MODERN_REVISION);
    pci_config_set_interrupt_pin(pci_dev->config, 1);

    if (!virtio_pci_add_structs(proxy, errp) || !virtio_pci_add_window(proxy, errp)) {
        return;
    }
    if (proxy->nvectors &&
        msix_init_exclusive_bar(pci_dev, proxy->nvectors, VIRTIO_PCI_MSIX_BAR, errp) < 0) {
        return;
    }
    virtio_pci_init_bar(proxy);
    pci_register_bar(pci_dev, VIRTIO_PCI_MODERN_BAR,
                     PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH |
                     PCI_BASE_ADDRESS_MEM_TYPE_64, &proxy->modern_bar);

    proxy->nb_vqs = virtio_get_num_queues(vdev);
    proxy->vqs = g_new0(VirtIOPCIQueue, proxy->nb_vqs);
    for (unsigned i = 0; i < proxy->nb_vqs; i++) {
        virtio_pci_forget_queue(proxy, i);
    }
}

static void virtio_pci_device_unplugged(DeviceState *d)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(d);

    g_clear_pointer(&proxy->vqs, g_free);
    proxy->nb_vqs = 0;
}

/* Behind a PCI Express port it is a PCI Express function, on a root bus a conventional one. */
static void virtio_pci_dc_realize(DeviceState *qdev, Error **errp)
{
    PCIDevice *pci_dev = PCI_DEVICE(qdev);
    PCIBus *bus = pci_get_bus(pci_dev);

    if (pci_bus_is_express(bus) && !pci_bus_is_root(bus)) {
        pci_dev->cap_present |= QEMU_PCI_CAP_EXPRESS;
    }
    VIRTIO_PCI_GET_CLASS(qdev)->parent_dc_realize(qdev, errp);
}

/* There is no legacy interface in this tree, so that the modern one cannot be done without. */
static bool virtio_pci_check_interfaces(const VirtIOPCIProxy *proxy, Error **errp)
{
    if (proxy->disable_modern && proxy->disable_legacy == ON_OFF_AUTO_ON) {
        error_setg(errp, "device cannot work as neither modern nor legacy mode is enabled");
        error_append_hint(errp, "Set either disable-modern or disable-legacy to off\n");
        return false;
    }
    if (proxy->disable_modern) {
        error_setg(errp, "'disable-modern' cannot be 'on': the device has no legacy interface");
        return false;
    }
    if (proxy->disable_legacy == ON_OFF_AUTO_OFF) {
        error_setg(errp, "'disable-legacy' cannot be 'off', only 'on' or 'auto': the device has no "
                   "legacy interface");
        return false;
    }
    return true;
}

static void virtio_pci_realize(PCIDevice *pci_dev, Error **errp)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(pci_dev);
    VirtioPCIClass *k = VIRTIO_PCI_GET_CLASS(pci_dev);

    if (!virtio_pci_check_interfaces(proxy, errp)) {
        return;
    }
    if (pci_is_express(pci_dev) &&
        (pcie_cap_init_endpoint(pci_dev, errp) < 0 || pci_pm_init(pci_dev, errp) < 0)) {
        return;
    }
    qbus_init(&proxy->bus, sizeof(proxy->bus), TYPE_VIRTIO_PCI_BUS, DEVICE(proxy), "virtio-bus");
    if (k->realize) {
        k->realize(proxy, errp);
    }
}

static void virtio_pci_exit(PCIDevice *pci_dev)
{
    VirtIOPCIProxy *proxy = VIRTIO_PCI(pci_dev);

    msix_uninit_exclusive_bar(pci_dev);
    proxy->config_cap = 0;
}

static void virtio_pci_reset_hold(Object *obj, ResetType type)
{
    virtio_pci_reset_device(VIRTIO_PCI(obj));
}

void virtio_pci_force_virtio_1(VirtIOPCIProxy *proxy)
{
    proxy->disable_legacy = ON_OFF_AUTO_ON;
    proxy->disable_modern = false;
}

/* ---- types ----------------------------------------------------------------------------------- */

static const Property virtio_pci_properties[] = {
    DEFINE_PROP_ON_OFF_AUTO("disable-legacy", VirtIOPCIProxy, disable_legacy, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("disable-modern", VirtIOPCIProxy, disable_modern, false),
    DEFINE_PROP_BIT("page-per-vq", VirtIOPCIProxy, flags, VIRTIO_PCI_FLAG_PAGE_PER_VQ_BIT,
                    false),
};

static void virtio_pci_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    device_class_set_parent_realize(dc, virtio_pci_dc_realize,
                                    &VIRTIO_PCI_CLASS(klass)->parent_dc_realize);
    device_class_set_props(dc, virtio_pci_properties);
    k->realize = virtio_pci_realize;
    k->exit = virtio_pci_exit;
    k->config_read = virtio_pci_read_config;
    k->config_write = virtio_pci_write_config;
    k->vendor_id = PCI_VENDOR_ID_REDHAT_QUMRANET;
    k->revision = VIRTIO_PCI_ABI_VERSION;
    k->class_id = PCI_CLASS_OTHERS;
    rc->phases.hold = virtio_pci_reset_hold;
    dc->user_creatable = true;
}

static void virtio_pci_bus_class_init(ObjectClass *klass, const void *data)
{
    BusClass *bc = BUS_CLASS(klass);
    VirtioBusClass *k = VIRTIO_BUS_CLASS(klass);

    bc->max_dev = 1;
    k->notify = virtio_pci_notify;
    k->pre_plugged = virtio_pci_pre_plugged;
    k->device_plugged = virtio_pci_device_plugged;
    k->device_unplugged = virtio_pci_device_unplugged;
}

static const TypeInfo virtio_pci_types[] = {
    {
        .name = TYPE_VIRTIO_PCI_BUS,
        .parent = TYPE_VIRTIO_BUS,
        .instance_size = sizeof(VirtioPCIBusState),
        .class_size = sizeof(VirtioPCIBusClass),
        .class_init = virtio_pci_bus_class_init,
    }, {
        .name = TYPE_VIRTIO_PCI,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VirtIOPCIProxy),
        .class_init = virtio_pci_class_init,
        .class_size = sizeof(VirtioPCIClass),
        .abstract = true,
    },
};

DEFINE_TYPES(virtio_pci_types)

static const InterfaceInfo virtio_pci_interfaces[] = {
    { INTERFACE_PCIE_DEVICE },
    { INTERFACE_CONVENTIONAL_PCI_DEVICE },
    { },
};

void virtio_pci_types_register(const VirtioPCIDeviceTypeInfo *t)
{
    TypeInfo *base = g_new0(TypeInfo, 1), *generic = g_new0(TypeInfo, 1);

    *base = (TypeInfo) {
        .name = t->base_name,
        .parent = t->parent ? t->parent : TYPE_VIRTIO_PCI,
        .instance_size = t->instance_size,
        .instance_init = t->instance_init,
        .instance_finalize = t->instance_finalize,
        .class_size = t->class_size,
        .class_init = t->class_init,
        .interfaces = t->interfaces,
        .abstract = true,
    };
    *generic = (TypeInfo) {
        .name = t->generic_name,
        .parent = t->base_name,
        .interfaces = virtio_pci_interfaces,
    };
    /* Registered types keep their description for ever. */
    type_register_static(base);
    type_register_static(generic);
}

/* The user sets the device's properties on its proxy. */
static void virtio_pci_alias_properties(Object *proxy_obj, Object *vdev)
{
    ObjectClass *oc = object_get_class(vdev);

    for (; oc && object_class_dynamic_cast(oc, TYPE_DEVICE); oc = object_class_get_parent(oc)) {
        DeviceClass *dc = DEVICE_CLASS(oc);

        for (unsigned i = 0; i < dc->props_count_; i++) {
            const char *name = dc->props_[i].name;

            if (!object_property_find(proxy_obj, name)) {
                object_property_add_alias(proxy_obj, name, vdev, name);
            }
        }
    }
}

void virtio_instance_init_common(Object *proxy_obj, void *data, size_t size,
                                 const char *vdev_name)
{
    object_initialize_child_internal(proxy_obj, "virtio-backend", data, size, vdev_name);
    virtio_pci_alias_properties(proxy_obj, OBJECT(data));
}
