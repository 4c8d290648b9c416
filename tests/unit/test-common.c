/* escape.c, err.c, fs.c, cmd.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "cmd.h"
#include "err.h"
#include "escape.h"
#include "fs.h"

static void check_escape(const char *in, size_t len, const char *want)
{
	char out[256];

	assert_int_equal(escape_text(in, len, out, sizeof(out)), strlen(want));
	assert_string_equal(out, want);
}

static void escape_keeps_text_and_disarms_the_rest(void **state)
{
	(void)state;
	check_escape("Caf\xc3\xa9 \"5G\"", 10, "Caf\xc3\xa9 \"5G\"");
	check_escape("a\\b", 3, "a\\\\b");
	check_escape("\x1b[2J\n\r\t\0z", 9, "\\x1b[2J\\x0a\\x0d\\x09\\x00z");
	check_escape("\xff\xc3", 2, "\\xff\\xc3");
	check_escape("\xc0\xaf", 2, "\\xc0\\xaf");          /* overlong */
	check_escape("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
	check_escape("\xc2\x9b", 2, "\\xc2\\x9b");          /* C1 CSI */
	check_escape("\xe2\x80\xae", 3, "\\xe2\\x80\\xae"); /* right-to-left override */
}

static void escape_cuts_whole_characters(void **state)
{
	char out[6];

	(void)state;
	assert_int_equal(escape_text("ab\x01g", 4, out, sizeof(out)), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(escape_text("abcdefgh", 8, out, sizeof(out)), 5);
	assert_int_equal(escape_text("abcd\xc3\xa9", 6, out, sizeof(out)), 4);
	assert_int_equal(escape_text("abc", 3, out, 0), 0);
}

static void errors_add_up(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_PRECONDITION, "line %d: \x1b[31m", 3), -1);
	assert_string_equal(e.msg, "line 3: \\x1b[31m");
	/* On through another process: not escaped twice. */
	char again[ERR_MSG_MAX];
	snprintf(again, sizeof(again), "%s", e.msg);
	err_set(&e, ERR_PRECONDITION, "%s", again);
	assert_string_equal(e.msg, "line 3: \\x1b[31m");
	err_hint(&e, "mend it");
	err_prefix(&e, "%s", "wlan.conf");
	assert_string_equal(e.msg, "wlan.conf: line 3: \\x1b[31m");
	assert_string_equal(e.hint, "mend it");
	assert_int_equal(e.code, ERR_PRECONDITION);
	err_sys(&e, ENOENT, "%s", "x");
	assert_string_equal(e.msg, "x: No such file or directory");
	assert_string_equal(e.hint, "");
	assert_int_equal(err_set(NULL, ERR_FAILED, "x"), -1);
	for (int i = 0; i < 100; i++)
		err_prefix(&e, "a long context that repeats");
	assert_true(strlen(e.msg) < ERR_MSG_MAX);
}

static void files_all_or_nothing(void **state)
{
	char dir[] = "/tmp/bhyfi-test-XXXXXX", path[128];
	struct err e = ERR_INIT;
	struct stat st;
	char *buf;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	snprintf(path, sizeof(path), "%s/a/b/c/file", dir);
	assert_int_equal(fs_write_atomic(path, 0600, "hello", 5, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fs_read_file(path, 5, &buf, &len, &e), 0);
	assert_int_equal(len, 5);
	assert_string_equal(buf, "hello");
	free(buf);
	assert_int_equal(fs_read_file(path, 4, &buf, &len, &e), -1);
	snprintf(path, sizeof(path), "%s/none/file", dir);
	assert_int_equal(fs_write_atomic(path, 0600, "x", 1, &e), -1);
	assert_int_equal(fs_read_file(dir, 100, &buf, &len, &e), -1);
	assert_int_equal(fs_remove_tree(dir, &e), 0);
	assert_int_equal(fs_remove_tree(dir, &e), 0);
	assert_int_equal(access(dir, F_OK), -1);
}

static void commands_succeed_and_fail(void **state)
{
	const char *const echo[] = {"sh", "-c", "echo out; echo err >&2", NULL};
	const char *const bad[] = {
	    "sh", "-c", "echo first >&2; echo why >&2; exit 3", NULL};
	const char *const none[] = {"bhyfi-no-such-program", NULL};
	const char *const sig[] = {"sh", "-c", "kill -9 $$", NULL};
	struct err e = ERR_INIT;
	char *out = NULL;
	int status;

	(void)state;
	assert_int_equal(cmd_run(echo, NULL, &out, &status, &e), 0);
	assert_string_equal(out, "out\n");
	free(out);
	assert_int_equal(cmd_run(bad, NULL, NULL, &status, &e), -1);
	assert_int_equal(status, 3);
	assert_string_equal(e.msg, "sh: exit status 3: why");
	assert_int_equal(cmd_run(none, NULL, NULL, &status, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(cmd_run(sig, NULL, NULL, &status, &e), -1);
	assert_string_equal(e.msg, "sh: killed by signal 9");
}

static void commands_are_bounded(void **state)
{
	const char *const slow[] = {"sh", "-c", "sleep 60 & sleep 60", NULL};
	const char *const much[] = {
	    "sh", "-c", "while :; do echo xxxxxxxxxxxxx; done", NULL};
	const struct cmd_opts t = {.timeout_ms = 100}, m = {.max_output = 1000};
	int64_t start = clock_ms();
	struct err e = ERR_INIT;
	char *out = NULL;

	(void)state;
	assert_int_equal(cmd_run(slow, &t, &out, NULL, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(cmd_run(much, &m, &out, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	assert_true(clock_ms() - start < 30000);
	assert_null(out);
}

static void quoting_reads_back(void **state)
{
	const char *const argv[] = {"ip", "it's", "", "a b", "$x;`y`", NULL};
	char *line = cmd_quote(argv);

	(void)state;
	assert_string_equal(line, "ip 'it'\\''s' '' 'a b' '$x;`y`'");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escape_keeps_text_and_disarms_the_rest),
	    cmocka_unit_test(escape_cuts_whole_characters),
	    cmocka_unit_test(errors_add_up),
	    cmocka_unit_test(files_all_or_nothing),
	    cmocka_unit_test(commands_succeed_and_fail),
	    cmocka_unit_test(commands_are_bounded),
	    cmocka_unit_test(quoting_reads_back),
	};

	return cmocka_run_group_tests_name("common", tests, NULL, NULL);
}
