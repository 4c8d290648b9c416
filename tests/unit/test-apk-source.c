/* Source `alpine` on repositories made here: what it brings, and all that it refuses,
 * after which nothing of it is left in the cache. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apk-repo.h"
#include "cleanup.h"
#include "collect.h"
#include "fs.h"
#include "log.h"
#include "source.h"

static struct err e;
static struct apk_repo repo;
static char top[64], cache[128], out[128];
static struct image_options opts;
static struct source src;

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-apk-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(cache, sizeof(cache), "%s/cache", top);
	snprintf(out, sizeof(out), "%s/image", top);
	apk_repo_open(&repo, top);
	opts = (struct image_options){.source = "alpine",
	    .mirror = repo.dir,
	    .branch = APK_REPO_BRANCH,
	    .keys = repo.keys,
	    .cache = cache,
	    .output = out};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	apk_repo_close(&repo);
	return fs_remove_tree(top, NULL);
}

/* How many names are in cache/alpine/FOLDER. */
static size_t count(const char *folder)
{
	char path[256];
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/alpine/%s", cache, folder);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

static int need(const char *name)
{
	struct strv names = {0};
	int r;

	assert_int_equal(strv_add(&names, name, &e), 0);
	r = src.ops->need(&src, &names, &e);
	strv_free(&names);
	return r;
}

/* Opens the source and asks for a package; the source stays open. */
static int bring(const char *name)
{
	return source_open(&src, &opts, NULL, &e) < 0 ? -1 : need(name);
}

static void refused(const char *name, const char *why)
{
	struct image_result result;

	assert_int_equal(bring(name), -1);
	source_close(&src);
	if (strstr(e.msg, why) == NULL)
		fail_msg("refused with \"%s\", not \"%s\"", e.msg, why);
	assert_int_equal(count("unpacked"), 0);
	assert_int_equal(count("archives"), 0);
	/* Nor is there an image. */
	assert_int_equal(image_build(&opts, NULL, NULL, &result, &e), -1);
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(count("unpacked"), 0);
}

/* A package `victim` with one entry, as it is refused. */
static void entry_refused(const struct apk_entry *entry, const char *why)
{
	apk_repo_add(
	    &repo, &(struct apk_spec){.name = "linux-lts", .entries = entry, .count = 1});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", why);
}

static const struct apk_entry tool = {"usr/bin/tool", APK_EXEC, "tool", 4};

static void fault_refused(enum apk_fault fault, const char *why)
{
	apk_repo_add(&repo,
	    &(struct apk_spec){
		.name = "linux-lts", .entries = &tool, .count = 1, .fault = fault});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", why);
}

static void index_refused(enum index_fault fault, const char *why)
{
	apk_repo_add(
	    &repo, &(struct apk_spec){.name = "linux-lts", .entries = &tool, .count = 1});
	apk_repo_index(&repo, "RSA256", fault);
	refused("linux-lts", why);
}

#define REFUSED(name, call)                                                              \
	static void name(void **state)                                                   \
	{                                                                                \
		(void)state;                                                             \
		call;                                                                    \
	}

#define ENTRY(...) entry_refused(&(struct apk_entry){__VA_ARGS__}, WHY)

REFUSED(an_unsigned_index, index_refused(INDEX_UNSIGNED, "not signed"))
REFUSED(a_changed_index, index_refused(INDEX_WRONG, "wrong signature"))
REFUSED(a_forged_index, index_refused(INDEX_FORGED, "wrong signature"))
REFUSED(an_unknown_key, index_refused(INDEX_UNKNOWN, "a key that is not trusted"))
REFUSED(a_truncated_index, index_refused(INDEX_TRUNCATED, "wrong signature"))
REFUSED(a_truncated_package, fault_refused(FAULT_TRUNCATED, "truncated"))
REFUSED(a_longer_package, fault_refused(FAULT_LONGER, "linux-lts-1.0-r0"))
REFUSED(another_control_part,
    fault_refused(FAULT_CONTROL, "control part is not the one that the index names"))
REFUSED(other_data,
    fault_refused(FAULT_DATA, "data is not the one that its control part names"))
REFUSED(no_datahash, fault_refused(FAULT_NO_HASH, "no hash of its data"))
REFUSED(another_name, fault_refused(FAULT_NAME, "it is package another-1.0-r0"))
REFUSED(something_else, fault_refused(FAULT_NO_GZIP, "not an Alpine package"))

static void paths_out_of_the_root(void **state)
{
	static const struct {
		struct apk_entry entry;
		const char *why;
	} table[] = {{{"usr/../../x", APK_FILE, "x", 1}, "path with \"..\""},
	    {{"../x", APK_FILE, "x", 1}, "path with \"..\""},
	    {{"/usr/bin/x", APK_FILE, "x", 1}, "an absolute path"},
	    {{"usr/bin/x\ny", APK_FILE, "x", 1}, "control character"},
	    {{"usr/bin/x", APK_HARD_LINK, "../../etc/passwd", 0}, "path with \"..\""},
	    {{"usr/bin/x", APK_HARD_LINK, "/etc/passwd", 0}, "a link out of the root"},
	    {{"usr/bin/x", APK_LINK, "../../../etc/passwd", 0}, "a link out of the root"},
	    {{"x", APK_LINK, "a/../../b", 0}, "a link out of the root"},
	    {{"usr/bin/x", APK_DEVICE, NULL, 0}, "neither file, folder nor link"},
	    {{"dev/x", APK_DEVICE, NULL, 0}, "neither file, folder nor link"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		entry_refused(&table[i].entry, table[i].why);
		teardown(NULL);
		setup(NULL);
	}
}

static void a_file_in_the_place_of_a_folder(void **state)
{
	/* The link is not made, so that no file can go through it. */
	static const struct apk_entry entries[] = {{"usr/lib", APK_LINK, "/tmp", 0},
	    {"usr/lib/x", APK_FILE, "x", 1}, {"usr/bin/f", APK_FILE, "x", 1},
	    {"usr/bin/f/g", APK_FILE, "x", 1}};

	(void)state;
	apk_repo_add(&repo,
	    &(struct apk_spec){.name = "linux-lts", .entries = entries, .count = 4});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "f/g");
	assert_int_equal(access("/tmp/x", F_OK), -1);
}

static void more_than_the_index_says(void **state)
{
	size_t len = 40u << 20;
	char AUTO_FREE *zeros = calloc(1, len);
	const struct apk_entry entries[] = {
	    {"usr/share/doc/x", APK_FILE, zeros, len}, {"usr/bin/y", APK_FILE, "y", 1}};

	(void)state;
	/* 40 KiB in the file. What would be left out counts as well. */
	apk_repo_add(&repo,
	    &(struct apk_spec){
		.name = "linux-lts", .entries = entries, .count = 2, .installed = 4096});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "too large");
}

static void a_bomb_in_the_control_part(void **state)
{
	/* The control member is what abuild makes it; its limit is tested by giving the
	 * data in its place. */
	size_t len = 8u << 20;
	char AUTO_FREE *zeros = calloc(1, len);
	char path[512], *data;
	size_t n;

	(void)state;
	apk_repo_line(
	    &repo, "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:linux-lts\nV:1.0-r0\nA:x86_64\n");
	memset(zeros, 'x', len - 1);
	apk_repo_line(&repo, "T:");
	apk_repo_line(&repo, zeros);
	apk_repo_line(&repo, "\n");
	/* The index itself is such a member: 8 MiB, small when compressed. */
	apk_repo_line(&repo, "S:9000\n\n");
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	snprintf(path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64/APKINDEX.tar.gz",
	    repo.dir);
	assert_int_equal(fs_read_file(path, 1 << 20, &data, &n, &e), 0);
	assert_in_range(n, 1000, 20000);
	snprintf(path, sizeof(path),
	    "%s/" APK_REPO_BRANCH "/main/x86_64/linux-lts-1.0-r0.apk", repo.dir);
	data = realloc(data, 20000);
	memset(data + n, 0, 20000 - n);
	assert_int_equal(fs_write_atomic(path, 0644, data, 20000, &e), 0);
	free(data);
	repo.index_len = 0;
	apk_repo_line(&repo, "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:linux-lts\nV:1.0-r0\nA:"
			     "x86_64\nS:20000\n\n");
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "more than 4194304 bytes when inflated");
}

static void a_missing_dependency(void **state)
{
	(void)state;
	apk_repo_add(
	    &repo, &(struct apk_spec){.name = "linux-lts", .depends = "so:x.so.1"});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "linux-lts-1.0-r0 needs so:x.so.1, which no package is or");
}

static void conflicting_versions(void **state)
{
	(void)state;
	apk_repo_add(&repo, &(struct apk_spec){.name = "linux-lts", .depends = "a b"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "a", .depends = "c<2"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "b", .depends = "c>=2"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "c"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "c", .version = "2.0-r0"});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "c-2.0-r0 and c-1.0-r0 exclude each other (c)");
}

static void no_such_package(void **state)
{
	(void)state;
	apk_repo_line(&repo, "\n");
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	refused("linux-lts", "linux-lts");
}

static void options_are_checked(void **state)
{
	(void)state;
	opts.branch = "v3.2";
	assert_int_equal(bring("x"), -1);
	assert_int_equal(e.code, ERR_USAGE);
	source_close(&src);
	opts.branch = APK_REPO_BRANCH;
	opts.suite = "bookworm";
	assert_int_equal(bring("x"), -1);
	assert_int_equal(e.code, ERR_USAGE);
	source_close(&src);
	opts.suite = NULL;
	opts.root = "/";
	assert_int_equal(bring("x"), -1);
	assert_int_equal(e.code, ERR_USAGE);
	source_close(&src);
	opts.root = NULL;
	opts.mirror = "gopher://x";
	assert_int_equal(bring("x"), -1);
	assert_int_equal(e.code, ERR_USAGE);
	source_close(&src);
}

static void packages_are_brought(void **state)
{
	static const struct apk_entry lib[] = {{"lib/libb.so.1", APK_EXEC, "b", 1},
	    {"lib/libb.so", APK_LINK, "libb.so.1", 0},
	    {"usr/lib/abs", APK_LINK, "/lib/libb.so.1", 0},
	    {"usr/lib/hard", APK_HARD_LINK, "lib/libb.so.1", 0},
	    {"usr/share/doc/x", APK_FILE, "x", 1}};
	static const char *const places[] = {
	    "lib/libb.so.1", "lib/libb.so", "usr/lib/abs", "usr/lib/hard"};

	(void)state;
	/* A loop among them, and one that is not brought as nobody asks for it. */
	apk_repo_add(&repo, &(struct apk_spec){.name = "wpa_supplicant",
				.entries = &tool,
				.count = 1,
				.depends = "so:libb.so.1 !gone other"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "libb",
				.entries = lib,
				.count = 5,
				.provides = "so:libb.so.1=1.0",
				.depends = "wpa_supplicant"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "other", .fault = FAULT_DATA});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	assert_int_equal(bring("wpasupplicant"), 0);
	assert_int_equal(src.package_count, 1);
	assert_int_equal(src.ops->need_deps(&src, 0, true, &e), 1);
	assert_int_equal(src.package_count, 2);
	assert_int_equal(src.ops->need_deps(&src, 0, true, &e), 0);
	assert_string_equal(src.packages[1].name, "libb");
	assert_string_equal(src.packages[1].license, "MIT");
	assert_int_equal(strlen(src.packages[1].sha256), 64);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		assert_non_null(fileset_resolve(&src.files, places[i]));
	assert_null(fileset_resolve(&src.files, "usr/share/doc/x"));
	source_close(&src);
	assert_int_equal(count("unpacked"), 2);
	assert_int_equal(count("archives"), 0);
}

static void the_cache_is_used(void **state)
{
	char path[512];

	(void)state;
	apk_repo_add(
	    &repo, &(struct apk_spec){.name = "a", .entries = &tool, .count = 1});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	assert_int_equal(bring("a"), 0);
	source_close(&src);
	snprintf(path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64/a-1.0-r0.apk",
	    repo.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bring("a"), 0);
	assert_non_null(fileset_resolve(&src.files, "usr/bin/tool"));
	source_close(&src);
	/* Without the mirror: the lists of before, with a warning. */
	assert_int_equal(fs_remove_tree(repo.dir, &e), 0);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(bring("a"), 0);
	source_close(&src);
	/* But never lists that the keys of today do not vouch for. */
	apk_repo_trust_stranger(&repo);
	assert_int_equal(bring("a"), -1);
	source_close(&src);
}

static void packed_firmware_is_unpacked(void **state)
{
	/* "firmware\n", by zstd. */
	static const unsigned char zst[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x49,
	    0x00, 0x00, 'f', 'i', 'r', 'm', 'w', 'a', 'r', 'e', '\n', 0x82, 0x13, 0x74,
	    0xf5};
	static const struct apk_entry entries[] = {
	    {"lib/firmware/rtw89/a.bin.zst", APK_FILE, zst, sizeof(zst)},
	    {"lib/firmware/rtw89/b.bin.zst", APK_LINK, "a.bin.zst", 0},
	    {"lib/firmware/rtw89/c.bin", APK_FILE, "plain", 5}};
	const struct file *f;
	char *data;
	size_t len;

	(void)state;
	apk_repo_add(
	    &repo, &(struct apk_spec){
		       .name = "linux-firmware-rtw89", .entries = entries, .count = 3});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	assert_int_equal(source_open(&src, &opts, NULL, &e), 0);
	assert_int_equal(src.ops->need_firmware(&src, "none/x", &e), 0);
	assert_int_equal(src.ops->need_firmware(&src, "rtw89/b.bin", &e), 0);
	f = fileset_resolve(&src.files, "usr/lib/firmware/rtw89/c.bin");
	assert_non_null(f);
	assert_int_equal(collect_read(f, &data, &len, &e), 0);
	assert_int_equal(len, 5);
	free(data);
	f = fileset_resolve(&src.files, "usr/lib/firmware/rtw89/b.bin");
	assert_non_null(f);
	assert_string_equal(f->path, "usr/lib/firmware/rtw89/a.bin");
	assert_int_equal(collect_read(f, &data, &len, &e), 0);
	assert_int_equal(len, 9);
	assert_memory_equal(data, "firmware\n", 9);
	free(data);
	source_close(&src);
}

static void newer_versions_are_listed(void **state)
{
	char *version;
	bool security;

	(void)state;
	apk_repo_add(&repo, &(struct apk_spec){.name = "a"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "a", .version = "1.10-r0"});
	apk_repo_add(&repo, &(struct apk_spec){.name = "a", .version = "1.9-r0"});
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	assert_int_equal(source_open(&src, &opts, NULL, &e), 0);
	assert_int_equal(src.ops->newest(&src, "a", &version, &security, &e), 0);
	assert_string_equal(version, "1.10-r0");
	free(version);
	assert_int_equal(src.ops->newest(&src, "b", &version, &security, &e), 0);
	assert_null(version);
	assert_true(src.ops->listed(&src) > 0);
	assert_int_equal(src.ops->compare("1.9-r0", "1.10-r0"), -1);
	source_close(&src);
}

/* As Alpine's minirootfs: musl, /etc/apk, devices, no kernel. */
static void a_root_may_be_a_tar_file(void **state)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	static const struct {
		const char *path, *link;
		unsigned type;
	} entries[] = {{"./lib/ld-musl-x86_64.so.1", NULL, AE_IFREG},
	    {"./lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1", AE_IFLNK},
	    {"./bin/sh", "/bin/busybox", AE_IFLNK}, {"./bin/busybox", NULL, AE_IFREG},
	    {"./dev/null", NULL, AE_IFCHR}, {"./etc/apk/world", NULL, AE_IFREG}};
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/root.tar.gz", top);
	archive_write_set_format_pax_restricted(a);
	archive_write_add_filter_gzip(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		archive_entry_clear(entry);
		archive_entry_set_pathname(entry, entries[i].path);
		archive_entry_set_filetype(entry, entries[i].type);
		archive_entry_set_perm(entry, 0755);
		archive_entry_set_symlink(entry, entries[i].link);
		archive_entry_set_size(entry, entries[i].type == AE_IFREG);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		if (entries[i].type == AE_IFREG)
			assert_int_equal(archive_write_data(a, "x", 1), 1);
	}
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	for (int round = 0; round < 2; round++) {
		opts =
		    (struct image_options){.source = "dir", .root = path, .cache = cache};
		assert_int_equal(source_open(&src, &opts, NULL, &e), 0);
		assert_non_null(fileset_resolve(&src.files, "lib/libc.musl-x86_64.so.1"));
		assert_non_null(fileset_resolve(&src.files, "bin/sh"));
		assert_null(fileset_get(&src.files, "etc/apk/world"));
		assert_int_equal(src.ops->kernel(&src, &e), -1);
		assert_non_null(strstr(e.msg, "no kernel"));
		source_close(&src);
	}
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(source_open(&src, &opts, NULL, &e), -1);
	source_close(&src);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(an_unsigned_index), TEST(a_changed_index),
	    TEST(a_forged_index), TEST(an_unknown_key), TEST(a_truncated_index),
	    TEST(a_truncated_package), TEST(a_longer_package), TEST(another_control_part),
	    TEST(other_data), TEST(no_datahash), TEST(another_name), TEST(something_else),
	    TEST(paths_out_of_the_root), TEST(a_file_in_the_place_of_a_folder),
	    TEST(more_than_the_index_says), TEST(a_bomb_in_the_control_part),
	    TEST(a_missing_dependency), TEST(conflicting_versions), TEST(no_such_package),
	    TEST(options_are_checked), TEST(packages_are_brought),
	    TEST(the_cache_is_used), TEST(packed_firmware_is_unpacked),
	    TEST(newer_versions_are_listed), TEST(a_root_may_be_a_tar_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
