/* The agent, with the fake back end, as a process: what a host sees of it. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "link.h"

#define DEADLINE_MS 10000
#define GOOD_NET "network={\n\tssid=\"bhyfi-wpa2\"\n\tpsk=\"correct horse battery\"\n}\n"
#define BAD_NET "network={\n\tssid=\"bhyfi-wpa2\"\n\tpsk=\"wrong horse battery\"\n}\n"
#define OTHER_NET "network={\n\tssid=\"elsewhere\"\n\tkey_mgmt=NONE\n}\n"

static const char *program;

struct guest {
	char dir[64], agent[96], console[96];
	pid_t pid;
	int console_fd;
};

struct host {
	struct link *link;
	int fd;
	unsigned ups;
	char hello_state[32];
	json_t *last[256]; /* by message type */
};

static int connect_to(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 2), 0);
	return fd;
}

static void start(struct guest *g, const char *scenario)
{
	char a[16], c[16];
	int agent, console;

	snprintf(g->dir, sizeof(g->dir), "/tmp/bhyfi-fake.XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	snprintf(g->agent, sizeof(g->agent), "%s/agent", g->dir);
	snprintf(g->console, sizeof(g->console), "%s/console", g->dir);
	agent = listen_at(g->agent);
	console = listen_at(g->console);
	g->console_fd = connect_to(g->console);
	g->pid = fork();
	if (g->pid == 0) {
		snprintf(a, sizeof(a), "%d", agent);
		snprintf(c, sizeof(c), "%d", console);
		execl(program, program, "--agent-fd", a, "--console-fd", c, "--scenario",
		    scenario, (char *)NULL);
		_exit(127);
	}
	assert_true(g->pid > 0);
	close(agent);
	close(console);
}

static void finish(struct guest *g)
{
	unlink(g->agent);
	unlink(g->console);
	rmdir(g->dir);
	close(g->console_fd);
}

static void on_up(void *arg, const json_t *peer)
{
	struct host *h = arg;

	h->ups++;
	msg_str_copy(peer, "state", h->hello_state, sizeof(h->hello_state));
}

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	struct host *h = arg;

	json_decref(h->last[type]);
	h->last[type] = json_deep_copy(o);
}

static void attach(struct host *h, const struct guest *g)
{
	static const struct link_ops ops = {on_up, on_message, NULL};

	memset(h, 0, sizeof(*h));
	h->fd = connect_to(g->agent);
	h->link =
	    link_new(MSG_TO_HOST, 65536, json_pack("{s:s}", "who", "bhyfid"), &ops, h);
	assert_non_null(h->link);
}

static void detach(struct host *h)
{
	for (size_t i = 0; i < 256; i++)
		json_decref(h->last[i]);
	link_free(h->link);
	close(h->fd);
}

/* One turn; false at the end of the connection. */
static bool turn(struct host *h, int timeout_ms)
{
	struct pollfd p = {h->fd, POLLIN, 0};
	const uint8_t *out;
	uint8_t buf[4096];
	int ms = link_timer_ms(h->link, clock_ms());
	ssize_t n = 1;
	size_t len;

	while (out = link_output(h->link, clock_ms(), &len), len > 0) {
		if (send(h->fd, out, len, MSG_NOSIGNAL) < 0)
			return false;
		link_output_done(h->link, len);
	}
	poll(&p, 1, ms >= 0 && ms < timeout_ms ? ms : timeout_ms);
	if (p.revents != 0 && (n = read(h->fd, buf, sizeof(buf))) > 0)
		link_input(h->link, buf, (size_t)n, clock_ms());
	link_tick(h->link, clock_ms());
	return n > 0;
}

/* Until the last message of the type has key == value. */
static void await(struct host *h, enum msg_type type, const char *key, const char *value)
{
	int64_t end = clock_ms() + DEADLINE_MS;

	while (clock_ms() < end) {
		if (strcmp(msg_str(h->last[type], key, ""), value) == 0)
			return;
		if (!turn(h, 100))
			break;
	}
	fail_msg("no %s with %s=%s", msg_row((uint8_t)type)->name, key, value);
}

static void await_type(struct host *h, enum msg_type type)
{
	int64_t end = clock_ms() + DEADLINE_MS;

	while (h->last[type] == NULL && clock_ms() < end && turn(h, 100))
		;
	assert_non_null(h->last[type]);
}

static void await_path(struct host *h)
{
	int64_t end = clock_ms() + DEADLINE_MS;

	while (
	    !msg_bool(h->last[MSG_PATH], "up", false) && clock_ms() < end && turn(h, 100))
		;
	assert_true(msg_bool(h->last[MSG_PATH], "up", false));
}

static void await_up(struct host *h)
{
	int64_t end = clock_ms() + DEADLINE_MS;

	while (h->ups == 0 && clock_ms() < end && turn(h, 100))
		;
	assert_int_equal(h->ups, 1);
}

static void send_config(struct host *h, const char *networks)
{
	assert_int_equal(link_send(h->link, MSG_CONFIG,
			     json_pack("{s:s,s:s,s:i}", "mode", "clone", "networks",
				 networks, "beat_ms", 100),
			     NULL),
	    0);
}

static void send_air(struct host *h, const char *op)
{
	json_decref(h->last[MSG_AIR_REPLY]);
	h->last[MSG_AIR_REPLY] = NULL;
	assert_int_equal(
	    link_send(h->link, MSG_AIR, json_pack("{s:i,s:s}", "id", 5, "op", op), NULL),
	    0);
}

static int reap(struct guest *g)
{
	int status;

	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	return status;
}

static void a_guest_comes_online_and_stops(void **state)
{
	char text[4096] = "";
	size_t have = 0;
	struct guest g;
	struct host h;
	ssize_t n;

	(void)state;
	start(&g, "wpa2");
	attach(&h, &g);
	await_up(&h);
	assert_string_equal(h.hello_state, "new");
	send_config(&h, GOOD_NET);
	await(&h, MSG_WLAN, "state", "associated");
	assert_string_equal(msg_str(h.last[MSG_WLAN], "ssid", ""), "bhyfi-wpa2");
	assert_string_equal(msg_str(h.last[MSG_RADIO], "driver", ""), "fake");
	await(&h, MSG_STAGE, "name", "path");
	await_path(&h);
	await_type(&h, MSG_BEAT);
	link_send(h.link, MSG_STATUS_GET, json_pack("{s:i}", "id", 9), NULL);
	await_type(&h, MSG_STATUS);
	assert_int_equal(msg_int(h.last[MSG_STATUS], "id", 0, 100, 0), 9);
	link_send(h.link, MSG_WPA, json_pack("{s:i,s:s}", "id", 1, "cmd", "PING"), NULL);
	await(&h, MSG_WPA_REPLY, "reply", "PONG\n");

	link_send(h.link, MSG_STOP, json_pack("{s:s}", "reason", "test"), NULL);
	await_type(&h, MSG_RELEASED);
	while (turn(&h, 100))
		;
	assert_int_equal(reap(&g), 0);
	while (have < sizeof(text) - 1 &&
	       (n = read(g.console_fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	assert_non_null(strstr(text, "release: supplicant stopped"));
	assert_non_null(strstr(text, "bhyfi-guest: power off\n"));
	detach(&h);
	finish(&g);
}

static void a_new_daemon_hears_the_present_state(void **state)
{
	struct guest g;
	struct host h;

	(void)state;
	start(&g, "wpa2");
	attach(&h, &g);
	await_up(&h);
	send_config(&h, GOOD_NET);
	await(&h, MSG_WLAN, "state", "associated");
	detach(&h);

	attach(&h, &g);
	await_up(&h);
	assert_string_equal(h.hello_state, "configured");
	await(&h, MSG_WLAN, "state", "associated");
	await_type(&h, MSG_PATH);
	assert_true(msg_bool(h.last[MSG_PATH], "up", false));
	/* The same configuration again disturbs nothing. */
	json_decref(h.last[MSG_WLAN]);
	h.last[MSG_WLAN] = NULL;
	send_config(&h, GOOD_NET);
	link_send(h.link, MSG_STATUS_GET, json_pack("{s:i}", "id", 1), NULL);
	await_type(&h, MSG_STATUS);
	assert_null(h.last[MSG_WLAN]);
	/* Another one is applied. */
	send_config(&h, BAD_NET);
	await(&h, MSG_WLAN, "reason", "wrong passphrase");
	send_config(&h, OTHER_NET);
	await(&h, MSG_WLAN, "reason", "network not found");
	send_config(&h, GOOD_NET);
	await(&h, MSG_WLAN, "state", "associated");
	detach(&h);
	kill(g.pid, SIGKILL);
	reap(&g);
	finish(&g);
}

static void the_air_goes_and_comes(void **state)
{
	struct guest g;
	struct host h;
	int status;

	(void)state;
	start(&g, "wpa2");
	attach(&h, &g);
	await_up(&h);
	send_config(&h, GOOD_NET);
	await(&h, MSG_WLAN, "state", "associated");
	send_air(&h, "ap-off");
	await(&h, MSG_WLAN, "reason", "network not found");
	assert_false(msg_bool(h.last[MSG_PATH], "up", true));
	send_air(&h, "ap-on");
	await(&h, MSG_WLAN, "state", "associated");
	send_air(&h, "no-such-op");
	await(&h, MSG_AIR_REPLY, "error", "the fake air has no such operation");
	send_air(&h, "panic");
	while (turn(&h, 100))
		;
	status = reap(&g);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	detach(&h);
	finish(&g);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_guest_comes_online_and_stops),
	    cmocka_unit_test(a_new_daemon_hears_the_present_state),
	    cmocka_unit_test(the_air_goes_and_comes),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test-guest-fake PROGRAM\n");
		return 2;
	}
	program = argv[1];
	return cmocka_run_group_tests_name("guest-fake", tests, NULL, NULL);
}
