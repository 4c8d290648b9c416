#include "reflect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#define PORT 5353
#define TTL 255

static const struct in6_addr group6 = {
    .s6_addr = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb}};
#define GROUP4 UINT32_C(0xe00000fb)

static bool is_group(const struct reflect_socket *s, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (s->family == AF_INET && c->cmsg_level == IPPROTO_IP &&
		    c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			return i.ipi_addr.s_addr == htonl(GROUP4);
		}
		if (s->family == AF_INET6 && c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			return memcmp(&i.ipi6_addr, &group6, sizeof(group6)) == 0;
		}
	}
	return false;
}

/* Who asks from another port wants the answer there (RFC 6762, 6.7), which we could not
 * bring. */
static bool is_full(const struct sockaddr_in6 *from)
{
	/* Of both families the port is in the same place. */
	return from->sin6_port == htons(PORT);
}

static void send_on(const struct reflect_socket *s, const uint8_t *p, size_t len)
{
	struct sockaddr_in6 to6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = group6};
	struct sockaddr_in to4 = {.sin_family = AF_INET,
	    .sin_port = htons(PORT),
	    .sin_addr.s_addr = htonl(GROUP4)};
	ssize_t n = s->family == AF_INET6
			? sendto(s->fd, p, len, 0, (struct sockaddr *)&to6, sizeof(to6))
			: sendto(s->fd, p, len, 0, (struct sockaddr *)&to4, sizeof(to4));

	/* An interface may be without an address for a while. */
	if (n < 0)
		log_debug("mDNS: %s", strerror(errno));
}

static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	const struct reflect_socket *s = arg;
	struct reflect *r = s->owner;

	(void)what;
	for (;;) {
		struct sockaddr_in6 from = {0};
		struct iovec iov = {r->data, sizeof(r->data)};
		struct msghdr h = {.msg_name = &from,
		    .msg_namelen = sizeof(from),
		    .msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control,
		    .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &h, 0);

		if (n < 0)
			return;
		if ((h.msg_flags & MSG_TRUNC) != 0 || !is_full(&from) || !is_group(s, &h))
			continue;
		mdns_ask_group(r->data, (size_t)n);
		if (!mdns_passes(&r->mdns, (int)s->side, r->data, (size_t)n, clock_ms()))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(r->socket); i++)
			if (r->socket[i].family == s->family &&
			    r->socket[i].side != s->side)
				send_on(&r->socket[i], r->data, (size_t)n);
	}
}

static int join4(int fd, unsigned ifindex)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct ip_mreqn m = {
	    .imr_multiaddr.s_addr = htonl(GROUP4), .imr_ifindex = (int)ifindex};
	int off = 0, on = 1, ttl = TTL;

	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
		       setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)) < 0 ||
		       setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) <
			   0 ||
		       setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) <
			   0 ||
		       setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
		       bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0
		   ? -1
		   : 0;
}

static int join6(int fd, unsigned ifindex)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct ipv6_mreq m = {.ipv6mr_multiaddr = group6, .ipv6mr_interface = ifindex};
	int off = 0, on = 1, ttl = TTL, index = (int)ifindex;
	const struct {
		int name;
		const void *value;
		socklen_t size;
	} options[] = {
	    {IPV6_V6ONLY, &on, sizeof(on)},
	    {IPV6_JOIN_GROUP, &m, sizeof(m)},
	    {IPV6_MULTICAST_IF, &index, sizeof(index)},
	    {IPV6_MULTICAST_LOOP, &off, sizeof(off)},
	    {IPV6_MULTICAST_HOPS, &ttl, sizeof(ttl)},
	    {IPV6_RECVPKTINFO, &on, sizeof(on)},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (setsockopt(fd, IPPROTO_IPV6, options[i].name, options[i].value,
			options[i].size) < 0)
			return -1;
	return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

static int open_one(
    struct reflect_socket *s, struct event_base *base, const char *ifname, struct err *e)
{
	int fd = socket(s->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unsigned ifindex = if_nametoindex(ifname);

	/* Each hears its own interface only, so they can share the port. */
	if (fd < 0 ||
	    setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) < 0 ||
	    (s->family == AF_INET ? join4(fd, ifindex) : join6(fd, ifindex)) < 0) {
		err_sys(e, errno, "mDNS");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	s->fd = fd;
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_packet, s);
	if (s->readable == NULL || event_add(s->readable, NULL) < 0)
		return err_sys(e, ENOMEM, "mDNS");
	return 0;
}

int reflect_open(struct reflect *r, struct event_base *base, const char *host_if,
    const char *air_if, struct err *e)
{
	static const struct reflect_socket sockets[] = {
	    {.side = REFLECT_HOST, .family = AF_INET},
	    {.side = REFLECT_AIR, .family = AF_INET},
	    {.side = REFLECT_HOST, .family = AF_INET6},
	    {.side = REFLECT_AIR, .family = AF_INET6},
	};

	for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
		struct reflect_socket *s = &r->socket[i];

		*s = sockets[i];
		s->owner = r;
		if (open_one(s, base, s->side == REFLECT_AIR ? air_if : host_if, e) < 0)
			return -1;
	}
	return 0;
}

void reflect_close(struct reflect *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->socket); i++) {
		if (r->socket[i].readable != NULL)
			event_free(r->socket[i].readable);
		if (r->socket[i].fd > 0)
			close(r->socket[i].fd);
	}
	memset(r, 0, sizeof(*r));
}
