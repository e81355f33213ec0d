/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long virtio-mem takes for a request, with a driver over qtest: requests of one block in batches
 * of 64 through one notification; PLUG, and then UNPLUG of the same adjacent blocks of private
 * anonymous memory, which have been written in between. The timed window goes from the notification
 * until used.idx was read as advanced by the batch; writing the requests is outside it. Every
 * response is checked. Prints microseconds a request, a line for PLUG and one for UNPLUG.
 *
 * Usage: QTEST_QEMU_BINARY=… request-time (tests/bench/bench runs it for both binaries)
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio-pci.h"
#include "standard-headers/linux/virtio_mem.h"

#define BLOCK_SIZE ((uint64_t)(2 * MiB))
#define BATCH 64
#define NB_BATCHES 16
#define NB_BLOCKS (BATCH * NB_BATCHES)
#define SLOT 4
#define FEATURES (UINT64_C(1) << 32 | UINT64_C(1) << VIRTIO_MEM_F_ACPI_PXM | \
                  UINT64_C(1) << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)
#define TIMEOUT_US (10 * G_USEC_PER_SEC)

typedef struct Bench {
    QTestState *qts;
    QGuestAllocator alloc;
    QPCIBus *bus;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq;
    uint64_t addr;        /* of the region */
    uint64_t requests;    /* BATCH of struct virtio_mem_req */
    uint64_t responses;
    uint16_t avail_idx;
} Bench;

/* Descriptors 2n and 2n + 1 are request and response n, for good; so are the ring's entries. */
static void bench_make_ring(Bench *b)
{
    for (unsigned i = 0; i < BATCH; i++) {
        qvirtqueue_add(b->qts, b->vq, b->requests + i * sizeof(struct virtio_mem_req),
                       sizeof(struct virtio_mem_req), false, true);
        qvirtqueue_add(b->qts, b->vq, b->responses + i * sizeof(struct virtio_mem_resp),
                       sizeof(struct virtio_mem_resp), true, false);
    }
    for (unsigned i = 0; i < b->vq->size; i++) {
        qtest_writew(b->qts, b->vq->avail + 4 + 2 * i, i % BATCH * 2);
    }
}

static void bench_start(Bench *b)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
    QVirtioDevice *vdev;

    b->qts = qtest_initf("-nodefaults -machine q35 -m 128M,maxmem=8G "
                         "-object memory-backend-ram,id=mem0,size=%uM "
                         "-device virtio-mem-pci,id=vm0,memdev=mem0,addr=%d,requested-size=%uM,"
                         "block-size=2M,unplugged-inaccessible=on",
                         (unsigned)(NB_BLOCKS * BLOCK_SIZE / MiB), SLOT,
                         (unsigned)(NB_BLOCKS * BLOCK_SIZE / MiB));
    pc_alloc_init(&b->alloc, b->qts, ALLOC_NO_FLAGS);
    b->bus = qpci_new_pc(b->qts, &b->alloc);
    b->dev = virtio_pci_new(b->bus, &addr);
    vdev = &b->dev->vdev;
    qvirtio_pci_device_enable(b->dev);
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) & FEATURES);
    b->vq = qvirtqueue_setup(vdev, &b->alloc, 0);
    qvirtio_set_driver_ok(vdev);
    b->addr = qvirtio_config_readq(vdev, offsetof(struct virtio_mem_config, addr));
    b->requests = guest_alloc(&b->alloc, BATCH * sizeof(struct virtio_mem_req));
    b->responses = guest_alloc(&b->alloc, BATCH * sizeof(struct virtio_mem_resp));
    bench_make_ring(b);
}

static void bench_write_batch(Bench *b, uint16_t type, unsigned first_block)
{
    struct virtio_mem_req requests[BATCH];

    memset(requests, 0, sizeof(requests));
    for (unsigned i = 0; i < BATCH; i++) {
        requests[i].type = GUINT16_TO_LE(type);
        requests[i].u.plug.addr = GUINT64_TO_LE(b->addr + (first_block + i) * BLOCK_SIZE);
        requests[i].u.plug.nb_blocks = GUINT16_TO_LE(1);
    }
    qtest_bufwrite(b->qts, b->requests, requests, sizeof(requests));
    qtest_memset(b->qts, b->responses, 0xee, BATCH * sizeof(struct virtio_mem_resp));
}

static void bench_check_batch(Bench *b)
{
    struct virtio_mem_resp responses[BATCH];

    qtest_bufread(b->qts, b->responses, responses, sizeof(responses));
    for (unsigned i = 0; i < BATCH; i++) {
        g_assert_cmpint(GUINT16_FROM_LE(responses[i].type), ==, VIRTIO_MEM_RESP_ACK);
    }
}

/* Microseconds that one batch took. */
static gint64 bench_batch(Bench *b, uint16_t type, unsigned first_block)
{
    gint64 start, end;

    bench_write_batch(b, type, first_block);
    b->avail_idx += BATCH;
    qtest_writew(b->qts, b->vq->avail + 2, b->avail_idx);
    start = g_get_monotonic_time();
    b->dev->vdev.bus->virtqueue_kick(&b->dev->vdev, b->vq);
    do {
        end = g_get_monotonic_time();
        g_assert_cmpint(end - start, <, TIMEOUT_US);
    } while (qtest_readw(b->qts, b->vq->used + 2) != b->avail_idx);
    end = g_get_monotonic_time();
    bench_check_batch(b);
    return end - start;
}

/* Prints the mean over all blocks. */
static void bench_all(Bench *b, const char *name, uint16_t type)
{
    gint64 sum = 0;

    for (unsigned i = 0; i < NB_BATCHES; i++) {
        sum += bench_batch(b, type, i * BATCH);
    }
    printf("%s %.3f\n", name, (double)sum / NB_BLOCKS);
}

int main(int argc, char **argv)
{
    Bench bench = { 0 };

    bench_start(&bench);
    bench_all(&bench, "PLUG", VIRTIO_MEM_REQ_PLUG);
    qtest_memset(bench.qts, bench.addr, 0x5a, NB_BLOCKS * BLOCK_SIZE);
    bench_all(&bench, "UNPLUG", VIRTIO_MEM_REQ_UNPLUG);
    qvirtqueue_cleanup(bench.dev->vdev.bus, bench.vq, &bench.alloc);
    qos_object_destroy(&bench.dev->obj);
    qpci_free_pc(bench.bus);
    alloc_destroy(&bench.alloc);
    qtest_quit(bench.qts);
    return 0;
}
