/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver that the benches share; see the header. Descriptors 2n and 2n + 1 are request and
 * response n for good, and so are the entries of the ring: a batch starts where the last one ended.
 */
#include "qemu/osdep.h"
#include "libqtest-raw.h"
#include "mem-driver.h"

#define SLOT 4
#define FEATURES (UINT64_C(1) << 32 | UINT64_C(1) << VIRTIO_MEM_F_ACPI_PXM | \
                  UINT64_C(1) << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define TIMEOUT_US (60 * G_USEC_PER_SEC)
/* What libqos and this driver write to of the guest's RAM, from 1 MiB on. */
#define DRIVER_PAGES (64 * KiB)
/* What one command writes: even a slow machine answers within libqtest's time limit. */
#define FILL_STEP ((uint64_t)(128 * MiB))
/* A TiB of address space above RAM needs more address bits than the default CPU has. */
#define MACHINE "-nodefaults -machine q35 -cpu max,phys-bits=46 -m 512M,maxmem=1025G "

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
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
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

static void mem_driver_spawn(MemDriver *d, const char *device)
{
    *d = (MemDriver) { .qts = qtest_initf(MACHINE "%s", device) };
    pc_alloc_init(&d->alloc, d->qts, ALLOC_NO_FLAGS);
    d->bus = qpci_new_pc(d->qts, &d->alloc);
}

void mem_driver_start(MemDriver *d, const char *backend, uint64_t size_mib)
{
    g_autofree char *device = g_strdup_printf(
        "-object memory-backend-%s,id=mem0,size=%" PRIu64 "M,reserve=off "
        "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d,requested-size=%" PRIu64 "M,"
        "block-size=2M,unplugged-inaccessible=on", backend, size_mib, SLOT, size_mib);

    mem_driver_spawn(d, device);
    mem_driver_probe(d);
    d->requests = guest_alloc(&d->alloc, MEM_DRIVER_BATCH * sizeof(struct virtio_mem_req));
    d->responses = guest_alloc(&d->alloc, MEM_DRIVER_BATCH * sizeof(struct virtio_mem_resp));
    mem_driver_make_ring(d);
}

void mem_driver_start_without(MemDriver *d)
{
    mem_driver_spawn(d, "");
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
}

/* ---- requests ---- */

static uint64_t mem_driver_response(const MemDriver *d, uint16_t index)
{
    return d->responses + index % MEM_DRIVER_BATCH * sizeof(struct virtio_mem_resp);
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
    qtest_bufwrite(d->qts, d->requests + first * sizeof(struct virtio_mem_req), d->prepared,
                   nb * sizeof(struct virtio_mem_req));
    qtest_memset(d->qts, mem_driver_response(d, first), 0xee, nb * sizeof(struct virtio_mem_resp));
    d->avail_idx += nb;
    qtest_writew(d->qts, d->vq->avail + 2, d->avail_idx);
}

void mem_driver_notify(MemDriver *d)
{
    d->dev->vdev.bus->virtqueue_kick(&d->dev->vdev, d->vq);
}

bool mem_driver_is_done(MemDriver *d)
{
    return qtest_readw(d->qts, d->vq->used + 2) == d->avail_idx;
}

static void mem_driver_check_responses(MemDriver *d, const struct virtio_mem_resp *responses,
                                       unsigned nb)
{
    for (unsigned i = 0; i < nb; i++) {
        g_assert_cmpint(GUINT16_FROM_LE(responses[i].type), ==, VIRTIO_MEM_RESP_ACK);
    }
    d->state = GUINT16_FROM_LE(responses[nb - 1].u.state.state);
}

void mem_driver_check(MemDriver *d, unsigned nb)
{
    struct virtio_mem_resp responses[MEM_DRIVER_BATCH];
    uint16_t first = d->avail_idx - nb;

    qtest_bufread(d->qts, mem_driver_response(d, first), responses, nb * sizeof(*responses));
    mem_driver_check_responses(d, responses, nb);
}

/* The answer to a line of the protocol after its "OK ". */
static char *mem_driver_answer(MemDriver *d)
{
    g_autofree char *line = qtest_raw_receive(d->qts);

    g_assert_true(g_str_has_prefix(line, "OK"));
    return g_strdup(line[2] ? line + 3 : "");
}

/*
 * The notification, the look at used.idx and the reading of the responses go out in one piece: what
 * is timed is the device, and one trip through the socket, not three.
 */
gint64 mem_driver_run(MemDriver *d, unsigned nb)
{
    uint64_t notify = d->dev->bar.addr + container_of(d->vq, QVirtQueuePCI, vq)->notify_offset;
    uint16_t first = d->avail_idx;   /* of what is about to be offered */
    size_t size = nb * sizeof(struct virtio_mem_resp), decoded;
    g_autofree char *lines = g_strdup_printf(
        "writew 0x%" PRIx64 " 0x%x\nreadw 0x%" PRIx64 "\nb64read 0x%" PRIx64 " 0x%zx\n", notify,
        d->vq->index, d->vq->used + 2, mem_driver_response(d, first), size);
    g_autofree char *kick = NULL, *used = NULL, *responses = NULL;
    g_autofree guchar *bytes = NULL;
    gint64 start;

    mem_driver_offer(d, nb);
    start = g_get_monotonic_time();
    qtest_raw_send(d->qts, lines, strlen(lines));
    kick = mem_driver_answer(d);
    used = mem_driver_answer(d);
    responses = mem_driver_answer(d);
    if (g_ascii_strtoull(used, NULL, 0) != d->avail_idx) {
        while (!mem_driver_is_done(d)) {
            g_assert_cmpint(g_get_monotonic_time() - start, <, TIMEOUT_US);
        }
        mem_driver_check(d, nb);
        return g_get_monotonic_time() - start;
    }
    bytes = g_base64_decode(responses, &decoded);
    g_assert_cmpint(decoded, ==, size);
    mem_driver_check_responses(d, (const struct virtio_mem_resp *)bytes, nb);
    return g_get_monotonic_time() - start;
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
