/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-accel kvm": AccelClass on Linux's KVM. The VM, its interrupt controllers and timer live in the
 * kernel; slots.c feeds it memory, vcpu.c runs its vCPUs, x86.c moves their registers. There is
 * one VM a process.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/accel.h"
#include "kvm-int.h"

#define TYPE_KVM_ACCEL ACCEL_CLASS_NAME("kvm")
OBJECT_DECLARE_SIMPLE_TYPE(KVMState, KVM_ACCEL)

struct KVMState {
    AccelState parent_obj;

    KvmVm vm;
};

static KvmVm *vm_of(AccelState *as)
{
    return &KVM_ACCEL(as)->vm;
}

static void report(int ret, const char *what)
{
    if (ret < 0) {
        error_report("KVM: %s failed: %s", what, g_strerror(-ret));
    }
}

static bool check_vcpu_count(const KvmVm *vm, const MachineState *ms, Error **errp)
{
    if (ms->smp.max_cpus > vm->max_vcpus) {
        error_setg(errp, "Number of SMP cpus requested (%u) exceeds the maximum cpus supported by "
                   "KVM (%d)", ms->smp.max_cpus, vm->max_vcpus);
        return false;
    }
    if (ms->smp.cpus > vm->recommended_vcpus) {
        warn_report("Number of SMP cpus requested (%u) exceeds the recommended cpus supported by "
                    "KVM (%d)", ms->smp.cpus, vm->recommended_vcpus);
    }
    return true;
}

static int kvm_init_machine(AccelState *as, MachineState *ms, Error **errp)
{
    KvmVm *vm = vm_of(as);
    int ret = kvm_vm_init(vm, errp);

    if (ret < 0) {
        return ret;
    }
    if (!check_vcpu_count(vm, ms, errp)) {
        kvm_vm_cleanup(vm);
        return -EINVAL;
    }
    kvm_slots_init(vm);
    return 0;
}

static void kvm_cleanup_machine(AccelState *as, MachineState *ms)
{
    KvmVm *vm = vm_of(as);

    if (vm->vm_fd < 0) {
        return;
    }
    while (vm->vcpus->len) {
        kvm_vcpu_destroy(vm, ((KvmVcpu *)vm->vcpus->pdata[0])->cpu);
    }
    kvm_slots_cleanup();
    kvm_vm_cleanup(vm);
}

/* ---- vCPUs ---- */

static bool kvm_accel_vcpu_create(AccelState *as, CPUState *cpu, Error **errp)
{
    return kvm_vcpu_create(vm_of(as), cpu, errp);
}

static void kvm_accel_vcpu_destroy(AccelState *as, CPUState *cpu)
{
    kvm_vcpu_destroy(vm_of(as), cpu);
}

static void kvm_accel_vcpu_reset(AccelState *as, CPUState *cpu)
{
    KvmVcpu *vcpu = kvm_vcpu_find(cpu);

    if (vcpu) {
        vcpu->dirty = vcpu->reset_pending = true;
    }
}

static void kvm_accel_vcpu_put_state(AccelState *as, CPUState *cpu)
{
    KvmVcpu *vcpu = kvm_vcpu_find(cpu);

    if (vcpu) {
        vcpu->dirty = true;
    }
}

static void get_state_work(KvmVcpu *vcpu, void *opaque)
{
    const char *what = NULL;

    report(kvm_x86_get_state(vcpu, &what), what);
}

/* State that waits to be written is newer than KVM's. */
static void kvm_accel_vcpu_get_state(AccelState *as, CPUState *cpu)
{
    KvmVcpu *vcpu = kvm_vcpu_find(cpu);

    if (vcpu && !vcpu->dirty) {
        kvm_vcpu_run_on(vcpu, get_state_work, NULL);
    }
}

/* ---- Running, with the VM's clock ---- */

static void clock_stop(KvmVm *vm)
{
    struct kvm_clock_data data = { 0 };
    int ret = kvm_call(vm->vm_fd, KVM_GET_CLOCK, &data);

    report(ret, "KVM_GET_CLOCK");
    vm->clock = data.clock;
    vm->clock_saved = ret >= 0;
}

/* Tells a guest that it was stopped, lest its watchdogs bark; one without kvmclock has none. */
static void clock_ctrl_work(KvmVcpu *vcpu, void *opaque)
{
    int ret = kvm_call(vcpu->fd, KVM_KVMCLOCK_CTRL, NULL);

    report(ret == -EINVAL ? 0 : ret, "KVM_KVMCLOCK_CTRL");
}

static void clock_continue(KvmVm *vm)
{
    struct kvm_clock_data data = { .clock = vm->clock };

    if (!vm->clock_saved) {
        return;
    }
    report(kvm_call(vm->vm_fd, KVM_SET_CLOCK, &data), "KVM_SET_CLOCK");
    vm->clock_saved = false;
    for (unsigned i = 0; vm->has_kvmclock_ctrl && i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (!vcpu->reset_pending) {
            kvm_vcpu_run_on(vcpu, clock_ctrl_work, NULL);
        }
    }
}

static void kvm_accel_vcpus_pause(AccelState *as)
{
    KvmVm *vm = vm_of(as);

    kvm_vcpus_pause(vm);
    if (vm->running) {
        clock_stop(vm);
    }
    vm->running = false;
}

static void kvm_accel_vcpus_resume(AccelState *as)
{
    KvmVm *vm = vm_of(as);

    if (!vm->running) {
        clock_continue(vm);
    }
    vm->running = true;
    kvm_vcpus_resume(vm);
}

/* ---- Interrupts ---- */

static void kvm_accel_set_gsi(AccelState *as, unsigned gsi, bool level)
{
    struct kvm_irq_level request = { .irq = gsi, .level = level };

    report(kvm_call(vm_of(as)->vm_fd, KVM_IRQ_LINE, &request), "KVM_IRQ_LINE");
}

/* A message that no APIC takes is the guest's affair: not an error. */
static void kvm_accel_send_msi(AccelState *as, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address, .address_hi = address >> 32, .data = data,
    };

    kvm_call(vm_of(as)->vm_fd, KVM_SIGNAL_MSI, &msi);
}

static void kvm_accel_reset_irqchip(AccelState *as)
{
    KvmVm *vm = vm_of(as);
    const char *what = NULL;

    report(kvm_x86_reset_irqchip(vm, &what), what);
    vm->clock = 0;
    vm->clock_saved = true;
}

/* ---- What the host offers ---- */

static void kvm_accel_get_supported_cpuid(AccelState *as, uint32_t leaf, uint32_t subleaf,
                                          uint32_t regs[4])
{
    kvm_x86_supported_cpuid(vm_of(as), leaf, subleaf, regs);
}

static unsigned kvm_accel_max_vcpus(AccelState *as)
{
    return vm_of(as)->max_vcpus;
}

static unsigned kvm_accel_max_memslots(AccelState *as)
{
    return vm_of(as)->nr_memslots;
}

static unsigned kvm_accel_used_memslots(AccelState *as)
{
    return kvm_slots_used();
}

static unsigned kvm_accel_phys_bits(AccelState *as)
{
    uint32_t regs[4];

    host_cpuid(0x80000000, 0, regs);
    if (regs[0] < 0x80000008) {
        return 36;
    }
    host_cpuid(0x80000008, 0, regs);
    return regs[0] & 0xff;
}

/* ---- Type ---- */

static char *get_kernel_irqchip(Object *obj, Error **errp)
{
    return g_strdup("on");
}

static void set_kernel_irqchip(Object *obj, const char *value, Error **errp)
{
    if (strcmp(value, "on") != 0) {
        error_setg(errp, "kernel-irqchip=%s is not supported: the interrupt controllers are the "
                   "kernel's, use kernel-irqchip=on", value);
    }
}

static void kvm_accel_instance_init(Object *obj)
{
    KvmVm *vm = &KVM_ACCEL(obj)->vm;

    vm->kvm_fd = vm->vm_fd = -1;
}

static void kvm_accel_class_init(ObjectClass *oc, const void *data)
{
    AccelClass *ac = ACCEL_CLASS(oc);

    ac->name = "kvm";
    ac->runs_vcpus = true;
    ac->has_irqchip = true;
    ac->init_machine = kvm_init_machine;
    ac->cleanup_machine = kvm_cleanup_machine;
    ac->vcpu_create = kvm_accel_vcpu_create;
    ac->vcpu_destroy = kvm_accel_vcpu_destroy;
    ac->vcpu_reset = kvm_accel_vcpu_reset;
    ac->vcpus_resume = kvm_accel_vcpus_resume;
    ac->vcpus_pause = kvm_accel_vcpus_pause;
    ac->vcpu_get_state = kvm_accel_vcpu_get_state;
    ac->vcpu_put_state = kvm_accel_vcpu_put_state;
    ac->set_gsi = kvm_accel_set_gsi;
    ac->send_msi = kvm_accel_send_msi;
    ac->reset_irqchip = kvm_accel_reset_irqchip;
    ac->get_supported_cpuid = kvm_accel_get_supported_cpuid;
    ac->max_vcpus = kvm_accel_max_vcpus;
    ac->max_memslots = kvm_accel_max_memslots;
    ac->used_memslots = kvm_accel_used_memslots;
    ac->phys_bits = kvm_accel_phys_bits;

    object_class_property_add_str(oc, "kernel-irqchip", get_kernel_irqchip, set_kernel_irqchip);
    object_class_property_set_description(oc, "kernel-irqchip",
                                          "Configure KVM in-kernel irqchip");
}

static const TypeInfo kvm_accel_info = {
    .name = TYPE_KVM_ACCEL,
    .parent = TYPE_ACCEL,
    .instance_size = sizeof(KVMState),
    .instance_init = kvm_accel_instance_init,
    .class_init = kvm_accel_class_init,
};

static void kvm_accel_register_types(void)
{
    type_register_static(&kvm_accel_info);
}

type_init(kvm_accel_register_types)
