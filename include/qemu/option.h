/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line values: "key=value,key2=value2" lists (keyval) or, where an argument starts with
 * '{', JSON. A keyval list gives a JSON object whose leaves are strings; "a.b=1" nests, "l.0=x"
 * makes a list, ",," stands for a comma in a value, the last of equal keys wins.
 */
#ifndef QEMU_OPTION_H
#define QEMU_OPTION_H

#include <jansson.h>

/*
 * Parses @params. @implied_key (may be NULL) is the key of a first value without "=". If @help is
 * not NULL, it is set when "help" or "?" stands alone, which then is no key. A new reference, or
 * NULL with @errp. A key without value is an error except as said (QEMU's keyval dialect).
 */
json_t *keyval_parse(const char *params, const char *implied_key, bool *help, Error **errp);
/*
 * The older dialect of -device, -chardev, -m, -smp …: keys are flat (dots have no meaning), a bare
 * "key" means key=on and "nokey" key=off. The last of equal keys wins, but the first "id".
 */
json_t *qemu_opts_parse_json(const char *params, const char *implied_key, bool *help,
                             Error **errp);
/* The same without a warning about bare keys: in "unix:PATH,server,nowait" they always were usual. */
json_t *qemu_opts_parse_json_quiet(const char *params, const char *implied_key, Error **errp);
/*
 * The same, for options whose keys may be repeated: @fn is called for each key in order until it
 * returns false, with @errp; true if it never did.
 */
typedef bool QemuOptFunc(const char *key, const char *value, void *opaque, Error **errp);
bool qemu_opts_foreach(const char *params, const char *implied_key, bool *help, QemuOptFunc *fn,
                       void *opaque, Error **errp);
/*
 * The same for -object, where a repeated key adds to a list ("host-nodes=0,host-nodes=2-3"): its
 * value then is the array [null, "0", "2-3"], of which the lenient input visitor
 * (qobject_input_visitor_new_keyval) makes a list, or the last where no list is wanted.
 */
json_t *qemu_opts_parse_json_lists(const char *params, const char *implied_key, bool *help,
                                   Error **errp);
typedef json_t *OptionParser(const char *params, const char *implied_key, bool *help, Error **errp);
/*
 * JSON, or what @parse makes of the rest: *@keyval tells whether leaves are strings yet to be
 * parsed.
 */
json_t *qobject_input_parse(const char *str, const char *implied_key, OptionParser *parse,
                            bool *keyval, bool *help, Error **errp);
/* Is @s a request for help: "help" or "?". */
bool is_help_option(const char *s);
/* Does a list contain a help request as one of its elements? */
bool has_help_option(const char *params);
/* The identifier rule of -device id=…: a letter, then letters, digits, '-', '.', '_'. */
bool id_wellformed(const char *id);

#endif /* QEMU_OPTION_H */
