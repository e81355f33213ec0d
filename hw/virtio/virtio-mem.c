/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, the device (Virtual I/O Device specification 1.3, section 5.15 "Memory Device").
 *
 * A request is parsed once into a VirtIOMEMRequest and trusted from there on. Adjacent UNPLUG
 * requests are carried out as one batch: one discard, then all their answers. An answer is given
 * only after the memory is there, or is gone. What takes long (more than VIRTIO_MEM_LOCKED_MAX
 * bytes to preallocate, or to discard unless the host holds little of them) is a VirtIOMEMJob on a
 * thread of its own, outside the big lock; the queue rests until it is done.
 *
 * Invariant: a block that the map shows as unplugged holds no host memory, or a job is discarding
 * it and no block can be plugged before that job is done. A device reset leaves the map alone
 * (5.15.5), a system reset unplugs everything.
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
#include "qemu/iov.h"
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
#include "system/memory.h"
#include "system/numa.h"
#include "system/ramblock.h"
#include "system/reset.h"

/* A block smaller than this would make maps and requests of a large device too many. */
#define VIRTIO_MEM_MIN_BLOCK_SIZE ((uint64_t)MiB)
/* Block size where the host does not tell the size of its transparent huge pages. */
#define VIRTIO_MEM_FALLBACK_THP_SIZE ((uint64_t)(2 * MiB))
/* How much more than requested the guest may use: Linux adds memory in blocks of up to 128 MiB. */
#define VIRTIO_MEM_USABLE_EXTENT ((uint64_t)(2 * 128 * MiB))
/* More bytes than this are not discarded or preallocated under the big lock without a look. */
#define VIRTIO_MEM_LOCKED_MAX ((uint64_t)(64 * MiB))
/* Nor in more pieces than this: each costs a system call. */
#define VIRTIO_MEM_LOCKED_RUNS 64
/* A chunk of a job aims at this many microseconds: who waits for it, waits no longer. */
#define VIRTIO_MEM_CHUNK_US 10000
/* And no chunk is larger: what was quick may be followed by what is not. */
#define VIRTIO_MEM_CHUNK_MAX ((uint64_t)(256 * MiB))
/* Requests in one batch; Linux has one in flight, a driver that pipelines gains little beyond. */
#define VIRTIO_MEM_BATCH_MAX 64
/* Microseconds between two lines about failing host memory. */
#define VIRTIO_MEM_REPORT_US (1000 * 1000)

/* A request from the guest, checked: the blocks are inside the usable region if @valid. */
typedef struct VirtIOMEMRequest {
    VirtQueueElement *elem;
    uint16_t type;      /* VIRTIO_MEM_REQ_* */
    bool valid;
    VirtioMEMRefusalReason invalid_reason;  /* if not @valid */
    uint64_t addr;      /* as the guest gave them */
    uint16_t nb_blocks;
    uint64_t first;     /* block index */
    uint64_t nb;        /* number of blocks */
} VirtIOMEMRequest;

/* Requests of one type over adjacent blocks, carried out together. */
typedef struct VirtIOMEMBatch {
    VirtIOMEMRequest requests[VIRTIO_MEM_BATCH_MAX];
    unsigned nb_requests;
    uint64_t first;
    uint64_t nb;
} VirtIOMEMBatch;

/* Work outside the big lock on runs of blocks; see virtio_mem_job_start(). */
struct VirtIOMEMJob {
    VirtIOMEM *vmem;
    RAMBlock *rb;
    uint64_t block_size;
    bool plug;              /* prepare the runs to be plugged, otherwise discard them */
    bool stale, prealloc;   /* how: see virtio_mem_prepare() */
    bool must_finish;       /* not to be cancelled: the map shows the runs as unplugged already */
    VirtIOMEMBatch batch;   /* the requests to be answered; none for a system reset */
    GArray *runs;           /* of VirtIOMEMRun */
    GArray *gone;           /* of VirtIOMEMRun: what has been discarded of them */
    GThread *thread;
    GSource *done;          /* dispatched on the main loop when the thread has finished */
    int cancelled;          /* atomic */
    int ret;                /* 0 or the first negative errno; as @gone, once the thread is joined */
    bool left_stale;        /* what it got and did not need could not be given back */
};

#define TYPE_VIRTIO_MEM_SYSTEM_RESET "virtio-mem-system-reset"
OBJECT_DECLARE_SIMPLE_TYPE(VirtioMemSystemReset, VIRTIO_MEM_SYSTEM_RESET)

/*
 * A virtio device takes part in the reset of its bus, which is a device reset as well. This object
 * is registered on its own to be told of system resets only.
 */
struct VirtioMemSystemReset {
    Object parent;
    ResettableState reset_state;
    VirtIOMEM *vmem;
};

OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(VirtioMemSystemReset, virtio_mem_system_reset,
                                          VIRTIO_MEM_SYSTEM_RESET, OBJECT,
                                          { TYPE_RESETTABLE_INTERFACE }, { })

/*
 * Legacy guests.
 *
 * Drivers that do not know VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE exist only where the device was
 * used before the feature: on x86. Elsewhere the property does not exist and the feature is always
 * offered. On x86 the plan for the default is the machine versions' (hw/core/machine.c).
 */
static bool virtio_mem_has_legacy_guests(void)
{
    SysEmuTarget arch = target_arch();

    return arch == SYS_EMU_TARGET_X86_64 || arch == SYS_EMU_TARGET_I386;
}

/*
 * Whether reading unpopulated memory of @rb is certain to hit the host's shared zero page: only
 * private anonymous memory of base pages has it.
 */
static bool virtio_mem_has_shared_zeropage(RAMBlock *rb)
{
    return !qemu_ram_is_shared(rb) && qemu_ram_get_fd(rb) < 0 &&
           qemu_ram_pagesize(rb) == qemu_real_host_page_size();
}

/* Sizes. */

static uint64_t virtio_mem_thp_size(void)
{
    static uint64_t thp_size;
    g_autofree char *text = NULL;
    uint64_t size;

    if (thp_size) {
        return thp_size;
    }
    thp_size = VIRTIO_MEM_FALLBACK_THP_SIZE;
    if (g_file_get_contents("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &text, NULL,
                            NULL) &&
        !qemu_strtou64(g_strchomp(text), NULL, 10, &size) && is_power_of_2(size)) {
        thp_size = size;
    }
    return thp_size;
}

/* So that an unplugged block gives back whole pages, and does not split transparent huge ones. */
static uint64_t virtio_mem_default_block_size(RAMBlock *rb)
{
    return MAX(MAX(qemu_ram_pagesize(rb), virtio_mem_thp_size()), VIRTIO_MEM_MIN_BLOCK_SIZE);
}

static RAMBlock *virtio_mem_ram_block(const VirtIOMEM *vmem)
{
    return vmem->memdev->mr.ram_block;
}

/* The block size, before realize what it would decide. */
static uint64_t virtio_mem_likely_block_size(const VirtIOMEM *vmem)
{
    if (vmem->block_size) {
        return vmem->block_size;
    }
    return vmem->memdev && virtio_mem_ram_block(vmem)
               ? virtio_mem_default_block_size(virtio_mem_ram_block(vmem))
               : MAX(virtio_mem_thp_size(), VIRTIO_MEM_MIN_BLOCK_SIZE);
}

static uint64_t virtio_mem_region_size(const VirtIOMEM *vmem)
{
    return memory_region_size(&vmem->memdev->mr);
}

static uint64_t virtio_mem_plugged_size(const VirtIOMEM *vmem)
{
    return vmem->map.nb_plugged * vmem->block_size;
}

/*
 * The part of the region that a request may name (5.15.4 usable_region_size): larger than
 * requested, so that a guest with larger blocks, or with some it cannot unplug, gets there. It only
 * grows while blocks may be plugged in it.
 */
static void virtio_mem_update_usable_region(VirtIOMEM *vmem, bool can_shrink)
{
    uint64_t size = 0;

    if (vmem->requested_size) {
        size = MIN(virtio_mem_region_size(vmem),
                   QEMU_ALIGN_UP(vmem->requested_size + VIRTIO_MEM_USABLE_EXTENT,
                                 vmem->block_size));
    }
    if (size > vmem->usable_region_size || can_shrink) {
        vmem->usable_region_size = size;
    }
}

/* Tells once of however many changes since the plugged size was @before. */
static void virtio_mem_notify_size_change(VirtIOMEM *vmem, uint64_t before)
{
    uint64_t size = virtio_mem_plugged_size(vmem);

    if (size != before) {
        notifier_list_notify(&vmem->size_change_notifiers, &size);
    }
}

/* One line for the operator when host memory cannot be had or given back, at most one a second. */
static void virtio_mem_report_host(VirtIOMEM *vmem, const char *what, int ret)
{
    gint64 now = g_get_monotonic_time();

    if (now >= vmem->next_report) {
        vmem->next_report = now + VIRTIO_MEM_REPORT_US;
        error_report("virtio-mem: cannot %s memory of '%s': %s", what,
                     object_get_canonical_path_component(OBJECT(vmem->memdev)), strerror(-ret));
    }
}

/* Listeners of the RamDiscardManager: told before a range appears, and after it is gone. */

/* Calls with a copy of the listener's section clipped to @run; false where they do not meet. */
static bool virtio_mem_clip_section(const VirtIOMEM *vmem, const MemoryRegionSection *section,
                                    const VirtIOMEMRun *run, MemoryRegionSection *clipped)
{
    *clipped = *section;
    return memory_region_section_intersect_range(clipped, run->first * vmem->block_size,
                                                 run->nb * vmem->block_size);
}

static void virtio_mem_notify_discard(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    RamDiscardListener *rdl;
    MemoryRegionSection section;

    QLIST_FOREACH(rdl, &vmem->rdl_list, next) {
        if (virtio_mem_clip_section(vmem, rdl->section, run, &section)) {
            rdl->notify_discard(rdl, &section);
        }
    }
}

/* All listeners accept, or those that did are told that it is gone again. */
static int virtio_mem_notify_populate(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    RamDiscardListener *rdl, *accepted;
    MemoryRegionSection section;
    int ret = 0;

    QLIST_FOREACH(rdl, &vmem->rdl_list, next) {
        if (!virtio_mem_clip_section(vmem, rdl->section, run, &section)) {
            continue;
        }
        ret = rdl->notify_populate(rdl, &section);
        if (ret) {
            break;
        }
    }
    if (!ret) {
        return 0;
    }
    QLIST_FOREACH(accepted, &vmem->rdl_list, next) {
        if (accepted == rdl) {
            break;
        }
        if (virtio_mem_clip_section(vmem, accepted->section, run, &section)) {
            accepted->notify_discard(accepted, &section);
        }
    }
    return ret;
}

/* Host memory. Callable without the big lock: they touch nothing but their arguments. */

static int virtio_mem_discard(RAMBlock *rb, uint64_t offset, uint64_t size)
{
    return ram_block_discard_range(rb, offset, size);
}

static int virtio_mem_populate(RAMBlock *rb, uint64_t offset, uint64_t size)
{
    char *area = (char *)memory_region_get_ram_ptr(rb->mr) + offset;
    Error *err = NULL;

    if (qemu_prealloc_mem(qemu_ram_get_fd(rb), area, size, 1, NULL, false, &err)) {
        return 0;
    }
    error_free(err);
    return -ENOMEM;
}

/*
 * Makes unplugged memory fit to be plugged: empty, where it may be @stale, and backed if it is to
 * be. On failure a part may be backed.
 */
static int virtio_mem_prepare(RAMBlock *rb, uint64_t offset, uint64_t size, bool stale,
                              bool prealloc)
{
    int ret = stale ? virtio_mem_discard(rb, offset, size) : 0;

    return ret || !prealloc ? ret : virtio_mem_populate(rb, offset, size);
}

/* Answers. */

static void virtio_mem_respond(VirtIOMEM *vmem, VirtIOMEMRequest *req,
                               const struct virtio_mem_resp *resp)
{
    VirtQueueElement *elem = req->elem;

    if (virtio_mem_host_can_respond(elem)) {
        size_t len = iov_from_buf(elem->in_sg, elem->in_num, 0, resp, sizeof(*resp));

        virtqueue_push(vmem->vq, elem, len);
        virtio_mem_stats_answer(&vmem->stats, req->type, GUINT16_FROM_LE(resp->type));
        vmem->answered = true;
    } else {
        virtqueue_detach_element(vmem->vq, elem, 0);
        virtio_error(VIRTIO_DEVICE(vmem), "virtio-mem: response buffer in unplugged memory");
    }
    g_free(elem);
    req->elem = NULL;
}

/* Once for however many answers have been given since. */
static void virtio_mem_notify_driver(VirtIOMEM *vmem)
{
    if (vmem->answered) {
        vmem->answered = false;
        virtio_notify(VIRTIO_DEVICE(vmem), vmem->vq);
    }
}

static void virtio_mem_respond_simple(VirtIOMEM *vmem, VirtIOMEMRequest *req, uint16_t type)
{
    const struct virtio_mem_resp resp = { .type = GUINT16_TO_LE(type) };

    virtio_mem_respond(vmem, req, &resp);
}

/* Answers other than ACK, and why. @host_errno is positive; 0 if it is not the host's fault. */
static void virtio_mem_refuse(VirtIOMEM *vmem, VirtIOMEMRequest *req, uint16_t type,
                              VirtioMEMRefusalReason reason, int host_errno)
{
    const VirtIOMEMRefused refused = {
        .result = type,
        .reason = reason,
        .addr = req->addr,
        .nb_blocks = req->nb_blocks,
        .host_errno = host_errno,
    };

    virtio_mem_stats_refuse(&vmem->stats, req->type, &refused);
    virtio_mem_respond_simple(vmem, req, type);
}

static void virtio_mem_batch_acknowledge(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    for (unsigned i = 0; i < batch->nb_requests; i++) {
        virtio_mem_respond_simple(vmem, &batch->requests[i], VIRTIO_MEM_RESP_ACK);
    }
    batch->nb_requests = 0;
}

/* The host could not follow (@ret, a negative errno): the guest may try again. */
static void virtio_mem_batch_refuse(VirtIOMEM *vmem, VirtIOMEMBatch *batch,
                                    VirtioMEMRefusalReason reason, int ret)
{
    for (unsigned i = 0; i < batch->nb_requests; i++) {
        virtio_mem_refuse(vmem, &batch->requests[i], VIRTIO_MEM_RESP_BUSY, reason, -ret);
    }
    batch->nb_requests = 0;
}

/* Give the requests back unanswered: the driver has reset the device. */
static void virtio_mem_batch_drop(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    for (unsigned i = 0; i < batch->nb_requests; i++) {
        virtqueue_detach_element(vmem->vq, batch->requests[i].elem, 0);
        g_free(batch->requests[i].elem);
    }
    batch->nb_requests = 0;
}

/* State changes, once the host memory has followed. */

/* Takes from guest memory what dynamic memory slots need not show any more. */
static void virtio_mem_hide(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_unmap_unused(&vmem->memslots, run->first * vmem->block_size,
                                         run->nb * vmem->block_size, &vmem->map,
                                         vmem->block_size);
    }
}

static void virtio_mem_set_unplugged(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    virtio_mem_map_unplug(&vmem->map, run->first, run->nb);
    vmem->stats.changed = vmem->stats.now;
    virtio_mem_notify_discard(vmem, run);
    virtio_mem_hide(vmem, run);
}

/* Returns 0, or the negative errno of a listener that refused, with everything as before. */
static int virtio_mem_set_plugged(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    int ret;

    if (vmem->dynamic_memslots) {
        virtio_mem_memslots_map(&vmem->memslots, run->first * vmem->block_size,
                                run->nb * vmem->block_size);
    }
    ret = virtio_mem_notify_populate(vmem, run);
    if (ret) {
        virtio_mem_hide(vmem, run);
        return ret;
    }
    virtio_mem_map_plug(&vmem->map, run->first, run->nb);
    vmem->stats.changed = vmem->stats.now;
    return 0;
}

static void virtio_mem_set_all_unplugged(VirtIOMEM *vmem)
{
    VirtIOMEMRun run = { 0 };

    memory_region_transaction_begin();
    while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb, vmem->map.nb_blocks,
                                   &run)) {
        virtio_mem_set_unplugged(vmem, &run);
    }
    memory_region_transaction_commit();
    virtio_mem_update_usable_region(vmem, true);
}

/* Unplugs what is plugged of the runs in @gone. */
static void virtio_mem_set_gone(VirtIOMEM *vmem, const GArray *gone)
{
    memory_region_transaction_begin();
    for (guint i = 0; i < gone->len; i++) {
        const VirtIOMEMRun *part = &g_array_index(gone, VirtIOMEMRun, i);
        VirtIOMEMRun run = { .first = part->first };

        while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb,
                                       part->first + part->nb, &run)) {
            virtio_mem_set_unplugged(vmem, &run);
        }
    }
    memory_region_transaction_commit();
}

/* Gives back what was got for blocks that are not plugged after all. */
static void virtio_mem_undo_prepare(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    if (virtio_mem_discard(virtio_mem_ram_block(vmem), run->first * vmem->block_size,
                           run->nb * vmem->block_size)) {
        vmem->stale = true;
    }
}

static void virtio_mem_finish_unplug_all(VirtIOMEM *vmem, const GArray *gone, int ret)
{
    virtio_mem_set_gone(vmem, gone);
    if (!ret) {
        vmem->stale = false;
        virtio_mem_update_usable_region(vmem, true);
    }
}

/* What could not be given back is unplugged all the same, and kept an eye on. */
static void virtio_mem_finish_system_reset(VirtIOMEM *vmem, int ret)
{
    vmem->stale = ret;
    if (ret) {
        virtio_mem_report_host(vmem, "discard", ret);
    }
}

/*
 * The end of a PLUG, UNPLUG or UNPLUG ALL batch: @ret tells whether the host memory of its blocks
 * could be prepared or discarded, @gone what UNPLUG ALL discarded. After BUSY the guest may try
 * again.
 */
static void virtio_mem_batch_finish(VirtIOMEM *vmem, VirtIOMEMBatch *batch, const GArray *gone,
                                    int ret)
{
    const VirtIOMEMRun run = { .first = batch->first, .nb = batch->nb };
    VirtioMEMRefusalReason reason = VIRTIO_MEM_REFUSAL_REASON_HOST_MEMORY;
    uint16_t type = batch->requests[0].type;
    bool plug = type == VIRTIO_MEM_REQ_PLUG;

    if (ret) {
        virtio_mem_report_host(vmem, plug && vmem->prealloc ? "preallocate" : "discard", ret);
    }
    if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
        virtio_mem_finish_unplug_all(vmem, gone, ret);
    } else if (!ret && plug) {
        ret = virtio_mem_set_plugged(vmem, &run);
        if (ret) {
            virtio_mem_undo_prepare(vmem, &run);
            reason = VIRTIO_MEM_REFUSAL_REASON_HOST_MAPPING;
        }
    } else if (!ret) {
        virtio_mem_set_unplugged(vmem, &run);
    }
    if (ret) {
        virtio_mem_batch_refuse(vmem, batch, reason, ret);
    } else {
        virtio_mem_batch_acknowledge(vmem, batch);
    }
}

/* Jobs: work outside the big lock. */

static int virtio_mem_job_chunk(const VirtIOMEMJob *job, uint64_t offset, uint64_t size)
{
    return job->plug ? virtio_mem_prepare(job->rb, offset, size, job->stale, job->prealloc)
                     : virtio_mem_discard(job->rb, offset, size);
}

/* Whether a failure ends the job: to discard what can be is worth it where a part counts. */
static bool virtio_mem_job_is_over(const VirtIOMEMJob *job)
{
    bool all = job->must_finish || job->batch.requests[0].type == VIRTIO_MEM_REQ_UNPLUG_ALL;

    return g_atomic_int_get(&job->cancelled) || (job->ret && !all);
}

static void virtio_mem_job_note(VirtIOMEMJob *job, uint64_t offset, uint64_t size, int ret)
{
    const VirtIOMEMRun part = { offset / job->block_size, size / job->block_size };

    if (ret) {
        job->ret = job->ret ? job->ret : ret;
    } else if (!job->plug) {
        g_array_append_val(job->gone, part);
    }
}

/*
 * One run, in chunks whose size adapts: untouched memory is discarded almost for nothing, touched
 * memory at a few GiB a second.
 */
static void virtio_mem_job_run(VirtIOMEMJob *job, const VirtIOMEMRun *run, uint64_t *chunk)
{
    uint64_t offset = run->first * job->block_size;
    uint64_t end = offset + run->nb * job->block_size;

    while (offset < end && !virtio_mem_job_is_over(job)) {
        uint64_t size = MIN(*chunk, end - offset);
        gint64 start = g_get_monotonic_time(), took;

        virtio_mem_job_note(job, offset, size, virtio_mem_job_chunk(job, offset, size));
        took = g_get_monotonic_time() - start;
        if (took < VIRTIO_MEM_CHUNK_US / 4 && *chunk < VIRTIO_MEM_CHUNK_MAX) {
            *chunk *= 2;
        } else if (took > VIRTIO_MEM_CHUNK_US && *chunk / 2 >= job->block_size) {
            *chunk /= 2;
        }
        offset += size;
    }
}

/* What a PLUG has got so far is not needed. */
static void virtio_mem_job_undo(VirtIOMEMJob *job)
{
    for (guint i = 0; i < job->runs->len; i++) {
        const VirtIOMEMRun *run = &g_array_index(job->runs, VirtIOMEMRun, i);

        if (virtio_mem_discard(job->rb, run->first * job->block_size,
                               run->nb * job->block_size)) {
            job->left_stale = true;
        }
    }
}

static gpointer virtio_mem_job_thread(gpointer opaque)
{
    VirtIOMEMJob *job = opaque;
    uint64_t chunk = MAX(VIRTIO_MEM_LOCKED_MAX, job->block_size);

    for (guint i = 0; i < job->runs->len; i++) {
        virtio_mem_job_run(job, &g_array_index(job->runs, VirtIOMEMRun, i), &chunk);
    }
    if (job->plug && job->ret) {
        virtio_mem_job_undo(job);
    }
    g_source_attach(job->done, NULL);
    return NULL;
}

/* Joins the thread and frees the job; its batch has been answered or dropped. */
static void virtio_mem_job_free(VirtIOMEMJob *job)
{
    g_source_destroy(job->done);
    g_source_unref(job->done);
    g_array_free(job->runs, true);
    g_array_free(job->gone, true);
    g_free(job);
}

/* Main loop, big lock held: the thread is at its end. Answer, and go on with the queue. */
static gboolean virtio_mem_job_done(gpointer opaque)
{
    VirtIOMEMJob *job = opaque;
    VirtIOMEM *vmem = job->vmem;
    uint64_t before = virtio_mem_plugged_size(vmem);

    g_thread_join(job->thread);
    vmem->job = NULL;
    vmem->stale |= job->left_stale;
    virtio_mem_stats_tick(&vmem->stats);
    if (job->batch.nb_requests) {
        virtio_mem_batch_finish(vmem, &job->batch, job->gone, job->ret);
        virtio_mem_notify_driver(vmem);
    } else {
        virtio_mem_finish_system_reset(vmem, job->ret);
    }
    virtio_mem_job_free(job);
    virtio_mem_notify_size_change(vmem, before);
    virtio_queue_notify(VIRTIO_DEVICE(vmem), 0);
    return G_SOURCE_REMOVE;
}

/*
 * Prepare or discard @runs (taken over) on a thread and then finish @batch; NULL: a system reset,
 * whose blocks the map shows as unplugged already.
 */
static void virtio_mem_job_start(VirtIOMEM *vmem, bool plug, GArray *runs,
                                 const VirtIOMEMBatch *batch)
{
    VirtIOMEMJob *job = g_new0(VirtIOMEMJob, 1);

    assert(!vmem->job);
    job->vmem = vmem;
    job->rb = virtio_mem_ram_block(vmem);
    job->block_size = vmem->block_size;
    job->plug = plug;
    job->stale = vmem->stale;
    job->prealloc = vmem->prealloc;
    job->must_finish = !batch;
    job->runs = runs;
    job->gone = g_array_new(false, false, sizeof(VirtIOMEMRun));
    if (batch) {
        job->batch = *batch;
    }
    job->done = g_idle_source_new();
    g_source_set_priority(job->done, G_PRIORITY_DEFAULT);
    g_source_set_callback(job->done, virtio_mem_job_done, job, NULL);
    vmem->job = job;
    job->thread = g_thread_new("virtio-mem", virtio_mem_job_thread, job);
}

/*
 * Waits for the job, if there is one, with the big lock held: a request of the guest for the
 * current chunk only, and is not answered; a system reset's to its end. What the request has
 * unplugged by then is unplugged.
 */
static void virtio_mem_job_drain(VirtIOMEM *vmem)
{
    VirtIOMEMJob *job = vmem->job;
    uint64_t before = virtio_mem_plugged_size(vmem);

    if (!job) {
        return;
    }
    if (!job->must_finish) {
        g_atomic_int_set(&job->cancelled, 1);
    }
    g_thread_join(job->thread);
    vmem->job = NULL;
    if (job->plug && !job->ret) {
        virtio_mem_job_undo(job);
    }
    vmem->stale |= job->left_stale;
    virtio_mem_stats_tick(&vmem->stats);
    virtio_mem_set_gone(vmem, job->gone);
    virtio_mem_batch_drop(vmem, &job->batch);
    virtio_mem_job_free(job);
    virtio_mem_notify_size_change(vmem, before);
}

/* UNPLUG requests that cannot be carried out together: each has the answer it has alone. */
static void virtio_mem_batch_split(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    for (unsigned i = 0; i < batch->nb_requests; i++) {
        const VirtIOMEMRequest *req = &batch->requests[i];
        VirtIOMEMBatch one = { .nb_requests = 1, .first = req->first, .nb = req->nb };

        one.requests[0] = *req;
        virtio_mem_batch_finish(vmem, &one, NULL,
                                virtio_mem_discard(virtio_mem_ram_block(vmem),
                                                   req->first * vmem->block_size,
                                                   req->nb * vmem->block_size));
    }
    batch->nb_requests = 0;
}

/*
 * Whether discarding @size bytes is not for the big lock; they are all that may be held between
 * block @first and block @end, in @nb_runs runs.
 */
static bool virtio_mem_discard_takes_long(const VirtIOMEM *vmem, uint64_t size, uint64_t first,
                                          uint64_t end, unsigned nb_runs)
{
    return size > VIRTIO_MEM_LOCKED_MAX &&
           (nb_runs > VIRTIO_MEM_LOCKED_RUNS ||
            !virtio_mem_host_discard_is_quick(virtio_mem_ram_block(vmem),
                                              first * vmem->block_size,
                                              (end - first) * vmem->block_size));
}

/* Carry out a batch whose blocks have been checked: here and now, or by a job if it is large. */
static void virtio_mem_batch_run(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    const VirtIOMEMRun run = { .first = batch->first, .nb = batch->nb };
    uint64_t offset = run.first * vmem->block_size, size = run.nb * vmem->block_size;
    RAMBlock *rb = virtio_mem_ram_block(vmem);
    bool plug = batch->requests[0].type == VIRTIO_MEM_REQ_PLUG;
    int ret;

    if (plug && !vmem->prealloc && !vmem->stale) {
        virtio_mem_batch_finish(vmem, batch, NULL, 0);
        return;
    }
    if (plug ? size > VIRTIO_MEM_LOCKED_MAX
             : virtio_mem_discard_takes_long(vmem, size, run.first, run.first + run.nb, 1)) {
        GArray *runs = g_array_new(false, false, sizeof(VirtIOMEMRun));

        g_array_append_val(runs, run);
        virtio_mem_job_start(vmem, plug, runs, batch);
        batch->nb_requests = 0;
        return;
    }
    ret = plug ? virtio_mem_prepare(rb, offset, size, vmem->stale, vmem->prealloc)
               : virtio_mem_discard(rb, offset, size);
    if (ret && batch->nb_requests > 1) {
        virtio_mem_batch_split(vmem, batch);
        return;
    }
    if (ret && plug) {
        virtio_mem_undo_prepare(vmem, &run);
    }
    virtio_mem_batch_finish(vmem, batch, NULL, ret);
}

static void virtio_mem_batch_flush(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    if (batch->nb_requests) {
        virtio_mem_batch_run(vmem, batch);
    }
}

/* Adds @req if its blocks adjoin the batch and the sum can still be done under the big lock. */
static bool virtio_mem_batch_add(const VirtIOMEM *vmem, VirtIOMEMBatch *batch,
                                 const VirtIOMEMRequest *req)
{
    if (!batch->nb_requests) {
        batch->first = req->first;
        batch->nb = req->nb;
    } else if (batch->nb_requests == VIRTIO_MEM_BATCH_MAX ||
               (batch->nb + req->nb) * vmem->block_size > VIRTIO_MEM_LOCKED_MAX) {
        return false;
    } else if (req->first == batch->first + batch->nb) {
        batch->nb += req->nb;
    } else if (req->first + req->nb == batch->first) {
        batch->first = req->first;
        batch->nb += req->nb;
    } else {
        return false;
    }
    batch->requests[batch->nb_requests++] = *req;
    return true;
}

/*
 * The requests (5.15.6). Each either answers @req or hands it to a batch or job that will. @batch
 * is what UNPLUG requests gather in; for the others it is empty.
 */

static void virtio_mem_request_plug(VirtIOMEM *vmem, VirtIOMEMRequest *req,
                                    VirtIOMEMBatch *batch)
{
    if (vmem->requested_size < virtio_mem_plugged_size(vmem) ||
        req->nb > (vmem->requested_size - virtio_mem_plugged_size(vmem)) / vmem->block_size) {
        virtio_mem_refuse(vmem, req, VIRTIO_MEM_RESP_NACK,
                          VIRTIO_MEM_REFUSAL_REASON_BEYOND_REQUESTED_SIZE, 0);
        return;
    }
    if (!virtio_mem_map_is_unplugged(&vmem->map, req->first, req->nb)) {
        virtio_mem_refuse(vmem, req, VIRTIO_MEM_RESP_ERROR,
                          VIRTIO_MEM_REFUSAL_REASON_ALREADY_PLUGGED, 0);
        return;
    }
    virtio_mem_batch_add(vmem, batch, req);
    virtio_mem_batch_run(vmem, batch);
}

static void virtio_mem_request_unplug(VirtIOMEM *vmem, VirtIOMEMRequest *req,
                                      VirtIOMEMBatch *batch)
{
    /* The batch is disjoint from @req if it takes it; if not, what it has done must show. */
    bool plugged = virtio_mem_map_is_plugged(&vmem->map, req->first, req->nb);

    if (plugged && virtio_mem_batch_add(vmem, batch, req)) {
        return;
    }
    virtio_mem_batch_flush(vmem, batch);
    if (!virtio_mem_map_is_plugged(&vmem->map, req->first, req->nb)) {
        virtio_mem_refuse(vmem, req, VIRTIO_MEM_RESP_ERROR,
                          VIRTIO_MEM_REFUSAL_REASON_NOT_PLUGGED, 0);
        return;
    }
    virtio_mem_batch_add(vmem, batch, req);
}

/* What has to be discarded for nothing to be left: what is plugged, or all if there may be more. */
static GArray *virtio_mem_filled_runs(const VirtIOMEM *vmem, uint64_t *size)
{
    GArray *runs = g_array_new(false, false, sizeof(VirtIOMEMRun));
    VirtIOMEMRun run = { .first = 0, .nb = vmem->map.nb_blocks };

    if (vmem->stale) {
        *size = virtio_mem_region_size(vmem);
        g_array_append_val(runs, run);
        return runs;
    }
    *size = virtio_mem_plugged_size(vmem);
    run.nb = 0;
    while (virtio_mem_map_next_run(&vmem->map, true, run.first + run.nb, vmem->map.nb_blocks,
                                   &run)) {
        g_array_append_val(runs, run);
    }
    return runs;
}

static bool virtio_mem_discard_of_runs_takes_long(const VirtIOMEM *vmem, uint64_t size,
                                                  const GArray *runs)
{
    const VirtIOMEMRun *first, *last;

    if (!runs->len) {
        return false;
    }
    first = &g_array_index(runs, VirtIOMEMRun, 0);
    last = &g_array_index(runs, VirtIOMEMRun, runs->len - 1);
    return virtio_mem_discard_takes_long(vmem, size, first->first, last->first + last->nb,
                                         runs->len);
}

/* Goes on after a failure; returns the first, and adds to @gone what is gone. */
static int virtio_mem_discard_runs(const VirtIOMEM *vmem, const GArray *runs, GArray *gone)
{
    int first = 0;

    for (guint i = 0; i < runs->len; i++) {
        const VirtIOMEMRun *run = &g_array_index(runs, VirtIOMEMRun, i);
        int ret = virtio_mem_discard(virtio_mem_ram_block(vmem), run->first * vmem->block_size,
                                     run->nb * vmem->block_size);

        if (!ret) {
            g_array_append_val(gone, *run);
        }
        first = first ? first : ret;
    }
    return first;
}

static void virtio_mem_request_unplug_all(VirtIOMEM *vmem, VirtIOMEMRequest *req,
                                          VirtIOMEMBatch *batch)
{
    uint64_t size;
    GArray *runs = virtio_mem_filled_runs(vmem, &size), *gone;

    batch->requests[batch->nb_requests++] = *req;
    if (virtio_mem_discard_of_runs_takes_long(vmem, size, runs)) {
        virtio_mem_job_start(vmem, false, runs, batch);
        batch->nb_requests = 0;
        return;
    }
    gone = g_array_new(false, false, sizeof(VirtIOMEMRun));
    virtio_mem_batch_finish(vmem, batch, gone, virtio_mem_discard_runs(vmem, runs, gone));
    g_array_free(gone, true);
    g_array_free(runs, true);
}

static void virtio_mem_request_state(VirtIOMEM *vmem, VirtIOMEMRequest *req)
{
    struct virtio_mem_resp resp = { .type = GUINT16_TO_LE(VIRTIO_MEM_RESP_ACK) };
    uint16_t state = VIRTIO_MEM_STATE_MIXED;

    if (virtio_mem_map_is_plugged(&vmem->map, req->first, req->nb)) {
        state = VIRTIO_MEM_STATE_PLUGGED;
    } else if (virtio_mem_map_is_unplugged(&vmem->map, req->first, req->nb)) {
        state = VIRTIO_MEM_STATE_UNPLUGGED;
    }
    resp.u.state.state = GUINT16_TO_LE(state);
    virtio_mem_respond(vmem, req, &resp);
}

/* From the bytes of the guest to a VirtIOMEMRequest. */

/* Why the blocks that @req names are not in the usable region. */
static VirtioMEMRefusalReason virtio_mem_range_fault(const VirtIOMEM *vmem,
                                                     const VirtIOMEMRequest *req)
{
    uint64_t region_size = virtio_mem_region_size(vmem);
    uint64_t offset = req->addr - vmem->addr;

    if (!req->nb_blocks) {
        return VIRTIO_MEM_REFUSAL_REASON_NO_BLOCKS;
    }
    if (req->addr < vmem->addr || offset >= region_size ||
        req->nb_blocks * vmem->block_size > region_size - offset) {
        return VIRTIO_MEM_REFUSAL_REASON_OUTSIDE_REGION;
    }
    return QEMU_IS_ALIGNED(offset, vmem->block_size)
               ? VIRTIO_MEM_REFUSAL_REASON_OUTSIDE_USABLE_REGION
               : VIRTIO_MEM_REFUSAL_REASON_UNALIGNED;
}

/* The blocks that a request names, where there are such in the usable region. */
static bool virtio_mem_parse_range(const VirtIOMEM *vmem, uint64_t addr, uint16_t nb_blocks,
                                   VirtIOMEMRequest *req)
{
    uint64_t offset = addr - vmem->addr;
    uint64_t size = nb_blocks * vmem->block_size;

    req->addr = addr;
    req->nb_blocks = nb_blocks;
    if (!nb_blocks || addr < vmem->addr || !QEMU_IS_ALIGNED(offset, vmem->block_size) ||
        offset >= vmem->usable_region_size || size > vmem->usable_region_size - offset) {
        req->invalid_reason = virtio_mem_range_fault(vmem, req);
        return false;
    }
    req->first = offset / vmem->block_size;
    req->nb = nb_blocks;
    return true;
}

/*
 * Reads the request of @elem once. Returns false, with the device marked as broken, where the
 * driver violates the protocol so that not even an answer can be given.
 */
static bool virtio_mem_parse_request(VirtIOMEM *vmem, VirtQueueElement *elem,
                                     VirtIOMEMRequest *req)
{
    struct virtio_mem_req raw;
    size_t len = iov_to_buf(elem->out_sg, elem->out_num, 0, &raw, sizeof(raw));

    *req = (VirtIOMEMRequest) { .elem = elem };
    if (len < sizeof(raw)) {
        virtio_error(VIRTIO_DEVICE(vmem), "virtio-mem: request of %zu bytes is too short", len);
        return false;
    }
    if (iov_size(elem->in_sg, elem->in_num) < sizeof(struct virtio_mem_resp)) {
        virtio_error(VIRTIO_DEVICE(vmem), "virtio-mem: no room for the response");
        return false;
    }
    req->type = GUINT16_FROM_LE(raw.type);
    switch (req->type) {
    case VIRTIO_MEM_REQ_PLUG:
    case VIRTIO_MEM_REQ_UNPLUG:
    case VIRTIO_MEM_REQ_STATE:
        /* The three share their layout. */
        req->valid = virtio_mem_parse_range(vmem, GUINT64_FROM_LE(raw.u.plug.addr),
                                            GUINT16_FROM_LE(raw.u.plug.nb_blocks), req);
        return true;
    case VIRTIO_MEM_REQ_UNPLUG_ALL:
        req->valid = true;
        return true;
    default:
        virtio_error(VIRTIO_DEVICE(vmem), "virtio-mem: unknown request type %u", req->type);
        return false;
    }
}

static void virtio_mem_execute(VirtIOMEM *vmem, VirtIOMEMRequest *req, VirtIOMEMBatch *batch)
{
    switch (req->type) {
    case VIRTIO_MEM_REQ_PLUG:
        virtio_mem_request_plug(vmem, req, batch);
        break;
    case VIRTIO_MEM_REQ_UNPLUG:
        virtio_mem_request_unplug(vmem, req, batch);
        break;
    case VIRTIO_MEM_REQ_UNPLUG_ALL:
        virtio_mem_request_unplug_all(vmem, req, batch);
        break;
    default:
        virtio_mem_request_state(vmem, req);
        break;
    }
}

/* Takes the next request off the queue; false if there is none, or the device is broken. */
static bool virtio_mem_next_request(VirtIOMEM *vmem, VirtIOMEMRequest *req)
{
    VirtQueueElement *elem = virtqueue_pop(vmem->vq, sizeof(*elem));

    if (!elem) {
        return false;
    }
    if (!virtio_mem_parse_request(vmem, elem, req)) {
        virtqueue_detach_element(vmem->vq, elem, 0);
        g_free(elem);
        return false;
    }
    return true;
}

static void virtio_mem_handle_requests(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);
    VirtIOMEMBatch batch = { .nb_requests = 0 };
    uint64_t before = virtio_mem_plugged_size(vmem);
    VirtIOMEMRequest req;

    virtio_mem_stats_tick(&vmem->stats);
    while (!vmem->job && virtio_mem_next_request(vmem, &req)) {
        if (req.type != VIRTIO_MEM_REQ_UNPLUG || !req.valid) {
            virtio_mem_batch_flush(vmem, &batch);
        }
        if (!req.valid) {
            virtio_mem_refuse(vmem, &req, VIRTIO_MEM_RESP_ERROR, req.invalid_reason, 0);
            continue;
        }
        virtio_mem_execute(vmem, &req, &batch);
        /* A large batch must become a job before another request is taken. */
        if (batch.nb * vmem->block_size > VIRTIO_MEM_LOCKED_MAX) {
            virtio_mem_batch_flush(vmem, &batch);
        }
    }
    virtio_mem_batch_flush(vmem, &batch);
    virtio_mem_stats_set_broken(&vmem->stats, vdev->broken);
    virtio_mem_notify_driver(vmem);
    virtio_mem_notify_size_change(vmem, before);
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
    const VirtIOMEM *vmem = VIRTIO_MEM(vdev);
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
}

/* Resets. */

static void virtio_mem_device_reset(VirtIODevice *vdev)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);

    virtio_mem_stats_set_broken(&vmem->stats, vdev->broken);
    virtio_mem_stats_set_broken(&vmem->stats, false);
    /* A system reset's job touches no ring; only a request of the old driver must go. */
    if (vmem->job && !vmem->job->must_finish) {
        virtio_mem_job_drain(vmem);
    }
}

/* The new guest starts with nothing plugged; a large device gives its memory back in a job. */
static void virtio_mem_unplug_for_system_reset(VirtIOMEM *vmem)
{
    uint64_t before, size;
    GArray *runs, *gone;

    if (vmem->job && !vmem->job->must_finish) {
        virtio_mem_job_drain(vmem);
    }
    before = virtio_mem_plugged_size(vmem);
    virtio_mem_stats_tick(&vmem->stats);
    vmem->stats.requested = vmem->stats.now;
    vmem->stats.features_refused = false;
    runs = virtio_mem_filled_runs(vmem, &size);
    virtio_mem_set_all_unplugged(vmem);
    virtio_mem_notify_size_change(vmem, before);
    if (vmem->job) {
        /* the last reset's, and nothing has been plugged since */
        assert(!before);
        g_array_free(runs, true);
        return;
    }
    if (virtio_mem_discard_of_runs_takes_long(vmem, size, runs)) {
        virtio_mem_job_start(vmem, false, runs, NULL);
        return;
    }
    gone = g_array_new(false, false, sizeof(VirtIOMEMRun));
    virtio_mem_finish_system_reset(vmem, virtio_mem_discard_runs(vmem, runs, gone));
    g_array_free(gone, true);
    g_array_free(runs, true);
}

static void virtio_mem_system_reset_init(Object *obj)
{
}

static void virtio_mem_system_reset_finalize(Object *obj)
{
}

static ResettableState *virtio_mem_system_reset_get_state(Object *obj)
{
    return &VIRTIO_MEM_SYSTEM_RESET(obj)->reset_state;
}

static void virtio_mem_system_reset_hold(Object *obj, ResetType type)
{
    /* A machine that wakes from suspend goes on with the memory it has. */
    if (type != RESET_TYPE_WAKEUP) {
        virtio_mem_unplug_for_system_reset(VIRTIO_MEM_SYSTEM_RESET(obj)->vmem);
    }
}

static void virtio_mem_system_reset_class_init(ObjectClass *klass, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    rc->get_state = virtio_mem_system_reset_get_state;
    rc->phases.hold = virtio_mem_system_reset_hold;
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
    uint64_t def = virtio_mem_default_block_size(rb);

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
        error_setg(errp, "'%s' cannot exceed the memory backend size(0x%" PRIx64 ")",
                   VIRTIO_MEM_REQUESTED_SIZE_PROP, virtio_mem_region_size(vmem));
        return false;
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
    bool zeropage = virtio_mem_has_shared_zeropage(virtio_mem_ram_block(vmem));

    if (!virtio_mem_has_legacy_guests() || vmem->feature_required) {
        vmem->unplugged_inaccessible = ON_OFF_AUTO_ON;
        return;
    }
    if (vmem->unplugged_inaccessible == ON_OFF_AUTO_AUTO) {
        vmem->unplugged_inaccessible = zeropage ? ON_OFF_AUTO_OFF : ON_OFF_AUTO_ON;
    }
    if (vmem->unplugged_inaccessible == ON_OFF_AUTO_OFF && !zeropage) {
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
    vmem->stats = (VirtIOMEMStats) { .requested = g_get_monotonic_time() };

    virtio_init(vdev, VIRTIO_ID_MEM, sizeof(struct virtio_mem_config));
    vmem->vq = virtio_add_queue(vdev, 128, virtio_mem_handle_requests);

    vmem->system_reset = VIRTIO_MEM_SYSTEM_RESET(object_new(TYPE_VIRTIO_MEM_SYSTEM_RESET));
    vmem->system_reset->vmem = vmem;
    qemu_register_resettable(OBJECT(vmem->system_reset));
}

static void virtio_mem_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOMEM *vmem = VIRTIO_MEM(dev);

    qemu_unregister_resettable(OBJECT(vmem->system_reset));
    object_unref(OBJECT(vmem->system_reset));
    virtio_mem_job_drain(vmem);
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
        vmem->stats.requested = g_get_monotonic_time();
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
    if (size < VIRTIO_MEM_MIN_BLOCK_SIZE) {
        error_setg(errp, "'%s' property has to be at least 0x%" PRIx64, name,
                   VIRTIO_MEM_MIN_BLOCK_SIZE);
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

/* A guest that is asked to eject the device must not lose memory by it. */
static void virtio_mem_unplug_request_check(VirtIOMEM *vmem, Error **errp)
{
    if (virtio_mem_plugged_size(vmem)) {
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

/* RamDiscardManager: which parts of the region are populated. */

static uint64_t virtio_mem_rdm_get_min_granularity(const RamDiscardManager *rdm,
                                                   const MemoryRegion *mr)
{
    return VIRTIO_MEM(rdm)->block_size;
}

/* Calls @fn for each part of @section in state @plugged, until it returns other than 0. */
static int virtio_mem_rdm_replay(const VirtIOMEM *vmem, bool plugged,
                                 const MemoryRegionSection *section, ReplayRamDiscardState fn,
                                 void *opaque)
{
    VirtIOMEMRun run = { .first = section->offset_within_region / vmem->block_size };
    MemoryRegionSection part;
    int ret = 0;

    while (!ret && virtio_mem_map_next_run(&vmem->map, plugged, run.first + run.nb,
                                           vmem->map.nb_blocks, &run) &&
           virtio_mem_clip_section(vmem, section, &run, &part)) {
        ret = fn(&part, opaque);
    }
    return ret;
}

/*
 * Whether a job is giving @section back: whoever wrote to it now would leave a page behind. Between
 * the first and the last run of a job nothing else is plugged.
 */
static bool virtio_mem_job_discards(const VirtIOMEM *vmem, const MemoryRegionSection *section)
{
    const VirtIOMEMJob *job = vmem->job;
    const VirtIOMEMRun *first, *last;
    VirtIOMEMRun span;
    MemoryRegionSection part;

    if (!job || job->plug) {
        return false;
    }
    first = &g_array_index(job->runs, VirtIOMEMRun, 0);
    last = &g_array_index(job->runs, VirtIOMEMRun, job->runs->len - 1);
    span = (VirtIOMEMRun) { .first = first->first, .nb = last->first + last->nb - first->first };
    return virtio_mem_clip_section(vmem, section, &span, &part);
}

static bool virtio_mem_rdm_is_populated(const RamDiscardManager *rdm,
                                        const MemoryRegionSection *section)
{
    const VirtIOMEM *vmem = VIRTIO_MEM(rdm);
    VirtIOMEMRun run = { .first = section->offset_within_region / vmem->block_size };
    MemoryRegionSection part;

    if (virtio_mem_job_discards(vmem, section)) {
        return false;
    }
    return !virtio_mem_map_next_run(&vmem->map, false, run.first, vmem->map.nb_blocks, &run) ||
           !virtio_mem_clip_section(vmem, section, &run, &part);
}

static int virtio_mem_rdm_replay_populated(const RamDiscardManager *rdm,
                                           MemoryRegionSection *section,
                                           ReplayRamDiscardState replay_fn, void *opaque)
{
    return virtio_mem_rdm_replay(VIRTIO_MEM(rdm), true, section, replay_fn, opaque);
}

static int virtio_mem_rdm_replay_discarded(const RamDiscardManager *rdm,
                                           MemoryRegionSection *section,
                                           ReplayRamDiscardState replay_fn, void *opaque)
{
    return virtio_mem_rdm_replay(VIRTIO_MEM(rdm), false, section, replay_fn, opaque);
}

static int virtio_mem_rdm_populate_cb(MemoryRegionSection *part, void *opaque)
{
    RamDiscardListener *rdl = opaque;

    return rdl->notify_populate(rdl, part);
}

static int virtio_mem_rdm_discard_cb(MemoryRegionSection *part, void *opaque)
{
    RamDiscardListener *rdl = opaque;

    rdl->notify_discard(rdl, part);
    return 0;
}

static void virtio_mem_rdm_register_listener(RamDiscardManager *rdm, RamDiscardListener *rdl,
                                             MemoryRegionSection *section)
{
    VirtIOMEM *vmem = VIRTIO_MEM(rdm);
    int ret;

    rdl->section = memory_region_section_new_copy(section);
    QLIST_INSERT_HEAD(&vmem->rdl_list, rdl, next);
    ret = virtio_mem_rdm_replay(vmem, true, rdl->section, virtio_mem_rdm_populate_cb, rdl);
    if (ret) {
        error_report("virtio-mem: replaying plugged ranges failed: %s", strerror(-ret));
    }
}

static void virtio_mem_rdm_unregister_listener(RamDiscardManager *rdm, RamDiscardListener *rdl)
{
    VirtIOMEM *vmem = VIRTIO_MEM(rdm);

    virtio_mem_rdm_replay(vmem, true, rdl->section, virtio_mem_rdm_discard_cb, rdl);
    memory_region_section_free_copy(rdl->section);
    rdl->section = NULL;
    QLIST_REMOVE(rdl, next);
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

static const Property virtio_mem_legacy_guests_properties[] = {
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
    RamDiscardManagerClass *rdmc = RAM_DISCARD_MANAGER_CLASS(klass);

    if (virtio_mem_has_legacy_guests()) {
        device_class_set_props(dc, virtio_mem_legacy_guests_properties);
    } else {
        device_class_set_props(dc, virtio_mem_properties);
    }
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    vdc->realize = virtio_mem_device_realize;
    vdc->unrealize = virtio_mem_device_unrealize;
    vdc->get_config = virtio_mem_get_config;
    vdc->get_features = virtio_mem_get_features;
    vdc->validate_features = virtio_mem_validate_features;
    vdc->reset = virtio_mem_device_reset;

    vmc->fill_device_info = virtio_mem_fill_device_info;
    vmc->get_memory_region = virtio_mem_get_memory_region;
    vmc->decide_memslots = virtio_mem_decide_memslots;
    vmc->get_memslots = virtio_mem_get_memslots;
    vmc->add_size_change_notifier = virtio_mem_add_size_change_notifier;
    vmc->remove_size_change_notifier = virtio_mem_remove_size_change_notifier;
    vmc->unplug_request_check = virtio_mem_unplug_request_check;

    rdmc->get_min_granularity = virtio_mem_rdm_get_min_granularity;
    rdmc->is_populated = virtio_mem_rdm_is_populated;
    rdmc->replay_populated = virtio_mem_rdm_replay_populated;
    rdmc->replay_discarded = virtio_mem_rdm_replay_discarded;
    rdmc->register_listener = virtio_mem_rdm_register_listener;
    rdmc->unregister_listener = virtio_mem_rdm_unregister_listener;
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
