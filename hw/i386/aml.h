/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small writer of AML, the byte code of ACPI tables (ACPI specification 6.5, chapter 20).
 *
 * Terms are appended to a byte array in the order in which they shall stand. A term that holds
 * others is opened with aml_open_*(), which remembers where its length belongs, and closed with
 * aml_close(). Names are "\\_SB", "PCI0" or "_SB.PCI0"; segments are padded with underscores.
 */
#ifndef HW_I386_AML_H
#define HW_I386_AML_H

typedef struct Aml {
    GByteArray *bytes;
    GArray *open;        /* of guint: where the length of each open term starts */
} Aml;

void aml_init(Aml *aml);
void aml_cleanup(Aml *aml);

void aml_byte(Aml *aml, uint8_t value);
void aml_bytes(Aml *aml, const void *data, size_t size);
void aml_name(Aml *aml, const char *name);
void aml_integer(Aml *aml, uint64_t value);
void aml_string(Aml *aml, const char *text);
/* A compressed EISA id like "PNP0A03". */
void aml_eisaid(Aml *aml, const char *id);

void aml_open_scope(Aml *aml, const char *name);
void aml_open_device(Aml *aml, const char *name);
/* @nb_args 0 to 7 */
void aml_open_method(Aml *aml, const char *name, unsigned nb_args);
void aml_open_package(Aml *aml, uint8_t nb_elements);
void aml_open_processor(Aml *aml, const char *name, uint8_t id);
/* A resource template: descriptors, then aml_close_resources(). */
void aml_open_resources(Aml *aml, const char *name);
void aml_close_resources(Aml *aml);
void aml_close(Aml *aml);

/* Name(name, integer), Name(name, EISAID(id)) */
void aml_name_integer(Aml *aml, const char *name, uint64_t value);
void aml_name_eisaid(Aml *aml, const char *name, const char *id);
void aml_return_integer(Aml *aml, uint64_t value);

/*
 * Terms of methods (section 20.2.5). An operation is followed by its operands, which the caller
 * appends in order, each a name, a constant, aml_arg(), aml_local() or another operation; where a
 * result goes, aml_nowhere() is none.
 */
typedef enum AmlOp {
    AML_OP_STORE = 0x70,             /* source, target */
    AML_OP_SHIFT_LEFT = 0x79,        /* value, count, target */
    AML_OP_AND = 0x7b,               /* value, value, target */
    AML_OP_OR = 0x7d,
    AML_OP_NOTIFY = 0x86,            /* object, value */
    AML_OP_CREATE_DWORD = 0x8a,      /* buffer, offset, name */
    AML_OP_LNOT = 0x92,              /* value */
    AML_OP_LEQUAL = 0x93,            /* value, value */
    AML_OP_RETURN = 0xa4,            /* value */
} AmlOp;
void aml_op(Aml *aml, AmlOp op);
void aml_arg(Aml *aml, unsigned index);      /* 0 to 6 */
void aml_local(Aml *aml, unsigned index);    /* 0 to 7 */
void aml_nowhere(Aml *aml);
void aml_buffer(Aml *aml, const void *data, uint8_t size);
/* If (predicate, appended by the caller) { … } and Else { … } after its aml_close(). */
void aml_open_if(Aml *aml);
void aml_open_else(Aml *aml);
void aml_mutex(Aml *aml, const char *name);
void aml_acquire(Aml *aml, const char *name);
void aml_release(Aml *aml, const char *name);
/* Ports [@base, @base + @length), and a list of registers of 32 bits in them, ended by NULL. */
void aml_io_region(Aml *aml, const char *name, uint16_t base, uint8_t length);
void aml_io_fields32(Aml *aml, const char *region, const char *const *fields);

/* Resource descriptors (section 6.4). */
void aml_res_io(Aml *aml, uint16_t base, uint8_t length);
void aml_res_irq(Aml *aml, unsigned irq);
void aml_res_memory32(Aml *aml, uint32_t base, uint32_t length);
/* Level triggered, active high, shared. */
void aml_res_gsi(Aml *aml, uint32_t gsi);
void aml_res_bus_window(Aml *aml, uint16_t first, uint16_t last);
void aml_res_io_window(Aml *aml, uint16_t first, uint16_t last);
void aml_res_memory_window(Aml *aml, uint32_t first, uint32_t last);

#endif /* HW_I386_AML_H */
