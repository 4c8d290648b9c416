/* The DHCP client on the radio's interface: a packet socket and a timer for dhcpc.h. */
#ifndef BHYFI_NAT_UPLINK_H
#define BHYFI_NAT_UPLINK_H

#include <event2/event.h>

#include "dhcpc.h"
#include "err.h"

struct uplink {
	struct dhcpc client;
	unsigned ifindex;
	const char *ifname;
	uint8_t mac[6];
	void (*lease)(void *arg, const struct dhcpc_lease *l);
	void *arg;
	int fd;
	struct event *readable, *timer;
};

/* ifname is borrowed. `lease` is told as dhcpc_ops says. */
int uplink_open(struct uplink *u, struct event_base *base, unsigned ifindex,
    const char *ifname, const uint8_t mac[6],
    void (*lease)(void *arg, const struct dhcpc_lease *l), void *arg, struct err *e);
/* same: it is the network whose lease we had, or have. */
void uplink_joined(struct uplink *u, bool same);
void uplink_left(struct uplink *u);
/* Also of one that was never opened, but zeroed. */
void uplink_close(struct uplink *u);

#endif
