/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, the device (Virtual I/O Device specification 1.3, section 5.15 "Memory Device").
 *
 * This file has what a user sets and a driver negotiates, and the resets; what the device does with
 * a request stands in virtio-mem-requests.c, with host memory in virtio-mem-jobs.c, with the map in
 * virtio-mem-discard.c. What takes long is a VirtIOMEMJob on a thread of its own, outside the big
 * lock; the queue rests until it is done.
 *
 * Invariant: a block that the map shows as unplugged holds no host memory, or a job is discarding
 * it and no block can be plugged before that job is done. A device reset leaves the map alone
 * (5.15.5), but for blocks that a dropped request has emptied already; a system reset unplugs
 * everything. While the machine is stopped nothing changes that the guest can see.
 *
 * Where the host refuses, the guest is told BUSY, the operator gets a line, and the state stays as
 * it was, with these consequences of memory that is gone, or not, all the same:
 * - UNPLUG ALL that gives back only a part unplugs that part, so that no block is said to be
 *   plugged that has lost its contents. The driver repeats it until it is acknowledged (5.15.5).
 * - UNPLUG is done as a whole or not at all, since a driver that repeats it must not meet blocks
 *   that are unplugged already; it has no use for their contents (5.15.6).
 * - Memory of unplugged blocks that cannot be given back (after a system reset, or a preallocation
 *   that got only a part) makes the device stale: from then on a block is discarded, or refused,
 *   before it is plugged, until all that is unplugged has been discarded again.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/target-info-qapi.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-machine.h"
#include "qapi/visitor.h"
#include "hw/acpi/acpi.h"
#include "hw/core/boards.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-bus.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-internal.h"
#include "system/memory.h"
#include "system/numa.h"
#include "system/ramblock.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"

/* A block smaller than this would make maps and requests of a large device too many. */
#define VIRTIO_MEM_SMALLEST_BLOCK ((uint64_t)MiB)
/* Block size where the host does not tell the size of its transparent huge pages. */
#define VIRTIO_MEM_FALLBACK_HUGE_PAGE_SIZE ((uint64_t)(2 * MiB))
/* Microseconds between two lines about failing host memory. */
#define VIRTIO_MEM_REPORT_US (1000 * 1000)

#define TYPE_VIRTIO_MEM_REBOOT_WATCH "virtio-mem-reboot-watch"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOMEMRebootWatch, VIRTIO_MEM_REBOOT_WATCH)

/*
 * A virtio device takes part in the reset of its bus, which is a device reset as well. This object
 * is registered on its own to be told of system resets only.
 */
struct VirtIOMEMRebootWatch {
    Object parent;
    ResettableState reset_state;
    VirtIOMEM *vmem;
};

OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(VirtIOMEMRebootWatch, virtio_mem_reboot_watch,
                                          VIRTIO_MEM_REBOOT_WATCH, OBJECT,
                                          { TYPE_RESETTABLE_INTERFACE }, { })

/* What depends on the target and on the kind of the backend. */

/*
 * Drivers that do not know VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE exist only where the device was used
 * before the feature: on x86. Elsewhere the property does not exist and the feature is always
 * offered. On x86 the plan for the default is the machine versions' (hw/core/machine.c).
 */
static bool virtio_mem_feature_is_optional(void)
{
    switch (target_arch()) {
    case SYS_EMU_TARGET_I386:
    case SYS_EMU_TARGET_X86_64:
        return true;
    default:
        return false;
    }
}

/*
 * The largest unit in which Linux on the target adds and removes memory, its memory block: a
 * section of 128 MiB, 512 MiB on 64-bit Arm with pages of 64 KiB.
 */
static uint64_t virtio_mem_hotplug_unit(void)
{
    return target_arch() == SYS_EMU_TARGET_AARCH64 ? 512 * MiB : 128 * MiB;
}

/*
 * Whether a guest that only reads unplugged memory makes the host spend some on it. A page of
 * private anonymous memory that was never written reads as the one page of zeroes that all share.
 * Whatever has a file behind it does not: a read takes a page of the page cache or of the pool of
 * huge pages, and a shared anonymous mapping is such a file of the kernel's own.
 */
static bool virtio_mem_reads_cost_memory(RAMBlock *rb)
{
    if (qemu_ram_get_fd(rb) >= 0 || qemu_ram_is_shared(rb)) {
        return true;
    }
    /* No descriptor, but larger pages: they come from the pool. */
    return qemu_ram_pagesize(rb) > qemu_real_host_page_size();
}

/* Sizes. */

static uint64_t virtio_mem_huge_page_size(void)
{
    static uint64_t huge_page_size;
    g_autofree char *text = NULL;
    uint64_t size;

    if (huge_page_size) {
        return huge_page_size;
    }
    huge_page_size = VIRTIO_MEM_FALLBACK_HUGE_PAGE_SIZE;
    if (g_file_get_contents("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &text, NULL,
                            NULL) &&
        !qemu_strtou64(g_strchomp(text), NULL, 10, &size) && is_power_of_2(size)) {
        huge_page_size = size;
    }
    return huge_page_size;
}

/* So that an unplugged block gives back whole pages, and does not split transparent huge ones. */
static uint64_t virtio_mem_natural_block_size(RAMBlock *rb)
{
    return MAX(MAX(qemu_ram_pagesize(rb), virtio_mem_huge_page_size()), VIRTIO_MEM_SMALLEST_BLOCK);
}

/* The block size, before realize what it would decide. */
static uint64_t virtio_mem_likely_block_size(const VirtIOMEM *vmem)
{
    if (vmem->block_size) {
        return vmem->block_size;
    }
    return vmem->memdev && virtio_mem_ram_block(vmem)
               ? virtio_mem_natural_block_size(virtio_mem_ram_block(vmem))
               : MAX(virtio_mem_huge_page_size(), VIRTIO_MEM_SMALLEST_BLOCK);
}

void virtio_mem_update_usable_region(VirtIOMEM *vmem, bool can_shrink)
{
    uint64_t region_size = virtio_mem_region_size(vmem), size = 0;

    if (vmem->requested_size) {
        /* It may be more than there is, when the user said so at the start. */
        size = MIN(vmem->requested_size, region_size) + 2 * virtio_mem_hotplug_unit();
        size = MIN(region_size, QEMU_ALIGN_UP(size, vmem->block_size));
    }
    if (size > vmem->usable_region_size || can_shrink) {
        vmem->usable_region_size = size;
    }
}

void virtio_mem_notify_size_change(VirtIOMEM *vmem, uint64_t before)
{
    uint64_t size = virtio_mem_plugged_size(vmem);

    if (size != before) {
        notifier_list_notify(&vmem->size_change_notifiers, &size);
    }
}

void virtio_mem_report_host(VirtIOMEM *vmem, const char *what, int ret)
{
    gint64 now = g_get_monotonic_time();

    if (now >= vmem->next_report) {
        vmem->next_report = now + VIRTIO_MEM_REPORT_US;
        error_report("virtio-mem: cannot %s memory of '%s': %s", what,
                     object_get_canonical_path_component(OBJECT(vmem->memdev)), strerror(-ret));
    }
}

/* Negotiation and configuration space (5.15.3, 5.15.4). */

static uint64_t virtio_mem_get_features(VirtIODevice *vdev, uint64_t features, Error **errp)
{
    const VirtIOMEM *vmem = VIRTIO_MEM(vdev);

    if (acpi_builtin()) {
        virtio_add_feature(&features, VIRTIO_MEM_F_ACPI_PXM);
    }
    if (vmem->unplugged_inaccessible == ON_OFF_AUTO_ON) {
        virtio_add_feature(&features, VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
    }
    /* Kept over suspend and resume: such a wakeup is no system reset for the device. */
    if (qemu_wakeup_suspend_enabled()) {
        virtio_add_feature(&features, VIRTIO_MEM_F_PERSISTENT_SUSPEND);
    }
    return features;
}

/* A driver that might read unplugged memory must not have the device. */
static int virtio_mem_validate_features(VirtIODevice *vdev)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);

    vmem->stats.features_refused =
        virtio_host_has_feature(vdev, VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE) &&
        !virtio_vdev_has_feature(vdev, VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
    if (vmem->stats.features_refused) {
        return -EFAULT;
    }
    return 0;
}

static void virtio_mem_get_config(VirtIODevice *vdev, uint8_t *config_data)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);
    const struct virtio_mem_config config = {
        .block_size = GUINT64_TO_LE(vmem->block_size),
        .node_id = GUINT16_TO_LE(vmem->node),
        .addr = GUINT64_TO_LE(vmem->addr),
        .region_size = GUINT64_TO_LE(virtio_mem_region_size(vmem)),
        .usable_region_size = GUINT64_TO_LE(vmem->usable_region_size),
        .plugged_size = GUINT64_TO_LE(virtio_mem_plugged_size(vmem)),
        .requested_size = GUINT64_TO_LE(vmem->requested_size),
    };

    memcpy(config_data, &config, sizeof(config));
    vmem->stats.config_read = g_get_monotonic_time();
}

static int virtio_mem_set_status(VirtIODevice *vdev, uint8_t status)
{
    virtio_mem_stats_set_status(&VIRTIO_MEM(vdev)->stats, vdev->status, status);
    return 0;
}

static void virtio_mem_vm_state_changed(void *opaque, bool running, RunState state)
{
    VirtIOMEM *vmem = opaque;

    if (running) {
        vmem->stats.resumed = g_get_monotonic_time();
    }
    virtio_mem_jobs_vm_state_changed(vmem, running, state);
}

/* Resets. */

static void virtio_mem_device_reset(VirtIODevice *vdev)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);

    virtio_mem_stats_set_broken(&vmem->stats, vdev->broken);
    virtio_mem_stats_set_broken(&vmem->stats, false);
    virtio_mem_job_cancel(vmem);
}

/* The new guest starts with nothing plugged; a large device gives its memory back in a job. */
static void virtio_mem_unplug_for_system_reset(VirtIOMEM *vmem)
{
    uint64_t before, size;
    bool stale = vmem->stale;
    GArray *runs;

    virtio_mem_job_cancel(vmem);
    before = virtio_mem_plugged_size(vmem);
    virtio_mem_tick(vmem);
    virtio_mem_stats_ask(&vmem->stats);
    vmem->stats.features_refused = false;
    vmem->stats.driver_ran = false;
    runs = virtio_mem_filled_runs(vmem, &size);
    virtio_mem_set_all_unplugged(vmem);
    virtio_mem_notify_size_change(vmem, before);
    virtio_mem_give_back(vmem, runs, stale);
}

static void virtio_mem_reboot_watch_init(Object *obj)
{
}

static void virtio_mem_reboot_watch_finalize(Object *obj)
{
}

static ResettableState *virtio_mem_reboot_watch_get_state(Object *obj)
{
    return &VIRTIO_MEM_REBOOT_WATCH(obj)->reset_state;
}

static void virtio_mem_reboot_watch_hold(Object *obj, ResetType type)
{
    /* A machine that wakes from suspend goes on with the memory it has. */
    if (type != RESET_TYPE_WAKEUP) {
        virtio_mem_unplug_for_system_reset(VIRTIO_MEM_REBOOT_WATCH(obj)->vmem);
    }
}

static void virtio_mem_reboot_watch_class_init(ObjectClass *klass, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    rc->get_state = virtio_mem_reboot_watch_get_state;
    rc->phases.hold = virtio_mem_reboot_watch_hold;
}

/* Realize: everything a user chose is checked here, once. */

static bool virtio_mem_check_memdev(const VirtIOMEM *vmem, Error **errp)
{
    const char *id;

    if (!vmem->memdev) {
        error_setg(errp, "'%s' property must be set", VIRTIO_MEM_MEMDEV_PROP);
        return false;
    }
    id = object_get_canonical_path_component(OBJECT(vmem->memdev));
    if (host_memory_backend_is_mapped(vmem->memdev)) {
        error_setg(errp, "'%s' property specifies a busy memdev: %s", VIRTIO_MEM_MEMDEV_PROP, id);
        return false;
    }
    if (!memory_region_is_ram(&vmem->memdev->mr) || memory_region_is_rom(&vmem->memdev->mr) ||
        !virtio_mem_ram_block(vmem)) {
        error_setg(errp, "'%s' property specifies an unsupported memdev: %s",
                   VIRTIO_MEM_MEMDEV_PROP, id);
        return false;
    }
    if (vmem->memdev->prealloc) {
        error_setg(errp, "'%s' property specifies a memdev with preallocation enabled: %s. "
                   "Instead, specify 'prealloc=on' for the virtio-mem device.",
                   VIRTIO_MEM_MEMDEV_PROP, id);
        return false;
    }
    return true;
}

static bool virtio_mem_check_node(const VirtIOMEM *vmem, Error **errp)
{
    const MachineState *ms = MACHINE(qdev_get_machine());
    int nb_numa_nodes = ms->numa_state ? ms->numa_state->num_nodes : 0;

    /* Without NUMA there is one node, 0. */
    if (vmem->node >= (uint32_t)MAX(nb_numa_nodes, 1)) {
        error_setg(errp, "'%s' property has value '%" PRIu32 "', which exceeds the number of "
                   "numa nodes: %d", VIRTIO_MEM_NODE_PROP, vmem->node, MAX(nb_numa_nodes, 1));
        return false;
    }
    return true;
}

static bool virtio_mem_resolve_block_size(VirtIOMEM *vmem, Error **errp)
{
    RAMBlock *rb = virtio_mem_ram_block(vmem);
    uint64_t def = virtio_mem_natural_block_size(rb);

    if (!vmem->block_size) {
        vmem->block_size = def;
    }
    if (vmem->block_size < qemu_ram_pagesize(rb)) {
        error_setg(errp, "'%s' property has to be at least the page size (0x%zx)",
                   VIRTIO_MEM_BLOCK_SIZE_PROP, qemu_ram_pagesize(rb));
        return false;
    }
    if (vmem->block_size < def) {
        warn_report("'%s' property is smaller than the default block size (%" PRIu64 " MiB)",
                    VIRTIO_MEM_BLOCK_SIZE_PROP, def / MiB);
    }
    return true;
}

static bool virtio_mem_check_sizes(const VirtIOMEM *vmem, Error **errp)
{
    if (!QEMU_IS_ALIGNED(vmem->requested_size, vmem->block_size)) {
        error_setg(errp, "'%s' property has to be multiples of '%s' (0x%" PRIx64 ")",
                   VIRTIO_MEM_REQUESTED_SIZE_PROP, VIRTIO_MEM_BLOCK_SIZE_PROP, vmem->block_size);
        return false;
    }
    if (!QEMU_IS_ALIGNED(vmem->addr, vmem->block_size)) {
        error_setg(errp, "'%s' property has to be multiples of '%s' (0x%" PRIx64 ")",
                   VIRTIO_MEM_ADDR_PROP, VIRTIO_MEM_BLOCK_SIZE_PROP, vmem->block_size);
        return false;
    }
    if (!QEMU_IS_ALIGNED(virtio_mem_region_size(vmem), vmem->block_size)) {
        error_setg(errp, "'%s' property memdev size has to be multiples of '%s' (0x%" PRIx64 ")",
                   VIRTIO_MEM_MEMDEV_PROP, VIRTIO_MEM_BLOCK_SIZE_PROP, vmem->block_size);
        return false;
    }
    if (vmem->requested_size > virtio_mem_region_size(vmem)) {
        warn_report("'%s' property is larger than the memory backend: the guest can plug 0x%" PRIx64
                    " bytes of the 0x%" PRIx64, VIRTIO_MEM_REQUESTED_SIZE_PROP,
                    virtio_mem_region_size(vmem), vmem->requested_size);
    }
    return true;
}

/*
 * The one place that says what may be asked for. The plan: the default was "off" where drivers
 * without the feature had to go on working, then "auto", and is "on" since machine version 8.1,
 * when Linux had known the feature for long. A machine version of the future turns feature_required
 * on (and the compat table off for those before it): then there is nothing but "on". When the last
 * version without it has gone, the property goes as well.
 */
static bool virtio_mem_check_unplugged_inaccessible(const VirtIOMEM *vmem, Error **errp)
{
    if (vmem->feature_required && vmem->unplugged_inaccessible == ON_OFF_AUTO_OFF) {
        error_setg(errp, "'%s' property set to 'off' is not supported by this machine version: use "
                   "'on', or an older machine version for a guest that does not know the feature",
                   VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP);
        return false;
    }
    return true;
}

static void virtio_mem_resolve_unplugged_inaccessible(VirtIOMEM *vmem)
{
    bool costly = virtio_mem_reads_cost_memory(virtio_mem_ram_block(vmem));

    if (!virtio_mem_feature_is_optional() || vmem->feature_required) {
        vmem->unplugged_inaccessible = ON_OFF_AUTO_ON;
        return;
    }
    if (vmem->unplugged_inaccessible == ON_OFF_AUTO_AUTO) {
        vmem->unplugged_inaccessible = costly ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
    }
    if (vmem->unplugged_inaccessible == ON_OFF_AUTO_OFF && costly) {
        warn_report("'%s' property set to 'off' with a memdev that does not support the shared "
                    "zeropage.", VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP);
    }
}

/* Slots that come and go are for a guest that knows not to touch what is not there. */
static bool virtio_mem_check_dynamic_memslots(const VirtIOMEM *vmem, Error **errp)
{
    if (vmem->dynamic_memslots && vmem->unplugged_inaccessible != ON_OFF_AUTO_ON) {
        error_setg(errp, "'%s' property set to 'on' requires '%s' to be 'on'",
                   VIRTIO_MEM_DYNAMIC_MEMSLOTS_PROP, VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP);
        return false;
    }
    return true;
}

/* Takes the backend: nothing else may map it, and it holds nothing. */
static bool virtio_mem_take_memdev(VirtIOMEM *vmem, Error **errp)
{
    RAMBlock *rb = virtio_mem_ram_block(vmem);
    int ret;

    if (should_mlock(mlock_state)) {
        error_setg(errp, "virtio-mem gives memory back that locked memory would have to keep "
                   "('-overcommit mem-lock')");
        return false;
    }
    if (ram_block_coordinated_discard_require(true)) {
        error_setg(errp, "Discarding RAM is disabled");
        return false;
    }
    ret = virtio_mem_discard(rb, 0, qemu_ram_get_used_length(rb));
    if (ret) {
        error_setg_errno(errp, -ret, "Unexpected error discarding RAM");
        ram_block_coordinated_discard_require(false);
        return false;
    }
    ret = memory_region_set_ram_discard_manager(&vmem->memdev->mr, RAM_DISCARD_MANAGER(vmem));
    if (ret) {
        error_setg_errno(errp, -ret, "'%s' property specifies a memdev that is managed already",
                         VIRTIO_MEM_MEMDEV_PROP);
        ram_block_coordinated_discard_require(false);
        return false;
    }
    virtio_mem_host_set_inaccessible(&vmem->memdev->mr,
                                     vmem->unplugged_inaccessible == ON_OFF_AUTO_ON);
    host_memory_backend_set_mapped(vmem->memdev, true);
    return true;
}

static void virtio_mem_give_memdev_back(VirtIOMEM *vmem)
{
    host_memory_backend_set_mapped(vmem->memdev, false);
    memory_region_set_ram_discard_manager(&vmem->memdev->mr, NULL);
    ram_block_coordinated_discard_require(false);
}

static void virtio_mem_device_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOMEM *vmem = VIRTIO_MEM(dev);

    if (!virtio_mem_check_memdev(vmem, errp) || !virtio_mem_check_node(vmem, errp) ||
        !virtio_mem_resolve_block_size(vmem, errp) || !virtio_mem_check_sizes(vmem, errp) ||
        !virtio_mem_check_unplugged_inaccessible(vmem, errp)) {
        return;
    }
    virtio_mem_resolve_unplugged_inaccessible(vmem);
    if (!virtio_mem_check_dynamic_memslots(vmem, errp) || !virtio_mem_take_memdev(vmem, errp)) {
        return;
    }
    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_init(&vmem->memslots, OBJECT(dev), &vmem->memdev->mr);
    }
    virtio_mem_map_init(&vmem->map, virtio_mem_region_size(vmem) / vmem->block_size);
    virtio_mem_update_usable_region(vmem, true);
    vmem->stats = (VirtIOMEMStats) { 0 };
    virtio_mem_stats_ask(&vmem->stats);

    virtio_init(vdev, VIRTIO_ID_MEM, sizeof(struct virtio_mem_config));
    vmem->vq = virtio_add_queue(vdev, 128, virtio_mem_handle_requests);

    vmem->reboot_watch = VIRTIO_MEM_REBOOT_WATCH(object_new(TYPE_VIRTIO_MEM_REBOOT_WATCH));
    vmem->reboot_watch->vmem = vmem;
    qemu_register_resettable(OBJECT(vmem->reboot_watch));
    vmem->vm_state_entry = qemu_add_vm_change_state_handler(virtio_mem_vm_state_changed, vmem);
}

static void virtio_mem_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOMEM *vmem = VIRTIO_MEM(dev);

    qemu_unregister_resettable(OBJECT(vmem->reboot_watch));
    object_unref(OBJECT(vmem->reboot_watch));
    qemu_del_vm_change_state_handler(vmem->vm_state_entry);
    virtio_mem_job_abandon(vmem);
    virtio_del_queue(vdev, 0);
    virtio_cleanup(vdev);
    virtio_mem_map_cleanup(&vmem->map);
    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_cleanup(&vmem->memslots);
    }
    virtio_mem_give_memdev_back(vmem);
}

/* Properties that need more than storing a value. */

static void virtio_mem_get_size(Object *obj, Visitor *v, const char *name, void *opaque,
                                Error **errp)
{
    uint64_t size = virtio_mem_plugged_size(VIRTIO_MEM(obj));

    visit_type_size(v, name, &size, errp);
}

static void virtio_mem_get_requested_size(Object *obj, Visitor *v, const char *name, void *opaque,
                                          Error **errp)
{
    uint64_t size = VIRTIO_MEM(obj)->requested_size;

    visit_type_size(v, name, &size, errp);
}

static void virtio_mem_set_requested_size(Object *obj, Visitor *v, const char *name, void *opaque,
                                          Error **errp)
{
    VirtIOMEM *vmem = VIRTIO_MEM(obj);
    uint64_t size;

    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    /* Until realize the block size and the backend are open; it is checked there. */
    if (!DEVICE(obj)->realized) {
        vmem->requested_size = size;
        return;
    }
    if (!QEMU_IS_ALIGNED(size, vmem->block_size)) {
        error_setg(errp, "'%s' has to be multiples of '%s' (0x%" PRIx64 ")", name,
                   VIRTIO_MEM_BLOCK_SIZE_PROP, vmem->block_size);
        return;
    }
    if (size > virtio_mem_region_size(vmem)) {
        error_setg(errp, "'%s' cannot exceed the memory backend size(0x%" PRIx64 ")", name,
                   virtio_mem_region_size(vmem));
        return;
    }
    if (size != vmem->requested_size) {
        vmem->requested_size = size;
        virtio_mem_stats_ask(&vmem->stats);
        virtio_mem_update_usable_region(vmem, false);
        virtio_notify_config(VIRTIO_DEVICE(vmem));
    }
}

static void virtio_mem_get_block_size(Object *obj, Visitor *v, const char *name, void *opaque,
                                      Error **errp)
{
    uint64_t size = virtio_mem_likely_block_size(VIRTIO_MEM(obj));

    visit_type_size(v, name, &size, errp);
}

static void virtio_mem_set_block_size(Object *obj, Visitor *v, const char *name, void *opaque,
                                      Error **errp)
{
    VirtIOMEM *vmem = VIRTIO_MEM(obj);
    uint64_t size;

    if (DEVICE(obj)->realized) {
        error_setg(errp, "'%s' cannot be changed", name);
        return;
    }
    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    if (size < VIRTIO_MEM_SMALLEST_BLOCK) {
        error_setg(errp, "'%s' property has to be at least 0x%" PRIx64, name,
                   VIRTIO_MEM_SMALLEST_BLOCK);
        return;
    }
    if (!is_power_of_2(size)) {
        error_setg(errp, "'%s' property has to be a power of two", name);
        return;
    }
    vmem->block_size = size;
}

static void virtio_mem_get_report(Object *obj, Visitor *v, const char *name, void *opaque,
                                  Error **errp)
{
    g_autoptr(VirtioMEMReport) report = virtio_mem_report_new(VIRTIO_MEM(obj), 0, errp);

    if (report) {
        visit_type_VirtioMEMReport(v, name, &report, errp);
    }
}

static void virtio_mem_instance_init(Object *obj)
{
    VirtIOMEM *vmem = VIRTIO_MEM(obj);

    notifier_list_init(&vmem->size_change_notifiers);
    QLIST_INIT(&vmem->rdl_list);
    object_property_add(obj, VIRTIO_MEM_SIZE_PROP, "size", virtio_mem_get_size, NULL, NULL, NULL);
    object_property_add(obj, VIRTIO_MEM_REQUESTED_SIZE_PROP, "size",
                        virtio_mem_get_requested_size, virtio_mem_set_requested_size, NULL, NULL);
    object_property_add(obj, VIRTIO_MEM_BLOCK_SIZE_PROP, "size", virtio_mem_get_block_size,
                        virtio_mem_set_block_size, NULL, NULL);
    object_property_add(obj, VIRTIO_MEM_REPORT_PROP, "VirtioMEMReport", virtio_mem_get_report,
                        NULL, NULL, NULL);
}

/* For the proxy. */

static void virtio_mem_fill_device_info(const VirtIOMEM *vmem, VirtioMEMDeviceInfo *vi)
{
    vi->memaddr = vmem->addr;
    vi->node = vmem->node;
    vi->requested_size = vmem->requested_size;
    vi->size = virtio_mem_plugged_size(vmem);
    vi->max_size = virtio_mem_region_size(vmem);
    vi->block_size = vmem->block_size;
    vi->memdev = object_get_canonical_path(OBJECT(vmem->memdev));
}

/*
 * What guest memory shows: the backend's region, or one for the slots that are in use. Whether the
 * device is realized or not: its place is found before.
 */
static MemoryRegion *virtio_mem_get_memory_region(VirtIOMEM *vmem, Error **errp)
{
    if (!vmem->memdev) {
        error_setg(errp, "'%s' property must be set", VIRTIO_MEM_MEMDEV_PROP);
        return NULL;
    }
    if (!vmem->dynamic_memslots) {
        return &vmem->memdev->mr;
    }
    if (!memory_region_size(&vmem->memslots.region)) {
        memory_region_init(&vmem->memslots.region, OBJECT(vmem), TYPE_VIRTIO_MEM,
                           virtio_mem_region_size(vmem));
        /* It is placed as the backend itself would be: its pages decide. */
        vmem->memslots.region.align = memory_region_get_alignment(&vmem->memdev->mr);
    }
    return &vmem->memslots.region;
}

static void virtio_mem_decide_memslots(VirtIOMEM *vmem, unsigned int limit)
{
    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_decide(&vmem->memslots, virtio_mem_region_size(vmem),
                                   virtio_mem_likely_block_size(vmem), limit);
    }
}

static unsigned int virtio_mem_get_memslots(VirtIOMEM *vmem)
{
    return vmem->dynamic_memslots ? vmem->memslots.nb : 1;
}

/*
 * A guest that is asked to eject the device must not lose memory by it, nor read where there is
 * nothing any more, which one that does not know the feature may do.
 */
static void virtio_mem_unplug_request_check(VirtIOMEM *vmem, Error **errp)
{
    if (vmem->unplugged_inaccessible != ON_OFF_AUTO_ON) {
        error_setg(errp, "virtio-mem device cannot get unplugged while '%s' != 'on'",
                   VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP);
    } else if (virtio_mem_plugged_size(vmem)) {
        error_setg(errp, "virtio-mem device cannot get unplugged while some of its memory is "
                   "still plugged");
    } else if (vmem->requested_size) {
        error_setg(errp, "virtio-mem device cannot get unplugged while '%s' != '0'",
                   VIRTIO_MEM_REQUESTED_SIZE_PROP);
    }
}

static void virtio_mem_add_size_change_notifier(VirtIOMEM *vmem, Notifier *notifier)
{
    notifier_list_add(&vmem->size_change_notifiers, notifier);
}

static void virtio_mem_remove_size_change_notifier(VirtIOMEM *vmem, Notifier *notifier)
{
    notifier_remove(notifier);
}

/* The type. */

#define VIRTIO_MEM_COMMON_PROPERTIES                                                            \
    DEFINE_PROP_UINT64(VIRTIO_MEM_ADDR_PROP, VirtIOMEM, addr, 0),                               \
    DEFINE_PROP_UINT32(VIRTIO_MEM_NODE_PROP, VirtIOMEM, node, 0),                               \
    DEFINE_PROP_BOOL(VIRTIO_MEM_PREALLOC_PROP, VirtIOMEM, prealloc, false),                     \
    DEFINE_PROP_LINK(VIRTIO_MEM_MEMDEV_PROP, VirtIOMEM, memdev, TYPE_MEMORY_BACKEND,            \
                     HostMemoryBackend *),                                                      \
    DEFINE_PROP_BOOL(VIRTIO_MEM_EARLY_MIGRATION_PROP, VirtIOMEM, early_migration, true),        \
    DEFINE_PROP_BOOL(VIRTIO_MEM_DYNAMIC_MEMSLOTS_PROP, VirtIOMEM, dynamic_memslots, false)

static const Property virtio_mem_properties[] = {
    VIRTIO_MEM_COMMON_PROPERTIES,
};

static const Property virtio_mem_optional_feature_properties[] = {
    VIRTIO_MEM_COMMON_PROPERTIES,
    DEFINE_PROP_ON_OFF_AUTO(VIRTIO_MEM_UNPLUGGED_INACCESSIBLE_PROP, VirtIOMEM,
                            unplugged_inaccessible, ON_OFF_AUTO_ON),
    DEFINE_PROP_BOOL(VIRTIO_MEM_FEATURE_REQUIRED_PROP, VirtIOMEM, feature_required, false),
};

static void virtio_mem_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(klass);
    VirtIOMEMClass *vmc = VIRTIO_MEM_CLASS(klass);

    if (virtio_mem_feature_is_optional()) {
        device_class_set_props(dc, virtio_mem_optional_feature_properties);
    } else {
        device_class_set_props(dc, virtio_mem_properties);
    }
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    vdc->realize = virtio_mem_device_realize;
    vdc->unrealize = virtio_mem_device_unrealize;
    vdc->get_config = virtio_mem_get_config;
    vdc->get_features = virtio_mem_get_features;
    vdc->validate_features = virtio_mem_validate_features;
    vdc->set_status = virtio_mem_set_status;
    vdc->reset = virtio_mem_device_reset;

    vmc->fill_device_info = virtio_mem_fill_device_info;
    vmc->get_memory_region = virtio_mem_get_memory_region;
    vmc->decide_memslots = virtio_mem_decide_memslots;
    vmc->get_memslots = virtio_mem_get_memslots;
    vmc->add_size_change_notifier = virtio_mem_add_size_change_notifier;
    vmc->remove_size_change_notifier = virtio_mem_remove_size_change_notifier;
    vmc->unplug_request_check = virtio_mem_unplug_request_check;

    virtio_mem_discard_manager_class_init(klass);
}

static const TypeInfo virtio_mem_info = {
    .name = TYPE_VIRTIO_MEM,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(VirtIOMEM),
    .instance_init = virtio_mem_instance_init,
    .class_size = sizeof(VirtIOMEMClass),
    .class_init = virtio_mem_class_init,
    .interfaces = (const InterfaceInfo[]) {
        { TYPE_RAM_DISCARD_MANAGER },
        { }
    },
};

static void virtio_mem_register_types(void)
{
    type_register_static(&virtio_mem_info);
}

type_init(virtio_mem_register_types)
