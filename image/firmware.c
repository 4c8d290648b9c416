/* modset_firmware: what drivers name in .modinfo, from the packages that have it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "collect.h"
#include "deb.h"
#include "modset.h"

#define FOLDER "usr/lib/firmware/"

/* Brings the package that has firmware of this name, if it is known. */
static int need_package(
    struct source *source, const char *name, struct strv *asked, struct err *e)
{
	for (const struct profile_firmware *f = profile_firmware; f->prefix != NULL;
	     f++) {
		if (strncmp(name, f->prefix, strlen(f->prefix)) != 0 ||
		    strv_has(asked, f->packages[0]))
			continue;
		if (strv_add(asked, f->packages[0], e) < 0)
			return -1;
		for (size_t i = 0; i < ARRAY_LEN(f->packages) && f->packages[i] != NULL;
		     i++) {
			struct strv one = {0};
			int r = strv_add(&one, f->packages[i], e);

			/* A suite has one or the other; that firmware is missing in the
			 * end is said by the caller. */
			if (r == 0 && source->ops->need(source, &one, NULL) == 0) {
				strv_free(&one);
				break;
			}
			strv_free(&one);
			if (r < 0)
				return -1;
		}
	}
	return 0;
}

static const struct file *lookup(struct source *source, const char *name)
{
	char path[DEB_PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), FOLDER "%s", name) >= sizeof(path))
		return NULL;
	return fileset_resolve(&source->files, path);
}

/*
 * iwlwifi names only the newest version that it knows ("iwlwifi-cc-a0-72.ucode") and at
 * run time tries older ones down to its oldest: here the newest that there is.
 */
static const struct file *lookup_older(
    struct source *source, const char *name, char *found, size_t size)
{
	const char *dash = strrchr(name, '-'), *dot = strrchr(name, '.');
	unsigned long version;
	char *end;

	if (dash == NULL || dot == NULL || strcmp(dot, ".ucode") != 0 ||
	    !isdigit((unsigned char)dash[1]))
		return NULL;
	version = strtoul(dash + 1, &end, 10);
	if (end != dot || version > 1000)
		return NULL;
	for (; version > 0; version--) {
		const struct file *f;

		snprintf(
		    found, size, "%.*s-%lu.ucode", (int)(dash - name), name, version);
		f = lookup(source, found);
		if (f != NULL)
			return f;
	}
	return NULL;
}

/* 1: there is none of that name. */
static int put_firmware(
    struct source *source, struct tree *t, const char *name, struct err *e)
{
	char clean[DEB_PATH_MAX], path[DEB_PATH_MAX];
	const struct file *f;
	char *data;
	size_t len;

	if (deb_clean_path(name, clean, sizeof(clean), e) < 0)
		return -1;
	if ((size_t)snprintf(path, sizeof(path), FOLDER "%s", clean) >= sizeof(path))
		return err_set(e, ERR_FAILED, "path too long: %s", clean);
	if (tree_get(t, path) != NULL)
		return 0; /* by the profile */
	f = lookup(source, clean);
	if (f == NULL)
		f = lookup_older(source, name, clean, sizeof(clean));
	if (f == NULL)
		return 1;
	if ((size_t)snprintf(path, sizeof(path), FOLDER "%s", clean) >= sizeof(path))
		return err_set(e, ERR_FAILED, "path too long: %s", clean);
	if (tree_get(t, path) != NULL)
		return 0;
	if (collect_read(f, &data, &len, e) < 0)
		return -1;
	return tree_file(t, path, data, len, 0644, f->package, e);
}

static int module_firmware(struct source *source, struct tree *t, const struct kmod *m,
    struct strv *asked, struct err *e)
{
	size_t found = 0;

	for (size_t i = 0; i < m->info.firmware.n; i++) {
		int r = need_package(source, m->info.firmware.v[i], asked, e);

		if (r == 0)
			r = put_firmware(source, t, m->info.firmware.v[i], e);
		if (r < 0)
			return -1;
		found += r == 0;
	}
	if (found > 0 || m->info.firmware.n == 0)
		return 0;
	err_set(e, ERR_PRECONDITION,
	    "driver %s: its firmware is not in the packages (%s)", m->name,
	    m->info.firmware.v[0]);
	return err_hint(
	    e, "apt's sources need the component non-free-firmware; or --mirror");
}

int modset_firmware(
    struct modset *s, struct source *source, struct tree *t, struct err *e)
{
	struct strv asked = {0};
	int r = 0;

	for (size_t i = 0; i < s->order.n && r == 0; i++) {
		struct kmod *m;

		r = kmods_get(s->kmods, s->order.v[i], &m, e);
		if (r == 0)
			r = module_firmware(source, t, m, &asked, e);
		else if (r == 1)
			r = 0;
	}
	strv_free(&asked);
	return r;
}
