/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM of a PC that a test may use for itself: from 1 MiB to where RAM or BARs end. */
#ifndef LIBQOS_MALLOC_PC_H
#define LIBQOS_MALLOC_PC_H

#include "libqos-malloc.h"

/* Asks the machine for its size by QMP. One with more than 2 GiB may have a hole below 3.5 GiB. */
void pc_alloc_init(QGuestAllocator *s, QTestState *qts, QAllocOpts flags);

#endif
