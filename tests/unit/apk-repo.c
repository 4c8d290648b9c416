#include "apk-repo.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fs.h"

#define KEY_NAME "test-4a5b6c7d.rsa.pub"

struct bytes {
	char *data;
	size_t len, cap;
};

static void add(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len + 1 > b->cap) {
		b->cap = 2 * (b->len + len + 1);
		b->data = realloc(b->data, b->cap);
		assert_non_null(b->data);
	}
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static void add_text(struct bytes *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void add_text(struct bytes *b, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(text) - 1);
	add(b, text, (size_t)n);
}

static la_ssize_t collect(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	add(arg, data, len);
	return (la_ssize_t)len;
}

static struct archive *tar_open(struct bytes *out)
{
	struct archive *a = archive_write_new();

	*out = (struct bytes){0};
	archive_write_set_format_pax_restricted(a);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open(a, out, NULL, collect, NULL), ARCHIVE_OK);
	return a;
}

static void tar_add(struct archive *a, const struct apk_entry *f)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, f->path);
	archive_entry_set_perm(e, f->kind == APK_EXEC ? 0755 : 0644);
	archive_entry_set_filetype(e, f->kind == APK_LINK     ? AE_IFLNK
				      : f->kind == APK_DEVICE ? AE_IFCHR
							      : AE_IFREG);
	if (f->kind == APK_LINK)
		archive_entry_set_symlink(e, f->data);
	if (f->kind == APK_HARD_LINK)
		archive_entry_set_hardlink(e, f->data);
	if (f->kind == APK_FILE || f->kind == APK_EXEC)
		archive_entry_set_size(e, (la_int64_t)f->len);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	if ((f->kind == APK_FILE || f->kind == APK_EXEC) && f->len > 0)
		assert_int_equal(archive_write_data(a, f->data, f->len), f->len);
	archive_entry_free(e);
}

static void tar_add_data(struct archive *a, const char *name, const struct bytes *b)
{
	tar_add(a, &(struct apk_entry){name, APK_FILE, b->data, b->len});
}

/* The last of the file keeps its two empty blocks, as abuild-tar --cut leaves them. */
static void tar_close(struct archive *a, struct bytes *out, bool cut)
{
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	if (cut)
		out->len -= 1024;
}

/* As a member of its own. Takes b's data. */
static struct bytes gzip(struct bytes b)
{
	struct bytes out = {0};
	z_stream z = {0};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	out.len = deflateBound(&z, b.len);
	out.data = malloc(out.len + 1);
	assert_non_null(out.data);
	z.next_in = (unsigned char *)b.data;
	z.avail_in = (unsigned)b.len;
	z.next_out = (unsigned char *)out.data;
	z.avail_out = (unsigned)out.len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len -= z.avail_out;
	deflateEnd(&z);
	free(b.data);
	return out;
}

static void digest(const EVP_MD *md, const struct bytes *b, unsigned char *out)
{
	assert_int_equal(EVP_Digest(b->data, b->len, out, NULL, md, NULL), 1);
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Makes a key the one that is trusted. */
static void trust(const struct apk_repo *r, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char path[600], *pem;
	long len;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_get_mem_data(bio, &pem);
	snprintf(path, sizeof(path), "%s/" KEY_NAME, r->keys);
	assert_int_equal(fs_write_atomic(path, 0644, pem, (size_t)len, NULL), 0);
	BIO_free(bio);
}

void apk_repo_open(struct apk_repo *r, const char *top)
{
	/* Made once: that takes a while. */
	static EVP_PKEY *key, *stranger;
	char path[600];

	if (key == NULL)
		key = make_key();
	if (stranger == NULL)
		stranger = make_key();
	*r = (struct apk_repo){.key = key, .stranger = stranger};
	snprintf(r->dir, sizeof(r->dir), "%s/mirror", top);
	snprintf(r->keys, sizeof(r->keys), "%s/keys", top);
	snprintf(path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64", r->dir);
	assert_int_equal(fs_mkdir_p(path, 0755, NULL), 0);
	assert_int_equal(fs_mkdir_p(r->keys, 0755, NULL), 0);
	trust(r, key);
}

void apk_repo_trust_stranger(const struct apk_repo *r)
{
	trust(r, r->stranger);
}

void apk_repo_close(struct apk_repo *r)
{
	free(r->index);
	*r = (struct apk_repo){.index = NULL};
}

static void write_file(const struct apk_repo *r, const char *name, const struct bytes *b)
{
	char path[1024];

	snprintf(
	    path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64/%s", r->dir, name);
	assert_int_equal(fs_write_atomic(path, 0644, b->data, b->len, NULL), 0);
}

/* A member with the signature of those bytes. */
static struct bytes sign(
    EVP_PKEY *key, const char *algorithm, const char *by, const struct bytes *what)
{
	const EVP_MD *md = strcmp(algorithm, "RSA256") == 0   ? EVP_sha256()
			   : strcmp(algorithm, "RSA512") == 0 ? EVP_sha512()
							      : EVP_sha1();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct bytes out, signature = {malloc(1024), 1024, 0};
	struct archive *a;
	char name[128];

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSignUpdate(ctx, what->data, what->len), 1);
	assert_int_equal(
	    EVP_DigestSignFinal(ctx, (unsigned char *)signature.data, &signature.len), 1);
	EVP_MD_CTX_free(ctx);
	snprintf(name, sizeof(name), ".SIGN.%s.%s", algorithm, by);
	a = tar_open(&out);
	tar_add_data(a, name, &signature);
	tar_close(a, &out, true);
	free(signature.data);
	return gzip(out);
}

static struct bytes make_data(const struct apk_spec *p)
{
	struct bytes out;
	struct archive *a = tar_open(&out);

	for (size_t i = 0; i < p->count; i++)
		tar_add(a, &p->entries[i]);
	tar_close(a, &out, false);
	return gzip(out);
}

static struct bytes make_control(
    const struct apk_spec *p, const char *version, const struct bytes *data, bool other)
{
	struct bytes info = {0}, out;
	unsigned char hash[32];
	struct archive *a = tar_open(&out);

	add_text(&info, "# Generated by abuild 3.14.1-r0\npkgname = %s\npkgver = %s\n",
	    p->fault == FAULT_NAME ? "another" : p->name, version);
	add_text(&info, "pkgdesc = for a test\narch = x86_64\nlicense = MIT\n%s",
	    other ? "commit = x\n" : "");
	if (p->fault != FAULT_NO_HASH) {
		digest(EVP_sha256(), data, hash);
		add_text(&info, "datahash = ");
		for (size_t i = 0; i < sizeof(hash); i++)
			add_text(&info, "%02x", hash[i]);
		add_text(&info, "\n");
	}
	tar_add_data(a, ".PKGINFO", &info);
	tar_close(a, &out, true);
	free(info.data);
	return gzip(out);
}

static void add_to_index(struct apk_repo *r, const struct apk_spec *p,
    const char *version, const struct bytes *control, size_t size)
{
	struct bytes x = {r->index, r->index_len, r->index_cap};
	unsigned char hash[20], text[32];
	uint64_t installed = p->installed;

	for (size_t i = 0; i < p->count && p->installed == 0; i++)
		installed += p->entries[i].len;
	digest(EVP_sha1(), control, hash);
	EVP_EncodeBlock(text, hash, sizeof(hash));
	add_text(&x, "C:Q1%s\nP:%s\nV:%s\nA:x86_64\nS:%zu\nI:%llu\nT:for a test\n", text,
	    p->name, version, size, (unsigned long long)installed);
	add_text(&x, "U:https://example.org/\nL:MIT\no:%s\nm:nobody\nt:1\n", p->name);
	if (p->priority > 0)
		add_text(&x, "k:%u\n", p->priority);
	if (p->depends != NULL)
		add_text(&x, "D:%s\n", p->depends);
	if (p->provides != NULL)
		add_text(&x, "p:%s\n", p->provides);
	if (p->install_if != NULL)
		add_text(&x, "i:%s\n", p->install_if);
	add_text(&x, "\n");
	r->index = x.data;
	r->index_len = x.len;
	r->index_cap = x.cap;
}

void apk_repo_line(struct apk_repo *r, const char *text)
{
	struct bytes x = {r->index, r->index_len, r->index_cap};

	add(&x, text, strlen(text));
	r->index = x.data;
	r->index_len = x.len;
	r->index_cap = x.cap;
}

void apk_repo_add(struct apk_repo *r, const struct apk_spec *p)
{
	const char *version = p->version == NULL ? "1.0-r0" : p->version;
	struct bytes data = make_data(p), file = {0}, signature;
	struct bytes indexed = make_control(p, version, &data, false);
	struct bytes control = make_control(p, version, &data, p->fault == FAULT_CONTROL);
	char name[256];

	if (p->fault == FAULT_DATA)
		data.data[data.len / 2] ^= 1;
	signature = sign(r->key, "RSA", KEY_NAME, &control);
	add(&file, signature.data, signature.len);
	add(&file, control.data, control.len);
	add(&file, data.data, data.len);
	add_to_index(r, p, version, &indexed, file.len);
	if (p->fault == FAULT_TRUNCATED)
		file.len -= 100;
	if (p->fault == FAULT_LONGER)
		add(&file, "x", 1);
	if (p->fault == FAULT_NO_GZIP)
		memset(file.data, 'x', file.len);
	snprintf(name, sizeof(name), "%s-%s.apk", p->name, version);
	write_file(r, name, &file);
	free(signature.data);
	free(indexed.data);
	free(control.data);
	free(data.data);
	free(file.data);
}

void apk_repo_index(struct apk_repo *r, const char *algorithm, enum index_fault fault)
{
	char described[] = "v3.21.0-1-gtest";
	const struct bytes description = {described, sizeof(described) - 1, 0};
	const struct bytes text = {r->index, r->index_len, 0};
	struct bytes file = {0}, index, signature;
	struct archive *a = tar_open(&index);

	tar_add_data(a, "DESCRIPTION", &description);
	tar_add_data(a, "APKINDEX", &text);
	tar_close(a, &index, false);
	index = gzip(index);
	signature = fault == INDEX_UNKNOWN
			? sign(r->stranger, algorithm, "stranger.rsa.pub", &index)
			: sign(fault == INDEX_FORGED ? r->stranger : r->key, algorithm,
			      KEY_NAME, &index);
	if (fault == INDEX_WRONG)
		index.data[index.len - 5] ^= 1;
	if (fault != INDEX_UNSIGNED)
		add(&file, signature.data, signature.len);
	add(&file, index.data, index.len);
	if (fault == INDEX_TRUNCATED)
		file.len -= 20;
	if (fault == INDEX_MORE)
		add(&file, index.data, index.len);
	write_file(r, "APKINDEX.tar.gz", &file);
	free(signature.data);
	free(index.data);
	free(file.data);
}
