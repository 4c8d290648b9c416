#include "net.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"

static int left(int64_t deadline)
{
	int64_t ms = deadline - clock_ms();

	return ms > 0 ? (int)ms : 0;
}

static int wait_readable(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, left(deadline)) > 0 ? 0 : -1;
}

/* "key=value" lines of lease-script. */
static void lease_member(const char *text, const char *key, char *out, size_t size)
{
	const char *p = strstr(text, key);
	size_t len;

	out[0] = '\0';
	if (!p)
		return;
	p += strlen(key);
	len = strcspn(p, " \n");
	snprintf(out, size, "%.*s", (int)len, p);
}

static int read_lease(const char *path, struct lease *l, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char seconds[32];

	if (fs_read_file(path, 65536, &text, NULL, e))
		return -1;
	lease_member(text, "address=", l->address, sizeof(l->address));
	lease_member(text, "mask=", l->mask, sizeof(l->mask));
	lease_member(text, "gateway=", l->gateway, sizeof(l->gateway));
	lease_member(text, "dns=", l->dns, sizeof(l->dns));
	lease_member(text, "server=", l->server, sizeof(l->server));
	lease_member(text, "seconds=", seconds, sizeof(seconds));
	l->seconds = (unsigned)strtoul(seconds, NULL, 10);
	return l->address[0] ? 0 : err_set(e, ERR_FAILED, "%s: no address", path);
}

static int run_client(const char *client, const char *ifname, const char *dir,
    int timeout_ms, struct err *e)
{
	char leases[PATH_MAX], pid[PATH_MAX], seconds[16], env[PATH_MAX];
	/* clang-format off */
	const char *const udhcpc[] = {"udhcpc", "-f", "-q", "-n", "-i", ifname, "-s",
	    LEASE_SCRIPT, "-t", seconds, "-T", "1", "-A", "1", NULL};
	const char *const dhclient[] = {"dhclient", "-1", "-4", "-cf", "/dev/null", "-lf",
	    leases, "-pf", pid, "-sf", LEASE_SCRIPT, "-e", env, ifname, NULL};
	/* clang-format on */
	bool busybox = strcmp(client, "udhcpc") == 0;
	struct child c;
	int rc = 0;

	snprintf(env, sizeof(env), "LEASE_OUT=%s/lease", dir);
	snprintf(leases, sizeof(leases), "%s/leases", dir);
	snprintf(pid, sizeof(pid), "%s/pid", dir);
	snprintf(seconds, sizeof(seconds), "%d", timeout_ms / 1000);
	if (setenv("LEASE_OUT", strchr(env, '=') + 1, 1))
		return err_sys(e, errno, "LEASE_OUT");
	rc = child_run(&c, busybox ? udhcpc : dhclient, timeout_ms + 2000, e);
	unsetenv("LEASE_OUT");
	if (rc == 0 && c.status != 0)
		rc = err_set(e, ERR_FAILED, "%s: %s%s", client, c.out, c.err);
	if (rc == 0 || c.pid)
		child_free(&c);
	return rc;
}

int net_dhcp(const char *client, const char *ifname, int timeout_ms, struct lease *l,
    struct err *e)
{
	char dir[] = "/tmp/bhyfi-lease-XXXXXX", path[64];
	int rc;

	memset(l, 0, sizeof(*l));
	/* Administrators' folders are not in everybody's PATH. */
	if (!strstr(getenv("PATH") ? getenv("PATH") : "", "/usr/sbin"))
		setenv("PATH",
		    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	if (!mkdtemp(dir))
		return err_sys(e, errno, "%s", dir);
	snprintf(path, sizeof(path), "%s/lease", dir);
	rc = run_client(client, ifname, dir, timeout_ms, e);
	if (rc == 0)
		rc = read_lease(path, l, e);
	fs_remove_tree(dir, NULL);
	return rc;
}

/* Global and past duplicate address detection, as the kernel's table has it. */
static void read_addresses(const char *ifname, struct ipv6 *v6)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	char hex[33], name[IF_NAMESIZE + 1];
	unsigned scope, flags;

	v6->n = 0;
	while (
	    f && fscanf(f, "%32s %*x %*x %x %x %16s", hex, &scope, &flags, name) == 4) {
		struct in6_addr a;

		if (strcmp(name, ifname) != 0 || scope != 0 || v6->n == ADDRESSES_MAX ||
		    (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
			continue;
		for (int i = 0; i < 16; i++) {
			char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

			a.s6_addr[i] = (uint8_t)strtoul(byte, NULL, 16);
		}
		inet_ntop(AF_INET6, &a, v6->address[v6->n++], ADDRESS_MAX);
	}
	if (f)
		fclose(f);
}

static void read_router(const char *ifname, struct ipv6 *v6)
{
	FILE *f = fopen("/proc/net/ipv6_route", "re");
	char line[256], dest[33], via[33], name[IF_NAMESIZE + 1];
	unsigned prefix;

	v6->router[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		char text[INET6_ADDRSTRLEN];
		struct in6_addr a;

		if (sscanf(line, "%32s %x %*s %*s %32s %*s %*s %*s %*s %16s", dest,
			&prefix, via, name) != 4 ||
		    prefix != 0 || strcmp(name, ifname) != 0 || strspn(via, "0") == 32)
			continue;
		for (int i = 0; i < 16; i++) {
			char byte[3] = {via[2 * i], via[2 * i + 1], '\0'};

			a.s6_addr[i] = (uint8_t)strtoul(byte, NULL, 16);
		}
		inet_ntop(AF_INET6, &a, text, sizeof(text));
		snprintf(v6->router, sizeof(v6->router), "%s%%%s", text, ifname);
	}
	if (f)
		fclose(f);
}

static int netlink_listen(unsigned groups, struct err *e)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&nl, sizeof(nl))) {
		err_sys(e, errno, "netlink");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int net_ipv6(const char *ifname, int timeout_ms, struct ipv6 *v6, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	AUTO_CLOSE int fd =
	    netlink_listen(RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_LINK, e);
	char buf[16384];

	if (fd < 0)
		return -1;
	while (true) {
		read_addresses(ifname, v6);
		read_router(ifname, v6);
		if (v6->n > 0 && v6->router[0])
			return 0;
		if (wait_readable(fd, deadline))
			return err_set(e, ERR_TIMEOUT,
			    "%s: no router advertisement within %d ms (%zu addresses)",
			    ifname, timeout_ms, v6->n);
		if (read(fd, buf, sizeof(buf)) < 0 && errno != ENOBUFS)
			return err_sys(e, errno, "netlink");
	}
}

static int parse_address(const char *text, struct sockaddr_storage *ss, socklen_t *len,
    unsigned port, struct err *e)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ss;
	char copy[ADDRESS_MAX], *scope;

	memset(ss, 0, sizeof(*ss));
	snprintf(copy, sizeof(copy), "%s", text);
	if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
		return 0;
	}
	scope = strchr(copy, '%');
	if (scope) {
		*scope++ = '\0';
		v6->sin6_scope_id = if_nametoindex(scope);
	}
	if (inet_pton(AF_INET6, copy, &v6->sin6_addr) != 1)
		return err_set(e, ERR_USAGE, "%s: no address", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*len = sizeof(*v6);
	return 0;
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Both families' echo headers have the same layout. */
static int send_echo(int fd, int family, uint16_t seq)
{
	struct icmphdr h = {
	    .type = family == AF_INET ? (uint8_t)ICMP_ECHO : (uint8_t)ICMP6_ECHO_REQUEST,
	    .un.echo = {.id = htons((uint16_t)getpid()), .sequence = htons(seq)},
	};
	uint8_t packet[64] = {0};

	memcpy(packet, &h, sizeof(h));
	if (family == AF_INET) {
		h.checksum = checksum(packet, sizeof(packet));
		memcpy(packet, &h, sizeof(h));
	}
	return send(fd, packet, sizeof(packet), 0) == sizeof(packet) ? 0 : -1;
}

static bool is_reply(const uint8_t *packet, size_t len, int family)
{
	size_t skip = family == AF_INET ? (packet[0] & 15u) * 4u : 0;
	uint8_t type = family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct icmphdr h;

	if (len < skip + sizeof(h))
		return false;
	memcpy(&h, packet + skip, sizeof(h));
	return h.type == type && h.un.echo.id == htons((uint16_t)getpid());
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int net_ping(const char *address, int timeout_ms, double *ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	struct sockaddr_storage ss;
	socklen_t len;
	AUTO_CLOSE int fd = -1;

	if (parse_address(address, &ss, &len, 0, e))
		return -1;
	fd = socket(ss.ss_family, SOCK_RAW | SOCK_CLOEXEC,
	    ss.ss_family == AF_INET ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&ss, len))
		return err_sys(e, errno, "%s", address);
	for (uint16_t seq = 1; left(deadline); seq++) {
		int64_t next = clock_ms() + 1000;
		double start = now_ms();
		uint8_t packet[2048];

		if (send_echo(fd, ss.ss_family, seq))
			return err_sys(e, errno, "ping %s", address);
		while (!wait_readable(fd, next < deadline ? next : deadline)) {
			ssize_t n = recv(fd, packet, sizeof(packet), 0);

			if (n > 0 && is_reply(packet, (size_t)n, ss.ss_family)) {
				*ms = now_ms() - start;
				return 0;
			}
			if (n < 0 && errno != EHOSTUNREACH)
				return err_sys(e, errno, "ping %s", address);
		}
	}
	return err_set(
	    e, ERR_TIMEOUT, "ping %s: no answer in %d ms", address, timeout_ms);
}

static int dns_answer(
    const uint8_t *packet, int len, int type, char *answer, struct err *e)
{
	ns_msg m;
	ns_rr rr;

	if (ns_initparse(packet, len, &m))
		return err_set(e, ERR_FAILED, "not a DNS answer");
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr) || (int)ns_rr_type(rr) != type)
			continue;
		inet_ntop(type == ns_t_a ? AF_INET : AF_INET6, ns_rr_rdata(rr), answer,
		    ADDRESS_MAX);
		return 0;
	}
	return err_set(e, ERR_FAILED, "no such record (code %d)",
	    (int)ns_msg_getflag(m, ns_f_rcode));
}

int net_dns(const char *server, const char *name, int family, char answer[ADDRESS_MAX],
    struct err *e)
{
	int type = family == AF_INET ? ns_t_a : ns_t_aaaa, n;
	uint8_t query[512], packet[1500];
	struct sockaddr_storage ss;
	socklen_t len;
	AUTO_CLOSE int fd = -1;

	n = res_mkquery(
	    ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof(query));
	if (n < 0)
		return err_set(e, ERR_USAGE, "%s: no domain name", name);
	if (parse_address(server, &ss, &len, 53, e))
		return -1;
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&ss, len))
		return err_sys(e, errno, "%s", server);
	for (int attempt = 0; attempt < 5; attempt++) {
		ssize_t got;

		if (send(fd, query, (size_t)n, 0) < 0)
			return err_sys(e, errno, "%s", server);
		if (wait_readable(fd, clock_ms() + 2000))
			continue;
		got = recv(fd, packet, sizeof(packet), 0);
		if (got > 0)
			return dns_answer(packet, (int)got, type, answer, e);
	}
	return err_set(e, ERR_TIMEOUT, "%s: no answer from %s", name, server);
}

int net_watch(struct err *e)
{
	return netlink_listen(RTMGRP_LINK, e);
}

/* 1: it has carrier, 0: it has not; -1: the message is about something else. */
static int link_state(struct nlmsghdr *h, const char *ifname)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	int len = (int)IFLA_PAYLOAD(h), carrier = -1;
	bool ours = false;

	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return -1;
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			ours = strcmp(RTA_DATA(a), ifname) == 0;
		if (a->rta_type == IFLA_CARRIER)
			carrier = *(uint8_t *)RTA_DATA(a);
	}
	if (!ours)
		return -1;
	return h->nlmsg_type == RTM_NEWLINK && (info->ifi_flags & IFF_UP) && carrier == 1;
}

int net_watch_carrier(
    int watch, const char *ifname, bool on, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	_Alignas(struct nlmsghdr) char buf[16384];

	while (!wait_readable(watch, deadline)) {
		ssize_t n = recv(watch, buf, sizeof(buf), 0);
		size_t rest = n > 0 ? (size_t)n : 0;
		bool seen = false;

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, rest);
		     h = NLMSG_NEXT(h, rest))
			seen |= link_state(h, ifname) == (int)on;
		if (seen)
			return 0;
	}
	return err_set(e, ERR_TIMEOUT, "%s did not %s within %d ms", ifname,
	    on ? "get its carrier" : "lose its carrier", timeout_ms);
}

static int link_ioctl(unsigned long request, struct ifreq *r, const char *ifname)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(r, 0, sizeof(*r));
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", ifname);
	return fd < 0 ? -1 : ioctl(fd, request, r);
}

bool net_exists(const char *ifname)
{
	return if_nametoindex(ifname) != 0;
}

bool net_has_carrier(const char *ifname)
{
	struct ifreq r;

	return link_ioctl(SIOCGIFFLAGS, &r, ifname) == 0 &&
	       (r.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

int net_mac(const char *ifname, uint8_t mac[6], struct err *e)
{
	struct ifreq r;

	if (link_ioctl(SIOCGIFHWADDR, &r, ifname))
		return err_sys(e, errno, "%s", ifname);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	return 0;
}

int net_delete(const char *ifname, struct err *e)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} m = {
	    .h = {.nlmsg_len = sizeof(m),
		.nlmsg_type = RTM_DELLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	    .info = {.ifi_index = (int)if_nametoindex(ifname)},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr error;
		char rest[256];
	} answer;
	AUTO_CLOSE int fd = netlink_listen(0, e);

	if (fd < 0)
		return -1;
	if (send(fd, &m, sizeof(m), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.h))
		return err_sys(e, errno, "netlink");
	if (answer.error.error)
		return err_sys(e, -answer.error.error, "delete %s", ifname);
	return 0;
}

void net_others(char *out, size_t size)
{
	struct if_nameindex *list = if_nameindex();

	out[0] = '\0';
	for (struct if_nameindex *i = list; i && i->if_index; i++) {
		size_t len = strlen(out);

		if (strcmp(i->if_name, "lo") != 0)
			snprintf(
			    out + len, size - len, "%s%s", len ? " " : "", i->if_name);
	}
	if_freenameindex(list);
}
