/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the KVM accelerator share: the VM, its vCPUs, memory slots and the tables of
 * set-up steps. Every ioctl goes through kvm_ioctl, which tests replace. Source of all ioctls:
 * Linux's Documentation/virt/kvm/api.rst.
 */
#ifndef ACCEL_KVM_INT_H
#define ACCEL_KVM_INT_H

#include <linux/kvm.h>

#include "qemu/thread.h"
#include "system/memory.h"
#include "target/i386/cpu.h"

typedef struct KvmVm KvmVm;
typedef struct KvmVcpu KvmVcpu;

/* ioctl(2) and open(2) of /dev/kvm: -1 with errno on failure. */
typedef int (*kvm_ioctl_fn)(int fd, unsigned long request, void *arg);
typedef int (*kvm_open_fn)(const char *path);
extern kvm_ioctl_fn kvm_ioctl;
extern kvm_open_fn kvm_open;

/* Argument of an ioctl that takes a number. */
#define KVM_ARG(n) ((void *)(uintptr_t)(n))

#define KVM_NB_IOAPIC_PINS 24
#define KVM_NB_PIC_PINS 16

struct KvmVm {
    int kvm_fd;                     /* -1: none */
    int vm_fd;                      /* -1: none */
    int vcpu_mmap_size;

    /* Optional capabilities. */
    int nr_memslots;
    int max_vcpus;
    int recommended_vcpus;
    int xsave2_size;                /* bytes of an XSAVE area above 4 KiB; 0: it fits */
    bool has_xsave;
    bool has_xcrs;
    bool has_readonly_mem;
    bool has_tsc_deadline;
    bool has_kvmclock_ctrl;
    bool has_exception_payload;
    bool has_nested_state;
    bool has_mce;

    struct kvm_cpuid2 *cpuid;       /* KVM_GET_SUPPORTED_CPUID */
    struct kvm_msr_list *msrs;      /* KVM_GET_MSR_INDEX_LIST */

    uint64_t clock;                 /* kvmclock, while stopped */
    bool clock_saved;
    bool running;                   /* vCPUs may run guest code */
    GPtrArray *vcpus;               /* KvmVcpu, in order of creation */
};

struct KvmVcpu {
    KvmVm *vm;
    CPUState *cpu;
    int fd;
    struct kvm_run *run;
    QemuThread thread;
    pthread_t tid;

    /* Between the vCPU's thread and others; under kvm_vcpu_mutex. */
    bool parked;                    /* runs no guest code and will not by itself */
    bool stop;                      /* must park */
    bool quit;
    void (*work)(KvmVcpu *vcpu, void *opaque);
    void *work_opaque;

    int in_guest;                   /* atomic: about to enter, or in, KVM_RUN */
    int attention;                  /* atomic: look at the fields above before the next entry */
    bool dirty;                     /* registers in the CPU object are to be written on resume */
    bool reset_pending;             /* all of them, time and paravirtual MSRs included */
};

/* ---- setup.c ---- */

typedef struct KvmSetupStep {
    const char *name;               /* of the ioctl or the capability, for messages */
    int (*run)(KvmVm *vm, const struct KvmSetupStep *step, Error **errp);
    unsigned long request;
    long number;                    /* capability, or the ioctl's numeric argument */
    bool optional;                  /* a missing capability is not an error */
    size_t result;                  /* where in KvmVm a capability's value goes; 0: nowhere */
    bool result_is_flag;
} KvmSetupStep;

extern const KvmSetupStep kvm_setup_steps[];
extern const unsigned kvm_nb_setup_steps;

/*
 * Opens /dev/kvm and carries out all steps of the table. Returns 0, or a negative errno with @errp
 * that names the step or the missing capability; then everything is closed again.
 */
int kvm_vm_init(KvmVm *vm, Error **errp);
void kvm_vm_cleanup(KvmVm *vm);
/* Calls KVM until a signal does not interrupt it; 0 or more, or a negative errno. */
int kvm_call(int fd, unsigned long request, void *arg);

/* ---- slots.c ---- */

/* Follows address_space_memory (RAM as slots) and both address spaces' ioeventfds. */
void kvm_slots_init(KvmVm *vm);
void kvm_slots_cleanup(void);
unsigned kvm_slots_used(void);

/* ---- vcpu.c ---- */

bool kvm_vcpu_create(KvmVm *vm, CPUState *cpu, Error **errp);
void kvm_vcpu_destroy(KvmVm *vm, CPUState *cpu);
KvmVcpu *kvm_vcpu_find(const CPUState *cpu);
/* Writes the registers that wait for it, then lets all vCPUs run. */
void kvm_vcpus_resume(KvmVm *vm);
void kvm_vcpus_pause(KvmVm *vm);
/* Runs @fn on the (parked) vCPU's own thread and waits for it. */
void kvm_vcpu_run_on(KvmVcpu *vcpu, void (*fn)(KvmVcpu *vcpu, void *opaque), void *opaque);
/* No vCPU executes guest code between these two (big lock held): for changes of memory slots. */
void kvm_guests_hold(KvmVm *vm);
void kvm_guests_release(KvmVm *vm);

/* ---- x86.c: on the vCPU's own thread ---- */

/* After KVM_CREATE_VCPU: CPUID, machine checks, the list of MSRs. */
bool kvm_x86_init_vcpu(KvmVcpu *vcpu, Error **errp);
/* Both return 0 or a negative errno; *what then names the ioctl. */
int kvm_x86_put_state(KvmVcpu *vcpu, const char **what);
int kvm_x86_get_state(KvmVcpu *vcpu, const char **what);
/* System reset of PIC, IOAPIC and PIT. */
int kvm_x86_reset_irqchip(KvmVm *vm, const char **what);
/* What KVM offers, with what it leaves to user space added. */
void kvm_x86_supported_cpuid(const KvmVm *vm, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

#endif /* ACCEL_KVM_INT_H */
