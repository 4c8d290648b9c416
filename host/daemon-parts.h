/*
 * What the files of bhyfid main share: daemon.c (the loop, what happens), hands.c (what
 * the machine does), modes.c (what differs from mode to mode), daemon-nets.c (networks).
 */
#ifndef BHYFI_DAEMON_PARTS_H
#define BHYFI_DAEMON_PARTS_H

#include <event2/event.h>

#include "agent.h"
#include "console.h"
#include "control.h"
#include "daemon.h"
#include "guest.h"
#include "machine.h"
#include "nets.h"
#include "priv.h"
#include "wpa-clients.h"
#include "wpa-relay.h"

#define FEED_MAX 16

struct fed {
	enum machine_event ev;
	bool has_mac, powered_off;
	uint8_t mac[6];
	char reason[ERR_MSG_MAX];
	const char *hint; /* a constant, or NULL */
};

struct timer {
	struct daemon *daemon;
	enum machine_timer t;
	struct event *event;
};

struct daemon {
	const struct daemon_setup *setup;
	const struct config *config; /* the setup's, or own_config */
	struct config own_config;    /* after a reload */
	const struct vmm_ops *vmm;
	struct event_base *base;
	struct priv *priv;
	struct machine machine;
	struct record record;
	struct guest guest;
	struct agent *agent;
	struct console *console;
	struct control *control;
	struct wpa_relay *wpa;
	struct nets *nets;
	struct wpa_clients *wpa_clients;
	const struct networks *tried; /* sent in the place of the file's; NULL: none */
	struct timer timers[TIMER_COUNT];
	struct event *signals[3], *priv_readable;
	pid_t vm_pid;
	struct image_report image; /* as of the last start or word */
	bool fell_back;            /* to another image, which has not proved itself */
	int64_t prepared_ms;       /* when prepare was done */
	int64_t refreshed_ms;      /* when the guest was last asked for its status */
	bool refreshing;
	bool quitting; /* ends once the machine rests */
	bool ended;    /* the loop is to be left */
	bool in_log;
	struct err fatal; /* why the loop was left */

	struct fed fed[FEED_MAX];
	size_t n_fed;
	bool feeding;
};

/* Leaves the loop. */
void daemon_end(struct daemon *d);
/* An event for the machine; works at once, or behind the one that is being worked on. */
void daemon_feed(struct daemon *d, enum machine_event ev, const struct machine_input *in);
/* A stage on the way to online; only its first time counts. */
void daemon_reached(struct daemon *d, enum stage s);

/* modes.c */

/* The networks file; the caller's to networks_free. */
int modes_networks(struct daemon *d, struct networks *n, struct err *e);
/* Reads the files that the mode needs; warnings are logged. */
int modes_check(struct daemon *d, struct err *e);
/* The message for the guest; holds secrets. A new reference. */
json_t *modes_config(struct daemon *d, struct err *e);
/* Gives the interface the address that it is to have, as far as that is known. */
int modes_tap_mac(struct daemon *d, struct err *e);
/* The mode that is used; false where that has not been decided yet. */
bool modes_effective(const struct daemon *d, enum path_mode *mode);
/* Reads the configuration again; *rest: some of it waits for the next start. */
int modes_reload(struct daemon *d, bool *rest, struct err *e);

/* daemon-nets.c */

int daemon_nets_make(struct daemon *d, struct err *e);
void daemon_nets_free(struct daemon *d);
/* The guest is gone, or another one speaks. */
void daemon_nets_gone(struct daemon *d);
/* MSG_WPA_REPLY, MSG_WPA_EVENT, MSG_JOINED */
void daemon_nets_message(struct daemon *d, enum msg_type type, const json_t *o);

/* hands.c; arg is the struct daemon. */
extern const struct machine_ops daemon_hands;

#endif
