/* channel.c: a descriptor under an event loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel.h"
#include "clock.h"

struct side {
	struct link *link;
	unsigned ups, messages;
};

static void on_up(void *arg, const json_t *peer)
{
	struct side *s = arg;

	(void)peer;
	s->ups++;
}

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	struct side *s = arg;

	(void)type;
	(void)o;
	s->messages++;
}

static const struct link_ops ops = {on_up, on_message, NULL};

static void init(struct side *s, enum msg_dir dir, const char *who)
{
	*s = (struct side){0};
	s->link = link_new(dir, 65536, json_pack("{s:s}", "who", who), &ops, s);
	assert_non_null(s->link);
}

/* Moves what both have to say until neither has more. */
static void pump(struct event_base *base, struct side *host, int fd)
{
	const uint8_t *p;
	uint8_t buf[4096];
	size_t len;
	ssize_t n;

	for (int idle = 0; idle < 3; idle++) {
		while (p = link_output(host->link, clock_ms(), &len), len > 0) {
			assert_int_equal(write(fd, p, len), len);
			link_output_done(host->link, len);
			idle = 0;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
			link_input(host->link, buf, (size_t)n, clock_ms());
			idle = 0;
		}
	}
}

static char closed_why[64];

static void on_closed(void *arg, const char *why)
{
	(void)arg;
	strncpy(closed_why, why, sizeof(closed_why) - 1);
}

static void nothing_happens_before_the_loop_runs(void **state)
{
	struct event_base *base = event_base_new();
	struct side guest, host;
	struct channel *ch;
	char c;
	int sv[2];

	(void)state;
	init(&guest, MSG_TO_GUEST, "guest");
	init(&host, MSG_TO_HOST, "host");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ch = channel_new(base, guest.link, on_closed, NULL);
	assert_non_null(ch);
	/* The host was there first and has spoken. */
	pump(base, &host, sv[1]);
	assert_int_equal(channel_open(ch, sv[0], false, NULL), 0);
	assert_int_equal(recv(sv[1], &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(guest.ups, 0);
	pump(base, &host, sv[1]);
	assert_int_equal(guest.ups, 1);
	assert_int_equal(host.ups, 1);

	assert_int_equal(
	    link_send(guest.link, MSG_BEAT, json_pack("{s:i}", "n", 1), NULL), 0);
	channel_kick(ch);
	assert_int_equal(
	    link_send(host.link, MSG_STOP, json_pack("{s:s}", "reason", "x"), NULL), 0);
	pump(base, &host, sv[1]);
	assert_int_equal(guest.messages, 1);
	assert_int_equal(host.messages, 1);

	close(sv[1]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_string_equal(closed_why, "the other end closed it");

	/* A new descriptor is a new start for the same link. */
	link_free(host.link);
	init(&host, MSG_TO_HOST, "host again");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(channel_open(ch, sv[0], false, NULL), 0);
	pump(base, &host, sv[1]);
	assert_int_equal(guest.ups, 2);
	assert_int_equal(host.ups, 1);
	channel_free(ch);
	close(sv[1]);
	link_free(guest.link);
	link_free(host.link);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_happens_before_the_loop_runs),
	};

	return cmocka_run_group_tests_name("guest-channel", tests, NULL, NULL);
}
