/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory that the host may run out of: files of a file system or of a pool of huge pages
 * that has less left than what is plugged still lacks. A vCPU that touches such a page stands for
 * ever at that instruction, and KVM does not tell: so the machine is stopped (run state io-error)
 * and it is said which backend lacks how much. Big lock, main thread.
 */
#ifndef SYSTEM_RAM_SUPPLY_H
#define SYSTEM_RAM_SUPPLY_H

#include "qapi/qapi-types-run-state.h"

/* Once, when there is a machine; from then on memory is looked at when it is plugged. */
void ram_supply_init(void);

/*
 * Stops the machine if the supply of a backend is exhausted, and tells of it. False: none is. For
 * who knows that a vCPU met a page that the host could not give.
 */
bool ram_supply_stop_if_exhausted(void);

/* What the machine was last stopped for, or NULL; it is forgotten when the machine runs again. */
const MemoryShortage *ram_supply_shortage(void);

#endif /* SYSTEM_RAM_SUPPLY_H */
