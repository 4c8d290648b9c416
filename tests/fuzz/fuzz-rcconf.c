/* rc.conf and loader.conf, from whoever edited them: what is read stays within the
 * text, and an edit changes what it means to and nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confdoc.h"
#include "diff.h"
#include "inifile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE "x y/z"

static void check_events(const struct confdoc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct conf_event *ev = &d->event[i];

		if (ev->start > ev->end || ev->end > d->len || ev->line == 0 ||
		    (ev->kind == CONF_ASSIGN && (ev->name == NULL || ev->value == NULL)))
			__builtin_trap();
		confdoc_names(d, ev, "bhyfi_enable");
	}
	confdoc_has_line(d, 0, "bhyfi_enable", "YES");
}

static bool copy(struct confdoc *to, const struct confdoc *d)
{
	return confdoc_parse(to, d->syntax, d->name, d->text, d->len, NULL) == 0;
}

/* A line at the end: what was there is there still, and the last word is ours. */
static void try_append(const struct confdoc *d)
{
	const struct conf_event *last;
	struct confdoc c;

	if (!copy(&c, d))
		return;
	if (confdoc_append(&c, "# heading", "bhyfi", VALUE, NULL) == 0) {
		last = &c.event[c.n - 1];
		if (memcmp(c.text, d->text, d->len) != 0 || c.n != d->n + 1 ||
		    last->kind != CONF_ASSIGN || strcmp(last->name, "bhyfi") != 0 ||
		    strcmp(last->value, VALUE) != 0 || !last->literal)
			__builtin_trap();
	}
	confdoc_free(&c);
}

static void try_replace(const struct confdoc *d, size_t i)
{
	struct confdoc c;

	if (!d->event[i].literal || !copy(&c, d))
		return;
	if (confdoc_replace(&c, i, VALUE, NULL) == 0) {
		if (c.n != d->n || strcmp(c.event[i].value, VALUE) != 0)
			__builtin_trap();
		for (size_t k = 0; k < c.n; k++)
			if (c.event[k].kind != d->event[k].kind ||
			    (k != i && c.event[k].kind == CONF_ASSIGN &&
				strcmp(c.event[k].value, d->event[k].value) != 0))
				__builtin_trap();
	}
	confdoc_free(&c);
}

/* Taking our change back out of what somebody else changed gives theirs. */
static void try_merge(const char *text, size_t len)
{
	size_t half = len / 2, out_len;
	char *out;

	if (diff_merge(text, half, text + half, len - half, text, half, &out, &out_len,
		NULL) != 0)
		__builtin_trap();
	if (out_len != len - half || memcmp(out, text + half, out_len) != 0)
		__builtin_trap();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t start, end;

	if (size == 0 || size > 65536)
		return 0;
	for (int s = CONF_SH; s <= CONF_LOADER; s++) {
		struct confdoc d;

		if (confdoc_parse(&d, (enum conf_syntax)s, "f", text, size, NULL) < 0)
			continue;
		check_events(&d);
		try_append(&d);
		for (size_t i = 0; i < d.n && i < 32; i++)
			if (d.event[i].kind == CONF_ASSIGN)
				try_replace(&d, i);
		confdoc_free(&d);
	}
	if (ini_find(text, size, "card", &start, &end) && (start > end || end > size))
		__builtin_trap();
	try_merge(text, size);
	return 0;
}
