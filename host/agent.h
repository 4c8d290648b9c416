/*
 * The host's end of the agent channel: the socket, the link over it, and the bounds
 * on a guest that may be hostile. What messages mean is guest.c's business.
 */
#ifndef BHYFI_AGENT_H
#define BHYFI_AGENT_H

#include <event2/event.h>

#include "err.h"
#include "link.h"
#include "msg.h"

/* What a guest may send in a second before it is not read for the rest of it: far
 * above what ours does, far below what would hurt. */
#define AGENT_BYTES_PER_S (512 * 1024)
#define AGENT_MESSAGES_PER_S 200
#define AGENT_BAD_MAX 16

struct agent;

struct agent_ops {
	/* The agent said hello, or another one did. */
	void (*up)(void *arg);
	void (*message)(void *arg, enum msg_type type, const json_t *o);
	/* Once per connection: it breaks the protocol; why is for people. */
	void (*broken)(void *arg, const char *why);
};

/* NULL without memory. */
struct agent *agent_new(struct event_base *base, const struct agent_ops *ops, void *arg);
/* Connects to the UNIX socket; a former connection is closed. Where the other end
 * closes it, it is opened again a few times: the VMM does that on a reset. */
int agent_connect(struct agent *a, const char *path, struct err *e);
/* The same with a connected socket, which is the agent's to close. */
int agent_attach(struct agent *a, int fd, struct err *e);

/* Opens a serial port: a descriptor that does not block, the agent's to close, or -1. */
typedef int agent_open_fn(void *arg, struct err *e);
/* The same with a serial port, where nothing is said until the guest has spoken. One
 * that is not there yet, or that fails later, is tried again a few times. */
int agent_serial(struct agent *a, agent_open_fn *open_fn, void *arg, struct err *e);
/* Not from within a callback. */
void agent_close(struct agent *a);
void agent_free(struct agent *a);

/* Takes the reference to o. An error while the link is not up. */
int agent_send(struct agent *a, enum msg_type type, json_t *o, struct err *e);
bool agent_is_up(const struct agent *a);

#endif
