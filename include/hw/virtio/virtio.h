/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio devices, whatever their transport: feature negotiation, device status, configuration
 * space, split and packed virtqueues (VIRTIO 1.3 sections 2 and 3; modern devices only, so all of
 * the guest's fields are little endian).
 *
 * A device is a QOM type below TYPE_VIRTIO_DEVICE on a virtio bus. Its realize calls
 * virtio_init(), then virtio_add_queue() for each queue; its unrealize undoes both. Everything
 * here runs under the big lock unless a function says otherwise.
 *
 * A VirtQueueElement is a checked copy of a chain of the guest's descriptors: each was read once,
 * and in_sg/out_sg point into RAM that stays mapped until the element is pushed or detached. What
 * lies there still belongs to the guest: read it once. A malformed ring breaks the device: it
 * shows DEVICE_NEEDS_RESET and does nothing more until the guest resets it.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include <sys/uio.h>

#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "qemu/log-limit.h"
#include "qom/object.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "standard-headers/linux/virtio_ring.h"
#include "system/memory.h"

#define VIRTIO_QUEUE_MAX 1024      /* queues of a device */
#define VIRTQUEUE_MAX_SIZE 1024    /* descriptors of a queue, and of a chain */
#define VIRTIO_NO_VECTOR 0xffff    /* VIRTIO 1.2, 4.1.5.1.2 */

#define TYPE_VIRTIO_DEVICE "virtio-device"
OBJECT_DECLARE_TYPE(VirtIODevice, VirtioDeviceClass, VIRTIO_DEVICE)

typedef void (*VirtIOHandleOutput)(VirtIODevice *vdev, VirtQueue *vq);

/*
 * out_*: what the driver wrote for the device to read; in_*: where the device is to write. The
 * element is one allocation, to be freed with g_free() after virtqueue_push(),
 * virtqueue_fill() or virtqueue_detach_element(). A device may put the structure at the start of
 * a larger one of its own and give that one's size to virtqueue_pop().
 */
struct VirtQueueElement {
    unsigned int index;            /* the chain's first descriptor; packed: its buffer ID */
    unsigned int len;              /* bytes written, as virtqueue_fill() was told */
    unsigned int ndescs;           /* entries of the ring that it takes; always 1 if split */
    unsigned int out_num;
    unsigned int in_num;
    hwaddr *in_addr;               /* guest addresses of the buffers below */
    hwaddr *out_addr;
    struct iovec *in_sg;
    struct iovec *out_sg;
    MemoryRegion **mapped;         /* private: out_num + in_num regions, referenced */
    uint32_t epoch;                /* private: a queue that was reset since ignores the element */
};

struct VirtioDeviceClass {
    DeviceClass parent;

    DeviceRealize realize;
    DeviceUnrealize unrealize;
    /*
     * What to offer: given the transport's bits and those set by properties, returns them with
     * the device's added (or bits removed). Asked once, when the device is plugged into its bus.
     */
    uint64_t (*get_features)(VirtIODevice *vdev, uint64_t requested_features, Error **errp);
    /* The driver's choice has changed; a subset of what is offered. May be NULL. */
    void (*set_features)(VirtIODevice *vdev, uint64_t val);
    /* Is the driver's choice (vdev->guest_features) acceptable? 0, or a negative errno. */
    int (*validate_features)(VirtIODevice *vdev);
    /* Fill config_len bytes at @config, little endian. */
    void (*get_config)(VirtIODevice *vdev, uint8_t *config);
    /* The driver wrote; @config is all of the space after the write. NULL: it is read-only. */
    void (*set_config)(VirtIODevice *vdev, const uint8_t *config);
    /* The driver, or a reset of the transport, resets the device. May be NULL. */
    void (*reset)(VirtIODevice *vdev);
    /* @val is the new status; called before vdev->status changes. May be NULL. */
    int (*set_status)(VirtIODevice *vdev, uint8_t val);
    /* The driver resets / enables again one queue (VIRTIO_F_RING_RESET). May be NULL. */
    void (*queue_reset)(VirtIODevice *vdev, uint32_t queue_index);
    void (*queue_enable)(VirtIODevice *vdev, uint32_t queue_index);
    /* Bits that only a legacy driver may see; never shown, as there is no legacy transport. */
    uint64_t legacy_features;
};

struct VirtIODevice {
    DeviceState parent_obj;

    const char *name;              /* "virtio-mem" */
    uint16_t device_id;
    AddressSpace *dma_as;          /* where the guest's addresses are looked up */

    uint8_t status;                /* VIRTIO_CONFIG_S_* */
    bool started;                  /* DRIVER_OK has been set since the last reset */
    bool broken;                   /* a malformed ring: nothing goes on before a reset */
    bool disabled;                 /* the transport has taken away bus mastering */
    bool vm_stopped;               /* the machine is: queues and interrupts wait until it runs */
    struct VMChangeStateEntry *vm_state_entry;
    bool config_pending;           /* a configuration interrupt is due once the driver runs */
    uint8_t isr;                   /* bit 0 queue, bit 1 configuration */
    uint64_t host_features;        /* offered; properties set bits before realize */
    uint64_t guest_features;       /* the driver's choice; a subset */
    uint64_t driver_features;      /* as the driver wrote it, offered or not */

    size_t config_len;
    uint8_t *config;
    uint16_t config_vector;
    uint32_t generation;           /* changes with the configuration space */

    uint16_t queue_sel;
    unsigned nb_queues;
    VirtQueue **vq;                /* nb_queues of them */

    struct VirtIOSegment *segs;    /* room to collect a chain: VIRTQUEUE_MAX_SIZE */

    LogLimit log;                  /* of virtio_error() */
};

/* For DEFINE_PROP_BIT64 in a class: the features that an operator may switch. */
#define DEFINE_VIRTIO_COMMON_FEATURES(_state, _field)                                        \
    DEFINE_PROP_BIT64("indirect_desc", _state, _field, VIRTIO_RING_F_INDIRECT_DESC, true),   \
    DEFINE_PROP_BIT64("event_idx", _state, _field, VIRTIO_RING_F_EVENT_IDX, true),           \
    DEFINE_PROP_BIT64("queue_reset", _state, _field, VIRTIO_F_RING_RESET, true),             \
    DEFINE_PROP_BIT64("packed", _state, _field, VIRTIO_F_RING_PACKED, false),                \
    DEFINE_PROP_BIT64("iommu_platform", _state, _field, VIRTIO_F_ACCESS_PLATFORM, false)

/* --- for devices --- */

/* First in realize. @config_size bytes of configuration space, 0 for none. */
void virtio_init(VirtIODevice *vdev, uint16_t device_id, size_t config_size);
/* Last in unrealize; every queue must have been deleted. */
void virtio_cleanup(VirtIODevice *vdev);
/* "virtio-mem" for VIRTIO_ID_MEM; "virtio-device" for one without a name here. */
const char *virtio_id_to_name(uint16_t device_id);

/*
 * A queue of at most @queue_size entries (a power of two, 1..VIRTQUEUE_MAX_SIZE); queues are
 * numbered as they are added. @handle_output is called when the driver notifies it: it pops until
 * there is nothing left, or comes back by itself. The pointer is good until virtio_del_queue().
 */
VirtQueue *virtio_add_queue(VirtIODevice *vdev, int queue_size,
                            VirtIOHandleOutput handle_output);
/* Queue @n goes. Queues are deleted in any order, and no driver must be there any more. */
void virtio_del_queue(VirtIODevice *vdev, int n);
/* The same by pointer. */
void virtio_delete_queue(VirtQueue *vq);
VirtQueue *virtio_get_queue(VirtIODevice *vdev, int n);
int virtio_get_queue_index(VirtQueue *vq);
int virtio_get_num_queues(VirtIODevice *vdev);

/*
 * The next available chain as an element of @sz bytes (at least sizeof(VirtQueueElement)), or
 * NULL: nothing there, device not ready, or broken by a malformed ring (virtio_error() was
 * called). Every buffer is in RAM, and plugged if a RamDiscardManager has a say. Inside
 * handle_output also NULL after many elements; handle_output is called again a little later.
 */
void *virtqueue_pop(VirtQueue *vq, size_t sz);
/* Gives @elem back with @len bytes written from the start of in_sg. Does not notify. */
void virtqueue_push(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len);
/* A batch: fill entries @idx = 0, 1, … after the last flush, then show all @count to the driver. */
void virtqueue_fill(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len,
                    unsigned int idx);
void virtqueue_flush(VirtQueue *vq, unsigned int count);
/* Unmaps @elem without giving it back: the device is broken or being reset. */
void virtqueue_detach_element(VirtQueue *vq, const VirtQueueElement *elem, unsigned int len);
/*
 * Is all of in_sg still plugged? The device has to ask if memory may have been unplugged since it
 * popped @elem, or its answer would bring a page back.
 */
bool virtqueue_element_is_plugged(const VirtQueueElement *elem);
#define VIRTQUEUE_HAS_ELEMENT_IS_PLUGGED 1
/* Is there nothing to pop? Also true when broken or not ready. */
int virtio_queue_empty(VirtQueue *vq);
/* Has the queue been set up by the driver? */
int virtio_queue_ready(VirtQueue *vq);
/*
 * Ask the driver (not) to notify. After switching on, look at the queue once more: what came
 * between is not notified. Only a hint.
 */
void virtio_queue_set_notification(VirtQueue *vq, int enable);

/*
 * While the machine is stopped (system/runstate.h) no queue is handled, virtqueue_pop() gives
 * nothing and virtqueue_push() would be lost: a device that works on by itself holds its answers
 * back.
 */

/* Tell the driver of used buffers, unless it does not want to know. */
void virtio_notify(VirtIODevice *vdev, VirtQueue *vq);
/*
 * The configuration space has changed: new generation, and an interrupt, once DRIVER_OK is set and
 * the machine runs.
 */
void virtio_notify_config(VirtIODevice *vdev);
/*
 * The driver did what the specification forbids: report it (one line, at most LOG_LIMIT_BURST in
 * LOG_LIMIT_WINDOW_US and device), set DEVICE_NEEDS_RESET with a configuration interrupt, and do
 * nothing more until reset. Of a device that is broken already nothing is reported.
 */
void virtio_error(VirtIODevice *vdev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static inline void virtio_add_feature(uint64_t *features, unsigned int fbit)
{
    assert(fbit < 64);
    *features |= UINT64_C(1) << fbit;
}

static inline void virtio_clear_feature(uint64_t *features, unsigned int fbit)
{
    assert(fbit < 64);
    *features &= ~(UINT64_C(1) << fbit);
}

static inline bool virtio_has_feature(uint64_t features, unsigned int fbit)
{
    assert(fbit < 64);
    return features & (UINT64_C(1) << fbit);
}

/* Has the driver accepted it? */
static inline bool virtio_vdev_has_feature(const VirtIODevice *vdev, unsigned int fbit)
{
    return virtio_has_feature(vdev->guest_features, fbit);
}

/* Is it offered? */
static inline bool virtio_host_has_feature(const VirtIODevice *vdev, unsigned int fbit)
{
    return virtio_has_feature(vdev->host_features, fbit);
}

static inline bool virtio_device_disabled(const VirtIODevice *vdev)
{
    return vdev->disabled || vdev->broken;
}

/* --- for transports --- */

/* The driver writes the whole 64-bit set. Negative errno when latched or not offered. */
int virtio_set_features(VirtIODevice *vdev, uint64_t val);
/*
 * The driver writes the status byte. 0 resets; other bits are only ever added; FEATURES_OK is
 * left clear (and -EINVAL returned) when its choice of features is refused.
 */
int virtio_set_status(VirtIODevice *vdev, uint8_t val);
/* Back to the state before a driver: queues, features, status. @opaque is the VirtIODevice. */
void virtio_reset(void *opaque);
void virtio_set_disabled(VirtIODevice *vdev, bool disabled);

uint32_t virtio_config_modern_readb(VirtIODevice *vdev, uint32_t addr);
uint32_t virtio_config_modern_readw(VirtIODevice *vdev, uint32_t addr);
uint32_t virtio_config_modern_readl(VirtIODevice *vdev, uint32_t addr);
void virtio_config_modern_writeb(VirtIODevice *vdev, uint32_t addr, uint32_t data);
void virtio_config_modern_writew(VirtIODevice *vdev, uint32_t addr, uint32_t data);
void virtio_config_modern_writel(VirtIODevice *vdev, uint32_t addr, uint32_t data);

/* The driver notified queue @n; numbers of no queue are ignored. */
void virtio_queue_notify(VirtIODevice *vdev, int n);
/* Entries of queue @n now, and at most; 0: no such queue. */
int virtio_queue_get_num(VirtIODevice *vdev, int n);
int virtio_queue_get_max_num(VirtIODevice *vdev, int n);
/* May it be the size? 1 to the most; a power of two unless packed rings are negotiated. */
bool virtio_queue_num_valid(VirtIODevice *vdev, int n, unsigned num);
/* Any other size is ignored. */
void virtio_queue_set_num(VirtIODevice *vdev, int n, int num);
/* The three parts of the ring; takes effect with virtio_queue_enable(). */
void virtio_queue_set_rings(VirtIODevice *vdev, int n, hwaddr desc, hwaddr avail, hwaddr used);
hwaddr virtio_queue_get_desc_addr(VirtIODevice *vdev, int n);
hwaddr virtio_queue_get_avail_addr(VirtIODevice *vdev, int n);
hwaddr virtio_queue_get_used_addr(VirtIODevice *vdev, int n);
void virtio_queue_enable(VirtIODevice *vdev, uint32_t queue_index);
bool virtio_queue_enabled(VirtIODevice *vdev, int n);
void virtio_queue_reset(VirtIODevice *vdev, uint32_t queue_index);
/*
 * The position of a queue of which nothing is in use, as vhost and migration streams have it:
 * split, the index of what is to be popped next; packed, two times 15 bits and a wrap counter above
 * them, of what is to be popped next and (bits 16 to 31) given back next. Setting takes a queue
 * whose size is set and which is not enabled yet; false: the value is impossible.
 */
unsigned int virtio_queue_get_last_avail_idx(VirtIODevice *vdev, int n);
bool virtio_queue_set_last_avail_idx(VirtIODevice *vdev, int n, unsigned int idx);
uint16_t virtio_queue_vector(VirtIODevice *vdev, int n);
void virtio_queue_set_vector(VirtIODevice *vdev, int n, uint16_t vector);

#endif /* HW_VIRTIO_VIRTIO_H */
