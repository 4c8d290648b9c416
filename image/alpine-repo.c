#include "alpine-repo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apk-solve.h"
#include "cleanup.h"
#include "fs.h"
#include "hash.h"
#include "log.h"
#include "paths.h"

#define LISTS_FRESH_S (24 * 3600)
#define RETRY_S 3600 /* after an update that failed */
#define KEYS_DIR PATH_SHARE "/keys/alpine"
#define OLDEST_BRANCH 20 /* v3.20 */

/* A package of the first wins over one of the second. */
static const char *const repos[] = {"main", "community"};

static char *path_of(
    const struct alpine_repo *r, const char *name, const char *suffix, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", r->state, name, suffix) < 0) {
		err_sys(e, ENOMEM, "alpine");
		return NULL;
	}
	return path;
}

int alpine_branch_check(const char *branch, struct err *e)
{
	const char *p = branch + 3;

	if (strcmp(branch, "latest-stable") == 0 || strcmp(branch, "edge") == 0)
		return 0;
	if (strncmp(branch, "v3.", 3) == 0 && isdigit((unsigned char)*p) &&
	    strlen(p) <= 3 && strspn(p, "0123456789") == strlen(p) &&
	    atoi(p) >= OLDEST_BRANCH)
		return 0;
	err_set(e, ERR_USAGE, "no such branch of Alpine: %.40s", branch);
	return err_hint(e, "v3.%d or later, latest-stable, edge", OLDEST_BRANCH);
}

static int check_options(
    struct alpine_repo *r, const struct image_options *o, struct err *e)
{
	const char *mirror = o->mirror == NULL ? ALPINE_MIRROR : o->mirror;
	const char *branch = o->branch == NULL ? ALPINE_BRANCH : o->branch;
	size_t n = strlen(mirror);

	if (fetch_check_url("mirror", mirror, e) < 0 ||
	    alpine_branch_check(branch, e) < 0)
		return -1;
	while (n > 1 && mirror[n - 1] == '/')
		n--;
	r->local = mirror[0] == '/' || strncmp(mirror, "file:", 5) == 0;
	r->mirror = strndup(mirror, n);
	r->branch = strdup(branch);
	return r->mirror == NULL || r->branch == NULL ? err_sys(e, ENOMEM, "alpine") : 0;
}

static int make_folders(struct alpine_repo *r, const char *dir, struct err *e)
{
	char AUTO_FREE *text = NULL;
	char key[HASH_HEX];

	if (asprintf(&text, "%s %s", r->mirror, r->branch) < 0)
		return err_sys(e, ENOMEM, "alpine");
	if (hash_data(text, strlen(text), key, e) < 0)
		return -1;
	if (asprintf(&r->state, "%s/index-%.12s", dir, key) < 0 ||
	    asprintf(&r->archives, "%s/archives", dir) < 0)
		return err_sys(e, ENOMEM, "alpine");
	return fs_mkdir_p(r->state, 0755, e) < 0 ? -1 : fs_mkdir_p(r->archives, 0755, e);
}

int64_t alpine_repo_listed(const struct alpine_repo *r)
{
	char AUTO_FREE *path = path_of(r, "updated", "", NULL);
	struct stat st;

	return path == NULL || stat(path, &st) < 0 ? 0 : (int64_t)st.st_mtime;
}

static bool is_stale(const struct alpine_repo *r)
{
	int64_t listed = alpine_repo_listed(r), now = (int64_t)time(NULL);

	return r->local || listed == 0 || listed > now || now - listed > LISTS_FRESH_S;
}

/* The stamp's time says until when the indexes pass as fresh. */
static int stamp(const struct alpine_repo *r, time_t age, struct err *e)
{
	char AUTO_FREE *path = path_of(r, "updated", "", e);
	struct timespec t[2] = {
	    {.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};

	if (path == NULL || fs_write_atomic(path, 0644, "", 0, e) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, t, 0) < 0 ? err_sys(e, errno, "%s", path) : 0;
}

/* 1: there is no such file. */
static int read_index(const struct alpine_repo *r, const char *path, const char *name,
    char **text, size_t *len, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 1 : err_sys(e, errno, "%s", path);
	if (apk_index_read(fd, r->keys, text, len, e) < 0)
		return err_prefix(e, "index of %s %s", r->branch, name);
	return 0;
}

/* 1: there is no index of the first repository. */
static int load(struct alpine_repo *r, struct err *e)
{
	apk_index_free(&r->index);
	for (size_t i = 0; i < ARRAY_LEN(repos); i++) {
		char AUTO_FREE *path = path_of(r, repos[i], ".tar.gz", e);
		char *text;
		size_t len;
		int n;

		if (path == NULL)
			return -1;
		n = read_index(r, path, repos[i], &text, &len, e);
		if (n < 0 || (n == 1 && i == 0))
			return n;
		if (n == 0 && apk_index_add(&r->index, text, len, (unsigned)i, e) < 0)
			return err_prefix(e, "%s %s", r->branch, repos[i]);
	}
	return apk_index_ready(&r->index, e);
}

/* Downloads one to NAME.new and verifies it there. 1: the mirror has none. */
static int download_index(struct alpine_repo *r, const char *name, struct err *e)
{
	char AUTO_FREE *url = NULL;
	char AUTO_FREE *path = path_of(r, name, ".new", e);
	char *text = NULL;
	size_t len;
	int n;

	if (path == NULL)
		return -1;
	if (asprintf(
		&url, "%s/%s/%s/x86_64/APKINDEX.tar.gz", r->mirror, r->branch, name) < 0)
		return err_sys(e, ENOMEM, "alpine");
	unlink(path);
	if (fetch_file(
		r->fetch, IMAGE_STAGE_LISTS, url, path, APK_INDEX_FILE_MAX, NULL, e) < 0)
		return fetch_missing(r->fetch) ? 1 : -1;
	n = read_index(r, path, name, &text, &len, e);
	free(text);
	return n;
}

static int download_indexes(struct alpine_repo *r, bool got[], struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(repos); i++) {
		int n;

		fetch_count(r->fetch, i, ARRAY_LEN(repos));
		n = download_index(r, repos[i], e);
		/* All that we need may be in the first one. */
		if (n < 0 || (n == 1 && i == 0))
			return -1;
		got[i] = n == 0;
	}
	return 0;
}

/* Puts the new ones in the place of the old ones, or takes them away. */
static int settle(const struct alpine_repo *r, const bool got[], bool good, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(repos) && ret == 0; i++) {
		char AUTO_FREE *path = path_of(r, repos[i], ".tar.gz", e);
		char AUTO_FREE *fresh = path_of(r, repos[i], ".new", e);

		if (path == NULL || fresh == NULL)
			return -1;
		if (good && got[i] && rename(fresh, path) < 0)
			ret = err_sys(e, errno, "%s", path);
		if (!good || !got[i])
			unlink(fresh);
		if (good && !got[i])
			unlink(path);
	}
	return ret;
}

int alpine_repo_update(struct alpine_repo *r, struct err *e)
{
	bool got[ARRAY_LEN(repos)] = {false};
	struct err why = ERR_INIT;
	int ret;

	r->updated = true;
	ret = download_indexes(r, got, &why);
	if (settle(r, got, ret == 0, &why) < 0)
		ret = -1;
	if (ret == 0)
		return load(r, e) != 0 ? -1 : stamp(r, 0, e);
	if (alpine_repo_listed(r) == 0 || load(r, NULL) != 0) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	log_warn("package lists not updated, going on with the old ones: %s", why.msg);
	return stamp(r, LISTS_FRESH_S - RETRY_S, e);
}

int alpine_repo_open(struct alpine_repo *r, const char *dir,
    const struct image_options *opts, const struct steps *steps, struct err *e)
{
	*r = (struct alpine_repo){.steps = steps};
	if (check_options(r, opts, e) < 0 || make_folders(r, dir, e) < 0 ||
	    apk_keys_load(opts->keys == NULL ? KEYS_DIR : opts->keys, &r->keys, e) < 0 ||
	    fetch_open(&r->fetch, steps, e) < 0)
		return -1;
	if (!is_stale(r) && load(r, NULL) == 0)
		return 0;
	return alpine_repo_update(r, e);
}

void alpine_repo_close(struct alpine_repo *r)
{
	if (r->fetch != NULL)
		fetch_close(r->fetch);
	apk_index_free(&r->index);
	apk_keys_free(r->keys);
	free(r->mirror);
	free(r->branch);
	free(r->state);
	free(r->archives);
	*r = (struct alpine_repo){0};
}

static size_t find(const struct alpine_repo *r, const char *name, const char *version)
{
	const struct apk_provider *p;
	size_t n, best = APK_NO_PACKAGE;

	p = apk_index_providers(&r->index, name, &n);
	for (size_t i = 0; i < n; i++) {
		const struct apk_package *q = &r->index.packages[p[i].package];

		if (strcmp(q->name, name) != 0 ||
		    (version != NULL && strcmp(q->version, version) != 0))
			continue;
		if (best == APK_NO_PACKAGE ||
		    apk_version_compare(q->version, r->index.packages[best].version) > 0)
			best = p[i].package;
	}
	return best;
}

size_t alpine_repo_find(const struct alpine_repo *r, const char *name)
{
	return find(r, name, NULL);
}

size_t alpine_repo_find_version(
    const struct alpine_repo *r, const char *name, const char *version)
{
	return find(r, name, version);
}

char *alpine_repo_archive(
    const struct alpine_repo *r, const struct apk_package *p, struct err *e)
{
	char *path = NULL;

	/* Two branches may have two of one version. */
	if (asprintf(&path, "%s/%s-%s-%02x%02x%02x%02x.apk", r->archives, p->name,
		p->version, p->id[0], p->id[1], p->id[2], p->id[3]) < 0) {
		err_sys(e, ENOMEM, "alpine");
		return NULL;
	}
	return path;
}

int alpine_repo_fetch(struct alpine_repo *r, const struct apk_package *p, struct err *e)
{
	char AUTO_FREE *path = alpine_repo_archive(r, p, e);
	char AUTO_FREE *url = NULL;
	struct stat st;

	if (path == NULL)
		return -1;
	if (stat(path, &st) == 0 && (uint64_t)st.st_size == p->size)
		return 0;
	if (asprintf(&url, "%s/%s/%s/x86_64/%s-%s.apk", r->mirror, r->branch,
		repos[p->repo], p->name, p->version) < 0)
		return err_sys(e, ENOMEM, "alpine");
	return fetch_file(r->fetch, IMAGE_STAGE_PACKAGES, url, path, p->size, NULL, e);
}
