/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of the MSRs that reset needs by name: SDM volume 4 chapter 2; the paravirtual ones from
 * Linux's Documentation/virt/kvm/x86/msr.rst. Local APIC vector table fields: SDM 3A 11.5.1.
 */
#ifndef TARGET_I386_MSR_INDEX_H
#define TARGET_I386_MSR_INDEX_H

#define MSR_IA32_TSC 0x10u
#define MSR_IA32_TSC_ADJUST 0x3bu
#define MSR_IA32_SMBASE 0x9eu
#define MSR_MTRR_CAP 0xfeu
#define MSR_MTRR_PHYS_BASE0 0x200u      /* base, mask pairs */
#define MSR_MTRR_FIX64K_00000 0x250u
#define MSR_MTRR_FIX16K_80000 0x258u
#define MSR_MTRR_FIX16K_A0000 0x259u
#define MSR_MTRR_FIX4K_C0000 0x268u     /* and the seven after it */
#define MSR_IA32_PAT 0x277u
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MTRR_DEF_TYPE_ENABLE 0x800u
#define MTRR_DEF_TYPE_FIXED_ENABLE 0x400u
#define MTRR_TYPE_WB 6u
#define MSR_MC0_CTL 0x400u
#define MSR_IA32_TSC_DEADLINE 0x6e0u

#define MSR_KVM_WALL_CLOCK_OLD 0x11u
#define MSR_KVM_SYSTEM_TIME_OLD 0x12u
#define MSR_KVM_WALL_CLOCK 0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u
#define MSR_KVM_ASYNC_PF_EN 0x4b564d02u
#define MSR_KVM_STEAL_TIME 0x4b564d03u
#define MSR_KVM_PV_EOI_EN 0x4b564d04u
#define MSR_KVM_POLL_CONTROL 0x4b564d05u
#define MSR_KVM_ASYNC_PF_INT 0x4b564d06u
#define MSR_KVM_ASYNC_PF_ACK 0x4b564d07u
#define MSR_KVM_MIGRATION_CONTROL 0x4b564d08u

#define X86_APIC_LVT_MASKED 0x10000u
#define X86_APIC_MODE_NMI 0x400u
#define X86_APIC_MODE_EXTINT 0x700u

#endif /* TARGET_I386_MSR_INDEX_H */
