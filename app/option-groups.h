/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options whose value is a list of parameters, "NAME=VALUE,...": one table says which parameters
 * each takes, both to the parser and to query-command-line-options.
 */
#ifndef APP_OPTION_GROUPS_H
#define APP_OPTION_GROUPS_H

#include <jansson.h>

/*
 * Parses @text by the table's line for @group: an object of strings, whose keys are parameters of
 * the group, and whose values are of their types. @implied is the key of a first value that has
 * none, or NULL. NULL with @errp.
 */
json_t *option_group_parse(const char *group, const char *text, const char *implied, Error **errp);
/* The boolean of a parsed group; @def where it is not given. */
bool option_group_bool(const json_t *opts, const char *name, bool def);
/* The option of a group, with its dash ("-m" of "memory"), or NULL. */
const char *option_group_option(const char *group);
/* Has query-command-line-options answered from the table. */
void option_groups_publish(void);

#endif /* APP_OPTION_GROUPS_H */
