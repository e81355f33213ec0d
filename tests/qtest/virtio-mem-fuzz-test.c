/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile guest against virtio-mem-pci: random requests, rings of both formats, registers of
 * transport and device, configuration space, between resets, resizes and queries. Whatever it
 * does, the emulator lives and answers, sizes stay possible, and after a device reset the device
 * works again. Meant for a build with sanitizers, where any slip is fatal.
 *
 * A run follows from its seed, which is printed; QTEST_FUZZ_SEED and QTEST_FUZZ_ROUNDS (of some
 * hundred attacks each) override it and its length.
 */
#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio-pci.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/units.h"
#include "standard-headers/linux/pci_regs.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mem.h"
#include "standard-headers/linux/virtio_pci.h"
#include "standard-headers/linux/virtio_ring.h"

#define DEFAULT_SEED 20261
#define DEFAULT_ROUNDS 6
#define ATTACKS_PER_ROUND 300
#define SLOT 4
#define TIMEOUT_US (30 * 1000 * 1000)
#define MEM_SIZE (512 * MiB)
#define BLOCK_SIZE (2 * MiB)
#define CONFIG_SIZE 256
#define STATUS_RUNNING (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
                        VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* Guest RAM, 128 MiB, of which the driver uses: */
#define RAM_SIZE (128 * MiB)
#define QUEUE_SIZE 16
#define DESC_GPA 0x100000ull
#define AVAIL_GPA 0x104000ull
#define USED_GPA 0x108000ull
#define TABLE_GPA 0x10c000ull           /* an indirect descriptor table */
#define REQ_GPA 0x110000ull             /* a request at each multiple of */
#define REQ_STRIDE 0x40
#define RESP_GPA 0x114000ull
#define PLAY_SIZE 0x18000               /* all of these */

/* And where registers are that are not the device's. */
#define ECAM 0xb0000000u                /* enabled below, where the machine has it */
#define IOAPIC 0xfec00000u
#define MESSAGES 0xfee00000u

typedef struct Fuzz {
    GRand *rand;
    QTestState *qts;
    QPCIBus *bus;
    QVirtioPCIDevice *dev;
    QPCIDevice *pdev;
    uint32_t bars[6];           /* as the driver assigned them */
    uint8_t msix_cap;           /* 0: has none */
    uint8_t pci_cfg_cap;        /* of the configuration access capability, 0: has none */
    uint64_t addr;              /* of the device's memory */
    bool event_idx;
    bool packed;                /* the ring's format, which each driver chooses anew */
    unsigned size;              /* entries of the ring */
    uint16_t avail_idx;         /* split: what the driver last put into the available ring */
    unsigned avail_pos;         /* packed: where the driver adds, in a lap with this counter */
    bool avail_wrap;
    unsigned used_pos;          /* packed: where the device gives back */
    bool used_wrap;
    uint16_t nb_seen_used;      /* packed: chains given back to this driver */
    unsigned nb_desc[QUEUE_SIZE];   /* packed: entries of the chain with that ID */
    bool keeps_out;             /* unplugged memory is out of reach of all that is emulated */
    bool holds_what_is_plugged; /* shared memory that is out of reach while unplugged */
    unsigned nb_used;           /* requests that the attacked device has answered, split ... */
    unsigned nb_used_packed;    /* ... and packed */
    unsigned nb_plugged;        /* attacks after which something was plugged */
} Fuzz;

/* ---- random values, of the kind that hurts ---- */

static uint32_t fuzz_below(Fuzz *f, uint32_t limit)
{
    return g_rand_int(f->rand) % limit;
}

static bool fuzz_one_in(Fuzz *f, uint32_t n)
{
    return fuzz_below(f, n) == 0;
}

static uint64_t fuzz_u64(Fuzz *f)
{
    return (uint64_t)g_rand_int(f->rand) << 32 | g_rand_int(f->rand);
}

static uint64_t fuzz_value(Fuzz *f)
{
    static const uint64_t edges[] = {
        0, 1, 2, 3, 4, 8, 15, 16, 17, 127, 128, 129, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff,
        0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, INT64_MAX,
        1ull << 63, UINT64_MAX - 1, UINT64_MAX,
    };

    switch (fuzz_below(f, 4)) {
    case 0:
        return edges[fuzz_below(f, G_N_ELEMENTS(edges))];
    case 1:
        return 1ull << fuzz_below(f, 64);
    case 2:
        return fuzz_below(f, 256);
    default:
        return fuzz_u64(f);
    }
}

/* Registers: of the device, of others through ECAM, of interrupt controllers. */
static uint64_t fuzz_register_gpa(Fuzz *f)
{
    switch (fuzz_below(f, 5)) {
    case 0:
        return (f->bars[1] & ~0xfu) + fuzz_below(f, 0x1000);
    case 1:
        return ECAM + fuzz_below(f, 1 << 20);
    case 2:
        return IOAPIC + fuzz_below(f, 0x40);
    case 3:
        return MESSAGES + fuzz_below(f, 0x100000);
    default:
        return f->dev->bar.addr + fuzz_below(f, 0x4000);
    }
}

/* An address of memory: the driver's, other RAM, the device's own memory or registers, edges. */
static uint64_t fuzz_gpa(Fuzz *f)
{
    switch (fuzz_below(f, 8)) {
    case 0:
        return f->addr + fuzz_below(f, MEM_SIZE);
    case 1:
        return f->addr + MEM_SIZE - fuzz_below(f, 64);
    case 2:
        return fuzz_register_gpa(f);
    case 3:
        return RAM_SIZE - fuzz_below(f, 64);
    case 4:
        return fuzz_value(f);
    case 5:
        return UINT64_MAX - fuzz_below(f, 4096);
    default:
        return DESC_GPA + fuzz_below(f, PLAY_SIZE);
    }
}

/* A guest physical address for a request: most often of a block. */
static uint64_t fuzz_block_gpa(Fuzz *f)
{
    if (fuzz_one_in(f, 8)) {
        return fuzz_gpa(f);
    }
    return f->addr + fuzz_below(f, MEM_SIZE / BLOCK_SIZE + 2) * BLOCK_SIZE;
}

/* ---- the driver, which keeps the rules ---- */

static uint32_t common(Fuzz *f, uint32_t reg)
{
    return f->dev->common_cfg_offset + reg;
}

static void common_writeq(Fuzz *f, uint32_t reg, uint64_t value)
{
    qpci_io_writel(f->pdev, f->dev->bar, common(f, reg), value);
    qpci_io_writel(f->pdev, f->dev->bar, common(f, reg + 4), value >> 32);
}

static uint64_t device_config(Fuzz *f, uint32_t offset)
{
    return f->dev->vdev.bus->config_readq(&f->dev->vdev, offset);
}

static void status_write(Fuzz *f, uint8_t status)
{
    qpci_io_writeb(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_STATUS), status);
}

static uint8_t status_read(Fuzz *f)
{
    return qpci_io_readb(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_STATUS));
}

/* The function where the driver wants it, whatever became of its configuration space. */
static void function_restore(Fuzz *f)
{
    qpci_config_writew(f->pdev, PCI_COMMAND, 0);
    for (int i = 0; i < 6; i++) {
        qpci_config_writel(f->pdev, PCI_BASE_ADDRESS_0 + 4 * i, f->bars[i]);
    }
    if (f->msix_cap) {
        qpci_config_writew(f->pdev, f->msix_cap + PCI_MSIX_FLAGS, 0);
    }
    qpci_config_writew(f->pdev, PCI_COMMAND,
                       PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void queue_setup(Fuzz *f)
{
    QPCIBar bar = f->dev->bar;

    qtest_memset(f->qts, DESC_GPA, 0, PLAY_SIZE);
    f->avail_idx = f->nb_seen_used = f->avail_pos = f->used_pos = 0;
    f->avail_wrap = f->used_wrap = true;
    f->size = f->packed ? 2 + fuzz_below(f, QUEUE_SIZE - 1) : QUEUE_SIZE;
    qpci_io_writew(f->pdev, bar, common(f, VIRTIO_PCI_COMMON_Q_SELECT), 0);
    qpci_io_writew(f->pdev, bar, common(f, VIRTIO_PCI_COMMON_Q_SIZE), f->size);
    common_writeq(f, VIRTIO_PCI_COMMON_Q_DESCLO, DESC_GPA);
    common_writeq(f, VIRTIO_PCI_COMMON_Q_AVAILLO, AVAIL_GPA);
    common_writeq(f, VIRTIO_PCI_COMMON_Q_USEDLO, USED_GPA);
    qpci_io_writew(f->pdev, bar, common(f, VIRTIO_PCI_COMMON_Q_ENABLE), 1);
}

static uint64_t features_read(Fuzz *f)
{
    uint64_t features;

    qpci_io_writel(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_DFSELECT), 0);
    features = qpci_io_readl(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_DF));
    qpci_io_writel(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_DFSELECT), 1);
    return features |
           (uint64_t)qpci_io_readl(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_DF)) << 32;
}

static void features_write(Fuzz *f, uint64_t features)
{
    for (int i = 0; i < 2; i++) {
        qpci_io_writel(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_GFSELECT), i);
        qpci_io_writel(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_GF),
                       features >> 32 * i);
    }
}

/* VIRTIO 1.2, 3.1.1, each step checked; the options of the ring are taken at random. */
static void driver_start(Fuzz *f)
{
    uint64_t features;
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

    function_restore(f);
    status_write(f, 0);
    g_assert_cmphex(status_read(f), ==, 0);
    status_write(f, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    status_write(f, status);
    features = features_read(f);
    f->packed = (features & 1ull << VIRTIO_F_RING_PACKED) && fuzz_one_in(f, 2);
    if (!f->packed) {
        features &= ~(1ull << VIRTIO_F_RING_PACKED);
    }
    f->event_idx = fuzz_one_in(f, 2);
    if (!f->event_idx) {
        features &= ~(1ull << VIRTIO_RING_F_EVENT_IDX);
    }
    features_write(f, features);
    status |= VIRTIO_CONFIG_S_FEATURES_OK;
    status_write(f, status);
    g_assert_cmphex(status_read(f), ==, status);
    queue_setup(f);
    status |= VIRTIO_CONFIG_S_DRIVER_OK;
    status_write(f, status);
    g_assert_cmphex(status_read(f), ==, status);
    f->addr = device_config(f, offsetof(struct virtio_mem_config, addr));
}

/* What is a split ring's next descriptor is a packed one's buffer ID, and stands before the flags. */
static void desc_write(Fuzz *f, uint64_t table, unsigned i, const struct vring_desc *desc)
{
    const struct vring_desc split = {
        .addr = GUINT64_TO_LE(desc->addr),
        .len = GUINT32_TO_LE(desc->len),
        .flags = GUINT16_TO_LE(desc->flags),
        .next = GUINT16_TO_LE(desc->next),
    };
    const struct vring_packed_desc packed = {
        .addr = split.addr,
        .len = split.len,
        .id = split.next,
        .flags = split.flags,
    };

    qtest_memwrite(f->qts, table + i * sizeof(split), f->packed ? (const void *)&packed : &split,
                   sizeof(split));
}

static void request_write(Fuzz *f, unsigned slot, uint16_t type, uint64_t addr, uint16_t nb)
{
    struct virtio_mem_req req = { .type = GUINT16_TO_LE(type) };

    req.u.plug.addr = GUINT64_TO_LE(addr);
    req.u.plug.nb_blocks = GUINT16_TO_LE(nb);
    qtest_memwrite(f->qts, REQ_GPA + slot * REQ_STRIDE, &req, sizeof(req));
}

static void chain_add_packed(Fuzz *f, unsigned slot, const struct vring_desc *desc, unsigned n,
                             uint16_t head)
{
    f->nb_desc[slot] = n;
    for (unsigned i = 0; i < n; i++) {
        struct vring_desc d = desc[i];

        d.next = slot;  /* the buffer's ID */
        d.flags |= 1u << (f->avail_wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED);
        if (head != 2 * slot) {
            d.flags = head;
        }
        desc_write(f, DESC_GPA, f->avail_pos, &d);
        if (++f->avail_pos == f->size) {
            f->avail_pos = 0;
            f->avail_wrap = !f->avail_wrap;
        }
    }
}

/*
 * Makes a chain of @n descriptors available: those of slot @slot, or the next in a packed ring.
 * By the rules @head is 2 * slot; anything else is put into the available ring, or the flags.
 */
static void chain_add(Fuzz *f, unsigned slot, const struct vring_desc *desc, unsigned n,
                      uint16_t head)
{
    if (f->packed) {
        chain_add_packed(f, slot, desc, n, head);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        desc_write(f, DESC_GPA, 2 * slot + i, &desc[i]);
    }
    qtest_writew(f->qts, AVAIL_GPA + 4 + 2 * (f->avail_idx % QUEUE_SIZE), head);
    f->avail_idx++;
}

static void chains_publish(Fuzz *f)
{
    if (!f->packed) {
        qtest_writew(f->qts, AVAIL_GPA + 2, f->avail_idx);
    }
    qpci_io_writew(f->pdev, f->dev->bar, f->dev->notify_cfg_offset, 0);
}

/* Chains that the device has given back to this driver, if the ring is still what it was. */
static uint16_t used_count(Fuzz *f)
{
    if (!f->packed) {
        return qtest_readw(f->qts, USED_GPA + 2);
    }
    for (unsigned i = 0; i < f->size; i++) {
        uint64_t at = DESC_GPA + f->used_pos * sizeof(struct vring_packed_desc);
        uint16_t flags = qtest_readw(f->qts, at + offsetof(struct vring_packed_desc, flags));
        uint16_t id = qtest_readw(f->qts, at + offsetof(struct vring_packed_desc, id));
        bool avail = flags & 1u << VRING_PACKED_DESC_F_AVAIL;
        bool used = flags & 1u << VRING_PACKED_DESC_F_USED;

        if (avail != used || used != f->used_wrap || id >= QUEUE_SIZE || !f->nb_desc[id]) {
            break;
        }
        f->used_pos += f->nb_desc[id];
        f->nb_desc[id] = 0;
        f->nb_seen_used++;
        if (f->used_pos >= f->size) {
            f->used_pos -= f->size;
            f->used_wrap = !f->used_wrap;
        }
    }
    return f->nb_seen_used;
}

/* One request by the rules, right after driver_start(); returns the type of the response. */
static uint16_t driver_request(Fuzz *f, uint16_t type, uint64_t addr, uint16_t nb, uint16_t *state)
{
    const struct vring_desc chain[] = {
        { REQ_GPA, sizeof(struct virtio_mem_req), VRING_DESC_F_NEXT, 1 },
        { RESP_GPA, sizeof(struct virtio_mem_resp), VRING_DESC_F_WRITE, 0 },
    };
    gint64 deadline = g_get_monotonic_time() + TIMEOUT_US;
    uint16_t before = used_count(f);

    request_write(f, 0, type, addr, nb);
    qtest_memset(f->qts, RESP_GPA, 0xee, sizeof(struct virtio_mem_resp));
    chain_add(f, 0, chain, 2, 0);
    chains_publish(f);
    while (used_count(f) == before) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    *state = qtest_readw(f->qts, RESP_GPA + offsetof(struct virtio_mem_resp, u.state.state));
    return qtest_readw(f->qts, RESP_GPA);
}

/* ---- what has to hold ---- */

static void check_sizes(Fuzz *f)
{
    QDict *answer = qtest_qmp(f->qts, "{'execute': 'query-memory-devices'}");
    QList *list = qdict_get_qlist(answer, "return");
    QObject *first = list ? qlist_pop(list) : NULL;
    QDict *data = first ? qdict_get_qdict(qobject_to(QDict, first), "data") : NULL;
    uint64_t size, block_size;

    g_assert_nonnull(data);
    size = qdict_get_int(data, "size");
    block_size = qdict_get_int(data, "block-size");
    g_assert_cmphex(block_size, ==, BLOCK_SIZE);
    g_assert_cmphex(qdict_get_int(data, "max-size"), ==, MEM_SIZE);
    g_assert_cmphex(size, <=, MEM_SIZE);
    g_assert_cmphex(size % block_size, ==, 0);
    g_assert_cmphex(qdict_get_int(data, "requested-size"), <=, MEM_SIZE);
    g_assert_cmphex(qdict_get_int(data, "requested-size") % block_size, ==, 0);
    g_assert_cmphex(qdict_get_int(data, "memaddr"), ==, f->addr);
    qobject_unref(first);
    qobject_unref(answer);
}

static void request_size(Fuzz *f, uint64_t size)
{
    qtest_qmp_assert_success(f->qts, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                             "'property': 'requested-size', 'value': %" PRIu64 "}}", size);
}

/* Bytes that the kernel holds for the file of MEM_SIZE that the emulator has open. */
static uint64_t held_bytes(Fuzz *f)
{
    g_autofree char *folder = g_strdup_printf("/proc/%d/fd", (int)qtest_pid(f->qts));
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct stat st;

        if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == MEM_SIZE) {
            return (uint64_t)st.st_blocks * 512;
        }
    }
    g_error("the emulator has no file of %" PRIu64 " bytes open", (uint64_t)MEM_SIZE);
}

/* With no request under way: what the guest gave up is not held for it. */
static void check_held(Fuzz *f)
{
    uint64_t plugged = device_config(f, offsetof(struct virtio_mem_config, plugged_size));

    if (f->holds_what_is_plugged) {
        g_assert_cmphex(held_bytes(f), <=, plugged);
    }
}

/* A response in the block that goes away with it must not bring the page back. */
static void check_response_in_block(Fuzz *f)
{
    const struct vring_desc chain[] = {
        { REQ_GPA, sizeof(struct virtio_mem_req), VRING_DESC_F_NEXT, 1 },
        { f->addr + 4096, sizeof(struct virtio_mem_resp), VRING_DESC_F_WRITE, 0 },
    };
    uint16_t state;

    driver_start(f);
    driver_request(f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, &state);
    request_size(f, BLOCK_SIZE);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_PLUG, f->addr, 1, &state), ==,
                    VIRTIO_MEM_RESP_ACK);
    request_write(f, 0, VIRTIO_MEM_REQ_UNPLUG, f->addr, 1);
    chain_add(f, 0, chain, 2, 0);
    chains_publish(f);
    g_assert_cmphex(device_config(f, offsetof(struct virtio_mem_config, plugged_size)), ==, 0);
    g_assert_cmphex(status_read(f) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
    check_held(f);
}

/* A driver that keeps the rules gets what it asks for, whatever happened before. */
static void check_works(Fuzz *f)
{
    uint16_t state;

    driver_start(f);
    request_size(f, 16 * BLOCK_SIZE);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, &state), ==,
                    VIRTIO_MEM_RESP_ACK);
    g_assert_cmphex(device_config(f, offsetof(struct virtio_mem_config, plugged_size)), ==, 0);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_PLUG, f->addr, 16, &state), ==,
                    VIRTIO_MEM_RESP_ACK);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_PLUG, f->addr + 16 * BLOCK_SIZE, 1, &state),
                    ==, VIRTIO_MEM_RESP_NACK);
    qtest_writeq(f->qts, f->addr + 8, 0x1122334455667788ull);
    g_assert_cmphex(qtest_readq(f->qts, f->addr + 8), ==, 0x1122334455667788ull);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_UNPLUG, f->addr, 2, &state), ==,
                    VIRTIO_MEM_RESP_ACK);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_STATE, f->addr, 3, &state), ==,
                    VIRTIO_MEM_RESP_ACK);
    g_assert_cmpint(state, ==, VIRTIO_MEM_STATE_MIXED);
    g_assert_cmphex(device_config(f, offsetof(struct virtio_mem_config, plugged_size)), ==,
                    14 * BLOCK_SIZE);
    check_sizes(f);
    check_held(f);
}

/* Nor must what other devices write to memory that is just being given back. */
static void check_write_during_unplug(Fuzz *f)
{
    const struct vring_desc chain[] = {
        { REQ_GPA, sizeof(struct virtio_mem_req), VRING_DESC_F_NEXT, 1 },
        { RESP_GPA, sizeof(struct virtio_mem_resp), VRING_DESC_F_WRITE, 0 },
    };
    uint16_t state, before;
    gint64 deadline = g_get_monotonic_time() + TIMEOUT_US;

    driver_start(f);
    request_size(f, MEM_SIZE);
    driver_request(f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, &state);
    g_assert_cmpint(driver_request(f, VIRTIO_MEM_REQ_PLUG, f->addr, MEM_SIZE / BLOCK_SIZE, &state),
                    ==, VIRTIO_MEM_RESP_ACK);
    qtest_memset(f->qts, f->addr, 0x5a, MEM_SIZE / 2);
    request_write(f, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    before = used_count(f);
    chain_add(f, 0, chain, 2, 0);
    chains_publish(f);
    for (uint64_t i = 0; used_count(f) == before; i++) {
        qtest_writeq(f->qts, f->addr + i % 64 * (MEM_SIZE / 64), 1);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    g_assert_cmphex(device_config(f, offsetof(struct virtio_mem_config, plugged_size)), ==, 0);
    check_held(f);
}

/* ---- the attacks ---- */

/* Up to eight requests in one go, some of them not as they should be. */
static void attack_requests(Fuzz *f)
{
    uint16_t before = used_count(f), nb_new;
    uint64_t plugged;

    for (unsigned i = 0, n = 1 + fuzz_below(f, f->size / 2); i < n; i++) {
        struct vring_desc chain[] = {
            { REQ_GPA + i * REQ_STRIDE, sizeof(struct virtio_mem_req), VRING_DESC_F_NEXT,
              2 * i + 1 },
            { RESP_GPA + i * REQ_STRIDE, sizeof(struct virtio_mem_resp), VRING_DESC_F_WRITE, 0 },
        };
        struct vring_desc *bad = &chain[fuzz_below(f, 2)];
        uint64_t gpa = fuzz_block_gpa(f);

        request_write(f, i, fuzz_one_in(f, 100) ? fuzz_value(f) : fuzz_below(f, 4), gpa,
                      fuzz_one_in(f, 4) ? fuzz_value(f) : fuzz_below(f, 80));
        if (fuzz_one_in(f, 10)) {
            chain[1].addr = gpa + fuzz_below(f, BLOCK_SIZE);  /* which the request may unplug */
        }
        switch (fuzz_below(f, 60)) {
        case 0:
            bad->addr = fuzz_gpa(f);
            break;
        case 1:
            bad->len = fuzz_value(f);
            break;
        case 2:
            bad->flags = fuzz_below(f, 8);
            break;
        case 3:
            bad->next = fuzz_value(f);
            break;
        }
        chain_add(f, i, chain, 2, fuzz_one_in(f, 60) ? fuzz_value(f) : 2 * i);
    }
    chains_publish(f);
    nb_new = used_count(f) - before;
    *(f->packed ? &f->nb_used_packed : &f->nb_used) += nb_new <= 8 ? nb_new : 0;
    plugged = device_config(f, offsetof(struct virtio_mem_config, plugged_size));
    f->nb_plugged += plugged && plugged <= MEM_SIZE;    /* all ones: the BAR is elsewhere */
}

/* A chain through an indirect table of random descriptors. */
static void attack_indirect(Fuzz *f)
{
    unsigned n = 1 + fuzz_below(f, 20);
    struct vring_desc head = { TABLE_GPA, n * sizeof(struct vring_desc), VRING_DESC_F_INDIRECT, 0 };

    for (unsigned i = 0; i < n; i++) {
        struct vring_desc desc = {
            .addr = fuzz_one_in(f, 3) ? fuzz_gpa(f) : REQ_GPA + fuzz_below(f, 0x4000),
            .len = fuzz_one_in(f, 6) ? fuzz_value(f) : 1 + fuzz_below(f, 64),
            .flags = (i >= n / 2 ? VRING_DESC_F_WRITE : 0) | (i + 1 < n ? VRING_DESC_F_NEXT : 0),
            .next = fuzz_one_in(f, 20) ? fuzz_value(f) : i + 1,
        };

        if (fuzz_one_in(f, 40)) {
            desc.flags = fuzz_below(f, 8);
        }
        desc_write(f, TABLE_GPA, i, &desc);
    }
    if (fuzz_one_in(f, 8)) {
        head.len = fuzz_value(f);
    }
    if (fuzz_one_in(f, 8)) {
        head.addr = fuzz_gpa(f);
    }
    request_write(f, 0, fuzz_below(f, 4), fuzz_block_gpa(f), fuzz_below(f, 80));
    chain_add(f, 0, &head, 1, 0);
    chains_publish(f);
}

/* Noise over the rings, then a notification, of a queue that there may not be. */
static void attack_ring_noise(Fuzz *f)
{
    uint8_t noise[64];

    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = fuzz_one_in(f, 3) ? 0 : fuzz_below(f, 256);
    }
    qtest_memwrite(f->qts, DESC_GPA + fuzz_below(f, PLAY_SIZE), noise,
                   1 + fuzz_below(f, sizeof(noise)));
    qpci_io_writew(f->pdev, f->dev->bar, f->dev->notify_cfg_offset + 4 * fuzz_below(f, 3),
                   fuzz_one_in(f, 4) ? fuzz_value(f) : 0);
}

/* Any register of a window into a BAR, in any width, read and perhaps written before. */
static void attack_window(Fuzz *f, QPCIBar bar, uint32_t start, uint32_t size)
{
    uint32_t offset = start + fuzz_below(f, size);
    bool write = !fuzz_one_in(f, 3);
    uint64_t value = fuzz_one_in(f, 4) ? fuzz_gpa(f) : fuzz_value(f);

    switch (fuzz_below(f, 4)) {
    case 0:
        write ? qpci_io_writeb(f->pdev, bar, offset, value) : (void)0;
        qpci_io_readb(f->pdev, bar, offset);
        break;
    case 1:
        write ? qpci_io_writew(f->pdev, bar, offset, value) : (void)0;
        qpci_io_readw(f->pdev, bar, offset);
        break;
    case 2:
        write ? qpci_io_writel(f->pdev, bar, offset, value) : (void)0;
        qpci_io_readl(f->pdev, bar, offset);
        break;
    default:
        write ? qpci_io_writeq(f->pdev, bar, offset, value) : (void)0;
        qpci_io_readq(f->pdev, bar, offset);
        break;
    }
}

static void attack_common(Fuzz *f)
{
    attack_window(f, f->dev->bar, f->dev->common_cfg_offset, 0x40);
}

static void attack_bar(Fuzz *f)
{
    attack_window(f, f->dev->bar, 0, 0x4000);
}

static void attack_device_config(Fuzz *f)
{
    attack_window(f, f->dev->bar, f->dev->device_cfg_offset,
                  sizeof(struct virtio_mem_config) + 16);
}

/* Ring addresses anywhere, of a queue that is enabled or gets enabled. */
static void attack_queue_address(Fuzz *f)
{
    static const uint32_t registers[] = { VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_AVAILLO,
                                          VIRTIO_PCI_COMMON_Q_USEDLO };

    if (fuzz_one_in(f, 2)) {
        qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_RESET), 1);
    }
    common_writeq(f, registers[fuzz_below(f, 3)], fuzz_gpa(f) & ~(uint64_t)fuzz_below(f, 16));
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_ENABLE), 1);
    qpci_io_writew(f->pdev, f->dev->bar, f->dev->notify_cfg_offset, 0);
}

/* Reset and use of the queue alone, perhaps while a large request is under way. */
static void attack_queue_reset(Fuzz *f)
{
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_SELECT), 0);
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_RESET), 1);
    if (fuzz_one_in(f, 2)) {
        queue_setup(f);
    }
}

static void attack_pci_config(Fuzz *f)
{
    uint32_t offset = fuzz_one_in(f, 3) ? fuzz_below(f, 0x40) : fuzz_below(f, CONFIG_SIZE);
    uint64_t value = fuzz_value(f);

    switch (fuzz_below(f, 3)) {
    case 0:
        qpci_config_writeb(f->pdev, offset, value);
        break;
    case 1:
        qpci_config_writew(f->pdev, offset & ~1u, value);
        break;
    default:
        qpci_config_writel(f->pdev, offset & ~3u, value);
        break;
    }
}

/* VIRTIO 1.2, 4.1.4.9: a window into a BAR, in configuration space. */
static void attack_pci_cfg_access(Fuzz *f)
{
    uint8_t cap = f->pci_cfg_cap;

    if (!cap) {
        return;
    }
    qpci_config_writeb(f->pdev, cap + offsetof(struct virtio_pci_cap, bar),
                       fuzz_one_in(f, 4) ? fuzz_value(f) : f->dev->bar_idx);
    qpci_config_writel(f->pdev, cap + offsetof(struct virtio_pci_cap, offset),
                       fuzz_one_in(f, 4) ? fuzz_value(f) : fuzz_below(f, 0x4000));
    qpci_config_writel(f->pdev, cap + offsetof(struct virtio_pci_cap, length),
                       fuzz_one_in(f, 4) ? fuzz_value(f) : 1u << fuzz_below(f, 3));
    if (fuzz_one_in(f, 2)) {
        qpci_config_writel(f->pdev, cap + sizeof(struct virtio_pci_cap), fuzz_value(f));
    } else {
        qpci_config_readl(f->pdev, cap + sizeof(struct virtio_pci_cap));
    }
}

/* Interrupts that are messages to anywhere, the device's own registers among it. */
static void attack_msix(Fuzz *f)
{
    QPCIBar table = { .addr = f->bars[1] & ~0xfu };
    unsigned vector = fuzz_below(f, 2);

    if (!f->msix_cap) {
        return;
    }
    qpci_config_writew(f->pdev, f->msix_cap + PCI_MSIX_FLAGS,
                       fuzz_one_in(f, 4) ? fuzz_value(f) : PCI_MSIX_FLAGS_ENABLE);
    qpci_io_writeq(f->pdev, table, vector * PCI_MSIX_ENTRY_SIZE, fuzz_gpa(f) & ~3ull);
    qpci_io_writel(f->pdev, table, vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_DATA,
                   fuzz_value(f));
    qpci_io_writel(f->pdev, table, vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL,
                   fuzz_one_in(f, 4));
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_MSIX),
                   fuzz_one_in(f, 8) ? fuzz_value(f) : fuzz_below(f, 2));
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_SELECT), 0);
    qpci_io_writew(f->pdev, f->dev->bar, common(f, VIRTIO_PCI_COMMON_Q_MSIX),
                   fuzz_one_in(f, 8) ? fuzz_value(f) : fuzz_below(f, 2));
    attack_window(f, table, 0, 0x1000);
}

static void attack_memory(Fuzz *f)
{
    uint64_t addr = f->addr + fuzz_below(f, MEM_SIZE + 4096);

    if (fuzz_one_in(f, 2)) {
        qtest_memset(f->qts, addr, fuzz_below(f, 256), 1 + fuzz_below(f, 8192));
    } else {
        qtest_readq(f->qts, addr);
    }
}

static void attack_status(Fuzz *f)
{
    status_write(f, fuzz_one_in(f, 2) ? fuzz_value(f) : 0x0f);
    features_write(f, fuzz_value(f));
}

static void attack_device_reset(Fuzz *f)
{
    driver_start(f);
}

static void attack_system_reset(Fuzz *f)
{
    qtest_system_reset(f->qts);
    if (fuzz_one_in(f, 2)) {
        driver_start(f);
    }
}

/* Not the guest's doing, but at any time; most values are refused. */
static void attack_resize(Fuzz *f)
{
    uint64_t size = fuzz_below(f, MEM_SIZE / BLOCK_SIZE + 2) * BLOCK_SIZE;
    QDict *answer;
    bool possible;

    if (fuzz_one_in(f, 4)) {
        size = fuzz_value(f);
    }
    possible = size <= MEM_SIZE && size % BLOCK_SIZE == 0;
    answer = qtest_qmp(f->qts, "{'execute': 'qom-set', 'arguments': {'path': 'vm0', "
                       "'property': 'requested-size', 'value': %" PRIu64 "}}", size);
    g_assert_cmpint(qdict_haskey(answer, "return"), ==, possible);
    qobject_unref(answer);
}

static void attack_stop_cont(Fuzz *f)
{
    qtest_qmp_assert_success(f->qts, "{'execute': 'stop'}");
    attack_requests(f);
    attack_device_config(f);
    qtest_qmp_assert_success(f->qts, "{'execute': 'cont'}");
}

typedef struct Attack {
    void (*fn)(Fuzz *f);
    unsigned weight;
} Attack;

static const Attack attacks[] = {
    { attack_requests, 40 }, { attack_indirect, 15 }, { attack_ring_noise, 10 },
    { attack_common, 10 }, { attack_bar, 6 }, { attack_device_config, 4 },
    { attack_queue_address, 3 }, { attack_queue_reset, 4 }, { attack_pci_config, 3 },
    { attack_pci_cfg_access, 6 }, { attack_msix, 6 }, { attack_memory, 8 }, { attack_status, 2 },
    { attack_device_reset, 4 }, { attack_system_reset, 2 }, { attack_resize, 8 },
    { attack_stop_cont, 2 }, { check_sizes, 4 },
};

/* A device that is broken or out of reach is no target: most times, start over. */
static void attack_recover(Fuzz *f)
{
    if (!fuzz_one_in(f, 4) && (status_read(f) & ~VIRTIO_CONFIG_S_FAILED) != STATUS_RUNNING) {
        driver_start(f);
    }
}

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

static void find_capabilities(Fuzz *f)
{
    uint8_t cap = 0;

    f->msix_cap = qpci_find_capability(f->pdev, PCI_CAP_ID_MSIX, 0);
    while ((cap = qpci_find_capability(f->pdev, PCI_CAP_ID_VNDR, cap))) {
        if (qpci_config_readb(f->pdev, cap + offsetof(struct virtio_pci_cap, cfg_type)) ==
            VIRTIO_PCI_CAP_PCI_CFG) {
            f->pci_cfg_cap = cap;
        }
    }
}

static void fuzz_open(Fuzz *f, const char *machine, const char *backend, const char *props)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
    unsigned seed = env_number("QTEST_FUZZ_SEED", DEFAULT_SEED);

    memset(f, 0, sizeof(*f));
    g_test_message("QTEST_FUZZ_SEED=%u", seed);
    f->rand = g_rand_new_with_seed(seed);
    f->qts = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=4G -object %s,id=mem0,size=512M "
                         "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d,block-size=2M%s",
                         machine, backend, SLOT, props);
    f->bus = qpci_new_pc(f->qts, NULL);
    if (strstr(machine, "q35")) {
        f->bus->config_writel(f->bus, 0, 0x60, ECAM | 1);
    }
    f->dev = virtio_pci_new(f->bus, &addr);
    f->pdev = f->dev->pdev;
    qvirtio_pci_device_enable(f->dev);
    find_capabilities(f);
    if (f->msix_cap) {
        qpci_iomap(f->pdev, 1, NULL);
    }
    for (int i = 0; i < 6; i++) {
        f->bars[i] = qpci_config_readl(f->pdev, PCI_BASE_ADDRESS_0 + 4 * i);
    }
    driver_start(f);
}

static void fuzz_close(Fuzz *f)
{
    qos_object_destroy(&f->dev->obj);
    qpci_free_pc(f->bus);
    qtest_quit(f->qts);
    g_rand_free(f->rand);
}

/* With nothing plugged yet. Where all abilities have to be there, this one is (see the fixture). */
static bool keeps_out(Fuzz *f)
{
    bool keeps;

    qtest_writeq(f->qts, f->addr, 0x1122334455667788ull);
    keeps = qtest_readq(f->qts, f->addr) != 0x1122334455667788ull;
    g_assert_true(keeps || g_strcmp0(g_getenv("QTEST_VIRTIO_MEM_ABILITIES"), "all"));
    return keeps;
}

static void fuzz_run(const char *machine, const char *backend, const char *props)
{
    unsigned rounds = env_number("QTEST_FUZZ_ROUNDS", DEFAULT_ROUNDS);
    Fuzz f;

    fuzz_open(&f, machine, backend, props);
    f.keeps_out = keeps_out(&f);
    f.holds_what_is_plugged = f.keeps_out && strstr(backend, "memfd");
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < ATTACKS_PER_ROUND; i++) {
            attack(&f);
            attack_recover(&f);
        }
        check_sizes(&f);
        check_works(&f);
        if (f.keeps_out) {
            check_response_in_block(&f);
        }
    }
    check_write_during_unplug(&f);
    g_test_message("%u requests answered in split and %u in packed rings, %u attacks with memory "
                   "plugged", f.nb_used, f.nb_used_packed, f.nb_plugged);
    /* attacks that never got through would prove nothing */
    g_assert_cmpint(f.nb_used + f.nb_used_packed, >, rounds * 100);
    if (strstr(props, "packed=on")) {
        g_assert_cmpint(f.nb_used_packed, >, rounds * 20);
    }
    g_assert_cmpint(f.nb_plugged, >, rounds * 5);
    fuzz_close(&f);
}

static void test_q35(void)
{
    fuzz_run("q35", "memory-backend-memfd", ",packed=on");
}

static void test_pc(void)
{
    fuzz_run("pc", "memory-backend-ram", ",unplugged-inaccessible=off,packed=on");
}

/* No MSI-X, no reset of a single queue, no packed ring. */
static void test_old(void)
{
    fuzz_run("pc-q35-6.0", "memory-backend-ram", ",prealloc=on,requested-size=64M");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/virtio-mem-fuzz/q35", test_q35);
    qtest_add_func("/virtio-mem-fuzz/pc", test_pc);
    qtest_add_func("/virtio-mem-fuzz/old", test_old);
    return g_test_run();
}
