/*
 * Theory of operation. A virtio port says POLLHUP for as long as no host has
 * it open, so a level-triggered loop would spin. The event is edge-triggered:
 * the port's driver wakes its readers when the host opens and closes, when
 * bytes arrive and when there is room to write. Each wake-up reads and writes
 * until the kernel says that it would block. A read that returns 0 means nobody
 * is there: the link's timers rest until the next wake-up finds otherwise, and
 * then the link starts over.
 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

struct channel {
	struct event_base *base;
	struct link *link;
	channel_closed_fn *closed;
	void *arg;
	int fd;
	bool hup_waits;
	bool peer; /* somebody is at the other end, as far as we know */
	struct event *io, *timer, *kick;
};

static void fail(struct channel *ch, const char *why)
{
	event_free(ch->io);
	ch->io = NULL;
	close(ch->fd);
	ch->fd = -1;
	ch->peer = false;
	evtimer_del(ch->timer);
	ch->closed(ch->arg, why);
}

static void write_out(struct channel *ch)
{
	const uint8_t *p;
	size_t len;
	ssize_t n;

	while (ch->fd >= 0 && ch->peer) {
		p = link_output(ch->link, clock_ms(), &len);
		if (len == 0)
			break;
		n = write(ch->fd, p, len);
		if (n > 0) {
			link_output_done(ch->link, (size_t)n);
		} else if (n == 0 || errno == EAGAIN) {
			break;
		} else if (ch->hup_waits && (errno == EPIPE || errno == ENODEV)) {
			ch->peer = false;
		} else if (errno != EINTR) {
			fail(ch, strerror(errno));
		}
	}
}

static void set_timer(struct channel *ch)
{
	struct timeval tv;
	int ms;

	if (ch->fd < 0 || !ch->peer) {
		evtimer_del(ch->timer);
		return;
	}
	ms = link_timer_ms(ch->link, clock_ms());
	if (ms < 0) {
		evtimer_del(ch->timer);
		return;
	}
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	evtimer_add(ch->timer, &tv);
}

static void peer_came(struct channel *ch)
{
	if (ch->peer)
		return;
	ch->peer = true;
	link_restart(ch->link, clock_ms());
}

static void read_in(struct channel *ch)
{
	uint8_t buf[4096];
	ssize_t n;

	while (ch->fd >= 0) {
		n = read(ch->fd, buf, sizeof(buf));
		if (n > 0) {
			peer_came(ch);
			link_input(ch->link, buf, (size_t)n, clock_ms());
			explicit_bzero(buf, (size_t)n);
			/* Answer as we go: the sender's window may wait for it. */
			write_out(ch);
		} else if (n == 0) {
			if (!ch->hup_waits)
				fail(ch, "the other end closed it");
			ch->peer = false;
			return;
		} else if (errno == EAGAIN) {
			peer_came(ch);
			return;
		} else if (errno != EINTR) {
			fail(ch, strerror(errno));
		}
	}
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	(void)fd;
	(void)what;
	read_in(ch);
	write_out(ch);
	set_timer(ch);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	(void)fd;
	(void)what;
	link_tick(ch->link, clock_ms());
	write_out(ch);
	set_timer(ch);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	(void)fd;
	(void)what;
	write_out(ch);
	set_timer(ch);
}

struct channel *channel_new(
    struct event_base *base, struct link *l, channel_closed_fn *closed, void *arg)
{
	struct channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->base = base;
	ch->link = l;
	ch->closed = closed;
	ch->arg = arg;
	ch->fd = -1;
	ch->timer = evtimer_new(base, on_timer, ch);
	ch->kick = event_new(base, -1, 0, on_kick, ch);
	if (ch->timer == NULL || ch->kick == NULL) {
		channel_free(ch);
		return NULL;
	}
	return ch;
}

void channel_free(struct channel *ch)
{
	if (ch == NULL)
		return;
	if (ch->io != NULL)
		event_free(ch->io);
	if (ch->timer != NULL)
		event_free(ch->timer);
	if (ch->kick != NULL)
		event_free(ch->kick);
	if (ch->fd >= 0)
		close(ch->fd);
	free(ch);
}

int channel_open(struct channel *ch, int fd, bool hup_waits, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_sys(e, errno, "agent channel");
		close(fd);
		return -1;
	}
	if (ch->io != NULL)
		event_free(ch->io);
	if (ch->fd >= 0)
		close(ch->fd);
	ch->fd = fd;
	ch->hup_waits = hup_waits;
	ch->peer = false;
	ch->io =
	    event_new(ch->base, fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_io, ch);
	if (ch->io == NULL || event_add(ch->io, NULL) < 0)
		return err_set(e, ERR_FAILED, "agent channel: out of memory");
	/* From the loop, never from here: the caller may be half set up. */
	event_active(ch->io, EV_READ, 1);
	return 0;
}

void channel_kick(struct channel *ch)
{
	event_active(ch->kick, EV_WRITE, 1);
}
