/*
 * Theory of operation. The cache holds CACHE/kernel/built/KEY, where KEY is a hash of all
 * that decides about the result: source package, configuration, compiler, and the version
 * of this recipe. A build works in KEY.tmp, under the lock of CACHE/kernel, and gets its
 * name as the last step; what a killed build left is removed by the next one. The
 * unpacked source (1 GiB) goes as soon as the kernel is there: another configuration is
 * another build of ten minutes, to which unpacking adds little.
 *
 *     KEY/root       boot/vmlinuz-VERSION, usr/lib/modules/VERSION, as in a package
 *     KEY/links      empty
 *     KEY/release    VERSION
 *     KEY/config     what Kconfig made of the fragment
 *
 * The same KEY gives the same kernel: its time stamp, user and host are fixed,
 * and only PATH of the environment is passed on.
 */
#include "kernel-small.h"

#include <archive.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bzimage.h"
#include "cleanup.h"
#include "cmd.h"
#include "deb.h"
#include "fs.h"
#include "hash.h"
#include "kernel-config.h"
#include "kmod.h"
#include "log.h"
#include "paths.h"
#include "pkgcache.h"

/* Part of KEY: raised when what is done here changes what comes out. */
#define RECIPE "bhyfi small kernel 2"
#define SOURCE_PREFIX "linux-source-"
#define FRAGMENT "kernel/small.config"
#define MODULES_MAX 64
#define TEXT_MAX (1u << 20)
#define CHUNK (256 * 1024)

struct small {
	struct source *s;
	char *name;     /* "linux-source-6.1" */
	size_t package; /* its index */
	const struct file *tar;
	char *fragment; /* with the drivers' symbols */
	char *cache;
	char key[HASH_HEX];
	char *tmp; /* CACHE/KEY.tmp */
	unsigned built;
};

int kernel_is_small(const struct image_options *opts, bool *small, struct err *e)
{
	*small = opts->kernel != NULL && strcmp(opts->kernel, "small") == 0;
	if (opts->kernel != NULL && !*small && strcmp(opts->kernel, "distribution") != 0)
		return err_set(e, ERR_USAGE, "kernel %s: expected distribution or small",
		    opts->kernel);
	if (*small && opts->all_cards)
		return err_set(e, ERR_USAGE, "kernel small: it is made for one card");
	return 0;
}

static char *join(const char *dir, const char *name, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		err_sys(e, ENOMEM, "kernel small");
		return NULL;
	}
	return path;
}

static bool in_path(const char *program)
{
	const char *p = getenv("PATH");
	char path[4096];

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ":");

		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)n, p, program) <
			sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

static int missing(const char *what, const char *package, struct err *e)
{
	err_set(e, ERR_PRECONDITION, "kernel small: building it needs %s", what);
	return err_hint(e, "apt install %s", package);
}

/* Each one that is missing would else be an error somewhere in the middle of make. */
static int check_tools(struct err *e)
{
	static const struct {
		const char *program, *package;
	} tools[] = {{"gcc", "gcc"}, {"ld", "binutils"}, {"make", "make"},
	    {"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"perl", "perl"},
	    {"gzip", "gzip"}, {"awk", "mawk"}};
	static const char *const libc[] = {
	    "gcc", "-E", "-include", "stdlib.h", "-x", "c", "/dev/null", NULL};
	static const char *const libelf[] = {
	    "gcc", "-E", "-include", "gelf.h", "-x", "c", "/dev/null", NULL};
	static const struct cmd_opts quiet = {.timeout_ms = 60000, .quiet = 1};
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(e, errno, "uname");
	if (strcmp(u.sysname, "Linux") != 0 || strcmp(u.machine, "x86_64") != 0) {
		err_set(e, ERR_PRECONDITION,
		    "kernel small: it can only be built on Linux on x86-64, this is %s",
		    u.sysname);
		return err_hint(e, "build the image there and copy it, or take "
				   "--kernel distribution");
	}
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (!in_path(tools[i].program))
			return missing(tools[i].program, tools[i].package, e);
	if (cmd_run(libc, &quiet, NULL, NULL, NULL) < 0)
		return missing("the C library's headers", "libc6-dev", e);
	if (cmd_run(libelf, &quiet, NULL, NULL, NULL) < 0)
		return missing("libelf's headers", "libelf-dev", e);
	return 0;
}

static int need(struct source *s, const char *name, struct err *e)
{
	struct strv names = {0};
	int r = strv_add(&names, name, e);

	if (r == 0)
		r = s->ops->need(s, &names, e);
	strv_free(&names);
	return r;
}

static int find_package(const struct source *s, const char *name, size_t *index)
{
	for (*index = 0; *index < s->package_count; ++*index)
		if (s->packages[*index].name != NULL &&
		    strcmp(s->packages[*index].name, name) == 0)
			return 0;
	return -1;
}

/* The package of the distribution's kernel at hand: "6.1.0-56-amd64" is of
 * linux-source-6.1. */
static int bring_source(struct small *k, struct err *e)
{
	struct source *s = k->s;
	unsigned major, minor;
	char path[DEB_PATH_MAX];

	if (s->kernel == NULL || sscanf(s->kernel, "%u.%u", &major, &minor) != 2)
		return err_set(e, ERR_FAILED, "kernel small: of which version?");
	if (asprintf(&k->name, SOURCE_PREFIX "%u.%u", major, minor) < 0) {
		k->name = NULL;
		return err_sys(e, ENOMEM, "kernel small");
	}
	if (need(s, k->name, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "usr/src/%s.tar.xz", k->name);
	k->tar = fileset_resolve(&s->files, path);
	if (k->tar == NULL || find_package(s, k->name, &k->package) < 0)
		return err_set(e, ERR_FAILED, "%s: has no %s", k->name, path);
	return 0;
}

static int make_fragment(struct small *k, const struct strv *drivers, struct err *e)
{
	const char *libexec = k->s->opts->libexec;
	char AUTO_FREE *path =
	    join(libexec == NULL ? PATH_LIBEXEC : libexec, FRAGMENT, e);
	char AUTO_FREE *text = NULL;

	if (path == NULL || fs_read_file(path, KERNEL_CONFIG_MAX, &text, NULL, e) < 0)
		return -1;
	return kernel_config_make(text, drivers, &k->fragment, e);
}

static int make_key(struct small *k, struct err *e)
{
	static const char *const version[] = {"gcc", "--version", NULL};
	static const struct cmd_opts opts = {.timeout_ms = 60000};
	const struct package *p = &k->s->packages[k->package];
	char AUTO_FREE *gcc = NULL;
	char AUTO_FREE *text = NULL;
	int n;

	if (p->sha256 == NULL)
		return err_set(e, ERR_FAILED, "%s: no hash", k->name);
	if (cmd_run(version, &opts, &gcc, NULL, e) < 0)
		return -1;
	gcc[strcspn(gcc, "\n")] = '\0';
	n = asprintf(&text, RECIPE "\n%s %s %s\n%s\n%s", k->name, p->version, p->sha256,
	    gcc, k->fragment);
	if (n < 0)
		return err_sys(e, ENOMEM, "kernel small");
	return hash_data(text, (size_t)n, k->key, e);
}

/* What make does not look at is most of the source. */
static bool wanted(const char *path)
{
	static const char *const skip[] = {"/Documentation/", "/sound/", "/samples/",
	    "/rust/", "/drivers/gpu/", "/drivers/media/", "/drivers/staging/",
	    "/drivers/infiniband/", "/drivers/scsi/", "/drivers/usb/", "/drivers/iio/",
	    "/drivers/net/ethernet/", "/drivers/net/dsa/", "/drivers/mtd/",
	    "/drivers/video/", "/tools/perf/", "/tools/testing/", "/LICENSES/"};
	const char *base = strrchr(path, '/'), *below = strchr(path, '/');

	if (base == NULL)
		return false;
	if (strncmp(base, "/Kconfig", 8) == 0 || strcmp(base, "/Makefile") == 0 ||
	    strcmp(base, "/Kbuild") == 0)
		return true;
	if (strncmp(below, "/arch/", 6) == 0 && strncmp(below, "/arch/x86/", 10) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(skip); i++)
		if (strncmp(below, skip[i], strlen(skip[i])) == 0)
			return false;
	return true;
}

static int report(struct small *k, const char *what, struct err *e)
{
	return step_report(k->s->steps, IMAGE_STAGE_KERNEL, what, 0, 0, e);
}

static int unpack(struct small *k, struct err *e)
{
	char AUTO_FREE *dir = join(k->tmp, "src", e);
	struct archive *a;
	int r;

	if (dir == NULL || report(k, "unpacking the source", e) < 0)
		return -1;
	if (mkdir(dir, 0755) < 0)
		return err_sys(e, errno, "%s", dir);
	a = archive_read_new();
	if (a == NULL)
		return err_sys(e, ENOMEM, "archive");
	archive_read_support_format_tar(a);
	archive_read_support_filter_xz(a);
	if (archive_read_open_filename(a, k->tar->disk, CHUNK) != ARCHIVE_OK)
		r = err_set(e, ERR_FAILED, "%s", archive_error_string(a));
	else
		r = unpack_tar(a, dir, DEB_TOTAL_MAX, wanted, e);
	archive_read_free(a);
	return r < 0 ? err_prefix(e, "%s", k->tar->disk) : 0;
}

/* "  CC      net/core/dev.o" is one more. */
static int on_make(void *arg, const char *data, size_t len, struct err *e)
{
	struct small *k = arg;
	char what[64];

	for (size_t i = 0; i < len; i++)
		k->built += data[i] == '\n';
	snprintf(what, sizeof(what), "building it, %u steps", k->built);
	return report(k, what, e);
}

/* make with our arguments in the source. The last targets may be NULL. */
static int run_make(struct small *k, const char *const targets[2], struct err *e)
{
	char AUTO_FREE *src = NULL;
	char AUTO_FREE *out = NULL;
	char AUTO_FREE *all = NULL;
	char AUTO_FREE *path = NULL;
	char jobs[24];

	snprintf(jobs, sizeof(jobs), "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	if (asprintf(&src, "%s/src/root/%s", k->tmp, k->name) < 0 ||
	    asprintf(&out, "O=%s/o", k->tmp) < 0 ||
	    asprintf(&all, "KCONFIG_ALLCONFIG=%s/fragment", k->tmp) < 0 ||
	    asprintf(&path, "PATH=%s", getenv("PATH")) < 0)
		return err_sys(e, ENOMEM, "kernel small");
	const char *const env[] = {path, "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent", NULL};
	const char *const argv[] = {"make", jobs, out, all, "ARCH=x86_64",
	    "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
	    "KBUILD_BUILD_USER=bhyfi", "KBUILD_BUILD_HOST=bhyfi",
	    "KBUILD_BUILD_VERSION=1", targets[0], targets[1], NULL};
	const struct cmd_opts opts = {
	    .cwd = src, .env = env, .watch = on_make, .watch_arg = k};

	return cmd_run(argv, &opts, NULL, NULL, e) < 0 ? err_prefix(e, "kernel small")
						       : 0;
}

/* Where the kernel wastes memory. What is not found (another version) stays as it is. */
static const struct {
	const char *file, *from, *to;
} changes[] = {
    /* 4 KiB for each of 1024 places of each queue, at QEMU's virtio-mmio: 8 MiB. */
    {"drivers/char/virtio_console.c", "\t} while (ret > 0);\n\n\treturn nr_added_bufs;",
	"\t} while (ret > 0 && nr_added_bufs < 32);\n\n\treturn nr_added_bufs;"},
};

static int change(struct small *k, size_t i, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *changed = NULL;
	const char *at;

	if (asprintf(&path, "%s/src/root/%s/%s", k->tmp, k->name, changes[i].file) < 0)
		return err_sys(e, ENOMEM, "kernel small");
	if (access(path, F_OK) < 0)
		return 0;
	if (fs_read_file(path, TEXT_MAX, &text, NULL, e) < 0)
		return -1;
	at = strstr(text, changes[i].from);
	if (at == NULL) {
		log_warn("kernel small: %s is another one than expected and stays as "
			 "it is",
		    changes[i].file);
		return 0;
	}
	if (asprintf(&changed, "%.*s%s%s", (int)(at - text), text, changes[i].to,
		at + strlen(changes[i].from)) < 0)
		return err_sys(e, ENOMEM, "kernel small");
	return fs_write_atomic(path, 0644, changed, strlen(changed), e);
}

static int change_all(struct small *k, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		if (change(k, i, e) < 0)
			return -1;
	return 0;
}

static int copy(const char *from, const char *to, size_t max, struct err *e)
{
	char AUTO_FREE *data = NULL;
	char AUTO_FREE *dir = strdup(to);
	size_t len;

	if (dir == NULL)
		return err_sys(e, ENOMEM, "%s", to);
	*strrchr(dir, '/') = '\0';
	if (fs_mkdir_p(dir, 0755, e) < 0 || fs_read_file(from, max, &data, &len, e) < 0)
		return -1;
	return fs_write_atomic(to, 0644, data, len, e);
}

static int configure(struct small *k, struct err *e)
{
	static const char *const targets[2] = {"allnoconfig", NULL};
	char AUTO_FREE *fragment = join(k->tmp, "fragment", e);
	char AUTO_FREE *out = join(k->tmp, "o", e);
	char AUTO_FREE *config = join(k->tmp, "o/.config", e);
	char AUTO_FREE *kept = join(k->tmp, "config", e);
	char AUTO_FREE *text = NULL;

	if (fragment == NULL || out == NULL || config == NULL || kept == NULL ||
	    report(k, "configuring it", e) < 0)
		return -1;
	if (mkdir(out, 0755) < 0)
		return err_sys(e, errno, "%s", out);
	if (fs_write_atomic(fragment, 0644, k->fragment, strlen(k->fragment), e) < 0 ||
	    run_make(k, targets, e) < 0 ||
	    fs_read_file(config, KERNEL_CONFIG_MAX, &text, NULL, e) < 0 ||
	    kernel_config_check(k->fragment, text, e) < 0)
		return -1;
	return fs_write_atomic(kept, 0644, text, strlen(text), e);
}

/* The version in a file of one line; it becomes part of paths. */
static int read_release(const char *path, char version[KERNEL_VERSION_MAX], struct err *e)
{
	char AUTO_FREE *text = NULL;

	if (fs_read_file(path, KERNEL_VERSION_MAX - 1, &text, NULL, e) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	for (const char *p = text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._+~-", *p) == NULL)
			return err_set(e, ERR_FAILED, "%s: not a version", path);
	if (!isdigit((unsigned char)text[0]))
		return err_set(e, ERR_FAILED, "%s: not a version", path);
	snprintf(version, KERNEL_VERSION_MAX, "%s", text);
	return 0;
}

static int keep_module(
    struct small *k, const char *version, const char *line, struct err *e)
{
	char from[DEB_PATH_MAX + 64], to[DEB_PATH_MAX + 256], path[DEB_PATH_MAX];

	/* Older kernels name it as it will be installed, newer ones as it lies. */
	if (deb_clean_path(strncmp(line, "kernel/", 7) == 0 ? line + 7 : line, path,
		sizeof(path), e) < 0)
		return -1;
	if (strcmp(path + strlen(path) - 2, ".o") == 0)
		path[strlen(path) - 1] = '\0', strcat(path, "ko");
	if ((size_t)snprintf(from, sizeof(from), "%s/o/%s", k->tmp, path) >=
		sizeof(from) ||
	    (size_t)snprintf(to, sizeof(to), "%s/root/usr/lib/modules/%s/kernel/%s",
		k->tmp, version, path) >= sizeof(to))
		return err_set(e, ERR_FAILED, "path too long: %s", path);
	return copy(from, to, KMOD_FILE_MAX, e);
}

static int keep_modules(struct small *k, const char *version, struct err *e)
{
	char AUTO_FREE *order = join(k->tmp, "o/modules.order", e);
	char AUTO_FREE *text = NULL;
	char *save = NULL;
	int n = 0;

	if (order == NULL || fs_read_file(order, TEXT_MAX, &text, NULL, e) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (++n > MODULES_MAX)
			return err_set(e, ERR_FAILED, "kernel small: too many modules");
		if (keep_module(k, version, line, e) < 0)
			return -1;
	}
	return 0;
}

/* What a package of a kernel would have, from where make left it. */
static int keep(struct small *k, struct err *e)
{
	char version[KERNEL_VERSION_MAX], to[4096];
	char AUTO_FREE *release = join(k->tmp, "o/include/config/kernel.release", e);
	char AUTO_FREE *bzimage = join(k->tmp, "o/arch/x86/boot/bzImage", e);
	char AUTO_FREE *builtin = join(k->tmp, "o/modules.builtin", e);
	char AUTO_FREE *kept = join(k->tmp, "release", e);
	char AUTO_FREE *links = join(k->tmp, "links", e);

	if (release == NULL || bzimage == NULL || builtin == NULL || kept == NULL ||
	    links == NULL || read_release(release, version, e) < 0)
		return -1;
	snprintf(to, sizeof(to), "%s/root/boot/vmlinuz-%s", k->tmp, version);
	if (copy(bzimage, to, BZIMAGE_MAX, e) < 0)
		return -1;
	snprintf(to, sizeof(to), "%s/root/usr/lib/modules/%s/modules.builtin", k->tmp,
	    version);
	if (copy(builtin, to, TEXT_MAX, e) < 0 || keep_modules(k, version, e) < 0 ||
	    fs_write_atomic(links, 0644, "", 0, e) < 0)
		return -1;
	return fs_write_atomic(kept, 0644, version, strlen(version), e);
}

static int drop(struct small *k, struct err *e)
{
	static const char *const names[] = {"src", "o", "fragment"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char AUTO_FREE *path = join(k->tmp, names[i], e);

		if (path == NULL || fs_remove_tree(path, e) < 0)
			return -1;
	}
	return 0;
}

static int build(struct small *k, struct err *e)
{
	static const char *const targets[2] = {"bzImage", "modules"};

	k->tmp = pkgcache_begin(k->cache, k->key, e);
	if (k->tmp == NULL)
		return -1;
	if (unpack(k, e) < 0 || change_all(k, e) < 0 || configure(k, e) < 0 ||
	    run_make(k, targets, e) < 0 || keep(k, e) < 0 || drop(k, e) < 0) {
		pkgcache_abort(k->cache, k->key);
		return -1;
	}
	/* A folder under its final name is whole even after a power cut. */
	sync();
	return pkgcache_done(k->cache, k->key, e);
}

static int use(struct small *k, struct err *e)
{
	char version[KERNEL_VERSION_MAX];
	char AUTO_FREE *release = pkgcache_path(k->cache, k->key, "/release", e);
	char *copied;

	if (release == NULL || read_release(release, version, e) < 0 ||
	    pkgcache_index(k->cache, k->key, &k->s->files, k->package, e) < 0)
		return -1;
	copied = strdup(version);
	if (copied == NULL)
		return err_sys(e, ENOMEM, "kernel small");
	free(k->s->kernel);
	k->s->kernel = copied;
	return 0;
}

/* Under the lock: two builds of one kernel at once are one, and the cache for the other.
 */
static int build_or_use(struct small *k, struct err *e)
{
	char AUTO_FREE *dir = pkgcache_folder(k->s->opts, "kernel", e);
	int AUTO_CLOSE lock = -1;

	if (dir == NULL || (k->cache = join(dir, "built", e)) == NULL ||
	    (lock = pkgcache_lock(dir, e)) < 0 || pkgcache_clean(k->cache, e) < 0)
		return -1;
	if (!pkgcache_has(k->cache, k->key) && build(k, e) < 0)
		return -1;
	return use(k, e);
}

int kernel_small(struct source *s, const struct strv *drivers, struct err *e)
{
	struct small k = {.s = s};
	int r = -1;

	if (strcmp(s->ops->name, source_debian.name) != 0) {
		err_set(e, ERR_PRECONDITION,
		    "kernel small: source %s has no source package of a kernel",
		    s->ops->name);
		err_hint(e, "--source debian");
	} else if (check_tools(e) == 0 && bring_source(&k, e) == 0 &&
		   make_fragment(&k, drivers, e) == 0 && make_key(&k, e) == 0)
		r = build_or_use(&k, e);
	free(k.name);
	free(k.fragment);
	free(k.cache);
	free(k.tmp);
	return r;
}
