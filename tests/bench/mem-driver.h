/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-mem driver over qtest that does nothing but what a bench times: it keeps its descriptors
 * and ring entries for good, so that one timed window holds a notification and what follows it. The
 * guest's RAM is a file that the driver has mapped as well: like a guest's CPU it sees used.idx and
 * the responses in memory, and no trip through the socket is timed.
 */
#ifndef TESTS_BENCH_MEM_DRIVER_H
#define TESTS_BENCH_MEM_DRIVER_H

#include "libqtest.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio-pci.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_mem.h"

#define MEM_DRIVER_BLOCK_SIZE ((uint64_t)(2 * MiB))
#define MEM_DRIVER_BATCH 64         /* most requests in one notification */

typedef struct MemDriver {
    QTestState *qts;
    QGuestAllocator alloc;
    QPCIBus *bus;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq;
    int ram_fd;
    uint8_t *ram;         /* guest-physical address 0 on */
    uint64_t addr;        /* of the region */
    uint64_t requests;    /* MEM_DRIVER_BATCH of struct virtio_mem_req */
    uint64_t responses;
    uint64_t marker;      /* a word of RAM, written right before a notification */
    struct virtio_mem_req prepared[MEM_DRIVER_BATCH];
    uint16_t avail_idx;   /* behind what has been offered */
    uint16_t state;       /* of the last response checked, where it was one to STATE */
} MemDriver;

#define MEM_DRIVER_SLOT 4           /* of the device "vm0", on the machine's first PCI bus */

/*
 * Starts the emulator of QTEST_QEMU_BINARY as a @machine of 512 MiB, with a device of @size_mib on
 * memory-backend-@backend, all of it requested, and a driver at work on it. @properties: more of
 * the device, with a comma before each; @options: more of the command line.
 */
void mem_driver_start_as(MemDriver *d, const char *machine, const char *backend, uint64_t size_mib,
                         const char *properties, const char *options);
/* The same of a q35, and nothing more. */
void mem_driver_start(MemDriver *d, const char *backend, uint64_t size_mib);
/*
 * From now on this thread is on the first CPU there is and the emulator's main thread on the others:
 * on one and the same the driver would see the begin of a window only after its end. Where there is
 * but one CPU, nothing.
 */
void mem_driver_part_cpus(const MemDriver *d);
/* The same machine without the device; as many of its pages are written as a driver writes. */
void mem_driver_start_without(MemDriver *d);
void mem_driver_end(MemDriver *d);

/* Request number @i of the next batch: @nb blocks from @block on. */
void mem_driver_prepare(MemDriver *d, unsigned i, uint16_t type, uint64_t block, uint16_t nb);
/* Writes the first @nb prepared requests, and avail.idx. Before a timed window. */
void mem_driver_offer(MemDriver *d, unsigned nb);
void mem_driver_notify(MemDriver *d);
/* Whether used.idx now tells that the device has used all that it was given. */
bool mem_driver_is_done(const MemDriver *d);
/* Reads the responses to the last @nb requests; each has to be ACK. */
void mem_driver_check(MemDriver *d, unsigned nb);
/*
 * Offers @nb prepared requests, and returns the microseconds from the notification until used.idx
 * was read as advanced by all of them and every response has been read and checked.
 */
double mem_driver_run(MemDriver *d, unsigned nb);

/* Microseconds by the clock of the windows above. */
double mem_driver_now(void);

/* Writes @size bytes of the device's memory from its start on. */
void mem_driver_fill(MemDriver *d, uint64_t size);
/* Resident pages of the emulator, in bytes, without taking the lock of its memory map. */
uint64_t mem_driver_resident(const MemDriver *d);
/* The same in detail (smaps_rollup), which the kernel counts page by page. */
uint64_t mem_driver_resident_exact(const MemDriver *d);

#endif /* TESTS_BENCH_MEM_DRIVER_H */
