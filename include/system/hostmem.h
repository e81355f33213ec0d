/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HostMemoryBackend: a user-creatable object that owns guest RAM ("-object memory-backend-*").
 * A subclass only makes the RAM (alloc); all properties that are about pages in general (NUMA
 * policy, merging, dumping, preallocation) are carried out here. Under the big lock.
 */
#ifndef SYSTEM_HOSTMEM_H
#define SYSTEM_HOSTMEM_H

#include "qapi/qapi-types-common.h"
#include "qom/object.h"
#include "system/memory.h"

#define TYPE_MEMORY_BACKEND "memory-backend"
OBJECT_DECLARE_TYPE(HostMemoryBackend, HostMemoryBackendClass, MEMORY_BACKEND)

#define TYPE_MEMORY_BACKEND_RAM "memory-backend-ram"
#define TYPE_MEMORY_BACKEND_FILE "memory-backend-file"
#define TYPE_MEMORY_BACKEND_MEMFD "memory-backend-memfd"

/* Host NUMA nodes that "host-nodes" can name. */
#define HOSTMEM_MAX_NODES 128

struct HostMemoryBackendClass {
    ObjectClass parent_class;

    /* Initialises backend->mr with memory; true, or false with @errp. */
    bool (*alloc)(HostMemoryBackend *backend, Error **errp);
};

struct HostMemoryBackend {
    Object parent;

    uint64_t size;              /* bytes, as the user said */
    bool merge, dump, share, reserve;
    bool prealloc;
    bool is_mapped;             /* in use by a device or as the machine's RAM */
    bool use_canonical_path;    /* the RAM block is called by the object's path */
    uint32_t prealloc_threads;
    unsigned long host_nodes[HOSTMEM_MAX_NODES / (8 * sizeof(long)) + 1];
    HostMemPolicy policy;
    bool complete;              /* mr is initialised */
    MemoryRegion mr;
};

/* Defaults of "merge" and "dump": what -machine mem-merge= and dump-guest-core= say. */
extern bool host_memory_backend_default_merge;
extern bool host_memory_backend_default_dump;
/* Default of "prealloc-threads": the machine's number of CPUs. */
extern uint32_t host_memory_backend_default_prealloc_threads;

bool host_memory_backend_mr_inited(HostMemoryBackend *backend);
/* The backend's RAM, or NULL before the object is complete. */
MemoryRegion *host_memory_backend_get_memory(HostMemoryBackend *backend);
/* Exactly one user at a time: asserts nothing, the user asks first. */
void host_memory_backend_set_mapped(HostMemoryBackend *backend, bool mapped);
bool host_memory_backend_is_mapped(HostMemoryBackend *backend);
/* Page size of its memory in bytes. */
size_t host_memory_backend_pagesize(HostMemoryBackend *memdev);
/* Name of the RAM block: the object's id, or its canonical path. Caller frees. */
char *host_memory_backend_get_name(HostMemoryBackend *backend);

#endif /* SYSTEM_HOSTMEM_H */
