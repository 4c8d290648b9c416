/*
 * tests/deps.sh on FreeBSD: by a double of pkg(8) that keeps which packages are
 * installed, knows a list of names, and wants to be asked as pkg does. The
 * other programs of the script are this system's own, but for uname and id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"

static char dir[] = "/tmp/bhyfi-deps-XXXXXX";

/* State: DIR/installed, a name a line; DIR/pkg-there: pkg is more than its stub. */
static const char pkg[] =
    "#!/bin/sh\n"
    "d=$(dirname \"$0\")\n"
    "echo \"pkg $*\" >> \"$d/log\"\n"
    "known=' meson ninja pkgconf curl libevent jansson inih cmocka iperf3 bhyve-firmware "
    "gnupg zstd '\n"
    "n=; [ \"$1\" != -N ] || { n=1; shift; }\n"
    "if [ ! -e \"$d/pkg-there\" ]; then\n"
    "  [ -z \"$n\" ] || { echo 'pkg: pkg is not installed' >&2; exit 1; }\n"
    "  [ \"$ASSUME_ALWAYS_YES\" = yes ] || exit 1\n"
    "  : > \"$d/pkg-there\"\n"
    "fi\n"
    "case $1 in\n"
    "info) [ \"$2\" = -e ] && [ $# = 3 ] || exit 64; grep -qx \"$3\" \"$d/installed\" "
    ";;\n"
    "install) [ \"$2\" = -y ] || exit 1; shift 2\n"
    "  for p; do case $known in *\" $p \"*) ;;\n"
    "  *) echo \"pkg: No packages available to install matching '$p'\" >&2; exit 1 ;;\n"
    "  esac; done\n"
    "  [ ! -e \"$d/broken\" ] || { echo 'pkg: no route to host' >&2; exit 3; }\n"
    "  for p; do echo \"$p\" >> \"$d/installed\"; done ;;\n"
    "*) echo \"pkg: unknown command: $1\" >&2; exit 64 ;;\n"
    "esac\n";

static void put(const char *name, const char *text, mode_t mode)
{
	char path[128];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(fs_write_atomic(path, mode, text, strlen(text), &e), 0);
}

static char *get(const char *name)
{
	char path[128], *text = NULL;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(fs_read_file(path, 65536, &text, NULL, NULL), 0);
	return text;
}

static int begin(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	put("pkg", pkg, 0755);
	put("uname", "#!/bin/sh\necho FreeBSD\n", 0755);
	put("id", "#!/bin/sh\necho 0\n", 0755);
	put("installed", "meson\n", 0644);
	put("log", "", 0644);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

/* Its output and error together, the caller's. */
static char *deps(const char *purposes, int want)
{
	char command[512], *out = NULL;
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	struct err e = ERR_INIT;
	int status;

	snprintf(command, sizeof(command), "PATH=%s:$PATH exec %s %s 2>&1", dir, DEPS_SH,
	    purposes);
	cmd_run(argv, &(struct cmd_opts){.ok_status = want}, &out, &status, &e);
	if (status != want)
		fail_msg("status %d, expected %d: %s %s", status, want, e.msg,
		    out != NULL ? out : "");
	return out;
}

static void what_is_missing_is_said_and_installed(void **state)
{
	AUTO_FREE char *said = NULL, *log = NULL, *have = NULL, *again = NULL;

	(void)state;
	put("pkg-there", "", 0644);
	said = deps("build run demo check", 0);
	assert_string_equal(said,
	    "These packages are missing and will be installed: ninja pkgconf curl "
	    "libevent "
	    "jansson inih cmocka iperf3 zstd bhyve-firmware gnupg\nInstalled.\n");
	have = get("installed");
	assert_string_equal(have,
	    "meson\nninja\npkgconf\ncurl\nlibevent\njansson\ninih\ncmocka\n"
	    "iperf3\nzstd\nbhyve-firmware\ngnupg\n");
	/* Twice is once. */
	put("log", "", 0644);
	again = deps("build run demo check", 0);
	assert_string_equal(again, "");
	log = get("log");
	assert_null(strstr(log, "install"));
}

static void a_system_without_pkg_gets_it(void **state)
{
	AUTO_FREE char *said = deps("run", 0), *have = get("installed");

	(void)state;
	assert_non_null(strstr(said, "bhyve-firmware\nInstalled."));
	assert_non_null(strstr(have, "bhyve-firmware\n"));
}

static void what_fails_is_shown(void **state)
{
	AUTO_FREE char *said = NULL;

	(void)state;
	put("pkg-there", "", 0644);
	put("broken", "", 0644);
	said = deps("run", 1);
	assert_non_null(strstr(said, "pkg: no route to host\n"));
	assert_non_null(strstr(said, "could not be installed"));
}

static void a_user_does_it_by_sudo(void **state)
{
	AUTO_FREE char *said = NULL;

	(void)state;
	put("pkg-there", "", 0644);
	put("id", "#!/bin/sh\necho 1001\n", 0755);
	put("sudo", "#!/bin/sh\necho \"sudo $*\" >> ${0%/*}/log\nexec \"$@\"\n", 0755);
	said = deps("run", 0);
	AUTO_FREE char *log = get("log");
	assert_non_null(strstr(
	    log, "sudo env ASSUME_ALWAYS_YES=yes pkg install -y bhyve-firmware\n"));
}

static void a_purpose_that_is_none_is_refused(void **state)
{
	AUTO_FREE char *said = deps("build nothing", 2);

	(void)state;
	assert_non_null(strstr(said, "nothing: no such purpose"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_missing_is_said_and_installed),
	    TEST(a_system_without_pkg_gets_it),
	    TEST(what_fails_is_shown),
	    TEST(a_user_does_it_by_sudo),
	    TEST(a_purpose_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
