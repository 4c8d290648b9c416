/*
 * Debian's archive without apt. A folder of lists for each set of mirrors holds
 *
 *     SUITE.InRelease     of each suite, verified again whenever it is read: whoever
 *                         builds may trust other keys than the one who built before
 *     SHA256.xz, .gz      the Packages files that these name, under their hash
 *     updated             when (deb_lists_stamp)
 *
 * An update brings each new InRelease as SUITE.InRelease.new and the Packages files that
 * it names; only when all are there do the InRelease files get their names, and what is
 * named no more is removed. So a build that is killed leaves lists that fit together.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bzimage.h"
#include "cleanup.h"
#include "debindex.h"
#include "debrelease.h"
#include "debsupply.h"
#include "debverify.h"
#include "fetch.h"
#include "fs.h"
#include "hash.h"
#include "log.h"

#define SUITES 3
#define LIST_NAME_MAX 128

struct suite {
	char name[80];
	char *base; /* URL or folder of its archive, without a slash at the end; NULL:
		       none */
	bool security, there;
	struct deb_release release;
};

struct repo {
	struct fetch *fetch;
	char *lists;
	struct suite suites[SUITES];
	struct deb_index index;
	bool read;
};

static char *list_path(
    const struct repo *r, const char *name, const char *suffix, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", r->lists, name, suffix) < 0) {
		err_sys(e, ENOMEM, "%s", r->lists);
		return NULL;
	}
	return path;
}

/* Where the security updates are: as told, or beside a mirror whose last folder is
 * "debian", as on Debian's own. NULL with e untouched: not known. */
static char *security_base(const struct image_options *o, const char *mirror)
{
	static const char last[] = "/debian";
	size_t len = strlen(mirror);
	char *base = NULL;

	if (o->security_mirror != NULL)
		return strcmp(o->security_mirror, "none") == 0
			   ? NULL
			   : strdup(o->security_mirror);
	if (len < sizeof(last) - 1 ||
	    strcmp(mirror + len - (sizeof(last) - 1), last) != 0)
		return NULL;
	if (asprintf(&base, "%s-security", mirror) < 0)
		return NULL;
	return base;
}

static void cut_slashes(char *url)
{
	size_t len = strlen(url);

	while (len > 1 && url[len - 1] == '/')
		url[--len] = '\0';
}

/* A suite's name is a part of URLs and of files' names. */
static int check_suite(const char *suite, struct err *e)
{
	size_t len = strlen(suite);

	if (len == 0 || len > 48 ||
	    strspn(suite, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return err_set(e, ERR_USAGE, "image: not a suite's name: %.60s", suite);
	return 0;
}

static int find_mirrors(struct repo *r, const struct image_options *o, struct err *e)
{
	static const char *const suffix[SUITES] = {"", "-updates", "-security"};
	char AUTO_FREE *own = o->suite == NULL ? deb_default_suite(e) : NULL;
	const char *suite = o->suite == NULL ? own : o->suite;

	if (suite == NULL || check_suite(suite, e) < 0 ||
	    fetch_check_url("--mirror", o->mirror, e) < 0 ||
	    (o->security_mirror != NULL && strcmp(o->security_mirror, "none") != 0 &&
		fetch_check_url("--security-mirror", o->security_mirror, e) < 0))
		return -1;
	for (size_t i = 0; i < SUITES; i++)
		snprintf(r->suites[i].name, sizeof(r->suites[i].name), "%s%s", suite,
		    suffix[i]);
	r->suites[0].base = strdup(o->mirror);
	r->suites[1].base = strdup(o->mirror);
	if (r->suites[0].base == NULL || r->suites[1].base == NULL)
		return err_sys(e, ENOMEM, "mirror");
	cut_slashes(r->suites[0].base);
	cut_slashes(r->suites[1].base);
	r->suites[2].security = true;
	r->suites[2].base = security_base(o, r->suites[0].base);
	if (r->suites[2].base != NULL)
		cut_slashes(r->suites[2].base);
	else if (o->security_mirror == NULL && strcmp(suite, "sid") != 0 &&
		 strcmp(suite, "unstable") != 0)
		log_warn("no security updates: where they are does not follow from the "
			 "mirror's name (--security-mirror URL)");
	return 0;
}

/* One folder of lists for each set of mirrors. */
static int make_folder(struct repo *r, const char *dir, struct err *e)
{
	char AUTO_FREE *text = NULL;
	char key[HASH_HEX];

	if (asprintf(&text, "%s %s %s", r->suites[0].base, r->suites[0].name,
		r->suites[2].base == NULL ? "" : r->suites[2].base) < 0) {
		text = NULL;
		return err_sys(e, ENOMEM, "lists");
	}
	if (hash_data(text, strlen(text), key, e) < 0)
		return -1;
	if (asprintf(&r->lists, "%s/repo-%.12s", dir, key) < 0) {
		r->lists = NULL;
		return err_sys(e, ENOMEM, "lists");
	}
	return fs_mkdir_p(r->lists, 0755, e);
}

static int read_release(struct repo *r, const struct deb_supply *s,
    const struct suite *suite, const char *suffix, struct deb_release *out, struct err *e)
{
	char AUTO_FREE *path = list_path(r, suite->name, suffix, e);
	char AUTO_FREE *text = NULL;
	size_t len;

	if (path == NULL || deb_verify(path, s->opts->keys, r->lists, &text, &len, e) < 0)
		return -1;
	if (deb_release_parse(text, len, out, e) < 0)
		return err_prefix(e, "%s", path);
	return 0;
}

/* The file of a Packages list, by its hash. */
static void list_name(const struct deb_release_file *f, char name[LIST_NAME_MAX])
{
	snprintf(name, LIST_NAME_MAX, "%s.%s", f->sha256, f->xz ? "xz" : "gz");
}

/* By its hash where the mirror has that: then it can not have changed since. */
static int fetch_list(struct repo *r, const struct suite *suite,
    const struct deb_release *rel, const struct deb_release_file *f, struct err *e)
{
	char name[LIST_NAME_MAX];
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *url = NULL;
	char AUTO_FREE *plain = NULL;
	const char *slash = strrchr(f->path, '/');

	list_name(f, name);
	path = list_path(r, name, "", e);
	if (path == NULL)
		return -1;
	if (asprintf(&url, "%s/dists/%s/%.*s/by-hash/SHA256/%s", suite->base, suite->name,
		(int)(slash - f->path), f->path, f->sha256) < 0 ||
	    asprintf(&plain, "%s/dists/%s/%s", suite->base, suite->name, f->path) < 0)
		return err_sys(e, ENOMEM, "%s", path);
	if (rel->by_hash) {
		int ret = fetch_file(
		    r->fetch, IMAGE_STAGE_LISTS, url, path, f->size, f->sha256, e);

		if (ret == 0 || !fetch_missing(r->fetch))
			return ret;
	}
	return fetch_file(
	    r->fetch, IMAGE_STAGE_LISTS, plain, path, f->size, f->sha256, e);
}

/*
 * Brings a suite's InRelease as .new with the lists that it names. 1 where the mirror has
 * no such suite. One that is older than what we have is refused: somebody may hold
 * updates back.
 */
static int update_suite(
    struct repo *r, const struct deb_supply *s, struct suite *suite, struct err *e)
{
	char AUTO_FREE *path = list_path(r, suite->name, ".InRelease.new", e);
	char AUTO_FREE *url = NULL;
	struct deb_release rel;

	if (path == NULL)
		return -1;
	if (asprintf(&url, "%s/dists/%s/InRelease", suite->base, suite->name) < 0)
		return err_sys(e, ENOMEM, "%s", suite->name);
	if (fetch_file(r->fetch, IMAGE_STAGE_LISTS, url, path, DEB_RELEASE_MAX, NULL, e) <
	    0)
		return fetch_missing(r->fetch) ? 1 : -1;
	if (read_release(r, s, suite, ".InRelease.new", &rel, e) < 0)
		return -1;
	if (deb_release_check(&rel, suite->name, time(NULL), e) < 0)
		return err_prefix(e, "%s", suite->name);
	if (suite->there && rel.date < suite->release.date)
		return err_set(e, ERR_FAILED,
		    "%s: the mirror's is older than the one that we have", suite->name);
	for (size_t i = 0; i < rel.file_count; i++)
		if (fetch_list(r, suite, &rel, &rel.files[i], e) < 0)
			return -1;
	suite->release = rel;
	return 0;
}

/* Whether a file in the folder is one that the suites name. */
static bool is_named(const struct repo *r, const char *file)
{
	for (size_t i = 0; i < SUITES; i++) {
		const struct suite *s = &r->suites[i];
		char name[LIST_NAME_MAX];

		snprintf(name, sizeof(name), "%s.InRelease", s->name);
		if (s->there && strcmp(file, name) == 0)
			return true;
		for (size_t k = 0; s->there && k < s->release.file_count; k++) {
			list_name(&s->release.files[k], name);
			if (strcmp(file, name) == 0)
				return true;
		}
	}
	return strcmp(file, "updated") == 0;
}

/* After an update that failed only what was not verified goes: what is in a part or under
 * its hash is of use to the next one. */
static void drop_new(const struct repo *r)
{
	for (size_t i = 0; i < SUITES; i++) {
		char AUTO_FREE *path =
		    list_path(r, r->suites[i].name, ".InRelease.new", NULL);

		if (path != NULL)
			unlink(path);
	}
}

static int clean_lists(const struct repo *r, struct err *e)
{
	DIR *d = opendir(r->lists);
	struct dirent *entry;
	int ret = 0;

	if (d == NULL)
		return err_sys(e, errno, "%s", r->lists);
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_named(r, entry->d_name))
			continue;
		path = list_path(r, entry->d_name, "", e);
		ret = path == NULL ? -1 : fs_remove_tree(path, e);
	}
	closedir(d);
	return ret;
}

static int commit_suite(struct repo *r, struct suite *suite, struct err *e)
{
	char AUTO_FREE *from = list_path(r, suite->name, ".InRelease.new", e);
	char AUTO_FREE *to = list_path(r, suite->name, ".InRelease", e);

	if (from == NULL || to == NULL)
		return -1;
	if (rename(from, to) < 0)
		return err_sys(e, errno, "%s", to);
	suite->there = true;
	return 0;
}

static void forget(struct repo *r)
{
	deb_index_free(&r->index);
	r->read = false;
}

/* found[i]: there is something new for suite i. The first has to be there, and those
 * that were there before. */
static int update_all(
    struct repo *r, const struct deb_supply *s, bool found[SUITES], struct err *e)
{
	for (size_t i = 0; i < SUITES; i++) {
		struct suite *suite = &r->suites[i];
		char show[256];
		int ret;

		found[i] = false;
		if (suite->base == NULL)
			continue;
		fetch_show(suite->base, show, sizeof(show));
		ret = update_suite(r, s, suite, e);
		if (ret < 0 || (ret > 0 && (i == 0 || suite->there)))
			return -1;
		found[i] = ret == 0;
		if (ret > 0 && suite->security)
			log_warn("no security updates: %s has no %s "
				 "(--security-mirror URL)",
			    show, suite->name);
		else if (ret > 0)
			log_info("%s has no %s", show, suite->name);
	}
	return 0;
}

static int repo_try_update(struct repo *r, const struct deb_supply *s, struct err *e)
{
	bool found[SUITES];

	if (update_all(r, s, found, e) < 0)
		return -1;
	for (size_t i = 0; i < SUITES; i++)
		if (found[i] && commit_suite(r, &r->suites[i], e) < 0)
			return -1;
	forget(r);
	return clean_lists(r, e);
}

/* What the cache has of each suite. A broken file is as none: the update will bring it
 * or say what is wrong. */
static int read_suites(struct repo *r, const struct deb_supply *s, struct err *e)
{
	for (size_t i = 0; i < SUITES; i++) {
		struct suite *suite = &r->suites[i];
		char AUTO_FREE *path = list_path(r, suite->name, ".InRelease", e);
		struct err why = ERR_INIT;

		if (path == NULL)
			return -1;
		suite->there = false;
		if (suite->base == NULL || access(path, F_OK) < 0)
			continue;
		if (read_release(r, s, suite, ".InRelease", &suite->release, &why) == 0)
			suite->there = true;
		else
			log_warn("%s", why.msg);
	}
	return 0;
}

static int repo_update(struct deb_supply *s, struct err *e)
{
	struct repo *r = s->priv;
	struct err why = ERR_INIT;
	int ret;

	s->updated = true;
	ret = repo_try_update(r, s, &why);
	if (ret == 0)
		return deb_lists_stamp(r->lists, false, e);
	drop_new(r);
	/* A suite whose InRelease was renamed already is in use, a failed one is not. */
	if (read_suites(r, s, e) < 0)
		return -1;
	if (!r->suites[0].there ||
	    step_report(s->steps, IMAGE_STAGE_LISTS, "package lists", 0, 0, NULL) < 0) {
		if (e != NULL)
			*e = why;
		return err_prefix(e, "package lists");
	}
	log_warn("package lists not updated, going on with the old ones: %s", why.msg);
	for (size_t i = 0; i < SUITES; i++)
		if (r->suites[i].there &&
		    deb_release_expired(&r->suites[i].release, time(NULL), &why) < 0)
			log_warn("%s: %s", r->suites[i].name, why.msg);
	return deb_lists_stamp(r->lists, true, e);
}

static int repo_open(struct deb_supply *s, struct err *e)
{
	struct repo *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_sys(e, ENOMEM, "mirror");
	s->priv = r;
	if (fetch_open(&r->fetch, s->steps, e) < 0 || find_mirrors(r, s->opts, e) < 0 ||
	    make_folder(r, s->dir, e) < 0 || read_suites(r, s, e) < 0)
		return -1;
	if (r->suites[0].there || s->updated)
		return 0;
	return repo_update(s, e);
}

static void repo_close(struct deb_supply *s)
{
	struct repo *r = s->priv;

	if (r == NULL)
		return;
	fetch_close(r->fetch);
	forget(r);
	free(r->lists);
	for (size_t i = 0; i < SUITES; i++)
		free(r->suites[i].base);
	free(r);
	s->priv = NULL;
}

static const char *repo_lists(const struct deb_supply *s)
{
	const struct repo *r = s->priv;

	return r->lists;
}

/* A Packages file of the cache, its hash checked again, decompressed. */
static int read_list(
    struct repo *r, size_t suite, const struct deb_release_file *f, struct err *e)
{
	char name[LIST_NAME_MAX], hex[HASH_HEX];
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *raw = NULL;
	char *text = NULL, *grown;
	size_t len, n;

	list_name(f, name);
	path = list_path(r, name, "", e);
	if (path == NULL || fs_read_file(path, f->size, &raw, &len, e) < 0 ||
	    hash_data(raw, len, hex, e) < 0)
		return -1;
	if (strcmp(hex, f->sha256) != 0)
		return err_set(e, ERR_FAILED, "%s: damaged", path);
	if (decompress(raw, len, DEB_INDEX_MAX, &text, &n, e) < 0)
		return err_prefix(e, "%s", path);
	grown = realloc(text, n + 1);
	if (grown == NULL) {
		free(text);
		return err_sys(e, ENOMEM, "%s", path);
	}
	return deb_index_add(&r->index, grown, n, (unsigned)suite, e) < 0
		   ? err_prefix(e, "%s %s", r->suites[suite].name, f->path)
		   : 0;
}

static int read_lists(struct deb_supply *s, struct err *e)
{
	struct repo *r = s->priv;

	if (r->read)
		return 0;
	if (step_report(s->steps, IMAGE_STAGE_LISTS, "package lists", 0, 0, e) < 0)
		return -1;
	for (size_t i = 0; i < SUITES; i++)
		for (size_t k = 0;
		     r->suites[i].there && k < r->suites[i].release.file_count; k++)
			if (read_list(r, i, &r->suites[i].release.files[k], e) < 0) {
				forget(r);
				return -1;
			}
	r->read = true;
	return 0;
}

static int fill_package(struct deb_package *p, const struct repo *r,
    const struct deb_entry *entry, struct err *e)
{
	const char *slash = strrchr(entry->filename, '/');

	if (entry->size > DEB_ARCHIVE_MAX)
		return err_set(e, ERR_FAILED, "%s: too large", entry->name);
	p->name = strdup(entry->name);
	p->file = strdup(slash == NULL ? entry->filename : slash + 1);
	if (p->name == NULL || p->file == NULL ||
	    asprintf(&p->url, "%s/%s", r->suites[entry->list].base, entry->filename) < 0)
		return err_sys(e, ENOMEM, "%s", entry->name);
	memcpy(p->sha256, entry->sha256, sizeof(p->sha256));
	p->size = (size_t)entry->size;
	p->list = entry->list;
	return 0;
}

static int repo_resolve(
    struct deb_supply *s, const struct strv *names, struct deb_list *out, struct err *e)
{
	struct repo *r = s->priv;

	*out = (struct deb_list){0};
	if (read_lists(s, e) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		const struct deb_entry *entry = deb_index_newest(&r->index, names->v[i]);
		struct deb_package *p;

		if (entry == NULL)
			return err_set(
			    e, ERR_FAILED, "the archive has no package %s", names->v[i]);
		p = deb_list_add(out, e);
		if (p == NULL || fill_package(p, r, entry, e) < 0)
			return -1;
	}
	return 0;
}

static int repo_choose(struct deb_supply *s, const char *depends, bool libs_only,
    struct strv *names, struct err *e)
{
	struct repo *r = s->priv;

	return read_lists(s, e) < 0
		   ? -1
		   : deb_index_choose(&r->index, depends, libs_only, names, e);
}

static int repo_download(struct deb_supply *s, const struct deb_package *const *packages,
    size_t n, size_t done, size_t total, struct err *e)
{
	struct repo *r = s->priv;

	for (size_t i = 0; i < n; i++) {
		char AUTO_FREE *path = NULL;

		if (asprintf(&path, "%s/%s", s->archives, packages[i]->file) < 0) {
			path = NULL;
			return err_sys(e, ENOMEM, "%s", packages[i]->name);
		}
		fetch_count(r->fetch, done + i, total);
		if (fetch_file(r->fetch, IMAGE_STAGE_PACKAGES, packages[i]->url, path,
			packages[i]->size, packages[i]->sha256, e) < 0)
			return -1;
	}
	fetch_count(r->fetch, 0, 0);
	return 0;
}

static int repo_newest(struct deb_supply *s, const char *package, char **version,
    bool *security, struct err *e)
{
	struct repo *r = s->priv;
	const struct deb_entry *p;

	*version = NULL;
	*security = false;
	if (read_lists(s, e) < 0)
		return -1;
	p = deb_index_newest(&r->index, package);
	if (p == NULL)
		return 0;
	*security = r->suites[p->list].security;
	*version = strdup(p->version);
	return *version == NULL ? err_sys(e, ENOMEM, "%s", package) : 0;
}

const struct deb_supply_ops deb_supply_repo = {
    .open = repo_open,
    .close = repo_close,
    .lists = repo_lists,
    .update = repo_update,
    .resolve = repo_resolve,
    .choose = repo_choose,
    .download = repo_download,
    .newest = repo_newest,
};
