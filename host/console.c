#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "escape.h"
#include "log.h"
#include "loop.h"
#include "unixsock.h"

#define READ_MAX 4096
/* What is taken of a guest that writes without end: the rest waits in its own serial
 * port, which slows it down and nobody else. */
#define BYTES_PER_S (256 * 1024)
#define RECONNECTS 8
#define RECONNECT_MS 250

struct console {
	struct event_base *base;
	struct keep *keep;
	void (*grown)(void *arg);
	void *arg;
	int fd; /* -1: not connected */
	struct event *readable, *resume, *reconnect;
	console_open_fn *open; /* NULL: it is not opened again */
	void *open_arg;
	char path[UNIX_NAME_MAX];
	unsigned reconnects;
	int64_t second;
	size_t bytes;
	char pending[4];
	size_t npending;
};

/* The bytes at p that may be the beginning of a character whose rest is still to come. */
static bool cut_off(const char *p, size_t len)
{
	unsigned char c = (unsigned char)p[0];
	size_t want = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;

	if (c >= 0xf5 || len >= want)
		return false;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t console_escape(
    const char *src, size_t len, char *dst, char pending[4], size_t *npending)
{
	char one[4];
	size_t out = 0, n, have;
	unsigned cp;

	for (size_t at = 0; at < len;) {
		/* The next up to four bytes, begun with what waited. */
		have = *npending;
		memcpy(one, pending, have);
		for (size_t i = at; i < len && have < sizeof(one); i++)
			one[have++] = src[i];
		n = utf8_char(one, have, &cp);
		if (n == 0 && cut_off(one, have)) {
			memcpy(pending, one, have);
			*npending = have;
			return out;
		}
		if (n == 0)
			n = 1;
		if (one[0] == '\n' || one[0] == '\t')
			dst[out++] = one[0];
		else if (one[0] != '\r')
			out += escape_text(one, n, dst + out, ESCAPE_SIZE(4));
		/* Used up: first what waited, then new bytes. */
		if (n < *npending) {
			memmove(pending, pending + n, *npending - n);
			*npending -= n;
		} else {
			at += n - *npending;
			*npending = 0;
		}
	}
	return out;
}

static void lost(struct console *c)
{

	event_del(c->readable);
	event_del(c->resume);
	close(c->fd);
	c->fd = -1;
	if (c->open != NULL && c->reconnects++ < RECONNECTS)
		loop_add_ms(c->reconnect, RECONNECT_MS);
}

static bool above_share(struct console *c, int64_t now)
{

	if (now - c->second >= 1000) {
		c->second = now;
		c->bytes = 0;
	}
	if (c->bytes < BYTES_PER_S)
		return false;
	event_del(c->readable);
	loop_add_ms(c->resume, 1000 - (now - c->second));
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct console *c = arg;
	char buf[READ_MAX], text[ESCAPE_SIZE(READ_MAX + 3)];
	ssize_t n;
	size_t len;

	(void)what;
	if (above_share(c, clock_ms()))
		return;
	n = read(fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(c);
		return;
	}
	c->reconnects = 0;
	c->bytes += (size_t)n;
	len = console_escape(buf, (size_t)n, text, c->pending, &c->npending);
	keep_add(c->keep, text, len);
	c->grown(c->arg);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct console *c = arg;

	(void)fd;
	(void)what;
	if (c->fd >= 0)
		event_add(c->readable, NULL);
}

static int start_reading(struct console *c, int fd, struct err *e)
{
	c->fd = fd;
	event_assign(c->readable, c->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	if (event_add(c->readable, NULL) < 0)
		return err_set(e, ERR_FAILED, "console: no event");
	return 0;
}

static void on_reconnect(evutil_socket_t unused, short what, void *arg)
{
	struct console *c = arg;
	struct err e = ERR_INIT;
	int fd = c->open(c->open_arg, &e);

	(void)unused;
	(void)what;
	if (fd >= 0 && start_reading(c, fd, &e) == 0)
		return;
	log_debug("console: %s", e.msg);
	if (fd < 0 && c->reconnects++ < RECONNECTS)
		loop_add_ms(c->reconnect, RECONNECT_MS);
}

struct console *console_new(
    struct event_base *base, struct keep *keep, void (*grown)(void *arg), void *arg)
{
	struct console *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->keep = keep;
	c->grown = grown;
	c->arg = arg;
	c->fd = -1;
	c->readable = event_new(base, -1, 0, on_readable, c);
	c->resume = evtimer_new(base, on_resume, c);
	c->reconnect = evtimer_new(base, on_reconnect, c);
	if (c->readable == NULL || c->resume == NULL || c->reconnect == NULL) {
		console_free(c);
		return NULL;
	}
	return c;
}

int console_attach(struct console *c, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	console_close(c);
	c->second = clock_ms();
	c->bytes = 0;
	c->reconnects = 0;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_sys(e, errno, "console");
		close(fd);
		return -1;
	}
	if (start_reading(c, fd, e) == 0)
		return 0;
	console_close(c);
	return -1;
}

static int open_path(void *arg, struct err *e)
{
	const struct console *c = arg;

	return unix_connect(c->path, e);
}

int console_connect(struct console *c, const char *path, struct err *e)
{
	int fd = unix_connect(path, e);

	if (fd < 0 || console_attach(c, fd, e) < 0)
		return -1;
	snprintf(c->path, sizeof(c->path), "%s", path);
	c->open = open_path;
	c->open_arg = c;
	return 0;
}

void console_serial(struct console *c, console_open_fn *open_fn, void *arg)
{
	console_close(c);
	c->second = clock_ms();
	c->bytes = 0;
	c->reconnects = 0;
	c->open = open_fn;
	c->open_arg = arg;
	on_reconnect(-1, 0, c);
}

/* What is still in the socket is a guest's last words: taken before it is closed. */
static void drain(struct console *c)
{
	for (int i = 0; c->fd >= 0 && i < 64; i++) {
		char buf[READ_MAX], text[ESCAPE_SIZE(READ_MAX + 3)];
		ssize_t n = read(c->fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		keep_add(c->keep, text,
		    console_escape(buf, (size_t)n, text, c->pending, &c->npending));
	}
	c->grown(c->arg);
}

void console_close(struct console *c)
{
	event_del(c->readable);
	event_del(c->resume);
	event_del(c->reconnect);
	drain(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->open = NULL;
	c->path[0] = '\0';
	c->npending = 0;
}

void console_free(struct console *c)
{
	if (c == NULL)
		return;
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->resume != NULL)
		event_free(c->resume);
	if (c->reconnect != NULL)
		event_free(c->reconnect);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}
