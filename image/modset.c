#include "modset.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "deb.h"
#include "firmware.h"
#include "modlist.h"

#define WIRELESS "kernel/drivers/net/wireless/"

/* The module for which another one was added: the next that depends on it. */
static const char *user_of(struct modset *s, size_t i)
{
	for (size_t j = i + 1; j < s->order.n; j++) {
		struct kmod *m;

		if (kmods_get(s->kmods, s->order.v[j], &m, NULL) == 0 &&
		    (strv_has(&m->info.depends, s->order.v[i]) ||
			strv_has(&m->info.softdeps, s->order.v[i])))
			return m->name;
	}
	return s->order.v[s->order.n - 1];
}

/* Why the modules from `first` on were added: for the last of them. */
static int add_reasons(struct modset *s, size_t first, struct err *e)
{
	char text[200];

	for (size_t i = first; i < s->order.n; i++) {
		if (i + 1 == s->order.n)
			snprintf(text, sizeof(text), "%s",
			    s->reason == NULL ? "every guest has it" : s->reason);
		else
			snprintf(
			    text, sizeof(text), "needed by module %s", user_of(s, i));
		if (strv_add(&s->why, text, e) < 0)
			return -1;
	}
	return 0;
}

int modset_add(
    struct modset *s, const char *name, bool boot, bool optional, struct err *e)
{
	struct err why = ERR_INIT;
	size_t first = s->order.n;
	struct kmod *m;
	int r = kmods_get(s->kmods, name, &m, &why);

	if (r == 1)
		return strv_add_once(&s->builtin, name, e);
	if (r < 0 && optional)
		return 0; /* this kernel does without */
	if (r < 0) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (kmods_closure(s->kmods, m->name, &s->order, e) < 0 ||
	    add_reasons(s, first, e) < 0)
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
	char asked[96];

	if (modset_add(s, name, false, false, e) < 0)
		return -1;
	snprintf(asked, sizeof(asked), "asked for by driver %s", name);
	for (const struct profile_driver *d = profile_drivers; d->driver != NULL; d++) {
		const char *reason = s->reason;

		if (strcmp(d->driver, name) != 0)
			continue;
		s->reason = asked;
		for (size_t i = 0; i < ARRAY_LEN(d->modules); i++) {
			if (d->modules[i] == NULL ||
			    (!s->all && d->wants != NULL &&
				!d->wants(s->device, d->modules[i])))
				continue;
			if (modset_add(s, d->modules[i], false, true, e) < 0)
				return -1;
		}
		s->reason = reason;
	}
	return 0;
}

static bool begins(const char *alias, const void *arg)
{
	return strncmp(alias, arg, strlen(arg)) == 0;
}

/* A driver for some PCI device; one for whatever it may be is none. */
static bool is_any_pci(const char *alias, const void *arg)
{
	(void)arg;
	return strncmp(alias, "pci:v0", 6) == 0;
}

/* The drivers of a radio on a bus of the card's own. */
static int find_on_bus(
    struct modset *s, const struct profile_bus *bus, struct strv *names, struct err *e)
{
	char alias[64];

	snprintf(alias, sizeof(alias), "%s", bus->alias);
	for (const struct profile_core *c = profile_cores; c->vendor != 0 && !s->all; c++)
		if (c->vendor == s->vendor && c->device == s->device)
			snprintf(alias, sizeof(alias), "%s%02X", bus->alias, c->revision);
	return kmods_by_alias(s->kmods, WIRELESS, begins, alias, names, e);
}

/* Fills s->drivers. */
static int find_drivers(struct modset *s, struct err *e)
{
	strv_free(&s->drivers);
	if ((s->all ? kmods_by_alias(s->kmods, WIRELESS, is_any_pci, NULL, &s->drivers, e)
		    : kmods_for_pci(
			  s->kmods, WIRELESS, s->vendor, s->device, &s->drivers, e)) < 0)
		return -1;
	for (const struct profile_bus *b = profile_buses; b->folder != NULL; b++) {
		struct strv bus = {0};
		int r = s->all ? kmods_by_alias(
				     s->kmods, b->folder, is_any_pci, NULL, &bus, e)
			       : kmods_for_pci(
				     s->kmods, b->folder, s->vendor, s->device, &bus, e);

		for (size_t i = 0; i < bus.n && r == 0; i++)
			r = strv_add_once(&s->drivers, bus.v[i], e);
		if (r == 0 && bus.n > 0)
			r = find_on_bus(s, b, &s->drivers, e);
		strv_free(&bus);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int no_driver(struct modset *s, const char *card, struct err *e)
{
	err_set(e, ERR_PRECONDITION, "card %s: kernel %s has no driver for it", card,
	    s->version);
	for (const struct profile_since *k = profile_since; k->vendor != 0; k++)
		if (k->vendor == s->vendor && k->device == s->device)
			return err_hint(e,
			    "Linux has it since %s (%s): a newer kernel, as "
			    "linux-image-6.12-amd64 of bookworm-security is, or "
			    "--mirror with a newer --suite",
			    k->kernel, k->driver);
	return err_hint(e, "a newer kernel may: --mirror with a newer --suite; \"bhyfi "
			   "cards\" shows the cards of this machine");
}

static int look(struct modset *s, const char *card, struct err *e)
{
	s->all = card == NULL;
	s->vendor = s->device = 0;
	if (card != NULL && card_parse(card, &s->vendor, &s->device, e) < 0)
		return -1;
	if (find_drivers(s, e) < 0)
		return -1;
	return s->drivers.n == 0 ? no_driver(s, card == NULL ? "any" : card, e) : 0;
}

bool modset_has_card(struct modset *s, const char *card, struct err *e)
{
	return look(s, card, e) == 0;
}

int modset_add_card(
    struct modset *s, const char *card, struct strv *drivers, struct err *e)
{
	char reason[64];
	int r = look(s, card, e);

	snprintf(reason, sizeof(reason), "driver of %s", card == NULL ? "cards" : card);
	s->reason = reason;
	for (size_t i = 0; i < s->drivers.n && r == 0; i++) {
		r = add_driver(s, s->drivers.v[i], e);
		if (r == 0)
			r = strv_add_once(drivers, s->drivers.v[i], e);
	}
	s->reason = NULL;
	return r;
}

int modset_firmware(
    struct modset *s, struct source *source, struct tree *t, struct err *e)
{
	struct firmware f;
	int r = firmware_open(&f, source, t, source->opts->firmware, e);

	for (size_t i = 0; i < s->order.n && r == 0; i++) {
		struct kmod *m;

		r = kmods_get(s->kmods, s->order.v[i], &m, e);
		if (r == 0) {
			const struct firmware_ask ask = {.driver = m->name,
			    .names = &m->info.firmware,
			    .kernel = s->version,
			    .all = s->all,
			    .vendor = s->vendor,
			    .device = s->device};

			r = firmware_put(&f, &ask, e);
		} else if (r == 1)
			r = 0;
	}
	firmware_close(&f);
	return r;
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

static int put_list(const struct modset *s, const struct row *rows, size_t n,
    struct tree *t, const char *path, struct err *e)
{
	struct modlist_entry *entries = calloc(s->builtin.n + n + 1, sizeof(*entries));
	char *text = NULL;
	size_t len;
	int r;

	if (entries == NULL)
		return err_sys(e, ENOMEM, "modules");
	for (size_t i = 0; i < s->builtin.n; i++)
		entries[i].name = s->builtin.v[i];
	for (size_t i = 0; i < n; i++)
		entries[s->builtin.n + i] = rows[i].entry;
	r = modlist_write(entries, s->builtin.n + n, &text, &len, e);
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
		t->why = s->why.v[i];
		if (r == 0)
			r = put_module(s, m, t, e);
		t->why = NULL;
		if (r == 0)
			r = make_row(s, below, m, &rows[n++], e);
	}
	if (r == 0) {
		sort_rows(s, rows, n);
		t->why = "list of the modules";
		r = put_list(s, rows, n, t, list, e);
		t->why = NULL;
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
	strv_free(&s->builtin);
	strv_free(&s->boot);
	strv_free(&s->why);
	strv_free(&s->drivers);
}
