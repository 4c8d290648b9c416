#include "debarchive.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "hash.h"

#define OUT_MAX (4u << 20)

static struct err e;

static void check(int r, const char *what)
{
	if (r < 0)
		fail_msg("%s: %s", what, e.msg);
}

static void gpg(const char *home, const char *const args[])
{
	const char *argv[24] = {"gpg", "--homedir", home, "--batch", "--quiet", "--yes",
	    "--pinentry-mode", "loopback", "--passphrase", ""};
	size_t n = 10;

	for (size_t i = 0; args[i] != NULL; i++)
		argv[n++] = args[i];
	assert_true(n < 24);
	check(cmd_run(argv, &(struct cmd_opts){.timeout_ms = 60000}, NULL, NULL, &e),
	    "gpg");
}

static void home_of(const char *dir, const char *name, char out[256])
{
	snprintf(out, 256, "%s/gnupg-%s", dir, name);
}

void archive_keys(const char *dir, const char *name)
{
	char home[256], user[64], binary[256], text[256];

	home_of(dir, name, home);
	snprintf(user, sizeof(user), "%s <%s@archive.example>", name, name);
	snprintf(binary, sizeof(binary), "%s/%s.gpg", dir, name);
	snprintf(text, sizeof(text), "%s/%s.asc", dir, name);
	assert_int_equal(mkdir(home, 0700), 0);
	gpg(home, (const char *const[]){
		      "--quick-generate-key", user, "rsa2048", "sign", "never", NULL});
	gpg(home, (const char *const[]){"--output", binary, "--export", NULL});
	gpg(home, (const char *const[]){"--armor", "--output", text, "--export", NULL});
}

/* The agent that gpg has started. */
void archive_keys_end(const char *dir, const char *name)
{
	char home[256];
	const char *const argv[] = {
	    "gpgconf", "--homedir", home, "--kill", "gpg-agent", NULL};

	home_of(dir, name, home);
	cmd_run(
	    argv, &(struct cmd_opts){.timeout_ms = 10000, .quiet = 1}, NULL, NULL, &e);
}

static void add_member(
    struct archive *a, const char *name, unsigned mode, const void *data, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	assert_non_null(entry);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_size(entry, (la_int64_t)len);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	if (len > 0)
		assert_int_equal(archive_write_data(a, data, len), (la_ssize_t)len);
	archive_entry_free(entry);
}

/* A tar with one file, or none; its length. */
static size_t tar_of(const char *name, unsigned mode, const char *text, char *buf)
{
	struct archive *a = archive_write_new();
	size_t used = 0;

	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_memory(a, buf, OUT_MAX, &used), ARCHIVE_OK);
	if (name != NULL)
		add_member(a, name, mode, text, strlen(text));
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return used;
}

static void write_deb(const char *path, const struct deb_made *p)
{
	struct archive *a = archive_write_new();
	char AUTO_FREE *tar = malloc(OUT_MAX);
	char control[4096];

	assert_non_null(tar);
	snprintf(control, sizeof(control),
	    "Package: %s\nVersion: %s\nArchitecture: amd64\n%s",
	    p->really == NULL ? p->name : p->really, p->version,
	    p->control == NULL ? "" : p->control);
	archive_write_set_format_ar_svr4(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	add_member(a, "debian-binary", 0644, "2.0\n", 4);
	add_member(a, "control.tar", 0644, tar, tar_of("./control", 0644, control, tar));
	add_member(a, "data.tar", 0644, tar, tar_of(p->path, 0755, p->version, tar));
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void add_package(FILE *out, const char *root, const struct deb_made *p)
{
	char path[512], name[256], hex[HASH_HEX];
	struct stat st;

	snprintf(name, sizeof(name), "pool/main/%s_%s_amd64.deb", p->name, p->version);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	write_deb(path, p);
	check(hash_file(path, hex, &e), path);
	assert_int_equal(stat(path, &st), 0);
	fprintf(out,
	    "Package: %s\nVersion: %s\nInstalled-Size: 7\nArchitecture: amd64\n%s"
	    "Description: made for a test\n of more than one line\n"
	    "Filename: %s\nSize: %zu\nSHA256: %s\n\n",
	    p->name, p->version, p->control == NULL ? "" : p->control,
	    p->filename != NULL ? p->filename : name,
	    p->size != 0 ? p->size : (size_t)st.st_size,
	    p->sha256 != NULL ? p->sha256 : hex);
}

/* All of data, or so many zeros, compressed into path. */
static void write_compressed(
    const char *path, bool gz, const char *data, size_t len, size_t zeros)
{
	static const char nothing[1 << 16];
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_write_set_format_raw(a);
	if (gz)
		archive_write_add_filter_gzip(a);
	else
		archive_write_add_filter_xz(a);
	archive_write_set_options(a, "compression-level=0");
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	archive_entry_set_pathname(entry, "x");
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	for (; zeros > 0; zeros -= sizeof(nothing))
		archive_write_data(a, nothing, sizeof(nothing));
	if (len > 0)
		assert_int_equal(archive_write_data(a, data, len), (la_ssize_t)len);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(entry);
	archive_write_free(a);
}

/* Packages.xz (or .gz), by its name and by its hash; hex and size are of it. */
static void write_packages(const char *root, const struct suite_made *s, const char *text,
    char hex[HASH_HEX], size_t *size)
{
	char dir[512], path[600], named[700];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/dists/%s/main/binary-amd64/by-hash/SHA256", root,
	    s->name);
	check(fs_mkdir_p(dir, 0755, &e), dir);
	snprintf(path, sizeof(path), "%s/dists/%s/main/binary-amd64/Packages.%s", root,
	    s->name, s->gz ? "gz" : "xz");
	write_compressed(path, s->gz, text, strlen(text), s->zeros);
	check(hash_file(path, hex, &e), path);
	assert_int_equal(stat(path, &st), 0);
	*size = (size_t)st.st_size;
	if (!s->no_by_hash) {
		snprintf(named, sizeof(named), "%s/%s", dir, hex);
		unlink(named);
		assert_int_equal(link(path, named), 0);
	}
}

static void put_date(FILE *out, const char *key, time_t t)
{
	char text[64];
	struct tm tm;

	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S UTC", gmtime_r(&t, &tm));
	fprintf(out, "%s: %s\n", key, text);
}

void archive_sign(const char *root, const char *suite, const char *text, const char *keys,
    const char *signer, const char *digest)
{
	char plain[512], path[512], home[256];

	snprintf(plain, sizeof(plain), "%s/dists/%s/Release", root, suite);
	snprintf(path, sizeof(path), "%s/dists/%s/InRelease", root, suite);
	check(fs_write_atomic(plain, 0644, text, strlen(text), &e), plain);
	unlink(path);
	if (signer == NULL) {
		check(fs_write_atomic(path, 0644, text, strlen(text), &e), path);
		return;
	}
	home_of(keys, signer, home);
	gpg(home,
	    (const char *const[]){"--digest-algo", digest, "--allow-weak-digest-algos",
		"--clear-sign", "--output", path, plain, NULL});
}

void archive_suite(
    const char *root, const struct suite_made *s, const char *keys, const char *signer)
{
	char AUTO_FREE *packages = NULL;
	char AUTO_FREE *release = NULL;
	char pool[512], hex[HASH_HEX];
	size_t len, size;
	FILE *out = open_memstream(&packages, &len);

	assert_non_null(out);
	snprintf(pool, sizeof(pool), "%s/pool/main", root);
	check(fs_mkdir_p(pool, 0755, &e), pool);
	for (size_t i = 0; i < s->count; i++)
		add_package(out, root, &s->packages[i]);
	fclose(out);
	write_packages(root, s,
	    s->packages_text != NULL ? s->packages_text
	    : s->zeros > 0           ? ""
				     : packages,
	    hex, &size);
	out = open_memstream(&release, &len);
	assert_non_null(out);
	fprintf(out, "Origin: Debian\nSuite: of-%s\nCodename: %s\n", s->name,
	    s->codename == NULL ? s->name : s->codename);
	put_date(out, "Date", s->date == 0 ? time(NULL) : (time_t)s->date);
	if (s->valid_until != 0)
		put_date(out, "Valid-Until", (time_t)s->valid_until);
	fprintf(out,
	    "Acquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main\n"
	    "%s:\n %s %zu main/binary-amd64/Packages.%s\n",
	    s->hashes == NULL ? "SHA256" : s->hashes, hex, size, s->gz ? "gz" : "xz");
	fclose(out);
	archive_sign(root, s->name, release, keys, signer, "SHA256");
}
