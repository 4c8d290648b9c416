#include "netlink.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nl80211.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fs.h"

/* drivers/net/wireless/mac80211_hwsim.h, which is no part of the kernel's
 * exported headers. */
enum {
	HWSIM_CMD_NEW_RADIO = 4,
	HWSIM_ATTR_CHANNELS = 9,
	HWSIM_ATTR_REG_CUSTOM_REG = 12,
	HWSIM_ATTR_USE_CHANCTX = 15,
	HWSIM_ATTR_DESTROY_RADIO_ON_CLOSE = 16,
	HWSIM_ATTR_RADIO_NAME = 17,
	HWSIM_ATTR_NO_VIF = 18,
	HWSIM_ATTR_PERM_ADDR = 22,
};
/* One of the regulatory domains inside hwsim: 2.4 GHz channels 1-11 and 14, 5 GHz
 * 36-48 and 149-185, on all of which a station may probe and an AP may start.
 * With the world's domain a scan would listen for 120 ms on each of some 80
 * channels; this one has 36, at 30 ms. */
#define HWSIM_REGDOM 0

struct answer {
	bool done;
	int result; /* 0, -errno, or the number of a new radio */
};

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *msg, void *arg)
{
	struct answer *a = arg;

	(void)from;
	/* hwsim answers with the number of the radio, as if it were an error. */
	a->result = msg->error;
	a->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	(void)msg;
	a->result = 0;
	a->done = true;
	return NL_STOP;
}

/* Sends msg, frees it, and waits for the kernel's acknowledgement. Returns
 * -errno, 0, or hwsim's number. */
static int call(struct nl_sock *sk, struct nl_msg *msg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct answer a = {false, -ENOMEM};

	if (cb == NULL)
		goto out;
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &a);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &a);
	a.result = -EIO;
	if (nl_send_auto(sk, msg) < 0)
		goto out;
	while (!a.done)
		if (nl_recvmsgs(sk, cb) < 0 && !a.done)
			break;
out:
	nl_cb_put(cb);
	nlmsg_free(msg);
	return a.result;
}

static struct nl_msg *genl_msg(int family, uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg != NULL &&
	    genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, cmd, 0) == NULL) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int no_memory(struct nl_msg *msg, struct err *e)
{
	nlmsg_free(msg);
	return err_sys(e, ENOMEM, "netlink");
}

int netlink_open(struct netlink *nl, bool hwsim, struct err *e)
{
	*nl = (struct netlink){.genl = nl_socket_alloc(), .rt = nl_socket_alloc()};
	if (nl->genl == NULL || nl->rt == NULL || genl_connect(nl->genl) < 0 ||
	    nl_connect(nl->rt, NETLINK_ROUTE) < 0) {
		err_set(e, ERR_FAILED, "netlink: can not open sockets");
		goto fail;
	}
	nl->nl80211 = genl_ctrl_resolve(nl->genl, "nl80211");
	if (nl->nl80211 < 0) {
		err_set(e, ERR_PRECONDITION, "nl80211 is not there (module cfg80211)");
		goto fail;
	}
	if (!hwsim)
		return 0;
	nl->hwsim = genl_ctrl_resolve(nl->genl, "MAC80211_HWSIM");
	if (nl->hwsim < 0) {
		err_set(e, ERR_PRECONDITION,
		    "MAC80211_HWSIM is not there (module mac80211_hwsim)");
		goto fail;
	}
	return 0;
fail:
	netlink_close(nl);
	return -1;
}

void netlink_close(struct netlink *nl)
{
	nl_socket_free(nl->genl);
	nl_socket_free(nl->rt);
	*nl = (struct netlink){0};
}

int radio_create(
    struct netlink *nl, const struct radio_params *params, int *id, struct err *e)
{
	struct nl_msg *msg = genl_msg(nl->hwsim, HWSIM_CMD_NEW_RADIO);
	int result;

	if (msg == NULL || nla_put_u32(msg, HWSIM_ATTR_CHANNELS, 1) < 0 ||
	    /* Channel contexts bring the hardware scan, twice as fast as the other. */
	    nla_put_flag(msg, HWSIM_ATTR_USE_CHANCTX) < 0 ||
	    nla_put_u32(msg, HWSIM_ATTR_REG_CUSTOM_REG, HWSIM_REGDOM) < 0 ||
	    nla_put_string(msg, HWSIM_ATTR_RADIO_NAME, params->name) < 0 ||
	    nla_put(msg, HWSIM_ATTR_PERM_ADDR, 6, params->mac) < 0 ||
	    (params->no_interface && nla_put_flag(msg, HWSIM_ATTR_NO_VIF) < 0) ||
	    (params->with_socket &&
		nla_put_flag(msg, HWSIM_ATTR_DESTROY_RADIO_ON_CLOSE) < 0))
		return no_memory(msg, e);
	result = call(nl->genl, msg);
	if (result < 0)
		return err_sys(e, -result, "radio %s", params->name);
	*id = result;
	return 0;
}

int radio_wiphy(const char *name, unsigned *wiphy, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/ieee80211/%s/index", name);
	if (fs_read_file(path, 4096, &text, NULL, e) < 0)
		return -1;
	*wiphy = (unsigned)strtoul(text, NULL, 10);
	return 0;
}

int radio_ifname(const char *name, char *ifname, size_t size, struct err *e)
{
	struct dirent *d;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/ieee80211/%s/device/net", name);
	*ifname = '\0';
	dir = opendir(path);
	if (dir == NULL)
		return err_sys(e, errno, "%s", path);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && strlen(d->d_name) < size)
			strcpy(ifname, d->d_name);
	closedir(dir);
	return *ifname != '\0' ? 0 : err_set(e, ERR_FAILED, "%s: no interface", name);
}

int radio_move(struct netlink *nl, unsigned wiphy, int netns_fd, struct err *e)
{
	struct nl_msg *msg = genl_msg(nl->nl80211, NL80211_CMD_SET_WIPHY_NETNS);
	int result;

	if (msg == NULL || nla_put_u32(msg, NL80211_ATTR_WIPHY, wiphy) < 0 ||
	    nla_put_u32(msg, NL80211_ATTR_NETNS_FD, (uint32_t)netns_fd) < 0)
		return no_memory(msg, e);
	result = call(nl->genl, msg);
	return result == 0 ? 0 : err_sys(e, -result, "moving a radio to the air");
}

static int radio_add(struct netlink *nl, unsigned wiphy, const char *ifname,
    enum nl80211_iftype type, struct err *e)
{
	struct nl_msg *msg = genl_msg(nl->nl80211, NL80211_CMD_NEW_INTERFACE);
	int result;

	if (msg == NULL || nla_put_u32(msg, NL80211_ATTR_WIPHY, wiphy) < 0 ||
	    nla_put_string(msg, NL80211_ATTR_IFNAME, ifname) < 0 ||
	    nla_put_u32(msg, NL80211_ATTR_IFTYPE, type) < 0)
		return no_memory(msg, e);
	/* The new interface itself comes back before the acknowledgement. */
	result = call(nl->genl, msg);
	return result == 0 ? 0 : err_sys(e, -result, "interface %s", ifname);
}

int radio_add_ap(struct netlink *nl, unsigned wiphy, const char *ifname, struct err *e)
{
	return radio_add(nl, wiphy, ifname, NL80211_IFTYPE_AP, e);
}

int radio_add_station(
    struct netlink *nl, unsigned wiphy, const char *ifname, struct err *e)
{
	return radio_add(nl, wiphy, ifname, NL80211_IFTYPE_STATION, e);
}

int link_add_bridge(struct netlink *nl, const char *name, struct err *e)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg =
	    nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct nlattr *kind;
	int result;

	if (msg == NULL || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, name) < 0 ||
	    (kind = nla_nest_start(msg, IFLA_LINKINFO)) == NULL ||
	    nla_put_string(msg, IFLA_INFO_KIND, "bridge") < 0)
		return no_memory(msg, e);
	nla_nest_end(msg, kind);
	result = call(nl->rt, msg);
	return result == 0 ? 0 : err_sys(e, -result, "bridge %s", name);
}

int link_up(struct netlink *nl, unsigned ifindex, struct err *e)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
	    .ifi_index = (int)ifindex,
	    .ifi_flags = IFF_UP,
	    .ifi_change = IFF_UP};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_ACK);
	int result;

	if (msg == NULL || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0)
		return no_memory(msg, e);
	result = call(nl->rt, msg);
	return result == 0 ? 0 : err_sys(e, -result, "interface %u up", ifindex);
}

static int addr_change(struct netlink *nl, int type, const struct ifaddrmsg *ifa,
    const void *addr, int len, struct err *e)
{
	int flags =
	    type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK : NLM_F_ACK;
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	int result;

	if (msg == NULL ||
	    nlmsg_append(msg, (void *)(uintptr_t)ifa, sizeof(*ifa), NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, IFA_LOCAL, len, addr) < 0 ||
	    nla_put(msg, IFA_ADDRESS, len, addr) < 0)
		return no_memory(msg, e);
	result = call(nl->rt, msg);
	return result == 0
		   ? 0
		   : err_sys(e, -result, "address of interface %u", ifa->ifa_index);
}

int addr_add4(struct netlink *nl, unsigned ifindex, struct in_addr addr, unsigned prefix,
    struct err *e)
{
	struct ifaddrmsg ifa = {.ifa_family = AF_INET,
	    .ifa_prefixlen = (uint8_t)prefix,
	    .ifa_index = ifindex};

	return addr_change(nl, RTM_NEWADDR, &ifa, &addr, sizeof(addr), e);
}

int addr_del4(struct netlink *nl, unsigned ifindex, struct in_addr addr, unsigned prefix,
    struct err *e)
{
	struct ifaddrmsg ifa = {.ifa_family = AF_INET,
	    .ifa_prefixlen = (uint8_t)prefix,
	    .ifa_index = ifindex};

	return addr_change(nl, RTM_DELADDR, &ifa, &addr, sizeof(addr), e);
}

int addr_add6(struct netlink *nl, unsigned ifindex, struct in6_addr addr, struct err *e)
{
	struct ifaddrmsg ifa = {.ifa_family = AF_INET6,
	    .ifa_prefixlen = 64,
	    .ifa_flags = IFA_F_NODAD,
	    .ifa_index = ifindex};

	return addr_change(nl, RTM_NEWADDR, &ifa, &addr, sizeof(addr), e);
}
