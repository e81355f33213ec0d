/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels with a memory transaction beside address and data, and how it ends. Results are
 * bits, so that those of the parts of one access can be or-ed together.
 */
#ifndef EXEC_MEMATTRS_H
#define EXEC_MEMATTRS_H

typedef struct MemTxAttrs {
    bool unspecified;        /* the initiator gave no attributes */
    bool memory;             /* only RAM may answer: a device register is an error */
    uint16_t requester_id;   /* PCI bus/device/function of the initiator (MSI) */
} MemTxAttrs;

#define MEMTXATTRS_UNSPECIFIED ((MemTxAttrs) { .unspecified = true })

typedef uint32_t MemTxResult;
#define MEMTX_OK 0
#define MEMTX_ERROR (1U << 0)         /* the device refused */
#define MEMTX_DECODE_ERROR (1U << 1)  /* nothing is at that address, or not for this size */
#define MEMTX_ACCESS_ERROR (1U << 2)  /* sparse RAM that is not there (see RamDiscardManager) */

#endif /* EXEC_MEMATTRS_H */
