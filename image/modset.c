#include "modset.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "deb.h"
#include "modlist.h"

#define WIRELESS "kernel/drivers/net/wireless/"

int modset_add(
    struct modset *s, const char *name, bool boot, bool optional, struct err *e)
{
	struct err why = ERR_INIT;
	struct kmod *m;
	int r = kmods_get(s->kmods, name, &m, &why);

	if (r == 1 || (r < 0 && optional))
		return 0; /* built in; or this kernel does without */
	if (r < 0) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (kmods_closure(s->kmods, m->name, &s->order, e) < 0)
		return -1;
	return boot ? strv_add_once(&s->boot, m->name, e) : 0;
}

int modset_add_profile(struct modset *s, const struct profile *p, struct err *e)
{
	for (const struct profile_module *m = p->modules; m->name != NULL; m++)
		if (modset_add(s, m->name, m->boot, m->optional, e) < 0)
			return -1;
	return 0;
}

static int hex4(const char **p, unsigned *value)
{
	unsigned v = 0, n = 0;

	for (; isxdigit((unsigned char)**p); (*p)++, n++) {
		unsigned char c = (unsigned char)tolower((unsigned char)**p);

		if (n == 4)
			return -1;
		v = v * 16 + (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	*value = v;
	return n == 0 ? -1 : 0;
}

int card_parse(const char *card, unsigned *vendor, unsigned *device, struct err *e)
{
	const char *p = card;

	if (hex4(&p, vendor) < 0 || *p++ != ':' || hex4(&p, device) < 0 || *p != '\0') {
		err_set(e, ERR_USAGE, "not a card: %s", card);
		return err_hint(e, "VENDOR:DEVICE in hex, as 8086:2723, or sim");
	}
	return 0;
}

static int add_driver(struct modset *s, const char *name, struct err *e)
{
	if (modset_add(s, name, false, false, e) < 0)
		return -1;
	for (const struct profile_driver *d = profile_drivers; d->driver != NULL; d++) {
		if (strcmp(d->driver, name) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(d->modules); i++)
			if (d->modules[i] != NULL &&
			    modset_add(s, d->modules[i], false, true, e) < 0)
				return -1;
	}
	return 0;
}

int modset_add_card(
    struct modset *s, const char *card, struct strv *drivers, struct err *e)
{
	unsigned vendor, device;

	if (card_parse(card, &vendor, &device, e) < 0 ||
	    kmods_for_pci(s->kmods, WIRELESS, vendor, device, drivers, e) < 0)
		return -1;
	if (drivers->n == 0)
		return err_set(e, ERR_PRECONDITION,
		    "card %s: kernel %s has no driver for it", card, s->version);
	for (size_t i = 0; i < drivers->n; i++)
		if (add_driver(s, drivers->v[i], e) < 0)
			return -1;
	return 0;
}

static bool within(const struct modset *s, const char *name)
{
	return s != NULL && strv_has(&s->order, name);
}

static int put_module(
    struct modset *s, const struct kmod *m, struct tree *t, struct err *e)
{
	char path[DEB_PATH_MAX];
	char *data;
	size_t len;

	if ((size_t)snprintf(path, sizeof(path), "usr/lib/modules/%s/%s", s->version,
		m->path) >= sizeof(path))
		return err_set(e, ERR_FAILED, "path too long: %s", m->path);
	if (kmod_load(m, &data, &len, e) < 0)
		return -1;
	if (!s->keep_signatures && kmod_slim(data, &len, e) < 0) {
		free(data);
		return err_prefix(e, "%s", m->disk);
	}
	return tree_file(t, path, data, len, 0644, m->package, e);
}

/* An entry of the list and what it points to. */
struct row {
	struct modlist_entry entry;
	struct strv deps, softdeps;
};

static int make_row(struct modset *s, const struct modset *below, const struct kmod *m,
    struct row *r, struct err *e)
{
	if (kmods_dependencies(s->kmods, m->name, &r->deps, e) < 0)
		return -1;
	for (size_t i = 0; i < m->info.softdeps.n; i++) {
		const char *name = m->info.softdeps.v[i];

		if ((within(s, name) || within(below, name)) &&
		    strv_add_once(&r->softdeps, name, e) < 0)
			return -1;
	}
	r->entry = (struct modlist_entry){
	    .name = m->name,
	    .path = m->path,
	    .boot = strv_has(&s->boot, m->name),
	    .deps = strv_array(&r->deps),
	    .softdeps = strv_array(&r->softdeps),
	    .aliases = strv_array(&m->info.aliases),
	};
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->entry.name, y->entry.name);
}

/* Those with boot first, in load order; then by name. */
static void sort_rows(const struct modset *s, struct row *rows, size_t n)
{
	size_t at = 0;

	for (size_t b = 0; b < s->boot.n; b++)
		for (size_t i = at; i < n; i++)
			if (strcmp(rows[i].entry.name, s->boot.v[b]) == 0) {
				struct row r = rows[i];

				rows[i] = rows[at];
				rows[at++] = r;
				break;
			}
	if (n > at)
		qsort(rows + at, n - at, sizeof(*rows), compare_rows);
}

static int put_list(
    const struct row *rows, size_t n, struct tree *t, const char *path, struct err *e)
{
	struct modlist_entry *entries = calloc(n + 1, sizeof(*entries));
	char *text = NULL;
	size_t len;
	int r;

	if (entries == NULL)
		return err_sys(e, ENOMEM, "modules");
	for (size_t i = 0; i < n; i++)
		entries[i] = rows[i].entry;
	r = modlist_write(entries, n, &text, &len, e);
	if (r == 0)
		r = tree_file(t, path, text, len, 0644, NO_PACKAGE, e);
	free(entries);
	return r;
}

int modset_write(struct modset *s, const struct modset *below, struct tree *t,
    const char *list, struct err *e)
{
	struct row *rows = calloc(s->order.n + 1, sizeof(*rows));
	size_t n = 0;
	int r = 0;

	if (rows == NULL)
		return err_sys(e, ENOMEM, "modules");
	for (size_t i = 0; i < s->order.n && r == 0; i++) {
		struct kmod *m;

		if (within(below, s->order.v[i]))
			continue;
		r = kmods_get(s->kmods, s->order.v[i], &m, e);
		if (r == 0)
			r = put_module(s, m, t, e);
		if (r == 0)
			r = make_row(s, below, m, &rows[n++], e);
	}
	if (r == 0) {
		sort_rows(s, rows, n);
		r = put_list(rows, n, t, list, e);
	}
	for (size_t i = 0; i < n; i++) {
		strv_free(&rows[i].deps);
		strv_free(&rows[i].softdeps);
	}
	free(rows);
	return r;
}

void modset_free(struct modset *s)
{
	strv_free(&s->order);
	strv_free(&s->boot);
}
