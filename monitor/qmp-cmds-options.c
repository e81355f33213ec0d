/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-command-line-options: the answer is the command line's, which stands above the monitors. */
#include "qemu/osdep.h"

#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/util.h"

static CommandLineLister *lister;

void monitor_set_command_line_lister(CommandLineLister *list)
{
    lister = list;
}

/* Takes the named option out of @list; the rest is freed. */
static CommandLineOptionInfoList *only(CommandLineOptionInfoList *list, const char *option)
{
    CommandLineOptionInfoList *found = NULL;

    for (CommandLineOptionInfoList **l = &list; *l; l = &(*l)->next) {
        if (!strcmp((*l)->value->option, option)) {
            found = *l;
            *l = found->next;
            found->next = NULL;
            break;
        }
    }
    qapi_free_CommandLineOptionInfoList(list);
    return found;
}

CommandLineOptionInfoList *qmp_query_command_line_options(const char *option, Error **errp)
{
    CommandLineOptionInfoList *list = lister ? lister() : NULL;

    if (!option) {
        return list;
    }
    list = only(list, option);
    if (!list) {
        error_setg(errp, "invalid option name: %s", option);
    }
    return list;
}
