/*
 * rc.conf(5) as sh(1) reads it.
 *
 * Theory of operation. The text is cut into words and simple commands as POSIX says
 * (XCU 2.3 token recognition, 2.10 grammar), with a stack of open compound commands.
 * A command becomes an event:
 *
 *     NAME=VALUE ...        outside of everything conditional: CONF_ASSIGN
 *     . FILE                CONF_INCLUDE
 *     anything else         CONF_UNKNOWN: it may change the variables that it names
 *     eval, export $X ...   CONF_OPAQUE: it may change any variable
 *
 * What this lexer does not follow with certainty (here-documents, functions, `return`,
 * a comment within $( ) ...) ends the reading: CONF_OPAQUE up to the end, and nothing
 * may be put behind it. Better no edit than a wrong one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "confparse.h"

#define NEST_MAX 32   /* of expansions */
#define STACK_MAX 64  /* of compound commands */
#define ASSIGN_MAX 64 /* assignments in one command */

enum open_kind {
	OPEN_IF,
	OPEN_LOOP_HEAD, /* for, while, until: up to do */
	OPEN_LOOP,
	OPEN_CASE,
	OPEN_BRACE,
	OPEN_SUBSHELL,
};

enum end_op {
	END_NONE, /* newline, ; or the end */
	END_AND_OR,
	END_PIPE,
	END_BACKGROUND,
};

struct word {
	size_t start, end; /* of the text */
	size_t eq;         /* behind NAME=; 0: no assignment */
	bool literal, quoted;
	char *value; /* of an assignment what is behind =, else all; owned */
};

struct command {
	size_t start;
	unsigned line;
	unsigned words; /* those that are no assignments */
	bool redirected, closer, expanded;
	char first[16], second[1024]; /* of the words; "" where longer or expanded */
	struct word assign[ASSIGN_MAX];
	unsigned lines[ASSIGN_MAX];
	unsigned nassign;
};

struct sh {
	struct confdoc *d;
	const char *p, *end;
	unsigned line;
	struct {
		enum open_kind kind;
		unsigned line;
		bool pattern; /* OPEN_CASE: between in or ;; and ) */
	} open[STACK_MAX];
	unsigned depth, nest;
	bool conditional; /* behind && or ||, or in a pipe */
	struct command c;
	char *scratch; /* as long as the text: a word's value */
	size_t used;
	unsigned broken_line;
	const char *broken;
	bool no_memory;
	struct err *e;
};

static bool give_up(struct sh *s, unsigned line, const char *why)
{
	if (s->broken == NULL) {
		s->broken = why;
		s->broken_line = line;
	}
	return false;
}

static void put(struct sh *s, char c)
{
	s->scratch[s->used++] = c;
}

static char at(const struct sh *s, size_t ahead)
{
	return (size_t)(s->end - s->p) > ahead ? s->p[ahead] : '\0';
}

static void step(struct sh *s)
{
	if (*s->p == '\n')
		s->line++;
	s->p++;
}

/* A backslash outside of quotes, or what joins two lines anywhere. */
static bool backslash(struct sh *s)
{
	if (s->p + 1 >= s->end)
		return give_up(s, s->line, "a backslash at the end of the file");
	s->p++;
	if (*s->p == '\n') {
		step(s);
		if (s->p >= s->end)
			return give_up(
			    s, s->line - 1, "a backslash at the end of the file");
		return true;
	}
	put(s, *s->p);
	s->p++;
	return true;
}

static bool single_quotes(struct sh *s)
{
	unsigned line = s->line;

	for (s->p++; s->p < s->end && *s->p != '\''; step(s))
		put(s, *s->p);
	if (s->p >= s->end)
		return give_up(s, line, "a quote without its end");
	s->p++;
	return true;
}

static bool expansion(struct sh *s, bool in_quotes);

static bool backticks(struct sh *s)
{
	unsigned line = s->line;

	for (s->p++; s->p < s->end && *s->p != '`'; step(s))
		if (*s->p == '\\' && s->p + 1 < s->end)
			step(s);
	if (s->p >= s->end)
		return give_up(s, line, "a ` without its end");
	s->p++;
	put(s, '\1');
	return true;
}

static bool double_quotes(struct sh *s)
{
	unsigned line = s->line;

	s->p++;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\' && at(s, 1) != '\0' && strchr("$`\"\\\n", at(s, 1))) {
			if (!backslash(s))
				return false;
		} else if (*s->p == '$') {
			if (!expansion(s, true))
				return false;
		} else if (*s->p == '`') {
			if (!backticks(s))
				return false;
		} else {
			put(s, *s->p);
			step(s);
		}
	}
	if (s->p >= s->end)
		return give_up(s, line, "a quote without its end");
	s->p++;
	return true;
}

/* ${ ... }, p behind the brace. */
static bool skip_brace(struct sh *s, bool in_quotes)
{
	unsigned line = s->line;

	while (s->p < s->end && *s->p != '}') {
		bool ok = true;

		if (*s->p == '\\')
			ok = backslash(s);
		else if (*s->p == '\'' && in_quotes)
			/* Shells differ in what it is there. */
			ok = give_up(s, s->line, "a single quote within \"${ }\"");
		else if (*s->p == '\'')
			ok = single_quotes(s);
		else if (*s->p == '"')
			ok = double_quotes(s);
		else if (*s->p == '`')
			ok = backticks(s);
		else if (*s->p == '$')
			ok = expansion(s, in_quotes);
		else
			step(s);
		if (!ok)
			return false;
	}
	if (s->p >= s->end)
		return give_up(s, line, "a ${ without its end");
	s->p++;
	return true;
}

/* "case" would have unbalanced parentheses, a comment or a here-document anything. */
static bool hard_to_follow(const struct sh *s)
{
	char before = s->p > s->d->text ? s->p[-1] : '\n';

	if (*s->p == '#')
		return isspace((unsigned char)before) || strchr(";&|(", before) != NULL;
	if (*s->p == '<')
		return at(s, 1) == '<';
	return (size_t)(s->end - s->p) >= 5 && memcmp(s->p, "case", 4) == 0 &&
	       isspace((unsigned char)s->p[4]) && !isalnum((unsigned char)before);
}

/* $( ... ) and $(( ... )), p behind the first parenthesis. */
static bool skip_parens(struct sh *s)
{
	unsigned line = s->line, depth = 1;

	while (s->p < s->end && depth > 0) {
		bool ok = true;

		if (hard_to_follow(s))
			return give_up(s, s->line, "a command substitution");
		if (*s->p == '\\') {
			ok = backslash(s);
		} else if (*s->p == '\'') {
			ok = single_quotes(s);
		} else if (*s->p == '"') {
			ok = double_quotes(s);
		} else if (*s->p == '`') {
			ok = backticks(s);
		} else if (*s->p == '$') {
			ok = expansion(s, false);
		} else {
			depth += *s->p == '(';
			depth -= *s->p == ')';
			step(s);
		}
		if (!ok)
			return false;
	}
	if (depth > 0)
		return give_up(s, line, "a $( without its end");
	return true;
}

/* What an expansion holds is skipped, and stands as one \1. */
static bool expansion(struct sh *s, bool in_quotes)
{
	size_t mark = s->used;
	bool ok = true;
	char c = at(s, 1);

	if (++s->nest > NEST_MAX)
		return give_up(s, s->line, "too many levels of expansions");
	if (c == '{') {
		s->p += 2;
		ok = skip_brace(s, in_quotes);
	} else if (c == '(') {
		s->p += 2;
		ok = skip_parens(s);
	} else if (c == '\'' && !in_quotes) {
		return give_up(s, s->line, "$'...'");
	} else if (isalpha((unsigned char)c) || c == '_') {
		for (s->p++; isalnum((unsigned char)at(s, 0)) || at(s, 0) == '_'; s->p++)
			;
	} else if (c != '\0' && (isdigit((unsigned char)c) || strchr("@*#?$!-", c))) {
		s->p += 2;
	} else {
		put(s, '$');
		s->p++;
		s->nest--;
		return true;
	}
	s->nest--;
	s->used = mark;
	put(s, '\1');
	return ok;
}

static bool word_ends(char c)
{
	return strchr(" \t\n;&|<>()", c) != NULL;
}

/* NAME=, unquoted, from the word's start: the place behind it, else 0. */
static size_t assignment(const struct sh *s, size_t start)
{
	const char *p = s->d->text + start;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return 0;
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return *p == '=' ? (size_t)(p + 1 - s->d->text) : 0;
}

static bool word_part(struct sh *s, struct word *w)
{
	char c = *s->p;

	if (c == '\\' || c == '\'' || c == '"') {
		w->quoted |= !(c == '\\' && at(s, 1) == '\n');
		return c == '\\'   ? backslash(s)
		       : c == '\'' ? single_quotes(s)
				   : double_quotes(s);
	}
	if (c == '`')
		return backticks(s);
	if (c == '$')
		return expansion(s, false);
	if (c == '~' && (s->used == 0 || s->scratch[s->used - 1] == ':'))
		c = '\1'; /* somebody's home */
	put(s, c);
	s->p++;
	return true;
}

static bool read_word(struct sh *s, struct word *w)
{
	*w = (struct word){.start = (size_t)(s->p - s->d->text)};
	s->used = 0;
	w->eq = assignment(s, w->start);
	if (w->eq > 0)
		s->p = s->d->text + w->eq;
	while (s->p < s->end && !word_ends(*s->p))
		if (!word_part(s, w))
			return false;
	w->end = (size_t)(s->p - s->d->text);
	w->literal = memchr(s->scratch, '\1', s->used) == NULL;
	w->value = strndup(s->scratch, s->used);
	if (w->value == NULL)
		s->no_memory = true;
	return w->value != NULL;
}

static void command_reset(struct sh *s)
{
	struct command *c = &s->c;

	for (unsigned i = 0; i < c->nassign; i++)
		free(c->assign[i].value);
	c->words = c->nassign = 0;
	c->redirected = c->closer = c->expanded = false;
	c->first[0] = c->second[0] = '\0';
}

static bool add_event(struct sh *s, struct conf_event ev)
{
	if (conf_event_add(s->d, ev, s->e) == 0)
		return true;
	s->no_memory = true;
	return false;
}

/* ${NAME=x} in a value assigns as well. */
static bool hidden_assignment(struct sh *s, const struct word *w, unsigned line)
{
	const char *from = s->d->text + w->eq;
	size_t len = w->end - w->eq;

	if (w->literal || memmem(from, len, "${", 2) == NULL ||
	    memchr(from, '=', len) == NULL)
		return true;
	return add_event(s, (struct conf_event){.kind = CONF_UNKNOWN,
				.line = line,
				.start = w->eq,
				.end = w->end,
				.why = "an expansion that may assign"});
}

static bool emit_assignments(struct sh *s)
{
	struct command *c = &s->c;

	for (unsigned i = 0; i < c->nassign; i++) {
		struct word *w = &c->assign[i];
		struct conf_event ev = {.kind = CONF_ASSIGN,
		    .literal = w->literal,
		    .line = c->lines[i],
		    .start = w->eq,
		    .end = w->end};

		if (!hidden_assignment(s, w, c->lines[i]))
			return false;
		ev.name = strndup(s->d->text + w->start, w->eq - w->start - 1);
		if (ev.name == NULL) {
			s->no_memory = true;
			return false;
		}
		ev.value = w->value;
		w->value = NULL;
		if (!add_event(s, ev))
			return false;
	}
	return true;
}

static bool is_one_of(const char *word, const char *const list[])
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* A command that is no plain assignment. */
static bool emit_command(struct sh *s, bool conditional)
{
	static const char *const leaves[] = {"return", "exit", "exec", "alias", NULL};
	static const char *const assigns[] = {
	    "export", "readonly", "read", "unset", "setvar", "local", "getopts", NULL};
	struct command *c = &s->c;
	struct conf_event ev = {.kind = CONF_UNKNOWN,
	    .line = c->line,
	    .start = c->start,
	    .end = (size_t)(s->p - s->d->text),
	    .why = conditional ? "a condition" : "a command"};

	if (is_one_of(c->first, leaves))
		return give_up(s, c->line, "a command that ends the reading");
	if (strcmp(c->first, ".") == 0 && c->words == 2 && c->nassign == 0) {
		ev.kind = CONF_INCLUDE;
		ev.sure = !conditional;
		ev.why = "another file that it reads";
		ev.value = c->second[0] != '\0' ? strdup(c->second) : NULL;
		if (c->second[0] != '\0' && ev.value == NULL) {
			s->no_memory = true;
			return false;
		}
	} else if (strcmp(c->first, "eval") == 0 || strcmp(c->first, ".") == 0 ||
		   (c->words > 0 && c->first[0] == '\0') ||
		   (c->expanded && is_one_of(c->first, assigns))) {
		ev.kind = CONF_OPAQUE;
		ev.why = "a command that may assign anything";
	}
	return add_event(s, ev);
}

static bool finish(struct sh *s, enum end_op op)
{
	struct command *c = &s->c;
	bool conditional =
	    s->conditional || s->depth > 0 || op == END_PIPE || op == END_BACKGROUND;
	bool empty = c->words == 0 && c->nassign == 0 && !c->redirected;
	bool ok = true;

	if (empty && !c->closer && op == END_NONE)
		return true;
	if (c->closer && !empty)
		ok = emit_command(s, true);
	else if (!empty && c->words == 0 && !c->redirected && !conditional)
		ok = emit_assignments(s);
	else if (!empty)
		ok = emit_command(s, conditional);
	s->conditional = op == END_AND_OR || op == END_PIPE;
	command_reset(s);
	return ok;
}

static bool push(struct sh *s, enum open_kind kind)
{
	if (s->depth == STACK_MAX)
		return give_up(s, s->line, "too many levels of commands");
	s->open[s->depth].kind = kind;
	s->open[s->depth].line = s->line;
	s->open[s->depth].pattern = false;
	s->depth++;
	return true;
}

static bool top_is(const struct sh *s, enum open_kind kind)
{
	return s->depth > 0 && s->open[s->depth - 1].kind == kind;
}

static bool pop(struct sh *s, enum open_kind kind)
{
	if (!top_is(s, kind))
		return give_up(s, s->line, "an end without its beginning");
	s->depth--;
	s->c.closer = true;
	return true;
}

static bool in_pattern(const struct sh *s)
{
	return top_is(s, OPEN_CASE) && s->open[s->depth - 1].pattern;
}

static bool skip_blanks(struct sh *s)
{
	while (s->p < s->end) {
		if (*s->p == ' ' || *s->p == '\t') {
			s->p++;
		} else if (*s->p == '\\' && at(s, 1) == '\n') {
			if (!backslash(s))
				return false;
		} else {
			break;
		}
	}
	return true;
}

/* for NAME in ..., case WORD in: what stands behind the word. */
static bool read_head(struct sh *s, bool is_case)
{
	struct conf_event ev = {.kind = CONF_UNKNOWN,
	    .line = s->line,
	    .start = (size_t)(s->p - s->d->text),
	    .why = "a loop"};
	struct word w;

	for (unsigned n = 0; is_case ? n < 2 : true; n++) {
		bool is_in;

		if (!skip_blanks(s))
			return false;
		if (is_case && at(s, 0) == '\n' && n == 1) {
			step(s);
			n--;
			continue;
		}
		if (s->p >= s->end || word_ends(*s->p))
			break;
		if (!read_word(s, &w))
			return false;
		is_in = !w.quoted && strcmp(w.value, "in") == 0;
		free(w.value);
		if (is_case && n == 1) {
			s->open[s->depth - 1].pattern = is_in;
			return is_in || give_up(s, s->line, "a case without in");
		}
	}
	if (is_case)
		return give_up(s, s->line, "a case without in");
	ev.end = (size_t)(s->p - s->d->text);
	return add_event(s, ev);
}

/* A word at the place of a command that may be a reserved one: 1 it was, 0 it was not,
 * -1 the reading ends. */
static int reserved(struct sh *s, const struct word *w)
{
	static const char *const same_place[] = {"then", "else", "elif", "!", NULL};
	const char *t = w->value;

	if (w->quoted || w->eq > 0)
		return 0;
	if (is_one_of(t, same_place))
		return 1;
	if (strcmp(t, "if") == 0)
		return push(s, OPEN_IF) ? 1 : -1;
	if (strcmp(t, "while") == 0 || strcmp(t, "until") == 0)
		return push(s, OPEN_LOOP_HEAD) ? 1 : -1;
	if (strcmp(t, "for") == 0)
		return push(s, OPEN_LOOP_HEAD) && read_head(s, false) ? 1 : -1;
	if (strcmp(t, "case") == 0)
		return push(s, OPEN_CASE) && read_head(s, true) ? 1 : -1;
	if (strcmp(t, "{") == 0)
		return push(s, OPEN_BRACE) ? 1 : -1;
	if (strcmp(t, "do") == 0) {
		if (!top_is(s, OPEN_LOOP_HEAD))
			return give_up(s, s->line, "a do without its loop") ? 1 : -1;
		s->open[s->depth - 1].kind = OPEN_LOOP;
		return 1;
	}
	if (strcmp(t, "fi") == 0)
		return pop(s, OPEN_IF) ? 1 : -1;
	if (strcmp(t, "done") == 0)
		return pop(s, OPEN_LOOP) ? 1 : -1;
	if (strcmp(t, "esac") == 0)
		return pop(s, OPEN_CASE) ? 1 : -1;
	if (strcmp(t, "}") == 0)
		return pop(s, OPEN_BRACE) ? 1 : -1;
	return 0;
}

/* Takes the word. */
static bool add_word(struct sh *s, struct word *w, unsigned line)
{
	struct command *c = &s->c;
	bool first = c->words == 0 && c->nassign == 0 && !c->redirected;

	if (first) {
		c->start = w->start;
		c->line = line;
	}
	c->expanded |= !w->literal;
	if (w->eq > 0 && c->words == 0) {
		if (c->nassign == ASSIGN_MAX) {
			free(w->value);
			return give_up(s, line, "too many assignments in one command");
		}
		c->lines[c->nassign] = line;
		c->assign[c->nassign++] = *w;
		return true;
	}
	if (w->literal && c->words == 0 && strlen(w->value) < sizeof(c->first))
		memcpy(c->first, w->value, strlen(w->value) + 1);
	else if (w->literal && c->words == 0)
		snprintf(c->first, sizeof(c->first), "-");
	if (w->literal && c->words == 1 && strlen(w->value) < sizeof(c->second))
		memcpy(c->second, w->value, strlen(w->value) + 1);
	c->words++;
	free(w->value);
	return true;
}

static bool take_word(struct sh *s)
{
	bool first = s->c.words == 0 && s->c.nassign == 0 && !s->c.redirected;
	unsigned line = s->line;
	struct word w;
	int is;

	if (!read_word(s, &w))
		return false;
	if (in_pattern(s)) {
		bool end = !w.quoted && strcmp(w.value, "esac") == 0;

		free(w.value);
		return !end || pop(s, OPEN_CASE);
	}
	is = first && !s->c.closer ? reserved(s, &w) : 0;
	if (is != 0) {
		free(w.value);
		return is > 0;
	}
	/* `done }`, `fi fi` would need a separator: not followed. */
	if (s->c.closer && reserved(s, &w) != 0) {
		free(w.value);
		return give_up(s, line, "two ends in one command");
	}
	return add_word(s, &w, line);
}

static bool redirection(struct sh *s)
{
	struct word w;

	if (at(s, 0) == '<' && at(s, 1) == '<')
		return give_up(s, s->line, "a here-document");
	if (!s->c.redirected && s->c.words == 0 && s->c.nassign == 0) {
		s->c.start = (size_t)(s->p - s->d->text);
		s->c.line = s->line;
	}
	s->c.redirected = true;
	s->p++;
	if (at(s, 0) != '\0' && strchr("<>&|", at(s, 0)) != NULL)
		s->p++;
	if (!skip_blanks(s))
		return false;
	if (s->p >= s->end || word_ends(*s->p))
		return give_up(s, s->line, "a redirection without its file");
	if (!read_word(s, &w))
		return false;
	free(w.value);
	return true;
}

static bool parenthesis(struct sh *s)
{
	bool open = *s->p == '(';

	s->p++;
	if (in_pattern(s)) {
		if (!open)
			s->open[s->depth - 1].pattern = false;
		return true;
	}
	if (!open) {
		if (!top_is(s, OPEN_SUBSHELL))
			return give_up(s, s->line, "a ) without its beginning");
		return finish(s, END_NONE) && pop(s, OPEN_SUBSHELL);
	}
	if (s->c.words > 0 || s->c.nassign > 0)
		return give_up(s, s->line, "a function");
	return push(s, OPEN_SUBSHELL);
}

static bool operator(struct sh *s)
{
	char c = *s->p, next = at(s, 1);
	enum end_op op = END_NONE;

	if (in_pattern(s) && c == '|') {
		s->p++;
		return true;
	}
	if (c == ';' && (next == ';' || next == '&')) {
		if (!finish(s, END_NONE))
			return false;
		if (!top_is(s, OPEN_CASE))
			return give_up(s, s->line, "a ;; without its case");
		s->open[s->depth - 1].pattern = true;
		s->p += 2;
		return true;
	}
	if (c == '&' || c == '|')
		op = next == c ? END_AND_OR : c == '&' ? END_BACKGROUND : END_PIPE;
	if (!finish(s, op))
		return false;
	s->p += next == c && c != ';' ? 2 : 1;
	return true;
}

/* One token. */
static bool take(struct sh *s)
{
	switch (*s->p) {
	case '#':
		while (s->p < s->end && *s->p != '\n')
			s->p++;
		return true;
	case '\n':
		if (!in_pattern(s) && !finish(s, END_NONE))
			return false;
		step(s);
		return true;
	case ';':
	case '&':
	case '|':
		return operator(s);
	case '(':
	case ')':
		return parenthesis(s);
	case '<':
	case '>':
		return redirection(s);
	default:
		return take_word(s);
	}
}

static size_t line_start(const struct confdoc *d, unsigned line)
{
	const char *p = d->text;

	while (--line > 0 && (p = strchr(p, '\n')) != NULL)
		p++;
	return p != NULL ? (size_t)(p - d->text) : d->len;
}

int conf_parse_sh(struct confdoc *d, struct err *e)
{
	AUTO_FREE struct sh *s = calloc(1, sizeof(*s));
	AUTO_FREE char *scratch = malloc(d->len + 1);

	if (s == NULL || scratch == NULL)
		return err_sys(e, ENOMEM, "%s", d->name);
	s->d = d;
	s->p = d->text;
	s->end = d->text + d->len;
	s->line = 1;
	s->scratch = scratch;
	s->e = e;
	while (skip_blanks(s) && s->p < s->end && take(s))
		;
	if (s->broken == NULL && !s->no_memory)
		finish(s, END_NONE);
	command_reset(s);
	if (s->broken == NULL && s->depth > 0)
		give_up(s, s->open[s->depth - 1].line, "a command without its end");
	if (s->broken == NULL && s->conditional)
		give_up(s, s->line, "an operator without its command");
	if (s->broken != NULL) {
		d->tail = s->broken;
		d->tail_line = s->broken_line;
		add_event(s, (struct conf_event){.kind = CONF_OPAQUE,
				 .line = s->broken_line,
				 .start = line_start(d, s->broken_line),
				 .end = d->len,
				 .why = s->broken});
	}
	return s->no_memory ? err_sys(e, ENOMEM, "%s", d->name) : 0;
}
