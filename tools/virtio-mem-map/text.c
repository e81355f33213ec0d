/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report for a terminal; see the header. */
#include "qemu/osdep.h"

#include "qemu/units.h"
#include "text.h"

#define COLUMNS 64
#define MAX_ROWS 16

static void print_head(FILE *out, const Report *report)
{
    g_autofree char *size = size_text(report->size);
    g_autofree char *max = size_text(report->max_size);
    g_autofree char *requested = size_text(report->requested_size);
    const json_t *fits = json_object_get(report->json, "fits");

    fprintf(out, "%s: %s of %s plugged, %s requested: %s\n", report->name, size, max, requested,
            json_text(report->json, "state"));
    fprintf(out, "  %s\n", json_text(report->json, "diagnosis"));
    if (fits) {
        fprintf(out, "  this fits %s: %s\n  what to do: %s\n", json_text(fits, "pattern"),
                json_text(fits, "evidence"), json_text(fits, "advice"));
    }
    fputc('\n', out);
}

static char *features_text(const json_t *list)
{
    GString *text = g_string_new(NULL);
    size_t i;
    const json_t *name;

    json_array_foreach((json_t *)list, i, name) {
        g_string_append_printf(text, "%s%s", i ? ", " : "", json_string_value(name));
    }
    return g_string_free(text, false);
}

/* What a Linux guest cannot use, if that is anything. */
static void print_loss(FILE *out, const Report *report)
{
    const json_t *loss = json_object_get(report->json, "guest-loss");
    g_autofree char *size = NULL, *unit = NULL;

    if (!loss) {
        return;
    }
    size = size_text(json_uint(loss, "size"));
    unit = size_text(json_uint(loss, "unit"));
    fprintf(out, "  lost         %s of the region are in no whole unit of %s, as Linux uses them",
            size, unit);
    if (json_object_get(loss, "memaddr")) {
        fprintf(out, ": memaddr=0x%" PRIx64 " would lose less", json_uint(loss, "memaddr"));
    }
    fputc('\n', out);
}

static void print_facts(FILE *out, const Report *report)
{
    const json_t *json = report->json;
    g_autofree char *acknowledged = features_text(json_object_get(json, "acknowledged-features"));
    g_autofree char *offered = features_text(json_object_get(json, "offered-features"));
    g_autofree char *usable = size_text(report->usable_region_size);
    g_autofree char *block = size_text(report->block_size);
    g_autofree char *touched = size_text(report->nb_touched * report->block_size);
    g_autofree char *asked = age_text(json_object_get(json, "requested-time"));
    g_autofree char *changed = age_text(json_object_get(json, "last-change"));

    fprintf(out, "  driver       %s; offered %s; acknowledged %s\n", json_text(json, "driver"),
            *offered ? offered : "nothing", *acknowledged ? acknowledged : "nothing");
    fprintf(out, "  region       at 0x%" PRIx64 ", node %" PRIu64 ", backend %s, blocks of %s, "
            "usable now: %s\n", report->memaddr, json_uint(json, "node"),
            json_text(json, "memdev"), block, usable);
    print_loss(out, report);
    if (report->touched_known) {
        fprintf(out, "  touched      %" PRIu64 " of %" PRIu64 " plugged blocks (the host holds %s "
                "at most)\n", report->nb_touched, report->nb_plugged, touched);
    } else {
        fprintf(out, "  touched      unknown: %s\n",
                json_text(json_object_get(json, "block-map"), "touched-error"));
    }
    fprintf(out, "  requested    %s\n  last change  %s\n", asked, changed);
    if (json_is_true(json_object_get(json, "stale"))) {
        fputs("  stale        the host has failed to take back some of what is unplugged\n", out);
    }
}

static void print_counts(FILE *out, const json_t *requests, const char *type)
{
    const json_t *counts = json_object_get(requests, type);
    g_autofree char *age = age_text(json_object_get(counts, "last"));

    fprintf(out, "    %-10s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "   %s\n", type,
            json_uint(counts, "ack"), json_uint(counts, "nack"), json_uint(counts, "busy"),
            json_uint(counts, "error"), age);
}

static void print_requests(FILE *out, const Report *report)
{
    const json_t *requests = json_object_get(report->json, "requests");
    const json_t *refused = json_object_get(report->json, "last-refused");

    fprintf(out, "\n  requests           ACK      NACK      BUSY     ERROR   last\n");
    print_counts(out, requests, "plug");
    print_counts(out, requests, "unplug");
    print_counts(out, requests, "unplug-all");
    print_counts(out, requests, "state");
    if (json_uint(requests, "broken")) {
        fprintf(out, "  the driver broke the protocol %" PRIu64 " times\n",
                json_uint(requests, "broken"));
    }
    if (refused) {
        g_autofree char *age = age_text(json_object_get(refused, "time"));

        fprintf(out, "  last refused: %s", json_text(refused, "type"));
        if (json_object_get(refused, "addr")) {
            fprintf(out, " of %" PRIu64 " blocks at 0x%" PRIx64, json_uint(refused, "nb-blocks"),
                    json_uint(refused, "addr"));
        }
        fprintf(out, ", %s: %s (%s)\n", json_text(refused, "result"),
                json_text(refused, "detail"), age);
    }
}

/* What there is most of, but touched shows before plugged and plugged before unplugged. */
static char cell_char(const Cell *cell)
{
    if (cell->touched) {
        return cell->touched * 2 >= cell->nb ? '#' : '+';
    }
    if (cell->plugged) {
        return cell->plugged * 2 >= cell->nb ? '=' : '-';
    }
    return cell->usable ? '.' : ' ';
}

static void print_map(FILE *out, const Report *report)
{
    uint64_t per_cell = 1;
    g_autofree Cell *cells = NULL;
    g_autofree char *cell_size = NULL;
    size_t nb_cells;

    while (DIV_ROUND_UP(report->nb_blocks, per_cell) > COLUMNS * MAX_ROWS) {
        per_cell *= 2;
    }
    cells = report_cells(report, per_cell, &nb_cells);
    cell_size = size_text(per_cell * report->block_size);
    fprintf(out, "\n  map: a character is %" PRIu64 " block%s (%s); # touched%s, = plugged%s, "
            ". unplugged, blank: not usable now\n", per_cell, per_cell > 1 ? "s" : "", cell_size,
            per_cell > 1 ? " (+ a few)" : "", per_cell > 1 ? " (- a few)" : "");
    for (size_t i = 0; i < nb_cells; i += COLUMNS) {
        fprintf(out, "  0x%012" PRIx64 " |", report->memaddr + i * per_cell * report->block_size);
        for (size_t k = i; k < MIN(i + COLUMNS, nb_cells); k++) {
            fputc(cell_char(&cells[k]), out);
        }
        fputs("|\n", out);
    }
}

void text_print(FILE *out, const Report *report)
{
    print_head(out, report);
    print_facts(out, report);
    print_requests(out, report);
    print_map(out, report);
}
