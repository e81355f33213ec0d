/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A /dev/kvm made of a recorded set (tests/data/cpuid/README): it offers the set's CPUID, MSRs and
 * capabilities, keeps MSRs, and shows what CPUID a vCPU was given. No guest code runs.
 */
#ifndef TESTS_UNIT_FAKE_KVM_H
#define TESTS_UNIT_FAKE_KVM_H

#include "../../accel/kvm/i386/kvm-x86.h"

typedef struct FakeKvm {
    char *name;                     /* the file's, without ".txt" */
    GArray *offered;                /* struct kvm_cpuid_entry2: KVM_GET_SUPPORTED_CPUID */
    GArray *msr_indexes;            /* uint32_t */
    GHashTable *caps;               /* number -> value, of those that are recorded */
    GHashTable *msrs;               /* index -> uint64_t *: of the vCPU */
    GArray *shown;                  /* struct kvm_cpuid_entry2: the last KVM_SET_CPUID2 */
    unsigned disabled_pmus;         /* KVM_ENABLE_CAP of KVM_CAP_PMU_CAPABILITY, "disable" */
} FakeKvm;

/* Reads a set; NULL if there is no such file. */
FakeKvm *fake_kvm_load(const char *path);
void fake_kvm_free(FakeKvm *kvm);
/* From now on kvm_open and kvm_ioctl are of this one. */
void fake_kvm_use(FakeKvm *kvm);

/* The entry of a leaf, or NULL. */
const struct kvm_cpuid_entry2 *fake_kvm_find(const GArray *entries, uint32_t leaf,
                                             uint32_t subleaf);

#endif /* TESTS_UNIT_FAKE_KVM_H */
