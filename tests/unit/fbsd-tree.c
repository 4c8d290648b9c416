#include "fbsd-tree.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd.h"
#include "../system/ns.h"
#include "fs.h"

char fbsd_root[] = "/tmp/bhyfi-fbsd-XXXXXX";

static char *at(const char *path)
{
	static char full[4][PATH_MAX];
	static unsigned next;
	char *p = full[next++ % 4];

	snprintf(p, PATH_MAX, "%s%s", fbsd_root, path);
	return p;
}

bool fbsd_enter(void)
{
	struct err e = ERR_INIT;

	if (ns_check_tun(&e) < 0 || ns_enter(&e) < 0)
		return false;
	assert_non_null(mkdtemp(fbsd_root));
	return true;
}

void fbsd_install(void)
{
	const char *const argv[] = {FREEBSD_DOUBLE, "--install", fbsd_root, NULL};
	struct err e = ERR_INIT;

	fs_remove_tree(fbsd_root, NULL);
	if (cmd_run(argv, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

void fbsd_leave(void)
{
	fs_remove_tree(fbsd_root, NULL);
}

json_t *fbsd_state(void)
{
	json_t *state = json_load_file(at("/var/double/state.json"), 0, NULL);

	assert_non_null(state);
	return state;
}

void fbsd_save(json_t *state)
{
	assert_int_equal(json_dump_file(state, at("/var/double/state.json"), 0), 0);
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
	    fs_read_file(at("/var/double/log"), 1 << 20, &text, NULL, NULL), 0);
	assert_int_equal(truncate(at("/var/double/log"), 0), 0);
	return text;
}

void fbsd_write(const char *path, const char *text)
{
	assert_int_equal(fs_write_atomic(at(path), 0644, text, strlen(text), NULL), 0);
}
