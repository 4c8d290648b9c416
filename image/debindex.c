#include "debindex.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"

#define FIELD_MAX (256 * 1024)

struct span {
	char *p;
	size_t len;
};

enum field {
	FIELD_PACKAGE,
	FIELD_VERSION,
	FIELD_ARCHITECTURE,
	FIELD_FILENAME,
	FIELD_SIZE,
	FIELD_SHA256,
	FIELD_DEPENDS,
	FIELD_PRE_DEPENDS,
	FIELD_PROVIDES,
	FIELD_COUNT,
};

static const char *const field_names[] = {"Package", "Version", "Architecture",
    "Filename", "Size", "SHA256", "Depends", "Pre-Depends", "Provides"};
static_assert(ARRAY_LEN(field_names) == FIELD_COUNT, "");

static int field_of(const char *name, size_t len)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (strlen(field_names[i]) == len &&
		    strncasecmp(name, field_names[i], len) == 0)
			return i;
	return -1;
}

static void trim(struct span *s)
{
	while (s->len > 0 && isspace((unsigned char)s->p[s->len - 1]))
		s->len--;
	while (s->len > 0 && isspace((unsigned char)*s->p)) {
		s->p++;
		s->len--;
	}
}

/* One line of a paragraph. *last is the field that it continues, -1: one that does not
 * matter, -2: none yet. */
static int take_line(struct span *f, int *last, char *line, size_t n, struct err *e)
{
	char *colon;

	if (*line == ' ' || *line == '\t') {
		if (*last == -2)
			return err_set(e, ERR_FAILED, "continuation of no field");
		if (*last >= 0)
			f[*last].len = (size_t)(line + n - f[*last].p);
	} else {
		colon = memchr(line, ':', n);
		if (colon == NULL || colon == line)
			return err_set(e, ERR_FAILED, "not a field: %.*s",
			    n > 60 ? 60 : (int)n, line);
		*last = field_of(line, (size_t)(colon - line));
		if (*last < 0)
			return 0;
		if (f[*last].p != NULL)
			return err_set(e, ERR_FAILED, "%s twice", field_names[*last]);
		f[*last] = (struct span){colon + 1, (size_t)(line + n - colon - 1)};
	}
	if (*last >= 0 && f[*last].len > FIELD_MAX)
		return err_set(e, ERR_FAILED, "%s: too long", field_names[*last]);
	return 0;
}

/* A path below the archive that is fit for a URL and for a file's name. */
static bool filename_ok(const char *name)
{
	char clean[DEB_PATH_MAX];
	size_t len = strlen(name);

	if (len < 5 || strcmp(name + len - 4, ".deb") != 0)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("/._+~:=-", *p) == NULL)
			return false;
	for (const char *p = name; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (*p == '.' || *p == '\0' || *p == '/')
			return false; /* hidden, "..", "//", absolute */
	}
	return deb_clean_path(name, clean, sizeof(clean), NULL) == 0 &&
	       strcmp(clean, name) == 0;
}

static bool size_ok(const char *text, uint64_t *size)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 12)
		return false;
	*size = strtoull(text, &end, 10);
	return *end == '\0' && *size > 0;
}

static bool hash_ok(char *hex)
{
	for (size_t i = 0; i < 64; i++) {
		if (!isxdigit((unsigned char)hex[i]))
			return false;
		hex[i] = (char)tolower((unsigned char)hex[i]);
	}
	return hex[64] == '\0';
}

static struct deb_entry *grow(struct deb_index *x, struct err *e)
{
	if (x->n == DEB_INDEX_PACKAGES_MAX) {
		err_set(e, ERR_FAILED, "too many packages");
		return NULL;
	}
	if (x->n == x->cap) {
		size_t cap = x->cap == 0 ? 1024 : x->cap * 2;
		struct deb_entry *v = reallocarray(x->v, cap, sizeof(*v));

		if (v == NULL) {
			err_sys(e, ENOMEM, "packages");
			return NULL;
		}
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n] = (struct deb_entry){0};
	return &x->v[x->n];
}

/* The fields' ends become strings' ends: the text has been read past them. */
static int add_entry(struct deb_index *x, struct span *f, unsigned list, struct err *e)
{
	struct deb_entry *p;

	for (int i = 0; i < FIELD_COUNT; i++) {
		if (f[i].p == NULL && i <= FIELD_SHA256)
			return err_set(e, ERR_FAILED, "%s: no %s",
			    f[0].p == NULL ? "a package" : f[0].p, field_names[i]);
		if (f[i].p == NULL)
			continue;
		trim(&f[i]);
		f[i].p[f[i].len] = '\0';
	}
	if (!deb_name_ok(f[FIELD_PACKAGE].p, f[FIELD_PACKAGE].len))
		return err_set(
		    e, ERR_FAILED, "not a package's name: %.60s", f[FIELD_PACKAGE].p);
	if (strcmp(f[FIELD_ARCHITECTURE].p, "amd64") != 0 &&
	    strcmp(f[FIELD_ARCHITECTURE].p, "all") != 0)
		return 0;
	p = grow(x, e);
	if (p == NULL)
		return -1;
	*p = (struct deb_entry){.name = f[FIELD_PACKAGE].p,
	    .version = f[FIELD_VERSION].p,
	    .filename = f[FIELD_FILENAME].p,
	    .sha256 = f[FIELD_SHA256].p,
	    .depends = f[FIELD_DEPENDS].p,
	    .pre_depends = f[FIELD_PRE_DEPENDS].p,
	    .provides = f[FIELD_PROVIDES].p,
	    .list = list};
	if (!deb_version_ok(p->version))
		return err_set(
		    e, ERR_FAILED, "%s: bad version: %.60s", p->name, p->version);
	if (!filename_ok(p->filename))
		return err_set(
		    e, ERR_FAILED, "%s: bad file name: %.100s", p->name, p->filename);
	if (!size_ok(f[FIELD_SIZE].p, &p->size) || !hash_ok(f[FIELD_SHA256].p))
		return err_set(e, ERR_FAILED, "%s: bad size or hash", p->name);
	x->n++;
	return 0;
}

static int parse(
    struct deb_index *x, char *text, size_t len, unsigned list, struct err *e)
{
	char *p = text, *end = text + len;

	while (p < end) {
		struct span f[FIELD_COUNT] = {{NULL, 0}};
		int last = -2;

		while (p < end) {
			char *nl = memchr(p, '\n', (size_t)(end - p));
			size_t n = nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);

			if (n == 0) {
				p++;
				break;
			}
			if (take_line(f, &last, p, n, e) < 0)
				return -1;
			p += n + (nl != NULL);
		}
		if (last != -2 && add_entry(x, f, list, e) < 0)
			return -1;
	}
	return 0;
}

int deb_index_add(
    struct deb_index *x, char *text, size_t len, unsigned list, struct err *e)
{
	if (x->text_count == DEB_INDEX_LISTS_MAX) {
		free(text);
		return err_set(e, ERR_FAILED, "too many lists of packages");
	}
	x->texts[x->text_count++] = text;
	x->sorted = false;
	text[len] = '\0';
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "NUL byte");
	return parse(x, text, len, list, e);
}

void deb_index_free(struct deb_index *x)
{
	for (size_t i = 0; i < x->text_count; i++)
		free(x->texts[i]);
	free(x->v);
	*x = (struct deb_index){0};
}

/* By name, then the newest first. */
static int compare(const void *a, const void *b)
{
	const struct deb_entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	if (r == 0)
		r = deb_version_compare(y->version, x->version);
	if (r == 0)
		r = (x->list < y->list) - (x->list > y->list);
	return r == 0 ? strcmp(x->sha256, y->sha256) : r;
}

static void sort(struct deb_index *x)
{
	if (!x->sorted && x->n > 1)
		qsort(x->v, x->n, sizeof(*x->v), compare);
	x->sorted = true;
}

const struct deb_entry *deb_index_newest(struct deb_index *x, const char *name)
{
	size_t low = 0, high;

	sort(x);
	high = x->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(x->v[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && strcmp(x->v[low].name, name) == 0 ? &x->v[low] : NULL;
}

/* Whether it provides that, in a version that fits where one is asked for. */
static bool provides(const struct deb_entry *p, const struct deb_alternative *a)
{
	const char *text = p->provides;
	struct deb_clause c;

	if (text == NULL || strstr(text, a->name) == NULL)
		return false;
	while (deb_clause_next(&text, &c, NULL) == 1)
		for (size_t i = 0; i < c.n; i++)
			if (strcmp(c.v[i].name, a->name) == 0 &&
			    (a->op == DEB_ANY ||
				(c.v[i].op == DEB_EQUAL &&
				    deb_version_fits(c.v[i].version, a->op, a->version))))
				return true;
	return false;
}

const struct deb_entry *deb_index_find(
    struct deb_index *x, const struct deb_alternative *a)
{
	const struct deb_entry *p = deb_index_newest(x, a->name);

	if (p != NULL && deb_version_fits(p->version, a->op, a->version))
		return p;
	for (size_t i = 0; i < x->n; i++)
		if ((i == 0 || strcmp(x->v[i].name, x->v[i - 1].name) != 0) &&
		    provides(&x->v[i], a))
			return &x->v[i];
	return NULL;
}

static int choose_one(
    struct deb_index *x, const struct deb_clause *c, struct strv *names, struct err *e)
{
	static const char *const ops[] = {"", "<<", "<=", "=", ">=", ">>"};

	for (size_t i = 0; i < c->n; i++) {
		const struct deb_entry *p = deb_index_find(x, &c->v[i]);

		if (p != NULL)
			return strv_add_once(names, p->name, e);
	}
	if (c->v[0].op == DEB_ANY)
		return err_set(e, ERR_FAILED, "the archive has no %s", c->v[0].name);
	return err_set(e, ERR_FAILED, "the archive has no %s %s %s", c->v[0].name,
	    ops[c->v[0].op], c->v[0].version);
}

int deb_index_choose(struct deb_index *x, const char *depends, bool libs_only,
    struct strv *names, struct err *e)
{
	struct deb_clause c;
	int r;

	while ((r = deb_clause_next(&depends, &c, e)) == 1)
		if ((strncmp(c.v[0].name, "lib", 3) == 0) == libs_only &&
		    choose_one(x, &c, names, e) < 0)
			return -1;
	return r;
}
