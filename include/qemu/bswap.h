/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Byte order: conversions between the host's order and a fixed one, and loads and stores of
 * 1, 2, 4 and 8 bytes at addresses of any alignment. `_le_p`, `_be_p` and `_he_p` are little,
 * big and host order; the sized forms ldn and stn take the width in bytes (1, 2, 4, 8).
 */
#ifndef QEMU_BSWAP_H
#define QEMU_BSWAP_H

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_BIG_ENDIAN 0
#else
#define HOST_BIG_ENDIAN 1
#endif

static inline uint16_t bswap16(uint16_t x)
{
    return __builtin_bswap16(x);
}

static inline uint32_t bswap32(uint32_t x)
{
    return __builtin_bswap32(x);
}

static inline uint64_t bswap64(uint64_t x)
{
    return __builtin_bswap64(x);
}

#define BSWAP_DEFINE_ORDER_(bits, le_swaps, be_swaps)                   \
    static inline uint##bits##_t cpu_to_le##bits(uint##bits##_t v)      \
    {                                                                   \
        return (le_swaps) ? bswap##bits(v) : v;                         \
    }                                                                   \
    static inline uint##bits##_t le##bits##_to_cpu(uint##bits##_t v)    \
    {                                                                   \
        return (le_swaps) ? bswap##bits(v) : v;                         \
    }                                                                   \
    static inline uint##bits##_t cpu_to_be##bits(uint##bits##_t v)      \
    {                                                                   \
        return (be_swaps) ? bswap##bits(v) : v;                         \
    }                                                                   \
    static inline uint##bits##_t be##bits##_to_cpu(uint##bits##_t v)    \
    {                                                                   \
        return (be_swaps) ? bswap##bits(v) : v;                         \
    }
BSWAP_DEFINE_ORDER_(16, HOST_BIG_ENDIAN, !HOST_BIG_ENDIAN)
BSWAP_DEFINE_ORDER_(32, HOST_BIG_ENDIAN, !HOST_BIG_ENDIAN)
BSWAP_DEFINE_ORDER_(64, HOST_BIG_ENDIAN, !HOST_BIG_ENDIAN)
#undef BSWAP_DEFINE_ORDER_

static inline int ldub_p(const void *ptr)
{
    return *(const uint8_t *)ptr;
}

static inline int ldsb_p(const void *ptr)
{
    return *(const int8_t *)ptr;
}

static inline void stb_p(void *ptr, uint8_t v)
{
    *(uint8_t *)ptr = v;
}

#define BSWAP_DEFINE_ACCESS_(letter, load, bits, ret)                   \
    static inline ret load##_he_p(const void *ptr)                      \
    {                                                                   \
        uint##bits##_t v;                                               \
                                                                        \
        memcpy(&v, ptr, sizeof(v));                                     \
        return v;                                                       \
    }                                                                   \
    static inline ret load##_le_p(const void *ptr)                      \
    {                                                                   \
        return le##bits##_to_cpu(load##_he_p(ptr));                     \
    }                                                                   \
    static inline ret load##_be_p(const void *ptr)                      \
    {                                                                   \
        return be##bits##_to_cpu(load##_he_p(ptr));                     \
    }                                                                   \
    static inline void st##letter##_he_p(void *ptr, uint##bits##_t v)   \
    {                                                                   \
        memcpy(ptr, &v, sizeof(v));                                     \
    }                                                                   \
    static inline void st##letter##_le_p(void *ptr, uint##bits##_t v)   \
    {                                                                   \
        st##letter##_he_p(ptr, cpu_to_le##bits(v));                     \
    }                                                                   \
    static inline void st##letter##_be_p(void *ptr, uint##bits##_t v)   \
    {                                                                   \
        st##letter##_he_p(ptr, cpu_to_be##bits(v));                     \
    }
BSWAP_DEFINE_ACCESS_(w, lduw, 16, int)
BSWAP_DEFINE_ACCESS_(l, ldl, 32, uint32_t)
BSWAP_DEFINE_ACCESS_(q, ldq, 64, uint64_t)
#undef BSWAP_DEFINE_ACCESS_

#define BSWAP_DEFINE_SIZED_(order)                                      \
    static inline uint64_t ldn_##order##_p(const void *ptr, int size)   \
    {                                                                   \
        switch (size) {                                                 \
        case 1:                                                         \
            return ldub_p(ptr);                                         \
        case 2:                                                         \
            return (uint16_t)lduw_##order##_p(ptr);                     \
        case 4:                                                         \
            return ldl_##order##_p(ptr);                                \
        case 8:                                                         \
            return ldq_##order##_p(ptr);                                \
        default:                                                        \
            g_assert_not_reached();                                     \
        }                                                               \
    }                                                                   \
    static inline void stn_##order##_p(void *ptr, int size, uint64_t v) \
    {                                                                   \
        switch (size) {                                                 \
        case 1:                                                         \
            stb_p(ptr, v);                                              \
            break;                                                      \
        case 2:                                                         \
            stw_##order##_p(ptr, v);                                    \
            break;                                                      \
        case 4:                                                         \
            stl_##order##_p(ptr, v);                                    \
            break;                                                      \
        case 8:                                                         \
            stq_##order##_p(ptr, v);                                    \
            break;                                                      \
        default:                                                        \
            g_assert_not_reached();                                     \
        }                                                               \
    }
BSWAP_DEFINE_SIZED_(he)
BSWAP_DEFINE_SIZED_(le)
BSWAP_DEFINE_SIZED_(be)
#undef BSWAP_DEFINE_SIZED_

#endif /* QEMU_BSWAP_H */
