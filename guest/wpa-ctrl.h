/*
 * A client of wpa_supplicant's control socket for an event loop: one request
 * under way at a time, unsolicited events on a socket of their own (so that a
 * reply that begins like an event is never taken for one).
 */
#ifndef BHYFI_GUEST_WPA_CTRL_H
#define BHYFI_GUEST_WPA_CTRL_H

#include <event2/event.h>

#include "err.h"

#define WPA_CTRL_CMD_MAX 4096 /* what the supplicant's buffer takes */

struct wpa_ctrl_client;

struct wpa_ctrl_ops {
	void (*event)(void *arg, const char *line);
	/* The supplicant accepted us: events come from now on. */
	void (*attached)(void *arg);
	/* It does not answer any more, or its socket is gone. The client is to be
	 * closed, not from within. */
	void (*lost)(void *arg, const char *why);
};

/* reply NULL: it could not be had, why says it. */
typedef void wpa_reply_fn(void *arg, const char *reply, const char *why);

struct wpa_ctrl_client *wpa_ctrl_client_open(struct event_base *base, const char *path,
    const struct wpa_ctrl_ops *ops, void *arg, struct err *e);
/* Requests that wait are answered with a reason. NULL is fine. */
void wpa_ctrl_client_close(struct wpa_ctrl_client *c);

/* Queues a command. fn is called exactly once, later or (with a reason) at once. */
void wpa_ctrl_client_request(
    struct wpa_ctrl_client *c, const char *cmd, wpa_reply_fn *fn, void *arg);

#endif
