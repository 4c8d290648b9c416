/* Requests on the control socket. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "log.h"

static int do_reload(void *arg, bool *rest, struct err *e)
{
	(void)arg;
	(void)e;
	*rest = false;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vm_state get_state(void *arg)
{
	(void)arg;
	return STATE_BOOTING;
}

static const struct err *get_why(void *arg)
{
	static const struct err e = ERR_INIT;

	(void)arg;
	return &e;
}

static json_t *get_status(void *arg)
{
	(void)arg;
	return json_pack("{s:s, s:{}}", "state", "booting", "stages");
}

static bool do_refresh(void *arg)
{
	(void)arg;
	return false;
}

static void do_call(void *arg, int64_t call, const char *name, const json_t *request)
{
	(void)arg;
	(void)call;
	(void)name;
	(void)request;
}

static void do_call_gone(void *arg, int64_t call)
{
	(void)arg;
	(void)call;
}

static void do_suspend(void *arg)
{
	(void)arg;
}

static int do_start(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return 0;
}

static int do_air(void *arg, json_t *request, struct err *e)
{
	(void)arg;
	json_decref(request);
	return err_set(e, ERR_FAILED, "no air here");
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static void turn(struct event_base *base, int fd)
{
	char buf[4096];

	for (int i = 0; i < 8; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct control_ops ops = {get_state, get_why, get_status, do_refresh,
	    do_start, do_start, do_suspend, do_air, .reload = do_reload, .call = do_call,
	    .call_gone = do_call_gone};
	static struct event_base *base;
	static struct keep log;
	const struct keep *streams[CONTROL_STREAMS] = {&log, &log};
	struct control *c;
	int fd[2];

	if (base == NULL) {
		log_set_sink(sink, NULL);
		base = event_base_new();
		if (base == NULL || keep_init(&log, NULL) < 0)
			abort();
		keep_add(&log, "a line\n", 7);
	}
	c = control_new(base, -1, streams, &ops, NULL);
	if (c == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		abort();
	control_add_client(c, fd[0]);
	while (size > 0) {
		size_t n = size < 32768 ? size : 32768;
		ssize_t sent = send(fd[1], data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		data += sent;
		size -= (size_t)sent;
		turn(base, fd[1]);
	}
	control_changed(c, STATE_ONLINE);
	turn(base, fd[1]);
	control_free(c);
	close(fd[1]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return 0;
}
