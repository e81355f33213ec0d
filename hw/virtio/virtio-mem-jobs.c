/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, the host's memory: discarding and preallocating it, and jobs, which do so outside the
 * big lock where it takes long (more than VIRTIO_MEM_LOCKED_MAX bytes to preallocate, or to discard
 * unless the host holds little of them).
 *
 * A job's thread works in chunks of about VIRTIO_MEM_CHUNK_US. Whoever holds the big lock waits for
 * a chunk at most: to stop the machine (the job rests, its request with it), to reset the device
 * (the request is dropped, and the thread tidies up by itself), to unrealize the device (the thread
 * ends, and what it leaves is given back by the main loop a chunk at a time). While there is a job,
 * whatever it is at, the queue rests and nothing is plugged.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-internal.h"
#include "system/memory.h"
#include "system/ramblock.h"
#include "system/runstate.h"

/* Nor in more pieces than this under the big lock: each costs a system call. */
#define VIRTIO_MEM_LOCKED_RUNS 64
/* A chunk of a job aims at this many microseconds: who waits for it, waits no longer. */
#define VIRTIO_MEM_CHUNK_US 10000
/* The first has this size (or a page, if that is larger), and none is larger than the second: what
 * was quick may be followed by what is not. */
#define VIRTIO_MEM_CHUNK_FIRST VIRTIO_MEM_LOCKED_MAX
#define VIRTIO_MEM_CHUNK_MIN ((uint64_t)(2 * MiB))
#define VIRTIO_MEM_CHUNK_MAX ((uint64_t)(256 * MiB))
/* Between two chunks on the main loop, so that others get the lock as well. */
#define VIRTIO_MEM_LEFTOVER_PAUSE_MS 10

/* The size of chunks, of memory of one kind. */
typedef struct VirtIOMEMChunk {
    uint64_t size, min;
} VirtIOMEMChunk;

/* Work outside the big lock on runs of blocks; see virtio_mem_job_start(). */
struct VirtIOMEMJob {
    VirtIOMEM *vmem;
    RAMBlock *rb;
    uint64_t block_size;
    VirtIOMEMWork work;
    bool stale, prealloc;   /* how to prepare: see virtio_mem_prepare() */
    GArray *runs;           /* of VirtIOMEMRun */
    QemuThread thread;
    QEMUBH *done;           /* run by the main loop when the thread has finished */

    /* Under the big lock. */
    const VirtIOMEMJobOwner *owner;     /* NULL: nobody's request, or one that has been dropped */
    void *request;          /* the owner's */
    bool gives_back;        /* the map has always shown the runs as unplugged */
    bool held_back;         /* finished while the machine was stopped: @owner is yet to be called */
    GArray *then;           /* runs to be given back afterwards, or NULL */
    bool clears_stale, then_clears_stale;

    /* The thread's, until it is joined; @gone until it has seen that it is cancelled. */
    VirtIOMEMChunk chunk;
    GArray *gone;           /* of VirtIOMEMRun: blocks that have lost their contents, or a part */
    int ret;                /* 0 or the first negative errno */
    bool undone;            /* what it got has been given back */
    bool left_stale;        /* or could not be given back */

    /* Between both, under @lock, which is taken inside the big lock; @changed: of any of them. */
    QemuMutex lock;
    QemuCond changed;
    bool paused, cancelled, abandoned;  /* what the thread is to do after its chunk: rest; tidy up
                                           and end; end at once */
    bool resting, seen, finished;       /* and that it does: @seen is for @cancelled */
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

/* What is to be discarded, and whether that takes long. */

bool virtio_mem_discard_takes_long(const VirtIOMEM *vmem, uint64_t size, uint64_t first,
                                   uint64_t end, unsigned nb_runs)
{
    return size > vmem->locked_left &&
           (nb_runs > VIRTIO_MEM_LOCKED_RUNS || vmem->locked_left < VIRTIO_MEM_LOCKED_MAX / 2 ||
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

        if (!ret && gone) {
            g_array_append_val(gone, *run);
        }
        first = first ? first : ret;
    }
    return first;
}

/* Chunks. */

static void virtio_mem_chunk_init(VirtIOMEMChunk *chunk, RAMBlock *rb)
{
    chunk->min = MAX(VIRTIO_MEM_CHUNK_MIN, qemu_ram_pagesize(rb));
    chunk->size = MAX(VIRTIO_MEM_CHUNK_FIRST, chunk->min);
}

/*
 * The size adapts to how long the last one took: untouched memory is discarded almost for nothing,
 * touched memory at a few GiB a second.
 */
static void virtio_mem_chunk_adapt(VirtIOMEMChunk *chunk, gint64 took)
{
    if (took < VIRTIO_MEM_CHUNK_US / 4 && chunk->size < VIRTIO_MEM_CHUNK_MAX) {
        chunk->size *= 2;
    } else if (took > VIRTIO_MEM_CHUNK_US && chunk->size / 2 >= chunk->min) {
        chunk->size /= 2;
    }
}

/* The thread of a job. */

static bool virtio_mem_job_is_abandoned(VirtIOMEMJob *job)
{
    bool abandoned;

    qemu_mutex_lock(&job->lock);
    abandoned = job->abandoned;
    qemu_mutex_unlock(&job->lock);
    return abandoned;
}

/* Before each chunk: rests while it is to; false if the job is cancelled. */
static bool virtio_mem_job_go_on(VirtIOMEMJob *job)
{
    bool cancelled;

    qemu_mutex_lock(&job->lock);
    while (job->paused && !job->cancelled) {
        job->resting = true;
        qemu_cond_broadcast(&job->changed);
        qemu_cond_wait(&job->changed, &job->lock);
    }
    job->resting = false;
    cancelled = job->cancelled;
    if (cancelled && !job->seen) {
        job->seen = true;
        qemu_cond_broadcast(&job->changed);
    }
    qemu_mutex_unlock(&job->lock);
    return !cancelled;
}

/* Whether a failure ends the job: to discard what can be is worth it where a part counts. */
static bool virtio_mem_job_has_failed(const VirtIOMEMJob *job)
{
    return job->ret && job->work != VIRTIO_MEM_WORK_DISCARD_MOST;
}

static int virtio_mem_job_chunk(VirtIOMEMJob *job, uint64_t offset, uint64_t size)
{
    gint64 start = g_get_monotonic_time();
    int ret = job->work == VIRTIO_MEM_WORK_PREPARE
                  ? virtio_mem_prepare(job->rb, offset, size, job->stale, job->prealloc)
                  : virtio_mem_discard(job->rb, offset, size);

    virtio_mem_chunk_adapt(&job->chunk, g_get_monotonic_time() - start);
    return ret;
}

/* A chunk has been done, or not (@ret). A block of which any part is gone counts as gone. */
static void virtio_mem_job_note(VirtIOMEMJob *job, uint64_t offset, uint64_t size, int ret)
{
    uint64_t first = offset / job->block_size;
    const VirtIOMEMRun part = {
        .first = first,
        .nb = (offset + size - 1) / job->block_size + 1 - first,
    };
    bool whole = !((offset | size) & (job->block_size - 1));

    if (!ret && job->work != VIRTIO_MEM_WORK_PREPARE) {
        g_array_append_val(job->gone, part);
    }
    if (ret) {
        job->ret = job->ret ? job->ret : ret;
        /* the other parts of the block may be gone, and so it is */
        job->left_stale |= !whole && job->work == VIRTIO_MEM_WORK_DISCARD_MOST;
    }
}

/* Discards what the map does not show as plugged, in chunks, unless the device goes meanwhile. */
static void virtio_mem_job_give_back(VirtIOMEMJob *job, uint64_t offset, uint64_t end)
{
    while (offset < end && !virtio_mem_job_is_abandoned(job)) {
        uint64_t size = MIN(job->chunk.size, end - offset);
        gint64 start = g_get_monotonic_time();

        if (virtio_mem_discard(job->rb, offset, size)) {
            job->left_stale = true;
        }
        virtio_mem_chunk_adapt(&job->chunk, g_get_monotonic_time() - start);
        offset += size;
    }
}

/* One run; false if that ends the job. */
static bool virtio_mem_job_run(VirtIOMEMJob *job, const VirtIOMEMRun *run)
{
    uint64_t offset = run->first * job->block_size;
    uint64_t end = offset + run->nb * job->block_size;

    while (offset < end) {
        uint64_t size = MIN(job->chunk.size, end - offset);

        if (!virtio_mem_job_go_on(job)) {
            /* what it has begun on has been unplugged, and is not to keep a part */
            if (job->work != VIRTIO_MEM_WORK_PREPARE) {
                virtio_mem_job_give_back(job, offset, QEMU_ALIGN_UP(offset, job->block_size));
            }
            return false;
        }
        virtio_mem_job_note(job, offset, size, virtio_mem_job_chunk(job, offset, size));
        if (virtio_mem_job_has_failed(job)) {
            return false;
        }
        offset += size;
    }
    return true;
}

/* What a PLUG has got so far is not needed. */
static void virtio_mem_job_undo(VirtIOMEMJob *job)
{
    for (guint i = 0; i < job->runs->len; i++) {
        const VirtIOMEMRun *run = &g_array_index(job->runs, VirtIOMEMRun, i);

        virtio_mem_job_give_back(job, run->first * job->block_size,
                                 (run->first + run->nb) * job->block_size);
    }
    job->undone = true;
}

static void *virtio_mem_job_thread(void *opaque)
{
    VirtIOMEMJob *job = opaque;
    bool whole = true;

    rcu_register_thread();
    for (guint i = 0; whole && i < job->runs->len; i++) {
        whole = virtio_mem_job_run(job, &g_array_index(job->runs, VirtIOMEMRun, i));
    }
    if (!whole && job->work == VIRTIO_MEM_WORK_PREPARE) {
        virtio_mem_job_undo(job);
    }
    qemu_mutex_lock(&job->lock);
    job->finished = true;
    qemu_cond_broadcast(&job->changed);
    qemu_mutex_unlock(&job->lock);
    qemu_bh_schedule(job->done);
    rcu_unregister_thread();
    return NULL;
}

/* Jobs, seen from outside. */

/* The thread is joined, and the owner called. */
static void virtio_mem_job_free(VirtIOMEMJob *job)
{
    qemu_bh_delete(job->done);
    qemu_mutex_destroy(&job->lock);
    qemu_cond_destroy(&job->changed);
    g_clear_pointer(&job->runs, g_array_unref);
    g_clear_pointer(&job->then, g_array_unref);
    g_array_unref(job->gone);
    g_free(job);
}

/* What could not be given back is unplugged all the same, and kept an eye on. */
static void virtio_mem_given_back(VirtIOMEM *vmem, int ret, bool clears_stale)
{
    if (ret) {
        vmem->stale = true;
        virtio_mem_report_host(vmem, "discard", ret);
    } else if (clears_stale) {
        vmem->stale = false;
    }
}

/* The thread is joined, and was at nobody's request: it may have left something to do. */
static void virtio_mem_job_go_on_giving_back(VirtIOMEM *vmem, VirtIOMEMJob *job)
{
    if (job->gives_back) {
        virtio_mem_given_back(vmem, job->ret, job->clears_stale);
    } else if (job->work == VIRTIO_MEM_WORK_PREPARE && !job->undone) {
        /* it was at its end when its request was dropped */
        virtio_mem_give_back(vmem, g_steal_pointer(&job->runs), false);
    }
    if (job->then) {
        virtio_mem_give_back(vmem, g_steal_pointer(&job->then), job->then_clears_stale);
    }
}

/* The thread is at its end: answer, and go on with the queue. */
static void virtio_mem_job_finish(VirtIOMEMJob *job)
{
    VirtIOMEM *vmem = job->vmem;
    uint64_t before = virtio_mem_plugged_size(vmem);

    qemu_thread_join(&job->thread);
    vmem->job = NULL;
    vmem->stale |= job->left_stale;
    virtio_mem_tick(vmem);
    if (job->owner) {
        job->owner->finish(vmem, job->request, job->gone, job->ret);
    } else {
        virtio_mem_job_go_on_giving_back(vmem, job);
    }
    virtio_mem_job_free(job);
    virtio_mem_notify_size_change(vmem, before);
    virtio_queue_notify(VIRTIO_DEVICE(vmem), 0);
}

/* Main loop, big lock held. */
static void virtio_mem_job_done(void *opaque)
{
    VirtIOMEMJob *job = opaque;

    if (job->owner && !runstate_is_running()) {
        job->held_back = true;
        return;
    }
    virtio_mem_job_finish(job);
}

static VirtIOMEMJob *virtio_mem_job_new(VirtIOMEM *vmem, VirtIOMEMWork work, GArray *runs)
{
    VirtIOMEMJob *job = g_new0(VirtIOMEMJob, 1);

    assert(!vmem->job);
    vmem->job = job;
    job->vmem = vmem;
    job->rb = virtio_mem_ram_block(vmem);
    job->block_size = vmem->block_size;
    job->work = work;
    job->stale = vmem->stale;
    job->prealloc = vmem->prealloc;
    job->runs = runs;
    job->done = qemu_bh_new(virtio_mem_job_done, job);
    job->gone = g_array_new(false, false, sizeof(VirtIOMEMRun));
    virtio_mem_chunk_init(&job->chunk, job->rb);
    qemu_mutex_init(&job->lock);
    qemu_cond_init(&job->changed);
    return job;
}

static void virtio_mem_job_begin(VirtIOMEMJob *job)
{
    qemu_thread_create(&job->thread, "virtio-mem", virtio_mem_job_thread, job,
                       QEMU_THREAD_JOINABLE);
}

void virtio_mem_job_start(VirtIOMEM *vmem, VirtIOMEMWork work, GArray *runs,
                          const VirtIOMEMJobOwner *owner, void *request)
{
    VirtIOMEMJob *job = virtio_mem_job_new(vmem, work, runs);

    job->owner = owner;
    job->request = request;
    virtio_mem_job_begin(job);
}

void virtio_mem_job_cancel(VirtIOMEM *vmem)
{
    VirtIOMEMJob *job = vmem->job;
    uint64_t before = virtio_mem_plugged_size(vmem);

    if (!job || !job->owner) {
        return;
    }
    qemu_mutex_lock(&job->lock);
    job->cancelled = true;
    qemu_cond_broadcast(&job->changed);
    while (!job->seen && !job->finished) {
        qemu_cond_wait(&job->changed, &job->lock);
    }
    qemu_mutex_unlock(&job->lock);
    virtio_mem_tick(vmem);
    virtio_mem_set_gone(vmem, job->gone);
    virtio_mem_show(vmem);
    job->owner->drop(vmem, job->request);
    job->owner = NULL;
    if (job->held_back) {
        qemu_bh_schedule(job->done);
    }
    virtio_mem_notify_size_change(vmem, before);
}

void virtio_mem_jobs_vm_state_changed(void *opaque, bool running, RunState state)
{
    VirtIOMEM *vmem = opaque;
    VirtIOMEMJob *job = vmem->job;

    if (!job || !job->owner) {
        return;
    }
    qemu_mutex_lock(&job->lock);
    job->paused = !running;
    qemu_cond_broadcast(&job->changed);
    while (job->paused && !job->resting && !job->finished) {
        qemu_cond_wait(&job->changed, &job->lock);
    }
    qemu_mutex_unlock(&job->lock);
    if (running && job->held_back) {
        virtio_mem_job_finish(job);
    }
}

bool virtio_mem_job_discards(const VirtIOMEM *vmem, const MemoryRegionSection *section)
{
    const VirtIOMEMJob *job = vmem->job;
    const VirtIOMEMRun *first, *last;
    VirtIOMEMRun span;
    MemoryRegionSection part;

    if (!job || !job->owner || job->work == VIRTIO_MEM_WORK_PREPARE) {
        return false;
    }
    first = &g_array_index(job->runs, VirtIOMEMRun, 0);
    last = &g_array_index(job->runs, VirtIOMEMRun, job->runs->len - 1);
    span = (VirtIOMEMRun) { .first = first->first, .nb = last->first + last->nb - first->first };
    return virtio_mem_clip_section(vmem, section, &span, &part);
}

/* Giving back what the map shows as unplugged. */

static uint64_t virtio_mem_size_of_runs(const VirtIOMEM *vmem, const GArray *runs)
{
    uint64_t nb = 0;

    for (guint i = 0; i < runs->len; i++) {
        nb += g_array_index(runs, VirtIOMEMRun, i).nb;
    }
    return nb * vmem->block_size;
}

void virtio_mem_give_back(VirtIOMEM *vmem, GArray *runs, bool clears_stale)
{
    VirtIOMEMJob *job = vmem->job;
    uint64_t size = virtio_mem_size_of_runs(vmem, runs);

    if (job && job->then) {
        g_array_append_vals(job->then, runs->data, runs->len);
        job->then_clears_stale |= clears_stale;
        g_array_free(runs, true);
    } else if (job) {
        job->then = runs;
        job->then_clears_stale = clears_stale;
    } else if (virtio_mem_discard_of_runs_takes_long(vmem, size, runs)) {
        job = virtio_mem_job_new(vmem, VIRTIO_MEM_WORK_DISCARD_MOST, runs);
        job->gives_back = true;
        job->clears_stale = clears_stale;
        virtio_mem_job_begin(job);
    } else {
        virtio_mem_given_back(vmem, virtio_mem_discard_runs(vmem, runs, NULL), clears_stale);
        g_array_free(runs, true);
    }
}

/* When the device goes before its job has ended. */

/* What a device that is gone has left in its backend: the main loop gives it back. */
typedef struct VirtIOMEMLeftover {
    HostMemoryBackend *memdev;      /* referenced */
    uint64_t block_size;
    GArray *runs;                   /* of VirtIOMEMRun */
    guint run;
    uint64_t done;                  /* bytes of that run */
    VirtIOMEMChunk chunk;
} VirtIOMEMLeftover;

/* One chunk, under the big lock; false if there is nothing left. */
static bool virtio_mem_leftover_step(VirtIOMEMLeftover *left)
{
    const VirtIOMEMRun *run = &g_array_index(left->runs, VirtIOMEMRun, left->run);
    uint64_t size = MIN(left->chunk.size, run->nb * left->block_size - left->done);
    gint64 start = g_get_monotonic_time();

    /* A failure has no consequence: the next device to take the backend empties it. */
    virtio_mem_discard(left->memdev->mr.ram_block, run->first * left->block_size + left->done,
                       size);
    virtio_mem_chunk_adapt(&left->chunk, g_get_monotonic_time() - start);
    left->done += size;
    if (left->done == run->nb * left->block_size) {
        left->done = 0;
        left->run++;
    }
    return left->run < left->runs->len;
}

static gboolean virtio_mem_leftover_go_on(gpointer opaque)
{
    VirtIOMEMLeftover *left = opaque;

    /* Somebody else has the backend now: the contents are theirs. */
    if (!host_memory_backend_is_mapped(left->memdev) && virtio_mem_leftover_step(left)) {
        return G_SOURCE_CONTINUE;
    }
    object_unref(OBJECT(left->memdev));
    g_array_free(left->runs, true);
    g_free(left);
    return G_SOURCE_REMOVE;
}

static void virtio_mem_leave(VirtIOMEM *vmem, const GArray *runs)
{
    VirtIOMEMLeftover *left;

    if (!runs || !runs->len) {
        return;
    }
    left = g_new0(VirtIOMEMLeftover, 1);
    left->memdev = vmem->memdev;
    object_ref(OBJECT(left->memdev));
    left->block_size = vmem->block_size;
    left->runs = g_array_new(false, false, sizeof(VirtIOMEMRun));
    g_array_append_vals(left->runs, runs->data, runs->len);
    virtio_mem_chunk_init(&left->chunk, left->memdev->mr.ram_block);
    g_timeout_add(VIRTIO_MEM_LEFTOVER_PAUSE_MS, virtio_mem_leftover_go_on, left);
}

void virtio_mem_job_abandon(VirtIOMEM *vmem)
{
    VirtIOMEMJob *job;

    virtio_mem_job_cancel(vmem);
    job = vmem->job;
    if (!job) {
        return;
    }
    qemu_mutex_lock(&job->lock);
    job->cancelled = true;
    job->abandoned = true;
    qemu_cond_broadcast(&job->changed);
    qemu_mutex_unlock(&job->lock);
    qemu_thread_join(&job->thread);
    vmem->job = NULL;
    /* Of a discard that was asked for, only what it has begun on is unplugged. */
    virtio_mem_leave(vmem, job->gives_back || job->work == VIRTIO_MEM_WORK_PREPARE ? job->runs
                                                                                   : job->gone);
    virtio_mem_leave(vmem, job->then);
    virtio_mem_job_free(job);
}
