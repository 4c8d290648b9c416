#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define NL_BUF 16384

/* Sends the request and feeds the answer to cb; 0 or an errno value. */
static int transact(struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[NL_BUF];
	ssize_t n;
	int r = 1, error = 0;

	if (s == NULL)
		return errno;
	h->nlmsg_seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		r = -1;
	while (r == 1) {
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		r = n < 0 ? -1
			  : mnl_cb_run(buf, (size_t)n, h->nlmsg_seq,
				mnl_socket_get_portid(s), cb, arg);
		/* A single answer has no end of its own. */
		if (r == 1 && !(h->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)))
			break;
	}
	if (r < 0)
		error = errno;
	mnl_socket_close(s);
	return error;
}

static struct nlmsghdr *link_request(char *buf, uint16_t type, const char *ifname)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *i;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | (type == RTM_GETLINK ? 0 : NLM_F_ACK);
	i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(h, IFLA_IFNAME, ifname);
	return h;
}

static int kind_cb(const struct nlattr *a, void *arg)
{
	struct link *l = arg;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
		l->tap = strncmp(mnl_attr_get_payload(a), "tun", 3) == 0;
	return MNL_CB_OK;
}

static int attr_cb(const struct nlattr *a, void *arg)
{
	struct link *l = arg;

	switch (mnl_attr_get_type(a)) {
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
		break;
	case IFLA_MTU:
		l->mtu = mnl_attr_get_u32(a);
		break;
	case IFLA_CARRIER:
		l->open = mnl_attr_get_u8(a) != 0;
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(a, kind_cb, l);
	}
	return MNL_CB_OK;
}

static int link_cb(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	struct link *l = arg;

	if (h->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	l->exists = true;
	l->up = (i->ifi_flags & IFF_UP) != 0;
	return mnl_attr_parse(h, sizeof(*i), attr_cb, l);
}

int link_read(const char *ifname, struct link *l)
{
	char buf[NL_BUF];
	int error;

	memset(l, 0, sizeof(*l));
	if (strlen(ifname) >= IFNAMSIZ)
		return 0;
	error = transact(link_request(buf, RTM_GETLINK, ifname), link_cb, l);
	return error == ENODEV ? 0 : error;
}

int link_make_tap(const char *ifname)
{
	struct ifreq r = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL)};
	int AUTO_CLOSE fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return errno;
	return 0;
}

int link_set_up(const char *ifname, bool up)
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, ifname);
	struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

	i->ifi_change = IFF_UP;
	i->ifi_flags = up ? IFF_UP : 0;
	return transact(h, NULL, NULL);
}

int link_set_mtu(const char *ifname, unsigned mtu)
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, ifname);

	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return transact(h, NULL, NULL);
}

int link_set_mac(const char *ifname, const uint8_t mac[6])
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, ifname);

	mnl_attr_put(h, IFLA_ADDRESS, 6, mac);
	return transact(h, NULL, NULL);
}

int link_set_alias(const char *ifname, const char *alias)
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, ifname);

	mnl_attr_put(h, IFLA_IFALIAS, strlen(alias), alias);
	return transact(h, NULL, NULL);
}

int link_delete(const char *ifname)
{
	char buf[NL_BUF];

	return transact(link_request(buf, RTM_DELLINK, ifname), NULL, NULL);
}

int link_wait_closed(const char *ifname)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[NL_BUF];
	struct link l;
	int error = 0;

	if (s == NULL || mnl_socket_bind(s, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		error = errno;
	while (error == 0 && (error = link_read(ifname, &l)) == 0 && l.open)
		if (mnl_socket_recvfrom(s, buf, sizeof(buf)) < 0 && errno != ENOBUFS)
			error = errno;
	if (s != NULL)
		mnl_socket_close(s);
	return error;
}

int link_addr(const char *ifname, const struct link_addr *a, bool add)
{
	struct ifaddrmsg *m;
	struct nlmsghdr *h;
	char buf[NL_BUF];
	size_t len = a->family == AF_INET ? 4 : 16;

	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE : 0));
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = (uint8_t)a->family;
	m->ifa_prefixlen = (uint8_t)a->prefix;
	m->ifa_index = if_nametoindex(ifname);
	mnl_attr_put(h, IFA_LOCAL, len, a->addr);
	mnl_attr_put(h, IFA_ADDRESS, len, a->addr);
	return transact(h, NULL, NULL);
}

struct addrs {
	struct link_addr *out;
	int n, max;
	unsigned index;
};

static int addr_attr_cb(const struct nlattr *a, void *arg)
{
	struct link_addr *out = arg;
	size_t len = mnl_attr_get_payload_len(a);

	if (mnl_attr_get_type(a) == IFA_ADDRESS && len <= sizeof(out->addr))
		memcpy(out->addr, mnl_attr_get_payload(a), len);
	if (mnl_attr_get_type(a) == IFA_FLAGS && len == 4) {
		out->autoconf = !(mnl_attr_get_u32(a) & IFA_F_PERMANENT);
		out->tentative = (mnl_attr_get_u32(a) & IFA_F_TENTATIVE) != 0;
	}
	return MNL_CB_OK;
}

static int addr_cb(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct addrs *all = arg;
	struct link_addr *out;

	if (h->nlmsg_type != RTM_NEWADDR || m->ifa_index != all->index ||
	    all->n == all->max)
		return MNL_CB_OK;
	out = &all->out[all->n++];
	*out = (struct link_addr){.family = m->ifa_family, .prefix = m->ifa_prefixlen};
	return mnl_attr_parse(h, sizeof(*m), addr_attr_cb, out);
}

int link_addrs(const char *ifname, struct link_addr *out, int max)
{
	struct addrs all = {.out = out, .max = max, .index = if_nametoindex(ifname)};
	char buf[NL_BUF];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *m;
	int error;

	h->nlmsg_type = RTM_GETADDR;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = AF_UNSPEC;
	error = transact(h, addr_cb, &all);
	errno = error;
	return error == 0 ? all.n : -1;
}
