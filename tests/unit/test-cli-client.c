/* client.c, follow.c and the commands, against a daemon that plays a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli-run.h"
#include "cli.h"
#include "client.h"
#include "clock.h"
#include "follow.h"
#include "fs.h"

#define WHY                                                                              \
	"no answer to frames with four addresses by way of the access point "            \
	"02:bf:00:00:00:01 in 3 s"
#define ONLINE                                                                           \
	"{\"ok\":true,\"instance\":\"wlan\",\"state\":\"online\",\"vmm\":\"qemu\","      \
	"\"pid\":77,\"uptime_s\":3672,\"card\":{\"pci\":\"sim:wpa2\",\"name\":\"air\"}," \
	"\"wlan\":{\"ssid\":\"caf\303\251\\\\x0a\\u001b[2J\",\"signal_dbm\":-48,"        \
	"\"freq_mhz\":2437},\"host_if\":{\"name\":\"bhyfi0\",\"addresses\":"             \
	"[\"192.0.2.61/24\",7,\"2001:db8::5/64\"]},\"restarts\":2,"                      \
	"\"guest\":{\"mem_total_kib\":131072,\"mem_available_kib\":65536,\"cpu_pct\":3}" \
	","                                                                              \
	"\"mode\":\"clone\",\"mode_why\":\"" WHY "\","                                   \
	"\"last_error\":\"it\\nbroke\"}\n"
#define FAILED_STATE "{\"ok\":true,\"state\":\"failed\"}\n"
#define END                                                                              \
	{                                                                                \
		NULL, NULL                                                               \
	}

static struct cli_run r;

static int setup(void **state)
{
	(void)state;
	setenv("LC_ALL", "C.UTF-8", 1);
	cli_dir_make("wlan");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cli_dir_remove();
	return 0;
}

/* One call against a reply; the error's code, 0 for an answer. */
static int call(const char *reply, struct err *e)
{
	const struct step script[] = {{"status", reply}, {NULL, "!"}, END};
	pid_t pid = server_start("wlan", script);
	struct client *c = client_open("wlan", e);
	json_t *o;
	int code;

	assert_non_null(c);
	o = client_call(c, "status", NULL, e);
	code = o != NULL ? 0 : (int)e->code;
	json_decref(o);
	client_close(c);
	server_stop(pid);
	return code;
}

static void answers(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(call("{\"ok\":true}\n", &e), 0);
	assert_int_equal(call("not json\n", &e), ERR_FAILED);
	assert_non_null(strstr(e.msg, "not JSON"));
	assert_int_equal(call("[1]\n", &e), ERR_FAILED);
	assert_int_equal(call("{\"a\":1,\"a\":2}\n", &e), ERR_FAILED);
	assert_int_equal(call("\n", &e), ERR_FAILED);
	/* Ended in the middle of a line, and before any. */
	assert_int_equal(call("{\"ok\":", &e), ERR_NOT_RUNNING);
	assert_non_null(strstr(e.msg, "ended the connection"));
	assert_int_equal(call(NULL, &e), ERR_NOT_RUNNING);
	assert_int_equal(
	    call("{\"error\":{\"code\":\"precondition\",\"message\":\"no\\u001b "
		 "\\\\x0a\",\"hint\":\"do\"}}\n",
		&e),
	    ERR_PRECONDITION);
	assert_string_equal(e.msg, "no\\x1b \\x0a");
	assert_string_equal(e.hint, "do");
	assert_int_equal(call("{\"error\":{\"code\":\"none\"}}\n", &e), ERR_FAILED);
	assert_int_equal(call("{\"error\":{}}\n", &e), ERR_FAILED);
	assert_true(e.msg[0] != '\0');
}

static void endless_line(void **state)
{
	struct err e = ERR_INIT;
	char *text = malloc(2 * CLIENT_LINE_MAX + 1);
	struct step big[] = {{"status", text}, END};
	pid_t pid;
	struct client *c;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 2 * CLIENT_LINE_MAX);
	text[2 * CLIENT_LINE_MAX] = '\0';
	pid = server_start("wlan", big);
	c = client_open("wlan", &e);
	assert_null(client_call(c, "status", NULL, &e));
	assert_int_equal(e.code, ERR_FAILED);
	assert_non_null(strstr(e.msg, "a line of more than"));
	client_close(c);
	/* It could not write all of that: its own failure. */
	waitpid(pid, NULL, 0);
	free(text);
}

static void slow_answer(void **state)
{
	const struct step script[] = {
	    {"a", "{\"ok\":"}, {"b", "true}\n{\"n\":2}\n"}, END};
	pid_t pid = server_start("wlan", script);
	struct err e = ERR_INIT;
	struct client *c = client_open("wlan", &e);
	json_t *o;

	(void)state;
	assert_int_equal(client_send(c, "a", NULL, &e), 0);
	assert_null(client_recv(c, 50, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(client_wait(c, 0, &e), 0);
	/* What came of the line was kept. */
	assert_int_equal(client_send(c, "b", NULL, &e), 0);
	assert_int_equal(client_wait(c, 5000, &e), 1);
	o = client_recv(c, 0, &e);
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_decref(o);
	o = client_recv(c, 5000, &e);
	assert_int_equal(json_integer_value(json_object_get(o, "n")), 2);
	json_decref(o);
	client_close(c);
	server_stop(pid);
}

static void nobody_listens(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct err e = ERR_INIT;

	(void)state;
	assert_null(client_open("wlan", &e));
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	assert_null(client_open("nothing", &e));
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	assert_non_null(strstr(e.hint, "bhyfi -i nothing up"));
	/* A killed daemon's socket. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.60s/wlan/control", cli_dir());
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	assert_null(client_open("wlan", &e));
	assert_int_equal(e.code, ERR_NOT_RUNNING);
}

static void no_permission(void **state)
{
	struct err e = ERR_INIT;
	pid_t pid;
	int st;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	const struct step script[] = {END};
	pid_t server = server_start("wlan", script);

	pid = fork();
	if (pid == 0) {
		if (setuid(12345) < 0)
			_exit(2);
		_exit(client_open("wlan", &e) != NULL || e.code != ERR_FAILED ||
		      strstr(e.msg, "ermission denied") == NULL ||
		      strstr(e.hint, "control_group") == NULL);
	}
	waitpid(pid, &st, 0);
	assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	kill(server, SIGKILL);
	waitpid(server, &st, 0);
}

static void long_path(void **state)
{
	const struct step script[] = {{"status", "{\"ok\":true}\n"}, END};
	pid_t pid = server_start("wlan", script);
	char path[600], cwd[600], now[600];
	struct err e = ERR_INIT;
	struct client *c;
	json_t *o;

	(void)state;
	snprintf(path, sizeof(path), "%s/", cli_dir());
	for (int i = 0; i < 5; i++) {
		strcat(path, "a-folder-of-a-long-name-0123456789/");
		assert_int_equal(mkdir(path, 0700), 0);
	}
	strcat(path, "link");
	char target[128];
	snprintf(target, sizeof(target), "%s/wlan", cli_dir());
	assert_int_equal(symlink(target, path), 0);
	strcat(path, "/control");
	assert_true(strlen(path) > 150);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	c = client_open_path(path, "wlan", &e);
	assert_non_null(c);
	assert_non_null(getcwd(now, sizeof(now)));
	assert_string_equal(cwd, now);
	o = client_call(c, "status", NULL, &e);
	assert_non_null(o);
	json_decref(o);
	client_close(c);
	server_stop(pid);
	strcpy(strrchr(path, '/'), "/nothing");
	assert_null(client_open_path(path, "wlan", &e));
	assert_int_equal(e.code, ERR_NOT_RUNNING);
}

static void status_screen(void **state)
{
	const struct step script[] = {{"{\"cmd\":\"status\"}", ONLINE}, END};
	pid_t pid = server_start("wlan", script);

	(void)state;
	RUN(&r, "status");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, "");
	assert_null(strchr(r.out, '\033'));
	assert_non_null(strstr(r.out, "wlan  online, up 1 h 1 min\n"));
	assert_non_null(strstr(r.out, "network    caf\303\251\\x0a\\x1b[2J\n"));
	assert_non_null(strstr(r.out, " -48 dBm"));
	assert_non_null(strstr(r.out, " mode clone\n             " WHY "\n"));
	assert_non_null(strstr(r.out, "addresses  192.0.2.61/24\n"));
	assert_non_null(strstr(r.out, "2001:db8::5/64\n"));
	assert_non_null(strstr(r.out, "64 of 128 MiB free"));
	assert_non_null(strstr(r.out, "2 restarts"));
	assert_non_null(strstr(r.out, "last error it\\x0abroke\n"));
}

static void status_json(void **state)
{
	const struct step script[] = {{"status", ONLINE}, END};
	pid_t pid = server_start("wlan", script);
	json_t *o;

	(void)state;
	RUN(&r, "status", "--json");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	o = json_loads(r.out, 0, NULL);
	assert_non_null(o);
	assert_null(json_object_get(o, "ok"));
	assert_int_equal(json_integer_value(json_object_get(o, "pid")), 77);
	json_decref(o);
}

/* Whatever the daemon says, the screen stands. */
static void status_odd(void **state)
{
	static const char *const odd[] = {"{}\n",
	    "{\"state\":7,\"wlan\":[],\"card\":\"x\"}\n",
	    "{\"state\":\"\\u001b\",\"wlan\":{\"ssid\":null,\"signal_dbm\":-1e300},"
	    "\"uptime_s\":1e300,\"host_if\":{\"addresses\":{}},\"guest\":{\"mem_total_"
	    "kib\":"
	    "-5}}\n",
	    "{\"last_error\":{\"message\":\"m\",\"hint\":\"h\"}}\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const struct step script[] = {{"status", odd[i]}, END};
		pid_t pid = server_start("wlan", script);

		RUN(&r, "status");
		server_stop(pid);
		assert_int_equal(r.status, 0);
		assert_null(strchr(r.out, '\033'));
	}
	assert_non_null(strstr(r.out, "last error m (h)\n"));
}

static void not_running(void **state)
{
	char path[128];
	json_t *o;

	(void)state;
	RUN(&r, "status", "--json");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	o = json_loads(r.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "stopped");
	assert_string_equal(json_string_value(json_object_get(o, "instance")), "wlan");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(o, "error"), "code")),
	    "not-running");
	json_decref(o);
	RUN(&r, "down");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	RUN(&r, "console");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	RUN(&r, "log");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	RUN(&r, "speedtest");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	/* The last run's log is still there. */
	snprintf(path, sizeof(path), "%s/wlan/log", cli_dir());
	assert_int_equal(fs_write_atomic(path, 0600, "two\033\nthree\n", 11, NULL), 0);
	snprintf(path, sizeof(path), "%s/wlan/log.old", cli_dir());
	assert_int_equal(fs_write_atomic(path, 0600, "one\n", 4, NULL), 0);
	RUN(&r, "log");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "one\ntwo\\x1b\nthree\n");
	RUN(&r, "log", "-f");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	/* A killed daemon left something. */
	snprintf(path, sizeof(path), "%s/wlan/vm.json", cli_dir());
	assert_int_equal(fs_write_atomic(path, 0600, "{}", 2, NULL), 0);
	RUN(&r, "status");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
	assert_non_null(strstr(r.err, "left a machine behind"));
}

static void up_waits(void **state)
{
	const struct step script[] = {{"status", "{\"ok\":true,\"state\":\"booting\"}\n"},
	    {"{\"cmd\":\"wait\",\"state\":\"online\",\"timeout_ms\":9000}",
		"{\"progress\":\"booting\",\"stage\":\"init\",\"ms\":900}\n"
		"{\"progress\":\"agent\"}\n" ONLINE},
	    END};
	pid_t pid = server_start("wlan", script);

	(void)state;
	RUN(&r, "up", "--wait", "9");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, ""); /* no progress: no terminal */
	assert_non_null(strstr(r.out, "wlan: online: caf\303\251"));
	assert_non_null(strstr(r.out, " on bhyfi0 after "));
}

static void up_starts_again(void **state)
{
	const struct step script[] = {{"status", FAILED_STATE},
	    {"start", "{\"ok\":true}\n"}, {"wait", ONLINE}, END};
	pid_t pid = server_start("wlan", script);
	json_t *o;

	(void)state;
	RUN(&r, "up", "--json");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	o = json_loads(r.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "online");
	json_decref(o);
}

static void up_at_once(void **state)
{
	const struct step online[] = {{"status", ONLINE}, END};
	const struct step booting[] = {{"status", "{\"state\":\"booting\"}\n"}, END};
	pid_t pid = server_start("wlan", online);

	(void)state;
	RUN(&r, "up");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	pid = server_start("wlan", booting);
	RUN(&r, "up", "--wait=0");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "wlan: booting\n");
}

static void up_fails(void **state)
{
	static const struct {
		const char *reply, *text;
		int status;
	} cases[] = {
	    {"{\"error\":{\"code\":\"failed\",\"message\":\"no radio\",\"hint\":\"\"}}\n",
		"bhyfi: no radio\n", ERR_FAILED},
	    {"{\"error\":{\"code\":\"timeout\",\"message\":\"wait: not online\"}}\n",
		"bhyfi: wait: not online (bhyfid goes on;", ERR_TIMEOUT},
	    {"", "ended the connection", ERR_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct step script[] = {{"status", "{\"state\":\"booting\"}\n"},
		    {"wait", cases[i].reply}, {NULL, "!"}, END};
		pid_t pid = server_start("wlan", script);

		RUN(&r, "up");
		server_stop(pid);
		assert_int_equal(r.status, cases[i].status);
		assert_non_null(strstr(r.err, cases[i].text));
	}
}

/* What stands in for bhyfid: a program that writes a line and exits. */
static void daemon_double(const char *script)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/bhyfid", cli_dir());
	unlink(path);
	assert_int_equal(fs_write_atomic(path, 0700, script, strlen(script), NULL), 0);
	assert_int_equal(chmod(path, 0700), 0);
	follow_daemon = path;
}

static void up_passes_daemon_error(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* up asks for root first */
	daemon_double(
	    "#!/bin/sh\n"
	    "echo \"bhyfid: $2: qemu (x): missing (install (it))\" >&2\nexit 5\n");
	RUN(&r, "up");
	assert_int_equal(r.status, ERR_PRECONDITION);
	assert_string_equal(r.err, "bhyfi: wlan: qemu (x): missing (install (it))\n");
	RUN(&r, "up", "--json");
	json_t *o = json_loads(r.out, 0, NULL), *error = json_object_get(o, "error");
	assert_string_equal(json_string_value(json_object_get(error, "message")),
	    "wlan: qemu (x): missing");
	assert_string_equal(
	    json_string_value(json_object_get(error, "hint")), "install (it)");
	json_decref(o);
	/* It says that all is well, but nobody answers. */
	daemon_double("#!/bin/sh\nexit 0\n");
	RUN(&r, "up");
	assert_int_equal(r.status, ERR_NOT_RUNNING);
}

static void down_clears(void **state)
{
	char path[128];

	(void)state;
	if (geteuid() != 0)
		skip(); /* down asks for root first */
	snprintf(path, sizeof(path), "%s/wlan/vm.json", cli_dir());
	assert_int_equal(fs_write_atomic(path, 0600, "{}", 2, NULL), 0);
	daemon_double("#!/bin/sh\ntest \"$*\" = '-i wlan --clear'\n");
	RUN(&r, "down");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "wlan: cleared what a killed bhyfid had left\n");
}

static void down_waits_for_the_end(void **state)
{
	const struct step script[] = {
	    {"{\"cmd\":\"down\"}", "{\"progress\":\"stopping\"}\n{\"ok\":true}\n"},
	    {NULL, "!"}, END};
	pid_t pid = server_start("wlan", script);

	(void)state;
	RUN(&r, "down");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "wlan: stopped\n");
}

static void interrupted(void **state)
{
	/* The double of the daemon sends the signal once the wait has begun. */
	const struct step script[] = {{"status", "{\"state\":\"booting\"}\n"},
	    {"wait", "{\"progress\":\"booting\"}\n"}, END};
	pid_t server = server_start("wlan", script), pid;
	int err[2], st;
	char text[512] = "";

	(void)state;
	assert_int_equal(pipe(err), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *argv[] = {strdup("bhyfi"), strdup("up"), NULL};

		dup2(err[1], 2);
		/* Pending as soon as it is blocked: it comes in at the first wait. */
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGINT);
		_exit(cli_main(2, argv));
	}
	close(err[1]);
	for (size_t n = 0; n + 1 < sizeof(text);) {
		ssize_t got = read(err[0], text + n, sizeof(text) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(err[0]);
	waitpid(pid, &st, 0);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), ERR_FAILED);
	assert_non_null(strstr(text, "up: interrupted after"));
	kill(server, SIGKILL);
	waitpid(server, &st, 0);
}

static void streams(void **state)
{
	const struct step log[] = {
	    {"{\"cmd\":\"log\",\"follow\":false}",
		"{\"line\":\"a\\u001b\"}\n{\"line\":\"b\"}\n{\"ok\":true}\n"},
	    END};
	const struct step follow[] = {
	    {"\"follow\":true",
		"{\"data\":\"a\\nb\"}\n{\"ok\":true}\n{\"data\":\"c\\n\"}\n"},
	    {NULL, "!"}, END};
	const struct step cut[] = {{"log", "{\"line\":\"a\"}\n"}, {NULL, "!"}, END};
	pid_t pid = server_start("wlan", log);

	(void)state;
	RUN(&r, "log");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "a\\x1b\nb\n");
	pid = server_start("wlan", log);
	RUN(&r, "log", "--json");
	server_stop(pid);
	assert_string_equal(r.out, "{\"line\": \"a\\u001B\"}\n{\"line\": \"b\"}\n");
	pid = server_start("wlan", follow);
	RUN(&r, "console", "-f");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "a\nbc\n");
	pid = server_start("wlan", cut);
	RUN(&r, "log");
	server_stop(pid);
	assert_int_equal(r.status, ERR_FAILED);
}

static void air(void **state)
{
	const struct step script[] = {{"status", ONLINE},
	    {"\"request\":{\"op\":\"ap\",\"up\":false,\"ms\":20,\"name\":\"a=b\"}",
		"{\"ok\":true,\"reply\":{\"done\":1}}\n"},
	    END};
	const struct step real[] = {
	    {"status", "{\"card\":{\"pci\":\"0000:03:00.0\"}}\n"}, END};
	pid_t pid = server_start("wlan", script);

	(void)state;
	RUN(&r, "air", "ap", "up=false", "ms=20", "name=a=b");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "{\"done\": 1}\n");
	pid = server_start("wlan", real);
	RUN(&r, "air", "ap");
	server_stop(pid);
	assert_int_equal(r.status, ERR_PRECONDITION);
	pid = server_start("wlan", real);
	RUN(&r, "speedtest");
	server_stop(pid);
	assert_int_equal(r.status, ERR_USAGE);
	RUN(&r, "air", "ap", "up");
	assert_int_equal(r.status, ERR_USAGE);
}

static void daemon_version(void **state)
{
	const struct step script[] = {
	    {"version", "{\"ok\":true,\"version\":\"0.0.0\",\"pid\":5}\n"}, END};
	pid_t pid = server_start("wlan", script);

	(void)state;
	RUN(&r, "version");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "bhyfid 0.0.0 (instance wlan): restart it"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(answers),
	    TEST(endless_line),
	    TEST(slow_answer),
	    TEST(nobody_listens),
	    TEST(no_permission),
	    TEST(long_path),
	    TEST(status_screen),
	    TEST(status_json),
	    TEST(status_odd),
	    TEST(not_running),
	    TEST(up_waits),
	    TEST(up_starts_again),
	    TEST(up_at_once),
	    TEST(up_fails),
	    TEST(up_passes_daemon_error),
	    TEST(down_clears),
	    TEST(down_waits_for_the_end),
	    TEST(interrupted),
	    TEST(streams),
	    TEST(air),
	    TEST(daemon_version),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
