/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models, which are the target's: what the command line and the monitor ask about them, without
 * knowing the target. A target registers its answers before main(). Big lock.
 */
#ifndef HW_CORE_CPU_MODELS_H
#define HW_CORE_CPU_MODELS_H

#include "qapi/qapi-types-cpu.h"

typedef struct CPUModelOps {
    /* "-cpu @optarg" (features become globals): the type to make CPUs of, or NULL with @errp. */
    const char *(*parse_option)(const char *optarg, Error **errp);
    /* "-cpu help", on stdout. */
    void (*print_list)(void);
    /* All models, and what each lacks under the accelerator in use. */
    CpuDefinitionInfoList *(*definitions)(void);
    /* What @model is under the accelerator in use; NULL with @errp. */
    CpuModelInfo *(*expand)(CpuModelExpansionType type, const CpuModelInfo *model, Error **errp);
} CPUModelOps;

/* @ops stays. */
void cpu_models_register(const CPUModelOps *ops);
/* Never NULL in a program that has a target. */
const CPUModelOps *cpu_models(void);

#endif /* HW_CORE_CPU_MODELS_H */
