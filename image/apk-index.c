/* The text of an index, the lists of dependencies in it, and .PKGINFO. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apk.h"
#include "cleanup.h"

#define OPERATORS "<>=~"

bool apk_name_ok(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) >= APK_WORD_MAX / 2)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && strchr("._+-", *name) == NULL)
			return false;
	return true;
}

/* A provided name may have more: "so:libc.musl-x86_64.so.1", "/bin/sh". */
static bool provided_name_ok(const char *name)
{
	if (*name == '\0' || strlen(name) >= APK_WORD_MAX)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && strchr("._+-,[]:/", *name) == NULL)
			return false;
	return true;
}

static unsigned operator_bits(const char *p, size_t n)
{
	unsigned op = 0;

	for (size_t i = 0; i < n; i++)
		op |= p[i] == '<'   ? APK_LESS
		      : p[i] == '>' ? APK_GREATER
		      : p[i] == '=' ? APK_EQUAL
				    : APK_FUZZY | APK_EQUAL;
	return op;
}

int apk_dep_next(char **text, struct apk_dep *d, struct err *e)
{
	char *p = *text + strspn(*text, " \t"), *end, *rest;
	size_t n;

	*d = (struct apk_dep){0};
	if (*p == '\0') {
		*text = p;
		return 0;
	}
	end = p + strcspn(p, " \t");
	rest = end + (*end != '\0');
	*end = '\0';
	if (*p == '!') {
		d->conflict = true;
		p++;
	}
	d->name = p;
	p += strcspn(p, OPERATORS);
	n = strspn(p, OPERATORS);
	d->op = n == 0 ? APK_ANY : operator_bits(p, n);
	if (n > 0) {
		d->version = p + n;
		*p = '\0';
	}
	*text = rest;
	if (!provided_name_ok(d->name))
		return err_set(e, ERR_FAILED, "bad dependency: %.60s", d->name);
	/* "><" asks for a package's hash: only a system's own list has that. */
	if (n > 0 && ((d->op & APK_ANY) == APK_ANY ||
			 (d->op & APK_ANY) == (APK_LESS | APK_GREATER) ||
			 !apk_version_ok(d->version)))
		return err_set(e, ERR_FAILED, "bad dependency: %.60s with version %.60s",
		    d->name, d->version);
	return 1;
}

void apk_dep_show(const struct apk_dep *d, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s%s%s", d->conflict ? "!" : "", d->name,
	    d->version == NULL ? ""
	    : d->op & APK_LESS ? "<"
			       : "",
	    d->version != NULL && (d->op & APK_GREATER) ? ">" : "",
	    d->version != NULL && (d->op & (APK_EQUAL | APK_FUZZY)) == APK_EQUAL ? "="
										 : "",
	    d->version != NULL && (d->op & APK_FUZZY) ? "~" : "",
	    d->version == NULL ? "" : d->version);
}

static int add_dep(struct apk_index *x, const struct apk_dep *d, struct err *e)
{
	if (x->dep_count == x->dep_cap) {
		size_t cap = x->dep_cap == 0 ? 1024 : x->dep_cap * 2;
		struct apk_dep *grown = reallocarray(x->deps, cap, sizeof(*grown));

		if (grown == NULL)
			return err_sys(e, ENOMEM, "index");
		x->deps = grown;
		x->dep_cap = cap;
	}
	if (x->dep_count >= APK_DEPS_MAX)
		return err_set(e, ERR_FAILED, "too many dependencies");
	x->deps[x->dep_count++] = *d;
	return 0;
}

/* 1: not understood, so the package can not be chosen. */
static int add_deps(
    struct apk_index *x, char *text, struct apk_range *range, struct err *e)
{
	struct apk_dep d;
	int r;

	if (range->n > 0)
		return 1; /* the field twice */
	range->at = x->dep_count;
	while ((r = apk_dep_next(&text, &d, NULL)) == 1) {
		if (add_dep(x, &d, e) < 0)
			return -1;
		range->n++;
	}
	return r < 0 ? 1 : 0;
}

static int base64_digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	return p == NULL ? -1 : (int)(p - digits);
}

/* "Q1" and SHA-1, "Q2" and SHA-256, in base64. */
static int parse_id(const char *s, uint8_t id[APK_ID_MAX], size_t *len)
{
	size_t want = strncmp(s, "Q1", 2) == 0 ? 20 : strncmp(s, "Q2", 2) == 0 ? 32 : 0;
	size_t chars = (want * 8 + 5) / 6, n = 0;
	unsigned bits = 0, have = 0;

	if (want == 0)
		return -1;
	s += 2;
	for (size_t i = 0; i < chars; i++) {
		int v = base64_digit(s[i]);

		if (v < 0)
			return -1;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8 && n < want) {
			have -= 8;
			id[n++] = (uint8_t)(bits >> have);
		}
		bits &= (1u << have) - 1;
	}
	*len = want;
	return bits == 0 && strcmp(s + chars, "=") == 0 ? 0 : -1;
}

static int parse_number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (!isdigit((unsigned char)*s))
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return -1;
	}
	*value = v;
	return 0;
}

/* 1: the package can not be chosen. */
static int take_field(
    struct apk_index *x, struct apk_package *p, char key, char *value, struct err *e)
{
	uint64_t n;

	switch (key) {
	case 'P':
		p->name = value;
		return apk_name_ok(value) ? 0 : 1;
	case 'V':
		p->version = value;
		return apk_version_ok(value) ? 0 : 1;
	case 'A':
		return strcmp(value, "x86_64") == 0 || strcmp(value, "noarch") == 0 ? 0
										    : 1;
	case 'C':
		return parse_id(value, p->id, &p->id_len) < 0;
	case 'S':
		return parse_number(value, APK_FILE_MAX, &p->size) < 0;
	case 'I':
		return parse_number(value, DEB_TOTAL_MAX, &p->installed) < 0;
	case 'k':
		if (parse_number(value, 65535, &n) < 0)
			return 1;
		p->priority = (unsigned)n;
		return 0;
	case 'D':
		return add_deps(x, value, &p->depends, e);
	case 'p':
		return add_deps(x, value, &p->provides, e);
	case 'i':
		return add_deps(x, value, &p->install_if, e);
	case 'L':
		p->license = value;
		return 0;
	case 'T': /* description, URL */
	case 'U':
		return 0;
	default:
		/* apk passes over small letters that it does not know. */
		return !islower((unsigned char)key);
	}
}

static struct apk_package *new_package(struct apk_index *x, struct err *e)
{
	struct apk_package *grown;

	if (x->package_count >= APK_PACKAGES_MAX) {
		err_set(e, ERR_FAILED, "too many packages");
		return NULL;
	}
	if ((x->package_count & (x->package_count - 1)) == 0) {
		grown = reallocarray(x->packages,
		    x->package_count == 0 ? 1 : 2 * x->package_count, sizeof(*grown));
		if (grown == NULL) {
			err_sys(e, ENOMEM, "index");
			return NULL;
		}
		x->packages = grown;
	}
	x->packages[x->package_count] = (struct apk_package){.usable = true};
	return &x->packages[x->package_count++];
}

/* One that lacks what every package has can not be chosen either. */
static void end_package(struct apk_package *p)
{
	if (p->name == NULL || p->version == NULL || p->id_len == 0 || p->size == 0)
		p->usable = false;
}

static int add_lines(
    struct apk_index *x, char *text, size_t len, unsigned repo, struct err *e)
{
	struct apk_package *p = NULL;
	char *end = text + len;
	size_t number = 0;

	for (char *line = text, *next; line < end; line = next) {
		char *nl = memchr(line, '\n', (size_t)(end - line));
		int r;

		next = nl == NULL ? end : nl + 1;
		if (nl != NULL)
			*nl = '\0';
		number++;
		if (*line == '\0') {
			if (p != NULL)
				end_package(p);
			p = NULL;
			continue;
		}
		if (line[1] != ':')
			return err_set(e, ERR_FAILED, "line %zu: no field", number);
		if (p == NULL && (p = new_package(x, e)) == NULL)
			return -1;
		p->repo = repo;
		r = take_field(x, p, line[0], line + 2, e);
		if (r < 0)
			return -1;
		if (r > 0)
			p->usable = false;
	}
	if (p != NULL)
		end_package(p);
	return 0;
}

int apk_index_add(
    struct apk_index *x, char *text, size_t len, unsigned repo, struct err *e)
{
	char **grown = reallocarray(x->texts, x->text_count + 1, sizeof(*grown));

	if (grown == NULL) {
		free(text);
		return err_sys(e, ENOMEM, "index");
	}
	x->texts = grown;
	grown[x->text_count++] = text;
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "index: a NUL byte");
	if (add_lines(x, text, len, repo, e) < 0)
		return err_prefix(e, "index");
	return 0;
}

static int compare_providers(const void *a, const void *b)
{
	const struct apk_provider *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->package > y->package) - (x->package < y->package);
}

int apk_index_ready(struct apk_index *x, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < x->package_count; i++)
		n += 1 + x->packages[i].provides.n;
	free(x->providers);
	x->providers = calloc(n + 1, sizeof(*x->providers));
	x->provider_count = 0;
	if (x->providers == NULL)
		return err_sys(e, ENOMEM, "index");
	for (size_t i = 0; i < x->package_count; i++) {
		const struct apk_package *p = &x->packages[i];

		if (!p->usable)
			continue;
		x->providers[x->provider_count++] =
		    (struct apk_provider){p->name, p->version, i};
		for (size_t k = 0; k < p->provides.n; k++) {
			const struct apk_dep *d = &x->deps[p->provides.at + k];

			if (!d->conflict)
				x->providers[x->provider_count++] =
				    (struct apk_provider){d->name, d->version, i};
		}
	}
	qsort(x->providers, x->provider_count, sizeof(*x->providers), compare_providers);
	return 0;
}

const struct apk_provider *apk_index_providers(
    const struct apk_index *x, const char *name, size_t *n)
{
	size_t lo = 0, hi = x->provider_count, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(x->providers[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo;
	     end < x->provider_count && strcmp(x->providers[end].name, name) == 0; end++)
		;
	*n = end - lo;
	return x->providers + lo;
}

void apk_index_free(struct apk_index *x)
{
	for (size_t i = 0; i < x->text_count; i++)
		free(x->texts[i]);
	free(x->texts);
	free(x->packages);
	free(x->deps);
	free(x->providers);
	*x = (struct apk_index){0};
}

static int take_word(
    char *out, size_t size, const char *value, size_t n, const char *key, struct err *e)
{
	if (out[0] != '\0')
		return err_set(e, ERR_FAILED, ".PKGINFO: %s twice", key);
	if (n == 0 || n >= size || memchr(value, '\0', n) != NULL)
		return err_set(e, ERR_FAILED, ".PKGINFO: bad %s", key);
	memcpy(out, value, n);
	out[n] = '\0';
	return 0;
}

/* The key in front of " = ", *value behind it. */
static bool has_key(
    const char *line, size_t n, const char *key, const char **value, size_t *len)
{
	size_t k = strlen(key);

	if (n < k + 3 || memcmp(line, key, k) != 0 || memcmp(line + k, " = ", 3) != 0)
		return false;
	*value = line + k + 3;
	*len = n - k - 3;
	return true;
}

int apk_pkginfo_parse(
    const char *text, size_t len, struct apk_pkginfo *info, struct err *e)
{
	const struct {
		const char *key;
		char *out;
		size_t size;
	} keys[] = {{"pkgname", info->name, sizeof(info->name)},
	    {"pkgver", info->version, sizeof(info->version)},
	    {"datahash", info->datahash, sizeof(info->datahash)}};
	const char *end = text + len, *value;
	size_t n, m;

	*info = (struct apk_pkginfo){.name = ""};
	for (; text < end; text += n + 1) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		n = nl == NULL ? (size_t)(end - text) : (size_t)(nl - text);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (has_key(text, n, keys[i].key, &value, &m) &&
			    take_word(
				keys[i].out, keys[i].size, value, m, keys[i].key, e) < 0)
				return -1;
		if (nl == NULL)
			break;
	}
	if (info->name[0] == '\0' || info->version[0] == '\0')
		return err_set(e, ERR_FAILED, ".PKGINFO: no name or no version");
	if (info->datahash[0] != '\0' &&
	    (strlen(info->datahash) != 64 ||
		strspn(info->datahash, "0123456789abcdef") != 64))
		return err_set(e, ERR_FAILED, ".PKGINFO: bad datahash");
	return 0;
}
