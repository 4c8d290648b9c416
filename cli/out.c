#include "out.h"

#include <assert.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cleanup.h"
#include "escape.h"

#define GAP 2 /* columns between cells */

static bool utf8;

void out_init(void)
{
	utf8 =
	    setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* What we print is UTF-8, and wcwidth() knows widths in such a locale only. */
	if (!utf8)
		setlocale(LC_CTYPE, "C.UTF-8");
}

bool out_utf8(void)
{
	return utf8;
}

static const char *const style_codes[] = {
    [OUT_PLAIN] = "\033[0m",
    [OUT_BOLD] = "\033[1m",
    [OUT_DIM] = "\033[2m",
    [OUT_GOOD] = "\033[32m",
    [OUT_WARN] = "\033[33m",
    [OUT_BAD] = "\033[31m",
};
static_assert(ARRAY_LEN(style_codes) == OUT_BAD + 1, "a code for each style");

const char *out_style_code(enum out_style style)
{
	return style_codes[style];
}

const char *out_style(FILE *f, enum out_style style)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((no != NULL && no[0] != '\0') || term == NULL || strcmp(term, "dumb") == 0 ||
	    !isatty(fileno(f)))
		return "";
	return style_codes[style];
}

size_t out_safe(const char *text, char *dst, size_t size)
{
	return escape_line(text, strlen(text), dst, size);
}

void out_safe_text(FILE *f, const char *text)
{
	while (*text != '\0') {
		/* In pieces: a line may be of any length. A piece that ends within a
		 * character would tear it, so it ends before one. */
		size_t len = strcspn(text, "\n\t");
		size_t piece = len < 256 ? len : 256;
		char raw[257], safe[ESCAPE_SIZE(256)];

		while (piece < len && piece > 250 && (text[piece] & 0xc0) == 0x80)
			piece--;
		memcpy(raw, text, piece);
		raw[piece] = '\0';
		out_safe(raw, safe, sizeof(safe));
		fputs(safe, f);
		text += piece;
		while (*text == '\n' || *text == '\t')
			fputc(*text++, f);
	}
}

size_t out_width(const char *text)
{
	size_t len = strlen(text), width = 0, n;
	unsigned cp;

	while (len > 0) {
		int w = 1;

		n = utf8_char(text, len, &cp);
		if (n > 0)
			w = wcwidth((wchar_t)cp);
		else
			n = 1;
		width += w < 0 ? 1 : (size_t)w;
		text += n;
		len -= n;
	}
	return width;
}

void out_paragraphs(FILE *f, const char *text, int indent, int width)
{
	int column = 0;

	while (*text != '\0') {
		size_t gap = strspn(text, " \n"), len = strcspn(text + gap, " \n");

		if (gap >= 2 && text[0] == '\n' && text[1] == '\n' && column > 0) {
			fputs("\n\n", f);
			column = 0;
		}
		text += gap;
		if (len == 0)
			break;
		if (column > 0 && column + 1 + (int)len > width) {
			fputc('\n', f);
			column = 0;
		}
		if (column == 0)
			column = fprintf(f, "%*s", indent, "");
		else
			column += fprintf(f, " ");
		column += fprintf(f, "%.*s", (int)len, text);
		text += len;
	}
	if (column > 0)
		fputc('\n', f);
}

static int dump(FILE *f, const json_t *o, size_t flags, struct err *e)
{
	AUTO_FREE char *text = json_dumps(o, flags);

	if (text == NULL)
		return err_sys(e, ENOMEM, "JSON");
	fprintf(f, "%s\n", text);
	return 0;
}

int out_json(FILE *f, const json_t *o, struct err *e)
{
	return dump(f, o, isatty(fileno(f)) ? JSON_INDENT(2) : 0, e);
}

int out_json_end(FILE *f, json_t *o, struct err *e)
{
	int ret = out_json(f, o, e);

	json_decref(o);
	return ret;
}

int out_json_line(FILE *f, const json_t *o, struct err *e)
{
	if (dump(f, o, 0, e) < 0)
		return -1;
	return out_flush(f, e);
}

int out_flush(FILE *f, struct err *e)
{
	/* A stream that failed before has lost errno; the usual reason is said. */
	bool before = ferror(f);

	errno = 0;
	if (fflush(f) == 0 && !before)
		return 0;
	if (errno == 0)
		return err_set(e, ERR_FAILED, "standard output: write error");
	return err_sys(e, errno, "standard output");
}

void out_error(const struct cli *cli, FILE *out, FILE *err, const struct err *e)
{
	char msg[ESCAPE_SIZE(ERR_MSG_MAX)], hint[ESCAPE_SIZE(ERR_HINT_MAX)];

	out_safe(e->msg, msg, sizeof(msg));
	out_safe(e->hint, hint, sizeof(hint));
	if (cli->json) {
		json_t *o = json_pack("{s:{s:s,s:s,s:s}}", "error", "code",
		    err_code_name(e->code), "message", msg, "hint", hint);

		if (o != NULL && cli->error_members != NULL)
			json_object_update_missing(o, cli->error_members);
		if (o != NULL && out_json(out, o, NULL) == 0)
			fflush(out);
		json_decref(o);
	}
	if (hint[0] != '\0')
		fprintf(err, "bhyfi: %s (%s)\n", msg, hint);
	else
		fprintf(err, "bhyfi: %s\n", msg);
}

struct table {
	size_t columns, rows;
	char **cells; /* rows * columns */
	bool failed;
};

struct table *table_new(size_t columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->columns = columns;
	return t;
}

void table_row(struct table *t, const char *const cells[])
{
	char **grown;

	if (t == NULL || t->failed)
		return;
	grown = realloc(t->cells, (t->rows + 1) * t->columns * sizeof(*grown));
	if (grown == NULL) {
		t->failed = true;
		return;
	}
	t->cells = grown;
	for (size_t i = 0; i < t->columns; i++) {
		size_t size = ESCAPE_SIZE(strlen(cells[i]));
		char *cell = malloc(size);

		if (cell == NULL)
			t->failed = true;
		else
			out_safe(cells[i], cell, size);
		t->cells[t->rows * t->columns + i] = cell;
	}
	t->rows++;
}

static void print_row(const struct table *t, FILE *f, size_t row, const size_t *widths)
{
	char *const *cells = t->cells + row * t->columns;
	size_t last = t->columns;

	/* No blanks at the end of a line. */
	while (last > 0 && cells[last - 1][0] == '\0')
		last--;
	for (size_t i = 0; i < last; i++) {
		fputs(cells[i], f);
		if (i + 1 < last)
			fprintf(
			    f, "%*s", (int)(widths[i] - out_width(cells[i]) + GAP), "");
	}
}

int table_print(const struct table *t, FILE *f, bool header, struct err *e)
{
	AUTO_FREE size_t *widths = NULL;

	if (t != NULL && !t->failed)
		widths = calloc(t->columns, sizeof(*widths));
	if (widths == NULL)
		return err_sys(e, ENOMEM, "table");
	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t w = out_width(t->cells[i]);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t row = 0; row < t->rows; row++) {
		bool bold = header && row == 0;

		fputs(bold ? out_style(f, OUT_BOLD) : "", f);
		print_row(t, f, row, widths);
		fprintf(f, "%s\n", bold ? out_style(f, OUT_PLAIN) : "");
	}
	return 0;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void progress_init(struct progress *p, FILE *f)
{
	const char *term = getenv("TERM");

	p->f = f;
	p->painted = false;
	p->on = isatty(fileno(f)) && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_end(struct progress *p)
{
	if (!p->painted)
		return;
	fputs("\r\033[K", p->f);
	fflush(p->f);
	p->painted = false;
}

static void progress_text(struct progress *p, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Cut to the terminal's width: a line that wraps can not be repainted. */
static void progress_text(struct progress *p, const char *fmt, va_list ap)
{
	char raw[512], line[512];
	struct winsize ws;
	size_t columns = 80, width = 0, i = 0, n;
	unsigned cp;

	if (ioctl(fileno(p->f), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1)
		columns = ws.ws_col;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	out_safe(raw, line, sizeof(line));
	for (; line[i] != '\0'; i += n) {
		int w = 1;

		n = utf8_char(line + i, strlen(line + i), &cp);
		if (n > 0)
			w = wcwidth((wchar_t)cp);
		else
			n = 1;
		width += w < 0 ? 1 : (size_t)w;
		if (width >= columns)
			break;
	}
	line[i] = '\0';
	fputs(line, p->f);
}

void progress_paint(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->on)
		return;
	progress_end(p);
	va_start(ap, fmt);
	progress_text(p, fmt, ap);
	va_end(ap);
	fflush(p->f);
	p->painted = true;
}

void progress_line(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->on)
		return;
	progress_end(p);
	va_start(ap, fmt);
	progress_text(p, fmt, ap);
	va_end(ap);
	fputc('\n', p->f);
	fflush(p->f);
}
