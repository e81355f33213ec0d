/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of a RAM block come and go: discarding gives them back to the host for certain, with the
 * counts of who needs that and who forbids it; preallocation has the host provide them ahead.
 * See fallocate(2), madvise(2).
 */
#include "qemu/osdep.h"

#include <pthread.h>

#include "qapi/error.h"
#include "qemu/guarded-copy.h"
#include "qemu/thread.h"
#include "system/ramblock.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  /* linux/mman.h, since 5.14 */
#endif

/* ---- giving pages back ---------------------------------------------------------------------- */

static int punch_hole(int fd, uint64_t offset, uint64_t length)
{
    while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/*
 * Pages live in the file (shared mapping) or belong to this process alone (private). A private
 * mapping of a file may have both: copies of its own, and what reading put into the file.
 */
int ram_block_discard_range(RAMBlock *rb, uint64_t start, size_t length)
{
    if (start % rb->page_size || length % rb->page_size || start > rb->used_length ||
        length > rb->used_length - start) {
        return -EINVAL;
    }
    if (rb->flags & (RAM_READONLY | RAM_READONLY_FD)) {
        return -EROFS;
    }
    if (rb->flags & RAM_PREALLOC) {
        return -ENOTSUP;
    }
    if (length == 0) {
        return 0;
    }
    if (rb->fd >= 0) {
        int ret = punch_hole(rb->fd, rb->fd_offset + start, length);

        if (ret) {
            return ret;
        }
    }
    if (rb->flags & RAM_SHARED) {
        return 0;
    }
    while (madvise(rb->host + start, length, MADV_DONTNEED) < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/*
 * Anonymous memory takes the place of the file's, in one step: who still writes to the block (a job of a
 * device that fills pages) writes there, and the hole stays one.
 */
int ram_block_discard_for_good(RAMBlock *rb)
{
    if (!(rb->flags & RAM_SHARED) || rb->fd < 0) {
        return -ENOTSUP;
    }
    if (rb->flags & (RAM_READONLY | RAM_READONLY_FD)) {
        return -EROFS;
    }
    if (mmap(rb->host, rb->used_length, PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
        return -errno;
    }
    return punch_hole(rb->fd, rb->fd_offset, rb->used_length);
}

/* ---- who may discard ------------------------------------------------------------------------ */

static struct {
    QemuMutex lock;
    unsigned required;
    unsigned coordinated_required;
    unsigned disabled;
    unsigned uncoordinated_disabled;
} discard_counts = { .lock = QEMU_MUTEX_INITIALIZER };

/* Counts up while both of @against are zero, or down. */
static int discard_count(unsigned *count, bool state, unsigned *against_a, unsigned *against_b)
{
    int ret = 0;

    qemu_mutex_lock(&discard_counts.lock);
    if (!state) {
        assert(*count);
        --*count;
    } else if (*against_a || *against_b) {
        ret = -EBUSY;
    } else {
        ++*count;
    }
    qemu_mutex_unlock(&discard_counts.lock);
    return ret;
}

int ram_block_discard_disable(bool state)
{
    return discard_count(&discard_counts.disabled, state, &discard_counts.required,
                         &discard_counts.coordinated_required);
}

int ram_block_uncoordinated_discard_disable(bool state)
{
    return discard_count(&discard_counts.uncoordinated_disabled, state,
                         &discard_counts.required, &discard_counts.required);
}

int ram_block_discard_require(bool state)
{
    return discard_count(&discard_counts.required, state, &discard_counts.disabled,
                         &discard_counts.uncoordinated_disabled);
}

int ram_block_coordinated_discard_require(bool state)
{
    return discard_count(&discard_counts.coordinated_required, state, &discard_counts.disabled,
                         &discard_counts.disabled);
}

static bool discard_any(const unsigned *a, const unsigned *b)
{
    bool any;

    qemu_mutex_lock(&discard_counts.lock);
    any = *a || *b;
    qemu_mutex_unlock(&discard_counts.lock);
    return any;
}

bool ram_block_discard_is_disabled(void)
{
    return discard_any(&discard_counts.disabled, &discard_counts.uncoordinated_disabled);
}

bool ram_block_discard_is_required(void)
{
    return discard_any(&discard_counts.required, &discard_counts.coordinated_required);
}

/* ---- allocating ahead ----------------------------------------------------------------------- */

typedef struct PreallocJob {
    char *start;
    size_t length;
    size_t page_size;
    int ret;    /* 0 or a negative errno */
} PreallocJob;

static void *prealloc_touch(void *opaque)
{
    PreallocJob *job = opaque;

    job->ret = guarded_touch(job->start, job->length, job->page_size, true) ? 0 : -EFAULT;
    return NULL;
}

static void *prealloc_populate(void *opaque)
{
    PreallocJob *job = opaque;

    while (madvise(job->start, job->length, MADV_POPULATE_WRITE) < 0) {
        if (errno != EINTR && errno != EAGAIN) {
            job->ret = -errno;
            break;
        }
    }
    return NULL;
}

/* Shares the pages out among @nb threads and waits; 0 or the first error. */
static int prealloc_run(void *(*fn)(void *), char *area, size_t pages, size_t page_size,
                        unsigned nb)
{
    g_autofree PreallocJob *jobs = g_new0(PreallocJob, nb);
    g_autofree pthread_t *threads = g_new0(pthread_t, nb);
    g_autofree bool *started = g_new0(bool, nb);
    size_t done = 0;
    int ret = 0;

    for (unsigned i = 0; i < nb; i++) {
        size_t share = pages / nb + (i < pages % nb);

        jobs[i] = (PreallocJob) { area + done * page_size, share * page_size, page_size, 0 };
        done += share;
        started[i] = nb > 1 && pthread_create(&threads[i], NULL, fn, &jobs[i]) == 0;
        if (!started[i]) {
            fn(&jobs[i]);
        }
    }
    for (unsigned i = 0; i < nb; i++) {
        if (started[i]) {
            pthread_join(threads[i], NULL);
        }
        ret = ret ? ret : jobs[i].ret;
    }
    return ret;
}

bool qemu_prealloc_mem(int fd, char *area, size_t sz, int max_threads, ThreadContext *tc,
                       bool async, Error **errp)
{
    size_t page_size = qemu_fd_getpagesize(fd);
    size_t pages = DIV_ROUND_UP(sz, page_size);
    /* A thread must be worth its start: at least 16 pages each. */
    unsigned nb = MAX(MIN((size_t)MAX(max_threads, 1), pages / 16), 1);
    int ret;

    assert(!tc && !async);
    if (pages == 0) {
        return true;
    }
    ret = prealloc_run(prealloc_populate, area, pages, page_size, nb);
    if (ret == -EINVAL) {
        /* A kernel before 5.14, or a mapping that cannot be populated that way. */
        guarded_copy_init();
        ret = prealloc_run(prealloc_touch, area, pages, page_size, nb);
    }
    if (ret) {
        error_setg_errno(errp, -ret, "preallocating memory failed");
        return false;
    }
    return true;
}
