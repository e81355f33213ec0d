/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flat views: what an address space shows, rendered from the region tree to a sorted array of
 * ranges, and the listeners that are told how one view differs from the next.
 *
 * Invariant: as->current_map is the rendering of as->root as it was at the end of the last
 * transaction. It is replaced under the big lock and the space's view_lock, so a reader needs
 * either lock, and only while it takes a reference. A view references the owners of its regions;
 * the last reference to go from a thread without the big lock hands the view to the main loop.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log-limit.h"
#include "qemu/main-loop.h"
#include "system/address-spaces.h"
#include "system/memory-internal.h"

typedef QTAILQ_HEAD(, MemoryListener) MemoryListenerList;

AddressSpaceList address_spaces = QTAILQ_HEAD_INITIALIZER(address_spaces);
static MemoryListenerList memory_listeners = QTAILQ_HEAD_INITIALIZER(memory_listeners);
static uint64_t last_generation;  /* of all spaces, so that none comes twice */

/* ---- flat views ----------------------------------------------------------------------------- */

static FlatView *flatview_new(void)
{
    FlatView *view = g_new0(FlatView, 1);

    view->ref = 1;
    return view;
}

static void flatview_destroy(void *opaque)
{
    FlatView *view = opaque;

    for (unsigned i = 0; i < view->nb_ranges; i++) {
        memory_region_unref(view->ranges[i].mr);
    }
    g_free(view->ranges);
    g_free(view);
}

void flatview_ref(FlatView *view)
{
    __atomic_fetch_add(&view->ref, 1, __ATOMIC_RELAXED);
}

void flatview_unref(FlatView *view)
{
    if (__atomic_sub_fetch(&view->ref, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    if (bql_locked()) {
        flatview_destroy(view);
    } else {
        /* Owners may be finalized by this, which only the big lock allows. */
        qemu_bh_schedule_oneshot(flatview_destroy, view);
    }
}

FlatView *address_space_get_flatview(AddressSpace *as)
{
    FlatView *view;

    if (bql_locked()) {
        view = as->current_map;
        flatview_ref(view);
        return view;
    }
    qemu_mutex_lock(&as->view_lock);
    view = as->current_map;
    flatview_ref(view);
    qemu_mutex_unlock(&as->view_lock);
    return view;
}

/* Index of the first range that ends above @addr. */
static unsigned flatview_search(const FlatView *view, Int128 addr)
{
    unsigned low = 0, high = view->nb_ranges;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        const FlatRange *fr = &view->ranges[mid];

        if (fr->start + fr->size <= addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

FlatRange *flatview_lookup(FlatView *fv, hwaddr addr, Int128 *gap)
{
    unsigned i = __atomic_load_n(&fv->last_hit, __ATOMIC_RELAXED);

    if (i < fv->nb_ranges) {
        FlatRange *fr = &fv->ranges[i];

        if (fr->start <= addr && addr < fr->start + fr->size) {
            return fr;
        }
    }
    i = flatview_search(fv, addr);
    if (i < fv->nb_ranges && fv->ranges[i].start <= addr) {
        __atomic_store_n(&fv->last_hit, i, __ATOMIC_RELAXED);
        return &fv->ranges[i];
    }
    *gap = (i < fv->nb_ranges ? fv->ranges[i].start : int128_2_64()) - addr;
    return NULL;
}

void flatview_for_each_range(FlatView *fv, flatview_cb cb, void *opaque)
{
    for (unsigned i = 0; i < fv->nb_ranges; i++) {
        const FlatRange *fr = &fv->ranges[i];

        if (cb(fr->start, fr->size, fr->mr, fr->offset_in_region, opaque)) {
            return;
        }
    }
}

static void flatview_insert(FlatView *view, unsigned pos, const FlatRange *range)
{
    if (view->nb_ranges == view->nb_allocated) {
        view->nb_allocated = MAX(2 * view->nb_allocated, 16);
        view->ranges = g_renew(FlatRange, view->ranges, view->nb_allocated);
    }
    memmove(view->ranges + pos + 1, view->ranges + pos,
            (view->nb_ranges - pos) * sizeof(FlatRange));
    view->ranges[pos] = *range;
    view->nb_ranges++;
}

/* Puts as much of @range into @view as is still free there. */
static void flatview_fill_gaps(FlatView *view, FlatRange range)
{
    Int128 end = range.start + range.size;
    unsigned i = flatview_search(view, range.start);

    while (range.start < end) {
        Int128 next = i < view->nb_ranges ? view->ranges[i].start : end;
        Int128 stop = int128_min(next, end);

        if (range.start < stop) {
            FlatRange piece = range;

            piece.size = stop - range.start;
            flatview_insert(view, i++, &piece);
        }
        if (next >= end) {
            return;
        }
        /* Skip what stands there already. */
        stop = view->ranges[i].start + view->ranges[i].size;
        range.offset_in_region += (hwaddr)(stop - range.start);
        range.start = stop;
        i++;
    }
}

typedef struct RenderFlags {
    bool readonly;
    bool nonvolatile;
    bool unmergeable;
} RenderFlags;

/* @base is where the parent's offset 0 lies; only [@clip_start, @clip_end) is visible. */
static void render_region(FlatView *view, MemoryRegion *mr, Int128 base, Int128 clip_start,
                          Int128 clip_end, RenderFlags flags)
{
    MemoryRegion *sub;

    if (!mr->enabled) {
        return;
    }
    base += mr->addr;
    clip_start = int128_max(clip_start, base);
    clip_end = int128_min(clip_end, base + mr->size);
    if (clip_start >= clip_end) {
        return;
    }
    flags.readonly |= mr->readonly;
    flags.nonvolatile |= mr->nonvolatile;
    flags.unmergeable |= mr->unmergeable;

    if (mr->alias) {
        base -= (Int128)mr->alias->addr + mr->alias_offset;
        render_region(view, mr->alias, base, clip_start, clip_end, flags);
        return;
    }
    QTAILQ_FOREACH(sub, &mr->subregions, subregions_link) {
        render_region(view, sub, base, clip_start, clip_end, flags);
    }
    if (mr->terminates) {
        flatview_fill_gaps(view, (FlatRange) {
            .start = clip_start,
            .size = clip_end - clip_start,
            .mr = mr,
            .offset_in_region = (hwaddr)(clip_start - base),
            .readonly = flags.readonly,
            .nonvolatile = flags.nonvolatile,
            .unmergeable = flags.unmergeable,
        });
    }
}

static bool ranges_can_merge(const FlatRange *a, const FlatRange *b)
{
    return a->start + a->size == b->start && a->mr == b->mr &&
           (Int128)a->offset_in_region + a->size == b->offset_in_region &&
           a->readonly == b->readonly && a->nonvolatile == b->nonvolatile &&
           !a->unmergeable && !b->unmergeable;
}

static void flatview_merge_neighbours(FlatView *view)
{
    unsigned out = 0;

    for (unsigned i = 1; i < view->nb_ranges; i++) {
        if (ranges_can_merge(&view->ranges[out], &view->ranges[i])) {
            view->ranges[out].size += view->ranges[i].size;
        } else {
            view->ranges[++out] = view->ranges[i];
        }
    }
    view->nb_ranges = view->nb_ranges ? out + 1 : 0;
}

static bool region_adds_nothing(const MemoryRegion *mr)
{
    return !mr->readonly && !mr->nonvolatile && !mr->unmergeable;
}

/* The only child of @mr that shows anything, NULL if there is none, @mr itself if several. */
static MemoryRegion *region_only_child(MemoryRegion *mr)
{
    MemoryRegion *sub, *only = NULL;

    QTAILQ_FOREACH(sub, &mr->subregions, subregions_link) {
        if (!sub->enabled || sub->size == 0) {
            continue;
        }
        if (only) {
            return mr;
        }
        only = sub;
    }
    return only;
}

MemoryRegion *memory_region_resolve_root(MemoryRegion *mr)
{
    while (mr && mr->enabled) {
        MemoryRegion *next;

        if (!region_adds_nothing(mr)) {
            return mr;
        }
        if (mr->alias) {
            if (mr->alias_offset || mr->size < mr->alias->size) {
                return mr;
            }
            mr = mr->alias;
            continue;
        }
        if (mr->terminates) {
            return mr;
        }
        next = region_only_child(mr);
        if (next && (next == mr || next->addr || mr->size < next->size)) {
            return mr;
        }
        mr = next;
    }
    return NULL;
}

static FlatView *flatview_render(MemoryRegion *root)
{
    FlatView *view = flatview_new();

    if (root) {
        render_region(view, root, -(Int128)root->addr, 0, int128_2_64(), (RenderFlags) { });
    }
    flatview_merge_neighbours(view);
    for (unsigned i = 0; i < view->nb_ranges; i++) {
        memory_region_ref(view->ranges[i].mr);
    }
    return view;
}

/* ---- telling listeners ---------------------------------------------------------------------- */

static MemoryRegionSection section_of_range(const FlatRange *fr, FlatView *view)
{
    return (MemoryRegionSection) {
        .mr = fr->mr,
        .fv = view,
        .size = fr->size,
        .offset_within_region = fr->offset_in_region,
        .offset_within_address_space = (hwaddr)fr->start,
        .readonly = fr->readonly,
        .nonvolatile = fr->nonvolatile,
        .unmergeable = fr->unmergeable,
    };
}

static bool ranges_equal(const FlatRange *a, const FlatRange *b)
{
    return a->mr == b->mr && a->start == b->start && a->size == b->size &&
           a->offset_in_region == b->offset_in_region && a->readonly == b->readonly &&
           a->nonvolatile == b->nonvolatile && a->unmergeable == b->unmergeable;
}

static void listeners_region_del(AddressSpace *as, const FlatRange *fr, FlatView *view)
{
    MemoryRegionSection section = section_of_range(fr, view);
    MemoryListener *l;

    QTAILQ_FOREACH_REVERSE(l, &as->listeners, link_as) {
        if (l->region_del) {
            l->region_del(l, &section);
        }
    }
}

static void listeners_region_add(AddressSpace *as, const FlatRange *fr, FlatView *view)
{
    MemoryRegionSection section = section_of_range(fr, view);
    MemoryListener *l;

    QTAILQ_FOREACH(l, &as->listeners, link_as) {
        if (l->region_add) {
            l->region_add(l, &section);
        }
    }
}

static void listeners_region_nop(AddressSpace *as, const FlatRange *fr, FlatView *view)
{
    MemoryRegionSection section = section_of_range(fr, view);
    MemoryListener *l;

    QTAILQ_FOREACH(l, &as->listeners, link_as) {
        if (l->region_nop) {
            l->region_nop(l, &section);
        }
    }
}

/* Walks both views by address; one pass for what goes, one for what comes and stays. */
static void listeners_update(AddressSpace *as, FlatView *old, FlatView *new, bool adding)
{
    unsigned i = 0, j = 0;

    while (i < old->nb_ranges || j < new->nb_ranges) {
        const FlatRange *o = i < old->nb_ranges ? &old->ranges[i] : NULL;
        const FlatRange *n = j < new->nb_ranges ? &new->ranges[j] : NULL;

        if (o && n && ranges_equal(o, n)) {
            if (adding) {
                listeners_region_nop(as, n, new);
            }
            i++;
            j++;
        } else if (o && (!n || o->start <= n->start)) {
            if (!adding) {
                listeners_region_del(as, o, old);
            }
            i++;
        } else {
            if (adding) {
                listeners_region_add(as, n, new);
            }
            j++;
        }
    }
}

int memory_region_ioeventfd_compare(const MemoryRegionIoeventfd *a,
                                    const MemoryRegionIoeventfd *b)
{
    if (a->addr != b->addr) {
        return a->addr < b->addr ? -1 : 1;
    }
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    if (a->match_data != b->match_data) {
        return a->match_data < b->match_data ? -1 : 1;
    }
    if (a->match_data && a->data != b->data) {
        return a->data < b->data ? -1 : 1;
    }
    if (a->e != b->e) {
        return (uintptr_t)a->e < (uintptr_t)b->e ? -1 : 1;
    }
    return 0;
}

static void listener_ioeventfd(MemoryListener *l, AddressSpace *as,
                               const MemoryRegionIoeventfd *fd, bool add)
{
    void (*call)(MemoryListener *, MemoryRegionSection *, bool, uint64_t, EventNotifier *) =
        add ? l->eventfd_add : l->eventfd_del;
    MemoryRegionSection section = {
        .fv = as->current_map,
        .offset_within_address_space = fd->addr,
        .size = fd->size,
    };

    if (call) {
        call(l, &section, fd->match_data, fd->data, fd->e);
    }
}

static void listeners_ioeventfd(AddressSpace *as, const MemoryRegionIoeventfd *fd, bool add)
{
    MemoryListener *l;

    if (add) {
        QTAILQ_FOREACH(l, &as->listeners, link_as) {
            listener_ioeventfd(l, as, fd, true);
        }
    } else {
        QTAILQ_FOREACH_REVERSE(l, &as->listeners, link_as) {
            listener_ioeventfd(l, as, fd, false);
        }
    }
}

/* All event descriptors that the view shows whole, sorted; the caller frees. */
static MemoryRegionIoeventfd *view_ioeventfds(const FlatView *view, int *nb)
{
    GArray *list = g_array_new(false, false, sizeof(MemoryRegionIoeventfd));

    for (unsigned i = 0; i < view->nb_ranges; i++) {
        const FlatRange *fr = &view->ranges[i];

        for (unsigned k = 0; k < fr->mr->ioeventfd_nb; k++) {
            MemoryRegionIoeventfd fd = fr->mr->ioeventfds[k];
            Int128 offset = (Int128)fd.addr - fr->offset_in_region;

            if (offset >= 0 && offset + MAX(fd.size, 1) <= fr->size) {
                fd.addr = (hwaddr)(fr->start + offset);
                g_array_append_val(list, fd);
            }
        }
    }
    *nb = list->len;
    return (MemoryRegionIoeventfd *)g_array_free(list, list->len == 0);
}

static void address_space_update_ioeventfds(AddressSpace *as)
{
    int nb_new, i = 0, j = 0;
    MemoryRegionIoeventfd *new = view_ioeventfds(as->current_map, &nb_new);
    MemoryRegionIoeventfd *old = as->ioeventfds;
    int nb_old = as->ioeventfd_nb;

    while (i < nb_old || j < nb_new) {
        int order = i == nb_old ? 1
                  : j == nb_new ? -1
                                : memory_region_ioeventfd_compare(&old[i], &new[j]);

        if (order < 0) {
            listeners_ioeventfd(as, &old[i++], false);
        } else if (order > 0) {
            listeners_ioeventfd(as, &new[j++], true);
        } else {
            i++;
            j++;
        }
    }
    as->ioeventfds = new;
    as->ioeventfd_nb = nb_new;
    g_free(old);
}

/* ---- what a listener cannot follow ---------------------------------------------------------- */

static __thread MemoryErrorScope *error_scope;

static void report_limited(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* A guest can cause such lines by moving what shows memory. */
static void report_limited(const char *fmt, ...)
{
    static LogLimit limit;
    va_list ap;

    va_start(ap, fmt);
    error_vreport_limited(&limit, "guest memory", fmt, ap);
    va_end(ap);
}

void memory_errors_begin(MemoryErrorScope *scope)
{
    *scope = (MemoryErrorScope) { .outer = error_scope };
    error_scope = scope;
}

bool memory_errors_end(MemoryErrorScope *scope, Error **errp)
{
    assert(error_scope == scope);
    error_scope = scope->outer;
    if (!scope->err) {
        return true;
    }
    error_propagate(errp, scope->err);
    return false;
}

bool memory_errors_end_report(MemoryErrorScope *scope)
{
    Error *err = NULL;

    if (memory_errors_end(scope, &err)) {
        return true;
    }
    report_limited("%s", error_get_pretty(err));
    error_free(err);
    return false;
}

void memory_listener_failed(Error *err)
{
    if (!error_scope) {
        report_limited("%s", error_get_pretty(err));
        error_free(err);
    } else if (error_scope->err) {
        error_free(err);
    } else {
        error_scope->err = err;
    }
}

/* ---- new views ------------------------------------------------------------------------------ */

/* Publishes the view of the space's root as it is now; returns the old one. */
static FlatView *address_space_update_view(AddressSpace *as, GHashTable *rendered)
{
    MemoryRegion *root = memory_region_resolve_root(as->root);
    FlatView *new = g_hash_table_lookup(rendered, root);
    FlatView *old = as->current_map;

    if (!new) {
        new = flatview_render(root);
        g_hash_table_insert(rendered, root, new);
    }
    flatview_ref(new);
    if (!QTAILQ_EMPTY(&as->listeners)) {
        listeners_update(as, old, new, false);
        listeners_update(as, old, new, true);
    }
    qemu_mutex_lock(&as->view_lock);
    as->current_map = new;
    qemu_mutex_unlock(&as->view_lock);
    as->generation = ++last_generation;
    return old;
}

void memory_views_update(void)
{
    g_autoptr(GHashTable) rendered =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)flatview_unref);
    g_autoptr(GPtrArray) old_views =
        g_ptr_array_new_with_free_func((GDestroyNotify)flatview_unref);
    MemoryListener *l;
    AddressSpace *as;

    QTAILQ_FOREACH(l, &memory_listeners, link) {
        if (l->begin) {
            l->begin(l);
        }
    }
    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        g_ptr_array_add(old_views, address_space_update_view(as, rendered));
        address_space_update_ioeventfds(as);
    }
    QTAILQ_FOREACH(l, &memory_listeners, link) {
        if (l->commit) {
            l->commit(l);
        }
    }
    /* Only now: the last reference of an owner may go with a view, and change the tree again. */
}

void memory_ioeventfds_update(void)
{
    AddressSpace *as;

    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        address_space_update_ioeventfds(as);
    }
}

/* ---- address spaces and listeners ----------------------------------------------------------- */

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name)
{
    memory_region_ref(root);
    *as = (AddressSpace) {
        .name = g_strdup(name ? name : "anonymous"),
        .root = root,
        .generation = ++last_generation,
    };
    qemu_mutex_init(&as->view_lock);
    QTAILQ_INIT(&as->listeners);
    as->current_map = flatview_render(memory_region_resolve_root(root));
    QTAILQ_INSERT_TAIL(&address_spaces, as, address_spaces_link);
    address_space_update_ioeventfds(as);
}

void address_space_set_of_device(AddressSpace *as)
{
    as->of_device = true;
}

void address_space_destroy(AddressSpace *as)
{
    assert(bql_locked() && QTAILQ_EMPTY(&as->listeners));
    QTAILQ_REMOVE(&address_spaces, as, address_spaces_link);
    flatview_unref(g_steal_pointer(&as->current_map));
    memory_region_unref(g_steal_pointer(&as->root));
    qemu_mutex_destroy(&as->view_lock);
    g_clear_pointer(&as->ioeventfds, g_free);
    g_clear_pointer(&as->name, g_free);
}

static void listener_insert(MemoryListener *listener, AddressSpace *as)
{
    MemoryListener *l;

    QTAILQ_FOREACH(l, &memory_listeners, link) {
        if (listener->priority < l->priority) {
            break;
        }
    }
    if (l) {
        QTAILQ_INSERT_BEFORE(l, listener, link);
    } else {
        QTAILQ_INSERT_TAIL(&memory_listeners, listener, link);
    }
    QTAILQ_FOREACH(l, &as->listeners, link_as) {
        if (listener->priority < l->priority) {
            break;
        }
    }
    if (l) {
        QTAILQ_INSERT_BEFORE(l, listener, link_as);
    } else {
        QTAILQ_INSERT_TAIL(&as->listeners, listener, link_as);
    }
}

/* Shows one listener all of the view: as coming (@add) or as going. */
static void listener_replay(MemoryListener *listener, AddressSpace *as, bool add)
{
    FlatView *view = address_space_get_flatview(as);
    void (*call)(MemoryListener *, MemoryRegionSection *) =
        add ? listener->region_add : listener->region_del;

    if (listener->begin) {
        listener->begin(listener);
    }
    if (!add) {
        for (int i = 0; i < as->ioeventfd_nb; i++) {
            listener_ioeventfd(listener, as, &as->ioeventfds[i], false);
        }
    }
    for (unsigned i = 0; call && i < view->nb_ranges; i++) {
        MemoryRegionSection section = section_of_range(&view->ranges[i], view);

        call(listener, &section);
    }
    if (add) {
        for (int i = 0; i < as->ioeventfd_nb; i++) {
            listener_ioeventfd(listener, as, &as->ioeventfds[i], true);
        }
    }
    if (listener->commit) {
        listener->commit(listener);
    }
    flatview_unref(view);
}

void memory_listener_register(MemoryListener *listener, AddressSpace *as)
{
    assert(bql_locked() && !memory_region_in_transaction());
    if (as == &address_space_memory || as == &address_space_io) {
        memory_map_init();
    }
    listener->address_space = as;
    listener_insert(listener, as);
    listener_replay(listener, as, true);
}

void memory_listener_unregister(MemoryListener *listener)
{
    AddressSpace *as = listener->address_space;

    if (!as) {
        return;
    }
    assert(bql_locked());
    listener_replay(listener, as, false);
    QTAILQ_REMOVE(&memory_listeners, listener, link);
    QTAILQ_REMOVE(&as->listeners, listener, link_as);
    listener->address_space = NULL;
}

/* ---- sections ------------------------------------------------------------------------------- */

static AddressSpace *address_space_of_root(const MemoryRegion *root)
{
    AddressSpace *as;

    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        if (as->root == root) {
            return as;
        }
    }
    return NULL;
}

MemoryRegionSection memory_region_find(MemoryRegion *mr, hwaddr addr, uint64_t size)
{
    MemoryRegionSection section = { };
    Int128 start = addr, end;
    MemoryRegion *root = mr;
    AddressSpace *as;
    unsigned i;

    for (; root->container; root = root->container) {
        start += root->addr;
    }
    end = start + size;
    as = address_space_of_root(root);
    if (!as || start >= int128_2_64()) {
        return section;
    }
    i = flatview_search(as->current_map, start);
    if (i < as->current_map->nb_ranges && as->current_map->ranges[i].start < end) {
        const FlatRange *fr = &as->current_map->ranges[i];
        Int128 from = int128_max(start, fr->start);

        section = section_of_range(fr, as->current_map);
        section.offset_within_region += (hwaddr)(from - fr->start);
        section.offset_within_address_space = (hwaddr)from;
        section.size = int128_min(end, fr->start + fr->size) - from;
        memory_region_ref(section.mr);
    }
    return section;
}

bool memory_region_present(MemoryRegion *container, hwaddr addr)
{
    MemoryRegionSection section = memory_region_find(container, addr, 1);

    memory_region_unref(section.mr);
    return section.mr && section.mr != container;
}

MemoryRegionSection *memory_region_section_new_copy(MemoryRegionSection *s)
{
    MemoryRegionSection *copy = g_new(MemoryRegionSection, 1);

    *copy = *s;
    memory_region_ref(copy->mr);
    if (copy->fv) {
        flatview_ref(copy->fv);
    }
    return copy;
}

void memory_region_section_free_copy(MemoryRegionSection *s)
{
    if (s->fv) {
        flatview_unref(s->fv);
    }
    memory_region_unref(s->mr);
    g_free(s);
}

bool memory_region_section_intersect_range(MemoryRegionSection *s, uint64_t offset, uint64_t size)
{
    Int128 start = int128_max(s->offset_within_region, offset);
    Int128 end = int128_min((Int128)s->offset_within_region + s->size, (Int128)offset + size);

    if (end <= start) {
        return false;
    }
    s->offset_within_address_space += (hwaddr)(start - s->offset_within_region);
    s->offset_within_region = (hwaddr)start;
    s->size = end - start;
    return true;
}
