#include "apk-key.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

#define KEYS_MAX 64
#define KEY_FILE_MAX (16 * 1024)
#define KEY_BITS_MIN 2048
#define CHUNK (128 * 1024)

struct apk_key {
	char *name;
	EVP_PKEY *key;
};

struct apk_keys {
	struct apk_key v[KEYS_MAX];
	size_t n;
	char *dir;
};

static int is_key(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 4 && n < APK_WORD_MAX &&
	       strcmp(d->d_name + n - 4, ".pub") == 0;
}

static int load_key(struct apk_keys *k, const char *name, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = NULL;
	struct apk_key *key = &k->v[k->n];
	size_t len;
	BIO *bio;

	if (asprintf(&path, "%s/%s", k->dir, name) < 0)
		return err_sys(e, ENOMEM, "keys");
	if (fs_read_file(path, KEY_FILE_MAX, &text, &len, e) < 0)
		return -1;
	bio = BIO_new_mem_buf(text, (int)len);
	key->name = strdup(name);
	if (bio == NULL || key->name == NULL) {
		BIO_free(bio);
		free(key->name);
		return err_sys(e, ENOMEM, "keys");
	}
	k->n++;
	key->key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (key->key == NULL || EVP_PKEY_base_id(key->key) != EVP_PKEY_RSA)
		return err_set(e, ERR_PRECONDITION, "%s: not an RSA public key", path);
	if (EVP_PKEY_bits(key->key) < KEY_BITS_MIN)
		return err_set(e, ERR_PRECONDITION, "%s: a key of less than %d bits",
		    path, KEY_BITS_MIN);
	return 0;
}

int apk_keys_load(const char *dir, struct apk_keys **keys, struct err *e)
{
	struct dirent **list = NULL;
	struct apk_keys *k = calloc(1, sizeof(*k));
	int n, r = 0;

	*keys = NULL;
	if (k == NULL || (k->dir = strdup(dir)) == NULL) {
		free(k);
		return err_sys(e, ENOMEM, "keys");
	}
	n = scandir(dir, &list, is_key, alphasort);
	if (n <= 0 || n > KEYS_MAX) {
		err_set(e, ERR_PRECONDITION, "%s: %s", dir,
		    n < 0    ? strerror(errno)
		    : n == 0 ? "no key (NAME.rsa.pub)"
			     : "too many keys");
		r = err_hint(e, "--keys DIR: the keys that the distribution signs with");
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_key(k, list[i]->d_name, e);
		free(list[i]);
	}
	free(list);
	if (r < 0)
		apk_keys_free(k);
	else
		*keys = k;
	return r;
}

void apk_keys_free(struct apk_keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].name);
		EVP_PKEY_free(k->v[i].key);
	}
	free(k->dir);
	free(k);
}

int apk_signature_name(const char *entry, struct apk_signature *s)
{
	static const char prefix[] = ".SIGN.";
	static const struct {
		const char *name;
		const EVP_MD *(*md)(void);
	} algorithms[] = {
	    {"RSA.", EVP_sha1}, {"RSA256.", EVP_sha256}, {"RSA512.", EVP_sha512}};

	if (strncmp(entry, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	entry += sizeof(prefix) - 1;
	s->md = NULL;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		size_t n = strlen(algorithms[i].name);

		if (strncmp(entry, algorithms[i].name, n) != 0 ||
		    strlen(entry + n) >= sizeof(s->key))
			continue;
		s->md = algorithms[i].md();
		strcpy(s->key, entry + n);
	}
	return 1;
}

int apk_digest_range(int fd, uint64_t from, uint64_t to,
    int (*update)(void *arg, const void *data, size_t len), void *arg, struct err *e)
{
	char AUTO_FREE *buf = malloc(CHUNK);

	if (buf == NULL)
		return err_sys(e, ENOMEM, "hash");
	while (to == 0 || from < to) {
		size_t want = to == 0 || to - from > CHUNK ? CHUNK : (size_t)(to - from);
		ssize_t n = pread(fd, buf, want, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "hash");
		if (n == 0)
			return to == 0 ? 0 : err_set(e, ERR_FAILED, "truncated");
		if (update(arg, buf, (size_t)n) != 1)
			return err_set(e, ERR_FAILED, "hash: libcrypto failed");
		from += (uint64_t)n;
	}
	return 0;
}

static int update_verify(void *arg, const void *data, size_t len)
{
	return EVP_DigestVerifyUpdate(arg, data, len);
}

/* PKCS #1 v1.5 is what libcrypto does by itself for an RSA key. 0: good, 1: wrong. */
static int verify(const struct apk_key *key, const struct apk_signature *s, int fd,
    uint64_t from, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = 1;

	if (ctx == NULL)
		return err_sys(e, ENOMEM, "signature");
	if (EVP_DigestVerifyInit(ctx, NULL, s->md, NULL, key->key) == 1) {
		r = apk_digest_range(fd, from, 0, update_verify, ctx, e);
		if (r == 0)
			r = EVP_DigestVerifyFinal(ctx, s->data, s->len) == 1 ? 0 : 1;
	}
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	return r;
}

static const struct apk_key *find_key(const struct apk_keys *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].name, name) == 0)
			return &k->v[i];
	return NULL;
}

int apk_keys_verify(const struct apk_keys *keys, const struct apk_signature *s, size_t n,
    int fd, uint64_t from, struct err *e)
{
	const char *wrong = NULL, *unknown = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct apk_key *key =
		    s[i].md == NULL ? NULL : find_key(keys, s[i].key);
		int r;

		if (key == NULL) {
			unknown = s[i].md == NULL ? unknown : s[i].key;
			continue;
		}
		r = verify(key, &s[i], fd, from, e);
		if (r <= 0)
			return r;
		wrong = s[i].key;
	}
	if (wrong != NULL)
		return err_set(e, ERR_FAILED, "wrong signature, by key %s", wrong);
	if (unknown == NULL)
		return err_set(e, ERR_FAILED, "not signed");
	err_set(e, ERR_FAILED, "signed by %s, a key that is not trusted", unknown);
	return err_hint(e, "trusted are those in %s (--keys DIR)", keys->dir);
}
