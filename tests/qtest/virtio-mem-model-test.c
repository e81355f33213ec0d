/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A randomised model test of virtio-mem: storms of requests, resizes and resets, and after each one
 * the whole visible state of the device is compared with a model of it that is a few lines long.
 *
 * What "the whole state" is: the answer; all 56 bytes of the configuration; and the map, by a STATE
 * request over every run of equal blocks of the model's, in the same notification, right behind the
 * request. So no block of the usable region may differ, and as the configuration's plugged_size has
 * to be the sum of the model, none may be plugged outside of it. Requests made available several
 * at a time are not followed by STATE requests one by one, so that the device is seen to combine
 * them as it likes: their answers are compared each, the rest after the last. These are not counted
 * among QTEST_MODEL_REQUESTS, which says how many requests are to be checked one by one.
 *
 * The driver's side of the ring, split or packed, is in guest RAM that the test has mapped itself,
 * since a qtest command for every byte would make a million requests last for hours.
 * QTEST_MODEL_SEED repeats a run that is printed with its seed.
 */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "virtio-mem-fixture.h"

#define RAM_SIZE (128 * MiB)
#define MAX_BLOCKS 512
#define MAX_SLOTS 128
#define SLOT_SIZE 128           /* request, response, indirect table */
#define SLOT_RESP 32
#define SLOT_TABLE 64
#define RESP_SIZE 10
#define UNTOUCHED 0xeeee
#define ANY_STATE 0xffff        /* expected of a STATE that is really a question */
/* 5.15.4 leaves to the device how much more than requested is usable; QEMU's choice. */
#define USABLE_EXTENT (256 * MiB)
/* Of requests for more than this together, some may be carried out beside other work. */
#define LOCKED_MAX (16 * MiB)
#define DEFAULT_REQUESTS 20000

/* ---- chance ---- */

/* What happens, in parts of 10 000, and how often a request is of which type, in percent. */
enum { OP_REQUEST, OP_BATCH, OP_RESIZE, OP_RESIZE_REFUSED, OP_UNKNOWN_TYPE, OP_DEVICE_RESET,
       OP_SYSTEM_RESET, OP_LARGE_AND_RESIZE, OP_LARGE_AND_DEVICE_RESET,
       OP_LARGE_AND_SYSTEM_RESET, NB_OPS };
static const struct {
    const char *name;
    unsigned weight;
} ops[NB_OPS] = {
    { "request", 9585 }, { "batch", 250 }, { "resize", 100 }, { "resize-refused", 20 },
    { "unknown-type", 2 }, { "device-reset", 20 }, { "system-reset", 3 },
    { "large-and-resize", 10 }, { "large-and-device-reset", 8 }, { "large-and-system-reset", 2 },
};
static const struct {
    const char *name;
    uint16_t type;
    unsigned weight;
} kinds[] = {
    { "PLUG", VIRTIO_MEM_REQ_PLUG, 44 }, { "UNPLUG", VIRTIO_MEM_REQ_UNPLUG, 36 },
    { "UNPLUG ALL", VIRTIO_MEM_REQ_UNPLUG_ALL, 3 }, { "STATE", VIRTIO_MEM_REQ_STATE, 17 },
};
/* How often a request names blocks that a driver in its right mind would not, in percent. */
#define ODD_RANGES 12

static uint64_t rng_state;

/* splitmix64: any seed will do, and the same everywhere. */
static uint64_t rng(void)
{
    uint64_t z = rng_state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
    return rng() % n;
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* ---- the model ---- */

typedef struct Model {
    uint64_t addr;
    uint64_t block_size;
    uint64_t region_size;
    uint64_t requested_size;
    uint64_t usable_region_size;
    bool plugged[MAX_BLOCKS];
} Model;

typedef struct Answer {
    uint16_t type;
    uint16_t state;             /* of an acknowledged STATE */
} Answer;

static uint64_t model_plugged_size(const Model *m)
{
    uint64_t size = 0;

    for (uint64_t i = 0; i < m->region_size / m->block_size; i++) {
        size += m->plugged[i] ? m->block_size : 0;
    }
    return size;
}

static uint64_t model_usable_for(const Model *m, uint64_t requested_size)
{
    return requested_size ? MIN(m->region_size, requested_size + USABLE_EXTENT) : 0;
}

static void model_resize(Model *m, uint64_t size)
{
    m->requested_size = size;
    m->usable_region_size = MAX(m->usable_region_size, model_usable_for(m, size));
}

static void model_unplug_all(Model *m)
{
    memset(m->plugged, 0, sizeof(m->plugged));
    m->usable_region_size = model_usable_for(m, m->requested_size);
}

static Answer model_request(Model *m, uint16_t type, uint64_t addr, uint16_t nb)
{
    uint64_t first = (addr - m->addr) / m->block_size, count = 0;

    if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
        model_unplug_all(m);
        return (Answer) { ACK };
    }
    if (!nb || addr < m->addr || addr % m->block_size ||
        first + nb > m->usable_region_size / m->block_size) {
        return (Answer) { ERR };
    }
    for (unsigned i = 0; i < nb; i++) {
        count += m->plugged[first + i];
    }
    if (type == VIRTIO_MEM_REQ_STATE) {
        return (Answer) { ACK, count == nb ? VIRTIO_MEM_STATE_PLUGGED :
                          count == 0 ? VIRTIO_MEM_STATE_UNPLUGGED : VIRTIO_MEM_STATE_MIXED };
    }
    if (type == VIRTIO_MEM_REQ_PLUG &&
        model_plugged_size(m) + nb * m->block_size > m->requested_size) {
        return (Answer) { NACK };
    }
    if (count != (type == VIRTIO_MEM_REQ_PLUG ? 0 : nb)) {
        return (Answer) { ERR };
    }
    for (unsigned i = 0; i < nb; i++) {
        m->plugged[first + i] = type == VIRTIO_MEM_REQ_PLUG;
    }
    return (Answer) { ACK };
}

/* ---- the driver ---- */

/* The word of guest RAM that makes available all that was queued since it was last written. */
typedef struct Publish {
    uint64_t gpa;
    uint16_t value;
} Publish;

typedef struct Driver {
    Vm vm;
    Model model;
    uint8_t *ram;               /* all guest RAM; where it is below 4 GiB, gpa is the offset */
    uint64_t slots;             /* gpa of nb_slots requests with their responses */
    unsigned nb_slots;          /* requests that fit the ring at a time */
    unsigned next_slot;
    bool packed;                /* the ring's format */
    uint16_t avail_idx;         /* split: counted without end; packed: in the ring */
    bool avail_wrap;            /* packed */
    Publish publish;
    bool nothing_queued;        /* since the last step */
    unsigned queued;            /* since answers were last compared */
    Answer expected[MAX_SLOTS];
    struct virtio_mem_req sent[MAX_SLOTS];
    unsigned queued_slot[MAX_SLOTS];
    uint16_t queued_idx[MAX_SLOTS];     /* packed: where its first descriptor is, */
    bool queued_wrap[MAX_SLOTS];        /* and the wrap counter there */
    uint64_t queued_size;       /* of UNPLUG requests */
    bool queued_large;          /* one may be carried out beside other work */
    uint64_t seed;
    uint64_t nb_checked;        /* requests after each of which all was compared */
    uint64_t nb_batched;        /* requests of which the answer was */
    uint64_t nb_ops[NB_OPS];
    uint64_t nb_answers[4];     /* to them, those to the STATE requests that compare left out */
    const char *doing;
} Driver;

static void *ram_at(Driver *d, uint64_t gpa)
{
    g_assert_cmphex(gpa, <, RAM_SIZE - 4096);
    return d->ram + gpa;
}

static G_GNUC_PRINTF(2, 3) G_NORETURN void fail(Driver *d, const char *fmt, ...)
{
    g_autofree char *what = NULL;
    GString *map = g_string_new("");
    va_list ap;

    va_start(ap, fmt);
    what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    for (uint64_t i = 0; i < d->model.region_size / d->model.block_size; i++) {
        g_string_append_c(map, d->model.plugged[i] ? '#' : '.');
    }
    g_error("QTEST_MODEL_SEED=%" PRIu64 ", after %" PRIu64 " requests, %s: %s\nthe model's map: %s",
            d->seed, d->nb_checked + d->nb_batched, d->doing, what, map->str);
    abort();
}

/* The last word is a split descriptor's next one, or a packed one's ID. */
static void desc_fill(Driver *d, void *at, uint64_t gpa, uint32_t len, uint16_t flags,
                      uint16_t last)
{
    struct vring_desc *split = at;
    struct vring_packed_desc *packed = at;

    split->addr = GUINT64_TO_LE(gpa);
    split->len = GUINT32_TO_LE(len);
    if (d->packed) {
        packed->id = GUINT16_TO_LE(last);
        packed->flags = GUINT16_TO_LE(flags);
    } else {
        split->flags = GUINT16_TO_LE(flags);
        split->next = GUINT16_TO_LE(last);
    }
}

/* What does not change from now on: a split ring's descriptors, and the indirect tables. */
static void driver_fill_tables(Driver *d)
{
    QVirtQueue *vq = d->vm.vq;
    struct vring_desc *table = ram_at(d, vq->desc);

    for (unsigned i = 0; i < d->nb_slots; i++) {
        uint64_t gpa = d->slots + i * SLOT_SIZE;
        struct vring_desc *pair = vq->indirect ? ram_at(d, gpa + SLOT_TABLE) : &table[2 * i];

        if (d->packed && !vq->indirect) {
            continue;
        }
        desc_fill(d, &pair[0], gpa, sizeof(struct virtio_mem_req),
                  d->packed ? 0 : VRING_DESC_F_NEXT, vq->indirect ? 1 : 2 * i + 1);
        desc_fill(d, &pair[1], gpa + SLOT_RESP, RESP_SIZE, VRING_DESC_F_WRITE, 0);
        if (vq->indirect && !d->packed) {
            desc_fill(d, &table[i], gpa + SLOT_TABLE, 2 * sizeof(*pair), VRING_DESC_F_INDIRECT, 0);
        }
    }
}

/* Takes the features and sets the ring up. */
static void driver_start(Driver *d, uint64_t features)
{
    Vm *vm = &d->vm;

    vm_drive(vm, features);
    d->packed = vm->vdev->features & F_PACKED;
    d->nb_slots = vm->vq->indirect ? MIN(vm->vq->size, MAX_SLOTS) : vm->vq->size / 2;
    d->next_slot = 0;
    d->avail_idx = 0;
    d->avail_wrap = true;
    d->publish = (Publish) { vm->vq->avail + 2, 0 };    /* nothing, in either format */
    d->nothing_queued = true;
    d->queued = 0;
    d->queued_size = 0;
    d->queued_large = false;
    if (!d->slots) {
        d->slots = guest_alloc(&vm->alloc, MAX_SLOTS * SLOT_SIZE);
    }
    /* libqos has chained the descriptors of a split ring, which sets flags of a packed one's */
    memset(ram_at(d, vm->vq->desc), 0, qvring_size(vm->vq->size, vm->vq->align));
    driver_fill_tables(d);
}

/* Packed rings are only offered where the operator says so. */
static uint64_t random_features(void)
{
    return SIMPLE_FEATURES | (chance(70) ? F_INDIRECT : 0) | (chance(30) ? F_EVENT : 0) |
           (chance(70) ? F_PACKED : 0);
}

static void split_queue(Driver *d, unsigned slot)
{
    uint16_t *avail = ram_at(d, d->vm.vq->avail);

    avail[2 + d->avail_idx % d->vm.vq->size] =
        GUINT16_TO_LE(d->vm.vq->indirect ? slot : 2 * slot);
    d->avail_idx++;
    d->publish = (Publish) { d->vm.vq->avail + 2, d->avail_idx };
}

/* The next descriptor of a packed ring; that which makes it available is left out if @withhold. */
static void packed_put(Driver *d, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t id,
                       bool withhold)
{
    uint64_t at = d->vm.vq->desc + d->avail_idx * sizeof(struct vring_packed_desc);
    struct vring_packed_desc *desc = ram_at(d, at);
    uint16_t before = GUINT16_FROM_LE(desc->flags);

    flags |= d->avail_wrap ? PACKED_AVAIL : PACKED_USED;
    desc_fill(d, desc, gpa, len, withhold ? before : flags, id);
    if (withhold) {
        d->publish = (Publish) { at + offsetof(struct vring_packed_desc, flags), flags };
    }
    if (++d->avail_idx == d->vm.vq->size) {
        d->avail_idx = 0;
        d->avail_wrap = !d->avail_wrap;
    }
}

static void packed_queue(Driver *d, unsigned slot)
{
    uint64_t gpa = d->slots + slot * SLOT_SIZE;
    bool first = d->nothing_queued;

    d->queued_idx[d->queued] = d->avail_idx;
    d->queued_wrap[d->queued] = d->avail_wrap;
    if (d->vm.vq->indirect) {
        packed_put(d, gpa + SLOT_TABLE, 2 * sizeof(struct vring_packed_desc),
                   VRING_DESC_F_INDIRECT, slot, first);
    } else {
        packed_put(d, gpa, sizeof(struct virtio_mem_req), VRING_DESC_F_NEXT, slot, first);
        packed_put(d, gpa + SLOT_RESP, RESP_SIZE, VRING_DESC_F_WRITE, slot, false);
    }
}

/* Writes a request into the ring; driver_step() makes it available. */
static void driver_queue(Driver *d, const struct virtio_mem_req *req, Answer expected)
{
    unsigned slot = d->next_slot;
    uint16_t *resp = ram_at(d, d->slots + slot * SLOT_SIZE + SLOT_RESP);

    g_assert_cmpuint(d->queued, <, d->nb_slots);
    memcpy(ram_at(d, d->slots + slot * SLOT_SIZE), req, sizeof(*req));
    resp[0] = resp[4] = UNTOUCHED;
    if (d->packed) {
        packed_queue(d, slot);
    } else {
        split_queue(d, slot);
    }
    d->nothing_queued = false;
    d->expected[slot] = expected;
    d->sent[slot] = *req;
    d->queued_slot[d->queued++] = slot;
    if (req->type == VIRTIO_MEM_REQ_UNPLUG) {
        d->queued_size += req->u.unplug.nb_blocks * d->model.block_size;
    }
    d->queued_large |= req->type == VIRTIO_MEM_REQ_UNPLUG_ALL || d->queued_size > LOCKED_MAX;
    d->next_slot = (slot + 1) % d->nb_slots;
}

static uint16_t ram_word(Driver *d, uint64_t gpa)
{
    return GUINT16_FROM_LE(__atomic_load_n((uint16_t *)ram_at(d, gpa), __ATOMIC_ACQUIRE));
}

static const struct vring_packed_desc *packed_at(Driver *d, unsigned i)
{
    return ram_at(d, d->vm.vq->desc + d->queued_idx[i] * sizeof(struct vring_packed_desc));
}

/* Whether the device has used queued request @i; of a split ring, and all before it. */
static bool is_used(Driver *d, unsigned i)
{
    uint64_t at = d->vm.vq->desc + d->queued_idx[i] * sizeof(struct vring_packed_desc);
    uint16_t flags, both = PACKED_AVAIL | PACKED_USED;

    if (!d->packed) {
        return (uint16_t)(d->avail_idx - ram_word(d, d->vm.vq->used + 2)) < d->queued - i;
    }
    flags = ram_word(d, at + offsetof(struct vring_packed_desc, flags));
    return (flags & both) == (d->queued_wrap[i] ? both : 0);
}

static unsigned nb_used(Driver *d)
{
    unsigned nb = 0;

    while (nb < d->queued && is_used(d, nb)) {
        nb++;
    }
    return nb;
}

/* What the device says of queued request @i, used: which it was, and how much was written. */
static void used_read(Driver *d, unsigned i, uint32_t *id, uint32_t *len)
{
    const struct vring_used_elem *ring = ram_at(d, d->vm.vq->used + 4);
    const struct vring_used_elem *split =
        &ring[(uint16_t)(d->avail_idx - d->queued + i) % d->vm.vq->size];

    *id = d->packed ? GUINT16_FROM_LE(packed_at(d, i)->id) : GUINT32_FROM_LE(split->id);
    *len = d->packed ? GUINT32_FROM_LE(packed_at(d, i)->len) : GUINT32_FROM_LE(split->len);
}

/* Makes available what is queued and notifies, without a look at what comes of it. */
static void driver_kick(Driver *d)
{
    uint16_t *word = ram_at(d, d->publish.gpa);

    __atomic_store_n(word, GUINT16_TO_LE(d->publish.value), __ATOMIC_RELEASE);
    d->nothing_queued = true;
    d->vm.vdev->bus->virtqueue_kick(d->vm.vdev, d->vm.vq);
}

static void config_read(Driver *d, struct virtio_mem_config *config)
{
    const QVirtioPCIDevice *dev = d->vm.dev;

    qtest_memread(d->vm.qts, dev->bar.addr + dev->device_cfg_offset, config, sizeof(*config));
}

/* ---- comparing ---- */

static void compare(Driver *d, const char *field, uint64_t is, uint64_t expected)
{
    if (is != expected) {
        fail(d, "%s is 0x%" PRIx64 ", expected 0x%" PRIx64, field, is, expected);
    }
}

static void compare_config(Driver *d, const struct virtio_mem_config *is,
                           const struct virtio_mem_config *expected)
{
    if (!memcmp(is, expected, sizeof(*is))) {
        return;
    }
#define COMPARE_64(f) compare(d, #f, GUINT64_FROM_LE(is->f), GUINT64_FROM_LE(expected->f))
    COMPARE_64(block_size);
    COMPARE_64(addr);
    COMPARE_64(region_size);
    COMPARE_64(requested_size);
    COMPARE_64(usable_region_size);
    COMPARE_64(plugged_size);
#undef COMPARE_64
    compare(d, "node_id", GUINT16_FROM_LE(is->node_id), GUINT16_FROM_LE(expected->node_id));
    fail(d, "the configuration's padding is not 0");
}

static void compare_answer(Driver *d, unsigned slot)
{
    static const char *const names[] = { "PLUG", "UNPLUG", "UNPLUG ALL", "STATE" };
    const uint16_t *resp = ram_at(d, d->slots + slot * SLOT_SIZE + SLOT_RESP);
    const struct virtio_mem_req *req = &d->sent[slot];
    const Answer *e = &d->expected[slot];
    uint16_t type = GUINT16_FROM_LE(resp[0]), state = GUINT16_FROM_LE(resp[4]);
    bool has_state = req->type == VIRTIO_MEM_REQ_STATE && e->type == ACK &&
                     e->state != ANY_STATE;

    if (type != e->type || (has_state && state != e->state)) {
        fail(d, "%s of %u blocks at block %" PRId64 " + 0x%" PRIx64 " was answered with %u, "
             "state %u; expected %u, state %u", names[req->type], req->u.plug.nb_blocks,
             (int64_t)(req->u.plug.addr - d->model.addr) / (int64_t)d->model.block_size,
             (uint64_t)(req->u.plug.addr - d->model.addr) % d->model.block_size, type, state,
             e->type, e->state);
    }
}

/* The queued requests come back in the order in which they were made available. */
static void compare_answers(Driver *d)
{
    gint64 end = g_get_monotonic_time() + TIMEOUT_US;

    while (nb_used(d) != d->queued) {
        if (g_get_monotonic_time() > end) {
            fail(d, "%u requests, and only %u are used", d->queued, nb_used(d));
        }
        g_usleep(20);
    }
    for (unsigned i = 0; i < d->queued; i++) {
        unsigned slot = d->queued_slot[i];
        uint32_t id, len;

        used_read(d, i, &id, &len);
        if (id != (d->packed || d->vm.vq->indirect ? slot : 2 * slot) || len != RESP_SIZE) {
            fail(d, "used element %u is descriptor or ID %u with %u bytes, expected slot %u", i,
                 id, len, slot);
        }
        compare_answer(d, slot);
    }
    d->queued = 0;
    d->queued_size = 0;
    d->queued_large = false;
}

/*
 * Makes available what is queued, notifies, and compares the configuration. The answers are
 * compared when the ring is full, but first of all after a request that may be carried out beside
 * other work.
 */
static void driver_step(Driver *d)
{
    const Model *m = &d->model;
    const struct virtio_mem_config expected = {
        .block_size = GUINT64_TO_LE(m->block_size),
        .addr = GUINT64_TO_LE(m->addr),
        .region_size = GUINT64_TO_LE(m->region_size),
        .requested_size = GUINT64_TO_LE(m->requested_size),
        .usable_region_size = GUINT64_TO_LE(m->usable_region_size),
        .plugged_size = GUINT64_TO_LE(model_plugged_size(m)),
    };
    struct virtio_mem_config config;

    if (d->packed && d->nothing_queued) {
        /* not again what is used already: what the driver wants to be told of, which is all */
        d->publish = (Publish) { d->vm.vq->avail + 2, VRING_PACKED_EVENT_FLAG_ENABLE };
    }
    driver_kick(d);
    if (d->queued_large || d->queued == d->nb_slots) {
        compare_answers(d);
    }
    config_read(d, &config);
    compare_config(d, &config, &expected);
}

static unsigned driver_room(const Driver *d)
{
    return d->nb_slots - d->queued;
}

/* Before anything but requests is done. */
static void driver_settle(Driver *d)
{
    if (d->queued) {
        compare_answers(d);
    }
}

static struct virtio_mem_req on_blocks(const Model *m, uint16_t type, uint64_t first, uint64_t nb)
{
    return request_make(type, m->addr + first * m->block_size, nb);
}

/* How many STATE requests compare_all() will queue. */
static unsigned nb_runs(const Model *m)
{
    uint64_t end = m->usable_region_size / m->block_size;
    unsigned nb = end > 0;

    for (uint64_t i = 1; i < end; i++) {
        nb += m->plugged[i] != m->plugged[i - 1];
    }
    return nb;
}

/* The whole state: a STATE request over every run of the model's map, and the configuration. */
static void compare_all(Driver *d)
{
    const Model *m = &d->model;
    uint64_t end = m->usable_region_size / m->block_size;

    for (uint64_t first = 0, last; first < end; first = last) {
        struct virtio_mem_req req;

        for (last = first + 1; last < end && m->plugged[last] == m->plugged[first]; last++) {
        }
        if (!driver_room(d)) {
            driver_step(d);
        }
        req = on_blocks(m, VIRTIO_MEM_REQ_STATE, first, last - first);
        driver_queue(d, &req, (Answer) { ACK, m->plugged[first] ? VIRTIO_MEM_STATE_PLUGGED
                                                                : VIRTIO_MEM_STATE_UNPLUGGED });
    }
    driver_step(d);
}

/* What the device says of a block, where the model cannot know. */
static uint16_t ask_state(Driver *d, uint64_t block)
{
    struct virtio_mem_req req = on_blocks(&d->model, VIRTIO_MEM_REQ_STATE, block, 1);
    unsigned slot = d->next_slot;
    const uint16_t *resp = ram_at(d, d->slots + slot * SLOT_SIZE + SLOT_RESP);

    driver_queue(d, &req, (Answer) { ACK, ANY_STATE });
    driver_kick(d);
    compare_answers(d);
    return GUINT16_FROM_LE(resp[4]);
}

/* No request is answered while the device is still giving back what a system reset unplugged. */
static void wait_for_device(Driver *d)
{
    struct virtio_mem_req req = on_blocks(&d->model, VIRTIO_MEM_REQ_STATE, 0, 0);

    driver_queue(d, &req, (Answer) { ERR });
    driver_kick(d);
    compare_answers(d);
}

static void compare_qmp(Driver *d)
{
    compare(d, "query-memory-devices' size", queried_size(&d->vm), model_plugged_size(&d->model));
}

/* ---- requests ---- */

static uint16_t random_type(void)
{
    unsigned n = below(100), i;

    for (i = 0; n >= kinds[i].weight; i++) {
        n -= kinds[i].weight;
    }
    return kinds[i].type;
}

/* Misaligned, outside, none, wrapping, too many. */
static struct virtio_mem_req odd_request(const Model *m, uint16_t type)
{
    static const uint16_t counts[] = { 0, 0, 1, 64, 65535 };
    uint64_t block = m->addr + below(m->region_size / m->block_size) * m->block_size;
    const uint64_t addrs[] = {
        block, block + 1, block + 4096, block + m->block_size / 2, m->addr - m->block_size,
        m->addr + m->usable_region_size - m->block_size, m->addr + m->usable_region_size,
        m->addr + m->region_size - m->block_size, m->addr + m->region_size, 0, rng(),
        UINT64_MAX, UINT64_MAX - m->block_size + 1, m->addr - 65535 * m->block_size,
        (m->addr + ((uint64_t)1 << 63)) & -m->block_size,
    };

    return request_make(type, addrs[below(G_N_ELEMENTS(addrs))],
                        chance(50) ? counts[below(G_N_ELEMENTS(counts))] : 1 + below(8));
}

/* Mostly within a run that the request can succeed on. */
static struct virtio_mem_req random_request(const Model *m)
{
    uint16_t type = random_type();
    uint64_t blocks = m->usable_region_size / m->block_size, first, last;

    if (chance(ODD_RANGES) || !blocks) {
        return odd_request(m, type);
    }
    first = last = below(blocks);
    if (chance(85)) {
        bool wanted = type == VIRTIO_MEM_REQ_STATE ? chance(50) : type == VIRTIO_MEM_REQ_UNPLUG;

        for (unsigned i = 0; i < 8 && m->plugged[first] != wanted; i++) {
            first = below(blocks);
        }
        for (last = first; last < blocks && m->plugged[last] == wanted; last++) {
        }
    }
    last = MIN(MAX(last, first + 1), blocks);
    return on_blocks(m, type, first,
                     chance(40) ? last - first : 1 + below(MIN(last - first + chance(5), 16)));
}

static uint16_t queue_request(Driver *d, const struct virtio_mem_req *req)
{
    Answer answer = model_request(&d->model, req->type, req->u.plug.addr, req->u.plug.nb_blocks);

    driver_queue(d, req, answer);
    d->nb_answers[answer.type]++;
    return answer.type;
}

static void op_request(Driver *d)
{
    struct virtio_mem_req req = random_request(&d->model);

    /* one request changes the number of runs by two at most, or makes one of all */
    if (driver_room(d) < nb_runs(&d->model) + 3) {
        driver_settle(d);
    }
    queue_request(d, &req);
    compare_all(d);
    d->nb_checked++;
}

/* Several, some of which are likely to adjoin the one before, for the device to combine. */
static void op_batch(Driver *d)
{
    unsigned nb = 1 + below(d->nb_slots);
    struct virtio_mem_req req = { 0 };
    uint16_t answer = ERR;

    for (unsigned i = 0; i < nb; i++) {
        if (answer == ACK && chance(80)) {
            /* behind it, behind it with a gap, or before it */
            req.u.plug.addr += chance(80) ? (req.u.plug.nb_blocks + chance(15)) *
                                            d->model.block_size : -d->model.block_size;
            req.u.plug.nb_blocks = chance(90) ? 1 : 2;
        } else {
            req = random_request(&d->model);
        }
        answer = queue_request(d, &req);
    }
    driver_step(d);
    driver_settle(d);
    d->nb_batched += nb;
    compare_all(d);
}

/* 2.1.2: a request of unknown type stops the device until it is reset, and changes nothing. */
static void driver_restart(Driver *d);

static void op_unknown_type(Driver *d)
{
    struct virtio_mem_req req = request_make(4 + below(65532), d->model.addr, 1);

    driver_queue(d, &req, (Answer) { 0 });
    driver_kick(d);
    if (!(d->vm.vdev->bus->get_status(d->vm.vdev) & NEEDS_RESET)) {
        fail(d, "after a request of type %u, status is 0x%x, expected NEEDS_RESET", req.type,
             d->vm.vdev->bus->get_status(d->vm.vdev));
    }
    if (nb_used(d)) {
        fail(d, "a request of type %u was answered", req.type);
    }
    driver_restart(d);
    compare_all(d);
}

/* ---- resizes ---- */

static uint64_t random_size(const Model *m)
{
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return m->region_size;
    case 2:
        return model_plugged_size(m);
    default:
        return below(m->region_size / m->block_size + 1) * m->block_size;
    }
}

static bool set_size(Driver *d, const char *size)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"qom-set\", \"arguments\": {\"path\": \"vm0\", \"property\": "
        "\"requested-size\", \"value\": %s}}\n", size);
    QDict *answer;
    bool done;

    qtest_qmp_send_raw(d->vm.qts, "%s", command);
    answer = qtest_qmp_receive(d->vm.qts);
    done = qdict_haskey(answer, "return");
    qobject_unref(answer);
    return done;
}

static void resize(Driver *d, uint64_t size)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, size);

    if (!set_size(d, text)) {
        fail(d, "a requested size of %s was refused", text);
    }
}

static void op_resize(Driver *d)
{
    uint64_t size = random_size(&d->model);

    resize(d, size);
    model_resize(&d->model, size);
    compare_all(d);
}

static void op_resize_refused(Driver *d)
{
    const Model *m = &d->model;
    g_autofree char *text = g_strdup_printf(
        "%" PRIu64, chance(50) ? m->region_size + (1 + below(9)) * m->block_size
                               : random_size(m) + 1 + below(m->block_size - 1));

    if (set_size(d, text)) {
        fail(d, "a requested size of %s was taken", text);
    }
    compare_all(d);
}

/* ---- resets ---- */

static void driver_restart(Driver *d)
{
    Vm *vm = &d->vm;

    qvirtqueue_cleanup(vm->vdev->bus, vm->vq, &vm->alloc);
    vm->vq = NULL;
    qvirtio_start_device(vm->vdev);
    driver_start(d, random_features());
}

static void op_device_reset(Driver *d)
{
    driver_restart(d);
    compare_all(d);
}

static void system_reset(Driver *d)
{
    Vm *vm = &d->vm;

    vm_stop_driver(vm);
    qtest_system_reset(vm->qts);
    model_unplug_all(&d->model);
    compare_qmp(d);
    vm_probe(vm);
    driver_start(d, random_features());
    wait_for_device(d);
}

static void op_system_reset(Driver *d)
{
    system_reset(d);
    compare_all(d);
}

/* ---- while something large is being done ---- */

/* Plugs much, some of it in pieces; then UNPLUG ALL is made available, and not waited for. */
static void large_begin(Driver *d)
{
    Model *m = &d->model;
    uint64_t blocks = m->region_size / m->block_size;
    struct virtio_mem_req req = request_make(VIRTIO_MEM_REQ_UNPLUG_ALL, rng(), rng());

    resize(d, m->region_size);
    model_resize(m, m->region_size);
    for (uint64_t first = below(4), nb; first < blocks; first += nb + below(3)) {
        struct virtio_mem_req fill;

        nb = MIN(blocks - first, 1 + below(blocks / 8));
        fill = on_blocks(m, VIRTIO_MEM_REQ_PLUG, first, nb);
        if (!driver_room(d)) {
            driver_step(d);
        }
        queue_request(d, &fill);
    }
    driver_step(d);
    driver_settle(d);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t block = below(blocks);

        if (m->plugged[block]) {
            qtest_writeq(d->vm.qts, m->addr + block * m->block_size, block);
        }
    }
    driver_queue(d, &req, (Answer) { ACK });
    driver_kick(d);
}

/* Either came first: the two differ in what is usable afterwards. */
static void op_large_and_resize(Driver *d)
{
    struct virtio_mem_config config;
    uint64_t size = random_size(&d->model);
    Model other;

    large_begin(d);
    other = d->model;
    resize(d, size);
    compare_answers(d);
    model_unplug_all(&d->model);
    model_resize(&d->model, size);
    model_resize(&other, size);
    model_unplug_all(&other);
    config_read(d, &config);
    if (config.usable_region_size == GUINT64_TO_LE(other.usable_region_size)) {
        d->model = other;
    }
    compare_all(d);
}

/*
 * What the reset overtook may have been done in part: blocks may have gone, none may have come, and
 * the usable region is what it was, or what UNPLUG ALL makes of it with all blocks gone.
 */
static void op_large_and_device_reset(Driver *d)
{
    struct virtio_mem_config config;
    Model *m = &d->model;
    uint64_t blocks = m->region_size / m->block_size;

    large_begin(d);
    driver_restart(d);
    config_read(d, &config);
    if (config.usable_region_size != GUINT64_TO_LE(m->usable_region_size)) {
        model_unplug_all(m);
        compare_all(d);
        return;
    }
    for (uint64_t i = 0; i < blocks; i++) {
        if (m->plugged[i]) {
            m->plugged[i] = ask_state(d, i) == VIRTIO_MEM_STATE_PLUGGED;
        }
    }
    compare_all(d);
}

static void op_large_and_system_reset(Driver *d)
{
    large_begin(d);
    system_reset(d);
    compare_all(d);
}

/* ---- the storm ---- */

static void (*const op_functions[NB_OPS])(Driver *d) = {
    op_request, op_batch, op_resize, op_resize_refused, op_unknown_type, op_device_reset,
    op_system_reset, op_large_and_resize, op_large_and_device_reset, op_large_and_system_reset,
};

static void random_op(Driver *d)
{
    unsigned n = below(10000), op;

    for (op = 0; n >= ops[op].weight; op++) {
        n -= ops[op].weight;
    }
    if (op != OP_REQUEST) {
        driver_settle(d);
    }
    d->doing = ops[op].name;
    d->nb_ops[op]++;
    op_functions[op](d);
}

/* An emulator of its own with a backend and sizes; RAM is a file that both sides have mapped. */
static void storm_start(Driver *d, const char *machine, const char *backend, const char *props,
                        uint64_t region_size, uint64_t block_size)
{
    g_autofree char *path = g_strdup("/dev/shm/virtio-mem-model.XXXXXX");
    int fd = g_mkstemp(path);
    Vm *vm = &d->vm;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, RAM_SIZE), ==, 0);
    d->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(d->ram != MAP_FAILED);
    close(fd);
    memset(vm, 0, sizeof(*vm));
    vm->qts = qtest_initf(
        "-nodefaults -machine %s,memory-backend=ram0 -m 128M,maxmem=8G "
        "-object memory-backend-file,id=ram0,size=128M,mem-path=%s,share=on "
        "-object %s,id=mem0,size=%" PRIu64 " -device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d,"
        "block-size=%" PRIu64 "%s", machine, path, backend, region_size, SLOT, block_size, props);
    unlink(path);
    pc_alloc_init(&vm->alloc, vm->qts, ALLOC_NO_FLAGS);
    vm->bus = qpci_new_pc(vm->qts, &vm->alloc);
    vm_probe(vm);
    d->slots = 0;
    driver_start(d, random_features());
    d->model = (Model) {
        .addr = vm->addr, .block_size = block_size, .region_size = region_size,
    };
}

static void storm_end(Driver *d)
{
    driver_settle(d);
    compare_qmp(d);
    vm_end(&d->vm);
    munmap(d->ram, RAM_SIZE);
}

#define INACCESSIBLE(value) ",unplugged-inaccessible=" value

/* Small and large maps, regions that are usable as a whole or in part, each kind of backend. */
static const struct {
    const char *name;
    const char *machine;
    const char *backend;
    const char *props;
    uint64_t region_size;
    uint64_t block_size;
} storms[] = {
    { "q35-ram-128M", "q35", "memory-backend-ram", INACCESSIBLE("off"), 128 * MiB, 2 * MiB },
    { "pc-ram-1G", "pc", "memory-backend-ram", INACCESSIBLE("auto"), 1 * GiB, 16 * MiB },
    { "q35-memfd-64M", "q35", "memory-backend-memfd", INACCESSIBLE("on"), 64 * MiB, 2 * MiB },
    { "q35-ram-shared-2G", "q35", "memory-backend-ram,share=on", INACCESSIBLE("on"), 2 * GiB,
      64 * MiB },
    { "pc-file-private-1G", "pc", "memory-backend-file,mem-path=/dev/shm", INACCESSIBLE("auto"),
      1 * GiB, 32 * MiB },
    { "q35-ram-1G", "q35", "memory-backend-ram", INACCESSIBLE("on"), 1 * GiB, 4 * MiB },
    { "q35-packed-128M", "q35", "memory-backend-ram", INACCESSIBLE("on") ",packed=on", 128 * MiB,
      2 * MiB },
    { "pc-packed-memfd-1G", "pc", "memory-backend-memfd", INACCESSIBLE("on") ",packed=on", 1 * GiB,
      32 * MiB },
    { "q35-dynamic-4G", "q35", "memory-backend-ram", INACCESSIBLE("on") ",dynamic-memslots=on",
      4 * GiB, 128 * MiB },
};

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *text = g_getenv(name);

    return text && *text ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

static void print_weights(uint64_t seed)
{
    g_test_message("QTEST_MODEL_SEED=%" PRIu64, seed);
    for (unsigned i = 0; i < NB_OPS; i++) {
        g_test_message("of 10000: %u %s", ops[i].weight, ops[i].name);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_test_message("of 100 requests: %u %s", kinds[i].weight, kinds[i].name);
    }
    g_test_message("of 100 requests: %u on ranges that no driver should name", ODD_RANGES);
}

static uint64_t seed;

static void test_storm(const void *data)
{
    size_t n = GPOINTER_TO_UINT(data);
    uint64_t wanted = environment_number("QTEST_MODEL_REQUESTS", DEFAULT_REQUESTS) /
                      G_N_ELEMENTS(storms) + 1;
    g_autofree Driver *d = g_new0(Driver, 1);
    gint64 start = g_get_monotonic_time();

    if (strstr(storms[n].props, "dynamic-memslots") &&
        skip_without(HAS_MEMSLOTS, "dynamic-memslots is newer than 7.2")) {
        return;
    }
    /* each storm alone is as it is among the others */
    rng_state = seed + n;
    d->seed = seed;
    storm_start(d, storms[n].machine, storms[n].backend, storms[n].props,
                storms[n].region_size, storms[n].block_size);
    compare_all(d);
    while (d->nb_checked < wanted) {
        random_op(d);
    }
    storm_end(d);
    g_test_message("%" PRIu64 " requests compared one by one, %" PRIu64 " in batches, in %.1f s",
                   d->nb_checked, d->nb_batched, (g_get_monotonic_time() - start) / 1e6);
    g_test_message("answers: %" PRIu64 " ACK, %" PRIu64 " NACK, %" PRIu64 " ERROR",
                   d->nb_answers[ACK], d->nb_answers[NACK], d->nb_answers[ERR]);
    for (unsigned i = 0; i < NB_OPS; i++) {
        g_test_message("%s: %" PRIu64, ops[i].name, d->nb_ops[i]);
    }
}

int main(int argc, char **argv)
{
    unsigned sum = 0;

    g_test_init(&argc, &argv, NULL);
    emulator_identify();
    seed = environment_number("QTEST_MODEL_SEED", (uint64_t)g_get_real_time());
    for (unsigned i = 0; i < NB_OPS; i++) {
        sum += ops[i].weight;
    }
    g_assert_cmpuint(sum, ==, 10000);
    print_weights(seed);
    for (size_t i = 0; i < G_N_ELEMENTS(storms); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem-model/%s", storms[i].name);

        qtest_add_data_func(path, GUINT_TO_POINTER(i), test_storm);
    }
    return g_test_run();
}
