/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem: a paravirtualised memory device whose size the guest changes on the host's request
 * (Virtual I/O Device specification 1.3, section 5.15 "Memory Device").
 *
 * The device owns a contiguous region of guest physical memory, backed by one memory backend and
 * divided into blocks. The user asks for a size ("requested-size"), the guest's driver plugs and
 * unplugs blocks to follow. What is unplugged the host does not hold.
 */
#ifndef HW_VIRTIO_MEM_H
#define HW_VIRTIO_MEM_H

#include "qapi/qapi-types-misc.h"
#include "qemu/notify.h"
#include "qemu/queue.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-mem-map.h"
#include "hw/virtio/virtio-mem-memslots.h"
#include "hw/virtio/virtio-mem-report.h"
#include "standard-headers/linux/virtio_mem.h"
#include "system/hostmem.h"

#define TYPE_VIRTIO_MEM "virtio-mem"
OBJECT_DECLARE_TYPE(VirtIOMEM, VirtIOMEMClass, VIRTIO_MEM)

/* The properties of the device, as their users name them. */
#define VIRTIO_MEM_MEMDEV_PROP "memdev"
#define VIRTIO_MEM_NODE_PROP "node"
#define VIRTIO_MEM_SIZE_PROP "size"
#define VIRTIO_MEM_REQUESTED_SIZE_PROP "requested-size"
#define VIRTIO_MEM_BLOCK_SIZE_PROP "block-size"
#define VIRTIO_MEM_ADDR_PROP "memaddr"
#define VIRTIO_MEM_PREALLOC_PROP "prealloc"
#define VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP "unplugged-inaccessible"
#define VIRTIO_MEM_REPORT_PROP "x-report"
#define VIRTIO_MEM_FEATURE_REQUIRED_PROP "x-unplugged-inaccessible-required"
#define VIRTIO_MEM_DYNAMIC_MEMSLOTS_PROP "dynamic-memslots"
#define VIRTIO_MEM_EARLY_MIGRATION_PROP "x-early-migration"

typedef struct VirtIOMEMJob VirtIOMEMJob;
typedef struct VirtIOMEMRebootWatch VirtIOMEMRebootWatch;

struct VirtIOMEM {
    VirtIODevice parent_obj;

    /* What the user chose; fixed at realize, requested_size excepted. Sizes in bytes. */
    HostMemoryBackend *memdev;
    uint32_t node;
    uint64_t addr;             /* guest physical; 0 before one was assigned */
    uint64_t block_size;       /* 0 before realize: the default for the backend */
    uint64_t requested_size;
    bool prealloc;
    bool feature_required;     /* unplugged_inaccessible must be ON: see virtio-mem.c */
    bool dynamic_memslots;
    bool early_migration;      /* the block map goes ahead of RAM in a migration stream */
    /* After realize ON or OFF: what was decided. */
    OnOffAuto unplugged_inaccessible;

    /* What the guest made of it. */
    VirtIOMEMMap map;
    uint64_t usable_region_size;
    VirtIOMEMMemslots memslots;  /* with dynamic_memslots only */
    bool stale;                /* an unplugged block may hold memory: a discard has failed */
    gint64 next_report;        /* monotonic µs: no line for the operator before */

    VirtIOMEMStats stats;

    VirtQueue *vq;
    bool answered;             /* since the driver was last notified */
    uint64_t locked_left;      /* bytes that may still be seen to under the big lock in one go */
    /* What is being done outside the big lock; no request is begun meanwhile. */
    VirtIOMEMJob *job;
    VirtIOMEMRebootWatch *reboot_watch;
    struct VMChangeStateEntry *vm_state_entry;

    NotifierList size_change_notifiers;  /* told a pointer to the new plugged size */
    QLIST_HEAD(, RamDiscardListener) rdl_list;
};

struct VirtIOMEMClass {
    VirtioDeviceClass parent_class;

    /* For the proxy. All under the big lock. */
    void (*fill_device_info)(const VirtIOMEM *vmem, VirtioMEMDeviceInfo *vi);
    MemoryRegion *(*get_memory_region)(VirtIOMEM *vmem, Error **errp);
    /* Before realize: use at most @limit memory slots. Then: how many it is. */
    void (*decide_memslots)(VirtIOMEM *vmem, unsigned int limit);
    unsigned int (*get_memslots)(VirtIOMEM *vmem);
    void (*add_size_change_notifier)(VirtIOMEM *vmem, Notifier *notifier);
    void (*remove_size_change_notifier)(VirtIOMEM *vmem, Notifier *notifier);
    /* May a user have the device unplugged? Only if nothing is plugged or asked for. */
    void (*unplug_request_check)(VirtIOMEM *vmem, Error **errp);
};

#endif /* HW_VIRTIO_MEM_H */
