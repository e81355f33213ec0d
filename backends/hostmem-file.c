/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory-backend-file: memory in a file, or in an unnamed one of a directory (a hugetlbfs mount,
 * tmpfs). Unless share=on, writes stay in the process; the file only gives the first contents.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/hostmem.h"
#include "system/ramblock.h"

OBJECT_DECLARE_SIMPLE_TYPE(HostMemoryBackendFile, MEMORY_BACKEND_FILE)

struct HostMemoryBackendFile {
    HostMemoryBackend parent_obj;

    char *mem_path;
    uint64_t align;      /* bytes; 0: no wish */
    bool discard_data;   /* punch the file's data out when the backend goes */
    bool readonly;
};

static bool file_backend_alloc(HostMemoryBackend *backend, Error **errp)
{
    HostMemoryBackendFile *fb = MEMORY_BACKEND_FILE(backend);
    g_autofree char *name = host_memory_backend_get_name(backend);
    uint32_t flags = (backend->share ? RAM_SHARED : 0) | (backend->reserve ? 0 : RAM_NORESERVE) |
                     (fb->readonly ? RAM_READONLY | RAM_READONLY_FD : 0);

    if (!fb->mem_path) {
        error_setg(errp, "Parameter 'mem-path' is missing");
        return false;
    }
    return memory_region_init_ram_from_file(&backend->mr, OBJECT(backend), name ? name : "file",
                                            backend->size, fb->align, flags, fb->mem_path, 0,
                                            errp);
}

/* The file outlives us; whoever set discard-data does not want what is in it. */
static void file_backend_unparent(Object *obj)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(obj);
    RAMBlock *rb = backend->mr.ram_block;
    int ret;

    if (!host_memory_backend_mr_inited(backend) || !MEMORY_BACKEND_FILE(obj)->discard_data ||
        !qemu_ram_is_shared(rb)) {
        return;
    }
    ret = ram_block_discard_for_good(rb);
    if (ret) {
        warn_report("%s: discarding data of '%s' failed: %s",
                    object_get_canonical_path_component(obj), MEMORY_BACKEND_FILE(obj)->mem_path,
                    strerror(-ret));
    }
}

static bool check_not_complete(Object *obj, const char *name, Error **errp)
{
    if (host_memory_backend_mr_inited(MEMORY_BACKEND(obj))) {
        error_setg(errp, "cannot change property '%s' of %s", name, object_get_typename(obj));
        return false;
    }
    return true;
}

static char *get_mem_path(Object *obj, Error **errp)
{
    return g_strdup(MEMORY_BACKEND_FILE(obj)->mem_path);
}

static void set_mem_path(Object *obj, const char *value, Error **errp)
{
    HostMemoryBackendFile *fb = MEMORY_BACKEND_FILE(obj);

    if (check_not_complete(obj, "mem-path", errp)) {
        g_free(fb->mem_path);
        fb->mem_path = g_strdup(value);
    }
}

static bool get_discard_data(Object *obj, Error **errp)
{
    return MEMORY_BACKEND_FILE(obj)->discard_data;
}

static void set_discard_data(Object *obj, bool value, Error **errp)
{
    MEMORY_BACKEND_FILE(obj)->discard_data = value;
}

static void get_align(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = MEMORY_BACKEND_FILE(obj)->align;

    visit_type_size(v, name, &value, errp);
}

static void set_align(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value;

    if (check_not_complete(obj, name, errp) && visit_type_size(v, name, &value, errp)) {
        MEMORY_BACKEND_FILE(obj)->align = value;
    }
}

static bool get_pmem(Object *obj, Error **errp)
{
    return false;
}

static void set_pmem(Object *obj, bool value, Error **errp)
{
    g_autofree char *path = NULL;

    if (!value) {
        return;
    }
    path = object_get_canonical_path(obj);
    error_setg(errp, "Lack of libpmem support while setting the 'pmem=on' of %s. We can't ensure"
               " data persistence.", path ? path : object_get_typename(obj));
}

static bool get_readonly(Object *obj, Error **errp)
{
    return MEMORY_BACKEND_FILE(obj)->readonly;
}

static void set_readonly(Object *obj, bool value, Error **errp)
{
    if (check_not_complete(obj, "readonly", errp)) {
        MEMORY_BACKEND_FILE(obj)->readonly = value;
    }
}

static void file_backend_finalize(Object *obj)
{
    g_free(MEMORY_BACKEND_FILE(obj)->mem_path);
}

static void file_backend_class_init(ObjectClass *oc, const void *data)
{
    MEMORY_BACKEND_CLASS(oc)->alloc = file_backend_alloc;
    oc->unparent = file_backend_unparent;
    object_class_property_add_bool(oc, "discard-data", get_discard_data, set_discard_data);
    object_class_property_add_str(oc, "mem-path", get_mem_path, set_mem_path);
    object_class_property_add(oc, "align", "int", get_align, set_align, NULL, NULL);
    object_class_property_add_bool(oc, "pmem", get_pmem, set_pmem);
    object_class_property_add_bool(oc, "readonly", get_readonly, set_readonly);
}

static const TypeInfo file_backend_types[] = {
    {
        .name = TYPE_MEMORY_BACKEND_FILE,
        .parent = TYPE_MEMORY_BACKEND,
        .instance_size = sizeof(HostMemoryBackendFile),
        .instance_finalize = file_backend_finalize,
        .class_init = file_backend_class_init,
    },
};
DEFINE_TYPES(file_backend_types)
