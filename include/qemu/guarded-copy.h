/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of guest memory that the host may be unable to give: a page of a file on a full file
 * system, or of an empty pool of huge pages, is a SIGBUS at its first use (mmap(2)). Here that is
 * a result of the copy, not the end of the process. Any thread whose SIGBUS is not blocked, as of
 * all threads of qemu/thread.h.
 */
#ifndef QEMU_GUARDED_COPY_H
#define QEMU_GUARDED_COPY_H

/*
 * Before the first copy of memory that may lack pages, and as often as one likes: from then on
 * SIGBUS of a copy is taken care of. Any other one ends the process as it did before.
 */
void guarded_copy_init(void);

/*
 * As memcpy(). False if a page of either side could not be had: then a part may have been copied.
 * Copies of 1, 2, 4 and 8 bytes are single accesses where both sides are naturally aligned.
 */
bool guarded_copy(void *dst, const void *src, size_t size);
/* As memset(), in the same way. */
bool guarded_set(void *dst, int c, size_t size);
/*
 * Has each page of @page_size bytes there: reads from it, or (@write) writes to it what it holds,
 * atomically, since others may use it already. False if one could not be had.
 */
bool guarded_touch(void *start, size_t size, size_t page_size, bool write);

#endif /* QEMU_GUARDED_COPY_H */
