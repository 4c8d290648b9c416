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
#include "output.h"
#include "state.h"
#include "wpa-conf.h"
#include "wpa-ctrl.h"
#include "wpa-join.h"
#include "wpa-sync.h"

struct wpa_ops {
	void (*running)(void *arg); /* it listens to us */
	void (*state)(void *arg, const struct wlan_state *s);
	void (*event)(void *arg, const char *text);
	void (*failed)(void *arg, bool fatal, const char *reason);
};

/* Called exactly once for each try. reason: of a failure. */
typedef void wpa_joined_fn(void *arg, enum wpa_join_result r, const char *reason);

#define WPA_RUN_DIR "/run/wpa"
#define WPA_CTL_DIR WPA_RUN_DIR "/ctl"
#define WPA_OUTPUT_LINE 256

enum wpa_join_state {
	WPA_TRY_NONE,
	WPA_TRY_WAITS, /* for the supplicant, or for its networks */
	WPA_TRY_RUNS,
};

/* A command that came before the supplicant could take it. */
struct wpa_early {
	char *cmd; /* secret; ours */
	wpa_reply_fn *fn;
	void *arg;
};
#define WPA_EARLY_MAX 16

struct wpa_try {
	enum wpa_join_state state;
	struct wpa_join join;
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
	wpa_joined_fn *fn;
	void *arg;
};

struct wpa {
	struct event_base *base;
	const struct wpa_ops *ops;
	void *arg;
	char ifname[IFNAMSIZ];
	char *conf; /* what stands in the file, NULL before the first start */
	size_t conf_len;
	struct wpa_lacks lacks; /* what it said that it does not know */
	pid_t pid;              /* 0: none runs */
	bool wanted;
	bool ending;       /* was asked to end */
	bool attached;     /* this process was heard of */
	unsigned failures; /* starts in a row that came to nothing */
	int64_t started_ms;
	struct wpa_ctrl_client *client;
	int inotify;
	struct event *inotify_ev, *timer, *deadline;
	struct output out;
	char line[WPA_OUTPUT_LINE], said[WPA_OUTPUT_LINE];
	struct wlan_state s;
	struct wpa_early early[WPA_EARLY_MAX];
	size_t n_early;

	/* Changes to the process that runs; see wpa-change.c. */
	struct wpa_nets nets;  /* that it has of the file */
	struct wpa_sync *sync; /* under way, NULL: none */
	char *new_conf;        /* what sync leads to */
	size_t new_len;
	char *later; /* networks that came meanwhile */
	struct wpa_try try;
	struct event *try_timer;
};

int wpa_init(struct wpa *w, struct event_base *base, const struct wpa_ops *ops, void *arg,
    struct err *e);

/*
 * Runs wpa_supplicant on the interface with the host's networks. Where it runs
 * already, only what is different is changed, and a connection that has nothing to do
 * with that stays; where that can not be, it is replaced.
 */
int wpa_run(struct wpa *w, const char *ifname, const char *networks, struct err *e);

/*
 * Tries to join a network of the configuration, before all others, which are let in
 * again afterwards. A try that is under way fails for it.
 */
void wpa_try_join(struct wpa *w, const uint8_t *ssid, size_t len, int timeout_ms,
    wpa_joined_fn *fn, void *arg);

/* Ends it and does not start it again. */
void wpa_stop(struct wpa *w);

/* It is no longer to be restarted when it goes: somebody else ends it. */
void wpa_leave(struct wpa *w);

/* A child of ours is gone; false if it was not this one. */
bool wpa_child_gone(struct wpa *w, pid_t pid, int status);

/* Forgets the process, wipes the networks. */
void wpa_free(struct wpa *w);

/* One command; fn is called exactly once. While the supplicant starts it waits. */
void wpa_request(struct wpa *w, const char *cmd, wpa_reply_fn *fn, void *arg);

/* For wpa-change.c and wpa.c alone. */

/* Changes to conf, which it takes. False (conf is still the caller's) where only
 * another process will do. */
bool wpa_change(struct wpa *w, char *conf, size_t len);
/* Keeps networks for when the change that is under way is done; false: none is. */
bool wpa_change_later(struct wpa *w, const char *networks);
/* It is attached: what it has is what stands in the file. */
void wpa_change_attached(struct wpa *w);
/* The process is gone: a change under way is done with the next one. */
void wpa_change_gone(struct wpa *w);
void wpa_change_event(struct wpa *w, const struct wpa_event *ev);
void wpa_change_free(struct wpa *w);
/* Replaces the process, by its end. */
void wpa_replace(struct wpa *w);

#endif
