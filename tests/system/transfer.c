#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../air/blob.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "net.h"

#define SEED UINT64_C(0x62687966694c414e)
#define CHUNK 65536

/* A transfer that stands still for this long has failed. */
static int connect_blob(
    const char *address, const char *word, size_t bytes, int timeout_ms, struct err *e)
{
	struct timeval tv = {
	    .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(BLOB_PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[80];

	if (fd < 0)
		return err_sys(e, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	snprintf(line, sizeof(line), "%s %zu %" PRIu64 "\n", word, bytes, SEED);
	if (inet_pton(AF_INET, address, &in.sin_addr) != 1) {
		err_set(e, ERR_USAGE, "%s: no IPv4 address", address);
	} else if (connect(fd, (const struct sockaddr *)&in, sizeof(in))) {
		err_sys(e, errno, "connect to %s", address);
	} else if (fs_write_all(fd, line, strlen(line), e) == 0) {
		return fd;
	}
	close(fd);
	return -1;
}

int net_get(const char *address, size_t bytes, int timeout_ms, struct err *e)
{
	static unsigned char got[CHUNK], want[CHUNK];
	AUTO_CLOSE int fd = connect_blob(address, "get", bytes, timeout_ms, e);
	struct blob_stream s;
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	blob_stream_init(&s, SEED);
	while ((n = recv(fd, got, sizeof(got), 0)) > 0) {
		blob_stream_read(&s, want, (size_t)n);
		if (memcmp(got, want, (size_t)n) != 0)
			return err_set(e, ERR_FAILED,
			    "get: wrong bytes between %zu and %zu", done,
			    done + (size_t)n);
		done += (size_t)n;
	}
	if (n < 0)
		return err_sys(e, errno, "get: after %zu bytes", done);
	if (done != bytes)
		return err_set(e, ERR_FAILED, "get: %zu bytes of %zu", done, bytes);
	return 0;
}

int net_put(const char *address, size_t bytes, int timeout_ms, struct err *e)
{
	static unsigned char chunk[CHUNK];
	AUTO_CLOSE int fd = connect_blob(address, "put", bytes, timeout_ms, e);
	struct blob_stream s;
	char want[64], got[64] = "";
	ssize_t n;

	if (fd < 0)
		return -1;
	blob_stream_init(&s, SEED);
	for (size_t done = 0; done < bytes;) {
		size_t len = bytes - done < CHUNK ? bytes - done : CHUNK;

		blob_stream_read(&s, chunk, len);
		if (fs_write_all(fd, chunk, len, e))
			return err_prefix(e, "put: after %zu bytes", done);
		done += len;
	}
	n = recv(fd, got, sizeof(got) - 1, 0);
	if (n < 0)
		return err_sys(e, errno, "put: no answer");
	snprintf(want, sizeof(want), "ok %zu\n", bytes);
	if (strcmp(got, want) != 0)
		return err_set(e, ERR_FAILED, "put: the other end says: %s", got);
	return 0;
}
