#include "ra.h"

#include <assert.h>
#include <string.h>

#include "be.h"

#define OPT_SOURCE 1
#define OPT_TARGET 2
#define OPT_PREFIX 3
#define OPT_MTU 5
#define OPT_RDNSS 25
#define FLAG_AUTO 0x40
#define FLAG_OVERRIDE 0x20
#define ICMPV6 58
#define HEADER 16 /* of an advertisement */
#define MTU_MIN 1280
#define FOREVER INT64_MAX

static int64_t until(uint32_t seconds, int64_t now)
{
	return seconds == UINT32_MAX ? FOREVER : now + seconds * INT64_C(1000);
}

static uint32_t left(int64_t end, int64_t now)
{
	if (end == FOREVER)
		return UINT32_MAX;
	return end > now ? (uint32_t)((end - now) / 1000) : 0;
}

/* Its place, or a free one, or NULL. */
static struct ra_item *place(
    struct ra_item *items, size_t n, const struct in6_addr *address, int64_t now)
{
	struct ra_item *free_one = NULL;

	for (size_t i = 0; i < n; i++) {
		if (items[i].valid != 0 &&
		    memcmp(&items[i].address, address, sizeof(*address)) == 0)
			return &items[i];
		if (free_one == NULL && items[i].valid <= now)
			free_one = &items[i];
	}
	if (free_one != NULL)
		*free_one = (struct ra_item){.address = *address};
	return free_one;
}

/* True where hosts have to hear of it now: it is new, or over, or lives much longer. */
static bool set(struct ra_item *i, uint32_t valid_s, uint32_t preferred_s, int64_t now)
{
	int64_t before = i->valid, before_preferred = i->preferred;

	if (valid_s == 0 && i->valid <= now) {
		i->valid = i->preferred = 0;
		return false;
	}
	i->valid = until(valid_s, now);
	i->preferred = until(preferred_s, now);
	/* 0 is a free place; hosts hear of the end with the next advertisement. */
	if (valid_s == 0)
		i->valid = now + 1;
	return before <= now || valid_s == 0 ||
	       (before_preferred > now) != (preferred_s > 0) ||
	       (before != FOREVER && i->valid - before > 1000);
}

static bool is_global(const struct in6_addr *a)
{
	return a->s6_addr[0] != 0xff && !IN6_IS_ADDR_LINKLOCAL(a) &&
	       !IN6_IS_ADDR_LOOPBACK(a) && !IN6_IS_ADDR_UNSPECIFIED(a) &&
	       !IN6_IS_ADDR_V4MAPPED(a);
}

static bool take_prefix(struct ra *r, const uint8_t *p, int64_t now)
{
	uint32_t valid = be32_get(p + 4), preferred = be32_get(p + 8);
	struct in6_addr a;
	struct ra_item *i;

	memcpy(&a, p + 16, 8);
	memset(a.s6_addr + 8, 0, 8);
	if (p[2] != 64 || (p[3] & FLAG_AUTO) == 0 || preferred > valid || !is_global(&a))
		return false;
	i = place(r->prefix, RA_PREFIXES, &a, now);
	return i != NULL && set(i, valid, preferred, now);
}

static bool take_dns(struct ra *r, const uint8_t *p, size_t len, int64_t now)
{
	bool changed = false;

	for (size_t at = 8; at + 16 <= len; at += 16) {
		struct in6_addr a;
		struct ra_item *i;

		memcpy(&a, p + at, 16);
		/* A link-local one is not the hosts' neighbour. */
		if (!is_global(&a))
			continue;
		i = place(r->dns, RA_DNS, &a, now);
		if (i != NULL && set(i, be32_get(p + 4), be32_get(p + 4), now))
			changed = true;
	}
	return changed;
}

static bool take_option(struct ra *r, const uint8_t *p, size_t len, int64_t now)
{
	uint32_t mtu;

	if (p[0] == OPT_PREFIX && len == 32)
		return take_prefix(r, p, now);
	if (p[0] == OPT_RDNSS && len >= 24)
		return take_dns(r, p, len, now);
	if (p[0] != OPT_MTU || len != 8)
		return false;
	mtu = be32_get(p + 4);
	if (mtu < MTU_MIN || mtu > 65535 || mtu == r->mtu)
		return false;
	r->mtu = mtu;
	return true;
}

bool ra_take(
    struct ra *r, const struct in6_addr *from, const uint8_t *p, size_t len, int64_t now)
{
	struct ra_item *router;
	bool changed = false;
	uint16_t lifetime;

	if (len < HEADER || p[0] != ND_RA || p[1] != 0 || !IN6_IS_ADDR_LINKLOCAL(from))
		return false;
	/* One whose options do not add up counts for nothing (RFC 4861, 6.1.2). */
	for (size_t at = HEADER; at < len; at += p[at + 1] * 8u)
		if (len - at < 8 || p[at + 1] == 0 || p[at + 1] * 8u > len - at)
			return false;
	lifetime = be16_get(p + 6);
	router = place(r->router, RA_ROUTERS, from, now);
	if (router != NULL)
		changed = set(router, lifetime, lifetime, now);
	for (size_t at = HEADER; at < len; at += p[at + 1] * 8u)
		if (take_option(r, p + at, p[at + 1] * 8u, now))
			changed = true;
	return changed;
}

static size_t put_prefix(uint8_t *p, const struct ra_item *i, int64_t now)
{
	uint32_t valid = left(i->valid, now), preferred = left(i->preferred, now);

	memset(p, 0, 32);
	p[0] = OPT_PREFIX;
	p[1] = 4;
	p[2] = 64;
	p[3] = FLAG_AUTO;
	be32_put(p + 4, valid);
	be32_put(p + 8, preferred);
	memcpy(p + 16, &i->address, 16);
	return 32;
}

static size_t put_dns(uint8_t *p, const struct ra *r, int64_t now)
{
	uint32_t lifetime = UINT32_MAX;
	size_t len = 8;

	for (size_t i = 0; i < RA_DNS; i++) {
		uint32_t s = left(r->dns[i].valid, now);

		if (s == 0)
			continue;
		memcpy(p + len, &r->dns[i].address, 16);
		len += 16;
		if (s < lifetime)
			lifetime = s;
	}
	if (len == 8)
		return 0;
	memset(p, 0, 8);
	p[0] = OPT_RDNSS;
	p[1] = (uint8_t)(len / 8);
	be32_put(p + 4, lifetime);
	return len;
}

static size_t put_mac(uint8_t *p, unsigned option, const uint8_t mac[6])
{
	p[0] = (uint8_t)option;
	p[1] = 1;
	memcpy(p + 2, mac, 6);
	return 8;
}

size_t ra_build(
    const struct ra *r, const uint8_t mac[6], int64_t now, uint8_t out[RA_MAX])
{
	uint32_t router = 0;
	size_t len = HEADER;
	bool any = false;

	static_assert(HEADER + 8 + 8 + 32 * RA_PREFIXES + 8 + 16 * RA_DNS <= RA_MAX,
	    "all of it fits");
	memset(out, 0, HEADER);
	for (size_t i = 0; i < RA_PREFIXES; i++) {
		if (r->prefix[i].valid == 0)
			continue;
		len += put_prefix(out + len, &r->prefix[i], now);
		any = true;
	}
	if (!any)
		return 0;
	/* Who has an address of these prefixes only comes as far as a router goes. */
	for (size_t i = 0; i < RA_ROUTERS; i++)
		if (left(r->router[i].valid, now) > router)
			router = left(r->router[i].valid, now);
	out[0] = ND_RA;
	out[4] = 64; /* hop limit */
	be16_put(out + 6, router < 9000 ? router : 9000);
	len += put_mac(out + len, OPT_SOURCE, mac);
	if (r->mtu != 0) {
		memset(out + len, 0, 8);
		out[len] = OPT_MTU;
		out[len + 1] = 1;
		be32_put(out + len + 4, r->mtu);
		len += 8;
	}
	return len + put_dns(out + len, r, now);
}

static void end_all(struct ra_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].valid != 0) {
			items[i].valid = 1; /* long ago */
			items[i].preferred = 1;
		}
}

void ra_withdraw(struct ra *r)
{
	end_all(r->prefix, RA_PREFIXES);
	end_all(r->router, RA_ROUTERS);
	end_all(r->dns, RA_DNS);
}

bool ra_covers(const struct ra *r, const struct in6_addr *address, int64_t now)
{
	for (size_t i = 0; i < RA_PREFIXES; i++)
		if (r->prefix[i].valid > now &&
		    memcmp(&r->prefix[i].address, address, 8) == 0)
			return true;
	return false;
}

bool ra_any(const struct ra *r, int64_t now)
{
	for (size_t i = 0; i < RA_PREFIXES; i++)
		if (r->prefix[i].valid > now)
			return true;
	return false;
}

bool nd_parse(const uint8_t *packet, size_t len, struct nd *nd)
{
	const uint8_t *p = packet + 40;
	size_t size;

	if (len < 48 || packet[0] >> 4 != 6 || packet[6] != ICMPV6 || packet[7] != 255)
		return false;
	size = be16_get(packet + 4);
	if (size < 8 || size > len - 40 || p[0] < ND_RS || p[0] > ND_NA || p[1] != 0)
		return false;
	*nd = (struct nd){.type = p[0]};
	memcpy(&nd->from, packet + 8, 16);
	if (nd->type != ND_NS && nd->type != ND_NA)
		return true;
	if (size < 24)
		return false;
	memcpy(&nd->target, p + 8, 16);
	return !IN6_IS_ADDR_MULTICAST(&nd->target);
}

size_t nd_build(enum nd_type type, const struct in6_addr *target, const uint8_t mac[6],
    uint8_t out[ND_BUILD_MAX])
{
	memset(out, 0, ND_BUILD_MAX);
	out[0] = (uint8_t)type;
	if (type == ND_NA)
		out[4] = FLAG_OVERRIDE;
	memcpy(out + 8, target, 16);
	return 24 + put_mac(out + 24, type == ND_NA ? OPT_TARGET : OPT_SOURCE, mac);
}
