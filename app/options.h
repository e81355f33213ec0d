/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, read once into a structure: options that stand for machine properties are
 * merged into `machine`, repeated ones are kept in order. Nothing is made yet. main.c carries it
 * out. Strings are borrowed from argv, or interned.
 */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include <jansson.h>

/* An option as it was typed, for messages ("-device", "--device"), and its value. */
typedef struct CmdlineArg {
    const char *option;
    const char *value;
    const char *file;           /* of -readconfig, and where in it; NULL: the command line */
    unsigned line;
} CmdlineArg;

typedef struct Cmdline {
    json_t *machine;            /* keyval object: -machine, -smp, -m, -kernel, -initrd, -append */
    json_t *memory;             /* of -m: in the end part of the above, and stronger than -machine */
    GPtrArray *accels;          /* CmdlineArg *, in order; likewise the next ones */
    GPtrArray *objects;
    GPtrArray *devices;
    GPtrArray *numas;
    GPtrArray *chardevs;
    GPtrArray *monitors;        /* -qmp and -mon */
    GPtrArray *serials;
    CmdlineArg qtest;
    CmdlineArg cpu;
    const char *qtest_log;
    const char *pidfile;
    const char *process_name;
    bool daemonize;
    bool nographic;
    bool stopped;               /* -S */
    bool no_reboot;
    bool no_shutdown;
    bool nodefaults;
    bool no_user_config;
    bool preconfig;
    bool exit_with_parent;
    bool messages_name_guest;   /* -msg guest-name=on */
} Cmdline;

typedef enum CmdlineResult {
    CMDLINE_RUN,
    CMDLINE_DONE,               /* a request for help was answered: exit 0 */
    CMDLINE_ERROR,              /* reported: exit 1 */
} CmdlineResult;

CmdlineResult cmdline_parse(Cmdline *c, int argc, char **argv);
void cmdline_cleanup(Cmdline *c);
/* Messages are about @arg from now on (loc_set_cmdline(NULL, NULL) ends that). */
void cmdline_arg_set_loc(const CmdlineArg *arg);
/* Names of the accelerators there are, by line. */
void accel_help(void);

#endif /* SYSTEM_OPTIONS_H */
