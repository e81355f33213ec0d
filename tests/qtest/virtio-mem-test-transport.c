/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mem-pci as a PCI function: its configuration space byte for byte, the transport's
 * registers at reset, and the effect of each property of the proxy and of the virtio core. The
 * values that are expected were read from stock QEMU 7.2.
 */
#include "qemu/osdep.h"
#include "virtio-mem-queue.h"
#include "standard-headers/linux/pci_regs.h"
#include "standard-headers/linux/virtio_pci.h"

#define CONFIG_SIZE 256
#define PORT_SLOT 5
#define PORT_BUS 1

#define PLUG VIRTIO_MEM_REQ_PLUG
#define F_ACCESS_PLATFORM FEATURE(VIRTIO_F_ACCESS_PLATFORM)

/* ---- configuration space ---- */

/* A 32-bit register; all bits of it that a guest can write. */
typedef struct Mask {
    unsigned offset;
    uint32_t mask;
} Mask;

typedef struct ConfigSpace {
    const char *machine;
    const char *port;           /* options that make the bus that the device is on */
    const char *place;          /* the device's own */
    unsigned bdf;
    const char *bytes;          /* at reset, in hexadecimal */
    Mask writable[8];           /* from behind the BARs to the end of the capabilities */
    unsigned end;               /* of these; all from there to 0x100 is writable */
    unsigned untouched;         /* writing all ones to this register would reset the function */
} ConfigSpace;

/* On a root bus, for each machine version up to 7.2. */
#define CONFIG_CONVENTIONAL \
    "f41a5810000010000100ff000000000000000000000000000000000000000000" \
    "0c0000000000000000000000f41a001100000000840000000000000000010000" \
    "0900100104000000000000000010000009401003040000000010000000100000" \
    "0950100404000000002000000010000009601402040000000030000000100000" \
    "0400000009701405000000000000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* Behind a root port there are a PCI Express and a power management capability more. */
#define CONFIG_EXPRESS \
    "f41a5810000010000100ff000000000000000000000000000000000000000000" \
    "0c0000000000000000000000f41a001100000000c80000000000000000010000" \
    "1000020000800010000000001104000000001100000000000000000000000000" \
    "0000000000003000000000000000000000000000000000000000000001400300" \
    "00000000097c1001040000000000000000100000098410030400000000100000" \
    "001000000994100404000000002000000010000009a414020400000000300000" \
    "001000000400000009b414050000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000"

static const ConfigSpace conventional_q35 = {
    .machine = "pc-q35-7.2", .port = "", .place = "addr=4", .bdf = QPCI_DEVFN(SLOT, 0),
    .bytes = CONFIG_CONVENTIONAL,
    .writable = { { 0x3c, 0xff }, { 0x88, 0xff }, { 0x8c, UINT32_MAX }, { 0x90, UINT32_MAX },
                  { 0x94, UINT32_MAX } },
    .end = 0x98,
};

static const ConfigSpace conventional_pc = {
    .machine = "pc-i440fx-7.2", .port = "", .place = "addr=4", .bdf = QPCI_DEVFN(SLOT, 0),
    .bytes = CONFIG_CONVENTIONAL,
    .writable = { { 0x3c, 0xff }, { 0x88, 0xff }, { 0x8c, UINT32_MAX }, { 0x90, UINT32_MAX },
                  { 0x94, UINT32_MAX } },
    .end = 0x98,
};

static const ConfigSpace express = {
    .machine = "pc-q35-7.2", .port = "-device pcie-root-port,id=rp,addr=5,chassis=1 ",
    .place = "bus=rp,addr=0", .bdf = PORT_BUS << 8,
    .bytes = CONFIG_EXPRESS,
    .writable = { { 0x3c, 0xff }, { 0x50, 0xc0 }, { 0x68, 0x8000 }, { 0x80, 0x3 },
                  { 0xcc, 0xff }, { 0xd0, UINT32_MAX }, { 0xd4, UINT32_MAX },
                  { 0xd8, UINT32_MAX } },
    .end = 0xdc,
    .untouched = 0x48,
};

static uint32_t config_read(QTestState *qts, unsigned bdf, unsigned offset)
{
    qtest_outl(qts, 0xcf8, 1u << 31 | bdf << 8 | offset);
    return qtest_inl(qts, 0xcfc);
}

static void config_write(QTestState *qts, unsigned bdf, unsigned offset, uint32_t value)
{
    qtest_outl(qts, 0xcf8, 1u << 31 | bdf << 8 | offset);
    qtest_outl(qts, 0xcfc, value);
}

/* The root port leads to the device's bus. */
static void port_set_bus(QTestState *qts)
{
    config_write(qts, QPCI_DEVFN(PORT_SLOT, 0), PCI_PRIMARY_BUS, PORT_BUS << 8 | PORT_BUS << 16);
}

static void assert_config(QTestState *qts, const ConfigSpace *c, const char *when)
{
    g_assert_cmpint(strlen(c->bytes), ==, 2 * CONFIG_SIZE);
    for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
        g_autofree char *hex = g_strdup_printf(
            "%08x", GUINT32_TO_BE(config_read(qts, c->bdf, offset)));

        if (strncmp(hex, c->bytes + 2 * offset, 8)) {
            g_error("configuration space at 0x%02x %s: bytes %s, expected %.8s", offset, when,
                    hex, c->bytes + 2 * offset);
        }
    }
}

static uint32_t expected_mask(const ConfigSpace *c, unsigned offset)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(c->writable); i++) {
        if (c->writable[i].offset == offset && offset) {
            return c->writable[i].mask;
        }
    }
    return offset >= c->end ? UINT32_MAX : 0;
}

static void assert_writable(QTestState *qts, const ConfigSpace *c)
{
    for (unsigned offset = PCI_CARDBUS_CIS; offset < CONFIG_SIZE; offset += 4) {
        uint32_t old = config_read(qts, c->bdf, offset), mask;

        if (offset == c->untouched) {
            continue;
        }
        config_write(qts, c->bdf, offset, UINT32_MAX);
        mask = config_read(qts, c->bdf, offset);
        config_write(qts, c->bdf, offset, 0);
        mask ^= config_read(qts, c->bdf, offset);
        config_write(qts, c->bdf, offset, old);
        if (mask != expected_mask(c, offset)) {
            g_error("configuration space at 0x%02x: a guest can write 0x%08x, expected 0x%08x",
                    offset, mask, expected_mask(c, offset));
        }
    }
}

static void test_config_space(const void *data)
{
    const ConfigSpace *c = data;
    QTestState *qts = qtest_initf("-nodefaults -machine %s -m 128M,maxmem=4G -object %s,id=mem0 "
                                  "%s-device virtio-mem-pci,id=vm0,memdev=mem0,%s", c->machine,
                                  RAM_256M, c->port, c->place);

    if (*c->port) {
        port_set_bus(qts);
    }
    assert_config(qts, c, "at start");
    config_write(qts, c->bdf, PCI_BASE_ADDRESS_4, 0xe0000000);
    config_write(qts, c->bdf, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    config_write(qts, c->bdf, PCI_INTERRUPT_LINE, 11);
    qtest_system_reset(qts);
    if (*c->port) {
        port_set_bus(qts);
    }
    assert_config(qts, c, "after a reset");
    assert_writable(qts, c);
    qtest_quit(qts);
}

/* The 4 KiB of a PCI Express function: no extended capability, as a fixed header says. */
static void test_extended_config_space(void)
{
    const uint64_t base = 0xb0000000, at = base + (PORT_BUS << 20);
    QTestState *qts = qtest_initf("-nodefaults -machine pc-q35-7.2 -m 128M,maxmem=4G "
                                  "-object %s,id=mem0 %s-device virtio-mem-pci,memdev=mem0,%s",
                                  RAM_256M, express.port, express.place);

    port_set_bus(qts);
    config_write(qts, 0, 0x60, base | 1);
    g_assert_cmphex(qtest_readl(qts, at), ==, 0x10581af4);
    for (unsigned offset = CONFIG_SIZE; offset < 4096; offset += 4) {
        g_assert_cmphex(qtest_readl(qts, at + offset), ==, 0);
    }
    qtest_writel(qts, at + CONFIG_SIZE, UINT32_MAX);
    g_assert_cmphex(qtest_readl(qts, at + CONFIG_SIZE), ==, 0);
    qtest_quit(qts);
}

/* ---- the common configuration structure at reset ---- */

static const struct {
    unsigned reg, width;
    uint32_t value;
    const char *name;
} common_registers[] = {
    { VIRTIO_PCI_COMMON_DFSELECT, 4, 0, "device_feature_select" },
    { VIRTIO_PCI_COMMON_DF, 4, 0x30000001, "device_feature" },
    { VIRTIO_PCI_COMMON_GFSELECT, 4, 0, "driver_feature_select" },
    { VIRTIO_PCI_COMMON_GF, 4, 0, "driver_feature" },
    { VIRTIO_PCI_COMMON_MSIX, 2, 0xffff, "config_msix_vector" },
    { VIRTIO_PCI_COMMON_NUMQ, 2, 1, "num_queues" },
    { VIRTIO_PCI_COMMON_STATUS, 1, 0, "device_status" },
    { VIRTIO_PCI_COMMON_CFGGENERATION, 1, 0, "config_generation" },
    { VIRTIO_PCI_COMMON_Q_SELECT, 2, 0, "queue_select" },
    { VIRTIO_PCI_COMMON_Q_SIZE, 2, 128, "queue_size" },
    { VIRTIO_PCI_COMMON_Q_MSIX, 2, 0xffff, "queue_msix_vector" },
    { VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0, "queue_enable" },
    { VIRTIO_PCI_COMMON_Q_NOFF, 2, 0, "queue_notify_off" },
    { VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0, "queue_desc, low" },
    { VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0, "queue_desc, high" },
    { VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0, "queue_driver, low" },
    { VIRTIO_PCI_COMMON_Q_AVAILHI, 4, 0, "queue_driver, high" },
    { VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0, "queue_device, low" },
    { VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0, "queue_device, high" },
    { VIRTIO_PCI_COMMON_Q_NDATA, 2, 0, "queue_notify_data" },
    { VIRTIO_PCI_COMMON_Q_RESET, 2, 0, "queue_reset" },
};

static void assert_common_registers(Queue *q, const char *when)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(common_registers); i++) {
        uint32_t value = queue_common_read(q, common_registers[i].reg, common_registers[i].width);

        if (value != common_registers[i].value) {
            g_error("%s %s: 0x%x, expected 0x%x", common_registers[i].name, when, value,
                    common_registers[i].value);
        }
    }
}

static void test_common_registers(void)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
    Queue q;
    Vm vm;

    vm_spawn(&vm, "pc-q35-7.2", RAM_256M, "");
    vm.dev = virtio_pci_new(vm.bus, &addr);
    vm.vdev = &vm.dev->vdev;
    qvirtio_pci_device_enable(vm.dev);
    queue_init(&q, &vm, false, 16);
    assert_common_registers(&q, "at start");
    /* What a driver leaves goes with its device reset, but for the two selectors. */
    queue_start(&q, F_EVENT);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    qvirtio_reset(vm.vdev);
    queue_common_write(&q, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
    queue_common_write(&q, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
    if (!emulator_can(KEEPS_RULES)) {
        /* 7.2 goes on showing the features of before */
        queue_common_write(&q, VIRTIO_PCI_COMMON_GF, 4, 0);
    }
    assert_common_registers(&q, "after a device reset");
    vm_end(&vm);
}

/* Features come in words of 32 bits; there are two of them. */
static void test_feature_select(void)
{
    static const uint32_t beyond[] = { 2, 3, 0x80000000, UINT32_MAX };
    Queue q;
    Vm vm;

    vm_spawn(&vm, "pc-q35-7.2", RAM_256M, "");
    vm_probe(&vm);
    queue_init(&q, &vm, false, 16);
    queue_common_write(&q, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
    g_assert_cmphex(queue_common_read(&q, VIRTIO_PCI_COMMON_DF, 4), ==, 0x101);
    for (unsigned i = 0; i < G_N_ELEMENTS(beyond); i++) {
        queue_common_write(&q, VIRTIO_PCI_COMMON_DFSELECT, 4, beyond[i]);
        g_assert_cmphex(queue_common_read(&q, VIRTIO_PCI_COMMON_DFSELECT, 4), ==, beyond[i]);
        g_assert_cmphex(queue_common_read(&q, VIRTIO_PCI_COMMON_DF, 4), ==, 0);
        queue_common_write(&q, VIRTIO_PCI_COMMON_GFSELECT, 4, beyond[i]);
        queue_common_write(&q, VIRTIO_PCI_COMMON_GF, 4, UINT32_MAX);
        g_assert_cmphex(queue_common_read(&q, VIRTIO_PCI_COMMON_GF, 4), ==, 0);
    }
    queue_start(&q, 0);
    assert_response(queue_request(&q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    vm_end(&vm);
}

/* ---- properties, by what they do ---- */

/* Each switches its own bit and no other; without properties, the defaults of 7.2. */
static void test_feature_properties(void)
{
    const uint64_t mask = F_INDIRECT | F_EVENT | F_RING_RESET | F_PACKED | F_ACCESS_PLATFORM;
    const uint64_t usual = F_INDIRECT | F_EVENT | F_RING_RESET;
    const struct {
        const char *props;
        uint64_t offered;
    } cases[] = {
        { "", usual },
        { ",indirect_desc=off", usual & ~F_INDIRECT },
        { ",event_idx=off", usual & ~F_EVENT },
        { ",queue_reset=off", usual & ~F_RING_RESET },
        { ",packed=on", usual | F_PACKED },
        { ",iommu_platform=on", usual | F_ACCESS_PLATFORM },
        { ",indirect_desc=off,event_idx=off,queue_reset=off", 0 },
        { ",indirect_desc=on,event_idx=on,queue_reset=on,packed=on,iommu_platform=on", mask },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Vm vm;

        vm_spawn(&vm, "pc-q35-7.2", RAM_256M, cases[i].props);
        vm_probe(&vm);
        if ((qvirtio_get_features(vm.vdev) & mask) != cases[i].offered) {
            g_error("features with \"%s\": 0x%" PRIx64 ", expected 0x%" PRIx64, cases[i].props,
                    qvirtio_get_features(vm.vdev) & mask, cases[i].offered);
        }
        vm_end(&vm);
    }
}

/* A queue cannot be reset alone if that was not offered. */
static void test_no_queue_reset(void)
{
    Queue q;
    Vm vm;

    if (skip_without(KEEPS_RULES, "QEMU 7.2 resets a queue also where it did not offer to")) {
        return;
    }
    vm_spawn(&vm, "pc-q35-7.2", RAM_256M, ",requested-size=64M,queue_reset=off");
    vm_probe(&vm);
    queue_init(&q, &vm, false, 16);
    queue_start(&q, 0);
    assert_response(queue_request(&q, PLUG, vm.addr, 1, NULL), ACK);
    queue_common_write(&q, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
    g_assert_cmpint(queue_common_read(&q, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
    assert_response(queue_request(&q, PLUG, vm.addr + vm.block_size, 1, NULL), ACK);
    vm_end(&vm);
}

/* Without an IOMMU in the machine the addresses are physical, and the driver has to agree to it. */
static void test_access_platform(void)
{
    uint64_t features;
    Queue q;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M,iommu_platform=on");
    vm_probe(&vm);
    features = qvirtio_get_features(vm.vdev) & (SIMPLE_FEATURES | F_ACCESS_PLATFORM);
    g_assert_cmphex(features & F_ACCESS_PLATFORM, ==, F_ACCESS_PLATFORM);
    vm.vdev->bus->set_features(vm.vdev, features & ~F_ACCESS_PLATFORM);
    vm.vdev->bus->set_status(vm.vdev, 0x0b);
    g_assert_cmphex(vm.vdev->bus->get_status(vm.vdev), ==, 0x03);   /* FEATURES_OK refused */
    queue_init(&q, &vm, false, 16);
    queue_start(&q, F_ACCESS_PLATFORM);
    assert_response(queue_request(&q, PLUG, vm.addr, 1, NULL), ACK);
    assert_plugged(&vm, 1);
    vm_end(&vm);
}

static uint64_t notify_cap(Vm *vm)
{
    uint8_t cap = 0;

    while ((cap = qpci_find_capability(vm->dev->pdev, PCI_CAP_ID_VNDR, cap))) {
        if (qpci_config_readb(vm->dev->pdev, cap + offsetof(struct virtio_pci_cap, cfg_type)) ==
            VIRTIO_PCI_CAP_NOTIFY_CFG) {
            return cap;
        }
    }
    g_error("no notification structure");
}

/* Of a BAR below 4 GiB, which goes back to where it was. */
static uint32_t bar_size(Vm *vm, uint8_t reg)
{
    QPCIDevice *pdev = vm->dev->pdev;
    uint32_t was = qpci_config_readl(pdev, reg), mask;

    qpci_config_writel(pdev, reg, UINT32_MAX);
    mask = qpci_config_readl(pdev, reg) & PCI_BASE_ADDRESS_MEM_MASK;
    qpci_config_writel(pdev, reg, was);
    return -mask;
}

/* A page of notification registers for each queue, in a larger BAR. */
static void test_page_per_vq(const void *data)
{
    const char *props = data;
    bool page = strstr(props, "page-per-vq=on");
    uint8_t cap;
    Queue q;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, props);
    vm_probe(&vm);
    cap = notify_cap(&vm);
    g_assert_cmphex(vm.dev->notify_cfg_offset, ==, 0x3000);
    g_assert_cmphex(vm.dev->notify_off_multiplier, ==, page ? 0x1000 : 4);
    g_assert_cmphex(qpci_config_readl(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, length)),
                    ==, page ? 4 * MiB : 0x1000);
    g_assert_cmphex(bar_size(&vm, PCI_BASE_ADDRESS_4), ==, page ? 8 * MiB : 16 * KiB);
    vm_end(&vm);

    vm_spawn(&vm, "q35", RAM_256M, props);
    vm_probe(&vm);
    queue_init(&q, &vm, false, 16);
    queue_start(&q, 0);
    assert_response(queue_request(&q, PLUG, vm.addr, 1, NULL), ACK);
    /* the registers of queues that there are not notify nobody */
    for (uint64_t at = vm.dev->notify_off_multiplier; at < (page ? 4 * MiB : 4 * KiB);
         at += vm.dev->notify_off_multiplier) {
        qpci_io_writew(vm.dev->pdev, vm.dev->bar, vm.dev->notify_cfg_offset + at, 0);
    }
    assert_plugged(&vm, 1);
    vm_end(&vm);
}

/* The window in configuration space (4.1.4.9) reaches all of the notification structure, too. */
static void test_page_per_vq_window(void)
{
    QueueDesc chain[2];
    uint32_t len;
    uint16_t id;
    uint8_t cap = 0;
    Queue q;
    Vm vm;

    vm_spawn(&vm, "q35", RAM_256M, ",requested-size=64M,page-per-vq=on");
    vm_probe(&vm);
    queue_init(&q, &vm, false, 16);
    queue_start(&q, 0);
    do {
        cap = qpci_find_capability(vm.dev->pdev, PCI_CAP_ID_VNDR, cap);
        g_assert_cmpint(cap, !=, 0);
    } while (qpci_config_readb(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, cfg_type)) !=
             VIRTIO_PCI_CAP_PCI_CFG);
    queue_request_write(&q, 0, PLUG, vm.addr, 1, chain);
    id = queue_add(&q, chain, 2);
    qpci_config_writeb(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, bar), 4);
    qpci_config_writel(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, length), 2);
    qpci_config_writel(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, offset), 0x4000);
    qpci_config_writel(vm.dev->pdev, cap + sizeof(struct virtio_pci_cap), 0);  /* queue 1 */
    g_assert_false(queue_get(&q, &id, &len));
    qpci_config_writel(vm.dev->pdev, cap + offsetof(struct virtio_pci_cap, offset), 0x3000);
    qpci_config_writel(vm.dev->pdev, cap + sizeof(struct virtio_pci_cap), 0);
    queue_wait(&q, id, &len);
    assert_response(queue_response(&q, 0), ACK);
    vm_end(&vm);
}

/* ---- places on the bus ---- */

/* Several devices in one slot: function 0 says so, and each has its own registers and memory. */
static void test_multifunction(void)
{
    QTestState *qts = qtest_initf(
        "-nodefaults -machine q35 -m 128M,maxmem=4G -object %s,id=mem0 -object %s,id=mem1 "
        "-object %s,id=mem2 -device virtio-mem-pci,memdev=mem0,addr=4.0,multifunction=on "
        "-device virtio-mem-pci,memdev=mem1,addr=4.1 "
        "-device virtio-mem-pci,memdev=mem2,addr=0x4.0x7",
        RAM_256M, RAM_256M, RAM_256M);
    static const unsigned functions[] = { 0, 1, 7 };
    uint64_t addr[G_N_ELEMENTS(functions)];
    QGuestAllocator alloc;
    QPCIBus *bus;

    pc_alloc_init(&alloc, qts, ALLOC_NO_FLAGS);
    bus = qpci_new_pc(qts, &alloc);
    for (unsigned fn = 0; fn < 8; fn++) {
        bool there = fn < 2 || fn == 7;

        g_assert_cmphex(bus->config_readl(bus, QPCI_DEVFN(SLOT, fn), PCI_VENDOR_ID), ==,
                        there ? 0x10581af4 : UINT32_MAX);
    }
    g_assert_cmphex(bus->config_readb(bus, QPCI_DEVFN(SLOT, 0), PCI_HEADER_TYPE), ==, 0x80);
    g_assert_cmphex(bus->config_readb(bus, QPCI_DEVFN(SLOT, 1), PCI_HEADER_TYPE), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        QPCIAddress at = { .devfn = QPCI_DEVFN(SLOT, functions[i]) };
        Vm vm = { .qts = qts, .bus = bus, .dev = virtio_pci_new(bus, &at) };

        vm.vdev = &vm.dev->vdev;
        qvirtio_pci_device_enable(vm.dev);
        qvirtio_start_device(vm.vdev);
        addr[i] = CONFIG(&vm, addr);
        for (unsigned j = 0; j < i; j++) {
            g_assert_cmphex(addr[i], !=, addr[j]);
        }
        qos_object_destroy(&vm.dev->obj);
    }
    qpci_free_pc(bus);
    alloc_destroy(&alloc);
    qtest_quit(qts);
}

/* ---- the list ---- */

void add_transport_tests(void)
{
    ADD_DATA("transport/config-space-q35", &conventional_q35, test_config_space);
    ADD_DATA("transport/config-space-pc", &conventional_pc, test_config_space);
    ADD_DATA("transport/config-space-express", &express, test_config_space);
    ADD("transport/config-space-extended", test_extended_config_space);
    ADD("transport/common-registers", test_common_registers);
    ADD("transport/feature-select", test_feature_select);
    ADD("transport/feature-properties", test_feature_properties);
    ADD("transport/no-queue-reset", test_no_queue_reset);
    ADD("transport/access-platform", test_access_platform);
    ADD_DATA("transport/notify-compact", ",requested-size=64M,page-per-vq=off", test_page_per_vq);
    ADD_DATA("transport/page-per-vq", ",requested-size=64M,page-per-vq=on", test_page_per_vq);
    ADD("transport/page-per-vq-window", test_page_per_vq_window);
    ADD("transport/multifunction", test_multifunction);
}
