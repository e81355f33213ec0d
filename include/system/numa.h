/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NUMA nodes of the guest; the machine's state of them is in hw/core/boards.h. */
#ifndef SYSTEM_NUMA_H
#define SYSTEM_NUMA_H

#include "hw/core/boards.h"

#define MAX_NODES 128

#endif /* SYSTEM_NUMA_H */
