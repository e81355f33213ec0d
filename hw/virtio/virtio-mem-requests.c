/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem, the requests (5.15.6): from the bytes of the guest to an answer.
 *
 * A request is parsed once into a VirtIOMEMRequest and trusted from there on. Adjacent UNPLUG
 * requests are carried out as one batch: one discard, then all their answers. An answer is given
 * only after the memory is there, or is gone.
 */
#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/units.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-internal.h"
#include "system/memory.h"

/* Requests in one batch; Linux has one in flight, a driver that pipelines gains little beyond. */
#define VIRTIO_MEM_BATCH_MAX 64
/* And bytes, if that is known to be quick: more would gain nothing. */
#define VIRTIO_MEM_BATCH_SIZE_MAX ((uint64_t)(64 * MiB))

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
    uint64_t looked;    /* UNPLUG: bytes when it was last looked at, see below */
    bool takes_long;    /* it is for a job */
} VirtIOMEMBatch;

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
        VirtIOMEMRequest *req = &batch->requests[i];

        virtio_mem_stats_step(&vmem->stats, req->type, req->nb * vmem->block_size);
        virtio_mem_respond_simple(vmem, req, VIRTIO_MEM_RESP_ACK);
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

/* Batches. */

static void virtio_mem_finish_unplug_all(VirtIOMEM *vmem, const GArray *gone, int ret)
{
    virtio_mem_set_gone(vmem, gone);
    if (!ret) {
        vmem->stale = false;
        virtio_mem_update_usable_region(vmem, true);
    }
}

static GArray *virtio_mem_runs_of(VirtIOMEMRun run)
{
    GArray *runs = g_array_new(false, false, sizeof(VirtIOMEMRun));

    g_array_append_val(runs, run);
    return runs;
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
            virtio_mem_give_back(vmem, virtio_mem_runs_of(run), false);
            reason = VIRTIO_MEM_REFUSAL_REASON_HOST_MAPPING;
        }
    } else if (!ret) {
        virtio_mem_set_unplugged(vmem, &run);
    }
    if (ret) {
        virtio_mem_show(vmem);
        virtio_mem_batch_refuse(vmem, batch, reason, ret);
    } else {
        virtio_mem_batch_acknowledge(vmem, batch);
    }
}

/* A batch that became a job. */

static void virtio_mem_job_finished(VirtIOMEM *vmem, void *request, const GArray *gone, int ret)
{
    virtio_mem_batch_finish(vmem, request, gone, ret);
    virtio_mem_notify_driver(vmem);
    g_free(request);
}

static void virtio_mem_job_dropped(VirtIOMEM *vmem, void *request)
{
    virtio_mem_batch_drop(vmem, request);
    g_free(request);
}

/* Hands the requests of @batch over to a job on @runs. */
static void virtio_mem_batch_start_job(VirtIOMEM *vmem, VirtIOMEMBatch *batch, VirtIOMEMWork work,
                                       GArray *runs)
{
    static const VirtIOMEMJobOwner owner = {
        .finish = virtio_mem_job_finished,
        .drop = virtio_mem_job_dropped,
    };

    virtio_mem_job_start(vmem, work, runs, &owner, g_memdup2(batch, sizeof(*batch)));
    batch->nb_requests = 0;
}

/* Here and now; a batch of one request is finished, a larger one only where that worked. */
static int virtio_mem_batch_discard(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    const VirtIOMEMRun run = { .first = batch->first, .nb = batch->nb };
    int ret;

    virtio_mem_hide_ahead(vmem, &run);
    ret = virtio_mem_discard(virtio_mem_ram_block(vmem), run.first * vmem->block_size,
                             run.nb * vmem->block_size);
    if (!ret || batch->nb_requests == 1) {
        virtio_mem_batch_finish(vmem, batch, NULL, ret);
    }
    return ret;
}

/* UNPLUG requests that cannot be carried out together: each has the answer it has alone. */
static void virtio_mem_batch_split(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    for (unsigned i = 0; i < batch->nb_requests; i++) {
        const VirtIOMEMRequest *req = &batch->requests[i];
        VirtIOMEMBatch one = { .nb_requests = 1, .first = req->first, .nb = req->nb };

        one.requests[0] = *req;
        virtio_mem_batch_discard(vmem, &one);
    }
    batch->nb_requests = 0;
}

static void virtio_mem_batch_unplug(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    const VirtIOMEMRun run = { .first = batch->first, .nb = batch->nb };
    uint64_t size = run.nb * vmem->block_size;

    if (batch->takes_long) {
        virtio_mem_hide_ahead(vmem, &run);
        virtio_mem_batch_start_job(vmem, batch, VIRTIO_MEM_WORK_DISCARD,
                                   virtio_mem_runs_of(run));
        return;
    }
    virtio_mem_take_time(vmem, size);
    if (virtio_mem_batch_discard(vmem, batch)) {
        virtio_mem_batch_split(vmem, batch);
    }
}

static void virtio_mem_batch_plug(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    const VirtIOMEMRun run = { .first = batch->first, .nb = batch->nb };
    uint64_t size = run.nb * vmem->block_size;
    int ret;

    if (!vmem->prealloc && !vmem->stale) {
        virtio_mem_batch_finish(vmem, batch, NULL, 0);
        return;
    }
    if (size > vmem->locked_left) {
        virtio_mem_batch_start_job(vmem, batch, VIRTIO_MEM_WORK_PREPARE, virtio_mem_runs_of(run));
        return;
    }
    ret = virtio_mem_prepare(virtio_mem_ram_block(vmem), run.first * vmem->block_size, size,
                             vmem->stale, vmem->prealloc);
    virtio_mem_batch_finish(vmem, batch, NULL, ret);
    if (ret) {
        virtio_mem_give_back(vmem, virtio_mem_runs_of(run), false);
    }
    virtio_mem_take_time(vmem, size);
}

/* Carry out a batch whose blocks have been checked: here and now, or by a job if it is large. */
static void virtio_mem_batch_run(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    if (batch->requests[0].type == VIRTIO_MEM_REQ_PLUG) {
        virtio_mem_batch_plug(vmem, batch);
    } else {
        virtio_mem_batch_unplug(vmem, batch);
    }
}

static void virtio_mem_batch_flush(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    if (batch->nb_requests) {
        virtio_mem_batch_run(vmem, batch);
    }
}

/*
 * UNPLUG requests that gather become a job as soon as they are for one: no other request may be
 * taken then. Where that takes a look at the memory, it is taken when they are twice as many.
 */
static void virtio_mem_batch_settle(VirtIOMEM *vmem, VirtIOMEMBatch *batch)
{
    uint64_t size = batch->nb * vmem->block_size;

    if (!batch->nb_requests || size <= vmem->locked_left || size / 2 < batch->looked) {
        return;
    }
    batch->looked = size;
    batch->takes_long = virtio_mem_discard_takes_long(vmem, size, batch->first,
                                                      batch->first + batch->nb, 1);
    if (batch->takes_long) {
        virtio_mem_batch_flush(vmem, batch);
    }
}

/* Adds @req if its blocks adjoin the batch and the sum is not too large. */
static bool virtio_mem_batch_add(const VirtIOMEM *vmem, VirtIOMEMBatch *batch,
                                 const VirtIOMEMRequest *req)
{
    if (!batch->nb_requests) {
        batch->first = req->first;
        batch->nb = req->nb;
        batch->looked = 0;
        batch->takes_long = false;
    } else if (batch->nb_requests == VIRTIO_MEM_BATCH_MAX ||
               (batch->nb + req->nb) * vmem->block_size > VIRTIO_MEM_BATCH_SIZE_MAX) {
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

static void virtio_mem_request_unplug_all(VirtIOMEM *vmem, VirtIOMEMRequest *req,
                                          VirtIOMEMBatch *batch)
{
    const VirtIOMEMRun all = { .nb = vmem->map.nb_blocks };
    uint64_t size;
    GArray *runs = virtio_mem_filled_runs(vmem, &size), *gone;

    batch->requests[batch->nb_requests++] = *req;
    virtio_mem_hide_ahead(vmem, &all);
    if (virtio_mem_discard_of_runs_takes_long(vmem, size, runs)) {
        virtio_mem_batch_start_job(vmem, batch, VIRTIO_MEM_WORK_DISCARD_MOST, runs);
        return;
    }
    virtio_mem_take_time(vmem, size);
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

void virtio_mem_handle_requests(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOMEM *vmem = VIRTIO_MEM(vdev);
    VirtIOMEMBatch batch = { .nb_requests = 0 };
    uint64_t before = virtio_mem_plugged_size(vmem);
    VirtIOMEMRequest req;

    virtio_mem_tick(vmem);
    while (!vmem->job && virtio_mem_next_request(vmem, &req)) {
        if (req.type != VIRTIO_MEM_REQ_UNPLUG || !req.valid) {
            virtio_mem_batch_flush(vmem, &batch);
        }
        if (!req.valid) {
            virtio_mem_refuse(vmem, &req, VIRTIO_MEM_RESP_ERROR, req.invalid_reason, 0);
            continue;
        }
        virtio_mem_execute(vmem, &req, &batch);
        virtio_mem_batch_settle(vmem, &batch);
    }
    virtio_mem_batch_flush(vmem, &batch);
    virtio_mem_stats_set_broken(&vmem->stats, vdev->broken);
    virtio_mem_notify_driver(vmem);
    virtio_mem_notify_size_change(vmem, before);
}
