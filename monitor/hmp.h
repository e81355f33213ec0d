/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the human monitor (hmp.c), its commands (hmp-cmds*.c) and its tables (hmp-table.c); each
 * uses those before it, and monitor.c hands the tables to the first.
 * A command is a row of a table: its arguments are parsed by it before it runs, its completion
 * and help come from it. Main thread, big lock.
 */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include "monitor/readline.h"

typedef struct MonitorHMP MonitorHMP;
typedef struct HMPCommand HMPCommand;

/* How an argument is written on the line. */
typedef enum HMPArgKind {
    HMP_ARG_NONE,       /* ends a list of arguments */
    HMP_ARG_WORD,       /* up to white space, or in double quotes with \n \r \" \' \\ */
    HMP_ARG_REST,       /* all the rest of the line, as it stands */
    HMP_ARG_FLAG,       /* -x */
} HMPArgKind;

typedef struct HMPArg {
    HMPArgKind kind;
    bool optional;      /* words only; flags always are */
    char flag;
} HMPArg;

#define HMP_MAX_ARGS 4

struct HMPCommand {
    const char *name;       /* "stop|s": several names for one command */
    const char *params;     /* for help: "[-f] path" */
    const char *help;
    HMPArg args[HMP_MAX_ARGS + 1];
    /* @args: one for each of the table's, valid UTF-8; NULL where absent; "" for a flag. */
    void (*run)(MonitorHMP *mon, char **args);
    /* Adds what word @nb (1: the first argument) may be; @words[@nb] is what there is of it. */
    void (*complete)(ReadLine *rl, char **words, unsigned nb);
    const HMPCommand *sub;  /* table of commands that follow this one; ends with { } */
};

extern const HMPCommand hmp_commands[];       /* sorted by name; ends with { } */
extern const HMPCommand hmp_info_commands[];  /* likewise, behind "info" */

/* The row of @table that is called by the @length bytes at @name, or NULL. */
const HMPCommand *hmp_find_command(const HMPCommand *table, const char *name, size_t length);
/* Completion: adds the names in @table that start with @prefix. */
void hmp_complete_name(ReadLine *rl, const HMPCommand *table, const char *prefix);
/* Completion: adds @word if it starts with @prefix. */
void hmp_add_if_prefix(ReadLine *rl, const char *prefix, const char *word);

/* To the terminal, or into the answer of human-monitor-command. */
void hmp_puts(MonitorHMP *mon, const char *text);
void hmp_printf(MonitorHMP *mon, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Prints "Error: …" and frees @err; returns whether there was one. */
bool hmp_handle_error(MonitorHMP *mon, Error *err);
/* The command line history; NULL where there is none (human-monitor-command). */
const ReadLine *hmp_readline(const MonitorHMP *mon);
/* No more lines are taken, and no prompt comes: the emulator is about to end. */
void hmp_end(MonitorHMP *mon);
/* Index of the monitor's current CPU; -1: there is no CPU. */
int hmp_cpu_index(const MonitorHMP *mon);

/* Commands on a fresh monitor without a terminal; the output, to be freed. */
char *hmp_run_line(const char *line, int cpu_index);

/* What may be typed: @table is kept. Before hmp_start_all() and hmp_run_line(). */
void hmp_set_commands(const HMPCommand *table);
void hmp_start_all(void);
void hmp_cleanup(void);

/* ---- the commands ---- */

void hmp_help(MonitorHMP *mon, char **args);
void hmp_help_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_info_help(MonitorHMP *mon, char **args);

void hmp_cont(MonitorHMP *mon, char **args);
void hmp_quit(MonitorHMP *mon, char **args);
void hmp_stop(MonitorHMP *mon, char **args);
void hmp_system_powerdown(MonitorHMP *mon, char **args);
void hmp_system_reset(MonitorHMP *mon, char **args);
void hmp_info_chardev(MonitorHMP *mon, char **args);
void hmp_info_cpus(MonitorHMP *mon, char **args);
void hmp_info_history(MonitorHMP *mon, char **args);
void hmp_info_kvm(MonitorHMP *mon, char **args);
void hmp_info_memdev(MonitorHMP *mon, char **args);
void hmp_info_memory_devices(MonitorHMP *mon, char **args);
void hmp_info_memory_size_summary(MonitorHMP *mon, char **args);
void hmp_info_mtree(MonitorHMP *mon, char **args);
void hmp_info_name(MonitorHMP *mon, char **args);
void hmp_info_numa(MonitorHMP *mon, char **args);
void hmp_info_status(MonitorHMP *mon, char **args);
void hmp_info_uuid(MonitorHMP *mon, char **args);
void hmp_info_version(MonitorHMP *mon, char **args);

void hmp_device_add(MonitorHMP *mon, char **args);
void hmp_device_add_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_device_del(MonitorHMP *mon, char **args);
void hmp_device_del_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_object_add(MonitorHMP *mon, char **args);
void hmp_object_add_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_object_del(MonitorHMP *mon, char **args);
void hmp_object_del_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_qom_get(MonitorHMP *mon, char **args);
void hmp_qom_list(MonitorHMP *mon, char **args);
void hmp_qom_set(MonitorHMP *mon, char **args);
void hmp_qom_path_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_qom_property_complete(ReadLine *rl, char **words, unsigned nb);
void hmp_info_qom_tree(MonitorHMP *mon, char **args);

void hmp_info_qdm(MonitorHMP *mon, char **args);
void hmp_info_qtree(MonitorHMP *mon, char **args);
void hmp_info_pci(MonitorHMP *mon, char **args);

#endif /* MONITOR_HMP_H */
