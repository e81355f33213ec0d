/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes wrong inside guests, as it looks from a virtio-mem device: from what the report says so
 * far, the one pattern that it fits, what speaks for it, and what to do in the guest. The device
 * cannot see into the guest, so each is a guess, and called that. What Linux does was observed with
 * its driver (6.1).
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/virtio/virtio-mem.h"
#include "hw/virtio/virtio-mem-report.h"
#include "system/runstate.h"

/* Linux adds nothing more while this much of what it added (or two of its blocks) is not online. */
#define LINUX_OFFLINE_MAX ((uint64_t)(1 * GiB))
/* Of what Linux adds, this part of it in tables: 64 bytes for each page of 4 KiB. */
#define LINUX_TABLES_PART 64
/* A guest may have no use for new memory for a while. */
#define UNUSED_US (5 * G_USEC_PER_SEC)

char *virtio_mem_size_text(uint64_t size)
{
    if (size && size % TiB == 0) {
        return g_strdup_printf("%" PRIu64 " TiB", size / TiB);
    }
    if (size && size % GiB == 0) {
        return g_strdup_printf("%" PRIu64 " GiB", size / GiB);
    }
    return g_strdup_printf("%" PRIu64 " MiB", size / MiB);
}

static VirtioMEMFit *fit_new(VirtioMEMPattern pattern, char *evidence, char *advice)
{
    VirtioMEMFit *fit = g_new0(VirtioMEMFit, 1);

    fit->pattern = pattern;
    fit->evidence = evidence;
    fit->advice = advice;
    return fit;
}

static int64_t seconds_since(gint64 time)
{
    return (g_get_monotonic_time() - time) / G_USEC_PER_SEC;
}

/* "it plugged 1 GiB in 8 steps of 128 MiB, the last 7 s ago". */
static char *steps_text(const VirtIOMEM *vmem)
{
    const VirtIOMEMSteps *steps = &vmem->stats.steps;
    g_autofree char *size = virtio_mem_size_text(steps->size);
    g_autofree char *step = virtio_mem_size_text(steps->largest);

    if (!steps->nb) {
        return g_strdup("since it was asked it has plugged nothing");
    }
    return g_strdup_printf("since it was asked it has plugged %s in %" PRIu64 " step%s of %s%s, "
                           "the last %" PRId64 " s ago", size, steps->nb, steps->nb > 1 ? "s" : "",
                           steps->nb * steps->largest == steps->size ? "" : "up to ", step,
                           seconds_since(vmem->stats.last_time[VIRTIO_MEM_REQUEST_TYPE_PLUG]));
}

/* ---- the patterns --------------------------------------------------------------------------- */

/* A driver ran, and none does now. */
static VirtioMEMFit *fit_driver_unloaded(const VirtIOMEM *vmem, const VirtioMEMReport *report)
{
    g_autofree char *size = virtio_mem_size_text(report->size);

    if (!vmem->stats.driver_ran || (report->state != VIRTIO_MEM_RESIZE_STATE_DRIVER_GONE &&
                                    report->state != VIRTIO_MEM_RESIZE_STATE_DRIVER_FAILED)) {
        return NULL;
    }
    return fit_new(VIRTIO_MEM_PATTERN_DRIVER_UNLOADED,
                   g_strdup_printf("a driver ran until %" PRId64 " s ago, and left %s plugged",
                                   seconds_since(vmem->stats.driver_gone), size),
                   g_strdup(report->size
                            ? "the guest goes on using that memory, but nothing can be resized: "
                              "Linux does not take the device again while it has memory of it. "
                              "Shut the guest down or reset it, and leave the driver loaded"
                            : "load the driver again (Linux: modprobe virtio_mem)"));
}

/* Nobody in the guest answers. */
static VirtioMEMFit *fit_guest_stuck(const VirtIOMEM *vmem, const VirtioMEMReport *report)
{
    bool starting = report->state == VIRTIO_MEM_RESIZE_STATE_DRIVER_STARTING;
    gint64 since = starting ? MAX(vmem->stats.status_changed, vmem->stats.resumed)
                            : virtio_mem_stats_asked(&vmem->stats);

    if (report->state != VIRTIO_MEM_RESIZE_STATE_UNRESPONSIVE &&
        (!starting || g_get_monotonic_time() - since < VIRTIO_MEM_REPORT_DEAF_US)) {
        return NULL;
    }
    return fit_new(VIRTIO_MEM_PATTERN_GUEST_STUCK,
                   g_strdup_printf(starting ? "the driver has been starting for %" PRId64 " s"
                                            : "it was asked %" PRId64 " s ago, and a driver that "
                                              "works looks at once", seconds_since(since)),
                   g_strdup("the guest may have panicked or hang, or its processors are busy: see "
                            "its console; if it is dead, reset it (system_reset). A Linux with "
                            "panic=10 on its command line does so by itself"));
}

/* It plugs, cannot take in what it has plugged, and unplugs that again. */
static VirtioMEMFit *fit_no_memory(const VirtIOMEM *vmem, const VirtioMEMReport *report)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    g_autofree char *done = NULL, *undone = NULL, *tables = NULL;

    if (report->driver != VIRTIO_MEM_DRIVER_STATE_RUNNING ||
        report->size >= report->requested_size || !stats->steps.nb_undone ||
        stats->steps.undone_time < stats->last_time[VIRTIO_MEM_REQUEST_TYPE_PLUG]) {
        return NULL;
    }
    done = steps_text(vmem);
    undone = virtio_mem_size_text(stats->steps.undone);
    tables = virtio_mem_size_text(DIV_ROUND_UP(report->requested_size, LINUX_TABLES_PART * MiB) *
                                  MiB);
    return fit_new(VIRTIO_MEM_PATTERN_NO_MEMORY_TO_GROW,
                   g_strdup_printf("%s; the next %s it has given back at once, %" PRIu64 " time%s, "
                                   "last %" PRId64 " s ago", done, undone, stats->steps.nb_undone,
                                   stats->steps.nb_undone > 1 ? "s" : "",
                                   seconds_since(stats->steps.undone_time)),
                   g_strdup_printf("the guest has too little free memory to describe more with "
                                   "(Linux: dmesg has 'adding memory failed: -12'): Linux takes "
                                   "1/64 of what is added, %s for all that is requested, from "
                                   "memory that is not movable. Free some there, start it with "
                                   "more, or have it bring memory online as 'online'", tables));
}

/* Whether the whole map was looked at; what of it is plugged and was never written. */
static bool untouched_size(const VirtIOMEM *vmem, const VirtioMEMReport *report, uint64_t *size)
{
    const VirtioMEMBlockMap *map = report->block_map;

    if (map->first || map->nb != vmem->map.nb_blocks || !map->touched) {
        return false;
    }
    *size = map->touched->untouched_blocks * vmem->block_size;
    return true;
}

/* Whether so much untouched memory fits a guest that has not brought it online. */
static bool may_be_offline(const VirtIOMEM *vmem, const VirtioMEMReport *report, uint64_t untouched)
{
    const VirtIOMEMStats *stats = &vmem->stats;
    gint64 last = MAX(stats->last_time[VIRTIO_MEM_REQUEST_TYPE_PLUG], stats->resumed);
    gint64 now = g_get_monotonic_time();

    if (report->state == VIRTIO_MEM_RESIZE_STATE_REACHED) {
        return report->driver == VIRTIO_MEM_DRIVER_STATE_RUNNING && report->size &&
               untouched == report->size && runstate_is_running() && now - last >= UNUSED_US;
    }
    return report->state == VIRTIO_MEM_RESIZE_STATE_IDLE &&
           report->size < report->requested_size && untouched >= LINUX_OFFLINE_MAX &&
           now - MAX(last, stats->requested) >= VIRTIO_MEM_REPORT_MOVING_US &&
           !(report->guest_loss && report->size >= report->max_size - report->guest_loss->size);
}

static VirtioMEMFit *fit_not_online(const VirtIOMEM *vmem, const VirtioMEMReport *report)
{
    g_autofree char *steps = NULL, *size = NULL, *all = NULL;
    uint64_t untouched;

    if (!untouched_size(vmem, report, &untouched) || !may_be_offline(vmem, report, untouched)) {
        return NULL;
    }
    steps = steps_text(vmem);
    size = virtio_mem_size_text(untouched);
    all = virtio_mem_size_text(report->size);
    return fit_new(VIRTIO_MEM_PATTERN_NOT_ONLINE,
                   g_strdup_printf("%s; %s of the %s that are plugged were never written", steps,
                                   size, all),
                   g_strdup_printf("%s. In Linux: boot with memhp_default_state=online_movable, or "
                                   "now: echo online_movable > /sys/devices/system/memory/"
                                   "auto_online_blocks, and the same to the 'state' of each "
                                   "/sys/devices/system/memory/memory* that is 'offline'",
                                   report->state == VIRTIO_MEM_RESIZE_STATE_REACHED
                                   ? "the guest has no use for it yet, or has not brought it online"
                                   : "the guest may not bring it online: Linux adds no more than "
                                     "1 GiB of such memory"));
}

VirtioMEMFit *virtio_mem_report_fit(const VirtIOMEM *vmem, const VirtioMEMReport *report)
{
    static VirtioMEMFit *(*const patterns[])(const VirtIOMEM *, const VirtioMEMReport *) = {
        fit_driver_unloaded, fit_guest_stuck, fit_no_memory, fit_not_online,
    };
    VirtioMEMFit *fit = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(patterns) && !fit; i++) {
        fit = patterns[i](vmem, report);
    }
    return fit;
}
