/* Mode nat's own part: both sides of DHCP, router advertisements, mDNS, subnets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "nat/be.h"
#include "nat/dhcp.h"
#include "nat/dhcpc.h"
#include "nat/leases.h"
#include "nat/mdns.h"
#include "nat/ra.h"
#include "nat/subnet.h"
#include "settings.h"

#define NET UINT32_C(0xc0a8d700)    /* 192.168.215.0 */
#define UPLINK UINT32_C(0xc0000232) /* 192.0.2.50 */
#define ROUTER UINT32_C(0xc0000201) /* 192.0.2.1 */
#define MASK24 UINT32_C(0xffffff00)
#define MINUTE 60000

static const uint8_t host[6] = {2, 0, 0, 0, 0, 1}, other[6] = {2, 0, 0, 0, 0, 2};

static void a_message_is_read_as_it_was_written(void **state)
{
	struct dhcp_msg m = {.op = DHCP_REPLY_OP,
	    .type = DHCP_ACK,
	    .xid = 0x12345678,
	    .broadcast = true,
	    .secs = 7,
	    .ciaddr = 1,
	    .yiaddr = UPLINK,
	    .requested = UPLINK,
	    .server = ROUTER,
	    .mask = MASK24,
	    .router = ROUTER,
	    .dns = {ROUTER, ROUTER + 1, ROUTER + 2},
	    .n_dns = 3,
	    .route = {{0, 0, ROUTER}, {0x0a000000, 0xff000000, 0},
		{0xac100000, 0xfffe0000, ROUTER}, {ROUTER, UINT32_MAX, ROUTER}},
	    .n_routes = 4,
	    .lease_s = 3600,
	    .t1_s = 1800,
	    .t2_s = 3150,
	    .mtu = 1400,
	    .id = {1, 2, 3},
	    .id_len = 3};
	uint8_t data[DHCP_MAX];
	struct dhcp_msg r;
	size_t len;

	(void)state;
	memcpy(m.mac, host, 6);
	memset(m.domain, 'd', sizeof(m.domain) - 1);
	len = dhcp_build(&m, data);
	assert_in_range(len, 300, DHCP_MAX);
	assert_true(dhcp_parse(data, len, &r));
	assert_memory_equal(&m, &r, sizeof(m));
	/* Cut off anywhere it is none, or has fewer options. */
	for (size_t n = 0; n < len; n++)
		(void)dhcp_parse(data, n, &r);
	data[1] = 6;
	assert_false(dhcp_parse(data, len, &r));
}

static size_t with_options(uint8_t *data, const uint8_t *options, size_t len)
{
	memset(data, 0, DHCP_MAX);
	data[0] = DHCP_REPLY_OP;
	data[1] = 1;
	data[2] = 6;
	be32_put(data + 236, 0x63825363);
	memcpy(data + 240, options, len);
	return 240 + len;
}

static void hostile_options_do_no_harm(void **state)
{
	static const uint8_t too_long[] = {53, 1, 5, 6, 200, 1, 2, 3, 4};
	static const uint8_t no_length[] = {53, 1, 5, 3};
	static const uint8_t no_type[] = {1, 4, 255, 255, 255, 0, 255};
	static const uint8_t odd[] = {53, 1, 5, 1, 3, 1, 2, 3, 6, 7, 9, 9, 9, 9, 1, 2, 3,
	    15, 4, 'a', 0x1b, '[', 'm', 255};
	static const uint8_t named[] = {53, 1, 5, 15, 5, 'l', 'a', 'n', 0, 0, 255};
	uint8_t data[DHCP_MAX], over[] = {52, 1, 3, 255};
	struct dhcp_msg m;

	(void)state;
	assert_false(
	    dhcp_parse(data, with_options(data, too_long, sizeof(too_long)), &m));
	assert_false(
	    dhcp_parse(data, with_options(data, no_length, sizeof(no_length)), &m));
	assert_false(dhcp_parse(data, with_options(data, no_type, sizeof(no_type)), &m));
	assert_true(dhcp_parse(data, with_options(data, odd, sizeof(odd)), &m));
	assert_int_equal(m.mask, 0);
	assert_int_equal(m.n_dns, 1);
	assert_string_equal(m.domain, "");
	assert_true(dhcp_parse(data, with_options(data, named, sizeof(named)), &m));
	assert_string_equal(m.domain, "lan");
	/* The two other fields hold options, too; one of them points to them again. */
	with_options(data, over, sizeof(over));
	memcpy(data + 108, "\065\001\005\064\001\003\377", 7);
	memcpy(data + 44, "\001\004\377\377\377\000\377", 7);
	assert_true(dhcp_parse(data, 240 + sizeof(over), &m));
	assert_int_equal(m.mask, MASK24);
}

static void packets_are_unwrapped(void **state)
{
	uint8_t packet[DHCP_HEADERS + 300] = {0};
	size_t len = dhcp_wrap(packet, 300), got;
	uint32_t sum = 0;

	(void)state;
	assert_int_equal(len, sizeof(packet));
	for (size_t i = 0; i < 20; i += 2)
		sum += be16_get(packet + i);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	/* It is to a server; what we take is to a client. */
	assert_null(dhcp_unwrap(packet, len, &got));
	be16_put(packet + 20, 67);
	be16_put(packet + 22, 68);
	assert_ptr_equal(dhcp_unwrap(packet, len, &got), packet + 28);
	assert_int_equal(got, 300);
	assert_null(dhcp_unwrap(packet, len - 1, &got));
	be16_put(packet + 24, 309);
	assert_null(dhcp_unwrap(packet, len, &got));
	be16_put(packet + 24, 7);
	assert_null(dhcp_unwrap(packet, len, &got));
	be16_put(packet + 24, 308);
	be16_put(packet + 6, 0x2000);
	assert_null(dhcp_unwrap(packet, len, &got));
	be16_put(packet + 6, 0);
	packet[0] = 0x44;
	assert_null(dhcp_unwrap(packet, len, &got));
	packet[0] = 0x4f;
	be16_put(packet + 2, 60);
	assert_null(dhcp_unwrap(packet, len, &got));
}

/* What the client did last. */
static struct {
	struct dhcp_msg sent;
	uint32_t to;
	unsigned n_sent, n_leases;
	int64_t timer;
	bool bound;
	struct dhcpc_lease lease;
} did;

static void on_send(void *arg, const struct dhcp_msg *m, uint32_t to)
{
	(void)arg;
	did.sent = *m;
	did.to = to;
	did.n_sent++;
}

static void on_timer(void *arg, int64_t ms)
{
	(void)arg;
	did.timer = ms;
}

static void on_lease(void *arg, const struct dhcpc_lease *l)
{
	(void)arg;
	did.bound = l != NULL;
	did.n_leases++;
	if (l != NULL)
		did.lease = *l;
}

static const struct dhcpc_ops client_ops = {on_send, on_timer, on_lease};

static struct dhcp_msg reply(const struct dhcpc *c, enum dhcp_type type)
{
	struct dhcp_msg m = {.op = DHCP_REPLY_OP,
	    .type = type,
	    .xid = c->xid,
	    .yiaddr = UPLINK,
	    .server = ROUTER,
	    .mask = MASK24,
	    .router = ROUTER,
	    .dns = {ROUTER},
	    .n_dns = 1,
	    .lease_s = 3600};

	memcpy(m.mac, c->mac, 6);
	return m;
}

static void get_lease(struct dhcpc *c)
{
	struct dhcp_msg m;

	memset(&did, 0, sizeof(did));
	dhcpc_init(c, &client_ops, NULL);
	dhcpc_start(c, host, 99, 0);
	assert_int_equal(did.sent.type, DHCP_DISCOVER);
	m = reply(c, DHCP_OFFER);
	dhcpc_take(c, &m, 10);
	assert_int_equal(did.sent.type, DHCP_REQUEST);
	assert_int_equal(did.sent.requested, UPLINK);
	assert_int_equal(did.sent.server, ROUTER);
	assert_int_equal(did.to, 0);
	m = reply(c, DHCP_ACK);
	dhcpc_take(c, &m, 20);
	assert_int_equal(c->state, DHCPC_BOUND);
	assert_true(did.bound);
	assert_int_equal(did.lease.address, UPLINK);
	assert_int_equal(did.timer, 1800 * 1000);
}

static void a_lease_is_renewed_until_its_end(void **state)
{
	struct dhcp_msg m;
	struct dhcpc c;

	(void)state;
	get_lease(&c);
	dhcpc_timer(&c, 1800 * 1000 + 20);
	assert_int_equal(c.state, DHCPC_RENEWING);
	assert_int_equal(did.to, ROUTER);
	assert_int_equal(did.sent.ciaddr, UPLINK);
	assert_int_equal(did.sent.requested, 0);
	assert_int_equal(did.sent.server, 0);
	m = reply(&c, DHCP_ACK);
	dhcpc_take(&c, &m, 1801 * 1000);
	assert_int_equal(c.state, DHCPC_BOUND);
	assert_int_equal(did.n_leases, 1); /* the same: nobody needs to hear of it */
	dhcpc_timer(&c, 1801 * 1000 + 3150 * 1000);
	assert_int_equal(c.state, DHCPC_REBINDING);
	assert_int_equal(did.to, 0);
	assert_int_equal(did.sent.ciaddr, UPLINK);
	dhcpc_timer(&c, 1801 * 1000 + 3600 * 1000);
	assert_int_equal(c.state, DHCPC_SELECTING);
	assert_false(did.bound);
	assert_int_equal(did.n_leases, 2);
}

static void the_same_network_gives_the_same_lease(void **state)
{
	struct dhcp_msg m;
	struct dhcpc c;

	(void)state;
	get_lease(&c);
	dhcpc_stop(&c);
	dhcpc_again(&c, 100, MINUTE);
	assert_int_equal(c.state, DHCPC_REBOOTING);
	assert_int_equal(did.sent.requested, UPLINK);
	assert_int_equal(did.sent.server, 0);
	m = reply(&c, DHCP_ACK);
	dhcpc_take(&c, &m, MINUTE);
	assert_int_equal(c.state, DHCPC_BOUND);
	assert_int_equal(did.n_leases, 1);
	/* It is somebody else's by now. */
	dhcpc_again(&c, 101, 2 * MINUTE);
	m = reply(&c, DHCP_NAK);
	dhcpc_take(&c, &m, 2 * MINUTE);
	assert_int_equal(c.state, DHCPC_SELECTING);
	assert_false(did.bound);
	/* Nobody answers for it: from nothing. */
	get_lease(&c);
	dhcpc_again(&c, 102, MINUTE);
	dhcpc_timer(&c, MINUTE + 500);
	assert_int_equal(c.state, DHCPC_REBOOTING);
	dhcpc_timer(&c, MINUTE + 1500);
	assert_int_equal(c.state, DHCPC_SELECTING);
	assert_int_equal(did.sent.type, DHCP_DISCOVER);
	/* But nobody has taken it back. */
	assert_true(did.bound);
	dhcpc_timer(&c, 3600 * 1000 + 20);
	assert_false(did.bound);
}

static void routes_come_before_the_router(void **state)
{
	static const uint8_t cut[] = {53, 1, 5, 121, 6, 24, 10, 0, 0, 1, 1, 255};
	static const uint8_t wide[] = {
	    53, 1, 5, 121, 9, 33, 10, 0, 0, 0, 1, 1, 1, 1, 255};
	static const uint8_t one[] = {53, 1, 5, 121, 8, 24, 10, 9, 8, 192, 0, 2, 1, 255};
	uint8_t data[DHCP_MAX];
	struct dhcp_msg m;
	struct dhcpc c;

	(void)state;
	assert_true(dhcp_parse(data, with_options(data, cut, sizeof(cut)), &m));
	assert_int_equal(m.n_routes, 0);
	assert_true(dhcp_parse(data, with_options(data, wide, sizeof(wide)), &m));
	assert_int_equal(m.n_routes, 0);
	assert_true(dhcp_parse(data, with_options(data, one, sizeof(one)), &m));
	assert_int_equal(m.n_routes, 1);
	assert_int_equal(m.route[0].to, 0x0a090800);
	assert_int_equal(m.route[0].mask, MASK24);
	get_lease(&c);
	assert_int_equal(did.lease.n_routes, 1);
	assert_int_equal(did.lease.route[0].mask, 0);
	assert_int_equal(did.lease.route[0].router, ROUTER);
	dhcpc_again(&c, 100, MINUTE);
	m = reply(&c, DHCP_ACK);
	m.route[0] = (struct dhcp_route){0x0a090800, MASK24, ROUTER + 1};
	m.route[1] = (struct dhcp_route){0x0a090900, MASK24, 0x7f000001};
	m.n_routes = 2;
	dhcpc_take(&c, &m, MINUTE);
	assert_int_equal(did.lease.n_routes, 1);
	assert_int_equal(did.lease.route[0].router, ROUTER + 1);
}

static void wrong_answers_are_not_taken(void **state)
{
	struct dhcp_msg m, good;
	struct dhcpc c;

	(void)state;
	memset(&did, 0, sizeof(did));
	dhcpc_init(&c, &client_ops, NULL);
	dhcpc_start(&c, host, 99, 0);
	good = reply(&c, DHCP_OFFER);
	const uint32_t addresses[] = {
	    0, 0x7f000001, 0xe0000001, 0xffffffff, 0xc0000200, 0xc00002ff};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		m = good;
		m.yiaddr = addresses[i];
		dhcpc_take(&c, &m, 0);
		assert_int_equal(c.state, DHCPC_SELECTING);
	}
	const uint32_t masks[] = {0xff00ff00, 0x80000000, 0xfe000000, 0x000000ff};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		m = good;
		m.mask = masks[i];
		dhcpc_take(&c, &m, 0);
		assert_int_equal(c.state, DHCPC_SELECTING);
	}
	m = good;
	m.xid++;
	dhcpc_take(&c, &m, 0);
	m = good;
	m.mac[5]++;
	dhcpc_take(&c, &m, 0);
	m = good;
	m.op = DHCP_REQUEST_OP;
	dhcpc_take(&c, &m, 0);
	m = good;
	m.type = DHCP_ACK;
	dhcpc_take(&c, &m, 0);
	assert_int_equal(c.state, DHCPC_SELECTING);
	/* It is asked again and again, but less and less often. */
	for (unsigned i = 0; i < 20; i++)
		dhcpc_timer(&c, i);
	assert_int_equal(did.timer, 32000);
	dhcpc_take(&c, &good, 0);
	assert_int_equal(c.state, DHCPC_REQUESTING);
	/* Another server's acknowledgement, and its refusal. */
	m = reply(&c, DHCP_ACK);
	m.server++;
	dhcpc_take(&c, &m, 0);
	m.type = DHCP_NAK;
	dhcpc_take(&c, &m, 0);
	assert_int_equal(c.state, DHCPC_REQUESTING);
	/* Servers and routers that can be none are left out. */
	m = reply(&c, DHCP_ACK);
	m.router = UPLINK;
	m.dns[0] = 0x7f000001;
	dhcpc_take(&c, &m, 0);
	assert_int_equal(c.state, DHCPC_BOUND);
	assert_int_equal(did.lease.n_routes, 0);
	assert_int_equal(did.lease.n_dns, 0);
}

static struct dhcp_msg request(enum dhcp_type type, const uint8_t mac[6], uint32_t wish)
{
	struct dhcp_msg m = {
	    .op = DHCP_REQUEST_OP, .type = type, .xid = 5, .requested = wish};

	memcpy(m.mac, mac, 6);
	return m;
}

static uint32_t lease(struct leases *l, const uint8_t mac[6], int64_t now)
{
	struct dhcp_msg in = request(DHCP_DISCOVER, mac, 0), out;
	uint32_t a;

	if (!leases_answer(l, &in, now, &out))
		return 0;
	assert_int_equal(out.type, DHCP_OFFER);
	a = out.yiaddr;
	in = request(DHCP_REQUEST, mac, a);
	in.server = out.server;
	assert_true(leases_answer(l, &in, now, &out));
	assert_int_equal(out.type, DHCP_ACK);
	assert_int_equal(out.yiaddr, a);
	assert_int_equal(out.router, NET | 1);
	assert_int_equal(out.n_dns, 2);
	assert_int_equal(out.mask, MASK24);
	return a;
}

static void hosts_keep_their_addresses(void **state)
{
	static struct leases l, again;
	uint32_t a, b;

	(void)state;
	leases_init(&l, NET);
	leases_init(&again, NET);
	memcpy(l.host_mac, host, 6);
	l.has_host = true;
	assert_int_equal(lease(&l, host, 1), NET | LEASES_HOST);
	a = lease(&l, other, 1);
	assert_in_range(a, NET | LEASES_FIRST, NET | LEASES_LAST);
	assert_int_equal(lease(&l, other, MINUTE), a);
	/* Though nothing was kept. */
	assert_int_equal(lease(&again, other, 1), a);
	assert_int_equal(leases_host(&again, 1), a);
	assert_int_equal(leases_host(&l, 1), NET | LEASES_HOST);
	/* Ours went: the next is who is left. */
	assert_int_equal(leases_host(&l, (LEASES_S + 30) * 1000), a);
	assert_int_equal(leases_host(&l, (LEASES_S + 61) * 1000), 0);
	b = lease(&again, host, 1);
	assert_int_not_equal(a, b);
}

static void all_addresses_are_given_once(void **state)
{
	static struct leases l;
	static bool taken[256];
	uint8_t mac[6] = {2, 9, 9, 9, 0, 0};
	uint32_t a;

	(void)state;
	leases_init(&l, NET);
	for (unsigned i = 0; i < LEASES_LAST - LEASES_FIRST + 1; i++) {
		mac[5] = (uint8_t)i;
		a = lease(&l, mac, 1);
		assert_int_equal(a & MASK24, NET);
		assert_false(taken[a & 255]);
		taken[a & 255] = true;
	}
	assert_int_equal(lease(&l, other, 1), 0);
	/* They are free again when nobody renewed them. */
	assert_int_not_equal(lease(&l, other, LEASES_S * 1000 + 2), 0);
}

static void what_can_not_be_had_is_refused(void **state)
{
	static struct leases l;
	struct dhcp_msg in, out;
	uint32_t a;

	(void)state;
	leases_init(&l, NET);
	a = lease(&l, other, 1);
	const uint32_t wishes[] = {a, NET, NET | 1, NET | 2, NET | 10, NET | 255, UPLINK};

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		in = request(DHCP_REQUEST, host, wishes[i]);
		assert_true(leases_answer(&l, &in, 1, &out));
		assert_int_equal(out.type, DHCP_NAK);
		assert_int_equal(out.yiaddr, 0);
	}
	/* To another server; by way of a relay; an answer; a group's address. */
	in = request(DHCP_REQUEST, host, NET | 20);
	in.server = ROUTER;
	assert_false(leases_answer(&l, &in, 1, &out));
	in = request(DHCP_DISCOVER, host, 0);
	in.giaddr = ROUTER;
	assert_false(leases_answer(&l, &in, 1, &out));
	in = request(DHCP_DISCOVER, host, 0);
	in.op = DHCP_REPLY_OP;
	assert_false(leases_answer(&l, &in, 1, &out));
	in = request(DHCP_DISCOVER, host, 0);
	in.mac[0] |= 1;
	assert_false(leases_answer(&l, &in, 1, &out));
	/* Somebody else's is not given up. */
	in = request(DHCP_RELEASE, host, 0);
	in.ciaddr = a;
	leases_answer(&l, &in, 1, &out);
	assert_int_equal(leases_host(&l, 2), a);
	/* One that is declined is not offered again. */
	in = request(DHCP_DECLINE, other, a);
	assert_false(leases_answer(&l, &in, 1, &out));
	assert_int_equal(leases_host(&l, 2), 0);
	assert_int_not_equal(lease(&l, other, 2), a);
}

static void subnets_do_not_clash(void **state)
{
	struct subnet_used used[] = {
	    {NET | 77, MASK24}, {0x0adb2d05, UINT32_MAX}, {0xac100001, 0xfff00000}};
	const struct subnet_used all[] = {
	    {0x0a000001, 0xff000000}, {0xac100001, 0xfff00000}, {0xc0a80001, 0xffff0000}};
	uint32_t first = subnet_choose(0, 0, NULL, 0), s;

	(void)state;
	assert_int_equal(first, NET);
	assert_int_equal(subnet_choose(0, 0x0a010200, NULL, 0), 0x0a010200);
	assert_int_equal(subnet_choose(first, 0x0a010200, NULL, 0), first);
	s = subnet_choose(first, 0, used, 3);
	assert_false(subnet_clashes(s, used, 3));
	assert_int_equal(s >> 16, 0xc0a8);
	assert_int_equal(subnet_choose(first, 0, all, 3), 0);
	/* A larger and a smaller network clash, too. */
	used[0] = (struct subnet_used){0xc0a80001, 0xffff0000};
	assert_true(subnet_clashes(first, used, 1));
	used[0] = (struct subnet_used){NET | 129, 0xffffff80};
	assert_true(subnet_clashes(first, used, 1));
}

static const uint8_t adv[] = {134, 0, 0, 0, 64, 0xc0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0,
    /* prefix */ 3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8,
    0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    /* RDNSS */ 25, 5, 0, 0, 0, 0, 4, 176, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    /* MTU */ 5, 1, 0, 0, 0, 0, 5, 0xdc};

static const struct in6_addr router6 = {.s6_addr = {0xfe, 0x80, [15] = 1}};
static const struct in6_addr inside = {
    .s6_addr = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 5, [15] = 9}};

static void prefixes_are_passed_on_off_link(void **state)
{
	struct in6_addr outside = inside;
	uint8_t out[RA_MAX];
	struct ra r = {0};
	size_t len;

	(void)state;
	assert_int_equal(ra_build(&r, host, 1, out), 0);
	assert_true(ra_take(&r, &router6, adv, sizeof(adv), 1000));
	/* Nothing new. */
	assert_false(ra_take(&r, &router6, adv, sizeof(adv), 1000));
	assert_true(ra_covers(&r, &inside, 1000));
	outside.s6_addr[7] = 1;
	assert_false(ra_covers(&r, &outside, 1000));
	assert_false(ra_covers(&r, &inside, 1000 + 3601 * 1000));
	len = ra_build(&r, host, 601 * 1000, out);
	assert_int_equal(len, 16 + 32 + 8 + 8 + 24);
	assert_int_equal(out[0], 134);
	assert_int_equal(out[5], 0); /* no DHCPv6 here */
	assert_int_equal(be16_get(out + 6), 1200);
	assert_int_equal(out[16], 3);
	assert_int_equal(out[19], 0x40); /* addresses of it, but not on the link */
	assert_int_equal(be32_get(out + 20), 3000);
	assert_int_equal(be32_get(out + 24), 1200);
	assert_int_equal(out[48], 1);
	assert_memory_equal(out + 50, host, 6);
	assert_int_equal(be32_get(out + 60), 1500);
	assert_int_equal(out[64], 25);
	assert_int_equal(out[65], 3); /* the link-local one is not */
	assert_int_equal(be32_get(out + 68), 600);
	ra_withdraw(&r);
	len = ra_build(&r, host, 601 * 1000, out);
	assert_int_equal(be16_get(out + 6), 0);
	assert_int_equal(be32_get(out + 20), 0);
	assert_int_equal(be32_get(out + 24), 0);
	assert_int_equal(len, 16 + 32 + 8 + 8);
}

static void hostile_advertisements_do_no_harm(void **state)
{
	uint8_t bad[sizeof(adv)], out[RA_MAX];
	struct ra r = {0};

	(void)state;
	for (size_t n = 0; n < sizeof(adv); n++)
		if (n != 16 && n != 48 && n != 88)
			assert_false(ra_take(&r, &router6, adv, n, 1000));
	memset(&r, 0, sizeof(r));
	assert_false(ra_take(&r, &inside, adv, sizeof(adv), 1000));
	memcpy(bad, adv, sizeof(adv));
	bad[17] = 0; /* an option of no length */
	assert_false(ra_take(&r, &router6, bad, sizeof(bad), 1000));
	/* More prefixes than there is room for: the first ones stay. */
	for (unsigned i = 0; i < 300; i++) {
		memcpy(bad, adv, sizeof(adv));
		bad[32 + 6] = (uint8_t)(i >> 8);
		bad[32 + 7] = (uint8_t)i;
		ra_take(&r, &router6, bad, sizeof(bad), 1000);
	}
	assert_true(ra_covers(&r, &inside, 1000));
	assert_in_range(ra_build(&r, host, 1000, out), 1, RA_MAX);
	/* Groups, link-local and longer prefixes are none; nor are those without A. */
	memset(&r, 0, sizeof(r));
	memcpy(bad, adv, sizeof(adv));
	bad[32] = 0xff;
	ra_take(&r, &router6, bad, sizeof(bad), 1000);
	bad[32] = 0xfe;
	bad[33] = 0x80;
	ra_take(&r, &router6, bad, sizeof(bad), 1000);
	memcpy(bad, adv, sizeof(adv));
	bad[18] = 80;
	ra_take(&r, &router6, bad, sizeof(bad), 1000);
	bad[18] = 64;
	bad[19] = 0x80;
	ra_take(&r, &router6, bad, sizeof(bad), 1000);
	assert_false(ra_any(&r, 1000));
}

static void neighbour_discovery_is_read(void **state)
{
	uint8_t packet[40 + ND_BUILD_MAX] = {0x60, 0, 0, 0, 0, 32, 58, 255};
	struct nd nd;

	(void)state;
	assert_int_equal(nd_build(ND_NS, &inside, host, packet + 40), 32);
	assert_true(nd_parse(packet, sizeof(packet), &nd));
	assert_int_equal(nd.type, ND_NS);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&nd.from));
	assert_memory_equal(&nd.target, &inside, 16);
	for (size_t n = 0; n < sizeof(packet); n++)
		assert_false(nd_parse(packet, n, &nd));
	packet[7] = 254; /* it has come from another link */
	assert_false(nd_parse(packet, sizeof(packet), &nd));
	packet[7] = 255;
	packet[48] = 0xff;
	assert_false(nd_parse(packet, sizeof(packet), &nd));
}

static void questions_are_asked_of_the_group(void **state)
{
	uint8_t q[] = {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 'l', 'a', 'n', 0, 0, 1,
	    0x80, 1, 0xc0, 12, 0, 28, 0x80, 1};
	uint8_t copy[sizeof(q)], a[sizeof(q)];

	(void)state;
	memcpy(copy, q, sizeof(q));
	memcpy(a, q, sizeof(q));
	mdns_ask_group(q, sizeof(q));
	assert_int_equal(q[19], 0);
	assert_int_equal(q[25], 0);
	q[19] = q[25] = 0x80;
	assert_memory_equal(q, copy, sizeof(q));
	/* An answer's class has another meaning there. */
	a[2] = 0x84;
	memcpy(copy, a, sizeof(a));
	mdns_ask_group(a, sizeof(a));
	assert_memory_equal(a, copy, sizeof(a));
	for (size_t n = 0; n < sizeof(q); n++)
		mdns_ask_group(q, n);
	q[4] = q[5] = 0xff;
	mdns_ask_group(q, sizeof(q));
}

static void nothing_goes_round(void **state)
{
	static struct mdns m;
	uint8_t p[2] = {0};

	(void)state;
	assert_true(mdns_passes(&m, 0, p, 2, 1000));
	/* It is back, by way of somebody else. */
	assert_false(mdns_passes(&m, 1, p, 2, 1010));
	/* But asked once more it is asked. */
	assert_true(mdns_passes(&m, 0, p, 2, 1500));
	assert_true(mdns_passes(&m, 1, p, 2, 9000));
	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < MDNS_PER_S; i++) {
		be16_put(p, i);
		assert_true(mdns_passes(&m, 0, p, 2, 5000));
	}
	be16_put(p, MDNS_PER_S);
	assert_false(mdns_passes(&m, 0, p, 2, 5999));
	assert_true(mdns_passes(&m, 0, p, 2, 6000));
}

static int read_settings(const char *text, struct settings *s)
{
	json_t *o = json_loads(text, 0, NULL);
	struct err e = ERR_INIT;
	int n;

	assert_non_null(o);
	n = settings_parse(o, s, &e);
	json_decref(o);
	return n;
}

static void the_host_says_what_is_forwarded(void **state)
{
	static const char *const wrong[] = {
	    "{\"forward\":[{\"protocol\":\"sctp\",\"port\":1,\"to\":1}]}",
	    "{\"forward\":[{\"protocol\":\"tcp\",\"port\":0,\"to\":1}]}",
	    "{\"forward\":[{\"protocol\":\"tcp\",\"port\":1,\"to\":65536}]}",
	    "{\"forward\":[7]}", "{\"subnet\":\"10.0.0\"}", "{\"host_mac\":\"x\"}",
	    "{\"host_mac\":\"01:00:00:00:00:01\"}"};
	char many[4096] = "{\"forward\":[";
	struct settings s, t;

	(void)state;
	assert_int_equal(
	    read_settings("{\"mode\":\"nat\",\"subnet\":\"10.9.8.0\",\"host_mac\":"
			  "\"02:00:00:00:00:01\",\"forward\":[{\"protocol\":\"udp\","
			  "\"port\":5000,\"to\":50}]}",
		&s),
	    0);
	assert_int_equal(s.subnet, 0x0a090800);
	assert_true(s.has_host_mac);
	assert_int_equal(s.n_forward, 1);
	assert_int_equal(s.forward[0].protocol, IPPROTO_UDP);
	assert_int_equal(s.forward[0].port, 5000);
	assert_int_equal(s.forward[0].to, 50);
	assert_int_equal(read_settings("{\"mode\":\"nat\"}", &t), 0);
	assert_false(settings_equal(&s, &t));
	assert_true(settings_equal(&s, &s));
	settings_free(&s);
	settings_free(&t);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_settings(wrong[i], &s), -1);
		settings_free(&s);
	}
	for (unsigned i = 0; i <= SETTINGS_FORWARDS_MAX; i++)
		strcat(many, i == 0 ? "{}" : ",{}");
	strcat(many, "]}");
	assert_int_equal(read_settings(many, &s), -1);
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_is_read_as_it_was_written),
	    cmocka_unit_test(hostile_options_do_no_harm),
	    cmocka_unit_test(packets_are_unwrapped),
	    cmocka_unit_test(a_lease_is_renewed_until_its_end),
	    cmocka_unit_test(the_same_network_gives_the_same_lease),
	    cmocka_unit_test(wrong_answers_are_not_taken),
	    cmocka_unit_test(routes_come_before_the_router),
	    cmocka_unit_test(hosts_keep_their_addresses),
	    cmocka_unit_test(all_addresses_are_given_once),
	    cmocka_unit_test(what_can_not_be_had_is_refused),
	    cmocka_unit_test(subnets_do_not_clash),
	    cmocka_unit_test(prefixes_are_passed_on_off_link),
	    cmocka_unit_test(hostile_advertisements_do_no_harm),
	    cmocka_unit_test(neighbour_discovery_is_read),
	    cmocka_unit_test(questions_are_asked_of_the_group),
	    cmocka_unit_test(nothing_goes_round),
	    cmocka_unit_test(the_host_says_what_is_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
