/*
 * Source `debian`: packages by apt, unpacked once into CACHE/unpacked/SHA256,
 * where later builds find them without asking the network.
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

#include "apt.h"
#include "cleanup.h"
#include "deb.h"
#include "fs.h"
#include "paths.h"
#include "source.h"

#define KERNEL_META "linux-image-amd64"
/* A package that was in no build for so long leaves the cache. */
#define UNUSED_S (60 * 24 * 3600)
#define KERNEL_PREFIX "linux-image-"
/* One apt-get for so much: in between the build can be cancelled. */
#define BATCH_BYTES (16u << 20)

struct debian {
	struct apt apt;
	char *unpacked;
};

/*
 * What is unpacked of a package. Left out, to keep the cache small: documentation, and
 * the parts of a kernel that no network card's driver depends on. A module that
 * depends on one of them would be refused later with its name.
 */
static bool wanted(const char *path)
{
	static const char *const keep[] = {"boot/", "lib/", "lib64/", "bin/", "sbin/",
	    "usr/lib/", "usr/lib64/", "usr/bin/", "usr/sbin/"};
	static const char *const skip[] = {"/kernel/sound/", "/kernel/fs/",
	    "/kernel/drivers/gpu/", "/kernel/drivers/media/", "/kernel/drivers/scsi/",
	    "/kernel/drivers/infiniband/", "/kernel/drivers/iio/", "/kernel/drivers/md/",
	    "/kernel/drivers/target/", "/kernel/drivers/net/ethernet/"};
	bool in = false;

	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		in |= strncmp(path, keep[i], strlen(keep[i])) == 0;
	if (strstr(path, "lib/modules/") == NULL)
		return in;
	for (size_t i = 0; i < ARRAY_LEN(skip); i++)
		in &= strstr(path, skip[i]) == NULL;
	return in;
}

/* DB/cache where it can be written, else the user's own cache folder. */
static char *default_cache(struct err *e)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int n;

	if (fs_mkdir_p(PATH_DB "/cache", 0755, NULL) == 0 &&
	    access(PATH_DB "/cache", W_OK) == 0)
		n = asprintf(&dir, "%s", PATH_DB "/cache");
	else if (base != NULL && base[0] == '/')
		n = asprintf(&dir, "%s/bhyfi", base);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&dir, "%s/.cache/bhyfi", home);
	else {
		err_set(e, ERR_PRECONDITION, "%s: can not be written", PATH_DB "/cache");
		err_hint(e, "set HOME, or run as root");
		return NULL;
	}
	if (n < 0) {
		err_sys(e, ENOMEM, "cache");
		return NULL;
	}
	return dir;
}

/*
 * Removes what builds that were killed left half-unpacked (we hold the lock), and
 * packages that no build has used for long.
 */
static int clean_unpacked(const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	time_t now = time(NULL);
	int r = 0;

	if (d == NULL)
		return err_sys(e, errno, "%s", dir);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;
		const char *dot = strchr(entry->d_name, '.');
		struct stat st;

		if (dot == entry->d_name ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (dot == NULL && now - st.st_mtime < UNUSED_S)
			continue;
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			r = err_sys(e, ENOMEM, "%s", dir);
		else
			r = fs_remove_tree(path, e);
	}
	closedir(d);
	return r;
}

static int debian_open(struct source *s, struct err *e)
{
	const struct image_options *o = s->opts;
	struct debian *d = calloc(1, sizeof(*d));
	char AUTO_FREE *cache = NULL;
	char AUTO_FREE *dir = NULL;

	if (d == NULL)
		return err_sys(e, ENOMEM, "debian");
	d->apt.lock = -1;
	s->priv = d;
	if (o->root != NULL)
		return err_set(e, ERR_USAGE, "image build: a root belongs to source dir");
	if (o->suite != NULL && o->mirror == NULL)
		return err_set(e, ERR_USAGE, "image build: a suite needs a mirror");
	cache = o->cache == NULL ? default_cache(e) : strdup(o->cache);
	if (cache == NULL)
		return o->cache == NULL ? -1 : err_sys(e, ENOMEM, "debian");
	if (asprintf(&dir, "%s/debian", cache) < 0 ||
	    asprintf(&d->unpacked, "%s/unpacked", dir) < 0)
		return err_sys(e, ENOMEM, "debian");
	if (step_report(s->steps, IMAGE_STAGE_LISTS, "package lists", 0, 0, e) < 0 ||
	    apt_open(&d->apt, dir, o->mirror, o->suite, e) < 0 ||
	    fs_mkdir_p(d->unpacked, 0755, e) < 0 || clean_unpacked(d->unpacked, e) < 0)
		return -1;
	return apt_stale(&d->apt) ? apt_update(&d->apt, e) : 0;
}

static void debian_close(struct source *s)
{
	struct debian *d = s->priv;

	if (d == NULL)
		return;
	apt_close(&d->apt);
	free(d->unpacked);
	free(d);
	s->priv = NULL;
}

static char *unpacked_path(
    struct debian *d, const struct apt_package *p, const char *suffix, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", d->unpacked, p->sha256, suffix) < 0) {
		err_sys(e, ENOMEM, "debian");
		return NULL;
	}
	return path;
}

static bool is_unpacked(struct debian *d, const struct apt_package *p)
{
	char AUTO_FREE *path = unpacked_path(d, p, "", NULL);

	/* The new time keeps it from clean_unpacked. */
	return path != NULL && utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

static int unpack_one(struct debian *d, const struct apt_package *p, struct err *e)
{
	char AUTO_FREE *archive = apt_archive_path(&d->apt, p, e);
	char AUTO_FREE *tmp = unpacked_path(d, p, ".tmp", e);

	if (archive == NULL || tmp == NULL || fs_remove_tree(tmp, e) < 0)
		return -1;
	if (mkdir(tmp, 0755) < 0)
		return err_sys(e, errno, "%s", tmp);
	if (deb_unpack(archive, tmp, wanted, e) == 0)
		return 0;
	fs_remove_tree(tmp, NULL);
	return -1;
}

/* From SHA256.tmp to SHA256; the archive has done its part. */
static int unpacked_done(struct debian *d, const struct apt_package *p, struct err *e)
{
	char AUTO_FREE *archive = apt_archive_path(&d->apt, p, e);
	char AUTO_FREE *tmp = unpacked_path(d, p, ".tmp", e);
	char AUTO_FREE *path = unpacked_path(d, p, "", e);

	if (archive == NULL || tmp == NULL || path == NULL)
		return -1;
	if (rename(tmp, path) < 0)
		return err_sys(e, errno, "%s", path);
	if (unlink(archive) < 0)
		return err_sys(e, errno, "%s", archive);
	return 0;
}

static int unpack_all(
    struct source *s, const struct apt_package *const *missing, size_t n, struct err *e)
{
	struct debian *d = s->priv;

	for (size_t i = 0; i < n; i++)
		if (step_report(s->steps, IMAGE_STAGE_PACKAGES, missing[i]->name, n + i,
			2 * n, e) < 0 ||
		    unpack_one(d, missing[i], e) < 0)
			return -1;
	/* A folder under its final name has to be whole even after a power cut. */
	if (n > 0)
		sync();
	for (size_t i = 0; i < n; i++)
		if (unpacked_done(d, missing[i], e) < 0)
			return -1;
	return 0;
}

static int download_all(
    struct source *s, const struct apt_package *const *missing, size_t n, struct err *e)
{
	struct debian *d = s->priv;

	for (size_t i = 0, k; i < n; i += k) {
		size_t bytes = missing[i]->size;

		for (k = 1; i + k < n && bytes + missing[i + k]->size < BATCH_BYTES; k++)
			bytes += missing[i + k]->size;
		if (step_report(s->steps, IMAGE_STAGE_PACKAGES, missing[i]->name, i,
			2 * n, e) < 0 ||
		    apt_download(&d->apt, missing + i, k, e) < 0)
			return -1;
	}
	return 0;
}

static int field(
    const char *control, size_t len, const char *name, char **value, struct err *e)
{
	if (deb_field(control, len, name, value, e) < 0)
		return -1;
	return *value == NULL ? err_set(e, ERR_FAILED, "control file: no %s", name) : 0;
}

static int read_control(struct package *p, const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *depends = NULL;
	char AUTO_FREE *pre = NULL;
	size_t len;

	if (asprintf(&path, "%s/control", dir) < 0)
		return err_sys(e, ENOMEM, "control");
	if (fs_read_file(path, DEB_CONTROL_MAX, &text, &len, e) < 0 ||
	    field(text, len, "Package", &p->name, e) < 0 ||
	    field(text, len, "Version", &p->version, e) < 0 ||
	    deb_field(text, len, "Depends", &depends, e) < 0 ||
	    deb_field(text, len, "Pre-Depends", &pre, e) < 0)
		return -1;
	if (asprintf(&p->depends, "%s%s%s", depends == NULL ? "" : depends,
		depends != NULL && pre != NULL ? "," : "", pre == NULL ? "" : pre) < 0)
		return err_sys(e, ENOMEM, "control");
	return 0;
}

static const struct package *find_package(const struct source *s, const char *name)
{
	for (size_t i = 0; i < s->package_count; i++)
		if (s->packages[i].name != NULL && strcmp(s->packages[i].name, name) == 0)
			return &s->packages[i];
	return NULL;
}

static int register_package(struct source *s, const struct apt_package *a, struct err *e)
{
	static const char *const subs[] = {
	    "boot", "lib", "lib64", "bin", "sbin", "usr", NULL};
	char AUTO_FREE *dir = unpacked_path(s->priv, a, "", e);
	char AUTO_FREE *root = NULL;
	char AUTO_FREE *links = NULL;
	size_t index = s->package_count;
	struct package *p;

	if (dir == NULL)
		return -1;
	if (find_package(s, a->name) != NULL)
		return 0;
	p = source_add_package(s, e);
	if (p == NULL || read_control(p, dir, e) < 0)
		return -1;
	if (strcmp(p->name, a->name) != 0)
		return err_set(e, ERR_FAILED, "%s: is package %s", a->file, p->name);
	p->sha256 = strdup(a->sha256);
	if (p->sha256 == NULL || asprintf(&root, "%s/root", dir) < 0 ||
	    asprintf(&links, "%s/links", dir) < 0)
		return err_sys(e, ENOMEM, "debian");
	if (fileset_walk(&s->files, root, subs, index, e) < 0)
		return -1;
	return fileset_links(&s->files, links, index, e);
}

static int fetch(struct source *s, const struct apt_list *list, struct err *e)
{
	const struct apt_package AUTO_FREE **missing =
	    calloc(list->n + 1, sizeof(*missing));
	size_t n = 0;

	if (missing == NULL)
		return err_sys(e, ENOMEM, "debian");
	for (size_t i = 0; i < list->n; i++)
		if (!is_unpacked(s->priv, &list->v[i]))
			missing[n++] = &list->v[i];
	if (download_all(s, missing, n, e) < 0 || unpack_all(s, missing, n, e) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (register_package(s, &list->v[i], e) < 0)
			return -1;
	return 0;
}

static int resolve_and_fetch(struct source *s, const struct strv *names, struct err *e)
{
	struct debian *d = s->priv;
	struct apt_list list;
	int r = apt_resolve(&d->apt, names, &list, e);

	if (r == 0)
		r = fetch(s, &list, e);
	for (size_t i = 0; i < names->n && r == 0; i++)
		if (find_package(s, names->v[i]) == NULL)
			r = err_set(e, ERR_FAILED, "apt has no package %s", names->v[i]);
	apt_list_free(&list);
	return r;
}

static int debian_need(struct source *s, const struct strv *names, struct err *e)
{
	struct debian *d = s->priv;
	struct strv missing = {0};
	int r = 0;

	for (size_t i = 0; i < names->n && r == 0; i++)
		if (find_package(s, names->v[i]) == NULL)
			r = strv_add_once(&missing, names->v[i], e);
	if (r == 0 && missing.n > 0) {
		r = resolve_and_fetch(s, &missing, e);
		/* The lists may be too old: a package has moved on since. */
		if (r < 0 && !d->apt.updated && apt_update(&d->apt, e) == 0)
			r = resolve_and_fetch(s, &missing, e);
	}
	strv_free(&missing);
	return r;
}

static int debian_need_deps(
    struct source *s, size_t package, bool libs_only, struct err *e)
{
	struct strv all = {0}, some = {0};
	size_t before = s->package_count;
	int r = 0;

	if (package >= s->package_count || s->packages[package].depends == NULL)
		return 0;
	if (deb_depends(s->packages[package].depends, &all, e) < 0)
		r = err_prefix(e, "%s", s->packages[package].name);
	for (size_t i = 0; i < all.n && r == 0; i++)
		if ((strncmp(all.v[i], "lib", 3) == 0) == libs_only)
			r = strv_add(&some, all.v[i], e);
	if (r == 0)
		r = debian_need(s, &some, e);
	strv_free(&all);
	strv_free(&some);
	return r < 0 ? -1 : s->package_count > before;
}

/* The meta package depends on the kernel of the day. */
static int debian_kernel(struct source *s, struct err *e)
{
	struct strv meta = {0}, deps = {0}, kernel = {0};
	int r = strv_add(&meta, KERNEL_META, e);

	if (r == 0)
		r = debian_need(s, &meta, e);
	if (r == 0)
		r = deb_depends(find_package(s, KERNEL_META)->depends, &deps, e);
	for (size_t i = 0; i < deps.n && r == 0 && kernel.n == 0; i++)
		if (strncmp(deps.v[i], KERNEL_PREFIX, strlen(KERNEL_PREFIX)) == 0)
			r = strv_add(&kernel, deps.v[i], e);
	if (r == 0 && kernel.n == 0)
		r = err_set(e, ERR_FAILED, "%s names no kernel", KERNEL_META);
	if (r == 0)
		r = debian_need(s, &kernel, e);
	if (r == 0 && (s->kernel = strdup(kernel.v[0] + strlen(KERNEL_PREFIX))) == NULL)
		r = err_sys(e, ENOMEM, "kernel");
	strv_free(&meta);
	strv_free(&deps);
	strv_free(&kernel);
	return r;
}

const struct source_ops source_debian = {
    .name = "debian",
    .summary = "packages of Debian, by apt",
    .open = debian_open,
    .close = debian_close,
    .need = debian_need,
    .need_deps = debian_need_deps,
    .kernel = debian_kernel,
};
