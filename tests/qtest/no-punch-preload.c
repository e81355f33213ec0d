/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an emulator by virtio-mem-discard-test: punching holes, by
 * fallocate() or MADV_REMOVE, becomes MADV_DONTNEED or nothing, and succeeds.
 */
/* Both fallocate() and fallocate64() are to be shadowed, so neither may be renamed to the other. */
#undef _FILE_OFFSET_BITS
#include "qemu/osdep.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int punch_nothing(int fd, int mode, off_t offset, off_t len)
{
    if (mode & FALLOC_FL_PUNCH_HOLE) {
        return 0;
    }
    return syscall(SYS_fallocate, fd, mode, offset, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return punch_nothing(fd, mode, offset, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return punch_nothing(fd, mode, offset, len);
}

int madvise(void *addr, size_t len, int advice)
{
    return syscall(SYS_madvise, addr, len, advice == MADV_REMOVE ? MADV_DONTNEED : advice);
}
