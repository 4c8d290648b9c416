/*
 * DHCP's messages (RFC 2131, RFC 2132), for both of its sides. Addresses are in host
 * byte order, 0 where there is none.
 */
#ifndef BHYFI_NAT_DHCP_H
#define BHYFI_NAT_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_MAX 1500   /* that we build or take */
#define DHCP_HEADERS 28 /* of IP and UDP before it */
#define DHCP_DNS_MAX 3
#define DHCP_DOMAIN_MAX 128
#define DHCP_ROUTES_MAX 8

enum dhcp_op { DHCP_REQUEST_OP = 1, DHCP_REPLY_OP = 2 };

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

struct dhcp_route {
	uint32_t to, mask;
	uint32_t router; /* 0: on the link */
};

struct dhcp_msg {
	enum dhcp_op op;
	enum dhcp_type type;
	uint8_t mac[6];
	uint32_t xid;
	bool broadcast;
	uint16_t secs;
	uint32_t ciaddr, yiaddr, giaddr;
	uint32_t requested, server;
	uint32_t mask, router;
	uint32_t dns[DHCP_DNS_MAX];
	unsigned n_dns;
	/* Classless ones (RFC 3442). Where there are any, router does not count. */
	struct dhcp_route route[DHCP_ROUTES_MAX];
	unsigned n_routes;
	uint32_t lease_s, t1_s, t2_s;
	uint16_t mtu;
	char domain[DHCP_DOMAIN_MAX]; /* letters, digits, '-' and '.' */
	uint8_t id[64];               /* the client identifier, as it came */
	uint8_t id_len;
};

/* A message of Ethernet's kind with a type; false for anything else. */
bool dhcp_parse(const uint8_t *p, size_t len, struct dhcp_msg *m);

/* Returns its length; size is enough with DHCP_MAX. */
size_t dhcp_build(const struct dhcp_msg *m, uint8_t out[DHCP_MAX]);

/* The message in an IPv4 packet to the client's port, NULL where it is none. */
const uint8_t *dhcp_unwrap(const uint8_t *packet, size_t len, size_t *dhcp_len);

/* Puts headers before a message of len bytes that stands at packet + DHCP_HEADERS: from
 * 0.0.0.0 to everybody, to the server's port. Returns the packet's length. */
size_t dhcp_wrap(uint8_t *packet, size_t len);

#endif
