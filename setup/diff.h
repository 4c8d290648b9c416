/* Differences of texts by lines: what a change would do, and taking one back from a
 * file that somebody else changed too. */
#ifndef BHYFI_SETUP_DIFF_H
#define BHYFI_SETUP_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"

/* Lines with their newline; the last one may lack it. Borrows the text. */
struct diff_lines {
	struct diff_line {
		const char *text;
		size_t len;
	} * line;
	size_t n;
};
int diff_split(struct diff_lines *l, const char *text, size_t len, struct err *e);
void diff_lines_free(struct diff_lines *l);

/* Lines a0 to a1 (exclusive) of the old text became b0 to b1 of the new one. */
struct diff_change {
	size_t a0, a1, b0, b1;
};
struct diff_changes {
	struct diff_change *change; /* in order, never touching */
	size_t n;
};
/* The shortest script (Myers 1986); texts that are too different for it become one
 * change. */
int diff_compare(struct diff_changes *c, const struct diff_lines *a,
    const struct diff_lines *b, struct err *e);
void diff_changes_free(struct diff_changes *c);

/* Called for each line of a unified diff: kind is '-', '+', ' ', '@', or 'h' for the
 * two at the head; text is one line without its newline. */
typedef void diff_emit(void *arg, char kind, const char *text, size_t len);

/*
 * A unified diff with three lines of context, as patch(1) reads it. NULL names stand
 * for /dev/null. Nothing is called where the texts are equal.
 */
int diff_unified(const char *old_name, const char *old, size_t old_len,
    const char *new_name, const char *new, size_t new_len, diff_emit *emit, void *arg,
    struct err *e);
/* The same as text; the caller's. */
int diff_unified_text(const char *old_name, const char *old, size_t old_len,
    const char *new_name, const char *new, size_t new_len, char **out, struct err *e);

/*
 * Three-way merge: what turns base into one is done to two. 0 and *out (the caller's,
 * NUL-terminated), 1 where both changed the same lines in two ways; -1 with e.
 */
int diff_merge(const char *base, size_t base_len, const char *one, size_t one_len,
    const char *two, size_t two_len, char **out, size_t *out_len, struct err *e);

#endif
