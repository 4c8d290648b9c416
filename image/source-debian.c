/*
 * Source `debian`: packages by apt or from a mirror (debsupply.h), unpacked once into
 * CACHE/debian/unpacked/SHA256, where later builds find them without asking the network.
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

#include "cleanup.h"
#include "deb.h"
#include "debsupply.h"
#include "fs.h"
#include "pkgcache.h"
#include "source.h"

#define KERNEL_META "linux-image-amd64"
#define KERNEL_PREFIX "linux-image-"
/* Parts of downloads, for the next build to go on with. */
#define ARCHIVES_KEPT_S (7 * 24 * 3600)

struct debian {
	struct deb_supply supply;
	char *dir, *archives, *unpacked;
	int lock;
};

static bool have_apt(void)
{
	const char *path = getenv("PATH");

	for (const char *p = path == NULL ? "" : path; *p != '\0'; p += *p == ':') {
		size_t n = strcspn(p, ":");
		char file[4096];

		if (n > 0 && n < sizeof(file) - 16) {
			snprintf(file, sizeof(file), "%.*s/apt-get", (int)n, p);
			if (access(file, X_OK) == 0)
				return true;
		}
		p += n;
	}
	return false;
}

static int check_options(const struct image_options *o, struct err *e)
{
	if (o->root != NULL)
		return err_set(e, ERR_USAGE, "image build: a root belongs to source dir");
	if (o->mirror != NULL)
		return 0;
	if (o->suite != NULL || o->security_mirror != NULL || o->keys != NULL)
		return err_set(e, ERR_USAGE, "image build: %s needs a mirror",
		    o->suite != NULL             ? "a suite"
		    : o->security_mirror != NULL ? "--security-mirror"
						 : "--keys");
	if (have_apt())
		return 0;
	err_set(e, ERR_PRECONDITION,
	    "image build: no apt-get here, so a mirror of Debian has to be named");
	return err_hint(e, "--mirror URL, or a folder");
}

static int open_supply(struct source *s, struct err *e)
{
	struct debian *d = s->priv;
	struct deb_supply *supply = &d->supply;

	*supply = (struct deb_supply){
	    .ops = s->opts->mirror != NULL ? &deb_supply_repo : &deb_supply_apt,
	    .opts = s->opts,
	    .steps = s->steps,
	    .dir = d->dir,
	    .archives = d->archives};
	if (step_report(s->steps, IMAGE_STAGE_LISTS, "package lists", 0, 0, e) < 0 ||
	    supply->ops->open(supply, e) < 0)
		return -1;
	return deb_lists_stale(supply->ops->lists(supply))
		   ? supply->ops->update(supply, e)
		   : 0;
}

/* What downloads that were never gone on with have left. */
static int clean_archives(const char *archives, struct err *e)
{
	DIR *d = opendir(archives);
	struct dirent *entry;
	time_t now = time(NULL);

	if (d == NULL)
		return err_sys(e, errno, "%s", archives);
	while ((entry = readdir(d)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > ARCHIVES_KEPT_S)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	closedir(d);
	return 0;
}

static int debian_open(struct source *s, struct err *e)
{
	struct debian *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return err_sys(e, ENOMEM, "debian");
	d->lock = -1;
	s->priv = d;
	if (check_options(s->opts, e) < 0 ||
	    (d->dir = pkgcache_folder(s->opts, "debian", e)) == NULL)
		return -1;
	if (asprintf(&d->unpacked, "%s/unpacked", d->dir) < 0 ||
	    asprintf(&d->archives, "%s/archives", d->dir) < 0)
		return err_sys(e, ENOMEM, "debian");
	d->lock = pkgcache_lock(d->dir, e);
	if (d->lock < 0 || fs_mkdir_p(d->archives, 0755, e) < 0 ||
	    clean_archives(d->archives, e) < 0 || pkgcache_clean(d->unpacked, e) < 0)
		return -1;
	return open_supply(s, e);
}

static void debian_close(struct source *s)
{
	struct debian *d = s->priv;

	if (d == NULL)
		return;
	if (d->supply.ops != NULL)
		d->supply.ops->close(&d->supply);
	if (d->lock >= 0)
		close(d->lock);
	free(d->dir);
	free(d->archives);
	free(d->unpacked);
	free(d);
	s->priv = NULL;
}

static char *archive_path(
    const struct debian *d, const struct deb_package *p, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", d->archives, p->file) < 0) {
		err_sys(e, ENOMEM, "%s", p->file);
		return NULL;
	}
	return path;
}

/* An archive that can not be unpacked does not stay either. */
static int unpack_one(struct debian *d, const struct deb_package *p, struct err *e)
{
	char AUTO_FREE *archive = archive_path(d, p, e);
	char AUTO_FREE *tmp = NULL;

	if (archive == NULL || (tmp = pkgcache_begin(d->unpacked, p->sha256, e)) == NULL)
		return -1;
	if (deb_unpack(archive, tmp, pkgcache_wanted, e) == 0)
		return 0;
	pkgcache_abort(d->unpacked, p->sha256);
	unlink(archive);
	return -1;
}

/* The archive has done its part. */
static int unpacked_done(struct debian *d, const struct deb_package *p, struct err *e)
{
	char AUTO_FREE *archive = archive_path(d, p, e);

	if (archive == NULL || pkgcache_done(d->unpacked, p->sha256, e) < 0)
		return -1;
	return unlink(archive) < 0 ? err_sys(e, errno, "%s", archive) : 0;
}

static int unpack_all(
    struct source *s, const struct deb_package *const *missing, size_t n, struct err *e)
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

static int register_package(struct source *s, const struct deb_package *a, struct err *e)
{
	struct debian *d = s->priv;
	char AUTO_FREE *dir = pkgcache_path(d->unpacked, a->sha256, "", e);
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
	if (p->sha256 == NULL)
		return err_sys(e, ENOMEM, "debian");
	return pkgcache_index(d->unpacked, a->sha256, &s->files, index, e);
}

static int fetch(struct source *s, const struct deb_list *list, struct err *e)
{
	struct debian *d = s->priv;
	const struct deb_package AUTO_FREE **missing =
	    calloc(list->n + 1, sizeof(*missing));
	size_t n = 0;

	if (missing == NULL)
		return err_sys(e, ENOMEM, "debian");
	for (size_t i = 0; i < list->n; i++)
		if (!pkgcache_has(d->unpacked, list->v[i].sha256))
			missing[n++] = &list->v[i];
	if (d->supply.ops->download(&d->supply, missing, n, 0, 2 * n, e) < 0 ||
	    unpack_all(s, missing, n, e) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (register_package(s, &list->v[i], e) < 0)
			return -1;
	return 0;
}

static int resolve_and_fetch(struct source *s, const struct strv *names, struct err *e)
{
	struct debian *d = s->priv;
	struct deb_list list;
	int r = d->supply.ops->resolve(&d->supply, names, &list, e);

	if (r == 0)
		r = fetch(s, &list, e);
	for (size_t i = 0; i < names->n && r == 0; i++)
		if (find_package(s, names->v[i]) == NULL)
			r = err_set(e, ERR_FAILED, "no package %s", names->v[i]);
	deb_list_free(&list);
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
		if (r < 0 && !d->supply.updated &&
		    d->supply.ops->update(&d->supply, NULL) == 0)
			r = resolve_and_fetch(s, &missing, e);
	}
	strv_free(&missing);
	return r;
}

static int debian_need_deps(
    struct source *s, size_t package, bool libs_only, struct err *e)
{
	struct debian *d = s->priv;
	struct strv names = {0};
	size_t before = s->package_count;
	int r = 0;

	if (package >= s->package_count || s->packages[package].depends == NULL)
		return 0;
	if (d->supply.ops->choose(
		&d->supply, s->packages[package].depends, libs_only, &names, e) < 0)
		r = err_prefix(e, "%s", s->packages[package].name);
	if (r == 0)
		r = debian_need(s, &names, e);
	strv_free(&names);
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

static int debian_newest(
    struct source *s, const char *package, char **version, bool *security, struct err *e)
{
	struct debian *d = s->priv;

	return d->supply.ops->newest(&d->supply, package, version, security, e);
}

static int64_t debian_listed(struct source *s)
{
	struct debian *d = s->priv;

	return deb_lists_time(d->supply.ops->lists(&d->supply));
}

const struct source_ops source_debian = {
    .name = "debian",
    .summary = "packages of Debian, by apt or from a mirror",
    .open = debian_open,
    .close = debian_close,
    .need = debian_need,
    .need_deps = debian_need_deps,
    .kernel = debian_kernel,
    .newest = debian_newest,
    .compare = deb_version_compare,
    .listed = debian_listed,
};
