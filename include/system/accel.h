/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract between the machine and what runs its CPUs. AccelClass names all that hardware may
 * ask of an accelerator; accel/qtest and accel/kvm implement it, nothing else in the tree knows
 * which one is there. Types are named "<name>-accel". A method that is NULL is not needed by that
 * accelerator. Unless said otherwise, methods are called under the big lock, on any thread.
 */
#ifndef SYSTEM_ACCEL_H
#define SYSTEM_ACCEL_H

#include "qom/object.h"

#define TYPE_ACCEL "accel"
OBJECT_DECLARE_TYPE(AccelState, AccelClass, ACCEL)
#define ACCEL_CLASS_SUFFIX "-" TYPE_ACCEL
#define ACCEL_CLASS_NAME(a) (a ACCEL_CLASS_SUFFIX)

struct AccelState {
    Object parent_obj;
};

struct AccelClass {
    ObjectClass parent_class;

    const char *name;              /* as after -accel */
    bool runs_vcpus;               /* false: no vCPU ever runs (qtest) */
    bool has_irqchip;              /* PIC, IOAPIC, LAPICs (and PIT) live in the accelerator */

    /* May the machine's vCPUs be let run? NULL: yes. False with @errp. */
    bool (*check_runnable)(AccelState *as, Error **errp);

    /* Opens the host's facility and makes the VM. Returns 0 or a negative errno with @errp. */
    int (*init_machine)(AccelState *as, MachineState *ms, Error **errp);
    void (*cleanup_machine)(AccelState *as, MachineState *ms);

    /* vCPUs. create: makes thread and host vCPU; the CPU starts stopped. Waits for the thread. */
    bool (*vcpu_create)(AccelState *as, CPUState *cpu, Error **errp);
    void (*vcpu_destroy)(AccelState *as, CPUState *cpu);
    /* Reset state is written to the host vCPU before it next runs. */
    void (*vcpu_reset)(AccelState *as, CPUState *cpu);
    /* Run or stop all vCPUs; stop returns when none executes guest code. */
    void (*vcpus_resume)(AccelState *as);
    void (*vcpus_pause)(AccelState *as);
    /*
     * Has each vCPU note where it stands, without waiting for it. Returns over how many earlier
     * calls in a row some vCPU that is not halted has stood at one instruction, with the same
     * registers, and left the guest for nothing else.
     */
    int (*vcpus_probe)(AccelState *as);
    /* Read the host's registers into the CPU object / write them back (vCPU paused). */
    void (*vcpu_get_state)(AccelState *as, CPUState *cpu);
    void (*vcpu_put_state)(AccelState *as, CPUState *cpu);

    /* Interrupts of an in-accelerator irqchip: level of a GSI, and a message-signalled one. */
    void (*set_gsi)(AccelState *as, unsigned gsi, bool level);
    void (*send_msi)(AccelState *as, uint64_t address, uint32_t data);
    /* System reset of the in-accelerator irqchip, PIT and VM clock. */
    void (*reset_irqchip)(AccelState *as);

    /* CPUID features the host offers a guest: same meaning of arguments as the instruction. */
    void (*get_supported_cpuid)(AccelState *as, uint32_t leaf, uint32_t subleaf,
                                uint32_t regs[4]);
    /* Greatest number of vCPUs; 0: no limit. */
    unsigned (*max_vcpus)(AccelState *as);
    /* Memory slots for memory devices: how many the VM has in all, how many are in use. */
    unsigned (*max_memslots)(AccelState *as);
    unsigned (*used_memslots)(AccelState *as);

    /* Width of guest physical addresses that the host can map, in bits. */
    unsigned (*phys_bits)(AccelState *as);
};

/* The accelerator in use; NULL before it was chosen. */
AccelState *current_accel(void);
AccelClass *current_accel_class(void);
/* Class of "-accel @name", or NULL. */
AccelClass *accel_find(const char *name);
/* Makes @accel current and initialises @ms on it. Returns 0 or a negative errno with @errp. */
int accel_init_machine(AccelState *accel, MachineState *ms, Error **errp);
bool qtest_enabled(void);
bool kvm_enabled(void);

#endif /* SYSTEM_ACCEL_H */
