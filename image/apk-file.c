/*
 * The files: gzip members taken apart by zlib (libarchive would read them as one), the
 * small ones inflated into memory and read as tar from there.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "apk-key.h"
#include "cleanup.h"
#include "fs.h"

#define CHUNK (64 * 1024)
#define SIGNATURES_FILE_MAX (64 * 1024) /* a member of signatures, inflated */
#define PKGINFO_MAX (1u << 20)
/* abuild says what a package takes in whole KiB of its build machine's disk. */
#define INSTALLED_SLACK (16u << 20)

/* A gzip member. */
struct member {
	char *data;
	size_t len;
	uint64_t start, end; /* in the file, as compressed */
};

/* What is in front of the data. */
struct head {
	struct apk_signature *signatures;
	size_t signature_count;
	struct member control;
};

static int grow(char **data, size_t *cap, size_t max, struct err *e)
{
	size_t to = *cap == 0 ? CHUNK : *cap * 2;
	char *grown;

	if (*cap > max)
		return err_set(e, ERR_FAILED, "more than %zu bytes when inflated", max);
	if (to > max + 1)
		to = max + 1;
	grown = realloc(*data, to);
	if (grown == NULL)
		return err_sys(e, ENOMEM, "inflate");
	*data = grown;
	*cap = to;
	return 0;
}

/* Inflates what is in z->next_in; 1: the member's end was reached. */
static int inflate_some(
    z_stream *z, struct member *m, size_t *cap, size_t max, struct err *e)
{
	while (z->avail_in > 0) {
		int r;

		if (m->len == *cap && grow(&m->data, cap, max, e) < 0)
			return -1;
		z->next_out = (unsigned char *)m->data + m->len;
		z->avail_out = (unsigned)(*cap - m->len);
		r = inflate(z, Z_NO_FLUSH);
		m->len = *cap - z->avail_out;
		if (r == Z_STREAM_END)
			return m->len > max
				   ? err_set(e, ERR_FAILED,
					 "more than %zu bytes when inflated", max)
				   : 1;
		if (r != Z_OK && r != Z_BUF_ERROR)
			return err_set(e, ERR_FAILED, "gzip: %s",
			    z->msg == NULL ? "damaged" : z->msg);
	}
	return 0;
}

/* The member that starts there: 0, or 1 at the file's end. The caller frees m->data. */
static int read_member(
    int fd, uint64_t start, size_t max, struct member *m, struct err *e)
{
	unsigned char buf[CHUNK];
	z_stream z = {0};
	uint64_t at = start;
	size_t cap = 0;
	int r = 0;

	*m = (struct member){.start = start};
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return err_sys(e, ENOMEM, "inflate");
	while (r == 0) {
		ssize_t n = pread(fd, buf, sizeof(buf), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = err_sys(e, errno, "read");
		else if (n == 0)
			r = at == start ? 2 : err_set(e, ERR_FAILED, "truncated");
		else {
			z.next_in = buf;
			z.avail_in = (unsigned)n;
			r = inflate_some(&z, m, &cap, max, e);
			at += (uint64_t)n - z.avail_in;
		}
	}
	m->end = at;
	inflateEnd(&z);
	return r < 0 ? -1 : r - 1;
}

static struct archive *open_tar(const void *data, size_t len, struct err *e)
{
	struct archive *a = archive_read_new();

	if (a == NULL) {
		err_sys(e, ENOMEM, "tar");
		return NULL;
	}
	archive_read_support_format_tar(a);
	if (archive_read_open_memory(a, data, len) == ARCHIVE_OK)
		return a;
	err_set(e, ERR_FAILED, "tar: damaged");
	archive_read_free(a);
	return NULL;
}

static int tar_error(struct archive *a, struct err *e)
{
	const char *why = archive_error_string(a);

	return err_set(e, ERR_FAILED, "tar: %s", why == NULL ? "damaged" : why);
}

/* The next entry's name, 1 at the end. */
static int next_entry(
    struct archive *a, struct archive_entry **entry, const char **name, struct err *e)
{
	int r = archive_read_next_header(a, entry);

	if (r == ARCHIVE_EOF)
		return 1;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return tar_error(a, e);
	*name = archive_entry_pathname(*entry);
	return *name == NULL ? err_set(e, ERR_FAILED, "tar: an entry without a name") : 0;
}

/* An entry's content, a NUL behind it. */
static int entry_text(
    struct archive *a, size_t max, char **text, size_t *len, struct err *e)
{
	size_t cap = 0, used = 0;
	char *data = NULL;

	for (;;) {
		la_ssize_t n;

		if (used == cap && grow(&data, &cap, max, e) < 0)
			break;
		n = archive_read_data(a, data + used, cap - used);
		if (n < 0) {
			tar_error(a, e);
			break;
		}
		if (n == 0) {
			if (used == cap && grow(&data, &cap, max, e) < 0)
				break;
			data[used] = '\0';
			*text = data;
			*len = used;
			return 0;
		}
		used += (size_t)n;
	}
	free(data);
	return -1;
}

static int add_signature(
    struct head *h, struct archive *a, const struct apk_signature *s, struct err *e)
{
	struct apk_signature *grown;
	la_ssize_t n;

	if (h->signature_count == APK_SIGNATURES_MAX)
		return err_set(e, ERR_FAILED, "too many signatures");
	grown = reallocarray(h->signatures, h->signature_count + 1, sizeof(*grown));
	if (grown == NULL)
		return err_sys(e, ENOMEM, "signatures");
	h->signatures = grown;
	grown += h->signature_count++;
	*grown = *s;
	n = archive_read_data(a, grown->data, sizeof(grown->data));
	if (n < 0)
		return tar_error(a, e);
	grown->len = (size_t)n;
	return 0;
}

static int take_signatures(struct head *h, const struct member *m, struct err *e)
{
	struct archive *a = open_tar(m->data, m->len, e);
	struct apk_signature s = {0};
	struct archive_entry *entry;
	const char *name;
	int r = 0;

	if (a == NULL)
		return -1;
	while (r == 0 && (r = next_entry(a, &entry, &name, e)) == 0)
		r = apk_signature_name(name, &s) == 1
			? add_signature(h, a, &s, e)
			: err_set(e, ERR_FAILED, "something else among the signatures");
	archive_read_free(a);
	return r < 0 ? -1 : 0;
}

/* Whether the member that starts there begins as one of signatures does, with an entry of
 * such a name: 1, 0, or -1 at what is no gzip member. Inflates no more than it needs. */
static int is_signatures(int fd, uint64_t start, struct err *e)
{
	unsigned char in[4096], out[8] = {0};
	struct apk_signature s;
	z_stream z = {0};
	ssize_t n;
	int r;

	do
		n = pread(fd, in, sizeof(in), (off_t)start);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "read");
	if (n == 0)
		return err_set(e, ERR_FAILED, start == 0 ? "empty" : "truncated");
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return err_sys(e, ENOMEM, "inflate");
	z.next_in = in;
	z.avail_in = (unsigned)n;
	z.next_out = out;
	z.avail_out = sizeof(out) - 1;
	r = inflate(&z, Z_NO_FLUSH);
	inflateEnd(&z);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return err_set(e, ERR_FAILED, "not an Alpine package or index");
	return apk_signature_name((const char *)out, &s);
}

static void head_free(struct head *h)
{
	free(h->signatures);
	free(h->control.data);
}

/* Reads the signatures; h->control.start is where they end. head_free in any case. */
static int read_signatures(int fd, struct head *h, struct err *e)
{
	uint64_t at = 0;
	int r;

	*h = (struct head){0};
	while ((r = is_signatures(fd, at, e)) == 1) {
		struct member m;

		r = read_member(fd, at, SIGNATURES_FILE_MAX, &m, e);
		if (r == 0)
			r = take_signatures(h, &m, e);
		free(m.data);
		if (r < 0)
			return -1;
		at = m.end;
	}
	h->control.start = at;
	return r;
}

/* The content of a regular file in a tar. */
static int find_text(const struct member *m, const char *want, size_t max, char **text,
    size_t *len, struct err *e)
{
	struct archive *a = open_tar(m->data, m->len, e);
	struct archive_entry *entry;
	const char *name;
	int r;

	*text = NULL;
	if (a == NULL)
		return -1;
	while ((r = next_entry(a, &entry, &name, e)) == 0)
		if (strcmp(name, want) == 0 &&
		    archive_entry_filetype(entry) == AE_IFREG) {
			r = entry_text(a, max, text, len, e);
			break;
		}
	archive_read_free(a);
	if (r == 1)
		return err_set(e, ERR_FAILED, "no %s in it", want);
	return r;
}

int apk_index_read(
    int fd, const struct apk_keys *keys, char **text, size_t *len, struct err *e)
{
	struct stat st;
	struct head h = {0};
	int r = -1;

	*text = NULL;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "index");
	if (st.st_size > APK_INDEX_FILE_MAX)
		return err_set(
		    e, ERR_FAILED, "an index of more than %u bytes", APK_INDEX_FILE_MAX);
	if (read_signatures(fd, &h, e) == 0 &&
	    apk_keys_verify(
		keys, h.signatures, h.signature_count, fd, h.control.start, e) == 0 &&
	    read_member(fd, h.control.start, APK_INDEX_TEXT_MAX, &h.control, e) == 0)
		r = h.control.end != (uint64_t)st.st_size
			? err_set(e, ERR_FAILED, "something behind the index")
			: find_text(
			      &h.control, "APKINDEX", APK_INDEX_TEXT_MAX, text, len, e);
	head_free(&h);
	return r;
}

static int update_digest(void *arg, const void *data, size_t len)
{
	return EVP_DigestUpdate(arg, data, len);
}

/* Compares the hash of the bytes [from, to) of fd; to 0: to the end. */
static int check_hash(int fd, uint64_t from, uint64_t to, const EVP_MD *md,
    const uint8_t *want, const char *what, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char got[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r;

	if (ctx == NULL || EVP_DigestInit_ex(ctx, md, NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		return err_set(e, ERR_FAILED, "hash: libcrypto failed");
	}
	r = apk_digest_range(fd, from, to, update_digest, ctx, e);
	if (r == 0 && EVP_DigestFinal_ex(ctx, got, &n) != 1)
		r = err_set(e, ERR_FAILED, "hash: libcrypto failed");
	EVP_MD_CTX_free(ctx);
	if (r == 0 && memcmp(got, want, n) != 0)
		r = err_set(e, ERR_FAILED, "%s", what);
	return r;
}

static void from_hex(const char *hex, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; hex[2 * i] != '\0'; i++)
		out[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) << 4 |
				   (strchr(digits, hex[2 * i + 1]) - digits));
}

static int check_control(int fd, const struct apk_package *p, const struct head *h,
    struct apk_file *f, struct err *e)
{
	/* First the hash: nothing is parsed that the index does not vouch for. */
	if (check_hash(fd, h->control.start, h->control.end,
		p->id_len == 20 ? EVP_sha1() : EVP_sha256(), p->id,
		"its control part is not the one that the index names", e) < 0 ||
	    find_text(&h->control, ".PKGINFO", PKGINFO_MAX, &f->pkginfo, &f->pkginfo_len,
		e) < 0 ||
	    apk_pkginfo_parse(f->pkginfo, f->pkginfo_len, &f->info, e) < 0)
		return -1;
	if (strcmp(f->info.name, p->name) != 0 ||
	    strcmp(f->info.version, p->version) != 0)
		return err_set(e, ERR_FAILED, "it is package %.100s-%.100s", f->info.name,
		    f->info.version);
	f->data = h->control.end;
	return 0;
}

int apk_file_check(int fd, const struct apk_package *p, struct apk_file *f, struct err *e)
{
	struct head h = {0};
	struct stat st;
	uint8_t hash[32];
	int r;

	*f = (struct apk_file){0};
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "package");
	if ((uint64_t)st.st_size != p->size)
		return err_set(e, ERR_FAILED, "%s: %lld bytes, the index says %llu",
		    (uint64_t)st.st_size < p->size ? "truncated" : "too long",
		    (long long)st.st_size, (unsigned long long)p->size);
	r = read_signatures(fd, &h, e);
	if (r == 0)
		r = read_member(fd, h.control.start, APK_CONTROL_MAX, &h.control, e);
	if (r == 0)
		r = check_control(fd, p, &h, f, e);
	head_free(&h);
	if (r < 0)
		return -1;
	if (f->info.datahash[0] == '\0')
		return err_set(e, ERR_FAILED, "no hash of its data");
	from_hex(f->info.datahash, hash);
	return check_hash(fd, f->data, 0, EVP_sha256(), hash,
	    "its data is not the one that its control part names", e);
}

void apk_file_free(struct apk_file *f)
{
	free(f->pkginfo);
	*f = (struct apk_file){0};
}

static int write_control(const struct apk_file *f, const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;

	if (asprintf(&path, "%s/control", dir) < 0)
		return err_sys(e, ENOMEM, "control");
	return fs_write_atomic(path, 0644, f->pkginfo, f->pkginfo_len, e);
}

int apk_unpack(int fd, const struct apk_package *p, const struct apk_file *f,
    const char *dir, deb_filter_fn *filter, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	if (a == NULL)
		return err_sys(e, ENOMEM, "tar");
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a); /* of a package that only depends */
	archive_read_support_filter_gzip(a);
	if (lseek(fd, (off_t)f->data, SEEK_SET) < 0)
		r = err_sys(e, errno, "package");
	else if (archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		r = tar_error(a, e);
	else
		r = unpack_tar(a, dir, 2 * p->installed + INSTALLED_SLACK, filter, e);
	archive_read_free(a);
	return r < 0 ? -1 : write_control(f, dir, e);
}
