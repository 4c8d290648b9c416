#include "group.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEARD_LEN (sizeof(GROUP_HEARD) - 1)

struct datagram {
	struct sockaddr_in6 from;
	unsigned ifindex;
	char text[HEARD_LEN + GROUP_MAX];
	size_t len; /* of what came, behind HEARD_LEN bytes */
};

/* -1: nothing, or nothing that we answer. */
static int receive(int fd, struct datagram *d)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
	struct iovec v = {d->text + HEARD_LEN, GROUP_MAX};
	struct msghdr m = {.msg_name = &d->from,
	    .msg_namelen = sizeof(d->from),
	    .msg_iov = &v,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	d->ifindex = 0;
	if (n < 0 || (m.msg_flags & MSG_TRUNC) != 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		struct in6_pktinfo p6;
		struct in_pktinfo p4;

		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&p6, CMSG_DATA(c), sizeof(p6));
			d->ifindex = p6.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&p4, CMSG_DATA(c), sizeof(p4));
			d->ifindex = (unsigned)p4.ipi_ifindex;
		}
	}
	d->len = (size_t)n;
	return d->ifindex != 0 ? 0 : -1;
}

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_in6 to6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(GROUP_PORT)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(GROUP_PORT)};
	struct datagram d;
	ssize_t n;

	(void)what;
	(void)arg;
	if (receive(fd, &d) < 0 ||
	    (d.len >= HEARD_LEN &&
		memcmp(d.text + HEARD_LEN, GROUP_HEARD, HEARD_LEN) == 0))
		return;
	memcpy(d.text, GROUP_HEARD, HEARD_LEN);
	if (d.from.sin6_family == AF_INET6) {
		inet_pton(AF_INET6, GROUP6, &to6.sin6_addr);
		to6.sin6_scope_id = d.ifindex;
		n = sendto(fd, d.text, HEARD_LEN + d.len, 0,
		    (const struct sockaddr *)&to6, sizeof(to6));
	} else {
		const struct ip_mreqn by = {.imr_ifindex = (int)d.ifindex};

		inet_pton(AF_INET, GROUP4, &to4.sin_addr);
		n = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by));
		if (n == 0)
			n = sendto(fd, d.text, HEARD_LEN + d.len, 0,
			    (const struct sockaddr *)&to4, sizeof(to4));
	}
	(void)n; /* who asked asks again */
}

/* An interface that has no group is one that nobody asks by. */
static void join(int fd, int family, unsigned ifindex)
{
	struct ipv6_mreq m6 = {.ipv6mr_interface = ifindex};
	struct ip_mreqn m4 = {.imr_ifindex = (int)ifindex};

	inet_pton(AF_INET6, GROUP6, &m6.ipv6mr_multiaddr);
	inet_pton(AF_INET, GROUP4, &m4.imr_multiaddr);
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4));
}

static int start_one(struct event_base *base, int family, struct err *e)
{
	struct sockaddr_in6 any6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(GROUP_PORT)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(GROUP_PORT)};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1, off = 0;
	struct if_nameindex *all;
	struct event *ev;
	int rc;

	if (fd < 0)
		return err_sys(e, errno, "group");
	/* Lives as long as the process: nobody closes it. */
	if (family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ||
		     setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) ||
		     setsockopt(
			 fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) ||
		     bind(fd, (const struct sockaddr *)&any6, sizeof(any6));
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
		     setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) ||
		     bind(fd, (const struct sockaddr *)&any4, sizeof(any4));
	if (rc != 0)
		return err_sys(e, errno, "group: port %d", GROUP_PORT);
	all = if_nameindex();
	for (const struct if_nameindex *i = all; i != NULL && i->if_index != 0; i++)
		join(fd, family, i->if_index);
	if_freenameindex(all);
	ev = event_new(base, fd, EV_READ | EV_PERSIST, on_datagram, NULL);
	if (ev == NULL || event_add(ev, NULL) < 0)
		return err_sys(e, ENOMEM, "group");
	return 0;
}

int group_start(struct event_base *base, struct err *e)
{
	return start_one(base, AF_INET, e) < 0 || start_one(base, AF_INET6, e) < 0 ? -1
										   : 0;
}
