#include "frame.h"

#include <string.h>

static const uint8_t magic[4] = {0x62, 0x68, 0x79, 0xf1};
#define FRAME_VERSION 1

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)v);
	put16(p + 2, (uint16_t)(v >> 16));
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

uint32_t frame_crc32(uint32_t crc, const void *data, size_t len)
{
	/* Four bits at a time: a table small enough to stay in the cache. */
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
	    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344,
	    0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	const uint8_t *p = data;

	crc = ~crc;
	while (len-- > 0) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

size_t frame_encode(const struct frame *f, uint8_t *out)
{
	memcpy(out, magic, 4);
	out[4] = FRAME_VERSION;
	out[5] = (uint8_t)f->kind;
	out[6] = f->more ? FRAME_MORE : 0;
	out[7] = f->type;
	put16(out + 8, f->len);
	put16(out + 10, 0);
	put32(out + 12, f->seq);
	put32(out + 16, f->ack);
	put32(out + 20, f->session);
	put32(out + 24, f->peer);
	if (f->len > 0)
		memcpy(out + FRAME_HEADER, f->payload, f->len);
	put32(out + 28, frame_crc32(frame_crc32(0, out, 28), out + FRAME_HEADER, f->len));
	return FRAME_HEADER + (size_t)f->len;
}

void frame_reader_init(struct frame_reader *r)
{
	r->have = r->used = 0;
	r->skipped = 0;
}

size_t frame_feed(struct frame_reader *r, const void *data, size_t len)
{
	if (r->used > 0) {
		memmove(r->buf, r->buf + r->used, r->have - r->used);
		r->have -= r->used;
		r->used = 0;
	}
	if (len > sizeof(r->buf) - r->have)
		len = sizeof(r->buf) - r->have;
	if (len > 0)
		memcpy(r->buf + r->have, data, len);
	r->have += len;
	return len;
}

enum verdict {
	FRAME_VALID,
	FRAME_SHORT, /* could become one with more bytes */
	FRAME_NONE,
};

static enum verdict check(const uint8_t *p, size_t have, struct frame *f)
{
	size_t n = have < 4 ? have : 4;

	if (memcmp(p, magic, n) != 0)
		return FRAME_NONE;
	if (have < FRAME_HEADER)
		return FRAME_SHORT;
	f->kind = (enum frame_kind)p[5];
	f->more = (p[6] & FRAME_MORE) != 0;
	f->type = p[7];
	f->len = get16(p + 8);
	f->seq = get32(p + 12);
	f->ack = get32(p + 16);
	f->session = get32(p + 20);
	f->peer = get32(p + 24);
	f->payload = p + FRAME_HEADER;
	if (p[4] != FRAME_VERSION || p[5] < FRAME_HELLO || p[5] > FRAME_ACK ||
	    (p[6] & ~FRAME_MORE) != 0 || get16(p + 10) != 0 ||
	    f->len > FRAME_PAYLOAD_MAX || f->session == 0)
		return FRAME_NONE;
	if (have < FRAME_HEADER + (size_t)f->len)
		return FRAME_SHORT;
	if (get32(p + 28) != frame_crc32(frame_crc32(0, p, 28), f->payload, f->len))
		return FRAME_NONE;
	return FRAME_VALID;
}

bool frame_next(struct frame_reader *r, struct frame *f)
{
	while (r->used < r->have) {
		switch (check(r->buf + r->used, r->have - r->used, f)) {
		case FRAME_VALID:
			r->used += FRAME_HEADER + (size_t)f->len;
			return true;
		case FRAME_SHORT:
			return false;
		case FRAME_NONE:
			r->used++;
			r->skipped++;
			break;
		}
	}
	return false;
}
