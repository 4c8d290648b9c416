#include "fbsd-tree.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd.h"
#include "fs.h"

char fbsd_root[] = "/tmp/bhyfi-fbsd-XXXXXX";

char *fbsd_at(const char *path)
{
	static char full[4][PATH_MAX];
	static unsigned next;
	char *p = full[next++ % 4];

	snprintf(p, PATH_MAX, "%s%s", fbsd_root, path);
	return p;
}

bool fbsd_has(const char *path)
{
	return access(fbsd_at(path), F_OK) == 0;
}

bool fbsd_has_vm(const char *instance)
{
	char dev[64];

	snprintf(dev, sizeof(dev), "/dev/vmm/bhyfi-%s", instance);
	return fbsd_has(dev);
}

bool fbsd_enter(void)
{
	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) < 0 ||
	    unshare(CLONE_NEWNET) < 0)
		return false;
	assert_non_null(mkdtemp(fbsd_root));
	return true;
}

/* The daemons that the doubles started: those whose pid file is locked. */
static void end_daemons(void)
{
	static const char *const patterns[] = {
	    "/var/run/*.pid", "/var/run/dhclient/*.pid"};
	glob_t g;

	for (size_t i = 0; i < 2; i++) {
		if (glob(fbsd_at(patterns[i]), 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++) {
			int fd = open(g.gl_pathv[k], O_RDONLY | O_CLOEXEC);
			char text[16] = "";

			if (read(fd, text, sizeof(text) - 1) > 0 && atoi(text) > 1 &&
			    flock(fd, LOCK_EX | LOCK_NB) < 0)
				kill(atoi(text), SIGKILL);
			close(fd);
		}
		globfree(&g);
	}
}

void fbsd_settle(void)
{
	int fd = open(fbsd_at("/var/double/busy"), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	close(fd);
}

void fbsd_install(void)
{
	const char *const argv[] = {FREEBSD_DOUBLE, "--install", fbsd_root, NULL};
	struct err e = ERR_INIT;

	end_daemons();
	fs_remove_tree(fbsd_root, NULL);
	if (cmd_run(argv, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

void fbsd_begin(void)
{
	memcpy(fbsd_root + strlen(fbsd_root) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(fbsd_root));
	fbsd_install();
}

void fbsd_reboot(void)
{
	const char *const argv[] = {FREEBSD_DOUBLE, "--reboot", fbsd_root, NULL};
	struct err e = ERR_INIT;

	if (cmd_run(argv, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

void fbsd_leave(void)
{
	end_daemons();
	fs_remove_tree(fbsd_root, NULL);
}

json_t *fbsd_state(void)
{
	json_t *state = json_load_file(fbsd_at("/var/double/state.json"), 0, NULL);

	assert_non_null(state);
	return state;
}

void fbsd_save(json_t *state)
{
	assert_int_equal(json_dump_file(state, fbsd_at("/var/double/state.json"), 0), 0);
	json_decref(state);
}

json_t *fbsd_card(json_t *state)
{
	return json_array_get(json_object_get(state, "pci"), 2);
}

const char *fbsd_driver(void)
{
	static char driver[32];
	json_t *state = fbsd_state();

	snprintf(driver, sizeof(driver), "%s",
	    json_string_value(json_object_get(fbsd_card(state), "driver")));
	json_decref(state);
	return driver;
}

void fbsd_fault(const char *program, int skip, const char *action, const char *message)
{
	json_t *state = fbsd_state();

	json_object_set_new(state, "fault",
	    json_pack("{s:s,s:i,s:s,s:s,s:i}", "program", program, "skip", skip, "action",
		action, "message", message, "status", 3));
	fbsd_save(state);
}

bool fbsd_fault_waits(void)
{
	json_t *state = fbsd_state();
	bool waits = json_object_get(state, "fault") != NULL;

	json_decref(state);
	return waits;
}

char *fbsd_log(void)
{
	char *text = NULL;

	assert_int_equal(
	    fs_read_file(fbsd_at("/var/double/log"), 1 << 20, &text, NULL, NULL), 0);
	assert_int_equal(truncate(fbsd_at("/var/double/log"), 0), 0);
	return text;
}

void fbsd_write(const char *path, const char *text)
{
	assert_int_equal(
	    fs_write_atomic(fbsd_at(path), 0644, text, strlen(text), NULL), 0);
}

void fbsd_in_order(const char *said, const char *const texts[])
{
	const char *from = said;

	for (; *texts != NULL; texts++) {
		from = strstr(from, *texts);
		if (from == NULL) {
			print_error(
			    "\"%s\" is not there, or too early, in:\n%s\n", *texts, said);
			fail();
		}
		from += strlen(*texts);
	}
}
