/*
 * rc.conf(5) and loader.conf(5) as texts that are edited, not rewritten: what a
 * variable is in them, with certainty or not at all, and where its value stands.
 *
 * rc.conf is a shell script, so only a part of it can be understood. What is: plain
 * assignments, comments, `. FILE`. Everything else is kept as a stretch of text that
 * may do anything to the variables that it names.
 */
#ifndef BHYFI_SETUP_CONFDOC_H
#define BHYFI_SETUP_CONFDOC_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define CONFDOC_MAX (1024 * 1024)

enum conf_syntax {
	CONF_SH,
	CONF_LOADER,
};

enum conf_kind {
	CONF_ASSIGN,  /* name, value */
	CONF_INCLUDE, /* value: the path; NULL where it is not a plain one */
	CONF_UNKNOWN, /* start to end: may change each variable that it names */
	CONF_OPAQUE,  /* from here on nothing is known */
};

struct conf_event {
	enum conf_kind kind;
	char *name;   /* CONF_ASSIGN */
	char *value;  /* what the reader gets; an expansion stands as '\1' */
	bool literal; /* no expansion in it */
	bool sure;    /* CONF_INCLUDE: not only under a condition */
	unsigned line;
	/* Bytes of the text: the value with its quotes, or all of it. */
	size_t start, end;
	const char *why; /* what it is, for errors; not of CONF_ASSIGN */
};

struct confdoc {
	enum conf_syntax syntax;
	char *name; /* the path, for errors */
	char *text;
	size_t len;
	struct conf_event *event; /* in order */
	size_t n;
	/* Why nothing may be put at the end (an open quote, return ...); NULL: it may. */
	const char *tail;
	unsigned tail_line;
};

/* From the bytes of a file (copied). Fails only without memory and on NUL bytes. */
int confdoc_parse(struct confdoc *d, enum conf_syntax syntax, const char *name,
    const char *text, size_t len, struct err *e);
void confdoc_free(struct confdoc *d);

/* Whether an event of kind CONF_UNKNOWN names the variable other than as $NAME. */
bool confdoc_names(
    const struct confdoc *d, const struct conf_event *event, const char *variable);

/* Whether a line from byte `from` on begins with NAME= and has the word behind it: for
 * what the user added by hand, where we could not tell. */
bool confdoc_has_line(
    const struct confdoc *d, size_t from, const char *name, const char *word);

/* Puts another value in the place of event's; parsed again, so events are new. Fails
 * on a value that the syntax has no words for. */
int confdoc_replace(struct confdoc *d, size_t event, const char *value, struct err *e);

/* Puts a line NAME="VALUE" at the end, and before it `heading` (NULL: none). */
int confdoc_append(struct confdoc *d, const char *heading, const char *name,
    const char *value, struct err *e);

#endif
