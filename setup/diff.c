#include "diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define CONTEXT 3
#define EDITS_MAX 1000 /* of Myers' D: bounds memory (its square) and time */

int diff_split(struct diff_lines *l, const char *text, size_t len, struct err *e)
{
	size_t n = 0;

	for (const char *p = text; p < text + len; n++) {
		const char *nl = memchr(p, '\n', (size_t)(text + len - p));

		p = nl != NULL ? nl + 1 : text + len;
	}
	l->n = 0;
	l->line = calloc(n + 1, sizeof(*l->line));
	if (l->line == NULL)
		return err_sys(e, ENOMEM, "diff");
	for (const char *p = text; l->n < n; l->n++) {
		const char *nl = memchr(p, '\n', (size_t)(text + len - p));
		const char *end = nl != NULL ? nl + 1 : text + len;

		l->line[l->n] = (struct diff_line){p, (size_t)(end - p)};
		p = end;
	}
	return 0;
}

void diff_lines_free(struct diff_lines *l)
{
	free(l->line);
	l->line = NULL;
	l->n = 0;
}

void diff_changes_free(struct diff_changes *c)
{
	free(c->change);
	c->change = NULL;
	c->n = 0;
}

static bool same(const struct diff_line *x, const struct diff_line *y)
{
	return x->len == y->len && memcmp(x->text, y->text, x->len) == 0;
}

static int add_change(struct diff_changes *c, struct diff_change d, struct err *e)
{
	struct diff_change *grown;

	grown = realloc(c->change, (c->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(e, ENOMEM, "diff");
	c->change = grown;
	grown[c->n++] = d;
	return 0;
}

/* The middle parts of both texts, and which of their lines have a partner. */
struct search {
	const struct diff_line *a, *b;
	int32_t n, m;
	bool *kept_a, *kept_b;
	/* trace[d]: the furthest x on the diagonals -d-1 to d+1 before round d. */
	int32_t *trace[EDITS_MAX + 1];
};

/* From which diagonal round d comes to diagonal k; v is its trace. */
static int32_t came_from(const int32_t *v, int32_t d, int32_t k)
{
	if (k == -d || (k != d && v[k - 1] < v[k + 1]))
		return k + 1;
	return k - 1;
}

static void walk_back(struct search *s, int32_t d)
{
	int32_t x = s->n, y = s->m;

	for (; d >= 0; d--) {
		int32_t from_x = 0, from_y = 0;

		if (d > 0) {
			const int32_t *v = s->trace[d] + d + 1;
			int32_t k = came_from(v, d, x - y);

			from_x = v[k];
			from_y = from_x - k;
		}
		while (x > from_x && y > from_y) {
			x--;
			y--;
			s->kept_a[x] = s->kept_b[y] = true;
		}
		x = from_x;
		y = from_y;
	}
}

/* Myers' greedy search: v is indexed by diagonals. The number of edits; -1 where they
 * are too many, -2 without memory. */
static int32_t search_run(struct search *s, int32_t *v)
{
	v[1] = 0;
	for (int32_t d = 0; d <= EDITS_MAX; d++) {
		size_t size = (2 * (size_t)d + 3) * sizeof(int32_t);

		s->trace[d] = malloc(size);
		if (s->trace[d] == NULL)
			return -2;
		memcpy(s->trace[d], v - d - 1, size);
		for (int32_t k = -d; k <= d; k += 2) {
			int32_t from = came_from(v, d, k);
			int32_t x = from == k + 1 ? v[from] : v[from] + 1;
			int32_t y = x - k;

			while (x < s->n && y < s->m && same(&s->a[x], &s->b[y])) {
				x++;
				y++;
			}
			v[k] = x;
			if (x >= s->n && y >= s->m)
				return d;
		}
	}
	return -1;
}

static int search_middle(struct search *s, struct err *e)
{
	AUTO_FREE int32_t *room = calloc(2 * EDITS_MAX + 5, sizeof(*room));
	int32_t edits;

	if (room == NULL)
		return err_sys(e, ENOMEM, "diff");
	edits = search_run(s, room + EDITS_MAX + 2);
	if (edits >= 0)
		walk_back(s, edits);
	for (size_t d = 0; d < ARRAY_LEN(s->trace); d++)
		free(s->trace[d]);
	return edits == -2 ? err_sys(e, ENOMEM, "diff") : 0;
}

/* The runs of lines without a partner; a0 and b0 are where the middle begins. */
static int collect(
    struct diff_changes *c, const struct search *s, size_t first, struct err *e)
{
	int32_t x = 0, y = 0;

	while (x < s->n || y < s->m) {
		struct diff_change d = {first + (size_t)x, 0, first + (size_t)y, 0};

		while (x < s->n && !s->kept_a[x])
			x++;
		while (y < s->m && !s->kept_b[y])
			y++;
		d.a1 = first + (size_t)x;
		d.b1 = first + (size_t)y;
		if ((d.a1 > d.a0 || d.b1 > d.b0) && add_change(c, d, e) < 0)
			return -1;
		while (x < s->n && y < s->m && s->kept_a[x] && s->kept_b[y]) {
			x++;
			y++;
		}
	}
	return 0;
}

int diff_compare(struct diff_changes *c, const struct diff_lines *a,
    const struct diff_lines *b, struct err *e)
{
	AUTO_FREE struct search *s = calloc(1, sizeof(*s));
	AUTO_FREE bool *kept = calloc(a->n + b->n + 1, sizeof(*kept));
	size_t head = 0, tail = 0;

	*c = (struct diff_changes){NULL, 0};
	if (s == NULL || kept == NULL)
		return err_sys(e, ENOMEM, "diff");
	if (a->n > INT32_MAX / 4 || b->n > INT32_MAX / 4)
		return err_set(e, ERR_FAILED, "diff: too many lines");
	while (head < a->n && head < b->n && same(&a->line[head], &b->line[head]))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
	       same(&a->line[a->n - 1 - tail], &b->line[b->n - 1 - tail]))
		tail++;
	s->a = a->line + head;
	s->b = b->line + head;
	s->n = (int32_t)(a->n - head - tail);
	s->m = (int32_t)(b->n - head - tail);
	s->kept_a = kept;
	s->kept_b = kept + a->n;
	if (s->n == 0 && s->m == 0)
		return 0;
	if (search_middle(s, e) < 0 || collect(c, s, head, e) < 0) {
		diff_changes_free(c);
		return -1;
	}
	return 0;
}

struct unified {
	const struct diff_lines *a, *b;
	const char *old_name, *new_name;
	diff_emit *emit;
	void *arg;
	bool begun;
};

static void emit_line(struct unified *u, char kind, const struct diff_line *l)
{
	static const char no_newline[] = "\\ No newline at end of file";
	bool whole = l->len > 0 && l->text[l->len - 1] == '\n';

	u->emit(u->arg, kind, l->text, whole ? l->len - 1 : l->len);
	if (!whole)
		u->emit(u->arg, '\\', no_newline + 1, sizeof(no_newline) - 2);
}

static void emit_head(struct unified *u, char kind, const char *name)
{
	char head[4200];
	int n = snprintf(head, sizeof(head), "%c%c%c %s", kind, kind, kind,
	    name != NULL ? name : "/dev/null");

	u->emit(u->arg, 'h', head, n < (int)sizeof(head) ? (size_t)n : sizeof(head) - 1);
}

/* "-3" for one line, "-3,4" for more; a range of none names the line before it. */
static void range_text(char out[48], size_t from, size_t to)
{
	if (to - from == 1)
		snprintf(out, 48, "%zu", from + 1);
	else
		snprintf(out, 48, "%zu,%zu", to > from ? from + 1 : from, to - from);
}

/* Changes first to last (exclusive) with their context. */
static void emit_hunk(
    struct unified *u, const struct diff_change *first, const struct diff_change *last)
{
	const struct diff_change *end = last - 1;
	size_t lead = first->a0 < CONTEXT ? first->a0 : CONTEXT;
	size_t left = u->a->n - end->a1, trail = left < CONTEXT ? left : CONTEXT;
	size_t at = first->a0 - lead;
	char a[48], b[48], head[128];
	int n;

	if (!u->begun) {
		u->begun = true;
		emit_head(u, '-', u->old_name);
		emit_head(u, '+', u->new_name);
	}
	range_text(a, at, end->a1 + trail);
	range_text(b, first->b0 - lead, end->b1 + trail);
	n = snprintf(head, sizeof(head), "@@ -%s +%s @@", a, b);
	u->emit(u->arg, '@', head, (size_t)n);
	for (const struct diff_change *d = first; d < last; d++) {
		while (at < d->a0)
			emit_line(u, ' ', &u->a->line[at++]);
		while (at < d->a1)
			emit_line(u, '-', &u->a->line[at++]);
		for (size_t i = d->b0; i < d->b1; i++)
			emit_line(u, '+', &u->b->line[i]);
	}
	while (at < end->a1 + trail)
		emit_line(u, ' ', &u->a->line[at++]);
}

int diff_unified(const char *old_name, const char *old, size_t old_len,
    const char *new_name, const char *new, size_t new_len, diff_emit *emit, void *arg,
    struct err *e)
{
	struct diff_lines a = {NULL, 0}, b = {NULL, 0};
	struct diff_changes c = {NULL, 0};
	struct unified u = {&a, &b, old_name, new_name, emit, arg, false};
	int ret = -1;

	if (diff_split(&a, old, old_len, e) < 0 || diff_split(&b, new, new_len, e) < 0 ||
	    diff_compare(&c, &a, &b, e) < 0)
		goto out;
	for (size_t i = 0, from = 0; i < c.n; i++) {
		if (i + 1 < c.n && c.change[i + 1].a0 - c.change[i].a1 <= 2 * CONTEXT)
			continue;
		emit_hunk(&u, &c.change[from], &c.change[i + 1]);
		from = i + 1;
	}
	ret = 0;
out:
	diff_changes_free(&c);
	diff_lines_free(&b);
	diff_lines_free(&a);
	return ret;
}

static void emit_text(void *arg, char kind, const char *text, size_t len)
{
	FILE *f = arg;

	if (kind != 'h' && kind != '@')
		fputc(kind, f);
	fwrite(text, 1, len, f);
	fputc('\n', f);
}

int diff_unified_text(const char *old_name, const char *old, size_t old_len,
    const char *new_name, const char *new, size_t new_len, char **out, struct err *e)
{
	size_t len;
	FILE *f = open_memstream(out, &len);
	int ret;

	if (f == NULL)
		return err_sys(e, errno, "diff");
	ret =
	    diff_unified(old_name, old, old_len, new_name, new, new_len, emit_text, f, e);
	if (fclose(f) != 0 && ret == 0)
		ret = err_sys(e, ENOMEM, "diff");
	if (ret < 0) {
		free(*out);
		*out = NULL;
	}
	return ret;
}

struct merge {
	struct diff_lines base, one, two;
	struct diff_changes c1, c2;
	FILE *f;
	bool torn; /* what was put last had no newline */
};

static void put_lines(struct merge *m, const struct diff_lines *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct diff_line *d = &l->line[i];

		/* Lines that follow one another only here must not become one. */
		if (m->torn)
			fputc('\n', m->f);
		fwrite(d->text, 1, d->len, m->f);
		m->torn = d->text[d->len - 1] != '\n';
	}
}

static bool same_lines(const struct diff_lines *x, size_t x0, size_t x1,
    const struct diff_lines *y, size_t y0, size_t y1)
{
	if (x1 - x0 != y1 - y0)
		return false;
	for (; x0 < x1; x0++, y0++)
		if (!same(&x->line[x0], &y->line[y0]))
			return false;
	return true;
}

/* Takes the changes of c from *i on that overlap the base lines *from to *to, which
 * grow with them. Neighbours do not overlap, but two insertions at one place do. */
static bool grow(const struct diff_changes *c, size_t *i, size_t *from, size_t *to)
{
	size_t begin = *i;

	for (; *i < c->n; (*i)++) {
		const struct diff_change *d = &c->change[*i];
		bool both_insert = *from == *to && d->a0 == *from && d->a1 == *to;

		if (d->a0 >= *to && !both_insert)
			break;
		if (d->a0 < *from)
			*from = d->a0;
		if (d->a1 > *to)
			*to = d->a1;
	}
	return *i > begin;
}

/* Where base lines from..to stand in the other text, given its changes i0 to i1
 * among them. */
static void map_range(const struct diff_changes *c, size_t i0, size_t i1, size_t from,
    size_t to, size_t *out_from, size_t *out_to)
{
	ptrdiff_t before = 0, inside;

	if (i0 > 0)
		before =
		    (ptrdiff_t)c->change[i0 - 1].b1 - (ptrdiff_t)c->change[i0 - 1].a1;
	inside = before;
	if (i1 > i0)
		inside =
		    (ptrdiff_t)c->change[i1 - 1].b1 - (ptrdiff_t)c->change[i1 - 1].a1;
	*out_from = (size_t)((ptrdiff_t)from + before);
	*out_to = (size_t)((ptrdiff_t)to + inside);
}

/* The first change of both scripts that is left, taken; an insertion comes before what
 * begins at its place. */
static const struct diff_change *next_change(struct merge *m, size_t *i, size_t *j)
{
	const struct diff_change *a = &m->c1.change[*i], *b = &m->c2.change[*j];

	if (*j == m->c2.n ||
	    (*i < m->c1.n && (a->a0 < b->a0 || (a->a0 == b->a0 && a->a1 <= b->a1)))) {
		(*i)++;
		return a;
	}
	(*j)++;
	return b;
}

/* 0, or 1 at a conflict. */
static int merge_run(struct merge *m)
{
	size_t i = 0, j = 0, at = 0;

	while (i < m->c1.n || j < m->c2.n) {
		size_t i0 = i, j0 = j, from, to, x0, x1, y0, y1;
		const struct diff_change *d = next_change(m, &i, &j);

		from = d->a0;
		to = d->a1;
		while (grow(&m->c1, &i, &from, &to) || grow(&m->c2, &j, &from, &to))
			;
		put_lines(m, &m->base, at, from);
		map_range(&m->c1, i0, i, from, to, &x0, &x1);
		map_range(&m->c2, j0, j, from, to, &y0, &y1);
		if (i == i0)
			put_lines(m, &m->two, y0, y1);
		else if (j == j0 || same_lines(&m->one, x0, x1, &m->two, y0, y1))
			put_lines(m, &m->one, x0, x1);
		else
			return 1;
		at = to;
	}
	put_lines(m, &m->base, at, m->base.n);
	return 0;
}

int diff_merge(const char *base, size_t base_len, const char *one, size_t one_len,
    const char *two, size_t two_len, char **out, size_t *out_len, struct err *e)
{
	struct merge m = {.f = open_memstream(out, out_len)};
	int ret = -1;

	if (m.f == NULL)
		return err_sys(e, errno, "merge");
	if (diff_split(&m.base, base, base_len, e) == 0 &&
	    diff_split(&m.one, one, one_len, e) == 0 &&
	    diff_split(&m.two, two, two_len, e) == 0 &&
	    diff_compare(&m.c1, &m.base, &m.one, e) == 0 &&
	    diff_compare(&m.c2, &m.base, &m.two, e) == 0)
		ret = merge_run(&m);
	if (fclose(m.f) != 0 && ret == 0)
		ret = err_sys(e, ENOMEM, "merge");
	if (ret != 0) {
		free(*out);
		*out = NULL;
	}
	diff_changes_free(&m.c1);
	diff_changes_free(&m.c2);
	diff_lines_free(&m.base);
	diff_lines_free(&m.one);
	diff_lines_free(&m.two);
	return ret;
}
