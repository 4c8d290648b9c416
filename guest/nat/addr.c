#include "addr.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include "rtnl.h"

static int send_wait(
    struct nl_sock *sk, struct nl_msg *m, const char *what, struct err *e)
{
	int n = rtnl_send(sk, m, what, e);

	return n >= 0 || n == -NLE_EXIST || n == -NLE_OBJ_NOTFOUND || n == -NLE_NODEV ||
		       n == -NLE_NOADDR
		   ? 0
		   : -1;
}

static unsigned prefix_length(uint32_t mask)
{
	return (unsigned)__builtin_popcount(mask);
}

int addr_set(struct nl_sock *sk, bool add, unsigned ifindex, uint32_t address,
    uint32_t mask, struct err *e)
{
	struct ifaddrmsg h = {.ifa_family = AF_INET,
	    .ifa_prefixlen = (uint8_t)prefix_length(mask),
	    .ifa_index = ifindex};
	struct nl_msg *m = rtnl_msg(add ? RTM_NEWADDR : RTM_DELADDR,
	    add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &h, sizeof(h));

	if (m != NULL) {
		nla_put_u32(m, IFA_LOCAL, htonl(address));
		nla_put_u32(m, IFA_ADDRESS, htonl(address));
		if (mask < UINT32_C(0xfffffffe))
			nla_put_u32(m, IFA_BROADCAST, htonl(address | ~mask));
	}
	return send_wait(sk, m, add ? "set address" : "take away address", e);
}

int addr_route(struct nl_sock *sk, bool add, unsigned ifindex, const struct addr_route *r,
    struct err *e)
{
	struct rtmsg h = {.rtm_family = AF_INET,
	    .rtm_dst_len = (uint8_t)prefix_length(r->mask),
	    .rtm_table = RT_TABLE_MAIN,
	    .rtm_protocol = RTPROT_DHCP,
	    .rtm_scope = r->router != 0 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
	    .rtm_type = RTN_UNICAST,
	    .rtm_flags = r->router != 0 ? RTNH_F_ONLINK : 0};
	struct nl_msg *m = rtnl_msg(add ? RTM_NEWROUTE : RTM_DELROUTE,
	    add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &h, sizeof(h));

	if (m != NULL) {
		nla_put_u32(m, RTA_OIF, ifindex);
		if (r->mask != 0)
			nla_put_u32(m, RTA_DST, htonl(r->to));
		if (r->router != 0)
			nla_put_u32(m, RTA_GATEWAY, htonl(r->router));
	}
	return send_wait(sk, m, add ? "set route" : "take away route", e);
}

static int host_route(struct nl_sock *sk, bool add, unsigned ifindex,
    const struct in6_addr *address, struct err *e)
{
	struct rtmsg h = {.rtm_family = AF_INET6,
	    .rtm_dst_len = 128,
	    .rtm_table = RT_TABLE_MAIN,
	    .rtm_protocol = RTPROT_STATIC,
	    .rtm_scope = RT_SCOPE_UNIVERSE,
	    .rtm_type = RTN_UNICAST};
	struct nl_msg *m = rtnl_msg(
	    add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE : 0, &h, sizeof(h));

	if (m != NULL) {
		nla_put(m, RTA_DST, sizeof(*address), address);
		nla_put_u32(m, RTA_OIF, ifindex);
	}
	return send_wait(sk, m, "route to a host", e);
}

static int proxy(struct nl_sock *sk, bool add, unsigned ifindex,
    const struct in6_addr *address, struct err *e)
{
	struct ndmsg h = {.ndm_family = AF_INET6,
	    .ndm_ifindex = (int)ifindex,
	    .ndm_flags = NTF_PROXY,
	    .ndm_state = NUD_PERMANENT};
	struct nl_msg *m = rtnl_msg(
	    add ? RTM_NEWNEIGH : RTM_DELNEIGH, add ? NLM_F_CREATE : 0, &h, sizeof(h));

	if (m != NULL)
		nla_put(m, NDA_DST, sizeof(*address), address);
	return send_wait(sk, m, "proxied neighbour", e);
}

int addr_relay(struct nl_sock *sk, bool add, unsigned host_index, unsigned air_index,
    const struct in6_addr *address, struct err *e)
{
	if (!add)
		return proxy(sk, false, air_index, address, e) < 0 ||
			       host_route(sk, false, host_index, address, e) < 0
			   ? -1
			   : 0;
	/* First the way, then who asks for it. */
	if (host_route(sk, true, host_index, address, e) < 0)
		return -1;
	return proxy(sk, true, air_index, address, e);
}
