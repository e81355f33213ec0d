/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line editor for terminals: bytes typed go in, bytes for the terminal and finished lines come
 * out. A pure state machine: no descriptors, no timers. It belongs to one thread.
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#define READLINE_MAX_LINE 4095      /* bytes; what is typed beyond is dropped */
#define READLINE_MAX_HISTORY 64     /* lines; the oldest goes */

typedef struct ReadLine ReadLine;

typedef struct ReadLineOps {
    /* Sends text to the terminal; "\n" in it stands for a new line. */
    void (*print)(void *opaque, const char *text);
    /* A line was ended; it may be changed and lives until the call returns. */
    void (*line)(void *opaque, char *line);
    /* Calls readline_add_completion() for what may stand at the end of @text. NULL: never. */
    void (*complete)(void *opaque, ReadLine *rl, const char *text);
} ReadLineOps;

/* @ops, @opaque and @prompt are kept. Nothing is printed yet. */
ReadLine *readline_new(const ReadLineOps *ops, void *opaque, const char *prompt);
void readline_free(ReadLine *rl);
/* Prints the prompt for a new line. The callee of `line` calls it when it wants the next one. */
void readline_start(ReadLine *rl);
/* Forgets the line and the half of an escape sequence, keeps the history: the user has gone. */
void readline_reset(ReadLine *rl);
/* A byte was typed. */
void readline_feed(ReadLine *rl, uint8_t byte);

/* In `complete` only: @word (copied) could stand instead of the last @typed bytes of the text. */
void readline_add_completion(ReadLine *rl, size_t typed, const char *word);
/* The @i'th newest line of the history, 0 the newest; NULL: there are not as many. */
const char *readline_get_history(const ReadLine *rl, unsigned i);

#endif /* MONITOR_READLINE_H */
