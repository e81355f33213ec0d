/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access to an address space by address: copies, maps and single values, through the flat view that
 * an access begins with. RAM is copied without any lock; registers are accessed under the big lock.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/guarded-copy.h"
#include "qemu/main-loop.h"
#include "system/address-spaces.h"
#include "system/memory-internal.h"
#include "system/ramblock.h"

/* A bounce buffer's size: devices map descriptors of registers rarely and never large ones. */
#define BOUNCE_SIZE 4096

/* ---- access to address spaces --------------------------------------------------------------- */

/*
 * Sparse RAM is asked about and accessed under the big lock, so that nothing is discarded in
 * between. True: it was taken here, and is to be given up after the access.
 */
static bool sparse_ram_lock(MemoryRegion *mr)
{
    if (G_LIKELY(!memory_region_has_ram_discard_manager(mr)) || bql_locked()) {
        return false;
    }
    bql_lock();
    return true;
}

static void sparse_ram_unlock(bool taken)
{
    if (taken) {
        bql_unlock();
    }
}

/*
 * All of the span, or nothing of it (a read then gives zeroes) where it may not be accessed, or an
 * undefined part where the host has no page for it.
 */
static MemTxResult ram_access(const RamSpan *span, uint8_t *buf, bool is_write)
{
    bool lock = sparse_ram_lock(span->mr);
    MemTxResult result = MEMTX_OK;

    if (!memory_region_range_accessible(span->mr, span->offset, span->size, is_write)) {
        result = MEMTX_ACCESS_ERROR;
        if (!is_write) {
            memset(buf, 0, span->size);
        }
    } else if (is_write) {
        /* What could not be written in full may have been in part. */
        result = guarded_copy(span->hva, buf, span->size) ? MEMTX_OK : MEMTX_ERROR;
        memory_region_set_dirty(span->mr, span->offset, span->size);
    } else {
        result = guarded_copy(buf, span->hva, span->size) ? MEMTX_OK : MEMTX_ERROR;
    }
    sparse_ram_unlock(lock);
    return result;
}

/* What is no RAM for this access: registers, ROM that is written, or nothing. Big lock. */
static MemTxResult other_access(AddressSpace *as, FlatView *fv, hwaddr addr, MemTxAttrs attrs,
                                uint8_t *buf, hwaddr *len, bool is_write)
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
    if (fr->mr->ram) {
        *len = (hwaddr)int128_min(*len, fr->start + fr->size - addr);
        return MEMTX_DECODE_ERROR;   /* a write to ROM does nothing */
    }
    /*
     * Where it starts decodes all of an access, even if other registers begin within it: a
     * 32-bit access to port 0xcf8 is not cut at the reset control port 0xcf9.
     */
    offset = addr - (hwaddr)fr->start + fr->offset_in_region;
    *len = (hwaddr)int128_min(*len, fr->mr->size - offset);
    return memory_region_access_registers(as, fr->mr, offset, attrs, buf, len, is_write);
}

/*
 * RAM is found and copied without the big lock. What is not RAM is looked up again once the lock is
 * held: the view that the access began with may be past by then, and its registers unplugged.
 */
MemTxResult address_space_rw(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                             hwaddr len, bool is_write)
{
    MemTxResult result = MEMTX_OK;
    bool locked_here = false;
    uint8_t *p = buf;
    FlatView *fv;

    if (len == 0) {
        return MEMTX_OK;
    }
    fv = address_space_get_flatview(as);
    while (len > 0) {
        hwaddr part = len;
        RamSpan span;

        if (flatview_find_ram(fv, addr, len, is_write, &span)) {
            part = span.size;
            result |= ram_access(&span, p, is_write);
        } else if (!bql_locked()) {
            flatview_unref(fv);
            bql_lock();
            locked_here = true;
            fv = address_space_get_flatview(as);
            continue;
        } else {
            result |= other_access(as, fv, addr, attrs, p, &part, is_write);
        }
        len -= part;
        p += part;
        addr += part;
    }
    flatview_unref(fv);
    if (locked_here) {
        bql_unlock();
    }
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
        hwaddr part = len;
        RamSpan span;

        /* As for reading: what can be read is RAM or ROM. */
        if (!flatview_find_ram(fv, addr, len, false, &span)) {
            Int128 gap;
            FlatRange *fr = flatview_lookup(fv, addr, &gap);

            part = (hwaddr)int128_min(len, fr ? fr->start + fr->size - addr : gap);
            result |= MEMTX_DECODE_ERROR;
        } else if (span.mr->ram_block->flags & RAM_READONLY) {
            part = span.size;
            result |= MEMTX_DECODE_ERROR;
        } else {
            part = span.size;
            result |= ram_access(&span, (uint8_t *)p, true);
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

static bool ram_access_valid(const RamSpan *span, bool is_write)
{
    bool lock = sparse_ram_lock(span->mr);
    bool valid = memory_region_range_accessible(span->mr, span->offset, span->size, is_write);

    sparse_ram_unlock(lock);
    return valid;
}

bool address_space_access_valid(AddressSpace *as, hwaddr addr, hwaddr len, bool is_write,
                                MemTxAttrs attrs)
{
    FlatView *fv = address_space_get_flatview(as);
    bool valid = true;

    while (valid && len > 0) {
        hwaddr part = len;
        RamSpan span;

        if (flatview_find_ram(fv, addr, len, is_write, &span)) {
            part = span.size;
            valid = ram_access_valid(&span, is_write);
        } else {
            Int128 gap;
            FlatRange *fr = flatview_lookup(fv, addr, &gap);

            valid = fr && !fr->mr->ram && memory_region_registers_allowed(as, fr->mr, attrs);
            part = valid ? (hwaddr)int128_min(len, fr->start + fr->size - addr) : len;
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

void *address_space_map(AddressSpace *as, hwaddr addr, hwaddr *plen, bool is_write,
                        MemTxAttrs attrs)
{
    FlatView *fv;
    RamSpan span;
    void *host = NULL;

    if (*plen == 0) {
        return NULL;
    }
    fv = address_space_get_flatview(as);
    if (flatview_find_ram(fv, addr, *plen, is_write, &span)) {
        *plen = 0;
        if (ram_access_valid(&span, is_write)) {
            memory_region_ref(span.mr);
            host = span.hva;
            *plen = span.size;
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
    MemoryRegion *mr;

    if (buffer == bounce.data) {
        if (is_write) {
            address_space_write(as, bounce.addr, MEMTXATTRS_UNSPECIFIED, bounce.data,
                                MIN(access_len, BOUNCE_SIZE));
        }
        __atomic_store_n(&bounce.in_use, false, __ATOMIC_RELEASE);
        return;
    }
    mr = memory_region_from_host(buffer, &offset);
    assert(mr);
    if (is_write) {
        memory_region_set_dirty(mr, offset, MIN(access_len, len));
    }
    memory_region_unref(mr);
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
