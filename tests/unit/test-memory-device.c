/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory devices: where they are put, what is refused and with which words, and that the list,
 * the sums and the mapping follow plugging and unplugging.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "hw/mem/memory-device.h"
#include "hw/virtio/virtio-md-pci.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "system/accel.h"
#include "system/address-spaces.h"

#define TYPE_TEST_MD "test-memory-device"
#define BASE (4 * (uint64_t)GiB)

typedef struct TestMd {
    DeviceState parent;
    MemoryRegion mr;
    uint64_t addr, align;
} TestMd;

static uint64_t md_get_addr(const MemoryDeviceState *md)
{
    return ((const TestMd *)md)->addr;
}

static void md_set_addr(MemoryDeviceState *md, uint64_t addr, Error **errp)
{
    ((TestMd *)md)->addr = addr;
}

static uint64_t md_get_plugged_size(const MemoryDeviceState *md, Error **errp)
{
    return memory_region_size(&((const TestMd *)md)->mr) / 2;
}

static MemoryRegion *md_get_region(MemoryDeviceState *md, Error **errp)
{
    return &((TestMd *)md)->mr;
}

static uint64_t md_get_min_alignment(const MemoryDeviceState *md)
{
    return ((const TestMd *)md)->align;
}

static void md_class_init(ObjectClass *oc, const void *data)
{
    MemoryDeviceClass *mdc = MEMORY_DEVICE_CLASS(oc);

    mdc->get_addr = md_get_addr;
    mdc->set_addr = md_set_addr;
    mdc->get_plugged_size = md_get_plugged_size;
    mdc->get_memory_region = md_get_region;
    mdc->get_min_alignment = md_get_min_alignment;
}

/* The same on PCI, as far as being plugged goes: it is never realized. */
#define TYPE_TEST_MD_PCI "test-memory-device-pci"

typedef struct TestMdPci {
    VirtIOMDPCI parent;
    MemoryRegion mr;
    uint64_t addr;
} TestMdPci;

static uint64_t md_pci_get_addr(const MemoryDeviceState *md)
{
    return ((const TestMdPci *)md)->addr;
}

static void md_pci_set_addr(MemoryDeviceState *md, uint64_t addr, Error **errp)
{
    ((TestMdPci *)md)->addr = addr;
}

static uint64_t md_pci_get_plugged_size(const MemoryDeviceState *md, Error **errp)
{
    return memory_region_size(&((const TestMdPci *)md)->mr);
}

static MemoryRegion *md_pci_get_region(MemoryDeviceState *md, Error **errp)
{
    return &((TestMdPci *)md)->mr;
}

static void md_pci_class_init(ObjectClass *oc, const void *data)
{
    MemoryDeviceClass *mdc = MEMORY_DEVICE_CLASS(oc);

    mdc->get_addr = md_pci_get_addr;
    mdc->set_addr = md_pci_set_addr;
    mdc->get_plugged_size = md_pci_get_plugged_size;
    mdc->get_memory_region = md_pci_get_region;
}

static const TypeInfo md_pci_type = {
    .name = TYPE_TEST_MD_PCI,
    .parent = TYPE_VIRTIO_MD_PCI,
    .instance_size = sizeof(TestMdPci),
    .class_init = md_pci_class_init,
};

static const TypeInfo md_type = {
    .name = TYPE_TEST_MD,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(TestMd),
    .class_init = md_class_init,
    .interfaces = (const InterfaceInfo[]) { { TYPE_MEMORY_DEVICE }, { } },
};

static MachineState machine;

static TestMd *md_new(uint64_t size, uint64_t addr, uint64_t align)
{
    TestMd *md = (TestMd *)object_new(TYPE_TEST_MD);

    memory_region_init(&md->mr, OBJECT(md), "memory", size);
    md->addr = addr;
    md->align = align;
    return md;
}

static TestMd *md_plug(uint64_t size, uint64_t addr, uint64_t align, uint64_t expected)
{
    TestMd *md = md_new(size, addr, align);

    memory_device_pre_plug((MemoryDeviceState *)md, &machine, &error_abort);
    g_assert_cmphex(md->addr, ==, expected);
    memory_device_plug((MemoryDeviceState *)md, &machine);
    return md;
}

static void md_unplug(TestMd *md)
{
    memory_device_unplug((MemoryDeviceState *)md, &machine);
    object_unref(md);
}

static void md_refused(uint64_t size, uint64_t addr, uint64_t align, const char *text)
{
    TestMd *md = md_new(size, addr, align);
    Error *err = NULL;

    memory_device_pre_plug((MemoryDeviceState *)md, &machine, &err);
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
    object_unref(md);
}

static void test_addresses(void)
{
    TestMd *a, *b, *c;

    a = md_plug(512 * MiB, 0, 2 * MiB, BASE);
    b = md_plug(512 * MiB, BASE + GiB, 2 * MiB, BASE + GiB);
    /* The gap in between is used, and first. */
    c = md_plug(256 * MiB, 0, 256 * MiB, BASE + 512 * MiB);
    g_assert_cmphex(get_plugged_memory_size(), ==, 640 * MiB);
    g_assert_true(a->mr.container && b->mr.container && c->mr.container);
    md_refused(256 * MiB, BASE + 512 * MiB, 2 * MiB,
               "address range conflicts with memory device id='(unnamed)'; memaddr=0x130000000 "
               "would do");
    md_refused(256 * MiB, BASE + 1, 2 * MiB, "address must be aligned to 0x200000 bytes (2 MiB); "
               "memaddr=0x130000000 would do");
    md_refused(256 * MiB, BASE - 256 * MiB, 2 * MiB,
               "can't add memory device [0xf0000000:0x10000000], usable range for memory devices "
               "[0x100000000:0x80000000]; memaddr=0x130000000 would do");
    md_refused(768 * MiB, 0, 2 * MiB,
               "could not find position in guest address space for memory device - memory "
               "fragmented due to alignments: 768 MiB are needed at a multiple of 2 MiB, 768 MiB are "
               "free (512 MiB in one piece); maxmem=2816M would do");
    md_refused(GiB, 0, 2 * MiB,
               "not enough space, currently 0x50000000 in use of total space for memory devices "
               "0x80000000: 1 GiB are needed at a multiple of 2 MiB, 768 MiB are free (512 MiB in one "
               "piece); maxmem=3G would do");
    md_refused(UINT64_MAX - 1, BASE, 2 * MiB,
               "not enough space, currently 0x50000000 in use of total space for memory devices "
               "0x80000000: 18446744073709551614 bytes are needed at a multiple of 2 MiB, 768 MiB are "
               "free (512 MiB in one piece)");
    md_unplug(c);
    g_assert_cmphex(get_plugged_memory_size(), ==, 512 * MiB);
    c = md_plug(512 * MiB, 0, 2 * MiB, BASE + 512 * MiB);
    md_unplug(c);
    md_unplug(a);
    md_unplug(b);
    g_assert_cmphex(get_plugged_memory_size(), ==, 0);
}

static void test_no_region(void)
{
    DeviceMemoryState *dms = g_steal_pointer(&machine.device_memory);

    machine.maxram_size = machine.ram_size;
    md_refused(2 * MiB, 0, 2 * MiB, "memory devices (e.g. for memory hotplug) are not enabled, "
               "please specify the maxmem option");
    machine.maxram_size = machine.ram_size + 2 * GiB;
    md_refused(2 * MiB, 0, 2 * MiB, "memory devices (e.g. for memory hotplug) are not supported "
               "by the machine");
    machine.device_memory = dms;
}

static void test_maxmem(void)
{
    MachineState ms = { .ram_size = 2 * GiB, .maxram_size = GiB };
    Error *err = NULL;

    g_assert_false(memory_devices_check_maxmem(&ms, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "invalid value of maxmem: maximum memory size (0x40000000) must be at least "
                    "the initial memory size (0x80000000)");
    error_free(err);
    err = NULL;
    ms.maxram_size = ms.ram_size;
    g_assert_true(memory_devices_check_maxmem(&ms, &error_abort));
    ms.ram_slots = 1;
    g_assert_false(memory_devices_check_maxmem(&ms, &err));
    error_free(err);
    err = NULL;
    ms.maxram_size = 4 * GiB;
    ms.ram_slots = 257;
    g_assert_false(memory_devices_check_maxmem(&ms, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "unsupported amount of memory slots: 257");
    error_free(err);
}

/* An accelerator that has room for a few pieces of RAM and knows how many it shows. */
static unsigned slots_max, slots_used;

static int test_accel_init(AccelState *as, MachineState *ms, Error **errp)
{
    return 0;
}

static unsigned test_accel_max_memslots(AccelState *as)
{
    return slots_max;
}

static unsigned test_accel_used_memslots(AccelState *as)
{
    return slots_used;
}

static unsigned host_bits;

static unsigned test_accel_phys_bits(AccelState *as)
{
    return host_bits;
}

static void test_accel_class_init(ObjectClass *oc, const void *data)
{
    AccelClass *ac = ACCEL_CLASS(oc);

    ac->init_machine = test_accel_init;
    ac->max_memslots = test_accel_max_memslots;
    ac->used_memslots = test_accel_used_memslots;
    ac->phys_bits = test_accel_phys_bits;
}

static const TypeInfo test_accel_type = {
    .name = ACCEL_CLASS_NAME("test"),
    .parent = TYPE_ACCEL,
    .class_init = test_accel_class_init,
};

/* A listener as an accelerator is one, that can take no memory. */
static void listener_refuses(MemoryListener *listener, MemoryRegionSection *section)
{
    Error *err = NULL;

    error_setg(&err, "the memory slot is refused");
    memory_listener_failed(err);
}

/* As the machine plugs a device on PCI: it hears why the region cannot be had, and is as before. */
static void test_region_refused(void)
{
    MemoryListener listener = { .name = "test", .region_add = listener_refuses };
    TestMdPci *md = (TestMdPci *)object_new(TYPE_TEST_MD_PCI);
    Error *err = NULL;

    memory_region_init_ram(&md->mr, OBJECT(md), "memory", 256 * MiB, &error_abort);
    memory_listener_register(&listener, &address_space_memory);
    virtio_md_pci_pre_plug(VIRTIO_MD_PCI(md), &machine, &error_abort);
    virtio_md_pci_plug(VIRTIO_MD_PCI(md), &machine, &err);
    g_assert_cmpstr(error_get_pretty(err), ==, "the memory slot is refused");
    error_free(err);
    g_assert_false(memory_region_is_mapped(&md->mr));
    g_assert_null(qmp_memory_device_list());
    g_assert_cmphex(get_plugged_memory_size(), ==, 0);
    memory_listener_unregister(&listener);
    virtio_md_pci_plug(VIRTIO_MD_PCI(md), &machine, &error_abort);
    g_assert_true(memory_region_is_mapped(&md->mr));
    memory_device_unplug(MEMORY_DEVICE(md), &machine);
    object_unref(md);
}

/* Next to last: the accelerator stays. */
static void test_memslots(void)
{
    TestMd *a, *b;

    type_register_static(&test_accel_type);
    accel_init_machine(ACCEL(object_new(ACCEL_CLASS_NAME("test"))), &machine, &error_abort);
    slots_max = 12;
    slots_used = 10;                    /* RAM and ROM of the machine */
    a = md_plug(256 * MiB, 0, 2 * MiB, BASE);
    /* It needs one, which it may not use yet. */
    b = md_plug(256 * MiB, 0, 2 * MiB, BASE + 256 * MiB);
    md_refused(256 * MiB, 0, 2 * MiB, "hypervisor has no free memory slots left");
    slots_max = 13;
    md_unplug(md_plug(256 * MiB, 0, 2 * MiB, BASE + 512 * MiB));
    slots_max = 12;
    md_unplug(a);
    md_unplug(md_plug(256 * MiB, 0, 2 * MiB, BASE));
    md_unplug(b);
}

/* What KVM would refuse as a memory slot, piece by piece, is told before there is a guest. */
static void test_host_bits(void)
{
    Error *err = NULL;

    host_bits = 0;                      /* does not say */
    g_assert_true(memory_devices_check_host(UINT64_MAX, &error_abort));
    host_bits = 39;
    g_assert_true(memory_devices_check_host(512 * GiB, &error_abort));
    g_assert_false(memory_devices_check_host(512 * GiB + MiB, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "guest memory up to 0x8000100000 is more than the "
                    "host's processor can address with 39 bits: lower 'maxmem' by 1M or more");
    error_free(err);
    host_bits = 64;
    g_assert_true(memory_devices_check_host(UINT64_MAX, &error_abort));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    type_register_static(&md_type);
    type_register_static(&md_pci_type);
    object_initialize(&machine, sizeof(Object), "container");
    machine.ram_size = 512 * MiB;
    machine.maxram_size = machine.ram_size + 2 * GiB;
    current_machine = &machine;
    machine_memory_devices_init(&machine, BASE, 2 * GiB);
    g_test_add_func("/memory-device/addresses", test_addresses);
    g_test_add_func("/memory-device/no-region", test_no_region);
    g_test_add_func("/memory-device/maxmem", test_maxmem);
    g_test_add_func("/memory-device/region-refused", test_region_refused);
    g_test_add_func("/memory-device/memslots", test_memslots);
    g_test_add_func("/memory-device/host-bits", test_host_bits);
    return g_test_run();
}
