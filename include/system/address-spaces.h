/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's own two address spaces and the containers at their roots. memory_map_init()
 * makes them; the getters call it, so that order of start-up does not matter.
 */
#ifndef SYSTEM_ADDRESS_SPACES_H
#define SYSTEM_ADDRESS_SPACES_H

#include "qemu/typedefs.h"

extern AddressSpace address_space_memory;  /* guest physical memory, 64 bits */
extern AddressSpace address_space_io;      /* x86 ports, 64 KiB; unassigned reads give all ones */

/* Makes both; calling it again does nothing. Under the big lock, as are the getters. */
void memory_map_init(void);
MemoryRegion *get_system_memory(void);
MemoryRegion *get_system_io(void);

#endif /* SYSTEM_ADDRESS_SPACES_H */
