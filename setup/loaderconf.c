/*
 * loader.conf(5) as FreeBSD's Lua loader reads it (stand/lua/config.lua): line by
 * line, NAME="VALUE" or NAME=WORD with blanks around, and a comment behind. A line
 * that is none of that is complained about at boot and passed over.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confparse.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* As the loader's processEnvVar: a backslash takes what follows as it is. */
static char *value_of(const char *text, size_t len, bool *literal)
{
	char *out = malloc(len + 1), *q = out;

	*literal = true;
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len) {
			*q++ = text[++i];
		} else if (text[i] == '$') {
			*literal = false;
			*q++ = '\1';
		} else {
			*q++ = text[i];
		}
	}
	*q = '\0';
	return out;
}

/* Where the value of a line p to end stands, quotes included; false: malformed. */
static bool find_value(
    const char *p, const char *end, const char **from, const char **to, bool *quote)
{
	while (p < end && blank(*p))
		p++;
	*from = p;
	*quote = p < end && *p == '"';
	if (*quote) {
		p = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (p == NULL)
			return false;
		p++;
	} else {
		if (p == end || !(isalnum((unsigned char)*p) || *p == '-'))
			return false;
		while (p < end && word_char(*p))
			p++;
	}
	*to = p;
	while (p < end && blank(*p))
		p++;
	return p == end || *p == '#';
}

static int parse_line(
    struct confdoc *d, const char *p, const char *end, unsigned line, struct err *e)
{
	struct conf_event ev = {.kind = CONF_UNKNOWN,
	    .line = line,
	    .start = (size_t)(p - d->text),
	    .end = (size_t)(end - d->text),
	    .why = "a line that the loader does not understand"};
	const char *name, *name_end, *from, *to;
	bool quote;

	while (p < end && blank(*p))
		p++;
	if (p == end || *p == '#')
		return 0;
	name = p;
	while (p < end && word_char(*p))
		p++;
	name_end = p;
	while (p < end && blank(*p))
		p++;
	if (name_end == name || !isalnum((unsigned char)*name) || p == end || *p != '=' ||
	    !find_value(p + 1, end, &from, &to, &quote))
		return conf_event_add(d, ev, e);
	ev.kind = CONF_ASSIGN;
	ev.why = NULL;
	ev.start = (size_t)(from - d->text);
	ev.end = (size_t)(to - d->text);
	ev.name = strndup(name, (size_t)(name_end - name));
	ev.value =
	    value_of(from + quote, (size_t)(to - from) - (quote ? 2 : 0), &ev.literal);
	if (ev.name == NULL || ev.value == NULL) {
		free(ev.name);
		free(ev.value);
		return err_sys(e, ENOMEM, "%s", d->name);
	}
	return conf_event_add(d, ev, e);
}

int conf_parse_loader(struct confdoc *d, struct err *e)
{
	const char *p = d->text, *end = d->text + d->len;

	for (unsigned line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (parse_line(d, p, nl != NULL ? nl : end, line, e) < 0)
			return -1;
		p = nl != NULL ? nl + 1 : end;
	}
	return 0;
}
