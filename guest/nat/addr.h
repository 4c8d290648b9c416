/* Addresses, routes and proxied neighbours by rtnetlink. */
#ifndef BHYFI_NAT_ADDR_H
#define BHYFI_NAT_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <netlink/netlink.h>

#include "err.h"

/* IPv4 addresses are in host byte order. To add what is there already, or to take away
 * what is not, is no error. */

int addr_set(struct nl_sock *sk, bool add, unsigned ifindex, uint32_t address,
    uint32_t mask, struct err *e);
/* A route by a router that needs not be in the interface's subnet; 0: on the link. */
struct addr_route {
	uint32_t to, mask, router;
};
int addr_route(struct nl_sock *sk, bool add, unsigned ifindex, const struct addr_route *r,
    struct err *e);

/* One IPv6 address is reached through host_index, and asked for on air_index as if it
 * were ours. */
int addr_relay(struct nl_sock *sk, bool add, unsigned host_index, unsigned air_index,
    const struct in6_addr *address, struct err *e);

#endif
