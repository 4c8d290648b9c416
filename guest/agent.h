/*
 * The agent: speaks to the host, and has a back end do the work. The back end
 * calls the agent_*() functions whenever something changed; the agent remembers
 * the last of each, so that a host that (re)connects hears the present state.
 */
#ifndef BHYFI_GUEST_AGENT_H
#define BHYFI_GUEST_AGENT_H

#include <stdbool.h>

#include <event2/event.h>
#include <jansson.h>

#include "err.h"
#include "settings.h"
#include "state.h"

struct agent;

enum stage {
	STAGE_INIT,
	STAGE_MODULES,
	STAGE_CHANNEL,
	STAGE_CONFIG,
	STAGE_RADIO,
	STAGE_SUPPLICANT,
	STAGE_ASSOCIATED,
	STAGE_PATH,
};
#define STAGE_COUNT (STAGE_PATH + 1)

/* Of events in the back end's base that may wait; the default is before it. */
#define AGENT_PRIORITY_LOW 2

/* st is what start returned. */
struct guest_ops {
	const char *name;
	/* Starts what needs no configuration. NULL on error. arg is the program's. */
	void *(*start)(
	    struct agent *a, struct event_base *base, void *arg, struct err *e);
	/* New settings; s stays valid until the next call. */
	void (*configure)(void *st, const struct settings *s);
	/* One command for the supplicant; agent_wpa_reply answers, sooner or later. */
	void (*wpa)(void *st, json_int_t id, const char *cmd);
	/* Joins a network of the settings before all others; agent_joined answers. */
	void (*join)(
	    void *st, json_int_t id, const uint8_t *ssid, size_t len, int timeout_ms);
	/* For the simulated WLAN; agent_air_reply answers. o is borrowed. */
	void (*air)(void *st, const json_t *o);
	/* Adds what it knows of the link to wlan. */
	void (*status)(void *st, json_t *wlan);
	/* Stops everything; agent_released ends it. */
	void (*release)(void *st, const char *reason);
	/* The last call, before the event base goes. */
	void (*free)(void *st);
};

struct agent_options {
	const struct guest_ops *ops;
	void *ops_arg;
	int console;     /* descriptor for log lines; ours */
	size_t window;   /* of the link, bytes */
	bool boot_clock; /* stages count from the kernel's start, else from ours */
};

/* Runs until it is released. Returns the exit status. */
int agent_run(const struct agent_options *opts);

/* Gives the channel a descriptor; see channel_open. */
int agent_channel(struct agent *a, int fd, bool hup_waits, struct err *e);
/* Called back when the channel's descriptor failed; set by the back end. */
void agent_on_channel_closed(struct agent *a, void (*fn)(void *arg), void *arg);

/* The first time counts; later calls are ignored. */
void agent_stage(struct agent *a, enum stage s);
/* NULL: the radio is gone. */
void agent_radio(struct agent *a, const struct radio *r);
void agent_wlan(struct agent *a, const struct wlan_state *s);
/* why: what the path, or the choice of the mode, has to say of it, else "". */
void agent_path(struct agent *a, bool up, const char *mode, const char *why);
/* With a word by which the host knows what to advise (protocol.md), for what can not get
 * better by itself. */
void agent_failed_as(struct agent *a, const char *what, const char *reason);
void agent_failed(struct agent *a, bool fatal, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One of reply and error is NULL. */
void agent_wpa_reply(
    struct agent *a, json_int_t id, const char *reply, const char *error);
void agent_wpa_event(struct agent *a, const char *text);
/* result: "joined", or what hindered it (wpa-join.h), and why for people. */
void agent_joined(struct agent *a, json_int_t id, const char *result, const char *reason);
/* Takes the reference. */
void agent_air_reply(struct agent *a, json_t *o);
void agent_air_error(struct agent *a, const json_t *request, const char *error);
void agent_released(struct agent *a, bool supplicant_stopped, bool driver_unbound);

#endif
