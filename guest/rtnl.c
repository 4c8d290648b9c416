#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include "cleanup.h"
#include "knob.h"

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define FILTERS_MAX 8

struct nl_sock *rtnl_open(struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int n;

	if (sk == NULL) {
		err_set(e, ERR_FAILED, "netlink: out of memory");
		return NULL;
	}
	n = nl_connect(sk, NETLINK_ROUTE);
	if (n < 0) {
		err_set(e, ERR_FAILED, "netlink: %s", nl_geterror(n));
		nl_socket_free(sk);
		return NULL;
	}
	return sk;
}

struct nl_msg *rtnl_msg(int type, int flags, const void *hdr, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (m != NULL &&
	    nlmsg_append(m, (void *)(uintptr_t)hdr, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

int rtnl_send(struct nl_sock *sk, struct nl_msg *m, const char *what, struct err *e)
{
	int n = m != NULL ? nl_send_sync(sk, m) : -NLE_NOMEM;

	if (n < 0)
		err_set(e, ERR_FAILED, "%s: %s", what, nl_geterror(n));
	return n < 0 ? n : 0;
}

int rtnl_read_mac(const char *ifname, uint8_t mac[6], struct err *e)
{
	int AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.*s", IFNAMSIZ - 1, ifname);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		return err_sys(e, errno, "%s: MAC address", ifname);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	return 0;
}

static struct nl_msg *link_msg(unsigned ifindex, unsigned flags, unsigned mask)
{
	struct ifinfomsg ifi = {
	    .ifi_index = (int)ifindex, .ifi_flags = flags, .ifi_change = mask};

	return rtnl_msg(RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

int rtnl_link_flags(
    struct nl_sock *sk, unsigned ifindex, unsigned flags, unsigned mask, struct err *e)
{
	return rtnl_send(sk, link_msg(ifindex, flags, mask), "set link", e) < 0 ? -1 : 0;
}

int rtnl_link_mtu(struct nl_sock *sk, unsigned ifindex, unsigned mtu, struct err *e)
{
	struct nl_msg *m = link_msg(ifindex, 0, 0);

	if (m != NULL)
		nla_put_u32(m, IFLA_MTU, mtu);
	return rtnl_send(sk, m, "set MTU", e) < 0 ? -1 : 0;
}

int rtnl_link_mac(
    struct nl_sock *sk, unsigned ifindex, const uint8_t mac[6], struct err *e)
{
	struct nl_msg *m = link_msg(ifindex, 0, 0);

	if (m != NULL)
		nla_put(m, IFLA_ADDRESS, 6, mac);
	return rtnl_send(sk, m, "set MAC address", e) < 0 ? -1 : 0;
}

static int put_bridge(struct nl_msg *m, const char *name)
{
	struct nlattr *info, *data;

	if (nla_put_string(m, IFLA_IFNAME, name) < 0 ||
	    (info = nla_nest_start(m, IFLA_LINKINFO)) == NULL ||
	    nla_put_string(m, IFLA_INFO_KIND, "bridge") < 0 ||
	    (data = nla_nest_start(m, IFLA_INFO_DATA)) == NULL ||
	    nla_put_u32(m, IFLA_BR_STP_STATE, 0) < 0 ||
	    nla_put_u32(m, IFLA_BR_FORWARD_DELAY, 0) < 0)
		return -1;
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return 0;
}

int rtnl_bridge_add(struct nl_sock *sk, const char *name, struct err *e)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m =
	    rtnl_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	int n;

	if (m != NULL && put_bridge(m, name) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	n = rtnl_send(sk, m, "add bridge", e);
	if (n < 0 && n != -NLE_EXIST)
		return -1;
	/* A kernel without snooping refuses the attribute and needs no setting. */
	knob_set(true, 0, "/sys/class/net/%s/bridge/multicast_snooping", name);
	return 0;
}

int rtnl_link_del(struct nl_sock *sk, const char *name, struct err *e)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = rtnl_msg(RTM_DELLINK, 0, &ifi, sizeof(ifi));
	int n;

	if (m != NULL)
		nla_put_string(m, IFLA_IFNAME, name);
	n = rtnl_send(sk, m, "delete link", e);
	return n < 0 && n != -NLE_NODEV && n != -NLE_OBJ_NOTFOUND ? -1 : 0;
}

int rtnl_link_master(struct nl_sock *sk, unsigned ifindex, unsigned bridge, struct err *e)
{
	struct nl_msg *m = link_msg(ifindex, 0, 0);

	if (m != NULL)
		nla_put_u32(m, IFLA_MASTER, bridge);
	return rtnl_send(sk, m, bridge != 0 ? "add to bridge" : "take from bridge", e) < 0
		   ? -1
		   : 0;
}

static struct nl_msg *clsact_msg(int type, int flags, unsigned ifindex)
{
	struct tcmsg t = {.tcm_ifindex = (int)ifindex,
	    .tcm_parent = TC_H_CLSACT,
	    .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0)};
	struct nl_msg *m = rtnl_msg(type, flags, &t, sizeof(t));

	if (m != NULL)
		nla_put_string(m, TCA_KIND, "clsact");
	return m;
}

int rtnl_clsact_add(struct nl_sock *sk, unsigned ifindex, struct err *e)
{
	struct nl_msg *m = clsact_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	int n = rtnl_send(sk, m, "add clsact qdisc", e);

	return n < 0 && n != -NLE_EXIST ? -1 : 0;
}

int rtnl_clsact_del(struct nl_sock *sk, unsigned ifindex, struct err *e)
{
	struct nl_msg *m = clsact_msg(RTM_DELQDISC, 0, ifindex);
	int n = rtnl_send(sk, m, "delete clsact qdisc", e);

	/* EINVAL is what the kernel says of a qdisc that is not there. */
	return n < 0 && n != -NLE_OBJ_NOTFOUND && n != -NLE_INVAL && n != -NLE_NODEV ? -1
										     : 0;
}

static int put_redirect(struct nl_msg *m, unsigned to)
{
	struct tc_mirred parms = {
	    .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = to};
	struct nlattr *acts, *first, *opts;

	acts = nla_nest_start(m, TCA_MATCHALL_ACT);
	first = acts != NULL ? nla_nest_start(m, 1) : NULL;
	if (first == NULL || nla_put_string(m, TCA_ACT_KIND, "mirred") < 0)
		return -1;
	opts = nla_nest_start(m, TCA_ACT_OPTIONS);
	if (opts == NULL || nla_put(m, TCA_MIRRED_PARMS, sizeof(parms), &parms) < 0)
		return -1;
	nla_nest_end(m, opts);
	nla_nest_end(m, first);
	nla_nest_end(m, acts);
	return 0;
}

/* A filter without an action ends the classification with TC_ACT_OK: the frame
 * goes on to the stack. That spares the gact module. */
int rtnl_filter_add(
    struct nl_sock *sk, unsigned ifindex, const struct rtnl_filter *f, struct err *e)
{
	struct tcmsg t = {.tcm_ifindex = (int)ifindex,
	    .tcm_parent = INGRESS,
	    .tcm_info = TC_H_MAKE((unsigned)f->prio << 16, htons(f->protocol))};
	struct nl_msg *m =
	    rtnl_msg(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));
	struct nlattr *opts = NULL;

	if (m != NULL && nla_put_string(m, TCA_KIND, "matchall") == 0)
		opts = nla_nest_start(m, TCA_OPTIONS);
	if (opts == NULL || (f->to != 0 && put_redirect(m, f->to) < 0)) {
		nlmsg_free(m);
		return err_set(e, ERR_FAILED, "add filter: out of memory");
	}
	/* An empty nest would be taken back; this filter is one without options. */
	nla_nest_end_keep_empty(m, opts);
	return rtnl_send(sk, m, "add filter", e) < 0 ? -1 : 0;
}

struct seen {
	struct rtnl_filter f[FILTERS_MAX];
	unsigned ifindex, count;
};

/* The interface that the filter's only action redirects to; 0: none. */
static unsigned redirect_of(struct nlattr *opts)
{
	struct nlattr *mall[TCA_MATCHALL_MAX + 1], *acts[TCA_ACT_MAX_PRIO + 1];
	struct nlattr *act[TCA_ACT_MAX + 1], *mirred[TCA_MIRRED_MAX + 1];
	struct tc_mirred parms;

	if (opts == NULL || nla_parse_nested(mall, TCA_MATCHALL_MAX, opts, NULL) < 0 ||
	    mall[TCA_MATCHALL_ACT] == NULL ||
	    nla_parse_nested(acts, TCA_ACT_MAX_PRIO, mall[TCA_MATCHALL_ACT], NULL) < 0 ||
	    acts[1] == NULL || nla_parse_nested(act, TCA_ACT_MAX, acts[1], NULL) < 0 ||
	    act[TCA_ACT_OPTIONS] == NULL ||
	    nla_parse_nested(mirred, TCA_MIRRED_MAX, act[TCA_ACT_OPTIONS], NULL) < 0 ||
	    mirred[TCA_MIRRED_PARMS] == NULL ||
	    nla_len(mirred[TCA_MIRRED_PARMS]) < (int)sizeof(parms))
		return 0;
	memcpy(&parms, nla_data(mirred[TCA_MIRRED_PARMS]), sizeof(parms));
	return parms.eaction == TCA_EGRESS_REDIR ? parms.ifindex : 0;
}

static int on_filter(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *tb[TCA_MAX + 1];
	struct seen *s = arg;
	struct tcmsg *t = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWTFILTER || (unsigned)t->tcm_ifindex != s->ifindex ||
	    nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) < 0 || t->tcm_handle == 0)
		return NL_OK;
	if (tb[TCA_KIND] == NULL || nla_strcmp(tb[TCA_KIND], "matchall") != 0)
		return NL_OK;
	if (s->count < FILTERS_MAX)
		s->f[s->count] =
		    (struct rtnl_filter){.prio = (uint16_t)(TC_H_MAJ(t->tcm_info) >> 16),
			.protocol = ntohs((uint16_t)TC_H_MIN(t->tcm_info)),
			.to = redirect_of(tb[TCA_OPTIONS])};
	s->count++;
	return NL_OK;
}

static int dump(struct nl_sock *sk, struct seen *s, struct err *e)
{
	struct tcmsg t = {.tcm_ifindex = (int)s->ifindex, .tcm_parent = INGRESS};
	struct nl_msg *m = rtnl_msg(RTM_GETTFILTER, NLM_F_DUMP, &t, sizeof(t));
	int n;

	if (m == NULL)
		return err_set(e, ERR_FAILED, "read filters: out of memory");
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_filter, s);
	n = nl_send_auto(sk, m);
	nlmsg_free(m);
	if (n >= 0)
		n = nl_recvmsgs_default(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	if (n < 0)
		return err_set(e, ERR_FAILED, "read filters: %s", nl_geterror(n));
	return 0;
}

int rtnl_filters_check(struct nl_sock *sk, unsigned ifindex, const struct rtnl_filter *f,
    unsigned count, struct err *e)
{
	struct seen s = {.ifindex = ifindex};

	if (dump(sk, &s, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		bool found = false;

		for (unsigned k = 0; k < s.count && k < FILTERS_MAX; k++)
			if (s.f[k].prio == f[i].prio &&
			    s.f[k].protocol == f[i].protocol && s.f[k].to == f[i].to)
				found = true;
		if (!found)
			return err_set(e, ERR_FAILED,
			    "filter %u for protocol 0x%04x is not in place", f[i].prio,
			    f[i].protocol);
	}
	if (s.count != count)
		return err_set(
		    e, ERR_FAILED, "%u filters are in place, not %u", s.count, count);
	return 0;
}
