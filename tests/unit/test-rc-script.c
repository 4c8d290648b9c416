/*
 * FreeBSD's rc script, run by sh with a double of rc.subr(8) and a bhyfi that notes what
 * it is asked. RC_SUBR in the environment takes the place of the double: FreeBSD's own,
 * where there is one.
 *
 * And systemd's counterpart for sleep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"

static char dir[64];

/* Notes its arguments, and ends as the instance's name says. */
static const char bhyfi[] = "#!/bin/sh\n"
			    "echo \"$*\" >>'%s/asked'\n"
			    "case $2 in broken*) exit 1 ;; down*) exit 3 ;; esac\n";

static char *replace(char *text, const char *what, const char *with)
{
	size_t n = strlen(what);
	char *out = NULL, *at, *s = text;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	assert_non_null(f);
	for (; (at = strstr(s, what)) != NULL; s = at + n)
		fprintf(f, "%.*s%s", (int)(at - s), s, with);
	fputs(s, f);
	assert_int_equal(fclose(f), 0);
	free(text);
	return out;
}

static void write_file(const char *name, mode_t mode, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(fs_write_atomic(path, mode, text, strlen(text), NULL), 0);
}

static int make_dir(void **state)
{
	const char *subr = getenv("RC_SUBR");
	char path[128], program[512], *script;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/bhyfi-rc-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bin", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(program, sizeof(program), bhyfi, dir);
	write_file("bin/bhyfi", 0755, program);
	snprintf(program, sizeof(program), "#!/bin/sh\ncat >>'%s/logged'\n:\n", dir);
	write_file("bin/logger", 0755, program);
	assert_int_equal(fs_read_file(RC_SCRIPT, 65536, &script, NULL, NULL), 0);
	script = replace(script, "%%PREFIX%%", dir);
	script = replace(script, "/etc/rc.subr", subr != NULL ? subr : RC_SUBR_DOUBLE);
	snprintf(program, sizeof(program), "%s/bin/logger", dir);
	script = replace(script, "/usr/bin/logger", program);
	write_file("script", 0755, script);
	free(script);
	write_file("rc.conf", 0644, "bhyfi_enable=YES\n");
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

struct result {
	int status;
	char *out, *asked;
};

/* `sh script COMMAND`; asked: what bhyfi was asked, in lines. */
static void run(struct result *r, const char *command, const char *instance)
{
	char script[128], conf[128], asked[128];
	const char *env[] = {conf, "PATH=/usr/bin:/bin", NULL};
	const char *argv[] = {"/bin/sh", script, command, instance, NULL};
	struct cmd_opts opts = {.timeout_ms = 20000, .env = env, .quiet = 1};

	snprintf(script, sizeof(script), "%s/script", dir);
	snprintf(conf, sizeof(conf), "RC_CONF=%s/rc.conf", dir);
	snprintf(asked, sizeof(asked), "%s/asked", dir);
	unlink(asked);
	*r = (struct result){.status = 0};
	cmd_run(argv, &opts, &r->out, &r->status, NULL);
	if (fs_read_file(asked, 4096, &r->asked, NULL, NULL) < 0)
		r->asked = strdup("");
}

static void finish(struct result *r)
{
	free(r->out);
	free(r->asked);
}

static void check(
    const char *command, const char *instance, int status, const char *asked)
{
	struct result r;

	run(&r, command, instance);
	if (r.status != status || strcmp(r.asked, asked) != 0)
		fail_msg("%s %s: %d, asked: %s", command,
		    instance != NULL ? instance : "", r.status, r.asked);
	finish(&r);
}

static void test_commands(void **state)
{
	(void)state;
	check("start", NULL, 0, "-i wlan up --wait 0\n");
	check("faststart", NULL, 0, "-i wlan up --wait 0\n");
	check("stop", NULL, 0, "-i wlan down\n");
	check("faststop", NULL, 0, "-i wlan down\n");
	check("restart", NULL, 0, "-i wlan down\n-i wlan up --wait 0\n");
	check("status", NULL, 0, "-i wlan status\n");
	check("console", NULL, 0, "-i wlan console --follow\n");
	check("suspend", NULL, 0, "-i wlan suspend\n");
	check("start", "other", 0, "-i other up --wait 0\n");
	check("console", "other", 0, "-i other console --follow\n");
	check("dance", NULL, 1, "");
	check("", NULL, 1, "");
}

static void test_disabled(void **state)
{
	(void)state;
	write_file("rc.conf", 0644, "bhyfi_enable=NO\n");
	check("start", NULL, 0, "");
	check("stop", NULL, 0, "");
	check("suspend", NULL, 0, "");
	check("resume", NULL, 0, "");
	check("onestart", NULL, 0, "-i wlan up --wait 0\n");
	check("onestop", NULL, 0, "-i wlan down\n");
	write_file("rc.conf", 0644, "\n");
	check("start", NULL, 0, "");
}

static void test_wait(void **state)
{
	(void)state;
	write_file("rc.conf", 0644,
	    "bhyfi_enable=YES\nbhyfi_instances=\"a b\"\nbhyfi_wait=30\n");
	/* Both boot before one is waited for. */
	check("start", NULL, 0,
	    "-i a up --wait 0\n-i b up --wait 0\n-i a up --wait 30\n-i b up --wait 30\n");
}

/* Line by line, whichever comes first. */
static void check_both(const char *command, int status, const char *a, const char *b)
{
	struct result r;

	run(&r, command, NULL);
	assert_int_equal(r.status, status);
	if (strstr(r.asked, a) == NULL || strstr(r.asked, b) == NULL ||
	    strlen(r.asked) != strlen(a) + strlen(b))
		fail_msg("%s: asked: %s", command, r.asked);
	finish(&r);
}

static void test_instances(void **state)
{
	(void)state;
	write_file("rc.conf", 0644, "bhyfi_enable=YES\nbhyfi_instances=\"a down\"\n");
	check("start", NULL, 1, "-i a up --wait 0\n-i down up --wait 0\n");
	/* One that does not run is nothing to stop. */
	check_both("stop", 0, "-i a down\n", "-i down down\n");
	check_both("suspend", 0, "-i a suspend\n", "-i down suspend\n");
	check("status", NULL, 1, "-i a status\n-i down status\n");
	/* The others are not forgotten over one that fails. */
	write_file("rc.conf", 0644, "bhyfi_enable=YES\nbhyfi_instances=\"broken a\"\n");
	check("start", NULL, 1, "-i broken up --wait 0\n-i a up --wait 0\n");
	check_both("stop", 1, "-i broken down\n", "-i a down\n");
	check_both("suspend", 1, "-i broken suspend\n", "-i a suspend\n");
}

/* It returns at once; cmd_run ends when the last that holds its output has gone. */
static void test_resume(void **state)
{
	(void)state;
	write_file("rc.conf", 0644, "bhyfi_enable=YES\nbhyfi_instances=\"a b\"\n");
	check_both("resume", 0, "-i a resume\n", "-i b resume\n");
}

/* rcorder(8)'s words at the top, and nothing that it does not know. */
static void test_header(void **state)
{
	static const char *const keywords[] = {"nojail", "shutdown", "suspend", "resume"};
	char AUTO_FREE *text = NULL;
	char *line;

	(void)state;
	assert_int_equal(fs_read_file(RC_SCRIPT, 65536, &text, NULL, NULL), 0);
	assert_non_null(strstr(text, "\n# PROVIDE: bhyfi\n"));
	assert_non_null(strstr(text, "\n# REQUIRE: FILESYSTEMS "));
	assert_non_null(strstr(text, "\n# BEFORE: devmatch netif\n"));
	line = strstr(text, "\n# KEYWORD: ");
	assert_non_null(line);
	line += strlen("\n# KEYWORD: ");
	*strchr(line, '\n') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (strncmp(line, keywords[i], strlen(keywords[i])) != 0)
			fail_msg("%s: expected %s", line, keywords[i]);
		line += strlen(keywords[i]);
		line += strspn(line, " ");
	}
	assert_int_equal(*line, '\0');
}

/* A daemon's control socket. */
static void make_socket(const char *instance)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.40s/run/%.16s", dir, instance);
	assert_int_equal(fs_mkdir_p(sun.sun_path, 0755, NULL), 0);
	snprintf(
	    sun.sun_path, sizeof(sun.sun_path), "%.40s/run/%.16s/control", dir, instance);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
}

static void test_sleep(void **state)
{
	char path[128], *script;

	(void)state;
	assert_int_equal(fs_read_file(SLEEP_SCRIPT, 65536, &script, NULL, NULL), 0);
	snprintf(path, sizeof(path), "%s/run", dir);
	script = replace(script, "@run@", path);
	snprintf(path, sizeof(path), "%s/bin", dir);
	script = replace(script, "@bindir@", path);
	write_file("script", 0755, script);
	free(script);
	check("suspend", NULL, 0, "");
	make_socket("a");
	make_socket("down");
	snprintf(path, sizeof(path), "%s/run/idle", dir);
	assert_int_equal(fs_mkdir_p(path, 0755, NULL), 0);
	check_both("suspend", 0, "-i a suspend\n", "-i down suspend\n");
	check_both("resume", 0, "-i a resume\n", "-i down resume\n");
	make_socket("broken");
	check("dance", NULL, 2, "");
	snprintf(path, sizeof(path), "%s/run/down", dir);
	assert_int_equal(fs_remove_tree(path, NULL), 0);
	check_both("resume", 1, "-i a resume\n", "-i broken resume\n");
	/* Else systemd would resume nobody. */
	check_both("suspend", 0, "-i a suspend\n", "-i broken suspend\n");
	/* What a killed daemon left. */
	snprintf(path, sizeof(path), "%s/run/broken", dir);
	assert_int_equal(fs_remove_tree(path, NULL), 0);
	snprintf(path, sizeof(path), "%s/run/idle/vm.json", dir);
	assert_int_equal(fs_write_atomic(path, 0600, "{}", 2, NULL), 0);
	check_both("resume", 0, "-i a resume\n", "-i idle resume\n");
}

#define IN_DIR(t) cmocka_unit_test_setup_teardown(t, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_DIR(test_commands),
	    IN_DIR(test_disabled),
	    IN_DIR(test_wait),
	    IN_DIR(test_instances),
	    IN_DIR(test_resume),
	    IN_DIR(test_sleep),
	    cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
