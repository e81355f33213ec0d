/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a virtio-mem device has the size that it has: what the device writes down of each request
 * and change, and the report that is made of it on demand ("x-report", "x-query-virtio-mem").
 *
 * Written down is little, so that it costs nothing beside a request; sentences are made for a
 * report only. Times are g_get_monotonic_time(), 0: never. All under the big lock.
 */
#ifndef HW_VIRTIO_MEM_REPORT_H
#define HW_VIRTIO_MEM_REPORT_H

#include "qapi/qapi-types-machine.h"

struct VirtIOMEM;

/* A request that was not acknowledged. */
typedef struct VirtIOMEMRefused {
    VirtioMEMResult result;
    VirtioMEMRefusalReason reason;
    uint64_t addr;              /* as the guest gave them; none of UNPLUG ALL */
    uint16_t nb_blocks;
    int host_errno;             /* with reasons of the host's, positive */
    gint64 time;
} VirtIOMEMRefused;

/* What the guest did since it was last asked for a size. */
typedef struct VirtIOMEMSteps {
    uint64_t size;              /* plugged and not given back at once, by nb requests */
    uint64_t nb;
    uint64_t largest;
    uint64_t undone;            /* of the last that was given back, though more was asked for */
    uint64_t nb_undone;
    gint64 undone_time;
} VirtIOMEMSteps;

/* Since realize; a reset of the device or the system forgets only what says so. */
typedef struct VirtIOMEMStats {
    gint64 now;                 /* when what is being carried out began: one look at the clock */
    uint64_t answers[VIRTIO_MEM_REQUEST_TYPE__MAX][VIRTIO_MEM_RESULT__MAX];
    gint64 last_time[VIRTIO_MEM_REQUEST_TYPE__MAX];     /* of an answer */
    VirtioMEMResult last_result[VIRTIO_MEM_REQUEST_TYPE__MAX];
    VirtIOMEMRefused refused[VIRTIO_MEM_REQUEST_TYPE__MAX];     /* the last of each type */
    VirtioMEMRequestType last_refused;
    uint64_t nb_broken;         /* times that the driver broke the protocol */
    bool broken_seen;           /* nb_broken has the present one */
    bool features_refused;      /* of the last driver that came so far, in this boot */
    bool driver_ran;            /* some driver came to run, in this boot */
    gint64 driver_gone;         /* a driver that ran gave the device up */
    gint64 status_changed;      /* by the driver, or by a reset */
    gint64 config_read;         /* the guest read the configuration */
    gint64 resumed;             /* the machine began to run */
    gint64 requested;           /* the guest was asked for the requested size */
    gint64 changed;             /* a block was plugged or unplugged */
    VirtIOMEMSteps steps;       /* since requested */
} VirtIOMEMStats;

/* At the start of whatever answers requests or changes blocks. */
static inline void virtio_mem_stats_tick(VirtIOMEMStats *stats)
{
    stats->now = g_get_monotonic_time();
}

/* A request of @type (VIRTIO_MEM_REQ_*) was answered with @resp (VIRTIO_MEM_RESP_*). */
void virtio_mem_stats_answer(VirtIOMEMStats *stats, uint16_t type, uint16_t resp);
/* Why, for one that is going to be answered with other than ACK; its time is filled in. */
void virtio_mem_stats_refuse(VirtIOMEMStats *stats, uint16_t type,
                             const VirtIOMEMRefused *refused);
/* The device needs a reset, or no longer. */
void virtio_mem_stats_set_broken(VirtIOMEMStats *stats, bool broken);
/* The guest is asked for the requested size, anew: after a change of it, and when it boots. */
void virtio_mem_stats_ask(VirtIOMEMStats *stats);
/* The device's status goes from @old to @status. */
void virtio_mem_stats_set_status(VirtIOMEMStats *stats, uint8_t old, uint8_t status);
/* A request of @type is being acknowledged; if it is PLUG or UNPLUG, of @size bytes. */
void virtio_mem_stats_step(VirtIOMEMStats *stats, uint16_t type, uint64_t size);

/*
 * The report of @vmem, with its block map from @first_block on; to be freed by the caller. NULL
 * with @errp if the device is not realized or has no such block. Holds the big lock for about
 * VIRTIO_MEM_REPORT_SCAN_US at most: what is not reached by then is left out of the block map.
 */
#define VIRTIO_MEM_REPORT_SCAN_US 20000
VirtioMEMReport *virtio_mem_report_new(struct VirtIOMEM *vmem, uint64_t first_block, Error **errp);

/* For the files of the report. */

/* A guest that lives reads a new size, and asks again, within this time (Linux: milliseconds). */
#define VIRTIO_MEM_REPORT_MOVING_US (2 * G_USEC_PER_SEC)
#define VIRTIO_MEM_REPORT_DEAF_US (3 * G_USEC_PER_SEC)

/* When the guest could first have followed: it was asked, and the machine ran. */
static inline gint64 virtio_mem_stats_asked(const VirtIOMEMStats *stats)
{
    return MAX(stats->requested, stats->resumed);
}

/* In the largest unit that divides it, a multiple of 1 MiB; the caller frees. */
char *virtio_mem_size_text(uint64_t size);
/*
 * What the rest of @report fits that is known to happen in guests, with what to do there; NULL
 * where it fits nothing. For the caller to free.
 */
VirtioMEMFit *virtio_mem_report_fit(const struct VirtIOMEM *vmem, const VirtioMEMReport *report);

#endif /* HW_VIRTIO_MEM_REPORT_H */
