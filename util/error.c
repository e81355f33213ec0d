/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors that travel from where something failed to whoever can tell the user: creation, hints,
 * propagation, and the two special destinations &error_abort and &error_fatal. An Error is
 * immutable but for its hint and prefixes, and is freed once.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"

struct Error {
    char *msg;
    GString *hint;   /* NULL while there is none */
    ErrorClass err_class;
};

Error *error_abort;
Error *error_fatal;

static const char *const class_names[] = {
    [ERROR_CLASS_GENERIC_ERROR] = "GenericError",
    [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
    [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
    [ERROR_CLASS_KVM_MISSING_CAP] = "KVMMissingCap",
};

const char *error_class_name(ErrorClass class)
{
    assert(class < ARRAY_SIZE(class_names));
    return class_names[class];
}

const char *error_get_pretty(const Error *err)
{
    return err->msg;
}

const char *error_get_hint(const Error *err)
{
    return err->hint ? err->hint->str : NULL;
}

ErrorClass error_get_class(const Error *err)
{
    return err->err_class;
}

/* Takes @err to @errp; returns only if there is somebody to look at it (or nobody wants it). */
static void error_deliver(Error **errp, Error *err)
{
    if (errp == &error_abort) {
        fprintf(stderr, "Unexpected error: %s\n", err->msg);
        abort();
    }
    if (errp == &error_fatal) {
        error_report_err(err);
        exit(1);
    }
    if (!errp) {
        error_free(err);
        return;
    }
    assert(!*errp);
    *errp = err;
}

static void G_GNUC_PRINTF(4, 0)
error_setv(Error **errp, ErrorClass class, int os_error, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    Error *err;

    if (!errp) {
        return;
    }
    err = g_new0(Error, 1);
    err->err_class = class;
    err->msg = g_strdup_vprintf(fmt, ap);
    if (os_error) {
        char *with_reason = g_strdup_printf("%s: %s", err->msg, g_strerror(abs(os_error)));

        g_free(err->msg);
        err->msg = with_reason;
    }
    error_deliver(errp, err);
    errno = saved_errno;
}

void error_set(Error **errp, ErrorClass class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, class, 0, fmt, ap);
    va_end(ap);
}

void error_setg_errno(Error **errp, int os_error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, os_error, fmt, ap);
    va_end(ap);
}

void error_propagate(Error **dst_errp, Error *local_err)
{
    if (!local_err) {
        return;
    }
    if (dst_errp && dst_errp != &error_abort && dst_errp != &error_fatal && *dst_errp) {
        error_free(local_err);
        return;
    }
    error_deliver(dst_errp, local_err);
}

void error_propagator_cleanup(ErrorPropagator *prop)
{
    error_propagate(prop->errp, prop->local_err);
    prop->local_err = NULL;
}

/* Whether *errp is an error that prefixes and hints may be added to. */
static bool error_is_editable(Error **errp)
{
    return errp && errp != &error_abort && errp != &error_fatal && *errp;
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    g_autofree char *prefix = NULL;
    char *msg;
    va_list ap;

    if (!error_is_editable(errp)) {
        return;
    }
    va_start(ap, fmt);
    prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    msg = g_strconcat(prefix, (*errp)->msg, NULL);
    g_free((*errp)->msg);
    (*errp)->msg = msg;
}

void error_append_hint(Error **errp, const char *fmt, ...)
{
    int saved_errno = errno;
    va_list ap;

    if (!error_is_editable(errp)) {
        return;
    }
    if (!(*errp)->hint) {
        (*errp)->hint = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->hint, fmt, ap);
    va_end(ap);
    errno = saved_errno;
}

Error *error_copy(const Error *err)
{
    Error *copy = g_new0(Error, 1);

    copy->msg = g_strdup(err->msg);
    copy->err_class = err->err_class;
    copy->hint = err->hint ? g_string_new(err->hint->str) : NULL;
    return copy;
}

void error_free(Error *err)
{
    if (!err) {
        return;
    }
    g_free(err->msg);
    if (err->hint) {
        g_string_free(err->hint, TRUE);
    }
    g_free(err);
}

void error_free_or_abort(Error **errp)
{
    if (!errp || !*errp) {
        fprintf(stderr, "an error was expected and none came\n");
        abort();
    }
    error_free(*errp);
    *errp = NULL;
}
