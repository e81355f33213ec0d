/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QMP's JSON needs beyond jansson: integers up to UINT64_MAX, single-quoted strings, parsing
 * of a stream cut anywhere (a framer), and printing with ASCII only. Trees are jansson's json_t.
 *
 * An integer above INT64_MAX, for which jansson has no type, is a json string of a shape that no
 * JSON text can give (it starts with byte 0xff, never part of UTF-8). json_equal(), copying and
 * containers thus work; json_dumps() fails on it rather than print a wrong number. Make integers
 * with qjson_uint(), read them with qjson_get_uint(), print trees with qjson_to_string().
 * No locking: a framer belongs to one thread.
 */
#ifndef QEMU_JSON_H
#define QEMU_JSON_H

#include <jansson.h>

#define JSON_MAX_MESSAGE_SIZE (64 * 1024 * 1024)  /* bytes of one message, as QEMU's limit */
#define JSON_MAX_TOKENS (2 * 1024 * 1024)         /* bounds the tree a message can become */
#define JSON_MAX_NESTING 1024

/* A new integer value. */
json_t *qjson_uint(uint64_t value);
/* Reads a non-negative integer of any size; false if @value is something else. */
bool qjson_get_uint(const json_t *value, uint64_t *result);
/* True for a string proper: not an integer above INT64_MAX in disguise. */
bool qjson_is_string(const json_t *value);
/* A new string value; bytes that are not UTF-8 become U+FFFD. @text NULL gives "". */
json_t *qjson_string(const char *text);

/* ASCII text of @value; @pretty: indented by 4 over several lines. Caller frees. */
GString *qjson_to_string(const json_t *value, bool pretty);

/*
 * The one JSON value in @text (white space may surround it), or NULL with @errp set to
 * "JSON parse error, …". Accepts what QMP accepts: see json_framer_feed().
 */
json_t *qjson_parse(const char *text, Error **errp);

/* Receives each message: either @value (now the callee's reference) or @err (to be freed). */
typedef void JSONFramerEmit(void *opaque, json_t *value, Error *err);

typedef struct JSONFramer JSONFramer;

JSONFramer *json_framer_new(JSONFramerEmit *emit, void *opaque);
void json_framer_free(JSONFramer *framer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JSONFramer, json_framer_free)
/*
 * Consumes @len bytes, calling emit for each whole message found and for each error. After a
 * lexical error all of the current message so far is dropped and input is skipped up to the next
 * structural or control character; byte 0xff thus resynchronises a client that lost its place.
 * Limits: JSON_MAX_*. Duplicate keys, invalid UTF-8 and numbers that no double holds are errors.
 * emit must not free the framer or feed it.
 */
void json_framer_feed(JSONFramer *framer, const char *buf, size_t len);
/* End of input: completes a number or keyword; an unfinished message is an error. */
void json_framer_flush(JSONFramer *framer);
/* Forgets an unfinished message (the peer went away). */
void json_framer_reset(JSONFramer *framer);

#endif /* QEMU_JSON_H */
