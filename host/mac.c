#include "mac.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "msg.h"

static const char *const kinds[] = {"permanent", "random", "stable"};
_Static_assert(ARRAY_LEN(kinds) == MAC_FIXED, "a name for each");

int mac_policy_parse(const char *text, struct mac_policy *p)
{
	struct mac_policy got = {.kind = MAC_FIXED};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], text) == 0) {
			got.kind = (enum mac_kind)i;
			*p = got;
			return 0;
		}
	if (!msg_mac_parse(text, got.fixed) || !msg_mac_is_station(got.fixed))
		return -1;
	*p = got;
	return 0;
}

void mac_policy_text(const struct mac_policy *p, char out[MAC_POLICY_TEXT])
{
	if (p->kind == MAC_FIXED)
		msg_mac_text(p->fixed, out);
	else
		snprintf(out, MAC_POLICY_TEXT, "%s", kinds[p->kind]);
}

/* Whole or not at all, and once: two daemons may start at the same time. */
static int make_secret(const char *path, struct err *e)
{
	uint8_t secret[MAC_SECRET];
	char fresh[PATH_MAX];
	int ret;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid()) >=
	    sizeof(fresh))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	if (RAND_bytes(secret, sizeof(secret)) != 1)
		return err_set(e, ERR_FAILED, "%s: no random numbers", path);
	ret = fs_write_atomic(fresh, 0600, secret, sizeof(secret), e);
	explicit_bzero(secret, sizeof(secret));
	if (ret < 0)
		return -1;
	if (link(fresh, path) < 0 && errno != EEXIST)
		ret = err_sys(e, errno, "%s", path);
	unlink(fresh);
	return ret;
}

int mac_secret_open(const char *path, struct err *e)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (make_secret(path, e) < 0)
			return -1;
		fd = open(path, flags);
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, errno, "%s", path);
		goto fail;
	}
	if (S_ISREG(st.st_mode) && st.st_size == MAC_SECRET && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0)
		return fd;
	err_set(e, ERR_FAILED, "%s: expected %d bytes that only its owner can read", path,
	    MAC_SECRET);
	err_hint(e, "without the file another one is made; addresses change with it");
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

int mac_secret_read(int fd, uint8_t secret[MAC_SECRET], struct err *e)
{
	ssize_t n = pread(fd, secret, MAC_SECRET, 0);

	if (n < 0)
		return err_sys(e, errno, "the host's secret");
	return n == MAC_SECRET ? 0
			       : err_set(e, ERR_FAILED, "the host's secret is cut off");
}

int mac_derive(const uint8_t secret[MAC_SECRET], const char *purpose, const void *data,
    size_t len, uint8_t mac[6], struct err *e)
{
	uint8_t text[256], hash[EVP_MAX_MD_SIZE];
	size_t head = strlen(purpose) + 1;
	unsigned n = 0;

	if (head + len > sizeof(text))
		return err_set(e, ERR_FAILED, "an address of too much");
	memcpy(text, purpose, head);
	memcpy(text + head, data, len);
	if (HMAC(EVP_sha256(), secret, MAC_SECRET, text, head + len, hash, &n) == NULL ||
	    n < 6)
		return err_set(e, ERR_FAILED, "HMAC-SHA256 can not be had");
	memcpy(mac, hash, 6);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
	return 0;
}
