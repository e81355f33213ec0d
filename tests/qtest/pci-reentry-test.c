/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device does by itself, be it an interrupt message or an access to a buffer, reaches memory
 * and interrupt controllers, never registers: a guest that aims it at those of the slot the device
 * is in, of the device itself or of another one gets nothing for it, and the device goes on. And a
 * device that the guest gives back is gone after the access that said so, whatever comes between.
 */
#include "qemu/osdep.h"
#include <linux/pci_regs.h>
#include "libqtest-raw.h"
#include "virtio-mem-queue.h"
#include "standard-headers/linux/virtio_pci.h"

#define PORT_DEVFN QPCI_DEVFN(3, 0)
#define SECONDARY 1
#define ECAM 0xb0000000u
#define SLOT_CONTROL 0x6c
#define SLOT_STATUS 0x6e
#define SLOT_PRESENT 0x0040             /* of the status register */
#define SLOT_RELEASED 0x0700            /* power and its indicator off */
#define SLOT_IN_USE 0x01c0
#define QUEUE_SIZE 16
#define WINDOW_MEMORY 0xefe0e000u       /* of the port: where libqos puts BARs */

/* ---- the machine: a device in the slot of a root port ---- */

typedef struct Slot {
    Vm vm;                      /* first, and its driver's */
    Queue q;
    QPCIDevice *port;
} Slot;

static uint32_t ecam(int bus, int devfn, int offset)
{
    return ECAM + (bus << 20) + (devfn << 12) + offset;
}

static QPCIDevice *port_open(QPCIBus *bus)
{
    QPCIDevice *port = qpci_device_find(bus, PORT_DEVFN);

    g_assert_nonnull(port);
    bus->config_writel(bus, 0, 0x60, ECAM | 1);
    qpci_config_writel(port, PCI_PRIMARY_BUS, SECONDARY << 16 | SECONDARY << 8);
    qpci_config_writel(port, PCI_MEMORY_BASE, WINDOW_MEMORY);
    qpci_device_enable(port);
    return port;
}

static void slot_spawn(Slot *s, const char *backend, const char *props)
{
    memset(s, 0, sizeof(*s));
    s->vm.qts = qtest_initf("-nodefaults -machine q35 -m 128M,maxmem=4G -object %s,id=mem0 "
                            "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
                            "-device pcie-root-port,id=rp0,addr=3 "
                            "-device virtio-mem-pci,id=vm0,memdev=mem0,bus=rp0,block-size=2M%s",
                            backend, props);
    pc_alloc_init(&s->vm.alloc, s->vm.qts, ALLOC_NO_FLAGS);
    s->vm.bus = qpci_new_pc(s->vm.qts, &s->vm.alloc);
    s->port = port_open(s->vm.bus);
}

/* Up to FEATURES_OK, with message signalled interrupts, of which nothing is set. */
static void slot_probe(Slot *s, bool packed)
{
    QPCIAddress addr = { .devfn = SECONDARY << 8 };

    s->vm.dev = virtio_pci_new(s->vm.bus, &addr);
    s->vm.vdev = &s->vm.dev->vdev;
    qvirtio_pci_device_enable(s->vm.dev);
    qpci_msix_enable(s->vm.dev->pdev);
    qvirtio_start_device(s->vm.vdev);
    queue_init(&s->q, &s->vm, packed, QUEUE_SIZE);
    queue_start(&s->q, 0);
}

static void slot_start_on(Slot *s, const char *backend, const char *props)
{
    slot_spawn(s, backend, props);
    slot_probe(s, strstr(props, "packed=on"));
}

static void slot_start(Slot *s, const char *props)
{
    slot_start_on(s, RAM_1G, props);
}

static void slot_end(Slot *s)
{
    g_free(s->port);
    vm_end(&s->vm);
}

/* An entry of the table of @dev: @data to @addr. */
static void msix_aim(QPCIDevice *dev, unsigned entry, uint64_t addr, uint32_t data)
{
    uint64_t at = dev->msix_table_off + entry * PCI_MSIX_ENTRY_SIZE;

    qpci_io_writel(dev, dev->msix_table_bar, at + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qpci_io_writel(dev, dev->msix_table_bar, at + PCI_MSIX_ENTRY_UPPER_ADDR, addr >> 32);
    qpci_io_writel(dev, dev->msix_table_bar, at + PCI_MSIX_ENTRY_DATA, data);
    qpci_io_writel(dev, dev->msix_table_bar, at + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

static void slot_aim(Slot *s, uint64_t addr, uint32_t data)
{
    msix_aim(s->vm.dev->pdev, 0, addr, data);
}

static void vector_set(Slot *s, unsigned reg)
{
    queue_common_write(&s->q, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    queue_common_write(&s->q, reg, 2, 0);
    g_assert_cmphex(queue_common_read(&s->q, reg, 2), ==, 0);
}

static uint16_t slot_register(Slot *s, int offset)
{
    return qtest_readw(s->vm.qts, ecam(0, PORT_DEVFN, offset));
}

/* The slot is as it was at reset, and the device in it as it says. */
static void assert_in_slot(Slot *s)
{
    g_assert_cmphex(slot_register(s, SLOT_CONTROL), ==, SLOT_IN_USE);
    g_assert_cmphex(slot_register(s, SLOT_STATUS) & SLOT_PRESENT, ==, SLOT_PRESENT);
    g_assert_cmphex(qtest_readl(s->vm.qts, ecam(SECONDARY, 0, 0)), ==, 0x10581af4);
    qtest_qmp_assert_success(s->vm.qts, "{'execute': 'qom-get', 'arguments': {'path': 'vm0', "
                             "'property': 'size'}}");
}

/* After a protocol error it takes a reset, then all is as ever. */
static void assert_works(Slot *s)
{
    queue_start(&s->q, 0);
    assert_response(queue_request(&s->q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    set_requested_size(&s->vm, 64 * MiB);
    assert_response(queue_request(&s->q, VIRTIO_MEM_REQ_PLUG, s->vm.addr, 1, NULL), ACK);
    assert_plugged(&s->vm, 1);
}

/* A request that no device can understand, and nothing else. */
static void protocol_error(Slot *s)
{
    QueueDesc chain[2];

    queue_request_write(&s->q, 0, 0x7777, 0, 0, chain);
    queue_add(&s->q, chain, 2);
    queue_notify(&s->q);
    g_assert_cmphex(queue_status(&s->q) & NEEDS_RESET, ==, NEEDS_RESET);
}

/* ---- messages at the slot ---- */

static void test_answer_to_slot(void)
{
    Slot s;

    slot_start(&s, "");
    slot_aim(&s, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    assert_in_slot(&s);
    assert_works(&s);
    slot_end(&s);
}

static void test_error_to_slot(void)
{
    Slot s;

    slot_start(&s, "");
    slot_aim(&s, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
    vector_set(&s, VIRTIO_PCI_COMMON_MSIX);
    protocol_error(&s);
    assert_in_slot(&s);
    assert_works(&s);
    slot_end(&s);
}

/* What takes long to discard (a file's pages, more than 64 MiB) is answered from the main loop. */
static void test_job_to_slot(void)
{
    QueueDesc chain[2];
    uint32_t len;
    uint16_t id;
    Slot s;

    slot_start_on(&s, "memory-backend-memfd,size=1G", ",requested-size=256M");
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_PLUG, s.vm.addr, 128, NULL), ACK);
    qtest_memset(s.vm.qts, s.vm.addr, 0x5a, 256 * MiB);
    slot_aim(&s, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    queue_request_write(&s.q, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, chain);
    id = queue_add(&s.q, chain, 2);
    queue_notify(&s.q);
    queue_wait(&s.q, id, &len);
    assert_response(queue_response(&s.q, 0), ACK);
    assert_in_slot(&s);
    assert_works(&s);
    slot_end(&s);
}

/* A resize is the operator's doing: its message comes from the monitor. */
static void test_resize_to_slot(void)
{
    Slot s;

    slot_start(&s, "");
    slot_aim(&s, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
    vector_set(&s, VIRTIO_PCI_COMMON_MSIX);
    set_requested_size(&s.vm, 128 * MiB);
    assert_in_slot(&s);
    assert_works(&s);
    slot_end(&s);
}

/* A port alone, whose message about its slot writes that slot's control register. */
static void test_port_to_itself(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine q35 -device pcie-root-port,id=rp0,addr=3");
    QPCIBus *bus = qpci_new_pc(qts, NULL);
    QPCIDevice *port = port_open(bus);

    qpci_msix_enable(port);
    msix_aim(port, 0, ecam(0, PORT_DEVFN, SLOT_CONTROL), 0x07f9);
    /* interrupt when a command is completed, which this one is at once */
    qtest_writew(qts, ecam(0, PORT_DEVFN, SLOT_CONTROL), 0x01f0);
    g_assert_cmphex(qtest_readw(qts, ecam(0, PORT_DEVFN, SLOT_CONTROL)), ==, 0x01f0);
    g_assert_cmphex(qtest_readw(qts, ecam(0, PORT_DEVFN, SLOT_STATUS)) & 0x0010, ==, 0x0010);
    g_free(port);
    qpci_free_pc(bus);
    qtest_quit(qts);
}

/* ---- messages at the device itself ---- */

static uint64_t own_register(Slot *s, unsigned reg)
{
    return s->vm.dev->bar.addr + s->vm.dev->common_cfg_offset + reg;
}

/* The ring goes with the block that it lies in; the error's message would reset the device. */
static void test_ring_unplugged(const void *data)
{
    bool packed = GPOINTER_TO_INT(data);
    QueueDesc chain[2];
    Slot s;

    slot_start(&s, packed ? ",packed=on,requested-size=64M" : ",requested-size=64M");
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_PLUG, s.vm.addr, 1, NULL), ACK);
    queue_negotiate(&s.q, 0);
    s.q.desc = s.vm.addr;
    s.q.driver = s.vm.addr + ARENA_DRIVER;
    s.q.device = s.vm.addr + ARENA_DEVICE;
    queue_enable(&s.q);
    qvirtio_set_driver_ok(s.vm.vdev);
    slot_aim(&s, own_register(&s, VIRTIO_PCI_COMMON_STATUS), 0);
    vector_set(&s, VIRTIO_PCI_COMMON_MSIX);
    queue_request_write(&s.q, 0, VIRTIO_MEM_REQ_UNPLUG, s.vm.addr, 1, chain);
    queue_add(&s.q, chain, 2);
    queue_notify(&s.q);
    g_assert_cmphex(queue_status(&s.q) & NEEDS_RESET, ==, NEEDS_RESET);
    assert_in_slot(&s);
    assert_works(&s);
    slot_end(&s);
}

/* Every register of the device's own, in turn, on each of the ways to a message. */
static void test_own_registers(const void *data)
{
    bool packed = GPOINTER_TO_INT(data);
    uint8_t before;
    Slot s;

    slot_start(&s, packed ? ",packed=on" : "");
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    vector_set(&s, VIRTIO_PCI_COMMON_MSIX);
    before = queue_status(&s.q);
    for (unsigned reg = 0; reg < 0x40; reg += 2) {
        slot_aim(&s, own_register(&s, reg & ~3), 0);
        assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
        set_requested_size(&s.vm, (reg + 1) * 2 * MiB);
        g_assert_cmphex(queue_status(&s.q), ==, before);
    }
    slot_aim(&s, s.vm.dev->bar.addr + s.vm.dev->notify_cfg_offset, 0);
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    /* and the entry that the message is from: it would mask itself */
    slot_aim(&s, s.vm.dev->pdev->msix_table_bar.addr + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    g_assert_false(qpci_msix_masked(s.vm.dev->pdev, 0));
    slot_end(&s);
}

/* What a message may reach, and how much of it: an aligned word of memory. */
static void test_message_to_memory(void)
{
    uint64_t word;
    Slot s;

    slot_start(&s, "");
    word = guest_alloc(&s.vm.alloc, 4096);
    qtest_memset(s.vm.qts, word, 0xee, 16);
    slot_aim(&s, word + 4, 0x600df00d);
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    g_assert_cmphex(qtest_readl(s.vm.qts, word), ==, 0xeeeeeeee);
    g_assert_cmphex(qtest_readl(s.vm.qts, word + 4), ==, 0x600df00d);
    g_assert_cmphex(qtest_readl(s.vm.qts, word + 8), ==, 0xeeeeeeee);
    slot_end(&s);
}

/* ---- other registers ---- */

/* The I/O APIC's index register is 4 bytes that anybody who may write can read back. */
static void test_message_to_ioapic(void)
{
    Slot s;

    slot_start(&s, "");
    qtest_writel(s.vm.qts, 0xfec00000, 0x10);
    slot_aim(&s, 0xfec00000, 0x22);
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    g_assert_cmphex(qtest_readl(s.vm.qts, 0xfec00000), ==, 0x10);
    slot_end(&s);
}

/* The emulator's stderr goes to a file, whose name is returned. */
static char *slot_start_logged(Slot *s)
{
    g_autofree char *name = NULL;
    int log = g_file_open_tmp("pci-reentry-XXXXXX", &name, NULL), stderr_copy = dup(2);

    g_assert_cmpint(log, >=, 0);
    g_assert_cmpint(stderr_copy, >=, 0);
    dup2(log, 2);
    slot_start(s, "");
    dup2(stderr_copy, 2);
    close(stderr_copy);
    close(log);
    return g_steal_pointer(&name);
}

/* A guest cannot fill the operator's log: ten lines in five seconds. */
static void test_lines(void)
{
    g_autofree char *name = NULL, *text = NULL;
    gint64 start;
    Slot s;

    name = slot_start_logged(&s);
    start = g_get_monotonic_time();
    slot_aim(&s, 0xfec00010, 0x22);
    vector_set(&s, VIRTIO_PCI_COMMON_Q_MSIX);
    for (int i = 0; i < 40; i++) {
        assert_response(queue_request(&s.q, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), ACK);
    }
    g_assert_true(g_file_get_contents(name, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "virtio-mem-pci: a device writes to registers ('ioapic', offset "
                            "0x10): ignored"));
    if (g_get_monotonic_time() - start < 5 * G_TIME_SPAN_SECOND) {
        g_auto(GStrv) parts = g_strsplit(text, "a device writes to registers", -1);

        g_assert_cmpint(g_strv_length(parts) - 1, ==, 10);
    }
    unlink(name);
    slot_end(&s);
}

static const uint64_t not_memory[] = { ECAM, 0xfec00000, 0xfee00000, 0xe0000000 };

/* Ring or buffers in registers: an error of the driver's, told without touching them. */
static void test_buffers_in_registers(const void *data)
{
    bool packed = GPOINTER_TO_INT(data);
    Slot s;

    slot_start(&s, packed ? ",packed=on" : "");
    for (unsigned i = 0; i < 3 * G_N_ELEMENTS(not_memory); i++) {
        uint64_t gpa = i % 3 ? not_memory[i / 3] : own_register(&s, 0);
        QueueDesc chain[2];

        queue_start(&s.q, 0);
        slot_aim(&s, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
        vector_set(&s, VIRTIO_PCI_COMMON_MSIX);
        queue_request_write(&s.q, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, chain);
        chain[i % 2].gpa = gpa;
        queue_add(&s.q, chain, 2);
        queue_notify(&s.q);
        g_assert_cmphex(queue_status(&s.q) & NEEDS_RESET, ==, NEEDS_RESET);
        assert_in_slot(&s);
    }
    assert_works(&s);
    slot_end(&s);
}

/* ---- removal: after the write, whatever is between ---- */

#define PC_HOTPLUG_EJECT 0xae08

/* Lines that arrive together are carried out together, before the main loop goes on. */
static void send_together(QTestState *qts, const char *lines)
{
    qtest_raw_send(qts, lines, strlen(lines));
}

static char *release_slot(void)
{
    return g_strdup_printf("writew 0x%x 0x%x\n", ecam(0, PORT_DEVFN, SLOT_CONTROL),
                           SLOT_RELEASED);
}

static void expect_answer(QTestState *qts, const char *expected)
{
    g_autofree char *answer = qtest_raw_receive(qts);

    g_assert_cmpstr(answer, ==, expected);
}

static void wait_until_deleted(QTestState *qts)
{
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");     /* of the device, then of its proxy */
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
}

/* The slot's driver changes its mind at once: nobody has taken the device out yet. */
static void test_removal_taken_back(void)
{
    g_autofree char *release = release_slot();
    g_autofree char *lines = NULL;
    Slot s;

    slot_start(&s, "");
    lines = g_strdup_printf("%swritew 0x%x 0x%x\n", release, ecam(0, PORT_DEVFN, SLOT_CONTROL),
                            SLOT_IN_USE);
    send_together(s.vm.qts, lines);
    expect_answer(s.vm.qts, "OK");
    expect_answer(s.vm.qts, "OK");
    assert_in_slot(&s);
    slot_end(&s);
}

static void test_removal_and_reset(void)
{
    g_autofree char *release = release_slot();
    g_autofree char *lines = g_strconcat(release, "outb 0xcf9 0x2\noutb 0xcf9 0x6\n", NULL);
    Slot s;

    slot_start(&s, "");
    send_together(s.vm.qts, lines);
    for (int i = 0; i < 3; i++) {
        expect_answer(s.vm.qts, "OK");
    }
    wait_until_deleted(s.vm.qts);
    qtest_qmp_eventwait(s.vm.qts, "RESET");
    s.vm.bus->config_writel(s.vm.bus, 0, 0x60, ECAM | 1);
    g_assert_cmphex(slot_register(&s, SLOT_STATUS) & SLOT_PRESENT, ==, 0);
    slot_end(&s);
}

static void test_removal_and_quit(void)
{
    g_autofree char *lines = release_slot();
    Slot s;

    slot_start(&s, "");
    send_together(s.vm.qts, lines);
    slot_end(&s);                                   /* which wants a clean end */
}

static void test_removal_stopped(void)
{
    Slot s;

    slot_start(&s, "");
    qtest_writew(s.vm.qts, ecam(0, PORT_DEVFN, SLOT_CONTROL), SLOT_RELEASED);
    qtest_qmp_assert_success(s.vm.qts, "{'execute': 'stop'}");
    wait_until_deleted(s.vm.qts);
    qtest_qmp_assert_success(s.vm.qts, "{'execute': 'cont'}");
    g_assert_cmphex(slot_register(&s, SLOT_STATUS) & SLOT_PRESENT, ==, 0);
    slot_end(&s);
}

/* ACPI's: the function answers to what comes with the write, and is gone after it. */
static void test_eject(void)
{
    QTestState *qts = qtest_init("-nodefaults -machine pc -m 128M,maxmem=2G "
                                 "-object memory-backend-ram,id=mem0,size=64M "
                                 "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=4");
    g_autofree char *lines = g_strdup_printf("outl 0xcf8 0x80002000\noutl 0x%x 0x10\ninl 0xcfc\n",
                                             PC_HOTPLUG_EJECT);

    send_together(qts, lines);
    expect_answer(qts, "OK");
    expect_answer(qts, "OK");
    expect_answer(qts, "OK 0x10581af4");
    wait_until_deleted(qts);
    g_assert_cmphex(qtest_inl(qts, 0xcfc), ==, UINT32_MAX);
    qtest_quit(qts);
}

#define ADD_REENTRY(name, fn) qtest_add_func("/pci-reentry/" name, fn)
#define ADD_BOTH(name, fn)                                                                \
    qtest_add_data_func("/pci-reentry/" name "/split", GINT_TO_POINTER(false), fn);       \
    qtest_add_data_func("/pci-reentry/" name "/packed", GINT_TO_POINTER(true), fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_REENTRY("slot/answer", test_answer_to_slot);
    ADD_REENTRY("slot/error", test_error_to_slot);
    ADD_REENTRY("slot/job", test_job_to_slot);
    ADD_REENTRY("slot/resize", test_resize_to_slot);
    ADD_REENTRY("slot/port-itself", test_port_to_itself);
    ADD_BOTH("own/ring-unplugged", test_ring_unplugged);
    ADD_BOTH("own/registers", test_own_registers);
    ADD_REENTRY("memory", test_message_to_memory);
    ADD_REENTRY("ioapic", test_message_to_ioapic);
    ADD_REENTRY("lines", test_lines);
    ADD_BOTH("buffers-in-registers", test_buffers_in_registers);
    ADD_REENTRY("removal/taken-back", test_removal_taken_back);
    ADD_REENTRY("removal/and-reset", test_removal_and_reset);
    ADD_REENTRY("removal/and-quit", test_removal_and_quit);
    ADD_REENTRY("removal/stopped", test_removal_stopped);
    ADD_REENTRY("removal/eject", test_eject);
    return g_test_run();
}
