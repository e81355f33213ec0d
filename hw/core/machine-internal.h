/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of TYPE_MACHINE share. */
#ifndef HW_CORE_MACHINE_INTERNAL_H
#define HW_CORE_MACHINE_INTERNAL_H

#include "hw/core/boards.h"

/* The property "smp" (machine-smp.c). */
void machine_get_smp(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);
void machine_set_smp(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);

/* Sets the property @name of @ms from the JSON object @config (borrowed; machine-set.c). */
bool machine_set_structure(MachineState *ms, const char *name, json_t *config, bool keyval,
                           Error **errp);

/* Once the accelerator is there, what machine and accelerator were told stays: true with @errp. */
bool machine_refuse_late(const char *name, Error **errp);

/* Finds "memory-backend", whose size is that of RAM unless -m has one (machine-memory.c). */
bool machine_resolve_memdev(MachineState *ms, Error **errp);
/* Makes ms->ram from backends, NUMA nodes' or one, or from -m; ms->ram stays NULL without. */
bool machine_create_ram(MachineState *ms, Error **errp);
void machine_get_memory(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);
void machine_set_memory(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);
void machine_get_memdev(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);
void machine_set_memdev(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp);

#endif /* HW_CORE_MACHINE_INTERNAL_H */
