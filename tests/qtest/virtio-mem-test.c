/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of virtio-mem, driven over qtest without a guest: every MUST
 * of the specification's Memory Device section (VIRTIO 1.2/1.3, 5.15) has a
 * test of its name, and so have QEMU's properties, QMP and start errors, and
 * the promise that unplugged memory is really given back to the kernel.
 * Speaks only QEMU's libqtest and libqos, so that it compiles in either tree;
 * passes on stock QEMU 7.2, except where a test says why it is skipped there.
 */
#include "qemu/osdep.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/wait.h>
#include "libqtest.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio.h"
#include "libqos/virtio-pci.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mem.h"

#define SLOT 4
#define TIMEOUT_US (30 * 1000 * 1000)
#define FEATURE(nr) (1ull << (nr))
#define F_INACCESSIBLE FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define F_PXM FEATURE(VIRTIO_MEM_F_ACPI_PXM)
#define F_VERSION_1 FEATURE(VIRTIO_F_VERSION_1)
#define F_INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_RING_RESET FEATURE(40)
#define F_PERSISTENT_SUSPEND FEATURE(2)
#define NEEDS_RESET 0x40                /* VIRTIO_CONFIG_S_NEEDS_RESET */
#define ISR_QUEUE 1
#define ISR_CONFIG 2
#define COMMON_CONFIG_GENERATION 21     /* offset in the common structure, 4.1.4.3 */
#define RAM_256M "memory-backend-ram,size=256M"
#define RAM_1G "memory-backend-ram,size=1G"

/* A running emulator with one device, vm0, on mem0, and a driver at work on it. */
typedef struct Vm {
    QTestState *qts;
    QGuestAllocator alloc;
    QPCIBus *bus;
    QVirtioPCIDevice *dev;
    QVirtioDevice *vdev;
    QVirtQueue *vq;
    uint64_t req;               /* gpa of a page for requests */
    uint64_t resp;              /* gpa of a page for responses */
    uint64_t addr;              /* from the device's configuration, as the driver found them: */
    uint64_t block_size;
    uint64_t region_size;
} Vm;

/* ---- configuration space ---- */

#define CONFIG(vm, field) \
    (sizeof(((struct virtio_mem_config *)0)->field) == 8 \
     ? qvirtio_config_readq((vm)->vdev, offsetof(struct virtio_mem_config, field)) \
     : qvirtio_config_readw((vm)->vdev, offsetof(struct virtio_mem_config, field)))

static uint8_t config_generation(Vm *vm)
{
    return qpci_io_readb(vm->dev->pdev, vm->dev->bar,
                         vm->dev->common_cfg_offset + COMMON_CONFIG_GENERATION);
}

static uint8_t isr_read(Vm *vm)
{
    return qpci_io_readb(vm->dev->pdev, vm->dev->bar, vm->dev->isr_cfg_offset);
}

/* ---- starting and stopping ---- */

/* The emulator alone; backend without its id, props with a leading comma or empty. */
static void vm_spawn(Vm *vm, const char *machine, const char *backend, const char *props)
{
    memset(vm, 0, sizeof(*vm));
    vm->qts = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=4G -object %s,id=mem0 "
                          "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d%s",
                          machine, backend, SLOT, props);
    pc_alloc_init(&vm->alloc, vm->qts, ALLOC_NO_FLAGS);
    vm->bus = qpci_new_pc(vm->qts, &vm->alloc);
}

/* Finds the function and brings the device to ACKNOWLEDGE | DRIVER. */
static void vm_probe(Vm *vm)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };

    vm->dev = virtio_pci_new(vm->bus, &addr);
    vm->vdev = &vm->dev->vdev;
    g_assert_cmpint(vm->vdev->device_type, ==, 24);
    qvirtio_pci_device_enable(vm->dev);
    qvirtio_start_device(vm->vdev);
}

static void vm_read_config(Vm *vm)
{
    vm->addr = CONFIG(vm, addr);
    vm->block_size = CONFIG(vm, block_size);
    vm->region_size = CONFIG(vm, region_size);
}

/* The rest of initialization, with those of the offered features that are in wanted. */
static void vm_drive(Vm *vm, uint64_t wanted)
{
    qvirtio_set_features(vm->vdev, qvirtio_get_features(vm->vdev) & wanted);
    vm->vq = qvirtqueue_setup(vm->vdev, &vm->alloc, 0);
    qvirtio_set_driver_ok(vm->vdev);
    if (!vm->req) {
        vm->req = guest_alloc(&vm->alloc, 4096);
        vm->resp = guest_alloc(&vm->alloc, 4096);
    }
    vm_read_config(vm);
}

/* What a simple driver takes: all but the ring's options, which have tests of their own. */
#define SIMPLE_FEATURES (F_VERSION_1 | F_PXM | F_INACCESSIBLE)

static void vm_start_on(Vm *vm, const char *machine, const char *backend, const char *props)
{
    vm_spawn(vm, machine, backend, props);
    vm_probe(vm);
    vm_drive(vm, SIMPLE_FEATURES);
}

static void vm_start(Vm *vm, const char *backend, const char *props)
{
    vm_start_on(vm, "q35", backend, props);
}

static void vm_stop_driver(Vm *vm)
{
    if (vm->vq) {
        qvirtqueue_cleanup(vm->vdev->bus, vm->vq, &vm->alloc);
        vm->vq = NULL;
    }
    if (vm->dev) {
        qos_object_destroy(&vm->dev->obj);
        vm->dev = NULL;
    }
}

static void vm_end(Vm *vm)
{
    vm_stop_driver(vm);
    qpci_free_pc(vm->bus);
    alloc_destroy(&vm->alloc);
    qtest_quit(vm->qts);
}

/* System reset, after which the function has to be found and driven anew. */
static void vm_system_reset(Vm *vm)
{
    vm_stop_driver(vm);
    qtest_qmp_assert_success(vm->qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(vm->qts, "RESET");
    vm_probe(vm);
    vm_drive(vm, SIMPLE_FEATURES);
}

/* ---- requests ---- */

static struct virtio_mem_req request_make(uint16_t type, uint64_t addr, uint16_t nb_blocks)
{
    struct virtio_mem_req req = { .type = GUINT16_TO_LE(type) };

    /* plug, unplug and state have one layout */
    req.u.plug.addr = GUINT64_TO_LE(addr);
    req.u.plug.nb_blocks = GUINT16_TO_LE(nb_blocks);
    return req;
}

/* Sends it as one readable and one writable buffer; returns the response's type. */
static uint16_t request_send(Vm *vm, const struct virtio_mem_req *req, uint16_t *state)
{
    struct virtio_mem_resp resp;
    uint32_t head, len;

    qtest_bufwrite(vm->qts, vm->req, req, sizeof(*req));
    qtest_memset(vm->qts, vm->resp, 0xee, sizeof(resp));
    head = qvirtqueue_add(vm->qts, vm->vq, vm->req, sizeof(*req), false, true);
    qvirtqueue_add(vm->qts, vm->vq, vm->resp, sizeof(resp), true, false);
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
    qvirtio_wait_used_elem(vm->qts, vm->vdev, vm->vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(len, ==, sizeof(resp));
    qtest_bufread(vm->qts, vm->resp, &resp, sizeof(resp));
    if (state) {
        *state = GUINT16_FROM_LE(resp.u.state.state);
    }
    return GUINT16_FROM_LE(resp.type);
}

static uint16_t request(Vm *vm, uint16_t type, uint64_t addr, uint16_t nb_blocks)
{
    struct virtio_mem_req req = request_make(type, addr, nb_blocks);

    return request_send(vm, &req, NULL);
}

/* Requests on blocks, counted from the start of the region. */
static uint16_t plug(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    return request(vm, VIRTIO_MEM_REQ_PLUG, vm->addr + block * vm->block_size, nb_blocks);
}

static uint16_t unplug(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    return request(vm, VIRTIO_MEM_REQ_UNPLUG, vm->addr + block * vm->block_size, nb_blocks);
}

static uint16_t unplug_all(Vm *vm)
{
    return request(vm, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
}

static uint16_t state_of(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_STATE,
                                             vm->addr + block * vm->block_size, nb_blocks);
    uint16_t state;

    g_assert_cmpint(request_send(vm, &req, &state), ==, VIRTIO_MEM_RESP_ACK);
    return state;
}

#define ACK VIRTIO_MEM_RESP_ACK
#define NACK VIRTIO_MEM_RESP_NACK
#define ERR VIRTIO_MEM_RESP_ERROR
#define assert_response(got, expected) g_assert_cmpint(got, ==, expected)
#define assert_plugged(vm, blocks) \
    g_assert_cmphex(CONFIG(vm, plugged_size), ==, (blocks) * (vm)->block_size)

/* ---- QMP ---- */

static uint64_t qom_get_uint(Vm *vm, const char *property)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'qom-get', 'arguments': "
                              "{'path': 'vm0', 'property': %s}}", property);
    uint64_t value = qdict_get_int(answer, "return");

    qobject_unref(answer);
    return value;
}

static void assert_qom_str(Vm *vm, const char *property, const char *expected)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'qom-get', 'arguments': "
                              "{'path': 'vm0', 'property': %s}}", property);

    g_assert_cmpstr(qdict_get_str(answer, "return"), ==, expected);
    qobject_unref(answer);
}

static void set_requested_size(Vm *vm, uint64_t size)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                             "'property': 'requested-size', 'value': %" PRIu64 "}}", size);
}

/* A setting that has to be refused, with an error that holds every one of words (to NULL). */
static void assert_qom_set_fails(Vm *vm, const char *property, const char *json_value,
                                 const char *const *words)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"qom-set\", \"arguments\": {\"path\": \"vm0\", \"property\": \"%s\", "
        "\"value\": %s}}\n", property, json_value);
    QDict *answer, *error;

    qtest_qmp_send_raw(vm->qts, "%s", command);
    answer = qtest_qmp_receive(vm->qts);
    error = qdict_get_qdict(answer, "error");
    if (!error) {
        g_error("setting %s to %s succeeded, expected an error", property, json_value);
    }
    g_assert_cmpstr(qdict_get_str(error, "class"), ==, "GenericError");
    for (; *words; words++) {
        if (!strstr(qdict_get_str(error, "desc"), *words)) {
            g_error("setting %s to %s: error is \"%s\", expected it to say \"%s\"", property,
                    json_value, qdict_get_str(error, "desc"), *words);
        }
    }
    qobject_unref(answer);
}

/* The n-th entry of query-memory-devices, handed over. */
static QDict *memory_device(QTestState *qts, int n)
{
    QDict *answer = qtest_qmp(qts, "{'execute': 'query-memory-devices'}");
    QList *list = qdict_get_qlist(answer, "return");
    QObject *entry = NULL;

    g_assert_nonnull(list);
    for (int i = 0; i <= n; i++) {
        qobject_unref(entry);
        entry = qlist_pop(list);
        g_assert_nonnull(entry);
    }
    qobject_unref(answer);
    return qobject_to(QDict, entry);
}

static uint64_t queried_size(Vm *vm)
{
    QDict *device = memory_device(vm->qts, 0);
    uint64_t size = qdict_get_int(qdict_get_qdict(device, "data"), "size");

    qobject_unref(device);
    return size;
}

/* ---- which emulator this is ---- */

/* major * 100 + minor */
static int emulator_version;
static bool emulator_is_elastic;
static bool clock_is_virtual;

static void emulator_identify(void)
{
    char *argv[] = { (char *)g_getenv("QTEST_QEMU_BINARY"), (char *)"-accel", (char *)"help",
                     NULL };
    g_autofree char *out = NULL;
    QTestState *qts = qtest_init("-nodefaults -machine none");
    QDict *version = qtest_qmp_assert_success_ref(qts, "{'execute': 'query-version'}");
    QDict *qemu = qdict_get_qdict(version, "qemu");

    emulator_version = qdict_get_int(qemu, "major") * 100 + qdict_get_int(qemu, "minor");
    emulator_is_elastic = strstr(qdict_get_str(version, "package"), "elastic");
    qobject_unref(version);
    qtest_quit(qts);
    clock_is_virtual = !g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                                     &out, NULL, NULL, NULL) || !*out || strstr(out, "qtest");
}

/* ---- 5.15.5 negotiation ---- */

/* Acknowledges exactly features; returns whether the device leaves FEATURES_OK set. */
static bool features_accepted(Vm *vm, uint64_t features)
{
    uint8_t status = vm->vdev->bus->get_status(vm->vdev);

    vm->vdev->bus->set_features(vm->vdev, features);
    vm->vdev->bus->set_status(vm->vdev, status | VIRTIO_CONFIG_S_FEATURES_OK);
    return vm->vdev->bus->get_status(vm->vdev) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static void test_negotiation_acknowledged(void)
{
    uint64_t offered;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    offered = qvirtio_get_features(vm.vdev);
    g_assert_cmphex(offered & F_INACCESSIBLE, !=, 0);
    g_assert_true(features_accepted(&vm, offered));
    vm_end(&vm);
}

static void test_negotiation_refused(const void *machine)
{
    uint64_t offered;
    Vm vm;

    vm_spawn(&vm, machine, RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    offered = qvirtio_get_features(vm.vdev);
    g_assert_false(features_accepted(&vm, offered & ~F_INACCESSIBLE));
    /* a driver that thinks better of it starts over and is welcome */
    qvirtio_start_device(vm.vdev);
    g_assert_true(features_accepted(&vm, offered));
    vm_end(&vm);
}

static void test_negotiation_not_offered(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=off,requested-size=2M");
    vm_probe(&vm);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_INACCESSIBLE, ==, 0);
    g_assert_true(features_accepted(&vm, F_VERSION_1));
    vm_end(&vm);
}

static void test_negotiation_pxm_ignored(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",unplugged-inaccessible=on");
    vm_probe(&vm);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_PXM, !=, 0);
    g_assert_true(features_accepted(&vm, F_VERSION_1 | F_INACCESSIBLE));
    vm_end(&vm);
}

typedef struct MachineDefaults {
    const char *version;
    const char *inaccessible;   /* as qom-get shows it with a private anonymous backend */
    bool ring_reset;
    bool msix;
} MachineDefaults;

static const MachineDefaults machine_defaults[] = {
    { "5.1", "off", false, false }, { "5.2", "off", false, false }, { "6.0", "off", false, false },
    { "6.1", "off", false, false }, { "6.2", "off", false, false }, { "7.0", "off", false, false },
    { "7.1", "off", false, false }, { "7.2", "off", true, false }, { "8.0", "off", true, false },
    { "8.1", "on", true, false }, { "8.2", "on", true, false }, { "9.0", "on", true, false },
    { "9.1", "on", true, false }, { "9.2", "on", true, false }, { "10.0", "on", true, true },
    { "10.1", "on", true, true }, { "10.2", "on", true, true },
};

static void check_machine_defaults(const char *machine, const MachineDefaults *defaults)
{
    uint64_t expected = F_VERSION_1 | F_INDIRECT | F_EVENT | F_PXM;
    uint64_t optional = emulator_version >= 1002 ? F_PERSISTENT_SUSPEND : 0;
    Vm vm;

    expected |= g_str_equal(defaults->inaccessible, "on") ? F_INACCESSIBLE : 0;
    expected |= defaults->ring_reset ? F_RING_RESET : 0;
    g_test_message("%s", machine);
    vm_spawn(&vm, machine, RAM_256M, "");
    vm_probe(&vm);
    assert_qom_str(&vm, "unplugged-inaccessible", defaults->inaccessible);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & ~optional, ==, expected);
    g_assert_cmpint(qpci_find_capability(vm.dev->pdev, 0x11, 0) != 0, ==, defaults->msix);
    vm_end(&vm);
}

static void test_machine_defaults(const void *family)
{
    int checked = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(machine_defaults); i++) {
        g_autofree char *machine = g_strdup_printf("%s-%s", (const char *)family,
                                                   machine_defaults[i].version);

        if (qtest_has_machine(machine)) {
            check_machine_defaults(machine, &machine_defaults[i]);
            checked++;
        }
    }
    g_assert_cmpint(checked, >, 0);
}

/* ---- 5.15.4 device configuration ---- */

static void test_config_values(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_1G, ",requested-size=64M,unplugged-inaccessible=on");
    g_assert_cmphex(vm.block_size, ==, 2 * MiB);
    g_assert_cmphex(vm.addr, >=, 4 * GiB);
    g_assert_cmphex(vm.addr % vm.block_size, ==, 0);
    g_assert_cmphex(vm.region_size, ==, 1 * GiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), >=, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), <=, vm.region_size);
    g_assert_cmphex(CONFIG(&vm, usable_region_size) % vm.block_size, ==, 0);
    g_assert_cmphex(CONFIG(&vm, plugged_size), ==, 0);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmpint(CONFIG(&vm, node_id), ==, 0);
    for (size_t i = 0; i < sizeof(((struct virtio_mem_config *)0)->padding); i++) {
        g_assert_cmpint(qvirtio_config_readb(
                            vm.vdev, offsetof(struct virtio_mem_config, padding) + i), ==, 0);
    }
    vm_end(&vm);
}

static void config_read_all(Vm *vm, uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof(struct virtio_mem_config); i++) {
        bytes[i] = qvirtio_config_readb(vm->vdev, i);
    }
}

static void test_config_read_only(void)
{
    uint8_t before[sizeof(struct virtio_mem_config)], after[sizeof(before)];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    config_read_all(&vm, before);
    for (size_t i = 0; i < sizeof(before); i += 4) {
        qpci_io_writel(vm.dev->pdev, vm.dev->bar, vm.dev->device_cfg_offset + i, 0x5a5a5a5a);
    }
    config_read_all(&vm, after);
    for (size_t i = 0; i < sizeof(before); i++) {
        size_t padding = offsetof(struct virtio_mem_config, padding);

        /* stock keeps what is written there, and a driver is to ignore it */
        if (i < padding || i >= padding + sizeof(((struct virtio_mem_config *)0)->padding)) {
            g_assert_cmpint(after[i], ==, before[i]);
        }
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* All fields that are not to change keep their values through plug, resize and unplug. */
static void test_config_constant_fields(void)
{
    uint64_t addr, block_size, region_size;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    addr = vm.addr;
    block_size = vm.block_size;
    region_size = vm.region_size;
    assert_response(plug(&vm, 0, 4), ACK);
    set_requested_size(&vm, 256 * MiB);
    assert_response(unplug_all(&vm), ACK);
    vm_read_config(&vm);
    g_assert_cmphex(vm.addr, ==, addr);
    g_assert_cmphex(vm.block_size, ==, block_size);
    g_assert_cmphex(vm.region_size, ==, region_size);
    vm_end(&vm);
}

/* 2.5.1 and 4.1.4.3.1: the generation changes with the configuration, so a torn read shows. */
static void test_config_generation(void)
{
    uint8_t generation;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    generation = config_generation(&vm);
    CONFIG(&vm, requested_size);
    g_assert_cmpint(config_generation(&vm), ==, generation);
    set_requested_size(&vm, 128 * MiB);
    g_assert_cmpint(config_generation(&vm), !=, generation);
    vm_end(&vm);
}

/* Whether the emulator has NUMA nodes at all. */
static bool has_numa(void)
{
    QTestState *qts = qtest_init("-machine none");
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-command-line-options',"
                                " 'arguments': {'option': 'numa'}}");
    bool has = !qdict_haskey(rsp, "error");

    qobject_unref(rsp);
    qtest_quit(qts);
    return has;
}

static void test_config_node_id(void)
{
    QTestState *qts;
    QDict *device;
    Vm vm = { 0 };

    if (!has_numa()) {
        g_test_skip("this emulator has no -numa: there is only node 0");
        return;
    }
    qts = qtest_init(
        "-nodefaults -machine q35 -m 128M,maxmem=4G -smp 2 "
        "-object memory-backend-ram,id=n0,size=64M -object memory-backend-ram,id=n1,size=64M "
        "-numa node,nodeid=0,memdev=n0,cpus=0 -numa node,nodeid=1,memdev=n1,cpus=1 "
        "-object memory-backend-ram,id=mem0,size=256M "
        "-device virtio-mem-pci,id=vm0,memdev=mem0,node=1,addr=4");
    vm.qts = qts;
    device = memory_device(qts, 0);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(device, "data"), "node"), ==, 1);
    qobject_unref(device);
    pc_alloc_init(&vm.alloc, qts, ALLOC_NO_FLAGS);
    vm.bus = qpci_new_pc(qts, &vm.alloc);
    vm_probe(&vm);
    g_assert_cmpint(CONFIG(&vm, node_id), ==, 1);
    vm_end(&vm);
}

/* ---- 5.15.6.1 PLUG ---- */

static void test_plug_ack(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 1), ACK);
    assert_plugged(&vm, 1);
    assert_response(plug(&vm, 5, 3), ACK);
    assert_plugged(&vm, 4);
    g_assert_cmphex(queried_size(&vm), ==, 4 * vm.block_size);
    g_assert_cmphex(qom_get_uint(&vm, "size"), ==, 4 * vm.block_size);
    g_assert_cmpint(state_of(&vm, 5, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

static void test_plug_all_of_request(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=256M");
    assert_response(plug(&vm, 0, 128), ACK);
    assert_plugged(&vm, 128);
    assert_response(unplug(&vm, 0, 128), ACK);
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_plug_nack_beyond_requested_size(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=4M");
    assert_response(plug(&vm, 0, 3), NACK);
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 2), ACK);
    assert_response(plug(&vm, 2, 1), NACK);
    assert_plugged(&vm, 2);
    set_requested_size(&vm, 2 * MiB);
    assert_response(plug(&vm, 2, 1), NACK);
    assert_plugged(&vm, 2);
    vm_end(&vm);
}

static void test_plug_error_already_plugged(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 2, 2), ACK);
    assert_response(plug(&vm, 2, 1), ERR);
    assert_response(plug(&vm, 2, 2), ERR);
    assert_response(plug(&vm, 1, 2), ERR);      /* its end is plugged */
    assert_response(plug(&vm, 3, 2), ERR);      /* its beginning */
    assert_response(plug(&vm, 0, 8), ERR);      /* its middle */
    assert_plugged(&vm, 2);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 4, 4), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    vm_end(&vm);
}

/* 5.15.6.x: the ranges that every request on blocks has to refuse, in any state of the device. */
static void test_error_ranges(const void *type_ptr)
{
    uint16_t type = GPOINTER_TO_UINT(type_ptr);
    uint64_t usable, size;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=8M");
    assert_response(plug(&vm, 0, 2), ACK);
    usable = CONFIG(&vm, usable_region_size);
    size = vm.block_size;
    g_assert_cmphex(usable, <, vm.region_size);
    /* not aligned */
    assert_response(request(&vm, type, vm.addr + 1, 1), ERR);
    assert_response(request(&vm, type, vm.addr + size / 2, 1), ERR);
    assert_response(request(&vm, type, vm.addr + 4096, 1), ERR);
    /* no blocks */
    assert_response(request(&vm, type, vm.addr, 0), ERR);
    assert_response(request(&vm, type, vm.addr + 4 * size, 0), ERR);
    /* outside of the region, whole or in part */
    assert_response(request(&vm, type, vm.addr - size, 1), ERR);
    assert_response(request(&vm, type, vm.addr - size, 2), ERR);
    assert_response(request(&vm, type, 0, 1), ERR);
    assert_response(request(&vm, type, vm.addr + vm.region_size, 1), ERR);
    /* in the region, but outside of its usable part */
    assert_response(request(&vm, type, vm.addr + usable, 1), ERR);
    assert_response(request(&vm, type, vm.addr + usable - size, 2), ERR);
    assert_response(request(&vm, type, vm.addr + vm.region_size - size, 1), ERR);
    assert_response(request(&vm, type, vm.addr, 65535), ERR);
    /* where address + size overflows */
    assert_response(request(&vm, type, UINT64_MAX - size + 1, 1), ERR);
    assert_response(request(&vm, type, UINT64_MAX - size + 1, 2), ERR);
    assert_response(request(&vm, type, UINT64_MAX, 65535), ERR);
    /* and nothing has changed */
    assert_plugged(&vm, 2);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

static void test_last_usable_block(void)
{
    uint64_t last;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=8M");
    last = CONFIG(&vm, usable_region_size) / vm.block_size - 1;
    assert_response(plug(&vm, last, 1), ACK);
    g_assert_cmpint(state_of(&vm, last, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_response(unplug(&vm, last, 1), ACK);
    vm_end(&vm);
}

/* "MUST ignore the padding", and anything else a request of that type does not define. */
static void test_ignores_padding(void)
{
    struct virtio_mem_req req;
    uint16_t state;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (uint16_t type = 0; type < 4; type++) {
        static const uint16_t order[] = { VIRTIO_MEM_REQ_PLUG, VIRTIO_MEM_REQ_STATE,
                                          VIRTIO_MEM_REQ_UNPLUG, VIRTIO_MEM_REQ_UNPLUG_ALL };

        req = request_make(order[type], vm.addr, 2);
        memset(req.padding, 0xff, sizeof(req.padding));
        memset(req.u.plug.padding, 0xff, sizeof(req.u.plug.padding));
        assert_response(request_send(&vm, &req, &state), ACK);
    }
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

/* "MUST allow the driver to read and write memory", and "MUST NOT modify" it. */
static void test_plugged_memory_is_memory(const void *backend)
{
    uint8_t *out = g_malloc(64 * KiB), *in = g_malloc(64 * KiB);
    uint64_t end;
    Vm vm;

    vm_start(&vm, backend, ",requested-size=64M,unplugged-inaccessible=on");
    assert_response(plug(&vm, 1, 3), ACK);
    for (size_t i = 0; i < 64 * KiB; i++) {
        out[i] = i * 7 + (i >> 8);
    }
    end = vm.addr + 4 * vm.block_size;
    qtest_bufwrite(vm.qts, vm.addr + vm.block_size, out, 64 * KiB);
    qtest_bufwrite(vm.qts, end - 64 * KiB, out, 64 * KiB);
    /* none of these concerns the blocks with the pattern */
    assert_response(plug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 4, 4), ACK);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_response(unplug(&vm, 2, 1), ACK);
    assert_response(unplug(&vm, 4, 4), ACK);
    assert_response(unplug(&vm, 2, 1), ERR);
    set_requested_size(&vm, 0);
    qtest_bufread(vm.qts, vm.addr + vm.block_size, in, 64 * KiB);
    g_assert_cmpmem(in, 64 * KiB, out, 64 * KiB);
    qtest_bufread(vm.qts, end - 64 * KiB, in, 64 * KiB);
    g_assert_cmpmem(in, 64 * KiB, out, 64 * KiB);
    vm_end(&vm);
    g_free(out);
    g_free(in);
}

/* "Without UNPLUGGED_INACCESSIBLE … MUST allow the driver to read" what is not plugged. */
static void test_unplugged_memory_is_readable(void)
{
    uint8_t bytes[64];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M,unplugged-inaccessible=off");
    qtest_memread(vm.qts, vm.addr, bytes, sizeof(bytes));
    qtest_memread(vm.qts, vm.addr + CONFIG(&vm, usable_region_size) - 64, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        g_assert_cmpint(bytes[i], ==, 0);
    }
    vm_end(&vm);
}

/* ---- 5.15.6.2 UNPLUG ---- */

static void test_unplug_ack(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 8), ACK);
    assert_response(unplug(&vm, 2, 3), ACK);
    assert_plugged(&vm, 5);
    g_assert_cmpint(state_of(&vm, 2, 3), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 0, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 5, 3), ==, VIRTIO_MEM_STATE_PLUGGED);
    assert_response(unplug(&vm, 0, 2), ACK);
    assert_response(unplug(&vm, 5, 3), ACK);
    assert_plugged(&vm, 0);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    vm_end(&vm);
}

static void test_unplug_error_already_unplugged(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(unplug(&vm, 0, 1), ERR);
    assert_response(plug(&vm, 2, 2), ACK);
    assert_response(unplug(&vm, 1, 2), ERR);    /* its beginning is unplugged */
    assert_response(unplug(&vm, 3, 2), ERR);    /* its end */
    assert_response(plug(&vm, 5, 1), ACK);
    assert_response(unplug(&vm, 2, 4), ERR);    /* its middle */
    assert_plugged(&vm, 3);
    g_assert_cmpint(state_of(&vm, 2, 2), ==, VIRTIO_MEM_STATE_PLUGGED);
    vm_end(&vm);
}

/* ---- 5.15.6.3 UNPLUG ALL ---- */

static void test_unplug_all(void)
{
    struct virtio_mem_req req;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(unplug_all(&vm), ACK);      /* with nothing plugged */
    assert_response(plug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 7, 9), ACK);
    /* "MUST ignore any data in a request except the request type" */
    req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, vm.addr + 1, 0);
    assert_response(request_send(&vm, &req, NULL), ACK);
    assert_plugged(&vm, 0);
    g_assert_cmpint(state_of(&vm, 0, 32), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

/* ---- 5.15.6.4 STATE ---- */

static void test_state(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_response(plug(&vm, 4, 4), ACK);
    g_assert_cmpint(state_of(&vm, 4, 4), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 5, 1), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 3, 2), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 7, 2), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmpint(state_of(&vm, 0, 4), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    g_assert_cmpint(state_of(&vm, 8, 1), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    vm_end(&vm);
}

/* ---- resizing ---- */

static void test_resize_notifies(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_1G, ",requested-size=0");
    isr_read(&vm);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, 0);
    assert_response(plug(&vm, 0, 1), ERR);
    set_requested_size(&vm, 512 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 512 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), >=, 512 * MiB);
    assert_response(plug(&vm, 255, 1), ACK);
    set_requested_size(&vm, 2 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 2 * MiB);
    vm_end(&vm);
}

/* "SHOULD NOT send a configuration update notification when changing plugged_size" */
static void test_plug_does_not_notify_config(void)
{
    struct virtio_mem_req req;
    uint32_t head, len;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 4);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    head = qvirtqueue_add(vm.qts, vm.vq, vm.req, sizeof(req), false, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.resp, sizeof(struct virtio_mem_resp), true, false);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    for (int i = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, &len); i++) {
        g_assert_cmpint(i, <, 10000);
        g_usleep(1000);
    }
    g_assert_cmpint(isr_read(&vm), ==, ISR_QUEUE);
    assert_plugged(&vm, 4);
    vm_end(&vm);
}

/* The usable region only grows, until UNPLUG ALL or a system reset lets it shrink. */
static void test_resize_usable_region(void)
{
    uint64_t small, large;
    Vm vm;

    vm_start(&vm, RAM_1G, ",requested-size=64M");
    small = CONFIG(&vm, usable_region_size);
    set_requested_size(&vm, 768 * MiB);
    large = CONFIG(&vm, usable_region_size);
    g_assert_cmphex(large, >=, 768 * MiB);
    set_requested_size(&vm, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    assert_response(plug(&vm, 300, 1), ACK);
    assert_response(unplug(&vm, 300, 1), ACK);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, small);
    assert_response(plug(&vm, 300, 1), ERR);
    set_requested_size(&vm, 768 * MiB);
    set_requested_size(&vm, 64 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, large);
    vm_system_reset(&vm);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, small);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    vm_end(&vm);
}

static void test_resize_whole_region(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=0");
    set_requested_size(&vm, 256 * MiB);
    g_assert_cmphex(CONFIG(&vm, usable_region_size), ==, 256 * MiB);
    assert_response(plug(&vm, 127, 1), ACK);
    vm_end(&vm);
}

static void test_resize_refused(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    assert_qom_set_fails(&vm, "requested-size", "1048576", (const char *[]) {
        "'requested-size' has to be multiples of 'block-size' (0x200000)", NULL });
    assert_qom_set_fails(&vm, "requested-size", "270532608", (const char *[]) {
        "'requested-size' cannot exceed the memory backend size", "0x10000000", NULL });
    assert_qom_set_fails(&vm, "requested-size", "1", (const char *[]) { "block-size", NULL });
    assert_qom_set_fails(&vm, "requested-size", "-1", (const char *[]) { "requested-size", NULL });
    assert_qom_set_fails(&vm, "requested-size", "\"many\"", (const char *[]) {
        "'requested-size' expects uint64", NULL });
    assert_qom_set_fails(&vm, "requested-size", "{}", (const char *[]) { "requested-size", NULL });
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmphex(qom_get_uint(&vm, "requested-size"), ==, 64 * MiB);
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, 0);
    vm_end(&vm);
}

/* ---- interrupts ---- */

/* On q35 PIRQ A to H are lines 16 to 23 of the I/O APIC; a slot below 25 has E + slot % 4 …. */
static void test_interrupt_intx(void)
{
    int line = 16 + 4 + SLOT % 4;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qtest_irq_intercept_in(vm.qts, "ioapic");
    g_assert_false(qtest_get_irq(vm.qts, line));
    set_requested_size(&vm, 128 * MiB);
    g_assert_true(qtest_get_irq(vm.qts, line));
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qtest_get_irq(vm.qts, line));
    vm_end(&vm);
}

/* On pc the PIIX3 routes PIRQ A to D to the ISA lines it is told; slot N pin A is (N - 1) % 4. */
static void test_interrupt_intx_piix(void)
{
    static const uint8_t isa_line[] = { 5, 9, 10, 11 };
    QPCIDevice *piix;
    int expected = isa_line[(SLOT - 1) % 4];
    Vm vm;

    vm_start_on(&vm, "pc", RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    piix = qpci_device_find(vm.bus, QPCI_DEVFN(1, 0));
    g_assert_nonnull(piix);
    qtest_irq_intercept_in(vm.qts, "ioapic");
    set_requested_size(&vm, 128 * MiB);
    for (size_t i = 0; i < sizeof(isa_line); i++) {     /* routed nowhere at reset */
        g_assert_false(qtest_get_irq(vm.qts, isa_line[i]));
        qpci_config_writeb(piix, 0x60 + i, isa_line[i]);
    }
    for (size_t i = 0; i < sizeof(isa_line); i++) {     /* a routing change moves the level */
        g_assert_cmpint(qtest_get_irq(vm.qts, isa_line[i]), ==, isa_line[i] == expected);
    }
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qtest_get_irq(vm.qts, expected));
    g_free(piix);
    vm_end(&vm);
}

static void test_interrupt_intx_disabled(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    qtest_irq_intercept_in(vm.qts, "ioapic");
    qpci_config_writew(vm.dev->pdev, 4, qpci_config_readw(vm.dev->pdev, 4) | 0x400);
    set_requested_size(&vm, 128 * MiB);
    g_assert_false(qtest_get_irq(vm.qts, 16 + 4 + SLOT % 4));
    g_assert_cmphex(qpci_config_readw(vm.dev->pdev, 6) & 8, ==, 8);
    g_assert_cmpint(isr_read(&vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_cmphex(qpci_config_readw(vm.dev->pdev, 6) & 8, ==, 0);
    vm_end(&vm);
}

/* One message for the configuration, another for the queue; both masked in between. */
static void test_interrupt_msix(void)
{
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    if (!qpci_find_capability(vm.dev->pdev, 0x11, 0)) {
        g_test_skip("MSI-X came with machine version 10.0");
        vm_end(&vm);
        return;
    }
    g_assert_cmpint(qpci_msix_table_size(vm.dev->pdev), ==, 2);
    qpci_msix_enable(vm.dev->pdev);
    qvirtio_pci_set_msix_configuration_vector(vm.dev, &vm.alloc, 0);
    vm_drive(&vm, SIMPLE_FEATURES);
    qvirtqueue_pci_msix_setup(vm.dev, container_of(vm.vq, QVirtQueuePCI, vq), &vm.alloc, 1);
    set_requested_size(&vm, 128 * MiB);
    qvirtio_wait_config_isr(vm.vdev, TIMEOUT_US);
    assert_response(plug(&vm, 0, 1), ACK);
    vm_end(&vm);
}

/* ---- events ---- */

static void event_time_passes(Vm *vm)
{
    if (clock_is_virtual) {
        qtest_clock_step(vm->qts, 1100 * 1000 * 1000);
    }
}

static QDict *size_event_wait(Vm *vm, uint64_t size)
{
    QDict *event = qtest_qmp_eventwait_ref(vm->qts, "MEMORY_DEVICE_SIZE_CHANGE");
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "vm0");
    g_assert_cmphex(qdict_get_int(data, "size"), ==, size);
    g_assert_cmpstr(qdict_get_str(data, "qom-path"), ==, "/machine/peripheral/vm0");
    return event;
}

/* The first change is told at once; of those within the next second only the last one, later. */
static void test_event_rate_limit(void)
{
    QDict *early;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 1), ACK);
    qobject_unref(size_event_wait(&vm, 2 * MiB));
    assert_response(plug(&vm, 1, 1), ACK);
    assert_response(plug(&vm, 2, 1), ACK);
    assert_response(unplug(&vm, 0, 1), ACK);
    assert_response(plug(&vm, 3, 2), ACK);
    g_assert_cmphex(queried_size(&vm), ==, 8 * MiB);
    early = qtest_qmp_event_ref(vm.qts, "MEMORY_DEVICE_SIZE_CHANGE");
    g_assert_null(early);
    event_time_passes(&vm);
    qobject_unref(size_event_wait(&vm, 8 * MiB));
    vm_end(&vm);
}

/* A refused request changes nothing and tells nothing. */
static void test_event_not_on_refusal(void)
{
    QDict *event;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=2M");
    assert_response(plug(&vm, 0, 2), NACK);
    assert_response(plug(&vm, 0, 0), ERR);
    assert_response(unplug(&vm, 0, 1), ERR);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    event = qtest_qmp_event_ref(vm.qts, "MEMORY_DEVICE_SIZE_CHANGE");
    g_assert_null(event);
    vm_end(&vm);
}

static void test_event_unplug_all(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    qobject_unref(size_event_wait(&vm, 6 * MiB));
    assert_response(unplug_all(&vm), ACK);
    event_time_passes(&vm);
    qobject_unref(size_event_wait(&vm, 0));
    vm_end(&vm);
}

/* ---- reset ---- */

static void test_device_reset_keeps_blocks(void)
{
    uint8_t out[256], in[256];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    memset(out, 0xa5, sizeof(out));
    assert_response(plug(&vm, 3, 5), ACK);
    qtest_memwrite(vm.qts, vm.addr + 4 * vm.block_size, out, sizeof(out));
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    assert_plugged(&vm, 5);
    g_assert_cmpint(state_of(&vm, 3, 5), ==, VIRTIO_MEM_STATE_PLUGGED);
    g_assert_cmpint(state_of(&vm, 0, 3), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    qtest_memread(vm.qts, vm.addr + 4 * vm.block_size, in, sizeof(in));
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    vm_end(&vm);
}

static void test_system_reset_unplugs_all(const void *machine)
{
    Vm vm;

    vm_start_on(&vm, machine, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 4), ACK);
    assert_response(plug(&vm, 9, 1), ACK);
    qtest_memset(vm.qts, vm.addr, 0x77, 4096);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    g_assert_cmphex(queried_size(&vm), ==, 0);
    g_assert_cmphex(CONFIG(&vm, requested_size), ==, 64 * MiB);
    g_assert_cmpint(state_of(&vm, 0, 16), ==, VIRTIO_MEM_STATE_UNPLUGGED);
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr), ==, 0);
    vm_end(&vm);
}

/* ---- properties ---- */

static void test_properties_fixed(void)
{
    static const struct {
        const char *name, *value, *says;
    } fixed[] = {
        { "size", "2097152", "'virtio-mem.size' is not writable" },
        { "block-size", "4194304", "'block-size' cannot be changed" },
        { "memaddr", "8589934592", "'memaddr'" },
        { "node", "0", "'node'" },
        { "prealloc", "true", "'prealloc'" },
        { "unplugged-inaccessible", "\"on\"", "'unplugged-inaccessible'" },
        { "memdev", "\"/objects/mem0\"", "'memdev'" },
        { "nonesuch", "1", "'virtio-mem-pci.nonesuch' not found" },
    };
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        assert_qom_set_fails(&vm, fixed[i].name, fixed[i].value,
                             (const char *[]) { fixed[i].says, NULL });
    }
    g_assert_cmphex(qom_get_uint(&vm, "block-size"), ==, 2 * MiB);
    assert_qom_str(&vm, "memdev", "/objects/mem0");
    vm_end(&vm);
}

static void test_property_block_size(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=128M,block-size=16M");
    g_assert_cmphex(vm.block_size, ==, 16 * MiB);
    g_assert_cmphex(vm.addr % vm.block_size, ==, 0);
    g_assert_cmphex(qom_get_uint(&vm, "block-size"), ==, 16 * MiB);
    assert_response(request(&vm, VIRTIO_MEM_REQ_PLUG, vm.addr + 2 * MiB, 1), ERR);
    assert_response(plug(&vm, 1, 3), ACK);
    assert_plugged(&vm, 3);
    assert_response(plug(&vm, 0, 2), ERR);
    vm_end(&vm);
}

static void test_property_memaddr(void)
{
    QDict *device;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M,memaddr=0x140000000");
    g_assert_cmphex(vm.addr, ==, 0x140000000);
    g_assert_cmphex(qom_get_uint(&vm, "memaddr"), ==, 0x140000000);
    device = memory_device(vm.qts, 0);
    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "memaddr"), ==, 0x140000000);
    qobject_unref(device);
    assert_response(plug(&vm, 0, 1), ACK);
    qtest_writeq(vm.qts, 0x140000000, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(vm.qts, 0x140000000), ==, 0x1122334455667788);
    vm_end(&vm);
}

typedef struct AutoCase {
    const char *backend;
    const char *resolved;
} AutoCase;

static const AutoCase auto_private = { RAM_256M, "off" };
static const AutoCase auto_shared = { RAM_256M ",share=on", "on" };
static const AutoCase auto_memfd = { "memory-backend-memfd,size=256M", "on" };
static const AutoCase auto_memfd_private = { "memory-backend-memfd,size=256M,share=off", "on" };
static const AutoCase auto_file = {
    "memory-backend-file,size=256M,mem-path=/dev/shm", "on" };
static const AutoCase auto_file_shared = {
    "memory-backend-file,size=256M,mem-path=/dev/shm,share=on", "on" };

/* "auto" becomes on or off at realize, and is shown resolved: on without a shared zeropage. */
static void test_property_auto(const void *data)
{
    const AutoCase *c = data;
    uint64_t expected = g_str_equal(c->resolved, "on") ? F_INACCESSIBLE : 0;
    Vm vm;

    vm_spawn(&vm, "q35", c->backend, ",unplugged-inaccessible=auto");
    vm_probe(&vm);
    assert_qom_str(&vm, "unplugged-inaccessible", c->resolved);
    g_assert_cmphex(qvirtio_get_features(vm.vdev) & F_INACCESSIBLE, ==, expected);
    vm_end(&vm);
}

/* ---- QMP ---- */

static void test_query_memory_devices(void)
{
    QDict *device, *data, *summary;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    assert_response(plug(&vm, 0, 3), ACK);
    device = memory_device(vm.qts, 0);
    data = qdict_get_qdict(device, "data");
    g_assert_cmpstr(qdict_get_str(device, "type"), ==, "virtio-mem");
    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "vm0");
    g_assert_cmpstr(qdict_get_str(data, "memdev"), ==, "/objects/mem0");
    g_assert_cmphex(qdict_get_int(data, "memaddr"), ==, vm.addr);
    g_assert_cmphex(qdict_get_int(data, "requested-size"), ==, 64 * MiB);
    g_assert_cmphex(qdict_get_int(data, "size"), ==, 6 * MiB);
    g_assert_cmphex(qdict_get_int(data, "max-size"), ==, 256 * MiB);
    g_assert_cmphex(qdict_get_int(data, "block-size"), ==, 2 * MiB);
    g_assert_cmpint(qdict_get_int(data, "node"), ==, 0);
    qobject_unref(device);
    summary = qtest_qmp_assert_success_ref(vm.qts, "{'execute': 'query-memory-size-summary'}");
    g_assert_cmphex(qdict_get_int(summary, "base-memory"), ==, 128 * MiB);
    g_assert_cmphex(qdict_get_int(summary, "plugged-memory"), ==, 6 * MiB);
    qobject_unref(summary);
    vm_end(&vm);
}

/* Devices get places of their own, and each its own requests. */
static void test_two_devices(void)
{
    QPCIAddress second_addr = { .devfn = QPCI_DEVFN(5, 0) };
    QDict *devices[2];
    uint64_t addr[2];
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M -object memory-backend-ram,id=mem1,size=512M "
             "-device virtio-mem-pci,id=vm1,memdev=mem1,addr=5,requested-size=32M");
    for (int i = 0; i < 2; i++) {
        devices[i] = memory_device(vm.qts, i);
        addr[i] = qdict_get_int(qdict_get_qdict(devices[i], "data"), "memaddr");
    }
    g_assert_true(addr[0] + 256 * MiB <= addr[1] || addr[1] + 512 * MiB <= addr[0]);
    qobject_unref(devices[0]);
    qobject_unref(devices[1]);
    assert_response(plug(&vm, 0, 3), ACK);
    vm_stop_driver(&vm);
    vm.dev = virtio_pci_new(vm.bus, &second_addr);
    vm.vdev = &vm.dev->vdev;
    qvirtio_pci_device_enable(vm.dev);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    g_assert_cmphex(vm.region_size, ==, 512 * MiB);
    assert_plugged(&vm, 0);
    assert_response(plug(&vm, 0, 16), ACK);
    assert_response(plug(&vm, 16, 1), NACK);
    g_assert_cmphex(qom_get_uint(&vm, "size"), ==, 6 * MiB);    /* of vm0 */
    vm_end(&vm);
}

/* ---- requests that break the rules of virtqueues ---- */

/* Descriptors of one malformed request: gpa offsets from vm.req. */
typedef struct BadRequest {
    struct {
        uint32_t len;
        bool write;
    } part[3];
    uint16_t type;
    uint64_t gpa;               /* of the first descriptor instead of vm.req, if not 0 */
} BadRequest;

static const BadRequest bad_short_request = { .part = { { 8, false }, { 10, true } } };
static const BadRequest bad_no_response = { .part = { { 24, false } } };
static const BadRequest bad_short_response = { .part = { { 24, false }, { 4, true } } };
static const BadRequest bad_no_request = { .part = { { 24, true } } };
static const BadRequest bad_type = { .part = { { 24, false }, { 10, true } }, .type = 4 };
static const BadRequest bad_type_max = { .part = { { 24, false }, { 10, true } }, .type = 65535 };
static const BadRequest bad_order = {
    .part = { { 12, false }, { 10, true }, { 12, false } } };
static const BadRequest bad_address = {
    .part = { { 24, false }, { 10, true } }, .gpa = 0x7f0000000000 };
static const BadRequest bad_no_length = { .part = { { 24, false }, { 0, true } } };

static void send_bad_request(Vm *vm, const BadRequest *bad)
{
    struct virtio_mem_req req = request_make(bad->type, vm->addr, 1);
    uint32_t head = vm->vq->free_head;

    qtest_bufwrite(vm->qts, vm->req, &req, sizeof(req));
    for (int i = 0; i < 3 && (i == 0 || bad->part[i].len || bad->part[i].write); i++) {
        bool more = i < 2 && (bad->part[i + 1].len || bad->part[i + 1].write);

        qvirtqueue_add(vm->qts, vm->vq,
                       bad->part[i].write ? vm->resp : i == 0 && bad->gpa ? bad->gpa : vm->req,
                       bad->part[i].len, bad->part[i].write, more);
    }
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
}

/* 2.1.2: the device stops, says so in its status, and works again after a reset. */
static void assert_broken_until_reset(Vm *vm)
{
    for (int i = 0; !(vm->vdev->bus->get_status(vm->vdev) & NEEDS_RESET); i++) {
        g_assert_cmpint(i, <, 1000);    /* the device should set NEEDS_RESET, and did not */
        g_usleep(1000);
    }
    g_assert_cmpint(isr_read(vm) & ISR_CONFIG, ==, ISR_CONFIG);
    g_assert_false(qvirtqueue_get_buf(vm->qts, vm->vq, NULL, NULL));
    g_assert_cmphex(queried_size(vm), ==, 0);
    qvirtqueue_cleanup(vm->vdev->bus, vm->vq, &vm->alloc);
    qvirtio_start_device(vm->vdev);
    vm_drive(vm, SIMPLE_FEATURES);
    assert_response(plug(vm, 0, 1), ACK);
}

static void test_malformed_request(const void *bad)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    send_bad_request(&vm, bad);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/*
 * A request at an address without memory: either the device is broken, or it
 * has read no request of ours (stock reads zeros: a PLUG at 0, an error).
 */
static void test_malformed_address(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    send_bad_request(&vm, &bad_address);
    for (int i = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, NULL); i++) {
        if (vm.vdev->bus->get_status(vm.vdev) & NEEDS_RESET) {
            assert_broken_until_reset(&vm);
            vm_end(&vm);
            return;
        }
        g_assert_cmpint(i, <, 1000);
        g_usleep(1000);
    }
    assert_response(qtest_readw(vm.qts, vm.resp), ERR);
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_malformed_avail_index(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_set_avail_idx(vm.qts, vm.vdev, vm.vq, vm.vq->size + 1);
    vm.vdev->bus->virtqueue_kick(vm.vdev, vm.vq);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

static void test_malformed_head(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, vm.vq->size);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/* A chain that leads back to itself. */
static void test_malformed_loop(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    isr_read(&vm);
    qvirtqueue_add(vm.qts, vm.vq, vm.req, 24, false, true);
    qtest_writew(vm.qts, vm.vq->desc + offsetof(struct vring_desc, next), 0);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, 0);
    assert_broken_until_reset(&vm);
    vm_end(&vm);
}

/* ---- well-formed requests in unusual shapes ---- */

static void test_ring_scattered(void)
{
    struct virtio_mem_req req;
    uint32_t head, len;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 2);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    head = qvirtqueue_add(vm.qts, vm.vq, vm.req, 1, false, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.req + 1, 10, false, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.req + 11, 100, false, true);    /* more than is defined */
    qvirtqueue_add(vm.qts, vm.vq, vm.resp, 1, true, true);
    qvirtqueue_add(vm.qts, vm.vq, vm.resp + 1, 9, true, false);
    qtest_memset(vm.qts, vm.resp, 0xee, 16);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(len, ==, 10);
    g_assert_cmpint(qtest_readw(vm.qts, vm.resp), ==, ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.resp + 10), ==, 0xee);
    assert_plugged(&vm, 2);
    vm_end(&vm);
}

static void test_ring_indirect(void)
{
    QVRingIndirectDesc *indirect;
    struct virtio_mem_req req;
    uint32_t head, len;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES | F_INDIRECT);
    g_assert_true(vm.vq->indirect);
    req = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 2);
    qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
    indirect = qvring_indirect_desc_setup(vm.qts, vm.vdev, &vm.alloc, 2);
    qvring_indirect_desc_add(vm.vdev, vm.qts, indirect, vm.req, sizeof(req), false);
    qvring_indirect_desc_add(vm.vdev, vm.qts, indirect, vm.resp, 10, true);
    head = qvirtqueue_add_indirect(vm.qts, vm.vq, indirect);
    qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
    qvirtio_wait_used_elem(vm.qts, vm.vdev, vm.vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(qtest_readw(vm.qts, vm.resp), ==, ACK);
    assert_plugged(&vm, 2);
    guest_free(&vm.alloc, indirect->desc);
    g_free(indirect);
    vm_end(&vm);
}

/*
 * 2.7.10: an interrupt when the used index passes used_event, and none before.
 * The very first request is left out: a device that has never interrupted may.
 */
static void test_ring_event_index(void)
{
    uint32_t head;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M");
    vm_probe(&vm);
    vm_drive(&vm, SIMPLE_FEATURES | F_EVENT);
    g_assert_true(vm.vq->event);
    qvirtqueue_set_used_event(vm.qts, vm.vq, 2);
    for (int i = 0; i < 3; i++) {
        struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_PLUG,
                                                 vm.addr + i * vm.block_size, 1);
        uint8_t isr;

        qtest_bufwrite(vm.qts, vm.req, &req, sizeof(req));
        head = qvirtqueue_add(vm.qts, vm.vq, vm.req, sizeof(req), false, true);
        qvirtqueue_add(vm.qts, vm.vq, vm.resp, 10, true, false);
        qvirtqueue_kick(vm.qts, vm.vdev, vm.vq, head);
        for (int n = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, NULL, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        isr = isr_read(&vm);
        if (i > 0) {
            g_assert_cmpint(isr, ==, i == 1 ? 0 : ISR_QUEUE);
        }
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* Many more requests than the ring has descriptors, so that every index wraps. */
static void test_ring_wraps(void)
{
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    for (uint32_t i = 0; i < vm.vq->size + 5; i++) {
        assert_response(plug(&vm, i % 32, 1), ACK);
        assert_response(unplug(&vm, i % 32, 1), ACK);
    }
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

/* Two requests before one notification are both carried out, in their order. */
static void test_ring_batch(void)
{
    struct virtio_mem_req req[2];
    uint32_t head[2], got;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=64M");
    req[0] = request_make(VIRTIO_MEM_REQ_PLUG, vm.addr, 4);
    req[1] = request_make(VIRTIO_MEM_REQ_UNPLUG, vm.addr, 1);
    qtest_bufwrite(vm.qts, vm.req, req, sizeof(req));
    for (int i = 0; i < 2; i++) {
        head[i] = qvirtqueue_add(vm.qts, vm.vq, vm.req + i * sizeof(req[0]), sizeof(req[0]),
                                 false, true);
        qvirtqueue_add(vm.qts, vm.vq, vm.resp + i * 10, 10, true, false);
        qtest_writew(vm.qts, vm.vq->avail + 4 + 2 * i, head[i]);
    }
    qvirtqueue_set_avail_idx(vm.qts, vm.vdev, vm.vq, 2);
    vm.vdev->bus->virtqueue_kick(vm.vdev, vm.vq);
    for (int i = 0; i < 2; i++) {
        for (int n = 0; !qvirtqueue_get_buf(vm.qts, vm.vq, &got, NULL); n++) {
            g_assert_cmpint(n, <, 10000);
            g_usleep(1000);
        }
        g_assert_cmpint(got, ==, head[i]);
        g_assert_cmpint(qtest_readw(vm.qts, vm.resp + i * 10), ==, ACK);
    }
    assert_plugged(&vm, 3);
    vm_end(&vm);
}

/* ---- memory is really given back ---- */

typedef struct FreedCase {
    const char *backend;
    bool is_private;            /* pages of the process count */
    bool is_shared;             /* blocks of the file behind the mapping count */
} FreedCase;

/* A size that nothing else in the process has. */
#define FREED_SIZE (336 * MiB)
#define FREED_BLOCKS 16
/* What a mapping may hold more or less than what was written: nothing else is in it. */
#define FREED_SLACK (2 * MiB)

static const FreedCase freed_ram = { "memory-backend-ram,size=336M", true, false };
static const FreedCase freed_ram_shared = { "memory-backend-ram,size=336M,share=on", false, true };
static const FreedCase freed_memfd = { "memory-backend-memfd,size=336M", false, true };
static const FreedCase freed_file_shared = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=on", false, true };
static const FreedCase freed_file_private = {
    "memory-backend-file,size=336M,mem-path=/dev/shm,share=off", true, true };

/* The size of the mapping that a line of smaps begins ("START-END PERMS …"), or 0. */
static uint64_t smaps_mapping_size(const char *line)
{
    char *end;
    uint64_t from = g_ascii_strtoull(line, &end, 16), to;

    if (end == line || *end != '-') {
        return 0;
    }
    line = end + 1;
    to = g_ascii_strtoull(line, &end, 16);
    return end != line && *end == ' ' ? to - from : 0;
}

/*
 * Bytes on the lines of /proc/PID/smaps that begin with key, in the mapping of FREED_SIZE. The
 * process as a whole does not do: it frees memory of its own when it likes.
 */
static uint64_t mapping_bytes(pid_t pid, const char *key)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    uint64_t kib = 0, size = 0;
    bool found = false;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        uint64_t begins = smaps_mapping_size(*line);

        size = begins ? begins : size;
        found |= size == FREED_SIZE;
        if (size == FREED_SIZE && g_str_has_prefix(*line, key)) {
            kib += g_ascii_strtoull(strchr(*line, ':') + 1, NULL, 10);
        }
    }
    if (!found) {
        g_error("process %d has no mapping of %" PRIu64 " bytes", (int)pid, (uint64_t)FREED_SIZE);
    }
    return kib * KiB;
}

/*
 * Bytes that the kernel holds for the file of FREED_SIZE behind the process's
 * memory, wherever it is found: among its descriptors (memfd, file) or behind
 * its mappings (shared anonymous memory). -1 when neither shows it.
 */
static int64_t file_bytes(pid_t pid)
{
    static const char *const folders[] = { "fd", "map_files" };

    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_strdup_printf("/proc/%d/%s", (int)pid, folders[i]);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *path = g_build_filename(folder, name, NULL);
            struct stat st;

            if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                (uint64_t)st.st_size == FREED_SIZE) {
                return (int64_t)st.st_blocks * 512;
            }
        }
    }
    return -1;
}

typedef struct Held {
    uint64_t process;           /* private pages, which no one else keeps */
    uint64_t huge;              /* the part of them in transparent huge pages */
    int64_t file;
} Held;

static Held held_by(Vm *vm)
{
    pid_t pid = qtest_pid(vm->qts);

    return (Held) {
        .process = mapping_bytes(pid, "Private_"),
        .huge = mapping_bytes(pid, "AnonHugePages"),
        .file = file_bytes(pid),
    };
}

static void assert_held(const FreedCase *c, const Held *base, const Held *now, uint64_t expected,
                        const char *when)
{
    int64_t process = now->process - base->process, file = now->file - base->file;
    int64_t low = (int64_t)expected - FREED_SLACK, high = (int64_t)expected + FREED_SLACK;

    if (c->is_private && (process < low || process > high)) {
        g_error("%s: the mapping holds %" PRId64 " bytes more than at start, expected %" PRIu64,
                when, process, expected);
    }
    if (c->is_private && !expected && now->huge > base->huge) {
        g_error("%s: %" PRIu64 " bytes are left in transparent huge pages", when,
                now->huge - base->huge);
    }
    if (c->is_shared && (file < low || file > high)) {
        g_error("%s: the kernel holds %" PRId64 " bytes of the file more than at start, "
                "expected %" PRIu64, when, file, expected);
    }
}

/* Plugs and writes FREED_BLOCKS blocks; the memory has to be there then. */
static void freed_fill(Vm *vm, const FreedCase *c, Held *base)
{
    Held now;

    assert_response(plug(vm, 0, FREED_BLOCKS), ACK);
    qtest_memset(vm->qts, vm->addr, 0x5a, FREED_BLOCKS * vm->block_size);
    now = held_by(vm);
    assert_held(c, base, &now, FREED_BLOCKS * vm->block_size, "after writing");
}

static bool freed_start(Vm *vm, const FreedCase *c, Held *base)
{
    vm_start(vm, c->backend, ",requested-size=64M,unplugged-inaccessible=on");
    *base = held_by(vm);
    if (c->is_shared && base->file < 0) {
        g_test_skip("needs root to see the file behind a mapping (/proc/PID/map_files)");
        vm_end(vm);
        return false;
    }
    return true;
}

static void test_freed_by_unplug(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    assert_response(unplug(&vm, 0, FREED_BLOCKS / 2), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, FREED_BLOCKS / 2 * vm.block_size, "after UNPLUG of one half");
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr + FREED_BLOCKS / 2 * vm.block_size), ==, 0x5a);
    assert_response(unplug(&vm, FREED_BLOCKS / 2, FREED_BLOCKS / 2), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG of the other half");
    assert_response(plug(&vm, 0, 1), ACK);
    g_assert_cmpint(qtest_readb(vm.qts, vm.addr), ==, 0);
    vm_end(&vm);
}

static void test_freed_by_unplug_all(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG ALL");
    vm_end(&vm);
}

static void test_freed_by_system_reset(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    if (!freed_start(&vm, c, &base)) {
        return;
    }
    freed_fill(&vm, c, &base);
    qtest_qmp_assert_success(vm.qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(vm.qts, "RESET");
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after a system reset");
    vm_end(&vm);
}

/* prealloc=on: a plugged block is backed before anyone touches it. */
static void test_prealloc(const void *data)
{
    const FreedCase *c = data;
    Held base, now;
    Vm vm;

    vm_start(&vm, c->backend, ",requested-size=64M,unplugged-inaccessible=on,prealloc=on");
    base = held_by(&vm);
    if (c->is_shared && base.file < 0) {
        g_test_skip("needs root to see the file behind a mapping (/proc/PID/map_files)");
        vm_end(&vm);
        return;
    }
    assert_response(plug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, FREED_BLOCKS * vm.block_size, "after PLUG with prealloc=on");
    assert_response(unplug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(c, &base, &now, 0, "after UNPLUG");
    vm_end(&vm);
}

/*
 * Discards of hundreds of megabytes, which a device may carry out in pieces
 * beside other work: an answered UNPLUG ALL has freed everything, and neither
 * reset may be overtaken by a discard that was begun before it.
 */
#define LARGE_BLOCKS 100

static void large_start(Vm *vm, Held *base)
{
    Held now;

    vm_start(vm, freed_ram.backend, ",requested-size=200M,unplugged-inaccessible=on");
    *base = held_by(vm);
    assert_response(plug(vm, 0, LARGE_BLOCKS), ACK);
    qtest_memset(vm->qts, vm->addr, 0x5a, LARGE_BLOCKS * vm->block_size);
    now = held_by(vm);
    assert_held(&freed_ram, base, &now, LARGE_BLOCKS * vm->block_size, "after writing");
}

/* Makes an UNPLUG ALL available, and does not wait. */
static void unplug_all_begin(Vm *vm)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    uint32_t head;

    qtest_bufwrite(vm->qts, vm->req, &req, sizeof(req));
    head = qvirtqueue_add(vm->qts, vm->vq, vm->req, sizeof(req), false, true);
    qvirtqueue_add(vm->qts, vm->vq, vm->resp, sizeof(struct virtio_mem_resp), true, false);
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
}

static void test_large_unplug_all(void)
{
    Held base, now;
    Vm vm;

    large_start(&vm, &base);
    assert_response(unplug_all(&vm), ACK);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL");
    assert_plugged(&vm, 0);
    vm_end(&vm);
}

static void test_large_then_system_reset(void)
{
    Held base, now;
    Vm vm;

    large_start(&vm, &base);
    unplug_all_begin(&vm);
    vm_system_reset(&vm);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL and a system reset");
    /* nothing of the old discard may hit what is plugged now */
    assert_response(plug(&vm, 0, LARGE_BLOCKS), ACK);
    qtest_memset(vm.qts, vm.addr, 0x33, LARGE_BLOCKS * vm.block_size);
    g_usleep(20000);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr), ==, 0x3333333333333333);
    g_assert_cmphex(qtest_readq(vm.qts, vm.addr + LARGE_BLOCKS * vm.block_size - 8), ==,
                    0x3333333333333333);
    vm_end(&vm);
}

static void test_large_then_device_reset(void)
{
    Held base, now;
    Vm vm;

    large_start(&vm, &base);
    unplug_all_begin(&vm);
    qvirtqueue_cleanup(vm.vdev->bus, vm.vq, &vm.alloc);
    qvirtio_start_device(vm.vdev);
    vm_drive(&vm, SIMPLE_FEATURES);
    /* the request was carried out or dropped as a whole; then once more, to be sure */
    g_assert_true(CONFIG(&vm, plugged_size) == 0 ||
                  CONFIG(&vm, plugged_size) == LARGE_BLOCKS * vm.block_size);
    assert_response(unplug_all(&vm), ACK);
    assert_plugged(&vm, 0);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after UNPLUG ALL and a device reset");
    vm_end(&vm);
}

/* Without prealloc, plugging alone costs nothing. */
static void test_plug_is_free(void)
{
    Held base, now;
    Vm vm;

    vm_start(&vm, freed_ram.backend, ",requested-size=64M");
    base = held_by(&vm);
    assert_response(plug(&vm, 0, FREED_BLOCKS), ACK);
    now = held_by(&vm);
    assert_held(&freed_ram, &base, &now, 0, "after PLUG");
    vm_end(&vm);
}

/* ---- hugetlb ---- */

#define HUGE_FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define HUGE_BACKEND "memory-backend-memfd,size=64M,hugetlb=on,hugetlbsize=2M"
#define HUGE_PAGES 32

static int64_t huge_read(const char *name)
{
    g_autofree char *path = g_strconcat(HUGE_FOLDER, name, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : -1;
}

static bool huge_write(int64_t pages)
{
    g_autofree char *text = g_strdup_printf("%" PRId64 "\n", pages);
    int fd = open(HUGE_FOLDER "nr_hugepages", O_WRONLY);
    bool done;

    if (fd < 0) {
        return false;
    }
    done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

/* Makes HUGE_PAGES pages free, alone among tests until the lock is closed; -1 when it cannot be. */
static int huge_reserve(int64_t *before)
{
    int lock = open(HUGE_FOLDER "nr_hugepages", O_RDONLY | O_CLOEXEC);

    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        return -1;
    }
    *before = huge_read("nr_hugepages");
    huge_write(*before + HUGE_PAGES);
    if (huge_read("free_hugepages") - huge_read("resv_hugepages") < HUGE_PAGES) {
        huge_write(*before);
        close(lock);
        return -1;
    }
    return lock;
}

static void test_freed_hugetlb(void)
{
    int64_t before, free_pages;
    int lock = huge_reserve(&before);
    Vm vm;

    if (lock < 0) {
        g_test_skip("no huge pages can be reserved (nr_hugepages is not writable, or no room)");
        return;
    }
    vm_start(&vm, HUGE_BACKEND, ",requested-size=64M,unplugged-inaccessible=auto");
    assert_qom_str(&vm, "unplugged-inaccessible", "on");
    free_pages = huge_read("free_hugepages");
    assert_response(plug(&vm, 0, 8), ACK);
    qtest_memset(vm.qts, vm.addr, 0x5a, 8 * vm.block_size);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages - 8);
    assert_response(unplug(&vm, 0, 4), ACK);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages - 4);
    assert_response(unplug_all(&vm), ACK);
    g_assert_cmpint(huge_read("free_hugepages"), ==, free_pages);
    vm_end(&vm);
    huge_write(before);
    close(lock);
}

/* ---- errors at start ---- */

typedef struct StartError {
    const char *name;
    const char *args;
    const char *says;           /* on stderr */
    int since;                  /* version that first gets it right, as emulator_version */
    const char *why;            /* what is wrong before */
} StartError;

#define MACHINE_MEM0 "-machine q35 -m 128M,maxmem=2G -object memory-backend-ram,id=mem0,size=256M "
#define DEVICE "-device virtio-mem-pci,id=vm0,memdev=mem0"

static const StartError start_errors[] = {
    { "memdev-missing", MACHINE_MEM0 "-device virtio-mem-pci,id=vm0",
      "'memdev' property must be set", 0, NULL },
    { "memdev-unknown", MACHINE_MEM0 "-device virtio-mem-pci,id=vm0,memdev=nonesuch",
      "'nonesuch' not found", 0, NULL },
    { "memdev-busy", MACHINE_MEM0 DEVICE " -device virtio-mem-pci,id=vm1,memdev=mem0",
      "'memdev' property specifies a busy memdev: mem0", 0, NULL },
    { "memdev-is-machine-ram", "-machine q35,memory-backend=mem0 -m 256M,maxmem=2G "
      "-object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "'memdev' property specifies a busy memdev: mem0", 0, NULL },
    { "no-maxmem", "-machine q35 -m 128M -object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "please specify the maxmem option", 0, NULL },
    { "maxmem-too-small", "-machine q35 -m 128M,maxmem=256M "
      "-object memory-backend-ram,id=mem0,size=256M " DEVICE,
      "not enough space, currently 0x0 in use of total space for memory devices 0x8000000", 0,
      NULL },
    { "size-unaligned", "-machine q35 -m 128M,maxmem=2G "
      "-object memory-backend-ram,id=mem0,size=255M " DEVICE,
      "backend memory size must be multiple of 0x200000", 0, NULL },
    { "requested-size-unaligned", MACHINE_MEM0 DEVICE ",requested-size=1M",
      "'requested-size' property has to be multiples of 'block-size' (0x200000)", 0, NULL },
    { "requested-size-too-large", MACHINE_MEM0 DEVICE ",requested-size=512M",
      "'requested-size' ", 10000,
      "QEMU starts with a requested size that it refuses at run time" },
    { "requested-size-not-a-size", MACHINE_MEM0 DEVICE ",requested-size=abc",
      "'requested-size' expects size", 0, NULL },
    { "block-size-too-small", MACHINE_MEM0 DEVICE ",block-size=4096",
      "'block-size' property has to be at least 0x100000", 0, NULL },
    { "block-size-no-power-of-two", MACHINE_MEM0 DEVICE ",block-size=3M",
      "'block-size' property has to be a power of two", 0, NULL },
    { "block-size-too-large", MACHINE_MEM0 DEVICE ",block-size=512M",
      "backend memory size must be multiple of 0x20000000", 0, NULL },
    { "node-unknown", MACHINE_MEM0 DEVICE ",node=1",
      "'node' property has value '1', which exceed", 0, NULL },
    { "memaddr-unaligned", MACHINE_MEM0 DEVICE ",memaddr=0x100100000",
      "address must be aligned to 0x200000 bytes", 0, NULL },
    { "memaddr-outside", MACHINE_MEM0 DEVICE ",memaddr=0x1000000000",
      "can't add memory device [0x1000000000:0x10000000], usable range for memory devices "
      "[0x100000000:0x78000000]", 0, NULL },
    { "memaddr-overlap", MACHINE_MEM0 "-object memory-backend-ram,id=mem1,size=256M "
      DEVICE ",memaddr=0x100000000 -device virtio-mem-pci,id=vm1,memdev=mem1,memaddr=0x108000000",
      "address range conflicts with memory device id='vm0'", 0, NULL },
    { "inaccessible-not-a-value", MACHINE_MEM0 DEVICE ",unplugged-inaccessible=maybe",
      "'unplugged-inaccessible' does not accept value 'maybe'", 0, NULL },
    { "property-unknown", MACHINE_MEM0 DEVICE ",bogus=1",
      "Property 'virtio-mem-pci.bogus' not found", 0, NULL },
    { "size-not-writable", MACHINE_MEM0 DEVICE ",size=2M",
      "Property 'virtio-mem.size' is not writable", 0, NULL },
    { "memdev-preallocated",
      "-machine q35 -m 128M,maxmem=2G -object memory-backend-ram,id=mem0,size=4M,prealloc=on "
      DEVICE, "specifies a memdev with preallocation enabled: mem0", 800,
      "7.2 takes a preallocated backend, and frees it at once" },
    /* Warnings: another option then ends the emulator. */
    { "warns-of-small-block-size", MACHINE_MEM0 DEVICE ",block-size=1M -device nonesuch",
      "warning: 'block-size' property is smaller than the default block size (2 MiB)", 0, NULL },
    { "warns-of-off-without-zeropage",
      "-machine q35 -m 128M,maxmem=2G -object memory-backend-memfd,id=mem0,size=256M " DEVICE
      ",unplugged-inaccessible=off -device nonesuch",
      "warning: 'unplugged-inaccessible' property set to 'off' with a memdev that does not support "
      "the shared zeropage", 0, NULL },
};

/* Runs the emulator until it exits or ten seconds are over; its stderr and exit status. */
static char *run_emulator(const char *args, int *status)
{
    g_autofree char *line = g_strdup_printf(
        "timeout -k 1 10 '%s' -nodefaults -display none -accel %s -S %s",
        g_getenv("QTEST_QEMU_BINARY"), clock_is_virtual ? "qtest" : "tcg", args);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_spawn_command_line_sync(line, NULL, &text, status, &error)) {
        g_error("cannot start the emulator: %s", error->message);
    }
    return text;
}

static void test_start_error(const void *data)
{
    const StartError *c = data;
    g_autofree char *text = NULL;
    int status;

    if (c->since && !(emulator_is_elastic || emulator_version >= c->since)) {
        g_test_skip(c->why);
        return;
    }
    text = run_emulator(c->args, &status);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) {
        g_error("wait status 0x%x, expected exit status 1; stderr: %s", status, text);
    }
    if (!strstr(text, c->says)) {
        g_error("stderr is '%s', expected it to say '%s'", text, c->says);
    }
}

/* A block smaller than a transparent huge page works, with a warning. */
static void test_start_warning_block_size(void)
{
    QTestState *qts = qtest_init(MACHINE_MEM0 DEVICE ",block-size=1M,requested-size=1M");
    QDict *device = memory_device(qts, 0);

    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "block-size"), ==, 1 * MiB);
    g_assert_cmphex(qdict_get_int(qdict_get_qdict(device, "data"), "requested-size"), ==, 1 * MiB);
    qobject_unref(device);
    qtest_quit(qts);
}

/* ---- the list ---- */

#define ADD(name, fn) qtest_add_func("/virtio-mem/" name, fn)
#define ADD_DATA(name, data, fn) qtest_add_data_func("/virtio-mem/" name, data, fn)

static void add_specification_tests(void)
{
    static const struct {
        const char *name;
        uint16_t type;
    } by_blocks[] = {
        { "plug", VIRTIO_MEM_REQ_PLUG }, { "unplug", VIRTIO_MEM_REQ_UNPLUG },
        { "state", VIRTIO_MEM_REQ_STATE },
    };

    ADD("negotiation/acknowledged", test_negotiation_acknowledged);
    ADD_DATA("negotiation/refused/q35", "q35", test_negotiation_refused);
    ADD_DATA("negotiation/refused/pc", "pc", test_negotiation_refused);
    ADD("negotiation/not-offered", test_negotiation_not_offered);
    ADD("negotiation/pxm-ignored", test_negotiation_pxm_ignored);
    ADD_DATA("machine-defaults/q35", "pc-q35", test_machine_defaults);
    ADD_DATA("machine-defaults/pc", "pc-i440fx", test_machine_defaults);
    ADD_DATA("config/values/q35", "q35", test_config_values);
    ADD_DATA("config/values/pc", "pc", test_config_values);
    ADD("config/read-only", test_config_read_only);
    ADD("config/constant-fields", test_config_constant_fields);
    ADD("config/generation", test_config_generation);
    ADD("config/node-id", test_config_node_id);
    ADD_DATA("plug/ack/q35", "q35", test_plug_ack);
    ADD_DATA("plug/ack/pc", "pc", test_plug_ack);
    ADD("plug/all-of-request", test_plug_all_of_request);
    ADD("plug/nack-beyond-requested-size", test_plug_nack_beyond_requested_size);
    ADD("plug/error-already-plugged", test_plug_error_already_plugged);
    ADD("plug/last-usable-block", test_last_usable_block);
    ADD("plug/does-not-notify-config", test_plug_does_not_notify_config);
    for (size_t i = 0; i < G_N_ELEMENTS(by_blocks); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem/%s/error-ranges", by_blocks[i].name);

        qtest_add_data_func(path, GUINT_TO_POINTER(by_blocks[i].type), test_error_ranges);
    }
    ADD("request/ignores-padding", test_ignores_padding);
    ADD("unplug/ack", test_unplug_ack);
    ADD("unplug/error-already-unplugged", test_unplug_error_already_unplugged);
    ADD("unplug-all/ack", test_unplug_all);
    ADD("state/types", test_state);
    ADD("memory/unplugged-readable-when-off", test_unplugged_memory_is_readable);
    ADD_DATA("memory/kept/ram", RAM_256M, test_plugged_memory_is_memory);
    ADD_DATA("memory/kept/memfd", "memory-backend-memfd,size=256M", test_plugged_memory_is_memory);
    ADD_DATA("resize/notifies/q35", "q35", test_resize_notifies);
    ADD_DATA("resize/notifies/pc", "pc", test_resize_notifies);
    ADD("resize/usable-region", test_resize_usable_region);
    ADD("resize/whole-region", test_resize_whole_region);
    ADD("reset/device-reset-keeps-blocks", test_device_reset_keeps_blocks);
    ADD_DATA("reset/system-reset-unplugs-all/q35", "q35", test_system_reset_unplugs_all);
    ADD_DATA("reset/system-reset-unplugs-all/pc", "pc", test_system_reset_unplugs_all);
}

static void add_surface_tests(void)
{
    ADD("resize/refused", test_resize_refused);
    ADD("interrupt/intx/q35", test_interrupt_intx);
    ADD("interrupt/intx/pc", test_interrupt_intx_piix);
    ADD("interrupt/intx-disabled", test_interrupt_intx_disabled);
    ADD("interrupt/msix", test_interrupt_msix);
    ADD("event/rate-limit", test_event_rate_limit);
    ADD("event/not-on-refusal", test_event_not_on_refusal);
    ADD("event/unplug-all", test_event_unplug_all);
    ADD("property/fixed-after-realize", test_properties_fixed);
    ADD("property/block-size", test_property_block_size);
    ADD("property/memaddr", test_property_memaddr);
    ADD_DATA("property/auto/ram", &auto_private, test_property_auto);
    ADD_DATA("property/auto/ram-shared", &auto_shared, test_property_auto);
    ADD_DATA("property/auto/memfd", &auto_memfd, test_property_auto);
    ADD_DATA("property/auto/memfd-private", &auto_memfd_private, test_property_auto);
    ADD_DATA("property/auto/file", &auto_file, test_property_auto);
    ADD_DATA("property/auto/file-shared", &auto_file_shared, test_property_auto);
    ADD("qmp/query-memory-devices", test_query_memory_devices);
    ADD("qmp/two-devices", test_two_devices);
    ADD("start-warning/block-size", test_start_warning_block_size);
    for (size_t i = 0; i < G_N_ELEMENTS(start_errors); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem/start-error/%s",
                                                start_errors[i].name);

        qtest_add_data_func(path, &start_errors[i], test_start_error);
    }
}

static void add_ring_tests(void)
{
    ADD("ring/scattered", test_ring_scattered);
    ADD("ring/indirect", test_ring_indirect);
    ADD("ring/event-index", test_ring_event_index);
    ADD("ring/wraps", test_ring_wraps);
    ADD("ring/batch", test_ring_batch);
    ADD_DATA("malformed/short-request", &bad_short_request, test_malformed_request);
    ADD_DATA("malformed/no-response-buffer", &bad_no_response, test_malformed_request);
    ADD_DATA("malformed/short-response-buffer", &bad_short_response, test_malformed_request);
    ADD_DATA("malformed/no-request-buffer", &bad_no_request, test_malformed_request);
    ADD_DATA("malformed/unknown-type", &bad_type, test_malformed_request);
    ADD_DATA("malformed/unknown-type-max", &bad_type_max, test_malformed_request);
    ADD_DATA("malformed/read-after-write", &bad_order, test_malformed_request);
    ADD("malformed/address-outside-memory", test_malformed_address);
    ADD_DATA("malformed/empty-buffer", &bad_no_length, test_malformed_request);
    ADD("malformed/avail-index", test_malformed_avail_index);
    ADD("malformed/head-out-of-range", test_malformed_head);
    ADD("malformed/descriptor-loop", test_malformed_loop);
}

static void add_memory_tests(void)
{
    static const struct {
        const char *name;
        const FreedCase *backend;
    } kinds[] = {
        { "ram", &freed_ram }, { "ram-shared", &freed_ram_shared }, { "memfd", &freed_memfd },
        { "file-shared", &freed_file_shared }, { "file-private", &freed_file_private },
    };
    static const struct {
        const char *path;
        void (*fn)(const void *data);
    } tests[] = {
        { "/virtio-mem/freed-by-unplug/%s", test_freed_by_unplug },
        { "/virtio-mem/freed-by-unplug-all/%s", test_freed_by_unplug_all },
        { "/virtio-mem/freed-by-system-reset/%s", test_freed_by_system_reset },
        { "/virtio-mem/prealloc/%s", test_prealloc },
    };

    for (size_t t = 0; t < G_N_ELEMENTS(tests); t++) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
            g_auto(GStrv) parts = g_strsplit(tests[t].path, "%s", 2);
            g_autofree char *path = g_strconcat(parts[0], kinds[k].name, NULL);

            qtest_add_data_func(path, kinds[k].backend, tests[t].fn);
        }
    }
    ADD("memory/plug-alone-costs-nothing", test_plug_is_free);
    ADD("freed-by-unplug/hugetlb", test_freed_hugetlb);
    ADD("large/unplug-all", test_large_unplug_all);
    ADD("large/unplug-all-then-system-reset", test_large_then_system_reset);
    ADD("large/unplug-all-then-device-reset", test_large_then_device_reset);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    emulator_identify();
    add_specification_tests();
    add_surface_tests();
    add_ring_tests();
    add_memory_tests();
    return g_test_run();
}
