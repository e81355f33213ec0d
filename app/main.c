/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a parsed command line to a running machine and back: the order in which things are made.
 * Each step returns false after it has reported its error; whoever fails below main() may also
 * call exit(1): what must not stay behind (pid file, sockets, terminal modes) is undone atexit.
 */
#include "qemu/osdep.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "hw/core/boards.h"
#include "hw/core/cpu.h"
#include "hw/core/qdev-monitor.h"
#include "hw/core/qdev-properties.h"
#include "main.h"
#include "monitor/monitor.h"
#include "option-groups.h"
#include "options.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-control.h"
#include "chardev/char.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/known-names.h"
#include "qemu/main-loop.h"
#include "qemu/option.h"
#include "qom/object_interfaces.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/hostmem.h"
#include "system/numa.h"
#include "system/qtest.h"
#include "system/ram-supply.h"
#include "system/runstate.h"
#include "system/system.h"

#define DEFAULT_ACCEL "kvm"

/* ---- the process ---------------------------------------------------------------------------- */

static int daemon_pipe = -1;        /* one byte to the waiting parent: ready */
static char *pidfile_path;          /* absolute; NULL: none was made */

/* Parent: waits until the daemon is ready or gone, and exits. Child: returns. */
static bool daemon_fork(void)
{
    int fds[2];
    pid_t pid;
    char byte;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_report("cannot go to the background: %s", g_strerror(errno));
        return false;
    }
    if (pid) {
        ssize_t n;

        close(fds[1]);
        do {
            n = read(fds[0], &byte, 1);
        } while (n < 0 && errno == EINTR);
        _exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(fds[0]);
    daemon_pipe = fds[1];
    setsid();
    /* Not a session leader any more, hence never given a terminal. */
    pid = fork();
    if (pid < 0) {
        error_report("cannot go to the background: %s", g_strerror(errno));
        return false;
    }
    if (pid) {
        _exit(EXIT_SUCCESS);
    }
    return true;
}

static void daemon_ready(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    ssize_t n;

    if (chdir("/") < 0 || null < 0) {
        error_report("cannot go to the background: %s", g_strerror(errno));
        exit(EXIT_FAILURE);
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
    do {
        n = write(daemon_pipe, "", 1);
    } while (n < 0 && errno == EINTR);
    close(daemon_pipe);
}

/* The lock is kept, with the descriptor, until the process ends. */
static bool pidfile_lock(int fd, const char *path, Error **errp)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot create PID file: Could not create '%s'", path);
        return false;
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        error_setg_errno(errp, errno, "cannot create PID file: Cannot lock pid file '%s'", path);
        return false;
    }
    return true;
}

static bool pidfile_create(const char *path, Error **errp)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    g_autofree char *text = g_strdup_printf("%d\n", getpid());
    ssize_t length = strlen(text);

    if (!pidfile_lock(fd, path, errp)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    pidfile_path = g_canonicalize_filename(path, NULL);
    if (ftruncate(fd, 0) < 0 || write(fd, text, length) != length) {
        error_setg_errno(errp, errno, "cannot create PID file: Cannot write '%s'", path);
        return false;
    }
    return true;
}

static void on_exit_cleanup(void)
{
    chardev_cleanup_all();
    if (pidfile_path) {
        unlink(pidfile_path);
        g_free(pidfile_path);
        pidfile_path = NULL;
    }
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    qemu_system_killed(sig, info->si_code <= 0 ? info->si_pid : 0);
}

static void install_signal_handlers(void)
{
    static const int signals[] = { SIGINT, SIGHUP, SIGTERM };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

/* The kernel sends the signal when the thread that made this process has ended. */
static bool die_with_parent(void)
{
    pid_t parent = getppid();

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) {
        error_report("cannot end with the parent process: %s", g_strerror(errno));
        return false;
    }
    if (getppid() != parent) {
        error_report("the parent process has ended");
        return false;
    }
    return true;
}

static bool start_process(const Cmdline *c)
{
    Error *err = NULL;

    if (c->exit_with_parent && !die_with_parent()) {
        return false;
    }

    if (c->process_name && prctl(PR_SET_NAME, c->process_name) < 0) {
        error_report("cannot set the process name: %s", g_strerror(errno));
        return false;
    }
    if (c->daemonize && !daemon_fork()) {
        return false;
    }
    atexit(on_exit_cleanup);
    signal(SIGPIPE, SIG_IGN);
    if (c->pidfile && !pidfile_create(c->pidfile, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* ---- lists of options ----------------------------------------------------------------------- */

typedef bool ArgAction(const CmdlineArg *arg, unsigned index, Error **errp);

/* Carries out @action on each; the location precedes what it reports. */
static bool for_each_arg(const GPtrArray *args, ArgAction *action)
{
    for (unsigned i = 0; i < args->len; i++) {
        const CmdlineArg *arg = args->pdata[i];
        Error *err = NULL;
        bool ok;

        cmdline_arg_set_loc(arg);
        ok = action(arg, i, &err);
        if (err) {
            error_report_err(err);
        }
        loc_set_cmdline(NULL, NULL);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---- character devices and monitors --------------------------------------------------------- */

static bool make_chardev(const CmdlineArg *arg, unsigned index, Error **errp)
{
    json_t *opts = qemu_opts_parse_json(arg->value, "backend", NULL, errp);
    Chardev *chr;

    if (!opts) {
        return false;
    }
    chr = chardev_new_from_opts(opts, errp);
    json_decref(opts);
    return chr != NULL;
}

/* "mon:SPEC": with a human monitor on the same device. */
static Chardev *make_shared_serial(const char *label, const char *spec, Error **errp)
{
    Chardev *chr = chardev_new_mux_from_spec(label, spec, errp);

    return chr && monitor_init_hmp(chr, errp) ? chr : NULL;
}

static bool make_serial(const CmdlineArg *arg, unsigned index, Error **errp)
{
    g_autofree char *label = g_strdup_printf("serial%u", index);
    Error *err = NULL;
    const char *shared;
    Chardev *chr = strstart(arg->value, "mon:", &shared)
                   ? make_shared_serial(label, shared, &err)
                   : chardev_new_from_spec(label, arg->value, &err);

    if (err) {
        error_propagate(errp, err);
        return false;
    }
    serial_hd_set((int)index, chr);
    return true;
}

static bool make_compat_monitor(const CmdlineArg *arg, unsigned index, bool human, Error **errp)
{
    g_autofree char *label = g_strdup_printf("compat_monitor%u", index);
    Error *err = NULL;
    Chardev *chr = chardev_new_from_spec(label, arg->value, &err);

    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (!chr) {
        if (human) {
            return true;    /* "none" */
        }
        error_setg(errp, "'%s' is not a valid char driver", arg->value);
        return false;
    }
    return human ? monitor_init_hmp(chr, errp) : monitor_init_qmp(chr, false, errp);
}

static bool make_mon(const CmdlineArg *arg, Error **errp)
{
    json_t *opts = qemu_opts_parse_json(arg->value, "chardev", NULL, errp);
    bool ok = opts && monitor_init_opts(opts, errp);

    json_decref(opts);
    return ok;
}

static bool make_monitor(const CmdlineArg *arg, unsigned index, Error **errp)
{
    if (g_str_has_suffix(arg->option, "-mon")) {
        return make_mon(arg, errp);
    }
    return make_compat_monitor(arg, index, g_str_has_suffix(arg->option, "-monitor"), errp);
}

static Chardev *qtest_chardev;

static bool make_qtest_chardev(const CmdlineArg *arg)
{
    Error *err = NULL;

    if (!arg->value) {
        return true;
    }
    loc_set_cmdline(arg->option, arg->value);
    qtest_chardev = chardev_new_from_spec("qtest", arg->value, &err);
    if (err) {
        error_report_err(err);
    }
    loc_set_cmdline(NULL, NULL);
    return !err;
}

static bool make_default_serial(const Cmdline *c)
{
    const CmdlineArg arg = { "-nographic", "mon:stdio" };
    Error *err = NULL;

    if (!c->nographic || c->nodefaults || c->serials->len) {
        return true;
    }
    if (!make_serial(&arg, 0, &err)) {
        error_prepend(&err, "-nographic: ");
        error_report_err(err);
        return false;
    }
    return true;
}

static void quit_by_terminal(void)
{
    qmp_quit(&error_abort);
}

static bool make_character_devices(const Cmdline *c)
{
    chardev_set_quit_handler(quit_by_terminal);
    return for_each_arg(c->chardevs, make_chardev) && for_each_arg(c->serials, make_serial) &&
           make_default_serial(c) && for_each_arg(c->monitors, make_monitor) &&
           make_qtest_chardev(&c->qtest);
}

/* ---- objects -------------------------------------------------------------------------------- */

/* Memory backends need the machine's properties; all others are made before the machine. */
static bool is_memory_backend(json_t *props)
{
    const char *type = json_string_value(json_object_get(props, "qom-type"));
    ObjectClass *oc = type ? object_class_by_name(type) : NULL;

    return oc && object_class_dynamic_cast(oc, TYPE_MEMORY_BACKEND);
}

static bool make_object(const CmdlineArg *arg, bool late, Error **errp)
{
    bool keyval = false;
    json_t *props = qobject_input_parse(arg->value, "qom-type", qemu_opts_parse_json_lists, &keyval,
                                        NULL, errp);
    bool ok = props != NULL;

    if (props && is_memory_backend(props) == late) {
        ok = user_creatable_add_json(props, keyval, errp);
    }
    json_decref(props);
    return ok;
}

static bool make_early_object(const CmdlineArg *arg, unsigned index, Error **errp)
{
    return make_object(arg, false, errp);
}

static bool make_late_object(const CmdlineArg *arg, unsigned index, Error **errp)
{
    return make_object(arg, true, errp);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static MachineClass *choose_machine(json_t *opts)
{
    const char *type = json_string_value(json_object_get(opts, "type"));
    MachineClass *mc = type ? machine_find_class(type) : machine_default_class();

    if (!mc && type) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_MACHINE, type);

        error_report("unsupported machine type: \"%s\"%s (-machine help lists those supported)", type,
                     why);
    } else if (!mc) {
        error_report("no machine type given and there is no default: use -machine");
    }
    json_object_del(opts, "type");
    return mc;
}

static bool apply_structure(MachineState *ms, json_t *opts, const char *name,
                            bool (*apply)(MachineState *, json_t *, bool, Error **), Error **errp)
{
    json_t *config = json_object_get(opts, name);
    bool ok = !config || apply(ms, config, true, errp);

    json_object_del(opts, name);
    return ok;
}

static bool apply_machine_options(MachineState *ms, json_t *opts, Error **errp)
{
    const char *accels = json_string_value(json_object_get(opts, "accel"));

    ms->accel_names = g_strdup(accels);
    json_object_del(opts, "accel");
    return object_set_properties_from_json(OBJECT(ms), opts, true, errp);
}

static bool make_machine(const Cmdline *c)
{
    MachineClass *mc = choose_machine(c->machine);
    MachineState *ms;
    Error *err = NULL;

    if (!mc) {
        return false;
    }
    if (mc->deprecation_reason) {
        warn_report("Machine type '%s' is deprecated: %s", mc->name, mc->deprecation_reason);
    }
    object_set_machine_compat_props(mc->compat_props);
    ms = MACHINE(object_new_with_class(OBJECT_CLASS(mc)));
    object_property_add_child(object_get_root(), "machine", OBJECT(ms));
    object_unref(ms);
    memory_map_init();      /* the machine has a place for its regions now */
    current_machine = ms;
    phase_advance(PHASE_MACHINE_CREATED);
    if (!apply_structure(ms, c->machine, "smp", machine_parse_smp_config, &err) ||
        !apply_structure(ms, c->machine, "memory", machine_parse_memory_config, &err) ||
        !apply_machine_options(ms, c->machine, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

static bool make_numa(const CmdlineArg *arg, unsigned index, Error **errp)
{
    return numa_add_option(current_machine, arg->value, errp);
}

static bool choose_cpu(const Cmdline *c)
{
    Error *err = NULL;

    if (!c->cpu.value) {
        return true;
    }
    current_machine->cpu_type = parse_cpu_option(c->cpu.value, &err);
    if (!current_machine->cpu_type) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* ---- accelerators --------------------------------------------------------------------------- */

/* Tries one; reports why it does not work. @props (borrowed) may be NULL. */
static bool try_accel(const char *name, json_t *props)
{
    AccelClass *ac = accel_find(name);
    g_autoptr(AccelState) accel = NULL;
    Error *err = NULL;

    if (!ac) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_ACCEL, name);

        error_report("invalid accelerator %s%s", name, why);
        return false;
    }
    accel = ACCEL(object_new_with_class(OBJECT_CLASS(ac)));
    if (props && !object_set_properties_from_json(OBJECT(accel), props, true, &err)) {
        /* A mistake of the user's, not of the host's: no other is tried. */
        error_report_err(err);
        exit(EXIT_FAILURE);
    }
    if (accel_init_machine(accel, current_machine, &err) < 0) {
        error_report("failed to initialize %s: %s", name, error_get_pretty(err));
        error_free(err);
        return false;
    }
    current_machine->accelerator = accel;
    phase_advance(PHASE_ACCEL_CREATED);
    return true;
}

static bool try_accel_option(const CmdlineArg *arg, char **name)
{
    Error *err = NULL;
    json_t *props;
    bool ok = false;

    cmdline_arg_set_loc(arg);
    props = keyval_parse(arg->value, "accel", NULL, &err);
    if (!props) {
        error_report_err(err);
    } else {
        *name = g_strdup(json_string_value(json_object_get(props, "accel")));
        json_object_del(props, "accel");
        if (*name) {
            ok = try_accel(*name, props);
        } else {
            error_report("Parameter 'accel' is missing");
        }
    }
    json_decref(props);
    loc_set_cmdline(NULL, NULL);
    return ok;
}

static bool choose_accel_of_options(const GPtrArray *accels)
{
    for (unsigned i = 0; i < accels->len; i++) {
        g_autofree char *name = NULL;

        if (try_accel_option(accels->pdata[i], &name)) {
            if (i) {
                error_report("falling back to %s", name);
            }
            return true;
        }
    }
    return false;
}

static bool choose_accel_of_machine(const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);

    if (!names[0]) {
        error_report("no accelerator found");
    }
    for (char **name = names; *name; name++) {
        if (try_accel(*name, NULL)) {
            if (name != names) {
                error_report("falling back to %s", *name);
            }
            return true;
        }
    }
    return false;
}

static bool choose_accel(const Cmdline *c)
{
    const char *list = current_machine->accel_names;

    if (c->accels->len && list) {
        error_report("The -accel and \"-machine accel=\" options are incompatible");
        return false;
    }
    if (c->accels->len) {
        return choose_accel_of_options(c->accels);
    }
    return choose_accel_of_machine(list ? list : DEFAULT_ACCEL);
}

/* ---- board, devices, start ------------------------------------------------------------------ */

static bool make_board(void)
{
    Error *err = NULL;

    phase_advance(PHASE_LATE_BACKENDS_CREATED);
    if (!machine_run_board_init(current_machine, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

static bool make_device(const CmdlineArg *arg, unsigned index, Error **errp)
{
    bool keyval = false;
    json_t *opts = qobject_input_parse(arg->value, "driver", qemu_opts_parse_json, &keyval, NULL,
                                       errp);
    g_autoptr(DeviceState) dev = NULL;

    if (!opts) {
        return false;
    }
    dev = qdev_device_add_from_json(opts, keyval, errp);
    json_decref(opts);
    return dev != NULL;
}

/* Where nothing runs vCPUs nothing can go wrong with running them. */
static bool machine_is_runnable(Error **errp)
{
    AccelClass *ac = current_accel_class();
    MachineClass *mc = MACHINE_GET_CLASS(current_machine);

    if (!ac || !ac->runs_vcpus) {
        return true;
    }
    return (!ac->check_runnable || ac->check_runnable(current_accel(), errp)) &&
           (!mc->check_runnable || mc->check_runnable(current_machine, errp));
}

static bool serve_qtest(const Cmdline *c)
{
    Error *err = NULL;

    if (qtest_chardev && !qtest_server_init(qtest_chardev, c->qtest_log, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

static bool check_start(const Cmdline *c)
{
    Error *err = NULL;

    vm_set_runnable_check(machine_is_runnable);
    if (!c->stopped && !machine_is_runnable(&err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* All that is there before the board is: what -preconfig shows. */
static bool make_early(const Cmdline *c)
{
    /* A socket may wait for its client: until then signals end the process by themselves. */
    if (!make_character_devices(c)) {
        return false;
    }
    install_signal_handlers();
    return for_each_arg(c->objects, make_early_object) && make_machine(c) && choose_accel(c) &&
           choose_cpu(c) && for_each_arg(c->objects, make_late_object) &&
           for_each_arg(c->numas, make_numa);
}

static bool make_rest(const Cmdline *c)
{
    if (!make_board() || !for_each_arg(c->devices, make_device)) {
        return false;
    }
    qdev_machine_creation_done();
    qdev_prop_check_globals();
    ram_supply_init();
    if (!check_start(c)) {
        return false;
    }
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    return serve_qtest(c);
}

static void run_actions(const Cmdline *c)
{
    defaults_enabled = !c->nodefaults;
    error_set_guest_name(c->messages_name_guest ? qemu_name : NULL);
    if (c->no_reboot) {
        runstate_set_reboot_action(REBOOT_ACTION_SHUTDOWN);
    }
    if (c->no_shutdown) {
        runstate_set_shutdown_action(SHUTDOWN_ACTION_PAUSE);
    }
}

static void start(const Cmdline *c)
{
    monitor_start_all();
    if (!c->stopped) {
        vm_start();
    }
}

static const Cmdline *waiting;      /* for x-exit-preconfig; NULL: not, or no more */

/* What goes wrong ends the process, as it would at start. */
static void exit_preconfig(Error **errp)
{
    const Cmdline *c = waiting;

    if (!c) {
        error_setg(errp, "The command is permitted only before machine initialization");
        return;
    }
    waiting = NULL;
    if (!make_rest(c)) {
        exit(EXIT_FAILURE);
    }
    start(c);
}

static int run(const Cmdline *c)
{
    int status;

    option_groups_publish();
    monitor_set_exit_preconfig(exit_preconfig);
    if (c->preconfig) {
        waiting = c;
        monitor_start_qmp();
    }
    if (c->daemonize) {
        daemon_ready();
    }
    if (!c->preconfig) {
        start(c);
    }
    status = qemu_main_loop();

    vm_shutdown();
    qtest_server_cleanup();
    monitor_cleanup();
    /* Nothing runs any more, and all that had to be said is said: what an object does at its end. */
    user_creatable_cleanup();
    return status;
}

int qemu_main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    Cmdline c;

    error_init(argv[0]);
    switch (cmdline_parse(&c, argc, argv)) {
    case CMDLINE_DONE:
        status = EXIT_SUCCESS;
        break;
    case CMDLINE_RUN:
        run_actions(&c);
        if (start_process(&c)) {
            qemu_init_main_loop();
            status = make_early(&c) && (c.preconfig || make_rest(&c)) ? run(&c) : EXIT_FAILURE;
        }
        break;
    case CMDLINE_ERROR:
        break;
    }
    cmdline_cleanup(&c);
    return status;
}
