/* wpa-door.c, wpa-clients.c: sockets for wpa_cli, and who hears what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "log.h"
#include "wpa-clients.h"
#include "wpa-door.h"

static char dir[] = "/tmp/bhyfi-door-XXXXXX";

static int go_there(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return mkdtemp(dir) == NULL || chdir(dir) < 0;
}

static int go_away(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(dir) < 0;
}

/* A program that talks to the door, from a socket of that name. */
static int client(const char *name)
{
	struct sockaddr_un us = {.sun_family = AF_UNIX}, to = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = 5};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(us.sun_path, sizeof(us.sun_path), "%s", name);
	snprintf(to.sun_path, sizeof(to.sun_path), "wpa/wlan0");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(bind(fd, (struct sockaddr *)&us, sizeof(us)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void gone(int fd, const char *name)
{
	close(fd);
	unlink(name);
}

static void hears(int fd, const char *text)
{
	char buf[9000];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

struct packet {
	struct wpa_door_head head;
	char data[WPA_DOOR_DATA_MAX + 1];
};

/* As bhyfid main: the next packet; waits for it. */
static struct packet take(int fd)
{
	struct packet p;
	ssize_t n;

	memset(&p, 0, sizeof(p));
	do
		n = recv(fd, &p, sizeof(p) - 1, 0);
	while (n < 0);
	assert_true(n >= (ssize_t)sizeof(p.head));
	return p;
}

static void give(int fd, uint32_t number, const char *text)
{
	struct packet p = {.head = {.client = number}};

	strcpy(p.data, text);
	assert_true(send(fd, &p, sizeof(p.head) + strlen(text), 0) > 0);
}

static void carries_both_ways(void **state)
{
	struct err e = ERR_INIT;
	struct packet a, b;
	struct stat st;
	int door = wpa_door_start(getegid(), &e), one, two;

	(void)state;
	assert_true(door >= 0);
	assert_int_equal(stat("wpa", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(stat("wpa/wlan0", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	one = client("one");
	two = client("two");
	assert_int_equal(send(one, "first", 5, 0), 5);
	a = take(door);
	assert_string_equal(a.data, "first");
	assert_int_equal(send(two, "second", 6, 0), 6);
	b = take(door);
	assert_string_equal(b.data, "second");
	assert_int_not_equal(a.head.client, b.head.client);
	give(door, b.head.client, "for two");
	give(door, a.head.client, "for one");
	give(door, 4711, "for nobody");
	hears(one, "for one");
	hears(two, "for two");
	/* The same one again, and one that has vanished. */
	assert_int_equal(send(one, "again", 5, 0), 5);
	assert_int_equal(take(door).head.client, a.head.client);
	gone(one, "one");
	give(door, a.head.client, "too late");
	b = take(door);
	assert_int_equal(b.head.kind, WPA_DOOR_GONE);
	assert_int_equal(b.head.client, a.head.client);
	wpa_door_close(door);
	gone(two, "two");
	assert_int_not_equal(access("wpa", F_OK), 0);
}

/* More than there is room for: the least active goes. */
static void many_clients(void **state)
{
	int fds[WPA_DOOR_CLIENTS + 1], door;
	struct err e = ERR_INIT;
	uint32_t first = 0;
	char name[16];

	(void)state;
	door = wpa_door_start((gid_t)-1, &e);
	assert_true(door >= 0);
	for (unsigned i = 0; i <= WPA_DOOR_CLIENTS; i++) {
		struct packet p;

		snprintf(name, sizeof(name), "c%u", i);
		fds[i] = client(name);
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
		p = take(door);
		if (i == 0)
			first = p.head.client;
		if (p.head.kind == WPA_DOOR_GONE) {
			assert_int_equal(i, WPA_DOOR_CLIENTS);
			assert_int_equal(p.head.client, first);
			p = take(door);
		}
		assert_int_equal(p.head.kind, WPA_DOOR_DATA);
	}
	for (unsigned i = 0; i <= WPA_DOOR_CLIENTS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		gone(fds[i], name);
	}
	wpa_door_close(door);
}

/* A client that main asked for is answered as itself, so a link to what it may not
 * write reaches nothing; here it is what is no socket at all. */
static void an_address_that_is_swapped(void **state)
{
	struct err e = ERR_INIT;
	int door = wpa_door_start((gid_t)-1, &e), fd = client("here");
	struct packet p;

	(void)state;
	assert_int_equal(send(fd, "x", 1, 0), 1);
	p = take(door);
	assert_int_equal(unlink("here"), 0);
	assert_int_equal(symlink("/dev/null", "here"), 0);
	give(door, p.head.client, "y");
	assert_int_equal(take(door).head.kind, WPA_DOOR_GONE);
	gone(fd, "here");
	wpa_door_close(door);
}

#define OTHER 1000

/* A client of another user: sends, waits for the answer, says by its status whether that
 * was right. */
static pid_t start_other(void)
{
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (setgid(OTHER) < 0 || setuid(OTHER) < 0)
		_exit(77);
	fd = client("theirs/socket");
	if (send(fd, "hello", 5, 0) != 5)
		_exit(1);
	hears(fd, "for them");
	_exit(0);
}

/* They get their answers, and can lead none of them to what they may not write. */
static void answers_go_as_who_asked(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "roots"};
	int door, status, roots = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct err e = ERR_INIT;
	struct packet p;
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("theirs", 0700), 0);
	if (chown("theirs", OTHER, OTHER) < 0) {
		rmdir("theirs");
		skip();
	}
	assert_int_equal(bind(roots, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(chmod("roots", 0600), 0);
	door = wpa_door_start(OTHER, &e);
	assert_true(door >= 0);
	pid = start_other();
	p = take(door);
	assert_string_equal(p.data, "hello");
	give(door, p.head.client, "for them");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(unlink("theirs/socket"), 0);
	assert_int_equal(symlink("../roots", "theirs/socket"), 0);
	give(door, p.head.client, "not for root");
	assert_int_equal(take(door).head.kind, WPA_DOOR_GONE);
	assert_int_equal(recv(roots, &byte, 1, MSG_DONTWAIT), -1);
	wpa_door_close(door);
	gone(roots, "roots");
	unlink("theirs/socket");
	rmdir("theirs");
}

/* Main's side, with a guest that answers as told. */
struct world {
	struct event_base *base;
	struct wpa_relay *relay;
	struct wpa_clients *clients;
	int64_t id;
	char cmd[WPA_RELAY_CMD_MAX + 1];
	unsigned sent;
};

static int send_wpa(void *arg, json_t *o, struct err *e)
{
	struct world *w = arg;

	(void)e;
	w->id = json_integer_value(json_object_get(o, "id"));
	snprintf(
	    w->cmd, sizeof(w->cmd), "%s", json_string_value(json_object_get(o, "cmd")));
	w->sent++;
	json_decref(o);
	return 0;
}

static void turn_until(struct world *w, unsigned sent)
{
	while (w->sent < sent)
		event_base_loop(w->base, EVLOOP_ONCE);
}

/* One request that is answered without the guest. */
static void local(struct world *w, int fd, const char *cmd, const char *reply)
{
	char buf[64];
	ssize_t n;

	assert_int_equal(send(fd, cmd, strlen(cmd), 0), strlen(cmd));
	while ((n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT)) < 0)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	buf[n] = '\0';
	assert_string_equal(buf, reply);
}

static void clients_and_guest(void **state)
{
	struct world w = {.base = event_base_new()};
	struct err e = ERR_INIT;
	char large[5000];
	int one, two;
	json_t *o;

	(void)state;
	w.relay = wpa_relay_new(w.base, send_wpa, &w);
	w.clients = wpa_clients_new(w.base, wpa_door_start((gid_t)-1, &e), w.relay);
	one = client("one");
	two = client("two");
	local(&w, one, "PING", "PONG\n");
	local(&w, one, "LEVEL 2", "FAIL\n");
	local(&w, one, "ATTACH", "OK\n");
	local(&w, one, "LEVEL 4", "OK\n");
	local(&w, two, "DETACH", "FAIL\n");
	local(&w, two, "ATTACH", "OK\n");
	assert_int_equal(w.sent, 0);
	wpa_clients_event(w.clients, "<3>CTRL-EVENT-SCAN-STARTED ");
	wpa_clients_event(w.clients, "<4>bad \033[2J");
	hears(one, "<4>bad \\x1b[2J");
	hears(two, "<3>CTRL-EVENT-SCAN-STARTED ");
	hears(two, "<4>bad \\x1b[2J");
	/* What the guest is to answer. */
	assert_int_equal(send(one, "STATUS", 6, 0), 6);
	turn_until(&w, 1);
	assert_string_equal(w.cmd, "STATUS");
	o = json_pack(
	    "{s:I, s:s}", "id", (json_int_t)w.id, "reply", "wpa_state=X\nb=\r\n");
	wpa_relay_reply(w.relay, o);
	json_decref(o);
	hears(one, "wpa_state=X\nb=\\x0d\n");
	/* What is no command, and a client that asks too much at once. */
	memset(large, 'x', sizeof(large));
	assert_int_equal(send(one, large, sizeof(large), 0), sizeof(large));
	local(&w, one, "caf\xe9", "FAIL\n");
	hears(one, "FAIL\n");
	for (int i = 0; i < WPA_CLIENT_ASKS; i++)
		assert_int_equal(send(two, "STATUS", 6, 0), 6);
	turn_until(&w, 1 + WPA_CLIENT_ASKS);
	local(&w, two, "STATUS", "FAIL-BUSY\n");
	wpa_relay_gone(w.relay);
	for (int i = 0; i < WPA_CLIENT_ASKS; i++)
		hears(two, "FAIL\n");
	gone(one, "one");
	gone(two, "two");
	wpa_clients_free(w.clients);
	wpa_relay_free(w.relay);
	event_base_free(w.base);
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

#define THERE(f) cmocka_unit_test_setup_teardown(f, go_there, go_away)

int main(void)
{
	const struct CMUnitTest tests[] = {THERE(carries_both_ways), THERE(many_clients),
	    THERE(an_address_that_is_swapped), THERE(answers_go_as_who_asked),
	    THERE(clients_and_guest)};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
