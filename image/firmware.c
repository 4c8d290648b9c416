/* Brings the packages that firmware is in, and fulfils the wishes of firmware.h. */
#include "firmware.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bzimage.h"
#include "cleanup.h"
#include "collect.h"
#include "deb.h"
#include "log.h"
#include "profile.h"

#define FOLDER "usr/lib/firmware/"
#define NUMBER_MAX 9999
#define FILE_MAX (64u << 20)

int firmware_open(struct firmware *f, struct source *source, struct tree *tree,
    const char *dir, struct err *e)
{
	static const char *const all[] = {".", NULL};

	*f = (struct firmware){.source = source, .tree = tree};
	if (dir == NULL)
		return 0;
	if (fileset_walk(&f->own, dir, all, NO_PACKAGE, e) < 0)
		return err_prefix(e, "--firmware");
	if (f->own.n > 0)
		return 0;
	err_set(e, ERR_USAGE, "--firmware %s: no such folder, or nothing in it", dir);
	return err_hint(e, "the folder in which b43/ucode29_mimo.fw, for example, is");
}

void firmware_close(struct firmware *f)
{
	fileset_free(&f->own);
	strv_free(&f->asked);
}

/* Brings the package that has firmware of this name, if it is known. */
static int need_package(struct firmware *fw, const char *name, struct err *e)
{
	if (fw->source->ops->need_firmware != NULL)
		return fw->source->ops->need_firmware(fw->source, name, e);
	for (const struct profile_firmware *f = profile_firmware; f->prefix != NULL;
	     f++) {
		if (strncmp(name, f->prefix, strlen(f->prefix)) != 0 ||
		    strv_has(&fw->asked, f->packages[0]))
			continue;
		if (strv_add(&fw->asked, f->packages[0], e) < 0)
			return -1;
		for (size_t i = 0; i < ARRAY_LEN(f->packages) && f->packages[i] != NULL;
		     i++) {
			struct strv one = {0};
			int r = strv_add(&one, f->packages[i], e);

			/* A suite has one or the other; that firmware is missing in the
			 * end is said by the caller. */
			if (r == 0) {
				r = fw->source->ops->need(fw->source, &one, NULL);
				strv_free(&one);
				if (r == 0)
					break;
				continue;
			}
			strv_free(&one);
			return -1;
		}
	}
	return 0;
}

/*
 * Some distributions compress each file. In the image they are plain: the initrd is
 * compressed as a whole, and not every kernel unpacks firmware.
 */
static const char *const endings[] = {"", ".xz", ".zst"};

/* The length of a name without such an ending. */
static int plain_len(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 1; i < ARRAY_LEN(endings); i++) {
		size_t end = strlen(endings[i]);

		if (n > end && strcmp(name + n - end, endings[i]) == 0)
			return (int)(n - end);
	}
	return (int)n;
}

static int read_plain(const struct file *f, char **data, size_t *len, struct err *e)
{
	char AUTO_FREE *raw = NULL;
	size_t raw_len;

	if (strlen(f->path) == (size_t)plain_len(f->path))
		return collect_read(f, data, len, e);
	if (collect_read(f, &raw, &raw_len, e) < 0)
		return -1;
	return decompress(raw, raw_len, FILE_MAX, data, len, e) < 0
		   ? err_prefix(e, "%s", f->path)
		   : 0;
}

static const struct file *lookup_one(struct firmware *fw, const char *name)
{
	const char *slash = strrchr(name, '/');
	const struct file *f = fileset_resolve(&fw->own, name);
	char path[DEB_PATH_MAX];

	if (f == NULL && slash != NULL)
		f = fileset_resolve(&fw->own, slash + 1);
	if (f != NULL)
		return f;
	if ((size_t)snprintf(path, sizeof(path), FOLDER "%s", name) >= sizeof(path))
		return NULL;
	return fileset_resolve(&fw->source->files, path);
}

/* The user's own file, in its folder or beside it; else the packages'. */
static const struct file *lookup(struct firmware *fw, const char *name)
{
	const struct file *f = NULL;
	char packed[DEB_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(endings) && f == NULL; i++)
		if ((size_t)snprintf(packed, sizeof(packed), "%s%s", name, endings[i]) <
		    sizeof(packed))
			f = lookup_one(fw, packed);
	return f;
}

/* Puts a file where the driver looks for it. Where that is a link, the file itself
 * goes in once, however many links lead to it. 1: there is none of that name. */
static int put(struct firmware *fw, const char *name, struct err *e)
{
	char clean[DEB_PATH_MAX], path[DEB_PATH_MAX], target[DEB_PATH_MAX + 1];
	const struct file *f;
	char *data;
	size_t len;
	int plain;

	if (deb_clean_path(name, clean, sizeof(clean), e) < 0)
		return -1;
	if ((size_t)snprintf(path, sizeof(path), FOLDER "%s", clean) >= sizeof(path))
		return err_set(e, ERR_FAILED, "path too long: %s", clean);
	if (tree_get(fw->tree, path) != NULL)
		return 0; /* by the profile, or another driver */
	f = lookup(fw, clean);
	if (f == NULL)
		return 1;
	plain = plain_len(f->path);
	if (f->package != NO_PACKAGE &&
	    (strncmp(f->path, path, (size_t)plain) != 0 || path[plain] != '\0') &&
	    strncmp(f->path, FOLDER, strlen(FOLDER)) == 0) {
		snprintf(target, sizeof(target), "/%.*s", plain, f->path);
		if (tree_link(fw->tree, path, target, f->package, e) < 0)
			return -1;
		snprintf(path, sizeof(path), "%.*s", plain, f->path);
		if (tree_get(fw->tree, path) != NULL)
			return 0;
	}
	if (read_plain(f, &data, &len, e) < 0)
		return -1;
	return tree_file(fw->tree, path, data, len, 0644, f->package, e);
}

static int add_plain(struct strv *names, const char *name, struct err *e)
{
	char plain[DEB_PATH_MAX];

	snprintf(plain, sizeof(plain), "%.*s", plain_len(name), name);
	return strv_add_once(names, plain, e);
}

/* Names below the firmware folder that begin as a wish does. They are copied: asking for
 * more packages moves the list. */
static int list_names(
    struct firmware *fw, const char *pattern, struct strv *names, struct err *e)
{
	char prefix[DEB_PATH_MAX];
	int fixed = (int)strcspn(pattern, "*?[");
	const struct file *f;
	size_t n;

	snprintf(prefix, sizeof(prefix), "%.*s", fixed, pattern);
	f = fileset_prefix(&fw->own, prefix, &n);
	for (size_t i = 0; i < n; i++)
		if (add_plain(names, f[i].path, e) < 0)
			return -1;
	snprintf(prefix, sizeof(prefix), FOLDER "%.*s", fixed, pattern);
	f = fileset_prefix(&fw->source->files, prefix, &n);
	for (size_t i = 0; i < n; i++)
		if (add_plain(names, f[i].path + strlen(FOLDER), e) < 0)
			return -1;
	strv_sort(names);
	return 0;
}

/* The user's files that lie beside their folder ("ucode5.fw" for "b43/...*.fw"). */
static int list_beside(
    struct firmware *fw, const char *pattern, struct strv *names, struct err *e)
{
	const char *slash = strrchr(pattern, '/');
	char name[DEB_PATH_MAX];

	for (size_t i = 0; slash != NULL && i < fw->own.n; i++) {
		const char *path = fw->own.v[i].path;

		if (strchr(path, '/') != NULL || fnmatch(slash + 1, path, 0) != 0)
			continue;
		snprintf(
		    name, sizeof(name), "%.*s/%s", (int)(slash - pattern), pattern, path);
		if (strv_add_once(names, name, e) < 0)
			return -1;
	}
	return 0;
}

/* Wishes are answered with 0: it came true, 1: it did not, -1. */
static int put_glob(struct firmware *fw, const struct wish *w, struct err *e)
{
	struct strv names = {0};
	int r, found = 1;

	r = list_names(fw, w->name, &names, e);
	if (r == 0)
		r = list_beside(fw, w->name, &names, e);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		if (fnmatch(w->name, names.v[i], FNM_PATHNAME) != 0)
			continue;
		r = put(fw, names.v[i], e);
		if (r == 0)
			found = 0;
	}
	strv_free(&names);
	return r < 0 ? -1 : found;
}

/* "PREFIX-72.ucode" with suffix ".ucode": 72 and the length of "PREFIX-". */
static bool numbered(
    const char *name, const char *suffix, size_t *base, unsigned long *number)
{
	const char *dash = strrchr(name, '-'), *digits;
	char *end;

	if (dash == NULL)
		return false;
	digits = dash + 1 + (dash[1] == 'c');
	if (!isdigit((unsigned char)*digits))
		return false;
	*number = strtoul(digits, &end, 10);
	*base = (size_t)(dash + 1 - name);
	return strcmp(end, suffix) == 0 && *number <= NUMBER_MAX;
}

static bool fits(const struct wish *w, const char *name, size_t base)
{
	char prefix[DEB_PATH_MAX];

	snprintf(prefix, sizeof(prefix), "%.*s", (int)base, name);
	return fnmatch(w->name, prefix, FNM_PATHNAME) == 0;
}

/* Whether another of the names has the same prefix and a better number. */
static bool is_best(const struct wish *w, const struct strv *names, size_t i)
{
	unsigned long mine, other;
	size_t base, len;

	if (!numbered(names->v[i], w->suffix, &base, &mine) || mine < w->min ||
	    mine > w->max)
		return false;
	for (size_t j = 0; j < names->n; j++)
		if (numbered(names->v[j], w->suffix, &len, &other) && len == base &&
		    strncmp(names->v[i], names->v[j], base) == 0 && other > mine &&
		    other <= w->max)
			return false;
	return true;
}

static int put_beside(
    struct firmware *fw, const struct wish *w, const char *name, struct err *e)
{
	const char *dash = strrchr(name, '-');
	char beside[DEB_PATH_MAX];

	if (w->beside == NULL)
		return 0;
	snprintf(beside, sizeof(beside), "%.*s%s", (int)(dash - name), name, w->beside);
	return put(fw, beside, e);
}

static int put_newest(struct firmware *fw, const struct wish *w, struct err *e)
{
	struct strv names = {0};
	int r = list_names(fw, w->name, &names, e), found = 1;

	for (size_t i = 0; i < names.n && r >= 0; i++) {
		unsigned long number;
		size_t base;

		if (!numbered(names.v[i], w->suffix, &base, &number) ||
		    !fits(w, names.v[i], base) || !is_best(w, &names, i))
			continue;
		r = put(fw, names.v[i], e);
		if (r == 0) {
			found = 0;
			r = put_beside(fw, w, names.v[i], e);
		}
	}
	strv_free(&names);
	return r < 0 ? -1 : found;
}

static int grant(struct firmware *fw, const struct wish *w, struct err *e)
{
	if (need_package(fw, w->name, e) < 0)
		return -1;
	switch (w->kind) {
	case WISH_NAME:
		return put(fw, w->name, e);
	case WISH_GLOB:
		return put_glob(fw, w, e);
	case WISH_NEWEST:
		return put_newest(fw, w, e);
	}
	return err_set(e, ERR_FAILED, "firmware: no such wish");
}

/* What came of a driver's wishes. */
struct outcome {
	bool some_wanted, some_found;
	const struct wish *missing; /* the first without which the driver fails */
};

static int grant_all(
    struct firmware *fw, const struct wishes *w, struct outcome *o, struct err *e)
{
	unsigned done = 0; /* the group that has had its file */

	for (size_t i = 0; i < w->n; i++) {
		const struct wish *one = &w->v[i];
		int r = 0;

		if (one->group == 0 || one->group != done)
			r = grant(fw, one, e);
		if (r < 0)
			return -1;
		if (r == 0 && one->group != 0)
			done = one->group;
		if (one->need == WISH_SOME) {
			o->some_wanted = true;
			o->some_found |= r == 0;
		}
		if (r == 1 && one->need == WISH_MUST &&
		    (o->missing == NULL || o->missing->need != WISH_MUST))
			o->missing = one;
		else if (r == 1 && one->need == WISH_SOME && o->missing == NULL)
			o->missing = one;
	}
	return 0;
}

static int say_missing(
    const struct firmware_ask *ask, const struct wish *w, struct err *e)
{
	char range[64] = "";

	if (w->kind == WISH_NEWEST)
		snprintf(range, sizeof(range), "N%s, N from %u to %u", w->suffix, w->min,
		    w->max);
	err_set(e, ERR_PRECONDITION,
	    "driver %s of kernel %s: its firmware is not in the packages (%s%s)",
	    ask->driver, ask->kernel, w->name, range);
	if (strncmp(ask->driver, "b43", 3) == 0)
		return err_hint(e,
		    "no distribution may pass it on: cut it out of Broadcom's driver "
		    "(b43-fwcutter, or Debian's firmware-b43-installer), then --firmware "
		    "/lib/firmware");
	if (w->kind == WISH_NEWEST)
		return err_hint(e,
		    "apt's sources need the component non-free-firmware, with a kernel "
		    "and firmware of one age; or --mirror, or --firmware DIR");
	return err_hint(e, "apt's sources need the component non-free-firmware; or "
			   "--mirror, or --firmware DIR");
}

int firmware_put(struct firmware *f, const struct firmware_ask *ask, struct err *e)
{
	struct wishes w = {0};
	struct outcome o = {0};
	struct err why = ERR_INIT;
	char reason[128];
	int r;

	snprintf(reason, sizeof(reason), "firmware of %s", ask->driver);
	f->tree->why = reason;
	r = firmware_wishes(ask, &w, e);
	if (r == 0)
		r = grant_all(f, &w, &o, e);
	f->tree->why = NULL;
	if (r == 0 && o.missing != NULL &&
	    (o.missing->need == WISH_MUST || (o.some_wanted && !o.some_found))) {
		say_missing(ask, o.missing, &why);
		if (ask->all)
			log_warn("%s", why.msg);
		else {
			r = -1;
			if (e != NULL)
				*e = why;
		}
	}
	wishes_free(&w);
	return r;
}
