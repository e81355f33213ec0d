/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM blocks (mapping, giving pages back, allocating them ahead) and access to address spaces
 * through their flat views. RAM is copied without any lock; registers under the big lock.
 * See mmap(2), madvise(2), fallocate(2), memfd_create(2).
 */
#include "qemu/osdep.h"

#include <linux/magic.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/vfs.h>

#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "system/memory-internal.h"
#include "system/ramblock.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  /* linux/mman.h, since 5.14 */
#endif

/* Of host addresses, so that transparent huge pages can be used from the first byte on. */
#define RAM_DEFAULT_ALIGN (2 * MiB)
/* A bounce buffer's size: devices map descriptors of registers rarely and never large ones. */
#define BOUNCE_SIZE 4096

static GMutex ram_list_lock;
static RAMBlock *ram_list;

/* ---- mapping -------------------------------------------------------------------------------- */

size_t qemu_fd_getpagesize(int fd)
{
    struct statfs fs;
    int ret;

    if (fd < 0) {
        return qemu_real_host_page_size();
    }
    do {
        ret = fstatfs(fd, &fs);
    } while (ret < 0 && errno == EINTR);
    return ret == 0 && fs.f_type == HUGETLBFS_MAGIC ? (size_t)fs.f_bsize
                                                    : qemu_real_host_page_size();
}

static int ram_mmap_flags(uint32_t flags, int fd)
{
    return MAP_FIXED | (flags & RAM_SHARED ? MAP_SHARED : MAP_PRIVATE) |
           (fd < 0 ? MAP_ANONYMOUS : 0) | (flags & RAM_NORESERVE ? MAP_NORESERVE : 0);
}

/*
 * Maps @size bytes at a multiple of @align, followed by a page that nobody may touch. Address
 * space is set aside first and what is too much of it given back. NULL with errno.
 */
static uint8_t *ram_mmap(uint64_t size, uint64_t align, uint32_t flags, int fd, uint64_t offset)
{
    size_t page = qemu_real_host_page_size();
    size_t total;
    uint8_t *area, *host;
    int prot = PROT_READ | (flags & RAM_READONLY ? 0 : PROT_WRITE);

    if (__builtin_add_overflow(size, align + page, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    area = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        return NULL;
    }
    host = (uint8_t *)QEMU_ALIGN_UP((uintptr_t)area, align);
    if (mmap(host, size, prot, ram_mmap_flags(flags, fd), fd, fd < 0 ? 0 : (off_t)offset) ==
        MAP_FAILED) {
        int saved = errno;

        munmap(area, total);
        errno = saved;
        return NULL;
    }
    if (host > area) {
        munmap(area, host - area);
    }
    if (area + total > host + size + page) {
        munmap(host + size + page, area + total - (host + size + page));
    }
    return host;
}

static void ram_list_add(RAMBlock *rb)
{
    g_mutex_lock(&ram_list_lock);
    rb->next = ram_list;
    ram_list = rb;
    g_mutex_unlock(&ram_list_lock);
}

static RAMBlock *ram_block_new(MemoryRegion *mr, uint8_t *host, uint64_t size, size_t page_size,
                               uint64_t align, uint32_t flags, int fd, uint64_t fd_offset)
{
    RAMBlock *rb = g_new0(RAMBlock, 1);

    *rb = (RAMBlock) {
        .mr = mr,
        .host = host,
        .used_length = size,
        .mapped_length = size + qemu_real_host_page_size(),
        .page_size = page_size,
        .align = align,
        .fd = fd,
        .fd_offset = fd_offset,
        .flags = flags,
    };
    ram_list_add(rb);
    return rb;
}

/* Whether the kernel will really skip reservation if asked to. */
static bool noreserve_works(uint32_t flags, int fd, Error **errp)
{
    g_autofree char *mode = NULL;

    if (!(flags & RAM_NORESERVE) || fd >= 0) {
        return true;
    }
    if (g_file_get_contents("/proc/sys/vm/overcommit_memory", &mode, NULL, NULL) &&
        mode[0] == '2') {
        error_setg(errp, "Skipping reservation of swap space is not supported: "
                   "\"/proc/sys/vm/overcommit_memory\" is \"2\"");
        return false;
    }
    return true;
}

/* Best effort: none of these changes what the memory holds. */
static void ram_advise(RAMBlock *rb)
{
    madvise(rb->host, rb->used_length, MADV_HUGEPAGE);
    madvise(rb->host, rb->used_length, MADV_DONTFORK);
}

RAMBlock *qemu_ram_alloc(MemoryRegion *mr, uint64_t size, uint32_t flags, Error **errp)
{
    size_t page = qemu_real_host_page_size();
    uint64_t rounded = QEMU_ALIGN_UP(size, page);
    RAMBlock *rb;
    uint8_t *host;

    if (flags & RAM_SHARED) {
        int fd = qemu_memfd_create(memory_region_name(mr), rounded, false, 0, 0, errp);

        rb = fd < 0 ? NULL : qemu_ram_alloc_from_fd(mr, size, 0, flags, fd, 0, errp);
        if (!rb && fd >= 0) {
            close(fd);
        }
        return rb;
    }
    if (!noreserve_works(flags, -1, errp)) {
        return NULL;
    }
    host = rounded >= size ? ram_mmap(rounded, RAM_DEFAULT_ALIGN, flags, -1, 0) : NULL;
    if (!host) {
        error_setg_errno(errp, rounded >= size ? errno : ENOMEM,
                         "cannot set up guest memory '%s'", memory_region_name(mr));
        return NULL;
    }
    rb = ram_block_new(mr, host, rounded, page, RAM_DEFAULT_ALIGN, flags, -1, 0);
    ram_advise(rb);
    return rb;
}

static bool check_file_alignment(uint64_t align, uint64_t offset, size_t page, Error **errp)
{
    if (align % page) {
        error_setg(errp, "alignment 0x%" PRIx64 " must be multiples of page size 0x%zx", align,
                   page);
        return false;
    }
    if (align && !is_power_of_2(align)) {
        error_setg(errp, "alignment 0x%" PRIx64 " must be a power of two", align);
        return false;
    }
    if (offset % page) {
        error_setg(errp, "offset 0x%" PRIx64 " must be multiples of page size 0x%zx", offset,
                   page);
        return false;
    }
    return true;
}

/* Sees that the file holds [offset, offset + size): an empty one is made that long. */
static bool file_fit(int fd, uint64_t offset, uint64_t size, uint32_t flags, Error **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "unable to map backing store for guest RAM");
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        return true;
    }
    if (st.st_size > 0 && (offset > st.st_size || st.st_size - offset < size)) {
        error_setg(errp, "backing store size 0x%" PRIx64
                   " does not match 'size' option 0x%" PRIx64, (uint64_t)st.st_size, size);
        return false;
    }
    if (st.st_size == 0 && ftruncate(fd, offset + size) < 0) {
        error_setg_errno(errp, errno, "cannot make backing store 0x%" PRIx64 " bytes long",
                         offset + size);
        return false;
    }
    return true;
}

RAMBlock *qemu_ram_alloc_from_fd(MemoryRegion *mr, uint64_t size, uint64_t align, uint32_t flags,
                                 int fd, uint64_t fd_offset, Error **errp)
{
    size_t page = qemu_fd_getpagesize(fd);
    uint64_t rounded, end, host_align;
    RAMBlock *rb;
    uint8_t *host;

    if (!check_file_alignment(align, fd_offset, page, errp)) {
        return NULL;
    }
    /* A part of a base page is a page; a huge page that is not wanted in full is a mistake. */
    if (QEMU_ALIGN_UP(size, (uint64_t)qemu_real_host_page_size()) < page) {
        error_setg(errp, "memory size 0x%" PRIx64 " must be equal to or larger than "
                   "page size 0x%zx", size, page);
        return NULL;
    }
    rounded = QEMU_ALIGN_UP(size, page);
    if (rounded < size || __builtin_add_overflow(rounded, fd_offset, &end) || end > INT64_MAX) {
        error_setg_errno(errp, EFBIG, "unable to map backing store for guest RAM");
        return NULL;
    }
    if (!file_fit(fd, fd_offset, rounded, flags, errp)) {
        return NULL;
    }
    host_align = MAX(MAX(align, page), RAM_DEFAULT_ALIGN);
    host = ram_mmap(rounded, host_align, flags, fd, fd_offset);
    if (!host) {
        error_setg_errno(errp, errno, "unable to map backing store for guest RAM");
        return NULL;
    }
    rb = ram_block_new(mr, host, rounded, page, MAX(align, page), flags, fd, fd_offset);
    ram_advise(rb);
    return rb;
}

/* A new file in directory @dir that has no name any more. */
static int open_unnamed(const char *dir, const char *region_name)
{
    g_autofree char *clean = g_strdup(region_name);
    g_autofree char *template = NULL;
    int fd;

    g_strdelimit(clean, "/", '_');
    template = g_strdup_printf("%s/qemu_back_mem.%s.XXXXXX", dir, clean);
    fd = g_mkstemp_full(template, O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        unlink(template);
    }
    return fd;
}

/* Opens or makes the file; *@created: it was not there. -1 with errno. */
static int file_ram_open(const char *path, const char *region_name, bool readonly, bool *created)
{
    *created = false;
    for (;;) {
        int fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);

        if (fd >= 0) {
            struct stat st;

            if (readonly && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
                close(fd);
                errno = EISDIR;
                return -1;
            }
            return fd;
        }
        if (errno == EISDIR) {
            return open_unnamed(path, region_name);
        }
        if (errno == ENOENT && !readonly) {
            fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
            if (fd >= 0) {
                *created = true;
                return fd;
            }
        }
        if (errno != EEXIST && errno != EINTR) {
            return -1;
        }
    }
}

RAMBlock *qemu_ram_alloc_from_file(MemoryRegion *mr, uint64_t size, uint64_t align,
                                   uint32_t flags, const char *path, uint64_t fd_offset,
                                   Error **errp)
{
    bool created;
    int fd = file_ram_open(path, memory_region_name(mr), flags & RAM_READONLY_FD, &created);
    RAMBlock *rb;

    if (fd < 0) {
        error_setg_errno(errp, errno, "can't open backing store %s for guest RAM", path);
        return NULL;
    }
    rb = qemu_ram_alloc_from_fd(mr, size, align, flags, fd, fd_offset, errp);
    if (!rb) {
        if (created) {
            unlink(path);
        }
        close(fd);
    }
    return rb;
}

RAMBlock *qemu_ram_alloc_from_ptr(MemoryRegion *mr, uint64_t size, void *host, Error **errp)
{
    return ram_block_new(mr, host, size, qemu_real_host_page_size(), 0, RAM_PREALLOC, -1, 0);
}

void qemu_ram_free(RAMBlock *rb)
{
    RAMBlock **link;

    g_mutex_lock(&ram_list_lock);
    for (link = &ram_list; *link != rb; link = &(*link)->next) {
        assert(*link);
    }
    *link = rb->next;
    g_mutex_unlock(&ram_list_lock);

    if (!(rb->flags & RAM_PREALLOC)) {
        munmap(rb->host, rb->used_length);
        munmap(rb->host + rb->used_length, rb->mapped_length - rb->used_length);
    }
    if (rb->fd >= 0) {
        close(rb->fd);
    }
    g_free(rb);
}

int qemu_memfd_create(const char *name, uint64_t size, bool hugetlb, uint64_t hugetlbsize,
                      unsigned int seals, Error **errp)
{
    unsigned int flags = MFD_CLOEXEC | (seals ? MFD_ALLOW_SEALING : 0);
    int fd;

    if (hugetlb) {
        flags |= MFD_HUGETLB;
        if (hugetlbsize) {
            if (!is_power_of_2(hugetlbsize)) {
                error_setg(errp, "Hugepage size must be a power of 2");
                return -1;
            }
            flags |= (unsigned)__builtin_ctzll(hugetlbsize) << 26; /* MFD_HUGE_SHIFT */
        }
    }
    fd = memfd_create(name, flags);
    if (fd < 0) {
        error_setg_errno(errp, errno, "failed to create memfd with flags 0x%x", flags);
        return -1;
    }
    if (size > INT64_MAX || ftruncate(fd, size) < 0) {
        error_setg_errno(errp, size > INT64_MAX ? EFBIG : errno,
                         "failed to resize memfd to %" PRIu64, size);
        close(fd);
        return -1;
    }
    if (seals && fcntl(fd, F_ADD_SEALS, seals) < 0) {
        error_setg_errno(errp, errno, "failed to add seals 0x%x", seals);
        close(fd);
        return -1;
    }
    return fd;
}

bool qemu_memfd_check(unsigned int flags)
{
    int fd = memfd_create("test", flags | MFD_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

/* ---- questions about blocks ----------------------------------------------------------------- */

void *qemu_ram_get_host_addr(const RAMBlock *rb)
{
    return rb->host;
}

uint64_t qemu_ram_get_used_length(const RAMBlock *rb)
{
    return rb->used_length;
}

size_t qemu_ram_pagesize(const RAMBlock *rb)
{
    return rb->page_size;
}

bool qemu_ram_is_shared(const RAMBlock *rb)
{
    return rb->flags & RAM_SHARED;
}

bool qemu_ram_is_noreserve(const RAMBlock *rb)
{
    return rb->flags & RAM_NORESERVE;
}

int qemu_ram_get_fd(const RAMBlock *rb)
{
    return rb->fd;
}

const char *qemu_ram_get_idstr(const RAMBlock *rb)
{
    return rb->idstr;
}

int qemu_ram_set_idstr(RAMBlock *rb, const char *idstr)
{
    int ret = 0;

    g_mutex_lock(&ram_list_lock);
    for (RAMBlock *other = ram_list; other; other = other->next) {
        if (other != rb && *idstr && !strcmp(other->idstr, idstr)) {
            ret = -EEXIST;
        }
    }
    if (ret == 0) {
        g_strlcpy(rb->idstr, idstr, sizeof(rb->idstr));
    }
    g_mutex_unlock(&ram_list_lock);
    return ret;
}

void qemu_ram_unset_idstr(RAMBlock *rb)
{
    qemu_ram_set_idstr(rb, "");
}

int qemu_ram_foreach_block(int (*fn)(RAMBlock *rb, void *opaque), void *opaque)
{
    int ret = 0;

    g_mutex_lock(&ram_list_lock);
    for (RAMBlock *rb = ram_list; rb && ret == 0; rb = rb->next) {
        ret = fn(rb, opaque);
    }
    g_mutex_unlock(&ram_list_lock);
    return ret;
}

RAMBlock *qemu_ram_block_from_host(void *ptr, ram_addr_t *offset)
{
    RAMBlock *rb;

    g_mutex_lock(&ram_list_lock);
    for (rb = ram_list; rb; rb = rb->next) {
        if ((uint8_t *)ptr >= rb->host && (uint8_t *)ptr - rb->host < rb->used_length) {
            *offset = (uint8_t *)ptr - rb->host;
            break;
        }
    }
    g_mutex_unlock(&ram_list_lock);
    return rb;
}

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

/* ---- who may discard ------------------------------------------------------------------------ */

static struct {
    GMutex lock;
    unsigned required;
    unsigned coordinated_required;
    unsigned disabled;
    unsigned uncoordinated_disabled;
} discard_counts;

/* Counts up while both of @against are zero, or down. */
static int discard_count(unsigned *count, bool state, unsigned *against_a, unsigned *against_b)
{
    int ret = 0;

    g_mutex_lock(&discard_counts.lock);
    if (!state) {
        assert(*count);
        --*count;
    } else if (*against_a || *against_b) {
        ret = -EBUSY;
    } else {
        ++*count;
    }
    g_mutex_unlock(&discard_counts.lock);
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

    g_mutex_lock(&discard_counts.lock);
    any = *a || *b;
    g_mutex_unlock(&discard_counts.lock);
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

/* Where a thread that touches pages goes on when there is none to be had (SIGBUS). */
static __thread sigjmp_buf *prealloc_escape;
static GMutex prealloc_lock;
static struct sigaction prealloc_old_action;

static void prealloc_sigbus(int sig, siginfo_t *info, void *context)
{
    if (prealloc_escape) {
        siglongjmp(*prealloc_escape, 1);
    }
    /* Not ours: what would have happened without us. */
    if (prealloc_old_action.sa_flags & SA_SIGINFO) {
        prealloc_old_action.sa_sigaction(sig, info, context);
        return;
    }
    sigaction(SIGBUS, &prealloc_old_action, NULL);
}

/* Writes to each page what it holds, atomically, since others may use it already. */
static void *prealloc_touch(void *opaque)
{
    PreallocJob *job = opaque;
    sigjmp_buf escape;

    if (sigsetjmp(escape, 1)) {
        job->ret = -EFAULT;
    } else {
        prealloc_escape = &escape;
        for (size_t i = 0; i < job->length; i += job->page_size) {
            __atomic_fetch_or((volatile char *)job->start + i, 0, __ATOMIC_RELAXED);
        }
    }
    prealloc_escape = NULL;
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

static int prealloc_by_touch(char *area, size_t pages, size_t page_size, unsigned nb)
{
    struct sigaction action = { .sa_sigaction = prealloc_sigbus, .sa_flags = SA_SIGINFO };
    int ret;

    g_mutex_lock(&prealloc_lock);
    if (sigaction(SIGBUS, &action, &prealloc_old_action) < 0) {
        ret = -errno;
    } else {
        ret = prealloc_run(prealloc_touch, area, pages, page_size, nb);
        sigaction(SIGBUS, &prealloc_old_action, NULL);
    }
    g_mutex_unlock(&prealloc_lock);
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
        ret = prealloc_by_touch(area, pages, page_size, nb);
    }
    if (ret) {
        error_setg_errno(errp, -ret, "preallocating memory failed");
        return false;
    }
    return true;
}

/* ---- access to address spaces --------------------------------------------------------------- */

/* Naturally aligned small accesses are single ones, as vCPUs and drivers expect of memory. */
static void ram_copy(void *dst, const void *src, hwaddr len)
{
    switch (len) {
    case 1:
        memcpy(dst, src, 1);
        break;
    case 2:
        memcpy(dst, src, 2);
        break;
    case 4:
        memcpy(dst, src, 4);
        break;
    case 8:
        memcpy(dst, src, 8);
        break;
    default:
        memcpy(dst, src, len);
    }
}

static bool range_is_direct(const FlatRange *fr, bool is_write)
{
    return fr->mr->ram && !(is_write && fr->readonly);
}

/* One access to registers, of as many bytes (at most *@len, told there) as they take at once. */
static MemTxResult register_access(MemoryRegion *mr, hwaddr offset, MemTxAttrs attrs,
                                   uint8_t *buf, hwaddr *len, bool is_write)
{
    bool take_lock = !bql_locked();
    unsigned size = memory_region_access_size(mr, *len, offset);
    MemTxResult result;
    uint64_t value;

    *len = size;
    if (take_lock) {
        bql_lock();
    }
    if (is_write) {
        result = memory_region_dispatch_write(mr, offset, ldn_he_p(buf, size), size, attrs);
    } else {
        result = memory_region_dispatch_read(mr, offset, &value, size, attrs);
        stn_he_p(buf, size, value);
    }
    if (take_lock) {
        bql_unlock();
    }
    return result;
}

/* What can be done in one go at @addr; *@len is lowered to how much that was. */
static MemTxResult flatview_access(FlatView *fv, hwaddr addr, MemTxAttrs attrs, uint8_t *buf,
                                   hwaddr *len, bool is_write)
{
    Int128 gap;
    FlatRange *fr = flatview_lookup(fv, addr, &gap);
    hwaddr offset;

    if (!fr) {
        *len = (hwaddr)int128_min(*len, gap);
        if (!is_write) {
            memset(buf, 0, *len);
        }
        return MEMTX_DECODE_ERROR;
    }
    offset = addr - (hwaddr)fr->start + fr->offset_in_region;
    if (!fr->mr->ram) {
        /*
         * Where it starts decodes all of an access, even if other registers begin within it: a
         * 32-bit access to port 0xcf8 is not cut at the reset control port 0xcf9.
         */
        *len = (hwaddr)int128_min(*len, fr->mr->size - offset);
    } else {
        *len = (hwaddr)int128_min(*len, fr->start + fr->size - addr);
    }
    if (range_is_direct(fr, is_write)) {
        uint8_t *host = fr->mr->ram_block->host + offset;

        if (!memory_region_range_accessible(fr->mr, offset, *len)) {
            if (!is_write) {
                memset(buf, 0, *len);
            }
            return MEMTX_ACCESS_ERROR;
        }
        ram_copy(is_write ? host : buf, is_write ? buf : host, *len);
        return MEMTX_OK;
    }
    if (fr->mr->ram) {
        return MEMTX_DECODE_ERROR;   /* a write to ROM does nothing */
    }
    if (attrs.memory) {
        if (!is_write) {
            memset(buf, 0, *len);
        }
        return MEMTX_ACCESS_ERROR;
    }
    return register_access(fr->mr, offset, attrs, buf, len, is_write);
}

MemTxResult address_space_rw(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                             hwaddr len, bool is_write)
{
    MemTxResult result = MEMTX_OK;
    uint8_t *p = buf;
    FlatView *fv;

    if (len == 0) {
        return MEMTX_OK;
    }
    fv = address_space_get_flatview(as);
    while (len > 0) {
        hwaddr part = len;

        result |= flatview_access(fv, addr, attrs, p, &part, is_write);
        len -= part;
        p += part;
        addr += part;
    }
    flatview_unref(fv);
    return result;
}

MemTxResult address_space_read(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                               hwaddr len)
{
    return address_space_rw(as, addr, attrs, buf, len, false);
}

MemTxResult address_space_write(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, const void *buf,
                                hwaddr len)
{
    return address_space_rw(as, addr, attrs, (void *)buf, len, true);
}

MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                                    const void *buf, hwaddr len)
{
    FlatView *fv = address_space_get_flatview(as);
    const uint8_t *p = buf;
    MemTxResult result = MEMTX_OK;

    while (len > 0) {
        Int128 gap;
        FlatRange *fr = flatview_lookup(fv, addr, &gap);
        hwaddr part = (hwaddr)int128_min(len, fr ? fr->start + fr->size - addr : gap);

        if (fr && fr->mr->ram && !(fr->mr->ram_block->flags & RAM_READONLY)) {
            memcpy(fr->mr->ram_block->host + (addr - (hwaddr)fr->start) + fr->offset_in_region,
                   p, part);
        } else {
            result |= MEMTX_DECODE_ERROR;
        }
        len -= part;
        p += part;
        addr += part;
    }
    flatview_unref(fv);
    return result;
}

MemTxResult address_space_set(AddressSpace *as, hwaddr addr, uint8_t c, hwaddr len,
                              MemTxAttrs attrs)
{
    uint8_t fill[512];
    MemTxResult result = MEMTX_OK;

    memset(fill, c, sizeof(fill));
    while (len > 0) {
        hwaddr part = MIN(len, sizeof(fill));

        result |= address_space_write(as, addr, attrs, fill, part);
        len -= part;
        addr += part;
    }
    return result;
}

bool address_space_access_valid(AddressSpace *as, hwaddr addr, hwaddr len, bool is_write,
                                MemTxAttrs attrs)
{
    FlatView *fv = address_space_get_flatview(as);
    bool valid = true;

    while (valid && len > 0) {
        Int128 gap;
        FlatRange *fr = flatview_lookup(fv, addr, &gap);
        hwaddr part = fr ? (hwaddr)int128_min(len, fr->start + fr->size - addr) : 0;

        if (!fr || (fr->mr->ram && !range_is_direct(fr, is_write))) {
            valid = false;
        } else if (fr->mr->ram) {
            valid = memory_region_range_accessible(
                fr->mr, addr - (hwaddr)fr->start + fr->offset_in_region, part);
        }
        len -= part;
        addr += part;
    }
    flatview_unref(fv);
    return valid;
}

/* ---- mapping guest memory ------------------------------------------------------------------- */

static struct {
    bool in_use;
    AddressSpace *as;
    hwaddr addr;
    uint8_t data[BOUNCE_SIZE];
} bounce;

static void *map_bounce(AddressSpace *as, hwaddr addr, hwaddr *plen, bool is_write,
                        MemTxAttrs attrs)
{
    hwaddr len = MIN(*plen, BOUNCE_SIZE);

    *plen = 0;
    if (__atomic_exchange_n(&bounce.in_use, true, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    bounce.as = as;
    bounce.addr = addr;
    if (is_write) {
        memset(bounce.data, 0, len);
    } else if (address_space_read(as, addr, attrs, bounce.data, len) & MEMTX_ACCESS_ERROR) {
        __atomic_store_n(&bounce.in_use, false, __ATOMIC_RELEASE);
        return NULL;
    }
    *plen = len;
    return bounce.data;
}

/* How much of the same RAM follows in the view without a break, up to @len. */
static hwaddr contiguous_ram(FlatView *fv, const FlatRange *fr, hwaddr addr, hwaddr len)
{
    const FlatRange *last = &fv->ranges[fv->nb_ranges - 1];
    Int128 got = fr->start + fr->size - addr;

    while (got < len && fr < last) {
        const FlatRange *next = fr + 1;

        if (next->mr != fr->mr || next->start != fr->start + fr->size ||
            next->offset_in_region != fr->offset_in_region + (hwaddr)fr->size ||
            next->readonly != fr->readonly) {
            break;
        }
        got += next->size;
        fr = next;
    }
    return (hwaddr)int128_min(got, len);
}

void *address_space_map(AddressSpace *as, hwaddr addr, hwaddr *plen, bool is_write,
                        MemTxAttrs attrs)
{
    FlatView *fv;
    FlatRange *fr;
    Int128 gap;
    void *host = NULL;

    if (*plen == 0) {
        return NULL;
    }
    fv = address_space_get_flatview(as);
    fr = flatview_lookup(fv, addr, &gap);
    if (fr && range_is_direct(fr, is_write)) {
        hwaddr offset = addr - (hwaddr)fr->start + fr->offset_in_region;

        *plen = contiguous_ram(fv, fr, addr, *plen);
        if (memory_region_range_accessible(fr->mr, offset, *plen)) {
            memory_region_ref(fr->mr);
            host = fr->mr->ram_block->host + offset;
        } else {
            *plen = 0;
        }
    } else {
        host = map_bounce(as, addr, plen, is_write, attrs);
    }
    flatview_unref(fv);
    return host;
}

void address_space_unmap(AddressSpace *as, void *buffer, hwaddr len, bool is_write,
                         hwaddr access_len)
{
    ram_addr_t offset;

    if (buffer == bounce.data) {
        if (is_write) {
            address_space_write(as, bounce.addr, MEMTXATTRS_UNSPECIFIED, bounce.data,
                                MIN(access_len, BOUNCE_SIZE));
        }
        __atomic_store_n(&bounce.in_use, false, __ATOMIC_RELEASE);
        return;
    }
    memory_region_unref(memory_region_from_host(buffer, &offset));
}

/* ---- single accesses ------------------------------------------------------------------------ */

#define DEFINE_LOAD(name, type, convert)                                                       \
    type address_space_##name(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,                 \
                              MemTxResult *result)                                             \
    {                                                                                          \
        type value = 0;                                                                        \
        MemTxResult r = address_space_read(as, addr, attrs, &value, sizeof(value));            \
                                                                                               \
        if (result) {                                                                          \
            *result = r;                                                                       \
        }                                                                                      \
        return convert(value);                                                                 \
    }
#define DEFINE_STORE(name, type, convert)                                                      \
    void address_space_##name(AddressSpace *as, hwaddr addr, type val, MemTxAttrs attrs,       \
                              MemTxResult *result)                                             \
    {                                                                                          \
        type value = convert(val);                                                             \
        MemTxResult r = address_space_write(as, addr, attrs, &value, sizeof(value));           \
                                                                                               \
        if (result) {                                                                          \
            *result = r;                                                                       \
        }                                                                                      \
    }
DEFINE_LOAD(ldub, uint8_t, )
DEFINE_LOAD(lduw_le, uint16_t, le16_to_cpu)
DEFINE_LOAD(lduw_be, uint16_t, be16_to_cpu)
DEFINE_LOAD(ldl_le, uint32_t, le32_to_cpu)
DEFINE_LOAD(ldl_be, uint32_t, be32_to_cpu)
DEFINE_LOAD(ldq_le, uint64_t, le64_to_cpu)
DEFINE_LOAD(ldq_be, uint64_t, be64_to_cpu)
DEFINE_STORE(stb, uint8_t, )
DEFINE_STORE(stw_le, uint16_t, cpu_to_le16)
DEFINE_STORE(stw_be, uint16_t, cpu_to_be16)
DEFINE_STORE(stl_le, uint32_t, cpu_to_le32)
DEFINE_STORE(stl_be, uint32_t, cpu_to_be32)
DEFINE_STORE(stq_le, uint64_t, cpu_to_le64)
DEFINE_STORE(stq_be, uint64_t, cpu_to_be64)

#define DEFINE_PHYS(load, store, type, order)                                                  \
    type load##order##_phys(AddressSpace *as, hwaddr addr)                                     \
    {                                                                                          \
        return address_space_##load##order(as, addr, MEMTXATTRS_UNSPECIFIED, NULL);            \
    }                                                                                          \
    void store##order##_phys(AddressSpace *as, hwaddr addr, type val)                          \
    {                                                                                          \
        address_space_##store##order(as, addr, val, MEMTXATTRS_UNSPECIFIED, NULL);             \
    }
DEFINE_PHYS(ldub, stb, uint8_t, )
DEFINE_PHYS(lduw, stw, uint16_t, _le)
DEFINE_PHYS(ldl, stl, uint32_t, _le)
DEFINE_PHYS(ldq, stq, uint64_t, _le)

void cpu_physical_memory_read(hwaddr addr, void *buf, hwaddr len)
{
    address_space_read(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, buf, len);
}

void cpu_physical_memory_write(hwaddr addr, const void *buf, hwaddr len)
{
    address_space_write(&address_space_memory, addr, MEMTXATTRS_UNSPECIFIED, buf, len);
}

void *cpu_physical_memory_map(hwaddr addr, hwaddr *plen, bool is_write)
{
    return address_space_map(&address_space_memory, addr, plen, is_write,
                             MEMTXATTRS_UNSPECIFIED);
}

void cpu_physical_memory_unmap(void *buffer, hwaddr len, bool is_write, hwaddr access_len)
{
    address_space_unmap(&address_space_memory, buffer, len, is_write, access_len);
}
