/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-accel kvm": AccelClass on Linux's KVM. The VM, its interrupt controllers and timer live in the
 * kernel; slots.c feeds it memory, vcpu.c runs its vCPUs, the target's folder (i386/) knows their
 * registers and their clock. There is one VM a process.
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

KvmVm *kvm_accel_vm(AccelState *as)
{
    return &KVM_ACCEL(as)->vm;
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
    KvmVm *vm = kvm_accel_vm(as);
    MemoryErrorScope scope;
    int ret = kvm_vm_init(vm, errp);

    if (ret < 0) {
        return ret;
    }
    if (!check_vcpu_count(vm, ms, errp)) {
        kvm_vm_cleanup(vm);
        return -EINVAL;
    }
    memory_errors_begin(&scope);
    kvm_slots_init(vm);
    if (!memory_errors_end(&scope, errp)) {
        kvm_slots_cleanup();
        kvm_vm_cleanup(vm);
        return -EIO;
    }
    return 0;
}

static void kvm_cleanup_machine(AccelState *as, MachineState *ms)
{
    KvmVm *vm = kvm_accel_vm(as);

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
    return kvm_vcpu_create(kvm_accel_vm(as), cpu, errp);
}

static void kvm_accel_vcpu_destroy(AccelState *as, CPUState *cpu)
{
    kvm_vcpu_destroy(kvm_accel_vm(as), cpu);
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

    kvm_report(kvm_target_get_state(vcpu, &what), what);
}

/* State that waits to be written is newer than KVM's. */
static void kvm_accel_vcpu_get_state(AccelState *as, CPUState *cpu)
{
    KvmVcpu *vcpu = kvm_vcpu_find(cpu);

    if (vcpu && !vcpu->dirty) {
        kvm_vcpu_run_on(vcpu, get_state_work, NULL);
    }
}

/* ---- Running ---- */

static void kvm_accel_vcpus_pause(AccelState *as)
{
    KvmVm *vm = kvm_accel_vm(as);

    kvm_vcpus_pause(vm);
    if (vm->running) {
        kvm_target_clock_stop(vm);
    }
    vm->running = false;
}

static void kvm_accel_vcpus_resume(AccelState *as)
{
    KvmVm *vm = kvm_accel_vm(as);

    if (!vm->running) {
        kvm_target_clock_continue(vm);
    }
    vm->running = true;
    kvm_vcpus_resume(vm);
}

static int kvm_accel_vcpus_probe(AccelState *as)
{
    return kvm_vcpus_probe(kvm_accel_vm(as));
}

/* ---- Interrupts ---- */

static void kvm_accel_set_gsi(AccelState *as, unsigned gsi, bool level)
{
    struct kvm_irq_level request = { .irq = gsi, .level = level };

    kvm_report(kvm_call(kvm_accel_vm(as)->vm_fd, KVM_IRQ_LINE, &request), "KVM_IRQ_LINE");
}

/* A message that no APIC takes is the guest's affair: not an error. */
static void kvm_accel_send_msi(AccelState *as, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address, .address_hi = address >> 32, .data = data,
    };

    kvm_call(kvm_accel_vm(as)->vm_fd, KVM_SIGNAL_MSI, &msi);
}

/* ---- What the host offers ---- */

static unsigned kvm_accel_max_vcpus(AccelState *as)
{
    return kvm_accel_vm(as)->max_vcpus;
}

static unsigned kvm_accel_max_memslots(AccelState *as)
{
    return kvm_accel_vm(as)->nr_memslots;
}

static unsigned kvm_accel_used_memslots(AccelState *as)
{
    return kvm_slots_used();
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
    ac->vcpus_probe = kvm_accel_vcpus_probe;
    ac->vcpu_get_state = kvm_accel_vcpu_get_state;
    ac->vcpu_put_state = kvm_accel_vcpu_put_state;
    ac->set_gsi = kvm_accel_set_gsi;
    ac->send_msi = kvm_accel_send_msi;
    ac->max_vcpus = kvm_accel_max_vcpus;
    ac->max_memslots = kvm_accel_max_memslots;
    ac->used_memslots = kvm_accel_used_memslots;
    kvm_target_class_init(ac);

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
