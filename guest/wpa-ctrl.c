#include "wpa-ctrl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

#define REPLY_MAX 8192
#define REQUESTS_MAX 64
/* The supplicant answers from its loop; only a hung driver call takes longer. */
#define REPLY_S 8

struct request {
	STAILQ_ENTRY(request) next;
	wpa_reply_fn *fn;
	void *arg;
	bool sent;
	size_t len;
	char cmd[];
};

struct wpa_ctrl_client {
	const struct wpa_ctrl_ops *ops;
	void *arg;
	int cmd_fd, event_fd;
	struct event *cmd_ev, *event_ev, *timer;
	STAILQ_HEAD(, request) requests; /* the first is under way */
	unsigned count;
	bool attached;
};

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX}, us = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(e, ERR_FAILED, "%s: path is too long", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	/* Linux chooses an abstract address for a bind without a path. */
	if (bind(fd, (struct sockaddr *)&us, sizeof(us.sun_family)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err_sys(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static void send_first(struct wpa_ctrl_client *c);

static void finish_first(struct wpa_ctrl_client *c, const char *reply, const char *why)
{
	struct request *r = STAILQ_FIRST(&c->requests);

	STAILQ_REMOVE_HEAD(&c->requests, next);
	c->count--;
	evtimer_del(c->timer);
	r->fn(r->arg, reply, why);
	explicit_bzero(r->cmd, r->len);
	free(r);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct wpa_ctrl_client *c = arg;

	(void)fd;
	(void)what;
	/* A late reply would be taken for the next one's: this client is done. */
	c->ops->lost(c->arg, "wpa_supplicant does not answer");
}

/* Once: whoever hears a reply may have made a request, which is on its way then. */
static void send_first(struct wpa_ctrl_client *c)
{
	static const struct timeval limit = {REPLY_S, 0};
	struct request *r;

	while ((r = STAILQ_FIRST(&c->requests)) != NULL && !r->sent) {
		if (send(c->cmd_fd, r->cmd, r->len, 0) == (ssize_t)r->len) {
			r->sent = true;
			evtimer_add(c->timer, &limit);
			return;
		}
		finish_first(c, NULL, strerror(errno));
	}
}

/* One packet, terminated; -1 where there is none, and a broken socket is reported. */
static ssize_t receive(struct wpa_ctrl_client *c, int fd, char buf[REPLY_MAX])
{
	ssize_t n = recv(fd, buf, REPLY_MAX - 1, 0);

	if (n >= 0)
		buf[n] = '\0';
	else if (errno != EAGAIN && errno != EINTR)
		c->ops->lost(c->arg, strerror(errno));
	return n;
}

static void on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct wpa_ctrl_client *c = arg;
	char buf[REPLY_MAX];
	ssize_t n;

	(void)what;
	n = receive(c, fd, buf);
	if (n < 0)
		return;
	if (STAILQ_EMPTY(&c->requests))
		return;
	finish_first(c, buf, NULL);
	explicit_bzero(buf, (size_t)n);
	send_first(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct wpa_ctrl_client *c = arg;
	char buf[REPLY_MAX];
	ssize_t n;

	(void)what;
	n = receive(c, fd, buf);
	if (n < 0)
		return;
	buf[strcspn(buf, "\n")] = '\0';
	if (!c->attached && strcmp(buf, "OK") == 0) {
		c->attached = true;
		c->ops->attached(c->arg);
		return;
	}
	c->ops->event(c->arg, buf);
}

struct wpa_ctrl_client *wpa_ctrl_client_open(struct event_base *base, const char *path,
    const struct wpa_ctrl_ops *ops, void *arg, struct err *e)
{
	struct wpa_ctrl_client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_sys(e, ENOMEM, "%s", path);
		return NULL;
	}
	c->ops = ops;
	c->arg = arg;
	c->event_fd = -1;
	STAILQ_INIT(&c->requests);
	c->cmd_fd = connect_to(path, e);
	if (c->cmd_fd < 0)
		goto fail;
	c->event_fd = connect_to(path, e);
	if (c->event_fd < 0)
		goto fail;
	c->cmd_ev = event_new(base, c->cmd_fd, EV_READ | EV_PERSIST, on_reply, c);
	c->event_ev = event_new(base, c->event_fd, EV_READ | EV_PERSIST, on_event, c);
	c->timer = evtimer_new(base, on_timeout, c);
	if (c->cmd_ev == NULL || c->event_ev == NULL || c->timer == NULL ||
	    event_add(c->cmd_ev, NULL) < 0 || event_add(c->event_ev, NULL) < 0) {
		err_sys(e, ENOMEM, "%s", path);
		goto fail;
	}
	if (send(c->event_fd, "ATTACH", 6, 0) != 6) {
		err_sys(e, errno, "%s", path);
		goto fail;
	}
	return c;
fail:
	wpa_ctrl_client_close(c);
	return NULL;
}

void wpa_ctrl_client_close(struct wpa_ctrl_client *c)
{
	if (c == NULL)
		return;
	while (!STAILQ_EMPTY(&c->requests))
		finish_first(c, NULL, "wpa_supplicant is gone");
	if (c->cmd_ev != NULL)
		event_free(c->cmd_ev);
	if (c->event_ev != NULL)
		event_free(c->event_ev);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->cmd_fd >= 0)
		close(c->cmd_fd);
	if (c->event_fd >= 0)
		close(c->event_fd);
	free(c);
}

void wpa_ctrl_client_request(
    struct wpa_ctrl_client *c, const char *cmd, wpa_reply_fn *fn, void *arg)
{
	size_t len = strlen(cmd);
	struct request *r;

	if (len == 0 || len >= WPA_CTRL_CMD_MAX) {
		fn(arg, NULL, "a command of 1 to 4095 bytes was expected");
		return;
	}
	r = c->count < REQUESTS_MAX ? malloc(sizeof(*r) + len + 1) : NULL;
	if (r == NULL) {
		fn(arg, NULL, "too many commands wait");
		return;
	}
	r->fn = fn;
	r->sent = false;
	r->arg = arg;
	r->len = len;
	memcpy(r->cmd, cmd, len + 1);
	STAILQ_INSERT_TAIL(&c->requests, r, next);
	if (c->count++ == 0)
		send_first(c);
}
