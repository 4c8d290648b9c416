/*
 * A terminal that is painted as a whole: its own screen, keys as they are typed, and all
 * of it given back whatever ends us. The sequences are those of ECMA-48, but for the
 * second screen and the cursor, which are DEC's and xterm's.
 */
#ifndef BHYFI_TTY_H
#define BHYFI_TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct tty;

/*
 * The terminal that is our standard output. There is one at most. Nothing is changed
 * yet. ERR_USAGE where it is none, or one that can not be repainted (TERM=dumb).
 */
struct tty *tty_open(struct err *e);
/* Leaves and frees. */
void tty_close(struct tty *t);

/* Takes the screen and the keys; again after a stop. */
int tty_enter(struct tty *t, struct err *e);
/* Gives them back; safe in a signal handler. */
void tty_leave(struct tty *t);

/* As the window is now; 24 and 80 where it does not say. */
void tty_size(const struct tty *t, size_t *rows, size_t *columns);

/* What can be polled: reads keys, and is written to by tty_flush. */
int tty_fd(const struct tty *t);
/* The next key; 0: none, -1: the terminal is gone. */
int tty_key(struct tty *t);

/* Paints lines that a newline separates; what stood there goes. Nothing waits: what the
 * terminal does not take yet is kept. Not while tty_busy(). */
void tty_show(struct tty *t, const char *text, size_t rows);
bool tty_busy(const struct tty *t);
void tty_flush(struct tty *t);

#endif
