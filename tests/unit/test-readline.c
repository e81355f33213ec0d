/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line editor: keys in, what the terminal gets and what the lines are. Every expected byte was
 * seen from QEMU 7.2 on the same keys, but for those of Ctrl-K, -N, -P and -U, which it ignores.
 */
#include "qemu/osdep.h"

#include "monitor/readline.h"

#define LEFT "\033[D"
#define RIGHT "\033[C"
#define CLEAR "\033[K"
#define UP "\033[A"
#define DOWN "\033[B"

typedef struct Terminal {
    ReadLine *rl;
    GString *shown;     /* since the last look */
    GString *lines;     /* each behind a '|' */
    const char *const *words;   /* for completion */
    char *asked;        /* the text that was to be completed */
} Terminal;

static void take_print(void *opaque, const char *text)
{
    g_string_append(((Terminal *)opaque)->shown, text);
}

static void take_line(void *opaque, char *line)
{
    Terminal *t = opaque;

    g_string_append_printf(t->lines, "|%s", line);
    readline_start(t->rl);
}

/* The words that start with the last word of @text. */
static void take_complete(void *opaque, ReadLine *rl, const char *text)
{
    Terminal *t = opaque;
    const char *space = strrchr(text, ' '), *word = space ? space + 1 : text;

    g_free(t->asked);
    t->asked = g_strdup(text);
    for (const char *const *w = t->words; w && *w; w++) {
        if (g_str_has_prefix(*w, word)) {
            readline_add_completion(rl, strlen(word), *w);
        }
    }
}

static const ReadLineOps ops = {
    .print = take_print,
    .line = take_line,
    .complete = take_complete,
};

static void terminal_init(Terminal *t)
{
    *t = (Terminal) { .shown = g_string_new(NULL), .lines = g_string_new(NULL) };
    t->rl = readline_new(&ops, t, "> ");
    readline_start(t->rl);
    g_assert_cmpstr(t->shown->str, ==, "> ");
}

static void terminal_cleanup(Terminal *t)
{
    readline_free(t->rl);
    g_string_free(t->shown, TRUE);
    g_string_free(t->lines, TRUE);
    g_free(t->asked);
}

static void type_keys(Terminal *t, const char *keys)
{
    g_string_truncate(t->shown, 0);
    for (const char *k = keys; *k; k++) {
        readline_feed(t->rl, (uint8_t)*k);
    }
}

/* Types @keys and compares what the terminal got. */
#define assert_shows(t, keys, expected)                     \
    do {                                                    \
        type_keys(t, keys);                                 \
        g_assert_cmpstr((t)->shown->str, ==, expected);     \
    } while (0)

/* What the line is, seen by ending it. */
#define assert_line(t, expected)                            \
    do {                                                    \
        g_string_truncate((t)->lines, 0);                   \
        type_keys(t, "\r");                                 \
        g_assert_cmpstr((t)->lines->str, ==, "|" expected); \
    } while (0)

static void test_echo(void)
{
    Terminal t;

    terminal_init(&t);
    assert_shows(&t, "ab", "a" CLEAR LEFT "ab" CLEAR);
    assert_shows(&t, "\r", "\n> ");
    g_assert_cmpstr(t.lines->str, ==, "|ab");
    assert_shows(&t, "\r\n", "\n> \n> ");
    g_assert_cmpstr(t.lines->str, ==, "|ab||");
    assert_shows(&t, "\xff", "\xff" CLEAR);
    assert_line(&t, "\xff");
    terminal_cleanup(&t);
}

static void test_move(void)
{
    Terminal t;

    terminal_init(&t);
    type_keys(&t, "abc");
    assert_shows(&t, "\001", LEFT LEFT LEFT);
    assert_shows(&t, "X", "Xabc" CLEAR LEFT LEFT LEFT);
    assert_shows(&t, "\005", RIGHT RIGHT RIGHT);
    assert_shows(&t, "\033[D", LEFT);
    assert_shows(&t, "\033[C", RIGHT);
    assert_shows(&t, "\033[C", "");
    assert_shows(&t, "\033[1~", LEFT LEFT LEFT LEFT);
    assert_shows(&t, "\033[D", "");
    assert_shows(&t, "\033[4~", RIGHT RIGHT RIGHT RIGHT);
    assert_shows(&t, "\033OH", LEFT LEFT LEFT LEFT);
    assert_shows(&t, "\033OF", RIGHT RIGHT RIGHT RIGHT);
    assert_shows(&t, "\2339D", LEFT);
    assert_line(&t, "Xabc");
    terminal_cleanup(&t);
}

static void test_delete(void)
{
    Terminal t;

    terminal_init(&t);
    type_keys(&t, "abc def" LEFT LEFT);
    assert_shows(&t, "\004", LEFT LEFT LEFT LEFT LEFT "abc df" CLEAR LEFT);
    assert_shows(&t, "\033[3~", LEFT LEFT LEFT LEFT LEFT "abc d" CLEAR);
    assert_shows(&t, "\004", "");
    assert_shows(&t, "\010", LEFT LEFT LEFT LEFT LEFT "abc " CLEAR);
    assert_shows(&t, "\177", LEFT LEFT LEFT LEFT "abc" CLEAR);
    assert_line(&t, "abc");
    assert_shows(&t, "\010", "");
    type_keys(&t, "abc def  \027");
    assert_line(&t, "abc ");
    type_keys(&t, "abc def" LEFT LEFT "\027\027");
    assert_line(&t, "ef");
    type_keys(&t, "abcdef" LEFT LEFT "\013");
    assert_line(&t, "abcd");
    type_keys(&t, "abcdef" LEFT LEFT "\025");
    assert_line(&t, "ef");
    terminal_cleanup(&t);
}

static void test_escapes(void)
{
    static const char *const nothing[] = {
        "\033b", "\033\033", "\033\r", "\033OA", "\033OD", "\033[H", "\033[5~", "\033[Z",
        "\033[200~", "\033[99999999999~", "\002\003\006\007\017\022\024\026\030\031\032\034\035",
    };
    Terminal t;

    terminal_init(&t);
    type_keys(&t, "ab");
    for (size_t i = 0; i < ARRAY_SIZE(nothing); i++) {
        assert_shows(&t, nothing[i], "");
    }
    type_keys(&t, "\033[1;5D");
    assert_line(&t, "ab5D");
    readline_feed(t.rl, 0);
    assert_line(&t, "");
    terminal_cleanup(&t);
}

static void test_history(void)
{
    Terminal t;

    terminal_init(&t);
    assert_shows(&t, UP DOWN, "");
    type_keys(&t, "one\rtwo\rthree\rtwo\r\r");
    assert_shows(&t, UP, "two" CLEAR);
    assert_shows(&t, UP, LEFT LEFT LEFT "three" CLEAR);
    assert_shows(&t, "\033[F", LEFT LEFT LEFT LEFT LEFT "one" CLEAR);
    assert_shows(&t, UP, "");
    assert_shows(&t, "\033[E", LEFT LEFT LEFT "three" CLEAR);
    assert_shows(&t, DOWN, LEFT LEFT LEFT LEFT LEFT "two" CLEAR);
    assert_shows(&t, DOWN, LEFT LEFT LEFT CLEAR);
    assert_shows(&t, DOWN, "");
    type_keys(&t, "half" UP "x");
    assert_line(&t, "twox");
    g_assert_cmpstr(readline_get_history(t.rl, 0), ==, "twox");
    g_assert_cmpstr(readline_get_history(t.rl, 1), ==, "two");
    g_assert_cmpstr(readline_get_history(t.rl, 3), ==, "one");
    g_assert_null(readline_get_history(t.rl, 4));
    type_keys(&t, "\020\020\020\016");
    assert_line(&t, "two");
    terminal_cleanup(&t);
}

static void test_history_is_bounded(void)
{
    Terminal t;

    terminal_init(&t);
    for (int i = 0; i < READLINE_MAX_HISTORY + 6; i++) {
        g_autofree char *line = g_strdup_printf("h%d\r", i);

        type_keys(&t, line);
    }
    for (int i = 0; i < READLINE_MAX_HISTORY + 6; i++) {
        type_keys(&t, UP);
    }
    assert_line(&t, "h6");
    terminal_cleanup(&t);
}

static void test_line_is_bounded(void)
{
    g_autofree char *keys = g_strnfill(READLINE_MAX_LINE, 'x');
    Terminal t;

    terminal_init(&t);
    type_keys(&t, keys);
    assert_shows(&t, "yz", "");
    assert_shows(&t, "\t", "");
    type_keys(&t, "\010y\r");
    g_assert_cmpuint(t.lines->len, ==, 1 + READLINE_MAX_LINE);
    g_assert_true(g_str_has_suffix(t.lines->str, "xy"));
    terminal_cleanup(&t);
}

static void test_completion(void)
{
    static const char *const words[] = { "stop", "quit", "stopcapture", "dir/", "stop", NULL };
    Terminal t;

    terminal_init(&t);
    t.words = words;
    assert_shows(&t, "q\t", "q" CLEAR LEFT "quit " CLEAR);
    assert_shows(&t, "\t", "\ndir/         quit         stop         stopcapture  \n"
                 "> quit " CLEAR);
    g_assert_cmpstr(t.asked, ==, "quit ");
    assert_line(&t, "quit ");
    type_keys(&t, "st");
    assert_shows(&t, "\t", "\nstop         stopcapture  \n> stop" CLEAR);
    assert_line(&t, "stop");
    type_keys(&t, "stop" LEFT LEFT);
    assert_shows(&t, "\t", "\nstop         stopcapture  \n> stopop" CLEAR LEFT LEFT);
    g_assert_cmpstr(t.asked, ==, "st");
    assert_line(&t, "stopop");
    type_keys(&t, "d\t");
    assert_line(&t, "dir/");
    type_keys(&t, "nothing");
    assert_shows(&t, "\t", "");
    terminal_cleanup(&t);
}

static void test_list_widths(void)
{
    static const char *const narrow[] = { "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", NULL };
    g_autofree char *long_word = g_strnfill(100, 'b');
    const char *const wide[] = { "b", long_word, NULL };
    g_autofree char *expected = g_strdup_printf("\n%-80s\n%s\n> b" CLEAR, "b", long_word);
    Terminal t;

    terminal_init(&t);
    t.words = narrow;
    type_keys(&t, "a");
    assert_shows(&t, "\t", "\na1        a2        a3        a4        a5        a6        "
                 "a7        a8        \na9        \n> a" CLEAR);
    assert_line(&t, "a");
    t.words = wide;
    type_keys(&t, "b");
    assert_shows(&t, "\t", expected);
    terminal_cleanup(&t);
}

static void test_clear_screen(void)
{
    Terminal t;

    terminal_init(&t);
    assert_shows(&t, "\014", "\033[2J\033[1;1H> ");
    type_keys(&t, "abc" LEFT);
    assert_shows(&t, "\014", "\033[2J\033[1;1H> abc" CLEAR LEFT);
    terminal_cleanup(&t);
}

/* A client that comes finds nothing of the one that went, but the history. */
static void test_reset(void)
{
    Terminal t;

    terminal_init(&t);
    type_keys(&t, "old\rhalf\033");
    readline_reset(t.rl);
    readline_start(t.rl);
    assert_line(&t, "");
    assert_shows(&t, UP, "old" CLEAR);
    terminal_cleanup(&t);
}

/* Any bytes: the editor holds its bounds, and the line has no control characters. */
static void test_random(void)
{
    static const char *const words[] = { "aa", "ab", "path/", NULL };
    static const char keys[] = "ab \t\r\033[ABCDEF~134O\001\004\005\010\013\014\016\020\025\027\177";
    Terminal t;

    terminal_init(&t);
    t.words = words;
    for (int i = 0; i < 200000; i++) {
        uint8_t key = g_test_rand_int_range(0, 4)
                      ? (uint8_t)keys[g_test_rand_int_range(0, sizeof(keys) - 1)]
                      : (uint8_t)g_test_rand_int_range(0, 256);

        readline_feed(t.rl, key);
        g_string_truncate(t.shown, 0);
        for (const char *c = t.lines->str; *c; c++) {
            g_assert_cmpint((uint8_t)*c, >=, ' ');
        }
        g_string_truncate(t.lines, 0);
    }
    terminal_cleanup(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/readline/echo", test_echo);
    g_test_add_func("/readline/move", test_move);
    g_test_add_func("/readline/delete", test_delete);
    g_test_add_func("/readline/escape-sequences", test_escapes);
    g_test_add_func("/readline/history", test_history);
    g_test_add_func("/readline/history-is-bounded", test_history_is_bounded);
    g_test_add_func("/readline/line-is-bounded", test_line_is_bounded);
    g_test_add_func("/readline/completion", test_completion);
    g_test_add_func("/readline/completion-list-widths", test_list_widths);
    g_test_add_func("/readline/clear-screen", test_clear_screen);
    g_test_add_func("/readline/reset", test_reset);
    g_test_add_func("/readline/random-bytes", test_random);
    return g_test_run();
}
