/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads a Linux bzImage as a boot loader does (Documentation/arch/x86/boot.rst, "64-bit BOOT
 * PROTOCOL"). The files are checked once, when the machine is made, and read into guest memory
 * after every system reset, since the guest has overwritten what was there.
 */
#ifndef HW_I386_LINUXBOOT_H
#define HW_I386_LINUXBOOT_H

typedef struct LinuxBoot LinuxBoot;

/* One range of the firmware memory map; type as in E820: 1 RAM, 2 reserved. */
typedef struct LinuxBootE820 {
    uint64_t base;
    uint64_t size;
    uint32_t type;
} LinuxBootE820;

/* Guest physical addresses, below 640 KiB, of what the loader leaves there. */
#define LINUXBOOT_GDT 0x1000u
#define LINUXBOOT_PARAMS 0x7000u
#define LINUXBOOT_STACK 0x7000u      /* grows down */
#define LINUXBOOT_PAGE_TABLES 0x9000u
#define LINUXBOOT_CMDLINE 0x20000u
#define LINUXBOOT_CMDLINE_MAX 0x70000u   /* characters: what is there below 640 KiB, and its end */

/*
 * Opens and checks the kernel and, unless NULL, the initrd; @ram_below_4g is the bytes of RAM
 * from 0. NULL with @errp set: a file is missing, is not a 64-bit bzImage, or does not fit.
 */
LinuxBoot *linuxboot_new(const char *kernel, const char *initrd, const char *cmdline,
                         uint64_t ram_below_4g, Error **errp);
void linuxboot_free(LinuxBoot *boot);

/*
 * Writes everything to guest memory. @rsdp is the guest physical address of the ACPI RSDP. On
 * success *@entry is where the BSP starts, in 64-bit mode, with RSI = LINUXBOOT_PARAMS, page tables
 * at LINUXBOOT_PAGE_TABLES and the GDT at LINUXBOOT_GDT (4 entries; CS 0x10, DS 0x18).
 */
bool linuxboot_load(LinuxBoot *boot, uint32_t rsdp, const LinuxBootE820 *e820, unsigned nb_e820,
                    uint64_t *entry, Error **errp);

#endif /* HW_I386_LINUXBOOT_H */
