/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the virtio-mem device ask of each other. Nobody else includes this.
 *
 *   virtio-mem-requests.c   requests of the guest: parse, batch, answer
 *   virtio-mem-jobs.c       host memory: discard, preallocate; if it takes long, on a thread
 *   virtio-mem-discard.c    what is populated: the changes of the map, and who is told of them
 *   virtio-mem.c            the device: properties, realize, negotiation, configuration, resets
 *
 * Requests use jobs and what is populated, the device uses all three; jobs call back. All under
 * the big lock unless it says otherwise. Sizes and offsets in bytes, runs in blocks; errors are
 * negative errnos.
 */
#ifndef HW_VIRTIO_MEM_INTERNAL_H
#define HW_VIRTIO_MEM_INTERNAL_H

#include "qemu/units.h"
#include "hw/virtio/virtio-mem.h"
#include "system/memory.h"
#include "system/runstate.h"

/* ---- virtio-mem.c --------------------------------------------------------------------------- */

static inline RAMBlock *virtio_mem_ram_block(const VirtIOMEM *vmem)
{
    return vmem->memdev->mr.ram_block;
}

static inline uint64_t virtio_mem_region_size(const VirtIOMEM *vmem)
{
    return memory_region_size(&vmem->memdev->mr);
}

static inline uint64_t virtio_mem_plugged_size(const VirtIOMEM *vmem)
{
    return vmem->map.nb_plugged * vmem->block_size;
}

/*
 * The part of the region that a request may name (5.15.4 usable_region_size): larger than
 * requested, so that a guest with larger blocks, or with some it cannot unplug, gets there. It only
 * grows while blocks may be plugged in it (not @can_shrink).
 */
void virtio_mem_update_usable_region(VirtIOMEM *vmem, bool can_shrink);

/* Tells once of however many changes since the plugged size was @before. */
void virtio_mem_notify_size_change(VirtIOMEM *vmem, uint64_t before);

/*
 * One line for the operator when host memory cannot be had or given back (@ret), at most one a
 * second.
 */
void virtio_mem_report_host(VirtIOMEM *vmem, const char *what, int ret);

/* ---- virtio-mem-discard.c ------------------------------------------------------------------- */

/* Sets *@clipped to the part of @section that @run has; false where they do not meet. */
bool virtio_mem_clip_section(const VirtIOMEM *vmem, const MemoryRegionSection *section,
                             const VirtIOMEMRun *run, MemoryRegionSection *clipped);

/* Host memory has followed, or a job sees to it: the map and all who must know follow. */
void virtio_mem_set_unplugged(VirtIOMEM *vmem, const VirtIOMEMRun *run);
/* Returns 0, or the error of a listener that refused, with everything as before. */
int virtio_mem_set_plugged(VirtIOMEM *vmem, const VirtIOMEMRun *run);
void virtio_mem_set_all_unplugged(VirtIOMEM *vmem);
/*
 * With dynamic memory slots: takes from guest memory the slots in which nothing but @run is
 * plugged, before it is discarded, so that the guest does not touch it again in between. What is
 * not unplugged after all is shown again by the second.
 */
void virtio_mem_hide_ahead(VirtIOMEM *vmem, const VirtIOMEMRun *run);
void virtio_mem_show(VirtIOMEM *vmem);
/* Unplugs what is plugged of the runs in @gone. */
void virtio_mem_set_gone(VirtIOMEM *vmem, const GArray *gone);

/* The methods of the class. */
void virtio_mem_discard_manager_class_init(ObjectClass *klass);

/* ---- virtio-mem-jobs.c ---------------------------------------------------------------------- */

/*
 * More bytes than this are not discarded or preallocated under the big lock without a look, of all
 * requests that are handled in one go together: VirtIOMEM.locked_left is what is left of them.
 * Some milliseconds' worth.
 */
#define VIRTIO_MEM_LOCKED_MAX ((uint64_t)(16 * MiB))

/* At the start of whatever answers requests or changes blocks. */
static inline void virtio_mem_tick(VirtIOMEM *vmem)
{
    virtio_mem_stats_tick(&vmem->stats);
    vmem->locked_left = VIRTIO_MEM_LOCKED_MAX;
}

/*
 * @size bytes have been seen to. What was larger than what was left, but known to be quick, counts
 * as half of what may be done, so that it is done twice at most.
 */
static inline void virtio_mem_take_time(VirtIOMEM *vmem, uint64_t size)
{
    vmem->locked_left -= size <= vmem->locked_left ? size : VIRTIO_MEM_LOCKED_MAX / 2;
}

/* These two touch nothing but their arguments: callable without the big lock. */
int virtio_mem_discard(RAMBlock *rb, uint64_t offset, uint64_t size);
/*
 * Makes unplugged memory fit to be plugged: empty, where it may be @stale, and backed if it is to
 * be (@prealloc). On failure a part may be backed.
 */
int virtio_mem_prepare(RAMBlock *rb, uint64_t offset, uint64_t size, bool stale, bool prealloc);

/*
 * What has to be discarded for nothing to be left: what is plugged, or all if there may be more;
 * an array of VirtIOMEMRun, to be freed by the caller. *@size: of them together.
 */
GArray *virtio_mem_filled_runs(const VirtIOMEM *vmem, uint64_t *size);
/*
 * Whether discarding @size bytes is not for the big lock; they are all that may be held between
 * block @first and block @end, in @nb_runs runs. If it is, virtio_mem_take_time() says that it was
 * done.
 */
bool virtio_mem_discard_takes_long(const VirtIOMEM *vmem, uint64_t size, uint64_t first,
                                   uint64_t end, unsigned nb_runs);
bool virtio_mem_discard_of_runs_takes_long(const VirtIOMEM *vmem, uint64_t size,
                                           const GArray *runs);
/* Goes on after a failure; returns the first, and adds to @gone (may be NULL) what is gone. */
int virtio_mem_discard_runs(const VirtIOMEM *vmem, const GArray *runs, GArray *gone);

typedef enum VirtIOMEMWork {
    VIRTIO_MEM_WORK_PREPARE,        /* for blocks to be plugged; ends at a failure */
    VIRTIO_MEM_WORK_DISCARD,        /* ends at a failure */
    VIRTIO_MEM_WORK_DISCARD_MOST,   /* goes on after a failure: a part counts */
} VirtIOMEMWork;

/* Who wants a job done, and is called back once, under the big lock; @request is theirs to free. */
typedef struct VirtIOMEMJobOwner {
    /* Done, or failed (@ret); @gone: what has been discarded, of VirtIOMEMRun. */
    void (*finish)(VirtIOMEM *vmem, void *request, const GArray *gone, int ret);
    /* Cancelled: give it up. What had been discarded by then is unplugged. */
    void (*drop)(VirtIOMEM *vmem, void *request);
} VirtIOMEMJobOwner;

/*
 * Does @work on @runs (taken over) on a thread, then calls @owner back from the main loop, while
 * the machine runs, and looks at the queue, which rests meanwhile. There must be no job.
 */
void virtio_mem_job_start(VirtIOMEM *vmem, VirtIOMEMWork work, GArray *runs,
                          const VirtIOMEMJobOwner *owner, void *request);
/*
 * Drops the request of the job, if there is one with an owner, after its current chunk. The job
 * goes on by itself: what was got for a PLUG is given back, and of a block that was begun on
 * nothing is left.
 */
void virtio_mem_job_cancel(VirtIOMEM *vmem);
/*
 * The device is unrealized: waits for the current chunk of its job only. What the job would have
 * given back, the main loop does, unless somebody else takes the backend first.
 */
void virtio_mem_job_abandon(VirtIOMEM *vmem);
/* A VMChangeStateHandler: a job with an owner rests while the machine is stopped. */
void virtio_mem_jobs_vm_state_changed(void *opaque, bool running, RunState state);
/*
 * Discards @runs (taken over), which the map shows as unplugged: here, or by a job, or after the
 * job that there is. A failure leaves the device stale; with @clears_stale, success ends that.
 */
void virtio_mem_give_back(VirtIOMEM *vmem, GArray *runs, bool clears_stale);
/*
 * Whether a job is giving @section back: whoever wrote to it now would leave a page behind. Between
 * the first and the last run of a job nothing else is plugged.
 */
bool virtio_mem_job_discards(const VirtIOMEM *vmem, const MemoryRegionSection *section);

/* ---- virtio-mem-requests.c ------------------------------------------------------------------ */

/* The queue's handler. */
void virtio_mem_handle_requests(VirtIODevice *vdev, VirtQueue *vq);

#endif /* HW_VIRTIO_MEM_INTERNAL_H */
