/* hostapd's control protocol: one datagram there, one back. */
#ifndef BHYFI_AIR_CTL_H
#define BHYFI_AIR_CTL_H

#include <event2/event.h>
#include <stddef.h>

#include "err.h"

/* reply is NULL on failure; then e says why. Terminated; len excludes that. */
typedef void ctl_reply(void *arg, const char *reply, const struct err *e);

#define CTL_COMMAND_MAX 256 /* with its NUL */

/*
 * Sends cmd to the hostapd interface ifname. done is called exactly once from
 * the event loop, within 2 s; not if -1 is returned.
 */
int ctl_request(struct event_base *base, const char *ifname, const char *cmd,
    ctl_reply *done, void *arg, struct err *e);

#endif
