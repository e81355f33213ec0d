/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read the command line share: options.c has the table and most handlers. */
#ifndef APP_OPTIONS_INTERNAL_H
#define APP_OPTIONS_INTERNAL_H

#include "options.h"

/* A handler's answer: go on, stop (help was given), or an error in @errp (or already reported). */
typedef enum OptResult { OPT_OK, OPT_HELP, OPT_ERROR } OptResult;
typedef OptResult OptHandler(Cmdline *c, const CmdlineArg *arg, Error **errp);

/* options-run.c: how the program runs and what it says. */
OptHandler handle_enable_kvm, handle_run_with, handle_msg, handle_audio, handle_audiodev;
/* readconfig.c */
OptHandler handle_readconfig;

/* Sets a property of the machine, as -machine @name=@value. */
void cmdline_set_machine_string(Cmdline *c, const char *name, const char *value);
/* Carries out an option of the table, as if it stood on the command line here; reports errors. */
OptResult cmdline_take(Cmdline *c, const CmdlineArg *arg);

#endif /* APP_OPTIONS_INTERNAL_H */
