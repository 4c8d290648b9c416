/* Generic netlink to hwsim and nl80211, and rtnetlink, in the namespace in
 * which the sockets were opened. */
#ifndef BHYFI_AIR_NETLINK_H
#define BHYFI_AIR_NETLINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct nl_sock;

struct netlink {
	struct nl_sock *genl, *rt;
	int hwsim, nl80211; /* families; hwsim is 0 where it was not asked for */
};

/* Opens the sockets in the calling thread's network namespace. */
int netlink_open(struct netlink *nl, bool hwsim, struct err *e);
void netlink_close(struct netlink *nl);

struct radio_params {
	const char *name; /* of the wiphy */
	const uint8_t *mac;
	bool no_interface; /* no wlanN */
	bool with_socket;  /* is gone when nl's socket is closed */
};

/* A new hwsim radio in nl's namespace. *id gets hwsim's number of it. */
int radio_create(
    struct netlink *nl, const struct radio_params *params, int *id, struct err *e);

/* The wiphy's index, from sysfs (of the namespace that mounted it). */
int radio_wiphy(const char *name, unsigned *wiphy, struct err *e);

/* The name of the wiphy's one interface, from sysfs. */
int radio_ifname(const char *name, char *ifname, size_t size, struct err *e);

/* Moves a wiphy from nl's namespace to that of netns_fd. It still hears the
 * radios that were made where it was made: hwsim remembers that (netgroup). */
int radio_move(struct netlink *nl, unsigned wiphy, int netns_fd, struct err *e);

/* An interface of type AP, or a station, on the wiphy. */
int radio_add_ap(struct netlink *nl, unsigned wiphy, const char *ifname, struct err *e);
int radio_add_station(
    struct netlink *nl, unsigned wiphy, const char *ifname, struct err *e);

/* rtnetlink */
int link_add_bridge(struct netlink *nl, const char *name, struct err *e);
int link_up(struct netlink *nl, unsigned ifindex, struct err *e);
int addr_add4(struct netlink *nl, unsigned ifindex, struct in_addr addr, unsigned prefix,
    struct err *e);
int addr_del4(struct netlink *nl, unsigned ifindex, struct in_addr addr, unsigned prefix,
    struct err *e);
/* /64, usable at once (no duplicate address detection). */
int addr_add6(struct netlink *nl, unsigned ifindex, struct in6_addr addr, struct err *e);

#endif
