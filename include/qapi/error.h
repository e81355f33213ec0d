/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error: what a function tells its caller when a user, a guest or the host made it fail.
 *
 * A function that may fail takes a last argument `Error **errp`. NULL: the caller does not want
 * to know. &error_abort: the caller is certain it cannot fail (abort otherwise). &error_fatal: a
 * failure is reported and the process exits with status 1. Otherwise *errp is NULL on entry and
 * is set once, on failure. The class is what QMP's "error" member shows.
 */
#ifndef QAPI_ERROR_H
#define QAPI_ERROR_H

typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
    ERROR_CLASS_KVM_MISSING_CAP,
} ErrorClass;

extern Error *error_abort;
extern Error *error_fatal;

/* The message, without its hint. */
const char *error_get_pretty(const Error *err);
/* The hint, or NULL. */
const char *error_get_hint(const Error *err);
ErrorClass error_get_class(const Error *err);
/* The QMP name of an error class, e.g. "GenericError". */
const char *error_class_name(ErrorClass class);

#define error_setg(errp, ...) error_set((errp), ERROR_CLASS_GENERIC_ERROR, __VA_ARGS__)
void error_set(Error **errp, ErrorClass class, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* As error_setg(), with ": " and the text of @os_error (an errno value) appended if it is not 0. */
void error_setg_errno(Error **errp, int os_error, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Gives @local_err (may be NULL) to @dst_errp, or frees it if that is NULL or already set. */
void error_propagate(Error **dst_errp, Error *local_err);
void error_prepend(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void error_append_hint(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
Error *error_copy(const Error *err);
void error_free(Error *err);
/* Frees @*errp if set and makes it NULL; fails the test program if it was not set. */
void error_free_or_abort(Error **errp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

/*
 * At the top of a function that looks at *errp itself: makes errp point to a local Error that is
 * propagated on return, so that *errp may be tested whatever the caller passed.
 */
typedef struct ErrorPropagator {
    Error *local_err;
    Error **errp;
} ErrorPropagator;
void error_propagator_cleanup(ErrorPropagator *prop);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ErrorPropagator, error_propagator_cleanup)
#define ERRP_GUARD()                                              \
    g_auto(ErrorPropagator) _auto_errp_prop = { .errp = errp };   \
    do {                                                          \
        if (!errp || errp == &error_fatal) {                      \
            errp = &_auto_errp_prop.local_err;                    \
        }                                                         \
    } while (0)

#endif /* QAPI_ERROR_H */
