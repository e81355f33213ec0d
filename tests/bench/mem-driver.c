/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver that the benches share; see the header. Descriptors 2n and 2n + 1 are request and
 * response n for good, and so are the entries of the ring: a batch starts where the last one ended.
 */
#include "qemu/osdep.h"
#include <sched.h>
#include <sys/mman.h>
#include "libqtest-raw.h"
#include "mem-driver.h"

#define FEATURES (UINT64_C(1) << 32 | UINT64_C(1) << VIRTIO_MEM_F_ACPI_PXM | \
                  UINT64_C(1) << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define TIMEOUT_US 60e6
#define RAM_SIZE ((size_t)(512 * MiB))
/* What libqos and this driver write to of the guest's RAM, from 1 MiB on. */
#define DRIVER_PAGES (64 * KiB)
/* What one command writes: even a slow machine answers within libqtest's time limit. */
#define FILL_STEP ((uint64_t)(128 * MiB))
/* A TiB of address space above RAM needs more address bits than the default CPU has. */
#define MACHINE "-nodefaults -machine %s,memory-backend=ram0 -cpu max,phys-bits=46 " \
                "-m 512M,maxmem=1025G " \
                "-object memory-backend-file,id=ram0,size=512M,share=on,mem-path=/proc/%d/fd/%d "

/* ---- starting and ending ---- */

static void mem_driver_make_ring(MemDriver *d)
{
    for (unsigned i = 0; i < MEM_DRIVER_BATCH; i++) {
        qvirtqueue_add(d->qts, d->vq, d->requests + i * sizeof(struct virtio_mem_req),
                       sizeof(struct virtio_mem_req), false, true);
        qvirtqueue_add(d->qts, d->vq, d->responses + i * sizeof(struct virtio_mem_resp),
                       sizeof(struct virtio_mem_resp), true, false);
    }
    for (unsigned i = 0; i < d->vq->size; i++) {
        qtest_writew(d->qts, d->vq->avail + 4 + 2 * i, i % MEM_DRIVER_BATCH * 2);
    }
}

static void mem_driver_probe(MemDriver *d)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(MEM_DRIVER_SLOT, 0) };
    QVirtioDevice *vdev;

    d->dev = virtio_pci_new(d->bus, &addr);
    vdev = &d->dev->vdev;
    qvirtio_pci_device_enable(d->dev);
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) & FEATURES);
    d->vq = qvirtqueue_setup(vdev, &d->alloc, 0);
    qvirtio_set_driver_ok(vdev);
    d->addr = qvirtio_config_readq(vdev, offsetof(struct virtio_mem_config, addr));
}

static void mem_driver_map_ram(MemDriver *d)
{
    d->ram_fd = memfd_create("guest-ram", MFD_CLOEXEC);
    g_assert_cmpint(d->ram_fd, >=, 0);
    g_assert_cmpint(ftruncate(d->ram_fd, RAM_SIZE), ==, 0);
    d->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->ram_fd, 0);
    g_assert_true(d->ram != MAP_FAILED);
}

static void mem_driver_spawn(MemDriver *d, const char *machine, const char *device)
{
    *d = (MemDriver) { 0 };
    mem_driver_map_ram(d);
    d->qts = qtest_initf(MACHINE "%s", machine, getpid(), d->ram_fd, device);
    pc_alloc_init(&d->alloc, d->qts, ALLOC_NO_FLAGS);
    d->bus = qpci_new_pc(d->qts, &d->alloc);
}

void mem_driver_start_as(MemDriver *d, const char *machine, const char *backend, uint64_t size_mib,
                         const char *properties, const char *options)
{
    g_autofree char *device = g_strdup_printf(
        "-object memory-backend-%s,id=mem0,size=%" PRIu64 "M,reserve=off "
        "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d,requested-size=%" PRIu64 "M,"
        "block-size=2M,unplugged-inaccessible=on%s %s", backend, size_mib, MEM_DRIVER_SLOT,
        size_mib, properties, options);

    mem_driver_spawn(d, machine, device);
    mem_driver_probe(d);
    d->requests = guest_alloc(&d->alloc, MEM_DRIVER_BATCH * sizeof(struct virtio_mem_req));
    d->responses = guest_alloc(&d->alloc, MEM_DRIVER_BATCH * sizeof(struct virtio_mem_resp));
    d->marker = guest_alloc(&d->alloc, sizeof(uint16_t));
    mem_driver_make_ring(d);
}

void mem_driver_start(MemDriver *d, const char *backend, uint64_t size_mib)
{
    mem_driver_start_as(d, "q35", backend, size_mib, "", "");
}

void mem_driver_part_cpus(const MemDriver *d)
{
    static cpu_set_t all;
    cpu_set_t own, others;
    int first = 0;

    if (!CPU_COUNT(&all)) {
        g_assert_cmpint(sched_getaffinity(0, sizeof(all), &all), ==, 0);
    }
    if (CPU_COUNT(&all) < 2) {
        return;
    }
    while (!CPU_ISSET(first, &all)) {
        first++;
    }
    others = all;
    CPU_CLR(first, &others);
    CPU_ZERO(&own);
    CPU_SET(first, &own);
    g_assert_cmpint(sched_setaffinity(qtest_pid(d->qts), sizeof(others), &others), ==, 0);
    g_assert_cmpint(sched_setaffinity(0, sizeof(own), &own), ==, 0);
}

void mem_driver_start_without(MemDriver *d)
{
    mem_driver_spawn(d, "q35", "");
    qtest_memset(d->qts, MiB, 0, DRIVER_PAGES);
}

void mem_driver_end(MemDriver *d)
{
    if (d->dev) {
        qvirtqueue_cleanup(d->dev->vdev.bus, d->vq, &d->alloc);
        qos_object_destroy(&d->dev->obj);
    }
    qpci_free_pc(d->bus);
    alloc_destroy(&d->alloc);
    qtest_quit(d->qts);
    munmap(d->ram, RAM_SIZE);
    close(d->ram_fd);
}

/* ---- requests ---- */

double mem_driver_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* The word of RAM at @addr, with all that was written before it. */
static uint16_t mem_driver_word(const MemDriver *d, uint64_t addr)
{
    return GUINT16_FROM_LE(__atomic_load_n((uint16_t *)(d->ram + addr), __ATOMIC_ACQUIRE));
}

void mem_driver_prepare(MemDriver *d, unsigned i, uint16_t type, uint64_t block, uint16_t nb)
{
    struct virtio_mem_req *request = &d->prepared[i];

    memset(request, 0, sizeof(*request));
    request->type = GUINT16_TO_LE(type);
    request->u.plug.addr = GUINT64_TO_LE(d->addr + block * MEM_DRIVER_BLOCK_SIZE);
    request->u.plug.nb_blocks = GUINT16_TO_LE(nb);
}

void mem_driver_offer(MemDriver *d, unsigned nb)
{
    unsigned first = d->avail_idx % MEM_DRIVER_BATCH;

    g_assert_cmpint(first + nb, <=, MEM_DRIVER_BATCH);
    memcpy(d->ram + d->requests + first * sizeof(struct virtio_mem_req), d->prepared,
           nb * sizeof(struct virtio_mem_req));
    memset(d->ram + d->responses + first * sizeof(struct virtio_mem_resp), 0xee,
           nb * sizeof(struct virtio_mem_resp));
    d->avail_idx += nb;
    __atomic_store_n((uint16_t *)(d->ram + d->vq->avail + 2), GUINT16_TO_LE(d->avail_idx),
                     __ATOMIC_RELEASE);
}

void mem_driver_notify(MemDriver *d)
{
    d->dev->vdev.bus->virtqueue_kick(&d->dev->vdev, d->vq);
}

bool mem_driver_is_done(const MemDriver *d)
{
    return mem_driver_word(d, d->vq->used + 2) == d->avail_idx;
}

void mem_driver_check(MemDriver *d, unsigned nb)
{
    unsigned first = (uint16_t)(d->avail_idx - nb) % MEM_DRIVER_BATCH;
    const struct virtio_mem_resp *responses = (void *)(d->ram + d->responses);

    for (unsigned i = first; i < first + nb; i++) {
        g_assert_cmpint(GUINT16_FROM_LE(responses[i].type), ==, VIRTIO_MEM_RESP_ACK);
    }
    d->state = GUINT16_FROM_LE(responses[first + nb - 1].u.state.state);
}

static void mem_driver_await_answers(MemDriver *d, unsigned nb)
{
    for (unsigned i = 0; i < nb; i++) {
        g_autofree char *line = qtest_raw_receive(d->qts);

        g_assert_cmpstr(line, ==, "OK");
    }
}

/*
 * The marker and the notification go out in one piece, so the emulator is awake and at work when it
 * writes the marker, where the window begins; nobody reads the socket before the window has ended.
 */
double mem_driver_run(MemDriver *d, unsigned nb)
{
    uint64_t notify = d->dev->bar.addr + container_of(d->vq, QVirtQueuePCI, vq)->notify_offset;
    g_autofree char *lines = NULL;
    double sent, start, end;

    mem_driver_offer(d, nb);
    lines = g_strdup_printf("writew 0x%" PRIx64 " 0x%x\nwritew 0x%" PRIx64 " 0x%x\n",
                            d->marker, d->avail_idx, notify, d->vq->index);
    sent = mem_driver_now();
    qtest_raw_send(d->qts, lines, strlen(lines));
    while (mem_driver_word(d, d->marker) != d->avail_idx) {
        g_assert_cmpfloat(mem_driver_now() - sent, <, TIMEOUT_US);
    }
    start = mem_driver_now();
    while (!mem_driver_is_done(d)) {
        g_assert_cmpfloat(mem_driver_now() - start, <, TIMEOUT_US);
    }
    mem_driver_check(d, nb);
    end = mem_driver_now();
    mem_driver_await_answers(d, 2);
    return end - start;
}

/* ---- memory ---- */

void mem_driver_fill(MemDriver *d, uint64_t size)
{
    for (uint64_t done = 0; done < size; done += FILL_STEP) {
        qtest_memset(d->qts, d->addr + done, 0x5a, MIN(size - done, FILL_STEP));
    }
}

uint64_t mem_driver_resident(const MemDriver *d)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)qtest_pid(d->qts));
    g_autofree char *text = NULL;
    uint64_t total, resident;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpint(sscanf(text, "%" SCNu64 " %" SCNu64, &total, &resident), ==, 2);
    return resident * qemu_real_host_page_size();
}

uint64_t mem_driver_resident_exact(const MemDriver *d)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", (int)qtest_pid(d->qts));
    g_autofree char *text = NULL;
    const char *line;
    uint64_t kib;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    line = strstr(text, "\nRss:");
    g_assert_nonnull(line);
    g_assert_cmpint(sscanf(line, "\nRss: %" SCNu64 " kB", &kib), ==, 1);
    return kib * KiB;
}
