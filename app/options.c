/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the command line. One table has every option: where its value goes or which function
 * takes it, and its help; -help is printed from it. What is not in the table is an error.
 */
#include "qemu/osdep.h"

#include "hw/core/boards.h"
#include "hw/core/cpu-models.h"
#include "hw/core/qdev-monitor.h"
#include "hw/core/qdev-properties.h"
#include "option-groups.h"
#include "options-internal.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/json.h"
#include "qemu/known-names.h"
#include "qemu/option.h"
#include "qom/object_interfaces.h"
#include "system/accel.h"
#include "system/system.h"

typedef enum OptKind {
    OPT_FLAG,       /* bool */
    OPT_STRING,     /* const char * */
    OPT_ARG,        /* CmdlineArg */
    OPT_LIST,       /* GPtrArray * of CmdlineArg * */
    OPT_HANDLER,
} OptKind;

typedef struct OptionDef {
    const char *name;       /* NULL: a heading, which is `help` */
    const char *arg;        /* name of the value in -help; NULL: takes none */
    OptKind kind;
    size_t offset;          /* in Cmdline */
    OptHandler *handler;    /* also checks values of the other kinds */
    const char *help;       /* lines separated by \n */
} OptionDef;

/* ---- machine properties --------------------------------------------------------------------- */

static bool print_property(ObjectProperty *prop, void *opaque)
{
    GPtrArray *lines = opaque;

    if (prop->set) {
        g_autofree char *head = g_strdup_printf("%s=<%s>", prop->name, prop->type);

        g_ptr_array_add(lines, prop->description
                        ? g_strdup_printf("  %-22s - %s", head, prop->description)
                        : g_strdup_printf("  %s", head));
    }
    return true;
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void machine_class_help(MachineClass *mc)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    object_class_property_foreach(OBJECT_CLASS(mc), print_property, lines);
    g_ptr_array_sort(lines, compare_lines);
    printf("%s options:\n", object_class_get_name(OBJECT_CLASS(mc)));
    for (unsigned i = 0; i < lines->len; i++) {
        puts(lines->pdata[i]);
    }
}

/* "-machine help" alone, or "-machine q35,help". */
static OptResult machine_option_help(json_t *opts, Error **errp)
{
    const char *type = json_string_value(json_object_get(opts, "type"));
    MachineClass *mc;

    if (!type) {
        machine_help();
        return OPT_HELP;
    }
    mc = machine_find_class(type);
    if (!mc) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_MACHINE, type);

        error_setg(errp, "unsupported machine type: \"%s\"%s", type, why);
        error_append_hint(errp, "Use -machine help to list supported machines\n");
        return OPT_ERROR;
    }
    machine_class_help(mc);
    return OPT_HELP;
}

static OptResult handle_machine(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    bool help = false;
    json_t *opts = keyval_parse(arg->value, "type", &help, errp);
    OptResult result = OPT_OK;

    if (!opts) {
        return OPT_ERROR;
    }
    if (help) {
        result = machine_option_help(opts, errp);
    } else {
        json_object_update_recursive(c->machine, opts);
    }
    json_decref(opts);
    return result;
}

void cmdline_set_machine_string(Cmdline *c, const char *name, const char *value)
{
    json_object_set_new(c->machine, name, json_string_nocheck(value));
}

static OptResult handle_kernel(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    cmdline_set_machine_string(c, "kernel", arg->value);
    return OPT_OK;
}

static OptResult handle_initrd(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    cmdline_set_machine_string(c, "initrd", arg->value);
    return OPT_OK;
}

static OptResult handle_append(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    cmdline_set_machine_string(c, "append", arg->value);
    return OPT_OK;
}

/* Puts @opts over the part @name of the machine's properties. */
static bool merge_machine_part(Cmdline *c, const char *name, json_t *opts, Error **errp)
{
    json_t *part = json_object_get(c->machine, name);

    if (part && !json_is_object(part)) {
        error_setg(errp, "Parameter '%s' used inconsistently", name);
        return false;
    }
    if (!part) {
        part = json_object();
        json_object_set_new(c->machine, name, part);
    }
    json_object_update(part, opts);
    return true;
}

static OptResult handle_smp(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_t *opts = qemu_opts_parse_json(arg->value, "cpus", NULL, errp);
    bool ok = opts && merge_machine_part(c, "smp", opts, errp);

    json_decref(opts);
    return ok ? OPT_OK : OPT_ERROR;
}

/* ---- -m ------------------------------------------------------------------------------------- */

static bool parse_size(const char *name, const char *text, bool in_mib, uint64_t *size,
                       Error **errp)
{
    int ret = in_mib ? qemu_strtosz_MiB(text, NULL, size) : qemu_strtosz(text, NULL, size);

    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", text, name);
    } else if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects a non-negative number below 2^64", name);
        error_append_hint(errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
                          "tera-, peta-\nand exabytes, respectively.\n");
    }
    return ret == 0;
}

static bool parse_memory_key(json_t *memory, const char *key, const char *text, Error **errp)
{
    const char *property = key;
    uint64_t value;

    if (!strcmp(key, "slots")) {
        if (qemu_strtou64(text, NULL, 0, &value) < 0) {
            error_setg(errp, "Parameter 'slots' expects a number");
            return false;
        }
    } else {
        bool is_size = !strcmp(key, "size");

        if (!parse_size(key, text, is_size, &value, errp)) {
            return false;
        }
        property = is_size ? "size" : "max-size";
    }
    json_object_set_new(memory, property, qjson_uint(value));
    return true;
}

static OptResult handle_m(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_t *opts = option_group_parse("memory", arg->value, "size", errp), *value;
    const char *key;
    bool ok = opts != NULL;

    json_object_foreach(opts, key, value) {
        ok = ok && parse_memory_key(c->memory, key, json_string_value(value), errp);
    }
    json_decref(opts);
    return ok ? OPT_OK : OPT_ERROR;
}

/* ---- accelerators, CPUs, devices, objects --------------------------------------------------- */

void accel_help(void)
{
    GSList *list = object_class_get_list_sorted(TYPE_ACCEL, false);

    printf("Accelerators supported in QEMU binary:\n");
    for (GSList *l = list; l; l = l->next) {
        const char *name = object_class_get_name(l->data);

        printf("%.*s\n", (int)(strlen(name) - strlen(ACCEL_CLASS_SUFFIX)), name);
    }
    g_slist_free(list);
}

static OptResult handle_accel(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    if (is_help_option(arg->value)) {
        accel_help();
        return OPT_HELP;
    }
    return OPT_OK;
}

static OptResult handle_cpu(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    if (is_help_option(arg->value)) {
        cpu_models()->print_list();
        return OPT_HELP;
    }
    return OPT_OK;
}

static OptResult handle_device(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    bool keyval = false, help = false;
    json_t *opts = qobject_input_parse(arg->value, "driver", qemu_opts_parse_json, &keyval, &help,
                                       errp);
    OptResult result = OPT_OK;

    if (!opts) {
        return OPT_ERROR;
    }
    if (help) {
        result = qdev_device_help(json_string_value(json_object_get(opts, "driver")), errp)
                 ? OPT_HELP : OPT_ERROR;
    }
    json_decref(opts);
    return result;
}

static OptResult handle_object(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    bool keyval = false, help = false;
    json_t *opts = qobject_input_parse(arg->value, "qom-type", qemu_opts_parse_json_lists, &keyval,
                                       &help, errp);
    const char *type = json_string_value(json_object_get(opts, "qom-type"));
    OptResult result = OPT_OK;

    if (!opts) {
        return OPT_ERROR;
    }
    if (help && user_creatable_print_help(type)) {
        result = OPT_HELP;
    } else if (help) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", type);
        result = OPT_ERROR;
    } else if (!type) {
        error_setg(errp, "Parameter 'qom-type' is missing");
        result = OPT_ERROR;
    }
    json_decref(opts);
    return result;
}

static void add_global(const char *driver, const char *property, const char *value)
{
    GlobalProperty *global = g_new0(GlobalProperty, 1);

    global->driver = g_strdup(driver);
    global->property = g_strdup(property);
    global->value = g_strdup(value);
    qdev_prop_register_global(global);
}

/* "driver.property=value" if a dot comes before the first '=', else the long form. */
static OptResult handle_global(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    const char *equals = strchr(arg->value, '=');
    const char *dot = strchr(arg->value, '.');
    json_t *opts;
    bool ok;

    if (dot && dot != arg->value && equals && dot < equals) {
        g_autofree char *driver = g_strndup(arg->value, dot - arg->value);
        g_autofree char *property = g_strndup(dot + 1, equals - dot - 1);

        add_global(driver, property, equals + 1);
        return OPT_OK;
    }
    if (!equals) {
        error_setg(errp, "'%s' is neither DRIVER.PROPERTY=VALUE nor driver=DRIVER,property="
                   "PROPERTY,value=VALUE", arg->value);
        return OPT_ERROR;
    }
    opts = option_group_parse("global", arg->value, NULL, errp);
    if (!opts) {
        return OPT_ERROR;
    }
    ok = json_object_size(opts) == 3;
    if (!ok) {
        error_setg(errp, "options 'driver', 'property', and 'value' are required");
    } else {
        add_global(json_string_value(json_object_get(opts, "driver")),
                   json_string_value(json_object_get(opts, "property")),
                   json_string_value(json_object_get(opts, "value")));
    }
    json_decref(opts);
    return ok ? OPT_OK : OPT_ERROR;
}

/* ---- character devices, monitor, display ---------------------------------------------------- */

static OptResult handle_chardev(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    if (!is_help_option(arg->value)) {
        return OPT_OK;
    }
    printf("Available chardev backend types:\n"
           "  file\n  null\n  pty\n  socket\n  stdio\n");
    return OPT_HELP;
}

static OptResult handle_serial(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    if (c->serials->len > MAX_SERIAL_PORTS) {
        error_setg(errp, "there are at most %d serial ports", MAX_SERIAL_PORTS);
        return OPT_ERROR;
    }
    return OPT_OK;
}

static OptResult handle_display(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    static const char *const known[] = {
        "default", "gtk", "sdl", "egl-headless", "curses", "vnc", "cocoa", "spice-app", "dbus",
    };
    g_autofree char *type = g_strndup(arg->value, strcspn(arg->value, ","));

    if (is_help_option(arg->value)) {
        printf("Available display backend types:\nnone\n");
        return OPT_HELP;
    }
    if (!strcmp(arg->value, "none")) {
        return OPT_OK;
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!strcmp(type, known[i])) {
            error_setg(errp, "Display '%s' is not available, use 'none'", type);
            return OPT_ERROR;
        }
    }
    error_setg(errp, "Parameter 'type' does not accept value '%s'", arg->value);
    return OPT_ERROR;
}

/* ---- small facts ---------------------------------------------------------------------------- */

static OptResult handle_name(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_t *opts = option_group_parse("name", arg->value, "guest", errp);
    const char *guest = json_string_value(json_object_get(opts, "guest"));
    const char *process = json_string_value(json_object_get(opts, "process"));

    if (guest) {
        qemu_name = g_intern_string(guest);
    }
    if (process) {
        c->process_name = g_intern_string(process);
    }
    json_decref(opts);
    return opts ? OPT_OK : OPT_ERROR;
}

static OptResult handle_uuid(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    if (!qemu_uuid_parse_bytes(arg->value, qemu_uuid)) {
        error_setg(errp, "failed to parse UUID string: wrong format");
        return OPT_ERROR;
    }
    qemu_uuid_set = true;
    return OPT_OK;
}

static OptResult handle_version(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    printf("QEMU emulator version " PROJECT_VERSION " (qemu-elastic)\n"
           "An independent emulator with QEMU's interfaces; GPL-2.0-or-later\n");
    return OPT_HELP;
}

static OptHandler handle_help;

/* ---- the table ------------------------------------------------------------------------------ */

#define HEADING(text) { .help = text }
#define FLAG(name, field, help) { name, NULL, OPT_FLAG, offsetof(Cmdline, field), NULL, help }
#define STRING(name, arg, field, help) \
    { name, arg, OPT_STRING, offsetof(Cmdline, field), NULL, help }
#define LIST(name, arg, field, handler, help) \
    { name, arg, OPT_LIST, offsetof(Cmdline, field), handler, help }
#define HANDLER(name, arg, handler, help) { name, arg, OPT_HANDLER, 0, handler, help }

static const OptionDef options[] = {
    HEADING("Standard options"),
    HANDLER("help", NULL, handle_help, "this text"),
    HANDLER("h", NULL, handle_help, NULL),
    HANDLER("version", NULL, handle_version, "the version"),
    HANDLER("machine", "[type=]NAME[,PROP=VALUE...]", handle_machine,
            "the machine; 'help' lists them, 'NAME,help' its properties\n"
            "accel=NAME1[:NAME2...] accelerators, tried in this order\n"
            "memory-backend=ID uses an object's memory as RAM"),
    HANDLER("M", "[type=]NAME[,PROP=VALUE...]", handle_machine, "same as -machine"),
    { "cpu", "MODEL[,FEATURE=on|off...]", OPT_ARG, offsetof(Cmdline, cpu), handle_cpu,
      "the CPUs' model; 'help' lists models and features" },
    HANDLER("enable-kvm", NULL, handle_enable_kvm, "same as -machine accel=kvm"),
    LIST("accel", "[accel=]NAME[,PROP=VALUE...]", accels, handle_accel,
         "what runs the CPUs (default: kvm); 'help' lists them\n"
         "may be repeated: the first that works is used"),
    HANDLER("smp", "[[cpus=]N][,maxcpus=N][,sockets=N][,dies=N][,cores=N][,threads=N]", handle_smp,
            "number and topology of CPUs"),
    HANDLER("m", "[size=]SIZE[,slots=N,maxmem=SIZE]", handle_m,
            "RAM at start (MiB, or with a suffix M, G, T); memory devices, such as\n"
            "virtio-mem, may add up to maxmem"),
    LIST("numa", "node[,nodeid=N][,cpus=FIRST[-LAST]...][,memdev=ID]\n"
         "-numa cpu,node-id=N[,socket-id=N][,die-id=N][,core-id=N][,thread-id=N]\n"
         "-numa dist,src=N,dst=N,val=N", numas, NULL,
         "a NUMA node: its CPUs and the backend that its RAM comes from;\n"
         "the node of CPUs by their place; the distance of two nodes"),
    HANDLER("name", "NAME[,process=NAME][,debug-threads=on|off]", handle_name,
            "name of the guest, and of the process"),
    HANDLER("uuid", "UUID", handle_uuid, "UUID of the guest"),

    HEADING("Devices and objects"),
    LIST("device", "DRIVER[,PROP=VALUE...] | JSON", devices, handle_device,
         "adds a device; 'help' lists drivers, 'DRIVER,help' its properties"),
    LIST("object", "TYPE,id=ID[,PROP=VALUE...] | JSON", objects, handle_object,
         "makes an object, such as memory-backend-memfd; 'help', 'TYPE,help'"),
    HANDLER("global", "DRIVER.PROP=VALUE | driver=...,property=...,value=...", handle_global,
            "value of a property for all devices of a driver"),

    HEADING("Linux boot"),
    HANDLER("kernel", "FILE", handle_kernel, "boot this bzImage; without it no CPU can run"),
    HANDLER("initrd", "FILE", handle_initrd, "with this initial RAM disk"),
    HANDLER("append", "TEXT", handle_append, "with this command line"),

    HEADING("Character devices, monitor, display"),
    LIST("chardev", "TYPE,id=ID[,PROP=VALUE...]", chardevs, handle_chardev,
         "a character device: stdio, socket, file, pty, null"),
    LIST("serial", "SPEC", serials, handle_serial,
         "connects a serial port (up to four): stdio, null, none, pty, file:PATH,\n"
         "unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,...], fd:N, chardev:ID\n"
         "(keys as of -chardev, the first may be left out); none is there by default;\n"
         "mon:SPEC shares the device with a human monitor (Ctrl-a h tells how)"),
    LIST("qmp", "SPEC", monitors, NULL, "a QMP monitor on stdio, unix:PATH,... as -serial"),
    LIST("monitor", "SPEC", monitors, NULL, "a human monitor, as -serial"),
    LIST("mon", "chardev=ID[,mode=readline|control][,pretty=on|off]", monitors, NULL,
         "a monitor on a character device: for people, or (control) QMP"),
    HANDLER("display", "none", handle_display, "there is no display"),
    HANDLER("audiodev", "[driver=]none[,id=ID] | JSON", handle_audiodev,
            "there are no sound devices"),
    HANDLER("audio", "[driver=]none", handle_audio, "the same"),
    FLAG("nographic", nographic, "as -serial mon:stdio, unless another -serial is given"),

    HEADING("Start and end"),
    FLAG("S", stopped, "do not run the CPUs at start (QMP: cont)"),
    FLAG("no-reboot", no_reboot, "exit instead of rebooting"),
    FLAG("no-shutdown", no_shutdown, "stop instead of exiting when the guest powers off"),
    FLAG("daemonize", daemonize, "go to the background once the machine is ready"),
    STRING("pidfile", "FILE", pidfile, "write the process id to FILE, and lock it"),
    FLAG("nodefaults", nodefaults, "no default devices (only -nographic's serial port is one)"),
    FLAG("no-user-config", no_user_config, "read no configuration files (there are none)"),
    HANDLER("readconfig", "FILE", handle_readconfig,
            "read options from FILE: [GROUP \"ID\"] and lines NAME = \"VALUE\""),
    FLAG("preconfig", preconfig,
         "make the machine only when QMP says x-exit-preconfig; until then set-numa-node"),
    HANDLER("run-with", "exit-with-parent=on|off", handle_run_with,
            "end when the process that started this one has ended"),
    HANDLER("msg", "[timestamp=on|off][,guest-name=on|off]", handle_msg,
            "begin messages with the time, with the guest's name"),

    HEADING("Tests"),
    { "qtest", "SPEC", OPT_ARG, offsetof(Cmdline, qtest), NULL,
      "serve the qtest protocol on a character device (with -accel qtest)" },
    STRING("qtest-log", "FILE", qtest_log, "log the qtest protocol to FILE"),
};

static void print_option(const OptionDef *o)
{
    g_autofree char *head = g_strdup_printf("-%s%s%s", o->name, o->arg ? " " : "",
                                            o->arg ? o->arg : "");
    g_auto(GStrv) lines = g_strsplit(o->help, "\n", -1);
    char **line = lines;

    if (strlen(head) < 20) {
        printf("%-20s%s\n", head, *line++);
    } else {
        printf("%s\n", head);
    }
    for (; *line; line++) {
        printf("%-20s%s\n", "", *line);
    }
}

static OptResult handle_help(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    printf("QEMU emulator version " PROJECT_VERSION " (qemu-elastic)\n"
           "usage: qemu-system-x86_64 [options]\n\n"
           "Each option may be written with one dash or two.\n");
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (!options[i].name) {
            printf("\n%s:\n", options[i].help);
        } else if (options[i].help) {
            print_option(&options[i]);
        }
    }
    return OPT_HELP;
}

/* ---- reading -------------------------------------------------------------------------------- */

static const OptionDef *find_option(const char *text)
{
    const char *name = text + 1;

    if (*name == '-') {
        name++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (options[i].name && !strcmp(options[i].name, name)) {
            return &options[i];
        }
    }
    return NULL;
}

static void store_value(Cmdline *c, const OptionDef *o, const CmdlineArg *arg)
{
    void *field = (char *)c + o->offset;

    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        break;
    case OPT_STRING:
        *(const char **)field = arg->value;
        break;
    case OPT_ARG:
        *(CmdlineArg *)field = *arg;
        break;
    case OPT_LIST:
        g_ptr_array_add(*(GPtrArray **)field, g_memdup2(arg, sizeof(*arg)));
        break;
    case OPT_HANDLER:
        break;
    }
}

static OptResult take_option(Cmdline *c, const OptionDef *o, const CmdlineArg *arg)
{
    Error *err = NULL;
    OptResult result = OPT_OK;

    store_value(c, o, arg);
    if (o->handler) {
        cmdline_arg_set_loc(arg);
        result = o->handler(c, arg, &err);
        if (err) {
            error_report_err(err);
        }
        loc_set_cmdline(NULL, NULL);
    }
    return result;
}

void cmdline_arg_set_loc(const CmdlineArg *arg)
{
    if (arg->file) {
        loc_set_file(arg->file, arg->line);
    } else {
        loc_set_cmdline(arg->option, arg->value);
    }
}

OptResult cmdline_take(Cmdline *c, const CmdlineArg *arg)
{
    return take_option(c, find_option(arg->option), arg);
}

static OptResult refuse(const char *option, const char *what)
{
    loc_set_cmdline(option, NULL);
    error_report("%s", what);
    loc_set_cmdline(NULL, NULL);
    return OPT_ERROR;
}

/* The option at argv[*@i], which then is its last word. */
static OptResult parse_one(Cmdline *c, int argc, char **argv, int *i)
{
    CmdlineArg arg = { .option = argv[*i] };
    const OptionDef *o;

    if (argv[*i][0] != '-') {
        return refuse(argv[*i], "invalid option: disk images are not supported");
    }
    o = find_option(argv[*i]);
    if (!o) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_OPTION,
                                                 argv[*i] + strspn(argv[*i], "-"));
        g_autofree char *text = g_strconcat("invalid option", why, NULL);

        return refuse(argv[*i], text);
    }
    if (o->arg) {
        if (*i + 1 >= argc) {
            return refuse(argv[*i], "requires an argument");
        }
        arg.value = argv[++*i];
        /* Values become JSON; only what is nothing but a path may hold any bytes. */
        if (o->kind != OPT_STRING && !g_utf8_validate(arg.value, -1, NULL)) {
            return refuse(argv[*i - 1], "the argument is not valid UTF-8");
        }
    }
    return take_option(c, o, &arg);
}

static bool is_stdio(const CmdlineArg *arg)
{
    const char *value = arg->value;

    if (!value) {
        return false;
    }
    strstart(value, "mon:", &value);
    return strstart(value, "stdio", &value) && (!*value || *value == ',');
}

static bool check_not_stdio(const CmdlineArg *arg)
{
    if (is_stdio(arg)) {
        cmdline_arg_set_loc(arg);
        error_report("cannot use stdio with -daemonize");
        loc_set_cmdline(NULL, NULL);
        return false;
    }
    return true;
}

static bool check_none_stdio(const GPtrArray *args)
{
    for (unsigned i = 0; i < args->len; i++) {
        if (!check_not_stdio(args->pdata[i])) {
            return false;
        }
    }
    return true;
}

/* What only the whole shows. */
static bool check_combinations(const Cmdline *c)
{
    if (!c->daemonize) {
        return true;
    }
    if (c->nographic && !c->nodefaults) {
        error_report("-nographic cannot be used with -daemonize");
        return false;
    }
    if (c->exit_with_parent) {
        error_report("-run-with exit-with-parent=on cannot be used with -daemonize: who starts a "
                     "daemon does not stay its parent");
        return false;
    }
    return check_none_stdio(c->chardevs) && check_none_stdio(c->monitors) &&
           check_none_stdio(c->serials) && check_not_stdio(&c->qtest);
}

CmdlineResult cmdline_parse(Cmdline *c, int argc, char **argv)
{
    Error *err = NULL;

    *c = (Cmdline) {
        .machine = json_object(),
        .memory = json_object(),
        .accels = g_ptr_array_new_with_free_func(g_free),
        .objects = g_ptr_array_new_with_free_func(g_free),
        .devices = g_ptr_array_new_with_free_func(g_free),
        .numas = g_ptr_array_new_with_free_func(g_free),
        .chardevs = g_ptr_array_new_with_free_func(g_free),
        .monitors = g_ptr_array_new_with_free_func(g_free),
        .serials = g_ptr_array_new_with_free_func(g_free),
    };
    for (int i = 1; i < argc; i++) {
        OptResult result = parse_one(c, argc, argv, &i);

        if (result != OPT_OK) {
            return result == OPT_HELP ? CMDLINE_DONE : CMDLINE_ERROR;
        }
    }
    if (json_object_size(c->memory) && !merge_machine_part(c, "memory", c->memory, &err)) {
        error_report_err(err);
        return CMDLINE_ERROR;
    }
    return check_combinations(c) ? CMDLINE_RUN : CMDLINE_ERROR;
}

void cmdline_cleanup(Cmdline *c)
{
    json_decref(c->machine);
    json_decref(c->memory);
    g_ptr_array_unref(c->accels);
    g_ptr_array_unref(c->objects);
    g_ptr_array_unref(c->devices);
    g_ptr_array_unref(c->numas);
    g_ptr_array_unref(c->chardevs);
    g_ptr_array_unref(c->monitors);
    g_ptr_array_unref(c->serials);
}
