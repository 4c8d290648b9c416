#include "frame.h"

#include <stdlib.h>
#include <string.h>

#define L3 14

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void frame_bytes(struct frame *f, const void *bytes, size_t n)
{
	if (n > sizeof(f->data) - f->len)
		abort();
	memcpy(f->data + f->len, bytes, n);
	f->len += n;
}

void frame_u8(struct frame *f, unsigned v)
{
	uint8_t b = (uint8_t)v;

	frame_bytes(f, &b, 1);
}

void frame_u16(struct frame *f, unsigned v)
{
	uint8_t b[2];

	put16(b, v);
	frame_bytes(f, b, 2);
}

void frame_u32(struct frame *f, uint32_t v)
{
	frame_u16(f, v >> 16);
	frame_u16(f, v & 0xffff);
}

static unsigned nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

void frame_hex(struct frame *f, const char *hex)
{
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
		frame_u8(f, nibble(hex[0]) << 4 | nibble(hex[1]));
}

void frame_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], unsigned type)
{
	f->len = 0;
	frame_bytes(f, dst, 6);
	frame_bytes(f, src, 6);
	frame_u16(f, type);
}

void frame_arp(struct frame *f, unsigned op, const uint8_t sha[6], uint32_t spa,
    const uint8_t tha[6], uint32_t tpa)
{
	frame_hex(f, "0001080006040000");
	put16(f->data + L3 + 6, op);
	frame_bytes(f, sha, 6);
	frame_u32(f, spa);
	frame_bytes(f, tha, 6);
	frame_u32(f, tpa);
}

void frame_ip4(struct frame *f, uint32_t src, uint32_t dst, unsigned proto,
    unsigned options, unsigned frag)
{
	frame_u16(f, (0x45 + options / 4) << 8);
	frame_u32(f, 0x00000007);
	frame_u16(f, frag);
	frame_u16(f, 64 << 8 | proto);
	frame_u16(f, 0);
	frame_u32(f, src);
	frame_u32(f, dst);
	for (; options > 0; options--)
		frame_u8(f, 1);
}

void frame_udp(struct frame *f, unsigned sport, unsigned dport)
{
	frame_u16(f, sport);
	frame_u16(f, dport);
	frame_u32(f, 0);
}

void frame_ip6(
    struct frame *f, const uint8_t src[16], const uint8_t dst[16], unsigned next)
{
	frame_u32(f, 0x60000000);
	frame_u16(f, 0);
	frame_u16(f, next << 8 | 255);
	frame_bytes(f, src, 16);
	frame_bytes(f, dst, 16);
}

void frame_ext(struct frame *f, unsigned next, unsigned units)
{
	frame_u8(f, next);
	frame_u8(f, units - 1);
	/* PadN of what is left. */
	frame_u8(f, 1);
	frame_u8(f, units * 8 - 4);
	for (unsigned i = 4; i < units * 8; i++)
		frame_u8(f, 0);
}

void frame_lladdr(struct frame *f, unsigned type, const uint8_t mac[6])
{
	frame_u8(f, type);
	frame_u8(f, 1);
	frame_bytes(f, mac, 6);
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* Where the transport's header is, behind options and extension headers; 0: not in this
 * fragment. *whole: it is no fragment. */
static size_t l4_offset(const uint8_t *p, size_t len, unsigned *proto, bool *whole)
{
	size_t off;

	*whole = true;
	if (len < L3 + 20)
		return 0;
	if (get16(p + 12) == ETH_P_IP) {
		*proto = p[L3 + 9];
		*whole = (get16(p + L3 + 6) & 0x3fff) == 0;
		off = L3 + (p[L3] & 15u) * 4;
		return (get16(p + L3 + 6) & 0x1fff) == 0 ? off : 0;
	}
	if (get16(p + 12) != ETH_P_IPV6 || len < L3 + 40)
		return 0;
	*proto = p[L3 + 6];
	off = L3 + 40;
	while (*proto == 0 || *proto == 43 || *proto == 44 || *proto == 60) {
		bool fragment = *proto == 44;

		if (off + 8 > len || (fragment && get16(p + off + 2) >> 3 != 0))
			return 0;
		*whole = *whole && !fragment;
		*proto = p[off];
		off += fragment ? 8 : (p[off + 1] + 1u) * 8;
	}
	return off;
}

size_t frame_l4(const uint8_t *p, size_t len)
{
	unsigned proto;
	bool whole;
	size_t off = l4_offset(p, len, &proto, &whole);

	return off != 0 && off + 8 <= len && (proto == 17 || proto == 58) ? off : 0;
}

/* The sum over pseudo-header and payload, which is 0xffff where it is right. */
static uint32_t l4_sum(const uint8_t *p, size_t len, size_t off, unsigned proto)
{
	bool v4 = get16(p + 12) == ETH_P_IP;
	uint32_t s = (uint32_t)(len - off) + proto;

	s = sum(v4 ? p + L3 + 12 : p + L3 + 8, v4 ? 8 : 32, s);
	return sum(p + off, len - off, s);
}

void frame_finish(struct frame *f)
{
	unsigned proto = 0;
	bool whole;
	size_t off = l4_offset(f->data, f->len, &proto, &whole), at;
	uint8_t *p = f->data;

	if (get16(p + 12) == ETH_P_IP) {
		size_t header = (p[L3] & 15u) * 4;

		put16(p + L3 + 2, (unsigned)(f->len - L3));
		put16(p + L3 + 10, 0);
		put16(p + L3 + 10, ~sum(p + L3, header, 0) & 0xffff);
	} else if (get16(p + 12) == ETH_P_IPV6) {
		put16(p + L3 + 4, (unsigned)(f->len - L3 - 40));
	}
	if (off == 0 || off + 8 > f->len || (proto != 17 && proto != 58))
		return;
	if (proto == 17)
		put16(p + off + 4, (unsigned)(f->len - off));
	at = off + (proto == 17 ? 6 : 2);
	put16(p + at, 0);
	put16(p + at, ~l4_sum(p, f->len, off, proto) & 0xffff);
	if (proto == 17 && get16(p + at) == 0)
		put16(p + at, 0xffff);
}

bool frame_sum_ok(const uint8_t *p, size_t len)
{
	unsigned proto = 0, total;
	bool whole;
	size_t off = l4_offset(p, len, &proto, &whole);

	if (off == 0 || off + 8 > len || !whole || (proto != 17 && proto != 58))
		return true;
	/* Without what fills the frame up. */
	total = get16(p + 12) == ETH_P_IP ? get16(p + L3 + 2) : get16(p + L3 + 4) + 40;
	if (L3 + total > len || L3 + total < off + 8)
		return true;
	if (proto == 17 && get16(p + off + 6) == 0)
		return true;
	return l4_sum(p, L3 + total, off, proto) == 0xffff;
}
