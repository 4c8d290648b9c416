#include "dhcpc.h"

#include <string.h>

#define FIRST_MS 500 /* then twice as long each time; */
#define LONGEST_MS 32000
#define REBOOT_TRIES 2 /* before we begin from nothing */
#define REQUEST_TRIES 4
#define RENEW_MS 60000       /* at least, between two (RFC 2131, 4.4.5) */
#define LEASE_MIN_S 60       /* shorter ones are taken for this long */
#define LEASE_DEFAULT_S 3600 /* where the server does not say */
#define MASK_MIN UINT32_C(0xff000000)

void dhcpc_init(struct dhcpc *c, const struct dhcpc_ops *ops, void *arg)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->arg = arg;
}

static int64_t backoff(unsigned tries)
{
	int64_t ms = tries < 7 ? (int64_t)FIRST_MS << tries : LONGEST_MS;

	return ms < LONGEST_MS ? ms : LONGEST_MS;
}

static void ask(struct dhcpc *c, enum dhcp_type type, int64_t now)
{
	bool in_use = c->state == DHCPC_RENEWING || c->state == DHCPC_REBINDING;
	int64_t secs = (now - c->start) / 1000;
	struct dhcp_msg m = {.op = DHCP_REQUEST_OP,
	    .type = type,
	    .xid = c->xid,
	    .secs = (uint16_t)(secs < UINT16_MAX ? secs : UINT16_MAX)};

	memcpy(m.mac, c->mac, 6);
	if (c->state == DHCPC_REQUESTING) {
		m.requested = c->offer.address;
		m.server = c->offer.server;
	} else if (c->state == DHCPC_REBOOTING) {
		m.requested = c->lease.address;
	} else if (in_use) {
		m.ciaddr = c->lease.address;
	}
	c->ops->send(c->arg, &m, c->state == DHCPC_RENEWING ? c->lease.server : 0);
}

static void lose(struct dhcpc *c)
{
	c->has_lease = false;
	c->ops->lease(c->arg, NULL);
}

static void select_one(struct dhcpc *c, int64_t now)
{
	if (c->has_lease && now >= c->end)
		lose(c);
	c->state = DHCPC_SELECTING;
	ask(c, DHCP_DISCOVER, now);
	c->ops->timer(c->arg, backoff(c->tries++));
}

static void begin(struct dhcpc *c, int64_t now)
{
	c->tries = 0;
	c->start = now;
	c->xid++;
	select_one(c, now);
}

static void from_nothing(struct dhcpc *c, int64_t now)
{
	if (c->has_lease)
		lose(c);
	memset(&c->lease, 0, sizeof(c->lease));
	begin(c, now);
}

void dhcpc_start(struct dhcpc *c, const uint8_t mac[6], uint32_t xid, int64_t now)
{
	memcpy(c->mac, mac, 6);
	c->xid = xid;
	from_nothing(c, now);
}

void dhcpc_again(struct dhcpc *c, uint32_t xid, int64_t now)
{
	c->xid = xid;
	if (c->lease.address == 0 || now >= c->end) {
		from_nothing(c, now);
		return;
	}
	c->start = now;
	c->tries = 0;
	c->state = DHCPC_REBOOTING;
	ask(c, DHCP_REQUEST, now);
	c->ops->timer(c->arg, backoff(c->tries++));
}

void dhcpc_stop(struct dhcpc *c)
{
	c->state = DHCPC_STOPPED;
}

/* Half of what is left, but not too often. */
static void renew(struct dhcpc *c, enum dhcpc_state state, int64_t until, int64_t now)
{
	int64_t half = (until - now) / 2;

	c->state = state;
	ask(c, DHCP_REQUEST, now);
	c->ops->timer(c->arg, half > RENEW_MS ? half : until - now);
}

void dhcpc_timer(struct dhcpc *c, int64_t now)
{
	switch (c->state) {
	case DHCPC_STOPPED:
		return;
	case DHCPC_SELECTING:
		select_one(c, now);
		return;
	case DHCPC_REQUESTING:
	case DHCPC_REBOOTING:
		if (c->tries >=
		    (c->state == DHCPC_REBOOTING ? REBOOT_TRIES : REQUEST_TRIES)) {
			/* A server that does not answer has not taken it back, either: if
			 * there is one it holds on, until another one is offered. */
			begin(c, now);
			return;
		}
		ask(c, DHCP_REQUEST, now);
		c->ops->timer(c->arg, backoff(c->tries++));
		return;
	case DHCPC_BOUND:
	case DHCPC_RENEWING:
	case DHCPC_REBINDING:
		if (now >= c->end)
			from_nothing(c, now);
		else if (now >= c->t2)
			renew(c, DHCPC_REBINDING, c->end, now);
		else
			renew(c, DHCPC_RENEWING, c->t2, now);
		return;
	}
}

/* Somebody that we can send to; ourselves would be a loop. */
static bool is_other(uint32_t address, uint32_t own)
{
	uint32_t first = address >> 24;

	return first != 0 && first != 127 && first < 224 && address != own;
}

/* An address that a host can have, in a network that is no larger than there are. */
static bool is_usable(uint32_t address, uint32_t mask)
{
	uint32_t host = address & ~mask;

	if (!is_other(address, 0))
		return false;
	if ((~mask & (~mask + 1)) != 0 || mask < MASK_MIN)
		return false;
	return mask >= UINT32_C(0xfffffffe) || (host != 0 && host != ~mask);
}

static bool from_msg(const struct dhcp_msg *m, struct dhcpc_lease *l)
{
	memset(l, 0, sizeof(*l));
	l->address = m->yiaddr;
	l->mask = m->mask != 0 ? m->mask : UINT32_C(0xffffff00);
	if (!is_usable(l->address, l->mask) || m->server == 0)
		return false;
	for (unsigned i = 0; i < m->n_routes; i++)
		if (is_other(m->route[i].router, l->address) || m->route[i].router == 0)
			l->route[l->n_routes++] = m->route[i];
	if (m->n_routes == 0 && is_other(m->router, l->address))
		l->route[l->n_routes++] = (struct dhcp_route){.router = m->router};
	l->server = m->server;
	for (unsigned i = 0; i < m->n_dns; i++)
		if (is_other(m->dns[i], l->address))
			l->dns[l->n_dns++] = m->dns[i];
	memcpy(l->domain, m->domain, sizeof(l->domain));
	l->lease_s = m->lease_s != 0 ? m->lease_s : LEASE_DEFAULT_S;
	if (l->lease_s < LEASE_MIN_S)
		l->lease_s = LEASE_MIN_S;
	return true;
}

static void set_times(struct dhcpc *c, const struct dhcp_msg *m, int64_t now)
{
	int64_t lease = c->lease.lease_s, t1 = m->t1_s, t2 = m->t2_s;

	if (t2 < 30 || t2 >= lease)
		t2 = lease * 7 / 8;
	if (t1 < 15 || t1 >= t2)
		t1 = lease / 2 < t2 ? lease / 2 : t2 / 2;
	c->t1 = now + t1 * 1000;
	c->t2 = now + t2 * 1000;
	c->end = now + lease * 1000;
	c->ops->timer(c->arg, t1 * 1000);
}

static void bind_lease(
    struct dhcpc *c, const struct dhcp_msg *m, const struct dhcpc_lease *l, int64_t now)
{
	bool same = c->has_lease && memcmp(l, &c->lease, sizeof(*l)) == 0;

	c->lease = *l;
	c->state = DHCPC_BOUND;
	c->tries = 0;
	set_times(c, m, now);
	c->has_lease = true;
	if (!same)
		c->ops->lease(c->arg, &c->lease);
}

static void take_answer(
    struct dhcpc *c, const struct dhcp_msg *m, const struct dhcpc_lease *l, int64_t now)
{
	switch (c->state) {
	case DHCPC_STOPPED:
	case DHCPC_BOUND:
		return;
	case DHCPC_SELECTING:
		if (m->type != DHCP_OFFER)
			return;
		c->offer = *l;
		c->state = DHCPC_REQUESTING;
		c->tries = 0;
		ask(c, DHCP_REQUEST, now);
		c->ops->timer(c->arg, backoff(++c->tries));
		return;
	case DHCPC_REQUESTING:
		if (m->type == DHCP_ACK && m->server == c->offer.server)
			bind_lease(c, m, l, now);
		return;
	case DHCPC_REBOOTING:
	case DHCPC_RENEWING:
	case DHCPC_REBINDING:
		if (m->type == DHCP_ACK && l->address == c->lease.address)
			bind_lease(c, m, l, now);
		return;
	}
}

void dhcpc_take(struct dhcpc *c, const struct dhcp_msg *m, int64_t now)
{
	struct dhcpc_lease l;

	if (m->op != DHCP_REPLY_OP || m->xid != c->xid || memcmp(m->mac, c->mac, 6) != 0)
		return;
	if (m->type == DHCP_NAK) {
		/* Of a server that we did not ask it may be about another lease. */
		if (c->state == DHCPC_REBOOTING || c->state == DHCPC_REBINDING ||
		    (c->state == DHCPC_RENEWING && m->server == c->lease.server) ||
		    (c->state == DHCPC_REQUESTING && m->server == c->offer.server))
			from_nothing(c, now);
		return;
	}
	if (from_msg(m, &l))
		take_answer(c, m, &l, now);
}
