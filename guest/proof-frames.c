#include <string.h>

#include "nat/be.h"
#include "proof.h"

#define ETHER 14
#define BOOTP 236
#define DHCP_MIN 300 /* RFC 1542: what relays may insist on */

/* The sum that RFC 1071 has, not folded yet. len is even. */
static uint32_t sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i += 2)
		s += be16_get(p + i);
	return s;
}

static unsigned fold(uint32_t s)
{
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static uint8_t *put_ether(
    uint8_t *f, const uint8_t to[6], const uint8_t from[6], unsigned type)
{
	memcpy(f, to, 6);
	memcpy(f + 6, from, 6);
	be16_put(f + 12, type);
	return f + ETHER;
}

size_t proof_discover(uint8_t *frame, const uint8_t mac[6], uint32_t xid)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t options[] = {0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255};
	uint8_t *ip, *udp, *bootp;

	memset(frame, 0, ETHER + 28 + DHCP_MIN);
	ip = put_ether(frame, all, mac, 0x0800);
	ip[0] = 0x45;
	be16_put(ip + 2, 28 + DHCP_MIN);
	ip[8] = 64;
	ip[9] = 17;
	be32_put(ip + 16, 0xffffffff);
	be16_put(ip + 10, fold(sum(ip, 20)));
	udp = ip + 20;
	be16_put(udp, 68);
	be16_put(udp + 2, 67);
	be16_put(udp + 4, 8 + DHCP_MIN); /* no checksum: IPv4 allows it */
	bootp = udp + 8;
	bootp[0] = 1; /* BOOTREQUEST, Ethernet */
	bootp[1] = 1;
	bootp[2] = 6;
	be32_put(bootp + 4, xid);
	be16_put(bootp + 10, 0x8000); /* to be answered to all: we have no address */
	memcpy(bootp + 28, mac, 6);
	memcpy(bootp + BOOTP, options, sizeof(options));
	return ETHER + 28 + DHCP_MIN;
}

size_t proof_echo(uint8_t *frame, const uint8_t mac[6], uint32_t xid)
{
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};
	uint8_t *ip, *icmp;

	memset(frame, 0, ETHER + 48);
	ip = put_ether(frame, all, mac, 0x86dd);
	ip[0] = 0x60;
	be16_put(ip + 4, 8);
	ip[6] = 58;
	ip[7] = 255;
	/* fe80::/64 with the identifier made from the MAC address (RFC 4291, appendix A),
	 * to ff02::1. */
	be16_put(ip + 8, 0xfe80);
	memcpy(ip + 16, mac, 3);
	ip[16] ^= 2;
	be16_put(ip + 19, 0xfffe);
	memcpy(ip + 21, mac + 3, 3);
	be16_put(ip + 24, 0xff02);
	ip[39] = 1;
	icmp = ip + 40;
	icmp[0] = 128;
	be32_put(icmp + 4, xid);
	be16_put(icmp + 2, fold(sum(ip + 8, 32) + 8 + 58 + sum(icmp, 8)));
	return ETHER + 48;
}
