/*
 * nat: the guest is a router. On the uplink it is a station with an address from DHCP
 * (and IPv6's from router advertisements); the hosts behind have a subnet of their own,
 * which it gives out. doc/nat.md says why it is built so.
 *
 * Theory of operation.
 *
 *  1. install: first the rules, which pass nothing yet, then forwarding is turned on.
 *  2. When the radio joins a network, DHCP asks for the lease that we had there, or for
 *     one. The path waits until there is one: the host sees no carrier before. A network
 *     without DHCP but with router advertisements is waited for a little longer.
 *  3. With the lease the hosts' subnet is checked against what the uplink uses. If it
 *     clashes it is moved: the carrier goes for a moment, so that the host asks anew.
 *  4. A lease of a host that ports are forwarded to changes the rules.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "knob.h"
#include "log.h"
#include "nat/addr.h"
#include "nat/reflect.h"
#include "nat/relay.h"
#include "nat/rules.h"
#include "nat/serve.h"
#include "nat/subnet.h"
#include "nat/uplink.h"
#include "path.h"

#define USED_MAX (2 + 2 * DHCP_ROUTES_MAX + DHCP_DNS_MAX)
#define ONLY_IPV6_MS 6000
#define NO_ANSWER_MS 15000
/* Long enough for the host's kernel to tell of it. */
#define FLAP_MS 1500
#define IPV6_OFF "/proc/sys/net/ipv6/conf/%s/disable_ipv6"

struct nat {
	struct path *p;
	struct uplink uplink;
	struct serve serve;
	struct relay relay;
	struct reflect reflect;
	struct dhcpc_lease lease; /* address 0: none */
	uint32_t subnet;          /* on the hosts' interface; 0: none yet */
	uint32_t wish;            /* the settings' that was looked at for it */
	uint32_t forward_to;
	uint8_t ssid[SSID_MAX]; /* of the network that was joined last */
	size_t ssid_len;
	bool joined;
	struct event *late, *flap, *silent;
};

static const char *const modules[] = {"crc32c_generic", "nf_tables", "nf_conntrack",
    "nf_nat", "nft_ct", "nft_nat", "nft_masq", "nft_chain_nat", "nf_flow_table",
    "nf_flow_table_inet", "nft_flow_offload", NULL};

static void tell(struct nat *n, bool waits)
{
	struct path *p = n->p;
	char air[INET_ADDRSTRLEN], hosts[INET_ADDRSTRLEN];
	struct in_addr a = {htonl(n->lease.address)}, s = {htonl(n->subnet)};

	inet_ntop(AF_INET, &a, air, sizeof(air));
	inet_ntop(AF_INET, &s, hosts, sizeof(hosts));
	if (waits)
		snprintf(p->why, sizeof(p->why), "no address on the WLAN yet");
	else
		snprintf(p->why, sizeof(p->why), "%s on the WLAN, hosts in %s/24%s",
		    n->lease.address != 0 ? air : "no IPv4", hosts,
		    ra_any(&n->relay.ra, clock_ms()) ? ", IPv6 relayed" : "");
	p->waits = waits;
	p->changed(p->arg);
}

static int set_rules(struct nat *n, struct err *e)
{
	const struct path *p = n->p;
	const struct settings *s = p->settings;
	const struct dhcpc_lease *l = &n->lease;
	struct rules r = {.host_index = p->host_index,
	    .air_index = p->air_index,
	    .host_if = p->host_if,
	    .air_if = p->air_if,
	    .uplink = l->address,
	    .forward_to = n->forward_to,
	    .forward = s->forward,
	    .n_forward = s->n_forward};

	if (n->subnet != 0) {
		r.gateway = n->subnet | LEASES_GATEWAY;
		r.dns2 = n->subnet | LEASES_DNS2;
	}
	if (l->n_dns > 0) {
		r.dns[0] = l->dns[0];
		r.dns[1] = l->dns[l->n_dns > 1 ? 1 : 0];
	}
	return rules_set(&r, e);
}

static void renew_rules(struct nat *n)
{
	struct err e = ERR_INIT;

	if (set_rules(n, &e) < 0)
		n->p->complain(n->p->arg, e.msg);
}

static void on_hosts_changed(void *arg)
{
	struct nat *n = arg;
	uint32_t to = leases_host(&n->serve.leases, clock_ms());

	if (to == n->forward_to || to == 0)
		return;
	n->forward_to = to;
	if (n->p->settings->n_forward > 0)
		renew_rules(n);
}

/* What the uplink uses, as far as its lease says. */
static size_t used_by(const struct dhcpc_lease *l, struct subnet_used *used)
{
	size_t n = 0;

	if (l->address == 0)
		return 0;
	used[n++] = (struct subnet_used){l->address, l->mask};
	used[n++] = (struct subnet_used){l->server, UINT32_MAX};
	for (unsigned i = 0; i < l->n_routes; i++) {
		const struct dhcp_route *r = &l->route[i];

		/* The way to everywhere is the hosts', too. */
		if (r->mask != 0)
			used[n++] = (struct subnet_used){r->to, r->mask};
		if (r->router != 0)
			used[n++] = (struct subnet_used){r->router, UINT32_MAX};
	}
	for (unsigned i = 0; i < l->n_dns; i++)
		used[n++] = (struct subnet_used){l->dns[i], UINT32_MAX};
	return n;
}

static int put_subnet(struct nat *n, uint32_t subnet, bool add, struct err *e)
{
	const struct path *p = n->p;

	if (addr_set(p->sk, add, p->host_index, subnet | LEASES_GATEWAY, SUBNET_MASK, e) <
		0 ||
	    addr_set(p->sk, add, p->host_index, subnet | LEASES_DNS2, SUBNET_MASK, e) < 0)
		return err_prefix(e, "%s", p->host_if);
	return 0;
}

/* 1: moved from another one, 0: it is as it was, or the first. */
static int check_subnet(struct nat *n, struct err *e)
{
	struct subnet_used used[USED_MAX];
	uint32_t before = n->subnet, wish = n->p->settings->subnet;
	/* Another wish than before is heard, else it stays as it is. */
	uint32_t subnet = subnet_choose(
	    wish == n->wish ? before : 0, wish, used, used_by(&n->lease, used));
	struct in_addr a = {htonl(subnet)};
	char text[INET_ADDRSTRLEN];

	n->wish = wish;
	if (subnet == 0)
		return err_set(
		    e, ERR_FAILED, "every subnet for the hosts clashes with the WLAN's");
	if (subnet == before)
		return 0;
	if (before != 0)
		put_subnet(n, before, false, NULL);
	n->forward_to = 0;
	leases_init(&n->serve.leases, subnet);
	n->subnet = subnet;
	inet_ntop(AF_INET, &a, text, sizeof(text));
	log_info(
	    "nat: hosts in %s/24%s", text, before != 0 ? ", not where they were" : "");
	return put_subnet(n, subnet, true, e) < 0 ? -1 : before != 0;
}

/* The hosts go on, or begin. */
static void open_path(struct nat *n)
{
	static const struct timeval flap = {FLAP_MS / 1000, FLAP_MS % 1000 * 1000};
	struct path *p = n->p;
	struct err e = ERR_INIT;
	int moved;

	evtimer_del(n->late);
	evtimer_del(n->silent);
	memcpy(n->serve.leases.domain, n->lease.domain, sizeof(n->lease.domain));
	moved = check_subnet(n, &e);
	if (moved < 0 || set_rules(n, &e) < 0) {
		p->complain(p->arg, e.msg);
		return;
	}
	/* Also where the path waited for a moment only: nobody may have noticed. */
	if (moved > 0) {
		tell(n, true);
		evtimer_add(n->flap, &flap);
	} else if (!evtimer_pending(n->flap, NULL)) {
		tell(n, false);
		relay_announce(&n->relay);
	}
}

static void on_flap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg, false);
	relay_announce(&((struct nat *)arg)->relay);
}

/* One that the kernel does not take is not worth the others. */
static void put_routes(const struct path *p, const struct dhcpc_lease *l, bool add)
{
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < l->n_routes; i++) {
		const struct addr_route r = {
		    l->route[i].to, l->route[i].mask, l->route[i].router};

		if (addr_route(p->sk, add, p->air_index, &r, &e) < 0 && add)
			log_warn("nat: %s", e.msg);
	}
}

static void take_lease_away(struct nat *n)
{
	const struct path *p = n->p;

	if (n->lease.address == 0)
		return;
	put_routes(p, &n->lease, false);
	addr_set(p->sk, false, p->air_index, n->lease.address, n->lease.mask, NULL);
	memset(&n->lease, 0, sizeof(n->lease));
}

static int put_lease(struct nat *n, const struct dhcpc_lease *l, struct err *e)
{
	const struct path *p = n->p;

	if (n->lease.address != l->address || n->lease.mask != l->mask)
		take_lease_away(n);
	else
		put_routes(p, &n->lease, false);
	n->lease = *l;
	if (addr_set(p->sk, true, p->air_index, l->address, l->mask, e) < 0)
		return err_prefix(e, "%s", p->air_if);
	put_routes(p, l, true);
	return 0;
}

/* There may be no DHCP. */
static void wait_for_ipv6(struct nat *n)
{
	static const struct timeval late = {
	    ONLY_IPV6_MS / 1000, ONLY_IPV6_MS % 1000 * 1000};

	evtimer_add(n->late, &late);
}

static void on_lease(void *arg, const struct dhcpc_lease *l)
{
	struct nat *n = arg;
	struct err e = ERR_INIT;

	if (l == NULL) {
		take_lease_away(n);
		evtimer_del(n->flap);
		renew_rules(n);
		tell(n, true);
		wait_for_ipv6(n);
		return;
	}
	if (put_lease(n, l, &e) < 0)
		n->p->complain(n->p->arg, e.msg);
	else
		open_path(n);
}

/* IPv6 came, or went. */
static void on_relay_changed(void *arg)
{
	struct nat *n = arg;

	if (!n->p->waits)
		tell(n, false);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct nat *n = arg;

	(void)fd;
	(void)what;
	if (n->joined && n->p->waits && ra_any(&n->relay.ra, clock_ms()))
		open_path(n);
}

static void on_silent(evutil_socket_t fd, short what, void *arg)
{
	struct nat *n = arg;

	(void)fd;
	(void)what;
	n->p->complain(n->p->arg, "mode nat: no DHCP server answers in this network");
}

/* The kernel asks for routers as IPv6 comes up, and what it had of others is gone. */
static void renew_ipv6(struct nat *n)
{
	relay_forget(&n->relay);
	knob_set(false, 1, IPV6_OFF, n->p->air_if);
	knob_set(false, 0, IPV6_OFF, n->p->air_if);
}

static void nat_state(struct path *p)
{
	static const struct timeval silent = {NO_ANSWER_MS / 1000, 0};
	const struct wlan_state *s = p->wlan_state;
	bool up = s->phase == WLAN_ASSOCIATED;
	struct nat *n = p->state;
	bool same;

	same = s->ssid_len == n->ssid_len && memcmp(s->ssid, n->ssid, s->ssid_len) == 0;
	/* Between access points of one network nothing changes. */
	if (up == n->joined && (!up || same))
		return;
	n->joined = up;
	if (!up) {
		/* Addresses stay: it may be back in a moment. */
		uplink_left(&n->uplink);
		evtimer_del(n->late);
		evtimer_del(n->silent);
		return;
	}
	memcpy(n->ssid, s->ssid, s->ssid_len);
	n->ssid_len = s->ssid_len;
	if (!same)
		renew_ipv6(n);
	uplink_joined(&n->uplink, same);
	if (!p->waits)
		return;
	wait_for_ipv6(n);
	evtimer_add(n->silent, &silent);
}

static void take_settings(struct nat *n)
{
	const struct settings *s = n->p->settings;
	struct leases *l = &n->serve.leases;

	l->has_host = s->has_host_mac;
	memcpy(l->host_mac, s->host_mac, 6);
	l->mtu = (uint16_t)(s->mtu != 1500 ? s->mtu : 0);
}

static void nat_configure(struct path *p)
{
	struct nat *n = p->state;

	take_settings(n);
	if (p->waits)
		renew_rules(n);
	else
		open_path(n);
}

struct knob {
	const char *family;
	const char *where; /* "h": the hosts' interface, "a": the radio's */
	const char *name;
	int on, off;
};

/*
 * In this order, and back in the other one. accept_ra 2: though we are a router we are
 * also a host on the uplink. arp_ignore, rp_filter: nobody on the uplink shall hear
 * of the hosts' subnet, or pretend to be in it. The hosts' interface has no other router
 * on it, whose address could be a duplicate, so that it can be used at once.
 */
static const struct knob knobs[] = {
    {"ipv4", "all", "arp_ignore", 1, 0},
    {"ipv4", "all", "arp_announce", 2, 0},
    {"ipv4", "all", "rp_filter", 1, 0},
    {"ipv4", "all", "send_redirects", 0, 1},
    {"ipv4", "h", "send_redirects", 0, 1},
    {"ipv4", "a", "send_redirects", 0, 1},
    {"ipv4", "a", "accept_redirects", 0, 1},
    {"ipv6", "a", "accept_ra", 2, 1},
    {"ipv6", "a", "accept_redirects", 0, 1},
    {"ipv6", "a", "router_solicitation_delay", 0, 1},
    {"ipv6", "a", "proxy_ndp", 1, 0},
    {"ipv6", "h", "accept_ra", 0, 1},
    {"ipv6", "h", "dad_transmits", 0, 1},
    {"ipv4", "all", "forwarding", 1, 0},
    {"ipv6", "all", "forwarding", 1, 0},
    {"ipv6", "h", "disable_ipv6", 0, 1},
    {"ipv6", "a", "disable_ipv6", 0, 1},
};

static void set_knob(const struct path *p, const struct knob *k, bool on)
{
	const char *where = strcmp(k->where, "h") == 0   ? p->host_if
			    : strcmp(k->where, "a") == 0 ? p->air_if
							 : k->where;

	/* A radio that is gone took its own with it. */
	if (where != k->where && if_nametoindex(where) == 0)
		return;
	knob_set(false, on ? k->on : k->off, "/proc/sys/net/%s/conf/%s/%s", k->family,
	    where, k->name);
}

static int make_timers(struct nat *n, struct event_base *base, struct err *e)
{
	n->late = evtimer_new(base, on_late, n);
	n->flap = evtimer_new(base, on_flap, n);
	n->silent = evtimer_new(base, on_silent, n);
	if (n->late == NULL || n->flap == NULL || n->silent == NULL)
		return err_sys(e, ENOMEM, "timers");
	return 0;
}

static int open_sides(struct nat *n, struct err *e)
{
	struct path *p = n->p;
	uint8_t mac[6];

	if (rtnl_read_mac(p->air_if, mac, e) < 0 ||
	    uplink_open(
		&n->uplink, p->base, p->air_index, p->air_if, mac, on_lease, n, e) < 0 ||
	    serve_open(&n->serve, p->base, p->host_if, on_hosts_changed, n, e) < 0 ||
	    relay_open(&n->relay, p->base, p->sk, p->host_if, p->air_if, on_relay_changed,
		n, e) < 0)
		return -1;
	return reflect_open(&n->reflect, p->base, p->host_if, p->air_if, e);
}

static int nat_install(struct path *p, struct err *e)
{
	struct nat *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_sys(e, ENOMEM, "nat");
	p->state = n;
	n->p = p;
	p->waits = true;
	take_settings(n);
	if (set_rules(n, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(knobs); i++)
		set_knob(p, &knobs[i], true);
	if (rtnl_link_flags(p->sk, p->host_index, IFF_UP, IFF_UP, e) < 0)
		return err_prefix(e, "%s", p->host_if);
	if (rtnl_link_flags(p->sk, p->air_index, IFF_UP, IFF_UP, e) < 0)
		return err_prefix(e, "%s", p->air_if);
	if (make_timers(n, p->base, e) < 0 || open_sides(n, e) < 0)
		return -1;
	/* It may be associated since before. */
	nat_state(p);
	return 0;
}

static void nat_remove(struct path *p)
{
	struct nat *n = p->state;
	struct err e = ERR_INIT;

	p->waits = false;
	p->why[0] = '\0';
	if (n == NULL)
		return;

	struct event *const timers[] = {n->late, n->flap, n->silent};

	reflect_close(&n->reflect);
	relay_close(&n->relay);
	serve_close(&n->serve);
	uplink_close(&n->uplink);
	take_lease_away(n);
	if (n->subnet != 0)
		put_subnet(n, n->subnet, false, NULL);
	for (size_t i = ARRAY_LEN(knobs); i-- > 0;)
		set_knob(p, &knobs[i], false);
	if (rules_clear(&e) < 0)
		log_warn("data path nat: %s", e.msg);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++)
		if (timers[i] != NULL)
			event_free(timers[i]);
	free(n);
	p->state = NULL;
}

const struct path_ops path_nat = {"nat", modules, nat_install, nat_remove,
    .state = nat_state, .configure = nat_configure};
