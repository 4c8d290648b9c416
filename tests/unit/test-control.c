/* control.c: clients over socket pairs, a daemon made of paper. */
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

#include "control.h"
#include "log.h"
#include "msg.h"

struct world {
	struct event_base *base;
	struct control *control;
	struct keep log, console;
	enum vm_state state;
	struct err why;
	bool can_refresh, reload_fails;
	unsigned refreshes, starts, stops, suspends;
	json_t *air;
};

static enum vm_state get_state(void *arg)
{
	return ((struct world *)arg)->state;
}

static const struct err *get_why(void *arg)
{
	return &((struct world *)arg)->why;
}

static json_t *get_status(void *arg)
{
	struct world *w = arg;

	return json_pack(
	    "{s:s, s:{s:i}}", "state", state_name(w->state), "stages", "vmm", 7);
}

static bool do_refresh(void *arg)
{
	struct world *w = arg;

	w->refreshes++;
	return w->can_refresh;
}

static int do_start(void *arg, struct err *e)
{
	struct world *w = arg;

	w->starts++;
	return w->state == STATE_STOPPING ? err_set(e, ERR_FAILED, "it is being stopped")
					  : 0;
}

static int do_stop(void *arg, struct err *e)
{
	struct world *w = arg;

	(void)e;
	w->stops++;
	return 0;
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
	struct world *w = arg;

	w->suspends++;
}

static int do_air(void *arg, json_t *request, struct err *e)
{
	struct world *w = arg;

	(void)e;
	json_decref(w->air);
	w->air = request;
	return 0;
}

static int do_reload(void *arg, bool *rest, struct err *e)
{
	const struct world *w = arg;

	*rest = true;
	return w->reload_fails ? err_set(e, ERR_FAILED, "wlan.conf:3: bad") : 0;
}

static const struct control_ops ops = {get_state, get_why, get_status, do_refresh,
    do_start, do_stop, do_suspend, do_air, .reload = do_reload, .call = do_call,
    .call_gone = do_call_gone};

/* A clock that stands until the test moves it: a sample every half second would come in
 * between where the machine is slow. */
static struct {
	bool stands;
	int64_t now, due;
	struct event *timer; /* the one that was set last */
} watch;

int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);
int __real_event_add(struct event *ev, const struct timeval *tv);
int __wrap_event_add(struct event *ev, const struct timeval *tv);

int64_t __wrap_clock_ms(void)
{
	return watch.stands ? watch.now : __real_clock_ms();
}

int __wrap_event_add(struct event *ev, const struct timeval *tv)
{
	static const struct timeval never = {3600, 0};

	if (!watch.stands || tv == NULL || (tv->tv_sec == 0 && tv->tv_usec <= 1000))
		return __real_event_add(ev, tv);
	watch.timer = ev;
	watch.due = watch.now + tv->tv_sec * 1000 + tv->tv_usec / 1000;
	return __real_event_add(ev, &never);
}

static int setup(void **state)
{
	static struct world w;
	const struct keep *streams[CONTROL_STREAMS] = {&w.log, &w.console};

	memset(&w, 0, sizeof(w));
	assert_int_equal(keep_init(&w.log, NULL), 0);
	assert_int_equal(keep_init(&w.console, NULL), 0);
	w.base = event_base_new();
	w.control = control_new(w.base, -1, streams, &ops, &w);
	w.state = STATE_ONLINE;
	assert_non_null(w.control);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	watch.stands = false;
	watch.timer = NULL;
	control_free(w->control);
	/* Bufferevents with a callback still to come are freed by the loop. */
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	event_base_free(w->base);
	keep_close(&w->log);
	keep_close(&w->console);
	json_decref(w->air);
	return 0;
}

static void turn(struct world *w)
{
	for (int i = 0; i < 50; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

/* The clock goes on; a timer whose time has come fires. */
static void pass(struct world *w, int64_t ms)
{
	struct event *due = watch.timer;

	assert_true(watch.stands);
	watch.now += ms;
	if (due != NULL && watch.due <= watch.now) {
		watch.timer = NULL;
		event_active(due, EV_TIMEOUT, 1);
	}
	turn(w);
}

/* Turns until the event happens that the timers of control bring. */
static void turn_once(struct world *w)
{
	event_base_loop(w->base, EVLOOP_ONCE);
	turn(w);
}

static int client(struct world *w)
{
	struct timeval tv = {5, 0};
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	control_add_client(w->control, fd[0]);
	return fd[1];
}

static void ask(struct world *w, int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	turn(w);
}

/* What has come, as one string; "" for nothing, "gone" for a closed socket. */
static const char *answer(int fd)
{
	static char buf[1 << 20];
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(buf) - 1 &&
	       (n = recv(fd, buf + have, sizeof(buf) - 1 - have, MSG_DONTWAIT)) > 0)
		have += (size_t)n;
	buf[have] = '\0';
	if (have == 0 && recv(fd, buf, 1, MSG_DONTWAIT) == 0)
		return "gone";
	return buf;
}

static void test_version(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	ask(w, fd, "{\"cmd\":\"version\"}\n");
	assert_non_null(strstr(answer(fd), "\"protocol\":1"));
	close(fd);
}

static void test_bad_requests(void **state)
{
	static const char *const lines[] = {"hello\n", "[]\n", "{}\n", "{\"cmd\":5}\n",
	    "{\"cmd\":\"nope\"}\n", "{\"cmd\":\"wait\",\"state\":\"booting\"}\n",
	    "{\"cmd\":\"wait\",\"state\":\"x\"}\n", "{\"cmd\":\"air\"}\n",
	    "{\"cmd\":\"air\",\"request\":[]}\n", "\n", "{\"cmd\":\"status\"\n"};
	struct world *w = *state;
	int fd = client(w);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ask(w, fd, lines[i]);
		assert_memory_equal(answer(fd), "{\"error\":{\"code\":\"usage\"", 24);
	}
	/* The connection is still good. */
	ask(w, fd, "{\"cmd\":\"version\"}\n");
	assert_non_null(strstr(answer(fd), "\"ok\":true"));
	close(fd);
}

static void test_status_waits_for_the_guest(void **state)
{
	struct world *w = *state;
	int a = client(w), b = client(w);

	ask(w, a, "{\"cmd\":\"status\"}\n");
	assert_non_null(strstr(answer(a), "\"state\":\"online\""));
	w->can_refresh = true;
	/* The second request waits its turn. */
	ask(w, a, "{\"cmd\":\"status\"}\n{\"cmd\":\"version\"}\n");
	ask(w, b, "{\"cmd\":\"status\"}\n");
	assert_string_equal(answer(a), "");
	control_refreshed(w->control);
	turn(w);
	assert_non_null(strstr(answer(a), "}\n{\"ok\":true,\"version\""));
	assert_non_null(strstr(answer(b), "\"state\":\"online\""));
	/* A guest that does not answer is not waited for for ever. */
	ask(w, a, "{\"cmd\":\"status\"}\n");
	turn_once(w);
	assert_non_null(strstr(answer(a), "\"state\":\"online\""));
	close(a);
	close(b);
}

static void test_wait(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	w->state = STATE_BOOTING;
	ask(w, fd, "{\"cmd\":\"wait\",\"state\":\"online\"}\n");
	assert_string_equal(answer(fd),
	    "{\"progress\":\"booting\"}\n"
	    "{\"progress\":\"booting\",\"stage\":\"vmm\",\"ms\":7}\n");
	control_stage(w->control, "link", 1700);
	w->state = STATE_ONLINE;
	control_changed(w->control, STATE_ONLINE);
	turn(w);
	assert_string_equal(answer(fd),
	    "{\"progress\":\"booting\",\"stage\":\"link\",\"ms\":1700}\n"
	    "{\"progress\":\"online\"}\n"
	    "{\"state\":\"online\",\"stages\":{\"vmm\":7},\"ok\":true}\n");
	close(fd);
}

static void test_wait_in_vain(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	w->state = STATE_BOOTING;
	ask(w, fd, "{\"cmd\":\"wait\",\"timeout_ms\":20}\n");
	answer(fd);
	turn_once(w);
	assert_non_null(strstr(answer(fd), "\"code\":\"timeout\""));
	ask(w, fd, "{\"cmd\":\"wait\"}\n");
	answer(fd);
	err_set(&w->why, ERR_PRECONDITION, "no card");
	err_hint(&w->why, "buy one");
	w->state = STATE_FAILED;
	control_changed(w->control, STATE_FAILED);
	turn(w);
	assert_non_null(
	    strstr(answer(fd), "{\"error\":{\"code\":\"precondition\",\"message\":"
			       "\"no card\",\"hint\":\"buy one\"}}"));
	w->state = STATE_STOPPED;
	ask(w, fd, "{\"cmd\":\"wait\"}\n");
	assert_non_null(strstr(answer(fd), "\"code\":\"not-running\""));
	close(fd);
}

static void test_down(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	ask(w, fd, "{\"cmd\":\"down\"}\n");
	assert_int_equal(w->stops, 1);
	assert_string_equal(answer(fd), "");
	w->state = STATE_STOPPING;
	control_changed(w->control, STATE_STOPPING);
	w->state = STATE_STOPPED;
	control_changed(w->control, STATE_STOPPED);
	/* Without another turn of the loop: the daemon ends now. */
	control_flush(w->control);
	assert_string_equal(answer(fd), "{\"progress\":\"stopping\"}\n"
					"{\"progress\":\"stopped\"}\n{\"ok\":true}\n");
	close(fd);
}

static void becomes(struct world *w, enum vm_state s)
{
	w->state = s;
	control_changed(w->control, s);
	turn(w);
}

static void test_reload(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	ask(w, fd, "{\"cmd\":\"reload\"}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"restart_needed\":true}\n");
	w->reload_fails = true;
	ask(w, fd, "{\"cmd\":\"reload\"}\n");
	assert_non_null(strstr(answer(fd), "\"message\":\"wlan.conf:3: bad\""));
	close(fd);
}

static void test_suspend(void **state)
{
	struct world *w = *state;
	int fd = client(w), waits = client(w);

	w->state = STATE_BOOTING;
	ask(w, waits, "{\"cmd\":\"wait\"}\n");
	answer(waits);
	w->state = STATE_STOPPING;
	ask(w, fd, "{\"cmd\":\"suspend\"}\n");
	assert_int_equal(w->suspends, 1);
	assert_string_equal(answer(fd), "");
	becomes(w, STATE_SUSPENDED);
	assert_string_equal(answer(fd),
	    "{\"progress\":\"suspended\"}\n"
	    "{\"state\":\"suspended\",\"stages\":{\"vmm\":7},\"ok\":true}\n");
	/* Who waited for the network does not wait through the night. */
	assert_non_null(strstr(answer(waits), "it was suspended"));
	/* Again: at once. */
	ask(w, fd, "{\"cmd\":\"suspend\"}\n");
	assert_non_null(strstr(answer(fd), "\"ok\":true"));
	close(fd);
	close(waits);
}

/* Another order than this one's has been carried out in the end. */
static void test_suspend_ends_otherwise(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	w->state = STATE_STOPPING;
	ask(w, fd, "{\"cmd\":\"suspend\"}\n");
	becomes(w, STATE_PREPARING);
	assert_non_null(strstr(answer(fd), "it was started again"));
	w->state = STATE_STOPPING;
	ask(w, fd, "{\"cmd\":\"suspend\"}\n");
	becomes(w, STATE_STOPPED);
	assert_non_null(strstr(answer(fd), "\"ok\":true"));
	w->state = STATE_STOPPING;
	ask(w, fd, "{\"cmd\":\"suspend\"}\n");
	err_set(&w->why, ERR_FAILED, "the VM does not die");
	becomes(w, STATE_FAILED);
	assert_non_null(strstr(answer(fd), "the VM does not die"));
	close(fd);
}

static void test_start(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	ask(w, fd, "{\"cmd\":\"start\"}\n");
	assert_string_equal(answer(fd), "{\"ok\":true}\n");
	w->state = STATE_STOPPING;
	ask(w, fd, "{\"cmd\":\"start\"}\n");
	assert_non_null(strstr(answer(fd), "being stopped"));
	assert_int_equal(w->starts, 2);
	close(fd);
}

static void test_air_of_a_dead_guest(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	ask(w, fd, "{\"cmd\":\"air\",\"request\":{\"op\":\"ping\"}}\n");
	control_changed(w->control, STATE_STOPPING);
	turn(w);
	assert_string_equal(answer(fd), "");
	control_changed(w->control, STATE_PREPARING);
	turn(w);
	assert_non_null(strstr(answer(fd), "the guest is gone"));
	close(fd);
}

static void test_air(void **state)
{
	struct world *w = *state;
	int a = client(w), b = client(w);
	int64_t ida, idb;
	json_t *o;

	ask(w, a, "{\"cmd\":\"air\",\"request\":{\"op\":\"ping\",\"id\":\"mine\"}}\n");
	ida = msg_int(w->air, "id", 0, INT32_MAX, -1);
	ask(w, b, "{\"cmd\":\"air\",\"request\":{\"op\":\"ping\"}}\n");
	idb = msg_int(w->air, "id", 0, INT32_MAX, -1);
	assert_true(ida >= 0 && idb >= 0 && ida != idb);
	o = json_pack("{s:I, s:s}", "id", (json_int_t)idb, "pong", "b");
	control_air_reply(w->control, 12345, o);
	control_air_reply(w->control, idb, o);
	control_air_reply(w->control, idb, o);
	json_decref(o);
	o = json_pack("{s:I, s:s}", "id", (json_int_t)ida, "pong", "a");
	control_air_reply(w->control, ida, o);
	json_decref(o);
	turn(w);
	assert_string_equal(
	    answer(a), "{\"ok\":true,\"reply\":{\"pong\":\"a\",\"id\":\"mine\"}}\n");
	assert_string_equal(answer(b), "{\"ok\":true,\"reply\":{\"pong\":\"b\"}}\n");
	close(a);
	close(b);
}

static void test_log(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	keep_add(&w->log, "one\ntwo \"q\"\n", 12);
	ask(w, fd, "{\"cmd\":\"log\"}\n");
	assert_string_equal(answer(fd),
	    "{\"line\":\"one\"}\n{\"line\":\"two \\\"q\\\"\"}\n{\"ok\":true}\n");
	ask(w, fd, "{\"cmd\":\"log\",\"follow\":true}\n");
	answer(fd);
	keep_add(&w->log, "three\n", 6);
	control_grown(w->control, CONTROL_LOG);
	control_grown(w->control, CONTROL_CONSOLE);
	turn(w);
	assert_string_equal(answer(fd), "{\"line\":\"three\"}\n");
	close(fd);
	turn(w);
}

/* A character across the border of two chunks, and a ring that begins within one. */
static void test_console(void **state)
{
	struct world *w = *state;
	static char all[2 * KEEP_RING];
	int fd = client(w);
	size_t euros = 0, have = 0;

	for (int i = 0; i < 200000; i++)
		keep_add(&w->console, "\xe2\x82\xac", 3);
	ask(w, fd, "{\"cmd\":\"console\"}\n");
	for (int i = 0; i < 100 && strstr(all, "\"ok\":true") == NULL; i++) {
		have +=
		    (size_t)snprintf(all + have, sizeof(all) - have, "%s", answer(fd));
		turn(w);
	}
	for (const char *p = all; (p = strstr(p, "\xe2\x82\xac")) != NULL; p += 3)
		euros++;
	assert_true(euros >= KEEP_RING / 3 - 1 && euros <= KEEP_RING / 3);
	close(fd);
}

static void test_many_clients(void **state)
{
	struct world *w = *state;
	int fd[CONTROL_CLIENTS + 1];

	for (int i = 0; i <= CONTROL_CLIENTS; i++)
		fd[i] = client(w);
	turn(w);
	assert_non_null(strstr(answer(fd[CONTROL_CLIENTS]), "too many clients"));
	close(fd[0]);
	close(fd[CONTROL_CLIENTS]);
	/* Freed by a timer of a millisecond. */
	turn(w);
	turn_once(w);
	fd[0] = client(w);
	ask(w, fd[0], "{\"cmd\":\"version\"}\n");
	assert_non_null(strstr(answer(fd[0]), "\"ok\":true"));
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		close(fd[i]);
}

static void test_long_line(void **state)
{
	struct world *w = *state;
	int fd = client(w);
	char junk[4096];

	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 20; i++) {
		if (send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		turn(w);
	}
	turn(w);
	assert_non_null(strstr(answer(fd), "more than 64 KiB"));
	turn_once(w);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	close(fd);
}

/* Someone who waits and never reads while a lot happens. */
static void test_does_not_read(void **state)
{
	struct world *w = *state;
	int fd = client(w), other = client(w);

	w->state = STATE_ASSOCIATING;
	ask(w, fd, "{\"cmd\":\"wait\"}\n");
	for (int i = 0; i < 60000; i++) {
		control_stage(w->control, "somewhere", i);
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	turn(w);
	ask(w, other, "{\"cmd\":\"version\"}\n");
	assert_non_null(strstr(answer(other), "\"ok\":true"));
	for (int i = 0; i < 10 && strcmp(answer(fd), "gone") != 0; i++)
		;
	assert_string_equal(answer(fd), "gone");
	close(fd);
	close(other);
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void test_monitor(void **state)
{
	struct world *w = *state;
	const char *text;
	char line[32];
	int a, b, idle;

	for (int i = 0; i < 40; i++) {
		int n = snprintf(line, sizeof(line), "line %d\n", i);

		keep_add(&w->log, line, (size_t)n);
	}
	a = client(w);
	b = client(w);
	watch.stands = true;
	turn(w);
	/* The last lines of the log, and a sample at once where no guest is to be
	 * asked. */
	idle = event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED);
	assert_int_equal(idle, 2);
	ask(w, a, "{\"cmd\":\"monitor\",\"interval_ms\":500}\n");
	text = answer(a);
	assert_int_equal(count(text, "{\"line\":"), 16);
	assert_non_null(strstr(text, "{\"line\":\"line 24\"}\n"));
	assert_int_equal(count(text, "{\"status\":{\"state\":\"online\""), 1);
	assert_non_null(strstr(text, ",\"ms\":"));
	/* The next one when its time has come, with the guest's figures. */
	w->can_refresh = true;
	w->refreshes = 0;
	pass(w, 499);
	assert_int_equal(w->refreshes, 0);
	pass(w, 1);
	assert_int_equal(w->refreshes, 1);
	assert_string_equal(answer(a), "");
	control_refreshed(w->control);
	turn(w);
	assert_int_equal(count(answer(a), "{\"status\":"), 1);
	/* An answer that nobody asked for is no sample. */
	control_refreshed(w->control);
	turn(w);
	assert_string_equal(answer(a), "");
	/* A guest that does not answer keeps it a second, no longer. */
	pass(w, 500);
	assert_int_equal(w->refreshes, 2);
	pass(w, 999);
	assert_string_equal(answer(a), "");
	pass(w, 1);
	assert_int_equal(count(answer(a), "{\"status\":"), 1);
	keep_add(&w->log, "news\n", 5);
	control_grown(w->control, CONTROL_LOG);
	turn(w);
	assert_string_equal(answer(a), "{\"line\":\"news\"}\n");
	/* Nobody watches any more (once it has been swept away): nobody is asked. */
	close(a);
	turn(w);
	while (event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED) != idle - 1)
		turn_once(w);
	w->refreshes = 0;
	ask(w, b, "{\"cmd\":\"version\"}\n");
	assert_non_null(strstr(answer(b), "\"protocol\":1"));
	assert_int_equal(
	    event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), idle - 1);
	assert_int_equal(w->refreshes, 0);
	close(b);
}

static void test_last_lines(void **state)
{
	struct world *w = *state;
	static char filler[1000];

	assert_int_equal(keep_last_lines(&w->log, 3), 0);
	keep_add(&w->log, "a\nbb\nccc\n", 9);
	assert_int_equal(keep_last_lines(&w->log, 1), 5);
	assert_int_equal(keep_last_lines(&w->log, 2), 2);
	assert_int_equal(keep_last_lines(&w->log, 3), 0);
	assert_int_equal(keep_last_lines(&w->log, 4), 0);
	keep_add(&w->log, "half", 4);
	assert_int_equal(keep_last_lines(&w->log, 1), 9);
	/* A ring that has lost the beginning of its first line. */
	memset(filler, 'x', sizeof(filler));
	for (int i = 0; i < 2 * KEEP_RING / (int)sizeof(filler); i++)
		keep_add(&w->log, filler, sizeof(filler));
	assert_int_equal(keep_last_lines(&w->log, 9), w->log.total);
	keep_add(&w->log, "\nend\n", 5);
	assert_int_equal(keep_last_lines(&w->log, 9), w->log.total - 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_version),
	    TEST(test_bad_requests),
	    TEST(test_status_waits_for_the_guest),
	    TEST(test_wait),
	    TEST(test_wait_in_vain),
	    TEST(test_down),
	    TEST(test_reload),
	    TEST(test_suspend),
	    TEST(test_suspend_ends_otherwise),
	    TEST(test_start),
	    TEST(test_air),
	    TEST(test_air_of_a_dead_guest),
	    TEST(test_log),
	    TEST(test_console),
	    TEST(test_monitor),
	    TEST(test_last_lines),
	    TEST(test_many_clients),
	    TEST(test_long_line),
	    TEST(test_does_not_read),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
