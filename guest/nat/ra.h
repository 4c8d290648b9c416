/*
 * Router advertisements (RFC 4861, 4.2): what the uplink's routers say, and what of it
 * the hosts are told. They get the uplink's own prefixes, without being told that these
 * are on their link: whatever they send goes by us. Neighbour discovery's messages, as
 * far as a relay has to read them.
 */
#ifndef BHYFI_NAT_RA_H
#define BHYFI_NAT_RA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RA_PREFIXES 4
#define RA_ROUTERS 4
#define RA_DNS 3
#define RA_MAX 512 /* that we build */

struct ra_item {
	struct in6_addr address;
	int64_t valid, preferred; /* of clock_ms until when; 0: free */
};

struct ra {
	struct ra_item prefix[RA_PREFIXES]; /* /64 */
	struct ra_item router[RA_ROUTERS];
	struct ra_item dns[RA_DNS];
	uint32_t mtu; /* 0: not told */
};

/* An ICMPv6 message that came with hop limit 255 from a link-local address. True where
 * the hosts should hear of it. */
bool ra_take(
    struct ra *r, const struct in6_addr *from, const uint8_t *p, size_t len, int64_t now);
/* For the hosts, from the one with this MAC address. Returns the length, 0: there is
 * nothing to say. */
size_t ra_build(
    const struct ra *r, const uint8_t mac[6], int64_t now, uint8_t out[RA_MAX]);
/* All of it holds no more. To be built once more, and then zeroed. */
void ra_withdraw(struct ra *r);
bool ra_covers(const struct ra *r, const struct in6_addr *address, int64_t now);
bool ra_any(const struct ra *r, int64_t now);

enum nd_type {
	ND_RS = 133,
	ND_RA = 134,
	ND_NS = 135,
	ND_NA = 136,
};

struct nd {
	enum nd_type type;
	struct in6_addr from, target; /* target: of ND_NS and ND_NA */
};

/* A whole IPv6 packet with one of them and hop limit 255; false for any other. */
bool nd_parse(const uint8_t *packet, size_t len, struct nd *nd);

/* An ND_NS or ND_NA (override) with the sender's MAC address; its length. */
#define ND_BUILD_MAX 32
size_t nd_build(enum nd_type type, const struct in6_addr *target, const uint8_t mac[6],
    uint8_t out[ND_BUILD_MAX]);

#endif
