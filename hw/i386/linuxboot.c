/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loader of a Linux bzImage by the 64-bit boot protocol (Documentation/arch/x86/boot.rst and
 * zero-page.rst of the kernel). The kernel file is hostile input like any other: every field that
 * is used is checked against the file's and the RAM's size.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "linuxboot.h"

#include <asm/bootparam.h>

#define SETUP_HEADER_OFFSET 0x1f1
#define SETUP_MAGIC 0x53726448u     /* "HdrS" */
#define SETUP_MIN_VERSION 0x020c    /* xloadflags */
#define BOOT_FLAG 0xaa55
#define LOADER_UNDEFINED 0xff
#define ENTRY_64_OFFSET 0x200
#define SECTOR 512
#define LOAD_CHUNK ((size_t)MiB)

struct LinuxBoot {
    char *kernel;
    char *initrd;
    char *cmdline;
    int kernel_fd;
    int initrd_fd;                  /* -1: none */
    struct setup_header header;
    uint64_t payload_offset;        /* in the kernel file */
    uint64_t payload_size;
    uint64_t load_address;
    uint64_t initrd_address;
    uint64_t initrd_size;
};

static int linuxboot_open(const char *what, const char *path, uint64_t *size, Error **errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);    /* a FIFO: refuse, not wait */
    struct stat st;

    if (fd < 0) {
        error_setg_errno(errp, errno, "could not open %s file '%s'", what, path);
        return -1;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_setg(errp, "%s file '%s' is not a regular file", what, path);
        close(fd);
        return -1;
    }
    *size = st.st_size;
    return fd;
}

static bool linuxboot_read_header(LinuxBoot *boot, uint64_t file_size, Error **errp)
{
    struct setup_header *h = &boot->header;
    ssize_t got = pread(boot->kernel_fd, h, sizeof(*h), SETUP_HEADER_OFFSET);

    if (got != sizeof(*h) || GUINT16_FROM_LE(h->boot_flag) != BOOT_FLAG ||
        GUINT32_FROM_LE(h->header) != SETUP_MAGIC) {
        error_setg(errp, "kernel file '%s' is not a Linux bzImage", boot->kernel);
        return false;
    }
    if (GUINT16_FROM_LE(h->version) < SETUP_MIN_VERSION || !(h->loadflags & LOADED_HIGH) ||
        !(GUINT16_FROM_LE(h->xloadflags) & XLF_KERNEL_64)) {
        error_setg(errp, "kernel file '%s' has no 64-bit entry point", boot->kernel);
        return false;
    }
    boot->payload_offset = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
    if (boot->payload_offset + ENTRY_64_OFFSET >= file_size) {
        error_setg(errp, "kernel file '%s' is truncated", boot->kernel);
        return false;
    }
    boot->payload_size = file_size - boot->payload_offset;
    return true;
}

/* Where the kernel wants to be, if the RAM it says it needs is there. */
static bool linuxboot_place_kernel(LinuxBoot *boot, uint64_t ram, Error **errp)
{
    const struct setup_header *h = &boot->header;
    uint64_t need = MAX(GUINT32_FROM_LE(h->init_size), boot->payload_size);
    uint64_t align = GUINT32_FROM_LE(h->kernel_alignment), low;

    boot->load_address = GUINT64_FROM_LE(h->pref_address);
    if (boot->load_address >= MiB && boot->load_address <= ram &&
        need <= ram - boot->load_address) {
        return true;
    }
    /* A relocatable kernel runs anywhere above 1 MiB at its alignment. */
    if (h->relocatable_kernel && is_power_of_2(align) && align <= ram) {
        low = QEMU_ALIGN_UP((uint64_t)MiB, align);
        if (low <= ram && need <= ram - low) {
            boot->load_address = low;
            return true;
        }
    }
    error_setg(errp, "kernel file '%s' needs %" PRIu64 " MiB of RAM, of which there are %" PRIu64
               " MiB below 4 GiB", boot->kernel, (boot->load_address + need) / MiB + 1, ram / MiB);
    return false;
}

/* As high as the kernel lets it be, page aligned, above the kernel. */
static bool linuxboot_place_initrd(LinuxBoot *boot, uint64_t ram, Error **errp)
{
    const struct setup_header *h = &boot->header;
    uint64_t need = MAX(GUINT32_FROM_LE(h->init_size), boot->payload_size);
    uint64_t end = MIN((uint64_t)GUINT32_FROM_LE(h->initrd_addr_max) + 1, ram);
    uint64_t start = boot->load_address + need;

    if (end < start || boot->initrd_size > end - start ||
        QEMU_ALIGN_DOWN(end - boot->initrd_size, 4096) < start) {
        error_setg(errp, "initrd file '%s' of %" PRIu64 " MiB does not fit into RAM beside the "
                   "kernel; use a larger -m", boot->initrd, boot->initrd_size / MiB);
        return false;
    }
    boot->initrd_address = QEMU_ALIGN_DOWN(end - boot->initrd_size, 4096);
    return true;
}

static bool linuxboot_check_cmdline(const LinuxBoot *boot, Error **errp)
{
    uint32_t max = MIN(GUINT32_FROM_LE(boot->header.cmdline_size), LINUXBOOT_CMDLINE_MAX);

    if (strlen(boot->cmdline) > max) {
        error_setg(errp, "kernel command line has %zu characters, but '%s' takes at most %u",
                   strlen(boot->cmdline), boot->kernel, max);
        return false;
    }
    return true;
}

LinuxBoot *linuxboot_new(const char *kernel, const char *initrd, const char *cmdline,
                         uint64_t ram_below_4g, Error **errp)
{
    LinuxBoot *boot = g_new0(LinuxBoot, 1);
    uint64_t size;

    boot->kernel = g_strdup(kernel);
    boot->initrd = g_strdup(initrd);
    boot->cmdline = g_strdup(cmdline ? cmdline : "");
    boot->initrd_fd = -1;
    boot->kernel_fd = linuxboot_open("kernel", kernel, &size, errp);
    if (boot->kernel_fd < 0 || !linuxboot_read_header(boot, size, errp) ||
        !linuxboot_check_cmdline(boot, errp) ||
        !linuxboot_place_kernel(boot, ram_below_4g, errp)) {
        goto fail;
    }
    if (initrd) {
        boot->initrd_fd = linuxboot_open("initrd", initrd, &boot->initrd_size, errp);
        if (boot->initrd_fd < 0 || !linuxboot_place_initrd(boot, ram_below_4g, errp)) {
            goto fail;
        }
    }
    return boot;
fail:
    linuxboot_free(boot);
    return NULL;
}

void linuxboot_free(LinuxBoot *boot)
{
    if (!boot) {
        return;
    }
    if (boot->kernel_fd >= 0) {
        close(boot->kernel_fd);
    }
    if (boot->initrd_fd >= 0) {
        close(boot->initrd_fd);
    }
    g_free(boot->kernel);
    g_free(boot->initrd);
    g_free(boot->cmdline);
    g_free(boot);
}

static bool linuxboot_write(uint64_t gpa, const void *data, size_t size, Error **errp)
{
    if (address_space_write(&address_space_memory, gpa, MEMTXATTRS_UNSPECIFIED, data, size)) {
        error_setg(errp, "cannot write boot data to guest memory at 0x%" PRIx64, gpa);
        return false;
    }
    return true;
}

/* Copies [@offset, @offset + @size) of a file; the file may have changed since it was checked. */
static bool linuxboot_copy_file(int fd, const char *path, uint64_t offset, uint64_t size,
                                uint64_t gpa, Error **errp)
{
    g_autofree char *chunk = g_malloc(LOAD_CHUNK);

    while (size) {
        ssize_t got = pread(fd, chunk, MIN(size, LOAD_CHUNK), offset);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            error_setg(errp, "could not read '%s': %s", path,
                       got < 0 ? strerror(errno) : "the file has become shorter");
            return false;
        }
        if (!linuxboot_write(gpa, chunk, got, errp)) {
            return false;
        }
        offset += got;
        gpa += got;
        size -= got;
    }
    return true;
}

static bool linuxboot_write_params(const LinuxBoot *boot, uint32_t rsdp,
                                   const LinuxBootE820 *e820, unsigned nb_e820, Error **errp)
{
    g_autofree struct boot_params *bp = g_new0(struct boot_params, 1);

    assert(nb_e820 <= ARRAY_SIZE(bp->e820_table));
    bp->hdr = boot->header;
    bp->hdr.type_of_loader = LOADER_UNDEFINED;
    bp->hdr.code32_start = GUINT32_TO_LE(boot->load_address);
    bp->hdr.cmd_line_ptr = GUINT32_TO_LE(LINUXBOOT_CMDLINE);
    bp->hdr.ramdisk_image = GUINT32_TO_LE(boot->initrd_address);
    bp->hdr.ramdisk_size = GUINT32_TO_LE(boot->initrd_size);
    bp->acpi_rsdp_addr = GUINT64_TO_LE(rsdp);
    bp->e820_entries = nb_e820;
    for (unsigned i = 0; i < nb_e820; i++) {
        bp->e820_table[i].addr = GUINT64_TO_LE(e820[i].base);
        bp->e820_table[i].size = GUINT64_TO_LE(e820[i].size);
        bp->e820_table[i].type = GUINT32_TO_LE(e820[i].type);
    }
    return linuxboot_write(LINUXBOOT_PARAMS, bp, sizeof(*bp), errp) &&
           linuxboot_write(LINUXBOOT_CMDLINE, boot->cmdline, strlen(boot->cmdline) + 1, errp);
}

/* The first 4 GiB mapped one to one with 2 MiB pages: PML4, PDPT, four page directories. */
static bool linuxboot_write_page_tables(Error **errp)
{
    enum { PRESENT_WRITE = 0x3, LARGE = 0x80, PAGE = 4096, ENTRIES = 512 };
    g_autofree uint64_t *tables = g_new0(uint64_t, 6 * ENTRIES);

    tables[0] = GUINT64_TO_LE((LINUXBOOT_PAGE_TABLES + PAGE) | PRESENT_WRITE);
    for (unsigned i = 0; i < 4; i++) {
        tables[ENTRIES + i] =
            GUINT64_TO_LE((LINUXBOOT_PAGE_TABLES + (2 + i) * PAGE) | PRESENT_WRITE);
    }
    for (uint64_t i = 0; i < 4 * ENTRIES; i++) {
        tables[2 * ENTRIES + i] = GUINT64_TO_LE(i * 2 * MiB | LARGE | PRESENT_WRITE);
    }
    return linuxboot_write(LINUXBOOT_PAGE_TABLES, tables, 6 * PAGE, errp);
}

/* Flat 64-bit code at 0x10 and data at 0x18, as the protocol wants them. */
static bool linuxboot_write_gdt(Error **errp)
{
    const uint64_t gdt[4] = {
        0, 0, GUINT64_TO_LE(UINT64_C(0x00af9b000000ffff)),
        GUINT64_TO_LE(UINT64_C(0x00cf93000000ffff)),
    };

    return linuxboot_write(LINUXBOOT_GDT, gdt, sizeof(gdt), errp);
}

bool linuxboot_load(LinuxBoot *boot, uint32_t rsdp, const LinuxBootE820 *e820, unsigned nb_e820,
                    uint64_t *entry, Error **errp)
{
    if (!linuxboot_copy_file(boot->kernel_fd, boot->kernel, boot->payload_offset,
                             boot->payload_size, boot->load_address, errp)) {
        return false;
    }
    if (boot->initrd_size &&
        !linuxboot_copy_file(boot->initrd_fd, boot->initrd, 0, boot->initrd_size,
                             boot->initrd_address, errp)) {
        return false;
    }
    *entry = boot->load_address + ENTRY_64_OFFSET;
    return linuxboot_write_page_tables(errp) && linuxboot_write_gdt(errp) &&
           linuxboot_write_params(boot, rsdp, e820, nb_e820, errp);
}
