/*
 * Theory of operation.
 *
 *  1. What the uplink's routers advertise is kept (ra.h) and passed on when it changes,
 *     and when a host asks. The hosts are not told that the prefix is on their link, so
 *     all that they send comes to us; nothing has to be proxied for them.
 *  2. A host that takes an address asks first whether it is in use (DAD), on its own
 *     link. So do we then, on the uplink. An answer from there is passed on, as our own,
 *     and the host leaves the address alone. Without one within a second the address is
 *     the host's: a route leads to it, and the kernel answers for it on the uplink
 *     (proxy_ndp). That covers others' DAD there, too.
 *  3. An address is also seen when a host asks for a neighbour with it, as after a
 *     restart of the guest. It goes the same way.
 */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "rtnl.h"

#define ASK_MS 1000
#define PACKET_MAX 1500

static void send_group(int fd, unsigned ifindex, const struct in6_addr *group,
    const uint8_t *data, size_t len)
{
	struct sockaddr_in6 to = {
	    .sin6_family = AF_INET6, .sin6_addr = *group, .sin6_scope_id = ifindex};

	if (sendto(fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_debug("ICMPv6: %s", strerror(errno));
}

static const struct in6_addr all_nodes = {
    .s6_addr = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

void relay_announce(struct relay *r)
{
	uint8_t out[RA_MAX];
	size_t len = ra_build(&r->ra, r->host_mac, clock_ms(), out);

	if (len > 0)
		send_group(r->host_fd, r->host_index, &all_nodes, out, len);
}

static struct relay_address *find(
    struct relay_address *list, size_t n, const struct in6_addr *address)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].at != 0 &&
		    memcmp(&list[i].address, address, sizeof(*address)) == 0)
			return &list[i];
	return NULL;
}

static struct relay_address *oldest(struct relay_address *list, size_t n)
{
	struct relay_address *o = list;

	for (size_t i = 1; i < n; i++)
		if (list[i].at < o->at)
			o = &list[i];
	return o;
}

static void drop(struct relay *r, struct relay_address *k)
{
	if (k->at != 0)
		addr_relay(r->sk, false, r->host_index, r->air_index, &k->address, NULL);
	k->at = 0;
}

static void learn(struct relay *r, const struct in6_addr *address, int64_t now)
{
	struct relay_address *k = oldest(r->known, RELAY_HOSTS);
	char text[INET6_ADDRSTRLEN];
	struct err e = ERR_INIT;

	drop(r, k);
	if (addr_relay(r->sk, true, r->host_index, r->air_index, address, &e) < 0) {
		log_warn("nat: %s", e.msg);
		return;
	}
	k->address = *address;
	k->at = now;
	inet_ntop(AF_INET6, address, text, sizeof(text));
	log_debug("nat: host %s", text);
}

/* Until the first of those that are asked for is due. */
static void set_timer(struct relay *r, int64_t now)
{
	int64_t due = INT64_MAX, ms;
	struct timeval tv;

	for (size_t i = 0; i < RELAY_ASKED; i++)
		if (r->asked[i].at != 0 && r->asked[i].at < due)
			due = r->asked[i].at;
	if (due == INT64_MAX)
		return;
	ms = due > now ? due - now : 0;
	tv = (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	evtimer_add(r->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	int64_t now = clock_ms();
	struct relay *r = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < RELAY_ASKED; i++) {
		if (r->asked[i].at == 0 || r->asked[i].at > now)
			continue;
		r->asked[i].at = 0;
		if (ra_covers(&r->ra, &r->asked[i].address, now))
			learn(r, &r->asked[i].address, now);
	}
	set_timer(r, now);
}

static void ask(struct relay *r, const struct in6_addr *address, int64_t now)
{
	/* The group of those whose address ends so (RFC 4291, 2.7.1). */
	struct in6_addr group = {
	    .s6_addr = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff,
		address->s6_addr[13], address->s6_addr[14], address->s6_addr[15]}};
	struct relay_address *a = oldest(r->asked, RELAY_ASKED);
	uint8_t out[ND_BUILD_MAX];

	/* A host that asks for so many at once has to do it again. */
	if (a->at != 0)
		return;
	*a = (struct relay_address){*address, now + ASK_MS};
	send_group(r->air_fd, r->air_index, &group, out,
	    nd_build(ND_NS, address, r->air_mac, out));
	set_timer(r, now);
}

static void seen(struct relay *r, const struct in6_addr *address, int64_t now)
{
	struct relay_address *k = find(r->known, RELAY_HOSTS, address);

	if (k != NULL)
		k->at = now;
	else if (ra_covers(&r->ra, address, now) &&
		 find(r->asked, RELAY_ASKED, address) == NULL)
		ask(r, address, now);
}

/* From the hosts. */
static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	uint8_t packet[PACKET_MAX];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	struct relay *r = arg;
	struct nd nd;
	ssize_t n;

	(void)what;
	while ((n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from,
		    &size)) >= 0) {
		size = sizeof(from);
		if (from.sll_pkttype == PACKET_OUTGOING ||
		    !nd_parse(packet, (size_t)n, &nd))
			continue;
		if (nd.type == ND_RS)
			relay_announce(r);
		else if (nd.type == ND_NS && IN6_IS_ADDR_UNSPECIFIED(&nd.from))
			seen(r, &nd.target, clock_ms());
		else if (nd.type == ND_NS)
			seen(r, &nd.from, clock_ms());
		else if (nd.type == ND_NA)
			seen(r, &nd.target, clock_ms());
	}
}

static void take_advertisement(
    struct relay *r, const struct in6_addr *from, const uint8_t *p, size_t len)
{
	if (!ra_take(&r->ra, from, p, len, clock_ms()))
		return;
	relay_announce(r);
	r->changed(r->arg);
}

/* Somebody on the uplink has an address that a host would like. */
static void take_answer(struct relay *r, const uint8_t *p, size_t len)
{
	struct relay_address *a;
	struct in6_addr target;
	uint8_t out[ND_BUILD_MAX];

	if (len < 24)
		return;
	memcpy(&target, p + 8, sizeof(target));
	a = find(r->asked, RELAY_ASKED, &target);
	if (a == NULL)
		return;
	a->at = 0;
	send_group(r->host_fd, r->host_index, &all_nodes, out,
	    nd_build(ND_NA, &target, r->host_mac, out));
}

static void on_air(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	uint8_t data[PACKET_MAX];
	struct relay *r = arg;

	(void)what;
	for (;;) {
		struct sockaddr_in6 from = {0};
		struct iovec iov = {data, sizeof(data)};
		struct msghdr h = {.msg_name = &from,
		    .msg_namelen = sizeof(from),
		    .msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control,
		    .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &h, 0);
		const struct cmsghdr *c;
		int hops = 0;

		if (n < 0)
			return;
		c = CMSG_FIRSTHDR(&h);
		if (c != NULL && c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		/* Less has come from another link. */
		if (hops != 255 || n == 0)
			continue;
		if (data[0] == ND_RA)
			take_advertisement(r, &from.sin6_addr, data, (size_t)n);
		else if (data[0] == ND_NA)
			take_answer(r, data, (size_t)n);
	}
}

static int open_icmp(const char *ifname, bool receives, struct err *e)
{
	int fd =
	    socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	int hops = 255, on = 1, off = 0;
	struct icmp6_filter f;

	ICMP6_FILTER_SETBLOCKALL(&f);
	if (receives) {
		ICMP6_FILTER_SETPASS(ND_RA, &f);
		ICMP6_FILTER_SETPASS(ND_NA, &f);
	}
	if (fd >= 0 && setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
		(socklen_t)strlen(ifname)) == 0 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) == 0 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) == 0 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) == 0)
		return fd;
	err_sys(e, errno, "ICMPv6 socket");
	if (fd >= 0)
		close(fd);
	return 0;
}

/* Neighbour discovery, also what is sent to groups that we are not in. */
static int open_packet(unsigned ifindex, struct err *e)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4),
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ND_RS, 0, 2),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ND_NA, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {ARRAY_LEN(code), code};
	struct packet_mreq all = {
	    .mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_IPV6),
	    .sll_ifindex = (int)ifindex};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == 0 &&
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err_sys(e, errno, "packet socket");
	if (fd >= 0)
		close(fd);
	return 0;
}

int relay_open(struct relay *r, struct event_base *base, struct nl_sock *sk,
    const char *host_if, const char *air_if, void (*changed)(void *arg), void *arg,
    struct err *e)
{
	r->sk = sk;
	r->changed = changed;
	r->arg = arg;
	r->host_index = if_nametoindex(host_if);
	r->air_index = if_nametoindex(air_if);
	if (rtnl_read_mac(host_if, r->host_mac, e) < 0 ||
	    rtnl_read_mac(air_if, r->air_mac, e) < 0)
		return -1;
	r->air_fd = open_icmp(air_if, true, e);
	r->host_fd = r->air_fd > 0 ? open_icmp(host_if, false, e) : 0;
	r->packet_fd = r->host_fd > 0 ? open_packet(r->host_index, e) : 0;
	if (r->packet_fd <= 0)
		return -1;
	r->air_ev = event_new(base, r->air_fd, EV_READ | EV_PERSIST, on_air, r);
	r->packet_ev = event_new(base, r->packet_fd, EV_READ | EV_PERSIST, on_packet, r);
	r->timer = evtimer_new(base, on_timer, r);
	if (r->air_ev == NULL || r->packet_ev == NULL || r->timer == NULL ||
	    event_add(r->air_ev, NULL) < 0 || event_add(r->packet_ev, NULL) < 0)
		return err_sys(e, ENOMEM, "IPv6");
	return 0;
}

void relay_forget(struct relay *r)
{
	ra_withdraw(&r->ra);
	relay_announce(r);
	memset(&r->ra, 0, sizeof(r->ra));
	memset(r->asked, 0, sizeof(r->asked));
	for (size_t i = 0; i < RELAY_HOSTS; i++)
		drop(r, &r->known[i]);
}

void relay_close(struct relay *r)
{
	struct event *const events[] = {r->air_ev, r->packet_ev, r->timer};
	const int fds[] = {r->air_fd, r->host_fd, r->packet_fd};

	if (r->host_fd > 0)
		relay_forget(r);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] > 0)
			close(fds[i]);
	memset(r, 0, sizeof(*r));
}
