/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing ACPI tables (ACPI specification 6.5, section 5.2.6): a table is begun, filled byte by
 * byte and ended, which gives it its length and checksum and puts it into the image.
 */
#ifndef HW_I386_ACPI_TABLE_H
#define HW_I386_ACPI_TABLE_H

#define ACPI_OEM_ID "ELASTC"

/* All tables as they will lie in guest memory, from @base on. */
typedef struct AcpiImage {
    GByteArray *bytes;
    uint32_t base;
} AcpiImage;

void acpi_bytes(GByteArray *t, const void *data, size_t size);
/* An integer of @size bytes, little endian. */
void acpi_le(GByteArray *t, uint64_t value, unsigned size);
void acpi_zero(GByteArray *t, unsigned size);
/* What makes the sum of all bytes 0 if it is added. */
uint8_t acpi_checksum(const uint8_t *data, size_t size);

/* @signature: four characters. Length and checksum are filled in by acpi_table_end(). */
GByteArray *acpi_table_begin(const char *signature, uint8_t revision);
/* Appends the finished table, 16-byte aligned; returns its guest physical address; frees @t. */
uint32_t acpi_table_end(AcpiImage *image, GByteArray *t);

#endif /* HW_I386_ACPI_TABLE_H */
