/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of virtio-mem-fault-test share: an emulator whose calls on host memory fail or
 * take long when the test says so, and memory that tells whether it was lost.
 */
#ifndef TESTS_QTEST_VIRTIO_MEM_FAULT_H
#define TESTS_QTEST_VIRTIO_MEM_FAULT_H

#include "host-fault.h"
#include "virtio-mem-held.h"

#define ALL (-1)
/* Requests on more than 16 MiB are carried out on a thread, in chunks that begin with as much. */
#define LARGE_BLOCKS 96
#define CHUNK_BLOCKS 8
#define PROPS ",requested-size=256M,unplugged-inaccessible=on"

extern HostFaults *faults;
extern const HeldKind fault_ram;

/* Let @skip calls pass, then @fail of them (ALL: every one) fail with @error. */
void set_fault(HostCall call, int skip, int fail, int error);
/* vm_start() with the library; no call fails. */
void fault_start(Vm *vm, const HeldKind *c, const char *props);
/* Gives each block of a range contents of its own; they have to be there. */
void fill(Vm *vm, uint64_t first, uint64_t nb);
void assert_filled(Vm *vm, uint64_t first, uint64_t nb);
void plug_and_fill(Vm *vm, uint64_t first, uint64_t nb);
/* Blocks that have kept their contents, and they alone, are plugged; returns how many. */
uint64_t assert_exact(Vm *vm, uint64_t nb);

/* Tests that need the library; skipped where it is not named. */
void add_fault_data(const char *path, const void *data, void (*fn)(const void *data));
void add_fault(const char *path, void (*fn)(void));
#define ADD_FAULT(name, fn) add_fault("/virtio-mem-fault/" name, fn)
void add_fault_job_tests(void);

#endif
