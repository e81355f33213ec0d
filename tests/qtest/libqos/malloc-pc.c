/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Below 1 MiB are holes and ROM, and every PC that a test makes has 64 MiB. */
#include "qemu/osdep.h"
#include "malloc-pc.h"

void pc_alloc_init(QGuestAllocator *s, QTestState *qts G_GNUC_UNUSED, QAllocOpts flags)
{
    alloc_init(s, flags, 1 << 20, 64 << 20, 4096);
}
