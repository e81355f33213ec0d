/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options that harnesses pass to every machine: how the program runs, what its messages look
 * like, and that no sound is wanted.
 */
#include "qemu/osdep.h"

#include "option-groups.h"
#include "options-internal.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/error-report.h"
#include "qemu/json.h"
#include "qemu/option.h"

OptResult handle_enable_kvm(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    cmdline_set_machine_string(c, "accel", "kvm");
    return OPT_OK;
}

OptResult handle_run_with(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_auto_t *opts = option_group_parse("run-with", arg->value, NULL, errp);

    if (!opts) {
        return OPT_ERROR;
    }
    c->exit_with_parent = option_group_bool(opts, "exit-with-parent", c->exit_with_parent);
    return OPT_OK;
}

/* From here on: what was reported before has no time. */
OptResult handle_msg(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_auto_t *opts = option_group_parse("msg", arg->value, NULL, errp);

    if (!opts) {
        return OPT_ERROR;
    }
    if (json_object_get(opts, "timestamp")) {
        error_set_timestamps(option_group_bool(opts, "timestamp", false));
    }
    c->messages_name_guest = option_group_bool(opts, "guest-name", c->messages_name_guest);
    return OPT_OK;
}

/* ---- sound ---------------------------------------------------------------------------------- */

static bool check_driver(const json_t *opts, Error **errp)
{
    const char *driver = json_string_value(json_object_get(opts, "driver"));

    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return false;
    }
    if (strcmp(driver, "none")) {
        error_setg(errp, "Audio driver '%s' is not available, use 'none'", driver);
        return false;
    }
    return true;
}

static bool check_audiodev(json_t *opts, bool with_id, Error **errp)
{
    const char *key;
    json_t *value;

    json_object_foreach(opts, key, value) {
        if (strcmp(key, "driver") && !(with_id && !strcmp(key, "id"))) {
            error_setg(errp, "Parameter '%s' is unexpected", key);
            return false;
        }
        if (!qjson_is_string(value)) {
            error_setg(errp, "Invalid parameter type for '%s', expected: string", key);
            return false;
        }
    }
    return check_driver(opts, errp);
}

static OptResult audio_help(void)
{
    printf("Available audio drivers:\nnone\n");
    return OPT_HELP;
}

/* There is no sound device that could name one, so that nothing is made of it. */
OptResult handle_audiodev(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    bool keyval = false;
    json_auto_t *opts = NULL;

    if (is_help_option(arg->value)) {
        return audio_help();
    }
    opts = qobject_input_parse(arg->value, "driver", qemu_opts_parse_json, &keyval, NULL, errp);
    return opts && check_audiodev(opts, true, errp) ? OPT_OK : OPT_ERROR;
}

OptResult handle_audio(Cmdline *c, const CmdlineArg *arg, Error **errp)
{
    json_auto_t *opts = NULL;

    if (is_help_option(arg->value)) {
        return audio_help();
    }
    opts = keyval_parse(arg->value, "driver", NULL, errp);
    return opts && check_audiodev(opts, false, errp) ? OPT_OK : OPT_ERROR;
}
