/*
 * Theory of operation.
 *
 * One read event, one write event (only while the socket is full), one timer for what
 * the link wants and one for the end of the second in which the guest has sent its
 * share. A guest above its share is not read any more: the bytes stay in its
 * own virtio queue, not in our memory.
 *
 * The link's callbacks run inside link_input; they may send, but never close the
 * connection: pump() writes afterwards.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"
#include "unixsock.h"
#include "log.h"
#include "loop.h"

#define WINDOW (64 * 1024)
/* A burst of more overruns a UART's FIFO: seen on bhyve's, the first loss after 1,920
 * bytes. */
#define WINDOW_SERIAL 1024
#define READ_MAX 4096
#define RECONNECTS 8 /* in a row, without a byte in between */
#define RECONNECT_MS 250

struct agent {
	struct event_base *base;
	const struct agent_ops *ops;
	void *arg;

	int fd; /* -1: not connected */
	struct link *link;
	struct event *readable, *writable, *timer, *resume, *reconnect;
	agent_open_fn *open; /* NULL: it is not opened again */
	void *open_arg;
	char path[UNIX_NAME_MAX];
	unsigned reconnects;

	int64_t second; /* when the one that is counted began */
	size_t bytes;
	unsigned messages, bad;
	bool told_broken;
};

static void broken(struct agent *a, const char *why)
{
	if (a->told_broken)
		return;
	a->told_broken = true;
	a->ops->broken(a->arg, why);
}

static void link_up_cb(void *arg, const json_t *peer)
{
	struct agent *a = arg;
	char who[32], version[32], why[96];
	int64_t protocol = msg_int(peer, "protocol", 0, INT32_MAX, -1);

	msg_str_copy(peer, "who", who, sizeof(who));
	msg_str_copy(peer, "version", version, sizeof(version));
	if (protocol != PROTOCOL_VERSION) {
		snprintf(why, sizeof(why), "the guest speaks protocol %lld, expected %d",
		    (long long)protocol, PROTOCOL_VERSION);
		broken(a, why);
		return;
	}
	log_info("agent: %s %s", who, version);
	a->ops->up(a->arg);
}

static void link_message_cb(void *arg, enum msg_type type, const json_t *o)
{
	struct agent *a = arg;

	a->messages++;
	if (!a->told_broken)
		a->ops->message(a->arg, type, o);
}

static void link_bad_cb(void *arg, unsigned count)
{
	struct agent *a = arg;

	(void)count;
	a->bad++;
	log_warn("agent: not a message (%u of %d)", a->bad, AGENT_BAD_MAX);
	if (a->bad >= AGENT_BAD_MAX)
		broken(a, "the guest sends what is no message");
}

static const struct link_ops link_ops = {link_up_cb, link_message_cb, link_bad_cb};

static void lost(struct agent *a)
{

	event_del(a->readable);
	event_del(a->writable);
	event_del(a->timer);
	event_del(a->resume);
	close(a->fd);
	a->fd = -1;
	/* If the VM is gone, priv says so; if not, the beat supervision has the last
	 * word. */
	if (a->open != NULL && a->reconnects++ < RECONNECTS)
		loop_add_ms(a->reconnect, RECONNECT_MS);
}

/* Writes what the link wants written and arms its timer. */
static void pump(struct agent *a)
{
	const uint8_t *p;
	size_t len;
	ssize_t n;
	int ms;

	if (a->fd < 0)
		return;
	while ((p = link_output(a->link, clock_ms(), &len)), len > 0) {
		/* SIGPIPE is ignored; a serial port knows no send(). */
		n = write(a->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(a->writable, NULL);
			break;
		}
		if (n < 0) {
			lost(a);
			return;
		}
		link_output_done(a->link, (size_t)n);
	}
	ms = link_timer_ms(a->link, clock_ms());
	if (ms < 0) {
		event_del(a->timer);
		return;
	}
	loop_add_ms(a->timer, ms);
}

static bool above_share(struct agent *a, int64_t now)
{

	if (now - a->second >= 1000) {
		a->second = now;
		a->bytes = 0;
		a->messages = 0;
	}
	if (a->bytes < AGENT_BYTES_PER_S && a->messages < AGENT_MESSAGES_PER_S)
		return false;
	event_del(a->readable);
	loop_add_ms(a->resume, 1000 - (now - a->second));
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	uint8_t buf[READ_MAX];
	ssize_t n;

	(void)what;
	if (above_share(a, clock_ms()))
		return;
	n = read(fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(a);
		return;
	}
	a->reconnects = 0;
	a->bytes += (size_t)n;
	link_input(a->link, buf, (size_t)n, clock_ms());
	explicit_bzero(buf, sizeof(buf));
	pump(a);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	link_tick(a->link, clock_ms());
	pump(a);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	if (a->fd >= 0)
		event_add(a->readable, NULL);
}

static int make_events(struct agent *a, int fd, struct err *e)
{
	event_assign(a->readable, a->base, fd, EV_READ | EV_PERSIST, on_readable, a);
	event_assign(a->writable, a->base, fd, EV_WRITE, on_writable, a);
	if (event_add(a->readable, NULL) < 0)
		return err_set(e, ERR_FAILED, "agent channel: no event");
	return 0;
}

static json_t *our_hello(void)
{
	return json_pack("{s:s, s:s, s:i}", "who", "bhyfid", "version", BHYFI_VERSION,
	    "protocol", PROTOCOL_VERSION);
}

static void on_reconnect(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;
	struct err e = ERR_INIT;
	int fd = a->open(a->open_arg, &e);

	(void)unused;
	(void)what;
	if (fd < 0) {
		log_debug("agent: %s", e.msg);
		if (a->reconnects++ < RECONNECTS)
			loop_add_ms(a->reconnect, RECONNECT_MS);
		return;
	}
	a->fd = fd;
	link_restart(a->link, clock_ms());
	if (make_events(a, fd, &e) < 0) {
		log_warn("%s", e.msg);
		return;
	}
	pump(a);
}

struct agent *agent_new(struct event_base *base, const struct agent_ops *ops, void *arg)
{
	struct agent *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->base = base;
	a->ops = ops;
	a->arg = arg;
	a->fd = -1;
	a->readable = event_new(base, -1, 0, on_readable, a);
	a->writable = event_new(base, -1, 0, on_writable, a);
	a->timer = evtimer_new(base, on_timer, a);
	a->resume = evtimer_new(base, on_resume, a);
	a->reconnect = evtimer_new(base, on_reconnect, a);
	if (a->readable == NULL || a->writable == NULL || a->timer == NULL ||
	    a->resume == NULL || a->reconnect == NULL) {
		agent_free(a);
		return NULL;
	}
	return a;
}

static int start(struct agent *a, size_t window, struct err *e)
{
	if (a->fd >= 0 || a->link != NULL)
		agent_close(a);
	a->bad = a->messages = a->reconnects = 0;
	a->bytes = 0;
	a->second = clock_ms();
	a->told_broken = false;
	a->link = link_new(MSG_TO_HOST, window, our_hello(), &link_ops, a);
	return a->link != NULL ? 0 : err_sys(e, ENOMEM, "agent channel");
}

int agent_attach(struct agent *a, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (start(a, WINDOW, e) < 0) {
		close(fd);
		return -1;
	}
	a->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_sys(e, errno, "agent channel");
		goto fail;
	}
	if (make_events(a, fd, e) < 0)
		goto fail;
	pump(a);
	return 0;
fail:
	agent_close(a);
	return -1;
}

static int open_path(void *arg, struct err *e)
{
	const struct agent *a = arg;

	return unix_connect(a->path, e);
}

int agent_connect(struct agent *a, const char *path, struct err *e)
{
	int fd = unix_connect(path, e);

	if (fd < 0)
		return -1;
	if (agent_attach(a, fd, e) < 0)
		return -1;
	snprintf(a->path, sizeof(a->path), "%s", path);
	a->open = open_path;
	a->open_arg = a;
	return 0;
}

int agent_serial(struct agent *a, agent_open_fn *open_fn, void *arg, struct err *e)
{
	if (start(a, WINDOW_SERIAL, e) < 0)
		return -1;
	link_listen(a->link);
	a->open = open_fn;
	a->open_arg = arg;
	on_reconnect(-1, 0, a);
	return 0;
}

void agent_close(struct agent *a)
{
	event_del(a->readable);
	event_del(a->writable);
	event_del(a->timer);
	event_del(a->resume);
	event_del(a->reconnect);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->path[0] = '\0';
	a->open = NULL;
	if (a->link != NULL)
		link_free(a->link);
	a->link = NULL;
}

void agent_free(struct agent *a)
{
	struct event *const events[] = {a != NULL ? a->readable : NULL,
	    a != NULL ? a->writable : NULL, a != NULL ? a->timer : NULL,
	    a != NULL ? a->resume : NULL, a != NULL ? a->reconnect : NULL};

	if (a == NULL)
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (a->fd >= 0)
		close(a->fd);
	if (a->link != NULL)
		link_free(a->link);
	free(a);
}

int agent_send(struct agent *a, enum msg_type type, json_t *o, struct err *e)
{
	struct timeval now = {0, 0};

	if (a->link == NULL || !link_is_up(a->link)) {
		json_decref(o);
		return err_set(e, ERR_FAILED, "the agent does not answer yet");
	}
	if (link_send(a->link, type, o, e) < 0)
		return -1;
	/* Not pump(): this may be inside a callback of link_input. */
	event_add(a->timer, &now);
	return 0;
}

bool agent_is_up(const struct agent *a)
{
	return a->link != NULL && link_is_up(a->link);
}
