/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test and an emulator with host-fault-preload.so share: a page that says which of the
 * emulator's calls on memory are to fail. The test makes a file of HostFaults, maps it and names it
 * in HOST_FAULT_FILE before it starts the emulator with the library preloaded.
 */
#ifndef TESTS_QTEST_HOST_FAULT_H
#define TESTS_QTEST_HOST_FAULT_H

#include <stdint.h>

#define HOST_FAULT_FILE "QTEST_HOST_FAULT_FILE"

typedef enum HostCall {
    HOST_DONTNEED,          /* madvise(MADV_DONTNEED) */
    HOST_POPULATE,          /* madvise(MADV_POPULATE_WRITE) */
    HOST_PUNCH,             /* fallocate(FALLOC_FL_PUNCH_HOLE) */
    HOST_MMAP,
    HOST_FTRUNCATE,
    HOST_MEMFD_CREATE,
    HOST_SCAN,              /* ioctl(PAGEMAP_SCAN), of whatever size */
    HOST_NB_CALLS
} HostCall;

/* Of one kind of call. All but the counters are the test's to write, while the emulator rests. */
typedef struct HostFault {
    int32_t skip;           /* let so many pass first */
    int32_t fail;           /* then so many fail; -1: all */
    int32_t error;          /* with this errno */
    uint32_t delay_us;      /* before each, failing or not */
    int32_t calls;          /* how many there have been */
    int32_t failed;         /* and how many of them failed */
} HostFault;

typedef struct HostFaults {
    uint64_t min_size;      /* of calls on fewer bytes nothing is said, they pass */
    HostFault call[HOST_NB_CALLS];
} HostFaults;

#endif
