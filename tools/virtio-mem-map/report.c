/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of one virtio-mem device, from JSON; see the header. */
#include "qemu/osdep.h"

#include "qemu/units.h"
#include "report.h"

uint64_t json_uint(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    /* what is beyond INT64_MAX came as a real number */
    return json_is_real(value) ? (uint64_t)json_real_value(value)
                               : (uint64_t)json_integer_value(value);
}

const char *json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

char *size_text(uint64_t size)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = { { TiB, "TiB" }, { GiB, "GiB" }, { MiB, "MiB" }, { KiB, "KiB" } };

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (size && size % units[i].unit == 0) {
            return g_strdup_printf("%" PRIu64 " %s", size / units[i].unit, units[i].name);
        }
        if (size >= 16 * units[i].unit) {
            return g_strdup_printf("%.2f %s", (double)size / units[i].unit, units[i].name);
        }
    }
    return g_strdup_printf("%" PRIu64, size);
}

char *age_text(const json_t *time)
{
    int64_t seconds;

    if (!time) {
        return g_strdup("never");
    }
    seconds = MAX(g_get_real_time() / G_USEC_PER_SEC - (int64_t)json_uint(time, "seconds"), 0);
    if (seconds < 120) {
        return g_strdup_printf("%" PRId64 " s ago", seconds);
    }
    if (seconds < 120 * 60) {
        return g_strdup_printf("%" PRId64 " min ago", seconds / 60);
    }
    if (seconds < 48 * 3600) {
        return g_strdup_printf("%" PRId64 " h ago", seconds / 3600);
    }
    return g_strdup_printf("%" PRId64 " days ago", seconds / (24 * 3600));
}

/* ---- putting it together -------------------------------------------------------------------- */

static void report_free(gpointer opaque)
{
    Report *report = opaque;

    json_decref(report->json);
    g_array_free(report->plugged, true);
    g_array_free(report->touched, true);
    g_free(report);
}

/* Adds the ranges of a part; one that goes on where the last ended is joined to it. */
static void ranges_add(GArray *ranges, const json_t *list)
{
    size_t i;
    const json_t *entry;

    json_array_foreach((json_t *)list, i, entry) {
        Range range = { json_uint(entry, "first"), json_uint(entry, "nb") };
        Range *last = ranges->len ? &g_array_index(ranges, Range, ranges->len - 1) : NULL;

        if (last && last->first + last->nb == range.first) {
            last->nb += range.nb;
        } else {
            g_array_append_val(ranges, range);
        }
    }
}

static json_t *ranges_json(const GArray *ranges)
{
    json_t *list = json_array();

    for (guint i = 0; i < ranges->len; i++) {
        const Range *range = &g_array_index(ranges, Range, i);

        json_array_append_new(list, json_pack("{s:I,s:I}", "first", (json_int_t)range->first,
                                              "nb", (json_int_t)range->nb));
    }
    return list;
}

/* Takes in a part of the block map; returns the block behind it. */
static uint64_t report_add_part(Report *report, const json_t *map)
{
    const json_t *touched = json_object_get(map, "touched");

    ranges_add(report->plugged, json_object_get(map, "plugged"));
    report->nb_plugged += json_uint(map, "plugged-blocks");
    report->touched_known &= touched != NULL;
    ranges_add(report->touched, json_object_get(touched, "ranges"));
    report->nb_touched += json_uint(touched, "touched-blocks");
    return json_uint(map, "first") + json_uint(map, "nb");
}

/* The block map of the answer becomes the whole one. */
static void report_complete_json(Report *report)
{
    json_t *map = json_object_get(report->json, "block-map");

    json_object_set_new(map, "nb", json_integer(report->nb_blocks));
    json_object_set_new(map, "plugged", ranges_json(report->plugged));
    json_object_set_new(map, "plugged-blocks", json_integer(report->nb_plugged));
    if (report->touched_known) {
        json_object_set_new(map, "touched", json_pack(
            "{s:o,s:I,s:I}", "ranges", ranges_json(report->touched),
            "touched-blocks", (json_int_t)report->nb_touched,
            "untouched-blocks", (json_int_t)(report->nb_plugged - report->nb_touched)));
    } else {
        json_object_del(map, "touched");
    }
}

static Report *report_new(json_t *json)
{
    Report *report = g_new0(Report, 1);

    report->json = json_incref(json);
    report->name = *json_text(json, "id") ? json_text(json, "id") : json_text(json, "qom-path");
    report->block_size = json_uint(json, "block-size");
    report->requested_size = json_uint(json, "requested-size");
    report->size = json_uint(json, "size");
    report->usable_region_size = json_uint(json, "usable-region-size");
    report->max_size = json_uint(json, "max-size");
    report->memaddr = json_uint(json, "memaddr");
    report->nb_blocks = report->block_size ? report->max_size / report->block_size : 0;
    report->touched_known = true;
    report->plugged = g_array_new(false, false, sizeof(Range));
    report->touched = g_array_new(false, false, sizeof(Range));
    return report;
}

/* Ranges ascend and are inside the device, or whoever draws them would be outside as well. */
static bool ranges_are_sound(const GArray *ranges, uint64_t nb_blocks)
{
    uint64_t at = 0;

    for (guint i = 0; i < ranges->len; i++) {
        const Range *range = &g_array_index(ranges, Range, i);

        if (range->first < at || range->first > nb_blocks || !range->nb ||
            range->nb > nb_blocks - range->first) {
            return false;
        }
        at = range->first + range->nb;
    }
    return true;
}

/* What the monitor says is checked here, once. */
static bool report_check(const Report *report, GError **error)
{
    uint64_t max = report->nb_blocks * report->block_size;

    if (report->block_size && report->nb_blocks && report->usable_region_size <= max &&
        report->requested_size <= max && report->nb_touched <= report->nb_plugged &&
        ranges_are_sound(report->plugged, report->nb_blocks) &&
        ranges_are_sound(report->touched, report->nb_blocks)) {
        return true;
    }
    g_set_error(error, QMP_ERROR, QMP_ERROR_OTHER, "the monitor's answer about '%s' contradicts "
                "itself: is it of this project's emulator?", report->name);
    return false;
}

/* Asks for the rest of the block map, which comes in parts where it is long. */
static bool report_complete(Report *report, QmpClient *client, GError **error)
{
    uint64_t at = report_add_part(report, json_object_get(report->json, "block-map"));

    while (at < report->nb_blocks) {
        g_autoptr(json_t) list = qmp_client_run(
            client, "x-query-virtio-mem",
            json_pack("{s:s,s:I}", "id", json_text(report->json, "qom-path"), "first-block",
                      (json_int_t)at), error);
        uint64_t next;

        if (!list) {
            return false;
        }
        next = report_add_part(report, json_object_get(json_array_get(list, 0), "block-map"));
        if (next <= at) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_OTHER, "the block map of '%s' does not end",
                        report->name);
            return false;
        }
        at = next;
    }
    report_complete_json(report);
    return report_check(report, error);
}

GPtrArray *report_query(QmpClient *client, const char *id, GError **error)
{
    g_autoptr(json_t) list = qmp_client_run(client, "x-query-virtio-mem",
                                            id ? json_pack("{s:s}", "id", id) : NULL, error);
    g_autoptr(GPtrArray) reports = g_ptr_array_new_with_free_func(report_free);
    size_t i;
    json_t *json;

    if (!list) {
        return NULL;
    }
    json_array_foreach(list, i, json) {
        Report *report = report_new(json);

        g_ptr_array_add(reports, report);
        if (!report_complete(report, client, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&reports);
}

/* ---- cells ---------------------------------------------------------------------------------- */

/* Adds the blocks of [first, first + nb) to the counters at @offset of the cells they lie in. */
static void cells_add(Cell *cells, size_t counter, uint64_t per_cell, uint64_t first, uint64_t nb)
{
    while (nb) {
        uint64_t part = MIN(nb, per_cell - first % per_cell);

        *(uint64_t *)((char *)&cells[first / per_cell] + counter) += part;
        first += part;
        nb -= part;
    }
}

static void cells_add_ranges(Cell *cells, size_t counter, uint64_t per_cell, const GArray *ranges)
{
    for (guint i = 0; i < ranges->len; i++) {
        const Range *range = &g_array_index(ranges, Range, i);

        cells_add(cells, counter, per_cell, range->first, range->nb);
    }
}

Cell *report_cells(const Report *report, uint64_t blocks_per_cell, size_t *nb_cells)
{
    Cell *cells;

    *nb_cells = DIV_ROUND_UP(report->nb_blocks, blocks_per_cell);
    cells = g_new0(Cell, *nb_cells);
    cells_add(cells, offsetof(Cell, nb), blocks_per_cell, 0, report->nb_blocks);
    cells_add(cells, offsetof(Cell, usable), blocks_per_cell, 0,
              report->usable_region_size / report->block_size);
    cells_add_ranges(cells, offsetof(Cell, plugged), blocks_per_cell, report->plugged);
    cells_add_ranges(cells, offsetof(Cell, touched), blocks_per_cell, report->touched);
    return cells;
}
