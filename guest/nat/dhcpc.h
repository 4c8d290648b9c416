/*
 * The DHCP client's part for the uplink (RFC 2131, 4.4), without sockets and clocks of
 * its own. The owner sends what it is told to, hands in what arrives, and calls
 * dhcpc_timer when the time that it was told has passed.
 */
#ifndef BHYFI_NAT_DHCPC_H
#define BHYFI_NAT_DHCPC_H

#include "dhcp.h"

enum dhcpc_state {
	DHCPC_STOPPED,
	DHCPC_SELECTING,
	DHCPC_REQUESTING, /* of one that was offered */
	DHCPC_REBOOTING,  /* of the one that we had in this network */
	DHCPC_BOUND,
	DHCPC_RENEWING,
	DHCPC_REBINDING,
};

struct dhcpc_lease {
	uint32_t address, mask, server; /* host byte order */
	struct dhcp_route route[DHCP_ROUTES_MAX];
	unsigned n_routes;
	uint32_t dns[DHCP_DNS_MAX];
	unsigned n_dns;
	char domain[DHCP_DOMAIN_MAX];
	uint32_t lease_s;
};

struct dhcpc_ops {
	/* to 0: to everybody, without an address of our own. */
	void (*send)(void *arg, const struct dhcp_msg *m, uint32_t to);
	/* Replaces the one before. */
	void (*timer)(void *arg, int64_t ms);
	/* NULL: there is none any more. Also called when a renewed one is another. */
	void (*lease)(void *arg, const struct dhcpc_lease *l);
};

struct dhcpc {
	const struct dhcpc_ops *ops;
	void *arg;
	enum dhcpc_state state;
	uint8_t mac[6];
	uint32_t xid;
	unsigned tries;
	bool has_lease;                  /* it was told of, and holds */
	struct dhcpc_lease lease, offer; /* lease stays known for dhcpc_again */
	int64_t start, t1, t2, end;      /* of clock_ms */
};

void dhcpc_init(struct dhcpc *c, const struct dhcpc_ops *ops, void *arg);
/* In a network that is new. xid is random. */
void dhcpc_start(struct dhcpc *c, const uint8_t mac[6], uint32_t xid, int64_t now);
/* In the same network once more, whose lease may still hold. */
void dhcpc_again(struct dhcpc *c, uint32_t xid, int64_t now);
/* Without saying so. */
void dhcpc_stop(struct dhcpc *c);
void dhcpc_timer(struct dhcpc *c, int64_t now);
void dhcpc_take(struct dhcpc *c, const struct dhcp_msg *m, int64_t now);

#endif
