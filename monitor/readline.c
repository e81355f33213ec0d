/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line editor. It draws like QEMU's, byte by byte: a changed line is drawn anew from its
 * start, a moved cursor moves. What the terminal shows is remembered (shown, shown_cursor), so
 * that a key that changes nothing draws nothing. Keys: docs/system/monitor.rst.
 */
#include "qemu/osdep.h"

#include "monitor/readline.h"

#define COMPLETION_WIDTH 80     /* columns of the list of completions */
#define COMPLETION_MIN_COLUMN 10

typedef enum EscapeState {
    ESC_NONE,
    ESC_ESC,        /* after ESC */
    ESC_CSI,        /* after ESC [, or the byte 0x9b; a number may follow */
    ESC_SS3,        /* after ESC O */
} EscapeState;

struct ReadLine {
    const ReadLineOps *ops;
    void *opaque;
    const char *prompt;

    GString *line;
    size_t cursor;              /* 0 … line->len */
    GString *shown;             /* what the terminal shows behind the prompt */
    size_t shown_cursor;

    EscapeState state;
    unsigned parameter;         /* of the escape sequence */

    GPtrArray *history;         /* char *, oldest first */
    unsigned history_pos;       /* history->len: a new line */

    GPtrArray *completions;     /* char *; NULL but while they are collected */
    size_t typed;               /* bytes of the word that is being completed */
};

/* ---- drawing ---- */

static void append_moves(GString *out, const char *sequence, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_string_append(out, sequence);
    }
}

static void readline_draw(ReadLine *rl)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!g_string_equal(rl->line, rl->shown)) {
        append_moves(out, "\033[D", rl->shown_cursor);
        g_string_append(out, rl->line->str);
        g_string_append(out, "\033[K");
        append_moves(out, "\033[D", rl->line->len - rl->cursor);
        g_string_assign(rl->shown, rl->line->str);
    } else if (rl->cursor < rl->shown_cursor) {
        append_moves(out, "\033[D", rl->shown_cursor - rl->cursor);
    } else {
        append_moves(out, "\033[C", rl->cursor - rl->shown_cursor);
    }
    rl->shown_cursor = rl->cursor;
    if (out->len) {
        rl->ops->print(rl->opaque, out->str);
    }
}

static void show_prompt(ReadLine *rl)
{
    rl->ops->print(rl->opaque, rl->prompt);
    g_string_truncate(rl->shown, 0);
    rl->shown_cursor = 0;
}

void readline_start(ReadLine *rl)
{
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->state = ESC_NONE;
    rl->history_pos = rl->history->len;
    show_prompt(rl);
}

void readline_reset(ReadLine *rl)
{
    g_string_truncate(rl->line, 0);
    g_string_truncate(rl->shown, 0);
    rl->cursor = rl->shown_cursor = 0;
    rl->state = ESC_NONE;
    rl->history_pos = rl->history->len;
}

/* ---- changing the line ---- */

static void insert_text(ReadLine *rl, const char *text, size_t length)
{
    length = MIN(length, READLINE_MAX_LINE - rl->line->len);
    g_string_insert_len(rl->line, rl->cursor, text, length);
    rl->cursor += length;
}

static void delete_before_cursor(ReadLine *rl, size_t count)
{
    rl->cursor -= count;
    g_string_erase(rl->line, rl->cursor, count);
}

static void delete_at_cursor(ReadLine *rl)
{
    if (rl->cursor < rl->line->len) {
        g_string_erase(rl->line, rl->cursor, 1);
    }
}

/* Back over white space, then over a word. */
static void delete_word(ReadLine *rl)
{
    size_t start = rl->cursor;

    while (start > 0 && g_ascii_isspace(rl->line->str[start - 1])) {
        start--;
    }
    while (start > 0 && !g_ascii_isspace(rl->line->str[start - 1])) {
        start--;
    }
    delete_before_cursor(rl, rl->cursor - start);
}

static void set_line(ReadLine *rl, const char *text)
{
    g_string_assign(rl->line, text);
    rl->cursor = rl->line->len;
}

static void clear_screen(ReadLine *rl)
{
    rl->ops->print(rl->opaque, "\033[2J\033[1;1H");
    show_prompt(rl);
}

/* ---- history ---- */

static void history_older(ReadLine *rl)
{
    if (rl->history_pos > 0) {
        set_line(rl, rl->history->pdata[--rl->history_pos]);
    }
}

static void history_newer(ReadLine *rl)
{
    if (rl->history_pos < rl->history->len) {
        rl->history_pos++;
        set_line(rl, rl->history_pos < rl->history->len ? rl->history->pdata[rl->history_pos]
                                                        : "");
    }
}

/* A line that was there before moves to the end. */
static void history_add(ReadLine *rl, const char *line)
{
    unsigned index;

    if (!*line) {
        return;
    }
    if (g_ptr_array_find_with_equal_func(rl->history, line, g_str_equal, &index) ||
        (index = 0, rl->history->len == READLINE_MAX_HISTORY)) {
        g_ptr_array_remove_index(rl->history, index);
    }
    g_ptr_array_add(rl->history, g_strdup(line));
}

const char *readline_get_history(const ReadLine *rl, unsigned i)
{
    return i < rl->history->len ? rl->history->pdata[rl->history->len - 1 - i] : NULL;
}

/* ---- completion ---- */

void readline_add_completion(ReadLine *rl, size_t typed, const char *word)
{
    assert(rl->completions);
    rl->typed = typed;
    if (!g_ptr_array_find_with_equal_func(rl->completions, word, g_str_equal, NULL)) {
        g_ptr_array_add(rl->completions, g_strdup(word));
    }
}

static size_t common_prefix(const GPtrArray *words)
{
    const char *first = words->pdata[0];
    size_t length = strlen(first);

    for (unsigned i = 1; i < words->len; i++) {
        const char *word = words->pdata[i];
        size_t j = 0;

        while (j < length && word[j] == first[j]) {
            j++;
        }
        length = j;
    }
    return length;
}

static int compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_completions(ReadLine *rl)
{
    g_autoptr(GString) out = g_string_new("\n");
    size_t width = 0, columns;

    for (unsigned i = 0; i < rl->completions->len; i++) {
        width = MAX(width, strlen(rl->completions->pdata[i]));
    }
    width = CLAMP(width + 2, COMPLETION_MIN_COLUMN, COMPLETION_WIDTH);
    columns = COMPLETION_WIDTH / width;
    for (unsigned i = 0; i < rl->completions->len; i++) {
        bool last = (i + 1) % columns == 0 || i + 1 == rl->completions->len;

        g_string_append_printf(out, "%-*s%s", (int)width, (char *)rl->completions->pdata[i],
                               last ? "\n" : "");
    }
    rl->ops->print(rl->opaque, out->str);
    show_prompt(rl);
}

/* One word is put in, with a space unless more can follow (a path); several: what they share. */
static void apply_completions(ReadLine *rl)
{
    const char *first = rl->completions->pdata[0];
    size_t length = common_prefix(rl->completions);

    assert(rl->typed <= length);
    insert_text(rl, first + rl->typed, length - rl->typed);
    if (rl->completions->len > 1) {
        g_ptr_array_sort(rl->completions, compare_words);
        list_completions(rl);
    } else if (length && first[length - 1] != '/') {
        insert_text(rl, " ", 1);
    }
}

static void complete_word(ReadLine *rl)
{
    g_autofree char *text = g_strndup(rl->line->str, rl->cursor);

    if (!rl->ops->complete) {
        return;
    }
    rl->completions = g_ptr_array_new_with_free_func(g_free);
    rl->ops->complete(rl->opaque, rl, text);
    if (rl->completions->len) {
        apply_completions(rl);
    }
    g_clear_pointer(&rl->completions, g_ptr_array_unref);
}

/* ---- keys ---- */

static void end_line(ReadLine *rl)
{
    g_autofree char *line = g_strdup(rl->line->str);

    history_add(rl, line);
    rl->ops->print(rl->opaque, "\n");
    readline_reset(rl);
    rl->ops->line(rl->opaque, line);
}

#define CTRL(letter) ((letter) - 'A' + 1)
#define DELETE 0x7f
#define CSI_BYTE 0x9b

static void take_control(ReadLine *rl, uint8_t byte)
{
    switch (byte) {
    case CTRL('A'):
        rl->cursor = 0;
        break;
    case CTRL('D'):
        delete_at_cursor(rl);
        break;
    case CTRL('E'):
        rl->cursor = rl->line->len;
        break;
    case CTRL('H'):
        delete_before_cursor(rl, MIN(rl->cursor, 1));
        break;
    case CTRL('I'):
        complete_word(rl);
        break;
    case CTRL('K'):
        g_string_truncate(rl->line, rl->cursor);
        break;
    case CTRL('L'):
        clear_screen(rl);
        break;
    case CTRL('N'):
        history_newer(rl);
        break;
    case CTRL('P'):
        history_older(rl);
        break;
    case CTRL('U'):
        delete_before_cursor(rl, rl->cursor);
        break;
    case CTRL('W'):
        delete_word(rl);
        break;
    case CTRL('['):
        rl->state = ESC_ESC;
        break;
    }
}

static void take_key(ReadLine *rl, uint8_t byte)
{
    if (byte == CSI_BYTE) {
        rl->state = ESC_CSI;
        rl->parameter = 0;
    } else if (byte == DELETE) {
        delete_before_cursor(rl, MIN(rl->cursor, 1));
    } else if (byte >= ' ') {
        insert_text(rl, (const char *)&byte, 1);
    } else {
        take_control(rl, byte);
    }
}

/* ESC [ number ~ */
static void take_numbered_key(ReadLine *rl)
{
    switch (rl->parameter) {
    case 1:
        rl->cursor = 0;
        break;
    case 3:
        delete_at_cursor(rl);
        break;
    case 4:
        rl->cursor = rl->line->len;
        break;
    }
}

static void take_csi(ReadLine *rl, uint8_t byte)
{
    if (g_ascii_isdigit(byte)) {
        rl->parameter = MIN(rl->parameter * 10 + (byte - '0'), 1000);
        return;
    }
    rl->state = ESC_NONE;
    switch (byte) {
    case 'A':
    case 'F':
        history_older(rl);
        break;
    case 'B':
    case 'E':
        history_newer(rl);
        break;
    case 'C':
        rl->cursor = MIN(rl->cursor + 1, rl->line->len);
        break;
    case 'D':
        rl->cursor -= MIN(rl->cursor, 1);
        break;
    case '~':
        take_numbered_key(rl);
        break;
    }
}

static void take_ss3(ReadLine *rl, uint8_t byte)
{
    rl->state = ESC_NONE;
    if (byte == 'H') {
        rl->cursor = 0;
    } else if (byte == 'F') {
        rl->cursor = rl->line->len;
    }
}

void readline_feed(ReadLine *rl, uint8_t byte)
{
    switch (rl->state) {
    case ESC_NONE:
        if (byte == '\r' || byte == '\n') {
            end_line(rl);
            return;
        }
        take_key(rl, byte);
        break;
    case ESC_ESC:
        rl->state = byte == '[' ? ESC_CSI : byte == 'O' ? ESC_SS3 : ESC_NONE;
        rl->parameter = 0;
        break;
    case ESC_CSI:
        take_csi(rl, byte);
        break;
    case ESC_SS3:
        take_ss3(rl, byte);
        break;
    }
    readline_draw(rl);
}

/* ---- life ---- */

ReadLine *readline_new(const ReadLineOps *ops, void *opaque, const char *prompt)
{
    ReadLine *rl = g_new0(ReadLine, 1);

    rl->ops = ops;
    rl->opaque = opaque;
    rl->prompt = prompt;
    rl->line = g_string_new(NULL);
    rl->shown = g_string_new(NULL);
    rl->history = g_ptr_array_new_with_free_func(g_free);
    return rl;
}

void readline_free(ReadLine *rl)
{
    g_string_free(rl->line, TRUE);
    g_string_free(rl->shown, TRUE);
    g_ptr_array_unref(rl->history);
    g_free(rl);
}
