/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict conversions between text and numbers, and bounded string copies. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"

#include <math.h>

/* The end of a strtox() call: what is left over must be wanted, and something must be there. */
static int strtox_finish(const char *nptr, const char *end_seen, const char **end, int saved_errno)
{
    if (end) {
        *end = end_seen;
    }
    if (end_seen == nptr || (!end && *end_seen)) {
        return -EINVAL;
    }
    return -saved_errno;
}

int qemu_strtou64(const char *nptr, const char **end, int base, uint64_t *result)
{
    char *seen;
    int ret;

    *result = 0;
    if (!nptr) {
        return -EINVAL;
    }
    errno = 0;
    *result = strtoull(nptr, &seen, base);
    ret = strtox_finish(nptr, seen, end, errno);
    if (ret == -EINVAL) {
        *result = 0;
    }
    return ret;
}

int qemu_strtoi64(const char *nptr, const char **end, int base, int64_t *result)
{
    char *seen;
    int ret;

    *result = 0;
    if (!nptr) {
        return -EINVAL;
    }
    errno = 0;
    *result = strtoll(nptr, &seen, base);
    ret = strtox_finish(nptr, seen, end, errno);
    if (ret == -EINVAL) {
        *result = 0;
    }
    return ret;
}

int qemu_strtoi(const char *nptr, const char **end, int base, int *result)
{
    int64_t value;
    int ret = qemu_strtoi64(nptr, end, base, &value);

    if (value < INT_MIN || value > INT_MAX) {
        value = value < 0 ? INT_MIN : INT_MAX;
        ret = ret ? ret : -ERANGE;
    }
    *result = value;
    return ret;
}

int qemu_strtoui(const char *nptr, const char **end, int base, unsigned *result)
{
    int64_t value;
    int ret = qemu_strtoi64(nptr, end, base, &value);

    if (value > UINT_MAX || value < -(int64_t)UINT_MAX) {
        value = UINT_MAX;
        ret = ret ? ret : -ERANGE;
    }
    *result = value;
    return ret;
}

int qemu_strtod_finite(const char *nptr, const char **end, double *result)
{
    char *seen;
    double value;
    int ret;

    *result = 0;
    if (!nptr) {
        return -EINVAL;
    }
    errno = 0;
    value = strtod(nptr, &seen);
    ret = strtox_finish(nptr, seen, end, errno == ERANGE && fabs(value) > 1 ? ERANGE : 0);
    if (!isfinite(value) && ret != -ERANGE) {
        return -EINVAL;
    }
    *result = value;
    return ret;
}

/* Power of two that a suffix stands for, or -1. */
static int size_suffix_shift(char c)
{
    static const char suffixes[] = "BKMGTPE";
    const char *at = c ? strchr(suffixes, toupper((unsigned char)c)) : NULL;

    return at ? (at - suffixes) * 10 : -1;
}

/* ".5" as a fraction of the unit; exponents and signs are not part of a size. */
static int size_parse_fraction(const char *text, const char **end, double *fraction)
{
    double digit = 0.1;

    *fraction = 0;
    if (!isdigit((unsigned char)text[1])) {
        return -EINVAL;
    }
    for (text++; isdigit((unsigned char)*text); text++, digit /= 10) {
        *fraction += (*text - '0') * digit;
    }
    *end = text;
    return 0;
}

static int size_parse(const char *nptr, const char **end, int default_shift, uint64_t *result)
{
    const char *at = nptr;
    bool hex = nptr[0] == '0' && (nptr[1] == 'x' || nptr[1] == 'X');
    double fraction = 0;
    uint64_t value;
    int ret, shift;

    if (!isdigit((unsigned char)*nptr)) {
        *end = nptr;
        return -EINVAL;
    }
    ret = qemu_strtou64(nptr, &at, hex ? 16 : 10, &value);
    if (!ret && *at == '.') {
        ret = hex ? -EINVAL : size_parse_fraction(at, &at, &fraction);
    }
    if (ret) {
        *end = ret == -EINVAL ? nptr : at;
        return ret;
    }
    shift = hex ? -1 : size_suffix_shift(*at);
    if (shift >= 0) {
        at++;
    } else {
        shift = hex ? 0 : default_shift;
    }
    *end = at;
    if (fraction > 0 && shift == 0) {
        return -EINVAL;
    }
    if (value > UINT64_MAX >> shift) {
        return -ERANGE;
    }
    *result = (value << shift) + (uint64_t)(fraction * (double)(UINT64_C(1) << shift) + 0.5);
    return 0;
}

static int qemu_do_strtosz(const char *nptr, const char **end, int default_shift,
                           uint64_t *result)
{
    const char *seen = nptr;
    int ret;

    *result = 0;
    if (!nptr) {
        return -EINVAL;
    }
    while (isspace((unsigned char)*nptr)) {
        nptr++;
    }
    ret = size_parse(nptr, &seen, default_shift, result);
    if (end) {
        *end = seen;
    } else if (!ret && *seen) {
        *result = 0;
        return -EINVAL;
    }
    return ret;
}

int qemu_strtosz(const char *nptr, const char **end, uint64_t *result)
{
    return qemu_do_strtosz(nptr, end, 0, result);
}

int qemu_strtosz_MiB(const char *nptr, const char **end, uint64_t *result)
{
    return qemu_do_strtosz(nptr, end, 20, result);
}

bool qapi_bool_parse(const char *name, const char *value, bool *obj, Error **errp)
{
    static const char *const on[] = { "on", "yes", "true", "y", NULL };
    static const char *const off[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(on, value)) {
        *obj = true;
        return true;
    }
    if (g_strv_contains(off, value)) {
        *obj = false;
        return true;
    }
    error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
    return false;
}

char *size_to_str(uint64_t val)
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
    double value = val;
    unsigned i = 0;

    while (value >= 999.5 && i < ARRAY_SIZE(units) - 1) {
        value /= 1024;
        i++;
    }
    return g_strdup_printf("%0.3g %sB", value, units[i]);
}

/* How often @val can be divided by 1024, up to GiB; *@rest is what is left. */
static unsigned size_find_unit(uint64_t val, uint64_t *rest)
{
    unsigned i = 0;

    for (; val && val % 1024 == 0 && i < 3; i++) {
        val /= 1024;
    }
    *rest = val;
    return i;
}

char *size_to_exact_str(uint64_t val)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
    uint64_t rest;
    unsigned i = size_find_unit(val, &rest);

    return g_strdup_printf("%" PRIu64 " %s", rest, val ? units[i] : "MiB");
}

char *size_to_option_str(uint64_t val)
{
    static const char *const suffixes[] = { "", "k", "M", "G" };
    uint64_t rest;
    unsigned i = size_find_unit(val, &rest);

    return g_strdup_printf("%" PRIu64 "%s", rest, suffixes[i]);
}

void pstrcpy(char *buf, int buf_size, const char *str)
{
    if (buf_size > 0) {
        g_strlcpy(buf, str, buf_size);
    }
}

char *pstrcat(char *buf, int buf_size, const char *s)
{
    g_strlcat(buf, s, buf_size);
    return buf;
}

int strstart(const char *str, const char *val, const char **ptr)
{
    size_t len = strlen(val);

    if (strncmp(str, val, len)) {
        return 0;
    }
    if (ptr) {
        *ptr = str + len;
    }
    return 1;
}

bool qemu_uuid_parse_bytes(const char *str, uint8_t uuid[16])
{
    if (!g_uuid_string_is_valid(str)) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        while (*str == '-') {
            str++;
        }
        uuid[i] = g_ascii_xdigit_value(str[0]) << 4 | g_ascii_xdigit_value(str[1]);
        str += 2;
    }
    return true;
}
