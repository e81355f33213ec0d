/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem as the rest of the machine meets it from within, with a machine and a transport of the
 * test's own: its RamDiscardManager with listeners that accept and that refuse, what realize
 * refuses and leaves behind, unrealize, and the reset that is none.
 */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qemu/json.h"
#include "hw/core/boards.h"
#include "hw/virtio/virtio-bus.h"
#include "hw/virtio/virtio-mem.h"
#include "qom/object_interfaces.h"
#include "system/address-spaces.h"
#include "system/ramblock.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"

#define RAM_SIZE 0x10000
#define DESC_GPA 0x1000
#define AVAIL_GPA 0x2000
#define USED_GPA 0x3000
#define REQ_GPA 0x4000
#define RESP_GPA 0x5000
#define QUEUE_SIZE 128
#define ADDR (4 * (uint64_t)GiB)
#define BLOCK ((uint64_t)(2 * MiB))
#define NB_BLOCKS 64

/* ---- a machine with a device ----------------------------------------------------------------- */

static AddressSpace test_as;
static MemoryRegion test_root, test_ram;
static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
static BusState *bus;
static unsigned nb_backends;
static VirtIOMEM *vmem;
static uint16_t avail_idx;

static void test_notify(DeviceState *d, uint16_t vector)
{
}

static AddressSpace *test_get_dma_as(DeviceState *d)
{
    return &test_as;
}

static void test_bus_class_init(ObjectClass *klass, const void *data)
{
    VIRTIO_BUS_CLASS(klass)->notify = test_notify;
    VIRTIO_BUS_CLASS(klass)->get_dma_as = test_get_dma_as;
}

static const TypeInfo test_types[] = {
    {
        .name = "test-virtio-bus",
        .parent = TYPE_VIRTIO_BUS,
        .instance_size = sizeof(VirtioBusState),
        .class_init = test_bus_class_init,
    }, {
        .name = "test-machine",
        .parent = TYPE_MACHINE,
    }, {
        .name = "test-manager",
        .parent = TYPE_OBJECT,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RAM_DISCARD_MANAGER }, { } },
    },
};

static void set_up(void)
{
    type_register_static_array(test_types, ARRAY_SIZE(test_types));
    qemu_init_main_loop();
    vm_start();         /* a stopped machine handles no queue */
    object_property_add_child(object_get_root(), "machine", object_new("test-machine"));
    memory_region_init(&test_root, NULL, "root", UINT64_MAX);
    memory_region_init_ram_ptr(&test_ram, NULL, "ram", RAM_SIZE, ram);
    memory_region_add_subregion(&test_root, 0, &test_ram);
    address_space_init(&test_as, &test_root, "test");
    bus = qbus_new("test-virtio-bus", NULL, "test-bus");
}

static HostMemoryBackend *backend_new(uint64_t size)
{
    g_autofree char *name = g_strdup_printf("mem%u", nb_backends++);
    Object *obj = object_new("memory-backend-ram");

    object_property_set_int(obj, "size", size, &error_abort);
    object_property_add_child(object_get_root(), name, obj);
    user_creatable_complete(USER_CREATABLE(obj), &error_abort);
    object_unref(obj);
    return MEMORY_BACKEND(obj);
}

static void backend_free(HostMemoryBackend *backend)
{
    object_unparent(OBJECT(backend));
}

static VirtIOMEM *device_new(HostMemoryBackend *backend)
{
    Object *obj = object_new(TYPE_VIRTIO_MEM);

    object_property_set_link(obj, "memdev", OBJECT(backend), &error_abort);
    object_property_set_uint(obj, "memaddr", ADDR, &error_abort);
    object_property_set_uint(obj, "requested-size", NB_BLOCKS * BLOCK, &error_abort);
    virtio_add_feature(&VIRTIO_DEVICE(obj)->host_features, VIRTIO_F_VERSION_1);
    return VIRTIO_MEM(obj);
}

/* Makes @device the one that a driver has at work: vmem. */
static void start_device(VirtIOMEM *device)
{
    VirtIODevice *vdev;

    vmem = device;
    qdev_realize(DEVICE(vmem), bus, &error_abort);
    vdev = VIRTIO_DEVICE(vmem);
    memset(ram, 0, RAM_SIZE);
    avail_idx = 0;
    virtio_set_status(vdev, 3);
    virtio_set_features(vdev, vdev->host_features);
    virtio_set_status(vdev, 0xb);
    virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
    virtio_queue_set_rings(vdev, 0, DESC_GPA, AVAIL_GPA, USED_GPA);
    virtio_queue_enable(vdev, 0);
    virtio_set_status(vdev, 0xf);
}

/* A device of NB_BLOCKS, with these properties (JSON). */
static void start_with(const char *properties)
{
    VirtIOMEM *device = device_new(backend_new(NB_BLOCKS * BLOCK));
    json_t *props = qjson_parse(properties, &error_abort);

    object_set_properties_from_json(OBJECT(device), props, false, &error_abort);
    json_decref(props);
    VIRTIO_MEM_GET_CLASS(device)->decide_memslots(device, 1);
    start_device(device);
}

static void start(void)
{
    start_with("{}");
}

/* The device goes, and leaves its backend behind. */
static HostMemoryBackend *stop_device(void)
{
    HostMemoryBackend *backend = vmem->memdev;

    qdev_unrealize(DEVICE(vmem));
    object_unref(OBJECT(vmem));
    g_assert_false(host_memory_backend_is_mapped(backend));
    g_assert_false(memory_region_has_ram_discard_manager(&backend->mr));
    g_assert_false(ram_block_discard_is_required());
    return backend;
}

static void stop(void)
{
    backend_free(stop_device());
}

/* Notifies a request of @nb blocks from block @first. */
static void request_begin(uint16_t type, uint64_t first, uint16_t nb)
{
    struct virtio_mem_req *req = (struct virtio_mem_req *)(ram + REQ_GPA);
    struct virtio_mem_resp *resp = (struct virtio_mem_resp *)(ram + RESP_GPA);
    struct vring_desc *desc = (struct vring_desc *)(ram + DESC_GPA);
    uint16_t *avail = (uint16_t *)(ram + AVAIL_GPA);

    *req = (struct virtio_mem_req) { .type = GUINT16_TO_LE(type) };
    req->u.plug.addr = GUINT64_TO_LE(ADDR + first * BLOCK);
    req->u.plug.nb_blocks = GUINT16_TO_LE(nb);
    resp->type = 0xeeee;
    desc[0] = (struct vring_desc) { GUINT64_TO_LE(REQ_GPA), GUINT32_TO_LE(sizeof(*req)),
                                    GUINT16_TO_LE(VRING_DESC_F_NEXT), GUINT16_TO_LE(1) };
    desc[1] = (struct vring_desc) { GUINT64_TO_LE(RESP_GPA), GUINT32_TO_LE(sizeof(*resp)),
                                    GUINT16_TO_LE(VRING_DESC_F_WRITE), 0 };
    avail[2 + avail_idx % QUEUE_SIZE] = 0;
    avail[1] = GUINT16_TO_LE(++avail_idx);
    virtio_queue_notify(VIRTIO_DEVICE(vmem), 0);
}

/* And its answer. */
static uint16_t request(uint16_t type, uint64_t first, uint16_t nb)
{
    const struct virtio_mem_resp *resp = (struct virtio_mem_resp *)(ram + RESP_GPA);
    const uint16_t *avail = (uint16_t *)(ram + AVAIL_GPA), *used = (uint16_t *)(ram + USED_GPA);

    request_begin(type, first, nb);
    while (used[1] != avail[1]) {
        main_loop_wait(false);
    }
    return GUINT16_FROM_LE(resp->type);
}

static void expect(uint16_t type, uint64_t first, uint16_t nb, uint16_t answer)
{
    g_assert_cmpuint(request(type, first, nb), ==, answer);
}

static void plug(uint64_t first, uint16_t nb)
{
    expect(VIRTIO_MEM_REQ_PLUG, first, nb, VIRTIO_MEM_RESP_ACK);
}

static void unplug(uint64_t first, uint16_t nb)
{
    expect(VIRTIO_MEM_REQ_UNPLUG, first, nb, VIRTIO_MEM_RESP_ACK);
}

/* ---- the discard manager --------------------------------------------------------------------- */

/* What a listener or a replay was told, as text: "+2-3 " blocks 2 and 3 have appeared. */
typedef struct Told {
    RamDiscardListener listener;
    GString *text;
    int refuse;                 /* answer to populate; 0: accepts */
    int left;                   /* replay: so many more, then -EIO; -1: all */
} Told;

static void note(Told *told, char what, const MemoryRegionSection *section)
{
    uint64_t first = section->offset_within_region / BLOCK;

    g_assert_true(section->mr == &vmem->memdev->mr);
    g_string_append_printf(told->text, "%c%" PRIu64 "-%" PRIu64 " ", what, first,
                           first + (uint64_t)section->size / BLOCK - 1);
}

static int told_populate(RamDiscardListener *rdl, MemoryRegionSection *section)
{
    Told *told = container_of(rdl, Told, listener);

    note(told, told->refuse ? '!' : '+', section);
    return told->refuse;
}

static void told_discard(RamDiscardListener *rdl, MemoryRegionSection *section)
{
    note(container_of(rdl, Told, listener), '-', section);
}

static int told_replay(MemoryRegionSection *section, void *opaque)
{
    Told *told = opaque;

    note(told, '=', section);
    return told->left > 0 && --told->left == 0 ? -EIO : 0;
}

static void assert_told(Told *told, const char *expected)
{
    g_assert_cmpstr(told->text->str, ==, expected);
    g_string_truncate(told->text, 0);
}

static MemoryRegionSection section_of(uint64_t first, uint64_t nb)
{
    return (MemoryRegionSection) {
        .mr = &vmem->memdev->mr,
        .offset_within_region = first * BLOCK,
        .size = nb * BLOCK,
    };
}

static void told_begin(Told *told, uint64_t first, uint64_t nb)
{
    MemoryRegionSection section = section_of(first, nb);

    *told = (Told) { .text = g_string_new(""), .left = -1 };
    ram_discard_listener_init(&told->listener, told_populate, told_discard, true);
    ram_discard_manager_register_listener(RAM_DISCARD_MANAGER(vmem), &told->listener, &section);
}

static void told_end(Told *told, const char *expected)
{
    ram_discard_manager_unregister_listener(RAM_DISCARD_MANAGER(vmem), &told->listener);
    g_assert_null(told->listener.section);
    assert_told(told, expected);
    g_string_free(told->text, true);
}

static void test_is_populated(void)
{
    RamDiscardManager *rdm;
    static const struct {
        uint64_t first, nb;
        bool populated;
    } cases[] = {
        { 2, 3, true }, { 2, 1, true }, { 4, 1, true }, { 1, 2, false }, { 4, 2, false },
        { 0, 1, false }, { 6, 1, true }, { 2, 5, false }, { 63, 1, true },
    };

    start();
    rdm = memory_region_get_ram_discard_manager(&vmem->memdev->mr);
    g_assert_true(rdm == RAM_DISCARD_MANAGER(vmem));
    g_assert_cmphex(ram_discard_manager_get_min_granularity(rdm, &vmem->memdev->mr), ==, BLOCK);
    plug(2, 3);
    plug(6, 1);
    plug(63, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        MemoryRegionSection section = section_of(cases[i].first, cases[i].nb);

        g_assert_cmpint(ram_discard_manager_is_populated(rdm, &section), ==, cases[i].populated);
    }
    stop();
}

static void test_replay(void)
{
    MemoryRegionSection all = section_of(0, NB_BLOCKS), some;
    Told told = { .text = g_string_new("") };
    RamDiscardManager *rdm;

    start();
    rdm = RAM_DISCARD_MANAGER(vmem);
    all = section_of(0, NB_BLOCKS);
    some = section_of(3, 6);
    plug(2, 3);
    plug(6, 1);
    plug(8, 4);
    g_assert_cmpint(ram_discard_manager_replay_populated(rdm, &all, told_replay, &told), ==, 0);
    assert_told(&told, "=2-4 =6-6 =8-11 ");
    g_assert_cmpint(ram_discard_manager_replay_discarded(rdm, &all, told_replay, &told), ==, 0);
    assert_told(&told, "=0-1 =5-5 =7-7 =12-63 ");
    g_assert_cmpint(ram_discard_manager_replay_populated(rdm, &some, told_replay, &told), ==, 0);
    assert_told(&told, "=3-4 =6-6 =8-8 ");
    g_assert_cmpint(ram_discard_manager_replay_discarded(rdm, &some, told_replay, &told), ==, 0);
    assert_told(&told, "=5-5 =7-7 ");
    told.left = 2;
    g_assert_cmpint(ram_discard_manager_replay_populated(rdm, &all, told_replay, &told), ==, -EIO);
    assert_told(&told, "=2-4 =6-6 ");
    g_string_free(told.text, true);
    stop();
}

static void test_listener(void)
{
    Told all, part;

    start();
    plug(0, 2);
    plug(10, 4);
    told_begin(&all, 0, NB_BLOCKS);
    assert_told(&all, "+0-1 +10-13 ");
    told_begin(&part, 12, 4);
    assert_told(&part, "+12-13 ");
    plug(14, 4);
    assert_told(&all, "+14-17 ");
    assert_told(&part, "+14-15 ");
    unplug(0, 1);
    assert_told(&all, "-0-0 ");
    assert_told(&part, "");
    unplug(13, 3);
    assert_told(&all, "-13-15 ");
    assert_told(&part, "-13-15 ");
    told_end(&part, "-12-12 ");
    expect(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, VIRTIO_MEM_RESP_ACK);
    assert_told(&all, "-1-1 -10-12 -16-17 ");
    plug(5, 1);
    assert_told(&all, "+5-5 ");
    qemu_devices_reset(RESET_TYPE_COLD);
    assert_told(&all, "-5-5 ");
    told_end(&all, "");
    stop();
}

/* The guest is told BUSY, and those who had accepted, that it is gone again. */
static void test_listener_refuses(void)
{
    Told first, second;

    start();
    told_begin(&first, 0, NB_BLOCKS);
    told_begin(&second, 0, NB_BLOCKS);
    first.refuse = -ENOSPC;             /* it is asked after the second */
    expect(VIRTIO_MEM_REQ_PLUG, 3, 2, VIRTIO_MEM_RESP_BUSY);
    assert_told(&second, "+3-4 -3-4 ");
    assert_told(&first, "!3-4 ");
    g_assert_cmphex(object_property_get_uint(OBJECT(vmem), "size", &error_abort), ==, 0);
    second.refuse = -ENOSPC;
    expect(VIRTIO_MEM_REQ_PLUG, 3, 2, VIRTIO_MEM_RESP_BUSY);
    assert_told(&second, "!3-4 ");
    assert_told(&first, "");
    first.refuse = second.refuse = 0;
    plug(3, 2);
    assert_told(&second, "+3-4 ");
    assert_told(&first, "+3-4 ");
    told_end(&second, "-3-4 ");
    told_end(&first, "-3-4 ");
    stop();
}

static unsigned listener_room;

/* As an accelerator is one, with so many memory slots. */
static void listener_add(MemoryListener *listener, MemoryRegionSection *section)
{
    Error *err = NULL;

    if (section->mr == &test_ram || listener_room) {
        listener_room -= section->mr != &test_ram;
        return;
    }
    error_setg(&err, "no memory slot is left");
    memory_listener_failed(err);
}

/* Dynamic memory slots: what the accelerator cannot show was not plugged. */
static void test_accelerator_refuses(void)
{
    MemoryListener listener = { .name = "test", .region_add = listener_add };
    VirtIOMEMClass *vmc;
    MemoryRegion *region;
    Told told;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*no memory slot is left*");
        return;
    }
    start_with("{'dynamic-memslots': true, 'unplugged-inaccessible': 'on'}");
    vmc = VIRTIO_MEM_GET_CLASS(vmem);
    region = vmc->get_memory_region(vmem, &error_abort);
    memory_region_add_subregion(&test_root, ADDR, region);
    memory_listener_register(&listener, &test_as);
    told_begin(&told, 0, NB_BLOCKS);
    expect(VIRTIO_MEM_REQ_PLUG, 3, 2, VIRTIO_MEM_RESP_BUSY);
    assert_told(&told, "");
    g_assert_cmphex(object_property_get_uint(OBJECT(vmem), "size", &error_abort), ==, 0);
    g_assert_false(memory_region_present(&test_root, ADDR));
    listener_room = 1;
    plug(3, 2);
    g_assert_true(memory_region_present(&test_root, ADDR));
    told_end(&told, "+3-4 -3-4 ");
    memory_listener_unregister(&listener);
    memory_region_del_subregion(&test_root, region);
    stop();
}

/* One that comes late and refuses what is there is told of, and not of what comes. */
static void test_listener_refuses_replay(void)
{
    MemoryRegionSection section;
    Told told = { .text = g_string_new(""), .refuse = -ENOSPC };

    if (g_test_subprocess()) {
        start();
        plug(3, 1);
        plug(5, 1);
        section = section_of(0, NB_BLOCKS);
        ram_discard_listener_init(&told.listener, told_populate, told_discard, true);
        ram_discard_manager_register_listener(RAM_DISCARD_MANAGER(vmem), &told.listener,
                                              &section);
        assert_told(&told, "!3-3 ");
        told.refuse = 0;
        told_end(&told, "-3-3 -5-5 ");
        stop();
        return;
    }
    g_string_free(told.text, true);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*replaying plugged ranges failed: No space left on device*");
}

/* ---- realize and unrealize ------------------------------------------------------------------- */

/* Realizing device has to fail and to leave its backend free; it is freed. */
static void assert_refused(VirtIOMEM *device, const char *text)
{
    Error *err = NULL;

    g_assert_false(qdev_realize(DEVICE(device), bus, &err));
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), text)) {
        g_error("realize says \"%s\", expected \"%s\"", error_get_pretty(err), text);
    }
    error_free(err);
    g_assert_false(ram_block_discard_is_required());
    object_unref(OBJECT(device));
}

static void test_realize_refused(void)
{
    HostMemoryBackend *backend = backend_new(NB_BLOCKS * BLOCK), *odd = backend_new(3 * MiB);
    VirtIOMEM *device;

    assert_refused(device_new(NULL), "'memdev' property must be set");
    device = device_new(backend);
    object_property_set_uint(OBJECT(device), "memaddr", ADDR + MiB, &error_abort);
    assert_refused(device, "'memaddr' property has to be multiples of 'block-size' (0x200000)");
    device = device_new(backend);
    object_property_set_uint(OBJECT(device), "requested-size", MiB, &error_abort);
    assert_refused(device, "'requested-size' property has to be multiples of 'block-size'");
    device = device_new(odd);
    object_property_set_uint(OBJECT(device), "requested-size", 0, &error_abort);
    assert_refused(device, "'memdev' property memdev size has to be multiples of 'block-size'");
    device = device_new(backend);
    object_property_set_uint(OBJECT(device), "node", 1, &error_abort);
    assert_refused(device, "'node' property has value '1', which exceeds");
    g_assert_cmpint(ram_block_discard_disable(true), ==, 0);
    assert_refused(device_new(backend), "Discarding RAM is disabled");
    ram_block_discard_disable(false);
    host_memory_backend_set_mapped(backend, true);
    assert_refused(device_new(backend), "busy memdev: mem");
    host_memory_backend_set_mapped(backend, false);
    backend->mr.readonly = true;
    assert_refused(device_new(backend), "unsupported memdev: mem");
    backend->mr.readonly = false;
    backend_free(odd);
    backend_free(backend);
}

static void test_realize_managed(void)
{
    HostMemoryBackend *backend = backend_new(NB_BLOCKS * BLOCK);
    Object *manager = object_new("test-manager");

    memory_region_set_ram_discard_manager(&backend->mr, RAM_DISCARD_MANAGER(manager));
    assert_refused(device_new(backend), "specifies a memdev that is managed already");
    memory_region_set_ram_discard_manager(&backend->mr, NULL);
    object_unref(manager);
    backend_free(backend);
}

/* Memory that is given back cannot be locked as well. */
static void test_realize_mlock(void)
{
    HostMemoryBackend *backend = backend_new(NB_BLOCKS * BLOCK);

    mlock_state = MLOCK_ON_FAULT;
    assert_refused(device_new(backend), "mem-lock");
    mlock_state = MLOCK_OFF;
    backend_free(backend);
}

static void assert_no_unplug(VirtIOMEM *device, const char *text)
{
    Error *err = NULL;

    VIRTIO_MEM_GET_CLASS(device)->unplug_request_check(device, &err);
    if (!text) {
        g_assert_null(err);
        return;
    }
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), text)) {
        g_error("the check says \"%s\", expected \"%s\"", error_get_pretty(err), text);
    }
    error_free(err);
}

/* A guest that might read unplugged memory must not find it gone. */
static void test_unplug_request(void)
{
    vmem = device_new(backend_new(NB_BLOCKS * BLOCK));
    object_property_set_str(OBJECT(vmem), "unplugged-inaccessible", "off", &error_abort);
    object_property_set_uint(OBJECT(vmem), "requested-size", 0, &error_abort);
    qdev_realize(DEVICE(vmem), bus, &error_abort);
    assert_no_unplug(vmem, "while 'unplugged-inaccessible' != 'on'");
    stop();
    start();
    assert_no_unplug(vmem, "while 'requested-size' != '0'");
    object_property_set_uint(OBJECT(vmem), "requested-size", 0, &error_abort);
    assert_no_unplug(vmem, NULL);
    stop();
}

/* With dynamic memory slots the device is placed as its backend would be. */
static void test_memslots_alignment(void)
{
    MemoryRegion *mr;

    vmem = device_new(backend_new(NB_BLOCKS * BLOCK));
    vmem->memdev->mr.align = 16 * MiB;
    object_property_set_bool(OBJECT(vmem), "dynamic-memslots", true, &error_abort);
    mr = VIRTIO_MEM_GET_CLASS(vmem)->get_memory_region(vmem, &error_abort);
    g_assert_true(mr != &vmem->memdev->mr);
    g_assert_cmphex(memory_region_get_alignment(mr), ==, 16 * MiB);
    VIRTIO_MEM_GET_CLASS(vmem)->decide_memslots(vmem, 4);
    qdev_realize(DEVICE(vmem), bus, &error_abort);
    stop();
}

/* Blocks of @backend that the host holds a part of, of the first @nb. */
static unsigned nb_held(HostMemoryBackend *backend, unsigned nb)
{
    unsigned held = 0;

    for (unsigned i = 0; i < nb; i++) {
        uint64_t found;

        g_assert_cmpint(ram_block_find_held(backend->mr.ram_block, i * BLOCK, (i + 1) * BLOCK,
                                            &found), ==, 0);
        held += found < (i + 1) * BLOCK;
    }
    return held;
}

/*
 * Unrealize in the middle of what a system reset gives back: it does not wait for all of it, and
 * the main loop goes on, unless somebody else takes the backend.
 */
static void test_unrealize_in_a_job(const void *data)
{
    bool taken = GPOINTER_TO_UINT(data);
    enum { NB = 256 };
    HostMemoryBackend *backend = backend_new(NB * BLOCK);
    VirtIOMEM *device = device_new(backend);
    char *area = memory_region_get_ram_ptr(&backend->mr);
    unsigned left;

    object_property_set_uint(OBJECT(device), "requested-size", NB * BLOCK, &error_abort);
    start_device(device);
    plug(0, NB);
    madvise(area, NB * BLOCK, MADV_NOHUGEPAGE);     /* it is to take long */
    memset(area, 1, NB * BLOCK);
    qemu_devices_reset(RESET_TYPE_COLD);
    g_assert_cmphex(object_property_get_uint(OBJECT(vmem), "size", &error_abort), ==, 0);
    g_assert_true(stop_device() == backend);
    left = nb_held(backend, NB);
    g_assert_cmpuint(left, >, 0);
    if (taken) {
        host_memory_backend_set_mapped(backend, true);
        for (int i = 0; i < 10; i++) {
            g_usleep(10 * 1000);
            main_loop_wait(true);
        }
        g_assert_cmpuint(nb_held(backend, NB), ==, left);
        host_memory_backend_set_mapped(backend, false);
    } else {
        for (int i = 0; nb_held(backend, NB); i++) {
            g_assert_cmpint(i, <, 1000);
            main_loop_wait(false);
        }
    }
    backend_free(backend);
}

/* A job of a device that is unrealized while the machine is stopped. */
static void test_unrealize_stopped(void)
{
    start();
    plug(0, NB_BLOCKS);
    memset(memory_region_get_ram_ptr(&vmem->memdev->mr), 1, NB_BLOCKS * BLOCK);
    request_begin(VIRTIO_MEM_REQ_UNPLUG, 0, NB_BLOCKS);
    vm_stop(RUN_STATE_PAUSED);
    stop();
    vm_start();
}

/* What dynamic memory slots need not show any more, a guest cannot touch while it is discarded. */
static void told_hidden(RamDiscardListener *rdl, MemoryRegionSection *section)
{
    g_assert_false(memory_region_is_mapped(&vmem->memslots.aliases[0]));
    told_discard(rdl, section);
}

static void test_memslots_hidden_first(void)
{
    VirtIOMEM *device = device_new(backend_new(NB_BLOCKS * BLOCK));
    MemoryRegionSection all;
    Told told = { .text = g_string_new("") };

    object_property_set_bool(OBJECT(device), "dynamic-memslots", true, &error_abort);
    VIRTIO_MEM_GET_CLASS(device)->get_memory_region(device, &error_abort);
    VIRTIO_MEM_GET_CLASS(device)->decide_memslots(device, 4);
    start_device(device);
    all = section_of(0, NB_BLOCKS);
    ram_discard_listener_init(&told.listener, told_populate, told_hidden, true);
    ram_discard_manager_register_listener(RAM_DISCARD_MANAGER(vmem), &told.listener, &all);
    for (unsigned nb = 1; nb <= NB_BLOCKS; nb += NB_BLOCKS - 1) {    /* at once, and by a job */
        plug(0, nb);
        g_assert_true(memory_region_is_mapped(&vmem->memslots.aliases[0]));
        unplug(0, nb);
        plug(0, nb);
        expect(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, VIRTIO_MEM_RESP_ACK);
        g_assert_false(memory_region_is_mapped(&vmem->memslots.aliases[0]));
    }
    assert_told(&told, "+0-0 -0-0 +0-0 -0-0 +0-63 -0-63 +0-63 -0-63 ");
    told_end(&told, "");
    stop();
}

static void test_feature_required(void)
{
    HostMemoryBackend *backend = backend_new(NB_BLOCKS * BLOCK);
    VirtIOMEM *device = device_new(backend);

    object_property_set_bool(OBJECT(device), "x-unplugged-inaccessible-required", true,
                             &error_abort);
    object_property_set_str(OBJECT(device), "unplugged-inaccessible", "off", &error_abort);
    assert_refused(device, "'unplugged-inaccessible' property set to 'off' is not supported");
    device = device_new(backend);
    object_property_set_bool(OBJECT(device), "x-unplugged-inaccessible-required", true,
                             &error_abort);
    object_property_set_str(OBJECT(device), "unplugged-inaccessible", "auto", &error_abort);
    vmem = device;
    qdev_realize(DEVICE(device), bus, &error_abort);
    g_assert_true(virtio_host_has_feature(VIRTIO_DEVICE(device),
                                          VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE));
    stop();
}

/* A machine that wakes from suspend goes on with the memory it has. */
static void test_wakeup(void)
{
    start();
    plug(4, 3);
    qemu_devices_reset(RESET_TYPE_WAKEUP);
    g_assert_cmphex(object_property_get_uint(OBJECT(vmem), "size", &error_abort), ==, 3 * BLOCK);
    qemu_devices_reset(RESET_TYPE_COLD);
    g_assert_cmphex(object_property_get_uint(OBJECT(vmem), "size", &error_abort), ==, 0);
    stop();
}

/* Offered where the machine can wake from suspend, which is for good from then on. */
static void test_suspend_feature(void)
{
    start();
    g_assert_false(virtio_host_has_feature(VIRTIO_DEVICE(vmem), VIRTIO_MEM_F_PERSISTENT_SUSPEND));
    stop();
    qemu_register_wakeup_support();
    start();
    g_assert_true(virtio_host_has_feature(VIRTIO_DEVICE(vmem), VIRTIO_MEM_F_PERSISTENT_SUSPEND));
    stop();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    set_up();
    g_test_add_func("/virtio-mem-device/is-populated", test_is_populated);
    g_test_add_func("/virtio-mem-device/replay", test_replay);
    g_test_add_func("/virtio-mem-device/listener", test_listener);
    g_test_add_func("/virtio-mem-device/listener-refuses", test_listener_refuses);
    g_test_add_func("/virtio-mem-device/accelerator-refuses", test_accelerator_refuses);
    g_test_add_func("/virtio-mem-device/listener-refuses-replay", test_listener_refuses_replay);
    g_test_add_func("/virtio-mem-device/realize-refused", test_realize_refused);
    g_test_add_func("/virtio-mem-device/realize-managed", test_realize_managed);
    g_test_add_func("/virtio-mem-device/realize-mlock", test_realize_mlock);
    g_test_add_func("/virtio-mem-device/unplug-request", test_unplug_request);
    g_test_add_func("/virtio-mem-device/memslots-alignment", test_memslots_alignment);
    g_test_add_data_func("/virtio-mem-device/unrealize-in-a-job", GUINT_TO_POINTER(0),
                         test_unrealize_in_a_job);
    g_test_add_data_func("/virtio-mem-device/unrealize-in-a-job-and-taken", GUINT_TO_POINTER(1),
                         test_unrealize_in_a_job);
    g_test_add_func("/virtio-mem-device/unrealize-stopped", test_unrealize_stopped);
    g_test_add_func("/virtio-mem-device/memslots-hidden-first", test_memslots_hidden_first);
    g_test_add_func("/virtio-mem-device/feature-required", test_feature_required);
    g_test_add_func("/virtio-mem-device/wakeup", test_wakeup);
    g_test_add_func("/virtio-mem-device/suspend-feature", test_suspend_feature);
    return g_test_run();
}
