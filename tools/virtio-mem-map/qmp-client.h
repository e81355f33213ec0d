/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of a QMP monitor at a unix socket: one command after the other; events are ignored. */
#ifndef VIRTIO_MEM_MAP_QMP_CLIENT_H
#define VIRTIO_MEM_MAP_QMP_CLIENT_H

#include <glib.h>
#include <jansson.h>

typedef struct QmpClient QmpClient;

/*
 * Connects, checks the greeting and leaves capability negotiation behind. NULL with a message of
 * what is wrong and what to do. Each wait is at most @timeout_s seconds.
 */
QmpClient *qmp_client_new(const char *path, int timeout_s, GError **error);
void qmp_client_free(QmpClient *client);

/* "QEMU 7.2.22 (Debian …)", as the greeting has it. */
const char *qmp_client_version(const QmpClient *client);

/*
 * Runs @command with @arguments (taken over; NULL: none). The value returned is a new reference.
 * NULL with @error: its domain is QMP_ERROR where the monitor answered with an error.
 */
json_t *qmp_client_run(QmpClient *client, const char *command, json_t *arguments, GError **error);

#define QMP_ERROR qmp_error_quark()
GQuark qmp_error_quark(void);
enum { QMP_ERROR_OTHER, QMP_ERROR_COMMAND_NOT_FOUND, QMP_ERROR_DEVICE_NOT_FOUND };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpClient, qmp_client_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

#endif /* VIRTIO_MEM_MAP_QMP_CLIENT_H */
