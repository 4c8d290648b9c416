#include <arpa/inet.h>
#include <string.h>

#include "dhcp.h"

/* RFC 2131, 2; RFC 2132. */
#define FIXED 236
#define OPTIONS (FIXED + 4)
#define OPT_MASK 1
#define OPT_ROUTER 3
#define OPT_ADDRESS 50
#define OPT_TYPE 53
#define OPT_SERVER 54
#define OPT_END 255

static const uint8_t cookie[] = {0x63, 0x82, 0x53, 0x63};

static uint8_t *put_option(uint8_t *p, uint8_t code, const void *data, uint8_t len)
{
	p[0] = code;
	p[1] = len;
	memcpy(p + 2, data, len);
	return p + 2 + len;
}

size_t dhcp_make(const struct dhcp *d, uint8_t *buf)
{
	const uint8_t type = (uint8_t)d->state;
	uint8_t *p = buf + OPTIONS;

	memset(buf, 0, 300);
	buf[0] = buf[1] = 1;
	buf[2] = 6;
	memcpy(buf + 4, &d->xid, 4);
	buf[10] = 0x80; /* answers to all: we have no address */
	memcpy(buf + 28, d->mac, 6);
	memcpy(buf + FIXED, cookie, sizeof(cookie));
	p = put_option(p, OPT_TYPE, &type, 1);
	if (d->state == DHCP_REQUEST) {
		p = put_option(p, OPT_ADDRESS, &d->lease.address, 4);
		p = put_option(p, OPT_SERVER, &d->lease.server, 4);
	}
	*p++ = OPT_END;
	return p - buf < 300 ? 300 : (size_t)(p - buf);
}

static unsigned prefix_of(struct in_addr mask)
{
	uint32_t m = ntohl(mask.s_addr);
	unsigned n = 0;

	for (; (m & 0x80000000) != 0; m <<= 1)
		n++;
	return n;
}

int dhcp_parse(
    const struct dhcp *d, const uint8_t *msg, size_t len, struct dhcp_lease *lease)
{
	struct in_addr mask = {htonl(0xffffff00)};
	int type = -1;

	memset(lease, 0, sizeof(*lease));
	if (len < OPTIONS || msg[0] != 2 || memcmp(msg + 4, &d->xid, 4) != 0 ||
	    memcmp(msg + 28, d->mac, 6) != 0 || memcmp(msg + FIXED, cookie, 4) != 0)
		return -1;
	memcpy(&lease->address, msg + 16, 4);
	for (size_t at = OPTIONS; at < len && msg[at] != OPT_END;) {
		const uint8_t *data = msg + at + 2;
		uint8_t n;

		if (msg[at] == 0) {
			at++;
			continue;
		}
		if (at + 2 > len || at + 2 + msg[at + 1] > len)
			return -1;
		n = msg[at + 1];
		if (msg[at] == OPT_TYPE && n == 1)
			type = data[0];
		else if (msg[at] == OPT_MASK && n == 4)
			memcpy(&mask, data, 4);
		else if (msg[at] == OPT_ROUTER && n >= 4)
			memcpy(&lease->gateway, data, 4);
		else if (msg[at] == OPT_SERVER && n == 4)
			memcpy(&lease->server, data, 4);
		at += 2u + n;
	}
	lease->prefix = prefix_of(mask);
	return type;
}
