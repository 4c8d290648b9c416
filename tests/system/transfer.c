#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../air/blob.h"
#include "../../air/group.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "net.h"

#define SEED UINT64_C(0x62687966694c414e)
#define CHUNK 65536

/* A transfer that stands still for this long has failed. */
static void set_timeout(int fd, int timeout_ms)
{
	struct timeval tv = {
	    .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int connect_blob(
    const char *address, const char *word, size_t bytes, int timeout_ms, struct err *e)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(BLOB_PORT)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(BLOB_PORT)};
	bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
	char line[80];
	int fd;

	if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1)
		return err_set(e, ERR_USAGE, "%s: no address", address);
	fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	set_timeout(fd, timeout_ms);
	snprintf(line, sizeof(line), "%s %zu %" PRIu64 "\n", word, bytes, SEED);
	if (connect(fd,
		is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4,
		is_v6 ? sizeof(v6) : sizeof(v4))) {
		err_sys(e, errno, "connect to %s", address);
	} else if (fs_write_all(fd, line, strlen(line), e) == 0) {
		return fd;
	}
	close(fd);
	return -1;
}

int net_get(const char *address, size_t bytes, int timeout_ms, struct err *e)
{
	return net_get_gap(address, bytes, timeout_ms, NULL, e);
}

int net_get_gap(
    const char *address, size_t bytes, int timeout_ms, int64_t *gap_ms, struct err *e)
{
	static unsigned char got[CHUNK], want[CHUNK];
	AUTO_CLOSE int fd = connect_blob(address, "get", bytes, timeout_ms, e);
	struct blob_stream s;
	int64_t last = clock_ms(), now, gap = 0;
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
		now = clock_ms();
		gap = now - last > gap ? now - last : gap;
		last = now;
	}
	if (gap_ms != NULL)
		*gap_ms = gap;
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

/* port 0: that of to; to 0: any */
static int be_called(
    const char *address, unsigned port, unsigned to, int timeout_ms, struct err *e)
{
	AUTO_CLOSE int l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1,
		       in = -1;
	struct sockaddr_in6 any = {
	    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)to)};
	socklen_t len = sizeof(any);
	char got[16] = "";
	int on = 1;

	/* One that was called before may still be about to end. */
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (l < 0 || bind(l, (const struct sockaddr *)&any, sizeof(any)) ||
	    listen(l, 1) || getsockname(l, (struct sockaddr *)&any, &len))
		return err_sys(e, errno, "listen");
	set_timeout(l, timeout_ms);
	fd = connect_blob(
	    address, "call", port != 0 ? port : ntohs(any.sin6_port), timeout_ms, e);
	if (fd < 0)
		return -1;
	in = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	if (in < 0)
		return err_sys(e, errno, "%s does not call", address);
	set_timeout(in, timeout_ms);
	if (recv(in, got, sizeof(got) - 1, MSG_WAITALL) < 0)
		return err_sys(e, errno, "the call of %s", address);
	if (strcmp(got, BLOB_CALLED) != 0)
		return err_set(
		    e, ERR_FAILED, "the call of %s: it says: %s", address, got);
	return 0;
}

int net_called(const char *address, int timeout_ms, struct err *e)
{
	return be_called(address, 0, 0, timeout_ms, e);
}

int net_forwarded(
    const char *address, unsigned port, unsigned to, int timeout_ms, struct err *e)
{
	return be_called(address, port, to, timeout_ms, e);
}

static int open_group(int family, unsigned ifindex, struct err *e)
{
	struct sockaddr_in6 any6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(GROUP_PORT)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(GROUP_PORT)};
	struct ipv6_mreq m6 = {.ipv6mr_interface = ifindex};
	struct ip_mreqn m4 = {.imr_ifindex = (int)ifindex};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), off = 0, rc;

	inet_pton(AF_INET6, GROUP6, &m6.ipv6mr_multiaddr);
	inet_pton(AF_INET, GROUP4, &m4.imr_multiaddr);
	if (family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)) ||
		     setsockopt(
			 fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) ||
		     bind(fd, (const struct sockaddr *)&any6, sizeof(any6));
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4)) ||
		     setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m4, sizeof(m4)) ||
		     setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) ||
		     bind(fd, (const struct sockaddr *)&any4, sizeof(any4));
	if (rc == 0)
		return fd;
	err_sys(e, errno, "group");
	if (fd >= 0)
		close(fd);
	return -1;
}

int net_group(const char *ifname, int family, int timeout_ms, struct err *e)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6,
	    .sin6_port = htons(GROUP_PORT),
	    .sin6_scope_id = ifindex};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(GROUP_PORT)};
	const struct sockaddr *to = family == AF_INET6 ? (const struct sockaddr *)&to6
						       : (const struct sockaddr *)&to4;
	socklen_t len = family == AF_INET6 ? sizeof(to6) : sizeof(to4);
	AUTO_CLOSE int fd = open_group(family, ifindex, e);
	int64_t deadline = clock_ms() + timeout_ms;
	char asked[32], want[64], got[2 * GROUP_MAX];

	inet_pton(AF_INET6, GROUP6, &to6.sin6_addr);
	inet_pton(AF_INET, GROUP4, &to4.sin_addr);
	if (fd < 0)
		return -1;
	snprintf(asked, sizeof(asked), "test %d", (int)getpid());
	snprintf(want, sizeof(want), GROUP_HEARD "%s", asked);
	/* Groups are sent without acknowledgement: asked each second until it is heard.
	 */
	set_timeout(fd, 1000);
	while (clock_ms() < deadline) {
		int64_t again = clock_ms() + 1000;

		if (sendto(fd, asked, strlen(asked), 0, to, len) < 0)
			return err_sys(e, errno, "group");
		while (clock_ms() < again) {
			ssize_t n = recv(fd, got, sizeof(got), 0);

			if (n == (ssize_t)strlen(want) &&
			    memcmp(got, want, (size_t)n) == 0)
				return 0;
		}
	}
	return err_set(e, ERR_TIMEOUT, "%s: the group does not answer", ifname);
}

int net_groups(const char *ifname, int timeout_ms, struct err *e)
{
	return net_group(ifname, AF_INET, timeout_ms, e) ||
		       net_group(ifname, AF_INET6, timeout_ms, e)
		   ? -1
		   : 0;
}
