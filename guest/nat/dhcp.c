#include "dhcp.h"

#include <ctype.h>
#include <string.h>

#include "be.h"

#define COOKIE 0x63825363
#define FIXED 236 /* before the cookie */
#define AT_SNAME 44
#define AT_FILE 108
#define UDP 17
/* Some relays drop what is shorter (RFC 1542, 2.1). */
#define BOOTP_MIN 300

enum option {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_ID = 61,
	OPT_ROUTES = 121,
	OPT_END = 255,
};

static void take_domain(struct dhcp_msg *m, const uint8_t *p, size_t len)
{
	/* Some end it with a NUL, which they should not. */
	while (len > 0 && p[len - 1] == '\0')
		len--;
	if (len >= sizeof(m->domain))
		return;
	for (size_t i = 0; i < len; i++)
		if (p[i] > 0x7f || (!isalnum(p[i]) && p[i] != '.' && p[i] != '-'))
			return;
	memcpy(m->domain, p, len);
	m->domain[len] = '\0';
}

static void take_number(uint32_t *to, const uint8_t *p, size_t len)
{
	if (len >= 4)
		*to = be32_get(p);
}

/* Each is a prefix length, as many bytes as that needs, and a router. */
static void take_routes(struct dhcp_msg *m, const uint8_t *p, size_t len)
{
	for (m->n_routes = 0; len > 0 && m->n_routes < DHCP_ROUTES_MAX;) {
		struct dhcp_route *r = &m->route[m->n_routes];
		size_t bytes = (p[0] + 7u) / 8;
		uint8_t to[4] = {0};

		if (p[0] > 32 || len < 1 + bytes + 4)
			return;
		memcpy(to, p + 1, bytes);
		r->mask = p[0] == 0 ? 0 : UINT32_MAX << (32 - p[0]);
		r->to = be32_get(to) & r->mask;
		r->router = be32_get(p + 1 + bytes);
		p += 1 + bytes + 4;
		len -= 1 + bytes + 4;
		m->n_routes++;
	}
}

static void take_option(
    struct dhcp_msg *m, unsigned code, const uint8_t *p, size_t len, uint8_t *overload)
{
	switch (code) {
	case OPT_MASK:
		take_number(&m->mask, p, len);
		break;
	case OPT_ROUTER:
		take_number(&m->router, p, len);
		break;
	case OPT_DNS:
		for (m->n_dns = 0; len >= 4 && m->n_dns < DHCP_DNS_MAX; p += 4, len -= 4)
			m->dns[m->n_dns++] = be32_get(p);
		break;
	case OPT_DOMAIN:
		take_domain(m, p, len);
		break;
	case OPT_MTU:
		if (len == 2)
			m->mtu = be16_get(p);
		break;
	case OPT_REQUESTED:
		take_number(&m->requested, p, len);
		break;
	case OPT_LEASE:
		take_number(&m->lease_s, p, len);
		break;
	case OPT_OVERLOAD:
		if (len == 1)
			*overload = p[0];
		break;
	case OPT_TYPE:
		if (len == 1 && p[0] >= DHCP_DISCOVER && p[0] <= DHCP_INFORM)
			m->type = p[0];
		break;
	case OPT_SERVER:
		take_number(&m->server, p, len);
		break;
	case OPT_T1:
		take_number(&m->t1_s, p, len);
		break;
	case OPT_T2:
		take_number(&m->t2_s, p, len);
		break;
	case OPT_ROUTES:
		take_routes(m, p, len);
		break;
	case OPT_ID:
		if (len <= sizeof(m->id)) {
			memcpy(m->id, p, len);
			m->id_len = (uint8_t)len;
		}
		break;
	}
}

static bool take_options(
    struct dhcp_msg *m, const uint8_t *p, size_t len, uint8_t *overload)
{
	for (size_t at = 0; at < len && p[at] != OPT_END;) {
		if (p[at] == OPT_PAD) {
			at++;
			continue;
		}
		if (len - at < 2 || len - at - 2 < p[at + 1])
			return false;
		take_option(m, p[at], p + at + 2, p[at + 1], overload);
		at += 2u + p[at + 1];
	}
	return true;
}

bool dhcp_parse(const uint8_t *p, size_t len, struct dhcp_msg *m)
{
	uint8_t overload = 0, ignored = 0;

	memset(m, 0, sizeof(*m));
	if (len < FIXED + 4 || len > DHCP_MAX || be32_get(p + FIXED) != COOKIE ||
	    (p[0] != DHCP_REQUEST_OP && p[0] != DHCP_REPLY_OP) || p[1] != 1 || p[2] != 6)
		return false;
	m->op = p[0];
	m->xid = be32_get(p + 4);
	m->secs = be16_get(p + 8);
	m->broadcast = (p[10] & 0x80) != 0;
	m->ciaddr = be32_get(p + 12);
	m->yiaddr = be32_get(p + 16);
	m->giaddr = be32_get(p + 24);
	memcpy(m->mac, p + 28, 6);
	if (!take_options(m, p + FIXED + 4, len - FIXED - 4, &overload))
		return false;
	if ((overload & 1) != 0 && !take_options(m, p + AT_FILE, 128, &ignored))
		return false;
	if ((overload & 2) != 0 && !take_options(m, p + AT_SNAME, 64, &ignored))
		return false;
	return m->type != 0;
}

struct out {
	uint8_t *p;
	size_t len;
};

static void put(struct out *o, unsigned code, const void *data, size_t len)
{
	o->p[o->len] = (uint8_t)code;
	o->p[o->len + 1] = (uint8_t)len;
	memcpy(o->p + o->len + 2, data, len);
	o->len += 2 + len;
}

static void put_number(struct out *o, unsigned code, uint32_t value)
{
	uint8_t b[4];

	if (value == 0)
		return;
	be32_put(b, value);
	put(o, code, b, sizeof(b));
}

static void put_routes(struct out *o, const struct dhcp_msg *m)
{
	uint8_t b[9 * DHCP_ROUTES_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < m->n_routes && i < DHCP_ROUTES_MAX; i++) {
		const struct dhcp_route *r = &m->route[i];
		unsigned bits = (unsigned)__builtin_popcount(r->mask);
		size_t bytes = (bits + 7) / 8;

		b[len] = (uint8_t)bits;
		be32_put(b + len + 1, r->to);
		be32_put(b + len + 1 + bytes, r->router);
		len += 1 + bytes + 4;
	}
	if (len > 0)
		put(o, OPT_ROUTES, b, len);
}

static void put_options(struct out *o, const struct dhcp_msg *m)
{
	/* RFC 3442 wants the routes before the router. */
	static const uint8_t wanted[] = {OPT_MASK, OPT_ROUTES, OPT_ROUTER, OPT_DNS,
	    OPT_DOMAIN, OPT_MTU, OPT_LEASE, OPT_SERVER, OPT_T1, OPT_T2};
	uint8_t b[4 * DHCP_DNS_MAX] = {(uint8_t)m->type};
	unsigned n_dns = m->n_dns < DHCP_DNS_MAX ? m->n_dns : DHCP_DNS_MAX;

	put(o, OPT_TYPE, b, 1);
	put_number(o, OPT_REQUESTED, m->requested);
	put_number(o, OPT_SERVER, m->server);
	put_number(o, OPT_LEASE, m->lease_s);
	put_number(o, OPT_T1, m->t1_s);
	put_number(o, OPT_T2, m->t2_s);
	put_number(o, OPT_MASK, m->mask);
	put_number(o, OPT_ROUTER, m->router);
	for (unsigned i = 0; i < n_dns; i++)
		be32_put(b + 4 * (size_t)i, m->dns[i]);
	if (n_dns > 0)
		put(o, OPT_DNS, b, 4 * (size_t)n_dns);
	put_routes(o, m);
	if (m->domain[0] != '\0')
		put(o, OPT_DOMAIN, m->domain, strlen(m->domain));
	be16_put(b, m->mtu);
	if (m->mtu != 0)
		put(o, OPT_MTU, b, 2);
	if (m->id_len > 0)
		put(o, OPT_ID, m->id, m->id_len);
	if (m->op != DHCP_REQUEST_OP)
		return;
	if (m->type == DHCP_DISCOVER || m->type == DHCP_REQUEST)
		put(o, OPT_PARAMETERS, wanted, sizeof(wanted));
	be16_put(b, DHCP_MAX);
	put(o, OPT_SIZE, b, 2);
}

size_t dhcp_build(const struct dhcp_msg *m, uint8_t out[DHCP_MAX])
{
	struct out o = {out, FIXED + 4};

	memset(out, 0, DHCP_MAX);
	out[0] = (uint8_t)m->op;
	out[1] = 1; /* Ethernet */
	out[2] = 6;
	be32_put(out + 4, m->xid);
	be16_put(out + 8, m->secs);
	out[10] = m->broadcast ? 0x80 : 0;
	be32_put(out + 12, m->ciaddr);
	be32_put(out + 16, m->yiaddr);
	be32_put(out + 24, m->giaddr);
	memcpy(out + 28, m->mac, 6);
	be32_put(out + FIXED, COOKIE);
	put_options(&o, m);
	out[o.len++] = OPT_END;
	return o.len > BOOTP_MIN ? o.len : BOOTP_MIN;
}

const uint8_t *dhcp_unwrap(const uint8_t *packet, size_t len, size_t *dhcp_len)
{
	size_t header, total, udp;

	if (len < 20 || packet[0] >> 4 != 4)
		return NULL;
	header = (packet[0] & 15u) * 4;
	total = be16_get(packet + 2);
	/* Behind it there may be what fills up a frame. No fragments. */
	if (header < 20 || total > len || total < header + 8 || packet[9] != UDP ||
	    (be16_get(packet + 6) & 0x3fff) != 0)
		return NULL;
	packet += header;
	udp = be16_get(packet + 4);
	if (be16_get(packet) != DHCP_SERVER_PORT ||
	    be16_get(packet + 2) != DHCP_CLIENT_PORT || udp < 8 || udp > total - header)
		return NULL;
	*dhcp_len = udp - 8;
	return packet + 8;
}

size_t dhcp_wrap(uint8_t *packet, size_t len)
{
	uint32_t sum = 0;

	memset(packet, 0, DHCP_HEADERS);
	packet[0] = 0x45;
	packet[1] = 0x10; /* low delay, as other clients' */
	be16_put(packet + 2, (unsigned)(len + DHCP_HEADERS));
	packet[8] = 64;
	packet[9] = UDP;
	be32_put(packet + 16, UINT32_MAX);
	for (size_t i = 0; i < 20; i += 2)
		sum += be16_get(packet + i);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(packet + 10, ~(sum + (sum >> 16)) & 0xffff);
	be16_put(packet + 20, DHCP_CLIENT_PORT);
	be16_put(packet + 22, DHCP_SERVER_PORT);
	/* Without a checksum, which IPv4 allows for. */
	be16_put(packet + 24, (unsigned)(len + 8));
	return len + DHCP_HEADERS;
}
