/* What the cases share. */
#include "case.h"

const uint8_t *net6(unsigned kind, unsigned n)
{
	static uint8_t a[4][16];
	static unsigned turn;
	uint8_t *p = a[turn++ % 4];

	memcpy(p, gw6, 16);
	p[9] = (uint8_t)kind;
	p[13] = 0x42;
	p[14] = (uint8_t)(n >> 8);
	p[15] = (uint8_t)n;
	return p;
}

bool eq(const uint8_t a[6], const uint8_t b[6])
{
	return memcmp(a, b, 6) == 0;
}

/* All hosts of these tests. */
static bool any_host(const uint8_t mac[6])
{
	return mac[0] == 0x02 && (mac[1] == 0xaa || mac[1] == 0xab);
}

const struct rig *rig_refusing;

int case_run(const struct rig *rig, enum rig_way way, struct frame *f)
{
	static struct frame before;
	uint64_t frames = 0, seen = 0;
	const char *why;
	int verdict;

	before = *f;
	for (enum macnat_count c = 0; c < MACNAT_LEARNED; c++)
		frames += rig->count(c);
	verdict = rig->run(way, f->data, &f->len);
	if (verdict == -1 && rig == rig_refusing && f->len < 14 + 40)
		return CASE_REFUSED;
	for (enum macnat_count c = 0; c < MACNAT_LEARNED; c++)
		seen += rig->count(c);
	if (f->len != before.len || seen != frames + 1) {
		printf("# %s: length %zu, was %zu; %d frames counted\n", rig->name,
		    f->len, before.len, (int)(seen - frames));
		return CASE_WRONG;
	}
	if (!rig_sane(way, before.data, f->data, f->len, verdict, any_host, &why)) {
		printf("# %s: %s\n", rig->name, why);
		return CASE_WRONG;
	}
	return verdict;
}

void udp4(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint32_t saddr,
    uint32_t daddr, unsigned size)
{
	frame_eth(f, dst, src, ETH_P_IP);
	frame_ip4(f, saddr, daddr, 17, 0, 0);
	frame_udp(f, 5000, 5001);
	for (unsigned i = 0; i < size; i++)
		frame_u8(f, i);
	frame_finish(f);
}

void udp6(struct frame *f, const uint8_t dst[6], const uint8_t src[6],
    const uint8_t *saddr, const uint8_t *daddr)
{
	frame_eth(f, dst, src, ETH_P_IPV6);
	frame_ip6(f, saddr, daddr, 17);
	frame_udp(f, 5000, 5001);
	frame_u32(f, 0x01020304);
	frame_finish(f);
}
