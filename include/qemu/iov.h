/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scatter-gather lists: copying to and from an array of struct iovec as if it were one buffer.
 * Offsets and lengths are in bytes; what lies beyond the list's end is silently not copied and
 * the number of bytes really copied is returned.
 */
#ifndef QEMU_IOV_H
#define QEMU_IOV_H

#include <sys/uio.h>

size_t iov_size(const struct iovec *iov, unsigned iov_cnt);
size_t iov_from_buf(const struct iovec *iov, unsigned iov_cnt, size_t offset, const void *buf,
                    size_t bytes);
size_t iov_to_buf(const struct iovec *iov, unsigned iov_cnt, size_t offset, void *buf,
                  size_t bytes);
size_t iov_memset(const struct iovec *iov, unsigned iov_cnt, size_t offset, int fillc,
                  size_t bytes);

#endif /* QEMU_IOV_H */
