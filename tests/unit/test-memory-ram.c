/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM at a guest address (system/memory-ram.c): where it is, whether it may be accessed, by
 * whatever way and on whatever thread, and that whoever writes it says so.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "system/memory.h"

#define ATTRS MEMTXATTRS_UNSPECIFIED

/* ---- may it be accessed? -------------------------------------------------------------------- */

#define TYPE_TEST_RDM "test-rdm"

typedef struct TestRdm {
    Object parent;
    uint64_t populated;  /* bytes from the start on */
} TestRdm;

static bool test_rdm_is_populated(const RamDiscardManager *rdm, const MemoryRegionSection *s)
{
    return s->offset_within_region + int128_get64(s->size) <= ((TestRdm *)rdm)->populated;
}

static void test_rdm_class_init(ObjectClass *oc, const void *data)
{
    RAM_DISCARD_MANAGER_CLASS(oc)->is_populated = test_rdm_is_populated;
}

static const TypeInfo test_rdm_type = {
    .name = TYPE_TEST_RDM,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(TestRdm),
    .class_init = test_rdm_class_init,
    .interfaces = (const InterfaceInfo[]) { { TYPE_RAM_DISCARD_MANAGER }, { } },
};

/* Whatever way it is written at @addr, where @ram begins at 0x1000. */
static void assert_write_refused(AddressSpace *as, MemoryRegion *ram, hwaddr addr)
{
    const uint8_t *host = (uint8_t *)memory_region_get_ram_ptr(ram) + addr - 0x1000;
    uint8_t byte = 0x55;
    hwaddr len = 1;
    MemTxResult result;

    g_assert_cmpint(address_space_write(as, addr, ATTRS, &byte, 1), ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpint(address_space_write_rom(as, addr, ATTRS, &byte, 1), ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpint(address_space_set(as, addr, byte, 1, ATTRS), ==, MEMTX_ACCESS_ERROR);
    address_space_stl_le(as, addr, 0x55555555, ATTRS, &result);
    g_assert_cmpint(result, ==, MEMTX_ACCESS_ERROR);
    g_assert_null(address_space_map(as, addr, &len, true, ATTRS));
    g_assert_false(address_space_access_valid(as, addr, 1, true, ATTRS));
    g_assert_cmpint(*host, ==, 0);
}

static void test_sparse_ram(void)
{
    MemoryRegion root, ram;
    AddressSpace as;
    Object *rdm = object_new(TYPE_TEST_RDM);
    uint8_t byte = 0x55;
    hwaddr len;
    void *host;

    ((TestRdm *)rdm)->populated = 0x10000;
    memory_region_init(&root, NULL, NULL, UINT64_MAX);
    memory_region_init_ram(&ram, NULL, NULL, 0x20000, &error_abort);
    memory_region_add_subregion(&root, 0x1000, &ram);
    address_space_init(&as, &root, "test");
    g_assert_cmpint(memory_region_set_ram_discard_manager(&ram, (RamDiscardManager *)rdm), ==, 0);
    g_assert_cmpint(memory_region_set_ram_discard_manager(&ram, (RamDiscardManager *)rdm), ==,
                    -EBUSY);
    /* Not plugged: never to be written, but readable as long as nobody says otherwise. */
    assert_write_refused(&as, &ram, 0x11000);
    g_assert_cmpint(address_space_read(&as, 0x11000, ATTRS, &byte, 1), ==, MEMTX_OK);
    g_assert_true(address_space_access_valid(&as, 0x11000, 2, false, ATTRS));
    memory_region_set_discarded_inaccessible(&ram, true);
    assert_write_refused(&as, &ram, 0x11000);
    g_assert_cmpint(address_space_write(&as, 0x10fff, ATTRS, &byte, 1), ==, MEMTX_OK);
    g_assert_cmpint(address_space_read(&as, 0x11000, ATTRS, &byte, 1), ==, MEMTX_ACCESS_ERROR);
    g_assert_cmpint(byte, ==, 0);
    g_assert_false(address_space_access_valid(&as, 0x10fff, 2, false, ATTRS));
    len = 0x100;
    g_assert_null(address_space_map(&as, 0x10f80, &len, true, ATTRS));
    g_assert_cmpint(len, ==, 0);
    len = 0x80;
    host = address_space_map(&as, 0x10f80, &len, true, ATTRS);
    g_assert_true(host == (uint8_t *)memory_region_get_ram_ptr(&ram) + 0xff80);
    address_space_unmap(&as, host, len, true, len);
    g_assert_cmpint(memory_region_set_ram_discard_manager(&ram, NULL), ==, 0);
    g_assert_true(address_space_access_valid(&as, 0x11000, 2, false, ATTRS));
    memory_region_del_subregion(&root, &ram);
    address_space_destroy(&as);
    object_unref(&ram);
    object_unref(&root);
    object_unref(rdm);
}

/* Registers at 0x100, and room for RAM. */
typedef struct Machine {
    AddressSpace as;
    MemoryRegion root, io;
} Machine;

static void machine_init(Machine *m)
{
    memory_region_init(&m->root, NULL, NULL, 0x100000);
    memory_region_init_io(&m->io, NULL, &unassigned_io_ops, NULL, NULL, 64);
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

/* ---- what the host writes ------------------------------------------------------------------- */

static GString *dirty_log;

static void dirty_logged(MemoryRegion *mr, hwaddr offset, hwaddr size)
{
    g_string_append_printf(dirty_log, "%" PRIx64 "+%" PRIx64 " ", offset, size);
    /* Else what was asked of the discard manager need not hold any more. */
    g_assert_true(!memory_region_has_ram_discard_manager(mr) || bql_locked());
}

static void assert_dirty(const char *want)
{
    g_assert_cmpstr(dirty_log->str, ==, want);
    g_string_truncate(dirty_log, 0);
}

static void test_dirty(void)
{
    uint8_t buf[32] = { };
    MemoryRegion rom, alias;
    hwaddr len = 16;
    void *host;
    Machine m;

    machine_init(&m);
    memory_region_init_rom(&rom, NULL, NULL, 0x1000, &error_abort);
    memory_region_add_subregion(&m.root, 0x10000, &rom);
    memory_region_init_alias(&alias, NULL, NULL, &rom, 0x800, 0x800);
    memory_region_add_subregion(&m.root, 0x20000, &alias);
    dirty_log = g_string_new(NULL);
    memory_set_dirty_hook(dirty_logged);

    g_assert_cmpint(address_space_write_rom(&m.as, 0x10010, ATTRS, buf, 4), ==, MEMTX_OK);
    assert_dirty("10+4 ");
    g_assert_cmpint(address_space_write_rom(&m.as, 0x20010, ATTRS, buf, 4), ==, MEMTX_OK);
    assert_dirty("810+4 ");
    address_space_write(&m.as, 0x10010, ATTRS, buf, 4);
    address_space_write(&m.as, 0x108, ATTRS, buf, 4);
    address_space_read(&m.as, 0x10010, ATTRS, buf, 4);
    assert_dirty("");
    memory_region_set_readonly(&rom, false);
    address_space_write(&m.as, 0x10020, ATTRS, buf, 32);
    address_space_stw_le(&m.as, 0x10fff, 0, ATTRS, NULL);
    assert_dirty("20+20 fff+1 ");
    host = address_space_map(&m.as, 0x10100, &len, true, ATTRS);
    assert_dirty("");
    address_space_unmap(&m.as, host, len, true, 5);
    assert_dirty("100+5 ");
    host = address_space_map(&m.as, 0x10100, &len, false, ATTRS);
    address_space_unmap(&m.as, host, len, false, 5);
    assert_dirty("");
    memory_set_dirty_hook(NULL);
    address_space_write(&m.as, 0x10020, ATTRS, buf, 32);
    assert_dirty("");
    g_string_free(dirty_log, true);
    memory_region_del_subregion(&m.root, &alias);
    memory_region_del_subregion(&m.root, &rom);
    object_unref(&alias);
    object_unref(&rom);
    machine_done(&m);
}

static void *write_without_lock(void *as)
{
    uint8_t byte = 1;

    g_assert_false(bql_locked());
    g_assert_cmpint(address_space_write(as, 0xf, ATTRS, &byte, 1), ==, MEMTX_OK);
    return NULL;
}

/* A vCPU or an I/O thread: what the discard manager said holds until the copy is made. */
static void test_sparse_ram_of_thread(void)
{
    Object *rdm = object_new(TYPE_TEST_RDM);
    MemoryRegion ram;
    AddressSpace as;
    QemuThread thread;

    ((TestRdm *)rdm)->populated = 0x1000;
    memory_region_init_ram(&ram, NULL, NULL, 0x2000, &error_abort);
    address_space_init(&as, &ram, "test");
    g_assert_cmpint(memory_region_set_ram_discard_manager(&ram, (RamDiscardManager *)rdm), ==, 0);
    dirty_log = g_string_new(NULL);
    memory_set_dirty_hook(dirty_logged);
    qemu_thread_create(&thread, "writer", write_without_lock, &as, QEMU_THREAD_JOINABLE);
    bql_unlock();
    qemu_thread_join(&thread);
    bql_lock();
    assert_dirty("f+1 ");
    memory_set_dirty_hook(NULL);
    g_string_free(dirty_log, true);
    g_assert_cmpint(memory_region_set_ram_discard_manager(&ram, NULL), ==, 0);
    address_space_destroy(&as);
    object_unref(&ram);
    object_unref(rdm);
}

static void test_find_ram(void)
{
    MemoryRegion ram, low, high;
    uint64_t generation;
    RamSpan span;
    Machine m;

    machine_init(&m);
    memory_region_init_ram(&ram, NULL, NULL, 0x3000, &error_abort);
    /* Two windows side by side that the view keeps apart, as dynamic memory slots are. */
    memory_region_init_alias(&low, NULL, NULL, &ram, 0, 0x1000);
    memory_region_init_alias(&high, NULL, NULL, &ram, 0x1000, 0x1000);
    memory_region_set_unmergeable(&low, true);
    memory_region_set_unmergeable(&high, true);
    memory_region_add_subregion(&m.root, 0x10000, &low);
    generation = address_space_generation(&m.as);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x10ff0, 0x20, true, &span), ==, MEMTX_OK);
    g_assert_cmphex(span.size, ==, 0x10);
    memory_region_add_subregion(&m.root, 0x11000, &high);
    g_assert_cmpuint(address_space_generation(&m.as), !=, generation);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x10ff0, 0x20, true, &span), ==, MEMTX_OK);
    g_assert_cmphex(span.size, ==, 0x20);
    g_assert_cmphex(span.offset, ==, 0xff0);
    g_assert_true(span.mr == &ram);
    g_assert_true(span.hva == (uint8_t *)memory_region_get_ram_ptr(&ram) + 0xff0);
    memory_region_set_readonly(&high, true);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x10ff0, 0x20, true, &span), ==, MEMTX_OK);
    g_assert_cmphex(span.size, ==, 0x10);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x11000, 1, true, &span), ==,
                    MEMTX_DECODE_ERROR);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x11fff, 2, false, &span), ==, MEMTX_OK);
    g_assert_cmphex(span.size, ==, 1);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x12000, 1, false, &span), ==,
                    MEMTX_DECODE_ERROR);
    g_assert_cmpint(address_space_find_ram(&m.as, 0x108, 1, false, &span), ==,
                    MEMTX_DECODE_ERROR);
    memory_region_del_subregion(&m.root, &low);
    memory_region_del_subregion(&m.root, &high);
    object_unref(&low);
    object_unref(&high);
    object_unref(&ram);
    machine_done(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    type_register_static(&test_rdm_type);
    g_test_add_func("/memory/ram/unplugged-inaccessible", test_sparse_ram);
    g_test_add_func("/memory/ram/unplugged-is-not-stale", test_sparse_ram_of_thread);
    g_test_add_func("/memory/ram/find", test_find_ram);
    g_test_add_func("/memory/ram/dirty", test_dirty);
    return g_test_run();
}
