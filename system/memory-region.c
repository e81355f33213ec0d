/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory regions: the tree that devices and boards build, and the transactions in which they
 * change it. A region is an object, a child of its owner; it is a container, an alias, RAM or the
 * registers of a device. Views of the tree (system/memory-view.c) are made anew at the end of the
 * outermost transaction that changed what is visible. Everything here is done under the big lock
 * but memory_region_ref() and memory_region_unref().
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "system/memory-internal.h"
#include "system/ramblock.h"

static unsigned transaction_depth;
static bool update_pending;
static bool ioeventfd_update_pending;

/* ---- transactions --------------------------------------------------------------------------- */

bool memory_region_in_transaction(void)
{
    return transaction_depth;
}

void memory_region_transaction_begin(void)
{
    assert(bql_locked());
    transaction_depth++;
}

void memory_region_transaction_commit(void)
{
    assert(transaction_depth && bql_locked());
    if (--transaction_depth) {
        return;
    }
    if (update_pending) {
        update_pending = false;
        ioeventfd_update_pending = false;
        memory_views_update();
    } else if (ioeventfd_update_pending) {
        ioeventfd_update_pending = false;
        memory_ioeventfds_update();
    }
}

/* ---- the region object ---------------------------------------------------------------------- */

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

void memory_region_set_takes_messages(MemoryRegion *mr)
{
    mr->takes_messages = true;
}

void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, EventNotifier *e)
{
    MemoryRegionIoeventfd fd = { addr, size, match_data, data, e };
    unsigned pos = 0;

    memory_region_transaction_begin();
    while (pos < mr->ioeventfd_nb &&
           memory_region_ioeventfd_compare(&mr->ioeventfds[pos], &fd) < 0) {
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
    while (pos < mr->ioeventfd_nb &&
           memory_region_ioeventfd_compare(&mr->ioeventfds[pos], &fd)) {
        pos++;
    }
    assert(pos < mr->ioeventfd_nb);
    mr->ioeventfd_nb--;
    memmove(mr->ioeventfds + pos, mr->ioeventfds + pos + 1,
            (mr->ioeventfd_nb - pos) * sizeof(fd));
    ioeventfd_update_pending |= mr->enabled;
    memory_region_transaction_commit();
}
