/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The abstract memory backend: what all of "-object memory-backend-*" have in common. Properties
 * are noted until complete(), which has the subclass make the RAM and then treats its pages:
 * merging, dumping, NUMA policy (mbind(2)) and, last, allocation ahead.
 */
#include "qemu/osdep.h"

#include <numaif.h>

#include "qapi/error.h"
#include "qom/object_interfaces.h"
#include "system/hostmem.h"
#include "system/ramblock.h"

QEMU_BUILD_BUG_ON(HOST_MEM_POLICY_DEFAULT != MPOL_DEFAULT);
QEMU_BUILD_BUG_ON(HOST_MEM_POLICY_PREFERRED != MPOL_PREFERRED);
QEMU_BUILD_BUG_ON(HOST_MEM_POLICY_BIND != MPOL_BIND);
QEMU_BUILD_BUG_ON(HOST_MEM_POLICY_INTERLEAVE != MPOL_INTERLEAVE);

bool host_memory_backend_default_merge = true;
bool host_memory_backend_default_dump = true;
uint32_t host_memory_backend_default_prealloc_threads = 1;

/* ---- for users of a backend ----------------------------------------------------------------- */

char *host_memory_backend_get_name(HostMemoryBackend *backend)
{
    if (backend->use_canonical_path) {
        return object_get_canonical_path(OBJECT(backend));
    }
    return g_strdup(object_get_canonical_path_component(OBJECT(backend)));
}

bool host_memory_backend_mr_inited(HostMemoryBackend *backend)
{
    return backend->complete;
}

MemoryRegion *host_memory_backend_get_memory(HostMemoryBackend *backend)
{
    return backend->complete ? &backend->mr : NULL;
}

void host_memory_backend_set_mapped(HostMemoryBackend *backend, bool mapped)
{
    backend->is_mapped = mapped;
}

bool host_memory_backend_is_mapped(HostMemoryBackend *backend)
{
    return backend->is_mapped;
}

size_t host_memory_backend_pagesize(HostMemoryBackend *memdev)
{
    return qemu_ram_pagesize(memdev->mr.ram_block);
}

/* ---- treating the pages --------------------------------------------------------------------- */

static void backend_madvise(HostMemoryBackend *backend, int advice)
{
    RAMBlock *rb = backend->mr.ram_block;

    /* A kernel without the feature refuses; the memory is then as if it had been asked. */
    madvise(rb->host, rb->used_length, advice);
}

static unsigned highest_node(const HostMemoryBackend *backend)
{
    unsigned highest = HOSTMEM_MAX_NODES;

    for (unsigned i = 0; i < HOSTMEM_MAX_NODES; i++) {
        if (backend->host_nodes[i / 64] >> (i % 64) & 1) {
            highest = i;
        }
    }
    return highest;
}

static bool backend_bind(HostMemoryBackend *backend, Error **errp)
{
    RAMBlock *rb = backend->mr.ram_block;
    unsigned highest = highest_node(backend);
    bool have_nodes = highest < HOSTMEM_MAX_NODES;

    if (have_nodes && backend->policy == HOST_MEM_POLICY_DEFAULT) {
        error_setg(errp, "host-nodes must be empty for policy default, or you should explicitly"
                   " specify a policy other than default");
        return false;
    }
    if (!have_nodes && backend->policy != HOST_MEM_POLICY_DEFAULT) {
        error_setg(errp, "host-nodes must be set for policy %s", HostMemPolicy_str(backend->policy));
        return false;
    }
    if (!have_nodes) {
        return true;
    }
    /* The kernel reads one bit less than it is told. */
    if (mbind(rb->host, rb->used_length, (int)backend->policy, backend->host_nodes, highest + 2,
              MPOL_MF_STRICT | MPOL_MF_MOVE) < 0) {
        error_setg_errno(errp, errno, "cannot bind memory to host NUMA nodes");
        return false;
    }
    return true;
}

static bool backend_prealloc(HostMemoryBackend *backend, Error **errp)
{
    RAMBlock *rb = backend->mr.ram_block;

    if (rb->flags & RAM_READONLY) {
        error_setg(errp, "'prealloc=on' and 'readonly=on' are incompatible");
        return false;
    }
    return qemu_prealloc_mem(rb->fd, (char *)rb->host, rb->used_length,
                             (int)MIN(backend->prealloc_threads, 1024), NULL, false, errp);
}

static bool backend_treat_pages(HostMemoryBackend *backend, Error **errp)
{
    if (backend->merge) {
        backend_madvise(backend, MADV_MERGEABLE);
    }
    if (!backend->dump) {
        backend_madvise(backend, MADV_DONTDUMP);
    }
    return backend_bind(backend, errp) &&
           (!backend->prealloc || backend_prealloc(backend, errp));
}

static void backend_complete(UserCreatable *uc, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(uc);
    RAMBlock *rb;

    if (!backend->size) {
        error_setg(errp, "Parameter 'size' is missing");
        return;
    }
    if (backend->prealloc && !backend->reserve) {
        error_setg(errp, "'prealloc=on' and 'reserve=off' are incompatible");
        return;
    }
    if (!MEMORY_BACKEND_GET_CLASS(backend)->alloc(backend, errp)) {
        return;
    }
    rb = backend->mr.ram_block;
    {
        g_autofree char *name = host_memory_backend_get_name(backend);

        if (name && qemu_ram_set_idstr(rb, name)) {
            error_setg(errp, "RAM block '%s' exists already", name);
            object_unparent(OBJECT(&backend->mr));
            return;
        }
    }
    if (!backend_treat_pages(backend, errp)) {
        object_unparent(OBJECT(&backend->mr));
        return;
    }
    backend->complete = true;
}

static bool backend_can_be_deleted(UserCreatable *uc)
{
    return !host_memory_backend_is_mapped(MEMORY_BACKEND(uc));
}

/* ---- properties ----------------------------------------------------------------------------- */

/* What decides how the mapping is made cannot change once it is there. */
static bool check_not_complete(HostMemoryBackend *backend, Error **errp)
{
    if (backend->complete) {
        error_setg(errp, "cannot change property value");
        return false;
    }
    return true;
}

static void get_size(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = MEMORY_BACKEND(obj)->size;

    visit_type_size(v, name, &value, errp);
}

static void set_size(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);
    uint64_t value;

    if (backend->complete) {
        error_setg(errp, "cannot change property %s of %s ", name, object_get_typename(obj));
        return;
    }
    if (!visit_type_size(v, name, &value, errp)) {
        return;
    }
    if (!value) {
        error_setg(errp, "property '%s' of %s doesn't take value '0'", name,
                   object_get_typename(obj));
        return;
    }
    backend->size = value;
}

static void get_prealloc_threads(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    uint32_t value = MEMORY_BACKEND(obj)->prealloc_threads;

    visit_type_uint32(v, name, &value, errp);
}

static void set_prealloc_threads(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (!value) {
        error_setg(errp, "property '%s' of %s doesn't take value '0'", name,
                   object_get_typename(obj));
        return;
    }
    MEMORY_BACKEND(obj)->prealloc_threads = value;
}

static void get_host_nodes(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);
    size_t nb = 0;

    for (unsigned i = 0; i < HOSTMEM_MAX_NODES; i++) {
        nb += backend->host_nodes[i / 64] >> (i % 64) & 1;
    }
    if (!visit_start_list(v, name, &nb, errp)) {
        return;
    }
    for (unsigned i = 0; i < HOSTMEM_MAX_NODES; i++) {
        uint16_t node = i;

        if ((backend->host_nodes[i / 64] >> (i % 64) & 1) &&
            !visit_type_uint16(v, NULL, &node, errp)) {
            break;
        }
    }
    visit_end_list(v);
}

static void set_host_nodes(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);
    unsigned long nodes[ARRAY_SIZE(backend->host_nodes)] = { };
    bool ok = true;
    size_t nb;

    if (!check_not_complete(backend, errp) || !visit_start_list(v, name, &nb, errp)) {
        return;
    }
    for (size_t i = 0; ok && i < nb; i++) {
        uint16_t node;

        ok = visit_type_uint16(v, NULL, &node, errp);
        if (ok && node >= HOSTMEM_MAX_NODES) {
            error_setg(errp, "Invalid host-nodes value: %d", node);
            ok = false;
        }
        if (ok) {
            nodes[node / 64] |= 1UL << (node % 64);
        }
    }
    visit_end_list(v);
    if (ok) {
        memcpy(backend->host_nodes, nodes, sizeof(nodes));
    }
}

static int get_policy(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->policy;
}

static void set_policy(Object *obj, int policy, Error **errp)
{
    if (check_not_complete(MEMORY_BACKEND(obj), errp)) {
        MEMORY_BACKEND(obj)->policy = policy;
    }
}

static bool get_merge(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->merge;
}

static void set_merge(Object *obj, bool value, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);

    if (backend->complete && value != backend->merge) {
        backend_madvise(backend, value ? MADV_MERGEABLE : MADV_UNMERGEABLE);
    }
    backend->merge = value;
}

static bool get_dump(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->dump;
}

static void set_dump(Object *obj, bool value, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);

    if (backend->complete && value != backend->dump) {
        backend_madvise(backend, value ? MADV_DODUMP : MADV_DONTDUMP);
    }
    backend->dump = value;
}

static bool get_prealloc(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->prealloc;
}

static void set_prealloc(Object *obj, bool value, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);

    if (value && !backend->reserve) {
        error_setg(errp, "'prealloc=on' and 'reserve=off' are incompatible");
        return;
    }
    if (backend->complete && value && memory_region_has_ram_discard_manager(&backend->mr)) {
        error_setg(errp, "'prealloc' cannot be turned on while a device gives back what of the "
                   "memory is not in use: use the device's own 'prealloc'");
        return;
    }
    if (backend->complete && value && !backend->prealloc && !backend_prealloc(backend, errp)) {
        return;
    }
    backend->prealloc = value;
}

static bool get_share(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->share;
}

static void set_share(Object *obj, bool value, Error **errp)
{
    if (check_not_complete(MEMORY_BACKEND(obj), errp)) {
        MEMORY_BACKEND(obj)->share = value;
    }
}

static bool get_reserve(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->reserve;
}

static void set_reserve(Object *obj, bool value, Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);

    if (!check_not_complete(backend, errp)) {
        return;
    }
    if (backend->prealloc && !value) {
        error_setg(errp, "'prealloc=on' and 'reserve=off' are incompatible");
        return;
    }
    backend->reserve = value;
}

static bool get_canonical_path(Object *obj, Error **errp)
{
    return MEMORY_BACKEND(obj)->use_canonical_path;
}

static void set_canonical_path(Object *obj, bool value, Error **errp)
{
    if (check_not_complete(MEMORY_BACKEND(obj), errp)) {
        MEMORY_BACKEND(obj)->use_canonical_path = value;
    }
}

static void backend_instance_init(Object *obj)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);

    backend->merge = host_memory_backend_default_merge;
    backend->dump = host_memory_backend_default_dump;
    backend->reserve = true;
    backend->prealloc_threads = host_memory_backend_default_prealloc_threads;
}

static void backend_class_init(ObjectClass *oc, const void *data)
{
    static const struct {
        const char *name, *description;
    } texts[] = {
        { "merge", "Mark memory as mergeable" },
        { "dump", "Set to 'off' to exclude from core dump" },
        { "prealloc", "Preallocate memory" },
        { "prealloc-threads", "Number of CPU threads to use for prealloc" },
        { "size", "Size of the memory region (ex: 500M)" },
        { "host-nodes", "Binds memory to the list of NUMA host nodes" },
        { "policy", "Set the NUMA policy" },
        { "share", "Mark the memory as private to QEMU or shared" },
        { "reserve", "Reserve swap space (or huge pages) if applicable" },
    };
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(oc);

    ucc->complete = backend_complete;
    ucc->can_be_deleted = backend_can_be_deleted;
    object_class_property_add_bool(oc, "merge", get_merge, set_merge);
    object_class_property_add_bool(oc, "dump", get_dump, set_dump);
    object_class_property_add_bool(oc, "prealloc", get_prealloc, set_prealloc);
    object_class_property_add(oc, "prealloc-threads", "int", get_prealloc_threads,
                              set_prealloc_threads, NULL, NULL);
    object_class_property_add(oc, "size", "int", get_size, set_size, NULL, NULL);
    object_class_property_add(oc, "host-nodes", "int", get_host_nodes, set_host_nodes, NULL,
                              NULL);
    object_class_property_add_enum(oc, "policy", "HostMemPolicy", &HostMemPolicy_lookup, get_policy,
                                   set_policy);
    object_class_property_add_bool(oc, "share", get_share, set_share);
    object_class_property_add_bool(oc, "reserve", get_reserve, set_reserve);
    object_class_property_add_bool(oc, "x-use-canonical-path-for-ramblock-id",
                                   get_canonical_path, set_canonical_path);
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        object_class_property_set_description(oc, texts[i].name, texts[i].description);
    }
}

static const TypeInfo backend_types[] = {
    {
        .name = TYPE_MEMORY_BACKEND,
        .parent = TYPE_OBJECT,
        .abstract = true,
        .instance_size = sizeof(HostMemoryBackend),
        .instance_init = backend_instance_init,
        .class_size = sizeof(HostMemoryBackendClass),
        .class_init = backend_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_USER_CREATABLE }, { } },
    },
};
DEFINE_TYPES(backend_types)
