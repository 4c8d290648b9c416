#include "blob.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CHUNK 16384
#define QUEUE (4 * CHUNK) /* bytes that wait for the socket */
#define LINE_MAX_LEN 64

enum blob_mode {
	BLOB_COMMAND, /* waits for the line */
	BLOB_GET,
	BLOB_PUT,
	BLOB_DONE, /* the answer is on its way out */
};

struct blob {
	struct bufferevent *bev;
	enum blob_mode mode;
	struct blob_stream stream;
	uint64_t total, done;
	struct sockaddr_in6 peer;
};

static void blob_end(struct blob *b)
{
	bufferevent_free(b->bev);
	free(b);
}

static void answer(struct blob *b, const char *word, uint64_t n)
{
	evbuffer_add_printf(bufferevent_get_output(b->bev), "%s %" PRIu64 "\n", word, n);
	b->mode = BLOB_DONE;
}

static void send_more(struct blob *b)
{
	struct evbuffer *out = bufferevent_get_output(b->bev);
	unsigned char chunk[CHUNK];

	while (b->done < b->total && evbuffer_get_length(out) < QUEUE) {
		uint64_t rest = b->total - b->done;
		size_t n = rest < CHUNK ? (size_t)rest : CHUNK;

		blob_stream_read(&b->stream, chunk, n);
		evbuffer_add(out, chunk, n);
		b->done += n;
	}
	if (b->done == b->total)
		b->mode = BLOB_DONE;
}

static void compare(struct blob *b)
{
	unsigned char got[CHUNK], want[CHUNK];
	int n;

	while (b->done < b->total) {
		uint64_t rest = b->total - b->done;

		n = evbuffer_remove(bufferevent_get_input(b->bev), got,
		    rest < CHUNK ? (size_t)rest : CHUNK);
		if (n <= 0)
			return;
		blob_stream_read(&b->stream, want, (size_t)n);
		for (int i = 0; i < n; i++) {
			if (got[i] != want[i]) {
				answer(b, "bad", b->done + (uint64_t)i);
				return;
			}
		}
		b->done += (uint64_t)n;
	}
	answer(b, "ok", b->total);
}

static void on_call_sent(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static void on_call_ended(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if ((what & BEV_EVENT_CONNECTED) == 0)
		bufferevent_free(bev);
}

/* Connects to the caller's address: what comes into its network unasked. */
static bool call(const struct blob *b, uint16_t port)
{
	struct bufferevent *bev = bufferevent_socket_new(
	    bufferevent_get_base(b->bev), -1, BEV_OPT_CLOSE_ON_FREE);
	struct sockaddr_in6 to = b->peer;

	if (bev == NULL)
		return false;
	to.sin6_port = htons(port);
	bufferevent_setcb(bev, NULL, on_call_sent, on_call_ended, NULL);
	evbuffer_add_printf(bufferevent_get_output(bev), BLOB_CALLED);
	/* On failure on_call_ended has freed it. */
	return bufferevent_socket_connect(
		   bev, (const struct sockaddr *)&to, sizeof(to)) == 0;
}

/* "get BYTES SEED", "put BYTES SEED" or "call PORT 0". */
static void start(struct blob *b, const char *line)
{
	uint64_t total, seed;
	char word[5], rest;

	if (sscanf(line, "%4s %" SCNu64 " %" SCNu64 "%c", word, &total, &seed, &rest) !=
		3 ||
	    total > BLOB_MAX) {
		answer(b, "bad", 0);
		return;
	}
	b->total = total;
	blob_stream_init(&b->stream, seed);
	if (strcmp(word, "get") == 0) {
		b->mode = BLOB_GET;
		send_more(b);
	} else if (strcmp(word, "put") == 0) {
		b->mode = BLOB_PUT;
		compare(b);
	} else if (strcmp(word, "call") == 0 && total <= UINT16_MAX) {
		answer(b, call(b, (uint16_t)total) ? "ok" : "bad", total);
	} else {
		answer(b, "bad", 0);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct blob *b = arg;
	char *line;

	switch (b->mode) {
	case BLOB_COMMAND:
		line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
		if (line != NULL)
			start(b, line);
		else if (evbuffer_get_length(in) > LINE_MAX_LEN)
			answer(b, "bad", 0);
		free(line);
		break;
	case BLOB_PUT:
		compare(b);
		break;
	case BLOB_GET:
	case BLOB_DONE:
		evbuffer_drain(in, evbuffer_get_length(in));
		break;
	}
}

/* The output has run empty. */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct blob *b = arg;

	(void)bev;
	if (b->mode == BLOB_GET)
		send_more(b);
	else if (b->mode == BLOB_DONE)
		blob_end(b);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	blob_end(arg);
}

static void on_accept(
    struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct blob *b = calloc(1, sizeof(*b));

	(void)arg;
	if (b != NULL && (size_t)len <= sizeof(b->peer))
		memcpy(&b->peer, sa, (size_t)len);
	if (b != NULL)
		b->bev = bufferevent_socket_new(
		    evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
	if (b == NULL || b->bev == NULL) {
		free(b);
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(b->bev, on_read, on_write, on_end, b);
	bufferevent_setwatermark(b->bev, EV_READ, 0, QUEUE);
	bufferevent_enable(b->bev, EV_READ | EV_WRITE);
}

int blob_start(struct event_base *base, struct err *e)
{
	struct sockaddr_in6 any = {
	    .sin6_family = AF_INET6, .sin6_port = htons(BLOB_PORT)};

	/* Lives as long as the process: nobody frees it. */
	if (evconnlistener_new_bind(base, on_accept, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 4,
		(const struct sockaddr *)&any, sizeof(any)) == NULL)
		return err_sys(e, errno, "blob: port %d", BLOB_PORT);
	return 0;
}
