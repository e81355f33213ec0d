/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory regions: rendering (random trees against a painter that resolves each byte by itself),
 * listeners (a map kept by differences alone must equal the view), register dispatch, event
 * descriptors, sparse RAM, and readers that run while the tree changes.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qapi/error.h"
#include "system/memory.h"
#include "system/ramblock.h"

#define SPACE 256
#define NB_REGIONS 16

/* ---- views ---------------------------------------------------------------------------------- */

typedef struct Cell {
    const MemoryRegion *mr;
    hwaddr offset;
    bool readonly;
} Cell;

static const MemoryRegionOps null_ops;

/* What shows at @offset of @mr, looked up top down, without any view. */
static Cell paint(MemoryRegion *mr, uint64_t offset, bool readonly)
{
    MemoryRegion *sub;

    if (!mr->enabled || offset >= mr->size) {
        return (Cell) { };
    }
    readonly |= mr->readonly;
    if (mr->alias) {
        return paint(mr->alias, offset + mr->alias_offset, readonly);
    }
    QTAILQ_FOREACH(sub, &mr->subregions, subregions_link) {
        Cell cell = offset >= sub->addr ? paint(sub, offset - sub->addr, readonly) : (Cell) { };

        if (cell.mr) {
            return cell;
        }
    }
    return mr->terminates ? (Cell) { mr, offset, readonly } : (Cell) { };
}

typedef struct Shadow {
    MemoryListener listener;
    Cell cells[SPACE];
    int open;              /* transactions begun and not committed */
    int nb_del_after_add;
    bool added;
} Shadow;

static void shadow_begin(MemoryListener *l)
{
    Shadow *s = container_of(l, Shadow, listener);

    s->open++;
    s->added = false;
}

static void shadow_commit(MemoryListener *l)
{
    container_of(l, Shadow, listener)->open--;
}

static void shadow_set(Shadow *s, MemoryRegionSection *sec, bool expect_there, bool set)
{
    g_assert_cmpint(s->open, ==, 1);
    for (uint64_t i = 0; i < int128_get64(sec->size); i++) {
        Cell *cell = &s->cells[sec->offset_within_address_space + i];

        if (expect_there) {
            g_assert_true(cell->mr == sec->mr);
            g_assert_cmphex(cell->offset, ==, sec->offset_within_region + i);
            g_assert_true(cell->readonly == sec->readonly);
        } else {
            g_assert_null(cell->mr);
        }
        *cell = set ? (Cell) { sec->mr, sec->offset_within_region + i, sec->readonly }
                    : (Cell) { };
    }
}

static void shadow_add(MemoryListener *l, MemoryRegionSection *sec)
{
    container_of(l, Shadow, listener)->added = true;
    shadow_set(container_of(l, Shadow, listener), sec, false, true);
}

static void shadow_del(MemoryListener *l, MemoryRegionSection *sec)
{
    Shadow *s = container_of(l, Shadow, listener);

    s->nb_del_after_add += s->added;
    shadow_set(s, sec, true, false);
}

static void shadow_nop(MemoryListener *l, MemoryRegionSection *sec)
{
    shadow_set(container_of(l, Shadow, listener), sec, true, true);
}

static void shadow_init(Shadow *s, AddressSpace *as, unsigned priority)
{
    *s = (Shadow) {
        .listener = {
            .begin = shadow_begin, .commit = shadow_commit, .region_add = shadow_add,
            .region_del = shadow_del, .region_nop = shadow_nop, .priority = priority,
        },
    };
    memory_listener_register(&s->listener, as);
}

static bool collect(Int128 start, Int128 len, const MemoryRegion *mr, hwaddr offset, void *opaque)
{
    Cell *cells = opaque;

    for (uint64_t i = 0; i < int128_get64(len); i++) {
        Cell *cell = &cells[int128_get64(start) + i];

        g_assert_null(cell->mr);
        *cell = (Cell) { mr, offset + i, false };
    }
    return false;
}

static void check_views(AddressSpace *as, const Shadow *shadow)
{
    Cell cells[SPACE] = { };
    FlatView *view = address_space_get_flatview(as);

    flatview_for_each_range(view, collect, cells);
    for (int i = 0; i < SPACE; i++) {
        Cell want = paint(as->root, i, false);
        MemoryRegionSection sec = memory_region_find(as->root, i, 1);

        g_assert_true(cells[i].mr == want.mr);
        g_assert_true(shadow->cells[i].mr == want.mr);
        g_assert_true(sec.mr == want.mr);
        if (want.mr) {
            g_assert_cmphex(cells[i].offset, ==, want.offset);
            g_assert_cmphex(shadow->cells[i].offset, ==, want.offset);
            g_assert_true(shadow->cells[i].readonly == want.readonly);
            g_assert_cmphex(sec.offset_within_region, ==, want.offset);
            memory_region_unref(sec.mr);
        }
    }
    flatview_unref(view);
}

static void random_region(MemoryRegion *mrs, int i)
{
    uint64_t size = g_test_rand_int_range(1, 128);

    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        memory_region_init(&mrs[i], NULL, NULL, size);
        break;
    case 1:
        if (i > 0) {
            memory_region_init_alias(&mrs[i], NULL, NULL, &mrs[g_test_rand_int_range(0, i)],
                                     g_test_rand_int_range(0, 64), size);
            break;
        }
        /* fall through */
    default:
        memory_region_init_io(&mrs[i], NULL, &null_ops, NULL, NULL, size);
    }
}

/* A region may stand in one with a higher number only, so there are no circles. */
static void random_change(MemoryRegion *mrs)
{
    int i = g_test_rand_int_range(0, NB_REGIONS - 1);
    MemoryRegion *mr = &mrs[i];
    MemoryRegion *into = &mrs[g_test_rand_int_range(i + 1, NB_REGIONS)];

    switch (g_test_rand_int_range(0, 8)) {
    case 0:
        memory_region_set_enabled(mr, !mr->enabled);
        break;
    case 1:
        memory_region_set_size(mr, g_test_rand_int_range(0, 128));
        break;
    case 2:
        if (mr->container) {
            memory_region_set_address(mr, g_test_rand_int_range(0, 192));
        }
        break;
    case 3:
        if (mr->alias) {
            memory_region_set_alias_offset(mr, g_test_rand_int_range(0, 64));
        }
        break;
    case 4:
        memory_region_set_readonly(mr, !mr->readonly);
        break;
    default:
        if (mr->container) {
            memory_region_del_subregion(mr->container, mr);
        } else if (!into->alias) {
            memory_region_add_subregion_overlap(into, g_test_rand_int_range(0, 192), mr,
                                                g_test_rand_int_range(-2, 3));
        }
    }
}

static void test_random_trees(void)
{
    for (int round = 0; round < 60; round++) {
        MemoryRegion mrs[NB_REGIONS];
        AddressSpace as;
        Shadow first, second;

        for (int i = 0; i < NB_REGIONS - 1; i++) {
            random_region(mrs, i);
        }
        memory_region_init(&mrs[NB_REGIONS - 1], NULL, NULL, SPACE);
        address_space_init(&as, &mrs[NB_REGIONS - 1], "test");
        shadow_init(&first, &as, 1);
        for (int step = 0; step < 60; step++) {
            int nb = g_test_rand_int_range(1, 4);

            memory_region_transaction_begin();
            while (nb--) {
                random_change(mrs);
            }
            memory_region_transaction_commit();
            check_views(&as, &first);
        }
        g_assert_cmpint(first.nb_del_after_add, ==, 0);
        shadow_init(&second, &as, 0);
        check_views(&as, &second);
        memory_listener_unregister(&second.listener);
        memory_listener_unregister(&first.listener);
        for (int i = 0; i < SPACE; i++) {
            g_assert_null(first.cells[i].mr);
            g_assert_null(second.cells[i].mr);
        }
        for (int i = 0; i < NB_REGIONS; i++) {
            if (mrs[i].container) {
                memory_region_del_subregion(mrs[i].container, &mrs[i]);
            }
        }
        address_space_destroy(&as);
        for (int i = 0; i < NB_REGIONS; i++) {
            object_unref(&mrs[i]);
        }
    }
}

static bool count_range(Int128 start, Int128 len, const MemoryRegion *mr, hwaddr offset,
                        void *opaque)
{
    ++*(int *)opaque;
    return false;
}

static int nb_ranges(AddressSpace *as)
{
    FlatView *view = address_space_get_flatview(as);
    int nb = 0;

    flatview_for_each_range(view, count_range, &nb);
    flatview_unref(view);
    return nb;
}

static void test_merge_and_mapped(void)
{
    MemoryRegion root, io, low, high;
    AddressSpace as;

    memory_region_init(&root, NULL, NULL, UINT64_MAX);
    memory_region_init_io(&io, NULL, &null_ops, NULL, NULL, 0x2000);
    memory_region_init_alias(&low, NULL, NULL, &io, 0, 0x1000);
    memory_region_init_alias(&high, NULL, NULL, &io, 0x1000, 0x1000);
    address_space_init(&as, &root, "test");
    g_assert_false(memory_region_is_mapped(&io));
    memory_region_add_subregion(&root, 0x10000, &low);
    memory_region_add_subregion(&root, 0x11000, &high);
    g_assert_true(memory_region_is_mapped(&io));
    g_assert_cmpint(nb_ranges(&as), ==, 1);
    memory_region_set_unmergeable(&high, true);
    g_assert_cmpint(nb_ranges(&as), ==, 2);
    memory_region_set_unmergeable(&high, false);
    /* A hole in between keeps them apart, the last byte of 2^64 is reachable. */
    memory_region_set_address(&high, UINT64_MAX - 0xfff);
    g_assert_cmpint(nb_ranges(&as), ==, 2);
    g_assert_true(memory_region_present(&root, UINT64_MAX));
    memory_region_del_subregion(&root, &low);
    memory_region_del_subregion(&root, &high);
    g_assert_false(memory_region_is_mapped(&io));
    address_space_destroy(&as);
    object_unref(&low);
    object_unref(&high);
    object_unref(&io);
    object_unref(&root);
}

static void test_section(void)
{
    MemoryRegionSection s = { .size = 0x1000, .offset_within_region = 0x2000,
                              .offset_within_address_space = 0x80000 };

    g_assert_false(memory_region_section_intersect_range(&s, 0, 0x2000));
    g_assert_false(memory_region_section_intersect_range(&s, 0x3000, 0x1000));
    g_assert_cmphex(s.offset_within_region, ==, 0x2000);
    g_assert_true(memory_region_section_intersect_range(&s, 0x2800, UINT64_MAX));
    g_assert_cmphex(s.offset_within_region, ==, 0x2800);
    g_assert_cmphex(s.offset_within_address_space, ==, 0x80800);
    g_assert_cmphex(int128_get64(s.size), ==, 0x800);
}

/* ---- registers ------------------------------------------------------------------------------ */

typedef struct Regs {
    uint8_t bytes[64];
    char log[256];
} Regs;

static uint64_t regs_read(void *opaque, hwaddr addr, unsigned size)
{
    Regs *r = opaque;
    size_t used = strlen(r->log);

    g_snprintf(r->log + used, sizeof(r->log) - used, "r%u@%u ", size, (unsigned)addr);
    return ldn_le_p(r->bytes + addr, size);
}

static void regs_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    Regs *r = opaque;
    size_t used = strlen(r->log);

    g_snprintf(r->log + used, sizeof(r->log) - used, "w%u@%u=%" PRIx64 " ", size,
               (unsigned)addr, data);
    stn_le_p(r->bytes + addr, size, data);
}

typedef struct Machine {
    MemoryRegion root, io;
    AddressSpace as;
    Regs regs;
} Machine;

static void machine_init(Machine *m, const MemoryRegionOps *ops)
{
    memset(m, 0, sizeof(*m));
    for (int i = 0; i < 64; i++) {
        m->regs.bytes[i] = i;
    }
    memory_region_init(&m->root, NULL, NULL, 0x1000);
    memory_region_init_io(&m->io, NULL, ops, &m->regs, NULL, 64);
    memory_region_add_subregion(&m->root, 0x100, &m->io);
    address_space_init(&m->as, &m->root, "test");
}

static void machine_done(Machine *m)
{
    memory_region_del_subregion(&m->root, &m->io);
    address_space_destroy(&m->as);
    object_unref(&m->io);
    object_unref(&m->root);
}

#define ATTRS MEMTXATTRS_UNSPECIFIED

static void test_registers_split(void)
{
    static const MemoryRegionOps ops = {
        .read = regs_read, .write = regs_write, .endianness = DEVICE_LITTLE_ENDIAN,
        .valid = { .min_access_size = 1, .max_access_size = 8 },
        .impl = { .min_access_size = 2, .max_access_size = 4 },
    };
    MemTxResult result;
    uint8_t buf[7];
    Machine m;

    machine_init(&m, &ops);
    g_assert_cmphex(address_space_ldq_le(&m.as, 0x108, ATTRS, &result), ==,
                    UINT64_C(0x0f0e0d0c0b0a0908));
    g_assert_cmpint(result, ==, MEMTX_OK);
    g_assert_cmpstr(m.regs.log, ==, "r4@8 r4@12 ");
    m.regs.log[0] = 0;
    g_assert_cmphex(address_space_ldub(&m.as, 0x106, ATTRS, NULL), ==, 6);
    g_assert_cmpstr(m.regs.log, ==, "r2@6 ");
    m.regs.log[0] = 0;
    address_space_stq_le(&m.as, 0x110, UINT64_C(0x1122334455667788), ATTRS, &result);
    g_assert_cmpstr(m.regs.log, ==, "w4@16=55667788 w4@20=11223344 ");
    /* From an odd address on, the greatest aligned pieces. */
    m.regs.log[0] = 0;
    g_assert_cmpint(address_space_read(&m.as, 0x101, ATTRS, buf, 7), ==, MEMTX_OK);
    g_assert_cmpstr(m.regs.log, ==, "r2@1 r2@2 r4@4 ");
    for (int i = 0; i < 7; i++) {
        g_assert_cmpint(buf[i], ==, i + 1);
    }
    /* Past the end: zeroes, and an error. */
    g_assert_cmphex(address_space_ldl_le(&m.as, 0x13e, ATTRS, &result), ==, 0x3f3e);
    g_assert_cmpint(result, ==, MEMTX_DECODE_ERROR);
    machine_done(&m);
}

static void test_registers_big_endian(void)
{
    static const MemoryRegionOps ops = {
        .read = regs_read, .write = regs_write, .endianness = DEVICE_BIG_ENDIAN,
        .valid = { .min_access_size = 4, .max_access_size = 4 },
        .impl = { .min_access_size = 4, .max_access_size = 4 },
    };
    MemTxResult result;
    Machine m;

    machine_init(&m, &ops);
    g_assert_cmphex(address_space_ldl_le(&m.as, 0x104, ATTRS, &result), ==, 0x04050607);
    g_assert_cmphex(address_space_ldl_be(&m.as, 0x104, ATTRS, &result), ==, 0x07060504);
    /* Sizes that the device does not take are refused and never reach it. */
    m.regs.log[0] = 0;
    g_assert_cmphex(address_space_lduw_le(&m.as, 0x104, ATTRS, &result), ==, 0);
    g_assert_cmpint(result, ==, MEMTX_DECODE_ERROR);
    g_assert_cmpstr(m.regs.log, ==, "");
    machine_done(&m);
}

typedef struct EventLog {
    MemoryListener listener;
    int nb;
    hwaddr last;
} EventLog;

static void event_added(MemoryListener *l, MemoryRegionSection *s, bool match, uint64_t data,
                        EventNotifier *e)
{
    container_of(l, EventLog, listener)->nb++;
    container_of(l, EventLog, listener)->last = s->offset_within_address_space;
}

static void event_deleted(MemoryListener *l, MemoryRegionSection *s, bool match, uint64_t data,
                          EventNotifier *e)
{
    container_of(l, EventLog, listener)->nb--;
}

static void test_eventfd(void)
{
    static const MemoryRegionOps ops = { .read = regs_read, .write = regs_write };
    EventLog log = { .listener = { .eventfd_add = event_added, .eventfd_del = event_deleted } };
    EventNotifier e;
    Machine m;

    g_assert_cmpint(event_notifier_init(&e, 0), ==, 0);
    machine_init(&m, &ops);
    memory_listener_register(&log.listener, &m.as);
    memory_region_add_eventfd(&m.io, 8, 2, true, 5, &e);
    g_assert_cmpint(log.nb, ==, 1);
    g_assert_cmphex(log.last, ==, 0x108);
    address_space_stw_le(&m.as, 0x108, 5, ATTRS, NULL);
    g_assert_cmpint(event_notifier_test_and_clear(&e), ==, 1);
    g_assert_cmpstr(m.regs.log, ==, "");
    address_space_stw_le(&m.as, 0x108, 6, ATTRS, NULL);
    address_space_stl_le(&m.as, 0x108, 5, ATTRS, NULL);
    g_assert_cmpint(event_notifier_test_and_clear(&e), ==, 0);
    g_assert_cmpstr(m.regs.log, ==, "w2@8=6 w4@8=5 ");
    memory_region_set_enabled(&m.io, false);
    g_assert_cmpint(log.nb, ==, 0);
    memory_region_set_enabled(&m.io, true);
    g_assert_cmpint(log.nb, ==, 1);
    memory_region_del_eventfd(&m.io, 8, 2, true, 5, &e);
    g_assert_cmpint(log.nb, ==, 0);
    memory_listener_unregister(&log.listener);
    machine_done(&m);
    event_notifier_cleanup(&e);
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void test_map_bounce_and_rom(void)
{
    static const MemoryRegionOps ops = { .read = regs_read, .write = regs_write };
    MemoryRegion rom;
    uint32_t word = 0x12345678;
    hwaddr len = 16, other = 16;
    uint8_t *host;
    Machine m;

    machine_init(&m, &ops);
    host = address_space_map(&m.as, 0x104, &len, false, ATTRS);
    g_assert_cmpint(len, ==, 16);
    g_assert_cmpint(host[0], ==, 4);
    g_assert_null(address_space_map(&m.as, 0x104, &other, false, ATTRS));
    address_space_unmap(&m.as, host, len, false, 0);
    host = address_space_map(&m.as, 0x104, &len, true, ATTRS);
    memset(host, 0xaa, 16);
    address_space_unmap(&m.as, host, len, true, 4);
    g_assert_cmpint(m.regs.bytes[7], ==, 0xaa);
    g_assert_cmpint(m.regs.bytes[8], ==, 8);

    memory_region_init_rom(&rom, NULL, NULL, 4096, &error_abort);
    memory_region_add_subregion_overlap(&m.root, 0, &rom, -1);
    g_assert_cmpint(address_space_write(&m.as, 0x10, ATTRS, &word, 4), ==, MEMTX_DECODE_ERROR);
    g_assert_cmphex(ldl_le_phys(&m.as, 0x10), ==, 0);
    g_assert_cmpint(address_space_write_rom(&m.as, 0x10, ATTRS, &word, 4), ==, MEMTX_OK);
    g_assert_cmphex(ldl_le_phys(&m.as, 0x10), ==, 0x12345678);
    memory_region_del_subregion(&m.root, &rom);
    object_unref(&rom);
    machine_done(&m);
}

/* ---- what a device does by itself ------------------------------------------------------------ */

/* Copies of its lines on stderr would only confuse who reads a test's: a full bucket. */
static void silence(AddressSpace *as)
{
    as->refusals.window_us = g_get_monotonic_time();
    as->refusals.nb_passed = LOG_LIMIT_BURST;
}

static void test_of_device(void)
{
    static const MemoryRegionOps ops = { .read = regs_read, .write = regs_write };
    uint32_t word = 0x12345678;
    MemTxResult result;
    MemoryRegion ram;
    AddressSpace dma;
    hwaddr len = 16;
    Machine m;

    machine_init(&m, &ops);
    memory_region_init_ram(&ram, NULL, NULL, 4096, &error_abort);
    memory_region_add_subregion_overlap(&m.root, 0, &ram, -1);
    address_space_init(&dma, &m.root, "device");
    address_space_set_of_device(&dma);
    silence(&dma);
    /* refused, and each one counted; the memory around is reached */
    g_assert_cmpint(address_space_write(&dma, 0x104, ATTRS, &word, 4), ==, MEMTX_ACCESS_ERROR);
    g_assert_cmphex(address_space_ldl_le(&dma, 0x104, ATTRS, &result), ==, 0);
    g_assert_cmpint(result, ==, MEMTX_ACCESS_ERROR);
    g_assert_null(address_space_map(&dma, 0x104, &len, false, ATTRS));
    g_assert_cmpint(address_space_set(&dma, 0xfe, 0x77, 0x44, ATTRS), ==, MEMTX_ACCESS_ERROR);
    g_assert_cmphex(ldl_le_phys(&dma, 0xfc), ==, 0x77770000);
    g_assert_cmphex(ldl_le_phys(&dma, 0x140), ==, 0x00007777);
    g_assert_cmpstr(m.regs.log, ==, "");
    g_assert_cmpint(dma.refusals.nb_held, ==, 4);
    g_assert_false(address_space_access_valid(&dma, 0x104, 4, true, ATTRS));
    g_assert_true(address_space_access_valid(&dma, 0x144, 4, true, ATTRS));
    /* a CPU's access goes on as ever */
    g_assert_true(address_space_access_valid(&m.as, 0x104, 4, true, ATTRS));
    g_assert_cmpint(address_space_write(&m.as, 0x104, ATTRS, &word, 4), ==, MEMTX_OK);
    g_assert_cmpstr(m.regs.log, ==, "w4@4=12345678 ");
    /* and an interrupt controller hears the device */
    memory_region_set_takes_messages(&m.io);
    g_assert_true(address_space_access_valid(&dma, 0x104, 4, true, ATTRS));
    g_assert_cmpint(address_space_write(&dma, 0x108, ATTRS, &word, 4), ==, MEMTX_OK);
    g_assert_cmpstr(m.regs.log, ==, "w4@4=12345678 w4@8=12345678 ");
    g_assert_cmpint(dma.refusals.nb_held, ==, 4);
    memory_region_del_subregion(&m.root, &ram);
    address_space_destroy(&dma);
    object_unref(&ram);
    machine_done(&m);
}

typedef struct Nested {
    AddressSpace *as;
    int depth;
    MemTxResult first, second;
} Nested;

/* A device that passes on, to its own register and then to one beside it, what it is told. */
static void nested_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    Nested *n = opaque;
    uint32_t word = data;

    g_assert_cmpint(n->depth, ==, 0);
    n->depth++;
    n->first = address_space_write(n->as, 0x200, ATTRS, &word, 4);
    n->second = address_space_write(n->as, 0x100, ATTRS, &word, 4);
    n->depth--;
}

static void test_nested(void)
{
    static const MemoryRegionOps ops = { .read = regs_read, .write = regs_write };
    static const MemoryRegionOps nested_ops = { .read = regs_read, .write = nested_write };
    Nested n = { 0 };
    MemoryRegion mr;
    Machine m;

    machine_init(&m, &ops);
    n.as = &m.as;
    memory_region_init_io(&mr, NULL, &nested_ops, &n, NULL, 4);
    memory_region_add_subregion(&m.root, 0x200, &mr);
    silence(&m.as);
    address_space_stl_le(&m.as, 0x200, 5, ATTRS, NULL);
    g_assert_cmpint(n.first, ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpint(n.second, ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpstr(m.regs.log, ==, "");
    memory_region_set_takes_messages(&m.io);
    address_space_stl_le(&m.as, 0x200, 5, ATTRS, NULL);
    g_assert_cmpint(n.first, ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpint(n.second, ==, MEMTX_OK);
    g_assert_cmpstr(m.regs.log, ==, "w4@0=5 ");
    g_assert_cmpint(m.as.refusals.nb_held, ==, 3);
    memory_region_del_subregion(&m.root, &mr);
    object_unref(&mr);
    machine_done(&m);
}

/* ---- readers without the lock --------------------------------------------------------------- */

typedef struct Race {
    AddressSpace as;
    int stop;
    uint64_t nb_reads;
    int nb_wrong;
} Race;

static void *race_reader(void *opaque)
{
    Race *race = opaque;

    while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
        uint8_t buf[64];

        /* Both RAMs are uniform, and one of them is always there. */
        if (address_space_read(&race->as, 0xfe0, ATTRS, buf, sizeof(buf)) != MEMTX_OK ||
            (buf[0] != 0xa5 && buf[0] != 0x5a) || memcmp(buf, buf + 1, sizeof(buf) - 1)) {
            race->nb_wrong++;
        }
        __atomic_fetch_add(&race->nb_reads, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void test_concurrent_readers(void)
{
    MemoryRegion root, below, above, split;
    Object *owner = object_new("container");
    Race race = { };
    QemuThread threads[2];

    memory_region_init(&root, NULL, NULL, UINT64_MAX);
    memory_region_init_ram(&below, owner, "below", 0x2000, &error_abort);
    memory_region_init_ram(&above, owner, "above", 0x2000, &error_abort);
    memory_region_init_alias(&split, owner, "split", &above, 0, 0x1000);
    memset(memory_region_get_ram_ptr(&below), 0xa5, 0x2000);
    memset(memory_region_get_ram_ptr(&above), 0x5a, 0x2000);
    memory_region_add_subregion(&root, 0, &below);
    memory_region_add_subregion_overlap(&root, 0, &above, 1);
    memory_region_add_subregion_overlap(&root, 0x800000, &split, 1);
    address_space_init(&race.as, &root, "race");
    for (int i = 0; i < 2; i++) {
        qemu_thread_create(&threads[i], "reader", race_reader, &race, QEMU_THREAD_JOINABLE);
    }
    for (int i = 0; i < 3000 || __atomic_load_n(&race.nb_reads, __ATOMIC_RELAXED) < 20000; i++) {
        memory_region_set_enabled(&above, i & 1);
        memory_region_set_enabled(&split, i & 2);
    }
    __atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
    bql_unlock();
    for (int i = 0; i < 2; i++) {
        qemu_thread_join(&threads[i]);
    }
    bql_lock();
    /* Views whose last reader was a thread wait for the main loop. */
    while (g_main_context_pending(NULL)) {
        main_loop_wait(1);
    }
    main_loop_wait(1);
    g_assert_cmpint(race.nb_wrong, ==, 0);
    memory_region_del_subregion(&root, &below);
    memory_region_del_subregion(&root, &above);
    memory_region_del_subregion(&root, &split);
    address_space_destroy(&race.as);
    g_assert_cmpint(owner->ref, ==, 1);
    object_unref(owner);
    object_unref(&root);
}

/* ---- as text -------------------------------------------------------------------------------- */

/* All that a line can say, and the order of lines: address, falling priority, newest first. */
static void test_mtree(void)
{
    MemoryRegion root, ram, slot, low, high, off, inside, empty;
    Object *owner = object_new("container");
    AddressSpace one, two;
    g_autofree char *text = NULL, *all = NULL, *flat = NULL, *owners = NULL;

    memory_region_init(&root, NULL, NULL, UINT64_MAX);
    memory_region_init_ram(&ram, owner, "mem0", 0x4000, &error_abort);
    memory_region_init_alias(&slot, owner, "memslot-0", &ram, 0x1000, 0x2000);
    memory_region_init_io(&low, owner, &null_ops, NULL, "low", 0x2000);
    memory_region_init_io(&high, owner, &null_ops, NULL, "high", 0x1000);
    memory_region_init(&off, owner, "off", 0x1000);
    memory_region_init_io(&inside, owner, &null_ops, NULL, "inside", 0x100);
    memory_region_init(&empty, owner, "empty", 0);
    memory_region_set_enabled(&off, false);
    memory_region_add_subregion(&off, 0x20, &inside);
    memory_region_add_subregion(&root, 0x8000, &slot);
    memory_region_add_subregion_overlap(&root, 0x1000, &low, -1);
    memory_region_add_subregion_overlap(&root, 0x1000, &high, 2);
    memory_region_add_subregion(&root, 0, &off);
    memory_region_add_subregion(&root, 0, &empty);
    address_space_init(&two, &root, "two");
    address_space_init(&one, &root, "one");

    text = mtree_info(false, false, false);
    g_assert_cmpstr(text, ==,
        "address-space: one\n"
        "address-space: two\n"
        "  0000000000000000-ffffffffffffffff (prio 0, i/o): anonymous\n"
        "    0000000000000000-0000000000000000 (prio 0, i/o): empty\n"
        "      0000000000000020-000000000000011f (prio 0, i/o): inside\n"
        "    0000000000001000-0000000000001fff (prio 2, i/o): high\n"
        "    0000000000001000-0000000000002fff (prio -1, i/o): low\n"
        "    0000000000008000-0000000000009fff (prio 0, ram): alias memslot-0 @mem0 "
        "0000000000001000-0000000000002fff\n"
        "\n"
        "memory-region: mem0\n"
        "  0000000000000000-0000000000003fff (prio 0, ram): mem0\n"
        "\n");
    all = mtree_info(false, false, true);
    g_assert_nonnull(strstr(all, "    0000000000000000-0000000000000fff (prio 0, i/o): off "
                                 "[disabled]\n"));
    flat = mtree_info(true, false, false);
    g_assert_cmpstr(flat, ==,
        "FlatView #0\n"
        " AS \"two\", root: anonymous\n"
        " AS \"one\", root: anonymous\n"
        " Root memory region: anonymous\n"
        "  0000000000001000-0000000000001fff (prio 2, i/o): high\n"
        "  0000000000002000-0000000000002fff (prio -1, i/o): low @0000000000001000\n"
        "  0000000000008000-0000000000009fff (prio 0, ram): mem0 @0000000000001000\n"
        "\n");
    memory_region_set_readonly(&slot, true);
    owners = mtree_info(true, true, false);
    g_assert_nonnull(strstr(owners, "(prio 0, rom): mem0 @0000000000001000 owner:{obj path=}\n"));

    address_space_destroy(&one);
    address_space_destroy(&two);
    memory_region_del_subregion(&root, &slot);
    memory_region_del_subregion(&root, &low);
    memory_region_del_subregion(&root, &high);
    memory_region_del_subregion(&root, &off);
    memory_region_del_subregion(&root, &empty);
    memory_region_del_subregion(&off, &inside);
    object_unref(owner);
    object_unref(&root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    g_test_add_func("/memory/view/random-trees-as-painted", test_random_trees);
    g_test_add_func("/memory/view/merge-and-mapped", test_merge_and_mapped);
    g_test_add_func("/memory/section/intersect", test_section);
    g_test_add_func("/memory/registers/split-and-widen", test_registers_split);
    g_test_add_func("/memory/registers/big-endian-and-refused-sizes", test_registers_big_endian);
    g_test_add_func("/memory/eventfd/dispatch-and-listeners", test_eventfd);
    g_test_add_func("/memory/ram/bounce-and-rom", test_map_bounce_and_rom);
    g_test_add_func("/memory/device/reaches-ram-and-messages", test_of_device);
    g_test_add_func("/memory/device/not-from-within-a-callback", test_nested);
    g_test_add_func("/memory/mtree/lines-and-order", test_mtree);
    g_test_add_func("/memory/readers/no-lock-while-tree-changes", test_concurrent_readers);
    return g_test_run();
}
