/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command of the human monitor: names, arguments, help, completion. `help` shows what stands
 * here and nothing else. Sorted by name, in the order in which help prints.
 */
#include "qemu/osdep.h"

#include "hmp.h"

#define WORD { HMP_ARG_WORD }
#define OPTIONAL_WORD { HMP_ARG_WORD, .optional = true }
#define REST { HMP_ARG_REST }
#define OPTIONAL_REST { HMP_ARG_REST, .optional = true }
#define FLAG(letter) { HMP_ARG_FLAG, .flag = (letter) }

const HMPCommand hmp_commands[] = {
    { "cont|c", "", "let the virtual CPUs run", { }, hmp_cont },
    { "device_add", "driver[,prop=value][,...]", "add a device, like -device on the command line",
      { OPTIONAL_WORD }, hmp_device_add, hmp_device_add_complete },
    { "device_del", "device", "remove a device, by id or QOM path",
      { WORD }, hmp_device_del, hmp_device_del_complete },
    { "help|?", "[cmd]", "show the help, of all commands or of one",
      { OPTIONAL_REST }, hmp_help, hmp_help_complete },
    { "info", "[subcommand]", "show what the machine is made of and how it does",
      { OPTIONAL_WORD }, hmp_info_help, .sub = hmp_info_commands },
    { "object_add", "[qom-type=]type,id=str[,prop=value][,...]",
      "make an object, like -object on the command line",
      { REST }, hmp_object_add, hmp_object_add_complete },
    { "object_del", "id", "remove an object",
      { WORD }, hmp_object_del, hmp_object_del_complete },
    { "qom-get", "path property", "print the value of an object's property as JSON",
      { WORD, WORD }, hmp_qom_get, hmp_qom_property_complete },
    { "qom-list", "path", "list an object's properties",
      { OPTIONAL_WORD }, hmp_qom_list, hmp_qom_path_complete },
    { "qom-set", "[-j] path property value",
      "set an object's property.\n\t\t\t-j: the value is JSON.",
      { FLAG('j'), WORD, WORD, REST }, hmp_qom_set, hmp_qom_property_complete },
    { "quit|q", "", "end the emulator", { }, hmp_quit },
    { "stop|s", "", "stop all virtual CPUs", { }, hmp_stop },
    { "system_powerdown", "", "ask the guest to power down, as its power button would",
      { }, hmp_system_powerdown },
    { "system_reset", "", "reset the machine, as its reset button would",
      { }, hmp_system_reset },
    { }
};

const HMPCommand hmp_info_commands[] = {
    { "chardev", "", "show the character devices", { }, hmp_info_chardev },
    { "cpus", "", "show the virtual CPUs and their threads", { }, hmp_info_cpus },
    { "history", "", "show the lines typed so far", { }, hmp_info_history },
    { "kvm", "", "show whether KVM is in use", { }, hmp_info_kvm },
    { "memdev", "", "show the memory backends", { }, hmp_info_memdev },
    { "memory-devices", "", "show the memory devices, such as virtio-mem",
      { }, hmp_info_memory_devices },
    { "memory_size_summary", "", "show how much memory the guest started with and how much of "
      "its memory devices it can use now, in bytes", { }, hmp_info_memory_size_summary },
    { "mtree", "[-f][-o][-D]", "show the tree of memory regions (-f: the flat view of each "
      "address space; -o: whom each region belongs to; -D: disabled regions too)",
      { FLAG('f'), FLAG('o'), FLAG('D') }, hmp_info_mtree },
    { "name", "", "show the guest's name", { }, hmp_info_name },
    { "numa", "", "show the NUMA nodes", { }, hmp_info_numa },
    { "pci", "", "show the functions on the PCI buses", { }, hmp_info_pci },
    { "qdm", "", "show the types of devices", { }, hmp_info_qdm },
    { "qom-tree", "[path]", "show the tree of objects, perhaps below a path",
      { OPTIONAL_WORD }, hmp_info_qom_tree, hmp_qom_path_complete },
    { "qtree", "", "show the tree of buses and devices", { }, hmp_info_qtree },
    { "status", "", "show whether the guest runs", { }, hmp_info_status },
    { "uuid", "", "show the guest's UUID", { }, hmp_info_uuid },
    { "version", "", "show the emulator's version", { }, hmp_info_version },
    { }
};

/* ---- help ---- */

static void print_help(MonitorHMP *mon, const HMPCommand *cmd, const char *prefix)
{
    hmp_printf(mon, "%s%s %s -- %s\n", prefix, cmd->name, cmd->params, cmd->help);
}

static void print_all_help(MonitorHMP *mon, const HMPCommand *table, const char *prefix)
{
    for (const HMPCommand *cmd = table; cmd->name; cmd++) {
        print_help(mon, cmd, prefix);
    }
}

/* "help", "help stop", "help info", "help info pci"; what follows a whole name is ignored. */
void hmp_help(MonitorHMP *mon, char **args)
{
    g_auto(GStrv) words = args[0] ? g_strsplit_set(args[0], " \t\n\v\f\r", -1) : NULL;
    g_autoptr(GString) prefix = g_string_new(NULL);
    const HMPCommand *table = hmp_commands, *cmd;

    for (char **word = words; word && *word; word++) {
        if (!**word) {
            continue;
        }
        cmd = hmp_find_command(table, *word, strlen(*word));
        if (!cmd) {
            hmp_printf(mon, "unknown command: '%s%s'\n", prefix->str, *word);
            return;
        }
        if (!cmd->sub) {
            print_help(mon, cmd, prefix->str);
            return;
        }
        table = cmd->sub;
        g_string_append_printf(prefix, "%s ", *word);
    }
    print_all_help(mon, table, prefix->str);
}

void hmp_info_help(MonitorHMP *mon, char **args)
{
    print_all_help(mon, hmp_info_commands, "info ");
}

void hmp_help_complete(ReadLine *rl, char **words, unsigned nb)
{
    const HMPCommand *table = hmp_commands;

    for (unsigned i = 1; i < nb; i++) {
        const HMPCommand *cmd = hmp_find_command(table, words[i], strlen(words[i]));

        if (!cmd || !cmd->sub) {
            return;
        }
        table = cmd->sub;
    }
    hmp_complete_name(rl, table, words[nb]);
}
