/* The DHCP server on the hosts' interface: a socket for leases.h. */
#ifndef BHYFI_NAT_SERVE_H
#define BHYFI_NAT_SERVE_H

#include <event2/event.h>

#include "err.h"
#include "leases.h"

struct serve {
	struct leases leases;
	void (*changed)(void *arg); /* leases_host may be another one now */
	void *arg;
	int fd;
	struct event *readable;
};

int serve_open(struct serve *s, struct event_base *base, const char *ifname,
    void (*changed)(void *arg), void *arg, struct err *e);
/* Also of one that was never opened, but zeroed. */
void serve_close(struct serve *s);

#endif
