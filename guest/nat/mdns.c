#include "mdns.h"

#include <string.h>

#include "be.h"

#define HEADER 12
#define RESPONSE 0x80
#define UNICAST 0x80 /* in the first byte of a question's class */

/* Behind a name; 0 where it does not end. */
static size_t skip_name(const uint8_t *p, size_t len, size_t at)
{
	while (at < len) {
		if (p[at] == 0)
			return at + 1;
		if (p[at] >= 0xc0)
			return at + 2;
		if (p[at] >= 0x40)
			return 0;
		at += 1u + p[at];
	}
	return 0;
}

void mdns_ask_group(uint8_t *p, size_t len)
{
	size_t at = HEADER;

	if (len < HEADER || (p[2] & RESPONSE) != 0)
		return;
	for (unsigned n = be16_get(p + 4); n > 0; n--) {
		at = skip_name(p, len, at);
		if (at == 0 || at > len || len - at < 4)
			return;
		p[at + 2] &= (uint8_t)~UNICAST;
		at += 4;
	}
}

static uint64_t hash_of(const uint8_t *p, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

bool mdns_passes(struct mdns *m, int from, const uint8_t *p, size_t len, int64_t now)
{
	uint64_t h = hash_of(p, len);

	for (unsigned i = 0; i < MDNS_SEEN; i++)
		if (m->seen[i].at != 0 && m->seen[i].side == from &&
		    m->seen[i].hash == h && now - m->seen[i].at < MDNS_SEEN_MS)
			return false;
	if (now / 1000 != m->second) {
		m->second = now / 1000;
		m->count = 0;
	}
	if (m->count >= MDNS_PER_S)
		return false;
	m->count++;
	m->seen[m->next].hash = h;
	m->seen[m->next].at = now;
	m->seen[m->next].side = 1 - from;
	m->next = (m->next + 1) % MDNS_SEEN;
	return true;
}
