/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing ACPI tables: headers, checksums, little endian integers (ACPI specification 6.5, 5.2.6). */
#include "qemu/osdep.h"
#include "acpi-table.h"

#define ACPI_OEM_TABLE_ID "ELASTIC "
#define ACPI_CREATOR_ID "ELSV"

void acpi_bytes(GByteArray *t, const void *data, size_t size)
{
    g_byte_array_append(t, data, size);
}

void acpi_le(GByteArray *t, uint64_t value, unsigned size)
{
    value = GUINT64_TO_LE(value);
    acpi_bytes(t, &value, size);
}

void acpi_zero(GByteArray *t, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        acpi_le(t, 0, 1);
    }
}

uint8_t acpi_checksum(const uint8_t *data, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += data[i];
    }
    return -sum;
}

GByteArray *acpi_table_begin(const char *signature, uint8_t revision)
{
    GByteArray *t = g_byte_array_new();

    acpi_bytes(t, signature, 4);
    acpi_le(t, 0, 4);
    acpi_le(t, revision, 1);
    acpi_le(t, 0, 1);
    acpi_bytes(t, ACPI_OEM_ID, 6);
    acpi_bytes(t, ACPI_OEM_TABLE_ID, 8);
    acpi_le(t, 1, 4);
    acpi_bytes(t, ACPI_CREATOR_ID, 4);
    acpi_le(t, 1, 4);
    return t;
}

uint32_t acpi_table_end(AcpiImage *image, GByteArray *t)
{
    uint32_t length = GUINT32_TO_LE(t->len), address;

    memcpy(t->data + 4, &length, 4);
    t->data[9] = acpi_checksum(t->data, t->len);
    while (image->bytes->len % 16) {
        acpi_le(image->bytes, 0, 1);
    }
    address = image->base + image->bytes->len;
    acpi_bytes(image->bytes, t->data, t->len);
    g_byte_array_unref(t);
    return address;
}
