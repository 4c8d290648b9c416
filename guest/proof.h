/*
 * Whether an access point passes on frames with four addresses. A station that sends such
 * frames takes no others (but EAPOL) from the air, so whatever arrives is the proof. What
 * makes others send something: a DHCP DISCOVER, which servers answer, and an ICMPv6 echo
 * request to all nodes, for which each asks who we are.
 */
#ifndef BHYFI_GUEST_PROOF_H
#define BHYFI_GUEST_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "err.h"

#define PROOF_MS 3000 /* servers that look first whether an address is free take 1 s */

struct proof {
	struct event_base *base;
	void (*done)(void *arg, bool seen);
	void *arg;
	int fd;       /* -1: none is under way */
	unsigned out; /* how many rounds were sent */
	uint8_t mac[6];
	uint32_t xid;
	struct event *readable, *timer;
};

void proof_init(struct proof *p, struct event_base *base,
    void (*done)(void *arg, bool seen), void *arg);
/* Asks on the interface, whose address is mac; done is called once, unless it is stopped
 * before, and not from within. One that is under way is begun anew. */
int proof_start(struct proof *p, unsigned ifindex, const uint8_t mac[6], struct err *e);
void proof_stop(struct proof *p);

/* The two frames; for tests. size is enough with PROOF_FRAME_MAX. */
#define PROOF_FRAME_MAX 400
size_t proof_discover(uint8_t *frame, const uint8_t mac[6], uint32_t xid);
size_t proof_echo(uint8_t *frame, const uint8_t mac[6], uint32_t xid);

#endif
