/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about CPU models: the target answers. */
#include "qemu/osdep.h"

#include "hw/core/cpu-models.h"
#include "qapi/qapi-commands-cpu.h"

CpuDefinitionInfoList *qmp_query_cpu_definitions(Error **errp)
{
    return cpu_models()->definitions();
}

CpuModelExpansionInfo *qmp_query_cpu_model_expansion(CpuModelExpansionType type,
                                                     CpuModelInfo *model, Error **errp)
{
    CpuModelInfo *expanded = cpu_models()->expand(type, model, errp);
    CpuModelExpansionInfo *info = NULL;

    if (expanded) {
        info = g_new0(CpuModelExpansionInfo, 1);
        info->model = expanded;
    }
    return info;
}
