/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for the kernel's KVM, preloaded into an emulator: /dev/kvm opens, VMs and vCPUs are
 * made, memory slots and registers are kept, and KVM_RUN does what the test's page (stand-in.h)
 * says, so that the threads of vCPUs call the emulator's exit handlers without any guest. The
 * emulator's code is all real, the kernel's is not there: nothing said here is about KVM itself.
 * Source of the calls' meaning: Linux's Documentation/virt/kvm/api.rst.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "stand-in.h"

#define RUN_SIZE 12288          /* what KVM_GET_VCPU_MMAP_SIZE says */
#define MAX_FDS 4096
#define MAX_IOEVENTFDS 512

typedef enum FdKind { FD_NONE, FD_KVM, FD_VM, FD_VCPU } FdKind;

typedef struct Vcpu {
    int index;
    struct kvm_run *run;
    StandInVcpu *page;
    uint32_t random;
    struct kvm_regs regs;
    bool reading;               /* what the last access reads is put into the script */
} Vcpu;

static int (*next_open)(const char *path, int flags, ...);
static int (*next_ioctl)(int fd, unsigned long request, ...);
static int (*next_close)(int fd);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* all below but vCPUs' own */
static uint8_t fd_kinds[MAX_FDS];
static Vcpu *fd_vcpus[MAX_FDS];
static int nb_vcpus;
static StandIn *page;
static StandIn nobody_asked;    /* without a page all vCPUs halt */
static struct kvm_ioeventfd ioeventfds[MAX_IOEVENTFDS];
static int nb_ioeventfds;

__attribute__((constructor)) static void stand_in_init(void)
{
    const char *file = getenv(STAND_IN_FILE);
    int fd;

    next_open = dlsym(RTLD_NEXT, "open");
    next_ioctl = dlsym(RTLD_NEXT, "ioctl");
    next_close = dlsym(RTLD_NEXT, "close");
    page = &nobody_asked;
    fd = file ? next_open(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        next_close(fd);
        if (page == MAP_FAILED) {
            perror("stand-in for KVM: mmap");
            abort();
        }
    }
}

static uint32_t get32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static int new_fd(FdKind kind)
{
    int fd = memfd_create("kvm-stand-in", MFD_CLOEXEC);

    if (fd >= MAX_FDS || ftruncate(fd, RUN_SIZE) < 0) {
        abort();
    }
    pthread_mutex_lock(&lock);
    fd_kinds[fd] = kind;
    pthread_mutex_unlock(&lock);
    return fd;
}

static FdKind fd_kind(int fd)
{
    FdKind kind = FD_NONE;

    if (fd >= 0 && fd < MAX_FDS) {
        pthread_mutex_lock(&lock);
        kind = fd_kinds[fd];
        pthread_mutex_unlock(&lock);
    }
    return kind;
}

/* ---- /dev/kvm ---- */

static void set_leaf(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index, uint32_t flags,
                     const uint32_t regs[4])
{
    cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2) {
        .function = function, .index = index, .flags = flags,
        .eax = regs[0], .ebx = regs[1], .ecx = regs[2], .edx = regs[3],
    };
}

/* A plain 64-bit processor: what x86-64 needs, no XSAVE, no virtualization. */
static int supported_cpuid(struct kvm_cpuid2 *cpuid)
{
    uint32_t bits = page->physical_bits ? page->physical_bits : 46;

    if (cpuid->nent < 8) {
        errno = E2BIG;
        return -1;
    }
    cpuid->nent = 0;
    set_leaf(cpuid, 0, 0, 0, (uint32_t[]) { 1, 0x756e6547, 0x6c65746e, 0x49656e69 });
    set_leaf(cpuid, 1, 0, 0, (uint32_t[]) { 0x00000663, 0, 0x80202001, 0x078bfbff });
    set_leaf(cpuid, 0x40000000, 0, 0, (uint32_t[]) { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d });
    set_leaf(cpuid, 0x40000001, 0, 0, (uint32_t[]) { 0x01000009, 0, 0, 0 });
    set_leaf(cpuid, 0x80000000, 0, 0, (uint32_t[]) { 0x80000008, 0, 0, 0 });
    set_leaf(cpuid, 0x80000001, 0, 0, (uint32_t[]) { 0, 0, 0x00000001, 0x20100800 });
    set_leaf(cpuid, 0x80000008, 0, 0, (uint32_t[]) { 0x3000 | bits, 0, 0, 0 });
    return 0;
}

static int check_extension(long capability)
{
    switch (capability) {
    case KVM_CAP_NR_MEMSLOTS:
        return page->nb_slots ? page->nb_slots : 509;
    case KVM_CAP_NR_VCPUS:
    case KVM_CAP_MAX_VCPUS:
        return STAND_IN_VCPUS;
    case KVM_CAP_X86_SMM:
        return page->smm != 0;
    case KVM_CAP_MULTI_ADDRESS_SPACE:
        return page->smm ? 2 : 0;
    case KVM_CAP_XSAVE:
    case KVM_CAP_XSAVE2:
    case KVM_CAP_XCRS:
    case KVM_CAP_MCE:
    case KVM_CAP_NESTED_STATE:
    case KVM_CAP_EXCEPTION_PAYLOAD:
        return 0;
    default:
        return 1;
    }
}

static int kvm_call(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CREATE_VM:
        return new_fd(FD_VM);
    case KVM_CHECK_EXTENSION:
        return check_extension((long)arg);
    case KVM_GET_VCPU_MMAP_SIZE:
        return RUN_SIZE;
    case KVM_GET_SUPPORTED_CPUID:
        return supported_cpuid(arg);
    case KVM_GET_MSR_INDEX_LIST:
        ((struct kvm_msr_list *)arg)->nmsrs = 0;
        return 0;
    default:
        errno = ENOTTY;
        return -1;
    }
}

/* ---- VMs ---- */

static int create_vcpu(void)
{
    int fd = new_fd(FD_VCPU);
    Vcpu *vcpu = calloc(1, sizeof(*vcpu));

    vcpu->run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (vcpu->run == MAP_FAILED) {
        abort();
    }
    pthread_mutex_lock(&lock);
    vcpu->index = nb_vcpus++;
    vcpu->page = &page->vcpus[vcpu->index % STAND_IN_VCPUS];
    fd_vcpus[fd] = vcpu;
    pthread_mutex_unlock(&lock);
    return fd;
}

static int set_slot(const struct kvm_userspace_memory_region *slot)
{
    if (page->slot_limit && slot->guest_phys_addr + slot->memory_size > page->slot_limit) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static bool same_ioeventfd(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
    const uint32_t kinds = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH;

    return a->addr == b->addr && a->len == b->len && a->fd == b->fd &&
           a->datamatch == b->datamatch && (a->flags & kinds) == (b->flags & kinds);
}

static int set_ioeventfd(const struct kvm_ioeventfd *request)
{
    int ret = -1;

    pthread_mutex_lock(&lock);
    if (!(request->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)) {
        ret = nb_ioeventfds < MAX_IOEVENTFDS ? 0 : -1;
        errno = ENOSPC;
        if (!ret) {
            ioeventfds[nb_ioeventfds++] = *request;
        }
    } else {
        errno = ENOENT;
        for (int i = 0; i < nb_ioeventfds && ret; i++) {
            if (same_ioeventfd(&ioeventfds[i], request)) {
                ioeventfds[i] = ioeventfds[--nb_ioeventfds];
                ret = 0;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

static int vm_call(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_CHECK_EXTENSION:
        return check_extension((long)arg);
    case KVM_CREATE_VCPU:
        return create_vcpu();
    case KVM_SET_USER_MEMORY_REGION:
        return set_slot(arg);
    case KVM_IOEVENTFD:
        return set_ioeventfd(arg);
    case KVM_SIGNAL_MSI:
        return 1;
    case KVM_GET_CLOCK:
        memset(arg, 0, sizeof(struct kvm_clock_data));
        return 0;
    case KVM_GET_IRQCHIP:
        memset((char *)arg + 8, 0, sizeof(struct kvm_irqchip) - 8);
        return 0;
    default:
        return 0;
    }
}

/* ---- vCPUs ---- */

static uint32_t next_random(Vcpu *vcpu)
{
    if (!vcpu->random) {
        vcpu->random = vcpu->page->seed ? vcpu->page->seed : 1;
    }
    vcpu->random ^= vcpu->random << 13;
    vcpu->random ^= vcpu->random >> 17;
    vcpu->random ^= vcpu->random << 5;
    return vcpu->random;
}

/* True if an eventfd takes the write, as the kernel would. */
static bool signal_ioeventfd(const StandInAccess *access)
{
    const uint64_t one = 1;
    int fd = -1;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < nb_ioeventfds && access->is_write; i++) {
        const struct kvm_ioeventfd *e = &ioeventfds[i];

        if (e->addr == access->addr && (!e->len || e->len == access->size) &&
            !(e->flags & KVM_IOEVENTFD_FLAG_PIO) == !access->is_port &&
            (!(e->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) || e->datamatch == access->value)) {
            fd = e->fd;
        }
    }
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        perror("stand-in for KVM: eventfd");
    }
    pthread_mutex_unlock(&lock);
    return fd >= 0;
}

static void exit_with(Vcpu *vcpu, const StandInAccess *access)
{
    struct kvm_run *run = vcpu->run;
    uint8_t *data;

    if (access->is_port) {
        run->exit_reason = KVM_EXIT_IO;
        run->io.direction = access->is_write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
        run->io.size = access->size;
        run->io.port = access->addr;
        run->io.count = 1;
        run->io.data_offset = 4096;
        data = (uint8_t *)run + 4096;
    } else {
        run->exit_reason = KVM_EXIT_MMIO;
        run->mmio.phys_addr = access->addr;
        run->mmio.len = access->size;
        run->mmio.is_write = access->is_write;
        data = run->mmio.data;
    }
    memcpy(data, &access->value, access->size);
    __atomic_add_fetch(&vcpu->page->nb_exits, 1, __ATOMIC_RELAXED);
}

static void random_access(Vcpu *vcpu)
{
    const StandInTarget *target = &page->targets[next_random(vcpu) % page->nb_targets];
    uint32_t size = 1u << next_random(vcpu) % (target->is_port ? 3 : 4);
    StandInAccess access = {
        .addr = target->base + next_random(vcpu) % target->size / size * size,
        .value = (uint64_t)next_random(vcpu) << 32 | next_random(vcpu),
        .size = size, .is_port = target->is_port, .is_write = next_random(vcpu) & 1,
    };

    if (size < 8) {
        access.value &= (1ull << size * 8) - 1;
    }
    if (signal_ioeventfd(&access)) {
        vcpu->run->exit_reason = KVM_EXIT_INTR;
        return;
    }
    exit_with(vcpu, &access);
}

/* False when the script is over. */
static bool script_access(Vcpu *vcpu)
{
    StandInVcpu *p = vcpu->page;
    uint32_t i = get32(&p->script_next);

    if (i >= get32(&p->script_size)) {
        return false;
    }
    if (signal_ioeventfd(&p->script[i])) {
        vcpu->run->exit_reason = KVM_EXIT_INTR;
    } else {
        exit_with(vcpu, &p->script[i]);
        vcpu->reading = !p->script[i].is_write;
    }
    if (!vcpu->reading) {
        __atomic_store_n(&p->script_next, i + 1, __ATOMIC_RELEASE);
    }
    return true;
}

/* What an access read is known when KVM_RUN is called again. */
static void finish_access(Vcpu *vcpu)
{
    StandInVcpu *p = vcpu->page;
    uint32_t i = get32(&p->script_next);
    StandInAccess *access = &p->script[i % STAND_IN_ACCESSES];

    if (!vcpu->reading) {
        return;
    }
    vcpu->reading = false;
    access->value = 0;
    memcpy(&access->value, access->is_port ? (void *)((uint8_t *)vcpu->run + 4096)
                                           : (void *)vcpu->run->mmio.data, access->size);
    __atomic_store_n(&p->script_next, i + 1, __ATOMIC_RELEASE);
}

static int interrupted(Vcpu *vcpu)
{
    vcpu->run->exit_reason = KVM_EXIT_INTR;
    errno = EINTR;
    return -1;
}

static int run_vcpu(Vcpu *vcpu)
{
    const struct timespec pause = { .tv_nsec = 500000 };

    finish_access(vcpu);
    __atomic_add_fetch(&vcpu->page->nb_runs, 1, __ATOMIC_RELAXED);
    for (;;) {
        if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST)) {
            return interrupted(vcpu);
        }
        switch (get32(&vcpu->page->mode)) {
        case STAND_IN_RANDOM:
            random_access(vcpu);
            return 0;
        case STAND_IN_SCRIPT:
            if (script_access(vcpu)) {
                return 0;
            }
            break;
        case STAND_IN_EFAULT:
            errno = EFAULT;
            return -1;
        case STAND_IN_UNKNOWN_EXIT:
            vcpu->run->exit_reason = 4242;
            return 0;
        }
        /* A signal ends this, and has set immediate_exit before. */
        nanosleep(&pause, NULL);
    }
}

static int get_regs(Vcpu *vcpu, struct kvm_regs *regs)
{
    uint32_t mode = get32(&vcpu->page->mode);

    if (mode == STAND_IN_WALK) {
        vcpu->regs.rip++;
    } else if (mode == STAND_IN_SPIN) {
        vcpu->regs.rip = vcpu->page->rip;
    }
    *regs = vcpu->regs;
    return 0;
}

static int get_mp_state(const Vcpu *vcpu, struct kvm_mp_state *state)
{
    uint32_t mode = get32(&vcpu->page->mode);

    state->mp_state = mode == STAND_IN_HALT || mode == STAND_IN_SCRIPT ? KVM_MP_STATE_HALTED
                                                                       : KVM_MP_STATE_RUNNABLE;
    return 0;
}

/* Of other state what was never asked for is 0; nothing depends on it. */
static int vcpu_call(Vcpu *vcpu, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_RUN:
        return run_vcpu(vcpu);
    case KVM_GET_REGS:
        return get_regs(vcpu, arg);
    case KVM_SET_REGS:
        memcpy(&vcpu->regs, arg, sizeof(vcpu->regs));
        return 0;
    case KVM_GET_MP_STATE:
        return get_mp_state(vcpu, arg);
    case KVM_GET_MSRS:
    case KVM_SET_MSRS:
        return ((struct kvm_msrs *)arg)->nmsrs;
    default:
        if (_IOC_DIR(request) & _IOC_READ) {
            memset(arg, 0, _IOC_SIZE(request));
        }
        return 0;
    }
}

/* ---- The calls that are stood in for ---- */

int open(const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = va_arg(args, int);
    va_end(args);
    if (!strcmp(path, "/dev/kvm")) {
        return new_fd(FD_KVM);
    }
    return next_open(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    switch (fd_kind(fd)) {
    case FD_KVM:
        return kvm_call(request, arg);
    case FD_VM:
        return vm_call(request, arg);
    case FD_VCPU:
        return vcpu_call(fd_vcpus[fd], request, arg);
    default:
        return next_ioctl(fd, request, arg);
    }
}

int close(int fd)
{
    if (fd_kind(fd) != FD_NONE) {
        pthread_mutex_lock(&lock);
        fd_kinds[fd] = FD_NONE;
        pthread_mutex_unlock(&lock);
    }
    return next_close(fd);
}
