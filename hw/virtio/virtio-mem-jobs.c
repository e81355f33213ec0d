/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, the host's memory: discarding and preallocating it, and jobs, which do so outside the
 * big lock where it takes long (more than VIRTIO_MEM_LOCKED_MAX bytes to preallocate, or to discard
 * unless the host holds little of them).
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-internal.h"
#include "system/memory.h"
#include "system/ramblock.h"

/* Nor in more pieces than this under the big lock: each costs a system call. */
#define VIRTIO_MEM_LOCKED_RUNS 64
/* A chunk of a job aims at this many microseconds: who waits for it, waits no longer. */
#define VIRTIO_MEM_CHUNK_US 10000
/* And no chunk is larger: what was quick may be followed by what is not. */
#define VIRTIO_MEM_CHUNK_MAX ((uint64_t)(256 * MiB))

/* Work outside the big lock on runs of blocks; see virtio_mem_job_start(). */
struct VirtIOMEMJob {
    VirtIOMEM *vmem;
    RAMBlock *rb;
    uint64_t block_size;
    VirtIOMEMWork work;
    bool stale, prealloc;   /* how to prepare: see virtio_mem_prepare() */
    const VirtIOMEMJobOwner *owner;     /* NULL: a system reset's, not to be cancelled */
    void *request;          /* the owner's */
    GArray *runs;           /* of VirtIOMEMRun */
    GArray *gone;           /* of VirtIOMEMRun: what has been discarded of them */
    GThread *thread;
    GSource *done;          /* dispatched on the main loop when the thread has finished */
    int cancelled;          /* atomic */
    int ret;                /* 0 or the first negative errno; as @gone, once the thread is joined */
    bool left_stale;        /* what it got and did not need could not be given back */
};

/* Host memory. Callable without the big lock: they touch nothing but their arguments. */

int virtio_mem_discard(RAMBlock *rb, uint64_t offset, uint64_t size)
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

int virtio_mem_prepare(RAMBlock *rb, uint64_t offset, uint64_t size, bool stale,
                       bool prealloc)
{
    int ret = stale ? virtio_mem_discard(rb, offset, size) : 0;

    return ret || !prealloc ? ret : virtio_mem_populate(rb, offset, size);
}

void virtio_mem_undo_prepare(VirtIOMEM *vmem, const VirtIOMEMRun *run)
{
    if (virtio_mem_discard(virtio_mem_ram_block(vmem), run->first * vmem->block_size,
                           run->nb * vmem->block_size)) {
        vmem->stale = true;
    }
}

/* What is to be discarded, and whether that takes long. */

bool virtio_mem_discard_takes_long(const VirtIOMEM *vmem, uint64_t size, uint64_t first,
                                   uint64_t end, unsigned nb_runs)
{
    return size > VIRTIO_MEM_LOCKED_MAX &&
           (nb_runs > VIRTIO_MEM_LOCKED_RUNS ||
            !virtio_mem_host_discard_is_quick(virtio_mem_ram_block(vmem),
                                              first * vmem->block_size,
                                              (end - first) * vmem->block_size));
}

GArray *virtio_mem_filled_runs(const VirtIOMEM *vmem, uint64_t *size)
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

bool virtio_mem_discard_of_runs_takes_long(const VirtIOMEM *vmem, uint64_t size,
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

int virtio_mem_discard_runs(const VirtIOMEM *vmem, const GArray *runs, GArray *gone)
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

/* Jobs. */

static int virtio_mem_job_chunk(const VirtIOMEMJob *job, uint64_t offset, uint64_t size)
{
    return job->work == VIRTIO_MEM_WORK_PREPARE
               ? virtio_mem_prepare(job->rb, offset, size, job->stale, job->prealloc)
               : virtio_mem_discard(job->rb, offset, size);
}

/* Whether a failure ends the job: to discard what can be is worth it where a part counts. */
static bool virtio_mem_job_is_over(const VirtIOMEMJob *job)
{
    return g_atomic_int_get(&job->cancelled) ||
           (job->ret && job->work != VIRTIO_MEM_WORK_DISCARD_MOST);
}

static void virtio_mem_job_note(VirtIOMEMJob *job, uint64_t offset, uint64_t size, int ret)
{
    const VirtIOMEMRun part = { offset / job->block_size, size / job->block_size };

    if (ret) {
        job->ret = job->ret ? job->ret : ret;
    } else if (job->work != VIRTIO_MEM_WORK_PREPARE) {
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
    if (job->work == VIRTIO_MEM_WORK_PREPARE && job->ret) {
        virtio_mem_job_undo(job);
    }
    g_source_attach(job->done, NULL);
    return NULL;
}

/* The thread is joined, and the owner called. */
static void virtio_mem_job_free(VirtIOMEMJob *job)
{
    g_source_destroy(job->done);
    g_source_unref(job->done);
    g_array_free(job->runs, true);
    g_array_free(job->gone, true);
    g_free(job);
}

void virtio_mem_finish_system_reset(VirtIOMEM *vmem, int ret)
{
    vmem->stale = ret;
    if (ret) {
        virtio_mem_report_host(vmem, "discard", ret);
    }
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
    if (job->owner) {
        job->owner->finish(vmem, job->request, job->gone, job->ret);
    } else {
        virtio_mem_finish_system_reset(vmem, job->ret);
    }
    virtio_mem_job_free(job);
    virtio_mem_notify_size_change(vmem, before);
    virtio_queue_notify(VIRTIO_DEVICE(vmem), 0);
    return G_SOURCE_REMOVE;
}

void virtio_mem_job_start(VirtIOMEM *vmem, VirtIOMEMWork work, GArray *runs,
                          const VirtIOMEMJobOwner *owner, void *request)
{
    VirtIOMEMJob *job = g_new0(VirtIOMEMJob, 1);

    assert(!vmem->job);
    job->vmem = vmem;
    job->rb = virtio_mem_ram_block(vmem);
    job->block_size = vmem->block_size;
    job->work = work;
    job->stale = vmem->stale;
    job->prealloc = vmem->prealloc;
    job->owner = owner;
    job->request = request;
    job->runs = runs;
    job->gone = g_array_new(false, false, sizeof(VirtIOMEMRun));
    job->done = g_idle_source_new();
    g_source_set_priority(job->done, G_PRIORITY_DEFAULT);
    g_source_set_callback(job->done, virtio_mem_job_done, job, NULL);
    vmem->job = job;
    job->thread = g_thread_new("virtio-mem", virtio_mem_job_thread, job);
}

bool virtio_mem_job_has_request(const VirtIOMEM *vmem)
{
    return vmem->job && vmem->job->owner;
}

void virtio_mem_job_drain(VirtIOMEM *vmem)
{
    VirtIOMEMJob *job = vmem->job;
    uint64_t before = virtio_mem_plugged_size(vmem);

    if (!job) {
        return;
    }
    if (job->owner) {
        g_atomic_int_set(&job->cancelled, 1);
    }
    g_thread_join(job->thread);
    vmem->job = NULL;
    if (job->work == VIRTIO_MEM_WORK_PREPARE && !job->ret) {
        virtio_mem_job_undo(job);
    }
    vmem->stale |= job->left_stale;
    virtio_mem_stats_tick(&vmem->stats);
    virtio_mem_set_gone(vmem, job->gone);
    if (job->owner) {
        job->owner->drop(vmem, job->request);
    }
    virtio_mem_job_free(job);
    virtio_mem_notify_size_change(vmem, before);
}

bool virtio_mem_job_discards(const VirtIOMEM *vmem, const MemoryRegionSection *section)
{
    const VirtIOMEMJob *job = vmem->job;
    const VirtIOMEMRun *first, *last;
    VirtIOMEMRun span;
    MemoryRegionSection part;

    if (!job || job->work == VIRTIO_MEM_WORK_PREPARE) {
        return false;
    }
    first = &g_array_index(job->runs, VirtIOMEMRun, 0);
    last = &g_array_index(job->runs, VirtIOMEMRun, job->runs->len - 1);
    span = (VirtIOMEMRun) { .first = first->first, .nb = last->first + last->nb - first->first };
    return virtio_mem_clip_section(vmem, section, &span, &part);
}
