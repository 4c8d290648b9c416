#include "chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "request.h"

static int channel = -1;

int chan_open(int fd, struct err *e)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return err_set(e, ERR_PRECONDITION,
		    "descriptor %d is no SOCK_SEQPACKET socket: started by bhyfi-guest "
		    "only",
		    fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	channel = fd;
	return 0;
}

void chan_send(json_t *o)
{
	AUTO_FREE char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	ssize_t n;

	json_decref(o);
	if (text == NULL || channel < 0 || strlen(text) > AIR_PACKET_MAX)
		return;
	/* An agent that is gone is seen when reading. */
	while (
	    (n = send(channel, text, strlen(text), MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
}

void chan_event(const char *event, json_t *members)
{
	json_t *o = json_pack("{s:s}", "event", event);

	if (members != NULL) {
		json_object_update(o, members);
		json_decref(members);
	}
	chan_send(o);
}

void chan_reply(json_int_t id, json_t *members)
{
	json_t *o = json_pack("{s:I, s:b}", "id", id, "ok", 1);
	AUTO_FREE char *text = NULL;

	if (members != NULL) {
		json_object_update(o, members);
		json_decref(members);
	}
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL && strlen(text) > AIR_PACKET_MAX) {
		struct err e = ERR_INIT;

		json_decref(o);
		err_set(
		    &e, ERR_FAILED, "the answer is longer than %d bytes", AIR_PACKET_MAX);
		chan_reply_error(id, &e);
		return;
	}
	chan_send(o);
}

void chan_reply_error(json_int_t id, const struct err *e)
{
	chan_send(json_pack("{s:I, s:s}", "id", id, "error", e->msg));
}

void chan_log_sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	chan_event(
	    "log", json_pack("{s:s, s:s}", "level", log_level_name(level), "text", text));
}
