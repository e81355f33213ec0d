/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP command that tells why virtio-mem devices have the size that they have. */
#include "qemu/osdep.h"

#include "hw/core/qdev.h"
#include "hw/virtio/virtio-mem.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-machine.h"
#include "qom/object.h"

static int add_virtio_mem(Object *obj, void *opaque)
{
    GPtrArray *devices = opaque;

    if (object_dynamic_cast(obj, TYPE_VIRTIO_MEM) && DEVICE(obj)->realized) {
        g_ptr_array_add(devices, obj);
    }
    return 0;
}

static int compare_addr(const void *a, const void *b)
{
    const VirtIOMEM *const *vmem_a = a, *const *vmem_b = b;

    return (*vmem_a)->addr < (*vmem_b)->addr ? -1 : (*vmem_a)->addr > (*vmem_b)->addr;
}

/* The realized devices at or below @root, by address. */
static GPtrArray *find_virtio_mem(Object *root)
{
    GPtrArray *devices = g_ptr_array_new();

    add_virtio_mem(root, devices);
    object_child_foreach_recursive(root, add_virtio_mem, devices);
    g_ptr_array_sort(devices, compare_addr);
    return devices;
}

/* What is named by the device's id or path (of the proxy on PCI, or of virtio-mem itself). */
static Object *resolve_virtio_mem(const char *id, Error **errp)
{
    Object *obj = object_resolve_path(id, NULL);
    g_autoptr(GPtrArray) devices = obj ? find_virtio_mem(obj) : NULL;

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
        return NULL;
    }
    if (devices->len != 1 || !object_dynamic_cast(obj, TYPE_DEVICE)) {
        error_setg(errp, "'%s' is not a virtio-mem device", id);
        return NULL;
    }
    return g_ptr_array_index(devices, 0);
}

VirtioMEMReportList *qmp_x_query_virtio_mem(const char *id, bool has_first_block,
                                            uint64_t first_block, Error **errp)
{
    VirtioMEMReportList *list = NULL, **tail = &list;
    g_autoptr(GPtrArray) devices = NULL;
    Object *root = id ? resolve_virtio_mem(id, errp) : object_get_root();

    if (!root) {
        return NULL;
    }
    if (has_first_block && !id) {
        error_setg(errp, "'first-block' needs 'id': it counts the blocks of one device");
        return NULL;
    }
    devices = find_virtio_mem(root);
    for (guint i = 0; i < devices->len; i++) {
        VirtioMEMReport *report = virtio_mem_report_new(VIRTIO_MEM(devices->pdata[i]),
                                                        has_first_block ? first_block : 0, errp);

        if (!report) {
            qapi_free_VirtioMEMReportList(list);
            return NULL;
        }
        QAPI_LIST_APPEND(tail, report);
    }
    return list;
}
