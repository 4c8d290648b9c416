/* agent.c, console.c: the host's ends of a guest's sockets; the guest is a link over the
 * other end of a socket pair, or plain malice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent.h"
#include "clock.h"
#include "console.h"
#include "link.h"
#include "log.h"

struct world {
	struct event_base *base;
	struct agent *agent;
	int fd; /* the guest's */
	struct link *guest;
	unsigned ups, messages, brokens, configs;
	char why[128];
	bool send_in_callback;
};

static void on_up(void *arg)
{
	struct world *w = arg;

	w->ups++;
	if (w->send_in_callback)
		assert_int_equal(agent_send(w->agent, MSG_CONFIG,
				     json_pack("{s:s}", "networks", "x"), NULL),
		    0);
}

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	struct world *w = arg;

	(void)type;
	(void)o;
	w->messages++;
}

static void on_broken(void *arg, const char *why)
{
	struct world *w = arg;

	w->brokens++;
	snprintf(w->why, sizeof(w->why), "%s", why);
}

static const struct agent_ops agent_ops = {on_up, on_message, on_broken};

static void guest_up(void *arg, const json_t *peer)
{
	(void)arg;
	(void)peer;
}

static void guest_message(void *arg, enum msg_type type, const json_t *o)
{
	struct world *w = arg;

	(void)o;
	if (type == MSG_CONFIG)
		w->configs++;
}

static void guest_bad(void *arg, unsigned count)
{
	(void)arg;
	(void)count;
}

static const struct link_ops guest_ops = {guest_up, guest_message, guest_bad};

static int setup(void **state)
{
	static struct world w;
	int fd[2];

	memset(&w, 0, sizeof(w));
	w.base = event_base_new();
	w.agent = agent_new(w.base, &agent_ops, &w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(agent_attach(w.agent, fd[0], NULL), 0);
	w.fd = fd[1];
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	agent_free(w->agent);
	event_base_free(w->base);
	if (w->fd >= 0)
		close(w->fd);
	if (w->guest != NULL)
		link_free(w->guest);
	return 0;
}

static void make_guest(struct world *w, int protocol)
{
	w->guest = link_new(MSG_TO_GUEST, 65536,
	    json_pack("{s:s, s:s, s:i}", "who", "bhyfi-guest", "version", "1", "protocol",
		protocol),
	    &guest_ops, w);
	assert_non_null(w->guest);
}

/* Both ends, without waiting for anything. */
static void turn(struct world *w)
{
	uint8_t buf[4096];
	const uint8_t *p;
	size_t len;
	ssize_t n;

	for (int i = 0; i < 40; i++) {
		while ((p = link_output(w->guest, clock_ms(), &len)), len > 0) {
			n = send(w->fd, p, len, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			link_output_done(w->guest, (size_t)n);
		}
		event_base_loop(w->base, EVLOOP_NONBLOCK);
		while ((n = read(w->fd, buf, sizeof(buf))) > 0)
			link_input(w->guest, buf, (size_t)n, clock_ms());
	}
}

static void guest_send(struct world *w, enum msg_type type, json_t *o)
{
	assert_int_equal(link_send(w->guest, type, o, NULL), 0);
}

static void test_hello_and_config(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(
	    agent_send(w->agent, MSG_STOP, json_pack("{s:s}", "reason", "x"), &e), -1);
	w->send_in_callback = true;
	make_guest(w, PROTOCOL_VERSION);
	turn(w);
	assert_int_equal(w->ups, 1);
	assert_true(agent_is_up(w->agent));
	/* Sent from within a callback, it goes out with the next turn of the loop. */
	for (int i = 0; i < 10 && w->configs == 0; i++) {
		event_base_loop(w->base, EVLOOP_ONCE);
		turn(w);
	}
	assert_int_equal(w->configs, 1);
	guest_send(w, MSG_BEAT, json_pack("{s:i}", "n", 1));
	turn(w);
	assert_int_equal(w->messages, 1);
	assert_int_equal(w->brokens, 0);
}

static void test_other_protocol(void **state)
{
	struct world *w = *state;

	make_guest(w, PROTOCOL_VERSION + 1);
	turn(w);
	assert_int_equal(w->ups, 0);
	assert_int_equal(w->brokens, 1);
	assert_non_null(strstr(w->why, "protocol"));
}

/* A host that was replaced: the same guest, a new connection. */
static void test_attach_again(void **state)
{
	struct world *w = *state;
	int fd[2];

	make_guest(w, PROTOCOL_VERSION);
	turn(w);
	assert_int_equal(w->ups, 1);
	close(w->fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(agent_attach(w->agent, fd[0], NULL), 0);
	w->fd = fd[1];
	turn(w);
	assert_int_equal(w->ups, 2);
}

static void test_garbage(void **state)
{
	struct world *w = *state;
	char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 7 + i / 13);
	for (int i = 0; i < 100; i++) {
		if (send(w->fd, junk, sizeof(junk), MSG_NOSIGNAL) < 0)
			break;
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	/* Noise is no message; behind it a guest can still be heard. */
	assert_int_equal(w->messages, 0);
	assert_int_equal(w->brokens, 0);
}

/* Above its share a guest is not read any more: its socket fills, our memory does not. */
static void test_flood(void **state)
{
	struct world *w = *state;
	char junk[8192];
	size_t taken = 0;
	ssize_t n;

	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 2000; i++) {
		n = send(w->fd, junk, sizeof(junk), MSG_NOSIGNAL);
		if (n > 0)
			taken += (size_t)n;
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	assert_true(taken >= AGENT_BYTES_PER_S);
	assert_true(taken <= 3 * AGENT_BYTES_PER_S);
}

static void test_many_messages(void **state)
{
	struct world *w = *state;
	int64_t end;

	make_guest(w, PROTOCOL_VERSION);
	turn(w);
	for (int i = 0; i < 1000; i++)
		guest_send(w, MSG_BEAT, json_pack("{s:i}", "n", i));
	end = clock_ms() + 500;
	while (clock_ms() < end)
		turn(w);
	assert_true(w->messages >= AGENT_MESSAGES_PER_S);
	assert_true(w->messages <= AGENT_MESSAGES_PER_S + 100);
	assert_int_equal(w->brokens, 0);
}

/* Messages of the wrong direction. */
static void test_bad_messages(void **state)
{
	struct world *w = *state;

	make_guest(w, PROTOCOL_VERSION);
	turn(w);
	link_free(w->guest);
	/* A host's end on the guest's side sends what only a host may. */
	w->guest = link_new(MSG_TO_HOST, 65536,
	    json_pack("{s:s, s:i}", "who", "evil", "protocol", PROTOCOL_VERSION),
	    &guest_ops, w);
	turn(w);
	for (int i = 0; i < AGENT_BAD_MAX; i++) {
		assert_int_equal(w->brokens, 0);
		guest_send(w, MSG_STOP, json_pack("{s:s}", "reason", "ha"));
		turn(w);
	}
	assert_int_equal(w->brokens, 1);
	/* Said once; nothing more is listened to. */
	guest_send(w, MSG_STOP, json_pack("{s:s}", "reason", "ha"));
	turn(w);
	assert_int_equal(w->brokens, 1);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void test_console(void **state)
{
	struct event_base *base = event_base_new();
	struct keep k;
	struct console *c;
	char out[64] = "";
	uint64_t at = 0;
	int fd[2];

	(void)state;
	assert_int_equal(keep_init(&k, NULL), 0);
	c = console_new(base, &k, nothing, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(console_attach(c, fd[0], NULL), 0);
	assert_int_equal(write(fd[1], "boot\033[1m\r\n", 10), 10);
	event_base_loop(base, EVLOOP_NONBLOCK);
	/* Last words, which the loop never gets to see. */
	assert_int_equal(write(fd[1], "off\n", 4), 4);
	close(fd[1]);
	console_close(c);
	keep_read(&k, &at, out, sizeof(out) - 1);
	assert_string_equal(out, "boot\\x1b[1m\noff\n");
	console_free(c);
	event_base_free(base);
	keep_close(&k);
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_hello_and_config),
	    TEST(test_other_protocol),
	    TEST(test_attach_again),
	    TEST(test_garbage),
	    TEST(test_flood),
	    TEST(test_many_messages),
	    TEST(test_bad_messages),
	    cmocka_unit_test(test_console),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
