/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an emulator by virtio-mem-fault-test: calls by which host memory is got and given
 * back fail when the page named by QTEST_HOST_FAULT_FILE says so (host-fault.h). Without that
 * variable every call is passed on.
 */
/* Both fallocate() and fallocate64() are to be shadowed, so neither may be renamed to the other. */
#undef _FILE_OFFSET_BITS
#include "qemu/osdep.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "host-fault.h"
#include "standard-headers/linux/fs.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static HostFaults *faults;

static __attribute__((constructor)) void faults_map(void)
{
    const char *path = getenv(HOST_FAULT_FILE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    long at = fd < 0 ? -1 : syscall(SYS_mmap, NULL, sizeof(HostFaults), PROT_READ | PROT_WRITE,
                                    MAP_SHARED, fd, 0L);   /* a whole word of it is read */

    if (at != -1) {
        faults = (HostFaults *)at;
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Takes one of a counter that is above 0. */
static bool take(int32_t *counter)
{
    int32_t n = __atomic_load_n(counter, __ATOMIC_ACQUIRE);

    while (n > 0) {
        if (__atomic_compare_exchange_n(counter, &n, n - 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            return true;
        }
    }
    return false;
}

/* True, with errno, if this call is to fail. */
static bool call_fails(HostCall which, uint64_t size)
{
    HostFault *f;

    if (!faults || size < faults->min_size) {
        return false;
    }
    f = &faults->call[which];
    __atomic_fetch_add(&f->calls, 1, __ATOMIC_ACQ_REL);
    if (f->delay_us) {
        struct timespec ts = { f->delay_us / 1000000, f->delay_us % 1000000 * 1000L };

        nanosleep(&ts, NULL);
    }
    if (take(&f->skip) || (f->fail >= 0 && !take(&f->fail))) {
        return false;
    }
    __atomic_fetch_add(&f->failed, 1, __ATOMIC_ACQ_REL);
    errno = f->error;
    return true;
}

static int maybe_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if ((mode & FALLOC_FL_PUNCH_HOLE) && call_fails(HOST_PUNCH, len)) {
        return -1;
    }
    return syscall(SYS_fallocate, fd, mode, offset, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return maybe_fallocate(fd, mode, offset, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return maybe_fallocate(fd, mode, offset, len);
}

int madvise(void *addr, size_t len, int advice)
{
    if (((advice == MADV_DONTNEED || advice == MADV_REMOVE) && call_fails(HOST_DONTNEED, len)) ||
        (advice == MADV_POPULATE_WRITE && call_fails(HOST_POPULATE, len))) {
        return -1;
    }
    return syscall(SYS_madvise, addr, len, advice);
}

static void *maybe_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (call_fails(HOST_MMAP, len)) {
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    return maybe_mmap(addr, len, prot, flags, fd, offset);
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
    return maybe_mmap(addr, len, prot, flags, fd, offset);
}

int ftruncate(int fd, off_t length)
{
    return call_fails(HOST_FTRUNCATE, length) ? -1 : syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return call_fails(HOST_FTRUNCATE, length) ? -1 : syscall(SYS_ftruncate, fd, length);
}

int memfd_create(const char *name, unsigned int flags)
{
    return call_fails(HOST_MEMFD_CREATE, faults ? faults->min_size : 0)
               ? -1 : syscall(SYS_memfd_create, name, flags);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (request == PAGEMAP_SCAN && call_fails(HOST_SCAN, faults ? faults->min_size : 0)) {
        return -1;
    }
    return syscall(SYS_ioctl, fd, request, arg);
}
