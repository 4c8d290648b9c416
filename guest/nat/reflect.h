/* mDNS between both interfaces: sockets for mdns.h. */
#ifndef BHYFI_NAT_REFLECT_H
#define BHYFI_NAT_REFLECT_H

#include <event2/event.h>

#include "err.h"
#include "mdns.h"

enum reflect_side { REFLECT_HOST, REFLECT_AIR };

struct reflect_socket {
	struct reflect *owner;
	enum reflect_side side;
	int family, fd;
	struct event *readable;
};

struct reflect {
	struct mdns mdns;
	struct reflect_socket socket[4];
	uint8_t data[MDNS_MAX];
};

int reflect_open(struct reflect *r, struct event_base *base, const char *host_if,
    const char *air_if, struct err *e);
/* Also of one that was never opened, but zeroed. */
void reflect_close(struct reflect *r);

#endif
