/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where memory devices go: address assignment in the machine's device memory region, the checks
 * before plugging, and the sums over all devices. The list of plugged devices below is the one
 * truth; space and slots in use follow from it and from the flat view.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "hw/mem/memory-device.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/numa.h"

/* Slots that -m may ask for: what ACPI's memory hotplug of stock machines can describe. */
#define MEMORY_DEVICES_MAX_SLOTS 256

/* Sorted by address. */
static GPtrArray *plugged;

static unsigned nb_plugged(void)
{
    return plugged ? plugged->len : 0;
}

static MemoryDeviceState *plugged_device(unsigned i)
{
    return g_ptr_array_index(plugged, i);
}

static uint64_t device_addr(const MemoryDeviceState *md)
{
    return MEMORY_DEVICE_GET_CLASS(md)->get_addr(md);
}

uint64_t memory_device_get_region_size(const MemoryDeviceState *md, Error **errp)
{
    /* The interface gives out the region for writing; nothing is written here. */
    MemoryDeviceState *mutable_md = (MemoryDeviceState *)md;
    MemoryRegion *mr = MEMORY_DEVICE_GET_CLASS(md)->get_memory_region(mutable_md, errp);

    return mr ? memory_region_size(mr) : 0;
}

static unsigned device_memslots(MemoryDeviceState *md)
{
    const MemoryDeviceClass *mdc = MEMORY_DEVICE_GET_CLASS(md);

    return mdc->get_memslots ? mdc->get_memslots(md) : 1;
}

/* ---- the region ----------------------------------------------------------------------------- */

bool memory_devices_check_maxmem(const MachineState *ms, Error **errp)
{
    if (ms->maxram_size < ms->ram_size) {
        error_setg(errp, "invalid value of maxmem: maximum memory size (0x%" PRIx64 ") must be at"
                   " least the initial memory size (0x%" PRIx64 ")", ms->maxram_size,
                   ms->ram_size);
        return false;
    }
    if (ms->ram_slots && ms->maxram_size == ms->ram_size) {
        error_setg(errp, "invalid value of maxmem: memory slots were specified but maximum memory"
                   " size (0x%" PRIx64 ") is equal to the initial memory size (0x%" PRIx64 ")",
                   ms->maxram_size, ms->ram_size);
        return false;
    }
    if (ms->ram_slots > MEMORY_DEVICES_MAX_SLOTS) {
        error_setg(errp, "unsupported amount of memory slots: %" PRIu64,
                   (uint64_t)ms->ram_slots);
        return false;
    }
    return true;
}

bool memory_devices_check_maxmem_alignment(const MachineState *ms, Error **errp)
{
    uint64_t page = qemu_real_host_page_size(), rest = ms->maxram_size % page;

    if (rest) {
        error_setg(errp, "maximum memory size must by aligned to multiple of %" PRIu64 " bytes: "
                   "maxmem=%" PRIu64 " would do, or better a whole number of MiB (%" PRIu64 "M)",
                   page, ms->maxram_size - rest, ms->maxram_size / MiB);
        return false;
    }
    return true;
}

bool memory_devices_check_host(uint64_t end, Error **errp)
{
    AccelClass *ac = current_accel_class();
    unsigned bits = ac && ac->phys_bits ? ac->phys_bits(current_accel()) : 0;
    uint64_t limit;

    if (bits == 0 || bits >= 64 || end <= (limit = UINT64_C(1) << bits)) {
        return true;
    }
    error_setg(errp, "guest memory up to 0x%" PRIx64 " is more than the host's processor can "
               "address with %u bits: lower 'maxmem' by %" PRIu64 "M or more", end, bits,
               DIV_ROUND_UP(end - limit, (uint64_t)MiB));
    return false;
}

void machine_memory_devices_init(MachineState *ms, hwaddr base, uint64_t size)
{
    assert(size && !ms->device_memory);
    ms->device_memory = g_new0(DeviceMemoryState, 1);
    ms->device_memory->base = base;
    memory_region_init(&ms->device_memory->mr, OBJECT(ms), "device-memory", size);
    memory_region_add_subregion(get_system_memory(), base, &ms->device_memory->mr);
}

/* ---- sums ----------------------------------------------------------------------------------- */

MemoryDeviceInfoList *qmp_memory_device_list(void)
{
    MemoryDeviceInfoList *head = NULL, **tail = &head;

    for (unsigned i = 0; i < nb_plugged(); i++) {
        MemoryDeviceState *md = plugged_device(i);
        MemoryDeviceInfo *info = g_new0(MemoryDeviceInfo, 1);

        MEMORY_DEVICE_GET_CLASS(md)->fill_device_info(md, info);
        QAPI_LIST_APPEND(tail, info);
    }
    return head;
}

uint64_t get_plugged_memory_size(void)
{
    uint64_t size = 0;

    for (unsigned i = 0; i < nb_plugged(); i++) {
        MemoryDeviceState *md = plugged_device(i);

        size += MEMORY_DEVICE_GET_CLASS(md)->get_plugged_size(md, &error_abort);
    }
    return size;
}

void query_numa_node_mem(NumaNodeMem node_mem[], MachineState *ms)
{
    int nb_nodes = ms->numa_state ? ms->numa_state->num_nodes : 0;

    for (int i = 0; i < nb_nodes; i++) {
        node_mem[i] = (NumaNodeMem) { .node_mem = ms->numa_state->nodes[i].node_mem };
    }
    for (unsigned i = 0; i < nb_plugged() && nb_nodes; i++) {
        MemoryDeviceState *md = plugged_device(i);
        g_autoptr(MemoryDeviceInfo) info = g_new0(MemoryDeviceInfo, 1);
        int64_t node;

        MEMORY_DEVICE_GET_CLASS(md)->fill_device_info(md, info);
        assert(info->type == MEMORY_DEVICE_INFO_KIND_VIRTIO_MEM);
        node = info->u.virtio_mem.data->node;
        node_mem[node].node_mem += info->u.virtio_mem.data->size;
        node_mem[node].node_plugged_mem += info->u.virtio_mem.data->size;
    }
}

static unsigned required_memslots(void)
{
    unsigned required = 0;

    for (unsigned i = 0; i < nb_plugged(); i++) {
        required += device_memslots(plugged_device(i));
    }
    return required;
}

typedef struct SlotCount {
    Int128 start, end;
    unsigned used;
} SlotCount;

static bool count_memslot(Int128 start, Int128 len, const MemoryRegion *mr, hwaddr offset,
                          void *opaque)
{
    SlotCount *count = opaque;

    if (memory_region_is_ram(mr) && start >= count->start && start < count->end) {
        count->used++;
    }
    return start >= count->end;
}

static unsigned used_memslots(const DeviceMemoryState *dms)
{
    SlotCount count = { .start = dms->base, .end = dms->base + dms->mr.size };
    FlatView *view = address_space_get_flatview(&address_space_memory);

    flatview_for_each_range(view, count_memslot, &count);
    flatview_unref(view);
    return count.used;
}

unsigned int memory_devices_get_reserved_memslots(void)
{
    const DeviceMemoryState *dms = nb_plugged() ? current_machine->device_memory : NULL;
    unsigned required = required_memslots();
    unsigned used = dms ? used_memslots(dms) : 0;

    return required > used ? required - used : 0;
}

bool memory_devices_memslot_auto_decision_active(void)
{
    for (unsigned i = 0; i < nb_plugged(); i++) {
        if (MEMORY_DEVICE_GET_CLASS(plugged_device(i))->decide_memslots) {
            return true;
        }
    }
    return false;
}

/* ---- plugging ------------------------------------------------------------------------------- */

/* The accelerator's slots in all; UINT_MAX: it has no limit. */
static unsigned accel_max_memslots(void)
{
    AccelClass *ac = current_accel_class();
    unsigned max = ac && ac->max_memslots ? ac->max_memslots(current_accel()) : 0;

    return max ? max : UINT_MAX;
}

static unsigned accel_free_memslots(void)
{
    AccelClass *ac = current_accel_class();
    unsigned max = accel_max_memslots();
    unsigned used = ac && ac->used_memslots ? ac->used_memslots(current_accel()) : 0;

    used += memory_devices_get_reserved_memslots();
    return max > used ? max - used : 0;
}

/* A device's part of the soft limit, by its part of the device memory region; at least one. */
static unsigned memslot_decision_limit(const DeviceMemoryState *dms, uint64_t size)
{
    unsigned required = required_memslots();
    unsigned left, share;

    if (accel_max_memslots() < MEMORY_DEVICES_SAFE_MAX_MEMSLOTS ||
        required >= MEMORY_DEVICES_SOFT_MEMSLOT_LIMIT) {
        return 1;
    }
    left = MIN(MEMORY_DEVICES_SOFT_MEMSLOT_LIMIT - required, accel_free_memslots());
    share = (unsigned)(MEMORY_DEVICES_SOFT_MEMSLOT_LIMIT * (Int128)size / dms->mr.size);
    return MAX(MIN(share, left), 1);
}

static uint64_t used_region_size(void)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < nb_plugged(); i++) {
        used += memory_device_get_region_size(plugged_device(i), &error_abort);
    }
    return used;
}

/* The device other than @skip (may be NULL) that overlaps [addr, addr + size), or NULL. */
static MemoryDeviceState *find_conflict(Int128 addr, Int128 size, const MemoryDeviceState *skip)
{
    for (unsigned i = 0; i < nb_plugged(); i++) {
        MemoryDeviceState *md = plugged_device(i);
        Int128 start = device_addr(md);
        Int128 end = start + memory_device_get_region_size(md, &error_abort);

        if (md != skip && addr < end && start < addr + size) {
            return md;
        }
    }
    return NULL;
}

/* The lowest address that nobody but @skip (may be NULL) has, as if the region had no end. */
static Int128 lowest_free_addr_but(const DeviceMemoryState *dms, uint64_t align, uint64_t size,
                                   const MemoryDeviceState *skip)
{
    Int128 addr = QEMU_ALIGN_UP((Int128)dms->base, align);

    /* Conflicts come by rising address, so this ends. */
    for (MemoryDeviceState *md; (md = find_conflict(addr, size, skip));) {
        addr = (Int128)device_addr(md) + memory_device_get_region_size(md, &error_abort);
        addr = QEMU_ALIGN_UP(addr, align);
    }
    return addr;
}

static Int128 lowest_free_addr(const DeviceMemoryState *dms, uint64_t align, uint64_t size)
{
    return lowest_free_addr_but(dms, align, size, NULL);
}

/* ---- what a guest cannot use ---------------------------------------------------------------- */

/* Bytes of [@addr, @addr + @size) outside whole units; @unit is a power of two. */
static uint64_t lost_to_guest(uint64_t addr, uint64_t size, uint64_t unit)
{
    Int128 start = QEMU_ALIGN_UP((Int128)addr, unit);
    Int128 end = QEMU_ALIGN_DOWN((Int128)addr + size, unit);

    return end > start ? size - (uint64_t)(end - start) : size;
}

/* A free address (what @skip has counts as free) at which less is lost than at @addr, or 0. */
static uint64_t find_better_addr(const DeviceMemoryState *dms, uint64_t addr, uint64_t size,
                                 uint64_t unit, const MemoryDeviceState *skip)
{
    Int128 better;

    /* No address saves what the size itself has beyond whole units. */
    if (lost_to_guest(addr, size, unit) == size % unit) {
        return 0;
    }
    better = lowest_free_addr_but(dms, unit, size, skip);
    return better + size <= dms->base + dms->mr.size ? (uint64_t)better : 0;
}

/* ---- why there is no room, and what would do ------------------------------------------------ */

static uint64_t largest_gap(const DeviceMemoryState *dms)
{
    uint64_t start = dms->base, largest = 0;

    for (unsigned i = 0; i < nb_plugged(); i++) {
        MemoryDeviceState *md = plugged_device(i);

        largest = MAX(largest, device_addr(md) - start);
        start = device_addr(md) + memory_device_get_region_size(md, &error_abort);
    }
    return MAX(largest, dms->base + (uint64_t)dms->mr.size - start);
}

/* By how much more maxmem the device would have its place, rounded up to MiB; *@lost to alignment. */
static Int128 room_missing(const DeviceMemoryState *dms, uint64_t align, uint64_t size,
                           uint64_t *lost)
{
    Int128 addr = lowest_free_addr(dms, align, size);
    Int128 missing = addr + size - dms->base - dms->mr.size;

    *lost = addr - lowest_free_addr(dms, 1, size);
    return QEMU_ALIGN_UP(MAX(missing, 0), MiB);
}

/* Error: @problem, and the need, what is free, what alignment costs, and the maxmem that would do. */
static void error_set_no_room(Error **errp, const MachineState *ms, uint64_t align, uint64_t size,
                              const char *problem)
{
    const DeviceMemoryState *dms = ms->device_memory;
    uint64_t free_size = memory_region_size(&dms->mr) - used_region_size(), lost;
    Int128 maxmem = ms->maxram_size + room_missing(dms, align, size, &lost);
    g_autoptr(GString) text = g_string_new(problem);
    g_autofree char *need = size_to_exact_str(size), *unit = size_to_exact_str(align);
    g_autofree char *left = size_to_exact_str(free_size), *cost = size_to_exact_str(lost);
    g_autofree char *piece = size_to_exact_str(largest_gap(dms));
    g_autofree char *value = size_to_option_str((uint64_t)maxmem);

    g_string_append_printf(text, ": %s are needed at a multiple of %s, %s are free", need, unit,
                           left);
    if (largest_gap(dms) != free_size) {
        g_string_append_printf(text, " (%s in one piece)", piece);
    }
    if (lost) {
        g_string_append_printf(text, ", alignment costs %s", cost);
    }
    if (maxmem <= UINT64_MAX) {
        g_string_append_printf(text, "; maxmem=%s would do", value);
    }
    error_setg(errp, "%s", text->str);
}

static void error_set_unaligned_size(Error **errp, uint64_t align, uint64_t size)
{
    uint64_t down = size - size % align, up;
    g_autofree char *has = size_to_exact_str(size), *unit = size_to_exact_str(align);
    g_autofree char *less = size_to_option_str(down), *more = NULL;

    more = __builtin_add_overflow(down, align, &up) ? NULL : size_to_option_str(up);
    error_setg(errp, "backend memory size must be multiple of 0x%" PRIx64 ": %s is none of %s; "
               "size=%s%s%s would do", align, has, unit, down ? less : more,
               down && more ? " or size=" : "", down && more ? more : "");
}

static bool check_addable(const MachineState *ms, MemoryDeviceState *md, uint64_t align,
                          uint64_t size, Error **errp)
{
    const MemoryDeviceClass *mdc = MEMORY_DEVICE_GET_CLASS(md);
    uint64_t total, used;

    if (!ms->device_memory) {
        if (ms->maxram_size <= ms->ram_size) {
            error_setg(errp, "memory devices (e.g. for memory hotplug) are not enabled, please "
                       "specify the maxmem option");
        } else {
            error_setg(errp, "memory devices (e.g. for memory hotplug) are not supported by the "
                       "machine");
        }
        return false;
    }
    if (mdc->decide_memslots) {
        mdc->decide_memslots(md, memslot_decision_limit(ms->device_memory, size));
    }
    if (device_memslots(md) > accel_free_memslots()) {
        error_setg(errp, "hypervisor has no free memory slots left");
        return false;
    }
    total = memory_region_size(&ms->device_memory->mr);
    used = used_region_size();
    if (size > total || used > total - size) {
        g_autofree char *problem =
            g_strdup_printf("not enough space, currently 0x%" PRIx64 " in use of total space for "
                            "memory devices 0x%" PRIx64, used, ms->maxram_size - ms->ram_size);

        error_set_no_room(errp, ms, align, size, problem);
        return false;
    }
    return true;
}

static const char *device_name(const MemoryDeviceState *md)
{
    const DeviceState *dev = DEVICE(md);

    return dev->id ? dev->id : "(unnamed)";
}

/* Error: @problem, and an address that would do, if there is one. */
static void error_set_bad_addr(Error **errp, const DeviceMemoryState *dms, uint64_t align,
                               uint64_t size, const char *problem)
{
    Int128 addr = lowest_free_addr(dms, align, size);
    g_autofree char *advice = addr + size > dms->base + dms->mr.size ? NULL
        : g_strdup_printf("; memaddr=0x%" PRIx64 " would do", (uint64_t)addr);

    error_setg(errp, "%s%s", problem, advice ? advice : "");
}

/* 0 with @errp if the address that the user chose will not do. */
static uint64_t check_given_addr(const DeviceMemoryState *dms, uint64_t addr, uint64_t align,
                                 uint64_t size, Error **errp)
{
    g_autofree char *problem = NULL, *unit = size_to_exact_str(align);
    const MemoryDeviceState *other = find_conflict(addr, size, NULL);

    if (addr % align) {
        problem = g_strdup_printf("address must be aligned to 0x%" PRIx64 " bytes (%s)", align, unit);
    } else if (addr < dms->base || (Int128)addr + size > dms->base + dms->mr.size) {
        problem = g_strdup_printf("can't add memory device [0x%" PRIx64 ":0x%" PRIx64 "], usable "
                                  "range for memory devices [0x%" PRIx64 ":0x%" PRIx64 "]", addr,
                                  size, dms->base, memory_region_size(&dms->mr));
    } else if (other) {
        problem = g_strdup_printf("address range conflicts with memory device id='%s'",
                                  device_name(other));
    } else {
        return addr;
    }
    error_set_bad_addr(errp, dms, align, size, problem);
    return 0;
}

/* The lowest address that will do, or 0 with @errp. */
static uint64_t find_free_addr(const MachineState *ms, uint64_t align, uint64_t size,
                               Error **errp)
{
    const DeviceMemoryState *dms = ms->device_memory;
    Int128 addr = lowest_free_addr(dms, align, size);

    if (QEMU_ALIGN_UP((Int128)dms->base, align) + size > int128_2_64()) {
        error_setg(errp, "can't add memory device, device too big");
        return 0;
    }
    if (addr + size > dms->base + dms->mr.size) {
        error_set_no_room(errp, ms, align, size, "could not find position in guest address space "
                          "for memory device - memory fragmented due to alignments");
        return 0;
    }
    return (uint64_t)addr;
}

/* What the device's memory and the device itself want, in bytes. */
static uint64_t device_alignment(MemoryDeviceState *md, const MemoryRegion *mr)
{
    const MemoryDeviceClass *mdc = MEMORY_DEVICE_GET_CLASS(md);
    uint64_t align = memory_region_get_alignment(mr);

    if (mdc->get_min_alignment) {
        align = MAX(align, mdc->get_min_alignment(md));
    }
    return MAX(align, qemu_real_host_page_size());
}

uint64_t memory_device_lost_to_guest(MemoryDeviceState *md, uint64_t *unit, uint64_t *better)
{
    MemoryRegion *mr = MEMORY_DEVICE_GET_CLASS(md)->get_memory_region(md, &error_abort);
    uint64_t addr = device_addr(md), size = memory_region_size(mr);

    *unit = MAX(device_alignment(md, mr), MEMORY_DEVICE_GUEST_UNIT);
    *better = find_better_addr(current_machine->device_memory, addr, size, *unit, md);
    return lost_to_guest(addr, size, *unit);
}

/* The address was chosen here, where stock QEMU puts it too: it may cost what another would not. */
static void warn_of_lost_memory(const MachineState *ms, const MemoryDeviceState *md, uint64_t addr,
                                uint64_t size, uint64_t align)
{
    uint64_t unit = MAX(align, MEMORY_DEVICE_GUEST_UNIT);
    uint64_t lost = lost_to_guest(addr, size, unit) - size % unit;
    uint64_t better = find_better_addr(ms->device_memory, addr, size, unit, NULL);
    g_autofree char *lost_text = size_to_exact_str(lost), *unit_text = size_to_exact_str(unit);
    g_autofree char *advice = better ? g_strdup_printf("memaddr=0x%" PRIx64 " would", better)
                                     : g_strdup("with more maxmem, a memaddr that is would");

    if (lost) {
        warn_report("memory device '%s': a Linux guest cannot use %s of it, since 0x%" PRIx64 " is no "
                    "multiple of %s; %s lose none of it", device_name(md), lost_text, addr, unit_text,
                    advice);
    }
}

void memory_device_pre_plug(MemoryDeviceState *md, MachineState *ms, Error **errp)
{
    const MemoryDeviceClass *mdc = MEMORY_DEVICE_GET_CLASS(md);
    Error *local_err = NULL;
    MemoryRegion *mr = mdc->get_memory_region(md, &local_err);
    uint64_t align, size, given, addr;

    if (local_err) {
        error_propagate(errp, local_err);
        return;
    }
    if (!mr) {
        return;
    }
    size = memory_region_size(mr);
    align = device_alignment(md, mr);
    if (!check_addable(ms, md, align, size, errp)) {
        return;
    }
    if (ms->device_memory->base % align) {
        warn_report("the alignment (0x%" PRIx64 ") exceeds the expected maximum alignment, memory"
                    " will get fragmented and not all 'maxmem' might be usable for memory"
                    " devices.", align);
    }
    if (size % align) {
        error_set_unaligned_size(errp, align, size);
        return;
    }
    given = mdc->get_addr(md);
    addr = given ? check_given_addr(ms->device_memory, given, align, size, errp)
                 : find_free_addr(ms, align, size, errp);
    if (!addr) {
        return;
    }
    if (!given) {
        warn_of_lost_memory(ms, md, addr, size, align);
    }
    mdc->set_addr(md, addr, errp);
}

static int compare_devices(const void *a, const void *b)
{
    uint64_t addr_a = device_addr(*(MemoryDeviceState *const *)a);
    uint64_t addr_b = device_addr(*(MemoryDeviceState *const *)b);

    return addr_a < addr_b ? -1 : addr_a > addr_b;
}

void memory_device_plug(MemoryDeviceState *md, MachineState *ms)
{
    MemoryRegion *mr = MEMORY_DEVICE_GET_CLASS(md)->get_memory_region(md, &error_abort);

    if (!plugged) {
        plugged = g_ptr_array_new();
    }
    g_ptr_array_add(plugged, md);
    g_ptr_array_sort(plugged, compare_devices);
    if (mr) {
        memory_region_add_subregion(&ms->device_memory->mr,
                                    device_addr(md) - ms->device_memory->base, mr);
    }
}

void memory_device_unplug(MemoryDeviceState *md, MachineState *ms)
{
    MemoryRegion *mr = MEMORY_DEVICE_GET_CLASS(md)->get_memory_region(md, &error_abort);

    g_ptr_array_remove(plugged, md);
    if (mr) {
        memory_region_del_subregion(&ms->device_memory->mr, mr);
    }
}

static const TypeInfo memory_device_types[] = {
    {
        .name = TYPE_MEMORY_DEVICE,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(MemoryDeviceClass),
    },
};
DEFINE_TYPES(memory_device_types)
