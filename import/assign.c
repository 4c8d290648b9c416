#include "assign.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char expands[] = "an expansion, which only a shell can do";
static const char command[] = "a command: it is not run";
static const char compound[] = "a shell program: nothing is read from here on";
static const char unclosed[] = "a quote that is never closed";
static const char tilde[] = "~ stands for a folder that only a shell knows";

struct lexer {
	const char *s, *end;
	unsigned line;
	char *buf; /* of the whole text's size: a value fits */
	size_t n;
	const char *problem; /* of the value being read */
};

static bool is_name_char(char c, bool first)
{
	return c == '_' || isalpha((unsigned char)c) ||
	       (!first && isdigit((unsigned char)c));
}

static char peek(const struct lexer *l)
{
	return l->s < l->end ? *l->s : '\0';
}

static char next(struct lexer *l)
{
	char c = *l->s++;

	if (c == '\n')
		l->line++;
	return c;
}

static void put(struct lexer *l, char c)
{
	l->buf[l->n++] = c;
}

static void blame(struct lexer *l, const char *problem)
{
	if (l->problem == NULL)
		l->problem = problem;
}

/* Over what is not read, up to the bracket that closes the one at l->s. */
static void skip_brackets(struct lexer *l, char opens, char closes)
{
	unsigned depth = 0;

	while (l->s < l->end) {
		char c = next(l);

		if (c == opens)
			depth++;
		else if (c == closes && --depth == 0)
			return;
	}
}

/* A $ that begins an expansion; alone it is itself. */
static void take_dollar(struct lexer *l)
{
	char c = peek(l);

	if (isalnum((unsigned char)c) || (c != '\0' && strchr("_{(*@#?!$-\"'", c)))
		blame(l, expands);
	if (c == '(')
		skip_brackets(l, '(', ')');
	else if (c == '{')
		skip_brackets(l, '{', '}');
	else
		put(l, '$');
}

static void take_backquote(struct lexer *l)
{
	blame(l, expands);
	while (l->s < l->end && next(l) != '`')
		;
}

static void take_single(struct lexer *l)
{
	while (l->s < l->end) {
		char c = next(l);

		if (c == '\'')
			return;
		put(l, c);
	}
	blame(l, unclosed);
}

static void take_double(struct lexer *l)
{
	while (l->s < l->end) {
		char c = next(l);

		if (c == '"')
			return;
		if (c == '`') {
			take_backquote(l);
		} else if (c == '$' && peek(l) == '"') {
			put(l, c);
		} else if (c == '$') {
			take_dollar(l);
		} else if (c == '\\' && peek(l) == '\n') {
			next(l);
		} else if (c == '\\' && peek(l) != '\0' && strchr("$`\"\\", peek(l))) {
			put(l, next(l));
		} else {
			put(l, c);
		}
	}
	blame(l, unclosed);
}

/* Up to a blank, a newline or an operator outside of quotes. */
static void take_word(struct lexer *l)
{
	bool start = true;

	for (; l->s < l->end && strchr(" \t\r\n;&|<>()", *l->s) == NULL; start = false) {
		char c = next(l);

		switch (c) {
		case '\'':
			take_single(l);
			break;
		case '"':
			take_double(l);
			break;
		case '$':
			take_dollar(l);
			break;
		case '`':
			take_backquote(l);
			break;
		case '\\':
			if (peek(l) == '\n')
				next(l);
			else if (l->s < l->end)
				put(l, next(l));
			break;
		case '~':
			if (start)
				blame(l, tilde);
			put(l, c);
			break;
		default:
			put(l, c);
		}
	}
}

static int add(struct assigns *a, const char *name, size_t name_len, const char *value,
    size_t value_len, unsigned line, const char *problem)
{
	struct assign *s;

	if (a->n == ASSIGN_MAX)
		return -1;
	if ((a->n & (a->n - 1)) == 0) {
		s = realloc(a->list, (a->n == 0 ? 1 : 2 * a->n) * sizeof(*s));
		if (s == NULL)
			return -1;
		a->list = s;
	}
	s = &a->list[a->n];
	s->name = strndup(name, name_len);
	s->value = problem == NULL ? strndup(value, value_len) : strdup("");
	s->line = line;
	s->problem = problem;
	if (s->name == NULL || s->value == NULL) {
		free(s->name);
		free(s->value);
		return -1;
	}
	a->n++;
	return 0;
}

static void skip_line(struct lexer *l)
{
	while (l->s < l->end && *l->s != '\n')
		l->s++;
}

/* Blanks within a statement. A # behind one begins a comment. */
static void skip_blanks(struct lexer *l)
{
	while (l->s < l->end) {
		if (*l->s == '\\' && l->s + 1 < l->end && l->s[1] == '\n')
			next(l);
		else if (strchr(" \t\r", *l->s) == NULL)
			break;
		next(l);
	}
	if (peek(l) == '#')
		skip_line(l);
}

/* The length of NAME in NAME=, 0 where there is none. */
static size_t name_length(const struct lexer *l)
{
	const char *s = l->s;

	while (s < l->end && is_name_char(*s, s == l->s))
		s++;
	return s < l->end && *s == '=' ? (size_t)(s - l->s) : 0;
}

/* Commands that change what the lines behind them mean. */
static bool is_compound(const char *word, size_t len, char behind)
{
	static const char *const words[] = {
	    "if", "case", "for", "while", "until", "{", "!", "function"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
			return true;
	return behind == '(' || len == 0;
}

/* A statement that is not only assignments: those before it do not last, or do
 * something else; they are taken back. */
static int take_command(struct lexer *l, struct assigns *a, size_t first)
{
	const char *word = l->s;
	unsigned line = l->line;
	size_t len;

	while (a->n > first) {
		a->n--;
		free(a->list[a->n].name);
		free(a->list[a->n].value);
	}
	len = strcspn(word, " \t\r\n;&|<>()");
	if (is_compound(word, len, word[len + strspn(word + len, " \t")])) {
		l->s = l->end;
		return add(a, "", 0, "", 0, line, compound);
	}
	/* Its quotes may hold newlines. */
	while (l->s < l->end && *l->s != '\n') {
		l->n = 0;
		take_word(l);
		while (l->s < l->end && strchr(" \t\r;&|<>()", *l->s) != NULL) {
			if (*l->s == '<' && l->s + 1 < l->end && l->s[1] == '<') {
				l->s = l->end;
				return add(a, "", 0, "", 0, line, compound);
			}
			l->s++;
		}
		if (peek(l) == '#')
			skip_line(l);
	}
	return add(a, "", 0, "", 0, line, command);
}

/* Assignments up to the end of the statement. */
static int take_statement(struct lexer *l, struct assigns *a)
{
	size_t first = a->n, len;

	while (true) {
		const char *name = l->s;
		unsigned line = l->line;

		len = name_length(l);
		if (len == 0)
			return take_command(l, a, first);
		l->s += len + 1;
		l->n = 0;
		l->problem = NULL;
		take_word(l);
		if (add(a, name, len, l->buf, l->n, line, l->problem) < 0)
			return -1;
		skip_blanks(l);
		if (l->s == l->end || *l->s == '\n' || *l->s == ';')
			return 0;
	}
}

static int check_text(const char *text, size_t len, const char *name, struct err *e)
{
	if (len > ASSIGN_FILE_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: larger than %d bytes", name, ASSIGN_FILE_MAX);
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "%s: a NUL byte in it", name);
	return 0;
}

static int too_many(struct assigns *a, const char *name, struct err *e)
{
	size_t n = a->n;

	assigns_free(a);
	if (n >= ASSIGN_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: more than %d settings", name, ASSIGN_MAX);
	return err_sys(e, ENOMEM, "%s", name);
}

int assigns_parse(
    const char *text, size_t len, const char *name, struct assigns *a, struct err *e)
{
	struct lexer l = {.line = 1};
	char AUTO_FREE *copy = NULL, *buf = NULL;

	memset(a, 0, sizeof(*a));
	if (check_text(text, len, name, e) < 0)
		return -1;
	/* Terminated, for the string functions. */
	copy = strndup(text, len);
	buf = malloc(len + 1);
	if (copy == NULL || buf == NULL)
		return err_sys(e, ENOMEM, "%s", name);
	l.s = copy;
	l.end = copy + len;
	l.buf = buf;
	while (l.s < l.end) {
		skip_blanks(&l);
		if (l.s == l.end)
			break;
		if (*l.s == '\n' || *l.s == ';') {
			next(&l);
			continue;
		}
		if (take_statement(&l, a) < 0)
			return too_many(a, name, e);
	}
	return 0;
}

/* One line of vm-bhyve's. */
static int take_vm_line(const char *s, size_t len, unsigned line, struct assigns *a)
{
	const char *hash = memchr(s, '#', len), *eq;
	char *buf;
	size_t n = 0;
	int ret;

	if (hash != NULL)
		len = (size_t)(hash - s);
	while (len > 0 && s[len - 1] == ' ')
		len--;
	buf = malloc(len + 1);
	if (buf == NULL)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (s[i] != '"')
			buf[n++] = s[i];
	eq = memchr(buf, '=', n);
	if (eq == NULL)
		ret = add(a, buf, n, "", 0, line, "not NAME=VALUE");
	else
		ret = add(a, buf, (size_t)(eq - buf), eq + 1, n - (size_t)(eq + 1 - buf),
		    line, NULL);
	free(buf);
	return ret;
}

int assigns_parse_vm(
    const char *text, size_t len, const char *name, struct assigns *a, struct err *e)
{
	const char *end = text + len, *nl;
	unsigned line = 1;

	memset(a, 0, sizeof(*a));
	if (check_text(text, len, name, e) < 0)
		return -1;
	for (const char *s = text; s < end; s = nl + 1, line++) {
		nl = memchr(s, '\n', (size_t)(end - s));
		if (nl == NULL)
			nl = end;
		if (islower((unsigned char)*s)) {
			if (take_vm_line(s, (size_t)(nl - s), line, a) < 0)
				return too_many(a, name, e);
		} else if (strchr("#\n\r", *s) == NULL &&
			   add(a, "", 0, "", 0, line,
			       "vm-bhyve reads no line that does not begin with a small "
			       "letter") < 0) {
			return too_many(a, name, e);
		}
		if (nl == end)
			break;
	}
	return 0;
}

void assigns_free(struct assigns *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->list[i].name);
		free(a->list[i].value);
	}
	free(a->list);
	memset(a, 0, sizeof(*a));
}

const struct assign *assigns_last(const struct assigns *a, const char *name)
{
	for (size_t i = a->n; i-- > 0;)
		if (strcmp(a->list[i].name, name) == 0)
			return a->list[i].problem == NULL ? &a->list[i] : NULL;
	return NULL;
}

const struct assign *assigns_first(const struct assigns *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->list[i].name, name) == 0)
			return a->list[i].problem == NULL ? &a->list[i] : NULL;
	return NULL;
}
