/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM blocks: the host memory behind RAM regions, how it is mapped, and the list of all blocks.
 * Address space is set aside first, so that a block stands where its pages' size wants it, with a
 * page behind it that nobody may touch. See mmap(2), memfd_create(2).
 */
#include "qemu/osdep.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "qemu/units.h"
#include "qapi/error.h"
#include "qemu/guarded-copy.h"
#include "qemu/thread.h"
#include "system/memory.h"
#include "system/ramblock.h"

/* Of host addresses, so that transparent huge pages can be used from the first byte on. */
#define RAM_DEFAULT_ALIGN (2 * MiB)

static QemuMutex ram_list_lock = QEMU_MUTEX_INITIALIZER;
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
    qemu_mutex_lock(&ram_list_lock);
    rb->next = ram_list;
    ram_list = rb;
    qemu_mutex_unlock(&ram_list_lock);
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
    if (size <= page - qemu_real_host_page_size()) {
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
    guarded_copy_init();
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

    qemu_mutex_lock(&ram_list_lock);
    for (link = &ram_list; *link != rb; link = &(*link)->next) {
        assert(*link);
    }
    *link = rb->next;
    qemu_mutex_unlock(&ram_list_lock);

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

    qemu_mutex_lock(&ram_list_lock);
    for (RAMBlock *other = ram_list; other; other = other->next) {
        if (other != rb && *idstr && !strcmp(other->idstr, idstr)) {
            ret = -EEXIST;
        }
    }
    if (ret == 0) {
        g_strlcpy(rb->idstr, idstr, sizeof(rb->idstr));
    }
    qemu_mutex_unlock(&ram_list_lock);
    return ret;
}

void qemu_ram_unset_idstr(RAMBlock *rb)
{
    qemu_ram_set_idstr(rb, "");
}

int qemu_ram_foreach_block(int (*fn)(RAMBlock *rb, void *opaque), void *opaque)
{
    int ret = 0;

    qemu_mutex_lock(&ram_list_lock);
    for (RAMBlock *rb = ram_list; rb && ret == 0; rb = rb->next) {
        ret = fn(rb, opaque);
    }
    qemu_mutex_unlock(&ram_list_lock);
    return ret;
}

RAMBlock *qemu_ram_block_from_host(void *ptr, ram_addr_t *offset)
{
    RAMBlock *rb;

    qemu_mutex_lock(&ram_list_lock);
    for (rb = ram_list; rb; rb = rb->next) {
        if ((uint8_t *)ptr >= rb->host && (uint8_t *)ptr - rb->host < rb->used_length) {
            *offset = (uint8_t *)ptr - rb->host;
            break;
        }
    }
    qemu_mutex_unlock(&ram_list_lock);
    return rb;
}
