/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visitor: carries typed values between C and what a user writes or reads.
 *
 * Input visitors read a JSON tree (strict types), a keyval tree (JSON whose leaves are strings,
 * as `-object a,b=c` gives) or one string; the output visitor builds a JSON tree. Property
 * accessors and generated code call visit_type_*() and need not know which kind it is.
 * A visit of an input visitor writes *obj, of an output visitor reads it. All return true on
 * success; on failure they set @errp, naming the member.
 */
#ifndef QAPI_VISITOR_H
#define QAPI_VISITOR_H

#include <jansson.h>

typedef struct QEnumLookup {
    const char *const *array;
    const int size;
} QEnumLookup;

/* Strict JSON input; borrows @value until visit_free(). */
Visitor *qobject_input_visitor_new(json_t *value);
/* Keyval input: scalars are strings to be parsed; a strict scalar is taken as well. */
Visitor *qobject_input_visitor_new_keyval(json_t *value);
/* One string, as `-global`, `-device x=…` and `-set` give; lists of integers as "0-3,5". */
Visitor *string_input_visitor_new(const char *value);
/* Output: *@result owns the tree when visit_complete() returned. */
Visitor *qobject_output_visitor_new(json_t **result);
void visit_complete(Visitor *v);
void visit_free(Visitor *v);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Visitor, visit_free)

bool visit_is_input(const Visitor *v);

/* @name is NULL at the root and for list elements. @obj of a struct visit may be NULL. */
bool visit_start_struct(Visitor *v, const char *name, Error **errp);
/* Input: an error if members are left that nobody visited. */
bool visit_check_struct(Visitor *v, Error **errp);
void visit_end_struct(Visitor *v);
/*
 * Lists: input sets *@nb_elements; output is told it. Then one element visit with NULL name
 * each.
 */
bool visit_start_list(Visitor *v, const char *name, size_t *nb_elements, Error **errp);
void visit_end_list(Visitor *v);
/* Input: sets *@present from the tree; output: leaves it; returns *@present. */
bool visit_optional(Visitor *v, const char *name, bool *present);

bool visit_type_bool(Visitor *v, const char *name, bool *obj, Error **errp);
bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_int8(Visitor *v, const char *name, int8_t *obj, Error **errp);
bool visit_type_int16(Visitor *v, const char *name, int16_t *obj, Error **errp);
bool visit_type_int32(Visitor *v, const char *name, int32_t *obj, Error **errp);
bool visit_type_int64(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_uint8(Visitor *v, const char *name, uint8_t *obj, Error **errp);
bool visit_type_uint16(Visitor *v, const char *name, uint16_t *obj, Error **errp);
bool visit_type_uint32(Visitor *v, const char *name, uint32_t *obj, Error **errp);
bool visit_type_uint64(Visitor *v, const char *name, uint64_t *obj, Error **errp);
/* Bytes; strings and keyval take suffixes B K M G T P E. */
bool visit_type_size(Visitor *v, const char *name, uint64_t *obj, Error **errp);
/* Input: *@obj is a new string, to be freed by the caller; output: NULL is written as "". */
bool visit_type_str(Visitor *v, const char *name, char **obj, Error **errp);
bool visit_type_number(Visitor *v, const char *name, double *obj, Error **errp);
/* Any JSON value; input gives a new reference. */
bool visit_type_any(Visitor *v, const char *name, json_t **obj, Error **errp);
bool visit_type_enum(Visitor *v, const char *name, int *obj, const QEnumLookup *lookup,
                     Error **errp);

/* "on"/"value" for a value of an enumeration; asserts the range. */
const char *qapi_enum_lookup(const QEnumLookup *lookup, int val);
/* The value named @buf, or @def and an error that lists the names. @buf NULL gives @def. */
int qapi_enum_parse(const QEnumLookup *lookup, const char *buf, int def, Error **errp);

#endif /* QAPI_VISITOR_H */
