/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile guest against a machine of several devices: interrupt messages, rings and buffers that
 * are aimed at any address there is (RAM, memory that is plugged or not, ECAM, the BARs of all,
 * interrupt controllers, holes), slots that are switched off, devices that are ejected or taken by
 * the operator at any point and come again, between resets, resizes and stops. Whatever it does,
 * the emulator lives and answers, and when the driver keeps the rules again every device works.
 * Meant for a build with sanitizers. virtio-mem-fuzz-test attacks one device in more ways.
 *
 * A run follows from its seed, which is printed; QTEST_FUZZ_SEED and QTEST_FUZZ_ROUNDS (of some
 * hundred attacks each) override it and its length.
 */
#include "qemu/osdep.h"
#include <linux/pci_regs.h>
#include "libqtest-raw.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mem.h"
#include "standard-headers/linux/virtio_pci.h"
#include "standard-headers/linux/virtio_ring.h"

#define DEFAULT_SEED 20262
#define DEFAULT_ROUNDS 4
#define ATTACKS_PER_ROUND 250
#define TIMEOUT_US (60 * 1000 * 1000)

/* Guest physical addresses. */
#define RAM_SIZE (128 * MiB)
#define ARENA_GPA 0x1000000ull          /* of each device, at a distance of */
#define ARENA_SIZE 0x10000
#define ECAM 0xb0000000u
#define ECAM_SIZE 0x10000000u
#define BARS 0xe0000000u                /* of each function, at a distance of */
#define BARS_SIZE 0x100000u
#define IOAPIC 0xfec00000u
#define MESSAGES 0xfee00000u

/* In an arena. */
#define AT_DESC 0x0000
#define AT_DRIVER 0x1000
#define AT_DEVICE 0x2000
#define AT_REQ 0x4000
#define REQ_STRIDE 0x40
#define AT_RESP 0x20                    /* behind its request */

/* Of the modern interface's BAR, and of MSI-X. */
#define MODERN_BAR 4
#define MSIX_BAR 1
#define MODERN_OFFSET 0x10000           /* from the function's BARS */
#define COMMON 0x0000
#define DEVICE_CONFIG 0x2000
#define NOTIFY 0x3000
#define NB_VECTORS 2

/* A root port's. */
#define SLOT_CONTROL 0x6c
#define SLOT_STATUS 0x6e
#define SLOT_RELEASED 0x07c0
#define SLOT_IN_USE 0x01c0
#define SLOT_INTERLOCK 0x0800
#define SLOT_STATUS_INTERLOCK 0x0080

/* ACPI's hotplug registers. */
#define PC_HOTPLUG 0xae00
#define Q35_HOTPLUG 0x0cc0
#define HOTPLUG_EJECT 8
#define HOTPLUG_SELECT 16

#define DEVICE_SIZE (256 * MiB)
#define BLOCK_SIZE (2 * MiB)
#define QUEUE_SIZE 8
#define JOB_BLOCKS 40
#define NB_DEVICES_MAX 3

/* Where a device is plugged. */
typedef struct Place {
    const char *bus;
    int bus_nr;
    int slot;
    int port_slot;              /* of the root port it is behind; 0: on the root bus */
    bool removable;
} Place;

typedef struct Platform {
    const char *machine;
    const char *options;
    uint16_t hotplug;           /* ACPI's registers; 0: native */
    bool express;
    Place places[NB_DEVICES_MAX];
} Platform;

typedef struct Device {
    const Place *place;
    unsigned nr;
    bool packed;
    uint64_t desc, driver, device;      /* where its driver put the ring */
    uint16_t avail;
    bool wrap;
    uint64_t addr;              /* of its memory, as it said last */
} Device;

typedef struct Fuzz {
    GRand *rand;
    QTestState *qts;
    const Platform *platform;
    Device devices[NB_DEVICES_MAX];
    unsigned nb_devices;
    unsigned nb_aimed, nb_answers, nb_gone, nb_came;
} Fuzz;

/* ---- random values ---- */

static uint32_t fuzz_below(Fuzz *f, uint32_t limit)
{
    return g_rand_int(f->rand) % limit;
}

static bool fuzz_one_in(Fuzz *f, uint32_t n)
{
    return fuzz_below(f, n) == 0;
}

static Device *fuzz_device(Fuzz *f)
{
    return &f->devices[fuzz_below(f, f->nb_devices)];
}

/* What registers of slots, status, masks and vectors react to, and noise. */
static uint32_t fuzz_value(Fuzz *f)
{
    static const uint32_t values[] = {
        0, 1, 2, 3, 4, 0xf, 0x40, 0x80, 0xff, SLOT_IN_USE, SLOT_RELEASED, 0x0700, 0x07f9, 0x0400,
        0x0fff, 0xffff, 0x10000, 0x80000000, 0xffffffff,
    };

    return fuzz_one_in(f, 3) ? g_rand_int(f->rand) : values[fuzz_below(f, G_N_ELEMENTS(values))];
}

static uint32_t bars_of(const Device *d)
{
    return BARS + (2 * d->nr + 1) * BARS_SIZE;
}

static uint32_t port_bars_of(const Device *d)
{
    return BARS + 2 * d->nr * BARS_SIZE;
}

static uint32_t ecam(int bus, int slot, int offset)
{
    return ECAM + (bus << 20) + (slot << 15) + offset;
}

static uint64_t fuzz_ecam(Fuzz *f)
{
    const Place *place = fuzz_device(f)->place;
    int offset = fuzz_one_in(f, 3) ? SLOT_CONTROL : (int)fuzz_below(f, 0x100);

    switch (fuzz_below(f, 4)) {
    case 0:
        return ECAM + fuzz_below(f, ECAM_SIZE);
    case 1:
        return ecam(place->bus_nr, place->slot, offset);
    default:
        return ecam(0, place->port_slot ? place->port_slot : place->slot, offset);
    }
}

static uint64_t fuzz_bar(Fuzz *f)
{
    const Device *d = fuzz_device(f);

    switch (fuzz_below(f, 4)) {
    case 0:
        return port_bars_of(d) + fuzz_below(f, 0x1000);
    case 1:
        return bars_of(d) + fuzz_below(f, 0x1000);
    case 2:
        return bars_of(d) + MODERN_OFFSET + fuzz_below(f, 0x40);
    default:
        return bars_of(d) + MODERN_OFFSET + fuzz_below(f, 0x4000);
    }
}

static uint64_t fuzz_gpa(Fuzz *f)
{
    switch (fuzz_below(f, 10)) {
    case 0:
    case 1:
        return fuzz_ecam(f);
    case 2:
    case 3:
        return fuzz_bar(f);
    case 4:
        return IOAPIC + fuzz_below(f, 0x40);
    case 5:
        return MESSAGES + fuzz_below(f, 0x100000);
    case 6:
        return fuzz_device(f)->addr + fuzz_below(f, DEVICE_SIZE);
    case 7:
        return (uint64_t)g_rand_int(f->rand) << fuzz_below(f, 33);
    default:
        return ARENA_GPA + fuzz_below(f, f->nb_devices * ARENA_SIZE);
    }
}

/* ---- configuration space and registers ---- */

static void config_select(Fuzz *f, int bus, int slot, int offset)
{
    qtest_outl(f->qts, 0xcf8, 0x80000000u | bus << 16 | slot << 11 | (offset & 0xfc));
}

static uint32_t config_readl(Fuzz *f, int bus, int slot, int offset)
{
    config_select(f, bus, slot, offset);
    return qtest_inl(f->qts, 0xcfc);
}

static void config_writel(Fuzz *f, int bus, int slot, int offset, uint32_t value)
{
    config_select(f, bus, slot, offset);
    qtest_outl(f->qts, 0xcfc, value);
}

static void config_writew(Fuzz *f, int bus, int slot, int offset, uint16_t value)
{
    config_select(f, bus, slot, offset);
    qtest_outw(f->qts, 0xcfc + (offset & 2), value);
}

static uint8_t find_msix(Fuzz *f, int bus, int slot)
{
    uint8_t at = config_readl(f, bus, slot, PCI_CAPABILITY_LIST);

    for (int i = 0; at && at != 0xff && i < 48; i++) {
        uint32_t head = config_readl(f, bus, slot, at);

        if ((head & 0xff) == PCI_CAP_ID_MSIX) {
            return at;
        }
        at = head >> 8;
    }
    return 0;
}

/* Bridges' secondary bus, window, power; the function's BARs; all of them on. */
static void port_restore(Fuzz *f, const Device *d)
{
    int slot = d->place->port_slot;
    uint32_t window = (bars_of(d) >> 16) | bars_of(d);

    if (config_readl(f, 0, slot, SLOT_CONTROL) >> 16 & SLOT_STATUS_INTERLOCK) {
        config_writew(f, 0, slot, SLOT_CONTROL, SLOT_IN_USE | SLOT_INTERLOCK);
    }
    config_writew(f, 0, slot, SLOT_CONTROL, SLOT_IN_USE);
    config_writew(f, 0, slot, PCI_BRIDGE_CONTROL, 0);
    config_writel(f, 0, slot, PCI_PRIMARY_BUS, d->place->bus_nr << 16 | d->place->bus_nr << 8);
    config_writel(f, 0, slot, PCI_MEMORY_BASE, window & 0xfff0fff0);
    config_writel(f, 0, slot, PCI_PREF_MEMORY_BASE, 0x0000fff0);
    config_writel(f, 0, slot, PCI_BASE_ADDRESS_0, port_bars_of(d));
    config_writew(f, 0, slot, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void function_restore(Fuzz *f, const Device *d)
{
    int bus = d->place->bus_nr, slot = d->place->slot;

    if (f->platform->express) {
        config_writel(f, 0, 0, 0x64, 0);
        config_writel(f, 0, 0, 0x60, ECAM | 1);
    }
    if (d->place->port_slot) {
        port_restore(f, d);
    }
    config_writew(f, bus, slot, PCI_COMMAND, 0);
    config_writel(f, bus, slot, PCI_BASE_ADDRESS_0 + 4 * MSIX_BAR, bars_of(d));
    config_writel(f, bus, slot, PCI_BASE_ADDRESS_0 + 4 * MODERN_BAR, bars_of(d) + MODERN_OFFSET);
    config_writel(f, bus, slot, PCI_BASE_ADDRESS_0 + 4 * MODERN_BAR + 4, 0);
    config_writew(f, bus, slot, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static uint64_t common_at(const Device *d, unsigned reg)
{
    return bars_of(d) + MODERN_OFFSET + COMMON + reg;
}

static void common_writew(Fuzz *f, const Device *d, unsigned reg, uint16_t value)
{
    qtest_writew(f->qts, common_at(d, reg), value);
}

static void common_writel(Fuzz *f, const Device *d, unsigned reg, uint32_t value)
{
    qtest_writel(f->qts, common_at(d, reg), value);
}

static void status_write(Fuzz *f, const Device *d, uint8_t status)
{
    qtest_writeb(f->qts, common_at(d, VIRTIO_PCI_COMMON_STATUS), status);
}

static uint8_t status_read(Fuzz *f, const Device *d)
{
    return qtest_readb(f->qts, common_at(d, VIRTIO_PCI_COMMON_STATUS));
}

static uint64_t device_config(Fuzz *f, const Device *d, unsigned offset)
{
    return qtest_readq(f->qts, bars_of(d) + MODERN_OFFSET + DEVICE_CONFIG + offset);
}

/* ---- the driver ---- */

static void features_write(Fuzz *f, Device *d)
{
    uint32_t low, high;

    common_writel(f, d, VIRTIO_PCI_COMMON_DFSELECT, 0);
    low = qtest_readl(f->qts, common_at(d, VIRTIO_PCI_COMMON_DF));
    common_writel(f, d, VIRTIO_PCI_COMMON_DFSELECT, 1);
    high = qtest_readl(f->qts, common_at(d, VIRTIO_PCI_COMMON_DF));
    low &= ~(1u << VIRTIO_RING_F_EVENT_IDX);
    d->packed = (high & 1u << (VIRTIO_F_RING_PACKED - 32)) && fuzz_one_in(f, 2);
    if (!d->packed) {
        high &= ~(1u << (VIRTIO_F_RING_PACKED - 32));
    }
    common_writel(f, d, VIRTIO_PCI_COMMON_GFSELECT, 0);
    common_writel(f, d, VIRTIO_PCI_COMMON_GF, low);
    common_writel(f, d, VIRTIO_PCI_COMMON_GFSELECT, 1);
    common_writel(f, d, VIRTIO_PCI_COMMON_GF, high);
}

static void ring_address_write(Fuzz *f, const Device *d, unsigned reg, uint64_t gpa)
{
    common_writel(f, d, reg, gpa);
    common_writel(f, d, reg + 4, gpa >> 32);
}

/* The ring where d->desc, driver and device say. Its own memory is cleared, no other. */
static void ring_write(Fuzz *f, Device *d)
{
    uint64_t arena = ARENA_GPA + d->nr * ARENA_SIZE;

    qtest_memset(f->qts, arena, 0, AT_REQ);
    d->avail = 0;
    d->wrap = true;
    common_writew(f, d, VIRTIO_PCI_COMMON_Q_SELECT, 0);
    common_writew(f, d, VIRTIO_PCI_COMMON_Q_SIZE, QUEUE_SIZE);
    ring_address_write(f, d, VIRTIO_PCI_COMMON_Q_DESCLO, d->desc);
    ring_address_write(f, d, VIRTIO_PCI_COMMON_Q_AVAILLO, d->driver);
    ring_address_write(f, d, VIRTIO_PCI_COMMON_Q_USEDLO, d->device);
    common_writew(f, d, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
}

static void ring_place(Device *d, uint64_t arena)
{
    d->desc = arena + AT_DESC;
    d->driver = arena + AT_DRIVER;
    d->device = arena + AT_DEVICE;
}

static void driver_start(Fuzz *f, Device *d)
{
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

    status_write(f, d, 0);
    status_write(f, d, status);
    features_write(f, d);
    status |= VIRTIO_CONFIG_S_FEATURES_OK;
    status_write(f, d, status);
    ring_write(f, d);
    status_write(f, d, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void desc_write(Fuzz *f, Device *d, unsigned i, const struct vring_desc *desc, uint16_t id)
{
    struct vring_packed_desc packed = {
        .addr = desc->addr, .len = desc->len, .id = id, .flags = desc->flags,
    };
    bool wrap = i < d->avail ? !d->wrap : d->wrap;      /* the ring's end was passed */

    packed.flags |= wrap ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED;
    qtest_memwrite(f->qts, d->desc + i * sizeof(packed),
                   d->packed ? (const void *)&packed : desc, sizeof(packed));
}

/* A chain of two, the first last; the device is told. */
static void chain_send(Fuzz *f, Device *d, struct vring_desc chain[2])
{
    unsigned at = d->packed ? d->avail : 2 * d->avail % QUEUE_SIZE;
    unsigned next = (at + 1) % QUEUE_SIZE;

    chain[0].next = next;
    desc_write(f, d, next, &chain[1], at);
    desc_write(f, d, at, &chain[0], at);
    if (d->packed) {
        d->wrap = at + 2 >= QUEUE_SIZE ? !d->wrap : d->wrap;
        d->avail = (at + 2) % QUEUE_SIZE;
    } else {
        qtest_writew(f->qts, d->driver + 4 + 2 * (d->avail % QUEUE_SIZE), at);
        d->avail++;
        qtest_writew(f->qts, d->driver + 2, d->avail);
    }
    qtest_writew(f->qts, bars_of(d) + MODERN_OFFSET + NOTIFY, 0);
}

/* Returns where the response will be. */
static uint64_t request_write(Fuzz *f, Device *d, uint16_t type, uint64_t addr, uint16_t nb,
                              struct vring_desc chain[2])
{
    uint64_t at = ARENA_GPA + d->nr * ARENA_SIZE + AT_REQ + d->avail % 64 * REQ_STRIDE;
    struct virtio_mem_req req = { .type = type };

    req.u.plug.addr = addr;
    req.u.plug.nb_blocks = nb;
    qtest_memwrite(f->qts, at, &req, sizeof(req));
    qtest_writew(f->qts, at + AT_RESP, 0xeeee);
    chain[0] = (struct vring_desc) { at, sizeof(req), VRING_DESC_F_NEXT, 0 };
    chain[1] = (struct vring_desc) { at + AT_RESP, sizeof(struct virtio_mem_resp),
                                     VRING_DESC_F_WRITE, 0 };
    return at + AT_RESP;
}

/* By the rules, with the answer that it has to have. */
static void request_expect(Fuzz *f, Device *d, uint16_t type, uint64_t addr, uint16_t nb,
                           uint16_t expected)
{
    gint64 deadline = g_get_monotonic_time() + TIMEOUT_US;
    struct vring_desc chain[2];
    uint64_t resp = request_write(f, d, type, addr, nb, chain);
    uint16_t got;

    chain_send(f, d, chain);
    while ((got = qtest_readw(f->qts, resp)) == 0xeeee) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_assert_cmphex(status_read(f, d), ==, 0x0f);
    }
    g_assert_cmpint(got, ==, expected);
}

/* ---- the operator ---- */

static bool qmp_succeeds(QDict *answer)
{
    bool ok = qdict_haskey(answer, "return");

    qobject_unref(answer);
    return ok;
}

static bool device_exists(Fuzz *f, const Device *d)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/vm%u", d->nr);

    return qmp_succeeds(qtest_qmp(f->qts, "{'execute': 'qom-list', 'arguments': {'path': %s}}",
                                  path));
}

static bool device_add(Fuzz *f, const Device *d)
{
    g_autofree char *id = g_strdup_printf("vm%u", d->nr);
    g_autofree char *memdev = g_strdup_printf("mem%u", d->nr);
    g_autofree char *addr = g_strdup_printf("%x", d->place->slot);
    bool came = qmp_succeeds(qtest_qmp(
        f->qts, "{'execute': 'device_add', 'arguments': {'driver': 'virtio-mem-pci', 'id': %s, "
        "'memdev': %s, 'bus': %s, 'addr': %s, 'block-size': 2097152, 'packed': true}}", id,
        memdev, d->place->bus, addr));

    f->nb_came += came;
    return came;
}

static bool resize(Fuzz *f, const Device *d, uint64_t size)
{
    g_autofree char *path = g_strdup_printf("vm%u", d->nr);

    return qmp_succeeds(qtest_qmp(f->qts, "{'execute': 'qom-set', 'arguments': {'path': %s, "
                                  "'property': 'requested-size', 'value': %" PRIu64 "}}", path,
                                  size));
}

/* ---- all is well when the driver keeps the rules ---- */

/* An eject, or a power-off, may be under way: it is over by the time a command is answered. */
static void device_ensure(Fuzz *f, const Device *d)
{
    if (device_exists(f, d)) {
        return;
    }
    f->nb_gone++;
    if (d->place->port_slot) {
        port_restore(f, d);     /* an interlock would keep a device out */
    }
    g_assert_true(device_add(f, d));
}

static void check_device(Fuzz *f, Device *d)
{
    device_ensure(f, d);
    function_restore(f, d);
    g_assert_cmphex(config_readl(f, d->place->bus_nr, d->place->slot, 0), ==, 0x10581af4);
    ring_place(d, ARENA_GPA + d->nr * ARENA_SIZE);
    driver_start(f, d);
    g_assert_cmphex(status_read(f, d), ==, 0x0f);
    d->addr = device_config(f, d, offsetof(struct virtio_mem_config, addr));
    request_expect(f, d, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, VIRTIO_MEM_RESP_ACK);
    g_assert_cmphex(device_config(f, d, offsetof(struct virtio_mem_config, plugged_size)), ==, 0);
    g_assert_true(resize(f, d, 64 * MiB));
    request_expect(f, d, VIRTIO_MEM_REQ_PLUG, d->addr, 2, VIRTIO_MEM_RESP_ACK);
    g_assert_cmphex(device_config(f, d, offsetof(struct virtio_mem_config, plugged_size)), ==,
                    2 * BLOCK_SIZE);
    qtest_writeq(f->qts, d->addr, 0x0123456789abcdef);
    g_assert_cmphex(qtest_readq(f->qts, d->addr), ==, 0x0123456789abcdef);
}

static void check_all(Fuzz *f)
{
    for (unsigned i = 0; i < f->nb_devices; i++) {
        check_device(f, &f->devices[i]);
    }
}

/* ---- the attacks ---- */

static uint16_t used_count(Fuzz *f, const Device *d)
{
    return d->packed ? 0 : qtest_readw(f->qts, ARENA_GPA + d->nr * ARENA_SIZE + AT_DEVICE + 2);
}

/* Mostly fair, so that there is something to take away; now and then with a buffer anywhere. */
static void attack_request(Fuzz *f)
{
    Device *d = fuzz_device(f);
    uint16_t before = used_count(f, d), type = fuzz_one_in(f, 40) ? fuzz_value(f)
                                                                  : fuzz_below(f, 4);
    uint64_t addr = d->addr + fuzz_below(f, DEVICE_SIZE / BLOCK_SIZE) * BLOCK_SIZE;
    struct vring_desc chain[2];

    request_write(f, d, type, addr, 1 + fuzz_below(f, 64), chain);
    if (fuzz_one_in(f, 6)) {
        chain[fuzz_below(f, 2)].addr = fuzz_gpa(f);
    }
    chain_send(f, d, chain);
    f->nb_answers += (uint16_t)(used_count(f, d) - before) == 1;
}

/* An entry of a device's, or of its port's, and the vectors that use it. */
static void attack_aim(Fuzz *f)
{
    Device *d = fuzz_device(f);
    bool port = d->place->port_slot && fuzz_one_in(f, 3);
    int bus = port ? 0 : d->place->bus_nr, slot = port ? d->place->port_slot : d->place->slot;
    unsigned vector = port ? 0 : fuzz_below(f, NB_VECTORS);
    uint32_t entry = (port ? port_bars_of(d) : bars_of(d)) + vector * PCI_MSIX_ENTRY_SIZE;
    uint8_t cap = find_msix(f, bus, slot);

    if (!cap) {
        return;
    }
    config_writew(f, bus, slot, cap + PCI_MSIX_FLAGS,
                  fuzz_one_in(f, 16) ? fuzz_value(f) : PCI_MSIX_FLAGS_ENABLE);
    qtest_writeq(f->qts, entry, fuzz_gpa(f) & ~(fuzz_one_in(f, 4) ? 0ull : 3ull));
    qtest_writel(f->qts, entry + PCI_MSIX_ENTRY_DATA, fuzz_value(f));
    qtest_writel(f->qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, fuzz_one_in(f, 8));
    f->nb_aimed++;
    if (port) {
        config_writew(f, bus, slot, SLOT_CONTROL, 0x01f9);  /* tell of everything */
        return;
    }
    common_writew(f, d, VIRTIO_PCI_COMMON_MSIX, fuzz_below(f, NB_VECTORS + 1));
    common_writew(f, d, VIRTIO_PCI_COMMON_Q_SELECT, 0);
    common_writew(f, d, VIRTIO_PCI_COMMON_Q_MSIX, fuzz_below(f, NB_VECTORS + 1));
}

/* A new driver, whose ring is anywhere: in its own device's memory, say. */
static void attack_driver(Fuzz *f)
{
    Device *d = fuzz_device(f);
    uint64_t *part[] = { &d->desc, &d->driver, &d->device };

    ring_place(d, fuzz_one_in(f, 4) ? fuzz_gpa(f) & ~0xfffull : ARENA_GPA + d->nr * ARENA_SIZE);
    if (fuzz_one_in(f, 4)) {
        *part[fuzz_below(f, 3)] = fuzz_gpa(f) & ~15ull;
    }
    function_restore(f, d);
    driver_start(f, d);
}

static void attack_ring_in_own_memory(Fuzz *f)
{
    Device *d = fuzz_device(f);
    uint64_t block = d->addr + fuzz_below(f, 8) * BLOCK_SIZE;
    struct vring_desc chain[2];

    request_write(f, d, VIRTIO_MEM_REQ_PLUG, d->addr, 8, chain);
    chain_send(f, d, chain);
    ring_place(d, block);
    driver_start(f, d);
    request_write(f, d, fuzz_one_in(f, 2) ? VIRTIO_MEM_REQ_UNPLUG : VIRTIO_MEM_REQ_UNPLUG_ALL,
                  block, 1, chain);
    chain_send(f, d, chain);
}

static void attack_slot(Fuzz *f)
{
    const Place *place = fuzz_device(f)->place;

    if (place->port_slot) {
        config_writew(f, 0, place->port_slot, SLOT_CONTROL,
                      fuzz_one_in(f, 2) ? SLOT_RELEASED : fuzz_value(f));
        config_writew(f, 0, place->port_slot, SLOT_STATUS, fuzz_value(f));
    }
}

static void attack_eject(Fuzz *f)
{
    const Place *place = fuzz_device(f)->place;
    uint16_t at = f->platform->hotplug;

    if (at) {
        qtest_outl(f->qts, at + HOTPLUG_SELECT, fuzz_one_in(f, 8) ? fuzz_value(f)
                                                                  : fuzz_below(f, 3));
        qtest_outl(f->qts, at + HOTPLUG_EJECT,
                   fuzz_one_in(f, 4) ? fuzz_value(f) : 1u << place->slot);
    }
}

/* A line of the protocol: the register writes by which a device answers, breaks, resets or goes. */
static void line_append(Fuzz *f, GString *lines)
{
    const Device *d = fuzz_device(f);
    const Place *place = d->place;

    switch (fuzz_below(f, 6)) {
    case 0:
        g_string_append_printf(lines, "writew 0x%x 0\n", bars_of(d) + MODERN_OFFSET + NOTIFY);
        break;
    case 1:
        g_string_append_printf(lines, "writew 0x%x 0x%x\n",
                               ecam(0, place->port_slot, SLOT_CONTROL),
                               fuzz_one_in(f, 3) ? SLOT_IN_USE : SLOT_RELEASED);
        break;
    case 2:
        g_string_append_printf(lines, "outl 0x%x 0x%x\n", f->platform->hotplug + HOTPLUG_EJECT,
                               1u << place->slot);
        break;
    case 3:
        g_string_append_printf(lines, "writel 0x%x 0x%x\n",
                               bars_of(d) + PCI_MSIX_ENTRY_VECTOR_CTRL, fuzz_below(f, 2));
        break;
    case 4:
        g_string_append_printf(lines, "writeb 0x%x 0x%x\n",
                               (uint32_t)common_at(d, VIRTIO_PCI_COMMON_STATUS),
                               fuzz_one_in(f, 2) ? 0 : fuzz_below(f, 256));
        break;
    default:
        g_string_append_printf(lines, "outb 0xcf9 0x%x\n", fuzz_one_in(f, 20) ? 6 : 2);
        break;
    }
}

/* Carried out one behind the other, before the main loop comes to what they leave to it. */
static void attack_together(Fuzz *f)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    unsigned nb = 2 + fuzz_below(f, 6);

    for (unsigned i = 0; i < nb; i++) {
        line_append(f, lines);
    }
    qtest_raw_send(f->qts, lines->str, lines->len);
    for (unsigned i = 0; i < nb; i++) {
        g_autofree char *answer = qtest_raw_receive(f->qts);

        g_assert_cmpstr(answer, ==, "OK");
    }
}

/* The operator's wish may be refused, and may be followed by the guest's driver or not. */
static void attack_unplug_request(Fuzz *f)
{
    g_autofree char *id = g_strdup_printf("vm%u", fuzz_device(f)->nr);

    qobject_unref(qtest_qmp(f->qts, "{'execute': 'device_del', 'arguments': {'id': %s}}", id));
}

static void attack_plug(Fuzz *f)
{
    const Device *d = fuzz_device(f);

    if (!device_exists(f, d)) {
        f->nb_gone++;
        device_add(f, d);
    }
}

/* More than 64 MiB of a file are given back by a job, during which anything may come. */
static void attack_job(Fuzz *f)
{
    Device *d = &f->devices[1 + fuzz_below(f, f->nb_devices - 1)];
    struct vring_desc chain[2];

    resize(f, d, DEVICE_SIZE);
    request_write(f, d, VIRTIO_MEM_REQ_PLUG, d->addr, JOB_BLOCKS, chain);
    chain_send(f, d, chain);
    qtest_memset(f->qts, d->addr, 0x5a, JOB_BLOCKS * BLOCK_SIZE);
    request_write(f, d, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, chain);
    chain_send(f, d, chain);
}

static void attack_config(Fuzz *f)
{
    const Place *place = fuzz_device(f)->place;
    bool port = place->port_slot && fuzz_one_in(f, 2);
    int slot = port ? place->port_slot : place->slot, offset = fuzz_below(f, 0x100) & ~3;

    if (fuzz_one_in(f, 2)) {
        config_writel(f, port ? 0 : place->bus_nr, slot, offset, fuzz_value(f));
    } else {
        qtest_writel(f->qts, ecam(port ? 0 : place->bus_nr, slot, offset), fuzz_value(f));
    }
}

static void attack_ecam(Fuzz *f)
{
    if (f->platform->express) {
        config_writel(f, 0, 0, 0x60, fuzz_one_in(f, 2) ? ECAM | 1 : fuzz_gpa(f) | 1);
    }
}

/* What a CPU does, beside the devices. */
static void attack_cpu(Fuzz *f)
{
    uint64_t gpa = fuzz_gpa(f);

    switch (fuzz_below(f, 4)) {
    case 0:
        qtest_readq(f->qts, gpa);
        break;
    case 1:
        qtest_writel(f->qts, gpa & ~3ull, fuzz_value(f));
        break;
    case 2:
        qtest_writew(f->qts, gpa & ~1ull, fuzz_value(f));
        break;
    default:
        qtest_memset(f->qts, fuzz_device(f)->addr + fuzz_below(f, DEVICE_SIZE), 0x77,
                     1 + fuzz_below(f, 8192));
    }
}

static void attack_resize(Fuzz *f)
{
    resize(f, fuzz_device(f), fuzz_below(f, DEVICE_SIZE / BLOCK_SIZE + 2) * BLOCK_SIZE);
}

static void attack_device_reset(Fuzz *f)
{
    status_write(f, fuzz_device(f), fuzz_one_in(f, 2) ? 0 : fuzz_value(f));
}

static void attack_system_reset(Fuzz *f)
{
    if (fuzz_one_in(f, 2)) {
        qtest_outb(f->qts, 0xcf9, 2);
        qtest_outb(f->qts, 0xcf9, 6);
    } else {
        qtest_qmp_assert_success(f->qts, "{'execute': 'system_reset'}");
    }
    qtest_qmp_eventwait(f->qts, "RESET");
    for (unsigned i = 0; i < f->nb_devices; i++) {
        function_restore(f, &f->devices[i]);
    }
}

static void attack_stop_cont(Fuzz *f)
{
    qtest_qmp_assert_success(f->qts, "{'execute': 'stop'}");
    attack_request(f);
    attack_slot(f);
    qtest_qmp_assert_success(f->qts, "{'execute': 'cont'}");
}

static void attack_recover(Fuzz *f)
{
    check_device(f, fuzz_device(f));
}

static const struct {
    void (*fn)(Fuzz *f);
    unsigned weight;
} attacks[] = {
    { attack_request, 40 }, { attack_aim, 25 }, { attack_driver, 8 },
    { attack_ring_in_own_memory, 6 }, { attack_slot, 4 }, { attack_eject, 4 },
    { attack_unplug_request, 4 }, { attack_plug, 8 }, { attack_job, 2 }, { attack_config, 4 },
    { attack_ecam, 2 }, { attack_cpu, 6 }, { attack_resize, 5 }, { attack_device_reset, 4 },
    { attack_system_reset, 1 }, { attack_stop_cont, 3 },
    { attack_together, 6 }, { attack_recover, 16 },
};

static void attack(Fuzz *f)
{
    unsigned total = 0, pick;

    for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++) {
        total += attacks[i].weight;
    }
    pick = fuzz_below(f, total);
    for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++) {
        if (pick < attacks[i].weight) {
            attacks[i].fn(f);
            return;
        }
        pick -= attacks[i].weight;
    }
}

/* ---- one run ---- */

static unsigned env_number(const char *name, unsigned otherwise)
{
    const char *text = g_getenv(name);

    return text ? strtoul(text, NULL, 0) : otherwise;
}

static void add_device_options(GString *args, const Device *d)
{
    static const char *const backends[] = { "memory-backend-ram", "memory-backend-memfd",
                                            "memory-backend-memfd" };
    static const char *const props[] = { "", ",dynamic-memslots=on", ",prealloc=on" };

    g_string_append_printf(args, " -object %s,id=mem%u,size=%u", backends[d->nr], d->nr,
                           (unsigned)DEVICE_SIZE);
    g_string_append_printf(args, " -device virtio-mem-pci,id=vm%u,memdev=mem%u,bus=%s,addr=%x,"
                           "block-size=2M,packed=on%s", d->nr, d->nr, d->place->bus,
                           d->place->slot, props[d->nr]);
}

static void fuzz_open(Fuzz *f, const Platform *platform)
{
    unsigned seed = env_number("QTEST_FUZZ_SEED", DEFAULT_SEED);
    g_autoptr(GString) args = g_string_new("-nodefaults -m 128M,maxmem=8G ");

    *f = (Fuzz) { .platform = platform };
    g_test_message("QTEST_FUZZ_SEED=%u", seed);
    f->rand = g_rand_new_with_seed(seed);
    g_string_append_printf(args, "-machine %s %s", platform->machine, platform->options);
    for (unsigned i = 0; i < NB_DEVICES_MAX && platform->places[i].bus; i++) {
        f->devices[i] = (Device) { .place = &platform->places[i], .nr = i };
        add_device_options(args, &f->devices[i]);
        f->nb_devices++;
    }
    f->qts = qtest_init(args->str);
    check_all(f);
}

static void fuzz_run(const void *data)
{
    unsigned rounds = env_number("QTEST_FUZZ_ROUNDS", DEFAULT_ROUNDS);
    Fuzz f;

    fuzz_open(&f, data);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < ATTACKS_PER_ROUND; i++) {
            attack(&f);
        }
        check_all(&f);
    }
    g_test_message("%u messages aimed, %u requests answered in split rings at once, %u devices "
                   "gone, %u come", f.nb_aimed, f.nb_answers, f.nb_gone, f.nb_came);
    /* attacks that never got through would prove nothing */
    g_assert_cmpint(f.nb_aimed, >, rounds * 10);
    g_assert_cmpint(f.nb_answers, >, rounds * 5);
    g_assert_cmpint(f.nb_gone, >, rounds);
    qtest_quit(f.qts);
    g_rand_free(f.rand);
}

#define PORTS "-device pcie-root-port,id=rp0,chassis=1,addr=3 " \
              "-device pcie-root-port,id=rp1,chassis=2,addr=4 "
#define PORT_PLACES { "rp0", 1, 0, 3, true }, { "rp1", 2, 0, 4, true }, \
                    { "pcie.0", 0, 5, 0, false }

static const Platform q35_native = {
    .machine = "q35",
    .options = PORTS "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
    .express = true,
    .places = { PORT_PLACES },
};

static const Platform q35_acpi = {
    .machine = "q35",
    .options = PORTS,
    .hotplug = Q35_HOTPLUG,
    .express = true,
    .places = { PORT_PLACES },
};

static const Platform pc = {
    .machine = "pc",
    .options = "",
    .hotplug = PC_HOTPLUG,
    .places = { { "pci.0", 0, 4, 0, true }, { "pci.0", 0, 5, 0, true },
                { "pci.0", 0, 6, 0, true } },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/pci-fuzz/q35-native", &q35_native, fuzz_run);
    qtest_add_data_func("/pci-fuzz/q35-acpi", &q35_acpi, fuzz_run);
    qtest_add_data_func("/pci-fuzz/pc", &pc, fuzz_run);
    return g_test_run();
}
