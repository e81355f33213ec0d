/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long virtio-mem takes for requests, with a driver over qtest on private anonymous memory. A
 * timed window goes from the notification until used.idx was read as advanced and every response
 * was read and checked; the driver sees both in the guest's RAM. Prints lines of a name and a number: microseconds, or bytes.
 *
 * Usage: QTEST_QEMU_BINARY=… request-time SCENARIO [quick] (tests/bench/bench runs it for both
 * binaries; quick: a fraction of the requests)
 *   batch   requests of one block, 64 through one notification: PLUG, and then UNPLUG of the same
 *           adjacent blocks, which have been written in between; the mean of a request
 *   linux   one request of 64 blocks in flight, as Linux has it: PLUG, and UNPLUG of blocks that have
 *           been written and of such that have not; the median request. And what the kernel alone
 *           takes for freeing as much memory of this process, which no device can be faster than
 *   huge    1 TiB: STATE of 65535 plugged blocks, UNPLUG ALL of all blocks, none written (medians);
 *           resident bytes with all of it plugged, and of the machine without the device
 */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "mem-driver.h"

#define BATCH MEM_DRIVER_BATCH
#define NB_BATCHES 16               /* 2 GiB in blocks of 2 MiB */
#define LINUX_BLOCKS 64
#define LINUX_REQUESTS 8            /* with which Linux adds or removes 1 GiB */
#define LINUX_ROUNDS 3
#define REQUEST_MAX 65535           /* blocks */
#define HUGE_BLOCKS (TiB / MEM_DRIVER_BLOCK_SIZE)
#define STATE_SAMPLES 31
#define HUGE_ROUNDS 5

static bool quick;

static void print_value(const char *name, double value)
{
    printf("%s %.3f\n", name, value);
}

static int compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values, unsigned nb)
{
    qsort(values, nb, sizeof(*values), compare_doubles);
    return values[nb / 2];
}

/* ---- batch ---- */

static unsigned batch_count(void)
{
    return quick ? 1 : NB_BATCHES;
}

static double batch_mean(MemDriver *d, uint16_t type)
{
    double sum = 0;

    for (unsigned batch = 0; batch < batch_count(); batch++) {
        for (unsigned i = 0; i < BATCH; i++) {
            mem_driver_prepare(d, i, type, batch * BATCH + i, 1);
        }
        sum += mem_driver_run(d, BATCH);
    }
    return sum / (batch_count() * BATCH);
}

static void scenario_batch(void)
{
    uint64_t size = batch_count() * BATCH * MEM_DRIVER_BLOCK_SIZE;
    MemDriver d;

    mem_driver_start(&d, "ram", size / MiB);
    mem_driver_part_cpus(&d);
    print_value("plug", batch_mean(&d, VIRTIO_MEM_REQ_PLUG));
    mem_driver_fill(&d, size);
    print_value("unplug", batch_mean(&d, VIRTIO_MEM_REQ_UNPLUG));
    mem_driver_end(&d);
}

/* ---- linux ---- */

static void linux_requests(MemDriver *d, uint16_t type, GArray *times)
{
    for (unsigned i = 0; i < (quick ? 1 : LINUX_REQUESTS); i++) {
        double time;

        mem_driver_prepare(d, 0, type, i * LINUX_BLOCKS, LINUX_BLOCKS);
        time = mem_driver_run(d, 1);
        g_array_append_val(times, time);
    }
}

static void linux_print(const char *name, GArray *times)
{
    print_value(name, median((double *)times->data, times->len));
    g_array_free(times, true);
}

/* madvise(2) of as much private anonymous memory, aligned and written like the blocks. */
static void linux_free_own(GArray *times)
{
    size_t size = LINUX_BLOCKS * MEM_DRIVER_BLOCK_SIZE, mapped = size + MEM_DRIVER_BLOCK_SIZE;
    char *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *memory = (char *)QEMU_ALIGN_UP((uintptr_t)map, MEM_DRIVER_BLOCK_SIZE);

    g_assert_true(map != MAP_FAILED);
    madvise(memory, size, MADV_HUGEPAGE);
    for (unsigned i = 0; i < (quick ? 1 : LINUX_REQUESTS); i++) {
        double time;

        memset(memory, 0x5a, size);
        time = mem_driver_now();
        g_assert_cmpint(madvise(memory, size, MADV_DONTNEED), ==, 0);
        time = mem_driver_now() - time;
        g_array_append_val(times, time);
    }
    munmap(map, mapped);
}

static void scenario_linux(void)
{
    uint64_t size = (quick ? 1 : LINUX_REQUESTS) * LINUX_BLOCKS * MEM_DRIVER_BLOCK_SIZE;
    GArray *plug = g_array_new(false, false, sizeof(double));
    GArray *unplug = g_array_new(false, false, sizeof(double));
    GArray *unplug_written = g_array_new(false, false, sizeof(double));
    GArray *kernel = g_array_new(false, false, sizeof(double));
    MemDriver d;

    mem_driver_start(&d, "ram", size / MiB);
    mem_driver_part_cpus(&d);
    for (unsigned round = 0; round < LINUX_ROUNDS; round++) {
        linux_requests(&d, VIRTIO_MEM_REQ_PLUG, plug);
        linux_requests(&d, VIRTIO_MEM_REQ_UNPLUG, unplug);
        linux_requests(&d, VIRTIO_MEM_REQ_PLUG, plug);
        mem_driver_fill(&d, size);
        linux_requests(&d, VIRTIO_MEM_REQ_UNPLUG, unplug_written);
        linux_free_own(kernel);
    }
    linux_print("plug", plug);
    linux_print("unplug", unplug);
    linux_print("unplug-written", unplug_written);
    linux_print("kernel", kernel);
    mem_driver_end(&d);
}

/* ---- huge ---- */

static void huge_plug(MemDriver *d)
{
    for (uint64_t block = 0; block < HUGE_BLOCKS;) {
        uint16_t nb = MIN(HUGE_BLOCKS - block, REQUEST_MAX);

        mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_PLUG, block, nb);
        mem_driver_run(d, 1);
        block += nb;
    }
}

static double huge_state(MemDriver *d)
{
    double times[STATE_SAMPLES];

    for (unsigned i = 0; i < STATE_SAMPLES; i++) {
        mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_STATE, i, REQUEST_MAX);
        times[i] = mem_driver_run(d, 1);
        g_assert_cmpint(d->state, ==, VIRTIO_MEM_STATE_PLUGGED);
    }
    return median(times, STATE_SAMPLES);
}

static double huge_unplug_all(MemDriver *d)
{
    double time;

    mem_driver_prepare(d, 0, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    time = mem_driver_run(d, 1);
    g_assert_cmpint(qvirtio_config_readq(&d->dev->vdev,
                                         offsetof(struct virtio_mem_config, plugged_size)), ==, 0);
    return time;
}

static void scenario_huge(void)
{
    double state[HUGE_ROUNDS], unplug_all[HUGE_ROUNDS];
    uint64_t resident = 0;
    MemDriver d;

    mem_driver_start_without(&d);
    print_value("resident-without", mem_driver_resident_exact(&d));
    mem_driver_end(&d);

    mem_driver_start(&d, "ram", TiB / MiB);
    mem_driver_part_cpus(&d);
    for (unsigned round = 0; round < HUGE_ROUNDS; round++) {
        huge_plug(&d);
        resident = MAX(resident, mem_driver_resident_exact(&d));
        state[round] = huge_state(&d);
        unplug_all[round] = huge_unplug_all(&d);
    }
    print_value("resident-plugged", resident);
    print_value("state", median(state, HUGE_ROUNDS));
    print_value("unplug-all", median(unplug_all, HUGE_ROUNDS));
    mem_driver_end(&d);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        { "batch", scenario_batch }, { "linux", scenario_linux }, { "huge", scenario_huge },
    };

    quick = argc == 3 && g_str_equal(argv[2], "quick");
    for (unsigned i = 0; argc == 2 + quick && i < ARRAY_SIZE(scenarios); i++) {
        if (g_str_equal(argv[1], scenarios[i].name)) {
            scenarios[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: QTEST_QEMU_BINARY=… request-time batch|linux|huge [quick]\n");
    return 2;
}
