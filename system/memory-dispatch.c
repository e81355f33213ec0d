/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dispatch: how one access reaches the registers of a region, that is its callbacks or an event
 * descriptor. An access is checked against what the device allows, cut or widened to what its
 * callbacks take, and its bytes ordered. All of it under the big lock. Here is also the one guard
 * that keeps what a device does by itself out of registers: address_space_set_of_device() has the
 * rule.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "system/memory-internal.h"

/* ---- where no device is --------------------------------------------------------------------- */

/* Nothing is there: every access is a decode error. */
static bool unassigned_mem_accepts(void *opaque, hwaddr addr, unsigned size, bool is_write,
                                   MemTxAttrs attrs)
{
    return false;
}

const MemoryRegionOps unassigned_mem_ops = {
    .valid.accepts = unassigned_mem_accepts,
    .valid.max_access_size = 8,
    .endianness = DEVICE_NATIVE_ENDIAN,
};

static uint64_t unassigned_io_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void unassigned_io_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
}

const MemoryRegionOps unassigned_io_ops = {
    .read = unassigned_io_read,
    .write = unassigned_io_write,
    .endianness = DEVICE_NATIVE_ENDIAN,
};

/* ---- dispatch to registers ------------------------------------------------------------------ */

static bool access_is_valid(MemoryRegion *mr, hwaddr addr, unsigned size, bool is_write,
                            MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;

    if (ops->valid.accepts && !ops->valid.accepts(mr->opaque, addr, size, is_write, attrs)) {
        return false;
    }
    if (!ops->valid.unaligned && (addr & (size - 1))) {
        return false;
    }
    /* Without limits everything goes. */
    return !ops->valid.max_access_size ||
           (size <= ops->valid.max_access_size && size >= ops->valid.min_access_size);
}

static unsigned access_impl_size(const MemoryRegionOps *ops, unsigned size)
{
    unsigned min = ops->impl.min_access_size ? ops->impl.min_access_size : 1;
    unsigned max = ops->impl.max_access_size ? ops->impl.max_access_size : 4;

    return MAX(MIN(size, max), min);
}

static uint64_t access_mask(unsigned size)
{
    return UINT64_MAX >> (64 - size * 8);
}

/* Position in bits of the part at byte @i of a register access, negative if the part is wider. */
static int access_shift(const MemoryRegionOps *ops, unsigned size, unsigned part, unsigned i)
{
    return ops->endianness == DEVICE_BIG_ENDIAN ? ((int)size - (int)part - (int)i) * 8
                                                : (int)i * 8;
}

static uint64_t adjust_endianness(const MemoryRegionOps *ops, uint64_t value, unsigned size)
{
    return ops->endianness == DEVICE_BIG_ENDIAN ? bswap64(value) >> (64 - size * 8) : value;
}

MemTxResult memory_region_dispatch_read(MemoryRegion *mr, hwaddr addr, uint64_t *pval,
                                        unsigned size, MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned part = access_impl_size(ops, size);
    MemTxResult result = MEMTX_OK;
    uint64_t value = 0;

    *pval = 0;
    if (!access_is_valid(mr, addr, size, false, attrs)) {
        return MEMTX_DECODE_ERROR;
    }
    for (unsigned i = 0; i < size; i += part) {
        int shift = access_shift(ops, size, part, i);
        uint64_t data = 0;

        if (ops->read) {
            data = ops->read(mr->opaque, addr + i, part);
        } else {
            result |= ops->read_with_attrs(mr->opaque, addr + i, &data, part, attrs);
        }
        data &= access_mask(part);
        value |= shift >= 0 ? data << shift : data >> -shift;
    }
    *pval = adjust_endianness(ops, value & access_mask(size), size);
    return result;
}

/* Signals the event descriptor that waits for this write; false if none does. */
static bool dispatch_to_eventfd(MemoryRegion *mr, hwaddr addr, uint64_t data, unsigned size)
{
    for (unsigned i = 0; i < mr->ioeventfd_nb; i++) {
        const MemoryRegionIoeventfd *fd = &mr->ioeventfds[i];

        if (fd->addr == addr && (!fd->size || fd->size == size) &&
            (!fd->match_data || (fd->data & access_mask(size)) == data)) {
            event_notifier_set(fd->e);
            return true;
        }
    }
    return false;
}

MemTxResult memory_region_dispatch_write(MemoryRegion *mr, hwaddr addr, uint64_t data,
                                         unsigned size, MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned part = access_impl_size(ops, size);
    MemTxResult result = MEMTX_OK;

    if (!access_is_valid(mr, addr, size, true, attrs)) {
        return MEMTX_DECODE_ERROR;
    }
    data = adjust_endianness(ops, data & access_mask(size), size);
    if (G_UNLIKELY(mr->ioeventfd_nb) && dispatch_to_eventfd(mr, addr, data, size)) {
        return MEMTX_OK;
    }
    for (unsigned i = 0; i < size; i += part) {
        int shift = access_shift(ops, size, part, i);
        uint64_t value = (shift >= 0 ? data >> shift : data << -shift) & access_mask(part);

        if (ops->write) {
            ops->write(mr->opaque, addr + i, value, part);
        } else {
            result |= ops->write_with_attrs(mr->opaque, addr + i, value, part, attrs);
        }
    }
    return result;
}

/* Greatest access of at most @len bytes at @addr that the region's registers take. */
static unsigned access_size(MemoryRegion *mr, hwaddr len, hwaddr addr)
{
    hwaddr size = mr->ops->valid.max_access_size ? mr->ops->valid.max_access_size : 4;

    if (!mr->ops->impl.unaligned && addr) {
        size = MIN(size, addr & -addr);
    }
    size = MIN(size, len);
    return 1u << (31 - __builtin_clz((unsigned)size));
}

/* ---- who may ------------------------------------------------------------------------------- */

/* The registers whose callback this thread is in: what is accessed now, a device accesses. */
static __thread const MemoryRegion *dispatching;

bool memory_region_registers_allowed(const AddressSpace *as, const MemoryRegion *mr,
                                     MemTxAttrs attrs)
{
    if (attrs.memory) {
        return false;
    }
    return mr->takes_messages || (!as->of_device && !dispatching);
}

static void G_GNUC_PRINTF(2, 3) refusal_report(AddressSpace *as, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vreport_limited(&as->refusals, as->name, fmt, ap);
    va_end(ap);
}

static MemTxResult access_refuse(AddressSpace *as, MemoryRegion *mr, hwaddr offset,
                                 uint8_t *buf, hwaddr len, bool is_write)
{
    if (!is_write) {
        memset(buf, 0, len);
    }
    refusal_report(as, "a device %s registers ('%s', offset 0x%" PRIx64 "): ignored, it reaches "
                   "memory and interrupt controllers only", is_write ? "writes to" : "reads from",
                   mr->name ? mr->name : "", offset);
    return MEMTX_ACCESS_ERROR;
}

static MemTxResult access_dispatch(MemoryRegion *mr, hwaddr offset, MemTxAttrs attrs,
                                   uint8_t *buf, unsigned size, bool is_write)
{
    const MemoryRegion *outer = dispatching;
    MemTxResult result;
    uint64_t value;

    dispatching = mr;
    if (is_write) {
        result = memory_region_dispatch_write(mr, offset, ldn_he_p(buf, size), size, attrs);
    } else {
        result = memory_region_dispatch_read(mr, offset, &value, size, attrs);
        stn_he_p(buf, size, value);
    }
    dispatching = outer;
    return result;
}

MemTxResult memory_region_access_registers(AddressSpace *as, MemoryRegion *mr, hwaddr offset,
                                           MemTxAttrs attrs, uint8_t *buf, hwaddr *len,
                                           bool is_write)
{
    assert(bql_locked());
    if (!memory_region_registers_allowed(as, mr, attrs)) {
        return access_refuse(as, mr, offset, buf, *len, is_write);
    }
    *len = access_size(mr, *len, offset);
    return access_dispatch(mr, offset, attrs, buf, *len, is_write);
}
