/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of virtio-mem share: an emulator with one device and a driver at work on it,
 * requests, questions over QMP, and what this emulator can do. Each virtio-mem-test-TOPIC.c adds the
 * tests of its topic with a function of the list at the end. Speaks only QEMU's libqtest and
 * libqos, so that it compiles in either tree.
 */
#ifndef TESTS_QTEST_VIRTIO_MEM_FIXTURE_H
#define TESTS_QTEST_VIRTIO_MEM_FIXTURE_H

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
#include "standard-headers/linux/virtio_ring.h"

#define SLOT 4
#define TIMEOUT_US (30 * 1000 * 1000)
#define FEATURE(nr) (1ull << (nr))
#define F_INACCESSIBLE FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define F_PXM FEATURE(VIRTIO_MEM_F_ACPI_PXM)
#define F_VERSION_1 FEATURE(VIRTIO_F_VERSION_1)
#define F_INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_PACKED FEATURE(VIRTIO_F_RING_PACKED)
#define F_RING_RESET FEATURE(40)
#define F_PERSISTENT_SUSPEND FEATURE(2)
#define PACKED_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1 << VRING_PACKED_DESC_F_USED)
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

/* By the bus, as it is to be readable before features are negotiated, too (5.15.5). */
#define CONFIG(vm, field) \
    (sizeof(((struct virtio_mem_config *)0)->field) == 8 \
     ? (vm)->vdev->bus->config_readq((vm)->vdev, offsetof(struct virtio_mem_config, field)) \
     : (vm)->vdev->bus->config_readw((vm)->vdev, offsetof(struct virtio_mem_config, field)))

uint8_t config_generation(Vm *vm);
uint8_t isr_read(Vm *vm);

/* ---- starting and stopping ---- */

/* What a simple driver takes: all but the ring's options, which have tests of their own. */
#define SIMPLE_FEATURES (F_VERSION_1 | F_PXM | F_INACCESSIBLE)

/* The emulator alone; backend without its id, props with a leading comma or empty. */
void vm_spawn(Vm *vm, const char *machine, const char *backend, const char *props);
/* Finds the function and brings the device to ACKNOWLEDGE | DRIVER. */
void vm_probe(Vm *vm);
void vm_read_config(Vm *vm);
/* The rest of initialization, with those of the offered features that are in wanted. */
void vm_drive(Vm *vm, uint64_t wanted);
void vm_start_on(Vm *vm, const char *machine, const char *backend, const char *props);
void vm_start(Vm *vm, const char *backend, const char *props);
void vm_stop_driver(Vm *vm);
void vm_end(Vm *vm);
/* System reset, after which the function has to be found and driven anew. */
void vm_system_reset(Vm *vm);

/* ---- requests ---- */

#define ACK VIRTIO_MEM_RESP_ACK
#define NACK VIRTIO_MEM_RESP_NACK
#define ERR VIRTIO_MEM_RESP_ERROR
#define assert_response(got, expected) g_assert_cmpint(got, ==, expected)
#define assert_plugged(vm, blocks) \
    g_assert_cmphex(CONFIG(vm, plugged_size), ==, (blocks) * (vm)->block_size)

/*
 * Before descriptors are added that the table has no room for: it begins anew. All that was added
 * has to have been used, since libqos' queues do not come round by themselves.
 */
void ring_make_room(Vm *vm, unsigned nb_desc);
struct virtio_mem_req request_make(uint16_t type, uint64_t addr, uint16_t nb_blocks);
/* Makes it available as one readable and one writable buffer, and does not wait; the head. */
uint32_t request_begin(Vm *vm, const struct virtio_mem_req *req);
/* The same, and waits; returns the response's type. */
uint16_t request_send(Vm *vm, const struct virtio_mem_req *req, uint16_t *state);
uint16_t request(Vm *vm, uint16_t type, uint64_t addr, uint16_t nb_blocks);
/* Requests on blocks, counted from the start of the region. */
uint16_t plug(Vm *vm, uint64_t block, uint16_t nb_blocks);
uint16_t unplug(Vm *vm, uint64_t block, uint16_t nb_blocks);
uint16_t unplug_all(Vm *vm);
uint16_t state_of(Vm *vm, uint64_t block, uint16_t nb_blocks);

/* ---- QMP ---- */

uint64_t qom_get_uint(Vm *vm, const char *property);
void assert_qom_str(Vm *vm, const char *property, const char *expected);
void set_requested_size(Vm *vm, uint64_t size);
/* A setting that has to be refused, with an error that holds every one of words (to NULL). */
void assert_qom_set_fails(Vm *vm, const char *property, const char *json_value,
                          const char *const *words);
/* The n-th entry of query-memory-devices, handed over. */
QDict *memory_device(QTestState *qts, int n);
uint64_t queried_size(Vm *vm);
/* What the human monitor says, with plain line ends, to be freed. */
char *hmp_text(Vm *vm, const char *line);
/* Of "info mtree" the tree of the address space "memory", wherever it stands; to be freed. */
char *memory_tree(Vm *vm);

/* ---- what the emulator can do ---- */

/*
 * Found out by emulator_identify(), never by a name or version, so that the device's tests do
 * wherever it is built what can be done there. A test of what is not there is skipped. Where
 * QTEST_VIRTIO_MEM_ABILITIES is "all", as it is for the emulator of this tree, that all is there is
 * a test of its own: what has been lost is no reason to skip.
 */
typedef enum Ability {
    CAN_STEP_CLOCK,     /* the type "qtest-accel": time stands still but for clock_step */
    REFUSES_PREALLOCATED,   /* property "x-early-migration", which came with that (QEMU 8.0) */
    CAN_BE_REMOVED,     /* the type "virtio-md-pci", which came with that (QEMU 8.1) */
    HAS_MEMSLOTS,       /* property "dynamic-memslots" (QEMU 8.2) */
    CAN_REQUIRE_FEATURE,    /* property "x-unplugged-inaccessible-required" */
    WORKS_IN_PARTS,     /* property "x-report": the device is this project's, not QEMU's own */
    CAN_REPORT,         /* the command x-query-virtio-mem */
    TELLS_TOUCHED,      /* its report has the part of the map that the host holds: tried */
    KEEPS_RULES,        /* rings, transport and memory are strict: a split ring of 3 is refused */
    NB_ABILITIES,
} Ability;

void emulator_identify(void);
bool emulator_can(Ability ability);
/* True, and the test skipped with that reason, if it cannot. */
bool skip_without(Ability ability, const char *why);

/* ---- the topics ---- */

#define ADD(name, fn) qtest_add_func("/virtio-mem/" name, fn)
#define ADD_DATA(name, data, fn) qtest_add_data_func("/virtio-mem/" name, data, fn)

void add_surface_tests(void);
void add_ring_tests(void);
void add_hostile_tests(void);
void add_memory_tests(void);
void add_memslots_tests(void);
void add_packed_tests(void);
void add_report_tests(void);
void add_several_tests(void);
void add_stop_tests(void);
void add_hotplug_tests(void);
void add_hmp_tests(void);
void add_numa_tests(void);
void add_transport_tests(void);

#endif /* TESTS_QTEST_VIRTIO_MEM_FIXTURE_H */
