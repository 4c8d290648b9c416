/*
 * What the commands print: text for people, JSON for programs, and progress on
 * a terminal. Text that others chose goes through out_safe().
 */
#ifndef BHYFI_OUT_H
#define BHYFI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "cli.h"
#include "err.h"

/* Locale and terminal; first thing in main. */
void out_init(void);
/* The user's terminal shows UTF-8. */
bool out_utf8(void);

enum out_style {
	OUT_PLAIN,
	OUT_BOLD,
	OUT_DIM,
	OUT_GOOD,
	OUT_WARN,
	OUT_BAD,
};
/* The escape sequence, "" where f is no terminal, or TERM is dumb, or NO_COLOR is set
 * (no-color.org). */
const char *out_style(FILE *f, enum out_style style);
/* The same, decided by who calls. */
const char *out_style_code(enum out_style style);

/*
 * Makes text fit for the terminal, as escape_text does, but leaves backslashes:
 * what the daemon sends was escaped once. Returns the length.
 */
size_t out_safe(const char *text, char *dst, size_t size);
/* The same into a stream; newlines and tabs stay. */
void out_safe_text(FILE *f, const char *text);

/* Columns on a terminal. */
size_t out_width(const char *text);

/* Prints paragraphs of plain text in at most width columns, indented. */
void out_paragraphs(FILE *f, const char *text, int indent, int width);

/* One object, indented where f is a terminal, else (or in a stream of them) as
 * one line. */
int out_json(FILE *f, const json_t *o, struct err *e);
int out_json_line(FILE *f, const json_t *o, struct err *e);
/* As out_json; takes the reference. */
int out_json_end(FILE *f, json_t *o, struct err *e);

/* Flushes; an error of this or any earlier write. */
int out_flush(FILE *f, struct err *e);

/* "bhyfi: what: why (hint)" to err, and with --json the object to out. */
void out_error(const struct cli *cli, FILE *out, FILE *err, const struct err *e);

/* Rows in columns as wide as their widest cell. */
struct table;
struct table *table_new(size_t columns);
/* cells[columns]; copied, made safe. */
void table_row(struct table *t, const char *const cells[]);
/* header: the first row is one. Fails without memory. */
int table_print(const struct table *t, FILE *f, bool header, struct err *e);
void table_free(struct table *t);

/* One line that is repainted, with finished lines above it; silent where f is no
 * terminal. */
struct progress {
	FILE *f;
	bool on, painted;
};
void progress_init(struct progress *p, FILE *f);
void progress_paint(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void progress_line(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes the painted line away. */
void progress_end(struct progress *p);

#endif
