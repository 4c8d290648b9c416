/*
 * Links, qdiscs and filters by rtnetlink. Messages are built by hand on libnl's
 * core: its route library knows neither clsact nor filters without an action,
 * and would double this program's size, which is RAM in the guest.
 */
#ifndef BHYFI_GUEST_RTNL_H
#define BHYFI_GUEST_RTNL_H

#include <stdbool.h>
#include <stdint.h>

#include <netlink/netlink.h>

#include "err.h"

/* NULL on error. */
struct nl_sock *rtnl_open(struct err *e);

/* A request whose header is hdr; NULL: out of memory. */
struct nl_msg *rtnl_msg(int type, int flags, const void *hdr, size_t len);
/* Sends m (NULL: out of memory), frees it, waits for the acknowledgement. 0, or an error
 * of libnl's, which says what could not be done. */
int rtnl_send(struct nl_sock *sk, struct nl_msg *m, const char *what, struct err *e);

int rtnl_read_mac(const char *ifname, uint8_t mac[6], struct err *e);

/* Sets the flags (IFF_*) that are in mask. */
int rtnl_link_flags(
    struct nl_sock *sk, unsigned ifindex, unsigned flags, unsigned mask, struct err *e);
int rtnl_link_mtu(struct nl_sock *sk, unsigned ifindex, unsigned mtu, struct err *e);
int rtnl_link_mac(
    struct nl_sock *sk, unsigned ifindex, const uint8_t mac[6], struct err *e);

/* A bridge without spanning tree and without snooping for multicast groups: it is to pass
 * on what a cable would. To have it already is no error; to delete one that is not there
 * neither. */
int rtnl_bridge_add(struct nl_sock *sk, const char *name, struct err *e);
int rtnl_link_del(struct nl_sock *sk, const char *name, struct err *e);
/* Makes it a port of the bridge; 0: of none. */
int rtnl_link_master(
    struct nl_sock *sk, unsigned ifindex, unsigned bridge, struct err *e);

/* The clsact qdisc; to have it already, or not to have it, is no error. */
int rtnl_clsact_add(struct nl_sock *sk, unsigned ifindex, struct err *e);
int rtnl_clsact_del(struct nl_sock *sk, unsigned ifindex, struct err *e);

/* A matchall filter at ingress. */
struct rtnl_filter {
	uint16_t prio;     /* lower goes first */
	uint16_t protocol; /* ETH_P_* */
	unsigned to;       /* interface to whose egress all goes; 0: pass on */
};

int rtnl_filter_add(
    struct nl_sock *sk, unsigned ifindex, const struct rtnl_filter *f, struct err *e);

/* Whether the kernel has exactly these filters at the interface's ingress; the
 * error names what is missing. */
int rtnl_filters_check(struct nl_sock *sk, unsigned ifindex, const struct rtnl_filter *f,
    unsigned count, struct err *e);

#endif
