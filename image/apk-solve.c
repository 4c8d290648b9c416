/*
 * A depth-first search with undo. What has to be met stands in a queue; a choice puts the
 * dependencies of the chosen package behind it. Where nothing fits, the last choice is
 * undone and its next candidate tried. Loops of dependencies do no harm: what is chosen
 * meets its dependants already.
 */
#include "apk-solve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 500000

struct want {
	const struct apk_dep *dep;
	size_t by;     /* the package that wants it */
	bool deferred; /* perhaps something else brings a provider */
};

struct wants {
	struct want *v;
	size_t n, cap;
};

struct solver {
	const struct apk_index *x;
	bool *chosen, *refused; /* refused: packages with install_if that do not fit */
	size_t *order, count;
	struct wants queue, conflicts;
	size_t *hooks, hook_count; /* packages with install_if */
	size_t steps, deepest;
	struct err why; /* of the failure that got farthest */
	bool hard;      /* no use to go on */
};

static const char *show(const struct solver *s, size_t package, char out[128])
{
	const struct apk_package *p;

	if (package == APK_NO_PACKAGE)
		return "the image";
	p = &s->x->packages[package];
	snprintf(out, 128, "%.80s-%.40s", p->name, p->version);
	return out;
}

/* Keeps the reason of the attempt that got farthest. */
static bool note(struct solver *s)
{
	if (s->why.code != ERR_NONE && s->count <= s->deepest)
		return false;
	s->deepest = s->count;
	return true;
}

static int hard(struct solver *s, enum err_code code, const char *text)
{
	s->hard = true;
	return err_set(&s->why, code, "packages: %s", text);
}

static int push(struct solver *s, struct wants *w, struct want want)
{
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 256 : w->cap * 2;
		struct want *grown = reallocarray(w->v, cap, sizeof(*grown));

		if (grown == NULL)
			return hard(s, ERR_FAILED, "out of memory");
		w->v = grown;
		w->cap = cap;
	}
	if (w->n >= QUEUE_MAX)
		return hard(s, ERR_FAILED, "too many dependencies");
	w->v[w->n++] = want;
	return 0;
}

static bool matches(const struct apk_provider *p, const struct apk_dep *d)
{
	return apk_version_match(p->version, d->op, d->version);
}

/* The chosen package that matches (for a conflict: that is excluded), but for `except`.
 */
static size_t chosen_match(const struct solver *s, const struct apk_dep *d, size_t except)
{
	const struct apk_provider *p;
	size_t n;

	p = apk_index_providers(s->x, d->name, &n);
	for (size_t i = 0; i < n; i++)
		if (s->chosen[p[i].package] && p[i].package != except &&
		    matches(&p[i], d))
			return p[i].package;
	return APK_NO_PACKAGE;
}

static int clash(struct solver *s, size_t a, size_t b, const char *name)
{
	char x[128], y[128];

	if (note(s))
		err_set(&s->why, ERR_PRECONDITION,
		    "packages: %s and %s exclude each other (%s)", show(s, a, x),
		    show(s, b, y), name);
	return -1;
}

/* Whether another owns the name already. */
static int check_name(struct solver *s, size_t package, const char *name)
{
	const struct apk_provider *p;
	size_t n;

	p = apk_index_providers(s->x, name, &n);
	for (size_t i = 0; i < n; i++)
		if (s->chosen[p[i].package] && p[i].package != package &&
		    p[i].version != NULL)
			return clash(s, package, p[i].package, name);
	return 0;
}

static bool has_name(const struct apk_index *x, size_t package, const struct apk_dep *d)
{
	const struct apk_provider *p;
	size_t n;

	p = apk_index_providers(x, d->name, &n);
	for (size_t i = 0; i < n; i++)
		if (p[i].package == package && matches(&p[i], d))
			return true;
	return false;
}

/* Whether a package goes with those that are chosen. */
static int check_fit(struct solver *s, size_t package)
{
	const struct apk_package *p = &s->x->packages[package];

	if (check_name(s, package, p->name) < 0)
		return -1;
	for (size_t i = 0; i < p->provides.n; i++) {
		const struct apk_dep *d = &s->x->deps[p->provides.at + i];

		if (d->version != NULL && check_name(s, package, d->name) < 0)
			return -1;
	}
	for (size_t i = 0; i < p->depends.n; i++) {
		const struct apk_dep *d = &s->x->deps[p->depends.at + i];
		size_t other = d->conflict ? chosen_match(s, d, package) : APK_NO_PACKAGE;

		if (other != APK_NO_PACKAGE)
			return clash(s, package, other, d->name);
	}
	for (size_t i = 0; i < s->conflicts.n; i++) {
		const struct want *w = &s->conflicts.v[i];

		if (w->by != package && has_name(s->x, package, w->dep))
			return clash(s, w->by, package, w->dep->name);
	}
	return 0;
}

static int choose(struct solver *s, size_t package)
{
	const struct apk_package *p = &s->x->packages[package];

	if (++s->steps > APK_STEPS_MAX)
		return hard(s, ERR_FAILED, "too many ways to combine them");
	if (check_fit(s, package) < 0)
		return -1;
	if (s->count >= APK_CHOSEN_MAX)
		return hard(s, ERR_FAILED, "too many of them");
	for (size_t i = 0; i < p->depends.n; i++) {
		const struct apk_dep *d = &s->x->deps[p->depends.at + i];

		if (push(s, d->conflict ? &s->conflicts : &s->queue,
			(struct want){.dep = d, .by = package}) < 0)
			return -1;
	}
	s->chosen[package] = true;
	s->order[s->count++] = package;
	return 0;
}

struct mark {
	size_t count, queue, conflicts;
};

static void undo(struct solver *s, const struct mark *m)
{
	while (s->count > m->count)
		s->chosen[s->order[--s->count]] = false;
	s->queue.n = m->queue;
	s->conflicts.n = m->conflicts;
}

static struct mark mark(const struct solver *s)
{
	return (struct mark){s->count, s->queue.n, s->conflicts.n};
}

/* Whether a is to be tried before b. */
static bool better(
    const struct apk_index *x, const struct apk_provider *a, const struct apk_provider *b)
{
	const struct apk_package *p = &x->packages[a->package];
	const struct apk_package *q = &x->packages[b->package];
	int r = 0;

	if (a->version != NULL && b->version != NULL)
		r = apk_version_compare(a->version, b->version);
	if (r == 0 && strcmp(p->name, q->name) == 0)
		r = apk_version_compare(p->version, q->version);
	if (r == 0)
		r = (p->priority > q->priority) - (p->priority < q->priority);
	if (r == 0)
		r = (p->repo < q->repo) - (p->repo > q->repo);
	return r > 0;
}

/* Whether it is one that comes without being named itself. */
static bool by_itself(const struct apk_index *x, const struct apk_provider *p)
{
	return p->version != NULL || x->packages[p->package].priority > 0;
}

/* Those that may be chosen for d, the best first. *list is the caller's to free. */
static int candidates(
    struct solver *s, const struct apk_dep *d, size_t **list, size_t *count)
{
	const struct apk_provider *p, **v;
	size_t n, k = 0;

	p = apk_index_providers(s->x, d->name, &n);
	v = calloc(n + 1, sizeof(const struct apk_provider *));
	*list = calloc(n + 1, sizeof(**list));
	if (v == NULL || *list == NULL) {
		free(v);
		free(*list);
		*list = NULL;
		return hard(s, ERR_FAILED, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = k;

		if (!matches(&p[i], d) || !by_itself(s->x, &p[i]))
			continue;
		for (; at > 0 && better(s->x, &p[i], v[at - 1]); at--)
			v[at] = v[at - 1];
		v[at] = &p[i];
		k++;
	}
	for (size_t i = 0; i < k; i++)
		(*list)[i] = v[i]->package;
	*count = k;
	free(v);
	return 0;
}

/* Nothing can be chosen for w. */
static int missing(struct solver *s, const struct want *w)
{
	const struct apk_provider *p;
	char by[128], dep[300], one[128];
	size_t n;

	if (!note(s))
		return -1;
	apk_dep_show(w->dep, dep, sizeof(dep));
	p = apk_index_providers(s->x, w->dep->name, &n);
	if (n == 0)
		return err_set(&s->why, ERR_PRECONDITION,
		    "packages: %s needs %s, which no package is or provides",
		    show(s, w->by, by), dep);
	for (size_t i = 0; i < n; i++)
		if (matches(&p[i], w->dep))
			return err_set(&s->why, ERR_PRECONDITION,
			    "packages: %s needs %s, which is not chosen by itself (%s "
			    "provides it)",
			    show(s, w->by, by), dep, show(s, p[i].package, one));
	return err_set(&s->why, ERR_PRECONDITION, "packages: %s needs %s, there is %s",
	    show(s, w->by, by), dep, show(s, p[0].package, one));
}

static int run(struct solver *s, size_t at);

static int try_all(struct solver *s, const struct want *w, size_t at)
{
	const struct mark m = mark(s);
	size_t *list = NULL, n = 0;
	int r = candidates(s, w->dep, &list, &n);

	if (r == 0 && n == 0)
		r = missing(s, w);
	else if (r == 0)
		r = -1;
	for (size_t i = 0; i < n && r < 0 && !s->hard; i++) {
		r = choose(s, list[i]);
		if (r == 0)
			r = run(s, at + 1);
		if (r < 0)
			undo(s, &m);
	}
	free(list);
	return r;
}

/* Whether some provider is there, but none that is chosen by itself. */
static bool only_named(const struct solver *s, const struct apk_dep *d)
{
	const struct apk_provider *p;
	bool any = false;
	size_t n;

	p = apk_index_providers(s->x, d->name, &n);
	for (size_t i = 0; i < n; i++) {
		if (!matches(&p[i], d))
			continue;
		if (by_itself(s->x, &p[i]))
			return false;
		any = true;
	}
	return any;
}

/* Whether to leave w to the end: something before may bring it. 1: done. */
static int defer(struct solver *s, const struct want *w, size_t at)
{
	bool more = !w->deferred;

	if (!only_named(s, w->dep))
		return 0;
	for (size_t i = at + 1; i < s->queue.n && !more; i++)
		more = !s->queue.v[i].deferred;
	if (!more)
		return 0;
	return push(s, &s->queue, (struct want){w->dep, w->by, true}) < 0 ? -1 : 1;
}

static bool met(const struct solver *s, const struct apk_dep *d)
{
	return (chosen_match(s, d, APK_NO_PACKAGE) != APK_NO_PACKAGE) != d->conflict;
}

static bool hook_met(const struct solver *s, size_t package)
{
	const struct apk_range *r = &s->x->packages[package].install_if;

	for (size_t i = 0; i < r->n; i++)
		if (!met(s, &s->x->deps[r->at + i]))
			return false;
	return true;
}

/* All wishes are met; what now comes along. */
static int run_hooks(struct solver *s, size_t at)
{
	for (size_t i = 0; i < s->hook_count; i++) {
		const struct mark m = mark(s);
		struct err why = s->why;
		size_t p = s->hooks[i];

		if (s->chosen[p] || s->refused[p] || !hook_met(s, p))
			continue;
		if (choose(s, p) == 0 && run(s, at) == 0)
			return 0;
		if (s->hard)
			return -1;
		undo(s, &m);
		s->refused[p] = true;
		s->why = why;
	}
	return 0;
}

static int run(struct solver *s, size_t at)
{
	for (; at < s->queue.n; at++) {
		const struct want w = s->queue.v[at];
		int r;

		if (met(s, w.dep))
			continue;
		r = defer(s, &w, at);
		if (r < 0)
			return -1;
		if (r == 0)
			return try_all(s, &w, at);
	}
	return run_hooks(s, at);
}

static int prepare(struct solver *s, const struct apk_dep *wishes, size_t n)
{
	size_t count = s->x->package_count;

	s->chosen = calloc(count + 1, sizeof(*s->chosen));
	s->refused = calloc(count + 1, sizeof(*s->refused));
	s->order = calloc(APK_CHOSEN_MAX, sizeof(*s->order));
	s->hooks = calloc(count + 1, sizeof(*s->hooks));
	if (s->chosen == NULL || s->refused == NULL || s->order == NULL ||
	    s->hooks == NULL)
		return hard(s, ERR_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (s->x->packages[i].usable && s->x->packages[i].install_if.n > 0)
			s->hooks[s->hook_count++] = i;
	for (size_t i = 0; i < n; i++)
		if (push(s, wishes[i].conflict ? &s->conflicts : &s->queue,
			(struct want){.dep = &wishes[i], .by = APK_NO_PACKAGE}) < 0)
			return -1;
	return 0;
}

int apk_solve(const struct apk_index *x, const struct apk_dep *wishes, size_t n,
    struct apk_solution *out, struct err *e)
{
	struct solver s = {.x = x};
	int r = prepare(&s, wishes, n);

	*out = (struct apk_solution){0};
	if (r == 0)
		r = run(&s, 0);
	if (r == 0)
		*out = (struct apk_solution){s.order, s.count};
	else
		free(s.order);
	if (r < 0 && e != NULL)
		*e = s.why;
	free(s.chosen);
	free(s.refused);
	free(s.hooks);
	free(s.queue.v);
	free(s.conflicts.v);
	return r;
}

void apk_solution_free(struct apk_solution *s)
{
	free(s->v);
	*s = (struct apk_solution){0};
}

size_t apk_solution_provider(
    const struct apk_index *x, const struct apk_solution *s, const struct apk_dep *d)
{
	for (size_t i = 0; i < s->n; i++)
		if (has_name(x, s->v[i], d))
			return s->v[i];
	return APK_NO_PACKAGE;
}
