/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a system reset resets: objects and functions registered here, in order of registration.
 * Big lock, main thread.
 */
#ifndef SYSTEM_RESET_H
#define SYSTEM_RESET_H

#include "hw/core/resettable.h"

typedef void QEMUResetHandler(void *opaque);

/* @obj (not referenced) is reset with the system until it is unregistered. */
void qemu_register_resettable(Object *obj);
void qemu_unregister_resettable(Object *obj);
/* @func runs in the hold phase. */
void qemu_register_reset(QEMUResetHandler *func, void *opaque);
/* As above, but not when a snapshot is loaded. */
void qemu_register_reset_nosnapshotload(QEMUResetHandler *func, void *opaque);
void qemu_unregister_reset(QEMUResetHandler *func, void *opaque);
void qemu_devices_reset(ResetType type);

#endif /* SYSTEM_RESET_H */
