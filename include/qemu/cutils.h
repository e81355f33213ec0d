/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict conversions between text and numbers, sizes, and bounded string copies.
 *
 * A number conversion returns 0, -EINVAL (no number, or text behind it when @end is NULL) or
 * -ERANGE; @result is 0 (or the nearest bound) on error. @end, when not NULL, is set to the first
 * character not consumed. Base 0 takes 0x and 0 prefixes. Thread safe.
 */
#ifndef QEMU_CUTILS_H
#define QEMU_CUTILS_H

int qemu_strtou64(const char *nptr, const char **end, int base, uint64_t *result);
int qemu_strtoi64(const char *nptr, const char **end, int base, int64_t *result);
int qemu_strtoui(const char *nptr, const char **end, int base, unsigned *result);
int qemu_strtoi(const char *nptr, const char **end, int base, int *result);
int qemu_strtod_finite(const char *nptr, const char **end, double *result);
/*
 * A size in bytes: decimal digits with an optional fraction, or hexadecimal, followed by an
 * optional suffix B K M G T P E (either case). Without suffix, _MiB counts in mebibytes.
 */
int qemu_strtosz(const char *nptr, const char **end, uint64_t *result);
int qemu_strtosz_MiB(const char *nptr, const char **end, uint64_t *result);
/* "on", "yes", "true", "y" / "off", "no", "false", "n". */
bool qapi_bool_parse(const char *name, const char *value, bool *obj, Error **errp);

/* @val as "1.5 GiB", three significant digits. Caller frees. */
char *size_to_str(uint64_t val);
/* @val exactly, in the largest unit that divides it: "2 GiB", "1536 MiB". Caller frees. */
char *size_to_exact_str(uint64_t val);
/* The same as an option's value: "2G", "1536M". */
char *size_to_option_str(uint64_t val);
/* Copies @str into @buf of @buf_size bytes, cut if need be, always terminated. */
void pstrcpy(char *buf, int buf_size, const char *str);
/* Appends to @buf likewise; returns @buf. */
char *pstrcat(char *buf, int buf_size, const char *s);
/* Whether @str starts with @val; then *@ptr (may be NULL) points behind it. */
int strstart(const char *str, const char *val, const char **ptr);

/* The 16 bytes of "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"; false if @str is anything else. */
bool qemu_uuid_parse_bytes(const char *str, uint8_t uuid[16]);

#endif /* QEMU_CUTILS_H */
