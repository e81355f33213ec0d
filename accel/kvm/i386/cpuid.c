/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM offers of CPUID, with what it leaves to user space added, and CPUID of a new vCPU.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "kvm-x86.h"

#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_6_EAX_ARAT (1u << 2)

static const struct kvm_cpuid_entry2 *find_supported(const KvmVm *vm, uint32_t leaf,
                                                     uint32_t subleaf)
{
    for (uint32_t i = 0; i < vm->target->cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &vm->target->cpuid->entries[i];

        if (entry->function == leaf &&
            (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == subleaf)) {
            return entry;
        }
    }
    return NULL;
}

void kvm_x86_supported_cpuid(const KvmVm *vm, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const struct kvm_cpuid_entry2 *entry = find_supported(vm, leaf, subleaf);

    memset(regs, 0, 4 * sizeof(*regs));
    if (entry) {
        regs[0] = entry->eax;
        regs[1] = entry->ebx;
        regs[2] = entry->ecx;
        regs[3] = entry->edx;
    }
    if (leaf == 1) {
        /* The in-kernel APIC has x2APIC and the deadline timer whatever the host's has. */
        regs[2] |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC;
        regs[2] |= vm->target->has_tsc_deadline ? CPUID_1_ECX_TSC_DEADLINE : 0;
    } else if (leaf == 6) {
        regs[0] |= CPUID_6_EAX_ARAT;
    }
}

bool kvm_x86_set_cpuid(KvmVcpu *vcpu, Error **errp)
{
    X86CpuidEntry entries[X86_CPUID_MAX_ENTRIES];
    unsigned nb_entries = x86_cpu_build_cpuid(X86_CPU(vcpu->cpu), entries, ARRAY_SIZE(entries));
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) + nb_entries * sizeof(cpuid->entries[0]));
    int ret;

    cpuid->nent = nb_entries;
    for (unsigned i = 0; i < nb_entries; i++) {
        cpuid->entries[i] = (struct kvm_cpuid_entry2) {
            .function = entries[i].leaf, .index = entries[i].subleaf,
            .flags = entries[i].has_subleaf ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = entries[i].eax, .ebx = entries[i].ebx,
            .ecx = entries[i].ecx, .edx = entries[i].edx,
        };
    }
    ret = kvm_call(vcpu->fd, KVM_SET_CPUID2, cpuid);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM: KVM_SET_CPUID2 failed");
        return false;
    }
    return true;
}
