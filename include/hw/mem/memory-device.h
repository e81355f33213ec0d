/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory device: a device that owns a range of guest physical memory in the machine's device
 * memory region (above 4 GiB, sized by -m maxmem). This interface says where the device goes and
 * how much of it the guest can use; the three steps below are called by the machine's hotplug
 * handler. All under the big lock.
 */
#ifndef HW_MEM_MEMORY_DEVICE_H
#define HW_MEM_MEMORY_DEVICE_H

#include "qapi/qapi-types-machine.h"
#include "qom/object.h"
#include "system/memory.h"

#define TYPE_MEMORY_DEVICE "memory-device"

typedef struct MemoryDeviceClass MemoryDeviceClass;
DECLARE_CLASS_CHECKERS(MemoryDeviceClass, MEMORY_DEVICE, TYPE_MEMORY_DEVICE)
#define MEMORY_DEVICE(obj) INTERFACE_CHECK(MemoryDeviceState, (obj), TYPE_MEMORY_DEVICE)

struct MemoryDeviceClass {
    InterfaceClass parent_class;

    /* Guest physical address; 0: none was given or assigned yet. */
    uint64_t (*get_addr)(const MemoryDeviceState *md);
    void (*set_addr)(MemoryDeviceState *md, uint64_t addr, Error **errp);
    /* Bytes that the guest can use now. */
    uint64_t (*get_plugged_size)(const MemoryDeviceState *md, Error **errp);
    /* What is to be mapped; NULL without an error for a device with no memory at all. */
    MemoryRegion *(*get_memory_region)(MemoryDeviceState *md, Error **errp);
    /* Optional, called once before get_memslots: use at most @limit (at least 1) slots. */
    void (*decide_memslots)(MemoryDeviceState *md, unsigned int limit);
    /* Optional (default 1): greatest number of RAM pieces ever mapped below the region. */
    unsigned int (*get_memslots)(MemoryDeviceState *md);
    /* Optional: address alignment in bytes; that of the region's memory is regarded as well. */
    uint64_t (*get_min_alignment)(const MemoryDeviceState *md);
    void (*fill_device_info)(const MemoryDeviceState *md, MemoryDeviceInfo *info);
};

/* Devices that decide for themselves use at most so many slots together ... */
#define MEMORY_DEVICES_SOFT_MEMSLOT_LIMIT 256
/* ... and only one each where the accelerator has fewer than this. */
#define MEMORY_DEVICES_SAFE_MAX_MEMSLOTS 509

/* Checks -m's size, maxmem and slots; false with @errp naming what is wrong. */
bool memory_devices_check_maxmem(const MachineState *ms, Error **errp);
/* That maxmem is whole pages: once it is known to be within reach, which says more. */
bool memory_devices_check_maxmem_alignment(const MachineState *ms, Error **errp);
/*
 * Whether guest memory that ends before guest physical address @end (that of the region included)
 * is within what the accelerator says that the host's processor can address; else @errp.
 */
bool memory_devices_check_host(uint64_t end, Error **errp);
/* Makes ms->device_memory and maps it into system memory at @base, a range of @size bytes. */
void machine_memory_devices_init(MachineState *ms, hwaddr base, uint64_t size);

/*
 * Linux on x86-64 brings memory online by units of 128 MiB, aligned to themselves, and of more where a
 * device's blocks are larger: what of a device's region is not in a whole unit it does not use.
 */
#define MEMORY_DEVICE_GUEST_UNIT (UINT64_C(128) << 20)
#define MEMORY_DEVICE_HAS_LOST_TO_GUEST 1
/*
 * How many bytes of the plugged device @md such a guest does not use; *@unit is its unit, *@better a free
 * address at which less is lost, or 0.
 */
uint64_t memory_device_lost_to_guest(MemoryDeviceState *md, uint64_t *unit, uint64_t *better);

/* Every plugged memory device, by address. The caller frees the list. */
MemoryDeviceInfoList *qmp_memory_device_list(void);
/* Sum of the devices' plugged sizes in bytes. */
uint64_t get_plugged_memory_size(void);
/* Slots that plugged devices may still claim beyond those they use now. */
unsigned int memory_devices_get_reserved_memslots(void);
bool memory_devices_memslot_auto_decision_active(void);

/* Chooses the address and checks space and slots; sets the device's address. */
void memory_device_pre_plug(MemoryDeviceState *md, MachineState *ms, Error **errp);
/* Maps the device; cannot fail after a successful pre_plug. */
void memory_device_plug(MemoryDeviceState *md, MachineState *ms);
void memory_device_unplug(MemoryDeviceState *md, MachineState *ms);
/* Bytes of guest physical memory that the device occupies; 0 if it has none. */
uint64_t memory_device_get_region_size(const MemoryDeviceState *md, Error **errp);

#endif /* HW_MEM_MEMORY_DEVICE_H */
