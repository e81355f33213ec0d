/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The region trees and flat views as text, for `info mtree`, in QEMU's form. Called under the big
 * lock, outside of transactions: the views are those of the trees.
 */
#include "qemu/osdep.h"

#include "system/memory-internal.h"

typedef struct Printer {
    GString *out;
    bool owners;
    bool disabled;          /* print disabled regions too */
    GPtrArray *targets;     /* MemoryRegion *: what the aliases printed so far show */
} Printer;

/* ---- parts of a line ---- */

/* Aliases are what they show. */
static const char *region_kind(const MemoryRegion *mr)
{
    while (mr->alias) {
        mr = mr->alias;
    }
    return mr->rom_device ? "romd" : !mr->ram ? "i/o" : mr->readonly ? "rom" : "ram";
}

static const char *region_prefix(const MemoryRegion *mr)
{
    return mr->nonvolatile ? "nv-" : "";
}

/* The last byte of @size at @start; a region without size begins and ends at the same place. */
static hwaddr last_byte(Int128 start, Int128 size)
{
    return (hwaddr)(start + size - (size ? 1 : 0));
}

/* "{dev id=vm0}", or by path without an id; devices with one are the children of peripheral. */
static void print_object(Printer *p, const char *label, Object *obj)
{
    bool is_device = object_dynamic_cast(obj, "device");
    g_autofree char *path = object_get_canonical_path(obj);
    const char *id;

    g_string_append_printf(p->out, " %s:{%s ", label, is_device ? "dev" : "obj");
    if (is_device && path && g_str_has_prefix(path, "/machine/peripheral/")) {
        id = path + strlen("/machine/peripheral/");
        if (!strchr(id, '/')) {
            g_string_append_printf(p->out, "id=%s}", id);
            return;
        }
    }
    g_string_append_printf(p->out, "path=%s}", path ? path : "");
}

static void print_owner(Printer *p, const MemoryRegion *mr)
{
    Object *parent = mr->parent_obj.parent;

    if (!p->owners) {
        return;
    }
    if (mr->owner) {
        print_object(p, "owner", mr->owner);
    } else if (parent) {
        print_object(p, "parent", parent);
    } else {
        g_string_append(p->out, " orphan");
    }
}

static const char *region_name(const MemoryRegion *mr)
{
    return mr->name ? mr->name : "anonymous";
}

/* ---- trees ---- */

static void remember_target(Printer *p, MemoryRegion *mr)
{
    if (!g_ptr_array_find(p->targets, mr, NULL)) {
        g_ptr_array_add(p->targets, mr);
    }
}

static void print_region_line(Printer *p, const MemoryRegion *mr, unsigned level, hwaddr start)
{
    g_string_append_printf(p->out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s%s): ",
                           (int)level * 2, "", start, last_byte(start, mr->size), mr->priority,
                           region_prefix(mr), region_kind(mr));
    if (mr->alias) {
        g_string_append_printf(p->out, "alias %s @%s %016" PRIx64 "-%016" PRIx64,
                               region_name(mr), region_name(mr->alias), mr->alias_offset,
                               last_byte(mr->alias_offset, mr->size));
    } else {
        g_string_append(p->out, region_name(mr));
    }
    if (!mr->enabled) {
        g_string_append(p->out, " [disabled]");
    }
    print_owner(p, mr);
    g_string_append_c(p->out, '\n');
}

static int compare_placement(gconstpointer a, gconstpointer b)
{
    const MemoryRegion *mr_a = *(MemoryRegion *const *)a;
    const MemoryRegion *mr_b = *(MemoryRegion *const *)b;

    return mr_a->addr < mr_b->addr ? -1 : mr_a->addr > mr_b->addr;
}

/* By address; at the same one as they hide each other, which is how they are listed already. */
static GPtrArray *sorted_subregions(const MemoryRegion *mr)
{
    GPtrArray *list = g_ptr_array_new();
    MemoryRegion *sub;

    QTAILQ_FOREACH(sub, &mr->subregions, subregions_link) {
        g_ptr_array_add(list, sub);
    }
    g_ptr_array_sort(list, compare_placement);
    return list;
}

/* What is below a disabled region is printed though the region may not be, as QEMU does. */
static void print_region(Printer *p, MemoryRegion *mr, unsigned level, hwaddr base)
{
    g_autoptr(GPtrArray) subregions = sorted_subregions(mr);
    hwaddr start = base + mr->addr;

    if (mr->alias) {
        remember_target(p, mr->alias);
    }
    if (mr->enabled || p->disabled) {
        print_region_line(p, mr, level, start);
    }
    for (unsigned i = 0; i < subregions->len; i++) {
        print_region(p, subregions->pdata[i], level + 1, start);
    }
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(AddressSpace *const *)a)->name, (*(AddressSpace *const *)b)->name);
}

/* A tree is printed once, under the names of all spaces that show it. */
static void print_spaces_of_root(Printer *p, MemoryRegion *root)
{
    g_autoptr(GPtrArray) spaces = g_ptr_array_new();
    AddressSpace *as;

    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        if (as->root == root) {
            g_ptr_array_add(spaces, as);
        }
    }
    g_ptr_array_sort(spaces, compare_names);
    for (unsigned i = 0; i < spaces->len; i++) {
        as = spaces->pdata[i];
        g_string_append_printf(p->out, "address-space: %s\n", as->name);
    }
    print_region(p, root, 1, 0);
    g_string_append_c(p->out, '\n');
}

static void print_trees(Printer *p)
{
    g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);
    AddressSpace *as;

    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        if (g_hash_table_add(done, as->root)) {
            print_spaces_of_root(p, as->root);
        }
    }
    /* Printing a target may find more of them. */
    for (unsigned i = 0; i < p->targets->len; i++) {
        MemoryRegion *mr = p->targets->pdata[i];

        g_string_append_printf(p->out, "memory-region: %s\n", region_name(mr));
        print_region(p, mr, 1, 0);
        g_string_append_c(p->out, '\n');
    }
}

/* ---- flat views ---- */

static void print_range(Printer *p, const FlatRange *fr)
{
    const MemoryRegion *mr = fr->mr;

    g_string_append_printf(p->out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s%s): %s",
                           (hwaddr)fr->start, last_byte(fr->start, fr->size), mr->priority,
                           fr->nonvolatile ? "nv-" : "",
                           fr->readonly && mr->ram ? "rom" : region_kind(mr), region_name(mr));
    if (fr->offset_in_region) {
        g_string_append_printf(p->out, " @%016" PRIx64, fr->offset_in_region);
    }
    print_owner(p, mr);
    g_string_append_c(p->out, '\n');
}

static void print_view(Printer *p, unsigned index, MemoryRegion *root)
{
    FlatView *view = NULL;
    AddressSpace *as;

    g_string_append_printf(p->out, "FlatView #%u\n", index);
    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        if (memory_region_resolve_root(as->root) == root) {
            view = as->current_map;
            g_string_append_printf(p->out, " AS \"%s\", root: %s\n", as->name,
                                   region_name(as->root));
        }
    }
    g_string_append_printf(p->out, " Root memory region: %s\n",
                           root ? region_name(root) : "(none)");
    for (unsigned i = 0; i < view->nb_ranges; i++) {
        print_range(p, &view->ranges[i]);
    }
    g_string_append(p->out, view->nb_ranges ? "\n" : "  No rendered FlatView\n\n");
}

static void print_views(Printer *p)
{
    g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);
    unsigned index = 0;
    AddressSpace *as;

    QTAILQ_FOREACH(as, &address_spaces, address_spaces_link) {
        MemoryRegion *root = memory_region_resolve_root(as->root);

        if (g_hash_table_add(done, root)) {
            print_view(p, index++, root);
        }
    }
}

char *mtree_info(bool flat, bool owners, bool disabled)
{
    Printer p = {
        .out = g_string_new(NULL),
        .owners = owners,
        .disabled = disabled,
        .targets = g_ptr_array_new(),
    };

    if (flat) {
        print_views(&p);
    } else {
        print_trees(&p);
    }
    g_ptr_array_unref(p.targets);
    return g_string_free(p.out, FALSE);
}
