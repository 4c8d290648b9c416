#include "leases.h"

#include <string.h>

#include "subnet.h"

#define OFFER_MS 30000     /* an offer is kept for its client */
#define DECLINED_MS 600000 /* somebody else uses it */

void leases_init(struct leases *l, uint32_t subnet)
{
	memset(l->slot, 0, sizeof(l->slot));
	l->subnet = subnet;
}

static bool is_host(const struct leases *l, const uint8_t mac[6])
{
	return l->has_host && memcmp(mac, l->host_mac, 6) == 0;
}

static bool has_slot(const struct leases *l, unsigned i, const uint8_t mac[6])
{
	return l->slot[i].until != 0 && memcmp(l->slot[i].mac, mac, 6) == 0;
}

static bool may_have(
    const struct leases *l, unsigned i, const uint8_t mac[6], int64_t now)
{
	bool in_pool = i >= LEASES_FIRST && i <= LEASES_LAST;

	if (i == LEASES_HOST ? !is_host(l, mac) : !in_pool)
		return false;
	return l->slot[i].until <= now || has_slot(l, i, mac);
}

/* 0 where all are taken. */
static unsigned slot_for(const struct leases *l, const uint8_t mac[6], int64_t now)
{
	const unsigned n = LEASES_LAST - LEASES_FIRST + 1;
	uint32_t h = 2166136261;

	if (is_host(l, mac) && may_have(l, LEASES_HOST, mac, now))
		return LEASES_HOST;
	for (unsigned i = LEASES_FIRST; i <= LEASES_LAST; i++)
		if (has_slot(l, i, mac) && may_have(l, i, mac, now))
			return i;
	for (unsigned i = 0; i < 6; i++)
		h = (h ^ mac[i]) * 16777619;
	for (unsigned k = 0; k < n; k++) {
		unsigned i = LEASES_FIRST + (h + k) % n;

		if (may_have(l, i, mac, now))
			return i;
	}
	return 0;
}

static void take(
    struct leases *l, unsigned i, const uint8_t mac[6], int64_t now, int64_t ms)
{
	struct lease_slot *s = &l->slot[i];

	if (!has_slot(l, i, mac) || s->until <= now)
		s->since = now;
	memcpy(s->mac, mac, 6);
	if (s->until < now + ms || ms > OFFER_MS)
		s->until = now + ms;
}

static void fill(
    const struct leases *l, enum dhcp_type type, uint32_t address, struct dhcp_msg *out)
{
	out->type = type;
	out->yiaddr = address;
	out->mask = SUBNET_MASK;
	out->router = l->subnet | LEASES_GATEWAY;
	out->dns[0] = l->subnet | LEASES_GATEWAY;
	out->dns[1] = l->subnet | LEASES_DNS2;
	out->n_dns = 2;
	out->mtu = l->mtu;
	memcpy(out->domain, l->domain, sizeof(out->domain));
	if (address == 0)
		return; /* it asked for the rest only */
	out->lease_s = LEASES_S;
	out->t1_s = LEASES_S / 2;
	out->t2_s = LEASES_S / 8 * 7;
}

static bool answer_request(
    struct leases *l, const struct dhcp_msg *in, int64_t now, struct dhcp_msg *out)
{
	uint32_t wish = in->requested != 0 ? in->requested : in->ciaddr;
	unsigned i = wish & ~SUBNET_MASK;

	/* It has chosen another server. */
	if (in->server != 0 && in->server != out->server)
		return false;
	if ((wish & SUBNET_MASK) != l->subnet || !may_have(l, i, in->mac, now)) {
		out->type = DHCP_NAK;
		out->broadcast = true;
		return true;
	}
	take(l, i, in->mac, now, LEASES_S * INT64_C(1000));
	fill(l, DHCP_ACK, wish, out);
	return true;
}

static void give_up(struct leases *l, const struct dhcp_msg *in, int64_t now)
{
	bool declined = in->type == DHCP_DECLINE;
	uint32_t address = declined ? in->requested : in->ciaddr;
	unsigned i = address & ~SUBNET_MASK;

	if ((address & SUBNET_MASK) != l->subnet || !has_slot(l, i, in->mac))
		return;
	memset(&l->slot[i], 0, sizeof(l->slot[i]));
	if (declined)
		l->slot[i].until = now + DECLINED_MS;
}

bool leases_answer(
    struct leases *l, const struct dhcp_msg *in, int64_t now, struct dhcp_msg *out)
{
	unsigned i;

	memset(out, 0, sizeof(*out));
	/* Relays we have none. */
	if (in->op != DHCP_REQUEST_OP || in->giaddr != 0 || (in->mac[0] & 1) != 0)
		return false;
	out->op = DHCP_REPLY_OP;
	out->xid = in->xid;
	out->broadcast = in->broadcast;
	out->ciaddr = in->ciaddr;
	memcpy(out->mac, in->mac, 6);
	memcpy(out->id, in->id, in->id_len); /* RFC 6842 */
	out->id_len = in->id_len;
	out->server = l->subnet | LEASES_GATEWAY;
	switch (in->type) {
	case DHCP_DISCOVER:
		i = slot_for(l, in->mac, now);
		if (i == 0)
			return false;
		take(l, i, in->mac, now, OFFER_MS);
		fill(l, DHCP_OFFER, l->subnet | i, out);
		return true;
	case DHCP_REQUEST:
		return answer_request(l, in, now, out);
	case DHCP_INFORM:
		fill(l, DHCP_ACK, 0, out);
		return true;
	case DHCP_DECLINE:
	case DHCP_RELEASE:
		give_up(l, in, now);
		return false;
	case DHCP_OFFER:
	case DHCP_ACK:
	case DHCP_NAK:
		break;
	}
	return false;
}

uint32_t leases_host(const struct leases *l, int64_t now)
{
	static const uint8_t none[6];
	unsigned best = 0;

	for (unsigned i = LEASES_HOST; i <= LEASES_LAST; i++) {
		const struct lease_slot *s = &l->slot[i];

		if (s->until <= now || memcmp(s->mac, none, 6) == 0)
			continue;
		if (is_host(l, s->mac))
			return l->subnet | i;
		if (best == 0 || s->since < l->slot[best].since)
			best = i;
	}
	return best != 0 ? l->subnet | best : 0;
}
