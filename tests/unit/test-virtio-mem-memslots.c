/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic memory slots of virtio-mem: the arithmetic, and what of a device guest memory shows. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "hw/virtio/virtio-mem-memslots.h"

#define BLOCK_SIZE ((uint64_t)(2 * MiB))

static void check_decision(uint64_t region, uint64_t unit, unsigned limit, unsigned nb,
                           uint64_t size)
{
    VirtIOMEMMemslots slots = { .nb = 0 };

    virtio_mem_memslots_decide(&slots, region, unit, limit);
    g_assert_cmpuint(slots.nb, ==, nb);
    g_assert_cmphex(slots.size, ==, size);
    g_assert_cmphex((nb - 1) * size, <, region);
    g_assert_cmphex(nb * size, >=, region);
}

static void test_decide(void)
{
    check_decision(4 * GiB, BLOCK_SIZE, 256, 4, 1 * GiB);
    check_decision(256 * MiB, BLOCK_SIZE, 256, 1, 1 * GiB);     /* the last slot is the rest */
    check_decision(2560 * MiB, BLOCK_SIZE, 256, 3, 1 * GiB);
    check_decision(4 * GiB, BLOCK_SIZE, 1, 1, 4 * GiB);
    check_decision(4 * GiB, BLOCK_SIZE, 3, 2, 2 * GiB);         /* 1.33 GiB each would do, but */
    check_decision(1 * TiB, BLOCK_SIZE, 256, 256, 4 * GiB);
    check_decision(1 * TiB + 1 * GiB, BLOCK_SIZE, 256, 205, 5 * GiB);
    check_decision(64 * GiB, 4 * GiB, 256, 16, 4 * GiB);        /* a block is never cut */
    check_decision(64 * GiB, 4 * GiB, 10, 8, 8 * GiB);
}

typedef struct Fixture {
    AddressSpace as;
    Object *owner;
    MemoryRegion root, backend;
    VirtIOMEMMemslots slots;
    VirtIOMEMMap map;
} Fixture;

static const MemoryRegionOps no_ops;

/* A device of 2.5 GiB: two slots of 1 GiB and one of half a GiB. */
static void fixture_init(Fixture *f)
{
    uint64_t size = 2560 * MiB;

    memset(f, 0, sizeof(*f));
    f->owner = object_new("container");
    memory_region_init(&f->root, f->owner, "root", UINT64_MAX);
    memory_region_init_io(&f->backend, f->owner, &no_ops, NULL, "backend", size);
    address_space_init(&f->as, &f->root, "space");
    virtio_mem_map_init(&f->map, size / BLOCK_SIZE);
    virtio_mem_memslots_decide(&f->slots, size, BLOCK_SIZE, 256);
    memory_region_init(&f->slots.region, f->owner, "virtio-mem", size);
    virtio_mem_memslots_init(&f->slots, f->owner, &f->backend);
    memory_region_add_subregion(&f->root, 4 * GiB, &f->slots.region);
}

static void fixture_cleanup(Fixture *f)
{
    memory_region_del_subregion(&f->root, &f->slots.region);
    virtio_mem_memslots_cleanup(&f->slots);
    virtio_mem_map_cleanup(&f->map);
    address_space_destroy(&f->as);
    object_unparent(OBJECT(&f->slots.region));
    object_unparent(OBJECT(&f->backend));
    object_unparent(OBJECT(&f->root));
    object_unref(f->owner);
}

static bool append_range(Int128 start, Int128 len, const MemoryRegion *mr, hwaddr offset,
                         void *opaque)
{
    g_assert_cmphex((uint64_t)start - 4 * GiB, ==, offset);
    g_string_append_printf(opaque, "%" PRIu64 "+%" PRIu64 " ", offset / MiB,
                           (uint64_t)len / MiB);
    return false;
}

/* What is mapped of the device, "offset+size " in MiB for each range of the view. */
static void check_view(Fixture *f, const char *expected)
{
    g_autoptr(GString) text = g_string_new("");
    FlatView *view = address_space_get_flatview(&f->as);

    flatview_for_each_range(view, append_range, text);
    flatview_unref(view);
    g_assert_cmpstr(text->str, ==, expected);
}

static void plug(Fixture *f, uint64_t first, uint64_t nb)
{
    g_assert_true(virtio_mem_memslots_map(&f->slots, first * BLOCK_SIZE, nb * BLOCK_SIZE));
    virtio_mem_map_plug(&f->map, first, nb);
}

static void unplug(Fixture *f, uint64_t first, uint64_t nb)
{
    virtio_mem_map_unplug(&f->map, first, nb);
    virtio_mem_memslots_unmap_unused(&f->slots, first * BLOCK_SIZE, nb * BLOCK_SIZE, &f->map,
                                     BLOCK_SIZE);
}

static void test_follow_the_map(void)
{
    Fixture f;

    fixture_init(&f);
    check_view(&f, "");
    plug(&f, 0, 1);
    check_view(&f, "0+1024 ");
    plug(&f, 1279, 1);              /* the last block */
    check_view(&f, "0+1024 2048+512 ");
    plug(&f, 511, 2);               /* across the first border: neighbours stay apart */
    check_view(&f, "0+1024 1024+1024 2048+512 ");
    unplug(&f, 0, 1);               /* 511 is still plugged */
    check_view(&f, "0+1024 1024+1024 2048+512 ");
    unplug(&f, 511, 2);
    check_view(&f, "2048+512 ");
    unplug(&f, 1279, 1);
    check_view(&f, "");
    plug(&f, 0, 1280);
    check_view(&f, "0+1024 1024+1024 2048+512 ");
    unplug(&f, 512, 768);
    check_view(&f, "0+1024 ");
    fixture_cleanup(&f);
}

/* A listener as an accelerator is one, that can take no more. */
static unsigned room;

static void listener_add(MemoryListener *listener, MemoryRegionSection *section)
{
    Error *err = NULL;

    if (room == 0) {
        error_setg(&err, "no room");
        memory_listener_failed(err);
        return;
    }
    room--;
}

/* A request over two slots, of which only one can be had: neither stays. */
static void test_accelerator_refuses(void)
{
    MemoryListener listener = { .name = "test", .region_add = listener_add };
    Fixture f;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*no room*");
        return;
    }
    fixture_init(&f);
    memory_listener_register(&listener, &f.as);
    room = 1;
    g_assert_false(virtio_mem_memslots_map(&f.slots, 511 * BLOCK_SIZE, 2 * BLOCK_SIZE));
    virtio_mem_memslots_unmap_unused(&f.slots, 511 * BLOCK_SIZE, 2 * BLOCK_SIZE, &f.map,
                                     BLOCK_SIZE);
    check_view(&f, "");
    room = 2;
    g_assert_true(virtio_mem_memslots_map(&f.slots, 511 * BLOCK_SIZE, 2 * BLOCK_SIZE));
    check_view(&f, "0+1024 1024+1024 ");
    memory_listener_unregister(&listener);
    fixture_cleanup(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    g_test_add_func("/virtio-mem-memslots/decide", test_decide);
    g_test_add_func("/virtio-mem-memslots/follow-the-map", test_follow_the_map);
    g_test_add_func("/virtio-mem-memslots/accelerator-refuses", test_accelerator_refuses);
    return g_test_run();
}
