/*
 * The air's answer to groups. A datagram for mDNS's port and group, of either family, is
 * sent to the group again, on the interface by which it came, with GROUP_HEARD before it:
 * one question shows that groups work both ways.
 */
#ifndef BHYFI_AIR_GROUP_H
#define BHYFI_AIR_GROUP_H

#include <event2/event.h>

#include "err.h"

#define GROUP_PORT 5353
#define GROUP4 "224.0.0.251"
#define GROUP6 "ff02::fb"
#define GROUP_HEARD "heard "
#define GROUP_MAX 128 /* bytes of a question */

/* Listens on all interfaces that the network namespace has. */
int group_start(struct event_base *base, struct err *e);

#endif
