/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory as a device on a bus sees it: thin names over address_space_*() for an AddressSpace of
 * a bus master. Results are MemTxResult; a failed read leaves what could not be read as zeroes.
 */
#ifndef SYSTEM_DMA_H
#define SYSTEM_DMA_H

#include "qemu/bswap.h"
#include "system/memory.h"

typedef uint64_t dma_addr_t;
#define DMA_ADDR_FMT "%" PRIx64

typedef enum DMADirection {
    DMA_DIRECTION_TO_DEVICE = 0,    /* the device reads memory */
    DMA_DIRECTION_FROM_DEVICE = 1,  /* the device writes memory */
} DMADirection;

/* Orders a device's accesses to guest memory against what vCPUs see. */
static inline void dma_barrier(AddressSpace *as, DMADirection dir)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline MemTxResult dma_memory_rw(AddressSpace *as, dma_addr_t addr, void *buf,
                                        dma_addr_t len, DMADirection dir, MemTxAttrs attrs)
{
    dma_barrier(as, dir);
    return address_space_rw(as, addr, attrs, buf, len, dir == DMA_DIRECTION_FROM_DEVICE);
}

static inline MemTxResult dma_memory_read(AddressSpace *as, dma_addr_t addr, void *buf,
                                          dma_addr_t len, MemTxAttrs attrs)
{
    return dma_memory_rw(as, addr, buf, len, DMA_DIRECTION_TO_DEVICE, attrs);
}

static inline MemTxResult dma_memory_write(AddressSpace *as, dma_addr_t addr, const void *buf,
                                           dma_addr_t len, MemTxAttrs attrs)
{
    return dma_memory_rw(as, addr, (void *)buf, len, DMA_DIRECTION_FROM_DEVICE, attrs);
}

static inline MemTxResult dma_memory_set(AddressSpace *as, dma_addr_t addr, uint8_t c,
                                         dma_addr_t len, MemTxAttrs attrs)
{
    dma_barrier(as, DMA_DIRECTION_FROM_DEVICE);
    return address_space_set(as, addr, c, len, attrs);
}

/* As address_space_map(). */
static inline void *dma_memory_map(AddressSpace *as, dma_addr_t addr, dma_addr_t *len,
                                   DMADirection dir, MemTxAttrs attrs)
{
    return address_space_map(as, addr, len, dir == DMA_DIRECTION_FROM_DEVICE, attrs);
}

static inline void dma_memory_unmap(AddressSpace *as, void *buffer, dma_addr_t len,
                                    DMADirection dir, dma_addr_t access_len)
{
    address_space_unmap(as, buffer, len, dir == DMA_DIRECTION_FROM_DEVICE, access_len);
}

#define DMA_DEFINE_LDST_(ld, st, bits, order)                                               \
    static inline MemTxResult ld##_##order##_dma(AddressSpace *as, dma_addr_t addr,         \
                                                 uint##bits##_t *pval, MemTxAttrs attrs)    \
    {                                                                                       \
        MemTxResult res = dma_memory_read(as, addr, pval, bits / 8, attrs);                 \
                                                                                            \
        *pval = order##bits##_to_cpu(*pval);                                                \
        return res;                                                                         \
    }                                                                                       \
    static inline MemTxResult st##_##order##_dma(AddressSpace *as, dma_addr_t addr,         \
                                                 uint##bits##_t val, MemTxAttrs attrs)      \
    {                                                                                       \
        val = cpu_to_##order##bits(val);                                                    \
        return dma_memory_write(as, addr, &val, bits / 8, attrs);                           \
    }
DMA_DEFINE_LDST_(lduw, stw, 16, le)
DMA_DEFINE_LDST_(ldl, stl, 32, le)
DMA_DEFINE_LDST_(ldq, stq, 64, le)
DMA_DEFINE_LDST_(lduw, stw, 16, be)
DMA_DEFINE_LDST_(ldl, stl, 32, be)
DMA_DEFINE_LDST_(ldq, stq, 64, be)
#undef DMA_DEFINE_LDST_

static inline MemTxResult ldub_dma(AddressSpace *as, dma_addr_t addr, uint8_t *val,
                                   MemTxAttrs attrs)
{
    return dma_memory_read(as, addr, val, 1, attrs);
}

static inline MemTxResult stb_dma(AddressSpace *as, dma_addr_t addr, uint8_t val,
                                  MemTxAttrs attrs)
{
    return dma_memory_write(as, addr, &val, 1, attrs);
}

#endif /* SYSTEM_DMA_H */
