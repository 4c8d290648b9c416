#include "collect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bzimage.h"
#include "cleanup.h"
#include "deb.h"
#include "elfread.h"
#include "elfslim.h"
#include "fs.h"

/* Where the loaders look that have no configuration: glibc's cache is not in a package,
 * musl's file has its folders in place of these. */
static const char *const glibc_folders[] = {
    "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"};
static const char *const musl_folders[] = {"lib", "usr/local/lib", "usr/lib"};
#define MUSL_PATH_MAX 4096

/* A library that was not found, and who wants it. */
struct missing {
	char *soname, *user;
	struct strv runpath;
	size_t package;
	bool musl;
};

struct search {
	struct collect *c;
	bool musl;        /* the program's loader is musl's */
	struct strv done; /* merged paths of files whose libraries have been looked at */
	struct missing *missing;
	size_t missing_count;
	char reason[DEB_PATH_MAX + 32];
};

/* Compressed firmware, which the index has without the suffix. */
static bool is_packed(const struct file *f)
{
	const char *dot = strrchr(f->disk, '.');
	size_t n = strlen(f->path);

	return strncmp(f->path, "usr/lib/firmware/", 17) == 0 && dot != NULL &&
	       (strcmp(dot, ".zst") == 0 || strcmp(dot, ".xz") == 0) &&
	       (n < strlen(dot) || strcmp(f->path + n - strlen(dot), dot) != 0);
}

int collect_read(const struct file *f, char **data, size_t *len, struct err *e)
{
	char AUTO_FREE *packed = NULL;
	size_t n;

	if (!is_packed(f))
		return fs_read_file(f->disk, DEB_FILE_MAX, data, len, e);
	if (fs_read_file(f->disk, DEB_FILE_MAX, &packed, &n, e) < 0)
		return -1;
	if (decompress(packed, n, DEB_FILE_MAX, data, len, e) < 0)
		return err_prefix(e, "%s", f->disk);
	return 0;
}

static bool have(const struct collect *c, const char *path)
{
	return tree_get(c->out, path) != NULL ||
	       (c->below != NULL && tree_get(c->below, path) != NULL);
}

static int put_file(
    struct collect *c, const char *path, const struct file *f, struct err *e)
{
	char *data;
	size_t len;

	if (have(c, path))
		return 0;
	if (collect_read(f, &data, &len, e) < 0)
		return -1;
	return tree_file(c->out, path, data, len, f->exec ? 0755 : 0644, f->package, e);
}

int collect_file(struct collect *c, const char *path, const char *from, struct err *e)
{
	const struct file *f = fileset_resolve(&c->source->files, from);
	char merged[DEB_PATH_MAX];

	if (f == NULL)
		return err_set(e, ERR_PRECONDITION, "%s: not in the packages", from);
	c->out->why = c->why;
	if (merged_path(path, merged, sizeof(merged), e) < 0)
		return -1;
	return put_file(c, merged, f, e);
}

/* As it is in the distribution: the file, and a link to it where the path is one. */
static int put_as_is(
    struct collect *c, const char *path, const struct file *f, struct err *e)
{
	char merged[DEB_PATH_MAX], target[DEB_PATH_MAX + 1];

	if (merged_path(path, merged, sizeof(merged), e) < 0)
		return -1;
	if (strcmp(merged, f->path) != 0 && !have(c, merged)) {
		snprintf(target, sizeof(target), "/%s", f->path);
		if (tree_link(c->out, merged, target, f->package, e) < 0)
			return -1;
	}
	return put_file(c, f->path, f, e);
}

static int add_missing(struct search *s, const char *soname, const char *user,
    const struct strv *runpath, size_t package, struct err *e)
{
	struct missing *grown =
	    reallocarray(s->missing, s->missing_count + 1, sizeof(*grown));
	struct missing *m;

	if (grown == NULL)
		return err_sys(e, ENOMEM, "libraries");
	s->missing = grown;
	m = &grown[s->missing_count++];
	*m = (struct missing){.package = package, .musl = s->musl};
	m->soname = strdup(soname);
	m->user = strdup(user);
	if (m->soname == NULL || m->user == NULL)
		return err_sys(e, ENOMEM, "libraries");
	for (size_t i = 0; i < runpath->n; i++)
		if (strv_add(&m->runpath, runpath->v[i], e) < 0)
			return -1;
	return 0;
}

static void missing_free(struct missing *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(m[i].soname);
		free(m[i].user);
		strv_free(&m[i].runpath);
	}
	free(m);
}

static int add_elf(struct search *s, const char *path, const struct file *f,
    const char *user, struct err *e);

/* Of what is added from now on: `what` of `user`; user NULL: what the caller asked for.
 */
static void set_reason(struct search *s, const char *what, const char *user)
{
	snprintf(
	    s->reason, sizeof(s->reason), "%s of %s", what, user == NULL ? "" : user);
	s->c->out->why = user == NULL ? s->c->why : s->reason;
}

/* Folders of musl's file: one a line, or between colons. */
static int read_musl_path(const struct file *f, struct strv *out, struct err *e)
{
	char AUTO_FREE *text = NULL;

	if (fs_read_file(f->disk, MUSL_PATH_MAX, &text, NULL, e) < 0)
		return -1;
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, ":\n");

		if (p[0] == '/' && strv_add_n(out, p, n, e) < 0)
			return -1;
		p += n + (p[n] != '\0');
	}
	return 0;
}

/* In the order in which the loader looks: behind DT_RUNPATH its own. */
static int loader_folders(
    struct search *s, const struct strv *runpath, struct strv *out, struct err *e)
{
	const char *const *own = s->musl ? musl_folders : glibc_folders;
	size_t n = s->musl ? ARRAY_LEN(musl_folders) : ARRAY_LEN(glibc_folders);
	const struct file *f = NULL;

	for (size_t i = 0; i < runpath->n; i++)
		if (strv_add(out, runpath->v[i], e) < 0)
			return -1;
	if (s->musl)
		f = fileset_resolve(&s->c->source->files, FILESET_MUSL_PATH);
	if (f != NULL)
		return read_musl_path(f, out, e) < 0
			   ? -1
			   : put_file(s->c, FILESET_MUSL_PATH, f, e);
	for (size_t i = 0; i < n; i++)
		if (strv_add(out, own[i], e) < 0)
			return -1;
	return 0;
}

/* 1: in none of them. */
static int find_in(struct search *s, const char *soname, const char *user,
    const struct strv *folders, struct err *e)
{
	char path[DEB_PATH_MAX];

	for (size_t i = 0; i < folders->n; i++) {
		const struct file *f;

		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folders->v[i],
			soname) >= sizeof(path))
			continue;
		f = fileset_resolve(&s->c->source->files, path);
		if (f != NULL)
			return add_elf(s, path, f, user, e);
	}
	return 1;
}

static int find_library(struct search *s, const char *soname, const char *user,
    const struct strv *runpath, struct err *e)
{
	struct strv folders = {0};
	int r;

	set_reason(s, "library", user);
	r = loader_folders(s, runpath, &folders, e);
	if (r == 0)
		r = find_in(s, soname, user, &folders, e);
	strv_free(&folders);
	return r;
}

static int add_libraries(struct search *s, const struct elf_dynamic *d, const char *user,
    size_t package, struct err *e)
{
	for (size_t i = 0; i < d->needed.n; i++) {
		int r = find_library(s, d->needed.v[i], user, &d->runpath, e);

		if (r < 0 || (r == 1 && add_missing(s, d->needed.v[i], user, &d->runpath,
					    package, e) < 0))
			return -1;
	}
	return 0;
}

/* The interpreter has no package of its own to be found by: it comes with libc. */
static int add_interp(
    struct search *s, const char *interp, const char *user, size_t package, struct err *e)
{
	static const struct strv none = {0};
	const struct file *f = fileset_resolve(&s->c->source->files, interp);

	if (f == NULL)
		return add_missing(s, interp, user, &none, package, e);
	set_reason(s, "loader", user);
	return put_as_is(s->c, interp, f, e);
}

static int add_elf(struct search *s, const char *path, const struct file *f,
    const char *user, struct err *e)
{
	char AUTO_FREE *data = NULL;
	char AUTO_FREE *own = NULL;
	struct elf_dynamic d = {0};
	size_t len, package = f->package;
	int r;

	set_reason(s, "library", user);
	if (put_as_is(s->c, path, f, e) < 0)
		return -1;
	if (strv_has(&s->done, f->path))
		return 0;
	if (strv_add(&s->done, f->path, e) < 0 || collect_read(f, &data, &len, e) < 0)
		return -1;
	own = strdup(f->path); /* f goes away when packages are added */
	if (own == NULL)
		return err_sys(e, ENOMEM, "libraries");
	r = elf_dynamic_read(data, len, &d, e);
	if (r == 0 && d.interp != NULL && user == NULL)
		s->musl = strstr(d.interp, "/ld-musl-") != NULL;
	if (r == 0 && d.interp != NULL)
		r = add_interp(s, d.interp, own, package, e);
	if (r == 0)
		r = add_libraries(s, &d, own, package, e);
	elf_dynamic_free(&d);
	return r < 0 ? err_prefix(e, "%s", own) : 0;
}

/* Asks the source for the dependencies of all who miss something. 1: new ones. */
static int fetch_missing(struct search *s, bool libs_only, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < s->missing_count; i++) {
		size_t package = s->missing[i].package;
		struct source *src = s->c->source;
		int r;

		if (package == NO_PACKAGE)
			continue;
		r = src->ops->need_deps(src, package, libs_only, e);
		if (r < 0)
			return -1;
		any |= r == 1;
	}
	return any;
}

/* Looks again for what was missing; what is still missing ends up in the list. */
static int retry(struct search *s, struct err *e)
{
	struct missing *old = s->missing;
	size_t n = s->missing_count;
	int r = 0;

	s->missing = NULL;
	s->missing_count = 0;
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (old[i].soname[0] == '/') {
			r = add_interp(s, old[i].soname, old[i].user, old[i].package, e);
			continue;
		}
		s->musl = old[i].musl;
		r = find_library(s, old[i].soname, old[i].user, &old[i].runpath, e);
		if (r == 1)
			r = add_missing(s, old[i].soname, old[i].user, &old[i].runpath,
			    old[i].package, e);
	}
	missing_free(old, n);
	return r < 0 ? -1 : 0;
}

static int resolve_missing(struct search *s, struct err *e)
{
	while (s->missing_count > 0) {
		int r = fetch_missing(s, true, e);

		if (r == 0)
			r = fetch_missing(s, false, e);
		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(e, ERR_PRECONDITION,
			    "%s: needs %s, which no package at hand has",
			    s->missing[0].user, s->missing[0].soname);
		if (retry(s, e) < 0)
			return -1;
	}
	return 0;
}

int collect_programs(struct collect *c, const struct strv *paths, struct err *e)
{
	struct search s = {.c = c};
	int r = 0;

	for (size_t i = 0; i < paths->n && r == 0; i++) {
		const struct file *f = fileset_resolve(&c->source->files, paths->v[i]);

		if (f == NULL)
			r = err_set(
			    e, ERR_PRECONDITION, "%s: not in the packages", paths->v[i]);
		else
			r = add_elf(&s, paths->v[i], f, NULL, e);
	}
	if (r == 0)
		r = resolve_missing(&s, e);
	c->out->why = c->why; /* the text of a reason goes away */
	strv_free(&s.done);
	missing_free(s.missing, s.missing_count);
	return r;
}

int collect_static(struct collect *c, const char *path, const char *disk, struct err *e)
{
	struct elf_dynamic d = {0};
	char *data;
	size_t len;
	int r;

	if (fs_read_file(disk, DEB_FILE_MAX, &data, &len, e) < 0) {
		if (e != NULL)
			e->code = ERR_PRECONDITION;
		return err_hint(e, "it comes with bhyfi: is bhyfi installed whole?");
	}
	r = elf_dynamic_read(data, len, &d, e);
	if (r == 0 && (d.interp != NULL || d.needed.n > 0))
		r = err_set(e, ERR_FAILED, "not a static program");
	if (r == 0)
		r = elf_trim(data, &len, e);
	elf_dynamic_free(&d);
	if (r < 0) {
		free(data);
		return err_prefix(e, "%s", disk);
	}
	c->out->why = "program of bhyfi";
	return tree_file(c->out, path, data, len, 0755, NO_PACKAGE, e);
}
