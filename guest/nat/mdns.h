/*
 * mDNS (RFC 6762) from one side to the other: what is passed on, and how it is changed.
 */
#ifndef BHYFI_NAT_MDNS_H
#define BHYFI_NAT_MDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MDNS_MAX 9000 /* RFC 6762, 17 */
#define MDNS_SEEN 64
#define MDNS_SEEN_MS 2000
#define MDNS_PER_S 200

struct mdns {
	struct {
		uint64_t hash;
		int64_t at; /* when it was sent; 0: free */
		int side;
	} seen[MDNS_SEEN];
	unsigned next;
	int64_t second;
	unsigned count; /* in that second */
};

/*
 * Questions that ask for an answer to the sender alone are made to ask for one to the
 * group: the answer would come to us. What is no DNS message is left as it is.
 */
void mdns_ask_group(uint8_t *p, size_t len);

/*
 * Whether what came on side `from` (0 or 1) is to be sent to the other one. Not what we
 * sent to the side that it came from a moment ago, which would go round for ever with
 * another one of our kind; and not more than MDNS_PER_S.
 */
bool mdns_passes(struct mdns *m, int from, const uint8_t *p, size_t len, int64_t now);

#endif
