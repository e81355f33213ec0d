/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel and initrd files that are broken, hostile, or do not fit, against hw/i386/linuxboot.h:
 * each gives its error and leaves nothing behind, and whatever is accepted lies in RAM where the
 * 64-bit boot protocol (Documentation/arch/x86/boot.rst) wants it. Run under a sanitizer it also
 * shows that nothing is read out of bounds.
 */
#include "qemu/osdep.h"
#include <asm/bootparam.h>
#include <glib/gstdio.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "../../hw/i386/linuxboot.h"

#define RAM_SIZE (64 * MiB)
#define HEADER 0x1f1
#define PAYLOAD_SIZE 0x3000
#define ENTRY 0x200

static char *dir;
static MemoryRegion ram;
static uint8_t *ram_bytes;

/* ---- files ---- */

static char *file_write(const char *name, const void *data, size_t size)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, data, size, NULL));
    return path;
}

static uint8_t payload_byte(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

typedef struct Image {
    uint8_t bytes[256 * 512 + PAYLOAD_SIZE];
    struct setup_header header;
    size_t size;
} Image;

/* What a real kernel of today says, with one sector of setup and a small payload. */
static void image_init(Image *image)
{
    memset(image, 0, sizeof(*image));
    image->header = (struct setup_header) {
        .setup_sects = 1,
        .boot_flag = GUINT16_TO_LE(0xaa55),
        .header = GUINT32_TO_LE(0x53726448),
        .version = GUINT16_TO_LE(0x020f),
        .loadflags = LOADED_HIGH,
        .initrd_addr_max = GUINT32_TO_LE(0x7fffffff),
        .kernel_alignment = GUINT32_TO_LE(2 * MiB),
        .relocatable_kernel = 1,
        .xloadflags = GUINT16_TO_LE(XLF_KERNEL_64),
        .cmdline_size = GUINT32_TO_LE(2047),
        .pref_address = GUINT64_TO_LE(16 * MiB),
        .init_size = GUINT32_TO_LE(4 * MiB),
    };
    image->size = 2 * 512 + PAYLOAD_SIZE;
}

static char *image_write(Image *image)
{
    size_t start = ((image->header.setup_sects ? image->header.setup_sects : 4) + 1) * 512;

    memcpy(image->bytes + HEADER, &image->header, sizeof(image->header));
    for (size_t i = 0; start + i < sizeof(image->bytes); i++) {
        image->bytes[start + i] = payload_byte(i);
    }
    return file_write("kernel", image->bytes, image->size);
}

/* ---- what is refused ---- */

static void refuse_files(const char *kernel, const char *initrd, const char *cmdline,
                         const char *message)
{
    Error *err = NULL;
    LinuxBoot *boot = linuxboot_new(kernel, initrd, cmdline, RAM_SIZE, &err);

    g_assert_null(boot);
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), message)) {
        g_error("'%s', expected '%s'", error_get_pretty(err), message);
    }
    error_free(err);
}

static void refuse(Image *image, const char *message)
{
    g_autofree char *path = image_write(image);

    refuse_files(path, NULL, NULL, message);
}

static void test_no_file(void)
{
    g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);

    refuse_files("/nonexistent/kernel", NULL, NULL, "could not open kernel file");
    refuse_files(dir, NULL, NULL, "is not a regular file");
    refuse_files("/dev/null", NULL, NULL, "is not a regular file");
    /* opening one for reading would wait for a writer */
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    refuse_files(fifo, NULL, NULL, "is not a regular file");
    g_unlink(fifo);
}

static void test_truncated(void)
{
    Image image;

    image_init(&image);
    for (size_t size = 0; size <= 2 * 512 + ENTRY; size += size < HEADER - 1 ? HEADER - 1 : 1) {
        image.size = size;
        refuse(&image, size < HEADER + sizeof(image.header) ? "is not a Linux bzImage"
                                                            : "is truncated");
    }
}

static void test_magic(void)
{
    Image image;

    image_init(&image);
    image.header.boot_flag = 0;
    refuse(&image, "is not a Linux bzImage");
    image_init(&image);
    image.header.header = 0x7f454c46;
    refuse(&image, "is not a Linux bzImage");
}

static void test_no_entry(void)
{
    Image image;

    image_init(&image);
    image.header.version = GUINT16_TO_LE(0x020b);
    refuse(&image, "has no 64-bit entry point");
    image_init(&image);
    image.header.loadflags = 0;
    refuse(&image, "has no 64-bit entry point");
    image_init(&image);
    image.header.xloadflags = GUINT16_TO_LE(0xffff & ~XLF_KERNEL_64);
    refuse(&image, "has no 64-bit entry point");
}

static void test_too_large(void)
{
    static const uint64_t addresses[] = { 0, 1, MiB, 16 * MiB, RAM_SIZE - 1, RAM_SIZE,
                                          RAM_SIZE + 1, UINT32_MAX, UINT64_MAX };
    static const uint32_t aligns[] = { 0, 1, 3, 2 * MiB, RAM_SIZE, 1u << 31, UINT32_MAX };
    Image image;

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(aligns); j++) {
            image_init(&image);
            image.header.pref_address = GUINT64_TO_LE(addresses[i]);
            image.header.kernel_alignment = GUINT32_TO_LE(aligns[j]);
            image.header.init_size = GUINT32_TO_LE(RAM_SIZE - MiB + 1);
            refuse(&image, "MiB of RAM");
            image.header.init_size = UINT32_MAX;
            refuse(&image, "MiB of RAM");
        }
    }
    /* one that cannot be moved */
    image_init(&image);
    image.header.relocatable_kernel = 0;
    image.header.pref_address = GUINT64_TO_LE(RAM_SIZE - MiB);
    refuse(&image, "MiB of RAM");
}

static void test_command_line(void)
{
    g_autofree char *path = NULL, *text = g_strnfill(600 * KiB, 'x');
    LinuxBoot *boot;
    Image image;

    image_init(&image);
    path = image_write(&image);
    refuse_files(path, NULL, text, "takes at most 2047");
    text[2047] = '\0';
    boot = linuxboot_new(path, NULL, text, RAM_SIZE, &error_abort);
    linuxboot_free(boot);
    text[2047] = 'x';
    text[2048] = '\0';
    refuse_files(path, NULL, text, "kernel command line has 2048 characters");
    /* whatever the kernel says, it has to fit below its parameters' end */
    text[2048] = 'x';
    image.header.cmdline_size = UINT32_MAX;
    g_free(image_write(&image));
    refuse_files(path, NULL, text, "takes at most");
}

static void test_initrd_refused(void)
{
    g_autofree char *kernel = NULL, *initrd = NULL, *zeros = g_malloc0(4 * MiB);
    Image image;

    image_init(&image);
    kernel = image_write(&image);
    refuse_files(kernel, "/nonexistent/initrd", NULL, "could not open initrd file");
    refuse_files(kernel, dir, NULL, "is not a regular file");
    initrd = file_write("initrd", zeros, 4 * MiB);
    g_assert_cmpint(truncate(initrd, RAM_SIZE), ==, 0);
    refuse_files(kernel, initrd, NULL, "does not fit into RAM");
    g_assert_cmpint(truncate(initrd, INT64_C(1) << 40), ==, 0);
    refuse_files(kernel, initrd, NULL, "does not fit into RAM");
    /* room enough, but not where the kernel can reach it */
    g_assert_cmpint(truncate(initrd, 4 * MiB), ==, 0);
    for (uint64_t max = 0; max < 24 * MiB; max += 4 * MiB - 1) {
        image.header.initrd_addr_max = GUINT32_TO_LE(max);
        g_free(image_write(&image));
        refuse_files(kernel, initrd, NULL, "does not fit into RAM");
    }
}

/* ---- what is loaded ---- */

static LinuxBoot *boot_load(const char *kernel, const char *initrd, const char *cmdline,
                            uint64_t *entry, Error **errp)
{
    static const LinuxBootE820 e820[] = { { 0, 0x9fc00, 1 }, { MiB, RAM_SIZE - MiB, 1 } };
    LinuxBoot *boot = linuxboot_new(kernel, initrd, cmdline, RAM_SIZE, &error_abort);

    memset(ram_bytes, 0xcc, RAM_SIZE);
    if (!linuxboot_load(boot, 0xe0000, e820, G_N_ELEMENTS(e820), entry, errp)) {
        linuxboot_free(boot);
        return NULL;
    }
    return boot;
}

static void assert_payload(uint64_t at)
{
    g_assert_cmpuint(at + PAYLOAD_SIZE, <=, RAM_SIZE);
    for (size_t i = 0; i < PAYLOAD_SIZE; i++) {
        g_assert_cmphex(ram_bytes[at + i], ==, payload_byte(i));
    }
}

static void test_load(void)
{
    g_autofree char *kernel = NULL, *initrd = file_write("initrd", "hello", 5);
    struct boot_params bp;
    LinuxBoot *boot;
    uint64_t entry;
    Image image;

    image_init(&image);
    kernel = image_write(&image);
    boot = boot_load(kernel, initrd, "console=ttyS0", &entry, &error_abort);
    g_assert_cmphex(entry, ==, 16 * MiB + ENTRY);
    assert_payload(16 * MiB);
    memcpy(&bp, ram_bytes + LINUXBOOT_PARAMS, sizeof(bp));
    g_assert_cmphex(bp.hdr.type_of_loader, ==, 0xff);
    g_assert_cmphex(bp.hdr.code32_start, ==, 16 * MiB);
    g_assert_cmphex(bp.acpi_rsdp_addr, ==, 0xe0000);
    g_assert_cmpuint(bp.e820_entries, ==, 2);
    g_assert_cmphex(bp.e820_table[1].addr, ==, MiB);
    g_assert_cmpstr((char *)ram_bytes + bp.hdr.cmd_line_ptr, ==, "console=ttyS0");
    g_assert_cmpuint(bp.hdr.ramdisk_size, ==, 5);
    g_assert_cmphex(bp.hdr.ramdisk_image % 4096, ==, 0);
    g_assert_cmphex(bp.hdr.ramdisk_image, >=, 20 * MiB);    /* behind what the kernel needs */
    g_assert_cmpmem(ram_bytes + bp.hdr.ramdisk_image, 5, "hello", 5);
    linuxboot_free(boot);
}

/* The smallest and the greatest setup, and 0, which means 4. */
static void test_setup_sects(void)
{
    static const uint8_t sects[] = { 0, 1, 4, 255 };
    LinuxBoot *boot;
    uint64_t entry;
    Image image;

    for (size_t i = 0; i < G_N_ELEMENTS(sects); i++) {
        g_autofree char *kernel = NULL;

        image_init(&image);
        image.header.setup_sects = sects[i];
        image.size = ((sects[i] ? sects[i] : 4) + 1) * 512 + PAYLOAD_SIZE;
        kernel = image_write(&image);
        boot = boot_load(kernel, NULL, NULL, &entry, &error_abort);
        g_assert_cmphex(entry, ==, 16 * MiB + ENTRY);
        assert_payload(16 * MiB);
        g_assert_cmphex(ram_bytes[16 * MiB + PAYLOAD_SIZE], ==, 0xcc);
        linuxboot_free(boot);
    }
    image_init(&image);
    image.header.setup_sects = 255;                         /* of which the file has few */
    refuse(&image, "is truncated");
}

/* A kernel that would like to be where it cannot goes to the first aligned place that is free. */
static void test_relocated(void)
{
    static const uint64_t addresses[] = { 0, MiB - 1, RAM_SIZE, UINT64_MAX, UINT64_MAX - MiB };
    LinuxBoot *boot;
    uint64_t entry;
    Image image;

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *kernel = NULL;

        image_init(&image);
        image.header.pref_address = GUINT64_TO_LE(addresses[i]);
        image.header.init_size = 0;
        kernel = image_write(&image);
        boot = boot_load(kernel, NULL, NULL, &entry, &error_abort);
        g_assert_cmphex(entry, ==, 2 * MiB + ENTRY);
        assert_payload(2 * MiB);
        linuxboot_free(boot);
    }
}

/* Files change between the check and a reset. */
static void test_vanishing(void)
{
    static const LinuxBootE820 e820[] = { { 0, 0x9fc00, 1 } };
    g_autofree char *kernel = NULL, *initrd = file_write("initrd", "hello", 5);
    LinuxBoot *boot;
    uint64_t entry;
    Error *err = NULL;
    Image image;

    image_init(&image);
    kernel = image_write(&image);
    boot = boot_load(kernel, initrd, NULL, &entry, &error_abort);
    /* removed or replaced by another file: what was opened is still there */
    g_assert_cmpint(g_unlink(initrd), ==, 0);
    g_assert_true(linuxboot_load(boot, 0, e820, 1, &entry, &error_abort));
    linuxboot_free(boot);

    g_free(file_write("initrd", "hello", 5));
    boot = boot_load(kernel, initrd, NULL, &entry, &error_abort);
    g_assert_cmpint(truncate(initrd, 2), ==, 0);
    g_assert_false(linuxboot_load(boot, 0, e820, 1, &entry, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "the file has become shorter"));
    error_free(err);
    err = NULL;
    g_assert_cmpint(truncate(initrd, 5), ==, 0);
    g_assert_true(linuxboot_load(boot, 0, e820, 1, &entry, &error_abort));
    g_assert_cmpint(truncate(kernel, 2 * 512 + 1), ==, 0);
    g_assert_false(linuxboot_load(boot, 0, e820, 1, &entry, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "the file has become shorter"));
    error_free(err);
    linuxboot_free(boot);
}

/* Random headers: refused or loaded, and if loaded then into RAM. */
static void test_random(void)
{
    g_autofree char *initrd = file_write("initrd", "hello", 5);
    unsigned loaded = 0;
    Image image;

    for (int round = 0; round < 300; round++) {
        g_autofree char *kernel = NULL;
        struct setup_header *h = &image.header;
        uint64_t entry;
        LinuxBoot *boot;

        image_init(&image);
        for (int i = g_test_rand_int_range(1, 6); i > 0; i--) {
            uint32_t value = (uint32_t)g_test_rand_int() >> g_test_rand_int_range(0, 32);

            switch (g_test_rand_int_range(0, 8)) {
            case 0: h->setup_sects = value; break;
            case 1: h->pref_address = (uint64_t)value << g_test_rand_int_range(0, 33); break;
            case 2: h->init_size = value; break;
            case 3: h->kernel_alignment = value; break;
            case 4: h->initrd_addr_max = value; break;
            case 5: h->relocatable_kernel = value & 1; break;
            case 6: h->cmdline_size = value; break;
            default: image.size = value % (sizeof(image.bytes) + 1); break;
            }
        }
        kernel = image_write(&image);
        boot = linuxboot_new(kernel, initrd, "quiet", RAM_SIZE, NULL);
        if (boot) {
            const LinuxBootE820 e820 = { MiB, RAM_SIZE - MiB, 1 };

            g_assert_true(linuxboot_load(boot, 0, &e820, 1, &entry, &error_abort));
            g_assert_cmphex(entry, >=, MiB);
            g_assert_cmphex(entry, <, RAM_SIZE);
            linuxboot_free(boot);
            loaded++;
        }
    }
    g_assert_cmpuint(loaded, >, 0);
    g_assert_cmpuint(loaded, <, 300);
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "kernel", "initrd" };
    int ret;

    g_test_init(&argc, &argv, NULL);
    bql_lock();
    dir = g_dir_make_tmp("test-linuxboot-XXXXXX", NULL);
    ram_bytes = g_malloc(RAM_SIZE);
    memory_region_init_ram_ptr(&ram, NULL, "ram", RAM_SIZE, ram_bytes);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    g_test_add_func("/linuxboot/refuse/no-file", test_no_file);
    g_test_add_func("/linuxboot/refuse/truncated", test_truncated);
    g_test_add_func("/linuxboot/refuse/magic", test_magic);
    g_test_add_func("/linuxboot/refuse/no-entry", test_no_entry);
    g_test_add_func("/linuxboot/refuse/too-large", test_too_large);
    g_test_add_func("/linuxboot/refuse/command-line", test_command_line);
    g_test_add_func("/linuxboot/refuse/initrd", test_initrd_refused);
    g_test_add_func("/linuxboot/load/all", test_load);
    g_test_add_func("/linuxboot/load/setup-sects", test_setup_sects);
    g_test_add_func("/linuxboot/load/relocated", test_relocated);
    g_test_add_func("/linuxboot/load/vanishing", test_vanishing);
    g_test_add_func("/linuxboot/load/random", test_random);
    ret = g_test_run();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
    bql_unlock();
    return ret;
}
