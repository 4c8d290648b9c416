#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf.h"

#define REPLY_MAX 4096
#define REPLY_TIMEOUT_S 2

struct request {
	struct event *ev;
	int fd;
	struct sockaddr_un own;
	char ifname[16], cmd[CTL_COMMAND_MAX];
	ctl_reply *done;
	void *arg;
};

static void request_free(struct request *r)
{
	if (r->ev != NULL)
		event_free(r->ev);
	if (r->fd >= 0)
		close(r->fd);
	if (r->own.sun_path[0] != '\0')
		unlink(r->own.sun_path);
	free(r);
}

static void on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct request *r = arg;
	struct err e = ERR_INIT;
	char buf[REPLY_MAX];
	ssize_t n = -1;

	if ((what & EV_READ) != 0) {
		n = recv(fd, buf, sizeof(buf) - 1, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			event_add(r->ev, &(struct timeval){REPLY_TIMEOUT_S, 0});
			return;
		}
		if (n < 0)
			err_sys(&e, errno, "hostapd %s: %s", r->ifname, r->cmd);
	} else {
		err_set(&e, ERR_TIMEOUT, "hostapd %s: %s: no answer", r->ifname, r->cmd);
	}
	buf[n > 0 ? n : 0] = '\0';
	r->done(r->arg, n >= 0 ? buf : NULL, &e);
	request_free(r);
}

/* hostapd answers to the sender's address: our socket needs a name. */
static int request_connect(struct request *r, struct err *e)
{
	static unsigned serial;
	struct sockaddr_un peer = {.sun_family = AF_UNIX};

	r->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0)
		return err_sys(e, errno, "socket");
	r->own.sun_family = AF_UNIX;
	snprintf(r->own.sun_path, sizeof(r->own.sun_path), AIR_RUN "/ctl-%u", serial++);
	unlink(r->own.sun_path);
	if (bind(r->fd, (struct sockaddr *)&r->own, sizeof(r->own)) < 0) {
		r->own.sun_path[0] = '\0';
		return err_sys(e, errno, "bind");
	}
	snprintf(peer.sun_path, sizeof(peer.sun_path), AIR_HOSTAPD_CTRL "/%s", r->ifname);
	if (connect(r->fd, (struct sockaddr *)&peer, sizeof(peer)) < 0 ||
	    send(r->fd, r->cmd, strlen(r->cmd), MSG_NOSIGNAL) < 0)
		return err_sys(e, errno, "hostapd %s: %s", r->ifname, r->cmd);
	return 0;
}

int ctl_request(struct event_base *base, const char *ifname, const char *cmd,
    ctl_reply *done, void *arg, struct err *e)
{
	struct request *r;

	if (strlen(cmd) >= CTL_COMMAND_MAX)
		return err_sys(e, ENAMETOOLONG, "hostapd: %s", cmd);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_sys(e, ENOMEM, "hostapd");
	r->fd = -1;
	r->done = done;
	r->arg = arg;
	snprintf(r->ifname, sizeof(r->ifname), "%s", ifname);
	memcpy(r->cmd, cmd, strlen(cmd) + 1);
	if (request_connect(r, e) < 0)
		goto fail;
	r->ev = event_new(base, r->fd, EV_READ, on_reply, r);
	if (r->ev == NULL ||
	    event_add(r->ev, &(struct timeval){REPLY_TIMEOUT_S, 0}) < 0) {
		err_sys(e, ENOMEM, "hostapd");
		goto fail;
	}
	return 0;
fail:
	request_free(r);
	return -1;
}
