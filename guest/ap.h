/*
 * hostapd as a child process: the radio as an access point, in mode ap. Started, watched,
 * restarted; what it says becomes the WLAN's state.
 */
#ifndef BHYFI_GUEST_AP_H
#define BHYFI_GUEST_AP_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

#include "err.h"
#include "output.h"
#include "state.h"
#include "wpa-ctrl.h"

struct ap_ops {
	/* ASSOCIATED: it sends. */
	void (*state)(void *arg, const struct wlan_state *s);
	void (*event)(void *arg, const char *text);
	void (*failed)(void *arg, bool fatal, const char *reason);
};

#define AP_OUTPUT_LINE 512

struct ap {
	struct event_base *base;
	const struct ap_ops *ops;
	void *arg;
	char ifname[IFNAMSIZ];
	char *conf; /* what stands in the file; NULL: none */
	size_t conf_len;
	pid_t pid; /* 0: none runs */
	bool wanted;
	bool ever_on; /* this process's access point has been on */
	unsigned failures;
	struct wpa_ctrl_client *client;
	struct output out;
	struct event *timer;
	char line[AP_OUTPUT_LINE], said[AP_OUTPUT_LINE];
	struct wlan_state s;
};

int ap_init(struct ap *a, struct event_base *base, const struct ap_ops *ops, void *arg,
    struct err *e);

/* Runs hostapd on the interface, as a port of the bridge, which must be there. With the
 * same configuration as before nothing happens. */
int ap_run(struct ap *a, const char *ifname, const char *bridge, const char *conf,
    const char *country, struct err *e);
/* Ends it, and does not start it again. */
void ap_stop(struct ap *a);
/* It is no longer to be started: somebody else ends it. */
void ap_leave(struct ap *a);
/* A child is gone; false if it was not this one. */
bool ap_child_gone(struct ap *a, pid_t pid, int status);
/* One command of its control protocol; fn is called exactly once. */
void ap_request(struct ap *a, const char *cmd, wpa_reply_fn *fn, void *arg);
void ap_free(struct ap *a);

#endif
