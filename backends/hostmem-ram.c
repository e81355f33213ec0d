/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory-backend-ram: anonymous memory. With share=on it is a memfd of ours without a name, so
 * that what it holds can be given back and counted like that of any shared memory.
 */
#include "qemu/osdep.h"
#include "system/hostmem.h"
#include "system/ramblock.h"

static bool ram_backend_alloc(HostMemoryBackend *backend, Error **errp)
{
    g_autofree char *name = host_memory_backend_get_name(backend);
    uint32_t flags = (backend->share ? RAM_SHARED : 0) | (backend->reserve ? 0 : RAM_NORESERVE);

    return memory_region_init_ram_flags_nomigrate(&backend->mr, OBJECT(backend),
                                                  name ? name : "ram", backend->size, flags,
                                                  errp);
}

static void ram_backend_class_init(ObjectClass *oc, const void *data)
{
    MEMORY_BACKEND_CLASS(oc)->alloc = ram_backend_alloc;
}

static const TypeInfo ram_backend_types[] = {
    {
        .name = TYPE_MEMORY_BACKEND_RAM,
        .parent = TYPE_MEMORY_BACKEND,
        .class_init = ram_backend_class_init,
    },
};
DEFINE_TYPES(ram_backend_types)
