#include "sign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "
#define HEAD (2 + SIGN_NUMBER) /* algorithm, number */
#define SECRET_LEN 104
#define SECRET_ROUNDS 4
#define SECRET_CHECKSUM 24
#define SECRET_NUMBER 32
#define SECRET_KEY 40
#define RAW_MAX SECRET_LEN
/* Of n bytes, with its padding. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

struct lines {
	const char *at, *end;
};

/* The next line, without its end; NULL: there is none. */
static const char *next_line(struct lines *l, size_t *len)
{
	const char *line = l->at, *nl;

	if (line == l->end)
		return NULL;
	nl = memchr(line, '\n', (size_t)(l->end - line));
	l->at = nl == NULL ? l->end : nl + 1;
	*len = (size_t)((nl == NULL ? l->end : nl) - line);
	if (*len > 0 && line[*len - 1] == '\r')
		(*len)--;
	return line;
}

/* A line that starts with `prefix`, and what follows it. */
static const char *comment_line(
    struct lines *l, const char *prefix, size_t *len, struct err *e)
{
	const char *line = next_line(l, len);
	size_t n = strlen(prefix);

	if (line == NULL || *len < n || memcmp(line, prefix, n) != 0 ||
	    *len - n >= SIGN_COMMENT_MAX || memchr(line, '\0', *len) != NULL) {
		err_set(e, ERR_FAILED, "no line \"%s...\"", prefix);
		return NULL;
	}
	*len -= n;
	return line + n;
}

/* A line of base64 that gives exactly want bytes. */
static int base64_line(struct lines *l, uint8_t *out, size_t want, struct err *e)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t raw[BASE64_LEN(RAW_MAX)];
	size_t len, pad = (3 - want % 3) % 3;
	const char *line = next_line(l, &len);
	char text[BASE64_LEN(RAW_MAX) + 1];
	int n = -1;

	if (line != NULL && len == BASE64_LEN(want)) {
		memcpy(text, line, len);
		text[len] = '\0';
		if (strspn(text, digits) == len - pad &&
		    strspn(text + len - pad, "=") == pad)
			n = EVP_DecodeBlock(raw, (const unsigned char *)text, (int)len);
	}
	if (n == (int)(want + pad))
		memcpy(out, raw, want);
	OPENSSL_cleanse(raw, sizeof(raw));
	OPENSSL_cleanse(text, sizeof(text));
	if (n == (int)(want + pad))
		return 0;
	return err_set(e, ERR_FAILED, "its second or fourth line is not of such a file");
}

static int no_more(struct lines *l, struct err *e)
{
	return l->at == l->end ? 0 : err_set(e, ERR_FAILED, "more lines than expected");
}

int sign_public_parse(const char *text, size_t len, struct sign_public *k, struct err *e)
{
	struct lines l = {text, text + len};
	uint8_t raw[HEAD + SIGN_PUBLIC];
	size_t n;

	if (comment_line(&l, UNTRUSTED, &n, e) == NULL ||
	    base64_line(&l, raw, sizeof(raw), e) < 0 || no_more(&l, e) < 0)
		return err_prefix(e, "not a public key of signify or minisign");
	if (memcmp(raw, "Ed", 2) != 0)
		return err_set(e, ERR_FAILED, "a public key of another kind");
	memcpy(k->number, raw + 2, sizeof(k->number));
	memcpy(k->key, raw + HEAD, sizeof(k->key));
	return 0;
}

static int parse_trusted(struct lines *l, struct signature *s, struct err *e)
{
	const char *comment;
	size_t n;

	if (l->at == l->end)
		return 0;
	comment = comment_line(l, TRUSTED, &n, e);
	if (comment == NULL)
		return -1;
	memcpy(s->comment, comment, n);
	s->comment[n] = '\0';
	s->trusted = true;
	return base64_line(l, s->global, sizeof(s->global), e) < 0 ? -1 : no_more(l, e);
}

int sign_parse(const char *text, size_t len, struct signature *s, struct err *e)
{
	struct lines l = {text, text + len};
	uint8_t raw[HEAD + SIGN_SIGNATURE];
	size_t n;

	memset(s, 0, sizeof(*s));
	if (comment_line(&l, UNTRUSTED, &n, e) == NULL ||
	    base64_line(&l, raw, sizeof(raw), e) < 0 || parse_trusted(&l, s, e) < 0)
		return err_prefix(e, "not a signature of signify or minisign");
	s->hashed = raw[1] == 'D';
	if (raw[0] != 'E' || (raw[1] != 'd' && !s->hashed))
		return err_set(e, ERR_FAILED, "a signature of another kind");
	if (s->hashed && !s->trusted)
		return err_set(e, ERR_FAILED, "minisign's trusted comment is missing");
	memcpy(s->number, raw + 2, sizeof(s->number));
	memcpy(s->sig, raw + HEAD, sizeof(s->sig));
	return 0;
}

static int secret_take(const uint8_t *raw, struct sign_secret *k, struct err *e)
{
	static const uint8_t no_rounds[4];
	uint8_t sum[SHA512_DIGEST_LENGTH];

	if (memcmp(raw, "EdBK", 4) != 0)
		return err_set(e, ERR_FAILED, "a secret key of another kind");
	if (memcmp(raw + SECRET_ROUNDS, no_rounds, sizeof(no_rounds)) != 0) {
		err_set(e, ERR_PRECONDITION,
		    "the secret key is locked with a passphrase, which is not asked for");
		return err_hint(e, "signify -G -n makes one without");
	}
	SHA512(raw + SECRET_KEY, SECRET_LEN - SECRET_KEY, sum);
	if (memcmp(sum, raw + SECRET_CHECKSUM, SIGN_NUMBER) != 0)
		return err_set(e, ERR_FAILED, "the secret key is damaged");
	memcpy(k->public.number, raw + SECRET_NUMBER, sizeof(k->public.number));
	memcpy(k->seed, raw + SECRET_KEY, sizeof(k->seed));
	memcpy(k->public.key, raw + SECRET_KEY + 32, sizeof(k->public.key));
	return 0;
}

int sign_secret_parse(const char *text, size_t len, struct sign_secret *k, struct err *e)
{
	struct lines l = {text, text + len};
	uint8_t raw[SECRET_LEN];
	size_t n;
	int r = -1;

	if (comment_line(&l, UNTRUSTED, &n, e) == NULL ||
	    base64_line(&l, raw, sizeof(raw), e) < 0 || no_more(&l, e) < 0)
		err_prefix(e, "not a secret key of signify");
	else
		r = secret_take(raw, k, e);
	OPENSSL_cleanse(raw, sizeof(raw));
	return r;
}

/* Shown with the last byte first, as minisign does. */
void sign_number_text(const uint8_t number[SIGN_NUMBER], char text[SIGN_NUMBER_TEXT])
{
	for (int i = 0; i < SIGN_NUMBER; i++)
		snprintf(text + 2 * i, 3, "%02X", number[SIGN_NUMBER - 1 - i]);
}

static bool verify(const struct sign_public *k, const uint8_t sig[SIGN_SIGNATURE],
    const void *data, size_t len)
{
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->key, sizeof(k->key));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = key != NULL && ctx != NULL &&
		    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, sig, SIGN_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

#ifdef HAVE_BLAKE2B
static int prehash(const void *data, size_t len, uint8_t out[64], struct err *e)
{
	unsigned n = 0;

	if (EVP_Digest(data, len, out, &n, EVP_blake2b512(), NULL) == 1 && n == 64)
		return 0;
	return err_set(e, ERR_FAILED, "blake2b: libcrypto failed");
}
#else
static int prehash(const void *data, size_t len, uint8_t out[64], struct err *e)
{
	(void)data;
	(void)len;
	(void)out;
	err_set(e, ERR_PRECONDITION, "this libcrypto lacks the BLAKE2b of the signature");
	return err_hint(e, "minisign -S -l makes one without");
}
#endif

/* minisign's second signature: of the first and the trusted comment. */
static bool verify_comment(const struct signature *s, const struct sign_public *k)
{
	uint8_t both[SIGN_SIGNATURE + SIGN_COMMENT_MAX];
	size_t n = strlen(s->comment);

	memcpy(both, s->sig, SIGN_SIGNATURE);
	memcpy(both + SIGN_SIGNATURE, s->comment, n);
	return verify(k, s->global, both, SIGN_SIGNATURE + n);
}

int sign_check(const struct signature *s, const struct sign_public *k, const void *data,
    size_t len, struct err *e)
{
	uint8_t hash[64];

	if (memcmp(s->number, k->number, sizeof(s->number)) != 0)
		return err_set(e, ERR_FAILED, "made with another key");
	if (s->hashed) {
		if (prehash(data, len, hash, e) < 0)
			return -1;
		data = hash;
		len = sizeof(hash);
	}
	if (!verify(k, s->sig, data, len))
		return err_set(e, ERR_FAILED, "it is not what was signed");
	if (s->trusted && !verify_comment(s, k))
		return err_set(e, ERR_FAILED, "its comment is not what was signed");
	return 0;
}

static int fill_public(struct sign_secret *k, struct err *e)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, k->seed, sizeof(k->seed));
	size_t n = sizeof(k->public.key);
	bool good = key != NULL &&
		    EVP_PKEY_get_raw_public_key(key, k->public.key, &n) == 1 &&
		    n == sizeof(k->public.key);

	EVP_PKEY_free(key);
	return good ? 0 : err_set(e, ERR_FAILED, "ed25519: libcrypto failed");
}

int sign_secret_make(struct sign_secret *k, struct err *e)
{
	if (RAND_bytes(k->seed, sizeof(k->seed)) != 1 ||
	    RAND_bytes(k->public.number, sizeof(k->public.number)) != 1)
		return err_set(e, ERR_FAILED, "random numbers: libcrypto failed");
	return fill_public(k, e);
}

static char *file_text(const char *comment, const uint8_t *raw, size_t len, struct err *e)
{
	char base64[BASE64_LEN(RAW_MAX) + 1];
	char *text;

	EVP_EncodeBlock((unsigned char *)base64, raw, (int)len);
	if (asprintf(&text, UNTRUSTED "%s\n%s\n", comment, base64) < 0) {
		err_sys(e, ENOMEM, "signature");
		text = NULL;
	}
	OPENSSL_cleanse(base64, sizeof(base64));
	return text;
}

static void put_head(uint8_t *raw, const uint8_t number[SIGN_NUMBER])
{
	memcpy(raw, "Ed", 2);
	memcpy(raw + 2, number, SIGN_NUMBER);
}

char *sign_public_text(const struct sign_public *k, const char *comment, struct err *e)
{
	uint8_t raw[HEAD + SIGN_PUBLIC];

	put_head(raw, k->number);
	memcpy(raw + HEAD, k->key, SIGN_PUBLIC);
	return file_text(comment, raw, sizeof(raw), e);
}

char *sign_secret_text(const struct sign_secret *k, const char *comment, struct err *e)
{
	uint8_t raw[SECRET_LEN] = "EdBK"; /* no rounds, no salt: not locked */
	uint8_t sum[SHA512_DIGEST_LENGTH];
	char *text;

	memcpy(raw + SECRET_NUMBER, k->public.number, SIGN_NUMBER);
	memcpy(raw + SECRET_KEY, k->seed, sizeof(k->seed));
	memcpy(raw + SECRET_KEY + 32, k->public.key, SIGN_PUBLIC);
	SHA512(raw + SECRET_KEY, SECRET_LEN - SECRET_KEY, sum);
	memcpy(raw + SECRET_CHECKSUM, sum, SIGN_NUMBER);
	text = file_text(comment, raw, sizeof(raw), e);
	OPENSSL_cleanse(raw, sizeof(raw));
	return text;
}

char *sign_text(const struct sign_secret *k, const char *comment, const void *data,
    size_t len, struct err *e)
{
	uint8_t raw[HEAD + SIGN_SIGNATURE];
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, k->seed, sizeof(k->seed));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIGN_SIGNATURE;
	bool good = key != NULL && ctx != NULL &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, raw + HEAD, &n, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!good) {
		err_set(e, ERR_FAILED, "ed25519: libcrypto failed");
		return NULL;
	}
	put_head(raw, k->public.number);
	return file_text(comment, raw, sizeof(raw), e);
}
