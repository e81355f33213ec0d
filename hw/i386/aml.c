/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writer of AML byte code (ACPI specification 6.5, section 20.2 "AML grammar definition"). */
#include "qemu/osdep.h"
#include "aml.h"

enum {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_STRING = 0x0d,
    AML_QWORD = 0x0e,
    AML_SCOPE = 0x10,
    AML_BUFFER = 0x11,
    AML_PACKAGE = 0x12,
    AML_METHOD = 0x14,
    AML_DUAL_NAME = 0x2e,
    AML_MULTI_NAME = 0x2f,
    AML_EXT = 0x5b,
    AML_EXT_MUTEX = 0x01,
    AML_EXT_ACQUIRE = 0x23,
    AML_EXT_RELEASE = 0x27,
    AML_EXT_OP_REGION = 0x80,
    AML_EXT_FIELD = 0x81,
    AML_EXT_DEVICE = 0x82,
    AML_EXT_PROCESSOR = 0x83,
    AML_LOCAL0 = 0x60,
    AML_ARG0 = 0x68,
    AML_IF = 0xa0,
    AML_ELSE = 0xa1,
    AML_RETURN = 0xa4,
};
#define AML_SPACE_SYSTEM_IO 1
#define AML_FIELD_DWORD_ACCESS 3
#define AML_WAIT_FOR_EVER 0xffff

/* A length is written in four bytes, the longest form, so that its place is known beforehand. */
#define AML_PKG_LENGTH_BYTES 4

void aml_init(Aml *aml)
{
    aml->bytes = g_byte_array_new();
    aml->open = g_array_new(false, false, sizeof(guint));
}

void aml_cleanup(Aml *aml)
{
    g_byte_array_unref(aml->bytes);
    g_array_free(aml->open, true);
}

void aml_bytes(Aml *aml, const void *data, size_t size)
{
    g_byte_array_append(aml->bytes, data, size);
}

void aml_byte(Aml *aml, uint8_t value)
{
    aml_bytes(aml, &value, 1);
}

static void aml_le(Aml *aml, uint64_t value, unsigned size)
{
    value = GUINT64_TO_LE(value);
    aml_bytes(aml, &value, size);
}

static void aml_name_segment(Aml *aml, const char *segment)
{
    char padded[4] = { '_', '_', '_', '_' };

    assert(*segment && strlen(segment) <= sizeof(padded));
    memcpy(padded, segment, strlen(segment));
    aml_bytes(aml, padded, sizeof(padded));
}

void aml_name(Aml *aml, const char *name)
{
    g_auto(GStrv) segments = NULL;
    guint nb;

    for (; *name == '\\' || *name == '^'; name++) {
        aml_byte(aml, *name);
    }
    segments = g_strsplit(name, ".", -1);
    nb = g_strv_length(segments);
    if (nb == 0) {
        aml_byte(aml, AML_ZERO);
    } else if (nb == 2) {
        aml_byte(aml, AML_DUAL_NAME);
    } else if (nb > 2) {
        aml_byte(aml, AML_MULTI_NAME);
        aml_byte(aml, nb);
    }
    for (guint i = 0; i < nb; i++) {
        aml_name_segment(aml, segments[i]);
    }
}

void aml_integer(Aml *aml, uint64_t value)
{
    if (value <= 1) {
        aml_byte(aml, value ? AML_ONE : AML_ZERO);
    } else if (value <= UINT8_MAX) {
        aml_byte(aml, AML_BYTE);
        aml_le(aml, value, 1);
    } else if (value <= UINT16_MAX) {
        aml_byte(aml, AML_WORD);
        aml_le(aml, value, 2);
    } else if (value <= UINT32_MAX) {
        aml_byte(aml, AML_DWORD);
        aml_le(aml, value, 4);
    } else {
        aml_byte(aml, AML_QWORD);
        aml_le(aml, value, 8);
    }
}

void aml_string(Aml *aml, const char *text)
{
    aml_byte(aml, AML_STRING);
    aml_bytes(aml, text, strlen(text) + 1);
}

/* Three letters of five bits and four hexadecimal digits, big endian (section 19.3.4). */
void aml_eisaid(Aml *aml, const char *id)
{
    uint32_t value = (uint32_t)(id[0] - '@') << 26 | (uint32_t)(id[1] - '@') << 21 |
                     (uint32_t)(id[2] - '@') << 16 |
                     (uint32_t)g_ascii_strtoull(id + 3, NULL, 16);

    aml_byte(aml, AML_DWORD);
    aml_le(aml, GUINT32_SWAP_LE_BE(value), 4);
}

static void aml_open(Aml *aml)
{
    static const uint8_t place[AML_PKG_LENGTH_BYTES];
    guint at = aml->bytes->len;

    g_array_append_val(aml->open, at);
    aml_bytes(aml, place, sizeof(place));
}

void aml_close(Aml *aml)
{
    guint at = g_array_index(aml->open, guint, aml->open->len - 1);
    guint length = aml->bytes->len - at;
    uint8_t *place = aml->bytes->data + at;

    assert(length < 1u << 28);
    place[0] = (AML_PKG_LENGTH_BYTES - 1) << 6 | (length & 0xf);
    place[1] = length >> 4;
    place[2] = length >> 12;
    place[3] = length >> 20;
    g_array_set_size(aml->open, aml->open->len - 1);
}

void aml_open_scope(Aml *aml, const char *name)
{
    aml_byte(aml, AML_SCOPE);
    aml_open(aml);
    aml_name(aml, name);
}

void aml_open_device(Aml *aml, const char *name)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_DEVICE);
    aml_open(aml);
    aml_name(aml, name);
}

void aml_open_method(Aml *aml, const char *name, unsigned nb_args)
{
    assert(nb_args <= 7);
    aml_byte(aml, AML_METHOD);
    aml_open(aml);
    aml_name(aml, name);
    aml_byte(aml, nb_args);
}

void aml_open_package(Aml *aml, uint8_t nb_elements)
{
    aml_byte(aml, AML_PACKAGE);
    aml_open(aml);
    aml_byte(aml, nb_elements);
}

void aml_open_processor(Aml *aml, const char *name, uint8_t id)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_PROCESSOR);
    aml_open(aml);
    aml_name(aml, name);
    aml_byte(aml, id);
    aml_le(aml, 0, 4);   /* no P_BLK */
    aml_byte(aml, 0);
}

/* Buffer(size) { … }: the size is a word constant that is filled in on close. */
void aml_open_resources(Aml *aml, const char *name)
{
    aml_byte(aml, AML_NAME);
    aml_name(aml, name);
    aml_byte(aml, AML_BUFFER);
    aml_open(aml);
    aml_byte(aml, AML_WORD);
    aml_le(aml, 0, 2);
}

void aml_close_resources(Aml *aml)
{
    guint at = g_array_index(aml->open, guint, aml->open->len - 1) + AML_PKG_LENGTH_BYTES + 1;
    guint size;

    aml_byte(aml, 0x79);   /* end tag, checksum not used */
    aml_byte(aml, 0);
    size = aml->bytes->len - at - 2;
    aml->bytes->data[at] = size;
    aml->bytes->data[at + 1] = size >> 8;
    aml_close(aml);
}

void aml_name_integer(Aml *aml, const char *name, uint64_t value)
{
    aml_byte(aml, AML_NAME);
    aml_name(aml, name);
    aml_integer(aml, value);
}

void aml_name_eisaid(Aml *aml, const char *name, const char *id)
{
    aml_byte(aml, AML_NAME);
    aml_name(aml, name);
    aml_eisaid(aml, id);
}

void aml_return_integer(Aml *aml, uint64_t value)
{
    aml_byte(aml, AML_RETURN);
    aml_integer(aml, value);
}

/* ---- terms of methods ------------------------------------------------------------------------ */

void aml_op(Aml *aml, AmlOp op)
{
    aml_byte(aml, op);
}

void aml_arg(Aml *aml, unsigned index)
{
    assert(index <= 6);
    aml_byte(aml, AML_ARG0 + index);
}

void aml_local(Aml *aml, unsigned index)
{
    assert(index <= 7);
    aml_byte(aml, AML_LOCAL0 + index);
}

/* The null name. */
void aml_nowhere(Aml *aml)
{
    aml_byte(aml, AML_ZERO);
}

void aml_buffer(Aml *aml, const void *data, uint8_t size)
{
    aml_byte(aml, AML_BUFFER);
    aml_open(aml);
    aml_byte(aml, AML_BYTE);
    aml_byte(aml, size);
    aml_bytes(aml, data, size);
    aml_close(aml);
}

void aml_open_if(Aml *aml)
{
    aml_byte(aml, AML_IF);
    aml_open(aml);
}

void aml_open_else(Aml *aml)
{
    aml_byte(aml, AML_ELSE);
    aml_open(aml);
}

void aml_mutex(Aml *aml, const char *name)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_MUTEX);
    aml_name(aml, name);
    aml_byte(aml, 0);
}

void aml_acquire(Aml *aml, const char *name)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_ACQUIRE);
    aml_name(aml, name);
    aml_le(aml, AML_WAIT_FOR_EVER, 2);
}

void aml_release(Aml *aml, const char *name)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_RELEASE);
    aml_name(aml, name);
}

void aml_io_region(Aml *aml, const char *name, uint16_t base, uint8_t length)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_OP_REGION);
    aml_name(aml, name);
    aml_byte(aml, AML_SPACE_SYSTEM_IO);
    aml_integer(aml, base);
    aml_integer(aml, length);
}

void aml_io_fields32(Aml *aml, const char *region, const char *const *fields)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_FIELD);
    aml_open(aml);
    aml_name(aml, region);
    aml_byte(aml, AML_FIELD_DWORD_ACCESS);
    for (; *fields; fields++) {
        aml_name_segment(aml, *fields);
        aml_byte(aml, 32);     /* bits, as a length of one byte */
    }
    aml_close(aml);
}

/* ---- resources ------------------------------------------------------------------------------- */

void aml_res_io(Aml *aml, uint16_t base, uint8_t length)
{
    aml_byte(aml, 0x47);
    aml_byte(aml, 1);      /* decodes 16 bits */
    aml_le(aml, base, 2);
    aml_le(aml, base, 2);
    aml_byte(aml, 1);
    aml_byte(aml, length);
}

void aml_res_irq(Aml *aml, unsigned irq)
{
    aml_byte(aml, 0x22);   /* edge, active high, exclusive */
    aml_le(aml, 1u << irq, 2);
}

void aml_res_memory32(Aml *aml, uint32_t base, uint32_t length)
{
    aml_byte(aml, 0x86);
    aml_le(aml, 9, 2);
    aml_byte(aml, 1);      /* read and write */
    aml_le(aml, base, 4);
    aml_le(aml, length, 4);
}

void aml_res_gsi(Aml *aml, uint32_t gsi)
{
    aml_byte(aml, 0x89);
    aml_le(aml, 6, 2);
    aml_byte(aml, 0x09);   /* consumer, shared */
    aml_byte(aml, 1);
    aml_le(aml, gsi, 4);
}

/* Address space descriptors of 16 or 32 bits: produced, minimum and maximum fixed. */
static void aml_res_window(Aml *aml, uint8_t tag, uint8_t type, uint8_t flags, unsigned width,
                           uint64_t first, uint64_t last)
{
    aml_byte(aml, tag);
    aml_le(aml, 3 + 5 * width, 2);
    aml_byte(aml, type);
    aml_byte(aml, 0x0c);
    aml_byte(aml, flags);
    aml_le(aml, 0, width);
    aml_le(aml, first, width);
    aml_le(aml, last, width);
    aml_le(aml, 0, width);
    aml_le(aml, last - first + 1, width);
}

void aml_res_bus_window(Aml *aml, uint16_t first, uint16_t last)
{
    aml_res_window(aml, 0x88, 2, 0, 2, first, last);
}

void aml_res_io_window(Aml *aml, uint16_t first, uint16_t last)
{
    aml_res_window(aml, 0x88, 1, 3, 2, first, last);
}

void aml_res_memory_window(Aml *aml, uint32_t first, uint32_t last)
{
    aml_res_window(aml, 0x87, 0, 1, 4, first, last);
}
