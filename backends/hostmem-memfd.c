/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory-backend-memfd: memory in a memfd (memfd_create(2)), of huge pages if wished, sealed
 * against growing and shrinking so that whoever it is shared with cannot take pages away.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "system/hostmem.h"
#include "system/ramblock.h"

OBJECT_DECLARE_SIMPLE_TYPE(HostMemoryBackendMemfd, MEMORY_BACKEND_MEMFD)

struct HostMemoryBackendMemfd {
    HostMemoryBackend parent_obj;

    bool hugetlb;
    uint64_t hugetlbsize;  /* bytes; 0: the host's default */
    bool seal;
};

static bool memfd_backend_alloc(HostMemoryBackend *backend, Error **errp)
{
    HostMemoryBackendMemfd *m = MEMORY_BACKEND_MEMFD(backend);
    unsigned seals = m->seal ? F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL : 0;
    uint32_t flags = (backend->share ? RAM_SHARED : 0) | (backend->reserve ? 0 : RAM_NORESERVE);
    g_autofree char *name = host_memory_backend_get_name(backend);
    int fd;

    if (m->hugetlbsize && !m->hugetlb) {
        error_setg(errp, "'hugetlbsize' requires 'hugetlb=on'");
        return false;
    }
    fd = qemu_memfd_create(TYPE_MEMORY_BACKEND_MEMFD, backend->size, m->hugetlb, m->hugetlbsize,
                           seals, errp);
    return fd >= 0 && memory_region_init_ram_from_fd(&backend->mr, OBJECT(backend),
                                                     name ? name : "memfd", backend->size,
                                                     flags, fd, 0, errp);
}

static bool check_not_complete(Object *obj, Error **errp)
{
    if (host_memory_backend_mr_inited(MEMORY_BACKEND(obj))) {
        error_setg(errp, "cannot change property value");
        return false;
    }
    return true;
}

static bool get_hugetlb(Object *obj, Error **errp)
{
    return MEMORY_BACKEND_MEMFD(obj)->hugetlb;
}

static void set_hugetlb(Object *obj, bool value, Error **errp)
{
    if (check_not_complete(obj, errp)) {
        MEMORY_BACKEND_MEMFD(obj)->hugetlb = value;
    }
}

static bool get_seal(Object *obj, Error **errp)
{
    return MEMORY_BACKEND_MEMFD(obj)->seal;
}

static void set_seal(Object *obj, bool value, Error **errp)
{
    if (check_not_complete(obj, errp)) {
        MEMORY_BACKEND_MEMFD(obj)->seal = value;
    }
}

static void get_hugetlbsize(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    uint64_t value = MEMORY_BACKEND_MEMFD(obj)->hugetlbsize;

    visit_type_size(v, name, &value, errp);
}

static void set_hugetlbsize(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    uint64_t value;

    if (!check_not_complete(obj, errp) || !visit_type_size(v, name, &value, errp)) {
        return;
    }
    if (!value) {
        error_setg(errp, "Property '%s.%s' doesn't take value '0'", object_get_typename(obj),
                   name);
        return;
    }
    MEMORY_BACKEND_MEMFD(obj)->hugetlbsize = value;
}

static void memfd_backend_init(Object *obj)
{
    MEMORY_BACKEND_MEMFD(obj)->seal = true;
    MEMORY_BACKEND(obj)->share = true;
}

static void memfd_backend_class_init(ObjectClass *oc, const void *data)
{
    MEMORY_BACKEND_CLASS(oc)->alloc = memfd_backend_alloc;
    object_class_property_add_bool(oc, "hugetlb", get_hugetlb, set_hugetlb);
    object_class_property_set_description(oc, "hugetlb", "Use huge pages");
    object_class_property_add(oc, "hugetlbsize", "int", get_hugetlbsize, set_hugetlbsize, NULL,
                              NULL);
    object_class_property_set_description(oc, "hugetlbsize", "Huge pages size (ex: 2M, 1G)");
    object_class_property_add_bool(oc, "seal", get_seal, set_seal);
    object_class_property_set_description(oc, "seal", "Seal growing & shrinking");
}

static const TypeInfo memfd_backend_types[] = {
    {
        .name = TYPE_MEMORY_BACKEND_MEMFD,
        .parent = TYPE_MEMORY_BACKEND,
        .instance_size = sizeof(HostMemoryBackendMemfd),
        .instance_init = memfd_backend_init,
        .class_init = memfd_backend_class_init,
    },
};
DEFINE_TYPES(memfd_backend_types)
