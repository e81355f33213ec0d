/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the KVM accelerator share: the VM, its vCPUs, memory slots, the tables of
 * set-up steps, and the contract with the target: what depends on the processor's architecture
 * lies in a folder of its own (i386/), of which one is built, and is called by kvm_target_* alone.
 * Every ioctl goes through kvm_ioctl, which tests replace. Source of all ioctls: Linux's
 * Documentation/virt/kvm/api.rst.
 */
#ifndef ACCEL_KVM_INT_H
#define ACCEL_KVM_INT_H

#include <linux/kvm.h>

#include "hw/core/cpu.h"
#include "qemu/thread.h"
#include "system/accel.h"
#include "system/memory.h"

typedef struct KvmVm KvmVm;
typedef struct KvmVcpu KvmVcpu;
typedef struct KvmTargetVm KvmTargetVm;     /* the target's own part of a VM */

/* ioctl(2) and open(2) of /dev/kvm: -1 with errno on failure. */
typedef int (*kvm_ioctl_fn)(int fd, unsigned long request, void *arg);
typedef int (*kvm_open_fn)(const char *path);
extern kvm_ioctl_fn kvm_ioctl;
extern kvm_open_fn kvm_open;

/* Argument of an ioctl that takes a number. */
#define KVM_ARG(n) ((void *)(uintptr_t)(n))

struct KvmVm {
    int kvm_fd;                     /* -1: none */
    int vm_fd;                      /* -1: none */
    int vcpu_mmap_size;

    /* Optional capabilities. */
    int nr_memslots;
    int max_vcpus;
    int recommended_vcpus;
    bool has_readonly_mem;

    KvmTargetVm *target;
    bool running;                   /* vCPUs may run guest code */
    GPtrArray *vcpus;               /* KvmVcpu, in order of creation */
};

/* Where a vCPU stands: the same twice is at the same instruction with the same registers. */
#define KVM_POSITION_WORDS 18
typedef struct KvmPosition {
    bool runnable;                  /* neither halted nor waiting to be started */
    uint64_t words[KVM_POSITION_WORDS];
} KvmPosition;

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
    int probe;                      /* atomic: note where it stands, see kvm_vcpus_probe() */
    int nb_still;                   /* atomic: notes in a row that were the same */
    KvmPosition position;           /* the vCPU thread's: noted last */
    uint64_t nb_exits;              /* the vCPU thread's: KVM_RUN that ended with one */
    uint64_t noted_exits;           /* the same when noted last */
    bool dirty;                     /* registers in the CPU object are to be written on resume */
    bool reset_pending;             /* all of them, and what only a reset writes (time) */
};

/* ---- kvm.c ---- */

/* The VM of the accelerator @as. */
KvmVm *kvm_accel_vm(AccelState *as);

/* ---- setup.c ---- */

typedef struct KvmSetupStep {
    const char *name;               /* of the ioctl or the capability, for messages */
    int (*run)(KvmVm *vm, const struct KvmSetupStep *step, Error **errp);
    unsigned long request;
    long number;                    /* capability, or the ioctl's numeric argument */
    bool optional;                  /* a missing capability is not an error */
    bool keep_result;               /* a capability's value goes to @result */
    bool result_is_flag;
    bool result_in_target;
    size_t result;                  /* offset in KvmVm, or in KvmTargetVm */
} KvmSetupStep;

extern const KvmSetupStep kvm_setup_steps[];
extern const unsigned kvm_nb_setup_steps;

/* For tables: a capability that must be there; one whose value, or presence, is to be kept. */
#define KVM_NEED(cap) \
    { .name = #cap, .run = kvm_step_check_capability, .request = KVM_CHECK_EXTENSION, \
      .number = cap }
#define KVM_RESULT(type, member) .keep_result = true, .result = offsetof(type, member)
#define KVM_CALL(fn, req) { .name = #req, .run = fn, .request = req }

/* Steps that both tables use; all return 0 or a negative errno with @errp. */
int kvm_step_check_capability(KvmVm *vm, const KvmSetupStep *step, Error **errp);
int kvm_step_vm_ioctl_number(KvmVm *vm, const KvmSetupStep *step, Error **errp);
/* Says which step failed; returns @ret. */
int kvm_step_failed(const KvmSetupStep *step, int ret, Error **errp);

/*
 * Opens /dev/kvm and carries out all steps of both tables, the target's last. Returns 0, or a
 * negative errno with @errp that names the step or the missing capability; then everything is
 * closed again.
 */
int kvm_vm_init(KvmVm *vm, Error **errp);
void kvm_vm_cleanup(KvmVm *vm);
/* Calls KVM until a signal does not interrupt it; 0 or more, or a negative errno. */
int kvm_call(int fd, unsigned long request, void *arg);
/* Reports a negative @ret of @what, an ioctl's name. */
void kvm_report(int ret, const char *what);

/* ---- slots.c ---- */

/* Follows address_space_memory (RAM as slots) and both address spaces' ioeventfds. */
void kvm_slots_init(KvmVm *vm);
void kvm_slots_cleanup(void);
unsigned kvm_slots_used(void);

/* ---- vcpu.c ---- */

bool kvm_vcpu_create(KvmVm *vm, CPUState *cpu, Error **errp);
void kvm_vcpu_destroy(KvmVm *vm, CPUState *cpu);
KvmVcpu *kvm_vcpu_find(const CPUState *cpu);
/* What vcpu->run tells of the exit that KVM_RUN came back with; on the vCPU's thread, no locks. */
void kvm_vcpu_handle_exit(KvmVcpu *vcpu);
/* Writes the registers that wait for it, then lets all vCPUs run. */
void kvm_vcpus_resume(KvmVm *vm);
void kvm_vcpus_pause(KvmVm *vm);
/* AccelClass's vcpus_probe. */
int kvm_vcpus_probe(KvmVm *vm);
/* Runs @fn on the (parked) vCPU's own thread and waits for it. */
void kvm_vcpu_run_on(KvmVcpu *vcpu, void (*fn)(KvmVcpu *vcpu, void *opaque), void *opaque);
/* No vCPU executes guest code between these two (big lock held): for changes of memory slots. */
void kvm_guests_hold(KvmVm *vm);
void kvm_guests_release(KvmVm *vm);

/* ---- The target: i386/ ---- */

/* Carried out after kvm_setup_steps, when vm->target is there. */
extern const KvmSetupStep kvm_target_setup_steps[];
extern const unsigned kvm_target_nb_setup_steps;
/* The modules that make /dev/kvm, and what they need, as advice to a user. */
extern const char kvm_target_module_advice[];

KvmTargetVm *kvm_target_vm_new(void);
void kvm_target_vm_free(KvmTargetVm *target);
/* Called once a VM is ready: what a user should know of this host. */
void kvm_target_warn_of_host(void);
/* Adds the methods of AccelClass that only this target has. */
void kvm_target_class_init(AccelClass *ac);

/* The VM's clock while no vCPU runs; both with all vCPUs parked. */
void kvm_target_clock_stop(KvmVm *vm);
void kvm_target_clock_continue(KvmVm *vm);

/* What KVM_CREATE_VCPU is given, and messages name. */
unsigned long kvm_target_vcpu_id(const KvmVcpu *vcpu);

/* Before the vCPU is made in KVM: what must be settled for the VM before its first one. */
bool kvm_target_prepare_vcpu(KvmVcpu *vcpu, Error **errp);
/*
 * On the vCPU's own thread, all of these. The second and third return 0 or a negative errno; *what
 * then names the ioctl. Writing clears vcpu->dirty and vcpu->reset_pending.
 */
bool kvm_target_init_vcpu(KvmVcpu *vcpu, Error **errp);
int kvm_target_put_state(KvmVcpu *vcpu, const char **what);
int kvm_target_get_state(KvmVcpu *vcpu, const char **what);
/* Where the vCPU stands; 0 if KVM does not say. */
uint64_t kvm_target_get_pc(KvmVcpu *vcpu);
/* False if KVM does not say. */
bool kvm_target_get_position(KvmVcpu *vcpu, KvmPosition *position);
/* An exit that only this architecture has: true if it was one, and was dealt with. */
bool kvm_target_handle_exit(KvmVcpu *vcpu);

#endif /* ACCEL_KVM_INT_H */
