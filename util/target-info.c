/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which architecture this binary emulates. */
#include "qemu/osdep.h"
#include "qemu/target-info-qapi.h"

SysEmuTarget target_arch(void)
{
    return SYS_EMU_TARGET_X86_64;
}
