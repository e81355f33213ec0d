/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which architecture this binary emulates, in QAPI's words. */
#ifndef QEMU_TARGET_INFO_QAPI_H
#define QEMU_TARGET_INFO_QAPI_H

#include "qapi/qapi-types-machine.h"

SysEmuTarget target_arch(void);

#endif /* QEMU_TARGET_INFO_QAPI_H */
