/* bhyfi setup as a command: usage, what it prints, exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "cleanup.h"
#include "cli-run.h"
#include "setup-tree.h"

static struct cli_run r;

static void run(int status, const char *a, const char *b, const char *c, const char *d)
{
	const char *const argv[] = {"bhyfi", "setup", "--root", root, a, b, c, d, NULL};

	cli_run(&r, argv);
	if (r.status != status)
		fail_msg("status %d, expected %d:\n%s%s", r.status, status, r.out, r.err);
}

static void said(const char *text)
{
	if (strstr(r.err, text) == NULL && strstr(r.out, text) == NULL)
		fail_msg("\"%s\" is not in:\n%s%s", text, r.out, r.err);
}

static void wrong_usage_is_status_2(void **state)
{
	(void)state;
	run(2, "--undo", "--card", "sim:wpa2", NULL);
	said("--undo takes back everything");
	run(2, "--yes", "--dry-run", NULL, NULL);
	said("exclude one another");
	run(2, "--card", "pci0", NULL, NULL);
	said("bhyfi: setup: --card: ");
	run(2, "--os", "plan9", NULL, NULL);
	said("expected freebsd or linux");
	run(2, "--card", "sim:wpa2", NULL, NULL);
	said("nobody can be asked here: nothing changed (--yes makes the changes");
	cli_run(&r, (const char *const[]){"bhyfi", "setup", "--root", "x", NULL});
	assert_int_not_equal(r.status, 0);
	run(1, NULL, NULL, NULL, NULL);
	said("--card says which card");
}

#ifdef __linux__
/* A Linux in a folder may have its sysfs in it. */
static void a_folders_own_card_is_found(void **state)
{
	static const char device[] = "/sys/bus/pci/devices/0000:05:00.0";
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/class", device);
	put(path, "0x028000\n");
	snprintf(path, sizeof(path), "%s/vendor", device);
	put(path, "0x8086\n");
	run(0, "--dry-run", NULL, NULL, NULL);
	said("+card = pci0:5:0:0");
	said("can not be passed through yet");
	cli_run(&r, (const char *const[]){"bhyfi", "cards", "--root", root, NULL});
	assert_int_equal(r.status, 0);
	said("pci0:5:0:0");
}
#endif

static void json_lists_and_changes_only_with_yes(void **state)
{
	AUTO_FREE char *before = look(), *after = NULL;
	json_t *o;

	(void)state;
	run(0, "--json", "--card", "sim:wpa2", NULL);
	after = look();
	assert_string_equal(after, before);
	o = json_loads(r.out, 0, NULL);
	assert_non_null(o);
	assert_false(json_is_true(json_object_get(o, "applied")));
	assert_true(json_array_size(json_object_get(o, "changes")) >= 2);
	assert_string_equal(json_string_value(json_object_get(o, "card")), "sim:wpa2");
	json_decref(o);
	run(0, "--json", "--yes", "--card", "sim:wpa2");
	o = json_loads(r.out, 0, NULL);
	assert_true(json_is_true(json_object_get(o, "applied")));
	json_decref(o);
	run(0, "--json", "--yes", NULL, NULL);
	o = json_loads(r.out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "changes")), 0);
	json_decref(o);
	run(0, NULL, NULL, NULL, NULL);
	said("Nothing to do.");
	run(0, "--undo", "--yes", NULL, NULL);
	said("+++ /dev/null");
	free(after);
	after = look();
	assert_string_equal(after, before);
	run(0, "--undo", NULL, NULL, NULL);
	said("Nothing to undo.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TREE(test) cmocka_unit_test_setup_teardown(test, new_tree, drop_tree)
	    TREE(wrong_usage_is_status_2),
#ifdef __linux__
	    TREE(a_folders_own_card_is_found),
#endif
	    TREE(json_lists_and_changes_only_with_yes),
	};

	return cmocka_run_group_tests_name("cli-setup", tests, NULL, NULL);
}
