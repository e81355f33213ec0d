/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common part of the tests of virtio-mem; see the header.
 */
#include "qemu/osdep.h"
#include "virtio-mem-fixture.h"
#include "standard-headers/linux/virtio_pci.h"

/* ---- configuration space ---- */

uint8_t config_generation(Vm *vm)
{
    return qpci_io_readb(vm->dev->pdev, vm->dev->bar,
                         vm->dev->common_cfg_offset + COMMON_CONFIG_GENERATION);
}

uint8_t isr_read(Vm *vm)
{
    return qpci_io_readb(vm->dev->pdev, vm->dev->bar, vm->dev->isr_cfg_offset);
}

/* ---- starting and stopping ---- */

void vm_spawn(Vm *vm, const char *machine, const char *backend, const char *props)
{
    memset(vm, 0, sizeof(*vm));
    vm->qts = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=4G -object %s,id=mem0 "
                          "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d%s",
                          machine, backend, SLOT, props);
    pc_alloc_init(&vm->alloc, vm->qts, ALLOC_NO_FLAGS);
    vm->bus = qpci_new_pc(vm->qts, &vm->alloc);
}

void vm_probe(Vm *vm)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };

    vm->dev = virtio_pci_new(vm->bus, &addr);
    vm->vdev = &vm->dev->vdev;
    g_assert_cmpint(vm->vdev->device_type, ==, 24);
    qvirtio_pci_device_enable(vm->dev);
    qvirtio_start_device(vm->vdev);
}

void vm_read_config(Vm *vm)
{
    vm->addr = CONFIG(vm, addr);
    vm->block_size = CONFIG(vm, block_size);
    vm->region_size = CONFIG(vm, region_size);
}

void vm_drive(Vm *vm, uint64_t wanted)
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

void vm_start_on(Vm *vm, const char *machine, const char *backend, const char *props)
{
    vm_spawn(vm, machine, backend, props);
    vm_probe(vm);
    vm_drive(vm, SIMPLE_FEATURES);
}

void vm_start(Vm *vm, const char *backend, const char *props)
{
    vm_start_on(vm, "q35", backend, props);
}

void vm_stop_driver(Vm *vm)
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

void vm_end(Vm *vm)
{
    vm_stop_driver(vm);
    qpci_free_pc(vm->bus);
    alloc_destroy(&vm->alloc);
    qtest_quit(vm->qts);
}

void vm_system_reset(Vm *vm)
{
    vm_stop_driver(vm);
    qtest_system_reset(vm->qts);
    vm_probe(vm);
    vm_drive(vm, SIMPLE_FEATURES);
}

/* ---- requests ---- */

struct virtio_mem_req request_make(uint16_t type, uint64_t addr, uint16_t nb_blocks)
{
    struct virtio_mem_req req = { .type = GUINT16_TO_LE(type) };

    /* plug, unplug and state have one layout */
    req.u.plug.addr = GUINT64_TO_LE(addr);
    req.u.plug.nb_blocks = GUINT16_TO_LE(nb_blocks);
    return req;
}

void ring_make_room(Vm *vm, unsigned nb_desc)
{
    if (vm->vq->free_head + nb_desc > vm->vq->size) {
        vm->vq->free_head = 0;
    }
}

uint32_t request_begin(Vm *vm, const struct virtio_mem_req *req)
{
    uint32_t head;

    ring_make_room(vm, 2);
    qtest_bufwrite(vm->qts, vm->req, req, sizeof(*req));
    qtest_memset(vm->qts, vm->resp, 0xee, sizeof(struct virtio_mem_resp));
    head = qvirtqueue_add(vm->qts, vm->vq, vm->req, sizeof(*req), false, true);
    qvirtqueue_add(vm->qts, vm->vq, vm->resp, sizeof(struct virtio_mem_resp), true, false);
    qvirtqueue_kick(vm->qts, vm->vdev, vm->vq, head);
    return head;
}

uint16_t request_send(Vm *vm, const struct virtio_mem_req *req, uint16_t *state)
{
    uint32_t head = request_begin(vm, req), len;
    struct virtio_mem_resp resp;

    qvirtio_wait_used_elem(vm->qts, vm->vdev, vm->vq, head, &len, TIMEOUT_US);
    g_assert_cmpint(len, ==, sizeof(resp));
    qtest_bufread(vm->qts, vm->resp, &resp, sizeof(resp));
    if (state) {
        *state = GUINT16_FROM_LE(resp.u.state.state);
    }
    return GUINT16_FROM_LE(resp.type);
}

uint16_t request(Vm *vm, uint16_t type, uint64_t addr, uint16_t nb_blocks)
{
    struct virtio_mem_req req = request_make(type, addr, nb_blocks);

    return request_send(vm, &req, NULL);
}

uint16_t plug(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    return request(vm, VIRTIO_MEM_REQ_PLUG, vm->addr + block * vm->block_size, nb_blocks);
}

uint16_t unplug(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    return request(vm, VIRTIO_MEM_REQ_UNPLUG, vm->addr + block * vm->block_size, nb_blocks);
}

uint16_t unplug_all(Vm *vm)
{
    return request(vm, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
}

uint16_t state_of(Vm *vm, uint64_t block, uint16_t nb_blocks)
{
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_STATE,
                                             vm->addr + block * vm->block_size, nb_blocks);
    uint16_t state;

    g_assert_cmpint(request_send(vm, &req, &state), ==, VIRTIO_MEM_RESP_ACK);
    return state;
}

/* ---- QMP ---- */

uint64_t qom_get_uint(Vm *vm, const char *property)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'qom-get', 'arguments': "
                              "{'path': 'vm0', 'property': %s}}", property);
    uint64_t value = qdict_get_int(answer, "return");

    qobject_unref(answer);
    return value;
}

void assert_qom_str(Vm *vm, const char *property, const char *expected)
{
    QDict *answer = qtest_qmp(vm->qts, "{'execute': 'qom-get', 'arguments': "
                              "{'path': 'vm0', 'property': %s}}", property);

    g_assert_cmpstr(qdict_get_str(answer, "return"), ==, expected);
    qobject_unref(answer);
}

void set_requested_size(Vm *vm, uint64_t size)
{
    qtest_qmp_assert_success(vm->qts, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                             "'property': 'requested-size', 'value': %" PRIu64 "}}", size);
}

void assert_qom_set_fails(Vm *vm, const char *property, const char *json_value,
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

QDict *memory_device(QTestState *qts, int n)
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

uint64_t queried_size(Vm *vm)
{
    QDict *device = memory_device(vm->qts, 0);
    uint64_t size = qdict_get_int(qdict_get_qdict(device, "data"), "size");

    qobject_unref(device);
    return size;
}

char *hmp_text(Vm *vm, const char *line)
{
    g_autofree char *text = qtest_hmp(vm->qts, "%s", line);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);

    return g_strjoinv("\n", lines);
}

/* A tree is headed by the names of all address spaces that share it, and ends with an empty line. */
char *memory_tree(Vm *vm)
{
    g_autofree char *text = hmp_text(vm, "info mtree");
    g_auto(GStrv) trees = g_strsplit(text, "\n\n", -1);

    for (char **tree = trees; *tree; tree++) {
        g_autofree char *after_newline = g_strconcat("\n", *tree, NULL);

        if (strstr(after_newline, "\naddress-space: memory\n")) {
            return g_strconcat(*tree, "\n", NULL);
        }
    }
    g_error("no address space \"memory\" in:\n%s", text);
}

/* ---- what the emulator can do ---- */

static const char *const ability_names[NB_ABILITIES] = {
    [CAN_STEP_CLOCK] = "step the clock",
    [REFUSES_PREALLOCATED] = "refuse a preallocated backend",
    [CAN_BE_REMOVED] = "remove the device",
    [HAS_MEMSLOTS] = "map memory by slots",
    [CAN_REQUIRE_FEATURE] = "require unplugged-inaccessible",
    [WORKS_IN_PARTS] = "carry out requests in parts",
    [CAN_REPORT] = "report",
    [TELLS_TOUCHED] = "tell which blocks the host holds",
    [KEEPS_RULES] = "hold a driver to the rules of rings and transport",
};
static bool abilities[NB_ABILITIES];

/* Whether what the answer returns, a list of objects, has one of that name. Takes the answer. */
static bool lists(QDict *answer, const char *name)
{
    QList *list = qdict_get_qlist(answer, "return");
    bool found = false;
    QObject *entry;

    g_assert_nonnull(list);
    while ((entry = qlist_pop(list))) {
        found |= g_str_equal(qdict_get_str(qobject_to(QDict, entry), "name"), name);
        qobject_unref(entry);
    }
    qobject_unref(answer);
    return found;
}

static bool has_type(QTestState *qts, const char *name)
{
    return lists(qtest_qmp(qts, "{'execute': 'qom-list-types', 'arguments': "
                           "{'abstract': true}}"), name);
}

static bool has_property(QTestState *qts, const char *name)
{
    return lists(qtest_qmp(qts, "{'execute': 'device-list-properties', 'arguments': "
                           "{'typename': 'virtio-mem'}}"), name);
}

static bool report_has_touched(void)
{
    QDict *answer, *report;
    bool has;
    Vm vm;

    vm_start(&vm, RAM_256M, ",requested-size=2M");
    assert_response(plug(&vm, 0, 1), ACK);      /* of what is unplugged there is nothing to tell */
    answer = qtest_qmp(vm.qts, "{'execute': 'x-query-virtio-mem'}");
    report = qobject_to(QDict, qlist_pop(qdict_get_qlist(answer, "return")));
    has = qdict_haskey(qdict_get_qdict(report, "block-map"), "touched");
    qobject_unref(report);
    qobject_unref(answer);
    vm_end(&vm);
    return has;
}

/* 2.7: a split queue's size is a power of two; whoever takes 3 has not looked. */
static bool refuses_ring_of_three(void)
{
    uint32_t select, size;
    uint16_t is;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, "");
    vm_probe(&vm);
    select = vm.dev->common_cfg_offset + VIRTIO_PCI_COMMON_Q_SELECT;
    size = vm.dev->common_cfg_offset + VIRTIO_PCI_COMMON_Q_SIZE;
    qvirtio_set_features(vm.vdev, qvirtio_get_features(vm.vdev) & SIMPLE_FEATURES);
    qpci_io_writew(vm.dev->pdev, vm.dev->bar, select, 0);
    qpci_io_writew(vm.dev->pdev, vm.dev->bar, size, 3);
    is = qpci_io_readw(vm.dev->pdev, vm.dev->bar, size);
    vm_end(&vm);
    return is != 3;
}

void emulator_identify(void)
{
    bool all = !g_strcmp0(g_getenv("QTEST_VIRTIO_MEM_ABILITIES"), "all");
    QTestState *qts = qtest_init("-nodefaults -machine none");

    abilities[CAN_STEP_CLOCK] = has_type(qts, "qtest-accel");
    abilities[REFUSES_PREALLOCATED] = has_property(qts, "x-early-migration");
    abilities[CAN_BE_REMOVED] = has_type(qts, "virtio-md-pci");
    abilities[HAS_MEMSLOTS] = has_property(qts, "dynamic-memslots");
    abilities[CAN_REQUIRE_FEATURE] = has_property(qts, "x-unplugged-inaccessible-required");
    abilities[WORKS_IN_PARTS] = has_property(qts, "x-report");
    abilities[CAN_REPORT] = lists(qtest_qmp(qts, "{'execute': 'query-commands'}"),
                                  "x-query-virtio-mem");
    qtest_quit(qts);
    abilities[TELLS_TOUCHED] = abilities[CAN_REPORT] && report_has_touched();
    abilities[KEEPS_RULES] = refuses_ring_of_three();
    for (int i = 0; i < NB_ABILITIES; i++) {
        if (all && !abilities[i]) {
            g_error("the emulator cannot %s, and should", ability_names[i]);
        }
    }
}

bool emulator_can(Ability ability)
{
    return abilities[ability];
}

bool skip_without(Ability ability, const char *why)
{
    if (!abilities[ability]) {
        g_test_skip(why);
    }
    return !abilities[ability];
}
