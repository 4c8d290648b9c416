/* bhyfi-air, the simulated WLAN, as a child process of the agent. */
#ifndef BHYFI_GUEST_AIR_H
#define BHYFI_GUEST_AIR_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>

#include "err.h"

struct air_ops {
	void (*radio)(void *arg, const char *ifname); /* the station's is there */
	void (*on)(void *arg);                        /* all APs send */
	void (*failed)(void *arg, const char *reason);
	/* An answer to a request of ours; borrowed. */
	void (*reply)(void *arg, const json_t *o);
};

struct air {
	struct event_base *base;
	const struct air_ops *ops;
	void *arg;
	pid_t pid; /* 0: none runs */
	int fd;
	struct event *ev;
};

/* Whether this image has a simulated WLAN and the kernel's command line asks for
 * it. */
bool air_wanted(void);

int air_start(struct air *a, struct event_base *base, const struct air_ops *ops,
    void *arg, struct err *e);

/* Passes a request on as it is; the error says why it can not be. */
int air_request(struct air *a, const json_t *o, struct err *e);

void air_free(struct air *a);

/* A child of ours is gone; false if it was not this one. */
bool air_child_gone(struct air *a, pid_t pid, int status);

#endif
