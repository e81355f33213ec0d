/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block map of a device as a picture; see the header. From top to bottom: what it is about in
 * words, a bar of the sizes with the requested one marked, the legend, and the map in cells of one
 * block or, where there are many, of a power of two of them, a cell's colour mixed by their shares.
 */
#include "qemu/osdep.h"

#include <pixman.h>
#include <png.h>

#include "font.h"
#include "picture.h"

#define MARGIN 24
#define AXIS_WIDTH 180              /* room for the addresses left of the map */
#define MAP_WIDTH 768
#define MAP_MAX_HEIGHT 512
#define WIDTH (MARGIN + AXIS_WIDTH + MAP_WIDTH + MARGIN)
#define INNER_WIDTH (WIDTH - 2 * MARGIN)
#define BAR_HEIGHT 30
#define TITLE_HEIGHT 40
#define LINE_HEIGHT 22              /* of letters at scale 2 */
#define MIN_CELL 6
#define MAX_CELL 40
/* A share of a mixed cell counts for this much at least, so that one block of many is seen. */
#define MIN_SHARE 0.3

#define INK 0x1f2328
#define FAINT_INK 0x6a737d
#define PAPER 0xffffff
/* From off over on to hot, so that what is mixed of two still says what it is. */
#define UNPLUGGED 0xd5dade
#define UNTOUCHED 0xf5c542
#define TOUCHED 0xc4320a
#define NOT_USABLE 0xf1f3f5
#define HATCH 0xd0d5da

typedef struct Picture {
    pixman_image_t *image;  /* PIXMAN_a8r8g8b8 */
    int width, height;
} Picture;

/* ---- drawing -------------------------------------------------------------------------------- */

static pixman_color_t color_of(uint32_t rgb)
{
    return (pixman_color_t) {
        .red = (rgb >> 16 & 0xff) * 0x101,
        .green = (rgb >> 8 & 0xff) * 0x101,
        .blue = (rgb & 0xff) * 0x101,
        .alpha = 0xffff,
    };
}

static void fill(Picture *pic, uint32_t rgb, int x, int y, int width, int height)
{
    const pixman_color_t color = color_of(rgb);
    const pixman_box32_t box = { MAX(x, 0), MAX(y, 0), MIN(x + width, pic->width),
                                 MIN(y + height, pic->height) };

    /* pixman leaves it to its caller to stay inside */
    if (box.x1 >= box.x2 || box.y1 >= box.y2) {
        return;
    }

    pixman_image_fill_boxes(PIXMAN_OP_SRC, pic->image, &color, 1, &box);
}

/* A faint rising pattern, for what the guest may not use now. */
static void fill_hatched(Picture *pic, int x, int y, int width, int height)
{
    fill(pic, NOT_USABLE, x, y, width, height);
    for (int row = 0; row < height; row++) {
        for (int column = (1000 * 6 - row - y - x) % 6; column < width; column += 6) {
            fill(pic, HATCH, x + column, y + row, 1, 1);
        }
    }
}

static int text_width(const char *text, int scale)
{
    return (int)strlen(text) * FONT_ADVANCE * scale;
}

static void draw_glyph(Picture *pic, unsigned char c, uint32_t rgb, int x, int y, int scale)
{
    const uint8_t *rows = font_glyph(c);

    for (int row = 0; row < FONT_HEIGHT; row++) {
        for (int column = 0; column < FONT_WIDTH; column++) {
            if (rows[row] & (0x10 >> column)) {
                fill(pic, rgb, x + column * scale, y + row * scale, scale, scale);
            }
        }
    }
}

static void draw_text(Picture *pic, const char *text, uint32_t rgb, int x, int y, int scale)
{
    for (; *text; text++, x += FONT_ADVANCE * scale) {
        draw_glyph(pic, *text, rgb, x, y, scale);
    }
}

/* Lines of at most @columns letters, cut at blanks where there are any; the next line's y. */
static int draw_paragraph(Picture *pic, const char *text, uint32_t rgb, int x, int y, int scale)
{
    size_t columns = INNER_WIDTH / (FONT_ADVANCE * scale);

    while (*text) {
        size_t len = strlen(text);
        g_autofree char *line = NULL;

        if (len > columns) {
            for (len = columns; len > 0 && text[len] != ' '; len--) {
            }
            len = len ? len : columns;
        }
        line = g_strndup(text, len);
        if (pic) {
            draw_text(pic, line, rgb, x, y, scale);
        }
        y += LINE_HEIGHT;
        text += len;
        while (*text == ' ') {
            text++;
        }
    }
    return y;
}

/* ---- colours of cells ----------------------------------------------------------------------- */

/* How much of a cell a state gets, from its blocks: none, all, or a share that can be seen. */
static double visible_share(uint64_t part, uint64_t all)
{
    if (part == 0 || part == all) {
        return part ? 1 : 0;
    }
    return MIN_SHARE + (1 - MIN_SHARE) * part / all;
}

static uint32_t mix(uint32_t under, uint32_t over, double share)
{
    uint32_t result = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        double a = under >> shift & 0xff, b = over >> shift & 0xff;

        result |= (uint32_t)(a + (b - a) * share + 0.5) << shift;
    }
    return result;
}

static uint32_t cell_color(const Cell *cell)
{
    uint32_t color = mix(UNPLUGGED, UNTOUCHED, visible_share(cell->plugged, cell->nb));

    return mix(color, TOUCHED, visible_share(cell->touched, cell->nb));
}

/* ---- layout --------------------------------------------------------------------------------- */

typedef struct Layout {
    uint64_t per_cell;  /* blocks, a power of two */
    int columns;        /* cells in a row, a power of two */
    int rows;
    int cell;           /* pixels from one cell to the next */
    int gap;            /* of these, between the cells */
    int bar_y, legend_y, map_y;
} Layout;

/* As few blocks in a cell as there is room for, and then as large cells. */
static void layout_map(Layout *layout, uint64_t nb_blocks)
{
    for (layout->per_cell = 1; ; layout->per_cell *= 2) {
        uint64_t cells = DIV_ROUND_UP(nb_blocks, layout->per_cell);

        for (layout->columns = 16; MAP_WIDTH / layout->columns >= MIN_CELL; layout->columns *= 2) {
            uint64_t rows = DIV_ROUND_UP(cells, layout->columns);

            layout->cell = MIN(MAP_WIDTH / layout->columns, MAX_CELL);
            if (rows * layout->cell <= MAP_MAX_HEIGHT) {
                layout->rows = rows;
                layout->gap = layout->cell >= 16 ? 2 : 1;
                return;
            }
        }
    }
}

static void layout_page(Layout *layout, const Report *report)
{
    const char *diagnosis = json_text(report->json, "diagnosis");

    layout_map(layout, report->nb_blocks);
    layout->bar_y = MARGIN + TITLE_HEIGHT + draw_paragraph(NULL, diagnosis, 0, 0, 0, 2) +
                    2 * LINE_HEIGHT + 20;
    layout->legend_y = layout->bar_y + BAR_HEIGHT + LINE_HEIGHT + 26;
    layout->map_y = layout->legend_y + 5 * LINE_HEIGHT + 14;
}

/* ---- parts ---------------------------------------------------------------------------------- */

static void draw_head(Picture *pic, const Report *report)
{
    g_autofree char *size = size_text(report->size);
    g_autofree char *max = size_text(report->max_size);
    g_autofree char *usable = size_text(report->usable_region_size);
    g_autofree char *block = size_text(report->block_size);
    g_autofree char *changed = age_text(json_object_get(report->json, "last-change"));
    g_autofree char *title = g_strdup_printf("%s: %s of %s plugged", report->name, size, max);
    g_autofree char *facts = g_strdup_printf("blocks of %s, %s usable now, backend %s", block,
                                             usable, json_text(report->json, "memdev"));
    g_autofree char *more = g_strdup_printf("driver: %s, last change: %s",
                                            json_text(report->json, "driver"), changed);
    int scale = text_width(title, 3) <= INNER_WIDTH ? 3 : 2;
    int y = MARGIN;

    draw_text(pic, title, INK, MARGIN, y, scale);
    y = draw_paragraph(pic, json_text(report->json, "diagnosis"), INK, MARGIN, y + TITLE_HEIGHT,
                       2) + 6;
    draw_text(pic, facts, FAINT_INK, MARGIN, y, 2);
    draw_text(pic, more, FAINT_INK, MARGIN, y + LINE_HEIGHT, 2);
}

/* Pixels of @size on the bar; something is at least two wide. */
static int bar_pixels(const Report *report, uint64_t size)
{
    int pixels = (int)((double)size / report->max_size * INNER_WIDTH + 0.5);

    return size ? MAX(pixels, 2) : 0;
}

/* Sizes to scale, from the left: touched, plugged untouched, unplugged; not usable at the end. */
static void draw_bar(Picture *pic, const Report *report, int y)
{
    int touched = bar_pixels(report, report->nb_touched * report->block_size);
    int plugged = bar_pixels(report, report->nb_plugged * report->block_size);
    int usable = bar_pixels(report, MAX(report->usable_region_size,
                                        report->nb_plugged * report->block_size));
    int mark = MIN(MARGIN + bar_pixels(report, report->requested_size), WIDTH - MARGIN - 1);
    g_autofree char *requested = size_text(report->requested_size);
    g_autofree char *label = g_strdup_printf("requested %s", requested);
    int label_x = CLAMP(mark - text_width(label, 2) / 2, MARGIN,
                        WIDTH - MARGIN - text_width(label, 2));

    fill_hatched(pic, MARGIN, y, INNER_WIDTH, BAR_HEIGHT);
    fill(pic, UNPLUGGED, MARGIN, y, usable, BAR_HEIGHT);
    fill(pic, UNTOUCHED, MARGIN, y, plugged, BAR_HEIGHT);
    fill(pic, TOUCHED, MARGIN, y, touched, BAR_HEIGHT);
    fill(pic, INK, mark - 1, y - 6, 3, BAR_HEIGHT + 12);
    draw_text(pic, label, INK, label_x, y + BAR_HEIGHT + 12, 2);
}

static void draw_legend_entry(Picture *pic, uint32_t rgb, const char *what, const Report *report,
                              uint64_t blocks, int y)
{
    g_autofree char *size = size_text(blocks * report->block_size);
    g_autofree char *text = g_strdup_printf("%-20s %11s %9" PRIu64 " blocks %5.1f %%", what, size,
                                            blocks, 100.0 * blocks / report->nb_blocks);

    if (rgb == NOT_USABLE) {
        fill_hatched(pic, MARGIN, y - 1, 16, 16);
    } else {
        fill(pic, rgb, MARGIN, y - 1, 16, 16);
    }
    draw_text(pic, text, INK, MARGIN + 26, y, 2);
}

/* Blocks that are not plugged, in the usable region and beyond it. */
static void count_unplugged(const Report *report, uint64_t *usable, uint64_t *beyond)
{
    uint64_t end = report->usable_region_size / report->block_size;
    uint64_t plugged_usable = 0;

    for (guint i = 0; i < report->plugged->len; i++) {
        const Range *range = &g_array_index(report->plugged, Range, i);

        if (range->first < end) {
            plugged_usable += MIN(range->nb, end - range->first);
        }
    }
    *usable = end - plugged_usable;
    *beyond = report->nb_blocks - report->nb_plugged - *usable;
}

static void draw_legend(Picture *pic, const Report *report, const Layout *layout)
{
    g_autofree char *size = size_text(layout->per_cell * report->block_size);
    g_autofree char *scale = g_strdup_printf(
        layout->per_cell > 1 ? "a cell is %" PRIu64 " blocks (%s), colours mixed by their shares"
                             : "a cell is %" PRIu64 " block (%s)", layout->per_cell, size);
    uint64_t usable, beyond;
    int y = layout->legend_y;

    count_unplugged(report, &usable, &beyond);
    if (report->touched_known) {
        draw_legend_entry(pic, TOUCHED, "plugged and touched", report, report->nb_touched, y);
        draw_legend_entry(pic, UNTOUCHED, "plugged, untouched", report,
                          report->nb_plugged - report->nb_touched, y + LINE_HEIGHT);
    } else {
        draw_text(pic, "touched: the host does not tell", INK, MARGIN + 26, y, 2);
        draw_legend_entry(pic, UNTOUCHED, "plugged", report, report->nb_plugged,
                          y + LINE_HEIGHT);
    }
    draw_legend_entry(pic, UNPLUGGED, "unplugged", report, usable, y + 2 * LINE_HEIGHT);
    draw_legend_entry(pic, NOT_USABLE, "not usable now", report, beyond, y + 3 * LINE_HEIGHT);
    draw_text(pic, scale, FAINT_INK, MARGIN + 26, y + 4 * LINE_HEIGHT, 2);
}

/* The address of every row, or of every so many that the letters have room. */
static void draw_axis(Picture *pic, const Report *report, const Layout *layout)
{
    int step = 1;

    while (step * layout->cell < 20) {
        step *= 2;
    }
    for (int row = 0; row < layout->rows; row += step) {
        uint64_t addr = report->memaddr +
                        (uint64_t)row * layout->columns * layout->per_cell * report->block_size;
        g_autofree char *label = g_strdup_printf("0x%" PRIx64, addr);
        int y = layout->map_y + row * layout->cell;

        draw_text(pic, label, FAINT_INK, MARGIN + AXIS_WIDTH - 10 - text_width(label, 2),
                  y + (step == 1 ? (layout->cell - layout->gap - 14) / 2 : 0), 2);
    }
}

static void draw_map(Picture *pic, const Report *report, const Layout *layout)
{
    size_t nb_cells;
    g_autofree Cell *cells = report_cells(report, layout->per_cell, &nb_cells);
    int side = layout->cell - layout->gap;

    for (size_t i = 0; i < nb_cells; i++) {
        int x = MARGIN + AXIS_WIDTH + (int)(i % layout->columns) * layout->cell;
        int y = layout->map_y + (int)(i / layout->columns) * layout->cell;

        if (!cells[i].plugged && !cells[i].usable) {
            fill_hatched(pic, x, y, side, side);
        } else {
            fill(pic, cell_color(&cells[i]), x, y, side, side);
        }
    }
}

/* ---- the file ------------------------------------------------------------------------------- */

/* PNG has bytes red, green, blue. */
static uint8_t *picture_bytes(const Picture *pic)
{
    const uint32_t *pixels = pixman_image_get_data(pic->image);
    int stride = pixman_image_get_stride(pic->image) / (int)sizeof(uint32_t);
    uint8_t *bytes = g_malloc_n((size_t)pic->width * pic->height, 3), *p = bytes;

    for (int y = 0; y < pic->height; y++) {
        for (int x = 0; x < pic->width; x++) {
            uint32_t pixel = pixels[y * stride + x];

            *p++ = pixel >> 16;
            *p++ = pixel >> 8;
            *p++ = pixel;
        }
    }
    return bytes;
}

static bool picture_save(const Picture *pic, const char *path, GError **error)
{
    g_autofree uint8_t *bytes = picture_bytes(pic);
    png_image png = {
        .version = PNG_IMAGE_VERSION,
        .width = pic->width,
        .height = pic->height,
        .format = PNG_FORMAT_RGB,
        .flags = PNG_IMAGE_FLAG_FAST,   /* no filters: those are for photographs */
    };

    if (!png_image_write_to_file(&png, path, 0, bytes, 0, NULL)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot write '%s': %s", path,
                    png.message);
        return false;
    }
    return true;
}

bool picture_write(const Report *report, const char *path, GError **error)
{
    Layout layout;
    Picture pic = { .width = WIDTH };
    bool ok;

    layout_page(&layout, report);
    pic.height = layout.map_y + layout.rows * layout.cell + MARGIN;
    pic.image = pixman_image_create_bits(PIXMAN_a8r8g8b8, pic.width, pic.height, NULL, 0);
    fill(&pic, PAPER, 0, 0, pic.width, pic.height);
    draw_head(&pic, report);
    draw_bar(&pic, report, layout.bar_y);
    draw_legend(&pic, report, &layout);
    draw_axis(&pic, report, &layout);
    draw_map(&pic, report, &layout);
    ok = picture_save(&pic, path, error);
    pixman_image_unref(pic.image);
    return ok;
}
