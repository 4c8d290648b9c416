/*
 * Source `alpine`: packages of Alpine Linux, read natively. Each is downloaded, verified
 * against the signed index (apk.h) and unpacked once into CACHE/unpacked/ID, where ID is
 * the hash that the index names it by.
 *
 * Nothing is installed, so not all that a package depends on is brought: the solver
 * chooses one package for each name as apk would, and of those the builder gets the ones
 * whose files it asks for. What was brought once stays chosen for the rest of the build.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alpine-repo.h"
#include "apk-solve.h"
#include "cleanup.h"
#include "fs.h"
#include "hash.h"
#include "log.h"
#include "pkgcache.h"
#include "source.h"

/* linux-virt has no drivers for WLAN cards. */
#define KERNEL "linux-lts"
#define FIRMWARE "linux-firmware-"
/* What each Alpine has: others count on its /bin/sh. */
#define BASE "busybox"
#define ID_TEXT (2 * APK_ID_MAX + 1)

struct alpine {
	struct alpine_repo repo;
	char *unpacked;
	int lock;
	struct strv asked; /* packages, by name */
	struct apk_solution solution;
};

/* The profiles name packages as Debian does. The first that there is is taken. */
static const struct {
	const char *debian;
	const char *names[3];
	bool optional;
} other_names[] = {
    {"wpasupplicant", {"wpa_supplicant"}},
    {"dnsmasq-base", {"dnsmasq"}},
    {"systemd-boot-efi", {"systemd-efistub", "gummiboot-efistub"}, .optional = true},
};

static int alpine_open(struct source *s, struct err *e)
{
	const struct image_options *o = s->opts;
	struct alpine *a = calloc(1, sizeof(*a));
	char AUTO_FREE *dir = NULL;

	if (a == NULL)
		return err_sys(e, ENOMEM, "alpine");
	a->lock = -1;
	s->priv = a;
	if (o->root != NULL)
		return err_set(e, ERR_USAGE, "image build: a root belongs to source dir");
	if (o->suite != NULL)
		return err_set(e, ERR_USAGE,
		    "image build: a suite is Debian's; Alpine has branches (--branch)");
	dir = pkgcache_folder(o, "alpine", e);
	if (dir == NULL)
		return -1;
	if (asprintf(&a->unpacked, "%s/unpacked", dir) < 0)
		return err_sys(e, ENOMEM, "alpine");
	if (step_report(s->steps, IMAGE_STAGE_LISTS, "package lists", 0, 0, e) < 0 ||
	    (a->lock = pkgcache_lock(dir, e)) < 0 || pkgcache_clean(a->unpacked, e) < 0)
		return -1;
	return alpine_repo_open(&a->repo, dir, o, s->steps, e);
}

static void alpine_close(struct source *s)
{
	struct alpine *a = s->priv;

	if (a == NULL)
		return;
	alpine_repo_close(&a->repo);
	apk_solution_free(&a->solution);
	strv_free(&a->asked);
	free(a->unpacked);
	if (a->lock >= 0)
		close(a->lock);
	free(a);
	s->priv = NULL;
}

static void id_text(const struct apk_package *p, char out[ID_TEXT])
{
	for (size_t i = 0; i < p->id_len; i++)
		snprintf(out + 2 * i, 3, "%02x", p->id[i]);
}

static const struct apk_package *package_at(const struct alpine *a, size_t i)
{
	return &a->repo.index.packages[i];
}

static bool is_brought(const struct source *s, const char *name)
{
	for (size_t i = 0; i < s->package_count; i++)
		if (s->packages[i].name != NULL && strcmp(s->packages[i].name, name) == 0)
			return true;
	return false;
}

/* What every build of this has: the packages at hand, and the names asked for. */
static int make_wishes(const struct source *s, const struct strv *names,
    struct apk_dep **wishes, size_t *count, struct err *e)
{
	const struct alpine *a = s->priv;
	struct apk_dep *w =
	    calloc(s->package_count + a->asked.n + names->n + 2, sizeof(*w));
	size_t n = 0;

	if (w == NULL)
		return err_sys(e, ENOMEM, "alpine");
	/* Of one that newer lists no longer have, its files are there all the same. */
	for (size_t i = 0; i < s->package_count; i++)
		if (alpine_repo_find_version(&a->repo, s->packages[i].name,
			s->packages[i].version) != APK_NO_PACKAGE)
			w[n++] = (struct apk_dep){.name = s->packages[i].name,
			    .version = s->packages[i].version,
			    .op = APK_EQUAL};
	for (size_t i = 0; i < a->asked.n + names->n; i++) {
		const char *name =
		    i < a->asked.n ? a->asked.v[i] : names->v[i - a->asked.n];

		if (!is_brought(s, name))
			w[n++] = (struct apk_dep){.name = name, .op = APK_ANY};
	}
	if (!is_brought(s, BASE) && alpine_repo_find(&a->repo, BASE) != APK_NO_PACKAGE)
		w[n++] = (struct apk_dep){.name = BASE, .op = APK_ANY};
	*wishes = w;
	*count = n;
	return 0;
}

static int solve(struct source *s, const struct strv *names, struct err *e)
{
	struct alpine *a = s->priv;
	struct apk_dep AUTO_FREE *wishes = NULL;
	struct apk_solution solution;
	size_t n = 0;

	if (make_wishes(s, names, &wishes, &n, e) < 0 ||
	    apk_solve(&a->repo.index, wishes, n, &solution, e) < 0)
		return -1;
	apk_solution_free(&a->solution);
	a->solution = solution;
	return 0;
}

static int write_hash(const char *archive, const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char hex[HASH_HEX];

	if (asprintf(&path, "%s/sha256", dir) < 0)
		return err_sys(e, ENOMEM, "alpine");
	if (hash_file(archive, hex, e) < 0)
		return -1;
	return fs_write_atomic(path, 0644, hex, strlen(hex), e);
}

/* Verifies and unpacks into an empty folder. */
static int check_and_unpack(
    const struct apk_package *p, const char *archive, const char *dir, struct err *e)
{
	int AUTO_CLOSE fd = open(archive, O_RDONLY | O_CLOEXEC);
	struct apk_file f = {0};
	int r;

	if (fd < 0)
		return err_sys(e, errno, "%s", archive);
	r = apk_file_check(fd, p, &f, e);
	if (r == 0)
		r = apk_unpack(fd, p, &f, dir, pkgcache_wanted, e);
	apk_file_free(&f);
	if (r == 0)
		r = write_hash(archive, dir, e);
	return r < 0 ? err_prefix(e, "package %s-%s", p->name, p->version) : 0;
}

/* An archive that is not right is not kept: the next build downloads it again. */
static int unpack_one(struct alpine *a, const struct apk_package *p, struct err *e)
{
	char AUTO_FREE *archive = alpine_repo_archive(&a->repo, p, e);
	char AUTO_FREE *tmp = NULL;
	char id[ID_TEXT];

	id_text(p, id);
	if (archive == NULL || (tmp = pkgcache_begin(a->unpacked, id, e)) == NULL)
		return -1;
	if (check_and_unpack(p, archive, tmp, e) == 0)
		return 0;
	pkgcache_abort(a->unpacked, id);
	unlink(archive);
	return -1;
}

static int register_package(struct source *s, const struct apk_package *p, struct err *e)
{
	struct alpine *a = s->priv;
	char AUTO_FREE *path = NULL;
	size_t index = s->package_count;
	struct package *q;
	char id[ID_TEXT];

	id_text(p, id);
	path = pkgcache_path(a->unpacked, id, "/sha256", e);
	q = path == NULL ? NULL : source_add_package(s, e);
	if (q == NULL)
		return -1;
	q->name = strdup(p->name);
	q->version = strdup(p->version);
	q->license = p->license == NULL ? NULL : strdup(p->license);
	if (q->name == NULL || q->version == NULL ||
	    (p->license != NULL && q->license == NULL))
		return err_sys(e, ENOMEM, "alpine");
	if (fs_read_file(path, HASH_HEX, &q->sha256, NULL, e) < 0)
		return -1;
	return pkgcache_index(a->unpacked, id, &s->files, index, e);
}

static int unpack_done(struct alpine *a, const struct apk_package *p, struct err *e)
{
	char AUTO_FREE *archive = alpine_repo_archive(&a->repo, p, e);
	char id[ID_TEXT];

	id_text(p, id);
	if (archive == NULL || pkgcache_done(a->unpacked, id, e) < 0)
		return -1;
	unlink(archive); /* it has done its part */
	return 0;
}

/* All of them get their final names, or none. */
static int fetch_and_unpack(struct source *s, const size_t *list, size_t n, struct err *e)
{
	struct alpine *a = s->priv;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct apk_package *p = package_at(a, list[i]);

		fetch_count(a->repo.fetch, i, n);
		r = step_report(s->steps, IMAGE_STAGE_PACKAGES, p->name, i, n, e);
		if (r == 0)
			r = alpine_repo_fetch(&a->repo, p, e);
		if (r == 0)
			r = unpack_one(a, p, e);
	}
	/* A folder under its final name has to be whole even after a power cut. */
	if (r == 0 && n > 0)
		sync();
	for (size_t i = 0; i < n; i++) {
		char id[ID_TEXT];

		if (r == 0)
			r = unpack_done(a, package_at(a, list[i]), e);
		id_text(package_at(a, list[i]), id);
		if (r < 0)
			pkgcache_abort(a->unpacked, id);
	}
	return r;
}

/* Packages by number, downloaded and unpacked as far as they are not yet. */
static int bring(struct source *s, const size_t *list, size_t n, struct err *e)
{
	struct alpine *a = s->priv;
	size_t AUTO_FREE *missing = calloc(n + 1, sizeof(*missing));
	size_t count = 0;
	char id[ID_TEXT];

	if (missing == NULL)
		return err_sys(e, ENOMEM, "alpine");
	for (size_t i = 0; i < n; i++) {
		id_text(package_at(a, list[i]), id);
		if (!pkgcache_has(a->unpacked, id))
			missing[count++] = list[i];
	}
	if (fetch_and_unpack(s, missing, count, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (register_package(s, package_at(a, list[i]), e) < 0)
			return -1;
	return 0;
}

/* What of the solution meets these, as far as it was not brought. */
static int bring_deps(
    struct source *s, const struct apk_dep *deps, size_t n, struct err *e)
{
	struct alpine *a = s->priv;
	size_t AUTO_FREE *list = calloc(n + 1, sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return err_sys(e, ENOMEM, "alpine");
	for (size_t i = 0; i < n; i++) {
		size_t p = apk_solution_provider(&a->repo.index, &a->solution, &deps[i]);
		bool twice = false;

		if (p == APK_NO_PACKAGE)
			return err_set(e, ERR_PRECONDITION,
			    "packages: %s is or provides none of them", deps[i].name);
		for (size_t k = 0; k < count; k++)
			twice |= list[k] == p;
		if (!twice && !is_brought(s, package_at(a, p)->name))
			list[count++] = p;
	}
	return bring(s, list, count, e);
}

static int need_names(struct source *s, const struct strv *names, struct err *e)
{
	struct alpine *a = s->priv;
	struct apk_dep AUTO_FREE *deps = calloc(names->n + 1, sizeof(*deps));

	if (deps == NULL)
		return err_sys(e, ENOMEM, "alpine");
	for (size_t i = 0; i < names->n; i++)
		deps[i] = (struct apk_dep){.name = names->v[i], .op = APK_ANY};
	if (solve(s, names, e) < 0 || bring_deps(s, deps, names->n, e) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++)
		if (strv_add_once(&a->asked, names->v[i], e) < 0)
			return -1;
	return 0;
}

/* Alpine's name of a package: NULL for an optional one that there is not. */
static const char *alpine_name(const struct alpine *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(other_names); i++) {
		if (strcmp(name, other_names[i].debian) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(other_names[i].names); k++)
			if (other_names[i].names[k] != NULL &&
			    alpine_repo_find(&a->repo, other_names[i].names[k]) !=
				APK_NO_PACKAGE)
				return other_names[i].names[k];
		return other_names[i].optional ? NULL : other_names[i].names[0];
	}
	return name;
}

static int need_once(struct source *s, const struct strv *names, struct err *e)
{
	struct strv wanted = {0};
	int r = 0;

	for (size_t i = 0; i < names->n && r == 0; i++) {
		const char *name = alpine_name(s->priv, names->v[i]);

		if (name == NULL)
			log_warn("Alpine's %s is not there", names->v[i]);
		else if (!is_brought(s, name))
			r = strv_add_once(&wanted, name, e);
	}
	if (r == 0 && wanted.n > 0)
		r = need_names(s, &wanted, e);
	strv_free(&wanted);
	return r;
}

static int alpine_need(struct source *s, const struct strv *names, struct err *e)
{
	struct alpine *a = s->priv;
	struct err why = ERR_INIT;

	if (need_once(s, names, &why) == 0)
		return 0;
	/* The lists may be too old: a package has moved on since. */
	if (!a->repo.updated) {
		apk_solution_free(&a->solution);
		if (alpine_repo_update(&a->repo, e) < 0)
			return -1;
		return need_once(s, names, e);
	}
	if (e != NULL)
		*e = why;
	return -1;
}

/* Shared libraries are depended on as "so:NAME". */
static int alpine_need_deps(
    struct source *s, size_t package, bool libs_only, struct err *e)
{
	struct alpine *a = s->priv;
	const struct strv none = {0};
	struct apk_dep AUTO_FREE *deps = NULL;
	const struct apk_package *p;
	size_t before = s->package_count, at, n = 0;

	if (package >= s->package_count)
		return 0;
	at = alpine_repo_find_version(
	    &a->repo, s->packages[package].name, s->packages[package].version);
	if (at == APK_NO_PACKAGE)
		return 0;
	if (a->solution.n == 0 && solve(s, &none, e) < 0)
		return -1;
	p = package_at(a, at);
	deps = calloc(p->depends.n + 1, sizeof(*deps));
	if (deps == NULL)
		return err_sys(e, ENOMEM, "alpine");
	for (size_t i = 0; i < p->depends.n; i++) {
		const struct apk_dep *d = &a->repo.index.deps[p->depends.at + i];

		if (!d->conflict && (strncmp(d->name, "so:", 3) == 0) == libs_only)
			deps[n++] = *d;
	}
	return bring_deps(s, deps, n, e) < 0 ? -1 : s->package_count > before;
}

/*
 * Alpine has a package for each folder of the firmware, and one for what is in none. A
 * name in no folder may be a link into one of Intel's.
 */
static int alpine_need_firmware(struct source *s, const char *name, struct err *e)
{
	const char *slash = strchr(name, '/');
	char package[APK_WORD_MAX];
	struct strv names = {0};
	int r = 0;

	if (slash != NULL) {
		snprintf(
		    package, sizeof(package), FIRMWARE "%.*s", (int)(slash - name), name);
		for (char *p = package; *p != '\0'; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		r = strv_add(&names, package, e);
	} else {
		r = strv_add(&names, FIRMWARE "other", e);
		if (r == 0 && strncmp(name, "iwlwifi-", 8) == 0)
			r = strv_add(&names, FIRMWARE "intel", e);
	}
	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct alpine *a = s->priv;
		struct strv one = {.v = &names.v[i], .n = 1};

		/* That firmware is missing in the end is said by the caller. */
		if (alpine_repo_find(&a->repo, names.v[i]) != APK_NO_PACKAGE)
			r = alpine_need(s, &one, e);
	}
	strv_free(&names);
	return r;
}

static int alpine_kernel(struct source *s, struct err *e)
{
	struct strv names = {0};
	int r = strv_add(&names, KERNEL, e);

	if (r == 0)
		r = alpine_need(s, &names, e);
	strv_free(&names);
	return r == 0 ? source_newest_kernel(s, KERNEL, e) : r;
}

static int alpine_newest(
    struct source *s, const char *package, char **version, bool *security, struct err *e)
{
	const struct alpine *a = s->priv;
	size_t p = alpine_repo_find(&a->repo, package);

	*version = NULL;
	*security = false; /* the index does not say */
	if (p == APK_NO_PACKAGE)
		return 0;
	*version = strdup(package_at(a, p)->version);
	return *version == NULL ? err_sys(e, ENOMEM, "alpine") : 0;
}

static int64_t alpine_listed(struct source *s)
{
	const struct alpine *a = s->priv;

	return alpine_repo_listed(&a->repo);
}

const struct source_ops source_alpine = {
    .name = "alpine",
    .summary = "packages of Alpine Linux",
    .open = alpine_open,
    .close = alpine_close,
    .need = alpine_need,
    .need_deps = alpine_need_deps,
    .need_firmware = alpine_need_firmware,
    .kernel = alpine_kernel,
    .newest = alpine_newest,
    .compare = apk_version_compare,
    .listed = alpine_listed,
};
