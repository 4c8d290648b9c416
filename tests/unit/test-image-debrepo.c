/* Source `debian` with a mirror: a small signed archive, and all that can be wrong with
 * one. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "debarchive.h"
#include "debsupply.h"
#include "debverify.h"
#include "fs.h"
#include "log.h"
#include "source.h"
#include "web.h"

#define DAY (24 * 3600)

static char top[] = "/tmp/bhyfi-debrepo-XXXXXX", root[64], security[64], cache[64],
	    key[64];
static char logged[4096];
static struct image_options opts;
static struct source src;
static struct err e;

static const struct deb_made base[] = {
    {"wpa", "2:2.10-12", "Depends: libc6 (>= 2.36), adduser | nobody\n", "./sbin/wpa"},
    {"wpa", "2:2.9-1", NULL, "./sbin/wpa"},
    {"libc6", "2.36-9", "Depends: libgcc-s1\n", "./lib/libc.so.6"},
    {"libgcc-s1", "12.2.0-14", "Depends: libc6 (>= 2.14)\n", "./lib/libgcc.so"},
    {"adduser", "3.134", NULL, "./usr/sbin/adduser"},
    {"exim", "4.96", "Provides: mta (= 4), mail\n", "./usr/sbin/exim"},
    {"linux-image-amd64", "6.1.1", "Depends: linux-image-6.1.0-1-amd64 (= 6.1.1)\n"},
    {"linux-image-6.1.0-1-amd64", "6.1.1", NULL, "./boot/vmlinuz-6.1.0-1-amd64"},
};

static const struct suite_made bookworm = {
    .name = "bookworm", .packages = base, .count = ARRAY_LEN(base)};

static void sink(void *arg, enum log_level level, const char *text)
{
	size_t n = strlen(logged);

	(void)arg;
	if (level <= LOG_LEVEL_WARN)
		snprintf(logged + n, sizeof(logged) - n, "%s\n", text);
}

static int set_up(void **state)
{
	(void)state;
	setenv("no_proxy", "127.0.0.1", 1);
	assert_non_null(mkdtemp(top));
	snprintf(root, sizeof(root), "%s/debian", top);
	snprintf(security, sizeof(security), "%s/debian-security", top);
	snprintf(cache, sizeof(cache), "%s/cache", top);
	snprintf(key, sizeof(key), "%s/good.gpg", top);
	archive_keys(top, "good");
	archive_keys(top, "other");
	log_set_sink(sink, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	archive_keys_end(top, "good");
	archive_keys_end(top, "other");
	/* The agents, which end now, remove their sockets, too. */
	for (int i = 0; i < 8; i++)
		if (fs_remove_tree(top, &e) == 0)
			return 0;
	return -1;
}

static void publish(const struct suite_made *s)
{
	archive_suite(
	    strstr(s->name, "-security") != NULL ? security : root, s, top, "good");
}

static int each(void **state)
{
	(void)state;
	assert_int_equal(fs_remove_tree(root, &e), 0);
	assert_int_equal(fs_remove_tree(security, &e), 0);
	assert_int_equal(fs_remove_tree(cache, &e), 0);
	opts = (struct image_options){
	    .mirror = root, .suite = "bookworm", .keys = key, .cache = cache};
	logged[0] = '\0';
	e = (struct err)ERR_INIT;
	publish(&bookworm);
	return 0;
}

static int each_end(void **state)
{
	(void)state;
	source_close(&src);
	return 0;
}

/* The lock of the cache is ours until the source is closed. */
static int try_open(void)
{
	source_close(&src);
	return source_open(&src, &opts, NULL, &e);
}

static void assert_open(void)
{
	if (try_open() < 0)
		fail_msg("%s", e.msg);
}

static int need(const char *name)
{
	struct strv names = {0};
	int r = strv_add(&names, name, &e);

	if (r == 0)
		r = src.ops->need(&src, &names, &e);
	strv_free(&names);
	return r;
}

static void assert_newest(const char *name, const char *want, bool want_security)
{
	char AUTO_FREE *version = NULL;
	bool is_security;

	assert_int_equal(src.ops->newest(&src, name, &version, &is_security, &e), 0);
	if (want == NULL) {
		assert_null(version);
		return;
	}
	assert_non_null(version);
	assert_string_equal(version, want);
	assert_int_equal(is_security, want_security);
}

/* The files below a folder of the cache whose name has this in it. */
static size_t files_with(const char *dir, const char *part)
{
	char path[512];
	struct dirent *entry;
	size_t n = 0;
	DIR *d = opendir(dir);

	if (d == NULL)
		return 0;
	while ((entry = readdir(d)) != NULL) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			n += files_with(path, part);
		else
			n += strstr(entry->d_name, part) != NULL;
	}
	closedir(d);
	return n;
}

static size_t in_cache(const char *part)
{
	return files_with(cache, part);
}

static void assert_says(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in: %s", what, text);
}

/* The lists are refused, and nothing of them stays. */
static void assert_refused(const char *why)
{
	assert_int_equal(try_open(), -1);
	assert_says(e.msg, why);
	assert_int_equal(in_cache("InRelease"), 0);
	assert_int_equal(in_cache("signed"), 0);
	assert_int_equal(in_cache(".part"), 0);
	source_close(&src);
}

/* The package is refused, and nothing of it stays. */
static void assert_package_refused(const char *name, const char *why)
{
	assert_open();
	assert_int_equal(need(name), -1);
	assert_says(e.msg, why);
	assert_int_equal(in_cache(".deb"), 0);
	assert_int_equal(in_cache("control"), 0);
}

static void packages_come_from_a_signed_archive(void **state)
{
	(void)state;
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_non_null(fileset_resolve(&src.files, "usr/sbin/wpa"));
	assert_string_equal(src.packages[0].version, "2:2.10-12");
	assert_int_equal(src.ops->kernel(&src, &e), 0);
	assert_string_equal(src.kernel, "6.1.0-1-amd64");
	assert_non_null(fileset_resolve(&src.files, "boot/vmlinuz-6.1.0-1-amd64"));
	assert_int_equal(in_cache(".deb"), 0);
	assert_true(time(NULL) - src.ops->listed(&src) < 100);
	/* -updates and -security are not there: the one does not matter. */
	assert_says(logged, "no security updates");
	assert_null(strstr(logged, "bookworm-updates"));
}

static void the_newest_version_wins(void **state)
{
	static const struct deb_made updates[] = {
	    {"wpa", "2:2.10-12+deb12u1", NULL, "./sbin/wpa"},
	    {"exim", "4.96~rc1", NULL, NULL}};
	static const struct deb_made fixes[] = {
	    {"libc6", "2.36-9+deb12u7", NULL, "./lib/libc.so.6"},
	    {"wpa", "2:2.10-12", NULL, "./sbin/wpa"}};

	(void)state;
	publish(&(struct suite_made){
	    .name = "bookworm-updates", .packages = updates, .count = 2});
	publish(&(struct suite_made){.name = "bookworm-security",
	    .packages = fixes,
	    .count = 2,
	    .valid_until = time(NULL) + DAY});
	assert_open();
	assert_string_equal(logged, "");
	assert_newest("wpa", "2:2.10-12+deb12u1", false);
	assert_newest("libc6", "2.36-9+deb12u7", true);
	assert_newest("exim", "4.96", false);
	assert_newest("nothing", NULL, false);
	assert_int_equal(need("libc6"), 0);
	assert_string_equal(src.packages[0].version, "2.36-9+deb12u7");
	/* The same without the security updates. */
	opts.security_mirror = "none";
	assert_open();
	assert_newest("libc6", "2.36-9", false);
	assert_string_equal(logged, "");
	opts.security_mirror = security;
	assert_open();
	assert_newest("libc6", "2.36-9+deb12u7", true);
}

static void dependencies_are_followed(void **state)
{
	static const struct deb_made some[] = {
	    {"pa", "1", "Depends: nobody | libb (>= 1) | libc, libv (>= 3), mail\n"},
	    {"libb", "1~rc1", NULL}, {"libc", "5", "Pre-Depends: libd\n"},
	    {"libd", "1", "Depends: libc\n"}, {"libw", "9", "Provides: libv (= 3.1)\n"},
	    {"libx", "9", "Provides: libv (= 2)\n"},
	    {"pb", "1", "Depends: gone (>= 2)\n"}, {"pc", "1", "Depends: libb (>= 1)\n"},
	    {"exim", "1", "Provides: mail\nDepends: pc\n"}};

	(void)state;
	publish(&(struct suite_made){
	    .name = "bookworm", .packages = some, .count = ARRAY_LEN(some)});
	assert_open();
	assert_int_equal(need("libc"), 0);
	/* libc and libd need each other. */
	assert_int_equal(src.ops->need_deps(&src, 0, true, &e), 1);
	assert_int_equal(src.ops->need_deps(&src, 1, true, &e), 0);
	assert_int_equal(src.package_count, 2);
	/* "nobody" is none, so the clause is not one of libraries; what it chooses is
	 * libc: libb is too old. */
	assert_int_equal(need("pa"), 0);
	assert_int_equal(src.ops->need_deps(&src, 2, true, &e), 1);
	assert_string_equal(src.packages[3].name, "libw");
	assert_int_equal(src.ops->need_deps(&src, 2, false, &e), 1);
	assert_string_equal(src.packages[4].name, "exim");
	assert_int_equal(src.package_count, 5);
	assert_int_equal(need("pb"), 0);
	assert_int_equal(src.ops->need_deps(&src, 5, false, &e), -1);
	assert_says(e.msg, "pb: the archive has no gone >= 2");
	assert_int_equal(need("pc"), 0);
	assert_int_equal(src.ops->need_deps(&src, 6, true, &e), -1);
	assert_says(e.msg, "pc: the archive has no libb >= 1");
	assert_int_equal(need("nothing"), -1);
	assert_says(e.msg, "no package nothing");
}

static void the_cache_does_without_the_mirror(void **state)
{
	(void)state;
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_int_equal(fs_remove_tree(root, &e), 0);
	logged[0] = '\0';
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_string_equal(logged, "");
	assert_int_equal(need("libc6"), -1);
	assert_says(logged, "not updated");
}

/* As if the lists had come two days ago. */
static void make_old(void)
{
	struct timespec t[2] = {
	    {.tv_sec = time(NULL) - 2 * DAY}, {.tv_sec = time(NULL) - 2 * DAY}};
	char path[512];

	snprintf(path, sizeof(path), "%s/updated",
	    ((struct deb_supply *)src.priv)->ops->lists(src.priv));
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
	logged[0] = '\0';
}

static void old_lists_are_replaced_or_kept_with_a_warning(void **state)
{
	static const struct deb_made more[] = {{"wpa", "2:2.11-1", NULL, "./sbin/wpa"}};

	(void)state;
	assert_open();
	make_old();
	publish(&(struct suite_made){.name = "bookworm", .packages = more, .count = 1});
	assert_open();
	assert_newest("wpa", "2:2.11-1", false);
	assert_int_equal(in_cache(".xz"), 1); /* the old one went */
	make_old();
	archive_suite(root, &bookworm, top, "other");
	assert_open();
	assert_says(logged, "not updated");
	assert_newest("wpa", "2:2.11-1", false);
	/* For an hour nobody tries again. */
	logged[0] = '\0';
	assert_open();
	assert_string_equal(logged, "");
	make_old();
	publish(&bookworm);
	assert_open();
	assert_newest("wpa", "2:2.10-12", false);
}

static void an_archive_does_not_go_back_in_time(void **state)
{
	struct suite_made older = bookworm;

	(void)state;
	assert_open();
	make_old();
	older.date = time(NULL) - 7 * DAY;
	older.count = 1;
	publish(&older);
	assert_open();
	assert_says(logged, "older than the one that we have");
	assert_newest("libc6", "2.36-9", false);
	assert_int_equal(in_cache(".new"), 0);
}

static void what_nobody_goes_on_with_leaves_the_cache(void **state)
{
	struct timespec old[2] = {
	    {.tv_sec = time(NULL) - 8 * DAY}, {.tv_sec = time(NULL) - 8 * DAY}};
	char path[128];

	(void)state;
	assert_open();
	snprintf(path, sizeof(path), "%s/debian/archives/new.deb.part", cache);
	assert_int_equal(fs_write_atomic(path, 0644, "?", 1, &e), 0);
	snprintf(path, sizeof(path), "%s/debian/archives/old.deb.part", cache);
	assert_int_equal(fs_write_atomic(path, 0644, "?", 1, &e), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_open();
	assert_int_equal(in_cache("old.deb"), 0);
	assert_int_equal(in_cache("new.deb"), 1);
}

static void a_cache_that_is_damaged_is_mended(void **state)
{
	const char *lists;
	char path[512];
	struct dirent *entry;
	DIR *d;

	(void)state;
	assert_open();
	lists = ((struct deb_supply *)src.priv)->ops->lists(src.priv);
	d = opendir(lists);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", lists, entry->d_name);
		if (strstr(entry->d_name, ".xz") != NULL)
			assert_int_equal(fs_write_atomic(path, 0644, "?", 1, &e), 0);
	}
	closedir(d);
	assert_open();
	assert_int_equal(need("wpa"), 0);
	snprintf(path, sizeof(path), "%s/bookworm.InRelease",
	    ((struct deb_supply *)src.priv)->ops->lists(src.priv));
	assert_int_equal(fs_write_atomic(path, 0644, "?", 1, &e), 0);
	assert_open();
	assert_int_equal(need("libc6"), 0);
}

static void keys_come_in_several_forms(void **state)
{
	char path[128], file[160];
	char AUTO_FREE *text = NULL;
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/good.asc", top);
	opts.keys = path;
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_int_equal(fs_read_file(path, 65536, &text, &len, &e), 0);
	snprintf(path, sizeof(path), "%s/keys", top);
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	assert_int_equal(try_open(), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_says(e.msg, "no keys");
	source_close(&src);
	snprintf(file, sizeof(file), "%s/some.asc", path);
	assert_int_equal(fs_write_atomic(file, 0644, text, len, &e), 0);
	assert_open();
	/* Whoever trusts other keys is not served from the cache. */
	snprintf(path, sizeof(path), "%s/other.gpg", top);
	assert_int_equal(try_open(), -1);
	assert_says(e.msg, "not a trusted one");
	source_close(&src);
	snprintf(path, sizeof(path), "%s/nowhere.gpg", top);
	assert_int_equal(try_open(), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
}

static void a_release_that_is_not_signed_is_refused(void **state)
{
	char path[256];
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *plain = NULL;
	char *changed;
	size_t len;

	(void)state;
	archive_suite(root, &bookworm, top, NULL);
	assert_refused("not a signed message alone");
	archive_suite(root, &bookworm, top, "other");
	assert_refused("not a trusted one");
	publish(&bookworm);
	snprintf(path, sizeof(path), "%s/dists/bookworm/InRelease", root);
	assert_int_equal(fs_read_file(path, 65536, &text, &len, &e), 0);
	/* Before, behind, and in it. */
	assert_true(asprintf(&plain, "Suite: bookworm\n\n%s", text) > 0);
	assert_int_equal(fs_write_atomic(path, 0644, plain, strlen(plain), &e), 0);
	assert_refused("not a signed message alone");
	free(plain);
	assert_true(asprintf(&plain, "%s\nSuite: bookworm\n", text) > 0);
	assert_int_equal(fs_write_atomic(path, 0644, plain, strlen(plain), &e), 0);
	assert_refused("not a signed message alone");
	free(plain);
	assert_true(asprintf(&plain, "%s%s", text, text) > 0);
	assert_int_equal(fs_write_atomic(path, 0644, plain, strlen(plain), &e), 0);
	assert_refused("not a signed message alone");
	changed = strstr(text, "Origin: Debian");
	assert_non_null(changed);
	changed[8] = 'd';
	assert_int_equal(fs_write_atomic(path, 0644, text, len, &e), 0);
	assert_refused("gpgv");
	assert_int_equal(fs_write_atomic(path, 0644, text, len - 200, &e), 0);
	assert_refused("not a signed message alone");
	assert_int_equal(fs_write_atomic(path, 0644, "", 0, &e), 0);
	assert_refused("not a signed message alone");
	unlink(path);
	assert_refused("InRelease");
}

static void a_weak_digest_is_refused(void **state)
{
	char path[256];
	char AUTO_FREE *text = NULL;

	(void)state;
	snprintf(path, sizeof(path), "%s/dists/bookworm/Release", root);
	assert_int_equal(fs_read_file(path, 65536, &text, NULL, &e), 0);
	archive_sign(root, "bookworm", text, top, "good", "SHA512");
	assert_open();
	assert_int_equal(fs_remove_tree(cache, &e), 0);
	source_close(&src);
	archive_sign(root, "bookworm", text, top, "good", "SHA1");
	assert_refused("");
}

static void a_release_that_does_not_hold_is_refused(void **state)
{
	struct suite_made s = bookworm;

	(void)state;
	s.valid_until = time(NULL) - 3 * 3600;
	s.date = time(NULL) - 8 * DAY;
	publish(&s);
	assert_refused("expired 3 hours ago");
	s = bookworm;
	s.date = time(NULL) + 3 * DAY;
	publish(&s);
	assert_refused("hours from now");
	s = bookworm;
	s.codename = "sid";
	publish(&s);
	assert_refused("is sid (of-bookworm), not bookworm");
	s.codename = "bookworm";
	publish(&s);
	assert_open();
}

static void lists_that_are_not_as_promised_are_refused(void **state)
{
	struct suite_made s = bookworm;
	char path[256];
	char AUTO_FREE *data = NULL;
	size_t len;

	(void)state;
	s.no_by_hash = true;
	s.hashes = "SHA1";
	publish(&s);
	assert_refused("no SHA256");
	s.hashes = NULL;
	assert_int_equal(fs_remove_tree(root, &e), 0);
	publish(&s);
	snprintf(
	    path, sizeof(path), "%s/dists/bookworm/main/binary-amd64/Packages.xz", root);
	assert_int_equal(fs_read_file(path, 1 << 20, &data, &len, &e), 0);
	data[len / 2] ^= 1;
	assert_int_equal(fs_write_atomic(path, 0644, data, len, &e), 0);
	assert_refused("wrong hash");
	assert_int_equal(fs_write_atomic(path, 0644, data, len / 2, &e), 0);
	assert_refused("wrong hash");
	assert_int_equal(truncate(path, (off_t)len + 1), 0);
	assert_refused("larger than");
	unlink(path);
	assert_refused("Packages.xz");
}

static void lists_that_are_no_lists_are_refused(void **state)
{
	static const char *const bad[][2] = {{"Package: a\n\n", "no Version"},
	    {"hello\n", "not a field"}, {" hello\n", "continuation"},
	    {"Package: a\nPackage: b\n\n", "twice"},
	    {"Package: A/b\nVersion: 1\nArchitecture: all\nFilename: a.deb\nSize: 1\n"
	     "SHA256: x\n",
		"not a package's name"}};
	struct suite_made s = bookworm;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		s.packages_text = bad[i][0];
		publish(&s);
		assert_package_refused("wpa", bad[i][1]);
		assert_int_equal(fs_remove_tree(cache, &e), 0);
	}
	s.packages_text = NULL;
	s.zeros = 260u << 20;
	publish(&s);
	assert_package_refused("wpa", "decompress");
}

static void a_package_that_is_not_as_promised_is_refused(void **state)
{
	static const char zero[] =
	    "0000000000000000000000000000000000000000000000000000000000000000";
	static const struct {
		struct deb_made p;
		const char *why;
	} bad[] = {{{"wpa", "1", .sha256 = zero}, "wrong hash"},
	    {{"wpa", "1", .size = 100}, "larger than 100"},
	    {{"wpa", "1", .size = 5000000}, ""},
	    {{"wpa", "1", .size = 2000000000}, "too large"},
	    {{"wpa", "1", .filename = "../../etc/x.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "pool/../../x.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "/etc/x.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "pool//x.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "pool/x%2e.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "pool/.x.deb"}, "bad file name"},
	    {{"wpa", "1", .filename = "pool/nowhere.deb"}, "nowhere.deb"},
	    {{"wpa", "1", .sha256 = "12"}, "bad size or hash"},
	    {{"wpa", "1", .path = "../../etc/passwd"}, ".."},
	    {{"wpa", "1", .really = "another"}, "is package another"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct suite_made s = {
		    .name = "bookworm", .packages = &bad[i].p, .count = 1};

		publish(&s);
		if (bad[i].p.size == 5000000) { /* only the hash says how long it is */
			assert_open();
			assert_int_equal(need("wpa"), 0);
		} else if (bad[i].p.really != NULL) {
			assert_open();
			assert_int_equal(need("wpa"), -1);
			assert_says(e.msg, bad[i].why);
		} else {
			assert_package_refused("wpa", bad[i].why);
		}
		assert_int_equal(fs_remove_tree(cache, &e), 0);
	}
}

static void a_mirror_on_the_web_serves_as_well(void **state)
{
	struct suite_made s = bookworm;
	struct web web;
	char url[128];

	(void)state;
	web_start(&web, top);
	snprintf(url, sizeof(url), "%s/", web_url(&web, "ok/debian"));
	opts.mirror = url;
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_says(logged, "/ok/debian-security has no bookworm-security");
	/* No by-hash, gzip, connections that break off. */
	assert_int_equal(fs_remove_tree(cache, &e), 0);
	assert_int_equal(fs_remove_tree(root, &e), 0);
	s.no_by_hash = s.gz = true;
	publish(&s);
	atomic_store(&web.breaks, 3);
	snprintf(url, sizeof(url), "%s", web_url(&web, "broken/debian"));
	opts.security_mirror = "none";
	assert_open();
	assert_int_equal(need("wpa"), 0);
	assert_int_equal(atomic_load(&web.breaks), 0);
	source_close(&src);
	web_stop(&web);
}

static int stop_at(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	int *left = arg;

	(void)stage;
	(void)what;
	(void)done;
	(void)total;
	return (*left)-- > 0 ? 0 : -1;
}

/* Whenever it is, the next build finds a cache that it can use. */
static void a_build_can_be_cancelled_at_each_step(void **state)
{
	int n;

	(void)state;
	for (n = 0; n < 100; n++) {
		int left = n;
		struct steps steps = {stop_at, &left};
		int r = source_open(&src, &opts, &steps, &e);

		if (r == 0)
			r = need("wpa");
		if (r == 0)
			break;
		assert_says(e.msg, "cancelled");
		source_close(&src);
	}
	assert_true(n > 3 && n < 100);
	assert_int_equal(in_cache(".part"), 0);
}

static int kill_at(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	if (stop_at(arg, stage, what, done, total) < 0)
		raise(SIGKILL);
	return 0;
}

/* Whether the build came to its end before it was killed. */
static bool build_killed_at(int n)
{
	struct steps steps = {kill_at, &n};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(source_open(&src, &opts, &steps, &e) < 0 || need("wpa") < 0 ||
		      src.ops->kernel(&src, &e) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

/* The lists of that moment are in use or can be had; nothing half is taken for whole. */
static void a_build_can_be_killed_at_each_step(void **state)
{
	static const struct deb_made more[] = {{"wpa", "2:2.11-1", NULL, "./sbin/wpa"},
	    {"linux-image-amd64", "6.2", "Depends: linux-image-6.2.0-1-amd64\n"},
	    {"linux-image-6.2.0-1-amd64", "6.2", NULL, "./boot/vmlinuz-6.2.0-1-amd64"}};
	bool whole = false;
	int n;

	(void)state;
	for (n = 0; n < 100 && !whole; n++) {
		assert_int_equal(fs_remove_tree(cache, &e), 0);
		publish(&bookworm);
		assert_open();
		make_old();
		source_close(&src);
		publish(&(struct suite_made){.name = "bookworm",
		    .packages = more,
		    .count = ARRAY_LEN(more),
		    .date = time(NULL) + 60});
		whole = build_killed_at(n);
		assert_open();
		assert_int_equal(need("wpa"), 0);
		assert_newest("wpa", "2:2.11-1", false);
		assert_non_null(fileset_resolve(&src.files, "usr/sbin/wpa"));
		assert_int_equal(in_cache(".tmp"), 0);
		assert_int_equal(in_cache(".new"), 0);
	}
	assert_true(whole && n > 5);
}

static void options_that_do_not_fit_are_usage_errors(void **state)
{
	static const struct image_options bad[] = {{.suite = "bookworm"}, {.keys = "/x"},
	    {.security_mirror = "none"}, {.mirror = "debian", .suite = "bookworm"},
	    {.mirror = "ftp://host.example/"}, {.mirror = "/x", .suite = "../x"},
	    {.mirror = "/x", .suite = ""}, {.mirror = "/x", .security_mirror = "x"},
	    {.mirror = "/x", .root = "/"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		opts = bad[i];
		opts.cache = cache;
		assert_int_equal(try_open(), -1);
		assert_int_equal(e.code, ERR_USAGE);
		source_close(&src);
	}
	/* Without apt. */
	char *path = strdup(getenv("PATH"));

	setenv("PATH", "/nowhere", 1);
	opts = (struct image_options){.cache = cache};
	assert_int_equal(try_open(), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_says(e.msg, "mirror");
	setenv("PATH", path, 1);
	free(path);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, each, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(packages_come_from_a_signed_archive),
	    TEST(the_newest_version_wins),
	    TEST(dependencies_are_followed),
	    TEST(the_cache_does_without_the_mirror),
	    TEST(old_lists_are_replaced_or_kept_with_a_warning),
	    TEST(an_archive_does_not_go_back_in_time),
	    TEST(what_nobody_goes_on_with_leaves_the_cache),
	    TEST(a_cache_that_is_damaged_is_mended),
	    TEST(keys_come_in_several_forms),
	    TEST(a_release_that_is_not_signed_is_refused),
	    TEST(a_weak_digest_is_refused),
	    TEST(a_release_that_does_not_hold_is_refused),
	    TEST(lists_that_are_not_as_promised_are_refused),
	    TEST(lists_that_are_no_lists_are_refused),
	    TEST(a_package_that_is_not_as_promised_is_refused),
	    TEST(a_mirror_on_the_web_serves_as_well),
	    TEST(a_build_can_be_cancelled_at_each_step),
	    TEST(a_build_can_be_killed_at_each_step),
	    TEST(options_that_do_not_fit_are_usage_errors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
