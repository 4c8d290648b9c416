#include "confdoc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "confparse.h"

int conf_event_add(struct confdoc *d, struct conf_event ev, struct err *e)
{
	struct conf_event *grown;

	if ((d->n & (d->n + 1)) == 0) { /* at 0, 1, 3, 7 ...: room for as many again */
		grown = realloc(d->event, (2 * d->n + 1) * sizeof(*grown));
		if (grown == NULL)
			goto memory;
		d->event = grown;
	}
	d->event[d->n++] = ev;
	return 0;
memory:
	free(ev.name);
	free(ev.value);
	return err_sys(e, ENOMEM, "%s", d->name);
}

static void free_events(struct confdoc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->event[i].name);
		free(d->event[i].value);
	}
	free(d->event);
	d->event = NULL;
	d->n = 0;
}

void confdoc_free(struct confdoc *d)
{
	free_events(d);
	free(d->name);
	free(d->text);
	memset(d, 0, sizeof(*d));
}

static int parse(struct confdoc *d, struct err *e)
{
	int ret = -1;

	free_events(d);
	d->tail = NULL;
	if (memchr(d->text, '\0', d->len) != NULL)
		return err_set(e, ERR_FAILED, "%s: has NUL bytes: not a text", d->name);
	switch (d->syntax) {
	case CONF_SH:
		ret = conf_parse_sh(d, e);
		break;
	case CONF_LOADER:
		ret = conf_parse_loader(d, e);
		break;
	}
	return ret;
}

int confdoc_parse(struct confdoc *d, enum conf_syntax syntax, const char *name,
    const char *text, size_t len, struct err *e)
{
	memset(d, 0, sizeof(*d));
	if (len > CONFDOC_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: larger than %d bytes", name, CONFDOC_MAX);
	d->syntax = syntax;
	d->name = strdup(name);
	d->text = malloc(len + 1);
	if (d->name == NULL || d->text == NULL) {
		confdoc_free(d);
		return err_sys(e, ENOMEM, "%s", name);
	}
	if (len > 0)
		memcpy(d->text, text, len);
	d->text[len] = '\0';
	d->len = len;
	if (parse(d, e) < 0) {
		confdoc_free(d);
		return -1;
	}
	return 0;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

bool confdoc_names(
    const struct confdoc *d, const struct conf_event *event, const char *variable)
{
	size_t len = strlen(variable);
	const char *p = d->text + event->start, *end = d->text + event->end;

	while ((size_t)(end - p) >= len &&
	       (p = memmem(p, (size_t)(end - p), variable, len)) != NULL) {
		bool begins = p == d->text || !name_char(p[-1]);
		bool ends = p + len == d->text + d->len || !name_char(p[len]);
		bool used =
		    p > d->text &&
		    (p[-1] == '$' || (p[-1] == '{' && p - 1 > d->text && p[-2] == '$'));
		/* ${NAME=x} and ${NAME:=x} assign. */
		bool assigns = used && p[-1] == '{' && (p[len] == '=' || p[len] == ':');

		if (begins && ends && (!used || assigns))
			return true;
		p += len;
	}
	return false;
}

/* word within text, with nothing of a word before and behind it. */
static bool has_word(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);
	const char *p = text, *end = text + len;

	while ((size_t)(end - p) >= n &&
	       (p = memmem(p, (size_t)(end - p), word, n)) != NULL) {
		bool begins = p == text || !(name_char(p[-1]) || strchr("/.-", p[-1]));
		bool ends =
		    p + n == end || !(name_char(p[n]) || p[n] == '/' || p[n] == '-');

		if (begins && ends)
			return true;
		p++;
	}
	return false;
}

bool confdoc_has_line(
    const struct confdoc *d, size_t from, const char *name, const char *word)
{
	const char *p = d->text + from, *end = d->text + d->len;
	size_t len = strlen(name);

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl != NULL ? nl : end;

		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		if ((size_t)(stop - p) > len && memcmp(p, name, len) == 0 &&
		    p[len] == '=' &&
		    has_word(p + len + 1, (size_t)(stop - p) - len - 1, word))
			return true;
		if (nl == NULL)
			break;
		p = nl + 1;
	}
	return false;
}

/* The value in double quotes. */
static char *quoted(const struct confdoc *d, const char *value, struct err *e)
{
	const char *special = d->syntax == CONF_SH ? "\"$`\\" : "";
	const char *refused = d->syntax == CONF_SH ? "" : "\"$\\\n";
	char *q, *out = malloc(2 * strlen(value) + 3);

	if (out == NULL) {
		err_sys(e, ENOMEM, "%s", d->name);
		return NULL;
	}
	q = out;
	*q++ = '"';
	for (; *value != '\0'; value++) {
		if (strchr(refused, *value) != NULL) {
			err_set(e, ERR_FAILED,
			    "%s: a value with a quote, $ or backslash can not be "
			    "written there",
			    d->name);
			free(out);
			return NULL;
		}
		if (strchr(special, *value) != NULL)
			*q++ = '\\';
		*q++ = *value;
	}
	*q++ = '"';
	*q = '\0';
	return out;
}

/* The text with its bytes start to end replaced; parsed again. */
static int splice(
    struct confdoc *d, size_t start, size_t end, const char *with, struct err *e)
{
	size_t n = strlen(with), len = d->len - (end - start) + n;
	char *text;

	if (len > CONFDOC_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: larger than %d bytes", d->name, CONFDOC_MAX);
	text = malloc(len + 1);
	if (text == NULL)
		return err_sys(e, ENOMEM, "%s", d->name);
	memcpy(text, d->text, start);
	memcpy(text + start, with, n);
	memcpy(text + start + n, d->text + end, d->len - end);
	text[len] = '\0';
	free(d->text);
	d->text = text;
	d->len = len;
	return parse(d, e);
}

int confdoc_replace(struct confdoc *d, size_t event, const char *value, struct err *e)
{
	AUTO_FREE char *text = quoted(d, value, e);

	if (text == NULL)
		return -1;
	return splice(d, d->event[event].start, d->event[event].end, text, e);
}

int confdoc_append(struct confdoc *d, const char *heading, const char *name,
    const char *value, struct err *e)
{
	AUTO_FREE char *text = quoted(d, value, e), *block = NULL;
	bool torn = d->len > 0 && d->text[d->len - 1] != '\n';

	if (text == NULL)
		return -1;
	if (d->tail != NULL)
		return err_set(e, ERR_FAILED, "%s:%u: %s: nothing can be put behind it",
		    d->name, d->tail_line, d->tail);
	if (asprintf(&block, "%s%s%s%s=%s\n", torn ? "\n" : "",
		heading != NULL ? heading : "", heading != NULL ? "\n" : "", name,
		text) < 0) {
		block = NULL;
		return err_sys(e, ENOMEM, "%s", d->name);
	}
	return splice(d, d->len, d->len, block, e);
}
