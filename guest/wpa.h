/*
 * wpa_supplicant as a child process: started, watched, restarted, and what it
 * says turned into the WLAN's state.
 */
#ifndef BHYFI_GUEST_WPA_H
#define BHYFI_GUEST_WPA_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

#include "err.h"
#include "state.h"
#include "wpa-ctrl.h"

struct wpa_ops {
	void (*running)(void *arg); /* it listens to us */
	void (*state)(void *arg, const struct wlan_state *s);
	void (*event)(void *arg, const char *text);
	void (*failed)(void *arg, bool fatal, const char *reason);
};

#define WPA_OUTPUT_LINE 256

struct wpa {
	struct event_base *base;
	const struct wpa_ops *ops;
	void *arg;
	char ifname[IFNAMSIZ];
	char *conf; /* what stands in the file, NULL before the first start */
	size_t conf_len;
	pid_t pid; /* 0: none runs */
	bool wanted;
	bool ending;       /* was asked to end */
	bool attached;     /* this process was heard of */
	unsigned failures; /* starts in a row that came to nothing */
	int64_t started_ms;
	struct wpa_ctrl_client *client;
	int inotify, out;
	struct event *inotify_ev, *out_ev, *timer, *deadline;
	char line[WPA_OUTPUT_LINE], said[WPA_OUTPUT_LINE];
	size_t line_len;
	struct wlan_state s;
};

int wpa_init(struct wpa *w, struct event_base *base, const struct wpa_ops *ops, void *arg,
    struct err *e);

/*
 * Runs wpa_supplicant on the interface with the host's networks. Where it runs
 * already with the same, nothing happens; otherwise it is replaced.
 */
int wpa_run(struct wpa *w, const char *ifname, const char *networks, struct err *e);

/* Ends it and does not start it again. */
void wpa_stop(struct wpa *w);

/* It is no longer to be restarted when it goes: somebody else ends it. */
void wpa_leave(struct wpa *w);

/* A child of ours is gone; false if it was not this one. */
bool wpa_child_gone(struct wpa *w, pid_t pid, int status);

/* Forgets the process, wipes the networks. */
void wpa_free(struct wpa *w);

/* One command; fn is called exactly once. */
void wpa_request(struct wpa *w, const char *cmd, wpa_reply_fn *fn, void *arg);

#endif
