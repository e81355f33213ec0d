/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test and an emulator with stand-in-preload.so share: a page that says what the vCPUs of
 * the stand-in for KVM do, and what the stand-in refuses. The test (tests/kvm/stand_in.py, which has
 * the same layout) makes the file and names it in KVM_STAND_IN before the emulator starts. Each
 * member is written by one side, which the comment names, as one store.
 */
#ifndef TESTS_KVM_STAND_IN_H
#define TESTS_KVM_STAND_IN_H

#include <stdint.h>

#define STAND_IN_FILE "KVM_STAND_IN"
#define STAND_IN_VCPUS 4
#define STAND_IN_TARGETS 32
#define STAND_IN_ACCESSES 64

typedef enum StandInMode {
    STAND_IN_HALT,          /* as in hlt: KVM_RUN waits, KVM_GET_MP_STATE says halted */
    STAND_IN_SPIN,          /* KVM_RUN does not return and the guest stands at one instruction */
    STAND_IN_WALK,          /* the same, but the instruction pointer moves */
    STAND_IN_RANDOM,        /* each KVM_RUN ends with an access to one of the targets */
    STAND_IN_SCRIPT,        /* as RANDOM with the accesses of the script, then HALT */
    STAND_IN_EFAULT,        /* KVM_RUN fails with EFAULT */
    STAND_IN_UNKNOWN_EXIT,  /* KVM_RUN ends with a reason that nobody knows */
} StandInMode;

typedef struct StandInTarget {
    uint64_t base;          /* of ports or of guest physical memory */
    uint32_t size;          /* bytes */
    uint32_t is_port;
} StandInTarget;

typedef struct StandInAccess {
    uint64_t addr;
    uint64_t value;         /* written; or what was read, by the stand-in */
    uint32_t size;          /* 1, 2, 4 or 8 bytes */
    uint32_t is_port;
    uint32_t is_write;
    uint32_t reserved;
} StandInAccess;

typedef struct StandInVcpu {
    uint32_t mode;          /* the test's; a StandInMode */
    uint32_t seed;          /* the test's: of RANDOM, not 0 */
    uint64_t rip;           /* the test's: of SPIN */
    uint64_t nb_runs;       /* the stand-in's: calls of KVM_RUN */
    uint64_t nb_exits;      /* the stand-in's: accesses that were made */
    uint32_t script_next;   /* both: the next access; the test sets it to 0 before SCRIPT */
    uint32_t script_size;   /* the test's: how many accesses there are */
    StandInAccess script[STAND_IN_ACCESSES];
} StandInVcpu;

typedef struct StandIn {
    uint32_t nb_targets;    /* the test's */
    uint32_t physical_bits; /* the test's: of guest physical addresses; 0: 46 */
    uint64_t slot_limit;    /* the test's: a slot that ends above fails with EINVAL; 0: none does */
    uint32_t nb_slots;      /* the test's: KVM_CAP_NR_MEMSLOTS; 0: 509 */
    uint32_t smm;           /* the test's: KVM_CAP_X86_SMM is there */
    StandInTarget targets[STAND_IN_TARGETS];
    StandInVcpu vcpus[STAND_IN_VCPUS];
} StandIn;

#endif
