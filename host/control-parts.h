/*
 * What the files of the control socket share: control.c (clients, requests, answers),
 * control-stream.c (log, console, samples).
 */
#ifndef BHYFI_CONTROL_PARTS_H
#define BHYFI_CONTROL_PARTS_H

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "control.h"

#define STREAM_AHEAD 65536 /* no more of a stream is put before the client has read */

enum busy {
	BUSY_NO,
	BUSY_STATUS,
	BUSY_WAIT,
	BUSY_DOWN,
	BUSY_SUSPEND,
	BUSY_AIR,
	BUSY_CALL,
	BUSY_STREAM,
	BUSY_MONITOR, /* samples, and the log as a stream */
};

struct client {
	LIST_ENTRY(client) next;
	struct control *control;
	struct bufferevent *bev;
	struct event *timer;
	enum busy busy;
	bool gone, called;
	int64_t call;         /* its number for op call, no other client's */
	enum vm_state target; /* BUSY_WAIT */
	int64_t air_id;       /* BUSY_AIR */
	json_t *air_client_id;
	enum control_stream stream;
	bool follow;
	uint64_t at, end; /* places in the stream; end is for those who do not follow */
	/* BUSY_MONITOR */
	bool asked; /* a sample waits for the guest's figures */
	int64_t interval_ms, next_ms;
};

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	const struct keep *streams[CONTROL_STREAMS];
	const struct control_ops *ops;
	void *arg;
	LIST_HEAD(, client) clients;
	unsigned n;
	int64_t next_air_id, next_call;
	struct event *sweep;
};

/* Puts an object where the client will read it, and takes the reference; a client that
 * does not read is dropped. */
void control_put(struct client *cl, json_t *o);
/* Bytes that it has not read yet. */
size_t control_waiting(const struct client *cl);
/* {"ok": true}, the end of a request. */
void control_answer_ok(struct client *cl);

/* control-stream.c: the requests, */
void control_cmd_log(struct client *cl, const json_t *req);
void control_cmd_console(struct client *cl, const json_t *req);
void control_cmd_monitor(struct client *cl, const json_t *req);
/* what the client has room for of its stream, */
void control_stream_go(struct client *cl);
/* and samples: begun (BUSY_MONITOR, at the time of the next), and sent, when the guest
 * has answered or its time is up. */
void control_take_sample(struct client *cl);
void control_put_sample(struct client *cl);

#endif
