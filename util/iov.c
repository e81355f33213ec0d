/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scatter-gather lists as one buffer. */
#include "qemu/osdep.h"
#include "qemu/guarded-copy.h"
#include "qemu/iov.h"

size_t iov_size(const struct iovec *iov, unsigned iov_cnt)
{
    size_t size = 0;

    for (unsigned i = 0; i < iov_cnt; i++) {
        size += iov[i].iov_len;
    }
    return size;
}

typedef enum IovWhat { IOV_FROM_BUF, IOV_TO_BUF, IOV_MEMSET } IovWhat;

static size_t iov_walk(const struct iovec *iov, unsigned iov_cnt, size_t offset, void *buf,
                       int fillc, size_t bytes, IovWhat what)
{
    size_t done = 0;

    for (unsigned i = 0; i < iov_cnt && done < bytes; i++) {
        char *at;
        size_t len;
        bool ok;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        at = (char *)iov[i].iov_base + offset;
        len = MIN(iov[i].iov_len - offset, bytes - done);
        if (what == IOV_FROM_BUF) {
            ok = guarded_copy(at, (char *)buf + done, len);
        } else if (what == IOV_TO_BUF) {
            ok = guarded_copy((char *)buf + done, at, len);
        } else {
            ok = guarded_set(at, fillc, len);
        }
        if (!ok) {
            break;
        }
        done += len;
        offset = 0;
    }
    return done;
}

size_t iov_from_buf(const struct iovec *iov, unsigned iov_cnt, size_t offset, const void *buf,
                    size_t bytes)
{
    return iov_walk(iov, iov_cnt, offset, (void *)buf, 0, bytes, IOV_FROM_BUF);
}

size_t iov_to_buf(const struct iovec *iov, unsigned iov_cnt, size_t offset, void *buf,
                  size_t bytes)
{
    return iov_walk(iov, iov_cnt, offset, buf, 0, bytes, IOV_TO_BUF);
}

size_t iov_memset(const struct iovec *iov, unsigned iov_cnt, size_t offset, int fillc,
                  size_t bytes)
{
    return iov_walk(iov, iov_cnt, offset, NULL, fillc, bytes, IOV_MEMSET);
}
