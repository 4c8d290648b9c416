/*
 * Theory of operation.
 *
 * A client has one request at a time: while it is answered (`busy` is not BUSY_NO)
 * its further lines wait in the socket. Commands are rows of a table; one either answers
 * at once or sets `busy` and is answered by one of the news functions. A client that
 * goes is marked `gone`, and freed by a zero timer: never while the list is walked.
 */
#include "control-parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "cleanup.h"
#include "log.h"
#include "loop.h"
#include "msg.h"
#include "paths.h"

#define WAIT_MAX_MS (24 * 3600 * 1000)

static void mark_gone(struct client *cl)
{
	cl->gone = true;
	cl->busy = BUSY_NO;
	bufferevent_disable(cl->bev, EV_READ | EV_WRITE);
	loop_add_ms(cl->control->sweep, 0);
}

static void free_client(struct client *cl)
{
	if (cl->called)
		cl->control->ops->call_gone(cl->control->arg, cl->call);
	LIST_REMOVE(cl, next);
	cl->control->n--;
	json_decref(cl->air_client_id);
	if (cl->timer != NULL)
		event_free(cl->timer);
	if (cl->bev != NULL)
		bufferevent_free(cl->bev);
	free(cl);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct client *cl, *next;

	(void)fd;
	(void)what;
	for (cl = LIST_FIRST(&c->clients); cl != NULL; cl = next) {
		next = LIST_NEXT(cl, next);
		if (cl->gone)
			free_client(cl);
	}
}

size_t control_waiting(const struct client *cl)
{
	return evbuffer_get_length(bufferevent_get_output(cl->bev));
}

void control_put(struct client *cl, json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (cl->gone) {
		free(text);
		return;
	}
	if (text == NULL || control_waiting(cl) + strlen(text) >= CONTROL_OUT_MAX) {
		log_warn("control: a client that does not read is dropped");
		mark_gone(cl);
	} else {
		evbuffer_add_printf(bufferevent_get_output(cl->bev), "%s\n", text);
	}
	free(text);
}

/* The request is answered: the next one, if it has come already. */
static void done(struct client *cl)
{
	event_del(cl->timer);
	json_decref(cl->air_client_id);
	cl->air_client_id = NULL;
	cl->busy = BUSY_NO;
	if (!cl->gone)
		bufferevent_trigger(cl->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void answer(struct client *cl, json_t *o)
{
	control_put(cl, o);
	done(cl);
}

void control_answer_ok(struct client *cl)
{
	answer(cl, json_pack("{s:b}", "ok", 1));
}

static void answer_err(struct client *cl, const struct err *e)
{
	enum err_code code = e->code == ERR_NONE ? ERR_FAILED : e->code;
	const char *msg = e->msg[0] != '\0' ? e->msg : "unknown reason";

	answer(cl, json_pack("{s:{s:s, s:s, s:s}}", "error", "code", err_code_name(code),
		       "message", msg, "hint", e->hint));
}

static void refuse(struct client *cl, enum err_code code, const char *text)
{
	struct err e = ERR_INIT;

	err_set(&e, code, "%s", text);
	answer_err(cl, &e);
}

static void answer_status(struct client *cl)
{
	json_t *o = cl->control->ops->status(cl->control->arg);

	if (o != NULL)
		json_object_set_new(o, "ok", json_true());
	answer(cl, o);
}

static void answer_why(struct client *cl)
{
	answer_err(cl, cl->control->ops->why(cl->control->arg));
}

static void put_progress(struct client *cl, const char *stage, int64_t ms)
{
	const char *state = state_name(cl->control->ops->state(cl->control->arg));

	if (stage == NULL)
		control_put(cl, json_pack("{s:s}", "progress", state));
	else
		control_put(cl, json_pack("{s:s, s:s, s:I}", "progress", state, "stage",
				    stage, "ms", (json_int_t)ms));
}

static void check_suspend(struct client *cl, enum vm_state now)
{
	if (now == STATE_SUSPENDED || now == STATE_STOPPED)
		answer_status(cl);
	else if (now == STATE_FAILED)
		answer_why(cl);
	else if (now != STATE_STOPPING)
		refuse(cl, ERR_FAILED, "it was started again");
}

/* The state that a `wait` or `down` waits for, or one from which it can not come. */
static void check_wait(struct client *cl, enum vm_state now)
{
	if (cl->busy == BUSY_SUSPEND)
		check_suspend(cl, now);
	else if (cl->busy == BUSY_DOWN && now == STATE_STOPPED)
		control_answer_ok(cl);
	else if (cl->busy == BUSY_WAIT && now == cl->target)
		answer_status(cl);
	else if (now == STATE_FAILED)
		answer_why(cl);
	else if (cl->busy == BUSY_WAIT && now == STATE_STOPPED)
		refuse(cl, ERR_NOT_RUNNING, "it was stopped");
	else if (cl->busy == BUSY_WAIT && now == STATE_SUSPENDED)
		refuse(cl, ERR_FAILED, "it was suspended");
}

/* The commands. */

static void cmd_status(struct client *cl, const json_t *req)
{
	(void)req;
	if (!cl->control->ops->refresh(cl->control->arg)) {
		answer_status(cl);
		return;
	}
	cl->busy = BUSY_STATUS;
	loop_add_ms(cl->timer, CONTROL_STATUS_MS);
}

static void put_past_stages(struct client *cl)
{
	json_t *status = cl->control->ops->status(cl->control->arg), *ms;
	const char *name;

	json_object_foreach (json_object_get(status, "stages"), name, ms)
		put_progress(cl, name, json_integer_value(ms));
	json_decref(status);
}

static void cmd_wait(struct client *cl, const json_t *req)
{
	int64_t timeout = msg_int(req, "timeout_ms", 0, WAIT_MAX_MS, 0);
	const char *state = msg_str(req, "state", "online");
	enum vm_state now = cl->control->ops->state(cl->control->arg);

	if (state_parse(state, &cl->target) < 0 ||
	    (cl->target != STATE_ONLINE && cl->target != STATE_STOPPED)) {
		refuse(cl, ERR_USAGE, "wait: state: expected online or stopped");
		return;
	}
	cl->busy = BUSY_WAIT;
	if (timeout > 0)
		loop_add_ms(cl->timer, timeout);
	put_progress(cl, NULL, 0);
	if (cl->target == STATE_ONLINE && now != STATE_FAILED && now != STATE_STOPPED)
		put_past_stages(cl);
	check_wait(cl, now);
}

static void cmd_start(struct client *cl, const json_t *req)
{
	struct err e = ERR_INIT;

	(void)req;
	if (cl->control->ops->start(cl->control->arg, &e) < 0)
		answer_err(cl, &e);
	else
		control_answer_ok(cl);
}

static void cmd_down(struct client *cl, const json_t *req)
{
	struct err e = ERR_INIT;

	(void)req;
	/* Before the stop: it may be done within the call. */
	cl->busy = BUSY_DOWN;
	if (cl->control->ops->stop(cl->control->arg, &e) < 0)
		answer_err(cl, &e);
}

static void cmd_suspend(struct client *cl, const json_t *req)
{
	struct control *c = cl->control;

	(void)req;
	/* Before it: it may be done within the call. */
	cl->busy = BUSY_SUSPEND;
	c->ops->suspend(c->arg);
	/* Where it was suspended before, or is stopping, nothing has changed. */
	if (cl->busy == BUSY_SUSPEND)
		check_wait(cl, c->ops->state(c->arg));
}

static void cmd_reload(struct client *cl, const json_t *req)
{
	struct err e = ERR_INIT;
	bool rest = false;

	(void)req;
	if (cl->control->ops->reload(cl->control->arg, &rest, &e) < 0)
		answer_err(cl, &e);
	else
		answer(cl, json_pack("{s:b, s:b}", "ok", 1, "restart_needed", rest));
}

static void cmd_air(struct client *cl, const json_t *req)
{
	struct control *c = cl->control;
	json_t *request = json_object_get(req, "request"), *copy;
	struct err e = ERR_INIT;

	if (!json_is_object(request)) {
		refuse(cl, ERR_USAGE, "air: request: expected an object");
		return;
	}
	copy = json_copy(request);
	if (copy == NULL) {
		refuse(cl, ERR_FAILED, "air: out of memory");
		return;
	}
	cl->air_client_id = json_incref(json_object_get(request, "id"));
	cl->air_id = c->next_air_id++;
	json_object_set_new(copy, "id", json_integer(cl->air_id));
	cl->busy = BUSY_AIR;
	if (c->ops->air(c->arg, copy, &e) < 0)
		answer_err(cl, &e);
}

static void cmd_call(struct client *cl, const json_t *req)
{
	struct control *c = cl->control;

	/* Before it: it may be answered within the call. */
	cl->busy = BUSY_CALL;
	cl->called = true;
	c->ops->call(c->arg, cl->call, msg_str(req, "cmd", ""), req);
}

static void cmd_version(struct client *cl, const json_t *req)
{
	(void)req;
	answer(cl, json_pack("{s:b, s:s, s:i, s:i}", "ok", 1, "version", BHYFI_VERSION,
		       "protocol", PROTOCOL_VERSION, "pid", (int)getpid()));
}

static const struct {
	const char *name;
	void (*run)(struct client *cl, const json_t *req);
} commands[] = {
    {"status", cmd_status},
    {"wait", cmd_wait},
    {"start", cmd_start},
    {"down", cmd_down},
    {"suspend", cmd_suspend},
    {"reload", cmd_reload},
    {"log", control_cmd_log},
    {"console", control_cmd_console},
    {"monitor", control_cmd_monitor},
    {"air", cmd_air},
    {"scan", cmd_call},
    {"networks", cmd_call},
    {"join", cmd_call},
    {"version", cmd_version},
};

static void request(struct client *cl, const char *line, size_t len)
{
	json_t *req = msg_parse(line, len);
	const char *cmd;

	if (req == NULL) {
		refuse(cl, ERR_USAGE, "expected a JSON object on each line");
		return;
	}
	cmd = msg_str(req, "cmd", "");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, cmd) == 0) {
			commands[i].run(cl, req);
			json_decref(req);
			return;
		}
	refuse(cl, ERR_USAGE, "cmd: no such command");
	json_decref(req);
}

/* Events of one client. */

static void process(struct client *cl)
{
	struct evbuffer *in = bufferevent_get_input(cl->bev);
	size_t len;

	while (cl->busy == BUSY_NO && !cl->gone) {
		char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);

		if (line == NULL)
			break;
		if (len <= CONTROL_LINE_MAX)
			request(cl, line, len);
		else
			refuse(cl, ERR_USAGE, "a request of more than 64 KiB");
		explicit_bzero(line, len); /* it may hold networks */
		free(line);
	}
	if (!cl->gone && cl->busy == BUSY_NO &&
	    evbuffer_get_length(in) > CONTROL_LINE_MAX) {
		refuse(cl, ERR_USAGE, "a request of more than 64 KiB");
		control_flush(cl->control);
		mark_gone(cl);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	process(arg);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	struct client *cl = arg;

	(void)bev;
	if (cl->busy == BUSY_STREAM || cl->busy == BUSY_MONITOR)
		control_stream_go(cl);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		mark_gone(arg);
}

static void on_client_timer(evutil_socket_t fd, short what, void *arg)
{
	struct client *cl = arg;

	(void)fd;
	(void)what;
	if (cl->busy == BUSY_STATUS)
		answer_status(cl);
	else if (cl->busy == BUSY_MONITOR && cl->asked)
		control_put_sample(cl);
	else if (cl->busy == BUSY_MONITOR)
		control_take_sample(cl);
	else if (cl->busy == BUSY_WAIT)
		refuse(cl, ERR_TIMEOUT,
		    cl->target == STATE_ONLINE ? "not online in time"
					       : "not stopped in time");
}

void control_add_client(struct control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL || c->n >= CONTROL_CLIENTS) {
		static const char text[] =
		    "{\"error\":{\"code\":\"failed\",\"message\":\"too "
		    "many clients\",\"hint\":\"\"}}\n";

		if (write(fd, text, sizeof(text) - 1) < 0)
			log_debug("control: a client too many is gone already");
		close(fd);
		free(cl);
		return;
	}
	LIST_INSERT_HEAD(&c->clients, cl, next);
	c->n++;
	cl->control = c;
	cl->call = ++c->next_call;
	evutil_make_socket_nonblocking(fd);
	cl->timer = evtimer_new(c->base, on_client_timer, cl);
	cl->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (cl->timer == NULL || cl->bev == NULL) {
		if (cl->bev == NULL)
			close(fd);
		free_client(cl);
		return;
	}
	bufferevent_setcb(cl->bev, on_read, on_drained, on_event, cl);
	bufferevent_setwatermark(cl->bev, EV_READ, 0, CONTROL_LINE_MAX + 2);
	bufferevent_setwatermark(cl->bev, EV_WRITE, STREAM_AHEAD / 2, 0);
	bufferevent_enable(cl->bev, EV_READ | EV_WRITE);
}

static void on_accept(
    struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	(void)l;
	(void)sa;
	(void)len;
	control_add_client(arg, fd);
}

struct control *control_new(struct event_base *base, int fd,
    const struct keep *const streams[CONTROL_STREAMS], const struct control_ops *ops,
    void *arg)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	for (unsigned i = 0; i < CONTROL_STREAMS; i++)
		c->streams[i] = streams[i];
	c->ops = ops;
	c->arg = arg;
	c->next_air_id = 1;
	LIST_INIT(&c->clients);
	c->sweep = evtimer_new(base, on_sweep, c);
	if (c->sweep == NULL)
		goto fail;
	if (fd < 0)
		return c;
	c->listener = evconnlistener_new(
	    base, on_accept, c, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (c->listener != NULL)
		return c;
fail:
	control_free(c);
	return NULL;
}

void control_free(struct control *c)
{
	struct client *cl;

	if (c == NULL)
		return;
	while ((cl = LIST_FIRST(&c->clients)) != NULL) {
		cl->called = false; /* those who would hear it are gone, too */
		free_client(cl);
	}
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	if (c->sweep != NULL)
		event_free(c->sweep);
	free(c);
}

/* News. */

static bool has_guest(enum vm_state state)
{
	return state == STATE_AGENT || state == STATE_ASSOCIATING ||
	       state == STATE_ONLINE || state == STATE_STOPPING;
}

void control_changed(struct control *c, enum vm_state state)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	{
		/* Nobody is left to answer. */
		if (cl->busy == BUSY_AIR && !has_guest(state))
			refuse(cl, ERR_FAILED, "air: the guest is gone");
		if (cl->busy != BUSY_WAIT && cl->busy != BUSY_DOWN &&
		    cl->busy != BUSY_SUSPEND)
			continue;
		put_progress(cl, NULL, 0);
		check_wait(cl, state);
	}
}

void control_stage(struct control *c, const char *stage, int64_t ms)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	if (cl->busy == BUSY_WAIT)
		put_progress(cl, stage, ms);
}

void control_refreshed(struct control *c)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	{
		if (cl->busy == BUSY_STATUS)
			answer_status(cl);
		else if (cl->busy == BUSY_MONITOR && cl->asked)
			control_put_sample(cl);
	}
}

void control_air_reply(struct control *c, int64_t id, const json_t *reply)
{
	struct client *cl;
	json_t *copy;

	LIST_FOREACH(cl, &c->clients, next)
	{
		if (cl->busy != BUSY_AIR || cl->air_id != id)
			continue;
		copy = json_deep_copy(reply);
		json_object_del(copy, "id");
		if (cl->air_client_id != NULL)
			json_object_set(copy, "id", cl->air_client_id);
		answer(cl, json_pack("{s:b, s:o}", "ok", 1, "reply", copy));
		return;
	}
}

void control_answer(struct control *c, int64_t call, json_t *o, const struct err *e)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	{
		if (cl->busy != BUSY_CALL || cl->call != call)
			continue;
		if (o != NULL)
			answer(cl, o);
		else
			answer_err(cl, e);
		return;
	}
	json_decref(o);
}

void control_grown(struct control *c, enum control_stream s)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	if ((cl->busy == BUSY_STREAM || cl->busy == BUSY_MONITOR) && cl->stream == s &&
	    cl->follow)
		control_stream_go(cl);
}

void control_flush(struct control *c)
{
	struct client *cl;

	LIST_FOREACH(cl, &c->clients, next)
	{
		struct evbuffer *out = bufferevent_get_output(cl->bev);

		if (cl->gone)
			continue;
		/* The bufferevent keeps its buffer for itself but for this. */
		evbuffer_unfreeze(out, 1);
		evbuffer_write(out, bufferevent_getfd(cl->bev));
		evbuffer_freeze(out, 1);
	}
}
