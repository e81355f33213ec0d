/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about block devices, background jobs and threads for I/O: this emulator has none. */
#include "qemu/osdep.h"

#include "qapi/qapi-commands-block.h"

BlockInfoList *qmp_query_block(Error **errp)
{
    return NULL;
}

BlockDeviceInfoList *qmp_query_named_block_nodes(bool has_flat, bool flat, Error **errp)
{
    return NULL;
}

BlockStatsList *qmp_query_blockstats(bool has_query_nodes, bool query_nodes, Error **errp)
{
    return NULL;
}

JobInfoList *qmp_query_jobs(Error **errp)
{
    return NULL;
}

IOThreadInfoList *qmp_query_iothreads(Error **errp)
{
    return NULL;
}
