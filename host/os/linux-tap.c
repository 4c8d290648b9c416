/*
 * The tap. It is not persistent: it lives as long as a descriptor does, that is,
 * the VMM's or ours, so nothing can be left behind for good. Its alias "bhyfi
 * INSTANCE" (ip link shows it) says whose it is.
 *
 * Carrier goes by netlink (IFLA_CARRIER), not TUNSETCARRIER: a bhyfid that adopted
 * a VM has no descriptor of the tap.
 */
/* Before the kernel's headers, which then leave out what it has. */
#include <net/if.h>

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "linux.h"
#include "ifaddr.h"
#include "native.h"
#include "log.h"

#define ALIAS_MAX 64
#define NL_BUF 8192

struct link_info {
	bool exists;
	unsigned flags; /* IFF_* */
	bool carrier;
	bool is_tun;
	bool counts;
	uint64_t rx_bytes, tx_bytes;
	uint8_t mac[6];
	char alias[ALIAS_MAX];
};

/* One request, its answer or acknowledgement; cb may be NULL. -1 with errno. */
static int transact(struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[4 * NL_BUF];
	int r = -1, err;

	if (s == NULL)
		return -1;
	h->nlmsg_seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(s, h, h->nlmsg_len) >= 0) {
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));

		if (n >= 0)
			r = mnl_cb_run(buf, (size_t)n, h->nlmsg_seq,
			    mnl_socket_get_portid(s), cb, arg);
	}
	err = errno;
	mnl_socket_close(s);
	errno = err;
	return r < 0 ? -1 : 0;
}

static struct nlmsghdr *link_request(
    char *buf, uint16_t type, uint16_t flags, const char *ifname)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *i;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(h, IFLA_IFNAME, ifname);
	return h;
}

static int kind_cb(const struct nlattr *a, void *arg)
{
	struct link_info *l = arg;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND &&
	    mnl_attr_validate(a, MNL_TYPE_STRING) >= 0)
		l->is_tun = strncmp(mnl_attr_get_payload(a), "tun",
				mnl_attr_get_payload_len(a)) == 0;
	return MNL_CB_OK;
}

static void take_counters(struct link_info *l, const struct nlattr *a)
{
	struct rtnl_link_stats64 stats;

	/* Later kernels have more members, and no alignment for 64 bits. */
	if (mnl_attr_get_payload_len(a) < offsetof(struct rtnl_link_stats64, rx_errors))
		return;
	memcpy(&stats, mnl_attr_get_payload(a),
	    offsetof(struct rtnl_link_stats64, rx_errors));
	l->counts = true;
	l->rx_bytes = stats.rx_bytes;
	l->tx_bytes = stats.tx_bytes;
}

static int attr_cb(const struct nlattr *a, void *arg)
{
	struct link_info *l = arg;
	size_t len = mnl_attr_get_payload_len(a);

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFALIAS:
		len = len < sizeof(l->alias) ? len : sizeof(l->alias) - 1;
		memcpy(l->alias, mnl_attr_get_payload(a), len);
		l->alias[len] = '\0';
		break;
	case IFLA_ADDRESS:
		if (len == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), len);
		break;
	case IFLA_CARRIER:
		if (len == 1)
			l->carrier = mnl_attr_get_u8(a) != 0;
		break;
	case IFLA_STATS64:
		take_counters(l, a);
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(a, kind_cb, l);
	}
	return MNL_CB_OK;
}

static int link_cb(const struct nlmsghdr *h, void *arg)
{
	struct link_info *l = arg;
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*i))
		return MNL_CB_OK;
	l->exists = true;
	l->flags = i->ifi_flags;
	return mnl_attr_parse(h, sizeof(*i), attr_cb, l);
}

static int link_get(const char *ifname, struct link_info *l, struct err *e)
{
	char buf[NL_BUF];

	memset(l, 0, sizeof(*l));
	if (transact(link_request(buf, RTM_GETLINK, 0, ifname), link_cb, l) == 0 ||
	    errno == ENODEV)
		return 0;
	return err_sys(e, errno, "interface %s", ifname);
}

static int gone(const char *ifname, struct err *e)
{
	return err_set(e, ERR_NOT_RUNNING, "interface %s: it is gone", ifname);
}

static int set_error(const char *ifname, const char *what, struct err *e)
{
	if (errno == ENODEV)
		return gone(ifname, e);
	return err_sys(e, errno, "interface %s: %s", ifname, what);
}

static void alias_of(const char *instance, char out[ALIAS_MAX])
{
	snprintf(out, ALIAS_MAX, "bhyfi %s", instance);
}

int linux_tap_destroy(const char *ifname, const char *instance, struct err *e)
{
	char buf[NL_BUF], alias[ALIAS_MAX];
	struct link_info l;

	if (link_get(ifname, &l, e) < 0)
		return -1;
	if (!l.exists)
		return 0;
	alias_of(instance, alias);
	if (!l.is_tun || strcmp(l.alias, alias) != 0) {
		err_set(e, ERR_FAILED, "interface %s: it exists and is not ours", ifname);
		return err_hint(e, "set interface to another name");
	}
	if (transact(link_request(buf, RTM_DELLINK, NLM_F_ACK, ifname), NULL, NULL) < 0 &&
	    errno != ENODEV)
		return err_sys(e, errno, "interface %s: remove", ifname);
	return 0;
}

static int open_tap(const char *ifname, struct err *e)
{
	struct ifreq r = {
	    .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		int code = errno;

		err_sys(e, code, "/dev/net/tun");
		if (e != NULL && (code == ENOENT || code == EACCES))
			e->code = ERR_PRECONDITION;
		return err_hint(e, "%s",
		    code == EACCES ? "its mode should be 0666, as udev makes it"
				   : "modprobe tun");
	}
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		set_error(ifname, "make the tap", e);
		close(fd);
		return -1;
	}
	return fd;
}

int linux_tap_carrier(const char *ifname, bool on, struct err *e)
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, NLM_F_ACK, ifname);

	mnl_attr_put_u8(h, IFLA_CARRIER, on);
	if (on) {
		struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

		i->ifi_flags = i->ifi_change = IFF_UP;
	}
	return transact(h, NULL, NULL) < 0 ? set_error(ifname, "carrier", e) : 0;
}

int linux_tap_create(const struct config *c, int *fd, struct err *e)
{
	char buf[NL_BUF], alias[ALIAS_MAX];
	struct nlmsghdr *h;

	if (linux_tap_destroy(c->interface, c->instance, e) < 0)
		return -1;
	*fd = open_tap(c->interface, e);
	if (*fd < 0)
		return -1;
	alias_of(c->instance, alias);
	h = link_request(buf, RTM_NEWLINK, NLM_F_ACK, c->interface);
	mnl_attr_put_strz(h, IFLA_IFALIAS, alias);
	mnl_attr_put_u32(h, IFLA_MTU, c->mtu);
	mnl_attr_put_u8(h, IFLA_CARRIER, 0);
	if (transact(h, NULL, NULL) == 0)
		return 0;
	set_error(c->interface, "alias and MTU", e);
	close(*fd);
	*fd = -1;
	return -1;
}

static int watch_groups(unsigned groups, struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err_sys(e, errno, "watch of interfaces");
	if (fd >= 0)
		close(fd);
	return -1;
}

int if_watch(int *fd, struct err *e)
{
	*fd = watch_groups(RTMGRP_LINK, e);
	return *fd < 0 ? -1 : 0;
}

int address_watch(struct err *e)
{
	return watch_groups(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, e);
}

bool if_watch_gone(int watch, const char *ifname)
{
	char buf[NL_BUF];

	/* What changed does not matter, nor that some was lost (ENOBUFS). */
	while (
	    recv(watch, buf, sizeof(buf), 0) >= 0 || errno == EINTR || errno == ENOBUFS)
		;
	return if_nametoindex(ifname) == 0;
}

int linux_tap_set_mac(const char *ifname, const uint8_t mac[6], struct err *e)
{
	char buf[NL_BUF];
	struct nlmsghdr *h = link_request(buf, RTM_NEWLINK, NLM_F_ACK, ifname);

	/* A tap takes it while it is up (IFF_LIVE_ADDR_CHANGE). */
	mnl_attr_put(h, IFLA_ADDRESS, 6, mac);
	return transact(h, NULL, NULL) < 0 ? set_error(ifname, "MAC address", e) : 0;
}

int host_if(const char *ifname, struct host_if *i, struct err *e)
{
	struct link_info l;
	struct ifaddrs *all;

	memset(i, 0, sizeof(*i));
	if (link_get(ifname, &l, e) < 0)
		return -1;
	if (!l.exists)
		return 0;
	i->exists = true;
	i->up = (l.flags & IFF_UP) != 0;
	i->carrier = i->up && l.carrier;
	i->counts = l.counts;
	i->rx_bytes = l.rx_bytes;
	i->tx_bytes = l.tx_bytes;
	memcpy(i->mac, l.mac, sizeof(i->mac));
	if (getifaddrs(&all) < 0)
		return err_sys(e, errno, "addresses of %s", ifname);
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next)
		if (strcmp(a->ifa_name, ifname) == 0)
			host_if_add_address(i, a);
	freeifaddrs(all);
	return 0;
}
