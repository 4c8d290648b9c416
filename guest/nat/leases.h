/*
 * The DHCP server's part: who has which address of the hosts' subnet. An address follows
 * from the MAC address as long as nobody else has it, so hosts keep theirs when the guest
 * starts anew, though nothing is kept on a disk.
 */
#ifndef BHYFI_NAT_LEASES_H
#define BHYFI_NAT_LEASES_H

#include "dhcp.h"

/* Of the subnet's 256 addresses. Two are ours: hosts ask names of both. */
#define LEASES_GATEWAY 1
#define LEASES_DNS2 2
#define LEASES_HOST 10 /* kept for the host that we belong to */
#define LEASES_FIRST 11
#define LEASES_LAST 250
/* Hosts behind a bridge do not see a carrier go: they find out within half of it that the
 * subnet was moved. */
#define LEASES_S 600

struct lease_slot {
	uint8_t mac[6];
	int64_t since, until; /* of clock_ms; until 0: free */
};

struct leases {
	uint32_t subnet;
	uint8_t host_mac[6];
	bool has_host;
	uint16_t mtu; /* 0: not told */
	char domain[DHCP_DOMAIN_MAX];
	struct lease_slot slot[256];
};

/* Another subnet: nobody has an address of it yet. */
void leases_init(struct leases *l, uint32_t subnet);
/* The answer to a client's message; false where there is none. */
bool leases_answer(
    struct leases *l, const struct dhcp_msg *in, int64_t now, struct dhcp_msg *out);
/* The address that ports are forwarded to: our host's, else who has been there for
 * longest. 0: nobody has any. */
uint32_t leases_host(const struct leases *l, int64_t now);

#endif
