/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctl on /proc/PID/pagemap that finds pages by category: the system's header, and what
 * Debian 12's (Linux 6.1) does not have. Since Linux 6.7; source: the kernel's documentation,
 * admin-guide/mm/pagemap.rst.
 */
#ifndef STANDARD_HEADERS_LINUX_FS_H
#define STANDARD_HEADERS_LINUX_FS_H

#include <linux/fs.h>

#ifndef PAGEMAP_SCAN
#define PAGE_IS_PRESENT (1 << 3)
#define PAGE_IS_SWAPPED (1 << 4)
#define PAGE_IS_PFNZERO (1 << 5)
#define PAGE_IS_HUGE (1 << 6)

struct page_region {
    __u64 start;        /* addresses */
    __u64 end;
    __u64 categories;
};

struct pm_scan_arg {
    __u64 size;         /* of this structure */
    __u64 flags;
    __u64 start;
    __u64 end;
    __u64 walk_end;     /* out: where the walk has ended */
    __u64 vec;          /* of struct page_region, vec_len of them */
    __u64 vec_len;
    __u64 max_pages;    /* end the walk after so many have been found; 0: no limit */
    __u64 category_inverted;
    __u64 category_mask;
    __u64 category_anyof_mask;
    __u64 return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif

#endif /* STANDARD_HEADERS_LINUX_FS_H */
