/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the host can still give the memory that guests were promised.
 *
 * Watched are blocks that share a file of limited room: a file system with a size, or a pool of
 * huge pages that were not reserved. Each time some of one is plugged it is asked what the file
 * holds (fstat(2)) and what room is left (statfs(2), the pool's counters in sysfs). Only while less
 * is left than is lacking, a timer asks again each second; and only while nothing is left at all,
 * it has the accelerator look whether a vCPU stands still. Other memory costs nothing here.
 */
#include "qemu/osdep.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "qapi/error.h"
#include "qapi/qapi-events-run-state.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "system/ram-supply.h"
#include "system/ramblock.h"
#include "system/runstate.h"

#define LOOK_INTERVAL_MS 1000
/* A vCPU that has not moved over so many looks, and has left the guest for nothing else, is stuck. */
#define STUCK_LOOKS 3
/* Of a disk's last blocks, some are not given to files. */
#define ROOM_MIN (256 * KiB)

typedef struct Supply {
    MemoryRegion *mr;
    RAMBlock *rb;
    RamDiscardListener rdl;     /* registered where the region is sparse */
    bool sparse;
    uint64_t plugged;           /* bytes */
    unsigned nb_sections;       /* of views: an address space may show it in parts */
    QLIST_ENTRY(Supply) node;
} Supply;

static QLIST_HEAD(, Supply) supplies = QLIST_HEAD_INITIALIZER(supplies);
static QEMUTimer *look_timer;
static QEMUBH *look_bh;
static MemoryShortage *shortage;

/* ---- what is there, what is lacking ---------------------------------------------------------- */

static uint64_t pool_counter(size_t page_size, const char *name)
{
    g_autofree char *path = g_strdup_printf("/sys/kernel/mm/hugepages/hugepages-%zukB/%s",
                                            page_size / KiB, name);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static uint64_t saturated_sub(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Pages that nobody has reserved, and those that may be made when they are wanted. */
static uint64_t pool_room(size_t page_size)
{
    uint64_t pages = saturated_sub(pool_counter(page_size, "free_hugepages"),
                                   pool_counter(page_size, "resv_hugepages")) +
                     saturated_sub(pool_counter(page_size, "nr_overcommit_hugepages"),
                                   pool_counter(page_size, "surplus_hugepages"));

    return pages * page_size;
}

/* Bytes that the file of @rb may still grow by; UINT64_MAX: no limit that is known. */
static uint64_t block_room(const RAMBlock *rb)
{
    uint64_t room = UINT64_MAX;
    struct statfs fs;

    if (fstatfs(rb->fd, &fs) < 0) {
        return UINT64_MAX;
    }
    /* The kernel's own mounts, of memfds, have no size. */
    if ((int64_t)fs.f_blocks > 0) {
        room = (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_bsize;
    }
    return fs.f_type == HUGETLBFS_MAGIC ? MIN(room, pool_room(rb->page_size)) : room;
}

static bool block_may_run_out(const RAMBlock *rb)
{
    if (rb->fd < 0 || !(rb->flags & RAM_SHARED) || (rb->flags & RAM_READONLY)) {
        return false;
    }
    /* Reserved huge pages are kept for the mapping. */
    if (rb->page_size != qemu_real_host_page_size() && !(rb->flags & RAM_NORESERVE)) {
        return false;
    }
    return block_room(rb) != UINT64_MAX;
}

/* Bytes that are plugged and have no page yet. */
static uint64_t supply_lacks(const Supply *s)
{
    uint64_t plugged = s->sparse ? s->plugged : s->rb->used_length;
    struct stat st;

    if (fstat(s->rb->fd, &st) < 0) {
        return 0;
    }
    return saturated_sub(plugged, (uint64_t)st.st_blocks * 512);
}

static bool is_exhausted(const Supply *s, uint64_t lacks, uint64_t room)
{
    return lacks && room < MAX(s->rb->page_size, ROOM_MIN) && room < lacks;
}

/* Its name, for people; the caller frees. */
static char *supply_path(const Supply *s)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", s->rb->fd);

    return g_file_read_link(link, NULL);
}

/* ---- telling of it --------------------------------------------------------------------------- */

static void warn_once(Supply *s, uint64_t lacks, uint64_t room)
{
    g_autofree char *path = supply_path(s);

    if (s->rb->supply_warned || !s->sparse) {
        return;
    }
    s->rb->supply_warned = true;   /* the guest can make another Supply by hiding the memory */
    warn_report("memory backend '%s' (%s) may run out of memory: %" PRIu64 " MiB of what is "
                "plugged have none yet and %" PRIu64 " MiB are free. The guest is stopped when a "
                "page is missing; with prealloc=on at the device plugging is refused instead",
                qemu_ram_get_idstr(s->rb), path ? path : "a file", DIV_ROUND_UP(lacks, MiB),
                room / MiB);
}

static void stop_for(const Supply *s, uint64_t lacks)
{
    uint64_t missing = DIV_ROUND_UP(lacks, MiB);

    qapi_free_MemoryShortage(shortage);
    shortage = g_new0(MemoryShortage, 1);
    shortage->backend = g_strdup(qemu_ram_get_idstr(s->rb));
    shortage->path = supply_path(s);
    shortage->missing = lacks;
    error_report("memory backend '%s' (%s) has run out of memory: %" PRIu64 " MiB of what is "
                 "plugged have none. The guest is stopped; make room there, then 'cont'",
                 shortage->backend, shortage->path ? shortage->path : "a file", missing);
    qapi_event_send_memory_backend_exhausted(shortage->backend, shortage->path, lacks);
    vm_stop(RUN_STATE_IO_ERROR);
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* The first whose supply is exhausted, or NULL; *@any_short: for some, less is left than lacks. */
static Supply *find_exhausted(uint64_t *exhausted_lacks, bool *any_short)
{
    Supply *s, *found = NULL;

    *any_short = false;
    QLIST_FOREACH(s, &supplies, node) {
        uint64_t lacks = supply_lacks(s), room = lacks ? block_room(s->rb) : 0;

        if (room >= lacks) {
            continue;
        }
        *any_short = true;
        warn_once(s, lacks, room);
        if (!found && is_exhausted(s, lacks, room)) {
            found = s;
            *exhausted_lacks = lacks;
        }
    }
    return found;
}

static int vcpus_still(void)
{
    AccelClass *ac = current_accel_class();

    return ac && ac->vcpus_probe ? ac->vcpus_probe(current_accel()) : 0;
}

static void look(void *opaque)
{
    uint64_t lacks;
    bool any_short;
    Supply *s = find_exhausted(&lacks, &any_short);

    if (!any_short || !runstate_is_running()) {
        return;
    }
    if (s && vcpus_still() >= STUCK_LOOKS) {
        stop_for(s, lacks);
        return;
    }
    timer_mod(look_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + LOOK_INTERVAL_MS);
}

bool ram_supply_stop_if_exhausted(void)
{
    uint64_t lacks;
    bool any_short;
    Supply *s = find_exhausted(&lacks, &any_short);

    if (s) {
        stop_for(s, lacks);
    }
    return s != NULL;
}

const MemoryShortage *ram_supply_shortage(void)
{
    return shortage;
}

static void run_state_changed(void *opaque, bool running, RunState state)
{
    if (running) {
        g_clear_pointer(&shortage, qapi_free_MemoryShortage);
        qemu_bh_schedule(look_bh);
    }
}

/* ---- what is plugged --------------------------------------------------------------------------- */

static int supply_populated(RamDiscardListener *rdl, MemoryRegionSection *section)
{
    Supply *s = container_of(rdl, Supply, rdl);

    s->plugged += int128_get64(section->size);
    qemu_bh_schedule(look_bh);
    return 0;
}

static void supply_discarded(RamDiscardListener *rdl, MemoryRegionSection *section)
{
    Supply *s = container_of(rdl, Supply, rdl);

    s->plugged -= int128_get64(section->size);
}

static Supply *supply_find(const MemoryRegion *mr)
{
    Supply *s;

    QLIST_FOREACH(s, &supplies, node) {
        if (s->mr == mr) {
            break;
        }
    }
    return s;
}

static Supply *supply_new(MemoryRegion *mr)
{
    RamDiscardManager *rdm = memory_region_get_ram_discard_manager(mr);
    Supply *s = g_new0(Supply, 1);
    MemoryRegionSection whole = { .mr = mr, .size = int128_make64(memory_region_size(mr)) };

    s->mr = mr;
    s->rb = mr->ram_block;
    s->sparse = rdm != NULL;
    QLIST_INSERT_HEAD(&supplies, s, node);
    if (rdm) {
        ram_discard_listener_init(&s->rdl, supply_populated, supply_discarded, false);
        ram_discard_manager_register_listener(rdm, &s->rdl, &whole);
    }
    return s;
}

static void region_added(MemoryListener *listener, MemoryRegionSection *section)
{
    MemoryRegion *mr = section->mr;
    Supply *s = supply_find(mr);

    if (!s && memory_region_is_ram(mr) && block_may_run_out(mr->ram_block)) {
        s = supply_new(mr);
        qemu_bh_schedule(look_bh);
    }
    if (s) {
        s->nb_sections++;
    }
}

static void region_removed(MemoryListener *listener, MemoryRegionSection *section)
{
    Supply *s = supply_find(section->mr);

    if (!s || --s->nb_sections) {
        return;
    }
    if (s->sparse) {
        ram_discard_manager_unregister_listener(memory_region_get_ram_discard_manager(s->mr),
                                                &s->rdl);
    }
    QLIST_REMOVE(s, node);
    g_free(s);
}

static MemoryListener supply_listener = {
    .name = "ram-supply",
    .region_add = region_added,
    .region_del = region_removed,
};

void ram_supply_init(void)
{
    look_timer = timer_new_ms(QEMU_CLOCK_REALTIME, look, NULL);
    look_bh = qemu_bh_new(look, NULL);
    qemu_add_vm_change_state_handler(run_state_changed, NULL);
    memory_listener_register(&supply_listener, &address_space_memory);
}
