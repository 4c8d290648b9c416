#include "inifile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* As inih: "KEY = VALUE" or "KEY: VALUE", a comment behind a blank and a semicolon. */
static bool match_line(
    const char *p, const char *stop, const char *key, const char **from, const char **to)
{
	size_t n = strlen(key);

	while (p < stop && blank(*p))
		p++;
	if ((size_t)(stop - p) < n || memcmp(p, key, n) != 0)
		return false;
	p += n;
	while (p < stop && blank(*p))
		p++;
	if (p == stop || (*p != '=' && *p != ':'))
		return false;
	for (p++; p < stop && blank(*p); p++)
		;
	*from = p;
	for (; p < stop; p++)
		if (*p == ';' && blank(p[-1]))
			break;
	while (p > *from && blank(p[-1]))
		p--;
	*to = p;
	return true;
}

bool ini_find(const char *text, size_t len, const char *key, size_t *start, size_t *end)
{
	const char *p = text, *last = text + len, *from, *to;

	while (p < last) {
		const char *nl = memchr(p, '\n', (size_t)(last - p));
		const char *stop = nl != NULL ? nl : last;

		if (match_line(p, stop, key, &from, &to)) {
			*start = (size_t)(from - text);
			*end = (size_t)(to - text);
			return true;
		}
		p = nl != NULL ? nl + 1 : last;
	}
	return false;
}

bool ini_get(const char *text, size_t len, const char *key, char *out, size_t size)
{
	size_t start, end;

	if (!ini_find(text, len, key, &start, &end) || end - start >= size)
		return false;
	memcpy(out, text + start, end - start);
	out[end - start] = '\0';
	return true;
}

int ini_set(const char *text, size_t len, const char *key, const char *value, char **out,
    size_t *out_len, struct err *e)
{
	size_t start, end;
	int n;

	if (ini_find(text, len, key, &start, &end))
		n = asprintf(out, "%.*s%s%.*s", (int)start, text, value, (int)(len - end),
		    text + end);
	else
		n = asprintf(out, "%.*s%s%s = %s\n", (int)len, text,
		    len > 0 && text[len - 1] != '\n' ? "\n" : "", key, value);
	if (n < 0) {
		*out = NULL;
		return err_sys(e, ENOMEM, "setup");
	}
	*out_len = (size_t)n;
	return 0;
}
