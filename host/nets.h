/*
 * Choosing networks: the calls `scan`, `networks` and `join` of the control socket. See
 * doc/networks.md for what a try is.
 */
#ifndef BHYFI_NETS_H
#define BHYFI_NETS_H

#include <event2/event.h>
#include <jansson.h>

#include "msg.h"
#include "networks.h"
#include "wpa-relay.h"

#define NETS_CALLS 16 /* as many as the control socket has clients */
#define NETS_SCAN_MS 15000
#define NETS_JOIN_MIN_MS 1000
#define NETS_JOIN_MAX_MS 300000
#define NETS_JOIN_MS 30000

struct nets_ops {
	/* The guest can be asked for something. */
	bool (*ready)(void *arg);
	/* Takes the reference. */
	int (*send)(void *arg, enum msg_type type, json_t *o, struct err *e);
	/* Sends the configuration with these networks. */
	int (*configure)(void *arg, const struct networks *networks, struct err *e);
	/* The networks file; the caller's to networks_free. */
	int (*load)(void *arg, struct networks *n, struct err *e);
	/* SSID of the network that the guest is in, in hex; "" none. */
	const char *(*joined)(void *arg);
	/* Ends a call: o (takes the reference) or, where that is NULL, the error. */
	void (*answer)(void *arg, int64_t call, json_t *o, const struct err *e);
};

struct nets;

/* relay is borrowed. NULL without memory. */
struct nets *nets_new(struct event_base *base, struct wpa_relay *relay,
    const struct nets_ops *ops, void *arg);
void nets_free(struct nets *n);

/* One of the calls above; answered by op answer, perhaps from within. */
void nets_call(struct nets *n, int64_t call, const char *name, const json_t *request);
/* The client of a call, which may have been answered already, is gone: what it has
 * tried and not kept is taken back. */
void nets_call_gone(struct nets *n, int64_t call);

/* News of the guest. */
void nets_event(struct nets *n, const char *text);
void nets_joined(struct nets *n, const json_t *o);
void nets_guest_gone(struct nets *n);

#endif
