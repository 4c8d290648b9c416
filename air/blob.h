/*
 * The air's transfer service: TCP, one line from the client, then bytes one way.
 *
 *     get BYTES SEED    the server sends that many bytes of the stream
 *     put BYTES SEED    the client sends them; the server compares each one and
 *                       answers "ok BYTES" or "bad OFFSET"
 *     call PORT 0       the server connects to that port of the client's address, says
 *                       BLOB_CALLED there and closes
 *
 * Both ends make the same stream from the seed, so a byte lost, doubled,
 * swapped or damaged anywhere on the way is seen.
 */
#ifndef BHYFI_AIR_BLOB_H
#define BHYFI_AIR_BLOB_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "err.h"

#define BLOB_PORT 7777
#define BLOB_CALLED "called\n"
#define BLOB_MAX UINT64_C(0x100000000)

/* Serves on all addresses of the network namespace that we are in. */
int blob_start(struct event_base *base, struct err *e);

/* The stream: xorshift64, eight bytes a step, little-endian. */
struct blob_stream {
	uint64_t state;
	unsigned char word[8];
	unsigned used; /* bytes of word; 8: none is left */
};

static inline void blob_stream_init(struct blob_stream *s, uint64_t seed)
{
	s->state = seed ? seed : 1;
	s->used = 8;
}

static inline void blob_stream_read(struct blob_stream *s, unsigned char *out, size_t len)
{
	while (len > 0) {
		size_t n;

		if (s->used == 8) {
			s->state ^= s->state << 13;
			s->state ^= s->state >> 7;
			s->state ^= s->state << 17;
			for (int i = 0; i < 8; i++)
				s->word[i] = (unsigned char)(s->state >> (8 * i));
			s->used = 0;
		}
		n = 8 - s->used < len ? 8 - s->used : len;
		memcpy(out, s->word + s->used, n);
		s->used += (unsigned)n;
		out += n;
		len -= n;
	}
}

#endif
