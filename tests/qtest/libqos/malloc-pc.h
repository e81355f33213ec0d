/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM of a PC that a test may use for itself: 1 MiB to 64 MiB. */
#ifndef LIBQOS_MALLOC_PC_H
#define LIBQOS_MALLOC_PC_H

#include "libqos-malloc.h"

/* The machine needs at least 64 MiB of RAM. */
void pc_alloc_init(QGuestAllocator *s, QTestState *qts, QAllocOpts flags);

#endif
