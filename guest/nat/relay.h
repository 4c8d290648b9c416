/*
 * IPv6 for the hosts out of the uplink's own prefixes (as RFC 4389 does it): they are
 * told of these by router advertisements, and the guest answers on the uplink for each
 * address that one of them has.
 */
#ifndef BHYFI_NAT_RELAY_H
#define BHYFI_NAT_RELAY_H

#include <event2/event.h>
#include <netlink/netlink.h>

#include "err.h"
#include "ra.h"

#define RELAY_HOSTS 512 /* addresses; then the one that was seen longest ago goes */
#define RELAY_ASKED 32  /* addresses that are being asked for */

struct relay_address {
	struct in6_addr address;
	int64_t at; /* when it was seen last; or asked for until. 0: free */
};

struct relay {
	struct nl_sock *sk;
	unsigned host_index, air_index;
	uint8_t host_mac[6], air_mac[6];
	struct ra ra;
	struct relay_address known[RELAY_HOSTS], asked[RELAY_ASKED];
	void (*changed)(void *arg); /* ra_any may be another now */
	void *arg;
	int air_fd, host_fd, packet_fd;
	struct event *air_ev, *packet_ev, *timer;
};

/* Both interfaces have IPv6 by now, and names that live on. */
int relay_open(struct relay *r, struct event_base *base, struct nl_sock *sk,
    const char *host_if, const char *air_if, void (*changed)(void *arg), void *arg,
    struct err *e);
/* Another network: nothing of the former holds. */
void relay_forget(struct relay *r);
/* The hosts have a carrier from now on: not all of them ask. */
void relay_announce(struct relay *r);
/* Also of one that was never opened, but zeroed. */
void relay_close(struct relay *r);

#endif
