/* Neighbour discovery. */
#include "case.h"

/* A message of neighbour discovery without options; body: what is between the checksum
 * and the options. */
static void ndp(struct frame *f, const uint8_t *dst, const uint8_t *src,
    const uint8_t *saddr, const uint8_t *daddr, unsigned type, const uint8_t *target)
{
	frame_eth(f, dst, src, ETH_P_IPV6);
	frame_ip6(f, saddr, daddr, 58);
	frame_u16(f, type << 8);
	frame_u16(f, 0);
	frame_u32(f, 0);
	if (type == 134)
		frame_hex(f, "0000000000000000");
	if (type == 135 || type == 136 || type == 137)
		frame_bytes(f, target, 16);
	if (type == 137)
		frame_bytes(f, net6(1, 7), 16);
}

static const unsigned ndp_start[] = {8, 16, 24, 24};

bool ndp_out(const struct rig *rig)
{
	struct frame f;

	for (unsigned type = 133; type <= 136; type++) {
		size_t opt = 14 + 40 + ndp_start[type - 133];

		ndp(&f, group33, a_host, net6(1, 50), nodes6, type, net6(1, 50));
		frame_lladdr(&f, type == 136 ? 2 : 1, a_host);
		frame_hex(&f, "0501000000000500");
		frame_lladdr(&f, 2, b_host);
		frame_finish(&f);
		PASSES(RIG_OUT, &f);
		CHECK(eq(f.data + opt + 2, rig_radio));
		CHECK(eq(f.data + opt + 16 + 2, rig_radio));
		CHECK(frame_sum_ok(f.data, f.len));
	}
	ndp(&f, group33, a_host, net6(1, 50), nodes6, 137, net6(1, 6));
	frame_lladdr(&f, 2, b_host);
	frame_finish(&f);
	DROPS(RIG_OUT, &f, MACNAT_DROP_REDIRECT);
	return true;
}

bool ndp_checksum(const struct rig *rig)
{
	struct frame f;

	/* Every value of a byte, so that the sum folds in every way. */
	for (unsigned i = 0; i < 256; i++) {
		ndp(&f, group33, a_host, net6(1, 50), nodes6, 133, NULL);
		frame_lladdr(&f, 1, a_host);
		frame_hex(&f, "fd01fffffffffffe");
		f.data[f.len - 1] = (uint8_t)i;
		f.data[f.len - 3] = (uint8_t)(i * 7);
		frame_finish(&f);
		CHECK(frame_sum_ok(f.data, f.len));
		PASSES(RIG_OUT, &f);
		CHECK(frame_sum_ok(f.data, f.len));
	}
	/* What follows the packet in the frame is not looked at. */
	ndp(&f, group33, a_host, net6(1, 50), nodes6, 133, NULL);
	frame_lladdr(&f, 1, a_host);
	frame_finish(&f);
	frame_hex(&f, "0000000000");
	PASSES(RIG_OUT, &f);
	CHECK(frame_sum_ok(f.data, f.len));
	return true;
}

bool duplicate_detection(const struct rig *rig)
{
	struct frame f;

	/* The question tells nothing of whose the address is. */
	ndp(&f, group33, a_host, unspecified6, nodes6, 135, net6(1, 50));
	frame_hex(&f, "0e01010203040506"); /* nonce */
	frame_finish(&f);
	PASSES(RIG_OUT, &f);
	CHECK(rig->count(MACNAT_LEARNED) == 0);
	/* It comes back from the air. */
	frame_eth(&f, group33, rig_radio, ETH_P_IPV6);
	frame_ip6(&f, unspecified6, nodes6, 58);
	frame_hex(&f, "8700000000000000");
	frame_bytes(&f, net6(1, 50), 16);
	frame_finish(&f);
	DROPS(RIG_IN, &f, MACNAT_DROP_REFLECTED);
	/* Somebody in the air has it: to all nodes. */
	ndp(&f, group33, router, net6(1, 50), nodes6, 136, net6(1, 50));
	frame_lladdr(&f, 2, router);
	frame_finish(&f);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, group33));
	/* The target of an advertisement is the host's. */
	ndp(&f, router, a_host, net6(9, 1), gw6, 136, net6(1, 52));
	frame_lladdr(&f, 2, a_host);
	frame_finish(&f);
	PASSES(RIG_OUT, &f);
	udp6(&f, rig_radio, router, gw6, net6(1, 52));
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	/* And nobody else's. */
	ndp(&f, router, b_host, net6(9, 2), gw6, 136, net6(1, 52));
	frame_lladdr(&f, 2, b_host);
	frame_finish(&f);
	DROPS(RIG_OUT, &f, MACNAT_DROP_CONFLICT);
	return true;
}

/* An RS behind extension headers. */
static void behind(struct frame *f, unsigned headers)
{
	frame_eth(f, group33, a_host, ETH_P_IPV6);
	frame_ip6(f, net6(1, 50), nodes6, headers > 0 ? 0 : 58);
	for (unsigned i = 1; i <= headers; i++)
		frame_ext(f, i == headers ? 58 : 60, 1 + i % 3);
	frame_hex(f, "8500000000000000");
	frame_lladdr(f, 1, a_host);
	frame_finish(f);
}

bool extension_headers(const struct rig *rig)
{
	struct frame f;

	for (unsigned n = 0; n <= 8; n++) {
		behind(&f, n);
		CHECK(frame_sum_ok(f.data, f.len));
		PASSES(RIG_OUT, &f);
		CHECK(eq(f.data + f.len - 6, rig_radio));
		CHECK(frame_sum_ok(f.data, f.len));
	}
	behind(&f, 9);
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	/* In a fragment. */
	frame_eth(&f, group33, a_host, ETH_P_IPV6);
	frame_ip6(&f, net6(1, 50), nodes6, 44);
	frame_hex(&f, "3a00000000000001"
		      "8500000000000000");
	frame_lladdr(&f, 1, a_host);
	frame_finish(&f);
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	/* Later fragments, and other messages in first ones, pass. */
	f.data[14 + 40 + 3] = 0x08;
	PASSES(RIG_OUT, &f);
	frame_eth(&f, group33, a_host, ETH_P_IPV6);
	frame_ip6(&f, net6(1, 50), nodes6, 44);
	frame_hex(&f, "3a00000100000001"
		      "8000000000000000");
	frame_finish(&f);
	PASSES(RIG_OUT, &f);
	/* A header that reaches over the end. */
	behind(&f, 1);
	f.data[14 + 40 + 1] = 255;
	DROPS(RIG_OUT, &f, MACNAT_DROP_SHORT);
	return true;
}

bool ndp_malformed(const struct rig *rig)
{
	static const struct {
		unsigned at, value;
		enum macnat_count why;
	} wrong[] = {
	    {14 + 7, 254, MACNAT_DROP_MALFORMED},     /* hop limit */
	    {14 + 40 + 1, 1, MACNAT_DROP_MALFORMED},  /* code */
	    {14 + 40 + 25, 0, MACNAT_DROP_MALFORMED}, /* an option of no length */
	    {14 + 40 + 25, 2, MACNAT_DROP_MALFORMED}, /* an address of two units */
	    {14 + 40 + 33, 2, MACNAT_DROP_MALFORMED}, /* over the end */
	    {14 + 5, 36, MACNAT_DROP_MALFORMED},      /* ends within an option */
	    {14 + 5, 20, MACNAT_DROP_MALFORMED},      /* ends within the message */
	    {14 + 5, 48, MACNAT_DROP_SHORT},          /* longer than the frame */
	};
	struct frame f, in;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ndp(&f, group33, a_host, net6(1, 50), nodes6, 135, net6(1, 1));
		frame_lladdr(&f, 1, a_host);
		frame_hex(&f, "0501000000000500");
		frame_finish(&f);
		f.data[wrong[i].at] = (uint8_t)wrong[i].value;
		in = f;
		memcpy(in.data + 6, router, 6);
		DROPS(RIG_OUT, &f, wrong[i].why);
		DROPS(RIG_IN, &in, wrong[i].why);
	}
	/* More options than anybody sends. */
	ndp(&f, group33, a_host, net6(1, 50), nodes6, 133, NULL);
	for (int i = 0; i < 25; i++)
		frame_hex(&f, "0501000000000500");
	frame_finish(&f);
	DROPS(RIG_OUT, &f, MACNAT_DROP_MALFORMED);
	return true;
}

bool ndp_in(const struct rig *rig)
{
	const uint8_t solicited[6] = {0x33, 0x33, 0xff, 0x42, 0, 51};
	struct frame f;

	udp6(&f, router, a_host, net6(1, 50), gw6);
	PASSES(RIG_OUT, &f);
	ndp(&f, rig_radio, router, gw6, net6(1, 50), 136, gw6);
	frame_lladdr(&f, 2, router);
	frame_finish(&f);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	/* Questions: to the one who is known, else to who may have the address. */
	ndp(&f, rig_radio, router, gw6, net6(1, 50), 135, net6(1, 50));
	frame_lladdr(&f, 1, router);
	frame_finish(&f);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	ndp(&f, rig_radio, router, gw6, net6(1, 51), 135, net6(1, 51));
	frame_lladdr(&f, 1, router);
	frame_finish(&f);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, solicited));
	/* An access point that answers for us. */
	for (unsigned type = 133; type <= 137; type++) {
		ndp(&f, rig_radio, router, gw6, net6(1, 50), type, net6(1, 60));
		frame_lladdr(&f, type >= 136 ? 2 : 1, rig_radio);
		frame_finish(&f);
		DROPS(RIG_IN, &f, MACNAT_DROP_REFLECTED);
	}
	ndp(&f, rig_radio, router, gw6, net6(1, 50), 137, net6(1, 60));
	frame_lladdr(&f, 2, other_ap);
	frame_finish(&f);
	PASSES(RIG_IN, &f);
	CHECK(eq(f.data, a_host));
	return true;
}
