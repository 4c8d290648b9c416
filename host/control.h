/*
 * The control socket: what `bhyfi` asks bhyfid. See doc/control.md. Who may connect
 * follows from the socket's mode.
 */
#ifndef BHYFI_CONTROL_H
#define BHYFI_CONTROL_H

#include <event2/event.h>
#include <jansson.h>

#include "daemon.h"
#include "err.h"
#include "keep.h"

#define CONTROL_CLIENTS 16
#define CONTROL_LINE_MAX (64 * 1024)
#define CONTROL_OUT_MAX (1024 * 1024)
#define CONTROL_STATUS_MS 1000 /* how long a status waits for the guest's figures */

/* What control asks the daemon. */
struct control_ops {
	enum vm_state (*state)(void *arg);
	/* Why it failed; code ERR_NONE: no reason is known. */
	const struct err *(*why)(void *arg);
	json_t *(*status)(void *arg); /* a new reference */
	/* Asks the guest for figures; false where there is none to ask. The answer is
	 * control_refreshed(). */
	bool (*refresh)(void *arg);
	int (*start)(void *arg, struct err *e);
	int (*stop)(void *arg, struct err *e);
	/* Its end is a state: suspended, stopped, failed. */
	void (*suspend)(void *arg);
	/* Passes a request of the tests on; the answer is control_air_reply(). Takes
	 * the reference. */
	int (*air)(void *arg, json_t *request, struct err *e);
	/* A command that somebody else knows (nets.h): control_answer() ends it, perhaps
	 * from within. */
	void (*call)(void *arg, int64_t call, const char *name, const json_t *request);
	/* The client of such a call is gone. */
	void (*call_gone)(void *arg, int64_t call);
	/* Reads the configuration again; *rest: some of it waits for the next start. */
	int (*reload)(void *arg, bool *rest, struct err *e);
};

enum control_stream {
	CONTROL_LOG,
	CONTROL_CONSOLE,
};
#define CONTROL_STREAMS (CONTROL_CONSOLE + 1)

struct control;

/* Serves a listening socket, which becomes its own; streams are borrowed. NULL without
 * memory. */
struct control *control_new(struct event_base *base, int fd,
    const struct keep *const streams[CONTROL_STREAMS], const struct control_ops *ops,
    void *arg);
/* One more client, already connected; fd is taken. For tests. */
void control_add_client(struct control *c, int fd);
void control_free(struct control *c);

/* News, for those who wait for it. */
void control_changed(struct control *c, enum vm_state state);
void control_stage(struct control *c, const char *stage, int64_t ms);
void control_refreshed(struct control *c);
/* Ends a call: o (takes the reference), or the error where that is NULL. */
void control_answer(struct control *c, int64_t call, json_t *o, const struct err *e);
void control_air_reply(struct control *c, int64_t id, const json_t *reply);
void control_grown(struct control *c, enum control_stream s);

/* Before the end: writes out what fits into the sockets. */
void control_flush(struct control *c);

#endif
