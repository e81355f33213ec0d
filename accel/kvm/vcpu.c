/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU threads: one a vCPU, which alone issues its ioctls. A thread is either parked (waiting on
 * kvm_vcpu_cond, doing work it is given) or in its run loop. To get its attention another thread
 * sets vcpu->attention and run->immediate_exit, then signals: whether the vCPU was just before,
 * in, or after KVM_RUN, it looks at its orders before it next enters the guest.
 *
 * Locks: kvm_vcpu_mutex protects what is commented so in KvmVcpu. It may be taken under the big
 * lock; a vCPU thread never takes the big lock while it holds it.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "system/address-spaces.h"
#include "system/ram-supply.h"
#include "system/runstate.h"
#include "kvm-int.h"

#define SIG_IPI SIGUSR1

static QemuMutex kvm_vcpu_mutex = QEMU_MUTEX_INITIALIZER;
static QemuCond kvm_vcpu_cond = QEMU_COND_INITIALIZER;  /* orders for vCPUs, their answers */
static int guests_held;             /* atomic: nobody enters KVM_RUN */
static __thread KvmVcpu *current_vcpu;

static void empty_signal_handler(int sig)
{
}

static void install_signal_handler(void)
{
    struct sigaction action = { .sa_handler = empty_signal_handler, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(SIG_IPI, &action, NULL);
}

KvmVcpu *kvm_vcpu_find(const CPUState *cpu)
{
    return cpu->accel;
}

/* Makes the vCPU leave the guest, or not enter it before it has looked at its orders. */
static void kick(KvmVcpu *vcpu)
{
    __atomic_store_n(&vcpu->attention, 1, __ATOMIC_SEQ_CST);
    if (vcpu->run) {
        __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    }
    if (vcpu != current_vcpu) {
        pthread_kill(vcpu->tid, SIG_IPI);
    }
}

/* ---- Exits, on the vCPU's thread, without locks ---- */

static void park_self(KvmVcpu *vcpu)
{
    qemu_mutex_lock(&kvm_vcpu_mutex);
    vcpu->stop = true;
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    __atomic_store_n(&vcpu->attention, 1, __ATOMIC_SEQ_CST);
}

/* The guest cannot go on: its state is kept for whoever looks at it. Reported by the caller. */
static void stop_for_internal_error(KvmVcpu *vcpu)
{
    park_self(vcpu);
    qemu_system_vmstop_request(RUN_STATE_INTERNAL_ERROR);
}

static void request_reset(KvmVcpu *vcpu)
{
    park_self(vcpu);
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static void request_shutdown(KvmVcpu *vcpu)
{
    park_self(vcpu);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

static void handle_internal_error(KvmVcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;

    error_report("KVM internal error. Suberror: %u, vCPU id %lu at 0x%" PRIx64 "%s",
                 run->internal.suberror, kvm_target_vcpu_id(vcpu), kvm_target_get_pc(vcpu),
                 run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
                 ? " (an instruction that KVM cannot emulate)" : "");
    stop_for_internal_error(vcpu);
}

static void handle_system_event(KvmVcpu *vcpu)
{
    switch (vcpu->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        request_shutdown(vcpu);
        return;
    case KVM_SYSTEM_EVENT_RESET:
        request_reset(vcpu);
        return;
    default:
        error_report("KVM: system event %u: the guest cannot go on",
                     vcpu->run->system_event.type);
        stop_for_internal_error(vcpu);
    }
}

/* Only KVM's own "unknown" has the processor's reason with it. */
static void handle_unknown_exit(KvmVcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    g_autofree char *hardware =
        run->exit_reason == KVM_EXIT_UNKNOWN
        ? g_strdup_printf(", hardware reason 0x%llx", run->hw.hardware_exit_reason) : g_strdup("");

    error_report("KVM: unknown exit, exit_reason %u%s, vCPU id %lu at 0x%" PRIx64,
                 run->exit_reason, hardware, kvm_target_vcpu_id(vcpu), kvm_target_get_pc(vcpu));
    stop_for_internal_error(vcpu);
}

void kvm_vcpu_handle_exit(KvmVcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;

    if (kvm_target_handle_exit(vcpu)) {
        return;
    }
    switch (run->exit_reason) {
    case KVM_EXIT_MMIO:
        address_space_rw(&address_space_memory, run->mmio.phys_addr, MEMTXATTRS_UNSPECIFIED,
                         run->mmio.data, run->mmio.len, run->mmio.is_write);
        return;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_HLT:
        return;
    case KVM_EXIT_SHUTDOWN:
        request_reset(vcpu);
        return;
    case KVM_EXIT_SYSTEM_EVENT:
        handle_system_event(vcpu);
        return;
    case KVM_EXIT_INTERNAL_ERROR:
        handle_internal_error(vcpu);
        return;
    case KVM_EXIT_FAIL_ENTRY:
        error_report("KVM: entry failed, hardware error 0x%llx",
                     run->fail_entry.hardware_entry_failure_reason);
        stop_for_internal_error(vcpu);
        return;
    default:
        handle_unknown_exit(vcpu);
    }
}

/* ---- The run loop ---- */

/* Passes the gate that kvm_guests_hold() closes; in_guest is set when this returns true. */
static bool enter_gate(KvmVcpu *vcpu)
{
    __atomic_store_n(&vcpu->in_guest, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&guests_held, __ATOMIC_SEQ_CST)) {
        return true;
    }
    qemu_mutex_lock(&kvm_vcpu_mutex);
    __atomic_store_n(&vcpu->in_guest, 0, __ATOMIC_SEQ_CST);
    qemu_cond_broadcast(&kvm_vcpu_cond);
    while (__atomic_load_n(&guests_held, __ATOMIC_SEQ_CST)) {
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    return false;
}

static void leave_gate(KvmVcpu *vcpu)
{
    __atomic_store_n(&vcpu->in_guest, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&guests_held, __ATOMIC_SEQ_CST)) {
        qemu_mutex_lock(&kvm_vcpu_mutex);
        qemu_cond_broadcast(&kvm_vcpu_cond);
        qemu_mutex_unlock(&kvm_vcpu_mutex);
    }
}

/* On the main loop: which backend it was is known, or nothing is. */
static void memory_missing(void *opaque)
{
    if (!ram_supply_stop_if_exhausted()) {
        error_report("error: kvm run failed %s (guest memory that the host cannot provide)",
                     g_strerror(EFAULT));
        vm_stop(RUN_STATE_INTERNAL_ERROR);
    }
}

static void run_failed(KvmVcpu *vcpu, int err)
{
    if (err == EFAULT) {
        park_self(vcpu);
        qemu_bh_schedule_oneshot(memory_missing, NULL);
        return;
    }
    error_report("error: kvm run failed %s", g_strerror(err));
    stop_for_internal_error(vcpu);
}

static void enter_guest(KvmVcpu *vcpu)
{
    int ret, err;

    if (!enter_gate(vcpu)) {
        return;
    }
    ret = kvm_ioctl(vcpu->fd, KVM_RUN, NULL);
    err = errno;
    leave_gate(vcpu);
    if (ret >= 0) {
        vcpu->nb_exits++;
        kvm_vcpu_handle_exit(vcpu);
    } else if (err != EINTR && err != EAGAIN) {
        run_failed(vcpu, err);
    }
}

static bool access_is_unfinished(const KvmVcpu *vcpu)
{
    return vcpu->run->exit_reason == KVM_EXIT_IO || vcpu->run->exit_reason == KVM_EXIT_MMIO;
}

/*
 * An access to a device is only finished by the next KVM_RUN, one that enters no guest. It may
 * give rise to further accesses of the same instruction.
 */
static void complete_access(KvmVcpu *vcpu)
{
    while (access_is_unfinished(vcpu)) {
        int ret;

        while (!enter_gate(vcpu)) {
            continue;
        }
        __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        ret = kvm_ioctl(vcpu->fd, KVM_RUN, NULL);
        __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        leave_gate(vcpu);
        if (ret < 0) {
            vcpu->run->exit_reason = KVM_EXIT_INTR;
            return;
        }
        kvm_vcpu_handle_exit(vcpu);
    }
}

/* Called with the mutex: does what others ask for while the vCPU is stopped; false to end. */
static bool wait_for_orders(KvmVcpu *vcpu)
{
    while (!vcpu->quit && (vcpu->stop || vcpu->work)) {
        if (!vcpu->parked) {
            vcpu->parked = true;
            qemu_cond_broadcast(&kvm_vcpu_cond);
        }
        if (vcpu->work) {
            qemu_mutex_unlock(&kvm_vcpu_mutex);
            vcpu->work(vcpu, vcpu->work_opaque);
            qemu_mutex_lock(&kvm_vcpu_mutex);
            vcpu->work = NULL;
            qemu_cond_broadcast(&kvm_vcpu_cond);
            continue;
        }
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    vcpu->parked = vcpu->quit;
    return !vcpu->quit;
}

static bool obey_orders(KvmVcpu *vcpu)
{
    bool go_on;

    complete_access(vcpu);
    qemu_mutex_lock(&kvm_vcpu_mutex);
    __atomic_store_n(&vcpu->attention, 0, __ATOMIC_SEQ_CST);
    go_on = wait_for_orders(vcpu);
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    return go_on;
}

/* Compares where it stands with where it stood when it was last asked. */
static void note_position(KvmVcpu *vcpu)
{
    KvmPosition now;
    bool still = kvm_target_get_position(vcpu, &now) && now.runnable &&
                 vcpu->nb_exits == vcpu->noted_exits &&
                 memcmp(&now, &vcpu->position, sizeof(now)) == 0;

    __atomic_store_n(&vcpu->nb_still, still ? vcpu->nb_still + 1 : 0, __ATOMIC_RELAXED);
    vcpu->position = now;
    vcpu->noted_exits = vcpu->nb_exits;
}

static void run_loop(KvmVcpu *vcpu)
{
    for (;;) {
        __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&vcpu->attention, __ATOMIC_SEQ_CST)) {
            if (!obey_orders(vcpu)) {
                return;
            }
            if (__atomic_exchange_n(&vcpu->probe, 0, __ATOMIC_ACQUIRE)) {
                note_position(vcpu);
            }
            continue;
        }
        enter_guest(vcpu);
    }
}

/* ---- Creation ---- */

typedef struct CreateRequest {
    KvmVcpu *vcpu;
    Error *err;
    bool done;
} CreateRequest;

static bool open_vcpu(KvmVcpu *vcpu, Error **errp)
{
    KvmVm *vm = vcpu->vm;
    unsigned long id = kvm_target_vcpu_id(vcpu);
    int fd;

    if (!kvm_target_prepare_vcpu(vcpu, errp)) {
        return false;
    }
    fd = kvm_call(vm->vm_fd, KVM_CREATE_VCPU, KVM_ARG(id));
    if (fd < 0) {
        error_setg_errno(errp, -fd, "KVM: KVM_CREATE_VCPU failed for vCPU id %lu", id);
        return false;
    }
    vcpu->fd = fd;
    vcpu->run = mmap(NULL, vm->vcpu_mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (vcpu->run == MAP_FAILED) {
        vcpu->run = NULL;
        error_setg_errno(errp, errno, "KVM: mmap of the vCPU's run page failed");
        return false;
    }
    return kvm_target_init_vcpu(vcpu, errp);
}

static void close_vcpu(KvmVcpu *vcpu)
{
    if (vcpu->run) {
        munmap(vcpu->run, vcpu->vm->vcpu_mmap_size);
        vcpu->run = NULL;
    }
    if (vcpu->fd >= 0) {
        close(vcpu->fd);
        vcpu->fd = -1;
    }
}

static void *vcpu_thread(void *opaque)
{
    CreateRequest *request = opaque;
    KvmVcpu *vcpu = request->vcpu;
    sigset_t set;
    bool opened;

    current_vcpu = vcpu;
    current_cpu = vcpu->cpu;
    vcpu->cpu->thread_id = gettid();
    sigfillset(&set);
    sigdelset(&set, SIG_IPI);
    sigdelset(&set, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    opened = open_vcpu(vcpu, &request->err);

    qemu_mutex_lock(&kvm_vcpu_mutex);
    vcpu->tid = pthread_self();
    vcpu->parked = true;
    request->done = true;
    qemu_cond_broadcast(&kvm_vcpu_cond);
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    if (opened) {
        run_loop(vcpu);
    }
    close_vcpu(vcpu);
    return NULL;
}

bool kvm_vcpu_create(KvmVm *vm, CPUState *cpu, Error **errp)
{
    KvmVcpu *vcpu = g_new0(KvmVcpu, 1);
    CreateRequest request = { .vcpu = vcpu };
    g_autofree char *name = g_strdup_printf("CPU %u/KVM", vm->vcpus->len);

    install_signal_handler();
    vcpu->vm = vm;
    vcpu->cpu = cpu;
    vcpu->fd = -1;
    vcpu->stop = true;
    vcpu->attention = 1;
    vcpu->dirty = vcpu->reset_pending = true;
    qemu_thread_create(&vcpu->thread, name, vcpu_thread, &request, QEMU_THREAD_JOINABLE);

    qemu_mutex_lock(&kvm_vcpu_mutex);
    while (!request.done) {
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    if (request.err) {
        qemu_thread_join(&vcpu->thread);
        g_free(vcpu);
        error_propagate(errp, request.err);
        return false;
    }
    cpu->accel = vcpu;
    cpu->created = true;
    g_ptr_array_add(vm->vcpus, vcpu);
    return true;
}

/* The thread may be waiting for the big lock to finish an access: it is let go meanwhile. */
void kvm_vcpu_destroy(KvmVm *vm, CPUState *cpu)
{
    KvmVcpu *vcpu = kvm_vcpu_find(cpu);

    if (!vcpu) {
        return;
    }
    g_ptr_array_remove(vm->vcpus, vcpu);
    cpu->accel = NULL;
    cpu->created = false;
    qemu_mutex_lock(&kvm_vcpu_mutex);
    vcpu->quit = true;
    kick(vcpu);
    qemu_cond_broadcast(&kvm_vcpu_cond);
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    bql_unlock();
    qemu_thread_join(&vcpu->thread);
    bql_lock();
    g_free(vcpu);
}

/* ---- Orders ---- */

void kvm_vcpu_run_on(KvmVcpu *vcpu, void (*fn)(KvmVcpu *vcpu, void *opaque), void *opaque)
{
    qemu_mutex_lock(&kvm_vcpu_mutex);
    assert(vcpu->parked && !vcpu->work);
    vcpu->work = fn;
    vcpu->work_opaque = opaque;
    kick(vcpu);
    qemu_cond_broadcast(&kvm_vcpu_cond);
    while (vcpu->work) {
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
}

static bool all_parked(KvmVm *vm)
{
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (!vcpu->parked && vcpu != current_vcpu) {
            return false;
        }
    }
    return true;
}

/* Gives up the big lock while it waits: a vCPU may need it to finish what it does. */
void kvm_vcpus_pause(KvmVm *vm)
{
    qemu_mutex_lock(&kvm_vcpu_mutex);
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        vcpu->stop = true;
        if (!vcpu->parked) {
            kick(vcpu);
        }
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);

    bql_unlock();
    qemu_mutex_lock(&kvm_vcpu_mutex);
    while (!all_parked(vm)) {
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    bql_lock();
}

int kvm_vcpus_probe(KvmVm *vm)
{
    int nb_still = 0;

    qemu_mutex_lock(&kvm_vcpu_mutex);
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        nb_still = MAX(nb_still, __atomic_load_n(&vcpu->nb_still, __ATOMIC_RELAXED));
        __atomic_store_n(&vcpu->probe, 1, __ATOMIC_RELEASE);
        kick(vcpu);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
    return nb_still;
}

static void put_state_work(KvmVcpu *vcpu, void *opaque)
{
    bool *ok = opaque;
    const char *what = NULL;
    int ret = kvm_target_put_state(vcpu, &what);

    if (ret < 0) {
        error_report("KVM: %s failed: %s", what, g_strerror(-ret));
        *ok = false;
    }
}

/* All registers are written before any vCPU runs: one may send INIT and SIPI to another at once. */
static bool put_all_states(KvmVm *vm)
{
    bool ok = true;

    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (vcpu->dirty) {
            kvm_vcpu_run_on(vcpu, put_state_work, &ok);
        }
    }
    return ok;
}

void kvm_vcpus_resume(KvmVm *vm)
{
    if (!put_all_states(vm)) {
        qemu_system_vmstop_request(RUN_STATE_INTERNAL_ERROR);
        return;
    }
    qemu_mutex_lock(&kvm_vcpu_mutex);
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        vcpu->stop = false;
        __atomic_store_n(&vcpu->nb_still, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&vcpu->attention, 1, __ATOMIC_SEQ_CST);
    }
    qemu_cond_broadcast(&kvm_vcpu_cond);
    qemu_mutex_unlock(&kvm_vcpu_mutex);
}

static bool none_in_guest(KvmVm *vm)
{
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (__atomic_load_n(&vcpu->in_guest, __ATOMIC_SEQ_CST)) {
            return false;
        }
    }
    return true;
}

void kvm_guests_hold(KvmVm *vm)
{
    qemu_mutex_lock(&kvm_vcpu_mutex);
    __atomic_add_fetch(&guests_held, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *vcpu = vm->vcpus->pdata[i];

        if (__atomic_load_n(&vcpu->in_guest, __ATOMIC_SEQ_CST)) {
            kick(vcpu);
        }
    }
    while (!none_in_guest(vm)) {
        qemu_cond_wait(&kvm_vcpu_cond, &kvm_vcpu_mutex);
    }
    qemu_mutex_unlock(&kvm_vcpu_mutex);
}

void kvm_guests_release(KvmVm *vm)
{
    qemu_mutex_lock(&kvm_vcpu_mutex);
    __atomic_sub_fetch(&guests_held, 1, __ATOMIC_SEQ_CST);
    qemu_cond_broadcast(&kvm_vcpu_cond);
    qemu_mutex_unlock(&kvm_vcpu_mutex);
}
