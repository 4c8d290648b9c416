/* reach.c: what a captive portal says, or a stranger in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "reach.h"

static void says(const char *text, int status, const char *location)
{
	char where[REACH_URL_MAX];

	assert_int_equal(reach_parse(text, strlen(text), where), status);
	if (status > 0)
		assert_string_equal(where, location);
}

static void heads(void **state)
{
	(void)state;
	says("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	says("HTTP/1.0 302 Found\r\nlocation:  http://portal.example/x \r\nA: b\r\n\r\n",
	    302, "http://portal.example/x");
	says("HTTP/1.1 200 OK\n\n", 200, "");
	says("HTTP/1.1 302 Found\r\nLocation: http://x/", 0, "");
	says("HTTP", 0, "");
	says("HTTP/2 200\r\n\r\n", -1, "");
	says("SSH-2.0-x\r\n", -1, "");
	says("HTTP/1.1 2x4 \r\n\r\n", -1, "");
	says("", 0, "");
}

/* A server that answers one request. */
static pid_t serve(const char *answer, int *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0), c;
	char buf[1024];
	pid_t pid;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		c = accept(fd, NULL, NULL);
		if (recv(c, buf, sizeof(buf), 0) > 0)
			send(c, answer, strlen(answer), MSG_NOSIGNAL);
		_exit(0);
	}
	close(fd);
	return pid;
}

static int ask(const char *answer, char portal[REACH_URL_MAX])
{
	struct err e = ERR_INIT;
	char url[64];
	int port, ret;
	pid_t pid = serve(answer, &port);

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/check", port);
	ret = reach_portal(url, "127.0.0.1", portal, &e);
	waitpid(pid, NULL, 0);
	return ret;
}

static void portals(void **state)
{
	char portal[REACH_URL_MAX];

	(void)state;
	assert_int_equal(ask("HTTP/1.1 204 No Content\r\n\r\n", portal), 0);
	assert_int_equal(
	    ask("HTTP/1.1 307 T\r\nLocation: https://login.example/?a=b\r\n\r\n", portal),
	    1);
	assert_string_equal(portal, "https://login.example/?a=b");
	assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\nlog in here", portal), 1);
	assert_int_equal(strncmp(portal, "http://127.0.0.1:", 17), 0);
	assert_int_equal(
	    ask("HTTP/1.1 302 F\r\nLocation: javascript:alert(1)\r\n\r\n", portal), 1);
	assert_int_equal(strncmp(portal, "http://127.0.0.1:", 17), 0);
	assert_int_equal(ask("what?\r\n\r\n0123456789", portal), -1);
	assert_int_equal(ask("", portal), -1);
}

static void urls(void **state)
{
	static const char *const bad[] = {"", "https://x/", "http://", "http://:80/",
	    "http://x y/", "http://x:123456789/", "ftp://x/"};
	char portal[REACH_URL_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(reach_portal(bad[i], "127.0.0.1", portal, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void no_address(void **state)
{
	struct err e = ERR_INIT;
	char addr[64];

	(void)state;
	assert_int_equal(reach_address("nonesuch0", 50, addr, sizeof(addr), &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_non_null(strstr(e.hint, "DHCP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(heads),
	    cmocka_unit_test(portals), cmocka_unit_test(urls),
	    cmocka_unit_test(no_address)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
