/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report of one virtio-mem device, as x-query-virtio-mem gives it, with its block map put
 * together; and the map summed up in cells, for whoever shows it.
 */
#ifndef VIRTIO_MEM_MAP_REPORT_H
#define VIRTIO_MEM_MAP_REPORT_H

#include "qmp-client.h"

typedef struct Range {
    uint64_t first;
    uint64_t nb;
} Range;

typedef struct Report {
    json_t *json;           /* the whole answer, the block map complete */
    const char *name;       /* the device's id, or its path where it has none */
    uint64_t block_size;    /* sizes in bytes */
    uint64_t requested_size;
    uint64_t size;
    uint64_t usable_region_size;
    uint64_t max_size;
    uint64_t memaddr;
    uint64_t nb_blocks;
    uint64_t nb_touched;    /* of the plugged ones */
    uint64_t nb_plugged;
    bool touched_known;
    GArray *plugged;        /* of Range, ascending */
    GArray *touched;
} Report;

/* All devices' reports, or that of @id (NULL: all). NULL with @error. */
GPtrArray *report_query(QmpClient *client, const char *id, GError **error);

/* Numbers and words of the answer; 0 or "" where it has none. */
uint64_t json_uint(const json_t *object, const char *name);
const char *json_text(const json_t *object, const char *name);

/* "512 MiB": the largest unit that leaves a whole number, or two decimals of a large one. */
char *size_text(uint64_t size);
/* "3 s ago", "2 h ago"; "never" for no time. */
char *age_text(const json_t *time);

/* Blocks of one cell of a picture. */
typedef struct Cell {
    uint64_t nb;        /* blocks in it; the last cell may have fewer */
    uint64_t plugged;
    uint64_t touched;
    uint64_t usable;    /* that lie in the usable region */
} Cell;

/* The map in cells of @blocks_per_cell; *@nb_cells of them, to be freed with g_free(). */
Cell *report_cells(const Report *report, uint64_t blocks_per_cell, size_t *nb_cells);

#endif /* VIRTIO_MEM_MAP_REPORT_H */
