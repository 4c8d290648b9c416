#include "debverify.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "debrelease.h"
#include "fs.h"
#include "strv.h"

#define TIMEOUT_MS 60000
#define KEYS_MAX (4u << 20)
#define KEY_FILES_MAX 64
#define FPR_MAX 64

static const char begin_message[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char begin_signature[] = "-----BEGIN PGP SIGNATURE-----";
static const char end_signature[] = "-----END PGP SIGNATURE-----";
static const char begin_key[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char end_key[] = "-----END PGP PUBLIC KEY BLOCK-----";

/* The length of a line without what blanks it ends with. */
static size_t line_text(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return n;
}

static bool line_is(const char *p, size_t n, const char *what)
{
	n = line_text(p, n);
	return n == strlen(what) && memcmp(p, what, n) == 0;
}

bool deb_is_clearsigned(const char *text, size_t len)
{
	static const char *const order[] = {
	    begin_message, begin_signature, end_signature};
	const char *p = text, *end = text + len;
	size_t state = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);

		if (state < 3 && line_is(p, n, order[state]))
			state++;
		else if (state == 0 || state == 3 ||
			 (n >= 5 && memcmp(p, "-----", 5) == 0))
			return false;
		p += n + (nl != NULL);
	}
	return state == 3;
}

/* One signature at a time, NEWSIG before each: GOODSIG has no "expired" or "revoked" in
 * it, VALIDSIG says with what. */
int deb_verify_status(const char *status, struct err *e)
{
	static const char head[] = "[GNUPG:] ";
	char missing[FPR_MAX] = "";
	bool good = false, bad = false;
	size_t valid = 0;

	for (const char *p = status; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		char word[32], a[FPR_MAX];
		int digest;

		if (strncmp(p, head, sizeof(head) - 1) != 0 ||
		    sscanf(p + sizeof(head) - 1, "%31[A-Z0-9_] %63[^ \n]", word, a) < 1)
			continue;
		if (strcmp(word, "NEWSIG") == 0)
			good = false;
		else if (strcmp(word, "GOODSIG") == 0)
			good = true;
		else if (strcmp(word, "BADSIG") == 0)
			bad = true;
		else if (strcmp(word, "NO_PUBKEY") == 0)
			snprintf(missing, sizeof(missing), "%s", a);
		else if (strcmp(word, "VALIDSIG") == 0 && good &&
			 sscanf(p + sizeof(head) - 1,
			     "VALIDSIG %*s %*s %*s %*s %*s %*s %*s %d", &digest) == 1 &&
			 digest >= 8 && digest <= 10) /* SHA-256, -384, -512 */
			valid++;
	}
	if (bad)
		return err_set(e, ERR_FAILED, "the signature is wrong");
	if (valid > 0)
		return 0;
	if (missing[0] != '\0') {
		err_set(e, ERR_FAILED, "signed by key %s, which is not a trusted one",
		    missing);
		return err_hint(e, "--keys FILE with the archive's keys");
	}
	return err_set(e, ERR_FAILED, "no good signature");
}

/* The base64 lines of one block, between the headers' empty line and the checksum. */
static int decode_block(
    const char *p, const char *end, unsigned char *out, size_t *len, struct err *e)
{
	char AUTO_FREE *base64 = malloc((size_t)(end - p) + 1);
	size_t n = 0, pad = 0;
	bool body = false;
	int r;

	if (base64 == NULL)
		return err_sys(e, ENOMEM, "keys");
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);
		size_t used = line_text(p, line);

		if (!body && used == 0)
			body = true;
		else if (body && used > 0 && *p == '=')
			break;
		else if (body) {
			memcpy(base64 + n, p, used);
			n += used;
		}
		p += line + (nl != NULL);
	}
	while (n > pad && pad < 2 && base64[n - 1 - pad] == '=')
		pad++;
	base64[n] = '\0';
	r = n > 0 && n % 4 == 0 && n < INT32_MAX
		? EVP_DecodeBlock(out + *len, (unsigned char *)base64, (int)n)
		: -1;
	if (r < 0)
		return err_set(e, ERR_FAILED, "not an armoured key");
	*len += (size_t)r - pad;
	return 0;
}

int deb_dearmour(
    const char *text, size_t len, unsigned char **out, size_t *out_len, struct err *e)
{
	const char *p = text, *begin, *end;
	unsigned char *raw = malloc(len + 4);

	*out = NULL;
	*out_len = 0;
	if (raw == NULL)
		return err_sys(e, ENOMEM, "keys");
	while ((begin = strstr(p, begin_key)) != NULL) {
		begin += strcspn(begin, "\n");
		end = strstr(begin, end_key);
		if (end == NULL || *begin == '\0') {
			free(raw);
			return err_set(e, ERR_FAILED, "armoured key without an end");
		}
		if (decode_block(begin + 1, end, raw, out_len, e) < 0) {
			free(raw);
			return -1;
		}
		p = end;
	}
	*out = raw;
	return *out_len > 0 ? 0 : err_set(e, ERR_FAILED, "no key in it");
}

/* Adds a keyring; one that is armoured as a file in dir. */
static int add_keyring(
    const char *path, const char *dir, struct strv *rings, struct err *e)
{
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *whole = NULL;
	char AUTO_FREE *plain = NULL;
	unsigned char AUTO_FREE *raw = NULL;
	size_t len, raw_len;

	if (rings->n >= KEY_FILES_MAX)
		return err_set(e, ERR_USAGE, "too many files of keys");
	if (fs_read_file(path, KEYS_MAX, &text, &len, e) < 0)
		return -1;
	if (len == 0)
		return err_set(e, ERR_FAILED, "%s: empty", path);
	/* Without a slash gpgv looks for it elsewhere. */
	whole = realpath(path, NULL);
	if (whole == NULL)
		return err_sys(e, errno, "%s", path);
	if (strstr(text, begin_key) == NULL)
		return strv_add(rings, whole, e);
	if (deb_dearmour(text, len, &raw, &raw_len, e) < 0)
		return err_prefix(e, "%s", path);
	if (asprintf(&plain, "%s/%zu.gpg", dir, rings->n) < 0)
		return err_sys(e, ENOMEM, "keys");
	if (fs_write_atomic(plain, 0644, raw, raw_len, e) < 0)
		return -1;
	return strv_add(rings, plain, e);
}

static bool is_key_name(const char *name)
{
	static const char *const ends[] = {".gpg", ".asc", ".pgp", ".kbx"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (len > 4 && name[0] != '.' && strcmp(name + len - 4, ends[i]) == 0)
			return true;
	return false;
}

static int add_folder(
    const char *path, const char *dir, struct strv *rings, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (d == NULL)
		return err_sys(e, errno, "%s", path);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *file = NULL;

		if (!is_key_name(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			r = err_sys(e, ENOMEM, "keys");
		else
			r = add_keyring(file, dir, rings, e);
	}
	closedir(d);
	if (r == 0 && rings->n == 0)
		r = err_set(e, ERR_PRECONDITION,
		    "%s: no keys in it (*.gpg, *.asc, *.pgp, *.kbx)", path);
	return r;
}

static int find_keys(const char *keys, const char *dir, struct strv *rings, struct err *e)
{
	struct stat st;

	if (stat(keys == NULL ? DEB_KEYRING : keys, &st) < 0) {
		err_sys(e, errno, "%s", keys == NULL ? DEB_KEYRING : keys);
		if (e != NULL)
			e->code = ERR_PRECONDITION;
		if (keys == NULL)
			err_hint(e,
			    "--keys FILE with the keys of Debian's archive, which "
			    "its package debian-archive-keyring has");
		return -1;
	}
	if (keys != NULL && S_ISDIR(st.st_mode))
		return add_folder(keys, dir, rings, e);
	return add_keyring(keys == NULL ? DEB_KEYRING : keys, dir, rings, e);
}

static int run_gpgv(const char *path, const struct strv *rings, const char *dir,
    const char *out, struct err *e)
{
	/* 2: a signature by a key that is not there, among others. */
	struct cmd_opts o = {
	    .timeout_ms = TIMEOUT_MS, .max_output = 256 * 1024, .ok_status = 2};
	char AUTO_FREE *status = NULL;
	struct strv argv = {0};
	int r = 0, ended = -1;
	const char *const head[] = {"gpgv", "--homedir", dir, "--status-fd", "1",
	    "--weak-digest", "SHA1", "--weak-digest", "RIPEMD160", "--output", out};

	for (size_t i = 0; i < ARRAY_LEN(head) && r == 0; i++)
		r = strv_add(&argv, head[i], e);
	for (size_t i = 0; i < rings->n && r == 0; i++)
		if ((r = strv_add(&argv, "--keyring", e)) == 0)
			r = strv_add(&argv, rings->v[i], e);
	if (r == 0)
		r = strv_add(&argv, path, e);
	if (r == 0 && cmd_run(strv_array(&argv), &o, &status, &ended, e) < 0) {
		r = -1;
		if (e != NULL && e->code == ERR_PRECONDITION)
			err_hint(e, "gpgv is part of GnuPG: package gpgv or gnupg");
	}
	if (r == 0)
		r = deb_verify_status(status, e);
	strv_free(&argv);
	return r;
}

static int verify_in(const char *path, const char *keys, const char *dir, char **text,
    size_t *len, struct err *e)
{
	char AUTO_FREE *out = NULL;
	struct strv rings = {0};
	int r;

	if (asprintf(&out, "%s/signed", dir) < 0) {
		out = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	r = find_keys(keys, dir, &rings, e);
	if (r == 0 && (r = run_gpgv(path, &rings, dir, out, e)) < 0)
		err_prefix(e, "%s", path);
	if (r == 0)
		r = fs_read_file(out, DEB_RELEASE_MAX, text, len, e);
	strv_free(&rings);
	return r;
}

int deb_verify(const char *path, const char *keys, const char *dir, char **text,
    size_t *len, struct err *e)
{
	char AUTO_FREE *work = NULL;
	char AUTO_FREE *file = NULL;
	size_t n;
	int r;

	*text = NULL;
	if (fs_read_file(path, DEB_RELEASE_MAX, &file, &n, e) < 0)
		return -1;
	if (!deb_is_clearsigned(file, n))
		return err_set(e, ERR_FAILED, "%s: not a signed message alone", path);
	if (asprintf(&work, "%s/verify-XXXXXX", dir) < 0) {
		work = NULL;
		return err_sys(e, ENOMEM, "%s", path);
	}
	if (mkdtemp(work) == NULL)
		return err_sys(e, errno, "%s", work);
	r = verify_in(path, keys, work, text, len, e);
	fs_remove_tree(work, r < 0 ? NULL : e);
	return r;
}
