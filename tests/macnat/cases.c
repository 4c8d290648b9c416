/* Cases that hold on the kernel and on the model alike. */
#include "captured.h"
#include "case.h"

static bool ip4_there_and_back(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 20);
	PASSES(RIG_OUT, &f);
	CHECK(eq(f.data + 6, rig_radio) && eq(f.data, router));
	CHECK(rig->count(MACNAT_LEARNED) == 1);
	udp4(&f, rig_radio, router, GW4, NET4(50), 20);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host) && eq(f.data + 6, router));
	udp4(&f, rig_radio, router, GW4, NET4(51), 20);
	DROPS(RIG_IN, &f, MACNAT_DROP_UNKNOWN);
	CHECK(rig->count(MACNAT_LEARNED) == 1);
	return true;
}

static bool ip6_there_and_back(const struct rig *rig)
{
	struct frame f;

	udp6(&f, router, a_host, net6(1, 50), gw6);
	PASSES(RIG_OUT, &f);
	udp6(&f, rig_radio, router, gw6, net6(1, 50));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	udp6(&f, rig_radio, router, gw6, net6(1, 51));
	DROPS(RIG_IN, &f, MACNAT_DROP_UNKNOWN);
	return true;
}

static void nth_host(uint8_t mac[6], unsigned n)
{
	const uint8_t m[6] = {0x02, 0xab, 0, 0, (uint8_t)(n >> 8), (uint8_t)n};

	memcpy(mac, m, 6);
}

static bool a_thousand_hosts(const struct rig *rig)
{
	struct frame f;
	uint8_t mac[6];

	for (unsigned n = 0; n < MACNAT_HOSTS; n++) {
		nth_host(mac, n);
		udp4(&f, router, mac, 0x0a000000 + n + 1, GW4, 0);
		PASSES(RIG_OUT, &f);
		for (unsigned k = 1; k <= 4; k++) {
			udp6(&f, router, mac, net6(k, n), gw6);
			PASSES(RIG_OUT, &f);
		}
	}
	for (unsigned n = 0; n < MACNAT_HOSTS; n++) {
		nth_host(mac, n);
		udp4(&f, rig_radio, router, GW4, 0x0a000000 + n + 1, 0);
		PASSES(RIG_IN, &f);
		CHECK(eq(f.data, mac));
		for (unsigned k = 1; k <= 4; k++) {
			udp6(&f, rig_radio, router, gw6, net6(k, n));
			PASSES(RIG_IN, &f);
			CHECK(eq(f.data, mac));
		}
	}
	return true;
}

/* One host that invents addresses takes the places of those that sleep; whoever sends is
 * there again. */
static bool a_full_table(const struct rig *rig)
{
	struct frame f;

	for (unsigned n = 0; n < MACNAT_TABLE4 + 500; n++) {
		udp4(&f, router, b_host, 0x0a000001 + n, GW4, 0);
		PASSES(RIG_OUT, &f);
	}
	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	udp4(&f, rig_radio, router, GW4, NET4(50), 0);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	return true;
}

static bool an_address_is_held(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	udp6(&f, router, a_host, net6(1, 50), gw6);
	PASSES(RIG_OUT, &f);
	rig->age(MACNAT_HOLD_S - 5);
	udp4(&f, router, b_host, NET4(50), GW4, 0);
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	udp6(&f, router, b_host, net6(1, 50), gw6);
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	/* Not by an announcement either. */
	frame_eth(&f, all, b_host, ETH_P_ARP);
	frame_arp(&f, 1, b_host, NET4(50), none, NET4(50));
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	/* The holder sends: held for the whole time again. */
	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	rig->age(MACNAT_HOLD_S - 5);
	udp4(&f, router, b_host, NET4(50), GW4, 0);
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	udp4(&f, rig_radio, router, GW4, NET4(50), 0);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	return true;
}

static bool an_address_moves(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	rig->age(MACNAT_HOLD_S + 5);
	udp4(&f, rig_radio, router, GW4, NET4(50), 0);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	udp4(&f, router, b_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	CHECK(rig->count(MACNAT_MOVED) == 1);
	udp4(&f, rig_radio, router, GW4, NET4(50), 0);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, b_host));
	udp4(&f, router, a_host, NET4(50), GW4, 0);
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	return true;
}

static bool an_address_is_forgotten(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	udp6(&f, router, a_host, net6(1, 50), gw6);
	PASSES(RIG_OUT, &f);
	rig->age(MACNAT_AGE_S + 5);
	udp4(&f, rig_radio, router, GW4, NET4(50), 0);
	DROPS(RIG_IN, &f, MACNAT_DROP_UNKNOWN);
	udp6(&f, rig_radio, router, gw6, net6(1, 50));
	DROPS(RIG_IN, &f, MACNAT_DROP_UNKNOWN);
	return true;
}

static bool arp_out(const struct rig *rig)
{
	struct frame f;

	frame_eth(&f, all, a_host, ETH_P_ARP);
	frame_arp(&f, 1, a_host, NET4(50), none, GW4);
	PASSES(RIG_OUT, &f);
	CHECK(eq(f.data + 22, rig_radio) && eq(f.data + 32, none));
	CHECK(rig->count(MACNAT_LEARNED) == 1);
	/* A probe tells nothing. */
	frame_eth(&f, all, a_host, ETH_P_ARP);
	frame_arp(&f, 1, a_host, 0, none, NET4(51));
	PASSES(RIG_OUT, &f);
	CHECK(rig->count(MACNAT_LEARNED) == 1);
	/* An answer; an announcement with its own address as the target's. */
	frame_eth(&f, router, a_host, ETH_P_ARP);
	frame_arp(&f, 2, a_host, NET4(50), router, GW4);
	PASSES(RIG_OUT, &f);
	CHECK(eq(f.data + 22, rig_radio) && eq(f.data + 32, router));
	frame_eth(&f, all, a_host, ETH_P_ARP);
	frame_arp(&f, 2, a_host, NET4(50), a_host, NET4(50));
	PASSES(RIG_OUT, &f);
	CHECK(eq(f.data + 32, rig_radio));
	/* For somebody else, and from impossible addresses. */
	frame_eth(&f, all, a_host, ETH_P_ARP);
	frame_arp(&f, 2, b_host, NET4(52), router, GW4);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	frame_eth(&f, all, a_host, ETH_P_ARP);
	frame_arp(&f, 1, a_host, 0xe0000001, none, GW4);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	CHECK(rig->count(MACNAT_LEARNED) == 1);
	return true;
}

static void arp_from_router(struct frame *f, const uint8_t dst[6], unsigned op,
    const uint8_t tha[6], uint32_t tpa)
{
	frame_eth(f, dst, router, ETH_P_ARP);
	frame_arp(f, op, router, GW4, tha, tpa);
}

static bool arp_in(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 0);
	PASSES(RIG_OUT, &f);
	/* An answer; a question that knows whom it asks. */
	arp_from_router(&f, rig_radio, 2, rig_radio, NET4(50));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host) && eq(f.data + 32, a_host) && eq(f.data + 22, router));
	arp_from_router(&f, rig_radio, 1, none, NET4(50));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host) && eq(f.data + 32, none));
	/* To all: stays that. */
	arp_from_router(&f, all, 1, rig_radio, NET4(50));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, all) && eq(f.data + 32, a_host));
	/* For an address that is not known: questions to all, and what a probe hears. */
	arp_from_router(&f, rig_radio, 1, rig_radio, NET4(51));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, all));
	arp_from_router(&f, rig_radio, 2, rig_radio, 0);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, all));
	arp_from_router(&f, rig_radio, 2, rig_radio, NET4(51));
	DROPS(RIG_IN, &f, MACNAT_DROP_UNKNOWN);
	/* An access point that answers for its stations. */
	frame_eth(&f, rig_radio, router, ETH_P_ARP);
	frame_arp(&f, 2, rig_radio, NET4(60), rig_radio, NET4(50));
	DROPS(RIG_IN, &f, MACNAT_DROP_REFLECTED);
	return true;
}

static bool arp_malformed(const struct rig *rig)
{
	static const uint8_t at[] = {14, 15, 16, 17, 18, 19, 20, 21};
	struct frame f;

	for (size_t i = 0; i < sizeof(at); i++) {
		frame_eth(&f, all, a_host, ETH_P_ARP);
		frame_arp(&f, 1, a_host, NET4(50), none, GW4);
		f.data[at[i]] ^= 0x08;
		DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
		arp_from_router(&f, all, 1, none, NET4(50));
		f.data[at[i]] ^= 0x08;
		DROPS(RIG_IN, &f, MACNAT_DROP_MALFORMED);
	}
	for (size_t len = 15; len < 42; len++) {
		frame_eth(&f, all, a_host, ETH_P_ARP);
		frame_arp(&f, 1, a_host, NET4(50), none, GW4);
		f.len = len;
		DROPS(RIG_OUT, &f, MACNAT_DROP_SHORT);
	}
	CHECK(rig->count(MACNAT_LEARNED) == 0);
	return true;
}

struct dhcp {
	unsigned op, flags, options, frag;
	uint32_t giaddr, from;
};

static void dhcp_request(struct frame *f, const struct dhcp *d)
{
	frame_eth(f, all, a_host, ETH_P_IP);
	frame_ip4(f, d->from, 0xffffffff, 17, d->options, d->frag);
	frame_udp(f, 68, 67);
	frame_u8(f, d->op);
	frame_hex(f, "0106001234567800"
		     "05");
	frame_u16(f, d->flags);
	frame_hex(f, "000000000000000000000000");
	frame_u32(f, d->giaddr);
	frame_bytes(f, a_host, 6);
	for (int i = 0; i < 202; i++)
		frame_u8(f, 0);
	frame_hex(f, "6382536335"
		     "0101ff00");
	frame_finish(f);
}

static unsigned dhcp_flags(const struct frame *f, unsigned options)
{
	size_t at = 14 + 20 + options + 8 + 10;

	return (unsigned)(f->data[at] << 8 | f->data[at + 1]);
}

static bool dhcp_flag(const struct rig *rig)
{
	struct dhcp d = {.op = 1};
	struct frame f;

	dhcp_request(&f, &d);
	CHECK(frame_sum_ok(f.data, f.len));
	PASSES(RIG_OUT, &f);
	CHECK(dhcp_flags(&f, 0) == 0x8000 && frame_sum_ok(f.data, f.len));
	CHECK(eq(f.data + 14 + 20 + 8 + 28, a_host));
	CHECK(rig->count(MACNAT_LEARNED) == 0); /* 0.0.0.0 */
	/* No checksum stays none, a wrong one wrong. */
	dhcp_request(&f, &d);
	f.data[40] = f.data[41] = 0;
	PASSES(RIG_OUT, &f);
	CHECK(dhcp_flags(&f, 0) == 0x8000 && f.data[40] == 0 && f.data[41] == 0);
	dhcp_request(&f, &d);
	f.data[41] ^= 1;
	PASSES(RIG_OUT, &f);
	CHECK(dhcp_flags(&f, 0) == 0x8000 && !frame_sum_ok(f.data, f.len));
	/* Behind IPv4 options; with an address already; with unknown flags. */
	d = (struct dhcp){.op = 1, .options = 40, .flags = 0x1234, .from = NET4(50)};
	dhcp_request(&f, &d);
	PASSES(RIG_OUT, &f);
	CHECK(dhcp_flags(&f, 40) == 0x9234 && frame_sum_ok(f.data, f.len));
	/* The first fragment. */
	d = (struct dhcp){.op = 1, .frag = 0x2000};
	dhcp_request(&f, &d);
	PASSES(RIG_OUT, &f);
	CHECK(dhcp_flags(&f, 0) == 0x8000);
	return true;
}

static bool dhcp_left_alone(const struct rig *rig)
{
	const struct dhcp same[] = {
	    {.op = 2},                    /* no request */
	    {.op = 1, .giaddr = NET4(9)}, /* a relay's */
	    {.op = 1, .frag = 0x0010},    /* no header in this fragment */
	    {.op = 1, .flags = 0x8000},
	};
	struct frame f, before;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		dhcp_request(&f, &same[i]);
		before = f;
		PASSES(RIG_OUT, &f);
		CHECK(memcmp(f.data + 12, before.data + 12, f.len - 12) == 0);
	}
	/* Cut off within the header. */
	for (size_t len = 34; len < 14 + 20 + 8 + 28; len++) {
		dhcp_request(&f, &(struct dhcp){.op = 1});
		f.len = len;
		PASSES(RIG_OUT, &f);
	}
	return true;
}

static bool what_the_air_sends(const struct rig *rig)
{
	const uint8_t pae[6] = {0x01, 0x80, 0xc2, 0, 0, 3};
	static const unsigned kept[] = {ETH_P_PAE, ETH_P_PREAUTH};
	struct frame f;

	for (int i = 0; i < 4; i++) {
		frame_eth(&f, i < 2 ? rig_radio : pae, router, kept[i % 2]);
		frame_hex(&f, "0203005f");
		CHECK(case_run(rig, RIG_IN, &f) == TC_ACT_OK);
		/* A host can't speak for the supplicant. */
		frame_eth(&f, router, a_host, kept[i % 2]);
		frame_hex(&f, "0101");
		DROPS(RIG_OUT, &f, MACNAT_DROP_TYPE);
	}
	CHECK(rig->count(MACNAT_KEPT) == 4);
	udp4(&f, all, rig_radio, NET4(50), 0xffffffff, 4);
	DROPS(RIG_IN, &f, MACNAT_DROP_REFLECTED);
	udp4(&f, other_ap, router, GW4, NET4(50), 4);
	DROPS(RIG_IN, &f, MACNAT_DROP_FOREIGN);
	frame_eth(&f, other_ap, router, ETH_P_PAE);
	DROPS(RIG_IN, &f, MACNAT_DROP_FOREIGN);
	return true;
}

static bool other_types(const struct rig *rig)
{
	/* 802.3 with LLC, VLAN, QinQ, LLDP, PPPoE, MPLS, IPX, loop. */
	static const unsigned types[] = {
	    0x0026, 0x8100, 0x88a8, 0x88cc, 0x8863, 0x8847, 0x8137, 0x9000, 0};
	struct frame f;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame_eth(&f, all, a_host, types[i]);
		frame_hex(&f, "424203000000000000000000000000000000000000000000");
		DROPS(RIG_OUT, &f, MACNAT_DROP_TYPE);
		frame_eth(&f, i % 2 ? all : rig_radio, router, types[i]);
		frame_hex(&f, "424203000000000000000000000000000000000000000000");
		DROPS(RIG_IN, &f, MACNAT_DROP_TYPE);
	}
	return true;
}

static bool groups(const struct rig *rig)
{
	const uint8_t mdns4[6] = {0x01, 0, 0x5e, 0, 0, 0xfb};
	const uint8_t mdns6[6] = {0x33, 0x33, 0, 0, 0, 0xfb};
	const uint8_t mdns6_ip[16] = {0xff, 0x02, [15] = 0xfb};
	struct frame f;

	udp4(&f, mdns4, a_host, NET4(50), 0xe00000fb, 9);
	PASSES(RIG_OUT, &f);
	CHECK(eq(f.data, mdns4));
	udp4(&f, mdns4, router, GW4, 0xe00000fb, 9);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, mdns4));
	udp6(&f, mdns6, a_host, net6(1, 50), mdns6_ip);
	PASSES(RIG_OUT, &f);
	udp6(&f, mdns6, router, gw6, mdns6_ip);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, mdns6));
	/* Sent to each station singly. */
	udp4(&f, rig_radio, router, GW4, 0xe00000fb, 9);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, mdns4));
	udp4(&f, rig_radio, router, GW4, 0xefffffff, 9);
	PASSES(RIG_IN, &f);
	CHECK(memcmp(f.data, "\x01\x00\x5e\x7f\xff\xff", 6) == 0);
	udp4(&f, rig_radio, router, GW4, 0xffffffff, 9);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, all));
	udp6(&f, rig_radio, router, gw6, mdns6_ip);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, mdns6));
	CHECK(rig->count(MACNAT_GROUP) == 6);
	return true;
}

static bool impossible_sources(const struct rig *rig)
{
	static const uint32_t bad4[] = {
	    0x7f000001, 0xe0000001, 0xffffffff, 0xf0000001, 0x00000001};
	const uint8_t loop6[16] = {[15] = 1};
	struct frame f;

	for (size_t i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++) {
		udp4(&f, router, a_host, bad4[i], GW4, 4);
		DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	}
	udp6(&f, router, a_host, loop6, gw6);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	udp6(&f, router, a_host, nodes6, gw6);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	udp4(&f, router, group33, NET4(50), GW4, 4);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	udp4(&f, router, none, NET4(50), GW4, 4);
	DROPS(RIG_OUT, &f, MACNAT_DROP_SOURCE);
	udp4(&f, rig_radio, a_host, NET4(50), NET4(51), 4);
	DROPS(RIG_OUT, &f, MACNAT_DROP_HAIRPIN);
	CHECK(rig->count(MACNAT_LEARNED) == 0);
	return true;
}

static bool broken_packets(const struct rig *rig)
{
	struct frame f;

	udp4(&f, router, a_host, NET4(50), GW4, 4);
	f.data[14] = 0x65;
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	f.data[14] = 0x44;
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	udp6(&f, router, a_host, net6(1, 50), gw6);
	f.data[14] = 0x40;
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	for (size_t len = 15; len < 34; len++) {
		udp4(&f, router, a_host, NET4(50), GW4, 4);
		f.len = len;
		DROPS(RIG_OUT, &f, MACNAT_DROP_SHORT);
		udp4(&f, rig_radio, router, GW4, NET4(50), 4);
		f.len = len;
		DROPS(RIG_IN, &f, MACNAT_DROP_SHORT);
	}
	for (size_t len = 15; len < 54; len++) {
		udp6(&f, router, a_host, net6(1, 50), gw6);
		f.len = len;
		DROPS(RIG_OUT, &f, MACNAT_DROP_SHORT);
	}
	/* IPv4 options that are not there don't matter, nor do large frames. */
	udp4(&f, router, a_host, NET4(50), GW4, 0);
	f.data[14] = 0x4f;
	PASSES(RIG_OUT, &f);
	udp4(&f, router, a_host, NET4(50), GW4, 2900);
	PASSES(RIG_OUT, &f);
	udp4(&f, rig_radio, router, GW4, NET4(50), 2900);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	return true;
}

size_t case_captured_count(void)
{
	return sizeof(captured) / sizeof(captured[0]);
}

enum rig_way case_captured(struct frame *f, size_t i)
{
	f->len = 0;
	frame_hex(f, captured[i]);
	if (eq(f->data + 6, a_host))
		return RIG_OUT;
	if (eq(f->data, a_host))
		memcpy(f->data, rig_radio, 6);
	if (f->data[12] == 0x08 && f->data[13] == 0x06 && eq(f->data + 32, a_host))
		memcpy(f->data + 32, rig_radio, 6);
	return RIG_IN;
}

static bool contains(const struct frame *f, const uint8_t mac[6])
{
	for (size_t i = 0; i + 6 <= f->len; i++)
		if (eq(f->data + i, mac))
			return true;
	return false;
}

static bool is_dhcp(const struct frame *f)
{
	return f->data[12] == 0x08 && f->data[13] == 0 && f->data[23] == 17;
}

static bool captured_traffic(const struct rig *rig)
{
	struct frame f;

	for (size_t i = 0; i < case_captured_count(); i++) {
		enum rig_way way = case_captured(&f, i);
		bool group = (f.data[0] & 1) != 0;

		/* Without the broadcast flag its answer went to the client's hardware
		 * address, which in the air it can't. */
		if (way == RIG_IN && is_dhcp(&f)) {
			DROPS(way, &f, MACNAT_DROP_UNKNOWN);
			continue;
		}
		PASSES(way, &f);
		if (way == RIG_OUT && !is_dhcp(&f))
			CHECK(!contains(&f, a_host));
		if (way == RIG_OUT && is_dhcp(&f))
			CHECK(dhcp_flags(&f, 0) == 0x8000);
		if (way == RIG_IN && !group)
			CHECK(eq(f.data, a_host) && !contains(&f, rig_radio));
	}
	return true;
}

/* Each of them cut off anywhere (the kernel runs no test with bare headers), and with
 * each byte wrong: case_run checks what holds. */
static bool hostile_traffic(const struct rig *rig)
{
	struct frame f;

	for (size_t i = 0; i < case_captured_count(); i++) {
		case_captured(&f, i);
		size_t full = f.len;

		for (size_t n = 15; n < full; n++) {
			for (int k = 0; k < 3; k++) {
				enum rig_way way = case_captured(&f, i);

				if (k == 0)
					f.len = n;
				else
					f.data[n] ^= k == 1 ? 0xff : 0x01;
				CHECK(case_run(rig, way, &f) != CASE_WRONG);
			}
		}
	}
	return true;
}

#define CASE(f)                                                                          \
	{                                                                                \
#f, f                                                                    \
	}
const struct rig_case rig_cases[] = {
    CASE(ip4_there_and_back),
    CASE(ip6_there_and_back),
    CASE(a_thousand_hosts),
    CASE(a_full_table),
    CASE(an_address_is_held),
    CASE(an_address_moves),
    CASE(an_address_is_forgotten),
    CASE(arp_out),
    CASE(arp_in),
    CASE(arp_malformed),
    CASE(dhcp_flag),
    CASE(dhcp_left_alone),
    CASE(ndp_out),
    CASE(ndp_checksum),
    CASE(duplicate_detection),
    CASE(extension_headers),
    CASE(ndp_malformed),
    CASE(ndp_in),
    CASE(what_the_air_sends),
    CASE(other_types),
    CASE(groups),
    CASE(impossible_sources),
    CASE(broken_packets),
    CASE(captured_traffic),
    CASE(hostile_traffic),
};
const size_t rig_case_count = sizeof(rig_cases) / sizeof(rig_cases[0]);
