/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio driver in the test: status and features (VIRTIO 1.2, 3.1), split
 * virtqueues with indirect descriptors and event index (2.7), on any
 * transport behind a QVirtioBus (virtio-pci.h). Rings and buffers are in
 * guest RAM, by gpa; times in microseconds of the test's own clock.
 */
#ifndef LIBQOS_VIRTIO_H
#define LIBQOS_VIRTIO_H

#include "libqos-malloc.h"
#include "standard-headers/linux/virtio_ring.h"

/* A bit that no device offers or that no driver should take: masked from what the device offers. */
#define QVIRTIO_F_BAD_FEATURE 0x40000000ull

typedef struct QVirtioBus QVirtioBus;

typedef struct QVirtioDevice {
    const QVirtioBus *bus;
    uint16_t device_type;       /* VIRTIO_ID_… */
    uint64_t features;          /* negotiated */
    bool big_endian;            /* always false for a modern device */
    bool features_negotiated;
} QVirtioDevice;

typedef struct QVirtQueue {
    QVirtioDevice *vdev;
    uint64_t desc;              /* gpa of the descriptor table */
    uint64_t avail;             /* gpa of the available ring */
    uint64_t used;              /* gpa of the used ring */
    uint16_t index;
    uint32_t size;              /* entries */
    uint32_t free_head;         /* next descriptor to use; descriptors are never used twice */
    uint32_t num_free;          /* goes down only */
    uint32_t align;
    uint16_t last_used_idx;
    bool indirect;
    bool event;
} QVirtQueue;

typedef struct QVRingIndirectDesc {
    uint64_t desc;              /* gpa of the indirect table */
    uint16_t index;             /* entries filled */
    uint16_t elem;              /* entries in the table */
} QVRingIndirectDesc;

struct QVirtioBus {
    uint8_t (*config_readb)(QVirtioDevice *d, uint64_t addr);
    uint16_t (*config_readw)(QVirtioDevice *d, uint64_t addr);
    uint32_t (*config_readl)(QVirtioDevice *d, uint64_t addr);
    uint64_t (*config_readq)(QVirtioDevice *d, uint64_t addr);
    uint64_t (*get_features)(QVirtioDevice *d);
    void (*set_features)(QVirtioDevice *d, uint64_t features);
    uint64_t (*get_guest_features)(QVirtioDevice *d);
    uint8_t (*get_status)(QVirtioDevice *d);
    void (*set_status)(QVirtioDevice *d, uint8_t status);
    /* Whether the queue's interrupt has come; asking takes it back. */
    bool (*get_queue_isr_status)(QVirtioDevice *d, QVirtQueue *vq);
    /* Waits for the configuration interrupt, and takes it back. */
    void (*wait_config_isr_status)(QVirtioDevice *d, gint64 timeout_us);
    void (*queue_select)(QVirtioDevice *d, uint16_t index);
    uint16_t (*get_queue_size)(QVirtioDevice *d);
    void (*set_queue_address)(QVirtioDevice *d, QVirtQueue *vq);
    QVirtQueue *(*virtqueue_setup)(QVirtioDevice *d, QGuestAllocator *alloc, uint16_t index);
    void (*virtqueue_cleanup)(QVirtQueue *vq, QGuestAllocator *alloc);
    void (*virtqueue_kick)(QVirtioDevice *d, QVirtQueue *vq);
};

/* Bytes of descriptor table and both rings in one piece. */
static inline uint32_t qvring_size(uint32_t num, uint32_t align)
{
    uint32_t desc_and_avail = sizeof(struct vring_desc) * num + 2 * (3 + num);

    return QEMU_ALIGN_UP(desc_and_avail, align) + 2 * 3 + sizeof(struct vring_used_elem) * num;
}

/* ---- device ---- */

/* After features have been negotiated; before, d->bus has functions of that name. */
uint8_t qvirtio_config_readb(QVirtioDevice *d, uint64_t addr);
uint16_t qvirtio_config_readw(QVirtioDevice *d, uint64_t addr);
uint32_t qvirtio_config_readl(QVirtioDevice *d, uint64_t addr);
uint64_t qvirtio_config_readq(QVirtioDevice *d, uint64_t addr);
uint64_t qvirtio_get_features(QVirtioDevice *d);
/* Acknowledges them, without bit 30; with VERSION_1 the status has to be exact afterwards. */
void qvirtio_set_features(QVirtioDevice *d, uint64_t features);
bool qvirtio_is_big_endian(QVirtioDevice *d);

/* Each checks the whole status afterwards: nothing but the bits that are due by then. */
void qvirtio_reset(QVirtioDevice *d);
void qvirtio_set_acknowledge(QVirtioDevice *d);
void qvirtio_set_driver(QVirtioDevice *d);
void qvirtio_set_driver_ok(QVirtioDevice *d);
/* reset, ACKNOWLEDGE, DRIVER */
void qvirtio_start_device(QVirtioDevice *d);

/* ---- waiting; each aborts after timeout_us ---- */

void qvirtio_wait_queue_isr(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, gint64 timeout_us);
/* Waits for the queue's interrupt and takes the used element, which has to be desc_idx's. */
void qvirtio_wait_used_elem(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, uint32_t desc_idx,
                            uint32_t *len, gint64 timeout_us);
void qvirtio_wait_config_isr(QVirtioDevice *d, gint64 timeout_us);

/* ---- virtqueues ---- */

QVirtQueue *qvirtqueue_setup(QVirtioDevice *d, QGuestAllocator *alloc, uint16_t index);
void qvirtqueue_cleanup(const QVirtioBus *bus, QVirtQueue *vq, QGuestAllocator *alloc);
/*
 * Tells vq where its parts at addr are, clears both rings' flags, indices and events and the
 * descriptors' addresses, and chains them (next); all else stays as it was in memory.
 */
void qvring_init(QTestState *qts, const QGuestAllocator *alloc, QVirtQueue *vq, uint64_t addr);
/* To be freed by g_free(), its table by guest_free(). */
QVRingIndirectDesc *qvring_indirect_desc_setup(QTestState *qts, QVirtioDevice *d,
                                               QGuestAllocator *alloc, uint16_t elem);
void qvring_indirect_desc_add(QVirtioDevice *d, QTestState *qts, QVRingIndirectDesc *indirect,
                              uint64_t data, uint32_t len, bool write);
/*
 * Fills the next descriptor, chained to its successor if next; returns its index. Nothing comes
 * round: when the table is at its end, a test that knows its chains to be used may set free_head.
 */
uint32_t qvirtqueue_add(QTestState *qts, QVirtQueue *vq, uint64_t data, uint32_t len, bool write,
                        bool next);
uint32_t qvirtqueue_add_indirect(QTestState *qts, QVirtQueue *vq, QVRingIndirectDesc *indirect);
/* Makes the chain at free_head available, and notifies the device unless it does not want to be. */
void qvirtqueue_kick(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, uint32_t free_head);
/* Takes the next used element; false when there is none. Either pointer may be NULL. */
bool qvirtqueue_get_buf(QTestState *qts, QVirtQueue *vq, uint32_t *desc_idx, uint32_t *len);
void qvirtqueue_set_used_event(QTestState *qts, QVirtQueue *vq, uint16_t idx);
void qvirtqueue_set_avail_idx(QTestState *qts, QVirtioDevice *d, QVirtQueue *vq, uint16_t idx);

#endif
