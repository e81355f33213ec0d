/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a virtio-mem device has the size that it has: the counters of its requests, and the report
 * made of them, of the block map and of what the host holds. The device calls the first part as it
 * answers; the rest only reads.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "hw/core/qdev.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-host.h"
#include "hw/virtio/virtio-mem-report.h"
#include "standard-headers/linux/virtio_config.h"
#include "system/ramblock.h"
#include "system/runstate.h"

/* Ranges in one block map: some hundred KiB of JSON. */
#define VIRTIO_MEM_REPORT_MAX_RANGES 4096
/* Memory that the host is asked about at once, so that the time is looked at now and then. */
#define VIRTIO_MEM_REPORT_WINDOW ((uint64_t)(4 * GiB))

/* ---- counting ------------------------------------------------------------------------------- */

/* The wire's numbers are the enumerations'. */
_Static_assert(VIRTIO_MEM_REQ_PLUG == (int)VIRTIO_MEM_REQUEST_TYPE_PLUG &&
               VIRTIO_MEM_REQ_UNPLUG == (int)VIRTIO_MEM_REQUEST_TYPE_UNPLUG &&
               VIRTIO_MEM_REQ_UNPLUG_ALL == (int)VIRTIO_MEM_REQUEST_TYPE_UNPLUG_ALL &&
               VIRTIO_MEM_REQ_STATE == (int)VIRTIO_MEM_REQUEST_TYPE_STATE, "order of requests");
_Static_assert(VIRTIO_MEM_RESP_ACK == (int)VIRTIO_MEM_RESULT_ACK &&
               VIRTIO_MEM_RESP_NACK == (int)VIRTIO_MEM_RESULT_NACK &&
               VIRTIO_MEM_RESP_BUSY == (int)VIRTIO_MEM_RESULT_BUSY &&
               VIRTIO_MEM_RESP_ERROR == (int)VIRTIO_MEM_RESULT_ERROR, "order of responses");

void virtio_mem_stats_answer(VirtIOMEMStats *stats, uint16_t type, uint16_t resp)
{
    stats->answers[type][resp]++;
    stats->last_time[type] = stats->now;
    stats->last_result[type] = resp;
}

void virtio_mem_stats_refuse(VirtIOMEMStats *stats, uint16_t type,
                             const VirtIOMEMRefused *refused)
{
    stats->refused[type] = *refused;
    stats->refused[type].time = stats->now;
    stats->last_refused = type;
}

void virtio_mem_stats_set_broken(VirtIOMEMStats *stats, bool broken)
{
    stats->nb_broken += broken && !stats->broken_seen;
    stats->broken_seen = broken;
}

void virtio_mem_stats_ask(VirtIOMEMStats *stats)
{
    stats->requested = g_get_monotonic_time();
    stats->steps = (VirtIOMEMSteps) { 0 };
}

void virtio_mem_stats_set_status(VirtIOMEMStats *stats, uint8_t old, uint8_t status)
{
    if (old == status) {
        return;     /* as when the machine stops or goes on */
    }
    stats->status_changed = g_get_monotonic_time();
    if (status & VIRTIO_CONFIG_S_DRIVER_OK) {
        stats->driver_ran = true;
    } else if (old & VIRTIO_CONFIG_S_DRIVER_OK) {
        stats->driver_gone = stats->status_changed;
    }
}

void virtio_mem_stats_step(VirtIOMEMStats *stats, uint16_t type, uint64_t size)
{
    VirtIOMEMSteps *steps = &stats->steps;

    if (type == VIRTIO_MEM_REQ_PLUG) {
        steps->size += size;
        steps->nb++;
        steps->largest = MAX(steps->largest, size);
    } else if (type == VIRTIO_MEM_REQ_UNPLUG && steps->nb) {
        /* It was asked for more, or it could not have plugged anything since. */
        steps->size -= MIN(steps->size, size);
        steps->nb--;
        steps->undone = size;
        steps->nb_undone++;
        steps->undone_time = stats->now;
    }
}

/* ---- words ---------------------------------------------------------------------------------- */

static const char *virtio_mem_request_text(VirtioMEMRequestType type)
{
    static const char *const names[] = { "PLUG", "UNPLUG", "UNPLUG ALL", "STATE" };

    return names[type];
}

static const char *virtio_mem_result_text(VirtioMEMResult result)
{
    static const char *const names[] = { "ACK", "NACK", "BUSY", "ERROR" };

    return names[result];
}

static char *virtio_mem_refusal_detail(const VirtIOMEM *vmem, VirtioMEMRequestType type)
{
    const VirtIOMEMRefused *refused = &vmem->stats.refused[type];

    switch (refused->reason) {
    case VIRTIO_MEM_REFUSAL_REASON_NO_BLOCKS:
        return g_strdup("it names no block");
    case VIRTIO_MEM_REFUSAL_REASON_UNALIGNED:
        return g_strdup("its address is not the start of a block");
    case VIRTIO_MEM_REFUSAL_REASON_OUTSIDE_REGION:
        return g_strdup("its blocks are not all in the device's region");
    case VIRTIO_MEM_REFUSAL_REASON_OUTSIDE_USABLE_REGION:
        return g_strdup("its blocks are not all in the usable region");
    case VIRTIO_MEM_REFUSAL_REASON_BEYOND_REQUESTED_SIZE:
        return g_strdup("it would make more plugged than is requested");
    case VIRTIO_MEM_REFUSAL_REASON_ALREADY_PLUGGED:
        return g_strdup("some of its blocks are plugged already");
    case VIRTIO_MEM_REFUSAL_REASON_NOT_PLUGGED:
        return g_strdup("some of its blocks are not plugged");
    case VIRTIO_MEM_REFUSAL_REASON_HOST_MEMORY:
        return g_strdup_printf("the host cannot %s memory of '%s': %s",
                               type == VIRTIO_MEM_REQUEST_TYPE_PLUG && vmem->prealloc
                                   ? "preallocate" : "discard",
                               object_get_canonical_path_component(OBJECT(vmem->memdev)),
                               strerror(refused->host_errno));
    default:
        return g_strdup_printf("the host cannot map memory of '%s': %s",
                               object_get_canonical_path_component(OBJECT(vmem->memdev)),
                               strerror(refused->host_errno));
    }
}

/* ---- parts of the report -------------------------------------------------------------------- */

/* On the host's clock as it goes now. */
static VirtioMEMTime *virtio_mem_report_time(gint64 monotonic)
{
    gint64 real = g_get_real_time() - (g_get_monotonic_time() - monotonic);
    VirtioMEMTime *time;

    if (!monotonic) {
        return NULL;
    }
    time = g_new0(VirtioMEMTime, 1);
    time->seconds = real / G_USEC_PER_SEC;
    time->microseconds = real % G_USEC_PER_SEC;
    return time;
}

static VirtioMEMRequestCounts *virtio_mem_report_counts(const VirtIOMEMStats *stats,
                                                        VirtioMEMRequestType type)
{
    VirtioMEMRequestCounts *counts = g_new0(VirtioMEMRequestCounts, 1);

    counts->ack = stats->answers[type][VIRTIO_MEM_RESULT_ACK];
    counts->nack = stats->answers[type][VIRTIO_MEM_RESULT_NACK];
    counts->busy = stats->answers[type][VIRTIO_MEM_RESULT_BUSY];
    counts->error = stats->answers[type][VIRTIO_MEM_RESULT_ERROR];
    counts->last = virtio_mem_report_time(stats->last_time[type]);
    return counts;
}

static VirtioMEMRequests *virtio_mem_report_requests(const VirtIOMEM *vmem)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    VirtioMEMRequests *requests = g_new0(VirtioMEMRequests, 1);

    requests->plug = virtio_mem_report_counts(stats, VIRTIO_MEM_REQUEST_TYPE_PLUG);
    requests->unplug = virtio_mem_report_counts(stats, VIRTIO_MEM_REQUEST_TYPE_UNPLUG);
    requests->unplug_all = virtio_mem_report_counts(stats, VIRTIO_MEM_REQUEST_TYPE_UNPLUG_ALL);
    requests->state = virtio_mem_report_counts(stats, VIRTIO_MEM_REQUEST_TYPE_STATE);
    requests->broken = stats->nb_broken;
    return requests;
}

static VirtioMEMRefusal *virtio_mem_report_refusal(const VirtIOMEM *vmem)
{
    VirtioMEMRequestType type = vmem->stats.last_refused;
    const VirtIOMEMRefused *refused = &vmem->stats.refused[type];
    VirtioMEMRefusal *refusal;

    if (!refused->time) {
        return NULL;
    }
    refusal = g_new0(VirtioMEMRefusal, 1);
    refusal->type = type;
    refusal->result = refused->result;
    if (type != VIRTIO_MEM_REQUEST_TYPE_UNPLUG_ALL) {
        refusal->has_addr = refusal->has_nb_blocks = true;
        refusal->addr = refused->addr;
        refusal->nb_blocks = refused->nb_blocks;
    }
    refusal->reason = refused->reason;
    refusal->detail = virtio_mem_refusal_detail(vmem, type);
    refusal->time = virtio_mem_report_time(refused->time);
    return refusal;
}

static VirtioMEMFeatureList *virtio_mem_report_features(uint64_t features)
{
    static const struct {
        unsigned bit;
        VirtioMEMFeature name;
    } known[] = {
        { VIRTIO_MEM_F_ACPI_PXM, VIRTIO_MEM_FEATURE_ACPI_PXM },
        { VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, VIRTIO_MEM_FEATURE_UNPLUGGED_INACCESSIBLE },
        { VIRTIO_MEM_F_PERSISTENT_SUSPEND, VIRTIO_MEM_FEATURE_PERSISTENT_SUSPEND },
    };
    VirtioMEMFeatureList *list = NULL, **tail = &list;

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (virtio_has_feature(features, known[i].bit)) {
            QAPI_LIST_APPEND(tail, known[i].name);
        }
    }
    return list;
}

static VirtioMEMDriverState virtio_mem_report_driver(const VirtIOMEM *vmem)
{
    const VirtIODevice *vdev = &vmem->parent_obj;

    if (vdev->broken) {
        return VIRTIO_MEM_DRIVER_STATE_BROKEN;
    }
    if (vdev->status & VIRTIO_CONFIG_S_FAILED) {
        return vmem->stats.features_refused ? VIRTIO_MEM_DRIVER_STATE_REFUSED
                                            : VIRTIO_MEM_DRIVER_STATE_FAILED;
    }
    if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        return VIRTIO_MEM_DRIVER_STATE_RUNNING;
    }
    if (vmem->stats.features_refused) {
        return VIRTIO_MEM_DRIVER_STATE_REFUSED;
    }
    /* ACKNOWLEDGE alone is the guest's bus code: a driver begins with DRIVER (VIRTIO 1.3, 3.1.1). */
    if (vdev->status & VIRTIO_CONFIG_S_DRIVER) {
        return VIRTIO_MEM_DRIVER_STATE_STARTING;
    }
    return vmem->stats.driver_ran ? VIRTIO_MEM_DRIVER_STATE_GONE : VIRTIO_MEM_DRIVER_STATE_NONE;
}

/* ---- diagnosis ------------------------------------------------------------------------------ */

static uint64_t virtio_mem_report_size(const VirtIOMEM *vmem)
{
    return vmem->map.nb_plugged * vmem->block_size;
}

/* The type of the requests that lead to the requested size. */
static VirtioMEMRequestType virtio_mem_report_direction(const VirtIOMEM *vmem)
{
    const VirtIOMEMStats *stats = &vmem->stats;

    if (virtio_mem_report_size(vmem) < vmem->requested_size) {
        return VIRTIO_MEM_REQUEST_TYPE_PLUG;
    }
    return stats->last_time[VIRTIO_MEM_REQUEST_TYPE_UNPLUG_ALL] >
                   stats->last_time[VIRTIO_MEM_REQUEST_TYPE_UNPLUG]
               ? VIRTIO_MEM_REQUEST_TYPE_UNPLUG_ALL : VIRTIO_MEM_REQUEST_TYPE_UNPLUG;
}

/* Whether a guest that lives would have looked at the requested size, or asked, by now. */
static bool virtio_mem_report_is_deaf(const VirtIOMEM *vmem)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    gint64 heard = stats->config_read;

    for (int type = 0; type < VIRTIO_MEM_REQUEST_TYPE__MAX; type++) {
        heard = MAX(heard, stats->last_time[type]);
    }
    return heard < stats->requested && g_get_monotonic_time() - virtio_mem_stats_asked(stats) >=
                                           VIRTIO_MEM_REPORT_DEAF_US;
}

/* How a running driver is getting on. */
static VirtioMEMResizeState virtio_mem_report_progress(const VirtIOMEM *vmem)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    VirtioMEMRequestType type = virtio_mem_report_direction(vmem);

    if (vmem->job) {
        return VIRTIO_MEM_RESIZE_STATE_WORKING;
    }
    if (virtio_mem_report_is_deaf(vmem)) {
        return VIRTIO_MEM_RESIZE_STATE_UNRESPONSIVE;
    }
    if (!stats->last_time[type] || stats->last_time[type] < stats->requested) {
        return VIRTIO_MEM_RESIZE_STATE_IDLE;
    }
    if (stats->last_result[type] != VIRTIO_MEM_RESULT_ACK) {
        return VIRTIO_MEM_RESIZE_STATE_REJECTED;
    }
    return g_get_monotonic_time() - stats->last_time[type] < VIRTIO_MEM_REPORT_MOVING_US
               ? VIRTIO_MEM_RESIZE_STATE_MOVING : VIRTIO_MEM_RESIZE_STATE_IDLE;
}

static VirtioMEMResizeState virtio_mem_report_state(const VirtIOMEM *vmem,
                                                    VirtioMEMDriverState driver)
{
    if (driver == VIRTIO_MEM_DRIVER_STATE_BROKEN) {
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_BROKEN;
    }
    /* With nobody who could follow, a size that was reached is no good news. */
    if (virtio_mem_report_size(vmem) && driver == VIRTIO_MEM_DRIVER_STATE_GONE) {
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_GONE;
    }
    if (virtio_mem_report_size(vmem) && driver == VIRTIO_MEM_DRIVER_STATE_FAILED) {
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_FAILED;
    }
    if (virtio_mem_report_size(vmem) == vmem->requested_size) {
        return VIRTIO_MEM_RESIZE_STATE_REACHED;
    }
    if (!runstate_is_running()) {
        return VIRTIO_MEM_RESIZE_STATE_STOPPED;
    }
    switch (driver) {
    case VIRTIO_MEM_DRIVER_STATE_NONE:
        return VIRTIO_MEM_RESIZE_STATE_NO_DRIVER;
    case VIRTIO_MEM_DRIVER_STATE_STARTING:
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_STARTING;
    case VIRTIO_MEM_DRIVER_STATE_REFUSED:
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_REFUSED;
    case VIRTIO_MEM_DRIVER_STATE_FAILED:
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_FAILED;
    case VIRTIO_MEM_DRIVER_STATE_GONE:
        return VIRTIO_MEM_RESIZE_STATE_DRIVER_GONE;
    default:
        return virtio_mem_report_progress(vmem);
    }
}

/* "384 MiB more plugged than requested". */
static char *virtio_mem_gap_text(const VirtIOMEM *vmem)
{
    uint64_t size = virtio_mem_report_size(vmem);
    bool less = size < vmem->requested_size;
    g_autofree char *gap = virtio_mem_size_text(less ? vmem->requested_size - size
                                                     : size - vmem->requested_size);

    return g_strdup_printf("%s %s plugged than requested", gap, less ? "less" : "more");
}

static int64_t virtio_mem_seconds_since(gint64 time)
{
    return (g_get_monotonic_time() - time) / G_USEC_PER_SEC;
}

static char *virtio_mem_diagnose_progress(const VirtIOMEM *vmem, VirtioMEMResizeState state)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    VirtioMEMRequestType type = virtio_mem_report_direction(vmem);
    bool plug = type == VIRTIO_MEM_REQUEST_TYPE_PLUG;
    g_autofree char *gap = virtio_mem_gap_text(vmem);
    g_autofree char *detail = NULL;
    int64_t since = virtio_mem_seconds_since(MAX(stats->last_time[type],
                                                 virtio_mem_stats_asked(stats)));

    if (state == VIRTIO_MEM_RESIZE_STATE_WORKING) {
        return g_strdup_printf("the guest has %s, and a large request of it is being carried "
                               "out", gap);
    }
    if (state == VIRTIO_MEM_RESIZE_STATE_MOVING) {
        return g_strdup_printf("the guest has %s, and is %s", gap,
                               plug ? "plugging" : "unplugging");
    }
    if (state == VIRTIO_MEM_RESIZE_STATE_REJECTED) {
        detail = virtio_mem_refusal_detail(vmem, type);
        return g_strdup_printf("the guest has %s, and its last %s was answered %s: %s", gap,
                               virtio_mem_request_text(type),
                               virtio_mem_result_text(stats->last_result[type]), detail);
    }
    if (state == VIRTIO_MEM_RESIZE_STATE_UNRESPONSIVE) {
        return g_strdup_printf("the guest has %s, and its driver has not looked at the requested "
                               "size for %" PRId64 " s", gap, since);
    }
    return g_strdup_printf("the guest has %s, and has not asked to %s for %" PRId64 " s", gap,
                           plug ? "plug" : "unplug", since);
}

static char *virtio_mem_diagnose(const VirtIOMEM *vmem, VirtioMEMResizeState state)
{
    g_autofree char *size = NULL;

    switch (state) {
    case VIRTIO_MEM_RESIZE_STATE_REACHED:
        return g_strdup("the guest has plugged what is requested");
    case VIRTIO_MEM_RESIZE_STATE_STOPPED:
        return g_strdup("the machine is stopped: the guest can do nothing before 'cont'");
    case VIRTIO_MEM_RESIZE_STATE_NO_DRIVER:
        return g_strdup("no driver of the guest has taken the device (Linux: virtio_mem)");
    case VIRTIO_MEM_RESIZE_STATE_DRIVER_STARTING:
        return g_strdup("the guest's driver has not come to run yet");
    case VIRTIO_MEM_RESIZE_STATE_DRIVER_REFUSED:
        return g_strdup("the guest's driver has not acknowledged "
                        "VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE and was refused (Linux knows the "
                        "feature since 5.16)");
    case VIRTIO_MEM_RESIZE_STATE_DRIVER_FAILED:
        return g_strdup("the guest's driver has given up on the device (see the guest's log)");
    case VIRTIO_MEM_RESIZE_STATE_DRIVER_GONE:
        size = virtio_mem_size_text(virtio_mem_report_size(vmem));
        return g_strdup_printf("the guest's driver ran, and has given the device up %" PRId64 " s "
                               "ago, with %s plugged",
                               virtio_mem_seconds_since(vmem->stats.driver_gone), size);
    case VIRTIO_MEM_RESIZE_STATE_DRIVER_BROKEN:
        return g_strdup("the guest's driver has broken the protocol: the device does nothing "
                        "before the driver resets it (standard error says what it was)");
    default:
        return virtio_mem_diagnose_progress(vmem, state);
    }
}

/* ---- what a guest cannot use ---- */

static VirtioMEMGuestLoss *virtio_mem_report_loss(DeviceState *proxy)
{
    uint64_t unit = 0, better = 0;
    uint64_t size = virtio_mem_host_lost_to_guest(proxy, &unit, &better);
    VirtioMEMGuestLoss *loss;

    if (!size) {
        return NULL;
    }
    loss = g_new0(VirtioMEMGuestLoss, 1);
    loss->size = size;
    loss->unit = unit;
    loss->has_memaddr = better != 0;
    loss->memaddr = better;
    return loss;
}

/* Adds it to the diagnosis where it may be why a guest does not plug what is requested. */
static void virtio_mem_diagnose_loss(VirtioMEMReport *report)
{
    const VirtioMEMGuestLoss *loss = report->guest_loss;
    g_autofree char *text = report->diagnosis, *lost = NULL, *unit = NULL, *advice = NULL;

    if (!loss || report->state != VIRTIO_MEM_RESIZE_STATE_IDLE ||
        report->requested_size <= report->max_size - loss->size) {
        g_steal_pointer(&text);
        return;
    }
    lost = virtio_mem_size_text(loss->size);
    unit = virtio_mem_size_text(loss->unit);
    advice = loss->has_memaddr
             ? g_strdup_printf("memaddr=0x%" PRIx64 " would lose less", loss->memaddr)
             : g_strdup("its size or address is no multiple of that");
    report->diagnosis = g_strdup_printf("%s; a Linux guest cannot use %s of the region, which are in no "
                                        "whole unit of %s: %s", text, lost, unit, advice);
}

/* ---- the block map -------------------------------------------------------------------------- */

/* The lists of a map under construction. */
typedef struct VirtIOMEMMapBuilder {
    const VirtIOMEM *vmem;
    VirtioMEMBlockMap *map;
    VirtioMEMRangeList **plugged_tail;
    VirtioMEMRangeList **touched_tail;
    VirtioMEMRange *last_touched;
    unsigned nb_ranges;
    gint64 deadline;
} VirtIOMEMMapBuilder;

static VirtioMEMRange *virtio_mem_range_append(VirtIOMEMMapBuilder *b, VirtioMEMRangeList ***tail,
                                               uint64_t first, uint64_t nb)
{
    VirtioMEMRange *range = g_new0(VirtioMEMRange, 1);

    range->first = first;
    range->nb = nb;
    QAPI_LIST_APPEND(*tail, range);
    b->nb_ranges++;
    return range;
}

static void virtio_mem_map_add_touched(VirtIOMEMMapBuilder *b, uint64_t block)
{
    VirtioMEMRange *last = b->last_touched;

    b->map->touched->touched_blocks++;
    if (last && last->first + last->nb == block) {
        last->nb++;
        return;
    }
    b->last_touched = virtio_mem_range_append(b, &b->touched_tail, block, 1);
}

/* Nothing is told rather than half of it. */
static void virtio_mem_map_give_up_touched(VirtIOMEMMapBuilder *b, int ret)
{
    b->map->touched_error = g_strdup_printf("the host does not tell what it holds: %s",
                                            strerror(-ret));
    qapi_free_VirtioMEMTouched(b->map->touched);
    b->map->touched = NULL;
}

/* Looks for touched blocks in @run until it is time to stop; returns the block it got to. */
static uint64_t virtio_mem_map_scan_run(VirtIOMEMMapBuilder *b, const VirtIOMEMRun *run)
{
    RAMBlock *rb = b->vmem->memdev->mr.ram_block;
    uint64_t block_size = b->vmem->block_size;
    uint64_t offset = run->first * block_size, end = offset + run->nb * block_size;

    while (offset < end) {
        uint64_t limit = MIN(end, offset + VIRTIO_MEM_REPORT_WINDOW), found;
        int ret = virtio_mem_host_find_held(rb, offset, limit, &found);

        if (ret) {
            virtio_mem_map_give_up_touched(b, ret);
            break;
        }
        offset = limit;
        if (found < limit) {
            virtio_mem_map_add_touched(b, found / block_size);
            offset = (found / block_size + 1) * block_size;
        }
        /* At least one block, and whole ones. */
        if (offset % block_size == 0 && (g_get_monotonic_time() > b->deadline ||
                                         b->nb_ranges >= VIRTIO_MEM_REPORT_MAX_RANGES)) {
            return offset / block_size;
        }
    }
    return run->first + run->nb;
}

static VirtioMEMBlockMap *virtio_mem_report_map(const VirtIOMEM *vmem, uint64_t first)
{
    VirtioMEMBlockMap *map = g_new0(VirtioMEMBlockMap, 1);
    VirtIOMEMMapBuilder b = {
        .vmem = vmem,
        .map = map,
        .plugged_tail = &map->plugged,
        .deadline = g_get_monotonic_time() + VIRTIO_MEM_REPORT_SCAN_US,
    };
    VirtIOMEMRun run = { .first = first };
    uint64_t at = first;

    map->touched = g_new0(VirtioMEMTouched, 1);
    b.touched_tail = &map->touched->ranges;
    while (b.nb_ranges < VIRTIO_MEM_REPORT_MAX_RANGES &&
           virtio_mem_map_next_run(&vmem->map, true, at, vmem->map.nb_blocks, &run)) {
        VirtioMEMRange *range = virtio_mem_range_append(&b, &b.plugged_tail, run.first, run.nb);

        at = map->touched ? virtio_mem_map_scan_run(&b, &run) : run.first + run.nb;
        range->nb = at - run.first;
        map->plugged_blocks += range->nb;
        if (at < run.first + run.nb || g_get_monotonic_time() > b.deadline) {
            break;
        }
    }
    /* Behind the last plugged block there is nothing to be told. */
    if (!virtio_mem_map_next_run(&vmem->map, true, at, vmem->map.nb_blocks, &run)) {
        at = vmem->map.nb_blocks;
    }
    map->first = first;
    map->nb = at - first;
    if (map->touched) {
        map->touched->untouched_blocks = map->plugged_blocks - map->touched->touched_blocks;
    }
    return map;
}

/* ---- the report ----------------------------------------------------------------------------- */

VirtioMEMReport *virtio_mem_report_new(VirtIOMEM *vmem, uint64_t first_block, Error **errp)
{
    const VirtIODevice *vdev = &vmem->parent_obj;
    DeviceState *proxy;
    VirtioMEMReport *report;

    if (!DEVICE(vmem)->realized) {
        error_setg(errp, "the device is not realized: there is nothing to report");
        return NULL;
    }
    if (first_block > vmem->map.nb_blocks) {
        error_setg(errp, "'first-block' %" PRIu64 " is beyond the device's %" PRIu64 " blocks",
                   first_block, vmem->map.nb_blocks);
        return NULL;
    }
    virtio_mem_stats_set_broken(&vmem->stats, vdev->broken);
    proxy = qdev_get_parent_bus(DEVICE(vmem))->parent;
    report = g_new0(VirtioMEMReport, 1);
    report->id = g_strdup(proxy->id);
    report->qom_path = object_get_canonical_path(OBJECT(proxy));
    report->memdev = object_get_canonical_path(OBJECT(vmem->memdev));
    report->memaddr = vmem->addr;
    report->node = vmem->node;
    report->block_size = vmem->block_size;
    report->requested_size = vmem->requested_size;
    report->size = virtio_mem_report_size(vmem);
    report->usable_region_size = vmem->usable_region_size;
    report->max_size = vmem->map.nb_blocks * vmem->block_size;
    report->requested_time = virtio_mem_report_time(vmem->stats.requested);
    report->last_change = virtio_mem_report_time(vmem->stats.changed);
    report->driver = virtio_mem_report_driver(vmem);
    report->state = virtio_mem_report_state(vmem, report->driver);
    report->diagnosis = virtio_mem_diagnose(vmem, report->state);
    report->offered_features = virtio_mem_report_features(vdev->host_features);
    report->acknowledged_features = virtio_mem_report_features(
        vdev->status & VIRTIO_CONFIG_S_FEATURES_OK ? vdev->guest_features : 0);
    report->stale = vmem->stale;
    report->requests = virtio_mem_report_requests(vmem);
    report->last_refused = virtio_mem_report_refusal(vmem);
    report->guest_loss = virtio_mem_report_loss(proxy);
    virtio_mem_diagnose_loss(report);
    report->block_map = virtio_mem_report_map(vmem, first_block);
    report->fits = virtio_mem_report_fit(vmem, report);
    return report;
}
