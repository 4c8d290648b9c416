#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"

#define CHUNK (256 * 1024)

static void to_hex(const unsigned char *raw, unsigned n, char hex[HASH_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned i;

	for (i = 0; i < n && i < HASH_HEX / 2; i++) {
		hex[2 * i] = digits[raw[i] >> 4];
		hex[2 * i + 1] = digits[raw[i] & 15];
	}
	hex[2 * i] = '\0';
}

static int no_digest(struct err *e)
{
	return err_set(e, ERR_FAILED, "sha256: libcrypto failed");
}

int hash_data(const void *data, size_t len, char hex[HASH_HEX], struct err *e)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, raw, &n, EVP_sha256(), NULL) != 1)
		return no_digest(e);
	to_hex(raw, n, hex);
	return 0;
}

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(struct err *e)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		err_sys(e, ENOMEM, "sha256");
		return NULL;
	}
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx != NULL && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1)
		return h;
	no_digest(e);
	hash_free(h);
	return NULL;
}

int hash_add(struct hash *h, const void *data, size_t len, struct err *e)
{
	return EVP_DigestUpdate(h->ctx, data, len) == 1 ? 0 : no_digest(e);
}

int hash_end(struct hash *h, char hex[HASH_HEX], struct err *e)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(h->ctx, raw, &n) != 1)
		return no_digest(e);
	to_hex(raw, n, hex);
	return 0;
}

void hash_free(struct hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

/* at < 0: read from where fd stands. */
static int feed(struct hash *h, int fd, off_t at, const char *name, struct err *e)
{
	char AUTO_FREE *chunk = malloc(CHUNK);

	if (chunk == NULL)
		return err_sys(e, ENOMEM, "%s", name);
	while (true) {
		ssize_t n = at < 0 ? read(fd, chunk, CHUNK) : pread(fd, chunk, CHUNK, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "%s", name);
		if (n == 0)
			return 0;
		if (hash_add(h, chunk, (size_t)n, e) < 0)
			return -1;
		if (at >= 0)
			at += n;
	}
}

static int hash_from(
    int fd, off_t at, const char *name, char hex[HASH_HEX], struct err *e)
{
	struct hash *h = hash_new(e);
	int r = h == NULL ? -1 : feed(h, fd, at, name, e);

	if (r == 0)
		r = hash_end(h, hex, e);
	hash_free(h);
	return r;
}

int hash_fd(int fd, const char *name, char hex[HASH_HEX], struct err *e)
{
	return hash_from(fd, -1, name, hex, e);
}

int hash_at(int fd, const char *name, char hex[HASH_HEX], struct err *e)
{
	return hash_from(fd, 0, name, hex, e);
}

int hash_file(const char *path, char hex[HASH_HEX], struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return hash_fd(fd, path, hex, e);
}
