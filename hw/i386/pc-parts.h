/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine properties about the parts of a PC that cannot be switched on or off here. */
#ifndef HW_I386_PC_PARTS_H
#define HW_I386_PC_PARTS_H

#include "qom/object.h"

/* Adds "hpet", "vmport", "smm", … to @oc, a class of PC machines. */
void pc_parts_add_properties(ObjectClass *oc);

#endif /* HW_I386_PC_PARTS_H */
