/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Int128: the type of region and section sizes, since an address space of 64 bits is one byte
 * larger than what uint64_t can say. A thin layer over the compiler's own 128-bit integer.
 */
#ifndef QEMU_INT128_H
#define QEMU_INT128_H

typedef __int128_t Int128;

static inline Int128 int128_make64(uint64_t a)
{
    return a;
}

static inline Int128 int128_zero(void)
{
    return 0;
}

static inline Int128 int128_one(void)
{
    return 1;
}

/* 2^64, the size of a full address space. */
static inline Int128 int128_2_64(void)
{
    return (Int128)1 << 64;
}

/* Asserts that the value fits. */
static inline uint64_t int128_get64(Int128 a)
{
    assert(a >= 0 && a >> 64 == 0);
    return (uint64_t)a;
}

/* The low 64 bits. */
static inline uint64_t int128_getlo(Int128 a)
{
    return (uint64_t)a;
}

static inline Int128 int128_add(Int128 a, Int128 b)
{
    return a + b;
}

static inline Int128 int128_sub(Int128 a, Int128 b)
{
    return a - b;
}

static inline Int128 int128_min(Int128 a, Int128 b)
{
    return a < b ? a : b;
}

static inline Int128 int128_max(Int128 a, Int128 b)
{
    return a > b ? a : b;
}

static inline bool int128_eq(Int128 a, Int128 b)
{
    return a == b;
}

static inline bool int128_ne(Int128 a, Int128 b)
{
    return a != b;
}

static inline bool int128_lt(Int128 a, Int128 b)
{
    return a < b;
}

static inline bool int128_le(Int128 a, Int128 b)
{
    return a <= b;
}

static inline bool int128_gt(Int128 a, Int128 b)
{
    return a > b;
}

static inline bool int128_ge(Int128 a, Int128 b)
{
    return a >= b;
}

static inline bool int128_nz(Int128 a)
{
    return a != 0;
}

#endif /* QEMU_INT128_H */
