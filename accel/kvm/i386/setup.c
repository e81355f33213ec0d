/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making an x86 VM: the second table of steps (the first is in ../setup.c): the pages that Intel
 * processors need, the interrupt controllers, timer and their wiring, and what KVM offers of CPUID
 * and MSRs.
 */
#include "qemu/osdep.h"
#include <cpuid.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "target/i386/kvm-layout.h"
#include "kvm-x86.h"

#define NB_IOAPIC_PINS 24
#define NB_PIC_PINS 16

static int set_identity_map(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    uint64_t address = KVM_X86_IDENTITY_MAP_ADDR;
    int ret = kvm_call(vm->vm_fd, step->request, &address);

    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

static int create_pit(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int ret = kvm_call(vm->vm_fd, step->request, &config);

    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

static void add_route(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry) {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* A PC's wiring: the PIT (GSI 0) is the IOAPIC's pin 2 as the MADT says; the PICs cascade by 2. */
static int set_gsi_routing(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    g_autofree struct kvm_irq_routing *table =
        g_malloc0(sizeof(*table) +
                  (NB_IOAPIC_PINS + NB_PIC_PINS) * sizeof(table->entries[0]));
    int ret;

    for (unsigned gsi = 0; gsi < NB_IOAPIC_PINS; gsi++) {
        if (gsi == 2) {
            continue;
        }
        if (gsi < NB_PIC_PINS) {
            add_route(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                      gsi % 8);
        }
        add_route(table, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : 2);
    }
    ret = kvm_call(vm->vm_fd, step->request, table);
    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

/* KVM tells by E2BIG that the buffer was too small; @size is right when it no longer does. */
static int get_supported_cpuid(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    KvmTargetVm *target = vm->target;
    unsigned nent = 128;
    int ret;

    for (;;) {
        g_free(target->cpuid);
        target->cpuid = g_malloc0(sizeof(*target->cpuid) +
                                  nent * sizeof(target->cpuid->entries[0]));
        target->cpuid->nent = nent;
        ret = kvm_call(vm->kvm_fd, step->request, target->cpuid);
        if (ret != -E2BIG || nent > 4096) {
            return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
        }
        nent *= 2;
    }
}

static int get_msr_list(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    struct kvm_msr_list probe = { .nmsrs = 0 }, *msrs;
    int ret = kvm_call(vm->kvm_fd, step->request, &probe);

    if (ret < 0 && ret != -E2BIG) {
        return kvm_step_failed(step, ret, errp);
    }
    msrs = g_malloc0(sizeof(*msrs) + probe.nmsrs * sizeof(msrs->indices[0]));
    msrs->nmsrs = probe.nmsrs;
    vm->target->msrs = msrs;
    ret = kvm_call(vm->kvm_fd, step->request, msrs);
    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

/* A capability that must be switched on; step->result tells whether it is there. */
static int enable_if_there(KvmVm *vm, const KvmSetupStep *step, Error **errp)
{
    const bool *is_there = (const bool *)((char *)vm->target + step->result);
    struct kvm_enable_cap cap = { .cap = step->number, .args[0] = 1 };
    int ret = *is_there ? kvm_call(vm->vm_fd, step->request, &cap) : 0;

    return ret < 0 ? kvm_step_failed(step, ret, errp) : 0;
}

#define X86_VALUE_IF_ANY(cap, member) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap, .optional = true, .result_in_target = true, \
      KVM_RESULT(KvmTargetVm, member) }
#define X86_FLAG_IF_ANY(cap, member) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap, .optional = true, .result_in_target = true, .result_is_flag = true, \
      KVM_RESULT(KvmTargetVm, member) }

#define ENABLE_IF_THERE(cap, member) \
    { .name = "KVM_ENABLE_CAP", .run = enable_if_there, .request = KVM_ENABLE_CAP, \
      .number = cap, .result = offsetof(KvmTargetVm, member) }

const KvmSetupStep kvm_target_setup_steps[] = {
    KVM_NEED(KVM_CAP_SET_TSS_ADDR),
    KVM_NEED(KVM_CAP_SET_IDENTITY_MAP_ADDR),
    KVM_NEED(KVM_CAP_EXT_CPUID),
    KVM_NEED(KVM_CAP_PIT2),
    KVM_NEED(KVM_CAP_PIT_STATE2),
    KVM_NEED(KVM_CAP_DEBUGREGS),
    KVM_NEED(KVM_CAP_ADJUST_CLOCK),
    X86_VALUE_IF_ANY(KVM_CAP_XSAVE2, xsave2_size),
    X86_FLAG_IF_ANY(KVM_CAP_XSAVE, has_xsave),
    X86_FLAG_IF_ANY(KVM_CAP_XCRS, has_xcrs),
    X86_FLAG_IF_ANY(KVM_CAP_TSC_DEADLINE_TIMER, has_tsc_deadline),
    X86_FLAG_IF_ANY(KVM_CAP_KVMCLOCK_CTRL, has_kvmclock_ctrl),
    X86_FLAG_IF_ANY(KVM_CAP_NESTED_STATE, has_nested_state),
    X86_FLAG_IF_ANY(KVM_CAP_MCE, has_mce),
    X86_FLAG_IF_ANY(KVM_CAP_X86_SMM, has_smm),
    X86_VALUE_IF_ANY(KVM_CAP_MULTI_ADDRESS_SPACE, nb_address_spaces),
    X86_VALUE_IF_ANY(KVM_CAP_PMU_CAPABILITY, pmu_capabilities),
    X86_FLAG_IF_ANY(KVM_CAP_EXCEPTION_PAYLOAD, has_exception_payload),
    X86_FLAG_IF_ANY(KVM_CAP_X86_TRIPLE_FAULT_EVENT, has_triple_fault_event),
    ENABLE_IF_THERE(KVM_CAP_EXCEPTION_PAYLOAD, has_exception_payload),
    ENABLE_IF_THERE(KVM_CAP_X86_TRIPLE_FAULT_EVENT, has_triple_fault_event),

    /* Pages that Intel processors need in guest memory; both before the first vCPU. */
    KVM_CALL(set_identity_map, KVM_SET_IDENTITY_MAP_ADDR),
    { .name = "KVM_SET_TSS_ADDR", .run = kvm_step_vm_ioctl_number, .request = KVM_SET_TSS_ADDR,
      .number = KVM_X86_TSS_ADDR },
    KVM_CALL(kvm_step_vm_ioctl_number, KVM_CREATE_IRQCHIP),
    KVM_CALL(create_pit, KVM_CREATE_PIT2),
    KVM_CALL(set_gsi_routing, KVM_SET_GSI_ROUTING),
    KVM_CALL(get_supported_cpuid, KVM_GET_SUPPORTED_CPUID),
    KVM_CALL(get_msr_list, KVM_GET_MSR_INDEX_LIST),
    KVM_CALL(kvm_x86_set_up_smm, KVM_SET_USER_MEMORY_REGION),
};
const unsigned kvm_target_nb_setup_steps = ARRAY_SIZE(kvm_target_setup_steps);

const char kvm_target_module_advice[] =
    "enable virtualization (VT-x or AMD-V) in the firmware and load the module: 'modprobe "
    "kvm-intel' or 'modprobe kvm-amd'";

KvmTargetVm *kvm_target_vm_new(void)
{
    return g_new0(KvmTargetVm, 1);
}

void kvm_target_vm_free(KvmTargetVm *target)
{
    g_free(target->cpuid);
    g_free(target->msrs);
    kvm_x86_clean_up_smm(target);
    g_free(target);
}

/* Some hosts offer a /dev/kvm that runs kernels made for it, and has others hang without a word. */
void kvm_target_warn_of_host(void)
{
    unsigned eax, ebx, ecx, edx;
    bool vmx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & (1u << 5);
    bool svm = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & (1u << 2);

    if (!vmx && !svm) {
        warn_report("KVM: this processor shows no hardware virtualization (vmx, svm): a kernel "
                    "that is not made for such a host (kvm_pvm) will not boot");
    }
}
