/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The region tree and what follows from it: rendering to flat views, telling listeners the
 * difference, dispatch to device registers, I/O event descriptors, discard managers.
 *
 * Invariant: as->current_map is the rendering of as->root as it was at the end of the last
 * transaction. It is replaced under the big lock and the space's view_lock, so a reader needs
 * either lock, and only while it takes a reference. A view references the owners of its regions;
 * the last reference to go from a thread without the big lock hands the view to the main loop.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "system/memory-internal.h"
#include "system/ramblock.h"

struct MemoryRegionIoeventfd {
    hwaddr addr;      /* in the region, or in the address space in an address space's list */
    unsigned size;    /* 0: any */
    bool match_data;
    uint64_t data;
    EventNotifier *e;
};

typedef QTAILQ_HEAD(, MemoryListener) MemoryListenerList;

AddressSpaceList address_spaces = QTAILQ_HEAD_INITIALIZER(address_spaces);
static MemoryListenerList memory_listeners = QTAILQ_HEAD_INITIALIZER(memory_listeners);
static unsigned transaction_depth;
static bool update_pending;
static bool ioeventfd_update_pending;

AddressSpace address_space_memory;
AddressSpace address_space_io;
static MemoryRegion *system_memory;
static MemoryRegion *system_io;

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
    pthread_mutex_lock(&as->view_lock);
    view = as->current_map;
    flatview_ref(view);
    pthread_mutex_unlock(&as->view_lock);
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

static int ioeventfd_compare(const MemoryRegionIoeventfd *a, const MemoryRegionIoeventfd *b)
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
        int order = i == nb_old ? 1 : j == nb_new ? -1 : ioeventfd_compare(&old[i], &new[j]);

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

/* ---- transactions --------------------------------------------------------------------------- */

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
    pthread_mutex_lock(&as->view_lock);
    as->current_map = new;
    pthread_mutex_unlock(&as->view_lock);
    return old;
}

static void update_all_views(void)
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

void memory_region_transaction_begin(void)
{
    assert(bql_locked());
    transaction_depth++;
}

void memory_region_transaction_commit(void)
{
    AddressSpace *as;

    assert(transaction_depth && bql_locked());
    if (--transaction_depth) {
        return;
    }
    if (update_pending) {
        update_pending = false;
        ioeventfd_update_pending = false;
        update_all_views();
    } else if (ioeventfd_update_pending) {
        ioeventfd_update_pending = false;
        QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
            address_space_update_ioeventfds(as);
        }
    }
}

/* ---- address spaces and listeners ----------------------------------------------------------- */

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name)
{
    memory_region_ref(root);
    *as = (AddressSpace) {
        .name = g_strdup(name ? name : "anonymous"),
        .root = root,
    };
    pthread_mutex_init(&as->view_lock, NULL);
    QTAILQ_INIT(&as->listeners);
    as->current_map = flatview_render(memory_region_resolve_root(root));
    QTAILQ_INSERT_TAIL(&address_spaces, as, address_spaces_link);
    address_space_update_ioeventfds(as);
}

void address_space_destroy(AddressSpace *as)
{
    assert(bql_locked() && QTAILQ_EMPTY(&as->listeners));
    QTAILQ_REMOVE(&address_spaces, as, address_spaces_link);
    flatview_unref(g_steal_pointer(&as->current_map));
    memory_region_unref(g_steal_pointer(&as->root));
    pthread_mutex_destroy(&as->view_lock);
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
    assert(bql_locked() && !transaction_depth);
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

/* ---- the region object ---------------------------------------------------------------------- */

/* Nothing is there: every access is a decode error. */
static bool unassigned_mem_accepts(void *opaque, hwaddr addr, unsigned size, bool is_write,
                                   MemTxAttrs attrs)
{
    return false;
}

static const MemoryRegionOps unassigned_mem_ops = {
    .valid.accepts = unassigned_mem_accepts,
    .valid.max_access_size = 8,
    .endianness = DEVICE_NATIVE_ENDIAN,
};

static uint64_t unassigned_io_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void unassigned_io_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
}

const MemoryRegionOps unassigned_io_ops = {
    .read = unassigned_io_read,
    .write = unassigned_io_write,
    .endianness = DEVICE_NATIVE_ENDIAN,
};

static void memory_region_instance_init(Object *obj)
{
    MemoryRegion *mr = MEMORY_REGION(obj);

    mr->ops = &unassigned_mem_ops;
    mr->enabled = true;
    QTAILQ_INIT(&mr->subregions);
}

static void memory_region_instance_finalize(Object *obj)
{
    MemoryRegion *mr = MEMORY_REGION(obj);

    /* A container of the same owner goes as well, and no view shows it any more. */
    if (mr->container) {
        assert(mr->container->owner == mr->owner);
        memory_region_del_subregion(mr->container, mr);
    }
    assert(!mr->mapped_via_alias);
    while (!QTAILQ_EMPTY(&mr->subregions)) {
        memory_region_del_subregion(mr, QTAILQ_FIRST(&mr->subregions));
    }
    if (mr->ram_block) {
        qemu_ram_free(mr->ram_block);
    }
    g_free(mr->name);
    g_free(mr->ioeventfds);
}

static void get_container(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    MemoryRegion *mr = MEMORY_REGION(obj);
    g_autofree char *path =
        mr->container ? object_get_canonical_path(OBJECT(mr->container)) : NULL;
    char *shown = path ? path : (char *)"";

    visit_type_str(v, name, &shown, errp);
}

static void get_addr(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = MEMORY_REGION(obj)->addr;

    visit_type_uint64(v, name, &value, errp);
}

static void get_size(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = memory_region_size(MEMORY_REGION(obj));

    visit_type_uint64(v, name, &value, errp);
}

static void get_priority(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    int32_t value = MEMORY_REGION(obj)->priority;

    visit_type_int32(v, name, &value, errp);
}

static void memory_region_class_init(ObjectClass *oc, const void *data)
{
    object_class_property_add(oc, "container", "link<" TYPE_MEMORY_REGION ">", get_container,
                              NULL, NULL, NULL);
    object_class_property_add(oc, "addr", "uint64", get_addr, NULL, NULL, NULL);
    object_class_property_add(oc, "size", "uint64", get_size, NULL, NULL, NULL);
    object_class_property_add(oc, "priority", "uint32", get_priority, NULL, NULL, NULL);
}

static const TypeInfo memory_region_types[] = {
    {
        .name = TYPE_MEMORY_REGION,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(MemoryRegion),
        .instance_init = memory_region_instance_init,
        .instance_finalize = memory_region_instance_finalize,
        .class_init = memory_region_class_init,
    }, {
        .name = TYPE_RAM_DISCARD_MANAGER,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(RamDiscardManagerClass),
    },
};
DEFINE_TYPES(memory_region_types)

/* A name as a path component: '/', '[', ']' and '\' are written "\x2f" and so on. */
static char *escape_component(const char *name)
{
    GString *out = g_string_new(NULL);

    for (const char *p = name; *p; p++) {
        if (strchr("/[]\\", *p)) {
            g_string_append_printf(out, "\\x%02x", (unsigned char)*p);
        } else {
            g_string_append_c(out, *p);
        }
    }
    return g_string_free(out, false);
}

/* Where regions without an owner live: /machine/unattached, once there is a machine. */
static Object *unattached_container(void)
{
    Object *machine = object_resolve_path_component(object_get_root(), "machine");

    return machine ? object_property_add_new_container(machine, "unattached") : NULL;
}

static void memory_region_add_to_tree(MemoryRegion *mr)
{
    Object *parent = mr->owner ? mr->owner : unattached_container();
    g_autofree char *component = escape_component(mr->name);

    if (!parent) {
        return;
    }
    for (unsigned i = 0;; i++) {
        g_autofree char *unique = g_strdup_printf("%s[%u]", component, i);

        if (!object_property_find(parent, unique)) {
            object_property_add_child(parent, unique, OBJECT(mr));
            object_unref(mr);
            return;
        }
    }
}

void memory_region_init(MemoryRegion *mr, Object *owner, const char *name, uint64_t size)
{
    object_initialize(mr, sizeof(*mr), TYPE_MEMORY_REGION);
    mr->size = size == UINT64_MAX ? int128_2_64() : int128_make64(size);
    mr->owner = owner;
    mr->name = g_strdup(name);
    if (name) {
        memory_region_add_to_tree(mr);
    }
}

void memory_region_init_io(MemoryRegion *mr, Object *owner, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size)
{
    memory_region_init(mr, owner, name, size);
    mr->ops = ops ? ops : &unassigned_mem_ops;
    mr->opaque = opaque;
    mr->terminates = true;
}

void memory_region_init_alias(MemoryRegion *mr, Object *owner, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size)
{
    memory_region_init(mr, owner, name, size);
    mr->alias = orig;
    mr->alias_offset = offset;
}

/* Gives @mr its block; without one it is unmade, as if never initialised. */
static bool region_take_block(MemoryRegion *mr, RAMBlock *rb, uint32_t flags, Error **errp)
{
    if (!rb) {
        if (OBJECT(mr)->parent) {
            object_unparent(OBJECT(mr));
        } else {
            object_unref(mr);
        }
        return false;
    }
    mr->ram = true;
    mr->terminates = true;
    mr->readonly = flags & RAM_READONLY;
    mr->ram_block = rb;
    mr->align = rb->align;
    return true;
}

bool memory_region_init_ram_flags_nomigrate(MemoryRegion *mr, Object *owner, const char *name,
                                            uint64_t size, uint32_t ram_flags, Error **errp)
{
    memory_region_init(mr, owner, name, size);
    return region_take_block(mr, qemu_ram_alloc(mr, size, ram_flags, errp), ram_flags, errp);
}

bool memory_region_init_ram_nomigrate(MemoryRegion *mr, Object *owner, const char *name,
                                      uint64_t size, Error **errp)
{
    return memory_region_init_ram_flags_nomigrate(mr, owner, name, size, 0, errp);
}

bool memory_region_init_ram(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                            Error **errp)
{
    return memory_region_init_ram_nomigrate(mr, owner, name, size, errp);
}

bool memory_region_init_rom(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                            Error **errp)
{
    if (!memory_region_init_ram(mr, owner, name, size, errp)) {
        return false;
    }
    mr->readonly = true;
    return true;
}

bool memory_region_init_ram_from_file(MemoryRegion *mr, Object *owner, const char *name,
                                      uint64_t size, uint64_t align, uint32_t ram_flags,
                                      const char *path, ram_addr_t offset, Error **errp)
{
    RAMBlock *rb;

    memory_region_init(mr, owner, name, size);
    rb = qemu_ram_alloc_from_file(mr, size, align, ram_flags, path, offset, errp);
    return region_take_block(mr, rb, ram_flags, errp);
}

bool memory_region_init_ram_from_fd(MemoryRegion *mr, Object *owner, const char *name,
                                    uint64_t size, uint32_t ram_flags, int fd,
                                    ram_addr_t offset, Error **errp)
{
    RAMBlock *rb;

    memory_region_init(mr, owner, name, size);
    rb = qemu_ram_alloc_from_fd(mr, size, 0, ram_flags, fd, offset, errp);
    if (!rb) {
        close(fd);
    }
    return region_take_block(mr, rb, ram_flags, errp);
}

void memory_region_init_ram_ptr(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                                void *ptr)
{
    memory_region_init(mr, owner, name, size);
    region_take_block(mr, qemu_ram_alloc_from_ptr(mr, size, ptr, &error_abort), RAM_PREALLOC,
                      &error_abort);
}

/* ---- questions ------------------------------------------------------------------------------ */

Object *memory_region_owner(MemoryRegion *mr)
{
    return mr->owner;
}

uint64_t memory_region_size(const MemoryRegion *mr)
{
    return mr->size == int128_2_64() ? UINT64_MAX : int128_get64(mr->size);
}

const char *memory_region_name(const MemoryRegion *mr)
{
    return mr->name ? mr->name : "";
}

bool memory_region_is_ram_device(const MemoryRegion *mr)
{
    return false;
}

bool memory_region_is_nonvolatile(const MemoryRegion *mr)
{
    return mr->nonvolatile;
}

bool memory_region_is_mapped(MemoryRegion *mr)
{
    return mr->container || mr->mapped_via_alias;
}

/* The region behind a chain of aliases; *@offset is raised by where they begin. */
static const MemoryRegion *region_target(const MemoryRegion *mr, hwaddr *offset)
{
    for (; mr->alias; mr = mr->alias) {
        *offset += mr->alias_offset;
    }
    return mr;
}

void *memory_region_get_ram_ptr(const MemoryRegion *mr)
{
    hwaddr offset = 0;

    mr = region_target(mr, &offset);
    assert(mr->ram_block);
    return mr->ram_block->host + offset;
}

int memory_region_get_fd(const MemoryRegion *mr)
{
    hwaddr offset = 0;

    mr = region_target(mr, &offset);
    return mr->ram_block ? mr->ram_block->fd : -1;
}

ram_addr_t memory_region_get_ram_addr(const MemoryRegion *mr)
{
    return mr->ram_block ? 0 : RAM_ADDR_INVALID;
}

uint64_t memory_region_get_alignment(const MemoryRegion *mr)
{
    return mr->align;
}

MemoryRegion *memory_region_from_host(void *ptr, ram_addr_t *offset)
{
    RAMBlock *rb = qemu_ram_block_from_host(ptr, offset);

    return rb ? rb->mr : NULL;
}

void memory_region_ref(MemoryRegion *mr)
{
    if (mr && mr->owner) {
        object_ref(mr->owner);
    }
}

void memory_region_unref(MemoryRegion *mr)
{
    if (mr && mr->owner) {
        object_unref(mr->owner);
    }
}

/* ---- changes -------------------------------------------------------------------------------- */

static void region_changed(MemoryRegion *mr)
{
    update_pending |= mr->enabled;
}

/* Files a region in its container by priority; the newest of a priority comes first. */
static void container_insert(MemoryRegion *container, MemoryRegion *sub)
{
    MemoryRegion *other;

    QTAILQ_FOREACH(other, &container->subregions, subregions_link) {
        if (sub->priority >= other->priority) {
            QTAILQ_INSERT_BEFORE(other, sub, subregions_link);
            return;
        }
    }
    QTAILQ_INSERT_TAIL(&container->subregions, sub, subregions_link);
}

static void region_count_aliases(MemoryRegion *sub, int change)
{
    for (MemoryRegion *target = sub->alias; target; target = target->alias) {
        target->mapped_via_alias += change;
        assert(target->mapped_via_alias >= 0);
    }
}

void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset,
                                         MemoryRegion *subregion, int priority)
{
    assert(!subregion->container && !mr->alias);
    memory_region_transaction_begin();
    if (subregion->owner != mr->owner) {
        memory_region_ref(subregion);
    }
    subregion->container = mr;
    subregion->addr = offset;
    subregion->priority = priority;
    region_count_aliases(subregion, 1);
    container_insert(mr, subregion);
    update_pending |= mr->enabled && subregion->enabled;
    memory_region_transaction_commit();
}

void memory_region_add_subregion(MemoryRegion *mr, hwaddr offset, MemoryRegion *subregion)
{
    memory_region_add_subregion_overlap(mr, offset, subregion, 0);
}

void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *subregion)
{
    memory_region_transaction_begin();
    assert(subregion->container == mr);
    subregion->container = NULL;
    region_count_aliases(subregion, -1);
    QTAILQ_REMOVE(&mr->subregions, subregion, subregions_link);
    update_pending |= mr->enabled && subregion->enabled;
    memory_region_transaction_commit();
    if (subregion->owner != mr->owner) {
        memory_region_unref(subregion);
    }
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled == enabled) {
        return;
    }
    memory_region_transaction_begin();
    mr->enabled = enabled;
    update_pending = true;
    memory_region_transaction_commit();
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr == addr) {
        return;
    }
    memory_region_transaction_begin();
    mr->addr = addr;
    region_changed(mr);
    memory_region_transaction_commit();
}

void memory_region_set_size(MemoryRegion *mr, uint64_t size)
{
    Int128 wide = size == UINT64_MAX ? int128_2_64() : int128_make64(size);

    if (mr->size == wide) {
        return;
    }
    memory_region_transaction_begin();
    mr->size = wide;
    region_changed(mr);
    memory_region_transaction_commit();
}

void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset)
{
    assert(mr->alias);
    if (mr->alias_offset == offset) {
        return;
    }
    memory_region_transaction_begin();
    mr->alias_offset = offset;
    region_changed(mr);
    memory_region_transaction_commit();
}

static void region_set_flag(MemoryRegion *mr, bool *flag, bool value)
{
    if (*flag == value) {
        return;
    }
    memory_region_transaction_begin();
    *flag = value;
    region_changed(mr);
    memory_region_transaction_commit();
}

void memory_region_set_readonly(MemoryRegion *mr, bool readonly)
{
    region_set_flag(mr, &mr->readonly, readonly);
}

void memory_region_set_nonvolatile(MemoryRegion *mr, bool nonvolatile)
{
    region_set_flag(mr, &mr->nonvolatile, nonvolatile);
}

void memory_region_set_unmergeable(MemoryRegion *mr, bool unmergeable)
{
    region_set_flag(mr, &mr->unmergeable, unmergeable);
}

void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, EventNotifier *e)
{
    MemoryRegionIoeventfd fd = { addr, size, match_data, data, e };
    unsigned pos = 0;

    memory_region_transaction_begin();
    while (pos < mr->ioeventfd_nb && ioeventfd_compare(&mr->ioeventfds[pos], &fd) < 0) {
        pos++;
    }
    mr->ioeventfds = g_renew(MemoryRegionIoeventfd, mr->ioeventfds, mr->ioeventfd_nb + 1);
    memmove(mr->ioeventfds + pos + 1, mr->ioeventfds + pos,
            (mr->ioeventfd_nb - pos) * sizeof(fd));
    mr->ioeventfds[pos] = fd;
    mr->ioeventfd_nb++;
    ioeventfd_update_pending |= mr->enabled;
    memory_region_transaction_commit();
}

void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, EventNotifier *e)
{
    MemoryRegionIoeventfd fd = { addr, size, match_data, data, e };
    unsigned pos = 0;

    memory_region_transaction_begin();
    while (pos < mr->ioeventfd_nb && ioeventfd_compare(&mr->ioeventfds[pos], &fd)) {
        pos++;
    }
    assert(pos < mr->ioeventfd_nb);
    mr->ioeventfd_nb--;
    memmove(mr->ioeventfds + pos, mr->ioeventfds + pos + 1,
            (mr->ioeventfd_nb - pos) * sizeof(fd));
    ioeventfd_update_pending |= mr->enabled;
    memory_region_transaction_commit();
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

/* ---- sparse RAM ----------------------------------------------------------------------------- */

RamDiscardManager *memory_region_get_ram_discard_manager(MemoryRegion *mr)
{
    return mr->ram ? mr->rdm : NULL;
}

int memory_region_set_ram_discard_manager(MemoryRegion *mr, RamDiscardManager *rdm)
{
    assert(memory_region_is_ram(mr));
    if (rdm && mr->rdm) {
        return -EBUSY;
    }
    mr->rdm = rdm;
    if (!rdm) {
        mr->rdm_inaccessible = false;
    }
    return 0;
}

void memory_region_set_discarded_inaccessible(MemoryRegion *mr, bool inaccessible)
{
    assert(!inaccessible || mr->rdm);
    __atomic_store_n(&mr->rdm_inaccessible, inaccessible, __ATOMIC_RELEASE);
}

bool memory_region_range_accessible(MemoryRegion *mr, hwaddr offset, hwaddr len)
{
    MemoryRegionSection section = { .mr = mr, .offset_within_region = offset, .size = len };
    bool take_lock, accessible;

    if (G_LIKELY(!__atomic_load_n(&mr->rdm_inaccessible, __ATOMIC_ACQUIRE))) {
        return true;
    }
    take_lock = !bql_locked();
    if (take_lock) {
        bql_lock();
    }
    accessible = !mr->rdm || ram_discard_manager_is_populated(mr->rdm, &section);
    if (take_lock) {
        bql_unlock();
    }
    return accessible;
}

uint64_t ram_discard_manager_get_min_granularity(const RamDiscardManager *rdm,
                                                 const MemoryRegion *mr)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->get_min_granularity(rdm, mr);
}

bool ram_discard_manager_is_populated(const RamDiscardManager *rdm,
                                      const MemoryRegionSection *section)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->is_populated(rdm, section);
}

int ram_discard_manager_replay_populated(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->replay_populated(rdm, section, replay_fn, opaque);
}

int ram_discard_manager_replay_discarded(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque)
{
    return RAM_DISCARD_MANAGER_GET_CLASS(rdm)->replay_discarded(rdm, section, replay_fn, opaque);
}

void ram_discard_manager_register_listener(RamDiscardManager *rdm, RamDiscardListener *rdl,
                                           MemoryRegionSection *section)
{
    RAM_DISCARD_MANAGER_GET_CLASS(rdm)->register_listener(rdm, rdl, section);
}

void ram_discard_manager_unregister_listener(RamDiscardManager *rdm, RamDiscardListener *rdl)
{
    RAM_DISCARD_MANAGER_GET_CLASS(rdm)->unregister_listener(rdm, rdl);
}

/* ---- dispatch to registers ------------------------------------------------------------------ */

unsigned memory_region_access_size(MemoryRegion *mr, hwaddr len, hwaddr addr)
{
    hwaddr size = mr->ops->valid.max_access_size ? mr->ops->valid.max_access_size : 4;

    if (!mr->ops->impl.unaligned && addr) {
        size = MIN(size, addr & -addr);
    }
    size = MIN(size, len);
    return 1u << (31 - __builtin_clz((unsigned)size));
}

static bool access_is_valid(MemoryRegion *mr, hwaddr addr, unsigned size, bool is_write,
                            MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;

    if (ops->valid.accepts && !ops->valid.accepts(mr->opaque, addr, size, is_write, attrs)) {
        return false;
    }
    if (!ops->valid.unaligned && (addr & (size - 1))) {
        return false;
    }
    /* Without limits everything goes. */
    return !ops->valid.max_access_size ||
           (size <= ops->valid.max_access_size && size >= ops->valid.min_access_size);
}

static unsigned access_impl_size(const MemoryRegionOps *ops, unsigned size)
{
    unsigned min = ops->impl.min_access_size ? ops->impl.min_access_size : 1;
    unsigned max = ops->impl.max_access_size ? ops->impl.max_access_size : 4;

    return MAX(MIN(size, max), min);
}

static uint64_t access_mask(unsigned size)
{
    return UINT64_MAX >> (64 - size * 8);
}

/* Position in bits of the part at byte @i of a register access, negative if the part is wider. */
static int access_shift(const MemoryRegionOps *ops, unsigned size, unsigned part, unsigned i)
{
    return ops->endianness == DEVICE_BIG_ENDIAN ? ((int)size - (int)part - (int)i) * 8
                                                : (int)i * 8;
}

static uint64_t adjust_endianness(const MemoryRegionOps *ops, uint64_t value, unsigned size)
{
    return ops->endianness == DEVICE_BIG_ENDIAN ? bswap64(value) >> (64 - size * 8) : value;
}

MemTxResult memory_region_dispatch_read(MemoryRegion *mr, hwaddr addr, uint64_t *pval,
                                        unsigned size, MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned part = access_impl_size(ops, size);
    MemTxResult result = MEMTX_OK;
    uint64_t value = 0;

    *pval = 0;
    if (!access_is_valid(mr, addr, size, false, attrs)) {
        return MEMTX_DECODE_ERROR;
    }
    for (unsigned i = 0; i < size; i += part) {
        int shift = access_shift(ops, size, part, i);
        uint64_t data = 0;

        if (ops->read) {
            data = ops->read(mr->opaque, addr + i, part);
        } else {
            result |= ops->read_with_attrs(mr->opaque, addr + i, &data, part, attrs);
        }
        data &= access_mask(part);
        value |= shift >= 0 ? data << shift : data >> -shift;
    }
    *pval = adjust_endianness(ops, value & access_mask(size), size);
    return result;
}

/* Signals the event descriptor that waits for this write; false if none does. */
static bool dispatch_to_eventfd(MemoryRegion *mr, hwaddr addr, uint64_t data, unsigned size)
{
    for (unsigned i = 0; i < mr->ioeventfd_nb; i++) {
        const MemoryRegionIoeventfd *fd = &mr->ioeventfds[i];

        if (fd->addr == addr && (!fd->size || fd->size == size) &&
            (!fd->match_data || (fd->data & access_mask(size)) == data)) {
            event_notifier_set(fd->e);
            return true;
        }
    }
    return false;
}

MemTxResult memory_region_dispatch_write(MemoryRegion *mr, hwaddr addr, uint64_t data,
                                         unsigned size, MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned part = access_impl_size(ops, size);
    MemTxResult result = MEMTX_OK;

    if (!access_is_valid(mr, addr, size, true, attrs)) {
        return MEMTX_DECODE_ERROR;
    }
    data = adjust_endianness(ops, data & access_mask(size), size);
    if (G_UNLIKELY(mr->ioeventfd_nb) && dispatch_to_eventfd(mr, addr, data, size)) {
        return MEMTX_OK;
    }
    for (unsigned i = 0; i < size; i += part) {
        int shift = access_shift(ops, size, part, i);
        uint64_t value = (shift >= 0 ? data >> shift : data << -shift) & access_mask(part);

        if (ops->write) {
            ops->write(mr->opaque, addr + i, value, part);
        } else {
            result |= ops->write_with_attrs(mr->opaque, addr + i, value, part, attrs);
        }
    }
    return result;
}

/* ---- the machine's own spaces --------------------------------------------------------------- */

void memory_map_init(void)
{
    if (system_memory) {
        return;
    }
    system_memory = g_new0(MemoryRegion, 1);
    memory_region_init(system_memory, NULL, "system", UINT64_MAX);
    address_space_init(&address_space_memory, system_memory, "memory");

    system_io = g_new0(MemoryRegion, 1);
    memory_region_init_io(system_io, NULL, &unassigned_io_ops, NULL, "io", 65536);
    address_space_init(&address_space_io, system_io, "I/O");
}

MemoryRegion *get_system_memory(void)
{
    memory_map_init();
    return system_memory;
}

MemoryRegion *get_system_io(void)
{
    memory_map_init();
    return system_io;
}
