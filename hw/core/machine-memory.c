/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m" and the machine's RAM: the property "memory" (sizes in bytes, checked against each other)
 * and the backends that RAM comes from: one a NUMA node, the user's ("memory-backend"), or one made
 * for it.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qom/object_interfaces.h"
#include "system/hostmem.h"
#include "system/numa.h"

/* As many as ACPI's memory hotplug interface could name: QEMU's limit. */
#define MACHINE_MAX_RAM_SLOTS 256
#define RAM_SIZE_ALIGN 8192

/* ---- the property "memory" ------------------------------------------------------------------ */

typedef struct MemoryConfig {
    uint64_t size, max_size, slots;
    bool has_size, has_max_size, has_slots;
} MemoryConfig;

static bool memory_visit(Visitor *v, MemoryConfig *c, Error **errp)
{
    if (visit_optional(v, "size", &c->has_size) && !visit_type_size(v, "size", &c->size, errp)) {
        return false;
    }
    if (visit_optional(v, "max-size", &c->has_max_size) &&
        !visit_type_size(v, "max-size", &c->max_size, errp)) {
        return false;
    }
    if (visit_optional(v, "slots", &c->has_slots) &&
        !visit_type_uint64(v, "slots", &c->slots, errp)) {
        return false;
    }
    return visit_check_struct(v, errp);
}

static bool memory_check_max(const MemoryConfig *c, Error **errp)
{
    if (c->slots > MACHINE_MAX_RAM_SLOTS) {
        error_setg(errp, "unsupported amount of memory slots: %" PRIu64, c->slots);
        return false;
    }
    if (c->max_size < c->size) {
        error_setg(errp, "invalid value of maxmem: maximum memory size (0x%" PRIx64
                   ") must be at least the initial memory size (0x%" PRIx64 ")", c->max_size,
                   c->size);
        return false;
    }
    if (c->has_slots && c->slots && c->max_size == c->size) {
        error_setg(errp, "invalid value of maxmem: memory slots were specified but maximum memory "
                   "size (0x%" PRIx64 ") is equal to the initial memory size (0x%" PRIx64 ")",
                   c->max_size, c->size);
        return false;
    }
    return true;
}

static bool memory_apply(MachineState *ms, MemoryConfig *c, Error **errp)
{
    if (!c->size) {
        c->size = MACHINE_GET_CLASS(ms)->default_ram_size;
    }
    if (c->size > UINT64_MAX - RAM_SIZE_ALIGN) {
        error_setg(errp, "ram size too large");
        return false;
    }
    c->size = ROUND_UP(c->size, RAM_SIZE_ALIGN);
    if (!c->has_max_size) {
        if (c->has_slots) {
            error_setg(errp, "slots specified but no max-size");
            return false;
        }
        c->max_size = c->size;
    } else if (!memory_check_max(c, errp)) {
        return false;
    }
    ms->ram_size = c->size;
    ms->maxram_size = c->max_size;
    ms->ram_slots = c->slots;
    return true;
}

void machine_set_memory(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    MemoryConfig config = { 0 };
    bool ok;

    if (machine_refuse_late(name, errp) || !visit_start_struct(v, name, errp)) {
        return;
    }
    ok = memory_visit(v, &config, errp);
    visit_end_struct(v);
    if (ok && memory_apply(MACHINE(obj), &config, errp)) {
        MACHINE(obj)->ram_size_given = config.has_size;
    }
}

void machine_get_memory(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    MachineState *ms = MACHINE(obj);

    if (!visit_start_struct(v, name, errp)) {
        return;
    }
    visit_type_size(v, "size", &ms->ram_size, NULL);
    if (ms->ram_slots) {
        visit_type_size(v, "max-size", &ms->maxram_size, NULL);
        visit_type_uint64(v, "slots", &ms->ram_slots, NULL);
    }
    visit_end_struct(v);
}

bool machine_parse_memory_config(MachineState *ms, json_t *config, bool keyval, Error **errp)
{
    return machine_set_structure(ms, "memory", config, keyval, errp);
}

/* ---- the property "memory-backend" ---------------------------------------------------------- */

void machine_get_memdev(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    MachineState *ms = MACHINE(obj);
    g_autofree char *path = ms->memdev ? object_get_canonical_path(OBJECT(ms->memdev))
                                       : g_strdup(ms->ram_memdev_id ? ms->ram_memdev_id : "");

    visit_type_str(v, name, &path, errp);
}

/* The backend need not exist yet. */
void machine_set_memdev(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    MachineState *ms = MACHINE(obj);
    char *id = NULL;

    if (machine_refuse_late(name, errp) || !visit_type_str(v, name, &id, errp)) {
        return;
    }
    g_free(ms->ram_memdev_id);
    ms->ram_memdev_id = id;
}

/* ---- RAM ------------------------------------------------------------------------------------ */

/* From now on it is the machine's and nobody else's. */
static bool machine_claim_backend(HostMemoryBackend *backend, bool used, Error **errp)
{
    if (used) {
        error_setg(errp, "memory backend %s can't be used multiple times.",
                   object_get_canonical_path_component(OBJECT(backend)));
        return false;
    }
    host_memory_backend_set_mapped(backend, true);
    return true;
}

/* The nodes have taken their backends already: one may be that of two. */
static bool used_by_node_before(const NumaState *numa, int node)
{
    for (int i = 0; i < node; i++) {
        if (numa->nodes[i].node_memdev == numa->nodes[node].node_memdev) {
            return true;
        }
    }
    return false;
}

static HostMemoryBackend *machine_find_memdev(MachineState *ms, Error **errp)
{
    const char *id = ms->ram_memdev_id;
    Object *obj = *id == '/' ? object_resolve_path(id, NULL)
                             : object_resolve_path_component(object_get_objects_root(), id);
    HostMemoryBackend *backend;
    uint64_t size;

    if (!obj || !object_dynamic_cast(obj, TYPE_MEMORY_BACKEND)) {
        error_setg(errp, "Memory backend '%s' not found", id);
        return NULL;
    }
    backend = MEMORY_BACKEND(obj);
    size = memory_region_size(host_memory_backend_get_memory(backend));
    if (ms->ram_size_given && size != ms->ram_size) {
        error_setg(errp, "Machine memory size does not match the size of the memory backend");
        return NULL;
    }
    if (!ms->ram_size_given) {
        ms->maxram_size = MAX(ms->maxram_size, size);
        ms->ram_size = size;
    }
    return backend;
}

static HostMemoryBackend *machine_make_memdev(MachineState *ms, Error **errp)
{
    const char *id = MACHINE_GET_CLASS(ms)->default_ram_id;
    Object *objects = object_get_objects_root();
    Object *obj;
    bool ok;

    if (object_resolve_path_component(objects, id)) {
        error_setg(errp, "object name '%s' is reserved for the default RAM backend, it can't be "
                   "used for any other purposes. Change the object's 'id' to something else", id);
        return NULL;
    }
    obj = object_new(TYPE_MEMORY_BACKEND_RAM);
    object_property_add_child(objects, id, obj);
    MEMORY_BACKEND(obj)->use_canonical_path = false;
    ok = object_property_set_uint(obj, "size", ms->ram_size, errp) &&
         user_creatable_complete((UserCreatable *)obj, errp);
    object_unref(obj);
    if (!ok) {
        object_unparent(obj);
        return NULL;
    }
    return MEMORY_BACKEND(obj);
}

/* RAM from the nodes' backends, in the order of the nodes. */
static bool machine_make_numa_ram(MachineState *ms, Error **errp)
{
    const NumaState *numa = ms->numa_state;
    hwaddr addr = 0;

    if (ms->memdev) {
        error_setg(errp, "'-machine memory-backend' and '-numa memdev' properties are mutually "
                   "exclusive");
        return false;
    }
    memory_region_init(&ms->numa_ram, OBJECT(ms), MACHINE_GET_CLASS(ms)->default_ram_id,
                       ms->ram_size);
    for (int i = 0; i < numa->num_nodes; i++) {
        HostMemoryBackend *backend = numa->nodes[i].node_memdev;

        if (!backend) {
            continue;
        }
        if (!machine_claim_backend(backend, used_by_node_before(numa, i), errp)) {
            return false;
        }
        memory_region_add_subregion(&ms->numa_ram, addr, host_memory_backend_get_memory(backend));
        addr += numa->nodes[i].node_mem;
    }
    ms->ram = &ms->numa_ram;
    return true;
}

bool machine_resolve_memdev(MachineState *ms, Error **errp)
{
    MachineClass *mc = MACHINE_GET_CLASS(ms);

    if (!ms->ram_memdev_id) {
        return true;
    }
    if (!mc->default_ram_id) {
        error_setg(errp, "machine '%s' takes no RAM from a memory backend", mc->name);
        return false;
    }
    ms->memdev = machine_find_memdev(ms, errp);
    return ms->memdev != NULL;
}

bool machine_create_ram(MachineState *ms, Error **errp)
{
    if (!MACHINE_GET_CLASS(ms)->default_ram_id) {
        return true;
    }
    if (numa_uses_memdevs(ms)) {
        return machine_make_numa_ram(ms, errp);
    }
    if (!ms->memdev) {
        if (!ms->ram_size) {
            return true;
        }
        ms->memdev = machine_make_memdev(ms, errp);
    }
    if (!ms->memdev ||
        !machine_claim_backend(ms->memdev, host_memory_backend_is_mapped(ms->memdev), errp)) {
        return false;
    }
    ms->ram = host_memory_backend_get_memory(ms->memdev);
    return true;
}
