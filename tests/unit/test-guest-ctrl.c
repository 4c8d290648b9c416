/* wpa-ctrl.c: a client of the supplicant's socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wpa-ctrl.h"

/* A supplicant that answers a command with its number, and what it heard. */
struct server {
	struct event_base *base;
	struct event *ev;
	struct wpa_ctrl_client *client;
	int fd;
	char heard[256], said[256]; /* each with a ; behind it */
	int n;
};

static void on_command(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	char buf[128], reply[16] = "OK\n";
	ssize_t n = recvfrom(fd, buf, sizeof(buf) - 1, 0, (struct sockaddr *)&from, &len);

	(void)what;
	assert_true(n > 0);
	buf[n] = '\0';
	if (strcmp(buf, "ATTACH") != 0) {
		snprintf(s->heard + strlen(s->heard), sizeof(s->heard) - strlen(s->heard),
		    "%s;", buf);
		snprintf(reply, sizeof(reply), "%d", s->n++);
	}
	assert_int_equal(
	    sendto(fd, reply, strlen(reply), 0, (struct sockaddr *)&from, len),
	    (ssize_t)strlen(reply));
}

static void on_reply(void *arg, const char *reply, const char *why)
{
	struct server *s = arg;
	char cmd[32];
	int n;

	if (reply == NULL) {
		snprintf(s->said + strlen(s->said), sizeof(s->said) - strlen(s->said),
		    "%s;", why);
		return;
	}
	snprintf(
	    s->said + strlen(s->said), sizeof(s->said) - strlen(s->said), "%s;", reply);
	n = atoi(reply);
	if (n >= 4) {
		event_base_loopbreak(s->base);
		return;
	}
	/* From within, and two at once. */
	snprintf(cmd, sizeof(cmd), "after %d", n);
	wpa_ctrl_client_request(s->client, cmd, on_reply, s);
	if (n == 0)
		wpa_ctrl_client_request(s->client, "more", on_reply, s);
}

static void on_event(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void on_attached(void *arg)
{
	struct server *s = arg;

	wpa_ctrl_client_request(s->client, "first", on_reply, s);
}

static void on_lost(void *arg, const char *why)
{
	(void)arg;
	fail_msg("%s", why);
}

/* Each command is sent once, in order, and gets its own reply. */
static void a_command_is_sent_once(void **state)
{
	static const struct wpa_ctrl_ops ops = {on_event, on_attached, on_lost};
	struct sockaddr_un us = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/bhyfi-ctrl-XXXXXX";
	struct err e = ERR_INIT;
	struct server s = {.n = 0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(us.sun_path, sizeof(us.sun_path), "%s/wlan0", dir);
	s.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&us, sizeof(us)), 0);
	s.base = event_base_new();
	s.ev = event_new(s.base, s.fd, EV_READ | EV_PERSIST, on_command, &s);
	event_add(s.ev, NULL);
	s.client = wpa_ctrl_client_open(s.base, us.sun_path, &ops, &s, &e);
	assert_non_null(s.client);
	event_base_dispatch(s.base);
	assert_string_equal(s.said, "0;1;2;3;4;");
	assert_string_equal(s.heard, "first;after 0;more;after 1;after 2;");
	/* What is under way when it ends is told so. */
	s.said[0] = '\0';
	wpa_ctrl_client_request(s.client, "last", on_reply, &s);
	wpa_ctrl_client_close(s.client);
	assert_non_null(strstr(s.said, "wpa_supplicant is gone;"));
	event_free(s.ev);
	event_base_free(s.base);
	close(s.fd);
	unlink(us.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_command_is_sent_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
